"""`dwell report`: write the report."""

from __future__ import annotations

from pathlib import Path

import click

from dwell import api
from dwell.cli.options import case_option, leads_option, output_options, talk_options, workers_option
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.report.summary_json import summary_text

__all__ = ["COMMANDS"]


@click.command(name="report")
@case_option
@leads_option
@workers_option
@output_options((Form.HTML, Form.JSON))
@talk_options
def report(case: Path, *, leads_per_week: int | None, workers: int | None, output: Output, talk: Talk) -> int:
    """Write the report: one HTML page that holds everything it needs, or the JSON summary.

    The page has no script and no outside address, and can be printed.

    \b
    dwell report -c case -o report.html
    dwell report -c case -t json -o summary.json
    """
    found = api.answers(case, leads_per_week=leads_per_week, workers=workers, progress=talk.progress)
    talk.close()
    output.write(summary_text(found.summary) if output.form is Form.JSON else api.html(case, found))
    return 0


COMMANDS = {"report": report}
