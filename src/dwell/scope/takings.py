"""Mail taken by cmdlet: whole mailboxes exported to files, and mail sent on to somebody else as it comes in.

Exchange's event log, its admin audit log and its log of remote PowerShell tell of both, and the tenant's audit records of
what is sent on; and of whoever does it by right as well: a leaver's mailbox, a holiday. Whose doing it was is another
question (`taking_ties`). An export whose file is a page is no taking: it writes a web shell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from dwell.archive.store import Archive
from dwell.model.provenance import RecordRef
from dwell.scope.cmdlets import Cmdlet, Label, person, read_cmdlets
from dwell.scope.rollup.ual import TENANT

__all__ = ["TABLES", "Taking", "TakingKind", "takings_of"]

TABLES = ("admin_audit", "evtx", "rps_cmdlet", "ual")
"""Logs that tell of cmdlets with the instant at which they were run."""
SAME = timedelta(minutes=1)
"""One act stands in several logs: at its begin in one, at its end in the other."""
_EXPORT = "new-mailboxexportrequest"
_RULES = frozenset({"new-inboxrule", "set-inboxrule"})
_FORWARDS = ("ForwardTo", "RedirectTo", "ForwardAsAttachmentTo")
_SETTING = "set-mailbox"
_SETTINGS = ("ForwardingSmtpAddress", "ForwardingAddress")
_NOTHING = frozenset({"", "$null", "null", "{}", "()", "@()"})
_PAGE = re.compile(r"\.(?:aspx?|ashx|asmx|ascx|cshtml|php|jsp)\s*$", re.IGNORECASE)
_PARTS = ("IncludeFolders", "ContentFilter", "SourceRootFolder")


class TakingKind(StrEnum):
    """How mail was taken."""

    EXPORT = "export"
    """A copy of a mailbox was written to a file."""
    FORWARDING = "forwarding"
    """What comes in is sent on, by a rule or a setting."""


@dataclass(frozen=True, slots=True)
class Taking:
    """One act by which mail was taken.

    Attributes:
        kind: how.
        mailbox: whose, the name it goes by.
        host: whose log tells of it; the tenant's name for what was done there.
        caller: who ran it, as the log writes it; None where it does not.
        account: the name that the caller goes by; None where nobody is known by it.
        where: the file, or to whom it is sent on.
        part: which part of the mailbox, as the cmdlet says; "" for all of it.
        at_utc: when.
        grounds: the records, one a log that tells of it.
    """

    kind: TakingKind
    mailbox: str
    host: str
    caller: str | None
    account: str | None
    where: str
    part: str
    at_utc: datetime
    grounds: tuple[RecordRef, ...]

    @property
    def folder(self) -> str:
        """Say what of the mailbox was taken, as folders are told."""
        if self.kind is TakingKind.FORWARDING:
            return "(mail as it came in)"
        return f"({self.part})" if self.part else "(whole mailbox)"


def _wanted(name: str) -> bool:
    lowered = name.strip().lower()
    return lowered in {_EXPORT, _SETTING} or lowered in _RULES


def _of(one: Cmdlet, label: Label) -> Taking | None:
    """Read a cmdlet as a taking; None where it is none."""
    told = dict(one.parameters)
    name = one.name.strip().lower()
    caller = one.caller or ""
    if one.failed or one.at_utc is None:
        return None
    if name == _EXPORT:
        kind, where = TakingKind.EXPORT, told.get("FilePath", "")
        holder = told.get("Mailbox") or one.target
        part = "; ".join(f"{each} {told[each]}" for each in _PARTS if told.get(each))
        if _PAGE.search(where):
            return None
    else:
        kind, part = TakingKind.FORWARDING, ""
        names = _SETTINGS if name == _SETTING else _FORWARDS
        where = next((told[each] for each in names if told.get(each, "").strip().lower() not in _NOTHING), "")
        holder = told.get("Identity") or one.target if name == _SETTING else told.get("Mailbox") or caller
        if not where:
            return None
    if not holder:
        return None
    account = label(person(caller, label)) if caller else None
    host = TENANT if one.online else one.host or ""
    return Taking(kind, person(holder, label), host, one.caller, account, where, part, one.at_utc, (one.ground,))


def takings_of(archive: Archive, label: Label) -> tuple[Taking, ...]:
    """Give every act by which mail was taken, once, in order of time.

    Args:
        archive: the case's archive.
        label: gives the name that a user goes by.

    Raises:
        CustodyError: a data file is not what was written.
    """
    found: list[Taking] = []
    for table in TABLES:
        for file in archive.files(table):
            found += [made for one in read_cmdlets(file, named=_wanted) if (made := _of(one, label)) is not None]
    return _as_one(found)


def _as_one(found: Iterable[Taking]) -> tuple[Taking, ...]:
    """Put together what several logs tell of one act."""
    out: list[Taking] = []
    last: dict[tuple[str, ...], int] = {}
    for one in sorted(found, key=lambda each: (each.at_utc, each.grounds)):
        key = (one.kind.value, one.mailbox, one.where.lower(), one.part.lower())
        place = last.get(key)
        if place is None or one.at_utc - out[place].at_utc > SAME or _shares_log(out[place], one):
            last[key] = len(out)
            out.append(one)
        else:
            known = out[place]
            out[place] = replace(
                known, account=known.account or one.account, grounds=tuple(sorted({*known.grounds, *one.grounds}))
            )
    return tuple(out)


def _shares_log(first: Taking, second: Taking) -> bool:
    return bool({one.table for one in first.grounds} & {one.table for one in second.grounds})
