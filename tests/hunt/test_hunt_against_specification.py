"""The fast matcher gives what a slow reading of the specification gives."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.hunt.archives import archive_of, hunted, load_rules, met_one_by_one, rows_table
from tests.hunt.slow_sigma import Event, decode, iis_event, matches, plain_event

from dwell.casebook.case import Case
from dwell.hunt import patterns, wide
from dwell.hunt.hunting import hunt
from dwell.hunt.sigma.load import load
from dwell.hunt.wide import Hunter
from dwell.intake.ingest import ingest, open_archive

PIECES = ("a", "ab", "B", "/", "/owa/", "%41", "%2f", "%ff", "%00", "@", "?", ".js", "é", "É", "+", " ", "-", "7", "10")
TEXTS = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)
VALUES = st.lists(
    st.sampled_from([*PIECES, "*", "?", "\\*", "\\\\"]).filter(lambda one: one != "é"), min_size=1, max_size=4
).map("".join)
MODIFIERS = st.sampled_from(
    ["", "", "contains", "startswith", "endswith", "contains|all", "cased", "contains|cased", "neq", "contains|neq"]
) | st.sampled_from(
    ["re", "re|i", "re|s", "re|i|m", "exists", "lt", "lte", "gt", "gte", "cidr", "null", "windash", "contains|windash"]
) | st.sampled_from(
    ["base64offset|contains", "base64|contains", "utf16le|base64offset|contains", "wide|contains", "utf16be",
     "utf16|endswith", "fieldref", "fieldref|contains", "fieldref|startswith", "fieldref|endswith", "fieldref|neq",
     "re|neq", "cidr|neq", "minute", "hour|gte", "day", "week|lt", "month", "year|neq", "lists", "startswith|cased",
     "endswith|neq"]
)  # fmt: skip
REGEXES = st.sampled_from(["a", "^/owa", "b$", "[a-c]{2}", "\\d+", "a.b", "(?:a|/)+", "\\bab\\b", "^$", "A%4"])
IIS_FIELDS = ("cs-uri-query", "cs-uri-stem", "c-uri", "cs-user-agent", "cs-username", "c-ip", "cs-method", "sc-status")
PROXY_FIELDS = ("AnchorMailbox", "UrlStem", "UserAgent", "HttpStatus", "BackEndCookie", "ClientIpAddress", "Nowhere")
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
WIDE = st.sampled_from(["-\0a\0", "\0/\0a\0b", "\ufeff/\0a\0b\0", "a\0-\0a\0", "LWE", "L2Fi", "LQBh", "YSAtYQ=="])
ADDRESSES = st.sampled_from(["10.0.0.1", "10.0.1.1", "::1", "::ffff:10.0.0.7", "-", "x"])


@st.composite
def items(draw: st.DrawFn, fields: tuple[str, ...]) -> tuple[str, Any]:
    """Draw one line of a detection."""
    field, modifier = draw(st.sampled_from(fields)), draw(MODIFIERS)
    words = modifier.split("|")
    if words[0] == "re":
        return f"{field}|{modifier}", draw(REGEXES | st.lists(REGEXES, min_size=1, max_size=2))
    if words[0] == "fieldref":
        return f"{field}|{modifier}", draw(st.sampled_from(fields))
    if words[0] in {"minute", "hour", "day", "week", "month", "year"}:
        return f"{field}|{modifier}", draw(st.sampled_from([1, 4, 9, 14, 30, 2019]))
    if modifier == "lists":
        return field, draw(st.lists(VALUES | st.sampled_from([None, "", 10, 200, "10", True]), max_size=3))
    if modifier == "exists":
        return f"{field}|exists", draw(st.booleans())
    if modifier in {"lt", "lte", "gt", "gte"}:
        return f"{field}|{modifier}", draw(st.sampled_from([7, 10, 10.5, 200, 400]))
    if words[0] == "cidr":
        return f"{field}|{modifier}", draw(st.sampled_from(["10.0.0.0/24", "::/8", "10.0.0.1/32"]))
    if modifier == "null":
        return field, draw(st.sampled_from([None, "", "-", 200, 10]))
    plain = set(words) & {"windash", "base64", "base64offset", "wide", "utf16", "utf16be"}
    value = draw(st.sampled_from(["-a", "/ab", "a -a"]) if plain else VALUES)
    many = draw(st.lists(VALUES, min_size=1, max_size=2)) if "all" in modifier else value
    return (f"{field}|{modifier}" if modifier else field), many


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
                f"not ({names[0]} and {names[-1]}) or all of s*",
            ]
        )
    )
    return {"title": "drawn", "logsource": dict(source), "detection": detection, "level": "low"}


IIS_ROWS = st.fixed_dictionaries(
    {"cs-uri-stem": st.one_of(st.none(), TEXTS.map(lambda one: "/" + one))},
    optional={
        "cs-uri-query": st.one_of(TEXTS.filter(bool), st.just("-")),
        "cs-user-agent": TEXTS.filter(bool),
        "cs-username": st.one_of(TEXTS.filter(bool), st.just("-"), TIMES, WIDE),
        "cs-method": st.sampled_from(["GET", "POST"]),
        "c-ip": ADDRESSES,
        "sc-status": st.sampled_from([200, 401, 500]),
    },
)
PROXY_ROWS = st.fixed_dictionaries(
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
)


def number_drawn(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "id": f"00000000-0000-4000-8000-{at:012}"} for at, one in enumerate(drawn)]


def compare(table: str, events: list[dict[str, Any]], drawn: list[dict[str, Any]], make: Any) -> None:  # noqa: ANN401
    """Hunt fast, in every way there is, and slowly; the records met have to be the same."""
    named = number_drawn(drawn)
    with tempfile.TemporaryDirectory() as scratch:
        loaded = load_rules(Path(scratch) / "rules", *named)
        archive = archive_of(Path(scratch) / "archive", {table: events})
        found = met_one_by_one(archive, loaded.rules)
        assert found == met_one_by_one(archive, loaded.rules, prune=False)
        with pytest.MonkeyPatch.context() as patch:
            # every column counts as large, and is looked at on its own
            patch.setattr(wide, "FEW_TEXTS", 0)
            assert found == met_one_by_one(archive, loaded.rules)
    rows = rows_table(table, events).to_pylist()
    usable = {rule.info.id for rule in loaded.rules.rules}
    wanted: dict[str, set[int]] = {}
    for rule in named:
        hit = {row["record_no"] for row in rows if rule["id"] in usable and matches(rule, make(row))}
        if hit:
            wanted[rule["id"]] = hit
    assert found == wanted
    assert len(loaded.ended) + len(usable) == len(named)


SLOW = settings(
    max_examples=50,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@SLOW
@given(
    events=st.lists(IIS_ROWS, min_size=1, max_size=8),
    drawn=st.lists(rules(IIS_FIELDS, {"category": "webserver"}), min_size=1, max_size=6),
)
def test_web_rules_are_read_as_the_specification_says(
    events: list[dict[str, Any]], drawn: list[dict[str, Any]]
) -> None:
    compare("iis", events, drawn, iis_event)


def proxy_event(row: dict[str, Any]) -> Event:
    extra = dict(row["extra"] or [])
    held = {name: None if value is None else str(value) for name, value in row.items()}
    texts = [value for name, value in held.items() if value is not None and name in TEXT_COLUMNS]
    event = plain_event({**extra, **{name: value for name, value in held.items() if value is not None}})

    def field(name: str, kind: str) -> list[str]:
        found = list(event.field(name, kind))
        return found + [decode(one) for one in found if name == "UrlStem"]

    stem = held.get("UrlStem")
    texts += [] if stem is None else [decode(stem)]
    # only IIS writes a dash for nothing
    return Event(field, texts + list(extra.values()), frozenset({""}))


TEXT_COLUMNS = {"AnchorMailbox", "UrlStem", "UserAgent", "BackEndCookie", "ClientIpAddress", "host"}


@SLOW
@given(
    events=st.lists(PROXY_ROWS, min_size=1, max_size=8),
    drawn=st.lists(rules(PROXY_FIELDS, {"product": "exchange", "service": "httpproxy"}), min_size=1, max_size=6),
)
def test_rules_on_columns_and_maps_are_read_as_the_specification_says(
    events: list[dict[str, Any]], drawn: list[dict[str, Any]]
) -> None:
    compare("httpproxy", events, drawn, proxy_event)


@pytest.mark.slow
def test_the_published_rules_meet_the_same_lines_of_real_logs(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (shared_data / "reference" / "sigma_exchange_rules.csv").open(encoding="utf-8", newline="") as handle:
        paths = [shared_data / "sigma" / row["path"] for row in csv.DictReader(handle)]
    assert len(paths) == 95
    loaded = load(paths, pack=False)
    assert len(loaded.rules.rules) + len(loaded.ended) == 95
    assert {one.status.value for one in loaded.ended} <= {"blind"}
    case = Case.create(tmp_path / "case")
    ingest(case, [shared_data / "iis", shared_data / "exchange" / "velociraptor"], workers=1)
    archive = open_archive(case)
    documents = [yaml.safe_load(one.read_text(encoding="utf-8")) for one in paths]
    web = [one for one in documents if one["logsource"].get("category") == "webserver"]
    assert len(web) == 24
    wanted: dict[str, int] = {}
    for file in archive.files("iis"):
        for row in pq.read_table(file.path).to_pylist():
            event = iis_event(row)
            for rule in web:
                if matches(rule, event):
                    wanted[rule["id"]] = wanted.get(rule["id"], 0) + 1
    for engine in (True, False):
        if not engine:
            monkeypatch.setattr(patterns, "hyperscan", None)
            patterns.patterns.cache_clear()
            patterns.regexes.cache_clear()
        hits = hunted(archive, Hunter(loaded.rules)).to_pylist()
        found: dict[str, int] = {}
        for one in hits:
            if one["table"] == "iis":
                found[one["rule_id"]] = found.get(one["rule_id"], 0) + one["count"]
        assert found == wanted
        assert len(wanted) >= 2
    patterns.patterns.cache_clear()
    patterns.regexes.cache_clear()


def test_a_real_proxyshell_line_fires_our_own_rule_and_the_published_one(shared_data: Path, tmp_path: Path) -> None:
    case = Case.create(tmp_path / "case")
    ingest(case, [shared_data / "exchange" / "velociraptor"], workers=1)
    published = shared_data / "sigma" / "rules-emerging-threats" / "2021" / "Exploits" / "ProxyShell-Exploit"
    found = hunt(open_archive(case), rule_folders=[published], workers=1)
    titles = {one["title"]: one for one in found.hits.to_pylist()}
    assert any("ProxyShell" in one for one in titles)
    ours = [one for one in titles.values() if found.rules[one["rule_id"]].catalogue == "EX-06"]
    theirs = [one for one in titles.values() if not found.rules[one["rule_id"]].pack]
    assert ours
    assert all(found.rules[one["rule_id"]].author and found.rules[one["rule_id"]].licence for one in theirs)
    assert any("autodiscover.json" in text for text in ours[0]["matched"])
