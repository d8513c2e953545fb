"""How many persons the reading of a mailbox affects, as a range, from the envelopes of the mail that lay in it.

At least: those in the envelopes of messages that records name as read; of a mailbox that was taken whole, those of all mail
that came or went while the intruder was there. At most: those of all mail held by then that had come or gone by the last
act, for it may have lain there still. Where nothing says which messages were fetched, it is from none to all of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dwell.archive.store import Archive
from dwell.model.affected import UNBOUND, Affected, Range
from dwell.model.claims import EXPOSED, Grade
from dwell.model.instants import utc_from_us, utc_us
from dwell.scope.envelopes import Envelope, Envelopes, envelopes_of, message_key
from dwell.scope.exposure import Exposed
from dwell.scope.identities import Identities

__all__ = ["NOT_HELD", "Toll", "affected_of", "tolls"]

NOT_HELD = "message tracking logs of the mail servers (30 days unless kept longer) or message traces of the tenant"
PERSONS = "an address is taken for a person: a list counts as one, and who has two addresses counts as two"
WRITTEN_OF = "people who are only written about are not counted"
STILL_THERE = "at most: that no mail was deleted before the last act"
UNNAMED = "at least none: no record says which messages were fetched"
DURING = "at least: that what came or went between the first and the last act was in what was taken"
NO_DOMAINS = "the organisation's own domains are not known without a directory export"


@dataclass(frozen=True, slots=True)
class Toll:
    """What the reading of the mailboxes comes to.

    Attributes:
        mailboxes: the estimate of each exposed mailbox.
        whole: of all of them together, each person counted once; None where none is exposed.
    """

    mailboxes: Mapping[str, Affected]
    whole: Affected | None = None


@dataclass(slots=True)
class _Opened:
    """One exposed mailbox: its messages at least and at most."""

    mailbox: str
    low: list[Envelope]
    high: list[Envelope]
    held: list[Envelope]
    assumptions: set[str]


def _grade(found: Sequence[Exposed]) -> Grade:
    return min((one.grade for one in found), key=lambda one: one.rank)


def _split(mailbox: str, found: Sequence[Exposed], envelopes: Envelopes) -> _Opened:
    """Say of one mailbox which messages were read at least and at most."""
    first, last = (
        utc_us(edge(at for one in found for at in one.instants)) if any(one.instants for one in found) else None
        for edge in (min, max)
    )
    held = sorted(
        (one for one in envelopes.messages.values() if mailbox in one.mailboxes),
        key=lambda one: (one.at_us or 0, one.message),
    )
    by_then = [one for one in held if one.at_us is None or last is None or one.at_us <= last]
    named = {message_key(text) for one in found for text in one.messages}
    told = [envelopes.messages[key] for key in sorted(named) if key in envelopes.messages]
    grade, assumptions = _grade(found), {PERSONS, WRITTEN_OF}
    if grade is Grade.NAMED:
        unnamed = any(one.unnamed for one in found)
        further = any(one.acts for one in found if not one.messages) or len(told) < len(named) or unnamed
        if len(told) < len(named):
            assumptions.add(f"{len(named) - len(told)} of {len(named)} named messages have no envelope in what is held")
        high = by_then if further else told
        low = told
    elif grade is Grade.DOWNLOADED:
        low = [one for one in by_then if one.at_us is not None and first is not None and one.at_us >= first]
        high = by_then
        assumptions.add(DURING)
    else:
        low, high = [], by_then
        assumptions.add(UNNAMED)
    if high is by_then:
        assumptions.add(STILL_THERE)
    every = {id(one): one for one in (*high, *low)}
    return _Opened(mailbox, low, list(every.values()), held, assumptions)


def _people(messages: Iterable[Envelope], owners: set[str]) -> set[str]:
    return {address for one in messages for address in one.addresses} - owners


def _sized(messages: Sequence[Envelope]) -> int | None:
    known = [one.bytes for one in messages if one.bytes is not None]
    return sum(known) if len(known) == len(messages) else None


def _told(
    opened: Sequence[_Opened], owners: set[str], domains: set[str], sources: tuple[str, ...], edges: Sequence[datetime]
) -> Affected:
    low = list({one.message: one for each in opened for one in each.low}.values())
    high = list({one.message: one for each in opened for one in each.high}.values())
    people = [_people(messages, owners) for messages in (low, high)]
    inside = [sum(one.rpartition("@")[2] in domains for one in each) for each in people]
    assumptions = {text for one in opened for text in one.assumptions}
    held = [one.at_us for each in opened for one in each.held if one.at_us is not None]
    begin, end = (utc_from_us(edge(held)) if held else None for edge in (min, max))
    if begin is None:
        assumptions.add("no envelope held is of this mailbox: nobody wrote, or the logs are of another time or server")
    else:
        assumptions.add(f"mail that came before {begin:%Y-%m-%d}, where the envelopes begin, is not counted")
        if end is not None and edges and end < max(edges):
            assumptions.add(f"nor mail that came after {end:%Y-%m-%d}, where they end")
    if not domains:
        assumptions.add(NO_DOMAINS)
    return Affected(
        Range(len(people[0]), len(people[1])),
        Range(*inside) if domains else UNBOUND,
        Range(len(people[0]) - inside[0], len(people[1]) - inside[1]) if domains else UNBOUND,
        Range(len(low), len(high)),
        Range(_sized(low), _sized(high)),
        begin,
        end,
        sources,
        tuple(sorted(assumptions)),
        f"{NOT_HELD}, of the time before {begin:%Y-%m-%d}" if begin is not None else NOT_HELD,
    )


def affected_of(exposed: Sequence[Exposed], envelopes: Envelopes, identities: Identities) -> Toll:
    """Estimate the persons affected, per exposed mailbox and altogether.

    Args:
        exposed: what every intrusion did to every mailbox.
        envelopes: the envelopes of these mailboxes.
        identities: names; the organisation's own domains are those of its mailboxes.
    """
    found: dict[str, list[Exposed]] = {}
    for one in exposed:
        found.setdefault(one.mailbox, []).append(one)
    found = {name: each for name, each in found.items() if _grade(each) in EXPOSED}
    if not found:
        return Toll({})
    if not envelopes.sources:
        none = Affected(assumptions=("no log held has envelopes: not determinable",), decides=NOT_HELD)
        return Toll(dict.fromkeys(sorted(found), none), none)
    domains = set(identities.domains())
    opened = {name: _split(name, each, envelopes) for name, each in sorted(found.items())}
    edges = {name: [at for one in each for at in one.instants] for name, each in found.items()}
    each = {name: _told([one], {name}, domains, envelopes.sources, edges[name]) for name, one in opened.items()}
    every = [at for one in edges.values() for at in one]
    return Toll(each, _told([*opened.values()], set(opened), domains, envelopes.sources, every))


def tolls(archive: Archive, exposed: Sequence[Exposed], identities: Identities) -> Toll:
    """Read the envelopes of the exposed mailboxes, and estimate the persons affected.

    Raises:
        CustodyError: a data file is not what was written.
    """
    opened = {one.mailbox for one in exposed if one.grade in EXPOSED}
    named = {text for one in exposed for text in one.messages}
    return affected_of(exposed, envelopes_of(archive, identities, opened, named), identities)
