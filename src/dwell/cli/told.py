"""What several verbs say after they have brought evidence in or hunted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dwell.cli.talk import Talk
from dwell.errors import EXIT_SOME_UNREADABLE
from dwell.model.claims import RuleStatus

if TYPE_CHECKING:
    from dwell.hunt.hunting import Hunted
    from dwell.intake.ingest import IngestResult

__all__ = ["tell_hunt", "tell_ingest"]

SHOWN = 10


def tell_ingest(result: IngestResult, unreadable: int, talk: Talk) -> int:
    """Say what was read and what was not; give the exit code.

    Args:
        result: what this run did.
        unreadable: stretches of the whole case that could not be read, whichever run met them.
        talk: where it is said.
    """
    talk.note(
        f"{result.files_new:,} files read, {result.files_known:,} known already, {result.records:,} records, "
        f"{result.anomalies:,} unreadable stretches"
    )
    if result.grown:
        talk.note(f"{result.grown:,} files had been read as shorter copies before: only the rest of them was read")
    if result.parts:
        first = result.parts[0].places[0].path
        talk.note(
            f"{len(result.parts):,} files are the beginning of others that are held, and not read twice: {first}, …"
        )
    if result.copies:
        talk.note(f"{result.copies:,} events stand in several copies or exports of one event log: each counts once")
    if result.twice:
        talk.note(f"{result.twice:,} events count twice: what was read before says less of them, so both are kept")
    if result.unlike:
        talk.note(
            f"{result.unlike:,} events have the record number of another and another time or content: both are kept; "
            "see dwell answers, blindspots"
        )
    for file in result.unrecognised[:SHOWN]:
        guesses = "; ".join(file.guesses) or "no guess"
        talk.note(f"not recognised: {file.places[0].path} ({guesses})")
    if len(result.unrecognised) > SHOWN:
        talk.note(f"not recognised: {len(result.unrecognised) - SHOWN:,} more; see dwell ingest --dry-run")
    for fault in result.faults[:SHOWN]:
        talk.note(f"could not be read: {fault.path}: {fault.why}")
    if len(result.faults) > SHOWN:
        talk.note(f"could not be read: {len(result.faults) - SHOWN:,} more")
    for zone, records in sorted(result.zones.items(), key=lambda pair: str(pair[0] or "")):
        if zone is not None:
            talk.note(f"{records:,} records in local time read in {zone.name} (--zone {zone})")
        else:
            talk.note(
                f"{records:,} records in local time read as UTC; a new case with --zone HOST=ZONE puts them right"
            )
    _tell_clocks(result, talk)
    return EXIT_SOME_UNREADABLE if unreadable or result.faults else 0


def _tell_clocks(result: IngestResult, talk: Talk) -> None:
    for one in result.clocks[:SHOWN]:
        which = f"the log {', '.join(one.tables)} of {one.host}" if one.tables else f"the clock of {one.host}"
        way = "ahead" if one.ahead_s > 0 else "behind"
        talk.note(f"{which} is {abs(one.ahead_s):,} s {way} and corrected for it; see dwell answers, blindspots")
    if len(result.clocks) > SHOWN:
        talk.note(f"clocks corrected: {len(result.clocks) - SHOWN:,} stretches more")


def tell_hunt(hunted: Hunted, talk: Talk) -> None:
    """Say what became of the rules."""
    counts = {status: sum(one.status is status for one in hunted.outcomes) for status in RuleStatus}
    told = ", ".join(f"{number:,} {status.value}" for status, number in counts.items() if number)
    records = sum(hunted.hits["count"].to_pylist())
    talk.note(f"{len(hunted.outcomes):,} rules: {told or 'none'}; {records:,} records met")
    if hunted.indicators and all(one.status is RuleStatus.UNSUPPORTED for one in hunted.indicators):
        first = hunted.indicators[0]
        talk.note(f"no indicator was looked for: {first.reason} ({first.path})")
    for fault in hunted.faults[:SHOWN]:
        talk.note(f"rule, indicator or suppression file: {fault}")
    if len(hunted.faults) > SHOWN:
        talk.note(f"rule, indicator or suppression files: {len(hunted.faults) - SHOWN:,} more faults")
