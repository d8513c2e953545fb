"""Clients foreign to many, and which of them are one actor: default apart, joined over a named link only."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import comb, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scope.sessions import Visit, accesses_of

from dwell.scope.access import Accesses
from dwell.scope.actors import actors_of, overlap_bits
from dwell.scope.clients import Clients, clients_of
from dwell.scope.habits import ties
from dwell.scope.intrusions import intrusions_of
from dwell.scope.services import services_of

PEOPLE = [f"p{place:03}" for place in range(120)]
BROWSERS = ("Chrome/73", "Firefox/66", "Edge/18")


def _office(days: int = 90) -> list[Visit]:
    """Give the ordinary work of everybody: a home of one's own, now and then a network of one's friends."""
    out = []
    for place, person in enumerate(PEOPLE):
        browser = BROWSERS[place % 3]
        out += [Visit(person, place, browser, day) for day in range(place % 3, days, 3)]
        out += [Visit(person, (place * 7 + 1) % 120, browser, day) for day in range(place % 20, days, 40)]
    return out


def _reason(visits: list[Visit]) -> tuple[Accesses, Clients]:
    accesses = accesses_of(visits)
    served = services_of(accesses).served
    return accesses, clients_of(accesses, ties(accesses, served), served=served)


def _found(accesses: Accesses, clients: Clients) -> dict[tuple[str, str], set[str]]:
    return {
        (accesses.networks[one.network], accesses.agents[one.agent]): {accesses.names[each] for each in one.accounts}
        for one in clients.clusters
    }


def test_an_office_without_an_intruder_has_no_cluster() -> None:
    _, clients = _reason(_office())
    assert clients.clusters == ()
    assert actors_of(clients) == ()


def test_one_client_on_thirty_two_accounts_over_months_stands_out() -> None:
    victims = PEOPLE[:32]
    spy = [Visit(one, 500, "Konqueror/3", 5 + place * 2, hour=3) for place, one in enumerate(victims)]
    accesses, clients = _reason(_office() + spy)
    assert _found(accesses, clients) == {("198.19.244.0/24", "Konqueror/3"): set(victims)}
    (held,) = intrusions_of(actors_of(clients), [], accesses, clients)
    assert held.accounts == tuple(victims)
    assert len(held.rows) == 32
    assert any("one client only" in one for one in held.against)


def test_an_account_that_he_uses_from_his_network_is_his_there_with_any_agent() -> None:
    victims = PEOPLE[:32]
    spy = [Visit(one, 500, "Konqueror/3", 5 + place * 2, hour=3) for place, one in enumerate(victims)]
    own = [Visit(victims[0], 500, BROWSERS[0], 50, hour=3), Visit(PEOPLE[60], 500, BROWSERS[0], 50, hour=3)]
    accesses, clients = _reason(_office() + spy + own)
    (held,) = intrusions_of(actors_of(clients), [], accesses, clients)
    assert held.accounts == tuple(victims)
    assert len(held.rows) == 33


def test_neighbours_behind_one_range_who_have_a_rare_browser_are_nobody() -> None:
    """Thirty live there, eight of them with a browser that six of ninety have elsewhere; a spy there is found."""
    rare = {*PEOPLE[:8], *PEOPLE[50:56]}
    living = [
        Visit(one, 700 if place < 30 else place, "Opera/9" if one in rare else BROWSERS[place % 3], day)
        for place, one in enumerate(PEOPLE)
        for day in range(place % 3, 90, 3)
    ]
    _, clients = _reason(living)
    assert clients.clusters == ()
    spy = [Visit(one, 700, "Konqueror/3", 5 + place, hour=3) for place, one in enumerate(PEOPLE[60:72])]
    accesses, clients = _reason(living + spy)
    (found,) = _found(accesses, clients).values()
    assert found == set(PEOPLE[60:72])


def test_a_spy_makes_no_neighbours_by_a_few_visits_to_others() -> None:
    """Ten read mail inside only; he reads six of them, and looks into the four others once, with the owners' browsers."""
    inside = PEOPLE[100:110]
    office = [one for one in _office() if one.account not in inside]
    spy = [Visit(one, 700, "Konqueror/3", day, hour=3) for one in inside[:6] for day in range(30, 60, 3)]
    noise = [Visit(one, 700, BROWSERS[place % 3], 40) for place, one in enumerate(inside[6:])]
    for told in (spy, spy + noise):
        (found,) = _found(*_reason(office + told)).values()
        assert found == set(inside[:6])


def test_an_owner_who_was_there_before_the_spy_is_left_alone() -> None:
    """On the spy's range an owner once had a hotel, read his own mail there and, as he does at home, his superior's."""
    victims = PEOPLE[:32]
    spy = [Visit(one, 500, "Konqueror/3", 100 + place * 2, hour=3) for place, one in enumerate(victims)]
    at_home = [Visit(victims[0], 0, BROWSERS[0], day, mailbox=PEOPLE[90]) for day in range(0, 180, 9)]
    hotel = [
        Visit(victims[0], 500, BROWSERS[0], day, mailbox=box) for day in (4, 40) for box in (victims[0], PEOPLE[90])
    ]
    accesses, clients = _reason(_office(180) + at_home + spy + hotel)
    (held,) = intrusions_of(actors_of(clients), [], accesses, clients)
    assert len(held.rows) == 32
    assert {accesses.names[one] for one in accesses.mailbox[list(held.rows)]} == set(victims)


def test_people_at_one_address_for_three_days_are_a_conference() -> None:
    guests = [Visit(one, 501, "Lynx/2", 40 + day) for one in PEOPLE[:5] for day in range(3)]
    _, clients = _reason(_office() + guests)
    assert clients.clusters == ()


def test_eight_accounts_in_a_day_are_no_conference() -> None:
    _, clients = _reason(_office() + [Visit(one, 501, "Lynx/2", 40, hour=3) for one in PEOPLE[:8]])
    assert len(clients.clusters) == 1


def test_guests_with_their_own_browsers_are_not_foreign_however_many() -> None:
    guests = [
        Visit(one, 502, BROWSERS[place % 3], day) for place, one in enumerate(PEOPLE[:25]) for day in (10, 40, 70)
    ]
    _, clients = _reason(_office() + guests)
    assert clients.clusters == ()


def test_a_network_that_a_quarter_of_all_use_as_theirs_is_shared_and_not_judged() -> None:
    """A carrier: a quarter of the people are there with their own browsers; one odd browser more says nothing."""
    carrier = [
        Visit(one, 503, BROWSERS[place % 3], day) for place, one in enumerate(PEOPLE[:31]) for day in range(0, 90, 5)
    ]
    odd = [Visit(one, 503, "Konqueror/3", day) for one in PEOPLE[:10] for day in range(0, 90, 9)]
    accesses, clients = _reason(_office() + carrier + odd)
    assert "198.19.247.0/24" in {accesses.networks[one] for one in clients.shared}
    assert clients.clusters == ()


def test_whom_an_intruder_reads_does_not_make_his_network_an_office() -> None:
    """He reads a third of all accounts by one agent that none of them has: his network is not a shared one."""
    spy = [Visit(one, 500, "Konqueror/3", 5 + place * 2, hour=3) for place, one in enumerate(PEOPLE[:40])]
    accesses, clients = _reason(_office() + spy)
    assert clients.shared == ()
    assert len(_found(accesses, clients)) == 1


def test_whom_an_intruder_reads_may_be_half_of_the_house_or_all_of_it() -> None:
    for size in (60, 119):
        spy = [Visit(one, 504, "Konqueror/3", day, hour=3) for one in PEOPLE[:size] for day in (10, 50)]
        accesses, clients = _reason(_office() + spy)
        assert clients.shared == ()
        assert _found(accesses, clients) == {("198.19.248.0/24", "Konqueror/3"): set(PEOPLE[:size])}


def test_internal_networks_are_never_judged() -> None:
    inside = [Visit(one, 0, "Konqueror/3", 5 + place * 2, client="10.1.1.7") for place, one in enumerate(PEOPLE[:20])]
    _, clients = _reason(_office() + inside)
    assert clients.clusters == ()
    assert len(clients.shared) == 1


def _at_night(people: list[str], **more: object) -> list[Visit]:
    """Give visits at three in the morning, now and then over five months, each with its owner's own browser."""
    return [
        Visit(one, 506, BROWSERS[place % 3], 4 + place + 14 * turn, hour=3, **more)  # type: ignore[arg-type]
        for place, one in enumerate(people)
        for turn in range(10)
    ]


def test_owners_browsers_at_hours_not_their_own_from_one_place_are_an_intruder() -> None:
    victims = PEOPLE[:32]
    accesses, clients = _reason(_office(180) + _at_night(victims))
    (held,) = intrusions_of(actors_of(clients), [], accesses, clients)
    assert held.accounts == tuple(victims)
    assert len(held.rows) == 320
    assert clients.shared == ()
    assert any("hours that are not its own" in one for one in held.links)
    assert any("another time zone" in one for one in held.against)


def test_so_are_they_where_everybody_looks_alike() -> None:
    """From the house's own range, which is never judged by agents; the colleagues who work there stay out of it."""
    inside = [Visit(one, 0, "Desk/1", day, client="10.1.1.7") for one in PEOPLE[40:] for day in range(0, 180, 2)]
    tool = [
        Visit(one, 0, "Tool/0", 4 + place + 14 * turn, hour=3, client="10.1.1.9")
        for place, one in enumerate(PEOPLE[:20])
        for turn in range(10)
    ]
    accesses, clients = _reason(_office(180) + inside + tool)
    (held,) = intrusions_of(actors_of(clients), [], accesses, clients)
    assert held.accounts == tuple(PEOPLE[:20])
    assert len(held.rows) == 200


def test_a_night_shift_in_one_place_is_nobody() -> None:
    """People whose own hours are the night: nothing there is strange for them."""
    shift = [
        Visit(one, place % 40, BROWSERS[place % 3], day, hour=3)
        for place, one in enumerate(PEOPLE[:20])
        for day in range(0, 180, 2)
    ]
    _, clients = _reason(_office(180)[120 * 9 :] + shift + _at_night(PEOPLE[:20]))
    assert not [one for one in clients.clusters if one.ties]


def test_a_service_is_left_out() -> None:
    service = [Visit("backup", 505, "Backup/1", day, hour=2, mailbox=one) for one in PEOPLE for day in (1, 30, 60)]
    accesses, clients = _reason(_office() + service)
    assert accesses.names.index("backup") not in set(clients.column("account").tolist())


def _spy(network: int, agent: str, victims: list[str], first: int) -> list[Visit]:
    return [Visit(one, network, agent, first + place, hour=3) for place, one in enumerate(victims)]


def test_two_clients_with_nothing_in_common_are_two_intruders() -> None:
    visits = _office() + _spy(510, "Konqueror/3", PEOPLE[:12], 5) + _spy(511, "Lynx/2", PEOPLE[40:52], 40)
    accesses, clients = _reason(visits)
    actors = actors_of(clients)
    assert [len(one.clusters) for one in actors] == [1, 1]
    assert [one.links for one in actors] == [(), ()]
    first, second = intrusions_of(actors, [], accesses, clients)
    assert (first.id, second.id) == ("I1", "I2")
    assert first.first_utc < second.first_utc
    assert not set(first.accounts) & set(second.accounts)


def test_the_same_agent_alone_joins_nobody() -> None:
    visits = _office() + _spy(510, "Konqueror/3", PEOPLE[:12], 5) + _spy(511, "Konqueror/3", PEOPLE[40:52], 40)
    accesses, clients = _reason([*visits, Visit(PEOPLE[80], 512, "Konqueror/3", 50, hour=3)])
    actors = actors_of(clients)
    assert [one.links for one in actors] == [(), ()]
    assert not set(actors[0].ties) & set(actors[1].ties)
    first, second = intrusions_of(actors, [], accesses, clients)
    assert (set(first.accounts), set(second.accounts)) == (set(PEOPLE[:12]), set(PEOPLE[40:52]))


def test_a_single_visit_by_an_agent_that_is_one_intruders_alone_is_his() -> None:
    visits = _office() + _spy(510, "Konqueror/3", PEOPLE[:32], 5) + [Visit(PEOPLE[80], 512, "Konqueror/3", 50, hour=3)]
    accesses, clients = _reason(visits)
    (held,) = intrusions_of(actors_of(clients), [], accesses, clients)
    assert PEOPLE[80] in held.accounts


def test_one_agent_on_the_same_accounts_from_two_networks_is_one_intruder_by_a_named_link() -> None:
    visits = _office() + _spy(510, "Konqueror/3", PEOPLE[:14], 5) + _spy(511, "Konqueror/3", PEOPLE[:14], 40)
    accesses, clients = _reason(visits)
    (actor,) = actors_of(clients)
    assert len(actor.clusters) == 2
    (link,) = actor.links
    assert (link.same_agent, link.shared, link.ordinary_users) == (True, 14, 0)
    (held,) = intrusions_of((actor,), [], accesses, clients)
    assert "the same agent, which nobody else has as an ordinary one" in held.links[0]
    assert "14 of 14 and 14 accounts in common" in held.links[0]


@pytest.mark.parametrize(
    ("networks", "shared", "neighbours", "actors"),
    [
        # an agent's next version, from where nobody else is
        ((510, 510), 5, 0, 1),
        # the same accounts from another network; mostly others on the same; the same among neighbours
        ((510, 511), 5, 0, 2),
        ((510, 510), 2, 0, 2),
        ((510, 510), 5, 20, 2),
    ],
)
def test_a_network_in_common_counts_as_much_as_it_is_rare(
    networks: tuple[int, int], shared: int, neighbours: int, actors: int
) -> None:
    first, second = networks
    visits = _spy(first, "Konqueror/3", PEOPLE[:14], 5)
    some = PEOPLE[14 - shared : 19 - shared]
    visits += [Visit(one, second, "Lynx/2", 40 + 3 * place, hour=3) for place, one in enumerate(some)]
    visits += [Visit(one, 510, BROWSERS[0], 20) for one in PEOPLE[60 : 60 + 3 * neighbours : 3]]
    accesses, clients = _reason(_office() + visits)
    assert {accesses.agents[one.agent] for one in clients.clusters} == {"Konqueror/3", "Lynx/2"}
    found = actors_of(clients)
    assert len(found) == actors
    if actors == 1:
        (link,) = found[0].links
        assert (link.same_network, link.residents, link.same_agent, link.shared) == (True, 0, False, shared)
        (held,) = intrusions_of(found, [], accesses, clients)
        assert "the same network, where no others come by right" in held.links[0]


def _brute(accounts: int, first: int, second: int, shared: int) -> float:
    hits = sum(len(set(one) & set(range(first))) >= shared for one in combinations(range(accounts), second))
    return -log2(hits / comb(accounts, second)) if hits else 0.0


@given(st.integers(1, 9), st.data())
def test_an_overlap_is_worth_what_its_chance_is(accounts: int, data: st.DataObject) -> None:
    first, second = (data.draw(st.integers(0, accounts)) for _ in range(2))
    shared = data.draw(st.integers(0, min(first, second)))
    expected = _brute(accounts, first, second, shared) if shared else 0.0
    assert overlap_bits(accounts, first, second, shared) == pytest.approx(expected, abs=1e-6)


def test_an_overlap_beyond_what_a_float_holds_is_still_told() -> None:
    assert overlap_bits(20_000, 900, 900, 900) > 1_074
    exact = log2(comb(20_000, 900))
    assert overlap_bits(20_000, 900, 900, 900) == pytest.approx(exact, rel=1e-6)


def _rounds(days: range, *, agent: str = "Bridge/3", network: int = 600, boxes: int = 12) -> list[Visit]:
    """Give the work of a service: all of its mailboxes on every day."""
    return [Visit("sync", network, agent, day, 5, "ews", mailbox=one) for day in days for one in PEOPLE[:boxes]]


def _picked(network: int, days: range, agent: str = "Tool/0", *, told: bool = True) -> list[Visit]:
    """Give visits to one mailbox a day by the service's account; `told` says whether the log names it."""
    return [
        Visit("sync", network, agent, day, 3, "ews", mailbox=PEOPLE[20 + day * 7 % 32] if told else None)
        for day in days
    ]


def test_a_services_account_is_an_intruders_where_somebody_else_picks() -> None:
    visits = _office() + _rounds(range(90)) + _picked(601, range(10, 40)) + _picked(602, range(40, 80))
    accesses, clients = _reason(visits)
    (held,) = intrusions_of(actors_of(clients), [], accesses, clients)
    assert held.accounts == ("sync",)
    assert {accesses.names[accesses.mailbox[row]] for row in held.rows} == set(PEOPLE[20:52])
    assert {accesses.networks[lan] for lan, _ in held.pairs} == {"198.20.89.0/24", "198.20.90.0/24"}
    assert any("rounds of that service go on elsewhere" in one for one in held.links)


def test_who_else_comes_with_the_agent_of_a_services_intruder_is_his() -> None:
    """The service's account has that agent as an ordinary one by now, and is his."""
    visits = _office() + _rounds(range(90)) + _picked(601, range(10, 40)) + _picked(602, range(40, 80))
    visits += [Visit(PEOPLE[80], 602, "Tool/0", 60, hour=3), Visit(PEOPLE[81], 81, BROWSERS[1], 60, hour=3)]
    accesses, clients = _reason(visits)
    (held,) = intrusions_of(actors_of(clients), [], accesses, clients)
    assert held.accounts == (PEOPLE[80], "sync")


def test_clients_of_an_account_that_serves_nobody_are_joined_by_the_mailboxes() -> None:
    first = _picked(601, range(5, 40))
    second = [replace(one, network=602, day=one.day + 100) for one in first]
    accesses, clients = _reason(_office(180) + first + second)
    (held,) = intrusions_of(actors_of(clients), [], accesses, clients)
    assert len(held.pairs) == 2
    assert any("mailboxes in common" in one for one in held.links)


def test_a_service_alone_is_nobody_however_few_its_mailboxes() -> None:
    _, clients = _reason(_office() + _rounds(range(90)))
    assert clients.clusters == ()


def test_a_services_account_that_strays_is_told_though_no_record_says_whose_mailbox() -> None:
    visits = _office() + _rounds(range(90)) + _picked(601, range(10, 70, 5), told=False)
    accesses, clients = _reason(visits)
    (held,) = intrusions_of(actors_of(clients), [], accesses, clients)
    assert (held.accounts, len(held.rows)) == (("sync",), 12)
    assert any("rounds of that service go on elsewhere" in one for one in held.links)


@pytest.mark.parametrize(
    "visits",
    [
        _rounds(range(50, 90)) + _picked(601, range(0, 48, 4), "Bridge/2", told=False),
        _rounds(range(90)) + _picked(601, range(40, 46), told=False),
        _rounds(range(90)) + _picked(601, range(10, 70, 5), BROWSERS[0], told=False),
        _rounds(range(90)) + _picked(600, range(10, 70, 5), told=False),
    ],
    ids=["the client it had before", "a week of trying", "a common browser", "another program of its own"],
)
def test_what_services_do_now_and_then_is_nobody(visits: list[Visit]) -> None:
    _, clients = _reason(_office() + visits)
    assert clients.clusters == ()


def test_who_helps_from_home_with_the_computer_of_the_office_is_nobody() -> None:
    desk = [
        Visit("help", 0, "Chrome/73", day, 10, mailbox=PEOPLE[day * 11 % 120], client="10.1.4.20")
        for day in range(0, 90, 2)
    ]
    home = [Visit("help", 700, "Chrome/73", day, 10, mailbox=PEOPLE[day * 7 % 120]) for day in range(1, 90, 9)]
    _, clients = _reason(_office() + desk + home)
    assert clients.clusters == ()
    _, clients = _reason(_office() + desk + [replace(one, agent="Lynx/2") for one in home])
    assert len(clients.clusters) == 1


def test_who_came_himself_is_no_intruder_and_who_did_not_is_one() -> None:
    trained = PEOPLE[:20]
    guests = [Visit(one, 701, "Lynx/2", day, hour) for one in trained for day in range(30, 58) for hour in (9, 14)]
    work = [Visit(one, 900 + place, "Desk/1", day) for place, one in enumerate(trained) for day in range(90)]
    missed = [one for one in (*_office(), *work) if one.account not in trained or not 30 <= one.day < 58]
    _, clients = _reason([*missed, *guests])
    assert clients.clusters == ()
    _, clients = _reason([*_office(), *work, *guests])
    assert len((*clients.clusters, *clients.staying)) == 1


def test_a_browser_that_few_have_at_home_is_no_agent_of_nobody() -> None:
    """Eight people with a browser of their own each at one home, and a phone that is somewhere else every day."""
    few = PEOPLE[:8]
    office = [one for one in _office(120) if one.account not in few]
    homes = [Visit(one, 800 + place, "Rare/80", day, 20) for place, one in enumerate(few) for day in range(0, 120, 4)]
    phones = [
        Visit(one, 1000 + place * 40 + day % 37, "Phone/1", day, protocol="eas")
        for place, one in enumerate(few)
        for day in range(120)
    ]
    _, clients = _reason([*office, *homes, *phones])
    assert clients.clusters == ()
    usual = [Visit(one, place, BROWSERS[0], day, 19) for place, one in enumerate(few) for day in range(0, 120, 4)]
    _, clients = _reason([*office, *homes, *phones, *usual])
    assert [len(one.accounts) for one in clients.clusters] == [8]


def test_a_neighbour_in_the_network_of_who_helps_from_home_makes_him_no_intruder() -> None:
    desk = [
        Visit("help", 0, "Chrome/73", day, 10, mailbox=PEOPLE[day * 11 % 120], client="10.1.4.20")
        for day in range(0, 90, 2)
    ]
    home = [Visit("help", 700, "Chrome/73", day, 10, mailbox=PEOPLE[day * 7 % 120]) for day in range(1, 90, 9)]
    neighbour = [Visit(PEOPLE[7], 700, "Chrome/73", day, 20) for day in range(0, 90, 30)]
    firefox = [one for one in _office() if one.agent != "Chrome/73" or one.account != PEOPLE[7]]
    _, clients = _reason([*firefox, *desk, *home, *neighbour])
    assert clients.clusters == ()
