"""Where memory comes from, and when it goes back."""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa

__all__ = ["give_back", "return_freed", "settle"]

_BACKEND = "jemalloc"
_MMAP_THRESHOLD = -3
"""`M_MMAP_THRESHOLD` of malloc.h: larger pieces are asked of the system each by itself."""
_APART_BYTES = 16 << 20


def settle() -> None:
    """Have Arrow take its memory from jemalloc, where its package has it; what is held already stays where it is.

    By default it asks for huge pages. A pass over evidence takes and gives back much memory in small pieces, and clearing
    two megabytes for each costs a fifth of the time of reading event logs, and a tenth of the memory.
    """
    if pa.default_memory_pool().backend_name != _BACKEND and _BACKEND in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())


def return_freed() -> None:
    """Have arrays of 16 MiB and more given back to the system as soon as they are freed, where the C library allows it.

    By itself the one of Linux keeps what was freed of arrays of up to 32 MiB, and holds a third more than is in use when
    many such arrays come and go.
    """
    if sys.platform != "linux":
        return
    setting = getattr(ctypes.CDLL(None), "mallopt", None)
    if setting is not None:
        setting(_MMAP_THRESHOLD, _APART_BYTES)


def give_back() -> None:
    """Have the system get back at once what is held of freed memory: worth it between steps that each take very much."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
