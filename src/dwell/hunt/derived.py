"""Parts of what a column holds, where a rule asks for a part that the log does not write by itself.

A place `column>part` holds the part of every text of the column, or nothing where it has none. `host`, `path`, `query`
and `extension` are parts of an address, whole (`http://host/path?query`), without a scheme (`host/path`), as a proxy's
`CONNECT` has it (`host:443`), or a path alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.patterns import Indices

__all__ = ["base_of", "derived", "derived_counts", "is_derived"]

_URL = (
    r"(?s)^(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/?#]*@)?(?P<host>\[[^\]]*\]|[^/?#:]*)(?::[0-9]*)?"
    r"(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?"
)
_EXTENSION = r"\.(?P<extension>[^./]+)$"
"""What stands after the last dot of the last part of a path, whatever it is: who asks for none must not meet `js+`."""


def _url_part(texts: pa.StringArray, part: str) -> pa.Array:
    found = pc.struct_field(pc.extract_regex(texts, pattern=_URL), part)
    return pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.string()), found)


def _extension(texts: pa.StringArray) -> pa.Array:
    return pc.struct_field(pc.extract_regex(_url_part(texts, "path"), pattern=_EXTENSION), "extension")


def _success(texts: pa.StringArray) -> pa.Array:
    """Give the word for a sign-in's error code: 0 is success, every other number is none."""
    number = pc.match_substring_regex(texts, r"^[0-9]+$")
    word = pc.if_else(pc.equal(texts, "0"), "Success", "Failure")
    return pc.if_else(number, word, pa.scalar(None, pa.string()))


def _service(texts: pa.StringArray) -> pa.Array:
    """Give the name of a service of Google by that of its application: `admin.googleapis.com` for `admin`."""
    return pc.binary_join_element_wise(texts, "googleapis.com", ".")


_PARTS: Mapping[str, Callable[[pa.StringArray], pa.Array]] = {
    "host": lambda texts: _url_part(texts, "host"),
    "path": lambda texts: _url_part(texts, "path"),
    "query": lambda texts: _url_part(texts, "query"),
    "extension": _extension,
    "success": _success,
    "service": _service,
}


def is_derived(place: str) -> bool:
    """Say whether a place is a part of what a column holds."""
    return ":" not in place and place.partition(">")[2] in _PARTS


def base_of(place: str) -> str:
    """Give the column that a place is a part of, or the place itself."""
    return place.partition(">")[0] if is_derived(place) else place


def derived(place: str, texts: pa.StringArray) -> pa.Array:
    """Give the part of each text of a place's column; null where it has none."""
    return _PARTS[place.partition(">")[2]](texts).cast(pa.string())


def derived_counts(
    place: str, values: pa.StringArray, counts: Indices, nulls: int
) -> tuple[pa.StringArray, Indices, int]:
    """Give the distinct parts of distinct texts, how many rows each has, and rows without one."""
    coded_parts = derived(place, values).dictionary_encode()
    codes = coded_parts.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
    told = np.bincount(codes, weights=counts, minlength=len(coded_parts.dictionary) + 1).astype(np.int64)
    return coded_parts.dictionary, told[1:], nulls + int(told[0])
