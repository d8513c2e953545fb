"""`dwell sources`, `dwell identify` and `dwell peek`: what is read, what a file is, and how it would be stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dwell import api
from dwell.cli.options import evidence_argument, output_options, talk_options
from dwell.cli.output import Form, Output
from dwell.cli.plain import plain
from dwell.cli.talk import Talk
from dwell.errors import NoEvidenceError
from dwell.safe.jsontext import Json
from dwell.safe.sheet import csv_text
from dwell.safe.terminal import terminal, terminal_limited

if TYPE_CHECKING:
    from dwell.intake.peeking import Peek

__all__ = ["COMMANDS"]

ROW_MAX = 600


@click.command(name="sources")
@click.argument("key", required=False)
@output_options((Form.TEXT, Form.JSON, Form.JSONL, Form.CSV))
@talk_options
def sources(key: str | None, *, output: Output, talk: Talk) -> int:
    """List the formats that are read, or tell all about one.

    *Trust* says which fields an outsider can write, *silence* what it means that there is no record.

    \b
    dwell sources
    dwell sources iis
    dwell sources -t csv -o sources.csv
    """
    del talk
    found = api.sources(key)
    names = [one.lower() for one in ("Source", "Time", "Units", "Trust", "Silence")]
    rows: list[dict[str, Json]] = [
        {
            "key": one.key,
            "title": one.title,
            "table": one.table,
            "unit": one.unit,
            "is_log": one.is_log,
            "instants": one.instants or None,
            "fields": list(one.fields),
            **{name: one.sections.get(name.capitalize()) for name in names},
        }
        for one in found
    ]
    if output.form is Form.CSV:
        columns = [one for one in rows[0] if one not in {"is_log", "fields"}]
        output.write(csv_text(columns, ([str(row[name] or "") for name in columns] for row in rows)))
    elif output.form is not Form.TEXT:
        output.rows(rows)
    elif key is None:
        wide = max(len(one.key) for one in found)
        output.write("".join(f"{one.key:<{wide}}  {one.title}\n" for one in found))
    else:
        one = found[0]
        parts = [f"{one.title} ({one.key}), table {one.table}, numbered by {one.unit}", one.about]
        parts += [f"{head}: {text}" for head, text in one.sections.items()]
        parts += [f"Instants: {one.instants}"] if one.instants else []
        parts.append("Fields: " + ", ".join(one.fields))
        output.write("\n\n".join(terminal_lines(part) for part in parts) + "\n")
    return 0


def terminal_lines(text: str) -> str:
    """Make text of several lines harmless, line by line."""
    return "\n".join(terminal(line) for line in text.splitlines())


@click.command(name="identify")
@evidence_argument()
@output_options((Form.TEXT, Form.JSON, Form.JSONL))
@talk_options
def identify(evidence: tuple[Path, ...], *, output: Output, talk: Talk) -> int:
    """Say what files are, and why; nothing is read beyond what that takes, and nothing is written.

    Ends with 10 where nothing is recognised.

    \b
    dwell identify u_ex210301.log audit.zip
    dwell identify /media/handover -t jsonl
    """
    plan = api.plan(evidence, progress=talk.progress)
    talk.close()
    rows: list[dict[str, Json]] = [
        {
            "path": file.places[0].path,
            "source": file.source,
            "guesses": list(file.guesses),
            "host": file.host or None,
            "host_why": file.host_why or None,
            "size_bytes": file.size_bytes,
            "sha256": file.evidence_id,
        }
        for file in plan.files
    ]
    if output.form is Form.TEXT:
        lines = []
        for file in plan.files:
            why = "; ".join(file.guesses) or "no source knows it"
            lines.append(terminal(f"{file.places[0].path}: {file.source or 'not recognised'}"))
            lines.append(terminal(f"   {why}" + (f"; host {file.host}: {file.host_why}" if file.host else "")))
        lines += [terminal(f"{one.path}: cannot be looked at: {one.why}") for one in plan.faults]
        output.write("".join(f"{line}\n" for line in lines))
    else:
        output.rows(rows)
    return 0 if plan.readable else NoEvidenceError.exit_code


def _shown(one: Peek) -> str:
    lines = [terminal(f"{one.file.places[0].path}: {one.file.source or 'not recognised'}")]
    if one.fault:
        lines.append(terminal(f"   cannot be read: {one.fault}"))
    lines += [terminal(f"   instants of {count:,} rows: {words}") for words, count in one.dated]
    for row in one.rows:
        cells = " ".join(f"{key}={value}" for key, value in row.items())
        lines.append("   " + terminal_limited(cells, ROW_MAX))
    for anomaly in one.anomalies:
        kept = anomaly.kept.decode("utf-8", errors="backslashreplace")
        lines.append(terminal(f"   unreadable, number {anomaly.record_no}: {anomaly.kind.value}: {anomaly.detail}"))
        lines.append("      " + terminal_limited(kept, ROW_MAX) if kept else "      no byte")
    return "\n".join(lines) + "\n"


@click.command(name="peek")
@evidence_argument()
@click.option("--rows", type=click.IntRange(min=1), default=5, show_default=True, help="Rows to show of each file.")
@output_options((Form.TEXT, Form.JSON, Form.JSONL))
@talk_options
def peek(evidence: tuple[Path, ...], *, rows: int, output: Output, talk: Talk) -> int:
    """Show the first rows of files as they would be stored, and what could not be read among them.

    \b
    dwell peek u_ex210301.log
    dwell peek handover.zip --rows 2 -t jsonl
    """
    del talk
    found = list(api.peek(evidence, rows))
    if output.form is Form.TEXT:
        output.write("".join(_shown(one) for one in found))
    else:
        listed: list[dict[str, Json]] = [
            {
                "path": one.file.places[0].path,
                "source": one.file.source,
                "fault": one.fault or None,
                "instants": [{"dated": words, "rows": count} for words, count in one.dated],
                "rows": [plain(row) for row in one.rows],
                "anomalies": [
                    {
                        "kind": anomaly.kind.value,
                        "record_no": anomaly.record_no,
                        "offset_bytes": anomaly.offset_bytes,
                        "length_bytes": anomaly.length_bytes,
                        "detail": anomaly.detail,
                    }
                    for anomaly in one.anomalies
                ],
            }
            for one in found
        ]
        output.rows(listed)
    return 0 if any(one.file.source for one in found) else NoEvidenceError.exit_code


COMMANDS = {"sources": sources, "identify": identify, "peek": peek}
