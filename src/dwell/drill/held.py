"""The hours of which each log is handed over whole, by server: what coverage told of an exercise is held against.

An hour in which lines were cut off or taken out is none of them. An hour without a record is one where the log was kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

from dwell.drill.event_logs import CLEARED
from dwell.drill.people import HOSTS, DrillPlan

__all__ = ["TENANT", "held_hours"]

TENANT = "M365"
_HOUR = timedelta(hours=1)


def _count(first: datetime, last: datetime) -> int:
    """Give the whole hours between two instants."""
    return max(0, (last - first) // _HOUR)


def _next_hour(at: datetime) -> datetime:
    """Give the first whole hour that does not begin before an instant."""
    return at + (datetime.min.replace(tzinfo=UTC) - at) % _HOUR


def _touched(gaps: Iterable[Mapping[str, str]]) -> set[datetime]:
    """Give the clock hours that gaps touch."""
    out: set[datetime] = set()
    for gap in gaps:
        at = datetime.fromisoformat(gap["from_utc"]).replace(minute=0, second=0, microsecond=0)
        while at < datetime.fromisoformat(gap["to_utc"]):
            out.add(at)
            at += _HOUR
    return out


def held_hours(
    plan: DrillPlan,
    exchange_from: date,
    gaps: Sequence[Mapping[str, str]],
    deleted: Mapping[str, Collection[datetime]],
    wiped: Mapping[str, datetime] = MappingProxyType({}),
) -> dict[str, dict[str, int]]:
    """Give the hours by server and source; a source that is not handed over is left out.

    Args:
        plan: what was made.
        exchange_from: the first day that Exchange's own logs are of.
        gaps: what is not there, as the truth tells it.
        deleted: by server, the hours in which lines were taken out of the IIS logs.
        wiped: by server, when an intruder cleared the Security log, which begins anew there and holds all that follows.
    """
    scenario = plan.scenario
    late = datetime(exchange_from.year, exchange_from.month, exchange_from.day, tzinfo=UTC)
    whole, month = _count(plan.from_utc, plan.to_utc), _count(late, plan.to_utc)
    out: dict[str, dict[str, int]] = {}
    for host in HOSTS:
        lost = _touched(one for one in gaps if one["host"] == host and one["source"] == "iis")
        lost |= set(deleted.get(host, ()))
        security = _count(_next_hour(wiped[host]), plan.to_utc) if host in wiped else month
        cleared = _count(plan.to_utc - CLEARED, plan.to_utc)
        told = {
            "iis": whole - len(lost),
            "httpproxy": whole if "httpproxy" in scenario.kept else month,
            "ews": whole if "ews" in scenario.kept else month,
            "evtx/Security": min(security, cleared) if host == "EX02" else security,
            "evtx/MSExchange Management": whole,
        }
        if scenario.service_logs:
            told["owa"] = whole if "owa" in scenario.kept else month
        out[host] = {name: hours for name, hours in told.items() if name.partition("/")[0] not in scenario.without}
    if "ual" not in scenario.without:
        out[TENANT] = {"ual": whole if scenario.cloud else month}
    return out
