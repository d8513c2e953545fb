"""Parts of an instant that is written in a text: its minute, hour, day, ISO week, month or year, in UTC."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["PARTS", "time_part"]

PARTS = ("minute", "hour", "day", "week", "month", "year")
_WRITTEN = (
    r"^(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]+)?)?"
    r" ?(?P<zone>Z|UTC|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
_Numbers = npt.NDArray[np.float64]


def _number(texts: pa.Array) -> npt.NDArray[np.int64]:
    """Give digits as numbers, what is not written as 0."""
    filled = pc.if_else(pc.equal(texts, ""), "0", texts)
    out: npt.NDArray[np.int64] = filled.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return out


def _offset_minutes(zones: pa.Array) -> npt.NDArray[np.int64]:
    """Give how many minutes a zone is ahead of UTC; a text without one is UTC."""
    digits = pc.replace_substring_regex(zones, r"[^0-9]", "")
    digits = pc.if_else(pc.equal(pc.utf8_length(digits), 4), digits, "0000")
    minutes = _number(pc.utf8_slice_codeunits(digits, 0, 2)) * 60 + _number(pc.utf8_slice_codeunits(digits, 2, 4))
    behind = pc.starts_with(zones, "-").to_numpy(zero_copy_only=False)
    return np.where(behind, -minutes, minutes)


def time_part(texts: pa.StringArray, part: str) -> _Numbers:
    """Give a part of the instant that each text writes, NaN where it writes none.

    Args:
        texts: `yyyy-mm-dd`, with `hh:mm`, seconds, a fraction and a zone where there is one; none null.
        part: one of `PARTS`. A date without a clock has no minute and no hour.
    """
    out = np.full(len(texts), np.nan)
    found = pc.extract_regex(texts, _WRITTEN)
    rows = np.flatnonzero(found.is_valid().to_numpy(zero_copy_only=False))
    found = found.take(pa.array(rows))
    fields = {one: _number(found.field(one)) for one in ("year", "month", "day", "hour", "minute", "second")}
    months = (fields["year"] - 1970) * 12 + fields["month"] - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    length = ((months + 1).astype("datetime64[M]").astype("datetime64[D]") - first).astype(np.int64)
    right = (fields["month"] >= 1) & (fields["month"] <= 12) & (fields["day"] >= 1) & (fields["day"] <= length)
    right &= (fields["hour"] < 24) & (fields["minute"] < 60) & (fields["second"] < 61)
    if part in {"minute", "hour"}:
        right &= pc.not_equal(found.field("hour"), "").to_numpy(zero_copy_only=False)
    clock = fields["hour"] * 60 + fields["minute"] - _offset_minutes(found.field("zone"))
    instants = first.astype("datetime64[m]") + (fields["day"] - 1) * 1440 + clock
    moments = pa.array(instants.astype("datetime64[s]")[right], pa.timestamp("s"))
    read = {"minute": pc.minute, "hour": pc.hour, "day": pc.day, "week": pc.iso_week, "month": pc.month}
    out[rows[right]] = read.get(part, pc.year)(moments).to_numpy(zero_copy_only=False)
    return out
