"""What is read of evidence, and what is asked of records: plan, ingest, search, verify."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dwell.api.progress import Progress, quiet
from dwell.casebook.case import Case
from dwell.casebook.trusted_hops import hops_of, settle_hops
from dwell.engine import machine
from dwell.errors import CaseError, NoEvidenceError, Place, UsageError
from dwell.model.provenance import EvidenceId

if TYPE_CHECKING:
    from dwell.intake.first_seen import Seen
    from dwell.intake.foreseen import Foreseen
    from dwell.intake.ingest import IngestResult
    from dwell.intake.peeking import Peek
    from dwell.intake.plan import Plan
    from dwell.intake.searching import SearchResult
    from dwell.intake.stock import Stock
    from dwell.intake.verifying import Finding
    from dwell.sources.pages import Page


__all__ = [
    "doctor",
    "dry_run",
    "evidence_names",
    "first_seen",
    "ingest",
    "peek",
    "plan",
    "search",
    "sources",
    "stock",
    "verify",
]


def plan(paths: Sequence[Path], case: Path | None = None, *, progress: Progress = quiet) -> Plan:
    """Say what lies in folders and what is not recognised; nothing is written.

    Args:
        paths: folders and files.
        case: the case that would take it; need not exist.
        progress: told how far it is.
    """
    from dwell.intake import ingest as intake

    held = Case(case) if case is not None and case.exists() else None
    return intake.plan(held, paths, progress)


def dry_run(paths: Sequence[Path], case: Path | None = None, *, progress: Progress = quiet) -> tuple[Plan, Foreseen]:
    """Say what an ingest would read, and leave out as held or as a copy; arguments as for `plan`. Nothing is written."""
    from dwell.intake import ingest as intake

    return intake.dry_run(Case(case) if case is not None and case.exists() else None, paths, progress)


def sources(key: str | None = None) -> list[Page]:
    """Give the formats that are read, in the order in which they are asked; one only where a key is given.

    Args:
        key: a source's key.

    Raises:
        UsageError: no source has that key.
    """
    from dwell.sources.pages import page_of
    from dwell.sources.registry import SOURCES

    found = [page_of(one) for one in SOURCES if key is None or one.key == key]
    if not found:
        raise UsageError(f"no source is called {key!r}", remedy="dwell sources lists them")
    return found


def peek(paths: Sequence[Path], count: int) -> Iterator[Peek]:
    """Look into files without a case: the first rows as they would be stored.

    Args:
        paths: files and folders.
        count: rows to give of each file.
    """
    from dwell.intake.peeking import peek as run_peek

    yield from run_peek(tuple(paths), count)


def ingest(
    case: Path,
    paths: Sequence[Path],
    *,
    zones: Sequence[str] = (),
    trusted_hops: Sequence[str] = (),
    workers: int | None = None,
    settings: Mapping[str, object] | None = None,
    progress: Progress = quiet,
) -> IngestResult:
    """Bring evidence into a case, making the case where there is none.

    Args:
        case: the case folder.
        paths: folders and files.
        zones: `HOST=ZONE`, for hosts whose logs are in local time without a zone.
        trusted_hops: public ranges of proxies of our own; those given last stand, and `none` takes them back.
        workers: processes.
        settings: effective settings, for the custody log.
        progress: told how far it is.

    Raises:
        NoEvidenceError: nothing was recognised as evidence.
        CaseError: the folder is something else, of another version, or locked.
        UsageError: there is no such zone or range, or the case was read in another zone.
        DiskFullError: no room left; run again to go on.
    """
    from dwell.intake import ingest as intake
    from dwell.intake.zones import zones_of

    settled, hops = zones_of(zones), hops_of(trusted_hops)
    if not any(one.exists() for one in paths):
        shown = ", ".join(str(one) for one in paths)
        raise NoEvidenceError(
            f"there is no such file or folder: {shown}", remedy="Give a folder that holds logs or exports"
        )
    held = Case.create(case)
    with held.writing():
        held.record_command(settings or {})
        settle_hops(held, hops)
        return intake.ingest(held, paths, zones=settled, workers=workers, progress=progress)


def stock(case: Path) -> Stock:
    """Count what a case holds: its files, their records, what could not be read.

    Args:
        case: the case folder.

    Raises:
        CaseError: the folder is no case, or of another version.
        CustodyError: a table is not what was written.
    """
    from dwell.intake.ingest import open_archive
    from dwell.intake.stock import stock as take_stock

    held = Case.open(case)
    return take_stock(held, open_archive(held))


def evidence_names(case: Path) -> dict[EvidenceId, str]:
    """Give the first path of each piece of evidence of a case.

    Args:
        case: the case folder.

    Raises:
        CaseError: the folder is no case, or of another version.
    """
    return {key: item.path for key, item in Case.open(case).register().items()}


def search(
    case: Path, terms: Sequence[str], *, limit: int, workers: int | None = None, progress: Progress = quiet
) -> SearchResult:
    """Look for rows in all tables.

    Args:
        case: the case folder.
        terms: `column:value` with `*`, networks for addresses, `after:` and `before:`, or bare words; one text may
            hold several.
        limit: rows to give; all are counted.
        workers: processes.
        progress: told how far it is.

    Raises:
        UsageError: a term cannot be read.
        CaseError: the folder is no case, or of another version.
    """
    from dwell.intake.ingest import open_archive
    from dwell.intake.searching import search as run_search
    from dwell.intake.terms import cut

    return run_search(
        open_archive(Case.open(case)),
        [one for text in terms for one in cut(text)],
        limit,
        workers=workers,
        progress=lambda done, total: progress("searching", "", done, total),
    )


def first_seen(case: Path, value: str) -> tuple[Seen, ...]:
    """Say when a value was first and last seen, by column.

    Args:
        case: the case folder.
        value: the whole value of a column or of a field of an event, as logged; letter case does not count, an address
            may be spelled in any way, and what keeps a value from being clicked (`[.]`, `hxxp`) is undone.

    Raises:
        CaseError: the folder is no case, or of another version.
        CustodyError: a table is not what was written.
    """
    from dwell.hunt.indicators.indicator import refanged
    from dwell.intake.first_seen import first_seen as find_first_seen
    from dwell.intake.ingest import open_archive

    held = Case.open(case)
    return find_first_seen(open_archive(held), value, held.cache("held"), also=[refanged(value)])


def verify(case: Path) -> Iterator[Finding]:
    """Hash the evidence and everything made of it again; yield what was found, good and bad.

    Args:
        case: the case folder.

    Raises:
        CaseError: the folder is no case, or of another version.
    """
    from dwell.intake.verifying import verify as run_verify

    if not case.is_dir():
        raise CaseError("there is no such case folder", place=Place(case), remedy="Give the folder of a case with -c")
    yield from run_verify(Case.open(case))


def doctor(case: Path, evidence: Sequence[Path] = ()) -> Iterator[machine.Check]:
    """Look at everything that an investigation needs on this machine.

    Args:
        case: the case folder, made or to be made.
        evidence: what is to be brought in.
    """
    yield from machine.checks(case, tuple(evidence))
