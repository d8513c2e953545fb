"""Exercises in a tenant, small, brought the whole way: what is found, what cannot be told, and who is left alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dwell import api
from dwell.drill import DrillPlan, scenario, score, write_drill
from dwell.report.summary_json import summary_dict

FIRST, LAST = datetime(2020, 10, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC)


def _investigated(name: str, root: Path, network: str = "changing") -> tuple[dict[str, Any], dict[str, Any]]:
    plan = DrillPlan(1, 60, FIRST, LAST, replace(scenario(name), network=network))
    truth = write_drill(root / "evidence", root / "truth.json", plan)
    api.ingest(root / "case", [root / "evidence"], workers=1)
    api.hunt(root / "case", workers=1)
    return summary_dict(api.answers(root / "case", workers=1).summary), truth


def test_an_application_that_owners_consented_to_is_found_and_others_are_not(tmp_path: Path) -> None:
    summary, truth = _investigated("cloud-consent", tmp_path, network="one")
    result = score(summary, truth)
    assert (result.quiet_found, result.innocent_exposed) == (result.quiet_planted, ())
    assert dict(result.first_error_days)["quiet"] == 0
    (intrusion,) = summary["intrusions"]
    assert intrusion["entry"] == ["consent to the application Mail Insights (T1528)"]
    grades = {one["mailbox"]: one["grade"] for one in summary["mailboxes"]}
    (actor,) = truth["intruders"]
    assert {grades[one] for one in actor["mailboxes"]} == {"named"}


def test_a_mailbox_that_was_not_audited_is_undeterminable(tmp_path: Path) -> None:
    summary, truth = _investigated("cloud-mailboxes-unaudited", tmp_path)
    grades = {one["mailbox"]: one["grade"] for one in summary["mailboxes"]}
    (actor,) = truth["intruders"]
    dark = set(truth["unrecorded"])
    assert Counter(grades[one] for one in dark) == {"undeterminable": len(dark)}
    assert {grades[one] for one in set(actor["mailboxes"]) - dark} == {"named"}
    assert dark - set(actor["mailboxes"])
    (claim,) = [one for one in summary["claims"] if one["question"] == "mailboxes" and one["grade"] == "unknown"]
    assert any("was switched off by adm-cloud@ministry.example" in one for one in claim["against"])
    others = set(truth["mailboxes"]) - dark - set(actor["mailboxes"])
    by_apps = {
        one["mailbox"]
        for one in summary["mailboxes"]
        if any(text.startswith("the application ") for text in one["assumptions"])
    }
    assert {grades[one] for one in others & by_apps} == {"undeterminable"}
    assert {grades[one] for one in others - by_apps} == {"no-sign"}


def test_what_an_application_read_that_is_laid_to_nobody_is_never_without_a_sign(tmp_path: Path) -> None:
    summary, truth = _investigated("cloud-consent", tmp_path, network="changing")
    (actor,) = truth["intruders"]
    grades = {one["mailbox"]: one["grade"] for one in summary["mailboxes"]}
    assert summary["intrusions"] == []
    assert {grades[one] for one in actor["mailboxes"]} == {"undeterminable"}
    assert "no-sign" in grades.values()
