"""`dwell mark` and `dwell marks`: what a person says of clients, sessions, intrusions, mailboxes and statements."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dwell import api
from dwell.cli.options import case_option, output_options, talk_options, workers_option
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.errors import UsageError
from dwell.model.instants import parse_utc
from dwell.model.markings import MarkingVerdict
from dwell.report.markings import markings_csv, markings_rows, markings_text, preview_object, preview_text
from dwell.safe.terminal import terminal

if TYPE_CHECKING:
    from dwell.answers.marking import Undo, Wanted

__all__ = ["COMMANDS", "confirmed", "who"]


def who(given: str | None) -> str:
    """Give the name of who marks or sets: as given, else the machine's name for the user.

    Raises:
        UsageError: the machine has none.
    """
    if given:
        return given
    try:
        return getpass.getuser()
    except (OSError, KeyError) as fault:
        raise UsageError("this machine does not know your name", remedy="Say --by NAME") from fault


def _instant(text: str | None, option: str, *, end: bool) -> datetime | None:
    """Read a day or an instant, UTC; a day as an end is meant to its last moment.

    Raises:
        UsageError: it is none, or lies beyond the years that can be told (1 to 9999).
    """
    if text is None:
        return None
    try:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return parse_utc(text)
        return datetime.combine(day + timedelta(days=1) if end else day, time(), UTC)
    except (ValueError, OverflowError) as fault:
        raise UsageError(
            f"{option} {text!r} is no day or instant", remedy="Write 2021-03-05, or 2021-03-05T18:00"
        ) from fault


def _wanted(target: str | None, verdict: str | None, undo: str | None, reason: str, by: str | None,
            window: tuple[str | None, str | None]) -> Wanted | Undo:  # fmt: skip
    """Put together what is asked for.

    Raises:
        UsageError: too little or too much is said.
    """
    from dwell.answers.marking import Undo, Wanted

    if undo is not None:
        if target is not None or any(window):
            raise UsageError(
                "--undo takes the name of a marking and nothing else", remedy="dwell mark --undo M1 --reason 'why'"
            )
        return Undo(undo, reason, who(by))
    if target is None or verdict is None:
        raise UsageError("say what is marked, and as what", remedy="dwell mark 192.0.2.0/24 ours --reason 'why'")
    bounds = _instant(window[0], "--from", end=False), _instant(window[1], "--to", end=True)
    return Wanted(target, MarkingVerdict(verdict), reason, who(by), *bounds)


def _somebody_there() -> bool:
    return sys.stdin.isatty()


def confirmed(talk: Talk, *, yes: bool) -> bool:
    """Ask whether to save, where somebody is there to answer.

    Raises:
        UsageError: nobody is.
    """
    if yes:
        return True
    if not _somebody_there():
        raise UsageError(
            "not saved: nobody is there to confirm it", remedy="Look at the effect, then say it again with --yes"
        )
    talk.close()
    return click.confirm("Save this?", default=False, err=True)


@click.command(name="mark")
@click.argument("target", required=False)
@click.argument("verdict", required=False, type=click.Choice([one.value for one in MarkingVerdict]))
@case_option
@click.option("--reason", default="", help="Why; it is told with every answer that rests on the marking.")
@click.option("--by", default=None, envvar="DWELL_BY", help="Who says so; your name on this machine where not given.")
@click.option(
    "--from", "first", default=None, metavar="DAY", help="It speaks of nothing before this day or instant, UTC."
)
@click.option("--to", "last", default=None, metavar="DAY", help="It speaks of nothing after this day or instant, UTC.")
@click.option("--undo", default=None, metavar="ID", help="Take a marking back, for example M1.")
@click.option("--yes", is_flag=True, help="Save without asking.")
@workers_option
@output_options((Form.TEXT, Form.JSON))
@talk_options
def mark(
    target: str | None,
    verdict: str | None,
    case: Path,
    *,
    reason: str,
    by: str | None,
    first: str | None,
    last: str | None,
    undo: str | None,
    yes: bool,
    workers: int | None,
    output: Output,
    talk: Talk,
) -> int:
    """Say what is ours, theirs or unknown, and what you accept or contest; the effect is shown before it is saved.

    TARGET is a network, a client as the lists show it, a lead, a record of a session or an act, an intrusion, a mailbox or
    a statement. Networks, clients, leads and records are `ours`, `theirs` or `unknown`; mailboxes and statements
    `accepted`, `contested` or `unknown`; an intrusion one of these, or `ours`. No record changes: every answer that rests
    on a marking says so, names who marked it and why, and gives what it would be without.

    \b
    dwell mark 192.0.2.0/24 ours --reason "VPN pool of the ministry" -c case
    dwell mark 203.0.113.7 ours --from 2021-03-01 --to 2021-03-05 --reason "penetration test, contract 17" -c case
    dwell mark lead-3 theirs --reason "the owner was in hospital" -c case
    dwell mark I2 ours --reason "penetration test, contract 17" -c case
    dwell mark mailboxes-4 contested --reason "her assistant reads it" -c case
    dwell mark --undo M1 --reason "the pool was sold in 2020" -c case
    """
    wanted = _wanted(target, verdict, undo, reason, by, (first, last))
    found = api.marking(case, wanted, workers=workers, progress=talk.progress)
    talk.close()
    if output.form is Form.TEXT:
        output.write(preview_text(found))
    try:
        saved = confirmed(talk, yes=yes)
    except UsageError:
        if output.form is Form.JSON:
            output.object(preview_object(found, saved=False))
        raise
    if saved:
        api.keep_marking(case, found)
        what = f"{found.marking.id} is taken back" if found.undo is not None else f"saved as {found.marking.id}"
        talk.note(f"{terminal(what)}; the answers rest on it from now on")
    else:
        talk.note("not saved")
    if output.form is Form.JSON:
        output.object(preview_object(found, saved=saved))
    return 0


@click.command(name="marks")
@case_option
@output_options((Form.TEXT, Form.JSON, Form.JSONL, Form.CSV))
@talk_options
def marks(case: Path, *, output: Output, talk: Talk) -> int:
    """List the markings of a case, those taken back among them: what, who, when, why.

    \b
    dwell marks -c case
    dwell marks -c case -t csv -o markings.csv
    """
    del talk
    found = api.markings(case)
    if output.form is Form.TEXT:
        output.write(markings_text(found))
    elif output.form is Form.CSV:
        output.write(markings_csv(found))
    else:
        output.rows(markings_rows(found))
    return 0


COMMANDS = {"mark": mark, "marks": marks}
