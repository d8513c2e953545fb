"""Departures: which accounts went away, when, by what, and whether they were used afterwards.

Four things tell of it. Windows says that an account was disabled or deleted (4725, 4726), Exchange and Microsoft 365 that a
mailbox or a user was removed, and directory exports show an account disabled, without its mailbox, or do not list it any
more. The first two name the instant. An export only shows a state on its day: the account went after the last record that
shows it there, and by the first that does not.

An account is left out by an export only where the export is of the same kind as one that had it (it fills the same
columns), and holds most of the accounts of that one: a list of one department leaves out everybody else. Lists of one kind
that were made on one day are taken for one. What has no date dates nothing.

A mailbox that is shared, a room's or linked has a disabled account all its time: that is no departure. What comes back, by
a record or in a later export, was away; a later export that shows as there what a record says went, where no record says
that it came back, contradicts it, and both are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.archive.store import Archive
from dwell.model.departures import CONTRADICTED, Departure, DepartureKind
from dwell.model.instants import utc_from_us, utc_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.access import DAY_US, Accesses
from dwell.scope.cmdlets import Cmdlet, read_cmdlets, short
from dwell.scope.identities import Identities
from dwell.scope.presence import Presence, is_shared
from dwell.scope.removals import TABLES

__all__ = ["Departures", "departed_bits", "departures_of"]

HOLDS_MOST = 0.6
"""A list that holds fewer of the accounts of the one before is a list of something else."""
GROUNDS_MAX = 5
CLIENTS_MAX = 10
OPENED_MAX = 10
BITS_MAX = 16.0
_DISABLED, _DELETED, _REMOVED, _LEFT = DepartureKind
_EVENTS: Mapping[int, tuple[frozenset[DepartureKind], bool, str]] = {
    4720: (frozenset({_DELETED}), False, "was created"),
    4722: (frozenset({_DISABLED}), False, "was enabled"),
    4725: (frozenset({_DISABLED}), True, "was disabled"),
    4726: (frozenset({_DELETED}), True, "was deleted"),
}
"""Windows' events: what they speak of, whether it went, in words."""
_ACTS: Mapping[str, tuple[frozenset[DepartureKind], bool]] = {
    "disable-mailbox": (frozenset({_REMOVED}), True),
    "disable-remotemailbox": (frozenset({_REMOVED}), True),
    "remove-mailbox": (frozenset({_DELETED}), True),
    "remove-remotemailbox": (frozenset({_DELETED}), True),
    "delete user": (frozenset({_DELETED}), True),
    "disable account": (frozenset({_DISABLED}), True),
    "enable-mailbox": (frozenset({_REMOVED}), False),
    "enable-remotemailbox": (frozenset({_REMOVED}), False),
    "connect-mailbox": (frozenset({_REMOVED}), False),
    "new-mailbox": (frozenset({_DELETED, _REMOVED}), False),
    "new-remotemailbox": (frozenset({_DELETED, _REMOVED}), False),
    "undo-softdeletedmailbox": (frozenset({_DELETED, _REMOVED}), False),
    "restore user": (frozenset({_DELETED}), False),
    "enable account": (frozenset({_DISABLED}), False),
}
"""Cmdlets and operations, in lower case and without their full stop: what they speak of, and whether it went."""
_SWITCH = frozenset({"set-mailbox", "set-user", "set-remotemailbox"})
_PARTS = frozenset(
    {"archive", "publicfolder", "auditlog", "auxauditlog", "arbitration", "migration", "supervisoryreviewpolicy"}
)
"""Switches by which a cmdlet speaks of something else than the owner's mailbox."""
_YES, _NO = frozenset({"", "true", "$true"}), frozenset({"false", "$false"})
_DELETED_NAME = re.compile(r"^[0-9a-f]{32}(?=[^@]+@)", re.IGNORECASE)
"""Microsoft 365 puts the object's id before the name of a user that is deleted."""
_GONE_WORDS = {
    _DISABLED: "shows it disabled",
    _REMOVED: "shows it without a mailbox",
    _LEFT: "does not list it any more",
}


@dataclass(frozen=True, slots=True)
class _Sign:
    """What one record or export says of one account.

    Attributes:
        at_us: when; of an export, when it was made.
        gone: whether it says that the account went, or that it is there.
        words: in words.
        ground: the record; None for what is not in an export.
        exact: whether it tells the act itself.
    """

    at_us: int
    gone: bool
    words: str
    ground: RecordRef | None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class _Absence:
    """A stretch without the account, of one kind; `back_us` None while it lasts, `until_us` the last sign of it then."""

    kind: DepartureKind
    after_us: int | None
    by_us: int
    until_us: int | None
    back_us: int | None
    signs: tuple[_Sign, ...]
    against: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Departures:
    """All departures of a case.

    Attributes:
        found: by account, then time.
        parts: directory exports that hold too few of the accounts of the one before to say who left, in words.
        unmatched: acts that removed a mailbox or a user of whom no other record speaks.
    """

    found: tuple[Departure, ...] = ()
    parts: tuple[str, ...] = ()
    unmatched: tuple[Cmdlet, ...] = ()

    def used(self) -> Mapping[str, Departure]:
        """Give the last departure after which each account was used."""
        return {one.account: one for one in self.found if one.sessions}


_Rows = Mapping[str, Sequence[Presence]]


def departures_of(
    archive: Archive,
    changes: pa.Table,
    identities: Identities,
    accesses: Accesses,
    days: Mapping[str, Sequence[datetime]] | None = None,
) -> Departures:
    """Work out who left.

    Args:
        archive: the case's archive.
        changes: rows in `rollup.shapes.CHANGES`.
        identities: names, with what the exports show.
        accesses: all sessions.
        days: when exports were made that are equal on several days, by their evidence id.

    Raises:
        CustodyError: a data file is not what was written.
    """
    acts, unmatched = _acts(archive, identities, accesses)
    shown = {account: list(_each_day(rows, days or {})) for account, rows in identities.shown.items()}
    lists, parts = _lists(identities, shown)
    held: dict[str, list[_Absence]] = {}
    for kind, told in (*_by_kind([*_events(changes, identities, accesses), *acts], identities, shown), *lists):
        for account, signs in told.items():
            held.setdefault(account, []).extend(_absences(kind, signs))
    undated = _undated(identities, shown)
    out = [
        _used(one, identities, accesses, shown)
        for account in sorted(held.keys() | undated.keys())
        for one in _joined(account, held.get(account, []), undated.get(account))
    ]
    return Departures(tuple(out), parts, unmatched)


def _each_day(rows: Sequence[Presence], days: Mapping[str, Sequence[datetime]]) -> Iterator[Presence]:
    """Yield the rows of an account, those of an export that is equal on several days once for each."""
    for one in rows:
        if one.evidence_id in days:
            yield from (one._replace(at_us=utc_us(at)) for at in days[one.evidence_id])
        else:
            yield one


_Told = tuple[str, frozenset[DepartureKind], _Sign]


def _events(changes: pa.Table, identities: Identities, accesses: Accesses) -> Iterator[_Told]:
    """Yield what Windows says of accounts; those of one computer alone are nobody's mailbox."""
    times = changes["time_utc"].cast(pa.int64()).to_pylist()
    for row, at in zip(changes.drop(["time_utc"]).to_pylist(), times, strict=True):
        if row["event_id"] not in _EVENTS or not row["name"]:
            continue
        host, domain = row["host"] or "", (row["domain"] or "").lower()
        if domain and domain == host.partition(".")[0].lower():
            continue
        account = _known(f"{domain}\\{row['name']}" if domain else row["name"], at, identities, accesses)
        if account is not None:
            kinds, gone, words = _EVENTS[row["event_id"]]
            ref = RecordRef("evtx", EvidenceId(row["evidence_id"]), row["record_no"])
            told = f"the account {words} on {_day(at)} (event {row['event_id']}, {host or 'unknown host'})"
            yield account, kinds, _Sign(at, gone, told, ref, exact=True)


def _known(text: str, at_us: int | None, identities: Identities, accesses: Accesses) -> str | None:
    """Give the account of a name, where any other record speaks of it."""
    label = identities.label(text, at_us)
    if label is None or identities.is_system(text):
        return None
    return label if label in identities.accounts or label in accesses.names else None


def _acts(archive: Archive, identities: Identities, accesses: Accesses) -> tuple[list[_Told], tuple[Cmdlet, ...]]:
    """Give what cmdlets and operations say of mailboxes and users, and those of whom no other record speaks."""
    out: list[_Told] = []
    unmatched: list[Cmdlet] = []
    for table in TABLES:
        for file in archive.files(table):
            for one in read_cmdlets(file, named=_is_about):
                meant = _meant(one)
                if meant is None or one.failed or one.at_utc is None:
                    continue
                kinds, gone = meant
                at = utc_us(one.at_utc)
                account = _target(one, at, identities, accesses)
                if account is not None:
                    words = f"{one.name.strip().rstrip('.')} was run on it on {_day(at)}"
                    by = f" by {one.caller}" if one.caller else ""
                    out.append((account, kinds, _Sign(at, gone, words + by, one.ground, exact=True)))
                elif gone:
                    unmatched.append(one)
    unmatched.sort(key=lambda one: (one.at_utc, one.ground))
    return out, tuple(unmatched)


def _is_about(name: str) -> bool:
    wanted = name.strip().rstrip(".").lower()
    return wanted in _ACTS or wanted in _SWITCH


def _meant(one: Cmdlet) -> tuple[frozenset[DepartureKind], bool] | None:
    """Say what an act speaks of; None where it speaks of no account as a whole."""
    told = {name.lower(): value.strip().lower() for name, value in one.parameters}
    if any(name in _PARTS and value not in _NO for name, value in told.items()):
        return None
    name = one.name.strip().rstrip(".").lower()
    if name not in _SWITCH:
        return _ACTS[name]
    value = told.get("accountdisabled")
    return None if value is None or value not in _YES | _NO else (frozenset({_DISABLED}), value in _YES)


def _target(one: Cmdlet, at_us: int, identities: Identities, accesses: Accesses) -> str | None:
    """Give the account that an act was run on: by its target, by what was typed, by a full name that only one has."""
    told = dict(one.parameters)
    texts = [
        one.target,
        short(one.target),
        *(told.get(name, "") for name in ("Identity", "UserPrincipalName", "Alias")),
    ]
    for text in texts:
        plain = _DELETED_NAME.sub("", text.strip())
        if plain and (account := _known(plain, at_us, identities, accesses)) is not None:
            return account
    return next((found for text in texts if (found := identities.of_full_name(short(text))) is not None), None)


def _by_kind(
    told: Iterable[_Told], identities: Identities, shown: _Rows
) -> Iterator[tuple[DepartureKind, Mapping[str, list[_Sign]]]]:
    """Put what acts and the rows of exports say together, by kind."""
    out: dict[DepartureKind, dict[str, list[_Sign]]] = {one: {} for one in (_DISABLED, _DELETED, _REMOVED)}
    for account, kinds, sign in told:
        for kind in kinds:
            out[kind].setdefault(account, []).append(sign)
    for account, rows in shown.items():
        dated = [one for one in rows if one.at_us is not None]
        says: dict[DepartureKind, list[tuple[Presence, bool | None]]] = {
            _DISABLED: [(one, one.enabled) for one in dated] if not _is_shared(account, identities) else [],
            _DELETED: [(one, True) for one in dated],
            # who never had a mailbox lost none
            _REMOVED: [(one, one.mailbox) for one in dated] if any(one.mailbox for one in dated) else [],
        }
        for kind, told_by in says.items():
            # an account that nothing says has gone is there, and needs no signs of it
            if account in out[kind] or any(there is False for _, there in told_by):
                out[kind].setdefault(account, []).extend(
                    _shown(one, kind, there=there) for one, there in told_by if there is not None
                )
    yield from out.items()


def _shown(row: Presence, kind: DepartureKind, *, there: bool) -> _Sign:
    """Put a row of a dated export into a sign; what is dated by its day alone shows a thing gone by the end of that day."""
    at = row.at_us or 0
    words = f"the directory export of {_day(at)} {'shows it there' if there else _GONE_WORDS[kind]}"
    return _Sign(at if there else _end(at), not there, words, _ref(row))


def _end(at_us: int) -> int:
    """Give the instant, or the last one of its day where it is midnight: that is how a day is written."""
    return at_us if at_us % DAY_US else at_us + DAY_US - 1


def _is_shared(account: str, identities: Identities) -> bool:
    held = identities.accounts.get(account)
    return held is not None and is_shared(held.kind)


def _ref(row: Presence) -> RecordRef | None:
    return RecordRef("directory", EvidenceId(row.evidence_id), row.record_no) if row.evidence_id else None


def _lists(
    identities: Identities, shown: _Rows
) -> tuple[list[tuple[DepartureKind, Mapping[str, list[_Sign]]]], tuple[str, ...]]:
    """Give, per kind of list, who is in it and who is left out of it, and the lists that say nothing of that."""
    out: list[tuple[DepartureKind, Mapping[str, list[_Sign]]]] = []
    parts: list[str] = []
    rows: dict[tuple[str, int], dict[str, Presence]] = {}
    for account, told in shown.items():
        for row in told:
            if row.at_us is not None:
                rows.setdefault((row.evidence_id, row.at_us), {})[account] = row
    dated = sorted((tuple(sorted(identities.exports[evidence])), at, evidence) for evidence, at in rows)
    for _, alike in groupby(dated, key=lambda one: one[0]):
        days: dict[int, list[tuple[str, int]]] = {}
        for _, at, evidence in alike:
            days.setdefault(at // DAY_US, []).append((evidence, at))
        whole: list[tuple[int, Mapping[str, Presence]]] = []
        for _, made in sorted(days.items()):
            at = max(one for _, one in made)
            held = {account: row for key in made for account, row in rows[key].items()}
            last = whole[-1][1] if whole else {}
            kept = len(last.keys() & held.keys())
            if kept >= HOLDS_MOST * len(last):
                whole.append((at, held))
                continue
            parts.append(
                f"the directory export of {_day(at)} holds {kept:,} of the {len(last):,} accounts of the one before it, "
                "and is taken for a list of a part: who is not in it is not taken to have left"
            )
        out.append((_LEFT, _left_out(whole)))
    return out, tuple(parts)


def _left_out(lists: Sequence[tuple[int, Mapping[str, Presence]]]) -> Mapping[str, list[_Sign]]:
    """Give the accounts that a list does not have which an earlier one has, each with what every list shows of it."""
    begun: dict[str, int] = {}
    gone: set[str] = set()
    for place, (_, held) in enumerate(lists):
        gone |= begun.keys() - held.keys()
        for account in held:
            begun.setdefault(account, place)
    out: dict[str, list[_Sign]] = {}
    for account in sorted(gone):
        for at, held in lists[begun[account] :]:
            row = held.get(account)
            words = f"the directory export of {_day(at)} {_GONE_WORDS[_LEFT] if row is None else 'lists it'}"
            ref = None if row is None else _ref(row)
            out.setdefault(account, []).append(_Sign(_end(at) if row is None else at, row is None, words, ref))
    return out


def _undated(identities: Identities, shown: _Rows) -> dict[str, Departure]:
    """Give the accounts that an export without a date shows disabled."""
    out = {}
    for account, rows in shown.items():
        off = [one for one in rows if one.at_us is None and one.enabled is False]
        if off and not _is_shared(account, identities):
            refs = tuple(ref for one in off if (ref := _ref(one)) is not None)
            told = "a directory export without a date shows it disabled"
            out[account] = Departure(account, (_DISABLED,), None, None, None, None, (told,), grounds=refs[:GROUNDS_MAX])
    return out


def _absences(kind: DepartureKind, signs: Sequence[_Sign]) -> Iterator[_Absence]:
    """Yield the stretches without the account that signs of one kind tell of."""
    there: _Sign | None = None
    gone: list[_Sign] = []
    for one in sorted(signs, key=lambda one: (one.at_us, not one.exact, one.gone, one.words)):
        if one.gone:
            gone.append(one)
            continue
        if gone:
            yield _absence(kind, there, gone, one)
        there, gone = one, []
    if gone:
        yield _absence(kind, there, gone, None)


def _absence(kind: DepartureKind, there: _Sign | None, gone: Sequence[_Sign], back: _Sign | None) -> _Absence:
    first, last = gone[0], gone[-1]
    after = first.at_us if first.exact else there.at_us if there is not None else None
    against: tuple[str, ...] = ()
    if back is not None and last.exact and not back.exact:
        against = (f"{CONTRADICTED} {back.words}, and no record held says that it came back",)
    until = None if back is None else back.at_us if back.exact else last.at_us
    # what was shown last before bears the departure as much as what no longer shows it
    before = () if there is None or first.exact else (there,)
    signs = (*before, *gone[:1], *gone[1:][-1:], *(() if back is None else (back,)))
    return _Absence(kind, after, first.at_us, until, None if back is None else back.at_us, signs, against)


def _joined(account: str, held: Sequence[_Absence], undated: Departure | None) -> Iterator[Departure]:
    """Yield the departures of one account in order of time: what lasts is one, whatever its kinds."""
    closed = [one for one in held if one.until_us is not None]
    lasting = sorted((one for one in held if one.until_us is None), key=lambda one: (one.by_us, one.kind.value))
    for one in sorted(closed, key=lambda one: (one.by_us, one.kind.value)):
        yield _departure(account, [one])
    if lasting:
        yield _departure(account, lasting)
    elif undated is not None and not closed:
        yield undated


def _departure(account: str, held: Sequence[_Absence]) -> Departure:
    first = held[0]
    signs = sorted(
        {sign for one in held for sign in one.signs}, key=lambda one: (one.at_us, one.words, str(one.ground))
    )
    grounds = tuple(dict.fromkeys(one.ground for one in signs if one.ground is not None))
    return Departure(
        account,
        tuple(dict.fromkeys(one.kind for one in held)),
        _instant(first.after_us),
        utc_from_us(first.by_us),
        _instant(first.back_us),
        _instant(first.until_us),
        tuple(dict.fromkeys(one.words for one in signs)),
        tuple(dict.fromkeys(text for one in held for text in one.against)),
        grounds[:GROUNDS_MAX],
    )


def _instant(at_us: int | None) -> datetime | None:
    return None if at_us is None else utc_from_us(at_us)


def _day(at_us: int) -> str:
    return utc_from_us(at_us).date().isoformat()


def _stretch(one: Departure) -> tuple[int, int] | None:
    """Give from when to when an account is known to be gone, microseconds since 1970; None where that is not known."""
    if one.by_utc is None:
        return None
    return utc_us(one.by_utc), np.iinfo(np.int64).max if one.until_utc is None else utc_us(one.until_utc)


def _listed_later(one: Departure, shown: _Rows) -> str | None:
    """Give the day of the last export that shows an account there though others leave it out."""
    by = utc_us(one.by_utc) if one.by_utc is not None else 0
    rows = shown.get(one.account, ())
    days = [row.at_us for row in rows if row.at_us is not None and _end(row.at_us) >= by and row.enabled is not False]
    return _day(max(days)) if days else None


def _used(one: Departure, identities: Identities, accesses: Accesses, shown: _Rows) -> Departure:
    """Say whether an account was used after it was gone, and what limits that it went."""
    limits = list(one.against)
    if DepartureKind.LEFT_OUT in one.kinds:
        limits.append("an export leaves out what a filter hides, what was moved, and who is in another list")
        if one.account not in identities.steady:
            limits.append("the exports give it no GUID or SID: an account that was renamed looks the same")
        if one.back_utc is None and (later := _listed_later(one, shown)) is not None:
            limits.append(f"{CONTRADICTED} the directory export of {later}, a list of another kind, shows it there")
    if one.kinds == (DepartureKind.MAILBOX_REMOVED,):
        limits.append("a mailbox that was moved to a tenant or to another forest looks the same")
    stretch = _stretch(one)
    if stretch is None or one.account not in accesses.names:
        return replace(one, against=tuple(limits))
    code = accesses.names.index(one.account)
    within = accesses.ok & ~accesses.system & (accesses.first > stretch[0]) & (accesses.first < stretch[1])
    own = np.flatnonzero(within & (accesses.account == code))
    others = np.unique(accesses.account[within & (accesses.mailbox == code) & (accesses.account != code)])
    opened = sorted(accesses.names[place] for place in others.tolist() if place >= 0)
    found = replace(one, against=tuple(limits), opened_by=tuple(opened[:OPENED_MAX]))
    if not len(own):
        return found
    pairs = sorted({*zip(accesses.network[own].tolist(), accesses.agent[own].tolist(), strict=True)})
    clients = sorted(
        f"{accesses.networks[lan] if lan >= 0 else '(unknown address)'} {accesses.agents[tool]}" for lan, tool in pairs
    )
    last = int(accesses.last[own].max())
    if last - stretch[0] < DAY_US:
        limits.append("it was used on the first day only: open sessions and tokens go on for some hours")
    return replace(
        found,
        against=tuple(limits),
        sessions=len(own),
        first_use_utc=utc_from_us(int(accesses.first[own].min())),
        last_use_utc=utc_from_us(last),
        clients=tuple(clients[:CLIENTS_MAX]),
        use_grounds=tuple(accesses.refs(own[:GROUNDS_MAX])),
    )


def departed_bits(
    found: Departures, accesses: Accesses, ties: pa.Table, outside: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64] | None:
    """Give, per tie, how rare it is that an account is used after it went; None where none is.

    Worth -log2 of the share of judged ties that are so: where an export is of a part after all, many are, and it is worth
    little.

    Args:
        found: the departures.
        accesses: all sessions.
        ties: the ties (`habits.TIES`).
        outside: per tie, whether it is judged.
    """
    first, last, account = (ties[one].to_numpy() for one in ("first", "last", "account"))
    after = np.zeros(len(account), np.bool_)
    for one in found.found:
        stretch = _stretch(one)
        if stretch is not None and one.account in accesses.names:
            mine = account == accesses.names.index(one.account)
            after |= mine & (last > stretch[0]) & (first < stretch[1])
    if not (after & outside).any():
        return None
    share = (np.count_nonzero(after & outside) + 1.0) / (np.count_nonzero(outside) + 1.0)
    worth = min(BITS_MAX, round(-float(np.log2(min(share, 1.0))), 2)) + 0.0
    return np.where(after, worth, 0.0)
