"""What every check of a state is made of: which exports date from after the last act, whose they are, what is left open."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from dwell.answers.checks.in_use import in_use
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
    "Finding",
    "Item",
    "PerMailbox",
    "Scene",
    "undated",
    "weigh",
]

GROUNDS_MAX = 10
NO_LOG = "no log able to show it is held"
NOT_HELD = "no such export is held"
FILES_MAX = 4
TRUE = frozenset({"true", "$true", "1"})
"""How exports of PowerShell write yes, in lower case."""
_ADDRESS = re.compile(r"[^\s\"'<>\[\]:;,|=]+@[^\s\"'<>\[\]:;,|=]+\.[^\s\"'<>\[\]:;,|=]+")
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


@dataclass(frozen=True, slots=True)
class PerMailbox:
    """What exports of one kind say, mailbox by mailbox.

    Attributes:
        held: every file of the kind.
        used: the files dated after the last act that rows were taken from, with what dates each.
        after: rows of the latest file that asked for a mailbox, dated after the last act.
        before: rows of the latest file dated before the first act.
        unresolved: mailboxes that no name of the directory leads to.
    """

    held: tuple[Snapshot, ...]
    used: tuple[str, ...]
    after: Mapping[str, list[tuple[Row, RecordRef]]]
    before: Mapping[str, list[tuple[Row, RecordRef]]]
    unresolved: int


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
        if not self.case.identities.exported:
            return frozenset()
        exposed = {one.mailbox for one in self.case.exposed if not self.case.identities.is_system(one.mailbox)}
        return frozenset(self.case.identities.mailboxes()) | (exposed & self.touched) | in_use(self.case)

    @cached_property
    def domains(self) -> frozenset[str]:
        """Give the organisation's own mail domains."""
        names = self.case.identities.accounts
        return frozenset(one.rpartition("@")[2] for one in names if "@" in one)

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
        if label in self.case.identities.accounts or label in self.touched:
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

    def outside(self, *texts: str | None) -> list[str]:
        """Give the addresses among texts that lie outside the organisation; none where its domains are not known."""
        found = {one.rstrip(".").lower() for text in texts if text for one in _ADDRESS.findall(text)}
        return sorted(one.removeprefix("smtp:") for one in found if one.rpartition("@")[2] not in self.domains)

    def after(self, table: str, kind: str = "") -> list[tuple[Snapshot, str]]:
        """Give the files of a table that date from after the last act, with what dates each."""
        return [(one, why) for one in self.case.snapshots.of(table, kind) if (why := one.after(self.last))]

    def before(self, table: str, kind: str = "") -> list[Snapshot]:
        """Give the files of a table that date from before the first act."""
        return [one for one in self.case.snapshots.of(table, kind) if one.before(self.first)]

    def per_mailbox(self, table: str, kind: str, columns: Sequence[str]) -> PerMailbox:
        """Sort the rows of exports by mailbox, the latest export that asked for a mailbox before the others."""
        unresolved: set[str] = set()

        def rows(files: Sequence[Snapshot]) -> dict[str, list[tuple[Row, RecordRef]]]:
            out: dict[str, list[tuple[Row, RecordRef]]] = {}
            known: dict[tuple[str | None, ...], str | None] = {}
            named = (*_OWNER, *columns) if table == "exports" else (*_NAMES, *columns)
            for one in files:
                mine: dict[str, list[tuple[Row, RecordRef]]] = {}
                for row, ref in self.case.snapshots.read(one, tuple(dict.fromkeys(named)), kind):
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
                out |= mine
            return out

        dated = self.after(table, kind)
        return PerMailbox(
            tuple(self.case.snapshots.of(table, kind)),
            told(dated),
            rows([one for one, _ in dated]),
            rows(self.before(table, kind)),
            len(unresolved),
        )

    def extent(self, seen: Collection[str]) -> Extent:
        """Say how many of all mailboxes were looked at."""
        return Extent(len(set(seen) & self.mailboxes), len(self.mailboxes), "mailboxes")


Check = Callable[[Scene], Sequence[Finding]]
"""A check: gives one finding, or one for each thing it is about."""


def told(files: Sequence[tuple[Snapshot, str]]) -> tuple[str, ...]:
    """Name the evidence that was looked at, with its date and what dates it."""
    return tuple(f"{one.path}, {instant(one.at_utc)} ({why})" for one, why in files)


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
    bad: Sequence[Item],
    doubtful: Sequence[Item],
    unresolved: int = 0,
    *,
    fine: str,
    caveat: str = "",
) -> Finding:
    """Come to a verdict: what is bad fails; what is doubtful, unseen or unnamed leaves it unknown.

    Args:
        extent: how much was looked at.
        looked: evidence looked at.
        bad: what must not be there.
        doubtful: what only somebody who knows the organisation can judge.
        unresolved: rows of mailboxes that no name leads to.
        fine: what is said where nothing is found.
        caveat: why nothing found is not enough; "" where it is.
    """
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
