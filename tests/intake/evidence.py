"""Small evidence for the tests: IIS logs, packed in whatever way, and what a case made of them holds."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from dwell.casebook.case import Case
from dwell.intake.ingest import IngestResult, ingest, open_archive
from dwell.intake.stock import whole_table

_HEADER = (
    "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: 2021-03-01 00:00:00\r\n"
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) "
    "sc-status sc-substatus sc-win32-status time-taken\r\n"
)
HEADER_LINES = 4


def log(number: int, lines: int = 5) -> bytes:
    """Give an IIS log that differs from every other number's."""
    rows = [
        f"2021-{1 + number % 3:02}-{1 + number % 28:02} 10:{line // 60:02}:{line % 60:02} 10.0.0.1 POST /ews/{number} "
        f"a={line % 3} 443 MINISTRY\\user{number} 192.0.2.{number % 250} Agent/{line % 2} - 200 0 0 {line}"
        for line in range(lines)
    ]
    return (_HEADER + "".join(f"{row}\r\n" for row in rows)).encode()


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Pack a zip; the names are taken as they are."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w") -> bytes:
    """Pack a tar; the names are taken as they are."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def taken_in(root: Path, *paths: Path, workers: int = 1) -> tuple[Case, IngestResult]:
    """Ingest into a case, made where there is none."""
    case = Case.create(root)
    with case.writing():
        return case, ingest(case, list(paths), workers=workers)


def rows(case: Case, table: str = "iis") -> list[tuple[str, int, str]]:
    """Give (evidence id, record number, stem) of every row of the IIS table, in order."""
    found = whole_table(open_archive(case), table, ("evidence_id", "record_no", "cs-uri-stem")).to_pylist()
    return sorted((row["evidence_id"], row["record_no"], row["cs-uri-stem"]) for row in found)


def sha256(data: bytes) -> str:
    """Give the evidence id of some bytes."""
    return hashlib.sha256(data).hexdigest()


def hashes(root: Path) -> dict[str, str]:
    """Hash every file below a folder, but a case's lock."""
    return {
        path.relative_to(root).as_posix(): sha256(path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "lock"
    }
