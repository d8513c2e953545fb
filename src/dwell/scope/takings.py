"""Mail taken by cmdlet: exported, copied into another mailbox, or sent on to somebody else as it comes in.

Exchange's event log, its admin audit log, its log of remote PowerShell and the tenant's audit records tell of it; and of
whoever does it by right as well: a leaver's mailbox, a holiday, a journal that the law asks for. Whose doing it was is
another question (`taking_ties`). An export whose file is a page is no taking: it writes a web shell.

Rules of the organisation and content searches take mail of many mailboxes, and no record held says of which: conditions
of a rule are told and not followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from dwell.archive.store import Archive
from dwell.model.provenance import RecordRef
from dwell.scope.cmdlets import SAME, Cmdlet, Label, person, read_cmdlets, short
from dwell.scope.rollup.ual import TENANT
from dwell.scope.words import without_domain

__all__ = ["ANY_MAILBOX", "OF_LIST", "TABLES", "Taking", "TakingKind", "holder_of_rule", "takings_of"]

TABLES = ("admin_audit", "evtx", "rps_cmdlet", "ual")
"""Logs that tell of cmdlets with the instant at which they were run."""
ANY_MAILBOX = ""
"""Stands for the mailbox where no record says whose mail was taken."""
OF_LIST = "what is sent to the list "
"""How the part of mail is told that a member of a list is sent."""
_FORWARDS = ("ForwardTo", "RedirectTo", "ForwardAsAttachmentTo")
_SETTINGS = ("ForwardingSmtpAddress", "ForwardingAddress")
_FLOWS = ("BlindCopyTo", "CopyTo", "RedirectMessageTo", "AddToRecipients", "RouteMessageOutboundConnector")
_CONDITIONS = (
    "Recipient", "SentTo", "From", "SentToMemberOf", "FromMemberOf", "SentToScope", "FromScope",
    "SubjectOrBodyContainsWords", "SubjectContainsWords", "AnyOfRecipientAddressContainsWords",
)  # fmt: skip
"""Conditions of rules that are told beside them; there are a hundred more."""
_NOTHING = frozenset({"", "$null", "null", "{}", "()", "@()"})
_OFF = frozenset({"false", "$false"})
_PAGE = re.compile(r"\.(?:aspx?|ashx|asmx|ascx|cshtml|php|jsp)\s*$", re.IGNORECASE)
_PARTS = ("IncludeFolders", "ContentFilter", "SourceRootFolder")
_SENDS = re.compile(r"forward|redirect", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s\"'<>\[\](){}:;,=]+@[^\s\"'<>\[\](){}:;,=]+")
_LIST = re.compile(r"[;,]")


class TakingKind(StrEnum):
    """How mail was taken."""

    EXPORT = "export"
    """A copy of a mailbox was written to a file."""
    COPY = "copy"
    """What a search found in a mailbox was copied into another."""
    LISTING = "listing"
    """A list of messages was made, with their subjects."""
    SEARCH = "content search"
    """What a search of many mailboxes found was exported or shown."""
    FORWARDING = "forwarding"
    """What comes in is sent on, by a rule or a setting of a mailbox."""
    FLOW = "mail flow"
    """What comes in or goes out is copied, by a rule or a setting of the organisation."""


@dataclass(frozen=True, slots=True)
class Taking:
    """One act by which mail was taken.

    Attributes:
        kind: how.
        mailbox: whose, the name it goes by; `ANY_MAILBOX` where the record does not say whose.
        host: whose log tells of it; the tenant's name for what was done there.
        caller: who ran it, as the log writes it; None where it does not.
        account: the name that the caller goes by; None where nobody is known by it.
        where: the file, or to whom it is sent on.
        part: which part of the mailbox or of all mail, as the cmdlet says; "" for all of it.
        at_utc: when.
        grounds: the records, one a log that tells of it.
        client: the address that it was run from; None where no record has one.
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
    client: str | None = None

    @property
    def key(self) -> tuple[tuple[RecordRef, ...], str]:
        """Give what tells it from all others: its records, and the mailbox, as one act can be on several."""
        return self.grounds, self.mailbox

    @property
    def folder(self) -> str:
        """Say what of the mailbox was taken, as folders are told."""
        if self.kind is TakingKind.FORWARDING:
            return "(mail as it came in)"
        return f"({self.part})" if self.part else "(whole mailbox)"


_Told = Mapping[str, str]
_Read = tuple[TakingKind, tuple[str, ...], str, str]
"""(how, of whose mailboxes as the cmdlet names them, to where, which part)."""


def _on(told: _Told, name: str) -> bool:
    """Say whether a switch was set: it has no value, or one that is not off."""
    return name in told and told[name].strip().lower() not in _OFF


def _first(told: _Told, names: Iterable[str]) -> str:
    return next((told[one] for one in names if told.get(one, "").strip().lower() not in _NOTHING), "")


def _several(text: str) -> tuple[str, ...]:
    return tuple(found for one in _LIST.split(text) if (found := one.strip().strip("@(){}\"' ")))


def _export(one: Cmdlet, told: _Told, label: Label) -> _Read | None:
    del label
    where, holder = told.get("FilePath", ""), told.get("Mailbox") or one.target
    part = "; ".join(f"{each} {told[each]}" for each in _PARTS if told.get(each))
    return (TakingKind.EXPORT, (holder,), where, part) if holder and not _PAGE.search(where) else None


def _inbox_rule(one: Cmdlet, told: _Told, label: Label) -> _Read | None:
    where = _first(told, _FORWARDS)
    holder = holder_of_rule(one, told, label)
    return (TakingKind.FORWARDING, (holder,), where, "") if where and holder else None


def _rule_of_outlook(one: Cmdlet, told: _Told, label: Label) -> _Read | None:
    """Read a rule that Outlook set; its actions stand in one text."""
    del label
    actions = told.get("RuleActions", "")
    if not one.target or not _SENDS.search(actions) or "remove" in told.get("RuleOperation", "").lower():
        return None
    return TakingKind.FORWARDING, (one.target,), ", ".join(_ADDRESS.findall(actions)) or actions, ""


def _setting(one: Cmdlet, told: _Told, label: Label) -> _Read | None:
    del label
    where, holder = _first(told, _SETTINGS), told.get("Identity") or one.target
    return (TakingKind.FORWARDING, (holder,), where, "") if where and holder else None


def _flow(one: Cmdlet, told: _Told, label: Label) -> _Read | None:
    del one, label
    where = _first(told, (*_FLOWS, "JournalEmailAddress", "JournalRecipient"))
    part = "; ".join(f"{each} {told[each]}" for each in _CONDITIONS if told.get(each))
    return (TakingKind.FLOW, (ANY_MAILBOX,), where, part) if where else None


def _export_2007(one: Cmdlet, told: _Told, label: Label) -> _Read | None:
    """Read Exchange 2007's export: to a file, or into a folder of another mailbox."""
    del label
    holder = told.get("Identity") or one.target
    if told.get("TargetMailbox"):
        where = f"{told['TargetMailbox']} {told.get('TargetFolder', '')}".strip()
        return (TakingKind.COPY, (holder,), where, "") if holder else None
    where = told.get("PSTFolderPath", "")
    return (TakingKind.EXPORT, (holder,), where, "") if holder and where else None


def _restore(one: Cmdlet, told: _Told, label: Label) -> _Read | None:
    """Read what is poured from one mailbox into another."""
    del label
    holder, where = (
        told.get("SourceStoreMailbox") or told.get("SourceMailbox") or one.target,
        told.get("TargetMailbox", ""),
    )
    return (TakingKind.COPY, (holder,), where, "") if holder and where else None


def _connected(one: Cmdlet, told: _Told, label: Label) -> _Read | None:
    """Read a mailbox that was nobody's any more and became somebody's."""
    del label
    holder, where = told.get("Identity") or one.target, told.get("User", "")
    return (TakingKind.COPY, (holder,), where, "") if holder and where else None


def _move(one: Cmdlet, told: _Told, label: Label) -> _Read | None:
    """Read a mailbox that was moved to another organisation's servers; one that comes in is not taken."""
    del label
    holder, where = told.get("Identity") or one.target, told.get("RemoteHostName", "")
    return (TakingKind.COPY, (holder,), where, "") if holder and where and _on(told, "Outbound") else None


def _connector(one: Cmdlet, told: _Told, label: Label) -> _Read | None:
    """Read a connector by which what goes out goes by way of a machine that is named."""
    del one, label
    where = _first(told, ("SmartHosts",))
    part = "; ".join(f"{each} {told[each]}" for each in ("AddressSpaces", "RecipientDomains") if told.get(each))
    return (TakingKind.FLOW, (ANY_MAILBOX,), where, part) if where else None


def _member(one: Cmdlet, told: _Told, label: Label) -> _Read | None:
    """Read members of a list by their addresses; which of them are the house's own is not known here."""
    del label
    found = [each for each in _several(told.get("Member") or told.get("Members") or "") if "@" in each]
    where = ", ".join(found)
    return (TakingKind.FLOW, (ANY_MAILBOX,), where, f"{OF_LIST}{told.get('Identity') or one.target}") if found else None


def _search(one: Cmdlet, told: _Told, label: Label) -> _Read | None:
    """Read a search that copies what it finds, or lists it."""
    del label
    where, folder = told.get("TargetMailbox", ""), told.get("TargetFolder", "")
    if not where or _on(told, "EstimateResultOnly"):
        return None
    kind = TakingKind.LISTING if _on(told, "LogOnly") else TakingKind.COPY
    return kind, (told.get("Identity") or one.target,), f"{where} {folder}".strip(), told.get("SearchQuery", "")


def _discovery(one: Cmdlet, told: _Told, label: Label) -> _Read | None:
    """Read a search of Exchange's own; without a mailbox to copy to, what it finds is shown or exported."""
    del one, label
    if _on(told, "EstimateOnly") and not told.get("TargetMailbox"):
        return None
    part = told.get("SearchQuery", "")
    if told.get("TargetMailbox"):
        whose = _several(told.get("SourceMailboxes", "")) or (ANY_MAILBOX,)
        return TakingKind.COPY, whose, told["TargetMailbox"], part
    return TakingKind.SEARCH, (ANY_MAILBOX,), "", part


def _content_search(one: Cmdlet, told: _Told, label: Label) -> _Read | None:
    """Read what was done with a content search; that of purging takes nothing."""
    del label
    if _on(told, "Purge") and not (_on(told, "Export") or _on(told, "Preview")):
        return None
    return TakingKind.SEARCH, (ANY_MAILBOX,), "", told.get("SearchName") or one.target


_READERS: Mapping[str, Callable[[Cmdlet, _Told, Label], _Read | None]] = {
    "new-mailboxexportrequest": _export,
    **dict.fromkeys(("new-inboxrule", "set-inboxrule"), _inbox_rule),
    "updateinboxrules": _rule_of_outlook,
    "set-mailbox": _setting,
    **dict.fromkeys(
        ("new-transportrule", "set-transportrule", "new-journalrule", "set-journalrule", "new-mailboxdatabase",
         "set-mailboxdatabase"),
        _flow,
    ),
    "search-mailbox": _search,
    "export-mailbox": _export_2007,
    "new-mailboxrestorerequest": _restore,
    "connect-mailbox": _connected,
    "new-moverequest": _move,
    **dict.fromkeys(
        ("new-sendconnector", "set-sendconnector", "new-outboundconnector", "set-outboundconnector"), _connector
    ),
    **dict.fromkeys(("add-distributiongroupmember", "update-distributiongroupmember"), _member),
    **dict.fromkeys(("new-mailboxsearch", "set-mailboxsearch"), _discovery),
    **dict.fromkeys(
        ("new-compliancesearchaction", "searchexported", "searchexportdownloaded", "searchpreviewed"), _content_search
    ),
}  # fmt: skip
"""By the cmdlet, or the operation of an audit record, in lower case."""


def _wanted(name: str) -> bool:
    return name.strip().lower() in _READERS


def holder_of_rule(one: Cmdlet, told: Mapping[str, str], label: Label) -> str:
    r"""Give in whose mailbox an inbox rule lies, as the cmdlet writes it; "" where nothing says so.

    A rule is named `holder\rule`. A domain can stand before the holder, and a backslash in the rule's name: of several
    beginnings that may be the holder, the shortest counts that is another word for a known name, else all but the last.

    Args:
        one: the cmdlet.
        told: its parameters.
        label: gives the name that a user goes by.
    """
    if told.get("Mailbox"):
        return told["Mailbox"]
    for path in (told.get("Identity", ""), one.target):
        parts = path.split("\\")
        begins = ["\\".join(parts[:place]) for place in range(1, len(parts))]
        known = (each for each in begins if "@" in each or person(each, label) != short(each))
        if begins and (found := next(known, begins[-1])):
            return found
    # without a mailbox named, it is that of whoever ran it
    return one.caller or ""


def _of(one: Cmdlet, label: Label) -> Iterator[Taking]:
    """Read a cmdlet as takings; nothing where it is none."""
    if one.failed or one.at_utc is None:
        return
    read = _READERS[one.name.strip().lower()](one, dict(one.parameters), label)
    if read is None:
        return
    kind, holders, where, part = read
    account = label(person(one.caller, label)) if one.caller else None
    host = TENANT if one.online else one.host or ""
    for holder in holders:
        whose = person(holder, label) if holder else ANY_MAILBOX
        # without a directory nothing else ties a bare name to the address that ran it
        if account is not None and whose and without_domain(account) == whose:
            whose = account
        yield Taking(kind, whose, host, one.caller, account, where, part, one.at_utc, (one.ground,), one.client)


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
            found += [made for one in read_cmdlets(file, named=_wanted) for made in _of(one, label)]
    return _as_one(found)


def _as_one(found: Iterable[Taking]) -> tuple[Taking, ...]:
    """Put together what several logs tell of one act."""
    out: list[Taking] = []
    last: dict[tuple[str, ...], int] = {}
    for one in sorted(found, key=lambda each: (each.at_utc, each.grounds, each.mailbox)):
        key = (one.kind.value, one.mailbox, one.where.lower(), one.part.lower())
        place = last.get(key)
        if place is None or one.at_utc - out[place].at_utc > SAME or _shares_log(out[place], one):
            last[key] = len(out)
            out.append(one)
        else:
            known = out[place]
            out[place] = replace(
                known,
                account=known.account or one.account,
                client=known.client or one.client,
                grounds=tuple(sorted({*known.grounds, *one.grounds})),
            )
    return tuple(out)


def _shares_log(first: Taking, second: Taking) -> bool:
    return bool({one.table for one in first.grounds} & {one.table for one in second.grounds})
