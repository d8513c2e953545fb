"""What can we not know: instants that rest on a zone nobody gave."""

from __future__ import annotations

from pathlib import Path

from dwell import api
from dwell.model.claims import Question

_LOG = "192.0.2.1, -, 10/31/2021, 2:30:00, W3SVC1, EX01, 10.0.0.1, 15, 200, 300, 200, 0, GET, /owa/, -,\r\n"


def _told(root: Path, zones: list[str]) -> list[str]:
    (root / "evidence").mkdir(parents=True)
    (root / "evidence" / "in211031.log").write_text(_LOG)
    api.ingest(root / "case", [root / "evidence"], zones=zones, workers=1)
    found = api.answers(root / "case", workers=1).summary
    return [one.text for one in found.claims if one.question is Question.BLINDSPOTS and "iis_native" in one.text]


def test_local_times_are_told_with_how_they_were_read(tmp_path: Path) -> None:
    (assumed,) = _told(tmp_path / "none", [])
    assert "1 record: local time without a zone, read as UTC" in assumed
    given, doubt = _told(tmp_path / "given", ["*=Europe/Brussels"])
    assert given.endswith("1 record: local time, read in Europe/Brussels as given.")
    assert doubt.endswith(
        "1 record: the clock showed this time twice: the earlier instant is taken, uncertain by 60 minutes."
    )
