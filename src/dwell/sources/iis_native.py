"""IIS access logs in IIS's own format (`u_in*.log`): one line a request, fifteen values parted by comma and blank.

Source:
    Microsoft Learn, "IIS Log File Format (IIS 6.0)"; fixed columns, no header, a comma at the end. The columns are
    those of the W3C log by what they mean, and the rows go to the same table.
Time:
    Date and time are the server's local time, whole seconds, no zone: read as UTC, so the server's offset has to be
    taken into account. The order of day and month is that of the server's culture: where neither a value above 12 nor
    the day in the file's name (`u_inYYMMDD`) settles it, `time_utc` is null and the text stays in `extra` as `time`.
Units:
    `time-taken` milliseconds; `cs-bytes` and `sc-bytes` bytes on the wire, headers included.

Raises:
    Nothing. A line of another shape is an anomaly.
Trust:
    An outsider writes `cs-uri-stem`, `cs-uri-query`, `cs-method` and `cs-username` of a failed logon. No agent is
    logged.
Silence:
    As for the W3C log. There is no agent, no referer and no forwarded address in this format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.sources.columns import instants
from dwell.sources.iis import IisW3c
from dwell.sources.matched import Matched, State
from dwell.sources.time_words import by_value

__all__ = ["IisNative"]

_BY_NAME = re.compile(r"in\d\d(\d\d)(\d\d)")
_DATE = r"^(?P<a>\d\d)[./-](?P<b>\d\d)[./-](?P<y>\d{4}|\d\d), (?P<t>\d\d:\d\d:\d\d)$"
_SHAPE = (
    r"^(?P<ip>[^,\s]+), (?P<user>[^,]*), (?P<time>\d{1,4}[./-]\d{1,2}[./-]\d{1,4}, \d{1,2}:\d\d:\d\d), "
    r"(?P<site>[A-Za-z]{1,10}SVC\d*), (?P<computer>[^,]*), (?P<server>[^,]*), (?P<taken>\d+), (?P<received>\d+), "
    r"(?P<sent>\d+), (?P<status>\d+), (?P<win32>\d+), (?P<method>[^,]*), (?P<stem>.*?), (?P<query>.*?),? ?$"
)


class IisNative(Matched):
    """IIS access log, IIS's own format."""

    key = "iis_native"
    title = "IIS log, IIS's own format"
    columns: ClassVar[Mapping[str, pa.DataType]] = {}
    schema = IisW3c.schema
    lexicon = IisW3c.lexicon
    shapes = (_SHAPE,)
    renamed: ClassVar[Mapping[str, str]] = {
        "ip": "c-ip",
        "user": "cs-username",
        "site": "s-sitename",
        "computer": "s-computername",
        "server": "s-ip",
        "taken": "time-taken",
        "received": "cs-bytes",
        "sent": "sc-bytes",
        "status": "sc-status",
        "win32": "sc-win32-status",
        "method": "cs-method",
        "stem": "cs-uri-stem",
        "query": "cs-uri-query",
    }
    # what stands for nothing is kept, as in the other rows of this table
    blanks = ("",)
    host_name = "s-computername"
    score = 92
    told = "lines of IIS's own format: address, user, date, time, W3SVC site"

    @property
    def table(self) -> str:
        """Give the table of IIS logs."""
        return "iis"

    def _times(self, table: pa.Table, state: State) -> pa.Array:
        named = _BY_NAME.search(state.name.rpartition("/")[2].lower())
        month_first = "" if named is None else f"{named[1]}/{named[2]}"
        return by_value(table["time"], lambda texts: _instants(texts, month_first))


def _instants(texts: pa.Array, day_of_name: str) -> pa.Array:
    """Read dates in the order of month and day that the date itself or the file's name settles.

    Args:
        texts: `01/25/2021, 08:00:00`.
        day_of_name: month and day in the file's name, `01/25`; "" where there is none.
    """
    padded = pc.replace_substring_regex(texts, r"\b(\d)\b", r"0\1")
    found = pc.extract_regex(padded, _DATE)
    first, second, year, clock = (pc.struct_field(found, [at]) for at in range(4))
    year = pc.if_else(pc.equal(pc.utf8_length(year), 2), pc.binary_join_element_wise("20", year, ""), year)
    by_month, by_day = (pc.binary_join_element_wise(*pair, "/") for pair in ((first, second), (second, first)))
    nothing = pa.scalar(None, pa.string())
    day_first = pc.or_(pc.greater(first, "12"), pc.equal(by_day, day_of_name))
    month_first = pc.or_(pc.or_(pc.greater(second, "12"), pc.equal(first, second)), pc.equal(by_month, day_of_name))
    settled = pc.if_else(month_first, by_month, pc.if_else(day_first, by_day, nothing))
    iso = pc.binary_join_element_wise(year, pc.replace_substring(settled, "/", "-"), "-")
    return instants(pc.binary_join_element_wise(iso, clock, "T"))
