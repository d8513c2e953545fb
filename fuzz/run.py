"""Throw damaged samples at every source and hold the contract against what comes out.

    fuzz/run.py --seconds 60               every source for a minute
    fuzz/run.py --source iis --seed 7      one source, from another seed
    fuzz/run.py --source iis --input FILE  one input again

A failing input is saved under `build/fuzz`. Exit code 1 where there was one.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
if str(PROJECT) not in sys.path:
    sys.path.insert(0, str(PROJECT))

from fuzz.contract import check, read_all  # noqa: E402 - found from the project's root
from fuzz.mutate import mutated  # noqa: E402

from dwell.sources import evtx  # noqa: E402
from dwell.sources.evtx import Evtx  # noqa: E402
from dwell.sources.registry import SOURCES, source  # noqa: E402
from dwell.sources.source import Source  # noqa: E402

__all__ = ["Run", "fuzz", "samples"]

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


def samples(key: str) -> list[bytes]:
    """Give a source's golden inputs, and one of each other source."""
    own = [path.read_bytes() for path in sorted((GOLDEN / key).glob("*.in"))]
    others = [min(folder.glob("*.in")).read_bytes() for folder in sorted(GOLDEN.iterdir()) if folder.name != key]
    return [*own * 4, *others, b""]


def _tried(one: Source, data: bytes, most: int | None) -> tuple[float, str]:
    start = time.process_time()
    try:
        if isinstance(one, Evtx):
            _as_columns(one, data)
        check(one, data, most)
    except BaseException as fault:  # a panic of a native decoder is no Exception
        if isinstance(fault, KeyboardInterrupt):
            raise
        return time.process_time() - start, "".join(traceback.format_exception(fault)[-3:])
    taken = time.process_time() - start
    return taken, f"took {taken:.2f} s for {len(data)} bytes" if taken > SECONDS_MAX else ""


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


def fuzz(one: Source, seconds: float, seed: int) -> Run:
    """Fuzz one source for so many seconds."""
    pool = samples(one.key)
    end = time.monotonic() + seconds
    count, slowest = 0, 0.0
    while time.monotonic() < end:
        name = f"{one.key}:{seed}:{count}"
        data = mutated(pool, name)
        most = 1 + count % 4093 if count % DRIBBLE_EVERY == 0 else None
        taken, why = _tried(one, data, most)
        count, slowest = count + 1, max(slowest, taken)
        if why:
            return Run(one.key, count, slowest, data, why, name)
    return Run(one.key, count, slowest)


def _report(run: Run) -> int:
    print(
        f"{run.source:12} {run.inputs:8,} inputs  slowest {run.slowest_s:.3f} s  {'FAILED' if run.why else 'ok'}",
        flush=True,
    )
    if run.failing is None:
        return 0
    folder = PROJECT / "build" / "fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{run.source}-{hashlib.sha256(run.failing).hexdigest()[:12]}.bin"
    place.write_bytes(run.failing)
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
    given = parser.parse_args()
    chosen = [source(given.source)] if given.source else list(SOURCES)
    if given.input is not None:
        results = [_tried(one, given.input.read_bytes(), None) for one in chosen]
        for one, (taken, why) in zip(chosen, results, strict=True):
            print(f"{one.key:12} {taken:.3f} s  {why or 'ok'}")
        return int(any(why for _, why in results))
    print(f"seed {given.seed}, {given.seconds:g} s for each of {len(chosen)} sources")
    return max(_report(fuzz(one, given.seconds, given.seed)) for one in chosen)


if __name__ == "__main__":
    sys.exit(main())
