"""What the reasoning finds in worlds whose truth is known: every scenario of the exercise, over several seeds.

    python benchmarks/worlds.py --seeds 1 2 3 --write     # writes benchmarks/reasoning.md

Each world is written, brought in, hunted, marked where the house ordered a test, and answered as a user would, and the
summary is held against the truth. The worlds are smaller than the exercise's default (mailboxes and months can be given).
As many are made at once as there are cores, each by one process with one thread.

What a world gave is kept in `benchmarks/reasoning.json` with a hash of what it rests on: the program, the libraries it is
locked to, and the scenario. A run that was broken off goes on where it was, and only what has changed is made again; with
`--keep` results of an older state are taken as well, and the page says which these are. First seeds come first.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.worlds_page import World, missed, page

from dwell.drill import DrillPlan, Scenario, scenario, scenarios

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).parent / "reasoning.md"
RESULTS = Path(__file__).parent / "reasoning.json"
LAST = datetime(2021, 4, 1, tzinfo=UTC)
MEASURE = 2
"""Goes up where something else is measured of a world."""
THREADS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_NUM_THREADS")
BESIDE = ("cli/", "report/", "drill/scenarios.toml")
"""Parts of the program on which nothing that is measured rests."""
STILL = frozenset({"report/summary_json.py"})

Kept = dict[str, dict[str, Any]]


def rests_on(about: Scenario, tree: str) -> str:
    """Give the hash of what a world's result rests on."""
    return hashlib.sha256(f"{MEASURE}\n{tree}\n{about!r}".encode()).hexdigest()[:16]


def tree_hash(root: Path = ROOT) -> str:
    """Give the hash of the program, without what only prints, and of the libraries it is locked to."""
    whole = hashlib.sha256((root / "requirements" / "run.txt").read_bytes())
    source = root / "src" / "dwell"
    for path in sorted(one for one in source.rglob("*") if one.is_file() and "__pycache__" not in one.parts):
        name = path.relative_to(source).as_posix()
        if name in STILL or not name.startswith(BESIDE):
            whole.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def needed(summary: Mapping[str, Any], truth: Mapping[str, Any]) -> int | None:
    """Give the rank of the last lead needed to come upon all of the quiet intruder's mailboxes; None where none is."""
    own = [one for one in truth["intruders"] if one["id"] == "quiet"]
    quiet = {mailbox for one in own for mailbox in one["mailboxes"]}
    networks = {client.rpartition(".")[0] for one in own for client in one["clients"]}
    ranks = {
        lead["mailbox"]: lead["rank"]
        for lead in reversed(summary["leads"])
        if lead["mailbox"] in quiet and any(lead["client"].startswith(f"{one}.") for one in networks)
    }
    return max(ranks.values()) if quiet and set(ranks) == quiet else None


def investigate(name: str, seed: int, mailboxes: int, first: datetime) -> dict[str, Any]:
    """Write a world and investigate it; give what it was found to be, and the seconds of processor time."""
    # here, and not in the process that waits: the number of threads is set by now
    from dwell import api
    from dwell.answers.marking import Wanted
    from dwell.drill import score, write_drill
    from dwell.model.markings import MarkingVerdict
    from dwell.report.summary_json import summary_dict

    began = time.process_time()
    with tempfile.TemporaryDirectory(prefix="dwell-world-") as made:
        folder = Path(made)
        plan = DrillPlan(seed, mailboxes, first, LAST, scenario(name))
        truth = write_drill(folder / "evidence", folder / "truth.json", plan)
        api.ingest(folder / "case", [folder / "evidence"], workers=1)
        api.hunt(folder / "case", workers=1)
        for network in truth["innocent"]["ours"]:
            wanted = Wanted(network, MarkingVerdict.OURS, "a test that the house ordered", "the exercise")
            api.keep_marking(folder / "case", api.marking(folder / "case", wanted, workers=1))
        summary = summary_dict(api.answers(folder / "case", workers=1).summary)
        found = score(summary, truth)
    seconds = round(time.process_time() - began, 1)
    return found.as_dict() | {"leads_needed": needed(summary, truth), "seconds": seconds}


def place(name: str, seed: int, mailboxes: int, months: int) -> str:
    """Give the name under which a world's result is kept."""
    return f"{name} {seed} {mailboxes}x{months}"


def load(path: Path = RESULTS) -> Kept:
    """Give what is kept; nothing where nothing is."""
    kept: Kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return kept


def keep(kept: Kept, path: Path = RESULTS) -> None:
    """Keep results: a run that is killed leaves the file before or the file after."""
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(one, sort_keys=True)}" for name, one in sorted(kept.items()))
    beside = path.with_suffix(".new")
    beside.write_text(f"{{\n{lines}\n}}\n", "utf-8")
    beside.replace(path)


def worlds(kept: Kept, arguments: argparse.Namespace, tree: str) -> Iterator[World]:
    """Yield what is kept of the worlds that were asked for; those of another state as older."""
    for name in arguments.names or list(scenarios()):
        for seed in arguments.seeds:
            found = kept.get(place(name, seed, arguments.mailboxes, arguments.months))
            if found is not None:
                older = found["rests_on"] != rests_on(scenario(name), tree)
                yield World(name, scenario(name).about, seed, found["found"], older)


def due(kept: Kept, arguments: argparse.Namespace, tree: str) -> list[tuple[str, int]]:
    """Give the worlds that have to be made, first seeds first."""
    out = []
    for seed in arguments.seeds:
        for name in arguments.names or list(scenarios()):
            found = kept.get(place(name, seed, arguments.mailboxes, arguments.months))
            fresh = found is not None and (arguments.keep or found["rests_on"] == rests_on(scenario(name), tree))
            if not fresh:
                out.append((name, seed))
    return out


def run(kept: Kept, todo: Sequence[tuple[str, int]], arguments: argparse.Namespace, tree: str) -> int:
    """Make worlds, as many at once as was said, and keep each as soon as it is there; give how many failed."""
    first = datetime(LAST.year - (arguments.months + 8) // 12, (3 - arguments.months) % 12 + 1, 1, tzinfo=UTC)
    os.environ.update(dict.fromkeys(THREADS, "1"))
    until = None if arguments.minutes is None else time.monotonic() + 60 * arguments.minutes
    waiting = iter(todo)
    faults = 0
    with ProcessPoolExecutor(arguments.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: dict[Future[dict[str, Any]], tuple[str, int]] = {}
        while True:
            while len(running) < arguments.jobs and (until is None or time.monotonic() < until):
                name, seed = next(waiting, ("", 0))
                if not name:
                    break
                running[pool.submit(investigate, name, seed, arguments.mailboxes, first)] = (name, seed)
            if not running:
                return faults
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name, seed = running.pop(future)
                if (fault := future.exception()) is not None:
                    print(f"{name} {seed}: FAILED: {fault!r}", flush=True)
                    faults += 1
                    continue
                found = future.result()
                at = place(name, seed, arguments.mailboxes, arguments.months)
                kept[at] = {"rests_on": rests_on(scenario(name), tree), "found": found}
                keep(kept)
                told = missed(World(name, scenario(name).about, seed, found, older=False))
                print(f"{name} {seed}: {'; '.join(told) or 'as it should be'} ({found['seconds']} s)", flush=True)


def main() -> int:
    """Run the worlds and print, or write, the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="scenarios; all of them where none is named")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--mailboxes", type=int, default=160)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="worlds made at once")
    parser.add_argument("--minutes", type=float, help="begin no world after so many minutes")
    parser.add_argument("--keep", action="store_true", help="take results of an older state of the program too")
    parser.add_argument("--page-only", action="store_true", help="make no world; the page of what is kept")
    parser.add_argument("--write", action="store_true", help="write benchmarks/reasoning.md")
    arguments = parser.parse_args()
    tree, kept = tree_hash(), load()
    todo = [] if arguments.page_only else due(kept, arguments, tree)
    failed = run(kept, todo, arguments, tree)
    found = [one for one in worlds(kept, arguments, tree) if arguments.keep or arguments.page_only or not one.older]
    seeds = " ".join(map(str, arguments.seeds))
    command = f"python benchmarks/worlds.py --seeds {seeds} --mailboxes {arguments.mailboxes} "
    command += f"--months {arguments.months} --write"
    if any(one.older for one in found):
        command += " --keep"
    text = page(found, arguments.seeds, arguments.mailboxes, arguments.months, command)
    if arguments.write:
        PAGE.write_text(text, "utf-8")
    else:
        print(text)
    return int(failed > 0 or any(one.found["innocent_exposed"] or not one.found["apart"] for one in found))


if __name__ == "__main__":
    sys.exit(main())
