"""What a log did not record on some days is told wherever rules are told, from the raw log to every form of output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dwell.cli.main import main

if TYPE_CHECKING:
    from tests.cli.conftest import Dwell

RULE = """
title: one agent
id: 10000000-0000-4000-8000-000000000001
logsource: {category: webserver, product: windows}
detection:
    s: {cs-user-agent: Evil}
    condition: s
"""
WITH = "#Fields: date time s-ip cs-method cs-uri-stem cs-username c-ip cs(User-Agent) sc-status"
WITHOUT = WITH.replace(" cs(User-Agent)", "")


def lines(day: int, agent: str | None, number: int = 3) -> list[str]:
    told = "" if agent is None else f" {agent}"
    return [f"2021-03-{day:02} 08:00:{one:02} 192.0.2.1 GET /owa/ - 198.51.100.7{told} 200" for one in range(number)]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("days")
    logs = folder / "evidence" / "EX01" / "inetpub" / "logs" / "LogFiles" / "W3SVC1"
    logs.mkdir(parents=True)
    weekly = [WITH, *lines(1, "Mozilla"), *lines(2, "-"), WITHOUT, *lines(3, None), *lines(4, None)]
    weekly += [WITH, *lines(5, "Mozilla")]
    (logs / "u_ex21030101.log").write_text("\n".join(weekly) + "\n", encoding="utf-8")
    (logs / "u_ex210308.log").write_text("\n".join([WITH, *lines(8, "Mozilla")]) + "\n", encoding="utf-8")
    (folder / "rules").mkdir()
    (folder / "rules" / "one.yml").write_text(RULE, encoding="utf-8")
    made = folder / "case"
    words = [
        "investigate",
        f"{folder / 'evidence'}",
        "-c",
        f"{made}",
        "--rules",
        f"{folder / 'rules'}",
        "--workers",
        "1",
    ]
    assert main([*words, "-q", "-o", f"{folder / 'answers.txt'}"]) == 0
    return made


UNRECORDED = {
    "host": "EX01",
    "first_day": "2021-03-03",
    "last_day": "2021-03-04",
    "why": "not-recorded",
    "what": "not recorded: cs-user-agent",
}
UNHELD = {
    "host": "EX01",
    "first_day": "2021-03-06",
    "last_day": "2021-03-07",
    "why": "not-held",
    "what": "no record of IIS logs is held",
}


def test_a_hunt_tells_the_days_in_full_as_json_and_in_short_as_text(dwell: Dwell, case: Path) -> None:
    whole = json.loads(dwell("hunt", "-c", case, "-t", "json", "-q").out)
    (mine,) = (one for one in whole["rules"] if one["title"] == "one agent")
    assert (mine["status"], mine["blind_days"], mine["blind_days_total"]) == ("partly-blind", [UNRECORDED, UNHELD], 2)
    text = dwell("hunt", "-c", case, "-q").out
    assert "partly-blind: on some days not recorded: cs-user-agent (EX01 2021-03-03 to 2021-03-04)" in text
    assert "that ran had nothing to look at on some days" in text
    assert "EX01 2021-03-06 to 2021-03-07 (no record of IIS logs is held)" in text


def test_a_rule_explained_tells_its_days(dwell: Dwell, case: Path) -> None:
    path = case.parent / "rules" / "one.yml"
    (told,) = json.loads(dwell("rules", "explain", path, "-c", case, "-t", "json").out)
    assert (told["blind_days"], told["blind_days_total"]) == ([UNRECORDED, UNHELD], 2)
    text = dwell("rules", "explain", path, "-c", case).out
    assert "could not be met: EX01 2021-03-03 to 2021-03-04: not recorded: cs-user-agent" in text
    (alone,) = json.loads(dwell("rules", "explain", path, "-t", "json").out)
    assert (alone["blind_days"], alone["blind_days_total"]) == (None, None)


def test_the_last_question_tells_them(dwell: Dwell, case: Path) -> None:
    told = json.loads(dwell("answers", "-c", case, "-t", "json", "-q").out)
    texts = [one["text"] for one in told["claims"] if one["question"] == "blindspots"]
    assert any("not recorded: cs-user-agent (EX01 2021-03-03 to 2021-03-04)" in one for one in texts)
    (mine,) = (one for one in texts if "had nothing to look at on some days" in one)
    assert "EX01 2021-03-06 to 2021-03-07 (no record of IIS logs is held)" in mine
    (rule,) = (one for one in told["rules"] if one["title"] == "one agent")
    assert rule["blind_days"] == [UNRECORDED, UNHELD]
