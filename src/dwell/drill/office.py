"""Office life: what everybody does on a day, and what looks odd and is not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date

from dwell.drill.bystanders import away_on, bystanders_on
from dwell.drill.occasions import abroad_on, occasions_on
from dwell.drill.people import DOMAIN, HOSTS, Person, World, address, pick
from dwell.drill.requests import Request, browser, outlook, phone
from dwell.drill.visits import mapi, owa

__all__ = ["BACKUP", "BACKUP_CLIENT", "day_of_work", "is_quiet"]

BACKUP = "MINISTRY\\svc-backup"
BACKUP_CLIENT = "10.20.250.17"
_HOLIDAYS = {(1, 1), (5, 1), (7, 21), (8, 15), (11, 1), (11, 11), (12, 25), (12, 26)}


def is_quiet(day: date) -> bool:
    """Say whether nobody is at the office: weekends and public holidays."""
    return day.weekday() >= 5 or (day.month, day.day) in _HOLIDAYS


def _sync(rng: random.Random, person: Person, second: int, day: date) -> Request:
    device = next((one for until, one in person.phones if day < until), person.phones[-1][1])
    client = f"{person.carrier}.{rng.randrange(256)}.{rng.randrange(2, 250)}"
    command = rng.choices(["Sync", "Ping", "ItemOperations"], [5, 4, 1])[0]
    kind = "iPhone" if device.startswith("Apple") else "SAMSUNGSMG960F"
    query = f"Cmd={command}&User=MINISTRY%5C{person.sam}&DeviceId={device.partition('#')[2]}&DeviceType={kind}"
    return Request(
        second, person.host, "POST", "/Microsoft-Server-ActiveSync/default.eas", query, person.login, client,
        phone(device, day), 200, "Eas", person.smtp, "", rng.randrange(200, 9_000),
    )  # fmt: skip


def day_of_work(world: World, day: date) -> Iterator[Request]:
    """Yield everything innocent that happens on a day, in no order."""
    rng = pick(world.plan.seed, "day", day)
    quiet = is_quiet(day)
    abroad = {id(one): client for one, first, last, client in world.travels if first <= day <= last}
    for group, first, last, client in world.conferences:
        if first <= day <= last:
            abroad |= {id(one): client for one in group}
    elsewhere = away_on(world, day) | abroad_on(world, day)
    for person in world.people:
        away = abroad.get(id(person))
        if away is not None:
            agent = browser(person.browser, person.lag, day)
            yield from owa(rng, person, rng.randrange(25_000, 70_000), away, agent, rng.randrange(1, 5))
        elif person.smtp in elsewhere:
            pass
        elif not quiet and rng.random() < 0.92:
            for _ in range(rng.randrange(1, 3)):
                yield mapi(rng, person, rng.randrange(25_200, 61_200), person.desk, outlook(day))
            if person.boss is not None and rng.random() < 0.5:
                agent = browser(person.browser, person.lag, day)
                yield from owa(rng, person, rng.randrange(28_000, 57_000), person.desk, agent, 2, person.boss)
        home = person.home(day)
        if away is None and person.smtp not in elsewhere and rng.random() < (0.12 if quiet else 0.22):
            agent = browser(person.browser, person.lag, day)
            yield from owa(rng, person, rng.randrange(62_000, 80_000), home, agent, rng.randrange(1, 4))
        if rng.random() < 0.75:
            yield _sync(rng, person, rng.randrange(19_000, 82_000), day)
    yield from _machines(world, rng, day)
    yield from _spray(world, day)
    yield from bystanders_on(world, day)
    yield from occasions_on(world, day)


def _machines(world: World, rng: random.Random, day: date) -> Iterator[Request]:
    """Yield the health probes and the backup that reads every mailbox at night."""
    for host in HOSTS:
        for second in range(0, 86_400, 3_600):
            user = f"HealthMailbox{'a1b2c3d4' if host == 'EX01' else 'e5f6a7b8'}@{DOMAIN}"
            yield Request(
                second + 7, host, "GET", "/owa/", "-", user, "127.0.0.1", "AMProbe/Local/ClientAccess", 200, "Owa", "",
                "", 500,
            )  # fmt: skip
            if second % 21_600 == 0:
                yield Request(
                    second + 19, host, "POST", "/powershell", "-", user, "127.0.0.1", "Microsoft WinRM Client", 200,
                    "PowerShell", "", "", 900,
                )  # fmt: skip
    if day.weekday() in (1, 4):
        for place, person in enumerate(world.people):
            yield Request(
                3_600 + place * 7 % 9_000, person.host, "POST", "/EWS/Exchange.asmx", "-", BACKUP, BACKUP_CLIENT,
                "MinistryArchive/4.2", 200, "Ews", person.smtp, "GetItem", rng.randrange(2_000, 400_000),
            )  # fmt: skip


def _spray(world: World, day: date) -> Iterator[Request]:
    """Yield, on some days, passwords tried against many names from many addresses, none of them right."""
    rng = pick(world.plan.seed, "spray", day)
    if rng.random() > 0.04:
        return
    sources = [address(rng) for _ in range(6)]
    for person in rng.sample(world.people, min(40, len(world.people))):
        yield Request(
            rng.randrange(86_000), person.host, "POST", "/EWS/Exchange.asmx", "-", person.login, rng.choice(sources),
            "python-requests/2.21.0", 401, "Ews", person.smtp, "", 0,
        )  # fmt: skip
