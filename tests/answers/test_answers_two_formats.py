"""What can we not know: logs that stand behind another log in one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dwell import api
from dwell.model.claims import Question

_GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "sources"


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        (
            "iis/an_exchange_log_behind",
            "x.log: another format begins at line 10, likely 'HttpProxy Logs'",
        ),
        (
            "httpproxy/an_iis_log_behind",
            "x.log: another format begins at line 7, likely a W3C log, as IIS writes it",
        ),
    ],
)
def test_a_second_format_in_one_file_is_told_with_its_line(tmp_path: Path, sample: str, told: str) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "x.log").write_bytes((_GOLDEN / f"{sample}.in").read_bytes())
    (tmp_path / "evidence" / "y.log").write_bytes((_GOLDEN / "iis" / "plain.in").read_bytes())
    api.ingest(tmp_path / "case", [tmp_path / "evidence"], workers=1)
    found = api.answers(tmp_path / "case", workers=1).summary
    (claim,) = [one.text for one in found.claims if "another format" in one.text]
    assert claim.startswith(told)
    assert claim.endswith("Lines of it are kept and are no records.")
    assert [one.question for one in found.claims if one.text == claim] == [Question.BLINDSPOTS]
