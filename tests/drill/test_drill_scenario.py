"""Scenarios: every named one can be written, plants what it says, and leaves out what it says."""

from __future__ import annotations

import csv
import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dwell.drill import DrillPlan, Scenario, scenario, scenarios, write_drill
from dwell.drill.bystanders import BYSTANDERS, SERVICES, away_on, bystanders_on
from dwell.drill.office import day_of_work
from dwell.drill.people import make_world

FIRST, LAST = datetime(2021, 2, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC)


def text_of(folder: Path) -> str:
    """Give all IIS lines of an exercise."""
    return "\n".join(one.read_text("utf-8", errors="replace") for one in sorted(folder.rglob("u_ex*.log")))


def made(name: str, folder: Path) -> dict[str, object]:
    """Write a small exercise of a scenario; give the truth."""
    return write_drill(folder / "evidence", folder / "truth.json", DrillPlan(5, 24, FIRST, LAST, scenario(name)))


def test_there_are_at_least_24_with_names_of_their_own() -> None:
    found = scenarios()
    assert len(found) >= 24
    assert [name for name, one in found.items() if one.name != name or not one.about] == []
    assert found["default"] == Scenario(name="default", about=found["default"].about)


@pytest.mark.parametrize(
    "traits",
    [
        {"mode": "telepathy"},
        {"network": "moon"},
        {"without": ("smtp",)},
        {"bystanders": ("ghost",)},
        {"kept": ("pop",)},
        {"pause": (0.9, 0.1)},
        {"deleted": 2.0},
    ],
)
def test_unknown_trait_is_refused(traits: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="scenario"):
        Scenario(**traits)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["nobody", "quiet-alone", "loud-alone"])
def test_truth_names_only_who_was_planted(name: str, tmp_path: Path) -> None:
    truth = made(name, tmp_path)
    wanted = {"nobody": [], "quiet-alone": ["quiet"], "loud-alone": ["loud"]}[name]
    intruders = truth["intruders"]
    assert isinstance(intruders, list)
    assert [one["id"] for one in intruders] == wanted


def test_nobody_leaves_no_trace_of_either(tmp_path: Path) -> None:
    made("nobody", tmp_path)
    text = text_of(tmp_path / "evidence")
    assert "Chrome/63" not in text
    assert "supp0rt.aspx" not in text
    assert not list((tmp_path / "evidence").rglob("*supp0rt*"))


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("tool-ews", r"POST /EWS/Exchange\.asmx \S+ 443 MINISTRY\\\w[\w.]* 100\.\S+ ExchangeServicesClient/0\.0\.0\.0"),
        ("phone", r"Cmd=Sync&User=MINISTRY%5C[\w.]+&DeviceId=androidc1799\S* 443 \S+ 100\.\S+ Android-EAS/2\.0"),
        ("impersonation", r"MINISTRY\\svc-sync 100\."),
        (
            "delegate",
            r"/owa/[\w.]+@ministry\.example/service\.svc \S+ 443 MINISTRY\\\S+ 100\.\S+ Mozilla/5\.0\+\(Windows\+NT\+6\.1",
        ),
        ("inside-vpn", r" 10\.20\.99\.\d+ Mozilla/5\.0\+\(Windows\+NT\+6\.1"),
        ("on-the-server", r" 10\.20\.1\.1[12] ExchangeServicesClient"),
        ("desktop-client", r"POST /mapi/emsmdb/ \S+ 443 \S+ 100\.\S+ Microsoft\+Office"),
    ],
)
def test_scenario_leaves_the_records_of_its_mode(name: str, pattern: str, tmp_path: Path) -> None:
    made(name, tmp_path)
    assert re.search(pattern, text_of(tmp_path / "evidence"))


def test_residential_has_an_address_of_its_own_for_each_mailbox(tmp_path: Path) -> None:
    truth = made("residential", tmp_path)
    intruders = truth["intruders"]
    assert isinstance(intruders, list)
    quiet = next(one for one in intruders if one["id"] == "quiet")
    assert len(quiet["clients"]) == len(quiet["mailboxes"])


def test_away_is_away(tmp_path: Path) -> None:
    made("away-and-back", tmp_path)
    days = sorted(set(re.findall(r"^(\d{4}-\d\d-\d\d) .*Chrome/63", text_of(tmp_path / "evidence"), re.MULTILINE)))
    gaps = [(datetime.fromisoformat(b) - datetime.fromisoformat(a)).days for a, b in itertools.pairwise(days)]
    assert max(gaps) >= 15


def test_deleted_lines_are_gone_from_iis_and_told_in_the_truth(tmp_path: Path) -> None:
    truth = made("deleted-lines", tmp_path / "less")
    made("default", tmp_path / "whole")
    less, whole = (text_of(tmp_path / one / "evidence").count("Chrome/63") for one in ("less", "whole"))
    deleted = truth["deleted"]
    assert isinstance(deleted, dict)
    assert less < whole / 3
    assert sum(deleted.values()) > 0


@pytest.mark.parametrize("name", ["iis-only", "cloud-only", "no-directory"])
def test_what_is_not_handed_over_is_not_there(name: str, tmp_path: Path) -> None:
    made(name, tmp_path)
    folders = {"iis": "inetpub", "httpproxy": "HttpProxy", "ews": "Ews", "evtx": "events", "ual": "m365"}
    folders |= {"directory": "directory", "inventory": "files", "backups": "backups"}
    for source, folder in folders.items():
        there = any(one.name == folder for one in (tmp_path / "evidence").rglob("*"))
        assert there is (source not in scenario(name).without), source


def test_logs_of_the_services_are_left_alone_where_a_scenario_says_so(tmp_path: Path) -> None:
    truth = made("owa-log-only", tmp_path / "owa")
    logs = sorted((tmp_path / "owa" / "evidence").glob("EX0*/**/*.LOG"))
    assert {one.parent.name for one in logs} == {"Server"}
    assert not list((tmp_path / "owa" / "evidence").rglob("u_ex*.log"))
    text = "\n".join(one.read_text("utf-8") for one in logs)
    cookies = dict(re.findall(r"PSA=<PII>([^<]+)</PII>;S:FE=\w+;S:ClientId=(\w+)", text))
    assert len(cookies) > 5
    intruders = truth["intruders"]
    assert isinstance(intruders, list)
    shared = [set(re.findall(rf"PSA=<PII>([^<]+)</PII>;S:FE=\w+;S:ClientId={one}", text)) for one in cookies.values()]
    assert max(shared, key=len) <= set(intruders[0]["mailboxes"])
    made("sync-log-only", tmp_path / "sync")
    assert {one.parent.name for one in (tmp_path / "sync" / "evidence").rglob("u_ex*.log")} == {"W3SVC2"}
    assert re.search(r"&Log=V141_Fc1_Fid:5_Ty:Em_\S+_Srv:\d+a0c\S* 444 ", text_of(tmp_path / "sync" / "evidence"))


def test_innocents_are_there_and_nobody_else(tmp_path: Path) -> None:
    truth = made("innocents", tmp_path)
    text = text_of(tmp_path / "evidence")
    assert truth["intruders"] == []
    assert set(scenario("innocents").bystanders) == set(BYSTANDERS)
    for account in (*SERVICES.values(), "adm-help0"):
        assert f"MINISTRY\\{account} " in text
    for place in ("10.20.77.5 Mozilla", "10.20.60.9 Mozilla", "10.20.61.4 Mozilla"):
        assert place in text
    assert "Chrome/63" not in text


def test_what_bystanders_do_is_theirs_on_a_day_of_their_own() -> None:
    world = make_world(DrillPlan(5, 160, datetime(2020, 4, 1, tzinfo=UTC), LAST, scenario("innocents")))
    days = [datetime(2020, 4, 1, tzinfo=UTC).date() + timedelta(days=one) for one in range(365)]
    trained = [day for day in days if any("rv:60.0" in one.agent for one in bystanders_on(world, day))]
    assert {(day.weekday(), 8 <= day.day <= 15) for day in trained} == {(1, True), (2, True)}
    assert len(trained) == 24
    sat = [day for day in days if any("ExchangeServicesClient/15.01" in one.agent for one in bystanders_on(world, day))]
    assert [day.weekday() for day in sat] == [5, 6]
    connected = {
        one.user.partition("\\")[2] for day in days for one in bystanders_on(world, day) if "15.00" in one.agent
    }
    assert len(connected) > 20
    assert not connected & {*SERVICES.values()}
    gone = {one for day in trained for one in away_on(world, day)}
    there = {one.mailbox for day in trained for one in bystanders_on(world, day) if "rv:60.0" in one.agent}
    assert there <= gone


def test_who_is_there_himself_is_at_no_desk(tmp_path: Path) -> None:
    plan = DrillPlan(5, 160, datetime(2020, 4, 1, tzinfo=UTC), LAST, scenario("innocents"))
    world = make_world(plan)
    day = next(
        one
        for place in range(365)
        if (one := plan.from_utc.date() + timedelta(days=place)).weekday() == 2 and len(away_on(world, one)) > 9
    )
    gone = away_on(world, day)
    at_desk = {
        one.mailbox for one in day_of_work(world, day) if one.protocol == "Mapi" and one.client.startswith("10.")
    }
    assert at_desk
    assert not at_desk & gone


def test_a_kept_ews_log_reaches_back_and_names_the_mailboxes(tmp_path: Path) -> None:
    truth = made("impersonation", tmp_path / "kept")
    made("impersonation-unlogged", tmp_path / "lost")
    intruders = truth["intruders"]
    assert isinstance(intruders, list)
    quiet = next(one for one in intruders if one["id"] == "quiet")

    def opened(folder: Path) -> set[str]:
        text = "\n".join(one.read_text("utf-8-sig") for one in sorted(folder.rglob("Ews_*.LOG")))
        return {line.split(",")[22] for line in text.splitlines() if ",ExchangeServicesClient/0.0.0.0," in line}

    assert opened(tmp_path / "kept") == set(quiet["mailboxes"])
    first = {one: min(each.name for each in (tmp_path / one).rglob("Ews_*.LOG"))[4:12] for one in ("kept", "lost")}
    assert first == {"kept": "20210201", "lost": "20210301"}


def test_the_clouds_export_tells_the_whole_time_and_the_truth(tmp_path: Path) -> None:
    truth = made("cloud-only", tmp_path)
    files = sorted((tmp_path / "evidence" / "m365").glob("*.csv"))
    assert [one.stem for one in files] == ["AuditLog-2021-02", "AuditLog-2021-03"]
    records = [
        json.loads(row["AuditData"])
        for one in files
        for row in csv.DictReader(one.read_text("utf-8-sig").splitlines()[1:])
    ]
    intruders = truth["intruders"]
    assert isinstance(intruders, list)
    (quiet,) = intruders
    his = [one for one in records if one.get("ClientIPAddress") in quiet["clients"]]
    assert {one["MailboxOwnerUPN"] for one in his} == set(quiet["mailboxes"])
    assert {one["Operation"] for one in records} == {"MailItemsAccessed", "UserLoggedIn"}
    assert not [one for one in records if str(one.get("ClientIPAddress", "")).startswith("10.")]
