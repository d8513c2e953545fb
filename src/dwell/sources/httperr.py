r"""HTTP.SYS error logs (`HTTPERR`): requests that never reached IIS, and connections that ended early.

Source:
    Microsoft Learn, "Error logging in HTTP APIs"; `%SystemRoot%\System32\LogFiles\HTTPERR`. The columns are whatever
    `#Fields` says; those of newer builds (`streamid`) go to `extra`.
Time:
    `date` and `time` are UTC, whole seconds, the moment the error was noted.
Units:
    None.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    An outsider writes `cs-method`, `cs-uri` and `cs-version`, often as no HTTP at all: malformed attempts are here.
    `c-ip` and `c-port` are those of the connection.
Silence:
    No line means that HTTP.SYS refused nothing. Requests that it passed on are in the W3C log only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.columns import instants
from dwell.sources.delimited import unique_names
from dwell.sources.headed import Headed, HeadedState
from dwell.sources.matched import State, schema_of, sniffed_lines
from dwell.sources.source import Guess, Sniff, Stamp

__all__ = ["Httperr"]

_COLUMNS: dict[str, pa.DataType] = {
    "c-ip": pa.string(),
    "c-port": pa.int32(),
    "s-ip": pa.string(),
    "s-port": pa.int32(),
    "cs-version": pa.string(),
    "cs-method": pa.string(),
    "cs-uri": pa.string(),
    "sc-status": pa.int32(),
    "s-siteid": pa.string(),
    "s-reason": pa.string(),
    "s-queuename": pa.string(),
}


class Httperr(Headed):
    """HTTP.SYS error log."""

    key = "httperr"
    stamp = Stamp("date and time", TimeBasis.UTC, "second")
    title = "HTTP.SYS error log (HTTPERR)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    schema = schema_of(_COLUMNS)
    lexicon = tuple(name for name, kind in _COLUMNS.items() if pa.types.is_string(kind))
    surplus_name = "cs-uri"
    grows = True

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take files whose `#Fields` line names the reason and the time."""
        for line in sniffed_lines(sniff):
            if line.lower().startswith("#fields:"):
                names = set(line[8:].lower().split())
                return Guess(95, self.key, "#Fields line with s-reason") if {"time", "s-reason"} <= names else None
        return None

    def _alters(self, text: str, state: HeadedState) -> bool:
        return text[:8].lower() == "#fields:" and _names(text) != state.names

    def _take_comment(self, text: str, state: HeadedState) -> None:
        state.names = _names(text)

    def _widen(self, table: pa.Table, shape: int, state: State) -> pa.Table:
        del shape, state
        if not {"date", "time"} <= set(table.column_names):
            return table
        both = pc.binary_join_element_wise(table["date"], table["time"], " ", null_handling="replace")
        return table.set_column(table.column_names.index("time"), "time", both).drop_columns(["date"])

    def _times(self, table: pa.Table, state: State) -> pa.Array | None:
        del state
        return instants(table["time"].combine_chunks()) if "time" in table.column_names else None


def _names(text: str) -> list[str]:
    """Give the columns that a `#Fields` line names."""
    known = {name.lower(): name for name in (*_COLUMNS, "date", "time")}
    return unique_names([known.get(name.lower(), name) for name in text[8:].split()])
