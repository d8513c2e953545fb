"""What a hunt of one data file yields: hits, the records that correlations need, and what could be seen."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from dwell.hunt.holders import Holder
from dwell.hunt.packing import unpacked

__all__ = ["FileReport", "Found"]


@dataclass(slots=True)
class FileReport:
    """What was seen of one data file.

    Attributes:
        rows: how many it has.
        wheres: rows of each kind of record, by its index.
        missing: places that rules ask about and that no such record holds, by the same.
        opened: rules whose conditions were put to rows.
        cut: correlated rules that met more records than are told one by one.
        by_rows: of what is missing, that which only rows tell and for which they were read: by kind of record and place the
            rules for which they were.
        held: by kind of record the hosts that hold such records; it is known of no rule, and kept by itself.
    """

    rows: int = 0
    wheres: dict[int, int] = field(default_factory=dict)
    missing: dict[int, list[str]] = field(default_factory=dict)
    opened: list[int] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    by_rows: dict[int, dict[str, list[int]]] = field(default_factory=dict)
    held: dict[int, list[Holder]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a hunt of one data file yields.

    Attributes:
        hits: rows in `HITS`.
        records: rows in `RECORDS`, of the rules that correlations rest on; both are packed where they are many.
        report: what was seen.
    """

    hits: pa.Table
    records: pa.Table
    report: FileReport

    def plain(self) -> Found:
        """Give the same, packed nowhere."""
        return Found(unpacked(self.hits), unpacked(self.records), self.report)
