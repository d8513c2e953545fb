"""FortiGate logs in `key=value` form: connections and what the firewall held of them.

Source:
    Fortinet, "FortiOS Log Message Reference", with a syslog head or without. Columns are named as in the log; the log
    in CEF is read by another source (`cef`).
Time:
    `eventtime` is UTC, in seconds, milliseconds, microseconds or nanoseconds by version. Where it is missing, `date`
    and `time` with `tz`; without `tz` they are the device's local time, read in the zone that is given for the host,
    else as UTC.
Units:
    `sentbyte` bytes from the source, `rcvdbyte` bytes to it; `duration` seconds. A connection's row is written at its
    end.

Raises:
    Nothing. A line of another shape is an anomaly.
Trust:
    The device writes the row; an outsider writes `url`, `hostname`, `agent` and, of a failed logon, `user`.
Silence:
    Only what passed the device, and of that what its policies log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.columns import instants
from dwell.sources.matched import Matched, Run, State, schema_of
from dwell.sources.pairs import quoted_pairs, spread_pairs
from dwell.sources.source import HOST, RECORD_NO, TIME_UTC, Stamp
from dwell.sources.time_words import by_value, epochs

__all__ = ["Fortinet"]

_TEXTS = (
    "date", "time", "tz", "eventtime", "devname", "devid", "logid", "type", "subtype", "level", "srcip", "dstip",
    "srcintf", "dstintf", "action", "policyid", "service", "user", "group", "sessionid", "hostname", "url", "agent",
    "app", "msg", "remip", "tunneltype", "status", "reason", "srccountry", "dstcountry", "logdesc", "vd",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_TEXTS, pa.string()) | {
    "srcport": pa.int32(),
    "dstport": pa.int32(),
    "sentbyte": pa.int64(),
    "rcvdbyte": pa.int64(),
    "duration": pa.float64(),
}
_FIRST = "date|logver|itime|timestamp"
_SHAPE = rf"^(?:<\d{{1,3}}>)?(?:[A-Z0-9][^=\"]* )?(?:{_FIRST})=\S+ .*(?:devid|devname|logid|subtype)="


class Fortinet(Matched):
    """FortiGate log, key=value."""

    key = "fortinet"
    stamp = Stamp("eventtime, or date and time with tz", TimeBasis.UTC)
    title = "FortiGate log (key=value)"
    local_lines = True
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    schema = schema_of(_COLUMNS)
    lexicon = (
        "devname", "type", "subtype", "srcip", "dstip", "action", "service", "user", "hostname", "url", "agent", "app",
        "remip",
    )  # fmt: skip
    shapes = (_SHAPE,)
    score = 90
    told = "lines of key=value with date, time, type and subtype"

    def _match(
        self, texts: pa.Array, numbers: npt.NDArray[np.int64], run: Run, state: State
    ) -> tuple[list[pa.Table], list[int]]:
        del run
        fits = pc.match_substring_regex(texts, _SHAPE)
        mask = fits.to_numpy(zero_copy_only=False)
        if not mask.any():
            return [], np.flatnonzero(~mask).tolist()
        # what syslog put before the pairs becomes one itself
        lines = pc.replace_substring_regex(
            texts.filter(fits), rf'^([^="]*?)\b({_FIRST})=', r'syslog="\1" \2=', max_replacements=1
        )
        columns = spread_pairs(quoted_pairs(lines), _COLUMNS)
        columns[RECORD_NO.name] = pa.array(numbers[mask], pa.int64())
        columns[TIME_UTC.name], local = _times(columns)
        state.local += [numbers[mask][local]] if local.any() else []
        columns[HOST.name] = columns["devname"]
        table = pa.table([columns[name] for name in self.schema.names], schema=self.schema)
        return [table], np.flatnonzero(~mask).tolist()


def _times(columns: Mapping[str, pa.Array]) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Read `eventtime`; where it is missing, date and time with what is known of the zone; say where that is nothing."""
    count = by_value(columns["eventtime"], _epochs)
    date, clock = columns["date"], columns["time"]
    zone = pc.fill_null(pc.replace_substring(columns["tz"], '"', ""), "")
    local = pc.binary_join_element_wise(date, pc.binary_join_element_wise(clock, zone, ""), "T")
    clocks = instants(local)
    unknown = pc.and_(pc.and_(count.is_null(), clocks.is_valid()), pc.equal(zone, ""))
    return pc.coalesce(count, clocks), unknown.to_numpy(zero_copy_only=False)


def _epochs(texts: pa.Array) -> pa.Array:
    """Read seconds, milliseconds, microseconds or nanoseconds since 1970."""
    return epochs(pc.replace_substring_regex(texts, r"^(\d{10})(\d{3}|\d{6}|\d{9})$", r"\1.\2"))
