"""Identities: the many names of one mailbox, linked by the directory export and by rows that name two at once.

Names are joined with union-find. A link is made only by a row of an export or a record that holds both names; nothing is
joined because it looks alike. Where one name leads to two rows of the export the contradiction is kept and shown. A name
that passed from one account to another joins neither: it leads to whoever had it at the time (`tenures`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dwell.model.instants import utc_from_us
from dwell.scope.presence import Presence, presence_of
from dwell.scope.tenures import ADDRESS, SID, Naming, Step, Tenure, holder_at, steps_of, tenures_of
from dwell.scope.words import Name, name_of

__all__ = ["Account", "Identities"]

_SYSTEM = re.compile(
    r"^(?:nt authority|nt service|window manager|font driver host)$|^(?:system|local service|network service)$|\$$|"
    r"^s-1-5-(?:18|19|20)$|^healthmailbox[0-9a-f-]*(?:@|$)|^sm_[0-9a-f]{12,}(?:@|$)|"
    r"^(?:systemmailbox|federatedemail|discoverysearchmailbox|migration)[. ]?\{?[0-9a-f]{8}-",
    re.IGNORECASE,
)
_PROXY = re.compile(r"(?i)\bsmtp:([^\s,;'\"}]+)")
_NAME_COLUMNS = (
    "PrimarySmtpAddress", "UserPrincipalName", "WindowsEmailAddress", "SamAccountName", "ExchangeGuid", "ArchiveGuid",
    "Guid", "ObjectGUID", "SID", "ObjectSid", "LegacyExchangeDN",
)  # fmt: skip
_IDENTIFIERS = {
    "ExchangeGuid": "mailbox", "Guid": "object", "ObjectGUID": "object", "SID": SID, "ObjectSid": SID,
}  # fmt: skip
"""Columns that stay with an account, by their sort: two of one sort are two accounts."""
_KINDS_OF_LIST = (*_NAME_COLUMNS, "RecipientTypeDetails", "PasswordLastSet", "Enabled")
"""Columns by which exports are told apart by the command that made them."""


@dataclass(frozen=True, slots=True)
class Account:
    """What a directory export says of one account.

    Attributes:
        label: the name it goes by in every answer: primary address, else principal name, else account name.
        mailbox: whether the export says that it has a mailbox.
        password_set: `PasswordLastSet` as written; "" where the export has none.
        kind: `RecipientTypeDetails`, "" where unknown.
    """

    label: str
    mailbox: bool
    password_set: str = ""
    kind: str = ""


@dataclass(slots=True)
class Identities:
    """All names known in the case.

    Attributes:
        accounts: accounts of the directory export, by label.
        contradictions: names that lead to two accounts, in words.
        exported: whether there is a directory export at all.
        shown: what the rows of the exports show of each account, by label; in no order.
        exports: the columns that each export fills, by its evidence id.
        steady: accounts to which an export gives an identifier that stays with them.
    """

    accounts: dict[str, Account] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    exported: bool = False
    shown: dict[str, list[Presence]] = field(default_factory=dict)
    exports: dict[str, set[str]] = field(default_factory=dict)
    steady: set[str] = field(default_factory=set)
    _full_names: dict[str, set[str]] = field(default_factory=dict)
    _passed: dict[str, tuple[Tenure, ...]] = field(default_factory=dict)
    _steps: dict[str, tuple[Step, ...]] = field(default_factory=dict)
    _parent: dict[str, str] = field(default_factory=dict)
    _labels: dict[str, str] = field(default_factory=dict)
    _seen: dict[str | None, str | None] = field(default_factory=dict)
    _contested: set[str] = field(default_factory=set)

    def _root(self, key: str) -> str:
        found = key
        while (above := self._parent.get(found, found)) != found:
            found = above
        while (above := self._parent.get(key, key)) != key:
            self._parent[key] = found
            key = above
        return found

    def _link(self, first: str, second: str) -> None:
        a, b = self._root(first), self._root(second)
        if a == b:
            return
        one, other = self._labels.get(a), self._labels.get(b)
        if one is not None and other is not None and one != other:
            self.contradictions.append(f"{second} names both {one} and {other}")
            self._contested |= {one, other}
            return
        self._parent[b] = a
        if one is None and other is not None:
            self._labels[a] = other

    def add_export(self, rows: Iterable[Mapping[str, str | None]], made_us: Sequence[int | None] | None = None) -> None:
        """Take the rows of all directory exports; rows of one account in two exports become one.

        Args:
            rows: the rows.
            made_us: when the export of each row was made, microseconds since 1970; None where nothing dates it.
        """
        held = list(rows)
        dates = made_us if made_us is not None else [None] * len(held)
        named = [_names(row) for row in held]
        namings = [_naming(*one) for one in zip(held, named, dates, strict=True)]
        self._passed = dict(tenures_of(namings))
        self._steps = {name: steps_of(holders) for name, holders in self._passed.items()}
        # the newest first: an account goes by the name that it has now
        order = sorted(range(len(held)), key=lambda one: (dates[one] is None, -(dates[one] or 0)))
        for one in order:
            self._add_row(held[one], named[one], namings[one])
        self._seen.clear()

    def _add_row(self, row: Mapping[str, str | None], names: Sequence[Name], naming: Naming) -> None:
        if not names:
            return
        self.exported = True
        own = [one for one in names if one.key not in self._passed]
        held = next((self._labels[root] for one in own if (root := self._root(one.key)) in self._labels), None)
        label = held or self._own_label(names[0], naming)
        if own:
            self._labels.setdefault(self._root(own[0].key), label)
        for one in own:
            self._parent.setdefault(one.key, one.key)
            self._link(own[0].key, one.key)
        self._note(label, row)
        shown = presence_of(row, naming.at_us)
        self.shown.setdefault(label, []).append(shown)
        self.exports.setdefault(shown.evidence_id, set()).update(one for one in _KINDS_OF_LIST if row.get(one))
        if naming.identifiers.keys() - {ADDRESS}:
            self.steady.add(label)
        if full := (row.get("Name") or "").strip().lower():
            self._full_names.setdefault(full, set()).add(label)

    def _own_label(self, name: Name, naming: Naming) -> str:
        """Give what an account goes by: its first name, with its identifier where the name is another's by now."""
        holders = self._passed.get(name.key, ())
        mine = set(naming.identifiers.values())
        if not holders or holder_at(self._steps[name.key], None) in mine:
            return name.value
        return f"{name.value} (account {min(mine, default='without an identifier')})"

    def _note(self, label: str, row: Mapping[str, str | None]) -> None:
        before = self.accounts.get(label, Account(label, mailbox=False))
        has_mailbox = bool(row.get("ExchangeGuid") or "mailbox" in (row.get("RecipientTypeDetails") or "").lower())
        self.accounts[label] = Account(
            label,
            before.mailbox or has_mailbox,
            before.password_set or row.get("PasswordLastSet") or "",
            before.kind or row.get("RecipientTypeDetails") or "",
        )

    def add_pair(self, first: str | None, second: str | None) -> None:
        """Take two names that one record gives to the same mailbox; a name that passed on says nothing without its time."""
        a, b = name_of(first), name_of(second)
        if a is not None and b is not None and not {a.key, b.key} & self._passed.keys():
            self._link(a.key, b.key)
            self._seen.clear()

    def label(self, text: str | None, at_us: int | None = None) -> str | None:
        """Give the name a user or mailbox goes by in every answer; None where the text names nobody.

        Args:
            text: a name as a log writes it.
            at_us: when, microseconds since 1970; without it a name that passed on is its last holder's.
        """
        if at_us is not None and self._steps and (name := name_of(text)) is not None and name.key in self._steps:
            return self._held(name, holder_at(self._steps[name.key], at_us))
        if text not in self._seen:
            self._seen[text] = self._label(text)
        return self._seen[text]

    def settled(self) -> dict[str, str]:
        """Give whose each name is, by its key, where that is so at any time and nothing held says otherwise.

        Left out are names that passed on, all names of those who had one, and of accounts that one name leads to both.
        """
        unsure = self._contested | {
            label
            for holders in self._passed.values()
            for one in holders
            if (label := self._labels.get(self._root(one.holder))) is not None
        }
        whose = {key: self._labels.get(self._root(key)) for key in {*self._parent, *self._labels}}
        return {key: label for key, label in whose.items() if label is not None and label not in unsure}

    def labels_over_time(self, text: str | None) -> tuple[tuple[int, str], ...]:
        """Give from when on, in microseconds since 1970, a name that passed on leads to whom; nothing for all others."""
        name = name_of(text) if self._steps else None
        if name is None:
            return ()
        return tuple((since, self._held(name, one)) for since, one in self._steps.get(name.key, ()))

    def passed_on(self) -> tuple[str, ...]:
        """Say of each name that passed on who is shown to have had it, and when; in order of the names."""
        out = []
        for key, holders in sorted(self._passed.items()):
            value = key.partition(":")[2]
            name = Name(key.partition(":")[0], value)
            told = [(self._held(name, one.holder), _shown(one)) for one in holders]
            # rows that another name joins are one account after all
            if len({label for label, _ in told}) > 1:
                out.append(f"{value}: {', then '.join(f'{label} ({shown})' for label, shown in told)}")
        return tuple(out)

    def _held(self, name: Name, holder: str | None) -> str:
        """Give the label of a name's holder."""
        if holder is None:
            return f"{name.value} (one of {len(self._passed[name.key])} accounts)"
        return self._labels.get(self._root(holder), name.value)

    def _label(self, text: str | None) -> str | None:
        name = name_of(text)
        if name is None:
            return None
        if name.key in self._steps:
            return self._held(name, holder_at(self._steps[name.key], None))
        found = self._labels.get(self._root(name.key))
        if found is None and name.kind == "smtp" and name.value.partition("@")[0]:
            found = self._labels.get(self._root(f"guid:{name.value.partition('@')[0]}"))
        if found is not None:
            return found
        return f"{name.domain}\\{name.value}" if name.domain else name.value

    def of_full_name(self, text: str) -> str | None:
        """Give the account whose full name (`Name`, the last part of its place in the directory) only it has."""
        found = self._full_names.get(text.strip().lower(), set())
        return next(iter(found)) if len(found) == 1 else None

    def is_system(self, text: str | None) -> bool:
        """Say whether a name is the system's own: a computer, a service of Windows, a health probe."""
        name = name_of(text)
        if name is None:
            return False
        return bool(_SYSTEM.search(name.value) or _SYSTEM.search(name.domain))

    def has_no_mailbox(self, label: str) -> bool:
        """Say whether the directory knows an account and, telling mailboxes, tells none of it: a service's, mostly."""
        found = self.accounts.get(label)
        return found is not None and not found.mailbox and any(one.mailbox for one in self.accounts.values())

    def domains(self) -> frozenset[str]:
        """Give the domains of the addresses of mailboxes, all that they go by, in small letters."""
        own = set(self.mailboxes())
        keys = [
            one
            for one in {*self._parent, *self._labels}
            if one.startswith("smtp:") and self._labels.get(self._root(one)) in own
        ]
        return frozenset(one.rpartition("@")[2].lower() for one in keys)

    def mailboxes(self) -> list[str]:
        """Give the mailboxes of the export, sorted; all accounts with an address where none is told to be one.

        What is told to be something else, a guest or a contact, is none.
        """
        marked = [one.label for one in self.accounts.values() if one.mailbox]
        found = marked or [label for label, one in self.accounts.items() if "@" in label and not one.kind]
        return sorted(one for one in found if not self.is_system(one))


def _shown(one: Tenure) -> str:
    """Say when exports show a holder."""
    if not one.dated:
        return "by an export without a date"
    first, last = (utc_from_us(at).date().isoformat() for at in (one.first_us, one.last_us))
    return f"{first}" if first == last else f"{first} to {last}"


def _names(row: Mapping[str, str | None]) -> list[Name]:
    """Give all names in a row of an export, the one that it goes by first."""
    names = [name for one in _NAME_COLUMNS if (name := _named(one, row.get(one))) is not None]
    return names + [
        name for text in _PROXY.findall(row.get("EmailAddresses") or "") if (name := name_of(text)) is not None
    ]


def _naming(row: Mapping[str, str | None], named: Sequence[Name], at_us: int | None) -> Naming:
    """Give what a row of an export says of names that can pass on."""
    found = {sort: name.key for one, sort in _IDENTIFIERS.items() if (name := _named(one, row.get(one))) is not None}
    steady = {"guid", "sid"}
    names = list(dict.fromkeys(one for one in named if one.kind not in steady))
    identifiers = {sort: key for sort, key in found.items() if key.partition(":")[0] in steady}
    primary = _named("PrimarySmtpAddress", row.get("PrimarySmtpAddress"))
    if primary is None or primary.kind != "smtp":
        return Naming(names, identifiers, at_us)
    return Naming(names, identifiers or {ADDRESS: primary.key}, at_us, primary.value.rpartition("@")[2])


def _named(column: str, text: str | None) -> Name | None:
    if text is None or text.startswith("00000000-0000-0000-0000-000000000000"):
        return None
    found = name_of(text)
    if found is not None and column == "SamAccountName":
        return Name("sam", found.value)
    return found
