"""What a hunt met and what it could not look at: as rows, as text for a terminal, and as one JSON object.

A row is a group of equal hits. In text the groups of a rule stand below it, the first few unless all are asked for, and
what was not looked at stands at the end: no hit means nothing without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dwell.model.claims import RuleStatus
from dwell.model.indicators import IndicatorMet
from dwell.model.instants import utc_text
from dwell.model.provenance import EvidenceId
from dwell.report.figures import count, instant
from dwell.report.indicators import naming_object, naming_text
from dwell.report.summary_json import rule_object
from dwell.safe.jsontext import Json
from dwell.safe.sheet import csv_lines
from dwell.safe.terminal import terminal, terminal_limited

if TYPE_CHECKING:
    from dwell.hunt.grouping import HitGroup
    from dwell.hunt.hunting import Hunted
    from dwell.intake.ingest import IngestResult
    from dwell.intake.stock import Stock

__all__ = ["LEVELS", "HitListing", "level_rank"]

LEVELS = ("informational", "low", "medium", "high", "critical")
"""Sigma's levels, the least first."""
GROUPS_SHOWN = 5
"""Groups of one rule in text, unless all are asked for."""
REASONS_SHOWN = 12
DAYS_SHOWN, SPANS_SHOWN = 3, 2
"""Groups of rules that had nothing to look at on the same days, and stretches of days of each."""
FILES_SHOWN = 10
MATCHED_MAX = 200
NAMINGS_SHOWN = 2
NAMING_MAX = 300
PREFIX_DIGITS = 16
"""Digits of a SHA-256 in the name of a record that `dwell why` takes."""


def level_rank(level: str) -> int:
    """Give a level's rank; one that is not Sigma's ranks above all: nothing is known of it."""
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


@dataclass(frozen=True)
class HitListing:
    """What a hunt has to show.

    Attributes:
        hunted: the hunt.
        names: path of each piece of evidence, by its id.
        least: only hits of this level and above are shown; "" for all. Hits of no known level are always shown.
        expand: whether text shows every group with its records.
        read: what was read for it, where that was part of the hunt.
        stock: what the files hold, where reading them was part of the hunt.
    """

    hunted: Hunted
    names: Mapping[EvidenceId, str]
    least: str = ""
    expand: bool = False
    read: IngestResult | None = None
    stock: Stock | None = None

    @cached_property
    def _met(self) -> dict[str, IndicatorMet]:
        return {one.id: one for one in self.hunted.met}

    def groups(self) -> tuple[list[HitGroup], int]:
        """Give the groups of hits that are shown, in the order of time, and how many are not for their level."""
        from dwell.hunt.grouping import grouped

        done = self.hunted.suppressions
        every = grouped(self.hunted.hits, done.marks if done is not None else ())
        least = level_rank(self.least) if self.least else 0
        shown = [one for one in every if level_rank(one.level) >= least]
        return shown, len(every) - len(shown)

    def rows(self) -> Iterator[dict[str, Json]]:
        """Yield the groups as rows, each with its rule's author and licence, and with its suppression."""
        return map(self._row, self.groups()[0])

    def _row(self, group: HitGroup) -> dict[str, Json]:
        rule = self.hunted.rules.get(group.rule_id)
        met = self._met.get(group.rule_id)
        return {
            "rule_id": group.rule_id,
            "title": group.title,
            "kind": group.kind,
            "level": group.level,
            "author": rule.author if rule else None,
            "licence": rule.licence if rule else None,
            "tags": list(rule.tags) if rule else [],
            "window": group.window,
            "table": group.table,
            "host": group.host,
            "client": group.client,
            "account": group.account,
            "status": group.status,
            "count": group.count,
            "files": group.files,
            "first_utc": utc_text(group.first_utc),
            "last_utc": utc_text(group.last_utc),
            "matched": list(group.matched),
            "suppressed": self._suppression(group.mark),
            "warning_lists": list(met.warning_lists) if met else [],
            "named_in": [naming_object(one) for one in met.named_in] if met else [],
            "records": [
                {
                    "table": one.table,
                    "evidence_id": one.evidence_id,
                    "record_no": one.record_no,
                    "path": self.names.get(one.evidence_id),
                }
                for one in group.refs
            ],
        }

    def csv(self) -> Iterator[str]:
        """Yield the lines of a sheet of the groups; the records as names that `dwell why` takes."""
        shown = self.groups()[0]
        columns = [*_CSV, "path", "records"]
        return csv_lines(columns, map(self._cells, shown))

    def _cells(self, group: HitGroup) -> list[str | int | None]:
        row = self._row(group)
        met = self._met.get(group.rule_id)
        row["named_in"] = [naming_text(one) for one in met.named_in] if met else []
        cells = [_cell(row[name]) for name in _CSV]
        return [*cells, self._path(group), " ".join(_name(group, at) for at in range(len(group.refs)))]

    def _path(self, group: HitGroup) -> str:
        return self.names.get(group.refs[0].evidence_id, "") if group.refs else ""

    def text(self) -> str:
        """Give what was met, and what was not looked at, for a terminal."""
        every, hidden = self.groups()
        shown = [one for one in every if one.mark < 0]
        lines: list[str] = []
        for rule, groups in _by_rule(shown, {one for one, met in self._met.items() if met.warning_lists}):
            lines += self._rule(rule, groups)
        if hidden:
            lines.append(f"below level {self.least} and not shown: {_many(hidden, 'group')} of hits")
        if not every and not hidden:
            lines.append("no hits; what could not be looked at:")
        lines += self._suppressed(len(every) - len(shown))
        lines += self._coarse()
        lines += self._looked()
        lines += self._unread()
        lines += self._blind()
        return "".join(f"{one}\n" for one in lines)

    def _rule(self, rule: HitGroup, groups: Sequence[HitGroup]) -> list[str]:
        info = self.hunted.rules.get(rule.rule_id)
        by = f" by {info.author}" if info else ""
        window = f" [{rule.window}]" if rule.window else ""
        many = f", in {count(len(groups))} groups" if len(groups) > 1 else ""
        records = sum(one.count for one in groups)
        lines = [
            terminal(f"{rule.level or rule.kind}: {rule.title}{by}{window}"),
            terminal(f"   rule {rule.rule_id}, {_records(records)}{many}"),
        ]
        lines += self._named(rule.rule_id)
        first = groups if self.expand else groups[:GROUPS_SHOWN]
        for one in first:
            lines += self._group(one)
        rest = groups[len(first) :]
        if rest:
            left = sum(one.count for one in rest)
            lines.append(f"   and {_many(len(rest), 'group')} more with {_records(left)}; --expand shows all")
        return lines

    def _named(self, rule: str) -> list[str]:
        """Say where lists name an indicator, and what lowers it."""
        met = self._met.get(rule)
        if met is None:
            return []
        shown = met.named_in if self.expand else met.named_in[:NAMINGS_SHOWN]
        lines = [terminal_limited(f"   named in {naming_text(one)}", NAMING_MAX) for one in shown]
        if len(met.named_in) > len(shown):
            lines.append(f"   and in {count(len(met.named_in) - len(shown))} more places; --expand shows them")
        lists = "; ".join(met.warning_lists)
        return [*lines, terminal(f"   says less than others: it is on the warning list {lists}")] if lists else lines

    def _group(self, group: HitGroup) -> list[str]:
        who = f", from {group.client}" if group.client else ""
        who += f", as {group.account}" if group.account else ""
        where = self._path(group) if group.files == 1 else "any file"
        if group.files is not None and group.files != 1:
            where = f"{count(group.files)} files"
        span = f"{instant(group.first_utc)} to {instant(group.last_utc)}"
        if group.first_utc is None:
            span = "no time"
        elif group.first_utc == group.last_utc:
            span = instant(group.first_utc)
        host = group.host or "an unknown host"
        lines = [
            terminal(f"   {span}, {group.table} on {host}{who}, {_records(group.count)} in {where}"),
            "      " + terminal_limited("; ".join(group.matched) or "no text of its own", MATCHED_MAX),
        ]
        if self.expand:
            lines += [terminal(f"      {_name(group, at)}") for at in range(len(group.refs))]
            if group.count > len(group.refs):
                lines.append(f"      and {_records(group.count - len(group.refs))} more")
        return lines

    def _suppression(self, mark: int) -> str | None:
        done = self.hunted.suppressions
        return None if done is None or mark < 0 else done.outcomes[mark].suppression.place

    def _suppressed(self, groups: int) -> list[str]:
        """Say what was suppressed and why; what has expired, and what meets nothing any more."""
        done = self.hunted.suppressions
        if done is None:
            return []
        counts = self.hunted.hits["count"].to_pylist()
        records = sum(number for number, mark in zip(counts, done.marks, strict=True) if mark >= 0)
        lines = [f"suppressed, as of {done.today.isoformat()}: {_records(records)} in {_many(groups, 'group')}"]
        for one in done.outcomes:
            held = one.suppression
            met = {
                "applied": f"meets {_records(one.records)}",
                "expired": f"expired on {held.expires.isoformat()} and does nothing; it would meet {_records(one.records)}",
            }.get(one.state, "matches nothing")
            why = f", {one.why}" if one.why else ""
            lines.append(terminal(f"   {held.place}: {met}{why}"))
            lines.append(terminal_limited(f"      rule {held.rule}: {held.reason} ({held.author})", MATCHED_MAX))
        return lines

    def _coarse(self) -> list[str]:
        """Say what is told more coarsely, for the number of its hits."""
        ids = self.hunted.coarse
        if not ids:
            return []
        lines = [
            f"told more coarsely, as they meet too much to tell it all: {count(len(ids))} of the rules and indicators",
            "   their rows are of all files together, and not of each text that matched; every record is counted",
        ]
        lines += [terminal_limited(f"   {one}", NAMING_MAX) for one in ids[:FILES_SHOWN]]
        return lines + _more(len(ids))

    def _looked(self) -> list[str]:
        """Say what YARA rules were put to, and which files could not be looked at."""
        looked = self.hunted.looked
        if looked is None:
            return []
        lines = [f"YARA rules were put to {_many(looked.files, 'file')} and {_records(looked.records)}"]
        if looked.unscanned:
            lines.append(f"put to no YARA rule: {_many(len(looked.unscanned), 'file')}")
            lines += [terminal(f"   {one.path}: {one.why}") for one in looked.unscanned[:FILES_SHOWN]]
            lines += _more(len(looked.unscanned))
        return lines

    def _looked_object(self) -> Json:
        looked = self.hunted.looked
        if looked is None:
            return None
        return {
            "files": looked.files,
            "size_bytes": looked.size_bytes,
            "records": looked.records,
            "not_looked_at": [{"path": one.path, "why": one.why} for one in looked.unscanned],
        }

    def _unread(self) -> list[str]:
        if self.read is None or self.stock is None:
            return []
        read = self.read
        lines = [f"read: {_records(self.stock.records)} of {_many(self.stock.read_files, 'file')}"]
        broken = [one for one in self.stock.files if one.anomalies]
        if broken:
            stretches = _many(self.stock.anomalies, "stretch", "es")
            lines.append(f"not readable: {stretches} of {_many(len(broken), 'file')}")
            lines += [terminal(f"   {one.path}: {count(one.anomalies)}") for one in broken[:FILES_SHOWN]]
            lines += _more(len(broken))
        if read.unrecognised:
            lines.append(f"not recognised, so not read: {_many(len(read.unrecognised), 'file')}")
            for file in read.unrecognised[:FILES_SHOWN]:
                lines.append(terminal(f"   {file.places[0].path} ({'; '.join(file.guesses) or 'no guess'})"))
            lines += _more(len(read.unrecognised))
        if read.faults:
            lines.append(f"could not be read: {_many(len(read.faults), 'place')}")
            lines += [terminal(f"   {one.path}: {one.why}") for one in read.faults[:FILES_SHOWN]]
            lines += _more(len(read.faults))
        return lines

    def _blind(self) -> list[str]:
        counts = Counter(one.status for one in self.hunted.outcomes)
        told = ", ".join(f"{count(counts[one])} {one.value}" for one in RuleStatus if counts[one])
        lines = [f"rules: {count(len(self.hunted.outcomes))} loaded: {told or 'none'}"]
        short = [one for one in self.hunted.outcomes if one.status is not RuleStatus.RAN]
        reasons = Counter((one.status.value, one.reason.partition(". ")[0]) for one in short)
        ranked = sorted(reasons.items(), key=lambda one: (-one[1], one[0]))
        for (status, reason), number in ranked[:REASONS_SHOWN]:
            lines.append(terminal(f"   {count(number)} {status}: {reason}"))
        if len(ranked) > REASONS_SHOWN:
            left = sum(number for _, number in ranked[REASONS_SHOWN:])
            lines.append(
                f"   {count(left)} for {count(len(ranked) - REASONS_SHOWN)} other reasons; -t json has them all"
            )
        lines += self._days()
        lines += self._checks()
        lines += self._indicators()
        faults = self.hunted.faults
        if faults:
            lines.append(f"cannot be used: {_many(len(faults), 'thing')} in files of rules, indicators or suppressions")
            lines += [terminal(f"   {one}") for one in faults[:FILES_SHOWN]]
            lines += _more(len(faults))
        return lines

    def _days(self) -> list[str]:
        """Say of which days rules that ran had no record to look at, the commonest first."""
        found = Counter(
            (one.blind_days, one.blind_days_total)
            for one in self.hunted.outcomes
            if one.status is RuleStatus.RAN and one.blind_days
        )
        if not found:
            return []
        lines = [
            f"   {count(found.total())} that ran had nothing to look at on some days; -t json has each (blind_days)"
        ]
        ranked = sorted(found.items(), key=lambda one: (-one[1], one[0][0][0].span, one[0][1]))
        for (days, total), number in ranked[:DAYS_SHOWN]:
            more = f"; and {count(total - SPANS_SHOWN)} stretches more" if total > SPANS_SHOWN else ""
            told = "; ".join(f"{one.span} ({one.what})" for one in days[:SPANS_SHOWN])
            lines.append(terminal_limited(f"      {count(number)}: {told}{more}", NAMING_MAX))
        return lines

    def _checks(self) -> list[str]:
        """Say what became of the checks of states."""
        lines = ["checks of states:"] if self.hunted.checks else []
        for one in self.hunted.checks:
            why = f": {one.reason}" if one.reason else ""
            lines.append(
                terminal_limited(f"   {one.title}: {one.status.value}, {_records(one.hits)} met{why}", NAMING_MAX)
            )
        return lines

    def _indicators(self) -> list[str]:
        """Say what was looked for, and what of the lists was not, and why."""
        outcomes = self.hunted.indicators
        if not outcomes:
            return []
        lines = ["indicators:"]
        short = 0
        for one in outcomes:
            why = f": {one.status.value}: {one.reason}" if one.reason else f": {_records(one.hits)} met"
            if one.status is RuleStatus.UNSUPPORTED:
                short += 1
                if short > REASONS_SHOWN:
                    continue
                why += f" ({one.path})"
            lines.append(terminal_limited(f"   {one.title}{why}", NAMING_MAX))
        if short > REASONS_SHOWN:
            lines.append(f"   and {count(short - REASONS_SHOWN)} more that are not looked for; -t json has them all")
        return lines

    def _suppressions(self) -> Json:
        done = self.hunted.suppressions
        if done is None:
            return None
        return {
            "today": done.today.isoformat(),
            "files": dict(done.sha256),
            "suppressions": [
                {
                    "place": one.suppression.place,
                    "rule": one.suppression.rule,
                    "where": {column: list(values) for column, values in one.suppression.where},
                    "reason": one.suppression.reason,
                    "author": one.suppression.author,
                    "expires": one.suppression.expires.isoformat(),
                    "state": one.state,
                    "why": one.why or None,
                    "records": one.records,
                }
                for one in done.outcomes
            ],
        }

    def as_object(self) -> dict[str, Json]:
        """Give everything as one JSON object: hits, every rule with what became of it, and what was read."""
        shown, hidden = self.groups()
        out: dict[str, Json] = {
            "hits": [self._row(one) for one in shown],
            "groups_below_level": hidden,
            "told_coarsely": list(self.hunted.coarse),
            "rules": [rule_object(one) for one in self.hunted.outcomes],
            "checks": [rule_object(one) for one in self.hunted.checks],
            "indicators": [rule_object(one) for one in self.hunted.indicators],
            "faults": list(self.hunted.faults),
            "rules_hash": self.hunted.rules_hash,
            "suppressions": self._suppressions(),
            "yara": self._looked_object(),
        }
        if self.read is not None and self.stock is not None:
            guesses = {one.evidence_id: one.guesses for one in self.read.unrecognised}
            out["evidence"] = [
                {
                    "path": one.path,
                    "sha256": one.sha256,
                    "source": one.source,
                    "host": one.host or None,
                    "records": one.records,
                    "anomalies": one.anomalies,
                    "guesses": list(guesses.get(one.sha256, ())),
                }
                for one in self.stock.files
            ]
            out["not_read"] = [{"path": one.path, "why": one.why} for one in self.read.faults]
        return out


_CSV = (
    "rule_id", "title", "kind", "level", "author", "licence", "tags", "window", "table", "host", "client", "account",
    "status", "count", "files", "first_utc", "last_utc", "matched", "suppressed", "warning_lists", "named_in",
)  # fmt: skip


def _records(number: int) -> str:
    return _many(number, "record")


def _many(number: int, noun: str, ending: str = "s") -> str:
    return f"{count(number)} {noun}" + (ending if number != 1 else "")


def _name(group: HitGroup, at: int) -> str:
    one = group.refs[at]
    return f"{one.table}/{one.evidence_id[:PREFIX_DIGITS]}/{one.record_no}"


def _more(number: int) -> list[str]:
    return [f"   and {count(number - FILES_SHOWN)} more"] if number > FILES_SHOWN else []


def _cell(value: Json) -> str | int | None:
    if isinstance(value, list):
        return " | ".join(map(str, value))
    return value if value is None or isinstance(value, str | int) else str(value)


def _by_rule(groups: Sequence[HitGroup], lowered: AbstractSet[str]) -> list[tuple[HitGroup, list[HitGroup]]]:
    """Give the groups of each rule, the gravest level first, then in the order of their first hit; lowered ones last."""
    found: dict[tuple[str, str | None], list[HitGroup]] = {}
    for one in groups:
        found.setdefault((one.rule_id, one.window), []).append(one)
    ranked = ((ones[0], ones) for ones in found.values())
    return sorted(ranked, key=lambda one: (one[0].rule_id in lowered, -level_rank(one[0].level)))
