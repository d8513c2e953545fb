"""Looking a record up: its very bytes out of the original, through containers, and what became of the file."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.intake.evidence import HEADER_LINES, log, rows, sha256, taken_in, tarred, write, zipped

from dwell.casebook.case import Case
from dwell.errors import UsageError
from dwell.intake import lookup
from dwell.intake.lookup import FoundState, record_bytes
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.sources.lines import LINE_BYTES_MAX


def ref(data: bytes, number: int, table: str = "iis") -> RecordRef:
    return RecordRef(table, EvidenceId(sha256(data)), number)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    folder = write(
        tmp_path / "evidence",
        {
            "a.log": log(1),
            "b.zip": zipped({"EX01/b.log": log(2), "in.zip": zipped({"c!d.log": log(3)})}),
            "e.tgz": tarred({"e.log": log(5)}, "w:gz"),
        },
    )
    made, _ = taken_in(tmp_path / "case", folder)
    return made


@pytest.mark.parametrize(
    ("number", "path", "container"),
    [
        (1, "a.log", ""),
        (2, "b.zip!EX01/b.log", "b.zip"),
        (3, "b.zip!in.zip!c!d.log", "b.zip!in.zip!c"),
        (5, "e.tgz!e.tar!e.log", "e.tgz!e.tar"),
    ],
)
def test_every_record_is_found_with_its_bytes_offset_and_row(
    case: Case, number: int, path: str, container: str
) -> None:
    data = log(number)
    mine = [one for one in rows(case) if one[0] == sha256(data)]
    assert len(mine) == 5
    for evidence, record, stem in mine:
        found = record_bytes(case, RecordRef("iis", EvidenceId(evidence), record))
        assert found.raw == data.split(b"\r\n")[record - 1]
        assert found.offset_bytes is not None
        assert data[found.offset_bytes :].startswith(found.raw)
        assert (found.path, found.container, found.unit, found.sha256) == (path, container, "line", evidence)
        assert found.state is FoundState.AS_REGISTERED
        assert found.row is not None
        assert found.row["cs-uri-stem"] == stem
        assert str(found.row["time_utc"]).endswith("Z")
        assert None not in found.row.values()


def test_lines_that_hold_no_record_are_found_too(case: Case) -> None:
    header = record_bytes(case, ref(log(1), 1))
    assert (header.raw, header.offset_bytes, header.row) == (log(1).split(b"\r\n")[0], 0, None)
    beyond = record_bytes(case, ref(log(1), 99))
    assert (beyond.raw, beyond.offset_bytes, beyond.row) == (None, None, None)
    assert beyond.state is FoundState.AS_REGISTERED


def test_a_changed_file_is_told_and_its_bytes_are_those_of_now(case: Case, tmp_path: Path) -> None:
    (tmp_path / "evidence" / "a.log").write_bytes(log(1).replace(b"Agent", b"agent"))
    found = record_bytes(case, ref(log(1), HEADER_LINES + 1))
    assert found.state is FoundState.CHANGED
    assert found.raw is not None
    assert b"agent" in found.raw
    assert found.row is not None


def test_the_same_bytes_elsewhere_will_do(case: Case, tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"copy.log": log(1)})
    taken_in(case.root, other)
    (tmp_path / "evidence" / "a.log").write_bytes(b"gone over")
    found = record_bytes(Case.open(case.root), ref(log(1), HEADER_LINES + 1))
    assert (found.state, found.path, found.root) == (FoundState.AS_REGISTERED, "copy.log", str(other))


@pytest.mark.parametrize("gone", ["b.zip", ""])
def test_what_is_gone_is_told_and_the_row_stays(case: Case, tmp_path: Path, gone: str) -> None:
    if gone:
        (tmp_path / "evidence" / gone).unlink()
    else:
        (tmp_path / "evidence").rename(tmp_path / "away")
    found = record_bytes(case, ref(log(2), HEADER_LINES + 1))
    assert (found.state, found.raw, found.offset_bytes) == (FoundState.NOT_FOUND, None, None)
    assert found.row is not None


def test_two_members_of_one_name_are_told_apart_by_their_bytes(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.log", log(1))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.log", log(2))
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "evidence", {"x.zip": out.getvalue()}))
    for number in (1, 2):
        found = record_bytes(case, ref(log(number), HEADER_LINES + 1))
        assert found.raw == log(number).split(b"\r\n")[HEADER_LINES]
        assert found.state is FoundState.AS_REGISTERED


def test_a_name_of_odd_bytes_is_found_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "evidence", {})
    folder.mkdir()
    with open(os.fsencode(folder) + b"/u_\xe9x.log", "wb") as handle:  # noqa: PTH123 - a name of bytes
        handle.write(log(1))
    case, _ = taken_in(tmp_path / "case", folder)
    found = record_bytes(case, ref(log(1), HEADER_LINES + 1))
    assert (found.path, found.state) == ("u_\\xe9x.log", FoundState.AS_REGISTERED)


def test_a_single_file_given_by_itself_is_found_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "evidence", {"a.log": log(1)})
    case, _ = taken_in(tmp_path / "case", folder / "a.log")
    assert record_bytes(case, ref(log(1), HEADER_LINES + 2)).state is FoundState.AS_REGISTERED


def test_evidence_that_the_case_does_not_hold_is_a_usage_fault(case: Case) -> None:
    with pytest.raises(UsageError, match="holds no evidence"):
        record_bytes(case, ref(b"other", 1))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_line_of_any_encoding_is_cut_where_it_starts(tmp_path: Path, encoding: str) -> None:
    data = log(1).decode().encode(encoding)
    case, done = taken_in(tmp_path / "case", write(tmp_path / "evidence", {"a.log": data}))
    assert done.records == 5
    found = record_bytes(case, ref(data, HEADER_LINES + 3))
    assert found.raw is not None
    coded = "utf-16-le" if encoding == "utf-16" else "utf-8"
    assert found.raw.decode(coded) == log(1).decode().split("\r\n")[HEADER_LINES + 2]
    assert found.offset_bytes is not None
    assert data[found.offset_bytes :].startswith(found.raw)


def test_records_of_a_binary_source_come_as_their_row(tmp_path: Path) -> None:
    data = b'[{"CreationTime":"2021-03-01T10:00:00","Workload":"Exchange","RecordType":50,"Operation":"MailItemsAccessed"}]'
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "evidence", {"audit.json": data}))
    found = record_bytes(case, ref(data, 1, "ual"))
    assert (found.unit, found.raw, found.offset_bytes) == ("record", None, None)
    assert found.row is not None
    assert found.row["Operation"] == "MailItemsAccessed"


@given(
    pieces=st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b'"', b"\x00", b"bc\n", b"\xff"]), max_size=40),
    number=st.integers(1, 12),
    step=st.integers(1, 9),
)
def test_the_cutter_agrees_with_a_plain_split(pieces: list[bytes], number: int, step: int) -> None:
    data = b"".join(pieces)
    cutter = lookup._Cutter(number, b"", quoted=False)
    for at in range(0, len(data), step):
        cutter.take(data[at : at + step])
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    wanted = lines[number - 1].removesuffix(b"\r") if number <= len(lines) else None
    ended = number < len(data.split(b"\n"))
    if wanted is not None and not ended:
        wanted = lines[number - 1]  # without a line feed a carriage return is text
    assert cutter.bytes_cut() == wanted
    if wanted is not None:
        assert cutter.offset is not None
        assert data[cutter.offset :].startswith(wanted)


def test_a_quoted_record_takes_in_its_lines_within_bounds() -> None:
    text = b'h\r\n1,"two\r\nlines",3\r\n4,"open\r\n' + b"x\r\n" * 100
    for number, wanted in ((2, b'1,"two\r\nlines",3'), (4, b'4,"open')):
        cutter = lookup._Cutter(number, text, quoted=True)
        cutter.take(text)
        assert cutter.bytes_cut() == wanted


def test_an_endless_line_is_held_within_bounds() -> None:
    cutter = lookup._Cutter(1, b"x", quoted=False)
    for _ in range(6):
        cutter.take(b"x" * (1 << 20))
    assert len(cutter.bytes_cut() or b"") == LINE_BYTES_MAX
