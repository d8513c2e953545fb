"""The search before the first known act: what bears an intrusion's traits there is named, and so are the leads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.scope.office import FOREIGN, NETWORK, PEOPLE, facts, log_of, reasoned, visits, work
from tests.scope.staged import iis_place, stage

from dwell.answers.assemble import assemble
from dwell.model.claims import Claim, Question, Summary
from dwell.scope.investigation import Investigation

CLIENT = f"{NETWORK}.14"
EARLY, TRIED = PEOPLE[20], PEOPLE[21]
ORDINARY = "Mozilla/5.0+Firefox/66.0"


@dataclass(frozen=True)
class _Told:
    case: Investigation
    summary: Summary

    def claims(self, *words: str) -> list[Claim]:
        found = [one for one in self.summary.claims if one.question is Question.INTRUSIONS]
        return [one for one in found if all(word in one.text for word in words)]


def _told(root: Path, rows: list[dict[str, object]]) -> _Told:
    staged = stage(root, {iis_place("EX01", "210104"): log_of(rows)})
    case = reasoned(staged)
    return _Told(case, assemble(case, facts(staged)))


def _intruder() -> list[dict[str, object]]:
    return [one for person in PEOPLE[:8] for one in visits(person, CLIENT, FOREIGN, range(30, 58, 4), hour=3)]


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> _Told:
    """Give an intruder from day 30 on, of whom a browser, a refusal and a stolen account of before bear a trait each."""
    rows = [*work(), *_intruder()]
    rows += visits(EARLY, f"{NETWORK}.90", ORDINARY, [6, 8], hour=3)
    rows += visits(TRIED, f"{NETWORK}.91", FOREIGN, [10], hour=3, status=401)
    rows += visits(PEOPLE[0], "198.18.200.5", "Opera/12.1", [12, 13], hour=3)
    return _told(tmp_path_factory.mktemp("older"), rows)


def test_what_bears_a_trait_is_named_with_its_day_and_records(older: _Told) -> None:
    (intrusion,) = older.summary.intrusions
    assert str(intrusion.first_utc)[:10] == "2021-02-03"
    assert older.case.before is not None
    found = {one.account: one for one in older.case.before.older}
    assert set(found) == {EARLY, TRIED, PEOPLE[0]}
    assert {name: (one.traits, one.visits, f"{one.first_utc:%m-%d}") for name, one in found.items()} == {
        EARLY: (("its network",), 2, "01-10"),
        TRIED: (("its network, refused",), 1, "01-14"),
        PEOPLE[0]: (("its account",), 2, "01-16"),
    }
    assert all(one.grounds for one in found.values())
    (claim,) = older.claims("bears its traits")
    assert all(name in claim.text for name in found)
    assert "2021-01-10" in claim.text
    assert claim.coverage is not None
    assert claim.coverage.hours_asked == 30 * 24 + 3 - 7
    assert not older.claims("found nothing older")


def test_leads_that_are_older_are_named(older: _Told) -> None:
    assert older.case.before is not None
    early = [one for one in older.case.ranked.leads if one.intrusion is None and one.first_utc is not None]
    early = [one for one in early if str(one.first_utc) < "2021-02-03"]
    (claim,) = older.claims("Older than the first known act")
    assert early
    assert f"{len(early)} lead" in claim.text
    assert f"lead-{early[0].rank}" in claim.text
    assert older.case.before.leads[0].mailbox in claim.text
    assert older.claims("run over everything", "no older intrusion", "%")


def test_before_an_intruder_of_the_first_hour_there_is_nothing_of_his(tmp_path: Path) -> None:
    found = _told(tmp_path, [*work(), *_intruder()])
    assert found.case.before is not None
    assert found.case.before.older == ()
    assert not found.claims("bears its traits")
