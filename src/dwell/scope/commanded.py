"""Logs that a command line deleted or stopped: the hours that it takes, where no other record tells of the act.

A command line says what was asked for, and not that it worked. So no hour of which records are held gives way, and what
comes after records that are held again is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from dwell.model.instants import utc_us
from dwell.scope.cells import ALTERED, EMPTY, HELD, HOUR_US, MISSING, OFF, Line, named_hours
from dwell.scope.ledger import Ledger
from dwell.scope.traces import Trace

__all__ = ["commanded"]

_STOPPED, _DELETED = "AF-03", "AF-04"
_FILE = re.compile(r"[^\s\"'*?;|,]+\.log\b", re.IGNORECASE)
_LOGS = (
    ("iis", re.compile(r"\\inetpub\\logs\b|\\LogFiles\\W3SVC|\bu_ex\d", re.IGNORECASE)),
    ("httpproxy", re.compile(r"\\V1[45]\\Logging(?:\\HttpProxy\b|(?![^\s\"'|;]*\\\w))", re.IGNORECASE)),
    ("ews", re.compile(r"\\V1[45]\\Logging(?:\\Ews\b|(?![^\s\"'|;]*\\\w))", re.IGNORECASE)),
)
"""Logs by the folders that a command line names; the folder of all of Exchange's is each of them."""
TOLD_MAX = 120


def commanded(ledger: Ledger, traces: Iterable[Trace]) -> None:
    """Lower the hours of logs that a command line deleted or switched off, unless records of them are held.

    Args:
        ledger: the ledger, changed.
        traces: hits of our rules.
    """
    for one in traces:
        command = one.value("CommandLine")
        if command is None or one.first_utc is None or one.catalogue not in {_STOPPED, _DELETED}:
            continue
        hour = utc_us(one.first_utc) // HOUR_US
        told = command if len(command) <= TOLD_MAX else f"{command[:TOLD_MAX]}…"
        at = f"at {one.first_utc:%Y-%m-%d %H:%M:%S} UTC: {told}"
        if one.catalogue == _STOPPED:
            for line in _lines(ledger, one.host, "iis"):
                why = f"a command line switched the log off {at}"
                line.mark(hour + 1, _resumed(line, hour + 1), OFF, (EMPTY, MISSING), why)
            continue
        windows = [found for name in _FILE.findall(command) if (found := named_hours(name)) is not None]
        for source, names in _LOGS:
            for line in _lines(ledger, one.host, source) if names.search(command) else ():
                for first, last in windows:
                    line.mark(first, last, ALTERED, (EMPTY, MISSING), f"the file of these hours was deleted {at}")
                if not windows:
                    # which files there were nothing tells: those of which none is held
                    line.mark(line.start, hour + 1, ALTERED, (MISSING,), f"files of this log were deleted {at}")


def _lines(ledger: Ledger, host: str, source: str) -> Iterator[Line]:
    return (
        line
        for (known, name), line in sorted(ledger.lines.items(), key=lambda one: one[0])
        if known == host and (name == source or name.startswith(f"{source}/"))
    )


def _resumed(line: Line, hour: int) -> int:
    """Give the first hour from one on of which records are held; the end of the line where there is none."""
    place = max(0, hour - line.start)
    held = np.flatnonzero(line.states[place:] == HELD)
    return line.start + (place + int(held[0]) if len(held) else len(line.states))
