"""A log whose lines name no client of their own bears no negative: the back end's, and one behind a silent balancer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.intake.evidence import taken_in, write
from tests.scope.staged import IIS_PLACE, hourly, iis_log

from dwell import api
from dwell.model.claims import Grade, Question, Summary

HOURS = hourly("2021-03-03 00:00:00", "2021-03-04 23:00:00")
PEOPLE = [f"GOV\\p{place}" for place in range(8)]
EWS = "/EWS/Exchange.asmx"
SERVER = "10.20.1.11"
Lines = list[dict[str, object]]


def lines(client: Callable[[int], str], people: list[str] = PEOPLE, **more: object) -> Lines:
    rows = [
        {"at": at, "user": people[place % len(people)], "client": client(place), "server": SERVER, "stem": EWS}
        for place, at in enumerate(HOURS)
    ]
    return [{**row, **more} for row in rows]


def answered(root: Path, sites: dict[str, Lines]) -> Summary:
    folder = write(
        root / "e",
        {f"EX01/{IIS_PLACE[:-1]}{site}/u_ex210303.log": iis_log(rows).encode() for site, rows in sites.items()},
    )
    taken_in(root / "case", folder)
    return api.answers(root / "case", workers=1).summary


def grades(summary: Summary) -> set[Grade]:
    return {one.grade for one in summary.mailboxes}


def told(summary: Summary) -> str:
    return " ".join(one.text for one in summary.claims if one.question is Question.BLINDSPOTS)


@pytest.mark.parametrize("client", [SERVER, "127.0.0.1", "::1", "fe80::1%3"])
def test_lines_of_the_back_end_alone_say_of_nobody_that_he_was_not_read(tmp_path: Path, client: str) -> None:
    summary = answered(tmp_path, {"2": lines(lambda _: client, port=444)})
    assert grades(summary) == {Grade.UNDETERMINABLE}
    assert "the iis log is held for 48 hours in which it shows nothing of this kind" in told(summary)
    assert "whose client is the front end" in told(summary)


def test_with_lines_of_the_front_end_beside_them_they_do(tmp_path: Path) -> None:
    front = lines(lambda place: f"198.19.{place % 8}.7")
    summary = answered(tmp_path, {"1": front, "2": lines(lambda _: SERVER, port=444)})
    assert grades(summary) == {Grade.NO_SIGN}
    assert "shows nothing of this kind" not in told(summary)


def test_a_back_end_that_is_told_the_client_does_too(tmp_path: Path) -> None:
    rows = lines(lambda _: SERVER, port=444)
    for place, row in enumerate(rows):
        row["forwarded"] = f"198.19.{place % 8}.7"
    assert grades(answered(tmp_path, {"2": rows})) == {Grade.NO_SIGN}


@pytest.mark.parametrize("pair", [("10.20.1.5",), ("10.20.1.5", "10.20.1.6")])
def test_behind_a_balancer_that_forwards_no_client_nobody_is_called_unread(
    tmp_path: Path, pair: tuple[str, ...]
) -> None:
    summary = answered(tmp_path, {"1": lines(lambda place: pair[place // 8 % len(pair)])})
    assert grades(summary) == {Grade.UNDETERMINABLE}
    assert f"nearly all sessions of 8 accounts come from {', '.join(pair)}" in told(summary)


@pytest.mark.parametrize(
    ("client", "people"),
    [
        (lambda place: f"10.20.1.{50 + place % 8}", PEOPLE),  # desks: each has an address of its own
        (lambda _: "198.51.100.7", PEOPLE),  # the house's way out, as a server elsewhere sees it
        (lambda _: "10.20.1.5", PEOPLE[:4]),  # a room
        (lambda place: "10.20.1.5" if place % 8 else "198.19.3.7", PEOPLE),  # a terminal server, and people elsewhere
    ],
)
def test_where_one_from_elsewhere_would_stand_out_it_does_count(
    tmp_path: Path, client: Callable[[int], str], people: list[str]
) -> None:
    summary = answered(tmp_path, {"1": lines(client, people)})
    assert "shows nothing of this kind" not in told(summary)
    assert Grade.UNDETERMINABLE not in grades(summary)


def test_a_balancer_that_comes_later_hides_from_then_on(tmp_path: Path) -> None:
    before, after = lines(lambda place: f"198.19.{place % 8}.7"), lines(lambda _: "10.20.1.5")
    for row in after:
        row["at"] = str(row["at"]).replace("2021-03", "2021-06")
    folder = write(
        tmp_path / "e",
        {
            f"EX01/{IIS_PLACE}/u_ex210303.log": iis_log(before).encode(),
            f"EX01/{IIS_PLACE}/u_ex210603.log": iis_log(after).encode(),
        },
    )
    taken_in(tmp_path / "case", folder)
    summary = api.answers(tmp_path / "case", workers=1).summary
    (coverage,) = {one.coverage for one in summary.mailboxes if one.coverage is not None}
    assert coverage.hours_able == 48
