"""The collector is off within, and afterwards as it was, whatever happens within."""

from __future__ import annotations

import gc

import pytest

from dwell.hunt.uncollected import uncollected


def test_the_collector_is_off_within_and_on_again_after_a_fault() -> None:
    assert gc.isenabled()
    seen = []

    def broken() -> None:
        with uncollected():
            seen.append(gc.isenabled())
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        broken()
    assert seen == [False]
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with uncollected(), uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
