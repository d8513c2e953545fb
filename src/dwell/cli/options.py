"""Options that many verbs take, each declared once: flag, then environment, then default."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.model.settings import LEADS_PER_WEEK, LEADS_PER_WEEK_MAX

__all__ = [
    "FOLDER",
    "Settings",
    "case_option",
    "evidence_argument",
    "fail_on_option",
    "indicators_option",
    "leads_option",
    "lists_option",
    "output_options",
    "rules_option",
    "talk_options",
    "warning_lists_option",
    "workers_option",
    "yara_options",
    "zone_option",
]

P = ParamSpec("P")
R = TypeVar("R")
Command = Callable[..., Any]

FOLDER = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the shared options say.

    Attributes:
        talk: standard error.
        output: where data go.
    """

    talk: Talk
    output: Output


def case_option(command: Command) -> Command:
    """Add `-c`."""
    return click.option(
        "-c", "--case", "case", type=FOLDER, default=Path("case"), show_default=True, envvar="DWELL_CASE",
        help="The case folder; DWELL_CASE says another default.",
    )(command)  # fmt: skip


def workers_option(command: Command) -> Command:
    """Add `--workers`."""
    return click.option(
        "--workers", type=click.IntRange(min=1), default=None, envvar="DWELL_WORKERS",
        help="Processes to work with; as many as there are cores where not given. The result is the same.",
    )(command)  # fmt: skip


def rules_option(command: Command) -> Command:
    """Add `--rules`."""
    return click.option(
        "--rules", multiple=True, type=FOLDER, help="A folder of Sigma rules beside our own; may be repeated."
    )(command)


def indicators_option(command: Command) -> Command:
    """Add `--indicators`."""
    return click.option(
        "--indicators", multiple=True, type=FOLDER,
        help="Indicators: a list (CSV or one a line), STIX, a MISP event or feed, or a folder; may be repeated.",
    )(command)  # fmt: skip


def warning_lists_option(command: Command) -> Command:
    """Add `--warning-lists`."""
    return click.option(
        "--warning-lists", multiple=True, type=FOLDER,
        help="MISP warning lists, a file or a folder: what they hold is marked and told last, never hidden.",
    )(command)  # fmt: skip


def fail_on_option(command: Command) -> Command:
    """Add `--fail-on`."""
    return click.option(
        "--fail-on", type=click.Choice(["findings"]), default=None,
        help="End with 20 where an intrusion, a foothold or a used way in is seen.",
    )(command)  # fmt: skip


def yara_options(command: Command) -> Command:
    """Add `--yara` and `--accept-licence`."""
    command = click.option(
        "--accept-licence", "accepted", multiple=True, metavar="NAME",
        help="Run YARA rules under this licence as well, named as the refusal names it; may be repeated.",
    )(command)  # fmt: skip
    return click.option(
        "--yara", multiple=True, type=FOLDER,
        help="YARA rules, a file or a folder: put to the files held that are no logs, and to records; may be repeated.",
    )(command)  # fmt: skip


def lists_option(command: Command) -> Command:
    """Add `--lists`."""
    return click.option(
        "--lists", multiple=True, type=FOLDER,
        help="Values for the placeholders of rules, `name: [values]` as YAML: a file or a folder; may be repeated.",
    )(command)  # fmt: skip


def zone_option(command: Command) -> Command:
    """Add `--zone`."""
    return click.option(
        "--zone", "zones", multiple=True, metavar="HOST=ZONE",
        help="The zone of logs in local time, for example EX01=Europe/Brussels or '*=Asia/Tokyo'; may be repeated.",
    )(command)  # fmt: skip


def leads_option(command: Command) -> Command:
    """Add `--leads-per-week`."""
    return click.option(
        "--leads-per-week", type=click.IntRange(1, LEADS_PER_WEEK_MAX), default=None, metavar="N",
        help="Leads that can be looked at in a week of the case's time; what is set for the case where not given, else "
        f"{LEADS_PER_WEEK}. With the leads stands how many of them are expected to be false.",
    )(command)  # fmt: skip


def trusted_hop_option(command: Command) -> Command:
    """Add `--trusted-hop`."""
    return click.option(
        "--trusted-hop", "trusted_hops", multiple=True, metavar="CIDR",
        help="A public range of a proxy or balancer of your own, for example 192.0.2.0/24: the client is looked for behind "
        "it. May be repeated; the last ones given stand, `none` takes them back.",
    )(command)  # fmt: skip


def evidence_argument(*, required: bool = True) -> Callable[[Command], Command]:
    """Add the evidence: folders and files."""
    return click.argument("evidence", nargs=-1, required=required, type=FOLDER)


def talk_options(command: Command) -> Command:
    """Add `-q`, `-v`, `--no-color` and `--no-progress`, and hand the verb a `Talk`."""

    @click.option("-q", "--quiet", is_flag=True, help="Say nothing on standard error but errors.")
    @click.option("-v", "--verbose", count=True, help="Say more on standard error.")
    @click.option("--no-color", is_flag=True, help="No colour; NO_COLOR in the environment says the same.")
    @click.option("--no-progress", is_flag=True, help="No progress on standard error.")
    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> object:  # noqa: ANN401 - whatever the verb takes
        quiet, verbose = kwargs.pop("quiet"), kwargs.pop("verbose")
        color = not (kwargs.pop("no_color") or os.environ.get("NO_COLOR"))
        progress = not kwargs.pop("no_progress")
        with Talk(quiet=quiet, verbose=verbose, color=color, progress=progress) as talk:
            return command(*args, talk=talk, **kwargs)

    return wrapped


def output_options(forms: Sequence[Form]) -> Callable[[Command], Command]:
    """Add `-t`, `-o` and `--force`, and hand the verb an `Output`.

    Args:
        forms: the forms the verb can give, the default first.
    """

    def decorate(command: Command) -> Command:
        @click.option(
            "-t", "--type", "form", type=click.Choice([one.value for one in forms]), default=forms[0].value,
            show_default=True, help="The form of the data.",
        )  # fmt: skip
        @click.option("-o", "--output", "path", type=FOLDER, default=None, help="Write to this file.")
        @click.option("--force", is_flag=True, help="Overwrite the file where it is there already.")
        @functools.wraps(command)
        def wrapped(*args: Any, **kwargs: Any) -> object:  # noqa: ANN401 - whatever the verb takes
            output = Output(Form(kwargs.pop("form")), kwargs.pop("path"), kwargs.pop("force"))
            output.check()
            return command(*args, output=output, **kwargs)

        return wrapped

    return decorate
