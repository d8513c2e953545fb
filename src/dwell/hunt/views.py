"""Texts as they are written and, where that differs, as rules mean them: either will do for a question.

Source:
    Microsoft's page on Sysmon, events 12 to 14, for the names that it gives the roots of the registry; its page on
    mandatory integrity control for the SIDs of integrity levels, which Security 4688 writes and Sysmon has words for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.percent import decoded
from dwell.hunt.derived import base_of
from dwell.hunt.patterns import Indices

__all__ = ["View", "marks_of", "views"]

View = tuple[Indices | None, pa.StringArray]
"""Which of some texts are seen another way, and how; None for all of them, as they are written."""


class _Way(NamedTuple):
    """A way of seeing texts.

    Attributes:
        mark: what a text has to hold to be seen this way.
        see: gives such texts as they are seen; null where one is not.
        is_expression: whether the mark is a regular expression.
        marks: texts in lower case of which one so seen holds one; none where the bitmaps of a column know the way.
    """

    mark: str
    see: Callable[[pa.StringArray], pa.Array]
    is_expression: bool = False
    marks: tuple[str, ...] = ()


_ROOTS = (
    (r"(?i)^\\REGISTRY\\MACHINE(\\|$)", r"HKLM\1"),
    (r"(?i)^\\REGISTRY\\USER(\\|$)", r"HKU\1"),
    (r"(?i)^HKLM\\SYSTEM\\ControlSet[0-9]{3}(\\|$)", r"HKLM\\SYSTEM\\CurrentControlSet\1"),
)
_ROOTED = r"(?i)^\\REGISTRY\\(MACHINE|USER)(\\|$)|^HKLM\\SYSTEM\\ControlSet[0-9]{3}(\\|$)"
_CLASSES = r"(?i)^(?:\\REGISTRY\\MACHINE|HKLM)\\SOFTWARE\\Classes(\\|$)"
_LEVELS = {
    "S-1-16-0": "Untrusted",
    "S-1-16-4096": "Low",
    "S-1-16-8192": "Medium",
    "S-1-16-8448": "MediumPlus",
    "S-1-16-12288": "High",
    "S-1-16-16384": "System",
    "S-1-16-20480": "Protected",
}


def _rooted(texts: pa.StringArray) -> pa.StringArray:
    """Name the roots of registry keys as Sysmon does: HKLM, HKU, and the set of controls in use."""
    for pattern, name in _ROOTS:
        texts = pc.replace_substring_regex(texts, pattern=pattern, replacement=name)
    return texts


def _class_root(texts: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(texts, pattern=_CLASSES, replacement=r"HKCR\1")


def _spaced(texts: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring(texts, "+", " ")


def _put_for(named: Mapping[str, str]) -> Callable[[pa.StringArray], pa.Array]:
    """Give what puts words in the place of others, whatever their case."""
    words = pa.array([one.lower() for one in named], pa.string())
    meant = pa.array(list(named.values()), pa.string())
    return lambda texts: meant.take(pc.index_in(pc.utf8_lower(texts), value_set=words))


_PERCENT = (_Way("%", decoded),)
_KEYS = (
    _Way(_ROOTED, _rooted, is_expression=True, marks=("\\registry\\", "\\controlset")),
    _Way(_CLASSES, _class_root, is_expression=True, marks=("\\software\\classes",)),
)
_ADDRESSES = {
    **dict.fromkeys(("iis", "ncsa"), ("cs-uri", "cs-uri-stem", "cs-uri-query", "cs-referer")),
    "haproxy": ("cs-uri", "cs-uri-stem", "cs-uri-query"),
    "httpproxy": ("cs-uri", "UrlStem", "UrlQuery"),
    "zeek": ("http_url", "uri", "referrer"),
    "squid": ("url",),
    "fortinet": ("url",),
    "paloalto": ("misc",),
    "cef": ("request",),
}
_WAYS: Mapping[tuple[str, str], tuple[_Way, ...]] = {
    **{(table, name): _PERCENT for table, names in _ADDRESSES.items() for name in names},
    ("iis", "cs-user-agent"): (_Way("+", _spaced),),
    **{("evtx", name): _KEYS for name in ("TargetObject", "EventData:NewName", "Registry:TargetObject")},
    ("evtx", "EventData:MandatoryLabel"): (_Way("(?i)^S-1-16-", _put_for(_LEVELS), is_expression=True),),
    ("evtx", "EventData:IntegrityLevel"): (
        _Way("^[A-Za-z]", _put_for({word: one for one, word in _LEVELS.items()}), is_expression=True),
    ),
}


def views(table: str, place: str, texts: pa.StringArray) -> list[View]:
    """Give the texts of a place as written and, where they differ, as they are meant.

    Args:
        table: the archive table.
        place: the place; a part of what a column holds is seen as the column is.
        texts: distinct texts, none null.
    """
    out: list[View] = [(None, texts)]
    for way in _WAYS.get((table, base_of(place)), ()):
        find = pc.match_substring_regex if way.is_expression else pc.match_substring
        rows = np.flatnonzero(find(texts, way.mark).to_numpy(zero_copy_only=False))
        if len(rows):
            seen = way.see(texts.take(pa.array(rows)))
            out.append((rows[seen.is_valid().to_numpy(zero_copy_only=False)], seen.drop_null()))
    return out


def marks_of(table: str, place: str) -> tuple[str, ...]:
    """Give texts, in lower case, one of which whatever is seen in a way that bitmaps do not know holds."""
    return tuple(mark for way in _WAYS.get((table, place), ()) for mark in way.marks)
