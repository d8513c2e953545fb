"""`dwell mailboxes`, `coverage`, `leads` and the others that print one table of the summary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from dwell import api
from dwell.cli.options import case_option, leads_option, output_options, talk_options, workers_option
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.report.listings import LISTINGS

__all__ = ["COMMANDS"]

LEADS = "leads"
HELP: Mapping[str, str] = {
    "entry": "How they got in: per server and weakness or credential, with the step that was reached.",
    "foothold": "What they left behind, and whether it is still there.",
    "mailboxes": "Whose mail they read: every mailbox with its grade. As CSV it is the list of whom to notify.",
    "reach": "How far they got beyond mail, and which systems nothing can be said of.",
    "intrusions": "The intrusions, what holds each together and what speaks against it.",
    "eviction": "Are they out: every check with pass, fail or unknown. Unknown is not a pass.",
    "coverage": "Hours held, held and empty, missing, cut, altered or not recorded, per host and source.",
    "hypotheses": (
        "In which ways mail could have been read: signs for and against, would it have been seen, what to look for next."
    ),
    "learned": (
        "Networks and accounts that are taken for the organisation's own by what the records show, and are not judged. "
        "Where that is wrong, say so: dwell mark svc-x@gov.example theirs --from 2021-03-01 --reason 'stolen'."
    ),
    "departures": (
        "Accounts that were disabled, deleted, lost their mailbox, or are left out of later directory exports: between "
        "which days, and whether they were used afterwards."
    ),
    "leads": "Accounts on outside networks with agents, ranked by surprise in bits. A lead is a place to look.",
}


def _command(name: str) -> click.Command:
    """Make the verb that prints one table."""

    @click.command(
        name=name, help=f"{HELP[name]}\n\n\b\ndwell {name} -c case\ndwell {name} -c case -t csv -o {name}.csv"
    )
    @case_option
    @workers_option
    @output_options((Form.TEXT, Form.JSON, Form.JSONL, Form.CSV))
    @talk_options
    def listing(
        case: Path, *, workers: int | None, output: Output, talk: Talk, leads_per_week: int | None = None
    ) -> int:
        found = api.answers(case, leads_per_week=leads_per_week, workers=workers, progress=talk.progress)
        talk.close()
        one = LISTINGS[name]
        if output.form is Form.TEXT:
            output.write(one.text(found.summary))
        elif output.form is Form.CSV:
            output.write(one.csv(found.summary))
        else:
            output.rows(one.rows(found.summary))
        return 0

    if name == LEADS:
        leads_option(listing)
    return listing


COMMANDS = {name: _command(name) for name in LISTINGS}
