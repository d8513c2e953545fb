"""Data files that can hold none of a few addresses, told from what is kept of all files together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pyarrow as pa

from dwell.archive.datafile import DataFile
from dwell.hunt.bundles import Bundle, Entry
from dwell.hunt.hits import NO_HITS
from dwell.hunt.indicators.held_addresses import FAMILY, VERSION, HeldAddresses, SoughtAddresses, sought_addresses
from dwell.hunt.indicators.places import places_hash
from dwell.hunt.passes import Pass, Seen, kept_name
from dwell.hunt.records import NO_RECORDS
from dwell.hunt.wide import FileReport

__all__ = ["Foretelling", "foretelling"]


class Foretelling:
    """What is kept of the addresses of data files, asked for those that are looked for.

    Attributes:
        asked: gathers the addresses of a data file of which that is not kept.
        bundle: what is kept.
    """

    def __init__(self, sought: SoughtAddresses, cache: Path) -> None:
        self._sought = sought
        key = hashlib.sha256(f"{VERSION}:{places_hash()}".encode()).hexdigest()
        self.asked = Pass("addresses", key, cache=cache)
        self.bundle = Bundle(self.asked.folder)

    def told(self, files: Sequence[DataFile]) -> dict[str, Entry]:
        """Give what indicators come to in files that can hold none of the addresses, by the names of their entries."""
        may = self.bundle.holding(0, self._sought.met_four) | self.bundle.holding(1, self._sought.met_six)
        out = {}
        for file in files:
            name = kept_name(file)
            if name in may or name not in self.bundle:
                continue
            held = msgspec.msgpack.decode(self.bundle.said(name), type=HeldAddresses)
            if not held.is_open:
                seen = Seen(FileReport(file.staged.rows), [FAMILY] if held.is_seen else [])
                out[name] = Entry(msgspec.msgpack.encode(seen), (NO_HITS, NO_RECORDS))
        return out


def foretelling(indicators: pa.Table, cache: Path | None) -> Foretelling | None:
    """Give what tells files without the addresses that are looked for; None where it would not help, or nothing is kept.

    Args:
        indicators: rows in `dwell.hunt.indicators.gathering.MENTIONS`.
        cache: folder where bundles are kept.
    """
    sought = sought_addresses(indicators) if cache is not None and indicators.num_rows else None
    return Foretelling(sought, cache) if sought is not None and cache is not None else None
