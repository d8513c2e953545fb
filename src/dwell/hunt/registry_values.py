r"""Registry values of Security 4657, put together as Sysmon has them.

Sigma's `TargetObject`, `Details` and `EventType` are those of Sysmon 12 to 14. The Security log names a key (`ObjectName`)
and a value in it (`ObjectValueName`) apart, and writes numbers as numbers: `DWORD (0x00000001)` is `1` of the type
`%%1876` there. So a place `Registry:TargetObject` is key, `\` and value name, and `Registry:Details` is what was written
**and** what Sysmon would write.

Source:
    Microsoft's page on the event 4657, and the texts of the messages 1872 to 1883 and 1904 to 1906 that it refers to; its
    page on Sysmon.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.base import Base, Codes
from dwell.hunt.made import Found, Made
from dwell.hunt.patterns import Indices

__all__ = ["PLACES"]

_COLUMNS = ("EventData", "EventID", "ObjectName")
_VALUE_SET = 4657
_DEFAULT = "(Default)"
_EMPTY = "(Empty)"
_BINARY = "Binary Data"
_NO_NAME = pa.array(["", "-"], pa.string())
_TYPES = {
    **dict.fromkeys(("%%1873", "%%1874", "reg_sz", "reg_expand_sz"), "text"),
    **dict.fromkeys(("%%1876", "reg_dword"), "dword"),
    **dict.fromkeys(("%%1883", "reg_qword"), "qword"),
    **dict.fromkeys(("%%1872", "%%1875", "reg_none", "reg_binary"), "bytes"),
    **dict.fromkeys(("%%1877", "%%1878", "%%1879", "reg_dword_big_endian", "reg_link", "reg_multi_sz"), "bytes"),
    **dict.fromkeys(("%%1880", "%%1881", "%%1882"), "bytes"),
}
"""Types of registry values, by message and by name, and how Sysmon writes what they hold."""
_OPERATIONS = {
    **dict.fromkeys(("%%1904", "%%1905", "new registry value created", "existing registry value modified"), "SetValue"),
    **dict.fromkeys(("%%1906", "registry value deleted"), "DeleteValue"),
}
_NUMBER = re.compile(r"(?:0[xX][0-9A-Fa-f]{1,16}|-?[0-9]{1,20})\Z")


class _Values:
    """The events of a file that tell of registry values.

    Attributes:
        rows: their rows.
    """

    def __init__(self, base: Base) -> None:
        self.base = base
        self._entries = base.entries("EventData")
        numbers = base.table["EventID"].combine_chunks()
        self._is_one = numbers.fill_null(0).to_numpy(zero_copy_only=False) == _VALUE_SET
        self.rows = np.flatnonzero(self._is_one)

    @property
    def texts(self) -> pa.StringArray:
        """Give the distinct texts of event data."""
        return self._entries.values

    def entries(self, key: str) -> tuple[Indices, Codes]:
        """Give row and code of every entry under a name."""
        at = self._entries.places(key)
        at = at[self._is_one[self._entries.rows[at]]]
        return self._entries.rows[at], self._entries.codes[at]

    def first(self, key: str) -> Codes:
        """Give by row of the file the code of the first text under a name, -1 where there is none."""
        rows, codes = self.entries(key)
        out = np.full(len(self._is_one), -1, np.int32)
        out[rows[::-1]] = codes[::-1]
        return out

    def named(self, key: str, names: Mapping[str, str]) -> tuple[list[str], Codes]:
        """Give by row of the file which of some words the first text under a name stands for, -1 for none of them."""
        codes = self.first(key)
        words = sorted(set(names.values()))
        used = np.unique(codes[codes >= 0])
        to = np.full(len(self.texts) + 1, -1, np.int32)
        for at, text in zip(used.tolist(), self.texts.take(pa.array(used)).to_pylist(), strict=True):
            word = names.get(text.strip().rstrip(".").lower())
            to[at] = words.index(word) if word is not None else -1
        return words, to[codes]


def _target_object(values: _Values, rows: Indices) -> Found:
    """Give key, backslash and name of each value; the value without a name is `(Default)`, as Sysmon calls it."""
    keys, key_texts = values.base.codes("ObjectName")
    at, names = values.entries("ObjectValueName")
    mine = np.isin(at, rows)
    bare = np.setdiff1d(rows, at)
    at, names = np.concatenate([at[mine], bare]), np.concatenate([names[mine], np.full(len(bare), -1, np.int32)])
    held = keys[at] >= 0
    at, names = at[held], names[held].astype(np.int64)
    width = len(values.texts) + 1
    pairs, codes = np.unique(keys[at].astype(np.int64) * width + names + 1, return_inverse=True)
    ones = pairs % width - 1
    told = values.texts.take(pa.array(np.maximum(ones, 0), mask=ones < 0))
    told = pc.if_else(pc.is_in(told, value_set=_NO_NAME), pa.scalar(None, pa.string()), told).fill_null(_DEFAULT)
    return at, codes.astype(np.int32), pc.binary_join_element_wise(key_texts.take(pa.array(pairs // width)), told, "\\")


def _details(values: _Values, rows: Indices) -> Found:
    """Give what each value holds now, first as Sysmon writes it, then as it is written."""
    words, kinds = values.named("NewValueType", _TYPES)
    written = values.first("NewValue")
    at = rows[kinds[rows] >= 0]
    width = len(values.texts) + 1
    pairs, codes = np.unique(kinds[at].astype(np.int64) * width + written[at] + 1, return_inverse=True)
    ones = pairs % width - 1
    texts = values.texts.take(pa.array(np.maximum(ones, 0), mask=ones < 0)).to_pylist()
    seen = [_as_sysmon(words[kind], text or "") for kind, text in zip((pairs // width).tolist(), texts, strict=True)]
    known = pa.array(seen, pa.string())
    right = known.is_valid().to_numpy(zero_copy_only=False)[codes]
    also, plain = values.entries("NewValue")
    mine = np.isin(also, rows)
    both = np.concatenate([codes[right].astype(np.int32), plain[mine] + np.int32(len(known))])
    return np.concatenate([at[right], also[mine]]), both, pa.concat_arrays([known.fill_null(""), values.texts])


def _as_sysmon(kind: str, text: str) -> str | None:
    """Give what Sysmon writes for what a value holds; None where that is the text itself, or no number is there."""
    if kind == "text":
        return _EMPTY if text in {"", "-"} else None
    if kind == "bytes":
        return _BINARY
    if not _NUMBER.match(text):
        return None
    number = int(text, 16 if text[:2].lower() == "0x" else 10)
    if kind == "dword":
        return f"DWORD (0x{number & 0xFFFFFFFF:08x})"
    return f"QWORD (0x{number >> 32 & 0xFFFFFFFF:08x}-0x{number & 0xFFFFFFFF:08x})"


def _event_type(values: _Values, rows: Indices) -> Found:
    words, codes = values.named("OperationType", _OPERATIONS)
    at = rows[codes[rows] >= 0]
    return at, codes[at], pa.array(words, pa.string())


_MAKERS: Mapping[str, Callable[[_Values, Indices], Found]] = {
    "TargetObject": _target_object,
    "Details": _details,
    "EventType": _event_type,
}


def _made(make: Callable[[_Values, Indices], Found]) -> Made:
    def found(base: Base) -> Found:
        values = _Values(base)
        return make(values, values.rows)

    return Made(_COLUMNS, found)


PLACES: Mapping[str, Made] = {f"Registry:{key}": _made(make) for key, make in _MAKERS.items()}
"""What is put together here, and how."""
