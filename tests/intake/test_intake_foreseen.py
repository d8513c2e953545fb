"""A dry run says what an ingest then does: what it reads, what it leaves out, and of what it reads only the rest."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.intake.evidence import HEADER_LINES, hashes, log, sha256, taken_in, write
from tests.scope.staged import security_log

from dwell.intake.ingest import dry_run

FRIDAY = log(7, 30)
_LINES = FRIDAY.splitlines(keepends=True)
MONDAY = b"".join(_LINES[: HEADER_LINES + 10])
LIVE = "EX01/inetpub/logs/u_ex210308.log"


def test_copies_that_would_come_together_are_foreseen(tmp_path: Path) -> None:
    files = {LIVE: FRIDAY, "monday.log.gz": gzip.compress(MONDAY, mtime=0), "other.log": log(8), "same/x.log": log(8)}
    folder = write(tmp_path / "evidence", files)
    plan, foreseen = dry_run(None, [folder])
    assert foreseen.within == {sha256(MONDAY): LIVE}
    assert (foreseen.held, foreseen.after, foreseen.events) == (frozenset(), {}, frozenset())
    case, done = taken_in(tmp_path / "case", folder)
    assert done.files_new == len([one for one in plan.readable if one.evidence_id not in foreseen.left_out])
    assert {one.evidence_id for one in done.parts} == set(foreseen.within)
    before = hashes(case.root)
    _, again = dry_run(case, [folder])
    assert again.held == {sha256(FRIDAY), sha256(log(8))}
    assert again.within == {sha256(MONDAY): LIVE}
    assert hashes(case.root) == before


def test_a_longer_copy_of_what_is_held_is_foreseen(tmp_path: Path) -> None:
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "1", {LIVE: MONDAY}))
    folder = write(tmp_path / "2", {LIVE: FRIDAY})
    before = hashes(case.root)
    _, foreseen = dry_run(case, [folder])
    assert (foreseen.after, foreseen.again, foreseen.left_out) == ({sha256(FRIDAY): LIVE}, frozenset(), frozenset())
    assert hashes(case.root) == before
    _, done = taken_in(tmp_path / "case", folder)
    assert (done.files_new, done.grown, done.records) == (1, 1, 20)


def test_a_format_that_cannot_be_read_on_is_foreseen_to_count_twice(tmp_path: Path) -> None:
    line = "192.0.2.7, -, 03/20/21, 7:55:20, W3SVC2, EX01, 10.0.0.1, {}, 163, 3223, 200, 0, GET, /owa/, -,\r\n"
    whole = "".join(line.format(one) for one in range(4_000, 4_040)).encode()
    case, first = taken_in(tmp_path / "case", write(tmp_path / "1", {"in.log": whole[: len(whole) // 2]}))
    assert first.records
    _, foreseen = dry_run(case, [write(tmp_path / "2", {"in.log": whole})])
    assert foreseen.again == {sha256(whole)}


def test_of_event_logs_it_is_said_that_their_events_are_told_later(tmp_path: Path) -> None:
    events = security_log([{"number": 1, "event": 4624, "at": "2021-03-03 10:00:00"}]).encode()
    _, foreseen = dry_run(None, [write(tmp_path / "e", {"a.xml": events, "b.log": log(2)})])
    assert foreseen.events == {sha256(events)}
