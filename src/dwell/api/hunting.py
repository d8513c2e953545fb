"""Rules, indicators and YARA over everything held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from dwell.api.progress import Progress, quiet
from dwell.casebook.case import Case
from dwell.casebook.trusted_hops import hops_in_force
from dwell.errors import room_for
from dwell.model.addresses import trusting
from dwell.model.settings import Setting

if TYPE_CHECKING:
    from dwell.hunt.explain import RuleExplained
    from dwell.hunt.hunting import Hunted
    from dwell.hunt.past import HuntedWith
    from dwell.hunt.sigma.loaded import Loaded
    from dwell.hunt.yara.load import YaraRules

__all__ = ["explain_rules", "hunt", "rules", "run_hunt"]


def run_hunt(
    case: Case,
    used: HuntedWith,
    workers: int | None,
    progress: Progress,
    suppressions: Sequence[Path] = (),
    today: date | None = None,
    loaded: Loaded | None = None,
    yara: YaraRules | None = None,
    clocks: Sequence[Setting] | None = None,
) -> Hunted:
    """Hunt in a case that is open.

    Args:
        case: the case.
        used: what is hunted with.
        workers: processes.
        progress: told how far it is.
        suppressions: files of suppressions.
        today: the day on which they are in force; the day it is where not given.
        loaded: rules that are loaded already.
        yara: YARA rules that are loaded already.
        clocks: settings to correct clocks by; None for those in force.

    Raises:
        DiskFullError: no room left; what was kept stays, and the same hunt goes on from there.
        CustodyError: a data file is not what was written.
    """
    from dwell.hunt.hunting import hunt as hunt_archive
    from dwell.hunt.yara.hunting import YaraWanted
    from dwell.intake.ingest import open_archive

    evidence = tuple(case.register().values()) if used.yara or yara else ()
    with trusting(hops_in_force(case)), room_for("hunting", case.root):
        return hunt_archive(
            open_archive(case, clocks),
            rule_folders=used.rules,
            loaded=loaded,
            indicator_files=used.indicators,
            list_files=used.lists,
            warning_files=used.warning_lists,
            yara=YaraWanted(used.yara, used.accepted, evidence, yara),
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
    progress: Progress = quiet,
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
        DiskFullError: no room left; run again to go on.
    """
    from dwell.hunt.past import hunted_with, keep_rules, require
    from dwell.hunt.suppressions import recorded

    held = Case.open(case)
    given = {"rules": rules, "indicators": indicators, "lists": lists, "warning_lists": warning_lists, "yara": yara}
    used = hunted_with(held).now(given, accepted)
    require(*suppressions)
    with held.writing(), room_for("hunting", case):
        found = run_hunt(held, used, workers, progress, suppressions, today)
        ended = {"rules_hash": found.rules_hash, "faults": list(found.faults)}
        held.record("hunt", used.told() | recorded(found.suppressions) | ended)
        keep_rules(held, found)
    return found


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
        case: a case, to say what is held there, and what its hunt says of them; its last hunt's folders are looked in
            as well, and its lists fill placeholders.

    Raises:
        UsageError: no rule has such an id, and there is no such file.
        RuleFileError: a folder holds no rule file.
        CaseError: the folder is no case, or of another version.
        CustodyError: a table is not what was written.
    """
    from dwell.hunt.explain import explain_wanted
    from dwell.hunt.past import hunted_with, require
    from dwell.intake.ingest import open_archive

    if case is None:
        return explain_wanted(wanted, _with_those_of(case, folders))
    held = Case.open(case)
    with trusting(hops_in_force(held)), room_for("putting rules to the case"):
        lists = require(*hunted_with(held).lists)
        return explain_wanted(wanted, _with_those_of(case, folders), open_archive(held), list_files=lists)


def _with_those_of(case: Path | None, folders: Sequence[Path]) -> tuple[Path, ...]:
    """Give folders of rules, those of a case's last hunt among them."""
    from dwell.hunt.past import hunted_with, require

    held = hunted_with(Case.open(case)).rules if case is not None else ()
    return require(*dict.fromkeys((*folders, *held)))
