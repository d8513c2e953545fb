"""A connection that began with an intrusion is told, and is neither a logon nor a silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.scope.office import facts, log_of, reasoned, work
from tests.scope.staged import iis_place, proxy_log, security_log, stage

from dwell.answers.assemble import assemble
from dwell.model.claims import Question, ReachFinding, ReachVerdict, Summary

TO_EWS = "ServerInfo~a]@EX01.gov.example:444/EWS/Exchange.asmx?a=~1"
SERVER, LOUD = "10.0.0.11", "203.0.113.9"


def _proxy() -> str:
    row = {
        "Protocol": "Ecp", "UrlStem": "/ecp/y.js", "ClientIpAddress": LOUD, "AnchorMailbox": TO_EWS, "HttpStatus": 200,
        "DateTime": "2021-01-10T02:00:00.000Z", "RequestId": "r1",
    }  # fmt: skip
    return proxy_log([row])


def _zeek(at: str, target: str, port: int, state: str = "SF", source: str = SERVER) -> str:
    row = {
        "ts": f"{at}Z", "uid": f"C{at}{target}{port}", "id.orig_h": source, "id.orig_p": 50000, "id.resp_h": target,
        "id.resp_p": port, "proto": "tcp", "conn_state": state,
    }  # fmt: skip
    return json.dumps(row) + "\n"


def _summary(root: Path, flows: str, **more: str) -> Summary:
    files: dict[str, str | bytes] = {
        iis_place("EX01", "210104"): log_of(work()),
        "EX01/Logging/HttpProxy/Ecp/HttpProxy_2021011002-1.LOG": _proxy(),
        "sensor/conn.log": flows,
        **{name.replace("__", "/"): text for name, text in more.items()},
    }
    staged = stage(root, files)
    return assemble(reasoned(staged), facts(staged))


def _system(found: Summary, name: str) -> ReachFinding | None:
    return next((one for one in found.reach if one.system == name), None)


def test_a_connection_that_began_with_the_intrusion_is_told_by_the_class_of_its_port(tmp_path: Path) -> None:
    flows = [
        _zeek("2021-01-05T02:00:00", "10.0.0.60", 389),
        _zeek("2021-01-11T03:00:00", "10.0.0.50", 1433),
        _zeek("2021-01-11T04:00:00", "10.0.0.50", 1433),
        _zeek("2021-01-11T03:00:00", "10.0.0.60", 389),
        _zeek("2021-01-11T03:00:00", "198.51.100.7", 443),
    ]
    found = _summary(tmp_path, "".join(flows))
    database = _system(found, "10.0.0.50")
    assert database is not None
    assert (database.system_class, database.verdict) == ("database", ReachVerdict.ATTEMPTED)
    assert database.why.startswith("2 connections from 10.0.0.11 on port 1433, none before the intrusion")
    assert [ref.record_no for ref in database.grounds] == [2]
    # the everyday of the server, and what lies outside, are not told
    assert _system(found, "10.0.0.60") is None
    assert _system(found, "198.51.100.7") is None
    # no log of a database is held: the class stays not covered
    dark = _system(found, "database")
    assert dark is not None
    assert dark.verdict is ReachVerdict.NOT_COVERED
    claim = next(one for one in found.claims if one.question is Question.REACH and "10.0.0.50" in one.text)
    assert any("before the flows held begin" in one for one in claim.against)


@pytest.mark.parametrize(("state", "word"), [("REJ", "tried and refused"), ("SF", "no flow tells")])
def test_how_a_connection_ended_is_told(tmp_path: Path, state: str, word: str) -> None:
    found = _system(_summary(tmp_path, _zeek("2021-01-11T03:00:00", "10.0.0.50", 3389, state)), "10.0.0.50")
    assert found is not None
    assert word in found.why
    assert found.system_class == "management"


@pytest.mark.parametrize(
    "flow",
    [
        _zeek("2021-01-09T03:00:00", "10.0.0.50", 1433),
        _zeek("2021-01-11T03:00:00", "10.0.0.50", 1433, source="10.0.0.99"),
    ],
)
def test_what_is_not_the_intruders_is_not_told(tmp_path: Path, flow: str) -> None:
    assert _system(_summary(tmp_path, flow), "10.0.0.50") is None


def test_a_host_without_a_logon_is_no_silence_where_a_flow_went_to_it(tmp_path: Path) -> None:
    own = {"number": 1, "event": 4624, "at": "2021-01-08 12:00:00", "TargetUserName": "FS01$", "IpAddress": "10.0.0.50"}
    rows = [own, {**own, "number": 2, "at": "2021-01-20 12:00:00"}]
    logs = {"FS01__Security.xml": security_log(rows, host="FS01")}
    found = _summary(tmp_path, _zeek("2021-01-11T03:00:00", "10.0.0.50", 445), **logs)
    host = _system(found, "FS01")
    assert host is not None
    assert host.verdict is ReachVerdict.ATTEMPTED
    assert "no logon from an exploited mail server" in host.why
    assert _system(found, "10.0.0.50") is None
