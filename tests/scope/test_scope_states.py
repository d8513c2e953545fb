"""What exports tell: names that go together, passwords, files and restore points, read by the real readers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.scope.staged import bind, stage, ual_json, utc

from dwell.scope.names import learn
from dwell.scope.states import backups, file_states, instant, passwords

GUID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


def _csv(*lines: str) -> str:
    return "".join(f"{one}\r\n" for one in lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-03-09T10:00:00Z", utc("2021-03-09 10:00:00")),
        ("2021-03-09 10:00:00Z", utc("2021-03-09 10:00:00")),
        ("/Date(1615284000000)/", datetime(2021, 3, 9, 10, tzinfo=UTC)),
        ("/Date(999999999999999)/", None),
        ("3/9/2021 10:00:00 AM", None),
        ("09.03.2021 10:00", None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_in_the_words_of_a_culture_is_not_guessed(text: str | None, expected: datetime | None) -> None:
    assert instant(text) == expected


def test_an_audit_record_teaches_whose_guid_it_is(tmp_path: Path) -> None:
    record = {
        **bind("2021-01-04 09:00:00", "vera@gov.example", "vera@gov.example", "203.0.113.9", "x"),
        "MailboxGuid": GUID,
    }
    files: dict[str, str | bytes] = {
        "UAL.json": ual_json([record]),
        "people.csv": _csv(
            "PrimarySmtpAddress,UserPrincipalName,SamAccountName", "vera.claes@gov.example,vera@gov.example,vclaes"
        ),
    }
    names = learn(stage(tmp_path, files).archive)
    for text in (GUID, f"{GUID}@gov.example", "vera@gov.example", "GOV\\vclaes"):
        assert names.label(text) == "vera.claes@gov.example"
    assert names.contradictions == []


def test_lists_of_files_backups_and_passwords_are_read_with_their_records(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "EX01/files.csv": _csv(
            "Path,SHA256,Size,CreationTimeUtc,LastWriteTimeUtc",
            "C:\\inetpub\\x.aspx,ABCD,10,2021-03-03 02:00:00,2021-03-03 02:00:00",
        ),
        "backups.csv": _csv(
            "host,kind,restore_point_utc,path",
            "ex01.gov.example,full,2021-03-02T00:00:00Z,D:\\b",
            "ex01,full,unknown,D:\\c",
        ),
        "people.csv": _csv(
            "UserPrincipalName,SamAccountName,PasswordLastSet",
            "vera@gov.example,vera,2021-03-09T10:00:00Z",
            "jan@gov.example,jan,3/9/2021",
        ),
    }
    archive = stage(tmp_path, files).archive
    (file,) = file_states(archive)
    assert (file.sha256, file.created_utc) == ("abcd", utc("2021-03-03 02:00:00"))
    found = backups(archive)
    assert [(one.host, one.point_utc) for one in found] == [("EX01", utc("2021-03-02 00:00:00")), ("EX01", None)]
    assert [one.ground.record_no for one in found] == [2, 3]
    told = [(one.account, one.set_utc, one.written) for one in passwords(archive)]
    assert told == [
        ("vera@gov.example", utc("2021-03-09 10:00:00"), "2021-03-09T10:00:00Z"),
        ("jan@gov.example", None, "3/9/2021"),
    ]
