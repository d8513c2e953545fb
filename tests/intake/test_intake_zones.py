"""Local times are read in the zone that was given; what the clock showed twice or never is said; zones are not mixed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.intake.evidence import write

from dwell import api
from dwell.casebook.case import Case
from dwell.errors import UsageError
from dwell.intake.ingest import open_archive
from dwell.intake.stock import whole_table
from dwell.intake.zones import Localised, zone_of, zones_of
from dwell.model.provenance import Fact, FactKind
from dwell.sources.registry import SOURCES, source

_KIND = pa.timestamp("us", tz="UTC")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_BRUSSELS = "Europe/Brussels"


def _us(local: datetime) -> int:
    return (local - _EPOCH) // timedelta(microseconds=1)


def _batch(times: list[datetime | None]) -> pa.RecordBatch:
    instants = pa.array([None if one is None else _us(one) for one in times], pa.int64()).cast(_KIND)
    numbers = pa.array(range(1, len(times) + 1), pa.int64())
    return pa.record_batch({"record_no": numbers, "time_utc": instants, "host": pa.nulls(len(times), pa.string())})


def _log(*instants: str) -> bytes:
    return "".join(
        f"192.0.2.1, -, {at}, W3SVC1, EX01, 10.0.0.1, 15, 200, 300, 200, 0, GET, /owa/, -,\r\n" for at in instants
    ).encode()


_LOCAL = st.datetimes(datetime(1971, 1, 1), datetime(2037, 12, 31))  # noqa: DTZ001


@given(st.lists(st.one_of(st.none(), _LOCAL), min_size=1), st.sampled_from([_BRUSSELS, "Asia/Kathmandu", "UTC"]))
def test_instants_are_what_the_zone_makes_of_them(times: list[datetime | None], zone: str) -> None:
    told = Localised(zones_of([f"EX01={zone}"]), "EX01").take(_batch(times))["time_utc"].cast(pa.int64()).to_pylist()
    for local, us in zip(times, told, strict=True):
        if local is None:
            assert us is None
        else:
            right = local.replace(tzinfo=ZoneInfo(zone))
            assert us == _us(local) - right.utcoffset() // timedelta(microseconds=1)  # type: ignore[operator]


def test_an_hour_that_came_twice_and_one_that_never_was_are_counted() -> None:
    local = Localised(zones_of([f"*={_BRUSSELS}"]), "")
    local.take(_batch([datetime(2021, 10, 31, 1, 59), datetime(2021, 10, 31, 2, 30), datetime(2021, 10, 31, 3, 0)]))  # noqa: DTZ001
    local.take(_batch([datetime(2022, 3, 27, 2, 15)]))  # noqa: DTZ001
    zone, twice, never = local.facts()
    assert (zone.kind, zone.count) == (FactKind.ZONE, 4)
    assert (twice.kind, twice.count, twice.record_no) == (FactKind.ZONE_DOUBT, 1, 2)
    assert str(twice.from_utc) == "2021-10-31 00:30:00+00:00"
    assert (never.kind, never.count, never.record_no) == (FactKind.ZONE_DOUBT, 1, 1)


@pytest.mark.parametrize("text", ["EX01", "EX01=", "=UTC", "EX01=Mars/Base", "EX01=../../etc/passwd", "a=b\0c", ""])
def test_what_is_no_zone_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        zones_of([text])


def test_the_first_pattern_that_fits_counts() -> None:
    paris, rest = zones_of(["EX0?=Europe/Paris", "*=UTC"])
    assert [zone_of([paris, rest], host) for host in ("ex01", "DC1", "")] == [paris, rest, rest]
    assert zone_of([paris], "DC1") is None


def _times(root: Path) -> list[str]:
    found = whole_table(open_archive(Case.open(root)), "iis", ("time_utc",))
    return [str(one) for one in found["time_utc"].to_pylist()]


def test_a_case_is_read_in_the_zone_that_was_given(tmp_path: Path) -> None:
    folder = write(tmp_path / "evidence", {"EX01/logs/in210701.log": _log("07/13/2021, 14:00:00")})
    case = tmp_path / "case"
    done = api.ingest(case, [folder], zones=["EX01=Europe/Brussels", "DC9=Asia/Tokyo"], workers=1)
    assert _times(case) == ["2021-07-13 12:00:00+00:00"]
    assert {str(zone): count for zone, count in done.zones.items()} == {"EX01=Europe/Brussels": 1}
    write(folder, {"EX01/logs/in210702.log": _log("07/14/2021, 14:00:00")})
    api.ingest(case, [folder], workers=1)
    assert sorted(_times(case)) == ["2021-07-13 12:00:00+00:00", "2021-07-14 12:00:00+00:00"]
    with pytest.raises(UsageError, match="read with --zone EX01=Europe/Brussels"):
        api.ingest(case, [folder], zones=["*=Asia/Tokyo"], workers=1)
    api.ingest(case, [folder], zones=["EX01=Europe/Brussels", "DC9=Asia/Tokyo"], workers=1)


def test_without_a_zone_the_files_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "evidence", {"EX01/logs/in210701.log": _log("07/13/2021, 14:00:00")})
    done = api.ingest(tmp_path / "case", [folder], workers=1)
    assert done.zones == {None: 1}
    assert _times(tmp_path / "case") == ["2021-07-13 14:00:00+00:00"]
    facts = whole_table(open_archive(Case.open(tmp_path / "case")), "facts", ("kind", "count", "detail")).to_pylist()
    assert [(one["kind"], one["count"]) for one in facts if one["kind"] == "zone"] == [("zone", 1)]
    with pytest.raises(UsageError, match="read as UTC in this case already"):
        api.ingest(tmp_path / "case", [folder], zones=["*=Asia/Tokyo"], workers=1)


def test_records_of_several_hosts_have_zones_of_their_own() -> None:
    batch = _batch([datetime(2021, 7, 1, 12), datetime(2021, 7, 1, 12), datetime(2021, 7, 1, 12)])  # noqa: DTZ001
    hosts = pa.array(["ex01.gov.example", "EX02", None], pa.string())
    local = Localised(zones_of(["EX01=Europe/Brussels", "EX02=Asia/Tokyo"]), "PROXY")
    told = local.take(batch.set_column(2, "host", hosts))["time_utc"]
    assert [str(one)[11:16] for one in told.to_pylist()] == ["10:00", "03:00", "12:00"]
    assert [fact.detail[:27] for fact in local.facts()] == [
        "local time without a zone, ", "local time, read in Europe/", "local time, read in Asia/To",
    ]  # fmt: skip


def test_what_the_reader_noted_is_moved_with_the_records() -> None:
    local = Localised(zones_of(["*=Europe/Brussels"]), "")
    local.take(_batch([datetime(2021, 7, 1, 12)]))  # noqa: DTZ001
    noted = Fact(FactKind.TIME_REVERSAL, 1, datetime(2021, 7, 1, 12, tzinfo=UTC), None, 1, "time goes back")
    (moved,) = local.moved([noted])
    assert (str(moved.from_utc), moved.to_utc) == ("2021-07-01 10:00:00+00:00", None)
    assert Localised((), "").moved([noted]) == [noted]


def test_which_sources_are_in_local_time_always_and_which_line_by_line() -> None:
    assert [one.key for one in SOURCES if one.local_time] == ["iis_native", "paloalto", "zimbra"]
    assert sorted(one.key for one in SOURCES if one.local_lines) == [
        "cef", "cisco", "dovecot", "evtx_csv", "evtx_text", "fortinet", "haproxy", "postfix", "squid",
    ]  # fmt: skip


def test_what_is_noted_of_a_line_that_names_its_zone_stays() -> None:
    local = Localised(zones_of(["*=Europe/Brussels"]), "")
    local.take(_batch([datetime(2021, 7, 1, 12), datetime(2021, 7, 1, 12)]), np.array([2]))  # noqa: DTZ001
    at = datetime(2021, 7, 1, 12, tzinfo=UTC)
    noted = [Fact(FactKind.TIME_REVERSAL, number, at, None, 1, "time goes back") for number in (1, 2, 9)]
    assert [str(one.from_utc)[11:16] for one in local.moved(noted)] == ["12:00", "10:00", "12:00"]


_HA = 'haproxy[14389]: 192.0.2.1:33317 [{}] web bk/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "GET /owa/ HTTP/1.1"'
_FORTI = 'date={} time={} devname="FW01" logid="0000000013" type="traffic" subtype="forward" srcip=192.0.2.1 {}'
_WEVTUTIL = "Event[0]:\r\n  Log Name: System\r\n  Source: x\r\n  Date: {}\r\n  Event ID: 7\r\n  Computer: {}\r\n\r\n"
_SQUID = '192.0.2.1 - - [{}] "GET http://a.example/ HTTP/1.1" 200 10 TCP_MISS 5'
_NATIVE = "1625133600.000 5 192.0.2.1 TCP_MISS/200 10 GET http://a/ - HIER_DIRECT/a text/html"
_ASA = "{}: %ASA-6-302014: Teardown"
_POSTFIX = "{} MX1 postfix/smtpd[9]: connect from a[192.0.2.1]"
_DOVECOT = "{} MX1 dovecot: imap-login: Login: user=<a>, rip=192.0.2.1"
_CEF = "CEF:0|V|P|1|1|n|5|rt={} src=192.0.2.1"
_ISO = "2021-07-01T10:00:00Z"
_LINES = {
    "lb/ha.log": [_HA.format("01/Jul/2021:12:00:00.000"), _HA.format("01/Jul/2021:10:00:00.000 +0000")],
    "fw/forti.log": [
        _FORTI.format("2021-07-01", "12:00:00", ""),
        _FORTI.format("2021-07-01", "19:00:00", 'tz="+0900"'),
        _FORTI.format("2021-07-01", "12:00:00", "eventtime=1625133600"),
    ],
    "px/squid.log": [_SQUID.format("01/07/2021 12:00:00"), _NATIVE],
    "fw/asa.log": [_ASA.format(one) for one in ("Jul 01 2021 12:00:00", "Jul 01 2021 10:00:00 UTC", _ISO)],
    "mx/maillog-20210701": [_POSTFIX.format(one) for one in ("Jul  1 12:00:00", "2021-07-01T12:00:00.000+02:00")],
    "mx/dovecot-20210701.log": [_DOVECOT.format(one) for one in ("Jul  1 12:00:00", _ISO)],
    "siem/x.cef": [
        _CEF.format(one)
        for one in ("Jul 01 2021 12:00:00", "Jul 01 2021 10:00:00 GMT", "1625133600000", "Jul 1 2021 15:30:00 +0530")
    ],
    "EX01/app.txt": [_WEVTUTIL.format(one, "EX01") for one in ("2021-07-01T12:00:00.000", "2021-07-01T10:00:00.000Z")],
}
"""Files of which the first record is noon in Brussels without a zone, and all others are the same instant with one."""


@pytest.mark.parametrize("name", _LINES)
def test_lines_without_an_offset_are_read_in_the_zone_and_others_are_not(tmp_path: Path, name: str) -> None:
    lines = _LINES[name]
    folder = write(tmp_path / "evidence", {name: ("\n".join(lines) + "\n").encode()})
    done = api.ingest(tmp_path / "case", [folder], zones=[f"*={_BRUSSELS}"], workers=1)
    (unit,) = Case.open(tmp_path / "case").units()
    found = whole_table(open_archive(Case.open(tmp_path / "case")), source(unit.source).table, ("time_utc",))
    assert [str(one) for one in found["time_utc"].to_pylist()] == ["2021-07-01 10:00:00+00:00"] * len(lines)
    assert done.zones.total() == 1
    (planned,) = api.plan([folder]).files
    assert planned.local_time
    write(tmp_path / "zoned", {name: ("\n".join(lines[1:]) + "\n").encode()})
    (planned,) = api.plan([tmp_path / "zoned"]).files
    assert not planned.local_time


def test_dates_of_event_viewer_are_local_and_those_of_sentinel_are_not(tmp_path: Path) -> None:
    viewer = "Level,Date and Time,Source,Event ID,Task Category\r\nInformation,7/13/2021 12:00:00 PM,x,7,None,y\r\n"
    table = "TimeGenerated [UTC],EventID,Channel,Computer\r\n"
    sentinel = table + '"7/13/2021, 10:00:00.000 AM",7,System,EX01\r\n'
    folder = write(tmp_path / "evidence", {"EX01/viewer.csv": viewer.encode(), "EX01/sentinel.csv": sentinel.encode()})
    done = api.ingest(tmp_path / "case", [folder], zones=[f"*={_BRUSSELS}"], workers=1)
    found = whole_table(open_archive(Case.open(tmp_path / "case")), "evtx", ("time_utc",))
    assert [str(one) for one in found["time_utc"].to_pylist()] == ["2021-07-13 10:00:00+00:00"] * 2
    assert done.zones.total() == 1


def test_both_changes_of_the_year_are_right_and_told(tmp_path: Path) -> None:
    spring = ["28/Mar/2021:01:30:00.000", "28/Mar/2021:02:30:00.000", "28/Mar/2021:03:30:00.000"]
    autumn = ["31/Oct/2021:01:30:00.000", "31/Oct/2021:02:30:00.000", "31/Oct/2021:03:30:00.000"]
    text = "\n".join(map(_HA.format, [*spring, *autumn])) + "\n"
    folder = write(tmp_path / "evidence", {"LB1/log/ha.log": text.encode()})
    case = tmp_path / "case"
    api.ingest(case, [folder], zones=[f"*={_BRUSSELS}"], workers=1)
    archive = open_archive(Case.open(case))
    rows = whole_table(archive, "haproxy", ("record_no", "time_utc")).sort_by("record_no")
    assert [str(one)[5:16] for one in rows["time_utc"].to_pylist()] == [
        "03-28 00:30", "03-28 01:30", "03-28 01:30", "10-30 23:30", "10-31 00:30", "10-31 02:30",
    ]  # fmt: skip
    facts = whole_table(archive, "facts", ("kind", "count", "record_no", "detail")).to_pylist()
    told = {one["detail"]: (one["count"], one["record_no"]) for one in facts if one["kind"] == "zone-doubt"}
    assert told == {
        "the clock showed this time twice: the earlier instant is taken, uncertain by 60 minutes": (1, 5),
        "the clock never showed this time: it was put forward, uncertain by 60 minutes": (1, 2),
    }


def test_a_case_that_held_such_lines_is_not_read_in_two_zones(tmp_path: Path) -> None:
    line = _HA.format("01/Jul/2021:10:00:00.000 +0000")
    folder = write(tmp_path / "evidence", {"LB1/log/a.log": f"{line}\n".encode()})
    case = tmp_path / "case"
    api.ingest(case, [folder], workers=1)
    api.ingest(case, [folder], zones=[f"*={_BRUSSELS}"], workers=1)
    write(folder, {"LB1/log/b.log": f"{_HA.format('01/Jul/2021:12:00:00.000')}\n".encode()})
    assert api.ingest(case, [folder], workers=1).zones.total() == 1
    with pytest.raises(UsageError, match="read with --zone"):
        api.ingest(case, [folder], zones=["*=Asia/Tokyo"], workers=1)
