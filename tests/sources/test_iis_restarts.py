"""IIS writes its header anew whenever logging starts again; that neither slows the reading nor hides a clock set back."""

from __future__ import annotations

import io
from unittest.mock import patch

import pytest
from fuzz.contract import check

from dwell.model.provenance import FactKind
from dwell.sources import iis
from dwell.sources.registry import source
from dwell.sources.source import Batch, Hint

_HEADER = "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: {}\n"
_FIELDS = "#Fields: date time cs-method cs-uri-stem sc-status\n"


def _read(text: str) -> list[Batch]:
    return list(source("iis").read(io.BytesIO(text.encode()), Hint("u_ex.log")))


def _line(at: str) -> str:
    return f"{at} GET / 200\n"


def _reversals(text: str) -> int:
    return sum(fact.count for one in _read(text) for fact in one.facts if fact.kind is FactKind.TIME_REVERSAL)


def test_lines_under_many_headers_are_read_at_once() -> None:
    lines = [_HEADER.format("2021-03-01 10:00:00") + _FIELDS + _line("2021-03-01 10:00:01") for _ in range(50)]
    with patch.object(iis, "_parse_csv", wraps=iis._parse_csv) as parsing:
        batches = _read("".join(lines))
    assert parsing.call_count == 1
    numbers = [number for one in batches if one.records for number in one.records["record_no"].to_pylist()]
    assert numbers == list(range(5, 5 * 50 + 1, 5))
    assert sum(one.structural for one in batches) == 4 * 50
    assert sum(fact.kind is FactKind.HEADER for one in batches for fact in one.facts) == 50


def test_time_is_not_compared_across_a_start_of_logging() -> None:
    late, early = _line("2021-03-01 10:00:00"), _line("2021-03-01 08:00:00")
    again = _HEADER.format("2021-03-01 08:00:00")
    assert _reversals(_FIELDS + late + early) == 1
    assert _reversals(_FIELDS + late + again + early) == 0
    assert _reversals(_FIELDS + late + again + early + late + early) == 1


def test_neither_is_it_where_blocks_meet() -> None:
    late, early = _line("2021-03-01 10:00:00"), _line("2021-03-01 08:00:00")
    again = _HEADER.format("2021-03-01 08:00:00")
    with patch("dwell.sources.lines.BLOCK_BYTES", 16):
        assert _reversals(_FIELDS + late + early) == 1
        assert _reversals(_FIELDS + late + again + early) == 0
        assert _reversals(_FIELDS + late + again + early + late + early) == 1


def test_days_come_from_the_header_where_lines_have_none() -> None:
    fields = "#Fields: time cs-method cs-uri-stem\n"
    text = fields + "#Date: 2021-03-01 10:00:00\n10:00:01 GET /\n#Date: 2021-03-05 09:00:00\n09:00:01 GET /\n"
    times = [str(at) for one in _read(text) if one.records for at in one.records["time_utc"].to_pylist()]
    assert times == ["2021-03-01 10:00:01+00:00", "2021-03-05 09:00:01+00:00"]


HEADER = "#Software: Microsoft Internet Information Services 10.0"
FIELDS = "#Fields: date time c-ip cs-method cs-uri-stem cs(User-Agent) sc-status time-taken{}"


@pytest.mark.parametrize("last", ["", " X-Forwarded-For"])
def test_a_line_behind_which_the_next_logs_header_stands_is_read(last: str) -> None:
    more = " 203.0.113.9" if last else ""
    line = f"2021-03-03 10:00:00 10.0.0.8 GET /owa/ x 200 15{more}"
    text = "\n".join([HEADER, FIELDS.format(last), line + HEADER, FIELDS.format(last), line, line[:40] + HEADER, ""])
    found = check(source("iis"), text.encode())
    assert [(one["record_no"], one["sc-status"], one["cs-user-agent"]) for one in found.rows] == [
        (3, 200, "x"),
        (5, 200, "x"),
    ]
    assert [one.record_no for one in found.anomalies] == [6]


@pytest.mark.parametrize("forged", [f"x 200 15{HEADER}", f"x 200 15{HEADER} ", f"x{HEADER}"])
def test_a_request_that_writes_such_a_header_hides_nothing_of_its_own(forged: str) -> None:
    text = "\n".join([HEADER, FIELDS.format(""), f"2021-03-03 10:00:00 10.0.0.8 GET /owa/ {forged} 401 9", ""])
    (row,) = check(source("iis"), text.encode()).rows
    assert (row["sc-status"], row["time-taken"]) == (401, 9)
    assert row["cs-user-agent"].startswith("x")
