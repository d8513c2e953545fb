"""Every modifier that the installed pySigma knows has a rule here, with what it meets; a new one fails the first test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sigma.modifiers import modifier_mapping
from tests.hunt.archives import archive_of, hunted, load_rules, met

from dwell.hunt.wide import Hunter

# texts of the field that meet the rule, and texts that look like it and do not
MET: dict[str, tuple[str, object, tuple[str, ...], tuple[str, ...]]] = {
    "all": ("f|contains|all", ["a", "b"], ("xbxa", "AB"), ("a", "b", "c")),
    "neq": ("f|neq", "a", ("b", "aa"), ("a", "A")),
    "base64": ("f|base64|contains", "whoami", ("-enc d2hvYW1p",), ("whoami",)),
    "base64offset": ("f|base64offset|contains", "whoami", ("d2hvYW1p", "IHdob2FtaQ", "ICB3aG9hbWk"), ("d2hv",)),
    "cased": ("f|cased", "Ab", ("Ab",), ("ab", "AB")),
    "cidr": ("f|cidr", "10.0.0.0/8", ("10.1.2.3", "::ffff:10.0.0.1"), ("11.0.0.1", "10", "x")),
    "contains": ("f|contains", "b*d", ("abcde", "xBD"), ("db", "b")),
    "endswith": ("f|endswith", "cd", ("abcd", "CD"), ("cda",)),
    "startswith": ("f|startswith", "ab", ("abc", "AB"), ("cab",)),
    "exists": ("f|exists", True, ("a", "-", ""), ()),
    "expand": ("f|expand", "100%", ("100%",), ("100",)),
    "fieldref": ("f|fieldref", "Host", ("h", "H"), ("hh", "x")),
    "lt": ("f|lt", 10, ("9", "-3", "9.99"), ("10", "x", "1e0")),
    "lte": ("f|lte", 10, ("10", "10.0"), ("10.1", "11")),
    "gt": ("f|gt", 10, ("10.5", "11"), ("10", "9", "x")),
    "gte": ("f|gte", 10.5, ("10.5", "11"), ("10",)),
    "re": ("f|re", "^a.c$", ("abc",), ("ABC", "a\nc", "abcd")),
    "i": ("f|re|i", "^a.c$", ("ABC",), ("xyz",)),
    "ignorecase": ("f|re|ignorecase", "^a.c$", ("ABC",), ("xyz",)),
    "m": ("f|re|m", "^b$", ("a\nb\nc", "b"), ("ab",)),
    "multiline": ("f|re|multiline", "^b$", ("a\nb\nc",), ("ab",)),
    "s": ("f|re|s", "a.c", ("a\nc", "abc"), ("ac",)),
    "dotall": ("f|re|dotall", "a.c", ("a\nc",), ("ac",)),
    "minute": ("f|minute", 5, ("2019-04-02 10:05:59",), ("2019-04-02", "10:05")),
    "hour": ("f|hour|gte", 22, ("2019-04-02T22:00Z", "2019-04-02 21:30-01:00"), ("2019-04-02 21:59", "22")),
    "day": ("f|day", 2, ("2019-04-02",), ("2019-04-03",)),
    "week": ("f|week", 1, ("2019-12-30", "2020-01-05"), ("2019-12-29", "2020-01-06")),
    "month": ("f|month", 4, ("2019-04-30 23:59",), ("2019-04-30 23:59-01:00",)),
    "year": ("f|year|lt", 2020, ("2019-12-31",), ("2020-01-01",)),
    "utf16": ("f|utf16", "ab", ("\ufeffa\0b\0",), ("a\0b\0", "ab")),
    "utf16be": ("f|utf16be", "ab", ("\0a\0b",), ("a\0b\0",)),
    "wide": ("f|wide", "ab", ("a\0b\0", "A\0B\0"), ("\0a\0b", "ab")),
    "windash": ("f|contains|windash", " -a", ("x -a", "x /A", "x \u2013a", "x \u2014a", "x \u2015a"), ("x a",)),
}
OTHERS: list[tuple[str, object, tuple[str, ...], tuple[str, ...]]] = [
    ("f|utf16le", "ab", ("a\0b\0",), ("ab",)),
    ("f|utf16le|base64offset|contains", "ping", ("cABpAG4AZw",), ("ping",)),
    ("f", 7, ("7", "7.0", "+7"), ("70", "x7")),
    ("f", "7", ("7",), ("7.0",)),
    ("f", True, ("true", "TRUE"), ("1", "yes")),
    ("f", ["a", 7, None], ("A", "7", ""), ("b",)),
    ("f", "", ("",), ("a", " ")),
    ("f|neq", ["a", "b"], ("c",), ("a", "B")),
    ("f", "a\\*b", ("a*b",), ("axb",)),
    ("f", "a\\\\*", ("a\\b", "a\\"), ("ab",)),
    ("f", "a?c", ("abc", "a\u00e9c"), ("ac", "abbc")),
    ("f|re", ["^a", "b$"], ("ax", "xb"), ("x",)),
    ("f|re|all", ["^a", "b$"], ("axb",), ("ax", "xb")),
    ("f|fieldref|contains", "Host", ("xHy",), ("x",)),
    ("f|fieldref|cased", "Host", ("h",), ("H", "hh")),
    ("f|fieldref|endswith|cased", "Host", ("xh", "h"), ("xH", "hx")),
    ("f|contains|fieldref", "Host", ("xHy",), ("x",)),
    *(
        ("f|contains|windash", f" {dash}a", ("x -a", "x /A", "x \u2013a", "x \u2014a", "x \u2015a"), ("x a", "x_a"))
        for dash in "/\u2013\u2014\u2015"
    ),
    ("f|windash", "x \u2014a \u2013b", ("x -a /b", "x \u2015a \u2013b"), ("x a b",)),
    ("f|expand", "\\%staff\\%", ("%staff%",), ("\\%staff\\%", "staff")),
    ("f|expand", "100\\%", ("100%",), ("100\\%", "100")),
    ("f|expand|contains", ["a\\%b", "\\%c\\%"], ("xa%b", "%C%"), ("ab", "c")),
    ("f|re|expand", "^\\%[ab]\\%$", ("%a%",), ("a",)),
    ("f|gt", "10", ("11", "10.5"), ("10", "x")),
    ("f|lte", ["9", "-1.5"], ("9", "-2"), ("10",)),
    ("f|minute", "5", ("2019-04-02 10:05:59",), ("2019-04-02 10:06",)),
    ("f|hour|lt", "5", ("2019-04-02 04:05",), ("2019-04-02 10:05",)),
    ("|all", ["a", "b"], ("b a",), ("a",)),
    ("|cased", "Ab", ("xAbx",), ("ab",)),
    ("|re|i", "A+B", ("xaab",), ("b",)),
]


def test_every_modifier_of_the_library_has_a_rule_here() -> None:
    assert set(modifier_mapping) == set(MET)
    assert all(name in held[0].split("|") for name, held in MET.items())


@pytest.mark.parametrize("held", [*MET.values(), *OTHERS], ids=lambda held: f"{held[0]}: {held[1]}")
def test_a_rule_meets_what_it_says(tmp_path: Path, held: tuple[str, object, tuple[str, ...], tuple[str, ...]]) -> None:
    key, value, right, wrong = held
    field, *modifiers = key.split("|")
    name = "|".join([{"f": "BackEndCookie", "": ""}[field], *modifiers])
    value = "UrlHost" if "fieldref" in modifiers else value
    rows: list[dict[str, Any]] = [{"BackEndCookie": one, "UrlHost": "h", "host": None} for one in (*right, *wrong)]
    rule = {
        "title": key,
        "id": "90000000-0000-4000-8000-000000000001",
        "logsource": {"product": "exchange", "service": "httpproxy"},
        "detection": {"s": {name: value}, "condition": "s"},
    }
    loaded = load_rules(tmp_path / "rules", rule)
    assert loaded.ended == ()
    found = met(hunted(archive_of(tmp_path / "archive", {"httpproxy": rows}), Hunter(loaded.rules)))
    assert found.get(str(rule["id"]), set()) == set(range(1, len(right) + 1))


def test_an_escaped_percent_and_a_placeholder_stand_side_by_side(tmp_path: Path) -> None:
    rows = [
        {"BackEndCookie": one}
        for one in ("C:\\Users\\anna\\5% x", "C:\\Users\\%user%\\5% x", "C:\\Users\\anna\\5\\% x")
    ]
    rule = {
        "title": "a path with a placeholder",
        "id": "90000000-0000-4000-8000-000000000001",
        "logsource": {"product": "exchange", "service": "httpproxy"},
        "detection": {"s": {"BackEndCookie|expand": "C:\\Users\\%user%\\5\\% x"}, "condition": "s"},
    }
    loaded = load_rules(tmp_path / "rules", rule, lists={"user": ["anna"]})
    found = met(hunted(archive_of(tmp_path / "archive", {"httpproxy": rows}), Hunter(loaded.rules)))
    assert found[str(rule["id"])] == {1}


@pytest.mark.parametrize(
    ("how", "meant"), [("fieldref", {3}), ("fieldref|contains", {3, 4}), ("fieldref|neq", {1, 2, 4, 5})]
)
def test_a_dash_of_a_web_log_is_like_no_other_field(tmp_path: Path, how: str, meant: set[int]) -> None:
    pairs = [("-", "-"), ("", ""), ("Anna", "anna"), ("x anna", "anna"), ("a-b", "-")]
    rows = [{"cs-referer": one, "cs-username": two, "cs-uri-stem": "/"} for one, two in pairs]
    rule = {
        "title": how,
        "id": "90000000-0000-4000-8000-000000000001",
        "logsource": {"category": "webserver"},
        "detection": {"s": {f"cs-referer|{how}": "cs-username"}, "condition": "s"},
    }
    loaded = load_rules(tmp_path / "rules", rule)
    found = met(hunted(archive_of(tmp_path / "archive", {"iis": rows}), Hunter(loaded.rules)))
    assert found[str(rule["id"])] == meant


@pytest.mark.parametrize(
    "item",
    [
        {"f|re": 123}, {"f|exists": "yes"}, {"f|cidr": "10.0.0.1/8"}, {"f|cidr": 7}, {"f|gt": "x"},
        {"f|gt": float("inf")}, {"f": [["a"]]}, {"f": {"a": 1}}, {"f|base64": "a*"}, {"f|wide": "\u00e9"},
        {"f|re|cased": "a"}, {"|exists": True}, {"|gt": 7}, {"|fieldref": "a"}, {"f|all": None}, {"f|": 1},
        {"f|re": "(" * 300}, {"f|minute": "5.5"}, {"f|gt": "1e3"}, {"f|fieldref|cased": "a*"},
        {"f|windash": "\u2013a -b /c -d"},
    ],
    ids=str,
)  # fmt: skip
def test_what_makes_no_sense_ends_with_a_reason_or_is_matched(tmp_path: Path, item: dict[str, object]) -> None:
    rule = {
        "title": "odd",
        "id": "90000000-0000-4000-8000-000000000001",
        "logsource": {"product": "exchange", "service": "httpproxy"},
        "detection": {"s": item, "condition": "s"},
    }
    loaded = load_rules(tmp_path / "rules", rule)
    assert len(loaded.ended) + len(loaded.rules.rules) == 1
    assert all(one.reason for one in loaded.ended)
    hunted(archive_of(tmp_path / "archive", {"httpproxy": [{"BackEndCookie": "a"}]}), Hunter(loaded.rules))
