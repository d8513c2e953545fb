"""What became of every correlation, from what became of the rules it rests on, and whose hits it stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from dwell.hunt.correlations.correlate import Left
from dwell.hunt.correlations.plan import Correlation
from dwell.hunt.ruleset import Node
from dwell.hunt.sigma.loaded import outcome_of
from dwell.hunt.verdict import Verdict, judged
from dwell.model.claims import RuleOutcome, RuleStatus

__all__ = ["LOOKED", "correlation_outcomes", "stood_for"]

LOOKED = frozenset({RuleStatus.RAN, RuleStatus.PARTLY_BLIND})
"""How rules end that looked at something."""
_NAMED_MAX = 4


def _reaches(tree: Node, hidden: AbstractSet[int]) -> bool:
    """Say whether a condition over rules can come true where some of them are never seen."""

    def verdict(node: Node) -> Verdict:
        return False if node.index in hidden else None

    def prepared(node: Node) -> Node:
        return Node("leaf", (), node.index) if node.op == "rule" else Node(node.op, tuple(map(prepared, node.children)))

    return judged(prepared(tree), verdict) is not False


def _possible(one: Correlation, hidden: AbstractSet[int]) -> bool:
    """Say whether a correlation can be met where some of the rules it rests on are never seen."""
    count = len(one.references) - len(hidden)
    if one.condition is not None:
        return _reaches(one.condition, hidden)
    return any(map(one.holds, range(1, count + 1))) if one.is_temporal else count > 0


def _listed(reasons: Sequence[str]) -> str:
    more = f"; and {len(reasons) - _NAMED_MAX} more" if len(reasons) > _NAMED_MAX else ""
    return "; ".join(reasons[:_NAMED_MAX]) + more


def _unseen(one: Correlation, known: Mapping[str, RuleOutcome], left: Left) -> dict[int, str]:
    """Give the references that cannot have been met, with the reason."""
    out = {}
    for at, reference in enumerate(one.references):
        rule = known[reference.rule_id]
        seen, used = left.by_reference[at]
        if rule.status not in LOOKED:
            out[at] = f"it rests on '{rule.title}', which is {rule.status.value}: {rule.reason}"
        elif seen and not used:
            out[at] = f"no record of '{rule.title}' has {_names(left)}"
    return out


def _names(left: Left) -> str:
    return " and ".join(sorted(left.lost))


def _told(one: Correlation, left: Left) -> list[str]:
    """Give what was left out of what could be looked at."""
    out = [
        f"{count:,} of {left.seen:,} records left out: they have no {why}" for why, count in sorted(left.lost.items())
    ]
    if left.cut:
        out.append(f"the first of its matches are shown, {left.cut:,} more are not")
    return out if one.references else []


def _outcome(
    one: Correlation, known: Mapping[str, RuleOutcome], left: Left, cut: AbstractSet[str], hits: int
) -> RuleOutcome:
    hidden = _unseen(one, known, left)
    if not _possible(one, set(hidden)):
        return outcome_of(one.info, RuleStatus.BLIND, _listed(list(hidden.values())))
    partly = list(hidden.values())
    for reference in one.references:
        rule = known[reference.rule_id]
        if rule.status is RuleStatus.PARTLY_BLIND:
            partly.append(f"it rests on '{rule.title}', which is partly blind: {rule.reason}")
        if reference.rule_id in cut:
            partly.append(f"'{rule.title}' met more records in one data file than can be told one by one")
    status = RuleStatus.PARTLY_BLIND if partly else RuleStatus.RAN
    base = outcome_of(one.info, status, _listed([*partly, *_told(one, left)]))
    rules = [known[each.rule_id] for each in one.references]
    return replace(
        base,
        hits=hits,
        files_opened=max(each.files_opened for each in rules),
        files_pruned=min(each.files_pruned for each in rules),
        rows_compared=sum(each.rows_compared for each in rules),
    )


def correlation_outcomes(
    correlations: Sequence[Correlation],
    outcomes: Sequence[RuleOutcome],
    left: Mapping[str, Left],
    cut: AbstractSet[str],
    hits: Mapping[str, int],
) -> list[RuleOutcome]:
    """Give the outcome of every correlation.

    Args:
        correlations: each after those it rests on.
        outcomes: those of all rules, and of the correlations that could not be resolved.
        left: what each correlation could not look at.
        cut: rules of which not all records were told one by one.
        hits: records met, by id.
    """
    known = {one.rule_id: one for one in outcomes}
    out = []
    for one in correlations:
        found = _outcome(one, known, left[one.info.id], cut, hits.get(one.info.id, 0))
        known[one.info.id] = found
        out.append(found)
    return out


def stood_for(correlations: Sequence[Correlation], outcomes: Sequence[RuleOutcome]) -> dict[str, str]:
    """Give the rules whose hits are shown by correlations only, with the title of one.

    A rule of our own pack is always shown, and so is one whose correlations could not look.

    Args:
        correlations: all of them.
        outcomes: those of the correlations.
    """
    looked = {one.rule_id for one in outcomes if one.status in LOOKED}
    shown = {each.rule_id for one in correlations if one.generate for each in one.references}
    out: dict[str, str] = {}
    for one in correlations:
        if one.info.id in looked:
            for each in one.references:
                if each.rule_id not in shown:
                    out.setdefault(each.rule_id, one.info.title)
    return out
