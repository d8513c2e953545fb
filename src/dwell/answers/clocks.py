"""What is said of clocks: which are off for certain and corrected, which differ and are not, and which agree."""

from __future__ import annotations

from dwell.answers.book import Book
from dwell.answers.marked import SETTING
from dwell.answers.phrases import count, instant, listed
from dwell.intake.hosts import short_host
from dwell.model.clocks import ClockCorrection, ClockLog, ClockWhy, ClockWord
from dwell.model.instants import utc_from_us
from dwell.model.settings import SettingKind
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import NO_HOST
from dwell.scope.namesakes import bare

__all__ = ["clock_effect", "tell_clocks"]


def tell_clocks(case: Investigation, book: Book) -> None:
    """Say what is corrected and on what grounds, then how far clocks differ that are not, by requests of two logs."""
    for fix in case.corrected:
        _corrected(fix, book)
    _compared(case, book)


def _whose(one: ClockCorrection) -> str:
    return f"the clock of {one.host}" if not one.tables else f"the log {listed(one.tables)} of {one.host}"


def _when(one: ClockCorrection) -> str:
    if one.from_us is None or one.to_us is None:
        return "throughout"
    return f"from {instant(utc_from_us(one.from_us))} to {instant(utc_from_us(one.to_us))} as written"


def _others(one: ClockCorrection) -> str:
    hosts: dict[str, list[str]] = {}
    for log in one.against:
        hosts.setdefault(log.host, []).append(log.table)
    return listed([str(ClockLog(host, ", ".join(tables))) for host, tables in sorted(hosts.items())])


def _corrected(one: ClockCorrection, book: Book) -> None:
    way = "ahead" if one.ahead_s > 0 else "behind"
    done = f"{_whose(one)} is {abs(one.ahead_s):,} s {way} {_when(one)}, and corrected for it"
    kept = "what is printed is corrected, dwell why prints the instant as written beside it"
    if one.why is ClockWhy.SAID and not one.grounds:
        book.assumed(f"{done[0].upper()}{done[1:]} because a person says so: {kept}.", (), (SETTING,), ())
        return
    shown = f"{count(one.ids, 'request')} with the same id in {_others(one)}, spread {one.spread_s:g} s"
    whys = {
        ClockWhy.MOST_HOSTS: f"all of {listed(sorted({log.host for log in one.against}))} differ from it by the same, and "
        "fewer hosts agree with it",
        ClockWhy.NO_ZONE: "it names no zone, the other logs of its host do, and one clock wrote them all",
        ClockWhy.SAID: "a person says that theirs is right",
    }
    against = {
        ClockWhy.MOST_HOSTS: "the others may have taken their time from one wrong clock",
        ClockWhy.NO_ZONE: "the other logs may have been written anew with a wrong zone",
        ClockWhy.SAID: SETTING,
    }
    book.inferred(
        f"{done[0].upper()}{done[1:]}, by {shown}: {whys[one.why]}; {kept}.",
        one.grounds,
        None,
        (against[one.why],),
        on="clock",
    )


def _compared(case: Investigation, book: Book) -> None:
    """Say how far clocks agree, by requests that two logs tell of; which of two is right is nowhere said."""
    for one in case.clocks:
        sides = [f"{host or NO_HOST} ({', '.join(tables)})" for host, tables in zip(one.hosts, one.tables, strict=True)]
        rests = (
            f"over {count(one.ids, 'request')} with the same id in both, between {instant(one.from_utc)} and "
            f"{instant(one.to_utc)}; spread {one.spread_s:g} s"
        )
        way = "ahead of" if one.ahead_s > 0 else "behind"
        if one.ahead_s and one.hosts[0] == one.hosts[1]:
            book.unknown(
                f"{sides[1]} is written {abs(one.ahead_s):,} s {way} {sides[0]}, {rests}. One clock wrote both, so one of "
                "the two logs is in another zone than UTC, or was changed: times are as written.",
                one.grounds,
            )
        elif one.ahead_s:
            book.unknown(
                f"The clock of {sides[1]} is {abs(one.ahead_s):,} s {way} that of {sides[0]}, {rests}. Which of the two is "
                "right the records do not say: times are as written, and those of either may be off by as much.",
                one.grounds,
            )
        elif one.hosts[0] != one.hosts[1]:
            book.recorded(f"The clocks of {sides[0]} and {sides[1]} agree, {rests}.", one.grounds)


def clock_effect(case: Investigation, value: str) -> str:
    """Say what a person's word on a clock comes to.

    Args:
        case: the case, answered with it.
        value: the word, as it is set.
    """
    word = ClockWord.parse(value)
    of_host = [
        one
        for one in case.said.settings
        if one.kind is SettingKind.CLOCK and ClockWord.parse(one.value).host.lower() == word.host.lower()
    ]
    if of_host and of_host[-1].value != value:
        return f"nothing: {of_host[-1].id}, which was set later, counts for the clock of {word.host}"
    if word.host.lower() not in {short_host(bare(host)).lower() for host, _ in case.ledger.lines}:
        return (
            f"nothing that is held is of a host {word.host}: look whether it is written as the list of coverage has it"
        )
    if word.as_written:
        return f"no instant of {word.host} is corrected, whatever was measured"
    host = word.host.lower()
    mine = [
        one
        for one in case.corrected
        if one.host.lower() == host or (word.right and any(log.host.lower() == host for log in one.against))
    ]
    if not mine:
        return "nothing is corrected because of it: nothing held differs from that clock for certain"
    return "; ".join(
        f"{_whose(one)} is taken to be {abs(one.ahead_s):,} s {'ahead' if one.ahead_s > 0 else 'behind'} {_when(one)}"
        for one in mine
    )
