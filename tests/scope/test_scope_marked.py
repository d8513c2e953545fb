"""What markings speak of: ranges, agents, times and records; nothing that lies partly outside is taken for ours."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scope.sessions import START, Visit, accesses_of

from dwell.model.claims import Outcome
from dwell.model.markings import Marking, MarkingKind, MarkingVerdict
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.clients import clients_of
from dwell.scope.exploits import exploits_of
from dwell.scope.forgery import Forged
from dwell.scope.habits import ties
from dwell.scope.intrusions import Held, intrusions_of, kept_names
from dwell.scope.marked import beside_ours, marked_by
from dwell.scope.marked_intrusions import intrusions_marked
from dwell.scope.traces import Trace

ANN, BOB = "ann@gov.example", "bob@gov.example"
VISITS = [
    *(Visit(ANN, 1, "Chrome/73", day) for day in range(10)),
    *(Visit(ANN, 2, "Chrome/73", day, client="198.18.2.9") for day in range(10)),
    *(Visit(BOB, 2, "Firefox/66", day, client="198.18.2.200") for day in range(10)),
    Visit(BOB, 3, "Firefox/66", 3, outcome=1),
    Visit(BOB, 4, "Firefox/66", 4, client="2001:db8:7::5"),
]


def marking(target: str, verdict: str = "ours", name: str = "M1", **more: Any) -> Marking:  # noqa: ANN401 - its fields
    """Give a marking; a network where nothing else is said."""
    return replace(Marking(name, MarkingKind.NETWORK, target, MarkingVerdict(verdict), "why", "me"), **more)


def forged(client: str | None, minute: int = 0, *, agent: str = "python-requests/2.25.1", number: int = 1) -> Forged:
    """Give a forged request that wrote."""
    ref = RecordRef("httpproxy", EvidenceId("f" * 64), number)
    at = START + timedelta(minutes=minute)
    return Forged("EX01", at, client, agent, "target", 200, None, f"r{number}", Outcome.SUCCESS, False, ref)


def trace(client: str | None, minutes: tuple[int, int] = (0, 0), *, count: int = 1) -> Trace:
    """Give hits of a rule about a web shell."""
    ref = RecordRef("iis", EvidenceId("e" * 64), 7)
    first, last = (START + timedelta(minutes=one) for one in minutes)
    return Trace(
        "rule", "A shell", "WS-01", ("T1505.003",), (), Outcome.SUCCESS, 5, "iis", "EX01", client, None, (), 200, count,
        first, last, (ref,),
    )  # fmt: skip


def met(one: Marking) -> int:
    """Count the sessions that a marking speaks of."""
    (cover,) = marked_by([one], accesses_of(VISITS), ()).covers
    return int(cover.sessions.sum())


@pytest.mark.parametrize(
    ("target", "more", "count"),
    [
        ("198.18.2.0/24", {}, 20),
        ("198.18.2.9", {}, 10),
        ("198.18.0.0/16", {}, 31),
        ("198.18.2.128/25", {}, 10),
        ("2001:db8:7::/48", {}, 1),
        ("203.0.113.0/24", {}, 0),
        ("198.18.2.0/24", {"kind": MarkingKind.CLIENT, "agent": "Firefox/66"}, 10),
        ("198.18.2.0/24", {"kind": MarkingKind.CLIENT, "agent": "Nobody/1"}, 0),
        ("198.18.0.0/16", {"kind": MarkingKind.TIE, "agent": "Chrome/73", "account": ANN}, 20),
        ("198.18.2.0/24", {"kind": MarkingKind.TIE, "agent": "Chrome/73", "account": BOB}, 0),
        ("198.18.2.9", {"from_utc": START + timedelta(days=4)}, 6),
        ("198.18.2.9", {"from_utc": START + timedelta(days=2), "to_utc": START + timedelta(days=4)}, 2),
        (ANN, {"kind": MarkingKind.ACCOUNT}, 20),
        (BOB, {"kind": MarkingKind.ACCOUNT, "from_utc": START + timedelta(days=5)}, 5),
        ("nobody@gov.example", {"kind": MarkingKind.ACCOUNT}, 0),
        ("iis/" + "e" * 64 + "/3", {"kind": MarkingKind.RECORD}, 1),
        ("ews/" + "e" * 64 + "/3", {"kind": MarkingKind.RECORD}, 0),
    ],
)
def test_a_marking_speaks_of_what_lies_in_it(target: str, more: dict[str, Any], count: int) -> None:
    assert met(marking(target, **more)) == count


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6))
def test_ranges_hold_the_addresses_that_they_hold(base: int, length: int, addresses: list[int]) -> None:
    wanted = ipaddress.IPv4Network((base, length), strict=False)
    texts = [str(ipaddress.IPv4Address(one)) for one in addresses]
    accesses = accesses_of([Visit(ANN, 1, "Chrome/73", day, client=text) for day, text in enumerate(texts)])
    (cover,) = marked_by([marking(str(wanted))], accesses, ()).covers
    assert cover.sessions.tolist() == [ipaddress.IPv4Address(one) in wanted for one in addresses]


def test_a_tie_is_ours_only_where_all_of_it_is() -> None:
    accesses = accesses_of(VISITS)
    found = ties(accesses, np.zeros(len(accesses), np.bool_))

    def left_out(one: Marking) -> set[tuple[str, str]]:
        mask = marked_by([one], accesses, ()).ties(accesses, found)
        columns = zip(found["account"].to_pylist(), found["network"].to_pylist(), mask.tolist(), strict=True)
        return {(accesses.names[who], accesses.networks[lan]) for who, lan, met_ in columns if met_}

    lan = "198.18.2.0/24"
    assert left_out(marking(lan)) == {(ANN, lan), (BOB, lan)}
    assert left_out(marking("198.18.2.9")) == {(ANN, lan)}
    assert left_out(marking(lan, from_utc=START + timedelta(days=1))) == set()


def test_acts_are_met_by_address_agent_time_and_record() -> None:
    acts = (forged("203.0.113.7"), trace("203.0.113.7", (0, 90)), trace(None), forged("198.18.9.9", number=2))

    def named(one: Marking) -> set[int]:
        (cover,) = marked_by([one], accesses_of(VISITS), acts).covers
        return {acts.index(act) for act in cover.acts}

    lan = "203.0.113.0/24"
    assert named(marking(lan)) == {0, 1}
    assert named(marking(lan, to_utc=START + timedelta(minutes=60))) == {0}
    assert named(marking(lan, from_utc=START + timedelta(minutes=1))) == set()
    assert named(marking(lan, kind=MarkingKind.CLIENT, agent="python-requests/2")) == {0}
    assert named(marking(lan, kind=MarkingKind.TIE, agent="python-requests/2", account=ANN)) == set()
    assert named(marking("httpproxy/" + "f" * 64 + "/2", kind=MarkingKind.RECORD)) == {3}
    assert named(marking("iis/" + "e" * 64 + "/7", kind=MarkingKind.RECORD)) == {1, 2}


def test_a_record_does_not_speak_for_the_others_of_its_group() -> None:
    group = trace("203.0.113.7", count=2)
    (cover,) = marked_by(
        [marking("iis/" + "e" * 64 + "/7", kind=MarkingKind.RECORD)], accesses_of(VISITS), [group]
    ).covers
    assert cover.acts == frozenset()


def test_theirs_stands_where_markings_contradict_each_other() -> None:
    acts = [forged("198.18.2.9")]
    both = [marking("198.18.2.0/24"), marking("198.18.2.9", "theirs", "M2")]
    found = marked_by(both, accesses_of(VISITS), acts)
    assert int(found.ours.sum()) == 10
    assert int(found.theirs.sum()) == 10
    assert not (found.ours & found.theirs).any()
    assert found.our_acts == frozenset()
    assert found.their_acts == frozenset(acts)
    assert marked_by(both[::-1], accesses_of(VISITS), acts).ours.tolist() == found.ours.tolist()


def test_unknown_changes_nothing() -> None:
    found = marked_by([marking("198.18.0.0/16", "unknown")], accesses_of(VISITS), [forged("198.18.2.9")])
    assert not found.changes
    assert found.covers[0].sessions.any()


def _named(*contents: set[int]) -> tuple[Held, ...]:
    at = START
    return tuple(
        Held("", at, at, tuple(sorted(rows)), (), frozenset(), (), (), (), (), (), (), (), ()) for rows in contents
    )


@given(
    st.lists(st.sets(st.integers(0, 30), min_size=1), max_size=6),
    st.sets(st.integers(0, 30)),
)
def test_names_stay_with_their_intrusion(before: list[set[int]], gone: set[int]) -> None:
    apart: list[set[int]] = []
    for one in before:
        apart.append(one.difference(*apart) if apart else one)
    old = kept_names(_named(*(one for one in apart if one)), ())
    new = kept_names(_named(*(left for held in old if (left := set(held.rows) - gone))), old)
    was = {held.id: set(held.rows) for held in old}
    assert [one.id for one in old] == [f"I{place}" for place in range(1, len(old) + 1)]
    assert len({one.id for one in new}) == len(new)
    assert all(set(one.rows) <= was[one.id] for one in new)


def test_the_greater_part_keeps_the_name_and_the_other_gets_a_new_one() -> None:
    old = kept_names(_named({1, 2, 3, 4, 5}, {9}), ())
    new = kept_names(_named({1}, {2, 3, 4}, {9}), old)
    assert {one.id: set(one.rows) for one in new} == {"I1": {2, 3, 4}, "I2": {9}, "I3": {1}}


def test_acts_without_an_address_say_how_near_they_lie_to_ours() -> None:
    ours, nameless = forged("203.0.113.7"), replace(trace(None, (2, 2)), table="evtx")
    marked = marked_by([marking("203.0.113.7")], accesses_of(VISITS), [ours, nameless])
    (exploit,) = exploits_of([], [nameless])
    accesses = accesses_of(VISITS)
    (held,) = intrusions_of(
        (), [exploit], accesses, clients_of(accesses, ties(accesses, np.zeros(len(accesses), bool)))
    )
    assert beside_ours(held, marked).against[-1] == "it lies within 120 s of an act on EX01 that M1 calls ours"
    late = replace(held, traces=(trace(None, (11, 11)),))
    assert beside_ours(late, marked).against == held.against


def test_theirs_makes_an_intrusion_of_what_nobody_has() -> None:
    accesses = accesses_of(VISITS)
    lan = "198.18.2.0/24"
    marked = marked_by(
        [marking(lan, "theirs"), marking("203.0.113.7", "theirs", "M2")], accesses, [forged("203.0.113.7")]
    )
    first, second = intrusions_marked(marked, accesses, ())
    assert (first.id, first.marking, first.accounts, len(first.rows)) == ("I-M1", "M1", (ANN, BOB), 20)
    assert first.against[0].endswith("it rests on marking M1 alone")
    assert (second.id, second.rows, len(second.forged), second.clients) == ("I-M2", (), 1, ("203.0.113.7",))
    (rest,) = intrusions_marked(marked, accesses, (replace(second, id="I1", rows=first.rows[:15]),))
    assert (rest.id, len(rest.rows)) == ("I-M1", 5)
    assert intrusions_marked(marked, accesses, (replace(second, rows=first.rows),)) == ()


def test_theirs_takes_what_was_refused_along() -> None:
    accesses = accesses_of([*VISITS, Visit(ANN, 2, "Chrome/73", 12, outcome=1, client="198.18.2.9")])
    marked = marked_by([marking("198.18.2.9", "theirs")], accesses, ())
    (made,) = intrusions_marked(marked, accesses, ())
    assert len(made.refused) == 1
