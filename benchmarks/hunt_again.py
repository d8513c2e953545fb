"""How fast years of stored lines are looked at again: one new rule, one address, one file more.

Makes the archive of `benchmarks.hunt`, or takes one that is there, and measures, in this process and on one core:

* one new rule that meets nothing, and one that meets a scanner's lines: warm, and cold (the archive's pages dropped from
  the system's memory before);
* our own rules, then one rule more, with the hits of each data file kept as in a case;
* one address that no line holds, and one that some lines hold;
* a hunt of many files whose hits are kept, after one file more was added, beside a hunt of that file alone; and after
  one rule more was loaded, beside a hunt with that rule alone.

Seconds of the wall clock stand beside those of the processor: only the latter hold on a machine that does other things.

Run it from the project's root: `python -m benchmarks.hunt_again --events 20000000`, or part by part over stored lines:
`python -m benchmarks.hunt_again --archive CASE/archive --steps rules kept`. Nothing is written to that archive.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
from benchmarks.hunt import FILE_ROWS, build

from dwell.archive.datafile import DataFile, read_rows, stage
from dwell.archive.store import Archive
from dwell.hunt.hunting import hunt
from dwell.hunt.indicators.match import Finder
from dwell.hunt.indicators.reading import read_indicators
from dwell.hunt.sigma.load import load
from dwell.hunt.sigma.loaded import Loaded
from dwell.hunt.wide import Hunter
from dwell.intake.tables import specs

__all__ = ["main"]

_RULE = """title: {title}
id: 5f0c0a0e-58f8-4dd3-8d4b-{number:012}
status: experimental
logsource:
    category: webserver
detection:
    selection:
        {field}|contains: '{text}'
    condition: selection
level: high
"""
RULES = (
    ("a query that no line has", "cs-uri-query", "zz-no-such-thing"),
    ("a path or query that no line has", "cs-uri", "zz-no-such-thing"),
    ("an agent that no line has", "cs-user-agent", "zz-no-such-thing"),
    ("an agent of a scanner", "cs-user-agent", "sqlmap"),
)
STEPS = ("rules", "kept", "addresses", "more")
ADDRESSES = (("an address that no line has", "203.0.113.77"), ("an address that lines have", "10.20.0.7"))


def _timed(work: Callable[[], int]) -> tuple[float, float, int]:
    """Give seconds by the clock, seconds of the processor, and what was found."""
    clock, busy = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - clock, time.process_time() - busy, found


def _dropped(root: Path) -> None:
    """Have the system forget the pages of an archive's files."""
    for path in root.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(handle)


def _said(what: str, work: Callable[[], int], root: Path) -> None:
    work()  # compile outside the clock, as a worker does once
    warm = min((_timed(work) for _ in range(3)), key=lambda one: one[1])
    _dropped(root)
    cold = _timed(work)
    print(
        f"{what}: warm {warm[0]:.3f} s, {warm[1]:.3f} s of the processor; cold {cold[0]:.3f} s, {cold[1]:.3f} s; "
        f"{warm[2]:,} rows of hits"
    )


def _hits(find: Callable[[DataFile], tuple[pa.Table, object]], archive: Archive) -> int:
    return sum(find(one)[0].num_rows for one in archive.files("iis"))


def _rules(archive: Archive, scratch: Path) -> None:
    for number, (title, field, text) in enumerate(RULES):
        path = scratch / f"rule-{number}.yml"
        path.write_text(_RULE.format(title=title, number=number, field=field, text=text), encoding="utf-8")
        hunter = Hunter(load([path], pack=False).rules)
        _said(f"one rule, {title}", partial(_hits, hunter.hunt, archive), archive.root)


def _kept(archive: Archive, scratch: Path) -> None:
    """Hunt with our own rules, then with one more that no line meets, and with one more that lines may meet."""
    lines = sum(one.staged.rows for one in archive.files("iis"))
    ours, cache = load(), scratch / "kept"

    def hunted(what: str, loaded: Loaded) -> None:
        clock, busy, found = _timed(lambda: hunt(archive, loaded=loaded, workers=1, cache=cache).hits.num_rows)
        print(
            f"{what}: {busy:.2f} s of the processor, {clock:.2f} s by the clock, "
            f"{lines / busy / 1e6:.1f} M lines/s/core; {found:,} rows of hits",
            flush=True,
        )

    hunted("our own rules, nothing kept", ours)
    hunted("again, nothing changed", ours)
    for number, (title, field, text) in enumerate(RULES):
        path = scratch / f"more-{number}.yml"
        path.write_text(_RULE.format(title=title, number=100 + number, field=field, text=text), encoding="utf-8")
        hunted(f"one rule more, {title}", load([path]))


def _addresses(archive: Archive, scratch: Path) -> None:
    for what, address in ADDRESSES:
        path = scratch / "one.txt"
        path.write_text(address + "\n", encoding="utf-8")
        finder = Finder(read_indicators([path]).table)
        _said(what, partial(_hits, finder.find, archive), archive.root)


def _one_more(scratch: Path, files: int, rows: int) -> None:
    """Hunt many small files with their hits kept, then one more."""
    archive, alone = Archive(scratch / "many", specs()), Archive(scratch / "alone", specs())
    (source, *_) = build(scratch / "lines", min((files + 1) * rows, FILE_ROWS)).files("iis")
    table = read_rows(source, specs()["iis"].schema.names)

    def add(number: int, to: Archive) -> None:
        name = f"part-{number:05}"
        part = table.slice(number * rows % max(table.num_rows - rows, 1), rows)
        to.commit("iis", stage(to.folder("iis"), to.specs["iis"], part, name), name)

    for number in range(files):
        add(number, archive)
    cache, other = scratch / "cache", scratch / "other"
    ours = load()
    first = _timed(lambda: hunt(archive, loaded=ours, workers=1, cache=cache).hits.num_rows)
    again = _timed(lambda: hunt(archive, loaded=ours, workers=1, cache=cache).hits.num_rows)
    add(files, archive)
    add(files, alone)
    more = _timed(lambda: hunt(archive, loaded=ours, workers=1, cache=cache).hits.num_rows)
    single = _timed(lambda: hunt(alone, loaded=ours, workers=1, cache=other, rules_cache=cache).hits.num_rows)
    path = scratch / "one-more.yml"
    title, field, text = RULES[-1]
    path.write_text(_RULE.format(title=title, number=len(RULES), field=field, text=text), encoding="utf-8")
    with_it, only_it = load([path]), load([path], pack=False)
    rule = _timed(lambda: hunt(archive, loaded=with_it, workers=1, cache=cache).hits.num_rows)
    by_itself = _timed(lambda: hunt(archive, loaded=only_it, workers=1, cache=other).hits.num_rows)
    print(
        f"{files:,} files of {rows:,} lines, our rules: {first[1]:.2f} s of the processor; again {again[1]:.2f} s; "
        f"with one file more {more[1]:.2f} s; that file alone {single[1]:.2f} s; "
        f"with one rule more {rule[1]:.2f} s; that rule alone {by_itself[1]:.2f} s"
    )


def main(given: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000_000, help="lines to look at")
    parser.add_argument("--files", type=int, default=1_000, help="files before one more is added")
    parser.add_argument("--rows", type=int, default=1_000, help="lines of each of them")
    parser.add_argument("--archive", type=Path, help="stored lines to look at, in place of lines that are made")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS), help="what is measured")
    arguments = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if arguments.archive is not None:
            archive = Archive(arguments.archive, specs())
        elif set(arguments.steps) != {"more"}:
            archive = build(scratch / "archive", arguments.events)
        else:
            archive = Archive(scratch / "archive", specs())
        files = archive.files("iis")
        print(f"{sum(one.staged.rows for one in files):,} lines in {len(files)} files")
        for step in arguments.steps:
            if step == "more":
                _one_more(scratch, arguments.files, arguments.rows)
            else:
                {"rules": _rules, "kept": _kept, "addresses": _addresses}[step](archive, scratch)
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
