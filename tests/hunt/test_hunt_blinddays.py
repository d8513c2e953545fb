"""A rule that ran says on which days it could not have been met, and no day that was merely quiet is among them."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.hunt.archives import archive_of, load_rules

from dwell.archive.store import Archive
from dwell.hunt.blinddays import ALWAYS_WRITTEN, BUSY_RECORDS
from dwell.hunt.daysheld import ENOUGH, STATED, runs_unrecorded
from dwell.hunt.hunting import hunt
from dwell.hunt.reach import TOLD_MAX
from dwell.intake.tables import specs
from dwell.model.blind_days import BlindWhy
from dwell.model.claims import RuleOutcome, RuleStatus
from dwell.sources.iis import IisW3c
from dwell.sources.source import Hint

WEB = {"category": "webserver", "product": "windows"}
PROCESSES = {"category": "process_creation", "product": "windows"}
SECURITY = {"product": "windows", "service": "security"}
SYSMON = "Microsoft-Windows-Sysmon/Operational"
RULE: dict[str, Any] = {"title": "one", "id": "10000000-0000-4000-8000-000000000001"}
Rows = Sequence[Mapping[str, Any]]


def at(day: int, second: int = 0, month: int = 3) -> datetime:
    return datetime(2021, month, day, tzinfo=UTC) + timedelta(seconds=second)


def asked(day: int, number: int = 1, host: str | None = "EX01", /, **more: str) -> list[dict[str, Any]]:
    return [
        {"cs-uri-stem": "/x", "cs-method": "GET", "host": host, "time_utc": at(day, one), **more}
        for one in range(number)
    ]


def started(day: int, number: int = ENOUGH, host: str = "EX01", /, **more: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    event = {"Channel": "Security", "EventID": 4688, "NewProcessName": "c:\\a.exe", "host": host}
    return [{**event, "time_utc": at(day, one), **more} for one in range(number)]


def logons(day: int, number: int = 1, host: str = "EX01") -> list[dict[str, Any]]:
    event = {"Channel": "Security", "EventID": 4624, "host": host}
    return [{**event, "time_utc": at(day, one)} for one in range(number)]


def outcome(
    archive: Archive,
    logsource: Mapping[str, str],
    detection: Mapping[str, Any],
    folder: Path,
    **more: Any,  # noqa: ANN401
) -> RuleOutcome:
    rule = {**RULE, "logsource": logsource, "detection": {"condition": "s", **detection}}
    (found,) = hunt(archive, loaded=load_rules(folder / "rules", rule), **more).outcomes
    return found


def told(found: RuleOutcome) -> list[tuple[str, int, int, BlindWhy]]:
    return [(one.host, one.first_day.day, one.last_day.day, one.why) for one in found.blind_days]


def test_days_on_which_a_field_was_not_ticked_are_told(tmp_path: Path) -> None:
    agent = {"cs-user-agent": "a"}
    rows = [*asked(1, **agent), *asked(2), *asked(3), *asked(4, **agent), *asked(2, 1, "EX02", **agent)]
    archive = archive_of(tmp_path / "archive", {"iis": rows})
    found = outcome(archive, WEB, {"s": {"cs-user-agent": "x"}}, tmp_path)
    assert found.status is RuleStatus.PARTLY_BLIND
    assert told(found) == [("EX01", 2, 3, BlindWhy.NOT_RECORDED)]
    assert "on some days not recorded: cs-user-agent (EX01 2021-03-02 to 2021-03-03)" in found.reason
    assert found.blind_days[0].what == "not recorded: cs-user-agent"
    assert found.hosts == ("EX01", "EX02")
    # a rule that does not need it has seen all days
    other = outcome(archive, WEB, {"s": {"cs-uri-stem": "y"}}, tmp_path / "other")
    assert (other.status, other.blind_days, other.reason.partition(":")[0]) == (
        RuleStatus.RAN,
        (),
        "0 rows had to be read",
    )


def test_a_field_that_nobody_filled_on_quiet_days_is_not_told(tmp_path: Path) -> None:
    dash = {"cs-username": "-", "cs-referer": "-"}
    rows = [*asked(1, **{**dash, "cs-username": "anna"}), *asked(2, 500, **dash), *asked(3, 1, **dash)]
    found = outcome(archive_of(tmp_path / "archive", {"iis": rows}), WEB, {"s": {"cs-username": "x"}}, tmp_path)
    assert (found.status, found.blind_days) == (RuleStatus.RAN, ())


def test_a_day_on_which_the_field_was_ticked_at_noon_has_been_seen(tmp_path: Path) -> None:
    rows = [*asked(1), *asked(2, 5), *asked(2, 1, **{"cs-user-agent": "-"}), *asked(3, **{"cs-user-agent": "a"})]
    found = outcome(archive_of(tmp_path / "archive", {"iis": rows}), WEB, {"s": {"cs-user-agent": "x"}}, tmp_path)
    assert told(found) == [("EX01", 1, 1, BlindWhy.NOT_RECORDED)]


@pytest.mark.parametrize("apart", [False, True])
def test_it_makes_no_difference_in_how_many_data_files_the_days_lie(tmp_path: Path, *, apart: bool) -> None:
    days = [asked(1, **{"cs-referer": "r"}), asked(2), asked(3), asked(4, **{"cs-referer": "-"})]
    for at_, rows in enumerate(days if apart else [[row for day in days for row in day]]):
        archive_of(tmp_path / "archive", {"iis": rows}, name=f"n{at_}")
    found = outcome(archive_of(tmp_path / "archive", {}), WEB, {"s": {"cs-referer": "x"}}, tmp_path)
    assert (found.status, told(found)) == (RuleStatus.PARTLY_BLIND, [("EX01", 2, 3, BlindWhy.NOT_RECORDED)])


def test_a_day_that_another_data_file_has_the_field_for_is_seen(tmp_path: Path) -> None:
    archive_of(tmp_path / "archive", {"iis": [*asked(1, **{"cs-referer": "r"}), *asked(2)]}, name="one")
    archive = archive_of(tmp_path / "archive", {"iis": asked(2, **{"cs-referer": "-"})}, name="two")
    found = outcome(archive, WEB, {"s": {"cs-referer": "x"}}, tmp_path)
    assert (found.status, found.blind_days) == (RuleStatus.RAN, ())


def test_under_not_nothing_is_lost(tmp_path: Path) -> None:
    rows = [*asked(1, **{"cs-user-agent": "a"}), *asked(2)]
    detection = {"s": {"cs-uri-stem": "/x"}, "f": {"cs-user-agent": "b"}, "condition": "s and not f"}
    found = outcome(archive_of(tmp_path / "archive", {"iis": rows}), WEB, detection, tmp_path)
    assert (found.status, found.blind_days, found.hits) == (RuleStatus.RAN, (), 2)


def test_the_reader_keeps_a_dash_and_leaves_null_what_is_not_named() -> None:
    named = sorted(STATED["iis"])

    def read(names: Sequence[str]) -> Any:  # noqa: ANN401
        written = [{"cs-referer": "cs(Referer)", "cs-user-agent": "cs(User-Agent)",
                    "cs-cookie": "cs(Cookie)"}.get(one, one) for one in names]  # fmt: skip
        text = f"#Fields: date time {' '.join([*written, 'sc-status'])}\n2021-03-01 00:00:00 {'- ' * len(names)}200\n"
        (row,) = [
            row
            for batch in IisW3c().read(io.BytesIO(text.encode()), Hint())
            if batch.records is not None
            for row in batch.records.to_pylist()
        ]
        return row

    with_all, with_none = read(named), read([])
    for one in named:
        assert with_all[one] is not None, one
        assert with_none[one] is None, one
    assert set(named) <= set(specs()["iis"].schema.names)


def test_events_without_command_lines_are_told_by_day(tmp_path: Path) -> None:
    line = {"CommandLine": "y"}
    rows = [*started(1, **line), *started(2, **line), *started(3), *started(4, 2), *started(5, **line)]
    found = outcome(archive_of(tmp_path / "archive", {"evtx": rows}), PROCESSES, {"s": {"CommandLine": "x"}}, tmp_path)
    assert found.status is RuleStatus.PARTLY_BLIND
    assert told(found) == [("EX01", 3, 4, BlindWhy.NOT_RECORDED)]


@pytest.mark.parametrize(
    "rows",
    [
        # few events of the day have none, by chance
        [*started(1, CommandLine="y"), *started(2, CommandLine="y"), *started(3, 3), *started(4, CommandLine="y")],
        # a field that events of other days often have not is no sign
        [*started(1, CommandLine="y"), *started(1), *started(2), *started(4, CommandLine="y"), *started(4)],
        # of other days too little is known
        [*started(1, 3, CommandLine="y"), *started(2, 1), *started(3, 60)],
    ],
)
def test_events_whose_field_is_merely_empty_are_not_told(tmp_path: Path, rows: Rows) -> None:
    found = outcome(archive_of(tmp_path / "archive", {"evtx": rows}), PROCESSES, {"s": {"CommandLine": "x"}}, tmp_path)
    assert (found.status, found.blind_days) == (RuleStatus.RAN, ())


def test_a_run_of_quiet_days_adds_up_and_its_neighbours_count_for_neither_side() -> None:
    counts, held = np.array([30, 30, 10, 10, 30, 30]), np.array([30, 11, 0, 0, 3, 30])
    assert runs_unrecorded(counts, held).tolist() == [2, 3]
    assert runs_unrecorded(counts, np.array([30, 30, 10, 0, 3, 30])).tolist() == []
    assert runs_unrecorded(counts, np.array([20, 11, 0, 0, 3, 30])).tolist() == []
    assert runs_unrecorded(np.array([30]), np.array([0])).tolist() == []


KEY = "TokenElevationType"


def test_a_key_of_a_map_is_told_by_host_within_one_data_file(tmp_path: Path) -> None:
    assert KEY not in specs()["evtx"].schema.names
    rows = [*started(1, 2, EventData=[(KEY, "%%1937")]), *started(1, 2, "DC01", EventData=[("Other", "x")])]
    together = archive_of(tmp_path / "together", {"evtx": rows})
    archive_of(tmp_path / "apart", {"evtx": rows[:2]}, name="one")
    apart = archive_of(tmp_path / "apart", {"evtx": rows[2:]}, name="two")
    first = outcome(together, PROCESSES, {"s": {KEY: "x"}}, tmp_path)
    second = outcome(apart, PROCESSES, {"s": {KEY: "x"}}, tmp_path)
    for found in (first, second):
        assert found.status is RuleStatus.PARTLY_BLIND
        assert [one.host for one in found.blind_at] == ["DC01"]
        assert (found.hosts, found.hosts_without) == (("EX01",), ("DC01",))
    assert (first.reason, first.blind_days) == (second.reason, second.blind_days)


def test_a_key_of_a_map_is_told_by_day(tmp_path: Path) -> None:
    key, other = {"EventData": [(KEY.upper(), "%%1937")]}, {"EventData": [("Other", "x")]}
    rows = [*started(1, **key), *started(2, **key), *started(3, **other), *started(4, **key)]
    archive = archive_of(tmp_path / "archive", {"evtx": rows})
    found = outcome(archive, PROCESSES, {"s": {KEY: "x"}}, tmp_path)
    assert told(found) == [("EX01", 3, 3, BlindWhy.NOT_RECORDED)]
    assert KEY in found.blind_days[0].what
    every = outcome(archive, PROCESSES, {"s": {"NewProcessName": "x"}}, tmp_path / "other")
    assert every.blind_days == ()


def test_a_busy_day_without_any_process_is_one_on_which_processes_were_not_logged(tmp_path: Path) -> None:
    rows = [*started(1), *logons(1), *logons(2, BUSY_RECORDS), *logons(3, BUSY_RECORDS - 1), *started(4)]
    archive = archive_of(tmp_path / "archive", {"evtx": rows})
    found = outcome(archive, PROCESSES, {"s": {"NewProcessName": "x"}}, tmp_path)
    assert found.status is RuleStatus.PARTLY_BLIND
    assert told(found) == [("EX01", 2, 2, BlindWhy.NOT_LOGGED)]
    assert "Audit Process Creation" in found.blind_days[0].what
    # of an event that need not occur every day nothing is told
    logon = outcome(archive, {**SECURITY}, {"s": {"EventID": 4625}}, tmp_path / "other")
    assert logon.blind_days == ()


def test_a_day_counts_only_where_no_kind_of_record_could_show_it(tmp_path: Path) -> None:
    sysmon = {"Channel": SYSMON, "EventID": 1, "Image": "c:\\a.exe", "host": "EX01"}
    rows = [*started(1), *logons(2, BUSY_RECORDS), *logons(3, BUSY_RECORDS), *started(4)]
    rows += [{**sysmon, "time_utc": at(2)}]
    found = outcome(archive_of(tmp_path / "archive", {"evtx": rows}), PROCESSES, {"s": {"Image": "x"}}, tmp_path)
    assert told(found) == [("EX01", 3, 3, BlindWhy.NOT_LOGGED)]
    # it says what became of both
    assert f"no record of {SYSMON} is held" in found.blind_days[0].what


def test_days_of_which_no_record_is_held_are_told_and_leave_a_rule_as_ran(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    archive_of(root, {"iis": asked(1), "evtx": logons(1)}, name="a", evidence="aa" * 32)
    archive = archive_of(root, {"iis": asked(4), "evtx": logons(6)}, name="b", evidence="bb" * 32)
    rules = [
        {**RULE, "logsource": WEB, "detection": {"s": {"cs-uri-stem": "y"}, "condition": "s"}},
        {
            "title": "two",
            "id": RULE["id"].replace("1", "2"),
            "logsource": SECURITY,
            "detection": {"s": {"Channel": "y"}, "condition": "s"},
        },
    ]
    (found, _) = hunt(archive, loaded=load_rules(tmp_path / "rules", *rules)).outcomes
    assert found.status is RuleStatus.RAN
    assert told(found) == [("EX01", 2, 3, BlindWhy.NOT_HELD), ("EX01", 5, 6, BlindWhy.NOT_HELD)]
    assert {one.what for one in found.blind_days} == {"no record of IIS logs is held"}


def test_quiet_days_between_two_records_of_one_file_are_not_told(tmp_path: Path) -> None:
    # the file goes over the turn of the month, and so lies in two data files
    rows = [{**row, "time_utc": when} for row in logons(1) for when in (at(28, month=2), at(5), at(9))]
    archive = archive_of(tmp_path / "archive", {"evtx": rows})
    assert len(archive.files("evtx")) == 2
    found = outcome(archive, SECURITY, {"s": {"EventID": 4624}}, tmp_path)
    assert (found.status, found.blind_days, found.hits) == (RuleStatus.RAN, (), 3)


def test_records_of_impossible_instants_ask_for_no_centuries(tmp_path: Path) -> None:
    odd = [datetime(1601, 1, 1, tzinfo=UTC), datetime(1995, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
    rows = [*asked(1), *asked(3), *({**asked(1)[0], "time_utc": one} for one in odd)]
    for number, row in enumerate(rows):
        archive_of(tmp_path / "archive", {"iis": [row]}, name=f"n{number}", evidence=f"{number:064x}")
    found = outcome(archive_of(tmp_path / "archive", {}), WEB, {"s": {"cs-uri-stem": "y"}}, tmp_path)
    assert told(found) == [("EX01", 2, 2, BlindWhy.NOT_HELD)]


def test_of_very_many_stretches_some_are_told_and_what_was_not_recorded_first(tmp_path: Path) -> None:
    agent = {"cs-user-agent": "a"}
    days = [at(1) + timedelta(days=2 * one) for one in range(2 * TOLD_MAX)]
    for number, when in enumerate(days):
        row = {**asked(1)[0], "time_utc": when, **({} if number == len(days) - 2 else agent)}
        archive_of(tmp_path / "archive", {"iis": [row]}, name=f"n{number}", evidence=f"{number:064x}")
    found = outcome(archive_of(tmp_path / "archive", {}), WEB, {"s": {"cs-user-agent": "x"}}, tmp_path)
    assert (len(found.blind_days), found.blind_days_total) == (TOLD_MAX, 2 * TOLD_MAX)
    assert sum(one.why is BlindWhy.NOT_RECORDED for one in found.blind_days) == 1


def test_what_is_always_written_is_written_by_default_or_told_how_to_switch_on() -> None:
    assert all(ALWAYS_WRITTEN.values())


FIELDS = ("cs-user-agent", "cs-referer", "cs-username")


def drawn_rows(drawn: random.Random) -> dict[str, list[dict[str, Any]]]:
    """Draw a few days of two hosts, with fields and events that are on and off."""
    web: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for host in ("EX01", "EX02"):
        for day in drawn.sample(range(1, 9), drawn.randint(0, 5)):
            ticked = {one: drawn.choice("-xy") for one in FIELDS if drawn.random() < 0.6}
            web += asked(day, drawn.randint(1, 3), host, **ticked)
        for day in drawn.sample(range(1, 9), drawn.randint(0, 5)):
            line = {"CommandLine": "y"} if drawn.random() < 0.6 else {}
            key = {"EventData": [(KEY, "y")]} if drawn.random() < 0.6 else {"EventData": [("Other", "y")]}
            if drawn.random() < 0.7:
                events += started(day, drawn.choice((2, ENOUGH)), host, **line, **key)
            events += logons(day, drawn.choice((1, BUSY_RECORDS)), host)
    return {"iis": web, "evtx": events}


def rules_about(fields: Sequence[str]) -> list[dict[str, Any]]:
    out = []
    for number, name in enumerate((*fields, "CommandLine", KEY, "NewProcessName", "both", "logons")):
        source = WEB if name in fields or name == "both" else SECURITY if name == "logons" else PROCESSES
        detection: dict[str, Any] = {"s": {name: "q"}, "condition": "s"}
        if name == "both":
            detection = {"s": {fields[0]: "q"}, "t": {fields[1]: "q"}, "condition": "s or t"}
        if name == "logons":
            detection = {"s": {"EventID": 4624}, "condition": "s"}
        out.append(
            {"title": name, "id": f"20000000-0000-4000-8000-{number:012}", "logsource": source, "detection": detection}
        )
    return out


def unseen(found: RuleOutcome, days: Mapping[str, tuple[date, date]]) -> dict[str, set[date]] | None:
    """Give by host the days that a rule says it did not see; None where it saw none at all."""
    if found.status is RuleStatus.BLIND:
        return None
    assert found.blind_days_total == len(found.blind_days)
    out = {host: set[date]() for host in days}
    for one in found.blind_days:
        assert one.first_day <= one.last_day
        mine = {one.first_day + timedelta(days=at_) for at_ in range((one.last_day - one.first_day).days + 1)}
        assert not mine & out[one.host]
        out[one.host] |= mine
    for host, (first, last) in days.items():
        if host not in found.hosts:
            out[host] = {first + timedelta(days=at_) for at_ in range((last - first).days + 1)}
    return out


def days_of(parts: Sequence[Mapping[str, Rows]], table: str = "") -> dict[str, list[date]]:
    """Give by host the days of its records, each as often as it has records."""
    days: dict[str, list[date]] = {}
    for name, rows in (pair for part in parts for pair in part.items()):
        for row in rows if table in {"", name} else ():
            days.setdefault(row["host"], []).append(row["time_utc"].date())
    return days


def spans_of(parts: Sequence[Mapping[str, Rows]]) -> dict[str, tuple[date, date]]:
    return {host: (min(some), max(some)) for host, some in days_of(parts).items()}


def unasked(
    host: str, table: str, parts: Sequence[Mapping[str, Rows]], whole: Sequence[Mapping[str, Rows]]
) -> set[date]:
    """Give the days of which something was taken away and something is left: what is left may be all there was."""
    before, left = (days_of(some, table).get(host, []) for some in (whole, parts))
    out = {one for one in left if left.count(one) < before.count(one)} if table == "evtx" else set()
    for part in parts:
        mine = days_of([part], table).get(host, [])
        # a quiet day between two records of a file that is still there
        out |= {one for one in before if mine and min(mine) < one < max(mine) and one not in left}
    return out


@pytest.mark.parametrize("seed", range(25))
def test_taking_evidence_away_never_makes_a_rule_less_blind(tmp_path: Path, seed: int) -> None:
    drawn = random.Random(seed)  # noqa: S311
    parts = [drawn_rows(drawn) for _ in range(3)]
    loaded = load_rules(tmp_path / "rules", *rules_about(FIELDS))
    assert not loaded.faults

    def outcomes(names: Sequence[int]) -> dict[str, RuleOutcome]:
        root = tmp_path / "-".join(map(str, names))
        for name in names:
            archive_of(root, parts[name], name=f"part-{name}", evidence=f"{name:064x}")
        return {one.rule_id: one for one in hunt(archive_of(root, {}), loaded=loaded, workers=1).outcomes}

    whole = outcomes((0, 1, 2))
    assert len(whole) == len(loaded.rules.rules)
    before_days = spans_of(parts)
    for left in range(3):
        kept = [one for one in range(3) if one != left]
        there = [parts[one] for one in kept]
        after_days = spans_of(there)
        for rule, after in outcomes(kept).items():
            before, now = unseen(whole[rule], before_days), unseen(after, after_days)
            if now is None:
                continue
            assert before is not None, rule
            table = "iis" if after.title in {*FIELDS, "both"} else "evtx"
            for host, (first, last) in after_days.items():
                still = {one for one in before[host] if first <= one <= last} - unasked(host, table, there, parts)
                assert still <= now[host], (rule, host)


def test_two_workers_and_what_is_kept_give_the_same(tmp_path: Path) -> None:
    drawn = random.Random(7)  # noqa: S311
    loaded = load_rules(tmp_path / "rules", *rules_about(FIELDS))
    for name in range(3):
        archive_of(tmp_path / "archive", drawn_rows(drawn), name=f"part-{name}", evidence=f"{name:064x}")
    archive = archive_of(tmp_path / "archive", {})
    cache = tmp_path / "cache"
    cache.mkdir()
    first = hunt(archive, loaded=loaded, workers=1).outcomes
    assert any(one.blind_days for one in first)
    for more in ({"workers": 2}, {"workers": 1, "cache": cache}, {"workers": 2, "cache": cache}):
        assert hunt(archive, loaded=loaded, **more).outcomes == first
