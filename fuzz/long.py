"""Fuzz every source in turns, one process each, and add up what was tried.

    fuzz/long.py --seconds 3600            an hour in all, on from where the tally stands
    fuzz/long.py --inputs 1000000          until every source has had a million
    fuzz/long.py --table                   the tally as a table

The process apart is what tells a crash, a hang and memory that grows from a fault that is raised: the parent knows the
number of the input that the child was at. A failing input is saved under `build/fuzz`, and the run goes on behind it.
The tally is a file beside this one; it is written anew after every turn. Exit code 1 where an input failed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import time
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

PROJECT = Path(__file__).resolve().parent.parent
if str(PROJECT) not in sys.path:
    sys.path.insert(0, str(PROJECT))

from fuzz.run import Run, fuzz, input_of, kept, samples  # noqa: E402 - found from the project's root

from dwell.sources.registry import SOURCES  # noqa: E402
from dwell.sources.source import Source  # noqa: E402

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

__all__ = ["Tally", "turn"]

TALLY = PROJECT / "fuzz" / "tally.json"
SEED = 1
HANG_S = 300.0
"""A child that is at one input for so long by the clock hangs."""
MEMORY_MB_MAX = 1024
"""A child that takes more than this for inputs of some hundred kilobytes holds on to what it has read."""
CHILDREN = multiprocessing.get_context("fork")


@dataclass(slots=True)
class Tally:
    """What was tried of one source.

    Attributes:
        inputs: how many inputs.
        failed: how many of them failed.
        slowest_s: processor time of the slowest.
        peak_mb: most memory that a turn of it took, the interpreter and the libraries included.
    """

    inputs: int = 0
    failed: int = 0
    slowest_s: float = 0.0
    peak_mb: int = 0


def _child(one: Source, seconds: float, first: int, stop: int | None, at: Synchronized[int], out: Connection) -> None:
    def note(number: int) -> None:
        at.value = number

    out.send((fuzz(one, seconds, SEED, first, stop, note), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))


def turn(one: Source, seconds: float, first: int, stop: int | None) -> tuple[Run, int]:
    """Fuzz one source in a process of its own; give what came of it, and the memory it took in MB."""
    at: Synchronized[int] = CHILDREN.Value("q", first)
    samples(one.key)  # read here, once, and not by every child
    mine, theirs = CHILDREN.Pipe(duplex=False)
    child = CHILDREN.Process(target=_child, args=(one, seconds, first, stop, at, theirs), daemon=True)
    child.start()
    theirs.close()
    last, since = first, time.monotonic()
    while not mine.poll(1.0) and child.is_alive() and time.monotonic() - since < HANG_S:
        if at.value != last:
            last, since = at.value, time.monotonic()
    try:
        if mine.poll():
            run, peak_mb = mine.recv()
            why = run.why or (f"took {peak_mb} MB" if peak_mb > MEMORY_MB_MAX else "")
            return Run(run.source, run.inputs, run.slowest_s, run.failing, why, run.seed), peak_mb
    except EOFError:
        pass
    child.kill()
    child.join()
    number = at.value
    why = f"ended by signal {-child.exitcode}" if child.exitcode and child.exitcode != -9 else "hangs, or was killed"
    failing, _ = input_of(one, SEED, number)
    return Run(one.key, number - first + 1, 0.0, failing, why, f"{one.key}:{SEED}:{number}"), 0


def _read(path: Path) -> dict[str, Tally]:
    told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {one.key: Tally(**told.get(one.key, {})) for one in SOURCES}


def _write(path: Path, tallies: dict[str, Tally]) -> None:
    beside = path.with_suffix(".new")
    told = {key: asdict(one) for key, one in sorted(tallies.items())}
    beside.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def _table(tallies: dict[str, Tally]) -> str:
    lines = [
        f"| {key} | {one.inputs:,} | {one.failed} | {one.slowest_s:.2f} | {one.peak_mb} |"
        for key, one in sorted(tallies.items())
    ]
    return "\n".join(("| source | inputs | failed | slowest, s | memory, MB |", "|---|---:|---:|---:|---:|", *lines))


def main() -> int:
    """Read the arguments and fuzz in turns."""
    parser = argparse.ArgumentParser(description="Fuzz every source in turns that add up.")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="stop a source behind so many (default 1000000)")
    parser.add_argument("--seconds", type=float, help="stop after so long")
    parser.add_argument("--turn", type=float, default=10, help="seconds for a source at a time (default 10)")
    parser.add_argument("--tally", type=Path, default=TALLY, help="the file that adds up")
    parser.add_argument("--source", choices=[one.key for one in SOURCES], help="one source only")
    parser.add_argument("--table", action="store_true", help="print the tally and stop")
    given = parser.parse_args()
    tallies = _read(given.tally)
    if given.table:
        print(_table(tallies))
        return 0
    end = time.monotonic() + given.seconds if given.seconds is not None else float("inf")
    failed = 0
    chosen = [one for one in SOURCES if given.source in (None, one.key)]
    while time.monotonic() < end:
        # those that had least come first, so that an interrupted run leaves no source behind
        left = sorted(
            (one for one in chosen if tallies[one.key].inputs < given.inputs), key=lambda o: tallies[o.key].inputs
        )
        if not left:
            break
        one, tally = left[0], tallies[left[0].key]
        run, peak_mb = turn(one, min(given.turn, end - time.monotonic()), tally.inputs, given.inputs)
        tally.inputs += run.inputs
        tally.slowest_s = round(max(tally.slowest_s, run.slowest_s), 3)
        tally.peak_mb = max(tally.peak_mb, peak_mb)
        if run.why:
            failed = 1
            tally.failed += 1
            place = kept(one.key, run.failing) if run.failing is not None else "no one input"
            print(f"{one.key} FAILED, seed {run.seed}, {place}\n  " + run.why.strip().replace("\n", "\n  "), flush=True)
        _write(given.tally, tallies)
    print(_table(tallies))
    return failed


if __name__ == "__main__":
    sys.exit(main())
