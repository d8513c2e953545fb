"""Leads: ties ranked by surprise, under a budget. A lead is a place to look, not a finding.

The budget is always spent, whoever is there: so with the leads stands how many of them chance alone would give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dwell.model.claims import Lead
from dwell.model.departures import Departure
from dwell.model.instants import utc_from_us, utc_us
from dwell.model.provenance import RecordRef
from dwell.model.settings import LEADS_PER_WEEK
from dwell.scope.access import DAY_US, Accesses
from dwell.scope.as_ties import Systems
from dwell.scope.chance import STEP, by_chance
from dwell.scope.clients import Clients
from dwell.scope.explanations import explained
from dwell.scope.habits import BITS_MAX, TERMS
from dwell.scope.intrusions import Held
from dwell.scope.kin import Kin, kin_of
from dwell.scope.session_terms import UNTOLD

__all__ = ["Ranked", "budget_of", "leads_of", "ranking", "summed", "terms_of", "weeks_between"]

WEEKS_MAX = 50
"""A list is never longer than the leads of so many weeks: 500 at the usual ten a week."""
FEW_VISITS = 10
LODGING_DAYS = 14
TAKEN_AS_RANKED = ("network", "protocol")
"""Terms whose bits are those of their rank in the case: as they are made, most owners' ties would carry six bits of
`network` (a phone has another network every day), and bits that everybody has rank nobody."""
GROUNDS_MAX = 5

Codes = npt.NDArray[np.int64]
Bits = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ranked:
    """The leads, and how many there were to choose from.

    Attributes:
        leads: those within the budget, the most surprising first.
        ties: ties judged.
        budget: how many leads the budget allows.
        floor_bits: bits of the last lead within the budget; None where there are none.
        expected_false: leads that belong to no intrusion and are expected to be false, by chance in this case.
    """

    leads: tuple[Lead, ...]
    ties: int
    budget: int
    floor_bits: float | None
    expected_false: float = 0.0


def _against(clients: Clients, row: int, left: Departure | None) -> tuple[str, ...]:
    """Give the innocent explanations that fit; an owner who has left is absent, which is no explanation and no ground."""
    foreign = int(clients.foreign[row])
    days = int(clients.column("days")[row])
    elsewhere = int(clients.column("elsewhere")[row])
    out = []
    if foreign <= 1:
        out.append("foreign to this account only: a new computer, a hotel, a home whose browser is used nowhere else")
    if foreign <= 1 and days >= LODGING_DAYS:
        out.append(f"seen there on {days} days: somebody may live or work there")
    if left is not None:
        out.append(
            f"its owner left ({left.told}): a handover, a device still signed in, or an export that leaves out too much"
        )
    elif elsewhere < FEW_VISITS:
        out.append(f"only {elsewhere} visits from elsewhere in those months to judge by")
    return tuple(out)


def _of_rank(bits: Bits, ranked: npt.NDArray[np.bool_], visits: Bits) -> Bits:
    """Give -log2 of the share of the ranked ties that carry at least so many bits of a term, or of their visits if more.

    A tie of many visits counts once among ties: bits that few ties carry can be those of most visits. NaN stays.
    """
    known = ranked & ~np.isnan(bits)
    if not np.any(bits[known] > 0):
        return np.where(np.isnan(bits), np.nan, 0.0)
    steps = np.rint(np.nan_to_num(bits) / STEP).astype(np.int64)
    held, size = steps[known], int(steps.max()) + 1
    more = np.cumsum(np.bincount(held, minlength=size)[::-1])[::-1]
    heavy = np.cumsum(np.bincount(held, weights=visits[known], minlength=size)[::-1])[::-1]
    share = np.maximum((more + 1.0) / (len(held) + 1.0), heavy / max(1.0, heavy[0]))
    found = np.round(-np.log2(np.clip(share, 2.0**-BITS_MAX, 1.0)), 2) + 0.0
    return np.asarray(np.where(np.isnan(bits), np.nan, found[steps]))


def terms_of(clients: Clients) -> dict[str, Bits]:
    """Give the terms of every tie, as leads are ranked by them; NaN where nothing held tells a term of a tie.

    No term is worth more than its rank in the case: what many have is not rare, nor is much strange where few tell it.
    """
    visits = clients.ties["visits"].to_numpy().astype(np.float64)
    made = {name: clients.bits(name) for name in TERMS} | dict(clients.further)
    out: dict[str, Bits] = {}
    for name, bits in made.items():
        rank = _of_rank(bits, clients.ranked, visits)
        out[name] = rank if name in TAKEN_AS_RANKED else np.minimum(bits, rank)
    more = {} if clients.departed is None else {"departed": clients.departed}
    return out | {"fan-out": clients.fan_out} | more


def summed(terms: Mapping[str, Bits]) -> Bits:
    """Give the sum of the terms of every tie, to two digits; what is not told adds nothing."""
    return np.asarray(np.round(sum(np.where(np.isnan(one), 0.0, one) for one in terms.values()), 2))


def budget_of(weeks: float, per_week: int) -> int:
    """Give how many leads the budget allows: those of one week at least, those of `WEEKS_MAX` at most."""
    return min(WEEKS_MAX * per_week, max(per_week, int(weeks * per_week)))


def ranking(clients: Clients, weeks: float, per_week: int = LEADS_PER_WEEK) -> tuple[Codes, Bits, int]:
    """Give the ties within the budget, the most surprising first, the sum of bits of every tie, and the budget.

    Args:
        clients: the ties.
        weeks: length of the case.
        per_week: leads that can be looked at in a week of the case's time.
    """
    return _ranking(clients, terms_of(clients), budget_of(weeks, per_week))


def _ranking(clients: Clients, terms: Mapping[str, Bits], budget: int) -> tuple[Codes, Bits, int]:
    rows = np.flatnonzero(clients.ranked)
    total = summed(terms)
    keys = (clients.column("agent"), clients.column("network"), clients.column("account"))
    return rows[np.lexsort((*(one[rows] for one in keys), -total[rows]))][:budget], total, budget


def _intrusion(held: Sequence[Held], accesses: Accesses, account: int, pair: tuple[int, int]) -> str | None:
    name = accesses.names[account]
    return next((one.id for one in held if pair in one.pairs and name in one.accounts), None)


def leads_of(
    accesses: Accesses,
    clients: Clients,
    held: Sequence[Held],
    weeks: float,
    systems: Systems | None = None,
    left: Mapping[str, Departure] | None = None,
    per_week: int = LEADS_PER_WEEK,
    kin: Kin | None = None,
) -> Ranked:
    """Rank the ties outside shared networks and on mail servers, and hold each lead against what it could be.

    Args:
        accesses: all sessions.
        clients: the ties.
        held: the intrusions, so that a lead taken into one says so.
        weeks: length of the case.
        systems: autonomous systems, told beside the leads; they rank none.
        left: departures of accounts that were used afterwards, by account.
        per_week: leads that can be looked at in a week of the case's time.
        kin: who belongs together; None for what sessions tell of it.
    """
    terms = terms_of(clients)
    order, total, budget = _ranking(clients, terms, budget_of(weeks, per_week))
    shared = systems.by_tie() if systems is not None else {}
    if not len(order):
        return Ranked((), 0, budget, None)
    grounds = _grounds(accesses, clients, order)
    out = []
    for rank, row in enumerate(order.tolist(), 1):
        account, lan, tool = (int(clients.column(one)[row]) for one in ("account", "network", "agent"))
        out.append(
            Lead(
                rank,
                accesses.names[account],
                f"{accesses.networks[lan]} {accesses.agents[tool]}",
                utc_from_us(int(clients.column("first")[row])),
                utc_from_us(int(clients.column("last")[row])),
                float(total[row]),
                tuple(sorted((name, round(float(bits[row]), 2)) for name, bits in terms.items() if bits[row] >= 0)),
                _intrusion(held, accesses, account, (lan, tool)),
                grounds.get((account, lan, tool), ()),
                _against(clients, row, _left_before(clients, row, (left or {}).get(accesses.names[account]))),
                systems.name(lan) if systems is not None else "",
                len(shared[row].accounts) if row in shared else 0,
                shared[row].bits if row in shared else None,
                untold=tuple(
                    sorted((name, UNTOLD[name]) for name, bits in clients.further.items() if np.isnan(bits[row]))
                ),
            )
        )
    told, expected = _with_chance(out, clients, order, terms)
    del terms, total  # of every tie; what follows is asked of the leads alone
    told = explained(told, accesses, clients, order, kin if kin is not None else kin_of(accesses))
    if clients.blocks:
        ties = zip(*(clients.column(one)[order].tolist() for one in ("account", "network", "agent")), strict=True)
        told = tuple(_in_blocks(one, clients, *tie) for one, tie in zip(told, ties, strict=True))
    return Ranked(told, int(clients.ranked.sum()), budget, out[-1].bits, expected)


def _in_blocks(lead: Lead, clients: Clients, account: int, lan: int, tool: int) -> Lead:
    """Say of which block a lead is part."""
    mine = [one.told for one in clients.blocks if (lan, tool) in one.clients and account in one.accounts]
    return replace(lead, observed=(*lead.observed, *mine)) if mine else lead


def _left_before(clients: Clients, row: int, left: Departure | None) -> Departure | None:
    """Give a departure where the tie reaches beyond it."""
    if left is None or left.by_utc is None or int(clients.column("last")[row]) <= utc_us(left.by_utc):
        return None
    return left


def _with_chance(
    leads: Sequence[Lead], clients: Clients, order: Codes, terms: Mapping[str, Bits]
) -> tuple[tuple[Lead, ...], float]:
    """Say beside each lead how many ties chance would make as surprising; give how many of the loose ones are false.

    What belongs to an intrusion is left out of what chance deals from: it would lend its strangeness to everybody.
    """
    pool = clients.ranked.copy()
    pool[order[np.array([one.intrusion is not None for one in leads])]] = False
    told_by = (np.nan_to_num(bits[pool]) for bits in terms.values())
    found = by_chance(told_by, np.array([one.bits for one in leads])).tolist()
    told = tuple(replace(one, by_chance=expected) for one, expected in zip(leads, found, strict=True))
    loose = [one for one in told if one.intrusion is None]
    most = max((one.by_chance or 0.0 for one in loose), default=0.0)
    return told, min(float(len(loose)), most)


def _grounds(accesses: Accesses, clients: Clients, order: Codes) -> dict[tuple[int, int, int], tuple[RecordRef, ...]]:
    """Give the first records of each of the ties."""
    account, lan, tool = (clients.column(one)[order] for one in ("account", "network", "agent"))
    rows, place = accesses.on_ties(lan, tool, account)
    answered = accesses.ok[rows]
    rows, place = rows[answered], place[answered]
    by_tie = rows[np.argsort(place, kind="stable")]
    lengths = np.bincount(place)
    starts = np.cumsum(lengths) - lengths
    # sessions are in order of time, and stay so within a tie
    nth = np.arange(len(by_tie)) - np.repeat(starts, lengths)
    first = by_tie[nth < GROUNDS_MAX]
    out: dict[tuple[int, int, int], tuple[RecordRef, ...]] = {}
    ties = (one[first].tolist() for one in (accesses.account, accesses.network, accesses.agent))
    for *tie, ref in zip(*ties, accesses.refs(first), strict=True):
        key = (tie[0], tie[1], tie[2])
        out[key] = (*out.get(key, ()), ref)
    return out


def weeks_between(first_us: int, last_us: int) -> float:
    """Give the weeks between two instants in microseconds since 1970."""
    return max(0, last_us - first_us) / (7 * DAY_US)
