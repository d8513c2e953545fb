"""Palo Alto firewall logs as comma-separated syslog: sessions and what was found in them.

Source:
    Palo Alto Networks, "Syslog Field Descriptions", PAN-OS 9 and later, types TRAFFIC and THREAT: columns by the names
    there, `severity` as `threat_severity`. What lies behind the named fields, and all fields of other types
    (GLOBALPROTECT, SYSTEM, CONFIG, …) go to `extra` by their place. Unverified beyond the head: built from a description;
    a real file would verify it.
Time:
    `receive_time` and `time_generated` are the device's local time, whole seconds, no zone: read as UTC, so its offset
    has to be taken into account. `time_generated` becomes `time_utc`, else `receive_time`.
Units:
    `bytes`, `bytes_sent`, `bytes_received` bytes of the session, `elapsed` seconds. A session's row is written at its
    end.

Raises:
    Nothing. A line of another shape is an anomaly.
Trust:
    The device writes the row; an outsider writes `misc` (the URL or file name). `srcuser` is who the device believes it
    was.
Silence:
    Only what passed the device, and of that what its rules log; syslog over UDP loses lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.columns import instants
from dwell.sources.matched import Matched, Run, State, schema_of, unless
from dwell.sources.pairs import cells_of
from dwell.sources.source import HOST, RECORD_NO, TIME_UTC, Stamp
from dwell.sources.spread import spread
from dwell.sources.time_words import by_value

__all__ = ["PaloAlto"]

_SESSION = (
    "src", "dst", "natsrc", "natdst", "rule", "srcuser", "dstuser", "app", "vsys", "from", "to", "inbound_if",
    "outbound_if", "logset", "future", "sessionid", "repeatcnt", "sport", "dport", "natsport", "natdport", "flags",
    "proto", "action",
)  # fmt: skip
_TRAFFIC = ("bytes", "bytes_sent", "bytes_received", "packets", "start", "elapsed", "category")
_THREAT = ("misc", "threatid", "category", "threat_severity", "direction")
_INTEGERS = {
    "sport": pa.int32(),
    "dport": pa.int32(),
    "bytes": pa.int64(),
    "bytes_sent": pa.int64(),
    "bytes_received": pa.int64(),
    "elapsed": pa.int64(),
}
_COLUMNS: dict[str, pa.DataType] = {
    name: _INTEGERS.get(name, pa.string())
    for name in dict.fromkeys(
        ("serial", "type", "subtype", "receive_time", "time_generated", *_SESSION, *_TRAFFIC, "misc", "threatid",
         "threat_severity", "direction", "syslog")
    )
    if name not in {"future", "repeatcnt", "natsport", "natdport", "flags", "packets", "logset"}
}  # fmt: skip
_TIME = r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"
_HEAD = (
    rf"^(?P<syslog>.*?)\d+,(?P<receive_time>{_TIME}),(?P<serial>[^,]*),(?P<type>[A-Z]{{3,20}}),(?P<subtype>[^,]*)"
    r",(?P<rest>.*)$"
)
_LAYOUTS: Mapping[str, tuple[str, ...]] = {
    "TRAFFIC": ("config_version", "time_generated", *_SESSION, *_TRAFFIC),
    "THREAT": ("config_version", "time_generated", *_SESSION, *_THREAT),
}
_COUNTED_MAX = 1 << 20
_OTHER = ("config_version", "time_generated")


class PaloAlto(Matched):
    """Palo Alto firewall log."""

    key = "paloalto"
    stamp = Stamp("time_generated or receive_time", TimeBasis.LOCAL_ASSUMED, "second")
    title = "Palo Alto firewall log (CSV)"
    local_time = True
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    schema = schema_of(_COLUMNS)
    lexicon = ("serial", "type", "subtype", "src", "dst", "rule", "srcuser", "app", "action", "misc", "category")
    shapes = (_HEAD,)
    score = 90
    told = "comma-separated lines with a serial number, a type of log and the times of PAN-OS"

    def _match(
        self, texts: pa.Array, numbers: npt.NDArray[np.int64], run: Run, state: State
    ) -> tuple[list[pa.Table], list[int]]:
        del run, state
        found = pc.extract_regex(texts, _HEAD)
        fits = found.is_valid()
        mask = fits.to_numpy(zero_copy_only=False)
        if not mask.any():
            return [], np.flatnonzero(~mask).tolist()
        kept = found.filter(fits)
        head = dict(zip([one.name for one in kept.type], kept.flatten(), strict=True))
        columns = _spread(head["rest"], head["type"])
        for name in ("syslog", "receive_time", "serial", "type", "subtype"):
            columns[name] = unless(head[name], ("",))
        columns[RECORD_NO.name] = pa.array(numbers[mask], pa.int64())
        times = [by_value(columns[name], _instants) for name in ("time_generated", "receive_time")]
        columns[TIME_UTC.name] = pc.coalesce(*times)
        columns[HOST.name] = pa.nulls(len(kept), HOST.type)
        table = pa.table([columns[name] for name in self.schema.names], schema=self.schema)
        return [table], np.flatnonzero(~mask).tolist()


def _spread(rests: pa.Array, kinds: pa.Array) -> dict[str, pa.Array]:
    """Put the cells behind the head into columns by the layout of each line's type."""
    cells, owners = cells_of(rests, ",")
    ordinals = np.arange(len(owners)) - np.searchsorted(owners, owners)
    names = _cell_names(kinds, owners, ordinals)
    quoted = pc.and_(pc.starts_with(cells, '"'), pc.ends_with(cells, '"'))
    plain = pc.replace_substring(pc.utf8_slice_codeunits(cells, 1, -1), '""', '"')
    values = pc.if_else(quoted, plain, cells)
    full = pc.not_equal(values, "")
    counts = np.bincount(owners[full.to_numpy(zero_copy_only=False)], minlength=len(rests)).astype(np.int64)
    return spread(names.filter(full), values.filter(full), counts, _COLUMNS)


def _cell_names(kinds: pa.Array, owners: npt.NDArray[np.int64], ordinals: npt.NDArray[np.int64]) -> pa.DictionaryArray:
    """Name each cell by its place and its line's type."""
    coded = kinds.dictionary_encode()
    width = int(ordinals.max(initial=0)) + 1
    places, codes = _distinct(coded.indices.to_numpy()[owners].astype(np.int64) * width + ordinals)
    layouts = [_LAYOUTS.get(kind, _OTHER) for kind in coded.dictionary.to_pylist()]
    listed = [_cell_name(layouts[place // width], place % width) for place in places.tolist()]
    names = pa.array(listed, pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(names.indices.take(pa.array(codes)), names.dictionary)


def _distinct(values: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give the distinct values, and for each value its place among them."""
    size = int(values.max(initial=0)) + 1
    if size > _COUNTED_MAX:
        distinct, codes = np.unique(values, return_inverse=True)
        return distinct, codes
    distinct = np.flatnonzero(np.bincount(values, minlength=size))
    places = np.zeros(size, np.int64)
    places[distinct] = np.arange(len(distinct))
    return distinct, places[values]


def _cell_name(layout: Sequence[str], place: int) -> str:
    return layout[place] if place < len(layout) else f"field {place + 6}"


def _instants(texts: pa.Array) -> pa.Array:
    return instants(pc.replace_substring(texts, "/", "-"))
