"""The pool: order, exceptions, killed workers, the item that kills, and no process left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine import work

from dwell.engine.pool import default_workers, run
from dwell.errors import WorkerError


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_items_order(workers: int) -> None:
    assert list(run(work.slow_first, range(8), workers=workers)) == list(range(8))


def test_results_may_come_as_they_are_done() -> None:
    found = list(run(work.slow_first, range(8), workers=2, ordered=False))
    assert sorted(found) == list(range(8))
    assert found[-1] == 0 or found.index(0) > 0


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_of_the_work_is_raised_here(workers: int) -> None:
    with pytest.raises(ValueError, match="13 is refused"):
        list(run(work.square, range(20), workers=workers))


@pytest.mark.parametrize("workers", [1, 2])
def test_no_items_no_results(workers: int) -> None:
    assert list(run(work.square, [], workers=workers)) == []


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = run(work.square, items(), workers=2)
    next(results)
    assert len(taken) < 20
    results.close()  # type: ignore[attr-defined]


def test_a_killed_worker_costs_a_retry_and_no_item(tmp_path: Path) -> None:
    items = [(number, str(tmp_path)) for number in range(8)]
    assert list(run(work.die_once, items, workers=2)) == list(range(8))
    assert (tmp_path / "died").exists()


def test_the_item_that_kills_is_named() -> None:
    found: list[int] = []
    with pytest.raises(WorkerError, match="died 3 times on the same item") as fault:
        found.extend(run(work.die_on_three, range(6), workers=2, ordered=False))
    assert fault.value.place is not None
    assert fault.value.place.path == "3"
    assert 3 not in found


@pytest.mark.parametrize("workers", [1, 2])
def test_an_item_that_kills_can_be_given_up(workers: int) -> None:
    found = list(run(work.die_on_three, range(6), workers=workers, isolated=True, lost=lambda number: -number))
    assert found == [0, 1, 2, -3, 4, 5]


def test_isolated_work_never_runs_here() -> None:
    assert os.getpid() not in list(run(work.process_id, range(3), workers=1, isolated=True))
    assert list(run(work.process_id, range(3), workers=1)) == [os.getpid()] * 3


def test_the_number_of_cores_is_a_number() -> None:
    assert 1 <= default_workers() <= (os.cpu_count() or 1)


_PARENT = """
import signal
import sys
from dwell.engine.pool import run
from tests.engine import work

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests in the background ignores it
    list(run(work.wait_long, [(number, sys.argv[1]) for number in range(4)], workers=2))
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_parent(tmp_path: Path, project: Path, how: signal.Signals) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    marks = tmp_path / "marks"
    marks.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(project)}
    with subprocess.Popen(
        [sys.executable, str(script), str(marks)], env=environment, stderr=subprocess.DEVNULL
    ) as parent:
        try:
            until = time.monotonic() + 30
            while len(list(marks.iterdir())) < 2 and time.monotonic() < until:
                time.sleep(0.05)
            workers = [int(one.name) for one in marks.iterdir()]
            assert len(workers) == 2
            parent.send_signal(how)
            parent.wait(20)
        finally:
            parent.kill()
    until = time.monotonic() + 10
    while any(map(_alive, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [one for one in workers if _alive(one)]


def _alive(process: int) -> bool:
    """Say whether a process runs; one that waits to be reaped does not."""
    stat = Path(f"/proc/{process}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
