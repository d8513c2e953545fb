"""Equal hits are one row, whatever file they lie in; nothing is counted twice or lost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.hunt.archives import START, archive_of, hunted, load_rules

from dwell.hunt.grouping import grouped
from dwell.hunt.hits import HITS, REFS_MAX
from dwell.hunt.wide import Hunter

RULE = {
    "title": "scanner",
    "id": "10000000-0000-4000-8000-000000000001",
    "level": "low",
    "logsource": {"category": "webserver"},
    "detection": {"selection": {"cs-uri-stem|contains": "/scan"}, "condition": "selection"},
}


def test_a_scanner_in_many_files_is_one_row(tmp_path: Path) -> None:
    rules = load_rules(tmp_path / "rules", RULE).rules
    rows = [{"cs-uri-stem": "/scan", "c-ip": "203.0.113.9", "sc-status": 404} for _ in range(1_000)]
    archive_of(tmp_path / "archive", {"iis": rows}, name="one", evidence="aa" * 32)
    archive_of(tmp_path / "archive", {"iis": rows[:500]}, name="two", evidence="bb" * 32)
    other = [{"cs-uri-stem": "/scan", "c-ip": "203.0.113.9", "sc-status": 200, "time_utc": None}]
    archive = archive_of(tmp_path / "archive", {"iis": other}, name="three", evidence="cc" * 32)
    hits = hunted(archive, Hunter(rules))
    groups = grouped(hits)
    assert [(one.status, one.count, one.files) for one in groups] == [(404, 1_500, 2), (200, 1, 1)]
    first = groups[0]
    assert (first.first_utc, first.last_utc) == (START, START + timedelta(seconds=999))
    assert first.client == "203.0.113.9"
    assert first.matched == ("cs-uri-stem=/scan",)
    assert len(first.refs) == REFS_MAX
    assert first.refs[0].record_no == 1
    assert groups[1].first_utc is None
    assert sum(one.count for one in groups) == sum(hits["count"].to_pylist())


def test_what_differs_in_what_matched_stays_apart(tmp_path: Path) -> None:
    rules = load_rules(tmp_path / "rules", RULE).rules
    rows = [{"cs-uri-stem": f"/scan{at}", "c-ip": "203.0.113.9"} for at in range(30)]
    groups = grouped(hunted(archive_of(tmp_path / "archive", {"iis": rows}), Hunter(rules)))
    assert [one.count for one in groups] == [1] * 30
    assert [one.matched for one in groups] == [(f"cs-uri-stem=/scan{at}",) for at in range(30)]


def test_no_hits_give_no_groups() -> None:
    assert grouped(HITS.empty_table()) == []
