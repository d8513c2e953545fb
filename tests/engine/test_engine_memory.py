"""Arrow's memory comes from where a wide pass wants it, in workers as in the process itself; what is freed goes back."""

from __future__ import annotations

import platform
import subprocess
import sys

import pyarrow as pa
import pytest

from dwell.engine import memory, pool

jemalloc = pytest.mark.skipif(
    "jemalloc" not in pa.supported_memory_backends(), reason="this build of Arrow has no jemalloc"
)
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library gives back as it likes")
KEEPS = """
import sys
import numpy as np
from dwell.engine.memory import return_freed

def held():
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * 4096

if sys.argv[1] == "yes":
    return_freed()
before = held()
np.ones(30 << 20, np.int8)  # by what is freed the C library learns how large pieces are that it keeps
some = [np.ones(20 << 20, np.int8) for _ in range(16)]
last = np.ones(20 << 20, np.int8)
some.clear()
print(held() - before)
"""


def _backend(_: int) -> str:
    found: str = pa.default_memory_pool().backend_name
    return found


@jemalloc
@pytest.mark.parametrize("workers", [1, 2])
def test_a_wide_pass_runs_on_it(workers: int) -> None:
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        assert set(pool.run(_backend, range(2), workers=workers)) == {"jemalloc"}
    finally:
        pa.set_memory_pool(before)


@jemalloc
def test_what_was_held_before_stays_readable() -> None:
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        held = pa.array(range(1000))
        memory.settle()
        memory.settle()
        assert held.to_pylist() == list(range(1000))
    finally:
        pa.set_memory_pool(before)


@glibc
def test_what_is_freed_is_given_back() -> None:
    kept = {
        asked: int(subprocess.run([sys.executable, "-c", KEEPS, asked], check=True, capture_output=True).stdout)
        for asked in ("no", "yes")
    }
    assert kept["yes"] < 40 << 20
    assert kept["no"] > 200 << 20, "the C library has learned to give back by itself: this is not needed any more"
