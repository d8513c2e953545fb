"""What PowerShell shows, what the directory itself writes, and what Log Parser made: the columns of the other forms."""

from __future__ import annotations

import base64
import io
import struct
import time
import uuid
from typing import Any

import pytest
from fuzz.contract import read_all

from dwell.model.provenance import EXTRACT, FactKind
from dwell.sources.directory_words import generalized_time, guid_text, sid_text, ticks_time
from dwell.sources.registry import identify, source
from dwell.sources.source import Sniff

RULE = {
    "MailboxOwnerId": "corp.example/Users/Minister",
    "Name": ". : x",
    "Enabled": "True",
    "RuleIdentity": "42",
    "ForwardTo": '{"drop" [SMTP:drop@other.example]}',
    "DeleteMessage": "True",
}
PERSON = {
    "Name": "Anna Berg",
    "Alias": "anna",
    "SamAccountName": "anna",
    "UserPrincipalName": "anna@gov.example",
    "PrimarySmtpAddress": "Anna.Berg@gov.example",
    "EmailAddresses": "{SMTP:Anna.Berg@gov.example, smtp:anna@gov.example}",
    "ExchangeGuid": "00000005-1111-4222-8333-000000000005",
}
SID = "S-1-5-21-1-2-3-1105"
SID_BYTES = bytes([1, 5]) + (5).to_bytes(6, "big") + b"".join(struct.pack("<I", one) for one in (21, 1, 2, 3, 1105))


def _list(*records: dict[str, str], wrap: int = 10_000) -> str:
    """Show records as `Format-List` does, values cut at the width of the screen."""
    out = []
    for record in records:
        width = max(map(len, record))
        for name, value in record.items():
            room = wrap - width - 3
            pieces = [value[at : at + room] for at in range(0, len(value), room)] or [""]
            out.append(f"{name:<{width}} : {pieces[0]}")
            out += [" " * (width + 3) + piece for piece in pieces[1:]]
        out.append("")
    return "\n".join(out) + "\n"


def _csv(record: dict[str, str]) -> str:
    cells = [value.replace('"', '""') for value in record.values()]
    return "#TYPE x\n" + ",".join(f'"{one}"' for one in record) + "\n" + ",".join(f'"{one}"' for one in cells) + "\n"


def _rows(key: str, text: str | bytes) -> list[dict[str, Any]]:
    data = text.encode() if isinstance(text, str) else text
    found = read_all(source(key), io.BytesIO(data))
    assert not found.anomalies
    return [{name: value for name, value in row.items() if name != "record_no" and value} for row in found.rows]


def _key(text: str) -> str:
    guesses = identify(Sniff(text.encode(), "x.txt", complete=True))
    return guesses[0].source if guesses else ""


@pytest.mark.parametrize(("key", "record"), [("exports", RULE), ("directory", PERSON)])
@pytest.mark.parametrize("wrap", [10_000, 80])
def test_what_powershell_shows_has_the_columns_of_the_export(key: str, record: dict[str, str], wrap: int) -> None:
    shown = _list(record, record, wrap=wrap)
    assert _key(shown) == f"{key}_list"
    assert _rows(f"{key}_list", shown) == _rows(key, _csv(record)) * 2
    assert source(f"{key}_list").table == source(key).table


def test_a_list_that_powershell_cut_is_told() -> None:
    whole, cut = dict(PERSON), PERSON | {"EmailAddresses": "{smtp:a@x, smtp:b@x, smtp:c@x, smtp:d@x...}"}
    found = read_all(source("directory_list"), io.BytesIO(_list(whole, cut).encode()))
    assert [(one.kind, one.record_no) for one in found.facts] == [(FactKind.TRUNCATED, len(PERSON) + 2)]


@pytest.mark.parametrize(
    "text",
    [
        "Name : value\nOther : value\n",
        "2021-01-04 08:00:00 : a\nError : b\n",
        "Directory: C:\\temp\n\nMode : d\nName : x\n",
        "just words\n\n" + _list(PERSON),
    ],
)
def test_text_with_colons_is_no_export(text: str) -> None:
    assert _key(text) not in {"exports_list", "directory_list"}


def test_identifiers_in_bytes_are_given_in_words_in_both_forms_of_the_directory() -> None:
    guid = uuid.UUID(PERSON["ExchangeGuid"])
    ldif = (
        "dn: CN=Anna,DC=gov\nchangetype: add\nsAMAccountName: anna\nuserPrincipalName: anna@gov.example\n"
        f"objectSid:: {base64.b64encode(SID_BYTES).decode()}\n"
        f"msExchMailboxGuid:: {base64.b64encode(guid.bytes_le).decode()}\n"
    )
    csvde = (
        "DN,sAMAccountName,userPrincipalName,objectSid,msExchMailboxGuid\n"
        f"\"CN=Anna,DC=gov\",anna,anna@gov.example,X'{SID_BYTES.hex()}',X'{guid.bytes_le.hex()}'\n"
    )
    assert (_key(ldif), _key(csvde)) == ("directory_ldif", "directory")
    for key, text in (("directory_ldif", ldif), ("directory", csvde)):
        (row,) = _rows(key, text)
        assert (row["ObjectSid"], row["ExchangeGuid"]) == (SID, str(guid)), key


def test_words_for_what_the_directory_writes() -> None:
    assert sid_text(SID_BYTES) == SID
    assert [sid_text(one) for one in (b"", SID_BYTES[:-1], SID_BYTES + b"x", b"\2" + SID_BYTES[1:])] == [None] * 4
    assert guid_text(b"x" * 15) is None
    assert ticks_time("132541749000000000") == "2021-01-03T19:15:00Z"
    assert [ticks_time(one) for one in ("0", "-1", "", "9223372036854775807", "1" * 40, "١")] == [None] * 6
    assert generalized_time("20210103191500.0Z") == "2021-01-03T19:15:00Z"
    assert [generalized_time(one) for one in ("20211303191500.0Z", "20210103", "0")] == [None] * 3


def test_channels_as_xml_have_the_names_of_the_form_as_text() -> None:
    text = "name: Security\nenabled: true\nlogging:\n  retention: false\n  maxSize: 20971520\n"
    xml = (
        '<channel name="Security" enabled="true">\n<logging>\n<retention>false</retention>\n'
        "<maxSize>20971520</maxSize>\n</logging>\n</channel>\n"
    )
    assert _key(xml) == "channel_settings_xml"
    assert _rows("channel_settings_xml", xml) == _rows("channel_settings", text)


def test_what_log_parser_wrote_has_the_columns_of_the_log_and_is_an_extract() -> None:
    fields = "date time s-computername cs-method cs-uri-stem cs-uri-query c-ip cs(User-Agent) sc-status cs-username"
    line = "2021-03-03 10:00:00 EX01 GET /owa/ Cmd=Sync&cafeReqId=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0; 203.0.113.9 - 200 a"
    native = f"#Software: Microsoft Internet Information Services 10.0\n#Fields: {fields}\n{line}\n"
    made = "LogFilename,LogRow," + fields.replace(" ", ",") + "\nu.log,4," + line.replace(" ", ",") + "\n"
    assert _key(made) == "iis_csv"
    (ours,) = _rows("iis_csv", made)
    assert dict(ours.pop("extra")) == {"LogFilename": "u.log", "LogRow": "4"}
    assert [ours] == _rows("iis", native)
    assert EXTRACT in [one.detail for one in read_all(source("iis_csv"), io.BytesIO(made.encode())).facts]


@pytest.mark.parametrize(
    ("key", "data"),
    [
        ("exports_list", b"A" + b" " * 900_000 + b"\nA" + b" :" * 400_000),
        ("directory_list", (b"a" * 90 + b" ") * 9_000),
        ("directory_ldif", b"dn: x\n" + b" y\n" * 300_000),
        ("channel_settings_xml", b'<channel name="x">' + b"<a" * 300_000 + b"\n" + b"<a>" * 300_000),
        ("channel_settings_xml", (b'<channel name="' + b"name=" * 100_000 + b"\n") * 2),
    ],
)
def test_hostile_lines_are_read_in_time(key: str, data: bytes) -> None:
    start = time.perf_counter()
    read_all(source(key), io.BytesIO(data))
    assert time.perf_counter() - start < SECONDS_MAX


SECONDS_MAX = 5.0
