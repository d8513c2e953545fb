"""Parts of instants: the calendar of the standard library is the judge."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hunt.archives import archive_of, hunted, load_rules, met

from dwell.hunt.hunting import hunt
from dwell.hunt.timeparts import PARTS, time_part
from dwell.hunt.wide import Hunter
from dwell.model.claims import RuleStatus

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda one: timezone(timedelta(minutes=one)))
INSTANTS = st.datetimes(datetime(1971, 1, 1), datetime(2262, 1, 1), timezones=ZONES)  # noqa: DTZ001 - hypothesis wants it bare


def expected(at: datetime) -> dict[str, int]:
    utc = at.astimezone(UTC)
    return {**{one: getattr(utc, one) for one in PARTS if one != "week"}, "week": utc.isocalendar().week}


@given(st.lists(st.tuples(INSTANTS, st.sampled_from("T "), st.booleans()), max_size=8))
def test_an_instant_is_read_in_utc_however_it_is_written(drawn: list[tuple[datetime, str, bool]]) -> None:
    texts = []
    for at, between, zoned in drawn:
        text = at.isoformat(sep=between)
        texts.append(text if zoned else at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=between))
    column = pa.array(texts, pa.string())
    for part in PARTS:
        assert time_part(column, part).tolist() == [expected(at)[part] for at, _, _ in drawn]


@given(st.lists(st.text("0123456789-:TZ +.", max_size=24) | st.text(max_size=8)))
def test_any_text_is_an_instant_or_none(texts: list[str]) -> None:
    for part in PARTS:
        assert len(time_part(pa.array(texts, pa.string()), part)) == len(texts)


@pytest.mark.parametrize(
    "text",
    ["", "x", "2019-02-30 10:00", "2019-13-01", "2019-00-01", "2019-01-00", "2019-01-01 24:00", "5/3/2019 10:00"],
)
def test_what_is_no_instant_has_no_parts(text: str) -> None:
    assert all(math.isnan(time_part(pa.array([text]), part)[0]) for part in PARTS)


def test_a_date_alone_has_no_clock_and_zones_move_the_day() -> None:
    texts = pa.array(["2020-12-31", "2020-12-31T23:30:00-01:00", "2021-01-01 00:30:00.1234567 Z"])
    assert np.isnan(time_part(texts, "hour")).tolist() == [True, False, False]
    assert time_part(texts, "year").tolist() == [2020, 2021, 2021]
    assert time_part(texts, "week").tolist() == [53, 53, 53]


def test_rules_ask_for_parts_of_a_field_and_of_the_record_itself(tmp_path: Path) -> None:
    rows = [
        {"cs-uri-stem": "/a", "cs-host": "2021-05-05 23:10:00", "time_utc": datetime(2019, 4, 6, 2, 0, tzinfo=UTC)},
        {"cs-uri-stem": "/b", "cs-host": "2021-05-05 04:10:00", "time_utc": datetime(2019, 4, 6, 12, 0, tzinfo=UTC)},
    ]
    asked: list[tuple[str, object]] = [
        ("date|hour", 2),
        ("timestamp|hour|lt", 6),
        ("cs-host|hour|gte", 23),
        ("cs-host|minute", [10, 11]),
        ("time|week", 14),
        ("cs-host|month|neq", 5),
    ]
    rules = [
        {
            "title": key,
            "id": f"50000000-0000-4000-8000-{at:012}",
            "logsource": {"category": "webserver"},
            "detection": {"s": {key: value}, "condition": "s"},
        }
        for at, (key, value) in enumerate(asked)
    ]
    loaded = load_rules(tmp_path / "rules", *rules)
    found = met(hunted(archive_of(tmp_path / "archive", {"iis": rows}), Hunter(loaded.rules)))
    assert {int(one[-4:]): which for one, which in found.items()} == {0: {1}, 1: {1}, 2: {1}, 3: {1, 2}, 4: {1, 2}}


def test_instants_do_not_tell_equal_records_apart(tmp_path: Path) -> None:
    rule = {
        "title": "early",
        "id": "50000000-0000-4000-8000-000000000001",
        "logsource": {"category": "webserver"},
        "detection": {"s": {"timestamp|hour": 8}, "condition": "s"},
    }
    rows = [{"cs-uri-stem": "/a"}] * 40
    archive = archive_of(tmp_path / "archive", {"iis": rows})
    hits = hunted(archive, Hunter(load_rules(tmp_path / "rules", rule).rules))
    assert hits["count"].to_pylist() == [40]
    found = hunt(archive, rule_folders=[tmp_path / "rules"], workers=1)
    told = next(one for one in found.outcomes if one.title == "early")
    assert (told.status, told.reason) == (RuleStatus.RAN, "")
