"""Which texts a data file holds, as sorted numbers kept beside the case: what it does not hold is told without opening it.

The number of a text is the CRC-32 of its lower case in UTF-8. Two texts may share one, so that a number which is there only
means that the file has to be asked. Of columns with too many texts only their lengths are kept.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile
from dwell.archive.lexicon import coded
from dwell.casebook.whole_files import written_whole

__all__ = ["HeldValues", "keep_held", "may_hold"]

VERSION = 3
"""Raised whenever the same data file comes out differently."""
BLOCK = 4_096
"""Numbers that are hashed together."""
FEW = 4_096
"""Of a column with no more texts than this each is kept."""
_SUM_BYTES, _SIZE_BYTES = 32, 8


class _Head(msgspec.Struct, array_like=True):
    """What a kept file begins with, after its own SHA-256 and its size.

    Attributes:
        name: the data file that it is about.
        firsts: the first number of each block.
        sums: SHA-256 of each block.
        lengths: how many characters the texts have that are not kept.
    """

    name: str
    firsts: list[int]
    sums: list[bytes]
    lengths: list[int]


class HeldValues:
    """Gathers what a data file holds."""

    def __init__(self) -> None:
        self._numbers: list[npt.NDArray[np.uint32]] = [np.zeros(0, np.uint32)]
        self._lengths: set[int] = set()

    def add(self, texts: pa.ChunkedArray) -> None:
        """Add texts of which each is to be known."""
        lower = pc.utf8_lower(texts.drop_null()).cast(pa.binary()).to_pylist()
        self._numbers.append(np.fromiter(map(zlib.crc32, lower), np.uint32, len(lower)))

    def add_column(self, texts: pa.ChunkedArray) -> None:
        """Add a column that may have a text of its own in every row, coded or not."""
        if pa.types.is_dictionary(texts.type):
            texts = pa.chunked_array([coded(texts).dictionary.cast(pa.string())])
        if pc.count_distinct(texts.slice(0, 2 * FEW)).as_py() <= FEW:
            few = pc.unique(texts)
            if len(few) <= FEW:
                self.add(few)
                return
        self._lengths |= set(pc.unique(pc.utf8_length(texts.drop_null())).to_pylist())

    def add_length(self, chars: int) -> None:
        """Add texts of which no more is known than their length."""
        self._lengths.add(chars)

    def encoded(self, name: str) -> bytes:
        """Give it as it is kept."""
        numbers = np.unique(np.concatenate(self._numbers)).astype("<u4")
        blocks = [numbers[at : at + BLOCK].tobytes() for at in range(0, len(numbers), BLOCK)]
        sums = [hashlib.sha256(one).digest() for one in blocks]
        head = msgspec.msgpack.encode(_Head(name, numbers[::BLOCK].tolist(), sums, sorted(self._lengths)))
        about = len(head).to_bytes(_SIZE_BYTES, "little") + head
        return b"".join([hashlib.sha256(about).digest(), about, *blocks])


def _name(file: DataFile) -> str:
    staged = file.staged
    return hashlib.sha256(f"{VERSION}:{file.table}:{staged.sha256}:{staged.lexicon_sha256}".encode()).hexdigest()


def _place(folder: Path, name: str) -> Path:
    return folder / f"{name[:32]}.held"


def may_hold(file: DataFile, wanted: str, folder: Path) -> bool | None:
    """Say whether a text of a data file may be the wanted one; None where that is not kept, or what is kept is damaged.

    Args:
        file: the data file.
        wanted: a text in lower case.
        folder: where it is kept which texts files hold.
    """
    name = _name(file)
    number = zlib.crc32(wanted.encode("utf-8", "surrogatepass"))
    try:
        with _place(folder, name).open("rb") as handle:
            sums = handle.read(_SUM_BYTES)
            size = handle.read(_SIZE_BYTES)
            body = handle.read(int.from_bytes(size, "little"))
            if hashlib.sha256(size + body).digest() != sums:
                return None
            head = msgspec.msgpack.decode(body, type=_Head)
            if head.name != name:
                return None
            if len(wanted) in head.lengths:
                return True
            at = int(np.searchsorted(np.array(head.firsts, np.uint32), number, side="right")) - 1
            if at < 0:
                return False
            handle.seek(at * BLOCK * 4, os.SEEK_CUR)
            block = handle.read(BLOCK * 4)
            if hashlib.sha256(block).digest() != head.sums[at]:
                return None
    except (OSError, OverflowError, MemoryError, ValueError, msgspec.MsgspecError):
        return None
    return bool((np.frombuffer(block, "<u4") == number).any())


def keep_held(file: DataFile, values: HeldValues, folder: Path) -> None:
    """Keep which texts a data file holds; where that cannot be done the next search asks the file again."""
    name = _name(file)
    place = _place(folder, name)
    with suppress(OSError), written_whole(place) as unfinished:
        unfinished.write_bytes(values.encoded(name))
