"""Evidence made by hand, brought the whole way: from files through the command line to the answers that a user reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.scope.staged import written

from dwell.cli.main import main

__all__ = ["SOOTHING", "Whole", "answered", "by_day", "investigated"]

SOOTHING = re.compile(
    r"\b(?:clean\w*|safe\w*|secure[dr]?|nothing suspicious|not compromised|no compromise|all clear)\b", re.IGNORECASE
)
QUESTIONS = ("entry", "foothold", "mailboxes", "reach", "intrusions", "eviction", "blindspots")


@dataclass(frozen=True, slots=True)
class Whole:
    """What an investigation gave.

    Attributes:
        code: the exit code.
        summary: the JSON summary that stands beside the report.
        text: the answers for a terminal.
        case: the case folder.
        evidence: the folder of the evidence.
    """

    code: int
    summary: dict[str, Any]
    text: str
    case: Path
    evidence: Path

    def verdict(self, question: str) -> str:
        found = self.summary["answers"][question]["verdict"]
        assert isinstance(found, str)
        return found

    def claims(self, question: str, *words: str) -> list[dict[str, Any]]:
        """Give the statements on a question that hold all of some words."""
        found = [one for one in self.summary["claims"] if one["question"] == question]
        return [one for one in found if all(word in one["text"] for word in words)]

    def grades(self) -> dict[str, str]:
        return {one["mailbox"]: one["grade"] for one in self.summary["mailboxes"]}

    def checks(self) -> dict[str, str]:
        return {one["key"]: one["status"] for one in self.summary["eviction"]}


def investigated(root: Path, files: Mapping[str, str | bytes], *options: object) -> Whole:
    """Investigate evidence, by the command line."""
    evidence, case, said = written(root / "evidence", files), root / "case", root / "answers.txt"
    code = _run("investigate", evidence, "-c", case, "-q", "--workers", "1", "-o", said, *options)
    assert code in {0, 11}
    return _whole(code, case, evidence, said)


def answered(before: Whole, *words: object) -> Whole:
    """Say something of the case on the command line, without being asked, and answer again."""
    root, summary = before.case.parent, before.case / "report" / "summary.json"
    quiet: tuple[object, ...] = ("-c", before.case, "-q", "--workers", "1", "--force", "-o")
    assert _run(*words, *quiet, root / "said.txt", "--yes") == 0
    code = _run("answers", *quiet, root / "answers.txt")
    assert _run("report", *quiet, summary, "-t", "json") == 0
    return _whole(code, before.case, before.evidence, root / "answers.txt")


def _run(*words: object) -> int:
    return main([str(one) for one in words])


def _whole(code: int, case: Path, evidence: Path, said: Path) -> Whole:
    summary = json.loads((case / "report" / "summary.json").read_text(encoding="utf-8"))
    found = Whole(code, summary, said.read_text(encoding="utf-8"), case, evidence)
    _honest(found)
    return found


def _honest(found: Whole) -> None:
    """Check what must hold of any answers: none is missing, none soothes, no negative lacks its coverage."""
    assert tuple(found.summary["answers"]) == QUESTIONS
    assert not SOOTHING.search(found.text), found.text
    known = {one["id"]: one for one in found.summary["claims"]}
    for answer in found.summary["answers"].values():
        assert answer["verdict"].endswith(".")
        assert set(answer["claims"]) <= set(known)
    for one in known.values():
        if one["grade"] == "no-sign":
            assert one["coverage_detail"]["hours_able"] > 0, one["text"]
            assert re.search(r"\d+(?:\.\d+)? %", one["text"]), one["text"]
        if one["grade"] == "inferred":
            assert one["against"], one["text"]
    for one in found.summary["mailboxes"]:
        assert one["grade"] != "no-sign" or one["coverage_detail"]["hours_able"] > 0
        assert not one["intrusions"] or one["grounds"], one["mailbox"]
    for one in found.summary["eviction"]:
        assert one["status"] != "pass" or one["looked"] or one["coverage"] or one["extent"], one["check"]


def by_day(rows: Sequence[Mapping[str, object]]) -> dict[str, list[Mapping[str, object]]]:
    """Put requests apart by their day."""
    out: dict[str, list[Mapping[str, object]]] = {}
    for one in rows:
        out.setdefault(str(one["at"])[:10], []).append(one)
    return dict(sorted(out.items()))
