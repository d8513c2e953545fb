"""Where indicators are looked for: fields of events by any name, columns a server has of its own, properties of records."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.hunt.archives import archive_of

from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.indicators.audit_parts import DEPTH_MAX, audit_parts
from dwell.hunt.indicators.places import PLACES, REST, TEXTS
from dwell.hunt.indicators.values import INSIDE
from dwell.intake.tables import specs
from dwell.model.claims import RuleStatus
from dwell.sources.windows_event import DATA_COLUMNS


def searched(folder: Path, text: str, tables: dict[str, list[dict[str, Any]]], *, kept: bool = False) -> Hunted:
    path = folder / "list.txt"
    path.write_text(text, encoding="utf-8")
    cache = folder / "cache" if kept else None
    return hunt(archive_of(folder / "archive", tables), indicator_files=[path], workers=1, cache=cache)


def matched(hunted: Hunted) -> list[str]:
    return sorted(text for one in hunted.hits.to_pylist() if one["kind"] == "indicator" for text in one["matched"])


EVENTS = {
    "DestAddress": ("198.51.100.1", "198.51.100.1"),
    "EventXML.Address": ("198.51.100.2", "198.51.100.2"),
    "EventXML.Param3": ("198.51.100.4", "198.51.100.4"),
    "ClientIP": ("198.51.100.5:51234", "198.51.100.5"),
    "QueryResults": ("::ffff:198.51.100.6;", "198.51.100.6"),
    "RemoteAddresses": ("10.0.0.0/8,198.51.100.7", "198.51.100.7"),
    "ImageLoaded": ("C:\\evil\\side.dll", "c:\\evil\\SIDE.dll"),
    "ServiceFileName": ('"C:\\Program Files\\evil svc\\x.exe" -k', "C:\\Program Files\\evil svc\\x.exe"),
    "Path": ("file:_C:\\evil\\def.exe", "C:\\evil\\def.exe"),
    "Tool": ("cmd /c r.exe a -hp", "r.exe"),
    "Hash": ("SHA256=" + "2B" * 32, "2b" * 32),
    "url": ("http://bits.evil.example/x?y", "http://bits.evil.example/x"),
    "Payload": ('value="http://p.evil.example/x"', "p.evil.example"),
    "Account": ("bob@vip.example", "bob@vip.example"),
}
"""Fields of events, what they say, and the indicator that is in it."""


def test_fields_of_events_are_searched_by_whatever_name_they_have(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"EventData": {name: text}} for name, (text, _) in EVENTS.items()]
    hunted = searched(tmp_path, "".join(f"{one}\n" for _, one in EVENTS.values()), {"evtx": rows})
    assert {text.partition("=")[0] for text in matched(hunted)} == set(EVENTS)
    assert sum(one.hits for one in hunted.indicators) == len(EVENTS)


@pytest.mark.parametrize("kept", [False, True])
def test_an_address_in_a_field_of_an_event_is_met_alone_too(tmp_path: Path, *, kept: bool) -> None:
    rows: list[dict[str, Any]] = [{"EventData": {"EventXML.Address": "198.51.100.2", "At": "2021-03-01T10:00:00Z"}}]
    for _ in range(2):
        hunted = searched(tmp_path, "198.51.100.2\n", {"evtx": rows} if not hunted_before(tmp_path) else {}, kept=kept)
        assert matched(hunted) == ["EventXML.Address=198.51.100.2"]
        assert [one.status for one in hunted.indicators] == [RuleStatus.RAN]


def hunted_before(folder: Path) -> bool:
    return (folder / "archive").exists()


@pytest.mark.parametrize("kept", [False, True])
def test_events_without_a_value_of_a_kind_do_not_count_as_looked_at_for_it(tmp_path: Path, *, kept: bool) -> None:
    rows: list[dict[str, Any]] = [{"EventData": {"User": "CORP\\bob", "At": "2021-03-01T10:00:00.000Z", "N": "1"}}]
    hunted = searched(tmp_path, "198.51.100.2\n", {"evtx": rows}, kept=kept)
    assert [one.status for one in hunted.indicators] == [RuleStatus.BLIND]
    hunted = searched(tmp_path, "evil.example\nC:\\x\\y.exe\nbob@vip.example\n" + "ab" * 32 + "\n", {})
    assert {one.status for one in hunted.indicators} == {RuleStatus.BLIND}


def test_columns_that_a_server_has_of_its_own_are_searched(tmp_path: Path) -> None:
    names = ("X-Real-IP", "cs(X-Forwarded-For)", "OriginalIP")
    rows: list[dict[str, Any]] = [
        {"cs-uri-stem": "/owa/", "extra": {name: f"198.18.0.{at}"}} for at, name in enumerate(names)
    ]
    hunted = searched(tmp_path, "198.18.0.0/15\n", {"iis": rows})
    assert matched(hunted) == sorted(f"{name}=198.18.0.{at}" for at, name in enumerate(names))


RULES = '[{"ActionType":"Forward","Recipients":["x@evil.example"],"Note":"\\\\ \\u005d [}"}]'


@pytest.mark.parametrize("indent", [None, 2])
def test_properties_of_audit_records_are_searched_however_they_are_written(tmp_path: Path, indent: int | None) -> None:
    records = [
        {"OperationProperties": [{"Name": "RuleActions", "Value": RULES}]},
        {"ModifiedProperties": [{"Name": "To", "NewValue": ["smtp:y@evil.example"], "OldValue": []}]},
        {"AppAccessContext": {"ClientAppId": "x", "IP": "198.18.1.2"}},
        {"OperationProperties": [{"Name": "MailAccessType", "Value": "Bind"}]},
        {"ModifiedProperties": [[[[[[[[{"deep": "z@evil.example"}]]]]]]]]},
    ]
    rows: list[dict[str, Any]] = [{"AuditData": json.dumps(one, indent=indent)} for one in records]
    text = "x@evil.example\ny@evil.example\nz@evil.example\n198.18.1.2\n"
    hits = [one for one in searched(tmp_path, text, {"ual": rows}).hits.to_pylist() if one["kind"] == "indicator"]
    assert sorted((one["rule_id"].rpartition(":")[2], one["record_no"]) for one in hits) == [
        ("198.18.1.2", 3),
        ("x@evil.example", 1),
        ("y@evil.example", 2),
        ("z@evil.example", 5),
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"OperationProperties": [{"Name": "x@evil.example"',
        '{"OperationProperties": "x@evil.example"}',
        '{"OperationProperties":' + "[" * (DEPTH_MAX + 9) + '"x@evil.example"' + "]" * (DEPTH_MAX + 9) + "}",
        '{"a": 1, "OperationProperties": x@evil.example]}',
    ],
)
def test_what_cannot_be_cut_out_of_a_record_is_looked_at_whole(text: str) -> None:
    rows, labels, values = audit_parts(pa.chunked_array([[None, text, "{}"]], pa.string()))
    assert rows.tolist() == [1] * len(values)
    assert set(labels.to_pylist()) == {"OperationProperties"}
    assert any("x@evil.example" in one for one in values.to_pylist())


@pytest.mark.parametrize("place", ["ScriptBlockText", "EventData"])
def test_long_texts_are_looked_at_to_their_end(tmp_path: Path, place: str) -> None:
    values = ["198.51.100.9", "thief@evil.example", "http://evil.example/x", "ab" * 32, "C:\\evil\\far.exe"]
    long = "A" * 70_000 + " " + " ".join(values) + " end"
    rows: list[dict[str, Any]] = [{place: {"x": long} if place == "EventData" else long}]
    hunted = searched(tmp_path, "".join(f"{one}\n" for one in values), {"evtx": rows})
    assert {one["rule_id"].split(":")[1] for one in hunted.hits.to_pylist() if one["kind"] == "indicator"} == {
        "address", "email", "url", "hash", "path",
    }  # fmt: skip


@pytest.mark.parametrize("family", sorted(INSIDE))
@pytest.mark.parametrize(
    "piece",
    ["a", "a.", "a-", "1.", "1:", "::", "a@", "@", "C:\\", "\\\\a\\", "C:\\a b ", "http://", "a a.b ", "\\", "ab"],
)
def test_hostile_texts_take_time_that_grows_with_their_length_only(family: str, piece: str) -> None:
    start = time.process_time()
    INSIDE[family](piece * (300_000 // len(piece)))
    assert time.process_time() - start < 5


def test_paths_in_commands_end_where_they_may_and_begin_anew(tmp_path: Path) -> None:
    line = 'x.exe -a C:\\one\\a.exe,D:/two/b c.exe \\\\srv\\share\\d.dll;C:\\no\\e.exe2 "\\\\?\\C:\\three\\f.exe"'
    asked = [
        "C:\\one\\a.exe",
        "D:\\two\\b c.exe",
        "\\\\srv\\share\\d.dll",
        "C:\\three\\f.exe",
        "C:\\no\\e.exe",
        "e.exe",
    ]
    hunted = searched(tmp_path, "".join(f"{one}\n" for one in asked), {"evtx": [{"CommandLine": line}]})
    met = {one["rule_id"].split(":", 2)[2] for one in hunted.hits.to_pylist() if one["kind"] == "indicator"}
    assert met == {"c:\\one\\a.exe", "d:\\two\\b c.exe", "\\\\srv\\share\\d.dll", "c:\\three\\f.exe"}


def test_every_other_place_is_a_text_or_a_map_of_its_table() -> None:
    held = specs()
    for table, columns in REST.items():
        for column in columns:
            kind = held[table].schema.field(column).type
            assert pa.types.is_map(kind) or pa.types.is_string(kind), (table, column)


NO_PLACES = frozenset(
    (
        "TargetUserSid", "SubjectUserSid", "SubjectLogonId", "TargetLogonId", "LogonType", "IpPort",
        "AuthenticationPackageName", "Status", "SubStatus", "FailureReason", "DestinationPort", "UtcTime",
        "AttributeLDAPDisplayName", "Cmdlet", "CmdletCallerSid", "CmdletProcess", "CmdletDuration", "CmdletScope",
        "CmdletErrorKind", "CmdletActivityId", "CmdletSession",
    )
)  # fmt: skip
"""Fields of events with columns of their own that hold numbers, ids, or words of a fixed list."""


def test_every_field_of_an_event_that_may_hold_a_value_is_a_place() -> None:
    held = {one for places in PLACES.values() for one in places.get("evtx", ())}
    held |= {*TEXTS["evtx"], *REST["evtx"]}
    assert set(DATA_COLUMNS) - held == NO_PLACES


@pytest.mark.parametrize("known", [False, True])
def test_fields_of_events_with_columns_of_their_own_are_searched(tmp_path: Path, *, known: bool) -> None:
    rows: list[dict[str, Any]] = [
        {"ProcessName": "C:\\evil\\p1.exe"},
        {"TargetServerName": "198.51.100.50"},
        {"TargetServerName": "u6srv.example"},
        {"WorkstationName": "198.51.100.51"},
        {"ShareName": "\\\\*\\c$", "TaskName": "\\evil.exe"},
        {"OriginalFileName": "tool.exe"},
        {"ServiceName": "HTTP/host.evil.example"},
    ]
    asked = [
        "C:\\evil\\p1.exe",
        "198.51.100.50",
        "u6srv.example",
        "198.51.100.51",
        "evil.exe",
        "tool.exe",
        "evil.example",
    ]
    hunted = searched(tmp_path, "\n".join(asked), {"evtx": rows}, kept=known)
    met = {one["rule_id"].split(":", 2)[2] for one in hunted.hits.to_pylist() if one["kind"] == "indicator"}
    assert met == {one.lower() for one in asked}


def test_what_logs_of_mail_say_is_searched(tmp_path: Path) -> None:
    tables: dict[str, list[dict[str, Any]]] = {
        "message_tracking": [
            {"return-path": "a@one.example"},
            {"related-recipient-address": "collector@two.example"},
            {"recipient-address": "x@gov.example;b@three.example"},
            {"client-hostname": "mail.four.example"},
            {"original-server-ip": "198.51.100.5"},
            {"message-id": "<77@six.example>"},
            {"sender-address": "c@seven.example"},
            {"custom-data": "S:ip=198.51.100.8;x"},
        ],
        "smtp_receive": [{"data": "EHLO helo.nine.example"}, {"data": "MAIL FROM:<d@ten.example> SIZE=7"}],
        "smtp_send": [{"data": "RCPT TO:<e@eleven.example>"}],
        "httpproxy": [
            {"AnchorMailbox": "ServerInfo~a]@ssrf.twelve.example:444/autodiscover?#"},
            {"TargetServer": "t.thirteen.example"},
        ],
    }
    asked = [
        "a@one.example", "collector@two.example", "b@three.example", "four.example", "198.51.100.5", "six.example",
        "seven.example", "198.51.100.8", "nine.example", "d@ten.example", "e@eleven.example", "twelve.example",
        "thirteen.example",
    ]  # fmt: skip
    hunted = searched(tmp_path, "\n".join(asked), tables)
    met = {one["rule_id"].split(":", 2)[2] for one in hunted.hits.to_pylist() if one["kind"] == "indicator"}
    assert met == set(asked)


@pytest.mark.parametrize("kept", [False, True])
def test_records_that_name_no_path_or_address_leave_those_kinds_blind(tmp_path: Path, *, kept: bool) -> None:
    rows: list[dict[str, Any]] = [{"UserId": "anna@gov.example", "Parameters": {"Identity": "anna"}}]
    hunted = searched(tmp_path, "C:\\x\\y.exe\n" + "ab" * 32 + "\n", {"ual": rows}, kept=kept)
    assert {one.status for one in hunted.indicators} == {RuleStatus.BLIND}
    hunted = searched(tmp_path, "198.51.100.2\n", {}, kept=kept)
    assert [one.status for one in hunted.indicators] == [RuleStatus.BLIND]


def test_a_name_with_a_wildcard_before_it_is_a_name() -> None:
    assert "evil.example" in INSIDE["domain"]("*.evil.example,*.other.example")
    assert INSIDE["domain"]("x..evil.example") == []


def test_answers_of_names_are_looked_into(tmp_path: Path) -> None:
    row = {"query": "a.example", "answers": "cdn.evil.example,198.51.100.9"}
    found = searched(tmp_path, "198.51.100.9\nevil.example\n", {"zeek": [row]})
    assert all(one.startswith("answers=") for one in matched(found))
    assert len(matched(found)) == 2


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("nslookup _ldap._tcp.dc.evil.example", "evil.example"),
        ("start https://x.example/?u=http%3A%2F%2Fevil.example%2Fa", "http://evil.example/a"),
        ("start https://x.example/?u=http%3a%2f%2fevil.example%2fa", "evil.example"),
        ("curl mailto?to=vip%40evil.example", "vip@evil.example"),
        ("powershell -c \"iex 'C:\\\\evil\\\\e.exe'\"", "C:\\evil\\e.exe"),
        ("copy \\\\srv\\C$\\evil\\i.exe x", "C:\\evil\\i.exe"),
        ("copy \\\\srv\\C$\\evil\\i.exe x", "\\\\srv\\C$\\evil\\i.exe"),
    ],
)
def test_values_are_seen_as_links_json_and_other_computers_write_them(tmp_path: Path, line: str, value: str) -> None:
    hunted = searched(tmp_path, value + "\n", {"evtx": [{"CommandLine": line}, {"CommandLine": "x.example"}]})
    assert [(one["count"], one["kind"]) for one in hunted.hits.to_pylist() if one["kind"] == "indicator"] == [
        (1, "indicator")
    ]
