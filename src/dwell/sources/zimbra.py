"""Zimbra logs `audit.log` and `mailbox.log`: logons, and what each command of a client did with a mailbox.

Source:
    Zimbra, "Log Files": `date level [thread] [name=…;ip=…;oip=…;ua=…;] category - text`. The text is kept whole; the
    pairs of the context and of the text are columns by their own names. Traces of exceptions are rows with nothing but
    `text`. Unverified: built from a description, no sample seen; a real file would verify it.
Time:
    The server's local time, milliseconds, no zone: read as UTC, so its offset has to be taken into account.
Units:
    None.

Raises:
    Nothing. A line of another shape is an anomaly.
Trust:
    An outsider writes `ua` and `account` of a failed logon. `oip` is the client as a proxy named it, a list behind
    several: without a trusted proxy an outsider can write it.
Silence:
    No line means that nobody logged on here. What a command read is named by ids, if at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.mail_text import MailText
from dwell.sources.matched import State, schema_of
from dwell.sources.source import Stamp

__all__ = ["Zimbra"]

_TEXTS = (
    "level", "thread", "context", "category", "text", "name", "ip", "oip", "ua", "via", "soapId", "aname", "mid", "cmd",
    "account", "protocol", "error", "cid",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_TEXTS, pa.string())
_PAIR = re.compile(r"(?:^|(?<=[;\s\[]))([A-Za-z_]\w*)=(?:<([^<>\n]*)>(?=;)|([^;\n]+))|(\n)()", re.MULTILINE)
_LINE = (
    r"^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (?P<level>[A-Z]+) +\[(?P<thread>[^\]]*)\] "
    r"\[(?P<context>[^\]]*)\] (?P<category>[\w.-]+) - (?P<text>.*)$"
)
_TRACE = (
    r"^(?P<text>\s+at .*|[\w.$]+(?:Exception|Error)\b.*|Caused by: .*|\s*\.\.\. \d+ more.*|(?:ExceptionId|Code):.*)$"
)


class Zimbra(MailText):
    """Zimbra log."""

    key = "zimbra"
    stamp = Stamp("the start of the line", TimeBasis.LOCAL_ASSUMED, "millisecond")
    title = "Zimbra log (audit.log, mailbox.log)"
    local_time = True
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    schema = schema_of(_COLUMNS)
    lexicon = ("category", "name", "ip", "oip", "ua", "cmd", "account", "protocol", "error")
    shapes = (_LINE, _TRACE)
    telling = 1
    score = 88
    told = "lines of Zimbra: date, level, thread and context in brackets, category"
    pattern = _PAIR

    def _widen(self, table: pa.Table, shape: int, state: State) -> pa.Table:
        if shape:
            return table
        both = pc.binary_join_element_wise(
            table["context"].fill_null(""), table["text"].fill_null(""), "; ", null_handling="replace"
        )
        wide = super()._widen(table.append_column("both", both), shape, state)
        return wide.drop_columns(["both"])

    text_name = "both"

    def _times(self, table: pa.Table, state: State) -> pa.Array:
        if "time" not in table.column_names:
            return pa.nulls(table.num_rows, pa.timestamp("us", tz="UTC"))
        return super()._times(table, state)
