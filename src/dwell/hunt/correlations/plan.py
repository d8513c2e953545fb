"""Correlations as the narrow pass sees them: plain data, with every reference resolved to the id of a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from dwell.hunt.ruleset import Node, RuleInfo

__all__ = ["ORDERED", "TEMPORAL", "Correlation", "Reference", "correlations_hash", "in_order", "wanted_fields"]

TEMPORAL, ORDERED = "temporal", "temporal_ordered"


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
        operator: `lt`, `lte`, `gt`, `gte`, `eq`, `neq`.
        bound: what the number is held against.
        percentile: for `value_percentile`, 0 to 100.
        condition: of the temporal kinds, where it is written in words: `and`, `or`, `not` over `rule`, an index into the
            references.
        generate: whether the hits of the rules it rests on are shown as well.
    """

    info: RuleInfo
    kind: str
    references: tuple[Reference, ...]
    span_us: int
    group_by: tuple[str, ...]
    values: tuple[str, ...]
    operator: str
    bound: float
    percentile: int = 0
    condition: Node | None = None
    generate: bool = False

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
    return out
