"""Measures intake: from evidence to committed tables with their lexicon.

    python benchmarks/intake.py                  the full sizes: 20 million lines, some 20 GB of free disk
    python benchmarks/intake.py --small          a hundredth of it

Every run is a process of its own, so that peak memory is its own. A rate per core is records by seconds of processor time,
which holds on a machine that has other things to do; wall time stands beside it. The ratio to Polars is to its bare CSV
reader on one thread over the same file: no typing, no instants, no sorting, no lexicon, nothing written.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.audit_json import write_audit
from benchmarks.event_log import write_event_log
from benchmarks.exchange_text import written
from benchmarks.iis_text import write_iis

__all__ = ["measure"]

_EVTX = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "evtx"
_AUDIT = _EVTX.parent / "m365" / "auditrecords.7z"
_FULL = ("security.evtx", "system.evtx", "sysmon.evtx")
"""Logs that are filled up, one of each of the sorts that matter most."""
Figures = dict[str, float]


def _ingest(evidence: Path, case: Path, workers: int) -> int:
    from dwell.casebook.case import Case
    from dwell.intake.ingest import ingest

    made = Case.create(case)
    with made.writing():
        return ingest(made, [evidence], workers=workers).records


def _polars(evidence: Path, _: Path, __: int) -> int:
    import polars as pl

    read = pl.read_csv(
        evidence, separator=" ", skip_rows=4, has_header=False, quote_char=None, truncate_ragged_lines=True
    )
    return read.height


def _evtx(evidence: Path, _: Path, __: int) -> int:
    import evtx

    count = 0
    for path in sorted(evidence.rglob("*.evtx")):
        records = evtx.PyEvtxParser(str(path)).records_json()
        while True:
            try:
                next(records)
            except StopIteration:
                break
            except RuntimeError:  # a record that cannot be read
                continue
            count += 1
    return count


def _msgspec(evidence: Path, _: Path, __: int) -> int:
    import msgspec

    decoder = msgspec.json.Decoder()
    return sum(1 for path in evidence.iterdir() for line in path.read_bytes().splitlines() if decoder.decode(line))


_MEASURES: dict[str, Callable[[Path, Path, int], int]] = {
    "ingest": _ingest,
    "polars": _polars,
    "evtx": _evtx,
    "msgspec": _msgspec,
}
_MODULES = {"ingest": ("dwell.intake.ingest",), "polars": ("polars",), "evtx": ("evtx",), "msgspec": ("msgspec",)}


def _one(name: str, evidence: Path, case: Path, workers: int) -> None:
    """Run one measure in this process and print its figures; loading the program is left out of the times."""
    for module in _MODULES[name]:
        importlib.import_module(module)
    started, before = time.monotonic(), _cpu()
    records = _MEASURES[name](evidence, case, workers)
    wall, cpu = time.monotonic() - started, _cpu() - before
    print(json.dumps({"records": records, "wall_s": wall, "cpu_s": cpu, "peak_mib": _peak_mib()}))


def _peak_mib() -> float:
    """Give this process's peak memory. Linux hands the parent's peak on in `ru_maxrss`, but not in `VmHWM`."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _cpu() -> float:
    """Give the processor time of this process and of those it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _run(name: str, evidence: Path, case: Path, workers: int = 1) -> Figures:
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, __file__, "--one", name, str(evidence), str(case), str(workers)],
        env=environment, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    found: Figures = json.loads(told.splitlines()[-1])
    return found


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _iis(work: Path, lines: int, big: int) -> list[tuple[str, str]]:
    """Measure one large log: rate, memory, size, two workers."""
    small = write_iis(work / "small" / "u_ex.log", lines)
    read = _run("polars", work / "small" / "u_ex.log", work / "none")
    once = _run("ingest", work / "small", work / "case")
    rate = once["records"] / once["cpu_s"]
    rows = [
        ("IIS, lines/s/core, text to committed table and lexicon", f"{rate:,.0f}"),
        ("  the same by wall clock, one worker", f"{once['records'] / once['wall_s']:,.0f}"),
        ("  Polars' bare CSV reader, lines/s/core", f"{read['records'] / read['cpu_s']:,.0f}"),
        ("  share of Polars' rate", f"{rate / (read['records'] / read['cpu_s']):.2f}"),
        ("  archive, share of the text", f"1/{small / _size(work / 'case'):.1f}"),
        ("  archive, bytes a line", f"{_size(work / 'case') / once['records']:.1f}"),
    ]
    shutil.rmtree(work / "case")
    shutil.rmtree(work / "small")
    write_iis(work / "big" / "u_ex.log", big, days=max(1, big // 1_000_000))
    large = _run("ingest", work / "big", work / "case")
    shutil.rmtree(work / "case")
    shutil.rmtree(work / "big")
    return [
        *rows,
        (f"  peak memory at {lines:,} lines, MiB", f"{once['peak_mib']:.0f}"),
        (f"  peak memory at {big:,} lines, MiB", f"{large['peak_mib']:.0f}"),
        (f"  lines/s/core at {big:,} lines", f"{large['records'] / large['cpu_s']:,.0f}"),
    ]


def _many(work: Path, files: int, lines: int) -> list[tuple[str, str]]:
    """Measure many small files against few large ones, and two workers against one."""
    for number in range(files):
        write_iis(work / "many" / f"{number % 50:02}" / f"u_ex{number:06}.log", lines, seed=number)
    few = max(2, files * lines // 1_000_000)
    for number in range(few):
        write_iis(work / "few" / f"u_ex{number:06}.log", files * lines // few, seed=number)
    apart = _run("ingest", work / "many", work / "case")
    data = sum(1 for _ in (work / "case" / "archive" / "iis").glob("month=*/*.parquet"))
    shutil.rmtree(work / "case")
    shutil.rmtree(work / "many")
    together = _run("ingest", work / "few", work / "case")
    shutil.rmtree(work / "case")
    two = _run("ingest", work / "few", work / "case", 2)
    shutil.rmtree(work / "case")
    shutil.rmtree(work / "few")
    return [
        (f"{files:,} files of {lines:,} lines, lines/s/core", f"{apart['records'] / apart['cpu_s']:,.0f}"),
        (f"  {few} files of the same lines, lines/s/core", f"{together['records'] / together['cpu_s']:,.0f}"),
        ("  processor time, many to few", f"{apart['cpu_s'] / together['cpu_s']:.2f}"),
        ("  data files made of the many", f"{data}"),
        ("two workers against one, wall clock", f"{together['wall_s'] / two['wall_s']:.2f}"),
    ]


def _many_of_exchange(work: Path, files: int, rows: int) -> list[tuple[str, str]]:
    """Measure many small HttpProxy logs of 74 columns against the same rows in few."""
    few = max(2, files * rows // 100_000)
    for name, count in (("many", files), ("few", few)):
        each = files * rows // count
        for number in range(count):
            place = work / name / f"HttpProxy_{number:06}-1.LOG"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(written("httpproxy", each, number * each))
    found = {}
    for name in ("few", "many"):
        found[name] = _run("ingest", work / name, work / "case")
        shutil.rmtree(work / "case")
        shutil.rmtree(work / name)
    apart, together = found["many"], found["few"]
    return [
        (f"{files:,} HttpProxy logs of {rows:,} rows, rows/s/core", f"{apart['records'] / apart['cpu_s']:,.0f}"),
        (f"  {few} logs of the same rows, rows/s/core", f"{together['records'] / together['cpu_s']:,.0f}"),
        ("  processor time, many to few", f"{apart['cpu_s'] / together['cpu_s']:.2f}"),
    ]


def _event_logs(work: Path, copies: int, full_mib: int) -> list[tuple[str, str]]:
    """Measure binary event logs beside the bare reader, where some are at hand: as found, and filled up."""
    found = sorted(_EVTX.rglob("*.evtx")) if _EVTX.is_dir() else []
    found = [path for path in found if path.stat().st_size > 1_000_000]
    if not found:
        return [("EVTX", "no event logs at hand")]
    for number, path in enumerate(found[:20]):
        for copy in range(copies):
            # a number in the unused part of the file header makes each copy a piece of evidence of its own
            place = work / "evtx" / f"{copy:03}" / f"{number:03}.evtx"
            place.parent.mkdir(parents=True, exist_ok=True)
            data = path.read_bytes()
            place.write_bytes(data[:200] + copy.to_bytes(8, "little") + data[208:])
    rows = _event_log_rates(work, "EVTX, small logs, mostly empty")
    for path in found:
        if path.name in _FULL:
            write_event_log(path, work / "evtx" / path.name, full_mib << 20)
            rows += _event_log_rates(work, f"EVTX, a full log made of {path.name}")
    return rows


def _event_log_rates(work: Path, what: str) -> list[tuple[str, str]]:
    bare = _run("evtx", work / "evtx", work / "none")
    ours = _run("ingest", work / "evtx", work / "case")
    shutil.rmtree(work / "case")
    shutil.rmtree(work / "evtx")
    return [
        (f"{what}, records/s/core", f"{ours['records'] / ours['cpu_s']:,.0f}"),
        ("  the evtx library alone, to JSON text, records/s/core", f"{bare['records'] / bare['cpu_s']:,.0f}"),
        ("  records read", f"{ours['records']:,.0f} of {bare['records']:,.0f}"),
    ]


def _audit(work: Path, records: int) -> list[tuple[str, str]]:
    """Measure a large audit export beside msgspec's bare decoder, where the published export is at hand."""
    if not _AUDIT.is_file():
        return [("audit records", "no audit export at hand")]
    write_audit(_AUDIT, work / "audit" / "audit.jsonl", records)
    bare = _run("msgspec", work / "audit", work / "none")
    ours = _run("ingest", work / "audit", work / "case")
    shutil.rmtree(work / "case")
    shutil.rmtree(work / "audit")
    return [
        ("audit records as JSON lines, records/s/core", f"{ours['records'] / ours['cpu_s']:,.0f}"),
        ("  msgspec's decoder alone, records/s/core", f"{bare['records'] / bare['cpu_s']:,.0f}"),
        ("  records read", f"{ours['records']:,.0f} of {bare['records']:,.0f}"),
        ("  peak memory, MiB", f"{ours['peak_mib']:.0f}"),
    ]


def measure(
    *, lines: int, big: int, files: int, file_lines: int, copies: int, full_mib: int, records: int
) -> Iterator[tuple[str, str]]:
    """Run every measure in a temporary folder; yield (what, figure) rows.

    Args:
        lines: lines of the log that rates are taken from.
        big: lines of the log that memory is compared at.
        files: how many small files.
        file_lines: lines in each.
        copies: how often each event log is read.
        full_mib: size of a full event log, in MiB.
        records: audit records that a rate is taken from.
    """
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        yield from _iis(work, lines, big)
        yield from _many(work, files, file_lines)
        yield from _many_of_exchange(work, max(20, files // 10), max(100, file_lines // 10))
        yield from _event_logs(work, copies, full_mib)
        yield from _audit(work, records)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a hundredth of the full sizes")
    parser.add_argument("--one", nargs=4, metavar=("MEASURE", "EVIDENCE", "CASE", "WORKERS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        name, evidence, case, workers = given.one
        _one(name, Path(evidence), Path(case), int(workers))
        return
    if given.small:
        rows = measure(lines=200_000, big=1_000_000, files=200, file_lines=1_000, copies=1, full_mib=4, records=10_000)
    else:
        rows = measure(
            lines=1_000_000, big=20_000_000, files=20_000, file_lines=1_000, copies=6, full_mib=128, records=200_000
        )
    for what, figure in rows:
        print(f"{what:<64}{figure:>14}", flush=True)


if __name__ == "__main__":
    main()
