"""Correlations as they are written: their references resolved, circles and unknown names refused with their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from graphlib import CycleError, TopologicalSorter
from math import ceil, inf

from sigma.correlations import (
    CorrelationConditionItem,
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from dwell.hunt.correlations.plan import ORDERED, Correlation, Reference, in_order
from dwell.hunt.ruleset import Node, RuleInfo
from dwell.hunt.sigma.faultlines import with_line
from dwell.hunt.sigma.files import Document
from dwell.hunt.sigma.parse import RefusedError, short
from dwell.model.claims import RuleStatus

__all__ = ["Draft", "Names", "Refusals", "resolved"]

REFERENCES_MAX = 200
SPAN_US_MAX = 2**60
STEPS_MAX = 400
"""Of rules in order that are looked for: how many have to occur, times how many can end them; all of 200 rules are 200."""

_COUNTS = frozenset({"event_count", "value_count"})
"""Kinds that count what a window holds; a window ends at a record, so each holds one."""
_COUNT_MAX = 2**62

Refusals = list[tuple[RuleInfo, RefusedError]]


@dataclass(frozen=True, slots=True)
class Draft:
    """A correlation as parsed, with each bound of its condition; none where it is written in words."""

    info: RuleInfo
    document: Document
    rule: SigmaCorrelationRule
    bounds: tuple[SigmaCorrelationCondition, ...] = ()


class Names:
    """Ids and names of the rules loaded, rules that could not be parsed among them."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._names: dict[str, list[str]] = {}

    def add(self, info: RuleInfo, name: object) -> None:
        """Note a rule."""
        self._ids[info.id.lower()] = info.id
        if isinstance(name, str) and name:
            self._names.setdefault(name, []).append(info.id)

    def find(self, reference: str) -> str:
        """Give the id of the rule that is meant.

        Raises:
            ValueError: there is none, or more than one.
        """
        if reference.lower() in self._ids:
            return self._ids[reference.lower()]
        found = self._names.get(reference, [])
        if not found:
            raise ValueError(f"it refers to '{reference}', and no such rule is loaded")
        if len(found) > 1:
            raise ValueError(f"it refers to '{reference}', and {len(found)} rules have that name")
        return found[0]


def _written(rule: SigmaCorrelationRule) -> list[str]:
    """Give the references as they are written."""
    if rule.rules is not None:
        found = [one.reference for one in rule.rules]
    elif isinstance(rule.condition, SigmaExtendedCorrelationCondition):
        found = list(rule.condition.get_referenced_rules())
    else:
        found = []
    if not found or not all(isinstance(one, str) and one for one in found):
        raise ValueError("'rules' has to name rules")
    if len(found) > REFERENCES_MAX:
        raise ValueError(f"'rules' names more than {REFERENCES_MAX} rules")
    return found


def _tree(item: CorrelationConditionItem | SigmaRuleReference, written: Sequence[str]) -> Node:
    if isinstance(item, SigmaRuleReference):
        return Node("rule", (), written.index(item.reference))
    children = tuple(_tree(one, written) for one in item.args)
    if isinstance(item, CorrelationConditionNOT):
        # one `not` undoes another: however many there are, the condition stays flat
        return children[0].children[0] if children[0].op == "not" else Node("not", children)
    return Node("or" if isinstance(item, CorrelationConditionOR) else "and", children)


def _ordered_tree(tree: Node, count: int) -> None:
    """Refuse what has no order: only rules that all have to occur, in the order they are named, have one.

    Raises:
        RefusedError: the condition is none of these.
    """
    flat = [tree.index] if tree.op == "rule" else [one.index for one in tree.children if one.op == "rule"]
    if tree.op not in {"and", "rule"} or flat != list(range(count)):
        raise RefusedError(RuleStatus.UNSUPPORTED, "temporal_ordered with any condition but 'a and b and c' in order")


def _values(rule: SigmaCorrelationRule) -> tuple[str, ...]:
    if not isinstance(rule.condition, SigmaCorrelationCondition) or not rule.type.name.startswith("VALUE"):
        return ()
    held = rule.condition.fieldref
    names = held if isinstance(held, list) else [held]
    if not names or not all(isinstance(one, str) and one for one in names):
        raise ValueError("'field' has to name fields")
    if len(names) > 1 and rule.type.name != "VALUE_COUNT":
        raise ValueError("'field' has to name one field")
    return tuple(str(one) for one in names)


def _fields(rule: SigmaCorrelationRule, written: str, names: Sequence[str]) -> dict[str, str]:
    """Give what some fields are called in the records of one rule."""
    out = {}
    for name in names:
        alias = rule.aliases.aliases.get(name)
        mapping = {one.reference: field for one, field in alias.mapping.items()} if alias else {}
        if alias is not None and written not in mapping:
            raise ValueError(f"alias '{name}' says nothing of '{written}'")
        out[name] = str(mapping.get(written, name))
    return out


def _percentile(rule: SigmaCorrelationRule) -> int:
    if rule.type.name != "VALUE_PERCENTILE":
        return 0
    held = rule.condition.percentile if isinstance(rule.condition, SigmaCorrelationCondition) else None
    if held is None or not 0 <= held <= 100:
        raise ValueError("'percentile' has to be a number from 0 to 100")
    return held


def _correlation(draft: Draft, names: Names) -> Correlation:
    rule = draft.rule
    written = _written(rule)
    ids = [names.find(one) for one in written]
    if len(set(ids)) < len(ids):
        raise ValueError("'rules' names a rule twice")
    kind = rule.type.name.lower()
    tree, bounds = None, tuple((one.op.name.lower(), float(one.count)) for one in draft.bounds)
    if isinstance(rule.condition, SigmaExtendedCorrelationCondition):
        tree = _tree(rule.condition.parsed, written)
        if kind == ORDERED:
            _ordered_tree(tree, len(ids))
            tree, bounds = None, (("gte", float(len(ids))),)
    if rule.timespan.seconds * 1_000_000 > SPAN_US_MAX:
        raise ValueError("'timespan' is too long")
    groups, values = tuple(dict.fromkeys(rule.group_by or ())), _values(rule)
    references = tuple(
        Reference(one, _fields(rule, each, (*groups, *values))) for one, each in zip(ids, written, strict=True)
    )
    found = Correlation(
        info=draft.info,
        kind=kind,
        references=references,
        span_us=rule.timespan.seconds * 1_000_000,
        group_by=groups,
        values=values,
        bounds=bounds,
        percentile=_percentile(rule),
        condition=tree,
        generate=rule.generate,
    )
    _within(found)
    return found


def _within(one: Correlation) -> None:
    """Refuse bounds within which no number is, counts that no window has, and rules in order of which few are asked for.

    Raises:
        ValueError: no number is.
        RefusedError: it asks for windows without a record, for an order of at most some rules, or of too many.
    """
    if one.condition is not None:
        return
    highest = min((bound for name, bound in one.bounds if name in {"lt", "lte", "eq"}), default=inf)
    lowest = max((bound for name, bound in one.bounds if name in {"gt", "gte", "eq"}), default=-inf)
    if lowest > highest or (lowest == highest and not one.holds(lowest)):
        raise ValueError("no number is within all bounds of 'condition'")
    if one.kind in _COUNTS and not _holds_for_some(one, lowest):
        raise RefusedError(
            RuleStatus.UNSUPPORTED,
            f"'condition' holds for no window with a record ({one.kind} is 1 or more), and nothing speaks of others",
        )
    if one.is_temporal:
        counts = [count for count in range(1, len(one.references) + 1) if one.holds(count)]
        if not counts:
            raise ValueError(f"'condition' holds for no number of its {len(one.references)} rules")
        if one.kind == ORDERED and counts != list(range(counts[0], len(one.references) + 1)):
            raise RefusedError(
                RuleStatus.UNSUPPORTED, "temporal_ordered with any bound but 'so many of its rules or more'"
            )
        if one.kind == ORDERED and counts[0] * len(counts) > STEPS_MAX:
            raise RefusedError(RuleStatus.UNSUPPORTED, "temporal_ordered of so many rules that not all have to occur")


def _holds_for_some(one: Correlation, lowest: float) -> bool:
    """Say whether bounds hold for a count of 1 or more; `lowest` is the highest of those from below."""
    first = max(1, ceil(min(max(lowest, 1), _COUNT_MAX)))
    # each bound from below can leave out one whole number, and so can each `neq`
    return any(one.holds(count) for count in range(first, first + len(one.bounds) + 1))


def _without_circles(found: dict[str, Correlation], refusals: dict[str, str]) -> None:
    """Take out correlations that rest on themselves."""
    while True:
        graph = {one.info.id: [each.rule_id for each in one.references] for one in found.values()}
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as fault:
            circle = list(dict.fromkeys(fault.args[1]))
            titles = sorted(found[one].info.title for one in circle)
            for one in circle:
                refusals[one] = f"it refers to itself, by way of {', '.join(titles)[:200]}"
                del found[one]
            continue
        return


class _Asking:
    """What correlations ask of others beside what those are grouped by."""

    def __init__(self, drafts: Mapping[str, Draft], found: Mapping[str, Correlation]) -> None:
        self._drafts, self._found = drafts, found
        self._called = cache(self._sought)

    def _sought(self, correlation: str, name: str) -> Mapping[str, str]:
        """Give what a field is called in the records of each rule that a correlation rests on, however far down.

        Raises:
            ValueError: an alias says nothing of one of them, or one has two names for it.
        """
        draft = self._drafts[correlation]
        out: dict[str, str] = {}
        for written, reference in zip(_written(draft.rule), self._found[correlation].references, strict=True):
            called = _fields(draft.rule, written, [name])[name]
            inner = reference.rule_id in self._found
            for rule, own in (
                self._called(reference.rule_id, called) if inner else {reference.rule_id: called}
            ).items():
                if out.setdefault(rule, own) != own:
                    raise ValueError(f"'{name}' is both '{out[rule]}' and '{own}' in the records of one rule")
        return out

    def of(self, one: Correlation) -> dict[str, dict[str, Mapping[str, str]]]:
        """Give, for each correlation that one rests on, the fields it is asked for and what they are called.

        Raises:
            ValueError: they cannot be told.
        """
        return {
            each.rule_id: {
                name: self._called(each.rule_id, name)
                for name in sorted(set(each.fields.values()) - set(self._found[each.rule_id].group_by))
            }
            for each in one.references
            if each.rule_id in self._found
        }


def _asked(drafts: Mapping[str, Draft], found: dict[str, Correlation], refusals: dict[str, str]) -> None:
    """Note in each correlation what others ask of it, and take out those that ask for what cannot be told."""
    asking = _Asking(drafts, dict(found))
    asked: dict[str, dict[str, Mapping[str, str]]] = {}
    for one in list(found.values()):
        try:
            for inner, fields in asking.of(one).items():
                asked.setdefault(inner, {}).update(fields)
        except (ValueError, RecursionError) as fault:
            refusals[one.info.id] = short(fault)
            del found[one.info.id]
    for name, fields in asked.items():
        if fields and name in found:
            found[name] = replace(found[name], asked=fields)


def resolved(drafts: Sequence[Draft], names: Names) -> tuple[list[Correlation], Refusals]:
    """Give the correlations that can be worked out, each after those it rests on, and those that cannot, with the reason.

    Args:
        drafts: correlations as parsed.
        names: the rules and correlations loaded.
    """
    found: dict[str, Correlation] = {}
    by_id = {one.info.id: one for one in drafts}
    refused: Refusals = []
    reasons: dict[str, str] = {}
    for draft in drafts:
        try:
            found[draft.info.id] = _correlation(draft, names)
        except RefusedError as fault:
            refused.append((draft.info, fault))
        except (ValueError, OverflowError, RecursionError) as fault:
            reasons[draft.info.id] = short(fault)
    _without_circles(found, reasons)
    _asked(by_id, found, reasons)
    for name, reason in sorted(reasons.items()):
        told = with_line(by_id[name].document, reason)
        refused.append((by_id[name].info, RefusedError(RuleStatus.INVALID, told)))
    return in_order(list(found.values())), refused
