"""Lines of NCSA's shape to sessions, as IIS's are read: by the path, the query and the name that the server wrote down.

Such a server stands before a mail server or is one; it names no port and no forwarded chain, so its sessions are the front
end's, and its client is the peer.
"""

from __future__ import annotations

import pyarrow as pa

from dwell.scope.rollup import iis

__all__ = ["COLUMNS", "DICTIONARY", "NEEDS", "fold_file"]

_ABSENT = {"X-Forwarded-For": pa.string(), "s-port": pa.int32(), "cafeReqId": pa.string()}
COLUMNS = tuple(one for one in iis.COLUMNS if one not in _ABSENT)
DICTIONARY = tuple(one for one in iis.DICTIONARY if one not in _ABSENT)
NEEDS = tuple(one for one in iis.NEEDS if one not in {"layers", "grounds"})


def fold_file(table: pa.Table) -> dict[str, pa.Table]:
    """Fold one data file."""
    for name, kind in _ABSENT.items():
        table = table.append_column(name, pa.nulls(table.num_rows, kind))
    found = iis.fold_file(table, name="ncsa")
    return {one: found[one] for one in NEEDS}
