"""Access logs that are not IIS W3C with a header: what is told by shape, and what is left alone."""

from __future__ import annotations

import io

import pytest
from fuzz.contract import check

from dwell.model.provenance import AnomalyKind
from dwell.sources.iis import IisW3c
from dwell.sources.iis_headerless import IisHeaderless, layouts_of
from dwell.sources.iis_native import IisNative
from dwell.sources.ncsa import Ncsa
from dwell.sources.registry import source
from dwell.sources.source import Hint, Sniff

ROW = "2021-01-04 08:00:0{n} {host}192.0.2.10 GET /a - 443 CORP\\x 198.51.100.7 Agent/1 {referer}200 0 0 {rest}"


@pytest.mark.parametrize(
    ("host", "referer", "rest", "wanted"),
    [
        ("", "", "15", "the default of IIS 7"),
        ("", "https://a.example/ ", "15", "the default of IIS 8 and later"),
        ("", "https://a.example/ mail.example ", "15", "the default with cs-host"),
        ("", "sid=1 https://a.example/ ", "15", "the default with cs(Cookie)"),
        ("", "- ", "15 203.0.113.9", "the default with X-Forwarded-For"),
        ("EX01 ", "- ", "15 203.0.113.9", "s-computername and X-Forwarded-For"),
        ("EX01 ", "- ", "15 203.0.113.9,+192.0.2.1 50123", "s-computername, X-Forwarded-For and client port"),
        ("", "- ", "5000 200 15 203.0.113.9", "the default with bytes and X-Forwarded-For"),
        ("W3SVC1 EX01 ", "- mail.example ", "15", "s-sitename, s-computername and cs-host"),
    ],
)
def test_one_layout_fits(host: str, referer: str, rest: str, wanted: str) -> None:
    lines = [ROW.format(n=n, host=host, referer=referer, rest=rest) for n in range(3)]
    assert layouts_of(lines) == [wanted]
    reading = check(IisHeaderless(), "\n".join(lines).encode())
    assert [(row["sc-status"], row["time-taken"], row["cs-method"]) for row in reading.rows] == [(200, 15, "GET")] * 3


def test_where_two_layouts_fit_nothing_is_guessed() -> None:
    data = "\n".join(ROW.format(n=n, host="", referer="- - ", rest="15") for n in range(3)).encode()
    guess = IisHeaderless().identify(Sniff(data, "u_ex.log", complete=True))
    assert guess is not None
    assert guess.score < 50
    assert "cs-host" in guess.why
    reading = check(IisHeaderless(), data)
    assert not reading.rows
    assert {one.kind for one in reading.anomalies} == {AnomalyKind.NO_HEADER}


def test_lines_with_a_header_are_not_taken_from_their_owner() -> None:
    data = b"#Fields: date time c-ip\n" + ROW.format(n=1, host="", referer="- ", rest="15").encode()
    assert IisHeaderless().identify(Sniff(data, "x", complete=True)) is None


def test_rows_of_all_three_forms_have_the_columns_of_one_table() -> None:
    for key in ("iis_native", "iis_headerless"):
        assert source(key).table == "iis"
        assert source(key).schema == IisW3c.schema


NATIVE = "192.0.2.1, -, {date}, 08:00:00, W3SVC1, EX01, 10.0.0.5, 15, 200, 5000, 200, 0, GET, /owa/, -,\n"


@pytest.mark.parametrize(
    ("name", "dates", "wanted"),
    [
        ("x.log", ["04/05/2021"], [None]),
        ("logs/u_in210405.log", ["04/05/2021"], [(4, 5)]),
        ("logs/u_in210504.log", ["04/05/2021"], [(5, 4)]),
        ("x.log", ["04/05/2021", "25/05/2021"], [(5, 4), (5, 25)]),
        ("x.log", ["04/05/2021", "05/25/2021"], [(4, 5), (5, 25)]),
    ],
)
def test_day_and_month_of_iis_own_format(name: str, dates: list[str], wanted: list[tuple[int, int] | None]) -> None:
    data = "".join(NATIVE.format(date=date) for date in dates).encode()
    rows = [
        row
        for batch in IisNative().read(_stream(data), Hint(name))
        if batch.records is not None
        for row in batch.records.to_pylist()
    ]
    found = [row["time_utc"] and (row["time_utc"].month, row["time_utc"].day) for row in rows]
    assert found == wanted


def _stream(data: bytes) -> io.BytesIO:
    return io.BytesIO(data)


def test_an_offset_is_taken_into_account_and_a_request_taken_apart() -> None:
    line = '192.0.2.1 - - [04/Jan/2021:01:00:00 +0200] "GET /a/b?x=1?y HTTP/1.1" 200 - "-" "a \\"b\\""\n'
    row = check(Ncsa(), line.encode()).rows[0]
    assert row["time_utc"].isoformat() == "2021-01-03T23:00:00+00:00"
    assert (row["cs-method"], row["cs-uri-stem"], row["cs-uri-query"]) == ("GET", "/a/b", "x=1?y")
    assert row["sc-bytes"] is None
    assert row["cs-user-agent"] == 'a \\"b\\"'
