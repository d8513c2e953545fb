"""Rules and records drawn at random, for the program and the slow reading to be held against each other.

Every modifier that the installed pySigma knows is among those drawn. Records lack fields, hold several texts under one
name, lists, and JSON within a column.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from tests.hunt.slow_sigma import Event, decode, iis_event, plain_event
from tests.hunt.slow_sources import kinds_of

__all__ = ["ITEMS", "LISTS", "SUBJECTS", "Subject", "fields_of", "modifiers_of", "rules"]

PIECES = ("a", "ab", "B", "/", "/owa/", "%41", "%2f", "%ff", "%00", "@", "?", ".js", "é", "É", "+", " ", "-", "7", "10")
TEXTS = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)
VALUES = st.lists(
    st.sampled_from([*PIECES, "*", "?", "\\*", "\\\\"]).filter(lambda one: one != "é"), min_size=1, max_size=4
).map("".join)
LISTS: Mapping[str, Sequence[str]] = {"staff": ("a", "B*", "10"), "odd": ("@", "?b", "\\*"), "one": ("/owa/",)}
"""Values for placeholders."""
_WITH_LISTS = ["%staff%", "%odd%", "%one%", "a", "*", "\\%staff\\% ", "5\\% "]
EXPANDED = st.lists(st.sampled_from(_WITH_LISTS), min_size=1, max_size=3).map("".join)
REGEXES = st.sampled_from(["a", "^/owa", "b$", "[a-c]{2}", "\\d+", "a.b", "(?:a|/)+", "\\bab\\b", "^$", "A%4"])
TIMES = st.sampled_from(
    [
        "2019-04-02 09:30:00",
        "2019-04-01T23:59:59.5-0100",
        "2019-04-04",
        "2020-12-31T23:30:00Z",
        "2019-02-30 01:01",
        "9:30",
    ]
)
CODED = ("-\0a\0", "-a\0/ab", "\0/\0a\0b", "\0-\0a", "\ufeff/\0a\0b\0", "\ufeff-\0a\0", "a\0-\0a\0", "LWE", "L2Fi")
WIDE = st.sampled_from([*CODED, "LWE=", "YSAtYQ==", "IC9hYg", "LQBh", "x-a", "a /a", "\u2013a"])
ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.1.1", "::1", "::ffff:10.0.0.7", "-", "x"])
NUMBERS = st.sampled_from(["%staff% ", "5% ", "7", "10", "10.5", "200", "-3", "1e3", "True"])
MIXED = TEXTS | TIMES | WIDE | NUMBERS | ADDRESSES

Item = tuple[str, st.SearchStrategy[Any]]

_PARTS = st.sampled_from([1, 4, 9, 14, 30, 31, 2019, "4", "30"])
_CODED_VALUES = st.sampled_from(["-a", "/ab", "a -a"])
_DASHED = _CODED_VALUES | st.sampled_from(["\u2013a", "a \u2014a", "\u2015ab"])
_BOUNDS = st.sampled_from([7, 10, 10.5, 200, 400, "7", "10.5", "200"])
_NETWORKS = st.sampled_from(["10.0.0.0/24", "::/8", "10.0.0.1/32", "0.0.0.0/0"])
_ANY = VALUES | st.sampled_from([None, "", "-", 10, 200, 10.5, "10", True])
ITEMS: tuple[Item, ...] = (
    *((one, VALUES) for one in ("", "", "contains", "startswith", "endswith", "neq", "cased", "contains|cased")),
    *((one, VALUES) for one in ("contains|neq", "endswith|neq", "startswith|cased")),
    *(
        (one, st.lists(VALUES, min_size=1, max_size=2))
        for one in ("contains|all", "contains|all|cased", "contains|neq")
    ),
    *((one, REGEXES) for one in ("re", "re|i", "re|ignorecase", "re|s", "re|dotall", "re|m", "re|multiline")),
    *(
        (one, REGEXES)
        for one in ("re|i|m", "re|neq", "re|i|m|s", "re|ignorecase", "re|multiline", "re|dotall|ignorecase")
    ),
    *((one, st.lists(REGEXES, min_size=1, max_size=2)) for one in ("re", "re|all")),
    *((one, _BOUNDS) for one in ("lt", "lte", "gt", "gte", "gt|neq", "lte|neq")),
    *((one, _NETWORKS) for one in ("cidr", "cidr|neq")),
    *(
        (one, _CODED_VALUES)
        for one in (
            "base64",
            "base64",
            "base64|contains",
            "base64offset",
        )
    ),
    *((one, _DASHED) for one in ("windash", "contains|windash", "windash|endswith")),
    *((one, _CODED_VALUES) for one in ("base64offset|contains", "wide", "wide|contains", "utf16", "utf16|endswith")),
    *((one, _CODED_VALUES) for one in ("utf16be", "utf16be|contains", "utf16le|base64offset|contains")),
    *(
        (one, _PARTS)
        for one in (
            "minute",
            "minute",
            "hour",
            "hour|lte",
            "day",
            "month",
            "hour|gte",
            "day",
            "week",
            "week|lt",
            "month",
            "month|lte",
            "year",
        )
    ),
    ("year|neq", _PARTS),
    *((one, EXPANDED) for one in ("expand", "expand|contains", "re|expand", "expand|neq")),
    ("expand|contains|all", st.lists(EXPANDED, min_size=1, max_size=2)),
    *((one, st.booleans()) for one in ("exists", "exists")),
    *((one, st.none()) for one in ("fieldref", "fieldref|contains", "fieldref|startswith", "fieldref|endswith")),
    *((one, st.none()) for one in ("fieldref|neq", "fieldref|cased", "endswith|fieldref|cased", "contains|fieldref")),
    ("", _ANY),
    ("", st.lists(_ANY, max_size=3)),
)


@st.composite
def items(draw: st.DrawFn, fields: tuple[str, ...]) -> tuple[str, Any]:
    """Draw one line of a detection."""
    field, (modifiers, values) = draw(st.sampled_from(fields)), draw(st.sampled_from(ITEMS))
    value = draw(st.sampled_from(fields)) if "fieldref" in modifiers else draw(values)
    return (f"{field}|{modifiers}" if modifiers else field), value


@st.composite
def rules(draw: st.DrawFn, fields: tuple[str, ...], source: Mapping[str, str]) -> dict[str, Any]:
    """Draw a rule."""
    count = draw(st.integers(1, 3))
    detection: dict[str, Any] = {}
    for at in range(count):
        kind = draw(st.integers(0, 5))
        if kind == 0:
            words = st.lists(VALUES.filter(lambda one: one.strip("*?") != ""), min_size=1, max_size=2)
            how = draw(st.sampled_from(["", "", "|all", "|cased", "|re", "|re|all"]))
            values = draw(st.lists(REGEXES, min_size=1, max_size=2) if "re" in how else words)
            detection[f"s{at}"] = {how: values} if how else values
        elif kind == 1:
            detection[f"s{at}"] = [dict(draw(st.lists(items(fields), min_size=1, max_size=2))) for _ in range(2)]
        else:
            detection[f"s{at}"] = dict(draw(st.lists(items(fields), min_size=1, max_size=3)))
    names = list(detection)
    detection["condition"] = draw(
        st.sampled_from(
            [
                names[0],
                f"not {names[-1]}",
                f"{names[0]} and not {names[-1]}",
                f"{names[0]} or {names[-1]}",
                "1 of s*",
                "all of them",
                "not 1 of them",
                f"not ({names[0]} and {names[-1]}) or all of s*",
            ]
        )
    )
    return {"title": "drawn", "logsource": dict(source), "detection": detection, "level": "low"}


def _lines(item: object) -> list[str]:
    if isinstance(item, Mapping):
        return [str(one) for one in item]
    return [key for one in item for key in _lines(one)] if isinstance(item, list) else []


def modifiers_of(rule: Mapping[str, Any]) -> set[str]:
    """Give the modifiers that a rule uses."""
    parts = (value for name, value in rule["detection"].items() if name != "condition")
    return {word for part in parts for key in _lines(part) for word in key.split("|")[1:]}


def fields_of(rule: Mapping[str, Any]) -> set[str]:
    """Give the fields that a rule asks for."""
    parts = (value for name, value in rule["detection"].items() if name != "condition")
    return {key.partition("|")[0] for part in parts for key in _lines(part)} - {""}


# Records ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """A kind of record with the rules about it.

    Attributes:
        table: where such records lie.
        source: the log source that means them.
        fields: fields that rules ask for.
        rows: records.
        make: makes an event of a row for the slow reading; None of one that the log source does not mean.
    """

    table: str
    source: Mapping[str, str]
    fields: tuple[str, ...]
    rows: st.SearchStrategy[dict[str, Any]]
    make: Callable[[Mapping[str, Any]], Event | None]


def _as_sources_say(source: Mapping[str, str], table: str) -> Callable[[Mapping[str, Any]], Event | None]:
    """Give what makes events, where the tables of the slow reading say which records are meant."""
    kinds = [one for one in kinds_of(source) if one.table == table]

    def make(row: Mapping[str, Any]) -> Event | None:
        return next((one.make(row) for one in kinds if one.is_one(row)), None)

    return make


def _pairs(names: Sequence[str], texts: st.SearchStrategy[str], most: int = 4) -> st.SearchStrategy[Any]:
    """Draw what a map holds: names may come twice, and a text may be missing."""
    return st.lists(st.tuples(st.sampled_from(names), st.none() | texts), max_size=most)


IIS = Subject(
    "iis",
    {"category": "webserver"},
    ("cs-uri-query", "cs-uri-stem", "c-uri", "cs-user-agent", "cs-username", "c-ip", "cs-method", "sc-status"),
    st.fixed_dictionaries(
        {"cs-uri-stem": st.one_of(st.none(), TEXTS.map(lambda one: "/" + one))},
        optional={
            "cs-uri-query": st.one_of(TEXTS.filter(bool), st.just("-")),
            "cs-user-agent": TEXTS.filter(bool),
            "cs-username": st.one_of(TEXTS.filter(bool), st.just("-"), TIMES, WIDE),
            "cs-method": st.sampled_from(["GET", "POST"]),
            "c-ip": ADDRESSES,
            "sc-status": st.sampled_from([200, 401, 500]),
        },
    ),
    iis_event,
)


def _proxy_event(row: Mapping[str, Any]) -> Event:
    extra = dict(row["extra"] or [])
    held = {name: None if value is None else str(value) for name, value in row.items()}
    texts = [value for name, value in held.items() if value is not None and name in _PROXY_TEXTS]
    event = plain_event({**extra, **{name: value for name, value in held.items() if value is not None}})

    def field(name: str, kind: str) -> list[str]:
        found = list(event.field(name, kind))
        return found + [decode(one) for one in found if name == "UrlStem"]

    stem = held.get("UrlStem")
    texts += [] if stem is None else [decode(stem)]
    # only IIS writes a dash for nothing
    return Event(field, texts + list(extra.values()), frozenset({""}))


_PROXY_TEXTS = {"AnchorMailbox", "UrlStem", "UserAgent", "BackEndCookie", "ClientIpAddress", "host"}
HTTPPROXY = Subject(
    "httpproxy",
    {"product": "exchange", "service": "httpproxy"},
    ("AnchorMailbox", "UrlStem", "UserAgent", "HttpStatus", "BackEndCookie", "ClientIpAddress", "Nowhere"),
    st.fixed_dictionaries(
        {},
        optional={
            "AnchorMailbox": TEXTS | TIMES | WIDE,
            "UrlStem": TEXTS,
            "UserAgent": TEXTS,
            "BackEndCookie": TEXTS | TIMES | st.sampled_from(["10", "10.5", "7", "True", "line\nbreak"]),
            "ClientIpAddress": ADDRESSES,
            "HttpStatus": st.sampled_from([200, 241, 500]),
            "extra": st.dictionaries(st.sampled_from(["Nowhere", "Else"]), TEXTS, max_size=2).map(
                lambda one: list(one.items())
            ),
        },
    ),
    _proxy_event,
)

_NEW_PROCESS = {"product": "windows", "category": "process_creation"}
PROCESSES = Subject(
    "evtx",
    _NEW_PROCESS,
    ("Image", "CommandLine", "ParentImage", "User", "IntegrityLevel", "LogonId", "Nothing", "EventID", "Provider_Name"),
    st.fixed_dictionaries(
        {
            "Channel": st.sampled_from(["Microsoft-Windows-Sysmon/Operational", "Security", "Security", "System"]),
            "EventID": st.sampled_from([1, 1, 4688, 4688, 5]),
        },
        optional={
            "Provider": TEXTS,
            "Image": MIXED,
            "NewProcessName": MIXED,
            "CommandLine": MIXED,
            "ParentImage": TEXTS,
            "ParentProcessName": MIXED,
            "User": MIXED,
            "SubjectUserName": MIXED | st.sampled_from(["-", ""]),
            "SubjectDomainName": st.sampled_from(["-", "", "GOV"]),
            "SubjectUserSid": st.sampled_from(["S-1-5-18", "S-1-5-20", "S-1-5-21-1-2-3-500"]),
            "TargetUserName": MIXED | st.sampled_from(["-", ""]),
            "TargetDomainName": st.sampled_from(["-", "GOV"]),
            "TargetUserSid": st.sampled_from(["S-1-0-0", "S-1-5-19"]),
            "SubjectLogonId": NUMBERS,
            "EventData": _pairs(
                ["IntegrityLevel", "MandatoryLabel", "LogonId", "LogonId#2", "Deep.IntegrityLevel"], MIXED
            ),
        },
    ),
    _as_sources_say(_NEW_PROCESS, "evtx"),
)
_CMDLETS = {"product": "windows", "service": "msexchange-management"}
EVENTS = Subject(
    "evtx",
    _CMDLETS,
    ("Data", "Payload", "Level", "Name", "name", "Status", "Nothing", "EventID", "Computer", "ComputerName"),
    st.fixed_dictionaries(
        {"Channel": st.sampled_from(["MSExchange Management", "MSExchange Management", "Application"])},
        optional={
            "EventID": st.sampled_from([1, 6, 10]),
            "Level": st.sampled_from([2, 4, 10]),
            "Computer": TEXTS,
            "Cmdlet": TEXTS,
            "CmdletParameters": MIXED,
            "Status": MIXED,
            "Message": TEXTS,
            "EventData": _pairs(
                ["Data", "Data1", "Data2", "Data1#2", "Name", "NAME", "Name#2", "A.Name", "Payload"], MIXED
            ),
        },
    ),
    _as_sources_say(_CMDLETS, "evtx"),
)

_PLAIN = TEXTS | st.sampled_from([7, 10, 10.5, 200, True, False, None, ""])
_LISTED = st.lists(
    _PLAIN | st.fixed_dictionaries({"Name": st.sampled_from(["Target", "size", "Else"])}, optional={"Value": _PLAIN}),
    max_size=3,
)
_RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "Target": _PLAIN | _LISTED,
        "Size": _PLAIN,
        "size": _PLAIN,
        "Items": _LISTED,
        "Deep": st.fixed_dictionaries({"Target": _PLAIN}),
    },
)
_AUDIT = {"product": "m365", "service": "audit"}
AUDIT = Subject(
    "ual",
    _AUDIT,
    (
        "Operation",
        "eventName",
        "UserId",
        "ClientIP",
        "status",
        "InternetMessageIds",
        "Parameters",
        "Target",
        "Size",
        "Items",
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "Operation": MIXED,
            "UserId": TEXTS,
            "ClientIP": ADDRESSES,
            "ResultStatus": MIXED,
            "OperationCount": st.sampled_from([7, 10, 200]),
            "InternetMessageIds": st.lists(st.none() | MIXED, max_size=3),
            "Parameters": _pairs(["a", "ab", "Identity", "Identity"], MIXED),
            "AuditData": _RECORDS.map(json.dumps)
            | st.sampled_from(["", "{", "[1]", "null", '{"Target":"a","Target":"b"}']),
            "extra": _pairs(["a", "Target"], TEXTS),
        },
    ),
    _as_sources_say(_AUDIT, "ual"),
)

_REQUESTS = {"category": "proxy"}
ZEEK = Subject(
    "zeek",
    _REQUESTS,
    (
        "c-uri",
        "c-useragent",
        "cs-uri-query",
        "c-uri-stem",
        "c-uri-extension",
        "cs-host",
        "sc-status",
        "dst_ip",
        "Nowhere",
    ),
    st.fixed_dictionaries(
        {"_path": st.sampled_from(["http", "http", "http", "dns"])},
        optional={
            "http_host": st.sampled_from(["a.example", "ab", "10.0.0.1", "a:7"]),
            "uri": TEXTS.map(lambda one: "/" + one)
            | st.sampled_from(["/a.js?ab=7", "/owa/a.B/?x", "http://ab/owa/x.js"]),
            "user_agent": MIXED,
            "id.resp_h": ADDRESSES,
            "status_code": st.sampled_from([200, 401, 500]),
            "extra": _pairs(["Nowhere", "a.Nowhere", "Else"], MIXED, 2),
        },
    ),
    _as_sources_say(_REQUESTS, "zeek"),
)
SUBJECTS = (IIS, HTTPPROXY, PROCESSES, EVENTS, AUDIT, ZEEK)
"""Every kind of record that rules and records are drawn for."""
