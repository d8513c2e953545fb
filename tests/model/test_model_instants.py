"""Instants: UTC whatever zone they were given in, exact to the microsecond, and written one way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.model.instants import EPOCH, hour_floor, parse_utc, utc_from_us, utc_text, utc_us

_ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_INSTANTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 30), timezones=_ZONES)  # noqa: DTZ001 - zones are drawn


@given(at=_INSTANTS)
def test_text_and_microseconds_come_back_as_the_same_instant(at: datetime) -> None:
    text = utc_text(at)
    assert text is not None
    assert text.endswith("Z")
    assert text.index("-") == 4
    assert parse_utc(text) == at
    assert parse_utc(text).tzinfo is UTC
    assert utc_from_us(utc_us(at)) == at


@given(at=_INSTANTS, other=_INSTANTS)
def test_microseconds_are_in_the_order_of_time(at: datetime, other: datetime) -> None:
    assert (utc_us(at) < utc_us(other)) == (at < other)


@given(at=_INSTANTS)
def test_an_hour_starts_at_the_hour_in_utc(at: datetime) -> None:
    start = hour_floor(at)
    assert timedelta(0) <= at - start < timedelta(hours=1)
    assert utc_us(start) % 3_600_000_000 == 0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2021-03-01", "2021-03-01T00:00:00Z"),
        ("2021-03-01 10:30", "2021-03-01T10:30:00Z"),
        (" 2021-03-01T10:30:00.5Z ", "2021-03-01T10:30:00.5Z"),
        ("2021-03-01T10:30:00+02:00", "2021-03-01T08:30:00Z"),
        ("2021-03-01T10:30:00.000001", "2021-03-01T10:30:00.000001Z"),
    ],
)
def test_what_names_no_zone_is_utc(text: str, wanted: str) -> None:
    assert utc_text(parse_utc(text)) == wanted


@pytest.mark.parametrize("text", ["", "yesterday", "2021-13-01", "2021-02-30T00:00:00Z"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_utc(text)


def test_unknown_stays_unknown() -> None:
    assert utc_text(None) is None
    assert utc_us(EPOCH) == 0
