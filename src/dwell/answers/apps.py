"""Applications of the tenant in words: what each was given, by whom, what it read, and the chain that led to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dwell.answers.book import Book
from dwell.answers.phrases import count, instant, listed, span, whole_span
from dwell.model.claims import Foothold, FootholdState
from dwell.model.coverage import Coverage
from dwell.model.provenance import RecordRef
from dwell.scope.app_acts import AppAct, Deed
from dwell.scope.apps import App
from dwell.scope.chains import key_traces
from dwell.scope.intrusions import Held
from dwell.scope.investigation import Investigation
from dwell.scope.rollup.ual import TENANT
from dwell.scope.traces import Trace

__all__ = ["chains", "footholds", "untied", "verdict"]

KIND = "application"
PLACE = "Microsoft 365"
GROUNDS = 10
_SIGN_INS = (
    "no record shows a forged token: only AD FS' own log of the tokens it issued (1200, 1202) against the tenant's "
    "sign-ins would"
)
_PASSWORD = "the account that gave the rights may have been used with its password as well"  # noqa: S105 - a reason


def _given(one: AppAct) -> str:
    what = f"given {listed(one.rights, len(one.rights))}" if one.deed is Deed.RIGHTS else "a secret added"
    return f"{what} by {one.account or 'nobody named'} at {instant(one.at_utc)}"


def _steps(app: App) -> list[str]:
    """Give what an application was given, one step for what stands in several records of one second."""
    return list(dict.fromkeys(_given(one) for one in app.given))


def _read(app: App) -> str:
    """Say what an application read; "" where no record shows that it read anything."""
    if not app.reads:
        return ""
    boxes = sorted({one.mailbox for one in app.reads})
    messages = {text for one in app.reads for text in one.messages}
    when = span(app.reads[0].at_utc, app.reads[-1].at_utc)
    opened = count(len(boxes), "mailbox", "mailboxes")
    return f"it opened {opened} ({listed(boxes)}) {when}, {count(len(messages), 'message')} named"


def _refs(app: App) -> tuple[RecordRef, ...]:
    return tuple(dict.fromkeys([*(one.ground for one in app.given), *(one.ground for one in app.reads)]))


def _named(app: App) -> str:
    ids = sorted(app.ids)
    return app.name if app.name in ids or not ids else f"{app.name} ({listed(ids, 3)})"


def footholds(case: Investigation) -> Iterable[Foothold]:
    """Give the applications that were given rights on mail or a secret, each once."""
    owners: Mapping[frozenset[str], str] = {app.ids: held.id for held in case.held for app in held.apps}
    for app in case.apps:
        gone, state, why = _state(app)
        grounds = [*_refs(app)[: GROUNDS - 1], *(() if gone is None else (gone.ground,))]
        told = "; ".join([f"{_named(app)}: {', '.join(_steps(app))}", *filter(None, [_read(app)])])
        yield Foothold(KIND, PLACE, told, app.given[0].at_utc, state, owners.get(app.ids), why, tuple(grounds))


def _state(app: App) -> tuple[AppAct | None, FootholdState, str]:
    """Say whether an application was taken away, by which act, and why that is held to be so."""
    gone, late = app.removed, app.outlived
    deleted = next((one for one in app.acts if one.deed is Deed.DELETED), None)
    if gone is not None and late is not None:
        why = f"it opened mail at {instant(late.at_utc)}, long after {instant(gone.at_utc)}, when it was taken away"
        return gone, FootholdState.PRESENT, why
    if gone is not None:
        why = f"taken away at {instant(gone.at_utc)} by {gone.account or 'nobody named'}"
        return gone, FootholdState.REMOVED, why
    why = "no export of applications dated after it is held"
    if any(one.deed is Deed.RESTORED for one in app.acts):
        why = f"it was restored after it was taken away; {why}"
    elif deleted is not None:
        why = (
            f"its object was deleted at {instant(deleted.at_utc)}, and no record shows that its service principal, which "
            f"holds the rights, is gone; {why}"
        )
    return None, FootholdState.UNKNOWN, why


def _untied(case: Investigation) -> list[App]:
    """Give the applications that opened mail and belong to no known intrusion."""
    tied = {app.ids for held in case.held for app in held.apps}
    return [one for one in case.apps if one.reads and one.ids not in tied]


def verdict(case: Investigation) -> str:
    """Say in one clause what applications opened that are laid to nobody; "" where none did."""
    found = _untied(case)
    boxes = count(len({read.mailbox for app in found for read in app.reads}), "mailbox", "mailboxes")
    many = count(len(found), "application")
    return f"{many} given rights on mail or a secret opened {boxes}, laid to no intrusion" if found else ""


def untied(case: Investigation, book: Book) -> None:
    """Tell what applications read that belong to no known intrusion: somebody has to say whether they are wanted."""
    coverage = _coverage(case)
    for app in _untied(case):
        book.recorded(
            f"The application {app.name} is laid to no known intrusion, and {_read(app)}; {', '.join(_steps(app))}. "
            "Whether it is wanted is for those to say who are named.",
            _refs(app),
            coverage,
            [f"its records are joined by the name {app.name}, not by an id"] if app.by_name else (),
        )


def _coverage(case: Investigation) -> Coverage:
    return case.ledger.coverage([TENANT], {"ual"}, *whole_span(case), "what an application opened (audit export)")


def _theft(held: Held) -> str:
    """Say how the key was read."""
    told: dict[tuple[str, str], list[Trace]] = {}
    for one in key_traces(held):
        told.setdefault((one.title, one.host), []).append(one)
    parts = []
    for (title, host), traces in told.items():
        first = min((one.first_utc for one in traces if one.first_utc is not None), default=None)
        accounts = sorted({one.account for one in traces if one.account})
        who = f" as {listed(accounts)}" if accounts else ""
        parts.append(f"{title[0].lower()}{title[1:]} on {host}{who} at {instant(first)}")
    return "; ".join(parts)


def chains(case: Investigation, book: Book) -> None:
    """Tell each theft of a signing key and what came of it in the tenant as one chain."""
    for held in case.held:
        traces = key_traces(held)
        if not traces:
            continue
        steps = [f"{_named(app)}: {', '.join([*_steps(app), *filter(None, [_read(app)])])}" for app in held.apps]
        after = (
            f". Then, in the tenant: {'; '.join(steps)}" if steps else "; no application of the tenant is tied to it"
        )
        ties = [one for one in held.links if one.startswith("application ")]
        refs = [ref for one in traces for ref in one.grounds] + [ref for app in held.apps for ref in _refs(app)]
        # the database holds the key encrypted: without its other half nothing was taken that is known of
        both = any(one.value("Properties") is not None for one in traces)
        what = "took the signing key of AD FS" if both else "opened where AD FS keeps its signing key"
        book.inferred(
            f"{held.id} {what}, by which a token of any account can be made: {_theft(held)}{after}.",
            refs,
            case.ledger.coverage(
                sorted({one.host for one in traces}), {"evtx"}, *whole_span(case), "the theft of a key"
            ),
            [_SIGN_INS, *((_PASSWORD,) if steps else ()), *(f"the tie: {one}" for one in ties)],
            on="key-theft",
        )
