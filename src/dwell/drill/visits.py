"""Visits that everybody makes: the browser's page and its actions, and a call of the desktop client."""

from __future__ import annotations

import random
from collections.abc import Iterator

from dwell.drill.people import DOMAIN, Person
from dwell.drill.requests import Request

__all__ = ["mapi", "owa"]

_OWA = ("FindConversation", "GetConversationItems", "FindItem", "GetItem", "GetFileAttachment", "CreateItem")


def owa(
    rng: random.Random, person: Person, second: int, client: str, agent: str, count: int, owner: Person | None = None
) -> Iterator[Request]:
    """Yield a visit in the browser: the page, then some actions."""
    prefix = f"/owa/{owner.smtp}" if owner else "/owa"
    mailbox = (owner or person).smtp
    yield Request(
        second, person.host, "GET", f"{prefix}/", "-", person.login, client, agent, 200, "Owa", mailbox, "", 14200
    )
    for step in range(count):
        action = rng.choice(_OWA[:5] if owner else _OWA)
        query = f"action={action}&EP=1&ID=-{step + 2}&AC=1"
        second += rng.randrange(2, 90)
        yield Request(
            min(second, 86_399), person.host, "POST", f"{prefix}/service.svc", query, person.login, client, agent, 200,
            "Owa", mailbox, action, rng.randrange(900, 60_000),
        )  # fmt: skip


def mapi(rng: random.Random, person: Person, second: int, client: str, agent: str) -> Request:
    """Give a call of the desktop client."""
    query = f"MailboxId={person.guid}@{DOMAIN}"
    return Request(
        second, person.host, "POST", "/mapi/emsmdb/", query, person.login, client, agent, 200, "Mapi",
        person.smtp, "", rng.randrange(400, 90_000),
    )  # fmt: skip
