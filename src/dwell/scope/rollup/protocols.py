"""Which protocol a path belongs to, and what an action does to a mailbox. Data, with the section that says so."""

from __future__ import annotations

import re

from dwell.scope.rollup.shapes import Act

__all__ = ["act_of", "program_of", "protocol_of", "stated_mailbox", "wrote_by"]

_PREFIXES: tuple[tuple[str, str], ...] = (
    ("/owa", "owa"),
    ("/ews", "ews"),
    ("/exchange.asmx", "ews"),
    ("/mapi", "mapi"),
    ("/rpc", "rpc"),
    ("/microsoft-server-activesync", "eas"),
    ("/ecp", "ecp"),
    ("/api", "rest"),
    ("/powershell", "powershell"),
    ("/oab", "oab"),
    ("/autodiscover", "autodiscover"),
    ("/public", "owa"),
)
"""Longest first where one is the start of another; paths are compared in lower case."""

_PROGRAMS = (
    ("client=owa", "owa"),
    ("client=webservices", "ews"),
    ("client=activesync", "eas"),
    ("client=msexchangerpc", "mapi"),
    ("client=rest", "rest"),
    ("client=pop3/imap4;protocol=pop3", "pop"),
    ("client=pop3/imap4", "imap"),
    ("client=pop3", "pop"),
    ("client=imap4", "imap"),
)
"""How `ClientInfoString` starts, in lower case, the longer before the shorter."""

_NO_MAIL = {"autodiscover", "oab", "powershell"}
"""Protocols that carry no mail: a request is no access to a mailbox."""

_READ = {
    "getitem", "getconversationitems", "getfileattachment", "getattachment", "exportitems", "getattachmentthumbnail",
    "itemoperations", "smartforward", "smartreply", "getmimecontent",
    "createattachmentfromattachment", "getconversationnodeitems", "printconversation",
}  # fmt: skip
_LISTED = {
    "finditem", "findconversation", "findfolder", "getfolder", "syncfolderhierarchy", "syncfolderitems",
    "getitemestimate", "search", "findmailboxesbyfreetext", "getfolderchangedigest", "foldersync", "getcalendarview",
    "getcalendarfolders", "getpersona", "findpeople", "getconversationsdiagnostics", "getreminders",
    "findmailfolderitem", "executesearch", "sessiondata",
}  # fmt: skip
_WRITES = {
    "createitem", "senditem", "updateitem", "deleteitem", "moveitem", "createfolder", "updatefolder", "deletefolder",
    "movefolder", "emptyfolder", "markallitemsasread", "markasjunk", "applyconversationaction", "applybulkitemaction",
    "createattachment", "createattachmentfromlocalfile", "createattachmentfromattachment", "deleteattachment",
    "createcalendarevent", "updatecalendarevent", "respondtocalendarevent", "sendmail", "smartforward", "smartreply",
    "moveitems", "meetingresponse", "foldercreate", "folderupdate", "folderdelete",
    # operations of audit records
    "create", "update", "send", "sendas", "sendonbehalf", "move", "movetodeleteditems", "softdelete", "harddelete",
    "updateinboxrules", "updatecalendardelegation", "addfolderpermissions", "modifyfolderpermissions",
    "updatefolderpermissions", "removefolderpermissions",
}  # fmt: skip
"""Actions of OWA, EWS and EAS, and operations of audit records, in lower case."""

_ASSETS = re.compile(
    r"^/owa/(?:auth(?:/|\.owa|$)|prem/|\d+\.\d+|ping\.owa|healthcheck|manifests/|favicon)", re.IGNORECASE
)
_SIGN_IN = re.compile(r"^/(?:owa|ecp)/auth(?:\.owa|/|$)", re.IGNORECASE)
_HEALTH = re.compile(r"healthcheck\.htm|/exhealth\.", re.IGNORECASE)
_MAILBOX = re.compile(r"^/(?:owa|ecp)/(?P<v>[^/@]+(?:@|%40)[^/]+)", re.IGNORECASE)


def protocol_of(stem: str | None) -> str | None:
    """Give the mail protocol a path belongs to; None where a request for it is no access to a mailbox."""
    if stem is None:
        return None
    lowered = stem.lower()
    if _HEALTH.search(lowered) or _ASSETS.match(lowered) or _SIGN_IN.match(lowered):
        return None
    for prefix, protocol in _PREFIXES:
        if lowered.startswith(prefix) and lowered[len(prefix) : len(prefix) + 1] in {"", "/", ".", "?"}:
            return None if protocol in _NO_MAIL else protocol
    return None


def program_of(client: str | None) -> str | None:
    """Give the protocol that an audit record's `ClientInfoString` names; None where it names none that is known."""
    lowered = (client or "").lower()
    return next((one for start, one in _PROGRAMS if lowered.startswith(start)), None)


def stated_mailbox(stem: str | None) -> str | None:
    """Give the mailbox that a path names: `/owa/minister@gov.example/`."""
    match = _MAILBOX.match(stem) if stem else None
    return match["v"] if match else None


def wrote_by(action: str | None, *, read: bool | None = None) -> int:
    """Give 1 where an action sends, makes, moves or deletes something, 0 where it reads or lists, else -1: unknown.

    Args:
        action: the action or operation.
        read: whether it reads or lists, where another table than that of the actions says so.
    """
    if (action or "").lower() in _WRITES:
        return 1
    reads = act_of(action) > Act.OPENED if read is None else read
    return 0 if reads else -1


def act_of(action: str | None) -> Act:
    """Give what an action of OWA, EWS or EAS does; an action we do not know opens a mailbox, and no more is claimed."""
    lowered = (action or "").lower()
    if lowered in _READ:
        return Act.READ
    if lowered in _LISTED:
        return Act.LISTED
    return Act.OPENED
