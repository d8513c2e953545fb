r"""POP3 protocol logs: every command of every session, with the bytes that went each way.

Source:
    No public specification. The columns are those of the IMAP4 logs; `#Log-type` starts with `POP3`. Unverified: built
    from a description, no sample seen; a real file would verify it.
Time:
    `dateTime` is UTC to the millisecond; it becomes `time_utc` and is not stored twice.
Units:
    `seqNumber` counts the lines of a session; `duration` milliseconds; `rqsize` and `rpsize` bytes of this command and
    of what was sent back: the bytes of `retr` are bytes read. `session_user` and `session_mailbox` (the alias where the
    user is `domain/user/alias`) are what the session said in this file up to this line; POP has one folder.
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

from dwell.model.instants import TimeBasis
from dwell.sources.mail_sessions import MailSessions
from dwell.sources.source import Stamp

__all__ = ["Pop3"]


class Pop3(MailSessions):
    """Exchange POP3 protocol log."""

    key = "pop3"
    stamp = Stamp("dateTime", TimeBasis.UTC, "millisecond")
    title = "Exchange POP3 protocol log"
    log_type = "pop3 log"
    protocol = "pop3"
    ports = frozenset(["110", "995", "1110", "1995"])
    commands = frozenset(["retr", "uidl", "dele", "stat", "top", "pass", "apop"])
