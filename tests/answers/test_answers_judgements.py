"""What judgements rest on: every kind is whole, every kind is used, and every statement of a case carries its own."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from tests.answers.test_answers_exposure import evidence
from tests.scope.office import facts, reasoned
from tests.scope.staged import stage

from dwell.answers.assemble import assemble
from dwell.answers.judgements import judgement, kinds
from dwell.model.claims import JUDGED, ClaimGrade
from dwell.model.estimates import Estimate


def test_every_statement_that_no_record_makes_says_what_it_assumes_and_what_would_change_it(tmp_path: Path) -> None:
    staged = stage(tmp_path, evidence())
    claims = assemble(reasoned(staged), facts(staged)).claims
    judged = [one for one in claims if one.grade in JUDGED]
    assert {one.grade for one in judged} >= {ClaimGrade.INFERRED, ClaimGrade.NO_SIGN}
    for one in judged:
        assert one.assumptions
        assert one.would_change
    for one in claims:
        assert one.grade in JUDGED or one.estimate is None
    words = {one.estimate for one in judged if one.text.startswith(("I1:", "I2:"))}
    assert words <= {Estimate.LIKELY, Estimate.VERY_LIKELY, Estimate.ALMOST_CERTAIN}
    assert None not in words


def test_every_kind_is_used_somewhere_and_every_use_is_a_kind() -> None:
    code = "".join(one.read_text("utf-8") for one in Path(str(resources.files("dwell.answers"))).rglob("*.py"))
    used = set(re.findall(r'\bon="([a-z-]+)"', code)) | set(re.findall(r'return "(intrusion-[a-z]+)"', code))
    used |= set(re.findall(r'else "(intrusion-[a-z]+)"', code)) | {"person"}
    assert used == set(kinds())


def test_how_likely_it_is_that_a_person_is_right_is_not_said() -> None:
    found = judgement("intrusion-joined", by_person=True)
    assert found.estimate is None
    assert found.assumptions[0] == "what a person said holds"
    assert judgement("intrusion-joined").estimate is Estimate.VERY_LIKELY


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        judgement("guess")
