"""Servers that hand each other's requests on, each writing by its own clock."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from tests.scope.staged import ews_log, iis_log, iis_place, proxy_log, security_log

__all__ = ["DAY", "START", "Clock", "estate", "request_id"]

START = datetime(2021, 3, 29, 0, 0, 20, tzinfo=UTC)
DAY = timedelta(days=1)
Clock = Callable[[datetime], float]
"""Gives by how many seconds a log is ahead at an instant."""


def request_id(number: int) -> str:
    """Give the id of a request."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"request {number}"))


def _right(_at: datetime) -> float:
    return 0.0


def estate(
    hosts: Sequence[str],
    clocks: Mapping[str, Clock],
    *,
    days: int = 4,
    a_day: int = 60,
    start: datetime = START,
    one_way: bool = False,
) -> dict[str, str]:
    """Give the logs of some servers, by place: IIS and HttpProxy in front, IIS and EWS behind, and Security.

    Args:
        hosts: the servers; each request goes from one to the next, or to itself where there is only one.
        clocks: by how much a host (`EX02`) or a log (`EX02 iis`) is ahead.
        days: how long.
        a_day: requests a day.
        start: the instant of the first.
        one_way: whether only the first server is a front end.
    """
    iis: dict[tuple[str, str], list[dict[str, object]]] = {}
    proxy: dict[str, list[dict[str, object]]] = {one: [] for one in hosts}
    ews: dict[str, list[dict[str, object]]] = {one: [] for one in hosts}
    events: dict[str, list[dict[str, object]]] = {one: [] for one in hosts}
    step = DAY / a_day

    def shown(host: str, table: str, at: datetime) -> datetime:
        clock = clocks.get(f"{host} {table}", clocks.get(host, _right))
        return at + timedelta(seconds=clock(at))

    for number in range(days * a_day):
        at = start + number * step
        front = hosts[0] if one_way else hosts[number % len(hosts)]
        back = hosts[(hosts.index(front) + 1 + (number // len(hosts)) % max(1, len(hosts) - 1)) % len(hosts)]
        name = request_id(number)
        for host, port in ((front, 443), (back, 444)):
            when = shown(host, "iis", at)
            row: dict[str, object] = {
                "at": f"{when:%Y-%m-%d %H:%M:%S}", "stem": "/EWS/Exchange.asmx", "query": f"&cafeReqId={name};",
                "user": "GOV\\anna", "port": port, "client": f"203.0.113.{number % 200}",
            }  # fmt: skip
            iis.setdefault((host, f"{when:%y%m%d}"), []).append(row)
        common: dict[str, object] = {
            "RequestId": name, "AuthenticatedUser": "GOV\\anna", "UserAgent": "Chrome/73",
            "ClientIpAddress": f"203.0.113.{number % 200}", "HttpStatus": 200,
        }  # fmt: skip
        written = shown(front, "httpproxy", at)
        proxy[front].append(
            common
            | {"DateTime": f"{written:%Y-%m-%dT%H:%M:%S}.120Z", "Protocol": "Ews", "ServerHostName": front,
               "UrlStem": "/EWS/Exchange.asmx"}
        )  # fmt: skip
        written = shown(back, "ews", at)
        ews[back].append(
            common | {"DateTime": f"{written:%Y-%m-%dT%H:%M:%S}.080Z", "SoapAction": "GetItem", "ServerHostName": back}
        )
        for host in hosts:
            if number % 10 == 0:
                when = shown(host, "evtx", at)
                events[host].append({"number": number + 1, "event": 4624, "at": f"{when:%Y-%m-%d %H:%M:%S}",
                                     "TargetUserName": "anna", "IpAddress": "192.0.2.77"})  # fmt: skip
    out = {iis_place(host, day): iis_log(rows) for (host, day), rows in iis.items()}
    for host in hosts:
        out[f"{host}/Logging/HttpProxy/Ews/HttpProxy_2021032900-1.LOG"] = proxy_log(proxy[host])
        out[f"{host}/Logging/Ews/Ews_2021032900-1.LOG"] = ews_log(ews[host])
        out[f"{host}/winevt/Security.xml"] = security_log(events[host], host=host)
    return {place: text for place, text in out.items() if text.count("\n") > _HEAD}


_HEAD = 4
