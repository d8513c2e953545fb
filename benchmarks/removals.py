"""Takes evidence away at random and answers again: less evidence may never make anybody look more innocent.

    python benchmarks/removals.py --world not-cleaned-up --removals 100

Each time one file, or two, are left out of an exercise, and the rest is read, hunted and answered as a case of its own.
What became firmer is printed: a doubt that is gone, a check that passes now, an hour that counts as seen now.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dwell.answers.assemble import assemble
from dwell.casebook.case import Case
from dwell.drill import DrillPlan, scenario, write_drill
from dwell.hunt.hunting import hunt
from dwell.intake.ingest import ingest, open_archive
from dwell.model.claims import EXPOSED, CaseFacts, CheckStatus, Grade, ReachVerdict, Summary
from dwell.model.coverage import Coverage
from dwell.scope.cells import EMPTY, HELD
from dwell.scope.investigation import investigate
from dwell.scope.ledger import Ledger

__all__ = ["Told", "answered", "draw", "firmer", "without"]

LAST = datetime(2021, 3, 14, tzinfo=UTC)
DOUBT = frozenset({Grade.UNDETERMINABLE, *EXPOSED})


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of some evidence: the answers, and the ledger they rest on."""

    summary: Summary
    ledger: Ledger


def answered(evidence: Path, root: Path) -> Told:
    """Read, hunt and answer a folder of evidence.

    Args:
        evidence: the folder.
        root: where the case is made.
    """
    case = Case.create(root)
    with case.writing():
        result = ingest(case, [evidence], workers=1)
    archive, register = open_archive(case), case.register()
    found = investigate(
        archive,
        hunt(archive, workers=1),
        {key: tuple(place.path for place in one.places) for key, one in register.items()},
        written={key: one.written_utc for key, one in register.items()},
        workers=1,
    )
    facts = CaseFacts("case", len(register), result.records, result.anomalies, None, None)
    return Told(assemble(found, facts), found.ledger)


def _less(before: Coverage | None, after: Coverage | None) -> bool:
    """Say whether a coverage fell, in hours or in share."""
    if before is None or after is None:
        return after is None
    return after.hours_able < before.hours_able or (after.share or 0) < (before.share or 0)


def _mailboxes(before: Summary, after: Summary) -> Iterator[str]:
    now = {one.mailbox: one for one in after.mailboxes}
    for one in before.mailboxes:
        other = now.get(one.mailbox)
        if other is None or other.grade is not Grade.NO_SIGN or one.grade not in DOUBT:
            continue
        if one.grade is Grade.UNDETERMINABLE or not _less(one.coverage, other.coverage):
            yield f"{one.mailbox}: {one.grade.value} to no-sign"


def _systems(before: Summary, after: Summary) -> Iterator[str]:
    now = {(one.system, one.system_class): one for one in after.reach}
    for one in before.reach:
        other = now.get((one.system, one.system_class))
        if other is None or other.verdict is not ReachVerdict.NO_SIGN or one.verdict is ReachVerdict.NO_SIGN:
            continue
        if one.verdict is ReachVerdict.NOT_COVERED or not _less(one.coverage, other.coverage):
            yield f"{one.system}: {one.verdict.value} to no-sign"


def _checks(before: Summary, after: Summary) -> Iterator[str]:
    passed = {(one.key, one.check) for one in before.eviction if one.status is CheckStatus.PASS}
    asked = {(one.key, one.check): one for one in before.eviction}
    for one in after.eviction:
        key = (one.key, one.check)
        if one.status is CheckStatus.PASS and key in asked and key not in passed:
            yield f"{one.check}: {asked[key].status.value} to pass ({one.why}; was: {asked[key].why})"


def _hours(before: Ledger, after: Ledger) -> Iterator[str]:
    for (host, source), line in sorted(after.lines.items()):
        old = before.lines.get((host, source))
        seen = {line.start + place for place, one in enumerate(line.states.tolist()) if one in {HELD, EMPTY}}
        held = (
            set()
            if old is None
            else {old.start + place for place, one in enumerate(old.states.tolist()) if one in {HELD, EMPTY}}
        )
        if seen - held:
            yield f"{host} {source}: {len(seen - held)} hours are seen that were not"


def firmer(before: Told, after: Told) -> list[str]:
    """Say what is more certain of innocence in what is said of less evidence.

    Args:
        before: what is said of all of it.
        after: what is said of a part of it.
    """
    return [
        *_mailboxes(before.summary, after.summary),
        *_systems(before.summary, after.summary),
        *_checks(before.summary, after.summary),
        *_hours(before.ledger, after.ledger),
    ]


def without(evidence: Path, gone: Sequence[Path], folder: Path) -> Path:
    """Give a copy of a folder of evidence, by hard links, without some of its files; times of files are kept."""
    for path in sorted(evidence.rglob("*")):
        if path.is_file() and path not in gone:
            place = folder / path.relative_to(evidence)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, place)
    return folder


def draw(evidence: Path, removals: int, seed: int, pairs: float = 0.25) -> Iterator[tuple[Path, ...]]:
    """Draw the files that are left out, kinds of file as often as one another: most files are of few kinds.

    Args:
        evidence: the folder.
        removals: how often.
        seed: for the draw.
        pairs: share of the times that two are left out.
    """
    rng = random.Random(seed)  # noqa: S311 - places, not secrets
    kinds: dict[tuple[str, ...], list[Path]] = {}
    for path in sorted(one for one in evidence.rglob("*") if one.is_file()):
        name = path.name if path.suffix in {".csv", ".xml"} else path.suffix
        kinds.setdefault((*path.relative_to(evidence).parts[:-1], name), []).append(path)
    order = sorted(kinds)
    for _ in range(removals):
        many = 2 if rng.random() < pairs else 1
        yield tuple(sorted({rng.choice(kinds[rng.choice(order)]) for _ in range(many)}))


def _run(plan: DrillPlan, removals: int, seed: int, work: Path) -> Mapping[tuple[Path, ...], list[str]]:
    evidence = work / "evidence"
    write_drill(evidence, work / "truth.json", plan)
    before = answered(evidence, work / "whole")
    found: dict[tuple[Path, ...], list[str]] = {}
    for number, gone in enumerate(draw(evidence, removals, seed), 1):
        names = tuple(one.relative_to(evidence) for one in gone)
        if names not in found:
            after = answered(without(evidence, gone, work / "less"), work / "case")
            found[names] = firmer(before, after)
            shutil.rmtree(work / "less")
            shutil.rmtree(work / "case")
        for one in found[names]:
            print(f"  without {' and '.join(map(str, names))}: {one}", flush=True)
        print(f"\r{number} of {removals}", end="", file=sys.stderr, flush=True)
    return found


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", nargs="+", default=["default"])
    parser.add_argument("--removals", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mailboxes", type=int, default=20)
    parser.add_argument("--days", type=int, default=14)
    given = parser.parse_args()
    faults = 0
    for name in given.world:
        plan = DrillPlan(given.seed, given.mailboxes, LAST - timedelta(days=given.days), LAST, scenario(name))
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="dwell-removals-") as work:
            found = _run(plan, given.removals, given.seed, Path(work))
        firm = sum(bool(one) for one in found.values())
        faults += firm
        took = time.perf_counter() - begun
        print(f"{name}: {given.removals} removals, {len(found)} different, {firm} made something firmer; {took:.0f} s")
    return int(faults > 0)


if __name__ == "__main__":
    raise SystemExit(main())
