"""Postfix logs: mail taken in, passed on and delivered, and who logged on to send it.

Source:
    Postfix documentation, lines of syslog (`postfix/smtpd[123]: QUEUEID: client=…`). The text is kept whole; the pairs
    in it are columns by their own names. The lines of one message share `queue_id`, which is used again in time.
Time:
    The server's local time, whole seconds in syslog's old form without zone and year: the year is that of the file's
    name, without one `time_utc` is null. ISO 8601 is read with its offset. Where there is none, the time is read in the
    zone that is given for the host, else as UTC.
Units:
    `size` bytes of the message, `delay` seconds, `nrcpt` recipients.

Raises:
    Nothing. A line of another shape is an anomaly.
Trust:
    An outsider writes `from`, `message-id`, `helo` and, of a failed logon, `sasl_username`. `client_ip` is the peer.
Silence:
    No line means that no mail went through here. Reading of mail is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.mail_text import MailText
from dwell.sources.matched import schema_of, split
from dwell.sources.source import Stamp
from dwell.sources.time_words import SYSLOG_TIME

__all__ = ["Postfix"]

_TEXTS = (
    "hostname", "instance", "process", "queue_id", "text", "client", "client_ip", "sasl_method", "sasl_username",
    "message-id", "from", "to", "orig_to", "relay", "delay", "delays", "dsn", "status", "proto", "helo",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_TEXTS, pa.string()) | {"size": pa.int64(), "nrcpt": pa.int64()}
_CLIENT = r"(?:client=|connect from |disconnect from |from |warning: )(?:\S*?)\[(?P<ip>[0-9A-Fa-f.:]+)\]"
_QUEUE_ID = r"[0-9A-F]{5,20}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,20}|NOQUEUE"
_SHAPE = (
    rf"^(?:<\d{{1,3}}>)?(?P<time>{SYSLOG_TIME}) (?P<hostname>\S+) (?P<instance>postfix[\w-]*)/(?P<process>[\w/-]+)"
    rf"\[(?P<pid>\d+)\]: (?:(?P<queue_id>{_QUEUE_ID}): )?(?P<text>.*)$"
)


class Postfix(MailText):
    """Postfix log."""

    key = "postfix"
    stamp = Stamp("the head of the line", TimeBasis.OFFSET)
    title = "Postfix log"
    local_lines = True
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    schema = schema_of(_COLUMNS)
    lexicon = (
        "hostname",
        "process",
        "client",
        "client_ip",
        "sasl_method",
        "sasl_username",
        "from",
        "to",
        "relay",
        "status",
    )
    shapes = (_SHAPE,)
    host_name = "hostname"
    score = 90
    told = "lines of Postfix's processes"

    def _more(self, table: pa.Table) -> pa.Table:
        return table.set_column(table.column_names.index("client_ip"), "client_ip", split(table["text"], _CLIENT)["ip"])
