"""The two intruders: a quiet one who reads with the owners' passwords for two years, a loud one who comes by ProxyLogon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from dwell.drill.people import DOMAIN, HOSTS, Person, World, pick
from dwell.drill.requests import Request
from dwell.drill.ways import Ways

__all__ = ["SHELL", "Actor", "loud", "quiet", "scanners", "victims"]

SHELL = "/aspnet_client/supp0rt.aspx"
_LOUD_AGENT = "python-requests/2.25.1"
_SHELL_AGENT = "antSword/v2.1"


@dataclass(slots=True)
class Actor:
    """An intruder: what he did, by day, and the truth about him.

    `borne` is, by mailbox, the grade that records of acts bear which are no requests to the servers.
    """

    name: str
    days: dict[date, list[Request]] = field(default_factory=dict)
    clients: set[str] = field(default_factory=set)
    agents: set[str] = field(default_factory=set)
    mailboxes: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    instants: list[datetime] = field(default_factory=list)
    borne: dict[str, str] = field(default_factory=dict)

    def add(self, day: date, request: Request) -> None:
        """Take a request."""
        self.days.setdefault(day, []).append(request)
        self.clients.add(request.client)
        self.agents.add(request.agent)
        self.hosts.add(request.host)
        if request.mailbox:
            self.mailboxes.add(request.mailbox)
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        self.instants.append(start + timedelta(seconds=request.second))

    def truth(self) -> dict[str, object]:
        """Give the truth about him."""
        return {
            "id": self.name,
            "first_utc": min(self.instants).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "last_utc": max(self.instants).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "clients": sorted(self.clients),
            "agents": sorted(self.agents),
            "mailboxes": sorted(self.mailboxes),
            "hosts": sorted(self.hosts),
        }


def victims(world: World) -> list[Person]:
    """Give those whose mail the quiet intruder reads."""
    count = world.plan.scenario.victims or min(32, len(world.people) // 4)
    return world.people[: max(2, count)]


def quiet(world: World) -> Actor:
    """Make the quiet intruder: what the scenario says of his ways, over the whole time of the plan."""
    plan, rng = world.plan, pick(world.plan.seed, "quiet")
    actor = Actor("quiet")
    if not plan.scenario.quiet:
        return actor
    span = (plan.to_utc - plan.from_utc).days
    first = plan.from_utc.date() + timedelta(days=min(41, span // 12))
    last = plan.to_utc.date() - timedelta(days=min(34, span // 12))
    days = [one for place in range((last - first).days) if (one := first + timedelta(days=place)).weekday() < 5]
    away = plan.scenario.pause
    chosen = victims(world)
    ways = Ways(plan.scenario, rng, chosen, span)
    visits = [chosen[place % len(chosen)] for place in range(max(len(chosen) * plan.scenario.visits, 1))]
    rng.shuffle(visits)
    for place, person in enumerate(visits):
        when = place / len(visits)
        if away[0] <= when < away[1]:
            continue
        day = days[min(len(days) - 1, int(when * len(days)))]
        for request in ways.visit(person, when, day):
            actor.add(day, request)
    return actor


def _forged(second: int, host: str, client: str, path: str, tail: str, status: int) -> Request:
    anchor = f"ServerInfo~a]@{host}.{DOMAIN}:444/{tail}"
    protocol = "Ecp" if path.startswith("/ecp") else "Autodiscover"
    return Request(second, host, "POST", path, "-", "-", client, _LOUD_AGENT, status, protocol, "", "", 3_000, anchor)


def loud(world: World) -> tuple[Actor, list[tuple[str, date, int]]]:
    """Make the loud intruder; give also where and when he wrote his web shell."""
    plan, rng = world.plan, pick(world.plan.seed, "loud")
    actor = Actor("loud")
    if not plan.scenario.loud:
        return actor, []
    day = date(2021, 3, 3)
    if not plan.from_utc.date() <= day < plan.to_utc.date() - timedelta(days=8):
        day = plan.to_utc.date() - timedelta(days=28)
    client, other = "100.71.9.44", "100.71.200.8"
    written: list[tuple[str, date, int]] = []
    for place, host in enumerate(HOSTS):
        when = day + timedelta(days=place)
        at = 7_200 + rng.randrange(600)
        steps = (
            ("autodiscover/autodiscover.xml?a=~1942062522", 200),
            ("mapi/emsmdb?MailboxId=x@y&a=~1942062522", 200),
            ("ecp/proxyLogon.ecp?a=~1942062522", 241),
            ("ecp/DDI/DDIService.svc/GetObject?schema=OABVirtualDirectory&a=~1", 200),
            ("ecp/DDI/DDIService.svc/SetObject?schema=ResetOABVirtualDirectory#&a=~1", 200),
        )
        for step, (tail, status) in enumerate(steps):
            actor.add(when, _forged(at + step * 20, host, client, "/ecp/y.js", tail, status))
        reset = "schema=ResetOABVirtualDirectory&msExchEcpCanary=x"
        actor.add(
            when,
            Request(
                at + 81, host, "POST", "/ecp/DDI/DDIService.svc/SetObject", reset, f"MINISTRY\\{host}$", client,
                _LOUD_AGENT, 200, "", "", "", 900,
            ),
        )  # fmt: skip
        written.append((host, when, at + 82))
        for step in range(9):
            agent = _SHELL_AGENT
            source = client if step % 2 else other
            actor.add(
                when,
                Request(at + 400 + step * 60, host, "POST", SHELL, "-", "-", source, agent, 200, "", "", "", 700),
            )
        targets = [one for one in world.people[-40:] if one.host == host][:3]
        for step, person in enumerate(targets):
            for action in ("FindItem", "GetItem", "GetItem"):
                at += 31
                request = _forged(at + 1_000 + step, host, client, "/ecp/y.js", "EWS/Exchange.asmx?a=~1942062522", 200)
                request.mailbox, request.action, request.sent = person.smtp, action, rng.randrange(20_000, 900_000)
                actor.add(when, request)
    return actor, written


def scanners(world: World) -> Iterator[tuple[date, Request]]:
    """Yield probes by others that came to nothing."""
    rng = pick(world.plan.seed, "scanners")
    last = world.plan.to_utc.date()
    for place in range(12):
        day = last - timedelta(days=2 + place * 2)
        host = HOSTS[place % 2]
        client = f"100.90.{place}.{rng.randrange(2, 250)}"
        tail = "autodiscover/autodiscover.xml?a=~1" if place % 3 else "ecp/default.flt?"
        request = _forged(rng.randrange(80_000), host, client, "/owa/auth/x.js", tail, 500 if place % 3 else 302)
        request.protocol = "Owa"
        if place % 3 == 0:
            request.anchor = "ServerInfo~localhost/ecp/default.flt?"
        request.agent = "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)"
        yield day, request
