"""Intrusions that a person's marking makes: what is called theirs and is part of no intrusion that dwell found.

They stand beside those that were found and are never mixed with them: each has the name of its marking, says that it
rests on nothing else, and takes over nothing that an intrusion found holds already.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dwell.model.instants import utc_from_us, utc_us
from dwell.model.markings import Marking, MarkingKind, MarkingVerdict
from dwell.scope.access import Accesses
from dwell.scope.exploits import Act
from dwell.scope.forgery import Forged
from dwell.scope.intrusions import EXPLOIT, REMOTE_MAIL, VALID_ACCOUNTS, Held
from dwell.scope.marked import Cover, Marked
from dwell.scope.traces import Trace

__all__ = ["intrusions_marked"]

FOREVER_US = 2**63 - 1


def intrusions_marked(marked: Marked, accesses: Accesses, found: Sequence[Held]) -> tuple[Held, ...]:
    """Give the intrusions that markings make, in the order of the markings.

    Args:
        marked: what markings speak of.
        accesses: all sessions.
        found: the intrusions that are held without them; what is part of one stays there.
    """
    taken = np.zeros(len(accesses), np.bool_)
    acts = {act for one in found for act in one.acts}
    for one in found:
        taken[np.array(one.rows, np.int64)] = True
    out: list[Held] = []
    for cover in marked.covers:
        if cover.marking.verdict is MarkingVerdict.THEIRS:
            made = _of(cover, accesses, taken, acts, found)
            if made is not None:
                out.append(made)
                taken[np.array(made.rows, np.int64)] = True
                acts |= set(made.acts)
    return tuple(out)


def _of(
    cover: Cover, accesses: Accesses, taken: npt.NDArray[np.bool_], acts: set[Act], found: Sequence[Held]
) -> Held | None:
    """Make the intrusion of one marking of what is nobody's yet; None where there is no such thing."""
    usable = cover.sessions & (accesses.account >= 0) & (accesses.network >= 0)
    rows = np.flatnonzero(usable & accesses.ok & ~taken)
    refused = np.flatnonzero(usable & accesses.refused)
    mine = [one for one in cover.acts if one not in acts]
    forged = sorted((one for one in mine if isinstance(one, Forged)), key=lambda one: (one.at_utc, one.ground))
    traces = sorted(
        (one for one in mine if isinstance(one, Trace)), key=lambda one: (str(one.first_utc), one.rule_id, one.grounds)
    )
    seen = [utc_from_us(int(at)) for at in (*accesses.first[rows], *accesses.last[rows])]
    seen += [one.at_utc for one in forged]
    seen += [at for one in traces for at in (one.first_utc, one.last_utc) if at is not None]
    if not seen:
        return None
    pairs = frozenset(zip(accesses.network[rows].tolist(), accesses.agent[rows].tolist(), strict=True))
    clients = {f"{accesses.networks[lan]} {accesses.agents[tool]}" for lan, tool in pairs}
    clients |= {one.client for one in mine if one.client}
    accounts = tuple(sorted({accesses.names[one] for one in set(accesses.account[rows].tolist())}))
    techniques = {name for one in traces for name in one.techniques}
    techniques |= {VALID_ACCOUNTS, REMOTE_MAIL} if len(rows) else set()
    techniques |= {EXPLOIT} if forged else set()
    return Held(
        f"I-{cover.marking.id}",
        min(seen),
        max(seen),
        tuple(rows.tolist()),
        tuple(refused.tolist()),
        pairs,
        tuple(sorted(clients)),
        accounts,
        tuple(sorted(techniques)),
        (cover.marking.told,),
        _against(cover, pairs, accounts, found),
        tuple(forged),
        tuple(traces),
        tuple(sorted({one.host for one in mine})),
        marking=cover.marking.id,
        spans=_spans(cover.marking, accesses, rows.tolist()),
    )


def _spans(marking: Marking, accesses: Accesses, rows: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Give the stretches that the marking speaks of: its record's, or its window; none where it is not bounded."""
    if marking.kind is MarkingKind.RECORD:
        return tuple((int(accesses.first[row]), int(accesses.last[row])) for row in rows)
    if marking.from_utc is None and marking.to_utc is None:
        return ()
    first = 0 if marking.from_utc is None else utc_us(marking.from_utc)
    return ((first, FOREVER_US if marking.to_utc is None else utc_us(marking.to_utc) - 1),)


def _against(
    cover: Cover, pairs: frozenset[tuple[int, int]], accounts: Sequence[str], found: Sequence[Held]
) -> tuple[str, ...]:
    """Say that nothing else holds it together, and with which intrusion found it has something in common."""
    out = [f"nothing that dwell finds makes this an intruder's: it rests on marking {cover.marking.id} alone"]
    for one in found:
        common = []
        if one.pairs & pairs:
            common.append("clients")
        if set(one.accounts) & set(accounts):
            common.append("accounts")
        if common:
            out.append(f"{' and '.join(common)} in common with {one.id}, which dwell found; kept apart")
    return tuple(out)
