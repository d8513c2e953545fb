"""Exports of states, from before the first act and after the last: rules, rights, roles, devices, configurations, files.

What the intruders leave stands in the later set unless the scenario says that it was cleaned up. Each file says when it was
made (`ExportedUtc`), and has a row for every mailbox that was asked, also where there is nothing to tell.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from dwell.drill.people import DOMAIN, HOSTS, Person, World

__all__ = ["write_state_exports"]

_OUTSIDE = "collector@mail-box.example"
_STOCK_ROLE = ("Organization Management", "RoleGroup")
_AGENTS = ("Transport Rule Agent", "Malware Agent")
_MODULES = {"HttpLoggingModule": "loghttp.dll", "StaticFileModule": "static.dll", "IsapiModule": "isapi.dll"}
_PLANTED_MODULE = '<add name="HttpResponseModule" image="C:\\ProgramData\\Microsoft\\hrm.dll" />'
Row = tuple[object, ...]


def _csv(path: Path, head: Sequence[str], rows: Iterable[Row], at: datetime) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow((*head, "ExportedUtc"))
    writer.writerows((*row, f"{at:%Y-%m-%dT%H:%M:%SZ}") for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())


def _tables(
    people: Sequence[Person], *, hostile: bool, late: bool, changed: datetime
) -> Mapping[str, tuple[str, list[Row]]]:
    """Give the exports of the organisation: per file its columns and rows."""
    victim = people[0]
    rules: list[Row] = [(one.smtp, "Junk E-mail Rule", "True", f"{one.sam}\\1", "", "False") for one in people]
    rights: list[Row] = [
        (one.smtp, "NT AUTHORITY\\SELF", "FullAccess, ReadPermission", "False", "False") for one in people
    ]
    rights += [
        (one.boss.smtp, one.smtp, "FullAccess", "False", "False") for one in people if one.boss in people and one.boss
    ]
    folders: list[Row] = [(one.smtp, "Inbox", who, "None") for one in people for who in ("Default", "Anonymous")]
    sends: list[Row] = [(one.smtp, "NT AUTHORITY\\SELF", "SendAs", "Allow") for one in people]
    roles: list[Row] = [(f"{role}-{_STOCK_ROLE[0]}-Delegating", role, *_STOCK_ROLE, "2012-05-01T08:00:00Z") for role in
                        ("ApplicationImpersonation", "Mailbox Import Export", "Mailbox Search",
                         "View-Only Recipients")]  # fmt: skip
    devices: list[Row] = [(one.smtp, one.phones[0][1], "Phone", "2018-01-05T08:00:00Z") for one in people]
    if hostile:
        rules.append((victim.smtp, ".", "True", f"{victim.sam}\\2", f'"x" [SMTP:{_OUTSIDE}]', "True"))
        rights.append((victim.smtp, f"svc-backup@{DOMAIN}", "FullAccess", "False", "False"))
        folders.append((victim.smtp, "Sent Items", "Default", "Reviewer"))
        made = f"{changed:%Y-%m-%dT%H:%M:%SZ}"
        roles.append(("imp-1", "ApplicationImpersonation", "svc-backup", "User", made))
    mailboxes: list[Row] = [(one.smtp, one.sam, str(late), "True", "") for one in people]
    return {
        "inbox-rules.csv": ("Mailbox,Name,Enabled,RuleIdentity,ForwardTo,DeleteMessage", rules),
        "mailbox-permissions.csv": ("Mailbox,User,AccessRights,Deny,IsInherited", rights),
        "recipient-permissions.csv": ("Mailbox,Trustee,AccessRights,AccessControlType", sends),
        "folder-permissions.csv": ("Mailbox,FolderName,User,AccessRights", folders),
        "roles.csv": ("Name,Role,RoleAssignee,RoleAssigneeType,WhenCreatedUTC", roles),
        "devices.csv": ("Mailbox,DeviceId,DeviceType,FirstSyncTime", devices),
        "audit-bypass.csv": ("Identity,AuditBypassEnabled", [(one.smtp, "False") for one in people]),
        "transport-rules.csv": (
            "Name,State,Priority,BlindCopyTo,WhenChangedUTC",
            [("Disclaimer", "Enabled", "0", "", "2015-02-01T08:00:00Z")],
        ),
        "mailboxes.csv": (
            "PrimarySmtpAddress,SamAccountName,AuditEnabled,DeliverToMailboxAndForward,ForwardingSmtpAddress",
            mailboxes,
        ),
    }  # fmt: skip


def _config(*, hostile: bool) -> str:
    modules = "".join(
        f'<add name="{name}" image="%windir%\\System32\\inetsrv\\{file}" />' for name, file in _MODULES.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\r\n<configuration><system.applicationHost><sites>'
        '<site name="Default Web Site" id="1"><application path="/">'
        '<virtualDirectory path="/" physicalPath="%SystemDrive%\\inetpub\\wwwroot" />'
        "</application></site></sites></system.applicationHost><system.webServer><globalModules>"
        f"{modules}{_PLANTED_MODULE if hostile else ''}</globalModules></system.webServer></configuration>\r\n"
    )


def _web_config(key: str) -> str:
    secret = hashlib.sha256(key.encode()).hexdigest().upper()
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\r\n<configuration><system.web><machineKey '
        f'validationKey="{secret}" decryptionKey="{secret[:48]}" validation="SHA1" /></system.web></configuration>\r\n'
    )


def _servers(root: Path, day: str, at: datetime, *, hostile: bool, renewed: bool) -> None:
    """Write what is exported on each server."""
    for host in HOSTS:
        folder = root / host / "exports" / day
        agents: list[Row] = [
            (
                name,
                "True",
                place,
                "Microsoft.Exchange.MessagingPolicies.AgentFactory",
                "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\TransportRoles\\agents\\agent.dll",
            )
            for place, name in enumerate(_AGENTS, 1)
        ]
        if hostile:
            agents.append(("Security Interop Agent", "True", 3, "Interop.Factory", "C:\\ProgramData\\interop.dll"))
        head = ("Identity", "Enabled", "Priority", "TransportAgentFactory", "AssemblyPath")
        _csv(folder / "transport-agents.csv", head, agents, at)
        (folder / "applicationHost.config").write_text(_config(hostile=hostile), "utf-8", newline="")
        key = f"{host} {'new' if renewed else 'old'}"
        (folder / "web.config").write_text(_web_config(key), "utf-8", newline="")


def write_state_exports(world: World, root: Path, hostile_from: datetime) -> None:
    """Write the sets of exports that the scenario hands over.

    Args:
        world: the ministry.
        root: the evidence folder.
        hostile_from: when the intruders changed what they changed.
    """
    plan = world.plan
    share = world.people[: max(1, round(len(world.people) * plan.scenario.exported))]
    dates = {"before": plan.from_utc - timedelta(days=20), "after": plan.to_utc + timedelta(days=2, hours=8)}
    for name in plan.scenario.states:
        at, late = dates[name], name == "after"
        hostile = late and not plan.scenario.cleaned
        day = f"{at:%Y-%m-%d}"
        people = share if late else world.people
        for file, (head, rows) in _tables(people, hostile=hostile, late=late, changed=hostile_from).items():
            folder = "directory" if file == "mailboxes.csv" else "exports"
            _csv(root / folder / day / file, head.split(","), rows, at)
        if late and plan.scenario.cleaned:
            users: list[Row] = [
                (one.sam, one.smtp, one.sid, f"{at - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}") for one in people
            ]
            head_of_users = ("SamAccountName", "UserPrincipalName", "SID", "PasswordLastSet")
            _csv(root / "directory" / day / "users.csv", head_of_users, users, at)
            for place, hours in enumerate((30, 6), 1):
                row = ("krbtgt", f"krbtgt@{DOMAIN}", "S-1-5-21-1004336348-1177238915-682003330-502")
                changed = at - timedelta(hours=hours)
                _csv(
                    root / "directory" / day / f"krbtgt-{place}.csv",
                    head_of_users,
                    [(*row, f"{changed:%Y-%m-%dT%H:%M:%SZ}")],
                    changed + timedelta(hours=1),
                )
        _servers(root, day, at, hostile=hostile, renewed=late and plan.scenario.cleaned)
