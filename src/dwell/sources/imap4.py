r"""IMAP4 protocol logs: every command of every session, with the bytes that went each way.

Source:
    No public specification. Thirteen columns as seen in published samples and their parsers; `#Log-type` starts with
    `IMAP4`.
Time:
    `dateTime` is UTC to the millisecond; it becomes `time_utc` and is not stored twice.
Units:
    `seqNumber` counts the lines of a session; `duration` milliseconds; `rqsize` and `rpsize` bytes of this command and
    of what was sent back: the bytes of `fetch` are bytes read. `session_user`, `session_mailbox` (the alias where the
    user is `domain/user/alias`) and `session_folder` are what the session said in this file up to this line.
    `context-map` holds `context` by key.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    The client writes `command`, `parameters` and, before it is let in, `user`. Passwords are masked by the writer. On
    the back end `cIp` is the front end.
Silence:
    Off by default. Sessions cross the ends of files: one without `OpenSession` began in an earlier file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from dwell.model.instants import TimeBasis
from dwell.sources.mail_sessions import MailSessions
from dwell.sources.source import Stamp

__all__ = ["Imap4"]


class Imap4(MailSessions):
    """Exchange IMAP4 protocol log."""

    key = "imap4"
    stamp = Stamp("dateTime", TimeBasis.UTC, "millisecond")
    title = "Exchange IMAP4 protocol log"
    log_type = "imap4 log"
    protocol = "imap4"
    ports = frozenset(["143", "993", "1143", "1993"])
    commands = frozenset(
        ["select", "examine", "fetch", "uid fetch", "uid", "idle", "lsub", "authenticate", "login", "append"]
    )
    selects: ClassVar[Sequence[str]] = ("select", "examine")
    closes: ClassVar[Sequence[str]] = ("close", "unselect", "logout")
