"""Accesses with names resolved: every session under one name for its account, its mailbox, its network and its agent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.addresses import is_internal, is_trusted, network
from dwell.scope.browsers import ACCOUNTS_MIN, FRONT_ENDS, placed
from dwell.scope.identities import Identities
from dwell.scope.rollup.shapes import ACTS
from dwell.scope.words import agent

__all__ = ["DAY_US", "INSIDE", "Accesses"]

DAY_US = 86_400_000_000
INSIDE = " (inside)"
"""Marks an agent seen from an internal address: what is ordinary in the office may be nobody's from outside."""
Codes = npt.NDArray[np.int64]


class Accesses:
    """Sessions, column by column, in order of time.

    Attributes:
        table: the sessions as rolled up.
        account: name of the acting account per session, as code into `names`.
        mailbox: name of the mailbox acted on, as code into `names`; -1 where no record says which, and the account has none
            of its own.
        names: account and mailbox names.
        network: network per session, as code into `networks`; -1 where the client is unknown.
        networks: networks.
        agent: agent family with major versions, as code into `agents`.
        agents: agents.
        internal: whether the client is from a private range.
        system: whether the account is the system's own.
        first: start, microseconds since 1970.
        last: end.
        ok: whether the requests were answered with a yes.
        protocol: code into `protocols`.
        protocols: protocols.
        acts: per act, how many requests.
    """

    def __init__(self, table: pa.Table, identities: Identities) -> None:
        order = np.lexsort(
            (
                table["record_no"].to_numpy(),
                _ranks(table["evidence_id"]),
                table["first_utc"].cast(pa.int64()).to_numpy(),
            )
        )
        table = table.take(pa.array(order))
        self.table = table
        actor, actors = _coded(table["actor"])
        owner, owners = _coded(table["mailbox"])
        names: dict[str, int] = {}
        first: Codes = table["first_utc"].cast(pa.int64()).to_numpy()
        account = _labelled(actor, actors, first, identities, names)
        stated = _labelled(owner, owners, first, identities, names)
        self.account: Codes = account
        self.names = list(names)
        bare = np.array([identities.has_no_mailbox(one) for one in self.names] or [False])
        assumed = np.where((account >= 0) & bare[np.maximum(account, 0)], -1, account)
        self.mailbox: Codes = np.where(stated >= 0, stated, assumed)
        system = np.array([identities.is_system(one) for one in actors] or [False])
        self.system: npt.NDArray[np.bool_] = system[np.maximum(actor, 0)] & (actor >= 0)
        client, clients = _coded(table["client"])
        networks: dict[str, int] = {}
        self.network: Codes = _mapped(client, [network(one) for one in clients], networks)
        # who came by a hop of our own whose chain is not logged is as little known as who came from inside
        inside = np.array([is_internal(one) or is_trusted(one) for one in clients] or [False])
        self.internal: npt.NDArray[np.bool_] = inside[np.maximum(client, 0)] & (client >= 0)
        tool, tools = _coded(table["agent"])
        agents: dict[str, int] = {}
        families = [*(agent(one) for one in tools), agent(None)]
        outer = _mapped(np.where(tool < 0, len(tools), tool), families, agents)
        inner = _mapped(np.where(tool < 0, len(tools), tool), [f"{one}{INSIDE}" for one in families], agents)
        self.agent: Codes = np.where(self.internal, inner, outer)
        spoken, self.protocols = _coded(table["protocol"])
        self.protocol: Codes = spoken
        self.first = first
        self.last: Codes = table["last_utc"].cast(pa.int64()).to_numpy()
        self.ok: npt.NDArray[np.bool_] = table["outcome"].to_numpy() == 0
        self.refused: npt.NDArray[np.bool_] = table["outcome"].to_numpy() == 1
        self.acts: dict[str, Codes] = {one: table[one].to_numpy() for one in ACTS}
        self._place_browsers(client, clients, networks, agents)
        self.networks = list(networks)
        self.agents = list(agents)

    def _place_browsers(
        self, client: Codes, clients: Sequence[str], networks: dict[str, int], agents: dict[str, int]
    ) -> None:
        """Give a client to the sessions of the OWA server log, which names browsers and no addresses."""
        tables = self.table["table"]
        wanted = pc.equal(tables, "owa").to_numpy().astype(np.bool_) & (self.account >= 0)
        if not wanted.any():
            return
        front = pc.is_in(tables, value_set=pa.array(FRONT_ENDS)).to_numpy().astype(np.bool_)
        # who was refused opened nothing: a storm of wrong passwords must not hide who was let in
        front &= self.ok & (self.protocol == self.protocols.index("owa")) & (self.account >= 0) & (self.network >= 0)
        tall = len(agents) + 1
        found, alone = placed(wanted, front, self.account, self.network * tall + self.agent, self.first, self.last)
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

    def __len__(self) -> int:
        """Give the number of sessions."""
        return len(self.first)


def _ranks(column: pa.ChunkedArray) -> Codes:
    """Give the alphabetical rank of each text."""
    codes, values = _coded(column)
    ranks = np.argsort(np.argsort(np.array([one or "" for one in values] or [""])))
    return np.asarray(ranks[np.maximum(codes, 0)], np.int64)


def _coded(column: pa.ChunkedArray) -> tuple[Codes, list[str]]:
    """Give a text column as codes into its distinct values, -1 for null; values in order of first appearance."""
    one = column.combine_chunks()
    encoded = (pa.concat_arrays(one.chunks) if isinstance(one, pa.ChunkedArray) else one).dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, encoded.dictionary.to_pylist()


def _labelled(codes: Codes, texts: Sequence[str], first: Codes, identities: Identities, names: dict[str, int]) -> Codes:
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


def _mapped(codes: Codes, values: Sequence[str | None], table: dict[str, int]) -> Codes:
    to = np.fromiter(
        (-1 if one is None else table.setdefault(one, len(table)) for one in values), np.int64, len(values)
    )
    if not len(to):
        return np.full(len(codes), -1, np.int64)
    return np.where(codes < 0, -1, to[np.maximum(codes, 0)])
