"""Small logs that are read at once give exactly what they give one by one."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.intake.evidence import log, taken_in, write

from dwell.intake import reading
from dwell.intake.ingest import open_archive
from dwell.intake.joined import joined
from dwell.intake.stock import whole_table
from dwell.sources.registry import source
from dwell.sources.source import Hint

_FIELDS = b"#Fields: date time cs-method cs-uri-stem sc-status\n"
_LATE, _EARLY = b"2021-03-01 10:00:00 GET /late 200\n", b"2021-03-01 08:00:00 GET /early 200\n"
_FILES = {
    "a/1.log": log(1),
    "a/2.log": log(2) + log(3),
    "a/3.log": _FIELDS + _LATE,
    "a/4.log": _FIELDS + _EARLY,
    "a/5.log": _FIELDS + _LATE + b"2021-03-01 08:00:00 GET /no-line-end 200",
    "a/6.log": b"#Fields: date time cs-uri-stem\n2021-03-01 10:00:00 /other-columns\n",
    "a/7.log": _FIELDS,
    "b/1.log": log(7),
    "b/2.log": log(8) + b"one line that is none\n",
    "b/3.log": b"#Fields: time cs-method cs-uri-stem\n#Date: 2021-04-01 00:00:00\n10:00:00 GET /no-day\n",
    "b/4.log": (_FIELDS + _LATE).decode().encode("utf-16"),
    "b/5.log": _EARLY + _FIELDS + _LATE,
    "c/1.log": _FIELDS + _LATE + _EARLY,
    "c/2.log": _FIELDS + "2021-03-01 11:00:00 GET /ünï 200\n".encode(),
    "c/3.log": _FIELDS + b"2021-03-01 11:00:00 GET /\xff 200\n",
}


def _held(root: Path) -> dict[str, list[dict[str, object]]]:
    case, _ = taken_in(root / "case", root / "evidence")
    archive = open_archive(case)
    return {
        name: whole_table(archive, name, archive.specs[name].schema.names).to_pylist()
        for name in ("iis", "anomalies", "facts", "files")
    }


def test_a_case_holds_the_same_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for way in ("joined", "single"):
        write(tmp_path / way / "evidence", _FILES)
    together = _held(tmp_path / "joined")
    monkeypatch.setattr(reading, "joined", lambda *_: None)
    assert together == _held(tmp_path / "single")
    assert len(together["iis"]) > 30
    assert together["anomalies"]
    assert together["facts"]


def test_files_of_one_kind_are_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "evidence", {f"a/{number}.log": log(number) for number in range(9)})
    sizes: list[int] = []

    def watched(kind: object, contents: list[bytes]) -> object:
        sizes.append(len(contents))
        return joined(kind, contents)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "joined", watched)
    monkeypatch.setattr(reading, "_read_file", None)
    case, _ = taken_in(tmp_path / "case", tmp_path / "evidence")
    assert sizes == [9]
    assert len(whole_table(open_archive(case), "iis", ("record_no",))) == 45


_LINES = st.lists(st.sampled_from([_LATE, _EARLY, b"\n", b"#Remark: x\n", b"#Date: 2021-03-01 09:00:00\n", _FIELDS]))


@given(st.lists(_LINES.map(lambda lines: _FIELDS + b"".join(lines)), min_size=1, max_size=5))
def test_what_is_given_is_what_each_file_holds(contents: list[bytes]) -> None:
    iis = source("iis")
    found = joined(iis, contents)
    if found is None:
        return
    rows: list[list[tuple[int, str]]] = [[] for _ in contents]
    for records, spans in zip(found.batches, found.spans, strict=True):
        told = iter(zip(records["record_no"].to_pylist(), records["cs-uri-stem"].to_pylist(), strict=True))
        for place, count in spans:
            rows[place] += [next(told) for _ in range(count)]
        assert next(told, None) is None
    for place, content in enumerate(contents):
        batches = list(iis.read(io.BytesIO(content), Hint()))
        tables = [one.records for one in batches if one.records is not None]
        assert rows[place] == [
            pair
            for one in tables
            for pair in zip(one["record_no"].to_pylist(), one["cs-uri-stem"].to_pylist(), strict=True)
        ]
        assert found.facts[place] == [fact for one in batches for fact in one.facts]
        assert found.lines[place] - len(rows[place]) == sum(one.structural for one in batches)


@pytest.mark.parametrize(
    "content",
    [
        _LATE,
        b"\xef\xbb\xbf" + _FIELDS + _LATE,
        _FIELDS.decode().encode("utf-16"),
        b"#Fields: time cs-method\n10:00:00 GET\n",
        b"#Software: x\n" + _LATE + _FIELDS,
        b"#Fields: date time",
        b"",
    ],
)
def test_a_file_that_needs_more_than_its_first_lines_stands_alone(content: bytes) -> None:
    assert not source("iis").opens_by_itself(content)
    assert joined(source("iis"), [_FIELDS + _LATE, content]) is None
