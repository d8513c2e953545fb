"""Files that can be made again: written whole or not at all, and two that write the same one do not meet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dwell.casebook.whole_files import written_whole


def _broken_off(unfinished: Path) -> None:
    unfinished.write_text("sec", encoding="utf-8")
    raise IsADirectoryError


def test_a_fault_leaves_what_was_there_and_nothing_unfinished(tmp_path: Path) -> None:
    place = tmp_path / "made" / "file.txt"
    with written_whole(place) as unfinished:
        unfinished.write_text("first", encoding="utf-8")
        assert not place.exists()
    with pytest.raises(IsADirectoryError), written_whole(place) as unfinished:
        _broken_off(unfinished)
    assert place.read_text(encoding="utf-8") == "first"
    assert list(place.parent.iterdir()) == [place]


def test_two_processes_that_write_one_file_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "file.txt"
    with written_whole(place) as mine:
        mine.write_text("mine", encoding="utf-8")
        monkeypatch.setattr(os, "getpid", lambda: 1)
        with written_whole(place) as theirs:
            theirs.write_text("theirs", encoding="utf-8")
        assert place.read_text(encoding="utf-8") == "theirs"
    assert place.read_text(encoding="utf-8") == "mine"
