"""An event's data are the same, whether it comes as XML or as JSON: attributes of its elements included."""

from __future__ import annotations

import io

import msgspec
import pytest

from dwell.sources.evtx_json_shape import read_event
from dwell.sources.evtx_xml import EvtxXml
from dwell.sources.source import Hint

HEAD = "<System><EventID>70</EventID><Channel>c</Channel></System>"


def from_xml(data: str) -> dict[str, str]:
    """Give the data of an event that is read as XML."""
    event = f'<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event">{HEAD}{data}</Event>'
    batches = list(EvtxXml().read(io.BytesIO(event.encode()), Hint()))
    rows = [row for one in batches if one.records is not None for row in one.records.to_pylist()]
    assert len(rows) == 1
    return dict(rows[0]["EventData"] or [])


def from_json(data: object) -> dict[str, str]:
    """Give the data of the same event as JSON; no text is an empty one in XML."""
    event = {"Event": {"System": {"EventID": 70, "Channel": "c"}, **data}}  # type: ignore[dict-item]
    read = read_event(msgspec.json.encode(event))
    assert read is not None
    return {name: "" if value is None else value for name, value in read[1].items()}


@pytest.mark.parametrize(
    ("xml", "json"),
    [
        (
            '<UserData><K xmlns="x"><C subjectName="CN=x"/><Aux Process="m.exe"/><R value="0">ok</R><E/></K></UserData>',
            {
                "UserData": {
                    "K": {
                        "#attributes": {"xmlns": "x"},
                        "C": {"#attributes": {"subjectName": "CN=x"}},
                        "Aux": {"#attributes": {"Process": "m.exe"}},
                        "R": {"#attributes": {"value": "0"}, "#text": "ok"},
                        "E": None,
                    }
                }
            },
        ),
        (
            '<UserData><K a="1"><B c="2"><D e="3">f</D></B></K></UserData>',
            {
                "UserData": {
                    "K": {
                        "#attributes": {"a": "1"},
                        "B": {"#attributes": {"c": "2"}, "D": {"#attributes": {"e": "3"}, "#text": "f"}},
                    }
                }
            },
        ),
        (
            '<EventData Name="T"><Data Name="A">x</Data><Data>u</Data><Data Name="B"/><C a="1"><d>2</d></C></EventData>',
            {
                "EventData": {
                    "#attributes": {"Name": "T"},
                    "A": "x",
                    "Data": {"#text": "u"},
                    "B": None,
                    "C": {"#attributes": {"a": "1"}, "d": "2"},
                }
            },
        ),
    ],
)
def test_xml_gives_the_data_that_json_gives(xml: str, json: object) -> None:
    assert from_xml(xml) == from_json(json)


def test_texts_beside_elements_and_attributes_far_down_are_kept() -> None:
    assert from_xml("<UserData><K>one<B/>two</K></UserData>") == {"K": "onetwo", "K.B": ""}
    deep = from_xml(f"<UserData><K>{'<L>' * 70}<M n='far'/>{'</L>' * 70}</K></UserData>")
    assert "far" in deep.values()


def test_data_with_attributes_beside_its_name_keep_them() -> None:
    read = from_xml('<EventData><Data Name="A" Type="win:Hex">0x1</Data><Data Name="B">2</Data></EventData>')
    assert read == {"A": "0x1", "A@Type": "win:Hex", "B": "2"}
