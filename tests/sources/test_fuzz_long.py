"""The long fuzzing: what a source does to its process is told with the input that did it, and the run goes on behind it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import BinaryIO

import pytest
from fuzz import long
from fuzz.run import fuzz, input_of

from dwell.sources.registry import source
from dwell.sources.source import Batch, Hint, Sniff, Source

AT = 3
"""The input that does it."""


class _Odd(Source):
    """Reads as another source does, but for one input."""

    key = "inventory"
    schema = source("inventory").schema
    at_fault = 0

    def identify(self, sniff: Sniff) -> None:
        del sniff

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        type(self).at_fault += 1
        if type(self).at_fault > AT + 1:  # the first input is read twice
            self.break_down()
        yield from source("inventory").read(stream, hint)

    def break_down(self) -> None:
        raise NotImplementedError


class _Dies(_Odd):
    def break_down(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


class _Hangs(_Odd):
    def break_down(self) -> None:
        time.sleep(600)


class _Fails(_Odd):
    def break_down(self) -> None:
        raise ValueError("no such luck")


@pytest.mark.parametrize(
    ("kind", "why"), [(_Dies, "ended by signal 15"), (_Hangs, "hangs"), (_Fails, "ValueError: no such luck")]
)
def test_the_input_that_did_it_is_named(kind: type[_Odd], why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long, "HANG_S", 3.0)
    monkeypatch.setattr(kind, "at_fault", 0)
    run, _ = long.turn(kind(), 60, 0, None)
    assert why in run.why
    assert run.inputs == AT + 1
    assert run.seed == f"inventory:{long.SEED}:{AT}"
    assert run.failing == input_of(source("inventory"), long.SEED, AT)[0]


def test_a_turn_goes_on_where_the_last_one_stopped() -> None:
    run, peak_mb = long.turn(source("inventory"), 60, 5, 9)
    assert (run.inputs, run.why) == (4, "")
    assert 0 < peak_mb < long.MEMORY_MB_MAX
    assert fuzz(source("inventory"), 60, long.SEED, 5, 9).inputs == 4
