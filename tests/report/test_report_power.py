"""The chart of power: bars worked out by hand, in the terminal and as a picture."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from benchmarks.power import chart

from dwell.model.power import Power, PowerRow
from dwell.report.power import power_chart, power_text


def _kind(kind: str, plantings: int = 10, found: int = 0, intrusions: int = 0, *, by_chance: float = 0.0) -> PowerRow:
    return PowerRow(kind, "what it is", plantings, 4, 2, found, intrusions, 0.5, None, by_chance, 1.0)


def _bar(one: PowerRow) -> str:
    line = power_chart(Power("s", 1, 1, 1, (one,))).splitlines()[1]
    return line[line.index("[") + 1 : line.index("]")]


# Wilson's interval: 0 of 10 is 0 to 27.75 %, 5 of 10 is 23.66 to 76.34 %, 10 of 10 is 72.25 to 100 %
@pytest.mark.parametrize(
    ("one", "bar"),
    [
        (_kind("none"), "|" + "." * 10 + " " * 29),
        (_kind("half", found=5, intrusions=2, by_chance=0.99), "#" * 8 + "+" * 12 + "." * 11 + " " * 8 + "|"),
        (_kind("all", found=10, intrusions=10, by_chance=0.5), "#" * 20 + "|" + "#" * 19),
        (_kind("lot", found=10, by_chance=1.0), "+" * 39 + "|"),
        (_kind("unplanted", plantings=0, by_chance=0.5), " " * 40),
    ],
)
def test_a_bar_is_forty_characters_from_nothing_to_all(one: PowerRow, bar: str) -> None:
    assert len(bar) == 40
    assert _bar(one) == bar


def test_the_chart_stands_under_the_table_and_says_what_its_signs_are() -> None:
    rows = (_kind("half", found=5), _kind("a-longer-name"), _kind("unplanted", plantings=0))
    told = power_text(Power("s", 1, 1, 1, rows))
    lines = told.splitlines()
    assert [one.split("]")[1] for one in lines if "[" in one] == [
        " 50% (24% to 76%)",
        " 0% (0% to 28%)",
        " not planted",
    ]
    assert len({one.index("[") for one in lines if "[" in one}) == 1
    assert "how often there would be a lead by lot" in told.replace("\n", " ")
    assert power_text(Power("s", 1, 0, 1, ())), "a case on which nobody could be planted"


def test_the_picture_holds_every_kind_and_needs_nothing_from_outside() -> None:
    text = chart((_kind("half", found=5, intrusions=2, by_chance=0.2), _kind("unplanted", plantings=0)))
    whole = ET.fromstring(text)  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    told = [one.text for one in whole.iter(f"{space}text")]
    assert {"half", "unplanted", "not planted", "95 % interval"} <= set(told)
    # 460 wide from 190 on: two of ten are 92, the three that are leads only 138 more
    bars = [(one.get("x"), one.get("width")) for one in whole.iter(f"{space}rect") if one.get("height") == "14"]
    assert bars[:2] == [("190.0", "92.0"), ("282.0", "138.0")]
    assert "href" not in text
    assert "<script" not in text
