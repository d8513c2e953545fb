"""JSON records: wrappers, lists inside objects, names in any case, copies, and nothing lost on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fuzz.contract import check
from hypothesis import given
from hypothesis import strategies as st

from dwell.model.provenance import FactKind
from dwell.sources import json_records
from dwell.sources.defender import Defender
from dwell.sources.entra_signin import SignIns
from dwell.sources.exports import KINDS, Exports, ExportsJson
from dwell.sources.json_records import look, members, merged
from dwell.sources.registry import identify, source
from dwell.sources.source import Sniff
from dwell.sources.ual_more import UalHunting

LEAF = st.none() | st.booleans() | st.integers(-5, 5) | st.text(st.sampled_from("aé\x01"), max_size=3)
VALUE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=2)
)
RECORD = st.dictionaries(st.sampled_from(["id", "ID", "appId", "status", "odd"]), VALUE, min_size=1, max_size=5)


def leaves(value: object) -> int:
    """Count what an object tells: texts, numbers and lists; nothing for what is empty."""
    if isinstance(value, dict):
        return sum(leaves(one) for one in value.values())
    return 0 if value is None or value in ("", []) else 1


@given(records=st.lists(RECORD, max_size=4))
def test_every_leaf_is_in_a_column_or_in_the_map(records: list[dict[str, Any]]) -> None:
    data = "\n".join(json.dumps(one) for one in records).encode()
    rows = check(SignIns(), data).rows
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        extra = row.pop("extra") or []
        held = [value for name, value in row.items() if name != "record_no" and value is not None]
        assert len(held) + len(extra) == leaves(record)


def test_a_wrapper_and_its_record_are_one_and_neither_hides_the_other() -> None:
    wrapped = {"time": "t", "category": "SignInLogs", "tenantId": "a", "properties": {"Category": "x", "id": "1"}}
    assert merged(wrapped) == {
        "Category": "x",
        "id": "1",
        "time": "t",
        "envelope.category": "SignInLogs",
        "tenantId": "a",
    }
    plain = {"properties": {"a": 1}, "b": 2}
    assert merged(plain) is plain


def test_an_object_that_carries_records_gives_each_its_number() -> None:
    data = (
        json.dumps({"@odata.context": "c", "value": [{"id": "1"}, {"id": "2"}]}).encode()
        + b'\n{"id":"3"}\n[{"id":"4"}]'
    )
    rows = check(SignIns(), data).rows
    assert [(row["record_no"], row["id"]) for row in rows] == [(1, "1"), (2, "2"), (3, "3"), (4, "4")]
    assert dict(rows[0]["extra"]) == {"envelope.@odata.context": "c"}
    assert members({"value": [1, {}]}) == [{"value": [1, {}]}]


def test_copies_are_kept_and_can_be_counted() -> None:
    one = {"id": "s-1", "createdDateTime": "2021-08-02T13:29:25Z"}
    rows = check(SignIns(), json.dumps([one, one, one]).encode()).rows
    assert [row["id"] for row in rows] == ["s-1"] * 3


def test_how_many_records_make_a_batch_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    data = json.dumps([{"id": str(n), "status": {"errorCode": n}} for n in range(9)]).encode()
    whole = check(SignIns(), data).rows
    monkeypatch.setattr(json_records, "ROWS", 2)
    assert check(SignIns(), data).rows == whole


def test_the_head_of_a_long_answer_tells_what_it_is() -> None:
    record = {"Timestamp": "2021-08-02T13:11:39Z", "ActionType": "x", "ReportId": 1, "pad": "y" * 2000}
    data = json.dumps({"value": [record] * 100}).encode()
    sniff = Sniff(data[:65_536], "x.json", complete=False)
    assert identify(sniff)[0].source == "defender"
    assert Defender().identify(Sniff(b'{"a":1}', "x", complete=True)) is None
    assert look(Sniff(b"[1,2]", "x", complete=True)).records == ()


def test_mixed_hunting_tables_are_not_taken_for_audit_records() -> None:
    raw = {"time": "t", "category": "AdvancedHunting-CloudAppEvents", "properties": {"RawEventData": {"Id": "1"}}}
    mail = {"time": "t", "category": "AdvancedHunting-EmailEvents", "properties": {"NetworkMessageId": "n"}}
    assert UalHunting().identify(Sniff(json.dumps([raw, raw]).encode(), "x", complete=True)) is not None
    both = json.dumps([raw, mail]).encode()
    assert identify(Sniff(both, "x", complete=True))[0].source == "defender"
    assert [row["category"] for row in check(Defender(), both).rows] == [raw["category"], mail["category"]]
    empty = {"Timestamp": "2021-08-02T13:11:39Z", "ActionType": "x", "ReportId_long": 1, "RawEventData": None}
    full = empty | {"RawEventData": {"Id": "1"}}
    lines = f"{json.dumps(empty)}\n{json.dumps(full)}".encode()
    assert identify(Sniff(lines, "x", complete=True))[0].source == "defender"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_row_of_rights_is_told_by_what_it_holds(kind: str) -> None:
    names = [group[0] for group in KINDS[kind]]
    text = ",".join(names) + "\n" + ",".join("x" for _ in names) + "\n"
    guess = identify(Sniff(text.encode(), "x.csv", complete=True))
    assert guess[0].source in ("exports", "directory")
    assert check(Exports(), text.encode()).rows[0]["kind"] == kind
    assert check(ExportsJson(), json.dumps(dict.fromkeys(names, "x")).encode()).rows[0]["kind"] == kind


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("signins", "signins_csv"), ("entra_audit", "entra_audit_csv"), ("graph_activity", "graph_activity_csv"),
        ("message_trace", "message_trace_csv"), ("defender", "defender_csv"), ("exports", "exports_json"),
        ("zeek", "zeek_json"), ("inventory", "file_listing"), ("inventory", "bodyfile"), ("ual", "ual_hunting"),
        ("evtx", "evtx_csv"), ("evtx", "evtx_text"),
    ],
)  # fmt: skip
def test_transports_of_one_table_agree_on_its_columns(one: str, other: str) -> None:
    assert source(one).table == source(other).table
    assert source(one).schema == source(other).schema


TWICE = st.lists(st.tuples(st.sampled_from(["id", "odd", "appId"]), st.integers(0, 99)), min_size=1, max_size=6)


@given(pairs=TWICE, loose=st.booleans())
def test_every_value_of_a_key_that_stands_several_times_is_kept(pairs: list[tuple[str, int]], *, loose: bool) -> None:
    """The last is what it was; the others are beside it in their order, and it is told."""
    mark = " : " if loose else ":"
    raw = "{" + ",".join(f"{json.dumps(name)}{mark}{value}" for name, value in pairs) + "}"
    reading = check(SignIns(), raw.encode())
    (row,) = reading.rows
    extra = dict(row["extra"] or [])
    written: dict[str, list[str]] = {}
    for name, value in pairs:
        written.setdefault(name, []).append(str(value))
    for name, values in written.items():
        assert (row[name] if name in row else extra[name]) == values[-1]
        assert [extra[f"{name}#{place}"] for place in range(1, len(values))] == values[:-1]
    told = [one for one in reading.facts if one.kind is FactKind.REPEATED]
    assert [one.count for one in told] == [1] * any(len(one) > 1 for one in written.values())


def test_a_key_within_a_text_is_no_second_one() -> None:
    raw = rb'{"id":"1","odd":"{\"id\":\"2\",\"id\":\"3\"}","x":"\u0022id\u0022:4"}'
    reading = check(SignIns(), raw)
    assert not reading.facts
    assert dict(reading.rows[0]["extra"]) == {"odd": '{"id":"2","id":"3"}', "x": '"id":4'}


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ({"createdDateTime", "userPrincipalName", "ipAddress", "status"}, "signins"),
        ({"createdDateTime", "userPrincipalName", "ipAddress", "appDisplayName"}, "signins"),
        ({"createdDateTime", "userPrincipalName", "mail", "accountEnabled"}, None),
        ({"createdDateTime", "userPrincipalName", "status"}, None),
        ({"detectedDateTime", "userPrincipalName", "ipAddress", "riskState"}, None),
    ],
)
def test_sign_ins_of_few_properties_are_told_and_other_records_are_not(keys: set[str], wanted: str | None) -> None:
    data = json.dumps([dict.fromkeys(sorted(keys), "x")]).encode()
    guesses = [one.source for one in identify(Sniff(data, "x.json", complete=True)) if one.score >= 50]
    assert ("signins" in guesses) is (wanted == "signins")
