"""How fast stored event records are hunted with published rules.

Fills up the sample logs of the evidence folder (Security, System, Sysmon) to a size, ingests them, hunts all rules once
to compile what is compiled once, and then again: events a second of processor time, on one core.

Run it from the project's root: `python -m benchmarks.hunt_events --mb 128 --rules FOLDER`.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.event_log import write_event_log

from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.engine import memory
from dwell.hunt.databases import keep_in
from dwell.hunt.gathered import find_all, gathered
from dwell.hunt.sigma.keeping import load_kept
from dwell.hunt.wide import Hunter
from dwell.intake.ingest import ingest
from dwell.intake.tables import specs

__all__ = ["main"]

_EVTX = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "evtx"
_LOGS = ("security.evtx", "system.evtx", "sysmon.evtx")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=128, help="size of each log in MiB")
    parser.add_argument("--rules", type=Path, help="folder of Sigma rules besides our own")
    parser.add_argument("--rules-cache", type=Path, help="folder where loaded rules are kept")
    parser.add_argument("--evidence", type=Path, default=_EVTX, help="folder with the sample logs")
    arguments = parser.parse_args()
    memory.settle()  # as in a worker
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for name in _LOGS:
            write_event_log(sorted(arguments.evidence.rglob(name))[0], scratch / "logs" / name, arguments.mb << 20)
        case = Case.create(scratch / "case")
        with case.writing():
            ingest(case, [scratch / "logs"], workers=1)
        archive = Archive(case.archive_root, specs())
        files = archive.files("evtx")
        events = sum(one.staged.rows for one in files)
        print(f"{events:,} events in {len(files)} data files")
        cache = arguments.rules_cache or scratch / "cache"
        cache.mkdir(exist_ok=True)
        keep_in(cache)
        hunter = Hunter(load_kept([arguments.rules] if arguments.rules else [], cache).rules)
        taken = []
        for _ in range(3):
            started = time.process_time()
            met = sum(one.hits.num_rows for group in gathered(files) for one in find_all(hunter, group))
            taken.append(time.process_time() - started)
        best = min(taken[1:])
        rules = sum(
            bool(hunter.rules.wheres[case.where].table == "evtx") for one in hunter.rules.rules for case in one.cases
        )
        print(f"{len(hunter.rules.rules):,} rules, {rules:,} cases of theirs about events, {met:,} rows of hits")
        print(f"{best:.2f} s of processor time (the first time, compiling: {taken[0]:.2f} s)")
        print(f"{events / best / 1e6:.3f} M events a second of processor time")
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
