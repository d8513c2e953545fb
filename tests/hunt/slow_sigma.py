"""A slow reading of the Sigma specification, one event at a time, to measure the fast one against.

It shares nothing with the program: its own parser of conditions, its own wildcards, its own modifiers. An event gives
the texts of a field (none where it has no such field) and all its texts for keywords.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

__all__ = ["Event", "iis_event", "matches", "plain_event"]


@dataclass(frozen=True, slots=True)
class Event:
    """An event.

    Attributes:
        field: texts of a field; told whether the question is about the field's start, its being empty, or neither.
        texts: all texts, for keywords.
    """

    field: Callable[[str, str], list[str]]
    texts: list[str]


@lru_cache(maxsize=100_000)
def fold(text: str) -> str:
    return "".join(one.lower() if len(one.lower()) == 1 else one for one in text)


def plain_event(row: Mapping[str, str | None]) -> Event:
    """Make an event whose fields are taken as they stand."""

    def field(name: str, _kind: str) -> list[str]:
        value = row.get(name)
        return [] if value is None else [value]

    return Event(field, [one for one in row.values() if one is not None])


def decode(text: str) -> str:
    kept = text.replace("%00", "%\1")
    return unquote(kept, errors="replace").replace("%\1", "%00")


_IIS_NAMES = {
    "c-useragent": "cs-user-agent",
    "c-uri-path": "cs-uri-stem",
    "src_ip": "c-ip",
}
_DECODED = {"cs-uri-stem", "cs-uri-query", "cs-referer"}
_KEYWORDS = (
    "cs-user-agent", "cs-referer", "cs-cookie", "cs-username", "cs-host", "X-Forwarded-For", "cs-method", "c-ip", "s-ip",
    "s-computername", "s-sitename", "cs-version",
)  # fmt: skip


def _views(name: str, text: str) -> list[str]:
    if name in _DECODED:
        return [text, decode(text)]
    return [text, text.replace("+", " ")] if name == "cs-user-agent" else [text]


def iis_event(row: Mapping[str, object]) -> Event:
    """Make an event of a line of IIS: web rules see path and query together, as written and decoded."""
    stem = row.get("cs-uri-stem")
    query = row.get("cs-uri-query")
    joined = None
    if stem is not None:
        joined = str(stem) if query in (None, "-") else f"{stem}?{query}"
    extra = dict(row.get("extra") or [])  # type: ignore[call-overload]

    def whole() -> list[str]:
        return [] if joined is None else [joined, decode(joined)]

    def field(name: str, kind: str) -> list[str]:
        name = _IIS_NAMES.get(name, name)
        if name in {"c-uri", "cs-uri"}:
            return whole()
        if name in {"cs-uri-query", "c-uri-query"}:
            alone = [] if query is None else _views("cs-uri-query", str(query))
            return alone if kind == "empty" else whole() + alone if kind == "start" else whole()
        value = row.get(name, extra.get(name))
        return [] if value is None else _views(name, str(value))

    texts = whole() + [view for name in _KEYWORDS if row.get(name) is not None for view in _views(name, str(row[name]))]
    return Event(field, texts + [one for one in extra.values() if one is not None])


# Values -------------------------------------------------------------------------------------------


def _pattern(value: str) -> list[str | int]:
    """Cut a value into literals and wildcards (1 for one character, 2 for any run)."""
    out: list[str | int] = []
    at = 0
    while at < len(value):
        one = value[at]
        if one == "\\" and at + 1 < len(value) and value[at + 1] in "*?\\":
            out.append(value[at + 1])
            at += 2
            continue
        out.append(2 if one == "*" else 1 if one == "?" else one)
        at += 1
    return out


@lru_cache(maxsize=10_000)
def _compiled(pattern: tuple[str | int, ...]) -> re.Pattern[str]:
    return re.compile(
        "".join(re.escape(one) if isinstance(one, str) else (".", ".*")[one - 1] for one in pattern), re.S
    )


def _glob(pattern: Sequence[str | int], text: str) -> bool:
    return _compiled(tuple(pattern)).fullmatch(text) is not None


@lru_cache(maxsize=10_000)
def _variants(value: str, modifiers: tuple[str, ...]) -> list[list[str | int]]:
    """Give the patterns that a value stands for once its modifiers are applied."""
    values = [value]
    for one in modifiers:
        if one == "windash":
            values = [x for v in values for x in _dashed(v)]
        elif one in {"wide", "utf16le"}:
            values = ["".join(c + "\0" for c in v) for v in values]
        elif one == "base64":
            values = [base64.b64encode(v.encode()).decode() for v in values]
        elif one == "base64offset":
            values = [x for v in values for x in _offsets(v)]
    patterns = [_pattern(one) for one in values]
    for one in modifiers:
        if one in {"contains", "endswith"}:
            patterns = [[2, *p] for p in patterns]
        if one in {"contains", "startswith"}:
            patterns = [[*p, 2] for p in patterns]
    return patterns


def _dashed(value: str) -> list[str]:
    match = re.search(r"\B[-/]\b", value)
    if match is None:
        return [value]
    return [
        value[: match.start()] + dash + rest
        for dash in ("-", "/", "\u2013", "\u2014", "\u2015")
        for rest in _dashed(value[match.end() :])
    ]


def _offsets(value: str) -> list[str]:
    data = value.encode()
    out = []
    for shift, cut in ((0, 0), (1, 2), (2, 3)):
        whole = base64.b64encode(b" " * shift + data).decode()
        end = {0: None, 1: -3, 2: -2}[(len(data) + shift) % 3]
        out.append(whole[cut:end])
    return out


def _one(event: Event, name: str, modifiers: Sequence[str], value: object) -> bool:
    if "exists" in modifiers:
        held = any(one not in {"", "-"} for one in event.field(name, "empty"))
        return held is bool(value)
    if value is None:
        return all(one in {"", "-"} for one in event.field(name, "empty"))
    if "fieldref" in modifiers:
        return any(
            _related(fold(one), fold(two), modifiers)
            for one in event.field(name, "")
            for two in event.field(str(value), "")
        )
    if "re" in modifiers:
        flags = re.ASCII
        for mark, flag in (("i", re.IGNORECASE), ("m", re.MULTILINE), ("s", re.DOTALL)):
            flags |= flag if mark in modifiers else 0
        return any(re.search(str(value), one, flags) for one in event.field(name, ""))
    if "cidr" in modifiers:
        network = ipaddress.ip_network(str(value))
        return any(_inside(one, network) for one in event.field(name, ""))
    if set(modifiers) & {"lt", "lte", "gt", "gte"}:
        return any(_compared(one, modifiers, float(str(value))) for one in event.field(name, ""))
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, int | float):
        return any(_number(one) == float(value) for one in event.field(name, ""))
    if value == "" and not modifiers:
        return any(one in {"", "-"} for one in event.field(name, "empty"))
    return _text(event, name, modifiers, str(value))


def _text(event: Event, name: str, modifiers: Sequence[str], value: str) -> bool:
    cased = "cased" in modifiers
    for pattern in _variants(value, tuple(modifiers)):
        kind = "" if pattern and pattern[0] == 2 else "start"
        for one in event.field(name, kind):
            if cased and _glob(pattern, one):
                return True
            folded = [fold(part) if isinstance(part, str) else part for part in pattern]
            if not cased and _glob(folded, fold(one)):
                return True
    return False


def _related(one: str, two: str, modifiers: Sequence[str]) -> bool:
    if "contains" in modifiers:
        return two in one
    if "startswith" in modifiers:
        return one.startswith(two)
    return one.endswith(two) if "endswith" in modifiers else one == two


def _inside(text: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        found = ipaddress.ip_address(text.strip())
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    found = mapped or found
    return found.version == network.version and found in network


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?", text) else None


def _compared(text: str, modifiers: Sequence[str], bound: float) -> bool:
    number = _number(text)
    if number is None:
        return False
    return {
        "lt": number < bound,
        "lte": number <= bound,
        "gt": number > bound,
        "gte": number >= bound,
    }[next(one for one in modifiers if one in {"lt", "lte", "gt", "gte"})]


# Detections and conditions ------------------------------------------------------------------------


def _item(event: Event, key: str, value: object) -> bool:
    name, *modifiers = key.split("|")
    values = value if isinstance(value, list) else [value]
    found = [_one(event, name, modifiers, one) if name else _keyword(event, one) for one in values]
    if not values:
        return all(one in {"", "-"} for one in event.field(name, "empty"))
    answer = all(found) if "all" in modifiers else any(found)
    return not answer if "neq" in modifiers else answer


@lru_cache(maxsize=10_000)
def _keyword_pattern(value: str) -> tuple[str | int, ...]:
    return (2, *(fold(one) if isinstance(one, str) else one for one in _pattern(value)), 2)


def _keyword(event: Event, value: object) -> bool:
    pattern = _keyword_pattern(str(value))
    return any(_glob(pattern, fold(one)) for one in event.texts)


def _detection(event: Event, definition: object) -> bool:
    if isinstance(definition, Mapping):
        return all(_item(event, key, value) for key, value in definition.items())
    if isinstance(definition, list):
        return any(_detection(event, one) for one in definition)
    return _keyword(event, definition)


class _Condition:
    """A recursive reading of a condition."""

    def __init__(self, event: Event, detection: Mapping[str, object], text: str) -> None:
        self.event = event
        self.detection = detection
        self.words = re.findall(r"\(|\)|[^\s()]+", text)

    def whole(self) -> bool:
        found = self.either()
        assert not self.words, self.words
        return found

    def either(self) -> bool:
        found = self.both()
        while self.words and self.words[0].lower() == "or":
            self.words.pop(0)
            right = self.both()
            found = found or right
        return found

    def both(self) -> bool:
        found = self.single()
        while self.words and self.words[0].lower() == "and":
            self.words.pop(0)
            right = self.single()
            found = found and right
        return found

    def single(self) -> bool:
        word = self.words.pop(0)
        if word.lower() == "not":
            return not self.single()
        if word == "(":
            found = self.either()
            assert self.words.pop(0) == ")"
            return found
        if word in {"1", "any", "all"} and self.words and self.words[0] == "of":
            self.words.pop(0)
            pattern = self.words.pop(0)
            names = [one for one in self.detection if one not in {"condition", "timeframe"}]
            if pattern != "them":
                names = [one for one in names if re.fullmatch(pattern.replace("*", ".*"), one)]
            else:
                names = [one for one in names if not one.startswith("_")]
            found_each = [_detection(self.event, self.detection[one]) for one in names]
            return all(found_each) if word == "all" else any(found_each)
        return _detection(self.event, self.detection[word])


def matches(rule: Mapping[str, object], event: Event) -> bool:
    """Say whether a rule, as parsed from its YAML, is met by an event."""
    detection = rule["detection"]
    assert isinstance(detection, dict)
    conditions = detection["condition"]
    texts = conditions if isinstance(conditions, list) else [conditions]
    return any(_Condition(event, detection, str(one)).whole() for one in texts)
