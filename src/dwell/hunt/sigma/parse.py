"""One document of a rule file parsed with pySigma, or the reason why it cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any, TypeVar

from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaRegularExpressionError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from dwell.hunt.correlations.plan import OPERATORS
from dwell.hunt.sigma.faultlines import with_line
from dwell.hunt.sigma.files import Document
from dwell.hunt.sigma.spelling import unmarked, written
from dwell.model.claims import RuleStatus

__all__ = ["FAULTS", "RefusedError", "parsed_correlation", "parsed_filter", "parsed_rule", "short"]

CONDITION_CHARS_MAX = 4_000
BRACKETS_MAX = 25
"""Brackets within one another."""
EXACT_MAX = 2**53
"""Whole numbers beyond it are read as floats, which do not tell one from the next."""
_ON_TEXT = frozenset({"contains", "startswith", "endswith", "cased"})
FAULTS = (SigmaError, ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError)
"""What a document can end with: pySigma does not foresee everything that YAML can hold in place of a text."""
_TAXONOMY = "sigma"

_IN_CONDITION = re.compile(r"\s*\(at char (\d+)\), \(line:\d+, col:\d+\)")

_EXPRESSION = re.compile(r"Regular expression '(.*)' is invalid: b?['\"](.*)['\"]", re.DOTALL)
_REPETITION = re.compile(r"invalid repetition size: (\{(\d+),?(\d*)\})")

T = TypeVar("T")


class RefusedError(Exception):
    """A document that ends here.

    Attributes:
        status: how.
        reason: why, with the line where it is known.
    """

    def __init__(self, status: RuleStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def short(fault: BaseException) -> str:
    """Give the first line of a fault; places are those in the file, not those in a condition."""
    return _IN_CONDITION.sub(r" at character \1", (str(fault) or type(fault).__name__).split("\n")[0])[:300]


def _measured(conditions: object, document: Document) -> None:
    """Refuse conditions that are no condition any more, or too large to parse.

    Raises:
        RefusedError: a condition is.
    """
    for one in conditions if isinstance(conditions, list) else [conditions]:
        text = str(one)
        if one is not None and not isinstance(one, str):
            told = with_line(document, f"the condition is no text but {text[:40]}", "'condition'")
            raise RefusedError(RuleStatus.INVALID, told)
        if "|" in text:
            raise RefusedError(RuleStatus.UNSUPPORTED, "aggregation in the condition ('|') is not supported")
        if len(text) > CONDITION_CHARS_MAX:
            raise RefusedError(RuleStatus.UNSUPPORTED, f"a condition of more than {CONDITION_CHARS_MAX} characters")
        if _depth(text) > BRACKETS_MAX:
            raise RefusedError(
                RuleStatus.UNSUPPORTED, f"a condition with more than {BRACKETS_MAX} brackets in one another"
            )


def _depth(text: str) -> int:
    """Give how many brackets of a condition lie within one another."""
    steps = [(one == "(") - (one == ")") for one in text]
    return max(accumulate(steps), default=0)


def _renamed(definition: Any) -> Any:  # noqa: ANN401 - whatever a rule file holds
    """Give a detection as pySigma takes it: modifiers by its names for them, values in its spelling."""
    if isinstance(definition, list):
        return [_renamed(one) for one in definition]
    if not isinstance(definition, dict):
        return definition
    out = {}
    for key, value in definition.items():
        field, *modifiers = str(key).split("|")
        modifiers, value = written(modifiers, value)
        name = "|".join([field, *modifiers])
        if name in out:
            raise RefusedError(RuleStatus.INVALID, f"'{key}' is said twice")
        if value == []:
            raise RefusedError(RuleStatus.INVALID, f"'{key}' asks for nothing: its list is empty")
        _told_apart(value)
        is_text = not _ON_TEXT.isdisjoint(modifiers) and field
        out[name] = _as_text(value) if is_text else _renamed(value)
    return out


def _told_apart(value: object) -> None:
    """Refuse a whole number that a float cannot hold.

    Raises:
        RefusedError: it is one.
    """
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, int) and abs(one) > EXACT_MAX and (abs(one) >= 1 << 1023 or int(float(one)) != one):
            raise RefusedError(
                RuleStatus.UNSUPPORTED, f"the number {str(one)[:40]}: in quotes it is looked for as a text"
            )


def _as_text(value: Any) -> Any:  # noqa: ANN401 - whatever a rule file holds
    """Give numbers as the texts that a record holds: `EventID|contains: 900` asks for a part of a text."""
    if isinstance(value, list):
        return [_as_text(one) for one in value]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _too_large(fault: str) -> str | None:
    """Name an expression that is right and larger than RE2 takes; None where it is not right."""
    found = _EXPRESSION.search(fault)
    if found is None:
        return None
    named, why = f"regular expression '{found[1][:60]}'", found[2]
    bounds = _REPETITION.search(why)
    if bounds is not None and int(bounds[3] or bounds[2]) >= int(bounds[2]):
        return f"{named} repeats something more than 1,000 times ({bounds[1]})"
    return f"{named} is too large" if "too large" in why else None


def _guarded(document: Document, make: Callable[[], T]) -> T:
    try:
        return make()
    except SigmaRegularExpressionError as fault:
        # RE2 names what it has no means for; anything else is a fault of the expression
        if any(one in str(fault) for one in ("perl operator", "escape sequence")):
            raise RefusedError(RuleStatus.UNSUPPORTED, f"regular expression: {short(fault)}") from fault
        if (large := _too_large(str(fault))) is not None:
            raise RefusedError(RuleStatus.UNSUPPORTED, large) from fault
        told = with_line(document, f"regular expression: {short(fault)}", str(fault))
        raise RefusedError(RuleStatus.INVALID, told) from fault
    except FAULTS as fault:
        if "windash modifier expands at most" in str(fault):
            raise RefusedError(RuleStatus.UNSUPPORTED, "more than 3 dashes in one value under 'windash'") from fault
        raise RefusedError(RuleStatus.INVALID, with_line(document, short(fault), str(fault))) from fault


def _identified(document: Document) -> dict[str, Any]:
    """Give what a document holds; pySigma takes an id that is no text for one, and any taxonomy for Sigma's.

    Raises:
        RefusedError: its id is no text, or its fields are named in another taxonomy.
    """
    content = dict(document.content)
    taxonomy = content.get("taxonomy")
    if taxonomy is not None and str(taxonomy).strip().lower() != _TAXONOMY:
        raise RefusedError(
            RuleStatus.UNSUPPORTED, f"taxonomy '{str(taxonomy)[:60]}': only Sigma's own names of fields are known"
        )
    if not isinstance(content.get("id"), str | None):
        raise RefusedError(RuleStatus.INVALID, with_line(document, "the id is no text", "'id'"))
    return content


def parsed_rule(document: Document) -> SigmaRule:
    """Parse a rule.

    Raises:
        RefusedError: it is none, or holds what cannot be expressed.
    """
    content = _identified(document)
    if "action" in content:
        raise RefusedError(RuleStatus.UNSUPPORTED, "construct 'action' is not supported")
    detection = content.get("detection")
    if isinstance(detection, dict):
        _measured(detection.get("condition"), document)
        content["detection"] = {key: _renamed(value) for key, value in detection.items()}

    def make() -> SigmaRule:
        found = SigmaRule.from_dict(content)
        unmarked(list(found.detection.detections.values()))
        return found

    return _guarded(document, make)


def parsed_filter(document: Document) -> SigmaFilter:
    """Parse a filter, its condition included.

    Raises:
        RefusedError: it is none, or holds what cannot be expressed.
    """
    content = _identified(document)
    held = content.get("filter")
    if isinstance(held, dict):
        _measured(held.get("condition"), document)
        content["filter"] = {key: value if key == "rules" else _renamed(value) for key, value in held.items()}

    def make() -> SigmaFilter:
        found = SigmaFilter.from_dict(content)
        unmarked(list(found.filter.detections.values()))
        if any(one.parsed is None for one in found.filter.parsed_condition):
            raise ValueError("the condition says nothing")
        return found

    return _guarded(document, make)


def parsed_correlation(document: Document) -> tuple[SigmaCorrelationRule, tuple[SigmaCorrelationCondition, ...]]:
    """Parse a correlation and the bounds of its condition; its references are names as yet.

    Raises:
        RefusedError: it is none.
    """
    held = document.content.get("correlation")
    if isinstance(held, dict) and isinstance(held.get("condition"), str):
        _measured(held["condition"], document)
    content = _identified(document)
    return _guarded(document, lambda: _with_bounds(content))


def _with_bounds(content: Mapping[str, Any]) -> tuple[SigmaCorrelationRule, tuple[SigmaCorrelationCondition, ...]]:
    """Parse a correlation whose condition may be a range, which pySigma takes one bound at a time."""
    section = content.get("correlation")
    written = section.get("condition") if isinstance(section, dict) else None
    operators = [one for one in written if one in OPERATORS] if isinstance(written, dict) else []
    if not isinstance(section, dict) or not isinstance(written, dict) or len(operators) < 2:
        rule = SigmaCorrelationRule.from_dict(dict(content))
        return rule, (rule.condition,) if isinstance(rule.condition, SigmaCorrelationCondition) else ()
    others = {key: value for key, value in written.items() if key not in OPERATORS}
    each = [{**others, one: written[one]} for one in operators]
    rule = SigmaCorrelationRule.from_dict({**content, "correlation": {**section, "condition": each[0]}})
    return rule, tuple(map(SigmaCorrelationCondition.from_dict, each))
