"""What every check of a state is made of: which exports date from after the last act, whose they are, what is left open."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from dwell.answers.checks.in_use import in_use
from dwell.answers.checks.recipients import Recipients
from dwell.answers.phrases import count, instant, listed
from dwell.model.claims import CheckStatus, Extent, Foothold
from dwell.model.coverage import Coverage
from dwell.model.provenance import RecordRef
from dwell.scope.investigation import Investigation
from dwell.scope.snapshots import Row, Snapshot

__all__ = [
    "GROUNDS_MAX",
    "NOT_HELD",
    "NO_LOG",
    "TRUE",
    "Check",
    "Current",
    "Finding",
    "Item",
    "PerMailbox",
    "Pile",
    "Rows",
    "Scene",
    "series",
    "told",
    "undated",
    "weigh",
]

GROUNDS_MAX = 10
NO_LOG = "no log able to show it is held"
NOT_HELD = "no such export is held"
FILES_MAX = 4
TRUE = frozenset({"true", "$true", "1"})
"""How exports of PowerShell write yes, in lower case."""
_DATE = re.compile(r"20\d\d-?\d\d-?\d\d(?:[t_ -]?\d{2}[.-]?\d{2}(?:[.-]?\d{2})?z?)?(?!\d)")
_TAILS = ("/ExchangeActiveSyncDevices", ":\\", "\\")
_OWNER = ("Mailbox", "MailboxOwnerId", "Identity")
_NAMES = ("PrimarySmtpAddress", "UserPrincipalName", "Alias", "Name", "DisplayName", "DistinguishedName")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        status: pass, fail or unknown.
        why: what was found.
        grounds: records.
        coverage: hours of logs looked at.
        extent: how much of a state was looked at.
        looked: evidence looked at.
        check: what is checked, where the check's title does not say it all.
    """

    status: CheckStatus
    why: str
    grounds: tuple[RecordRef, ...] = ()
    coverage: Coverage | None = None
    extent: Extent | None = None
    looked: tuple[str, ...] = ()
    check: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """One thing that an export shows: in words, with its record."""

    text: str
    ground: RecordRef


@dataclass(slots=True)
class Pile:
    """What a check comes upon, what the latest exports show first.

    Attributes:
        bad: what must not be there.
        doubtful: what only somebody who knows the organisation can judge.
    """

    bad: list[Item] = field(default_factory=list)
    doubtful: list[Item] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def add(self, text: str, ground: RecordRef, *, bad: bool, later: str = "") -> None:
        """Take one thing.

        Args:
            text: it in words.
            ground: its record.
            bad: whether it must not be there.
            later: the path of a later export that does not show it and does not stand in the place of the one that does:
                then it may be gone, or stand where the later export does not reach, and is left to whoever knows.
        """
        if later and text in self._seen:
            return
        self._seen.add(text)
        if later:
            self.doubtful.append(
                Item(f"{text} (not in the later {later}, which lies elsewhere and may not cover it)", ground)
            )
        else:
            (self.bad if bad else self.doubtful).append(Item(text, ground))


Rows = list[tuple[Row, RecordRef]]


class Current(NamedTuple):
    """An export from after the last act that no later export stands in the place of.

    Attributes:
        file: the export.
        why: what dates it.
        later: path of the latest export of all, where that lies elsewhere and is later than this; "" of the latest.
    """

    file: Snapshot
    why: str
    later: str

    @property
    def dated(self) -> tuple[Snapshot, str]:
        """Give the file with what dates it."""
        return self.file, self.why


def series(path: str) -> str:
    """Give what an export's path is without its dates: a later export in the same place is of the same thing."""
    return _DATE.sub("", path.lower().replace("\\", "/"))


@dataclass(frozen=True, slots=True)
class PerMailbox:
    """What exports of one kind say, mailbox by mailbox.

    Attributes:
        held: every file of the kind.
        used: the files dated after the last act that rows were taken from, with what dates each.
        after: rows of the latest file that asked for a mailbox, dated after the last act.
        before: rows of the latest file dated before the first act.
        unresolved: mailboxes that no name of the directory leads to.
        earlier: rows of files from after the act that a later one is not the successor of, with that one's path.
    """

    held: tuple[Snapshot, ...]
    used: tuple[str, ...]
    after: Mapping[str, Rows]
    before: Mapping[str, Rows]
    unresolved: int
    earlier: Mapping[str, list[tuple[Rows, str]]]

    def each(self) -> Iterator[tuple[str, Rows, str]]:
        """Yield each mailbox with its rows, those of the latest export first, and the `later` that `Pile.add` asks for."""
        for owner, rows in sorted(self.after.items()):
            yield owner, rows, ""
        for owner, parts in sorted(self.earlier.items()):
            yield from ((owner, rows, later) for rows, later in parts)


class Scene:
    """A case as the checks see it.

    Attributes:
        case: what the records allow to be said.
        footholds: what was left behind.
        first: the first hostile act known.
        last: the last.
        touched: accounts that were used and mailboxes that were exposed.
    """

    def __init__(self, case: Investigation, footholds: tuple[Foothold, ...]) -> None:
        self.case = case
        self.footholds = footholds
        self.first: datetime = min(one.first_utc for one in case.held)
        self.last: datetime = max(one.last_utc for one in case.held)
        used = {name for held in case.held for name in held.accounts}
        self.touched = frozenset(used | {one.mailbox for one in case.exposed if one.sessions or one.messages})

    @cached_property
    def mailboxes(self) -> frozenset[str]:
        """Give every mailbox there is; empty where no directory export says."""
        return self._ours | in_use(self.case) if self.case.identities.exported else frozenset()

    @cached_property
    def _ours(self) -> frozenset[str]:
        """Give the mailboxes of the directory and of its domains: what leads to another is not known to stay inside."""
        if not self.case.identities.exported:
            return frozenset()
        exposed = {one.mailbox for one in self.case.exposed if not self.case.identities.is_system(one.mailbox)}
        domains = self.case.identities.domains()
        used = {one for one in in_use(self.case) if one.rpartition("@")[2].lower() in domains}
        return frozenset(self.case.identities.mailboxes()) | (exposed & self.touched) | used

    @cached_property
    def recipients(self) -> Recipients:
        """Give whose each recipient is."""
        return Recipients(self.case.identities, self.case.snapshots, self._ours)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Give the label that each name of the directory leads to, where it leads to one only."""
        found: dict[str, set[str]] = {}
        for one in self.case.snapshots.of("directory"):
            for row, _ in self.case.snapshots.read(one, _NAMES):
                label = next((self.case.identities.label(row[name]) for name in _NAMES[:2] if row[name]), None)
                for name in _NAMES[2:] if label is not None else ():
                    if row[name]:
                        found.setdefault(row[name].lower(), set()).add(label or "")
        return {name: labels.pop() for name, labels in found.items() if len(labels) == 1}

    def account(self, text: str | None) -> str | None:
        """Give the label of an account of the directory; None where no name of it leads there."""
        if not text:
            return None
        label = self.case.identities.label(text)
        if label in self.case.identities.accounts or label in self.touched or label in self.mailboxes:
            return label
        lowered = text.lower()
        return self._names.get(lowered) or self._names.get(lowered.rpartition("/")[2])

    def owner(self, row: Row) -> str | None:
        """Give the mailbox that a row is of."""
        for column in _OWNER:
            text = row.get(column)
            if not text:
                continue
            for form in (text, *(text.partition(tail)[0] for tail in _TAILS if tail in text)):
                found = self.account(form)
                if found is not None:
                    return found
        return None

    def after(self, table: str, kind: str = "") -> list[tuple[Snapshot, str]]:
        """Give the files of a table that date from after the last act, with what dates each."""
        return [(one, why) for one in self.case.snapshots.of(table, kind) if (why := one.after(self.last))]

    def current(self, table: str, kind: str = "") -> list[Current]:
        """Give the exports from after the last act that have to be looked at, the latest first.

        Of exports in one place (the same path but for its dates, of the same server) the latest stands for all. One in
        another place may be of another tenant, server or folder: it is looked at as well.
        """
        return _current(self.after(table, kind))

    def current_by_server(
        self, table: str, kind: str = "", wanted: Callable[[Snapshot], bool] = lambda _: True
    ) -> dict[str, list[Current]]:
        """Give per server what `current` gives of its files; of each the later one is of the same server."""
        by_host: dict[str, list[tuple[Snapshot, str]]] = {}
        for one, why in self.after(table, kind):
            if wanted(one):
                by_host.setdefault(one.host, []).append((one, why))
        return {host: _current(files) for host, files in sorted(by_host.items())}

    def servers(self, seen: Collection[str]) -> Extent:
        """Say how many of all mail servers were looked at."""
        hosts = self.case.ledger.servers()
        return Extent(len(set(seen) & set(hosts)), len(hosts), "mail servers")

    def before(self, table: str, kind: str = "") -> list[Snapshot]:
        """Give the files of a table that date from before the first act."""
        return [one for one in self.case.snapshots.of(table, kind) if one.before(self.first)]

    def per_mailbox(self, table: str, kind: str, columns: Sequence[str]) -> PerMailbox:
        """Sort the rows of exports by mailbox, the latest export that asked for a mailbox before the others."""
        unresolved: set[str] = set()
        known: dict[tuple[str | None, ...], str | None] = {}
        named = tuple(dict.fromkeys((*(_OWNER if table == "exports" else _NAMES), *columns)))

        def rows(file: Snapshot) -> dict[str, Rows]:
            mine: dict[str, Rows] = {}
            for row, ref in self.case.snapshots.read(file, named, kind):
                if table == "directory" and not any(row[name] for name in columns):
                    continue
                key = tuple(row.get(name) for name in named[:3])
                if key not in known:
                    known[key] = self.owner(row) if table == "exports" else self.account(row[_NAMES[0]] or key[1])
                label = known[key]
                if label is None:
                    unresolved.add(str(next((name for name in key if name), "(no name)")))
                else:
                    mine.setdefault(label, []).append((row, ref))
            return mine

        files = self.current(table, kind)
        after: dict[str, Rows] = {}
        latest: dict[str, Snapshot] = {}
        earlier: dict[str, list[tuple[Rows, str]]] = {}
        for file, _, _ in files:
            for label, mine in rows(file).items():
                held = latest.setdefault(label, file)
                if held.at_utc == file.at_utc:
                    after.setdefault(label, []).extend(mine)
                else:
                    earlier.setdefault(label, []).append((mine, held.path))
        before: dict[str, Rows] = {}
        for file in self.before(table, kind):
            before |= rows(file)
        held_files = tuple(self.case.snapshots.of(table, kind))
        return PerMailbox(held_files, told(one.dated for one in files), after, before, len(unresolved), earlier)

    def extent(self, seen: Collection[str]) -> Extent:
        """Say how many of all mailboxes were looked at."""
        return Extent(len(set(seen) & self.mailboxes), len(self.mailboxes), "mailboxes")


Check = Callable[[Scene], Sequence[Finding]]
"""A check: gives one finding, or one for each thing it is about."""


def _current(files: Sequence[tuple[Snapshot, str]]) -> list[Current]:
    """Leave out what a later export in the same place stands for; give the rest, the latest first."""
    places = {(one.host, series(one.path)): (one, why) for one, why in files}
    order = sorted(places.values(), key=lambda one: (str(one[0].at_utc), one[0].path, one[0].evidence_id), reverse=True)
    return [Current(one, why, "" if one.at_utc == order[0][0].at_utc else order[0][0].path) for one, why in order]


def told(files: Iterable[tuple[Snapshot, str]]) -> tuple[str, ...]:
    """Name the evidence that was looked at, with its date and what dates it, in order of date."""
    order = sorted(files, key=lambda one: (str(one[0].at_utc), one[0].path, one[0].evidence_id))
    return tuple(f"{one.path}, {instant(one.at_utc)} ({why})" for one, why in order)


def undated(held: Sequence[Snapshot], last: datetime) -> Finding:
    """Say that no export can be used, and why."""
    if not held:
        return Finding(CheckStatus.UNKNOWN, NOT_HELD)
    names = listed([f"{one.path} ({instant(one.at_utc) if one.at_utc else 'undated'})" for one in held], FILES_MAX)
    why = f"{count(len(held), 'export')} held, none shown to date from after the last act ({instant(last)}): {names}"
    return Finding(CheckStatus.UNKNOWN, why)


def weigh(
    extent: Extent,
    looked: tuple[str, ...],
    pile: Pile,
    unresolved: int = 0,
    *,
    fine: str,
    caveat: str = "",
) -> Finding:
    """Come to a verdict: what is bad fails; what is doubtful, unseen or unnamed leaves it unknown.

    Args:
        extent: how much was looked at.
        looked: evidence looked at.
        pile: what was come upon.
        unresolved: rows of mailboxes that no name leads to.
        fine: what is said where nothing is found.
        caveat: why nothing found is not enough; "" where it is.
    """
    bad, doubtful = pile.bad, pile.doubtful
    asked = f"{extent.seen:,} of {extent.asked:,}" if extent.asked else f"{extent.seen:,} of an unknown number of"
    part = f"looked at {asked} {extent.unit}"
    if extent.share is not None and not extent.whole:
        part += f" ({extent.share * 100:.1f} %), of the others nothing is known"
    if bad:
        why = f"{len(bad)} found: {listed([one.text for one in sorted(bad)])}; {part}"
        return _made(CheckStatus.FAIL, why, bad, extent, looked)
    if doubtful:
        why = f"{len(doubtful)} to be confirmed by whoever knows them: {listed([one.text for one in sorted(doubtful)])}"
        return _made(CheckStatus.UNKNOWN, f"{why}; {part}", doubtful, extent, looked)
    if not extent.whole:
        why = f"{part}; in those {fine}" if extent.seen else part
        return _made(CheckStatus.UNKNOWN, why, (), extent, looked)
    if unresolved:
        why = f"{fine}; {part}, and {count(unresolved, 'name')} in the export that the directory does not know"
        return _made(CheckStatus.UNKNOWN, why, (), extent, looked)
    if caveat:
        return _made(CheckStatus.UNKNOWN, f"{fine}; {part}; {caveat}", (), extent, looked)
    return _made(CheckStatus.PASS, f"{fine}; {part}", (), extent, looked)


def _made(status: CheckStatus, why: str, items: Sequence[Item], extent: Extent, looked: tuple[str, ...]) -> Finding:
    refs = tuple(one.ground for one in sorted(items))[:GROUNDS_MAX]
    return Finding(status, why, refs, None, extent, looked)
