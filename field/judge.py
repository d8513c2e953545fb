"""Put rules to events twice, by the program and by a slow reading of the specification, and print every difference.

    field/judge.py                       all rules of ../shared/data/sigma, all events of ../shared/data
    field/judge.py --folder FOLDER       the same evidence elsewhere
    field/judge.py --keep FOLDER         the same, with what the slow reading says kept there; begin again to go on
    field/judge.py --keep F --minutes 60 so long at most; what was not reached is said
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

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from tests.hunt.judged import documents_of, explained, judge  # noqa: E402 - found beside this folder
from tests.hunt.slow_sigma import iis_event  # noqa: E402
from tests.hunt.test_hunt_against_specification import (  # noqa: E402
    IIS_FIELDS,
    IIS_ROWS,
    PROXY_FIELDS,
    PROXY_ROWS,
    compare,
    proxy_event,
    rules,
)

from dwell.casebook.case import Case  # noqa: E402
from dwell.hunt.hunting import hunt  # noqa: E402
from dwell.hunt.sigma.load import load  # noqa: E402
from dwell.intake.ingest import ingest, open_archive  # noqa: E402
from dwell.model.claims import RuleStatus  # noqa: E402

__all__ = ["main"]

FOLDER = PROJECT.parent / "shared" / "data"
EVIDENCE = ("evtx", "otrf", "iis", "m365", "exchange", "web", "zeek")
UNSUPPORTED_MAX = 5
BATCH = 12
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


def _published(folder: Path, keep: Path | None, minutes: float) -> int:
    if not folder.is_dir():
        print(f"nothing done: {folder} is not on this machine; give the folder that holds the evidence")
        return 0
    ends = time.monotonic() + minutes * 60
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dwell-judge-") as place:
        case = Case.create(Path(place) / "case", "judge")
        with case.writing():
            ingest(case, [folder / one for one in EVIDENCE])
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


def _pools(count: int) -> tuple[list[list[Any]], list[list[Any]]]:
    """Draw rules and events for IIS and for HttpProxy, in lists that belong together."""
    drawn: tuple[list[list[Any]], list[list[Any]]] = ([], [])

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(IIS_ROWS, min_size=10, max_size=20),
        st.lists(rules(IIS_FIELDS, {"category": "webserver"}), min_size=4, max_size=8),
        st.lists(PROXY_ROWS, min_size=10, max_size=20),
        st.lists(rules(PROXY_FIELDS, {"product": "exchange", "service": "httpproxy"}), min_size=4, max_size=8),
    )
    def draw(rows: list[Any], asked: list[Any], proxied: list[Any], asked_there: list[Any]) -> None:
        drawn[0].append([rows, asked])
        drawn[1].append([proxied, asked_there])

    draw()
    return drawn


def _all_drawn(wanted: int) -> int:
    """Put drawn rules to drawn events until there were so many pairs; the first difference ends it."""
    pairs, started = 0, time.perf_counter()
    while pairs < wanted:
        for held, table, make in zip(_pools(BATCH * 4), ("iis", "httpproxy"), (iis_event, proxy_event), strict=True):
            for at in range(0, len(held), BATCH):
                part = held[at : at + BATCH]
                rows = [one for each in part for one in each[0]]
                asked = [one for each in part for one in each[1]]
                compare(table, rows, asked, make)
                pairs += len(rows) * len(asked)
        print(f"{pairs:,} pairs, all equal, {time.perf_counter() - started:.0f} s", flush=True)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where rules and evidence are")
    parser.add_argument("--keep", type=Path, help="where what the slow reading says is kept, to go on from")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop before the next file after so long")
    parser.add_argument("--drawn", type=int, default=0, help="pairs of drawn rules and events")
    given_ = parser.parse_args(arguments)
    return _all_drawn(given_.drawn) if given_.drawn else _published(given_.folder, given_.keep, given_.minutes)


if __name__ == "__main__":
    sys.exit(main())
