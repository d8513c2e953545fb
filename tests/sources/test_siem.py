"""Logs in envelopes of a SIEM: opened once, read as the log they are, every record of the envelope accounted for."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz.contract import check, read_all
from tests.scope.staged import iis_log, iis_place, stage

from dwell.model.provenance import EXTRACT
from dwell.sources import siem
from dwell.sources.registry import identify, source
from dwell.sources.source import Hint, Sniff

PATH = "C:\\inetpub\\logs\\LogFiles\\W3SVC1\\u_ex210303.log"
AGENT = "Mozilla/5.0+(Windows)"


def _line(second: int, agent: str = AGENT) -> str:
    return f"2021-03-03 10:00:{second:02} 10.0.0.1 GET /owa/ Cmd=Sync 443 GOV\\anna 203.0.113.9 {agent} - 200 0 0 15"


LINES = [_line(one) for one in range(5)]


def splunk(lines: list[str]) -> str:
    """Give lines as Splunk exports them."""
    return "".join(json.dumps({"preview": False, "result": {"_raw": one, "host": "EX01"}}) + "\n" for one in lines)


def answer(lines: list[str]) -> str:
    """Give lines as Elastic answers."""
    hits = [{"_index": "x", "_source": {"message": one, "host": {"name": "EX01"}}} for one in lines]
    return json.dumps({"took": 1, "hits": {"total": {"value": len(hits)}, "hits": hits}})


def beats(lines: list[str]) -> str:
    """Give lines as Filebeat ships them."""
    told = [
        {"@timestamp": "x", "event": {"original": one}, "message": "other words", "host.name": "EX01"} for one in lines
    ]
    return json.dumps(told, indent=2)


def table(lines: list[str]) -> str:
    """Give lines as Splunk exports them as CSV."""
    out = io.StringIO()
    csv.writer(out).writerows([["_time", "host", "_raw"], *(["x", "EX01", one] for one in lines)])
    return out.getvalue()


SHAPES = pytest.mark.parametrize("shape", [splunk, answer, beats, table], ids=lambda one: one.__name__)


def _key(text: str) -> str:
    guesses = identify(Sniff(text.encode()[:65_536], "export", complete=len(text) <= 65_536))
    return guesses[0].source if guesses else ""


@SHAPES
def test_the_columns_are_those_of_the_log_and_the_host_is_the_envelopes(shape: Callable[[list[str]], str]) -> None:
    text = shape(LINES)
    assert _key(text) == "iis_siem"
    ours = check(source("iis_siem"), text.encode())
    theirs = check(source("iis_headerless"), "\n".join(LINES).encode())
    assert [one["record_no"] for one in ours.rows] == [1, 2, 3, 4, 5]
    assert ours.rows == [one | {"host": "EX01"} for one in theirs.rows]
    assert EXTRACT in [one.detail for one in ours.facts]


@SHAPES
def test_of_ten_thousand_records_every_one_is_accounted_for(shape: Callable[[list[str]], str]) -> None:
    lines = [
        _line(one % 60, "x y" if one % 97 == 0 else AGENT) if one % 100 else "no such line" for one in range(10_000)
    ]
    found = check(source("iis_siem"), shape(lines).encode())
    assert (len(found.rows), len(found.anomalies)) == (9_900, 100)
    assert [one.record_no for one in found.anomalies] == list(range(1, 10_001, 100))


def test_records_of_two_servers_are_each_of_its_own() -> None:
    text = splunk(LINES[:2]) + splunk(LINES[2:]).replace("EX01", "EX02")
    found = check(source("iis_siem"), text.encode())
    assert [one["host"] for one in found.rows] == ["EX01"] * 2 + ["EX02"] * 3


def test_a_record_that_names_its_own_host_keeps_it() -> None:
    """What a collector of events forwards is not the collector's."""
    event = (
        '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="p"/>'
        "<EventID>1</EventID><Channel>Security</Channel><Computer>DC01</Computer></System></Event>"
    )
    found = check(source("evtx_xml_siem"), splunk([event, event, event]).encode())
    assert [(one["host"], one["EventID"]) for one in found.rows] == [("DC01", 1)] * 3


def test_comments_of_the_log_that_were_indexed_are_no_records() -> None:
    fields = "#Fields: date time c-ip cs-username cs-method cs-uri-stem sc-status"
    other = "2021-03-03 11:00:00 203.0.113.9 GOV\\anna GET /owa/ 200"
    found = check(source("iis_siem"), splunk([fields, other, other, fields.replace("c-ip", "s-ip"), other]).encode())
    assert [(one["record_no"], one["c-ip"], one["s-ip"]) for one in found.rows] == [
        (1, "203.0.113.9", None), (2, "203.0.113.9", None), (3, None, "203.0.113.9"),
    ]  # fmt: skip


def test_a_quote_that_takes_in_other_records_hides_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    names = "date-time,session-id,data"
    rows = [
        "2021-03-03T10:00:00.000Z,1,a",
        '2021-03-03T10:00:01.000Z,1,"open',
        "goes on",
        'closed"',
        "2021-03-03T10:00:02.000Z,1,b",
    ]
    for wait in (0, siem._WAIT_BYTES):
        monkeypatch.setattr(siem, "_WAIT_BYTES", wait)
        found = check(source("message_tracking_siem"), splunk([f"#Fields: {names}", *rows]).encode())
        assert len(found.rows) + len(found.anomalies) == len(rows)


def _deep(levels: int) -> str:
    return '{"result":' * levels + "1" + "}" * levels


@pytest.mark.parametrize("key", ["iis_siem", "evtx_xml_siem", "evtx_json_siem", "ual_json_siem"])
@pytest.mark.parametrize(
    "data",
    [
        splunk([splunk(LINES[:1])]),
        splunk([answer(LINES)]),
        _deep(200) + "\n" + _deep(20_000),
        json.dumps({"hits": {"hits": [{"hits": {"hits": [{"hits": [{"hits": {"hits": [{"_raw": LINES[0]}]}}]}]}}]}}),
        splunk(["x" * 2_000_000]),
        splunk(["<Event>" * 5_000, "<!DOCTYPE x [<!ENTITY a 'b'>]><Event>&a;</Event>", "<Event>&b;</Event>"]),
        splunk(['{"value":[{"a":1},{"b":2}]}', "[" * 100_000, '{"a":' * 100_000]),
        splunk(["2\0" * 50, "\ufeff\ufeff" + LINES[0], "\r" * 50, "\u2028" + LINES[0], "\ud800x"]),
        '{"_raw":["a","b"],"host":{"name":{"a":1}}}\n{"_raw":{"a":1}}\n{"result":[]}\n{"result":{}}\n{"hits":7}\n{}',
        table(LINES)[:-3] + '"' + "\n" * 100_000,
        'host,_raw\n"' + '\n"a"' * 20_000,
        "host,_raw\n" + "a,b,c\n" * 5_000 + "\0\0\n",
    ],
    ids=lambda one: str(len(one)),
)
def test_hostile_envelopes_are_accounted_for_in_time(key: str, data: str) -> None:
    start = time.perf_counter()
    raw = data.encode(errors="surrogatepass")
    check(source(key), raw)
    identify(Sniff(raw[:65_536], "x", complete=False))
    assert time.perf_counter() - start < SECONDS_MAX


def test_many_faults_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siem, "_LOST_BYTES", 1_000_000)
    text = splunk(LINES[:1]) + '{"result":{"host":"x"}}\n' * 20_000 + splunk(LINES[1:])
    found = read_all(source("iis_siem"), io.BytesIO(text.encode()))
    assert (len(found.rows), len(found.anomalies)) == (5, 20_000)
    most = max(len(batch.anomalies) for batch in source("iis_siem").read(io.BytesIO(text.encode()), Hint()))
    assert most < FAULTS_MAX


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"message": "An account was logged on.", "host": {"name": "EX01"}}),
        json.dumps({"@timestamp": "x", "url": {"path": "/owa/"}, "source": {"ip": "203.0.113.9"}}),
        "message,host\nhello,EX01\n",
        splunk(["of no log that is known"]),
    ],
)
def test_an_envelope_of_nothing_known_is_not_taken(text: str) -> None:
    assert not _key(text).endswith("_siem")


def test_sessions_come_out_and_no_hour_is_vouched_for(tmp_path: Path) -> None:
    text = splunk([_line(one) for one in range(5)])
    staged = stage(
        tmp_path, {"export/search.json": text, iis_place("EX02", "210303"): iis_log([{"at": "2021-03-03 11:00:00"}])}
    )
    (session,) = [one for one in staged.rolled().tables["sessions"].to_pylist() if one["host"] == "EX01"]
    assert (session["actor"], session["client"], session["requests"]) == ("GOV\\anna", "203.0.113.9", 5)
    rows = {one.host: (one.held, one.not_recorded) for one in staged.ledger().rows() if one.source == "iis"}
    assert rows["EX01"] == (0, 1)


FAULTS_MAX = 5_000
SECONDS_MAX = 8.0
