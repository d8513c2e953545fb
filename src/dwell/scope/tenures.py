"""Names that passed from one account to another: who had which when, by the directory exports and their dates.

An address is given to a successor, a renamed account's old name to somebody else. What stays with an account are its
identifiers: SID, GUID of the object, GUID of the mailbox. A name that rows of exports give to accounts with different
identifiers of one sort has several holders. An account name (`p00`) says whose it is within one directory only: rows whose
primary addresses lie in different mail domains are two accounts by it, where no identifier says otherwise.

An export shows who has a name on its day only: a name is somebody's from the first to the last export that shows it so.
Before the first of all it is taken to be the first holder's, after the last the last one's; between two holders, and where
exports have no date, it is not known whose it was.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dwell.scope.words import Name

__all__ = ["ADDRESS", "SID", "Naming", "Tenure", "holder_at", "steps_of", "tenures_of"]

SID = "sid"
"""The sort of identifier that names its domain."""
ADDRESS = "address"
"""The sort that stands in for identifiers where a row has none: the primary address, which can change."""
_ALWAYS = -(2**63)
Step = tuple[int, str | None]
"""From when on, in microseconds since 1970, whose the name is: an identifier, None where it is not known."""


class Naming(NamedTuple):
    """One row of an export.

    Attributes:
        names: names that can pass on, such as addresses.
        identifiers: those of the account, by their sort.
        at_us: when the export was made, microseconds since 1970; None where nothing dates it.
        mail_domain: of the primary address; "" where the row has none.
    """

    names: Sequence[Name]
    identifiers: Mapping[str, str]
    at_us: int | None
    mail_domain: str = ""


@dataclass(slots=True)
class Tenure:
    """What the exports show of one holder of a name.

    Attributes:
        identifiers: the holder's, by their sort.
        first_us: the first export that shows it, microseconds since 1970.
        last_us: the last.
        dated: whether every export that shows it has a date.
        mail_domains: of its primary addresses.
    """

    identifiers: dict[str, set[str]]
    first_us: int
    last_us: int
    dated: bool
    mail_domains: set[str]

    @property
    def holder(self) -> str:
        """Give one identifier that stands for the account."""
        return min(min(held) for held in self.identifiers.values())

    def is_of(self, naming: Naming) -> bool:
        """Say whether a row has an identifier of the holder."""
        return any(one in self.identifiers.get(sort, ()) for sort, one in naming.identifiers.items())

    def may_be_of(self, naming: Naming, *, by_account_name: bool) -> bool:
        """Say whether nothing tells a row from the holder.

        Args:
            naming: the row.
            by_account_name: whether they have no more in common than an account name.

        SIDs tell accounts of one domain apart. Those of two domains are one account that was moved, or a mailbox and the
        account of another forest that uses it. Without SIDs, two identifiers of one sort are two accounts.
        """
        apart = bool(naming.mail_domain and self.mail_domains) and naming.mail_domain not in self.mail_domains
        if by_account_name and apart:
            return False
        mine, other = self.identifiers.get(SID), naming.identifiers.get(SID)
        if mine and other:
            return all(_domain(one) != _domain(other) for one in mine)
        return not (self.identifiers.keys() & naming.identifiers.keys()) - {ADDRESS}

    def take(self, naming: Naming) -> None:
        """Take a row of the same account."""
        for sort, one in naming.identifiers.items():
            self.identifiers.setdefault(sort, set()).add(one)
        self.mail_domains |= {naming.mail_domain} - {""}
        if naming.at_us is None:
            self.dated = False
        else:
            self.first_us, self.last_us = min(self.first_us, naming.at_us), max(self.last_us, naming.at_us)


def _domain(sid: str) -> str:
    return sid.rpartition("-")[0]


def _holder_of(naming: Naming, holders: Sequence[Tenure], *, by_account_name: bool) -> Tenure | None:
    """Give the holder that a row is of; None where it is of another account."""
    found = [one for one in holders if one.is_of(naming)]
    found = found or [one for one in holders if one.may_be_of(naming, by_account_name=by_account_name)]
    return found[0] if len(found) == 1 else None


def tenures_of(rows: Iterable[Naming]) -> Mapping[str, tuple[Tenure, ...]]:
    """Give the names with several holders, by the name's key, each with its holders in order of time."""
    held: dict[str, list[Tenure]] = {}
    ordered = sorted(
        (one for one in rows if one.identifiers),
        key=lambda one: (one.at_us is None, one.at_us or 0, sorted(one.identifiers.values())),
    )
    for row in ordered:
        for name in row.names:
            holders = held.setdefault(name.key, [])
            mine = _holder_of(row, holders, by_account_name=name.kind == "sam")
            if mine is not None:
                mine.take(row)
            else:
                start = row.at_us if row.at_us is not None else _ALWAYS
                found = {sort: {one} for sort, one in row.identifiers.items()}
                holders.append(Tenure(found, start, start, row.at_us is not None, {row.mail_domain} - {""}))
    return {name: tuple(holders) for name, holders in held.items() if len(holders) > 1}


def steps_of(holders: Sequence[Tenure]) -> tuple[Step, ...]:
    """Give from when on a name is whose."""
    if not all(one.dated for one in holders):
        return ((_ALWAYS, None),)
    first, last = min(one.first_us for one in holders), max(one.last_us for one in holders)
    steps: list[Step] = []
    for edge in sorted({_ALWAYS, *(edge for one in holders for edge in (one.first_us, one.last_us + 1))}):
        day = min(max(edge, first), last)
        there = [one for one in holders if one.first_us <= day <= one.last_us]
        whose = there[0].holder if len(there) == 1 else None
        if not steps or steps[-1][1] != whose:
            steps.append((edge, whose))
    return tuple(steps)


def holder_at(steps: Sequence[Step], at_us: int | None) -> str | None:
    """Give the holder at an instant, the last one where none is given; None where it is not known."""
    if at_us is None:
        return steps[-1][1]
    return steps[max(0, bisect_right(steps, at_us, key=lambda one: one[0]) - 1)][1]
