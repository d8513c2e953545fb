"""What correlations came to, kept beside the case for as long as neither rules nor data files change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa

from dwell.hunt.correlations.correlate import Correlated, Left, correlated
from dwell.hunt.correlations.plan import Correlation, correlations_hash
from dwell.hunt.keeping import read_kept, write_kept

__all__ = ["correlated_kept"]

_LEFT = b"dwell.left"


def _place(cache: Path, correlations: Sequence[Correlation], names: Sequence[str]) -> Path:
    digest = hashlib.sha256(correlations_hash(correlations))
    for one in names:
        digest.update(f"\n{one}".encode())
    return cache / f"{digest.hexdigest()[:32]}-correlated.arrow"


def correlated_kept(
    correlations: Sequence[Correlation],
    records: Callable[[], Iterable[pa.Table]],
    names: Sequence[str],
    cache: Path | None,
) -> Correlated:
    """Work out correlations, or take what an earlier run made of the same records.

    Args:
        correlations: each after those it rests on.
        records: gives rows in `dwell.hunt.records.RECORDS`, of all data files, some after the other; asked only where
            nothing is kept.
        names: what the records come from: the rules, and every data file.
        cache: folder where results are kept.
    """
    if cache is None:
        return correlated(correlations, records())
    place = _place(cache, correlations, names)
    try:
        held = read_kept(place)
        left = msgspec.json.decode(held.schema.metadata[_LEFT], type=dict[str, Left])
        return Correlated(held.replace_schema_metadata(None), left)
    except (OSError, pa.ArrowInvalid, msgspec.MsgspecError, KeyError, TypeError):
        pass
    found = correlated(correlations, records())
    write_kept(place, found.hits.replace_schema_metadata({_LEFT: msgspec.json.encode(found.left, order="sorted")}))
    return found
