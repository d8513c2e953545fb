"""Accesses with names resolved: every session under one name for its account, its mailbox, its network and its agent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.lexicon import coded
from dwell.model.addresses import is_internal, is_trusted, network, trusted_hops
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.browsers import ACCOUNTS_MIN, FRONT_ENDS, placed
from dwell.scope.identities import Identities
from dwell.scope.rollup.fold import Places, narrow, paired
from dwell.scope.rollup.layers import TABLE_OF
from dwell.scope.rollup.shapes import GROUNDS, JOINED
from dwell.scope.rollup.strongest import strengths
from dwell.scope.words import agent, kind_of

__all__ = ["DAY_US", "INSIDE", "NAMELESS", "Accesses", "Layered"]

DAY_US = 86_400_000_000
INSIDE = " (inside)"
"""Marks an agent seen from an internal address: what is ordinary in the office may be nobody's from outside."""
NAMELESS = {"imap": "IMAP (no agent is logged)", "pop": "POP (no agent is logged)"}
"""Protocols whose logs name no agent: all that can be told of a program there is that it speaks the protocol."""
NO_GROUNDS = GROUNDS.empty_table().append_column("table", pa.array([], pa.string()))
NEAREST = tuple(layer for tier in strengths()["bearer"].tiers for layer in tier)
"""Layers, the nearest to the mailbox first."""
_DOTTED = r"^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$"
_LAST = r"\.[0-9]+$"
Codes = npt.NDArray[np.int64]


OFTEN_ASKED = frozenset({"host", "layer", "table"})
"""Columns of few texts that many questions begin with."""
BATCHES_AT_ONCE = 16
"""After so many data files' sessions what was looked at of them is given back to the disk."""


def _nothing() -> None:
    """Give back nothing: what is held in memory is held."""


@dataclass(frozen=True, slots=True)
class Layered:
    """What one log holds of a session that several logs tell of.

    Attributes:
        layer: the log's layer, one of `rollup.layers`.
        ref: its record of the request that stands for the session, else of the first that it has.
        requests: how many of the session's requests it has.
        sent: bytes it has for them; None where it has none.
    """

    layer: str
    ref: RecordRef
    requests: int
    sent: int | None

    @classmethod
    def told(cls, row: Mapping[str, Any]) -> Layered:
        """Give a row of `rollup.shapes.GROUNDS`."""
        ref = RecordRef(TABLE_OF[row["layer"]], EvidenceId(row["at_evidence_id"]), row["at_record_no"])
        return cls(row["layer"], ref, row["requests"], row["bytes"])


class Accesses:
    """Sessions, column by column, in order of time.

    What every session is asked for is held here as numbers, codes in 32 bits: one number for several of them has to be made
    in 64 (`rollup.fold.paired`, `group`). The rest stays where it was rolled up, and is fetched for the sessions that are
    asked for (`rows`).

    Attributes:
        rolled: the sessions as rolled up, in no order.
        account: name of the acting account per session, as code into `names`.
        mailbox: name of the mailbox acted on, as code into `names`; -1 where no record says which, and the account has none
            of its own.
        names: account and mailbox names.
        network: network per session, as code into `networks`; -1 where the client is unknown.
        networks: networks.
        agent: agent family with major versions, as code into `agents`.
        agents: agents.
        kinds: per agent, the code that stands for its kind: applications that read by REST or Graph are of one.
        nameless: codes of the agents that stand for a protocol whose log names none (`NAMELESS`).
        internal: whether the client is from a private range.
        system: whether the account is the system's own.
        first: start, microseconds since 1970.
        last: end.
        ok: whether the requests were answered with a yes.
        protocol: code into `protocols`.
        protocols: protocols.
        grounds: what each log holds of the sessions that several tell of, rows in `rollup.shapes.GROUNDS`.
    """

    def __init__(
        self,
        table: pa.Table,
        identities: Identities,
        grounds: pa.Table | None = None,
        let_go: Callable[[], None] = _nothing,
    ) -> None:
        """Take sessions as they were rolled up.

        Args:
            table: the sessions, rows in `rollup.shapes.SESSIONS`.
            identities: names.
            grounds: rows in `rollup.shapes.GROUNDS`; None for none.
            let_go: gives back the memory of what was looked at of the table.
        """
        self.rolled = table
        self._let_go = let_go
        self.grounds = NO_GROUNDS if grounds is None else grounds
        self._batches = table.to_batches()
        self._starts = np.cumsum([0, *(one.num_rows for one in self._batches)])
        self._place = order = narrow(_in_time(table))
        self._kept: dict[str, tuple[Places, list[str]]] = {}
        self.first: Codes = table["first_utc"].cast(pa.int64()).to_numpy()[order]
        self.last: Codes = table["last_utc"].cast(pa.int64()).to_numpy()[order]
        outcome = table["outcome"].to_numpy()[order]
        self.ok: npt.NDArray[np.bool_] = outcome == 0
        self.refused: npt.NDArray[np.bool_] = outcome == 1
        self._name(identities)
        spoken, self.protocols = _coded(table["protocol"], order)
        self.protocol: Places = spoken
        client, clients = _coded(table["client"], order)
        networks: dict[str, int] = {}
        lans, inside = _lans(clients, networks)
        self.network: Places = np.append(lans, np.int32(-1))[client]
        self.internal: npt.NDArray[np.bool_] = np.append(inside, False)[client]
        agents: dict[str, int] = {}
        self.agent: Places = self._tools(agents)
        self.nameless = self._name_by_protocol(agents)
        self._place_browsers(client, clients, networks, agents)
        self.networks = list(networks)
        self.agents = list(agents)
        self.kinds: Places = _kinds(self.agents)
        let_go()

    def _name(self, identities: Identities) -> None:
        """Take the names of accounts and mailboxes; a mailbox that no record names is the account's own."""
        names: dict[str, int] = {}
        actor, actors = _coded(self.rolled["actor"], self._place)
        self.account: Places = _labelled(actor, actors, self.first, identities, names)
        system = np.array([*(identities.is_system(one) for one in actors), False])
        self.system: npt.NDArray[np.bool_] = system[actor]
        owner, owners = _coded(self.rolled["mailbox"], self._place)
        self.mailbox: Places = _labelled(owner, owners, self.first, identities, names)
        self.names = list(names)
        bare = np.array([*(identities.has_no_mailbox(one) for one in self.names), True])
        own = np.append(np.arange(len(self.names), dtype=np.int32), np.int32(-1))
        own[bare] = -1
        unsaid = self.mailbox < 0
        self.mailbox[unsaid] = own[self.account[unsaid]]

    def _tools(self, agents: dict[str, int]) -> Places:
        """Give the agent per session, as code into `agents`; seen from inside it is another one than from outside."""
        tool, tools = _coded(self.rolled["agent"], self._place)
        families = [*(agent(one) for one in tools), agent(None)]
        outer = np.array([agents.setdefault(one, len(agents)) for one in families], np.int32)
        inner = np.array([agents.setdefault(f"{one}{INSIDE}", len(agents)) for one in families], np.int32)
        # the code of a tool that is not told is -1: the last place
        return np.where(self.internal, inner[tool], outer[tool])

    def _name_by_protocol(self, agents: dict[str, int]) -> frozenset[int]:
        """Give sessions that no log names an agent of the protocol in its place; give the codes of such agents."""
        out: set[int] = set()
        for place, protocol in enumerate(self.protocols):
            if protocol not in NAMELESS:
                continue
            for tail, there in (("", ~self.internal), (INSIDE, self.internal)):
                none = agents.get(f"{agent(None)}{tail}", -1)
                rows = np.flatnonzero((self.protocol == place) & (self.agent == none) & there)
                if len(rows):
                    code = agents.setdefault(f"{NAMELESS[protocol]}{tail}", len(agents))
                    self.agent[rows] = code
                    out.add(code)
        return frozenset(out)

    def _place_browsers(
        self, client: Places, clients: Sequence[str], networks: dict[str, int], agents: dict[str, int]
    ) -> None:
        """Give a client to the sessions of the OWA server log, which names browsers and no addresses."""
        wanted = self.having("table", "owa") & (self.account >= 0)
        if not wanted.any():
            return
        front = np.any([self.having("table", one) for one in FRONT_ENDS], axis=0)
        # who was refused opened nothing: a storm of wrong passwords must not hide who was let in
        front &= self.ok & (self.protocol == self.protocols.index("owa")) & (self.account >= 0) & (self.network >= 0)
        tall = len(agents) + 1
        codes = paired(self.network, tall, self.agent)
        found, alone = placed(wanted, front, self.account, codes, self.first, self.last)
        taken = found >= 0
        self.network[taken], self.agent[taken] = found[taken] // tall, found[taken] % tall
        self.internal[taken] = np.isin(
            self.agent[taken], [code for one, code in agents.items() if one.endswith(INSIDE)]
        )
        rows = np.flatnonzero(alone & (client >= 0))
        codes, place = np.unique(client[rows], return_inverse=True)
        used = np.unique(np.stack([place, self.account[rows]]), axis=1)[0] if len(rows) else place
        shared = np.bincount(used, minlength=len(codes)) >= ACCOUNTS_MIN
        lans = [networks.setdefault(clients[one], len(networks)) for one in codes.tolist()]
        tools = [agents.setdefault(clients[one], len(agents)) for one in codes[shared].tolist()]
        self.network[rows] = np.array(lans, np.int64)[place]
        own = np.full(len(codes), -1, np.int64)
        own[shared] = tools
        self.agent[rows] = np.where(own[place] >= 0, own[place], self.agent[rows])

    @cached_property
    def within(self) -> npt.NDArray[np.bool_]:
        """Say per network code whether any client was inside there; what follows the last one stands for no network."""
        met = np.zeros(len(self.networks) + 1, np.bool_)
        met[self.network[self.internal]] = True
        met[-1] = False
        return met

    @cached_property
    def inner(self) -> Places:
        """Give per agent the code of the same agent seen from inside; -1 where it was not, and for one from inside."""
        places = {name: place for place, name in enumerate(self.agents)}
        return np.array([places.get(f"{name}{INSIDE}", -1) for name in self.agents] or [-1], np.int64)

    def as_recorded(self, pairs: Iterable[tuple[int, int]]) -> set[tuple[str, str]]:
        """Give networks and agents as records have them, which do not say that a client was inside."""
        return {(self.networks[lan], self.agents[tool].removesuffix(INSIDE)) for lan, tool in pairs}

    def __len__(self) -> int:
        """Give the number of sessions."""
        return len(self.first)

    def on_ties(self, network: Places, agent: Places, account: Places | None = None) -> tuple[Codes, Codes]:
        """Give the sessions of some ties, and for each the place of its tie among those asked for.

        Args:
            network: of each tie; where two are alike, one of them stands for both.
            agent: of each tie.
            account: of each tie; None where any account counts that is known.
        """
        tall, size = len(self.agents) + 1, len(self.names)

        def key(owner: Places | None, lan: Places, tool: Places) -> Codes:
            return paired(lan if owner is None else paired(owner, len(self.networks) + 1, lan), tall, tool)

        # most sessions are on other networks, or of other accounts: these are passed over before any number is made
        there, known = np.zeros(len(self.networks) + 1, np.bool_), np.full(size + 1, account is None)
        there[network] = True
        if account is not None:
            known[account] = True
        there[-1] = known[-1] = False
        rows = np.flatnonzero(there[self.network] & known[self.account])
        wanted = key(account, network, agent)
        order = np.argsort(wanted, kind="stable")
        if not len(order):
            return rows[:0], rows[:0]
        own = key(None if account is None else self.account[rows], self.network[rows], self.agent[rows])
        in_order = np.argsort(own)  # numbers are found in their order much faster than in any other
        place = np.empty(len(own), np.int64)
        place[in_order] = np.minimum(np.searchsorted(wanted[order], own[in_order]), len(order) - 1)
        met = wanted[order][place] == own
        return rows[met], order[place[met]]

    def rows(self, wanted: Sequence[int] | Codes, columns: Sequence[str]) -> pa.Table:
        """Give columns of some sessions as they were rolled up, texts as texts, in the order asked for."""
        places = self._place[np.asarray(wanted, np.int64)]
        order = np.argsort(places, kind="stable")
        ends = np.searchsorted(places[order], self._starts)
        parts = [pa.Table.from_batches([], self.rolled.schema).select(columns)]
        for batch, first, start, end in zip(self._batches, self._starts[:-1], ends[:-1], ends[1:], strict=True):
            if end > start:
                local = pa.array(places[order[start:end]] - first)
                parts.append(pa.Table.from_batches([batch.select(columns).take(local)]))
                if len(parts) % BATCHES_AT_ONCE == 0:
                    self._let_go()
        found = pa.concat_tables([_plain(one) for one in parts]).combine_chunks()
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        self._let_go()
        return found.take(pa.array(back))

    def refs(self, wanted: Sequence[int] | Codes) -> list[RecordRef]:
        """Give the record that stands for each of some sessions."""
        found = self.rows(wanted, ("table", "evidence_id", "record_no"))
        columns = (found[one].to_pylist() for one in found.column_names)
        return [RecordRef(table, EvidenceId(key), number) for table, key, number in zip(*columns, strict=True)]

    def layers_of(self, wanted: Sequence[int] | Codes) -> dict[int, list[Layered]]:
        """Give what each log holds of those among some sessions that several tell of, the nearest to the mailbox first."""
        rows = np.asarray(wanted, np.int64)
        rows = rows[self.having("layer", JOINED)[rows]]
        refs = dict(zip(self.refs(rows), rows.tolist(), strict=True))
        out: dict[int, list[Layered]] = {}
        if not refs:
            return out
        numbers = pa.array(sorted({one.record_no for one in refs}), pa.int64())
        for one in self.grounds.filter(pc.is_in(self.grounds["record_no"], value_set=numbers)).to_pylist():
            row = refs.get(RecordRef(one["table"], EvidenceId(one["evidence_id"]), one["record_no"]))
            if row is not None:
                out.setdefault(row, []).append(Layered.told(one))
        return {row: sorted(found, key=lambda one: NEAREST.index(one.layer)) for row, found in out.items()}

    def refs_in_layers(self, wanted: Sequence[int] | Codes) -> list[RecordRef]:
        """Give the record that stands for each of some sessions, and behind it those that other logs have of it."""
        more = self.layers_of(wanted)
        rows = np.asarray(wanted, np.int64).tolist()
        own = zip(rows, self.refs(wanted), strict=True)
        return [ref for row, first in own for ref in dict.fromkeys((first, *(one.ref for one in more.get(row, ()))))]

    def of_records(self, wanted: Collection[RecordRef]) -> list[int]:
        """Give the sessions for which one of some records stands, or that have it among what other logs tell of them."""
        wanted = self._standing(wanted)
        numbers = pa.array(sorted({one.record_no for one in wanted}), pa.int64())
        met = [
            pc.is_in(one.column("record_no"), value_set=numbers).to_numpy(zero_copy_only=False) for one in self._batches
        ]
        rows = np.flatnonzero(np.concatenate([np.zeros(0, np.bool_), *met])[self._place])
        return [row for row, ref in zip(rows.tolist(), self.refs(rows), strict=True) if ref in wanted]

    def texts(self, column: str) -> tuple[Places, list[str]]:
        """Give a text column as it was rolled up, as codes into its distinct values, -1 for null; neither is to be changed.

        Columns that are asked for again and again are kept, in as few bits as their codes take, with one to spare.
        """
        if column not in self._kept:
            codes, values = _coded(self.rolled[column], self._place, self._let_go)
            if column not in OFTEN_ASKED:
                return codes, values
            self._kept[column] = codes.astype(np.min_scalar_type(-len(values) - 2)), values
        return self._kept[column]

    def numbers(self, column: str) -> Codes:
        """Give an integer column as it was rolled up, -1 for null."""
        found: Codes = pc.fill_null(self.rolled[column], -1).to_numpy()
        self._let_go()
        return found[self._place]

    def _standing(self, wanted: Collection[RecordRef]) -> set[RecordRef]:
        """Give some records, with those that stand for a session that they tell of as well."""
        numbers = pa.array(sorted({one.record_no for one in wanted}), pa.int64())
        told = self.grounds.filter(pc.is_in(self.grounds["at_record_no"], value_set=numbers)).to_pylist()
        return {*wanted} | {
            RecordRef(one["table"], EvidenceId(one["evidence_id"]), one["record_no"])
            for one in told
            if Layered.told(one).ref in wanted
        }

    def having(self, column: str, text: str) -> npt.NDArray[np.bool_]:
        """Say which sessions have a text in a column."""
        if column in OFTEN_ASKED:
            codes, values = self.texts(column)
            return np.asarray(codes == (values.index(text) if text in values else -2))
        parts = [np.zeros(0, np.bool_)]
        for batch in self._batches:
            found = coded(batch.column(column))
            code = pc.index(found.dictionary, text).as_py()
            parts.append(pc.fill_null(found.indices, -1).to_numpy(zero_copy_only=False) == (-2 if code < 0 else code))
        self._let_go()
        met: npt.NDArray[np.bool_] = np.concatenate(parts)[self._place]
        return met


def _kinds(agents: Sequence[str]) -> Places:
    """Give per agent the first agent of its kind."""
    kinds = [kind_of(one) for one in agents]
    first: dict[str, int] = {}
    return np.array([first.setdefault(one, place) for place, one in enumerate(kinds)], np.int32)


def _lans(clients: Sequence[str], networks: dict[str, int]) -> tuple[Places, npt.NDArray[np.bool_]]:
    """Give the network of each client as code into `networks`, -1 where it has none, and whether the client is inside.

    Who came by a hop of our own whose chain is not logged is as little known as who came from inside.
    """
    texts = pa.array(clients, pa.string())
    dotted = pc.match_substring_regex(texts, _DOTTED).to_numpy(zero_copy_only=False)
    others = np.flatnonzero(~dotted).tolist()
    lans = pc.replace_with_mask(
        pc.replace_substring_regex(texts, _LAST, ".0/24"),
        pa.array(~dotted),
        pa.array([network(clients[one]) for one in others], pa.string()),
    ).dictionary_encode()
    names: list[str] = lans.dictionary.to_pylist()
    codes = np.array([networks.setdefault(one, len(networks)) for one in names] + [-1], np.int32)
    # of IPv4 all addresses of a network are internal, or none
    internal = np.array([*(one.endswith("/24") and is_internal(one[: -len("/24")]) for one in names), False])
    places = lans.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    inside = internal[places]
    inside[others] = [is_internal(clients[one]) for one in others]
    if trusted_hops():
        inside |= np.array([is_trusted(one) for one in clients], np.bool_)
    return codes[places], inside


def _plain(table: pa.Table) -> pa.Table:
    columns = [one.cast(one.type.value_type) if pa.types.is_dictionary(one.type) else one for one in table.columns]
    return pa.table(columns, names=table.column_names)


def _in_time(table: pa.Table) -> Codes:
    """Give the order of sessions by start, evidence and record number."""
    first = table["first_utc"].cast(pa.int64()).to_numpy()
    order = np.argsort(first).astype(np.int64)
    again = np.diff(first[order]) == 0
    tied = np.flatnonzero(np.append(again, False) | np.append(False, again))
    if len(tied):
        rows = order[tied]
        column = coded(table["evidence_id"])
        ranks = np.argsort(np.argsort(np.array(column.dictionary.to_pylist() or [""])))
        evidence = ranks[column.indices.to_numpy(zero_copy_only=False)[rows]]
        order[tied] = rows[np.lexsort((rows, table["record_no"].to_numpy()[rows], evidence, first[rows]))]
    return order


def _coded(column: pa.ChunkedArray, order: Places, let_go: Callable[[], None] = _nothing) -> tuple[Places, list[str]]:
    """Give a text column as codes into its distinct values, -1 for null; values in order of first appearance."""
    held = coded(column)
    let_go()
    codes = pc.fill_null(held.indices, -1).to_numpy(zero_copy_only=False)[order]
    met = np.full(len(held.dictionary) + 1, len(codes))
    met[codes[::-1]] = np.arange(len(codes))[::-1]  # of equal places the last one written stays: the first row
    values = np.argsort(met[:-1], kind="stable")[: int((met[:-1] < len(codes)).sum())]
    to = np.full(len(met), -1, np.int32)
    to[values] = np.arange(len(values))
    return to[codes], held.dictionary.take(pa.array(values)).to_pylist()


def _labelled(
    codes: Places, texts: Sequence[str], first: Codes, identities: Identities, names: dict[str, int]
) -> Places:
    """Give the label of each session's name as code into `names`; a name that passed on is whoever's it was then."""
    out = _mapped(codes, [identities.label(one) for one in texts], names)
    for code, text in enumerate(texts):
        steps = identities.labels_over_time(text)
        if steps:
            rows = np.flatnonzero(codes == code)
            held = np.array([names.setdefault(label, len(names)) for _, label in steps])
            since = np.array([at for at, _ in steps])
            out[rows] = held[np.searchsorted(since, first[rows], side="right") - 1]
    return out


def _mapped(codes: Places, values: Sequence[str | None], table: dict[str, int]) -> Places:
    to = np.fromiter(
        (-1 if one is None else table.setdefault(one, len(table)) for one in values), np.int32, len(values)
    )
    return np.append(to, np.int32(-1))[codes]
