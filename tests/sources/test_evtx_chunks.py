"""The short way through chunks whose chains of records are whole gives what the walk from record to record gives."""

from __future__ import annotations

import struct
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from tests.sources.evtx_writer import CHUNK_BYTES, RECORDS_START, record

from dwell.sources import evtx_chunks

_MAGIC = b"**\0\0"
_BODIES = st.lists(
    st.one_of(st.binary(max_size=40), st.just(_MAGIC * 3), st.just(b"\0" * 5 + _MAGIC)), min_size=1, max_size=8
)
_CHANGES = st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=3)
_NUMBERS = st.sampled_from([1, 2**31, 2**40, 2**63 + 5])


def _chunk(bodies: list[bytes], changes: list[tuple[int, int]], first_number: int, cut: int) -> bytes:
    out = bytearray(RECORDS_START)
    for place, body in enumerate(bodies):
        out += record(first_number + place, body)
    head = struct.pack("<8sQQQQIIII", b"ElfChnk\0", 1, 1, first_number, first_number, 128, 0, len(out) - cut, 0)
    out[: len(head)] = head
    for place, value in changes:
        out[RECORDS_START + place % (len(out) - RECORDS_START)] = value
    return bytes(out.ljust(CHUNK_BYTES, b"\0"))


@given(
    st.lists(
        st.tuples(_BODIES, _CHANGES, _NUMBERS, st.sampled_from([0, 0, 0, 1, 4, 30]), st.sampled_from([-1, -1, 0, 48])),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([0, 0, 1, 100, CHUNK_BYTES - 600, CHUNK_BYTES - 3]),
)
def test_many_chunks_are_found_as_one_by_one(
    chunks: list[tuple[list[bytes], list[tuple[int, int]], int, int, int]], lost: int
) -> None:
    pieces: list[bytes] = []
    for bodies, changes, first_number, cut, damaged in chunks:
        piece = bytearray(_chunk(bodies, changes, first_number, cut))
        if damaged >= 0:
            piece[damaged] ^= 0x55
        pieces.append(bytes(piece))
    data = b"".join([*pieces, bytes(CHUNK_BYTES)])
    data = data[: len(data) - lost]
    found = evtx_chunks.scan_all(data)
    assert found == [evtx_chunks.scan(data[at : at + CHUNK_BYTES]) for at in range(0, len(data), CHUNK_BYTES)]


def test_chunks_without_damage_are_not_walked() -> None:
    data = _chunk([b"a", b"bc"], [], 9, 0) + _chunk([b"d"], [], 11, 0)
    with patch.object(evtx_chunks, "scan", side_effect=AssertionError):
        found = evtx_chunks.scan_all(data)
    assert [[one.record_id for one in chunk.units] for chunk in found] == [[9, 10], [11]]


def test_no_bytes_are_no_chunks() -> None:
    assert evtx_chunks.scan_all(b"") == []
