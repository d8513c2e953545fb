"""Logs that grew: copies of one log, whenever and wherever they come, are counted once and all their places are kept."""

from __future__ import annotations

import gzip
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.intake.evidence import HEADER_LINES, hashes, log, rows, sha256, taken_in, write, zipped

from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.casebook.custody import CustodyLog
from dwell.casebook.evidence import EvidencePlace, Growth
from dwell.errors import DiskFullError
from dwell.intake import ingest as ingest_module
from dwell.intake import plan as plan_module
from dwell.intake import reading, units
from dwell.intake.containers import Locator
from dwell.intake.grown import divide
from dwell.intake.ingest import open_archive
from dwell.intake.lookup import FoundState, record_bytes
from dwell.intake.plan import Plan, PlannedFile
from dwell.intake.stock import stock, whole_table
from dwell.intake.units import outgrown
from dwell.intake.verifying import verify
from dwell.model.provenance import EvidenceId, RecordRef

FRIDAY = log(7, 30)
_LINES = FRIDAY.splitlines(keepends=True)
MONDAY = b"".join(_LINES[: HEADER_LINES + 10])
TUESDAY = b"".join(_LINES[: HEADER_LINES + 20])
ALL = set(range(HEADER_LINES + 1, HEADER_LINES + 31))
LIVE = "EX01/inetpub/logs/u_ex210308.log"


def numbers(case: Case) -> list[int]:
    """Give the lines of which the case holds records, those of all files together."""
    return sorted(number for _, number, _ in rows(case))


def grown_facts(case: Case) -> list[str]:
    """Give what was noted about files that grew."""
    found = whole_table(open_archive(case), "facts", ("kind", "detail")).to_pylist()
    return sorted(row["detail"] for row in found if row["kind"] == "grown")


def good(case: Case) -> bool:
    """Say whether everything is as registered."""
    return all(one.good for one in verify(Case.open(case.root)))


def test_of_copies_that_come_together_the_longest_is_read_and_all_places_are_kept(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "evidence",
        {
            LIVE: FRIDAY,
            "tuesday.zip": zipped({f"{LIVE}.copy": TUESDAY}),
            "monday/u_ex210308.log.1.gz": gzip.compress(MONDAY, mtime=0),
            "other.log": log(8),
        },
    )
    case, done = taken_in(tmp_path / "case", folder)
    assert (done.files_new, done.records, done.anomalies, len(done.parts)) == (2, 35, 0, 2)
    assert Counter(evidence for evidence, _, _ in rows(case)) == {sha256(FRIDAY): 30, sha256(log(8)): 5}
    assert {item.evidence_id for item in case.register().values()} == {
        sha256(one) for one in (FRIDAY, TUESDAY, MONDAY, log(8))
    }
    assert outgrown(case) == {sha256(MONDAY): sha256(FRIDAY), sha256(TUESDAY): sha256(FRIDAY)}
    held = {one.path: (one.records, one.within) for one in stock(case, open_archive(case)).files}
    assert held[LIVE] == (30, "")
    assert held[f"tuesday.zip!{LIVE}.copy"] == (None, LIVE)
    assert held["monday/u_ex210308.log.1.gz!u_ex210308.log.1"][0] is None
    assert good(case)


def test_a_record_is_shown_in_every_copy_that_holds_it(tmp_path: Path) -> None:
    folder = write(tmp_path / "evidence", {"c.log": FRIDAY, "a.log": MONDAY, "b.log": TUESDAY})
    case, _ = taken_in(tmp_path / "case", folder)
    wanted = {5: ["a.log", "b.log"], 20: ["b.log"], 30: []}
    for line, places in wanted.items():
        found = record_bytes(case, RecordRef("iis", EvidenceId(sha256(FRIDAY)), line))
        assert (found.path, [one.path for one in found.also]) == ("c.log", places)
        assert found.raw == _LINES[line - 1].rstrip(b"\r\n")


@pytest.mark.parametrize("order", list(itertools.permutations([MONDAY, TUESDAY, FRIDAY])), ids=lambda _: "")
def test_copies_that_come_one_after_another_are_counted_once_in_any_order(
    tmp_path: Path, order: tuple[bytes, ...]
) -> None:
    case = Case.create(tmp_path / "case")
    for place, data in enumerate(order):
        folder = write(tmp_path / f"day {place}", {LIVE: data})
        _, done = taken_in(case.root, folder)
        assert done.anomalies == 0
    assert numbers(case) == sorted(ALL)
    assert {row["host"] for row in whole_table(open_archive(case), "iis", ("host",)).to_pylist()} == {"EX01"}
    before = hashes(case.root)
    for place in range(3):
        _, done = taken_in(case.root, tmp_path / f"day {place}")
        assert (done.files_new, done.records) == (0, 0)
    assert hashes(case.root) == before
    assert good(case)
    longest = {key: item.size_bytes for key, item in case.register().items()}
    assert {longest[one] for one in outgrown(case).values()} == {len(FRIDAY)}


def test_a_log_that_grew_where_it_lies_is_read_on_and_is_as_registered(tmp_path: Path) -> None:
    folder = write(tmp_path / "evidence", {LIVE: MONDAY})
    case, _ = taken_in(tmp_path / "case", folder)
    write(folder, {LIVE: FRIDAY})
    assert not good(case)
    case, done = taken_in(case.root, folder)
    assert (done.files_new, done.grown, done.records) == (1, 1, 20)
    assert good(case)
    of_friday = sorted(number for evidence, number, _ in rows(case) if evidence == sha256(FRIDAY))
    assert of_friday == list(range(HEADER_LINES + 11, HEADER_LINES + 31))
    found = record_bytes(case, RecordRef("iis", EvidenceId(sha256(FRIDAY)), HEADER_LINES + 11))
    assert found.state is FoundState.AS_REGISTERED
    assert found.offset_bytes == len(MONDAY)
    (told,) = grown_facts(case)
    assert told.startswith(f"its first {len(MONDAY):,} bytes are evidence {sha256(MONDAY)[:12]} ({LIVE}), read before")
    (friday,) = [one for one in stock(case, open_archive(case)).files if one.sha256 == sha256(FRIDAY)]
    assert (friday.records, friday.anomalies) == (20, 0)
    write(folder, {LIVE: FRIDAY[:-5] + b"99\r\n\r\n"})
    assert not good(case), "what is neither of the two copies is no copy"


@pytest.mark.parametrize("by", [-40, -3, -2, -1, 0])
def test_a_copy_cut_in_mid_line_loses_nothing_and_says_what_comes_twice(tmp_path: Path, by: int) -> None:
    cut = TUESDAY[: len(TUESDAY) + by]
    case, first = taken_in(tmp_path / "case", write(tmp_path / "monday", {LIVE: cut}))
    case, done = taken_in(tmp_path / "case", write(tmp_path / "friday", {LIVE: FRIDAY}))
    last = HEADER_LINES + 20
    twice = [number for number, count in Counter(numbers(case)).items() if count > 1]
    assert set(numbers(case)) == ALL
    assert twice == ([last] if by == -3 else []), "a last column that was cut is a value like any other"
    said = " ".join(grown_facts(case))
    assert (f"line {last} was cut off" in said) == (by in {-40, -3})
    assert ("counts twice" in said) == (by == -3)
    assert first.anomalies == (by == -40)
    assert done.anomalies == 0
    # together, nothing of the half line is left
    case, done = taken_in(tmp_path / "case 2", tmp_path / "monday", tmp_path / "friday")
    assert (numbers(case), done.anomalies, grown_facts(case)) == (sorted(ALL), 0, [])


def _json_log(count: int) -> bytes:
    return b"".join(
        json.dumps({"ts": 1614556800.5 + at, "uid": f"C{at}", "id.orig_h": "192.0.2.1", "id.resp_h": "192.0.2.2",
                    "id.orig_p": at, "id.resp_p": 443, "proto": "tcp"}).encode() + b"\n"
        for at in range(count)
    )  # fmt: skip


def _exchange_log(count: int) -> bytes:
    header = (
        "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2176.009\r\n#Log-type: HttpProxy Logs\r\n"
        "#Date: 2021-03-08T00:00:00.000Z\r\n#Fields: DateTime,RequestId,UrlStem,ClientIpAddress,HttpStatus,UrlQuery\r\n"
    )
    line = '2021-03-08T0{}:00:00.000Z,00000000-0000-0000-0000-00000000000{},/owa/,192.0.2.9,200,"?a,{}"\r\n'
    return (header + "".join(line.format(at, at, at) for at in range(count))).encode()


@pytest.mark.parametrize(
    ("name", "table", "made"), [("conn.log", "zeek", _json_log), ("HttpProxy_1.LOG", "httpproxy", _exchange_log)]
)
def test_other_formats_are_read_on_with_the_columns_of_their_header(
    tmp_path: Path, name: str, table: str, made: Callable[[int], bytes]
) -> None:
    short, long = made(4), made(9)
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "1", {name: short[:-9]}))
    case, done = taken_in(tmp_path / "case", write(tmp_path / "2", {name: long}))
    alone, _ = taken_in(tmp_path / "alone", tmp_path / "2")
    assert done.grown == 1

    def told(one: Case) -> list[dict[str, object]]:
        found = open_archive(one)
        names = [each for each in found.specs[table].schema.names if each not in {"evidence_id", "host"}]
        return sorted(whole_table(found, table, names).to_pylist(), key=lambda row: int(row["record_no"]))

    assert told(case) == told(alone)
    assert len(told(case)) == 9


def test_a_format_that_cannot_be_read_on_is_read_whole_and_said_to_count_twice(tmp_path: Path) -> None:
    lines = [
        f"192.0.2.{at}, user, 3/{20 + at}/21, 7:55:20, W3SVC1, EX01, 10.0.0.1, 4502, 163, 3223, 200, 0, GET, /owa/{at}, -,"
        for at in range(9)
    ]
    short, long = ("".join(f"{one}\r\n" for one in lines[:count]).encode() for count in (4, 9))
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "1", {"in210320.log": short}))
    case, done = taken_in(tmp_path / "case", write(tmp_path / "2", {"in210320.log": long}))
    assert len(rows(case)) == 13
    assert done.records == 9
    (told,) = grown_facts(case)
    assert "cannot be read on: what stands in both counts twice" in told
    case, done = taken_in(tmp_path / "case 2", tmp_path / "1", tmp_path / "2")
    assert done.records == 9


def test_a_header_alone_is_no_copy_of_another_servers_log(tmp_path: Path) -> None:
    header = b"".join(_LINES[:HEADER_LINES])
    folder = write(tmp_path / "evidence", {LIVE: FRIDAY, "EX02/inetpub/u_ex210308.log": header})
    case, done = taken_in(tmp_path / "case", folder)
    assert (done.files_new, done.parts) == (2, ())
    assert outgrown(case) == {}
    # of the same host and name it is
    case, done = taken_in(tmp_path / "case 2", write(tmp_path / "more", {LIVE: FRIDAY, f"monday/{LIVE}": header}))
    assert (done.files_new, len(done.parts)) == (1, 1)


def test_a_file_with_the_name_and_the_beginning_of_another_is_no_copy_of_it(tmp_path: Path) -> None:
    edited = TUESDAY.replace(b"/ews/7 a=1", b"/owa/7 a=1", 1)
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "1", {LIVE: edited}))
    case, done = taken_in(tmp_path / "case", write(tmp_path / "2", {LIVE: FRIDAY}))
    assert (done.grown, done.records, outgrown(case)) == (0, 30, {})


def test_lists_are_states_and_not_read_on(tmp_path: Path) -> None:
    first = "DisplayName,Alias,PrimarySmtpAddress,ExchangeGuid\r\n" + "".join(
        f"User {at},user{at},user{at}@ministry.example,00000000-0000-0000-0000-00000000000{at}\r\n" for at in range(5)
    )
    more = first + "User 9,user9,user9@ministry.example,00000000-0000-0000-0000-000000000009\r\n"
    folder = write(
        tmp_path / "evidence", {"monday/mailboxes.csv": first.encode(), "friday/mailboxes.csv": more.encode()}
    )
    case, done = taken_in(tmp_path / "case", folder)
    assert (done.files_new, done.parts, outgrown(case)) == (2, (), {})


def test_what_was_left_out_for_a_file_that_then_cannot_be_read_is_read_after_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "evidence", {"a.log": MONDAY, "b.log": TUESDAY, "c.log": FRIDAY})
    made = plan_module.make_plan

    def changing(*given: object, **named: object) -> Plan:
        found = made(*given, **named)  # type: ignore[arg-type]
        (folder / "c.log").write_bytes(FRIDAY[:-9] + b"x" * 9)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(ingest_module, "make_plan", changing)
        case, done = taken_in(tmp_path / "case", folder)
    assert [one.path for one in done.faults] == ["c.log"]
    assert {evidence for evidence, _, _ in rows(case)} == {sha256(TUESDAY)}
    assert [one.places[0].path for one in done.parts] == ["a.log"]
    write(folder, {"c.log": FRIDAY})
    case, done = taken_in(case.root, folder)
    assert (done.grown, numbers(case)) == (1, sorted(ALL))


class _Stop(BaseException):
    """What stands for the end of the process."""


_POINTS = [(CustodyLog, "append", call) for call in range(1, 8)] + [
    (Archive, "commit", call) for call in range(1, 6)
] + [(reading, "stage", 1), (reading, "stage", 2)]  # fmt: skip


@pytest.mark.parametrize(("owner", "name", "call"), _POINTS, ids=lambda one: getattr(one, "__name__", str(one)))
@pytest.mark.parametrize("together", [True, False])
def test_a_run_over_a_log_that_grew_can_end_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, call: int, together: bool
) -> None:
    monkeypatch.setattr(units, "UNIT_FILES", 1)
    first = write(tmp_path / "1", {LIVE: MONDAY, "z.log": log(3)})
    second = write(tmp_path / "2", {LIVE: FRIDAY, "y.log": log(4), "x.log": TUESDAY})
    if not together:
        taken_in(tmp_path / "case", first)
    inner = getattr(owner, name)
    calls = [0]

    def stopped(*given: object, **named: object) -> object:
        calls[0] += 1
        if calls[0] == call:
            raise DiskFullError("no room left") if call % 2 else _Stop
        return inner(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, stopped)
        with pytest.raises((DiskFullError, _Stop)):
            taken_in(tmp_path / "case", first, second)
    case, _ = taken_in(tmp_path / "case", first, second)
    names = Counter(rows(case))
    assert max(names.values()) == 1
    ours = sorted(
        number for evidence, number, _ in names if evidence in {sha256(MONDAY), sha256(TUESDAY), sha256(FRIDAY)}
    )
    assert ours == sorted(ALL)
    assert len(names) == 40
    assert good(case)
    before = hashes(case.root)
    taken_in(case.root, first, second)
    assert hashes(case.root) == before


def test_a_plan_made_before_a_shorter_copy_was_read_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Friday's log is planned whole and the run ends; Monday's is read in between."""
    monday, friday = write(tmp_path / "1", {"a.log": MONDAY}), write(tmp_path / "2", {"b.log": FRIDAY})

    def ends(*_: object, **__: object) -> None:
        raise _Stop

    with monkeypatch.context() as patch:
        patch.setattr(ingest_module, "run", ends)
        with pytest.raises(_Stop):
            taken_in(tmp_path / "case", friday)
    case, _ = taken_in(tmp_path / "case", monday)
    case, done = taken_in(tmp_path / "case", friday)
    assert (done.grown, numbers(case)) == (1, sorted(ALL))


def test_a_log_that_is_read_on_is_not_read_together_with_its_neighbours(tmp_path: Path) -> None:
    first = write(
        tmp_path / "1", {f"EX01/inetpub/{name}.log": MONDAY.replace(b"/ews/7", name.encode()) for name in "bd"}
    )
    whole = {f"EX01/inetpub/{name}.log": FRIDAY.replace(b"/ews/7", name.encode()) for name in "abcde"}
    taken_in(tmp_path / "case", first)
    case, done = taken_in(tmp_path / "case", write(tmp_path / "2", whole))
    assert (done.grown, done.records) == (2, 5 * 30 - 2 * 10)
    assert numbers(case) == sorted([*ALL] * 5)
    assert len(grown_facts(case)) == 2


def test_copies_that_differ_by_one_byte_are_told_apart(tmp_path: Path) -> None:
    ends = len(MONDAY)
    copies = {f"{at}.log": FRIDAY[: ends + at] for at in range(-3, 4)}
    case, done = taken_in(tmp_path / "case", write(tmp_path / "evidence", {**copies, "whole.log": FRIDAY}))
    assert (done.files_new, len(done.parts), numbers(case)) == (1, 7, sorted(ALL))
    grown = case.growths()
    sizes = {key: item.size_bytes for key, item in case.register().items()}
    found = sorted((sizes[one.whole], one.size_bytes, one.lines, one.cut) for one in grown.values())
    last = HEADER_LINES + 10
    assert found == [
        (ends - 2, ends - 3, last, True),
        (ends - 1, ends - 2, last, False),
        (ends, ends - 1, last, False),
        (ends + 1, ends, last, False),
        (ends + 2, ends + 1, last + 1, True),
        (ends + 3, ends + 2, last + 1, True),
        (len(FRIDAY), ends + 3, last + 1, True),
    ]


def test_a_long_chain_of_copies_is_followed_without_depth() -> None:
    ids = [EvidenceId(f"{at:064}") for at in range(5_000)]
    chain = {
        whole: Growth(part, whole, at + 1, 1, cut=False) for at, (part, whole) in enumerate(itertools.pairwise(ids))
    }
    file = PlannedFile(ids[0], 1, (EvidencePlace("a", "/"),), Locator("/a"), "iis", (), "", "")
    assert divide([file], {ids[-1]}, chain).parts == (file,)
    assert divide([file], set(), chain).files == (file,)
    last = PlannedFile(ids[-1], 9, (EvidencePlace("b", "/"),), Locator("/b"), "iis", (), "", "")
    assert divide([last], {ids[0]}, chain).after[ids[-1]].part == ids[0]


class _Counting(list[EvidenceId]):
    """Ids that count how often they are gone through."""

    rounds = 0

    def __iter__(self) -> Iterator[EvidenceId]:
        self.rounds += 1
        return super().__iter__()


def test_what_is_held_is_gone_through_once_however_many_files_there_are() -> None:
    held = _Counting([EvidenceId(f"{at:064}") for at in range(3)])
    files = [
        PlannedFile(EvidenceId(f"{at:064}"), 1, (EvidencePlace(f"{at}", "/"),), Locator("/a"), "iis", (), "", "")
        for at in range(50)
    ]
    assert divide(files, held, {}).files == tuple(files[3:])
    assert held.rounds == 1


def test_many_copies_of_one_log_are_one_log(tmp_path: Path) -> None:
    copies = {f"{at:02}.log": b"".join(_LINES[: HEADER_LINES + at]) for at in range(1, 31)}
    case, done = taken_in(tmp_path / "case", write(tmp_path / "evidence", copies))
    assert (done.files_new, len(done.parts), numbers(case)) == (1, 29, sorted(ALL))
    assert set(outgrown(case).values()) == {sha256(FRIDAY)}
