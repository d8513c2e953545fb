"""Arrow's memory comes from where a wide pass wants it, in the workers as in the process itself."""

from __future__ import annotations

import pyarrow as pa
import pytest

from dwell.engine import memory, pool

pytestmark = pytest.mark.skipif(
    "jemalloc" not in pa.supported_memory_backends(), reason="this build of Arrow has no jemalloc"
)


def _backend(_: int) -> str:
    found: str = pa.default_memory_pool().backend_name
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_a_wide_pass_runs_on_it(workers: int) -> None:
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        assert set(pool.run(_backend, range(2), workers=workers)) == {"jemalloc"}
    finally:
        pa.set_memory_pool(before)


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
