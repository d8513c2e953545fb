"""What is read, looked at or asked less often gives the same answers: indexes, texts of the file before, few addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.hunt.archives import archive_of, load_rules

from dwell.archive.datafile import ColumnReader, DataFile, WordsReader
from dwell.errors import CustodyError
from dwell.hunt import hits as hits_module
from dwell.hunt import words as module
from dwell.hunt.columnvalues import values_of
from dwell.hunt.indicators import match
from dwell.hunt.indicators.match import Finder
from dwell.hunt.indicators.reading import read_indicators
from dwell.hunt.ruleset import Atom
from dwell.hunt.wide import Hunter
from dwell.hunt.words import Words, words

STEMS = ("/owa/", "/ecp/y.js", "/owa/auth/logon.aspx", "/aspnet_client/a?b.aspx", None)
QUERIES = ("-", "cmd=whoami", "x=%63md", "b.aspx", "", None)
AGENTS = ("curl/7.1", "Mozilla/5.0+(X11)", "-", None)


def rule(number: int, detection: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": f"rule {number}",
        "id": f"30000000-0000-4000-8000-{number:012}",
        "level": "high",
        "logsource": {"category": "webserver"},
        "detection": detection,
    }


RULES = [
    rule(1, {"a": {"cs-uri-query|contains": "cmd"}, "condition": "a"}),
    rule(2, {"a": {"cs-uri|contains": "a?b.aspx"}, "condition": "a"}),
    rule(
        3, {"a": {"cs-user-agent|startswith": "curl"}, "b": {"cs-uri-stem|endswith": ".js"}, "condition": "a and not b"}
    ),
    rule(4, {"a": {"cs-user-agent": None}, "condition": "a"}),
    rule(5, {"a": {"sc-status": 401}, "b": {"cs-uri-query": ""}, "condition": "a or b"}),
    rule(6, {"a": {"cs-user-agent|contains": "x11"}, "b": {"cs-uri-query|exists": True}, "condition": "not a and b"}),
]


def lines(count: int, step: int) -> list[dict[str, Any]]:
    return [
        {
            "cs-uri-stem": STEMS[at * step % len(STEMS)],
            "cs-uri-query": QUERIES[at * 7 % len(QUERIES)],
            "cs-user-agent": AGENTS[at // 3 % len(AGENTS)],
            "sc-status": (200, 401)[at % 2],
            "c-ip": f"10.0.{at % 3}.{at % 250}",
        }
        for at in range(count)
    ]


def without_index(file: DataFile) -> DataFile:
    return replace(file, staged=replace(file.staged, index_sha256=""))


@pytest.mark.parametrize("prune", [True, False])
def test_a_file_with_an_index_gives_what_it_gives_without(tmp_path: Path, prune: bool) -> None:
    archive = archive_of(tmp_path / "archive", {"iis": lines(300, 1)})
    hunter = Hunter(load_rules(tmp_path / "rules", *RULES).rules, prune=prune)
    (file,) = archive.files("iis")
    assert file.staged.index_sha256
    one, other = hunter.find(file), hunter.find(without_index(file))
    assert one.hits.equals(other.hits)
    assert one.report == other.report
    assert set(one.hits["rule_id"].to_pylist()) == {str(rule["id"]) for rule in RULES}


@pytest.mark.parametrize("column", ["cs-uri-query", "cs-user-agent"])
def test_a_damaged_column_is_an_error_and_never_no_hit(tmp_path: Path, column: str) -> None:
    archive = archive_of(tmp_path / "archive", {"iis": lines(300, 1)})
    hunter = Hunter(load_rules(tmp_path / "rules", rule(1, {"a": {f"{column}|contains": "m"}, "condition": "a"})).rules)
    (file,) = archive.files("iis")
    assert hunter.hunt(file)[0].num_rows
    for path in (file.path, file.lexicon_path, file.index_path):
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(CustodyError):
            hunter.hunt(file)
        path.write_bytes(data)


def read_of(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """Note the columns that are read of lexicons and of data files."""
    texts: list[str] = []
    rows: list[str] = []
    word, row = WordsReader.read, ColumnReader.read

    def words_read(self: WordsReader, name: str) -> tuple[pa.StringArray, Any]:
        texts.append(name)
        return word(self, name)

    def rows_read(self: ColumnReader, columns: Sequence[str]) -> pa.Table:
        rows.extend(columns)
        return row(self, columns)

    monkeypatch.setattr(WordsReader, "read", words_read)
    monkeypatch.setattr(ColumnReader, "read", rows_read)
    return texts, rows


def test_only_columns_that_may_decide_a_rule_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    selection = {"cs-uri-query|contains": "zz-no-such", "cs-user-agent|re": "M.z", "sc-status": 200}
    rules = load_rules(tmp_path / "rules", rule(1, {"a": selection, "condition": "a"})).rules
    (file,) = archive_of(tmp_path / "archive", {"iis": lines(300, 1)}).files("iis")
    texts, rows = read_of(monkeypatch)
    assert Hunter(rules).find(file).hits.num_rows == 0
    assert (texts, rows) == ([], [])  # the bitmap of the query rules it out


def test_who_and_when_are_read_where_something_was_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = archive_of(tmp_path / "archive", {"iis": lines(300, 1)}).files("iis")
    _, rows = read_of(monkeypatch)
    for number, (status, who) in enumerate(((200, True), (599, False))):
        detection = {"a": {"sc-status": status}, "condition": "a"}
        rules = load_rules(tmp_path / f"rules{number}", rule(number, detection)).rules
        rows.clear()
        assert bool(Hunter(rules).find(file).hits.num_rows) is who
        assert ("time_utc" in rows, "c-ip" in rows, "sc-status" in rows) == (who, who, True)


MEANT = ("%63alc.exe", "Mozilla+X11", "a/b?c%3Fd", "É-%C3%89", "-", None)
SOUGHT = ("calc.", "la x1", "b?c?d", "é-é", "/b?", "c?d?x", "nothing", "xx?yy", "LC.E", "x11?", "-?m")


@pytest.mark.parametrize("text", SOUGHT)
@pytest.mark.parametrize("field", ["cs-uri", "cs-uri-query", "cs-uri-stem", "cs-user-agent"])
def test_what_the_index_rules_out_is_not_there(tmp_path: Path, field: str, text: str) -> None:
    rows = [{"cs-uri-stem": one, "cs-uri-query": two, "cs-user-agent": one} for one in MEANT for two in MEANT]
    (file,) = archive_of(tmp_path / "archive", {"iis": rows}).files("iis")
    for number, how in enumerate(("contains", "startswith", "endswith", "contains|cased")):
        rules = load_rules(tmp_path / how, rule(number, {"a": {f"{field}|{how}": text}, "condition": "a"})).rules
        one, other = Hunter(rules).find(file), Hunter(rules).find(without_index(file))
        assert one.hits.equals(other.hits)
        assert one.report == other.report
        if text == "nothing":  # the others have no run of three bytes that is certain to be missing
            of = Hunter(rules).table("iis")
            sought = of.sought(next(iter(of.asked)))
            bitmaps = values_of(file).bitmaps(sought.columns)
            assert bitmaps is not None
            assert not sought.may_be_met(bitmaps).any()


ATOMS = (
    Atom("cs-uri-query", "text", ("", "*", "a", "*", "")),
    Atom("cs-uri-query", "text", ("", "*", "B", "*", ""), "c"),
    Atom("cs-uri-query", "regex", ("a.*b",), "i"),
    Atom("cs-uri-query", "number", ("7",)),
    Atom("cs-uri-query", "text", ("",)),
    Atom("cs-uri-query", "exists"),
    Atom("cs-uri-query", "null"),
)
ASKED = list(range(len(ATOMS)))


def told(held: Words) -> tuple[Sequence[str], list[int], list[list[bool]]]:
    return held.values.to_pylist(), held.counts.tolist(), [held.atom(one).tolist() for one in ASKED]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.lists(st.text("aAbB7%42-", max_size=4), unique=True), min_size=2, max_size=5))
def test_texts_of_the_file_before_are_answered_as_if_they_were_new(
    monkeypatch: pytest.MonkeyPatch, files: list[list[str]]
) -> None:
    for before, mine in pairwise(files):
        results = []
        for least in (1, 10**9):
            monkeypatch.setattr(module, "SHARED_MIN", least)
            monkeypatch.setattr(module, "_kept", {})
            held = [
                words("iis", "cs-uri-query", pa.array(one, pa.string()), np.ones(len(one), np.int64), 0, ASKED, ATOMS)
                for one in (before, mine)
            ]
            results.append(told(held[1]))
        assert results[0] == results[1]


WRITTEN = (
    "10.1.2.3",
    "10.1.2.30",
    "110.1.2.3",
    "010.1.2.3",
    "10.1.2.3:443",
    "[::ffff:10.1.2.3]:443",
    "::ffff:a01:203",
    "::FFFF:0A01:0203%7",
    "192.0.2.1,+10.1.2.3",
    "10.1.2.4",
    "2001:db8::1",
    "-",
    "",
    None,
)


@pytest.mark.parametrize(
    "listed", [["10.1.2.3"], ["10.1.2.3", "10.1.2.4"], ["10.1.2.0/24"], ["10.1.2.3", "2001:db8::1"]]
)
def test_few_addresses_are_found_in_every_way_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: list[str]
) -> None:
    rows = [{"c-ip": one, "X-Forwarded-For": two} for one in WRITTEN for two in WRITTEN]
    (file,) = archive_of(tmp_path / "archive", {"iis": rows}).files("iis")
    (tmp_path / "list.txt").write_text("\n".join(listed) + "\n", encoding="utf-8")
    table = read_indicators([tmp_path / "list.txt"]).table
    found, kinds = Finder(table).find(file)
    monkeypatch.setattr(match, "LITERALS_MAX", 0)
    assert Finder(table).find(file)[0].equals(found)
    assert Finder(table).find(without_index(file))[0].equals(found)
    assert kinds == ["address"]
    shown = {one.partition("=")[2] for row in found["matched"].to_pylist() for one in row}
    assert {"10.1.2.3", "10.1.2.3:443", "[::ffff:10.1.2.3]:443", "::ffff:a01:203", "::FFFF:0A01:0203%7"} <= shown
    assert shown.isdisjoint({"110.1.2.3", "010.1.2.3", "-", ""})


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(st.lists(st.text("aAbB7%42-", max_size=4), unique=True), min_size=2, max_size=5),
    masks=st.lists(st.lists(st.booleans(), min_size=len(ATOMS), max_size=len(ATOMS)), min_size=5, max_size=5),
)
def test_what_is_asked_of_one_file_and_not_of_the_next_changes_no_answer(
    monkeypatch: pytest.MonkeyPatch, files: list[list[str]], masks: list[list[bool]]
) -> None:
    monkeypatch.setattr(module, "SHARED_MIN", 1)
    monkeypatch.setattr(module, "FEW_QUESTIONS", 0)
    monkeypatch.setattr(module, "_kept", {})
    for texts, mask in zip(files, masks, strict=False):
        values, counts, able = pa.array(texts, pa.string()), np.ones(len(texts), np.int64), np.array(mask, np.bool_)
        held = words("iis", "cs-uri-query", values, counts, 0, ASKED, ATOMS, able)
        alone = words("iis", "cs-uri-query", values, counts, 0, list(ASKED), ATOMS, able)
        for one in np.flatnonzero(able).tolist():
            assert held.atom(one).tolist() == alone.atom(one).tolist()


KEYWORDS = {
    **rule(20, {"keywords": ["needle"], "condition": "keywords"}),
    "logsource": {"category": "webserver"},
}


@pytest.mark.parametrize(
    ("extra", "opened", "hits"),
    [(None, 0, 0), ([("X-Custom", "a needle")], 1, 1), ([("X-Custom", "hay")], 1, 0)],
)
def test_words_anywhere_open_a_file_only_where_it_holds_further_columns(
    tmp_path: Path, extra: list[tuple[str, str]] | None, opened: int, hits: int
) -> None:
    rows = [*lines(30, 1), {**lines(1, 1)[0], "extra": extra}]
    (file,) = archive_of(tmp_path / "archive", {"iis": rows}).files("iis")
    rules = load_rules(tmp_path / "rules", KEYWORDS).rules
    for one in (file, without_index(file)):
        found = Hunter(rules).find(one)
        assert (len(found.report.opened), found.hits.num_rows) == (opened, hits)
        assert found.report.missing == Hunter(rules, prune=False).find(one).report.missing


def test_a_file_that_holds_no_further_columns_is_not_read_for_words_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = archive_of(tmp_path / "archive", {"iis": lines(300, 1)}).files("iis")
    rules = load_rules(tmp_path / "rules", KEYWORDS).rules
    texts, rows = read_of(monkeypatch)
    assert Hunter(rules).find(file).hits.num_rows == 0
    assert (texts, rows) == ([], [])


def test_a_key_that_only_rows_tell_of_is_missing_only_for_a_rule_for_which_they_were_read(tmp_path: Path) -> None:
    rows = [{**one, "extra": {"Other-Column": "y"}} for one in lines(300, 1)]
    (file,) = archive_of(tmp_path / "archive", {"iis": rows}).files("iis")
    asks = {"a": {"Odd-Column|contains": "x", "cs-uri-query|contains": "cmd"}, "condition": "a"}
    never = {"a": {"Odd-Column|contains": "x", "cs-uri-query|contains": "zz-no-such"}, "condition": "a"}
    for detection, told in ((asks, True), (never, False)):
        rules = load_rules(tmp_path / f"rules-{told}", rule(21, detection)).rules
        report = Hunter(rules).find(file).report
        assert any("Odd-Column" in place for places in report.missing.values() for place in places) is told


def test_hits_are_the_same_whether_rules_are_worked_out_together_or_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = archive_of(tmp_path / "archive", {"iis": lines(300, 1)}).files("iis")
    hunter = Hunter(load_rules(tmp_path / "rules", *RULES, {**RULES[0], "id": rule(7, {})["id"]}).rules)
    together = hunter.find(file).hits
    monkeypatch.setattr(hits_module, "BATCH_CELLS_MAX", 0)
    assert hunter.find(file).hits.equals(together)
    assert len(set(together["rule_id"].to_pylist())) == len(RULES) + 1


SYSMON = "Microsoft-Windows-Sysmon/Operational"


@pytest.mark.parametrize(
    ("detection", "opened", "hits"),
    [
        ({"a": {"Odd|contains": "needle"}, "condition": "a"}, 1, 1),
        ({"a": {"Odd|contains": "no such"}, "condition": "a"}, 0, 0),
        ({"a": {"Never|contains": "needle"}, "condition": "a"}, 0, 0),
        ({"a": {"Never": None}, "b": {"Odd|contains": "needle"}, "condition": "a and b"}, 1, 1),
        ({"a": {"Never|contains": "x"}, "b": {"Odd|contains": "hay"}, "condition": "b and not a"}, 1, 2),
        ({"a": {"UtcTime|contains": "2019"}, "condition": "a"}, 1, 1),
        ({"a": {"UtcTime|contains": "2020"}, "condition": "a"}, 0, 0),
    ],
)
def test_what_only_rows_hold_rules_files_out_as_the_lexicon_does(
    tmp_path: Path, detection: dict[str, Any], opened: int, hits: int
) -> None:
    rows = [
        {"Channel": SYSMON, "EventID": 1, "Image": "x.exe", "EventData": [("Odd", text)], "UtcTime": when}
        for text, when in (("a needle", None), ("hay", "2019-04-02"), ("hay", None), ("other", None))
    ]
    (file,) = archive_of(tmp_path / "archive", {"evtx": rows}).files("evtx")
    made = {**rule(30, detection), "logsource": {"product": "windows", "category": "process_creation"}}
    rules = load_rules(tmp_path / "rules", made).rules
    found, whole = Hunter(rules).find(file), Hunter(rules, prune=False).find(file)
    assert len(found.report.opened) == opened
    assert sum(found.hits["count"].to_pylist()) == sum(whole.hits["count"].to_pylist()) == hits
    assert found.hits.equals(whole.hits)
    assert found.report.missing == whole.report.missing
