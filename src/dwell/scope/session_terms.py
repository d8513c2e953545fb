"""Terms of surprise told from what sessions hold besides network and agent, each in bits, each only where it is told.

Of a *visit* (one tie, over one protocol, on one day) something is known that has a few states: by which method the
account signed in, with which device, whether another's mailbox was opened. How likely that state is for the account is
judged by its visits from all *other* networks in the months around; where these are few, by what its peers do, who share
its department or office in the directory; where these are few too, by what everybody else does. A tie has the mean over
its visits of -log2 of that. The terms:

* `actor`: a mailbox that is not the account's own, where a record names it; * `authentication`: the method; * `device`:
the id of an ActiveSync device; * `sends`: reading without ever sending, moving or deleting, where actions are logged;
* `at-once`: the account is used from another network within half an hour, phones left out; * `server`: a mail server
itself is the client; * `folders`: four folders or more are opened in the order of their names; * `rhythm`: the client
comes at intervals that are equal to the minute.

A term is NaN where nothing held tells it: that is not ordinary, and not 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.store import Archive
from dwell.model.addresses import is_internal, network
from dwell.scope.absences import carried
from dwell.scope.access import DAY_US, INSIDE, Accesses
from dwell.scope.clients import Clients
from dwell.scope.habits import BITS_MAX
from dwell.scope.identities import Identities
from dwell.scope.kin import units_of
from dwell.scope.months import MONTH_DAYS, ROWS_AT_ONCE, Counted, stretches
from dwell.scope.rollup.fold import Places, group, narrow, numbered, ranked
from dwell.scope.rollup.shapes import JOINED
from dwell.scope.server_addresses import server_addresses
from dwell.scope.shared_networks import SHARED_MIN, SHARED_SHARE
from dwell.scope.words import agent

__all__ = [
    "AT_ONCE_US",
    "SESSION_TERMS",
    "UNTOLD",
    "Beside",
    "beside_of",
    "met_elsewhere",
    "peers_of",
    "with_session_terms",
]

SESSION_TERMS = ("actor", "at-once", "authentication", "device", "folders", "rhythm", "sends", "server")
UNTOLD: Mapping[str, str] = {
    "actor": "no record names the mailbox that was opened",
    "at-once": "it is a phone, which people carry along, or the account is hardly seen elsewhere",
    "authentication": "no log of these sessions names the method of signing in",
    "device": "no log of these sessions names a device",
    "folders": "fewer than four folders are named on any day",
    "rhythm": "too few visits to tell an interval by",
    "sends": "no log of these sessions names what was done",
    "server": "no log of these sessions has the addresses of the mail servers",
}
"""Why a term is not told of a tie."""
BACKOFF = 2.0
"""Visits' worth of weight that peers' habits have against the account's own, and everybody's against the peers'."""
AT_ONCE_US = 30 * 60 * 1_000_000
ELSEWHERE_MIN = 10
"""Of an account with fewer sessions from other networks nothing is told of being elsewhere at once."""
LIVED_BITS = 1.5
"""An account lives on a network where it is seen on a third of its days; there it meets whoever else uses it."""
RHYTHM_MIN = 6
"""So many intervals tell whether they are equal."""
PAUSE_US = 10 * 60 * 1_000_000
"""Sessions closer than this are one visit: two logs tell of one request."""
STEADY_US = (600_000_000, 120_000_000, 30_000_000)
"""Intervals whose middle deviation from their middle is at most this are ever more equal."""
FOLDERS_MIN, FOLDERS_MANY = 4, 6
_UNITS = ("Department: ", "Office: ")
_MICROSECONDS = 1_000_000

Codes = npt.NDArray[np.int64]
Bits = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known beside the sessions.

    Attributes:
        units: accounts by the department, office or right that they share (`kin.units_of`).
        servers: addresses of the mail servers themselves.
        folders: folders that records name, rows of `MESSAGES`; None where there are none.
        identities: names.
    """

    units: Mapping[str, Sequence[str]] = field(default_factory=dict)
    servers: frozenset[str] = frozenset()
    folders: pa.Table | None = None
    identities: Identities = field(default_factory=Identities)


def beside_of(archive: Archive, identities: Identities, messages: pa.Table) -> Beside:
    """Give what a case knows beside its sessions.

    Args:
        archive: the archive.
        identities: names.
        messages: messages and folders that records name (`rollup.shapes.MESSAGES`).

    Raises:
        CustodyError: a data file is not what was written.
    """
    folders = messages.filter(pc.is_valid(messages["folder"]))
    return Beside(units_of(archive, identities), server_addresses(archive), folders, identities)


def peers_of(accesses: Accesses, units: Mapping[str, Sequence[str]]) -> Codes:
    """Give each account the number of its peer group: its department, else its office, else itself alone."""
    places = {name: place for place, name in enumerate(accesses.names)}
    out = np.arange(len(accesses.names)) + len(units)
    for kind in reversed(_UNITS):
        for number, (name, members) in enumerate(sorted(units.items())):
            if name.startswith(kind):
                out[[places[one] for one in members if one in places]] = number
    return out


@dataclass(frozen=True, slots=True)
class _Visits:
    """Sessions on ties, and the visits they are part of.

    Attributes:
        rows: the sessions, in order of time.
        tie: the tie of each, as row of the ties.
        of: the visit of each.
        first: a session of each visit, as place among `rows`.
        month: of each visit, 0 for the first one.
    """

    rows: Places
    tie: Places
    of: Places
    first: Places
    month: Places

    def most(self, states: Places) -> Places:
        """Give per visit the largest state of its sessions; -1 where none is known."""
        out = np.full(len(self.first), -1, states.dtype)
        np.maximum.at(out, self.of, states)
        return out

    def least(self, states: Places) -> Places:
        """Give per visit the smallest state that is known of its sessions; -1 where none is."""
        high = int(states.max(initial=0)) + 1
        found = self.most(np.where(states < 0, -1, high - states))
        return np.where(found < 0, -1, high - found)


def _visits(accesses: Accesses, ties: pa.Table, skip: Mask) -> _Visits:
    account, network_, tool = (ties[one].to_numpy() for one in ("account", "network", "agent"))
    rows, tie = (narrow(one) for one in accesses.on_ties(network_, tool, account))
    kept = accesses.ok[rows] & ~skip[rows] & ~accesses.system[rows]
    rows, tie = rows[kept], tie[kept]
    day = narrow(accesses.first[rows] // DAY_US)
    of, first = (narrow(one) for one in numbered(group([tie, accesses.protocol[rows], day])))
    month = day[first] // MONTH_DAYS
    return _Visits(rows, tie, of, first, month - int(month.min(initial=0)))


class _Judge:
    """Says how likely a state of a visit is for its account, and sums up per tie.

    Attributes:
        tie: the tie of each visit.
        protocol: of each visit.
        phone: of each visit, 1 where it is a phone's.
        lived: of each visit, 1 where its account lives on the network.
    """

    def __init__(self, accesses: Accesses, ties: pa.Table, visits: _Visits, peers: Codes) -> None:
        self.size, self.visits = ties.num_rows, visits
        self.account, self.network = (narrow(ties[one].to_numpy()) for one in ("account", "network"))
        self.peers = narrow(peers)
        self.tie: Places = visits.tie[visits.first]
        self.protocol: Places = accesses.protocol[visits.rows[visits.first]].astype(np.int32)
        tool = ties["agent"].to_numpy()[self.tie]
        self.phone: Places = carried(accesses, self.protocol, tool).astype(np.int8)
        self.lived: Places = (ties["network_bits"].to_numpy()[self.tie] <= LIVED_BITS).astype(np.int8)

    def bits(self, state: Places, kind: Places | None = None, *, each: bool = False) -> Bits:
        """Give the mean bits of the ties' visits; NaN where no visit of a tie has a state.

        Args:
            state: per visit; -1 where it is unknown.
            kind: per visit, what states are told apart by; None for nothing.
            each: whether every state can be odd; else 0 is worth nothing, however rare it is.
        """
        known = narrow(np.flatnonzero(state >= 0))
        out = np.full(self.size, np.nan)
        if not len(known):
            return out
        number = np.bincount(self.tie[known], minlength=self.size)
        told = number > 0
        if state[known].min() == state[known].max():
            out[told] = 0.0  # nobody does otherwise: nothing is told apart by it
            return out
        found = np.empty(len(known))
        for near, own in stretches(self.visits.month[known]):
            found[near[own]] = self._visit_bits(known[near], state, kind)[own]
        if not each:
            found[state[known] == 0] = 0.0
        out[told] = np.bincount(self.tie[known], weights=found, minlength=self.size)[told] / number[told]
        return np.round(np.clip(out, 0.0, BITS_MAX), 2)

    def _visit_bits(self, rows: Places, state: Places, kind: Places | None) -> Bits:
        """Give the bits of some visits, by these: all that there are in their months and those beside them."""
        tie, month = self.tie[rows], self.visits.month[rows]
        account = self.account[tie]
        columns = {"account": account, "network": self.network[tie], "peers": self.peers[account], "state": state[rows]}
        columns["kind"] = np.zeros(len(rows), np.int8) if kind is None else kind[rows]
        of, first = numbered(group([*columns.values(), month]))
        counted = Counted(
            {name: column[first] for name, column in columns.items()},
            month[first],
            np.bincount(of).astype(np.float64),
        )
        return _surprise(counted)[of]


def _surprise(counted: Counted) -> Bits:
    """Give per row the bits of its state: for the account elsewhere, backing off to its peers and to everybody."""

    def elsewhere(*more: str) -> tuple[Bits, Bits]:
        """Give visits from other networks, with the same state and with any, that share the columns named."""
        same = counted.around(*more, "kind", "state") - counted.around(*more, "network", "kind", "state")
        return same, counted.around(*more, "kind") - counted.around(*more, "network", "kind")

    own_same, own_all = elsewhere("account")
    peers_same, peers_all = elsewhere("peers")
    whole_same, whole_all = elsewhere()
    chance = (whole_same - peers_same + 0.5) / (whole_all - peers_all + 1.0)
    chance = (peers_same - own_same + BACKOFF * chance) / (peers_all - own_all + BACKOFF)
    return np.asarray(-np.log2((own_same + BACKOFF * chance) / (own_all + BACKOFF)))


def _rarest_last(codes: Places) -> Places:
    """Number states by how often they come, so that of two on one visit the rarer one counts; -1 stays."""
    counts = np.bincount(codes[codes >= 0], minlength=1)
    to = np.empty(len(counts) + 1, np.int32)
    to[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    to[-1] = -1
    return to[codes]


def _actors(accesses: Accesses, rows: Places) -> Places:
    """Say whether a mailbox that a record names is another's."""
    basis, values = accesses.texts("basis")
    named = np.array([*(one != "assumed" for one in values), False])[basis[rows]]
    mailbox = accesses.mailbox[rows]
    return np.where(named & (mailbox >= 0), (mailbox != accesses.account[rows]).astype(np.int8), np.int8(-1))


def _methods(accesses: Accesses, rows: Places) -> Places:
    codes, values = accesses.texts("auth")
    table: dict[str, int] = {}
    plain = np.array([*(table.setdefault(one.strip().lower(), len(table)) for one in values), -1], np.int32)
    return _rarest_last(plain[codes[rows]])


def _devices(accesses: Accesses, rows: Places) -> Places:
    codes, _ = accesses.texts("device")
    return _rarest_last(codes[rows])


def _sends(accesses: Accesses, rows: Places) -> Places:
    """Say whether a session changed nothing; unknown where it did not read either, or no action is logged."""
    read = np.zeros(len(rows), np.bool_)
    for one in ("listed", "read", "synced", "named"):
        read |= accesses.numbers(one)[rows] > 0
    wrote = accesses.numbers("wrote")[rows]
    return np.where(wrote > 0, np.int8(0), np.where((wrote == 0) & read, np.int8(1), np.int8(-1)))


def met_elsewhere(accesses: Accesses, rows: Places, others: Places) -> Mask:
    """Say of sessions whether their account was used from another network within half an hour.

    Args:
        accesses: all sessions.
        rows: the sessions asked about, in order of time.
        others: the sessions that count, in order of time: those of phones do not, which people carry along.
    """
    out = np.zeros(len(rows), np.bool_)
    begun, reach = accesses.first[others], AT_ONCE_US + _MICROSECONDS
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[start : start + ROWS_AT_ONCE]
        low, high = np.searchsorted(begun, accesses.first[part[[0, -1]]] + [-reach, reach])
        out[start : start + ROWS_AT_ONCE] = _met_elsewhere(accesses, part, others[low:high])
    return out


def _met_elsewhere(accesses: Accesses, rows: Places, others: Places) -> Mask:
    asked = len(rows)
    both = np.concatenate([others, rows])
    second = accesses.first[both] // _MICROSECONDS
    second -= int(second.min())
    near = AT_ONCE_US // _MICROSECONDS
    reach = int(second.max()) + 4 * near

    def around(key: Codes) -> Codes:
        """Count, for each session asked about, those with its key that began within half an hour."""
        begun = key * reach + second + near
        held, wanted = np.sort(begun[: len(both) - asked]), begun[len(both) - asked :]
        order = np.argsort(wanted, kind="stable")
        out = np.empty(asked, np.int64)
        after = np.searchsorted(held, wanted[order] + near, side="right")
        out[order] = after - np.searchsorted(held, wanted[order] - near)
        return out

    account = group([accesses.account[both]])
    return np.asarray(around(account) > around(ranked(group([account, accesses.network[both]]))))


def _at_once(accesses: Accesses, ties: pa.Table, visits: _Visits) -> Places:
    rows = visits.rows
    fixed = ~carried(accesses, accesses.protocol[rows], accesses.agent[rows])
    asked = fixed & (ties["elsewhere"].to_numpy()[visits.tie] >= ELSEWHERE_MIN)
    out = np.full(len(rows), -1, np.int8)
    out[asked] = met_elsewhere(accesses, rows[asked], rows[fixed])
    return out


def _on_servers(accesses: Accesses, rows: Places, servers: frozenset[str]) -> Places:
    """Say whether the client is a mail server; unknown of what a back end alone wrote, whose client is the front end."""
    layer, layers = accesses.texts("layer")
    front = np.array([*(one in {"front", JOINED} for one in layers), False])[layer[rows]]
    client, clients = accesses.texts("client")
    own = np.zeros(len(clients) + 1, np.bool_)
    if servers:
        texts = pa.array(clients, pa.string())
        loop = pc.or_(pc.starts_with(texts, "127."), pc.equal(texts, "::1"))
        mine = pc.or_(loop, pc.is_in(texts, value_set=pa.array(sorted(servers), pa.string())))
        own[:-1] = mine.to_numpy(zero_copy_only=False)
    known = front & (client[rows] >= 0) & bool(servers)
    return np.where(known, own[client[rows]].astype(np.int8), np.int8(-1))


def _rhythm(accesses: Accesses, visits: _Visits, size: int) -> Places:
    """Say how equal the intervals of a tie are, 3 for the most equal, at one visit of it; -1 elsewhere, or if few."""
    often = narrow(np.flatnonzero((np.bincount(visits.tie, minlength=size) > RHYTHM_MIN)[visits.tie]))
    order = often[np.argsort(visits.tie[often], kind="stable")]  # sessions are in order of time
    held, gap = visits.tie[order], np.diff(accesses.first[visits.rows[order]])
    kept = (held[1:] == held[:-1]) & (gap >= PAUSE_US)
    tie, gap = held[1:][kept].astype(np.int64), gap[kept]
    number = np.bincount(tie, minlength=size)
    told = np.flatnonzero(number >= RHYTHM_MIN)
    middle = np.zeros(size, np.int64)
    middle[told] = _middles(tie, gap, number)[told]
    spread = _middles(tie, np.abs(gap - middle[tie]), number)
    out = np.full(len(visits.first), -1, np.int8)
    held, stands = np.unique(visits.tie[visits.first], return_index=True)
    out[stands[np.isin(held, told)]] = np.sum([spread[told] <= one for one in STEADY_US], axis=0)
    return out


def _middles(keys: Codes, values: Codes, number: Codes) -> Codes:
    """Give the lower middle value of each key; keys that have none get some value."""
    if not len(keys):
        return np.zeros(len(number), np.int64)
    # keys are in order already: the values of each are sorted, and stay in their places
    high = int(values.max()) + 1
    held = np.sort(keys * high + values) % high if len(number) < 2**62 // high else values[np.lexsort((values, keys))]
    starts = np.cumsum(number) - number
    return np.asarray(held[np.minimum(starts + np.maximum(number - 1, 0) // 2, len(held) - 1)])


def _folders(accesses: Accesses, ties: pa.Table, visits: _Visits, beside: Beside) -> Places:
    """Say whether four folders or more were opened one after the other in order of their names, at a visit of such a day.

    States are 0 out of order, 1 in order, 2 six folders or more in order.
    """
    if beside.folders is None or not beside.folders.num_rows or not ties.num_rows:
        return np.full(len(visits.first), -1, np.int8)
    held = beside.folders
    account, lan, tool = _codes_of(accesses, held, beside.identities)
    size = (len(accesses.networks) + 1, len(accesses.agents) + 1)
    keys = (ties["account"].to_numpy() * size[0] + ties["network"].to_numpy()) * size[1] + ties["agent"].to_numpy()
    wanted = (account * size[0] + lan) * size[1] + tool
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    ok = (np.minimum(np.minimum(account, lan), tool) >= 0) & (keys[place] == wanted)
    when = held["time_utc"].cast(pa.int64()).to_numpy()
    names = held["folder"].combine_chunks().dictionary_encode()
    ranks = np.argsort(np.argsort(np.array(names.dictionary.to_pylist())))
    name = ranks[names.indices.to_numpy()[ok]]
    place, when = place[ok], when[ok]
    # each folder of a day once, when it was first opened
    order = np.lexsort((when, name, when // DAY_US, place))
    place, when, name = place[order], when[order], name[order]
    first = np.append(True, np.diff(group([place, when // DAY_US, name])) != 0)[: len(place)]
    place, when, name = place[first], when[first], name[first]
    order = np.lexsort((when, when // DAY_US, place))
    place, when, name = place[order], when[order], name[order]
    day = ranked(group([place, when // DAY_US]))
    number = np.bincount(day)
    same = np.diff(day) == 0
    step, moved = np.diff(name), np.diff(when) > 0
    size_ = len(number)
    rising, falling = (
        np.bincount(day[1:][same & moved & one], minlength=size_) for one in (step > 0, step < 0)
    )  # fmt: skip
    in_order = np.maximum(rising, falling) == number - 1
    state = np.where(in_order, np.where(number >= FOLDERS_MANY, 2, 1), 0)
    starts = np.cumsum(number) - number
    days = np.flatnonzero(number >= FOLDERS_MIN)
    return _on_day(accesses, visits, place[starts[days]], when[starts[days]] // DAY_US, state[days])


def _on_day(accesses: Accesses, visits: _Visits, tie: Codes, day: Codes, state: Codes) -> Codes:
    """Put a state to a visit of each tie on each day; -1 elsewhere."""
    out = np.full(len(visits.first), -1, np.int64)
    mine = visits.tie[visits.first].astype(np.int64)
    when = accesses.first[visits.rows[visits.first]] // DAY_US
    wide = int(max(when.max(initial=0), day.max(initial=0))) + 1
    keys = mine * wide + when
    order = np.argsort(keys, kind="stable")
    wanted = tie * wide + day
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    met = keys[order][place] == wanted
    out[order[place[met]]] = state[met]
    return out


def _codes_of(accesses: Accesses, held: pa.Table, identities: Identities) -> tuple[Codes, Codes, Codes]:
    """Give account, network and agent of records as the sessions have them; -1 where they have none such."""
    names, lans, tools = (
        {one: place for place, one in enumerate(each)} for each in (accesses.names, accesses.networks, accesses.agents)
    )

    def codes(column: str) -> tuple[Codes, list[str]]:
        found = held[column].combine_chunks().dictionary_encode()
        return found.indices.fill_null(-1).to_numpy().astype(np.int64), found.dictionary.to_pylist()

    def put(codes: Codes, values: Sequence[int]) -> Codes:
        return np.array([*values, -1], np.int64)[codes]

    actor, actors = codes("actor")
    client, clients = codes("client")
    tool, told = codes("agent")
    lan = put(client, [lans.get(network(one) or "", -1) for one in clients])
    inside = np.array([*(is_internal(one) for one in clients), False])[client]
    families = [agent(one) for one in told]
    plain, inner = (put(tool, [tools.get(f"{one}{tail}", -1) for one in families]) for tail in ("", INSIDE))
    return (
        put(actor, [names.get(identities.label(one) or "", -1) for one in actors]),
        lan,
        np.where(inside, inner, plain),
    )


def with_session_terms(clients: Clients, accesses: Accesses, skip: Mask, beside: Beside) -> Clients:
    """Put to each tie what its sessions tell: every term in bits, to two digits, NaN where nothing held tells it.

    A tie of which a mail server itself is the client is ranked too, though its network is shared, unless so many accounts
    come from there that it stands for all of them.

    Args:
        clients: the ties (`habits.TIES`).
        accesses: all sessions.
        skip: sessions that were left out of the ties: those of services.
        beside: what is known beside the sessions.
    """
    ties = clients.ties
    visits = _visits(accesses, ties, skip)
    judge = _Judge(accesses, ties, visits, peers_of(accesses, beside.units))
    rows = visits.rows
    from_server = visits.most(_on_servers(accesses, rows, beside.servers))
    terms = {
        "actor": judge.bits(visits.most(_actors(accesses, rows))),
        "at-once": judge.bits(visits.most(_at_once(accesses, ties, visits)), judge.lived),
        "authentication": judge.bits(visits.most(_methods(accesses, rows)), judge.protocol, each=True),
        "device": judge.bits(visits.most(_devices(accesses, rows)), judge.protocol, each=True),
        "folders": judge.bits(_folders(accesses, ties, visits, beside)),
        "rhythm": judge.bits(_rhythm(accesses, visits, ties.num_rows), judge.phone),
        "sends": judge.bits(visits.least(_sends(accesses, rows)), judge.protocol),
        "server": judge.bits(from_server),
    }
    return replace(clients, further=terms, on_servers=_ranked_on_servers(clients, judge.tie[from_server > 0]))


def _ranked_on_servers(clients: Clients, tie: Codes) -> Mask:
    """Say of each tie whether a mail server is its client, unless a great part of all accounts come from there."""
    out = np.zeros(clients.ties.num_rows, np.bool_)
    out[tie] = True
    account = clients.column("account")
    few = len(np.unique(account[out])) < max(SHARED_MIN, SHARED_SHARE * len(np.unique(account)))
    return out if few else np.zeros(len(out), np.bool_)
