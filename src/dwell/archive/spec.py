"""What a table is: its schema, the columns that go into the lexicon, and how its data files are laid out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

__all__ = ["EVIDENCE_ID", "FLUSH_BYTES", "FLUSH_ROWS", "ID_CHARS", "ROW_GROUP_ROWS", "JoinedText", "Made", "TableSpec"]

EVIDENCE_ID = pa.field("evidence_id", pa.string(), nullable=False)
ROW_GROUP_ROWS = 1_048_576
"""More than `FLUSH_ROWS`: a data file is one row group, so that each of its columns has one dictionary."""
FLUSH_ROWS = 786_432
FLUSH_BYTES = 192 * 1024 * 1024
"""So many rows, or rows of so many bytes, are gathered before a data file is written; bounds the memory of a worker."""


@dataclass(frozen=True, slots=True)
class JoinedText:
    """A lexicon column that no single column holds: `first` + `separator` + `second`, the second left out when empty.

    Web rules look for paths in the query and for queries in the path; they are matched on the two together.
    """

    first: str
    separator: str
    second: str
    empty: str = "-"


@dataclass(frozen=True, slots=True)
class Made:
    """Columns that are made of another one, and that data files of an earlier version do not hold yet.

    Attributes:
        of: the column they are made of.
        names: their names.
        make: makes them, each as long as what it is given; texts are coded.
    """

    of: str
    names: frozenset[str]
    make: Callable[[pa.ChunkedArray], Mapping[str, pa.Array]]


ID_CHARS = 36
_ID_PIECE = re.compile(r"[0-9a-fA-F-]*")


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table of the archive.

    Attributes:
        name: its name, the folder it lies in.
        schema: Arrow schema, `evidence_id` first.
        lexicon: text columns whose distinct values are kept.
        joined: lexicon columns made of two others.
        made: columns that are made while reading where a data file does not hold them.
        ids: text columns that hold nothing but ids of `ID_CHARS` hexadecimal digits and dashes, nearly all different.
    """

    name: str
    schema: pa.Schema
    lexicon: Sequence[str] = ()
    joined: Mapping[str, JoinedText] = field(default_factory=dict)
    made: Made | None = None
    ids: frozenset[str] = frozenset()

    def may_hold(self, name: str, piece: str) -> bool:
        """Say whether a column may have a text with another one in it, by what is known of all its texts."""
        return name not in self.ids or _ID_PIECE.fullmatch(piece) is not None
