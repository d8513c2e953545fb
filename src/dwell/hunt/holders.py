"""Which hosts hold records of which kind, and from when to when: data file by data file.

It does not depend on what rules ask of the records, only on which kinds of record there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import ColumnReader, DataFile
from dwell.archive.lexicon import coded
from dwell.archive.spec import EVIDENCE_ID
from dwell.hunt.base import Base, Rows
from dwell.hunt.columnvalues import values_of
from dwell.hunt.daysheld import DAY_US, ENOUGH, STATED, DayCells, days_told, runs_unrecorded
from dwell.hunt.patterns import Indices
from dwell.hunt.recordkinds import EVENT_ID, RecordKinds
from dwell.hunt.ruleset import Where
from dwell.intake.tables import specs

__all__ = ["ANY", "Holder", "holders", "log_kinds"]

ANY = -1
"""Stands for records of any kind where kinds of record are numbered."""
_HOST, _TIME = "host", "time_utc"
_NEVER = 2**63 - 1
_TOLD_APART = (EVENT_ID, "Provider", "Channel")
"""What tells one event from another."""
_AT_ONCE = 8
"""Columns that are read at once."""
NAMES_MAX = 4_096
"""Of a map whose keys have more names than that none is told apart by host and day: no event has so many."""
_ALIKE = frozenset({"evtx"})
"""Tables whose kinds of record that have the same fields are events of one id."""
_GIVEN = frozenset({EVIDENCE_ID.name, "record_no", _TIME, _HOST})
"""Columns that are no fields of a record."""


class Holder(msgspec.Struct, frozen=True, array_like=True):
    """A host that holds records of one kind in one data file.

    Attributes:
        host: its name; "" where the records name none.
        first_us: their first instant, microseconds since 1970 in UTC; None where none has one.
        last_us: the last.
        lacks: columns, and keys of maps (`EventData:image`, in lower case), in which none of its records of the kind holds
            anything, while those of another host here do.
        events: event id, provider and channel of its records, "" for what is not said; where they have an id, and the
            kind is of several events.
        days: days since 1970 in UTC with such records, and how many each has; see `dwell.hunt.daysheld`.
        dark: columns and keys as in `lacks`, each with the days on which it was not recorded, though it was on others.
        spans: of a kind that is a whole log the evidence files, each with its first and its last day here.
    """

    host: str
    first_us: int | None
    last_us: int | None
    lacks: tuple[str, ...] = ()
    events: tuple[tuple[int, str, str], ...] = ()
    days: bytes = b""
    dark: tuple[tuple[str, bytes], ...] = ()
    spans: bytes = b""


def log_kinds(wheres: Sequence[Where]) -> list[Where]:
    """Give the logs that some kinds of event are of, each as a kind of its own: one for each set of channels."""
    parts = {(one.table, one.channels) for one in wheres if one.channels}
    return [Where(table, channels, uniform=False) for table, channels in sorted(parts)]


def holders(file: DataFile, wheres: Sequence[Where]) -> list[list[Holder]]:
    """Give the hosts that hold records of each of some kinds, by name.

    Raises:
        CustodyError: the file is not what was written.
    """
    return _Held(file, wheres).told()


class _Held:
    """Who holds what in one data file."""

    def __init__(self, file: DataFile, wheres: Sequence[Where]) -> None:
        self._file = file
        self._wheres = wheres
        self._spec = specs()[file.table]
        told = RecordKinds.columns(wheres)
        names = self._spec.schema.names
        numbered = [one for one in _TOLD_APART if EVENT_ID in names and one in names and one not in told]
        day = _only_day(file)
        timed = _TIME in names and (bool(told) or day is None)
        maps = [one.name for one in self._spec.schema if pa.types.is_map(one.type)]
        coded_too = [*self._spec.lexicon, _HOST, EVIDENCE_ID.name, *(maps if file.table in _ALIKE else [])]
        self._reader = ColumnReader(file, coded_too)
        rows = self._read([*told, *numbered, _HOST, EVIDENCE_ID.name, *([_TIME] if timed else [])])
        self._kinds = RecordKinds(rows, dict(enumerate(wheres)), [_HOST, *numbered])
        self._hosts, self._codes = self._kinds.texts(_HOST)
        self._cells = DayCells(self._kinds, rows[_TIME] if timed and day is None else None, day)
        if not told and self._kinds.size == 1 and _TIME in names:
            self._first = np.array([_NEVER if file.staged.first_us is None else file.staged.first_us], np.int64)
            self._last = np.array([-_NEVER if file.staged.last_us is None else file.staged.last_us], np.int64)
        else:
            self._first, self._last = _spans(rows if timed else self._read([_TIME]), self._kinds)
        self._sorts = [np.flatnonzero(self._kinds.of(at) & (self._kinds.rows > 0)) for at in range(len(wheres))]
        self._groups = [self._by_host(mine) for mine in self._sorts]
        self._evidence = coded(rows[EVIDENCE_ID.name])
        self._lacks: dict[int, dict[int, list[str]]] = {at: {} for at in range(len(wheres))}
        self._dark: dict[int, dict[int, list[tuple[str, bytes]]]] = {at: {} for at in range(len(wheres))}

    def _by_host(self, sorts: Indices) -> list[tuple[int, Indices, Indices]]:
        """Give the hosts of some sorts by code, each with its sorts and its rows by day."""
        codes = self._codes[sorts]
        mine = [(code, sorts[codes == code]) for code in np.unique(codes).tolist()]
        return [(code, some, self._cells.counts[some].sum(axis=0)) for code, some in mine]

    def _read(self, wanted: Sequence[str]) -> pa.Table:
        return self._reader.read([one for one in self._spec.schema.names if one in set(wanted)])

    def told(self) -> list[list[Holder]]:
        """Give the hosts of each kind."""
        uniform = [at for at, one in enumerate(self._wheres) if one.uniform and len(self._sorts[at])]
        if uniform:
            self._tell_columns(uniform)
            self._tell_keys(uniform)
        is_told = self._kinds.names.issuperset(_TOLD_APART)
        pairs = self._cells.spans(self._evidence)
        digests = _digests(self._evidence.dictionary)
        whole = [*self._hosts.to_pylist(), ""]
        out = []
        for at, groups in enumerate(self._groups):
            kind = self._wheres[at]
            is_log = not (kind.event_ids or kind.other_ids or kind.only)
            found = []
            for code, sorts, days in groups:
                earliest, latest = int(self._first[sorts].min()), int(self._last[sorts].max())
                first_us, last_us = (None, None) if earliest == _NEVER else (earliest, latest)
                holder = Holder(
                    whole[code],
                    first_us,
                    last_us,
                    tuple(self._lacks[at].get(code, ())),
                    () if kind.uniform or not is_told else _events(self._kinds, sorts),
                    days_told(self._cells.days, days),
                    tuple(self._dark[at].get(code, ())),
                    _evidence_spans(pairs, digests, sorts) if is_log else b"",
                )
                found.append(holder)
            out.append(sorted(found, key=lambda one: one.host))
        return out

    def _is_shared(self, at: int) -> bool:
        """Say whether records of a kind are of several hosts."""
        return len(self._groups[at]) > 1

    def _may_show_days(self, uniform: Sequence[int]) -> bool:
        """Say whether there are enough events of some kind, host and days for the lack of a field to show anything."""
        return self._file.table in _ALIKE and any(
            np.count_nonzero(counts) > 1 and counts.sum() >= 2 * ENOUGH
            for at in uniform
            for _, _, counts in self._groups[at]
        )

    def _tell_columns(self, uniform: Sequence[int]) -> None:
        """Note the columns in which a host's records hold nothing, all of them or those of some days.

        Only columns that some rows have and others have not are read, and only where hosts share a data file, or days are
        told apart by it.
        """
        shared = [at for at in uniform if self._is_shared(at)]
        stated = STATED.get(self._file.table, frozenset())
        several = len(self._cells.days) > 1
        if not shared and not (several and bool(stated)) and not self._may_show_days(uniform):
            return
        known = values_of(self._file)
        nulls = {one: known.nulls(one) for one in self._spec.schema.names}
        unsure = [one for one, held in nulls.items() if held is None or 0 < held < self._file.staged.rows]
        unsure = [one for one in unsure if one not in _GIVEN and not known.is_bare(one)]
        if not shared:
            unsure = [one for one in unsure if one in stated or self._file.table in _ALIKE]
        for start in range(0, len(unsure), _AT_ONCE):
            part = self._read(unsure[start : start + _AT_ONCE])
            for name in part.column_names:
                right = pc.is_valid(part[name]).to_numpy()
                rows = np.bincount(self._kinds.sorts[right], minlength=self._kinds.size)
                days = self._cells.of(right) if several and (name in stated or self._file.table in _ALIKE) else None
                self._note(name, uniform, rows, days)

    def _tell_keys(self, uniform: Sequence[int]) -> None:
        """Note the keys of maps of events in which a host's records hold nothing, all of them or those of some days."""
        if self._file.table not in _ALIKE:
            return
        if not any(self._is_shared(at) for at in uniform) and not self._may_show_days(uniform):
            return
        meant = np.zeros(self._kinds.size, np.bool_)
        for at in uniform:
            meant[self._sorts[at]] = True
        rows = np.flatnonzero(meant[self._kinds.sorts])
        for column in (one for one in self._spec.schema if pa.types.is_map(one.type)):
            found = self._read([column.name])[column.name].take(pa.array(rows))
            base = Base(Rows.of(pa.table({column.name: found})))
            if base.is_bare(column.name):
                continue
            entries = base.entries(column.name)
            if len(entries.names()) > NAMES_MAX:
                continue
            for name in entries.names():
                mine = entries.rows[entries.places(name)]
                # a record that has a name twice has it; rows are in order
                held = rows[mine[np.flatnonzero(np.diff(mine, prepend=-1))]]
                counts = np.bincount(self._kinds.sorts[held], minlength=self._kinds.size)
                self._note(f"{column.name}:{name}", uniform, counts, self._cells.of(held))

    def _note(self, name: str, uniform: Sequence[int], rows: Indices, days: Indices | None) -> None:
        """Note of each kind and host whether its records hold something in a place, and on which days they do not.

        Args:
            name: the place.
            uniform: the kinds.
            rows: by sort the rows that hold something.
            days: the same by sort and day; None where days are not told apart.
        """
        is_stated = name in STATED.get(self._file.table, ())
        for at in uniform:
            if not rows[self._sorts[at]].any():
                continue
            for code, mine, counts in self._groups[at]:
                if not rows[mine].any():
                    self._lacks[at].setdefault(code, []).append(name)
                elif days is not None:
                    held = days[mine].sum(axis=0)
                    some = np.flatnonzero(counts)
                    if held[some].all():
                        continue
                    is_bare = held[some] == 0
                    bare = some[np.flatnonzero(is_bare) if is_stated else runs_unrecorded(counts[some], held[some])]
                    if len(bare):
                        self._dark[at].setdefault(code, []).append(
                            (name, days_told(self._cells.days[bare], counts[bare]))
                        )


def _only_day(file: DataFile) -> int | None:
    """Give the day that all rows of a data file are of; None where they are of several, or of none."""
    first, last = file.staged.first_us, file.staged.last_us
    if first is None or last is None or file.staged.month is None or first // DAY_US != last // DAY_US:
        return None
    return first // DAY_US


def _digests(evidence: pa.Array) -> Indices:
    """Give a number for each evidence file, by its hash."""
    return np.array([int(str(one)[-15:], 16) for one in evidence.to_pylist()], np.int64)


def _evidence_spans(pairs: tuple[Indices, Indices, Indices, Indices], digests: Indices, sorts: Indices) -> bytes:
    """Write down the evidence files with records of some sorts, each with its first and its last day."""
    whose, files, first, last = pairs
    mine = np.isin(whose, sorts)
    return np.column_stack([digests[files[mine]], first[mine], last[mine]]).astype("<i8").tobytes()


def _events(kinds: RecordKinds, sorts: Indices) -> tuple[tuple[int, str, str], ...]:
    """Give event id, provider and channel of some sorts."""
    parts = []
    for name in _TOLD_APART:
        texts, codes = kinds.texts(name)
        mine = codes[sorts]
        parts.append(texts.take(pa.array(np.maximum(mine, 0), mask=mine < 0)).to_pylist())
    told = zip(*parts, strict=True)
    return tuple(sorted({(int(number), provider or "", channel or "") for number, provider, channel in told if number}))


def _spans(rows: pa.Table, kinds: RecordKinds) -> tuple[Indices, Indices]:
    """Give the first and the last instant of each sort."""
    first, last = np.full(kinds.size, _NEVER, np.int64), np.full(kinds.size, -_NEVER, np.int64)
    times = rows[_TIME].cast(pa.int64())
    known = pc.is_valid(times).to_numpy()
    at, sorts = times.drop_null().to_numpy(), kinds.sorts[known]
    np.minimum.at(first, sorts, at)
    np.maximum.at(last, sorts, at)
    return first, last
