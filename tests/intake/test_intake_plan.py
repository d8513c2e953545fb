"""The plan: what lies where, told by content, each piece once, and nothing passed over in silence."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.intake.evidence import hashes, log, sha256, taken_in, write, zipped

from dwell.casebook.case import Case
from dwell.errors import NoEvidenceError
from dwell.intake import ingest as ingest_module
from dwell.intake import plan as plan_module
from dwell.intake.containers import Locator
from dwell.intake.hosts import host_from_markers, host_from_names, short_host
from dwell.intake.ingest import ingest, plan
from dwell.intake.plan import Plan, heads_of
from dwell.intake.walk import Stream
from dwell.model.provenance import EvidenceId
from dwell.sources.registry import identify
from dwell.sources.source import HEAD_BYTES, Guess, Sniff

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "sources"


def planned(*paths: Path) -> Plan:
    return plan(None, paths)


def test_files_are_told_by_content_not_by_name(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "evidence",
        {
            "holiday.jpg": log(1),
            "u_ex210301.log": b"\xff\xd8\xff\xe0 no log at all",
            "empty.log": b"",
            "a.bin": os.urandom(99),
        },
    )
    found = {file.places[0].path: file for file in planned(folder).files}
    assert found["holiday.jpg"].source == "iis"
    assert "#Fields" in found["holiday.jpg"].guesses[0]
    assert [found[name].source for name in ("u_ex210301.log", "empty.log", "a.bin")] == [None] * 3


def test_a_header_beyond_the_first_lines_is_still_seen(tmp_path: Path) -> None:
    late = b"# a banner\r\n" * 1_500 + log(1)
    folder = write(tmp_path / "evidence", {"late.log": late, "long.log": log(2, 300)})
    found = {file.places[0].path: file for file in planned(folder).files}
    assert found["late.log"].source == found["long.log"].source == "iis"
    assert len(late) > plan_module.FIRST_BYTES
    assert len(log(2, 300)) > plan_module.FIRST_BYTES


def test_hourly_logs_with_one_header_are_recognised_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def asking(sniff: Sniff) -> tuple[Guess, ...]:
        asked.append(sniff.head)
        return identify(sniff)

    plan_module._by_first_lines.cache_clear()
    monkeypatch.setattr(plan_module, "identify", asking)
    dated = {
        f"{at}.log": log(at, 60).replace(b"#Fields", b"#Date: 2021-03-01 %02d:00:00\r\n#Fields" % at, 1)
        for at in range(9)
    }
    found = planned(write(tmp_path / "evidence", dated)).files
    assert [file.source for file in found] == ["iis"] * 9
    assert len(asked) == 1
    assert b"POST" not in asked[0]


def test_a_header_alone_says_what_all_that_may_be_looked_at_says() -> None:
    heads = {path: path.read_bytes()[:HEAD_BYTES] for path in GOLDEN.glob("*/*.in") if path.stat().st_size}
    assert len(heads) > 500
    for path, head in heads.items():
        whole = Sniff(head, "", complete=path.stat().st_size <= HEAD_BYTES)
        stream = Stream(EvidenceId(""), path.stat().st_size, Locator(""), "", "", head, packed=False)
        assert [one.source for one in plan_module._guesses(stream)[:1]] == [
            one.source for one in identify(whole)[:1]
        ], path


def test_short_hashes_are_those_of_the_first_bytes() -> None:
    data = os.urandom(HEAD_BYTES)
    assert heads_of(data) == tuple(sha256(data[:size])[:8] for size in (64, 256, 1_024, 4_096, 16_384, 65_536))
    assert heads_of(data[:1_023]) == heads_of(data)[:2]
    assert heads_of(data[:63]) == ()


def test_the_same_bytes_count_once_with_all_their_places(tmp_path: Path) -> None:
    folder = write(tmp_path / "evidence", {"b/x.log": log(1), "a/x.log": log(1), "c.zip": zipped({"x.log": log(1)})})
    other = write(tmp_path / "more", {"y.log": log(1)})
    found = planned(folder, other, folder, folder / "b" / "x.log")
    (file,) = found.files
    assert [place.path for place in file.places] == ["a/x.log", "b/x.log", "c.zip!x.log", "x.log", "y.log"]
    assert file.evidence_id == sha256(log(1))
    case, done = taken_in(tmp_path / "case", folder, other)
    assert (done.files_new, done.records) == (1, 5)
    (item,) = case.register().values()
    assert len(item.places) == 4


def test_hosts_come_from_folders_with_the_reason(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "evidence",
        {
            "EX01.ministry.example/C/inetpub/logs/u1.log": log(1),
            "ex02/inetpub/u2.log": log(2),
            "zips/EX01.zip": zipped({"u3.log": log(3)}),
            "loose/u4.log": log(4),
        },
    )
    found = {file.places[0].path: (file.host, file.host_why) for file in planned(folder).files}
    assert found["EX01.ministry.example/C/inetpub/logs/u1.log"][0] == "EX01"
    assert "EX01.ministry.example" in found["EX01.ministry.example/C/inetpub/logs/u1.log"][1]
    assert found["ex02/inetpub/u2.log"][0] == "EX02"
    assert found["zips/EX01.zip!u3.log"][0] == "EX01"
    assert "known from other files" in found["zips/EX01.zip!u3.log"][1]
    assert found["loose/u4.log"] == ("", "")


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("EX01/C/inetpub/logs/x.log", "EX01"),
        ("collection/EX-02/C%3A/inetpub/x.log", "EX-02"),
        ("EX03.zip!C/Windows/System32/winevt/Logs/Security.evtx", "EX03"),
        ("inetpub/logs/x.log", ""),
        ("C/inetpub/x.log", ""),
        ("x.log", ""),
        ("", ""),
    ],
)
def test_the_host_is_the_folder_before_a_servers_own(path: str, host: str) -> None:
    assert host_from_markers(path)[0] == host


def test_short_names_of_hosts() -> None:
    assert short_host("ex01.ministry.example") == "EX01"
    assert short_host("192.0.2.1") == "192.0.2.1"
    assert short_host("2001:db8::1") == "2001:db8::1"
    assert host_from_names("logs/ex01/x.log", {"EX01"})[0] == "EX01"
    assert host_from_names("logs/ex01.log", {"EX01"}) == ("", "")


def test_links_pipes_and_folders_that_are_links_are_reported(tmp_path: Path) -> None:
    folder = write(tmp_path / "evidence", {"a.log": log(1)})
    outside = write(tmp_path / "outside", {"secret.log": log(2)})
    (folder / "link.log").symlink_to(outside / "secret.log")
    (folder / "linked").symlink_to(outside)
    (folder / "broken").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe")
    found = planned(folder)
    assert [file.places[0].path for file in found.files] == ["a.log"]
    assert {fault.path: fault.why for fault in found.faults} == {
        "link.log": "a link; links are not followed",
        "linked": "a link; links are not followed",
        "broken": "a link; links are not followed",
        "pipe": "no regular file",
    }


def test_what_cannot_be_read_is_reported_and_the_rest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "evidence", {"a.log": log(1), "b.log": log(2), "c.log": log(3)})
    opened, checked = Path.open, Path.lstat

    def refusing(self: Path, mode: str = "r", *rest: object, **named: object) -> object:
        if self.name == "b.log":
            raise PermissionError(13, "Permission denied")
        return opened(self, mode, *rest, **named)  # type: ignore[call-overload]

    def unlistable(self: Path) -> os.stat_result:
        if self.name == "c.log":
            raise PermissionError(13, "Permission denied")
        return checked(self)

    monkeypatch.setattr(Path, "open", refusing)
    monkeypatch.setattr(Path, "lstat", unlistable)
    found = planned(folder, tmp_path / "nowhere")
    assert [file.places[0].path for file in found.files] == ["a.log"]
    assert {Path(fault.path).name: fault.why for fault in found.faults} == {
        "b.log": "Permission denied", "c.log": "Permission denied", "nowhere": "does not exist",
    }  # fmt: skip


def test_a_file_that_vanishes_before_it_is_read_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "evidence", {"a.log": log(1), "b.log": log(2)})
    made = plan_module.make_plan

    def vanishing(*given: object, **named: object) -> Plan:
        found = made(*given, **named)  # type: ignore[arg-type]
        (folder / "b.log").unlink()
        return found

    monkeypatch.setattr(ingest_module, "make_plan", vanishing)
    case, done = taken_in(tmp_path / "case", folder)
    assert (done.files_new, done.records) == (1, 5)
    assert [(fault.path, fault.why) for fault in done.faults] == [("b.log", "No such file or directory")]
    (told,) = [act for act in case.acts() if act.act == "failed"]
    assert told.details["evidence"] == [sha256(log(2))]


def test_the_order_of_files_and_folders_does_not_matter(tmp_path: Path) -> None:
    files = {f"{number % 3}/{number}.log": log(number) for number in range(9)}
    first = planned(write(tmp_path / "a", files))
    second = planned(write(tmp_path / "b", dict(reversed(files.items()))))
    assert [(one.evidence_id, one.host, one.source, one.guesses) for one in first.files] == [
        (one.evidence_id, one.host, one.source, one.guesses) for one in second.files
    ]
    both = planned(tmp_path / "a" / "0", tmp_path / "a" / "1")
    assert both == planned(tmp_path / "a" / "1", tmp_path / "a" / "0")


def test_nothing_recognised_is_said_with_the_best_guesses(tmp_path: Path) -> None:
    cut = b"2021-03-01 10:00:00 10.0.0.1 GET /owa/\r\n"
    folder = write(tmp_path / "evidence", {"cut.log": cut, "b.txt": b"dear diary"})
    with pytest.raises(NoEvidenceError, match="nothing recognised as evidence among 2 files") as fault:
        taken_in(tmp_path / "case", folder)
    assert fault.value.exit_code == 10
    assert "iis (30 %)" in str(fault.value)
    assert "no guess" in str(fault.value)


def test_an_empty_folder_is_no_evidence(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    with pytest.raises(NoEvidenceError, match="no files found") as fault:
        taken_in(tmp_path / "case", tmp_path / "evidence")
    assert fault.value.exit_code == 10
    with pytest.raises(NoEvidenceError, match="does not exist"):
        taken_in(tmp_path / "case", tmp_path / "nowhere")


def test_a_dry_run_writes_nothing_to_any_case(tmp_path: Path) -> None:
    folder = write(tmp_path / "evidence", {"a.zip": zipped({"a.log": log(1)}), "b.log": log(2)})
    told: list[str] = []
    found = plan(None, [folder], lambda phase, what, *_: told.append(f"{phase} {what}"))
    assert len(found.readable) == 2
    assert told == ["hashing a.zip!a.log", "hashing b.log"]
    case, _ = taken_in(tmp_path / "case", folder)
    before = hashes(case.root)
    assert {file.evidence_id for file in plan(case, [tmp_path]).readable} == {sha256(log(1)), sha256(log(2))}
    assert hashes(case.root) == before


def test_the_case_itself_is_no_evidence(tmp_path: Path) -> None:
    write(tmp_path, {"a.log": log(1)})
    case = Case.create(tmp_path / "case")
    for _ in range(2):
        with case.writing():
            ingest(case, [tmp_path], workers=1)
    assert len(case.register()) == 1
    shutil.rmtree(case.root)
