"""Published rules on real events: the same records as the slow reading gives, and every rule accounted for.

This is a sample; `field/judge.py` takes all rules and all events.
"""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from tests.hunt.judged import documents_of, explained, judge

from dwell.casebook.case import Case
from dwell.hunt.sigma.load import load
from dwell.intake.ingest import ingest, open_archive
from dwell.model.claims import RuleStatus

EVIDENCE = ("iis", "m365/det-eng", "evtx/attack-samples/Persistence", "evtx/attack-samples/Credential Access")
EVERY = 8


@pytest.mark.slow
def test_a_sample_of_published_rules_meets_the_same_real_events(shared_data: Path, tmp_path: Path) -> None:
    case = Case.create(tmp_path / "case")
    ingest(case, [shared_data / one for one in EVIDENCE if (shared_data / one).exists()], workers=1)
    paths = sorted((shared_data / "sigma").rglob("*.yml"))[::EVERY]
    loaded = load(paths, pack=False).rules
    found = judge(
        open_archive(case),
        loaded,
        documents_of(paths, frozenset(one.info.id for one in loaded.rules)),
        lambda _: None,
    )
    assert [one for one in found.differences if one.rule_id not in explained()] == []
    assert found.pairs > 50_000
    assert found.met > 10
    assert found.rules > 5


@pytest.mark.slow
def test_every_published_rule_is_accounted_for(shared_data: Path) -> None:
    written = len(list((shared_data / "sigma").rglob("*.yml")))
    loaded = load([shared_data / "sigma"], pack=False)
    assert len(loaded.rules.rules) + len(loaded.ended) == written
    assert len(loaded.infos) == written
    counts = {status: sum(one.status is status for one in loaded.ended) for status in RuleStatus}
    assert counts[RuleStatus.UNSUPPORTED] <= 5
    assert counts[RuleStatus.INVALID] == 0
    assert counts[RuleStatus.RAN] == 0


def test_every_explained_difference_names_a_rule_and_says_why() -> None:
    for name, reason in explained().items():
        assert str(uuid.UUID(name)) == name
        assert len(reason) > 20
