"""Mail taken by cmdlet in words: what is laid to no intrusion is told all the same, for those to judge who know."""

from __future__ import annotations

from dwell.answers.book import Book
from dwell.answers.phrases import count, listed, span, whole_span
from dwell.scope.investigation import Investigation
from dwell.scope.rollup.ual import TENANT
from dwell.scope.takings import Taking, TakingKind

__all__ = ["untied", "verdict"]

SOURCES = frozenset({"evtx/MSExchange Management", "rps_cmdlet", "admin_audit", "ual"})
GROUNDS = 20
_WORDS = {TakingKind.EXPORT: "exported to files", TakingKind.FORWARDING: "set to be sent on to others"}


def _untied(case: Investigation) -> list[Taking]:
    tied = {one.grounds for held in case.held for one in held.takings}
    return [one for one in case.takings if one.grounds not in tied]


def verdict(case: Investigation) -> str:
    """Say in one clause what was taken by cmdlet and is laid to nobody; "" where nothing was."""
    found = _untied(case)
    boxes = count(len({one.mailbox for one in found}), "mailbox", "mailboxes")
    return f"{boxes} exported or forwarded by cmdlet, laid to no intrusion" if found else ""


def untied(case: Investigation, book: Book) -> None:
    """Tell exports and forwarding that belong to no known intrusion, by who ran them."""
    groups: dict[tuple[TakingKind, str], list[Taking]] = {}
    for one in _untied(case):
        groups.setdefault((one.kind, one.account or one.caller or "nobody named"), []).append(one)
    for (kind, who), found in sorted(groups.items(), key=lambda each: (each[0][0].value, each[0][1])):
        hosts = {TENANT for one in found if one.host == TENANT}
        hosts |= {host for host in case.ledger.servers() if any(one.host != TENANT for one in found)}
        coverage = case.ledger.coverage(hosts, SOURCES, *whole_span(case), "mail taken by cmdlet")
        boxes = sorted({one.mailbox for one in found})
        many = count(len(boxes), "mailbox", "mailboxes")
        where = listed(sorted({one.where for one in found}), 5)
        book.recorded(
            f"{many} ({listed(boxes)}) {_WORDS[kind]} by {who} "
            f"{span(found[0].at_utc, found[-1].at_utc)}, to {where}; laid to no known intrusion. Whether it was wanted "
            "is for those to say who are named.",
            tuple(ref for one in found for ref in one.grounds)[:GROUNDS],
            coverage,
        )
