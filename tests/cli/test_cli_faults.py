"""What goes wrong is said plainly: what, where, what to do, and an exit code of its own."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from tests.cli.conftest import Dwell

from dwell import api
from dwell.errors import WorkerError

IIS = """#Software: Microsoft Internet Information Services 10.0
#Version: 1.0
#Date: 2021-03-01 00:00:00
#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status time-taken
2021-03-01 08:00:00 10.0.0.1 GET /owa/ - 443 X\\anna 198.51.100.7 Mozilla/5.0 200 12
2021-03-01 08:00:09 10.0.0.1 POST /owa/service.svc action=GetItem 443 X\\anna 198.51.100.7 Mozilla/5.0 200 31
"""


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """Give a folder with one small log."""
    place = tmp_path / "evidence" / "EX01" / "inetpub" / "logs"
    place.mkdir(parents=True)
    (place / "u_ex210301.log").write_text(IIS, encoding="utf-8")
    return tmp_path / "evidence"


def test_whole_evidence_ends_with_0(evidence: Path, dwell: Dwell, tmp_path: Path) -> None:
    assert dwell("investigate", evidence, "-c", tmp_path / "case", "-q", "--workers", "1").code == 0


def test_empty_folder_ends_with_10(dwell: Dwell, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ran = dwell("investigate", tmp_path / "empty", "-c", tmp_path / "case")
    assert ran.code == 10
    assert "no files found" in ran.err


def test_folder_without_evidence_ends_with_10_and_the_best_guesses(dwell: Dwell, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("Dear sir\n", encoding="utf-8")
    (tmp_path / "other" / "half.log").write_text("2021-03-01 08:00:00 10.0.0.1 GET /owa/ -\n", encoding="utf-8")
    ran = dwell("ingest", tmp_path / "other", "-c", tmp_path / "case")
    assert ran.code == 10
    assert "half.log: iis" in ran.err
    assert "letter.txt" in ran.err
    (tmp_path / "empty.evtx").touch()
    ran = dwell("hunt", "--quick", tmp_path / "empty.evtx")
    assert ran.code == 10
    assert "empty.evtx: it is empty" in ran.err


def test_missing_folder_is_named(dwell: Dwell, tmp_path: Path) -> None:
    ran = dwell("investigate", tmp_path / "nowhere", "-c", tmp_path / "case")
    assert ran.code == 10
    assert "nowhere" in ran.err


def test_unreadable_stretch_ends_with_11_and_is_counted(evidence: Path, dwell: Dwell, tmp_path: Path) -> None:
    log = next(evidence.rglob("*.log"))
    log.write_bytes(log.read_bytes() + b"\0" * 5000 + b"\r\n2021-03-01 09:00:00 10.0.0.1 GET /o")
    ran = dwell("investigate", evidence, "-c", tmp_path / "case", "-t", "json", "--workers", "1")
    assert ran.code == 11
    assert json.loads(ran.out)["case"]["anomalies"] == 2


def test_dry_run_tells_and_writes_nothing(evidence: Path, dwell: Dwell, tmp_path: Path) -> None:
    (evidence / "letter.txt").write_text("Dear sir\n", encoding="utf-8")
    ran = dwell("ingest", evidence, "-c", tmp_path / "case", "--dry-run", "-t", "jsonl")
    rows = [json.loads(one) for one in ran.out.splitlines()]
    assert ran.code == 0
    assert {one["path"]: one["source"] for one in rows} == {
        "EX01/inetpub/logs/u_ex210301.log": "iis",
        "letter.txt": None,
    }
    assert rows[0]["host"] == "EX01"
    assert not (tmp_path / "case").exists()
    text = dwell("ingest", evidence, "--dry-run")
    assert "1 of 2 files would be read; nothing was written" in text.out


def test_dry_run_says_what_is_held_and_what_is_a_copy(evidence: Path, dwell: Dwell, tmp_path: Path) -> None:
    log = next(evidence.rglob("*.log"))
    whole = log.read_bytes()
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "copy.log").write_bytes(whole[: whole.rindex(b"\n", 0, len(whole) - 2) + 1])
    both = dwell("ingest", evidence, tmp_path / "early", "--dry-run")
    assert "copy.log: iis" in both.out
    assert "the beginning of EX01/inetpub/logs/u_ex210301.log: counts once, there" in both.out
    assert "1 of 2 files would be read; nothing was written" in both.out
    assert dwell("ingest", tmp_path / "early", "-c", tmp_path / "case", "--workers", "1").code == 0
    later = dwell("ingest", evidence, "-c", tmp_path / "case", "--dry-run")
    assert "begins as copy.log, read before: only the rest would be read" in later.out
    ran = dwell("ingest", evidence, tmp_path / "early", "-c", tmp_path / "case", "--dry-run", "-t", "jsonl")
    rows = {one["path"]: one for one in map(json.loads, ran.out.splitlines())}
    assert [rows["copy.log"][name] for name in ("held", "within", "after", "read")] == [True, None, None, False]
    told = rows["EX01/inetpub/logs/u_ex210301.log"]
    assert [told[name] for name in ("held", "within", "after", "read")] == [False, None, "copy.log", True]


def test_no_case_ends_with_14_and_says_where(dwell: Dwell, tmp_path: Path) -> None:
    for verb in ("answers", "mailboxes", "verify", "hunt", "report"):
        ran = dwell(verb, "-c", tmp_path / "none")
        assert ran.code == 14, verb
        assert str(tmp_path / "none") in ran.err


def test_folder_that_holds_something_else_is_no_case(evidence: Path, dwell: Dwell) -> None:
    ran = dwell("ingest", evidence, "-c", evidence)
    assert ran.code == 14
    assert not (evidence / "case.json").exists()


def test_case_of_another_version_ends_with_14(case: Path, dwell: Dwell) -> None:
    marker = case / "case.json"
    found = json.loads(marker.read_text(encoding="utf-8"))
    marker.write_text(json.dumps(found | {"format": found["format"] + 1}), encoding="utf-8")
    assert dwell("answers", "-c", case).code == 14


def test_locked_case_ends_with_14(case: Path, exercise: Path, dwell: Dwell) -> None:
    with FileLock(case / "lock"):
        ran = dwell("ingest", exercise / "evidence", "-c", case)
        assert ran.code == 14
        assert "another dwell" in ran.err
        assert dwell("answers", "-c", case, "-q").code == 0, "reading needs no lock"


def test_bad_rule_ends_with_13_is_named_with_its_line_and_the_others_run(
    evidence: Path, dwell: Dwell, tmp_path: Path
) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    good = "title: OWA page\nid: 11111111-1111-4111-8111-111111111111\nauthor: A. Uthor\nlevel: low\n"
    good += "logsource: {category: webserver}\n"
    good += "detection: {selection: {cs-uri-stem|startswith: /owa/}, condition: selection}\n"
    (rules / "good.yml").write_text(good, encoding="utf-8")
    (rules / "bad.yml").write_text("title: Broken\ndetection:\n  selection: [unclosed\n", encoding="utf-8")
    ran = dwell("investigate", evidence, "-c", tmp_path / "case", "--rules", rules, "-t", "json", "--workers", "1")
    assert ran.code == 13
    assert "bad.yml" in ran.err
    found = {one["title"]: one for one in json.loads(ran.out)["rules"]}
    assert found["OWA page"]["status"] == "ran"
    assert found["OWA page"]["hits"] == 2
    assert found["OWA page"]["author"] == "A. Uthor"
    assert [one["status"] for one in json.loads(ran.out)["rules"] if one["path"] == "bad.yml"] == ["invalid"]


def test_missing_rule_folder_ends_with_2(case: Path, dwell: Dwell, tmp_path: Path) -> None:
    ran = dwell("hunt", "-c", case, "--rules", tmp_path / "nowhere")
    assert ran.code == 2
    assert "nowhere" in ran.err


def test_verify_passes_and_then_names_a_changed_byte_of_the_evidence(
    dwell: Dwell, evidence: Path, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    assert dwell("ingest", evidence, "-c", case, "-q", "--workers", "1").code == 0
    assert dwell("verify", "-c", case).code == 0
    log = next(evidence.rglob("*.log"))
    data = bytearray(log.read_bytes())
    data[-3] ^= 1
    log.write_bytes(data)
    ran = dwell("verify", "-c", case)
    assert ran.code == 12
    assert "u_ex210301.log" in ran.out


def test_changed_table_ends_with_12_wherever_it_is_read(case: Path, dwell: Dwell) -> None:
    file = max((case / "archive" / "iis").rglob("*.parquet"), key=lambda one: one.stat().st_size)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x40
    file.write_bytes(data)
    assert dwell("verify", "-c", case).code == 12
    for folded in (case / "derived").rglob("*"):
        if folded.is_file():
            folded.unlink()
    ran = dwell("answers", "-c", case, "--workers", "1")
    assert ran.code == 12
    assert file.name in ran.err


def test_changed_custody_log_ends_with_12(case: Path, dwell: Dwell) -> None:
    log = case / "custody.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"act":"commit"', b'"act":"comnit"', 1))
    assert dwell("verify", "-c", case).code == 12
    assert dwell("answers", "-c", case).code == 12


def test_unknown_id_and_unreadable_query_end_with_2(investigated: Path, dwell: Dwell) -> None:
    assert dwell("why", "entry-9999", "-c", investigated, "-q").code == 2
    assert dwell("why", "iis/zz/1", "-c", investigated, "-q").code == 2
    assert dwell("search", "after:yesterday", "-c", investigated, "-q").code == 2


def test_interruption_ends_with_130_and_says_that_it_can_go_on(
    monkeypatch: pytest.MonkeyPatch, dwell: Dwell, tmp_path: Path
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "ingest", interrupted)
    ran = dwell("ingest", tmp_path, "-c", tmp_path / "case")
    assert ran.code == 130
    assert "goes on from there" in ran.err


def test_internal_fault_is_told_in_one_line_and_traced_only_where_asked_for(
    monkeypatch: pytest.MonkeyPatch, dwell: Dwell, investigated: Path
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("\x1b[31mred")

    monkeypatch.setattr(api, "answers", broken)
    ran = dwell("answers", "-c", investigated)
    assert ran.code == 1
    assert "\\x1b[31mred" in ran.err
    assert "Traceback" not in ran.err
    monkeypatch.setenv("DWELL_TRACE", "1")
    traced = dwell("answers", "-c", investigated)
    assert "Traceback" in traced.err
    assert "\x1b" not in traced.err


def test_dead_worker_is_told(monkeypatch: pytest.MonkeyPatch, dwell: Dwell, investigated: Path) -> None:
    def dead(*_: object, **__: object) -> None:
        raise WorkerError("a worker process died", remedy="Look for lack of memory")

    monkeypatch.setattr(api, "answers", dead)
    ran = dwell("answers", "-c", investigated)
    assert ran.code == 1
    assert "Look for lack of memory" in ran.err


def test_read_only_case_is_still_answered(case: Path, dwell: Dwell) -> None:
    before = dwell("answers", "-c", case, "-q").out
    for folder, _, files in os.walk(case):
        for name in files:
            (Path(folder) / name).chmod(0o444)
        Path(folder).chmod(0o555)
    try:
        assert dwell("answers", "-c", case, "-q").out == before
    finally:
        for folder, _, _ in os.walk(case):
            Path(folder).chmod(0o755)


def test_default_case_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, investigated: Path, dwell: Dwell
) -> None:
    monkeypatch.setenv("DWELL_CASE", str(investigated))
    assert dwell("coverage", "-q").code == 0


def test_a_full_disk_ends_a_hunt_plainly_and_the_hunt_goes_on_afterwards(
    evidence: Path, dwell: Dwell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dwell("ingest", evidence, "-c", tmp_path / "case", "-q", "--workers", "1").code == 0
    shutil.copytree(tmp_path / "case", tmp_path / "other")
    whole = dwell("hunt", "-c", tmp_path / "other", "-q", "-t", "json", "--workers", "1")
    assert whole.code == 0

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for quick in (False, True):
        words = ("--quick", evidence) if quick else ("-c", tmp_path / "case")
        with monkeypatch.context() as patched:
            patched.setattr("dwell.hunt.hunting.write_kept" if quick else "dwell.hunt.passes.write_segment", full)
            lists = tmp_path / "seen.txt"
            lists.write_text("198.51.100.7\n", encoding="utf-8")
            ran = dwell("hunt", *words, "--indicators", lists, "-q", "--workers", "1")
        assert ran.code == 1
        assert ran.out == ""
        assert "no room left on the disk while hunting" in ran.err
        assert "Free some space" in ran.err
        assert "internal fault" not in ran.err
    again = dwell("hunt", "-c", tmp_path / "case", "-q", "-t", "json", "--workers", "1")
    assert (again.code, again.out) == (0, whole.out)


def test_a_full_disk_is_told_plainly_by_every_verb_whoever_says_it(
    dwell: Dwell, monkeypatch: pytest.MonkeyPatch
) -> None:
    for fault in (
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        RuntimeError(f"IO Error: Could not write file: {os.strerror(errno.ENOSPC)}"),
    ):

        def full(*_: object, fault: Exception = fault, **__: object) -> None:
            raise fault

        with monkeypatch.context() as patched:
            patched.setattr(api, "rules", full)
            ran = dwell("rules", "list")
        assert ran.code == 1
        assert "no room left on the disk" in ran.err
        assert "internal fault" not in ran.err
    monkeypatch.setattr(api, "rules", lambda *_: (_ for _ in ()).throw(RuntimeError("something else")))
    assert "internal fault" in dwell("rules", "list").err


@pytest.mark.parametrize("name", ["", "rule.txt"])
def test_a_folder_of_rules_that_holds_none_is_told_everywhere(
    name: str, evidence: Path, dwell: Dwell, tmp_path: Path
) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    if name:
        (folder / name).write_text("title: x\n", encoding="utf-8")
    ran = dwell("hunt", "--quick", evidence, "--rules", folder, "-t", "json", "--workers", "1")
    assert ran.code == 13
    assert "holds no rule file" in ran.err
    assert any("holds no rule file" in one for one in json.loads(ran.out)["faults"])
    listed = dwell("rules", "list", "--rules", folder)
    assert listed.code == 13
    assert "holds no rule file" in listed.err
    explained = dwell("rules", "explain", folder)
    assert explained.code == 13
    assert "holds no rule file" in explained.err
    lists = dwell("hunt", "--quick", evidence, "--lists", folder, "--warning-lists", folder, "-t", "json")
    assert lists.code == 13
    assert "holds no list" in lists.err
    assert "holds no warning list" in lists.err


def test_indicators_of_which_none_is_looked_for_are_told(evidence: Path, dwell: Dwell, tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("# nothing yet\n", encoding="utf-8")
    ran = dwell("hunt", "--quick", evidence, "--indicators", tmp_path / "none.txt", "-t", "json", "--workers", "1")
    assert "no indicator was looked for: the list holds no indicator (none.txt)" in ran.err
    (tmp_path / "some.txt").write_text("198.51.100.200\n", encoding="utf-8")
    ran = dwell("hunt", "--quick", evidence, "--indicators", tmp_path / "some.txt", "-t", "json", "--workers", "1")
    assert "no indicator was looked for" not in ran.err
