"""How long rules take to load, and how long a hunt without a case takes over them.

The first time, with rules kept, and with compiled patterns kept as well.
Each figure is of a process of its own, so that nothing is warm but what is said to be. It prints seconds of wall clock and
of all processes' CPU, records a second, and the most memory that one process held.

Run it from the project's root, on event logs and rules of your own:
`python -m benchmarks.quick EVIDENCE --rules FOLDER`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]

_LOAD = """
import sys
from pathlib import Path
from dwell.hunt.sigma.keeping import load_kept
found = load_kept([Path(one) for one in sys.argv[2:]], Path(sys.argv[1]))
print(len(found.rules.rules) + len(found.ended))
"""
_QUICK = "import sys; from dwell.cli.main import main; sys.exit(main(sys.argv[1:]))"


def _timed(what: str, code: str, words: Sequence[str], expected: set[int]) -> tuple[bytes, float]:
    """Run code in a process of its own, print what it took, and give its output and its seconds."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([sys.executable, "-c", code, *words], stdout=out)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        gone = time.monotonic() - began
        if process.returncode not in expected:
            raise SystemExit(f"{what}: ended with {process.returncode}")
        out.seek(0)
        data = out.read()
    cpu = used.ru_utime + used.ru_stime
    print(f"{what}: {gone:.2f} s, {cpu:.2f} s of CPU, {used.ru_maxrss / 1024:,.0f} MiB", flush=True)
    return data, gone


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evidence", nargs="+", type=Path)
    parser.add_argument("--rules", type=Path, nargs="*", default=[])
    asked = parser.parse_args()
    folders = [str(one) for one in asked.rules]
    with tempfile.TemporaryDirectory() as kept:
        first, _ = _timed("rules loaded, cold", _LOAD, [kept, *folders], {0})
        second, _ = _timed("rules loaded, kept", _LOAD, [kept, *folders], {0})
        if first != second:
            raise SystemExit("the rules that were kept are not those that were loaded")
        words = ["hunt", "--quick", *map(str, asked.evidence), "-q", "-t", "json"]
        for one in folders:
            words += ["--rules", one]
        cold, seconds = _timed("hunt, cold", _QUICK, words, {0, 11})
        once, _ = _timed("hunt, rules kept", _QUICK, [*words, "--rules-cache", kept], {0, 11})
        warm, later = _timed("hunt, rules and patterns kept", _QUICK, [*words, "--rules-cache", kept], {0, 11})
    if not cold == once == warm:
        raise SystemExit("two runs gave different bytes")
    records = sum(one["records"] or 0 for one in json.loads(cold)["evidence"])
    print(
        f"{int(first)} rules, {records:,} records: {records / seconds:,.0f} a second cold, {records / later:,.0f} kept"
    )


if __name__ == "__main__":
    main()
