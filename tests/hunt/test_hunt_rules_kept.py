"""Rules kept between runs: the same as loaded, never taken when they are not whole, and read without a parser."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from sigma.rule import SigmaRule

from dwell.hunt.sigma import load as module
from dwell.hunt.sigma.files import Document
from dwell.hunt.sigma.keeping import KEPT_MAX, load_kept
from dwell.hunt.sigma.lists import Lists
from dwell.hunt.sigma.load import load, load_known
from dwell.hunt.sigma.parse import parsed_rule

CODE = """
import json, sys
from pathlib import Path
from dwell.hunt.sigma.keeping import load_kept
found = load_kept([], Path(sys.argv[1]))
print(json.dumps([len(found.rules.rules), sorted(sys.modules)]))
"""


@pytest.fixture(scope="module")
def kept_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which our own rules are kept; read only."""
    folder = tmp_path_factory.mktemp("kept")
    load_kept([], folder)
    return folder


def test_kept_rules_are_those_that_were_loaded(kept_folder: Path) -> None:
    assert load_kept([], kept_folder) == load()


def test_kept_rules_are_read_without_what_parses_rules_or_reads_tables(kept_folder: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", CODE, str(kept_folder)], capture_output=True, text=True, check=True, timeout=120
    )
    rules, modules = json.loads(ran.stdout)
    assert rules == len(load().rules.rules)
    assert set(modules).isdisjoint({"sigma", "pyparsing", "numpy", "pyarrow", "duckdb", "dwell.hunt.sigma.load"})


@pytest.mark.parametrize("at", [0, 31, 32, 40, -1, None])
def test_kept_rules_that_are_not_as_written_are_loaded_anew(kept_folder: Path, tmp_path: Path, at: int | None) -> None:
    (name,) = [one.name for one in kept_folder.iterdir()]
    data = bytearray((kept_folder / name).read_bytes())
    if at is None:
        del data[len(data) // 2 :]
    else:
        data[at] ^= 1
    (tmp_path / name).write_bytes(data)
    assert load_kept([], tmp_path) == load()
    assert (tmp_path / name).read_bytes() == (kept_folder / name).read_bytes()


def rule(number: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "title": f"rule {number}",
        "id": f"40000000-0000-4000-8000-{number:012}",
        "name": f"named{number % 5}",
        "level": "low",
        "logsource": {"category": ("webserver", "process_creation", "process_creation", "nowhere")[number % 4]},
        "detection": {
            "a": {"cs-uri-stem|contains": f"/{number % 3}"},
            "b": {"Image": number},
            "condition": "a or not b",
        },
    } | more


def reaching(number: int, kind: str) -> dict[str, Any]:
    """Give a filter or a correlation that reaches a rule, which may be there or not."""
    wanted = [f"40000000-0000-4000-8000-{number % 8:012}"]
    head = {"title": f"{kind} {number}", "id": f"41000000-0000-4000-8000-{number:012}", "level": "low"}
    if kind == "filter":
        said: dict[str, Any] = {"rules": wanted, "x": {"User": f"u{number}"}, "condition": "x"}
        return head | {"logsource": {"category": "process_creation"}, "filter": said}
    how = {"type": "event_count", "rules": wanted, "group-by": ["User"], "timespan": "1h", "condition": {"gte": 2}}
    return head | {"correlation": how}


def drawn_file(drawn: random.Random) -> str:
    """Draw a rule file: mostly one rule, or something else that a folder may hold."""
    number = drawn.randrange(8)
    kinds: tuple[Any, ...] = (
        rule(number), rule(number, license="MIT"), rule(number, title=f"rule {number} anew"), rule(number, name=None),
        rule(number, detection={"a": {"Image|expand": "%names%"}, "condition": "a"}),
        rule(number, detection={"a": {"Image|re": "(?=x)y"}, "condition": "a"}),
        rule(number, detection={"a": {"Image|nowhere": "x"}, "condition": "a"}),
        {key: value for key, value in rule(number).items() if key != drawn.choice(("id", "title"))},
        reaching(number, "filter"), reaching(number, "correlation"), "no rule", None,
    )  # fmt: skip
    weights = (9, 2, 2, 1, 2, 1, 1, 1, 1, 1, 1, 1)
    return yaml.safe_dump_all(drawn.choices(kinds, weights, k=drawn.choice((1, 1, 1, 2))))


@pytest.mark.parametrize("seed", range(25))
def test_whatever_files_come_and_go_all_is_as_loaded_anew(tmp_path: Path, seed: int) -> None:
    drawn = random.Random(seed)  # noqa: S311
    folders = [tmp_path / "one", tmp_path / "two"]
    for one in folders:
        one.mkdir()
    (folders[1] / "LICENSE").write_text("Detection Rule License", encoding="utf-8")
    lists = Lists({"names": ("a", "b")} if seed % 2 else {})
    known = None
    for _ in range(6):
        for _ in range(drawn.randint(1, 4)):
            place = drawn.choice(folders) / f"{drawn.randrange(7)}.yml"
            if drawn.random() < 0.2:
                place.unlink(missing_ok=True)
            else:
                place.write_text(drawn_file(drawn), encoding="utf-8")
        known = load_known(folders, pack=False, lists=lists, before=known)
        fresh = load_known(folders, pack=False, lists=lists)
        assert known.loaded == fresh.loaded
        assert known.loaded.rules.encoded() == fresh.loaded.rules.encoded()
        assert known.files == fresh.files


def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the rules that are parsed."""
    out: list[str] = []
    real = parsed_rule

    def noting(document: Document) -> SigmaRule:
        out.append(str(document.content["title"]))
        return real(document)

    monkeypatch.setattr(module, "parsed_rule", noting)
    return out


def test_only_files_that_changed_are_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, cache = tmp_path / "rules", tmp_path / "cache"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.yml").write_text(yaml.safe_dump(rule(number)), encoding="utf-8")
    load_kept([folder], cache)
    told = parsed(monkeypatch)
    (folder / "3.yml").write_text(yaml.safe_dump(rule(3, title="another")), encoding="utf-8")
    found = load_kept([folder], cache)
    assert told == ["another"]
    told.clear()
    (folder / "filter.yml").write_text(yaml.safe_dump(reaching(1, "filter")), encoding="utf-8")
    filtered = load_kept([folder], cache)
    assert told == ["rule 1"]  # a filter reaches it
    monkeypatch.undo()
    (folder / "filter.yml").unlink()
    assert load([folder]) == found
    assert filtered.rules != found.rules
    assert load_kept([folder], cache, Lists({"names": ("a",)})) == load([folder], lists=Lists({"names": ("a",)}))


def test_only_what_was_written_last_is_kept(tmp_path: Path) -> None:
    folder, cache = tmp_path / "rules", tmp_path / "cache"
    folder.mkdir()
    for number in range(KEPT_MAX + 2):
        (folder / "one.yml").write_text(yaml.safe_dump(rule(number)), encoding="utf-8")
        load_kept([folder], cache)
        for at, one in enumerate(sorted(cache.iterdir(), key=lambda one: one.stat().st_mtime_ns)):
            os.utime(one, ns=(at, at))
    assert len(list(cache.iterdir())) == KEPT_MAX
