"""Logs of two protocols behind the front end: IMAP4, which stands in no web log, and MAPI over HTTP with its operations.

A request of the protocol `Imap` is a whole session: it signs in, opens the inbox, looks what is there and, where its action
is `fetch`, fetches bodies. In the MAPI log a request says which operations it made: Outlook synchronises its copy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from dwell.drill.log_heads import head, instant
from dwell.drill.people import DOMAIN, HOSTS, Person, World, pick
from dwell.drill.requests import Request

__all__ = ["IMAP", "imap_visit", "imap_work", "write_imap_logs", "write_mapi_logs"]

IMAP = "Imap"
"""The protocol of requests that stand in no web log."""
_ADDRESS = {"EX01": "10.20.1.11", "EX02": "10.20.1.12"}
_IMAP_FIELDS = "dateTime,sessionId,seqNumber,sIp,cIp,user,duration,rqsize,rpsize,command,parameters,context,puid"
_MAPI_FIELDS = (
    "DateTime,RequestId,MapiRequestId,ClientRequestId,RequestType,HttpStatusCode,ResponseCode,StatusCode,ReturnCode,"
    "TotalRequestLatency,DeploymentRing,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,AuthenticatedUserEmail,UPN,"
    "Puid,TenantGuid,MailboxId,MDBGuid,ActAsUserEmail,ClientIP,SourceCafeServer,EdgeInfo,NetworkDeviceInfo,SessionCookie,"
    "SequenceCookie,MapiClientInfo,ClientSoftware,ClientSoftwareVersion,ClientMode,AuthenticationType,AuthModuleLatency,"
    "LiveIdBasicLog,LiveIdBasicError,LiveIdNegotiateError,OAuthLatency,OAuthError,OAuthErrorCategory,OAuthExtraInfo,"
    "AuthenticatedUser,RopIds,OperationSpecific,GenericInfo,GenericErrors"
)
_SYNC = "254|2|112|78|78|130"
_LOOK = ("254|2|5|18|21", "2|5|21|41", "254|2|112|78|130", "41")


def imap_visit(person: Person, second: int, client: str, sent: int, *, fetches: bool) -> Request:
    """Give one IMAP session."""
    return Request(
        min(second, 86_399), person.host, "", "", "-", person.sam, client, "", 200, IMAP, person.smtp,
        "fetch" if fetches else "look", sent,
    )  # fmt: skip


def imap_work(world: World, day: date) -> Iterator[Request]:
    """Yield the sessions of those who read their mail by IMAP at home as well, where that is so."""
    share = world.plan.scenario.imap_share
    if not share:
        return
    rng = pick(world.plan.seed, "imap", day)
    users = pick(world.plan.seed, "imap users").sample(world.people, round(len(world.people) * share))
    for person in users:
        for _ in range(rng.randrange(3)):
            sent = rng.randrange(2_000, 90_000)
            yield imap_visit(
                person, rng.randrange(24_000, 80_000), person.home(day), sent, fetches=rng.random() < 0.5
            )  # fmt: skip


def _write(path: Path, kind: str, day: date, fields: str, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{one}\r\n" for one in lines)
    path.write_bytes((head(kind, day, fields) + rows).encode())


def write_imap_logs(world: World, root: Path, day: date, requests: Sequence[Request], ids: Mapping[int, str]) -> None:
    """Write one day of the IMAP4 log of each server's front end.

    Args:
        world: the ministry.
        root: the evidence folder.
        day: the day.
        requests: its requests, in order of time.
        ids: request id by the request's identity.
    """
    rng = pick(world.plan.seed, "imap log", day)
    for host in HOSTS:
        lines: list[str] = []
        for one in requests:
            if one.protocol != IMAP or one.host != host:
                continue
            session, peer = ids[id(one)].replace("-", "")[:16].upper(), f"{one.client}:{rng.randrange(40_000, 65_000)}"
            let_in = one.status == 200
            bodies = rng.randrange(2, 30) if one.action == "fetch" else 0
            steps: list[tuple[str, str, str, int]] = [
                ("OpenSession", "", "", 0),
                ("login", f"{one.user} *****", "R=OK" if let_in else 'R="NO LOGIN failed."', 60),
            ]
            if let_in:
                steps += [
                    ("select", "INBOX", 'R=OK;Rows=1;Folder="INBOX"', 400),
                    ("uid", "fetch 1:* (FLAGS)", "R=OK", 900),
                ]
            if bodies:
                low = rng.randrange(1, 5_000)
                steps.append(("uid", f"fetch {low}:{low + bodies} (UID BODY.PEEK[])", f"R=OK;Rows={bodies}", one.sent))
            steps += [("logout", "", "R=OK", 40), ("CloseSession", "", "", 0)]
            for number, (command, said, context, sent) in enumerate(steps):
                user = one.user if number else ""
                lines.append(
                    f"{instant(day, one.second, number * 90 % 1_000)},{session},{number},{_ADDRESS[host]}:993,{peer},"
                    f"{user},"
                    f"{12 * number},{20 if said else 5},{sent},{command},{_quoted(said)},{_quoted(context)},"
                )
        if lines:
            path = root / host / "Logging" / "Imap4" / f"IMAP4{day:%Y%m%d}00-1.LOG"
            _write(path, "IMAP4 Log", day, _IMAP_FIELDS, lines)


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if '"' in text or "," in text else text


def write_mapi_logs(
    world: World, root: Path, day: date, requests: Sequence[Request], ids: Mapping[int, str], theirs: Collection[int]
) -> None:
    """Write one day of the MAPI over HTTP log of each server.

    Args:
        world: the ministry.
        root: the evidence folder.
        day: the day.
        requests: its requests, in order of time.
        ids: request id by the request's identity.
        theirs: identities of the intruders' requests: their Outlook takes all that is there.
    """
    rng = pick(world.plan.seed, "mapi log", day)
    people = {one.login: one for one in world.people}
    names = _MAPI_FIELDS.split(",")
    for host in HOSTS:
        lines: list[str] = []
        for one in requests:
            if one.protocol != "Mapi" or one.host != host or one.user not in people:
                continue
            person = people[one.user]
            release = one.agent.partition("Outlook ")[2].partition(";")[0]
            row = {
                "DateTime": instant(day, one.second, rng.randrange(1_000)),
                "RequestId": ids[id(one)],
                "RequestType": "Execute",
                "HttpStatusCode": str(one.status),
                "ResponseCode": "0", "StatusCode": "0", "ReturnCode": "0",
                "TotalRequestLatency": "31",
                "MajorVersion": "15", "MinorVersion": "1", "BuildVersion": "2176", "RevisionVersion": "2",
                "AuthenticatedUserEmail": person.smtp,
                "UPN": person.smtp,
                "MailboxId": f"{person.guid}@{DOMAIN}",
                "ActAsUserEmail": one.mailbox,
                "ClientIP": one.client,
                "SourceCafeServer": f"{host}.{DOMAIN}",
                "ClientSoftware": "OUTLOOK.EXE", "ClientSoftwareVersion": release, "ClientMode": "Cached",
                "AuthenticationType": "Negotiate",
                "AuthenticatedUser": one.user,
                "RopIds": _SYNC if id(one) in theirs else rng.choice(_LOOK),
            }  # fmt: skip
            lines.append(",".join(row.get(name, "") for name in names))
        path = root / host / "Logging" / "MapiHttp" / "Mailbox" / f"MapiHttp_{day:%Y%m%d}00-1.LOG"
        if lines:
            _write(path, "MapiHttp Logs", day, _MAPI_FIELDS, lines)
