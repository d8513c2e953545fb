"""The library's public face: what the command line calls, one function for each verb.

A function that changes a case takes its folder, holds its lock, and puts what it does into the custody log. A function
that only reads needs no lock and works on a read-only case.

What a function works with is loaded when the function is called: all of it together takes seconds, which a verb that
needs little of it does not pay.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dwell.casebook.case import Case
from dwell.casebook.markings import markings
from dwell.casebook.settings import settings
from dwell.casebook.trusted_hops import hops_in_force, hops_of, settle_hops
from dwell.engine import machine
from dwell.errors import CaseError, NoEvidenceError, Place, UsageError
from dwell.model.addresses import trusting
from dwell.model.claims import Summary
from dwell.model.coverage import CoverageDay
from dwell.model.power import Power
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.model.settings import Setting
from dwell.report.extras import EvidenceFile, RecordPlace, ReportExtras

if TYPE_CHECKING:
    from dwell.answers.changes import SinceRules
    from dwell.answers.lookup import Why
    from dwell.answers.marking import MarkingPreview, Undo, Wanted
    from dwell.answers.marking import save as keep_marking
    from dwell.answers.setting import SettingsPreview, Unwanted, Wished, set_leads, set_table
    from dwell.answers.setting import save as keep_settings
    from dwell.hunt.explain import RuleExplained
    from dwell.hunt.hunting import Hunted
    from dwell.hunt.past import HuntedWith
    from dwell.hunt.quick import Quick, quick_hunt
    from dwell.hunt.sigma.loaded import Loaded
    from dwell.intake.first_seen import Seen
    from dwell.intake.foreseen import Foreseen
    from dwell.intake.ingest import IngestResult
    from dwell.intake.peeking import Peek
    from dwell.intake.plan import Plan
    from dwell.intake.searching import SearchResult
    from dwell.intake.stock import Stock
    from dwell.intake.verifying import Finding
    from dwell.sources.pages import Page

__all__ = [
    "Answered",
    "Progress",
    "Quick",
    "SinceRules",
    "Why",
    "answers",
    "doctor",
    "evidence_names",
    "explain_rules",
    "extras",
    "first_seen",
    "html",
    "hunt",
    "ingest",
    "keep_marking",
    "keep_settings",
    "marking",
    "markings",
    "peek",
    "plan",
    "power",
    "quick_hunt",
    "rules",
    "search",
    "set_leads",
    "set_table",
    "setting",
    "settings",
    "since_rules",
    "sources",
    "stock",
    "verify",
    "why",
]

_ELSEWHERE = {
    "Quick": ("dwell.hunt.quick", "Quick"),
    "SinceRules": ("dwell.answers.changes", "SinceRules"),
    "Why": ("dwell.answers.lookup", "Why"),
    "keep_marking": ("dwell.answers.marking", "save"),
    "keep_settings": ("dwell.answers.setting", "save"),
    "quick_hunt": ("dwell.hunt.quick", "quick_hunt"),
    "set_leads": ("dwell.answers.setting", "set_leads"),
    "set_table": ("dwell.answers.setting", "set_table"),
}
"""Names that are other modules' own, with where they are found: a name loads what it needs, and no more."""


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Give a name that is another module's own, loaded when it is first asked for."""
        if name not in _ELSEWHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, there = _ELSEWHERE[name]
        return getattr(importlib.import_module(module), there)


Progress = Callable[[str, str, int, int], None]
"""Told (phase, what, done, total). Phases: `hashing` and `reading` in bytes, `hunting`, `folding` and `searching` in data
files, `planting` in plantings, `answering` without a number; total 0 where it is not known."""


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


def _quiet(phase: str, what: str, done: int, total: int) -> None:
    """Tell nobody."""


def plan(paths: Sequence[Path], case: Path | None = None, *, progress: Progress = _quiet) -> Plan:
    """Say what lies in folders and what is not recognised; nothing is written.

    Args:
        paths: folders and files.
        case: the case that would take it; need not exist.
        progress: told how far it is.
    """
    from dwell.intake import ingest as intake

    held = Case(case) if case is not None and case.exists() else None
    return intake.plan(held, paths, progress)


def dry_run(paths: Sequence[Path], case: Path | None = None, *, progress: Progress = _quiet) -> tuple[Plan, Foreseen]:
    """Say what an ingest would read, and leave out as held or as a copy; arguments as for `plan`. Nothing is written."""
    from dwell.intake import ingest as intake

    return intake.dry_run(Case(case) if case is not None and case.exists() else None, paths, progress)


def sources(key: str | None = None) -> list[Page]:
    """Give the formats that are read, in the order in which they are asked; one only where a key is given.

    Args:
        key: a source's key.

    Raises:
        UsageError: no source has that key.
    """
    from dwell.sources.pages import page_of
    from dwell.sources.registry import SOURCES

    found = [page_of(one) for one in SOURCES if key is None or one.key == key]
    if not found:
        raise UsageError(f"no source is called {key!r}", remedy="dwell sources lists them")
    return found


def peek(paths: Sequence[Path], count: int) -> Iterator[Peek]:
    """Look into files without a case: the first rows as they would be stored.

    Args:
        paths: files and folders.
        count: rows to give of each file.
    """
    from dwell.intake.peeking import peek as run_peek

    yield from run_peek(tuple(paths), count)


def ingest(
    case: Path,
    paths: Sequence[Path],
    *,
    zones: Sequence[str] = (),
    trusted_hops: Sequence[str] = (),
    workers: int | None = None,
    settings: Mapping[str, object] | None = None,
    progress: Progress = _quiet,
) -> IngestResult:
    """Bring evidence into a case, making the case where there is none.

    Args:
        case: the case folder.
        paths: folders and files.
        zones: `HOST=ZONE`, for hosts whose logs are in local time without a zone.
        trusted_hops: public ranges of proxies of our own; those given last stand, and `none` takes them back.
        workers: processes.
        settings: effective settings, for the custody log.
        progress: told how far it is.

    Raises:
        NoEvidenceError: nothing was recognised as evidence.
        CaseError: the folder is something else, of another version, or locked.
        UsageError: there is no such zone or range, or the case was read in another zone.
        DiskFullError: no room left; run again to go on.
    """
    from dwell.intake import ingest as intake
    from dwell.intake.zones import zones_of

    settled, hops = zones_of(zones), hops_of(trusted_hops)
    if not any(one.exists() for one in paths):
        shown = ", ".join(str(one) for one in paths)
        raise NoEvidenceError(
            f"there is no such file or folder: {shown}", remedy="Give a folder that holds logs or exports"
        )
    held = Case.create(case)
    with held.writing():
        held.record_command(settings or {})
        settle_hops(held, hops)
        return intake.ingest(held, paths, zones=settled, workers=workers, progress=progress)


def stock(case: Path) -> Stock:
    """Count what a case holds: its files, their records, what could not be read.

    Args:
        case: the case folder.

    Raises:
        CaseError: the folder is no case, or of another version.
        CustodyError: a table is not what was written.
    """
    from dwell.intake.ingest import open_archive
    from dwell.intake.stock import stock as take_stock

    held = Case.open(case)
    return take_stock(held, open_archive(held))


def _run_hunt(
    case: Case,
    used: HuntedWith,
    workers: int | None,
    progress: Progress,
    suppressions: Sequence[Path] = (),
    today: date | None = None,
    loaded: Loaded | None = None,
    clocks: Sequence[Setting] | None = None,
) -> Hunted:
    from dwell.hunt.hunting import hunt as run_hunt
    from dwell.hunt.yara.hunting import YaraWanted
    from dwell.intake.ingest import open_archive

    with trusting(hops_in_force(case)):
        return run_hunt(
            open_archive(case, clocks),
            rule_folders=used.rules,
            loaded=loaded,
            indicator_files=used.indicators,
            list_files=used.lists,
            warning_files=used.warning_lists,
            yara=YaraWanted(used.yara, used.accepted, tuple(case.register().values())) if used.yara else None,
            workers=workers,
            cache=case.cache("hunt"),
            suppression_files=suppressions,
            today=today,
            progress=lambda done, total, what: progress("hunting", what, done, total),
        )


def hunt(
    case: Path,
    *,
    rules: Sequence[Path] | None = None,
    indicators: Sequence[Path] | None = None,
    lists: Sequence[Path] | None = None,
    warning_lists: Sequence[Path] | None = None,
    yara: Sequence[Path] | None = None,
    accepted: Sequence[str] | None = None,
    suppressions: Sequence[Path] = (),
    today: date | None = None,
    workers: int | None = None,
    progress: Progress = _quiet,
) -> Hunted:
    """Run rules and indicators over everything held; later answers use the same ones.

    Args:
        case: the case folder.
        rules: folders of Sigma rules beside our own; None for those of the last hunt.
        indicators: files of indicators; None for those of the last hunt.
        lists: files and folders of values for the placeholders of rules; None for those of the last hunt.
        warning_lists: warning lists for indicators; None for those of the last hunt.
        yara: files and folders of YARA rules; None for those of the last hunt.
        accepted: licences of YARA rules that the user accepts; None for those of the last hunt.
        suppressions: files of suppressions, for this hunt alone; the answers do not use them.
        today: the day by which their expiry is judged; has to be given with them.
        workers: processes.
        progress: told how far it is.

    Raises:
        UsageError: a folder or file is not there.
        CaseError: the folder is no case, of another version, or locked.
    """
    from dwell.hunt.past import hunted_with, keep_rules, require
    from dwell.hunt.suppressions import recorded

    held = Case.open(case)
    given = {"rules": rules, "indicators": indicators, "lists": lists, "warning_lists": warning_lists, "yara": yara}
    used = hunted_with(held).now(given, accepted)
    require(*suppressions)
    with held.writing():
        found = _run_hunt(held, used, workers, progress, suppressions, today)
        ended = {"rules_hash": found.rules_hash, "faults": list(found.faults)}
        held.record("hunt", used.told() | recorded(found.suppressions) | ended)
        keep_rules(held, found)
    return found


def since_rules(
    case: Path, rules: Sequence[Path] | None = None, *, workers: int | None = None, progress: Progress = _quiet
) -> SinceRules:
    """Say what rules change against the last hunt: in its hits, and in the answers. Nothing of the case changes.

    Both are put to all the evidence that is held now, with the indicators of the last hunt.

    Args:
        case: the case folder.
        rules: folders of Sigma rules beside our own; None for those of the last hunt, as they are now.
        workers: processes.
        progress: told how far it is.

    Raises:
        UsageError: a folder is not there, or there is no hunt to compare with.
        CaseError: the folder is no case, or of another version.
        CustodyError: a table is not what was written.
    """
    from dwell.answers.changes import SinceRules, answer_changes
    from dwell.hunt.changes import rule_changes
    from dwell.hunt.past import HuntedWith, hunted_with, kept_rules, require
    from dwell.intake.ingest import open_archive
    from dwell.intake.stock import stock as take_stock

    held = Case.open(case)
    before = hunted_with(held)
    loaded = kept_rules(held)
    folders = require(*(before.rules if rules is None else rules))
    old = _run_hunt(held, HuntedWith(indicators=before.indicators), workers, progress, loaded=loaded)
    new = _run_hunt(held, replace(before, rules=folders, yara=()), workers, progress)
    counted = take_stock(held, open_archive(held))
    said = [_answered(held, one, counted, workers, progress, keep=False).summary for one in (old, new)]
    return SinceRules(rule_changes(old, new), answer_changes(*said), new.faults)


def rules(folders: Sequence[Path] = (), case: Path | None = None) -> Loaded:
    """Load our own rules and others, without hunting.

    Args:
        folders: folders of Sigma rules beside our own, or single files.
        case: a case, to take the folders of its last hunt as well.

    Raises:
        UsageError: a folder is not there.
        CaseError: the folder is no case, or of another version.
    """
    from dwell.hunt.sigma.load import load as load_rules

    return load_rules(_with_those_of(case, folders))


def explain_rules(wanted: Sequence[str], folders: Sequence[Path] = (), case: Path | None = None) -> list[RuleExplained]:
    """Say what rules are taken to mean: their questions, records and fields, and what can never be true.

    Args:
        wanted: files, folders, or ids of rules.
        folders: folders of Sigma rules beside our own, where ids are looked for.
        case: a case, to say what is held there; its last hunt's folders are looked in as well.

    Raises:
        UsageError: no rule has such an id, and there is no such file.
        CaseError: the folder is no case, or of another version.
        CustodyError: a table is not what was written.
    """
    from dwell.hunt.explain import explain_wanted
    from dwell.intake.ingest import open_archive

    archive = open_archive(Case.open(case)) if case is not None else None
    return explain_wanted(wanted, _with_those_of(case, folders), archive)


def _with_those_of(case: Path | None, folders: Sequence[Path]) -> tuple[Path, ...]:
    """Give folders of rules, those of a case's last hunt among them."""
    from dwell.hunt.past import hunted_with, require

    held = hunted_with(Case.open(case)).rules if case is not None else ()
    return require(*dict.fromkeys((*folders, *held)))


def evidence_names(case: Path) -> dict[EvidenceId, str]:
    """Give the first path of each piece of evidence of a case.

    Args:
        case: the case folder.

    Raises:
        CaseError: the folder is no case, or of another version.
    """
    return {key: item.path for key, item in Case.open(case).register().items()}


def answers(
    case: Path, *, leads_per_week: int | None = None, workers: int | None = None, progress: Progress = _quiet
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
    counted, hunted = take_stock(held, open_archive(held)), _run_hunt(held, hunted_with(held), workers, progress)
    return _answered(held, hunted, counted, workers, progress, keep=leads_per_week is None, per_week=leads_per_week)


def _answered(
    held: Case,
    hunted: Hunted,
    counted: Stock,
    workers: int | None,
    progress: Progress,
    *,
    keep: bool = True,
    **said: Any,  # noqa: ANN401 - markings and settings to answer with, in place of those in force
) -> Answered:
    from dwell.answers.answering import answer
    from dwell.intake.ingest import open_archive

    archive, cache = open_archive(held, said.get("said")), held.cache("folded")
    found = answer(held, archive, hunted, counted.case_facts(), workers, cache, progress, keep=keep, **said)
    return Answered(found.summary, found.days, counted)


def _trying(held: Case, name: str, workers: int | None, progress: Progress) -> Callable[[Any], Summary]:
    """Give what answers with other markings or settings, and keeps nothing; with None, those in force are meant."""
    from dwell.hunt.past import hunted_with
    from dwell.intake.clocks import changes_clocks
    from dwell.intake.ingest import open_archive
    from dwell.intake.stock import stock as take_stock

    counted, before = take_stock(held, open_archive(held)), hunted_with(held)
    hunted = _run_hunt(held, before, workers, progress)

    def tried(said: Any) -> Summary:  # noqa: ANN401 - markings or settings
        clocks = said if name == "said" and changes_clocks(held, said) else None
        found = hunted if clocks is None else _run_hunt(held, before, workers, progress, clocks=clocks)
        return _answered(held, found, counted, workers, progress, keep=said is None, **{name: said}).summary

    return tried


def marking(
    case: Path, wanted: Wanted | Undo, *, workers: int | None = None, progress: Progress = _quiet
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
    case: Path, wanted: Wished | Unwanted, *, workers: int | None = None, progress: Progress = _quiet
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
    progress: Progress = _quiet,
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
    from dwell.intake.ingest import open_archive

    held = Case.open(case)
    archive, cache = open_archive(held), held.cache("folded")
    return plant(held, archive, plantings, wanted=wanted, workers=workers, cache=cache, progress=progress)


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


def why(case: Path, wanted: str, *, workers: int | None = None, progress: Progress = _quiet) -> Why:
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


def search(
    case: Path, terms: Sequence[str], *, limit: int, workers: int | None = None, progress: Progress = _quiet
) -> SearchResult:
    """Look for rows in all tables.

    Args:
        case: the case folder.
        terms: `column:value` with `*`, networks for addresses, `after:` and `before:`, or bare words; one text may
            hold several.
        limit: rows to give; all are counted.
        workers: processes.
        progress: told how far it is.

    Raises:
        UsageError: a term cannot be read.
        CaseError: the folder is no case, or of another version.
    """
    from dwell.intake.ingest import open_archive
    from dwell.intake.searching import search as run_search
    from dwell.intake.terms import cut

    return run_search(
        open_archive(Case.open(case)),
        [one for text in terms for one in cut(text)],
        limit,
        workers=workers,
        progress=lambda done, total: progress("searching", "", done, total),
    )


def first_seen(case: Path, value: str) -> tuple[Seen, ...]:
    """Say when a value was first and last seen, by column.

    Args:
        case: the case folder.
        value: the whole value of a column, as logged; letter case does not count.

    Raises:
        CaseError: the folder is no case, or of another version.
        CustodyError: a table is not what was written.
    """
    from dwell.intake.first_seen import first_seen as find_first_seen
    from dwell.intake.ingest import open_archive

    held = Case.open(case)
    return find_first_seen(open_archive(held), value, held.cache("held"))


def verify(case: Path) -> Iterator[Finding]:
    """Hash the evidence and everything made of it again; yield what was found, good and bad.

    Args:
        case: the case folder.

    Raises:
        CaseError: the folder is no case, or of another version.
    """
    from dwell.intake.verifying import verify as run_verify

    if not case.is_dir():
        raise CaseError("there is no such case folder", place=Place(case), remedy="Give the folder of a case with -c")
    yield from run_verify(Case.open(case))


def doctor(case: Path, evidence: Sequence[Path] = ()) -> Iterator[machine.Check]:
    """Look at everything that an investigation needs on this machine.

    Args:
        case: the case folder, made or to be made.
        evidence: what is to be brought in.
    """
    yield from machine.checks(case, tuple(evidence))
