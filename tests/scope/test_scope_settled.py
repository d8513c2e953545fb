"""Who lives where a client is: people of a branch, a new app, a replaced browser; and who only comes there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.scope.sessions import Visit, accesses_of

from dwell.scope.actors import actors_of
from dwell.scope.clients import Clients, clients_of
from dwell.scope.habits import ties
from dwell.scope.services import services_of

PEOPLE = [f"p{place:03}" for place in range(60)]
BRANCH = [f"b{place}" for place in range(5)]
BROWSERS = ("Chrome/73", "Firefox/66", "Edge/18")
PLACE = 500


def house(days: int = 120) -> list[Visit]:
    """Give the work of everybody: a home of one's own, where one reads at eight and at two."""
    return [
        Visit(person, place, BROWSERS[place % 3], day, hour)
        for place, person in enumerate(PEOPLE)
        for day in range(days)
        if day % 7 < 5
        for hour in (8, 14)
    ]


def reason(visits: list[Visit]) -> tuple[list[str], list[str], set[str]]:
    """Give the agents of clusters, those of who stays, and the shared networks."""
    accesses = accesses_of(sorted(visits, key=lambda one: (one.day, one.hour, one.account)))
    served = services_of(accesses).served
    clients: Clients = clients_of(accesses, ties(accesses, served), served=served)
    return (
        [accesses.agents[one.agent] for one in clients.clusters],
        [accesses.agents[one.agent] for one in clients.staying],
        {accesses.networks[one] for one in clients.shared},
    )


def daily(people: list[str], agent: str, hours: tuple[int, ...] = (8, 14), days: range = range(120)) -> list[Visit]:
    return [Visit(one, PLACE, agent, day, hour) for one in people for day in days if day % 7 < 5 for hour in hours]


def test_a_branch_with_a_browser_of_its_own_is_no_intruder_and_stays_open() -> None:
    clusters, staying, _ = reason([*house(), *daily(BRANCH, "Firefox/52")])
    assert (clusters, staying) == ([], ["Firefox/52"])


def test_an_app_that_some_are_given_is_no_intruder_where_they_use_it_as_they_live() -> None:
    clusters, staying, _ = reason([*house(), *daily(PEOPLE[:6], "Outlook-iOS/1", days=range(40, 120))])
    assert (clusters, staying) == ([], ["Outlook-iOS/1"])


@pytest.mark.parametrize(
    "visits",
    [daily(PEOPLE[:6], "Konqueror/3", (3,)), daily(PEOPLE[:6], "Konqueror/3", days=range(0, 120, 9))],
    ids=["every day at night", "now and then"],
)
def test_who_comes_at_other_hours_or_now_and_then_is_one(visits: list[Visit]) -> None:
    clusters, staying, _ = reason([*house(), *visits])
    assert (clusters, staying) == (["Konqueror/3"], [])


def test_a_browser_that_replaces_another_in_the_same_place_is_no_stranger() -> None:
    old = daily(BRANCH, BROWSERS[0], days=range(60))
    elsewhere = [Visit(one, 600 + place, "Phone/12", day, 20) for place, one in enumerate(BRANCH) for day in range(120)]
    new = daily(BRANCH, "Edge/110", days=range(60, 75))
    assert reason([*house(), *old, *elsewhere, *new])[0] == []
    moved = [replace(one, network=PLACE + 1, hour=3) for one in new]
    assert reason([*house(), *old, *elsewhere, *moved])[0] == ["Edge/110"]


def test_an_intruder_whose_browser_is_replaced_is_still_there() -> None:
    """He came now and then with the old one, for more than ten days in all: that is no life."""
    old, new = (
        [Visit(one, PLACE, agent, day, 3) for one in PEOPLE[:6] for day in days]
        for agent, days in (("Konqueror/3", range(0, 60, 4)), ("Konqueror/4", range(61, 118, 4)))
    )
    assert sorted(reason([*house(), *old, *new])[0]) == ["Konqueror/3", "Konqueror/4"]


def test_an_office_is_where_half_of_the_house_lives_with_agents_of_several_kinds() -> None:
    """An export of the tenant: Outlook and the browser of the office are seen in the office only."""
    office = [
        Visit(person, PLACE, agent, day, hour)
        for person in PEOPLE
        for day in range(120)
        if day % 7 < 5
        for agent, hour in (("Outlook/16", 9), ("Edge/18-office", 13))
    ]
    home = [
        Visit(person, place, "Phone/12", day, 20) for place, person in enumerate(PEOPLE) for day in range(0, 120, 2)
    ]
    clusters, staying, shared = reason([*office, *home])
    assert (clusters, staying, shared) == ([], [], {"198.19.244.0/24"})


def test_one_tool_that_opens_half_of_the_house_is_no_office() -> None:
    clusters, _, shared = reason([*house(), *daily(PEOPLE[:40], "Konqueror/3", (3,), days=range(0, 120, 3))])
    assert (clusters, shared) == (["Konqueror/3"], set())


def owners(people: list[str], days: range, hour: int = 3) -> list[Visit]:
    """Give visits from one place, each with the browser that its account has at home."""
    return [Visit(one, PLACE, BROWSERS[PEOPLE.index(one) % 3], day, hour) for one in people for day in days]


def nightly(people: list[str], agent: str, days: range) -> list[Visit]:
    return [Visit(one, PLACE, agent, day, 3) for one in people for day in days]


def test_who_wears_the_owners_browsers_first_is_at_home_nowhere() -> None:
    first = owners(PEOPLE[:8], range(0, 60, 5))
    assert reason([*house(), *first, *nightly(PEOPLE[:8], "Konqueror/3", range(61, 118, 4))])[0] == ["Konqueror/3"]


def test_an_update_of_a_branch_opens_it_to_nobody_who_comes_at_night() -> None:
    life = [one for at, agent in enumerate(BROWSERS) for one in daily(BRANCH, agent, days=range(40 * at, 40 * at + 40))]
    elsewhere = [Visit(one, 600 + place, "Phone/12", day, 20) for place, one in enumerate(BRANCH) for day in range(120)]
    assert reason([*house(), *life, *elsewhere])[0] == []
    assert reason([*house(), *life, *elsewhere, *nightly(BRANCH, "Konqueror/3", range(60, 118, 4))])[0] == [
        "Konqueror/3"
    ]


def test_two_tools_make_no_office_at_night() -> None:
    visits = [
        *nightly(PEOPLE[:24], "Konqueror/3", range(0, 120, 3)),
        *nightly(PEOPLE[24:36], "Lynx/2", range(0, 120, 3)),
    ]
    clusters, _, shared = reason([*house(), *visits])
    assert (sorted(clusters), shared) == (["Konqueror/3", "Lynx/2"], set())


def test_a_quarter_of_the_house_at_night_is_no_place_where_nobody_is_judged() -> None:
    clusters, _, shared = reason(
        [*house(), *nightly(PEOPLE[:8], "Konqueror/3", range(0, 50, 5)), *owners(PEOPLE[20:40], range(0, 50, 5))]
    )
    assert ("Konqueror/3" in clusters, shared) == (True, set())


def test_accounts_that_nobody_uses_make_the_night_no_ordinary_time() -> None:
    """In a small house the visits of one who comes on most nights are a good part of all there are."""
    dead = [f"x{place}" for place in range(6)]
    clusters, staying, _ = reason([*house(), *nightly(dead, "Konqueror/3", range(0, 118, 3))])
    assert (clusters, staying) == (["Konqueror/3"], [])


def test_an_office_in_another_part_of_the_world_is_no_intruder_where_its_people_have_no_other_life() -> None:
    clusters, staying, _ = reason([*house(), *daily([f"x{place}" for place in range(8)], "Firefox/52", (1, 4, 7))])
    assert (clusters, staying) == ([], ["Firefox/52"])


def test_an_agent_that_one_of_many_has_inside_is_nobodys_for_that() -> None:
    each = [
        Visit(one, 700 + place, "Konqueror/3", day, 3)
        for place, one in enumerate(PEOPLE[:9])
        for day in range(0, 118, 6)
    ]
    inner = [Visit(PEOPLE[0], 901, "Konqueror/3", day, 11, client="10.9.9.9") for day in range(0, 117, 9)]
    assert "Konqueror/3" in reason([*house(), *each])[0]
    assert "Konqueror/3" in reason([*house(), *each, *inner])[0]


def test_what_they_have_in_the_office_is_not_theirs_where_they_live_elsewhere_meanwhile() -> None:
    home = [
        Visit(one, place, f"Safari/{place % 3}", day, 20)
        for place, one in enumerate(PEOPLE)
        for day in range(0, 120, 2)
    ]
    worn = owners(PEOPLE[:20], range(30, 118, 3), hour=11)
    assert reason([*in_office(), *home, *worn])[2] == {"10.1.1.0/24"}


def test_part_timers_who_sit_nowhere_else_live_where_they_work() -> None:
    two_days = [one for one in daily(BRANCH, "Firefox/52") if one.day % 7 in (1, 3)]
    clusters, staying, _ = reason([*house(), *two_days])
    assert (clusters, staying) == ([], ["Firefox/52"])


def test_a_program_that_polls_day_and_night_is_no_visitor() -> None:
    app = [
        Visit(one, PLACE, "Outlook-iOS/1", day, hour)
        for one in PEOPLE[:10]
        for day in range(60, 120)
        for hour in range(0, 24, 3)
    ]
    clusters, staying, _ = reason([*house(), *app])
    assert (clusters, staying) == ([], ["Outlook-iOS/1"])


def test_an_app_that_was_given_out_in_the_last_week_is_used_day_after_day_as_far_as_records_go() -> None:
    clusters, staying, _ = reason([*house(), *daily(PEOPLE[:10], "Outlook-iOS/1", days=range(111, 120))])
    assert (clusters, staying) == ([], ["Outlook-iOS/1"])
    clusters, staying, _ = reason([*house(), *daily(PEOPLE[:10], "Outlook-iOS/1", days=range(91, 100))])
    assert (clusters, staying) == (["Outlook-iOS/1"], [])


def test_who_comes_at_night_beside_those_who_live_there_is_judged_by_himself() -> None:
    night = nightly(PEOPLE[10:14], "Firefox/52", range(30, 118, 5))
    accesses = accesses_of(
        sorted([*house(), *daily(BRANCH, "Firefox/52"), *night], key=lambda one: (one.day, one.hour, one.account))
    )
    clients = clients_of(accesses, ties(accesses, services_of(accesses).served))
    found = [{accesses.names[code] for code in one.accounts} for one in clients.clusters]
    assert found == [set(PEOPLE[10:14])]
    assert [{accesses.names[code] for code in one.accounts} for one in clients.staying] == [set(BRANCH)]
    (actor,) = actors_of(clients)
    opened = {accesses.names[clients.column("account")[row]] for row in actor.ties}
    assert opened == set(PEOPLE[10:14])


def homes(people: list[str], network: int, days: range) -> list[Visit]:
    """Give evenings at home, two in five, with the browser that each has in the office."""
    return [
        Visit(one, network, BROWSERS[PEOPLE.index(one) % 3], day, 19 + day % 3)
        for one in people
        for day in days
        if (day * 7 + PEOPLE.index(one)) % 5 < 2
    ]


def in_office(days: int = 120) -> list[Visit]:
    return [
        Visit(one, 900, BROWSERS[place % 3], day, hour, client="10.1.1.9")
        for place, one in enumerate(PEOPLE)
        for day in range(days)
        if day % 7 < 5
        for hour in (9, 14, 19, 20, 21)
    ]


@pytest.mark.parametrize("size", [60, 20, 12])
def test_a_house_whose_exit_is_changed_is_opened_by_nobody(size: int) -> None:
    """All who come by it come from another network from one day on, with what they have in the office."""
    by_exit = [*homes(PEOPLE[:size], PLACE, range(60)), *homes(PEOPLE[:size], PLACE + 1, range(60, 120))]
    alone = [one for place, who in enumerate(PEOPLE[size:]) for one in homes([who], 600 + place, range(120))]
    assert reason([*in_office(), *by_exit, *alone])[0] == []


def test_one_visit_each_of_a_quarter_makes_no_place_where_nobody_is_judged() -> None:
    tool = [Visit(one, PLACE, "Konqueror/3", day, 11) for one in PEOPLE[:8] for day in range(60, 118, 4)]
    clusters, _, shared = reason([*house(), *tool, *owners(PEOPLE[20:40], range(40, 41), hour=11)])
    assert (clusters, shared) == (["Konqueror/3"], set())


def test_who_wears_the_owners_browsers_now_and_then_by_day_is_at_home_nowhere() -> None:
    first = owners(PEOPLE[:8], range(0, 60, 3), hour=8)
    later = [Visit(one, PLACE, "Konqueror/3", day, 8) for one in PEOPLE[:8] for day in range(61, 118, 4)]
    assert reason([*house(), *first, *later])[0] == ["Konqueror/3"]


def test_an_exit_that_is_changed_takes_along_what_each_has_at_home_only() -> None:
    own = {one: ("Chrome/88", "Safari/14", "Firefox/85")[place % 3] for place, one in enumerate(PEOPLE)}
    visits = [
        replace(one, agent=own[one.account])
        for lan, days in ((PLACE, range(60)), (PLACE + 1, range(60, 120)))
        for one in homes(PEOPLE, lan, days)
    ]
    assert reason([*in_office(), *visits])[0] == []
    # one tool for all on both is somebody's
    tool = [replace(one, agent="Konqueror/3") for one in visits if one.account in PEOPLE[:30]]
    assert reason([*in_office(), *tool])[0] != []


def phones(people: list[str], agents: tuple[str, ...] = ("Phone/12",), days: range = range(120)) -> list[Visit]:
    """Give phones behind one range, on all day long whenever their owners are awake."""
    return [
        Visit(one, PLACE, agents[at % len(agents)], day, hour, protocol="eas")
        for at, one in enumerate(people)
        for day in days
        for hour in (6 + (day + at) % 3, 10 + at % 3, 15, 20 + (day * 3 + at) % 4)
    ]


@pytest.mark.parametrize("size", [60, 10])
def test_phones_of_one_model_behind_one_range_are_carried_about(size: int) -> None:
    clusters, staying, _ = reason([*in_office(), *phones(PEOPLE[:size])])
    assert (clusters, staying) == ([], ["Phone/12"])


@pytest.mark.parametrize(("step", "hours"), [(1, (3,)), (4, (6, 11, 16, 21))])
def test_a_phone_that_is_on_at_one_hour_or_on_some_days_is_nobodys(step: int, hours: tuple[int, ...]) -> None:
    his = [
        Visit(one, PLACE, "Phone/1", day, hour, protocol="eas")
        for one in PEOPLE[:8]
        for day in range(30, 118, step)
        for hour in hours
    ]
    clusters, staying, _ = reason([*house(), *his])
    assert (clusters, staying) == (["Phone/1"], [])


def test_an_app_that_some_have_open_now_and_then_late_is_that_of_those_who_have_it_all_day() -> None:
    polled = [
        Visit(one, PLACE, "Outlook-iOS/1", day, hour, protocol="eas")
        for one in PEOPLE[:12]
        for day in range(60, 120)
        for hour in range(0, 24, 3)
    ]
    late = [
        Visit(one, PLACE, "Outlook-iOS/1", day, 23, protocol="eas")
        for one in PEOPLE[12:16]
        for day in range(60, 120, 4)
    ]
    clusters, staying, _ = reason([*house(), *polled, *late])
    assert (clusters, staying) == ([], ["Outlook-iOS/1"])


@pytest.mark.parametrize("hour", [20, 3])
def test_phones_make_no_place_where_a_browser_is_not_judged(hour: int) -> None:
    tool = [Visit(one, PLACE, "Konqueror/3", day, hour) for one in PEOPLE[:8] for day in range(30, 118, 4)]
    everybody = phones(PEOPLE, ("Phone/12", "Phone/13", "Phone/14"))
    clusters, _, shared = reason([*in_office(), *everybody, *tool])
    assert clusters == ["Konqueror/3"]
    assert len(shared) == 2
    assert reason([*in_office(), *everybody])[0] == []


def test_who_makes_a_quarter_of_all_visits_does_not_make_the_hours_he_is_held_against() -> None:
    tools = [
        Visit(one, PLACE, "Lynx/2" if at % 3 else "Konqueror/3", day, 3)
        for at, one in enumerate(PEOPLE[:30])
        for day in range(120)
    ]
    clusters, _, shared = reason([*in_office(), *homes(PEOPLE, 600, range(120)), *tools])
    assert (sorted(clusters), f"198.{18 + PLACE // 256}.{PLACE % 256}.0/24" in shared) == (
        ["Konqueror/3", "Lynx/2"],
        False,
    )


def test_a_tool_that_is_taken_inside_afterwards_is_nobodys_own() -> None:
    each = [
        Visit(one, 700 + place, "Konqueror/3", day, 3)
        for place, one in enumerate(PEOPLE[:9])
        for day in range(0, 118, 6)
    ]
    inner = [Visit(one, 901, "Konqueror/3", day, 9, client="10.9.9.9") for one in PEOPLE[:9] for day in range(20, 33)]
    evenings = [one for place, who in enumerate(PEOPLE) for one in homes([who], 600 + place, range(120))]
    assert reason([*in_office(), *evenings, *each, *inner])[0] == ["Konqueror/3"]


def seldom(hour: int) -> list[Visit]:
    """Give visits to the office with another agent than the one that everybody has there, each on days of its own."""
    return [
        Visit(one, 900, "Konqueror/3", day, hour, client="10.1.1.77")
        for at, one in enumerate(PEOPLE[:12])
        for day in range(5 + at % 9, 118, 9)
    ]


def test_an_agent_that_comes_now_and_then_at_night_to_where_its_accounts_sit_by_day_is_a_crowd() -> None:
    evenings = [one for place, who in enumerate(PEOPLE) for one in homes([who], 600 + place, range(120))]
    assert reason([*in_office(), *evenings, *seldom(3)])[0] == ["Konqueror/3 (inside)"]
    # by day it is a second browser, strange only to what they do at home
    assert reason([*in_office(), *evenings, *seldom(14)])[0] == []


def test_who_moves_with_his_own_computer_is_visited_by_nobody() -> None:
    """All homes are renumbered on one day; what each has at home is neither in the office nor anywhere else."""
    at_home = ("Chrome/88", "Safari/14", "Firefox/85")
    moved = [
        replace(one, agent=at_home[place % 3])
        for place, who in enumerate(PEOPLE)
        for lan, days in ((600 + place, range(60)), (700 + place, range(60, 120)))
        for one in homes([who], lan, days)
    ]
    assert reason([*in_office(), *moved])[0] == []
    # who is at home elsewhere with another agent all along did not move
    home = [one for place, who in enumerate(PEOPLE) for one in homes([who], 600 + place, range(120))]
    tool = [
        Visit(who, 700 + place, "Konqueror/3", day, 20)
        for place, who in enumerate(PEOPLE[:9])
        for day in range(3, 118, 6)
    ]
    assert reason([*in_office(), *home, *tool])[0] == ["Konqueror/3"]
