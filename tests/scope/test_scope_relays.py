"""Relays: one machine inside that signs in as many, and what comes so by right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.scope.sessions import Visit, accesses_of

from dwell.scope.actors import actors_of
from dwell.scope.clients import Clients, Cluster, clients_of
from dwell.scope.habits import ties
from dwell.scope.intrusions import RELAYED, intrusions_of

PEOPLE = [f"p{place:02}@gov.example" for place in range(40)]
MACHINE, TOOL = "10.20.44.201", "ExchangeServicesClient/0.0"
VICTIMS = PEOPLE[:12]


def work() -> list[Visit]:
    """Give the work of everybody, at a computer of his own inside and in the evening at home."""
    out = []
    for place, person in enumerate(PEOPLE):
        for day in range(200):
            if day % 7 < 5:
                desk = f"10.20.{place % 4}.{10 + place}"
                out.append(Visit(person, 0, "Chrome/73", day, 9, client=desk, auth="FBA"))
                out.append(Visit(person, 0, "Outlook/16.0", day, 10, "mapi", client=desk, auth="NTLM"))
            if day % 2:
                out.append(Visit(person, 100 + place, "Chrome/73", day, 20))
    return out


def passed_on(people: list[str] = VICTIMS, days: int = 200, step: int = 12) -> list[Visit]:
    """Give what a relay does: each account now and then, in office hours."""
    return [
        Visit(person, 0, TOOL, day, 11, "ews", client=MACHINE, auth="NTLM")
        for place, person in enumerate(people)
        for day in range(place, days, step)
    ]


def found(more: list[Visit]) -> tuple[Clients, list[Cluster]]:
    accesses = accesses_of(sorted([*work(), *more], key=lambda one: (one.day, one.hour, one.account)))
    clients = clients_of(accesses, ties(accesses, np.zeros(len(accesses), np.bool_)))
    return clients, [one for one in clients.clusters if one.relay]


def test_a_machine_that_passes_logins_on_is_an_intruder() -> None:
    accesses = accesses_of(sorted([*work(), *passed_on()], key=lambda one: (one.day, one.hour, one.account)))
    clients = clients_of(accesses, ties(accesses, np.zeros(len(accesses), np.bool_)))
    (relay,) = [one for one in clients.clusters if one.relay]
    assert relay.relay == MACHINE
    assert [accesses.names[one] for one in relay.accounts] == VICTIMS
    (held,) = intrusions_of(actors_of(clients), (), accesses, clients)
    assert held.accounts == tuple(VICTIMS)
    assert RELAYED in held.techniques
    assert any(MACHINE in one and "NTLM" in one for one in held.links)
    assert any("passwords" in one for one in held.against)
    taken = accesses.rows(held.rows, ("client",))["client"].to_pylist()
    assert set(taken) == {MACHINE}


@pytest.mark.parametrize(
    "changed",
    [
        {"auth": "Negotiate"},
        {"auth": None},
        {"protocol": "owa"},
        {"agent": "Outlook/16.0", "protocol": "mapi"},
    ],
    ids=[
        "an application by Kerberos",
        "no log names the method",
        "a shared computer",
        "a terminal server with Outlook",
    ],
)
def test_what_is_there_by_right_is_no_relay(changed: dict[str, str | None]) -> None:
    _, relays = found([replace(one, **changed) for one in passed_on()])  # type: ignore[arg-type]
    assert relays == []


def test_two_addresses_are_no_machine() -> None:
    visits = passed_on()
    _, relays = found([replace(one, client=f"10.20.44.{201 + one.day % 2}") for one in visits])
    assert relays == []


@pytest.mark.parametrize(
    ("people", "days", "step"),
    [(PEOPLE[:7], 200, 12), (VICTIMS, 80, 12), (VICTIMS, 200, 2)],
    ids=["too few accounts", "too short a time", "there nearly every day"],
)
def test_few_short_or_daily_visits_are_no_relay(people: list[str], days: int, step: int) -> None:
    _, relays = found(passed_on(people, days, step))
    assert relays == []


def test_regular_users_of_the_same_tool_there_make_it_an_application() -> None:
    """Most of those who come there come every day: it is theirs."""
    regular = [
        Visit(person, 0, TOOL, day, 12, "ews", client=MACHINE, auth="NTLM")
        for person in PEOPLE[12:32]
        for day in range(200)
    ]
    _, relays = found([*passed_on(), *regular])
    assert relays == []
