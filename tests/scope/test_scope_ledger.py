"""Coverage (R1): every state of a cell from a case made by hand, and what a negative makes of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.scope.staged import Staged, bind, hourly, iis_log, iis_place, security_log, stage, ual_json, utc

from dwell.model.coverage import CellState, CoverageRow
from dwell.model.provenance import EXTRACT, FactKind
from dwell.scope.cells import ALTERED, HELD, HOUR_US, Line
from dwell.scope.ledger import MAIL_SOURCES, Ledger, named_hours
from dwell.scope.lowering import Shortfall, lower

OWNER, MOZILLA = "vera@gov.example", "Mozilla/5.0"


def _day(day: str, *, hours: tuple[str, str] = ("00:10:00", "23:10:00"), end: str = "\r\n") -> str:
    return iis_log(({"at": at, "user": "GOV\\jan"} for at in hourly(f"{day} {hours[0]}", f"{day} {hours[1]}")), end=end)


def _row(ledger: Ledger, host: str = "EX01", source: str = "iis") -> CoverageRow:
    return next(one for one in ledger.rows() if (one.host, one.source) == (host, source))


def _states(ledger: Ledger, host: str = "EX01", source: str = "iis") -> dict[str, list[str]]:
    """Give the hours in each state, as text."""
    out: dict[str, list[str]] = {}
    for row in ledger.cells().to_pylist():
        if (row["host"], row["source"]) == (host, source):
            out.setdefault(row["state"], []).append(f"{row['hour_utc']:%m-%d %H}")
    return out


def _days(*days: str) -> dict[str, str | bytes]:
    return {iis_place("EX01", f"21{one[5:7]}{one[8:]}"): _day(one) for one in days}


def test_three_days_without_a_file_are_missing_and_lower_the_share(tmp_path: Path) -> None:
    ledger = stage(tmp_path, _days("2021-03-01", "2021-03-02", "2021-03-06", "2021-03-07")).ledger()
    row = _row(ledger)
    assert (row.held, row.missing, row.truncated, row.altered, row.not_recorded) == (96, 72, 0, 0, 0)
    assert row.reasons == (("no file is held for these hours", 72),)
    found = ledger.coverage(["EX01"], MAIL_SOURCES, ledger.first_hour, ledger.last_hour, "an act")
    assert (found.hours_able, found.hours_asked, found.sources) == (96, 168, ("iis",))
    assert found.share == pytest.approx(96 / 168, abs=1e-4)
    first = int(utc("2021-03-03 00:00:00").timestamp()) // 3600
    inside = ledger.coverage(["EX01"], MAIL_SOURCES, first, first + 72, "an act")
    assert (inside.hours_able, inside.hours_asked, inside.share) == (0, 72, 0.0)
    stretch = ledger.stretches({CellState.MISSING})
    assert [(one[3], one[4]) for one in stretch] == [(utc("2021-03-03 00:00:00"), utc("2021-03-06 00:00:00"))]


def test_a_day_named_by_its_file_is_running_and_wrote_nothing_where_it_holds_no_record(tmp_path: Path) -> None:
    files = _days("2021-03-01", "2021-03-03") | {
        iis_place("EX01", "210302"): _day("2021-03-02", hours=("08:10:00", "17:10:00"))
    }
    row = _row(stage(tmp_path, files).ledger())
    assert (row.held, row.held_empty, row.missing) == (72, 14, 0)


def test_a_file_of_one_hour_covers_that_hour_only(tmp_path: Path) -> None:
    place = iis_place("EX01", "210302")
    files = {
        place.replace("210302", "21030203"): iis_log([{"at": "2021-03-02 03:10:00", "user": "GOV\\jan"}]),
        place.replace("210302", "21030206"): iis_log([{"at": "2021-03-02 06:10:00", "user": "GOV\\jan"}]),
    }
    assert _states(stage(tmp_path, files).ledger()) == {
        "held": ["03-02 03", "03-02 06"],
        "missing": ["03-02 04", "03-02 05"],
    }


def test_a_header_alone_says_that_the_source_was_running(tmp_path: Path) -> None:
    files = _days("2021-03-01", "2021-03-03")
    without = _row(stage(tmp_path / "a", files).ledger())
    with_header = _row(stage(tmp_path / "b", files | {iis_place("EX01", "210302"): iis_log([])}).ledger())
    assert (without.held, without.missing) == (48, 24)
    assert (with_header.held, with_header.held_empty, with_header.missing) == (72, 24, 0)


def test_two_servers_headers_are_the_same_bytes_and_each_is_of_its_own_server(tmp_path: Path) -> None:
    files = _days("2021-03-01", "2021-03-03")
    files |= {path.replace("EX01", "EX02"): str(text).replace("jan", "piet") for path, text in files.items()}
    both = files | {iis_place(host, "210302"): iis_log([]) for host in ("EX01", "EX02")}
    one = files | {iis_place("EX02", "210302"): iis_log([])}
    ledgers = [stage(tmp_path / name, held).ledger() for name, held in (("both", both), ("one", one))]
    assert [_row(ledgers[0], host).missing for host in ("EX01", "EX02")] == [0, 0]
    assert [_row(ledgers[1], host).missing for host in ("EX01", "EX02")] == [24, 0]


@pytest.mark.parametrize("day", ["210310", "200110", "x"])
def test_a_server_of_which_only_an_empty_log_of_another_time_is_held_is_known_and_dark(
    tmp_path: Path, day: str
) -> None:
    """It is not there at all otherwise, and the one server of which logs are held covers everything."""
    files = _days("2021-03-01", "2021-03-03") | {iis_place("EX02", day): iis_log([])}
    ledger = stage(tmp_path, files).ledger()
    assert ledger.servers() == ["EX01", "EX02"]
    row = _row(ledger, "EX02")
    assert (row.held, row.missing) == (0, _row(ledger).held + _row(ledger).missing)


def test_a_name_that_does_not_meet_its_records_is_not_believed(tmp_path: Path) -> None:
    files = _days("2021-03-01", "2021-03-03") | {iis_place("EX01", "210302"): _day("2021-03-04")}
    row = _row(stage(tmp_path, files).ledger())
    assert (row.held, row.missing) == (72, 24)


@pytest.mark.parametrize(
    ("first", "last", "dark"),
    [
        # kept by a clock an hour ahead of that which names it; by one in local time, two hours east
        ("2021-03-02 01:10:00", "2021-03-03 00:10:00", ["03-02 00"]),
        ("2021-03-01 22:10:00", "2021-03-02 21:10:00", ["03-02 22", "03-02 23"]),
        # a line that was written a little late: the file holds hours that another clock's would not
        ("2021-03-02 00:10:00", "2021-03-03 00:10:00", []),
        ("2021-03-01 23:10:00", "2021-03-02 23:10:00", []),
        # what it does not hold says nothing of its clock
        ("2021-03-02 05:10:00", "2021-03-02 20:10:00", []),
    ],
)
@pytest.mark.parametrize("beside", [("2021-03-02 09:10:00", "2021-03-02 15:10:00"), ()])
def test_a_file_that_goes_on_after_its_name_began_as_much_later(
    beside: tuple[str, ...], first: str, last: str, dark: list[str], tmp_path: Path
) -> None:
    rows = ({"at": at, "user": "GOV\\jan"} for at in hourly(first, last))
    files: dict[str, str | bytes] = {iis_place("EX01", "210302"): iis_log(rows)}
    # its back end's, of the same day, holds next to nothing, or nothing
    few = ({"at": at, "user": "GOV\\jan"} for at in beside)
    files[iis_place("EX01", "210302").replace("W3SVC1", "W3SVC2")] = iis_log(few)
    # another server, of which both days before and after are whole
    whole = ({"at": at, "user": "GOV\\jan"} for at in hourly("2021-03-01 00:10:00", "2021-03-03 23:10:00"))
    files[iis_place("EX02", "210301")] = iis_log(whole)
    missing = _states(stage(tmp_path, files).ledger())["missing"]
    assert [one for one in missing if one.startswith("03-02")] == dark


@pytest.mark.parametrize(
    ("hours", "missing"),
    [
        # two days that began an hour late tell it of a third day's file with next to nothing in it
        (("01:10:00", "00:10:00"), 1),
        # on two days one line was written late, and the day before and after are whole
        (("00:10:00", "00:10:00"), 0),
    ],
)
def test_the_days_around_tell_by_which_clock_a_file_was_named(
    hours: tuple[str, str], missing: int, tmp_path: Path
) -> None:
    rows = [{"at": at, "user": "GOV\\jan"} for at in hourly(f"2021-03-06 {hours[0]}", f"2021-03-07 {hours[1]}")]
    more = [{"at": at, "user": "GOV\\jan"} for at in hourly(f"2021-03-07 {hours[0]}", f"2021-03-08 {hours[1]}")]
    few = [{"at": at, "user": "GOV\\jan"} for at in ("2021-03-05 09:10:00", "2021-03-05 15:10:00")]
    files: dict[str, str | bytes] = _days("2021-03-01")
    files |= {iis_place("EX01", f"21030{day}"): iis_log(one) for day, one in ((5, few), (6, rows), (7, more))}
    dark = _states(stage(tmp_path, files).ledger())["missing"]
    assert len([one for one in dark if one.startswith("03-05")]) == missing


def test_a_file_cut_in_mid_line_is_truncated_to_the_end_of_its_day(tmp_path: Path) -> None:
    text = _day("2021-03-02", hours=("00:10:00", "09:10:00"))
    files = _days("2021-03-01", "2021-03-03") | {iis_place("EX01", "210302"): text[:-30]}
    staged = stage(tmp_path, files)
    assert staged.anomalies == 1
    ledger = staged.ledger()
    row = _row(ledger)
    # the last whole record is of 08:10: what followed in that hour is not known either
    assert (row.held, row.truncated, row.missing) == (24 + 8 + 24, 16, 0)
    assert _states(ledger)["truncated"][0] == "03-02 08"
    assert "ends in mid-record" in row.reasons[0][0]


def test_the_last_day_cut_is_truncated_beyond_the_last_record_of_the_case(tmp_path: Path) -> None:
    files = _days("2021-03-01") | {
        iis_place("EX01", "210302"): _day("2021-03-02", hours=("00:10:00", "09:10:00"))[:-30]
    }
    ledger = stage(tmp_path, files).ledger()
    assert (_row(ledger).held, _row(ledger).truncated) == (32, 16)


def test_another_file_that_holds_the_hour_heals_the_cut(tmp_path: Path) -> None:
    """The same day in two collections: one was cut, the other is whole."""
    text = _day("2021-03-02")
    place = iis_place("EX01", "210302")
    files: dict[str, str | bytes] = {f"first/{place}": text[:-700], f"second/{place}": text}
    assert _row(stage(tmp_path, files).ledger()).truncated == 0


def test_hours_of_which_an_extract_alone_is_held_are_not_vouched_for(tmp_path: Path) -> None:
    """Whoever made it chose the rows: that it has none of an intruder says nothing. Where the log is held, it counts."""
    head = "LogFilename,date,time,cs-method,cs-uri-stem,cs-username,c-ip,cs(User-Agent),sc-status"
    rows = [
        f"u.log,2021-03-0{day},{hour:02}:30:00,GET,/owa/,GOV\\jan,203.0.113.9,x,200"
        for day in (2, 3)
        for hour in range(24)
    ]
    files = _days("2021-03-01", "2021-03-02") | {"EX01/inetpub/logs/rows.csv": "\n".join([head, *rows]) + "\n"}
    row = _row(stage(tmp_path, files).ledger())
    assert (row.held, row.not_recorded) == (48, 24)
    assert row.reasons == ((EXTRACT, 24),)


def _events(numbers: list[tuple[int, str]]) -> list[dict[str, object]]:
    return [{"number": number, "event": 4624, "at": at, "TargetUserName": "jan"} for number, at in numbers]


def test_missing_record_numbers_are_altered_hours(tmp_path: Path) -> None:
    at = hourly("2021-03-02 00:30:00", "2021-03-02 23:30:00")
    events = _events([(100 + place, one) for place, one in enumerate(at) if not 8 <= place <= 12])
    staged = stage(tmp_path, {"EX01/winevt/Security.xml": security_log(events)})
    found = _states(staged.ledger(), source="evtx/Security")
    # numbers 108 to 112 are gone: between 07:30 and 13:30 nothing can be ruled out
    assert found["altered"] == [f"03-02 {one:02}" for one in range(7, 14)]
    assert len(found["held"]) == 17


def test_a_hole_inside_one_hour_is_seen_as_well(tmp_path: Path) -> None:
    events = _events(
        [
            (1, "2021-03-02 04:00:00"),
            (2, "2021-03-02 05:10:00"),
            (90, "2021-03-02 05:50:00"),
            (91, "2021-03-02 06:00:00"),
        ]
    )
    found = _states(
        stage(tmp_path, {"EX01/winevt/Security.xml": security_log(events)}).ledger(), source="evtx/Security"
    )
    assert found == {"held": ["03-02 04", "03-02 06"], "altered": ["03-02 05"]}


CLEAR = (
    "<UserData><LogFileCleared xmlns='http://manifests.microsoft.com/win/2004/08/windows/eventlog'>"
    "<SubjectUserName>adm</SubjectUserName><SubjectDomainName>GOV</SubjectDomainName>{more}</LogFileCleared></UserData>"
)


def _clear(number: int, event: int, at: str, more: str = "") -> dict[str, object]:
    text = CLEAR.format(more=more)
    return {"number": number, "event": event, "at": at, "provider": "Microsoft-Windows-Eventlog", "user_data": text}


def test_what_was_written_before_a_log_was_cleared_is_altered(tmp_path: Path) -> None:
    events = [
        _clear(500, 1102, "2021-03-02 10:20:00"),
        *_events([(501, "2021-03-02 11:00:00"), (502, "2021-03-02 23:00:00")]),
    ]
    files: dict[str, str | bytes] = {
        **_days("2021-03-01", "2021-03-02"),
        "EX01/winevt/Security.xml": security_log(events),
    }
    row = _row(stage(tmp_path, files).ledger(), source="evtx/Security")
    # 24 hours of the first day, ten of the second, and the hour in which it was cleared
    assert (row.altered, row.held, row.missing) == (35, 13, 0)
    assert row.reasons[0] == ("a file covers these hours and holds no record of them", 11)


def test_the_log_that_was_cleared_need_not_be_the_one_that_tells(tmp_path: Path) -> None:
    told = [_clear(7, 104, "2021-03-02 10:20:00", "<Channel>MSExchange Management</Channel>")]
    late = _events([(1, "2021-03-02 12:00:00"), (2, "2021-03-02 13:00:00")])
    files: dict[str, str | bytes] = {
        **_days("2021-03-01", "2021-03-02"),
        "EX01/winevt/System.xml": security_log(told, channel="System"),
        "EX01/winevt/Management.xml": security_log(late, channel="MSExchange Management"),
    }
    ledger = stage(tmp_path, files).ledger()
    row = _row(ledger, source="evtx/MSExchange Management")
    assert row.altered == 24 + 10 + 1
    assert _row(ledger, source="evtx/System").altered == 0


def _audit(count: int, *, throttled: bool = False) -> list[dict[str, object]]:
    start = utc("2021-03-01 00:00:00")
    step = timedelta(days=4) / count
    out = [
        bind(
            f"{start + place * step:%Y-%m-%d %H:%M:%S}",
            OWNER,
            OWNER,
            "203.0.113.9",
            MOZILLA,
            messages=[f"<{place}@x>"],
            id=str(place),
        )
        for place in range(count)
    ]
    if throttled:
        out.append(bind("2021-03-02 06:30:00", OWNER, OWNER, "203.0.113.9", MOZILLA, throttled=True, id="t"))
    return out


def _tenant(tmp_path: Path, records: list[dict[str, object]]) -> Staged:
    return stage(tmp_path, {"export/UAL-1.json": ual_json(records)})


def test_a_throttled_mailbox_is_dark_for_a_day_and_the_others_are_not(tmp_path: Path) -> None:
    ledger = _tenant(tmp_path, _audit(200, throttled=True)).ledger()
    mine = _row(ledger, "M365", f"ual/{OWNER}")
    assert (mine.not_recorded, mine.held) == (25, 96 - 25)
    assert _states(ledger, "M365", f"ual/{OWNER}")["not-recorded"][0] == "03-02 06"
    assert _row(ledger, "M365", "ual").not_recorded == 0
    span = (ledger.first_hour, ledger.last_hour)
    assert ledger.coverage(["M365"], {"ual"}, *span, "x").hours_able == 96
    assert ledger.coverage(["M365"], {f"ual/{OWNER}"}, *span, "x").hours_able == 71


@pytest.mark.parametrize(("rows", "dark"), [(4_999, 0), (5_000, 96)])
def test_an_export_that_stops_at_its_cap_vouches_for_no_hour(tmp_path: Path, rows: int, dark: int) -> None:
    row = _row(_tenant(tmp_path, _audit(rows)).ledger(), "M365", "ual")
    assert (row.not_recorded, row.held) == (dark, 96 - dark)
    assert bool(row.reasons) == bool(dark)


def test_time_that_goes_back_is_altered(tmp_path: Path) -> None:
    numbers = [
        (1, "2021-03-02 04:00:00"),
        (2, "2021-03-02 09:00:00"),
        (3, "2021-03-02 06:00:00"),
        (4, "2021-03-02 12:00:00"),
    ]
    found = _states(
        stage(tmp_path, {"EX01/winevt/Security.xml": security_log(_events(numbers))}).ledger(), source="evtx/Security"
    )
    assert found["altered"] == ["03-02 06", "03-02 07", "03-02 08", "03-02 09"]


@pytest.mark.parametrize(("source", "dark"), [("iis", 1), ("httpproxy", 1), ("messagetrace", 0)])
def test_an_export_sorted_the_newest_first_is_not_altered(source: str, dark: int) -> None:
    hour = np.arange(100, 110)
    line = Line.missing(100, 110)
    line.take(hour, np.ones(10, np.int64))
    line.states[:] = HELD
    fact = Shortfall("e" * 64, "", FactKind.TIME_REVERSAL.value, 104 * HOUR_US, None, "time goes back by over an hour")
    lower(line, fact, source, hour, ())
    assert int((line.states == ALTERED).sum()) == dark


def test_days_sum_to_the_rows_and_to_the_cells(tmp_path: Path) -> None:
    text = _day("2021-03-02", hours=("03:10:00", "09:10:00"))
    files = _days("2021-03-01", "2021-03-05") | {
        iis_place("EX01", "210302"): text[:-30],
        iis_place("EX02", "210303"): _day("2021-03-03"),
    }
    ledger = stage(tmp_path, files).ledger()
    for row in ledger.rows():
        days = [one for one in ledger.days() if (one.host, one.source) == (row.host, row.source)]
        sums = [sum(one.hours[place] for one in days) for place in range(6)]
        assert sums[0] + sums[1] == row.held
        assert tuple(sums[1:]) == (row.held_empty, row.missing, row.truncated, row.altered, row.not_recorded)
        assert all(sum(one.hours) <= 24 for one in days)
        cells = [one for one in ledger.cells().to_pylist() if (one["host"], one["source"]) == (row.host, row.source)]
        assert len(cells) == sum(sums)
        assert sum(one["records"] for one in cells) == sum(one.records for one in days)


def test_nothing_held_covers_nothing() -> None:
    ledger = Ledger({}, 0, 0)
    found = ledger.coverage([], MAIL_SOURCES, 0, 0, "an act")
    assert (found.hours_able, found.hours_asked, found.share) == (0, 0, None)
    assert ledger.rows() == ()
    assert ledger.days() == ()
    assert ledger.cells().num_rows == 0


def test_one_of_two_sources_is_enough_for_an_hour_and_both_do_not_count_twice(tmp_path: Path) -> None:
    events = _events(
        [(place, one) for place, one in enumerate(hourly("2021-03-01 12:30:00", "2021-03-02 11:30:00"), 1)]
    )
    files: dict[str, str | bytes] = {**_days("2021-03-01"), "EX01/winevt/Security.xml": security_log(events)}
    ledger = stage(tmp_path, files).ledger()
    first = int(utc("2021-03-01 00:00:00").timestamp()) // 3600
    found = ledger.coverage(["EX01"], {"iis", "evtx/Security"}, first, first + 48, "x")
    assert (found.hours_able, found.hours_asked) == (36, 48)
    assert ledger.coverage(["EX01"], {"evtx"}, first, first + 48, "x").hours_able == 24
    assert ledger.coverage(["EX01", "EX02"], {"iis"}, first, first + 48, "x").hours_asked == 96


@pytest.mark.parametrize(
    ("path", "start", "hours"),
    [
        ("EX01/W3SVC1/u_ex210303.log", "2021-03-03 00:00:00", 24),
        ("EX01/W3SVC1/u_ex21030314.log", "2021-03-03 14:00:00", 1),
        ("logs.zip!W3SVC1/U_EX210303_x.log", "2021-03-03 00:00:00", 24),
        ("HttpProxy/Ecp/HttpProxy_2021030302-1.LOG", "2021-03-03 02:00:00", 1),
        ("Ecp\\ECPServer20210303-1.LOG", "2021-03-03 00:00:00", 24),
        ("u_ex210303.log.gz", "2021-03-03 00:00:00", 24),
    ],
)
def test_what_a_name_promises(path: str, start: str, hours: int) -> None:
    first = int(utc(start).timestamp()) // 3600
    assert named_hours(path) == (first, first + hours)


@pytest.mark.parametrize(
    "path", ["", "u_ex.log", "u_ex210230.log", "u_ex219901.log", "Security.evtx", "журнал.log", "u_ex21030399.log"]
)
def test_a_name_that_promises_nothing(path: str) -> None:
    assert named_hours(path) is None


def test_the_log_of_iis_ftp_service_covers_no_hour_of_the_web(tmp_path: Path) -> None:
    web = iis_log([{"at": "2021-03-01 00:10:00"}, {"at": "2021-03-01 00:50:00"}])
    opened = iis_log([{"at": "2021-03-01 05:10:00"}, {"at": "2021-03-01 06:10:00"}, {"at": "2021-03-01 06:20:00"}])
    ftp = (
        opened.replace(" GET ", " ControlChannelOpened ", 1).replace(" GET ", " USER ", 1).replace(" GET ", " RETR ", 1)
    )
    ledger = stage(tmp_path, {"EX01/W3SVC1/a.log": web, "EX01/FTPSVC2/b.log": ftp}).ledger()
    assert _states(ledger) == {"held": ["03-01 00"]}
