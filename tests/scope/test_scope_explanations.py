"""Leads against what they could be: what is observed of them, and what that is worth for each explanation."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from tests.scope.sessions import Visit, accesses_of

from dwell.model.claims import Lead
from dwell.model.explanations import Side
from dwell.scope.access import Accesses
from dwell.scope.clients import Clients, clients_of
from dwell.scope.explanations import WORDS, Said, explanations, likelihoods, ratio_bits
from dwell.scope.habits import ties
from dwell.scope.kin import Kin, kin_of
from dwell.scope.lead_signs import SIGNS, UNKNOWN, signs_of
from dwell.scope.leads import Ranked, leads_of

PEOPLE = 30
MONTHS = 200
STALE = "Konqueror/3"


def _home(place: int, days: range = range(MONTHS)) -> list[Visit]:
    """Give somebody's life at home, on working days, with a browser of three."""
    return [Visit(f"p{place}@x", place, f"Browser/{place % 3}", day, 18) for day in days if day % 7 < 5]


def _everybody(but: dict[int, range] | None = None) -> list[Visit]:
    away = but or {}
    return [one for place in range(PEOPLE) for one in _home(place) if place not in away or one.day not in away[place]]


def _made(visits: list[Visit]) -> tuple[Accesses, Clients]:
    accesses = accesses_of(visits)
    return accesses, clients_of(accesses, ties(accesses, np.zeros(len(accesses), np.bool_)))


def _signs(visits: list[Visit], network: int, kin: Kin | None = None) -> dict[str, str]:
    """Give what is observed of the first account on a network, in words; what is unknown is left out."""
    accesses, clients = _made(visits)
    lan = accesses.networks.index(f"198.{18 + network // 256}.{network % 256}.0/24")
    row = np.flatnonzero(clients.column("network") == lan)[:1]
    found = signs_of(accesses, clients, row, kin or kin_of(accesses))
    return {name: SIGNS[name][int(state[0])] for name, state in found.items() if state[0] != UNKNOWN}


def _ranked(visits: list[Visit]) -> Ranked:
    accesses, clients = _made(visits)
    return leads_of(accesses, clients, (), MONTHS / 7)


def _of(found: Ranked, network: int) -> list[Lead]:
    return [one for one in found.leads if one.client.startswith(f"198.{18 + network // 256}.{network % 256}.0/24")]


def test_five_behind_one_address_for_three_days_are_company_for_a_short_time_and_thirty_for_months_are_not() -> None:
    short = [Visit(f"p{place}@x", 900, f"Browser/{place % 3}", day, 18) for place in range(5) for day in (70, 71, 72)]
    away = {place: range(70, 73) for place in range(5)}
    met = _signs([*_everybody(away), *short], 900)
    assert (met["company"], met["stay"], met["owner"], met["place"]) == ("few-brief", "on-end", "missed", "lived in")
    long = [Visit(f"p{place}@x", 900, STALE, place * 6 + step, 3) for place in range(9) for step in range(0, 112, 14)]
    read = _signs([*_everybody(), *long], 900)
    assert (read["company"], read["owner"], read["agent"], read["strangers"]) == (
        "many-long", "about", "nobody's", "many",
    )  # fmt: skip


def test_those_who_belong_together_count_as_one() -> None:
    shared = [Visit(f"p{place}@x", 900, "Browser/0", day, 18) for place in (3, 4) for day in range(20, 90, 5)]
    inside = [Visit("p3@x", 3, "Browser/0", day, 10, mailbox="p4@x", client="10.1.1.9") for day in range(0, MONTHS, 7)]
    assert _signs([*_everybody(), *shared], 900)["company"] == "few-long"
    assert _signs([*_everybody(), *shared, *inside], 900)["company"] == "related"
    accesses, _ = _made([*_everybody(), *shared])
    assert _signs([*_everybody(), *shared], 900, kin_of(accesses, {"Office: 12": ["p3@x", "p4@x"]}))["company"] == (
        "related"
    )
    large = {"Department: all": [f"p{place}@x" for place in range(20)]}
    assert _signs([*_everybody(), *shared], 900, kin_of(accesses, large))["company"] == "few-long", "says nothing"


def test_who_opens_many_mailboxes_joins_nobody() -> None:
    desk = [
        Visit("p0@x", 0, "Browser/0", day, 10, mailbox=f"p{place}@x", client="10.1.1.9")
        for place in range(1, 20)
        for day in range(0, 60, 7)
    ]
    accesses, _ = _made([*_everybody(), *desk])
    kin = kin_of(accesses)
    codes = [accesses.names.index(f"p{place}@x") for place in (1, 2, 3)]
    assert len({int(kin.of[one]) for one in codes}) == 3


def test_an_owner_who_is_about_at_that_very_time_is_told() -> None:
    there = [Visit("p3@x", 900, STALE, day, 18) for day in range(0, 60, 7)]
    assert _signs([*_everybody(), *there], 900)["at-once"] == "yes"
    other = [Visit("p3@x", 900, STALE, day, 3) for day in range(0, 60, 7)]
    assert _signs([*_everybody(), *other], 900)["at-once"] == "no"


def test_what_cannot_be_told_is_unknown_and_worth_nothing() -> None:
    alone = [Visit("new@x", 900, STALE, day, 3) for day in range(4)]
    met = _signs([*_everybody(), *alone], 900)
    assert not {"owner", "at-once", "hours", "refused", "departed", "place"} & set(met)
    worth = likelihoods({"owner": np.array([UNKNOWN]), "stay": np.array([0])})
    assert not worth["owner"].any()
    assert worth["stay"].any()


@pytest.mark.parametrize(("refused", "expected"), [(0, None), (2, "none"), (4, "this account")])
def test_sign_ins_that_were_refused_before_are_told(refused: int, expected: str | None) -> None:
    there = [Visit("p3@x", 900, STALE, day, 3) for day in range(60, 100, 7)]
    tried = [Visit("p3@x", 910 + place, "python", 55, 2, outcome=1) for place in range(refused)]
    assert _signs([*_everybody(), *there, *tried], 900).get("refused") == expected
    spray = [Visit(f"p{place}@x", 900, "python", 55, 2, outcome=1) for place in range(8)]
    assert _signs([*_everybody(), *there, *spray], 900)["refused"] == "many accounts"


def test_a_home_that_moved_replaces_a_network() -> None:
    before = [one for one in _home(3) if one.day < 100]
    after = [Visit("p3@x", 900, "Browser/0", one.day, one.hour) for one in _home(3) if one.day >= 101]
    others = [one for place in range(PEOPLE) if place != 3 for one in _home(place)]
    assert _signs([*others, *before, *after], 900)["replaces"] == "network"
    beside = [Visit("p3@x", 900, STALE, day, 3) for day in range(100, 190, 7)]
    assert _signs([*_everybody(), *beside], 900)["replaces"] == "nothing"


def test_a_journey_looks_innocent_and_a_reader_with_a_password_hostile() -> None:
    abroad = [Visit("p7@x", 901, "Browser/1", day, 18) for day in range(80, 85)]
    thief = [
        Visit(f"p{place}@x", 900, STALE, place * 2 + step, 3) for place in range(10, 22) for step in range(0, 140, 20)
    ]
    found = _ranked([*_everybody({7: range(80, 85)}), *abroad, *thief])
    (journey,) = _of(found, 901)
    assert journey.hostile_bits is not None
    assert journey.hostile_bits < 0
    innocent = [one for one in journey.explanations if one.side is Side.INNOCENT]
    assert "travel" in [one.key for one in innocent[:3]]
    for lead in _of(found, 900):
        hostile = lead.likeliest(Side.HOSTILE)
        assert hostile is not None
        assert hostile.key in {"password", "guessed"}
        assert lead.hostile_bits is not None
        assert lead.hostile_bits > 0.5
        assert lead.against, "the likeliest innocent explanation is named however weak it is"


def test_company_that_moves_along_is_no_kiosk() -> None:
    def thief(*lans: int) -> list[Visit]:
        return [
            Visit(f"p{place}@x", lan, STALE, place * 2 + step + 7 * turn, 3)
            for turn, lan in enumerate(lans)
            for place in range(10, 22)
            for step in range(0, 140, 20)
        ]

    assert _signs([*_everybody(), *thief(900)], 900)["moves"] == "stays"
    assert _signs([*_everybody(), *thief(900, 904)], 900)["moves"] == "moves"
    # two who go on elsewhere are no company
    few = [one for one in thief(900, 904) if one.network == 900 or one.account in {"p10@x", "p11@x"}]
    assert _signs([*_everybody(), *few], 900)["moves"] == "stays"
    (worth,) = likelihoods({"moves": np.array([SIGNS["moves"].index("moves")])}).values()
    bits = {one.key: float(worth[place, 0]) for place, one in enumerate(explanations())}
    assert bits["password"] > 0 > bits["venue"] > bits["shared-device"]


def test_every_lead_is_held_against_all_explanations_and_the_likeliest_say_what_would_decide() -> None:
    keys = {one.key for one in explanations()}
    for lead in _ranked(_everybody()).leads:
        assert {one.key for one in lead.explanations} == keys
        assert [one.bits for one in lead.explanations] == sorted((one.bits for one in lead.explanations), reverse=True)
        told = [one.side for one in lead.explanations if one.decides]
        assert (told.count(Side.INNOCENT), told.count(Side.HOSTILE)) == (3, 2)
        assert len(lead.decides) == 2


def test_the_named_ones_are_there_on_both_sides() -> None:
    innocent = {one.key for one in explanations() if one.side is Side.INNOCENT}
    assert innocent >= {
        "travel", "phone", "provider", "home-vpn", "delegate", "shared-device", "venue", "archive", "migration",
        "helpdesk", "probe", "spray-only",
    }  # fmt: skip
    assert {one.key for one in explanations()} - innocent >= {"password", "session", "misuse", "forwarding"}
    for one in explanations():
        assert one.grounds
        assert one.decides
        assert set(one.shares) == set(SIGNS) == set(WORDS)
        for name, shares in one.shares.items():
            assert sum(shares) == pytest.approx(1)
            assert len(shares) == len(SIGNS[name]) == len(WORDS[name])


def _said(key: str, side: Side, shares: tuple[float, float]) -> Said:
    return Said(key, key, side, "x", "x", {"owner": shares})


def test_ratios_are_as_worked_out_by_hand() -> None:
    table = (
        _said("travel", Side.INNOCENT, (0.8, 0.2)),
        _said("home", Side.INNOCENT, (0.2, 0.8)),
        _said("thief", Side.HOSTILE, (0.1, 0.9)),
    )
    worth = likelihoods({"owner": np.array([0, 1, UNKNOWN])}, table)["owner"]
    missed = (0.8 + 0.2 + 0.1) / 3
    assert worth[:, 0] == pytest.approx([log2(0.8 / missed), log2(0.2 / missed), log2(0.1 / missed)])
    assert worth[:, 2] == pytest.approx([0, 0, 0])
    # 0.1 against the mean of 0.8 and 0.2; 0.9 against that of 0.2 and 0.8
    assert ratio_bits(worth, table) == pytest.approx([log2(0.1 / 0.5), log2(0.9 / 0.5), 0])
