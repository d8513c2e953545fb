"""One request to the mail servers, and the agents that make them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

__all__ = ["Request", "browser", "outlook", "phone"]


@dataclass(slots=True)
class Request:
    """A request as the front end saw it.

    Attributes:
        second: seconds since midnight UTC.
        host: the server.
        method: HTTP method.
        stem: path.
        query: query without the request id.
        user: as IIS writes it; "-" for none.
        client: address.
        agent: user agent.
        status: HTTP status.
        protocol: HttpProxy's protocol.
        mailbox: SMTP address acted on; "" for none.
        action: OWA or EWS action.
        sent: bytes to the client.
        anchor: a forged `AnchorMailbox`; "" for the ordinary one.
        forwarded: client behind the balancer, "" where there is none.
        signed_by: how the server was told who it is (`NTLM`), "" for the ordinary way of the protocol.
    """

    second: int
    host: str
    method: str
    stem: str
    query: str
    user: str
    client: str
    agent: str
    status: int
    protocol: str
    mailbox: str
    action: str
    sent: int
    anchor: str = ""
    forwarded: str = ""
    signed_by: str = ""


def _months(day: date) -> int:
    return (day.year - 2019) * 12 + day.month - 3


def browser(kind: str, lag: int, day: date) -> str:
    """Give a browser's agent; versions advance with the calendar."""
    months = _months(day)
    if kind == "firefox":
        version = 65 + months * 21 // 24 - lag
        return f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
    version = 72 + months * 17 // 24 - lag
    build = f"{version}.0.{3600 + months * 40}.{100 + day.month}"
    engine = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    chrome = f"{engine} Chrome/{build} Safari/537.36"
    return f"{chrome} Edg/{version}.0.{600 + months * 10}.{day.month + 40}" if kind == "edge" else chrome


def outlook(day: date) -> str:
    """Give the desktop client's agent, the same for the whole house."""
    return f"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.{11328 + _months(day) * 120}; Pro)"


def phone(device: str, day: date) -> str:
    """Give a phone's agent; its system is updated twice a year."""
    name = device.partition("#")[0]
    step = _months(day) // 6
    return f"{name}/{1604 + step * 100}.{57 + step}" if name.startswith("Apple") else f"{name}/101.{900 + step}"
