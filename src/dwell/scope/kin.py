"""Who belongs together: delegates and those whose mail they open, small offices and departments, rights in the directory.

People who belong together share networks and devices for good reasons: an assistant works in the minister's office, a small
team travels together. Strangers do not. So owners behind one client are counted by groups, not by heads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.scope.access import DAY_US, Accesses
from dwell.scope.identities import Identities
from dwell.scope.rollup.fold import paired

__all__ = ["Kin", "kin_of", "units_of"]

SMALL_UNIT = 12
"""A department or an office of more people says little of whether two of them belong together."""
KIN_DAYS = 3
"""On so many days must an account open the mailbox of another before the two are taken to belong together."""
_UNITS = ("Office", "Department")
_RIGHTS = "GrantSendOnBehalfTo"
_NAMES = ("PrimarySmtpAddress", "UserPrincipalName", "SamAccountName")

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Kin:
    """Who belongs together.

    Attributes:
        of: per account code, the number of its group; accounts of no group have one of their own.
        opens: account and mailbox codes of delegates, as one number each (`account * size + mailbox`), sorted.
        size: how many names there are.
    """

    of: Codes
    opens: Codes = field(default_factory=lambda: np.empty(0, np.int64))
    size: int = 0


def _joined(size: int, first: Codes, second: Codes) -> Codes:
    """Give per number the smallest one that a chain of pairs leads to."""
    out = np.arange(size)
    while len(first):
        before = out.copy()
        low = np.minimum(out[first], out[second])
        np.minimum.at(out, first, low)
        np.minimum.at(out, second, low)
        out = out[out]
        if np.array_equal(before, out):
            break
    return out


def kin_of(accesses: Accesses, units: Mapping[str, Sequence[str]] | None = None) -> Kin:
    """Say who belongs together: delegates and those whose mail they open, and small offices and departments.

    Args:
        accesses: all sessions.
        units: offices, departments and rights of the directory: accounts by the name of what they share.
    """
    size = len(accesses.names)
    other = accesses.ok & (accesses.account >= 0) & (accesses.mailbox >= 0) & (accesses.mailbox != accesses.account)
    # from inside only: outside it may be what is to be explained
    other &= accesses.internal
    pair = paired(accesses.account[other], size, accesses.mailbox[other])
    day = accesses.first[other] // DAY_US
    low = int(day.min(initial=0))
    span = int(day.max(initial=0)) - low + 1
    held, days = np.unique(np.unique(pair * span + day - low) // span, return_counts=True)
    held = held[days >= KIN_DAYS]
    owners, opened = np.unique(held // max(size, 1), return_counts=True)
    # who opens many is a service or a help desk: it joins nobody
    close = held[~np.isin(held // max(size, 1), owners[opened >= SMALL_UNIT])]
    first, second = [close // max(size, 1)], [close % max(size, 1)]
    places = {name: place for place, name in enumerate(accesses.names)}
    for members in (units or {}).values():
        known = np.array(sorted({places[one] for one in members if one in places}), np.int64)
        if 1 < len(known) <= SMALL_UNIT:
            first.append(known[:-1])
            second.append(known[1:])
    return Kin(_joined(size, np.concatenate(first), np.concatenate(second)), held, size)


def units_of(archive: Archive, identities: Identities) -> dict[str, list[str]]:
    """Give who shares an office, a department or a right to send, by directory exports: accounts by what they share.

    Args:
        archive: the archive.
        identities: names.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out: dict[str, set[str]] = {}
    rows = [read_rows(file, (*_NAMES, *_UNITS, _RIGHTS)) for file in archive.files("directory")]
    for row in pa.concat_tables(rows).to_pylist() if rows else []:
        label = next((found for one in _NAMES if (found := identities.label(row[one])) is not None), None)
        if label is None:
            continue
        for column in _UNITS:
            if row[column]:
                out.setdefault(f"{column}: {row[column].strip().lower()}", set()).add(label)
        for name in filter(None, (one.strip() for one in (row[_RIGHTS] or "").strip("{}").split(";"))):
            other = identities.of_full_name(name.rpartition("/")[2]) or identities.label(name)
            if other is not None:
                out.setdefault(f"{_RIGHTS}: {label} {other}", set()).update((label, other))
    return {name: sorted(members) for name, members in sorted(out.items())}
