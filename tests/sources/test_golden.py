"""Golden pairs: `tests/golden/sources/<key>/<case>.in` is read and must give `<case>.out`, byte for byte.

The samples were made up for this project. `DWELL_GOLDEN=write` writes the outputs anew; look at each before keeping it.
"""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fuzz.contract import Reading, check

from dwell.model.provenance import Anomaly, Fact
from dwell.sources.registry import ACCEPT_SCORE, SOURCES, identify, source
from dwell.sources.source import HEAD_BYTES, Sniff

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "sources"
CASES = sorted(GOLDEN.glob("*/*.in"))
CASES_MIN = 5
LONG = 400
UNKNOWN_BY_CONTENT = {"iis_headerless/two_layouts_fit", "ual_json/escapes_and_depth"}
"""Cases that no source may claim: what would tell it is not in them."""
TAKEN_BY_ANOTHER = {"iis/no_header": "iis_headerless"}
"""Cases that a source reads as best it can, and another one better."""


def _shown(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and len(value) > LONG:
        return f"{value[:60]}… ({len(value)} characters, {hashlib.sha256(value.encode()).hexdigest()[:12]})"
    if isinstance(value, list):
        return [_shown(one) for one in value]
    if isinstance(value, tuple):
        return [_shown(one) for one in value]
    return value


def _anomaly(one: Anomaly) -> dict[str, object]:
    kept = one.kept.decode("latin-1")
    place = [one.record_no, one.offset_bytes, one.length_bytes]
    return {"anomaly": one.kind.value, "at": place, "detail": one.detail, "kept": _shown(kept.rstrip("\0") or "\0")}


def _fact(one: Fact) -> dict[str, object]:
    told = {"fact": one.kind.value, "record_no": one.record_no, "count": one.count, "detail": one.detail}
    times = {"from": one.from_utc, "to": one.to_utc}
    return told | {name: _shown(at) for name, at in times.items() if at is not None}


def as_lines(reading: Reading) -> str:
    """Give a reading as JSON lines, columns without a value left out."""
    lines: list[dict[str, object]] = [
        {name: _shown(value) for name, value in row.items() if value not in (None, [])} for row in reading.rows
    ]
    lines += [_anomaly(one) for one in reading.anomalies]
    lines += [_fact(one) for one in reading.facts]
    lines.append({"structural": reading.structural})
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_golden_pair(path: Path) -> None:
    reading = check(source(path.parent.name), path.read_bytes())
    found = as_lines(reading)
    wanted = path.with_suffix(".out")
    if os.environ.get("DWELL_GOLDEN") == "write":
        wanted.write_text(found, encoding="utf-8", newline="\n")
    assert found == wanted.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_sample_is_recognised_as_what_it_is(path: Path) -> None:
    data = path.read_bytes()
    guesses = identify(Sniff(data[:HEAD_BYTES], path.name, complete=len(data) <= HEAD_BYTES))
    best = guesses[0] if guesses and guesses[0].score >= ACCEPT_SCORE else None
    found = best.source if best is not None else None
    case = f"{path.parent.name}/{path.stem}"
    known = TAKEN_BY_ANOTHER.get(case, path.parent.name) if case not in UNKNOWN_BY_CONTENT else None
    assert found == known


@pytest.mark.parametrize("key", [one.key for one in SOURCES])
def test_every_source_has_cases_enough(key: str) -> None:
    assert sum(path.parent.name == key for path in CASES) >= CASES_MIN


def test_every_output_has_its_input() -> None:
    assert [path.with_suffix(".in") for path in sorted(GOLDEN.glob("*/*.out"))] == CASES
