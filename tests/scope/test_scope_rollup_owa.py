"""Folding of the OWA server log, and the client that its sessions are given, from logs small enough to be added up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.scope.staged import iis_log, iis_place, stage, text_log, utc

from dwell.scope.access import Accesses
from dwell.scope.identities import Identities
from dwell.scope.ledger import MAIL_SOURCES

ACTS = ("opened", "listed", "read", "synced", "named")
PLACE = "EX01/Logging/OWA/Server/OWAServer20210303-1.LOG"
Row = tuple[str, str, str]
OWN = "S:PSA=<PII>anna@gov.example</PII>;S:MG=11111111-2222-4333-8444-555555555555;S:ClientId=AB12CD34EF56"


def owa_log(rows: Sequence[Row]) -> str:
    """Give an OWA server log of (instant, action, data)."""
    told = [
        {"TimeStamp": f"{at.replace(' ', 'T')}.000Z", "ServerName": "EX01", "EventId": action, "EventData": data}
        for at, action, data in rows
    ]
    return text_log("OWA Server Log", "TimeStamp,ServerName,EventId,EventData", told)


def _sessions(root: Path, *rows: tuple[str, str]) -> list[dict[str, Any]]:
    timed = [(f"2021-03-03 10:00:{place:02}", *one) for place, one in enumerate(rows)]
    found = stage(root, {PLACE: owa_log(timed)}).rolled().tables["sessions"].to_pylist()
    return sorted(found, key=lambda one: int(one["record_no"]))


def _acts(row: dict[str, Any]) -> dict[str, int]:
    return {one: row[one] for one in ACTS if row[one]}


def test_a_row_names_the_mailbox_the_act_and_the_browser(tmp_path: Path) -> None:
    (one,) = _sessions(
        tmp_path,
        ("SessionData", OWN),
        ("FindItem", OWN),
        ("GetItem", OWN),
        ("GetConversationNodeItems", f"{OWN};S:Err=Success"),
        ("SendNotification", OWN),
        ("LogDatapoint", OWN),
        ("GlobalActivity", "Dbl:WLM.TS=0"),
    )
    assert (one["table"], one["host"], one["protocol"], one["layer"]) == ("owa", "EX01", "owa", "back")
    assert (one["actor"], one["mailbox"], one["basis"]) == ("anna@gov.example", "anna@gov.example", "explicit")
    assert (one["client"], one["agent"], one["bytes"]) == ("browser:AB12CD34EF56", None, None)
    assert (one["first_utc"], one["last_utc"]) == (utc("2021-03-03 10:00:00"), utc("2021-03-03 10:00:04"))
    assert (one["requests"], _acts(one)) == (5, {"opened": 1, "listed": 2, "read": 2})


def test_who_opens_the_mailbox_of_another_is_named_beside_it(tmp_path: Path) -> None:
    (one,) = _sessions(tmp_path, ("GetItem", f"{OWN};S:user=<PII>bram@gov.example</PII>"))
    assert (one["actor"], one["mailbox"]) == ("bram@gov.example", "anna@gov.example")


def test_the_description_the_reader_was_built_from_is_understood_too(tmp_path: Path) -> None:
    (one,) = _sessions(tmp_path, ("OwaActivity", "S:User=anna@gov.example;S:Action=GetFileAttachment"))
    assert (one["actor"], one["mailbox"], one["basis"]) == ("anna@gov.example", None, "assumed")
    assert (one["client"], _acts(one)) == (None, {"read": 1})


@pytest.mark.parametrize(
    ("error", "outcome"),
    [("Success", 0), ("NoError", 0), ("0", 0), ("ErrorAccessDenied", 1), ("ErrorItemNotFound", 2)],
)
def test_only_what_was_done_counts(tmp_path: Path, error: str, outcome: int) -> None:
    (one,) = _sessions(tmp_path, ("GetItem", f"{OWN};S:Err={error}"))
    assert (one["outcome"], _acts(one)) == (outcome, {"read": 1} if outcome == 0 else {})


def test_a_cookie_that_is_none_is_no_browser(tmp_path: Path) -> None:
    found = _sessions(
        tmp_path,
        ("GetItem", "S:PSA=<PII>a@gov.example</PII>;S:ClientId=<script>"),
        ("GetItem", "S:PSA=<PII>b@gov.example</PII>;S:ClientId="),
        ("GetItem", "S:MG=11111111-2222-4333-8444-555555555555;S:ClientId=AB12CD34EF56"),
    )
    assert [(one["actor"], one["client"]) for one in found] == [("a@gov.example", None), ("b@gov.example", None)]


def _clients(root: Path, owa: Sequence[Row], front: Sequence[dict[str, object]]) -> list[tuple[str | None, str]]:
    """Give network and agent of each session of the OWA server log."""
    files = {PLACE: owa_log(owa), iis_place("EX01", "210303"): iis_log(front)}
    accesses = Accesses(stage(root, files).rolled().tables["sessions"], Identities())
    rows = np.flatnonzero(accesses.having("table", "owa")).tolist()
    lans = [*accesses.networks, None]  # -1 is none
    return [(lans[accesses.network[one]], accesses.agents[accesses.agent[one]]) for one in rows]


def _front(second: int, client: str, agent: str, user: str = "anna@gov.example") -> dict[str, object]:
    return {"at": f"2021-03-03 10:00:{second:02}", "user": user, "client": client, "agent": agent}


def test_the_one_client_that_the_front_end_saw_then_is_the_sessions(tmp_path: Path) -> None:
    rows = [("2021-03-03 10:00:20", "GetItem", OWN)]
    assert _clients(tmp_path, rows, [_front(19, "198.18.7.9", "Konqueror/3.5")]) == [("198.18.7.0/24", "Konqueror/3")]


def test_of_two_clients_at_that_time_none_is_taken(tmp_path: Path) -> None:
    rows = [("2021-03-03 10:00:20", "GetItem", OWN)]
    front = [_front(19, "198.18.7.9", "Konqueror/3.5"), _front(21, "198.19.1.9", "Chrome/73")]
    assert [lan for lan, _ in _clients(tmp_path, rows, front)] == [None]


def test_who_was_refused_at_that_time_is_no_second_client(tmp_path: Path) -> None:
    rows = [("2021-03-03 10:00:20", "GetItem", OWN)]
    front = [_front(19, "198.18.7.9", "Konqueror/3.5"), _front(20, "203.0.113.4", "python") | {"status": 401}]
    assert _clients(tmp_path, rows, front) == [("198.18.7.0/24", "Konqueror/3")]


def test_another_account_or_another_hour_says_nothing_of_it(tmp_path: Path) -> None:
    rows = [("2021-03-03 13:00:20", "GetItem", OWN)]
    front = [_front(19, "198.18.7.9", "Konqueror/3.5"), _front(21, "198.19.1.9", "Chrome/73", "bram@gov.example")]
    assert _clients(tmp_path, rows, front) == [("browser:AB12CD34EF56", "(none)")]


def test_a_browser_of_three_accounts_is_told_apart(tmp_path: Path) -> None:
    rows = [
        (f"2021-03-03 12:00:{place:02}", "GetItem", f"S:PSA=<PII>{name}@gov.example</PII>;S:ClientId={browser}")
        for place, (name, browser) in enumerate(
            [("a", "AAAAAAAA11"), ("b", "aaaaaaaa11"), ("c", "AAAAAAAA11"), ("d", "BBBBBBBB22"), ("e", "BBBBBBBB22")]
        )
    ]
    one, two = "browser:AAAAAAAA11", "browser:BBBBBBBB22"
    assert _clients(tmp_path, rows, []) == [(one, one)] * 3 + [(two, "(none)")] * 2


def test_the_log_can_show_that_a_mailbox_was_opened() -> None:
    assert "owa" in MAIL_SOURCES
