"""IIS access logs in IIS's own format (`u_in*.log`): one line a request, fifteen values parted by comma and blank.

Source:
    Microsoft Learn, "IIS Log File Format (IIS 6.0)"; fixed columns, no header, a comma at the end. The columns are
    those of the W3C log by what they mean, and the rows go to the same table; its query is split as there.
Time:
    Date and time are the server's local time, whole seconds, no zone: read as UTC, so the server's offset has to be
    taken into account. The order of day and month is that of the server's culture: where neither a value above 12 in
    the first lines nor the day in the file's name (`u_inYYMMDD`) settles it, `time_utc` is null and the text stays in
    `extra` as `time`.
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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.columns import flat
from dwell.sources.iis import IisW3c
from dwell.sources.iis_request_id import split_request_id
from dwell.sources.matched import Matched, State, sniffed_lines
from dwell.sources.peeked import peeked
from dwell.sources.query_parts import LOG, query_parts, repeats
from dwell.sources.source import Batch, Hint, Stamp
from dwell.sources.time_words import by_value, day_first, numbered_dates

__all__ = ["IisNative", "NativeState"]

_BY_NAME = re.compile(r"in\d\d(\d\d)(\d\d)")
_CELLS = re.compile(r"[^,]*, [^,]*, (\d{1,2}[./-]\d{1,2}[./-]\d{2,4}),")
_SHAPE = (
    r"^(?P<ip>[^,\s]+), (?P<user>[^,]*), (?P<time>\d{1,4}[./-]\d{1,2}[./-]\d{1,4}, \d{1,2}:\d\d:\d\d), "
    r"(?P<site>[A-Za-z0-9]{1,10}SVC\d*), (?P<computer>[^,]*), (?P<server>[^,]*), (?P<taken>\d+), (?P<received>\d+), "
    r"(?P<sent>\d+), (?P<status>\d+), (?P<win32>\d+), (?P<method>[^,]*), (?P<stem>.*?), (?P<query>.*?),? ?$"
)


@dataclass(slots=True)
class NativeState(State):
    """What a reader carries from block to block.

    Attributes:
        starts_with_day: whether dates start with the day; None where that is not known.
        repeated: numbers of records whose query has a part twice, that are still to be told.
    """

    starts_with_day: bool | None = None
    repeated: list[int] = field(default_factory=list)


class IisNative(Matched):
    """IIS access log, IIS's own format."""

    key = "iis_native"
    stamp = Stamp("date and time", TimeBasis.LOCAL_ASSUMED, "second")
    title = "IIS log, IIS's own format"
    local_time = True
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

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield a batch per block."""
        sniff, stream = peeked(stream, hint.name)
        state = NativeState(hint.name)
        found = [_CELLS.match(line) for line in sniffed_lines(sniff)]
        dates = [one[1] for one in found if one is not None]
        state.starts_with_day = day_first(dates)
        if state.starts_with_day is None and (named := _BY_NAME.search(hint.name.rpartition("/")[2].lower())):
            state.starts_with_day = _settled(dates, int(named[1]), int(named[2]))
        for batch in self._read(stream, state):
            batch.facts += repeats(state.repeated, np.empty(0, np.int64))
            state.repeated = []
            yield batch

    def _fitted(self, table: pa.Table, numbers: npt.NDArray[np.int64], state: State) -> pa.Table:
        """Split off the request id, and give the parts of the query as columns, before the schema is met."""
        query, request_id = split_request_id(flat(table["cs-uri-query"]))
        parts = query_parts(query)
        if isinstance(state, NativeState):
            state.repeated += numbers[parts.repeated].tolist()
        table = table.set_column(table.column_names.index("cs-uri-query"), "cs-uri-query", query)
        for name, column in {"cafeReqId": request_id, **parts.texts, LOG: parts.log}.items():
            table = table.append_column(name, column)
        return super()._fitted(table, numbers, state)

    def _times(self, table: pa.Table, state: State) -> pa.Array:
        order = state.starts_with_day if isinstance(state, NativeState) else None
        return by_value(table["time"], lambda texts: numbered_dates(texts, starts_with_day=order))


def _settled(dates: Sequence[str], month: int, day: int) -> bool | None:
    """Say whether dates start with the day, by the day that is in the file's name."""
    for text in dates:
        first, second = (int(one) for one in re.split(r"[./-]", text)[:2])
        if first != second and {first, second} == {month, day}:
            return first == day
    return None
