"""Holes in what is held, ranked by how much closing each would change the answers.

For each log of each host, held in part or not at all:

    worth = sum over the acts that the log is able to show of
                statements * (host-hours in which it alone would show the act) / (host-hours the act is asked about)

Statements are those that rest on that act and on its coverage: mailboxes without a sign, one per server for a forged
request. An hour in which another log able to show the act is held adds nothing: closing the hole would change no
coverage. A worth of 3 is as much as three statements that now rest on nothing and would then rest on whole hours.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dwell.scope.cells import EMPTY, HELD
from dwell.scope.ledger import Ledger

__all__ = ["Asked", "Gap", "gaps"]

Seen = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Asked:
    """An act that statements are made about.

    Attributes:
        what: the act, in words.
        hosts: hosts it could have happened on.
        able: sources able to show it: a table, or `table/part`.
        statements: how many statements rest on it.
    """

    what: str
    hosts: tuple[str, ...]
    able: frozenset[str]
    statements: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A log of a host that is not held, or not whole.

    Attributes:
        host: the host.
        source: the log.
        hours: hours in which it is not held.
        of_hours: hours of the case.
        worth: what closing it would change, see above.
        bears_on: acts that it would show where nothing does now, the one that weighs most first.
    """

    host: str
    source: str
    hours: int
    of_hours: int
    worth: float
    bears_on: tuple[str, ...]


def _seen(ledger: Ledger, host: str, able: Collection[str]) -> Seen:
    """Say in which hours of the case one of some sources is held for a host."""
    out = np.zeros(max(0, ledger.last_hour - ledger.first_hour), np.bool_)
    for (name, source), line in ledger.lines.items():
        if name != host or not ({source, source.partition("/")[0]} & set(able)):
            continue
        first = max(ledger.first_hour, line.start)
        last = min(ledger.last_hour, line.start + len(line.states))
        if last > first:
            part = line.states[first - line.start : last - line.start]
            out[first - ledger.first_hour : last - ledger.first_hour] |= np.isin(part, (HELD, EMPTY))
    return out


def gaps(ledger: Ledger, asked: Sequence[Asked], sources: Sequence[str]) -> tuple[Gap, ...]:
    """Give the holes that closing would change something, the worthiest first.

    Args:
        ledger: what is held.
        asked: the acts that statements are made about.
        sources: logs that could be looked for, by the names of the ledger.
    """
    hours = max(0, ledger.last_hour - ledger.first_hour)
    parts: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for one in asked:
        for host in one.hosts:
            dark = int((~_seen(ledger, host, one.able)).sum())
            share = dark / (hours * len(one.hosts)) if hours else 0.0
            for source in sources:
                shows = source in one.able or source.partition("/")[0] in one.able
                if shows and share and one.statements:
                    parts.setdefault((host, source), []).append((one.statements * share, one.what))
    out = []
    for (host, source), told in parts.items():
        absent = int((~_seen(ledger, host, {source})).sum())
        ordered = sorted(told, key=lambda one: (-one[0], one[1]))
        out.append(
            Gap(host, source, absent, hours, sum(worth for worth, _ in told), tuple(what for _, what in ordered))
        )
    return tuple(sorted(out, key=lambda one: (-one.worth, one.host, one.source)))
