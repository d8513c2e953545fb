"""Verifying a case: is the evidence, and is everything that was made of it, still what was registered?

The custody log is the measure: it holds the hash of every piece of evidence, data file, lexicon, index and commit file,
and it is chained. So the log is checked first, and nothing else is asked what the truth is.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dwell.archive.datafile import DataFile, StagedFile
from dwell.casebook.case import Case
from dwell.casebook.evidence import EvidencePlace
from dwell.errors import CustodyError
from dwell.intake.commits import acknowledged
from dwell.intake.places import on_disk
from dwell.intake.walk import Stream, Walk
from dwell.model.provenance import EvidenceId

__all__ = ["Checked", "Finding", "State", "verify"]


class Checked(StrEnum):
    """What was checked."""

    CUSTODY = "custody"
    COMMIT = "commit"
    TABLE = "table"
    LEXICON = "lexicon"
    EVIDENCE = "evidence"


class State(StrEnum):
    """What came of it. Only AS_REGISTERED is a pass."""

    AS_REGISTERED = "as registered"
    CHANGED = "changed"
    MISSING = "missing"
    UNKNOWN = "unknown"
    """There is a file that nothing registered."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked.

    Attributes:
        what: what sort of thing.
        path: for evidence as registered, containers marked; for the rest relative to the case folder.
        state: what came of it.
        detail: more, in our words; for evidence the folder it was found in.
    """

    what: Checked
    path: str
    state: State
    detail: str = ""

    @property
    def good(self) -> bool:
        """Say whether it is as registered."""
        return self.state is State.AS_REGISTERED


def verify(case: Case) -> Iterator[Finding]:
    """Hash everything again and yield what was found, good and bad, one finding a file.

    Evidence is looked for in every place where it was found. Nothing is written to the case or to the evidence.

    Raises:
        CaseError: the folder is no case, or of another version.
        DiskFullError: no room for what has to be unpacked.
    """
    case = Case.open(case.root)
    name = case.custody.path.name
    try:
        acts = case.acts()
    except CustodyError as fault:
        yield Finding(Checked.CUSTODY, str(fault.place.path if fault.place else name), State.CHANGED, str(fault))
        return
    yield Finding(Checked.CUSTODY, name, State.AS_REGISTERED, f"{len(acts)} acts")
    yield from _commits(case)
    yield from _tables(case)
    yield from _evidence(case)


def _file(case: Case, what: Checked, path: Path, sha256: str) -> Finding:
    shown = path.relative_to(case.root).as_posix()
    try:
        with path.open("rb") as handle:
            found = hashlib.file_digest(handle, "sha256").hexdigest()
    except FileNotFoundError:
        return Finding(what, shown, State.MISSING)
    except OSError as fault:
        return Finding(what, shown, State.MISSING, fault.strerror or "cannot be read")
    if found != sha256:
        return Finding(what, shown, State.CHANGED, "its SHA-256 differs from what was written")
    return Finding(what, shown, State.AS_REGISTERED)


def _staged(case: Case) -> Iterator[Mapping[str, object]]:
    """Yield the units that were staged and are, or will be, part of the archive."""
    left = {act.details["transaction"] for act in case.acts() if act.act == "abandoned"}
    for act in case.acts():
        if act.act == "staged" and act.details["transaction"] not in left:
            yield act.details


def _commits(case: Case) -> Iterator[Finding]:
    known = acknowledged(case)
    finished = {act.details["transaction"] for act in case.acts() if act.act == "commit"}
    # a run that was stopped may have made commits that it could not write down any more
    under_way = [one for one in _staged(case) if one["transaction"] not in finished]
    spare = {str(name) for one in under_way for name, _ in one["tables"]}  # type: ignore[attr-defined]
    tables = {path.name for path in case.archive_root.iterdir()} if case.archive_root.is_dir() else set()
    for table in sorted(tables | set(known)):
        log = case.archive_root / table / "_delta_log"
        for version, digest in sorted(known.get(table, {}).items()):
            yield _file(case, Checked.COMMIT, log / f"{version:020}.json", digest)
        named = {f"{version:020}.json" for version in known.get(table, {})}
        for path in sorted(log.glob("*.json")) if log.is_dir() else []:
            if path.name not in named and table not in spare:
                shown = path.relative_to(case.root).as_posix()
                yield Finding(Checked.COMMIT, shown, State.UNKNOWN, "the custody log does not know this commit")


def _tables(case: Case) -> Iterator[Finding]:
    for unit in _staged(case):
        for table, files in unit["tables"]:  # type: ignore[attr-defined]
            folder = case.archive_root / str(table)
            for one in files:
                kinds = (Checked.TABLE, Checked.LEXICON, Checked.LEXICON)
                written = DataFile(str(table), folder, StagedFile(**one)).written()
                for kind, (path, sha256) in zip(kinds, written, strict=False):
                    yield _file(case, kind, path, sha256)


class _Comparer:
    """Holds what a walk finds against what was registered."""

    def __init__(
        self, wanted: Mapping[str, set[EvidenceId]], root: str, wholes: Mapping[EvidenceId, set[EvidenceId]]
    ) -> None:
        self.wanted = wanted
        self.root = root
        self.wholes = wholes
        self.met: dict[str, set[EvidenceId]] = {}
        self.told: dict[str, str] = {}

    def stream(self, found: Stream) -> None:
        self.met.setdefault(found.shown, set()).add(found.evidence_id)

    def container(self, path: str, root: str, sha256: str, size_bytes: int) -> None:
        del root, size_bytes
        self.met.setdefault(path, set()).add(EvidenceId(sha256))

    def fault(self, path: str, root: str, why: str) -> None:
        del root
        self.told[path] = why

    def findings(self) -> Iterator[Finding]:
        for path, wanted in sorted(self.wanted.items()):
            met = self.met.get(path, set())
            for _ in sorted(wanted & met):
                yield Finding(Checked.EVIDENCE, path, State.AS_REGISTERED, self.root)
            for one in sorted(wanted - met):
                if self.wholes.get(one, set()) & wanted & met:
                    detail = f"it has grown since, and is registered as it is now as well (in {self.root})"
                    yield Finding(Checked.EVIDENCE, path, State.AS_REGISTERED, detail)
                elif met - wanted:
                    yield Finding(Checked.EVIDENCE, path, State.CHANGED, f"its SHA-256 differs (in {self.root})")
                else:
                    yield Finding(Checked.EVIDENCE, path, State.MISSING, self._why(path))

    def _why(self, path: str) -> str:
        """Give the reason that the walk told for the path, or for a container around it."""
        told = [why for at, why in sorted(self.told.items()) if path == at or path.startswith(f"{at}!")]
        return f"{told[0]} (in {self.root})" if told else f"not found in {self.root}"


def _evidence(case: Case) -> Iterator[Finding]:
    below: dict[tuple[str, Path, str], dict[str, set[EvidenceId]]] = {}
    registered = [(place, item.evidence_id) for item in case.register().values() for place in item.places]
    registered += [(one.place, EvidenceId(one.sha256)) for one in sorted(case.containers())]
    for place, evidence_id in registered:
        found = _located(place)
        if found is None:
            yield Finding(Checked.EVIDENCE, place.path, State.MISSING, f"not found in {place.root}")
        else:
            below.setdefault((place.root, *found), {}).setdefault(place.path, set()).add(evidence_id)
    wholes = _wholes(case)
    for (root, path, shown), wanted in sorted(below.items()):
        comparer = _Comparer(wanted, root, wholes)
        with tempfile.TemporaryDirectory(prefix="dwell-") as spool:
            Walk(Path(spool), comparer, keep=False).file(path, shown, root)
        yield from comparer.findings()


def _wholes(case: Case) -> dict[EvidenceId, set[EvidenceId]]:
    """Give all longer copies of each log of which there are any: their bytes begin with its own."""
    out: dict[EvidenceId, set[EvidenceId]] = {}
    grown = case.growths()
    for whole in grown:
        shorter = grown.get(whole)
        while shorter is not None:
            out.setdefault(shorter.part, set()).add(whole)
            shorter = grown.get(shorter.part)
    return out


def _located(place: EvidencePlace) -> tuple[Path, str] | None:
    try:
        return on_disk(place)
    except (OSError, ValueError):
        return None
