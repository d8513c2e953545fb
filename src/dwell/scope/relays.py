"""Relays: one machine inside that opens mailboxes with what other machines sign in with.

A login over NTLM can be passed on: the machine that receives it answers to the mail server in the owner's name. What is
left in the logs is one inside address from which many accounts come, each now and then, over months, while their owners
are at computers of their own, with a tool that none of them has elsewhere. An application that acts for its users comes so
as well; but it signs in by Kerberos, which can be delegated as NTLM cannot, or with passwords that it was given.

A *relay* is one agent at one inside address with at least `ACCOUNTS_MIN` such accounts, by EWS or MAPI, where nearly all
sessions of which a log names the method name NTLM. Where no log names it, nothing tells a relay from an application.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.scope.access import DAY_US, Accesses
from dwell.scope.crowds import ACCOUNTS_MIN, SPAN_DAYS, VISITORS_SHARE, come_now_and_then

__all__ = ["METHOD", "Relay", "relays_of"]

METHOD = "ntlm"
METHOD_SHARE = 0.9
"""So many of the sessions of which a log names the method must be signed in with NTLM."""
TOLD_SHARE = 0.1
"""Of so many of its sessions a log must name the method: HttpProxy's and EWS logs are mostly of one month."""
PROTOCOLS = frozenset({"ews", "mapi"})
"""A person at a shared computer reads in a browser or with Outlook, which is no foreign agent."""

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Relay:
    """One agent at one inside address that signs in as many accounts.

    Attributes:
        network: code of the network.
        agent: code of the agent.
        address: the address.
        accounts: codes of the accounts, sorted.
        ties: rows of their ties there.
    """

    network: int
    agent: int
    address: str
    accounts: tuple[int, ...]
    ties: tuple[int, ...]


def relays_of(accesses: Accesses, ties: pa.Table, strange: Mask) -> tuple[Relay, ...]:
    """Find the relays, those with most accounts first.

    Args:
        accesses: all sessions.
        ties: the ties (`habits.TIES`).
        strange: per tie, whether its agent is foreign to the account and it may be judged.
    """
    network, agent, account = (ties[one].to_numpy() for one in ("network", "agent", "account"))
    rows = np.flatnonzero(strange & accesses.within[network] & _visitors(ties))
    if len(rows) < ACCOUNTS_MIN:
        return ()
    tall = len(accesses.agents) + 1
    places, count = np.unique(network[rows] * tall + agent[rows], return_counts=True)
    out = []
    for place in places[count >= ACCOUNTS_MIN].tolist():
        lan, tool = place // tall, place % tall
        everyone = np.flatnonzero((network == lan) & (agent == tool))
        regular = everyone[ties["days"].to_numpy()[everyone] > 1]
        mine = rows[(network[rows] == lan) & (agent[rows] == tool)]
        if len(mine) < VISITORS_SHARE * len(regular):
            continue
        first, last = ties["first"].to_numpy()[mine].min(), ties["last"].to_numpy()[mine].max()
        address = _passed_on(accesses, lan, tool) if (last - first) / DAY_US >= SPAN_DAYS else None
        if address is not None:
            accounts = tuple(sorted(np.unique(account[mine]).tolist()))
            out.append(Relay(lan, tool, address, accounts, tuple(mine.tolist())))
    return tuple(sorted(out, key=lambda one: (-len(one.accounts), one.network, one.agent)))


def _visitors(ties: pa.Table) -> Mask:
    """Say of each tie whether it is of somebody who comes there now and then, and lives elsewhere."""
    span = (ties["last"].to_numpy() - ties["first"].to_numpy()) / DAY_US + 1.0
    return come_now_and_then(ties["days"].to_numpy(), span, 2.0 ** -ties["network_bits"].to_numpy())


def _passed_on(accesses: Accesses, lan: int, tool: int) -> str | None:
    """Give the one address of a client whose logins are passed on; None where they are not, or no log says so."""
    rows, _ = accesses.on_ties(np.array([lan]), np.array([tool]))
    rows = rows[accesses.ok[rows]]
    if not len(rows):
        return None
    spoken = np.array([one.removeprefix("m365-") in PROTOCOLS for one in accesses.protocols] or [False])[
        accesses.protocol[rows]
    ]
    codes, values = accesses.texts("auth")
    methods = [values[one].strip().lower() for one in codes[rows].tolist() if one >= 0]
    client, clients = accesses.texts("client")
    addresses = np.unique(client[rows])
    known = len(methods)
    if not spoken.all() or len(addresses) != 1 or addresses[0] < 0 or known < max(ACCOUNTS_MIN, TOLD_SHARE * len(rows)):
        return None
    return clients[int(addresses[0])] if methods.count(METHOD) >= METHOD_SHARE * known else None
