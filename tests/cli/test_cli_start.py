"""A verb loads what it works with, and nothing else: help comes at once, however much the program can do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from dwell.cli.main import VERBS

HEAVY = ("deltalake", "duckdb", "evtx", "hyperscan", "jinja2", "numpy", "polars", "py7zr", "pyarrow", "sigma", "yaml")
WITH_TABLES = frozenset({"power"})
"""Verbs whose help names what only the tables' own modules know."""
CODE = """
import contextlib, io, json, sys
from dwell.cli.main import main
with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
    codes = [main(words) for words in json.loads(sys.argv[1])]
assert codes == [0] * len(codes), codes
print(json.dumps(sorted(sys.modules)))
"""


def loaded(*lines: Sequence[str]) -> set[str]:
    """Give the modules that a process of its own has loaded after some command lines."""
    found = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(lines)], capture_output=True, text=True, check=True, timeout=120
    )
    return set(json.loads(found.stdout))


def test_help_of_no_verb_loads_tables_rules_or_formats() -> None:
    modules = loaded(["--help"], *([verb, "--help"] for verb in VERBS if verb not in WITH_TABLES))
    assert "dwell.api" in modules
    assert modules.isdisjoint(HEAVY)
    assert not [one for one in modules if one.startswith(("dwell.answers.", "dwell.hunt.", "dwell.sources."))]


def test_verbs_that_look_at_no_evidence_load_none_of_what_reads_it() -> None:
    assert loaded(["schema"], ["completion", "bash"], ["--version"]).isdisjoint(HEAVY)


def test_every_name_of_the_library_s_face_is_there() -> None:
    code = "from dwell import api; print([one for one in api.__all__ if getattr(api, one, None) is None])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert found.stdout.strip() == "[]"
