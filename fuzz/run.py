"""Throw damaged samples at every source and hold the contract against what comes out.

    fuzz/run.py --seconds 60               every source for a minute
    fuzz/run.py --source iis --seed 7      one source, from another seed
    fuzz/run.py --source iis --input FILE  one input again

`fuzz/long.py` does the same in turns that add up. A failing input is saved under `build/fuzz`. Exit code 1 where there
was one.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
if str(PROJECT) not in sys.path:
    sys.path.insert(0, str(PROJECT))

from fuzz.contract import Reading, check, read_all  # noqa: E402 - found from the project's root
from fuzz.mutate import mutated  # noqa: E402

from dwell.sources import evtx  # noqa: E402
from dwell.sources.evtx import Evtx  # noqa: E402
from dwell.sources.registry import SOURCES, source  # noqa: E402
from dwell.sources.source import Source  # noqa: E402

__all__ = ["Run", "fuzz", "input_of", "kept", "samples"]

GOLDEN = PROJECT / "tests" / "golden" / "sources"
SECONDS_MAX = 1.0
"""An input of some hundred kilobytes that takes longer than this on the processor is a fault as well."""
DRIBBLE_EVERY = 16


@dataclass(frozen=True, slots=True)
class Run:
    """What came of fuzzing one source."""

    source: str
    inputs: int
    slowest_s: float
    failing: bytes | None = None
    why: str = ""
    seed: str = ""


@cache
def _golden() -> dict[str, list[bytes]]:
    """Give the golden inputs of every source, read once for all."""
    return {
        folder.name: [path.read_bytes() for path in sorted(folder.glob("*.in"))] for folder in sorted(GOLDEN.iterdir())
    }


@cache
def samples(key: str) -> tuple[bytes, ...]:
    """Give a source's golden inputs, four times as often as one of each other source."""
    own = _golden()[key]
    others = [held[0] for other, held in _golden().items() if other != key]
    return (*own * max(1, 4 * len(others) // len(own)), *others, b"")


def input_of(one: Source, seed: int, number: int) -> tuple[bytes, int | None]:
    """Give one of a source's inputs, and how many bytes of it the stream gives at a time; None for all."""
    data = mutated(samples(one.key), f"{one.key}:{seed}:{number}")
    return data, 1 + number % 4093 if number % DRIBBLE_EVERY == 0 else None


def _tried(one: Source, data: bytes, most: int | None) -> tuple[float, str]:
    start = time.process_time()
    try:
        if isinstance(one, Evtx):
            _as_columns(one, data)
        whole = check(one, data)
        taken = time.process_time() - start
        if most is not None:
            assert _outcome(check(one, data, most)) == _outcome(whole), f"{most} bytes at a time read otherwise"
    except BaseException as fault:  # a panic of a native decoder is no Exception
        if isinstance(fault, KeyboardInterrupt):
            raise
        return time.process_time() - start, "".join(traceback.format_exception(fault)[-3:])
    return taken, f"took {taken:.2f} s for {len(data)} bytes" if taken > SECONDS_MAX else ""


def _outcome(reading: Reading) -> str:
    """Give what must not hang on how the stream was cut; as text, for a number may be none."""
    return repr((reading.rows, reading.anomalies, reading.structural, reading.facts_told()))


def _as_columns(one: Evtx, data: bytes) -> None:
    """Read an event log as columns, few as its records may be, and hold that against the records one by one.

    Raises:
        AssertionError: they differ.
    """
    kept, evtx.COLUMNS_MIN = evtx.COLUMNS_MIN, 1
    try:
        columns = read_all(one, io.BytesIO(data))
    finally:
        evtx.COLUMNS_MIN = kept
    if columns != read_all(one, io.BytesIO(data)):
        raise AssertionError("columns and single records differ")


def fuzz(
    one: Source,
    seconds: float,
    seed: int,
    first: int = 0,
    stop: int | None = None,
    at: Callable[[int], None] = lambda _: None,
) -> Run:
    """Fuzz one source for so many seconds.

    Args:
        one: the source.
        seconds: how long.
        seed: which inputs.
        first: number of the first input.
        stop: number behind the last input; None for no end but that of the time.
        at: is told the number of each input before it is tried.
    """
    end = time.monotonic() + seconds
    number, slowest = first, 0.0
    while time.monotonic() < end and number != stop:
        at(number)
        data, most = input_of(one, seed, number)
        taken, why = _tried(one, data, most)
        number, slowest = number + 1, max(slowest, taken)
        if why:
            return Run(one.key, number - first, slowest, data, why, f"{one.key}:{seed}:{number - 1}")
    return Run(one.key, number - first, slowest)


def kept(key: str, failing: bytes) -> Path:
    """Keep a failing input for another look; give where."""
    folder = PROJECT / "build" / "fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{key}-{hashlib.sha256(failing).hexdigest()[:12]}.bin"
    place.write_bytes(failing)
    return place


def _report(run: Run) -> int:
    print(
        f"{run.source:20} {run.inputs:8,} inputs  slowest {run.slowest_s:.3f} s  {'FAILED' if run.why else 'ok'}",
        flush=True,
    )
    if run.failing is None:
        return 0
    place = kept(run.source, run.failing)
    print(f"  seed {run.seed}; again: fuzz/run.py --source {run.source} --input {place.relative_to(PROJECT)}")
    print("  " + run.why.strip().replace("\n", "\n  "))
    return 1


def main() -> int:
    """Read the arguments and fuzz."""
    parser = argparse.ArgumentParser(description="Throw damaged samples at every source.")
    parser.add_argument("--seconds", type=float, default=60, help="for each source (default 60)")
    parser.add_argument("--source", choices=[one.key for one in SOURCES], help="one source only")
    parser.add_argument("--seed", type=int, default=1, help="where the run starts (default 1)")
    parser.add_argument("--input", type=Path, help="one input again, for --source")
    parser.add_argument("--at-a-time", type=int, help="how many bytes of --input the stream gives at a time")
    given = parser.parse_args()
    chosen = [source(given.source)] if given.source else list(SOURCES)
    if given.input is not None:
        results = [_tried(one, given.input.read_bytes(), given.at_a_time) for one in chosen]
        for one, (taken, why) in zip(chosen, results, strict=True):
            print(f"{one.key:12} {taken:.3f} s  {why or 'ok'}")
        return int(any(why for _, why in results))
    print(f"seed {given.seed}, {given.seconds:g} s for each of {len(chosen)} sources")
    return max(_report(fuzz(one, given.seconds, given.seed)) for one in chosen)


if __name__ == "__main__":
    sys.exit(main())
