"""Folding of IMAP and POP sessions, from logs small enough to be added up by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.scope.office import PEOPLE, log_of, reasoned, work
from tests.scope.staged import iis_place, stage, text_log, utc

from dwell.model.claims import Grade
from dwell.scope.ledger import MAIL_SOURCES
from dwell.scope.rollup.shapes import Act

FIELDS = "dateTime,sessionId,seqNumber,sIp,cIp,user,duration,rqsize,rpsize,command,parameters,context,puid"
ACTS = ("opened", "listed", "read", "synced", "named")
Row = tuple[str, str, str, str, int]


def _log(kind: str, rows: Sequence[Row], *, server: str) -> str:
    told: list[dict[str, object]] = [
        {
            "dateTime": f"2021-03-03T10:00:{place:02}.000Z",
            "sessionId": "A1",
            "seqNumber": place,
            "sIp": server,
            "cIp": "203.0.113.9:65468",
            "user": user,
            "rpsize": size,
            "command": command,
            "parameters": given,
            "context": context,
        }
        for place, (user, command, given, context, size) in enumerate(rows)
    ]
    return text_log(kind, FIELDS, told)


def _imap(root: Path, *rows: Row, server: str = "10.0.0.11:993") -> list[dict[str, Any]]:
    files = {"EX01/Logging/Imap4/IMAP42021030310-1.LOG": _log("IMAP4 Log", rows, server=server)}
    return sorted(stage(root, files).rolled().tables["sessions"].to_pylist(), key=lambda one: int(one["record_no"]))


def _acts(row: dict[str, Any]) -> dict[str, int]:
    return {one: row[one] for one in ACTS if row[one]}


def test_a_session_knows_its_user_its_mailbox_and_what_it_fetched(tmp_path: Path) -> None:
    (one,) = _imap(
        tmp_path,
        ("", "OpenSession", "", "", 0),
        ("", "capability", "", "R=OK", 50),
        ("anna", "login", "anna *****", "R=OK", 30),
        ("anna", "select", "INBOX", "R=OK;Rows=41", 100),
        ("", "fetch", "1:2 (FLAGS)", "R=OK", 200),
        ("", "uid fetch", "7 (BODY.PEEK[])", "R=OK", 7000),
        ("", "logout", "", "R=OK", 10),
    )
    assert (one["table"], one["host"], one["protocol"], one["layer"]) == ("imap4", "EX01", "imap", "front")
    assert (one["actor"], one["mailbox"], one["basis"], one["client"]) == ("anna", "anna", "explicit", "203.0.113.9")
    assert (one["first_utc"], one["last_utc"]) == (utc("2021-03-03 10:00:02"), utc("2021-03-03 10:00:05"))
    assert (one["requests"], one["bytes"], one["agent"], one["outcome"]) == (4, 7330, None, 0)
    assert _acts(one) == {"opened": 1, "listed": 2, "read": 1}


def test_an_alias_is_the_mailbox_and_the_password_is_the_users(tmp_path: Path) -> None:
    (one,) = _imap(
        tmp_path, ("gov/anna/minister", "login", "x *****", "R=OK", 30), ("", "fetch", "1 RFC822", "R=OK", 5)
    )
    assert (one["actor"], one["mailbox"], _acts(one)) == ("gov\\anna", "minister", {"opened": 1, "read": 1})


@pytest.mark.parametrize(
    ("command", "given", "expected"),
    [
        ("fetch", "1:* (BODY[])", {"read": 1}),
        ("FETCH", "1 (UID body[1.2])", {"read": 1}),
        ("uid", "fetch 1 BODY[TEXT]", {"read": 1}),
        ("fetch", "1 (RFC822)", {"read": 1}),
        ("fetch", "1 RFC822.TEXT", {"read": 1}),
        ("fetch", "1 BINARY.PEEK[1]", {"read": 1}),
        ("fetch", "1 (RFC822.SIZE RFC822.HEADER)", {"listed": 1}),
        ("fetch", "1 (BODY.PEEK[HEADER.FIELDS (FROM)])", {"listed": 1}),
        ("fetch", "1 (BODYSTRUCTURE)", {"listed": 1}),
        ("uid search", "ALL", {"listed": 1}),
        ("examine", "INBOX", {"listed": 1}),
        ("idle", "", {"opened": 1}),
        ("store", "1 +FLAGS (\\Seen)", {"opened": 1}),
    ],
)
def test_commands_say_what_was_done(tmp_path: Path, command: str, given: str, expected: dict[str, int]) -> None:
    (one,) = _imap(tmp_path, ("anna", command, given, "R=OK", 5))
    assert _acts(one) == expected


@pytest.mark.parametrize("command", ["noop", "capability", "logout", "starttls", "CloseSession"])
def test_what_opens_nothing_is_no_access(tmp_path: Path, command: str) -> None:
    assert _imap(tmp_path, ("anna", command, "", "R=OK", 5)) == []


@pytest.mark.parametrize(
    ("command", "context", "outcome"),
    [
        ("login", "R=NO", 1),
        ("login", 'R="A1 NO LOGIN failed."', 1),
        ("authenticate", "ErrMsg=LogonFailed", 1),
        ("fetch", "R=BAD", 2),
        ("login", "R=OK;Msg=NO", 0),
    ],
)
def test_a_refused_login_is_no_access_and_a_failed_command_neither(
    tmp_path: Path, command: str, context: str, outcome: int
) -> None:
    (one,) = _imap(tmp_path, ("anna", command, "x", context, 5))
    assert (one["outcome"], sum(_acts(one).values())) == (outcome, int(outcome == 0))


def test_the_back_end_tells_it_again_and_does_not_know_the_client(tmp_path: Path) -> None:
    (one,) = _imap(tmp_path, ("anna", "fetch", "1 BODY[]", "R=OK", 5), server="10.0.0.11:1993")
    assert (one["layer"], one["client"], one["read"]) == ("back", None, 1)


def test_pop_reads_what_it_retrieves(tmp_path: Path) -> None:
    rows: list[Row] = [
        ("", "user", "anna", "R=ok", 5),
        ("anna", "pass", "*****", "R=ok", 10),
        ("", "uidl", "", "R=ok", 90),
        ("", "top", "1 0", "R=ok", 200),
        ("", "retr", "1", "R=ok", 7000),
        ("", "dele", "1", "R=ok", 5),
        ("", "pass", "*****", 'R="-ERR Logon failure"', 5),
    ]
    text = _log("POP3 Log", rows, server="10.0.0.11:995")
    found = stage(tmp_path, {"EX01/Logging/Pop3/POP32021030310-1.LOG": text}).rolled().tables["sessions"].to_pylist()
    one, other = sorted(found, key=lambda row: int(row["outcome"]))
    assert (one["table"], one["protocol"], one["actor"], one["mailbox"]) == ("pop3", "pop", "anna", "anna")
    assert (one["requests"], one["bytes"], _acts(one)) == (5, 7305, {"opened": 2, "listed": 2, "read": 1})
    assert (other["outcome"], other["requests"], _acts(other)) == (1, 1, {})


def test_who_fetches_the_mail_of_five_over_imap_is_found_and_read_is_what_he_did(tmp_path: Path) -> None:
    told: list[dict[str, object]] = []
    for day in range(40):
        for person in PEOPLE[:5]:
            for place, (command, given) in enumerate(
                (("login", "x *****"), ("select", "INBOX"), ("fetch", "1:9 BODY[]"))
            ):
                at = utc("2021-01-08 00:00:00") + timedelta(days=day, seconds=place)
                told.append(
                    {
                        "dateTime": f"{at:%Y-%m-%dT%H:%M:%S}.000Z", "sessionId": f"{day}-{person}", "seqNumber": place,
                        "sIp": "10.0.0.11:993", "cIp": "198.51.100.9:5555", "user": person, "rpsize": 1000,
                        "command": command, "parameters": given, "context": "R=OK",
                    }
                )  # fmt: skip
    files: dict[str, str | bytes] = {
        iis_place("EX01", "210104"): log_of(work()),
        "EX01/Logging/Imap4/IMAP42021010800-1.LOG": text_log("IMAP4 Log", FIELDS, told),
    }
    case = reasoned(stage(tmp_path, files))
    (held,) = case.held
    assert (held.clients, held.accounts) == (("198.51.100.0/24 IMAP (no agent is logged)",), PEOPLE[:5])
    assert [one.mailbox for one in case.exposed] == list(PEOPLE[:5])
    for one in case.exposed:
        assert {act: count for act, count in one.acts.items() if count} == {
            Act.OPENED: 40,
            Act.LISTED: 40,
            Act.READ: 40,
        }
        assert (one.grade, one.sessions, one.sent) == (Grade.READ, 40, {"imap4": 120_000})


@pytest.mark.parametrize(
    ("place", "kind"), [("Imap4/IMAP42021030310-1.LOG", "IMAP4 Log"), ("Pop3/POP32021030310-1.LOG", "POP3 Log")]
)
def test_a_log_of_mail_sessions_covers_its_hours_and_makes_its_host_a_mail_server(
    tmp_path: Path, place: str, kind: str
) -> None:
    text = _log(kind, [("anna", "noop", "", "R=OK", 5)], server="10.0.0.11:995")
    ledger = stage(tmp_path, {f"EX01/Logging/{place}": text}).ledger()
    assert ledger.hosts(MAIL_SOURCES) == ["EX01"]
    found = ledger.coverage(["EX01"], MAIL_SOURCES, ledger.first_hour, ledger.last_hour, "an act")
    assert (found.hours_able, found.hours_asked) == (1, 1)
