"""`dwell rules`: list rules, or explain what they are taken to mean."""

from __future__ import annotations

from pathlib import Path

import click

from dwell import api
from dwell.cli.options import FOLDER, output_options, talk_options
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.errors import RuleFileError
from dwell.model.claims import RuleStatus
from dwell.report.rules import explained_object, explained_text, rule_rows, rules_csv, rules_text

__all__ = ["COMMANDS"]

_RULES = click.option(
    "--rules", "folders", multiple=True, type=FOLDER, help="A folder of Sigma rules beside our own; may be repeated."
)
_CASE = click.option(
    "-c", "--case", "case", type=FOLDER, default=None, envvar="DWELL_CASE",
    help="A case: the rules of its last hunt are known too, and what it holds is said. DWELL_CASE says a default.",
)  # fmt: skip


@click.group(name="rules")
def rules() -> None:
    """List rules, or explain what they are taken to mean.

    \b
    dwell rules list --rules sigma/rules
    dwell rules explain sigma/rules/windows/process_creation/proc_creation_win_certutil_download.yml -c case
    """


@rules.command(name="list")
@_RULES
@_CASE
@output_options((Form.TEXT, Form.JSON, Form.JSONL, Form.CSV))
@talk_options
def listed(folders: tuple[Path, ...], case: Path | None, *, output: Output, talk: Talk) -> int:
    """List every rule with its tables, and whether it can be matched at all.

    \b
    dwell rules list
    dwell rules list --rules sigma/rules -t csv -o rules.csv
    """
    loaded = api.rules(folders, case)
    rows = rule_rows(loaded)
    if output.form is Form.TEXT:
        output.write(rules_text(rows))
    elif output.form is Form.CSV:
        output.write(rules_csv(rows))
    else:
        output.rows(rows)
    for fault in loaded.faults:
        talk.note(f"rule file: {fault}")
    return RuleFileError.exit_code if loaded.faults else 0


@rules.command(name="explain")
@click.argument("wanted", metavar="RULE...", nargs=-1, required=True)
@_RULES
@_CASE
@output_options((Form.TEXT, Form.JSON, Form.JSONL))
@talk_options
def explained(
    wanted: tuple[str, ...], folders: tuple[Path, ...], case: Path | None, *, output: Output, talk: Talk
) -> int:
    """Explain rules: their questions, the records they are about, where fields are looked for, what can never be true.

    RULE is a file, a folder, or the id of a rule of ours, of --rules, or of the case's last hunt. With a case it says what
    would be scanned there and how many records answer each question.

    \b
    dwell rules explain my-rule.yml
    dwell rules explain 543ef748-529a-52a4-9327-55a8e1937899 -c case
    dwell rules explain sigma/rules/web -c case -t json
    """
    del talk
    found = api.explain_rules(wanted, folders, case)
    if output.form is Form.TEXT:
        output.write("\n".join(explained_text(one) for one in found))
    else:
        output.rows([explained_object(one) for one in found])
    bad = any(one.outcome is not None and one.outcome.status is RuleStatus.INVALID for one in found)
    return RuleFileError.exit_code if bad else 0


COMMANDS = {"rules": rules}
