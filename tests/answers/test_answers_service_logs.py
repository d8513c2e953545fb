"""Exposure from one log alone: the OWA server log, and what ActiveSync writes at the back end (R8)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.scope.office import DAYS, FOREIGN, NETWORK, PEOPLE, START, facts, log_of, reasoned, visits, work
from tests.scope.staged import iis_place, stage
from tests.scope.test_scope_rollup_owa import owa_log

from dwell import api
from dwell.answers.assemble import assemble
from dwell.drill import DrillPlan, scenario, write_drill
from dwell.model.claims import EXPOSED, Grade, MailboxExposure, Summary
from dwell.model.markings import Marking, MarkingKind, MarkingVerdict

PLACE = "EX01/Logging/OWA/Server/OWAServer20210104-1.LOG"
BACK_END = "EX01/inetpub/logs/LogFiles/W3SVC2/u_ex210104.log"
EVIL = "EB1F00D5EB1F00D5EB1F00D5EB1F00D5"
STOLEN = PEOPLE[:5]
Line = tuple[str, str, str]


def _lines(person: str, browser: str, days: Iterable[int], actions: Iterable[str], hour: int = 9) -> list[Line]:
    out = []
    for day in days:
        for step, action in enumerate(actions):
            at = START + timedelta(days=day, hours=hour, seconds=step * 20)
            data = f"S:PSA=<PII>{person}</PII>;S:ClientId={browser};S:Bld=15.1.2176.2;S:ActID=a-{day}-{step}"
            out.append((f"{at:%Y-%m-%d %H:%M:%S}", action, data))
    return out


def _owners() -> list[Line]:
    rows: list[Line] = []
    for place, person in enumerate(PEOPLE):
        working = [day for day in range(DAYS) if day % 7 < 5]
        rows += _lines(person, f"{place:032X}", working, ("SessionData", "GetItem"), hour=7 + place % 4)
        rows += _lines(person, f"{place + 1000:032X}", working[::3], ("SessionData", "FindItem"), hour=19)
    return rows


def _intruder() -> list[Line]:
    rows: list[Line] = []
    for place, person in enumerate(STOLEN):
        # the fifth mailbox is only looked at from the list
        acts = ("SessionData", "GetItem", "GetItem") if place < 4 else ("SessionData", "FindItem")
        rows += _lines(person, EVIL, range(20, 44, 3), acts, hour=3)
    return rows


def _exposed(found: Summary) -> dict[str, MailboxExposure]:
    return {one.mailbox: one for one in found.mailboxes if one.grade in EXPOSED}


def test_the_owa_server_log_alone_shows_whose_mail_was_read(tmp_path: Path) -> None:
    staged = stage(tmp_path, {PLACE: owa_log(sorted(_owners() + _intruder()))})
    found = _exposed(assemble(reasoned(staged), facts(staged)))
    grades = dict.fromkeys(STOLEN[:4], Grade.READ) | {STOLEN[4]: Grade.LISTED}
    assert {name: one.grade for name, one in found.items()} == grades
    one = found[STOLEN[0]]
    assert (one.sessions, one.messages, one.bytes) == (8, 16, None)
    assert one.clients == (f"browser:{EVIL} browser:{EVIL}",)


def test_a_browser_can_be_marked_as_ours(tmp_path: Path) -> None:
    staged = stage(tmp_path, {PLACE: owa_log(sorted(_owners() + _intruder()))})
    ours = Marking("M1", MarkingKind.NETWORK, f"browser:{EVIL}", MarkingVerdict.OURS, "kiosk", "me")
    assert not _exposed(assemble(reasoned(staged, markings=[ours]), facts(staged)))


def test_owners_alone_leave_nobody_exposed_in_it(tmp_path: Path) -> None:
    staged = stage(tmp_path, {PLACE: owa_log(sorted(_owners()))})
    assert not _exposed(assemble(reasoned(staged), facts(staged)))


@pytest.mark.parametrize(
    ("name", "grades"), [("owa-log-only", {Grade.READ, Grade.LISTED}), ("sync-log-only", {Grade.DOWNLOADED})]
)
def test_an_exercise_with_one_of_these_logs_alone_is_solved(tmp_path: Path, name: str, grades: set[Grade]) -> None:
    plan = DrillPlan(3, 40, datetime(2020, 11, 1, tzinfo=UTC), datetime(2021, 1, 10, tzinfo=UTC), scenario(name))
    truth = write_drill(tmp_path / "evidence", tmp_path / "truth.json", plan)
    api.ingest(tmp_path / "case", [tmp_path / "evidence"], workers=1)
    found = _exposed(api.answers(tmp_path / "case", workers=1).summary)
    (quiet,) = truth["intruders"]
    assert set(found) == set(quiet["mailboxes"])
    assert {one.grade for one in found.values()} <= grades


def test_an_act_in_iis_and_in_the_owa_server_log_is_one(tmp_path: Path) -> None:
    rows = work()
    for person in STOLEN:
        for action in ("GetItem", "FindItem"):
            query = f"action={action}&EP=1"
            rows += visits(person, f"{NETWORK}.14", FOREIGN, range(20, 44, 3), hour=3, query=query)
    lines: list[Line] = []
    for person in STOLEN:
        lines += _lines(person, EVIL, range(20, 44, 3), ("GetItem", "FindItem"), hour=3)
    staged = stage(tmp_path, {iis_place("EX01", "210104"): log_of(rows), PLACE: owa_log(sorted(lines))})
    found = _exposed(assemble(reasoned(staged), facts(staged)))
    assert set(found) == set(STOLEN)
    for one in found.values():
        assert (one.grade, one.messages, one.sessions) == (Grade.READ, 8, 8)
        assert {ref.table for ref in one.grounds} >= {"iis", "owa"}


def test_what_active_sync_writes_at_the_back_end_alone_shows_folders_taken(tmp_path: Path) -> None:
    rows = []
    sync = "V141_Fc1_Fid:5_Ty:Em_Filt0_St:S_Sk:1_{sent}_BR1_S1_"
    for place, person in enumerate(PEOPLE):
        working = [day for day in range(DAYS) if day % 7 < 5]
        log = sync.format(sent="Srv:2a0c0d0s0e0r0A0sd")
        rows += _phone(person, f"198.19.{place}.7", "Apple-iPhone/1604", working, log, hour=7 + place % 4)
    for place, person in enumerate(STOLEN):
        log = sync.format(sent="Srv:90a0c0d0s0e0r0A0sd" if place else "Sst2")
        rows += _phone(person, f"{NETWORK}.14", "Android-EAS/2.0", range(20, 44, 3), log, hour=3)
    staged = stage(tmp_path, {BACK_END: log_of(rows)})
    found = _exposed(assemble(reasoned(staged), facts(staged)))
    grades = {STOLEN[0]: Grade.OPENED} | dict.fromkeys(STOLEN[1:], Grade.DOWNLOADED)
    assert {name: one.grade for name, one in found.items()} == grades


def _phone(person: str, client: str, agent: str, days: Iterable[int], log: str, hour: int) -> list[dict[str, object]]:
    return visits(
        person, "10.0.0.12", agent, days, hour=hour, port=444, forwarded=f"{client},10.0.0.5",
        stem="/Microsoft-Server-ActiveSync/Proxy/default.eas", query=f"Cmd=Sync&DeviceId=d1&Log={log}",
    )  # fmt: skip
