"""How far did they get beyond mail: which hosts, services, databases, other agencies?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from dwell.answers.book import Book
from dwell.answers.foothold import leaves
from dwell.answers.mailboxes import UNTOLD, requests_untold, untold
from dwell.answers.phrases import count, instant, listed, percent, span, whole_span
from dwell.model.addresses import address, network
from dwell.model.claims import Answer, Outcome, Question, ReachFinding, ReachVerdict
from dwell.model.coverage import Coverage
from dwell.model.instants import utc_us
from dwell.model.provenance import RecordRef
from dwell.scope.cells import HOUR_US
from dwell.scope.chains import key_traces
from dwell.scope.computers import MAIL_SERVER
from dwell.scope.exploits import ENTRIES, Act
from dwell.scope.flows import FLOW_TABLES, PORTS, Flow
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import MANAGEMENT
from dwell.scope.reach import (
    CLASSES,
    Hop,
    Logon,
    addresses_of_hosts,
    class_of_hosts,
    credentials_used,
    over_the_network,
)
from dwell.scope.rollup.ual import TENANT
from dwell.scope.tenant_acts import TenantAct
from dwell.scope.unable import LOGON, NO_LOGON

__all__ = ["answer", "findings"]

SECURITY = {"evtx/Security"}
ON_SERVER: Mapping[str, Collection[str]] = {
    "requests": {"iis", "httpproxy"},
    "logons": SECURITY,
    "cmdlets": {MANAGEMENT},
}
"""Logs able to show that something was done on a mail server, and not only read through it, by the kind of act: where those
of one are missing, the others do not stand in for them."""
_SINCE = " of the time since the first act of an intrusion"
_BY_KIND = "; by kind of act: "
GROUNDS_MAX = 10
NAMED_MAX = 12
"""Hosts of one class of which no log is held that are told one by one; of more the first are named in one line."""
_SIGN_INS_ONLY = "of the tenant only sign-ins are held, which end where its services begin"
_OURS_UNKNOWN = "whose they are no record tells"


def _asked(case: Investigation) -> tuple[int, int]:
    """Give the hours that reach is asked of: from the first act of any intrusion on, as none before could show any."""
    first, last = whole_span(case)
    if case.held:
        first = max(first, min(utc_us(one.first_utc) // HOUR_US for one in case.held))
    return first, max(last, first + 1)


def _on_server(case: Investigation, host: str) -> Coverage:
    """Say for how much of the time acts on a mail server would be seen: as the kind of acts that is covered least."""
    found = [case.ledger.coverage([host], able, *_asked(case), what, act=LOGON) for what, able in ON_SERVER.items()]
    each = ", ".join(f"{what} {percent(one)}" for what, one in zip(ON_SERVER, found, strict=True))
    least = min(found, key=lambda one: one.share or 0.0)
    why = f"{least.why}{_BY_KIND}{each}"
    return Coverage(
        least.hours_able, least.hours_asked, tuple(sorted({one for cov in found for one in cov.sources})), why
    )


def _mail_servers(case: Investigation) -> list[ReachFinding]:
    """Say of each mail server whether an intruder ran anything on it, or only read mail through it."""
    out = []
    mail = over_the_network(
        (*case.logons, *case.told_logons), case.held, case.hops, case.ledger.servers(), case.addresses
    )
    for host in case.ledger.servers():
        coverage = _on_server(case, host)
        hops = [one for one in case.hops if one.logon.host == host]
        net = [(one, ours) for one, ours in mail if one.host == host]
        acts = [one for held in case.held for one in held.acts if one.host == host]
        best = max((one.outcome for one in acts), key=lambda one: one.rank, default=None)
        refs = [ref for held in case.held for one in held.traces if one.host == host for ref in one.grounds]
        refs += [one.ground for held in case.held for one in held.forged if one.host == host]
        shaped = [one for one in untold(case) if one.host == host]
        if best is not None and best.rank >= Outcome.SUCCESS.rank:
            verdict, why = ReachVerdict.REACHED, f"exploited, furthest step: {best.value}"
        elif any(one.came for one in hops):
            verdict, why = ReachVerdict.REACHED, _came(hops)
            refs += [one.logon.ground for one in hops if one.came]
        elif best is not None:
            verdict, why = ReachVerdict.ATTEMPTED, f"furthest step: {best.value}"
        elif shaped:
            verdict, why = ReachVerdict.ATTEMPTED, f"{requests_untold(shaped)} {UNTOLD}"
            refs += [ref for one in shaped for ref in one.grounds]
        elif hops or any(ours for _, ours in net):
            verdict, why = ReachVerdict.ATTEMPTED, "logons that failed" if hops else _over_network(net)
            refs += [one.logon.ground for one in hops] + [one.ground for one, _ in net]
        else:
            verdict, why, grounds = _unseen(case, host, coverage, net)
            refs += grounds
        out.append(ReachFinding(host, MAIL_SERVER, verdict, coverage, why, tuple(refs[:GROUNDS_MAX])))
    return out


def _unseen(
    case: Investigation, host: str, coverage: Coverage, net: Sequence[tuple[Logon, bool]]
) -> tuple[ReachVerdict, str, list[RecordRef]]:
    """Say of a mail server on which nothing is seen whether anything could have been."""
    if net:
        return ReachVerdict.NOT_COVERED, _over_network(net), [one.ground for one, _ in net]
    if not coverage.hours_able:
        each = coverage.why.partition(_BY_KIND)[2]
        why = f"of what could show it, since the first act of an intrusion, is held: {each}" if case.held else each
        return ReachVerdict.NOT_COVERED, why, []
    done: list[Act] = [*case.forged, *case.traces]
    ours = sorted({name for one in done if one.host == host for name in case.marked.named(one)})
    but = f" but what {listed(ours)} calls ours" if ours else ""
    return ReachVerdict.NO_SIGN, f"no act beyond mail{but} is seen on the server itself", []


def _came(hops: Sequence[Hop]) -> str:
    """Say who logged on to a host, from where, and by which others."""
    hop = min((one for one in hops if one.came), key=lambda each: len(each.path))
    way = f", by way of {', then '.join(hop.path)}" if hop.path else ""
    one = hop.logon
    return f"{one.account or 'an account'} logged on from {one.client} at {instant(one.first_utc)}{way}"


def _over_network(net: Sequence[tuple[Logon, bool]]) -> str:
    """Say who logged on to a mail server over the network: what for, such a record does not tell."""
    one = net[0][0]
    ended = "was refused" if all(each.refused for each, _ in net) else "logged on over the network"
    return (
        f"{one.account or 'an account'} {ended} from {one.client}, first at {instant(one.first_utc)}: whoever reads mail "
        "does so too, and what else was done there the record does not tell"
    )


def _without_address(case: Investigation) -> list[str]:
    """Give the exploited servers of which no IIS log is held: it alone tells a server's own addresses."""
    exploited = {host for held in case.held if held.exploited for host in held.hosts}
    return sorted(host for host in exploited if (host, "iis") not in case.ledger.lines)


def _host(case: Investigation, host: str, kind: str, hops: list[Hop]) -> ReachFinding:
    """Say of a host beyond mail whose event logs are held what they show."""
    first, last = _asked(case)
    coverage = case.ledger.coverage([host], SECURITY, first, last, "a logon (Security log)", act=LOGON)
    refs = tuple(one.logon.ground for one in hops[:GROUNDS_MAX])
    acts = [one for held in case.held for one in held.traces if one.host == host]
    if acts:
        best = max((one.outcome for one in acts), key=lambda one: one.rank)
        verdict = ReachVerdict.REACHED if best.rank >= Outcome.PARTIAL.rank else ReachVerdict.ATTEMPTED
        told = listed(sorted({one.title for one in acts}))
        refs = (*(ref for one in acts for ref in one.grounds), *refs)[:GROUNDS_MAX]
        return ReachFinding(host, kind or "server", verdict, coverage, f"acts of an intrusion on it: {told}", refs)
    if any(one.came for one in hops):
        return ReachFinding(host, kind or "server", ReachVerdict.REACHED, coverage, _came(hops), refs)
    if hops:
        return ReachFinding(host, kind or "server", ReachVerdict.ATTEMPTED, coverage, _tried(hops), refs)
    if not coverage.hours_able:
        silent = case.ledger.coverage([host], SECURITY, first, last, "a logon (Security log)").hours_able
        why = f"its Security log is held, and {NO_LOGON}" if silent else _no_log(case, host)
        return ReachFinding(host, kind or "server", ReachVerdict.NOT_COVERED, coverage, why)
    if unknown := _without_address(case):
        why = f"no IIS log held names the addresses of {listed(unknown)}, exploited: such a logon looks like any other"
        return ReachFinding(host, kind or "server", ReachVerdict.NOT_COVERED, coverage, why)
    why = "no logon from an exploited mail server, an intruder's address or a host he reached"
    return ReachFinding(host, kind or "server", ReachVerdict.NO_SIGN, coverage, why)


def _tried(hops: Sequence[Hop]) -> str:
    """Say of a host on which nobody is seen to have been let in from where an intruder was what was tried."""
    named = [one.logon for one in hops if one.logon.client is None and not one.logon.refused]
    if not named:
        return "logons that failed"
    one = named[0]
    return (
        f"{one.account or 'an account'} was let in at {instant(one.first_utc)} from a machine that called itself "
        f"{one.workstation}, as it never was before the intrusion; the record has no address, and a name can be made up"
    )


def _no_log(case: Investigation, host: str) -> str:
    """Say that no Security log of the time asked of is held."""
    if case.ledger.coverage([host], SECURITY, *whole_span(case), "a logon").hours_able:
        return "its Security log is held, and none of it since the first act of an intrusion"
    return "its Security log is not held"


def _tenant(case: Investigation) -> ReachFinding | None:
    """Say of the cloud tenant whether an intruder's client acted in it."""
    if not {"ual", "entra_audit", "signins"} & set(case.tables):
        return None
    coverage = case.ledger.coverage([TENANT], {"ual"}, *_asked(case), "acts in the tenant (audit export)")
    seen = [ref for held in case.held for app in held.apps for one in app.given for ref in [one.ground]]
    seen += [
        ref for one in case.exposed for ref in one.references() if ref.table == "ual"
    ]  # an exposure rests on the tenant's records only where an intruder's client acted in it
    whys = ["an intruder's client, or an application tied to him, acts in the audit records"] if seen else []
    certain = [one for one in case.beside_mail if one.certain]
    if certain:
        whys.append(f"beside mail: {_acts(certain)}")
    signed = _signed_in(case)
    if signed and not whys:
        whys.append(f"accounts of {listed(sorted(signed))} signed in from where that intrusion came")
    if whys:
        refs = (*seen, *(one.ground for one in certain), *(ref for refs in signed.values() for ref in refs))
        grounds = tuple(dict.fromkeys(refs))[:GROUNDS_MAX]
        return ReachFinding(TENANT, "cloud", ReachVerdict.REACHED, coverage, "; ".join(whys), grounds)
    if case.beside_mail:
        why = f"{_acts(case.beside_mail)}: {_OURS_UNKNOWN}"
        grounds = tuple(one.ground for one in case.beside_mail[:GROUNDS_MAX])
        return ReachFinding(TENANT, "cloud", ReachVerdict.NOT_COVERED, coverage, why, grounds)
    refused = _refused(case)
    if refused:
        why = f"accounts of {listed(sorted(refused))} were refused at sign-in from where that intrusion came"
        grounds = tuple(ref for refs in refused.values() for ref in refs)[:GROUNDS_MAX]
        return ReachFinding(TENANT, "cloud", ReachVerdict.ATTEMPTED, coverage, why, grounds)
    if not coverage.hours_able:
        only = not {"ual", "entra_audit"} & set(case.tables)
        why = _SIGN_INS_ONLY if only else "no audit records that show it are held"
        return ReachFinding(TENANT, "cloud", ReachVerdict.NOT_COVERED, coverage, why)
    why = "no client of an intrusion acts in the audit records"
    return ReachFinding(TENANT, "cloud", ReachVerdict.NO_SIGN, coverage, why)


def _acts(found: Sequence[TenantAct]) -> str:
    """Put into words what the tenant's records hold beside mail from addresses of intrusions."""
    often = Counter(one.operation for one in found)
    names = [name for name, _ in sorted(often.items(), key=lambda one: (-one[1], one[0]))]
    first = min(found, key=lambda one: (one.first_utc, one.ground))
    last = max(one.last_utc for one in found)
    whose = listed(sorted({one.account for one in found}))
    return (
        f"{listed(names)} by {whose} from {listed(sorted({one.client for one in found}))}, an address or network of "
        f"{listed(sorted({one.intrusion for one in found}))}, {span(first.first_utc, last)}"
    )


def _signed_in(case: Investigation) -> dict[str, list[RecordRef]]:
    """Give the first records of intrusions' own sign-ins to the tenant, by intrusion."""
    accesses = case.accesses
    there = accesses.ok & (accesses.having("table", "signins") | accesses.having("table", "ual"))
    out: dict[str, list[RecordRef]] = {}
    for held in case.held:
        rows = [row for row in held.rows if there[row]][:GROUNDS_MAX]
        if rows:
            out[held.id] = accesses.refs(rows)
    return out


def _refused(case: Investigation) -> dict[str, list[RecordRef]]:
    """Give the first refused sign-ins to the tenant of accounts of intrusions from their addresses, by intrusion."""
    accesses = case.accesses
    there = accesses.refused & (accesses.having("table", "signins") | accesses.having("table", "ual"))
    rows = np.flatnonzero(there)
    clients = accesses.rows(rows, ("client",))["client"].to_pylist() if len(rows) else []
    out: dict[str, list[RecordRef]] = {}
    for held in case.held:
        known = {text.partition(" ")[0] for text in held.clients}
        mine = [
            row
            for row, client in zip(rows.tolist(), clients, strict=True)
            if {client, network(client)} & known
            and accesses.names[int(accesses.account[row])] in held.accounts
            and int(accesses.last[row]) >= utc_us(held.first_utc)
        ]
        if mine:
            out[held.id] = accesses.refs(mine[:GROUNDS_MAX])
    return out


def _with_credentials(
    case: Investigation, found: list[ReachFinding], beyond: Sequence[Hop], mail_hosts: Collection[str]
) -> list[ReachFinding]:
    """Take what hosts that were left tell of where to: a password was used there; with what end is not told."""
    used = dict(credentials_used(case.logons, case.held, beyond, mail_hosts))
    out = []
    for one in found:
        mine = used.pop(_short(one.system), None)
        if mine is not None and one.verdict in {ReachVerdict.NO_SIGN, ReachVerdict.NOT_COVERED}:
            refs = tuple(each.ground for each in mine[:GROUNDS_MAX])
            why = f"{_credentials(mine)}; in its own logs: {one.why}"
            out.append(replace(one, verdict=ReachVerdict.ATTEMPTED, why=why, grounds=refs))
        else:
            out.append(one)
    for target, mine in sorted(used.items()):
        coverage = case.ledger.coverage(
            sorted({one.host for one in mine}), SECURITY, *whole_span(case), "the use of a password (4648)", act=LOGON
        )
        refs = tuple(one.ground for one in mine[:GROUNDS_MAX])
        name = target if address(target) is not None else target.upper()
        out.append(ReachFinding(name, "server", ReachVerdict.ATTEMPTED, coverage, _credentials(mine), refs))
    return out


def _credentials(found: Sequence[Logon]) -> str:
    accounts = sorted({one.account or "an account" for one in found})
    hosts = sorted({one.host for one in found})
    return (
        f"on {listed(hosts)} the password of {listed(accounts)} was used to sign in to it, first at "
        f"{instant(found[0].first_utc)} and not before the intrusion (4648); whether it was let in only its own log tells"
    )


def _short(system: str) -> str:
    return system.lower() if address(system) is not None else system.partition(".")[0].lower()


def _unheld(case: Investigation, found: Sequence[ReachFinding], spoken_of: Collection[str]) -> list[ReachFinding]:
    """Say of the hosts that the directory puts into a class of which others have logs that they have none."""
    known = {_short(one.system) for one in found}
    out = []
    for kind in CLASSES:
        dark = [one for one in case.computers if one.kind == kind and one.host not in known and kind in spoken_of]
        coverage = Coverage(0, 0, (), "no log of such a system is held")
        if len(dark) > NAMED_MAX:
            refs = tuple(one.ground for one in dark[:GROUNDS_MAX])
            why = (
                f"the directory makes them {kind}: {listed([one.host.upper() for one in dark])}; no log of them is held"
            )
            many = f"{len(dark)} others of class {kind}"
            out.append(ReachFinding(many, kind, ReachVerdict.NOT_COVERED, coverage, why, refs))
            continue
        for one in dark:
            why = f"no log of it is held; the directory makes it one of class {kind}: {one.why}"
            name = one.host.upper()
            out.append(ReachFinding(name, kind, ReachVerdict.NOT_COVERED, coverage, why, (one.ground,)))
    return out


def _with_flows(case: Investigation, found: list[ReachFinding]) -> list[ReachFinding]:
    """Take what flows tell: a connection is no logon, so it reaches nothing, and it is no silence either."""
    names = {address: host for host, addresses in addresses_of_hosts(case.logons).items() for address in addresses}
    by_system: dict[str, list[Flow]] = {}
    for flow in case.flows:
        by_system.setdefault(names.get(flow.target, flow.target), []).append(flow)
    tables = set(FLOW_TABLES)
    coverage = case.ledger.coverage(case.ledger.hosts(tables), tables, *whole_span(case), "a connection (flows)")
    out = []
    for one in found:
        flows = by_system.pop(one.system, None)
        if flows is not None and one.verdict in {ReachVerdict.NO_SIGN, ReachVerdict.NOT_COVERED}:
            refs = tuple(flow.ground for flow in flows[:GROUNDS_MAX])
            why = f"{_spoke(flows)}; in its own logs: {one.why}"
            out.append(ReachFinding(one.system, one.system_class, ReachVerdict.ATTEMPTED, one.coverage, why, refs))
        else:
            out.append(one)
    for system, flows in sorted(by_system.items()):
        kinds = sorted({kind for flow in flows if (kind := PORTS.get(flow.port or 0)) is not None})
        refs = tuple(flow.ground for flow in flows[:GROUNDS_MAX])
        kind = kinds[0] if len(kinds) == 1 else "server"
        out.append(ReachFinding(system, kind, ReachVerdict.ATTEMPTED, coverage, _spoke(flows), refs))
    return out


def _spoke(flows: Sequence[Flow]) -> str:
    ports = sorted({flow.port for flow in flows if flow.port is not None})
    sources = sorted({flow.source for flow in flows})
    first = min(flow.first_utc for flow in flows)
    how = "tried and refused" if all(flow.refused for flow in flows) else "made; what was done there no flow tells"
    on = f" on port {listed([str(one) for one in ports])}" if ports else ""
    many = count(sum(flow.count for flow in flows), "connection")
    return f"{many} from {listed(sources)}{on}, none before the intrusion, the first at {instant(first)}: {how}"


def _first_logons(case: Investigation, book: Book, mail_hosts: Collection[str]) -> None:
    """Tell the hosts on which an account of an intrusion is first seen after its first act: its owner, or the intruder."""
    for held in case.held:
        accounts = set(held.accounts)
        seen: dict[tuple[str, str], list[Logon]] = {}
        for one in case.logons:
            if (
                one.account in accounts
                and one.account
                and one.host not in mail_hosts
                and not one.refused
                and one.client
            ):
                seen.setdefault((one.account, one.host), []).append(one)
        for (account, host), mine in sorted(seen.items()):
            first = min(mine, key=lambda each: (each.first_utc, each.ground))
            hour = int(held.first_utc.timestamp()) // 3600
            before = case.ledger.coverage([host], SECURITY, case.ledger.first_hour, hour, "an earlier logon", act=LOGON)
            if first.first_utc < held.first_utc:
                continue
            book.inferred(
                f"{account}, an account of {held.id}, is first seen on {host} after that intrusion's first act: from "
                f"{first.client} at {instant(first.first_utc)}.",
                [one.ground for one in mine],
                before,
                [
                    "its owner may have logged on himself: a logon does not tell who had the password",
                    f"before, the Security log of {host} covers {percent(before)} of the hours",
                ],
                on="first-logon",
            )


def findings(case: Investigation) -> tuple[ReachFinding, ...]:
    """Give every system that can be spoken of, and every class of systems that cannot."""
    mail_hosts = set(case.ledger.servers())
    beyond = case.hops
    found = _mail_servers(case)
    # a read of the directory is recorded where it was answered
    answered = {one.host for held in case.held for one in key_traces(held) if one.value("Properties") is not None}
    kinds = {**class_of_hosts(case.logons, mail_hosts), **dict.fromkeys(answered - mail_hosts, "directory")}
    for host in case.ledger.hosts({"evtx"}):
        if host not in mail_hosts:
            found.append(_host(case, host, kinds.get(host, ""), [one for one in beyond if one.logon.host == host]))
    tenant = _tenant(case)
    if tenant is not None:
        found.append(tenant)
    found = [_as_the_directory_says(case, one) for one in found]
    spoken_of = {one.system_class for one in found}
    found = _with_credentials(case, _with_flows(case, found), beyond, mail_hosts)
    found = [_as_the_directory_says(case, one) for one in found]
    found += _unheld(case, found, spoken_of)
    for kind, needed in CLASSES.items():
        if kind not in spoken_of:
            coverage = Coverage(0, 0, (), "no log of such a system is held")
            known = [one for one in case.computers if one.kind == kind]
            names = f"the directory names {listed([one.host for one in known])}; " if known else ""
            refs = tuple(one.ground for one in known[:GROUNDS_MAX])
            found.append(ReachFinding(kind, kind, ReachVerdict.NOT_COVERED, coverage, f"{names}needed: {needed}", refs))
    return tuple(found)


def _as_the_directory_says(case: Investigation, one: ReachFinding) -> ReachFinding:
    """Class a host that its own logs do not class by what the directory says of it, with the record that says so."""
    if one.system_class != "server" or address(one.system) is not None:
        return one
    name = one.system.partition(".")[0].lower()
    known = next((each for each in case.computers if each.host == name and each.kind), None)
    if known is None:
        return one
    why = f"{one.why}; the directory makes it one of class {known.kind}: {known.why}"
    return replace(one, system_class=known.kind, why=why, grounds=(*one.grounds, known.ground))


def answer(case: Investigation, found: tuple[ReachFinding, ...]) -> tuple[Answer, Book]:
    """Answer the question."""
    book = Book(Question.REACH)
    for one in found:
        coverage = one.coverage
        if one.verdict in {ReachVerdict.REACHED, ReachVerdict.ATTEMPTED}:
            by_flow = any(ref.table in FLOW_TABLES for ref in one.grounds)
            book.recorded(
                f"{one.system} ({one.system_class}): {one.verdict.value}; {one.why}.",
                one.grounds,
                coverage,
                ["what was spoken to before the flows held begin is not known"] if by_flow else (),
            )
        elif one.verdict is ReachVerdict.NO_SIGN and coverage is not None:
            share = f"{percent(coverage)}{_SINCE if case.held else ''}"
            book.no_sign(
                f"{one.system} ({one.system_class}): no sign, with a coverage of {share}; {one.why}.",
                coverage,
                f"{one.system}: not covered; {one.why}.",
                on="no-sign-reach",
            )
        else:
            book.unknown(f"{one.system}: not covered; {one.why}.")
    for trace in case.traces:
        if not trace.catalogue.startswith((*ENTRIES, "AF-")) and not leaves(trace):
            book.recorded(
                f"{trace.title} on {trace.host}: {count(trace.count, 'record')}, {span(trace.first_utc, trace.last_utc)}.",
                trace.grounds,
                None,
                ["a rule meets a shape of text; what it means is for the reader to judge"],
            )
    _first_logons(case, book, set(case.ledger.servers()))
    refused = [one for one in case.logons if one.refused]
    if refused and case.held:
        hosts = sorted({one.host for one in refused})
        book.recorded(
            f"{count(sum(one.count for one in refused), 'failed logon')} to {listed(hosts)} "
            "in the Security logs held; none is laid to an intrusion by itself.",
            [one.ground for one in refused],
        )
    reached = [one.system for one in found if one.verdict is ReachVerdict.REACHED]
    dark = [one.system for one in found if one.verdict is ReachVerdict.NOT_COVERED]
    if not case.held:
        verdict = "No intrusion is known whose reach could be followed"
    elif reached:
        verdict = f"Reached: {listed(reached)}"
    else:
        told = [one for one in found if one.verdict is ReachVerdict.NO_SIGN]
        verdict = f"No system is seen to have been reached, of {count(len(told), 'system')} whose logs are held"
    if dark:
        verdict += f"; nothing can be said of: {listed(dark, 12)}"
    return book.answer(verdict + "."), book
