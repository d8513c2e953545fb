"""`dwell doctor`: is everything here, and is the disk large enough?"""

from __future__ import annotations

from pathlib import Path

import click

from dwell import api
from dwell.cli.options import case_option, evidence_argument, output_options, talk_options
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.safe.jsontext import Json
from dwell.safe.terminal import terminal

__all__ = ["COMMANDS"]

WORDS = {True: "good", False: "BAD", None: "-"}


@click.command(name="doctor")
@evidence_argument(required=False)
@case_option
@output_options((Form.TEXT, Form.JSON, Form.JSONL))
@talk_options
def doctor(evidence: tuple[Path, ...], case: Path, *, output: Output, talk: Talk) -> int:
    """Look whether everything an investigation needs is on this machine, and whether the disk has room.

    EVIDENCE is measured, not read: with it the room that the case needs is estimated.

    \b
    dwell doctor
    dwell doctor /media/handover -c case
    """
    del talk
    found = list(api.doctor(case, evidence))
    if output.form is Form.TEXT:
        width = max(len(one.what) for one in found)
        output.write("".join(f"{WORDS[one.good]:<5} {one.what:<{width}}  {terminal(one.told)}\n" for one in found))
    else:
        rows: list[dict[str, Json]] = [{"what": one.what, "good": one.good, "told": one.told} for one in found]
        output.rows(rows)
    return 1 if any(one.good is False for one in found) else 0


COMMANDS = {"doctor": doctor}
