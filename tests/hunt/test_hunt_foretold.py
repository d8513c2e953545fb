"""Data files that hold none of a few addresses are told from what is kept, and never one too many."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tests.hunt.archives import archive_of, load_rules

from dwell.archive.datafile import DataFile
from dwell.archive.store import Archive
from dwell.hunt import passes
from dwell.hunt.bundles import Entry
from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.indicators.held_addresses import sought_addresses
from dwell.hunt.indicators.reading import read_indicators
from dwell.hunt.passes import Pass
from dwell.hunt.sigma.loaded import Loaded

POOL = (
    *(f"198.51.100.{one}" for one in range(24)),
    *(f"2001:db8::{one:x}" for one in range(6)),
    *(f"2001:db8:7:{one}::9" for one in range(6)),
)
NETWORKS = ("198.51.100.0/29", "198.51.100.16/31", "2001:db8:7::/48", "2001:db8::4/126", "192.0.2.0/24")
SHAPES = (
    "{0}", "{0}", "{0}", "[{0}]:443", "::ffff:{0}", "{0}, {1}", "{0}+{1}", '"{0}"', "{0}:8080", "{0}%eth0", "unknown",
    "2{0}", "{0}0", "x{0}", "-", " {0} ", "[::ffff:{0}]:25",
)  # fmt: skip
INSIDE = (
    "ping {0}",
    "net use \\\\{0}\\c$",
    "curl http://[{0}]:80/a",
    "{0}.example.org",
    "whoami",
    "a={0};b={1}",
    "v{0}",
)


def drawn_text(drawn: random.Random, shapes: tuple[str, ...]) -> str | None:
    shape = drawn.choice((*shapes, None))
    return shape and shape.format(*drawn.choices(POOL, k=2))


def filled(root: Path, seed: int) -> Archive:
    drawn = random.Random(seed)  # noqa: S311
    for number in range(6):
        rows: dict[str, list[dict[str, Any]]] = {
            "iis": [
                {
                    "c-ip": drawn_text(drawn, SHAPES),
                    "X-Forwarded-For": drawn_text(drawn, SHAPES),
                    "cs-uri-stem": "/owa/",
                }
                for _ in range(drawn.randint(1, 5))
            ],
            "evtx": [
                {"Channel": "Security", "EventID": 1, "CommandLine": drawn_text(drawn, INSIDE)}
                for _ in range(drawn.randint(1, 3))
            ],
            "ual": [
                {"ClientIP": None, "Parameters": [("To", drawn_text(drawn, INSIDE) or "")]}
                for _ in range(drawn.randint(0, 1))
            ],
        }
        archive_of(
            root, {table: some for table, some in rows.items() if some}, name=f"p{number}", evidence=f"{number:064}"
        )
    return archive_of(root, {})


def listed(path: Path, *values: str) -> Path:
    path.write_text("\n".join(values) + "\n", encoding="utf-8")
    return path


def drawn_list(drawn: random.Random, path: Path) -> Path:
    values = drawn.sample(POOL, drawn.randint(1, 4))
    if drawn.random() < 0.5:
        values.append(
            drawn.choice(("198.51.100.0/29", "198.51.100.16/31", "2001:db8:7::/48", "2001:db8::4/126", "192.0.2.0/24"))
        )
    return listed(path, *values)


def same(one: Hunted, other: Hunted) -> None:
    assert one.hits.equals(other.hits)
    assert one.outcomes == other.outcomes
    assert one.indicators == other.indicators
    assert one.met == other.met
    assert one.rules_hash == other.rules_hash


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    return load_rules(tmp_path / "no-rules")


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("distinct", [2, 4096])
@pytest.mark.parametrize("texts", [1, 4096])
def test_whatever_is_looked_for_all_is_as_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loaded: Loaded, seed: int, distinct: int, texts: int
) -> None:
    monkeypatch.setattr("dwell.archive.lexicon.DISTINCT_ALWAYS", distinct)
    monkeypatch.setattr("dwell.hunt.indicators.held_addresses.TEXTS_MAX", texts)
    archive, cache = filled(tmp_path / "archive", seed), tmp_path / "cache"
    drawn = random.Random(seed)  # noqa: S311
    met = 0
    for step in range(5):
        given = {"loaded": loaded, "indicator_files": [drawn_list(drawn, tmp_path / f"{step}.txt")], "workers": 1}
        found = hunt(archive, **given, cache=cache)  # type: ignore[arg-type]
        same(found, hunt(archive, **given))  # type: ignore[arg-type]
        same(found, hunt(archive, **given, cache=cache))  # type: ignore[arg-type]
        met += found.hits.num_rows
        if step == 2:
            archive_of(tmp_path / "archive", {"iis": [{"c-ip": drawn.choice(POOL)}]}, name="late", evidence="ff" * 32)
            archive = archive_of(tmp_path / "archive", {})
    assert met


def noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the files to which indicators are put."""
    looked: list[str] = []
    real = passes._indicators

    def noting(one: Pass, file: DataFile) -> Entry:
        looked.append(f"{file.table}/{file.path.name}")
        return real(one, file)

    monkeypatch.setattr(passes, "_indicators", noting)
    return looked


def test_files_without_the_address_are_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loaded: Loaded
) -> None:
    for number in range(4):
        archive_of(
            tmp_path / "archive", {"iis": [{"c-ip": f"192.0.2.{number}"}]}, name=f"p{number}", evidence=f"{number:064}"
        )
    archive, cache = archive_of(tmp_path / "archive", {}), tmp_path / "cache"
    looked = noted(monkeypatch)
    hunt(archive, loaded=loaded, indicator_files=[listed(tmp_path / "a", "192.0.2.9")], workers=1, cache=cache)
    assert len(looked) == 4
    looked.clear()
    hunt(archive, loaded=loaded, indicator_files=[listed(tmp_path / "b", "192.0.2.2")], workers=1, cache=cache)
    assert looked == ["iis/p2.parquet"]
    looked.clear()
    hunt(archive, loaded=loaded, indicator_files=[listed(tmp_path / "c", "192.0.2.0/31")], workers=1, cache=cache)
    assert looked == ["iis/p0.parquet", "iis/p1.parquet"]


def test_what_is_kept_of_addresses_and_is_damaged_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loaded: Loaded
) -> None:
    archive, cache = filled(tmp_path / "archive", 1), tmp_path / "cache"
    hunt(archive, loaded=loaded, indicator_files=[listed(tmp_path / "a", "192.0.2.9")], workers=1, cache=cache)
    (segment,) = cache.glob("*-addresses/*.segment")
    data = bytearray(segment.read_bytes())
    data[len(data) * 3 // 4] ^= 1
    segment.write_bytes(data)
    looked = noted(monkeypatch)
    wanted = listed(tmp_path / "b", *POOL[:4])
    found = hunt(archive, loaded=loaded, indicator_files=[wanted], workers=1, cache=cache)
    assert len(looked) == sum(len(archive.files(one)) for one in archive.tables())
    same(found, hunt(archive, loaded=loaded, indicator_files=[wanted], workers=1))
    assert found.hits.num_rows


def test_lists_of_other_things_and_long_lists_ask_the_lexicons(tmp_path: Path) -> None:
    assert sought_addresses(read_indicators([listed(tmp_path / "a", "192.0.2.9", "example.org")]).table) is None
    many = [f"10.{one // 256}.{one % 256}.1" for one in range(5_000)]
    assert sought_addresses(read_indicators([listed(tmp_path / "b", *many)]).table) is None
    assert sought_addresses(read_indicators([listed(tmp_path / "c", *many[:4_000])]).table) is not None
