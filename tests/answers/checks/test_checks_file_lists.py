"""The check of the web folders: what a list covers, what is new or changed in it, and what no list can tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.answers.checks.exported import AFTER, BEFORE, case_of, check_of, table

from dwell.model.claims import CheckStatus

PASS, UNKNOWN = CheckStatus.PASS, CheckStatus.UNKNOWN
EXCHANGE = "C:\\Program Files\\Microsoft\\Exchange Server\\V15"
AUTH = f"{EXCHANGE}\\FrontEnd\\HttpProxy\\owa\\auth"
ROOT = "C:\\inetpub\\wwwroot"
COLUMNS = "Path,SHA256,Size,CreationTimeUtc"
Row = tuple[str, str, str, str]


def _file(path: str, letter: str = "a", size: int = 10, made: str = "2015-01-01T00:00:00Z") -> Row:
    return (path, letter * 64, str(size), made)


LOGON = _file(f"{AUTH}\\logon.aspx")
START = _file(f"{ROOT}\\iisstart.htm")
CLIENT = _file(f"{ROOT}\\aspnet_client\\system_web\\x.js")
MOVED = _file(f"{ROOT}\\aspnet_client\\y.js")
BACK = _file(f"{EXCHANGE}\\ClientAccess\\ecp\\web.config")
WHOLE = [LOGON, START, MOVED, CLIENT, BACK]
NEW = "2021-01-10T00:00:00Z"
SHELL = _file(f"{ROOT}\\aspnet_client\\sh.aspx", "c", made=NEW)
COMPILED = _file(
    "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\Temporary ASP.NET Files\\root\\1\\2\\err.aspx.6a44a47b.compiled"
)
BOOK = f"{EXCHANGE}\\ClientAccess\\OAB\\0f1e\\"


def _status(root: Path, lists: dict[str, list[Row]]) -> tuple[CheckStatus, str]:
    files = {f"EX01/files/{day}.csv": table(COLUMNS, rows) for day, rows in lists.items()}
    found = check_of(case_of(root, files), "files")
    return found.status, found.why


@pytest.mark.parametrize(
    ("after", "before", "expected", "told"),
    [
        (WHOLE, [*WHOLE, WHOLE[0]], PASS, "nothing in the web folders is new or changed"),
        (WHOLE, None, UNKNOWN, "no list from before the first act"),
        ([*WHOLE, SHELL], None, UNKNOWN, "sh.aspx on EX01, made 2021-01-10"),
        ([*WHOLE, _file(SHELL[0])], None, UNKNOWN, "no list from before the first act"),
        ([*WHOLE, _file(SHELL[0])], WHOLE, UNKNOWN, "sh.aspx on EX01 is new"),
        ([_file(LOGON[0], "b"), *WHOLE[1:]], WHOLE, UNKNOWN, "logon.aspx on EX01 has changed"),
        ([*WHOLE, COMPILED], WHOLE, UNKNOWN, "err.aspx on EX01 was compiled and its script is gone"),
        ([*WHOLE, _file(f"{BOOK}a-data-2.lzx"), _file(f"{BOOK}oab.xml")], WHOLE, PASS, "nothing"),
        ([*WHOLE, _file("C:\\inetpub\\logs\\LogFiles\\W3SVC1\\u_ex210401.log")], WHOLE, PASS, "nothing"),
    ],
)
def test_lists_of_before_and_after(
    tmp_path: Path, after: list[Row], before: list[Row] | None, expected: CheckStatus, told: str
) -> None:
    status, why = _status(tmp_path, {AFTER: after, **({} if before is None else {BEFORE: before})})
    assert (status, told in why) == (expected, True), why


@pytest.mark.parametrize(
    "name", ["global.asax", "x.php", "bin\\y.cshtml", "z.soap", "q.cer", "a.ascx", "m.master", "flogon.js", "none"]
)
def test_any_new_file_in_a_web_folder_is_told(tmp_path: Path, name: str) -> None:
    status, why = _status(tmp_path, {AFTER: [*WHOLE, _file(f"{ROOT}\\{name}", "d")], BEFORE: WHOLE})
    assert (status, f"{name} on EX01 is new" in why) == (UNKNOWN, True), why


@pytest.mark.parametrize("path", ["D:\\web\\custom\\shell.aspx", "C:\\inetpub\\custom\\shell.aspx"])
def test_a_virtual_directory_can_point_to_any_folder(tmp_path: Path, path: str) -> None:
    status, why = _status(tmp_path, {AFTER: [*WHOLE, _file(path, "d", made=NEW)], BEFORE: WHOLE})
    assert (status, f"{path} on EX01, made 2021-01-10" in why) == (UNKNOWN, True), why


@pytest.mark.parametrize("left_out", [LOGON, BACK])
def test_a_list_without_a_web_folder_does_not_pass_it(tmp_path: Path, left_out: Row) -> None:
    rows = [one for one in WHOLE if one != left_out]
    status, why = _status(tmp_path, {AFTER: rows, BEFORE: rows})
    assert (status, "no list from after the act covers" in why) == (UNKNOWN, True), why


def test_a_list_of_other_folders_shows_nothing_of_the_web_folders(tmp_path: Path) -> None:
    rows = [_file("C:\\Users\\a\\x.txt")]
    status, why = _status(tmp_path, {AFTER: rows, BEFORE: rows})
    assert status is UNKNOWN
    assert "inetpub\\wwwroot on EX01" in why


def test_a_folder_that_was_listed_before_and_is_not_after_leaves_it_open(tmp_path: Path) -> None:
    deep = _file(f"{ROOT}\\a\\b\\c.aspx")
    status, why = _status(tmp_path, {AFTER: WHOLE, BEFORE: [*WHOLE, deep]})
    assert (status, "wwwroot\\a\\b on EX01" in why) == (UNKNOWN, True), why


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([_file("D:\\data\\x.txt")], UNKNOWN),
        ([START], UNKNOWN),
        ([LOGON, BACK], UNKNOWN),
        (WHOLE, PASS),
        ([one for one in WHOLE if one != MOVED], PASS),
        ([*WHOLE, SHELL], UNKNOWN),
        ([CLIENT], UNKNOWN),
        ([START, MOVED, CLIENT, _file(f"{AUTH}\\x.js"), BACK], UNKNOWN),
    ],
    ids=["of another drive", "no folder of it", "no web root", "whole", "a script gone", "there still",
         "a folder below its own", "no page of Exchange's"],
)  # fmt: skip
def test_a_later_list_stands_for_an_earlier_one_only_in_the_folders_that_it_covers(
    tmp_path: Path, later: list[Row], expected: CheckStatus
) -> None:
    status, why = _status(tmp_path, {BEFORE: WHOLE, AFTER: [*WHOLE, SHELL], "2021-04-04": later})
    assert status is expected, why
    assert ("sh.aspx on EX01 is new" in why) is (expected is UNKNOWN)


@pytest.mark.parametrize(
    ("left_out", "more"),
    [([LOGON], f"{AUTH}\\b.js"), ([LOGON], f"{AUTH}\\errorfe.aspx"),
     ([START], f"{ROOT}\\x.js"), ([BACK], f"{BACK[0]}.bak")],
    ids=["of one sort", "cut short", "of late", "without settings"],
)  # fmt: skip
def test_a_list_that_leaves_out_what_was_there_before_may_hold_a_part_of_its_folders(
    tmp_path: Path, left_out: list[Row], more: str
) -> None:
    """Such a list was 'nothing new or changed': a page in it could not be seen."""
    after = [one for one in [*WHOLE, _file(more)] if one not in left_out]
    status, why = _status(tmp_path, {AFTER: after, BEFORE: [*WHOLE, _file(more)]})
    assert (status, "1 file of before in no list from after the act" in why) == (UNKNOWN, True), why


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{ROOT}\\winsxs\\x.aspx", UNKNOWN),
        (f"{AUTH}\\winsxs\\x.aspx", UNKNOWN),
        (f"{ROOT}\\Temporary ASP.NET Files\\x.aspx", UNKNOWN),
        ("C:\\Windows\\WinSxS\\amd64_a\\x.aspx", PASS),
        ("C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\Temporary ASP.NET Files\\owa\\1\\x.aspx", PASS),
    ],
)
def test_only_windows_own_folders_hold_pages_that_come_and_go(tmp_path: Path, path: str, expected: CheckStatus) -> None:
    """A folder of the web root can be called as they are."""
    status, why = _status(tmp_path, {AFTER: [*WHOLE, _file(path, "d", made=NEW)], BEFORE: WHOLE})
    assert status is expected, why


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ((LOGON[0], "", "10", LOGON[3]), "without a hash on both sides a change of 1 file"),
        ((LOGON[0], "", "999", LOGON[3]), "logon.aspx on EX01 has changed"),
    ],
)
def test_without_hashes_only_another_size_shows_a_change(tmp_path: Path, now: Row, told: str) -> None:
    status, why = _status(tmp_path, {AFTER: [now, *WHOLE[1:]], BEFORE: WHOLE})
    assert (status, told in why) == (UNKNOWN, True), why


def test_exchange_2010_has_no_front_end(tmp_path: Path) -> None:
    old = _file("C:\\Program Files\\Microsoft\\Exchange Server\\V14\\ClientAccess\\owa\\auth\\logon.aspx")
    rows = [START, MOVED, old]
    assert _status(tmp_path, {AFTER: rows, BEFORE: rows})[0] is PASS
