"""Persons affected, and bytes as a range: told beside each exposed mailbox, and altogether under the third question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dwell.answers.book import Book
from dwell.answers.phrases import count
from dwell.model.affected import UNBOUND, Affected, Range
from dwell.model.claims import MailboxExposure
from dwell.scope.exposure import Exposed
from dwell.scope.investigation import Investigation

__all__ = ["ranged", "tell", "with_affected"]

WIRE = "bytes on the wire: pages and headers count, and what was compressed was more"
NO_BOUND = "no upper bound: no log held has bytes of"
ONE_LOG = "at least by the log that has least, at most by the one that has most"


def _bytes(found: Sequence[Exposed]) -> tuple[Range, tuple[str, ...]]:
    """Give the bytes of one mailbox as a range, and what it rests on."""
    unsized = sum(one.unsized for one in found)
    low, high = sum(one.bytes_low for one in found), sum(one.bytes_high for one in found)
    if not any(one.sent for one in found):
        return UNBOUND, ()
    texts = [WIRE, *([ONE_LOG] if low != high else [])]
    if unsized:
        texts.append(f"{NO_BOUND} {count(unsized, 'day and protocol', 'days and protocols')} of its use")
    return Range(low, None if unsized else high), tuple(sorted(texts))


def with_affected(case: Investigation, found: tuple[MailboxExposure, ...]) -> tuple[MailboxExposure, ...]:
    """Say beside each mailbox how many bytes left, as a range, and how many persons its mail was of."""
    by_name: dict[str, list[Exposed]] = {}
    for one in case.exposed:
        by_name.setdefault(one.mailbox, []).append(one)
    out = []
    for mailbox in found:
        sizes, texts = _bytes(by_name.get(mailbox.mailbox, []))
        toll = case.toll.mailboxes.get(mailbox.mailbox)
        out.append(replace(mailbox, bytes_range=sizes, bytes_assumptions=texts, affected=toll))
    return tuple(out)


def ranged(found: Range, noun: str, nouns: str | None = None) -> str:
    """Give a range with its noun: `12 to 340 persons`."""
    if found.low is None and found.high is None:
        return f"an unknown number of {nouns or noun + 's'}"
    if found.high is None:
        return f"at least {count(found.low or 0, noun, nouns)}"
    if found.low == found.high:
        return count(found.high, noun, nouns)
    return f"{found.low or 0:,} to {count(found.high, noun, nouns)}"


def tell(case: Investigation, book: Book) -> None:
    """Say how many persons are affected by all exposed mailboxes together; or that nothing held can say."""
    whole = case.toll.whole
    if whole is None:
        return
    if not whole.determinable:
        book.unknown(
            "How many persons wrote or were written to in the exposed mailboxes is not determinable: no log held has "
            f"envelopes. What would say it: {whole.decides}.",
        )
        return
    book.inferred(_sentence(whole), (), None, whole.assumptions, on="persons")


def _sentence(whole: Affected) -> str:
    sides = ((whole.inside, "inside the organisation"), (whole.outside, "outside"))
    parts = [ranged(found, where, where) for found, where in sides if found.high is not None]
    split = f" ({', '.join(parts)})" if parts else ""
    return (
        f"Persons affected, by the envelopes of {ranged(whole.messages, 'message')}: "
        f"{ranged(whole.persons, 'address', 'addresses')}{split}, the owners of the exposed mailboxes left out; "
        f"envelopes are from {', '.join(whole.sources)}."
    )
