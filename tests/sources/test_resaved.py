"""What a spreadsheet changed in an export is told: cut cells, instants without seconds; and nothing else is."""

from __future__ import annotations

import pytest
from fuzz.contract import check

from dwell.model.provenance import FactKind
from dwell.sources.registry import identify, source
from dwell.sources.resaved import CELL_MAX
from dwell.sources.source import Sniff

SIGN_INS = "Date (UTC);Request ID;Username;Application;IP address;Status;User agent"


def _facts(key: str, text: str) -> list[tuple[int | None, int, str]]:
    reading = check(source(key), text.encode())
    return [(one.record_no, one.count, one.detail) for one in reading.facts if one.kind is FactKind.RESAVED]


def _row(at: str, agent: str) -> str:
    return f"{at};r;anna@gov.example;Outlook;203.0.113.9;Success;{agent}"


@pytest.mark.parametrize(
    ("length", "told"), [(CELL_MAX - 2, 0), (CELL_MAX - 1, 1), (CELL_MAX, 1), (CELL_MAX + 1, 0), (3 * CELL_MAX, 0)]
)
def test_a_cell_that_ends_at_the_limit_is_told(length: int, told: int) -> None:
    rows = [_row("2021-03-03T10:00:00Z", "x"), _row("2021-03-03T10:00:01Z", "é" * length)]
    found = _facts("signins_csv", "\r\n".join([SIGN_INS, *rows, ""]))
    assert [(number, count) for number, count, _ in found] == [(3, 1)] * told


def test_instants_without_seconds_are_told_and_kept() -> None:
    ats = ["3/3/2021 10:00", "03.03.2021 10:00", "3-3-21, 1:00 PM", "2021-03-03T10:00:00Z", "3/3/2021 10:00:05", ""]
    text = "\r\n".join([SIGN_INS, *(_row(at, "x") for at in ats), ""])
    found = _facts("signins_csv", text)
    assert [(number, count) for number, count, _ in found] == [(2, 3)]
    rows = check(source("signins_csv"), text.encode()).rows
    assert [row["time_utc"] is None for row in rows] == [True, True, True, False, True, True]
    assert [row["createdDateTime"] for row in rows[:3]] == ats[:3]


@pytest.mark.parametrize(
    ("key", "header", "row"),
    [
        ("entra_audit_csv", "Date (UTC);CorrelationId;Service;Category;Activity;Result;ActorUserPrincipalName",
         "3/3/2021 10:00;c;Core;UserManagement;Add user;success;anna@gov.example"),
        ("message_trace_csv", "origin_timestamp_utc;sender_address;recipient_status;message_id",
         "3/3/2021 10:00;a@gov.example;b@gov.example##Receive;<1@x>"),
        ("exports", "Identity;WhenChangedUTC;User;AccessRights", "a;3/3/2021 10:00;b;FullAccess"),
        ("directory", "PrimarySmtpAddress;Alias;WhenCreatedUTC", "a@gov.example;a;3/3/2021 10:00"),
    ],
)  # fmt: skip
def test_every_export_tells_it(key: str, header: str, row: str) -> None:
    text = f"{header}\r\n{row}\r\n"
    guesses = identify(Sniff(text.encode(), "x.csv", complete=True))
    assert guesses[0].source == key
    assert [(number, count) for number, count, _ in _facts(key, text)] == [(2, 1)]
