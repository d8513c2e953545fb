"""A slow reading of the Sigma specification, one event at a time, to measure the fast one against.

It shares nothing with the program: its own parser of conditions, its own wildcards, its own modifiers. An event gives
the texts of a field (none where it has no such field) and all its texts for keywords.
"""

from __future__ import annotations

import base64
import dataclasses
import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache
from urllib.parse import unquote

__all__ = ["Event", "Meaning", "audit_event", "iis_event", "matches", "meaning", "plain_event", "windows_event"]

Told = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], frozenset[str]]
"""Texts of a field for any question, for one about its start, for one about its being empty; texts that are no value."""


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """An event.

    Attributes:
        field: texts of a field; told whether the question is about the field's start, its being empty, its being the
            same as another, or nothing of these.
        texts: all texts, for keywords.
        blanks: texts that are no value.
    """

    field: Callable[[str, str], list[str]]
    texts: list[str]
    blanks: frozenset[str] = frozenset({"", "-"})
    _told: dict[str, Told] = dataclasses.field(default_factory=dict)

    def told(self, name: str) -> Told:
        """Give all that a question about a field can rest on."""
        found = self._told.get(name)
        if found is None:
            plain, start, empty = (tuple(self.field(name, kind)) for kind in ("", "start", "empty"))
            found = self._told[name] = (plain, start, empty, self.blanks)
        return found


Meaning = Callable[[Event], bool]
"""What a rule, or a part of one, says of an event."""


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


def _entries(value: object) -> list[tuple[str, str]]:
    """Give name and text of every entry of a map or a list, and of a plain value; what is null is none."""
    if value is None:
        return []
    if not isinstance(value, list):
        return [("", str(value))]
    pairs = [one if isinstance(one, tuple) else ("", one) for one in value]
    return [(str(name), str(text)) for name, text in pairs if text is not None]


def _is_key(key: str, name: str) -> bool:
    """Say whether a map's key is the name: as it stands, as the last part of a dotted one, or numbered when it repeats.

    "Field usage" of the specification: names lose their blanks, an attribute is called after its element, `_` between.
    """
    key, name = re.sub(r"#[0-9]+\Z", "", key).lower(), name.lower()
    forms = [key, key.replace("@", "_"), key.rpartition("@")[2]]
    return any(one == name or one.endswith("." + name) for form in forms for one in (form, form.replace(" ", "")))


_HEAD_ONLY = {
    "evidence_id", "record_no", "time_utc", "host", "Channel", "Provider", "ProviderGuid", "EventSourceName", "Computer",
    "EventID", "EventRecordID", "Qualifiers",
}  # fmt: skip
_OF_HEAD = {"ProcessID", "ThreadID", "UserID", "ActivityID", "RelatedActivityID"}


def windows_event(
    row: Mapping[str, object], names: Mapping[str, Sequence[str]], unnamed: Mapping[str, Sequence[str]]
) -> Event:
    """Make an event of a Windows event record.

    Args:
        row: columns, and the map `EventData`.
        names: what fields are called in this kind of record, in lower case, where they have another name.
        unnamed: fields that stand for data without a name.
    """
    columns = {name.lower(): name for name in row}
    data = _entries(row.get("EventData"))

    def held(place: str) -> list[str]:
        if not place.startswith("EventData:"):
            return [text for _, text in _entries(row.get(place))]
        key = place.partition(":")[2]
        if key.endswith("#"):
            return [text for name, text in data if re.fullmatch(key[:-1] + "[0-9]*(#[0-9]+)?", name, re.IGNORECASE)]
        return [text for name, text in data if _is_key(name, key)]

    @cache
    def field(name: str, _kind: str) -> list[str]:
        lower = name.lower()
        known = names.get(lower) or unnamed.get(name)
        if known is None and lower in columns and columns[lower] in _HEAD_ONLY:
            known = [columns[lower]]
        elif known is None:
            # the head of an event has a `ProcessID`, many events have a `ProcessId` of their own
            is_column = lower in columns and (columns[lower] not in _OF_HEAD or columns[lower] == name)
            known = [*([columns[lower]] if is_column else []), f"EventData:{name}"]
        return [text for place in known for text in held(place)]

    texts = [str(one) for name, one in row.items() if isinstance(one, str) and name != "evidence_id"]
    return Event(field, texts + [text for _, text in data], frozenset({""}))


def _json_text(value: object) -> str:
    return (
        str(value)
        if isinstance(value, str | bool | int | float)
        else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    )


def audit_event(row: Mapping[str, object], names: Mapping[str, Sequence[str]]) -> Event:
    """Make an event of a Microsoft 365 audit record: its columns, then its own JSON and the pairs in its lists."""
    columns = {name.lower(): name for name in row}
    try:
        record = json.loads(str(row.get("AuditData") or "{}"))
    except ValueError:
        record = {}
    record = record if isinstance(record, dict) else {}
    pairs = [one for value in record.values() if isinstance(value, list) for one in value if isinstance(one, dict)]

    def inside(name: str) -> list[str]:
        found = [value for key, value in record.items() if key.lower() == name.lower()]
        found += [one.get("Value") for one in pairs if str(one.get("Name", "")).lower() == name.lower()]
        return [_json_text(one) for one in found if one is not None]

    def held(place: str) -> list[str]:
        table, _, key = place.partition(":")
        if table == "Parameters":
            return [text for entry in _entries(row.get("Parameters")) for text in entry]
        return inside(key) if key and table == "AuditData" else [text for _, text in _entries(row.get(table))]

    @cache
    def field(name: str, _kind: str) -> list[str]:
        lower = name.lower()
        known = names.get(lower) or ([columns[lower]] if lower in columns else [f"AuditData:{name}"])
        return [text for place in known for text in held(place)]

    texts = [str(one) for name, one in row.items() if isinstance(one, str) and name != "evidence_id"]
    entries = [held("Parameters"), held("extra")]
    return Event(field, texts + [text for one in entries for text in one], frozenset({""}))


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


@lru_cache(maxsize=100_000)
def _pieces(pattern: tuple[str | int, ...]) -> list[re.Pattern[str]]:
    """Give what stands between the runs, each as an expression of fixed length."""
    pieces = [""]
    for one in pattern:
        if one == 2:
            pieces.append("")
        else:
            pieces[-1] += "." if one == 1 else re.escape(str(one))
    return [re.compile(one, re.S) for one in pieces]


def _glob(pattern: Sequence[str | int], text: str) -> bool:
    """Match a pattern: the first piece at the start, the last at the end, the others as early as they can be."""
    first, *middle = _pieces(tuple(pattern))
    if not middle:
        return first.fullmatch(text) is not None
    last = middle.pop()
    size = sum(one != 2 for one in pattern[max(at for at, one in enumerate(pattern) if one == 2) :])
    found = first.match(text)
    end = len(text) - size
    for one in middle:
        found = found and one.search(text, found.end(), max(end, found.end()))
    return found is not None and end >= found.end() and last.fullmatch(text, end) is not None


@lru_cache(maxsize=10_000)
def _variants(value: str, modifiers: tuple[str, ...]) -> list[list[str | int]]:
    """Give the patterns that a value stands for once its modifiers are applied."""
    values = [value]
    for one in modifiers:
        if one == "windash":
            values = [x for v in values for x in _dashed(v)]
        elif one in {"wide", "utf16le", "utf16"}:
            values = [("\ufeff" if one == "utf16" else "") + "".join(c + "\0" for c in v) for v in values]
        elif one == "utf16be":
            values = ["".join("\0" + c for c in v) for v in values]
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
    # five characters can stand before an option, and each of them stands for all
    match = re.search("\\B[-/\u2013\u2014\u2015]\\b", value)
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
        # presence, not value: only the dash of a web log stands for a field that is not there
        held = any("-" not in event.blanks or one not in event.blanks for one in event.field(name, "empty"))
        return held is bool(value)
    if value is None:
        return all(one in event.blanks for one in event.field(name, "empty"))
    if "fieldref" in modifiers:
        as_is = (lambda text: text) if "cased" in modifiers else fold
        mine, others = (
            [as_is(one) for one in event.field(each, "same") if one not in event.blanks] for each in (name, str(value))
        )
        return any(_related(one, two, modifiers) for one in mine for two in others)
    if "re" in modifiers:
        return any(_searched(str(value), one, modifiers) for one in event.field(name, ""))
    if "cidr" in modifiers:
        network = ipaddress.ip_network(str(value))
        return any(_inside(one, network) for one in event.field(name, ""))
    part = next((one for one in modifiers if one in _PARTS), None)
    if part is not None:
        return any(_timed(one, part, modifiers, float(str(value))) for one in event.field(name, ""))
    if set(modifiers) & {"lt", "lte", "gt", "gte"}:
        return any(_compared(one, modifiers, Decimal(str(value))) for one in event.field(name, ""))
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, int | float) and not set(modifiers) & {"contains", "startswith", "endswith", "cased"}:
        return any(_number(one) == Decimal(str(value)) for one in event.field(name, ""))
    if value == "" and not modifiers:
        return any(one in event.blanks for one in event.field(name, "empty"))
    return _text(event, name, modifiers, str(value))


_FLAGS = (({"i", "ignorecase"}, re.I), ({"m", "multiline"}, re.M), ({"s", "dotall"}, re.S))


def _searched(value: str, text: str, modifiers: Sequence[str]) -> bool:
    flags = re.ASCII
    for marks, flag in _FLAGS:
        flags |= flag if marks & set(modifiers) else 0
    return re.search(value, text, flags) is not None


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
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:
        network = ipaddress.ip_network(f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}")
    return any(one is not None and one.version == network.version and one in network for one in (found, mapped))


def _number(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?", text) else None


def _compared(text: str, modifiers: Sequence[str], bound: Decimal | float) -> bool:
    number = _number(text)
    if number is None:
        return False
    return {
        "lt": number < bound,
        "lte": number <= bound,
        "gt": number > bound,
        "gte": number >= bound,
    }[next(one for one in modifiers if one in {"lt", "lte", "gt", "gte"})]


_PARTS = ("minute", "hour", "day", "week", "month", "year")


@lru_cache(maxsize=10_000)
def _instant(text: str) -> tuple[datetime, bool] | None:
    """Give the instant that a text writes, and whether it writes a clock."""
    found = re.fullmatch(
        r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
        r"(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?([.,][0-9]+)? ?(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?)?",
        text,
    )
    if found is None or (found[4] and not found[3]):
        return None
    zone = "+00:00" if found[5] in {None, "Z", "UTC"} else found[5]
    zone = zone if ":" in zone else zone[:3] + ":" + zone[3:]
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00'}{found[3] or ':00'}{zone}"), found[
            2
        ] is not None
    except ValueError:
        return None


def _timed(text: str, part: str, modifiers: Sequence[str], bound: float) -> bool:
    read = _instant(text)
    if read is None or (part in {"hour", "minute"} and not read[1]):
        return False
    at = read[0].astimezone(UTC)
    number = at.isocalendar().week if part == "week" else getattr(at, part)
    return _compared(str(number), modifiers, bound) if set(modifiers) - set(_PARTS) - {"neq"} else number == bound


# Detections and conditions ------------------------------------------------------------------------

_ANSWERS_MAX = 1_000
"""So many answers to one question are remembered at once."""


Lists = Mapping[str, Sequence[str]]


def _expanded(value: object, lists: Lists) -> list[object]:
    """Give the values that a value with placeholders stands for.

    A percent behind a backslash is a percent, and no placeholder's; where a whole name and a plain percent follow, the
    backslash is that of a path. Two backslashes are one, and it says nothing of what follows.
    """
    text, at, found = str(value), 0, [""]
    while at < len(text):
        if text[at : at + 2] == "\\\\":
            found, at = [one + "\\\\" for one in found], at + 2
        elif text[at : at + 2] == "\\%" and not re.match(r"[\w.-]+%", text[at + 2 :]):
            found, at = [one + "%" for one in found], at + 2
        elif name := re.match(r"%([^%\\]+)%", text[at:]):
            found, at = [one + more for one in found for more in lists[name[1]]], at + len(name[0])
        else:
            found, at = [one + text[at] for one in found], at + 1
    return list(found)


def _item(key: str, value: object, lists: Lists) -> Meaning:
    """Read one line of a detection; equal texts are asked once."""
    name, *modifiers = key.split("|")
    if "expand" in modifiers:
        modifiers = [one for one in modifiers if one != "expand"]
        written = value if isinstance(value, list) else [value]
        plain = "|".join([name, *(one for one in modifiers if one not in {"all", "neq"})])
        stand_for = [_item(plain, _expanded(one, lists), {}) for one in written]
        found = _every(stand_for) if "all" in modifiers else _either(stand_for)
        return _not(found) if "neq" in modifiers else found
    if not name or "fieldref" in modifiers:
        return lambda event: _asked(event, name, modifiers, value)
    answers: dict[Told, bool] = {}

    def ask(event: Event) -> bool:
        told = event.told(name)
        answer = answers.get(told)
        if answer is None:
            if len(answers) >= _ANSWERS_MAX:
                answers.clear()
            answer = answers[told] = _asked(event, name, modifiers, value)
        return answer

    return ask


def _asked(event: Event, name: str, modifiers: Sequence[str], value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    found = [_one(event, name, modifiers, one) if name else _keyword(event, one, modifiers) for one in values]
    if not values:
        return all(one in event.blanks for one in event.field(name, "empty"))
    answer = all(found) if "all" in modifiers else any(found)
    return not answer if "neq" in modifiers else answer


@lru_cache(maxsize=10_000)
def _keyword_pattern(value: str, *, cased: bool = False) -> tuple[str | int, ...]:
    return (2, *(one if cased or isinstance(one, int) else fold(one) for one in _pattern(value)), 2)


def _keyword(event: Event, value: object, modifiers: Sequence[str] = ()) -> bool:
    if "re" in modifiers:
        return any(_searched(str(value), one, modifiers) for one in event.texts)
    cased = "cased" in modifiers
    pattern = _keyword_pattern(str(value), cased=cased)
    return any(_glob(pattern, one if cased else fold(one)) for one in event.texts)


def _every(parts: Sequence[Meaning]) -> Meaning:
    return parts[0] if len(parts) == 1 else lambda event: all(one(event) for one in parts)


def _either(parts: Sequence[Meaning]) -> Meaning:
    return parts[0] if len(parts) == 1 else lambda event: any(one(event) for one in parts)


def _not(part: Meaning) -> Meaning:
    return lambda event: not part(event)


def _detection(definition: object, lists: Lists) -> Meaning:
    if isinstance(definition, Mapping):
        return _every([_item(key, value, lists) for key, value in definition.items()])
    if isinstance(definition, list):
        return _either([_detection(one, lists) for one in definition])
    return lambda event: _keyword(event, definition)


class _Condition:
    """A recursive reading of a condition."""

    def __init__(self, parts: Mapping[str, Meaning], text: str) -> None:
        self.parts = parts
        self.words = re.findall(r"\(|\)|[^\s()]+", text)

    def whole(self) -> Meaning:
        found = self.either()
        assert not self.words, self.words
        return found

    def either(self) -> Meaning:
        found = [self.both()]
        while self.words and self.words[0].lower() == "or":
            self.words.pop(0)
            found.append(self.both())
        return _either(found)

    def both(self) -> Meaning:
        found = [self.single()]
        while self.words and self.words[0].lower() == "and":
            self.words.pop(0)
            found.append(self.single())
        return _every(found)

    def single(self) -> Meaning:
        word = self.words.pop(0)
        if word.lower() == "not":
            return _not(self.single())
        if word == "(":
            found = self.either()
            assert self.words.pop(0) == ")"
            return found
        if word in {"1", "any", "all"} and self.words and self.words[0] == "of":
            self.words.pop(0)
            pattern = self.words.pop(0)
            if pattern != "them":
                names = [one for one in self.parts if re.fullmatch(pattern.replace("*", ".*"), one)]
            else:
                names = [one for one in self.parts if not one.startswith("_")]
            mine = [self.parts[one] for one in names]
            return _every(mine) if word == "all" else _either(mine)
        return self.parts[word]


_NO_PARTS = {"condition", "timeframe"}


def meaning(rule: Mapping[str, object], lists: Lists | None = None) -> Meaning:
    """Give what a rule, as parsed from its YAML, says of events; to be read once and asked often.

    Args:
        rule: the rule.
        lists: values for its placeholders.
    """
    detection = rule["detection"]
    assert isinstance(detection, dict)
    parts = {name: _detection(one, lists or {}) for name, one in detection.items() if name not in _NO_PARTS}
    conditions = detection["condition"]
    texts = conditions if isinstance(conditions, list) else [conditions]
    return _either([_Condition(parts, str(one)).whole() for one in texts])


def matches(rule: Mapping[str, object], event: Event) -> bool:
    """Say whether a rule, as parsed from its YAML, is met by an event."""
    return meaning(rule)(event)
