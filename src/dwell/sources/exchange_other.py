r"""Any other Exchange text log with a header of its own: read by its header alone, every column kept in a map.

Source:
    The common form of the files under `Logging`: `#Software`, `#Version`, `#Log-type`, `#Date`, `#Fields`, then CSV.
    Formats with a source of their own are read there.
Time:
    The column named `DateTime`, `date-time` or `Timestamp` (else a first column whose name holds "time") becomes
    `time_utc`, in UTC where it names no zone; what it stands for is up to the log.
Units:
    One row is one line. `LogType` is the value of `#Log-type`; all columns are in `extra` by their own names.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    Not known: treat every value as the words of whoever made the request.
Silence:
    Not known. Most of these logs are kept for 30 days or 1 GB; many are written only when something goes wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.delimited import STARTS_TIMED, State
from dwell.sources.exchange_csv import ExchangeCsv, header_cells
from dwell.sources.source import EXTRA, Guess, Sniff, Stamp, prefix_fields

__all__ = ["ExchangeOther"]

_LOG_TYPE = pa.field("LogType", pa.string())
_SCORE = 52
_LINES = 50
_HOSTS = (
    "ServerHostName",
    "ServerName",
    "server-hostname",
    "Server",
    "MachineName",
    "Machine",
    "HostName",
    "ComputerName",
)
_SOFTWARE = re.compile(r"(?im)^\ufeff?#(?:Software:\s*Microsoft Exchange|Log-type:)")


class ExchangeOther(ExchangeCsv):
    """Exchange text log of another kind."""

    key = "exchange_other"
    stamp = Stamp("DateTime, date-time or Timestamp", TimeBasis.UTC)
    title = "Exchange text log of another kind"
    is_log = False
    log_type = ""
    columns: ClassVar[Mapping[str, pa.DataType]] = {}
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {}
    marks = frozenset[str]()
    surplus = ()
    fused = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z,")
    schema = pa.schema([*prefix_fields(), _LOG_TYPE, EXTRA])
    lexicon = ("LogType",)

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take a comma-separated `#Fields` line under Exchange's comments; a low score, for the sources that know more."""
        head = "\n".join(sniff.text.splitlines()[:_LINES])
        if not _SOFTWARE.search(head):
            return None
        for line in head.splitlines():
            if line.lower().startswith("#fields:") and len(header_cells(line[8:])) > 1:
                return Guess(
                    _SCORE, self.key, "comments of an Exchange log with a #Fields line, of a kind not known here"
                )
        return None

    def _is_type(self, value: str) -> bool:
        del value
        return True

    def _knows(self, names: Sequence[str]) -> bool:
        return bool(names)

    def _is_notice(self, text: str, state: State) -> bool:
        if text.startswith("#"):
            return True
        if STARTS_TIMED.match(text) or not state.names:
            return False
        known = {name.lower() for name in state.names}
        names = [name.lower() for name in header_cells(text)]
        return len(names) > 1 and known.issuperset(names)

    def _take_names(self, names: Sequence[str], state: State) -> None:
        super()._take_names(names, state)
        if state.time is None and "time" in names[0].lower():
            state.time = state.names[0]
        state.host = next((one for one in _HOSTS if one in state.names), None)

    def _fit(self, table: pa.Table, numbers: npt.NDArray[np.int64], state: State) -> pa.Table:
        kept = table
        if _LOG_TYPE.name in table.column_names:
            kept = table.rename_columns(
                [f"{one} (logged)" if one == _LOG_TYPE.name else one for one in table.column_names]
            )
        fitted = super()._fit(kept, numbers, state)
        logged = pa.array([state.log_type or None], pa.string()).take(pa.array(np.zeros(len(numbers), dtype=np.int64)))
        return fitted.set_column(fitted.schema.get_field_index(_LOG_TYPE.name), _LOG_TYPE.name, logged)
