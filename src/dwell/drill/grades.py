"""What the evidence that is handed over bears of an intruder's acts: the grade that is true of each of his mailboxes.

It is told from what was written, not from what the program makes of it: which logs hold a request, whose mailbox they name,
and what they say was done there. The words are those of the manual's page on grades. A request of a kind that is not known
here leaves its mailbox without a true grade, and is never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from dwell.drill.intruders import Actor
from dwell.drill.people import World
from dwell.drill.protocol_logs import IMAP
from dwell.drill.requests import Request
from dwell.drill.scenario import Scenario

__all__ = ["NO_RECORD", "Kept", "grades_of", "stronger"]

NO_RECORD = "no-record"
"""No record that is handed over says that this mailbox was acted on."""
_ORDER = ("named", "downloaded", "read", "listed", "opened", "attempted", NO_RECORD)
_READS = frozenset({"GetItem", "GetConversationItems", "GetFileAttachment", "fetch"})
_LISTS = frozenset({"FindItem", "FindConversation", "FindFolder", "GetFolder"})
_KNOWN = frozenset({"Owa", "Ews", "Eas", "Mapi", "Rest", IMAP})
_NO_MAIL = frozenset({"", "Ecp", "Autodiscover"})


@dataclass(frozen=True, slots=True)
class Kept:
    """Which of the logs that were written hold a request.

    Attributes:
        scenario: what is left of the evidence.
        exchange_from: the first day that Exchange's own logs are of.
        gone: requests whose lines were taken out of the IIS logs, by their identity.
        gaps: what is not there, as the truth tells it.
        audited: what the audit export of the whole time says of a request, by its identity.
    """

    scenario: Scenario
    exchange_from: date
    gone: Mapping[int, Request]
    gaps: Sequence[Mapping[str, str]]
    audited: Mapping[int, str]

    @property
    def audit_only(self) -> bool:
        """Say whether no log of a server is handed over: then the audit export alone says what was done."""
        return {"iis", "httpproxy", "ews"} <= set(self.scenario.without) and not self.scenario.service_logs

    def logs(self, day: date, request: Request) -> frozenset[str]:
        """Give the logs that hold a request: `iis`, `back-end`, `httpproxy`, `ews`, `owa`, `sync`, `mapi`, `imap` or `ual`.

        Requests by IMAP stand in no other.
        """
        plan, late = self.scenario, day >= self.exchange_from
        if request.protocol == IMAP:
            return frozenset({"imap"} if "imap4" in plan.kept and "imap4" not in plan.without else ())
        whole = "iis" not in plan.without
        calls = (request.protocol == "Ews" or "EWS/" in request.anchor) and request.status == 200
        answered = plan.service_logs and request.status == 200
        told = {
            "iis": whole and "iis-front" not in plan.without and self._in_iis(day, request),
            "back-end": whole and plan.handed_over and request.protocol == "Ews" and not request.anchor,
            "httpproxy": (late or "httpproxy" in plan.kept) and "httpproxy" not in plan.without,
            "ews": calls and (late or "ews" in plan.kept) and "ews" not in plan.without,
            "owa": answered and request.protocol == "Owa" and (late or "owa" in plan.kept),
            "sync": answered and whole and request.protocol == "Eas",
            "mapi": request.protocol == "Mapi" and "mapihttp" in plan.kept,
            "ual": id(request) in self.audited and "ual" not in plan.without,
        }
        return frozenset(name for name, held in told.items() if held)

    def _in_iis(self, day: date, request: Request) -> bool:
        at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=request.second)
        return id(request) not in self.gone and not any(
            one["host"] == request.host
            and one["source"] == "iis"
            and datetime.fromisoformat(one["from_utc"]) <= at < datetime.fromisoformat(one["to_utc"])
            for one in self.gaps
        )


def stronger(one: str, other: str) -> str:
    """Give the stronger of two grades."""
    return min(one, other, key=_ORDER.index)


def _done(request: Request) -> str:
    """Give what the action of a request does, where a log writes it."""
    command = request.query.partition("Cmd=")[2].partition("&")[0]
    action = request.action or ("GetItem" if command == "ItemOperations" else "")
    return "read" if action in _READS else "listed" if action in _LISTS else "opened"


def _borne(request: Request, logs: frozenset[str], own: str, audited: str) -> str:
    """Give the grade that the logs bear of one request to the mailbox it was made to.

    Args:
        request: the request.
        logs: those that hold it.
        own: the mailbox of the account that made it; a log that names none is taken to mean that one.
        audited: what the audit export says of it.
    """
    if request.status != 200:
        return "attempted" if logs & {"iis", "httpproxy", "imap"} and own == request.mailbox else NO_RECORD
    if request.anchor:
        # only the front end knows who sent it, only the back end whose mailbox it was
        return _done(request) if logs >= {"httpproxy", "ews"} else NO_RECORD
    found = NO_RECORD
    named = own == request.mailbox or request.mailbox in request.stem or "MailboxId=" in request.query
    shown = "opened" if request.protocol == "Ews" else _done(request)
    if (named and logs & {"iis", "back-end", "httpproxy"}) or "httpproxy" in logs:
        found = stronger(found, shown)
    if "ews" in logs:
        found = stronger(found, _done(request))
    if "owa" in logs:
        found = stronger(found, _done(request) if request.action else "listed")
    if "sync" in logs and "Cmd=Sync" in request.query:
        found = stronger(found, "downloaded")
    if "mapi" in logs:
        # an intruder's Outlook takes a copy, and the log has its operations
        found = stronger(found, "downloaded")
    if "imap" in logs:
        found = stronger(found, _done(request))
    return stronger(found, audited) if "ual" in logs else found


def grades_of(world: World, actor: Actor, kept: Kept) -> dict[str, str]:
    """Give the true grade of each mailbox of an intruder; of one that he did something unknown to, none.

    Args:
        world: the ministry.
        actor: the intruder.
        kept: which logs hold what he did.
    """
    owners = {one.login: one.smtp for one in world.people}
    out: dict[str, str] = {}
    unknown: set[str] = set()
    for day, requests in actor.days.items():
        for one in requests:
            if one.mailbox and not kept.audit_only and one.protocol not in (_NO_MAIL if one.anchor else _KNOWN):
                unknown.add(one.mailbox)
            elif one.mailbox:
                found = _borne(one, kept.logs(day, one), owners.get(one.user, ""), kept.audited.get(id(one), NO_RECORD))
                out[one.mailbox] = stronger(out.get(one.mailbox, NO_RECORD), found)
    for mailbox, found in actor.borne.items():
        out[mailbox] = stronger(out.get(mailbox, NO_RECORD), found)
    return {mailbox: grade for mailbox, grade in sorted(out.items()) if mailbox not in unknown}
