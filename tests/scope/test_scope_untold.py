"""Requests shaped like forged calls: each needs a row of HttpProxy of its own before it is one whose end is known."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.hunt.archives import START, archive_of

from dwell.archive.store import Archive
from dwell.model.claims import Outcome
from dwell.scope.traces import Trace
from dwell.scope.untold import untold_requests

ONE = Trace(
    "rule", "title", "EX-05", (), ("CVE-2021-26855",), Outcome.PARTIAL, 3, "iis", "EX01", "203.0.113.9", "-",
    ("cs-uri-stem=/ecp/y.js",), 241, 1, START, START, (),
)  # fmt: skip
CPU_SECONDS_MAX = 5.0


def trace(seconds: float, count: int = 1, lasts: float = 0, **more: object) -> Trace:
    """Give requests for a path that begin so many seconds after `START`."""
    first = START + timedelta(seconds=seconds)
    whole = replace(ONE, count=count, first_utc=first, last_utc=first + timedelta(seconds=lasts))
    return replace(whole, **more)  # type: ignore[arg-type]


def proxy(tmp_path: Path, *seconds: float, **more: object) -> Archive:
    """Give an archive in which HttpProxy has a row for the path at some seconds."""
    rows = [{"time_utc": START + timedelta(seconds=at), "UrlStem": "/ecp/Y.js", **more} for at in seconds]
    return archive_of(tmp_path / "archive", {"httpproxy": rows or [{"UrlStem": "/owa/"}]})


def left(archive: Archive, *traces: Trace) -> list[datetime | None]:
    """Give when the requests begin of which HttpProxy does not tell all."""
    return [one.first_utc for one in untold_requests(archive, traces, ())]


def test_a_request_with_a_row_of_its_own_is_told_of(tmp_path: Path) -> None:
    assert left(proxy(tmp_path, 5, 3_600), trace(0), trace(3_590)) == []


def test_one_row_does_not_tell_of_two_requests(tmp_path: Path) -> None:
    assert len(left(proxy(tmp_path, 30), trace(0), trace(60))) == 1
    assert len(left(proxy(tmp_path / "more", 30, 31), trace(0), trace(60))) == 0


@pytest.mark.parametrize(
    "seconds", [(-130,), (200, 201), ()], ids=["long before", "long after", "no row of that path at all"]
)
def test_rows_of_another_time_tell_nothing(tmp_path: Path, seconds: tuple[float, ...]) -> None:
    assert left(proxy(tmp_path, *seconds), trace(0)) == [START]


def test_rows_of_another_server_tell_nothing(tmp_path: Path) -> None:
    assert left(proxy(tmp_path, 0, host="EX02"), trace(0)) == [START]


def test_rows_go_where_they_serve_most(tmp_path: Path) -> None:
    """The request that can take either row takes the one that the others cannot."""
    archive = proxy(tmp_path, 0, 100, 400)
    assert left(archive, trace(0, lasts=1_000), trace(-100), trace(200)) == []
    assert left(archive, trace(0, count=2, lasts=1_000), trace(-100), trace(200)) == [START]


def test_two_rules_that_meet_one_request_share_its_row(tmp_path: Path) -> None:
    assert left(proxy(tmp_path, 0), trace(0), trace(0, rule_id="another")) == []


def test_a_login_or_a_refusal_is_not_asked_about(tmp_path: Path) -> None:
    assert left(proxy(tmp_path), trace(0, account="MIN\\a"), trace(0, status=404), trace(0, table="ews")) == []


def test_many_requests_and_many_rows_take_no_longer_than_both(tmp_path: Path) -> None:
    archive = proxy(tmp_path, *range(8_000))
    traces = [trace(at, client=f"198.51.{at // 250}.{at % 250}") for at in range(8_000)]
    start = time.process_time()
    assert left(archive, *traces) == []
    assert time.process_time() - start < CPU_SECONDS_MAX
