"""What the pool's tests have it do; it must be importable by the worker processes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def square(number: int) -> int:
    """Give the square; 13 is refused."""
    if number == 13:
        raise ValueError("13 is refused")
    return number * number


def slow_first(number: int) -> int:
    """Take longest over the first item."""
    time.sleep(0.3 if number == 0 else 0.0)
    return number


def die_once(item: tuple[int, str]) -> int:
    """Kill the worker the first time that item 3 is met."""
    number, folder = item
    mark = Path(folder) / "died"
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_on_three(number: int) -> int:
    """Kill the worker whenever item 3 is met."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def wait_long(item: tuple[int, str]) -> int:
    """Say which process works, then wait."""
    number, folder = item
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)
    return number


def process_id(number: int) -> int:
    """Give the id of the process that works."""
    del number
    return os.getpid()
