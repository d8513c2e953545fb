"""Holes in what is held, ranked by how much closing each would change the answers.

For each log of each host, held in part or not at all:

    worth = sum over the acts that the log is able to show of
                statements * (host-hours in which it alone would show the act) / (host-hours the act is asked about)

Statements are those that rest on that act and on its coverage: mailboxes without a sign, one per server for a forged
request. An hour in which another log able to show the act is held adds nothing: closing the hole would change no
coverage. A worth of 3 is as much as three statements that now rest on nothing and would then rest on whole hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dwell.scope.ledger import Ledger

__all__ = ["Asked", "Gap", "gaps"]


@dataclass(frozen=True, slots=True)
class Asked:
    """An act that statements are made about.

    Attributes:
        what: the act, in words.
        hosts: hosts it could have happened on.
        able: sources able to show it: a table, or `table/part`.
        statements: how many statements rest on it.
        act: the act by its name in `scope.unable`, where a log can be held and unable to show it.
    """

    what: str
    hosts: tuple[str, ...]
    able: frozenset[str]
    statements: int
    act: str = ""


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
            seen, _ = ledger.seen(host, one.able, ledger.first_hour, ledger.last_hour, act=one.act)
            dark = int((~seen).sum())
            share = dark / (hours * len(one.hosts)) if hours else 0.0
            for source in sources:
                shows = source in one.able or source.partition("/")[0] in one.able
                if shows and share and one.statements:
                    parts.setdefault((host, source), []).append((one.statements * share, one.what))
    out = []
    for (host, source), told in parts.items():
        absent = int((~ledger.seen(host, {source}, ledger.first_hour, ledger.last_hour)[0]).sum())
        ordered = sorted(told, key=lambda one: (-one[0], one[1]))
        out.append(
            Gap(host, source, absent, hours, sum(worth for worth, _ in told), tuple(what for _, what in ordered))
        )
    return tuple(sorted(out, key=lambda one: (-one.worth, one.host, one.source)))
