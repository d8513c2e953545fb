"""The seven answers of a case, what a person says of it, and how a statement is walked back to bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dwell.api.hunting import run_hunt
from dwell.api.progress import Progress, quiet
from dwell.casebook.case import Case
from dwell.model.claims import Summary
from dwell.model.coverage import CoverageDay
from dwell.model.power import Power
from dwell.model.provenance import RecordRef
from dwell.report.extras import EvidenceFile, RecordPlace, ReportExtras

if TYPE_CHECKING:
    from dwell.answers.changes import SinceRules
    from dwell.answers.lookup import Why
    from dwell.answers.marking import MarkingPreview, Undo, Wanted
    from dwell.answers.setting import SettingsPreview, Unwanted, Wished
    from dwell.archive.store import Archive
    from dwell.hunt.hunting import Hunted
    from dwell.intake.stock import Stock
    from dwell.model.settings import Setting


__all__ = ["Answered", "answers", "extras", "html", "marking", "power", "setting", "since_rules", "why"]


@dataclass(frozen=True, slots=True)
class Answered:
    """What the program has to say about a case.

    Attributes:
        summary: the answers.
        days: the calendar of coverage.
        stock: what the case holds.
    """

    summary: Summary
    days: tuple[CoverageDay, ...]
    stock: Stock


def answers(
    case: Path, *, leads_per_week: int | None = None, workers: int | None = None, progress: Progress = quiet
) -> Answered:
    """Answer the seven questions, with the rules of the last hunt; what was answered before is not worked out again.

    Args:
        case: the case folder.
        leads_per_week: leads that can be looked at in a week, for this once; None for what is set for the case.
        workers: processes.
        progress: told how far it is.

    Raises:
        CaseError: the folder is no case, or of another version.
        CustodyError: a table is not what was written.
    """
    from dwell.hunt.past import hunted_with
    from dwell.intake.ingest import open_archive
    from dwell.intake.stock import stock as take_stock

    held = Case.open(case)
    counted, hunted = take_stock(held, open_archive(held)), run_hunt(held, hunted_with(held), workers, progress)
    return _answered(held, hunted, counted, workers, progress, keep=leads_per_week is None, per_week=leads_per_week)


def _answered(
    held: Case,
    hunted: Hunted,
    counted: Stock,
    workers: int | None,
    progress: Progress,
    *,
    keep: bool = True,
    hunting: Callable[[Sequence[Setting]], Hunted] | None = None,
    **said: Any,  # noqa: ANN401 - markings and settings to answer with, in place of those in force
) -> Answered:
    from dwell.answers.answering import answer
    from dwell.hunt.past import hunted_with
    from dwell.intake.ingest import open_archive

    def otherwise(settings: Sequence[Setting]) -> tuple[Archive, Hunted]:
        if hunting is not None:
            return open_archive(held, settings), hunting(settings)
        return open_archive(held, settings), run_hunt(held, hunted_with(held), workers, progress, clocks=settings)

    archive, cache = open_archive(held, said.get("said")), held.cache("folded")
    found = answer(
        held,
        archive,
        hunted,
        counted.case_facts(),
        workers,
        cache,
        progress,
        keep=keep,
        otherwise=otherwise,
        **said,
    )
    return Answered(found.summary, found.days, counted)


def _trying(held: Case, name: str, workers: int | None, progress: Progress) -> Callable[[Any], Summary]:
    """Give what answers with other markings or settings, and keeps nothing; with None, those in force are meant."""
    from dwell.hunt.past import hunted_with
    from dwell.intake.clocks import changes_clocks
    from dwell.intake.ingest import open_archive
    from dwell.intake.stock import stock as take_stock

    counted, before = take_stock(held, open_archive(held)), hunted_with(held)
    hunted = run_hunt(held, before, workers, progress)

    def tried(said: Any) -> Summary:  # noqa: ANN401 - markings or settings
        clocks = said if name == "said" and changes_clocks(held, said) else None
        found = hunted if clocks is None else run_hunt(held, before, workers, progress, clocks=clocks)
        return _answered(held, found, counted, workers, progress, keep=said is None, **{name: said}).summary

    return tried


def since_rules(
    case: Path,
    rules: Sequence[Path] | None = None,
    *,
    yara: Sequence[Path] | None = None,
    accepted: Sequence[str] | None = None,
    workers: int | None = None,
    progress: Progress = quiet,
) -> SinceRules:
    """Say what rules change against the last hunt: in its hits, and in the answers. Nothing of the case changes.

    Both are put to all the evidence that is held now, with the indicators of the last hunt.

    Args:
        case: the case folder.
        rules: folders of Sigma rules beside our own; None for those of the last hunt, as they are now.
        yara: files and folders of YARA rules, likewise.
        accepted: licences of YARA rules that the user accepts; None for those of the last hunt.
        workers: processes.
        progress: told how far it is.

    Raises:
        UsageError: a folder is not there, or there is no hunt to compare with.
        CaseError: the folder is no case, or of another version.
        CustodyError: a table is not what was written.
    """
    from dwell.answers.changes import SinceRules, answer_changes
    from dwell.hunt.changes import rule_changes
    from dwell.hunt.past import HuntedWith, hunted_with, kept_rules
    from dwell.intake.ingest import open_archive
    from dwell.intake.stock import stock as take_stock

    held = Case.open(case)
    before = hunted_with(held)
    loaded, loaded_yara = kept_rules(held)
    now = before.now({"rules": rules, "yara": yara}, accepted)
    same = HuntedWith(indicators=before.indicators, warning_lists=before.warning_lists)
    old = run_hunt(held, same, workers, progress, loaded=loaded, yara=loaded_yara)
    new = run_hunt(held, now, workers, progress)
    counted = take_stock(held, open_archive(held))

    def hunt_old(clocks: Sequence[Setting]) -> Hunted:
        return run_hunt(held, same, workers, progress, loaded=loaded, yara=loaded_yara, clocks=clocks)

    def hunt_new(clocks: Sequence[Setting]) -> Hunted:
        return run_hunt(held, now, workers, progress, clocks=clocks)

    said = [
        _answered(held, one, counted, workers, progress, keep=False, hunting=hunting).summary
        for one, hunting in ((old, hunt_old), (new, hunt_new))
    ]
    return SinceRules(rule_changes(old, new), answer_changes(*said), new.faults)


def marking(
    case: Path, wanted: Wanted | Undo, *, workers: int | None = None, progress: Progress = quiet
) -> MarkingPreview:
    """Say what a marking, or taking one back, changes in the answers; nothing of the case changes.

    Args:
        case: the case folder.
        wanted: what is to be marked or taken back.
        workers: processes.
        progress: told how far it is.

    Raises:
        UsageError: it cannot be read, or there is no such marking.
        CaseError: the folder is no case, or of another version.
        CustodyError: a table is not what was written.
    """
    from dwell.answers.marking import preview as preview_marking

    held = Case.open(case)
    return preview_marking(held, wanted, _trying(held, "markings", workers, progress))


def setting(
    case: Path, wanted: Wished | Unwanted, *, workers: int | None = None, progress: Progress = quiet
) -> SettingsPreview:
    """Say what settings, or taking some back, change in the answers; nothing of the case changes.

    Args:
        case: the case folder.
        wanted: what is to be set or taken back.
        workers: processes.
        progress: told how far it is.

    Raises:
        UsageError: one cannot be read, is set already, or is not in force.
        CaseError: the folder is no case, or of another version.
        CustodyError: a table is not what was written.
    """
    from dwell.answers.setting import preview as preview_setting

    held = Case.open(case)
    return preview_setting(held, wanted, _trying(held, "said", workers, progress))


def power(
    case: Path,
    *,
    plantings: int,
    wanted: Sequence[str] = (),
    workers: int | None = None,
    progress: Progress = quiet,
) -> Power:
    """Say how likely each kind of intruder would have been found in this case; nothing is written to its archive.

    A run of all kinds is kept beside the case, and the answers refer to it for as long as the archive is the same.

    Args:
        case: the case folder.
        plantings: how often each kind is planted.
        wanted: keys of kinds; all where none is named.
        workers: processes for the folding.
        progress: told how far it is.

    Raises:
        CaseError: the folder is no case, or of another version.
        CustodyError: a table is not what was written.
    """
    from dwell.answers.answering import plant
    from dwell.hunt.past import hunted_with
    from dwell.intake.ingest import open_archive

    held = Case.open(case)
    archive, cache = open_archive(held), held.cache("folded")
    hunted = run_hunt(held, hunted_with(held), workers, progress)
    return plant(held, archive, hunted, plantings, wanted=wanted, workers=workers, cache=cache, progress=progress)


def extras(case: Path, answered: Answered) -> ReportExtras:
    """Give what a report shows beside the summary: the evidence, and where each record lies.

    Args:
        case: the case folder.
        answered: the answers.
    """
    from dwell.answers.lookup import references
    from dwell.sources.registry import source as source_of

    held = Case.open(case)
    register = held.register()
    places: dict[RecordRef, RecordPlace] = {}
    for ref in references(answered.summary):
        item = register.get(ref.evidence_id)
        if item is not None and ref not in places:
            unit = source_of(item.source).unit if item.source is not None else "line"
            places[ref] = RecordPlace(item.path, ref.record_no, unit)
    # a file of the stock has what a report shows of it, by the same names
    shown = attrgetter(*(one.name for one in fields(EvidenceFile)))
    files = tuple(EvidenceFile(*shown(one)) for one in answered.stock.files)
    return ReportExtras(evidence=files, places=places)


def html(case: Path, answered: Answered) -> str:
    """Give the report as one HTML page.

    Args:
        case: the case folder.
        answered: the answers.
    """
    from dwell.report.html import html_report

    return html_report(answered.summary, answered.days, extras(case, answered))


def why(case: Path, wanted: str, *, workers: int | None = None, progress: Progress = quiet) -> Why:
    """Walk a statement back to bytes.

    Args:
        case: the case folder.
        wanted: a claim (`entry-1`), an intrusion (`I1`), a lead (`lead-3`), a mailbox, or a record
            (`iis/<first digits of the evidence's SHA-256>/120`).
        workers: processes, where the answers have to be worked out first.
        progress: told how far it is.

    Raises:
        UsageError: nothing goes by that name.
        CaseError: the folder is no case, or of another version.
    """
    from dwell.answers.lookup import walk_back

    return walk_back(Case.open(case), wanted, lambda: answers(case, workers=workers, progress=progress).summary)
