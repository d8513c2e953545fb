"""Logs that name no host are told apart by their folders, and never fill each other's holes in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.intake.evidence import taken_in, write
from tests.scope.staged import hourly, iis_log

from dwell import api
from dwell.intake.hosts import folder_for_host
from dwell.intake.ingest import dry_run
from dwell.model.claims import Question
from dwell.scope.ledger import NO_HOST
from dwell.scope.unnamed import is_unnamed

DAY = [{"at": at, "user": "alice"} for at in hourly("2021-03-03 00:00:00", "2021-03-03 23:00:00")]
MORNING, EVENING = iis_log(DAY[:12]).encode(), iis_log(DAY[12:]).encode()


def covered(root: Path, *folders: Path) -> tuple[dict[tuple[str, str], tuple[int, int]], str]:
    """Take folders in; give hours held and missing by host and source, and what the last question says."""
    for place, folder in enumerate(folders):
        taken_in(root, folder)
        assert place < 9
    summary = api.answers(root, workers=1).summary
    rows = {(one.host, one.source): (one.held, one.missing) for one in summary.coverage}
    told = " ".join(one.text for one in summary.claims if one.question is Question.BLINDSPOTS)
    return rows, told


def test_two_folders_that_name_no_host_are_two_hosts(tmp_path: Path) -> None:
    folder = write(tmp_path / "e", {"first/u_ex210303.log": MORNING, "second/u_ex210303.log": EVENING})
    rows, told = covered(tmp_path / "case", folder)
    assert rows == {
        (f"{NO_HOST[:-1]}: first)", "iis"): (24, 0),
        (f"{NO_HOST[:-1]}: second)", "iis"): (24, 0),
    }
    assert "Host unknown: logs in 2 places name none" in told
    assert "(unknown host: first), (unknown host: second)" in told


def test_what_one_of_them_lacks_is_missing_there(tmp_path: Path) -> None:
    folder = write(tmp_path / "e", {"first/a.log": MORNING, "second/b.log": EVENING})
    rows, _ = covered(tmp_path / "case", folder)
    assert set(rows.values()) == {(12, 12)}


def test_one_folder_is_one_unknown_host_and_told(tmp_path: Path) -> None:
    folder = write(tmp_path / "e", {"first/a.log": MORNING, "first/2021-03/b.log": EVENING})
    rows, told = covered(tmp_path / "case", folder)
    assert rows == {(NO_HOST, "iis"): (24, 0)}
    assert "Host unknown: some logs name none" in told


def test_a_named_host_is_left_as_it_is(tmp_path: Path) -> None:
    folder = write(tmp_path / "e", {"EX01/inetpub/logs/a.log": MORNING, "second/b.log": EVENING})
    rows, _ = covered(tmp_path / "case", folder)
    assert set(rows) == {("EX01", "iis"), (NO_HOST, "iis")}


def test_copies_of_one_log_in_two_folders_are_of_one_host(tmp_path: Path) -> None:
    whole = MORNING + b"".join(EVENING.splitlines(keepends=True)[4:])
    one, other = write(tmp_path / "1", {"monday/a.log": MORNING}), write(tmp_path / "2", {"friday/a.log": whole})
    rows, _ = covered(tmp_path / "case", one, other)
    assert rows == {(NO_HOST, "iis"): (24, 0)}


def test_a_dry_run_tells_the_logs_that_name_no_host(tmp_path: Path) -> None:
    folder = write(tmp_path / "e", {"EX01/inetpub/logs/a.log": MORNING, "second/b.log": EVENING})
    plan, _ = dry_run(None, [folder])
    assert [(one.places[0].path, one.is_log and not one.host) for one in plan.files] == [
        ("EX01/inetpub/logs/a.log", False),
        ("second/b.log", True),
    ]


@pytest.mark.parametrize(
    ("path", "root", "wanted"),
    [
        ("first/u_ex.log", "/media/handover", "first"),
        ("u_ex.log", "/media/handover", "handover"),
        ("u_ex.log", "/media/handover/u_ex.log", "handover"),
        ("2021-03/iis/u_ex.log", "/media/handover/logs", "handover"),
        ("first.zip!iis/2021/u_ex.log", "/media", "first"),
        ("a/b/archive/u_ex.log", "/media", "b"),
        ("u_ex.log", "/", ""),
        ("u_ex.log", "C:\\logs", ""),
    ],
)
def test_the_folder_that_stands_for_a_host(path: str, root: str, wanted: str) -> None:
    assert folder_for_host(path, root) == wanted


def test_names_of_unknown_hosts_are_known_as_such() -> None:
    assert [is_unnamed(one) for one in (NO_HOST, "(unknown host: x)", "EX01", "(unknown)")] == [
        True,
        True,
        False,
        False,
    ]
