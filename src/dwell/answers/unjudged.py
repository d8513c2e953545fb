"""What is not judged, and so bears no negative: mailboxes opened from outside by what is taken for the house's work.

A service's rounds are not judged, nor is what the system's own accounts do. From inside that is the house's work. From
outside it may be as well, a hired archive or a migration; but nothing in the logs says so, and whoever stole such an
account looks the same. So such a mailbox is not without a sign until a person says that the account is a service. Nor is
one that several accounts' common client opens, each of them there day after day with an agent it has nowhere else: that is
a branch office or a new app, or an intruder who comes every day. Nor is one that a device opened which opened others too,
nor one that was read by an application to which its owner consented, and which is laid to nobody.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.answers.phrases import count
from dwell.model.addresses import address, network
from dwell.scope.access import DAY_US, INSIDE
from dwell.scope.app_use import doubtful_reads
from dwell.scope.apps import AppRead
from dwell.scope.clients import ACCOUNTS_MIN, FOREIGN_BITS, Clients
from dwell.scope.crowds import HOUR_BITS_MIN
from dwell.scope.investigation import Investigation
from dwell.scope.rollup.fold import paired, ranked, users_of
from dwell.scope.settled import LATE_DAYS_MIN, at_own_hours, carried_about
from dwell.scope.words import agent, app_of

__all__ = ["computers_elsewhere", "networks_not_judged", "opened_unjudged"]

Codes = npt.NDArray[np.int64]

NETWORKS_MAX = 5
NIGHTS_MIN = 3
"""Of a night or two nothing is said: people work late."""
_COMPUTER = r"\$(?:@.*)?$"


def opened_unjudged(case: Investigation) -> dict[str, tuple[str, ...]]:
    """Say of the mailboxes that were opened from outside by what is not judged, by whom and from where."""
    accesses, ours = case.accesses, case.marked.ours
    others = accesses.ok & ~accesses.internal & (accesses.network >= 0) & (accesses.mailbox >= 0)
    others &= accesses.mailbox != accesses.account
    # where a great part of the house is, is as good as inside
    others &= ~np.isin(accesses.network, np.array(case.clients.shared, np.int64))
    if len(ours):
        others &= ~ours
    told: dict[str, dict[str, None]] = {}
    for rows, why in (
        (np.flatnonzero(others & case.served & (accesses.account >= 0)), _ROUNDS),
        (np.flatnonzero(others & accesses.system), _SYSTEM),
    ):
        if not len(rows):
            continue
        places = paired(accesses.mailbox[rows], len(accesses.networks) + 1, accesses.network[rows])
        codes = paired(places, len(accesses.names) + 1, accesses.account[rows])
        first = rows[np.unique(codes, return_index=True)[1]]
        actors = accesses.rows(first, ("actor",))["actor"].to_pylist()
        for row, actor in zip(first.tolist(), actors, strict=True):
            account = int(accesses.account[row])
            name = accesses.names[account] if account >= 0 else actor
            text = why.format(name=name, network=accesses.networks[int(accesses.network[row])])
            told.setdefault(accesses.names[int(accesses.mailbox[row])], {})[text] = None
    for name, text in (*_staying(case), *_out_of_place(case), *_devices(case), *_applications(case)):
        told.setdefault(name, {})[text] = None
    return {name: tuple(sorted(texts)) for name, texts in told.items()}


def _staying(case: Investigation) -> Iterator[tuple[str, str]]:
    """Yield the mailboxes that clients opened of whom it is open whether they are people who live there, with why."""
    accesses, ours = case.accesses, case.marked.ours
    for one in case.clients.staying:
        accounts = np.array(one.accounts, np.int64)
        rows, _ = accesses.on_ties(np.full(len(accounts), one.network), np.full(len(accounts), one.agent), accounts)
        rows = rows[accesses.ok[rows] & (accesses.mailbox[rows] >= 0)]
        rows = rows[~ours[rows]] if len(ours) else rows
        text = _STAYING.format(
            count=len(accounts), network=accesses.networks[one.network], agent=accesses.agents[one.agent]
        )
        for mailbox in np.unique(accesses.mailbox[rows]).tolist():
            yield accesses.names[mailbox], text


def _out_of_place(case: Investigation) -> Iterator[tuple[str, str]]:
    """Yield the mailboxes opened from where many are, by an agent that is hardly anybody's, with why.

    There nobody is judged by his agent alone; nor are a few behind one client for some days. Who comes on several days at
    night besides, or has that agent in common with others who are there with nothing else, is no ground for an intrusion,
    and none for a mailbox without a sign.
    """
    accesses, clients = case.accesses, case.clients
    crowded = np.zeros(len(accesses.networks) + 1, np.bool_)
    crowded[[*clients.shared, *(one.network for one in clients.neighbours)]] = True
    network, agent, account = (clients.column(one) for one in ("network", "agent", "account"))
    many = crowded[network] | (clients.foreign >= ACCOUNTS_MIN)
    odd = many & ~accesses.within[network] & (clients.bits("agent") >= FOREIGN_BITS)
    odd &= clients.column("days") >= NIGHTS_MIN
    own = clients.ordinary
    odd &= users_of(agent[own], account[own], len(accesses.agents))[agent] < ACCOUNTS_MIN
    # what most of those have who come there, such as Outlook in an office, is of that place
    client = ranked(paired(network, len(accesses.agents) + 1, agent))
    both = users_of(client, account, len(client) + 1)[client], users_of(network, account, len(crowded))[network]
    odd &= ~crowded[network] | (2 * both[0] <= both[1])
    night = ~at_own_hours(clients.ties, HOUR_BITS_MIN)
    strangers = crowded[network] & ~_belongs(clients, len(accesses.networks) + 1)
    # where most are there with nothing else, that is the place
    few = 2 * users_of(network[strangers], account[strangers], len(crowded))[network] <= both[1]
    alone = odd & strangers & few
    alone &= users_of(client[alone], account[alone], len(client) + 1)[client] >= ACCOUNTS_MIN
    rows = np.flatnonzero(odd & (night | alone))
    # a phone is where many are, whenever its owner is awake
    rows = np.setdiff1d(rows, carried_about(accesses, clients.ties, rows[crowded[network[rows]]]))
    for tie, mailbox in _opened_by(case, rows):
        told = _NIGHT if night[tie] else _ALONE
        text = told.format(network=accesses.networks[network[tie]], agent=accesses.agents[agent[tie]])
        yield accesses.names[mailbox], text


def _belongs(clients: Clients, wide: int) -> npt.NDArray[np.bool_]:
    """Say of each tie whether its account is on that network with an agent of its own as well."""
    place = paired(clients.column("account"), wide, clients.column("network"))
    return np.isin(place, place[clients.ordinary & (clients.column("days") >= LATE_DAYS_MIN)])


def _opened_by(case: Investigation, ties: Codes) -> Iterator[tuple[int, int]]:
    """Yield some ties with each mailbox that was opened by them and that nobody calls ours."""
    accesses, clients = case.accesses, case.clients
    rows, place = accesses.on_ties(*(clients.column(one)[ties] for one in ("network", "agent", "account")))
    usable = accesses.ok[rows] & (accesses.mailbox[rows] >= 0)
    usable &= ~case.marked.ours[rows] if len(case.marked.ours) else True
    rows, place = rows[usable], ties[place[usable]]
    _, first = np.unique(paired(place, len(accesses.names) + 1, accesses.mailbox[rows]), return_index=True)
    for at in first.tolist():
        yield int(place[at]), int(accesses.mailbox[rows[at]])


def _devices(case: Investigation) -> Iterator[tuple[str, str]]:
    """Yield the mailboxes that one device opened beside others, with why: its id is the same however it calls itself.

    A device that was seen inside only, on a day or two, is not asked for: administrators test phones so.
    """
    accesses, ours = case.accesses, case.marked.ours
    device, ids = accesses.texts("device")
    known = accesses.ok & (device >= 0) & (accesses.mailbox >= 0) & ~accesses.system
    far = np.zeros(len(ids) + 1, np.bool_)
    far[device[known & ~accesses.internal]] = True
    held = np.flatnonzero(known)
    days = np.unique(np.stack([device[held].astype(np.int64), accesses.first[held] // DAY_US]), axis=1)[0]
    far[:-1] |= np.bincount(days, minlength=len(ids)) >= NIGHTS_MIN
    known &= far[device]
    rows = np.flatnonzero(known & ~ours if len(ours) else known)
    pairs = np.unique(paired(device[rows], len(accesses.names) + 1, accesses.mailbox[rows]))
    of, mailbox = np.divmod(pairs, len(accesses.names) + 1)
    opened = np.bincount(of, minlength=len(ids))
    for one, name in zip(of.tolist(), mailbox.tolist(), strict=True):
        if opened[one] >= ACCOUNTS_MIN:
            yield accesses.names[name], _DEVICE.format(id=ids[one], count=int(opened[one]))


def _applications(case: Investigation) -> Iterator[tuple[str, str]]:
    """Yield the mailboxes read by applications that are laid to nobody and that nobody says are the house's, with why."""
    tied = {app.ids for held in case.held for app in held.apps}
    ours = _ours(case)
    for app in case.apps:
        if app.ids in tied:
            continue
        found, consented = doubtful_reads(app, case.identities)
        by = _CONSENTED.format(owners=count(consented, "owner")) if consented else _LET_IN
        named = sorted({one for read in app.reads if (one := app_of(agent(read.agent)))} & app.ids)
        word = _SETTING.format(id=named[0]) if named else _MARKING
        text = _APPLICATION.format(name=app.name, by=by, word=word)
        for mailbox, reads in found.items():
            if any(_key(one) not in ours for one in reads):
                yield mailbox, text


def _key(read: AppRead) -> tuple[str | None, str | None, str]:
    return read.account, network(read.client), agent(read.agent)


def _ours(case: Investigation) -> set[tuple[str | None, str | None, str]]:
    """Give account, network and agent of those of which all answered sessions are called ours."""
    accesses, ours = case.accesses, case.marked.ours
    if not len(ours):
        return set()
    known = accesses.ok & (accesses.account >= 0)
    wide, tall = len(accesses.networks) + 2, len(accesses.agents) + 1
    codes = paired(paired(accesses.account, wide, accesses.network + 1), tall, accesses.agent)
    mine = np.setdiff1d(codes[known & ours], codes[known & ~ours])
    lans = [None, *accesses.networks]
    return {
        (
            accesses.names[one // (wide * tall)],
            lans[one // tall % wide],
            accesses.agents[one % tall].removesuffix(INSIDE),
        )
        for one in mine.tolist()
    }


_APPLICATION = (
    "the application {name} read it, {by}, and is laid to no intrusion: whether it is wanted is in no record; {word} says "
    "that it is the house's"
)
_SETTING, _MARKING = "`dwell settings set service {id}`", "a marking of its client as `ours`"
_CONSENTED = "to which {owners} of mailboxes that it read consented"
_LET_IN = "which was given rights or a secret, beside any rounds that it makes"
_DEVICE = "one device, {id}, opened {count} mailboxes: whose it is no log says"
_STAYING = (
    "{count} accounts come from {network} with {agent} day after day, and have that agent nowhere else: people who live "
    "there, a new app of the house, or an intruder who comes every day; `dwell settings set network` says that it is the "
    "house's"
)
_NIGHT = (
    "it was opened from {network}, where several of the house are, with {agent}, which its account has nowhere else, at "
    "hours that are not the account's own: too little for an intrusion, too much for no sign"
)
_ALONE = (
    "it was opened from {network}, where several of the house are, with {agent}, as others were whose accounts have it "
    "nowhere else and are there with nothing else: too little for an intrusion, too much for no sign"
)
_ROUNDS = (
    "{name} opened it from {network}, outside, and is taken for a service by its rounds alone: `dwell settings set service "
    "{name}` says that it is one"
)
_SYSTEM = (
    "{name}, whose name is of the kind that the system gives to its own accounts, opened it from {network}, outside"
)


def computers_elsewhere(case: Investigation) -> str:
    """Name the computers whose accounts were let in to mail from inside addresses that no log names as a mail server's.

    A mail server asks another one so, all day, from an address that its own IIS log would name; and so does whoever
    passes a computer's login on. "" for none.
    """
    accesses = case.accesses
    rows = np.flatnonzero(accesses.ok & accesses.system & accesses.internal)
    if not len(rows):
        return ""
    told = accesses.rows(rows, ("actor", "client"))
    actors, clients = (told[one].cast(pa.string()) for one in ("actor", "client"))
    named = pc.fill_null(pc.match_substring_regex(actors, _COMPUTER), False)  # noqa: FBT003 - Arrow's own order
    own = pc.is_in(clients, value_set=pa.array(sorted(case.server_addresses), pa.string()))
    far = pc.and_(named, pc.and_(pc.is_valid(clients), pc.invert(own)))
    pairs = pa.table({"actor": actors, "client": clients}).filter(far).group_by(["actor", "client"]).aggregate([])
    found = sorted(f"{one['actor']} from {one['client']}" for one in pairs.to_pylist() if address(one["client"]))
    if not found:
        return ""
    more = f" and {len(found) - NETWORKS_MAX} more" if len(found) > NETWORKS_MAX else ""
    return (
        "accounts of computers were let in to mail, and were not judged, from inside addresses that no log names as a mail "
        f"server's: {', '.join(found[:NETWORKS_MAX])}{more}; a mail server's own account may open any mailbox, and its "
        "login can be passed on"
    )


def networks_not_judged(case: Investigation) -> str:
    """Name the outside networks in which a great part of all accounts are, so that nobody stands out; "" for none."""
    accesses = case.accesses
    found = sorted(accesses.networks[one] for one in case.clients.shared if not accesses.within[one])
    if not found:
        return ""
    more = f" and {len(found) - NETWORKS_MAX} more" if len(found) > NETWORKS_MAX else ""
    where = f"{', '.join(found[:NETWORKS_MAX])}{more}"
    return f"clients in {where} are not judged by their agents, as a great part of all accounts are there"
