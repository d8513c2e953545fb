"""Lines that one log lacks though another log of the same requests has them: what is told of them, and what they lower.

Whoever takes lines out of one log mostly leaves those of the others. A file without a line then looks like a file of a
quiet hour; that it is none, the other log tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dwell.model.provenance import RecordRef
from dwell.scope.cells import ALTERED, CUT, EMPTY, HELD
from dwell.scope.ledger import Ledger

__all__ = ["Lacking", "LackingClient", "Reconciled", "Silent", "Uncompared", "Way", "lower_by"]


class Way(StrEnum):
    """How missing lines are found."""

    ID = "id"
    """Each request by its id."""
    COUNT = "count"
    """By lines an hour: at least so many are missing."""


@dataclass(frozen=True, slots=True)
class LackingClient:
    """Whose requests a log lacks, as the other log names them.

    Attributes:
        client: address; "" where the other log has none.
        agent: as the other log has it; "" where it has none.
        accounts: names, as the other log has them, sorted.
        lines: how many.
        first_utc: the first.
        last_utc: the last.
        grounds: records of the other log, the first ones.
    """

    client: str
    agent: str
    accounts: tuple[str, ...]
    lines: int
    first_utc: datetime
    last_utc: datetime
    grounds: tuple[RecordRef, ...]


@dataclass(frozen=True, slots=True)
class Lacking:
    """Requests that other logs tell of and a log that is held of these hours does not.

    Attributes:
        host: whose log lacks them.
        source: that log: a table.
        layer: what of it, in words: an IIS log is the front end's or the back end's.
        witnesses: the logs that have them, by table, each with its hosts.
        lines: how many; at least so many where there are no ids.
        compared: how many requests of the other logs were looked for in these hours.
        way: how they were found.
        hours: hours since 1970, by the clock of the log that lacks them, each with how many.
        first_utc: the first, by the clock of the other log.
        last_utc: the last.
        clients: whose they are, those with most first; empty where there are no ids.
        unread: lines of the files that could not be read: they may be among them.
        grounds: records of the other logs, the first ones.
    """

    host: str
    source: str
    layer: str
    witnesses: tuple[tuple[str, tuple[str, ...]], ...]
    lines: int
    compared: int
    way: Way
    hours: tuple[tuple[int, int], ...]
    first_utc: datetime
    last_utc: datetime
    clients: tuple[LackingClient, ...]
    unread: int
    grounds: tuple[RecordRef, ...]


@dataclass(frozen=True, slots=True)
class Silent:
    """Hours that a file promises by its name and holds no line of, while another log has requests.

    Attributes:
        host: the host.
        source: the log, a table.
        witness: the table that has requests.
        hours: hours since 1970.
        requests: how many the other log has.
    """

    host: str
    source: str
    witness: str
    hours: tuple[int, ...]
    requests: int


@dataclass(frozen=True, slots=True)
class Uncompared:
    """A kind of request of which the case itself shows that not both logs write it.

    Attributes:
        host: the host.
        source: the log that would lack them.
        witness: the log that has them.
        kind: the virtual directory, and whether they were answered with a yes.
        met: how many stand in both.
        requests: how many the other log has.
    """

    host: str
    source: str
    witness: str
    kind: str
    met: int
    requests: int


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What comes of holding the layers against each other.

    Attributes:
        lacking: lines that are missing, by host and log.
        silent: hours that only seem quiet.
        uncompared: kinds of requests that were not compared.
        compared: requests that were looked for, of whatever log.
    """

    lacking: tuple[Lacking, ...] = ()
    silent: tuple[Silent, ...] = ()
    uncompared: tuple[Uncompared, ...] = ()
    compared: int = 0


def lower_by(ledger: Ledger, found: Reconciled) -> None:
    """Lower the hours that lack lines: they are held, and not as they were written."""
    for one in found.lacking:
        line = ledger.lines.get((one.host, one.source))
        if line is None:
            continue
        why = f"lines are missing that {_told(one.witnesses)} has"
        for first, last in _runs([hour for hour, _ in one.hours]):
            line.mark(first, last, ALTERED, [HELD, EMPTY], why)
    for quiet in found.silent:
        line = ledger.lines.get((quiet.host, quiet.source))
        if line is not None:
            why = f"the file holds no line of these hours, while {quiet.witness} has requests"
            for first, last in _runs(quiet.hours):
                line.mark(first, last, CUT, [EMPTY], why)


def _told(witnesses: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    return " or ".join(table for table, _ in witnesses)


def _runs(hours: Sequence[int]) -> list[tuple[int, int]]:
    """Give runs of hours, the end exclusive."""
    out: list[tuple[int, int]] = []
    for hour in sorted(hours):
        if out and out[-1][1] == hour:
            out[-1] = (out[-1][0], hour + 1)
        else:
            out.append((hour, hour + 1))
    return out
