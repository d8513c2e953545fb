"""A case answered on a hunt: worked out, or taken from what was kept of the same evidence, rules and settings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from dwell.answers.assemble import assemble
from dwell.answers.kept import Kept, read_kept, stamp, write_kept
from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.casebook.evidence import Evidence
from dwell.casebook.markings import in_force
from dwell.casebook.settings import set_in
from dwell.casebook.trusted_hops import hops_in_force
from dwell.hunt.hunting import Hunted
from dwell.intake.clocks import corrections
from dwell.intake.hosts import folder_for_host
from dwell.intake.units import outgrown
from dwell.model.addresses import trusting
from dwell.model.claims import CaseFacts
from dwell.model.markings import Marking
from dwell.model.power import Power
from dwell.model.provenance import EvidenceId
from dwell.model.settings import Setting, SettingKind, leads_per_week
from dwell.scope.as_tables import AsTable, folder, read_table
from dwell.scope.clients import ACCOUNTS_MIN, FOREIGN_BITS
from dwell.scope.investigation import investigate
from dwell.scope.power import power_in
from dwell.scope.silences import DELETED

__all__ = ["answer", "plant"]

POWER = "power.msgpack"

Otherwise = Callable[[Sequence[Setting]], tuple[Archive, Hunted]]
"""Gives the archive, clocks corrected by these settings, and what the hunt met in it."""
Progress = Callable[[str, str, int, int], None]
"""Told (phase, what, done, total): `folding` in data files, `planting` in intruders, `answering` without a number."""


def _settings(hunted: Hunted, planted: Power | None, hops: Sequence[str], per_week: int) -> tuple[tuple[str, str], ...]:
    """Give the settings that the answers rest on. No path of this machine: equal evidence gives equal answers."""
    return (
        ("leads per week", str(per_week)),
        ("an agent is foreign from (bits)", str(FOREIGN_BITS)),
        ("accounts that make a cluster", str(ACCOUNTS_MIN)),
        ("rules", f"{len(hunted.outcomes)} loaded, {hunted.rules_hash[:16]}"),
        *(() if planted is None else (("planted intruders", f"each kind {planted.rows[0].plantings} times"),)),
        *((("trusted hops", ", ".join(hops)),) if hops else ()),
    )


def _power_stamp(
    archive: Archive,
    hunted: Hunted,
    hops: Sequence[str],
    said: Sequence[Setting],
    markings: Sequence[Marking],
    per_week: int,
) -> str:
    """Give what a run of planted intruders hangs on.

    A budget, settings, and markings of clients change what is found; logs that rules saw being deleted, what was recorded.
    """
    judged = repr([one for one in markings if not one.beside])
    deleting = sorted(name for name, rule in hunted.rules.items() if rule.catalogue == DELETED)
    deleted = pc.sum(pc.is_in(hunted.hits["rule_id"], value_set=pa.array(deleting, pa.string()))).as_py() or 0
    beside = (
        ("leads per week", str(per_week)),
        ("set", repr(list(said))),
        ("markings", judged),
        ("deleted", str(deleted)),
    )
    return stamp(archive.version(), "", (*(("trusted hop", one) for one in hops), *beside))


def _table(case: Case, said: Sequence[Setting]) -> AsTable | None:
    """Read the table of autonomous systems that is set: from the case, or where it lies while it is not saved."""
    one = next((one for one in said if one.kind is SettingKind.ASN), None)
    if one is None:
        return None
    found = read_table(Path(one.path) if one.path else folder(case.root) / one.sha256, wanted=one.sha256)
    return replace(found, file=one.value, dated=one.dated)


def _digest(of_each: Mapping[EvidenceId, str]) -> str:
    """Give a name for what is said of each piece of evidence beside its records: the answers hang on it too."""
    told = "\n".join(f"{key} {value}" for key, value in sorted(of_each.items()))
    return hashlib.sha256(told.encode()).hexdigest()


def answer(
    case: Case,
    archive: Archive,
    hunted: Hunted,
    facts: CaseFacts,
    workers: int | None,
    cache: Path | None,
    progress: Progress,
    *,
    markings: Sequence[Marking] | None = None,
    said: Sequence[Setting] | None = None,
    per_week: int | None = None,
    keep: bool = True,
    otherwise: Otherwise | None = None,
) -> Kept:
    """Answer the seven questions.

    Args:
        case: the case.
        archive: its tables, clocks corrected by what is set.
        hunted: the hunt that the answers rest on.
        facts: the case's numbers.
        workers: processes.
        cache: folder where folded tables are kept between runs.
        progress: told how far it is.
        markings: what a person says; None for the markings in force.
        said: what is set for the case; None for the settings in force.
        per_week: leads that can be looked at in a week; None for what is set.
        keep: whether the answers are kept as those of the case.
        otherwise: gives the archive and the hunt by the settings that are given; where it is given, the answers say
            what they would be without a person's word on clocks.

    Raises:
        CustodyError: a table is not what was written.
    """
    hops = hops_in_force(case)
    register = case.register()
    written = {key: item.written_utc for key, item in register.items()}
    markings = in_force(case) if markings is None else markings
    said = set_in(case) if said is None else said
    per_week = leads_per_week(said) if per_week is None else per_week
    planted = read_kept(case.derived_root / POWER, _power_stamp(archive, hunted, hops, said, markings, per_week), Power)
    settings = _settings(hunted, planted, hops, per_week)
    longest = outgrown(case)
    folders = _folders(register)
    paths = {key: [one.path for one in item.places] for key, item in register.items()}
    beside = (
        ("last written", _digest(written)),
        ("grown", _digest(longest)),
        ("markings", repr(markings)),
        ("folders", _digest(folders)),
        ("set", repr(said)),
    )
    wanted = stamp(archive.version(), hunted.rules_hash, (*settings, *beside))
    place = case.derived_root / "answers.msgpack"
    kept = read_kept(place, wanted, Kept)
    if kept is None:
        with trusting(hops):
            found = investigate(
                archive,
                hunted,
                paths,
                written=written,
                outgrown=longest,
                folders=folders,
                markings=markings,
                settings=said,
                table=_table(case, said),
                per_week=per_week,
                corrected=corrections(case, said),
                workers=workers,
                cache=cache,
                progress=lambda done, total, what: progress("folding", what, done, total),
            )
            words = _heeded_clocks(case, said)
            if otherwise is not None and words:
                unworded = [one for one in said if one.kind is not SettingKind.CLOCK]
                bare, hunted_bare = otherwise(unworded)
                undated = investigate(
                    bare,
                    hunted_bare,
                    paths,
                    written=written,
                    outgrown=longest,
                    folders=folders,
                    table=_table(case, said),
                    corrected=corrections(case, unworded),
                    workers=workers,
                    cache=cache,
                    progress=lambda done, total, what: progress("folding", what, done, total),
                )
                heard = replace(found.said, before_all=(*found.said.before_all, *words))
                found = replace(found, said=heard, undated=undated)
            progress("answering", "", 0, 0)
            kept = Kept(wanted, assemble(found, facts, settings, planted), found.ledger.days())
        if keep:
            write_kept(place, kept)
    return kept


def _heeded_clocks(case: Case, said: Sequence[Setting]) -> tuple[Setting, ...]:
    """Give the words on clocks without which something would be corrected otherwise."""
    words = [one for one in said if one.kind is SettingKind.CLOCK]
    now = corrections(case, said)
    if not words or corrections(case, [one for one in said if one not in words]) == now:
        return ()
    alone = [one for one in words if corrections(case, [other for other in said if other is not one]) != now]
    return tuple(alone or words)


def _folders(register: Mapping[EvidenceId, Evidence]) -> dict[EvidenceId, str]:
    """Give the folder that stands for the host of each file whose path names none."""
    return {
        key: folder_for_host(item.places[0].path, item.places[0].root)
        for key, item in register.items()
        if not item.host
    }


def plant(
    case: Case,
    archive: Archive,
    hunted: Hunted,
    plantings: int,
    *,
    wanted: Sequence[str],
    workers: int | None,
    cache: Path | None,
    progress: Progress,
) -> Power:
    """Plant intruders in what a case holds, in memory, and see which are found; a run of all kinds is kept.

    Args:
        case: the case.
        archive: its tables.
        hunted: the hunt that the answers rest on.
        plantings: how often each kind is planted.
        wanted: keys of kinds; all where none is named.
        workers: processes for the folding.
        cache: folder where folded tables are kept between runs.
        progress: told how far it is.

    Raises:
        CustodyError: a table is not what was written.
    """
    hops, said, markings, register = hops_in_force(case), set_in(case), in_force(case), case.register()
    per_week = leads_per_week(said)
    with trusting(hops):
        found = power_in(
            archive,
            {key: [one.path for one in item.places] for key, item in register.items()},
            outgrown=outgrown(case),
            folders=_folders(register),
            written={key: item.written_utc for key, item in register.items()},
            settings=said,
            markings=markings,
            per_week=per_week,
            stamp=_power_stamp(archive, hunted, hops, said, markings, per_week),
            hunted=hunted,
            plantings=plantings,
            wanted=wanted,
            workers=workers,
            cache=cache,
            progress=lambda done, total, what: progress("folding", what, done, total),
            steps=lambda kind, done, total: progress("planting", kind, done, total),
        )
    if not wanted:
        write_kept(case.derived_root / POWER, found)
    return found
