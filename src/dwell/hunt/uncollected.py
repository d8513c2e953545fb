"""Many small objects made at once without the cyclic garbage collector going through all of them again and again.

Rules are hundreds of thousands of objects in no circles: the collector finds nothing among them, and takes a good part of
the time of loading them and most of that of reading them back.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave the collector off for as long as the block takes, and as it was afterwards."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
