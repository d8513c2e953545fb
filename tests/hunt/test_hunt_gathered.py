"""Small files hunted together give, each, what they give alone: hits, records, what they lack, and which rules looked."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tests.hunt.archives import archive_of, load_rules

from dwell.archive.datafile import DataFile
from dwell.hunt import gathered as module
from dwell.hunt.bundles import Bundle, write_segment
from dwell.hunt.gathered import find_all, gathered
from dwell.hunt.hunting import hunt
from dwell.hunt.ordering import concat
from dwell.hunt.passes import kept_name
from dwell.hunt.wide import Found, Hunter

SYSMON = "Microsoft-Windows-Sysmon/Operational"
IMAGES = ("C:\\Windows\\System32\\cmd.exe", "C:\\Windows\\System32\\whoami.exe", "C:\\Temp\\a.exe", "", None)
LINES = ("cmd /c whoami", "WHOAMI /all", "a.exe -enc", "net user x /add", None)
WORDS = ("one", "two", "needle", "")


def rule(number: int, detection: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "title": f"rule {number}",
        "id": f"20000000-0000-4000-8000-{number:012}",
        "level": "high",
        "logsource": {"product": "windows", "category": "process_creation"},
        "detection": detection,
    } | more


RULES = [
    rule(1, {"a": {"Image|endswith": "\\cmd.exe"}, "condition": "a"}),
    rule(
        2, {"a": {"CommandLine|contains": "whoami"}, "b": {"Image|endswith": "\\cmd.exe"}, "condition": "a and not b"}
    ),
    rule(3, {"a": {"CommandLine": None}, "condition": "a"}),
    rule(4, {"a": {"CommandLine|re": "(?i)^who.*all$"}, "b": {"Image": ""}, "condition": "a or b"}),
    rule(5, {"a": {"EventID": 1}, "b": {"User|contains": "x"}, "condition": "a and not b"}),
    rule(6, {"a": {"NeverRecorded": "x"}, "condition": "a"}),
    rule(7, {"keywords": ["needle"], "condition": "keywords"}, logsource={"product": "windows", "service": "sysmon"}),
    rule(8, {"a": {"Odd|contains": "ne"}, "condition": "a"}, logsource={"product": "windows", "service": "security"}),
    rule(9, {"a": {"Image|endswith": ".exe"}, "b": {"CommandLine|contains": "-enc"}, "condition": "not a and not b"}),
    {
        "title": "many",
        "id": "20000000-0000-4000-8000-000000000099",
        "level": "high",
        "correlation": {
            "type": "event_count",
            "rules": [f"20000000-0000-4000-8000-{1:012}"],
            "group-by": ["User"],
            "timespan": "1h",
            "condition": {"gte": 2},
        },
    },
]


def record(drawn: random.Random, *, bare: bool) -> dict[str, Any]:
    """Make a record; a bare file has no command lines at all."""
    sysmon = drawn.random() < 0.7
    return {
        "host": drawn.choice(("A", "B", None)),
        "Channel": SYSMON if sysmon else "Security",
        "EventID": drawn.choice((1, 1, 3)) if sysmon else drawn.choice((4688, 4624)),
        "Image": drawn.choice(IMAGES),
        "CommandLine": None if bare else drawn.choice(LINES),
        "User": drawn.choice(("x", "y", None)),
        "EventData": [("Odd", drawn.choice(WORDS)), ("Other", drawn.choice(WORDS))] if drawn.random() < 0.6 else None,
    }


def files_of(root: Path, seed: int) -> list[DataFile]:
    drawn = random.Random(seed)  # noqa: S311 - made-up records
    for at in range(7):
        rows = [record(drawn, bare=at % 3 == 1) for _ in range(drawn.choice((1, 2, 9, 40)))]
        archive_of(root, {"evtx": rows}, name=f"part-{at}", evidence=f"{at % 4:02}" * 32)
    return archive_of(root, {}).files("evtx")


def told(found: Found) -> tuple[Any, ...]:
    return concat([found.hits]).to_pylist(), found.records.to_pylist(), found.report


@pytest.mark.parametrize("prune", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_each_file_gives_what_it_gives_alone(tmp_path: Path, seed: int, *, prune: bool) -> None:
    files = files_of(tmp_path / "archive", seed)
    hunter = Hunter(load_rules(tmp_path / "rules", *RULES).rules, prune=prune)
    assert [len(one) for one in gathered(files)] == [7]
    together = [told(one) for one in find_all(hunter, files)]
    assert together == [told(hunter.find(one)) for one in files]
    assert sum(len(one[0]) for one in together)


def test_files_whose_lexicons_leave_out_different_columns_are_not_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dwell.archive.lexicon.DISTINCT_ALWAYS", 3)
    files = files_of(tmp_path / "archive", 1)
    hunter = Hunter(load_rules(tmp_path / "rules", *RULES).rules)
    assert [told(one) for one in find_all(hunter, files)] == [told(hunter.find(one)) for one in files]


def test_large_files_go_alone_and_groups_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(tmp_path / "archive", 2)
    sizes = [one.staged.rows for one in files]
    monkeypatch.setattr(module, "GROUPS_MAX", max(sizes) - 1)
    groups = list(gathered(files))
    assert [one for group in groups for one in group] == files
    assert all(len(group) == 1 for group in groups if max(one.staged.rows for one in group) == max(sizes))
    monkeypatch.setattr(module, "GROUPS_MAX", max(sizes))
    monkeypatch.setattr(module, "GATHERED_ROWS_MAX", max(sizes))
    assert all(sum(one.staged.rows for one in group) <= max(sizes) for group in gathered(files))


def test_what_is_kept_is_kept_by_file(tmp_path: Path) -> None:
    root, cache = tmp_path / "archive", tmp_path / "cache"
    files_of(root, 3)
    loaded = load_rules(tmp_path / "rules", *RULES)
    plain = hunt(archive_of(root, {}), loaded=loaded, workers=1)
    kept = hunt(archive_of(root, {}), loaded=loaded, workers=1, cache=cache)
    (segment,) = cache.glob("*-rules/*.segment")
    names = [kept_name(one) for one in archive_of(root, {}).files("evtx")]
    bundle = Bundle(segment.parent)
    held = {name: entry for name in names[::2] if (entry := bundle.get(name)) is not None}
    assert len(held) == len(names[::2])
    segment.unlink()
    write_segment(segment.parent, held)  # as if a run had been killed when half of them were done
    again = hunt(archive_of(root, {}), loaded=loaded, workers=2, cache=cache)
    for other in (kept, again):
        assert other.hits.equals(plain.hits)
        assert other.outcomes == plain.outcomes


def test_other_tables_are_not_gathered(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    for name in ("first", "second"):
        archive_of(root, {"iis": [{"cs-uri-stem": "/"}]}, name=name)
    assert [len(one) for one in gathered(archive_of(root, {}).files("iis"))] == [1, 1]
