"""Configuration files: places, locations, secrets, and hostile XML."""

from __future__ import annotations

import codecs
import hashlib
import io

import pytest
from fuzz.contract import check, read_all

from dwell.model.provenance import AnomalyKind
from dwell.sources import iis_config
from dwell.sources.iis_config import IisConfig

READER = IisConfig()


@pytest.mark.parametrize("written", ["aabb", "AABB,IsolateApps", "aabb,IsolateByAppId", " AaBb "])
def test_one_key_is_known_however_it_is_written(written: str) -> None:
    """A key that was written in small letters on one day and not on the other was 'renewed'."""
    text = f'<configuration><system.web><machineKey validationKey="{written}" /></system.web></configuration>'
    reading = check(READER, text.encode())
    key = dict(reading.rows[0]["extra"])["validationKey"]
    assert key == "sha256:" + hashlib.sha256(b"AABB").hexdigest()


def test_keys_and_passwords_do_not_leave_the_file() -> None:
    text = """<configuration><system.web>
    <machineKey validationKey="AABB" decryptionKey="CCDD,IsolateApps" />
    <identity userName="x" password="p4ss" /></system.web>
    <!-- <machineKey validationKey='AABB' decryptionKey="CCDD" password = "p4ss"/> -->
    <password>p4ss</password></configuration>"""
    reading = check(READER, text.encode())
    told = repr(reading.rows)
    for secret in ("AABB", "CCDD", "p4ss"):
        assert secret not in told
    key = dict(reading.rows[0]["extra"])["validationKey"]
    assert key == "sha256:" + hashlib.sha256(b"AABB").hexdigest()


def test_an_element_knows_where_it_lies_and_for_what_location() -> None:
    text = """<configuration><location path="A/b"><system.webServer><modules>
    <add name="m" type="T" /></modules></system.webServer></location><x a="1"/></configuration>"""
    rows = check(READER, text.encode()).rows
    assert rows[1]["section"] == "configuration/location/system.webServer/modules"
    assert rows[1]["within"] == "configuration/location[A/b]/system.webServer/modules"
    assert [row["location"] for row in rows] == ["A/b", "A/b", None]


def test_entities_are_refused_and_depth_costs_no_more_than_its_place() -> None:
    bomb = '<!DOCTYPE c [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><configuration><a b="&b;"/></configuration>'
    reading = check(READER, bomb.encode())
    assert not reading.rows
    assert [one.kind for one in reading.anomalies] == [AnomalyKind.BAD_XML]
    deep = "<configuration>" + '<a b="1">' * 5000 + "</a>" * 5000 + "</configuration>"
    rows = check(READER, deep.encode()).rows
    assert len(rows) == 5000
    assert max(len(row["section"]) for row in rows) < 100


def test_a_text_beyond_the_limit_is_one_anomaly() -> None:
    data = b"<configuration>" + b" " * iis_config.CONFIG_BYTES_MAX + b"</configuration>"
    reading = check(READER, data)
    assert [(one.kind, one.length_bytes) for one in reading.anomalies] == [(AnomalyKind.TOO_LONG, len(data))]


def test_what_is_no_xml_is_kept_from_a_whole_character_on() -> None:
    text = "".join("\0" + chr(ord(one) << 8) for one in "tEnd\\HttpProxy")
    data = codecs.BOM_UTF16_LE + text.encode("utf-16-le")
    (one,) = read_all(READER, io.BytesIO(data)).anomalies
    assert one.offset_bytes
    assert one.kept == data[one.offset_bytes :]
    assert one.offset_bytes + one.length_bytes == len(data)
