"""IIS logs in the W3C extended format, a file a day and server; Exchange's request id ends the query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path

from dwell.drill.requests import Request

__all__ = ["path_of", "write_back_end", "write_day"]

_FIELDS = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status "
    "sc-substatus sc-win32-status time-taken"
)
_SERVER = {"EX01": "10.20.1.11", "EX02": "10.20.1.12"}
BALANCER = "10.20.1.5"


def path_of(root: Path, host: str, day: date, site: int = 1) -> Path:
    """Give the place of a day's log; site 1 is the front end, site 2 the back end."""
    return root / host / "inetpub" / "logs" / "LogFiles" / f"W3SVC{site}" / f"u_ex{day:%y%m%d}.log"


def write_day(
    root: Path, host: str, day: date, requests: Sequence[Request], ids: Mapping[int, str], *, balanced: bool
) -> None:
    """Write one log of the front end.

    Args:
        root: the evidence folder.
        host: the server.
        day: the day.
        requests: its requests, in order of time.
        ids: request id by the request's identity.
        balanced: the server stands behind a balancer and writes `X-Forwarded-For`.
    """
    lines = []
    for one in requests:
        client, forwarded = (BALANCER, f" {one.client}") if balanced else (one.client, "")
        if balanced and one.client == "127.0.0.1":
            client, forwarded = one.client, " -"
        lines.append(_line(host, day, one, ids, f"443 {one.user} {client}") + forwarded)
    _write(path_of(root, host, day), day, lines, forwarded=balanced)


def write_back_end(root: Path, host: str, day: date, requests: Sequence[Request], ids: Mapping[int, str]) -> None:
    """Write one log of the back end: it sees the front end as client, which says for whom it asks.

    Args:
        root: the evidence folder.
        host: the server that answers.
        day: the day.
        requests: what it answers, in order of time.
        ids: request id by the request's identity.
    """
    lines = [
        f"{_line(host, day, one, ids, f'444 {one.user} {_SERVER[one.host]}')} {one.client},{BALANCER}"
        for one in requests
    ]
    _write(path_of(root, host, day, 2), day, lines, forwarded=True)


@cache
def _clock(second: int) -> str:
    """Give the time of a second of the day."""
    return f"{second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}"


def _line(host: str, day: date, one: Request, ids: Mapping[int, str], middle: str) -> str:
    """Give a line up to the time taken; `middle` is the port, the user and the client."""
    query = f"&cafeReqId={ids[id(one)]};" if one.query == "-" else f"{one.query}&cafeReqId={ids[id(one)]};"
    win32 = "0" if one.status < 400 else "1326"
    return (
        f"{day.isoformat()} {_clock(one.second)} {_SERVER[host]} {one.method} {one.stem} {query} "
        f"{middle} {one.agent.replace(' ', '+')} - {one.status} 0 {win32} {15 + one.second % 90}"
    )


def _write(path: Path, day: date, lines: Sequence[str], *, forwarded: bool) -> None:
    head = [
        "#Software: Microsoft Internet Information Services 10.0",
        "#Version: 1.0",
        f"#Date: {day} 00:00:03",
        f"#Fields: {_FIELDS} X-Forwarded-For" if forwarded else f"#Fields: {_FIELDS}",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\r\n".join([*head, *lines]) + "\r\n").encode())
