"""Folding against the same done row by row."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.scope.rollup import fold, requests
from dwell.scope.rollup.fold import Column

_ROW = st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9))


@given(st.lists(_ROW, max_size=40), st.sampled_from([None, 2]))
def test_runs_are_in_order_of_key_time_and_tie(rows: list[tuple[int, int, int]], gap: int | None) -> None:
    key, when, tie = (np.array([one[place] for one in rows], np.int64) for place in range(3))
    order, starts = fold.runs(key, when, tie, gap)
    expected = np.lexsort((tie, when, key)).tolist()
    assert order.tolist() == expected
    begins = [
        place
        for place, row in enumerate(expected)
        if place == 0
        or key[row] != key[expected[place - 1]]
        or (gap is not None and when[row] - when[expected[place - 1]] > gap)
    ]
    assert starts.tolist() == begins


@given(st.lists(_ROW, min_size=1, max_size=40))
def test_the_ends_of_each_key_are_its_first_and_last_row_by_time(rows: list[tuple[int, int, int]]) -> None:
    key, when, tie = (np.array([one[place] for one in rows], np.int64) for place in range(3))
    first, last = fold.ends(key, when, tie)
    spans = {
        one: [row for row in np.lexsort((tie, when)).tolist() if key[row] == one] for one in sorted(set(key.tolist()))
    }
    assert [(rows[one], rows[other]) for one, other in zip(first, last, strict=True)] == [
        (rows[each[0]], rows[each[-1]]) for each in spans.values()
    ]


def test_two_codes_make_one_number_that_is_too_large_for_either() -> None:
    high, low = np.array([2**31 - 1, 0, -1], np.int32), np.array([2**31 - 1, -1, 5], np.int32)
    made = fold.paired(high, 2**31, low)
    assert made.tolist() == [one * 2**31 + two for one, two in zip(high.tolist(), low.tolist(), strict=True)]


def test_numbers_are_narrow_where_they_fit() -> None:
    assert fold.narrow(np.array([-1, 2**31 - 1])).dtype == np.int32
    for wide in (2**31, -(2**31) - 1):
        assert fold.narrow(np.array([0, wide])).tolist() == [0, wide]
    assert not len(fold.narrow(np.zeros(0, np.int64)))


@pytest.mark.parametrize("sorted_from", [0, fold.SORTED_MIN])
@given(drawn=st.lists(st.integers(-3, 3) | st.integers(-(2**50), 2**50) | st.integers(-(2**60), 2**60), max_size=30))
def test_numbers_are_ranked_alike_by_table_by_hash_and_by_sorting(sorted_from: int, drawn: list[int]) -> None:
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(fold, "SORTED_MIN", sorted_from)
        rank, first = fold.numbered(np.array(drawn, np.int64))
    distinct = sorted(set(drawn))
    assert rank.tolist() == [distinct.index(one) for one in drawn]
    assert first.tolist() == [drawn.index(one) for one in distinct]


_PLACED = st.tuples(st.sampled_from(["e", "f"]), st.sampled_from(["EX01", None]), st.none() | st.integers(0, 9_000))


@given(st.lists(_PLACED, max_size=40))
def test_hours_are_counted_in_whatever_order_rows_come(rows: list[tuple[str, str | None, int | None]]) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    table = pa.table(
        {
            "evidence_id": pa.array([one for one, _, _ in rows], pa.string()),
            "host": pa.array([one for _, one, _ in rows], pa.string()),
            "time_utc": pa.array(
                [None if at is None else start + timedelta(seconds=at) for _, _, at in rows], pa.timestamp("us", "UTC")
            ),
        }
    )
    hour = int(start.timestamp()) // 3600
    expected = Counter((one, host, None, hour + at // 3600) for one, host, at in rows if at is not None)
    found = Counter({tuple(row.values())[:-1]: row["records"] for row in fold.hours(table).to_pylist()})
    assert found == expected


@given(st.lists(st.tuples(*[st.integers(-1, 2**40)] * 3), min_size=1, max_size=20))
def test_a_group_is_numbered_in_order_of_its_columns_however_wide_they_are(rows: list[tuple[int, int, int]]) -> None:
    found = fold.group([np.array([one[place] for one in rows], np.int64) for place in range(3)])
    assert fold.ranked(found).tolist() == [sorted(set(rows)).index(one) for one in rows]


def test_what_is_found_of_values_is_given_per_row() -> None:
    column = Column(np.array([1, -1, 0, 1], np.int64), ["a", "b"])
    assert column.each([7, 8], 0).tolist() == [8, 0, 7, 8]
    assert column.flags([False, True]).tolist() == [True, False, False, True]


def test_coded_texts_stand_there_once_and_only_where_used() -> None:
    column = Column(np.array([3, 1, -1, 0], np.int64), ["a", "b", "unused", "a"])
    found = column.coded(np.arange(4))
    assert found.to_pylist() == ["a", "b", None, "a"]
    assert sorted(found.dictionary.to_pylist()) == ["a", "b"]


_ID = "{:08x}-0b6c-4a2e-9b5c-000000000000"
_DRAWN = st.one_of(
    st.integers(0, 60).map(_ID.format),
    st.integers(0, 60).map(lambda one: _ID.format(one).upper()),
    st.sampled_from(["", "-", "0" * 36, "\u00e9" * 18, None]),
)


@given(ids=st.lists(st.tuples(_DRAWN, st.booleans()), max_size=60), size=st.integers(1, 12))
def test_the_sample_is_that_of_the_lowest_ids(ids: list[tuple[str | None, bool]], size: int) -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    table = pa.table(
        {
            "id": pa.array([one for one, _ in ids], pa.string()),
            "host": pa.array(["EX01"] * len(ids), pa.string()),
            "time_utc": pa.array([at if timed else None for _, timed in ids], pa.timestamp("us", tz="UTC")),
            "evidence_id": pa.array(["e"] * len(ids), pa.string()),
            "record_no": pa.array(range(len(ids)), pa.int64()),
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests, "SAMPLE", size)
        found = requests.sampled(table, "id")
    shaped = (
        pc.match_substring_regex(pc.utf8_lower(table["id"]), requests._GUID).fill_null(fill_value=False).to_pylist()
    )
    good = [(str(one).lower(), row) for row, (one, timed) in enumerate(ids) if timed and shaped[row]]
    limit = sorted(text[:8] for text, _ in good)[size] if len(good) > size else "z"
    kept = [(text, row) for text, row in good if text[:8] < limit]
    assert list(zip(found["request_id"].to_pylist(), found["record_no"].to_pylist(), strict=True)) == kept
