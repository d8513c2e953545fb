"""`dwell ingest`: bring evidence into a case, or say what would be brought in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dwell import api
from dwell.cli.options import (
    case_option,
    evidence_argument,
    output_options,
    talk_options,
    trusted_hop_option,
    workers_option,
    zone_option,
)
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.cli.told import tell_ingest
from dwell.intake.hosts import folder_for_host
from dwell.safe.jsontext import Json
from dwell.safe.terminal import terminal

if TYPE_CHECKING:
    from dwell.intake.foreseen import Foreseen
    from dwell.intake.plan import Plan, PlannedFile

__all__ = ["COMMANDS"]


FOLDERS_MAX = 10
"""So many folders whose logs name no host are named."""


def _plan_rows(plan: Plan, foreseen: Foreseen) -> list[dict[str, Json]]:
    rows: list[dict[str, Json]] = [
        {
            "path": file.places[0].path,
            "source": file.source,
            "size_bytes": file.size_bytes,
            "sha256": file.evidence_id,
            "host": file.host or None,
            "host_why": file.host_why or None,
            "local_time": file.local_time,
            "guesses": list(file.guesses),
            "also_at": [one.path for one in file.places[1:]],
            "held": file.evidence_id in foreseen.held,
            "within": foreseen.within.get(file.evidence_id),
            "after": foreseen.after.get(file.evidence_id),
            "read": file.source is not None and file.evidence_id not in foreseen.left_out,
            "fault": None,
        }
        for file in plan.files
    ]
    rows += [{"path": one.path, "source": None, "fault": one.why} for one in plan.faults]
    return rows


def _left_out(file: PlannedFile, foreseen: Foreseen) -> str:
    """Say what of a file would not be read, or be counted once for another's sake."""
    one = file.evidence_id
    if one in foreseen.held:
        return ", read before"
    if one in foreseen.within:
        return f", the beginning of {foreseen.within[one]}: counts once, there"
    if one in foreseen.again:
        return f", begins as {foreseen.after[one]}, read before: what stands in both would count twice"
    if one in foreseen.after and one in foreseen.events:
        return f", begins as {foreseen.after[one]}, read before: events that stand in both count once"
    if one in foreseen.after:
        return f", begins as {foreseen.after[one]}, read before: only the rest would be read"
    return ""


def _plan_text(plan: Plan, foreseen: Foreseen) -> str:
    lines = []
    for file in plan.files:
        what = f"{file.source}" if file.source else "not recognised: " + ("; ".join(file.guesses) or "no guess")
        host = f", host {file.host} ({file.host_why})" if file.host else ", host unknown by its path" * file.is_log
        also = f", and {len(file.places) - 1} more places" if len(file.places) > 1 else ""
        local = ", local time without a zone" if file.local_time else ""
        out = _left_out(file, foreseen)
        lines.append(terminal(f"{file.places[0].path}: {what}, {file.size_bytes:,} bytes{host}{local}{also}{out}"))
    lines += [terminal(f"{one.path}: cannot be read: {one.why}") for one in plan.faults]
    unnamed = [one for one in plan.readable if one.is_log and not one.host]
    if unnamed:
        folders = sorted({folder_for_host(one.places[0].path, one.places[0].root) or "no folder" for one in unnamed})
        more = f" and {len(folders) - FOLDERS_MAX:,} more" if len(folders) > FOLDERS_MAX else ""
        lines.append(
            terminal(
                f"{len(unnamed):,} logs are in no folder that names a host; those whose records name none either are told "
                f"apart by folder: {', '.join(folders[:FOLDERS_MAX])}{more}"
            )
        )
    if len(foreseen.events) > 1 or (foreseen.events and foreseen.held):
        lines.append(
            f"{len(foreseen.events):,} files hold Windows events: those that stand in several files, or in the case "
            "already, count once; which these are shows when they are read"
        )
    readable = sum(one.evidence_id not in foreseen.left_out for one in plan.readable)
    lines.append(f"{readable:,} of {len(plan.files):,} files would be read; nothing was written")
    return "\n".join(lines) + "\n"


@click.command(name="ingest")
@evidence_argument()
@case_option
@click.option(
    "--dry-run", is_flag=True, help="Say what would be read, what is a copy, what is not recognised; write nothing."
)
@zone_option
@trusted_hop_option
@workers_option
@output_options((Form.TEXT, Form.JSON, Form.JSONL))
@talk_options
def ingest(
    evidence: tuple[Path, ...],
    case: Path,
    *,
    dry_run: bool,
    zones: tuple[str, ...],
    trusted_hops: tuple[str, ...],
    workers: int | None,
    output: Output,
    talk: Talk,
) -> int:
    """Bring evidence into a case.

    EVIDENCE are folders and files; containers are opened, originals are only read. An interrupted run goes on where it
    stopped, and evidence that is held already is not read again.

    \b
    dwell ingest /media/handover -c case
    dwell ingest /media/handover --dry-run -t jsonl
    dwell ingest /media/handover -c case --zone 'EX*=Europe/Brussels' --trusted-hop 192.0.2.0/24
    """
    if dry_run:
        plan, foreseen = api.dry_run(evidence, case, progress=talk.progress)
        talk.close()
        if output.form is Form.TEXT:
            output.write(_plan_text(plan, foreseen))
        else:
            output.rows(_plan_rows(plan, foreseen))
        return 0
    settings = {"workers": workers, "zones": list(zones), "trusted_hops": list(trusted_hops)}
    result = api.ingest(
        case,
        evidence,
        zones=zones,
        trusted_hops=trusted_hops,
        workers=workers,
        settings=settings,
        progress=talk.progress,
    )
    return tell_ingest(result, api.stock(case).anomalies, talk)


COMMANDS = {"ingest": ingest}
