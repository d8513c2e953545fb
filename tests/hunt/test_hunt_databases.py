"""Compiled patterns that were kept find what fresh ones find; what is damaged is made anew, and never believed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from dwell.hunt import databases
from dwell.hunt.databases import keep_in
from dwell.hunt.patterns import Patterns, Regexes, has_engine

pytestmark = pytest.mark.skipif(not has_engine(), reason="Hyperscan is not installed")

PARTS = [("", "*", "needle", "*", ""), ("start", "*", ""), ("", "*", "end"), ("a", "?", "c"), ("whole",)]
EXPRESSIONS = [("ne+dle", "i"), ("^start", ""), ("en+d", ""), ("ab+c", "")]
MANY = [f"text {at} needle" if at % 7 == 0 else f"start {at} abc 12{at}" for at in range(700)]
TEXTS = pa.array([*MANY, "axc", "the end", "whole", ""])


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in which databases are kept, for the time of a test."""
    keep_in(tmp_path / "kept")
    yield tmp_path / "kept"
    keep_in(None)


def found(patterns: Patterns | Regexes) -> list[list[int]]:
    return [one.tolist() for one in patterns.find(TEXTS)]


def never(*_: object, **__: object) -> None:
    raise AssertionError("it was compiled again")


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_what_was_kept_finds_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = found(Patterns(PARTS)), found(Regexes(EXPRESSIONS))
    assert len(files(folder)) == 2
    monkeypatch.setattr("dwell.hunt.patterns.hyperscan.Database", never)
    assert (found(Patterns(PARTS)), found(Regexes(EXPRESSIONS))) == fresh
    assert fresh[0] == found(Patterns(PARTS, engine=False))


def test_an_expression_that_hyperscan_refuses_is_remembered_as_refused(folder: Path) -> None:
    taken = [("ne+dle", ""), ("^start", ""), ("en+d", ""), ("ab+c", "")]
    asked = [taken[0], (r"\d{99000}", ""), *taken[1:]]
    fresh = [one.tolist() for one in Regexes(taken).find(TEXTS)]
    for _ in range(2):
        matcher = Regexes(asked)
        matcher._compile(asked)
        assert matcher._narrowed == [0, 2, 3, 4]
    assert fresh == found(Regexes(taken))
    assert len(files(folder)) == 2


@pytest.mark.parametrize("at", [0, 31, 32, 40, 200, -1])
def test_a_damaged_one_is_made_again(folder: Path, at: int) -> None:
    fresh = found(Patterns(PARTS))
    (path,) = files(folder)
    whole = path.read_bytes()
    path.write_bytes(bytes(byte ^ 1 if place == at % len(whole) else byte for place, byte in enumerate(whole)))
    assert found(Patterns(PARTS)) == fresh
    assert path.read_bytes() == whole
    path.write_bytes(whole[: len(whole) // 2])
    assert found(Patterns(PARTS)) == fresh
    assert path.read_bytes() == whole


def test_one_that_does_not_find_its_canary_is_not_believed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = found(Patterns(PARTS))
    (path,) = files(folder)
    before = path.stat().st_mtime_ns
    # a database loaded without a scratch of its own finds nothing, and says nothing
    monkeypatch.setattr("dwell.hunt.databases.hyperscan.Scratch", lambda _: None)
    assert found(Patterns(PARTS)) == fresh
    assert path.stat().st_mtime_ns >= before
    assert len(files(folder)) == 1


def test_another_engine_or_other_patterns_have_other_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found(Patterns(PARTS))
    found(Patterns(PARTS[:3]))
    assert len(files(folder)) == 2
    monkeypatch.setattr(databases, "_engine", lambda: "another one")
    found(Patterns(PARTS))
    assert len(files(folder)) == 3


def test_a_folder_that_cannot_be_written_to_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    keep_in(tmp_path / "file" / "kept")
    try:
        assert found(Patterns(PARTS)) == found(Patterns(PARTS, engine=False))
    finally:
        keep_in(None)


def test_what_one_log_made_of_the_patterns_is_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dwell.hunt.patterns.HOT_MIN", 10)
    matcher = Patterns(PARTS)
    fresh = found(matcher)
    assert found(matcher) == fresh
    assert not matcher._is_whole
    assert len(files(folder)) == 1
