"""Which hosts hold records of which kind, and from when to when: data file by data file.

It does not depend on what rules ask of the records, only on which kinds of record there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_rows
from dwell.hunt.columnvalues import values_of
from dwell.hunt.patterns import Indices
from dwell.hunt.recordkinds import EVENT_ID, RecordKinds
from dwell.hunt.ruleset import Where
from dwell.intake.tables import specs

__all__ = ["ANY", "Holder", "holders"]

ANY = -1
"""Stands for records of any kind where kinds of record are numbered."""
_HOST, _TIME = "host", "time_utc"
_NEVER = 2**63 - 1
_AT_ONCE = 8
"""Columns that are read at once."""


class Holder(msgspec.Struct, frozen=True, array_like=True):
    """A host that holds records of one kind in one data file.

    Attributes:
        host: its name; "" where the records name none.
        first_us: their first instant, microseconds since 1970 in UTC; None where none has one.
        last_us: the last.
        lacks: columns in which none of its records of the kind holds anything, while those of another host here do.
        events: the event ids of its records, where they have one and the kind is of several events.
    """

    host: str
    first_us: int | None
    last_us: int | None
    lacks: tuple[str, ...] = ()
    events: tuple[int, ...] = ()


def holders(file: DataFile, wheres: Sequence[Where]) -> list[list[Holder]]:
    """Give the hosts that hold records of each of some kinds, by name.

    Raises:
        CustodyError: the file is not what was written.
    """
    spec = specs()[file.table]
    told = RecordKinds.columns(wheres)
    numbered = [EVENT_ID] if EVENT_ID in spec.schema.names and EVENT_ID not in told else []
    rows = _read(file, [*told, *numbered, _HOST, *([_TIME] if told else [])])
    kinds = RecordKinds(rows, dict(enumerate(wheres)), [_HOST, *numbered])
    if not told and kinds.size == 1 and _TIME in spec.schema.names:
        first = np.array([_NEVER if file.staged.first_us is None else file.staged.first_us], np.int64)
        last = np.array([-_NEVER if file.staged.last_us is None else file.staged.last_us], np.int64)
    else:
        first, last = _spans(rows if told else _read(file, [_HOST, _TIME]), kinds)
    names, codes = kinds.texts(_HOST)
    whole = [*names.to_pylist(), ""]
    sorts = [np.flatnonzero(kinds.of(at) & (kinds.rows > 0)) for at in range(len(wheres))]
    shared = [at for at, one in enumerate(wheres) if one.uniform and len(np.unique(codes[sorts[at]])) > 1]
    lacks = _lacking(file, kinds, codes, {at: sorts[at] for at in shared}) if shared else {}
    ids = kinds.texts(EVENT_ID) if EVENT_ID in kinds.names else None
    return [
        _of(whole, codes, first, last, mine, lacks.get(at, {}), None if wheres[at].uniform else ids)
        for at, mine in enumerate(sorts)
    ]


def _lacking(
    file: DataFile, kinds: RecordKinds, codes: Indices, shared: Mapping[int, Indices]
) -> dict[int, dict[int, list[str]]]:
    """Give by kind and host the columns in which the host's records hold nothing, and those of others do.

    Only columns that some rows have and others have not are read, and only where hosts share a data file.
    """
    known = values_of(file)
    nulls = {one: known.nulls(one) for one in specs()[file.table].schema.names}
    unsure = [one for one, held in nulls.items() if held is None or 0 < held < file.staged.rows]
    out: dict[int, dict[int, list[str]]] = {at: {} for at in shared}
    for start in range(0, len(unsure), _AT_ONCE):
        part = _read(file, unsure[start : start + _AT_ONCE])
        for name in part.column_names:
            right = pc.is_valid(part[name]).to_numpy()
            held = np.bincount(kinds.sorts[right], minlength=kinds.size) > 0
            for at, sorts in shared.items():
                with_some = set(codes[sorts[held[sorts]]].tolist())
                for code in set(codes[sorts].tolist()) - with_some if with_some else ():
                    out[at].setdefault(code, []).append(name)
    return out


def _read(file: DataFile, wanted: Sequence[str]) -> pa.Table:
    spec = specs()[file.table]
    names = [one for one in spec.schema.names if one in set(wanted)]
    return read_rows(file, names, dictionary=[one for one in names if one in spec.lexicon or one == _HOST])


def _spans(rows: pa.Table, kinds: RecordKinds) -> tuple[Indices, Indices]:
    """Give the first and the last instant of each sort."""
    first, last = np.full(kinds.size, _NEVER, np.int64), np.full(kinds.size, -_NEVER, np.int64)
    times = rows[_TIME].cast(pa.int64())
    known = pc.is_valid(times).to_numpy()
    at, sorts = times.drop_null().to_numpy(), kinds.sorts[known]
    np.minimum.at(first, sorts, at)
    np.maximum.at(last, sorts, at)
    return first, last


def _of(
    names: Sequence[str],
    codes: Indices,
    first: Indices,
    last: Indices,
    sorts: Indices,
    lacks: Mapping[int, Sequence[str]],
    events: tuple[pa.Array, Indices] | None,
) -> list[Holder]:
    """Give the hosts of some sorts, by what each of them lacks, with their events where those are asked for."""
    out = []
    for code in np.unique(codes[sorts]).tolist():
        mine = sorts[codes[sorts] == code]
        earliest, latest = int(first[mine].min()), int(last[mine].max())
        first_us, last_us = (None, None) if earliest == _NEVER else (earliest, latest)
        held: tuple[int, ...] = ()
        if events is not None:
            used = np.unique(events[1][mine])
            held = tuple(sorted(map(int, events[0].take(pa.array(used[used >= 0])).to_pylist())))
        out.append(Holder(names[code], first_us, last_us, tuple(lacks.get(code, ())), held))
    return sorted(out, key=lambda one: one.host)
