"""What the ActiveSync server appends to the back end's query, and what it makes of a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.scope.staged import iis_log, iis_place, stage

from dwell.intake.query_columns import query_columns
from dwell.scope.rollup import eas
from dwell.scope.rollup.shapes import Act

STEM = "/Microsoft-Server-ActiveSync/Proxy/default.eas"
FOLDER = "Fid:5_Ty:Em_Filt2_St:S_Sk:2032560363_Sks:2032560364_Sst26_MR0_GetChgsIter1"
SENT = "Srv:6a0c0d0s0e0r0A0sd"


def _act(query: str) -> int:
    # rows before and after it: what is said of one folder says nothing of another row's
    before, after = f"Log=Fid:1_Ty:Em_{FOLDER}", f"Log={SENT}"
    logs = query_columns(pa.array(["-", before, query, after]))["Log"].slice(1)
    found = eas.acts(logs)
    assert (found[0], found[2]) == (0, 0)
    return int(found[1])


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (f"V141_HH:mail_Fc1_{FOLDER}_{SENT}_BR1_S1_", Act.SYNCED),
        (f"V141_Fc1_{FOLDER}_Cli:0a1c0d0f0e0s0fs_{SENT}_S1_", Act.SYNCED),
        (f"V141_Fc1_{FOLDER}_{SENT.replace('Srv', 'Svr')}_S1_", Act.SYNCED),
        (f"V141_Fc2_Fid:2_Ty:Ca_Filt4_St:S_Srv:3a0c0d0s0e0r0A0sd_{FOLDER}_{SENT}_S1_", Act.SYNCED),
        ("V141_Fc1_Fid:2_Ty:Ca_Filt4_St:S_Srv:3a0c0d0s0e0r0A0sd_S1_", 0),
        (f"V141_Fc2_{FOLDER}_BR1_Fid:2_Ty:Ca_Filt4_St:S_Srv:3a0c0d0s0e0r0A0sd_S1_", 0),
        (f"V141_Fc1_{FOLDER}_Srv:0a2c1d0s0e0r0A0sd_S1_", 0),
        (f"V141_Fc1_{FOLDER}_Cli:0a0c0d1f0e0s0fs_S1_", Act.READ),
        ("V141_Io3_ItOfi2_S1_", Act.READ),
        ("V141_ItOfa1_S1_", Act.READ),
        ("V141_Att1_Attb5210_S1_", Act.READ),
        ("V141_Att0_Attb5210_S1_", 0),
        ("V141_Hb1800_S1_", 0),
    ],
)
def test_what_was_sent_to_the_device(log: str, expected: int) -> None:
    assert _act(f"Cmd=Sync&User=anna&DeviceId=a1&Log={log}&cafeReqId={{cafeReqId}};") == expected


def test_only_what_the_server_appended_last_is_believed() -> None:
    forged = f"Cmd=Sync&Log=V141_Fc1_{FOLDER}_{SENT}_&DeviceId=a1&Log=V141_Fc1_{FOLDER}_S1_"
    assert _act(forged) == 0
    assert _act("Cmd=Sync&User=anna&DeviceId=a1") == 0


def _session(root: Path, **more: object) -> dict[str, Any]:
    row = {
        "at": "2021-03-03 10:00:00",
        "stem": STEM,
        "query": f"Cmd=Sync&User=anna&Log=V141_SmtpAdrs:minister%40gov.example_Fc1_{FOLDER}_{SENT}_S1_",
        "user": "GOV\\anna",
        "client": "10.0.0.12",
        "forwarded": "198.18.77.14,10.0.0.5",
        "agent": "Android/2",
        "port": 444,
        **more,
    }
    (found,) = stage(root, {iis_place("EX01", "210303"): iis_log([row])}).rolled().tables["sessions"].to_pylist()
    return dict(found)


def test_the_back_end_names_the_mailbox_and_the_client_before_it(tmp_path: Path) -> None:
    one = _session(tmp_path)
    assert (one["protocol"], one["layer"], one["synced"], one["opened"]) == ("eas", "back", 1, 0)
    assert (one["actor"], one["mailbox"], one["basis"]) == ("GOV\\anna", "minister@gov.example", "explicit")
    assert one["client"] == "198.18.77.14"


def test_the_front_end_is_not_believed_when_it_names_a_mailbox(tmp_path: Path) -> None:
    one = _session(tmp_path, port=443)
    assert (one["mailbox"], one["basis"]) == (None, "assumed")


@pytest.mark.parametrize(
    ("query", "device", "wrote"),
    [
        ("Cmd=Sync&User=anna&DeviceId=appl1a&DeviceType=iPhone", "APPL1A", None),
        ("Cmd=SendMail&DeviceId=APPL1A", "APPL1A", 1),
        ("Cmd=ItemOperations&User=anna", None, 0),
        ("User=anna&DeviceId=%3Cscript%3E&Cmd=MoveItems", None, 1),
    ],
)
def test_the_device_and_whether_anything_was_changed(
    tmp_path: Path, query: str, device: str | None, wrote: int | None
) -> None:
    one = _session(tmp_path, query=query)
    assert (one["device"], one["wrote"]) == (device, wrote)


def test_a_device_is_told_of_phones_only_and_parts_no_session(tmp_path: Path) -> None:
    row = {
        "stem": "/owa/",
        "query": "DeviceId=A1&action=GetItem",
        "user": "GOV\\anna",
        "client": "10.0.0.12",
        "agent": "x",
    }
    phone = {**row, "stem": STEM, "query": "Cmd=Sync&DeviceId=B2"}
    rows = [
        {**one, "at": f"2021-03-03 10:0{minute}:00"}
        for minute, one in enumerate((row, phone, {**phone, "query": "Cmd=Sync&DeviceId=C3"}))
    ]
    found = stage(tmp_path, {iis_place("EX01", "210303"): iis_log(rows)}).rolled().tables["sessions"].to_pylist()
    assert [(one["protocol"], one["device"], one["requests"]) for one in found] == [("eas", "B2", 2), ("owa", None, 1)]
