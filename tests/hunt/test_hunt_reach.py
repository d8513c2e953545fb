"""A rule that ran says for which hosts; one that is partly blind, where and when it could not see."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.hunt.archives import archive_of, load_rules

from dwell.archive.store import Archive
from dwell.hunt.hunting import hunt
from dwell.hunt.reach import TOLD_MAX
from dwell.model.claims import BlindStretch, RuleOutcome, RuleStatus

SYSMON = "Microsoft-Windows-Sysmon/Operational"
PROCESSES = {"category": "process_creation", "product": "windows"}
WEB = {"category": "webserver", "product": "windows"}
RULE: dict[str, Any] = {"title": "one", "id": "10000000-0000-4000-8000-000000000001"}


def outcome(archive: Archive, logsource: Mapping[str, str], field: str, folder: Path, **more: Any) -> RuleOutcome:  # noqa: ANN401
    """Hunt with one rule that wants a field to hold `x`."""
    rule = {**RULE, "logsource": logsource, "detection": {"s": {field: "x"}, "condition": "s"}}
    (found,) = hunt(archive, loaded=load_rules(folder, rule), **more).outcomes
    return found


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2021, 3, day, hour, tzinfo=UTC)


def started(host: str | None, when: datetime, **more: str) -> dict[str, Any]:
    return {"Channel": SYSMON, "EventID": 1, "Image": "c:\\\\a.exe", "host": host, "time_utc": when, **more}


def asked(host: str | None, when: datetime, **more: str) -> dict[str, Any]:
    return {"cs-uri-stem": "/x", "host": host, "time_utc": when, **more}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_rule_says_for_which_hosts_it_ran(tmp_path: Path, workers: int) -> None:
    root = tmp_path / "archive"
    logon = {"Channel": "Security", "EventID": 4624, "host": "DC01"}
    archive_of(root, {"evtx": [started("EX01", at(1)), logon, {**logon, "host": "EX02"}]}, name="one")
    archive = archive_of(
        root, {"evtx": [logon], "iis": [asked("EX03", at(1))], "squid": [{"host": "PROXY"}]}, name="two"
    )
    told = outcome(archive, PROCESSES, "Image", tmp_path / "rules", workers=workers)
    assert told.status is RuleStatus.RAN
    # a proxy is no server that is expected to hold what the rule looks for
    assert (told.hosts, told.hosts_without, told.hosts_without_total) == (("EX01",), ("DC01", "EX02", "EX03"), 3)
    whole = hunt(archive, workers=workers).outcomes
    every = [one.hosts_without for one in whole if one.hosts == ("EX01",)]
    assert all("EX03" in one and "PROXY" not in one for one in every)


def test_a_web_rule_expects_servers_only(tmp_path: Path) -> None:
    archive = archive_of(
        tmp_path / "archive",
        {"iis": [asked("EX01", at(1))], "evtx": [{"Channel": "Security", "EventID": 4624, "host": "DC01"}]},
    )
    told = outcome(archive, WEB, "cs-uri-stem", tmp_path / "rules")
    assert (told.hosts, told.hosts_total, told.hosts_without) == (("EX01",), 1, ())


def test_a_rule_that_is_partly_blind_says_where_and_when(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    with_agent = {"cs-user-agent": "a"}
    archive_of(root, {"iis": [asked("EX01", at(1)), asked("EX01", at(2))]}, name="a")
    archive_of(root, {"iis": [asked("EX01", at(3)), asked("EX01", at(4, 5))]}, name="b")
    archive_of(root, {"iis": [asked("EX01", at(5), **with_agent)]}, name="c")
    archive_of(root, {"iis": [asked("EX01", at(6))]}, name="d")
    archive_of(root, {"iis": [asked("EX02", at(1)), asked("EX03", at(2)), asked("EX02", at(9))]}, name="e")
    archive = archive_of(root, {"iis": [asked(None, at(7))]}, name="f")
    told = outcome(archive, WEB, "cs-user-agent", tmp_path / "rules")
    assert told.status is RuleStatus.PARTLY_BLIND
    assert told.blind_at == (
        BlindStretch("", at(7), at(7)),
        BlindStretch("EX01", at(1), at(4, 5)),
        BlindStretch("EX01", at(6), at(6)),
        BlindStretch("EX02", at(1), at(9)),
        BlindStretch("EX03", at(2), at(2)),
    )
    assert told.blind_at_total == 5
    assert (told.hosts, told.hosts_without) == (("EX01",), ("EX02", "EX03"))
    assert "EX01 2021-03-01 00:00 to 2021-03-04 05:00 UTC" in told.reason
    assert "an unnamed host 2021-03-07" in told.reason


@pytest.mark.parametrize("number", ["sc-bytes", "time-taken", "sc-status", "s-port"])
@pytest.mark.parametrize("path", ["/nothere/", "/x"])
def test_a_number_that_nobody_recorded_makes_a_rule_blind_whatever_else_it_asks(
    tmp_path: Path, number: str, path: str
) -> None:
    archive = archive_of(tmp_path / "archive", {"iis": [asked("EX01", at(1)), asked("EX02", at(2))]})
    detection = {"s": {"cs-uri-stem|startswith": path, f"{number}|gte": 100}, "condition": "s"}
    rule = {**RULE, "logsource": WEB, "detection": detection}
    (told,) = hunt(archive, loaded=load_rules(tmp_path / "rules", rule), workers=1).outcomes
    assert told.status is RuleStatus.BLIND
    assert f"never recorded: {number}" in told.reason
    assert told.hosts == ()


def test_events_are_told_by_kind(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    archive_of(root, {"evtx": [started("A", at(1)), started("B", at(2)), started("A", at(4))]}, name="bare")
    other = {"Channel": SYSMON, "EventID": 3, "host": "C", "time_utc": at(9)}
    archive = archive_of(root, {"evtx": [started("B", at(5), CommandLine="x"), other]}, name="full")
    told = outcome(archive, PROCESSES, "CommandLine", tmp_path / "rules")
    assert told.status is RuleStatus.PARTLY_BLIND
    assert told.blind_at == (BlindStretch("A", at(1), at(4)), BlindStretch("B", at(2), at(2)))
    assert (told.hosts, told.hosts_without) == (("B",), ("A", "C"))


def test_what_is_kept_gives_the_same_and_damage_is_made_good(tmp_path: Path) -> None:
    archive = archive_of(
        tmp_path / "archive", {"evtx": [started("A", at(1)), {"Channel": "Security", "host": "B", "time_utc": at(1)}]}
    )
    cache = tmp_path / "cache"
    cache.mkdir()
    first = outcome(archive, PROCESSES, "Image", tmp_path / "rules", cache=cache)
    (kept,) = cache.glob("*-holders/*.segment")
    assert outcome(archive, PROCESSES, "Image", tmp_path / "rules", cache=cache) == first
    kept.write_bytes(b"damaged")
    assert outcome(archive, PROCESSES, "Image", tmp_path / "rules", cache=cache) == first
    assert (first.hosts, first.hosts_without) == (("A",), ("B",))


def test_of_very_many_hosts_some_are_named_and_all_counted(tmp_path: Path) -> None:
    rows = [started(f"H{number:03}", at(1)) for number in range(TOLD_MAX + 7)]
    told = outcome(archive_of(tmp_path / "archive", {"evtx": rows}), PROCESSES, "Image", tmp_path / "rules")
    assert (len(told.hosts), told.hosts_total) == (TOLD_MAX, TOLD_MAX + 7)


def test_a_host_that_never_recorded_a_field_is_told_apart_from_one_that_shares_its_data_file(tmp_path: Path) -> None:
    cmd = {"Channel": "Security", "EventID": 4688, "NewProcessName": "c:\\a.exe"}
    rows = [
        {**cmd, "host": "EX01", "time_utc": at(1), "CommandLine": "y"},
        {**cmd, "host": "DC01", "time_utc": at(1)},
        {**cmd, "host": "EX01", "time_utc": at(2)},
        {**cmd, "host": "DC01", "time_utc": at(3)},
    ]
    together = archive_of(tmp_path / "together", {"evtx": rows})
    archive_of(tmp_path / "apart", {"evtx": rows[::2]}, name="one")
    apart = archive_of(tmp_path / "apart", {"evtx": rows[1::2]}, name="two")
    told = outcome(together, PROCESSES, "CommandLine", tmp_path / "rules")
    assert told.status is RuleStatus.PARTLY_BLIND
    assert told.blind_at == (BlindStretch("DC01", at(1), at(3)),)
    assert (told.hosts, told.hosts_without) == (("EX01",), ("DC01",))
    assert "in 1 of 2 stretches" in told.reason
    # it makes no difference in how many data files they lie
    other = outcome(apart, PROCESSES, "CommandLine", tmp_path / "rules")
    assert (other.status, other.reason, other.blind_at) == (told.status, told.reason, told.blind_at)
    assert (other.hosts, other.hosts_without) == (told.hosts, told.hosts_without)


@pytest.mark.parametrize("field", ["cs-referer", "cs-uri-query", "c-uri", "X-Forwarded-For"])
def test_servers_that_share_a_data_file_are_told_apart(tmp_path: Path, field: str) -> None:
    column = {"c-uri": "cs-uri-stem"}.get(field, field)
    bare = {"host": "EX02", "time_utc": at(2), "cs-method": "GET"}
    rows = [{"host": "EX01", "time_utc": at(1), "cs-method": "GET", column: "x"}, bare]
    if field == "cs-uri-query":
        rows[0]["cs-uri-stem"] = "/x"
    told = outcome(archive_of(tmp_path / "archive", {"iis": rows}), WEB, field, tmp_path / "rules")
    assert told.status is RuleStatus.PARTLY_BLIND
    assert told.blind_at == (BlindStretch("EX02", at(2), at(2)),)
    assert told.hosts == ("EX01",)


def test_a_channel_is_not_told_apart_by_fields_of_other_events(tmp_path: Path) -> None:
    rows = [
        {"Channel": "Security", "EventID": 4624, "host": "EX01", "time_utc": at(1), "IpAddress": "192.0.2.1"},
        {"Channel": "Security", "EventID": 4634, "host": "DC01", "time_utc": at(1)},
    ]
    source = {"product": "windows", "service": "security"}
    told = outcome(archive_of(tmp_path / "archive", {"evtx": rows}), source, "IpAddress", tmp_path / "rules")
    assert (told.status, told.hosts) == (RuleStatus.RAN, ("DC01", "EX01"))
