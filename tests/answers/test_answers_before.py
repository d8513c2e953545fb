"""The search before the first known act: what bears an intrusion's traits there is named, and so are the leads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.scope.office import FOREIGN, NETWORK, PEOPLE, facts, log_of, reasoned, visits, work
from tests.scope.staged import iis_place, stage, utc

from dwell.answers import eviction
from dwell.answers.assemble import assemble
from dwell.model.claims import CheckStatus, Claim, EvictionCheck, Question, Summary
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.investigation import Investigation
from dwell.scope.states import Backup

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


DAYS = 90


def _gone(*more: dict[str, object]) -> list[dict[str, object]]:
    """Give an intruder who stops after 46 days of 90, and what comes later."""
    acts = [one for person in PEOPLE[:8] for one in visits(person, CLIENT, FOREIGN, range(0, 50, 5), hour=3)]
    return [*work(days=DAYS), *acts, *more]


def _quiet(told: _Told) -> EvictionCheck:
    (found,) = [one for one in told.summary.eviction if one.key == "quiet"]
    return found


@pytest.mark.parametrize(
    ("later", "status", "why"),
    [
        ([], CheckStatus.PASS, "no further act is seen in 4"),
        (
            visits(PEOPLE[1], f"{NETWORK}.14", "Lynx/2.8", [70, 75, 80], hour=3),
            CheckStatus.UNKNOWN,
            f"what bears its traits after it: {PEOPLE[1]} by {NETWORK}.0/24 Lynx/2",
        ),
        (
            visits(PEOPLE[1], f"{NETWORK}.14", FOREIGN, range(50, 88, 2), hour=3, status=401),
            CheckStatus.UNKNOWN,
            "its clients were refused in 19 sessions after 2021-02-18",
        ),
        (
            visits(PEOPLE[1], f"{NETWORK}.14", "Mozilla/5.0+Firefox/66.0", range(60, 88, 5), hour=3),
            CheckStatus.UNKNOWN,
            f"what bears its traits after it: {PEOPLE[1]} by {NETWORK}.0/24 Mozilla/5 Firefox/66",
        ),
        (
            visits(PEOPLE[12], f"{NETWORK}.14", "Mozilla/5.0+Chrome/73.0", range(60, 88, 5), hour=3),
            CheckStatus.UNKNOWN,
            f"what bears its traits after it: {PEOPLE[12]} by {NETWORK}.0/24 Mozilla/5 Chrome/73",
        ),
        (
            visits(PEOPLE[1], f"{NETWORK}.90", "Lynx/2.8", [70, 71], hour=3, status=401),
            CheckStatus.UNKNOWN,
            f"{PEOPLE[1]} by {NETWORK}.0/24 from 2021-03-15 03:00:00 UTC (its network, refused)",
        ),
        (visits(PEOPLE[9], "198.18.99.4", "Lynx/2.8", [70], hour=9, status=401), CheckStatus.PASS, "no further act"),
    ],
    ids=[
        "nothing",
        "its network",
        "its client refused",
        "the same owner with his own browser",
        "another owner",
        "refused with another agent",
        "somebody else refused",
    ],
)
def test_what_bears_its_traits_after_the_last_act_leaves_it_open_whether_it_is_quiet(
    tmp_path: Path, later: list[dict[str, object]], status: CheckStatus, why: str
) -> None:
    found = _quiet(_told(tmp_path, _gone(*later)))
    assert found.status is status
    assert why in found.why
    assert bool(found.grounds) is (status is CheckStatus.UNKNOWN)


def test_a_restore_point_after_what_bears_its_traits_is_not_known_to_be_older(older: _Told) -> None:
    """The fifth answer says that it may have begun then; so the point may hold what it left."""
    where = RecordRef("backups", EvidenceId("e" * 64), 1)
    ledger = replace(older.case.ledger, first_hour=older.case.ledger.first_hour - 100 * 24)

    def status(point: str) -> CheckStatus:
        backups = (Backup("EX01", "full", utc(f"{point} 00:00:00"), "x", where),)
        case = replace(older.case, backups=backups, ledger=ledger)
        (found,) = [one for one in eviction.findings(case, ()) if one.key == "restore-points"]
        return found.status

    assert status("2021-02-01") is CheckStatus.UNKNOWN
    assert status("2021-01-08") is CheckStatus.PASS
