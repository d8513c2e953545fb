"""Instants that cannot be: an attacker's or a broken line must not stretch coverage over years that nobody logged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.scope.staged import hourly, iis_log, iis_place, stage

from dwell.scope.ledger import Ledger
from dwell.scope.stray import runs, without_stray

YEAR = 366 * 24


def _ledger(tmp_path: Path, *odd: str) -> Ledger:
    good = [{"at": at, "user": "GOV\\jan"} for at in hourly("2021-03-01 00:10:00", "2021-03-01 23:10:00")] * 10
    return stage(tmp_path, {iis_place("EX01", "210301"): iis_log([*good, *({"at": at} for at in odd)])}).ledger()


@pytest.mark.parametrize(
    "odd", ["9999-12-31 23:59:59", "9998-06-01 00:00:00", "1601-01-01 00:00:00", "1970-01-01 00:00:00"]
)
def test_an_instant_that_cannot_be_covers_no_hour_and_is_told(tmp_path: Path, odd: str) -> None:
    ledger = _ledger(tmp_path, odd)
    (row,) = ledger.rows()
    assert (row.held, row.missing) == (24 - row.altered, 0)
    assert ledger.last_hour - ledger.first_hour == 24
    (stray,) = ledger.stray
    assert (stray.host, stray.source, stray.records) == ("EX01", "iis", 1)
    assert ledger.cells().num_rows == 24


def test_one_line_years_away_is_stray_though_it_could_be(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path, "2030-05-05 05:05:05")
    assert [one.records for one in ledger.stray] == [1]
    assert ledger.last_hour - ledger.first_hour == 24


def test_a_file_of_two_far_stretches_holds_both_and_vouches_for_nothing_between() -> None:
    hour = np.array([100, 101, 101 + YEAR + 1, 101 + YEAR + 5], np.int64)
    assert runs(hour) == [(100, 102), (101 + YEAR + 1, 101 + YEAR + 6)]
    assert without_stray(hour + 400_000, np.array([3, 4, 2, 5], np.int64)).all()


def test_a_silence_of_a_year_is_still_one_stretch() -> None:
    assert runs(np.array([100 + YEAR, 100], np.int64)) == [(100, 101 + YEAR)]


def test_nothing_but_impossible_instants_leaves_nothing(tmp_path: Path) -> None:
    place = iis_place("EX01", "210301")
    ledger = stage(tmp_path, {place: iis_log([{"at": "9999-01-01 00:00:00"}])}).ledger()
    assert (ledger.lines, [one.records for one in ledger.stray]) == ({}, [1])
