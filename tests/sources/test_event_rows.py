"""Events of many shapes come out of a batch as they went in: each in its row, its names in their order."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dwell.sources.event_rows import Rows
from dwell.sources.windows_event import DATA_COLUMNS, SCHEMA, System

_NAMES = st.sampled_from(["TargetUserName", "LogonType", "Image", "Own", "Other", "Third", ""])
_VALUES = st.one_of(st.text(max_size=5), st.integers(-5, 5), st.booleans(), st.none(), st.just(1.5))


def _told(value: object) -> str | None:
    """Give a value as a text, written anew for the test."""
    if value is None:
        return None
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


@given(st.lists(st.dictionaries(_NAMES, _VALUES, max_size=6), min_size=1, max_size=12))
def test_what_goes_in_comes_out(events: list[dict[str, object]]) -> None:
    rows = Rows()
    for number, data in enumerate(events, 1):
        rows.add(number, System(EventID=number), data)
    batch = rows.batch()
    assert batch.schema == SCHEMA
    assert batch["record_no"].to_pylist() == batch["EventID"].to_pylist() == list(range(1, len(events) + 1))
    for place, data in enumerate(events):
        told = {name: _told(value) for name, value in data.items()}
        for name in DATA_COLUMNS:
            assert batch[name][place].as_py() == told.get(name)
        rest = [(name, value) for name, value in told.items() if name not in DATA_COLUMNS]
        assert batch["EventData"][place].as_py() == rest


def test_structures_are_json_and_lone_surrogates_are_marked() -> None:
    rows = Rows()
    rows.add(1, System(), {"Image": ["a", {"b": 1}], "Own": "x\ud800y"})
    batch = rows.batch()
    assert batch["Image"].to_pylist() == ['["a",{"b":1}]']
    assert batch["EventData"].to_pylist() == [[("Own", "x?y")]]


def test_given_instants_stand_in() -> None:
    rows = Rows()
    rows.add(7, System(), {})
    times = pa.array([5], pa.timestamp("us", tz="UTC"))
    assert rows.batch(times)["time_utc"].cast(pa.int64()).to_pylist() == [5]
