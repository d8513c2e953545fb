"""How surprising it is that an account was used from a network: each term in bits, against what the account does elsewhere.

A *visit* is one account on one network with one agent over one protocol on one day. For a visit, the agent's term is
-log2 of how likely that agent is for that account over that protocol, judged by its visits from all *other* networks in
the months around, and where those are few by what everybody else uses then. So a known browser in a strange hotel is no
surprise; a browser the owner never had, in a network the owner never used, is. The terms:

* `agent`: as above; * `protocol`: the same for the protocol; * `hour`: hour and weekend against the account's rhythm;
* `network`: how rarely the account is seen there.

Everything runs over visits, not over records, in DuckDB.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.scope.access import DAY_US, Accesses

__all__ = ["TERMS", "Pair", "Pairs", "pairs", "service_accounts"]

TERMS = ("agent", "hour", "network", "protocol")
BACKOFF = 2.0
"""Visits' worth of weight that everybody else's habits have against the account's own."""
HOUR_BACKOFF = 10.0
BITS_MAX = 16.0
SERVICE_SHARE = 0.2
SERVICE_MIN = 10


def service_accounts(accesses: Accesses) -> dict[int, int]:
    """Give accounts that open a great part of all mailboxes though they are not theirs, and how many each opens.

    An archive, a backup, a mobile gateway: their work looks like collection and is not judged by an owner's habits. They
    are told to the reader, who can say whether they are known.
    """
    other = (accesses.account >= 0) & (accesses.mailbox != accesses.account) & accesses.ok
    pair = np.unique(accesses.account[other] * (len(accesses.names) + 1) + accesses.mailbox[other])
    owners, counts = np.unique(pair // (len(accesses.names) + 1), return_counts=True)
    limit = max(SERVICE_MIN, SERVICE_SHARE * len(np.unique(accesses.mailbox[accesses.ok])))
    return {int(one): int(count) for one, count in zip(owners, counts, strict=True) if count >= limit}


@dataclass(frozen=True, slots=True)
class Pair:
    """One account on one network.

    Attributes:
        account: code of the account.
        network: code of the network.
        visits: how many visits.
        days: on how many days.
        first_us: first session's start.
        last_us: last session's end.
        agent: code of the agent most used there.
        agent_share: share of the visits there that used it.
        elsewhere: visits of the account from other networks in the months around.
        terms: bits by term, in the order of `TERMS`.
    """

    account: int
    network: int
    visits: int
    days: int
    first_us: int
    last_us: int
    agent: int
    agent_share: float
    elsewhere: int
    terms: tuple[float, ...]

    @property
    def bits(self) -> float:
        """Give the sum of the terms."""
        return sum(self.terms)


@dataclass(frozen=True, slots=True)
class Pairs:
    """All pairs, by account and network."""

    items: dict[tuple[int, int], Pair]


_SQL = """
create temp table counted as
  select account, network, protocol, agent, day // 30 as month, count(*)::double as n from visit group by all;
create temp table around as
  select account, network, protocol, agent, month + shift as month, sum(n) as n
  from counted, (values (-1), (0), (1)) as shifts(shift) group by all;
create temp table by_account as
  select account, protocol, agent, month, sum(n) as n from around group by all;
create temp table by_account_all as
  select account, protocol, month, sum(n) as n from by_account group by all;
create temp table by_account_any as
  select account, month, sum(n) as n from by_account_all group by all;
create temp table here_all as
  select account, network, protocol, month, sum(n) as n from around group by all;
create temp table here_any as
  select account, network, month, sum(n) as n from here_all group by all;
create temp table by_network as
  select network, protocol, agent, month, sum(n) as n from around group by all;
create temp table by_network_all as
  select network, protocol, month, sum(n) as n from by_network group by all;
create temp table estate as
  select protocol, agent, month, sum(n) as n from around group by all;
create temp table estate_all as
  select protocol, month, sum(n) as n from estate group by all;
create temp table estate_any as
  select month, sum(n) as n from estate_all group by all;
create temp table judged as
  select c.account, c.network, c.agent, c.n as weight,
    a.n - h.n as same_own, aa.n - ha.n as all_own, aany.n - hany.n as any_own,
    e.n - a.n - bn.n + h.n as same_others, ea.n - aa.n - bna.n + ha.n as all_others,
    ea.n - aa.n as protocol_others, eany.n - aany.n as any_others
  from counted c
  join around h using (account, network, protocol, agent, month)
  join here_all ha using (account, network, protocol, month)
  join here_any hany using (account, network, month)
  join by_account a using (account, protocol, agent, month)
  join by_account_all aa using (account, protocol, month)
  join by_account_any aany using (account, month)
  join by_network bn using (network, protocol, agent, month)
  join by_network_all bna using (network, protocol, month)
  join estate e using (protocol, agent, month)
  join estate_all ea using (protocol, month)
  join estate_any eany using (month);
create temp table scored as
  select account, network, agent, weight, any_own,
    -log2((same_own + $k * (same_others + 0.5) / (all_others + 1)) / (all_own + $k)) as agent_bits,
    -log2((all_own + $k * (protocol_others + 0.5) / (any_others + 1)) / (any_own + $k)) as protocol_bits
  from judged;
create temp table favourite as
  select account, network, agent, sum(weight) as n,
    row_number() over (partition by account, network order by sum(weight) desc, agent) as place
  from scored group by account, network, agent;
create temp table summed as
  select account, network, sum(weight) as visits, max(any_own) as elsewhere,
    sum(weight * agent_bits) / sum(weight) as agent_bits,
    sum(weight * protocol_bits) / sum(weight) as protocol_bits
  from scored group by account, network;
create temp table rhythm as
  select account, slot, count(*)::double as n from visit group by all;
create temp table rhythm_all as select account, sum(n) as n from rhythm group by all;
create temp table house as select slot, sum(n) as n from rhythm group by all;
create temp table hours as
  select v.account, v.network, avg(greatest(0.0, least(6.0, -log2(168.0 / s.width *
      (coalesce(r.n, 0) - 1 + $h * ho.n / (select sum(n) from house)) / (ra.n - 1 + $h))))) as hour_bits
  from visit v
  join rhythm r using (account, slot) join rhythm_all ra using (account) join house ho using (slot)
  join (select slot, case when slot < 24 then 5.0 else 2.0 end as width from house) s using (slot)
  group by v.account, v.network;
create temp table span as
  select account, network, count(distinct day) as days, min(first) as first, max(last) as last
  from visit group by all;
create temp table lived as select account, count(distinct day) as days from visit group by all;
"""
_RESULT = """
select s.account, s.network, s.visits::bigint as visits, sp.days, sp.first, sp.last, f.agent, f.n / s.visits as share,
  s.elsewhere::bigint as elsewhere, s.agent_bits, h.hour_bits,
  -log2((sp.days + 1.0) / (l.days + 2.0)) as network_bits, s.protocol_bits
from summed s
join favourite f on f.account = s.account and f.network = s.network and f.place = 1
join hours h on h.account = s.account and h.network = s.network
join span sp on sp.account = s.account and sp.network = s.network
join lived l on l.account = s.account
order by s.account, s.network
"""


def _visits(accesses: Accesses, skip: npt.NDArray[np.bool_]) -> pa.Table:
    """Give one row per visit, from the sessions that count."""
    kept = accesses.ok & (accesses.account >= 0) & (accesses.network >= 0) & ~accesses.system & ~skip
    rows = np.flatnonzero(kept)
    day = accesses.first[rows] // DAY_US
    hour = accesses.first[rows] // 3_600_000_000 % 24
    weekend = (day + 3) % 7 >= 5
    keys = np.stack(
        [accesses.account[rows], accesses.network[rows], accesses.protocol[rows], accesses.agent[rows], day]
    )
    distinct, place, inverse = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    last = np.full(distinct.shape[1], -1, np.int64)
    np.maximum.at(last, inverse.ravel(), accesses.last[rows])
    slot = hour + np.where(weekend, 24, 0)
    return pa.table(
        {
            "account": distinct[0],
            "network": distinct[1],
            "protocol": distinct[2],
            "agent": distinct[3],
            "day": distinct[4],
            "slot": slot[place],
            "first": accesses.first[rows][place],
            "last": last,
        }
    )


def pairs(accesses: Accesses, skip: npt.NDArray[np.bool_]) -> Pairs:
    """Score every account on every network.

    Args:
        accesses: all sessions.
        skip: sessions to leave out of both sides: those of services, and those already held to be an intruder's.
    """
    visits = _visits(accesses, skip)
    if not visits.num_rows:
        return Pairs({})
    with duckdb.connect() as database:
        database.execute("set threads to 1")
        database.register("visit", visits)
        for statement in _SQL.split(";"):
            if statement.strip():
                wanted = {
                    name: value for name, value in (("k", BACKOFF), ("h", HOUR_BACKOFF)) if f"${name}" in statement
                }
                database.execute(statement, wanted or None)
        found: pa.Table = database.sql(_RESULT).to_arrow_table()
    columns = [found[name].to_pylist() for name in found.column_names]
    out: dict[tuple[int, int], Pair] = {}
    for account, net, visited, days, first, last, agent, share, elsewhere, *bits in zip(*columns, strict=True):
        terms = tuple(round(min(BITS_MAX, max(0.0, one)), 2) for one in bits)
        out[account, net] = Pair(account, net, visited, days, first, last, agent, share, elsewhere, terms)
    return Pairs(out)
