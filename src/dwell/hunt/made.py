"""How a place that several fields of a record make together is worked out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa

from dwell.hunt.base import Base, Codes
from dwell.hunt.patterns import Indices

__all__ = ["Found", "Made"]

Found = tuple[Indices, Codes, pa.StringArray]
"""Row of each entry, its text as a code, and the texts; entries of a row are in the order in which they count."""


class Made(NamedTuple):
    """A place that several fields make together.

    Attributes:
        columns: what has to be read; where the first holds nothing, the place does not either.
        find: gives what the rows hold there, all columns read.
    """

    columns: tuple[str, ...]
    find: Callable[[Base], Found]
