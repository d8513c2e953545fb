"""Fields without which an IIS log shows neither what was asked for nor by whom: noted for each file that lacks any.

Which fields IIS writes is set by whoever runs it. A line without `cs-username` names nobody, whoever opened whose mailbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import NO_FIELD, Fact, FactKind

__all__ = ["Lacking"]

NEEDED = ("cs-uri-stem", "sc-status", "cs-username", "c-ip", "cs-user-agent")


@dataclass(slots=True)
class Lacking:
    """Records that were written without fields that are needed.

    Attributes:
        found: by the fields, the first and last instant in microseconds since 1970, and how many records.
    """

    found: dict[tuple[str, ...], tuple[int, int, int]] = field(default_factory=dict)

    def take(self, names: Sequence[str], table: pa.Table) -> None:
        """Note the records of a table that were written under a list of fields."""
        without = tuple(one for one in NEEDED if one not in names)
        if not without:
            return
        span = pc.min_max(table["time_utc"].cast(pa.int64())).as_py()
        if span["min"] is not None:
            first, last, count = self.found.get(without, (span["min"], span["max"], 0))
            self.found[without] = (min(first, span["min"]), max(last, span["max"]), count + table.num_rows)

    def facts(self) -> list[Fact]:
        """Tell them, in the order in which they were first met."""
        return [
            Fact(FactKind.NOT_RECORDED, None, _utc(first), _utc(last), count, f"{NO_FIELD}{', '.join(without)}")
            for without, (first, last, count) in self.found.items()
        ]


def _utc(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1e6, UTC)
