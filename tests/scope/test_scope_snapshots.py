"""When an export was made: by its own word, its path, what is in it, or its file's stamp; never by its intake."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from tests.scope.staged import iis_log, iis_place, stage, utc

from dwell.model.provenance import EvidenceId
from dwell.scope.snapshots import Snapshot, snapshots

ACT = utc("2021-01-29 09:00:00")
OLD, NEW = utc("2020-06-01 00:00:00"), utc("2021-06-01 00:00:00")


def _snapshot(
    exported: datetime | None = None,
    day: datetime | None = None,
    newest: datetime | None = None,
    written: datetime | None = None,
) -> Snapshot:
    return Snapshot(EvidenceId("e" * 64), "exports", "", "x.csv", exported, day, newest, written)


@pytest.mark.parametrize(
    ("one", "after", "before"),
    [
        (_snapshot(), "", False),
        (_snapshot(exported=NEW), "the export's own time", False),
        (_snapshot(exported=OLD, newest=NEW, written=NEW), "", False),
        (_snapshot(exported=OLD, newest=OLD, written=NEW), "", True),
        (_snapshot(day=OLD, newest=NEW), "", False),
        (_snapshot(day=NEW, written=OLD), "the day in its path", False),
        (_snapshot(day=OLD, written=NEW), "", True),
        (_snapshot(day=utc("2021-01-29 00:00:00")), "", False),
        (_snapshot(newest=NEW), "the newest instant in it", False),
        (_snapshot(newest=OLD), "", False),
        (_snapshot(newest=OLD, written=OLD), "", True),
        (_snapshot(newest=NEW, written=OLD), "the newest instant in it", False),
        (_snapshot(written=NEW), "the last-write time of its file, which a copy can change", False),
    ],
)
def test_what_dates_an_export(one: Snapshot, after: str, before: bool) -> None:
    assert one.after(ACT) == after
    assert one.before(ACT) is before


def test_files_are_dated_by_what_they_hold_and_where_they_lay(tmp_path: Path) -> None:
    rights = '"Mailbox","User","AccessRights","ExportedUtc"\r\n"a@x.example","b","FullAccess","{}"\r\n'
    people = '"PrimarySmtpAddress","Alias","PasswordLastSet"\r\n"a@x.example","a","2021-03-01T00:00:00Z"\r\n'
    files = {
        iis_place("EX01", "210104"): iis_log([{"at": "2021-01-04 08:00:00", "user": "a"}]),
        "EX01/2021-02-01/inventory.csv": '"Path","SHA256","CreationTimeUtc"\r\n"C:\\x","","2021-03-01T00:00:00Z"\r\n',
        "p.csv": rights.format("2021-02-03T04:05:06Z"),
        "d.csv": people,
    }
    staged = stage(tmp_path, files)
    register = staged.case.register()
    assert all(one.written_utc for one in register.values())
    written = {key: one.written_utc for key, one in register.items()}
    found = snapshots(staged.archive, staged.paths, written, {"EX01"})
    (rows,) = found.of("exports", "mailbox-permission")
    assert rows.exported_utc == utc("2021-02-03 04:05:06")
    (listed,) = found.of("inventory")
    assert (listed.host, listed.day_utc, listed.newest_utc) == ("EX01", utc("2021-02-01 00:00:00"), None)
    (directory,) = found.of("directory")
    assert directory.newest_utc == utc("2021-03-01 00:00:00")
    assert directory.written_utc == datetime.fromisoformat(written[directory.evidence_id])


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("exports/2021-04-02/rules.csv", "2021-04-02"),
        ("2021-04-02/rules.csv", "2021-04-02"),
        ("EX01/rules-2021-04-02.csv", "2021-04-02"),
        ("rules 2021-04-02.csv", "2021-04-02"),
        ("exports/run-2021-04-02/rules.csv", "2021-04-02"),
        ("exports/2021-04-02/tenant/rules.csv", "2021-04-02"),
        ("2020-12-01/exports/2021-04-02/rules.csv", "2021-04-02"),
        ("exports/2021-04-02/all.zip!rules.csv", "2021-04-02"),
        ("all.zip!exports/2021-04-02/rules.csv", "2021-04-02"),
        ("handover-2021-06-01/exports/rules.csv", None),
        ("handover-2021-06-01/rules.csv", None),
        ("2021-06-01/exports/rules.csv", None),
        ("dump-2021-06-01.zip!exports/rules.csv", None),
        ("a.zip!dump-2021-06-01/rules.csv", None),
        ("case/dump-2021-06-01/exports/rules.csv", None),
        ("exports/2021-02-31/rules.csv", None),
        ("exports/rules.csv", None),
    ],
)
def test_the_day_of_a_handover_dates_no_export(tmp_path: Path, path: str, day: str | None) -> None:
    """Every export was made before it was handed over: one of 2019 is not from after an act of 2021 for that."""
    staged = stage(tmp_path, {"p.csv": '"PrimarySmtpAddress","Alias"\r\n"a@x.example","a"\r\n'})
    (found,) = snapshots(staged.archive, dict.fromkeys(staged.paths, (path,)), {}, ()).of("directory")
    assert found.day_utc == (None if day is None else utc(f"{day} 00:00:00"))


@pytest.mark.parametrize(
    ("times", "after", "before"),
    [
        (("2021-02-10T00:00:00Z", "2021-02-11T00:00:00Z"), "the export's own time", False),
        (("2020-02-10T00:00:00Z", "2021-02-11T00:00:00Z"), "", False),
        (("", "2021-02-11T00:00:00Z"), "", False),
        (("2020-02-10T00:00:00Z", "2020-02-11T00:00:00Z"), "", True),
    ],
    ids=["after", "put together over a year", "partly without a time", "before"],
)
def test_a_file_put_together_at_several_times_is_from_after_an_act_as_a_whole_only(
    tmp_path: Path, times: tuple[str, ...], after: str, before: bool
) -> None:
    rows = "".join(f'"a@x.example","b{place}","FullAccess","{at}"\r\n' for place, at in enumerate(times))
    text = f'"Mailbox","User","AccessRights","ExportedUtc"\r\n{rows}'
    staged = stage(tmp_path, {"p.csv": text})
    (found,) = snapshots(staged.archive, staged.paths, {}, ()).of("exports", "mailbox-permission")
    assert (found.after(ACT), found.before(ACT)) == (after, before)
