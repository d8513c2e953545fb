"""`dwell schema`: the JSON Schema of the summary."""

from __future__ import annotations

import click

from dwell.cli.options import output_options
from dwell.cli.output import Form, Output
from dwell.report.summary_json import schema as summary_schema
from dwell.safe.jsontext import json_text

__all__ = ["COMMANDS"]


@click.command(name="schema")
@output_options((Form.JSON,))
def schema(output: Output) -> int:
    """Print the JSON Schema of what `dwell answers -t json` gives.

    \b
    dwell schema -o summary.schema.json
    """
    output.write(json_text(summary_schema()))
    return 0


COMMANDS = {"schema": schema}
