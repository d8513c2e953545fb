"""`dwell power`: the figures in every form, the answers refer to them, and the archive is what it was."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from pathlib import Path

from tests.cli.conftest import Dwell


def _hash(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_power_leaves_the_archive_as_it_was_and_the_answers_refer_to_it(
    dwell: Dwell, investigated: Path, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    shutil.copytree(investigated, case)
    before, asked = _hash(case / "archive"), dwell("answers", "-c", case, "-t", "json", "-q").out
    assert "planted" not in json.loads(asked)["settings"]
    some = dwell("power", "-c", case, "--plantings", "1", "--kind", "obvious", "-t", "json", "-q")
    assert some.code == 0
    assert [one["kind"] for one in json.loads(some.out)] == ["obvious"]
    assert dwell("answers", "-c", case, "-t", "json", "-q").out == asked, "a run of some kinds changes no answer"
    whole = dwell("power", "-c", case, "--plantings", "1", "-t", "csv", "-q")
    assert whole.code == 0
    rows = list(csv.DictReader(io.StringIO(whole.out)))
    assert {"obvious", "owner-like"} <= {one["kind"] for one in rows}
    assert dwell("power", "-c", case, "--plantings", "1", "-t", "csv", "-q").out == whole.out
    assert _hash(case / "archive") == before
    told = json.loads(dwell("answers", "-c", case, "-t", "json", "-q").out)
    texts = [one["text"] for one in told["claims"] if one["question"] == "blindspots"]
    planted = [one for one in texts if one.startswith("Planted in this case's own records")]
    assert len(planted) == sum(int(one["plantings"]) > 0 for one in rows)
    assert "95 % interval" in planted[0]
    assert told["settings"]["planted intruders"] == "each kind 1 times"


def test_power_as_text_says_what_its_columns_mean(dwell: Dwell, investigated: Path) -> None:
    ran = dwell("power", "-c", investigated, "--plantings", "1", "--kind", "owner-like", "-q")
    assert ran.code == 0
    assert "owner-like" in ran.out
    assert "leads were drawn by lot" in ran.out
    assert dwell("power", "-c", investigated, "--kind", "nobody").code == 2
    assert dwell("power", "-c", investigated, "--plantings", "0").code == 2
