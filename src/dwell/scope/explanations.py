"""Leads held against explanations, innocent and hostile: what speaks for and against each, as ratios of likelihoods.

An explanation says how often each observation (`lead_signs`) is in each state where it holds. What an observation is worth
for it is log2 of that, over how often the state comes up over all explanations alike; the sum over the observations is
what all of them together are worth. They are taken for independent where an explanation holds, which they are not quite.
How common travellers or intruders are is in no figure: a ratio says which way the evidence points, and how far.

What the figures rest on: counts on exercises, where these have people of that kind, with `UNSURE` of each left to what an
exercise does not know; else they are set by hand. Nothing here makes or unmakes an intrusion or changes a lead's rank.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from dwell.model.claims import Lead
from dwell.model.explanations import BITS_TOLD, Explanation, Side, Weight
from dwell.scope.access import Accesses
from dwell.scope.clients import Clients
from dwell.scope.kin import Kin
from dwell.scope.lead_signs import SIGNS, UNKNOWN, signs_of

__all__ = ["Said", "explained", "explanations", "likelihoods", "ratio_bits"]

UNSURE = 0.1
"""So much of every likelihood is spread evenly over the states: an exercise is made up, and a hand is a hand."""
HAND_CASES = 10
"""Beside what was counted, the figures set by hand weigh as much as so many leads: an exercise has few travellers."""
NOT_CHOSEN = frozenset({"owner", "at-once"})
"""Of an intruder only what he does not choose is counted: his client, his hours and his way are those that somebody wrote
into the exercise, and the next one has others."""
TOLD = {Side.INNOCENT: 3, Side.HOSTILE: 2}
"""So many of each side, the likeliest, are told with their grounds; of all others the bits."""

Codes = npt.NDArray[np.int64]
Bits = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Said:
    """One explanation, and what it says of the observations.

    Attributes:
        key: its name in every output.
        name: in words.
        side: innocent or hostile.
        decides: what evidence would decide it.
        grounds: what the figures set by hand rest on.
        shares: by observation, how likely each state is where it holds; adds up to 1.
        counted: the observations of which the shares were counted on exercises.
        cases: how many leads of exercises were counted.
    """

    key: str
    name: str
    side: Side
    decides: str
    grounds: str
    shares: Mapping[str, tuple[float, ...]]
    counted: frozenset[str] = frozenset()
    cases: int = 0


WORDS: Mapping[str, tuple[str, ...]] = {
    "company": (
        "nobody else was ever on that network",
        "only people who belong together were on that network",
        "a few unrelated people were on that network, within ten days",
        "eight or more unrelated people were on that network, within ten days",
        "a few unrelated people were on that network, over more than ten days",
        "eight or more unrelated people were on that network, over more than ten days",
    ),
    "strangers": (
        "the agent is foreign to no other account",
        "the agent is foreign to a few accounts",
        "the agent is foreign to eight accounts or more",
    ),
    "stay": (
        "seen on one day",
        "seen on days on end, within a month",
        "seen for weeks",
        "seen for over three months, often",
        "seen for over three months, now and then",
    ),
    "owner": (
        "the owner was missed elsewhere on those days",
        "the owner was about elsewhere as usual on those days",
    ),
    "at-once": (
        "never used elsewhere within half an hour",
        "used from another network within half an hour",
    ),
    "agent": (
        "the agent is one that the account has elsewhere",
        "the agent is one that others have in those months",
        "the agent is one that others had before and nobody has any more",
        "the agent is nobody's ordinary one",
    ),
    "hours": (
        "at the account's own hours",
        "partly at hours not the account's own",
        "at hours at which the account is otherwise asleep",
    ),
    "protocol": ("by a phone", "by a browser", "by a program"),
    "refused": (
        "no sign-in was refused before",
        "sign-ins of this account were refused in the month before",
        "sign-ins of many accounts were refused from that network",
    ),
    "mailbox": (
        "opened the account's own mailbox",
        "opened a mailbox that the account opens from inside too",
        "opened mailboxes of others that the account does not open from inside",
    ),
    "place": (
        "nobody else is at home on that network",
        "others are on that network with agents of their own",
    ),
    "replaces": (
        "no other client of the account ended as it began",
        "another device of the account ended as it began",
        "another network of the account ended as it began",
    ),
    "reads": (
        "mail was opened and no message fetched",
        "mail was listed and no message fetched",
        "messages were fetched",
    ),
    "departed": ("the owner is there", "the owner had left"),
    "moves": (
        "the accounts that come with that agent come with it from that network alone",
        "three or more of the accounts that come with that agent come with it from another network as well",
    ),
}
"""The states of each observation in words."""


def _share(values: Sequence[float]) -> tuple[float, ...]:
    """Make shares of weights, with `UNSURE` of them spread evenly."""
    whole = float(sum(values))
    even = UNSURE / len(values)
    return tuple((1 - UNSURE) * one / whole + even for one in values)


def _counts(values: Sequence[int], hand: Sequence[float]) -> tuple[float, ...]:
    """Make shares of counts; what is set by hand weighs as much as `HAND_CASES` leads."""
    whole = float(sum(hand))
    return _share([one + HAND_CASES * own / whole for one, own in zip(values, hand, strict=True)])


def _made(
    row: Mapping[str, Any], usual: Mapping[str, Sequence[int]], counted: Mapping[str, Mapping[str, Sequence[int]]]
) -> Said:
    hand = {**usual, **row["says"]}
    shares = {name: _share(values) for name, values in hand.items()}
    held = counted.get(row["key"], {})
    if Side(row["side"]) is Side.HOSTILE:
        held = {name: values for name, values in held.items() if name in NOT_CHOSEN}
    shares |= {name: _counts(values, hand[name]) for name, values in held.items() if sum(values)}
    for name, values in shares.items():
        if len(values) != len(SIGNS[name]):
            raise ValueError(f"explanation {row['key']}: {name} has {len(SIGNS[name])} states")
    cases = max((sum(values) for values in held.values()), default=0)
    told = frozenset(name for name, values in held.items() if sum(values))
    return Said(row["key"], row["name"], Side(row["side"]), row["decides"], row["grounds"], shares, told, cases)


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("dwell.scope").joinpath(name).read_text("utf-8"))


@cache
def explanations() -> tuple[Said, ...]:
    """Give all explanations, in the order of the file.

    Raises:
        ValueError: a line names a side that is none, or has another number of states than the observation.
        KeyError: a line names an observation that is none, or lacks a field.
    """
    counted, table = _table("explanations_counted.toml"), _table("explanations.toml")
    return tuple(_made(row, table["usual"], counted) for row in table["explanation"])


def _reference(table: Sequence[Said], name: str) -> Bits:
    """Give how likely each state of an observation is over all explanations alike."""
    return np.asarray(np.mean([one.shares[name] for one in table], axis=0))


def likelihoods(signs: Mapping[str, Codes], table: Sequence[Said] | None = None) -> dict[str, Bits]:
    """Give, by observation, what it is worth for each explanation and lead, in bits: (explanations, leads).

    Args:
        signs: the state of every observation of each lead, as `signs_of` gives it.
        table: the explanations; None for all.
    """
    held = explanations() if table is None else table
    out = {}
    for name, states in signs.items():
        reference = _reference(held, name)
        # the last place is for what is unknown: it is worth nothing
        worth = np.zeros((len(held), len(reference) + 1))
        for place, one in enumerate(held):
            worth[place, :-1] = np.log2(np.asarray(one.shares[name]) / reference)
        out[name] = worth[:, np.where(states == UNKNOWN, len(reference), states)]
    return out


def ratio_bits(total: Bits, table: Sequence[Said] | None = None) -> Bits:
    """Give log2 of how likely a lead is where it is hostile, over where it is innocent; each side's explanations alike.

    Args:
        total: bits of each explanation and lead: (explanations, leads).
        table: the explanations; None for all.
    """
    held = explanations() if table is None else table
    hostile = np.array([one.side is Side.HOSTILE for one in held])
    sides = [np.mean(2.0 ** total[mask], axis=0) for mask in (hostile, ~hostile)]
    return np.asarray(np.log2(sides[0] / sides[1]))


def _weights(
    one: Said, place: int, lead: int, signs: Mapping[str, Codes], worth: Mapping[str, Bits]
) -> tuple[tuple[Weight, ...], tuple[Weight, ...]]:
    """Give what speaks for an explanation of a lead, and what against it."""
    found = [
        Weight(WORDS[name][int(signs[name][lead])], round(float(bits[place, lead]), 2), name in one.counted)
        for name, bits in worth.items()
        if abs(bits[place, lead]) >= BITS_TOLD
    ]
    found.sort(key=lambda each: (-abs(each.bits), each.text))
    return tuple(each for each in found if each.bits > 0), tuple(each for each in found if each.bits < 0)


def explained(leads: Sequence[Lead], accesses: Accesses, clients: Clients, rows: Codes, kin: Kin) -> tuple[Lead, ...]:
    """Hold leads against all explanations.

    Args:
        leads: the leads.
        accesses: all sessions.
        clients: the ties.
        rows: the tie of each lead.
        kin: who belongs together.
    """
    table = explanations()
    signs = signs_of(accesses, clients, rows, kin)
    worth = likelihoods(signs)
    total = np.sum(list(worth.values()), axis=0)
    hostile = ratio_bits(total)
    out = []
    for place, lead in enumerate(leads):
        found = _told(table, place, total, signs, worth)
        innocent = next(one for one in found if one.side is Side.INNOCENT)
        out.append(
            replace(
                lead,
                # the likeliest innocent explanation is always named, however little there is to say for it
                against=(*lead.against, f"it could be {innocent.told}"),
                explanations=found,
                hostile_bits=round(float(hostile[place]), 2) + 0.0,
                observed=tuple(WORDS[name][int(states[place])] for name, states in signs.items() if states[place] >= 0),
            )
        )
    return tuple(out)


def _told(
    table: Sequence[Said], lead: int, total: Bits, signs: Mapping[str, Codes], worth: Mapping[str, Bits]
) -> tuple[Explanation, ...]:
    """Give all explanations of a lead, the likeliest first; those that are told of each side with their grounds."""
    order = sorted(range(len(table)), key=lambda one: (-round(float(total[one, lead]), 2), table[one].key))
    left = dict(TOLD)
    out = []
    for place in order:
        one = table[place]
        bits = round(float(total[place, lead]), 2) + 0.0
        found = Explanation(one.key, one.name, one.side, bits)
        if left[one.side]:
            left[one.side] -= 1
            good, bad = _weights(one, place, lead, signs, worth)
            found = replace(found, speaks_for=good, speaks_against=bad, decides=one.decides)
        out.append(found)
    return tuple(out)
