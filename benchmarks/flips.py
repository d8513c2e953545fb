"""Flips random bits in what a case holds: `verify` must name the file, and no reader may take it for data.

    python benchmarks/flips.py --flips 1000

A flip hits a data file, a lexicon, a commit file, the custody log or its head, in turn; then the file is put back.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from dwell.archive.datafile import read_lexicon, read_rows
from dwell.casebook.case import Case
from dwell.errors import CustodyError
from dwell.intake.ingest import ingest, open_archive
from dwell.intake.verifying import verify

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.kill import write_set

__all__ = ["Report", "flip_and_read", "make_case"]


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it.

    Attributes:
        flips: bits flipped, by the kind of file.
        refused: times that a reader refused the file; the others gave the right rows, from other files.
        faults: flips that nobody noticed, or that came back as data.
    """

    flips: dict[str, int]
    refused: int
    faults: tuple[str, ...]


def make_case(root: Path, evidence: Path) -> Case:
    """Make a small case."""
    write_set(evidence, 3, 60)
    (evidence / "EX01" / "inetpub" / "odd.log").write_bytes(
        (evidence / "EX01" / "inetpub" / "u_ex0000.log").read_bytes() + b"a line of another kind\r\n"
    )
    case = Case.create(root)
    with case.writing():
        ingest(case, [evidence], workers=1)
    return case


def _targets(root: Path) -> dict[str, list[Path]]:
    archive = root / "archive"
    files = [path for path in sorted(archive.rglob("*")) if path.is_file()]
    return {
        "data": [path for path in files if path.suffix == ".parquet" and "_lexicon" not in path.parts],
        "lexicon": [path for path in files if "_lexicon" in path.parts],
        "commit": [path for path in files if path.suffix == ".json"],
        "custody": [root / "custody.jsonl"],
        "head": [root / "custody.head"],
    }


def _everything(root: Path) -> list[object]:
    """Read all rows and all lexicons of a case through the program's own readers."""
    case = Case.open(root)
    out: list[object] = [act.details for act in case.acts()]
    archive = open_archive(case)
    for table in archive.tables():
        for file in archive.files(table):
            rows: pa.Table = read_rows(file, archive.specs[table].schema.names)
            out.append((table, file.staged, rows.to_pylist()))
            if file.staged.lexicon_sha256:
                lexicon = read_lexicon(file)
                out.append((sorted(lexicon.complete), lexicon.table.to_pylist()))
    return out


def flip_and_read(root: Path, flips: int, *, seed: int = 1) -> Report:
    """Flip bits, one at a time, and see who notices.

    Args:
        root: a case that nothing is wrong with.
        flips: how many.
        seed: for the places.
    """
    rng = random.Random(seed)  # noqa: S311 - places, not secrets
    wanted = _everything(root)
    targets = _targets(root)
    kinds = sorted(targets)
    counts = dict.fromkeys(kinds, 0)
    faults: list[str] = []
    refused = 0
    for number in range(flips):
        kind = kinds[number % len(kinds)]
        path = rng.choice(targets[kind])
        data = path.read_bytes()
        at, bit = rng.randrange(len(data)), 1 << rng.randrange(8)
        path.write_bytes(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :])
        counts[kind] += 1
        where = f"{path.relative_to(root)} byte {at} bit {bit}"
        if not any(path.name in f"{one.path} {one.detail}" for one in verify(Case(root)) if not one.good):
            faults.append(f"{where}: verify does not name the file")
        try:
            if _everything(root) != wanted:
                faults.append(f"{where}: came back as data")
        except CustodyError:
            refused += 1
        path.write_bytes(data)
    return Report(counts, refused, tuple(faults))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        case = make_case(Path(work) / "case", Path(work) / "evidence")
        report = flip_and_read(case.root, given.flips, seed=given.seed)
    told = ", ".join(f"{count} {kind}" for kind, count in report.flips.items())
    print(f"flips: {told}; refused when read: {report.refused}; faults: {len(report.faults)}")
    for fault in report.faults:
        print(f"  {fault}")
    raise SystemExit(bool(report.faults))


if __name__ == "__main__":
    main()
