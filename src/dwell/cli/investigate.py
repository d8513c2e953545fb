"""`dwell investigate`: everything in one go."""

from __future__ import annotations

from pathlib import Path

import click

from dwell import api
from dwell.cli.answers import has_findings
from dwell.cli.mark import who
from dwell.cli.options import (
    FOLDER,
    case_option,
    evidence_argument,
    fail_on_option,
    indicators_option,
    leads_option,
    lists_option,
    output_options,
    rules_option,
    talk_options,
    trusted_hop_option,
    warning_lists_option,
    workers_option,
    yara_options,
    zone_option,
)
from dwell.cli.output import Form, Output
from dwell.cli.talk import Talk
from dwell.cli.told import tell_hunt, tell_ingest
from dwell.errors import EXIT_FINDINGS, RuleFileError
from dwell.report.summary_json import summary_text
from dwell.report.text import answers_text
from dwell.safe.terminal import terminal

__all__ = ["COMMANDS", "run"]

REPORT, SUMMARY = "report.html", "summary.json"


def run(
    evidence: tuple[Path, ...],
    case: Path,
    *,
    rules: tuple[Path, ...],
    indicators: tuple[Path, ...],
    zones: tuple[str, ...] = (),
    trusted_hops: tuple[str, ...] = (),
    lists: tuple[Path, ...] = (),
    warning_lists: tuple[Path, ...] = (),
    yara: tuple[Path, ...] = (),
    accepted: tuple[str, ...] = (),
    asn: Path | None = None,
    leads_per_week: int | None = None,
    workers: int | None,
    talk: Talk,
) -> tuple[api.Answered, int]:
    """Ingest, hunt, answer, and write the report into the case's `report` folder.

    Returns:
        The answers, and the exit code.
    """
    settings = {
        "workers": workers,
        "rules": [str(one) for one in rules],
        "indicators": [str(one) for one in indicators],
        "zones": list(zones),
        "trusted_hops": list(trusted_hops),
        "lists": [str(one) for one in lists],
        "warning_lists": [str(one) for one in warning_lists],
        "yara": [str(one) for one in yara],
        "accepted": list(accepted),
        "asn": None if asn is None else str(asn),
        "leads_per_week": leads_per_week,
    }
    result = api.ingest(
        case,
        evidence,
        zones=zones,
        trusted_hops=trusted_hops,
        workers=workers,
        settings=settings,
        progress=talk.progress,
    )
    code = tell_ingest(result, api.stock(case).anomalies, talk)
    if asn is not None:
        made = api.set_table(case, asn, who(None))
        talk.note(terminal(made.told) if made is not None else "the same table of autonomous systems is set already")
    if leads_per_week is not None and (made := api.set_leads(case, leads_per_week, who(None))) is not None:
        talk.note(terminal(made.told))
    hunted = api.hunt(
        case,
        rules=rules,
        indicators=indicators,
        lists=lists,
        warning_lists=warning_lists,
        yara=yara,
        accepted=accepted,
        workers=workers,
        progress=talk.progress,
    )
    tell_hunt(hunted, talk)
    if hunted.faults:
        code = RuleFileError.exit_code
    found = api.answers(case, workers=workers, progress=talk.progress)
    talk.close()
    folder = case / "report"
    # what the program wrote from the case before is written anew: it holds nothing of the user's
    Output(Form.HTML, folder / REPORT, force=True).write(api.html(case, found))
    Output(Form.JSON, folder / SUMMARY, force=True).write(summary_text(found.summary))
    talk.note(f"report: {folder / REPORT}")
    return found, code


@click.command(name="investigate")
@evidence_argument()
@case_option
@rules_option
@indicators_option
@warning_lists_option
@lists_option
@yara_options
@fail_on_option
@zone_option
@trusted_hop_option
@click.option(
    "--asn", type=FOLDER, default=None, metavar="FILE",
    help="A table of autonomous systems (iptoasn's TSV, or MaxMind's MMDB): told beside clients, never a ground.",
)  # fmt: skip
@leads_option
@workers_option
@output_options((Form.TEXT, Form.JSON))
@talk_options
def investigate(
    evidence: tuple[Path, ...],
    case: Path,
    *,
    rules: tuple[Path, ...],
    indicators: tuple[Path, ...],
    lists: tuple[Path, ...],
    warning_lists: tuple[Path, ...],
    yara: tuple[Path, ...],
    accepted: tuple[str, ...],
    fail_on: str | None,
    zones: tuple[str, ...],
    trusted_hops: tuple[str, ...],
    asn: Path | None,
    leads_per_week: int | None,
    workers: int | None,
    output: Output,
    talk: Talk,
) -> int:
    """Bring evidence in, hunt, answer the seven questions, and write the report.

    EVIDENCE are folders and files. The report lies in the case folder as report/report.html, with the JSON summary beside
    it. An interrupted run goes on where it stopped.

    \b
    dwell investigate /media/handover -c case
    dwell investigate logs.zip audit.csv -c case --rules sigma/rules
    """
    found, code = run(
        evidence,
        case,
        rules=rules,
        indicators=indicators,
        lists=lists,
        warning_lists=warning_lists,
        yara=yara,
        accepted=accepted,
        zones=zones,
        trusted_hops=trusted_hops,
        asn=asn,
        leads_per_week=leads_per_week,
        workers=workers,
        talk=talk,
    )
    output.write(summary_text(found.summary) if output.form is Form.JSON else answers_text(found.summary))
    return EXIT_FINDINGS if fail_on and has_findings(found.summary) else code


COMMANDS = {"investigate": investigate}
