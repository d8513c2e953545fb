"""The two intruders: a quiet one who reads with the owners' passwords for two years, a loud one who comes by ProxyLogon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from dwell.drill.campaigns import Step, exports, forged_call, forwarding, proxyshell, spray, tidying
from dwell.drill.deeds import ADMIN, Cmdlet, Deeds
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
    entry: str = "password"
    days: dict[date, list[Request]] = field(default_factory=dict)
    clients: set[str] = field(default_factory=set)
    agents: set[str] = field(default_factory=set)
    mailboxes: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    instants: list[datetime] = field(default_factory=list)
    borne: dict[str, str] = field(default_factory=dict)
    deeds: Deeds = field(default_factory=Deeds)

    def add(self, day: date, request: Request) -> None:
        """Take a request."""
        self.days.setdefault(day, []).append(request)
        self.clients.add(request.client)
        self.agents.add(request.agent)
        self.hosts.add(request.host)
        if request.mailbox and request.status < 400:
            self.mailboxes.add(request.mailbox)
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        self.instants.append(start + timedelta(seconds=request.second))

    def run(self, cmdlet: Cmdlet) -> None:
        """Take a cmdlet that he ran."""
        self.deeds.cmdlets.append(cmdlet)
        self.hosts.add(cmdlet.host)
        self.instants.append(cmdlet.at_utc)

    def take(self, day: date, steps: Iterable[Step]) -> None:
        """Take requests and cmdlets of a day."""
        for one in steps:
            if isinstance(one, Cmdlet):
                self.run(one)
            else:
                self.add(day, one)

    def truth(self) -> dict[str, object]:
        """Give the truth about him."""
        return {
            "id": self.name,
            "entry": self.entry,
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
    actor = Actor("quiet", plan.scenario.entry)
    if not plan.scenario.quiet:
        return actor
    span = (plan.to_utc - plan.from_utc).days
    first = plan.from_utc.date() + timedelta(days=min(41, span // 12))
    last = plan.to_utc.date() - timedelta(days=min(34, span // 12))
    days = [one for place in range((last - first).days) if (one := first + timedelta(days=place)).weekday() < 5]
    away = plan.scenario.pause
    chosen = victims(world)
    ways = Ways(plan.scenario, rng, chosen, span)
    if plan.scenario.entry == "spray":
        actor.take(days[0], spray(world, rng, [ways.client(chosen[0], 0.0) for _ in range(2)], chosen))
    if plan.scenario.mode in _CAMPAIGNS:
        _campaign(world, actor, ways, chosen, days)
    else:
        visits = [chosen[place % len(chosen)] for place in range(max(len(chosen) * plan.scenario.visits, 1))]
        rng.shuffle(visits)
        for place, person in enumerate(visits):
            when = place / len(visits)
            if away[0] <= when < away[1]:
                continue
            day = days[min(len(days) - 1, int(when * len(days)))]
            for request in ways.visit(person, when, day):
                actor.add(day, request)
    _tidy(world, actor, chosen)
    return actor


_CAMPAIGNS = frozenset({"forged", "export", "forwarding"})
"""Modes that are more than visits to one mailbox after another."""
_BATCH = 4


def _campaign(world: World, actor: Actor, ways: Ways, chosen: Sequence[Person], days: Sequence[date]) -> None:
    """Make what is done by cmdlets and forged calls: some mailboxes at a time, over the whole of his time."""
    rng, mode = ways.rng, world.plan.scenario.mode
    order = list(chosen) * (3 if mode == "forged" else 1)
    rng.shuffle(order)
    batches = [order[place : place + _BATCH] for place in range(0, len(order), _BATCH)]
    entered: set[str] = set()
    for place, batch in enumerate(batches):
        when = place / len(batches)
        day = days[min(len(days) - 1, int(when * len(days)))]
        second, client = rng.randrange(3_600, 30_000), ways.client(batch[0], when)
        if world.plan.scenario.entry == "proxyshell":
            for host in sorted({one.host for one in batch} - entered):
                actor.take(day, proxyshell(day, second, client, host, batch[0]))
                entered.add(host)
                second += 900
        if mode == "export":
            shell = world.plan.scenario.entry == "proxyshell"
            actor.take(day, exports(rng, day, second, client, batch, shell=shell))
        for person in batch:
            second += rng.randrange(300, 900)
            if mode == "forged":
                actor.take(day, forged_call(rng, person, second, client, rng.randrange(2, 7)))
            elif mode == "forwarding":
                agent = ways.agent(person, day)
                actor.take(day, forwarding(rng, person, day, second, client, agent))
        actor.mailboxes |= {one.smtp for one in batch}
    if mode in {"export", "forwarding"}:
        actor.borne |= dict.fromkeys(sorted(actor.mailboxes), "downloaded")


def _tidy(world: World, actor: Actor, chosen: Sequence[Person]) -> None:
    """Clear away what the scenario says, an hour after the last act."""
    tidy = world.plan.scenario.tidy
    if not tidy or not actor.instants:
        return
    at = max(actor.instants) + timedelta(hours=1)
    if "audit" in tidy:
        caller = "Administrator" if actor.entry == "proxyshell" else ADMIN
        second = int((at - datetime(at.year, at.month, at.day, tzinfo=UTC)).total_seconds())
        actor.take(at.date(), tidying(at.date(), second, caller, chosen))
    if "security-log" in tidy:
        actor.deeds.cleared = dict.fromkeys(HOSTS, at + timedelta(minutes=10))


def _forged(second: int, host: str, client: str, path: str, tail: str, status: int) -> Request:
    anchor = f"ServerInfo~a]@{host}.{DOMAIN}:444/{tail}"
    protocol = "Ecp" if path.startswith("/ecp") else "Autodiscover"
    return Request(second, host, "POST", path, "-", "-", client, _LOUD_AGENT, status, protocol, "", "", 3_000, anchor)


def loud(world: World) -> tuple[Actor, list[tuple[str, date, int]]]:
    """Make the loud intruder; give also where and when he wrote his web shell."""
    plan, rng = world.plan, pick(world.plan.seed, "loud")
    actor = Actor("loud", "proxylogon")
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
