"""Names in logs: users and agents, each brought into one form. For distinct values, never for rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from dwell.model.short_cache import short_cache

__all__ = ["BROWSER", "Name", "agent", "app_of", "kind_of", "name_of", "program_text", "without_domain"]

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
_REST = "client=rest"
_GRAPH, _EXCHANGE = "00000003-0000-0000-c000-000000000000", "00000002-0000-0ff1-ce00-000000000000"
_NO_CLIENT = frozenset({_GRAPH, _EXCHANGE, "00000000-0000-0000-0000-000000000000"})
"""Ids of what is asked, not of who asks."""
_APP = re.compile(
    r"application ([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})(?: (?=client=rest|\(inside\)$)|$)",
    re.IGNORECASE,
)


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


def program_text(info: str | None, client_app: str | None, app: str | None) -> str | None:
    """Give what stands for the program of an audit record: what it calls itself, and before that its application.

    Whatever reads by REST or Graph calls itself the same (`Client=REST;;`): what tells two of them apart is the id of the
    application, where the record names it. Other programs are told by what they call themselves.

    Args:
        info: `ClientInfoString`, or what stands in its place.
        client_app: `ClientAppId`.
        app: `AppId`, which in some records is what was asked and not who asked.
    """
    by_rest = info.lower().startswith(_REST) if info else (app or "").strip().lower() == _GRAPH
    if not by_rest:
        return info
    found = (_GUID.fullmatch((one or "").strip()) for one in (client_app, app))
    ids = ("-".join(one.groups()).lower() for one in found if one is not None)
    who = next((one for one in ids if one not in _NO_CLIENT), "")
    return f"application {who} {info or ''}".rstrip() if who else info


def app_of(family: str) -> str:
    """Give the id of the application in an agent's family (`agent` of a `program_text`); "" where it has none."""
    found = _APP.match(family)
    return found[1].lower() if found else ""


def kind_of(family: str) -> str:
    """Give an agent's family without its application: what all that read by REST or Graph have in common."""
    found = _APP.match(family)
    if found is None:
        return family
    rest = family[found.end() :]
    return rest if rest.lower().startswith(_REST) else f"{agent(None)} {rest}".rstrip()
