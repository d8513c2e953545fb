"""What it takes from stored tables to seven answers, as a case grows, and after one more day of logs.

Each size is a world of its own (`scale_world`): mailboxes and months grow alike, up to 4,000 mailboxes over 27 months at a
hundred million lines. It is made as stored tables (`scale_tables`) and hunted; then the answers are worked out in a process
of its own with nothing folded before, then asked for again after the logs of one more day were brought in.

    python -m benchmarks.scale --lines 1000000 10000000 --write     # writes benchmarks/scale.md
    python -m benchmarks.scale --check                              # holds a small world against its text, as read
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

import msgspec
from benchmarks.scale_page import Answering, Size, page
from benchmarks.scale_tables import EXCHANGE_DAYS, both_ways, make_case, one_more_day
from benchmarks.scale_world import Ministry

from dwell import api
from dwell.answers import answering
from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.drill.people import DrillPlan
from dwell.engine.pool import default_workers
from dwell.intake.ingest import open_archive
from dwell.scope import investigation
from dwell.scope.rollup.run import FOLDS, roll_up

PAGE = Path(__file__).parent / "scale.md"
LARGEST = (100_000_000, 4_000, 820)
"""Lines, mailboxes and days of the largest world."""
LAST = datetime(2021, 4, 1, tzinfo=UTC)
STAGES: Mapping[str, str] = {
    "groundwork": "folding",
    "Accesses": "sessions",
    "ties": "habits",
    "clients_of": "clients",
    "actors_of": "clients",
    "learn": "names",
    "intrusions_of": "intrusions",
    "exposures_of": "exposure",
    "leads_of": "leads",
    "darken": "coverage",
    "clock_pairs": "clocks",
    "logons_of": "reach",
    "usable_addresses": "reach",
    "new_flows": "reach",
}
"""What of `scope.investigation` counts as which stage; the rest of it is `other reasoning`."""
SAMPLE_S = 0.02
P = ParamSpec("P")
T = TypeVar("T")


def _resident(process: str) -> int:
    """Give the memory of a process, bytes; 0 where it is gone."""
    try:
        with Path(f"/proc/{process}/statm").open(encoding="ascii") as handle:
            return int(handle.read().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


class _Peak(threading.Thread):
    """Looks again and again at how much memory this process and its workers hold together."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self.over = threading.Event()

    def run(self) -> None:
        own = str(os.getpid())
        children = Path(f"/proc/{own}/task/{own}/children")
        while not self.over.wait(SAMPLE_S):
            workers = children.read_text(encoding="ascii").split()
            self.bytes = max(self.bytes, sum(_resident(one) for one in (own, *workers)))


@dataclass(slots=True)
class _Clock:
    """Seconds by stage; what one stage does inside another is its own."""

    seconds: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    def timed(self, stage: str, work: Callable[P, T]) -> Callable[P, T]:
        """Give a function that is timed."""

        def run(*given: P.args, **named: P.kwargs) -> T:
            with self.of(stage):
                return work(*given, **named)

        return run

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Time what is done within."""
        began, used, inner = time.perf_counter(), _cpu(), sum(self.seconds.values())
        try:
            yield
        finally:
            gone = time.perf_counter() - began - (sum(self.seconds.values()) - inner)
            self.seconds[stage] = self.seconds.get(stage, 0.0) + gone
            self.cpu[stage] = self.cpu.get(stage, 0.0) + _cpu() - used


def _cpu() -> float:
    """Give the processor seconds of this process and of its workers that have ended."""
    own, workers = (resource.getrusage(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime


def answer(root: Path, workers: int) -> Answering:
    """Answer the seven questions once, with a clock in every stage; a process of its own calls it."""
    clock, peak = _Clock(), _Peak()
    for name, stage in STAGES.items():
        setattr(investigation, name, clock.timed(stage, getattr(investigation, name)))
    for name, stage in (("investigate", "other reasoning"), ("assemble", "answers")):
        setattr(answering, name, clock.timed(stage, getattr(answering, name)))
    gc.collect()
    peak.start()
    began, used = time.perf_counter(), _cpu()
    with clock.of("opening the case"):
        answered = api.answers(root, workers=workers)
    gone, busy = time.perf_counter() - began, _cpu() - used
    peak.over.set()
    peak.join()
    with clock.of("report"):
        api.html(root, answered)
    summary = answered.summary
    return Answering(
        gone,
        busy,
        peak.bytes,
        clock.seconds,
        clock.cpu.get("folding", 0.0),
        len(summary.answers),
        len(summary.intrusions),
        sum(bool(one.intrusions) for one in summary.mailboxes),
    )


def _apart(root: Path, workers: int) -> Answering:
    """Answer in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scale", "--answer", str(root), "--workers", str(workers)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout, type=Answering)


def _records(archive: Archive) -> int:
    """Give the records that are folded into sessions."""
    return sum(one.staged.rows for table in FOLDS for one in archive.files(table))


def _sessions(root: Path) -> int:
    """Give the sessions, by the folded tables that the answers left."""
    case = Case.open(root)
    return int(roll_up(open_archive(case), workers=1, cache=case.cache("folded")).tables["sessions"].num_rows)


def ministry_of(lines: int, seed: int = 1) -> Ministry:
    """Give a world of about so many lines of IIS."""
    share = (lines / LARGEST[0]) ** 0.5
    mailboxes, days = round(LARGEST[1] * share), round(LARGEST[2] * share)
    return Ministry(DrillPlan(seed, mailboxes, LAST - timedelta(days=days), LAST))


def measured(lines: int, folder: Path, workers: int, exchange_days: int) -> Size:
    """Make a world and measure it; a case that is there already is taken as it is."""
    ministry = ministry_of(lines)
    root = folder / f"case-{lines}"
    if not root.exists():
        began = time.perf_counter()
        made = make_case(ministry, root, folder, exchange_days)
        print(f"{made:,} lines of IIS made in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    began = time.perf_counter()
    api.hunt(root, workers=workers)
    print(f"hunted in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    archive = open_archive(Case.open(root))
    records, stored = (
        _records(archive),
        sum(one.staged.size_bytes for name in archive.tables() for one in archive.files(name)),
    )
    first = _apart(root, workers)
    sessions = _sessions(root)
    added = one_more_day(ministry, root, folder)
    began = time.perf_counter()
    api.hunt(root, workers=workers)
    hunted = time.perf_counter() - began
    then = _apart(root, workers)
    plan = ministry.world.plan
    days = (plan.to_utc - plan.from_utc).days
    return Size(lines, plan.mailboxes, days, records, sessions, stored, first, added, hunted, then)


def check() -> int:
    """Hold a small world against its text."""
    ministry = Ministry(DrillPlan(1, 60, LAST - timedelta(days=50), LAST))
    with tempfile.TemporaryDirectory(prefix="dwell-scale-") as scratch:
        found = both_ways(ministry, Path(scratch))
    print(
        "\n".join(found) or "no difference: tables, intrusions, mailboxes, coverage and checks are the same both ways"
    )
    return int(bool(found))


def main(given: Sequence[str] | None = None) -> int:
    """Measure and print, or write, the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", nargs="+", type=int, default=[1_000_000, 10_000_000])
    parser.add_argument("--workers", type=int, default=default_workers())
    parser.add_argument(
        "--folder", type=Path, help="where cases are made and kept; a temporary folder where none is given"
    )
    parser.add_argument(
        "--exchange-days",
        type=int,
        default=EXCHANGE_DAYS,
        help="days of what is not IIS: it is written as text and read",
    )
    parser.add_argument("--about", default="", help="a sentence for the page: the machine, and what else it did")
    parser.add_argument("--write", action="store_true", help="write benchmarks/scale.md")
    parser.add_argument("--check", action="store_true", help="only hold a small world against its text")
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(given)
    if asked.check:
        return check()
    if asked.answer is not None:
        print(msgspec.json.encode(answer(asked.answer, asked.workers)).decode())
        return 0
    sizes = []
    for lines in asked.lines:
        with tempfile.TemporaryDirectory(prefix="dwell-scale-") as scratch:
            sizes.append(measured(lines, asked.folder or Path(scratch), asked.workers, asked.exchange_days))
        print(msgspec.json.encode(sizes[-1]).decode(), file=sys.stderr, flush=True)
    told = " ".join(map(str, asked.lines))
    fewer = "" if asked.exchange_days == EXCHANGE_DAYS else f" --exchange-days {asked.exchange_days}"
    command = f"python -m benchmarks.scale --lines {told} --workers {asked.workers}{fewer} --write"
    text = page(sizes, command, asked.workers, asked.exchange_days, asked.about)
    if asked.write:
        PAGE.write_text(text, "utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
