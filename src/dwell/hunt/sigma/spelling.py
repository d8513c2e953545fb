r"""Values and modifiers that Sigma's specification allows and pySigma does not take, written so that it does.

Source:
    Sigma's appendix on modifiers (2.1). `windash` stands for any of five dashes, whichever is written; a percent that is no
    placeholder's is `\%` under `expand`; `fieldref` goes with the modifiers of texts in any order, `cased` among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sigma import types
from sigma.modifiers import SigmaExpandModifier
from sigma.rule import SigmaDetection, SigmaDetectionItem

__all__ = ["CASED", "unmarked", "written"]

_NAMED_ALIKE = {"utf16le": "wide"}
"""Modifiers of the specification that pySigma knows by another name."""
CASED = "\uffff"
"""Stands before the name of a field that is referred to where case counts; no document can hold it unescaped."""
_PERCENT = "\uffff"
"""Stands for an escaped percent until placeholders are found."""
_DASH = re.compile(r"\B[\u2013\u2014\u2015]\b")
"""A dash before a letter or digit and behind none, which pySigma does not take for one."""
_ESCAPED = re.compile(r"(\\+)%(?=([\w.-]+%)?)")
_WHOLE = re.compile(r"[+-]?[0-9]{1,300}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,300}\.[0-9]{1,30}", re.ASCII)
_BOUNDS = frozenset({"lt", "lte", "gt", "gte"})
_PARTS = frozenset({"minute", "hour", "day", "week", "month", "year"})


def written(modifiers: Sequence[str], value: Any) -> tuple[list[str], Any]:  # noqa: ANN401 - whatever a rule file holds
    """Give the modifiers of a line of a detection, and its value, as pySigma takes them.

    Args:
        modifiers: as they stand in the rule.
        value: a value or a list of values.
    """
    names = [_NAMED_ALIKE.get(one, one) for one in modifiers]
    if "fieldref" in names:
        is_cased = "cased" in names
        names = ["fieldref", *(one for one in names if one not in {"fieldref", "cased"})]
        return names, _each(value, lambda text: CASED + text) if is_cased else value
    if "windash" in names:
        value = _each(value, lambda text: _DASH.sub("-", text))
    if "expand" in names:
        value = _each(value, lambda text: _ESCAPED.sub(_without_escape, text))
    if not _BOUNDS.isdisjoint(names) or not _PARTS.isdisjoint(names):
        value = _each(value, _as_number if _PARTS.isdisjoint(names) else _as_whole)
    return names, value


def _each(value: Any, change: Callable[[str], Any]) -> Any:  # noqa: ANN401 - whatever a rule file holds
    if isinstance(value, list):
        return [_each(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


def _without_escape(found: re.Match[str]) -> str:
    r"""Give a percent that is escaped as one that is no placeholder's.

    Two backslashes are one, which escapes nothing. In `C:\Users\%user%` the backslash is the path's, in `\%staff\%` not.
    """
    if len(found[1]) % 2 == 0 or found[2]:
        return found[0]
    return found[1][:-1] + _PERCENT


def _as_whole(text: str) -> int | str:
    return int(text) if _WHOLE.fullmatch(text) else text


def _as_number(text: str) -> float | str:
    return float(text) if _NUMBER.fullmatch(text) else _as_whole(text)


def _items(detection: SigmaDetection) -> Iterator[SigmaDetectionItem]:
    for one in detection.detection_items:
        if isinstance(one, SigmaDetection):
            yield from _items(one)
        else:
            yield one


def unmarked(detections: Sequence[SigmaDetection]) -> None:
    """Put back the escaped percents of detections that pySigma has read."""
    for item in (item for one in detections for item in _items(one)):
        if SigmaExpandModifier in item.modifiers:
            for value in item.value if isinstance(item.value, list) else [item.value]:
                _unmark(value)


def _unmark(value: object) -> None:
    if isinstance(value, types.SigmaExpansion):
        for one in value.values:
            _unmark(one)
    text = value.regexp if isinstance(value, types.SigmaRegularExpression) else value
    if isinstance(text, types.SigmaString):
        text.s = [one.replace(_PERCENT, "%") if isinstance(one, str) else one for one in text.s]
