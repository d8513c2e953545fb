"""The ways of the quiet intruder: from where, with what and when he makes a visit, and how he reads."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date

from dwell.drill.bystanders import SERVICE
from dwell.drill.people import DOMAIN, NETBIOS, Person
from dwell.drill.protocol_logs import imap_visit
from dwell.drill.requests import Request, browser, outlook
from dwell.drill.scenario import Scenario
from dwell.drill.tenant_life import HOSTILE, HOSTILE_ALONE, graph
from dwell.drill.visits import owa

__all__ = ["RELAY", "Ways"]

RELAY = "10.20.44.201"
"""A machine inside the house that passes on what other machines sign in with."""
_OLD_CHROME = (
    "Mozilla/5.0 (Windows NT 6.1; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/63.0.3239.132 Safari/537.36"
)
_TOOL = "ExchangeServicesClient/0.0.0.0"
_PHONE = "Android-EAS/2.0"
_SERVERS = {"EX01": "10.20.1.11", "EX02": "10.20.1.12"}
_HOURS = {"foreign": (3_600, 34_000), "office": (28_000, 57_000), "night": (79_000, 86_000)}


class Ways:
    """What a scenario says of the quiet intruder, drawn once for a world."""

    def __init__(self, scenario: Scenario, rng: random.Random, victims: Sequence[Person], days: int) -> None:
        self.scenario = scenario
        self.rng = rng
        self.victims = victims
        count = 1 if scenario.network == "one" else max(2, min(6, days // 110))
        self.ranges = [f"100.{rng.randrange(72, 128)}.{rng.randrange(256)}" for _ in range(count)]
        self.own = {
            one.smtp: f"100.{rng.randrange(72, 128)}.{rng.randrange(256)}.{rng.randrange(2, 250)}" for one in victims
        } if scenario.network == "residential" else {}  # fmt: skip

    def client(self, person: Person, when: float) -> str:
        """Give the address from which he comes to a mailbox; `when` is how much of his time has gone by."""
        network = self.scenario.network
        if network == "relay":
            return RELAY
        if network == "residential":
            return self.own[person.smtp]
        if network == "vpn":
            return f"10.20.99.{self.rng.choice((31, 32, 57))}"
        if network == "server":
            return _SERVERS[person.host]
        chosen = self.ranges[min(len(self.ranges) - 1, int(when * len(self.ranges)))]
        return f"{chosen}.{self.rng.choice((14, 15, 77))}"

    def agent(self, person: Person, day: date) -> str:
        """Give the agent with which he comes to a mailbox on a day."""
        if self.scenario.mode == "mapi":
            return outlook(day)
        if self.scenario.agent == "tool":
            return _PHONE if self.scenario.mode == "eas" else _TOOL
        if self.scenario.agent == "current":
            return browser("chrome", 0, day)
        if self.scenario.agent == "owner":
            return browser(person.browser, person.lag, day)
        return _OLD_CHROME

    def visit(self, person: Person, when: float, day: date) -> Iterator[Request]:
        """Yield the requests of one visit to one mailbox.

        Args:
            person: whose mailbox.
            when: how much of his time has gone by, 0 to 1.
            day: the day.
        """
        client, agent = self.client(person, when), self.agent(person, day)
        second = self.rng.randrange(*_HOURS[self.scenario.hours])
        count = self.rng.randrange(2, 7)
        mode = self.scenario.mode
        if mode in {"app", "app-only"}:
            yield from graph(self.rng, person, second, client, HOSTILE if mode == "app" else HOSTILE_ALONE, count)
        elif mode == "forward":
            yield next(owa(self.rng, person, second, client, agent, 0))
        elif mode in {"owa", "delegate"}:
            actor, owner = (self.victims[0], person) if mode == "delegate" else (person, None)
            for request in owa(self.rng, actor, second, client, agent, count, owner):
                yield _reading(request)
        elif self.scenario.mode == "imap":
            for _ in range(count):
                second += self.rng.randrange(20, 400)
                yield imap_visit(person, second, client, self.rng.randrange(20_000, 900_000), fetches=True)
        else:
            yield from self._calls(person, second, client, agent, count)

    def _calls(self, person: Person, second: int, client: str, agent: str, count: int) -> Iterator[Request]:
        mode, rng = self.scenario.mode, self.rng
        for _ in range(count):
            second = min(86_399, second + rng.randrange(2, 60))
            sent = rng.randrange(900, 60_000)
            if mode == "eas":
                query = f"Cmd=Sync&User={NETBIOS}%5C{person.sam}&DeviceId=androidc1799&DeviceType=Android"
                yield Request(
                    second, person.host, "POST", "/Microsoft-Server-ActiveSync/default.eas", query, person.login,
                    client, agent, 200, "Eas", person.smtp, "", sent,
                )  # fmt: skip
            elif mode == "mapi":
                query = f"MailboxId={person.guid}@{DOMAIN}"
                yield Request(
                    second, person.host, "POST", "/mapi/emsmdb/", query, person.login, client, agent, 200, "Mapi",
                    person.smtp, "", sent,
                )  # fmt: skip
            else:
                user = SERVICE if mode == "impersonation" else person.login
                yield Request(
                    second, person.host, "POST", "/EWS/Exchange.asmx", "-", user, client, agent, 200, "Ews",
                    person.smtp, rng.choice(("FindItem", "GetItem", "GetItem")), sent,
                    signed_by="NTLM" if self.scenario.network == "relay" else "",
                )  # fmt: skip


def _reading(request: Request) -> Request:
    """Make a request of an intruder: he sends nothing."""
    if request.action == "CreateItem":
        request.action = "GetItem"
        request.query = request.query.replace("CreateItem", "GetItem")
    return request
