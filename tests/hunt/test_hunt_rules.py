"""Rule files come from anyone: each ends somewhere, none stops the others, and nothing is lost in between."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.hunt.archives import archive_of, hunted, load_rules, met

from dwell.hunt.ruleset import RuleSet, rules_hash
from dwell.hunt.sigma.expressions import steps_of
from dwell.hunt.sigma.files import FILE_BYTES_MAX, listed
from dwell.hunt.sigma.keeping import load_kept
from dwell.hunt.sigma.lists import Lists
from dwell.hunt.sigma.load import load, load_known
from dwell.hunt.sigma.loaded import Known, Loaded
from dwell.hunt.wide import Hunter
from dwell.model.claims import RuleStatus

GOOD: dict[str, Any] = {
    "title": "good",
    "id": "10000000-0000-4000-8000-000000000001",
    "author": "somebody",
    "logsource": {"category": "webserver"},
    "detection": {"selection": {"cs-uri-query|contains": "x"}, "condition": "selection"},
}


def only(tmp_path: Path, text: str | bytes) -> Loaded:
    """Load a bad file beside a good one."""
    (tmp_path / "good.yml").write_text(yaml.safe_dump(GOOD), encoding="utf-8")
    bad = tmp_path / "later.yml"
    bad.write_bytes(text if isinstance(text, bytes) else text.encode())
    loaded = load([tmp_path], pack=False)
    assert [one.info.title for one in loaded.rules.rules] == ["good"]
    return loaded


def changed(**parts: Any) -> str:  # noqa: ANN401
    """Give the good rule with some parts replaced."""
    whole = {**GOOD, "id": "10000000-0000-4000-8000-000000000002", "title": "other", **parts}
    return yaml.safe_dump(whole, sort_keys=False)


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + at)}: &{chr(98 + at)} [{','.join(['*' + chr(97 + at)] * 9)}]\n" for at in range(8)
)
SELECTION = {"selection": {"cs-uri-query|contains": "x"}}


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("title: [", RuleStatus.INVALID, "line"),
        ("- a\n- b\n", RuleStatus.INVALID, "mapping"),
        (b"title: \xff\xfe\n", RuleStatus.INVALID, "UTF-8"),
        (LAUGHS, RuleStatus.INVALID, "holds more than 200,000 keys and values, aliases followed; split it"),
        ("a: &a [*a]\n", RuleStatus.INVALID, "refers to itself"),
        ("[" * 5_000, RuleStatus.INVALID, "nested deeper"),
        (b"# " + b"x" * FILE_BYTES_MAX, RuleStatus.INVALID, "larger than"),
        ("!!python/object/apply:os.system ['true']\n", RuleStatus.INVALID, "bad YAML"),
        ("date: 2021-99-99\n", RuleStatus.INVALID, "bad YAML"),
        (changed(detection={"s": {"a|nonsense": 1}, "condition": "s"}), RuleStatus.INVALID, "nonsense"),
        (changed(detection={"s": {"a": 1}, "condition": "s and missing"}), RuleStatus.INVALID, "missing"),
        (changed(detection={"s": {"a": 1}, "condition": "s and ("}), RuleStatus.INVALID, "line"),
        (
            changed(detection={"s": {"a": 1}, "condition": "(" * 60 + "s" + ")" * 60}),
            RuleStatus.UNSUPPORTED,
            "more than 25 brackets in one another",
        ),
        (
            changed(detection={"s": {"a": 1}, "condition": " or ".join(["s"] * 1_000)}),
            RuleStatus.UNSUPPORTED,
            "a condition of more than 4000 characters",
        ),
        (
            changed(detection={"s": {"a": 9007199254740993}, "condition": "s"}),
            RuleStatus.UNSUPPORTED,
            "in quotes",
        ),
        (
            changed(detection={"s": {"a": []}, "condition": "s"}),
            RuleStatus.INVALID,
            "'a' asks for nothing: its list is empty (line",
        ),
        (
            changed(detection={"s": {"a|windash|contains": "-a -b -c -d"}, "condition": "s"}),
            RuleStatus.UNSUPPORTED,
            "more than 3 dashes",
        ),
        (changed(detection="x"), RuleStatus.INVALID, ""),
        (changed(detection={}), RuleStatus.INVALID, "condition"),
        (changed(detection={"s": {"a": 1}}), RuleStatus.INVALID, "condition"),
        (changed(detection={"s": {"a": 1}, "condition": True}), RuleStatus.INVALID, "no text but True (line"),
        (changed(detection={"s": {"a": 1}, "condition": 7}), RuleStatus.INVALID, "no text but 7"),
        (changed(detection={"s": {"a": 1}, "condition": {"s": 1}}), RuleStatus.INVALID, "no text"),
        (changed(detection={"s": {"a": 1}, "condition": ["s", 7]}), RuleStatus.INVALID, "no text but 7"),
        (changed(detection={"s": {"a": 1}, "condition": []}), RuleStatus.INVALID, "condition"),
        (changed(detection={"s": {"a": 1}, "condition": ""}), RuleStatus.INVALID, ""),
        (changed(detection={"s": {"a": 1}, "condition": "1 of x*"}), RuleStatus.INVALID, "doesn't match"),
        (changed(detection={"s": {}, "condition": "s"}), RuleStatus.INVALID, "empty"),
        (changed(detection={"s": [], "condition": "s"}), RuleStatus.INVALID, ""),
        (changed(detection={"s": None, "condition": "s"}), RuleStatus.UNSUPPORTED, "keyword"),
        (changed(taxonomy="custom"), RuleStatus.UNSUPPORTED, "taxonomy 'custom'"),
        (changed(detection={"s": {"a|": 1}, "condition": "s"}), RuleStatus.INVALID, "modifier"),
        (changed(detection={"s": {"|": 1}, "condition": "s"}), RuleStatus.INVALID, "modifier"),
        (
            changed(detection={"s": {"a": [f"v{at}" for at in range(160_000)]}, "condition": "s"}),
            RuleStatus.UNSUPPORTED,
            "more than 150,000 parts; split it",
        ),
        ("a: [" + "x," * 200_001 + "x]\n", RuleStatus.INVALID, "holds more than 200,000 keys and values"),
        (
            changed(detection={"s": {"a|re": ".{0,500}a.{0,500}b.{0,500}c"}, "condition": "s"}),
            RuleStatus.UNSUPPORTED,
            "has 1503 steps",
        ),
        (
            changed(detection={"s": {"a|re": "((a{0,100}){0,100}){0,100}"}, "condition": "s"}),
            RuleStatus.UNSUPPORTED,
            "'((a{0,100}){0,100}){0,100}' repeats something more than 1,000 times ({0,100})",
        ),
        (
            changed(detection={"s": {"a|re": "a{1,2000}"}, "condition": "s"}),
            RuleStatus.UNSUPPORTED,
            "regular expression 'a{1,2000}' repeats something more than 1,000 times ({1,2000})",
        ),
        (
            changed(detection={"s": {"a|re": "(.{0,500}a){50}"}, "condition": "s"}),
            RuleStatus.UNSUPPORTED,
            "regular expression '(.{0,500}a){50}' repeats something more than 1,000 times ({50})",
        ),
        (changed(detection={"s": {"a|re": "a{3,1}"}, "condition": "s"}), RuleStatus.INVALID, "repetition"),
        (changed() + "level: low\nlevel: high\n", RuleStatus.INVALID, "'level' stands there twice"),
        (
            changed(detection={}).replace("detection: {}", "detection:\n  s:\n    a: 1\n    a: 2\n  condition: s"),
            RuleStatus.INVALID,
            "'a' stands there twice",
        ),
        (changed(logsource=7), RuleStatus.INVALID, ""),
        (changed(id=12), RuleStatus.INVALID, "the id is no text (line 2)"),
        (changed(detection={"s": {"a|re": "("}, "condition": "s"}), RuleStatus.INVALID, "regular expression"),
        (changed(detection={"s": {"a|re": "a(?!b)"}, "condition": "s"}), RuleStatus.UNSUPPORTED, "regular expression"),
        (changed(detection={"s": {"a|expand": "%list%"}, "condition": "s"}), RuleStatus.BLIND, "--lists"),
        (changed(detection={"s": {"a|hour": "noon"}, "condition": "s"}), RuleStatus.INVALID, "Hour"),
        (changed(detection={"s": {"|hour": 7}, "condition": "s"}), RuleStatus.UNSUPPORTED, "time part"),
        (changed(detection={"s": {"a|wide": 1, "a|utf16le": 2}, "condition": "s"}), RuleStatus.INVALID, "twice"),
        (
            changed(detection={**SELECTION, "condition": "selection | count() > 5"}),
            RuleStatus.UNSUPPORTED,
            "aggregation",
        ),
        (changed(correlation={"type": "event_count"}), RuleStatus.INVALID, "rule references"),
        (changed(filter={"rules": "any"}), RuleStatus.INVALID, "condition"),
        (changed(filter={"rules": ["x"], "s": {"a": 1}, "condition": "not s"}), RuleStatus.INVALID, "is called x"),
        (changed(filter={"rules": "any", "s": {"a": 1}, "condition": "not t"}), RuleStatus.INVALID, "'t'"),
        (changed(logsource={"product": "linux", "service": "auditd"}), RuleStatus.BLIND, "linux/auditd"),
        (changed(id=GOOD["id"]), RuleStatus.INVALID, "taken"),
    ],
)
def test_a_bad_rule_ends_with_its_reason_and_the_others_run(
    tmp_path: Path, text: str | bytes, status: RuleStatus, words: str
) -> None:
    loaded = only(tmp_path, text)
    assert [one.status for one in loaded.ended] == [status]
    assert words in loaded.ended[0].reason
    assert loaded.ended[0].path == "later.yml"
    assert bool(loaded.faults) is (status is RuleStatus.INVALID)


HEAD = "title: x\nid: 10000000-0000-4000-8000-000000000003\nlogsource:\n  category: webserver\n"
"""Four lines."""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HEAD + "detection:\n  s:\n    a: 1\n    b|re:\n    - fine\n    - '(a'\n  condition: s\n", 10),
        (HEAD + "detection:\n  t:\n    a: 1\n  s:\n    b|re: '(a'\n  condition: s\n", 9),
        (HEAD + "detection:\n  s:\n    a: s\n  condition: s and not missing\n", 8),
        (HEAD + "detection:\n  s:\n    a: 1\n  condition:\n  - s\n  - missing\n", 10),
        (HEAD + "detection:\n  s:\n    a: 1\n  condition: all of missing*\n", 8),
        (HEAD + "detection:\n  s:\n    a: 1\n  condition: s and (\n", 8),
        (HEAD + "detection: {}\n", 5),
        (HEAD + "detection:\n  t:\n    a: 1\n  s: {}\n  condition: s\n", 8),
        (HEAD + "detection:\n  t:\n    a: 1\n  s: []\n  condition: s\n", 8),
        (HEAD + "detection:\n  condition: s\n", 5),
        (HEAD + "detection:\n  s:\n    a: 1\n", 5),
        (HEAD + "detection: x\n", 5),
        (HEAD + "detection:\n  s:\n    a|cidr: 300\n  condition: s\n", 7),
        ("title: x\nstatus: test\nlogsource: {}\ndetection:\n  s:\n    a: 1\n  condition: s\n", 3),
        ("title: x\nlogsource: words\ndetection:\n  s:\n    a: 1\n  condition: s\n", 2),
        (HEAD + "detection:\n  s:\n    a: 1\n  condition: s\nlevel: dire\n", 9),
        (HEAD + "detection:\n  s:\n    a: 1\n  condition: s\ntags:\n- x\n", 9),
        (HEAD + "detection:\n  s:\n    a: 1\n  condition: s\ndate: soon\n", 9),
        (f"title: x\nauthor: y\nid: {GOOD['id']}\ndetection:\n  s:\n    a: 1\n  condition: s\n", 3),
        (HEAD + "filter:\n  rules:\n  - x\n  s:\n    a: 1\n  condition: not s\n", 6),
        (f"# first\n---\n{HEAD}detection:\n  s:\n    a: 1\n  condition: missing\n", 10),
        ("title: x\nstatus: test\ndetection:\n  s:\n    a: 1\n  condition: s\n", 1),
    ],
)
def test_what_is_wrong_is_told_with_the_line_where_it_stands(tmp_path: Path, text: str, line: int) -> None:
    loaded = only(tmp_path, text)
    assert [one.status for one in loaded.ended] == [RuleStatus.INVALID]
    assert loaded.ended[0].reason.endswith(f"(line {line})")
    assert loaded.faults == (f"later.yml: {loaded.ended[0].reason}",)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing but words\n", "---\n---\n", "~\n"])
def test_a_file_that_holds_no_rule_is_listed(tmp_path: Path, text: str) -> None:
    loaded = only(tmp_path, text)
    assert [(one.status, one.reason, one.path) for one in loaded.ended] == [
        (RuleStatus.INVALID, "holds no rule", "later.yml")
    ]
    assert loaded.faults == ("later.yml: holds no rule",)


def test_a_fault_names_the_line_of_the_key(tmp_path: Path) -> None:
    text = (
        "title: x\nlogsource:\n  category: webserver\ndetection:\n  s:\n    a: 1\n    b|nonsense: 2\n  condition: s\n"
    )
    assert "(line 7)" in only(tmp_path, text).ended[0].reason


def test_what_goes_wrong_with_an_expression_is_not_written_to_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for expression in ("((a{0,100}){0,100}){0,100}\x1b[31m", "(", "a{2000}"):
        only(tmp_path, changed(detection={"s": {"a|re": expression}, "condition": "s"}))
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


@pytest.mark.parametrize(
    ("expression", "steps"),
    [
        ("", 0),
        ("abc", 3),
        ("a{3}", 3),
        ("a{2,5}b", 6),
        ("a{7,}", 7),
        ("a{,5}", 5),
        ("(ab){10}", 20),
        ("((a{3}b){4}|c){5}", 85),
        ("[a-z(){}]{4}x", 5),
        (r"\(\{3\}", 4),
        (r"[\]a]{3}", 3),
        ("[[:alpha:]]{3}", 3),
        ("a+b*c?", 3),
        (".{1000,}", 1000),
        (")(", 1),
        ("(a{30}b{30}){30}", 1800),
    ],
)
def test_an_expression_is_measured_with_its_repetitions_written_out(expression: str, steps: int) -> None:
    assert steps_of(expression) == steps


@pytest.mark.parametrize("expression", ["(a+)+$", "(x+x+)+y", "(.*a){25}", "([a-z]+)*\\d", "(a|aa)+$"])
def test_an_expression_that_explodes_elsewhere_takes_no_time_here(tmp_path: Path, expression: str) -> None:
    rule = {**GOOD, "detection": {"s": {"cs-uri-stem|re": expression}, "condition": "s"}}
    loaded = load_rules(tmp_path / "rules", rule)
    rows = [{"cs-uri-stem": f"/{at}" + "a" * 3_000 + "!"} for at in range(600)]
    archive = archive_of(tmp_path / "archive", {"iis": rows})
    began = time.process_time()
    hunted(archive, Hunter(loaded.rules))
    assert time.process_time() - began < 20


ODD_FIELDS = (
    "", "*", "|contains", "a b", "\x00", "\x1b[31m", "\u202e", "x" * 5_000, "EventData:*", "extra:*", "extra:", "cs-uri:",
    "a.b.c", "$x", "(", "[a]", "Data#", "7", " cs-uri-stem ", "ü" * 50, "cs-uri-stem|contains|contains|contains",
)  # fmt: skip


@pytest.mark.parametrize("field", ODD_FIELDS)
def test_an_odd_field_name_ends_somewhere_and_runs_without_a_fault(tmp_path: Path, field: str) -> None:
    rule = {**GOOD, "detection": {"s": {field: "x"}, "condition": "s"}}
    other = {
        **GOOD,
        "id": "10000000-0000-4000-8000-000000000004",
        "detection": {"s": {"cs-uri-stem": "/a"}, "condition": "s"},
    }
    loaded = load_rules(tmp_path / "rules", rule, other)
    assert len(loaded.rules.rules) + len(loaded.ended) == 2
    archive = archive_of(tmp_path / "archive", {"iis": [{"cs-uri-stem": "/a", "extra": {"k": "v"}}]})
    assert met(hunted(archive, Hunter(loaded.rules)))[other["id"]] == {1}


def test_thousands_of_values_in_one_list_are_all_looked_for(tmp_path: Path) -> None:
    rule = {**GOOD, "detection": {"s": {"cs-uri-stem": [f"/v{at}" for at in range(15_000)]}, "condition": "s"}}
    loaded = load_rules(tmp_path / "rules", rule)
    rows = [{"cs-uri-stem": f"/v{at}"} for at in (0, 14_999, 15_000)]
    archive = archive_of(tmp_path / "archive", {"iis": rows})
    assert met(hunted(archive, Hunter(loaded.rules))) == {GOOD["id"]: {1, 2}}


def test_a_pack_that_changes_while_it_is_read_is_said_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache = tmp_path / "rules", tmp_path / "cache"
    folder.mkdir()
    (folder / "a.yml").write_text(yaml.safe_dump(GOOD), encoding="utf-8")

    def changing(folders: Sequence[Path], *, lists: Lists | None = None, before: Known | None = None) -> Known:
        found = load_known(folders, lists=lists, before=before)
        (folder / "a.yml").write_text(changed(title="another"), encoding="utf-8")
        return found

    monkeypatch.setattr("dwell.hunt.sigma.load.load_known", changing)
    loaded = load_kept([folder], cache)
    assert "good" in {one.title for one in loaded.infos.values()}
    assert [one for one in loaded.faults if "changed while they were read" in one]
    assert not cache.exists() or list(cache.iterdir()) == []
    again = load_kept([folder], cache)
    assert again.faults == ()
    assert "another" in {one.title for one in again.infos.values()}


def test_a_rule_file_that_vanishes_while_it_is_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yml").write_text(
            changed(id=f"20000000-0000-4000-8000-00000000000{name}"), encoding="utf-8"
        )
    found = listed(tmp_path)
    monkeypatch.setattr("dwell.hunt.sigma.load.listed", lambda _: found)
    (tmp_path / "a.yml").unlink()
    loaded = load([tmp_path], pack=False)
    assert len(loaded.rules.rules) == 1
    assert [(one.status, one.path) for one in loaded.ended] == [(RuleStatus.INVALID, "a.yml")]
    assert "cannot be read" in loaded.faults[0]


def test_a_file_with_several_rules_gives_all_of_them(tmp_path: Path) -> None:
    other = changed(id="10000000-0000-4000-8000-000000000003")
    (tmp_path / "two.yml").write_text(yaml.safe_dump(GOOD) + "---\n" + other, encoding="utf-8")
    assert len(load([tmp_path], pack=False).rules.rules) == 2


def test_a_missing_folder_is_named_and_the_pack_runs(tmp_path: Path) -> None:
    loaded = load([tmp_path / "nowhere"])
    assert loaded.rules.rules
    assert any("no such rule folder" in one for one in loaded.faults)


def test_author_and_licence_stay_with_the_rule(tmp_path: Path) -> None:
    folder = tmp_path / "pack" / "rules"
    folder.mkdir(parents=True)
    (tmp_path / "pack" / "LICENSE").write_text("# Detection Rule License (DRL) 1.1\n", encoding="utf-8")
    (folder / "a.yml").write_text(yaml.safe_dump(GOOD), encoding="utf-8")
    (folder / "b.yml").write_text(changed(license="MIT", author="else"), encoding="utf-8")
    infos = load([folder], pack=False).infos.values()
    assert {(one.author, one.licence) for one in infos} == {("somebody", "DRL 1.1"), ("else", "MIT")}


def test_a_rule_set_is_written_and_read_back_the_same() -> None:
    rules = load().rules
    data = rules.encoded()
    assert RuleSet.decoded(data) == rules
    assert rules_hash(data) == rules_hash(load().rules.encoded())


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (["    a|cidr: 10.1.2.3/24"], 7),
        (["    b: x", "    a|cidr:", "      - 10.0.0.0/8", "      - 10.1.2.3/24"], 10),
        (["    b: x", "    a: 2021-03-01"], 8),
    ],
)
def test_a_value_at_fault_is_named_by_its_line(tmp_path: Path, lines: list[str], place: int) -> None:
    head = ["title: other", "id: 10000000-0000-4000-8000-000000000002", "date: 2020-01-01"]
    text = [*head, "logsource: {category: webserver}", "detection:", "  s:", *lines, "  condition: s", ""]
    loaded = only(tmp_path, "\n".join(text))
    (ended,) = loaded.ended
    assert ended.status is RuleStatus.INVALID
    assert ended.reason.endswith(f"(line {place})")


SEC = {"product": "windows", "service": "security"}


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({"EventID|contains": 900}, {1, 2}),
        ({"EventID|startswith": [90, 8]}, {1, 2}),
        ({"A": 9007199254740992}, {2}),
        ({"A": "9007199254740993"}, {1}),
        ({"A|gt": 9007199254740992}, {1}),
        ({"A|lte": 9007199254740992}, {2}),
        ({"A|lt": 9007199254740994}, {1, 2}),
        ({"B|cidr": "::ffff:10.1.2.0/120"}, {1, 2}),
        ({"B|cidr": "::/0"}, {1, 3}),
        ({"B|cidr": "10.1.2.0/24"}, {1, 2}),
        ({"C|exists": True}, {1, 3}),
        ({"C|exists": False}, {2}),
        ({"C": None}, {1, 2}),
        ({"D|contains|windash": "-a -b -c"}, {1}),
    ],
)
def test_values_at_the_edges(tmp_path: Path, asked: dict[str, Any], meant: set[int]) -> None:
    def event(number: int, *data: tuple[str, str]) -> dict[str, Any]:
        return {"Channel": "Security", "EventID": number, "EventData": list(data)}

    first = (("A", "9007199254740993"), ("B", "::ffff:10.1.2.3"), ("C", ""), ("D", "x.exe /a /b \u2013c -d"))
    rows = [
        event(9001, *first), event(9002, ("A", "9007199254740992"), ("B", "10.1.2.9")), event(7, ("B", "::1"), ("C", "x")),
    ]  # fmt: skip
    archive = archive_of(tmp_path / "archive", {"evtx": rows})
    rule = {**GOOD, "logsource": SEC, "detection": {"s": asked, "condition": "s"}}
    assert met(hunted(archive, Hunter(load_rules(tmp_path / "rules", rule).rules))) == {GOOD["id"]: meant}


def test_brackets_side_by_side_are_no_depth(tmp_path: Path) -> None:
    detection = {"s": {"cs-uri-query|contains": "x"}, "condition": " or ".join(["(s)"] * 200)}
    loaded = load_rules(tmp_path, {**GOOD, "detection": detection})
    assert len(loaded.rules.rules) == 1
