"""Containers: every kind and nesting is read, limits hold, harm is reported with its place and the rest goes on."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import py7zr
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.intake.evidence import log, sha256, taken_in, tarred, write, zipped

from dwell.intake import containers, walk
from dwell.intake.containers import Locator, close_zips, container_kind, open_locator
from dwell.intake.plan import Plan, make_plan
from dwell.intake.unpack import members


def planned(tmp_path: Path, files: dict[str, bytes]) -> Plan:
    """Plan a folder of files."""
    found = make_plan([write(tmp_path / "evidence", files)], tmp_path / "spool", lambda *_: None)
    close_zips()
    return found


def places(plan: Plan) -> dict[str, str]:
    """Give the evidence id by place."""
    return {place.path: file.evidence_id for file in plan.files for place in file.places}


def sevened(tmp_path: Path, files: dict[str, bytes], password: str | None = None, *, header: bool = False) -> bytes:
    path = tmp_path / "made.7z"
    with py7zr.SevenZipFile(path, "w", password=password, header_encryption=header) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return path.read_bytes()


_STREAMS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("suffix", sorted(_STREAMS))
def test_a_compressed_stream_is_read(tmp_path: Path, suffix: str) -> None:
    plan = planned(tmp_path, {f"u_ex.log.{suffix}": _STREAMS[suffix](log(1))})
    assert places(plan) == {f"u_ex.log.{suffix}!u_ex.log": sha256(log(1))}
    assert plan.readable[0].source == "iis"
    with open_locator(plan.readable[0].locator) as stream:
        assert stream.read() == log(1)


@pytest.mark.parametrize("suffix", sorted(_STREAMS))
def test_streams_put_together_are_read_to_the_end(tmp_path: Path, suffix: str) -> None:
    pack = _STREAMS[suffix]
    plan = planned(tmp_path, {f"a.{suffix}": pack(log(1)) + pack(log(2))})
    assert set(places(plan).values()) == {sha256(log(1) + log(2))}


def test_every_container_and_nesting_gives_its_members(tmp_path: Path) -> None:
    two = {"EX01/a.log": log(1), "EX01/b.log": log(2)}
    packed = {
        "a.zip": zipped(two),
        "a.7z": sevened(tmp_path, two),
        "a.tar": tarred(two),
        "a.tar.gz": tarred(two, "w:gz"),
        "a.tgz": tarred(two, "w:gz"),
        "a.tar.xz": tarred(two, "w:xz"),
        "zip-in-zip.zip": zipped({"in.zip": zipped(two)}),
        "7z-in-zip.zip": zipped({"in.7z": sevened(tmp_path, two)}),
        "zip-in-tar.tar": tarred({"in.zip": zipped(two)}),
        "zip.gz": gzip.compress(zipped(two)),
        "gz-in-zip.zip": zipped({f"{name}.gz": gzip.compress(data) for name, data in two.items()}),
        "zip-in-7z.7z": sevened(tmp_path, {"in.zip": zipped(two)}),
    }
    plan = planned(tmp_path, packed)
    assert plan.faults == ()
    assert len(plan.files) == 2
    found = places(plan)
    assert len(found) == 2 * len(packed)
    assert set(found.values()) == {sha256(log(1)), sha256(log(2))}
    assert found["zip-in-zip.zip!in.zip!EX01/b.log"] == sha256(log(2))
    assert found["a.tar.gz!a.tar!EX01/a.log"] == sha256(log(1))
    assert {name.partition("!")[0] for name in found} == set(packed)


def test_names_that_lead_out_do_no_harm(tmp_path: Path) -> None:
    names = ["../../out.log", "/etc/out.log", "C:\\out.log", "a/../../out.log", "con", "..", "a\x00b.log"[:1]]
    bad = {name: log(number) for number, name in enumerate(names)}
    before = {path for path in tmp_path.parent.rglob("*") if path.is_file()}
    plan = planned(tmp_path, {"a.zip": zipped(bad), "b.tar": tarred(bad), "c.7z": _raw_7z(tmp_path)})
    outside = {path for path in tmp_path.parent.rglob("*") if path.is_file()} - before
    assert all(path.is_relative_to(tmp_path) for path in outside)
    assert not list(tmp_path.rglob("out.log"))
    assert {sha256(data) for data in bad.values()} <= set(places(plan).values())
    assert "a.zip!../../out.log" in places(plan)
    assert [fault.path for fault in plan.faults if "leads out" in fault.why] == ["c.7z!../out.log"]
    assert places(plan)["c.7z!good.log"] == sha256(log(50))


def _raw_7z(tmp_path: Path) -> bytes:
    """Pack a 7z whose first name leads out: as long as a harmless one, which is then written over."""
    data = sevened_plain(tmp_path, {"xx/out.log": log(51), "good.log": log(50)})
    old, new = ("xx/out.log".encode("utf-16-le"), "../out.log".encode("utf-16-le"))
    assert data.count(old) == 1
    return _with_header_crc(data.replace(old, new))


def sevened_plain(tmp_path: Path, files: dict[str, bytes]) -> bytes:
    """Pack a 7z whose header is not compressed, so that it can be changed."""
    path = tmp_path / "plain.7z"
    with py7zr.SevenZipFile(path, "w") as archive:
        archive.set_encoded_header_mode(False)
        for name, data in files.items():
            archive.writestr(data, name)
    return path.read_bytes()


def _with_header_crc(data: bytes) -> bytes:
    """Put the checksums of a 7z right again."""
    offset, size = int.from_bytes(data[12:20], "little"), int.from_bytes(data[20:28], "little")
    start = 32 + offset
    tail = data[12:28] + zlib.crc32(data[start : start + size]).to_bytes(4, "little")
    return data[:8] + zlib.crc32(tail).to_bytes(4, "little") + tail + data[32:]


def test_links_and_devices_in_containers_are_reported_and_not_followed(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind in (("sym", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("fifo", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/hostname"
            archive.addfile(info)
        info = tarfile.TarInfo("good.log")
        info.size = len(log(1))
        archive.addfile(info, io.BytesIO(log(1)))
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipfile_made:
        zipfile_made.writestr(link, "/etc/hostname")
        zipfile_made.writestr("good.log", log(2))
    (tmp_path / "seven-link").symlink_to("/etc/hostname")
    with py7zr.SevenZipFile(tmp_path / "s.7z", "w") as seven:
        seven.write(tmp_path / "seven-link", "link")
        seven.writestr(log(3), "good.log")
    plan = planned(
        tmp_path, {"a.tar": out.getvalue(), "b.zip": packed.getvalue(), "c.7z": (tmp_path / "s.7z").read_bytes()}
    )
    assert {fault.path for fault in plan.faults} == {"a.tar!sym", "a.tar!hard", "a.tar!fifo", "b.zip!link", "c.7z!link"}
    assert set(places(plan)) == {"a.tar!good.log", "b.zip!good.log", "c.7z!good.log"}


def test_names_of_odd_bytes_are_shown_in_plain_text(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as archive:
        info = tarfile.TarInfo(b"l\xf6g\x1b[31m.log".decode("utf-8", "surrogateescape"))
        info.size = len(log(1))
        archive.addfile(info, io.BytesIO(log(1)))
    folder = write(tmp_path / "evidence", {"a.tar": out.getvalue()})
    odd = os.fsencode(folder) + b"/d\xe9j\xe0.log"
    with open(odd, "wb") as handle:  # noqa: PTH123 - a name of bytes
        handle.write(log(2))
    plan = make_plan([folder], tmp_path / "spool", lambda *_: None)
    assert set(places(plan)) == {"a.tar!l\\xf6g\x1b[31m.log", "d\\xe9j\\xe0.log"}
    assert walk.shown_name("\ud800") == "\\ud800"


def test_encrypted_members_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    data = bytearray(zipped({"secret.log": log(1), "open.log": log(2)}))
    # the encryption bit of the first member, in its local header and in the directory
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    seven = sevened(tmp_path, {"a.log": log(3)}, "geheim")
    header = sevened(tmp_path, {"a.log": log(3)}, "geheim", header=True)
    plan = planned(tmp_path, {"a.zip": bytes(data), "b.7z": seven, "c.7z": header})
    assert [fault.path for fault in plan.faults] == ["a.zip!secret.log", "b.7z", "c.7z"]
    assert all("encrypted" in fault.why for fault in plan.faults)
    assert places(plan) == {"a.zip!open.log": sha256(log(2))}


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zst", "zip", "7z", "tar"])
def test_a_damaged_container_is_reported_and_the_rest_goes_on(tmp_path: Path, kind: str) -> None:
    big = os.urandom(200_000)
    whole = {
        **{name: pack(big) for name, pack in _STREAMS.items()},
        "zip": zipped({"a.log": log(1), "b.log": big}),
        "7z": sevened(tmp_path, {"a.log": log(1), "b.log": big}),
        "tar": tarred({"a.log": log(1), "b.log": big}),
    }[kind]
    plan = planned(tmp_path, {f"a.{kind}": whole[: len(whole) // 2], "z.log": log(9)})
    assert plan.faults
    assert all(fault.path.startswith(f"a.{kind}") for fault in plan.faults)
    assert places(plan)["z.log"] == sha256(log(9))


def test_a_bomb_by_ratio_stops_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "RATIO_FREE", 1 << 18)
    zeros = b"0" * (4 << 20)
    packed = {
        "a.zip": zipped({"bomb": zeros, "good.log": log(1)}),
        "b.gz": gzip.compress(zeros),
        "c.tar.gz": gzip.compress(tarred({"bomb": zeros})),
        "d.7z": sevened(tmp_path, {"bomb": zeros}),
        "e.zst": zstandard.ZstdCompressor().compress(zeros),
    }
    plan = planned(tmp_path, packed)
    assert {fault.path.partition("!")[0] for fault in plan.faults} == set(packed)
    assert {fault.why for fault in plan.faults if "taken for a bomb" not in fault.why} == set()
    spooled = sum(path.stat().st_size for path in (tmp_path / "spool").rglob("*") if path.is_file())
    assert spooled < 4 << 20


def test_many_members_each_within_the_ratio_are_a_bomb_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "RATIO_FREE", 1 << 20)
    monkeypatch.setattr(containers, "RATIO_MAX", 2)
    inner = {f"{number}.zip": zipped({"a.log": bytes([number]) * 900_000}) for number in range(20)}
    plan = planned(tmp_path, {"a.zip": zipped(inner)})
    assert len(plan.files) < 4
    assert "taken for a bomb" in plan.faults[-1].why or "taken for a bomb" in plan.faults[0].why


def test_too_many_members_stop_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MEMBERS_MAX", 5)
    many = {f"{number}.log": log(number) for number in range(8)}
    plan = planned(tmp_path, {"a.zip": zipped(many), "b.log": log(100)})
    assert len(plan.files) == 6
    assert [fault.path for fault in plan.faults] == ["a.zip"]
    nested = planned(
        tmp_path / "nested", {"a.zip": zipped({f"{one}.zip": zipped({f"{one}.log": log(one)}) for one in range(8)})}
    )
    assert len(nested.files) < 5


def test_containers_nested_too_deep_are_registered_unopened(tmp_path: Path) -> None:
    data = log(1)
    for _ in range(containers.DEPTH_MAX):
        data = zipped({"in.zip": data})
    plan = planned(tmp_path, {"a.zip": data})
    assert set(places(plan).values()) == {sha256(log(1))}
    deeper = planned(tmp_path / "deeper", {"a.zip": zipped({"in.zip": data})})
    assert len(deeper.files) == 1
    assert deeper.readable == ()
    assert "nested over 4 deep" in deeper.faults[0].why


@settings(max_examples=60)
@given(data=st.data())
def test_no_bytes_bring_the_unpacker_down(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    kind = data.draw(st.sampled_from(["zip", "7z", "tar", "gzip", "bzip2", "xz", "zstd"]))
    seed = {
        "zip": lambda: zipped({"a.log": log(1), "b/c.log": log(2)}),
        "7z": lambda: sevened(folder, {"a.log": log(1), "b/c.log": log(2)}),
        "tar": lambda: tarred({"a.log": log(1), "b/c.log": log(2)}),
        "gzip": lambda: gzip.compress(log(1)),
        "bzip2": lambda: bz2.compress(log(1)),
        "xz": lambda: lzma.compress(log(1)),
        "zstd": lambda: _STREAMS["zst"](log(1)),
    }[kind]()
    harmed = bytearray(seed)
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=6)):
        harmed[at % len(seed)] = value
    kept = data.draw(st.one_of(st.just(1.0), st.floats(0, 1)))
    plan = planned(folder, {"a": bytes(harmed[: int(kept * len(seed))]), "z.log": log(7)})
    assert places(plan)["z.log"] == sha256(log(7))


def test_nothing_is_written_outside_the_spool_and_the_spool_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = write(
        tmp_path / "evidence",
        {
            "a.zip": zipped({"in.zip": zipped({"a.log": log(1)})}),
            "b.7z": sevened(tmp_path, {"b.log": log(2)}),
            "c.tgz": tarred({"c.log": log(3)}, "w:gz"),
        },
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    case, done = taken_in(tmp_path / "case", evidence)
    assert done.files_new == 3
    assert not case.spool_root.exists()
    assert list(scratch.iterdir()) == []
    assert sorted(one.name for one in case.root.iterdir()) == [
        "archive", "case.json", "custody.head", "custody.jsonl", "derived", "lock",
    ]  # fmt: skip


def test_the_kind_is_told_by_content(tmp_path: Path) -> None:
    assert container_kind(log(1)) is None
    assert container_kind(b"") is None
    assert container_kind(b"BZh is how this text starts") is None
    assert container_kind(zipped({})) == "zip"
    path = write(tmp_path, {"a.7z": sevened(tmp_path, {"a.log": log(1)})}) / "a.7z"
    (one,) = members(Locator(str(path)), "7z", tmp_path / "spool", "a.7z")
    assert one.locator is not None
