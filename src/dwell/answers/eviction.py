"""Are they out? Each check is pass, fail or unknown, with evidence dated after the act. Unknown is not a pass."""

from __future__ import annotations

from dwell.answers.book import Book
from dwell.answers.checks.registry import CHECKS, words
from dwell.answers.checks.scene import NO_LOG, NOT_HELD, Finding, Scene
from dwell.answers.checks.standing import gone
from dwell.answers.phrases import count, listed
from dwell.model.claims import Answer, CheckStatus, EvictionCheck, Foothold, FootholdState, Question
from dwell.scope.investigation import Investigation

__all__ = ["answer", "findings"]

LOOKED_MAX = 3
_ORDER = {CheckStatus.FAIL: 0, CheckStatus.UNKNOWN: 1, CheckStatus.PASS: 2}
"""What has to be done comes first."""
NOBODY = "no intrusion is known by which a check could be dated"


def _check(key: str, found: Finding) -> EvictionCheck:
    told = words()[key]
    return EvictionCheck(
        found.check or told.title,
        found.status,
        found.why,
        found.grounds,
        found.coverage,
        found.extent,
        found.looked,
        told.decides,
        told.export,
        key,
    )


def _without_act(footholds: tuple[Foothold, ...]) -> tuple[EvictionCheck, ...]:
    """Give the checks of a case without an intrusion: what lies there fails, and nothing else can be dated."""
    there = [
        Finding(
            CheckStatus.FAIL if one.state is FootholdState.PRESENT else CheckStatus.UNKNOWN,
            one.state_why or NOBODY,
            one.grounds,
            check=gone(one),
        )
        for one in footholds
    ]
    rest = [_check(key, Finding(CheckStatus.UNKNOWN, NOBODY)) for key in CHECKS if key != "left-behind"]
    return (*(_check("left-behind", one) for one in there), *rest)


def findings(case: Investigation, footholds: tuple[Foothold, ...]) -> tuple[EvictionCheck, ...]:
    """Give every check, in the order in which they are made."""
    if not case.held:
        return _without_act(footholds)
    scene = Scene(case, footholds)
    return tuple(_check(key, found) for key, check in CHECKS.items() for found in check(scene))


def _evidence(one: EvictionCheck) -> str:
    """Name what was looked at, with its date."""
    return f" Evidence: {listed(one.looked, LOOKED_MAX)}." if one.looked else ""


def _by_reason(found: list[EvictionCheck]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for one in found:
        out.setdefault(one.why, []).append(one.check)
    return out


def answer(case: Investigation, found: tuple[EvictionCheck, ...]) -> tuple[Answer, Book]:
    """Answer the question."""
    book = Book(Question.EVICTION)
    bare = [one for one in found if one.status is CheckStatus.UNKNOWN and one.why in {NOBODY, NOT_HELD, NO_LOG}]
    for one in sorted((one for one in found if one not in bare), key=lambda one: _ORDER[one.status]):
        text = f"{one.status.value.capitalize()}: {one.check}; {one.why}."
        if one.coverage is not None and one.status is CheckStatus.PASS:
            book.no_sign(text + _evidence(one), one.coverage, f"Unknown: {one.check}; not covered.", on="quiet-since")
        elif one.status is CheckStatus.UNKNOWN:
            needed = f" It would take: {one.decides}." if one.decides else ""
            book.unknown(text + _evidence(one) + needed, one.grounds)
        else:
            book.recorded(text + _evidence(one), one.grounds)
    for why, names in sorted(_by_reason(bare).items()):
        which = "" if why == NOBODY else f": {'; '.join(names)}"
        told = f"Unknown: {count(len(names), 'check')} not made, {why}{which}."
        book.unknown(f"{told} `dwell eviction -t csv` says for each which command makes what it would take.")
    tally = {status: sum(one.status is status for one in found) for status in CheckStatus}
    told = f"{tally[CheckStatus.PASS]} pass, {tally[CheckStatus.FAIL]} fail, {tally[CheckStatus.UNKNOWN]} unknown"
    if not case.held:
        return book.answer(f"Cannot be said: no intrusion is known by which checks could be dated; {told}."), book
    if tally[CheckStatus.FAIL]:
        return book.answer(f"Not shown to be out: {told}."), book
    if tally[CheckStatus.UNKNOWN]:
        return book.answer(f"Cannot be said: {told}; unknown is not a pass."), book
    return book.answer(f"Every check passes: {told}."), book
