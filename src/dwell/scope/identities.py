"""Identities: the many names of one mailbox, linked by the directory export and by rows that name two at once.

Names are joined with union-find. A link is made only by a row of an export or a record that holds both names; nothing is
joined because it looks alike. Where one name leads to two rows of the export the contradiction is kept and shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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
    """

    accounts: dict[str, Account] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    exported: bool = False
    _parent: dict[str, str] = field(default_factory=dict)
    _labels: dict[str, str] = field(default_factory=dict)
    _seen: dict[str | None, str | None] = field(default_factory=dict)

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
            return
        self._parent[b] = a
        if one is None and other is not None:
            self._labels[a] = other

    def add_export(self, rows: Iterable[Mapping[str, str | None]]) -> None:
        """Take the rows of directory exports; rows of one account in two exports become one."""
        for row in rows:
            names = [name for one in _NAME_COLUMNS if (name := _named(one, row.get(one))) is not None]
            for text in _PROXY.findall(row.get("EmailAddresses") or ""):
                found = name_of(text)
                if found is not None:
                    names.append(found)
            if not names:
                continue
            self.exported = True
            held = next((self._labels[root] for one in names if (root := self._root(one.key)) in self._labels), None)
            label = held or names[0].value
            self._labels.setdefault(self._root(names[0].key), label)
            for one in names:
                self._parent.setdefault(one.key, one.key)
                self._link(names[0].key, one.key)
            self._note(label, row)

    def _note(self, label: str, row: Mapping[str, str | None]) -> None:
        before = self.accounts.get(label, Account(label, mailbox=False))
        has_mailbox = bool(row.get("ExchangeGuid") or "mailbox" in (row.get("RecipientTypeDetails") or "").lower())
        self.accounts[label] = Account(
            label,
            before.mailbox or has_mailbox,
            row.get("PasswordLastSet") or before.password_set,
            row.get("RecipientTypeDetails") or before.kind,
        )

    def add_pair(self, first: str | None, second: str | None) -> None:
        """Take two names that one record gives to the same mailbox."""
        a, b = name_of(first), name_of(second)
        if a is not None and b is not None:
            self._link(a.key, b.key)
            self._seen.clear()

    def label(self, text: str | None) -> str | None:
        """Give the name a user or mailbox goes by in every answer; None where the text names nobody."""
        if text not in self._seen:
            self._seen[text] = self._label(text)
        return self._seen[text]

    def _label(self, text: str | None) -> str | None:
        name = name_of(text)
        if name is None:
            return None
        found = self._labels.get(self._root(name.key))
        if found is None and name.kind == "smtp" and name.value.partition("@")[0]:
            found = self._labels.get(self._root(f"guid:{name.value.partition('@')[0]}"))
        if found is not None:
            return found
        return f"{name.domain}\\{name.value}" if name.domain else name.value

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

    def mailboxes(self) -> list[str]:
        """Give the mailboxes of the export, sorted; all accounts with an address where none is marked as one."""
        marked = [one.label for one in self.accounts.values() if one.mailbox]
        found = marked or [label for label in self.accounts if "@" in label]
        return sorted(one for one in found if not self.is_system(one))


def _named(column: str, text: str | None) -> Name | None:
    if text is None or text.startswith("00000000-0000-0000-0000-000000000000"):
        return None
    found = name_of(text)
    if found is not None and column == "SamAccountName":
        return Name("sam", found.value)
    return found
