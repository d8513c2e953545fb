"""Intrusions: what is held to be one actor's doing, from credentials used by foreign clients and from exploitation.

The two kinds are made apart and stay apart: that a stolen password and an exploit were used in the same years joins
nobody. They are joined only where an exploit's outside address is also a client of the other (and later where both send
mail on to one address: `taking_ties`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from dwell.model.addresses import network
from dwell.model.instants import utc_from_us
from dwell.scope.access import INSIDE, Accesses
from dwell.scope.actors import Actor, Link
from dwell.scope.apps import App
from dwell.scope.clients import ANY_NETWORK, Block, Clients, Cluster
from dwell.scope.crowds import ANY_AGENT
from dwell.scope.exploits import USED_SAME, Act, Exploit
from dwell.scope.forgery import Forged
from dwell.scope.identities import Identities
from dwell.scope.takings import Taking
from dwell.scope.traces import Trace

__all__ = ["EXPLOIT", "REMOTE_MAIL", "VALID_ACCOUNTS", "Held", "intrusions_of", "joined", "kept_names", "numbered"]

_NAMES = Identities()
BLOCK_NAMES = 5
_NO_EXPLOITS = frozenset({"CR-03", "MB-06"})
_ONE_CLIENT = "one client only: there is no second one that would bear it out"
VALID_ACCOUNTS, EXPLOIT, WEB_SHELL, REMOTE_MAIL = "T1078", "T1190", "T1505.003", "T1114.002"
RELAYED = "T1557.001"


@dataclass(frozen=True, slots=True)
class Held:
    """One intrusion as far as the records go.

    Attributes:
        id: `I1`, `I2`, … in order of the first act; `I-M2` where marking `M2` makes it.
        first_utc: first act.
        last_utc: last act.
        rows: sessions of its own, row numbers of the accesses, in order.
        refused: sessions of its clients that were refused.
        pairs: its clients as (network code, agent code).
        clients: its clients in words.
        accounts: accounts it used.
        techniques: ATT&CK ids.
        links: what holds it together, in words.
        against: what speaks against its being one actor, or an intruder at all.
        forged: forged requests.
        traces: hits of our rules.
        hosts: servers.
        apps: applications of the tenant through which it reads, each with what it read since.
        through: its sessions that are records of such an application.
        entered: names of applications by which it came: what they read is its own, and so is what gave them their rights.
        takings: mail that it took by cmdlet.
        marking: the marking that makes it; "" where dwell found it.
        spans: the only stretches it speaks of, microseconds since 1970; empty for no bound.
        doubtful: sessions from an address of its exploits that may be their owners', row numbers of the accesses.
    """

    id: str
    first_utc: datetime
    last_utc: datetime
    rows: tuple[int, ...]
    refused: tuple[int, ...]
    pairs: frozenset[tuple[int, int]]
    clients: tuple[str, ...]
    accounts: tuple[str, ...]
    techniques: tuple[str, ...]
    links: tuple[str, ...]
    against: tuple[str, ...]
    forged: tuple[Forged, ...]
    traces: tuple[Trace, ...]
    hosts: tuple[str, ...]
    apps: tuple[App, ...] = ()
    through: frozenset[int] = frozenset()
    entered: tuple[str, ...] = ()
    takings: tuple[Taking, ...] = ()
    marking: str = ""
    spans: tuple[tuple[int, int], ...] = ()
    doubtful: tuple[int, ...] = ()

    @property
    def acts(self) -> list[Act]:
        """Give forged requests and hits together."""
        return [*self.forged, *self.traces]

    @property
    def exploited(self) -> bool:
        """Say whether it came by an exploit: a stolen key opens no server, and an administrator's password is none."""
        return bool(self.forged) or any(one.catalogue not in _NO_EXPLOITS for one in self.traces)


def _link_text(link: Link, clients: Clients, accesses: Accesses) -> str:
    first, second = (clients.clusters[one] for one in (link.first, link.second))
    same = (
        f"the same agent, which {_users(link.ordinary_users)} as an ordinary one"
        if link.same_agent
        else "different agents"
    )
    near = f"the same network, where {link.residents or 'no'} others come by right; " if link.same_network else ""
    return (
        f"{_network(first, accesses)} and {_network(second, accesses)}: {near}{same}; "
        f"{link.shared} of {link.sizes[0]} and {link.sizes[1]} {'mailboxes' if link.mailboxes else 'accounts'} in common; "
        f"together {link.bits:.0f} bits"
    )


def _crowd_text(one: Cluster, accesses: Accesses) -> str:
    """Say what makes a crowd one actor's."""
    tool = "with agents of their owners" if one.agent == ANY_AGENT else f"with {accesses.agents[one.agent]}"
    return (
        f"{_network(one, accesses)}: {len(one.accounts)} accounts come {tool}, each now and then while its owner lives "
        f"elsewhere, at hours that are not its own"
    )


def _relay_text(one: Cluster, accesses: Accesses) -> str:
    """Say what makes a machine inside one that passes logins on."""
    tool = accesses.agents[one.agent].removesuffix(INSIDE)
    return (
        f"{one.relay}, a machine inside, signs in by NTLM as {len(one.accounts)} accounts with {tool}, which none of them "
        "has elsewhere, each now and then while its owner is at a computer of his own: NTLM cannot be delegated, but it "
        "can be passed on"
    )


def _stray_text(one: Cluster, accesses: Accesses) -> str:
    """Say what makes a service's account an intruder's."""
    return (
        f"{accesses.names[one.accounts[0]]} comes with {accesses.agents[one.agent]}, which nobody else has, from outside "
        "while the rounds of that service go on elsewhere"
    )


def _block_text(one: Block, pairs: frozenset[tuple[int, int]], accesses: Accesses) -> str:
    """Say which of an intrusion's clients open the same mailboxes; "" where no two of them do."""
    mine = sorted({accesses.networks[lan] for lan, tool in one.clients if (lan, tool) in pairs})
    if len(mine) < 2:
        return ""
    return f"{', '.join(mine[:BLOCK_NAMES])}{' and more' if len(mine) > BLOCK_NAMES else ''}: {one.told}"


def _by_agent_alone(actor: Actor, clients: Clients, accesses: Accesses) -> tuple[str, ...]:
    """Say what is laid to an actor by an agent alone, on networks on which none of its clients stands out."""
    rows = np.array(actor.ties, np.int64)
    lans = [one.network for one in actor.clusters]
    if ANY_NETWORK in lans:
        return ()
    lan, agent, account = (clients.column(one)[rows] for one in ("network", "agent", "account"))
    out = []
    for tool in sorted({one.agent for one in actor.clusters}):
        mine = (agent == tool) & ~np.isin(lan, lans)
        if mine.any():
            who, where = len(np.unique(account[mine])), len(np.unique(lan[mine]))
            out.append(
                f"{who} account{'s' if who > 1 else ''} on {where} further network{'s' if where > 1 else ''}: by "
                f"{accesses.agents[tool]} alone, which nobody has as an ordinary agent"
            )
    return tuple(out)


def _network(one: Cluster, accesses: Accesses) -> str:
    return "networks that differ" if one.network == ANY_NETWORK else accesses.networks[one.network]


def _users(count: int) -> str:
    return "nobody else has" if count == 0 else f"{count} other account{'s have' if count > 1 else ' has'}"


def _of_actor(actor: Actor, accesses: Accesses, clients: Clients) -> Held | None:
    """Make an intrusion of an actor who signs in with accounts of others."""
    rows = np.array(actor.ties, np.int64)
    account, lan, agent = (clients.column(one)[rows] for one in ("account", "network", "agent"))
    taken, _ = accesses.on_ties(lan, agent, account)
    taken = taken[accesses.ok[taken]]
    # what was refused has no tie: whatever the account
    refused, _ = accesses.on_ties(lan, agent)
    refused = refused[accesses.refused[refused]]
    if not len(taken):
        return None
    pairs = frozenset(zip(lan.tolist(), agent.tolist(), strict=True))
    told = sorted({f"{accesses.networks[one]} {accesses.agents[tool]}" for one, tool in pairs})
    names = sorted({accesses.names[one] for one in account.tolist()})
    many = f"{len(names)} account{'s' if len(names) != 1 else ''}"
    against = [f"{many} behind one client can also be a shared computer, a gateway or a service nobody told of"]
    further = _by_agent_alone(actor, clients, accesses)
    if further:
        against.append("an agent that anybody can have, such as a script's, joins what need not be one actor's")
    crowds = [one for one in actor.clusters if one.ties and not one.relay]
    relays = [one for one in actor.clusters if one.relay]
    beside = [
        each for each in clients.staying for one in crowds if (one.network, one.agent) == (each.network, each.agent)
    ]
    if beside:
        others = sum(len(one.accounts) for one in beside)
        against.append(
            f"{others} others of the house come with the very same client day after day: it may be their app"
        )
    if relays:
        against.append("an application inside that was given its users' passwords would look the same")
    if crowds:
        against.append("a site in another time zone, or people who work at night there, would look the same")
    if len(actor.clusters) == 1:
        against.append(_ONE_CLIENT)
    return Held(
        "",
        utc_from_us(int(accesses.first[taken].min())),
        utc_from_us(int(accesses.last[taken].max())),
        tuple(taken.tolist()),
        tuple(refused.tolist()),
        pairs,
        tuple(told),
        tuple(names),
        (VALID_ACCOUNTS, REMOTE_MAIL, *((RELAYED,) if relays else ())),
        (
            *(_relay_text(one, accesses) for one in relays),
            *(_crowd_text(one, accesses) for one in crowds),
            *(_stray_text(one, accesses) for one in actor.clusters if one.strays),
            *(_link_text(one, clients, accesses) for one in actor.links),
            *further,
            *(text for one in clients.blocks if (text := _block_text(one, pairs, accesses))),
        ),
        tuple(against),
        (),
        (),
        (),
    )


def _of_exploit(exploit: Exploit) -> Held:
    """Make an intrusion of an actor who came by an exploit."""
    instants = exploit.instants
    agents = {one.client: one.agent for one in exploit.forged if one.client}
    clients = tuple(f"{one} {agents.get(one) or ''}".strip() for one in exploit.clients)
    techniques = {found for one in exploit.traces for found in one.techniques}
    if exploit.forged:
        techniques.add(EXPLOIT)
    if any(one.ews for one in exploit.forged):
        techniques.add(REMOTE_MAIL)
    against = []
    inside = sorted({one.client for one in exploit.acts if one.client})
    if not clients and inside:
        against.append(f"only inside addresses are recorded ({', '.join(inside[:5])}): a balancer, or a machine inside")
    elif not clients:
        against.append("no record names the address it came from")
    if exploit.traces and all(one.catalogue == "MB-06" for one in exploit.traces):
        against.append("an administrator who travels, or has begun to work from there, would look the same")
    if any(USED_SAME in one for one in exploit.links):
        against.append("who uses a web shell need not be who put it there: other intruders and scanners look for them")
    used = {one.account for one in exploit.traces if one.account and one.account != "-"}
    # what runs as the system itself used nobody's account
    accounts = tuple(sorted(one for one in used if not _NAMES.is_system(one)))
    return Held(
        "",
        instants[0],
        instants[-1],
        (),
        (),
        frozenset(),
        clients,
        accounts,
        tuple(sorted(techniques)),
        tuple(dict.fromkeys(exploit.links)),
        tuple(against),
        tuple(exploit.forged),
        tuple(exploit.traces),
        exploit.hosts,
    )


def joined(first: Held, second: Held, link: str) -> Held:
    """Put two together that one recorded thing joins; it has no number yet.

    Args:
        first: the one.
        second: the other.
        link: what joins them, in words.
    """
    apps = {app.ids: app for app in (*second.apps, *first.apps)}
    alone = bool(first.clients and second.clients)
    return replace(
        first,
        id="",
        first_utc=min(first.first_utc, second.first_utc),
        last_utc=max(first.last_utc, second.last_utc),
        rows=tuple(sorted({*first.rows, *second.rows})),
        refused=tuple(sorted({*first.refused, *second.refused})),
        pairs=first.pairs | second.pairs,
        clients=tuple(sorted({*first.clients, *second.clients})),
        accounts=tuple(sorted({*first.accounts, *second.accounts})),
        techniques=tuple(sorted({*first.techniques, *second.techniques})),
        links=tuple(dict.fromkeys((*first.links, *second.links, link))),
        against=tuple(
            dict.fromkeys(one for one in (*first.against, *second.against) if not alone or one != _ONE_CLIENT)
        ),
        forged=(*first.forged, *second.forged),
        traces=(*first.traces, *second.traces),
        hosts=tuple(sorted({*first.hosts, *second.hosts})),
        apps=tuple(apps.values()),
        through=first.through | second.through,
        entered=tuple(sorted({*first.entered, *second.entered})),
        doubtful=tuple(sorted({*first.doubtful, *second.doubtful})),
    )


def numbered(found: Iterable[Held]) -> tuple[Held, ...]:
    """Give intrusions with their numbers, in order of their first act."""
    ordered = sorted(found, key=lambda one: (one.first_utc, one.last_utc, one.clients))
    return tuple(replace(one, id=f"I{place}") for place, one in enumerate(ordered, 1))


def _common(one: Held, exploit: Exploit, accesses: Accesses) -> str | None:
    """Give an outside address of the exploit from which the other's sessions came as well."""
    wanted = set(exploit.clients)
    lans = {network(address) for address in wanted}
    if not lans & {accesses.networks[lan] for lan, _ in one.pairs}:
        return None
    seen = set(accesses.rows(one.rows, ("client",))["client"].to_pylist())
    return min(wanted & seen, default=None)


def intrusions_of(
    actors: Sequence[Actor], exploits: Sequence[Exploit], accesses: Accesses, clients: Clients
) -> tuple[Held, ...]:
    """Give all intrusions, numbered in order of their first act."""
    found = [held for one in actors if (held := _of_actor(one, accesses, clients)) is not None]
    for exploit in exploits:
        made = _of_exploit(exploit)
        for place, one in enumerate(found):
            address = _common(one, exploit, accesses)
            if address is not None:
                link = f"the address {address} exploited a server and signed in with accounts"
                found[place] = joined(one, made, link)
                break
        else:
            found.append(made)
    return numbered(found)


def kept_names(held: Sequence[Held], before: Sequence[Held]) -> tuple[Held, ...]:
    """Name intrusions as they were named before something was left out; in order of their names.

    Each takes the name of the one before that it has most sessions and acts in common with. What has none in common with
    any, and what is left where one fell into two, takes the next numbers: no name goes over to another intrusion.
    """
    shared = sorted(
        (-number, old, new)
        for new, one in enumerate(held)
        for old, other in enumerate(before)
        if (number := len(set(one.rows) & set(other.rows)) + len(set(one.acts) & set(other.acts)))
    )
    names: dict[int, int] = {}
    for _, old, new in shared:
        if new not in names and old not in names.values():
            names[new] = old
    further = iter(range(len(before), len(before) + len(held)))
    places = [(names[new] if new in names else next(further), one) for new, one in enumerate(held)]
    return tuple(replace(one, id=f"I{place + 1}") for place, one in sorted(places, key=lambda pair: pair[0]))
