"""How records came by their instants: noted of each file as they are read, told wherever an instant is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.intake.evidence import log, write

from dwell import api
from dwell.casebook.case import Case
from dwell.intake.ingest import open_archive
from dwell.intake.rows import dated_as
from dwell.model.instants import Dated, TimeBasis
from dwell.sources.registry import SOURCES

NATIVE = "192.0.2.1, -, {}, W3SVC1, EX01, 10.0.0.1, 15, 200, 300, 200, 0, GET, /owa/, -,\r\n"


def _held(root: Path, files: dict[str, bytes], *zones: str) -> dict[str, list[tuple[str, int]]]:
    """Give by path what is noted of each file."""
    api.ingest(root / "case", [write(root / "evidence", files)], zones=list(zones), workers=1)
    case = Case.open(root / "case")
    archive = open_archive(case)
    return {
        item.places[0].path: [(dated.words, count) for dated, count in dated_as(case, archive, key)]
        for key, item in case.register().items()
    }


def test_a_log_in_utc_says_so_of_each_file_also_of_small_ones_read_at_once(tmp_path: Path) -> None:
    found = _held(tmp_path, {f"EX01/u_ex{one}.log": log(one, 3 + one) for one in range(3)})
    assert found == {f"EX01/u_ex{one}.log": [("utc; from date and time; to the second", 3 + one)] for one in range(3)}


def test_local_time_is_assumed_or_read_in_a_zone_that_is_given(tmp_path: Path) -> None:
    data = NATIVE.format("07/13/2021, 14:00:00").encode()
    unsaid = _held(tmp_path / "a", {"EX01/in210713.log": data})
    said = _held(tmp_path / "b", {"EX01/in210713.log": data}, "EX01=Europe/Brussels")
    assert unsaid["EX01/in210713.log"] == [("local assumed; from date and time; to the second", 1)]
    assert said["EX01/in210713.log"] == [("zone known (Europe/Brussels); from date and time; to the second", 1)]


def test_a_record_without_an_instant_is_counted_as_unknown(tmp_path: Path) -> None:
    """Day and month cannot be told apart, and the file's name does not say."""
    data = NATIVE.format("03/04/2021, 14:00:00").encode()
    assert _held(tmp_path, {"EX01/old.log": data})["EX01/old.log"] == [("unknown; from date and time", 1)]


def test_precision_is_that_of_what_is_written_where_the_format_leaves_it_open(tmp_path: Path) -> None:
    head = "host,kind,restore_point_utc,path\r\n"
    for part, unit in (("", "second"), (".5", "millisecond"), (".123456", "microsecond")):
        rows = f"EX01,vss,2021-03-03T09:00:00Z,C:\r\nEX01,vss,2021-03-03T10:00:00{part}Z,C:\r\n"
        found = _held(tmp_path / unit, {"points.csv": (head + rows).encode()})
        assert found["points.csv"] == [(f"utc; from restore_point_utc; to the {unit}", 2)]


def test_why_and_peek_and_coverage_tell_it(tmp_path: Path) -> None:
    _held(tmp_path, {"EX01/in210713.log": NATIVE.format("07/13/2021, 14:00:00").encode()}, "EX01=Europe/Brussels")
    (key,) = Case.open(tmp_path / "case").register()
    found = api.why(tmp_path / "case", f"iis/{key[:12]}/1", workers=1).records[0]
    assert found.dated == ("zone known (Europe/Brussels); from date and time; to the second",)
    (row,) = api.answers(tmp_path / "case", workers=1).summary.coverage
    assert row.instants == (("zone known (Europe/Brussels); from date and time; to the second", 1),)
    (peeked,) = api.peek((tmp_path / "evidence",), 5)
    assert peeked.dated == (("local assumed; from date and time; to the second", 1),)


@pytest.mark.parametrize("precision", ["", "second"])
@pytest.mark.parametrize("zone", ["", "Europe/Brussels"])
@pytest.mark.parametrize("field", ["date and time", "a; from b", "(x)"])
@pytest.mark.parametrize("basis", list(TimeBasis))
def test_words_are_read_back_as_they_were_meant(basis: TimeBasis, zone: str, field: str, precision: str) -> None:
    told = Dated(basis, zone, field, precision)
    assert Dated.read(told.words) == told


NO_INSTANTS = {
    "channel_settings", "channel_settings_xml", "configuration", "directory_list", "exports_list", "registry_export",
}  # fmt: skip


def test_every_log_says_where_its_instants_come_from() -> None:
    for one in SOURCES:
        assert bool(one.stamp.field) == (one.key not in NO_INSTANTS), one.key
        assert (one.stamp.basis is TimeBasis.LOCAL_ASSUMED) == one.local_time, one.key
        assert not (one.local_lines and one.stamp.basis is TimeBasis.LOCAL_ASSUMED), one.key
