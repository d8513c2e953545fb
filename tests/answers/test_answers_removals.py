"""Knowledge only shrinks with evidence: whatever is taken away, nobody looks more innocent than before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from benchmarks.removals import Told, answered, draw, firmer, without
from tests.scope.office import PEOPLE, doors, log_of, visits, work
from tests.scope.staged import bind, ews_log, iis_place, proxy_log, ual_json, written

from dwell.model.claims import Grade

DAYS = 8
LOUD = "203.0.113.9"
TOOL = "python-requests/2.25.1"
THROTTLED = PEOPLE[7]
VICTIM = PEOPLE[5]
SEEDS = {"unresolved": 2, "resolved": 2}
FORGED_DAYS = (1, 3)
"""Days from the start on which mail was read by forged calls."""


def _shaped() -> str:
    """Give the office's log, with the requests as which forged calls reach a web server."""
    rows = work(days=DAYS) + doors(DAYS) + visits("-", LOUD, TOOL, FORGED_DAYS, hour=2, stem="/ecp/y.js")
    return log_of(rows).replace("GET /ecp/y.js", "POST /ecp/y.js")


def _by_day(text: str) -> dict[str, str]:
    """Cut a log into days."""
    head, rows = text.split("\r\n")[:3], text.split("\r\n")[3:-1]
    days = sorted({one[:10] for one in rows})
    return {
        iis_place("EX01", day[2:].replace("-", "")): "\r\n".join([*head, *(one for one in rows if one.startswith(day))])
        + "\r\n"
        for day in days
    }


def _proxied(day: int) -> str:
    anchor = "ServerInfo~a]@EX01.gov.example:444/EWS/Exchange.asmx?a=~1"
    row = {
        "Protocol": "Ecp",
        "UrlStem": "/ecp/y.js",
        "UserAgent": TOOL,
        "ClientIpAddress": LOUD,
        "AnchorMailbox": anchor,
    }
    at = f"2021-01-{4 + day:02}T02:00:00.000Z"
    own = {"DateTime": at, "RequestId": f"call-{day}", "ServerHostName": "EX01", "HttpStatus": 200}
    return proxy_log([row | own])


def _files() -> dict[str, str]:
    """Give an office in which mail was read by forged calls, without the log that says whose."""
    audited = [
        bind(f"2021-01-{4 + day:02} 09:00:00", one, one, f"198.19.{place}.7", "Client=OWA;Mozilla/5.0 Chrome/73.0;")
        for day in range(DAYS)
        for place, one in enumerate(PEOPLE)
    ]
    held_back = bind("2021-01-09 11:00:00", THROTTLED, THROTTLED, "198.19.7.7", "Client=OWA;x;", throttled=True)
    directory = "PrimarySmtpAddress,SamAccountName\r\n" + "".join(f"{one},{one[:3]}\r\n" for one in PEOPLE)
    return {
        **_by_day(_shaped()),
        **{
            f"EX01/Logging/HttpProxy/Ecp/HttpProxy_202101{4 + day:02}02-1.LOG": _proxied(day) for day in FORGED_DAYS
        },
        "m365/UAL-1.json": ual_json(audited[: len(audited) // 2]),
        "m365/UAL-2.json": ual_json([*audited[len(audited) // 2 :], held_back]),
        "directory/directory.csv": directory,
    }  # fmt: skip


def _told_apart() -> dict[str, str]:
    """Give the same office with the log that says whose mailbox was opened."""
    call = {"SoapAction": "GetItem", "HttpStatus": 200, "ActAsUser": VICTIM, "AuthenticatedUser": "GOV\\EX01$"}
    return _files() | {
        f"EX01/Logging/Ews/Ews_202101{4 + day:02}02-1.LOG": ews_log(
            [call | {"DateTime": f"2021-01-{4 + day:02}T02:00:00.100Z", "RequestId": f"call-{day}"}]
        )
        for day in FORGED_DAYS
    }


@dataclass(frozen=True)
class _World:
    """Evidence, and what is said of all of it."""

    evidence: Path
    whole: Told

    def grades(self) -> dict[Grade, int]:
        """Count the mailboxes by their grade."""
        found = [one.grade for one in self.whole.summary.mailboxes]
        return {one: found.count(one) for one in set(found)}

    def less(self, gone: tuple[Path, ...], root: Path) -> list[str]:
        """Give what is more certain without some files."""
        return firmer(self.whole, answered(without(self.evidence, gone, root / "less"), root / "case"))


def _world(root: Path, files: Mapping[str, str]) -> _World:
    evidence = written(root / "evidence", files)
    return _World(evidence, answered(evidence, root / "whole"))


@pytest.fixture(scope="module")
def unresolved(tmp_path_factory: pytest.TempPathFactory) -> _World:
    """Give the office in which nobody's mailbox is without doubt."""
    return _world(tmp_path_factory.mktemp("unresolved"), _files())


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> _World:
    """Give the office in which one mailbox was read, and one was not recorded for a day."""
    return _world(tmp_path_factory.mktemp("resolved"), _told_apart())


def test_the_worlds_hold_the_doubts_that_are_tried(unresolved: _World, resolved: _World) -> None:
    assert unresolved.grades() == {Grade.UNDETERMINABLE: len(PEOPLE)}
    assert resolved.grades() == {Grade.READ: 1, Grade.UNDETERMINABLE: 1, Grade.NO_SIGN: len(PEOPLE) - 2}


@pytest.mark.parametrize("day", FORGED_DAYS)
def test_without_the_log_that_shows_a_forged_call_the_doubt_stays(unresolved: _World, tmp_path: Path, day: int) -> None:
    """IIS still shows that something of that shape was answered, and nothing says what."""
    (gone,) = unresolved.evidence.rglob(f"HttpProxy_202101{4 + day:02}02-1.LOG")
    assert unresolved.less((gone,), tmp_path) == []


def test_without_either_log_of_the_front_end_the_doubt_stays(unresolved: _World, tmp_path: Path) -> None:
    gone = tuple(sorted(unresolved.evidence.rglob("HttpProxy_*.LOG")))
    less = answered(without(unresolved.evidence, gone, tmp_path / "less"), tmp_path / "case")
    assert firmer(unresolved.whole, less) == []
    assert {one.grade for one in less.summary.mailboxes} == {Grade.UNDETERMINABLE}
    assert any("no HttpProxy log held tells" in one.text for one in less.summary.claims)


def test_a_doubt_whose_only_witness_is_taken_away_stays(resolved: _World, tmp_path: Path) -> None:
    """Nothing else says that a day was not recorded. But an export that ends before the servers' logs do is not whole."""
    (gone,) = resolved.evidence.rglob("UAL-2.json")
    less = answered(without(resolved.evidence, (gone,), tmp_path / "less"), tmp_path / "case")
    assert firmer(resolved.whole, less) == []
    before, after = (
        next(one for one in told.summary.mailboxes if one.mailbox == THROTTLED) for told in (resolved.whole, less)
    )
    assert (before.grade, after.grade) == (Grade.UNDETERMINABLE, Grade.UNDETERMINABLE)
    assert any("end a day or more before other mail logs" in one for one in after.assumptions)
    assert before.coverage is not None
    assert after.coverage is not None
    assert after.coverage.hours_able < before.coverage.hours_able


@pytest.mark.parametrize("name", ["unresolved", "resolved"])
def test_random_removals_make_nothing_firmer(request: pytest.FixtureRequest, tmp_path: Path, name: str) -> None:
    """A few; `benchmarks/removals.py` tries many, on exercises."""
    world: _World = request.getfixturevalue(name)
    for number, gone in enumerate(draw(world.evidence, 2, seed=SEEDS[name], pairs=0.5)):
        names = [one.name for one in gone]
        assert world.less(gone, tmp_path / str(number)) == [], names
