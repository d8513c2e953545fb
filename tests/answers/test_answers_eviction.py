"""Are they out (R12)? Each check against evidence dated by hand; unknown is never a pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.scope.office import PEOPLE, log_of, reasoned, work
from tests.scope.staged import iis_place, stage, utc

from dwell.answers import eviction
from dwell.answers.checks.registry import CHECKS, words
from dwell.answers.checks.standing import QUIET_DAYS
from dwell.model.claims import CheckStatus, ClaimGrade, Foothold, FootholdState, Outcome
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.builds import BuildSeen
from dwell.scope.cells import HELD, Line
from dwell.scope.cmdlets import Cmdlet
from dwell.scope.forgery import Forged
from dwell.scope.intrusions import Held
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import Ledger
from dwell.scope.states import Backup, PasswordSet

UNREAD = {"sign-in-methods", "federation-keys", "inbox-rules", "devices", "iis-modules", "machine-keys", "sessions"}
GROUND = RecordRef("x", EvidenceId("e" * 64), 1)
FIRST, LAST = utc("2019-04-11 08:00:00"), utc("2021-01-29 09:00:00")
END = utc("2021-04-01 00:00:00")
PASS, FAIL, UNKNOWN = CheckStatus.PASS, CheckStatus.FAIL, CheckStatus.UNKNOWN


def _hour(at: datetime) -> int:
    return int(at.timestamp()) // 3600


def _ledger(
    first: datetime, last: datetime, hosts: Iterable[str] = ("EX01",), gap: tuple[datetime, datetime] | None = None
) -> Ledger:
    """Give coverage by IIS from one instant to another, with a gap."""
    lines = {}
    for host in hosts:
        line = Line.missing(_hour(first), _hour(last))
        line.states[:] = HELD
        line.records[:] = 1
        if gap is not None:
            line.states[_hour(gap[0]) - line.start : _hour(gap[1]) - line.start] = 2
        lines[host, "iis"] = line
    return Ledger(lines, _hour(first), _hour(last))


def _held(*accounts: str, last: datetime = LAST, forged: tuple[Forged, ...] = (), hosts: tuple[str, ...] = ()) -> Held:
    return Held(
        "I1", FIRST, last, (0,) if accounts else (), (), frozenset(), (), accounts, (), (), (), forged, (), hosts
    )  # fmt: skip


def _forged() -> Forged:
    return Forged(
        "EX01", LAST, "203.0.113.9", "x", "ServerInfo~a]@EX01/EWS/", 200, None, "r", Outcome.SUCCESS, True, GROUND
    )


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Investigation:
    """Give a case without an intruder, to be changed."""
    staged = stage(tmp_path_factory.mktemp("eviction"), {iis_place("EX01", "210104"): log_of(work(days=3))})
    return replace(reasoned(staged), ledger=_ledger(utc("2019-01-01 00:00:00"), END))


def _status(case: Investigation, start: str, footholds: tuple[Foothold, ...] = ()) -> tuple[CheckStatus, str]:
    (found,) = [one for one in eviction.findings(case, footholds) if one.check.startswith(start)]
    return found.status, found.why


def _backup(at: str | None, host: str = "EX01") -> Backup:
    return Backup(host, "full", None if at is None else utc(f"{at} 00:00:00"), "D:\\x", GROUND)


@pytest.mark.parametrize(
    ("backups", "expected", "told"),
    [
        ([_backup("2021-03-02")], FAIL, "none for EX01"),
        ([_backup("2021-03-02"), _backup("2019-04-12")], FAIL, "2019-04-12"),
        ([_backup("2021-03-02"), _backup("2019-02-10")], PASS, "what they hold is not looked at"),
        ([_backup("2019-02-10", "EX02")], FAIL, "none for EX01"),
        ([], UNKNOWN, "no list of backups"),
        ([_backup(None)], UNKNOWN, "no restore point of the lists has an instant"),
    ],
)
def test_a_backup_must_be_older_than_the_first_trace(
    base: Investigation, backups: list[Backup], expected: CheckStatus, told: str
) -> None:
    """A backup of 2 March 2021 restores an intruder of April 2019."""
    case = replace(base, held=(_held(PEOPLE[0]),), backups=tuple(backups))
    status, why = _status(case, "a restore point older")
    assert status is expected
    assert told in why


def test_every_mail_server_needs_its_own_restore_point(base: Investigation) -> None:
    ledger = _ledger(utc("2019-01-01 00:00:00"), END, ("EX01", "EX02"))
    case = replace(base, ledger=ledger, held=(_held(PEOPLE[0]),), backups=(_backup("2019-02-10"),))
    assert _status(case, "a restore point older")[0] is FAIL
    both = (_backup("2019-02-10"), _backup("2019-02-11", "EX02"))
    assert _status(replace(case, backups=both), "a restore point older")[0] is PASS


def test_where_the_logs_begin_with_the_intruder_no_backup_is_known_to_be_older(base: Investigation) -> None:
    case = replace(
        base,
        ledger=_ledger(utc("2019-04-01 00:00:00"), END),
        held=(_held(PEOPLE[0]),),
        backups=(_backup("2019-02-10"),),
    )
    status, why = _status(case, "a restore point older")
    assert status is UNKNOWN
    assert "may have begun before" in why


def _password(account: str, at: str | None) -> PasswordSet:
    return PasswordSet(account, None if at is None else utc(at), at or "??", GROUND)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ({0: "2021-03-09 10:00:00", 1: "2021-03-09 10:00:00"}, PASS),
        ({0: "2021-03-09 10:00:00", 1: "2021-01-29 08:59:59"}, FAIL),
        ({0: "2021-03-09 10:00:00", 1: "2021-01-29 09:00:00"}, FAIL),
        ({0: "2021-03-09 10:00:00", 1: "2017-01-01 00:00:00"}, FAIL),
        ({0: "2021-03-09 10:00:00"}, UNKNOWN),
        ({0: "2021-03-09 10:00:00", 1: None}, UNKNOWN),
        ({}, UNKNOWN),
    ],
)
def test_a_password_must_be_newer_than_the_last_hostile_use(
    base: Investigation, dates: dict[int, str | None], expected: CheckStatus
) -> None:
    known = tuple(_password(PEOPLE[place], at) for place, at in dates.items())
    assert (
        _status(replace(base, held=(_held(*PEOPLE[:2]),), passwords=known), "passwords of the 2 accounts")[0]
        is expected
    )


def test_the_newest_of_two_exports_counts_whatever_their_order(base: Investigation) -> None:
    old, new = _password(PEOPLE[0], "2018-01-01 00:00:00"), _password(PEOPLE[0], "2021-03-09 10:00:00")
    for known in ((old, new), (new, old)):
        assert (
            _status(replace(base, held=(_held(PEOPLE[0]),), passwords=known), "passwords of the 1 account")[0] is PASS
        )


def _build(build: str, first: str, last: str, host: str = "EX01") -> BuildSeen:
    return BuildSeen(host, build, utc(f"{first} 00:00:00"), utc(f"{last} 00:00:00"), GROUND)


@pytest.mark.parametrize(
    ("builds", "expected"),
    [
        ([_build("15.1.2176.2", "2020-12-15", "2021-03-04"), _build("15.1.2176.9", "2021-03-05", "2021-03-31")], PASS),
        ([_build("15.1.2176.2", "2020-12-15", "2021-03-31")], FAIL),
        ([_build("15.1.2176.9", "2020-12-15", "2021-01-20")], UNKNOWN),
        ([_build("15.1.1415.8", "2021-03-05", "2021-03-31")], UNKNOWN),
        ([_build("15.1.2176.9", "2021-03-05", "2021-03-31", "EX02")], UNKNOWN),
        ([], UNKNOWN),
    ],
)
def test_a_server_is_patched_where_rows_after_the_last_act_say_so(
    base: Investigation, builds: list[BuildSeen], expected: CheckStatus
) -> None:
    case = replace(base, held=(_held(forged=(_forged(),), hosts=("EX01",)),), builds=tuple(builds))
    assert _status(case, "EX01 patched against ProxyLogon")[0] is expected


@pytest.mark.parametrize(
    ("last", "gap", "expected"),
    [
        (LAST, None, PASS),
        (utc("2021-03-10 00:00:00"), None, UNKNOWN),
        (utc("2021-03-31 12:00:00"), None, FAIL),
        (LAST, (utc("2021-02-10 00:00:00"), utc("2021-03-20 00:00:00")), UNKNOWN),
    ],
)
def test_quiet_needs_time_and_coverage(
    base: Investigation, last: datetime, gap: tuple[datetime, datetime] | None, expected: CheckStatus
) -> None:
    case = replace(base, ledger=_ledger(utc("2019-01-01 00:00:00"), END, gap=gap), held=(_held(PEOPLE[0], last=last),))
    assert _status(case, f"quiet for {QUIET_DAYS} days")[0] is expected


def test_a_quiet_period_is_told_as_a_negative_with_its_coverage(base: Investigation) -> None:
    case = replace(base, held=(_held(PEOPLE[0]),))
    _, book = eviction.answer(case, eviction.findings(case, ()))
    (claim,) = [one for one in book.claims if "quiet for" in one.text]
    assert claim.grade is ClaimGrade.NO_SIGN
    assert claim.coverage is not None
    assert claim.coverage.share == 1.0


@pytest.mark.parametrize(
    ("at", "expected"), [("2018-06-15 00:00:00", FAIL), ("2021-03-09 10:00:00", UNKNOWN), (None, UNKNOWN)]
)
def test_one_date_never_shows_that_krbtgt_was_set_twice(
    base: Investigation, at: str | None, expected: CheckStatus
) -> None:
    case = replace(base, held=(_held(PEOPLE[0]),), passwords=(_password("krbtgt", at),))
    assert _status(case, "krbtgt")[0] is expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [(FootholdState.PRESENT, FAIL), (FootholdState.REMOVED, UNKNOWN), (FootholdState.UNKNOWN, UNKNOWN)],
)
def test_what_was_left_behind_must_be_gone(base: Investigation, state: FootholdState, expected: CheckStatus) -> None:
    """A list of files that nothing shows to be from after the act shows nothing gone."""
    shell = Foothold("web shell", "EX01", "/x.aspx", FIRST, state, "I1", "why", (GROUND,))
    assert _status(replace(base, held=(_held(PEOPLE[0]),)), "web shell on EX01 gone", (shell,))[0] is expected


@pytest.mark.parametrize(
    ("ago", "servers", "gap", "expected"),
    [
        (timedelta(days=-1), ("EX01",), False, PASS),
        (timedelta(days=5), ("EX01",), False, PASS),
        (timedelta(days=5), ("EX01",), True, UNKNOWN),
        (timedelta(days=-1), ("EX01",), True, PASS),
        (timedelta(days=5), ("EX01", "EX02"), False, UNKNOWN),
    ],
)
def test_what_was_taken_away_while_he_was_there_is_gone_where_logs_would_show_it_set_again(
    base: Investigation, ago: timedelta, servers: tuple[str, ...], gap: bool, expected: CheckStatus
) -> None:
    begun = utc("2019-01-01 00:00:00")
    ledger = _ledger(begun, END, servers)
    hole = (LAST - timedelta(days=2), LAST - timedelta(days=1)) if gap else None
    of_cmdlets = _ledger(begun, END, ("EX01",), hole).lines["EX01", "iis"]
    ledger.lines["EX01", "evtx/MSExchange Management"] = of_cmdlets
    undone = Cmdlet("Remove-TransportRule", "x", "adm", (), LAST - ago, GROUND)
    rule = Foothold(
        "transport rule", "EX01", "New-TransportRule x", FIRST, FootholdState.REMOVED, "I1", "so", (GROUND,)
    )
    case = replace(base, held=(_held(PEOPLE[0]),), ledger=ledger, removals=(undone,))
    assert _status(case, "transport rule on EX01 gone", (rule,))[0] is expected


def test_without_an_intrusion_no_check_passes(base: Investigation) -> None:
    found = eviction.findings(base, ())
    assert {one.status for one in found} == {UNKNOWN}
    answer, _ = eviction.answer(base, found)
    assert answer.verdict.startswith("Cannot be said")


def test_what_is_not_read_yet_is_unknown_and_so_is_the_verdict(base: Investigation, tmp_path: Path) -> None:
    del tmp_path
    case = replace(
        base,
        held=(_held(PEOPLE[0]),),
        passwords=(_password(PEOPLE[0], "2021-03-09 10:00:00"),),
        backups=(_backup("2019-02-10"),),
    )
    found = eviction.findings(case, ())
    assert {one.check for one in found if one.status is UNKNOWN} >= {
        words()[key].title for key in CHECKS if key in UNREAD
    }
    answer, _ = eviction.answer(case, found)
    assert answer.verdict.startswith("Cannot be said")
    assert "unknown is not a pass" in answer.verdict
    failing = replace(case, backups=(_backup("2021-03-02"),))
    answer, _ = eviction.answer(failing, eviction.findings(failing, ()))
    assert answer.verdict.startswith("Not shown to be out")
