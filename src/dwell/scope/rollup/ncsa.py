"""Lines of NCSA's shape to sessions, as IIS's are read: by the path, the query and the name that the server wrote down.

Such a server stands before a mail server or is one; it names no port and no forwarded chain, so its sessions are the front
end's, and its client is the peer.
"""

from __future__ import annotations

import pyarrow as pa

from dwell.intake.query_columns import query_columns
from dwell.scope.rollup import asked, iis

__all__ = ["COLUMNS", "DICTIONARY", "NEEDS", "fold_file"]

_ABSENT = {"X-Forwarded-For": pa.string(), "s-port": pa.int32(), "cafeReqId": pa.string()}
_OF_QUERY = (*asked.PARTS, asked.LOG)
_QUERY = "cs-uri-query"
COLUMNS = (_QUERY, *(one for one in iis.COLUMNS if one not in _ABSENT and one not in _OF_QUERY))
DICTIONARY = (_QUERY, *(one for one in iis.DICTIONARY if one not in _ABSENT and one not in _OF_QUERY))
NEEDS = tuple(one for one in iis.NEEDS if one not in {"layers", "grounds", "doors"})


def fold_file(table: pa.Table) -> dict[str, pa.Table]:
    """Fold one data file."""
    for name, kind in _ABSENT.items():
        table = table.append_column(name, pa.nulls(table.num_rows, kind))
    found = query_columns(table[_QUERY])
    for name in _OF_QUERY:
        table = table.append_column(name, found[name])
    folded = iis.fold_file(table, name="ncsa")
    return {one: folded[one] for one in NEEDS}
