"""Places that a row can hold several texts of: a key of a map, all texts of a map, a field that only a JSON text holds.

Questions are put to the distinct texts of such a place once, whatever kinds of record its rows are of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.base import Base, Codes
from dwell.hunt.composed import composed, is_composed
from dwell.hunt.jsonpaths import as_text, texts_at
from dwell.hunt.patterns import Indices
from dwell.hunt.ruleset import RuleSet
from dwell.hunt.slots import Slots
from dwell.hunt.words import Truth, words

__all__ = ["Keyed"]


class Keyed:
    """The places of a data file that a row can hold several texts of."""

    def __init__(
        self,
        base: Base,
        table: str,
        rules: RuleSet,
        asked: Mapping[str, Sequence[int]],
    ) -> None:
        """Take rows.

        Args:
            base: they.
            table: the archive table.
            rules: the rule set.
            asked: the questions about each place.
        """
        self._base = base
        self._table = table
        self._rules = rules
        self._asked = asked
        self._slots: dict[str, Slots] = {}
        self._found: dict[str, tuple[Indices, Codes, pa.StringArray]] = {}

    def slots(self, place: str, able: Truth | None = None) -> Slots:
        """Give the texts of a place as slots, with the row of each.

        Args:
            place: the place.
            able: by atom whether it still matters, where questions are put for the first time; all are where not given.
        """
        if place not in self._slots:
            rows, codes, values = self.found(place)
            counts = np.bincount(codes, minlength=len(values))
            used = np.flatnonzero(counts)
            texts = values if len(used) == len(values) else values.take(pa.array(used))
            asked = self._asked.get(place, ())
            held = words(self._table, place, texts, counts[used], 0, asked, self._rules.atoms, able)
            to = np.full(len(values), held.other, np.int32)
            to[used[held.marked]] = np.arange(len(held.marked))
            self._slots[place] = Slots(held, to[codes], rows)
        return self._slots[place]

    def found(self, place: str) -> tuple[Indices, Codes, pa.StringArray]:
        """Give the row of every entry in a place, its text as a code, and the texts."""
        if place not in self._found:
            is_made = is_composed(place)
            self._found[place] = (
                composed(self._base, place) if is_made else self._looked_for(*place.partition(":")[::2])
            )
        return self._found[place]

    def _looked_for(self, name: str, key: str) -> tuple[Indices, Codes, pa.StringArray]:
        if name not in self._base.table.column_names:
            return np.zeros(0, np.int64), np.zeros(0, np.int32), pa.array([], pa.string())
        if not self._base.is_map(name):
            return self._in_json(name, key)
        entries = self._base.entries(name)
        if key != "*":
            chosen = entries.places(key)
            return entries.rows[chosen], entries.codes[chosen], entries.values
        if name != "Parameters":
            return entries.rows, entries.codes, entries.values
        texts = pa.concat_arrays([pa.array(entries.keys, pa.string()), entries.values])
        both = np.concatenate([entries.key_codes, entries.codes + np.int32(len(entries.keys))])
        return np.concatenate([entries.rows, entries.rows]), both, texts

    def _in_json(self, name: str, key: str) -> tuple[Indices, Codes, pa.StringArray]:
        """Find a field that only the record's own JSON holds: by its path, or as a name in its lists of pairs."""
        codes, values = self._base.codes(name)
        lower = key.lower()
        read = _json_texts if name == "AuditData" else texts_at
        sought = lower if name == "AuditData" else lower.rpartition(".")[2]
        likely = pc.match_substring(values, sought, ignore_case=True).to_numpy(zero_copy_only=False)
        found = {int(at): read(values[int(at)].as_py(), lower) for at in np.flatnonzero(likely)}
        rows: list[int] = []
        texts: list[str] = []
        for row in np.flatnonzero(np.isin(codes, list(found))).tolist():
            mine = found[int(codes[row])]
            rows += [row] * len(mine)
            texts += mine
        told = pa.array(texts, pa.string()).dictionary_encode()
        return np.array(rows, np.int64), told.indices.to_numpy(zero_copy_only=False), told.dictionary


def _json_texts(text: str, key: str) -> list[str]:
    """Give the texts of a name in a record: a field of its own, or `{Name, Value}` in one of its lists."""
    try:
        record = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return []
    if not isinstance(record, dict):
        return []
    found: list[object] = [value for name, value in record.items() if name.lower() == key]
    pairs = [one for value in record.values() if isinstance(value, list) for one in value if isinstance(one, dict)]
    found += [one.get("Value") for one in pairs if str(one.get("Name", "")).lower() == key]
    return [as_text(one) for one in found if one is not None]
