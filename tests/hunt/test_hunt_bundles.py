"""What is kept of many data files lies in few segments; one that is damaged, lost or there twice changes nothing."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest

from dwell.hunt.bundles import Bundle, Entry, Written, write_segment

SCHEMA = pa.schema([("a", pa.string()), ("b", pa.list_(pa.int64()))])
MORE = pa.schema([("c", pa.float64())])


def entry(number: int, rows: int) -> Entry:
    mine = pa.table({"a": [f"{number}-{at}" for at in range(rows)], "b": [[number] * at for at in range(rows)]}, SCHEMA)
    return Entry(f"said {number}".encode(), (mine, pa.table({"c": [number / 7] * (number % 2)}, MORE)))


def entries(*numbers: int) -> dict[str, Entry]:
    return {f"file-{one}": entry(one, one % 4) for one in numbers}


def put(folder: Path, found: Mapping[str, Entry], *, settled: bool = True) -> None:
    """Do what a run does that had these left to do, each by a worker of its own."""
    bundle = Bundle(folder)
    for name, one in found.items():
        held = {name: one}
        bundle.take(Written(write_segment(folder, held), held))
    if settled:
        bundle.settle()


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.segment"))


def holds(bundle: Bundle, wanted: Mapping[str, Entry]) -> bool:
    """Say whether a bundle gives back what was put in, one by one and together."""
    for name, one in wanted.items():
        found = bundle.get(name)
        if found is None or bundle.said(name) != one.said or found.tables != one.tables:
            return False
    for at, schema in enumerate((SCHEMA, MORE)):
        whole = pa.concat_tables([schema.empty_table(), *bundle.rows(at, wanted)])
        each = pa.concat_tables([schema.empty_table(), *(one.tables[at] for one in wanted.values())])
        if sorted(map(str, whole.to_pylist())) != sorted(map(str, each.to_pylist())):
            return False
    return True


@pytest.mark.parametrize("seed", range(5))
def test_whatever_comes_in_whatever_steps_is_there_and_segments_stay_few(tmp_path: Path, seed: int) -> None:
    drawn = random.Random(seed)  # noqa: S311
    whole: dict[str, Entry] = {}
    for step in range(30):
        fresh = entries(*(1_000 * step + one for one in range(drawn.choice((1, 1, 1, 2, 9)))))
        put(tmp_path, fresh, settled=drawn.random() < 0.8)
        whole |= fresh
        some = {name: one for name, one in whole.items() if drawn.random() < 0.5}
        assert holds(Bundle(tmp_path), whole)
        assert holds(Bundle(tmp_path), some)
    put(tmp_path, entries(-1))
    held = [len(one.names) for one in Bundle(tmp_path)._segments]
    assert sum(held) == len(whole) + 1
    assert sum(one > 2 for one in held) <= 7  # each is more than twice what is smaller
    assert "file-77" not in Bundle(tmp_path)
    assert Bundle(tmp_path).get("file-77") is None


def test_entries_that_are_there_twice_are_given_once(tmp_path: Path) -> None:
    put(tmp_path, entries(1, 2, 3))
    write_segment(tmp_path, entries(2, 3))  # a run was killed before it removed what it had put together
    assert len(segments(tmp_path)) == 2
    assert holds(Bundle(tmp_path), entries(1, 2, 3))
    put(tmp_path, entries(4))
    assert holds(Bundle(tmp_path), entries(1, 2, 3, 4))


def test_the_same_entries_are_the_same_bytes_and_the_same_name(tmp_path: Path) -> None:
    one, two = (write_segment(tmp_path / name, entries(3, 1, 2)) for name in "ab")
    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()


def test_a_byte_that_changes_anywhere_is_noticed(tmp_path: Path) -> None:
    path = write_segment(tmp_path, entries(1, 2, 3))
    data = path.read_bytes()
    drawn = random.Random(3)  # noqa: S311
    for at in [*range(48), *drawn.sample(range(48, len(data)), 150)]:
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << drawn.randrange(8)]) + data[at + 1 :])
        assert not any(name in Bundle(tmp_path) for name in entries(1, 2, 3)), at
    for size in (0, 7, 31, 32, 40, 100, len(data) - 1):
        path.write_bytes(data[:size])
        assert "file-1" not in Bundle(tmp_path)
    path.write_bytes(data)
    assert holds(Bundle(tmp_path), entries(1, 2, 3))


class KilledError(BaseException):
    """The end of a process, at any moment."""


@pytest.mark.parametrize("last", range(1, 16))
def test_a_run_that_is_killed_at_any_step_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    put(tmp_path, entries(1, 2))
    fresh = entries(3, 4, 5)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps >= last:  # nor does a process that is dead do anything later
            raise KilledError

    moved, removed = Path.replace, Path.unlink

    def replaced(self: Path, target: Path) -> Path:
        step()
        found = moved(self, target)
        step()
        return found

    def unlinked(self: Path, missing_ok: bool = False) -> None:
        step()
        removed(self, missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replaced)
        patched.setattr(Path, "unlink", unlinked)
        with suppress(KilledError):
            put(tmp_path, fresh)
    left = {name: one for name, one in fresh.items() if name not in Bundle(tmp_path)}
    assert holds(Bundle(tmp_path), {**entries(1, 2), **{name: fresh[name] for name in fresh.keys() - left.keys()}})
    assert len(left) <= max(0, 3 - last // 3)
    put(tmp_path, left)
    assert holds(Bundle(tmp_path), entries(1, 2, 3, 4, 5))


def test_a_damaged_segment_goes_when_others_are_put_together(tmp_path: Path) -> None:
    path = write_segment(tmp_path, entries(1, 2))
    path.write_bytes(b"no segment")
    put(tmp_path, entries(3))
    assert not path.exists()
    assert holds(Bundle(tmp_path), entries(3))


def test_where_nothing_is_kept_what_was_done_is_there_and_nothing_is_written(tmp_path: Path) -> None:
    bundle = Bundle(None)
    bundle.take(Written(None, entries(1, 2)))
    bundle.settle()
    assert holds(bundle, entries(1, 2))
    assert not list(tmp_path.iterdir())


def test_a_segment_that_is_handed_over_by_its_place_is_read_from_there_again_and_again(tmp_path: Path) -> None:
    wanted = entries(1, 2, 3)
    bundle = Bundle(tmp_path)
    bundle.take(Written(write_segment(tmp_path, wanted), {}))
    for _ in range(3):
        assert holds(bundle, wanted)
        bundle.forget()
    bundle.settle()
    assert holds(Bundle(tmp_path), wanted)
