"""Everything the records allow to be said of a case, computed in one go: the answers only put it into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dwell.archive.store import Archive
from dwell.engine.memory import return_freed
from dwell.hunt.hunting import Hunted
from dwell.model.clocks import ClockCorrection
from dwell.model.markings import Marking
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.model.settings import LEADS_PER_WEEK, Setting, SettingKind
from dwell.scope.access import Accesses
from dwell.scope.actors import actors_of
from dwell.scope.address_ties import with_neighbours, with_sign_ins
from dwell.scope.affected import Toll, tolls
from dwell.scope.app_use import through_apps
from dwell.scope.apps import App, apps_of
from dwell.scope.as_tables import AsTable
from dwell.scope.as_ties import Systems, systems_of
from dwell.scope.builds import BuildSeen, builds_seen
from dwell.scope.chains import with_apps
from dwell.scope.changes import ACCOUNT, Change, changes_of
from dwell.scope.clients import Clients, clients_of
from dwell.scope.clocks import ClockPair, clock_pairs
from dwell.scope.cmdlet_origins import Origins, Ran
from dwell.scope.cmdlet_requests import with_requests
from dwell.scope.cmdlets import Cmdlet, cmdlets_of
from dwell.scope.computers import Computer, computers_of
from dwell.scope.copies import (
    Disagreement,
    Doubled,
    disagreements,
    doubled,
    events_left_out,
)
from dwell.scope.darkening import darken
from dwell.scope.departures import Departures, departures_of
from dwell.scope.doors import Visit, came_in
from dwell.scope.exploit_ties import joined_by_mailboxes
from dwell.scope.exploits import exploits_of
from dwell.scope.exposure import Exposed, exposures_of
from dwell.scope.flows import Flow, new_flows
from dwell.scope.forgery import EwsCall, Forged, ews_calls, forged_requests
from dwell.scope.grants import grants_of
from dwell.scope.groundwork import groundwork
from dwell.scope.habits import ties
from dwell.scope.identities import Identities
from dwell.scope.instants import Told, instants_of
from dwell.scope.intrusions import Held, intrusions_of, kept_names
from dwell.scope.kin import kin_of
from dwell.scope.lacking import Reconciled, lower_by
from dwell.scope.leads import Ranked, leads_of
from dwell.scope.ledger import Ledger
from dwell.scope.local_times import LocalTime, local_times
from dwell.scope.log_settings import LogSettings
from dwell.scope.mail_doubts import NONE, Doubts, doubts_of
from dwell.scope.marked import NOTHING, Marked, beside_ours, marked_by
from dwell.scope.marked_intrusions import intrusions_marked
from dwell.scope.named_servers import NamedServer, named_servers, put_named, unasked, with_named
from dwell.scope.names import learn
from dwell.scope.namesakes import Namesakes, tenants_of
from dwell.scope.prehistory import PreHistory, search_before
from dwell.scope.reach import Addresses, Hop, Logon, logons_beyond, logons_of, usable_addresses
from dwell.scope.reconcile import reconcile
from dwell.scope.remote_shells import in_remote_shells, shells_of, strangers_of
from dwell.scope.removals import removals_of
from dwell.scope.revocations import Revoked, revocations
from dwell.scope.rollup.run import Progress
from dwell.scope.server_addresses import addresses_by_server
from dwell.scope.services import services_of
from dwell.scope.session_terms import beside_of
from dwell.scope.settings import NOTHING_SET, Said, said_in
from dwell.scope.silences import Silences
from dwell.scope.snapshots import Snapshots, snapshots
from dwell.scope.sprays import Spray, sprays_of, with_sprays
from dwell.scope.states import Backup, FileState, PasswordSet, backups, file_states, passwords
from dwell.scope.taking_ties import Links, to_outside, with_takings
from dwell.scope.takings import Taking, takings_of
from dwell.scope.tenant_acts import TenantAct, tenant_acts
from dwell.scope.told_logons import told_logons
from dwell.scope.traces import Trace, traces_of
from dwell.scope.two_formats import TwoFormats, two_formats
from dwell.scope.unrecorded import Unrecorded
from dwell.scope.untold import untold_requests
from dwell.scope.visitors import Visits, visits_of
from dwell.scope.weighed import weighed

__all__ = ["Investigation", "investigate"]

HOURS_A_WEEK = 168


@dataclass(frozen=True, slots=True)
class Investigation:
    """What the records allow to be said.

    Attributes:
        tables: tables of the archive that hold something.
        ledger: what was covered.
        identities: names.
        accesses: sessions.
        services: accounts that open mailboxes of others by their work, and how many.
        served: per session, whether it is part of a service's rounds; these are not judged.
        clients: ties and clusters.
        held: intrusions, the first seen first.
        exposed: what each did to each mailbox.
        ranked: leads.
        forged: forged requests, whoever made them.
        calls: what the EWS log says of forged calls, by request id.
        traces: hits of our rules.
        cmdlets: the cmdlets that traces rest on, by record.
        hunted: what the hunt gave.
        builds: builds seen.
        logons: Windows logons.
        server_addresses: addresses of the mail servers themselves.
        addresses: the same by server, with those from which their own accounts logged on elsewhere.
        told_logons: logons that are told of by a machine's name, or elsewhere than in the field for an address.
        hops: logons by which hosts beyond mail, and mail servers themselves, were reached or tried.
        files: file inventories.
        passwords: when passwords were set.
        backups: restore points.
        local_times: logs in local time, and how they were read.
        two_formats: files in which another format begins, which was not read.
        changes: tasks, services and accounts that event logs say came or went.
        revoked: tokens that were revoked in the tenant.
        snapshots: what exports tell of states, each with its date.
        removals: acts that took away what others had made.
        apps: applications that were given rights on mail or a secret, with what each read.
        outgrown: files that are shorter copies of logs.
        doubled: what is in the archive twice all the same.
        left_out: events that were left out because another file holds them, and of how many files.
        disagreements: records that contradict others of the same number, or the `#Date` line above them.
        clocks: how far the clocks of logs agree that tell of the same requests, after what is corrected.
        corrected: clocks that are off for certain; the instants of all else here are corrected for it.
        takings: mail that was exported, copied or is sent on by cmdlet, by whomever.
        doubts: mailboxes that an intrusion may have taken mail of though no record says so.
        sprays: passwords that were tried against many names and let somebody in.
        marked: what a person's markings speak of.
        unmarked: the same as it would be without any marking or setting, clocks dated by what is set; None where none
            makes a difference.
        undated: the same without any word on clocks either; None where no such word corrects anything.
        flows: connections from exploited servers and reached hosts that began with an intrusion.
        said: what the settings of the case come to.
        systems: autonomous systems of the networks; None where no table is set.
        untold: requests in web logs that may be forged calls, of which no log tells where they were sent.
        computers: computers of the directory, with what it says they are for.
        named_servers: mail servers that are named, and of which no log of requests is held.
        departures: accounts that went away, and whether they were used afterwards.
        reconciled: what comes of holding the logs of the same requests against each other.
        silences: acts that switched recording off; the ledger's cells are lowered by them.
        log_settings: what settings say of logs, each with its date; the ledger's cells are lowered by them.
        unrecorded: mailboxes of the tenant of which records stop though nothing held says why; their cells are lowered.
        before: what lies before the first act of the intrusions; None where there are none.
        alike: hosts whose name is that of several.
        tenants: organisations that audit records are of, by their ids.
        beside_mail: what the tenant's records hold beside mail from addresses of an intrusion.
    toll: persons affected, by exposed mailbox and altogether.
        instants: how records came by their instants, by host and table.
        visits: who was answered at a door to cmdlets, by hour.
    """

    tables: tuple[str, ...]
    ledger: Ledger
    identities: Identities
    accesses: Accesses
    services: Mapping[str, int]
    served: npt.NDArray[np.bool_]
    clients: Clients
    held: tuple[Held, ...]
    exposed: tuple[Exposed, ...]
    ranked: Ranked
    forged: tuple[Forged, ...]
    calls: Mapping[str, EwsCall]
    traces: tuple[Trace, ...]
    cmdlets: Mapping[RecordRef, Cmdlet]
    hunted: Hunted
    builds: tuple[BuildSeen, ...]
    logons: tuple[Logon, ...]
    server_addresses: frozenset[str]
    files: tuple[FileState, ...]
    passwords: tuple[PasswordSet, ...]
    backups: tuple[Backup, ...]
    local_times: tuple[LocalTime, ...] = ()
    two_formats: tuple[TwoFormats, ...] = ()
    changes: tuple[Change, ...] = ()
    revoked: tuple[Revoked, ...] = ()
    snapshots: Snapshots = field(default_factory=Snapshots)
    removals: tuple[Cmdlet, ...] = ()
    apps: tuple[App, ...] = ()
    outgrown: int = 0
    doubled: tuple[Doubled, ...] = ()
    left_out: tuple[int, int] = (0, 0)
    disagreements: tuple[Disagreement, ...] = ()
    clocks: tuple[ClockPair, ...] = ()
    marked: Marked = NOTHING
    unmarked: Investigation | None = None
    undated: Investigation | None = None
    flows: tuple[Flow, ...] = ()
    said: Said = NOTHING_SET
    systems: Systems | None = None
    untold: tuple[Trace, ...] = ()
    computers: tuple[Computer, ...] = ()
    named_servers: tuple[NamedServer, ...] = ()
    departures: Departures = field(default_factory=Departures)
    corrected: tuple[ClockCorrection, ...] = ()
    takings: tuple[Taking, ...] = ()
    doubts: Doubts = NONE
    sprays: tuple[Spray, ...] = ()
    reconciled: Reconciled = field(default_factory=Reconciled)
    silences: Silences = field(default_factory=Silences)
    log_settings: LogSettings = ()
    unrecorded: tuple[Unrecorded, ...] = ()
    before: PreHistory | None = None
    alike: Namesakes = field(default_factory=lambda: Namesakes({}))
    tenants: tuple[str, ...] = ()
    beside_mail: tuple[TenantAct, ...] = ()
    toll: Toll = field(default_factory=lambda: Toll({}))
    instants: Told = field(default_factory=dict)
    visits: tuple[Visit, ...] = ()
    addresses: Addresses = field(default_factory=dict)
    told_logons: tuple[Logon, ...] = ()
    hops: tuple[Hop, ...] = ()


def _reach(case: Investigation, archive: Archive) -> Investigation:
    """Follow the intrusions to the hosts that they went on to."""
    if not case.held:
        return replace(case, hops=(), flows=())
    told = case.told_logons or told_logons(archive, case.identities)
    servers, logons = case.ledger.servers(), (*case.logons, *told)
    own = case.addresses or addresses_by_server(archive, logons, servers)
    made = [(one.host, one.at_utc) for one in case.changes if one.made and one.kind != ACCOUNT]
    hops = logons_beyond(logons, case.held, set(servers), own, made)
    flows = new_flows(archive, usable_addresses(logons, case.held, hops, own))
    return replace(case, addresses=own, told_logons=told, hops=hops, flows=flows)


def _visits(archive: Archive, held: Sequence[Held], acts: Sequence[Ran]) -> Visits:
    """Find the requests of those addresses that exploited a server, at the times of cmdlets."""
    addresses = {text.partition(" ")[0] for one in held if one.exploited for text in one.clients}
    return visits_of(archive, addresses, [one.at_utc for one in acts])


def investigate(
    archive: Archive,
    hunted: Hunted,
    paths: Mapping[EvidenceId, Sequence[str]],
    *,
    written: Mapping[EvidenceId, str] | None = None,
    outgrown: Mapping[EvidenceId, EvidenceId] | None = None,
    folders: Mapping[EvidenceId, str] | None = None,
    markings: Sequence[Marking] = (),
    settings: Sequence[Setting] = (),
    table: AsTable | None = None,
    per_week: int = LEADS_PER_WEEK,
    corrected: Sequence[ClockCorrection] = (),
    workers: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Investigation:
    """Work out what the records allow to be said.

    Args:
        archive: the case's archive.
        hunted: what the hunt gave.
        paths: where each piece of evidence lay.
        written: last-write time of each, ISO 8601; it dates an export that has no date of its own.
        outgrown: the longest copy that was read of each log, by its shorter copies.
        folders: the folder that stands for each file's host where nothing names one.
        markings: what a person says of clients, sessions, intrusions, mailboxes and statements.
        settings: what a person says once of the organisation.
        table: autonomous systems, where a table of them is set.
        per_week: leads that can be looked at in a week of the case's time.
        corrected: what the archive corrects of clocks.
        workers: processes for the wide pass.
        cache: folder where folded tables are kept between runs.
        progress: told how far the wide pass is.

    Raises:
        CustodyError: a data file is not what was written.
    """
    return_freed()
    base = groundwork(archive, paths, outgrown or {}, folders or {}, workers=workers, cache=cache, progress=progress)
    rolled, unnamed, alike, logs, ledger, layers = (
        base.rolled, base.unnamed, base.alike, base.logs, base.ledger, base.layers,
    )  # fmt: skip
    computers = computers_of(archive)
    quiet = [one for one in settings if one.kind is SettingKind.NO_CLIENTS]
    named = named_servers(archive, computers, ledger, [one.value for one in quiet])
    every = named_servers(archive, computers, ledger) if quiet else named
    put_named(ledger, named)
    clocks = clock_pairs(rolled.tables["requests"])
    reconciled = reconcile(archive, layers, ledger, logs.paths, logs.shortfalls, clocks)
    lower_by(ledger, reconciled)
    states = snapshots(archive, paths, written or {}, {host for host, _ in ledger.lines})
    identities = learn(archive, states.made())
    rolled.let_go()
    accesses = Accesses(rolled.tables["sessions"], identities, rolled.tables["grounds"], rolled.let_go)
    services = services_of(accesses)
    scored = ties(accesses, services.served)
    gone = departures_of(archive, rolled.tables["changes"], identities, accesses, states.days("directory"))
    beside = beside_of(archive, identities, rolled.tables["messages"])
    kin = kin_of(accesses, beside.units)
    clients = clients_of(accesses, scored, served=services.served)
    clients = weighed(clients, accesses, services.served, beside, kin, gone)
    forged = forged_requests(rolled.tables["proxy"])
    calls = ews_calls(archive, forged)
    traces = alike.traces(traces_of(hunted, unnamed))
    dark = darken(
        ledger,
        archive,
        logs,
        layers,
        rolled.tables["logon_hours"],
        accesses,
        identities,
        states,
        traces,
        beside.servers,
    )
    logons = logons_of(rolled.tables["logons"], identities)
    apps = apps_of(archive, identities)
    takings = with_requests(archive, takings_of(archive, identities.label), identities.label)
    takings = to_outside(takings, accesses, identities)
    grants = with_requests(archive, grants_of(archive, identities.label), identities.label)
    acts: list[Ran] = [*takings, *grants]
    prompts = shells_of(archive, acts, identities.label)
    shells = in_remote_shells(prompts, takings)
    known = len(identities.mailboxes() or accesses.names)
    exploits = (*joined_by_mailboxes(exploits_of(forged, traces), calls, identities, known), *strangers_of(shells))
    held = with_sign_ins(intrusions_of(actors_of(clients), exploits, accesses, clients), accesses)
    held = with_neighbours(held, accesses, clients)
    held = through_apps(held, apps, accesses, identities)
    held = with_apps(held, apps, accesses, logons, identities)
    origins = Origins(acts, accesses, prompts.clients)
    listed = "directory" in archive.tables()
    links = Links(accesses, _visits(archive, held, acts), origins, listed, identities.is_system)
    sprays = sprays_of(accesses)
    held = with_takings(with_sprays(held, sprays, accesses), takings, links, identities)
    systems = systems_of(table, accesses, clients) if table is not None else None
    messages, weeks = rolled.tables["messages"], (ledger.last_hour - ledger.first_hour) / HOURS_A_WEEK
    builds = builds_seen(rolled.tables["builds"])
    exposed = exposures_of(held, accesses, messages, calls, identities)
    found = Investigation(
        tables=tuple(archive.tables()),
        ledger=ledger,
        identities=identities,
        accesses=accesses,
        services={accesses.names[one]: count for one, count in services.accounts.items()},
        served=services.served,
        clients=clients,
        held=held,
        exposed=exposed,
        ranked=leads_of(accesses, clients, held, weeks, systems, gone.used(), per_week, kin),
        forged=forged,
        calls=calls,
        traces=traces,
        cmdlets=cmdlets_of(archive, traces),
        hunted=hunted,
        builds=builds,
        logons=logons,
        server_addresses=beside.servers,
        files=file_states(archive),
        passwords=passwords(archive),
        backups=backups(archive),
        local_times=local_times(archive),
        two_formats=two_formats(archive, paths),
        changes=changes_of(rolled.tables["changes"], identities),
        revoked=revocations(archive, identities),
        snapshots=states,
        removals=removals_of(archive) if traces else (),
        apps=apps,
        outgrown=len(outgrown or {}),
        doubled=doubled(archive),
        left_out=events_left_out(archive),
        disagreements=disagreements(archive, paths),
        clocks=clocks,
        systems=systems,
        untold=untold_requests(archive, traces, builds),
        computers=computers,
        named_servers=named,
        departures=gone,
        corrected=tuple(corrected),
        takings=takings,
        doubts=doubts_of(held, takings, grants, links, identities, ledger.dark()),
        sprays=sprays,
        reconciled=reconciled,
        silences=dark.silences,
        log_settings=dark.log_settings,
        unrecorded=dark.unrecorded,
        before=search_before(accesses, clients, services.served, held, beside, per_week),
        alike=alike,
        tenants=tenants_of(archive),
        beside_mail=tenant_acts(archive, held, accesses, identities),
        toll=tolls(archive, exposed, identities),
        instants=instants_of(archive, rolled.hours),
        visits=came_in(rolled.tables["doors"]),
    )
    found = _reach(found, archive)
    if not markings and not settings:
        return found
    left_out = frozenset(one.host for one in every) - {one.host for one in named}
    said = said_in(settings, identities, accesses)
    said = replace(said, before_all=unasked(quiet, every), unasked=left_out)
    unsaid = replace(found, ledger=with_named(ledger, every), named_servers=every) if said.before_all else found
    found = replace(found, said=said)
    marked = marked_by((*said.markings, *markings), accesses, (*forged, *traces, *shells), held)
    if not marked.changes and not said.rejudging:
        return replace(found, marked=marked, unmarked=unsaid if said.before_all else None)
    skip = services.served
    if said.rejudging:
        skip = services.served & ~said.elsewhere
        scored = ties(accesses, skip, said.working)
    clients = clients_of(accesses, scored, marked.ties(accesses, scored), services.served)
    clients = weighed(clients, accesses, skip, beside, kin, gone)
    kept = exploits_of(
        [one for one in forged if one not in marked.our_acts], [one for one in traces if one not in marked.our_acts]
    )
    kept = joined_by_mailboxes(kept, calls, identities, known)
    kept = (*kept, *strangers_of([one for one in shells if one not in marked.our_acts]))
    remade = with_sign_ins(intrusions_of(actors_of(clients), kept, accesses, clients), accesses, marked.ours)
    remade = with_neighbours(remade, accesses, clients, marked.ours)
    remade = through_apps(remade, apps, accesses, identities)
    remade = with_apps(remade, apps, accesses, logons, identities)
    tried = [one for one in sprays if not len(marked.ours) or not marked.ours[list(one.rows)].any()]
    remade = with_takings(with_sprays(remade, tried, accesses), takings, links, identities)
    systems = systems_of(table, accesses, clients) if table is not None else None
    held = kept_names(remade, held)
    held = (*(beside_ours(one, marked) for one in held), *intrusions_marked(marked, accesses, held))
    exposed = exposures_of(held, accesses, messages, calls, identities)
    found = replace(
        found,
        clients=clients,
        held=held,
        exposed=exposed,
        beside_mail=tenant_acts(archive, held, accesses, identities),
        doubts=doubts_of(held, takings, grants, links, identities, ledger.dark()),
        toll=tolls(archive, exposed, identities),
        ranked=leads_of(accesses, clients, held, weeks, systems, gone.used(), per_week, kin),
        systems=systems,
        marked=marked,
        unmarked=unsaid,
        before=search_before(accesses, clients, services.served, held, beside, per_week),
    )
    return _reach(found, archive)
