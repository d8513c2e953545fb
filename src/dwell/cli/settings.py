"""`dwell settings`: what a person says once of the organisation, shown, set, read from a file and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dwell import api
from dwell.cli.mark import confirmed, who
from dwell.cli.options import case_option, output_options, talk_options, workers_option
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.errors import UsageError
from dwell.model.settings import SettingKind
from dwell.report.settings import preview_object, preview_text, settings_csv, settings_rows, settings_text

if TYPE_CHECKING:
    from dwell.answers.setting import Unwanted, Wished

__all__ = ["COMMANDS"]

SHOW, SET, UNSET, IMPORT = ACTIONS = ("show", "set", "unset", "import")
EXAMPLE = "dwell settings set network 192.0.2.0/24 --reason 'why'"


def _wanted(action: str, words: Sequence[str], at: Sequence[str], reason: str, by: str | None) -> Wished | Unwanted:
    """Put together what is asked for.

    Raises:
        UsageError: too little or too much is said.
    """
    from dwell.answers.setting import Unwanted, Wished, wished_in

    if at and action != SET:
        raise UsageError("--at belongs to a service that is set", remedy=EXAMPLE)
    if action == UNSET:
        if not words:
            raise UsageError("say which settings are taken back", remedy="dwell settings unset S1 --reason 'why'")
        return Unwanted(tuple(words), reason, who(by))
    if action == IMPORT:
        if len(words) != 1:
            raise UsageError("say one file", remedy="dwell settings import ministry.toml --reason 'why'")
        return wished_in(Path(words[0]), reason, who(by))
    kinds = [one.value for one in SettingKind]
    if len(words) < len(("kind", "value")) or words[0] not in kinds:
        raise UsageError(f"say what is set, one of {', '.join(kinds)}, and its value", remedy=EXAMPLE)
    kind = SettingKind(words[0])
    values = [" ".join(words[1:])] if kind is SettingKind.HOURS else list(words[1:])
    return Wished(tuple((kind, value, place) for value in values for place in at or ("",)), reason, who(by))


@click.command(name="settings")
@click.argument("action", type=click.Choice(ACTIONS), default=SHOW)
@click.argument("words", nargs=-1)
@case_option
@click.option("--at", multiple=True, metavar="NETWORK", help="Where a service works from; may be repeated.")
@click.option("--reason", default="", help="Why; it is told with every answer that rests on the setting.")
@click.option("--by", default=None, envvar="DWELL_BY", help="Who says so; your name on this machine where not given.")
@click.option("--yes", is_flag=True, help="Save without asking.")
@workers_option
@output_options((Form.TEXT, Form.JSON, Form.JSONL, Form.CSV))
@talk_options
def settings(
    action: str,
    words: tuple[str, ...],
    case: Path,
    *,
    at: tuple[str, ...],
    reason: str,
    by: str | None,
    yes: bool,
    workers: int | None,
    output: Output,
    talk: Talk,
) -> int:
    """Show, set and take back what holds for the whole case; the effect is shown before it is saved.

    WORDS are, after `set`, a kind and its values; after `unset`, ids; after `import`, a TOML file. Kinds: `network` (own),
    `service` (an account, with --at where it works from), `hours`, `holidays` (a country, a part of one, or a day), `vip`
    (a mailbox that is told first), `zone`, `asn` (a file: a table of autonomous systems, told beside clients),
    `leads-per-week`, `clock` (a host's: `EX01=right`, `EX02=as-written`, `EX02=+3600` for seconds ahead). A setting is
    the default of every later answer; it changes no record, and what it lowers is told.

    \b
    dwell settings -c case
    dwell settings set network 192.0.2.0/24 --reason "VPN pool of the ministry" -c case
    dwell settings set service svc-archive@gov.example --at 192.0.2.10 --reason "journal archive" -c case
    dwell settings set hours Mon-Fri 08-18 --reason "staff rules, article 12" -c case
    dwell settings set holidays BE 2021-05-14 --reason "public, and closed by order" -c case
    dwell settings set vip minister@gov.example --reason "cabinet" -c case
    dwell settings set asn ip2asn-combined.tsv.gz --reason "downloaded by the CERT" -c case
    dwell settings set clock EX01=right --reason "synchronised, says the log of its time service" -c case
    dwell settings import ministry.toml --reason "handover of 3 May" --yes -c case
    dwell settings unset S1 --reason "sold in 2020" -c case
    """
    if action == SHOW:
        if words or at or reason:
            raise UsageError("show takes nothing more", remedy="dwell settings -c case")
        _show(case, output)
        return 0
    if output.form not in {Form.TEXT, Form.JSON}:
        raise UsageError("the effect is text or JSON", remedy="Say -t json")
    found = api.setting(case, _wanted(action, words, at, reason, by), workers=workers, progress=talk.progress)
    talk.close()
    if output.form is Form.TEXT:
        output.write(preview_text(found))
    saved = False
    try:
        saved = bool(found.made or found.gone) and confirmed(talk, yes=yes)
    finally:
        if output.form is Form.JSON and not saved:
            output.object(preview_object(found, saved=False))
    if not saved:
        talk.note("not saved")
        return 0
    api.keep_settings(case, found)
    names = [f"{one.id} is set" for one in found.made] or [f"{one.id} is taken back" for one in found.gone]
    talk.note(f"{', '.join(names)}; the answers rest on it from now on")
    if output.form is Form.JSON:
        output.object(preview_object(found, saved=True))
    return 0


def _show(case: Path, output: Output) -> None:
    found = api.settings(case)
    if output.form is Form.TEXT:
        output.write(settings_text(found))
    elif output.form is Form.CSV:
        output.write(settings_csv(found))
    else:
        output.rows(settings_rows(found))


COMMANDS = {"settings": settings}
