"""Names in logs: users and agents, each brought into one form. For distinct values, never for rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from dwell.model.short_cache import short_cache

__all__ = ["BROWSER", "Name", "agent", "name_of", "without_domain"]

BROWSER = "browser:"
"""Stands before the id that a browser keeps in a cookie, where a log names that in the place of an address."""

_SID = re.compile(r"S-1-[0-9-]+", re.IGNORECASE)
_GUID = re.compile(r"\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?", re.IGNORECASE)
_ANCHOR = re.compile(r"^(?:Sid|Smtp|SMTP|MailboxGuid|UserSmtp|PrimarySmtp|ExchangeGuid|Upn)~", re.IGNORECASE)
_PROGRAM = re.compile(
    r"^Client=(?:OWA;(?=Mozilla/)|WebServices;(?:UserAgent=)?(?!Action=|UserAgent=|;|$)|ActiveSync;UserAgent=)",
    re.IGNORECASE,
)
_ACTION = re.compile(r";Action=.*$", re.IGNORECASE | re.DOTALL)
_MINOR = re.compile(r"(\d+)(?:[._]\d+)+")


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """A user or mailbox as a log names it, in one form.

    Attributes:
        kind: `smtp` (an address or user principal name), `sam` (an account name without its domain), `sid`, `guid`, `dn`.
        value: lower case.
        domain: the domain in front of an account name, lower case; "" where there is none.
    """

    kind: str
    value: str
    domain: str = ""

    @property
    def key(self) -> str:
        """Give it as one text."""
        return f"{self.kind}:{self.value}"


@short_cache(262_144)
def name_of(text: str | None) -> Name | None:
    r"""Read a user's or mailbox's name in any of the forms logs use; None where there is none.

    `DOMAIN\user`, `DOMAIN/user`, `user@domain`, `Sid~S-1-…`, `MailboxGuid~…@domain`, GUIDs with or without dashes,
    legacy DNs, percent-encoded or not.
    """
    if text is None:
        return None
    wanted = unquote(text, errors="replace").strip().strip("<>").strip()
    if wanted in {"", "-"} or wanted.lower() in {"anonymous", "unknown"}:
        return None
    wanted = _ANCHOR.sub("", wanted)
    if match := _SID.fullmatch(wanted):
        return Name("sid", match[0].lower())
    head, _, tail = wanted.partition("@")
    if match := _GUID.fullmatch(head):
        return Name("guid", "-".join(match.groups()).lower())
    if wanted.lower().startswith("/o="):
        return Name("dn", wanted.lower())
    if "\\" in wanted or ("/" in wanted and not tail):
        domain, _, user = wanted.replace("/", "\\").rpartition("\\")
        return Name("sam", user.lower(), domain.lower()) if user else None
    if tail:
        address_text = wanted.lower().removeprefix("smtp:")
        return Name("smtp", address_text)
    return Name("sam", wanted.lower())


@short_cache(262_144)
def agent(text: str | None) -> str:
    """Give an agent's family with major versions only: `Chrome/73.0.3683.86` and `Chrome/73.0.3683.103` are one.

    What audit records put before a program's own text (`Client=OWA;`, `Client=ActiveSync;UserAgent=`) and behind it
    (`;Action=…`, which names account and device) is taken off, so that one program is one agent in every source.
    """
    if text is None:
        return "(none)"
    wanted = text.replace("+", " ").strip()
    if head := _PROGRAM.match(wanted):
        wanted = _ACTION.sub("", wanted[head.end() :]).rstrip(";").strip()
    if wanted in {"", "-"}:
        return "(none)"
    return _MINOR.sub(r"\1", wanted)[:300]


def without_domain(name: str | None) -> str:
    """Give what is left of a name without its domain, in lower case: a login's and an address's are alike."""
    return (name or "").rpartition("\\")[2].partition("@")[0].lower()
