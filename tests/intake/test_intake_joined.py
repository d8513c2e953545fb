"""Small logs that are read at once give exactly what they give one by one."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from fuzz.contract import Reading, read_all
from fuzz.mutate import mutated
from hypothesis import given
from hypothesis import strategies as st
from tests.intake.evidence import log, taken_in, write
from tests.scope.staged import stage_folder

from dwell.intake import reading
from dwell.intake.ingest import open_archive
from dwell.intake.joined import joined, mates
from dwell.intake.stock import whole_table
from dwell.sources.registry import SOURCES, source
from dwell.sources.source import Source


def proxy_log(number: int, hours: int = 0) -> bytes:
    """Give an hour's HttpProxy log of five records that differs from every other number's."""
    hour = 8 + hours
    header = "DateTime,RequestId,Protocol,UrlStem,AuthenticatedUser,ServerHostName,HttpStatus,TotalRequestTime"
    rows = [
        f"2021-03-{1 + number:02}T{hour:02}:{line:02}:00.000Z,00000001-1111-4222-8333-{number:06}{line:06},Owa,"
        f"/owa/{number},MINISTRY\\user{line},EX01,200,{line}.5\r\n"
        for line in range(5)
    ]
    build = f"#Software: Microsoft Exchange Server\r\n#Version: 15.01.2044.00{number % 3}\r\n"
    date = f"#Log-type: HttpProxy Logs\r\n#Date: 2021-03-{1 + number:02}T{hour:02}:00:00.000Z\r\n"
    return (f"{header}\r\n{build}{date}#Fields: {header}\r\n" + "".join(rows)).encode()


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
_EXCHANGE = {
    "d/1.LOG": proxy_log(1),
    "d/2.LOG": b"\xef\xbb\xbf" + proxy_log(2),
    "d/3.LOG": proxy_log(3) + proxy_log(4),
    "d/4.LOG": proxy_log(5) + b"2021-03-06T06:30:00.000Z,1,Owa,/owa/earlier,,EX01,200,1\r\n",
    "d/5.LOG": proxy_log(6)[:-40],
    "d/6.LOG": proxy_log(7) + b'2021-03-08T08:30:00.000Z,1,Owa,"/owa/quote,,EX01,200,1\r\n' + b"no record\r\n",
    "d/7.LOG": proxy_log(8) + b'2021-03-09T08:30:00.000Z,1,Owa,"/owa/two\r\nlines",,EX01,200,1\r\n',
    "d/8.LOG": proxy_log(9) + b"2021-03-10T08:30:00.000Z,1,Owa,/owa/\xe9,,EX01,200,1\r\n" * 2,
    "d/9.LOG": proxy_log(10).replace(b"#Date: 2021-03-11T08", b"#Date: 2021-03-11T12"),
    "e/1.LOG": proxy_log(11).replace(b"EX01", b"EX02"),
    "e/2.LOG": proxy_log(12) + b"2021-03-13T08:30:00.000Z,1,Owa,/owa/s,,EX01,many,1\r\n",
    "e/3.LOG": proxy_log(13).replace(b",TotalRequestTime", b""),
    "e/4.LOG": proxy_log(14) + b"\0\0\0\0\r\n",
    "e/5.LOG": proxy_log(15),
}


def _held(root: Path) -> dict[str, list[dict[str, object]]]:
    case, _ = taken_in(root / "case", root / "evidence")
    archive = open_archive(case)
    return {
        name: whole_table(archive, name, archive.specs[name].schema.names).to_pylist()
        for name in ("iis", "httpproxy", "anomalies", "facts", "files")
    }


def test_a_case_holds_the_same_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for way in ("joined", "single"):
        write(tmp_path / way / "evidence", _FILES | _EXCHANGE)
    together = _held(tmp_path / "joined")
    monkeypatch.setattr(reading, "joined", lambda *_: None)
    assert together == _held(tmp_path / "single")
    assert len(together["iis"]) > 30
    assert len(together["httpproxy"]) > 30
    assert together["anomalies"]
    assert together["facts"]


def _watched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give how many files are read at once, each time."""
    sizes: list[int] = []

    def watched(kind: Source, contents: Sequence[bytes]) -> object:
        sizes.append(len(contents))
        return joined(kind, contents)

    monkeypatch.setattr(reading, "joined", watched)
    return sizes


@pytest.mark.parametrize(("kind", "write_log"), [("iis", log), ("httpproxy", proxy_log)])
def test_files_of_one_kind_are_read_at_once(
    kind: str, write_log: Callable[[int], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # each begins before the one in front of it ends
    write(tmp_path / "evidence", {f"a/{9 - number}.log": write_log(number) for number in range(9)})
    sizes = _watched(monkeypatch)
    monkeypatch.setattr(reading, "_read_file", None)
    case, _ = taken_in(tmp_path / "case", tmp_path / "evidence")
    assert sizes == [9]
    assert len(whole_table(open_archive(case), kind, ("record_no",))) == 45


def test_a_damaged_file_does_not_keep_its_neighbours_from_being_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"a/{number}.log": proxy_log(number) for number in range(9)}
    files["a/3.log"] += b"<no record>\r\n"
    files["a/5.log"] = proxy_log(5, hours=2) + proxy_log(5).split(b"\r\n")[-3] + b"\r\n"
    files["a/7.log"] = files["a/7.log"][:-30]
    write(tmp_path / "evidence", files)
    sizes = _watched(monkeypatch)
    case, taken = taken_in(tmp_path / "case", tmp_path / "evidence")
    # what cannot be read has a line of its own; of a clock that goes back it cannot be said in which file
    assert sizes == [7, 3, 4, 2, 2]
    assert taken.anomalies == 2
    assert len(whole_table(open_archive(case), "httpproxy", ("record_no",))) == 45


_JOINING = [one for one in SOURCES if one.joins]
_GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "sources"


def _alone(kind: Source, content: bytes) -> Reading:
    return read_all(kind, io.BytesIO(content))


def _together(kind: Source, contents: Sequence[bytes]) -> list[Reading] | None:
    """Give what each file holds as it is read with the others; None where that cannot be."""
    found = joined(kind, contents)
    if found is None:
        return None
    readings = [
        Reading([], anomalies, facts, lines - len(anomalies))
        for anomalies, facts, lines in zip(found.anomalies, found.facts, found.lines, strict=True)
    ]
    for records, spans in zip(found.batches, found.spans, strict=True):
        rows = records.to_pylist()
        for place, count in spans:
            readings[place].rows += rows[:count]
            readings[place].structural -= count
            del rows[:count]
        assert not rows
    for one in readings:
        one.rows.sort(key=lambda row: int(row["record_no"]))
    return readings


def _hold_together(kind: Source, contents: Sequence[bytes]) -> int:
    """Hold what files give together against what each gives by itself; give how many were read with others."""
    count = 0
    for places in mates(kind, contents):
        several = [contents[place] for place in places]
        found = _together(kind, several) if len(several) > 1 else None
        if found is None:
            continue
        count += len(several)
        for one, content in zip(found, several, strict=True):
            alone = _alone(kind, content)
            assert one.rows == alone.rows
            assert sorted(one.anomalies, key=str) == sorted(alone.anomalies, key=str)
            assert one.facts == alone.facts
            assert one.structural == alone.structural
    return count


def test_a_quote_left_open_is_not_closed_by_another_file() -> None:
    opening = proxy_log(2)[: proxy_log(2).index(b"2021-03-03T08:00:00.000Z,")]
    cut = proxy_log(1) + b'2021-03-02T08:30:00.000Z,1,Owa,"/owa/open\r\n'
    rest = opening + b'>closed",,EX01,200,1\r\n'
    assert _hold_together(source("httpproxy"), [cut, rest + rest[len(opening) :], proxy_log(3)]) == 3


_LINES = st.lists(st.sampled_from([_LATE, _EARLY, b"\n", b"#Remark: x\n", b"#Date: 2021-03-01 09:00:00\n", _FIELDS]))


@given(st.lists(_LINES.map(lambda lines: _FIELDS + b"".join(lines)), min_size=1, max_size=5))
def test_what_is_given_is_what_each_file_holds(contents: list[bytes]) -> None:
    _hold_together(source("iis"), contents)


def test_a_header_below_a_record_is_seen_behind_a_hash_in_a_request() -> None:
    record = b"2021-01-04 08:00:01 10.0.0.1 GET /owa/a#b - 443 - 192.0.2.1 A/1 - 200 0 0 1\r\n"
    undated = b"#Fields: time c-ip\r\n"
    assert source("iis").joins_as(_FIELDS + record * 2) == b""
    assert source("iis").joins_as(_FIELDS + record * 2 + undated) is None
    assert source("iis").joins_as(_FIELDS + record.replace(b"#", b"") + undated) is None
    assert source("iis").joins_as(_FIELDS + undated) is None


_DAMAGE = [
    b"\r\n", b"no record\r\n", b"<none>\r\n", b"\0\0\0\r\n", b'2021-01-04T08:00:01.123Z,"never closed\r\n',
    b'and closed"\r\n', b"\xe9\r\n", b"2021-01-04T08:00:01.123Z,a,b\r\n", b",,,\r\n", b"2021-01-04T05:00:00.000Z,early\r\n",
]  # fmt: skip


def _lines_of(kind: Source) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Give the openings of a source's samples, the records below them, and headers that stand among these."""
    openings: list[bytes] = []
    records: list[bytes] = []
    for path in sorted((_GOLDEN / kind.key).glob("*.in")):
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)
        start = next((at for at, line in enumerate(lines) if line[:1].isdigit()), len(lines))
        openings.append(b"".join(lines[:start]))
        records += [line if line.endswith(b"\n") else line + b"\n" for line in lines[start:]]
    headers = [one for one in records if one.startswith(b"#")]
    return (
        [one for one in openings if kind.joins_as(one) is not None],
        [one for one in records if not one.startswith(b"#")],
        headers,
    )


@pytest.mark.parametrize("kind", _JOINING, ids=lambda one: one.key)
def test_logs_of_every_kind_hold_the_same_together(kind: Source) -> None:
    openings, records, headers = _lines_of(kind)
    assert openings, "no sample opens by itself"
    dice = random.Random(7)  # noqa: S311 - samples, no secrets
    count = 0
    for _ in range(60):
        opening = dice.choice(openings)
        contents = []
        for _ in range(dice.randint(2, 5)):
            lines = dice.choices(records, k=dice.randint(0, 6))
            if dice.random() < 0.4:
                lines.insert(dice.randint(0, len(lines)), dice.choice(_DAMAGE))
            if headers and dice.random() < 0.1:
                lines.insert(dice.randint(0, len(lines)), dice.choice(headers))
            mark = b"\xef\xbb\xbf" if dice.random() < 0.2 else b""
            content = mark + opening + b"".join(lines)
            contents.append(mutated([content], str(dice.random())) if dice.random() < 0.1 else content)
        count += _hold_together(kind, contents)
    assert count > 30


@pytest.mark.parametrize(
    "content",
    [
        _LATE,
        _FIELDS.decode().encode("utf-16"),
        b"#Fields: time cs-method\n10:00:00 GET\n",
        b"#Software: x\n" + _LATE + _FIELDS,
        _FIELDS + _LATE + b"#Fields: time cs-method\n#Date: 2021-04-01 00:00:00\n10:00:00 GET\n",
        _FIELDS + _LATE[:-1],
        b"#Fields: date time",
        b"",
    ],
)
def test_a_file_that_needs_more_than_its_first_lines_stands_alone(content: bytes) -> None:
    assert list(mates(source("iis"), [_FIELDS + _LATE, content, _FIELDS])) == [range(1), range(1, 2), range(2, 3)]


_HEADER = "DateTime,RequestId,UrlStem,ServerHostName,HttpStatus\r\n"


@pytest.mark.parametrize(
    "content",
    [
        "2021-03-01T10:00:00.000Z,1,/x,EX01,200\r\n",
        "#Log-type: EWS Logs\r\n#Fields: " + _HEADER,
        "#Log-type: HttpProxy Logs\r\n",
        "#Version: 15.1\r\n",
        "#Fields: RequestId,DateTime,UrlStem\r\n",
        "#Fields: " + _HEADER + "#Version: 15.2\r\n",
        "#Fields: " + _HEADER + "2021-03-01T10:00:00.000Z,1,/x,EX01,200\r\n#Version: 15.2\r\n",
        "#Fields: " + _HEADER + "2021-03-01T10:00:00.000Z,1,/x,EX01,200\r\nRequestId,DateTime,UrlStem\r\n",
        "#Fields: " + _HEADER + "2021-03-01T10:00:00.000Z,1,/x,EX01,200",
        "#Fields: DateTime;RequestId;UrlStem;ServerHostName;HttpStatus\r\n",
    ],
)
def test_an_exchange_log_that_needs_more_than_its_first_lines_stands_alone(content: str) -> None:
    plain = b"#Fields: " + _HEADER.encode()
    assert list(mates(source("httpproxy"), [plain, content.encode(), plain])) == [range(1), range(1, 2), range(2, 3)]


def test_a_file_whose_lines_end_in_returns_loses_none_beside_others(tmp_path: Path) -> None:
    records = 0
    for place, end in enumerate(["\r\n", "\r", "\r\n", "\r"]):
        folder = tmp_path / "EX01" / "Logging" / "HttpProxy" / "Owa"
        folder.mkdir(parents=True, exist_ok=True)
        content = proxy_log(3, place).replace(b"\r\n", b"\n")
        records += sum(one.startswith(b"20") for one in content.split(b"\n"))
        (folder / f"HttpProxy_202103030{place}-1.LOG").write_bytes(content.replace(b"\n", end.encode()))
    held = stage_folder(tmp_path / "case", tmp_path / "EX01").archive
    rows = sum(file.staged.rows for file in held.files("httpproxy"))
    assert rows == records > 0
