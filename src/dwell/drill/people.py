"""The people of the ministry: names, accounts, roles, homes, phones and browsers. All from the seed."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from dwell.drill.scenario import DEFAULT, Scenario

__all__ = ["DOMAIN", "NETBIOS", "DrillPlan", "Home", "Person", "World", "make_world", "pick"]

DOMAIN = "ministry.example"
NETBIOS = "MINISTRY"
HOSTS = ("EX01", "EX02")

_FIRST = [
    "anna",
    "bram",
    "claire",
    "daan",
    "elise",
    "farid",
    "greta",
    "hugo",
    "ines",
    "jonas",
    "katja",
    "lucas",
    "marie",
    "nils",
    "olga",
    "pieter",
    "rosa",
    "sami",
    "tine",
    "ugo",
    "vera",
    "wim",
    "xenia",
    "yves",
    "zoe",
    "amina",
    "bart",
    "carla",
    "dirk",
    "emma",
    "felix",
    "gita",
    "hans",
    "ilse",
    "jan",
    "karel",
    "lea",
    "mila",
    "noor",
    "otto",
]
_LAST = [
    "aerts",
    "bakker",
    "claes",
    "dubois",
    "evrard",
    "fischer",
    "goossens",
    "hermans",
    "ivanov",
    "jacobs",
    "keller",
    "lambert",
    "maes",
    "nys",
    "olsen",
    "peeters",
    "quintens",
    "rossi",
    "smets",
    "thys",
    "urbain",
    "vanacker",
    "wouters",
    "yilmaz",
    "zeman",
    "adam",
    "beck",
    "cools",
    "denis",
    "engel",
    "fabry",
    "gilles",
    "horvat",
]


@dataclass(frozen=True, slots=True)
class DrillPlan:
    """What to make.

    Attributes:
        seed: everything follows from it.
        mailboxes: how many people there are.
        from_utc: first day, midnight UTC.
        to_utc: the day after the last.
        scenario: what is planted, and what evidence is left.
    """

    seed: int = 1
    mailboxes: int = 400
    from_utc: datetime = datetime(2019, 3, 1, tzinfo=UTC)
    to_utc: datetime = datetime(2021, 4, 1, tzinfo=UTC)
    scenario: Scenario = DEFAULT


@dataclass(frozen=True, slots=True)
class Home:
    """A network at home, until the provider gives out another."""

    until: date
    address: str


@dataclass(slots=True)
class Person:
    """One person with a mailbox.

    Attributes:
        sam: account name.
        smtp: primary address.
        guid: mailbox GUID.
        sid: security identifier.
        role: `cabinet`, `staff` or `official`.
        host: the server that holds the mailbox.
        desk: address at the office.
        homes: networks at home over the years.
        carrier: the /16 of the phone's provider.
        phones: device and the date until which it is used.
        browser: `chrome`, `edge` or `firefox`.
        lag: how many versions the browser is behind.
        boss: whose mailbox the person opens as a delegate.
    """

    sam: str
    smtp: str
    guid: str
    sid: str
    role: str
    host: str
    desk: str
    homes: list[Home]
    carrier: str
    phones: list[tuple[date, str]]
    browser: str
    lag: int
    boss: Person | None = None

    @property
    def login(self) -> str:
        """Give the name as IIS writes it."""
        return f"{NETBIOS}\\{self.sam}"

    def home(self, day: date) -> str:
        """Give the address at home on a day."""
        return next((one.address for one in self.homes if day < one.until), self.homes[-1].address)


@dataclass(slots=True)
class World:
    """The ministry.

    Attributes:
        plan: what was asked for.
        people: everyone, cabinet first.
        travels: person, first and last day, address abroad.
        conferences: people, first and last day, the one address.
    """

    plan: DrillPlan
    people: list[Person]
    travels: list[tuple[Person, date, date, str]] = field(default_factory=list)
    conferences: list[tuple[list[Person], date, date, str]] = field(default_factory=list)


def pick(seed: int, *words: object) -> random.Random:
    """Give a source of chance of its own for each purpose, so that one part does not disturb another."""
    return random.Random(":".join(str(one) for one in (seed, *words)))  # noqa: S311 - an exercise, no secret


def address(rng: random.Random) -> str:
    """Give an address out of 100.64.0.0/10: space that belongs to nobody on the internet."""
    return f"100.{rng.randrange(72, 128)}.{rng.randrange(256)}.{rng.randrange(2, 250)}"


def _homes(rng: random.Random, plan: DrillPlan) -> list[Home]:
    out: list[Home] = []
    day = plan.from_utc.toordinal()
    while day < plan.to_utc.toordinal():
        day += rng.randrange(90, 260)
        out.append(Home(date.fromordinal(day), address(rng)))
    return out


def _phones(rng: random.Random, plan: DrillPlan) -> list[tuple[date, str]]:
    out: list[tuple[date, str]] = []
    day = plan.from_utc.toordinal() - rng.randrange(400)
    while day < plan.to_utc.toordinal():
        day += rng.randrange(350, 800)
        device = rng.choice(["Apple-iPhone9C3", "Apple-iPhone11C8", "Apple-iPhone12C1", "Android-SAMSUNG-SM-G960F"])
        out.append((date.fromordinal(day), f"{device}#{rng.randrange(16**10):010X}"))
    return out


def make_world(plan: DrillPlan) -> World:
    """Make the people, their travels and their conferences."""
    rng = pick(plan.seed, "people")
    names: dict[str, None] = {}
    while len(names) < plan.mailboxes:
        base = f"{rng.choice(_FIRST)}.{rng.choice(_LAST)}"
        name, count = base, 2
        while name in names:
            name, count = f"{base}{count}", count + 1
        names[name] = None
    people: list[Person] = []
    cabinet, staff = max(3, plan.mailboxes // 25), max(5, plan.mailboxes // 10)
    for place, name in enumerate(names):
        role = "cabinet" if place < cabinet else "staff" if place < cabinet + staff else "official"
        people.append(
            Person(
                name[:20],
                f"{name}@{DOMAIN}",
                str(uuid.UUID(int=rng.getrandbits(128), version=4)),
                f"S-1-5-21-1004336348-1177238915-682003330-{1100 + place}",
                role,
                HOSTS[place % 2],
                f"10.20.{place // 200}.{place % 200 + 10}",
                _homes(rng, plan),
                f"100.{64 + place % 3}",
                _phones(rng, plan),
                rng.choices(["chrome", "edge", "firefox"], [6, 3, 1])[0],
                rng.choices([0, 1, 2], [8, 3, 1])[0],
            )
        )
    for place in range(cabinet):
        people[cabinet + place % staff].boss = people[place]
    world = World(plan, people)
    _away(world)
    return world


def _away(world: World) -> None:
    plan, rng = world.plan, pick(world.plan.seed, "away")
    first, last = plan.from_utc.toordinal() + 10, plan.to_utc.toordinal() - 15
    if last <= first:
        return
    for person in world.people:
        for _ in range(rng.randrange(3)):
            day = rng.randrange(first, last)
            world.travels.append(
                (person, date.fromordinal(day), date.fromordinal(day + rng.randrange(3, 9)), address(rng))
            )
    for _ in range(max(1, (last - first) // 120)):
        day = rng.randrange(first, last)
        group = rng.sample(world.people, min(5, len(world.people)))
        world.conferences.append((group, date.fromordinal(day), date.fromordinal(day + 2), address(rng)))
