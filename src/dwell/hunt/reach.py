"""For which hosts a rule could look, for which it could not, and from when to when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain

from dwell.hunt.holders import ANY, Holder
from dwell.hunt.wide import FileReport
from dwell.model.claims import BlindStretch, RuleOutcome, RuleStatus
from dwell.model.instants import utc_from_us

__all__ = ["SERVER_TABLES", "TOLD_MAX", "Alike", "Reach", "hosts_in"]

TOLD_MAX = 50
"""Hosts and stretches told of one rule; the rest are counted."""
SERVER_TABLES = frozenset(
    {"iis", "httpproxy", "ews", "mapihttp", "rpc_client_access", "owa", "imap4", "pop3", "ecp_server", "rps_http"}
)
"""Logs of mail servers and web servers: whoever holds one of them is expected to hold what rules look for in them."""


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """Stretches of records of one kind that lack the same fields: what a host holds in a data file, or several of them.

    Attributes:
        where: the kind.
        held: the hosts of each stretch; none where they are not known.
    """

    where: int
    held: list[Sequence[Holder]]

    def holders(self) -> Iterator[Holder]:
        """Yield the hosts with such records, stretch by stretch."""
        return chain.from_iterable(self.held)


def _named(holders: Iterable[Holder]) -> frozenset[str]:
    return frozenset(one.host for one in holders if one.host)


def hosts_in(reports: Mapping[str, Sequence[FileReport]], tables: Iterable[str]) -> frozenset[str]:
    """Give the hosts that records of some tables name, whatever their kind."""
    held = chain.from_iterable(reports.get(table, ()) for table in tables)
    return _named(chain.from_iterable(report.held.get(ANY, ()) for report in held))


class Reach:
    """What rules could look at, over all hosts; rules that could look at the same are worked out once."""

    def __init__(self, reports: Mapping[str, Sequence[FileReport]]) -> None:
        """Take what was seen of every data file, by table."""
        self._servers = hosts_in(reports, SERVER_TABLES)
        self._computers = self._servers | hosts_in(reports, ("evtx",))
        self._hosts: dict[Alike, frozenset[str]] = {}
        self._dark: dict[tuple[tuple[Alike, ...], tuple[Alike, ...]], tuple[BlindStretch, ...]] = {}

    def told(
        self, outcome: RuleOutcome, lit: Sequence[Alike], dark: Sequence[Alike], tables: AbstractSet[str]
    ) -> RuleOutcome:
        """Add to an outcome for which hosts the rule could look, and at what it could not.

        Args:
            outcome: that of a rule that ran, or is partly blind.
            lit: stretches of records in which it could be true.
            dark: those with records of its kinds in which it could not.
            tables: the tables it is about.
        """
        hosts = sorted(frozenset().union(*(self._of(one) for one in lit)))
        without = sorted(self._peers(tables) - set(hosts)) if hosts else []
        blind = self._stretches(tuple(lit), tuple(dark)) if outcome.status is RuleStatus.PARTLY_BLIND else ()
        return replace(
            outcome,
            blind_at=blind[:TOLD_MAX],
            blind_at_total=len(blind),
            hosts=tuple(hosts[:TOLD_MAX]),
            hosts_total=len(hosts),
            hosts_without=tuple(without[:TOLD_MAX]),
            hosts_without_total=len(without),
        )

    def _of(self, one: Alike) -> frozenset[str]:
        if one not in self._hosts:
            self._hosts[one] = _named(one.holders())
        return self._hosts[one]

    def _peers(self, tables: AbstractSet[str]) -> frozenset[str]:
        """Give the hosts of which records of some tables are to be expected."""
        if not tables.isdisjoint(SERVER_TABLES):
            return self._servers
        return self._computers if "evtx" in tables else frozenset()

    def _stretches(self, lit: tuple[Alike, ...], dark: tuple[Alike, ...]) -> tuple[BlindStretch, ...]:
        if (lit, dark) not in self._dark:
            self._dark[lit, dark] = _stretches(lit, dark)
        return self._dark[lit, dark]


def _stretches(lit: Sequence[Alike], dark: Sequence[Alike]) -> tuple[BlindStretch, ...]:
    """Give the stretches of each host in which nothing could be true, by host and time.

    Data files of one kind and host that follow one another are one stretch, unless one lies between in which it could.
    """
    marks: dict[tuple[str, int], list[tuple[int, int, bool]]] = {}
    out: set[tuple[str, int | None, int | None]] = set()
    for one, is_dark in [*((each, True) for each in dark), *((each, False) for each in lit)]:
        for held in one.holders():
            if held.first_us is not None and held.last_us is not None:
                marks.setdefault((held.host, one.where), []).append((held.first_us, held.last_us, is_dark))
            elif is_dark:
                out.add((held.host, None, None))
    for (host, _), found in marks.items():
        out |= {(host, first, last) for first, last in _runs(sorted(found))}
    ordered = sorted(out, key=lambda one: (one[0], one[1] is None, one[1] or 0, one[2] or 0))
    return tuple(
        BlindStretch(host, None if first is None else utc_from_us(first), None if last is None else utc_from_us(last))
        for host, first, last in ordered
    )


def _runs(marks: Sequence[tuple[int, int, bool]]) -> list[tuple[int, int]]:
    """Put dark marks that follow one another together."""
    out: list[tuple[int, int]] = []
    before = False
    for first, last, is_dark in marks:
        if is_dark and before:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        elif is_dark:
            out.append((first, last))
        before = is_dark
    return out
