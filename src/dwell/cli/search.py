"""`dwell search`: look for rows in everything held."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dwell import api
from dwell.cli.options import case_option, output_options, talk_options
from dwell.cli.output import Form, Output
from dwell.cli.plain import plain
from dwell.cli.talk import Talk
from dwell.model.instants import utc_text
from dwell.safe.jsontext import Json
from dwell.safe.terminal import terminal_limited

if TYPE_CHECKING:
    from dwell.intake.searching import SearchResult

__all__ = ["COMMANDS"]

ROW_MAX = 300


def _rows(found: SearchResult) -> list[dict[str, Json]]:
    return [
        {
            "record": f"{one.table}/{one.evidence_id}/{one.record_no}",
            "time_utc": utc_text(one.time_utc),
            "host": one.host,
            "row": plain(one.row),
        }
        for one in found.matches
    ]


def _text(found: SearchResult) -> str:
    lines = []
    for one in found.matches:
        name = f"{one.table}/{one.evidence_id[:12]}/{one.record_no}"
        cells = " ".join(f"{key}={value}" for key, value in one.row.items() if key not in _SHOWN)
        lines.append(f"{utc_text(one.time_utc) or 'no time'}  {name}  {terminal_limited(cells, ROW_MAX)}")
    months = ", ".join(f"{month}: {number:,}" for month, number in found.months.items())
    lines.append(f"{len(found.matches):,} of {found.total:,} shown" + (f"; by month: {months}" if months else ""))
    if found.hint:
        lines.append(found.hint)
    return "\n".join(lines) + "\n"


_SHOWN = frozenset({"evidence_id", "record_no", "time_utc"})


@click.command(name="search")
@click.argument("query", nargs=-1, required=True)
@case_option
@click.option(
    "--limit", type=click.IntRange(min=0), default=100, show_default=True, help="Rows to give; all are counted."
)
@output_options((Form.TEXT, Form.JSON, Form.JSONL))
@talk_options
def search(query: tuple[str, ...], case: Path, *, limit: int, output: Output, talk: Talk) -> int:
    """Look for rows in all tables.

    A term is `column:value` with `*` for any text, an address in any spelling or a network, `after:` or `before:` with an
    instant or a part of one, or a word that any text of a row may hold: long ones, lists and fields of events too. Numbers
    and hosts are asked by name (`EventID:4624`, `host:EX01`), `EventData:*x*` asks every field of an event, and a row has
    to meet all terms: there is no OR and no NOT.

    \b
    dwell search 'c-ip:198.51.100.0/24 cs-uri-stem:*ews* after:2019-04' -c case
    dwell search supp0rt.aspx -c case -t jsonl
    dwell search 'AuditData:*somebody@example.org*' -c case
    """
    found = api.search(case, query, limit=limit, progress=talk.progress)
    talk.close()
    if output.form is Form.TEXT:
        output.write(_text(found))
    elif output.form is Form.JSON:
        whole: dict[str, Json] = {
            "total": found.total,
            "months": dict(found.months),
            "files": found.files,
            "hint": found.hint,
            "rows": _rows(found),
        }
        output.rows([whole])
    else:
        if found.hint:
            talk.note(found.hint)
        output.rows(_rows(found))
    return 0


COMMANDS = {"search": search}
