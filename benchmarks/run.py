"""Runs the benchmarks at a small size, each as a process of its own, and prints what they say.

    python benchmarks/run.py

The full sizes are had by running a script by itself; each says how.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

__all__ = ["SCRIPTS"]

SCRIPTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("intake.py", ("--small",)),
    ("hunt.py", ("--small",)),
    ("flips.py", ("--flips", "200")),
    ("indicators.py", ("--indicators", "20000", "--lines", "200000")),
    ("limits.py", ("--size", "2000")),
    ("kill.py", ("--kills", "10")),
)
"""What is run, with what; a script that is not there is passed over and said."""


def main() -> None:
    """Run them all; the exit code is that of the first that failed."""
    failed = 0
    for name, options in SCRIPTS:
        path = Path(__file__).resolve().parent / name
        print(f"== {name} {' '.join(options)}", flush=True)
        if not path.is_file():
            print("not there", flush=True)
            continue
        started = time.monotonic()
        done = subprocess.run([sys.executable, str(path), *options], check=False)
        print(f"-- {time.monotonic() - started:.0f} s\n", flush=True)
        failed = failed or done.returncode
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
