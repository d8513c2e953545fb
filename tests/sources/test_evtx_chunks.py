"""The short way through a chunk whose chain of records is whole gives what the walk from record to record gives."""

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


@given(_BODIES, _CHANGES, _NUMBERS, st.sampled_from([0, 0, 0, 1, 4, 30]))
def test_both_ways_agree(bodies: list[bytes], changes: list[tuple[int, int]], first_number: int, cut: int) -> None:
    data = _chunk(bodies, changes, first_number, cut)
    short = evtx_chunks.scan(data)
    with patch.object(evtx_chunks, "_chained", lambda *_: None):
        assert short == evtx_chunks.scan(data)


def test_a_whole_chain_is_taken_at_once() -> None:
    data = _chunk([b"a", b"bc"], [], 9, 0)
    with patch.object(evtx_chunks, "_sound", side_effect=AssertionError):
        assert [one.record_id for one in evtx_chunks.scan(data).units] == [9, 10]
