"""Sessions from the address of an exploit: whose they are, and whose they may be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.scope.office import BROWSERS, FOREIGN, NETWORK, PEOPLE, START, attended, facts, log_of, reasoned, visits
from tests.scope.staged import bind, iis_place, proxy_log, stage, ual_json

from dwell.answers.assemble import assemble
from dwell.model.claims import Grade, MailboxExposure, Summary
from dwell.model.markings import Marking, MarkingKind, MarkingVerdict
from dwell.scope.words import agent

ATTACKER = "100.71.9.44"
TO_EWS = "ServerInfo~a]@EX01.gov.example:444/EWS/Exchange.asmx?a=~1"
VICTIM = PEOPLE[21]
"""His browser is Chrome, as is that of every third."""


def proxied(days: tuple[int, ...]) -> str:
    """Give HttpProxy's log of forged calls from the attacker's address on some days."""
    rows: list[dict[str, object]] = []
    for day in days:
        for place in range(3):
            at = START + timedelta(days=day, hours=2, seconds=place)
            rows.append(
                {
                    "DateTime": f"{at:%Y-%m-%dT%H:%M:%S}.000Z",
                    "RequestId": f"{day:08d}-0000-0000-0000-{place:012d}",
                    "ClientIpAddress": ATTACKER,
                    "Method": "POST",
                    "UrlStem": "/ecp/y.js",
                    "UserAgent": "python-requests/2.25.1",
                    "AnchorMailbox": TO_EWS,
                    "HttpStatus": "200",
                    "BackEndStatus": "200",
                    "TargetServer": "ex01.gov.example",
                    "ServerHostName": "EX01",
                    "Protocol": "Ecp",
                }
            )
    return proxy_log(rows)


def told(
    folder: Path, rows: list[dict[str, object]], *more: Marking, audited: str = "", days: tuple[int, ...] = (30,)
) -> Summary:
    """Give the answers of the office at work, with some more visits and forged calls."""
    evidence: dict[str, str | bytes] = {
        iis_place("EX01", "210104"): log_of(attended() + rows),
        "EX01/Logging/HttpProxy/Ecp/HttpProxy_2021020302-1.LOG": proxied(days),
        "directory.csv": "PrimarySmtpAddress,SamAccountName,RecipientTypeDetails\r\n"
        + "".join(f"{one},{one.partition('@')[0]},UserMailbox\r\n" for one in PEOPLE),
    }
    if audited:
        evidence["cloud/UAL.json"] = audited
    staged = stage(folder, evidence)
    return assemble(reasoned(staged, markings=more), facts(staged))


def mailbox(summary: Summary, name: str) -> MailboxExposure:
    (found,) = [one for one in summary.mailboxes if one.mailbox == name]
    return found


def test_who_attacks_a_server_and_signs_in_from_there_opened_that_mailbox(tmp_path: Path) -> None:
    found = told(tmp_path, visits(VICTIM, ATTACKER, FOREIGN, [32], hour=3))
    (held,) = found.intrusions
    assert mailbox(found, VICTIM).grade is Grade.OPENED
    assert VICTIM in held.accounts
    assert {"T1078", "T1190"} <= set(held.techniques)
    assert any(ATTACKER in one and VICTIM in one for one in held.links)


def test_messages_that_he_opened_so_are_named(tmp_path: Path) -> None:
    audited = ual_json(
        [
            bind(
                "2021-02-05 03:20:00",
                VICTIM,
                VICTIM,
                ATTACKER,
                "Client=WebServices;python-requests/2.25.1;",
                messages=["<m@x>"],
            )
        ]
    )
    found = told(tmp_path, [], audited=audited)
    assert (mailbox(found, VICTIM).grade, mailbox(found, VICTIM).message_ids) == (Grade.NAMED, ("<m@x>",))


def test_an_agent_of_the_owners_own_leaves_it_open(tmp_path: Path) -> None:
    """It may be he, behind the same provider: neither an exposure nor a mailbox without a sign."""
    found = told(tmp_path, visits(VICTIM, ATTACKER, BROWSERS[21 % 3], [32], hour=3))
    one = mailbox(found, VICTIM)
    assert one.grade is Grade.UNDETERMINABLE
    assert any(ATTACKER in text for text in one.assumptions)
    assert VICTIM not in found.intrusions[0].accounts


@pytest.mark.parametrize(
    ("address", "days"),
    [("100.71.9.45", (30,)), (ATTACKER, ())],
    ids=["another address of the same network", "an address that attacked nobody"],
)
def test_only_the_very_address_ties(tmp_path: Path, address: str, days: tuple[int, ...]) -> None:
    found = told(tmp_path, visits(VICTIM, address, FOREIGN, [32], hour=3), days=days)
    assert mailbox(found, VICTIM).grade in {Grade.NO_SIGN, Grade.UNDETERMINABLE}
    assert all(VICTIM not in one.accounts for one in found.intrusions)


def test_who_was_there_long_before_is_at_home_there(tmp_path: Path) -> None:
    rows = visits(VICTIM, ATTACKER, FOREIGN, [0, *range(100, 110)], hour=3)
    found = told(tmp_path, rows, days=(100,))
    assert VICTIM not in found.intrusions[0].accounts


def test_who_was_there_long_before_has_no_mailbox_without_a_sign(tmp_path: Path) -> None:
    found = told(tmp_path, visits(VICTIM, ATTACKER, FOREIGN, [0, *range(100, 110)], hour=3), days=(100,))
    assert mailbox(found, VICTIM).grade is Grade.UNDETERMINABLE


HIS = f"{NETWORK}.14"
QUIET = [one for person in PEOPLE[:8] for one in visits(person, HIS, FOREIGN, range(0, 50, 5), hour=3)]


def test_others_opened_from_his_very_address_with_their_owners_browsers_are_left_open(tmp_path: Path) -> None:
    beside = visits(PEOPLE[12], HIS, BROWSERS[0], [20, 25, 30], hour=3)
    synced = visits(PEOPLE[13], HIS, "Phone/12.1", [20], hour=3, stem="/Microsoft-Server-ActiveSync/default.eas")
    near = visits(PEOPLE[14], f"{NETWORK}.15", BROWSERS[2], [20], hour=9)
    found = told(tmp_path, [*QUIET, *beside, *synced, *near], days=())
    assert [mailbox(found, PEOPLE[one]).grade for one in (0, 12, 13, 14, 15)] == [
        Grade.OPENED,
        Grade.UNDETERMINABLE,
        Grade.UNDETERMINABLE,
        Grade.NO_SIGN,
        Grade.NO_SIGN,
    ]
    assert any(HIS in text and "I1" in text for text in mailbox(found, PEOPLE[12]).assumptions)


def test_who_is_at_home_at_his_address_is_not_drawn_in(tmp_path: Path) -> None:
    home = visits(PEOPLE[12], HIS, BROWSERS[0], [day for day in range(60) if day % 7 < 5], hour=7)
    assert mailbox(told(tmp_path, [*QUIET, *home], days=()), PEOPLE[12]).grade is Grade.NO_SIGN


def test_who_came_to_his_address_after_him_and_seldom_is_not_at_home_there(tmp_path: Path) -> None:
    seldom = visits(PEOPLE[12], HIS, BROWSERS[0], [day for day in range(3, 60, 4) if day % 7 < 5], hour=7)
    assert mailbox(told(tmp_path, [*QUIET, *seldom], days=()), PEOPLE[12]).grade is Grade.UNDETERMINABLE


def test_who_comes_to_his_address_day_after_day_after_him_is_not_at_home_there_and_shakes_the_quiet(
    tmp_path: Path,
) -> None:
    first = [one for person in PEOPLE[:8] for one in visits(person, HIS, FOREIGN, range(0, 25, 3), hour=3)]
    daily = visits(PEOPLE[12], HIS, BROWSERS[0], [day for day in range(28, 60) if day % 7 < 5], hour=7)
    found = told(tmp_path, [*first, *daily], days=())
    assert mailbox(found, PEOPLE[12]).grade is Grade.UNDETERMINABLE
    (quiet,) = [one for one in found.eviction if one.key == "quiet"]
    assert PEOPLE[12] in quiet.why


def test_an_address_that_stays_joins_what_two_browsers_did(tmp_path: Path) -> None:
    later = [one for person in PEOPLE[:8] for one in visits(person, HIS, "Lynx/2.8", range(52, 60), hour=3)]
    (held,) = told(tmp_path, [*QUIET, *later], days=()).intrusions
    assert any("the same network, where no others come by right; different agents; 8 of 8" in one for one in held.links)
    others = [one for person in PEOPLE[8:16] for one in visits(person, HIS, "Lynx/2.8", range(52, 60), hour=3)]
    assert len(told(tmp_path / "b", [*QUIET, *others], days=()).intrusions) == 2


def test_a_sign_in_that_is_called_ours_is_none_of_his(tmp_path: Path) -> None:
    ours = Marking(
        "M1",
        MarkingKind.CLIENT,
        ATTACKER,
        MarkingVerdict("ours"),
        "our own test",
        "me",
        agent=agent(FOREIGN),
    )
    found = told(tmp_path, visits(VICTIM, ATTACKER, FOREIGN, [32], hour=3), ours)
    assert all(VICTIM not in one.accounts for one in found.intrusions)
