"""Builds crossed with fixes (R11): the table against what was published, and the story of March 2021."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.builds import BuildSeen, Family, Fixed, builds_seen, exposures, families, has_fix
from dwell.scope.rollup.shapes import BUILDS

NAMES = {
    "Feb19SU": "February 2019",
    "Feb20SU": "February 2020",
    "Mar21SU": "March 2021",
    "Apr21SU": "April 2021",
    "May21SU": "May 2021",
    "Nov21SU": "November 2021",
    "Nov22SU": "November 2022",
}
"""Security updates by the names of the published table."""


def _family(cve: str) -> Family:
    return next(one for one in families() if cve in one.cves)


def _published(folder: Path) -> list[dict[str, str]]:
    with (folder / "reference" / "exchange_builds.csv").open(encoding="utf-8") as handle:
        return [one for one in csv.DictReader(handle) if one["build"].startswith("15.")]


def _updates(rows: list[dict[str, str]], family: Family) -> Iterator[dict[str, str]]:
    name = next(key for key, value in NAMES.items() if value == family.update)
    return (one for one in rows if one["su"] == name)


def _parts(build: str) -> tuple[str, str, int]:
    first, second, update, revision = build.split(".")
    return f"{first}.{second}", f"{first}.{second}.{update}", int(revision)


@pytest.mark.parametrize("family", families(), ids=lambda one: one.name)
def test_every_published_update_agrees_with_the_table(shared_data: Path, family: Family) -> None:
    rows = _published(shared_data)
    if family.update not in NAMES.values():
        pytest.fail(f"no published name is known for the update of {family.update}")
    checked = 0
    for one in _updates(rows, family):
        product, update, revision = _parts(one["build"])
        if update in family.unclear or product not in family.products:
            assert has_fix(one["build"], family) is Fixed.UNKNOWN
            continue
        assert has_fix(one["build"], family) is Fixed.YES, one
        for other in rows:
            if _parts(other["build"])[1] == update:
                expected = Fixed.YES if _parts(other["build"])[2] >= revision else Fixed.NO
                assert has_fix(other["build"], family) is expected, (one, other)
        checked += 1
    assert checked > 0 or family.update == "February 2019"


@pytest.mark.parametrize("family", families(), ids=lambda one: one.name)
def test_a_later_cumulative_update_holds_the_fix_and_an_older_one_without_update_does_not(
    shared_data: Path, family: Family
) -> None:
    rows = _published(shared_data)
    bare = {one["build"] for one in rows if not one["su"]}
    made_for = {_parts(one["build"])[1] for one in _updates(rows, family) if one["build"] not in bare}
    for one in rows:
        product, update, _ = _parts(one["build"])
        if one["su"] or update in family.unclear or product not in family.products:
            continue
        released = datetime.strptime(one["cu_release_date"], "%Y-%m-%d").replace(tzinfo=UTC).date()
        verdict = has_fix(one["build"], family)
        if update in made_for:
            assert verdict is Fixed.NO, one
        elif product in family.included and int(update.rpartition(".")[2]) >= family.included[product]:
            assert verdict is Fixed.YES, one
        elif released < family.published:
            assert verdict is Fixed.NO, one


def test_published_conflicts_are_unknown() -> None:
    """Published builds of the March 2021 update contradict each other for two old cumulative updates of 2016."""
    proxylogon = _family("CVE-2021-26855")
    assert proxylogon.unclear == {"15.1.1415", "15.1.1466"}
    assert {has_fix(f"{one}.99", proxylogon) for one in proxylogon.unclear} == {Fixed.UNKNOWN}


def test_the_cves_of_an_update_are_what_was_published(shared_data: Path) -> None:
    with (shared_data / "reference" / "exchange_su_cves_healthchecker.csv").open(encoding="utf-8") as handle:
        published: dict[str, set[str]] = {}
        for one in csv.DictReader(handle):
            published.setdefault(one["su"], set()).add(one["cve"])
    for name, update in NAMES.items():
        for family in families():
            told = set(family.cves) & published.get(name, set())
            if family.update == update and published.get(name):
                # disclosed months after the update that fixed them, and so in no list of it
                late = {"CVE-2021-34473", "CVE-2021-34523", "CVE-2021-33766"}
                assert set(family.cves) - late <= told, (family.name, set(family.cves) - told)


@pytest.mark.parametrize(
    ("build", "cve", "expected"),
    [
        ("15.1.2176.2", "CVE-2021-26855", Fixed.NO),
        ("15.1.2176.9", "CVE-2021-26855", Fixed.YES),
        ("15.1.2176.14", "CVE-2021-26855", Fixed.YES),
        ("15.1.2242.4", "CVE-2021-26855", Fixed.YES),
        ("15.1.1779.2", "CVE-2021-26855", Fixed.NO),
        ("15.1.1779.8", "CVE-2021-26855", Fixed.YES),
        ("15.1.1779.8", "CVE-2020-0688", Fixed.NO),
        ("15.1.1779.8", "CVE-2021-34473", Fixed.NO),
        ("15.0.1497.12", "CVE-2021-26855", Fixed.YES),
        ("15.0.1367.3", "CVE-2021-26855", Fixed.NO),
        ("15.1.1415.2", "CVE-2021-26855", Fixed.UNKNOWN),
        ("15.1.1466.99", "CVE-2021-26855", Fixed.UNKNOWN),
        ("14.3.513.0", "CVE-2021-26855", Fixed.UNKNOWN),
        ("15.0.1497.2", "CVE-2021-42321", Fixed.UNKNOWN),
        ("16.0.1.1", "CVE-2021-26855", Fixed.UNKNOWN),
        ("15.1.2176", "CVE-2021-26855", Fixed.UNKNOWN),
        ("", "CVE-2021-26855", Fixed.UNKNOWN),
    ],
)
def test_builds_are_no_total_order(build: str, cve: str, expected: Fixed) -> None:
    """A special update of March 2021 fixes its own hole on an old cumulative update, and leaves the older ones open."""
    assert has_fix(build, _family(cve)) is expected


def _rolled(rows: list[tuple[str, str, str, int]]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "host": "EX01",
                "build": build,
                "first_utc": datetime.fromisoformat(first).replace(tzinfo=UTC),
                "last_utc": datetime.fromisoformat(last).replace(tzinfo=UTC),
                "evidence_id": "e" * 64,
                "record_no": number,
                "table": "httpproxy",
            }
            for build, first, last, number in rows
        ],
        schema=BUILDS.append(pa.field("table", pa.string())),
    )


def test_a_server_patched_on_5_march_is_open_until_that_day() -> None:
    seen = builds_seen(
        _rolled(
            [
                ("15.1.2176.9", "2021-03-05 04:10:00", "2021-03-07 10:00:00", 1),
                ("15.1.2176.2", "2021-02-20 00:00:00", "2021-03-05 03:00:00", 2),
                ("15.1.2176.2", "2021-02-10 00:00:00", "2021-02-11 00:00:00", 3),
            ]
        )
    )
    ground = RecordRef("httpproxy", EvidenceId("e" * 64), 3)
    assert seen[0] == BuildSeen(
        "EX01", "15.1.2176.2", datetime(2021, 2, 10, tzinfo=UTC), datetime(2021, 3, 5, 3, tzinfo=UTC), ground
    )
    mine = [one for one in exposures(seen) if "CVE-2021-26855" in one.family.cves]
    assert [(one.build, one.fixed) for one in mine] == [("15.1.2176.2", Fixed.NO), ("15.1.2176.9", Fixed.YES)]
    assert mine[0].last_utc < mine[1].first_utc == datetime(2021, 3, 5, 4, 10, tzinfo=UTC)
