"""`dwell first-seen`: when a value was first and last seen, and where."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import click

from dwell import api
from dwell.cli.options import case_option, output_options, talk_options
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.errors import UsageError
from dwell.model.instants import utc_text
from dwell.report.text import aligned
from dwell.safe.jsontext import Json
from dwell.safe.sheet import csv_text

__all__ = ["COMMANDS"]

COLUMNS = ("table", "column", "count", "first_utc", "last_utc")


NOT_SEEN = "no text that is held is just that. Longer ones: dwell search 'COLUMN:*VALUE*'; numbers: EventID:4624\n"


def _is_network(value: str) -> bool:
    try:
        return "/" in value and bool(ipaddress.ip_network(value, strict=False))
    except ValueError:
        return False


@click.command(name="first-seen")
@click.argument("value")
@case_option
@output_options((Form.TEXT, Form.JSON, Form.JSONL, Form.CSV))
@talk_options
def first_seen(value: str, case: Path, *, output: Output, talk: Talk) -> int:
    """Say when a value was first and last seen, how often, and in which columns.

    VALUE is the whole value of a column, or of a field of an event, as logged: an address (in any spelling), an account,
    an agent, a path. Letter case does not count, and `[.]` is a dot. Longer texts that hold it are not looked into:
    `dwell search` takes `*`. Nothing found is no proof of absence: look at the coverage.

    \b
    dwell first-seen 198.51.100.7 -c case
    dwell first-seen 'antSword/v2.1' -c case -t json
    """
    if not value.strip():
        raise UsageError("nothing to look for", remedy="Give a value, such as an address")
    found = api.first_seen(case, value)
    if not found and ("*" in value or _is_network(value)):
        talk.note(f"{value!r} was looked for as it stands; dwell search takes networks and *")
    rows: list[dict[str, Json]] = [
        {
            "table": one.table,
            "column": one.column,
            "count": one.count,
            "first_utc": utc_text(one.first_utc),
            "last_utc": utc_text(one.last_utc),
        }
        for one in found
    ]
    cells = [[one.table, one.column, one.count, utc_text(one.first_utc), utc_text(one.last_utc)] for one in found]
    if output.form is Form.TEXT:
        output.write(aligned(COLUMNS, cells) if cells else NOT_SEEN)
    elif output.form is Form.CSV:
        output.write(csv_text(COLUMNS, cells))
    else:
        output.rows(rows)
    return 0


COMMANDS = {"first-seen": first_seen}
