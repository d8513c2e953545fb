"""Published rules on real events: the same records as the slow reading gives, and every rule accounted for.

This is a sample; `field/judge.py` takes all rules and all events.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.hunt.judged import documents_of, explained, judge
from tests.hunt.slow_sources import EVENTS, JUDGED, OTHERS, WINDOWS, kinds_of, source_key

from dwell.casebook.case import Case
from dwell.hunt.sigma.load import load
from dwell.hunt.sigma.logsources import where_of
from dwell.intake.ingest import ingest, open_archive
from dwell.model.claims import RuleStatus

EVIDENCE = ("iis", "m365/det-eng", "evtx/attack-samples/Persistence", "evtx/attack-samples/Credential Access")
EVERY = 12


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


def test_a_judgement_goes_on_from_what_the_slow_reading_said(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    for day, asked in ((1, "/shell.aspx"), (2, "/owa/")):
        (tmp_path / "logs" / f"u_ex21030{day}.log").write_text(
            "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status\n"
            f"2021-03-0{day} 10:00:00 192.0.2.1 POST {asked} - 443 - 198.51.100.7 curl 200\n"
        )
    rule = tmp_path / "rule.yml"
    rule.write_text(
        "title: A page\nid: 5f3d2a52-8f9c-4f0e-9d7c-0d5a2f6c1b11\nlogsource: {category: webserver}\n"
        "detection: {page: {cs-uri-stem|endswith: shell.aspx}, condition: page}\n"
    )
    case = Case.create(tmp_path / "case")
    ingest(case, [tmp_path / "logs" / "u_ex210301.log"], workers=1)
    ingest(case, [tmp_path / "logs" / "u_ex210302.log"], workers=1)
    loaded = load([rule], pack=False).rules
    documents, kept = documents_of([rule], frozenset({loaded.rules[0].info.id})), tmp_path / "kept"
    kept.mkdir()
    answers = iter([True, False])
    part = judge(open_archive(case), loaded, documents, lambda _: None, kept, lambda: next(answers))
    assert (part.pairs, part.left) == (1, 1)
    answers = iter([True])
    whole = judge(open_archive(case), loaded, documents, lambda _: None, kept, lambda: next(answers))
    assert (whole.pairs, whole.met, whole.left, whole.differences) == (2, 1, 0, [])
    for one in kept.iterdir():
        one.write_text('{"pairs": 1, "events": 1, "met": []}')
    changed = judge(open_archive(case), loaded, documents, lambda _: None, kept, lambda: False)
    assert [one.ours for one in changed.differences] == [True]


@pytest.mark.parametrize("source", WINDOWS, ids=lambda one: one.get("service") or one["category"])
def test_a_log_source_of_windows_means_the_events_that_its_makers_document(source: Mapping[str, str]) -> None:
    wheres = where_of(*source_key(source)) or ()
    kinds = kinds_of(source)
    for channel, number in EVENTS:
        ours = any(
            channel in one.channels and (not one.event_ids or number in one.event_ids) and number not in one.other_ids
            for one in wheres
        )
        # 4657 tells in its data whether a value was set or deleted
        told = [{"EventData": [("OperationType", one)]} for one in ("%%1904", "%%1906")]
        rows = [{"Channel": channel, "EventID": number, **one} for one in told]
        assert ours == any(one.is_one(row) for one in kinds for row in rows), (channel, number)


@pytest.mark.parametrize("source", OTHERS, ids=lambda one: "-".join(filter(None, one.values())))
def test_a_log_source_means_the_tables_that_the_manual_says(source: Mapping[str, str]) -> None:
    wheres = where_of(*source_key(source)) or ()
    assert {one.table for one in wheres} & set(JUDGED) == {one.table for one in kinds_of(source)}


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
