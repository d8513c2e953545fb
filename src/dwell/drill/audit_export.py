"""The cloud's audit export of the whole time, told by the same requests as the servers' logs: a file a month.

A visit in the browser is a sign-in and one record of the messages it opened; the desktop client tells that it synchronised,
about every second day; a phone and a service tell what they opened. From inside the house everybody comes by one address.
"""

from __future__ import annotations

import csv
import io
import json
import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from dwell.drill.people import DOMAIN, Person, World, pick
from dwell.drill.requests import Request
from dwell.drill.tenant import OFFICE, Tenant
from dwell.drill.tenant_life import APPS
from dwell.drill.tenant_records import GRAPH

__all__ = ["AuditExport", "client_info"]

_VISIT_S = 900
_READS = {"GetItem", "GetConversationItems", "GetFileAttachment"}
_APPS = {"Owa": "00000002-0000-0ff1-ce00-000000000000", "Mapi": "d3590ed6-52b3-4102-aeff-aad2292ab01c"}
_SHARES = {"Mapi": 0.4, "Eas": 0.25}
"""Of the calls of programs that synchronise, so many leave a record."""
_HEAD = (
    "RecordType", "CreationDate", "UserIds", "Operations", "AuditData", "ResultIndex", "ResultCount", "Identity", "IsValid",
    "ObjectState",
)  # fmt: skip
_TYPE = "#TYPE Deserialized.Microsoft.Exchange.Data.ApplicationLogic.AuditRecord\r\n"
_CLIENTS = {
    "Rest": "Client=REST;;",
    "Owa": "Client=OWA;{};",
    "Mapi": "Client=MSExchangeRPC",
    "Eas": "Client=ActiveSync;UserAgent={};",
}
_SERVICE = "Client=WebServices;{};"


def client_info(request: Request) -> str:
    """Give what an audit record says of the program that made a request (`ClientInfoString`)."""
    return _CLIENTS.get(request.protocol, _SERVICE).format(request.agent)


class AuditExport:
    """The export of a world, day by day; `close` writes what is left.

    Attributes:
        borne: the grade that the records written bear of a request, by the request's identity.
    """

    def __init__(self, world: World, root: Path, tenant: Tenant | None = None) -> None:
        self.borne: dict[int, str] = {}
        self._told_of: dict[str, tuple[str, Sequence[int]]] = {}
        self._tenant = tenant
        self._root = root
        self._world = world
        self._people = {one.login.lower(): one for one in world.people}
        self._owners = {one.smtp: one for one in world.people}
        self._month = ""
        self._messages = 0
        self._rows: list[tuple[datetime, dict[str, object]]] = []

    def take(self, day: date, requests: Sequence[Request]) -> None:
        """Take a day's requests, in order of time."""
        month = f"{day:%Y-%m}"
        if month != self._month:
            self.close()
            self._month = month
        before = len(self._rows)
        rng = pick(self._world.plan.seed, "audit", day)
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        visits: dict[tuple[object, ...], list[Request]] = {}
        for one in requests:
            if not one.mailbox or one.anchor:
                continue
            if one.status != 200:
                at = start + timedelta(seconds=one.second)
                self._rows.append((at, self._sign_in(one, at, "UserLoginFailed", rng)))
            elif one.protocol in {"Owa", "Ews", "Rest"}:
                key = (one.protocol, one.user, one.mailbox, one.client, one.agent, one.second // _VISIT_S)
                visits.setdefault(key, []).append(one)
            elif rng.random() < _SHARES.get(one.protocol, 0.0):
                visits[id(one),] = [one]
        for visit in visits.values():
            told = list(self._told(visit, start, rng))
            self._rows += told
            for _, record in told:
                if record["Operation"] == "MailItemsAccessed":
                    grade = "downloaded" if "Item" in record else "named"
                    self._told_of[str(record["Id"])] = (grade, [id(one) for one in visit])
        if self._tenant is not None:
            self._rows[before:] = self._tenant.recorded(day, self._rows[before:])

    def close(self) -> None:
        """Write the month."""
        self._rows.sort(key=lambda one: (one[0], str(one[1]["Id"])))
        if not self._rows:
            return
        text = io.StringIO(newline="")
        text.write(_TYPE)
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(_HEAD)
        for place, (at, record) in enumerate(self._rows, 1):
            grade, requests = self._told_of.get(str(record["Id"]), ("", ()))
            self.borne |= dict.fromkeys(requests, grade)
            writer.writerow(
                (
                    record["RecordType"], f"{at.month}/{at.day}/{at.year} {at:%I:%M:%S %p}", record["UserId"],
                    record["Operation"], json.dumps(record, separators=(",", ":")), place, len(self._rows), record["Id"],
                    "True", "Unchanged",
                )
            )  # fmt: skip
        path = self._root / "m365" / f"AuditLog-{self._month}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())
        self._rows = []
        self._told_of = {}

    def _told(
        self, visit: Sequence[Request], start: datetime, rng: random.Random
    ) -> Iterator[tuple[datetime, dict[str, object]]]:
        first = visit[0]
        at = start + timedelta(seconds=first.second)
        if first.protocol == "Owa":
            yield at, self._sign_in(first, at, "UserLoggedIn", rng)
        if first.protocol == "Mapi":
            yield at, self._access(first, at, "Sync", 0, rng)
            return
        count = sum(one.action in _READS for one in visit) if first.protocol == "Owa" else len(visit)
        if count:
            yield at + timedelta(seconds=1), self._access(first, at, "Bind", count, rng)

    def _user(self, request: Request) -> tuple[str, Person | None]:
        person = self._people.get(request.user.lower())
        return (person.smtp if person else f"{request.user.rpartition(chr(92))[2]}@{DOMAIN}"), person

    def _common(self, request: Request, at: datetime, operation: str, rng: random.Random) -> dict[str, object]:
        user, person = self._user(request)
        return {
            "CreationTime": at.strftime("%Y-%m-%dT%H:%M:%S"),
            "Id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "Operation": operation,
            "OrganizationId": "7f3c2c0e-1111-4222-8333-444455556666",
            "UserKey": person.sid if person else user,
            "UserType": 0,
            "Version": 1,
            "UserId": user,
        }

    def _sign_in(self, request: Request, at: datetime, operation: str, rng: random.Random) -> dict[str, object]:
        client = OFFICE if request.client.startswith("10.") else request.client
        return self._common(request, at, operation, rng) | {
            "RecordType": 15,
            "ResultStatus": "Success" if operation == "UserLoggedIn" else "Failed",
            "Workload": "AzureActiveDirectory",
            "ClientIP": client,
            "ApplicationId": _APPS["Owa"],
            "ExtendedProperties": [{"Name": "UserAgent", "Value": request.agent}],
        }

    def _access(self, request: Request, at: datetime, kind: str, count: int, rng: random.Random) -> dict[str, object]:
        owner = self._owners[request.mailbox]
        client = OFFICE if request.client.startswith("10.") else request.client
        own = self._user(request)[0] == owner.smtp
        out = self._common(request, at, "MailItemsAccessed", rng) | {
            "RecordType": 50 if kind == "Bind" else 2,
            "ResultStatus": "Succeeded",
            "Workload": "Exchange",
            "ClientIPAddress": client,
            "ClientInfoString": client_info(request),
            "ExternalAccess": False,
            "LogonType": 0 if own else 2,
            "MailboxGuid": owner.guid,
            "MailboxOwnerSid": owner.sid,
            "MailboxOwnerUPN": owner.smtp,
            "SessionId": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "OperationProperties": [
                {"Name": "MailAccessType", "Value": kind}, {"Name": "IsThrottled", "Value": "False"},
            ],
        }  # fmt: skip
        if request.protocol in _APPS:
            out["AppId"] = _APPS[request.protocol]
        elif request.protocol == "Rest":
            app = APPS[request.agent]
            out |= {"AppId": GRAPH, "ClientAppId": app.id, "AppAccessContext": {"ClientAppId": app.id}}
            if app.app_only:
                out |= {"UserType": 5, "UserKey": app.id}
        if kind == "Sync":
            out["Item"] = {"Id": "LgAAAAC", "ParentFolder": {"Id": "LgAAAAC", "Name": "Inbox", "Path": "Not Available"}}
            return out
        items = []
        for _ in range(count):
            self._messages += 1
            name = f"<{self._messages:08}.{owner.sam}@{DOMAIN}>"
            items.append({"InternetMessageId": name, "SizeInBytes": rng.randrange(900, 90_000)})
        return out | {
            "Folders": [{"Id": "LgAAAAB", "Path": "\\Inbox", "FolderItems": items}], "OperationCount": count,
        }  # fmt: skip
