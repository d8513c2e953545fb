"""Correlations as the narrow pass sees them: plain data, with every reference resolved to the id of a rule."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from dwell.hunt.ruleset import Node, RuleInfo

__all__ = [
    "OPERATORS",
    "ORDERED",
    "TEMPORAL",
    "Correlation",
    "Reference",
    "correlations_hash",
    "in_order",
    "wanted_fields",
]

TEMPORAL, ORDERED = "temporal", "temporal_ordered"
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
    "neq": operator.ne,
}
"""What a number can be held against a bound with, by Sigma's names."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A rule, or another correlation, that a correlation rests on.

    Attributes:
        rule_id: its id.
        fields: the correlation's names of fields to what they are called in the records of that rule.
    """

    rule_id: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Correlation:
    """A correlation whose references are known.

    Attributes:
        info: what is said about it.
        kind: Sigma's type, in lower case.
        references: what it rests on, in the order written.
        span_us: how far apart the first and the last record may lie, microseconds.
        group_by: fields that have to be alike; none for all records together.
        values: fields that are counted or measured.
        bounds: operators (`lt`, `lte`, `gt`, `gte`, `eq`, `neq`), each with what the number is held against; all have to
            hold.
        percentile: for `value_percentile`, 0 to 100.
        condition: of the temporal kinds, where it is written in words: `and`, `or`, `not` over `rule`, an index into the
            references.
        generate: whether the hits of the rules it rests on are shown as well.
        asked: fields that other correlations ask of its matches and by which it is not grouped: their name of the field to
            what it is called in the records of each rule that it rests on, however far down.
    """

    info: RuleInfo
    kind: str
    references: tuple[Reference, ...]
    span_us: int
    group_by: tuple[str, ...]
    values: tuple[str, ...]
    bounds: tuple[tuple[str, float], ...]
    percentile: int = 0
    condition: Node | None = None
    generate: bool = False
    asked: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def holds(self, number: float) -> bool:
        """Say whether a number is within all bounds."""
        return all(OPERATORS[name](number, bound) for name, bound in self.bounds)

    @property
    def least(self) -> int:
        """Give the smallest number of its rules that is within all bounds."""
        return next(one for one in range(1, len(self.references) + 1) if self.holds(one))

    @property
    def asks_for_few(self) -> bool:
        """Say whether low numbers are what it looks for."""
        return all(name in {"lt", "lte"} for name, _ in self.bounds)

    @property
    def is_temporal(self) -> bool:
        """Say whether it asks which rules were met, and not how often."""
        return self.kind in {TEMPORAL, ORDERED}


def correlations_hash(correlations: Sequence[Correlation]) -> bytes:
    """Give bytes that change whenever a correlation does; none where there are no correlations."""
    return msgspec.json.encode(correlations, order="sorted") if correlations else b""


def in_order(correlations: Sequence[Correlation]) -> list[Correlation]:
    """Give correlations so that each comes after those it rests on; there are no circles among them."""
    waiting = sorted(correlations, key=lambda one: one.info.id)
    out: list[Correlation] = []
    open_ids = {one.info.id for one in waiting}
    while waiting:
        ready = [one for one in waiting if not open_ids & {each.rule_id for each in one.references}]
        out += ready
        open_ids -= {one.info.id for one in ready}
        waiting = [one for one in waiting if one.info.id in open_ids]
    return out


def wanted_fields(correlations: Sequence[Correlation]) -> dict[str, set[str]]:
    """Give the fields that have to be kept of the records of each rule that a correlation rests on."""
    out: dict[str, set[str]] = {}
    for one in correlations:
        for each in one.references:
            out.setdefault(each.rule_id, set()).update(each.fields.values())
        for called in one.asked.values():
            for rule_id, name in called.items():
                out.setdefault(rule_id, set()).add(name)
    return out
