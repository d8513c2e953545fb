"""`dwell hunt --yara`: in a case and without one, with its exit codes, and back to the bytes with `dwell why`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from tests.cli.conftest import Dwell

pytest.importorskip("yara_x", reason="yara-x has no wheel for this machine")

LOG = (
    "#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time s-ip cs-method cs-uri-stem "
    "cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken\r\n"
    "2021-03-02 08:00:00 10.0.0.5 POST /ecp/x.js - 443 - 203.0.113.9 python 200 0 0 5\r\n"
)
RULES = """
rule web { meta: author = "A. Author" license = "MIT" level = "high" strings: $a = "eval("
  condition: $a and filesize < 1MB }
rule line { meta: author = "B. Author" strings: $p = "POST " $e = "/ecp/" condition: all of them }
rule kept_back { meta: license = "CC BY-NC 4.0" strings: $a = "eval(" condition: $a }
"""


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """Give a folder with a log and a page."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / "u_ex210302.log").write_text(LOG, encoding="ascii")
    (folder / "shell.aspx").write_bytes(b"<%eval(1)%>\x1b[2J")
    return folder


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Give a folder of rules."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "rules.yar").write_text(RULES, encoding="utf-8")
    return folder


def test_in_a_case_hits_lead_back_to_bytes_and_later_hunts_use_the_same_rules(
    dwell: Dwell, evidence: Path, rules: Path, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    assert dwell("ingest", evidence, "-c", case, "-q").code == 0
    found = dwell("hunt", "-c", case, "--yara", rules, "-t", "csv", "-q")
    assert found.code == 0
    rows = {one["rule_id"]: one for one in csv.DictReader(io.StringIO(found.out))}
    web, line = rows["yara:web"], rows["yara:line"]
    assert (web["author"], web["licence"], web["table"], web["path"]) == ("A. Author", "MIT", "file", "shell.aspx")
    assert (line["author"], line["table"], line["records"].partition("/")[0]) == ("B. Author", "iis", "iis")
    assert "yara:kept_back" not in rows
    back = dwell("why", web["records"], "-c", case)
    assert back.code == 0
    assert "shell.aspx, from byte 2" in back.out
    assert "as registered" in back.out
    assert "eval(1)" in back.out
    assert "\x1b" not in back.out
    assert dwell("why", line["records"], "-c", case, "-t", "json").code == 0
    again = dwell("hunt", "-c", case, "-t", "csv", "-q")
    assert again.out == found.out
    accepted = dwell("hunt", "-c", case, "--accept-licence", "CC BY-NC", "-t", "csv", "-q")
    assert "yara:kept_back" in accepted.out
    assert "yara:kept_back" in dwell("hunt", "-c", case, "-t", "csv", "-q").out, "what was accepted stays so"
    summary = json.loads(dwell("answers", "-c", case, "-t", "json", "-q").out)
    told = {one["rule_id"]: one["status"] for one in summary["rules"] if one["rule_id"].startswith("yara:")}
    assert told == {"yara:web": "ran", "yara:line": "ran", "yara:kept_back": "ran"}
    assert "yara:" not in dwell("hunt", "-c", case, "--own-only", "-t", "csv", "-q").out


def test_without_a_case_a_bad_file_ends_with_13_and_the_rest_is_done(dwell: Dwell, evidence: Path, rules: Path) -> None:
    (rules / "bad.yar").write_text('rule bad {\n strings: $a = "x"\n condition: $b }', encoding="utf-8")
    (rules / "out.yar").write_text('include "/etc/hostname"\nrule out { condition: true }', encoding="utf-8")
    found = dwell("hunt", "--quick", evidence, "--yara", rules, "-t", "json", "-q")
    assert found.code == 13
    said = json.loads(found.out)
    assert {one["rule_id"] for one in said["hits"]} >= {"yara:web", "yara:line"}
    assert said["yara"] == {"files": 1, "size_bytes": 15, "records": 1, "not_looked_at": []}
    told = {one["rule_id"]: (one["status"], one["reason"]) for one in said["rules"] if "yara:" in one["rule_id"]}
    assert {name: status for name, (status, _) in told.items()} == {
        "yara:web": "ran", "yara:line": "ran", "yara:kept_back": "refused", "yara:bad": "invalid", "yara:out": "refused",
    }  # fmt: skip
    assert "--accept-licence 'CC BY-NC'" in told["yara:kept_back"][1]
    assert any(one.startswith("bad.yar:3: unknown pattern `$b`") for one in said["faults"])
    text = dwell("hunt", "--quick", evidence, "--yara", rules, "--no-progress")
    assert text.code == 13
    assert "YARA rules were put to 1 file and 1 record" in text.out
    assert "high: web by A. Author" in text.out
    assert "$a@2=eval(" in text.out


def test_pages_alone_can_be_hunted_in(dwell: Dwell, evidence: Path, rules: Path) -> None:
    (evidence / "u_ex210302.log").unlink()
    found = dwell("hunt", "--quick", evidence, "--yara", rules, "-t", "json", "-q")
    assert found.code == 0
    assert [one["rule_id"] for one in json.loads(found.out)["hits"]] == ["yara:web"]
    assert dwell("hunt", "--quick", evidence, "-q").code == 10


def test_rules_that_are_not_there_or_no_rules_are_told(
    dwell: Dwell, evidence: Path, rules: Path, tmp_path: Path
) -> None:
    absent = dwell("hunt", "--quick", evidence, "--yara", tmp_path / "nowhere")
    assert absent.code == 2
    assert "nowhere" in absent.err
    (rules / "rules.yar").rename(rules / "rules.txt")
    empty = dwell("hunt", "--quick", evidence, "--yara", rules, "-q", "-t", "json")
    assert empty.code == 13
    assert "holds no file ending in .yar or .yara" in json.loads(empty.out)["faults"][0]
    single = dwell("hunt", "--quick", evidence, "--yara", rules / "rules.txt", "-q", "-t", "csv")
    assert "yara:web" in single.out


def test_investigate_hunts_with_the_same_rules_and_says_which(
    dwell: Dwell, evidence: Path, rules: Path, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    ran = dwell("investigate", evidence, "-c", case, "--yara", rules, "--accept-licence", "CC BY-NC", "--workers", "1")
    assert ran.code in {0, 11}
    found = dwell("hunt", "-c", case, "-t", "csv", "-q")
    met = {one["rule_id"] for one in csv.DictReader(io.StringIO(found.out))}
    assert {"yara:web", "yara:line", "yara:kept_back"} <= met
    custody = "".join(one.read_text(encoding="utf-8") for one in sorted(case.glob("custody*")) if one.is_file())
    assert str(rules) in custody
    assert dwell("investigate", evidence, "-c", case, "--yara", tmp_path / "nowhere", "-q").code == 2


def test_since_rules_tells_what_other_yara_rules_change_and_changes_nothing(
    dwell: Dwell, evidence: Path, rules: Path, tmp_path: Path
) -> None:
    case, held = tmp_path / "case", rules / "rules.yar"
    assert dwell("ingest", evidence, "-c", case, "-q").code == 0
    assert dwell("hunt", "-c", case, "--yara", rules, "-q", "-o", tmp_path / "first").code == 0
    before = dwell("answers", "-c", case, "-t", "json", "-q").out
    text = held.read_text(encoding="utf-8")
    held.write_text(
        text.replace('"/ecp/"', '"/nowhere/"') + 'rule more { strings: $a = "eval" condition: $a }', "utf-8"
    )
    found = json.loads(dwell("hunt", "-c", case, "--since-rules", "-t", "json", "-q").out)
    told = {one["rule_id"]: (one["change"], one["what"]) for one in found["rules"]}
    assert told == {"yara:line": ("changed", ["what it looks for"]), "yara:more": ("added", [])}
    hits = {one["rule_id"]: (one["count_before"], one["count_after"]) for one in found["hits"]}
    assert hits == {"yara:line": (1, 0), "yara:more": (0, 1)}
    accepted = json.loads(
        dwell("hunt", "-c", case, "--since-rules", "--accept-licence", "CC BY-NC", "-t", "json", "-q").out
    )
    assert "yara:kept_back" in {one["rule_id"] for one in accepted["hits"]}
    other = tmp_path / "other.yar"
    other.write_text('rule alone { strings: $a = "python" condition: $a }', encoding="utf-8")
    moved = json.loads(dwell("hunt", "-c", case, "--since-rules", "--yara", other, "-t", "json", "-q").out)
    kinds = {one["rule_id"]: one["change"] for one in moved["rules"]}
    assert kinds == {
        "yara:web": "removed", "yara:line": "removed", "yara:kept_back": "removed", "yara:alone": "added",
    }  # fmt: skip
    gone = json.loads(dwell("hunt", "-c", case, "--since-rules", "--own-only", "-t", "json", "-q").out)
    assert {one["change"] for one in gone["rules"]} == {"removed"}
    held.write_text(text, encoding="utf-8")
    assert dwell("answers", "-c", case, "-t", "json", "-q").out == before
