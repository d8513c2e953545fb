"""Hosts of one short name: what shows that two places hold logs of two, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.scope.staged import iis_log, iis_place, security_log, stage

from dwell.scope.namesakes import Namesakes, bare, namesakes_of

DAY = "210301"


def _log(user: str, hour: int = 8) -> str:
    return iis_log([{"at": f"2021-03-01 {hour:02}:00:00", "user": user}])


def _event(domain: str, number: int = 1) -> str:
    text = security_log([{"number": number, "event": 4624, "at": f"2021-03-01 08:00:{number:02}"}])
    return text.replace("gov.example", domain)


def _found(root: Path, files: dict[str, str], outgrown: bool = False) -> tuple[Namesakes, dict[str, str]]:
    staged = stage(root, dict(files))
    keys = {paths[0]: key for key, paths in staged.paths.items()}
    longer = {keys["one/" + iis_place("EX01", DAY)]: keys["two/" + iis_place("EX01", DAY)]} if outgrown else {}
    found = namesakes_of(staged.archive, staged.rolled(), staged.paths, longer)
    return found, {path: found.names.get(key, "") for path, key in keys.items()}


def _two(first: str, second: str, days: tuple[str, str] = (DAY, "210302")) -> dict[str, str]:
    return {f"one/{iis_place('EX01', days[0])}": first, f"two/{iis_place('EX01', days[1])}": second}


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("NORTH\\anna", "SOUTH\\anna", "of north and of south"),
        ("anna@north.example", "anna@south.example", "of north.example and of south.example"),
        ("anna", "ben", ""),
        ("NORTH\\anna", "anna@south.example", ""),
        ("NT AUTHORITY\\SYSTEM", "SOUTH\\anna", ""),
        ("NORTH\\anna", "north\\ben", ""),
    ],
)
def test_accounts_of_different_domains_are_of_two_hosts(tmp_path: Path, first: str, second: str, why: str) -> None:
    found, names = _found(tmp_path, _two(_log(first), _log(second)))
    assert [one[1].endswith(why) for one in found.apart] == ([True] if why else [])
    assert set(names.values()) == ({"EX01 (one)", "EX01 (two)"} if why else {""})
    assert [one[0] for one in found.unsure] == ([] if why else ["EX01"])


def test_computers_of_different_domains_are_two(tmp_path: Path) -> None:
    files = {
        "one/EX01/winevt/Security.xml": _event("north.example"),
        "two/EX01/winevt/Security.xml": _event("s.example"),
    }
    found, names = _found(tmp_path, files)
    assert set(names.values()) == {"EX01 (one)", "EX01 (two)"}
    assert "of north.example and of s.example" in found.apart[0][1]


def test_one_file_of_a_day_with_two_contents_is_of_two_hosts(tmp_path: Path) -> None:
    files = _two(_log("anna"), _log("anna", 9), (DAY, DAY))
    found, _ = _found(tmp_path / "apart", files)
    assert "lies in both, with different contents" in found.apart[0][1]
    grown, _ = _found(tmp_path / "grown", files, outgrown=True)
    assert (grown.apart, [one[0] for one in grown.unsure]) == ((), ["EX01"])


def test_a_log_beside_goes_with_the_outer_folder_it_lies_in(tmp_path: Path) -> None:
    files = _two(_log("NORTH\\anna"), _log("SOUTH\\anna"))
    files |= {"one/exported/Security.xml": _event("gov.example"), "else/Security.xml": _event("gov.example", 9)}
    _, names = _found(tmp_path, files)
    assert names["one/exported/Security.xml"] == "EX01 (one)"
    assert names["else/Security.xml"] == ""


def test_a_host_in_one_place_is_left_alone(tmp_path: Path) -> None:
    found, _ = _found(tmp_path, {iis_place("EX01", DAY): _log("anna"), "x/" + iis_place("EX02", DAY): _log("anna", 9)})
    assert found == Namesakes({})


def test_the_name_that_logs_write() -> None:
    assert bare("EX01 (north)") == "EX01"
    assert bare("(unknown host: a)") == "(unknown host: a)"
