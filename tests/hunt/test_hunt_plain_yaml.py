"""Rule files read the short way hold what they hold the careful way; what is not plain is left to that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dwell.hunt.sigma import files
from dwell.hunt.sigma.files import DEPTH_MAX, NODES_MAX, BadFileError, documents, rule_files
from dwell.hunt.sigma.loaded import PACK
from dwell.hunt.sigma.plain_yaml import plain_documents


def plain(text: str) -> list[tuple[Any, int, int]] | None:
    return plain_documents(text, depth_max=DEPTH_MAX, nodes_max=NODES_MAX)


def careful(text: str) -> list[tuple[str, int, files.Lines]]:
    """Give contents, as Python writes them, with lines."""
    return [(repr(one.content), one.line, one.lines) for one in files._parsed(text)]


def told(text: str) -> list[tuple[str, int, files.Lines]]:
    found = plain(text)
    assert found is not None
    return [(repr(held), line, files._lines_in(text, number)) for held, line, number in found]


RULE = """\
title: x
date: 2021-03-02
modified: 2021-03-02 04:05:06
logsource:
  category: webserver
detection:
  s:
    a|contains:
    - 'yes'
    - no
    - "\\u00e9\\n"
    - 0x1F
    - 1_000
    - 1.5e3
    - .inf
    - ~
    -
    - 0o17
    - 12:30:45
    - "12"
    b: {c: [1, two, {d: }], e: ''}
    f: >-
      folded
      text
    g: |
      kept

  t: [a, [b]]
  condition: s and not t
falsepositives: [Unknown]
"""


@pytest.mark.parametrize(
    "text",
    [
        RULE,
        RULE + "---\n" + RULE + "...\n---\n---\ntitle: y\n",
        "# nothing\n",
        "",
        "---\n~\n---\nfilter:\n  rules: any\n  s: {a: 1}\n",
        "%YAML 1.1\n---\ncorrelation:\n  type: event_count\n  rules: [a, b]\n  group-by:\n  - c\n",
        "a: '*'\nb: \"&x\"\nc: x & y * z\n",
    ],
)
def test_a_plain_file_holds_the_same_both_ways(text: str) -> None:
    assert told(text) == careful(text)


def test_our_own_rules_are_plain_and_hold_the_same_both_ways() -> None:
    for path in rule_files(PACK):
        text = path.read_text(encoding="utf-8")
        assert told(text) == careful(text), path


def test_published_rules_hold_the_same_both_ways(shared_data: Path) -> None:
    texts = [one.read_text(encoding="utf-8-sig") for one in rule_files(shared_data / "sigma")[::25]]
    assert len(texts) > 100
    for text in texts:
        assert told(text) == careful(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\nb: *x\n",
        "a: &x [1]\n",
        "a: !!str 1\n",
        "a: ! b\n",
        "a: {<<: {b: 1}}\n",
        "a: =\n",
        "a: 1\na: 2\n",
        "a: {b: 1, 'b': 2}\n",
        "1: a\n",
        "? [a]\n: b\n",
        "? {a: b}\n: c\n",
        "- a\n",
        "just text\n",
        "a: 2021-02-31\n",
        "a: [1\n",
        "a: b: c\n",
        "a: " + "[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1) + "\n",
        "a: [" + "x," * NODES_MAX + "]\n",
        "a: 1\n---\n- b\n",
        "a: \x01\n",
        "a: [" * 5_000,
    ],
)
def test_what_is_not_plain_is_left_to_the_careful_way(text: str) -> None:
    assert plain(text) is None


def test_what_is_not_plain_is_read_or_refused_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text("a: &x {b: 1}\nc: *x\n", encoding="utf-8")
    assert [one.content for one in documents(path)] == [{"a": {"b": 1}, "c": {"b": 1}}]
    path.write_text("a: 1\n---\nb: 1\nb: 2\n", encoding="utf-8")
    found = documents(path)
    assert next(found).content == {"a": 1}
    with pytest.raises(BadFileError, match="line 4: the key 'b' stands there twice"):
        next(found)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.dates(), st.text(max_size=12)
)
VALUES = st.recursive(
    SCALARS,
    lambda one: st.lists(one, max_size=4) | st.dictionaries(st.text(max_size=6), one, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.text(max_size=8), VALUES, max_size=5), max_size=3), st.booleans())
def test_whatever_is_written_as_yaml_holds_the_same_both_ways(whole: list[Any], flow: bool) -> None:
    text = yaml.safe_dump_all(whole, default_flow_style=flow, allow_unicode=True)
    if plain(text) is not None:
        assert told(text) == careful(text)


@given(st.text(alphabet="ab:-?[]{},&*!|>'\"%#=<~ 01\n\t", max_size=40))
def test_whatever_is_read_the_short_way_holds_the_same_the_careful_way(text: str) -> None:
    if plain(text) is not None:
        assert told(text) == careful(text)
