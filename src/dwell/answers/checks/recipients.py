"""Whose a recipient is: what a forwarding or a rule names leads to a mailbox of the organisation, or it is not shown to.

Exports write recipients in many forms: an address, `"Name" [SMTP:address]`, `"Name" [EX:legacy name]`, a place in the
directory, an alias. A mail contact has an address of the organisation's own like a mailbox, and sends on to wherever its
owner likes: so only what leads to a mailbox of the directory export is inside.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from dwell.scope.identities import Identities
from dwell.scope.snapshots import Snapshots

__all__ = ["Recipients", "Target", "is_cut", "not_written_out"]

TOLD_MAX = 100
_BRACKETED = re.compile(r"\[(\w{1,12}):([^\[\]]*)\]")
_QUOTED = re.compile(r'"[^"]*"')
_BREAKS = re.compile(r"[\s\"'<>\[\](){}:;,|=]+")
_ENDS = re.compile(r"[;,\r\n]+")
_WRITTEN_OUT = re.compile(r"(?:deserialized\.)?(?:system|microsoft)\.[\w.`+]+(?:\[.*)?", re.IGNORECASE)
"""What PowerShell writes in place of a list: the name of its class."""
_CUT = re.compile(r"(?:\.{3}|…)\s*(\}?)\s*$")
"""Where a console left out the rest of a list, and put three dots; behind them a bracket where no name was cut in two."""
_ESCAPED = re.compile(r"\\(.)")
_RDN = re.compile(r"(?:\\.|[^,\\])+")
_NAMES = ("PrimarySmtpAddress", "UserPrincipalName", "Alias", "Name", "DistinguishedName")


class Target(NamedTuple):
    """A recipient that is not shown to be a mailbox of the organisation.

    Attributes:
        text: what it is called; what the export has of it.
        outside: whether its address lies outside the organisation; else nobody can say where it leads.
        known_again: whether the text tells it from others, so that an earlier export can be held against it.
    """

    text: str
    outside: bool
    known_again: bool = True

    @property
    def told(self) -> str:
        """Give it in words, with what is not known of it."""
        if self.outside:
            return self.text
        if not self.known_again:
            return f"{self.text} (a list that the export does not write out)"
        return f"{self.text} (no mailbox of the directory export)"


def not_written_out(cell: str | None) -> bool:
    """Say whether a cell holds the class of a list in place of what is in it: that is the same whatever was in it."""
    return bool(_WRITTEN_OUT.fullmatch((cell or "").strip()))


def is_cut(cell: str | None) -> bool:
    """Say whether a console left out the end of a cell, as it does of long lists."""
    return _CUT.search(cell or "") is not None


def _before_the_cut(cell: str) -> str:
    """Give what a cell names for sure: what a console left out is not in it, nor is the name that it cut in two."""
    met = _CUT.search(cell)
    if met is None or met[1]:
        return cell if met is None else cell[: met.start()]
    kept = [*_ENDS.finditer(cell, 0, met.start())]
    return cell[: kept[-1].start()] if kept else ""


def _canonical(name: str) -> str:
    """Give the place in the directory that a distinguished name says, as Exchange writes it."""
    parts = [one.strip().partition("=") for one in _RDN.findall(name)]
    domain = ".".join(value for kind, _, value in parts if kind.lower() == "dc")
    path = [_ESCAPED.sub(r"\1", value) for kind, _, value in parts if kind.lower() != "dc"]
    return "/".join([domain, *reversed(path)])


def _parts(cell: str) -> Iterator[tuple[str, str]]:
    """Give what a cell names: (sort, text); the sort is `smtp`, `ex`, that of another address, or "" of a mere name."""
    brackets = _BRACKETED.findall(cell)
    yield from ((kind.lower(), value.strip()) for kind, value in brackets)
    rest = _BRACKETED.sub(";", cell)
    # beside an address in brackets a text in quotes is a name that its owner gave himself
    rest = _QUOTED.sub(";", rest) if brackets else rest.replace('"', " ")
    rest = rest.strip("{} \t")
    if "@" not in rest:
        yield from [("", rest)] if _BREAKS.sub("", rest) else []
        return
    for piece in _ENDS.split(rest):
        found = [one for one in _BREAKS.split(piece) if "@" in one]
        yield from (("smtp", one) for one in found)
        if not found and _BREAKS.sub("", piece):
            yield "", piece.strip("{} \t")


class Recipients:
    """The mailboxes of a case, by everything that an export may call one.

    Attributes:
        domains: the organisation's own mail domains: those of the addresses of its mailboxes, never those of its guests
            and contacts; empty where no directory export says.
    """

    def __init__(self, identities: Identities, snapshots: Snapshots, mailboxes: Collection[str]) -> None:
        self._identities = identities
        self._mailboxes = frozenset(mailboxes)
        own = identities.domains() if identities.exported else frozenset[str]()
        self.domains = own | {one.rpartition("@")[2].lower() for one in self._mailboxes if "@" in one}
        self._named = self._by_name(snapshots)

    def _by_name(self, snapshots: Snapshots) -> Mapping[str, str]:
        """Give the account that each name and place of the directory leads to, where it leads to one only."""
        found: dict[str, set[str]] = {}
        for one in snapshots.of("directory"):
            for row, _ in snapshots.read(one, _NAMES):
                label = next((self._identities.label(row[name]) for name in _NAMES[:2] if row[name]), None)
                if label is None:
                    continue
                place = row["DistinguishedName"]
                names = (row["Alias"], row["Name"], place, _canonical(place) if place else None)
                for name in names:
                    if name:
                        found.setdefault(name.lower(), set()).add(label)
        return {name: labels.pop() for name, labels in found.items() if len(labels) == 1}

    def _account(self, kind: str, text: str) -> str | None:
        """Give the account that a text leads to; None where it leads to none."""
        lowered = text.lower()
        label = self._named.get(lowered)
        # a place in the directory is only where the export says that it is: the same name stands in other folders too
        if label is None and (kind or "/" not in text or lowered.startswith("/o=")):
            label = self._identities.label(text)
        return label

    def _judged(self, kind: str, text: str) -> Target | None:
        """Judge one recipient; None where it is a mailbox of the organisation."""
        if kind == "smtp":
            text = text.lower().removeprefix("smtp:").rstrip(".")
        label = self._account(kind, text)
        if label in self._mailboxes:
            return None
        address = text if kind == "smtp" else label if label is not None and label in self._identities.accounts else ""
        domain = address.rpartition("@")[2].lower() if "@" in address else ""
        outside = "." in domain and domain not in self.domains and bool(self.domains)
        if kind == "smtp":
            return Target(text[:TOLD_MAX], outside)
        shown = f"[{kind.upper()}:{text}]" if kind else text
        shown = shown if len(shown) <= TOLD_MAX else f"…{shown[-TOLD_MAX:]}"
        return Target(f"{shown} ({address})" if outside else shown, outside, not not_written_out(text))

    def _beyond(self, cell: str) -> Iterable[Target]:
        for kind, text in _parts(cell):
            found = self._judged(kind, text)
            if found is None:
                continue
            pieces = [one.strip() for one in _ENDS.split(text) if one.strip()] if not kind else []
            each = [self._judged(kind, one) for one in pieces] if len(pieces) > 1 else []
            # a name may hold a comma: a list is one only if every part of it is a mailbox
            if not each or any(one is not None for one in each):
                yield found

    def beyond(self, *cells: str | None) -> tuple[Target, ...]:
        """Give what cells name that is not shown to be a mailbox of the organisation, each once, in order of its text."""
        given = [cell.strip() for cell in cells if cell and cell.strip()]
        found = {one for cell in given for one in self._beyond(_before_the_cut(cell))}
        found |= {Target(cell[-TOLD_MAX:], outside=False, known_again=False) for cell in given if is_cut(cell)}
        return tuple(sorted(found))
