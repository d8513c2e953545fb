"""Copies and exports of one event log: every event counts once, all its places are kept, and nothing goes in silence."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import evtx
import pytest
from tests.intake.evidence import hashes, sha256, taken_in, write
from tests.scope.staged import security_log
from tests.sources.evtx_writer import chunk, log

from dwell.casebook.case import Case
from dwell.intake.ingest import open_archive
from dwell.intake.lookup import record_bytes
from dwell.intake.stock import stock, whole_table
from dwell.intake.verifying import verify
from dwell.model.provenance import EvidenceId, RecordRef

Event = Mapping[str, object]


def logons(first: int, last: int, day: int = 3) -> list[Event]:
    """Give logons numbered from `first` to `last`, one a minute."""
    return [
        {
            "number": number,
            "event": 4624,
            "at": f"2021-03-{day:02} {number // 60 % 24:02}:{number % 60:02}:07",
            "TargetUserName": f"user{number % 7}",
            "IpAddress": "198.51.100.9",
            "LogonType": "3",
            "KeyLength": number % 2,
        }
        for number in range(first, last + 1)
    ]


def xml(events: Sequence[Event], channel: str = "Security", host: str = "EX01", mark: str = "") -> bytes:
    """Give events as XML; a mark makes another file of the same events, with a beginning of its own."""
    inner = security_log(events, host=host, channel=channel)
    return f"<Events>{f'<!-- {mark} -->' if mark else ''}{inner}</Events>".encode()


def as_json(events: Sequence[Event], host: str = "EX01.gov.example") -> bytes:
    """Give events as a shipper does: one flat object each, with words of its own around them."""
    out = []
    for one in events:
        data = {name: str(value) for name, value in one.items() if name not in {"number", "event", "at"}}
        at = f"{str(one['at']).replace(' ', 'T')}.000Z"
        system = {"EventID": one["event"], "Channel": "Security", "Computer": host, "EventRecordID": one["number"]}
        event = {"System": {**system, "TimeCreated": {"#attributes": {"SystemTime": at}}}, "EventData": data}
        out.append(json.dumps({"Event": event}))
    return "\n".join(out).encode()


def events(case: Case) -> list[tuple[int, str]]:
    """Give number and account of every event of the archive, in order."""
    found = whole_table(open_archive(case), "evtx", ("EventRecordID", "TargetUserName")).to_pylist()
    return sorted((row["EventRecordID"], row["TargetUserName"]) for row in found)


def ids(case: Case) -> list[int]:
    """Give the record numbers of every event of the archive, in order."""
    return [number for number, _ in events(case)]


def facts(case: Case, kind: str) -> list[tuple[int, str]]:
    """Give count and words of every fact of a kind."""
    found = whole_table(open_archive(case), "facts", ("kind", "count", "detail")).to_pylist()
    return sorted((row["count"], row["detail"]) for row in found if row["kind"] == kind)


def copies(case: Case) -> int:
    """Give the number of events that were left out."""
    return sum(file.staged.rows for file in open_archive(case).files("copies"))


def good(case: Case) -> bool:
    """Say whether everything is as registered."""
    return all(one.good for one in verify(Case.open(case.root)))


EARLY, LATE = xml(logons(1, 40), mark="early"), xml(logons(11, 60), mark="late")


def test_of_two_exports_in_one_run_every_event_counts_once(tmp_path: Path) -> None:
    case, done = taken_in(tmp_path / "case", write(tmp_path / "e", {"a.xml": EARLY, "b.xml": LATE}))
    assert ids(case) == list(range(1, 61))
    assert (done.records, done.copies, done.unlike, done.twice) == (60, 30, 0, 0)
    assert copies(case) == 30
    assert good(case)


def test_an_export_that_comes_later_adds_only_what_is_new(tmp_path: Path) -> None:
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "1", {"a.xml": EARLY}))
    case, done = taken_in(tmp_path / "case", write(tmp_path / "2", {"b.xml": LATE}))
    assert (done.records, done.copies) == (20, 30)
    assert ids(case) == list(range(1, 61))
    ((count, detail),) = facts(case, "copied")
    assert count == 30
    assert detail == (
        f"events of Security on EX01.gov.example that evidence {sha256(EARLY)[:12]} (a.xml) holds as well, and that "
        "count once, there: 30"
    )
    held = stock(case, open_archive(case))
    assert (held.records, held.copies) == (60, 30)
    assert {one.path: (one.records, one.copies) for one in held.files} == {"a.xml": (40, 0), "b.xml": (20, 30)}
    assert held.case_facts().copies == 30
    assert good(case)


def test_an_export_without_a_new_event_leaves_no_row_and_is_not_read_again(tmp_path: Path) -> None:
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "1", {"a.xml": EARLY}))
    inner = write(tmp_path / "2", {"c.xml": xml(logons(5, 9), mark="part")})
    case, done = taken_in(tmp_path / "case", inner)
    assert (done.records, done.copies, done.files_new) == (0, 5, 1)
    case, done = taken_in(tmp_path / "case", inner)
    assert (done.records, done.copies, done.files_new, done.files_known) == (0, 0, 0, 1)
    assert ids(case) == list(range(1, 41))
    assert good(case)


def test_three_exports_name_the_one_that_counts(tmp_path: Path) -> None:
    marks = [xml(logons(1, 5), mark=mark) for mark in "abc"]
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "e", {f"{at}.xml": one for at, one in enumerate(marks)}))
    (kept,) = {row["evidence_id"] for row in whole_table(open_archive(case), "evtx", ("evidence_id",)).to_pylist()}
    rows = whole_table(open_archive(case), "copies", ("evidence_id", "record_no", "of_evidence_id", "of_record_no"))
    assert {row["of_evidence_id"] for row in rows.to_pylist()} == {kept}
    assert all(row["record_no"] == row["of_record_no"] for row in rows.to_pylist())
    assert {row["evidence_id"] for row in rows.to_pylist()} == {sha256(one) for one in marks} - {kept}


def test_a_binary_of_few_words_and_a_full_one_in_one_run_keep_the_full_one(tmp_path: Path) -> None:
    full = xml(logons(1, 9))
    folder = write(tmp_path / "e", {"a.json": as_json(logons(1, 9)), "z.xml": full})
    case, done = taken_in(tmp_path / "case", folder)
    assert (done.copies, done.twice, done.unlike) == (9, 0, 0)
    found = whole_table(open_archive(case), "evtx", ("evidence_id",)).to_pylist()
    assert {row["evidence_id"] for row in found} == {sha256(full)}


def test_what_says_more_than_what_is_held_stays_and_is_told(tmp_path: Path) -> None:
    less = [{key: value for key, value in one.items() if key != "IpAddress"} for one in logons(1, 9)]
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "1", {"a.json": as_json(less)}))
    case, done = taken_in(tmp_path / "case", write(tmp_path / "2", {"z.xml": xml(logons(1, 9))}))
    assert (done.records, done.copies, done.twice, done.unlike) == (9, 0, 9, 0)
    ((count, detail),) = facts(case, "copied")
    assert count == 9
    assert detail.endswith("holds less: 9. Both are kept, and each of them counts twice")


def test_a_log_that_was_cleared_numbers_anew_and_both_stay(tmp_path: Path) -> None:
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "1", {"a.xml": xml(logons(1, 20, day=3))}))
    case, done = taken_in(tmp_path / "case", write(tmp_path / "2", {"b.xml": xml(logons(1, 10, day=9))}))
    assert (done.records, done.copies, done.unlike) == (10, 0, 10)
    ((count, detail),) = facts(case, "disagrees")
    assert count == 10
    assert "another time or event id: 10. Both stay." in detail
    assert ids(case) == sorted([*range(1, 21), *range(1, 11)])


@pytest.mark.parametrize("together", [True, False])
def test_an_event_that_was_changed_stays_beside_the_other_and_is_told(tmp_path: Path, *, together: bool) -> None:
    changed = [{**one, "TargetUserName": "nobody"} if one["number"] == 4 else one for one in logons(1, 9)]
    one, other = xml(logons(1, 9)), xml(changed, mark="changed")
    case, done = taken_in(
        tmp_path / "case", write(tmp_path / "1", {"a.xml": one, **({"b.xml": other} if together else {})})
    )
    if not together:
        case, done = taken_in(tmp_path / "case", write(tmp_path / "2", {"b.xml": other}))
    assert (done.copies, done.unlike) == (8, 1)
    ((count, detail),) = facts(case, "disagrees")
    assert count == 1
    assert "which say something else: 1. Both stay." in detail
    assert [name for number, name in events(case) if number == 4] == ["nobody", "user4"]


def test_a_value_taken_out_of_a_whole_form_is_a_change(tmp_path: Path) -> None:
    blanked = [{**one, "IpAddress": ""} if one["number"] == 4 else one for one in logons(1, 9)]
    folder = write(tmp_path / "e", {"a.xml": xml(logons(1, 9)), "b.xml": xml(blanked, mark="b")})
    _, done = taken_in(tmp_path / "case", folder)
    assert (done.copies, done.unlike) == (8, 1)


def test_two_channels_two_computers_and_two_numbers_are_never_one(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "e",
        {
            "a.xml": xml(logons(1, 9)),
            "b.xml": xml(logons(1, 9), host="EX02"),
            "c.xml": xml(logons(1, 9), channel="System"),
            "d.xml": xml([{**one, "number": int(str(one["number"])) + 100} for one in logons(1, 9)]),
        },
    )
    case, done = taken_in(tmp_path / "case", folder)
    assert (done.records, done.copies, done.unlike) == (36, 0, 0)
    assert facts(case, "disagrees") == []


def test_times_agree_as_exactly_as_the_less_exact_of_the_two_is_written(tmp_path: Path) -> None:
    exact = xml(logons(1, 9)).replace(b":07.0000000Z", b":07.4412345Z")
    other = xml(logons(1, 9), mark="2").replace(b":07.0000000Z", b":08.9412345Z")
    taken_in(tmp_path / "case", write(tmp_path / "1", {"a.xml": exact}))
    _, done = taken_in(tmp_path / "case", write(tmp_path / "2", {"b.json": as_json(logons(1, 9))}))
    assert (done.copies, done.unlike) == (9, 0), "to the second"
    _, done = taken_in(tmp_path / "case", write(tmp_path / "3", {"c.xml": other}))
    assert (done.copies, done.unlike) == (0, 9), "a second and a half later"


def test_an_event_twice_in_one_file_counts_once(tmp_path: Path) -> None:
    case, done = taken_in(tmp_path / "case", write(tmp_path / "e", {"a.xml": xml([*logons(1, 9), *logons(3, 5)])}))
    assert (done.records, done.copies) == (9, 3)
    ((_, detail),) = facts(case, "copied")
    assert "that this file holds as well" in detail


def test_events_without_number_or_log_are_never_taken_for_copies(tmp_path: Path) -> None:
    bare = xml(logons(1, 9)).replace(b"<Computer>EX01.gov.example</Computer>", b"")
    again = bare.replace(b"<Events>", b"<Events><!-- again -->")
    _, done = taken_in(tmp_path / "case", write(tmp_path / "e", {"a.xml": bare, "b.xml": again}))
    assert (done.records, done.copies, done.unlike) == (18, 0, 0)


def test_the_archive_is_the_same_whatever_the_workers(tmp_path: Path) -> None:
    files = {"a.xml": EARLY, "b.xml": LATE, "c.json": as_json(logons(30, 70)), "d.xml": xml(logons(1, 70), mark="d")}
    found = set()
    for place, workers in enumerate((1, 2, 1)):
        case, done = taken_in(tmp_path / f"case{place}", write(tmp_path / "e", files), workers=workers)
        assert (done.records, done.copies) == (70, 40 + 50 + 41 + 70 - 70)
        found.add(json.dumps(hashes(case.archive_root), sort_keys=True))
    assert len(found) == 1


def test_all_places_of_an_event_are_told_from_each_of_its_names(tmp_path: Path) -> None:
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "1", {"a.xml": EARLY}))
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "2", {"b.xml": LATE, "c.json": as_json(logons(11, 20))}))
    counted = record_bytes(case, RecordRef("evtx", EvidenceId(sha256(EARLY)), 11))
    assert [(one.place.path, one.ref.record_no, one.counts) for one in counted.others] == [
        ("b.xml", 1, False),
        ("c.json", 1, False),
    ]
    copy = record_bytes(case, RecordRef("evtx", EvidenceId(sha256(LATE)), 1))
    assert [(one.place.path, one.ref.record_no, one.counts) for one in copy.others] == [
        ("a.xml", 11, True),
        ("c.json", 1, False),
    ]
    assert copy.row is not None
    assert copy.row["EventRecordID"] == 11
    alone = record_bytes(case, RecordRef("evtx", EvidenceId(sha256(EARLY)), 3))
    assert alone.others == ()


BLOCK = "Invoke-Something -Much; "


def blocks(numbers: Sequence[int], total: int = 3) -> list[Event]:
    """Give the parts of a script block."""
    return [
        {
            "number": 100 + number,
            "event": 4104,
            "at": f"2021-03-03 10:00:0{number}",
            "MessageNumber": number,
            "MessageTotal": total,
            "ScriptBlockId": "b1",
            "ScriptBlockText": BLOCK * number,
        }
        for number in numbers
    ]


def test_a_script_block_that_is_whole_only_later_is_kept_whole(tmp_path: Path) -> None:
    channel = "Microsoft-Windows-PowerShell/Operational"
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "1", {"a.xml": xml(blocks([1, 2]), channel)}))
    case, done = taken_in(
        tmp_path / "case", write(tmp_path / "2", {"b.xml": xml(blocks([1, 2, 3]), channel, mark="b")})
    )
    texts = whole_table(open_archive(case), "evtx", ("ScriptBlockText",))["ScriptBlockText"].to_pylist()
    assert BLOCK * 6 in texts
    assert (done.copies, done.twice, done.unlike) == (1, 1, 0)
    case, done = taken_in(tmp_path / "case", write(tmp_path / "3", {"c.xml": xml(blocks([1, 2]), channel, mark="c")}))
    assert (done.copies, done.twice, done.unlike) == (2, 0, 0)


@pytest.mark.parametrize("together", [True, False])
def test_a_text_that_xml_ends_at_a_nul_is_the_same_text(tmp_path: Path, *, together: bool) -> None:
    named = "an\0na"
    event = {"event_id": 4624, "record_id": 1, "at": "2021-03-03T10:00:07.0000000Z", "data": {"TargetUserName": named}}
    binary = log([chunk([event])])
    whole = [{"number": 1, "event": 4624, "at": "2021-03-03 10:00:07", "TargetUserName": "an"}]
    export = xml(whole, host="EX01").replace(b"EX01.gov.example", b"EX01.ministry.example")
    parts = [{"a.evtx": binary, "b.xml": export}] if together else [{"b.xml": export}, {"a.evtx": binary}]
    case, done = [taken_in(tmp_path / "case", write(tmp_path / str(at), files)) for at, files in enumerate(parts)][-1]
    if together:
        assert (events(case), done.copies, done.unlike) == ([(1, named)], 1, 0)
    else:  # what says more than what is held is kept beside it, and told
        assert (events(case), done.twice, done.unlike) == ([(1, "an"), (1, named)], 1, 0)
    other = xml([{**whole[0], "TargetUserName": "anders"}], mark="x").replace(b"gov.example", b"ministry.example")
    case, done = taken_in(tmp_path / "case", write(tmp_path / "other", {"c.xml": other}))
    assert done.unlike == 1


def test_many_events_of_one_number_are_no_square(tmp_path: Path) -> None:
    same = [
        {"number": 1, "event": 4624, "at": "2021-03-03 10:00:00", "TargetUserName": f"u{at}"} for at in range(3_000)
    ]
    _, done = taken_in(tmp_path / "case", write(tmp_path / "e", {"a.xml": xml(same)}))
    assert (done.records, done.copies, done.unlike) == (3_000, 0, 2_999)


def _chunks(data: bytes, count: int) -> bytes:
    """Give a log of fewer chunks whose file header has other bytes, as Windows would write it."""
    return data[:100] + b"\1" + data[101 : 4096 + count * 65_536]


def _dumped(records: Iterable[Any]) -> list[str]:
    return [str(one["data"]) for one in records]


def test_real_logs_in_four_forms_are_one_log(tmp_path: Path, shared_data: Path) -> None:
    path = shared_data / "evtx" / "omerbenamram" / "security.evtx"
    texts = _dumped(evtx.PyEvtxParser(str(path)).records())
    forms = {
        "live.evtx": path.read_bytes(),
        "earlier.evtx": _chunks(path.read_bytes(), 8),
        "export.xml": ("<Events>" + "".join(one.split("?>", 1)[-1] for one in texts) + "</Events>").encode(),
        "dump.json": "\n".join(
            one.replace("\n", "") for one in _dumped(evtx.PyEvtxParser(str(path)).records_json())
        ).encode(),
    }
    _, alone = taken_in(tmp_path / "alone", write(tmp_path / "alone-evidence", {"a.evtx": forms["earlier.evtx"]}))
    assert 0 < alone.records < len(texts)
    for order in itertools.islice(itertools.permutations(forms), 0, 24, 7):
        root = tmp_path / "-".join(order)
        for name in order:
            taken_in(root / "case", write(root / name, {name: forms[name]}))
        case = Case.open(root / "case")
        held = stock(case, open_archive(case))
        # one event holds a character that XML cannot write: the two forms of it stand side by side
        assert {count for count, _ in facts(case, "disagrees")} == {1}
        assert held.records == len(texts) + 1
        assert held.records + held.copies == 3 * len(texts) + alone.records
