"""Records that a correlated rule met, one row each, with the fields that correlations ask for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.frame import Frame
from dwell.hunt.hits import FACES, Face, who
from dwell.hunt.patterns import Indices
from dwell.hunt.ruleset import Case

__all__ = ["NO_RECORDS", "RECORDS", "RECORDS_MAX", "told_records"]

RECORDS_MAX = 1_000_000
"""Records of one rule and data file that correlations see, the earliest first; beyond it a correlation is partly blind."""

RECORDS = pa.schema(
    [
        pa.field("rule_id", pa.string(), nullable=False),
        pa.field("table", pa.string(), nullable=False),
        pa.field("evidence_id", pa.string(), nullable=False),
        pa.field("record_no", pa.int64(), nullable=False),
        pa.field("time_utc", pa.timestamp("us", tz="UTC")),
        pa.field("host", pa.string()),
        pa.field("client", pa.string()),
        pa.field("account", pa.string()),
        pa.field("fields", pa.map_(pa.string(), pa.string())),
    ]
)
"""`fields` holds what correlations ask for, by the rule's own name of the field; a field without a value is not there."""
NO_RECORDS = RECORDS.empty_table()
"""No rows."""


def _first_texts(frame: Frame, place: str, rows: Indices) -> pa.StringArray:
    """Give the first text that each row holds in a place; an empty one and a dash are none."""
    chosen = np.full(len(rows), -1, np.int64)
    if ":" in place:
        name, _, key = place.partition(":")
        at, texts = frame.found(name, key)
        texts = texts.cast(pa.string())
        held = np.flatnonzero(np.isin(at, rows) & ~_blank(texts))
        known, first = np.unique(at[held], return_index=True)
        chosen[np.searchsorted(rows, known)] = held[first]
    else:
        codes, texts = frame.texts(place)
        chosen = codes[rows]
        if len(texts):
            chosen = np.where((chosen >= 0) & _blank(texts)[np.maximum(chosen, 0)], -1, chosen)
    if not len(texts):
        return pa.nulls(len(rows), pa.string())
    return texts.take(pa.array(np.maximum(chosen, 0), mask=chosen < 0))


def _blank(texts: pa.StringArray) -> npt.NDArray[np.bool_]:
    blank: npt.NDArray[np.bool_] = pc.is_in(texts, value_set=pa.array(["", "-"])).to_numpy(zero_copy_only=False)
    return blank


def _fields(frame: Frame, case: Case, rows: Indices) -> pa.MapArray:
    """Give per row the fields that are asked for, as far as they have a value."""
    columns = [pc.coalesce(*(_first_texts(frame, place, rows) for place in places)) for _, places in case.told]
    names = pa.array([name for name, _ in case.told], pa.string())
    held = np.stack([one.is_valid().to_numpy(zero_copy_only=False) for one in columns], axis=1) if columns else None
    if held is None:
        held = np.zeros((len(rows), 0), np.bool_)
    at, which = np.nonzero(held)
    offsets = np.concatenate(([0], np.cumsum(held.sum(axis=1)))).astype(np.int32)
    texts = pa.concat_arrays(columns) if columns else pa.array([], pa.string())
    values = texts.take(pa.array(which * len(rows) + at))
    return pa.MapArray.from_arrays(pa.array(offsets), names.take(pa.array(which)), values)


def told_records(frame: Frame, name: str, rule_id: str, case: Case, rows: Indices) -> pa.Table:
    """Tell the records that a rule met one by one.

    Args:
        frame: the rows of one kind of record, in the order of time.
        name: the archive table.
        rule_id: the rule.
        case: its case on this kind of record.
        rows: which of them were met, ascending; no more than `RECORDS_MAX`.
    """
    part = who(frame.base.table, frame.in_base(rows), FACES.get(name, Face()))
    fixed = {
        "rule_id": pa.repeat(rule_id, len(rows)),
        "table": pa.repeat(name, len(rows)),
    }
    columns = {**fixed, **part, "fields": _fields(frame, case, rows)}
    return pa.table([columns[one] for one in RECORDS.names], schema=RECORDS)
