"""What the largest lists and the rules that meet everything take: processor time and memory, each in a process of its own.

    python -m benchmarks.limits                                  every step at a tenth of its full size
    python -m benchmarks.limits --steps list --size 10000000     a list of ten million indicators, read
    python -m benchmarks.limits --steps all-met --size 475000    six rules that meet every line, of paths of 1,100 bytes
    python -m benchmarks.limits --steps each-met --size 2000000  addresses, each met by one line
    python -m benchmarks.limits --steps values --size 100000     one Sigma rule of so many values, over as many lines
    python -m benchmarks.limits --steps search --size 9400000    `dwell search` for what no line has

Lines are synthetic and stored as a case stores them; making them is no part of any figure. Memory is the most that one
process had, mapped pages included: that which asks, or a worker of it.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.hunt import build
from benchmarks.indicators import write_list

from dwell.archive.datafile import stage
from dwell.archive.store import Archive
from dwell.hunt.hunting import hunt
from dwell.hunt.indicators.reading import read_indicators
from dwell.hunt.ruleset import RuleSet
from dwell.hunt.sigma.load import load
from dwell.hunt.sigma.loaded import Loaded
from dwell.intake.searching import search
from dwell.intake.tables import specs

__all__ = ["main"]

FILE_LINES = 19_000
PATH_BYTES = 1_100
SHARE = 10
"""What is run where no size is given is this part of the full size."""
_NO_RULES = Loaded(RuleSet((), (), (), ()), {}, (), ())
_RULE = """title: rule {number}
id: 6f0c0a0e-58f8-4dd3-8d4b-{number:012}
status: experimental
author: somebody
level: high
logsource: {{category: webserver}}
detection:
  s:
    cs-uri-stem{modifier}: {value}
  condition: s
"""
ABSENT: Mapping[str, str] = {
    "a word": "zz-no-such-word",
    "an address as a word": "198.18.7.7",
    "an address of a column": "c-ip:198.18.7.7",
    "a network": "c-ip:198.18.7.0/24",
    "a part of a path": "cs-uri-stem:*zz-no-such-path*",
}


def _address(number: int) -> str:
    return f"11.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _path(number: int) -> str:
    return f"/owa/{number:012}/".ljust(PATH_BYTES, "x")


def _lines(root: Path, lines: int, path: Callable[[int], str]) -> Archive:
    """Store lines that differ in path and client."""
    archive = Archive(root, specs())
    spec = archive.specs["iis"]
    first = 1_614_556_800_000_000
    for at, start in enumerate(range(0, lines, FILE_LINES)):
        numbers = range(start, min(lines, start + FILE_LINES))
        columns: dict[str, list[object]] = {
            "evidence_id": [f"{at:064x}"] * len(numbers),
            "record_no": [one - start + 1 for one in numbers],
            "time_utc": [first + one * 100_000 for one in numbers],
            "host": ["EX01"] * len(numbers),
            "cs-method": ["GET"] * len(numbers),
            "cs-uri-stem": [path(one) for one in numbers],
            "c-ip": [_address(one) for one in numbers],
            "sc-status": [200] * len(numbers),
        }
        arrays = {
            one.name: pa.array(columns[one.name], pa.int64()).cast(one.type)
            if one.name == "time_utc"
            else pa.array(columns.get(one.name, [None] * len(numbers)), one.type)
            for one in spec.schema
        }
        staged = stage(archive.folder("iis"), spec, pa.table(arrays, schema=spec.schema), f"part-{at:05}")
        archive.commit("iis", staged, f"part-{at:05}")
    return archive


@contextmanager
def _told(what: str) -> Iterator[list[str]]:
    """Say what is done within, with what it took of the processors."""
    more: list[str] = []
    before = _seconds()
    yield more
    print(f"{what}: {_seconds() - before:,.2f} s of processor time; {', '.join(more)}", flush=True)


def _seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _rules(folder: Path, *texts: str) -> Loaded:
    folder.mkdir()
    for at, text in enumerate(texts):
        (folder / f"{at}.yml").write_text(text, encoding="utf-8")
    return load([folder])


# Steps, each in a process of its own: making what is asked comes first ---------------------------------


def _list(folder: Path, size: int) -> None:
    write_list(folder / "list.csv", size)
    with _told(f"a list of {size:,} indicators, read") as more:
        found = read_indicators([folder / "list.csv"])
        left = sum(number for *_, number in found.counted)
        more.append(f"{len(found.starts):,} looked for, {left:,} counted")


def _all_met(folder: Path, size: int) -> None:
    archive = _lines(folder / "archive", size, _path)
    texts = ("/owa/", "x", "owa", "xx", "/", "wa/")
    loaded = _rules(
        folder / "rules",
        *(_RULE.format(number=at, modifier="|contains", value=f"'{one}'") for at, one in enumerate(texts)),
    )
    with _told(f"six rules that meet all of {size:,} lines") as more:
        found = hunt(archive, loaded=loaded, cache=folder / "kept")
        mine = found.hits.filter(pa.compute.starts_with(found.hits["rule_id"], "6f0c0a0e"))
        more.append(f"{sum(mine['count'].to_pylist()):,} records in {mine.num_rows:,} rows")


def _each_met(folder: Path, size: int) -> None:
    archive = _lines(folder / "archive", size, lambda _: "/owa/")
    (folder / "list.txt").write_text("".join(f"{_address(one)}\n" for one in range(size)), encoding="utf-8")
    with _told(f"{size:,} addresses, each met by one line") as more:
        found = hunt(archive, loaded=_NO_RULES, indicator_files=[folder / "list.txt"], cache=folder / "kept")
        more.append(f"{sum(found.hits['count'].to_pylist()):,} records in {found.hits.num_rows:,} rows")


def _values(folder: Path, size: int) -> None:
    archive = _lines(folder / "archive", size, _path)
    for name in ("", "|contains"):
        values = "".join(f"\n      - '/owa/{one:012}/no'" for one in range(size))
        text = _RULE.format(number=1, modifier=name, value=values)
        with _told(f"a rule of {size:,} values{name.replace('|', ' with ')}, loaded with our own") as more:
            loaded = _rules(folder / f"rules{name.strip('|')}", text)
            more.append(f"{len(loaded.rules.rules)} rules")
        with _told(f"and put to {size:,} lines") as more:
            found = hunt(archive, loaded=loaded)
            more.append(f"{sum(one.rule_id.startswith('6f0c0a0e') for one in found.outcomes)} outcome of it")
            more.append(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB so far")


def _search(folder: Path, size: int) -> None:
    archive = build(folder / "archive", size)
    for what, term in ABSENT.items():
        for again in ("first", "again"):
            with _told(f"{what}, {again}") as more:
                found = search(archive, [term], workers=1)
                more.append(f"{found.total} rows, {found.opened} of {found.files} files opened")


STEPS: Mapping[str, tuple[Callable[[Path, int], None], int]] = {
    "list": (_list, 10_000_000),
    "all-met": (_all_met, 475_000),
    "each-met": (_each_met, 2_000_000),
    "values": (_values, 100_000),
    "search": (_search, 9_400_000),
}
"""What can be measured, with its full size."""


def _measured(name: str, size: int) -> None:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="dwell-limits-") as folder:
        STEPS[name][0](Path(folder), size)
    own, others = (resource.getrusage(one).ru_maxrss / 1024 for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(
        f"-- {name}: {time.perf_counter() - began:,.0f} s by the clock with making it; at most {own:,.0f} MiB in the "
        f"process, {others:,.0f} in a worker; load {os.getloadavg()[0]:.0f}\n"
    )


def _apart(name: str, size: int) -> None:
    """Run a step in a process of its own, and say the most memory that it and its workers had."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _measured(name, size)
            code = 0
        except Exception:  # noqa: BLE001 - told, and its exit code says so
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"{name} ended with {os.waitstatus_to_exitcode(status)}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", nargs="*", choices=[*STEPS], default=[*STEPS])
    parser.add_argument("--size", type=int, help="lines or values; a tenth of the full size where not given")
    asked = parser.parse_args()
    for name in asked.steps:
        _apart(name, asked.size or STEPS[name][1] // SHARE)


if __name__ == "__main__":
    main()
