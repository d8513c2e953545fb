"""Kills an ingest at random instants and resumes it, over and over: no record may be lost, none may come twice.

    python benchmarks/kill.py --kills 200

Every ingest is a process of its own that is sent SIGKILL after a random share of the time a whole ingest takes. Once one
gets to its end the case is compared with one that was never interrupted: the names and rows of every table, the custody
chain, every hash; and another ingest of the same evidence must not change a byte. Then a new case is begun.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from dwell.archive.datafile import read_rows
from dwell.casebook.case import Case
from dwell.intake.ingest import open_archive
from dwell.intake.verifying import verify

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.iis_text import write_iis

__all__ = ["Report", "contents", "kill_and_resume", "write_set"]

UNIT_BYTES = 150_000
"""Small, so that there are many commits to be killed in."""
_INGEST = """
import sys
from pathlib import Path
from dwell.casebook.case import Case
from dwell.intake import ingest, units

if __name__ == "__main__":
    units.UNIT_BYTES = int(sys.argv[4])
    case = Case.create(Path(sys.argv[1]))
    print("go", flush=True)
    with case.writing():
        done = ingest.ingest(case, [Path(sys.argv[2])], workers=int(sys.argv[3]))
    print(done.files_new, done.records, flush=True)
"""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it.

    Attributes:
        kills: ingests that were killed.
        cases: cases that got to their end and were compared.
        faults: what was wrong; empty where nothing was.
    """

    kills: int
    cases: int
    faults: tuple[str, ...]


def write_set(folder: Path, files: int, lines: int) -> None:
    """Write a set of IIS logs, a day each; of every third there is an earlier copy, cut off anywhere."""
    for number in range(files):
        path = folder / "EX01" / "inetpub" / f"u_ex{number:04}.log"
        write_iis(path, lines, seed=number, users=50)
        if number % 3 == 0:
            whole = path.read_bytes()
            path.with_suffix(".monday").write_bytes(whole[: len(whole) * (number + 2) // (number + 3)])


def contents(root: Path) -> dict[str, list[dict[str, object]]]:
    """Give every row of every table, in order, with the evidence and record it comes from."""
    archive = open_archive(Case.open(root))
    out = {}
    for table in archive.tables():
        names = archive.specs[table].schema.names
        whole = pa.concat_tables([read_rows(file, names) for file in archive.files(table)])
        out[table] = whole.sort_by([(name, "ascending") for name in names[:4]]).to_pylist()
    return out


def hashes(root: Path) -> dict[str, str]:
    """Hash every file of a case, but its lock."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def _start(case: Path, evidence: Path, workers: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _INGEST, str(case), str(evidence), str(workers), str(UNIT_BYTES)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a tracker that outlives a killed process counts what it has to clear away
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _whole(case: Path, evidence: Path, workers: int) -> str:
    """Ingest to the end; give what it printed."""
    with _start(case, evidence, workers) as process:
        assert process.stdout is not None
        told = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"an ingest that was not killed ended with {process.returncode}")
    return told.strip()


def _compared(case: Path, evidence: Path, workers: int, wanted: dict[str, list[dict[str, object]]]) -> list[str]:
    """Hold a case that was killed and resumed against one that was not."""
    faults = []
    found = contents(case)
    if sorted(found) != sorted(wanted):
        faults.append(f"tables {sorted(found)} instead of {sorted(wanted)}")
    for table, rows in wanted.items():
        names = [(row["evidence_id"], row["record_no"]) for row in found.get(table, [])]
        if table == "iis" and len(names) != len(set(names)):
            faults.append(f"{table}: {len(names) - len(set(names))} records twice")
        if found.get(table) != rows:
            faults.append(f"{table}: {len(found.get(table, []))} rows instead of {len(rows)}, or other ones")
    faults += [f"{one.path}: {one.state}" for one in verify(Case(case)) if not one.good]
    before = hashes(case)
    told = _whole(case, evidence, workers)
    if told != "0 0":
        faults.append(f"another ingest added {told}")
    if hashes(case) != before:
        faults.append("another ingest changed the case")
    left = [one for one in hashes(case) if one.startswith("spool") or one.endswith(".part")]
    return faults + [f"{one} was left behind" for one in left]


def kill_and_resume(
    work: Path, kills: int, *, seed: int = 1, files: int = 40, lines: int = 400, workers: tuple[int, ...] = (1, 2)
) -> Report:
    """Kill and resume until there were enough kills and the last case is whole.

    Args:
        work: an empty folder.
        kills: how many ingests to kill.
        seed: for the instants.
        files: logs in the evidence.
        lines: records in each.
        workers: processes of an ingest, taken in turn from case to case.
    """
    rng = random.Random(seed)  # noqa: S311 - instants, not secrets
    evidence = work / "evidence"
    write_set(evidence, files, lines)
    spans = {}
    for count in workers:
        with _start(work / f"whole{count}", evidence, count) as process:
            started = time.monotonic()
            process.communicate()
            spans[count] = time.monotonic() - started
    wanted = contents(work / f"whole{workers[0]}")
    faults: list[str] = []
    killed = cases = 0
    while killed < kills:
        case, count = work / f"case{cases}", workers[cases % len(workers)]
        resumed = False
        while not resumed:
            with _start(case, evidence, count) as process:
                if killed < kills:
                    try:
                        process.wait(rng.uniform(0, spans[count]))
                    except subprocess.TimeoutExpired:
                        process.send_signal(signal.SIGKILL)
                        killed += 1
                process.communicate()
            resumed = process.returncode == 0
            if process.returncode not in {0, -signal.SIGKILL}:
                faults.append(f"a resumed ingest ended with {process.returncode}")
                return Report(killed, cases, tuple(faults))
        faults += [f"case {cases}: {one}" for one in _compared(case, evidence, count, wanted)]
        shutil.rmtree(case)
        cases += 1
    return Report(killed, cases, tuple(faults))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        report = kill_and_resume(Path(work), given.kills, seed=given.seed)
    print(f"{report.kills} kills, {report.cases} cases resumed to the end, {len(report.faults)} faults")
    for fault in report.faults:
        print(f"  {fault}")
    raise SystemExit(bool(report.faults))


if __name__ == "__main__":
    main()
