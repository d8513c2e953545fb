"""`dwell hunt`: run rules and indicators over everything held."""

from __future__ import annotations

from pathlib import Path

import click
import pyarrow as pa

from dwell import api
from dwell.cli.options import FOLDER, case_option, lists_option, output_options, talk_options, workers_option
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.cli.told import tell_hunt
from dwell.errors import RuleFileError
from dwell.hunt.hunting import Hunted
from dwell.model.instants import utc_from_us, utc_text
from dwell.safe.jsontext import Json
from dwell.safe.sheet import csv_text
from dwell.safe.terminal import terminal, terminal_limited

__all__ = ["COMMANDS"]

MATCHED_MAX = 100


def _rows(hunted: Hunted) -> list[dict[str, Json]]:
    """Give the groups of hits, each with its rule's author and licence."""
    times = {
        one: [None if at is None else utc_text(utc_from_us(at)) for at in hunted.hits[one].cast(pa.int64()).to_pylist()]
        for one in ("first_utc", "last_utc")
    }
    out: list[dict[str, Json]] = []
    for place, row in enumerate(hunted.hits.drop(["first_utc", "last_utc"]).to_pylist()):
        rule = hunted.rules.get(row["rule_id"])
        refs = [{"table": row["table"], **one} for one in row["refs"]]
        out.append(
            {
                "rule_id": row["rule_id"],
                "title": row["title"],
                "kind": row["kind"],
                "level": row["level"],
                "author": rule.author if rule else None,
                "licence": rule.licence if rule else None,
                "window": row["window"],
                "table": row["table"],
                "host": row["host"],
                "client": row["client"],
                "account": row["account"],
                "status": row["status"],
                "count": row["count"],
                "first_utc": times["first_utc"][place],
                "last_utc": times["last_utc"][place],
                "matched": list(row["matched"]),
                "records": refs,
            }
        )
    return out


def _csv(rows: list[dict[str, Json]]) -> str:
    columns = [one for one in rows[0] if one != "records"] if rows else ["rule_id"]
    cells = (
        [" | ".join(map(str, one)) if isinstance(one := row[name], list) else _cell(one) for name in columns]
        for row in rows
    )
    return csv_text(columns, cells)


def _cell(value: Json) -> str | int | None:
    return value if value is None or isinstance(value, str | int) else str(value)


def _text(rows: list[dict[str, Json]]) -> str:
    lines = []
    for row in rows:
        matched = row["matched"]
        shown = "; ".join(str(one) for one in matched) if isinstance(matched, list) else ""
        author = f" by {row['author']}" if row["author"] else ""
        window = f" [{row['window']}]" if row["window"] else ""
        lines.append(terminal(f"{row['level'] or '-'}: {row['title']}{author}{window}"))
        where = f"{row['table']} on {row['host'] or 'an unknown host'}, {row['count']} records"
        who = f", from {row['client']}" if row["client"] else ""
        lines.append(terminal(f"   {where}{who}, {row['first_utc'] or 'no time'} to {row['last_utc'] or 'no time'}"))
        lines.append("   " + terminal_limited(shown, MATCHED_MAX))
    return "\n".join(lines) + ("\n" if lines else "")


@click.command(name="hunt")
@case_option
@click.option("--rules", multiple=True, type=FOLDER, help="A folder of Sigma rules beside our own; may be repeated.")
@click.option(
    "--indicators", multiple=True, type=FOLDER, help="A list of indicators (CSV or one a line); may be repeated."
)
@lists_option
@click.option("--own-only", is_flag=True, help="Our own rules only: forget the rules and indicators of earlier hunts.")
@workers_option
@output_options((Form.TEXT, Form.JSON, Form.JSONL, Form.CSV))
@talk_options
def hunt(
    case: Path,
    *,
    rules: tuple[Path, ...],
    indicators: tuple[Path, ...],
    lists: tuple[Path, ...],
    own_only: bool,
    workers: int | None,
    output: Output,
    talk: Talk,
) -> int:
    """Run rules and indicators over everything held.

    Our own rules always run, and without --rules and --indicators those of the last hunt. A rule that cannot run is blind,
    with the reason: it is no "no hit". The answers use what was hunted with last.

    \b
    dwell hunt -c case --rules sigma/rules --indicators indicators.csv
    dwell hunt -c case -t csv -o hits.csv
    """
    found = api.hunt(
        case,
        rules=() if own_only else rules or None,
        indicators=() if own_only else indicators or None,
        lists=() if own_only else lists or None,
        workers=workers,
        progress=talk.progress,
    )
    talk.close()
    rows = _rows(found)
    if output.form is Form.TEXT:
        output.write(_text(rows))
    elif output.form is Form.CSV:
        output.write(_csv(rows))
    else:
        output.rows(rows)
    tell_hunt(found, talk)
    return RuleFileError.exit_code if found.faults else 0


COMMANDS = {"hunt": hunt}
