"""Put rules to events twice, by the program and by a slow reading of the specification, and print every difference.

    field/judge.py                       all rules of ../shared/data/sigma, all events of ../shared/data
    field/judge.py --folder FOLDER       the same evidence elsewhere
    field/judge.py --keep FOLDER         the same, with what the slow reading says kept there; begin again to go on
    field/judge.py --keep F --minutes 60 so long at most; what was not reached is said
    field/judge.py --case CASE           the same in a case that is kept; made where it is not there, else used as it is
    field/judge.py --drawn 1000000       so many pairs of drawn rules and drawn events instead

Every rule has to end in one of five ways, and the five have to add up to the number of rules. Differences that are
explained in `tests/hunt/explained.toml` are marked; the exit code is 1 where one is not. Where the folder is absent the
reason is printed and the exit code is 0.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sigma.modifiers import modifier_mapping

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from tests.hunt.drawn import SUBJECTS, Subject, rules  # noqa: E402 - found beside this folder
from tests.hunt.judged import documents_of, explained, judge  # noqa: E402
from tests.hunt.test_hunt_against_specification import Compared, compare  # noqa: E402

from dwell.casebook.case import Case  # noqa: E402
from dwell.hunt.hunting import hunt  # noqa: E402
from dwell.hunt.sigma.load import load  # noqa: E402
from dwell.intake.ingest import ingest, open_archive  # noqa: E402
from dwell.model.claims import RuleStatus  # noqa: E402

__all__ = ["main"]

FOLDER = PROJECT.parent / "shared" / "data"
EVIDENCE = ("evtx", "otrf", "iis", "m365", "exchange", "web", "zeek")
UNSUPPORTED_MAX = 5
DRAWN_MIN, DRAWN_EVERY = 200, 5_000
"""Every modifier is in so many drawn rules, or in fewer where fewer than so many pairs are wanted for each."""
BATCH = 24
"""So many drawn lists of rules and of events are put to each other at once."""


def _accounted(case: Case, folder: Path) -> bool:
    """Print how the rules end; say whether all of them do, and few as unsupported."""
    found = hunt(open_archive(case), rule_folders=[folder / "sigma"])
    own = {one for one, info in found.rules.items() if info.pack}
    outcomes = [one for one in found.outcomes if one.rule_id not in own]
    counts = Counter(one.status for one in outcomes)
    written = sum(1 for _ in (folder / "sigma").rglob("*.yml"))
    print(f"{written:,} rule files: " + ", ".join(f"{counts[one]:,} {one.value}" for one in RuleStatus))
    for one in outcomes:
        if one.status in {RuleStatus.UNSUPPORTED, RuleStatus.INVALID}:
            print(f"{one.status.value}: {one.path}: {one.reason}")
    return sum(counts.values()) == written and counts[RuleStatus.UNSUPPORTED] <= UNSUPPORTED_MAX


def _ingested(folder: Path, place: Path) -> Case:
    """Give the case of the evidence, made where it is not there."""
    if place.exists():
        return Case.open(place)
    case = Case.create(place, "judge")
    with case.writing():
        ingest(case, [folder / one for one in EVIDENCE])
    return case


def _published(folder: Path, keep: Path | None, minutes: float, kept_case: Path | None) -> int:
    if not folder.is_dir():
        print(f"nothing done: {folder} is not on this machine; give the folder that holds the evidence")
        return 0
    ends = time.monotonic() + minutes * 60
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dwell-judge-") as place:
        case = _ingested(folder, kept_case or Path(place) / "case")
        whole = _accounted(case, folder)
        loaded = load([folder / "sigma"], pack=False).rules
        documents = documents_of([folder / "sigma"], frozenset(one.info.id for one in loaded.rules))
        found = judge(open_archive(case), loaded, documents, kept=keep, goes_on=lambda: time.monotonic() < ends)
    print(f"{found.pairs:,} pairs of rule and event; {found.met:,} met, by {found.rules:,} rules, on which both agree")
    reasons = explained()
    for one in found.differences:
        side = "only the program" if one.ours else "only the slow reading"
        reason = reasons.get(one.rule_id, "NOT EXPLAINED")
        print(
            f"{side}: {one.title} ({one.rule_id}), {one.table} {one.evidence_id[:16]} record {one.record_no}: {reason}"
        )
    left = sum(one.rule_id not in reasons for one in found.differences)
    print(f"{len(found.differences):,} differences, {left:,} of them not explained")
    if found.left:
        print(f"{found.left:,} data files were not reached; begin again with the same --keep to go on")
    return int(bool(left) or not whole)


def _pools(subject: Subject) -> list[tuple[list[Any], list[Any]]]:
    """Draw lists of records and of rules that belong together."""
    out: list[tuple[list[Any], list[Any]]] = []

    @settings(
        max_examples=BATCH,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(subject.rows, min_size=10, max_size=20),
        st.lists(rules(subject.fields, subject.source), min_size=4, max_size=8),
    )
    def draw(rows: list[Any], asked: list[Any]) -> None:
        out.append((rows, asked))

    draw()
    return out


def _all_drawn(wanted: int) -> int:
    """Put drawn rules to drawn records until there were so many pairs; the first difference ends it.

    Returns:
        1 where a modifier that the installed pySigma knows was drawn too seldom for what is said to hold of it.
    """
    counted, started = Compared(), time.perf_counter()
    while counted.pairs < wanted:
        for subject in SUBJECTS:
            rows, asked = ([one for some in each for one in some] for each in zip(*_pools(subject), strict=True))
            compare(subject, rows, asked, counted)
        print(f"{counted.pairs:,} pairs, all equal, {time.perf_counter() - started:.0f} s", flush=True)
    print(f"{counted.met:,} met; {counted.refused:,} drawn rules were not taken")
    print(f"{counted.not_missing:,} pairs of a rule with `not` and a record that lacks one of its fields")
    print(f"{counted.many:,} pairs of a rule and a record that holds several texts in one of its fields")
    least = min(DRAWN_MIN, wanted // DRAWN_EVERY)
    seldom = [one for one in sorted(modifier_mapping) if counted.drawn[one] < least or not counted.hit[one]]
    for one in sorted(modifier_mapping):
        print(f"{one}: in {counted.drawn[one]:,} rules, {counted.hit[one]:,} of them met by something")
    if seldom:
        print(f"drawn in fewer than {least} rules, or met by nothing: {', '.join(seldom)}")
    return int(bool(seldom))


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where rules and evidence are")
    parser.add_argument("--keep", type=Path, help="where what the slow reading says is kept, to go on from")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop before the next file after so long")
    parser.add_argument("--case", type=Path, help="a case that holds the evidence, or where it is to be made")
    parser.add_argument("--drawn", type=int, default=0, help="pairs of drawn rules and events")
    given_ = parser.parse_args(arguments)
    if given_.drawn:
        return _all_drawn(given_.drawn)
    return _published(given_.folder, given_.keep, given_.minutes, given_.case)


if __name__ == "__main__":
    sys.exit(main())
