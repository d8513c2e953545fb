"""Where cmdlets were run from: an address that is an intrusion's own says more than any minutes between two records.

An act is an intrusion's where all of this is so:

* its record has an outside address from which the intrusion opened mailboxes, or attacked, within `NEAR_DAYS` of it;
* nobody else came from that address;
* whoever ran it does not otherwise come from that network.

Where one of the last two is not so the act may be the intrusion's: whose mail it took is undeterminable, and no more.

From anywhere else it is its owner's where the account has sessions of its own there, by network outside, and from any
address inside. Where it has none, the address says no more than none at all.

Exchange's own logs of cmdlets have no address. Where the account was in remote PowerShell of that server at the time, and
from inside alone, that is where it was run from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dwell.model.addresses import is_internal, network
from dwell.model.instants import utc_us
from dwell.model.provenance import RecordRef
from dwell.scope.access import DAY_US, Accesses
from dwell.scope.address_ties import NEAR_DAYS, spans_of
from dwell.scope.intrusions import Held

__all__ = ["Origin", "Origins", "Ran"]

Codes = npt.NDArray[np.int64]


class Ran(Protocol):
    """What somebody ran, as far as it matters for whose doing it was."""

    @property
    def caller(self) -> str | None:
        """Give who ran it, as the log writes it."""

    @property
    def account(self) -> str | None:
        """Give the name that the caller goes by."""

    @property
    def host(self) -> str:
        """Give whose log tells of it."""

    @property
    def client(self) -> str | None:
        """Give the address that it was run from."""

    @property
    def at_utc(self) -> datetime:
        """Give when."""

    @property
    def grounds(self) -> tuple[RecordRef, ...]:
        """Give the records."""


class Origin(Enum):
    """What the address of an act says of an intrusion."""

    OWN = "its own"
    MAYBE = "its own, and somebody else's as well"
    OTHER = "another, where whoever ran it is at home"
    STRANGE = "another, where whoever ran it is not seen"
    UNTOLD = "not told"


class Origins:
    """The sessions from the networks that acts were run from.

    Args:
        acts: what was run.
        accesses: all sessions.
        near: gives the addresses from which an act's account was in remote PowerShell at the time.
    """

    def __init__(self, acts: Iterable[Ran], accesses: Accesses, near: Callable[[Ran], Collection[str]]) -> None:
        self._accesses, self._near = accesses, near
        self._sets: dict[int, tuple[tuple[int, ...], frozenset[int]]] = {}
        acts = list(acts)
        lans = {network(one.client) for one in acts if one.client is not None}
        codes = np.array([place for place, one in enumerate(accesses.networks) if one in lans], np.int64)
        judged = accesses.ok & ~accesses.system & (accesses.account >= 0)
        rows = np.flatnonzero(judged & np.isin(accesses.network, codes)) if len(codes) else np.zeros(0, np.int64)
        clients = accesses.rows(rows, ("client",))["client"].to_pylist()
        self._by_network: dict[str, list[tuple[int, str | None]]] = {}
        for row, client in zip(rows.tolist(), clients, strict=True):
            self._by_network.setdefault(accesses.networks[int(accesses.network[row])], []).append((row, client))
        names = {one.account for one in acts if one.client is not None and not _is_outside(one.client)}
        wanted = np.array([place for place, one in enumerate(accesses.names) if one in names], np.int64)
        inside = np.flatnonzero(judged & accesses.internal & np.isin(accesses.account, wanted))
        self._inside: dict[str, list[int]] = {}
        for row in inside.tolist() if len(wanted) else ():
            self._inside.setdefault(accesses.names[int(accesses.account[row])], []).append(row)

    def of(self, held: Held, one: Ran) -> Origin:
        """Say whether an act was run from an address of an intrusion's."""
        if one.client is None:
            near = self._near(one)
            return Origin.OTHER if near and all(is_internal(each) for each in near) else Origin.UNTOLD
        lan = network(one.client)
        if lan is None:
            return Origin.OTHER
        if not _is_outside(one.client):
            theirs = self._inside.get(one.account or "", [])
            return Origin.OTHER if any(row not in self._rows(held) for row in theirs) else Origin.STRANGE
        around = self._by_network.get(lan, [])
        mine = self._rows(held) if around else frozenset()
        here = [row for row, client in around if row in mine and client == one.client]
        others = [(row, client) for row, client in around if row not in mine]
        if not self._within(here, spans_of(held).get(one.client), one.at_utc):
            # the network is the intrusion's, the address is not: it may have changed
            there = [row for row, _ in around if row in mine]
            known = self._within(there, None, one.at_utc)
            if self._lives(one, others):
                return Origin.OTHER
            return Origin.MAYBE if known else Origin.STRANGE
        shared, lives = any(client == one.client for _, client in others), self._lives(one, others)
        if not shared and not lives:
            return Origin.OWN
        return Origin.OTHER if shared and lives else Origin.MAYBE

    def _rows(self, held: Held) -> frozenset[int]:
        """Give the sessions of an intrusion; it is asked for once an act."""
        # what is kept beside its number cannot be thrown away, so that no other comes to have that number
        if id(held.rows) not in self._sets:
            self._sets[id(held.rows)] = (held.rows, frozenset(held.rows))
        return self._sets[id(held.rows)][1]

    def _lives(self, one: Ran, others: Sequence[tuple[int, str | None]]) -> bool:
        """Say whether who ran an act has sessions of his own from its network."""
        names = self._accesses.names
        return any(names[int(self._accesses.account[row])] == one.account for row, _ in others)

    def _within(self, rows: Sequence[int], acts: tuple[int, int] | None, at_utc: datetime) -> bool:
        """Say whether an act lies near some sessions, or others of an intrusion's acts."""
        at, near = utc_us(at_utc), NEAR_DAYS * DAY_US
        spans = [(int(self._accesses.first[row]), int(self._accesses.last[row])) for row in rows]
        spans += [acts] if acts is not None else []
        return bool(spans) and min(first for first, _ in spans) - near <= at <= max(last for _, last in spans) + near


def _is_outside(client: str | None) -> bool:
    return client is not None and network(client) is not None and not is_internal(client)
