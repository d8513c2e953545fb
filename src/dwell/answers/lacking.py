"""What is said of lines that one log lacks and another has: how many, in which hours, whose, and what else it may be."""

from __future__ import annotations

from collections.abc import Sequence

from dwell.answers.book import Book
from dwell.answers.phrases import count, instant, listed, span
from dwell.model.addresses import is_internal, network
from dwell.model.instants import utc_from_us
from dwell.scope.access import INSIDE
from dwell.scope.cells import HOUR_US
from dwell.scope.intrusions import Held
from dwell.scope.investigation import Investigation
from dwell.scope.lacking import Lacking, LackingClient, Way
from dwell.scope.words import agent

__all__ = ["TECHNIQUE", "tell_lacking", "tell_taken", "took_lines"]

TECHNIQUE = "T1070"
"""ATT&CK: indicator removal."""
HOURS_MAX = 12
BUFFER = "a server that is killed or loses power loses the last minute of lines it had not written"
COPIED = "a filter or a collector that leaves lines out leaves the same trace"


def tell_lacking(case: Investigation, book: Book) -> None:
    """Say which lines are missing, then which requests could not be compared."""
    for one in case.reconciled.lacking:
        shown = listed([f"{table} of {listed(hosts)}" for table, hosts in one.witnesses])
        least = "" if one.way is Way.ID else "at least "
        how = "by their ids" if one.way is Way.ID else "by lines an hour, for want of ids"
        book.inferred(
            f"Lines are missing in the {one.source} log ({one.layer}) of {one.host}, which is held of these hours: "
            f"{least}{count(one.lines, 'request')} of {one.compared:,} that {shown} tells of, {how}, in "
            f"{count(len(one.hours), 'hour')}, {span(one.first_utc, one.last_utc)} (ATT&CK {TECHNIQUE}). "
            f"{_hours(one)}{_whose(case, one)} These hours do not count as covered by that log.",
            one.grounds,
            None,
            _against(one),
            on="lines-missing",
        )
    left = case.reconciled.uncompared
    if left:
        told = [
            f"{one.host}, {one.source} by {one.witness}: {one.kind} ({one.met:,} of {one.requests:,} in both)"
            for one in left
        ]
        book.unknown(
            f"Whether lines are missing was looked for by {count(case.reconciled.compared, 'request')} that two logs know "
            f"by one id. Not by these, which one of the two logs does not write as a rule: {listed(told)}."
        )


def _hours(one: Lacking) -> str:
    most = sorted(one.hours, key=lambda each: (-each[1], each[0]))[:HOURS_MAX]
    told = [f"{instant(utc_from_us(hour * HOUR_US))} ({lines:,})" for hour, lines in sorted(most)]
    head = "Hours: " if len(one.hours) <= HOURS_MAX else f"The {HOURS_MAX} hours with most: "
    return f"{head}{', '.join(told)}."


def _whose(case: Investigation, one: Lacking) -> str:
    if not one.clients:
        return ""
    told = []
    for client in one.clients:
        owner = _owner(case, client)
        accounts = f" as {listed(client.accounts, 3)}" if client.accounts else ""
        told.append(
            f"{client.client or 'no address'}{accounts}{f' ({owner.id})' if owner is not None else ''} {client.lines:,}"
        )
    return f" Whose they are: {listed(told)}."


def _against(one: Lacking) -> list[str]:
    out = [BUFFER, COPIED]
    if one.unread:
        out.append(
            f"{count(one.unread, 'stretch', 'stretches')} of these files could not be read and may hold some of them"
        )
    return out


def _owner(case: Investigation, client: LackingClient) -> Held | None:
    """Give the intrusion that a client is of; None where it is nobody's."""
    lan, tool = network(client.client or None), agent(client.agent or None)
    for held in case.held:
        pairs = {(case.accesses.networks[one], case.accesses.agents[two]) for one, two in held.pairs}
        # a client in words that has no agent is an exploit's address; what comes from inside may be anybody's
        addresses = {*held.clients, *(one.client for one in held.acts if one.client and not is_internal(one.client))}
        if client.client in addresses or (lan, tool) in pairs or (lan, f"{tool}{INSIDE}") in pairs:
            return held
    return None


def _taken(case: Investigation, held: Held) -> list[tuple[Lacking, Sequence[LackingClient]]]:
    found = [(one, [each for each in one.clients if _owner(case, each) is held]) for one in case.reconciled.lacking]
    return [(one, own) for one, own in found if own]


def took_lines(case: Investigation, held: Held) -> bool:
    """Say whether lines of an intrusion's own requests are missing in a log."""
    return bool(_taken(case, held))


def tell_taken(case: Investigation, book: Book) -> None:
    """Say of each intrusion which of its own requests a log lacks."""
    for held in case.held:
        for one, own in _taken(case, held):
            lines = sum(each.lines for each in own)
            when = span(min(each.first_utc for each in own), max(each.last_utc for each in own))
            book.inferred(
                f"Traces were removed ({held.id}, ATT&CK {TECHNIQUE}): the {one.source} log of {one.host} lacks "
                f"{count(lines, 'line')} of its requests that {listed([table for table, _ in one.witnesses])} still has, "
                f"{when}, from {listed(sorted({each.client for each in own}))}.",
                [ref for each in own for ref in each.grounds],
                None,
                _against(one),
                on="lines-missing",
            )
