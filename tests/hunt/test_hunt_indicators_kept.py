"""Indicators that are kept between runs: the same ones come back, and nothing that was damaged is believed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from dwell.hunt.indicators import keeping
from dwell.hunt.indicators.gathering import Indicators
from dwell.hunt.indicators.keeping import indicators_kept
from dwell.hunt.indicators.reading import read_indicators

TEXT = (
    "indicator,type,valid_from,description\n198.51.100.1,ip,2021-01-01,one\nb\u00fccher.example,domain,,two\n,ip,,\n"
    "x,mutex,,\n2001:db8::/32,cidr,,\n"
)
PATTERN = '{"type": "indicator", "id": "i", "name": "n", "pattern": "[file:name LIKE \'%x\']"}'


@pytest.fixture(autouse=True)
def _all_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "WORTH_BYTES", 0)


@pytest.fixture
def lists(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "one.csv").write_text(TEXT, encoding="utf-8")
    (folder / "two.json").write_text(PATTERN, encoding="utf-8")
    (folder / "README.md").write_text("no list", encoding="utf-8")
    return [folder]


def said(listed: Indicators) -> tuple[object, ...]:
    return (listed.table, listed.faults, listed.left, listed.counted, listed.digest())


def kept_in(cache: Path) -> list[Path]:
    return sorted(cache.glob("*"))


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(paths: object) -> Indicators:
        raise AssertionError(paths)

    monkeypatch.setattr(keeping, "read_indicators", never)


def test_what_was_kept_is_what_was_read(tmp_path: Path, lists: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = read_indicators(lists)
    assert fresh.faults
    assert fresh.left
    assert len(fresh.counted) == 2
    assert said(indicators_kept(lists, tmp_path / "cache")) == said(fresh)
    forbid(monkeypatch)
    found = indicators_kept(lists, tmp_path / "cache")
    assert said(found) == said(fresh)
    assert Indicators(found.table).digest() == fresh.digest()


@pytest.mark.parametrize("change", ["content", "name", "another", "unread"])
def test_lists_that_changed_are_read_anew(tmp_path: Path, lists: list[Path], change: str) -> None:
    indicators_kept(lists, tmp_path / "cache")
    match change:
        case "content":
            (lists[0] / "one.csv").write_text(TEXT.replace("100.1", "100.2"), encoding="utf-8")
        case "name":
            (lists[0] / "one.csv").rename(lists[0] / "other.csv")
        case "another":
            (lists[0] / "three.txt").write_text("evil.example\n", encoding="utf-8")
        case _:
            (lists[0] / "LICENCE").write_text("no list either", encoding="utf-8")
    assert said(indicators_kept(lists, tmp_path / "cache")) == said(read_indicators(lists))
    assert len(kept_in(tmp_path / "cache")) == 2


def test_a_single_changed_byte_is_found_and_the_lists_are_read_anew(tmp_path: Path, lists: list[Path]) -> None:
    cache = tmp_path / "cache"
    fresh = said(indicators_kept(lists, cache))
    (place,) = kept_in(cache)
    data = place.read_bytes()
    for at in [*range(80), *range(80, len(data), 97), len(data) - 1]:
        place.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert keeping._read(place) is None
    assert said(indicators_kept(lists, cache)) == fresh
    assert place.read_bytes() == data


@pytest.mark.parametrize("length", [0, 10, 64, 70, 1_000])
def test_what_was_cut_off_or_is_something_else_is_not_believed(tmp_path: Path, lists: list[Path], length: int) -> None:
    cache = tmp_path / "cache"
    fresh = said(indicators_kept(lists, cache))
    (place,) = kept_in(cache)
    place.write_bytes(place.read_bytes()[:length])
    assert said(indicators_kept(lists, cache)) == fresh
    body = b"no arrow file"
    place.write_bytes(hashlib.sha256(body).hexdigest().encode() + body)
    assert said(indicators_kept(lists, cache)) == fresh


def test_lists_that_change_while_they_are_read_are_not_kept(
    tmp_path: Path, lists: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def changing(paths: list[Path]) -> Indicators:
        found = read_indicators(paths)
        (lists[0] / "one.csv").write_text("evil.example\n", encoding="utf-8")
        return found

    monkeypatch.setattr(keeping, "read_indicators", changing)
    found = indicators_kept(lists, tmp_path / "cache")
    assert found.faults[-1] == "the lists of indicators changed while they were read; hunt again"
    assert not kept_in(tmp_path / "cache") if (tmp_path / "cache").exists() else True


def test_a_folder_that_cannot_be_written_to_costs_nothing_but_time(tmp_path: Path, lists: list[Path]) -> None:
    blocked = tmp_path / "cache"
    blocked.write_text("a file where the folder should be", encoding="utf-8")
    assert said(indicators_kept(lists, blocked)) == said(read_indicators(lists))


def test_only_what_was_used_last_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "KEPT_MAX", 2)
    cache = tmp_path / "cache"
    path = tmp_path / "list.txt"
    names = []
    for at in range(4):
        path.write_text(f"198.51.100.{at + 1}\n", encoding="utf-8")
        indicators_kept([path], cache)
        names.append(next(one for one in kept_in(cache) if one.name not in names).name)
        os.utime(cache / names[-1], ns=(at, at))
    assert [one.name for one in kept_in(cache)] == sorted(names[-2:])


def test_a_short_list_is_not_kept(tmp_path: Path, lists: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "WORTH_BYTES", 1024 * 1024)
    indicators_kept(lists, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
