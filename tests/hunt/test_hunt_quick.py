"""A hunt without a case gives what a hunt in a case gives, and leaves nothing behind however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.compute as pc
import pytest

from dwell.casebook.case import Case
from dwell.errors import NoEvidenceError, UsageError
from dwell.hunt.hunting import hunt
from dwell.hunt.patterns import patterns
from dwell.hunt.quick import quick_hunt
from dwell.intake.ingest import ingest, open_archive

LOG = (
    "#Software: Microsoft Internet Information Services 10.0\r\n"
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status "
    "sc-substatus sc-win32-status time-taken\r\n"
)
LINE = "2021-03-02 08:{:02}:00 10.0.0.5 POST {} - 443 - 203.0.113.9 python 200 0 0 5\r\n"
RULE = """
title: web shell
id: 10000000-0000-4000-8000-000000000001
author: somebody
level: high
logsource: {category: webserver}
detection: {selection: {cs-uri-stem|contains: aspnet_client}, condition: selection}
"""
WORK = """
import signal
import sys
from dwell.cli.main import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests in the background ignores it
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the only folder for temporary files that this process knows."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """Give a folder with a log, a line of it broken, and a file that no source knows."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    lines = [LINE.format(at, "/aspnet_client/x.aspx" if at % 2 else "/owa/") for at in range(10)]
    (folder / "u_ex210302.log").write_text(LOG + "".join(lines) + "2021-03-02 broken\r\n", encoding="ascii")
    (folder / "what.bin").write_bytes(b"\x00\x01\x02" * 50)
    return folder


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Give a folder with one rule."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "shell.yml").write_text(RULE, encoding="utf-8")
    return folder


def files_of(folder: Path) -> dict[Path, bytes]:
    return {one: one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}


def test_it_finds_what_a_hunt_in_a_case_finds_and_leaves_nothing(
    evidence: Path, rules: Path, scratch: Path, tmp_path: Path
) -> None:
    before = files_of(evidence)
    found = quick_hunt([evidence], rules=[rules], workers=1)
    assert list(scratch.iterdir()) == []
    assert files_of(evidence) == before
    case = Case.create(tmp_path / "case")
    with case.writing():
        ingest(case, [evidence], workers=1)
    held = hunt(open_archive(case), rule_folders=[rules], workers=1)
    assert found.hunted.hits.equals(held.hits)
    assert found.hunted.outcomes == held.outcomes
    mine = found.hunted.hits.filter(pc.equal(found.hunted.hits["title"], "web shell"))
    assert mine["count"].to_pylist() == [5]


def test_it_says_what_was_not_read(evidence: Path, scratch: Path) -> None:
    found = quick_hunt([evidence], workers=1)
    assert [one.places[0].path for one in found.read.unrecognised] == ["what.bin"]
    assert found.stock.anomalies == 1
    assert found.stock.records == 10
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("phase", ["hashing", "reading", "hunting"])
def test_nothing_is_left_when_it_is_broken_off(phase: str, evidence: Path, scratch: Path) -> None:
    def stop(at: str, *_: object) -> None:
        if at == phase:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quick_hunt([evidence], workers=1, progress=stop)
    assert list(scratch.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_told_to_stop_leaves_nothing(how: int, evidence: Path, scratch: Path) -> None:
    (evidence / "large.log").write_text(
        LOG + "".join(LINE.format(at % 60, f"/owa/{at}") for at in range(300_000)), encoding="ascii"
    )
    words = ["hunt", "--quick", str(evidence), "--no-progress", "--workers", "2"]
    # should the process ever end by a fault of memory, it says where
    run = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", WORK, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 60
    while not list(scratch.glob("dwell-quick-*/case/archive/iis")) and time.monotonic() < until:
        time.sleep(0.02)
    assert run.poll() is None, "it was over before it could be stopped"
    os.kill(run.pid, how)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err.decode(errors="replace")
    assert out == b""
    assert b"nothing was kept" in err
    assert list(scratch.iterdir()) == []


def test_nothing_is_written_where_the_evidence_lies(
    evidence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(evidence))
    for paths in ([evidence], [tmp_path]):
        with pytest.raises(UsageError, match="temporary files"):
            quick_hunt(paths, workers=1)
    assert sorted(one.name for one in evidence.iterdir()) == ["u_ex210302.log", "what.bin"]


def test_no_evidence_is_said(tmp_path: Path, scratch: Path) -> None:
    with pytest.raises(NoEvidenceError, match="no such file"):
        quick_hunt([tmp_path / "nowhere"], workers=1)
    (tmp_path / "what.bin").write_bytes(b"\x00\x01")
    with pytest.raises(NoEvidenceError, match="recognised"):
        quick_hunt([tmp_path / "what.bin"], workers=1)
    assert list(scratch.iterdir()) == []


def test_loaded_rules_are_kept_where_it_was_asked_for(
    evidence: Path, rules: Path, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    patterns.cache_clear()  # another test may have compiled the same ones, and kept them nowhere
    for few in ("_DIRECT_MAX", "_FEW_PATTERNS", "_FEW_AMONG_FEW"):
        monkeypatch.setattr(f"dwell.hunt.patterns.{few}", 0)  # or so few texts are looked at without compiling
    first = quick_hunt([evidence], rules=[rules], workers=1, rules_cache=kept)
    assert sorted({one.name.partition("-")[2] for one in kept.iterdir()}) == ["patterns.bin", "rules.msgpack"]
    again = quick_hunt([evidence], rules=[rules], workers=1, rules_cache=kept)
    assert again.hunted.hits.equals(first.hunted.hits)
    assert list(scratch.iterdir()) == []
