"""Indicator files of every shape: what is read of them, what is left and counted, and what is refused by name."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.hunt.indicators import gathering, list_text
from dwell.hunt.indicators.found import indicator_outcomes
from dwell.hunt.indicators.gathering import Indicators
from dwell.hunt.indicators.indicator import instant_us
from dwell.hunt.indicators.match import Finder
from dwell.hunt.indicators.reading import read_indicators
from dwell.hunt.indicators.stix_patterns import PatternError, alternatives


def written(folder: Path, text: str | bytes, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_values_that_match_nothing_or_everything_are_named_and_the_rest_is_used(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "# a list\nindicator,type,valid_from,valid_until\n,ip,,\n0.0.0.0/0,cidr,,\n::/0,cidr,,\n0.0.0.0,ip,,\n"
        "evil.example,ip,,\ncom,domain,,\nzz,md5,,\n\\,filepath,,\nhttp://localhost/,url,,\n"
        "198.51.100.7,ip,2021-13-01,\n198.51.100.8,ip,2021-03-02,2021-03-01\n198.51.100.9,IPv4-Addr,2021-03-02,\n",
    )
    listed = read_indicators([path])
    dated = [(one.value, one.from_us is None, one.until_us is None) for one in listed.items]
    # a window that cannot be read costs the window alone
    assert dated == [("198.51.100.7", True, True), ("198.51.100.8", True, True), ("198.51.100.9", False, True)]
    assert len(listed.faults) == 11
    assert sum("looked for without a window" in one for one in listed.faults) == 2
    assert listed.faults[0].startswith("list.csv:3: ")
    assert any("/0" in one for one in listed.faults)


def test_blanks_before_a_comment_take_time_that_grows_with_their_number_only(tmp_path: Path) -> None:
    lines = [
        "198.51.100.7 # seen",
        "198.51.100.8" + " " * 60_000 + "\u00e9# seen",
        "\u00e9 #x",
        "evil.example#x \u00e9",
    ]
    start = time.process_time()
    listed = read_indicators([written(tmp_path, "\n".join(lines), "list.txt")])
    assert time.process_time() - start < 5
    assert [one.value for one in listed.items] == ["198.51.100.7"]
    assert len(listed.faults) == 3


def test_a_byte_that_is_no_text_costs_its_line_and_is_named(tmp_path: Path) -> None:
    listed = read_indicators([written(tmp_path, b"198.51.100.1\n198.51.100.2 # z\xfcrich\nevil.example\n")])
    assert [one.value for one in listed.items] == ["198.51.100.1", "evil.example"]
    assert listed.faults == ("list.csv:2: holds bytes that are no text",)


@pytest.mark.parametrize("name", ["utf-8-sig", "utf-16"])
def test_lists_that_other_programs_saved_are_read(tmp_path: Path, name: str) -> None:
    data = "indicator;type\r\nb\u00fccher.example;domain\r\n198.51.100.1;ip\r\n".encode(name)
    assert [one.value for one in read_indicators([written(tmp_path, data)]).items] == [
        "198.51.100.1",
        "xn--bcher-kva.example",
    ]


def test_a_quote_that_is_never_closed_costs_its_line(tmp_path: Path) -> None:
    rows = "".join(f"198.51.100.{at},note\n" for at in range(1, 41))
    text = 'indicator,description\n203.0.113.1,"two\nlines"\n203.0.113.2,"never closed\n' + rows
    listed = read_indicators([written(tmp_path, text)])
    assert len(listed.items) == 41
    assert listed.faults == ("list.csv:4: a quote that is never closed",)
    assert {one.place for one in listed.items} >= {"2", "5", "44"}


def test_a_line_beyond_measure_is_named_and_the_next_is_read(tmp_path: Path) -> None:
    listed = read_indicators([written(tmp_path, "x" * (3 * list_text.LINE_CHARS_MAX) + "\n198.51.100.1\n")])
    assert [(one.value, one.place) for one in listed.items] == [("198.51.100.1", "2")]
    assert listed.faults == (f"list.csv:1: longer than {list_text.LINE_CHARS_MAX} characters",)


def test_what_lies_beyond_the_limit_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MENTIONS_MAX", 3)
    text = "".join(f"198.51.100.{at}\n" for at in range(1, 9))
    listed = read_indicators([written(tmp_path, text)])
    assert len(listed.items) == 3
    assert [(number, "beyond" in why) for _, why, number in listed.counted] == [(5, True)]


@pytest.mark.parametrize("text", ["", "\n \n", "# nothing yet\n", "value,type\n"])
def test_a_list_that_holds_nothing_is_said_to(tmp_path: Path, text: str) -> None:
    listed = read_indicators([written(tmp_path, text)])
    assert [(why, number) for _, why, number in listed.counted] == [("the list holds no indicator", 1)]
    assert listed.faults == ()
    (tmp_path / "none").mkdir()
    assert [why for _, why, _ in read_indicators([tmp_path / "none"]).counted] == ["the folder holds no list"]


def test_the_shape_of_microsofts_feeds_is_read(tmp_path: Path) -> None:
    text = (
        "DateAdded,FirstSeen,Indicator,IndicatorType,TLP\n"
        f"2021-03-10,2021-03-05T10:07:29.0421232Z,{'AB' * 32},sha256,White\n"
        "2021-03-09,,C:\\inetpub\\wwwroot\\aspnet_client\\x.aspx,filepath,Amber\n"
    )
    listed = read_indicators([written(tmp_path, text)])
    assert [(one.kind, one.tlp, one.place) for one in listed.items] == [("hash", "white", "2"), ("path", "amber", "3")]
    assert listed.items[0].from_us == instant_us("2021-03-05T10:07:29.042123+00:00")
    assert listed.faults == ()


def test_kinds_that_no_log_shows_are_counted_as_not_applicable(tmp_path: Path) -> None:
    text = "value,type\nGlobal\\\\evil,mutex\nGlobal\\\\worse,mutex\nAS64496,asn\nx,unheard of\n"
    listed = read_indicators([written(tmp_path, text)])
    assert [(why, number) for _, why, number in listed.counted] == [
        ("not applicable: no log that is read here shows a mutex", 2),
        ("not applicable: no log that is read here shows an autonomous system", 1),
    ]
    assert listed.faults == ("list.csv:5: no source can be asked for the kind 'unheard of'",)


def bundle(folder: Path, *objects: dict[str, Any], name: str = "bundle.json") -> Path:
    return written(folder, json.dumps({"type": "bundle", "id": "bundle--1", "objects": objects}), name)


def stix(pattern: str, **more: object) -> dict[str, Any]:
    return {"type": "indicator", "id": f"indicator--{len(pattern)}", "pattern": pattern, "pattern_type": "stix", **more}


@pytest.mark.parametrize(
    ("pattern", "values", "left"),
    [
        ("[ipv4-addr:value = '198.51.100.1']", ["198.51.100.1"], ""),
        ("[ipv4-addr:value ISSUBSET '198.51.100.0/24']", ["198.51.100.0/24"], ""),
        ("[file:hashes.'SHA-256' = 'ab' OR file:hashes.MD5 = 'cd']", ["ab", "cd"], ""),
        ("[url:value = 'http://a.example/x'] OR [domain-name:value IN ('b.example', 'c.example')]", [
            "http://a.example/x", "b.example", "c.example",
        ], ""),
        ("([email-addr:value = 'a@b.example']) WITHIN 60 SECONDS", ["a@b.example"], ""),
        ("[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '198.51.100.1']", [
            "198.51.100.1",
        ], ""),
        ("[network-traffic:src_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '198.51.100.1']", [],
            "two things at once"),
        ("[file:name = 'it\\'s.exe']", ["it's.exe"], ""),
        ("[file:name LIKE 'plain.exe']", ["plain.exe"], ""),
        ("[file:name = 'x' AND file:size = 3]", [], "two things at once"),
        ("[file:name = 'x'] AND [file:name = 'y']", [], "two things at once"),
        ("[file:name = 'x'] FOLLOWEDBY [file:name = 'y']", [], "one after the other"),
        ("[file:name = 'x'] REPEATS 5 TIMES", [], "several times"),
        ("[file:name = 'x'] START t'2021-01-01T00:00:00Z' STOP t'2021-02-01T00:00:00Z'", [], "stretch of time"),
        ("[file:name MATCHES '^x']", [], "regular expression"),
        ("[file:name LIKE '%x']", [], "wildcard"),
        ("[file:name != 'x']", [], "not there"),
        ("[file:name NOT IN ('x')]", [], "not there"),
        ("[software:name = 'x']", [], "software:name"),
        ("[file:name = 'x' OR (file:name = 'y' AND file:size > 3)]", ["x"], "two things at once"),
        ("[(file:name = 'x' OR file:name = 'z') AND file:size > 3]", [], "two things at once"),
    ],
)  # fmt: skip
def test_patterns_give_what_stands_alone_and_nothing_by_half(pattern: str, values: list[str], left: str) -> None:
    found, why = alternatives(pattern)
    assert [one.value for one in found] == values
    assert bool(why) == bool(left)
    assert all(left in one for one in why)


@pytest.mark.parametrize(
    "pattern", ["", "[", "[file:name]", "[file:name = ]", "file:name = 'x'", "[file:name = 'x", "(" * 99]
)
def test_patterns_that_are_none_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        alternatives(pattern)


@given(
    st.lists(
        st.sampled_from(["[", "]", "(", ")", "a:b", "=", "'x'", "AND", "OR", "NOT", "IN", ",", "REPEATS", "5", "t'"])
    )
)
def test_any_row_of_tokens_is_a_pattern_or_is_refused(tokens: list[str]) -> None:
    try:
        found, why = alternatives(" ".join(tokens))
    except PatternError:
        return
    assert found or why


def test_a_bundle_keeps_window_marking_and_id(tmp_path: Path) -> None:
    mark = {
        "type": "marking-definition",
        "id": "marking-definition--x",
        "definition_type": "tlp",
        "definition": {"tlp": "red"},
    }
    path = bundle(
        tmp_path,
        mark,
        stix(
            "[domain-name:value = 'evil.example']",
            name="gate",
            indicator_types=["malicious-activity"],
            valid_from="2021-01-01T00:00:00Z",
            valid_until="2021-02-01T00:00:00Z",
            object_marking_refs=["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", "marking-definition--x"],
        ),
        stix("[domain-name:value = 'gone.example']", revoked=True),
        stix("rule x {}", pattern_type="yara", name="a rule"),
        stix("[domain-name:value = 'a.example' AND file:name = 'x']", name="both"),
        stix("[domain-name:value = "),
        {"type": "observed-data", "id": "observed-data--1"},
        {"type": "indicator", "pattern": 7},
    )
    listed = read_indicators([path])
    (one,) = listed.items
    assert (one.kind, one.value, one.label, one.tlp) == ("domain", "evil.example", "gate [malicious-activity]", "red")
    assert one.place.startswith("indicator--")
    assert (one.from_us, one.until_us) == (instant_us("2021-01-01"), instant_us("2021-02-01") - 1)
    assert [(each.name, each.reason.partition(":")[0]) for each in listed.left] == [
        ("a rule", "its pattern is yara, not STIX"),
        ("both", "needs two things at once"),
    ]
    assert [(why, number) for _, why, number in listed.counted] == [
        ("an observation, not an indicator (observed-data)", 1),
        ("withdrawn by its author (revoked)", 1),
    ]
    assert len(listed.faults) == 2


def test_of_an_object_in_several_versions_the_newest_counts(tmp_path: Path) -> None:
    def version(number: int, modified: str, value: str, **more: object) -> dict[str, Any]:
        return stix(f"[domain-name:value = '{value}']", id=f"indicator--{number}", modified=modified, **more)

    path = bundle(
        tmp_path,
        version(1, "2021-02-01T00:00:00.500Z", "mended.example"),
        version(1, "2021-02-01T00:00:00.000Z", "typo.example"),
        version(2, "2021-01-01T00:00:00Z", "gone.example"),
        version(2, "2021-03-01T00:00:00Z", "gone.example", revoked=True),
        version(3, "", "one.example"),
        version(3, "not a date", "two.example"),
    )
    listed = read_indicators([path])
    assert [one.value for one in listed.items] == ["mended.example", "one.example", "two.example"]
    assert [(why.partition(" (")[0], number) for _, why, number in listed.counted] == [
        ("an older version of an object that is there in a newer one", 2),
        ("withdrawn by its author", 1),
    ]
    assert listed.faults == ()


def test_what_is_null_is_nothing_and_costs_no_indicator(tmp_path: Path) -> None:
    nulls = (
        "valid_from",
        "valid_until",
        "name",
        "labels",
        "revoked",
        "created",
        "modified",
        "object_marking_refs",
        "id",
    )
    objects = [stix(f"[ipv4-addr:value='198.51.100.{at}']", **{one: None}) for at, one in enumerate(nulls, 1)]
    listed = read_indicators([bundle(tmp_path, *objects, stix("[ipv4-addr:value='198.51.100.99']", revoked="true"))])
    assert ({one.value for one in listed.items}, listed.faults) == (
        {f"198.51.100.{at}" for at in range(1, len(nulls) + 1)},
        (),
    )
    held = attribute("domain", "a.example") | dict.fromkeys(("comment", "uuid", "deleted", "Tag", "first_seen"))
    made = event("e1", [held, attribute("domain", "b.example") | {"Tag": [{"name": None}]}], Object=None, Tag=None)
    made["Event"] |= {"info": None, "uuid": None}
    listed = read_indicators([written(tmp_path, json.dumps(made), "event.json")])
    assert ([one.value for one in listed.items], listed.faults) == (["a.example", "b.example"], ())


def test_what_is_no_indicator_of_a_bundle_or_event_is_counted(tmp_path: Path) -> None:
    seen = [{"type": kind, "id": f"{kind}--1", "value": "x.example"} for kind in ("domain-name", "domain-name", "url")]
    listed = read_indicators([bundle(tmp_path, *seen, stix("[domain-name:value = 'evil.example']"))])
    assert [(why, number) for _, why, number in listed.counted] == [
        ("an observation, not an indicator (domain-name)", 2),
        ("an observation, not an indicator (url)", 1),
    ]
    proposed = attribute("domain", "a.example") | {"ShadowAttribute": [attribute("domain", "b.example")]}
    made = event("e1", [proposed], ShadowAttribute=[{}], EventReport=[{"content": "198.51.100.1"}])
    listed = read_indicators([written(tmp_path, json.dumps(made), "event.json")])
    assert [one.value for one in listed.items] == ["a.example"]
    assert [(why.partition(",")[0], number) for _, why, number in listed.counted] == [
        ("proposed by others", 2),
        ("the text of a report", 1),
    ]


def test_comments_in_a_pattern_are_passed_over() -> None:
    assert (
        alternatives("/* a * b */ [ipv4-addr:value /**/ = '198.51.100.1'] // x\n/* end */")[0][0].value
        == "198.51.100.1"
    )
    start = time.process_time()
    for text in ("/*" * 30_000, "/**/" * 15_000 + "[", "/" * 60_000, "/*" + "*" * 60_000):
        with pytest.raises(PatternError):
            alternatives(text)
    assert time.process_time() - start < 5


def event(uuid: str, attributes: list[dict[str, Any]], **more: object) -> dict[str, Any]:
    return {"Event": {"uuid": uuid, "info": "a case", "Attribute": attributes, **more}}


def attribute(kind: str, value: str, **more: object) -> dict[str, Any]:
    return {"type": kind, "value": value, "uuid": f"u-{value[:8]}", "to_ids": True, **more}


def test_a_misp_event_gives_what_is_fit_for_detection(tmp_path: Path) -> None:
    hidden = {"name": "file", "deleted": True, "Attribute": [attribute("filename", "gone.exe")]}
    shown = {
        "name": "file",
        "first_seen": "2021-01-01T00:00:00+00:00",
        "Attribute": [attribute("filename", "held.exe")],
    }
    found = event(
        "e1",
        [
            attribute(
                "ip-dst", "198.51.100.1", Tag=[{"name": "tlp:red"}], first_seen="2020-05-01T00:00:00.000000+00:00"
            ),
            attribute("ip-dst|port", "198.51.100.2|443"),
            attribute("domain|ip", "evil.example|198.51.100.3", comment="both"),
            attribute("filename|md5", "x.exe|" + "ab" * 16),
            attribute("hostname", "context.example", to_ids=False),
            attribute("hostname", "deleted.example", deleted="1"),
            attribute("mutex", "Global"),
            attribute("url", ""),
            {"type": 7},
        ],
        Object=[shown, hidden],
        Tag=[{"name": "tlp:amber"}],
    )
    listed = read_indicators([written(tmp_path, json.dumps(found), "e1.json")])
    assert [(one.kind, one.value, one.tlp) for one in listed.items] == [
        ("address", "198.51.100.1", "red"),
        ("address", "198.51.100.2", "amber"),
        ("address", "198.51.100.3", "amber"),
        ("domain", "evil.example", "amber"),
        ("hash", "ab" * 16, "amber"),
        ("name", "held.exe", "amber"),
        ("name", "x.exe", "amber"),
    ]
    assert {one.source for one in listed.items} == {"e1.json (MISP event e1)"}
    assert [one.from_us for one in listed.items if one.value == "held.exe"] == [instant_us("2021-01-01")]
    assert sorted((why.partition(":")[0], number) for _, why, number in listed.counted) == [
        ("deleted by its author", 2),
        ("for context only", 1),
        ("not applicable", 1),
    ]
    assert len(listed.faults) == 2


def test_a_misp_feed_is_a_folder_and_its_index_is_no_list(tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    feed.mkdir()
    written(feed, json.dumps({"e1": {"info": "x"}, "e2": {"info": "y"}}), "manifest.json")
    written(feed, json.dumps(event("e1", [attribute("domain", "evil.example")])), "e1.json")
    written(feed, "ab" * 16 + ",e1\n", "hashes.csv")
    written(feed, "198.51.100.9\n", "freetext.txt")
    written(feed, "not one", "README.md")
    listed = read_indicators([feed])
    assert [one.value for one in listed.items] == ["198.51.100.9", "evil.example"]
    assert listed.faults == ("manifest.json: event e2 is named, and its file is not there",)
    assert [(source, number) for source, _, number in listed.counted] == [("README.md", 1)]


def test_a_misp_export_as_csv_leaves_context_out(tmp_path: Path) -> None:
    text = "uuid,event_id,category,type,value,comment,to_ids,date\n"
    text += "u1,1,x,ip-dst,198.51.100.1,c2,1,1\nu2,1,x,domain,a.example,,0,1\n"
    listed = read_indicators([written(tmp_path, text)])
    assert [(one.value, one.label, one.place) for one in listed.items] == [("198.51.100.1", "c2", "2 u1")]
    assert [number for _, _, number in listed.counted] == [1]


@pytest.mark.parametrize(
    "text",
    [
        '{"response": [{"Event": {"Attribute": [{"type": "domain", "value": "a.example", "to_ids": true}]}}]}',
        '{"response": {"Attribute": [{"type": "domain", "value": "a.example", "to_ids": "1"}]}}',
        '[{"Event": {"Attribute": [{"type": "domain", "value": "a.example", "to_ids": true}]}}]',
        '{"IoC": "a.example", "Type": "domain", "TLP": "white"}\n{"IoC": 7\n',
        '[\n{"IoC": "a.example", "Type": "domain"},\n{"IoC": "broken\n]',
        '[{"type": "indicator", "id": "i", "pattern": "[domain-name:value = \'a.example\']"}]',
    ],
)
def test_json_of_other_shapes_is_read_as_far_as_it_goes(tmp_path: Path, text: str) -> None:
    listed = read_indicators([written(tmp_path, text, "list.json")])
    assert [one.value for one in listed.items] == ["a.example"]


@given(st.binary(max_size=300))
def test_no_bytes_stop_the_reading(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    for lead in (b"", b"{", b"[{", b"indicator,type\n"):
        listed = read_indicators([written(folder, lead + data, "any.txt")])
        assert all(one.value for one in listed.items)


def test_the_same_lists_in_another_order_have_the_same_digest(tmp_path: Path) -> None:
    one, two = written(tmp_path, "198.51.100.1\n", "one.txt"), written(tmp_path, "evil.example\n", "two.txt")
    first, second = read_indicators([one, two]), read_indicators([two, one])
    assert first.digest() == second.digest()
    assert first.digest() != read_indicators([one]).digest()


def test_kinds_that_logs_may_show_are_not_said_to_be_beyond_every_log(tmp_path: Path) -> None:
    listed = read_indicators([written(tmp_path, "value,type\nHKLM\\x,regkey\n\\pipe\\x,named pipe\n")])
    assert [why.partition(":")[0] for _, why, _ in listed.counted] == ["not looked for"] * 2


def test_an_import_hash_is_a_hash(tmp_path: Path) -> None:
    (one,) = read_indicators([written(tmp_path, f"value,type\n{'AB' * 16},imphash\n")]).items
    assert (one.kind, one.value) == ("hash", "ab" * 16)


@pytest.mark.parametrize("head", ["value\n", "value,type\n"])
def test_a_port_behind_an_address_or_name_is_left_out(tmp_path: Path, head: str) -> None:
    kinds = ("ip", "domain", "ip") if "type" in head else ("", "", "")
    values = ("198.51.100.7:8080", "evil.example.com:443", "[2001:db8::5]:443")
    rows = "".join(f"{value},{kind}\n" if kind else f"{value}\n" for value, kind in zip(values, kinds, strict=True))
    listed = read_indicators([written(tmp_path, head + rows)])
    assert {(one.kind, one.value) for one in listed.items} == {
        ("address", "198.51.100.7"),
        ("domain", "evil.example.com"),
        ("address", "2001:db8::5"),
    }
    assert listed.faults == ()


@pytest.mark.parametrize("value", ["1.2.3:80", "C:80", "a:b:443", "1.2.3.4:808080"])
def test_what_is_no_port_is_not_taken_for_one(tmp_path: Path, value: str) -> None:
    listed = read_indicators([written(tmp_path, f"value,type\n{value},ip\n")])
    assert (listed.items, len(listed.faults)) == ((), 1)


def test_every_column_of_a_kind_is_taken(tmp_path: Path) -> None:
    sums = ["d4" * 16, "da" * 20, "e3" * 32]
    text = f"md5,sha1,sha256,comment\n{','.join(sums)},x\n,,{'ab' * 32},\n,,,nothing\n"
    listed = read_indicators([written(tmp_path, text)])
    assert sorted(one.value for one in listed.items) == sorted([*sums, "ab" * 32])
    assert {one.label for one in listed.items if one.place == "2"} == {"x"}
    assert listed.faults == ("list.csv:4: an empty value matches nothing",)


def test_columns_of_several_kinds_are_taken_with_the_shape_of_each(tmp_path: Path) -> None:
    text = "domain,ip,type,last_seen\nother.example,203.0.113.77,C2,2021-03-01\n"
    text += '"b\u00fccher.example",203.0.113.78,"C2\n",\n'
    listed = read_indicators([written(tmp_path, text)])
    assert [(one.kind, one.value) for one in listed.items] == [
        ("address", "203.0.113.77"),
        ("address", "203.0.113.78"),
        ("domain", "other.example"),
        ("domain", "xn--bcher-kva.example"),
    ]
    assert listed.faults == ()


@pytest.mark.parametrize(
    ("text", "values", "columns"),
    [
        ("domain,link\nevil.example,https://report.example/x\n", ["evil.example"], ["link"]),
        ("indicator,md5\n1.2.3.7," + "ab" * 16 + "\n1.2.3.8,\n", ["1.2.3.7", "1.2.3.8"], ["md5"]),
        ('indicator,md5\n198.51.100.7,"\u00e9"\n', ["198.51.100.7"], ["md5"]),
        ('{"domain": "evil.example", "host": "a hoster"}\n', ["evil.example"], ["host"]),
    ],
)  # fmt: skip
def test_columns_that_are_not_taken_are_counted_by_name(
    tmp_path: Path, text: str, values: list[str], columns: list[str]
) -> None:
    listed = read_indicators([written(tmp_path, text, "list.jsonl" if text.startswith("{") else "list.csv")])
    assert [one.value for one in listed.items] == values
    assert [
        (f"'{name}'" in reason, number) for name, (_, reason, number) in zip(columns, listed.counted, strict=True)
    ] == [(True, 1)]


@pytest.mark.parametrize("head", ["", "value,type\n"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("C:\\Users\\*\\x.exe", "a wildcard"),
        ("C:\\Users\\a?c\\x.exe", "a wildcard"),
        ("/owa/x.aspx?a=b", "a query"),
        ("%TEMP%\\evil.exe", "a variable"),
        ("C:\\Users\\%username%\\evil.exe", "a variable"),
        ("HKLM\\Software\\x", "a registry key"),
        ("HKEY_CURRENT_USER\\Software\\x", "a registry key"),
        ("Global\\mutex1", "a mutex"),
    ],
)
def test_what_no_path_in_a_log_can_be_is_counted_and_not_said_to_be_looked_for(
    tmp_path: Path, head: str, value: str, reason: str
) -> None:
    text = f"{head}{value}{',filepath' if head else ''}\n"
    listed = read_indicators([written(tmp_path, text)])
    assert listed.items == ()
    assert listed.faults == ()
    assert [(reason in why, number) for _, why, number in listed.counted] == [(True, 1)]


@pytest.mark.parametrize("value", ["/b%20c%e4bc%20.aspx", "/%e4%b8%ad/x.aspx", "global\\x.exe", "C:\\100%\\a%b.exe"])
def test_paths_with_marks_of_their_own_stay_paths(tmp_path: Path, value: str) -> None:
    (one,) = read_indicators([written(tmp_path, value + "\n")]).items
    assert (one.kind, one.value) == ("path", value.replace("/", "\\").lower())


MISP_NOT_COMPARED = (
    "yara", "sigma", "snort", "pattern-in-file", "mac-address", "cpe", "jabber-id", "http-method", "sha3-256",
    "windows-scheduled-task", "cookie", "text", "some-type-of-tomorrow", "filename|sha3-256", "regkey|value",
)  # fmt: skip


@pytest.mark.parametrize("kind", MISP_NOT_COMPARED)
def test_attributes_of_types_that_are_not_compared_are_counted_and_are_no_fault(tmp_path: Path, kind: str) -> None:
    listed = read_indicators([written(tmp_path, json.dumps(event("e1", [attribute(kind, "a.exe|b")])), "e1.json")])
    assert listed.faults == ()
    assert [one.kind for one in listed.items] == (["name"] if kind.startswith("filename") else [])
    assert sum(number for _, _, number in listed.counted) >= 1


@pytest.mark.parametrize("kind", ["target-email", "whois-registrant-email", "eppn", "dns-soa-email"])
def test_types_of_mail_addresses_are_mail_addresses(tmp_path: Path, kind: str) -> None:
    made = event("e1", [attribute(kind, "A@evil.example"), attribute("attachment", "Bad.docx")])
    listed = read_indicators([written(tmp_path, json.dumps(made), "e1.json")])
    assert [(one.kind, one.value) for one in listed.items] == [("email", "a@evil.example"), ("name", "bad.docx")]


def test_reasons_beyond_measure_are_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "COUNTED_MAX", 3)
    made = event("e1", [attribute(f"kind{at}", "x") for at in range(9)])
    listed = read_indicators([written(tmp_path, json.dumps(made), "e1.json")])
    assert sorted(number for _, _, number in listed.counted) == [1, 1, 1, 6]


@pytest.fixture
def counted_memory(tmp_path: Path) -> Iterator[tuple[Indicators, pa.MemoryPool]]:
    """Long lists as they were read, and what Arrow takes from then on."""
    hosts = [f"host{at}.of-a-name-that-takes-some-bytes.evil{at % 97}.example" for at in range(30_000)]
    listed = read_indicators([written(tmp_path, "\n".join([*hosts, *(f"{at:064x}" for at in range(30_000))]) + "\n")])
    before = pa.default_memory_pool()
    counting = pa.proxy_memory_pool(before)
    pa.set_memory_pool(counting)
    yield listed, counting
    pa.set_memory_pool(before)


def test_what_lists_say_is_asked_and_looked_up_without_being_copied(
    counted_memory: tuple[Indicators, pa.MemoryPool],
) -> None:
    listed, counting = counted_memory
    finder = Finder(listed.table)
    listed.digest()
    outcomes = indicator_outcomes(listed, [["domain"]], {})
    host = str(listed.table["value"][7])
    assert listed.ids([f"indicator:domain:{host}", "indicator:domain:x.example", "a-rule"]) == {
        f"indicator:domain:{host}"
    }
    texts = pc.sum(pc.binary_length(listed.table["value"])).as_py()
    assert counting.max_memory() < texts // 3
    assert counting.bytes_allocated() < texts // 10
    assert [one.title for one in outcomes] == ["30,000 of the kind domain", "30,000 of the kind hash"]
    assert finder is not None
