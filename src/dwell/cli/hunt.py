"""`dwell hunt`: run rules and indicators over everything held, or straight over files."""

from __future__ import annotations

import signal
from datetime import UTC, date, datetime
from pathlib import Path

import click
from click.core import ParameterSource

from dwell import api
from dwell.cli.options import (
    FOLDER,
    case_option,
    indicators_option,
    lists_option,
    output_options,
    rules_option,
    talk_options,
    warning_lists_option,
    workers_option,
    yara_options,
)
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.cli.told import tell_hunt, tell_ingest
from dwell.errors import EXIT_INTERRUPTED, RuleFileError, UsageError
from dwell.report.changes import changes_object, changes_text
from dwell.report.hits import LEVELS, HitListing

__all__ = ["COMMANDS"]


def _day(_context: click.Context, _option: click.Parameter, value: str | None) -> date:
    try:
        return date.fromisoformat(value) if value is not None else datetime.now(UTC).date()
    except ValueError as fault:
        raise click.BadParameter("a day as YYYY-MM-DD is wanted") from fault


def _give(listing: HitListing, output: Output) -> None:
    if output.form is Form.TEXT:
        output.write(listing.text())
    elif output.form is Form.CSV:
        output.write_each(listing.csv())
    elif output.form is Form.JSON:
        output.object(listing.as_object())
    else:
        output.rows(listing.rows())


def _check(paths: tuple[Path, ...], *, quick: bool, own_only: bool) -> None:
    """Refuse what contradicts itself.

    Raises:
        UsageError: it does.
    """
    if not quick:
        if paths:
            raise UsageError(
                "files are hunted in straight away with --quick only", remedy="Add --quick, or ingest them"
            )
        return
    if not paths:
        raise UsageError("--quick needs files or folders", remedy="dwell hunt --quick Security.evtx")
    context = click.get_current_context()
    if own_only or context.get_parameter_source("case") is ParameterSource.COMMANDLINE:
        raise UsageError("--quick goes without a case, so -c and --own-only mean nothing", remedy="Leave them out")


def _quick(
    paths: tuple[Path, ...],
    *,
    rules: tuple[Path, ...],
    indicators: tuple[Path, ...],
    lists: tuple[Path, ...],
    warning_lists: tuple[Path, ...],
    yara: tuple[Path, ...],
    accepted: tuple[str, ...],
    suppressions: tuple[Path, ...],
    today: date,
    rules_cache: Path | None,
    workers: int | None,
    talk: Talk,
) -> api.Quick:
    """Hunt without a case."""
    # whoever ends the program politely gets the same clean floor as with Ctrl-C
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        found = api.quick_hunt(
            paths,
            rules=rules,
            indicators=indicators,
            lists=lists,
            warning_lists=warning_lists,
            yara=yara,
            accepted=accepted,
            suppressions=suppressions,
            today=today,
            rules_cache=rules_cache,
            workers=workers,
            progress=talk.progress,
        )
    finally:
        signal.signal(signal.SIGTERM, before)
    talk.close()
    return found


def _check_since(output: Output, *, since_rules: bool, other: bool) -> None:
    """Refuse what a comparison of rules has no use for.

    Raises:
        UsageError: it was given.
    """
    if since_rules and (other or output.form in {Form.CSV, Form.JSONL}):
        raise UsageError(
            "--since-rules compares rules in a case, as text or JSON",
            remedy="Leave out every option but --rules, --yara, --accept-licence, --own-only, --workers and -t json",
        )


def _since(
    case: Path,
    rules: tuple[Path, ...] | None,
    yara: tuple[Path, ...] | None,
    accepted: tuple[str, ...] | None,
    *,
    workers: int | None,
    output: Output,
    talk: Talk,
) -> int:
    """Say what rules change against the last hunt."""
    found = api.since_rules(case, rules, yara=yara, accepted=accepted, workers=workers, progress=talk.progress)
    talk.close()
    if output.form is Form.JSON:
        output.object(changes_object(found))
    else:
        output.write(changes_text(found))
    return RuleFileError.exit_code if found.faults else 0


@click.command(name="hunt")
@click.argument("paths", nargs=-1, type=FOLDER)
@case_option
@click.option("--quick", is_flag=True, help="Hunt in the files and folders given, without a case; nothing is kept.")
@rules_option
@indicators_option
@warning_lists_option
@lists_option
@yara_options
@click.option(
    "--suppressions",
    multiple=True,
    type=FOLDER,
    help="A YAML file of hits not to be shown, each with reason, author and expiry; may be repeated.",
)
@click.option(
    "--today", default=None, callback=_day,
    help="The day, YYYY-MM-DD, by which suppressions expire; the machine's day in UTC where not given.",
)  # fmt: skip
@click.option(
    "--own-only",
    is_flag=True,
    help="Forget the rules and indicators of earlier hunts: our own rules, and what is given here.",
)
@click.option(
    "--since-rules", is_flag=True,
    help="Only say what the rules change against the last hunt, in hits and answers; the case stays as it is.",
)  # fmt: skip
@click.option("--level", type=click.Choice(LEVELS), default=None, help="Show hits of this level and above only.")
@click.option("--expand", is_flag=True, help="Show every group of hits with its first records, in text.")
@click.option(
    "--rules-cache", type=FOLDER, default=None, envvar="DWELL_RULES_CACHE",
    help="With --quick: a folder where loaded rules, compiled patterns and long lists of indicators are kept for the next "
    "run.",
)  # fmt: skip
@workers_option
@output_options((Form.TEXT, Form.JSON, Form.JSONL, Form.CSV))
@talk_options
def hunt(
    paths: tuple[Path, ...],
    case: Path,
    *,
    quick: bool,
    rules: tuple[Path, ...],
    indicators: tuple[Path, ...],
    lists: tuple[Path, ...],
    warning_lists: tuple[Path, ...],
    yara: tuple[Path, ...],
    accepted: tuple[str, ...],
    suppressions: tuple[Path, ...],
    today: date,
    own_only: bool,
    since_rules: bool,
    level: str | None,
    expand: bool,
    rules_cache: Path | None,
    workers: int | None,
    output: Output,
    talk: Talk,
) -> int:
    """Run rules and indicators over everything held, or with --quick over PATHS without a case.

    Our own rules always run, and without --rules and --indicators those of the last hunt. A rule that cannot run is blind,
    with the reason: it is no "no hit". The answers use what was hunted with last. Equal hits are one row with their
    number, first and last.

    \b
    dwell hunt -c case --rules sigma/rules --indicators indicators.csv
    dwell hunt -c case -t csv -o hits.csv
    dwell hunt -c case --yara signature-base/yara
    dwell hunt -c case --rules sigma-of-today/rules --since-rules
    dwell hunt --quick Security.evtx logs.zip --rules sigma/rules --level high
    """
    _check(paths, quick=quick, own_only=own_only)
    _check_since(
        output,
        since_rules=since_rules,
        other=bool(quick or indicators or warning_lists or lists or suppressions or level or expand),
    )
    earlier: tuple[()] | None = () if own_only else None
    if since_rules:
        given = (rules or earlier, yara or earlier, accepted or earlier)
        return _since(case, *given, workers=workers, output=output, talk=talk)
    if quick:
        try:
            fast = _quick(
                paths,
                rules=rules,
                indicators=indicators,
                lists=lists,
                warning_lists=warning_lists,
                yara=yara,
                accepted=accepted,
                suppressions=suppressions,
                today=today,
                rules_cache=rules_cache,
                workers=workers,
                talk=talk,
            )
        except KeyboardInterrupt:
            talk.error("interrupted; nothing was kept")
            return EXIT_INTERRUPTED
        found = fast.hunted
        # text says itself what was not read
        code = tell_ingest(fast.read, fast.stock.anomalies, Talk(quiet=True) if output.form is Form.TEXT else talk)
        names = {one.sha256: one.path for one in fast.stock.files}
        listing = HitListing(found, names, level or "", expand=expand, read=fast.read, stock=fast.stock)
    else:
        found = api.hunt(
            case,
            rules=rules or earlier,
            indicators=indicators or earlier,
            lists=lists or earlier,
            warning_lists=warning_lists or earlier,
            yara=yara or earlier,
            accepted=accepted or earlier,
            suppressions=suppressions,
            today=today,
            workers=workers,
            progress=talk.progress,
        )
        code = 0
        talk.close()
        listing = HitListing(found, api.evidence_names(case), level or "", expand=expand)
    _give(listing, output)
    tell_hunt(found, talk)
    return RuleFileError.exit_code if found.faults else code


COMMANDS = {"hunt": hunt}
