"""`dwell power`: how likely each kind of intruder would have been found in this case."""

from __future__ import annotations

from pathlib import Path

import click

from dwell import api
from dwell.cli.options import case_option, output_options, talk_options, workers_option
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.report.power import power_csv, power_rows, power_text
from dwell.scope.plantings import kinds

__all__ = ["COMMANDS"]


@click.command(name="power")
@case_option
@click.option(
    "--plantings", type=click.IntRange(1, 1_000), default=10, show_default=True, help="How often each kind is planted."
)
@click.option(
    "--kind",
    "wanted",
    multiple=True,
    type=click.Choice([one.key for one in kinds()]),
    help="Only this kind; may be given several times. The answers refer to runs of all kinds only.",
)
@workers_option
@output_options((Form.TEXT, Form.JSON, Form.JSONL, Form.CSV))
@talk_options
def power(
    case: Path, *, plantings: int, wanted: tuple[str, ...], workers: int | None, output: Output, talk: Talk
) -> int:
    """Say how likely each kind of intruder would have been found in this case.

    Intruders are planted in the case's own records, in memory: nothing is written to the archive. Each planting takes about
    as long as working out the leads once; the same evidence gives the same figures.

    \b
    dwell power -c case
    dwell power -c case --plantings 50 --kind quiet -t csv -o power.csv
    """
    found = api.power(case, plantings=plantings, wanted=wanted, workers=workers, progress=talk.progress)
    talk.close()
    if output.form is Form.TEXT:
        output.write(power_text(found))
    elif output.form is Form.CSV:
        output.write(power_csv(found))
    else:
        output.rows(power_rows(found))
    return 0


COMMANDS = {"power": power}
