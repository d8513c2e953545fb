"""Every source accounts for as many records as a slow reader counts that was written from the format's description."""

from __future__ import annotations

import io
import tomllib
from pathlib import Path

import pytest
from fuzz.contract import read_all
from tests.oracle.counts import COUNTERS, count

from dwell.intake.containers import open_locator
from dwell.intake.plan import make_plan
from dwell.sources.registry import SOURCES, source

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "sources"
PATHS = sorted(GOLDEN.glob("*/*.in"))
TORN = {"broken", "damage", "quote_never_closed"}
"""Evidence that is damaged on purpose: each piece may be an anomaly of its own, and none may be missing."""
TORN_ALONE = {
    "evtx/bad_chunk_magic", "evtx/cut_in_its_header", "evtx/no_file_header", "evtx/record_of_length_zero",
    "evtx_xml/entities_are_refused", "evtx_xml/utf16", "mailbox_audit/doctype", "ual_json/utf16",
    "configuration/cut_in_mid_file", "message_tracking_siem/csv_damage",
}  # fmt: skip
_SAID = tomllib.loads((Path(__file__).resolve().parents[2] / "field" / "expect.toml").read_text(encoding="utf-8"))
UNEVEN = {
    Path(one["path"]).name: (one["records"], one["anomalies"], one["counted"])
    for one in _SAID["uneven"]
    if one["anomalies"]  # those without are copies of what another file of the folder holds
}


def test_every_source_has_a_slow_count() -> None:
    assert COUNTERS.keys() == {one.key for one in SOURCES}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_records_and_anomalies_are_the_records_of_the_file(path: Path) -> None:
    key, data = path.parent.name, path.read_bytes()
    found = read_all(source(key), io.BytesIO(data))
    ours, theirs = len(found.rows) + len(found.anomalies), count(key, data)
    if path.stem in TORN or f"{key}/{path.stem}" in TORN_ALONE:
        assert ours >= theirs
        assert found.anomalies or found.facts
    else:
        assert ours == theirs


@pytest.mark.parametrize("key", sorted(COUNTERS))
def test_each_has_sound_evidence_to_count(key: str) -> None:
    stems = {path.stem for path in PATHS if path.parent.name == key}
    sound = {one for one in stems - TORN if f"{key}/{one}" not in TORN_ALONE}
    counted = [count(key, (GOLDEN / key / f"{one}.in").read_bytes()) for one in sorted(sound)]
    assert sum(counted) >= MIN_RECORDS, "too little to tell anything"


@pytest.mark.parametrize(
    "folder",
    ["exchange", "iis", "inventory", "web", "zeek", "otrf", "m365", "evtx/omerbenamram", "evtx/attack-samples"],
)
def test_real_evidence_is_accounted_for(shared_data: Path, tmp_path: Path, folder: str) -> None:
    looked_at = 0
    for file in make_plan([shared_data / folder], tmp_path, lambda *_: None, []).files:
        if file.source is None or file.size_bytes > SIZE_MAX:
            continue
        with open_locator(file.locator) as stream:
            data = stream.read()
        found = read_all(source(file.source), io.BytesIO(data))
        ours, theirs = (len(found.rows), len(found.anomalies)), count(file.source, data)
        uneven = UNEVEN.get(Path(file.places[0].path).name)
        assert (*ours, theirs) == uneven if uneven else sum(ours) == theirs, file.places[0].path
        looked_at += 1
    assert looked_at


MIN_RECORDS = 3
SIZE_MAX = 400_000
"""`make field` counts the larger files too."""
