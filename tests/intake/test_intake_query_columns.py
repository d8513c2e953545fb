"""Columns made of a query are asked for by name, in an archive of this version and in one that was written before it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.scope.staged import iis_log, iis_place, stage

from dwell.archive.datafile import read_rows
from dwell.archive.datafile import stage as write
from dwell.archive.store import Archive
from dwell.intake.query_columns import MADE_OF_QUERY
from dwell.intake.searching import search
from dwell.intake.tables import specs
from dwell.scope.rollup.run import roll_up

FRONT, BACK = "/Microsoft-Server-ActiveSync/default.eas", "/Microsoft-Server-ActiveSync/Proxy/default.eas"
PHONE = "User=GOV%5Canna&DeviceId=APPL1A&DeviceType=iPhone"
LOG = "V141_SmtpAdrs:anna%40gov.example_Fc1_Fid:5_Ty:Em_Srv:6a0c_As:AllowedG_"
ROWS: tuple[dict[str, object], ...] = (
    {"stem": FRONT, "query": f"Cmd=Sync&{PHONE}"},
    {"stem": BACK, "query": f"Cmd=Sync&{PHONE}&Log={LOG}", "port": 444},
    {"stem": FRONT, "query": "cmd=Ping&DeviceId=ANDR2B", "user": "GOV\\jan"},
    {"stem": "/owa/service.svc", "query": "action=GetItem&MailboxId=boss%40gov.example", "user": "GOV\\jan"},
    {"stem": "/owa/", "query": "-", "user": "GOV\\jan"},
)


def _archives(root: Path) -> tuple[Archive, Archive]:
    """Give the archive of a small log, and the same as a version wrote it that knew no such columns."""
    rows = [{"user": "GOV\\anna", **row, "at": f"2021-03-03 10:00:0{at}"} for at, row in enumerate(ROWS)]
    archive = stage(root, {iis_place("EX01", "210303"): iis_log(rows)}).archive
    spec = specs()["iis"]
    names = [one for one in spec.schema.names if one not in MADE_OF_QUERY.names]
    before = replace(
        spec,
        schema=spec.schema.empty_table().select(names).schema,
        lexicon=tuple(one for one in spec.lexicon if one in names),
        made=None,
    )
    written = Archive(root / "old", {**specs(), "iis": before})
    for number, file in enumerate(archive.files("iis")):
        table = read_rows(file, names).cast(before.schema)
        written.commit("iis", write(written.folder("iis"), before, table, f"old-{number:04}"), f"old{number}")
    return archive, Archive(root / "old", specs())


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Archive, Archive]:
    return _archives(tmp_path_factory.mktemp("both"))


@pytest.mark.parametrize(
    ("terms", "lines"),
    [
        (["DeviceId:APPL1A"], [4, 5]),
        (["deviceid:appl1*", "Cmd:Sync"], [4, 5]),
        (["User:GOV\\anna"], [4, 5]),
        (["MailboxId:boss@gov.example"], [7]),
        (["action:*"], [7]),
        (["SmtpAdrs:anna@gov.example"], [5]),
        (["DeviceType:Windows*"], []),
        (["allowedg"], [5]),
        (["ANDR2B", "Cmd:Ping"], [6]),
    ],
)
def test_a_part_of_the_query_is_found_by_its_name(
    both: tuple[Archive, Archive], terms: list[str], lines: list[int]
) -> None:
    for archive in both:
        assert [one.record_no for one in search(archive, terms).matches] == lines


def test_a_row_is_shown_with_what_was_made_of_its_query(both: tuple[Archive, Archive]) -> None:
    now, before = (search(archive, ["Fid:5"]).matches for archive in both)
    assert now == before
    (one,) = now
    row: dict[str, Any] = dict(one.row)
    assert row["cs-uri-query"] == f"Cmd=Sync&{PHONE}&Log={LOG}"
    assert (row["Cmd"], row["User"], row["DeviceType"]) == ("Sync", "GOV\\anna", "iPhone")
    assert list(row["Log"].items())[:3] == [("V", "141"), ("SmtpAdrs", "anna@gov.example"), ("Fc", "1")]
    assert "action" not in row


def test_folding_gives_the_same_whether_columns_are_stored_or_made(both: tuple[Archive, Archive]) -> None:
    now, before = (roll_up(archive, workers=1).tables for archive in both)
    assert now["sessions"].to_pylist() == before["sessions"].to_pylist()
    told = {(one["protocol"], one["device"], one["mailbox"]) for one in now["sessions"].to_pylist()}
    assert told == {
        ("eas", "APPL1A", None),
        ("eas", "APPL1A", "anna@gov.example"),
        ("eas", "ANDR2B", None),
        ("owa", None, "boss@gov.example"),
        ("owa", None, None),
    }
