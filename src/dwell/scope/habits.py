"""How surprising it is that an account was used from a network with an agent: each term in bits.

A *visit* is one account on one network with one agent over one protocol on one day. A *tie* is all visits of one account
on one network with one agent. For a visit, the agent's term is -log2 of how likely that agent is for that account over
that protocol, judged by its visits from all *other* networks in the months around, and where those are few by what
everybody else uses then. So a known browser in a strange hotel is no surprise; a browser the owner never had, in a
network the owner never used, is. The terms:

* `agent`: as above; * `protocol`: the same for the protocol; * `hour`: hour and day off against the account's rhythm (in
UTC, days off are weekends, unless working time is set: `working_time`); * `network`: how rarely the account is seen there.

Everything runs over visits, not over records, in DuckDB.
"""

from __future__ import annotations

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.scope.access import DAY_US, Accesses
from dwell.scope.working_time import SLOTS, WorkingTime

__all__ = ["BITS_MAX", "TERMS", "TIES", "service_accounts", "ties"]

TERMS = ("agent", "hour", "network", "protocol")
BACKOFF = 2.0
"""Visits' worth of weight that everybody else's habits have against the account's own."""
PROTOCOL_TRUST = 20.0
"""Visits of others over a protocol at which what they say of its agents weighs as much as what all protocols say: where
nobody else speaks a protocol, an agent that nobody has anywhere is no ordinary one there."""
HOUR_BACKOFF = 10.0
BITS_MAX = 16.0
SERVICE_SHARE = 0.5
SERVICE_MIN = 10

TIES = pa.schema(
    [
        pa.field("account", pa.int64()),
        pa.field("network", pa.int64()),
        pa.field("agent", pa.int64()),
        pa.field("visits", pa.int64()),
        pa.field("days", pa.int64()),
        pa.field("first", pa.int64()),
        pa.field("last", pa.int64()),
        pa.field("elsewhere", pa.int64()),
        *(pa.field(f"{one}_bits", pa.float64()) for one in TERMS),
    ]
)
"""Codes as in `Accesses`; instants in microseconds since 1970; `elsewhere` counts the account's visits from other networks
in the months around, so that 0 says that there was nothing of its own to judge by."""


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
create temp table by_network_any as
  select network, month, sum(n) as n from by_network_all group by all;
create temp table here_agent as
  select account, network, agent, month, sum(n) as n from around group by all;
create temp table by_account_agent as
  select account, agent, month, sum(n) as n from here_agent group by all;
create temp table by_network_agent as
  select network, agent, month, sum(n) as n from here_agent group by all;
create temp table estate_agent as
  select agent, month, sum(n) as n from here_agent group by all;
create temp table judged as
  select c.account, c.network, c.agent, c.n as weight,
    a.n - h.n as same_own, aa.n - ha.n as all_own, aany.n - hany.n as any_own,
    e.n - a.n - bn.n + h.n as same_others, ea.n - aa.n - bna.n + ha.n as all_others,
    ea.n - aa.n as protocol_others, eany.n - aany.n as any_others,
    eg.n - ag.n - ng.n + hg.n as agent_others, eany.n - aany.n - nany.n + hany.n as off_others
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
  join estate_any eany using (month)
  join by_network_any nany using (network, month)
  join here_agent hg using (account, network, agent, month)
  join by_account_agent ag using (account, agent, month)
  join by_network_agent ng using (network, agent, month)
  join estate_agent eg using (agent, month);
create temp table shared as
  select *, all_others / (all_others + $m) as trust, (same_others + 0.5) / (all_others + 1) as by_protocol,
    (agent_others + 0.5) / (off_others + 1) as by_agent
  from judged;
create temp table scored as
  select account, network, agent, weight, any_own,
    -log2((same_own + $k * (trust * by_protocol + (1 - trust) * by_agent)) / (all_own + $k)) as agent_bits,
    -log2((all_own + $k * (protocol_others + 0.5) / (any_others + 1)) / (any_own + $k)) as protocol_bits
  from shared;
create temp table summed as
  select account, network, agent, sum(weight) as visits, max(any_own) as elsewhere,
    sum(weight * agent_bits) / sum(weight) as agent_bits,
    sum(weight * protocol_bits) / sum(weight) as protocol_bits
  from scored group by account, network, agent;
create temp table rhythm as
  select account, slot, count(*)::double as n from visit group by all;
create temp table rhythm_all as select account, sum(n) as n from rhythm group by all;
create temp table hours as
  select v.account, v.network, v.agent, avg(greatest(0.0, least(6.0, -log2(168.0 / ho.width *
      (coalesce(r.n, 0) - 1 + ho.weight) / (ra.n - 1 + $h))))) as hour_bits
  from visit v
  join rhythm r using (account, slot) join rhythm_all ra using (account) join house ho using (slot)
  group by v.account, v.network, v.agent;
create temp table span as
  select account, network, agent, count(distinct day) as days, min(first) as first, max(last) as last
  from visit group by all;
create temp table there as select account, network, count(distinct day) as days from visit group by all;
create temp table lived as select account, count(distinct day) as days from visit group by all;
"""
_RESULT = """
select s.account, s.network, s.agent, s.visits::bigint as visits, sp.days, sp.first, sp.last,
  s.elsewhere::bigint as elsewhere, s.agent_bits, h.hour_bits,
  -log2((t.days + 1.0) / (l.days + 2.0)) as network_bits, s.protocol_bits
from summed s
join hours h using (account, network, agent)
join span sp using (account, network, agent)
join there t on t.account = s.account and t.network = s.network
join lived l on l.account = s.account
order by s.account, s.network, s.agent
"""


def _visits(accesses: Accesses, skip: npt.NDArray[np.bool_], working: WorkingTime) -> pa.Table:
    """Give one row per visit, from the sessions that count."""
    kept = accesses.ok & (accesses.account >= 0) & (accesses.network >= 0) & ~accesses.system & ~skip
    rows = np.flatnonzero(kept)
    day = accesses.first[rows] // DAY_US
    parts = (accesses.account[rows], accesses.network[rows], accesses.protocol[rows], accesses.agent[rows], day)
    order = np.lexsort((accesses.first[rows], *reversed(parts)))
    keys = [one[order] for one in parts]
    changed = np.any([np.diff(one) != 0 for one in keys], axis=0) if len(order) > 1 else np.empty(0, np.bool_)
    starts = np.concatenate(([0], np.flatnonzero(changed) + 1)) if len(order) else np.empty(0, np.int64)
    slot = working.slots(accesses.first[rows])
    names = ("account", "network", "protocol", "agent", "day")
    return pa.table(
        {
            **{name: one[starts] for name, one in zip(names, keys, strict=True)},
            "slot": slot[order][starts],
            "first": accesses.first[rows][order][starts],
            "last": np.maximum.reduceat(accesses.last[rows][order], starts) if len(starts) else starts,
        }
    )


def _house(visits: pa.Table, working: WorkingTime | None) -> pa.Table:
    """Give, per slot, the weight that everybody's rhythm has there and how many days of a week it stands for."""
    counts = np.bincount(visits["slot"].to_numpy(), minlength=SLOTS).astype(np.float64)
    if working is None:
        width = np.repeat([5.0, 2.0], SLOTS // 2)
        weight = HOUR_BACKOFF * counts / counts.sum()
    else:
        width = working.widths(visits["first"].to_numpy())
        weight = HOUR_BACKOFF * working.prior(counts, width)
    return pa.table({"slot": np.arange(SLOTS), "width": width, "weight": weight})


def ties(accesses: Accesses, skip: npt.NDArray[np.bool_], working: WorkingTime | None = None) -> pa.Table:
    """Score every account on every network with every agent; rows in `TIES`, in order of the codes.

    Args:
        accesses: all sessions.
        skip: sessions to leave out of both sides: those of services.
        working: when people work, where that is set.
    """
    visits = _visits(accesses, skip, working or WorkingTime())
    if not visits.num_rows:
        return TIES.empty_table()
    with duckdb.connect() as database:
        database.execute("set threads to 1")
        database.register("visit", visits)
        database.register("house", _house(visits, working))
        for statement in _SQL.split(";"):
            if statement.strip():
                known = (("k", BACKOFF), ("h", HOUR_BACKOFF), ("m", PROTOCOL_TRUST))
                wanted = {name: value for name, value in known if f"${name}" in statement}
                database.execute(statement, wanted or None)
        found: pa.Table = database.sql(_RESULT).to_arrow_table()
    for name in TERMS:
        place = found.schema.get_field_index(f"{name}_bits")
        bits = np.round(np.clip(found[f"{name}_bits"].to_numpy(), 0.0, BITS_MAX), 2)
        found = found.set_column(place, f"{name}_bits", pa.array(bits))
    return found.select(TIES.names).cast(TIES)
