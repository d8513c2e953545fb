"""The custody log: a changed, removed, inserted or cut-off line is found and named; a torn tail is mended."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwell.casebook.custody import CustodyLog
from dwell.errors import CustodyError, DiskFullError

ACTS = 6


@pytest.fixture
def log(tmp_path: Path) -> CustodyLog:
    """Write a log of six acts."""
    made = CustodyLog(tmp_path / "custody.jsonl")
    for number in range(ACTS):
        made.append("note", {"number": number, "text": "é\ud800\x1b[31m"})
    return made


def lines(log: CustodyLog) -> list[bytes]:
    return log.path.read_bytes().splitlines(keepends=True)


def broken_at(log: CustodyLog) -> int | None:
    """Read the log; give the line that the fault names."""
    with pytest.raises(CustodyError) as fault:
        list(CustodyLog(log.path).acts())
    assert fault.value.exit_code == 12
    assert fault.value.place is not None
    return fault.value.place.line


def test_acts_come_back_as_they_were_written(log: CustodyLog) -> None:
    acts = list(CustodyLog(log.path).acts())
    assert [act.number for act in acts] == list(range(1, ACTS + 1))
    assert [act.details["number"] for act in acts] == list(range(ACTS))
    assert acts[0].details["text"] == "é\ud800\x1b[31m"
    assert all(act.at_utc.endswith("Z") for act in acts)


def test_a_log_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert list(CustodyLog(tmp_path / "custody.jsonl").acts()) == []


@pytest.mark.parametrize("line", range(ACTS))
def test_a_changed_line_is_named(log: CustodyLog, line: int) -> None:
    held = lines(log)
    held[line] = held[line].replace(b'"number":%d' % line, b'"number":9')
    log.path.write_bytes(b"".join(held))
    assert broken_at(log) == line + 1


@pytest.mark.parametrize("line", range(ACTS - 1))
def test_a_removed_line_is_named(log: CustodyLog, line: int) -> None:
    held = lines(log)
    del held[line]
    log.path.write_bytes(b"".join(held))
    assert broken_at(log) == line + 1


@pytest.mark.parametrize("line", range(ACTS))
def test_an_inserted_line_is_named(log: CustodyLog, line: int) -> None:
    held = lines(log)
    held.insert(line, held[(line + 2) % ACTS])
    log.path.write_bytes(b"".join(held))
    assert broken_at(log) == line + 1


def test_two_lines_that_changed_places_are_named(log: CustodyLog) -> None:
    held = lines(log)
    held[2], held[3] = held[3], held[2]
    log.path.write_bytes(b"".join(held))
    assert broken_at(log) == 3


@pytest.mark.parametrize("kept", range(ACTS))
def test_lines_cut_off_the_end_are_noticed(log: CustodyLog, kept: int) -> None:
    log.path.write_bytes(b"".join(lines(log)[:kept]))
    assert broken_at(log) == kept


def test_a_log_that_is_gone_is_noticed(log: CustodyLog) -> None:
    log.path.unlink()
    assert broken_at(log) == 1


def test_a_head_that_is_gone_or_unreadable_is_noticed(log: CustodyLog) -> None:
    log.head_path.write_bytes(b"")
    with pytest.raises(CustodyError, match="head cannot be read"):
        list(CustodyLog(log.path).acts())
    log.head_path.unlink()
    assert broken_at(log) == ACTS


def test_a_chain_written_anew_is_noticed(log: CustodyLog, tmp_path: Path) -> None:
    other = CustodyLog(tmp_path / "other.jsonl")
    for number in range(ACTS):
        other.append("note", {"number": number})
    log.path.write_bytes(other.path.read_bytes())
    assert broken_at(log) == ACTS
    other.append("note", {})
    log.path.write_bytes(other.path.read_bytes())
    assert broken_at(log) == ACTS


def test_a_torn_tail_is_left_out_by_readers_and_cut_off_by_writers(log: CustodyLog) -> None:
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + b'{"act":"commit","at":"2021')
    assert len(list(CustodyLog(log.path).acts())) == ACTS
    again = CustodyLog(log.path)
    assert again.repair_tail()
    assert not again.repair_tail()
    assert log.path.read_bytes() == whole
    log.path.write_bytes(whole + b"{")
    CustodyLog(log.path).append("note", {"after": "the crash"})
    assert [act.act for act in CustodyLog(log.path).acts()] == ["note"] * (ACTS + 1)


def test_the_head_may_lag_one_act_behind_after_a_crash(log: CustodyLog) -> None:
    before = log.head_path.read_bytes()
    log.append("note", {})
    log.head_path.write_bytes(before)
    again = CustodyLog(log.path)
    assert len(list(again.acts())) == ACTS + 1
    again.append("note", {})
    assert len(list(CustodyLog(log.path).acts())) == ACTS + 2


def test_no_room_left_leaves_the_log_as_it_was(log: CustodyLog, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = log.path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskFullError):
            log.append("note", {})
    assert log.path.read_bytes() == whole
    log.append("note", {})
    assert len(list(CustodyLog(log.path).acts())) == ACTS + 1


@settings(max_examples=40)
@given(place=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
def test_any_flipped_byte_is_found(tmp_path_factory: pytest.TempPathFactory, place: float, mask: int) -> None:
    log = CustodyLog(tmp_path_factory.mktemp("log") / "custody.jsonl")
    for number in range(3):
        log.append("note", {"number": number, "text": "é"})
    data = bytearray(log.path.read_bytes())
    at = int(place * len(data))
    data[at] ^= mask
    log.path.write_bytes(data)
    with pytest.raises(CustodyError):
        list(CustodyLog(log.path).acts())
