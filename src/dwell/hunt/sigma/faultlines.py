"""Which line of a rule file a fault speaks of: its text names a key, a value or a part of the rule."""

from __future__ import annotations

import re

from dwell.hunt.sigma.files import Document, Lines

__all__ = ["line_of", "with_line"]

_UNDEFINED = re.compile(r"(?:Detection|Selector) '(.*)' (?:not defined|doesn't match)", re.DOTALL)
_HAS_LINE = re.compile(r"\(line \d+\)\Z|^line \d+: ")
_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_WORD_MIN = 4
_CALLED = {"log source": "logsource", "identifier": "id", "detections": "detection", "tag": "tags"}
"""Parts of a rule that faults call by another name than the rule does."""
_PARTS = re.compile(
    r"\b(log source|logsource|identifier|id|title|related|status|date|modified|detections?|tags?|level|fields"
    r"|falsepositives|references|author|description|name|taxonomy|scope|license|filter|rules|correlation)\b"
)


def line_of(document: Document, text: str) -> int:
    """Find the 1-based line that a fault speaks of; where it names nothing of the document, that where this starts.

    Args:
        document: the document at fault.
        text: the fault, whole.
    """
    lines = document.lines
    undefined = _UNDEFINED.search(text)
    if undefined is not None:
        found = _condition(lines, undefined[1])
    elif text.startswith("Expected "):  # what the parser of conditions would have read on
        found = lines.keys.get("condition")
    else:
        found = _key(lines, text) or _text(lines, text) or _bare(lines, text)
    return found or _part(lines, text.lower()) or document.line


def with_line(document: Document, text: str, whole: str = "") -> str:
    """Give a fault with the line it speaks of, unless it has one.

    Args:
        document: the document at fault.
        text: the fault as it is told.
        whole: the same, where what is told is cut.
    """
    return text if _HAS_LINE.search(text) else f"{text} (line {line_of(document, whole or text)})"


def _key(lines: Lines, text: str) -> int | None:
    """Find a key below what the rule says that a fault quotes, or one that has a modifier which it quotes."""
    for key, line in lines.keys.items():
        if any(part and f"'{part}'" in text for part in (key, *key.split("|")[1:])):
            return line
    return None


def _text(lines: Lines, text: str) -> int | None:
    """Find the longest text that a fault quotes."""
    found = [one for one in lines.texts if one and f"'{one}'" in text]
    return lines.texts[max(found, key=len)] if found else None


def _bare(lines: Lines, text: str) -> int | None:
    """Find the longest text below the detection that a fault names without quotes, or a day where it speaks of one."""
    start = lines.sections.get("detection", 0)
    mine = {one: line for one, line in lines.texts.items() if line > start > 0}
    if "datetime.date" in text:
        return next((line for one, line in mine.items() if _DAY.match(one)), None)
    words = set(text.split())
    found = [one for one in mine if len(one) >= _WORD_MIN and one in words]
    return mine[max(found, key=len)] if found else None


def _condition(lines: Lines, name: str) -> int | None:
    """Find the condition, of several the one that holds a name."""
    word = re.compile(rf"(?<![\w*]){re.escape(name)}(?![\w*])")
    start = lines.keys.get("condition", 0)
    return next((line for one, line in lines.texts.items() if line >= start and word.search(one)), start) or None


def _part(lines: Lines, text: str) -> int | None:
    """Find the part of a rule that a fault is about."""
    if lines.empties and ("empty" in text or "null value" in text):
        return lines.empties[0]
    if "condition" in lines.keys and "condition" in text:
        return lines.keys["condition"]
    if text.startswith("filters nothing"):
        return lines.keys.get("rules")
    for word in _PARTS.findall(text):
        if (key := _CALLED.get(word, word)) in lines.sections:
            return lines.sections[key]
    return lines.sections.get("detection") if "condition" in text or "null value" in text else None
