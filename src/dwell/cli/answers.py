"""`dwell answers`: the seven answers, as text or as the JSON summary."""

from __future__ import annotations

from pathlib import Path

import click

from dwell import api
from dwell.cli.options import case_option, fail_on_option, leads_option, output_options, talk_options, workers_option
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.errors import EXIT_FINDINGS
from dwell.model.claims import Outcome, Summary
from dwell.report.summary_json import summary_text
from dwell.report.text import answers_text

__all__ = ["COMMANDS", "has_findings"]


def has_findings(summary: Summary) -> bool:
    """Say whether there is anything to act on: an intrusion, something left behind, or a way in that was used."""
    used = any(one.outcome.rank >= Outcome.SUCCESS.rank for one in summary.entry)
    return bool(summary.intrusions or summary.foothold or used)


@click.command(name="answers")
@case_option
@fail_on_option
@leads_option
@workers_option
@output_options((Form.TEXT, Form.JSON))
@talk_options
def answers(
    case: Path, *, fail_on: str | None, leads_per_week: int | None, workers: int | None, output: Output, talk: Talk
) -> int:
    """Answer the seven questions.

    The JSON is a published contract; `dwell schema` prints its schema.

    \b
    dwell answers -c case
    dwell answers -c case -t json -o summary.json
    """
    found = api.answers(case, leads_per_week=leads_per_week, workers=workers, progress=talk.progress)
    talk.close()
    output.write(summary_text(found.summary) if output.form is Form.JSON else answers_text(found.summary))
    return EXIT_FINDINGS if fail_on and has_findings(found.summary) else 0


COMMANDS = {"answers": answers}
