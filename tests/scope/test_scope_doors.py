"""Who came to the doors of Exchange's cmdlets, as web logs have it: each name once an hour, refused ones left out."""

from __future__ import annotations

from pathlib import Path

from tests.scope.office import log_of, visits
from tests.scope.staged import iis_place, stage

from dwell.scope.cells import HOUR_US
from dwell.scope.doors import Visit, came_in
from dwell.scope.rollup.shapes import DOORS

ANNA, BORIS = "anna@gov.example", "boris@gov.example"
SENT_TO = "/ecp/RulesEditor/InboxRules.svc/NewObject"
OUTER, INNER = "198.51.100.7", "10.20.0.9"


def _came(root: Path, *more: list[dict[str, object]]) -> tuple[Visit, ...]:
    rows = [one for each in more for one in each]
    log = log_of(rows).replace(f"GET {SENT_TO}", f"POST {SENT_TO}")
    return came_in(stage(root, {iis_place("EX01", "210104"): log}).rolled().tables["doors"])


def _row(person: str, client: str, hour: int, **more: object) -> list[dict[str, object]]:
    return [dict(one) for one in visits(person, client, "Agent", [0], hour=hour, **more)]


def test_a_name_is_told_once_an_hour_by_address_and_end(tmp_path: Path) -> None:
    shell = {"stem": "/PowerShell/"}
    found = _came(
        tmp_path,
        _row(ANNA, OUTER, 3, **shell),
        _row(ANNA, OUTER, 3, **shell),
        _row(ANNA, INNER, 3, **shell),
        _row(BORIS, OUTER, 4, **shell),
    )
    assert [(one.user, one.client, one.host, one.behind) for one in found] == [
        (ANNA, INNER, "EX01", False),
        (ANNA, OUTER, "EX01", False),
        (BORIS, OUTER, "EX01", False),
    ]
    assert found[2].hour - found[0].hour == 1
    assert found[0].hour * HOUR_US % (24 * HOUR_US) == 3 * HOUR_US


def test_the_control_panel_is_a_door_where_something_was_sent_to_it(tmp_path: Path) -> None:
    found = _came(
        tmp_path,
        _row(ANNA, OUTER, 3, stem="/ecp/default.aspx"),
        _row(BORIS, OUTER, 3, stem=SENT_TO),
        _row(ANNA, OUTER, 5, stem="/owa/ev.owa2"),
    )
    assert [one.user for one in found] == [BORIS]


def test_who_was_refused_or_has_no_name_did_not_come_in(tmp_path: Path) -> None:
    shell = {"stem": "/powershell"}
    found = _came(
        tmp_path,
        _row(ANNA, OUTER, 3, status=401, **shell),
        _row("-", OUTER, 3, **shell),
        _row(BORIS, OUTER, 3, **shell),
    )
    assert [one.user for one in found] == [BORIS]


def test_nobody_came_where_nothing_is_held() -> None:
    assert came_in(DOORS.empty_table()) == ()
