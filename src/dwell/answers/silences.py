"""What was not recorded because somebody switched recording off: per act, since when, until when, and what it hides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dwell.answers.book import Book
from dwell.answers.phrases import count, instant, listed, whole_span
from dwell.model.instants import utc_from_us
from dwell.scope.cells import HOUR_US
from dwell.scope.investigation import Investigation
from dwell.scope.rollup.ual import TENANT
from dwell.scope.silences import ACTING, Silence

__all__ = ["leaving_open", "lines_against", "of_all", "of_own", "tell_silences", "words"]

SHOWN_MAX = 12
OPEN_US = 86_400_000_000
"""What was not watched for a day may have been opened by anybody: a figure of coverage says too little of that."""
NO_END = "no record says that it was switched on again"
HELD_ALL_THE_SAME = "records of these hours may be held all the same: nothing says that they are all"


def words(one: Silence) -> str:
    """Say what was not recorded, by whom and until when."""
    end = NO_END if one.to_us is None else f"on again at {instant(utc_from_us(one.to_us))}"
    return f"{one.why}, {end}"


def lines_against(case: Investigation) -> frozenset[str]:
    """Give the tenant's lines of accounts whose acts were not recorded: whose mailboxes they opened is in no record."""
    head = f"ual/{ACTING}"
    return frozenset(source for host, source in case.ledger.lines if host == TENANT and source.startswith(head))


def of_all(case: Investigation) -> tuple[Silence, ...]:
    """Give what hides acts on any mailbox of the tenant."""
    return tuple(one for one in case.silences.known if one.host == TENANT and (one.acting or not one.whose))


def of_own(case: Investigation) -> frozenset[str]:
    """Give the mailboxes of the tenant of which recording was off for a day or more of what is held, all times together."""
    mine: dict[str, list[Silence]] = {}
    for one in case.silences.known:
        if one.host == TENANT and one.whose and not one.acting:
            mine.setdefault(one.whose, []).append(one)
    return frozenset(whose for whose, found in mine.items() if _together_us(case, found) >= OPEN_US)


def leaving_open(case: Investigation, found: Sequence[Silence]) -> tuple[Silence, ...]:
    """Give those that leave open whose mailbox was opened, of what hides acts on any mailbox.

    Those that an account of an intrusion made, or that hide what such an account did; and all of them where they together
    hide a day or more, whoever made them: that no intrusion is known may be their doing. What was switched on again before
    anything is held, or off after it, hides nothing.
    """
    within = [one for one in found if _together_us(case, (one,))]
    if _together_us(case, within) >= OPEN_US:
        return tuple(within)
    accounts = {name for held in case.held for name in held.accounts}
    return tuple(
        one for one in within if (one.acting and one.whose in accounts) or case.identities.label(one.by) in accounts
    )


def _together_us(case: Investigation, found: Iterable[Silence]) -> int:
    """Give how long at least one of them lasted within the hours that the case speaks of, in microseconds."""
    first, last = (hour * HOUR_US for hour in whole_span(case))
    total, until = 0, first
    for one in sorted(found, key=lambda each: each.from_us):
        end = last if one.to_us is None else min(one.to_us, last)
        total += max(0, end - max(one.from_us, until))
        until = max(until, end)
    return total


def tell_silences(case: Investigation, book: Book) -> None:
    """Say what was switched off: each act, those on many mailboxes by one account together."""
    alike: dict[tuple[str, bool, str, str | None], list[Silence]] = {}
    for one in case.silences.known:
        alike.setdefault((one.source, one.acting, one.switch if one.whose else one.part, one.by), []).append(one)
    groups = sorted(alike.values(), key=lambda one: (one[0].from_us, one[0].part))
    for found in groups[:SHOWN_MAX]:
        first = found[0]
        if len(found) == 1:
            text = f"{_where(first)}: {words(first)}."
        else:
            names = listed(sorted({one.whose or one.host or "every server" for one in found}))
            begun, by = instant(utc_from_us(first.from_us)), f" by {first.by}" if first.by else ""
            again = sum(one.to_us is not None for one in found)
            text = (
                f"{_where(first)}: {first.switch} switched recording off {len(found)} times{by} from {begun} on, of "
                f"{names}; {again} of them were switched on again by what is held."
            )
        book.recorded(text, [one.ground for one in found], None, [HELD_ALL_THE_SAME])
    if len(groups) > SHOWN_MAX:
        book.recorded(f"{count(len(groups) - SHOWN_MAX, 'more act')} of this kind: see the coverage rows.", ())
    if case.silences.unclear:
        book.unknown(
            f"{count(len(case.silences.unclear), 'change')} of licences do not say what was changed: whether what was "
            "opened in those mailboxes was recorded afterwards is not known.",
            case.silences.unclear,
        )


def _where(one: Silence) -> str:
    return f"{one.host or 'Every server'}, {one.source}"
