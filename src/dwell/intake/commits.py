"""Making a unit part of the archive, all of it or nothing, whatever interrupts it.

A unit's rows lie in several tables, and each table has a log of its own. So what was staged is written into the custody
log first, in one line; then the tables are committed; then custody says so. A run that stops in between is completed
from that line by the next one (`heal`), from the files that are on the disk already: nothing is read a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dwell.archive.datafile import StagedFile
from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.errors import CustodyError, Place
from dwell.intake.reading import JobResult
from dwell.intake.tables import HOUSE_TABLES
from dwell.sources.registry import source as source_of

__all__ = ["acknowledged", "commit_unit", "heal"]


def commit_unit(case: Case, archive: Archive, result: JobResult) -> None:
    """Make what was staged part of the archive. A unit of which every file failed is read anew by the next run."""
    _record_failures(case, result)
    order = [source_of(result.job.source).table, *HOUSE_TABLES]
    tables = [[name, [one.as_dict() for one in result.staged[name]]] for name in order if result.staged.get(name)]
    if not tables:
        return
    details: dict[str, object] = {
        "transaction": result.job.transaction,
        "tables": tables,
        "records": result.records,
        "anomalies": result.anomalies,
        "failed": sorted(one for one, _, _ in result.failed),
        **({"local_times": result.zones.total()} if result.zones.total() else {}),
    }
    case.record("staged", details)
    _complete(case, archive, details)


def _record_failures(case: Case, result: JobResult) -> None:
    """Write down what could not be read, once for as long as the reason stays the same."""
    if not result.failed:
        return
    told = {
        (one, why)
        for act in case.acts()
        if act.act == "failed"
        for one, why in zip(act.details["evidence"], act.details["why"], strict=True)  # type: ignore[call-overload]
    }
    new = [(one, why) for one, _, why in result.failed if (one, why) not in told]
    if new:
        case.record("failed", {"evidence": [one for one, _ in new], "why": [why for _, why in new]})


def _complete(case: Case, archive: Archive, details: Mapping[str, Any], *, recovered: bool = False) -> None:
    """Commit every table of a staged unit that is not committed yet, and write it down."""
    versions: dict[str, list[object]] = {}
    for name, files in details["tables"]:
        commit = archive.commit(name, [StagedFile(**one) for one in files], details["transaction"])
        versions[name] = [commit.version, commit.sha256]
    told = {
        key: details[key] for key in ("transaction", "records", "anomalies", "failed", "local_times") if key in details
    }
    case.record("commit", {**told, "tables": versions, **({"recovered": True} if recovered else {})})


def acknowledged(case: Case) -> dict[str, dict[int, str]]:
    """Give the hash of every commit file that custody knows, by table and version."""
    known: dict[str, dict[int, str]] = {}
    for act in case.acts():
        if act.act == "commit":
            for table, (version, digest) in act.details["tables"].items():  # type: ignore[attr-defined]
                known.setdefault(table, {})[int(version)] = str(digest)
    return known


def heal(case: Case, archive: Archive) -> None:
    """After an interrupted run: complete what was staged, and clear away files that no commit names.

    Raises:
        CustodyError: the archive lacks a commit that custody knows, or holds one that it does not.
    """
    known = acknowledged(case)
    finished = {act.details["transaction"] for act in case.acts() if act.act in {"commit", "abandoned"}}
    staged = {
        str(act.details["transaction"]): act.details
        for act in case.acts()
        if act.act == "staged" and act.details["transaction"] not in finished
    }
    for table in sorted({*archive.tables(), *known}):
        removed = archive.log(table).drop_unfinished(len(known.get(table, {})))
        if removed is not None:
            case.record("recovered", {"what": f"an empty last commit of table {table} was removed"})
        _compare(archive, table, known.get(table, {}), set(staged))
    for transaction, details in staged.items():
        tables = [(name, [StagedFile(**one) for one in files]) for name, files in details["tables"]]  # type: ignore[attr-defined]
        if all(archive.intact(name, files) for name, files in tables):
            _complete(case, archive, details, recovered=True)
        elif not any(archive.has(name, transaction) for name, _ in tables):
            case.record("abandoned", {"transaction": transaction, "why": "its staged files are not whole"})
        else:
            raise CustodyError(
                "a unit is committed in part and its staged files are not whole",
                place=Place(archive.root),
                remedy="Restore the case folder from its copy, or ingest the evidence anew",
            )
    for path in archive.unregistered():
        path.unlink(missing_ok=True)


def _compare(archive: Archive, table: str, known: Mapping[int, str], staged: set[str]) -> None:
    """Hold a table's commits against those that custody knows, before anything is cleared away."""
    commits = {commit.version: commit for commit in archive.log(table).commits()}
    for version, digest in sorted(known.items()):
        path = archive.log(table).log_folder / f"{version:020}.json"
        if version not in commits or commits[version].sha256 != digest:
            what = "is missing" if version not in commits else "is not what was written"
            raise CustodyError(
                f"commit {version} of table {table} {what}",
                place=Place(path),
                remedy="Restore the case folder from its copy, or ingest the evidence anew",
            )
    for version, commit in sorted(commits.items()):
        if version not in known and commit.transaction not in staged:
            raise CustodyError(
                f"commit {version} of table {table} was not made by this case",
                place=Place(commit.log_path),
                remedy="Something else wrote into the archive; restore the case folder from its copy",
            )
