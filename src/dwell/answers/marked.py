"""What answers owe to a person's markings: each contradiction by name, and what would be answered without them.

A marking may take an intrusion away, or make one. Neither happens in silence: every question that is answered otherwise
because of one says so in its verdict and gives the other verdict, and the last question lists them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dwell.answers.book import Book
from dwell.answers.phrases import count, day, listed, percent
from dwell.model.claims import EXPOSED, Answer, Intrusion, MailboxExposure, Question, Summary
from dwell.model.markings import Marking, MarkingEffect, MarkingKind, MarkingVerdict
from dwell.model.provenance import RecordRef
from dwell.model.settings import Setting
from dwell.scope.exploits import Act
from dwell.scope.forgery import Forged
from dwell.scope.intrusions import Held
from dwell.scope.investigation import Investigation
from dwell.scope.marked import Cover, intrusion_meant, tie_keys

__all__ = [
    "SETTING",
    "a_persons",
    "compared",
    "contradictions",
    "done",
    "effect_of",
    "effects",
    "marked_intrusion",
    "rest_on",
    "rested_on",
    "said_of",
    "tell_all",
]

Answered = tuple[Answer, Book]
PERSON = "a marking is a person's word: it changes no record, and dwell mark --undo takes it back"
SETTING = "a setting is a person's word: it changes no record, and dwell settings unset takes it back"
GROUNDS_ROWS = 10


def _is_setting(one: Marking | Setting) -> bool:
    return isinstance(one, Setting) or one.setting


def done(rests: Sequence[Marking | Setting]) -> str:
    """Say what a person did: `marked`, `set`, or both."""
    return " or ".join(("marked", "set")[one] for one in sorted({_is_setting(one) for one in rests}))


def a_persons(rests: Sequence[Marking | Setting]) -> str:
    """Name what a person said: `a marking`, `a setting`, or both."""
    return " or ".join(("a marking", "a setting")[one] for one in sorted({_is_setting(one) for one in rests}))


def _any(rests: Sequence[Marking | Setting]) -> str:
    return " or ".join(("any marking", "any setting")[one] for one in sorted({_is_setting(one) for one in rests}))


def _kinds(rests: Sequence[Marking | Setting]) -> str:
    many = "" if len(rests) == 1 else "s"
    return " and ".join(f"{('marking', 'setting')[one]}{many}" for one in sorted({_is_setting(one) for one in rests}))


def _persons(rests: Sequence[Marking | Setting]) -> tuple[str, ...]:
    return tuple((PERSON, SETTING)[one] for one in sorted({_is_setting(one) for one in rests}))


def _shared(cover: Cover, held: Held) -> tuple[list[int], list[Act]]:
    """Give the sessions and acts of an intrusion that a marking speaks of."""
    rows = [row for row in held.rows if cover.sessions[row]]
    return rows, [one for one in held.acts if one in cover.acts]


def _covers(case: Investigation, verdict: MarkingVerdict) -> list[Cover]:
    return [one for one in case.marked.covers if one.marking.verdict is verdict]


def contradictions(case: Investigation) -> dict[str, tuple[Marking, ...]]:
    """Give, by the id of each intrusion that is found without markings, those that take something from it."""
    out: dict[str, tuple[Marking, ...]] = {}
    for held in case.unmarked.held if case.unmarked is not None else ():
        found = tuple(one.marking for one in _covers(case, MarkingVerdict.OURS) if any(_shared(one, held)))
        if found:
            out[held.id] = found
    return out


def effects(case: Investigation) -> tuple[MarkingEffect, ...]:
    """Give every marking in force with what it comes to, in their order."""
    out = [effect_of(case, one) for one in case.marked.covers if not one.marking.setting]
    out += [MarkingEffect(one) for one in case.marked.others]
    return tuple(sorted(out, key=lambda one: int(one.marking.id[1:])))


def effect_of(case: Investigation, cover: Cover) -> MarkingEffect:
    """Give what a marking, or a setting that is obeyed as one, comes to."""
    one = MarkingEffect(cover.marking, int(cover.sessions.sum()), len(cover.acts))
    before = case.unmarked
    if before is None:
        return one
    met = tuple(held.id for held in before.held if any(_shared(cover, held)))
    if cover.marking.verdict is MarkingVerdict.THEIRS:
        made = next((held.id for held in case.held if held.marking == cover.marking.id), "")
        return replace(one, agrees=met, makes=made)
    if cover.marking.verdict is not MarkingVerdict.OURS:
        return one
    accesses = case.accesses
    keys, own = tie_keys(accesses, case.clients.ties)
    gone = case.marked.ties(accesses, case.clients.ties) & np.isin(keys, np.unique(own[cover.sessions]))
    columns = (case.clients.column(name)[gone].tolist() for name in ("account", "network", "agent"))
    taken = {
        (accesses.names[account], f"{accesses.networks[lan]} {accesses.agents[tool]}")
        for account, lan, tool in zip(*columns, strict=True)
    }
    leads = sum((lead.mailbox, lead.client) in taken for lead in before.ranked.leads)
    return replace(one, ties=int(gone.sum()), leads=leads, contradicts=met)


def marked_intrusion(case: Investigation, held: Held) -> tuple[str, ...]:
    """Give what markings say of an intrusion that is told: which makes it, which takes a part of it."""
    if held.marking:
        return _made(case, held)
    taken = contradictions(case).get(held.id, ())
    whole = [one for one in case.marked.others if one.kind is MarkingKind.INTRUSION and _meant(case, one) is held]
    return (*(one.told for one in whole), *(f"a part of it is taken for ours by {one.told}" for one in taken))


def _meant(case: Investigation, marking: Marking) -> Held | None:
    """Give the intrusion that a marking means, of those that dwell finds itself."""
    return intrusion_meant(marking, [one for one in case.held if not one.marking], case.accesses)


def _made(case: Investigation, held: Held) -> tuple[str, ...]:
    return tuple(one.marking.told for one in case.marked.covers if one.marking.id == held.marking)


def compared(
    case: Investigation, found: Sequence[MailboxExposure], before: Sequence[MailboxExposure]
) -> tuple[MailboxExposure, ...]:
    """Say beside each mailbox what it would be without markings, and what a person says of it.

    Args:
        case: the case, with its markings.
        found: the mailboxes as they are answered.
        before: the same without any marking.
    """
    against = contradictions(case)
    every: tuple[Marking | Setting, ...] = (
        *(one.marking for one in _covers(case, MarkingVerdict.OURS) if one.sessions.any() or one.acts),
        *case.said.resting,
    )
    was = {one.mailbox: one for one in before}
    out = []
    for one in found:
        other = was.get(one.mailbox)
        said = said_of(case, MarkingKind.MAILBOX, one.mailbox)
        if other is None or (other.grade is one.grade and other.intrusions == one.intrusions):
            out.append(_less_covered(case, one, other, said))
            continue
        if one.grade.rank < other.grade.rank:
            made = [text for held in case.held if held.id in one.intrusions for text in _made(case, held)]
            made = made or [setting.told for setting in case.said.resting]
            out.append(replace(one, marked=(*said, *made), unmarked=other.grade))
            continue
        # where clocks are dated otherwise, an intrusion of that name need not be the same
        mine = other.intrusions if case.undated is None else ()
        names = {marking.id: marking for name in mine for marking in against.get(name, ())}
        rests: tuple[Marking | Setting, ...] = tuple(names.values()) or every
        who = f", by {listed(other.intrusions)}" if other.intrusions else ""
        ids = ", ".join(marking.id for marking in rests)
        text = f"without {_kinds(rests)} {ids} it would be {other.grade.value}{who}"
        grade = other.grade if other.grade is not one.grade else None
        told = (*said, *(marking.told for marking in rests))
        out.append(replace(one, assumptions=tuple(sorted({*one.assumptions, text})), marked=told, unmarked=grade))
    return tuple(out)


def _less_covered(
    case: Investigation, one: MailboxExposure, other: MailboxExposure | None, said: tuple[str, ...]
) -> MailboxExposure:
    """Say beside a mailbox of the same grade whether less would be covered without what is set."""
    rests = case.said.before_all
    covered, then = one.coverage, None if other is None else other.coverage
    if not rests or covered is None or then is None or covered.share == then.share:
        return replace(one, marked=said) if said else one
    text = f"without {_kinds(rests)} {', '.join(each.id for each in rests)} its coverage would be {percent(then)}"
    told = (*said, *(each.told for each in rests))
    return replace(one, assumptions=tuple(sorted({*one.assumptions, text})), marked=told)


def said_of(case: Investigation, kind: MarkingKind, name: str) -> tuple[str, ...]:
    """Give what markings say of a mailbox, or of a statement by its wording."""
    met = [one for one in case.marked.others if one.kind is kind and name in {one.target, one.text}]
    return tuple(one.told for one in met if kind is MarkingKind.MAILBOX or one.text == name)


def _grounds(case: Investigation, rows: Sequence[int], acts: Sequence[Act]) -> list[RecordRef]:
    refs = case.accesses.refs(rows[:GROUNDS_ROWS])
    for act in acts:
        refs += [act.ground] if isinstance(act, Forged) else act.grounds
    return refs


def tell_contradictions(
    case: Investigation, book: Book, before: Sequence[Intrusion], found: Sequence[Intrusion]
) -> None:
    """Name every marking that takes something from an intrusion which dwell itself finds."""
    whose = {"the settings" if one.marking.setting else "the markings" for one in _covers(case, MarkingVerdict.OURS)}
    what = " and ".join(sorted(whose))
    kept = {one.id: one for one in found}
    was = {one.id: one for one in before}
    for held in case.unmarked.held if case.unmarked is not None else ():
        for cover in _covers(case, MarkingVerdict.OURS):
            rows, acts = _shared(cover, held)
            if not rows and not acts:
                continue
            one = was[held.id]
            parts = [f"{len(rows):,} of its {count(len(held.rows), 'session')}"] if held.rows else []
            parts += [f"{len(acts):,} of its {count(len(held.acts), 'act')} of exploitation"] if held.acts else []
            left = kept.get(held.id)
            now = (
                f"with {what} {count(len(left.mailboxes), 'mailbox', 'mailboxes')} of it are left"
                if left is not None
                else f"with {what} it is not told"
            )
            names = f" ({listed(one.mailboxes)})" if one.mailboxes else ""
            book.assumed(
                f"{cover.marking.id} contradicts what dwell finds: {' and '.join(parts)} of intrusion {held.id} are in "
                f"what is called ours. Without {_any([cover.marking])} {held.id} is an intrusion from "
                f"{day(held.first_utc)} to "
                f"{day(held.last_utc)} that opened {count(len(one.mailboxes), 'mailbox', 'mailboxes')}{names}; {now}.",
                _grounds(case, rows, acts),
                (SETTING if cover.marking.setting else PERSON,),
                (cover.marking.told,),
            )


def tell_all(case: Investigation, book: Book) -> None:
    """List every marking in force with what it comes to; those that speak of nothing held say so."""
    for one in effects(case):
        if one.marking.beside:
            continue
        parts = [f"it speaks of {count(one.sessions, 'session')} and {count(one.acts, 'act')} of exploitation"]
        if not one.sessions and not one.acts:
            parts = ["it speaks of nothing that is held"]
        if one.ties:
            parts.append(f"{count(one.ties, 'tie')} are not judged, {count(one.leads, 'lead')} among them")
        if one.contradicts:
            parts.append(f"it contradicts {listed(one.contradicts)}, which dwell finds: see the fifth question")
        if one.agrees:
            parts.append(f"dwell finds the same: {listed(one.agrees)}")
        if one.makes:
            parts.append(f"it alone makes {one.makes}")
        book.assumed(f"{one.marking.told}. {'; '.join(parts)[:1].upper()}{'; '.join(parts)[1:]}.", (), (PERSON,), ())
    both = sum(1 for one in _covers(case, MarkingVerdict.OURS) if (one.sessions & case.marked.theirs).any())
    if both:
        book.assumed(
            f"{count(both, 'marking')} of ours and of theirs speak of the same sessions: those are held for theirs.",
            (), (PERSON,), (),
        )  # fmt: skip


def tell_statements(case: Investigation, book: Book, made: Sequence[str], mailboxes: Sequence[str]) -> None:
    """Say which markings speak of a statement that is not made any more, or of a mailbox that is not known."""
    for one in case.marked.others:
        if one.kind is MarkingKind.CLAIM and one.text not in made:
            book.assumed(f"{one.told}. That statement is not made any more: “{one.text}”", (), (PERSON,), ())
        if one.kind is MarkingKind.INTRUSION and _meant(case, one) is None:
            book.assumed(f"{one.told}. No intrusion is found any more that holds its records.", (), (PERSON,), ())
        if one.kind is MarkingKind.MAILBOX and one.target not in mailboxes:
            book.assumed(f"{one.told}. No mailbox of that name is known.", (), (PERSON,), ())


def rested_on(case: Investigation) -> list[Marking | Setting]:
    """Give the markings and settings because of which anything may be answered otherwise."""
    working = [
        one.marking
        for one in case.marked.covers
        if one.marking.verdict in {MarkingVerdict.OURS, MarkingVerdict.THEIRS} and (one.sessions.any() or one.acts)
    ]
    also = [one for one in case.said.resting if one.id not in {other.id for other in working}]
    rests: list[Marking | Setting] = [*working, *also]
    return sorted(rests, key=lambda one: (one.id[0], int(one.id[1:])))


def _alike(now: Answered, then: Answered) -> bool:
    """Say whether a question is answered alike.

    The last one lists every marking and setting, so its statements and their number are others in any case: there the
    coverage counts, which stands before the first semicolon.
    """
    verdicts = now[0].verdict, then[0].verdict
    if now[0].question is Question.BLINDSPOTS:
        return verdicts[0].partition(";")[0] == verdicts[1].partition(";")[0]
    return verdicts[0] == verdicts[1] and [one.text for one in now[1].claims] == [one.text for one in then[1].claims]


def rest_on(case: Investigation, answered: Sequence[Answered], before: Sequence[Answered]) -> tuple[Answered, ...]:
    """Let every question that would be answered otherwise without markings say so.

    Args:
        case: the case, with its markings.
        answered: the answers, in the order of the questions.
        before: the same without any marking.
    """
    rests = rested_on(case)
    ids = ", ".join(one.id for one in rests)
    out = []
    for (now, book), (then, other) in zip(answered, before, strict=True):
        if _alike((now, book), (then, other)):
            out.append((now, book))
            continue
        verdict = f"{now.verdict} This rests on what a person {done(rests)} ({ids})"
        if now.verdict == then.verdict:
            text = f"Statements of this answer rest on {ids}; its verdict would be the same without."
        else:
            text = f"This answer rests on {ids}. Without {_any(rests)} it would be: “{then.verdict}”"
        book.assumed(text, (), _persons(rests), tuple(one.told for one in rests))
        out.append((book.answer(f"{verdict}: see {book.claims[-1].id}."), book))
    return tuple(out)


def beside(case: Investigation, summary: Summary) -> Summary:
    """Put what a person says of statements beside them, by their wording."""
    wanted = {one.text for one in case.marked.others if one.kind is MarkingKind.CLAIM}
    claims = tuple(
        replace(one, marked=(*one.marked, *said_of(case, MarkingKind.CLAIM, one.text))) if one.text in wanted else one
        for one in summary.claims
    )
    return replace(summary, claims=claims)


def exposed_by_marking(found: Sequence[MailboxExposure]) -> tuple[MailboxExposure, ...]:
    """Give the mailboxes that are not told as opened only because of a marking."""
    return tuple(one for one in found if one.unmarked in EXPOSED and one.grade not in EXPOSED)
