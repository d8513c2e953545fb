"""The index of a data file: parts are read alone and verified alone, and codes are places in the lexicon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.archive.tables import SPEC, rows

from dwell.archive import lexicon as lex
from dwell.archive.datafile import (
    ColumnReader,
    DataFile,
    StagedFile,
    WordsReader,
    read_index,
    read_lexicon,
    read_rows,
    stage,
)
from dwell.archive.index import Index
from dwell.archive.lexicon import Lexicon, ranked
from dwell.archive.parts import chunk_starts
from dwell.archive.spec import TableSpec
from dwell.errors import CustodyError


def stored(folder: Path, table: pa.Table) -> DataFile:
    one, *_ = stage(folder, SPEC, table, "unit")
    return DataFile(SPEC.name, folder, one)


def indexed(file: DataFile) -> Index:
    found = read_index(file)
    assert found is not None
    return found


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def chunk(file: DataFile, column: str) -> int:
    """Give a byte in the middle of a column's chunk."""
    about = pq.read_metadata(file.path)
    place = next(at for at in range(about.num_columns) if about.schema.column(at).path == column)
    return chunk_starts(about, 0, [place])[0] + int(about.row_group(0).column(place).total_compressed_size) // 2


def test_parts_cover_the_whole_file(tmp_path: Path) -> None:
    file = stored(tmp_path, rows(200))
    index = indexed(file)
    for path, parts in ((file.path, index.data), (file.lexicon_path, index.lexicon)):
        bounds = [parts.bounds(one) for one in range(len(parts.starts))]
        assert bounds[0][0] == 4, "behind the magic number, which every reading looks at"
        assert [end for _, end in bounds[:-1]] == [start for start, _ in bounds[1:]]
        assert bounds[-1][1] == parts.size_bytes == path.stat().st_size
        assert all(parts.holding(start) == at for at, (start, _) in enumerate(bounds))


def test_what_is_read_is_verified_and_what_is_not_read_is_not_asked_for(tmp_path: Path) -> None:
    file = stored(tmp_path, rows(200))
    good = read_rows(file, ["stem", "status"], dictionary=["stem"])
    flip(file.path, chunk(file, "query"))
    assert read_rows(file, ["stem", "status"], dictionary=["stem"]).equals(good)
    with pytest.raises(CustodyError, match="SHA-256 differs") as fault:
        read_rows(file, ["stem", "query"])
    assert str(file.path) in str(fault.value)


@pytest.mark.parametrize("at", [0, -1, -9, -40])
def test_a_changed_footer_is_noticed_whatever_is_read(tmp_path: Path, at: int) -> None:
    file = stored(tmp_path, rows(200))
    flip(file.path, at)
    with pytest.raises(CustodyError):
        read_rows(file, ["status"])


def test_every_byte_of_the_index_counts(tmp_path: Path) -> None:
    file = stored(tmp_path, rows(20))
    data = file.index_path.read_bytes()
    for at in range(0, len(data), 7):
        file.index_path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        with pytest.raises(CustodyError) as fault:
            read_rows(file, ["status"])
        assert str(file.index_path) in str(fault.value)
    file.index_path.unlink()
    with pytest.raises(CustodyError, match="cannot be read"):
        read_rows(file, ["status"])


def test_a_file_that_is_no_index_is_no_crash(tmp_path: Path) -> None:
    file = stored(tmp_path, rows(20))
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    file.index_path.write_bytes(b"{}")
    with pytest.raises(CustodyError):
        read_rows(DataFile(file.table, file.folder, replace(file.staged, index_sha256=digest)), ["status"])


def test_codes_are_places_in_the_lexicon(tmp_path: Path) -> None:
    file = stored(tmp_path, rows(200))
    index = indexed(file)
    assert index.ranked == ("query", "stem")
    assert index.complete == ("query", "stem", "uri")
    held = read_rows(file, ["stem", "query"], dictionary=["stem", "query"])
    lexicon = read_lexicon(file)
    for name in ("stem", "query", "uri"):
        words, counts = WordsReader(file, index).read(name)
        whole = lexicon.column(name)
        assert words.to_pylist() == whole["value"].to_pylist()
        assert counts.tolist() == whole["count"].to_pylist()
    for name in index.ranked:
        words, counts = WordsReader(file, index).read(name)
        column = held[name].combine_chunks()
        assert column.dictionary.to_pylist() == words.drop_null().to_pylist()
        assert [column.indices.to_pylist().count(one) for one in range(len(column.dictionary))] == counts.tolist()


def test_a_column_without_texts_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    table = rows(30)
    table = table.set_column(5, SPEC.schema.field("query"), pa.nulls(30, pa.string()))
    file = stored(tmp_path, table)
    index = indexed(file)
    words, counts = WordsReader(file, index).read("query")
    assert (words.to_pylist(), counts.tolist()) == ([None], [file.staged.rows])
    assert len(WordsReader(file, index).read("host")[0]) == 0


def test_an_archive_without_indexes_reads_the_same(tmp_path: Path) -> None:
    file = stored(tmp_path, rows(200))
    known = file.staged.as_dict()
    del known["index_sha256"]
    before = DataFile(file.table, file.folder, StagedFile(**known))  # type: ignore[arg-type]
    assert read_index(before) is None
    assert len(before.written()) == 2
    assert read_rows(before, SPEC.schema.names).equals(read_rows(file, SPEC.schema.names))


def test_large_columns_of_a_lexicon_lie_alone_and_small_ones_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lex, "GROUP_ROWS", 4)
    file = stored(tmp_path, rows(200))
    index = indexed(file)
    assert dict(index.columns) == {"stem": 5, "query": 4, "uri": 20}
    assert index.groups == (5, 4, 20)
    assert pq.read_metadata(file.lexicon_path).num_row_groups == 3
    flip(file.lexicon_path, pq.read_metadata(file.lexicon_path).row_group(2).column(1).data_page_offset + 20)
    assert WordsReader(file, index).read("stem")[0].to_pylist() == [f"/owa/{one}" for one in range(5)]
    with pytest.raises(CustodyError):
        WordsReader(file, index).read("uri")


@settings(max_examples=60)
@given(values=st.lists(st.one_of(st.none(), st.text(max_size=4)), max_size=40), extra=st.lists(st.text(max_size=3)))
def test_coding_by_rank_keeps_every_text(values: list[str | None], extra: list[str]) -> None:
    # a dictionary in any order, with texts that no row has
    texts = list(dict.fromkeys([*extra, *(one for one in values if one is not None)]))
    codes = pa.array([None if one is None else texts.index(one) for one in values], pa.int32())
    found = ranked(pa.DictionaryArray.from_arrays(codes, pa.array(texts, pa.string())))
    assert found.to_pylist() == values
    assert found.dictionary.to_pylist() == sorted({one for one in values if one is not None}, key=str.encode)


@settings(max_examples=30)
@given(sizes=st.lists(st.integers(1, 9_000), max_size=12))
def test_no_column_of_a_lexicon_lies_in_two_row_groups(sizes: list[int]) -> None:
    names = [f"c{at}" for at in range(len(sizes))]
    table = pa.table(
        {
            "column": pa.array([name for name, size in zip(names, sizes, strict=True) for _ in range(size)]).cast(
                pa.dictionary(pa.int32(), pa.string())
            )
        }
    )
    lexicon = Lexicon(table, frozenset(names), 1)
    assert lexicon.spans() == list(zip(names, sizes, strict=True))
    groups = lexicon.groups()
    assert sum(groups) == sum(sizes)
    ends = {sum(groups[: at + 1]) for at in range(len(groups))}
    index = Index(1, (), (), tuple(lexicon.spans()), {}, {}, tuple(groups), None, None)  # type: ignore[arg-type]
    for at, (name, size) in enumerate(zip(names, sizes, strict=True)):
        place = index.place(name)
        assert place is not None
        group, first, rows_held = place
        assert rows_held == size
        assert first + size <= groups[group]
        assert sum(groups[:group]) + first == sum(sizes[:at])
        assert size < 4_096 or sum(sizes[: at + 1]) in ends


FURTHER = TableSpec(
    SPEC.name,
    pa.schema([*SPEC.schema, pa.field("extra", pa.map_(pa.string(), pa.string()))]),
    SPEC.lexicon,
    SPEC.joined,
)


def further(count: int, extra: Callable[[int], list[tuple[str, str | None]] | None], *, hosts: bool = True) -> pa.Table:
    """Make rows with a map of further columns, with or without a host."""
    table = rows(count, step_s=0).append_column(
        FURTHER.schema.field("extra"),
        pa.array([extra(one) for one in range(count)], FURTHER.schema.field("extra").type),
    )
    return table if hosts else table.set_column(3, SPEC.schema.field("host"), pa.nulls(count, pa.string()))


def written(folder: Path, table: pa.Table) -> DataFile:
    one, *_ = stage(folder, FURTHER, table, "unit")
    return DataFile(FURTHER.name, folder, one)


def encodings(file: DataFile) -> dict[str, tuple[str, ...]]:
    group = pq.read_metadata(file.path).row_group(0)
    return {one.path_in_schema: one.encodings for one in (group.column(at) for at in range(group.num_columns))}


def test_keys_and_values_of_a_map_are_written_and_read_as_codes(tmp_path: Path) -> None:
    table = further(9_000, lambda one: [("kind", f"k{one % 3}"), ("none", None)] if one % 5 else None)
    file = written(tmp_path, table)
    held = encodings(file)
    assert "RLE_DICTIONARY" in held["extra.key_value.key"]
    assert "RLE_DICTIONARY" in held["extra.key_value.value"]
    plain, coded = (read_rows(file, ["extra"], dictionary=one)["extra"] for one in ((), ("extra",)))
    assert plain.type == FURTHER.schema.field("extra").type
    assert pa.types.is_dictionary(coded.type.key_type)
    assert pa.types.is_dictionary(coded.type.item_type)
    assert coded.to_pylist() == plain.to_pylist()
    assert sorted(map(str, plain.to_pylist())) == sorted(
        map(
            str, (one for one, when in zip(table["extra"].to_pylist(), table["time_utc"], strict=True) if when.is_valid)
        )
    )


def test_values_of_a_map_that_are_nearly_unique_have_no_dictionary_and_are_read_as_codes_all_the_same(
    tmp_path: Path,
) -> None:
    file = written(tmp_path, further(9_000, lambda one: [("id", f"id{one}")]))
    held = encodings(file)
    assert "RLE_DICTIONARY" in held["extra.key_value.key"]
    assert "RLE_DICTIONARY" not in held["extra.key_value.value"]
    coded = read_rows(file, ["extra"], dictionary=["extra"])["extra"]
    assert pa.types.is_dictionary(coded.type.item_type)
    assert coded.to_pylist() == read_rows(file, ["extra"])["extra"].to_pylist()


def test_columns_that_hold_nothing_are_given_without_being_read(tmp_path: Path) -> None:
    file = written(tmp_path, further(200, lambda _: None, hosts=False))
    names = ["host", "stem", "extra"]
    kinds = [read_rows(file, names, dictionary=one).schema.types for one in ((), ("host", "extra"))]
    assert [str(one) for one in kinds[0]] == ["string", "string", "map<string, string ('extra')>"]
    assert pa.types.is_dictionary(kinds[1][0])
    assert pa.types.is_dictionary(kinds[1][2].item_type)
    assert indexed(file).empty == ("extra", "host")
    flip(file.path, chunk(file, "host"))
    read = read_rows(file, names)
    assert read["host"].null_count == read["extra"].null_count == read.num_rows == indexed(file).rows
    assert read.column_names == names
    assert read["stem"].null_count == 0


def test_columns_without_a_lexicon_are_given_as_codes_where_they_were_written_so(tmp_path: Path) -> None:
    file = stored(tmp_path, rows(9_000, step_s=0))
    read = ColumnReader(file, ["stem"], also=["host", "id"]).read(["host", "id", "stem"])
    assert [pa.types.is_dictionary(one) for one in read.schema.types] == [True, False, True]
    assert read["host"].to_pylist() == read_rows(file, ["host"])["host"].to_pylist()
