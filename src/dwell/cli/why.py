"""`dwell why`: walk a claim back to the bytes of the evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dwell import api
from dwell.cli.options import case_option, output_options, talk_options, workers_option
from dwell.cli.output import Form, Output
from dwell.cli.plain import plain
from dwell.cli.talk import Talk
from dwell.model.instants import AS_WRITTEN
from dwell.report.explanations import explanations_lines
from dwell.report.summary_json import lead_object
from dwell.safe.jsontext import Json, json_text
from dwell.safe.terminal import terminal, terminal_limited

if TYPE_CHECKING:
    from dwell.api import Why
    from dwell.intake.lookup import FoundRecord

__all__ = ["COMMANDS"]

RAW_MAX = 2_000
ALSO_MAX = 5
"""So many further places of a record are named in the text."""


def _raw(found: FoundRecord) -> str | None:
    return None if found.raw is None else found.raw.decode("utf-8", errors="backslashreplace")


def _object(found: Why) -> dict[str, Json]:
    claim = found.claim
    return {
        "id": found.id,
        "text": found.text,
        "grade": claim.grade.value if claim else None,
        "coverage": claim.coverage.share if claim and claim.coverage else None,
        "coverage_why": claim.coverage.why if claim and claim.coverage else None,
        "against": list(claim.against) if claim else [],
        "estimate": claim.estimate.told if claim and claim.estimate else None,
        "assumptions": list(claim.assumptions) if claim else [],
        "would_change": list(claim.would_change) if claim else [],
        "lead": lead_object(found.lead) if found.lead is not None else None,
        "records_total": found.total,
        "records": [
            {
                "table": one.ref.table,
                "evidence_id": one.ref.evidence_id,
                "record_no": one.ref.record_no,
                "path": one.path,
                "root": one.root,
                "unit": one.unit,
                "offset_bytes": one.offset_bytes,
                "state": one.state.value,
                "also_at": [f"{each.root}: {each.path}" for each in one.also],
                "same_event": [
                    {
                        "evidence_id": each.ref.evidence_id,
                        "record_no": each.ref.record_no,
                        "path": each.place.path,
                        "root": each.place.root,
                        "counts": each.counts,
                    }
                    for each in one.others
                ],
                "dated": list(one.dated),
                "raw": _raw(one),
                "row": plain(one.row),
            }
            for one in found.records
        ],
    }


def _others(found: FoundRecord) -> list[str]:
    """Say where the same event stands in other copies and exports of its log."""
    if not found.others:
        return []
    told = [f"{one.place.path}, record {one.ref.record_no}" for one in found.others if not one.counts]
    counted = [f"{one.place.path}, record {one.ref.record_no}" for one in found.others if one.counts]
    out = [f"the same event is counted as {'; '.join(counted[:1])}"] if counted else []
    if told:
        more = f"; and {len(told) - ALSO_MAX} more" if len(told) > ALSO_MAX else ""
        out.append(f"the same event stands in {'; '.join(told[:ALSO_MAX])}{more}")
    return out


def _instant(found: FoundRecord) -> list[str]:
    """Say when it was in UTC, how that was told, and what the record's clock said where it was corrected."""
    row = found.row or {}
    if not found.dated:
        return []
    at, written = row.get("time_utc"), row.get(AS_WRITTEN)
    told = f"{at or 'no instant'} ({' or '.join(found.dated)})" + (f", written as {written}" if written else "")
    return [terminal(f"   at {told}")]


def _text(found: Why) -> str:
    lines = [terminal(f"{found.id}: {found.text}")]
    claim = found.claim
    if claim is not None:
        lines.append(f"grade: {claim.grade.value}")
        if claim.coverage is not None:
            lines.append(terminal(f"coverage: {claim.coverage.share} ({claim.coverage.why})"))
        lines += [terminal(f"against: {one}") for one in claim.against]
        lines += [f"judged: {claim.estimate.told}"] if claim.estimate is not None else []
        lines += [terminal(f"assumes: {one}") for one in claim.assumptions]
        lines += [terminal(f"would change it: {one}") for one in claim.would_change]
    if found.lead is not None:
        lines += [terminal(one) for one in explanations_lines(found.lead)]
    lines.append(f"rests on {found.total:,} records; {len(found.records):,} shown")
    for place, one in enumerate(found.records, 1):
        at = f", byte {one.offset_bytes:,}" if one.offset_bytes is not None else ""
        begun = "from " if one.unit == "byte" else ""
        lines.append(terminal(f"{place}. {one.path}, {begun}{one.unit} {one.ref.record_no}{at}"))
        lines.append(terminal(f"   sha256 {one.sha256}, {one.state.value}, under {one.root}"))
        if one.also:
            more = f", and {len(one.also) - ALSO_MAX} more" if len(one.also) > ALSO_MAX else ""
            lines.append(terminal(f"   also in {', '.join(each.path for each in one.also[:ALSO_MAX])}{more}"))
        lines += [terminal(f"   {told}") for told in _others(one)]
        lines += _instant(one)
        raw = _raw(one)
        if raw is not None:
            lines.append("   " + terminal_limited(raw, RAW_MAX))
        elif one.row is not None:
            cells = " ".join(f"{key}={value}" for key, value in one.row.items())
            lines.append("   " + terminal_limited(cells, RAW_MAX))
    return "\n".join(lines) + "\n"


@click.command(name="why")
@click.argument("wanted", metavar="ID")
@case_option
@workers_option
@output_options((Form.TEXT, Form.JSON))
@talk_options
def why(wanted: str, case: Path, *, workers: int | None, output: Output, talk: Talk) -> int:
    """Walk a claim back to the bytes of the evidence.

    ID is a claim (`entry-1`), an intrusion (`I1`), a lead (`lead-3`), a mailbox, or a record as `dwell search` names it.
    The original evidence is opened again, hashed, and the record cut out of it.

    \b
    dwell why mailboxes-1 -c case
    dwell why minister@gov.example -c case -t json
    """
    found = api.why(case, wanted, workers=workers, progress=talk.progress)
    talk.close()
    output.write(json_text(_object(found)) if output.form is Form.JSON else _text(found))
    return 0


COMMANDS = {"why": why}
