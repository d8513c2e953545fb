"""Mail taken by cmdlet in words: what is laid to no intrusion is told all the same, for those to judge who know."""

from __future__ import annotations

from dwell.answers.book import Book
from dwell.answers.phrases import count, listed, span, whole_span
from dwell.scope.investigation import Investigation
from dwell.scope.rollup.ual import TENANT
from dwell.scope.takings import ANY_MAILBOX, Taking, TakingKind

__all__ = ["untied", "verdict"]

SOURCES = frozenset({"evtx/MSExchange Management", "rps_cmdlet", "admin_audit", "ual"})
GROUNDS = 20
_WORDS = {
    TakingKind.EXPORT: "exported to files",
    TakingKind.COPY: "copied into other mailboxes",
    TakingKind.LISTING: "listed, message by message,",
    TakingKind.SEARCH: "searched, and what was found exported or shown,",
    TakingKind.FORWARDING: "set to be sent on to others",
    TakingKind.FLOW: "set to be copied as it comes in or goes out",
}


def _untied(case: Investigation) -> list[Taking]:
    tied = {one.key for held in case.held for one in held.takings}
    return [one for one in case.takings if one.key not in tied]


def verdict(case: Investigation) -> str:
    """Say in one clause what was taken by cmdlet and is laid to nobody; "" where nothing was."""
    found = _untied(case)
    boxes = {one.mailbox for one in found} - {ANY_MAILBOX}
    parts = [f"{count(len(boxes), 'mailbox', 'mailboxes')} exported or forwarded by cmdlet"] if boxes else []
    whole = sum(one.mailbox == ANY_MAILBOX for one in found)
    if whole:
        many = count(whole, "rule, connector or search", "rules, connectors or searches")
        parts.append(f"{many} that took mail of mailboxes not named")
    return f"{' and '.join(parts)}, laid to no intrusion" if parts else ""


def untied(case: Investigation, book: Book) -> None:
    """Tell exports and forwarding that belong to no known intrusion, by who ran them."""
    groups: dict[tuple[TakingKind, str], list[Taking]] = {}
    for one in _untied(case):
        groups.setdefault((one.kind, one.account or one.caller or "nobody named"), []).append(one)
    for (kind, who), found in sorted(groups.items(), key=lambda each: (each[0][0].value, each[0][1])):
        hosts = {TENANT for one in found if one.host == TENANT}
        hosts |= {host for host in case.ledger.servers() if any(one.host != TENANT for one in found)}
        coverage = case.ledger.coverage(hosts, SOURCES, *whole_span(case), "mail taken by cmdlet")
        where = sorted({one.where for one in found} - {""})
        to = f", to {listed(where, 5)}" if where else ""
        book.recorded(
            f"{_whose(found)} {_WORDS[kind]} by {who} {span(found[0].at_utc, found[-1].at_utc)}{to}{_parts(found)}; laid "
            "to no known intrusion. Whether it was wanted is for those to say who are named.",
            tuple(ref for one in found for ref in one.grounds)[:GROUNDS],
            coverage,
        )


def _whose(found: list[Taking]) -> str:
    """Say of whose mailboxes mail was taken, as far as records do."""
    boxes = sorted({one.mailbox for one in found} - {ANY_MAILBOX})
    many = f"{count(len(boxes), 'mailbox', 'mailboxes')} ({listed(boxes)})"
    if len(boxes) and all(one.mailbox for one in found):
        return many
    return (
        f"{many}, and mail of mailboxes that no record names,"
        if boxes
        else "Mail of mailboxes that no record names was"
    )


def _parts(found: list[Taking]) -> str:
    """Say to which part of all mail acts that name no mailbox hold themselves."""
    parts = sorted({one.part for one in found if one.mailbox == ANY_MAILBOX} - {""})
    return f" ({listed(parts, 5)})" if parts else ""
