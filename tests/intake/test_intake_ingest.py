"""Ingest: originals are only read, every record comes once whatever happens, and the same evidence gives the same bytes."""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from benchmarks.kill import kill_and_resume
from tests.intake.evidence import hashes, log, rows, sha256, taken_in, write, zipped

from dwell.archive import datafile
from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.casebook.custody import CustodyLog
from dwell.errors import CustodyError, DiskFullError
from dwell.intake import commits, reading, units
from dwell.intake import ingest as ingest_module
from dwell.intake import plan as plan_module
from dwell.intake.ingest import ingest, open_archive
from dwell.intake.plan import Plan
from dwell.intake.verifying import verify
from dwell.sources.iis import IisW3c
from dwell.sources.source import Batch, Hint

FILES = {f"EX01/inetpub/{number:03}.log": log(number) for number in range(6)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write six logs of five records."""
    return write(tmp_path / "evidence", FILES)


def whole(case: Case) -> bool:
    """Say whether every record of the six logs is there once and everything is as registered."""
    names = Counter((evidence, number) for evidence, number, _ in rows(case))
    wanted = {(sha256(data), number) for data in FILES.values() for number in range(5, 10)}
    return set(names) == wanted and max(names.values()) == 1 and all(one.good for one in verify(case))


def test_originals_are_never_opened_for_writing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, {"packed.zip": zipped({"x.log": log(99)})})
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    opened: list[tuple[str, str]] = []
    before = {path: (path.lstat(), path.is_file() and path.read_bytes()) for path in sorted(folder.rglob("*"))}
    opening, low = io.open, os.open

    def watched(file: object, mode: str = "r", *rest: object, **named: object) -> object:
        opened.append((str(file), mode))
        return opening(file, mode, *rest, **named)  # type: ignore[call-overload]

    def watched_low(path: object, flags: int, *rest: int, **named: object) -> int:
        opened.append((str(path), "w" if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC) else "r"))
        return low(path, flags, *rest, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "open", watched)
        patch.setattr(io, "open", watched)
        patch.setattr(os, "open", watched_low)
        case, _ = taken_in(tmp_path / "case", folder)
        list(verify(case))
    modes = {mode for path, mode in opened if path.startswith(str(folder))}
    assert modes == {"rb"}
    assert any(mode == "wb" for _, mode in opened), "the watch sees nothing"
    for path, (about, data) in before.items():
        now = path.lstat()
        for name in ("st_mode", "st_ino", "st_mtime_ns", "st_ctime_ns", "st_size", "st_nlink"):
            assert getattr(now, name) == getattr(about, name), (path, name)
        assert not path.is_file() or path.read_bytes() == data


def test_a_second_ingest_adds_nothing_and_changes_no_byte(folder: Path, tmp_path: Path) -> None:
    case, done = taken_in(tmp_path / "case", folder)
    assert (done.files_new, done.files_known, done.records, done.anomalies) == (6, 0, 30, 0)
    before = hashes(case.root)
    again, done = taken_in(case.root, folder)
    assert (done.files_new, done.files_known, done.records) == (0, 6, 0)
    assert hashes(again.root) == before
    assert whole(again)


def test_new_files_are_added_and_old_ones_left(folder: Path, tmp_path: Path) -> None:
    case, _ = taken_in(tmp_path / "case", folder)
    before = hashes(case.archive_root)
    write(folder, {"later.log": log(77)})
    case, done = taken_in(case.root, folder)
    assert (done.files_new, done.files_known, done.records) == (1, 6, 5)
    assert before.items() <= hashes(case.archive_root).items()
    assert len(rows(case)) == 35


def test_three_kills_lose_nothing(tmp_path: Path) -> None:
    report = kill_and_resume(tmp_path, 3, files=8, lines=400, workers=(1,))
    assert report.faults == ()
    assert report.kills == 3
    assert report.cases >= 1


class _Stop(BaseException):
    """What stands for the end of the process."""


def _stopping(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, call: int, fault: BaseException) -> None:
    """Have a function fail at its nth call."""
    inner = getattr(owner, name)
    calls = [0]

    def stopped(*given: object, **named: object) -> object:
        calls[0] += 1
        if calls[0] == call:
            raise fault
        return inner(*given, **named)

    monkeypatch.setattr(owner, name, stopped)


_POINTS = [
    (CustodyLog, "append", call) for call in (1, 2, 3, 4, 5, 6)
] + [(Archive, "commit", call) for call in (1, 2, 3, 4)] + [
    (commits, "commit_unit", 2), (datafile, "sync_folder", 3), (datafile, "_written", 2), (datafile, "_put", 2),
    (reading, "stage", 2),
]  # fmt: skip


@pytest.mark.parametrize(("owner", "name", "call"), _POINTS, ids=lambda one: getattr(one, "__name__", str(one)))
def test_a_run_that_ends_anywhere_can_be_resumed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, call: int
) -> None:
    monkeypatch.setattr(units, "UNIT_BYTES", 3_000)
    module = {"commit_unit": ingest_module, "stage": reading}.get(name, owner)
    fault: BaseException = DiskFullError("no room left") if call % 2 else _Stop()
    with monkeypatch.context() as patch:
        _stopping(patch, module, name, call, fault)
        with pytest.raises((DiskFullError, _Stop)):
            taken_in(tmp_path / "case", folder)
    case, _ = taken_in(tmp_path / "case", folder)
    assert whole(Case.open(case.root))
    before = hashes(case.root)
    taken_in(case.root, folder)
    assert hashes(case.root) == before


def test_a_disk_that_fills_up_at_every_write_in_turn(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every sync fails once for lack of room: each time the run ends with that fault, and the next goes on."""
    monkeypatch.setattr(units, "UNIT_BYTES", 6_000)
    syncing = os.fsync
    left = [0]

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        syncing(handle)

    Case.create(tmp_path / "case")
    refused = 0
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        for room in range(0, 60, 4):
            left[0] = room
            with contextlib.suppress(DiskFullError):
                taken_in(tmp_path / "case", folder)
                continue
            refused += 1
    assert refused > 3
    case, _ = taken_in(tmp_path / "case", folder)
    assert whole(Case.open(case.root))


def test_a_commit_that_custody_does_not_know_is_completed_not_repeated(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Case.record

    def forgetful(self: Case, act: str, details: dict[str, object]) -> None:
        if act == "commit":
            raise _Stop
        recorded(self, act, details)

    with monkeypatch.context() as patch:
        patch.setattr(Case, "record", forgetful)
        with pytest.raises(_Stop):
            taken_in(tmp_path / "case", folder)
        patch.setattr(reading, "stage", None)  # nothing may be read or written a second time
        assert all(one.good for one in verify(Case(tmp_path / "case")))
    with monkeypatch.context() as patch:
        patch.setattr(ingest_module, "read_unit", None)
        case, done = taken_in(tmp_path / "case", folder)
    assert (done.files_new, done.files_known) == (0, 6)
    assert [act.details.get("recovered") for act in case.acts() if act.act == "commit"] == [True]
    assert whole(case)


def test_an_archive_that_lost_its_log_is_refused_and_nothing_is_cleared_away(folder: Path, tmp_path: Path) -> None:
    case, _ = taken_in(tmp_path / "case", folder)
    shutil.rmtree(case.archive_root / "iis" / "_delta_log")
    before = hashes(case.archive_root)
    with pytest.raises(CustodyError, match="commit 0 of table iis is missing") as fault:
        taken_in(case.root, folder)
    assert fault.value.exit_code == 12
    assert hashes(case.archive_root) == before


def test_a_commit_that_was_changed_or_put_in_is_refused(folder: Path, tmp_path: Path) -> None:
    case, _ = taken_in(tmp_path / "case", folder)
    path = case.archive_root / "iis" / "_delta_log" / f"{0:020}.json"
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"dataChange":true', b'"dataChange":null'))
    with pytest.raises(CustodyError, match="is not what was written"):
        taken_in(case.root, folder)
    path.write_bytes(data)
    path.with_name(f"{1:020}.json").write_bytes(data)
    with pytest.raises(CustodyError, match="was not made by this case"):
        taken_in(case.root, folder)


def test_an_empty_commit_left_by_a_power_cut_is_removed_and_told(folder: Path, tmp_path: Path) -> None:
    case, _ = taken_in(tmp_path / "case", folder)
    empty = case.archive_root / "iis" / "_delta_log" / f"{1:020}.json"
    empty.write_bytes(b"")
    case, _ = taken_in(case.root, folder)
    assert not empty.exists()
    assert "recovered" in [act.act for act in case.acts()]
    assert whole(case)


def test_staged_files_that_are_not_whole_are_read_anew(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _stopping(patch, Archive, "commit", 1, _Stop())
        with pytest.raises(_Stop):
            taken_in(tmp_path / "case", folder)
    victim = next((tmp_path / "case" / "archive" / "iis").glob("month=*/*.parquet"))
    victim.write_bytes(victim.read_bytes()[:-9])
    case, _ = taken_in(tmp_path / "case", folder)
    assert "abandoned" in [act.act for act in case.acts()]
    assert whole(case)


def _with_change(monkeypatch: pytest.MonkeyPatch, path: Path, data: bytes) -> None:
    """Have a file change between planning and reading."""
    made = plan_module.make_plan

    def changing(*given: object, **named: object) -> Plan:
        found = made(*given, **named)  # type: ignore[arg-type]
        path.write_bytes(data)
        return found

    monkeypatch.setattr(ingest_module, "make_plan", changing)


@pytest.mark.parametrize("alone", [True, False])
def test_of_a_file_that_changes_while_it_is_read_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    if alone:
        monkeypatch.setattr(units, "UNIT_FILES", 1)
        monkeypatch.setattr(reading, "FLUSH_ROWS", 2)
    folder = write(tmp_path / "evidence", {"a.log": log(1), "b.log": log(2), "c.log": log(3)})
    with monkeypatch.context() as patch:
        _with_change(patch, folder / "b.log", log(4) + log(2))
        case, done = taken_in(tmp_path / "case", folder)
    assert {evidence for evidence, _, _ in rows(case)} == {sha256(log(1)), sha256(log(3))}
    assert [(fault.path, fault.why) for fault in done.faults] == [
        ("b.log", "its bytes changed since it was registered")
    ]
    assert (done.files_new, done.records) == (2, 10)
    names = {path.name for path in case.archive_root.rglob("*.parquet")}
    known = {file.path.name for table in open_archive(case).tables() for file in open_archive(case).files(table)}
    assert names == known, "something of it lies about"
    # what it is now is read by the next run; what it was is put back and read by the one after
    case, done = taken_in(case.root, folder)
    assert (done.files_new, done.files_known, done.records) == (1, 2, 10)
    (folder / "b.log").write_bytes(log(2))
    case, done = taken_in(case.root, folder)
    assert (done.files_new, done.files_known, done.records) == (1, 2, 5)
    names_held = Counter((evidence, number) for evidence, number, _ in rows(case))
    assert max(names_held.values()) == 1
    case, done = taken_in(case.root, folder)
    assert (done.files_new, done.records) == (0, 0)


def test_rows_are_written_by_their_bytes_too_and_none_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audit records are a hundred times as long as lines of IIS: a worker's memory is bounded in bytes."""
    monkeypatch.setattr(IisW3c, "joins", False)
    folder = write(tmp_path / "evidence", {"a.log": log(1), "b.log": log(4)})
    plain, _ = taken_in(tmp_path / "plain", folder)
    monkeypatch.setattr(reading, "FLUSH_BYTES", 1)
    small, done = taken_in(tmp_path / "small", folder)
    assert done.records == 10
    assert sorted(rows(small)) == sorted(rows(plain))
    assert (len(open_archive(plain).files("iis")), len(open_archive(small).files("iis"))) == (1, 2)


class _Broken(IisW3c):
    """A reader that fails on some files, in several ways, after it gave some rows."""

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        content = stream.read()
        yield from super().read(io.BytesIO(content), hint)
        if b"/ews/2 " in content:
            raise ZeroDivisionError("evidence text")
        if b"/ews/3 " in content:
            raise _Stop
        if b"/ews/4 " in content:
            raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("unit_files", [1, 100])
def test_a_reader_that_fails_costs_its_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit_files: int
) -> None:
    monkeypatch.setattr(units, "UNIT_FILES", unit_files)
    monkeypatch.setattr(reading, "source_of", lambda _: _Broken())
    folder = write(
        tmp_path / "evidence", {"a.log": log(1), "raises.log": log(2), "panics.log": log(3), "full.log": log(4)}
    )
    case, done = taken_in(tmp_path / "case", folder)
    assert {evidence for evidence, _, _ in rows(case)} == {sha256(log(1))}
    assert {fault.path: fault.why for fault in done.faults} == {
        "raises.log": "the reader failed: ZeroDivisionError",
        "panics.log": "the reader failed: _Stop",
        "full.log": "Input/output error",
    }
    before = hashes(case.root)
    case, done = taken_in(case.root, folder)
    assert (done.files_new, len(done.faults)) == (0, 3)
    after = hashes(case.root)
    assert {name for name in after if after[name] != before.get(name)} <= {"custody.jsonl", "custody.head"}
    monkeypatch.undo()
    case, done = taken_in(case.root, folder)
    assert (done.files_new, done.records) == (3, 15)
    assert len(rows(case)) == 20


_KILLER = """
import io, os, signal, sys
from pathlib import Path
from dwell.casebook.case import Case
from dwell.intake.ingest import ingest
from dwell.sources.iis import IisW3c

inner = IisW3c.read

def killing(self, stream, hint):
    content = stream.read()
    if b"/ews/2 " in content:
        os.kill(os.getpid(), signal.SIGKILL)
    yield from inner(self, io.BytesIO(content), hint)

IisW3c.read = killing

if __name__ == "__main__":
    case = Case.create(Path(sys.argv[1]))
    with case.writing():
        done = ingest(case, [Path(sys.argv[2])], workers=2)
    print(done.files_new, done.records, [fault.path for fault in done.faults])
"""


def test_a_file_that_kills_its_reader_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "evidence", {"a.log": log(1), "killer.log": log(2), "c.log": log(3)})
    script = write(tmp_path, {"run.py": _KILLER.encode()}) / "run.py"
    told = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "case"), str(folder)], capture_output=True, text=True, check=False
    )
    assert told.stdout.strip() == "2 10 ['killer.log']", told.stderr
    assert len(rows(Case.open(tmp_path / "case"))) == 10


def test_many_small_files_become_few_data_files(tmp_path: Path) -> None:
    folder = write(tmp_path / "evidence", {f"{number % 20}/{number}.log": log(number, 1) for number in range(200)})
    case, done = taken_in(tmp_path / "case", folder)
    assert (done.files_new, done.records) == (200, 200)
    assert len(open_archive(case).files("iis")) == 3
    assert sum(len(open_archive(case).files(table)) for table in open_archive(case).tables()) < 12


_RUN = """
import sys
from pathlib import Path
from dwell.casebook.case import Case
from dwell.intake import ingest, units

if __name__ == "__main__":
    units.UNIT_BYTES = 3_000
    case = Case.create(Path(sys.argv[1]))
    with case.writing():
        ingest.ingest(case, [Path(sys.argv[2])], workers=int(sys.argv[3]))
"""


def test_the_same_evidence_gives_the_same_bytes_wherever_and_however_it_is_read(folder: Path, tmp_path: Path) -> None:
    write(folder, {"odd.log": log(40) + b"no such line\r\n\xff\xfe\r\n", "b.zip": zipped({"z.log": log(41)})})
    shutil.copytree(folder, tmp_path / "elsewhere" / "deeper")
    made = {}
    for number, (place, workers, zone, locale, seed) in enumerate(
        [
            (folder, "1", "UTC", "C", "0"),
            (folder, "2", "Asia/Kathmandu", "C.UTF-8", "1"),
            (tmp_path / "elsewhere" / "deeper", "3", "<+1245>-12:45", "POSIX", "4711"),
        ]
    ):
        environment = {**os.environ, "TZ": zone, "LC_ALL": locale, "PYTHONHASHSEED": seed}
        root = tmp_path / f"case{number}"
        subprocess.run([sys.executable, "-c", _RUN, str(root), str(place), workers], env=environment, check=True)
        made[number] = hashes(root / "archive")
    assert made[0] == made[1] == made[2]
    assert len(made[0]) > 15


def test_hosts_and_builds_of_the_register_come_back(folder: Path, tmp_path: Path) -> None:
    case, _ = taken_in(tmp_path / "case", folder)
    again = Case.open(case.root)
    assert {item.host for item in again.register().values()} == {"EX01"}
    assert {item.source for item in again.register().values()} == {"iis"}
    with again.writing():
        told: list[tuple[str, int, int]] = []
        ingest(again, [folder], workers=1, progress=lambda phase, _, done, total: told.append((phase, done, total)))
    assert ("reading", 0, 0) in told
    assert sum(phase == "hashing" for phase, _, _ in told) == 6
