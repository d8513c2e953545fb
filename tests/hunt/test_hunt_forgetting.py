"""Bundles that nobody used for long go; those in use, those used last, and whatever else lies there stay."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from tests.hunt.archives import archive_of, load_rules
from tests.hunt.test_hunt_bundles import KilledError, entries, holds, put

from dwell.hunt import forgetting
from dwell.hunt.bundles import Bundle
from dwell.hunt.forgetting import IDLE_S, forget
from dwell.hunt.hunting import hunt

NOW = 1_700_000_000
RULE = {
    "title": "scanner",
    "logsource": {"category": "webserver"},
    "detection": {"selection": {"cs-uri-stem": "/scan"}, "condition": "selection"},
}


def bundle(cache: Path, number: int, age_s: float, kind: str = "rules") -> Path:
    folder = cache / f"{number:032x}-{kind}"
    put(folder, entries(number, number + 1))
    os.utime(folder, (NOW - age_s, NOW - age_s))
    return folder


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "SETS_KEPT", {"rules": 2, "indicators": 1, "holders": 3})


def test_what_was_used_last_stays_and_what_is_long_idle_goes(tmp_path: Path) -> None:
    kept = [bundle(tmp_path, 1, 0), bundle(tmp_path, 2, 9 * IDLE_S)]
    young = bundle(tmp_path, 3, IDLE_S - 1, "indicators"), bundle(tmp_path, 4, IDLE_S - 2, "indicators")
    old = [bundle(tmp_path, at, (10 + at) * IDLE_S) for at in (5, 6, 7)]
    others = [
        bundle(tmp_path, 8, 90 * IDLE_S, "other"),
        tmp_path / "notes",
        bundle(tmp_path / "deeper", 9, 99 * IDLE_S),
    ]
    others[1].write_text("mine")
    forget(tmp_path, [])
    assert all(one.exists() for one in (*kept, *young, *others))
    assert not any(one.exists() for one in old)


def test_what_is_in_use_stays_however_old_it_was(tmp_path: Path) -> None:
    mine = bundle(tmp_path, 1, 50 * IDLE_S)
    others = [bundle(tmp_path, at, at * IDLE_S) for at in range(2, 5)]
    forget(tmp_path, [mine, tmp_path / "not there"])
    assert mine.exists()
    assert [one.exists() for one in others] == [True, False, False]


@pytest.mark.parametrize("last", range(1, 7))
def test_one_that_is_killed_while_it_removes_leaves_what_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    for at in range(2):
        bundle(tmp_path, at, 0)
    old = [bundle(tmp_path, at, at * IDLE_S) for at in (8, 9)]
    for one in old:
        put(one, entries(20, 21), settled=False)
        os.utime(one, (NOW - 9 * IDLE_S, NOW - 9 * IDLE_S))
    steps = 0
    removed = Path.unlink

    def unlinked(self: Path, missing_ok: bool = False) -> None:
        nonlocal steps
        steps += 1
        if steps >= last:
            raise KilledError
        removed(self, missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", unlinked)
        with suppress(KilledError):
            forget(tmp_path, [])
    for at, one in zip((8, 9), old, strict=True):
        wanted = entries(at, at + 1, 20, 21)
        held = {name: each for name, each in wanted.items() if name in Bundle(one)}
        assert holds(Bundle(one), held)
        put(one, {name: each for name, each in wanted.items() if name not in held})
        assert holds(Bundle(one), wanted)


def test_a_bundle_that_is_read_is_read_to_its_end_though_it_goes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dwell.hunt.bundles.HELD_BYTES", 0)
    old = bundle(tmp_path, 5, 50 * IDLE_S)
    for at in range(2):
        bundle(tmp_path, at, 0)
    reading = Bundle(old)
    forget(tmp_path, [])
    assert not old.exists()
    assert holds(reading, entries(5, 6))


def test_hunting_with_ever_new_rules_keeps_those_of_late_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "IDLE_S", -1)
    archive = archive_of(tmp_path / "archive", {"iis": [{"cs-uri-stem": "/scan"}, {"cs-uri-stem": "/b"}]})
    cache = tmp_path / "cache"
    for at in range(5):
        rule = {**RULE, "id": f"10000000-0000-4000-8000-{at:012}"}
        loaded = load_rules(tmp_path / f"rules-{at}", rule)
        assert [one["record_no"] for one in hunt(archive, loaded=loaded, workers=1, cache=cache).hits.to_pylist()] == [
            1
        ]
    assert len(list(cache.glob("*-rules"))) == 2
    assert len(list(cache.glob("*-holders"))) == 1
