"""The database of one step: no bar on the standard output, one thread, instants in UTC."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from dwell.engine.scratch import scratch

SOURCE = Path(__file__).resolve().parents[2] / "src" / "dwell"


def test_it_draws_no_bar_works_alone_and_speaks_utc() -> None:
    with scratch() as link:
        (row,) = link.sql(
            "SELECT current_setting('enable_progress_bar'), current_setting('threads'), current_setting('TimeZone')"
        ).fetchall()
    assert row == (False, 1, "UTC")


def test_a_long_query_leaves_the_standard_output_alone() -> None:
    """With a bar that comes at once it would be there."""
    program = """
from dwell.engine.scratch import scratch
with scratch() as link:
    link.execute("SET progress_bar_time = 0")
    link.execute("CREATE TABLE t AS SELECT hash(range) AS a FROM range(3000000) ORDER BY a")
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout == b""


def test_nobody_opens_one_otherwise() -> None:
    found = [
        path.relative_to(SOURCE).as_posix()
        for path in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "connect" and ast.unparse(node.value) == "duckdb"
    ]
    assert found == ["engine/scratch.py"]
