"""Writing the exercise: every log of the ministry, the damage done to them, and the truth."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from dwell.drill.audit_export import AuditExport
from dwell.drill.campaigns import console
from dwell.drill.clocks import set_clock
from dwell.drill.deeds import CONSOLE, Deeds, clerks, write_cmdlet_logs
from dwell.drill.event_logs import CLEARED, write_event_logs
from dwell.drill.exchange_logs import back_end, write_exchange_logs
from dwell.drill.grades import Kept, grades_of
from dwell.drill.held import held_hours
from dwell.drill.iis_log import path_of, write_back_end, write_day
from dwell.drill.intruders import Actor, loud, quiet, scanners
from dwell.drill.lists import write_cloud, write_lists
from dwell.drill.occasions import TESTERS, move, renumber
from dwell.drill.office import BACKUP, BACKUP_CLIENT, day_of_work, is_quiet
from dwell.drill.people import HOSTS, DrillPlan, World, make_world, pick
from dwell.drill.protocol_logs import IMAP, imap_work, write_imap_logs, write_mapi_logs
from dwell.drill.requests import Request
from dwell.drill.service_logs import write_owa_logs, write_sync_logs
from dwell.drill.state_exports import write_state_exports
from dwell.drill.tenant import Tenant, is_active
from dwell.drill.tenant_life import apps_on

__all__ = ["Progress", "write_drill"]

EXCHANGE_DAYS = 31
"""Exchange keeps its own logs about this long."""

Progress = Callable[[str, int, int], None]
"""Told (what, days done, days in all)."""


def _text(at: datetime | date) -> str:
    return f"{at:%Y-%m-%d}T{at:%H:%M:%S}Z"


def write_drill(evidence: Path, truth: Path, plan: DrillPlan, progress: Progress | None = None) -> dict[str, Any]:
    """Write the evidence and the truth.

    Args:
        evidence: folder for the evidence; made where it is not there.
        truth: file for the truth; keep it out of the evidence.
        plan: what to make.
        progress: told how far it is.

    Returns:
        The truth.
    """
    world = make_world(plan)
    renumber(world)
    first = quiet(world)
    second, written = loud(world)
    days = (plan.to_utc - plan.from_utc).days
    exchange_from = plan.to_utc.date() - timedelta(days=min(EXCHANGE_DAYS, days))
    tenant = Tenant(world, first) if is_active(world) else None
    audit = AuditExport(world, evidence, tenant) if plan.scenario.cloud else None
    if audit is None:
        write_cloud(world, evidence, exchange_from, plan.to_utc.date(), first)
    probes: dict[date, list[Request]] = {}
    for day, request in scanners(world):
        probes.setdefault(day, []).append(request)
    missing = _missing_week(plan)
    gone = _deleted(world, first)
    for place in range(days):
        day = plan.from_utc.date() + timedelta(days=place)
        requests = [
            *day_of_work(world, day),
            *apps_on(world, day),
            *first.days.get(day, []),
            *second.days.get(day, []),
            *probes.get(day, []),
        ]
        requests += [*imap_work(world, day), *_administration(world, day)]
        move(world, day, requests)
        requests.sort(key=lambda one: (one.second, one.host, one.client, one.stem, one.query))
        ids = _ids(world, day, requests)
        down = frozenset({"EX02"} if plan.scenario.damage and missing[0] <= day < missing[1] else ())
        kept = [one for one in requests if id(one) not in gone and one.protocol != IMAP]
        _web_logs(evidence, plan, day, kept, ids, down, balanced=place > days // 2)
        if audit is not None:
            audit.take(day, requests)
        theirs = {id(one) for one in (*first.days.get(day, []), *second.days.get(day, []))}
        _service_logs(world, evidence, day, requests, ids, theirs, late=day >= exchange_from)
        if progress is not None:
            progress("writing the logs", place + 1, days)
    if audit is not None:
        audit.close()
    if tenant is not None:
        tenant.write(evidence)
    deeds = _deeds(world, first)
    write_event_logs(world, evidence, exchange_from, plan.to_utc.date(), written, deeds)
    held_from = plan.from_utc.date() if "rps" in plan.scenario.kept else exchange_from
    write_cmdlet_logs(world, evidence, datetime.combine(held_from, time(), UTC), deeds.cmdlets)
    write_lists(world, evidence, written)
    write_state_exports(world, evidence, max([*first.instants, *second.instants], default=plan.to_utc))
    gaps = _damage(world, evidence, missing) if plan.scenario.damage else []
    if plan.scenario.clock_ahead_s:
        set_clock(evidence / "EX02", timedelta(seconds=plan.scenario.clock_ahead_s))
    _withhold(evidence, plan.scenario.without)
    gone_for_good = {one.removesuffix("-front") for one in plan.scenario.without}
    gaps = [one for one in gaps if one["source"] not in gone_for_good]
    _stamp(evidence, plan)
    left = Kept(plan.scenario, exchange_from, gone, gaps, audit.borne if audit is not None else {})
    told = _truth(world, [first, second], gaps, _per_host(gone), left)
    told["held_hours"] = held_hours(plan, exchange_from, gaps, _hours_of(first, gone), deeds.cleared)
    told |= {"unrecorded": tenant.silences} if tenant is not None else {}
    truth.parent.mkdir(parents=True, exist_ok=True)
    truth.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", "utf-8")
    return told


def _service_logs(
    world: World,
    evidence: Path,
    day: date,
    requests: list[Request],
    ids: dict[int, str],
    theirs: set[int],
    *,
    late: bool,
) -> None:
    """Write what the services log on a day; `late` where it is one of the days that the servers themselves still hold."""
    scenario = world.plan.scenario
    if scenario.service_logs:
        write_sync_logs(world, evidence, day, requests, ids)
        if late or "owa" in scenario.kept:
            write_owa_logs(world, evidence, day, requests, ids, theirs)
    if late or {"ews", "httpproxy"} & set(scenario.kept):
        proxy = late or "httpproxy" in scenario.kept
        write_exchange_logs(world, evidence, day, requests, ids, proxy=proxy)
    if "imap4" in scenario.kept:
        write_imap_logs(world, evidence, day, requests, ids)
    if "mapihttp" in scenario.kept:
        write_mapi_logs(world, evidence, day, requests, ids, theirs)


def _administration(world: World, day: date) -> list[Request]:
    """Give the administrator's remote PowerShell of a day, where he works in it."""
    if not world.plan.scenario.clerks or is_quiet(day):
        return []
    rng = pick(world.plan.seed, "console", day)
    return [one for host in HOSTS for one in console(rng, host, CONSOLE)]


def _deeds(world: World, actor: Actor) -> Deeds:
    """Put together what is done on the servers besides requests, by an intruder and by those who may."""
    refused = [
        (one.host, datetime.combine(day, time(), UTC) + timedelta(seconds=one.second), one.user.partition("\\")[2],
         one.client)
        for day, own in sorted(actor.days.items())
        for one in own
        if one.status == 401
    ]  # fmt: skip
    return Deeds([*clerks(world), *actor.deeds.cmdlets], actor.deeds.cleared, refused)


def _web_logs(
    evidence: Path,
    plan: DrillPlan,
    day: date,
    requests: list[Request],
    ids: dict[int, str],
    down: frozenset[str],
    *,
    balanced: bool,
) -> None:
    """Write the IIS logs of a day; of hosts in `down` there are none, and `balanced` says it of the second server."""
    for host in HOSTS:
        if host in down:
            continue
        write_day(
            evidence,
            host,
            day,
            [one for one in requests if one.host == host],
            ids,
            balanced=host == "EX02" and balanced,
        )
        if plan.scenario.handed_over:
            calls = [one for one in requests if one.protocol == "Ews" and not one.anchor]
            mine = [one for one in calls if back_end(one, handed_over=True) == host]
            write_back_end(evidence, host, day, mine, ids)


def _stamp(evidence: Path, plan: DrillPlan) -> None:
    """Give every file the last-write time of the day on which the evidence was gathered: equal plans, equal stamps."""
    at = int(plan.to_utc.timestamp())
    for path in sorted(evidence.rglob("*")):
        if path.is_file():
            os.utime(path, (at, at))


def _deleted(world: World, actor: Actor) -> dict[int, Request]:
    """Pick the requests whose lines the quiet intruder takes out of the IIS logs."""
    share = world.plan.scenario.deleted
    rng = pick(world.plan.seed, "deleted")
    return {id(one): one for _, own in sorted(actor.days.items()) for one in own if rng.random() < share}


def _per_host(gone: dict[int, Request]) -> dict[str, int]:
    out: dict[str, int] = {}
    for one in gone.values():
        out[one.host] = out.get(one.host, 0) + 1
    return out


def _hours_of(actor: Actor, gone: dict[int, Request]) -> dict[str, set[datetime]]:
    """Give, by server, the hours in which lines were taken out."""
    out: dict[str, set[datetime]] = {}
    for day, own in actor.days.items():
        for one in own:
            if id(one) in gone:
                at = datetime(day.year, day.month, day.day, one.second // 3_600, tzinfo=UTC)
                out.setdefault(one.host, set()).add(at)
    return out


_PLACES = {
    "iis": "*/inetpub",
    "iis-front": "*/inetpub/logs/LogFiles/W3SVC1",
    "httpproxy": "*/Logging/HttpProxy",
    "ews": "*/Logging/Ews",
    "imap4": "*/Logging/Imap4",
    "rps": "*/Logging/CmdletInfra",
    "evtx": "*/events",
    "ual": "m365",
    "directory": "directory",
    "inventory": "*/files",
    "backups": "backups",
}


def _withhold(evidence: Path, sources: tuple[str, ...]) -> None:
    """Take away what is not handed over."""
    for one in sources:
        for folder in sorted(evidence.glob(_PLACES[one])):
            shutil.rmtree(folder)


def _ids(world: World, day: date, requests: list[Request]) -> dict[int, str]:
    rng = pick(world.plan.seed, "ids", day)
    text = rng.randbytes(16 * len(requests)).hex()
    out: dict[int, str] = {}
    for place, one in enumerate(requests):
        raw = text[place * 32 : place * 32 + 32]
        out[id(one)] = f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
    return out


def _missing_week(plan: DrillPlan) -> tuple[date, date]:
    start = plan.from_utc.date() + timedelta(days=(plan.to_utc - plan.from_utc).days * 2 // 5)
    return start, start + timedelta(days=7)


def _damage(world: World, evidence: Path, missing: tuple[date, date]) -> list[dict[str, str]]:
    """Cut one log in mid-line, put a run of NUL bytes into another, and say what is not there."""
    plan = world.plan
    gaps = [
        {"kind": "missing", "host": "EX02", "source": "iis", "from_utc": _text(missing[0]), "to_utc": _text(missing[1])}
    ]
    cut = plan.from_utc.date() + timedelta(days=(plan.to_utc - plan.from_utc).days // 3)
    path = path_of(evidence, "EX01", cut)
    data = path.read_bytes()
    lines = data.split(b"\r\n")
    kept = b"\r\n".join(lines[: len(lines) * 3 // 5])
    path.write_bytes(kept[:-25])
    hour = lines[len(lines) * 3 // 5 - 1].split(b" ")[1].decode() if len(lines) > 10 else "00:00:00"
    gaps.append(
        {
            "kind": "truncated",
            "host": "EX01",
            "source": "iis",
            "from_utc": f"{cut}T{hour}Z",
            "to_utc": _text(cut + timedelta(days=1)),
            "path": path.relative_to(evidence).as_posix(),
        }
    )
    path = path_of(evidence, "EX01", cut + timedelta(days=5))
    data = path.read_bytes()
    middle = data.index(b"\r\n", len(data) // 2) + 2
    path.write_bytes(data[:middle] + b"\0" * 4096 + b"\r\n" + data[middle:])
    end = plan.to_utc - CLEARED
    begin = plan.to_utc - timedelta(days=min(EXCHANGE_DAYS, (plan.to_utc - plan.from_utc).days))
    gaps.append({"kind": "altered", "host": "EX02", "source": "evtx", "from_utc": _text(begin), "to_utc": _text(end)})
    return gaps


def _truth(
    world: World, actors: list[Actor], gaps: list[dict[str, str]], deleted: dict[str, int], left: Kept
) -> dict[str, Any]:
    plan = world.plan
    return {
        "seed": plan.seed,
        "plan": {"mailboxes": plan.mailboxes, "from_utc": _text(plan.from_utc), "to_utc": _text(plan.to_utc)},
        "mailboxes": sorted(one.smtp for one in world.people),
        "names": {one.login.lower(): one.smtp for one in world.people},
        "scenario": plan.scenario.name,
        "intruders": [one.truth() | {"grades": grades_of(world, one, left)} for one in actors if one.instants],
        "gaps": gaps,
        "deleted": deleted,
        "innocent": {
            "delegates": sorted(one.smtp for one in world.people if one.boss is not None),
            "travellers": sorted({one.smtp for one, *_ in world.travels}),
            "conferences": [sorted(one.smtp for one in group) for group, *_ in world.conferences],
            "backup": [BACKUP, BACKUP_CLIENT],
            "bystanders": sorted(plan.scenario.bystanders),
            "occasions": sorted(plan.scenario.occasions),
            "ours": [f"{TESTERS}.0/24"] if "penetration-test" in plan.scenario.occasions else [],
        },
    }
