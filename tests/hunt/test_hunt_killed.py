"""A hunt that is killed at any step and run again gives the bytes of one that was not, with one worker and with two."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.hunt.archives import load_rules
from tests.hunt.test_hunt_again import POOL, filled

from dwell.archive.store import Archive
from dwell.hunt.bundles import Bundle
from dwell.hunt.passes import kept_name
from dwell.intake.tables import specs

_HUNT = """
import hashlib, os, signal, sys
from pathlib import Path

import pyarrow as pa

from dwell.archive.store import Archive
from dwell.hunt.hunting import hunt
from dwell.intake.tables import specs

root, rules, cache, workers, last = sys.argv[1:]
steps = 0


def step(*_: object) -> None:
    global steps
    steps += 1
    if steps == int(last):
        os.kill(os.getpid(), signal.SIGKILL)


def replaced(self: Path, target: Path) -> Path:
    step()
    found = moved(self, target)
    step()
    return found


def unlinked(self: Path, missing_ok: bool = False) -> None:
    removed(self, missing_ok)
    step()


if __name__ == "__main__":
    moved, Path.replace = Path.replace, replaced
    removed, Path.unlink = Path.unlink, unlinked
    found = hunt(
        Archive(Path(root), specs()), rule_folders=[Path(rules)], workers=int(workers), cache=Path(cache), progress=step
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, found.hits.schema) as out:
        out.write_table(found.hits)
    told = sink.getvalue().to_pybytes() + repr((found.outcomes, found.rules_hash)).encode()
    print(hashlib.sha256(told).hexdigest(), found.hits.num_rows, steps)
"""
KILLS = 3


def hunted(*given: object) -> tuple[int, list[str]]:
    """Hunt in a process of its own; give how it ended, and what it told."""
    ended = subprocess.run([sys.executable, "-c", _HUNT, *map(str, given)], capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout.split()


def kept_in(cache: Path, root: Path) -> dict[tuple[str, str], tuple[object, object]]:
    """Give what is kept of each data file: what was seen, and hits and records in any order."""
    archive = Archive(root, specs())
    names = [kept_name(one) for table in archive.tables() for one in archive.files(table)]
    out: dict[tuple[str, str], tuple[object, object]] = {}
    for folder in cache.iterdir():
        bundle = Bundle(folder)
        held = {name: entry for name in names if (entry := bundle.get(name)) is not None}
        out |= {
            (folder.name, name): (one.said, [sorted(map(repr, table.to_pylist())) for table in one.tables])
            for name, one in held.items()
        }
    return out


@pytest.mark.parametrize("workers", [1, 2])
def test_a_hunt_that_is_killed_goes_on_to_the_same_bytes(tmp_path: Path, workers: int) -> None:
    drawn = random.Random(workers)  # noqa: S311
    root, rules = tmp_path / "archive", tmp_path / "rules"
    filled(root, 7, files=4)
    load_rules(rules, *POOL)
    ended, whole = hunted(root, rules, tmp_path / "whole", 1, 0)
    assert ended == 0
    assert int(whole[1]) > 0
    # with two workers only the steps of the process that waits for them are counted: one for each data file
    steps = int(whole[2]) if workers == 1 else 8
    cache = tmp_path / "cache"
    for _ in range(KILLS):
        ended, _ = hunted(root, rules, cache, workers, drawn.randint(1, steps))
        assert ended in {0, -signal.SIGKILL}  # what was kept before leaves fewer steps
    ended, found = hunted(root, rules, cache, workers, 0)
    assert ended == 0
    assert found[:2] == whole[:2]
    kept = kept_in(cache, root)
    assert kept == kept_in(tmp_path / "whole", root)
    assert len(kept) == 16  # rules, and who holds what, of eight files
