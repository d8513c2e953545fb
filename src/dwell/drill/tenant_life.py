"""Applications of the tenant and the innocents there: what applications read that people or an administrator let in.

Each kind is a trait of a scenario (`tenant`): a desk application that people use at work, a calendar that is kept up to
date all day, one for trips that is used now and then, an archive that reads every mailbox at night. Some people forward
their mail to a second mailbox of their own in the house; secretaries have rights on their superiors' mailboxes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta

from dwell.drill.people import Person, World, address, pick
from dwell.drill.requests import Request
from dwell.drill.tenant_records import App

__all__ = ["APPS", "HOSTILE", "HOSTILE_ALONE", "apps_on", "consents_of", "forwarders", "graph"]

HOSTILE = App("Mail Insights", "openid profile offline_access User.Read Mail.Read")
HOSTILE_ALONE = App("Directory Health", "Mail.Read", app_only=True)
_DESK = App("Relation Desk", "openid offline_access User.Read Mail.Read Contacts.Read")
_CALENDAR = App("Shared Planner", "openid offline_access User.Read Calendars.ReadWrite Mail.Read")
_TRAVEL = App("Trip Papers", "openid offline_access Mail.Read")
_BACKUP = App("Vault Archive", "Mail.Read", app_only=True)
APPS: Mapping[str, App] = {one.name: one for one in (HOSTILE, HOSTILE_ALONE, _DESK, _CALENDAR, _TRAVEL, _BACKUP)}
"""By name."""
_USERS: Mapping[str, tuple[App, int]] = {
    "desk-app": (_DESK, 22), "calendar-app": (_CALENDAR, 26), "travel-app": (_TRAVEL, 9),
}  # fmt: skip
_FORWARDERS = 8


def graph(rng: random.Random, person: Person, second: int, client: str, app: App, count: int) -> Iterator[Request]:
    """Yield an application's reading of some messages of one mailbox."""
    for _ in range(count):
        yield Request(
            min(second, 86_399), person.host, "GET", "/v1.0/me/messages", "-", person.login, client, app.name, 200,
            "Rest", person.smtp, "GetItem", rng.randrange(2_000, 60_000),
        )  # fmt: skip
        second += rng.randrange(1, 4)


def _users(world: World, kind: str) -> list[Person]:
    """Give who uses an application: whoever likes it, those whom an intruder reads among them."""
    count = max(3, _USERS[kind][1] * len(world.people) // 160)
    return pick(world.plan.seed, "app", kind).sample(world.people, min(count, len(world.people)))


def consents_of(world: World) -> Iterator[tuple[datetime, Person | None, App]]:
    """Yield when who consented to what; nobody stands for the administrator, who consents for all."""
    first, span = world.plan.from_utc, (world.plan.to_utc - world.plan.from_utc).days
    for kind in world.plan.scenario.tenant:
        rng = pick(world.plan.seed, "consent", kind)
        if kind == "backup-app":
            yield first + timedelta(days=1, hours=9), None, _BACKUP
        elif kind in _USERS:
            for person in _users(world, kind):
                day = first + timedelta(days=rng.randrange(1, max(2, span * 3 // 5)))
                day += timedelta(days=max(0, day.weekday() - 4) and 7 - day.weekday())
                yield day + timedelta(seconds=rng.randrange(27_000, 60_000)), person, _USERS[kind][0]


def _vendor(world: World, app: App, rng: random.Random) -> str:
    return f"{address(pick(world.plan.seed, 'vendor', app.name)).rpartition('.')[0]}.{rng.choice((11, 12))}"


def apps_on(world: World, day: date) -> Iterator[Request]:
    """Yield what innocent applications read on a day, in no order."""
    wanted = world.plan.scenario.tenant
    midnight = datetime.combine(day, time(), world.plan.from_utc.tzinfo)
    for at, person, app in consents_of(world) if wanted else ():
        if at >= midnight:
            continue
        rng = pick(world.plan.seed, app.name, day, person.smtp if person else "")
        client = _vendor(world, app, rng)
        if person is None:
            if day.weekday() in (1, 4):
                for place, one in enumerate(world.people):
                    yield from graph(rng, one, 3_600 + place * 7 % 9_000, client, app, 1)
        elif app is _DESK:
            if day.weekday() < 5 and rng.random() < 0.7:
                yield from graph(rng, person, rng.randrange(25_200, 61_200), client, app, rng.randrange(1, 5))
        elif app is _CALENDAR:
            for hour in (2, 8, 14, 20):
                if rng.random() < 0.8:
                    yield from graph(rng, person, hour * 3_600 + rng.randrange(3_000), client, app, 1)
        elif day.weekday() < 5 and rng.random() < 0.06:
            yield from graph(rng, person, rng.randrange(25_200, 61_200), client, app, rng.randrange(1, 6))


def forwarders(world: World) -> list[tuple[datetime, Person]]:
    """Give who forwards his mail to a second mailbox of his own in the house, and since when."""
    if "forwarders" not in world.plan.scenario.tenant:
        return []
    rng = pick(world.plan.seed, "forwarders")
    span = (world.plan.to_utc - world.plan.from_utc).days
    people = rng.sample(world.people, min(_FORWARDERS, len(world.people)))
    return [
        (world.plan.from_utc + timedelta(days=rng.randrange(1, span // 2), seconds=rng.randrange(27_000, 60_000)), one)
        for one in people
    ]
