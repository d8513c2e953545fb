"""On which days a rule that ran could not have been met, host by host, and why.

A day of a host counts against a rule where each of its kinds of record is out of the question on it: no record of the log
is held, or events that are always written where they are switched on are not in it, or a field that the condition needs was
not recorded. A field or an event that merely did not occur is no reason. Days are whole days in UTC; they are held as bits
of one number for each host, so that thousands of rules over years of many hosts are a handful of operations.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from typing import TypeVar

import numpy as np

from dwell.hunt.daysheld import days_in
from dwell.hunt.holders import ANY, Holder, log_kinds
from dwell.hunt.patterns import Indices
from dwell.hunt.reach import SERVER_TABLES, TOLD_MAX
from dwell.hunt.ruleset import Node, Rule, RuleSet, Where
from dwell.hunt.senses import Senses
from dwell.hunt.unwritten import AUDITED
from dwell.hunt.wide import FileReport
from dwell.model.blind_days import BlindDays, BlindWhy
from dwell.model.claims import RuleOutcome, RuleStatus

__all__ = ["ALWAYS_WRITTEN", "BUSY_RECORDS", "DaysOfRules", "days_unseen", "with_days"]

ALWAYS_WRITTEN: Mapping[tuple[str, int], str] = {
    ("Security", 4688): AUDITED[4688],
    ("Microsoft-Windows-Sysmon/Operational", 1): "Sysmon writes it unless its configuration leaves it out",
}
"""Events of which a machine that runs writes some every day, where they are switched on at all: processes start."""
BUSY_RECORDS = 100
"""So many records of a log on one day, and not one of such an event: it was not written."""
_FIRST_DAY, _LAST_DAY = date(1990, 1, 1).toordinal(), date(2100, 1, 1).toordinal()
_EPOCH = date(1970, 1, 1).toordinal()
_APART_DAYS = 5 * 366
"""Days that lie further from all others of a host are of records with wrong instants: nothing is asked between."""
_NAMES_MAX = 8
_ORDER = tuple(BlindWhy)

Bits = int
"""Days as the bits of a number: bit 0 is the first of January 1990."""
_Name = TypeVar("_Name", bound=Hashable)
_Reason = tuple[BlindWhy, str]
_Layer = tuple[_Reason, Bits]
_Key = tuple[int, frozenset[tuple[frozenset[str], str]]]
"""A kind of record, and the sets of places without which a condition cannot be true on it, each with what is said of it."""
Possible = Callable[[Node, frozenset[str]], bool]
"""Says whether a condition can be true where some places are not recorded."""


@dataclass(slots=True)
class _Log:
    """The days of one log of one host.

    Attributes:
        counts: what `days_told` gave, file by file.
        spans: evidence files, each with first and last day.
        covered: days with records, and those between two records of one evidence file.
        busy: days with `BUSY_RECORDS` records.
    """

    counts: list[Indices] = field(default_factory=list)
    spans: list[Indices] = field(default_factory=list)
    covered: Bits = 0
    busy: Bits = 0

    def settle(self) -> None:
        """Work out the days, once all files are known."""
        days, records = np.concatenate(self.counts).T
        used, back = np.unique(days, return_inverse=True)
        sums = np.bincount(back, weights=records)
        self.busy = _bits(used[sums >= BUSY_RECORDS])
        self.covered = _bits(used)
        evidence, first, last = np.concatenate(self.spans).T
        _, back = np.unique(evidence, return_inverse=True)
        earliest = np.full(back.max(initial=-1) + 1, _LAST_DAY, np.int64)
        latest = np.full(len(earliest), -_LAST_DAY, np.int64)
        np.minimum.at(earliest, back, first)
        np.maximum.at(latest, back, last)
        for start, stop in {*zip(earliest.tolist(), latest.tolist(), strict=True)}:
            if 0 < stop - start <= _APART_DAYS:
                self.covered |= _bits(np.arange(start, stop + 1))


class _Kind:
    """The days on which hosts hold records of one kind, and the places that were not recorded on them.

    Attributes:
        held: by host the days with such records.
        dark: by host the sets of places that were not recorded, each with its days; the empty set is left out.
    """

    def __init__(self) -> None:
        self.held: dict[str, Bits] = {}
        self.dark: dict[str, dict[frozenset[str], Bits]] = {}
        self._files: dict[str, dict[tuple[frozenset[str], tuple[tuple[str, Bits], ...]], Bits]] = {}

    def take(self, holder: Holder, lacks: frozenset[str], dark: Iterable[tuple[frozenset[str], Bits]]) -> None:
        """Note what a host holds in one data file.

        Args:
            holder: it.
            lacks: places that none of its records here has.
            dark: places that were not recorded on some days.
        """
        days = _bits(days_in(holder.days)[:, 0])
        apart = tuple((place, bits) for places, bits in dark for place in sorted(places - lacks))
        mine = self._files.setdefault(holder.host, {})
        mine[lacks, apart] = mine.get((lacks, apart), 0) | days

    def settle(self) -> None:
        """Work out what was not recorded, once all files are known: a day on which one file has a field is not dark."""
        for host, files in self._files.items():
            held = self.held[host] = _union(files.values())
            by_days: dict[Bits, set[str]] = {}
            for place in {one for lacks, apart in files for one in (*lacks, *(name for name, _ in apart))}:
                lit = 0
                for (lacks, apart), days in files.items():
                    if place not in lacks:
                        lit |= days & ~_union(bits for name, bits in apart if name == place)
                if held & ~lit:
                    by_days.setdefault(held & ~lit, set()).add(place)
            parts: dict[frozenset[str], Bits] = {frozenset(): held}
            for days, places in by_days.items():
                parts = _cut(parts, days, places)
            parts.pop(frozenset(), None)
            self.dark[host] = parts
        self._files.clear()


def _cut(parts: Mapping[frozenset[_Name], Bits], days: Bits, names: AbstractSet[_Name]) -> dict[frozenset[_Name], Bits]:
    """Cut stretches of days in two where some days have names that others have not."""
    out: dict[frozenset[_Name], Bits] = {}
    for known, mine in parts.items():
        for told, some in ((known | names, mine & days), (known, mine & ~days)):
            if some:
                out[told] = out.get(told, 0) | some
    return out


def _union(parts: Iterable[Bits]) -> Bits:
    out = 0
    for one in parts:
        out |= one
    return out


def _bits(days: Indices) -> Bits:
    """Give days since 1970 as bits; those outside 1990 to 2100 are left out."""
    places = days + _EPOCH - _FIRST_DAY
    places = places[(places >= 0) & (places < _LAST_DAY - _FIRST_DAY)]
    if not len(places):
        return 0
    flags = np.zeros(int(places.max()) + 1, np.uint8)
    flags[places] = 1
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


def _runs(days: Bits) -> list[tuple[int, int]]:
    """Give the runs of days, each with its first and its last as bits are numbered."""
    held = np.frombuffer(days.to_bytes((days.bit_length() + 7) // 8, "little"), np.uint8)
    flags = np.unpackbits(held, bitorder="little")
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags, [0])).astype(np.int8)))
    return list(zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True))


def _asked_days(days: Bits) -> Bits:
    """Give all days from the first to the last on which a host holds anything; see `_APART_DAYS`."""
    out, last = days, None
    for first, end in _runs(days) if days else ():
        if last is not None and first - last <= _APART_DAYS:
            out |= (1 << first) - (1 << last)
        last = end
    return out


class DaysOfRules:
    """The days on which rules could not have been met; rules that could look at the same are worked out once."""

    def __init__(
        self,
        rules: RuleSet,
        reports: Mapping[str, Sequence[FileReport]],
        lacking: Callable[[int, Sequence[str]], frozenset[str]],
        possible: Possible,
        senses: Senses,
    ) -> None:
        """Take what was seen of every data file.

        Args:
            rules: the rules.
            reports: what was seen, by table.
            lacking: gives the places of a kind of record that hold nothing where some columns do not.
            possible: says whether a condition can be true where some places are not recorded.
            senses: what conditions look at.
        """
        self._rules, self._possible, self._senses = rules, possible, senses
        self._kinds: dict[int, _Kind] = {}
        self._logs: dict[tuple[str, tuple[str, ...]], dict[str, _Log]] = {}
        self._known: dict[tuple[Node, frozenset[str]], bool] = {}
        self._told: dict[tuple[_Key, ...], tuple[BlindDays, ...]] = {}
        for table, files in reports.items():
            logs = log_kinds([one for one in rules.wheres if one.table == table])
            for report in files:
                for number, holders in report.held.items():
                    if number <= ANY:
                        key = (table, logs[ANY - 1 - number].channels if number < ANY else ())
                        self._take_log(key, holders)
                    elif report.wheres.get(number):
                        self._take_kind(number, report, holders, lacking)
        for log in (one for some in self._logs.values() for one in some.values()):
            log.settle()
        for kind in self._kinds.values():
            kind.settle()
        self._alive = self._days_of(table for table in reports if table in SERVER_TABLES or table == "evtx")

    def _days_of(self, tables: Iterable[str]) -> dict[str, Bits]:
        """Give by host the days that any records of some tables cover."""
        out: dict[str, Bits] = {}
        for table in tables:
            for host, log in self._logs.get((table, ()), {}).items():
                out[host] = out.get(host, 0) | log.covered
        return out

    def _take_log(self, key: tuple[str, tuple[str, ...]], holders: Iterable[Holder]) -> None:
        mine = self._logs.setdefault(key, {})
        for one in holders:
            log = mine.setdefault(one.host, _Log())
            log.counts.append(days_in(one.days))
            log.spans.append(np.frombuffer(one.spans, "<i8").reshape(-1, 3))

    def _take_kind(
        self,
        number: int,
        report: FileReport,
        holders: Iterable[Holder],
        lacking: Callable[[int, Sequence[str]], frozenset[str]],
    ) -> None:
        kind = self._kinds.setdefault(number, _Kind())
        everywhere = frozenset(report.missing.get(number, ()))
        for one in holders:
            lacks = everywhere | lacking(number, one.lacks) if one.lacks else everywhere
            dark = [(lacking(number, (name,)), _bits(days_in(told)[:, 0])) for name, told in one.dark]
            kind.take(one, lacks, dark)

    def of(self, rule: Rule) -> tuple[BlindDays, ...]:
        """Give the days on which a rule could not have been met, by host and day, of hosts with records of its kinds."""
        keys = tuple((case.where, self._hiding(case.where, case.tree)) for case in rule.cases if not case.never)
        if keys not in self._told:
            self._told[keys] = tuple(self._spans(keys))
        return self._told[keys]

    def _hiding(self, where: int, tree: Node) -> frozenset[tuple[frozenset[str], str]]:
        """Give the sets of places that some days lack and without which a condition cannot be true, each as it is told."""
        kind = self._kinds.get(where)
        found = {places for parts in kind.dark.values() for places in parts} if kind is not None else set()
        if not found:
            return frozenset()
        wanted, unwanted = self._senses.places(tree)
        out = set()
        for one in found:
            mine = one & (wanted | unwanted)
            if not self._is_possible(tree, mine):
                # a condition that wants a field to hold something can ask for it under `not` alone
                out.add((one, _shown(mine & wanted or mine)))
        return frozenset(out)

    def _is_possible(self, tree: Node, places: frozenset[str]) -> bool:
        if (tree, places) not in self._known:
            self._known[tree, places] = not places or self._possible(tree, places)
        return self._known[tree, places]

    def _spans(self, keys: Sequence[_Key]) -> Iterator[BlindDays]:
        hosts = sorted({host for where, _ in keys if where in self._kinds for host in self._kinds[where].held})
        own = self._days_of({self._rules.wheres[where].table for where, _ in keys})
        for host in hosts:
            asked = _asked_days(self._alive.get(host, 0) | own.get(host, 0))
            cases = [self._layers(host, where, hiding, asked) for where, hiding in keys]
            days = asked
            for layers in cases:
                days &= _union(bits for _, bits in layers)
            if not days:
                continue
            # a kind that the host never held says nothing of one day more than of another
            mine = [layers for layers, (where, _) in zip(cases, keys, strict=True) if self._holds(host, where)]
            parts: dict[frozenset[_Reason], Bits] = {frozenset(): days}
            for reason, bits in (one for layers in mine for one in layers):
                parts = _cut(parts, bits, {reason})
            yield from _listed(host, parts)

    def _holds(self, host: str, where: int) -> bool:
        return where in self._kinds and host in self._kinds[where].held

    def _layers(
        self, host: str, where: int, hiding: AbstractSet[tuple[frozenset[str], str]], asked: Bits
    ) -> list[_Layer]:
        """Give the reasons for which a kind of record is out of the question, each with its days."""
        kind, what = self._kinds.get(where), self._rules.wheres[where]
        log = self._logs.get((what.table, what.channels), {}).get(host)
        covered = log.covered if log is not None else 0
        held = kind.held.get(host, 0) if kind is not None else 0
        out: list[_Layer] = [((BlindWhy.NOT_HELD, f"no record of {_log_name(what)} is held"), asked & ~covered)]
        why = _always_written(what)
        if why and log is not None and held:
            ids = ", ".join(map(str, what.event_ids))
            out.append(((BlindWhy.NOT_LOGGED, f"no event {ids} among many others: {why}"), log.busy & ~held))
        dark = kind.dark.get(host, {}) if kind is not None else {}
        told: dict[str, Bits] = {}
        for places, shown in hiding:
            told[shown] = told.get(shown, 0) | dark.get(places, 0)
        out += [((BlindWhy.NOT_RECORDED, f"not recorded: {shown}"), bits) for shown, bits in sorted(told.items())]
        return [(reason, bits & asked) for reason, bits in out if bits & asked]


def _listed(host: str, parts: Mapping[frozenset[_Reason], Bits]) -> Iterator[BlindDays]:
    found = []
    for reasons, days in parts.items():
        ordered = sorted(reasons, key=lambda one: (_ORDER.index(one[0]), one[1]))
        found += [(first, last, ordered) for first, last in _runs(days)]
    for first, last, ordered in sorted(found, key=lambda one: one[0]):
        why = ordered[0][0] if ordered else BlindWhy.NOT_HELD
        what = "; ".join(text for _, text in ordered)
        yield BlindDays(host, date.fromordinal(first + _FIRST_DAY), date.fromordinal(last + _FIRST_DAY), why, what)


def _log_name(where: Where) -> str:
    return " or ".join(where.channels) or where.name or where.table


def _always_written(where: Where) -> str:
    """Say when events of a kind are written of which a running machine writes some every day; "" for all others."""
    found = {ALWAYS_WRITTEN.get((channel, one), "") for channel in where.channels for one in where.event_ids}
    return found.pop() if len(found) == 1 else ""


def _shown(places: Iterable[str]) -> str:
    names = sorted(one.partition(":")[2] or one for one in places)
    more = f" and {len(names) - _NAMES_MAX} more" if len(names) > _NAMES_MAX else ""
    return ", ".join(names[:_NAMES_MAX]) + more


def with_days(outcome: RuleOutcome, days: Sequence[BlindDays]) -> RuleOutcome:
    """Add to the outcome of a rule that ran the days on which it could not have been met.

    Where something was not recorded on some of them it is partly blind; where nothing is held of them it is not, for it may
    be that there was nothing. What was not recorded is told first where there is too much to tell.
    """
    told = sorted(days, key=lambda one: one.why is BlindWhy.NOT_HELD)[:TOLD_MAX]
    told.sort(key=lambda one: (one.host, one.first_day))
    lost = any(one.why is not BlindWhy.NOT_HELD for one in days)
    status = RuleStatus.PARTLY_BLIND if lost and outcome.status is RuleStatus.RAN else outcome.status
    return replace(outcome, status=status, blind_days=tuple(told), blind_days_total=len(days))


def days_unseen(outcome: RuleOutcome) -> str:
    """Give the days on which something was not recorded, for a rule's reason; "" where its stretches tell them already."""
    stretches: dict[str, list[tuple[date, date]]] = {}
    for one in outcome.blind_at:
        if one.first_utc is not None and one.last_utc is not None:
            stretches.setdefault(one.host, []).append((one.first_utc.date(), one.last_utc.date()))
    lost = [
        one
        for one in outcome.blind_days
        if one.why is not BlindWhy.NOT_HELD
        and not any(first <= one.first_day and one.last_day <= last for first, last in stretches.get(one.host, ()))
    ]
    if not lost:
        return ""
    told = []
    for what, some in groupby(lost[:_NAMES_MAX], lambda one: one.what):
        told.append(f"{what} ({'; '.join(one.span for one in some)})")
    more = f"; and {len(lost) - _NAMES_MAX} more stretches of days" if len(lost) > _NAMES_MAX else ""
    return f"on some days {'; '.join(told)}{more}"
