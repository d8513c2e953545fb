"""Who lives where a client is: people of a branch, a new app, a replaced browser; and who only comes there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.scope.sessions import Visit, accesses_of

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
