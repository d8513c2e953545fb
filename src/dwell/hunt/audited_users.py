r"""Whose process it is, as events of Security have it, beside the words that Sysmon and Sigma's rules have for that.

Sysmon's `User` is the account of the new process, `DOMAIN\name`. Security 4688 tells of two accounts, each in fields of its
own: who started it (`Subject…`) and, since version 2 of the event, as whom it runs where that is another (`Target…`).
Programs that read Sigma's rules ask `SubjectUserName`, the bare name. So the place `Audited:User` is that name, the same
with its domain, and both of the second account where there is one; any of them answers a question. The system's own
accounts are called by the computer's name or in the language of the house there: of these the name in English is added.

Source:
    Microsoft's pages on the events 4688 and 4657, and on well-known SIDs; its page on Sysmon, event 1.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.base import Base, Codes
from dwell.hunt.made import Found, Made
from dwell.hunt.patterns import Indices

__all__ = ["PLACES"]

_EVENTS = (4688, 4657)
_ACCOUNTS = (
    ("SubjectUserName", "SubjectDomainName", "SubjectUserSid"),
    ("TargetUserName", "TargetDomainName", "TargetUserSid"),
)
_NOBODY = pa.array(["", "-"], pa.string())
_OWN = pa.array(["S-1-5-18", "S-1-5-19", "S-1-5-20"], pa.string())
_CALLED = pa.array([f"NT AUTHORITY\\{one}" for one in ("SYSTEM", "LOCAL SERVICE", "NETWORK SERVICE")], pa.string())
"""The system's own accounts, and what they are called in English."""


def _users(base: Base) -> Found:
    numbers = base.table["EventID"].combine_chunks().fill_null(0).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(np.isin(numbers, _EVENTS))
    parts = [one for account in _ACCOUNTS for one in _account(base, rows, *account)]
    texts = pa.concat_arrays([values for _, _, values in parts])
    shifts = np.cumsum([0, *(len(values) for _, _, values in parts)])
    at = np.concatenate([mine for mine, _, _ in parts])
    codes = np.concatenate([held + np.int32(shift) for (_, held, _), shift in zip(parts, shifts, strict=False)])
    order = np.argsort(at, kind="stable")
    return at[order], codes[order], texts


def _account(base: Base, rows: Indices, name: str, domain: str, sid: str) -> list[Found]:
    """Give an account's bare name, the name with its domain, and what the system's own is called in English."""
    names, known = _held(base, rows, name)
    domains, houses = _held(base, rows, domain)
    sids, ids = _held(base, rows, sid)
    named, both = np.flatnonzero(names >= 0), np.flatnonzero((names >= 0) & (domains >= 0))
    pairs, codes = np.unique(names[both].astype(np.int64) * len(houses) + domains[both], return_inverse=True)
    whole = pc.binary_join_element_wise(
        houses.take(pa.array(pairs % max(len(houses), 1))), known.take(pa.array(pairs // max(len(houses), 1))), "\\"
    )
    which = pc.index_in(ids, value_set=_OWN).fill_null(-1).to_numpy(zero_copy_only=False)
    to = np.append(which, np.int32(-1))
    own = np.flatnonzero(to[sids] >= 0)
    return [
        (rows[named], names[named], known),
        (rows[both], codes.astype(np.int32), whole),
        (rows[own], to[sids[own]], _CALLED),
    ]


def _held(base: Base, rows: Indices, column: str) -> tuple[Codes, pa.StringArray]:
    """Give a column of some rows as codes, -1 where nobody is named, and its texts."""
    codes, texts = base.codes(column)
    nobody = np.flatnonzero(pc.is_in(texts, value_set=_NOBODY).to_numpy(zero_copy_only=False))
    mine = codes[rows]
    return np.where(np.isin(mine, nobody), np.int32(-1), mine), texts


PLACES: Mapping[str, Made] = {
    "Audited:User": Made((*(one for account in _ACCOUNTS for one in account), "EventID"), _users)
}
"""What is put together here, and how."""
