"""Names that passed from one account to another: each stretch of time is laid to whoever is shown to have had the name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scope.office import facts, reasoned
from tests.scope.staged import iis_log, iis_place, stage, utc

from dwell.answers.assemble import assemble
from dwell.model.instants import utc_us
from dwell.scope.identities import Identities
from dwell.scope.tenures import Naming, holder_at, steps_of, tenures_of
from dwell.scope.words import Name

JAN, PIET = "S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-2208"
MOVED = "S-1-5-21-9-9-9-1104"
SPRING, SUMMER, WINTER = (utc_us(utc(f"2020-{month}-01 00:00:00")) for month in ("03", "07", "12"))


def _row(sid: str, address: str, **more: str) -> dict[str, str | None]:
    return {"PrimarySmtpAddress": address, "SID": sid, **more}


def _names(rows: Sequence[tuple[Mapping[str, str | None], int | None]]) -> Identities:
    names = Identities()
    names.add_export([row for row, _ in rows], [at for _, at in rows])
    return names


def test_an_address_given_to_a_successor_is_whoever_had_it() -> None:
    names = _names([(_row(JAN, "office@gov.example"), SPRING), (_row(PIET, "office@gov.example"), WINTER)])
    earlier = f"office@gov.example (account sid:{JAN.lower()})"
    told = [names.label("office@gov.example", at) for at in (SPRING - 1, SPRING, SUMMER, WINTER, WINTER + 1, None)]
    between = "office@gov.example (one of 2 accounts)"
    now = "office@gov.example"
    assert told == [earlier, earlier, between, now, now, now]
    assert (names.label(JAN), names.label(PIET)) == (earlier, now)
    assert names.contradictions == []
    assert names.passed_on() == (f"office@gov.example: {earlier} (2020-03-01), then office@gov.example (2020-12-01)",)


def test_an_account_renamed_into_anothers_old_name_keeps_its_own_mail() -> None:
    """Jan left; Piet, who was piet@ in spring, is jan@ in winter."""
    rows = [
        (_row(JAN, "jan@gov.example", SamAccountName="jan"), SPRING),
        (_row(PIET, "piet@gov.example", SamAccountName="piet"), SPRING),
        (_row(PIET, "jan@gov.example", SamAccountName="piet", EmailAddresses="smtp:piet@gov.example"), WINTER),
    ]
    for order in (rows, rows[::-1]):
        names = _names(order)
        assert {names.label(one) for one in (PIET, "GOV\\piet", "piet@gov.example")} == {"jan@gov.example"}
        assert names.label("jan@gov.example", SPRING) == names.label("GOV\\jan") == names.label(JAN)
        assert names.label(JAN) == f"jan@gov.example (account sid:{JAN.lower()})"
        assert names.label("jan@gov.example", WINTER) == "jan@gov.example"
        assert len(names.accounts) == 2


def test_without_dates_it_is_nobodys() -> None:
    names = _names([(_row(JAN, "office@gov.example"), None), (_row(PIET, "office@gov.example"), WINTER)])
    assert {names.label("office@gov.example", at) for at in (SPRING, WINTER, None)} == {
        "office@gov.example (one of 2 accounts)"
    }
    assert names.label(JAN) != names.label(PIET)


@pytest.mark.parametrize(
    "rows",
    [
        # Exchange's export knows the mailbox, that of the directory the account
        [{"ExchangeGuid": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"}, {"SID": JAN}],
        # a new mailbox of the same account
        [
            {"ExchangeGuid": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "SID": JAN},
            {"ExchangeGuid": "1f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "SID": JAN},
        ],
        [{}, {"SID": JAN}],
        # moved to another domain, or a mailbox whose account is in another forest
        [{"SID": JAN, "ObjectGUID": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"}, {"SID": MOVED}],
    ],
)
def test_one_account_seen_differently_is_one(rows: list[dict[str, str]]) -> None:
    told = [
        ({"PrimarySmtpAddress": "jan@gov.example", **one}, at) for one, at in zip(rows, (SPRING, WINTER), strict=True)
    ]
    names = _names([(dict(row), at) for row, at in told])
    assert names.passed_on() == ()
    assert list(names.accounts) == ["jan@gov.example"]
    assert {names.label(value) for row, _ in told for value in row.values()} == {"jan@gov.example"}


def test_the_newest_export_says_when_a_password_was_set() -> None:
    told = [(_row(JAN, "jan@gov.example", PasswordLastSet=one), at) for one, at in (("old", SPRING), ("new", WINTER))]
    for order in (told, told[::-1]):
        assert _names(order).accounts["jan@gov.example"].password_set == "new"


_HOLDINGS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=8)


@given(_HOLDINGS)
def test_whose_it_is_follows_from_the_exports_alone(held: list[tuple[int, int]]) -> None:
    """Held against a walk over every day: shown by one account on both sides and by no other between, or not known."""
    rows = [Naming((Name("smtp", "x"),), {"object": f"guid:{who}"}, day) for who, day in held]
    holders = tenures_of(rows).get("smtp:x")
    accounts = {who for who, _ in held}
    assert (holders is None) == (len(accounts) == 1)
    if holders is None:
        return
    spans = {who: (min(d for w, d in held if w == who), max(d for w, d in held if w == who)) for who in accounts}
    for day in range(-1, 11):
        there = [who for who, (first, last) in spans.items() if first <= day <= last]
        if day < min(first for first, _ in spans.values()):
            there = [who for who, (first, _) in spans.items() if first == min(one for one, _ in spans.values())]
        if day > max(last for _, last in spans.values()):
            there = [who for who, (_, last) in spans.items() if last == max(one for _, one in spans.values())]
        wanted = f"guid:{there[0]}" if len(there) == 1 else None
        assert holder_at(steps_of(holders), day) == wanted


def test_the_logs_are_laid_to_whoever_had_the_name(tmp_path: Path) -> None:
    days = ("2020-02-28", "2020-08-03", "2020-12-02")
    files: dict[str, str | bytes] = {
        f"{iis_place('EX01', day[2:].replace('-', ''))}": iis_log(
            [{"at": f"{day} 09:00:0{second}", "user": "office@gov.example"} for second in range(3)]
        )
        for day in days
    }
    head = "PrimarySmtpAddress,SID,RecipientTypeDetails"
    files["exports/2020-03-01/people.csv"] = f"{head}\r\noffice@gov.example,{JAN},UserMailbox\r\n"
    files["exports/2020-12-01/people.csv"] = f"{head}\r\noffice@gov.example,{PIET},UserMailbox\r\n"
    staged = stage(tmp_path, files)
    case = reasoned(staged)
    whose = [case.accesses.names[one] for one in case.accesses.account.tolist()]
    now, between = "office@gov.example", "office@gov.example (one of 2 accounts)"
    assert whose == [f"office@gov.example (account sid:{JAN.lower()})", between, now]
    told = [one.text for one in assemble(case, facts(staged)).claims if "several accounts in turn" in one.text]
    assert len(told) == 1
    assert "2020-03-01" in told[0]
    assert "2020-12-01" in told[0]


def _of_two_houses(**more: str) -> tuple[dict[str, str | None], dict[str, str | None]]:
    """Give two rows of one account name, of one person or of two organisations."""
    north: dict[str, str | None] = {"PrimarySmtpAddress": "p00@north.example", "SamAccountName": "p00", **more}
    return north, {"PrimarySmtpAddress": "p00@south.example", "SamAccountName": "p00", **more}


@pytest.mark.parametrize("dates", [(None, None), (SPRING, SPRING), (SPRING, WINTER)])
@pytest.mark.parametrize("sids", [(), (JAN, MOVED)])
def test_one_account_name_in_two_organisations_is_two_accounts(
    dates: tuple[int | None, int | None], sids: tuple[str, ...]
) -> None:
    rows = _of_two_houses()
    told = [
        (row | ({"SID": sids[place]} if sids else {}), at)
        for place, (row, at) in enumerate(zip(rows, dates, strict=True))
    ]
    for order in (told, told[::-1]):
        names = _names(order)
        assert {names.label("p00@north.example"), names.label("p00@south.example")} == {
            "p00@north.example",
            "p00@south.example",
        }
        assert len(names.accounts) == 2
        assert names.label("GOV\\p00", SUMMER) == "p00 (one of 2 accounts)"
        assert len(names.passed_on()) == 1


@pytest.mark.parametrize("more", [{"SID": JAN}, {"UserPrincipalName": "p00@corp.example"}])
def test_one_account_whose_address_moved_to_another_domain_is_one(more: dict[str, str]) -> None:
    north, south = _of_two_houses(**more)
    names = _names([(north, SPRING), (south, WINTER)])
    assert names.label("p00@north.example") == names.label("p00@south.example") == names.label("GOV\\p00")
    assert names.passed_on() == ()
    assert len(names.accounts) == 1


def test_an_address_that_changed_within_its_domain_is_one_account() -> None:
    names = _names(
        [
            ({"PrimarySmtpAddress": "jan@gov.example", "SamAccountName": "jan"}, SPRING),
            ({"PrimarySmtpAddress": "jan.maes@gov.example", "SamAccountName": "jan"}, WINTER),
        ]
    )
    assert names.label("jan@gov.example") == names.label("jan.maes@gov.example") == "jan.maes@gov.example"
    assert names.passed_on() == ()
