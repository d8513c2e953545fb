"""Instants in the words of other logs: month names, seconds since 1970, dates without a year.

Every function takes a column of texts, works on its distinct values, and gives null for what is no instant. A text that
names no zone is read as UTC: each source's page says where that is an assumption.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import pyarrow as pa
import pyarrow.compute as pc

from dwell.sources.columns import flat, instants

__all__ = [
    "MONTHS",
    "SYSLOG_TIME",
    "by_value",
    "day_first",
    "dotnet_or_iso",
    "epochs",
    "iso_or_dotnet",
    "named_months",
    "numbered_dates",
    "syslog_times",
    "without_zone",
    "year_by_name",
]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SYSLOG_TIME = (
    r"[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
)
"""How a line of syslog starts: the old form, with a year or without, and ISO 8601."""
_KIND = pa.timestamp("us", tz="UTC")
_EPOCH = r"^(\d{1,11})(?:\.(\d{1,9}))?$"
_ZONED = r":\d\d(?:[.,]\d+)? ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d)$"
_MILLIS = r"^(\d{9,11})(\d{3})$"
_YEAR_AND_MONTH = re.compile(r"(?<!\d)(20\d\d)[-_.]?(0[1-9]|1[0-2])?")


def by_value(column: pa.Array | pa.ChunkedArray, read: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Apply a function to the distinct values of a column of texts."""
    encoded = flat(column).dictionary_encode()
    return read(encoded.dictionary).take(encoded.indices)


def _with_month_numbers(texts: pa.Array) -> pa.Array:
    for number, name in enumerate(MONTHS, 1):
        texts = pc.replace_substring(texts, name, f"{number:02}")
    return texts


def named_months(texts: pa.Array) -> pa.Array:
    """Read `29/Feb/2024:14:01:19.832 +0100` and the like: day, month by name, year, time, zone if any."""
    day = r"^(\d{2})/([A-Z][a-z]{2})/(\d{4})[: ](\d\d:\d\d:\d\d(?:\.\d+)?) ?((?:Z|[+-]\d{2}:?\d{2})?)$"
    return instants(
        pc.replace_substring_regex(_with_month_numbers(_only(texts, day)), _numbered(day), r"\3-\2-\1T\4\5")
    )


def _numbered(pattern: str) -> str:
    return pattern.replace("([A-Z][a-z]{2})", r"(\d{2})")


def _only(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(texts, pattern), texts, pa.scalar(None, pa.string()))


_DOTNET = r"^/Date\((\d{12,14})(?:[+-]\d{4})?\)/$"


def epochs(texts: pa.Array) -> pa.Array:
    """Read seconds since 1970, with a fraction or without, and milliseconds from 12 digits on; 0 is none."""
    texts = pc.replace_substring_regex(texts, _MILLIS, r"\1.\2")
    found = pc.extract_regex(_only(texts, _EPOCH), r"^(?P<s>\d{1,11})(?:\.(?P<f>\d{1,9}))?$")
    seconds = pc.struct_field(found, [0]).cast(pa.int64())
    fraction = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.struct_field(found, [1]), 6, "0"), 0, 6).cast(pa.int64())
    micros = pc.add(pc.multiply(seconds, 1_000_000), fraction)
    held = pc.and_(pc.greater(micros, 0), pc.less(seconds, 32_503_680_000))
    return pc.if_else(held, micros, pa.scalar(None, pa.int64())).cast(_KIND)


def dotnet_or_iso(texts: pa.Array) -> pa.Array:
    """Read instants as PowerShell writes them into JSON: ISO 8601, or milliseconds since 1970 as `/Date(…)/`."""
    millis = pc.replace_substring_regex(texts, _DOTNET, r"\1")
    return pc.coalesce(instants(texts), epochs(millis))


def iso_or_dotnet(texts: pa.Array) -> pa.Array:
    """Read the same, and no number by itself: in most formats that is no instant."""
    return pc.coalesce(instants(texts), epochs(pc.replace_substring_regex(_only(texts, _DOTNET), _DOTNET, r"\1")))


def without_zone(texts: pa.Array) -> pa.Array:
    """Say of each text whether it names a time of day and no zone: neither an offset, nor UTC by its name."""
    clock = pc.match_substring_regex(texts, r"\d:\d\d")
    return pc.fill_null(pc.and_not(clock, pc.match_substring_regex(texts, _ZONED)), pa.scalar(False))  # noqa: FBT003 - Arrow's own order


def year_by_name(name: str) -> tuple[int, int] | None:
    """Give the year and month (12 where there is none) that a file's name holds; None where it holds no year."""
    found = _YEAR_AND_MONTH.findall(name.rpartition("/")[2])
    return (int(found[-1][0]), int(found[-1][1] or 12)) if found else None


def syslog_times(texts: pa.Array, name: str) -> pa.Array:
    """Read the instants of syslog; where no year is written it is that of the file's name, or the instant is null.

    A file is named after the day it was closed: a month later than the name's is of the year before.
    """
    old = r"^([A-Z][a-z]{2}) ([ \d]\d) (?:(\d{4}) )?(\d\d:\d\d:\d\d(?:\.\d+)?)$"
    plain = pc.replace_substring(
        pc.if_else(pc.match_substring_regex(texts, old), pa.scalar("", pa.string()), texts), ",", "."
    )
    numbers = pc.replace_substring_regex(_with_month_numbers(_only(texts, old)), r"^(\d\d)  (\d) ", r"\1 0\2 ")
    dated = pc.replace_substring_regex(
        _only(numbers, r"^\d\d \d\d \d{4} "), r"^(\d\d) (\d\d) (\d{4}) (.*)$", r"\3-\1-\2T\4"
    )
    out = pc.coalesce(instants(plain), instants(dated))
    held = year_by_name(name)
    if held is None:
        return out
    year, month = held
    bare = _only(numbers, r"^\d\d \d\d \d\d:")
    late = pc.greater(pc.utf8_slice_codeunits(bare, 0, 2), f"{month:02}")
    shape = r"^(\d\d) (\d\d) (.*)$"
    ours, before = (pc.replace_substring_regex(bare, shape, rf"{one}-\1-\2T\3") for one in (year, year - 1))
    return pc.coalesce(out, instants(pc.if_else(late, before, ours)))


_DATE = re.compile(r"(?<!\d)(\d{1,2})[./-](\d{1,2})[./-](?:\d{4}|\d\d)(?!\d)")
_PARTS = (
    r"^(?P<a>\d{1,2})[./-](?P<b>\d{1,2})[./-](?P<y>\d{4}|\d\d),? (?P<h>\d{1,2}):(?P<r>\d\d:\d\d(?:\.\d+)?)"
    r"(?:[ \x{202F}](?P<p>[AaPp])\.?[Mm]\.?)?$"
)


def day_first(texts: Iterable[str]) -> bool | None:
    """Say whether dates written in numbers start with the day; None where no value above 12 settles it."""
    for text in texts:
        for first, second in _DATE.findall(text):
            if int(first) > 12:
                return True
            if int(second) > 12:
                return False
    return None


def numbered_dates(texts: pa.Array, *, starts_with_day: bool | None) -> pa.Array:
    """Read `4-1-2021 08:00:00` and `1/4/2021 8:00:00 AM`; in unknown order only what can be read in one way."""
    found = pc.extract_regex(texts, _PARTS)
    first, second, year, hour, rest, half = (pc.struct_field(found, [at]) for at in range(6))
    first, second = pc.utf8_lpad(first, 2, "0"), pc.utf8_lpad(second, 2, "0")
    year = pc.if_else(pc.equal(pc.utf8_length(year), 2), pc.binary_join_element_wise("20", year, ""), year)
    nothing = pa.scalar(None, pa.string())
    by_day, by_month = (pc.binary_join_element_wise(*pair, "-") for pair in ((second, first), (first, second)))
    if starts_with_day is None:
        clear = pc.if_else(pc.equal(first, second), by_day, nothing)
        settled = pc.if_else(pc.greater(first, "12"), by_day, pc.if_else(pc.greater(second, "12"), by_month, clear))
    else:
        settled = by_day if starts_with_day else by_month
    late = pc.is_in(half, pa.array(["P", "p"]))
    number = pc.if_else(pc.and_(pc.not_equal(half, ""), pc.equal(hour, "12")), 0, hour.cast(pa.int64()))
    clock = pc.utf8_lpad(pc.if_else(late, pc.add(number, 12), number).cast(pa.string()), 2, "0")
    time = pc.binary_join_element_wise(clock, rest, ":")
    return instants(pc.binary_join_element_wise(pc.binary_join_element_wise(year, settled, "-"), time, "T"))
