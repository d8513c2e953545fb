"""Would they have been found? Each kind of intruder planted in the case's own records, and looked for as anybody is.

A planted intruder is *found* where one of his clients on one of his accounts becomes part of an intrusion that it was no
part of before, or a lead within the budget that is a client the account did not have. A lead to the owner's own client
finds nobody: whoever follows it sees the owner. A session planted into an hour in which no source able to show it is held
leaves no record, and is taken out before anybody looks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.archive.store import Archive
from dwell.hunt.hunting import Hunted
from dwell.model.markings import Marking, MarkingKind, MarkingVerdict
from dwell.model.power import Power, PowerRow
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.model.settings import LEADS_PER_WEEK, Setting
from dwell.scope.access import Accesses
from dwell.scope.actors import actors_of
from dwell.scope.cells import HOUR_US
from dwell.scope.clients import Clients, clients_of
from dwell.scope.clocks import clock_pairs
from dwell.scope.darkening import darken
from dwell.scope.departures import Departures, departures_of
from dwell.scope.groundwork import groundwork
from dwell.scope.habits import ties
from dwell.scope.identities import Identities
from dwell.scope.intrusions import intrusions_of
from dwell.scope.kin import kin_of
from dwell.scope.lacking import lower_by
from dwell.scope.leads import budget_of, ranking
from dwell.scope.ledger import NO_HOST, Ledger
from dwell.scope.marked import marked_by, whole_ties
from dwell.scope.names import learn
from dwell.scope.plantings import Ground, Kind, Planted, kinds, plant
from dwell.scope.reconcile import reconcile
from dwell.scope.rollup.run import Progress
from dwell.scope.services import services_of
from dwell.scope.session_terms import Beside, beside_of
from dwell.scope.settings import said_in
from dwell.scope.silences import own_lines
from dwell.scope.snapshots import snapshots
from dwell.scope.traces import traces_of
from dwell.scope.weighed import weighed

__all__ = ["Steps", "Word", "power_in", "power_of"]

HOURS_A_WEEK = 168

Key = tuple[str, str, str]
Steps = Callable[[str, int, int], None]
"""Told (kind, plantings done, plantings in all)."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a set of sessions shows, by account, network and agent.

    Attributes:
        leads: rank of each lead within the budget.
        taken: what is held to be an intruder's.
        ties: every tie.
    """

    leads: Mapping[Key, int]
    taken: frozenset[Key]
    ties: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says of the case, and the case of who left: a planted case is judged by it as the case itself is.

    Attributes:
        settings: those in force.
        markings: those in force.
        per_week: leads that can be looked at in a week of the case's time.
        gone: who left.
        beside: what is known beside the sessions.
    """

    settings: tuple[Setting, ...] = ()
    markings: tuple[Marking, ...] = ()
    per_week: int = LEADS_PER_WEEK
    gone: Departures = field(default_factory=Departures)
    beside: Beside = field(default_factory=Beside)

    @property
    def rests(self) -> tuple[str, ...]:
        """Give what the figures rest on, in words."""
        return (*(one.told for one in self.settings), *(one.told for one in self.markings if not one.beside))


NOBODY_SAID = Word()


def _clients(
    accesses: Accesses, identities: Identities, word: Word, excused: frozenset[RecordRef] = frozenset()
) -> tuple[Clients, npt.NDArray[np.int64]]:
    """Judge sessions as the answers do.

    Args:
        accesses: the sessions.
        identities: names.
        word: what a person says.
        excused: records of sessions of intrusions that a marking calls ours.
    """
    services = services_of(accesses)
    said = said_in(word.settings, identities, accesses)
    skip = services.served & ~said.elsewhere
    scored = ties(accesses, skip, said.working)
    marked = marked_by((*said.markings, *_without_intrusions(word.markings)), accesses, ())
    ours = marked.ours.copy()
    if excused:
        ours[accesses.of_records(excused)] = True
        ours &= ~marked.theirs
    clients = clients_of(accesses, scored, whole_ties(accesses, scored, ours), services.served)
    clients = weighed(clients, accesses, skip, word.beside, kin_of(accesses, word.beside.units), word.gone)
    return clients, np.array(list(services.accounts), np.int64)


def _without_intrusions(markings: Sequence[Marking]) -> list[Marking]:
    return [one for one in markings if one.kind is not MarkingKind.INTRUSION]


def _excused(accesses: Accesses, identities: Identities, word: Word) -> frozenset[RecordRef]:
    """Give the records of the sessions of intrusions that a marking calls ours."""
    called = [one for one in word.markings if one.kind is MarkingKind.INTRUSION and not one.beside]
    called = [one for one in called if one.verdict is MarkingVerdict.OURS]
    if not called:
        return frozenset()
    clients, _ = _clients(accesses, identities, NOBODY_SAID)
    marked = marked_by(called, accesses, (), intrusions_of(actors_of(clients), (), accesses, clients))
    return frozenset(accesses.refs(np.flatnonzero(marked.ours)))


def _shown(accesses: Accesses, clients: Clients, weeks: float, per_week: int) -> _Shown:
    """Look for leads and intrusions as the answers do."""

    def keys(rows: Sequence[int]) -> list[Key]:
        columns = (clients.column(one)[np.array(rows, np.int64)].tolist() for one in ("account", "network", "agent"))
        return [
            (accesses.names[account], accesses.networks[lan], accesses.agents[tool])
            for account, lan, tool in zip(*columns, strict=True)
        ]

    order, _, _ = ranking(clients, weeks, per_week)
    taken = [row for actor in actors_of(clients) for row in actor.ties]
    leads = {key: rank for rank, key in enumerate(keys(order.tolist()), 1)}
    return _Shown(leads, frozenset(keys(taken)), frozenset(keys(range(clients.ties.num_rows))))


def _recorded(planted: Planted, kind: Kind, ledger: Ledger, identities: Identities) -> pa.Table:
    """Give the planted sessions that fall into hours in which a source able to show them is held, as the answers count."""
    hours = planted.table["first_utc"].cast(pa.int64()).to_numpy() // HOUR_US - ledger.first_hour
    size = ledger.last_hour - ledger.first_hour
    kept = np.zeros(len(hours), np.bool_)
    places: dict[tuple[str, str], list[int]] = {}
    for place, key in enumerate(
        zip(planted.table["host"].to_pylist(), planted.table["actor"].to_pylist(), strict=True)
    ):
        places.setdefault((key[0] or NO_HOST, key[1] or ""), []).append(place)
    for (host, actor), rows in places.items():
        less = own_lines(ledger, host, identities.label(actor) or actor, identities.label)
        seen, _ = ledger.seen(host, kind.way.able, ledger.first_hour, ledger.last_hour, less, kind.way.key)
        mine = hours[rows]
        within = (mine >= 0) & (mine < size)
        kept[np.array(rows)[within]] = seen[mine[within]]
    return planted.table.filter(pa.array(kept))


def _planted_keys(accesses: Accesses) -> frozenset[Key]:
    """Give account, network and agent of the planted sessions, as they are named in the case."""
    rows = np.flatnonzero(accesses.having("evidence_id", "planted") & (accesses.account >= 0) & (accesses.network >= 0))
    return frozenset(
        (accesses.names[account], accesses.networks[lan], accesses.agents[tool])
        for account, lan, tool in zip(
            accesses.account[rows].tolist(), accesses.network[rows].tolist(), accesses.agent[rows].tolist(), strict=True
        )
    )


@dataclass(frozen=True, slots=True)
class _Field:
    """The case that is planted in."""

    sessions: pa.Table
    identities: Identities
    ledger: Ledger
    weeks: float
    before: _Shown
    ground: Ground
    word: Word
    excused: frozenset[RecordRef]


@dataclass(frozen=True, slots=True)
class _Tried:
    """What one planting gave: shares of mailboxes taken into an intrusion and of sessions recorded, rank of a lead."""

    mailboxes: float
    rank: int | None
    recorded: float
    planted: Planted


def _try(case: _Field, kind: Kind, seed: str, number: int) -> _Tried:
    """Plant once, and look."""
    planted = plant(case.ground, kind, seed, number)
    left = _recorded(planted, kind, case.ledger, case.identities)
    share = left.num_rows / planted.table.num_rows
    if not left.num_rows:
        return _Tried(0.0, None, share, planted)
    accesses = Accesses(pa.concat_tables([case.sessions, left]), case.identities)
    clients, _ = _clients(accesses, case.identities, case.word, case.excused)
    after = _shown(accesses, clients, case.weeks, case.word.per_week)
    his = _planted_keys(accesses)
    taken = (his & after.taken) - case.before.taken
    rank = min((after.leads[one] for one in his - case.before.ties if one in after.leads), default=None)
    return _Tried(len({one[0] for one in taken}) / len(planted.accounts), rank, share, planted)


def power_of(
    sessions: pa.Table,
    identities: Identities,
    ledger: Ledger,
    *,
    seed: str,
    stamp: str,
    plantings: int,
    wanted: Sequence[str] = (),
    of: Sequence[Kind] = (),
    word: Word = NOBODY_SAID,
    steps: Steps | None = None,
) -> Power:
    """Plant each kind of intruder so many times and say how often he was found.

    Args:
        sessions: the case's sessions (`rollup.shapes.SESSIONS`); left as they are.
        identities: names.
        ledger: what was covered.
        seed: what chance is drawn from: the evidence's hashes.
        stamp: what the result is made from.
        plantings: how often each kind is planted.
        wanted: keys of kinds; all where none is named.
        of: kinds to choose from; those of the file where none is given.
        word: what a person says of the case.
        steps: told how far it is.
    """
    accesses = Accesses(sessions, identities)
    excused = _excused(accesses, identities, word)
    clients, services = _clients(accesses, identities, word, excused)
    weeks = (ledger.last_hour - ledger.first_hour) / HOURS_A_WEEK
    budget, judged = budget_of(weeks, word.per_week), max(1, int(clients.outside.sum()))
    said = said_in(word.settings, identities, accesses)
    ground = Ground(accesses, clients, services, said.vips)
    before = _shown(accesses, clients, weeks, word.per_week)
    case = _Field(accesses.rolled, identities, ledger, weeks, before, ground, word, excused)
    chosen = [one for one in of or kinds() if not wanted or one.key in wanted]
    rows = []
    for place, kind in enumerate(chosen):
        tried = []
        for number in range(plantings if ground.mine else 0):
            if steps is not None:
                steps(kind.key, place * plantings + number, len(chosen) * plantings)
            tried.append(_try(case, kind, seed, number))
        rows.append(_row(kind, tried, min(1.0, budget / judged)))
    if steps is not None:
        steps("", len(chosen) * plantings, len(chosen) * plantings)
    return Power(stamp, len(accesses), len(ground.mine), budget, tuple(rows), word.rests, len(ground.vips))


def _row(kind: Kind, tried: Sequence[_Tried], by_lot: float) -> PowerRow:
    """Put the plantings of one kind together; `by_lot` is the share of all ties that the budget takes."""
    count = max(1, len(tried))
    first = tried[0].planted if tried else None
    ranks = sorted(one.rank for one in tried if one.rank is not None)
    accounts = len(first.accounts) if first else 0
    return PowerRow(
        kind.key,
        kind.title,
        len(tried),
        accounts,
        first.months if first else 0,
        sum(one.mailboxes > 0 or one.rank is not None for one in tried),
        sum(one.mailboxes > 0 for one in tried),
        round(sum(one.mailboxes for one in tried) / count, 4),
        ranks[(len(ranks) - 1) // 2] if ranks else None,
        round(1 - (1 - by_lot) ** accounts, 4),
        round(sum(one.recorded for one in tried) / count, 4),
    )


def power_in(
    archive: Archive,
    paths: Mapping[EvidenceId, Sequence[str]],
    *,
    stamp: str,
    plantings: int,
    outgrown: Mapping[EvidenceId, EvidenceId] | None = None,
    folders: Mapping[EvidenceId, str] | None = None,
    hunted: Hunted | None = None,
    written: Mapping[EvidenceId, str] | None = None,
    wanted: Sequence[str] = (),
    of: Sequence[Kind] = (),
    settings: Sequence[Setting] = (),
    markings: Sequence[Marking] = (),
    per_week: int = LEADS_PER_WEEK,
    workers: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    steps: Steps | None = None,
) -> Power:
    """Plant in a case; nothing of it is written anywhere.

    Args:
        archive: the case's archive.
        paths: where each piece of evidence lay.
        stamp: what the result is made from.
        plantings: how often each kind is planted.
        outgrown: the longest copy that was read of each log, by its shorter copies.
        folders: the folder that stands for each file's host where nothing names one.
        hunted: what the hunt gave: hits of rules tell of logs that were deleted.
        written: last-write time of each piece of evidence, ISO 8601; it dates an export that has no date of its own.
        wanted: keys of kinds; all where none is named.
        of: kinds to choose from; those of the file where none is given.
        settings: what a person says once of the organisation.
        markings: what a person says of clients, sessions and intrusions.
        per_week: leads that can be looked at in a week of the case's time.
        workers: processes for the wide pass.
        cache: folder where folded tables are kept between runs.
        progress: told how far the wide pass is.
        steps: told how far the planting is.

    Raises:
        CustodyError: a data file is not what was written.
    """
    base = groundwork(archive, paths, outgrown or {}, folders or {}, workers=workers, cache=cache, progress=progress)
    rolled, logs, ledger, layers = base.rolled, base.logs, base.ledger, base.layers
    clocks = clock_pairs(rolled.tables["requests"])
    lower_by(ledger, reconcile(archive, layers, ledger, logs.paths, logs.shortfalls, clocks))
    seed = hashlib.sha256("\n".join(sorted(paths)).encode()).hexdigest()
    states = snapshots(archive, paths, written or {}, {host for host, _ in ledger.lines})
    identities = learn(archive, states.made())
    accesses = Accesses(rolled.tables["sessions"], identities, rolled.tables["grounds"])
    gone = departures_of(archive, rolled.tables["changes"], identities, accesses, states.days("directory"))
    beside = beside_of(archive, identities, rolled.tables["messages"])
    traces = base.alike.traces(traces_of(hunted, base.unnamed)) if hunted is not None else ()
    darken(
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
    return power_of(
        rolled.tables["sessions"],
        identities,
        ledger,
        word=Word(tuple(settings), tuple(markings), per_week, gone, beside),
        seed=seed,
        stamp=stamp,
        plantings=plantings,
        wanted=wanted,
        of=of,
        steps=steps,
    )
