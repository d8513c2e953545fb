"""What is done in the tenant beside opening mail: consents, rights, forwarding, guessing, and what becomes of the audit.

An intruder who needs an administrator comes with the password of one, from his own network. The audit log names no address
for acts in the directory; Entra's own audit log, of which the last 90 days are kept, does. Its log of sign-ins is held
whole where passwords were guessed. A trace of the last 90 days tells which messages were forwarded.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from dwell.drill.intruders import Actor, victims
from dwell.drill.people import DOMAIN, Person, World, address, pick
from dwell.drill.requests import Request, browser
from dwell.drill.tenant_life import HOSTILE, HOSTILE_ALONE, consents_of, forwarders
from dwell.drill.tenant_records import (
    Record,
    cmdlet,
    consent,
    entra_act,
    granted,
    licence,
    logged_in,
    sign_in,
    traced,
)

__all__ = ["ADMIN", "OFFICE", "Tenant", "is_active"]

ADMIN = f"adm-cloud@{DOMAIN}"
OFFICE = "100.70.0.5"
"""The address by which the house reaches the internet."""
COLLECTOR = "collector@mail-box.example"
KEPT_DAYS = 90
_SPRAY_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/70.0.3538.102 Safari/537.36"
)
_WRONG = 50126
_TRACE = (
    "Received", "SenderAddress", "RecipientAddress", "Subject", "Status", "ToIP", "FromIP", "Size", "MessageId",
    "MessageTraceId", "Organization",
)  # fmt: skip
Row = tuple[datetime, Record]


def is_active(world: World) -> bool:
    """Say whether anything is written of the tenant but the audit export of the servers' requests."""
    plan = world.plan.scenario
    return bool(
        plan.tenant or plan.rights or plan.sprayed or plan.audit != "on" or plan.mode in {"app", "app-only", "forward"}
    )


class Tenant:
    """The tenant of a world; what the intruder does in it is added to his truth."""

    def __init__(self, world: World, actor: Actor) -> None:
        self.world = world
        self.actor = actor
        self.rng = pick(world.plan.seed, "tenant")
        self.victims = victims(world)
        self.messages: dict[str, list[str]] = {}
        self.unrecorded: dict[str, tuple[datetime, datetime]] = {}
        self._rows: dict[date, list[Row]] = {}
        self._entra: list[Record] = []
        self._signed: list[Record] = []
        self._rules: list[tuple[datetime, Person, str]] = []
        self._throttled: dict[str, datetime] = {}
        self._dark: tuple[datetime, datetime] | None = None
        self._everyday()
        if actor.instants:
            self._hostile()

    @property
    def silences(self) -> dict[str, list[str]]:
        """Give, by mailbox, from when to when nothing was recorded of it."""
        return {one: [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in when] for one, when in sorted(self.unrecorded.items())}

    def _agent(self, at: datetime) -> str:
        return browser("chrome", 0, at.date())

    def _put(self, at: datetime, record: Record, client: str | None = None) -> None:
        """Take an act; where it is of the directory, Entra tells it with its address."""
        self._rows.setdefault(at.date(), []).append((at, record))
        if client is not None:
            self._entra.append(entra_act(record, client))

    def _everyday(self) -> None:
        """Make what the people and the administrator of the house do."""
        plan = self.world.plan
        for at, person, app in consents_of(self.world):
            if person is not None:
                agent, client = browser(person.browser, person.lag, at.date()), OFFICE
                self._put(at, consent(self.rng, at, person.smtp, app, agent), client)
                continue
            self._put(at, granted(self.rng, at, ADMIN, app, self._agent(at)), OFFICE)
        for at, person in forwarders(self.world):
            target = f"{person.sam}.archive@{DOMAIN}"
            self._rules.append((at, person, target))
            values = {"Name": "copy", "ForwardTo": target}
            self._put(at, cmdlet(self.rng, at, person.smtp, "New-InboxRule", f"{person.sam}\\copy", OFFICE, values))
        for place, person in enumerate(self.world.people if "secretaries" in plan.scenario.tenant else ()):
            if person.boss is not None:
                at = plan.from_utc + timedelta(days=1 + place % 5, hours=9, minutes=place)
                self._put(at, self._access(at, person.smtp, person.boss, OFFICE))
        day = plan.from_utc
        while day < plan.to_utc:
            at = day + timedelta(seconds=self.rng.randrange(27_000, 60_000))
            if day.weekday() < 5:
                self._put(at, logged_in(self.rng, at, ADMIN, OFFICE, self._agent(at)))
            day += timedelta(days=1)

    def _access(self, at: datetime, delegate: str, owner: Person, client: str) -> Record:
        values = {"Identity": owner.smtp, "User": delegate, "AccessRights": "FullAccess", "InheritanceType": "All"}
        return cmdlet(self.rng, at, ADMIN, "Add-MailboxPermission", owner.smtp, client, values)

    def _mine(self, at: datetime) -> None:
        """Note an instant of the intruder's."""
        self.actor.instants.append(at)

    def _hostile(self) -> None:
        plan = self.world.plan.scenario
        first_day = min(self.actor.days)
        first = min(self.actor.days[first_day], key=lambda one: one.second)
        began = self.world.plan.from_utc + timedelta(days=(first_day - self.world.plan.from_utc.date()).days)
        if plan.mode == "app":
            self._phished(began)
        if plan.mode in {"app-only", "app"}:
            self.actor.agents = {f"application {one}" for one in self.actor.agents}
        if plan.mode == "forward":
            self._forwarding()
        if plan.sprayed:
            self._guessed(began)
        if plan.mode == "app-only" or plan.rights or plan.audit not in {"on", "unlicensed", "throttled"}:
            self._administrator(began, first)
        self._silence(began)

    def _phished(self, began: datetime) -> None:
        """The owners consent within some days, each with his own browser, before anything is read."""
        wave = min(10, (began - self.world.plan.from_utc).days)
        for person in self.victims:
            at = (
                began
                - timedelta(days=self.rng.randrange(1, wave + 1))
                + timedelta(seconds=self.rng.randrange(27_000, 60_000))
            )
            agent = browser(person.browser, person.lag, at.date())
            self._put(at, consent(self.rng, at, person.smtp, HOSTILE, agent), OFFICE)
            self._mine(at)

    def _forwarding(self) -> None:
        """By turns an inbox rule and a setting of the mailbox, a minute after he signed in."""
        plan = self.world.plan
        owners = {one.smtp: one for one in self.victims}
        for place, (day, request) in enumerate(
            (day, one) for day, held in sorted(self.actor.days.items()) for one in held
        ):
            person = owners[request.mailbox]
            at = plan.from_utc + timedelta(days=(day - plan.from_utc.date()).days, seconds=request.second + 60)
            if place % 2:
                name, target = "Set-Mailbox", person.guid
                values = {
                    "Identity": person.smtp,
                    "ForwardingSmtpAddress": f"smtp:{COLLECTOR}",
                    "DeliverToMailboxAndForward": "True",
                }
            else:
                name, target = "New-InboxRule", f"{person.sam}\\."
                values = {
                    "AlwaysDeleteOutlookRulesBlob": "False",
                    "Force": "False",
                    "Name": ".",
                    "ForwardTo": COLLECTOR,
                }
            self._put(at, cmdlet(self.rng, at, person.smtp, name, target, request.client, values))
            self._rules.append((at, person, COLLECTOR))
            self.actor.borne[person.smtp] = "downloaded"
            self._mine(at)

    def _guessed(self, began: datetime) -> None:
        """Three nights, one password a night for everybody, by six addresses; those whom he reads have one of them."""
        sources = [address(self.rng) for _ in range(6)]
        self.actor.clients |= set(sources)
        weak = {one.smtp: self.rng.randrange(3) for one in self.victims}
        for night in range(3):
            at = began - timedelta(days=3 - night)
            for place, person in enumerate(self.rng.sample(self.world.people, len(self.world.people))):
                if weak.get(person.smtp, night) < night:
                    continue
                right = weak.get(person.smtp) == night
                second = 4_000 + place * 40 + self.rng.randrange(30)
                request = Request(
                    second, person.host, "GET", "/owa/", "-", person.login, self.rng.choice(sources), _SPRAY_AGENT,
                    200 if right else 401, "Owa", person.smtp, "", 0,
                )  # fmt: skip
                self.actor.days.setdefault(at.date(), []).append(request)
                self._mine(at + timedelta(seconds=second))

    def _administrator(self, began: datetime, first: Request) -> None:
        """He signs in as the administrator from his own network, and gives or takes what he needs."""
        plan = self.world.plan.scenario
        at, client, agent = began - timedelta(days=1) + timedelta(hours=2, minutes=30), first.client, self._agent(began)
        if plan.mode not in {"app", "app-only"}:
            agent = first.agent
        self._put(at, logged_in(self.rng, at, ADMIN, client, agent))
        self._mine(at)
        if plan.mode == "app-only":
            at += timedelta(minutes=3)
            self._put(at, granted(self.rng, at, ADMIN, HOSTILE_ALONE, agent), client)
        if plan.rights:
            for owner in self.victims[1:]:
                at += timedelta(seconds=self.rng.randrange(20, 90))
                self._put(at, self._access(at, self.victims[0].smtp, owner, client))
        at += timedelta(minutes=2)
        self._mine(at)
        if plan.audit == "mailboxes-off":
            for person in self._half():
                at += timedelta(seconds=20)
                values = {"Identity": person.smtp, "AuditEnabled": "False"}
                self._put(at, cmdlet(self.rng, at, ADMIN, "Set-Mailbox", person.guid, client, values))
        if plan.audit == "bypass":
            values = {"AuditBypassEnabled": "True", "Identity": self.victims[0].smtp}
            name = "Set-MailboxAuditBypassAssociation"
            self._put(at, cmdlet(self.rng, at, ADMIN, name, self.victims[0].guid, client, values))
        if plan.audit == "ingestion-off":
            self._dark = (at, at + timedelta(days=60))
            for when, value in zip(self._dark, ("False", "True"), strict=True):
                values = {"UnifiedAuditLogIngestionEnabled": value}
                name, target = "Set-AdminAuditLogConfig", "Admin Audit Log Settings"
                who = client if value == "False" else OFFICE
                self._put(when, cmdlet(self.rng, when, ADMIN, name, target, who, values))
        if plan.audit == "licence-dropped":
            at = began + timedelta(days=(self.world.plan.to_utc - began).days // 2, hours=2)
            self._put(at, logged_in(self.rng, at, ADMIN, client, agent))
            for person in self._half():
                at += timedelta(seconds=20)
                self._put(at, licence(self.rng, at, ADMIN, person.smtp, agent), client)
                self.unrecorded[person.smtp] = (at, self.world.plan.to_utc)

    def _half(self) -> list[Person]:
        """Give every second of those whom he reads, and three more."""
        return [*self.victims[::2], *self.world.people[-43:-40]]

    def _silence(self, began: datetime) -> None:
        plan, last = self.world.plan.scenario, self.world.plan.to_utc
        if plan.audit == "unlicensed":
            self.unrecorded |= {one.smtp: (self.world.plan.from_utc, last) for one in self._half()}
        if plan.audit == "mailboxes-off":
            since = began - timedelta(days=1) + timedelta(hours=2, minutes=32)
            self.unrecorded |= {one.smtp: (since, last) for one in self._half()}

    def _is_silent(self, at: datetime, record: Record) -> bool:
        """Say whether a record is one that the tenant never wrote."""
        plan = self.world.plan.scenario
        if self._dark is not None and self._dark[0] < at < self._dark[1]:
            return True
        owner = str(record.get("MailboxOwnerUPN") or "")
        since, until = self.unrecorded.get(owner, (at + timedelta(1), at))
        if not owner or plan.audit in {"on", "ingestion-off"}:
            return False
        if plan.audit == "bypass":
            return record["UserId"] == self.victims[0].smtp and at >= min(self.actor.instants)
        if plan.audit == "throttled":
            held = self._throttled.get(owner)
            return held is not None and held < at < held + timedelta(days=1)
        return since <= at < until

    def recorded(self, day: date, rows: Sequence[Row]) -> list[Row]:
        """Give what the audit log tells of a day: of the mail what is not silenced, and the acts.

        Args:
            day: the day.
            rows: what the requests left, in any order.
        """
        out = []
        for at, record in sorted([*rows, *self._rows.pop(day, [])], key=lambda one: (one[0], str(one[1]["Id"]))):
            if self._is_silent(at, record):
                continue
            if self.world.plan.scenario.audit == "throttled":
                self._throttle(at, record)
            self._note_sign_in(at, record)
            out.append((at, record))
        return out

    def _throttle(self, at: datetime, record: Record) -> None:
        """Mark the record by which the tenant says that it stops: what the intruder reads of two mailboxes is too much."""
        owner = str(record.get("MailboxOwnerUPN") or "")
        wanted = {one.smtp for one in self.victims[2:4]} - set(self._throttled)
        if owner in wanted and record.get("ClientIPAddress") in self.actor.clients:
            record["OperationProperties"] = [
                {"Name": "MailAccessType", "Value": "Bind"}, {"Name": "IsThrottled", "Value": "True"},
            ]  # fmt: skip
            self._throttled[owner] = at
            self.unrecorded[owner] = (at, at + timedelta(days=1))

    def _note_sign_in(self, at: datetime, record: Record) -> None:
        """Tell a sign-in in Entra's own log as well, where that is kept."""
        told = {"UserLoggedIn": 0, "UserLoginFailed": _WRONG}.get(str(record["Operation"]))
        if told is not None and self.world.plan.scenario.sprayed:
            held = record["ExtendedProperties"]
            agent = str(held[0]["Value"]) if isinstance(held, list) else ""
            self._signed.append(sign_in(self.rng, at, str(record["UserId"]), str(record["ClientIP"]), agent, told))

    def write(self, root: Path) -> None:
        """Write Entra's logs and the trace of messages."""
        last = self.world.plan.to_utc
        since = last - timedelta(days=KEPT_DAYS)
        kept = [one for one in self._entra if str(one["activityDateTime"]) >= since.strftime("%Y-%m-%dT")]
        for name, held, column in (
            ("EntraAudit", kept, "activityDateTime"),
            ("SignIns", self._signed, "createdDateTime"),
        ):
            if held:
                ordered = sorted(held, key=lambda one: (str(one[column]), str(one["id"])))
                text = json.dumps({"value": ordered}, separators=(",", ":"))
                (root / "m365" / f"{name}.json").write_text(text, "utf-8")
        if self._rules:
            self._trace(root, max(since, self.world.plan.from_utc))

    def _trace(self, root: Path, since: datetime) -> None:
        rows: list[tuple[object, ...]] = []
        rng, number = pick(self.world.plan.seed, "trace"), 0
        day = since
        while day < self.world.plan.to_utc:
            for person in self.world.people:
                for _ in range(rng.randrange(3) if day.weekday() < 5 else 0):
                    at, number = day + timedelta(seconds=rng.randrange(25_000, 64_000)), number + 1
                    subject, size = f"note {number}", rng.randrange(3_000, 200_000)
                    message = f"<t{number:07}@partner.example>"
                    rows.append(
                        traced(at, message, f"someone{number % 97}@partner.example", person.smtp, subject, size)
                    )
                    for made, owner, target in self._rules:
                        if owner is person and at > made:
                            rows.append(traced(at, message, person.smtp, target, f"FW: {subject}", size + 900))
                            if target == COLLECTOR:
                                self.messages.setdefault(person.smtp, []).append(message)
                                self._mine(at)
            day += timedelta(days=1)
        text = io.StringIO(newline="")
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(_TRACE)
        ordered = sorted(rows, key=lambda row: (str(row[0]), str(row[8]), str(row[2])))
        writer.writerows(ordered)
        (root / "m365" / "MessageTrace.csv").write_bytes(text.getvalue().encode())
