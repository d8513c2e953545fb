"""What a command line did to logs takes the hours of which no record is held, and no other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dwell.model.claims import Outcome
from dwell.model.instants import utc_us
from dwell.scope.cells import ALTERED, EMPTY, HELD, HOUR_US, MISSING, OFF, Line
from dwell.scope.commanded import commanded
from dwell.scope.ledger import Ledger
from dwell.scope.traces import Trace

AT = datetime(2021, 3, 2, 6, 30, tzinfo=UTC)
HOUR = utc_us(AT) // HOUR_US
LOGS = "C:\\inetpub\\logs\\LogFiles\\W3SVC1"
EXCHANGE = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Logging"
STOPS = "appcmd.exe set config /section:httpLogging /dontLog:True"


def _trace(catalogue: str, command: str, host: str = "EX01") -> Trace:
    return Trace(
        rule_id="r", title="t", catalogue=catalogue, cves=(), techniques=(), outcome=Outcome.POST_EXPLOITATION, weight=3,
        table="evtx", host=host, first_utc=AT, last_utc=AT, matched=(f"CommandLine={command}",), status=None, count=1,
        client=None, account=None, grounds=(),
    )  # fmt: skip


def _states(states: list[int], trace: Trace, source: str = "iis") -> list[int]:
    """Put states of hours into a ledger, the hour of the command the fourth of them."""
    line = Line.missing(HOUR - 3, HOUR - 3 + len(states))
    line.states[:] = states
    commanded(Ledger({("EX01", source): line}, line.start, line.start + len(states)), [trace])
    found: list[int] = line.states.tolist()
    return found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([HELD] * 4 + [EMPTY, MISSING, EMPTY], [HELD] * 4 + [OFF] * 3),
        # it did not work, or was switched on again
        ([HELD] * 4 + [HELD, EMPTY, EMPTY], [HELD] * 4 + [HELD, EMPTY, EMPTY]),
        ([HELD] * 4 + [EMPTY, HELD, EMPTY], [HELD] * 4 + [OFF, HELD, EMPTY]),
        ([EMPTY, MISSING, EMPTY, EMPTY, HELD], [EMPTY, MISSING, EMPTY, EMPTY, HELD]),
    ],
)
def test_a_log_that_a_command_line_stopped_is_off_until_records_are_held_again(
    before: list[int], after: list[int]
) -> None:
    assert _states(before, _trace("AF-03", STOPS)) == after
    assert _states(before, _trace("AF-03", STOPS, "EX02")) == before
    assert _states(before, _trace("AF-03", STOPS), "httpproxy") == before


@pytest.mark.parametrize(
    ("command", "source", "after"),
    [
        (f"cmd /c del /q {LOGS}\\*.log", "iis", [HELD, EMPTY, ALTERED, ALTERED, MISSING]),
        (f"cmd /c del /q {LOGS}\\*.log", "httpproxy", [HELD, EMPTY, MISSING, MISSING, MISSING]),
        (f'Remove-Item "{EXCHANGE}\\HttpProxy\\*"', "httpproxy", [HELD, EMPTY, ALTERED, ALTERED, MISSING]),
        (f'Remove-Item "{EXCHANGE}\\HttpProxy\\*"', "ews", [HELD, EMPTY, MISSING, MISSING, MISSING]),
        (f'rd /s /q "{EXCHANGE}\\"', "ews", [HELD, EMPTY, ALTERED, ALTERED, MISSING]),
        # a file that is named is of its own day, the quiet hours of it as well
        (f"del {LOGS}\\u_ex210302.log", "iis", [HELD, ALTERED, ALTERED, ALTERED, ALTERED]),
        (f"del {LOGS}\\u_ex210228.log", "iis", [HELD, EMPTY, MISSING, MISSING, MISSING]),
    ],
)
def test_logs_that_a_command_line_deleted_are_altered(command: str, source: str, after: list[int]) -> None:
    assert _states([HELD, EMPTY, MISSING, MISSING, MISSING], _trace("AF-04", command), source) == after
