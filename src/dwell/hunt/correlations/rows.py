"""The records of all data files in one table that is small for what it holds: each text once, and a number in every row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.correlations.plan import Correlation, wanted_fields
from dwell.hunt.ordering import rank
from dwell.hunt.records import NO_RECORDS

__all__ = ["field_column", "together"]

_TEXTS = ("rule_id", "table", "evidence_id", "host", "client", "account")
_ORDER = ("rule_id", "time_utc", "table", "evidence_id", "record_no")


def field_column(name: str) -> str:
    """Give the column in which a field of records stands."""
    return f"field:{name}"


def _coded(records: pa.Table, names: Sequence[str]) -> pa.Table:
    """Give records with texts as codes, and a column for each of some fields, null where a record has it not."""
    fields = records["fields"].combine_chunks()
    columns = {one: records[one].dictionary_encode() for one in _TEXTS}
    columns |= {one: records[one] for one in ("record_no", "time_utc")}
    for name in names:
        texts = pc.map_lookup(fields, pa.scalar(name), "first").cast(pa.string())
        columns[field_column(name)] = pa.chunked_array([texts.dictionary_encode()])
    return pa.table(columns).combine_chunks()


def together(correlations: Sequence[Correlation], records: Iterable[pa.Table]) -> pa.Table:
    """Put records below each other, by rule and in order of time.

    Args:
        correlations: those that look at them; only fields that they ask for are taken.
        records: rows in `dwell.hunt.records.RECORDS`, some after the other.

    Returns:
        The columns of records, texts coded with one dictionary a column; of each field the column `field_column` names.
    """
    names = sorted({one for some in wanted_fields(correlations).values() for one in some})
    parts = [_coded(one, names) for one in records if one.num_rows] or [_coded(NO_RECORDS, names)]
    whole = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    parts.clear()
    ranks = pa.table([rank(whole[one]) for one in _ORDER], names=list(_ORDER))
    places = pc.sort_indices(ranks, sort_keys=[(one, "ascending") for one in _ORDER])
    return whole.take(places)
