"""What became of every rule: it ran, or it is blind, and then why and what would open its eyes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from dwell.hunt.blinddays import DaysOfRules, days_unseen, with_days
from dwell.hunt.derived import base_of, is_derived
from dwell.hunt.frame import columns_of
from dwell.hunt.holders import Holder
from dwell.hunt.patterns import Indices
from dwell.hunt.reach import Alike, Reach
from dwell.hunt.ruleset import Case, Node, Rule, RuleSet
from dwell.hunt.senses import Senses, absent
from dwell.hunt.sigma.loaded import outcome_of
from dwell.hunt.tasks import places_of
from dwell.hunt.unwritten import Unwritten
from dwell.hunt.verdict import Verdict, judged, refusal
from dwell.hunt.wide import FileReport
from dwell.intake.tables import specs
from dwell.model.claims import BlindStretch, RuleOutcome, RuleStatus

__all__ = ["possible", "rule_outcomes"]

NAMES_MAX = 8
"""Fields named in a reason; the rest are counted."""

_SWITCH_ON: Mapping[str, str] = {
    "iis": "Tick the field under the W3C fields of IIS logging",
    "httpproxy": "Collect HttpProxy logs of builds that write it",
    "ews": "Collect EWS logs of builds that write it",
    "ual": "Export audit records with their AuditData",
}


@dataclass(slots=True)
class _Sight:
    """What a rule could see, over all files.

    Attributes:
        places: stretches of records of the rule's kinds: those of a data file, or of some hosts in it.
        hidden: those in which the condition cannot be true for want of a field.
        lost: fields asked for and not recorded, with the number of stretches that lack them.
        lit: those in which the condition can be true.
        dark: those in which it cannot.
    """

    places: int = 0
    hidden: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    lit: list[Alike] = field(default_factory=list)
    dark: list[Alike] = field(default_factory=list)


def _shown(place: str) -> str:
    if is_derived(place):
        return f"the {place.partition('>')[2]} in {base_of(place)}"
    return place.partition(":")[2] or place


def possible(tree: Node, rules: RuleSet, missing: frozenset[str], senses: Senses | None = None) -> bool:
    """Say whether a condition can be true where some fields are not recorded."""
    known = senses or Senses(rules)

    def verdict(node: Node) -> Verdict:
        if node.op == "atom":
            atom = rules.atoms[node.index]
            return absent(node, rules) if atom.place in missing or atom.other in missing else None
        leaf = rules.leaves[node.index]
        return known.absent(node.index) if leaf.place in missing else None

    return judged(tree, verdict) is not False


_Lacks = Mapping[int, Mapping[frozenset[str], Alike]]
"""By kind of record the sets of places that stretches lack, with those that lack just these."""


def _asked(rules: RuleSet) -> dict[int, frozenset[str]]:
    """Give the places that rules ask of each kind of record."""
    found: dict[int, set[str]] = {}
    known: dict[Node, frozenset[str]] = {}
    for case in (case for rule in rules.rules for case in rule.cases):
        if case.tree not in known:
            known[case.tree] = places_of(case.tree, rules)
        found.setdefault(case.where, set()).update(known[case.tree])
    return {where: frozenset(places) for where, places in found.items()}


class _Columns:
    """The columns that have to hold something for places to do so."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._specs = specs()

    @cached_property
    def _firsts(self) -> dict[int, dict[str, list[str]]]:
        """Give by kind of record and column the places that hold nothing where it does not."""
        out: dict[int, dict[str, list[str]]] = {}
        for where, places in _asked(self._rules).items():
            spec = self._specs[self._rules.wheres[where].table]
            mine = out[where] = {}
            for place in sorted(places):
                for column in columns_of(place, spec)[:1]:
                    mine.setdefault(column, []).append(place)
                name, _, key = place.partition(":")
                if key and not key.endswith(("*", "#")):
                    mine.setdefault(f"{name}:{key.lower()}", []).append(place)
        return out

    def lacking(self, where: int, columns: Sequence[str]) -> frozenset[str]:
        """Give the places of a kind of record that hold nothing where some columns, or keys of maps, do not."""
        firsts = self._firsts.get(where, {})
        return frozenset(place for one in columns for place in firsts.get(one, ()))


def _lacks(rules: RuleSet, reports: Mapping[str, Sequence[FileReport]], columns: _Columns) -> _Lacks:
    """Put stretches together by what they lack: thousands of rules ask, and most files of a kind lack the same.

    Hosts that share a data file are told apart where one lacks what another has: it makes no difference how evidence came.
    """
    out: dict[int, dict[frozenset[str], Alike]] = {}
    for table, stretch in reports.items():
        for report in stretch:
            for where, rows in report.wheres.items():
                if rows and rules.wheres[where].table == table:
                    everywhere = frozenset(report.missing.get(where, ()))
                    apart: dict[tuple[str, ...], list[Holder]] = {}
                    for one in report.held.get(where, ()):
                        apart.setdefault(one.lacks, []).append(one)
                    for lacks, held in (apart or {(): []}).items():
                        whole = everywhere | columns.lacking(where, lacks) if lacks else everywhere
                        out.setdefault(where, {}).setdefault(whole, Alike(where, [])).held.append(held)
    return out


def _sight(rule: Rule, rules: RuleSet, lacks: _Lacks, senses: Senses) -> _Sight:
    out = _Sight()
    for case in rule.cases:
        if case.where not in lacks:
            continue
        wanted, unwanted = senses.places(case.tree)
        every = wanted | unwanted
        for missing, alike in lacks[case.where].items():
            files = len(alike.held)
            able = possible(case.tree, rules, missing, senses)
            (out.lit if able else out.dark).append(alike)
            out.places += files
            out.hidden += 0 if able else files
            # a condition that wants a field to hold something can ask for it under `not` alone
            for place in sorted(wanted & missing or (missing & every if not able else set())):
                out.lost[_shown(place)] = out.lost.get(_shown(place), 0) + files
    return out


def _places(outcome: RuleOutcome) -> str:
    """Give the hosts and times at which a rule is blind, for its reason."""
    told = [_place(one) for one in outcome.blind_at[:NAMES_MAX]]
    more = f"; and {outcome.blind_at_total - len(told)} more" if outcome.blind_at_total > len(told) else ""
    return f" ({'; '.join(told)}{more})" if told else ""


def _place(one: BlindStretch) -> str:
    host = one.host or "an unnamed host"
    if one.first_utc is None or one.last_utc is None:
        return f"{host}, times not known"
    return f"{host} {one.first_utc:%Y-%m-%d %H:%M} to {one.last_utc:%Y-%m-%d %H:%M} UTC"


def _names(lost: Mapping[str, int]) -> str:
    names = sorted(lost)
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return ", ".join(names[:NAMES_MAX]) + more


def _listed(titles: Sequence[str]) -> str:
    more = f" and {len(titles) - NAMES_MAX} more" if len(titles) > NAMES_MAX else ""
    return ", ".join(f"'{one}'" for one in titles[:NAMES_MAX]) + more


def _helps(case: Case, rules: RuleSet, lacks: _Lacks, senses: Senses) -> bool:
    """Say whether a condition could be true of some kind of record, once what it is said to want is switched on."""
    where = rules.wheres[case.where]
    if not where.without:
        return True
    never = {one for one in places_of(case.tree, rules) if _shown(one).lower() in where.without}
    return any(
        possible(
            case.tree, rules, frozenset(never | {one for one in lost if _shown(one).lower() not in where.switched}), senses
        )
        for lost in lacks.get(case.where) or [frozenset[str]()]
    )  # fmt: skip


def _status(rule: Rule, rules: RuleSet, sight: _Sight, lacks: _Lacks, senses: Senses) -> tuple[RuleStatus, str]:
    wheres = [rules.wheres[case.where] for case in rule.cases]
    if all(case.never for case in rule.cases):
        return RuleStatus.BLIND, f"it can never be true: {'; '.join(dict.fromkeys(refusal(one) for one in wheres))}"
    if not sight.places:
        names = " or ".join(dict.fromkeys(one.name or one.table for one in wheres))
        helpful = [rules.wheres[case.where] for case in rule.cases if _helps(case, rules, lacks, senses)]
        ways = " or: ".join(dict.fromkeys(one.switch_on for one in helpful if one.switch_on))
        return RuleStatus.BLIND, f"no records of {names} are held" + (f". {ways}" if ways else "")
    if sight.hidden == sight.places:
        helpful = [rules.wheres[case.where] for case in rule.cases if _helps(case, rules, lacks, senses)]
        found = dict.fromkeys(_SWITCH_ON.get(one.table) or one.switch_on for one in helpful)
        remedy = "; ".join(one for one in found if one)
        return RuleStatus.BLIND, f"never recorded: {_names(sight.lost)}. {remedy}".rstrip(". ")
    if sight.hidden:
        many = f"{sight.hidden} of {sight.places} stretches"
        return RuleStatus.PARTLY_BLIND, f"in {many} of the records not recorded: {_names(sight.lost)}"
    if sight.lost:
        return RuleStatus.RAN, f"ran without what is not recorded everywhere: {_names(sight.lost)}"
    return RuleStatus.RAN, ""


_UNREAD = "0 rows had to be read: by the distinct values of each data file no record can meet it"
"""What is said of a rule that ran, and for which no data file was opened."""


def _compared(rules: RuleSet, reports: Mapping[str, Sequence[FileReport]]) -> tuple[Indices, Indices]:
    """Give of each rule the data files that were opened for it, and the records of its kinds in them."""
    files = np.zeros(len(rules.rules), np.int64)
    rows = np.zeros(len(rules.rules), np.int64)
    cases: dict[str, list[tuple[int, int]]] = {}
    for index, rule in enumerate(rules.rules):
        for case in rule.cases:
            cases.setdefault(rules.wheres[case.where].table, []).append((index, case.where))
    for table, stretch in reports.items():
        mine = np.array(cases.get(table, []), np.int64).reshape(-1, 2)
        for report in stretch:
            opened = np.zeros(len(files), np.bool_)
            opened[report.opened] = True
            held = np.zeros(len(rules.wheres), np.int64)
            held[list(report.wheres)] = list(report.wheres.values())
            here = mine[opened[mine[:, 0]]]
            files += opened
            np.add.at(rows, here[:, 0], held[here[:, 1]])
    return files, rows


def rule_outcomes(
    rules: RuleSet, reports: Mapping[str, Sequence[FileReport]], hits: Mapping[str, int]
) -> list[RuleOutcome]:
    """Give the outcome of every rule that could be matched.

    Args:
        rules: the rules.
        reports: what was seen of every data file, by table.
        hits: records met, by rule id.
    """
    opened, compared = _compared(rules, reports)
    columns, senses = _Columns(rules), Senses(rules)
    lacks = _lacks(rules, reports, columns)
    reach, unwritten = Reach(reports), Unwritten(rules, reports)

    def can_be(tree: Node, missing: frozenset[str]) -> bool:
        return possible(tree, rules, missing, senses)

    by_day = DaysOfRules(rules, reports, columns.lacking, can_be, senses)
    out = []
    for index, rule in enumerate(rules.rules):
        tables = {rules.wheres[case.where].table for case in rule.cases}
        files = sum(len(reports.get(table, ())) for table in tables)
        sight = _sight(rule, rules, lacks, senses)
        status, reason = _status(rule, rules, sight, lacks, senses)
        if status is RuleStatus.RAN:
            is_blind, unheld = unwritten.told(rule)
            status = RuleStatus.BLIND if is_blind else status
            reason = unheld if is_blind else "; ".join(filter(None, (reason, unheld)))
        done = int(opened[index])
        told = [reason, f"filtered by {_listed(rule.info.filters)}" if rule.info.filters else ""]
        told += [_UNREAD] if not done and status is not RuleStatus.BLIND else []
        base = replace(
            outcome_of(rule.info, status),
            files_opened=done,
            files_pruned=files - done,
            rows_compared=int(compared[index]),
            hits=hits.get(rule.info.id, 0),
        )
        if status is not RuleStatus.BLIND:
            base = reach.told(base, sight.lit, sight.dark, tables)
            told[0] += _places(base)
            base = with_days(base, by_day.of(rule))
            told.insert(1, days_unseen(base))
        out.append(replace(base, reason="; ".join(filter(None, told))))
    return out
