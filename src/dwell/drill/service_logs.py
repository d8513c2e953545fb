"""What the services behind the front end write: Outlook on the web its own log, ActiveSync into the query of the back end.

The OWA server log names the mailbox, the action and the browser's cookie, and no address. A browser keeps its cookie: the
owner's at each place where one of his stands, the intruder's wherever he goes. ActiveSync says how many messages it sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from dwell.drill.iis_log import write_back_end
from dwell.drill.log_heads import head
from dwell.drill.people import HOSTS, World, pick
from dwell.drill.requests import Request

__all__ = ["write_owa_logs", "write_sync_logs"]

_FIELDS = "TimeStamp,ServerName,EventId,EventData"


def _cookie(request: Request, theirs: Collection[int]) -> str:
    """Give the id that the browser keeps: one for each account and place, one for the intruder."""
    of = request.agent if id(request) in theirs else f"{request.user} {request.client.rpartition('.')[0]}"
    return hashlib.sha256(of.encode()).hexdigest()[:32].upper()


def write_owa_logs(
    world: World, root: Path, day: date, requests: Sequence[Request], ids: Mapping[int, str], theirs: Collection[int]
) -> None:
    """Write one day of the OWA server log of each server.

    Args:
        world: the ministry.
        root: the evidence folder.
        day: the day.
        requests: its requests, in order of time.
        ids: request id by the request's identity.
        theirs: identities of the intruders' requests.
    """
    owners = {one.login: one.smtp for one in world.people}
    for host in HOSTS:
        lines = []
        for one in requests:
            if one.protocol != "Owa" or one.host != host or one.status != 200 or not one.mailbox:
                continue
            actor = owners.get(one.user, one.mailbox)
            other = "" if actor == one.mailbox else f";S:user=<PII>{actor}</PII>"
            hours, rest = divmod(one.second, 3600)
            lines.append(
                f"{day}T{hours:02}:{rest // 60:02}:{rest % 60:02}.500Z,{host},{one.action or 'SessionData'},"
                f"S:PSA=<PII>{one.mailbox}</PII>{other};S:FE={host};S:ClientId={_cookie(one, theirs)};S:Bld=15.1.2176.2;"
                f"S:ActID={ids[id(one)]}"
            )
        path = root / host / "Logging" / "OWA" / "Server" / f"OWAServer{day:%Y%m%d}-1.LOG"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = "".join(f"{one}\r\n" for one in lines)
        path.write_bytes((head("OWA Server Log", day, _FIELDS, "15.0.0.0") + rows).encode())


def write_sync_logs(world: World, root: Path, day: date, requests: Sequence[Request], ids: Mapping[int, str]) -> None:
    """Write what ActiveSync's back end logs on a day, a file a server."""
    rng = pick(world.plan.seed, "sync", day)
    for host in HOSTS:
        rows, named = [], {}
        for one in requests:
            if one.protocol != "Eas" or one.host != host or one.status != 200:
                continue
            sent = rng.randrange(1, 12) if "Cmd=Sync" in one.query else 0
            folder = f"Fid:5_Ty:Em_Filt0_St:S_Sk:{rng.randrange(10**9)}_Srv:{sent}a0c0d0s0e0r0A0sd_BR1_" if sent else ""
            log = f"V141_Fc{int(sent > 0)}_{folder}Mbx:{host}_S1_"
            row = replace(one, stem="/Microsoft-Server-ActiveSync/Proxy/default.eas", query=f"{one.query}&Log={log}")
            rows.append(row)
            named[id(row)] = ids[id(one)]
        write_back_end(root, host, day, rows, named)
