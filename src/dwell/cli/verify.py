"""`dwell verify`: hash the evidence and everything made of it again."""

from __future__ import annotations

from pathlib import Path

import click

from dwell import api
from dwell.cli.options import case_option, output_options, talk_options
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.errors import CustodyError
from dwell.safe.jsontext import Json
from dwell.safe.terminal import terminal

__all__ = ["COMMANDS"]


@click.command(name="verify")
@case_option
@click.option("--all", "everything", is_flag=True, help="List what is as registered too.")
@output_options((Form.TEXT, Form.JSON, Form.JSONL))
@talk_options
def verify(case: Path, *, everything: bool, output: Output, talk: Talk) -> int:
    """Hash the evidence, the tables and the custody log again, and name what is not as registered.

    Ends with 12 where anything differs or is missing.

    \b
    dwell verify -c case
    dwell verify -c case --all -t jsonl
    """
    found = []
    for done, one in enumerate(api.verify(case), 1):
        found.append(one)
        talk.progress("verifying", one.path, done, 0)
    talk.close()
    bad = [one for one in found if not one.good]
    shown = found if everything else bad
    if output.form is Form.TEXT:
        lines = [terminal(f"{one.state.value}: {one.what.value} {one.path} {one.detail}".rstrip()) for one in shown]
        lines.append(f"{len(found) - len(bad):,} of {len(found):,} as registered")
        output.write("\n".join(lines) + "\n")
    else:
        rows: list[dict[str, Json]] = [
            {"what": one.what.value, "path": one.path, "state": one.state.value, "detail": one.detail or None}
            for one in shown
        ]
        output.rows(rows)
    return CustodyError.exit_code if bad else 0


COMMANDS = {"verify": verify}
