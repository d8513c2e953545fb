"""What logs of mail servers have in common: a syslog head, then a sentence with `key=value` pairs in it."""

from __future__ import annotations

import re
from typing import ClassVar

import pyarrow as pa

from dwell.sources.matched import Matched, State
from dwell.sources.pairs import ANGLED, pairs_of, spread_pairs
from dwell.sources.source import EXTRA
from dwell.sources.time_words import by_value, syslog_times

__all__ = ["MailText"]


class MailText(Matched):
    """A log of sentences with pairs in them.

    Attributes:
        text_name: the column that holds the sentence.
        pattern: how a pair is written.
    """

    text_name: ClassVar[str] = "text"
    pattern: ClassVar[re.Pattern[str]] = ANGLED

    def _more(self, table: pa.Table) -> pa.Table:
        """Add what the sentence says besides its pairs."""
        return table

    def _widen(self, table: pa.Table, shape: int, state: State) -> pa.Table:
        del shape, state
        held = set(table.column_names)
        kinds = {name: pa.string() for name in self.columns if name not in held}
        found = spread_pairs(pairs_of(table[self.text_name].combine_chunks(), self.pattern), kinds)
        for name in kinds:
            table = table.append_column(name, found[name])
        # pairs that have no column are in the sentence, which is kept whole
        return self._more(table.drop_columns([one for one in (EXTRA.name,) if one in table.column_names]))

    def _times(self, table: pa.Table, state: State) -> pa.Array:
        return by_value(table["time"], lambda texts: syslog_times(texts, state.name))
