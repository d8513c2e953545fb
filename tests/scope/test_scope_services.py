"""Services: whose work it is to open mailboxes of others, and what of their account's doings is no such work."""

from __future__ import annotations

import pytest
from tests.scope.sessions import Visit, accesses_of

from dwell.scope.access import Accesses
from dwell.scope.services import ROUND_DAYS, SERVICE_MIN, service_accounts, services_of

PEOPLE = [f"p{place:02}" for place in range(60)]
SPY, HOUSE, OUTSIDE = "spy/1", 40, 41


def office() -> list[Visit]:
    """Give the work of everybody."""
    return [Visit(one, 100 + place, "x", day) for place, one in enumerate(PEOPLE) for day in range(0, 60, 20)]


def rounds(
    account: str, boxes: list[str], *, network: int = HOUSE, agent: str = "bridge/3", days: int = 60, client: str = ""
) -> list[Visit]:
    """Give a service that opens all of its mailboxes on every day."""
    return [
        Visit(account, network, agent, day, 5, "ews", mailbox=one, client=client or None)
        for day in range(days)
        for one in boxes
    ]


def picks(account: str, boxes: list[str], *, network: int = OUTSIDE, agent: str = SPY) -> list[Visit]:
    """Give somebody who opens two mailboxes a day, each of them now and then."""
    return [
        Visit(account, network, agent, day, 3, "ews", mailbox=boxes[(day * 2 + step) % len(boxes)])
        for day in range(60)
        for step in range(2)
    ]


def served(accesses: Accesses) -> set[tuple[str, str, str]]:
    """Give account, network and agent of the sessions that are rounds."""
    found = services_of(accesses).served
    return {
        (accesses.names[account], accesses.networks[lan], accesses.agents[tool])
        for account, lan, tool, yes in zip(
            accesses.account.tolist(), accesses.network.tolist(), accesses.agent.tolist(), found.tolist(), strict=True
        )
        if yes
    }


def test_an_account_that_opens_a_great_part_of_all_mailboxes_is_a_service() -> None:
    people = [f"p{place:02}" for place in range(30)]
    visits = [Visit(one, place, "x", day) for place, one in enumerate(people) for day in range(3)]
    visits += [Visit("backup", 40, "svc", 1, mailbox=one) for one in people]
    visits += [Visit("secretary", 41, "x", 1, mailbox=one) for one in people[:9]]
    accesses = accesses_of(visits)
    assert {accesses.names[one]: count for one, count in service_accounts(accesses).items()} == {"backup": 30}


def test_a_small_service_is_told_by_its_rounds() -> None:
    accesses = accesses_of(office() + rounds("rooms", PEOPLE[:12]))
    assert served(accesses) == {("rooms", "198.18.40.0/24", "bridge/3")}
    assert {accesses.names[one]: count for one, count in services_of(accesses).accounts.items()} == {"rooms": 12}


def test_who_picks_makes_no_rounds_though_the_account_is_a_services() -> None:
    accesses = accesses_of(office() + rounds("sync", PEOPLE[:40]) + picks("sync", PEOPLE[:20]))
    assert served(accesses) == {("sync", "198.18.40.0/24", "bridge/3")}


def test_the_agent_of_a_service_does_not_hide_who_picks_from_elsewhere() -> None:
    accesses = accesses_of(office() + rounds("sync", PEOPLE[:40]) + picks("sync", PEOPLE[:20], agent="bridge/3"))
    assert served(accesses) == {("sync", "198.18.40.0/24", "bridge/3")}


def test_a_service_that_comes_by_many_addresses_makes_its_rounds_over_all_of_them() -> None:
    visits = [
        Visit("rooms", 41 + (place + day) % 10, "bridge/3", day, 5, "ews", mailbox=one)
        for day in range(60)
        for place, one in enumerate(PEOPLE[:20])
    ]
    assert len(served(accesses_of(office() + visits))) == 10


@pytest.mark.parametrize(
    "visits",
    [
        rounds("one night", PEOPLE[:25], days=ROUND_DAYS - 1),
        rounds("secretary", PEOPLE[: SERVICE_MIN - 1]),
        picks("help", PEOPLE[:25]),
    ],
    ids=["all in a few nights", "a few mailboxes", "two a day"],
)
def test_what_makes_no_rounds_is_judged(visits: list[Visit]) -> None:
    assert served(accesses_of(office() + visits)) == set()


def test_who_opens_most_mailboxes_from_inside_on_request_is_a_service() -> None:
    desk = [
        Visit("help", HOUSE, "x", day, 10, mailbox=PEOPLE[(day * 7) % 60], client="10.20.40.20") for day in range(60)
    ]
    accesses = accesses_of(office() + desk)
    assert {one for one, _, _ in served(accesses)} == {"help"}


def test_who_opens_most_mailboxes_from_outside_beside_a_service_is_no_part_of_it() -> None:
    visits = rounds("backup", PEOPLE, client="10.20.250.17") + picks("backup", PEOPLE)
    assert {tool for _, _, tool in served(accesses_of(office() + visits))} == {"bridge/3 (inside)"}


def test_refused_calls_of_a_service_are_its_own() -> None:
    visits = [*rounds("rooms", PEOPLE[:12]), Visit("rooms", 77, "bridge/3", 3, outcome=1)]
    accesses = accesses_of(office() + visits)
    assert ("rooms", "198.18.77.0/24", "bridge/3") in served(accesses)
    assert services_of(accesses_of([])).accounts == {}
