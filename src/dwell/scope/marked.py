"""What markings speak of: which sessions, which acts of an exploit, which ties.

A tie is taken for ours only where all its answered sessions are, and a group of hits only where all of its time is: what
lies partly outside a marking is judged as if nothing were marked. Where markings contradict each other *theirs* stands: a
marking never takes back what another calls an intruder's.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.lexicon import coded
from dwell.model.instants import utc_us
from dwell.model.markings import Marking, MarkingKind, MarkingVerdict
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.access import Accesses
from dwell.scope.exploits import NEAR, Act
from dwell.scope.forgery import Forged
from dwell.scope.intrusions import Held
from dwell.scope.rollup.fold import paired
from dwell.scope.words import BROWSER, agent, app_of, kind_of

__all__ = [
    "NOTHING", "Cover", "Marked", "beside_ours", "from_range", "intrusion_meant", "marked_by", "tie_keys", "whole_ties",
]  # fmt: skip

Mask = npt.NDArray[np.bool_]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NO_ROWS: Mask = np.zeros(0, np.bool_)


@dataclass(frozen=True, slots=True)
class Cover:
    """What one marking speaks of.

    Attributes:
        marking: the marking.
        sessions: per session, whether it does.
        acts: forged requests and hits.
    """

    marking: Marking
    sessions: Mask
    acts: frozenset[Act]


@dataclass(frozen=True, slots=True)
class Marked:
    """What all markings in force speak of.

    Attributes:
        covers: each marking of sessions and acts with what it speaks of, in their order.
        others: markings that are only told beside what they are about: a mailbox, a statement, an intrusion.
        ours: per session, whether it is called ours and by nobody theirs.
        theirs: per session, whether it is called theirs.
        our_acts: acts that are called ours and by nobody theirs.
        their_acts: acts that are called theirs.
    """

    covers: tuple[Cover, ...] = ()
    others: tuple[Marking, ...] = ()
    ours: Mask = field(default_factory=lambda: _NO_ROWS)
    theirs: Mask = field(default_factory=lambda: _NO_ROWS)
    our_acts: frozenset[Act] = frozenset()
    their_acts: frozenset[Act] = frozenset()

    @property
    def changes(self) -> bool:
        """Say whether anything is called ours or theirs."""
        return bool(self.ours.any() or self.theirs.any() or self.our_acts or self.their_acts)

    def named(self, act: Act) -> tuple[str, ...]:
        """Give the markings because of which an act is taken for ours."""
        if act not in self.our_acts:
            return ()
        return tuple(one.marking.id for one in self.covers if _says(one, MarkingVerdict.OURS) and act in one.acts)

    def ties(self, accesses: Accesses, ties: pa.Table) -> Mask:
        """Say per tie whether all its answered sessions are taken for ours."""
        return whole_ties(accesses, ties, self.ours)


NOTHING = Marked()


def _says(one: Cover, verdict: MarkingVerdict) -> bool:
    return one.marking.verdict is verdict


def whole_ties(accesses: Accesses, ties: pa.Table, sessions: Mask) -> Mask:
    """Say per tie whether all its answered sessions are among those given."""
    out = np.zeros(ties.num_rows, np.bool_)
    if not sessions.any() or not ties.num_rows:
        return out
    keys, own = tie_keys(accesses, ties)
    usable = accesses.ok & (accesses.account >= 0) & (accesses.network >= 0) & ~accesses.system
    within = np.unique(own[usable & sessions])
    beyond = np.unique(own[usable & ~sessions])
    return np.asarray(np.isin(keys, within) & ~np.isin(keys, beyond))


def tie_keys(accesses: Accesses, ties: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give one number for account, network and agent: per tie, and per session."""
    wide, tall = len(accesses.networks) + 1, len(accesses.agents) + 1
    account, network, tool = (ties[one].to_numpy() for one in ("account", "network", "agent"))
    own = paired(paired(accesses.account, wide, accesses.network), tall, accesses.agent)
    return (account * wide + network) * tall + tool, own


def _range(text: str) -> Network:
    return ipaddress.ip_network(text, strict=False)


def _inside(address: str | None, wanted: Network) -> bool:
    if address is None:
        return False
    try:
        return ipaddress.ip_address(address) in wanted
    except ValueError:
        return False


def from_range(accesses: Accesses, text: str) -> Mask:
    """Say which sessions came from a range in CIDR form; addresses are looked at only where their network meets it."""
    wanted = _range(text)
    lans = np.zeros(len(accesses.networks) + 1, np.bool_)
    for place, one in enumerate(accesses.networks):
        if one.startswith(BROWSER):  # an id in a cookie lies in no range
            continue
        lan = _range(one)
        lans[place] = lan.version == wanted.version and lan.overlaps(wanted)
    near: Mask = lans[accesses.network]
    rows = np.flatnonzero(near)
    held = coded(accesses.rows(rows, ("client",))["client"])
    met = np.array([*(_inside(one, wanted) for one in held.dictionary.to_pylist()), False])
    near[rows] = met[pc.fill_null(held.indices, -1).to_numpy(zero_copy_only=False)]
    return near


def _within(marking: Marking, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> Mask:
    """Say which stretches lie wholly in the time that a marking speaks of; microseconds since 1970."""
    out = np.ones(len(first), np.bool_)
    if marking.from_utc is not None:
        out &= first >= utc_us(marking.from_utc)
    if marking.to_utc is not None:
        out &= last < utc_us(marking.to_utc)
    return out


def _is(codes: npt.NDArray[np.int64], names: Sequence[str], wanted: str) -> Mask:
    """Say which codes stand for a name."""
    return np.asarray(codes == (names.index(wanted) if wanted in names else len(names)))


def _agent_is(accesses: Accesses, wanted: str) -> Mask:
    """Say which sessions have an agent, or are of applications that call themselves so (`words.kind_of`)."""
    met = [wanted in {one, kind_of(one)} for one in accesses.agents]
    return np.array([*met, False], np.bool_)[accesses.agent]


def _account_is(accesses: Accesses, wanted: str) -> Mask:
    """Say which sessions are of an account, or of an application by its id."""
    met = [app_of(one) == wanted != "" for one in accesses.agents]
    return _is(accesses.account, accesses.names, wanted) | np.array([*met, False], np.bool_)[accesses.agent]


def _sessions(marking: Marking, accesses: Accesses) -> Mask:
    """Say which sessions a marking speaks of."""
    if marking.kind is MarkingKind.RECORD:
        table, evidence, number = marking.target.split("/")
        mask = np.zeros(len(accesses), np.bool_)
        mask[accesses.of_records({RecordRef(table, EvidenceId(evidence), int(number))})] = True
        return mask
    if marking.kind is MarkingKind.ACCOUNT:
        mask = _account_is(accesses, marking.target)
        return mask & _within(marking, accesses.first, accesses.last)
    if marking.target.startswith(BROWSER):
        mask = _is(accesses.network, accesses.networks, marking.target)
    else:
        mask = from_range(accesses, marking.target)
    if marking.agent:
        mask &= _agent_is(accesses, marking.agent)
    if marking.account:
        mask &= _account_is(accesses, marking.account)
    return mask & _within(marking, accesses.first, accesses.last)


def _stretch(act: Act) -> tuple[datetime | None, datetime | None]:
    return (act.at_utc, act.at_utc) if isinstance(act, Forged) else (act.first_utc, act.last_utc)


def _speaks_of(marking: Marking, act: Act) -> bool:
    """Say whether a marking speaks of an act: from its range, by its agent where it names one, wholly in its time."""
    tool = agent(act.agent) if isinstance(act, Forged) else None
    if marking.kind is MarkingKind.RECORD:
        # what a group of several records is about no single one of them says
        refs = (act.ground,) if isinstance(act, Forged) else act.grounds[:1] if act.count == 1 else ()
        return any(f"{one.table}/{one.evidence_id}/{one.record_no}" == marking.target for one in refs)
    if marking.kind is MarkingKind.ACCOUNT or marking.account or (marking.agent and tool != marking.agent):
        return False
    if marking.target.startswith(BROWSER) or not _in_time(marking, act):
        return False
    return _inside(act.client, _range(marking.target))


def _in_time(marking: Marking, act: Act) -> bool:
    """Say whether an act lies wholly in the time that a marking speaks of."""
    first, last = _stretch(act)
    if marking.from_utc is not None and (first is None or first < marking.from_utc):
        return False
    return marking.to_utc is None or (last is not None and last < marking.to_utc)


def intrusion_meant(marking: Marking, found: Sequence[Held], accesses: Accesses) -> Held | None:
    """Give the intrusion that holds most of the records by which it was told when it was marked; None where none does.

    Args:
        marking: of an intrusion.
        found: the intrusions to choose from.
        accesses: all sessions.
    """
    names = set(marking.text.split())
    parts = [name.split("/") for name in sorted(names)]
    told = set(accesses.of_records({RecordRef(table, EvidenceId(key), int(number)) for table, key, number in parts}))

    def common(held: Held) -> int:
        refs = {ref for act in held.acts for ref in ((act.ground,) if isinstance(act, Forged) else act.grounds)}
        acts = sum(f"{one.table}/{one.evidence_id}/{one.record_no}" in names for one in refs)
        return acts + len(told & {*held.rows, *held.refused})

    best = max(found, key=common, default=None)
    return best if best is not None and common(best) else None


def _whole(marking: Marking, found: Sequence[Held], accesses: Accesses) -> Cover:
    """Say what of an intrusion a marking speaks of: what it held when it was marked, and nothing that came after."""
    sessions = np.zeros(len(accesses), np.bool_)
    held = intrusion_meant(marking, found, accesses)
    if held is None:
        return Cover(marking, sessions, frozenset())
    sessions[np.array([*held.rows, *held.refused], np.int64)] = True
    acts = frozenset(one for one in held.acts if _in_time(marking, one))
    return Cover(marking, sessions & _within(marking, accesses.first, accesses.last), acts)


def marked_by(
    markings: Sequence[Marking], accesses: Accesses, acts: Sequence[Act], found: Sequence[Held] = ()
) -> Marked:
    """Say what markings speak of.

    Args:
        markings: those in force.
        accesses: all sessions.
        acts: forged requests and hits.
        found: the intrusions that are found without any marking.
    """
    covers, others = [], []
    ours, theirs = np.zeros(len(accesses), np.bool_), np.zeros(len(accesses), np.bool_)
    our_acts: set[Act] = set()
    their_acts: set[Act] = set()
    for one in markings:
        if one.beside:
            others.append(one)
            continue
        if one.kind is MarkingKind.INTRUSION:
            cover = _whole(one, found, accesses)
        else:
            # an exploit that comes from an own network is an exploit all the same
            met_acts = frozenset(act for act in acts if _speaks_of(one, act)) if not one.setting else frozenset()
            cover = Cover(one, _sessions(one, accesses), met_acts)
        covers.append(cover)
        sessions, met = cover.sessions, cover.acts
        if one.verdict is MarkingVerdict.OURS:
            ours |= sessions
            our_acts |= met
        elif one.verdict is MarkingVerdict.THEIRS:
            theirs |= sessions
            their_acts |= met
    return Marked(
        tuple(covers),
        tuple(others),
        ours & ~theirs,
        theirs,
        frozenset(our_acts - their_acts),
        frozenset(their_acts),
    )


def beside_ours(held: Held, marked: Marked) -> Held:
    """Take refused sessions that are called ours out of an intrusion, and say what of it lies near to acts called ours.

    The latter is for intrusions without an address: by addresses alone nobody can call them ours.
    """
    if held.refused:
        held = replace(held, refused=tuple(row for row in held.refused if not marked.ours[row]))
    if held.clients or not held.acts or not marked.our_acts:
        return held
    found = [
        (abs(mine - ours), one.host, ", ".join(marked.named(other)))
        for one in held.acts
        for other in marked.our_acts
        if one.host == other.host
        and (mine := _stretch(one)[0]) is not None
        and (ours := _stretch(other)[0]) is not None
    ]
    gap, host, names = min(found, default=(NEAR, "", ""))
    if gap >= NEAR:
        return held
    text = f"it lies within {math.ceil(gap.total_seconds())} s of an act on {host} that {names} calls ours"
    return replace(held, against=(*held.against, text))
