"""A pool of processes in which a killed worker costs a retry, never an item.

A bare process pool breaks for good when one of its workers dies. Here the items that were under way are run again in a
new pool, one at a time, so that the item that kills its worker is found and named, and every other one is done.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from dwell.engine import memory
from dwell.errors import Place, WorkerError

__all__ = ["ATTEMPTS_MAX", "default_workers", "run"]

T = TypeVar("T")
R = TypeVar("R")

ATTEMPTS_MAX = 3
NAMED_MAX = 500
"""Characters of an item that a fault shows."""


def default_workers() -> int:
    """Give the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def _enter() -> None:
    """Leave Ctrl-C to the parent, and do not outlive it: a worker whose parent was killed would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    memory.settle()
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_enter)


def _stop(pool: ProcessPoolExecutor) -> None:
    """End a pool at once, whatever its workers are doing."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for one in processes:
        one.kill()
    for one in processes:
        one.join()


def run(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    workers: int | None = None,
    ordered: bool = True,
    isolated: bool = False,
    lost: Callable[[T], R] | None = None,
) -> Iterator[R]:
    """Apply `work` to every item and yield the results.

    Args:
        work: a function that can be pickled; its own exceptions are raised here.
        items: what to apply it to; taken lazily.
        workers: processes; 1 runs in this process, unless `isolated`.
        ordered: in the items' order; otherwise as they are done.
        isolated: never run in this process, so that an item that kills its process does not kill this one.
        lost: gives the result of an item on which a worker died `ATTEMPTS_MAX` times; runs in this process.

    Raises:
        WorkerError: a worker died `ATTEMPTS_MAX` times on the same item, and there is no `lost`.
    """
    count = workers or default_workers()
    if count == 1 and not isolated:
        memory.settle()
        yield from map(work, items)
        return
    results = _results(work, enumerate(items), count, lost)
    if not ordered:
        for _, result in results:
            yield result
        return
    ready: dict[int, R] = {}
    following = 0
    for index, result in results:
        ready[index] = result
        while following in ready:
            yield ready.pop(following)
            following += 1


def _results(
    work: Callable[[T], R], numbered: Iterator[tuple[int, T]], workers: int, lost: Callable[[T], R] | None
) -> Iterator[tuple[int, R]]:
    """Yield results as they are done, starting a new pool whenever a worker has died."""
    exhausted = False
    while not exhausted:
        suspects: list[tuple[int, T]] = []
        pending: dict[Future[R], tuple[int, T]] = {}
        pool = _pool(workers)
        over = False
        try:
            while not suspects:
                while not exhausted and len(pending) < workers * 2:
                    following = next(numbered, None)
                    if following is None:
                        exhausted = True
                    else:
                        pending[pool.submit(work, following[1])] = following
                if not pending:
                    break
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                yield from _gather(done, pending, suspects)
            if suspects:
                # a dead worker breaks the whole pool: everything still under way comes back as broken
                done, _ = wait(pending)
                yield from _gather(done, pending, suspects)
            over = not suspects
        finally:
            if over:
                pool.shutdown()
            else:
                _stop(pool)
        for index, item in sorted(suspects, key=lambda one: one[0]):
            yield index, _alone(work, item, lost)


def _gather(
    done: Iterable[Future[R]], pending: dict[Future[R], tuple[int, T]], suspects: list[tuple[int, T]]
) -> Iterator[tuple[int, R]]:
    for future in list(done):
        index, item = pending.pop(future)
        try:
            result = future.result()
        except BrokenProcessPool:
            suspects.append((index, item))
        else:
            yield index, result


def _alone(work: Callable[[T], R], item: T, lost: Callable[[T], R] | None) -> R:
    """Run one item in a pool of its own, so that the item that kills its worker is known."""
    for _ in range(ATTEMPTS_MAX - 1):
        with _pool(1) as pool:
            try:
                return pool.submit(work, item).result()
            except BrokenProcessPool:
                continue
            except BaseException:
                _stop(pool)
                raise
    if lost is not None:
        return lost(item)
    raise WorkerError(
        f"a worker process died {ATTEMPTS_MAX} times on the same item",
        place=Place(str(item)[:NAMED_MAX]),
        remedy="Look for lack of memory; run again with --workers 1 to see the fault itself",
    )
