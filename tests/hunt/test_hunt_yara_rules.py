"""YARA rules loaded: every rule ends once, with the reason; licences are read; nothing outside the folder is reached."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.hunt.yara import load as loading
from dwell.hunt.yara.condition import NotForRecordsError, question_of
from dwell.hunt.yara.licence import licence_in, licence_of
from dwell.hunt.yara.load import YaraRules, load_yara
from dwell.hunt.yara.syntax import blanked, cut
from dwell.model.claims import RuleStatus

pytest.importorskip("yara_x", reason="yara-x has no wheel for this machine")


def loaded(folder: Path, files: Mapping[str, str], *accepted: str) -> YaraRules:
    """Write rule files and load them."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return load_yara([folder], accepted)


def ended(rules: YaraRules) -> dict[str, tuple[RuleStatus, str]]:
    """Give how the rules ended that are put to nothing."""
    return {one.rule_id: (one.status, one.reason) for one in rules.ended}


def names(rules: YaraRules) -> list[str]:
    """Give the rules that can be put to something."""
    return [one.info.title for one in rules.rules]


def test_a_source_is_cut_into_rules_whatever_its_words_hold() -> None:
    text = r"""// head: rule no { }
    import "pe"
    private global rule one : a b { meta: author = "x } rule y \" {" n = 3
      strings: $a = "rule z { }" // }
        $h = { 61 /* } */ 62 ( 63 | 64 ) } $re = /[{}"]\/x/ nocase
        $ = "anonymous"
      condition: $a and #h > 1 and 10 \ 2 == 5 and any of them }
    rule two { condition: one }
    """
    found = cut(text)
    assert [(one.name, one.line, one.private, one.is_global, one.tags) for one in found.rules] == [
        ("one", 3, True, True, ("a", "b")),
        ("two", 8, False, False, ()),
    ]
    assert found.rules[0].meta == {"author": 'x } rule y " {', "n": "3"}
    assert found.imports == ["pe"]
    assert found.head == "// head: rule no { }"
    assert text[found.rules[1].start : found.rules[1].end] == "rule two { condition: one }"


def test_a_rule_that_is_never_closed_takes_no_other_with_it() -> None:
    assert [one.name for one in cut("rule a { condition: true\nrule b { condition: true }").rules] == ["a", "b"]


@given(st.text(alphabet='rule a{}:"/*\\$=\n#condition strings', max_size=300))
def test_any_text_is_cut_without_a_fault_and_blanking_keeps_its_lines(text: str) -> None:
    found = cut(text)
    bare = blanked(text, [(one.start, one.end) for one in found.rules])
    assert len(bare) == len(text)
    assert [at for at, one in enumerate(text) if one == "\n"] == [at for at, one in enumerate(bare) if one == "\n"]


@pytest.mark.parametrize(
    "text", ["= {" * 200_000, "/*" * 200_000, '"""' * 100_001, "rule a { strings: $a = {" * 50_000]
)
def test_a_source_made_to_be_slow_is_cut_in_a_moment(text: str) -> None:
    assert len(cut(text).rules) <= 50_000


def test_a_bad_rule_is_told_with_file_and_line_and_the_others_stay(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        {
            "a.yar": 'rule good { strings: $a="x" condition: $a }\nrule bad {\n strings: $a="x"\n condition: $c }\n'
            "rule rests { condition: bad }",
            "b.yar": "rule other { condition: true }",
            "c.yar": "rule open { condition: true\nrule closed { condition: true }",
        },
    )
    assert names(found) == ["good", "other", "closed"]
    told = ended(found)
    assert told["yara:bad"][0] is RuleStatus.INVALID
    assert "line 4: unknown pattern `$c`" in told["yara:bad"][1]
    assert told["yara:rests"] == (RuleStatus.INVALID, "it rests on the rule 'bad', which is invalid")
    assert told["yara:open"][0] is RuleStatus.INVALID
    assert [one.partition(": ")[0] for one in found.faults] == ["a.yar:4", "c.yar:2"]
    assert len(found.rules) + len(found.ended) == 6


def test_a_file_that_is_no_rule_file_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "broken.yar").write_bytes(b"rule a \xff")
    (tmp_path / "words.yar").write_text("what is this", encoding="utf-8")
    deep = f"rule deep {{ condition: {'(' * 900}true{')' * 900} }}"
    found = loaded(tmp_path, {"deep.yar": deep, "good.yar": "rule good { condition: true }"})
    assert names(found) == ["good"]
    assert [one.partition(": ")[0] for one in sorted(found.faults)] == ["broken.yar", "deep.yar:1", "words.yar:1"]


def test_includes_stay_within_the_folder_and_are_compiled_once(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("password", encoding="utf-8")
    rules = tmp_path / "rules"
    found = loaded(
        rules,
        {
            "index.yar": 'include "sub/base.yar"\ninclude "sub/more.yar"\nrule uses { condition: base and more }',
            "sub/base.yar": "rule base { condition: true }",
            "sub/more.yar": 'include "../index.yar"\ninclude "base.yar"\nrule more { condition: base }',
            "out.yar": '\ninclude "../secret.txt"\nrule never { condition: true }',
            "far.yar": f'include "{tmp_path}/secret.txt"\nrule far {{ condition: true }}',
            "gone.yar": 'include "gone.inc"\nrule gone { condition: true }',
        },
    )
    assert sorted(names(found)) == ["base", "more", "uses"]
    told = ended(found)
    assert told["yara:never"][0] is RuleStatus.REFUSED
    assert told["yara:far"][0] is RuleStatus.REFUSED
    assert told["yara:gone"][0] is RuleStatus.INVALID
    assert "out.yar:2: includes '../secret.txt', which lies outside the folder that was given" in found.faults
    assert "password" not in repr(found)


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside.yar").write_text("rule outside { condition: true }", encoding="utf-8")
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "link.yar").symlink_to(tmp_path / "outside.yar")
    found = loaded(rules, {"a.yar": 'include "link.yar"\nrule a { condition: outside }'})
    assert names(found) == []
    assert ended(found)["yara:a"][0] is RuleStatus.REFUSED


@pytest.mark.parametrize(
    ("text", "name", "free"),
    [
        ("https://creativecommons.org/licenses/by-nc/4.0/", "CC BY-NC", False),
        ("Creative Commons Attribution-NonCommercial 4.0", "CC BY-NC", False),
        ("for noncommercial use", "non-commercial", False),
        ("may not be used in any commercial product", "non-commercial", False),
        ("Elastic License v2", "Elastic License", False),
        ("Detection Rule License 1.1 https://github.com/Neo23x0/signature-base", "DRL 1.1", True),
        ("CC BY-SA 4.0", "CC BY-SA", True),
        ("Apache License 2.0", "Apache-2.0", True),
        ("BSD 2-Clause", "BSD", True),
        ("GPL-3.0", "GPL", True),
        ("house rules of ACME", "house rules of ACME", False),
        ("", "", True),
    ],
)
def test_licences_are_known_by_their_names(text: str, name: str, *, free: bool) -> None:
    found = licence_of(text, "metadata")
    assert (found.name, found.free) == (name, free)


def test_a_comment_that_names_no_licence_says_nothing() -> None:
    assert licence_in("// This rule set was made with care. See the LICENSE file.").name == ""
    assert licence_in("/*\n * Licence: CC BY-NC-SA 4.0\n */").name == "CC BY-NC"


def test_licences_are_read_in_order_and_refused_until_accepted(tmp_path: Path) -> None:
    files = {
        "head/a.yar": "/* licence: CC BY-NC 4.0 */\nrule head { condition: true }",
        "head/b.yar": '/* licence: CC BY-NC 4.0 */\nrule own { meta: license = "MIT" condition: true }',
        "beside/LICENSE.txt": "Elastic License 2.0\n...",
        "beside/deep/c.yar": "rule beside { condition: true }\nrule rests { condition: beside }",
        "free/LICENSE": "Detection Rule License (DRL) 1.1",
        "free/d.yar": 'rule free { meta: author = "A" condition: true }',
        "odd/e.yar": 'rule odd { meta: licence = "ask me" condition: true }',
        "none.yar": "rule unsaid { condition: true }",
    }
    found = loaded(tmp_path, files)
    licences = {one.info.title: one.info.licence for one in found.rules}
    assert licences == {"own": "MIT", "free": "DRL 1.1", "unsaid": ""}
    told = ended(found)
    assert {one: told[one][0] for one in told} == dict.fromkeys(
        ("yara:head", "yara:beside", "yara:rests", "yara:odd"), RuleStatus.REFUSED
    )
    assert "--accept-licence 'Elastic License'" in told["yara:beside"][1]
    assert "by LICENSE.txt" in told["yara:beside"][1]
    assert found.faults == ()
    accepted = loaded(tmp_path, files, "cc by-nc", "Elastic License", "ask me")
    assert not accepted.ended
    assert {one.info.title for one in accepted.rules} == {*licences, "head", "beside", "rests", "odd"}


def test_what_is_not_done_is_unsupported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "STRINGS_MAX", 2)
    found = loaded(
        tmp_path,
        {
            "a.yar": 'import "time"\nrule clock { condition: time.now() > 1 }\nrule good { condition: true }',
            "b.yar": 'rule many { strings: $a="a" $b="b" $c="c" condition: any of them }',
            "c.yar": 'import "magic"\nrule magic { condition: true }',
        },
    )
    assert names(found) == ["good"]
    told = ended(found)
    assert told["yara:clock"][0] is RuleStatus.UNSUPPORTED
    assert told["yara:many"][0] is RuleStatus.UNSUPPORTED
    assert told["yara:magic"][0] is RuleStatus.INVALID


def test_rules_of_one_name_keep_ids_of_their_own(tmp_path: Path) -> None:
    found = loaded(tmp_path, dict.fromkeys(("a.yar", "b.yar", "c.yar"), "rule same { condition: true }"))
    assert sorted(one.info.id for one in found.rules) == ["yara:same", "yara:same@b.yar", "yara:same@c.yar"]
    twice = loaded(tmp_path / "twice", {"a.yar": "rule x { condition: true }\nrule x { condition: false }"})
    assert [one.info.id for one in twice.rules] == ["yara:x"]
    assert [one.status for one in twice.ended] == [RuleStatus.INVALID]


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("$a and filesize < 1MB", "`filesize`, which is of a whole file"),
        ("uint16(0) == 0x5a4d and $a", "`uint16`, which is of a whole file"),
        ("$a at 0", "`at`, which is of a whole file"),
        ("$a in (0..100)", "`in`, which is of a whole file"),
        ("pe.is_pe and $a", "`pe`"),
        ("for any of them : ( # > 2 )", "`for`"),
        ("@a[1] > 10", "`@a`"),
        ("not $a", "none of its strings"),
        ("none of them", "none of its strings"),
        ("#a < 3", "none of its strings"),
        ("$c", "none of its strings"),
        ("true", "none of its strings"),
    ],
)
def test_what_is_about_a_whole_file_is_put_to_no_record(condition: str, why: str) -> None:
    rule = cut(f'rule x {{ strings: $a = "a" $b = "b" condition: {condition} }}').rules[0]
    with pytest.raises(NotForRecordsError, match=why):
        question_of(rule)


def test_an_expression_tied_to_the_ends_of_a_file_is_put_to_no_record() -> None:
    for text, tied in ((r"/^GET/", True), (r"/a$/", True), (r"/[^a]\$x/", False)):
        rule = cut(f"rule x {{ strings: $a = {text} condition: $a }}").rules[0]
        if tied:
            with pytest.raises(NotForRecordsError, match="tied"):
                question_of(rule)
        else:
            assert question_of(rule).op == "of"
