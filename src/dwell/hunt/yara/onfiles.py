"""YARA rules put to the files that are held and are no logs: pages, scripts, programs, configurations, what nothing reads.

The evidence is opened again, read once, and hashed while it is read: bytes that are not those that were registered are
put to no rule. What cannot be looked at is told with the reason, and every rule knows of how many files that is so.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import pyarrow as pa

from dwell.casebook.evidence import CONTAINER_MARK, Evidence, EvidencePlace
from dwell.hunt.hits import HITS, REFS_MAX
from dwell.hunt.yara.load import YaraRules
from dwell.hunt.yara.scanner import Met, RuleScanner
from dwell.intake.containers import Locator, close_zips, open_locator
from dwell.intake.places import find_each, on_disk
from dwell.intake.tables import log_tables, table_of
from dwell.model.provenance import WHOLE_FILE, EvidenceId

__all__ = [
    "FILE_BYTES_MAX",
    "TEXT_BYTES",
    "FileFound",
    "FileJob",
    "FilesDone",
    "Unscanned",
    "alone",
    "as_hits",
    "file_jobs",
    "files_of_interest",
    "lost_files",
    "put_to_files",
    "read_rules",
]

FILE_BYTES_MAX = 128 * 1024 * 1024
"""A larger file is put to no rule: it would have to lie in memory whole, once for each worker."""
_GONE = "not found where it was registered"
_CHANGED = "not what was registered"
JOB_FILES = 64
"""Files on disk in one stretch of work; a container is one file, whatever it holds."""
PLACES_SHOWN = 8
"""Places of one string that are told of one file."""
TEXT_BYTES = 120
"""Of the bytes that a string met so many are shown; the file has them whole."""


@dataclass(frozen=True, slots=True, order=True)
class Unscanned:
    """A file that was put to no rule.

    Attributes:
        path: its path as registered.
        why: why not.
    """

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A piece of evidence to be read.

    Attributes:
        evidence_id: its SHA-256.
        place: where it lies, as registered.
        path: its first place, by which rules know its name.
        host: whose it is, as its path says.
        size_bytes: how long it is.
    """

    evidence_id: EvidenceId
    place: str
    path: str
    host: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FileJob:
    """A stretch of work: files on disk, each with the evidence that is wanted of it."""

    rules: Path
    key: str
    files: tuple[tuple[str, str, tuple[_Wanted, ...]], ...]


@dataclass(frozen=True, slots=True)
class FileFound:
    """A file that was put to the rules.

    Attributes:
        evidence_id: its SHA-256.
        path: its first place.
        size_bytes: its length.
        hits: rows in `dwell.hunt.hits.HITS`.
        slow: rules that were broken off on it, or were not put any more, by number.
        failed: rules on which the library failed.
    """

    evidence_id: EvidenceId
    path: str
    size_bytes: int
    hits: list[dict[str, Any]]
    slow: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Say whether every rule came to its end."""
        return not self.slow and not self.failed


@dataclass(slots=True)
class FilesDone:
    """What came of a stretch of work.

    Attributes:
        found: the files that were put to the rules.
        unscanned: those that were not.
    """

    found: list[FileFound] = field(default_factory=list)
    unscanned: list[Unscanned] = field(default_factory=list)


def files_of_interest(register: Sequence[Evidence]) -> list[Evidence]:
    """Give the evidence that is no log: what no source reads, and what says what is so rather than what happened."""
    return sorted(
        (one for one in register if one.source is None or table_of(one.source) not in log_tables()),
        key=lambda one: (one.path, one.evidence_id),
    )


def file_jobs(evidence: Sequence[Evidence], rules: Path, key: str) -> tuple[list[FileJob], list[Unscanned]]:
    """Cut the evidence into stretches of work, each file on disk in one of them.

    Args:
        evidence: what is to be put to the rules.
        rules: where the rules are written down.
        key: names the rules.

    Returns:
        The stretches; what cannot be looked at, and why.
    """
    found: dict[tuple[str, str], list[_Wanted]] = {}
    unscanned: list[Unscanned] = []
    for one in evidence:
        if one.size_bytes > FILE_BYTES_MAX:
            unscanned.append(Unscanned(one.path, f"larger than {FILE_BYTES_MAX:,} bytes"))
            continue
        if not one.size_bytes:
            continue
        held = _first_there(one.places)
        if held is None:
            unscanned.append(Unscanned(one.path, _GONE))
            continue
        path, shown, place = held
        wanted = _Wanted(one.evidence_id, place, one.path, one.host, one.size_bytes)
        found.setdefault((str(path), shown), []).append(wanted)
    files = [(path, shown, tuple(ones)) for (path, shown), ones in sorted(found.items())]
    jobs = [FileJob(rules, key, tuple(files[at : at + JOB_FILES])) for at in range(0, len(files), JOB_FILES)]
    return jobs, unscanned


def _first_there(places: Sequence[EvidencePlace]) -> tuple[Path, str, str] | None:
    """Give the file on disk that holds the first place which is still there, its shown path, and the place."""
    for place in places:
        held = on_disk(place)
        if held is not None:
            inside = place.path.count(CONTAINER_MARK) > held[1].count(CONTAINER_MARK)
            return *held, place.path if inside else held[1]
    return None


@lru_cache(maxsize=2)
def read_rules(path: Path, key: str) -> YaraRules:
    """Read rules that were written down for workers."""
    del key
    return msgspec.json.decode(path.read_bytes(), type=YaraRules)


def put_to_files(job: FileJob) -> FilesDone:
    """Put rules to a stretch of files."""
    rules = read_rules(job.rules, job.key)
    scanner = RuleScanner(rules.units, PLACES_SHOWN)
    out = FilesDone()
    for path, shown, wanted in job.files:
        by_place = {one.place: one for one in wanted}
        done: set[EvidenceId] = set()
        changed: set[EvidenceId] = set()
        with tempfile.TemporaryDirectory(prefix="dwell-") as spool:
            for place, locator in find_each(Path(path), shown, by_place.keys(), Path(spool)):
                one = by_place[place]
                if one.evidence_id in done:
                    continue
                data = _bytes_of(locator, one)
                if data is None:
                    changed.add(one.evidence_id)
                    continue
                done.add(one.evidence_id)
                out.found.append(_put(one, data, scanner, rules))
        close_zips()
        for one in wanted:
            if one.evidence_id not in done:
                why = _CHANGED if one.evidence_id in changed else _GONE
                out.unscanned.append(Unscanned(one.path, why))
    return out


def _bytes_of(locator: Locator, wanted: _Wanted) -> bytes | None:
    """Read a stream; None where it is not what was registered."""
    try:
        with open_locator(locator) as stream:
            data = stream.read(wanted.size_bytes + 1)
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == wanted.evidence_id else None


def _put(one: _Wanted, data: bytes, scanner: RuleScanner, rules: YaraRules) -> FileFound:
    last = PurePosixPath(one.path.rsplit(CONTAINER_MARK, 1)[-1])
    found = scanner.scan(data, {"filename": last.name, "filepath": one.path, "extension": last.suffix})
    hits = [_hit(met, one, data, rules) for met in found.met]
    return FileFound(one.evidence_id, one.path, len(data), hits, [*found.slow, *found.left_out], sorted(found.failed))


def _hit(met: Met, one: _Wanted, data: bytes, rules: YaraRules) -> dict[str, Any]:
    """Give a hit on a file: its strings with their places; it stands at the first of them."""
    info = rules.rules[met.index].info
    told = [(name, offset, length) for name, places in met.strings for offset, length in places.tolist()]
    offsets = sorted({offset for _, offset, _ in told}) or [0]
    return {
        "rule_id": info.id,
        "kind": "rule",
        "title": info.title,
        "level": info.level,
        "window": None,
        "table": WHOLE_FILE,
        "host": one.host or None,
        "client": None,
        "account": None,
        "matched": [f"{name}@{offset}={_shown_bytes(data, offset, length)}" for name, offset, length in told],
        "status": None,
        "count": 1,
        "first_utc": None,
        "last_utc": None,
        "evidence_id": one.evidence_id,
        "record_no": offsets[0],
        "refs": [{"evidence_id": one.evidence_id, "record_no": offset} for offset in offsets[:REFS_MAX]],
    }


def _shown_bytes(data: bytes, offset: int, length: int) -> str:
    """Give bytes as text: UTF-8 where they are, else with the rest written out; cut at `TEXT_BYTES`."""
    raw = data[offset : offset + min(length, TEXT_BYTES)]
    more = "…" if length > TEXT_BYTES else ""
    return raw.decode("utf-8", "backslashreplace") + more


def as_hits(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Give hits as a table."""
    return pa.Table.from_pylist(list(rows), schema=HITS)


def lost_files(job: FileJob) -> FilesDone:
    """Give what is told of a stretch of work on which its process died."""
    why = "the process that looked at it died: lack of memory, or a file made to do that"
    return FilesDone(unscanned=[Unscanned(one.path, why) for _, _, wanted in job.files for one in wanted])


def alone(job: FileJob) -> list[FileJob]:
    """Give a stretch of work file by file, to find the one that its process dies on."""
    return [FileJob(job.rules, job.key, (one,)) for one in job.files]
