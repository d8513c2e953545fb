"""What is no log: the directory, the files on the servers, the backups, and the audit export of the cloud."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from dwell.drill.audit_export import client_info
from dwell.drill.bystanders import SERVICES
from dwell.drill.intruders import Actor
from dwell.drill.people import DOMAIN, HOSTS, Person, World, pick
from dwell.drill.requests import browser

__all__ = ["cloud_people", "write_cloud", "write_lists"]

_SHELL_FILE = "C:\\inetpub\\wwwroot\\aspnet_client\\supp0rt.aspx"
_FILES = (
    "FrontEnd\\HttpProxy\\owa\\auth\\logon.aspx",
    "FrontEnd\\HttpProxy\\owa\\auth\\errorFE.aspx",
    "FrontEnd\\HttpProxy\\ecp\\auth\\TimeoutLogoff.aspx",
    "ClientAccess\\Owa\\web.config",
    "ClientAccess\\ecp\\web.config",
    "Bin\\Microsoft.Exchange.Common.dll",
)


def _csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]], *, typed: str = "") -> None:
    text = io.StringIO(newline="")
    if typed:
        text.write(f"#TYPE {typed}\r\n")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL if typed else csv.QUOTE_MINIMAL, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def write_lists(world: World, root: Path, written: Sequence[tuple[str, date, int]]) -> None:
    """Write the directory exports, the file inventories and the list of backups.

    Args:
        world: the ministry.
        root: the evidence folder.
        written: where and when the loud intruder wrote his web shell.
    """
    plan, rng = world.plan, pick(world.plan.seed, "lists")
    made = _stamp(plan.from_utc - timedelta(days=900))
    mailboxes: list[Sequence[object]] = [
        (one.smtp.split("@")[0], one.smtp.split("@")[0], one.sam, one.sam, one.smtp, one.smtp, f"SMTP:{one.smtp}",
         one.guid, f"/o=Ministry/ou=EAG/cn=Recipients/cn={one.sam}", "UserMailbox", made, one.role)
        for one in world.people
    ]  # fmt: skip
    head = (
        "Name", "DisplayName", "Alias", "SamAccountName", "UserPrincipalName", "PrimarySmtpAddress", "EmailAddresses",
        "ExchangeGuid", "LegacyExchangeDN", "RecipientTypeDetails", "WhenCreatedUTC", "Department",
    )  # fmt: skip
    _csv(root / "directory" / "Get-Mailbox.csv", head, mailboxes, typed="Microsoft.Exchange.Data.Directory.Mailbox")
    days = (plan.to_utc - plan.from_utc).days
    users: list[tuple[str, str, str, str, str]] = [
        (one.sam, one.smtp, one.sid, _stamp(plan.from_utc + timedelta(days=rng.randrange(days), hours=8)), "True")
        for one in world.people
    ]
    users.append(("svc-backup", f"svc-backup@{DOMAIN}", "S-1-5-21-1004336348-1177238915-682003330-1099", made, "True"))
    services = [SERVICES[one] for one in plan.scenario.bystanders if one in SERVICES]
    if "helpdesk" in plan.scenario.bystanders:
        services += [f"adm-help{number}" for number in range(3)]
    if plan.scenario.mode == "impersonation" and "svc-sync" not in services:
        services.insert(0, "svc-sync")
    for place, account in enumerate(services):
        sid = f"S-1-5-21-1004336348-1177238915-682003330-{1098 - place}"
        users.append((account, f"{account}@{DOMAIN}", sid, made, "True"))
    users.append(("krbtgt", f"krbtgt@{DOMAIN}", "S-1-5-21-1004336348-1177238915-682003330-502", made, "False"))
    fields = ("SamAccountName", "UserPrincipalName", "SID", "PasswordLastSet", "Enabled")
    _csv(root / "directory" / "Get-ADUser.csv", fields, users, typed="Microsoft.ActiveDirectory.Management.ADUser")
    installed = plan.from_utc - timedelta(days=300)
    for host in HOSTS:
        base = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\"
        files: list[Sequence[object]] = [
            (
                base + name,
                hashlib.sha256(name.encode()).hexdigest(),
                4_000 + place * 311,
                _stamp(installed),
                _stamp(installed),
            )
            for place, name in enumerate(_FILES)
        ]
        for where, day, second in written:
            if where == host == "EX01":
                at = _stamp(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second))
                files.append((_SHELL_FILE, hashlib.sha256(b"a web shell, for the exercise").hexdigest(), 2_211, at, at))
        fields_of_files = ("Path", "SHA256", "Size", "CreationTimeUtc", "LastWriteTimeUtc")
        _csv(root / host / "files" / "inventory.csv", fields_of_files, files)
    points = [
        (host, "full", _stamp(plan.to_utc - timedelta(days=7 * week + 1)), f"\\\\backup01\\{host}\\week-{week:02}.vbk")
        for host in HOSTS
        for week in range(8)
    ]
    _csv(root / "backups" / "backups.csv", ("host", "kind", "restore_point_utc", "path"), points)


def cloud_people(world: World) -> list[Person]:
    """Give those whose mailbox lies in the cloud as well: one cabinet member, the rest officials."""
    return [world.people[0], *world.people[-min(20, len(world.people) // 4) :]]


def write_cloud(world: World, root: Path, first: date, last: date, actor: Actor) -> None:
    """Write the audit export of the last weeks; the quiet intruder reads three messages in it.

    Args:
        world: the ministry.
        root: the evidence folder.
        first: first day of the export.
        last: the day after the last.
        actor: the quiet intruder; what he does here is added to his truth.
    """
    rng = pick(world.plan.seed, "cloud")
    rows: list[tuple[datetime, dict[str, object]]] = []
    messages = 0

    def bind(person: Person, at: datetime, client: str, agent: str, count: int) -> None:
        nonlocal messages
        items = []
        for _ in range(count):
            messages += 1
            items.append(
                {
                    "InternetMessageId": f"<{messages:08}.{person.sam}@{DOMAIN}>",
                    "SizeInBytes": rng.randrange(900, 90_000),
                }
            )
        rows.append((at, _record(person, at, client, agent, "Bind", items, rng)))

    day = first
    people = cloud_people(world)
    while day < last:
        for person in people:
            home = person.home(day)
            at = datetime(day.year, day.month, day.day, rng.randrange(7, 20), rng.randrange(60), tzinfo=UTC)
            bind(person, at, home, f"Client=OWA;{browser(person.browser, person.lag, day)};", rng.randrange(1, 4))
            if rng.random() < 0.3:
                rows.append((at, _record(person, at, home, "Client=MSExchangeRPC", "Sync", [], rng)))
        day += timedelta(days=1)
    day = first
    last_day = max(actor.days.items(), default=(first, []))[1]
    for hour in (2, 3, 5) if last_day else ():
        client, told = last_day[0].client, client_info(last_day[0])
        at = datetime(day.year, day.month, day.day, hour, 12, tzinfo=UTC)
        bind(people[0], at, client, told, 1)
        actor.instants.append(at)
        actor.mailboxes.add(people[0].smtp)
        if "ual" not in world.plan.scenario.without:
            actor.borne[people[0].smtp] = "named"
    rows.sort(key=lambda one: (one[0], str(one[1]["Id"])))
    table = [
        (record["RecordType"], f"{at.month}/{at.day}/{at.year} {at:%I:%M:%S %p}", record["UserId"], record["Operation"],
         json.dumps(record, separators=(",", ":")), place, len(rows), record["Id"], "True", "Unchanged")
        for place, (at, record) in enumerate(rows, 1)
    ]  # fmt: skip
    head = (
        "RecordType", "CreationDate", "UserIds", "Operations", "AuditData", "ResultIndex", "ResultCount", "Identity",
        "IsValid", "ObjectState",
    )  # fmt: skip
    _csv(
        root / "m365" / "AuditLog.csv",
        head,
        table,
        typed="Deserialized.Microsoft.Exchange.Data.ApplicationLogic.AuditRecord",
    )


def _record(
    person: Person, at: datetime, client: str, agent: str, kind: str, items: list[dict[str, object]], rng: random.Random
) -> dict[str, object]:
    out: dict[str, object] = {
        "CreationTime": at.strftime("%Y-%m-%dT%H:%M:%S"),
        "Id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "Operation": "MailItemsAccessed",
        "OrganizationId": "7f3c2c0e-1111-4222-8333-444455556666",
        "RecordType": 50 if kind == "Bind" else 2,
        "ResultStatus": "Succeeded",
        "UserKey": person.sid,
        "UserType": 0,
        "Version": 1,
        "Workload": "Exchange",
        "UserId": person.smtp,
        "ClientIPAddress": client,
        "ClientInfoString": agent,
        "ExternalAccess": False,
        "LogonType": 0,
        "LogonUserSid": person.sid,
        "MailboxGuid": person.guid,
        "MailboxOwnerSid": person.sid,
        "MailboxOwnerUPN": person.smtp,
        "OperationProperties": [{"Name": "MailAccessType", "Value": kind}, {"Name": "IsThrottled", "Value": "False"}],
    }
    if kind == "Bind":
        out["Folders"] = [{"Id": "LgAAAAB", "Path": "\\Inbox", "FolderItems": items}]
        out["OperationCount"] = len(items)
    else:
        out["Item"] = {"Id": "LgAAAAC", "ParentFolder": {"Id": "LgAAAAC", "Name": "Inbox", "Path": "Not Available"}}
    return out
