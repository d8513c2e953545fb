"""Occasions that make innocents look like intruders: things that happen once, or to one mailbox.

Each kind is a trait of a scenario (`occasions`): a `shared-mailbox` of an office; an `assistant-abroad`, who reads her
superior's mail for three weeks, mostly at what is night at home; `mailbox-moves` from one server to the other, some each
weekend; a `penetration-test` ordered by the house; a provider's `renumbering`, after which a third of all people come from
other ranges at home; and a `shared-range` of a provider, behind which many of them are at home all the time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta

from dwell.drill.bystanders import people_of
from dwell.drill.people import HOSTS, Home, Person, World, address, pick
from dwell.drill.requests import Request, browser
from dwell.drill.visits import owa

__all__ = ["TESTERS", "abroad_on", "move", "occasions_on", "renumber"]

TESTERS = "100.90.44"
"""The range from which the house was tested."""
_TEST_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:68.0) Gecko/20100101 Firefox/68.0"
_SPRAYER = "python-requests/2.23.0"
_ABROAD_DAYS, _TEST_DAYS, _MOVE_WEEKENDS = 21, 12, 4
_BEHIND_ONE = 40


def _start(world: World, share: float) -> date:
    """Give the day when a share of the time has gone by."""
    return world.plan.from_utc.date() + timedelta(days=int((world.plan.to_utc - world.plan.from_utc).days * share))


def _shared_mailbox(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """Nine people of an office answer what comes to one mailbox, at their desks and one of them in the evening at home."""
    if day.weekday() >= 5:
        return
    office, *people = people_of(world, "shared-mailbox", 10)
    for person in people:
        if rng.random() < 0.6:
            agent = browser(person.browser, person.lag, day)
            yield from owa(rng, person, rng.randrange(28_000, 57_000), person.desk, agent, rng.randrange(1, 5), office)
    late = people[day.toordinal() % len(people)]
    agent = browser(late.browser, late.lag, day)
    yield from owa(rng, late, rng.randrange(66_000, 80_000), late.home(day), agent, 2, office)


def _assistant(world: World) -> Person:
    return next(one for one in world.people if one.boss is not None)


def _is_abroad(world: World, day: date) -> bool:
    first = _start(world, 0.4)
    return first <= day < first + timedelta(days=_ABROAD_DAYS)


def _assistant_abroad(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """She goes along to a summit far away, and reads her own mail and her superior's in two hotels."""
    if not _is_abroad(world, day):
        return
    person = _assistant(world)
    second_hotel = day >= _start(world, 0.4) + timedelta(days=_ABROAD_DAYS // 2)
    client, agent = address(pick(world.plan.seed, "hotel", second_hotel)), browser(person.browser, person.lag, day)
    for owner in (None, person.boss, person.boss):
        yield from owa(rng, person, rng.randrange(0, 22_000), client, agent, rng.randrange(2, 6), owner)


def _tested(world: World) -> list[Person]:
    return people_of(world, "penetration-test", 12)


def _penetration_test(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """Testers try one password on everybody, and for twelve days read the mail of those who have it."""
    first = _start(world, 0.55)
    if day == first:
        weak = {one.smtp for one in _tested(world)}
        for place, person in enumerate(world.people):
            yield Request(
                3_600 + place * 15, person.host, "POST", "/EWS/Exchange.asmx", "-", person.login,
                f"{TESTERS}.{20 + place % 3}", _SPRAYER, 200 if person.smtp in weak else 401, "Ews", person.smtp, "", 0,
            )  # fmt: skip
    if first < day < first + timedelta(days=_TEST_DAYS):
        for person in rng.sample(_tested(world), min(4, len(_tested(world)))):
            second, client = rng.randrange(28_000, 60_000), f"{TESTERS}.{rng.choice((20, 21, 22))}"
            yield from owa(rng, person, second, client, _TEST_AGENT, rng.randrange(2, 6))


_Day = Callable[[World, random.Random, date], Iterator[Request]]
_ON_DAY: Mapping[str, _Day] = {
    "assistant-abroad": _assistant_abroad,
    "penetration-test": _penetration_test,
    "shared-mailbox": _shared_mailbox,
}


def occasions_on(world: World, day: date) -> Iterator[Request]:
    """Yield what is done on a day because of the scenario's occasions, in no order."""
    for kind in world.plan.scenario.occasions:
        if kind in _ON_DAY:
            yield from _ON_DAY[kind](world, pick(world.plan.seed, kind, day), day)


def abroad_on(world: World, day: date) -> frozenset[str]:
    """Give the addresses of those who are neither at their desks nor at home on a day, for such an occasion."""
    away = "assistant-abroad" in world.plan.scenario.occasions and _is_abroad(world, day)
    return frozenset({_assistant(world).smtp} if away else ())


def move(world: World, day: date, requests: Iterable[Request]) -> None:
    """Put the requests of a day to the servers where their mailboxes lie by then.

    Those of the first server move to the second, a part of them on each of some weekends.
    """
    if "mailbox-moves" not in world.plan.scenario.occasions:
        return
    first = _start(world, 0.5)
    weekends = max(0, min(_MOVE_WEEKENDS, (day - first).days // 7 + 1))
    over = {one.smtp for place, one in enumerate(world.people) if place // 2 % _MOVE_WEEKENDS < weekends}
    for one in requests:
        if one.mailbox in over and not one.anchor:
            one.host = HOSTS[1]


def renumber(world: World) -> None:
    """Change the ranges from which people come at home, where the scenario says so."""
    kinds = world.plan.scenario.occasions
    rng, day, end = pick(world.plan.seed, "renumbering"), _start(world, 0.5), world.plan.to_utc.date()
    customers = world.people[::3]
    if "renumbering" in kinds:
        before, after = (f"100.{rng.randrange(72, 128)}" for _ in range(2))
        for place, person in enumerate(customers):
            lan, host = 10 + place % 240, rng.randrange(2, 250)
            person.homes = [Home(day, f"{before}.{lan}.{host}"), Home(end, f"{after}.{lan}.{host}")]
    if "shared-range" in kinds:
        common = address(rng).rpartition(".")[0]
        for place, person in enumerate(customers[:_BEHIND_ONE]):
            person.homes = [Home(end, f"{common}.{2 + place}")]
