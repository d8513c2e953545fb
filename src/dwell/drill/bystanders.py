"""Innocents that look like intruders: places many accounts come to, and accounts that open mailboxes of others by right.

Each kind is a trait of a scenario (`bystanders`). Where people come to a place themselves they are not at their desks on
that day; on a night in parliament they were, before it began.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta

from dwell.drill.people import DOMAIN, NETBIOS, Person, World, address, pick
from dwell.drill.requests import Request, browser, outlook
from dwell.drill.visits import mapi, owa

__all__ = ["BYSTANDERS", "SERVICE", "SERVICES", "away_on", "bystanders_on", "people_of"]

SERVICE = f"{NETBIOS}\\svc-sync"
"""The calendar service's account; it has the impersonation role."""
SERVICES: Mapping[str, str] = {
    "calendar-service": "svc-sync",
    "journal": "svc-journal",
    "room-booking": "svc-rooms",
    "migration": "svc-migrate",
}
"""Accounts of services, by kind of bystander."""
_KIOSK_AGENT = "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko"
_TRAINING_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:60.0) Gecko/20100101 Firefox/60.0"
_DAY, _NIGHT_FROM, _NIGHT_TO = 86_400, 79_200, 20_000
_SHIFT_DAYS, _TERM_DAYS = 3, 40


def _pool(world: World) -> list[Person]:
    """Give those whom no intruder reads."""
    size = len(world.people)
    return world.people[size // 5 : size - min(40, size // 4)]


def people_of(world: World, kind: str, count: int) -> list[Person]:
    """Give the people of a kind of bystander."""
    pool = _pool(world)
    return pick(world.plan.seed, "bystanders", kind).sample(pool, min(count, len(pool)))


def _network(world: World, kind: str) -> str:
    return address(pick(world.plan.seed, "place", kind)).rpartition(".")[0]


def _own_browser(person: Person, day: date) -> str:
    return browser(person.browser, person.lag, day)


def _ews(
    person: Person, second: int, account: str, client: str, agent: str, sent: int, action: str = "GetItem"
) -> Request:
    return Request(
        min(second, _DAY - 1), person.host, "POST", "/EWS/Exchange.asmx", "-", f"{NETBIOS}\\{account}", client, agent, 200,
        "Ews", person.smtp, action, sent,
    )  # fmt: skip


def _kiosk(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """A computer in the hall with an old browser, which people use on their way."""
    if day.weekday() < 5:
        for person in rng.sample(people_of(world, "kiosk", 30), min(3, len(_pool(world)))):
            yield from owa(rng, person, rng.randrange(22_000, 70_000), "10.20.77.5", _KIOSK_AGENT, rng.randrange(1, 4))


def _on_shift(world: World, day: date) -> Person:
    """Give whose shift begins in the evening of a day: three nights on end, by turns."""
    people = people_of(world, "night-desk", 14)
    return people[day.toordinal() // _SHIFT_DAYS % len(people)]


def _night_desk(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """One computer that is staffed at night, by one person after the other."""
    for person, first, last, visits in (
        (_on_shift(world, day), _NIGHT_FROM, _DAY, 2),
        (_on_shift(world, day - timedelta(days=1)), 0, _NIGHT_TO, 3),
    ):
        for _ in range(visits):
            agent = browser("chrome", 0, day)
            yield from owa(rng, person, rng.randrange(first, last), "10.20.60.9", agent, rng.randrange(2, 7))


def _night_desk_away(world: World, day: date) -> list[Person]:
    """Who comes off a shift sleeps."""
    return [_on_shift(world, day - timedelta(days=1))]


def _duty_room(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """A room of the house where somebody stays until midnight after his day's work, three days on end."""
    people = people_of(world, "duty-room", 12)
    person = people[day.toordinal() // _SHIFT_DAYS % len(people)]
    for _ in range(3):
        agent = browser("chrome", 0, day)
        yield from owa(rng, person, rng.randrange(76_000, 86_000), "10.20.61.4", agent, rng.randrange(1, 5))


def _seconded(world: World, day: date) -> list[Person]:
    """Give who works at the partner's on a day: two weeks to five each."""
    rng = pick(world.plan.seed, "secondments")
    first, span = world.plan.from_utc.date(), (world.plan.to_utc - world.plan.from_utc).days
    out = []
    for person in people_of(world, "partner-office", 24):
        start = first + timedelta(days=rng.randrange(max(1, span - 20)))
        if start <= day < start + timedelta(days=rng.randrange(14, 36)):
            out.append(person)
    return out


def _partner_office(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """The office of a partner, where colleagues work for weeks with their own computers."""
    lan = _network(world, "partner-office")
    if day.weekday() < 5:
        for person in _seconded(world, day):
            client = f"{lan}.{10 + sum(person.sam.encode()) % 200}"
            yield from owa(
                rng, person, rng.randrange(27_000, 57_000), client, _own_browser(person, day), rng.randrange(1, 5)
            )
            yield mapi(rng, person, rng.randrange(25_200, 61_200), client, outlook(day))


def _trained(world: World, day: date) -> list[Person]:
    """Give who is trained on a day: ten people on two days a month."""
    if not (day.weekday() in (1, 2) and 8 <= day.day - day.weekday() + 1 <= 14):
        return []
    rng = pick(world.plan.seed, "training", day.year, day.month)
    return rng.sample(_pool(world), min(10, len(_pool(world))))


def _training_room(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """A hired room with computers that nobody keeps up to date."""
    client = f"{_network(world, 'training-room')}.20"
    for person in _trained(world, day):
        for _ in range(2):
            yield from owa(rng, person, rng.randrange(28_000, 57_000), client, _TRAINING_AGENT, rng.randrange(1, 4))


def _in_session(world: World, day: date) -> list[Person]:
    """Give who sits in parliament in the evening of a day: nearly the same people, every six weeks."""
    if (day - world.plan.from_utc.date()).days % _TERM_DAYS != _TERM_DAYS // 2:
        return []
    rng = pick(world.plan.seed, "session", day)
    return [one for one in people_of(world, "night-sessions", 16) if rng.random() < 0.8]


def _night_sessions(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """Parliament sits at night, and those who attend read their mail there."""
    lan = _network(world, "night-sessions")
    for sitting, first, last in ((day, 72_000, _DAY), (day - timedelta(days=1), 0, 11_000)):
        for person in _in_session(world, sitting):
            client = f"{lan}.{10 + sum(person.sam.encode()) % 200}"
            for _ in range(2):
                second = rng.randrange(first, last)
                yield from owa(rng, person, second, client, _own_browser(person, day), rng.randrange(1, 4))


def _calendar_service(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """A service of the house that puts appointments into calendars, twice a day."""
    for person in world.people[len(world.people) // 10 : len(world.people) // 2]:
        for hour in (5, 13):
            second = hour * 3_600 + rng.randrange(1_800)
            agent, sent = "CalendarBridge/3.1", rng.randrange(600, 4_000)
            yield _ews(person, second, SERVICES["calendar-service"], "10.20.250.31", agent, sent, "FindItem")


def _journal(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """A second archive, of those whose mail has to be kept."""
    for person in world.people[::3]:
        second, sent = 7_200 + rng.randrange(7_000), rng.randrange(2_000, 400_000)
        yield _ews(person, second, SERVICES["journal"], "10.20.250.40", "Journal Collector/2.1", sent)


def _room_booking(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """A hired service outside that books rooms for some offices, all day long."""
    lan = _network(world, "room-booking")
    if day.weekday() < 5:
        for person in people_of(world, "room-booking", 25):
            for hour in (7, 12):
                second, client = hour * 3_600 + rng.randrange(3_000), f"{lan}.{rng.choice((7, 8))}"
                sent = rng.randrange(600, 4_000)
                yield _ews(person, second, SERVICES["room-booking"], client, "RoomBooker/7.3", sent, "FindItem")


def _helpdesk(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """Three people who open mailboxes on request, from their desks and now and then from home."""
    if day.weekday() < 5:
        for _ in range(rng.randrange(1, 5)):
            number = rng.randrange(3)
            account = replace(world.people[0], sam=f"adm-help{number}", smtp=f"adm-help{number}@{DOMAIN}", boss=None)
            home = address(pick(world.plan.seed, "helpdesk", number))
            client = home if rng.random() < 0.15 else f"10.20.40.{20 + number}"
            owner = rng.choice(world.people)
            account.host = owner.host
            yield from owa(rng, account, rng.randrange(28_000, 60_000), client, browser("chrome", 0, day), 3, owner)


def _migration(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """One weekend on which all mailboxes are moved."""
    middle = world.plan.from_utc.date() + (world.plan.to_utc - world.plan.from_utc) // 2
    saturday = middle + timedelta(days=5 - middle.weekday())
    if saturday <= day <= saturday + timedelta(days=1):
        for person in world.people:
            for _ in range(4):
                second, sent = rng.randrange(18_000, 80_000), rng.randrange(50_000, 900_000)
                agent = "ExchangeServicesClient/15.01.2176.000"
                yield _ews(person, second, SERVICES["migration"], "10.20.250.60", agent, sent)


def _connector(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """An application of the house that opens mailboxes in its users' names, whenever they open its page: by Kerberos."""
    if day.weekday() < 5:
        for person in rng.sample(people_of(world, "connector", 30), min(2, len(_pool(world)))):
            for _ in range(rng.randrange(1, 4)):
                second, sent = rng.randrange(28_000, 57_000), rng.randrange(600, 30_000)
                yield _ews(person, second, person.sam, "10.20.250.71", "ExchangeServicesClient/15.00.0847.030", sent)


_Day = Callable[[World, random.Random, date], Iterator[Request]]
BYSTANDERS: Mapping[str, _Day] = {
    "calendar-service": _calendar_service,
    "connector": _connector,
    "duty-room": _duty_room,
    "helpdesk": _helpdesk,
    "journal": _journal,
    "kiosk": _kiosk,
    "migration": _migration,
    "night-desk": _night_desk,
    "night-sessions": _night_sessions,
    "partner-office": _partner_office,
    "room-booking": _room_booking,
    "training-room": _training_room,
}
"""What each kind does on a day."""
_AWAY: Mapping[str, Callable[[World, date], list[Person]]] = {
    "night-desk": _night_desk_away,
    "partner-office": _seconded,
    "training-room": _trained,
}
"""Who is there himself, and so neither at his desk nor at home."""


def bystanders_on(world: World, day: date) -> Iterator[Request]:
    """Yield what the scenario's bystanders do on a day, in no order."""
    for kind in world.plan.scenario.bystanders:
        yield from BYSTANDERS[kind](world, pick(world.plan.seed, kind, day), day)


def away_on(world: World, day: date) -> frozenset[str]:
    """Give the addresses of those who are neither at their desks nor at home on a day."""
    kinds = [one for one in world.plan.scenario.bystanders if one in _AWAY]
    return frozenset(person.smtp for one in kinds for person in _AWAY[one](world, day))
