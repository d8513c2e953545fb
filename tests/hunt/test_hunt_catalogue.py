"""The detection catalogue: every entry says what looks for it, or why nothing does."""

from __future__ import annotations

import re
from pathlib import Path

import dwell
from dwell.hunt.checks.catalogue import catalogue
from dwell.hunt.checks.registry import CHECKS
from dwell.hunt.sigma.load import load

PACKAGE = Path(dwell.__file__).parent


def test_every_entry_says_what_looks_for_it_or_why_nothing_does() -> None:
    found = catalogue(load().infos.values())
    assert len(found) == len({one.key for one in found}) >= 69
    for one in found:
        assert one.title
        assert one.rules or one.checks or one.parts or one.lacks, one.key
        assert all((PACKAGE / name).is_file() for name in one.parts), one.key


def test_every_rule_and_check_is_in_the_catalogue() -> None:
    infos = load().infos
    found = catalogue(infos.values())
    assert sorted(name for one in found for name in one.rules) == sorted(one.path for one in infos.values())
    assert {name for one in found for name in one.checks} == {one.key for one in CHECKS}
    assert {key for one in CHECKS for key in one.catalogue} <= {one.key for one in found}


def test_the_catalogue_that_the_rules_were_written_from_has_no_further_entry(shared_data: Path) -> None:
    text = (shared_data.parent / "detections.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| ((?:EX|WS|IM|TA|OS|MB|CR|LM|ST|EF|AF)-\d\d) \|", text, re.MULTILINE)
    assert [one.key for one in catalogue(())] == named
