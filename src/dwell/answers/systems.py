"""Autonomous systems beside clients, and agents foreign to several accounts inside one: told, never a ground."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from dwell.answers.book import Book
from dwell.answers.phrases import count, listed, span
from dwell.model.addresses import network
from dwell.model.claims import MailboxExposure
from dwell.model.instants import utc_from_us
from dwell.model.provenance import RecordRef
from dwell.scope.actors import LINK_BITS
from dwell.scope.as_tables import NO_SYSTEM
from dwell.scope.as_ties import AsCluster
from dwell.scope.investigation import Investigation
from dwell.scope.marked import tie_keys

__all__ = ["common_systems", "systems_of_clients", "tell_systems", "with_systems"]

CLUSTERS_MAX = 10
GROUNDS_ROWS = 20


def systems_of_clients(case: Investigation, clients: Iterable[str]) -> tuple[str, ...]:
    """Give the systems that clients (address or network, then agent) lie in, with how many networks each."""
    if case.systems is None:
        return ()
    heads = {one.partition(" ")[0] for one in clients}
    lans = sorted({lan for one in heads if (lan := one if "/" in one else network(one)) is not None})
    numbers = Counter(case.systems.table.systems.numbers(lans).tolist())
    numbers.pop(NO_SYSTEM, None)
    ordered = sorted(numbers.items(), key=lambda one: (-one[1], one[0]))
    return tuple(f"{case.systems.words(number)}: {count(total, 'network')}" for number, total in ordered)


def with_systems(case: Investigation, found: tuple[MailboxExposure, ...]) -> tuple[MailboxExposure, ...]:
    """Say beside each mailbox which systems the sessions of intruders came from."""
    if case.systems is None:
        return found
    return tuple(replace(one, systems=systems_of_clients(case, one.clients)) if one.clients else one for one in found)


def common_systems(case: Investigation, first: Sequence[str], second: Sequence[str]) -> tuple[str, ...]:
    """Give the systems that clients of two intrusions both lie in."""
    names = [{text.rpartition(":")[0] for text in systems_of_clients(case, some)} for some in (first, second)]
    return tuple(sorted(names[0] & names[1]))


def tell_systems(case: Investigation, book: Book) -> None:
    """Tell agents that are foreign to several accounts from several networks of one system, where that is no coincidence.

    What an intrusion holds already is not told again.
    """
    systems = case.systems
    if systems is None:
        return
    found = [one for one in systems.clusters if one.bits >= LINK_BITS and not _held(case, one)]
    for one in found[:CLUSTERS_MAX]:
        accesses = case.accesses
        rows = list(one.ties)
        first = utc_from_us(int(case.clients.column("first")[rows].min()))
        last = utc_from_us(int(case.clients.column("last")[rows].max()))
        book.inferred(
            f"{systems.words(one.number)} (by the table {systems.table.told}): the agent {accesses.agents[one.agent]} is "
            f"foreign to {count(len(one.accounts), 'account')} ({listed([accesses.names[name] for name in one.accounts])}) "
            f"from {count(len(one.networks), 'network')} of it, {span(first, last)}; {count(one.at_home, 'other account')} "
            f"{'is' if one.at_home == 1 else 'are'} at home there; {one.bits:.0f} bits. That is a reason to look, and no "
            "mailbox is called opened because of it.",
            _grounds(case, one),
            None,
            (
                "a provider has thousands of customers: one system is not one person",
                "who announces a network changes, and the table is of one day",
            ),
            on="systems",
        )
    if len(found) > CLUSTERS_MAX:
        book.recorded(f"{count(len(found) - CLUSTERS_MAX, 'further one')} of this kind: see the leads.", ())


def _held(case: Investigation, one: AsCluster) -> bool:
    """Say whether intrusions hold all of its ties."""
    pairs = {(name, lan, tool) for held in case.held for lan, tool in held.pairs for name in held.accounts}
    names = ((row, case.accesses.names[int(case.clients.column("account")[row])]) for row in one.ties)
    return all((name, int(case.clients.column("network")[row]), one.agent) in pairs for row, name in names)


def _grounds(case: Investigation, one: AsCluster) -> list[RecordRef]:
    """Give the first records of its ties."""
    keys, own = tie_keys(case.accesses, case.clients.ties)
    rows = np.flatnonzero(np.isin(own, keys[list(one.ties)]) & case.accesses.ok & (case.accesses.network >= 0))
    return case.accesses.refs(rows[:GROUNDS_ROWS])
