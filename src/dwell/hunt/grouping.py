"""Hits of all data files folded once more: what differs in nothing but file, record and time is one row.

A scanner that asks the same question 40,000 times in 700 daily logs is one row, with its number, its first and last
instant, the number of its files and its first records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from sys import intern
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.hits import MANY, REFS_MAX
from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef

__all__ = ["HitGroup", "grouped"]

_KEYS = ("rule_id", "kind", "title", "level", "window", "table", "host", "client", "account", "status")
_SEPARATOR = "\0"
_ROWS_AT_ONCE = 16_384


@dataclass(frozen=True, slots=True)
class HitGroup:
    """Equal hits.

    Attributes:
        rule_id: the rule or indicator.
        kind: `rule`, `indicator` or `check`.
        title: its title.
        level: Sigma's level; "" where the rule names none.
        window: where an indicator's hits lie; None for rules.
        table: the archive table.
        host: the host whose log it is; None where unknown.
        client: the network address of what acted; None where the records name none.
        account: the account it acted as; None where the records name none.
        status: the status code; None where the table has none.
        matched: `column=value`, values as written.
        count: records.
        files: pieces of evidence that they lie in; None where there were too many hits for that to be told.
        first_utc: the earliest; None where no record has a time.
        last_utc: the latest.
        refs: the first records, at most `REFS_MAX`.
        mark: the mark of its hits, by which they are told apart as well; -1 for none.
    """

    rule_id: str
    kind: str
    title: str
    level: str
    window: str | None
    table: str
    host: str | None
    client: str | None
    account: str | None
    status: int | None
    matched: tuple[str, ...]
    count: int
    files: int | None
    first_utc: datetime | None
    last_utc: datetime | None
    refs: tuple[RecordRef, ...]
    mark: int = -1


def _instant(us: int | None) -> datetime | None:
    return None if us is None else utc_from_us(us)


def _refs(table: str, rows: Sequence[int], refs: pa.ListArray) -> tuple[RecordRef, ...]:
    out: list[RecordRef] = []
    for row in rows:
        for one in refs[row].as_py() or ():
            # a thousand groups name the same few pieces of evidence
            out.append(RecordRef(table, EvidenceId(intern(one["evidence_id"])), one["record_no"]))
            if len(out) == REFS_MAX:
                return tuple(out)
    return tuple(out)


def grouped(hits: pa.Table, marks: Sequence[int] = ()) -> list[HitGroup]:
    """Fold hits into groups, in the order in which the hits come.

    Args:
        hits: rows in `dwell.hunt.hits.HITS`.
        marks: a mark for every row, as suppressions give it; none where nothing is marked.
    """
    if not hits.num_rows:
        return []
    whole = hits.combine_chunks()
    matched = whole["matched"].combine_chunks()
    joined = pc.binary_join(matched.fill_null([]), _SEPARATOR)
    plain = whole.select([*_KEYS, "count", "evidence_id"])
    for name in ("first_utc", "last_utc"):
        plain = plain.append_column(name, whole[name].cast(pa.int64()))
    plain = plain.append_column("matched", joined).append_column("at", pa.array(range(len(joined)), pa.int64()))
    plain = plain.append_column("mark", pa.array(marks or [-1] * len(joined), pa.int64()))
    folded = plain.group_by([*_KEYS, "matched", "mark"], use_threads=False).aggregate(
        [
            ("count", "sum"),
            ("evidence_id", "count_distinct"),
            ("first_utc", "min"),
            ("last_utc", "max"),
            ("at", "list"),
            ("at", "min"),
        ]
    )
    # Arrow numbers groups as it meets their keys, some rows at a time: not always in the order of their first rows
    folded = folded.sort_by("at_min")
    refs = whole["refs"].combine_chunks()
    out: list[HitGroup] = []
    for some in folded.to_batches(max_chunksize=_ROWS_AT_ONCE):
        out += (_group(row, matched, refs) for row in some.to_pylist())
    return out


def _group(row: Mapping[str, Any], matched: pa.ListArray, refs: pa.ListArray) -> HitGroup:
    texts = tuple(matched[row["at_list"][0]].as_py() or ())
    return HitGroup(
        **{name: row[name] for name in _KEYS},
        matched=texts,
        count=row["count_sum"],
        files=None if texts[-1:] and texts[-1] in MANY else row["evidence_id_count_distinct"],
        first_utc=_instant(row["first_utc_min"]),
        last_utc=_instant(row["last_utc_max"]),
        refs=_refs(row["table"], row["at_list"], refs),
        mark=row["mark"],
    )
