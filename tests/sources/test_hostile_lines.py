"""Shapes that keep readers of lines, records and configurations busy: time grows with the length, no faster."""

from __future__ import annotations

import time

import pytest
from fuzz.contract import check

from dwell.sources.registry import SOURCES, source
from dwell.sources.source import Sniff

HEADS = {
    "httperr": b"#Fields: date time c-ip c-port s-reason\n",
    "zeek": b"#separator \\x09\n#path\tconn\n#fields\tts\tuid\n",
}
ROWS = {"httperr": b"2021-01-04 08:00:01 198.51.100.7 1 URL\n", "zeek": b"1609747200.1\tC1\n"}
CPU_SECONDS_MAX = 5.0
CONFIG = b"<configuration>"
PALO = b"1,2021/01/04 08:00:02,1,TRAFFIC,end"


def _word(number: int) -> bytes:
    return bytes(65 + number // power % 26 for power in (1, 26, 676))


@pytest.mark.parametrize(
    ("key", "data"),
    [
        *((key, HEADS[key] + (HEADS[key] + ROWS[key]) * 2_000) for key in HEADS),
        *((key, HEADS[key] + (b"# a comment\n" + ROWS[key]) * 5_000) for key in HEADS),
        ("ncsa", b'1.2.3.4 - - [04/Jan/2021:08:00:00 +0000] "' + b'\\"' * 400_000),
        ("ncsa", b'x - - [04/Jan/2021:08:00:00 +0000] "a" 200 1 "" ""\n\0\n' * 3_000),
        ("fortinet", b"date=1 devid=2 " + b'a="b ' * 200_000),
        ("cef", b"CEF:0|a|b|c|d|e|f|" + b" k=v" * 200_000),
        ("cef", b"CEF:0|" + b"\\|" * 400_000),
        ("paloalto", b"1,2021/01/04 08:00:02,1,TRAFFIC,end" + b',"' * 300_000),
        ("cef", b"".join(b"LEEF:2.0|a|b|c|d|%d|a=1\n" % n for n in range(20_000))),
        (
            "paloalto",
            b"".join(b"1,2021/01/04 08:00:02,1,A%s,end,1\n" % _word(n) for n in range(3_000)) + PALO + b"," * 200_000,
        ),
        ("zimbra", b"2021-01-04 08:00:00,123 INFO  [x] [" + b"a=b;" * 200_000),
        ("dovecot", b"2021-01-04T08:00:00Z m dovecot: imap: " + b"a=<" * 200_000),
        ("evtx_text", b"Event[0]:\n" * 20_000),
        ("evtx_text", b"Event[0]:\n" + b"x\n" * 100_000),
        ("evtx_csv", b"EventID,Channel,TimeCreated\n" + b"1,x,yesterday\n" * 20_000),
        ("configuration", CONFIG + b'<a b="1">' * 100_000),
        ("configuration", CONFIG + b"password" * 200_000),
        ("configuration", CONFIG + b"<!-- password=' -->" * 50_000),
        ("signins", b'{"value":[' + b'{"id":"1"},' * 50_000 + b'{"id":"2"}]}'),
        ("signins", b'{"a":' * 100_000),
        ("iis_headerless", b"2021-01-04 08:00:00 " + b"a " * 300_000),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value[:12]!r}-{len(value)}",
)
def test_time_grows_with_the_length_only(key: str, data: bytes) -> None:
    start = time.process_time()
    check(source(key), data)
    assert time.process_time() - start < CPU_SECONDS_MAX


@pytest.mark.parametrize(
    "piece", [b"<!---->", b"<!-- -->\n", b"{", b'{"value":[', b"[", b'"value":', b"CEF:0|", b"a=", b"#Fields: "]
)
def test_recognising_takes_no_time(piece: bytes) -> None:
    sniff = Sniff((piece * 65_536)[:65_536], "x", complete=False)
    start = time.process_time()
    for one in SOURCES:
        one.identify(sniff)
    assert time.process_time() - start < CPU_SECONDS_MAX
