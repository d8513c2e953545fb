"""A hunt as a whole: what is said of every rule, what is kept between runs, and how equal records are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from tests.hunt.archives import archive_of, hunted, load_rules

from dwell.archive.store import Archive
from dwell.hunt import passes
from dwell.hunt.hits import GROUPS_MAX, HITS
from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.sigma.load import load
from dwell.hunt.wide import Hunter
from dwell.model.claims import RuleOutcome, RuleStatus

WEB = {"category": "webserver"}
PROCESSES = {"category": "process_creation", "product": "windows"}
MANAGEMENT = {"product": "windows", "service": "msexchange-management"}
APPLICATION = {"product": "windows", "service": "application"}
SYSTEM = {"product": "windows", "service": "system"}
AUDIT = {"product": "m365", "service": "audit"}


def rule(detection: Mapping[str, Any], source: Mapping[str, str] = WEB, *, number: int = 1) -> dict[str, Any]:
    return {
        "title": f"rule {number}",
        "id": f"20000000-0000-4000-8000-{number:012}",
        "author": "somebody",
        "license": "DRL 1.1",
        "level": "high",
        "logsource": dict(source),
        "detection": dict(detection),
    }


def folder_of(folder: Path, *rules: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for at, one in enumerate(rules):
        (folder / f"{at:03}.yml").write_text(yaml.safe_dump(one), encoding="utf-8")
    return folder


def outcome(found: Hunted, number: int = 1) -> RuleOutcome:
    return next(one for one in found.outcomes if one.rule_id.endswith(f"{number:012}"))


def line(stem: str, query: str = "-", /, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "cs-method": "GET",
        "cs-uri-stem": stem,
        "cs-uri-query": query,
        "c-ip": "100.64.0.1",
        "sc-status": 200,
        **more,
    }


def own(hits: pa.Table) -> list[dict[str, Any]]:
    return [one for one in hits.to_pylist() if one["rule_id"].startswith("2000")]


def test_forty_thousand_equal_lines_are_one_row(tmp_path: Path) -> None:
    rows = [line("/aspnet_client/supp0rt.aspx", **{"cs-username": "a"})] * 40_000
    found = hunt(archive_of(tmp_path / "archive", {"iis": rows}), workers=1)
    shells = [one for one in found.hits.to_pylist() if one["title"].startswith("Web shell")]
    assert len(shells) == 1
    assert shells[0]["count"] == 40_000
    assert len(shells[0]["refs"]) == 20
    assert shells[0]["record_no"] == 1
    assert shells[0]["first_utc"] < shells[0]["last_utc"]
    assert (shells[0]["client"], shells[0]["account"], shells[0]["status"]) == ("100.64.0.1", "a", 200)
    assert shells[0]["matched"] == ["cs-uri-stem=/aspnet_client/supp0rt.aspx", "sc-status=200"]
    assert found.hits.schema.equals(HITS)


def test_hits_are_told_apart_by_client_account_status_and_text(tmp_path: Path) -> None:
    rows = [line("/x"), line("/x"), line("/x", **{"c-ip": "100.64.0.2"}), line("/x", **{"sc-status": 500}), line("/xy")]
    folder = folder_of(tmp_path / "rules", rule({"s": {"cs-uri-stem|contains": "x"}, "condition": "s"}))
    hits = own(hunt(archive_of(tmp_path / "archive", {"iis": rows}), rule_folders=[folder], workers=1).hits)
    assert sorted(one["count"] for one in hits) == [1, 1, 1, 2]


def test_a_rule_that_meets_everything_does_not_drown_the_rest(tmp_path: Path) -> None:
    rows = [line(f"/x/{one}") for one in range(GROUPS_MAX + 1)]
    loaded = load_rules(tmp_path / "rules", rule({"s": {"cs-uri-stem|contains": "x"}, "condition": "s"}))
    hits = hunted(archive_of(tmp_path / "archive", {"iis": rows}), Hunter(loaded.rules))
    assert hits["count"].to_pylist() == [GROUPS_MAX + 1]


def test_every_rule_ends_in_exactly_one_outcome(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path / "rules",
        rule({"s": {"cs-uri-query|contains": "x"}, "condition": "s"}, number=1),
        rule({"s": {"a|nonsense": 1}, "condition": "s"}, number=2),
        rule({"s": {"a|expand": "%x%"}, "condition": "s"}, number=3),
        rule({"s": {"a": 1}, "condition": "s"}, {"product": "linux"}, number=4),
        rule(
            {"s": {"CommandLine": "x"}, "condition": "s"},
            {"category": "process_creation", "product": "windows"},
            number=5,
        ),
    )
    found = hunt(archive_of(tmp_path / "archive", {"iis": [line("/x")]}), rule_folders=[folder], workers=1)
    assert len(found.outcomes) == len(load().rules.rules) + 5 == len({one.rule_id for one in found.outcomes})
    assert [outcome(found, one).status for one in range(1, 6)] == [
        RuleStatus.RAN,
        RuleStatus.INVALID,
        RuleStatus.BLIND,
        RuleStatus.BLIND,
        RuleStatus.BLIND,
    ]
    assert outcome(found).hits == 1
    assert outcome(found).author == "somebody"
    assert outcome(found).licence == "DRL 1.1"
    assert "Sysmon" in outcome(found, 5).reason
    assert "command lines" in outcome(found, 5).reason
    assert any("nonsense" in one for one in found.faults)


def test_a_field_that_is_never_recorded_makes_a_rule_blind_and_names_it(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path / "rules",
        rule({"s": {"cs-referer|contains": "evil"}, "condition": "s"}, number=1),
        rule({"s": {"cs-uri-stem": "/x"}, "f": {"cs-referer|contains": "good"}, "condition": "s and not f"}, number=2),
        rule({"s": {"cs-uri-stem": "/x"}, "f": {"cs-referer": "y"}, "condition": "s or f"}, number=3),
        rule({"s": {"cs-uri-stem": "/x", "cs-referer": None}, "condition": "s"}, number=4),
    )
    archive = archive_of(tmp_path / "archive", {"iis": [line("/x")]})
    found = hunt(archive, rule_folders=[folder], workers=1)
    assert outcome(found, 1).status is RuleStatus.BLIND
    assert "cs-referer" in outcome(found, 1).reason
    assert "W3C fields" in outcome(found, 1).reason
    # an exclusion that cannot be looked up excludes nothing; an alternative that is missing leaves the other
    assert [outcome(found, one).status for one in (2, 3, 4)] == [RuleStatus.RAN] * 3
    assert [outcome(found, one).hits for one in (1, 2, 3, 4)] == [0, 1, 1, 1]
    assert "cs-referer" in outcome(found, 3).reason
    archive_of(tmp_path / "archive", {"iis": [line("/x", **{"cs-referer": "https://evil/"})]}, name="second")
    found = hunt(archive_of(tmp_path / "archive", {}), rule_folders=[folder], workers=1)
    assert outcome(found, 1).status is RuleStatus.PARTLY_BLIND
    assert "1 of 2" in outcome(found, 1).reason
    assert outcome(found, 1).hits == 1


def test_command_lines_that_the_security_log_leaves_out_are_told(tmp_path: Path) -> None:
    event = {"Channel": "Security", "EventID": 4688, "NewProcessName": "C:\\Windows\\cmd.exe"}
    folder = folder_of(
        tmp_path / "rules",
        rule({"s": {"CommandLine|contains": "x"}, "condition": "s"}, PROCESSES, number=1),
        rule({"s": {"Image|endswith": "\\cmd.exe"}, "condition": "s"}, PROCESSES, number=2),
    )
    found = hunt(archive_of(tmp_path / "archive", {"evtx": [event]}), rule_folders=[folder], workers=1)
    assert outcome(found, 1).status is RuleStatus.BLIND
    assert "CommandLine" in outcome(found, 1).reason
    assert outcome(found, 2).status is RuleStatus.RAN
    assert outcome(found, 2).hits == 1


def test_missing_fields_under_not_are_no_match(tmp_path: Path) -> None:
    rows = [line("/x", "a=1"), line("/y"), {"cs-uri-stem": None, "sc-status": 200}]
    wanted = {
        1: {"s": {"cs-uri-stem": "/x"}, "condition": "not s"},
        2: {"s": {"nowhere": "z"}, "condition": "not s"},
        3: {"s": {"cs-uri-query": None}, "condition": "s"},
        4: {"s": {"cs-uri-stem|exists": False}, "condition": "s"},
        5: {"s": {"cs-uri-stem|neq": "/x"}, "condition": "s"},
    }
    loaded = load_rules(tmp_path / "rules", *(rule(one, number=number) for number, one in wanted.items()))
    hits = hunted(archive_of(tmp_path / "archive", {"iis": rows}), Hunter(loaded.rules)).to_pylist()
    met: dict[int, list[int]] = {}
    for one in hits:
        met.setdefault(int(one["rule_id"][-3:]), []).extend(ref["record_no"] for ref in one["refs"])
    assert {number: sorted(ones) for number, ones in met.items()} == {
        1: [2, 3],
        2: [1, 2, 3],
        3: [2, 3],
        4: [3],
        5: [2, 3],
    }


def test_a_second_hunt_reads_nothing_and_a_new_file_is_hunted_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, cache = tmp_path / "archive", tmp_path / "cache"
    archive = archive_of(root, {"iis": [line("/aspnet_client/a.aspx")]})
    indicators = tmp_path / "list.txt"
    indicators.write_text("100.64.0.1\n", encoding="utf-8")
    looked: list[str] = []
    real_hunt, real_find = passes._rules, passes._indicators

    def note_rules(files: Any, path: Any, key: Any) -> Any:  # noqa: ANN401
        looked.extend(f"rules {file.staged.path}" for file in files)
        return real_hunt(files, path, key)

    def note_indicators(one: Any, file: Any) -> Any:  # noqa: ANN401
        looked.append(f"indicators {file.staged.path}")
        return real_find(one, file)

    monkeypatch.setattr(passes, "_rules", note_rules)
    monkeypatch.setattr(passes, "_indicators", note_indicators)
    first = hunt(archive, indicator_files=[indicators], workers=1, cache=cache)
    assert len(looked) == 2
    second = hunt(archive, indicator_files=[indicators], workers=1, cache=cache)
    assert len(looked) == 2
    assert second.hits.equals(first.hits)
    assert second.outcomes == first.outcomes
    assert second.rules_hash == first.rules_hash
    archive_of(root, {"iis": [line("/aspnet_client/b.aspx")]}, name="second")
    third = hunt(archive_of(root, {}), indicator_files=[indicators], workers=1, cache=cache)
    assert looked[2:] == ["rules month=2019-04/second.parquet", "indicators month=2019-04/second.parquet"]
    assert third.hits.num_rows == 2 * first.hits.num_rows
    indicators.write_text("100.64.0.1\nevil.example\n", encoding="utf-8")  # of addresses alone what is kept would tell
    fourth = hunt(archive_of(root, {}), indicator_files=[indicators], workers=1, cache=cache)
    assert [one.split()[0] for one in looked[4:]] == ["indicators"] * 2
    assert fourth.rules_hash != first.rules_hash


def test_what_was_kept_and_is_not_whole_is_hunted_again(tmp_path: Path) -> None:
    archive, cache = archive_of(tmp_path / "archive", {"iis": [line("/aspnet_client/a.aspx")]}), tmp_path / "cache"
    first = hunt(archive, workers=1, cache=cache)
    for one in cache.rglob("*"):
        if one.is_file():
            one.write_bytes(one.read_bytes()[:-9])
    assert hunt(archive, workers=1, cache=cache).hits.equals(first.hits)


def test_two_hunts_with_different_numbers_of_workers_give_the_same(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    for at in range(3):
        archive_of(root, {"iis": [line(f"/aspnet_client/{at}.aspx")] * 3}, name=f"part{at}", evidence=f"{at}" * 64)
    archive = archive_of(root, {})
    seen: list[tuple[int, int, str]] = []
    one = hunt(archive, workers=1)
    two = hunt(archive, workers=2, progress=lambda *told: seen.append(told))
    assert one.hits.equals(two.hits)
    assert one.outcomes == two.outcomes
    assert seen == [(1, 3, "iis"), (2, 3, "iis"), (3, 3, "iis")]


def test_files_that_cannot_hold_a_hit_are_not_opened(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    archive_of(root, {"iis": [line("/owa/")]}, name="dull")
    archive_of(root, {"iis": [line("/aspnet_client/x.aspx"), *[line("/owa/")] * 6]}, name="telling")
    found = hunt(archive_of(root, {}), workers=1)
    shell = next(one for one in found.outcomes if one.title == "Script answered from aspnet_client")
    assert (shell.files_opened, shell.files_pruned, shell.rows_compared, shell.hits) == (1, 1, 7, 1)
    assert "0 rows" not in shell.reason
    unmet = [one for one in found.outcomes if one.status is RuleStatus.RAN and not one.files_opened]
    assert unmet
    assert {one.rows_compared for one in unmet} == {0}
    assert all("0 rows had to be read" in one.reason for one in unmet)
    assert all("0 rows" not in one.reason for one in found.outcomes if one.status is RuleStatus.BLIND)


def test_rows_compared_are_those_of_the_rules_kinds_in_the_files_opened(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    channel = "Microsoft-Windows-Sysmon/Operational"
    shell = {"Channel": channel, "EventID": 1, "Image": "c:\\cmd.exe", "CommandLine": "cmd"}
    other = {"Channel": channel, "EventID": 3, "Image": "c:\\x.exe"}
    archive_of(root, {"evtx": [shell, shell, other]}, name="one")
    archive_of(root, {"evtx": [shell, other, other]}, name="two")
    archive_of(root, {"evtx": [other]}, name="three")
    rules = tmp_path / "rules"
    rules.mkdir()
    text = (
        "title: shells\nlogsource: {category: process_creation, product: windows}\n"
        "detection:\n  s: {Image|endswith: cmd.exe}\n  condition: s\n"
    )
    (rules / "one.yml").write_text(text, encoding="utf-8")
    found = hunt(archive_of(root, {}), rule_folders=[rules], workers=1)
    told = next(one for one in found.outcomes if one.title == "shells")
    assert (told.status, told.hits, told.files_opened, told.rows_compared) == (RuleStatus.RAN, 3, 2, 3)


def test_nothing_held_is_a_blind_rule_each_and_no_hit(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive", {})
    found = hunt(archive, workers=1)
    assert found.hits.num_rows == 0
    assert {one.status for one in found.outcomes} == {RuleStatus.BLIND}
    assert all(one.reason for one in found.outcomes)


def test_texts_of_maps_and_of_a_record_s_own_json_are_looked_at(tmp_path: Path) -> None:
    rules = [
        rule(
            {"keywords": {"|all": ["Set-OabVirtualDirectory", "Page_Load"]}, "condition": "keywords"},
            MANAGEMENT,
            number=1,
        ),
        rule({"s": {"RequestType": "Cmsi:Cmsi"}, "condition": "s"}, AUDIT, number=2),
        rule(
            {"s": {"Data|contains": "needle"}, "condition": "s"},
            {"product": "windows", "service": "application"},
            number=3,
        ),
        rule(
            {"s": {"Weird": "x", "Other|endswith": "y"}, "condition": "s"},
            {"product": "windows", "service": "system"},
            number=4,
        ),
    ]
    loaded = load_rules(tmp_path / "rules", *rules)
    tables: dict[str, Sequence[Mapping[str, Any]]] = {
        "evtx": [
            {
                "Channel": "MSExchange Management",
                "EventData": [("Data26", "set-oabvirtualdirectory"), ("x", "PAGE_LOAD")],
            },
            {"Channel": "MSExchange Management", "Cmdlet": "Set-OabVirtualDirectory"},
            {"Channel": "Security", "EventData": [("Data26", "set-oabvirtualdirectory page_load")]},
            {"Channel": "Application", "EventData": [("Data3", "a Needle here")]},
            {"Channel": "Application", "EventData": [("Database", "a needle here")]},
            {"Channel": "System", "EventData": [("Block.Weird", "X"), ("Other#2", "zy"), ("Other", "n")]},
        ],
        "ual": [
            {
                "Operation": "UserLoggedIn",
                "AuditData": '{"ExtendedProperties":[{"Name":"RequestType","Value":"Cmsi:Cmsi"}]}',
            },
            {"Operation": "UserLoggedIn", "AuditData": '{"RequestType":"other","x":"Cmsi:Cmsi"}'},
            {"Operation": "UserLoggedIn", "AuditData": '{"RequestType":'},
        ],
    }
    hits = hunted(archive_of(tmp_path / "archive", tables), Hunter(loaded.rules)).to_pylist()
    assert sorted((int(one["rule_id"][-1]), one["record_no"]) for one in hits) == [(1, 1), (2, 1), (3, 4), (4, 6)]
    assert next(one["matched"] for one in hits if one["rule_id"].endswith("3")) == ["Data=a Needle here"]


def test_a_record_without_an_instant_is_a_hit_without_one(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "archive", {"iis": [line("/aspnet_client/x.aspx", time_utc=None)]})
    found = hunt(archive, workers=1).hits.to_pylist()
    assert found
    assert {(one["first_utc"], one["last_utc"]) for one in found} == {(None, None)}


def test_a_proxyshell_line_with_an_encoded_question_mark_fires(tmp_path: Path) -> None:
    query = "@evil.example/mapi/nspi/?&Email=autodiscover/autodiscover.json%3F@evil.example"
    row = line("/autodiscover/autodiscover.json", query, time_utc=datetime(2021, 8, 20, tzinfo=UTC))
    titles = {one["title"] for one in hunt(archive_of(tmp_path / "a", {"iis": [row]}), workers=1).hits.to_pylist()}
    assert "ProxyShell request answered" in titles


def test_a_post_to_the_resources_of_the_login_page_fires(tmp_path: Path) -> None:
    row = line("/owa/auth/Current/themes/resources/logon.css", **{"cs-method": "POST"})
    titles = {one["title"] for one in hunt(archive_of(tmp_path / "a", {"iis": [row]}), workers=1).hits.to_pylist()}
    assert "POST to a static file of the Outlook login page" in titles
