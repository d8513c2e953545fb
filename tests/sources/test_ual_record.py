"""Audit records of which only the wanted fields are made are those read whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dwell.sources.ual_record import Rows

MAIL: dict[str, Any] = {
    "CreationTime": "2024-03-01T10:00:00",
    "RecordType": 50,
    "ExternalAccess": False,
    "Operation": "MailItemsAccessed",
    "UserId": "jürgen@example.org",
    "OperationCount": 2,
    "OperationProperties": [{"Name": "MailAccessType", "Value": "Bind"}, {"Name": "IsThrottled", "Value": "True"}],
    "Folders": [
        {
            "Path": "\\\\Inbox",
            "FolderItems": [
                {"InternetMessageId": " <a@x> ", "SizeInBytes": 5},
                {"InternetMessageId": "<a@x>", "SizeInBytes": "7"},
                "none",
            ],
        },
        "none",
    ],
    "Other": {"deep": [1, 2.5, None]},
}
RECORDS: tuple[dict[str, Any], ...] = (
    MAIL,
    {},
    {"Operation": None, "OperationCount": 2**70, "Folders": json.dumps(MAIL["Folders"])},
    {"Operation": "Send", "Item": {"InternetMessageId": "<b@x>", "ParentFolder": {"Path": "Not Available", "Id": "i"}}},
    {
        "Operation": "New-InboxRule",
        "Parameters": [{"Name": "Name", "Value": "."}, {"Name": "Empty"}],
        "ObjectId": ["x"],
    },
    {"Messages": [{"Id": "f", "MessageItems": [{"InternetMessageId": "<c@x>", "SizeInBytes": -1}]}]},
)


@pytest.mark.parametrize("ascii_only", [True, False])
def test_wanted_fields_are_those_of_the_whole_record(ascii_only: bool) -> None:
    plain, whole = Rows(), Rows()
    for number, record in enumerate(RECORDS):
        raw = json.dumps(record, ensure_ascii=ascii_only).encode()
        assert plain.add_plain(number, raw)
        whole.add(number, raw.decode(), record, None)
    assert plain.batch().to_pylist() == whole.batch().to_pylist()


def test_messages_folders_and_sizes() -> None:
    rows = Rows()
    assert rows.add_plain(1, json.dumps(MAIL).encode())
    (row,) = rows.batch().to_pylist()
    assert row["InternetMessageIds"] == ["<a@x>"]
    assert row["SizeInBytes"] == 12
    assert (row["MailAccessType"], row["IsThrottled"], row["OperationCount"]) == ("Bind", "True", 2)
    assert row["RecordType"] == "50"
    assert row["ExternalAccess"] == "False"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"Operation": "x"',
        b'{"Operation": NaN}',
        b'{"Operation": "x", "Note": "\xe4"}',
        b'{"Operation": "x", "Note": "\\ud800"}',
        b'{"AuditData": {"Operation": "x"}}',
        b'{"auditData": "{}"}',
        b'{"TimeGenerated": "2024-03-01T10:00:00Z"}',
    ],
)
def test_what_is_unsound_or_wrapped_is_left_to_the_slow_way(raw: bytes) -> None:
    rows = Rows()
    assert not rows.add_plain(1, raw)
    assert not len(rows)
