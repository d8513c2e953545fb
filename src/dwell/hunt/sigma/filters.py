"""Filters: documents that add a condition to rules written by others, without changing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from sigma.conditions import ConditionItem
from sigma.filters import SigmaFilter
from sigma.rule import SigmaLogSource

from dwell.hunt.ruleset import RuleInfo

__all__ = ["Filter", "Source", "is_named", "unknown"]


class Source(Protocol):
    """What filters look at of a rule."""

    @property
    def logsource(self) -> SigmaLogSource:
        """Give its log source."""

    @property
    def name(self) -> str | None:
        """Give what it may be called."""


@dataclass(slots=True)
class Filter:
    """A filter, and what came of it.

    Attributes:
        info: what is said about it.
        parsed: its log source, its rules and its condition.
        rules: ids of the rules it was added to.
        fault: why it could not be added to some rule; it is added to none, then.
    """

    info: RuleInfo
    parsed: SigmaFilter
    rules: list[str] = field(default_factory=list)
    fault: Exception | None = None

    @property
    def references(self) -> tuple[str, ...] | None:
        """Give the ids and names of the rules it is for; None for all of its log source."""
        rules = self.parsed.filter.rules
        return None if isinstance(rules, str) else tuple(str(one.reference) for one in rules)

    def is_for(self, rule: Source, info: RuleInfo) -> bool:
        """Say whether it has to be added to a rule; to one of our own only where it names it."""
        if rule.logsource not in self.parsed.logsource:
            return False
        if self.references is None:
            return not info.pack
        return any(is_named(info, rule.name, one) for one in self.references)

    def condition(self) -> ConditionItem | None:
        """Give its condition, parsed."""
        return cast("ConditionItem | None", self.parsed.filter.parsed_condition[0].parsed)


def is_named(info: RuleInfo, name: str | None, reference: str) -> bool:
    """Say whether a reference means a rule: by its id, in any case, or by its name."""
    return reference.lower() == info.id.lower() or (name is not None and reference == name)


def unknown(one: Filter, rules: Sequence[tuple[Source, RuleInfo]]) -> list[str]:
    """Give the references of a filter that no rule loaded answers to."""
    return [each for each in one.references or () if not any(is_named(info, rule.name, each) for rule, info in rules)]
