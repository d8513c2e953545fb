"""Every benchmark still fits the program: one that nobody ran for a while could not even be started."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(one.stem for one in FOLDER.glob("*.py"))


def test_there_are_benchmarks() -> None:
    assert "worlds" in SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_benchmark_finds_what_it_imports(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    assert importlib.import_module(f"benchmarks.{name}").__doc__
