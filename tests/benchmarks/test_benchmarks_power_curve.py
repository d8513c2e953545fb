"""The curve of power: every kind at every number of visits, and each point where it belongs."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from benchmarks.power_curve import KINDS, VISITS, chart, curves, page, planted

from dwell.model.power import Power, PowerRow


def _row(kind: str, visits: float, found: int, intrusions: int) -> PowerRow:
    return PowerRow(f"{kind} {visits:g}", "what it is", 10, 4, 2, found, intrusions, 0.5, 12, 0.25, 1.0)


def test_only_the_visits_differ() -> None:
    made = planted()
    assert [one.visits_a_month for one in made] == [*VISITS, *VISITS]
    assert len({one.key for one in made}) == len(made)
    assert {(one.network, one.hours, one.mailboxes) for one in made} == {("own", "owner", 32)}


def test_points_lie_where_their_figures_say() -> None:
    first, second = KINDS
    power = Power(
        "",
        1,
        1,
        1,
        (_row(first, 0.5, 10, 0), _row(first, 32.0, 10, 5), _row(second, 0.5, 0, 0), _row(second, 2.0, 5, 1)),
    )
    found = curves(power)
    lines = [
        one.get("points")
        for one in ET.fromstring(chart(found)).iter("{http://www.w3.org/2000/svg}polyline")  # noqa: S314 - our own
    ]
    # nothing is at 270, all at 30; half a visit is at 70, and each doubling 80 further; a lot finds a quarter
    assert lines == [
        "70.0,210.0 550.0,210.0",
        "70.0,270.0 550.0,150.0", "70.0,30.0 550.0,30.0",
        "70.0,270.0 230.0,246.0", "70.0,270.0 230.0,150.0",
    ]  # fmt: skip
    told = page(found, "a command", "a world")
    assert "| an agent nobody has | 32 | 5 of 10 (24% to 76%) | 10 of 10 (72% to 100%) | 25% | 12 |" in told
