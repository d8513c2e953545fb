"""A line of an IIS log is parsed with its instant only where that is written to the letter."""

from __future__ import annotations

import io
import re

import numpy as np

from dwell.sources.iis import _timed
from dwell.sources.lines import blocks

_STAMP = b"2021-03-01 23:59:09 "
_WRITTEN = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} ")


def timed(line: bytes) -> bool:
    """Ask of a line that stands between two good ones."""
    [block] = blocks(io.BytesIO(b"\n".join([_STAMP + b"GET /", line, _STAMP + b"GET /", b""])))
    return _timed(block, np.arange(3))


def test_every_byte_in_every_place_is_taken_or_refused_as_it_should_be() -> None:
    for place in range(len(_STAMP)):
        for byte in set(range(256)) - {10}:
            line = _STAMP[:place] + bytes([byte]) + _STAMP[place + 1 :] + b"GET /"
            assert timed(line) == (_WRITTEN.match(line) is not None), line
