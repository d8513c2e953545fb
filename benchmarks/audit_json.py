"""Makes a large audit export, a record a line, out of the published one: for measuring.

Every record gets an `Id` of its own, as an export never holds one twice; what has to be read is as real as the published
records are.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from pathlib import Path

import py7zr

__all__ = ["write_audit"]


def write_audit(packed: Path, place: Path, records: int) -> None:
    """Write so many records, made of the column `AuditData` of the export in an archive.

    Raises:
        ValueError: the archive holds no such export.
    """
    csv.field_size_limit(sys.maxsize)
    with tempfile.TemporaryDirectory() as name:
        with py7zr.SevenZipFile(packed) as held:
            held.extractall(name)
        texts = [
            row["AuditData"]
            for path in sorted(Path(name).rglob("*.csv"))
            for row in csv.DictReader(path.open(encoding="utf-8-sig", newline=""))
            if row.get("AuditData")
        ]
    if not texts:
        raise ValueError(f"no audit records in {packed}")
    cut = [text.split(json.loads(text)["Id"], 1) for text in texts]
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("w", encoding="utf-8") as out:
        for number in range(records):
            head, tail = cut[number % len(cut)]
            out.write(f"{head}{number:08x}-0000-4000-8000-{number:012x}{tail}\n")
