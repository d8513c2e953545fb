"""Shapes that an intruder may give a file to keep a reader busy: the time they take grows with their length, no faster."""

from __future__ import annotations

import time

import pytest
from fuzz.contract import check

from dwell.sources.registry import source

FIELDS = b"#Fields: date time c-ip sc-status cs(User-Agent)\n"
LINE = b"2021-01-04 08:00:01 198.51.100.7 200 Mozilla/5.0\n"
PROXY = b"DateTime,UrlStem,AnchorMailbox\n"
RECORD = b"2021-01-04T08:00:01.000Z,/owa,x\n"
CPU_SECONDS_MAX = 5.0
"""Each takes a tenth of this on a desk; some took a hundred times as long when time grew with the square of the length."""


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("iis", FIELDS + (LINE + b"# a comment\n") * 2_000),
        ("iis", FIELDS + (FIELDS + LINE) * 2_000),
        ("iis", FIELDS + LINE.replace(b"Mozilla", b"x " * 2_000) * 100),
        ("iis", FIELDS + b"a b c\n" * 40_000),
        ("httpproxy", PROXY + (RECORD + b"#Version: 15.1\n") * 2_000),
        ("httpproxy", PROXY + RECORD.replace(b"/owa", b'"/owa') * 10_000),
        ("httpproxy", PROXY + b'x"\n' * 40_000),
        ("httpproxy", (PROXY + RECORD) * 10_000),
        ("httpproxy", (b"#Fields: " + PROXY + RECORD) * 10_000),
        ("directory", b"SamAccountName,Alias,UserPrincipalName\n" + b'a,"b\n' * 20_000),
        ("directory", b"SamAccountName,Alias,UserPrincipalName\n" + (b'a,"b\n' + b"x\n" * 4_000) * 10),
        ("ual_json", b'{"a":' * 100_000),
        ("ual_json", b'{"a":1\n' * 40_000),
        ("ual_json", b'{"' + b'\\"' * 500_000),
        ("ual_json", b'{"' * 60_000),
        ("evtx_json", b'"' * 500_000),
        ("evtx_xml", b"<Event " * 60_000),
        ("evtx_xml", b"<Event>" + b"<a>" * 100_000),
        ("evtx_xml", b"<!--" * 100_000),
        (
            "evtx_xml",
            b"<Event><System><EventID>1</EventID></System><D>" + b"<Data Name='a'/>" * 30_000 + b"</D></Event>",
        ),
        ("evtx", b"**\0\0" * 200_000),
    ],
)
def test_time_grows_with_the_length_only(key: str, data: bytes) -> None:
    start = time.process_time()
    check(source(key), data)
    assert time.process_time() - start < CPU_SECONDS_MAX


def test_entities_are_never_expanded() -> None:
    bomb = (
        b'<!DOCTYPE x [<!ENTITY a "'
        + b"a" * 1000
        + b'">'
        + b"".join(b'<!ENTITY %c "&%c;&%c;&%c;">' % (char + 1, char, char, char) for char in range(ord("a"), ord("y")))
    )
    reading = check(source("evtx_xml"), bomb + b"]><Event><System><EventID>1</EventID></System><A>&y;</A></Event>")
    assert not reading.rows
    assert len(reading.anomalies) == 2
