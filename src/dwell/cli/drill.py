"""`dwell drill`: write an exercise, or score an investigation of one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from dwell.cli.options import FOLDER, output_options, talk_options
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.drill import DrillPlan, scenario, scenarios, score, score_text, write_drill
from dwell.errors import OutputExistsError, Place, UsageError
from dwell.safe.jsontext import json_text

__all__ = ["COMMANDS", "EVIDENCE", "TRUTH", "load", "telling"]

EVIDENCE, TRUTH = "evidence", "truth.json"
DEFAULT = DrillPlan()
DAYS_MIN = 14


def telling(talk: Talk) -> Callable[[str, int, int], None]:
    """Give what an exercise tells its progress to."""
    return lambda what, done, total: talk.progress(what, "", done, total)


def load(path: Path) -> Mapping[str, Any]:
    """Read a JSON object.

    Raises:
        UsageError: the file is not there or holds no JSON object.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as fault:
        raise UsageError(f"the file cannot be read: {fault.strerror}", place=Place(path)) from fault
    except (ValueError, RecursionError) as fault:
        raise UsageError("the file holds no JSON", place=Place(path)) from fault
    if not isinstance(found, dict):
        raise UsageError("the file holds no JSON object", place=Place(path))
    return found


def _day(_context: click.Context, _option: click.Parameter, value: str) -> datetime:
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as fault:
        raise click.BadParameter("a day as YYYY-MM-DD is wanted") from fault


def _scored(summary: Path, truth: Path, output: Output) -> int:
    try:
        result = score(load(summary), load(truth))
    except (KeyError, TypeError, ValueError, StopIteration) as fault:
        what = f"these are not a summary and the truth of an exercise: {type(fault).__name__} {fault}"
        raise UsageError(what, place=Place(summary)) from fault
    output.write(json_text(result.as_dict()) if output.form is Form.JSON else score_text(result))
    return 0 if result.passed else 1


@click.command(name="drill")
@click.argument("out", type=FOLDER, required=False)
@click.option("--seed", type=int, default=DEFAULT.seed, show_default=True, help="Everything follows from it.")
@click.option(
    "--mailboxes", type=click.IntRange(min=20, max=20_000), default=DEFAULT.mailboxes, show_default=True,
    help="How many people the ministry has.",
)  # fmt: skip
@click.option("--from", "first", default="2019-03-01", show_default=True, callback=_day, help="First day, YYYY-MM-DD.")
@click.option("--to", "last", default="2021-04-01", show_default=True, callback=_day, help="The day after the last.")
@click.option(
    "--scenario", "named", type=click.Choice(list(scenarios())), default="default", show_default=True, metavar="NAME",
    help="What is planted, and what evidence is left; one of: " + ", ".join(scenarios()) + ".",
)  # fmt: skip
@click.option(
    "--score", "scored", nargs=2, type=FOLDER, default=None, metavar="SUMMARY TRUTH",
    help="Compare a JSON summary with the truth of an exercise; ends with 1 where it is not passed.",
)  # fmt: skip
@output_options((Form.TEXT, Form.JSON))
@talk_options
def drill(
    out: Path | None,
    *,
    seed: int,
    mailboxes: int,
    first: datetime,
    last: datetime,
    named: str,
    scored: tuple[Path, Path] | None,
    output: Output,
    talk: Talk,
) -> int:
    """Write an exercise: the raw logs of a synthetic ministry with planted intruders, and the truth.

    OUT gets a folder `evidence` and a file `truth.json`; keep the truth from those who are exercised.

    \b
    dwell drill exercise --seed 7 --mailboxes 200 --scenario tool-ews
    dwell investigate exercise/evidence -c case
    dwell drill --score case/report/summary.json exercise/truth.json
    """
    if scored is not None:
        return _scored(*scored, output)
    if out is None:
        raise UsageError("where shall the exercise go?", remedy="Name a folder: dwell drill exercise")
    if (last - first).days < DAYS_MIN:
        raise UsageError(f"an exercise takes at least {DAYS_MIN} days", remedy="Give a later --to")
    if (out / EVIDENCE).exists() or (out / TRUTH).exists():
        raise OutputExistsError("an exercise is there already", place=Place(out), remedy="Name another folder")
    plan = DrillPlan(seed, mailboxes, first, last, scenario(named))
    truth = write_drill(out / EVIDENCE, out / TRUTH, plan, telling(talk))
    talk.close()
    if output.form is Form.JSON:
        output.write(json_text({"evidence": str(out / EVIDENCE), "truth": str(out / TRUTH), "plan": truth["plan"]}))
    else:
        output.write(f"evidence: {out / EVIDENCE}\ntruth: {out / TRUTH}\n")
    return 0


COMMANDS = {"drill": drill}
