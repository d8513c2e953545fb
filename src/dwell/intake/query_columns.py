"""The parts of a web query as columns, for whoever reads logs that hold them in the query alone.

IIS logs have them as columns of their own from the reading on. Tables that were written before, access logs of another
shape and HttpProxy have the query: there it is cut by the same rule (`sources.query_parts`), by distinct query.
"""

from __future__ import annotations

import pyarrow as pa

from dwell.archive.lexicon import coded
from dwell.archive.spec import Made
from dwell.sources.query_parts import LOG, TEXTS, query_parts

__all__ = ["MADE_OF_QUERY", "query_columns"]


def query_columns(queries: pa.Array | pa.ChunkedArray) -> dict[str, pa.Array]:
    """Give the columns made of queries: those of `TEXTS` as coded text, and the map `LOG`."""
    whole = coded(queries)
    if whole.dictionary.type != pa.string():
        whole = whole.cast(pa.dictionary(whole.indices.type, pa.string()))
    parts = query_parts(whole)
    return {**parts.texts, LOG: parts.log}


MADE_OF_QUERY = Made("cs-uri-query", frozenset((*TEXTS, LOG)), query_columns)
