"""Rules kept between runs: the same as loaded, never taken when they are not whole, and read without a parser."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dwell.hunt.sigma.keeping import load_kept
from dwell.hunt.sigma.load import load

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
