"""`dwell demo`: make a synthetic ministry, investigate it, write the report, and hold the answers against the truth."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dwell.cli.drill import EVIDENCE, TRUTH, load, telling
from dwell.cli.investigate import REPORT, run
from dwell.cli.options import FOLDER, output_options, talk_options, workers_option
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.drill import DrillPlan, score, score_text, write_drill
from dwell.errors import OutputExistsError, Place, UsageError
from dwell.model.claims import QUESTIONS, Summary
from dwell.report.summary_json import summary_dict
from dwell.safe.jsontext import json_text
from dwell.safe.terminal import terminal

__all__ = ["COMMANDS"]


def _evidence(out: Path, plan: DrillPlan, talk: Talk) -> Mapping[str, Any]:
    """Write the exercise, or take the one that an earlier run of the same plan wrote; give the truth."""
    if (out / TRUTH).exists():
        truth = load(out / TRUTH)
        made = truth.get("plan", {})
        if truth.get("seed") == plan.seed and made.get("mailboxes") == plan.mailboxes:
            talk.note(f"the exercise in {out} is taken as it is")
            return truth
        raise OutputExistsError(
            "another exercise is there already", place=Place(out), remedy="Name another folder: dwell demo FOLDER"
        )
    if (out / EVIDENCE).exists():
        raise UsageError(
            "an exercise was begun here and not finished", place=Place(out / EVIDENCE),
            remedy="Remove that folder, or name another: dwell demo FOLDER",
        )  # fmt: skip
    return write_drill(out / EVIDENCE, out / TRUTH, plan, telling(talk))


def _verdicts(summary: Summary) -> str:
    lines = []
    for number, one in enumerate(summary.answers, 1):
        lines += [f"{number}. {QUESTIONS[one.question]}", f"   {terminal(one.verdict)}"]
    return "\n".join(lines) + "\n"


@click.command(name="demo")
@click.argument("out", type=FOLDER, default=Path("demo"))
@click.option("--seed", type=int, default=DrillPlan().seed, show_default=True, help="Another seed, another ministry.")
@click.option(
    "--mailboxes", type=click.IntRange(min=20, max=20_000), default=DrillPlan().mailboxes, show_default=True,
    help="How many people the ministry has.",
)  # fmt: skip
@workers_option
@output_options((Form.TEXT, Form.JSON))
@talk_options
def demo(out: Path, *, seed: int, mailboxes: int, workers: int | None, output: Output, talk: Talk) -> int:
    """Make a synthetic ministry, investigate it, write the report.

    The ministry's logs, two intruders planted in them and three kinds of damage go to OUT/evidence, the truth to
    OUT/truth.json, the case to OUT/case. What was found is held against the truth; ends with 1 where too little was found.

    \b
    dwell demo
    dwell demo exercise --seed 7
    """
    began = time.monotonic()
    truth = _evidence(out, DrillPlan(seed, mailboxes), talk)
    found, _ = run((out / EVIDENCE,), out / "case", rules=(), indicators=(), workers=workers, talk=talk)
    result = score(summary_dict(found.summary), truth)
    if output.form is Form.JSON:
        output.write(json_text(result.as_dict()))
    else:
        told = f"Held against the truth:\n{score_text(result)}"
        output.write(f"{_verdicts(found.summary)}\n{told}\nThe report: {out / 'case' / 'report' / REPORT}\n")
    talk.note(f"all of it took {time.monotonic() - began:.0f} s")
    return 0 if result.passed else 1


COMMANDS = {"demo": demo}
