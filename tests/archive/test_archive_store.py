"""Tables: append exactly once, each changed byte found, others read the same rows, the folder can be moved."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from tests.archive.tables import SPEC, filled, put, rows

from dwell.archive.datafile import read_rows, stage
from dwell.archive.deltalog import TableLog
from dwell.archive.shifts import ClockShift
from dwell.archive.spec import Made, TableSpec
from dwell.archive.store import Archive, Fault
from dwell.errors import ArchiveError, CustodyError, DiskFullError


def all_rows(archive: Archive) -> list[dict[str, object]]:
    """Read every row through our own reader, in one order."""
    parts = [read_rows(file, SPEC.schema.names) for file in archive.files(SPEC.name)]
    return in_order(pa.concat_tables(parts))


def in_order(table: pa.Table) -> list[dict[str, object]]:
    rows_found: list[dict[str, object]] = (
        table.select(SPEC.schema.names).sort_by([("evidence_id", "ascending"), ("record_no", "ascending")]).to_pylist()
    )
    return rows_found


def test_a_repeated_transaction_is_left_as_it_is(tmp_path: Path) -> None:
    archive = filled(tmp_path, units=2)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    version = archive.version()
    again = archive.commit(SPEC.name, [], "unit1")
    assert again.version == 1
    assert Archive(tmp_path, archive.specs).commit(SPEC.name, [], "unit0").version == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert archive.version() == version == Archive(tmp_path, archive.specs).version()
    assert archive.has(SPEC.name, "unit1")
    assert not archive.has(SPEC.name, "unit2")


def test_a_second_writer_is_refused_by_the_log_itself(tmp_path: Path) -> None:
    archive = filled(tmp_path, units=1)
    other = Archive(tmp_path, archive.specs)
    assert len(other.files(SPEC.name)) == 3  # the other has read the log and does not see what follows
    put(archive, rows(10, evidence="mine"), "mine")
    with pytest.raises(ArchiveError):
        put(other, rows(10, evidence="other"), "other")
    assert [one.transaction for one in Archive(tmp_path, archive.specs).log(SPEC.name).commits()] == ["unit0", "mine"]


def _first_letters(column: pa.ChunkedArray) -> dict[str, pa.Array]:
    """Make two columns of `query`: its first letter, and a map of its length."""
    texts = column.cast(pa.string()).combine_chunks()
    letters = pc.utf8_slice_codeunits(texts, 0, 1)
    sizes = [[("size", str(len(one)))] for one in texts.to_pylist()]
    return {"letter": letters.dictionary_encode(), "sizes": pa.array(sizes, pa.map_(pa.string(), pa.string()))}


def _wider() -> TableSpec:
    """Give the table as a later version has it."""
    more = [pa.field("letter", pa.string()), pa.field("sizes", pa.map_(pa.string(), pa.string()))]
    made = Made("query", frozenset({"letter", "sizes"}), _first_letters)
    return TableSpec(SPEC.name, pa.schema([*SPEC.schema, *more]), (*SPEC.lexicon, "letter"), SPEC.joined, made)


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("corrected", [False, True])
def test_columns_that_came_later_are_made_while_reading(tmp_path: Path, indexed: bool, corrected: bool) -> None:
    filled(tmp_path, units=1, count=50)
    shifts = (ClockShift("EX01", (SPEC.name,), (), (), 0, 2**60, 3_600_000_000),) if corrected else ()
    later = Archive(tmp_path, {SPEC.name: _wider()}, shifts)
    for file in later.files(SPEC.name):
        one = file if indexed else replace(file, staged=replace(file.staged, index_sha256=""))
        names = ["sizes", "letter", "record_no"]
        plain, code = read_rows(one, names), read_rows(one, names, dictionary=["letter"])
        stored = read_rows(one, ["record_no", "query"]).to_pydict()
        assert plain.column_names == code.column_names == names
        assert (plain["letter"].type, pa.types.is_dictionary(code["letter"].type)) == (pa.string(), True)
        assert plain["record_no"].to_pylist() == stored["record_no"]
        assert plain["letter"].to_pylist() == code["letter"].to_pylist() == [text[0] for text in stored["query"]]
        assert plain["sizes"].to_pylist() == [[("size", str(len(text)))] for text in stored["query"]]


def test_a_table_that_grew_wider_is_told_to_other_readers(tmp_path: Path) -> None:
    filled(tmp_path, units=2, count=5)
    later = Archive(tmp_path, {SPEC.name: _wider()})
    told = rows(5, evidence="new")
    made = _first_letters(told["query"])
    wide = told.append_column("letter", made["letter"]).append_column("sizes", made["sizes"])
    for unit in ("wide", "again"):
        staged = stage(later.folder(SPEC.name), _wider(), wide, f"{unit}-0000")
        later.commit(SPEC.name, staged, unit)
    commits = [
        [json.loads(line) for line in path.read_text().splitlines()]
        for path in sorted((tmp_path / SPEC.name / "_delta_log").glob("*.json"))
    ]
    assert [sum("metaData" in one for one in actions) for actions in commits] == [1, 0, 1, 0]
    read = pa.table(DeltaTable(str(tmp_path / SPEC.name)).to_pyarrow_dataset().to_table())
    assert sorted(set(read["letter"].to_pylist()), key=str) == [None, "a"]
    assert read.num_rows == 20


def test_the_version_changes_with_every_commit(tmp_path: Path) -> None:
    archive = filled(tmp_path, units=1)
    first = archive.version()
    put(archive, rows(5, evidence="zz"), "more")
    assert archive.version() != first


def test_others_read_the_same_rows_and_the_folder_can_be_moved(tmp_path: Path) -> None:
    filled(tmp_path / "here", units=3)
    shutil.move(tmp_path / "here", tmp_path / "there")
    archive = Archive(tmp_path / "there", {SPEC.name: SPEC})
    ours = all_rows(archive)
    assert len(ours) == 600
    folder = archive.folder(SPEC.name)
    assert in_order(DeltaTable(str(folder)).to_pyarrow_table()) == ours
    assert in_order(pl.read_delta(str(folder)).to_arrow().cast(_loose())) == ours
    pattern = f"{folder}/month=*/*.parquet"
    assert in_order(pl.scan_parquet(pattern, hive_partitioning=True).collect().to_arrow().cast(_loose())) == ours
    with duckdb.connect() as link:
        link.execute("SET TimeZone = 'UTC'")
        found: pa.Table = link.sql(
            "SELECT * FROM read_parquet(?, hive_partitioning = true)", params=[pattern]
        ).to_arrow_table()
        assert in_order(found.select(SPEC.schema.names).cast(SPEC.schema)) == ours
        months = link.execute(
            "SELECT DISTINCT month FROM read_parquet(?, hive_partitioning = true) ORDER BY 1", [pattern]
        ).fetchall()
    assert months == [("2021-01",), ("2021-02",), ("unknown",)]


def _loose() -> pa.Schema:
    """Give the schema with the partition column, for readers that add it at the end."""
    return SPEC.schema.append(pa.field("month", pa.string()))


def test_the_log_names_no_place_and_no_clock(tmp_path: Path) -> None:
    filled(tmp_path / "a")
    filled(tmp_path / "b")
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / one / SPEC.name / "_delta_log").iterdir()} for one in "ab"
    )
    assert first == second
    assert str(tmp_path).encode() not in b"".join(first.values())


@pytest.mark.parametrize("harm", ["empty", "cut", "gone", "text", "list"])
def test_a_harmed_log_is_never_taken_for_a_shorter_table(tmp_path: Path, harm: str) -> None:
    archive = filled(tmp_path, units=3)
    path = archive.log(SPEC.name).commits()[1].log_path
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": path.read_bytes()[:-40], "text": b"hello\n", "list": b"[1]\n"}[harm])
    with pytest.raises(CustodyError) as fault:
        TableLog(archive.folder(SPEC.name), SPEC.name).files()
    assert fault.value.place is not None
    (found,) = [one for one in Archive(tmp_path, archive.specs).verify() if isinstance(one, Fault)]
    assert "_delta_log" in found.path


def test_only_an_empty_last_commit_that_nobody_knows_is_removed(tmp_path: Path) -> None:
    archive = filled(tmp_path, units=2)
    log = archive.log(SPEC.name)
    empty = log.log_folder / f"{2:020}.json"
    empty.write_bytes(b"")
    (log.log_folder / f"{3:020}.part").write_bytes(b"half")
    assert log.drop_unfinished(3) is None
    assert empty.exists()
    assert log.drop_unfinished(2) == empty
    assert len(log.commits()) == 2
    assert log.drop_unfinished(0) is None
    assert sorted(one.name for one in log.log_folder.iterdir()) == [f"{0:020}.json", f"{1:020}.json"]


def test_verify_names_every_file_once(tmp_path: Path) -> None:
    archive = filled(tmp_path, units=2)
    good = list(archive.verify())
    assert not [one for one in good if isinstance(one, Fault)]
    assert len(good) == len(set(map(str, good))) == 2 + 2 * 3 * 3
    victim = archive.files(SPEC.name)[0]
    victim.path.write_bytes(b"")
    victim.lexicon_path.unlink()
    faults = [one for one in archive.verify() if isinstance(one, Fault)]
    assert [Path(one.path).name for one in faults] == [victim.path.name, victim.lexicon_path.name]
    assert not archive.intact(SPEC.name, [victim.staged])
    assert archive.intact(SPEC.name, [archive.files(SPEC.name)[1].staged])


def test_what_an_interrupted_run_left_is_found_and_nothing_else(tmp_path: Path) -> None:
    archive = filled(tmp_path, units=1)
    left = stage(archive.folder(SPEC.name), SPEC, rows(10, evidence="left"), "left")
    half = archive.folder(SPEC.name) / "month=2021-01" / "half.parquet.part"
    half.write_bytes(b"PAR1")
    (archive.folder(SPEC.name) / "notes.txt").write_text("somebody's notes")
    found = archive.unregistered()
    assert half in found
    assert len(found) == 3 * len(left) + 1  # data, lexicon and index of each
    assert not {file.path for file in archive.files(SPEC.name)} & set(found)


@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_no_room_left_while_committing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    archive = filled(tmp_path, units=1)
    files = stage(archive.folder(SPEC.name), SPEC, rows(10, evidence="next"), "next")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        if call == "write":
            patch.setattr(Path, "open", full)
        else:
            patch.setattr(os, call, full)
        with pytest.raises(DiskFullError):
            archive.commit(SPEC.name, files, "next")
    again = Archive(tmp_path, archive.specs)
    assert [one.transaction for one in again.log(SPEC.name).commits()] == ["unit0"]
    assert again.commit(SPEC.name, files, "next").version == 1
    assert len(all_rows(again)) == 210


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refused)
    archive = filled(tmp_path, units=2)
    assert len(all_rows(Archive(tmp_path, archive.specs))) == 400


def test_a_month_that_is_unknown_is_a_null_partition(tmp_path: Path) -> None:
    archive = filled(tmp_path, units=1)
    lines = archive.log(SPEC.name).commits()[0].log_path.read_text().splitlines()
    adds = [json.loads(one)["add"] for one in lines if "add" in json.loads(one)]
    assert {one["partitionValues"]["month"] for one in adds} == {"2021-01", "2021-02", None}


def test_an_archive_that_holds_nothing(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "none", {SPEC.name: SPEC})
    assert archive.tables() == []
    assert archive.files(SPEC.name) == []
    assert archive.unregistered() == []
    assert list(archive.verify()) == []
