"""Events in CEF or LEEF, the forms in which firewalls, balancers and other appliances report to a SIEM.

Source:
    ArcSight, "Common Event Format", and IBM, "Log Event Extended Format" 1.0 and 2.0, with a syslog head or without:
    F5, Fortinet, Check Point, Citrix and others write them. The parts of the head are columns by the names of the
    specification, and so are the keys that it defines and we use; every other key goes to `extra`. What syslog put
    before is `syslog_head`.
Time:
    `rt` (or `end`, `start`, `devTime`): milliseconds since 1970, UTC, or `Mon dd yyyy HH:mm:ss` with or without a zone.
    Where there is none, the instant of the syslog head. Without an offset or `UTC` behind it, it is the device's local
    time, read in the zone that is given for the host, else as UTC.
Units:
    `in` and `out` bytes to and from the source, `cnt` events that the row stands for.

Raises:
    Nothing. A line of another shape is an anomaly.
Trust:
    The device writes the row; an outsider writes `request`, `requestClientApplication`, `fname` and more, and may close
    a value with a key of his own where the device does not escape `=`.
Silence:
    Only what the device was told to send; syslog over UDP loses lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.columns import instants
from dwell.sources.matched import Matched, Run, State, schema_of, unless
from dwell.sources.pairs import extension_pairs, spread_pairs
from dwell.sources.source import HOST, RECORD_NO, TIME_UTC, Stamp
from dwell.sources.time_words import SYSLOG_TIME, by_value, epochs, named_months, syslog_times, without_zone

__all__ = ["Cef"]

_HEADER = ("DeviceVendor", "DeviceProduct", "DeviceVersion", "DeviceEventClassID", "Name", "Severity")
_KEYS = (
    "rt", "start", "end", "devTime", "src", "dst", "shost", "dhost", "dvchost", "dvc", "suser", "duser", "usrName",
    "proto", "app", "act", "outcome", "request", "requestMethod", "requestClientApplication", "requestContext", "fname",
    "filePath", "fileHash", "msg", "reason", "cat", "deviceDirection", "sourceTranslatedAddress", "url", "identSrc",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys((*_HEADER, *_KEYS), pa.string()) | {
    "spt": pa.int32(),
    "dpt": pa.int32(),
    "srcPort": pa.int32(),
    "dstPort": pa.int32(),
    "in": pa.int64(),
    "out": pa.int64(),
    "cnt": pa.int64(),
}
_PART = r"(?:[^|\\]|\\.)*"
_CEF = (
    rf"^(?P<head>[^|]*?)CEF:\s?\d+\|(?P<a>{_PART})\|(?P<b>{_PART})\|(?P<c>{_PART})\|(?P<d>{_PART})\|(?P<e>{_PART})"
    rf"\|(?P<f>{_PART})\|(?P<pairs>.*)$"
)
_LEEF = r"\|(?P<a>[^|]*)\|(?P<b>[^|]*)\|(?P<c>[^|]*)\|(?P<d>[^|]*)\|"
_LEEF_1 = rf"^(?P<head>[^|]*?)LEEF:1\.0{_LEEF}(?P<pairs>.*)$"
_LEEF_2 = rf"^(?P<head>[^|]*?)LEEF:2\.0{_LEEF}(?P<by>[^|]{{0,6}})\|(?P<pairs>.*)$"
_HEX = re.compile(r"0?[xX]([0-9A-Fa-f]{2})$")
_NAMED_MONTH = r"^([A-Z][a-z]{2}) (\d{1,2}) (\d{4}) (\d\d:\d\d:\d\d(?:\.\d+)?)(?: .*)?$"
_WITH_OFFSET = r"^([A-Z][a-z]{2}) 0?(\d{1,2}) (\d{4}) (\d\d:\d\d:\d\d(?:\.\d+)?) ?(Z|[+-]\d\d:?\d\d)$"


class Cef(Matched):
    """Events in CEF or LEEF."""

    key = "cef"
    stamp = Stamp("rt, end, start, devTime or the head", TimeBasis.UTC)
    title = "Appliance events (CEF, LEEF)"
    local_lines = True
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    schema = schema_of(_COLUMNS | {"syslog_head": pa.string()})
    lexicon = (
        "DeviceVendor", "DeviceProduct", "DeviceEventClassID", "Name", "src", "dst", "shost", "dhost", "suser", "duser",
        "usrName", "app", "act", "request", "requestMethod", "requestClientApplication", "fname", "fileHash", "url",
    )  # fmt: skip
    shapes = (_CEF, _LEEF_1, _LEEF_2)
    score = 92
    told = "lines with a head of CEF or LEEF"

    def _match(
        self, texts: pa.Array, numbers: npt.NDArray[np.int64], run: Run, state: State
    ) -> tuple[list[pa.Table], list[int]]:
        del run
        tables: list[pa.Table] = []
        left = np.arange(len(texts))
        for shape in self.shapes:
            found = pc.extract_regex(texts.take(pa.array(left)), shape)
            fits = found.is_valid()
            mask = fits.to_numpy(zero_copy_only=False)
            if mask.any():
                tables.append(self._spread(found.filter(fits), numbers[left[mask]], state))
                left = left[~mask]
        return tables, left.tolist()

    def _spread(self, found: pa.Array, numbers: npt.NDArray[np.int64], state: State) -> pa.Table:
        parts = dict(zip([one.name for one in found.type], found.flatten(), strict=True))
        body = parts["pairs"]
        if "by" in parts:
            body = _parted(body, parts["by"])
        heads = pc.utf8_trim_whitespace(parts["head"])
        pairs = extension_pairs(body)
        columns = spread_pairs(pairs, _COLUMNS)
        for group, name in zip("abcdef", _HEADER, strict=True):
            if group in parts:
                columns[name] = pc.replace_substring_regex(parts[group], r"\\([|\\])", r"\1")
        columns[RECORD_NO.name] = pa.array(numbers, pa.int64())
        columns[TIME_UTC.name], local = _times(columns, heads, state.name)
        state.local += [numbers[local]] if local.any() else []
        columns[HOST.name] = pc.coalesce(columns["dvchost"], columns["dvc"])
        columns["syslog_head"] = unless(heads, ("",))
        return pa.table([columns[name] for name in self.schema.names], schema=self.schema)


def _parted(body: pa.Array, separators: pa.Array) -> pa.Array:
    """Put a tab where LEEF 2.0 has a separator of its own."""
    lines = zip(body.to_pylist(), separators.to_pylist(), strict=True)
    return pa.array([line.replace(_sign(one), "\t") if one else line for line, one in lines], pa.string())


def _sign(written: str) -> str:
    found = _HEX.match(written)
    return chr(int(found[1], 16)) if found is not None else written


def _times(columns: Mapping[str, pa.Array], heads: pa.Array, name: str) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Give the instants, and which of them are local time without a zone."""
    texts = [columns[one] for one in ("rt", "end", "start", "devTime")]
    stamp = pc.struct_field(pc.extract_regex(heads, rf"^(?:<\d{{1,3}}>)?(?:1 )?(?P<t>{SYSLOG_TIME})"), [0])
    found = [*(by_value(one, _instants) for one in texts), by_value(stamp, lambda some: syslog_times(some, name))]
    nothing = pa.scalar(None, pa.string())
    taken = [pc.if_else(at.is_valid(), text, nothing) for at, text in zip(found, [*texts, stamp], strict=True)]
    local = by_value(pc.coalesce(*taken), without_zone)
    return pc.coalesce(*found), pc.fill_null(local, fill_value=False).to_numpy(zero_copy_only=False).astype(np.bool_)


def _instants(texts: pa.Array) -> pa.Array:
    offset = pc.replace_substring_regex(texts, _WITH_OFFSET, r"\2/\1/\3:\4 \5")
    offset = pc.replace_substring_regex(offset, r"^(\d)/", r"0\1/")
    plain = pc.replace_substring_regex(texts, _NAMED_MONTH, r"\1 \2 \3 \4")
    plain = pc.replace_substring_regex(plain, r"^([A-Z][a-z]{2}) (\d) ", r"\1  \2 ")
    return pc.coalesce(epochs(texts), instants(texts), named_months(offset), syslog_times(plain, ""))
