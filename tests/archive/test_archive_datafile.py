"""Data files: cut at months, sorted to the last tie, the same bytes for the same rows, verified before they are read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.archive.tables import SPEC, rows

from dwell.archive.datafile import DataFile, RowGroups, conform, discard, open_verified, read_lexicon, read_rows, stage
from dwell.errors import CustodyError, DiskFullError


def listed(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_rows_are_cut_at_the_months_and_come_back(tmp_path: Path) -> None:
    table = rows(200)
    staged = stage(tmp_path, SPEC, table, "unit")
    assert [one.month for one in staged] == ["2021-01", "2021-02", None]
    assert [one.path for one in staged] == [
        "month=2021-01/unit.parquet",
        "month=2021-02/unit.parquet",
        "month=unknown/unit.parquet",
    ]
    assert sum(one.rows for one in staged) == 200
    read = pa.concat_tables([read_rows(DataFile("web", tmp_path, one), SPEC.schema.names) for one in staged])
    assert read.cast(SPEC.schema).sort_by("record_no").equals(table)
    for one in staged:
        file = DataFile("web", tmp_path, one)
        times = read_rows(file, ["time_utc"])["time_utc"].drop_null().to_pylist()
        assert times == sorted(times)
        assert (file.first_utc, file.last_utc) == ((times[0], times[-1]) if times else (None, None))


def test_rows_can_be_taken_a_stretch_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dwell.archive.datafile.ROW_GROUP_ROWS", 16)
    file = DataFile("web", tmp_path, stage(tmp_path, SPEC, rows(90), "unit")[0])
    names = SPEC.schema.names
    whole = read_rows(file, names)
    assert pq.ParquetFile(file.path).num_row_groups > 2
    stretches = RowGroups(file, names)
    for places in ([], [0], [17, 16, 15], list(range(whole.num_rows - 1, -1, -1)), [3, 3, 40, 3]):
        found = stretches.take(np.array(places, np.int64))
        assert found.to_pylist() == whole.take(pa.array(places, pa.int64())).to_pylist()
    told = list(stretches)
    assert [start for start, _ in told] == list(range(0, whole.num_rows, 16))
    assert [row for _, part in told for row in part.to_pylist()] == whole.to_pylist()
    file.path.write_bytes(file.path.read_bytes()[:-1] + b"x")
    with pytest.raises(CustodyError):
        RowGroups(file, names)


@settings(max_examples=25)
@given(order=st.permutations(range(24)), chunks=st.integers(1, 5))
def test_the_order_in_which_rows_come_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], chunks: int
) -> None:
    # two files with the same instants: ties are broken by evidence, then number
    table = pa.concat_tables([rows(12, evidence="bb", step_s=0), rows(12, evidence="aa", step_s=0)])
    mixed = table.take(pa.array(order))
    cut = pa.concat_tables([mixed.slice(at, chunks) for at in range(0, 24, chunks)])
    first, second = tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("b")
    assert stage(first, SPEC, table, "unit") == stage(second, SPEC, cut, "unit")
    assert listed(first) == listed(second)
    held = pq.read_table(first / "month=2021-01" / "unit.parquet").to_pydict()
    assert list(zip(held["evidence_id"], held["record_no"], strict=True)) == sorted(
        zip(held["evidence_id"], held["record_no"], strict=True)
    )


def test_dictionary_coded_rows_give_the_same_bytes_as_plain_ones(tmp_path: Path) -> None:
    plain = rows(50)
    stage(tmp_path / "plain", SPEC, plain, "unit")
    stage(tmp_path / "coded", SPEC, conform(plain, SPEC), "unit")
    assert listed(tmp_path / "plain") == listed(tmp_path / "coded")


def test_pages_carry_checksums_and_the_types_are_the_schemas(tmp_path: Path) -> None:
    (one, *_) = stage(tmp_path, SPEC, rows(50), "unit")
    read = pq.ParquetFile(tmp_path / one.path, page_checksum_verification=True)
    assert read.schema_arrow.field("time_utc").type == pa.timestamp("us", tz="UTC")
    assert read.schema_arrow.field("status").type == pa.int32()
    assert read.schema_arrow.field("stem").type == pa.string()
    assert read.metadata.row_group(0).column(0).compression == "ZSTD"


def test_nearly_unique_columns_are_packed_apart_and_still_read_dictionary_coded(tmp_path: Path) -> None:
    table = rows(9_000, step_s=0)
    january, *_ = stage(tmp_path, SPEC, table, "unit")
    about = pq.read_metadata(tmp_path / january.path).row_group(0)
    encodings = {
        about.column(place).path_in_schema: about.column(place).encodings for place in range(about.num_columns)
    }
    assert "DELTA_LENGTH_BYTE_ARRAY" in encodings["id"]
    assert "DELTA_BINARY_PACKED" in encodings["record_no"]
    assert "RLE_DICTIONARY" in encodings["stem"]
    file = DataFile("web", tmp_path, january)
    coded = read_rows(file, ["id", "stem", "host"], dictionary=["id", "stem", "host"])
    assert all(pa.types.is_dictionary(one.type) for one in coded.schema)
    assert coded["id"].to_pylist() == read_rows(file, ["id"])["id"].to_pylist()


@pytest.mark.parametrize("what", ["changed", "gone", "cut", "empty"])
def test_a_file_that_is_not_what_was_written_is_never_read(tmp_path: Path, what: str) -> None:
    (one, *_) = stage(tmp_path, SPEC, rows(50), "unit")
    file = DataFile("web", tmp_path, one)
    for path in (file.path, file.lexicon_path):
        data = path.read_bytes()
        if what == "gone":
            path.unlink()
        else:
            path.write_bytes({"changed": bytes([data[0] ^ 1]) + data[1:], "cut": data[:-1], "empty": b""}[what])
    with pytest.raises(CustodyError) as fault:
        read_rows(file, ["stem"])
    assert str(file.path) in str(fault.value)
    with pytest.raises(CustodyError) as fault:
        read_lexicon(file)
    assert str(file.lexicon_path) in str(fault.value)
    with pytest.raises(CustodyError):
        open_verified(file.path, one.sha256)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_left_is_said_and_leaves_no_data_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError, match="run the same command again"):
        stage(tmp_path, SPEC, rows(50), "unit")
    assert not list(tmp_path.rglob("*.parquet"))


def test_another_write_fault_is_not_called_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        stage(tmp_path, SPEC, rows(50), "unit")


def test_discarded_files_leave_nothing(tmp_path: Path) -> None:
    discard(tmp_path, stage(tmp_path, SPEC, rows(50), "unit"))
    assert listed(tmp_path) == {}


def test_no_rows_make_no_file(tmp_path: Path) -> None:
    assert stage(tmp_path, SPEC, SPEC.schema.empty_table(), "unit") == []
