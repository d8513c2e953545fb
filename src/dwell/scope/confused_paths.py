"""Calls that came past the login by way of `autodiscover.json`, of which no record says whose mailbox they opened.

ProxyShell (CVE-2021-34473) and ProxyNotShell (CVE-2022-41040) make the front end pass a request on to a service behind it
as the system itself. Whose mailbox such a call is for stands in its body, which no web log has. What was run in PowerShell
stands in the log of Exchange's cmdlets. The address book (`/mapi/nspi`) holds no mail, and MAPI opens none with one
request: a session is made by a first one, and the mailbox is logged on to within a second.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from dwell.model.addresses import network
from dwell.model.instants import utc_us
from dwell.scope.cells import HOUR_US
from dwell.scope.forgery import ANSWERED
from dwell.scope.ledger import MANAGEMENT, Ledger
from dwell.scope.traces import Trace

__all__ = ["CMDLETS", "nameless_by_path", "service_of"]

CVES = frozenset({"CVE-2021-34473", "CVE-2022-41040", "CVE-2022-41080"})
CMDLETS = frozenset({MANAGEMENT, "rps_cmdlet"})
"""Logs of a server that tell which cmdlets were run through PowerShell."""
_AUTODISCOVER = re.compile(r"autodiscover\.json", re.IGNORECASE)
_SERVICES = (
    ("EWS", re.compile(r"/ews(?:[/?&]|$)", re.IGNORECASE)),
    ("MAPI", re.compile(r"/mapi/emsmdb", re.IGNORECASE)),
    ("PowerShell", re.compile(r"powershell|x-rps-cat", re.IGNORECASE)),
)


def service_of(one: Trace) -> str:
    """Give the service that an answered call of this kind reached: EWS, MAPI or PowerShell; "" where it is none of them."""
    answered = one.status is None or one.status in ANSWERED
    if not (answered and CVES & set(one.cves)):
        return ""
    asked = unquote(" ".join(one.matched), errors="replace")
    if not _AUTODISCOVER.search(asked):
        return ""
    return next((name for name, pattern in _SERVICES if pattern.search(asked)), "")


def nameless_by_path(traces: Sequence[Trace], ledger: Ledger) -> tuple[tuple[str, Trace], ...]:
    """Give the answered calls that may have opened any mailbox, each with the service it reached.

    Args:
        traces: hits of our rules.
        ledger: what is held: where a server's cmdlets are, what was run through PowerShell is known.
    """
    found = [(name, one) for one in traces if (name := service_of(one))]
    several: dict[tuple[str, str], int] = {}
    for name, one in found:
        if name == "MAPI":
            key = (one.host, network(one.client) or "")
            several[key] = several.get(key, 0) + one.count
    return tuple(
        (name, one)
        for name, one in found
        if (name != "MAPI" or several[one.host, network(one.client) or ""] > 1)
        and (name != "PowerShell" or not _told(one, ledger))
    )


def _told(one: Trace, ledger: Ledger) -> bool:
    """Say whether the log of cmdlets is held of the server for all hours in which such calls came."""
    if one.first_utc is None:
        return False
    first, last = (utc_us(at) // HOUR_US for at in (one.first_utc, one.last_utc or one.first_utc))
    held, _ = ledger.seen(one.host, CMDLETS, first, last + 1)
    return bool(len(held)) and bool(held.all())
