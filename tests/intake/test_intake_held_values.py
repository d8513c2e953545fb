"""Which texts data files hold is kept: the same is found with it as without, and what is damaged is not believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hunt.archives import archive_of

from dwell.archive.datafile import ColumnReader
from dwell.archive.store import Archive
from dwell.intake import first_seen as looking
from dwell.intake import held_values
from dwell.intake.first_seen import first_seen

ID = "-0000-0000-0000-000000000000"
ASKED = (
    "198.51.100.7",
    "198.51.100.8",
    "/OWA/Auth.aspx",
    "ex01",
    "b\u00dccher",
    f"0b000000{ID}",
    "",
    "\u212a",
    "nowhere",
)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.setattr(held_values, "FEW", 3)
    monkeypatch.setattr(held_values, "BLOCK", 2)
    rows: list[dict[str, Any]] = [
        {
            "c-ip": f"198.51.100.{at % 7 + 1}",
            "cs-uri-stem": "/owa/auth.aspx",
            "host": "EX01",
            "cafeReqId": f"0b00000{at}{ID}",
        }
        for at in range(8)
    ]
    return archive_of(
        tmp_path / "archive", {"iis": [*rows, {"cs-username": "B\u00fccher"}], "ews": [{"UserAgent": "K"}]}
    )


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "held"
    folder.mkdir()
    return folder


def kept(cache: Path) -> list[Path]:
    return sorted(cache.iterdir())


def asked_all(archive: Archive, cache: Path | None) -> list[object]:
    return [first_seen(archive, one, cache) for one in ASKED]


def test_the_same_is_found_with_what_is_kept_as_without(archive: Archive, cache: Path) -> None:
    plain = asked_all(archive, None)
    assert [bool(one) for one in plain] == [True, False, True, True, True, True, False, True, False]
    assert asked_all(archive, cache) == plain
    assert len(kept(cache)) == 2
    assert asked_all(archive, cache) == plain


def test_ids_that_are_nearly_all_different_are_read_for_an_id_alone(
    archive: Archive, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    plain = ColumnReader.read

    def noted(self: ColumnReader, columns: Sequence[str]) -> pa.Table:
        read.extend(columns)
        return plain(self, columns)

    monkeypatch.setattr(ColumnReader, "read", noted)
    assert first_seen(archive, "nowhere", cache) == ()
    assert "host" in read
    assert "cafeReqId" not in read
    # what is kept then says nothing against an id
    for where in (cache, None):
        assert [one.column for one in first_seen(archive, f"0B000003{ID}", where)] == ["cafeReqId"]


def test_the_same_with_a_pool(archive: Archive, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = first_seen(archive, "198.51.100.7")
    monkeypatch.setattr(looking, "POOL_ROWS", 0)
    assert first_seen(archive, "198.51.100.7", cache, workers=2) == alone
    assert len(kept(cache)) == 2


def test_files_that_do_not_hold_a_value_are_not_opened(
    archive: Archive, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_seen(archive, "nowhere", cache)

    def never(*_: object, **__: object) -> Iterator[object]:
        raise AssertionError("opened")

    monkeypatch.setattr(looking, "_in_file", never)
    assert first_seen(archive, "203.0.113.200", cache) == ()
    with pytest.raises(AssertionError, match="opened"):
        first_seen(archive, "198.51.100.7", cache)


def test_a_changed_byte_is_found_and_the_file_is_asked(archive: Archive, cache: Path) -> None:
    plain = asked_all(archive, cache)
    for place in kept(cache):
        data = place.read_bytes()
        for at in range(0, len(data), 13):
            place.write_bytes(data[:at] + bytes([data[at] ^ 64]) + data[at + 1 :])
            assert first_seen(archive, ASKED[0], cache) == plain[0]
        for length in (0, 10, 35, 45, len(data) - 1):
            place.write_bytes(data[:length])
            assert first_seen(archive, ASKED[0], cache) == plain[0]
    assert asked_all(archive, cache) == plain


def test_what_is_kept_of_one_file_says_nothing_of_another(archive: Archive, cache: Path) -> None:
    plain = asked_all(archive, cache)
    one, two = kept(cache)
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    assert asked_all(archive, cache) == plain


def test_a_folder_that_cannot_be_written_to_costs_nothing_but_time(archive: Archive, tmp_path: Path) -> None:
    assert asked_all(archive, tmp_path / "nowhere") == asked_all(archive, None)


@settings(max_examples=25)
@given(st.lists(st.text(max_size=6), min_size=1, max_size=12), st.text(max_size=6))
def test_any_text_is_found_with_what_is_kept_as_without(
    tmp_path_factory: pytest.TempPathFactory, held: list[str], asked: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "held").mkdir()
    found = archive_of(folder / "archive", {"iis": [{"cs-uri-stem": one, "cafeReqId": one} for one in held]})
    for one in (asked, *held):
        plain = first_seen(found, one)
        assert [first_seen(found, one, folder / "held") for _ in range(2)] == [plain, plain]


EVENTS: list[dict[str, Any]] = [
    {"EventData": {"DestAddress": "198.51.100.1", "SourceAddress": "198.51.100.1", "Image": "C:\\evil\\side.dll"}},
    {"EventData": {"DestAddress": "198.51.100.1", "Empty": None}},
    {"EventData": {"Address": "2001:db8::5"}, "time_utc": None},
    {},
]
RECORDS: list[dict[str, Any]] = [{"InternetMessageIds": ["<a@x>", "<b@x>", "<A@X>"]}]


@pytest.mark.parametrize("few", [0, 1_000])
@pytest.mark.parametrize("kept", [False, True])
def test_fields_of_events_and_entries_of_lists_are_seen(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, few: int, *, kept: bool
) -> None:
    monkeypatch.setattr(held_values, "FEW", few)
    archive = archive_of(tmp_path / "archive", {"evtx": EVENTS, "ual": RECORDS})

    def seen(value: str) -> list[tuple[str, int]]:
        first_seen(archive, "nowhere", cache if kept else None)
        return [(one.column, one.count) for one in first_seen(archive, value, cache if kept else None)]

    assert seen("198.51.100.1") == [("EventData.DestAddress", 2), ("EventData.SourceAddress", 1)]
    assert seen("::ffff:198.51.100.1") == seen("198.51.100.1")
    assert seen("c:\\EVIL\\side.dll") == [("EventData.Image", 1)]
    assert seen("[2001:0DB8:0::5]") == [("EventData.Address", 1)]
    assert seen("<a@x>") == [("InternetMessageIds", 1)]
    (told,) = first_seen(archive, "2001:db8::5")
    assert (told.first_utc, told.last_utc) == (None, None)


def test_another_way_to_write_a_value_is_looked_for_too(archive: Archive, cache: Path) -> None:
    plain = first_seen(archive, "198.51.100.7", cache)
    assert plain
    assert first_seen(archive, "198.51.100[.]7", cache) == ()
    assert first_seen(archive, "198.51.100[.]7", cache, also=["198.51.100.7"]) == plain
