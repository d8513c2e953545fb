"""YARA rules put to records and files: what they meet, where it lies, what becomes of rules and files made to harm."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hunt.archives import archive_of

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.yara import hunting, onfiles, onrecords, scanner
from dwell.hunt.yara.hunting import YaraHunted, YaraWanted, hunt_yara
from dwell.hunt.yara.onrecords import record_texts
from dwell.hunt.yara.scanner import RuleScanner
from dwell.intake.ingest import ingest, open_archive
from dwell.intake.lookup import record_bytes, record_named
from dwell.intake.tables import specs
from dwell.model.claims import RuleOutcome, RuleStatus

yara_x = pytest.importorskip("yara_x", reason="yara-x has no wheel for this machine")

SHELL = b'<%@ Page Language="Jscript"%><%eval(Request.Item["a"],"unsafe");%>'
LOOP = "for all i in (1..10000000000) : ( for all j in (1..100000000) : (i + j > 0) )"


def rule_file(folder: Path, text: str) -> Path:
    """Write a rule file."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "rules.yar"
    place.write_text(text, encoding="utf-8")
    return place


def on_records(archive: Archive, rules: Path, **more: Any) -> YaraHunted:  # noqa: ANN401 - as the hunt takes them
    return hunt_yara(archive, YaraWanted((rules,)), workers=1, **more)


def records_met(found: YaraHunted) -> dict[str, set[int]]:
    """Give the numbers of the records that each rule met."""
    out: dict[str, set[int]] = {}
    for row in found.hits.to_pylist():
        out.setdefault(row["rule_id"].removeprefix("yara:"), set()).update(one["record_no"] for one in row["refs"])
    return out


def outcomes(found: YaraHunted | Hunted) -> dict[str, RuleOutcome]:
    return {one.rule_id.removeprefix("yara:"): one for one in found.outcomes if one.rule_id.startswith("yara")}


REQUESTS: Sequence[Mapping[str, Any]] = (
    {"cs-method": "POST", "cs-uri-stem": "/ecp/proxyLogon.ecp", "sc-status": 241, "c-ip": "203.0.113.9"},
    {"cs-method": "GET", "cs-uri-stem": "/ecp/y.js", "sc-status": 200},
    {"cs-method": "POST", "cs-uri-stem": "/owa/", "sc-status": 200, "cs-user-agent": "python-requests"},
    {"cs-method": "GET", "cs-uri-stem": "/owa/", "cs-uri-query": "a=ümlaut", "sc-status": 500},
)


def test_a_rule_for_log_lines_is_about_one_record_at_a_time(tmp_path: Path) -> None:
    rules = rule_file(
        tmp_path / "rules",
        """
        rule both { meta: author = "A" license = "MIT" level = "high"
          strings: $p = "POST " $e = "/ecp/" condition: all of them }
        rule across { strings: $x = /POST \\/ecp\\/\\S+ - / condition: $x }
        rule status { strings: $x = " 241" condition: $x }
        rule without { strings: $g = "GET " private $e = "/ecp/" condition: $g and not $e }
        rule nowhere { strings: $p = "python" $e = "/ecp/" condition: all of them }
        rule lines { strings: $x = /ecp[^"]{1,400}owa/ condition: $x }
        rule hex { strings: $x = { 2f 6f 77 61 2f } condition: #x == 1 }
        rule text { strings: $x = "ümlaut" condition: $x }
        """,
    )
    found = on_records(archive_of(tmp_path / "archive", {"iis": REQUESTS}), rules)
    assert records_met(found) == {
        "both": {1}, "across": {1}, "status": {1}, "without": {4}, "hex": {3, 4}, "text": {4},
    }  # fmt: skip
    row = next(one for one in found.hits.to_pylist() if one["rule_id"] == "yara:both")
    assert row["matched"] == ["$e=/ecp/", "$p=POST "]
    assert (row["table"], row["client"], row["level"], row["status"]) == ("iis", "203.0.113.9", "high", 241)
    told = outcomes(found)
    assert {one.status for one in told.values()} == {RuleStatus.RAN}
    assert told["nowhere"].hits == 0
    assert told["both"].reason == "put to 0 files and 4 records"


def test_a_rule_for_whole_files_is_blind_where_no_file_is_held(tmp_path: Path) -> None:
    rules = rule_file(tmp_path / "rules", 'rule x { strings: $a = "POST" condition: $a and filesize < 1MB }')
    found = on_records(archive_of(tmp_path / "archive", {"iis": REQUESTS}), rules)
    assert found.hits.num_rows == 0
    assert outcomes(found)["x"].status is RuleStatus.BLIND
    assert "not applicable to records: it asks for `filesize`" in outcomes(found)["x"].reason


WORD = st.sampled_from(["ab", "b", "a\nb", "abab", "c", "aab", "é", "a b", ""])
PART = st.sampled_from(
    ["$x", "$y", "$z", "any of them", "all of ($x,$y)", "2 of them", "1 of ($*)", "none of ($z)", "#x > 1", "#y == 1",
     "50% of them"]
)  # fmt: skip
CONDITION = st.recursive(
    PART,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not {}".format, inner),
    ),
    max_leaves=5,
)
STRINGS = st.sampled_from(
    [
        '$x = "ab" $y = "b" $z = /a[^c]{0,3}b/',
        '$x = /a.b/s $y = /b\\s+a/ $z = "c" fullword',
        '$x = "ab" nocase $y = /(ab)+/ $z = { 61 62 ?? 61 }',
        '$x = "é" $y = /a[\\s\\S]{0,9}b/ private $z = "aa"',
    ]
)


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(WORD, WORD), min_size=1, max_size=12),
    strings=STRINGS,
    conditions=st.lists(CONDITION, min_size=1, max_size=4),
)
def test_records_are_met_as_if_each_were_scanned_by_itself(
    rows: list[tuple[str, str]], strings: str, conditions: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("yara")
    used = " or (false and any of them)"
    text = "\n".join(
        f"rule r{at} {{ strings: {strings} condition: ({one}){used} }}" for at, one in enumerate(conditions)
    )
    rules = rule_file(folder / "rules", text)
    archive = archive_of(folder / "archive", {"iis": [{"cs-uri-stem": one, "cs-user-agent": two} for one, two in rows]})
    found = records_met(on_records(archive, rules))
    (file,) = archive.files("iis")
    spec = specs()["iis"]
    texts = record_texts(read_rows(file, [one.name for one in spec.schema]), spec).to_pylist()
    compiled = yara_x.compile(text)
    expected: dict[str, set[int]] = {}
    for number, one in enumerate(texts, 1):
        for rule in compiled.scan(one.encode()).matching_rules:
            expected.setdefault(rule.identifier, set()).add(number)
    empty = {one.identifier for one in compiled.scan(b"").matching_rules}  # such a rule is put to no record
    assert found == {name: numbers for name, numbers in expected.items() if name not in empty}


def test_many_records_are_cut_into_stretches_and_places_beyond_the_limit_halve_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onrecords, "SLICE_ROWS", 64)
    monkeypatch.setattr(onrecords, "CELLS_MAX", 40)
    monkeypatch.setattr(onrecords, "MATCHES_MAX", 100)
    monkeypatch.setattr(scanner, "MATCHES_MAX", 100)
    rows = [{"cs-uri-stem": f"/{'x' * (at % 7)}y{at}"} for at in range(300)]
    rules = rule_file(tmp_path / "rules", 'rule six { strings: $x = "x" $y = "y" condition: #x == 6 and $y }')
    found = on_records(archive_of(tmp_path / "archive", {"iis": rows}), rules)
    assert sum(found.hits["count"].to_pylist()) == sum(at % 7 == 6 for at in range(300))


def test_a_slow_rule_is_broken_off_and_the_others_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "ALL_SECONDS", 1)
    monkeypatch.setattr(scanner, "RULE_SECONDS", 1)
    monkeypatch.setattr(onrecords, "SLICE_ROWS", 2)
    rows = [{"cs-uri-stem": "/" + "a" * 4_000_000}, *REQUESTS[:3]]
    rules = rule_file(
        tmp_path / "rules",
        'rule slow { strings: $a = /a.{1,60000}b/ condition: $a }\nrule quick { strings: $a = "/ecp/" condition: $a }',
    )
    found = on_records(archive_of(tmp_path / "archive", {"iis": rows}), rules, cache=tmp_path / "cache")
    told = outcomes(found)
    assert told["slow"].status is RuleStatus.PARTLY_BLIND
    assert "on 1 stretches of records" in told["slow"].reason
    assert told["quick"].status is RuleStatus.RAN
    assert records_met(found)["quick"] == {2, 3}
    assert list((tmp_path / "cache").glob("*.arrow")) == [], "what was broken off is not kept"


def test_a_rule_is_put_no_more_after_some_strikes_and_what_rests_on_it_neither() -> None:
    text = (
        f"rule slow {{ condition: {LOOP} }}\nrule rests {{ condition: slow }}\nrule quick {{ condition: filesize > 0 }}"
    )
    starts = [text.index(f"rule {one} ") for one in ("slow", "rests", "quick")] + [len(text)]
    named = zip(("slow", "rests", "quick"), starts[:-1], starts[1:], strict=True)
    unit = scanner.Unit(
        "u0",
        (scanner.Part("a.yar", text),),
        tuple(
            scanner.UnitRule(at, name, 0, start, end, ("slow",) if name == "rests" else ())
            for at, (name, start, end) in enumerate(named)
        ),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanner, "ALL_SECONDS", 1)
        patch.setattr(scanner, "RULE_SECONDS", 1)
        patch.setattr(scanner, "STRIKES_MAX", 2)
        here = RuleScanner([unit])
        first, second, third = (here.scan(b"x") for _ in range(3))
    assert (first.slow, second.slow, third.slow) == ([0, 1], [0, 1], [])
    assert third.left_out == [0, 1]
    assert [[one.index for one in each.met] for each in (first, second, third)] == [[2], [2], [2]]


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """Give a folder with pages on disk and in containers, one of them twice, and a log."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / "shell.aspx").write_bytes(SHELL)
    (folder / "clean.aspx").write_bytes(b"<html>hello</html>")
    (folder / "empty.aspx").write_bytes(b"")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as inner:
        about = tarfile.TarInfo("a/deep.ashx")
        about.size = len(SHELL) + 4
        inner.addfile(about, io.BytesIO(b"abc\n" + SHELL))
    with zipfile.ZipFile(folder / "collected.zip", "w") as outer:
        outer.writestr("again.aspx", SHELL)
        outer.writestr("in.tgz", packed.getvalue())
        outer.writestr("notes.txt", "nothing")
    (folder / "u_ex210302.log").write_text(
        "#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time s-ip cs-method cs-uri-stem "
        "cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken\r\n"
        "2021-03-02 08:00:00 10.0.0.5 POST /aspnet_client/eval( - 443 - 203.0.113.9 python 200 0 0 5\r\n",
        encoding="ascii",
    )
    return folder


@pytest.fixture
def case(evidence: Path, tmp_path: Path) -> Case:
    """Give a case that holds the evidence."""
    made = Case.create(tmp_path / "case")
    with made.writing():
        ingest(made, [evidence], workers=1)
    return made


def over_case(case: Case, rules: Path, workers: int = 1, cache: Path | None = None) -> YaraHunted:
    wanted = YaraWanted((rules,), (), tuple(case.register().values()))
    return hunt_yara(open_archive(case), wanted, workers=workers, cache=cache)


def test_files_are_met_wherever_they_lie_and_the_hit_leads_back_to_the_bytes(case: Case, tmp_path: Path) -> None:
    rules = rule_file(
        tmp_path / "rules",
        """
        rule web : T1505_003 { meta: author = "A" strings: $a = "eval(" $b = "Request.Item" condition: all of them }
        rule named { condition: filename == "deep.ashx" and extension == ".ashx" }
        rule large { condition: filesize > 1MB }
        """,
    )
    found = over_case(case, rules)
    assert found.looked.files == 4, (
        "two pages, one of them twice, one deep down, and a text; not the log, nor the empty one"
    )
    names = {key: item.path for key, item in case.register().items()}
    files = found.hits.filter(pc.equal(found.hits["table"], "file")).to_pylist()
    met = {(one["rule_id"], names[one["evidence_id"]].rpartition("/")[2].rpartition("!")[2]) for one in files}
    assert met == {("yara:web", "again.aspx"), ("yara:web", "deep.ashx"), ("yara:named", "deep.ashx")}
    deep = next(one for one in files if names[one["evidence_id"]].endswith("deep.ashx") and one["matched"])
    assert deep["matched"] == ["$a@35=eval(", "$b@40=Request.Item"]
    assert [one["record_no"] for one in deep["refs"]] == [35, 40]
    record = record_bytes(case, record_named(case, f"file/{deep['evidence_id'][:16]}/35"))
    assert record.raw == SHELL[31:]
    assert (record.unit, record.state.value) == ("byte", "as registered")
    assert (
        outcomes(found)["large"].reason
        == "put to 4 files; not applicable to records: it asks for `filesize`, which is of a whole file"
    )


def test_hits_are_the_same_with_any_number_of_workers_and_from_what_was_kept(
    case: Case, tmp_path: Path, evidence: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onfiles, "JOB_FILES", 1)
    rules = rule_file(tmp_path / "rules", 'rule web { strings: $a = "eval(" condition: $a }')
    one, two = over_case(case, rules, 1), over_case(case, rules, 2, tmp_path / "cache")
    assert one == two or (one.hits.equals(two.hits) and one.outcomes == two.outcomes)
    for each in evidence.iterdir():
        each.unlink()
    kept = over_case(case, rules, 1, tmp_path / "cache")
    assert kept.hits.equals(two.hits)
    assert kept.outcomes == two.outcomes
    gone = over_case(case, rules)
    assert gone.looked.files == 0
    assert {one.why for one in gone.looked.unscanned} == {"not found where it was registered"}
    assert outcomes(gone)["web"].status is RuleStatus.PARTLY_BLIND


def test_a_file_that_changed_or_is_too_large_is_put_to_no_rule_and_told(
    case: Case, tmp_path: Path, evidence: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onfiles, "FILE_BYTES_MAX", len(SHELL))
    (evidence / "clean.aspx").write_bytes(b"<html>eval(</html>")
    rules = rule_file(tmp_path / "rules", "rule any_file { condition: filesize > 0 }")
    found = over_case(case, rules)
    told = {one.path.rpartition("!")[2]: one.why for one in found.looked.unscanned}
    assert told["clean.aspx"] == "not what was registered"
    assert "larger than" in told["a/deep.ashx"]
    assert outcomes(found)["any_file"].status is RuleStatus.PARTLY_BLIND
    assert "2 of 4 files could not be looked at" in outcomes(found)["any_file"].reason


def test_a_file_on_which_the_process_dies_is_told_and_the_others_are_scanned(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = rule_file(tmp_path / "rules", "rule any_file { condition: filesize > 0 }")
    wanted = [one for one in case.register().values() if one.source is None]
    jobs, _ = onfiles.file_jobs(wanted, rules, "key")
    singles = onfiles.alone(jobs[0])
    monkeypatch.setattr(hunting, "run", lambda _work, items, **more: [more["lost"](one) for one in items])
    lost = hunting._lost(jobs[0])
    assert len(singles) == len(jobs[0].files)
    assert {one.path for one in lost.unscanned} == {one.path for one in wanted if one.size_bytes}


def test_hostile_files_do_no_harm(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    for at, data in enumerate(
        (b"MZ" + b"\xff" * 5000, b"\x7fELF" + b"\xff" * 5000, b"PK\x03\x04" + b"\xff" * 500, b"\x00" * 9000)
    ):
        (folder / f"{at}.bin").write_bytes(data)
    (folder / "escape\x1b[2J.aspx").write_bytes(b"eval(\x1b]0;x\x07\xff\xfe")
    made = Case.create(tmp_path / "case")
    with made.writing():
        ingest(made, [folder], workers=1, unread=True)
    rules = rule_file(
        tmp_path / "rules",
        """import "pe" import "elf" import "dotnet" import "macho" import "hash" import "math" import "console"
        rule modules { condition: pe.is_pe or elf.type == 1 or hash.md5(0, filesize) == "x"
          or math.entropy(0, filesize) > 9.0 }
        rule said { strings: $a = /eval\\(.{7}/s condition: $a and console.log("x") }""",
    )
    found = over_case(made, rules)
    assert [one["matched"] for one in found.hits.to_pylist()] == [["$a@0=eval(\x1b]0;x\x07\\xff"]]
    assert {one.status for one in found.outcomes} == {RuleStatus.RAN}


def test_yara_hits_stand_beside_those_of_sigma_and_every_rule_has_an_outcome(case: Case, tmp_path: Path) -> None:
    rules = rule_file(
        tmp_path / "rules", 'rule web { strings: $a = "eval(" condition: $a }\nrule bad { condition: $a }'
    )
    register = tuple(case.register().values())
    found = hunt(open_archive(case), yara=YaraWanted((rules,), (), register), workers=1)
    plain = hunt(open_archive(case), workers=1)
    mine = found.hits.filter(pc.starts_with(found.hits["rule_id"], "yara:"))
    assert sorted(pc.unique(mine["table"]).to_pylist()) == ["file", "iis"]
    assert found.hits.num_rows == plain.hits.num_rows + mine.num_rows
    assert {one.rule_id for one in found.outcomes} - {one.rule_id for one in plain.outcomes} == {"yara:web", "yara:bad"}
    assert found.rules_hash != plain.rules_hash
    assert len(found.faults) == 1


def test_texts_of_records_hold_maps_lists_and_numbers_in_the_order_of_the_log() -> None:
    spec = specs()["iis"]
    row = {
        "evidence_id": "ab",
        "record_no": 1,
        "cs-method": "GET",
        "cs-uri-stem": "/a",
        "s-port": 443,
        "sc-status": 200,
    }
    rows = pa.Table.from_pylist([{**row, "extra": [("cs-x", "y")]}, {**row, "s-port": None}], schema=spec.schema)
    assert record_texts(rows, spec).to_pylist() == ["GET /a 443 200 cs-x=y", "GET /a - 200"]
    evtx = specs()["evtx"]
    empty = pa.Table.from_pylist([{"evidence_id": "ab", "record_no": 1}], schema=evtx.schema)
    assert record_texts(empty, evtx).to_pylist() == [""]
    assert np.array_equal(onrecords._cut_out(b"abcdef", np.array([1, 3]), np.array([2, 0])).to_pylist(), [b"bc", b""])
