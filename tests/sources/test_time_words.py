"""Instants in the words of other logs, and what is no instant."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.sources.time_words import day_first, epochs, named_months, numbered_dates, syslog_times, year_by_name

INSTANTS = st.integers(631_152_000, 4_102_444_799).map(lambda second: datetime.fromtimestamp(second, UTC))


def read(values: list[str | None]) -> pa.Array:
    return pa.array(values, pa.string())


@given(at=INSTANTS)
def test_month_names_are_read(at: datetime) -> None:
    found = named_months(read([at.strftime("%d/%b/%Y:%H:%M:%S +0000"), at.strftime("%d/%b/%Y:%H:%M:%S.250 -0130")]))
    assert found[0].as_py() == at
    assert (found[1].as_py() - at).total_seconds() == 5400.25


@pytest.mark.parametrize(
    "text", ["", "29/Foo/2024:00:00:00 +0000", "31/Feb/2024:00:00:00 +0000", "1/Feb/2024:00:00:00", None]
)
def test_what_is_no_date_is_null(text: str | None) -> None:
    assert named_months(read([text])).null_count == 1


@given(at=INSTANTS, micros=st.integers(0, 999_999))
def test_seconds_since_1970_are_read_to_the_microsecond(at: datetime, micros: int) -> None:
    whole = int(at.timestamp())
    found = epochs(read([f"{whole}.{micros:06}", f"{whole}{micros // 1000:03}", str(whole)]))
    assert found[0].as_py() == at.replace(microsecond=micros)
    assert found[1].as_py() == at.replace(microsecond=micros // 1000 * 1000)
    assert found[2].as_py() == at


def test_no_second_is_no_instant() -> None:
    assert epochs(read(["0", "-1", "x", "", "1e9", None, "9" * 20])).null_count == 7


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("var/log/maillog-20210110", (2021, 1)),
        ("mail.log.2020-12", (2020, 12)),
        ("a2019/maillog.2", None),
        ("maillog_2021", (2021, 12)),
        ("id1202101", None),
    ],
)
def test_a_year_comes_from_the_name_of_the_file_alone(name: str, wanted: tuple[int, int] | None) -> None:
    assert year_by_name(name) == wanted


def test_a_month_after_the_one_in_the_name_is_of_the_year_before() -> None:
    texts = read(["Dec 31 23:59:59", "Jan  4 08:00:00", "Jan 04 2019 08:00:00", "2021-01-04T08:00:00+01:00"])
    found = [one and one.isoformat() for one in syslog_times(texts, "maillog-20210110").to_pylist()]
    assert found == [
        "2020-12-31T23:59:59+00:00",
        "2021-01-04T08:00:00+00:00",
        "2019-01-04T08:00:00+00:00",
        "2021-01-04T07:00:00+00:00",
    ]
    assert [one is None for one in syslog_times(texts, "maillog").to_pylist()] == [True, True, False, False]


def test_the_order_of_day_and_month_is_settled_by_a_value_above_twelve_or_not_at_all() -> None:
    assert day_first(["04/05/2021 x", "no date", "25.01.2021 08:00"]) is True
    assert day_first(["04/05/2021", "1/25/2021"]) is False
    assert day_first(["04/05/2021", "12-12-21"]) is None


@given(at=INSTANTS, starts_with_day=st.booleans())
def test_dates_in_numbers_are_read_in_the_order_that_is_known(at: datetime, *, starts_with_day: bool) -> None:
    parts = (at.day, at.month) if starts_with_day else (at.month, at.day)
    date = f"{parts[0]}/{parts[1]}/{at.year}"
    texts = read([f"{date} {at:%H:%M:%S}", f"{date} {at:%I:%M:%S} {'PM' if at.hour > 11 else 'AM'}"])
    assert numbered_dates(texts, starts_with_day=starts_with_day).to_pylist() == [at, at]


def test_in_unknown_order_only_what_has_one_meaning_is_read() -> None:
    texts = read(["04/05/2021 08:00:00", "05/05/2021 08:00:00", "25/05/2021 08:00:00", "05/25/2021 08:00:00"])
    found = numbered_dates(texts, starts_with_day=None).to_pylist()
    assert [one and (one.month, one.day) for one in found] == [None, (5, 5), (5, 25), (5, 25)]
