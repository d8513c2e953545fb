"""Who left, and what was used after its owner had left: told beside mailboxes, and as statements of the third question."""

from __future__ import annotations

from dataclasses import replace

from dwell.answers.book import Book
from dwell.answers.phrases import count, listed, span, whole_span
from dwell.model.claims import MailboxExposure
from dwell.model.departures import CONTRADICTED, Departure
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import MAIL_SOURCES
from dwell.scope.unable import OPENING

__all__ = ["beside", "tell_doubts", "tell_used", "used", "verdict"]

TOLD_MAX = 12
TAKEN_OVER = "a successor, a deputy or an archive that uses the account of who left looks the same"


def used(case: Investigation) -> tuple[Departure, ...]:
    """Give the departures after which the account was used, those used most first."""
    found = [one for one in case.departures.found if one.sessions]
    return tuple(sorted(found, key=lambda one: (-one.sessions, one.account, one.when)))


def beside(case: Investigation, found: tuple[MailboxExposure, ...]) -> tuple[MailboxExposure, ...]:
    """Say beside each mailbox whether its owner left; no grade changes."""
    last = {one.account: one for one in case.departures.found}
    return tuple(replace(one, left=last[one.mailbox]) if one.mailbox in last else one for one in found)


def tell_used(case: Investigation, book: Book) -> None:
    """Say which accounts were used after they went: a sign in itself, by whomever."""
    hosts = case.ledger.servers() or case.ledger.hosts(MAIL_SOURCES)
    coverage = case.ledger.coverage(hosts, MAIL_SOURCES, *whole_span(case), "the opening of a mailbox", act=OPENING)
    found = used(case)
    for one in found[:TOLD_MAX]:
        book.inferred(
            f"{one.account} was used after it went ({one.told}): {count(one.sessions, 'session')} "
            f"{span(one.first_use_utc, one.last_use_utc)}, by {listed(one.clients, 3)}. What says that it went: "
            f"{'; '.join(one.signs)}.",
            (*one.use_grounds, *one.grounds),
            coverage,
            (*one.against, TAKEN_OVER),
            on="departed",
        )
    if len(found) > TOLD_MAX:
        many = count(len(found) - TOLD_MAX, "account")
        book.recorded(f"{many} more were used after they went: see `departures` of the summary.", ())


def tell_doubts(case: Investigation, book: Book) -> None:
    """Say what contradicts a departure, and what was taken for none: exports of a part, acts on accounts nobody knows."""
    doubtful = [one for one in case.departures.found if any(text.startswith(CONTRADICTED) for text in one.against)]
    for one in doubtful[:TOLD_MAX]:
        texts = [text.removeprefix(CONTRADICTED).strip() for text in one.against if text.startswith(CONTRADICTED)]
        book.unknown(f"Whether {one.account} went is contradicted: {'; '.join((*one.signs, *texts))}.", one.grounds)
    if len(doubtful) > TOLD_MAX:
        book.unknown(f"Of {count(len(doubtful) - TOLD_MAX, 'account')} more it is contradicted that they went.")
    for text in case.departures.parts[:TOLD_MAX]:
        book.unknown(f"Who left cannot be told by one list: {text}.")
    gone = case.departures.unmatched
    if gone:
        named = listed(sorted({f"{one.name} on {one.target or 'an unnamed account'}" for one in gone}))
        book.unknown(
            f"{count(len(gone), 'act')} took away accounts of which no export and no mail log speaks: {named}.",
            [one.ground for one in gone],
        )
    undated = [one.account for one in case.departures.found if one.by_utc is None]
    if undated:
        book.unknown(
            f"{count(len(undated), 'account')} shown disabled by an export without a date, so since when is not known: "
            f"{listed(undated)}."
        )


def verdict(case: Investigation) -> str:
    """Say it in the verdict of the third question; "" where no account was used after it went."""
    many = len({one.account for one in used(case)})
    return f"{count(many, 'account')} used after {'it' if many == 1 else 'they'} went" if many else ""
