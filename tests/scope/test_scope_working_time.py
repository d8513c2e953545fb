"""Working time: hours on the wall, days off, and what they do to the term of unusual hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scope.sessions import START, Visit, accesses_of

from dwell.model.settings import Setting, SettingKind, band, hours_text
from dwell.scope.habits import ties
from dwell.scope.working_time import EPOCH, SLOTS, WorkingTime, dates_of, known_zone, library, working_time

ZONES = ["UTC", "Europe/Brussels", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]
FIRST = datetime(1995, 1, 1, tzinfo=UTC)


def us(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000


def hour_bits(visits: list[Visit], working: WorkingTime | None, account: str = "a") -> list[float]:
    """Give the term of each tie of one account, in order of its networks."""
    accesses = accesses_of(visits)
    found = ties(accesses, np.zeros(len(accesses), np.bool_), working).to_pylist()
    mine = [one for one in found if accesses.names[one["account"]] == account]
    mine.sort(key=lambda one: accesses.networks[one["network"]])
    return [one["hour_bits"] for one in mine]


@pytest.mark.parametrize(
    ("text", "days", "hours", "form"),
    [
        ("Mon-Fri 08-18", {0, 1, 2, 3, 4}, set(range(8, 18)), "Mon,Tue,Wed,Thu,Fri 08-18"),
        ("sun-thu  7:00-15:00", {6, 0, 1, 2, 3}, set(range(7, 15)), "Mon,Tue,Wed,Thu,Sun 07-15"),
        ("Mon,Wed 22-06", {0, 2}, {22, 23, 0, 1, 2, 3, 4, 5}, "Mon,Wed 22-06"),
        ("Mon-Sun 0-24", set(range(7)), set(range(24)), "Mon,Tue,Wed,Thu,Fri,Sat,Sun 00-24"),
    ],
)
def test_hours_are_read_and_written_in_one_form(text: str, days: set[int], hours: set[int], form: str) -> None:
    assert tuple(map(set, band(text))) == (days, hours)
    assert hours_text(text) == form
    assert tuple(map(set, band(form))) == (days, hours)


@pytest.mark.parametrize(
    "text",
    ["", "Mon-Fri", "08-18", "Mon-Fri 8", "Mon-Fri 08:30-18", "Mon-Fri 18-18", "Mon-Fri 8-25", "Fun 8-9", "Mon ²-9"],
)
def test_hours_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        band(text)


@given(
    st.sampled_from(ZONES),
    st.lists(st.integers(0, 40 * 365 * 24).map(lambda hours: FIRST + timedelta(hours=hours, minutes=7)), max_size=30),
)
def test_local_time_is_what_the_clock_on_the_wall_shows(zone: str, instants: list[datetime]) -> None:
    found = WorkingTime(zone).local(np.array([us(one) for one in instants], np.int64))
    wanted = [one.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC) for one in instants]
    assert found.tolist() == [us(one) for one in wanted]


def test_an_instant_beyond_every_calendar_is_taken_as_it_is() -> None:
    far = np.array([-(2**62), 2**62], np.int64)
    working = WorkingTime("Europe/Brussels", holidays=("BE",))
    assert working.local(far).tolist() == far.tolist()
    assert len(working.slots(far)) == 2


def test_days_off_are_weekends_holidays_and_days_that_are_named() -> None:
    working = WorkingTime(holidays=("BE", "2021-05-14"))
    days = [date(2021, 5, 12) + timedelta(days=one) for one in range(6)]
    off = working.days_off(np.array([(one - EPOCH).days for one in days], np.int64))
    # Ascension Day, the day after it, and the weekend
    assert off.tolist() == [False, True, True, True, True, False]
    assert library().startswith("holidays ")


def test_a_part_of_a_country_has_holidays_of_its_own() -> None:
    assert date(2021, 1, 6) in dates_of("DE/BY", 2021, 2021)
    assert date(2021, 1, 6) not in dates_of("DE", 2021, 2021)
    for wrong in ("XX", "DE/ZZ", "2021-02-30"):
        with pytest.raises(ValueError, match=r".*"):
            dates_of(wrong, 2021, 2021)


def test_holidays_are_asked_for_within_bounds() -> None:
    assert dates_of("BE", 1, 1980) == ()
    assert dates_of("BE", 1601, 9999)[0].year == 1990


def test_zones_are_known_by_their_names() -> None:
    assert known_zone("Europe/Brussels")
    assert not any(known_zone(one) for one in ("Europe/Atlantis", "../../etc/passwd", "/etc/localtime", "", "a\0b"))


def test_settings_make_a_working_time_and_none_where_none_speaks_of_it() -> None:
    def setting(kind: str, value: str) -> Setting:
        return Setting("S1", SettingKind(kind), value, "why", "me")

    assert working_time([setting("vip", "ann@gov.example")]) is None
    assert working_time([setting("zone", "Asia/Tokyo")]) == WorkingTime("Asia/Tokyo")
    found = working_time(
        [setting("hours", "Sun,Mon 08-10"), setting("holidays", "BE"), setting("holidays", "2021-05-14")]
    )
    assert found == WorkingTime("UTC", frozenset({6, 0}), frozenset({8, 9}), ("BE", "2021-05-14"))


WORKDAYS = [day for day in range(120) if day % 7 < 5]
OFFICE = [Visit(name, 1, "Chrome/88", day, 9 + day % 7) for name in "abcdef" for day in WORKDAYS]


def test_a_visit_on_a_holiday_is_as_unusual_as_one_on_a_weekend() -> None:
    # START is a Monday in January: day 10 is a Thursday
    thursday = (START + timedelta(days=10)).date().isoformat()
    visits = [one for one in OFFICE if one.day != 10] + [Visit("a", 2, "Chrome/88", 10, 10)]
    weekend = [one for one in OFFICE if one.day != 10] + [Visit("a", 2, "Chrome/88", 12, 10)]
    plain, on_holiday = hour_bits(visits, None)[1], hour_bits(visits, WorkingTime(holidays=(thursday,)))[1]
    assert plain < 1 < on_holiday
    assert on_holiday == pytest.approx(hour_bits(weekend, None)[1], abs=0.3)


def test_a_zone_moves_hours_but_not_how_unusual_they_are_where_no_clock_is_changed() -> None:
    assert hour_bits(OFFICE, WorkingTime("Asia/Kathmandu")) == pytest.approx(hour_bits(OFFICE, WorkingTime()), abs=0.02)


def test_hours_that_are_set_make_a_night_more_unusual_where_nights_are_common() -> None:
    nights = [Visit(name, 3, "Chrome/88", day, 2) for name in "cdef" for day in WORKDAYS[:5]]
    visits = [*OFFICE, *nights, Visit("a", 2, "Chrome/88", 11, 2), Visit("a", 4, "Chrome/88", 11, 11)]
    without = hour_bits(visits, WorkingTime())
    with_hours = hour_bits(visits, WorkingTime(hours=frozenset(range(8, 18))))
    # a's ties: networks 1, 2, 4; the night is on 2
    assert with_hours[1] > without[1]
    assert with_hours[2] <= without[2] + 0.3


@given(st.lists(st.integers(0, 50), min_size=SLOTS, max_size=SLOTS).filter(any), st.sets(st.integers(0, 23)))
def test_what_everybody_does_stays_a_share_of_one(counts: list[int], hours: set[int]) -> None:
    working = WorkingTime(hours=frozenset(hours))
    width = np.repeat([5.0, 2.0], SLOTS // 2)
    shares = working.prior(np.array(counts, np.float64), width)
    assert shares.sum() == pytest.approx(1.0)
    assert (shares >= 0).all()


def test_nothing_set_is_monday_to_friday_in_utc() -> None:
    visits = [*OFFICE, Visit("a", 2, "Chrome/88", 5, 3)]
    assert hour_bits(visits, None) == pytest.approx(hour_bits(visits, WorkingTime()), abs=0.1)
