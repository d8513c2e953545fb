"""IIS logs in the W3C extended format, a file a day and server; Exchange's request id ends the query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from dwell.drill.requests import Request

__all__ = ["path_of", "write_day"]

_FIELDS = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status "
    "sc-substatus sc-win32-status time-taken"
)
_SERVER = {"EX01": "10.20.1.11", "EX02": "10.20.1.12"}
BALANCER = "10.20.1.5"


def path_of(root: Path, host: str, day: date) -> Path:
    """Give the place of a day's log."""
    return root / host / "inetpub" / "logs" / "LogFiles" / "W3SVC1" / f"u_ex{day:%y%m%d}.log"


def write_day(
    root: Path, host: str, day: date, requests: Sequence[Request], ids: Mapping[int, str], *, balanced: bool
) -> None:
    """Write one log.

    Args:
        root: the evidence folder.
        host: the server.
        day: the day.
        requests: its requests, in order of time.
        ids: request id by the request's identity.
        balanced: the server stands behind a balancer and writes `X-Forwarded-For`.
    """
    fields = f"{_FIELDS} X-Forwarded-For" if balanced else _FIELDS
    lines = [
        "#Software: Microsoft Internet Information Services 10.0",
        "#Version: 1.0",
        f"#Date: {day} 00:00:03",
        f"#Fields: {fields}",
    ]
    server, stamp = _SERVER[host], day.isoformat()
    for one in requests:
        hours, rest = divmod(one.second, 3600)
        query = f"&cafeReqId={ids[id(one)]};" if one.query == "-" else f"{one.query}&cafeReqId={ids[id(one)]};"
        client, forwarded = (BALANCER, f" {one.client}") if balanced else (one.client, "")
        if balanced and one.client == "127.0.0.1":
            client, forwarded = one.client, " -"
        win32 = "0" if one.status < 400 else "1326"
        lines.append(
            f"{stamp} {hours:02}:{rest // 60:02}:{rest % 60:02} {server} {one.method} {one.stem} {query} 443 {one.user} "
            f"{client} {one.agent.replace(' ', '+')} - {one.status} 0 {win32} {15 + one.second % 90}{forwarded}"
        )
    path = path_of(root, host, day)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode())
