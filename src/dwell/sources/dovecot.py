"""Dovecot logs: IMAP and POP3 logons, and how much each session read.

Source:
    Dovecot manual, "Logging" and "login_log_format_elements": lines of syslog or of Dovecot's own file. The text is
    kept whole; the pairs in it are columns by their own names. Unverified: built from a description, no sample seen; a
    real file would verify it.
Time:
    The server's local time, whole seconds in syslog's old form without zone and year: the year is that of the file's
    name, without one `time_utc` is null. ISO 8601 is read with its offset. Where there is none, the time is read in the
    zone that is given for the host, else as UTC.
Units:
    `in` and `out` bytes from and to the client; `body_bytes` and `hdr_bytes` bytes of content read, `body_count`
    messages whose content was read; `retr` is messages/bytes of POP3.

Raises:
    Nothing. A line of another shape is an anomaly.
Trust:
    An outsider writes `user` of a failed logon. `rip` is the peer of the connection, or what a trusted proxy says it
    is.
Silence:
    No line means no session here. What was read is counted at the session's end, never named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.mail_text import MailText
from dwell.sources.matched import schema_of
from dwell.sources.source import Stamp
from dwell.sources.time_words import SYSLOG_TIME

__all__ = ["Dovecot"]

_TEXTS = (
    "hostname", "process", "account", "session", "text", "user", "method", "rip", "lip", "rport", "mpid", "top", "retr",
    "del",
)  # fmt: skip
_COUNTS = (
    "in", "out", "deleted", "expunged", "trashed", "hdr_count", "hdr_bytes", "body_count", "body_bytes", "size", "rcvd",
    "sent",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_TEXTS, pa.string()) | dict.fromkeys(_COUNTS, pa.int64())
_PROCESS = (
    r"imap-login|pop3-login|submission-login|managesieve-login|imap|pop3|lmtp|auth|auth-worker|lda|master|config|anvil"
)
_SHAPE = (
    rf"^(?:<\d{{1,3}}>)?(?P<time>{SYSLOG_TIME}) (?:(?P<hostname>\S+) dovecot(?:\[\d+\])?: )?"
    rf"(?P<process>{_PROCESS})(?:\((?P<account>[^)]*)\))?(?:<(?P<pid>\d+)>)?(?:<(?P<session>[^>]*)>)?: (?P<text>.*)$"
)


class Dovecot(MailText):
    """Dovecot log."""

    key = "dovecot"
    stamp = Stamp("the head of the line", TimeBasis.OFFSET)
    title = "Dovecot log"
    local_lines = True
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    schema = schema_of(_COLUMNS)
    lexicon = ("hostname", "process", "account", "user", "method", "rip", "lip")
    shapes = (_SHAPE,)
    host_name = "hostname"
    score = 88
    told = "lines of Dovecot's processes"
