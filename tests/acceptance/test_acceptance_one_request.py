"""One record in three lists of columns and in two collectors' shapes: the same columns, and the same access."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.whole import answered, investigated
from tests.scope.staged import Staged, iis_log, stage, text_log

from dwell.archive.datafile import read_rows
from dwell.scope.access import Accesses
from dwell.scope.identities import Identities

Shape = Callable[[Mapping[str, str]], dict[str, str | bytes]]
ID = "0a1b2c3d-0001-4000-8000-00000000000a"
CLIENT, BALANCER, FRONT_END = "203.0.113.9", "10.0.0.5", "10.0.0.11"
PROXY = {
    "DateTime": "2021-03-03T10:00:00.150Z", "RequestId": ID, "Protocol": "Ews", "UrlStem": "/EWS/Exchange.asmx",
    "AuthenticatedUser": "GOV\\svc", "AnchorMailbox": "svc@gov.example", "UserAgent": "ExchangeServicesClient/15.0",
    "ClientIpAddress": BALANCER, "ServerHostName": "EX01", "HttpStatus": 200, "ResponseBytes": 520, "MajorVersion": 15,
    "MinorVersion": 1, "BuildVersion": 2176, "RevisionVersion": 2,
}  # fmt: skip
CALL = {
    "DateTime": "2021-03-03T10:00:00.120Z", "RequestId": ID, "AuthenticatedUser": "GOV\\svc", "SoapAction": "GetItem",
    "UserAgent": "ExchangeServicesClient/15.0", "ClientIpAddress": FRONT_END, "FrontEndServer": "EX01",
    "ServerHostName": "EX01", "HttpStatus": 200, "ResponseSize": 400, "ActAsUser": "chief@gov.example", "MajorVersion": 15,
    "MinorVersion": 1, "BuildVersion": 2176, "RevisionVersion": 2,
}  # fmt: skip
PARTS = "Cmd=Sync&User=GOV%5Csvc&DeviceId=APPL1A&MailboxId=chief%40gov.example"
FRONT = {
    "at": "2021-03-03 10:00:00", "stem": "/EWS/Exchange.asmx", "query": f"{PARTS}&cafeReqId={ID};", "client": BALANCER,
    "forwarded": CLIENT, "agent": "ExchangeServicesClient/15.0", "sent": 500,
}  # fmt: skip
BACK = {**FRONT, "port": 444, "client": FRONT_END, "forwarded": "-", "user": "GOV\\EX01$", "agent": "-", "sent": 410}
LAYOUTS: Mapping[str, Callable[[list[str]], list[str]]] = {
    "in order": lambda names: names,
    "turned round": lambda names: names[::-1],
    "with columns of another version": lambda names: ["ActivityId", *names, "NewColumn", "AnotherColumn"],
}


def turned(log: str, turn: Callable[[list[str]], list[str]]) -> str:
    """Give an IIS log with its columns in a layout; what a layout has more holds nothing."""
    lines = log.split("\r\n")
    at = next(place for place, line in enumerate(lines) if line.startswith("#Fields: "))
    names = lines[at].removeprefix("#Fields: ").split(" ")
    # day and time stand first in whatever list a site chooses
    wanted = ["date", "time", *(one for one in turn(names) if one not in {"date", "time"})]
    rows = [dict(zip(names, line.split(" "), strict=True)) for line in lines[at + 1 :] if line]
    told = [" ".join(row.get(one, "-") for one in wanted) for row in rows]
    return "\r\n".join([*lines[:at], "#Fields: " + " ".join(wanted), *told, ""])


def logs(layout: str) -> dict[str, str]:
    """Give the logs of the request, with their columns in a layout."""
    turn = LAYOUTS[layout]
    return {
        "proxy": text_log("HttpProxy Logs", ",".join(turn(list(PROXY))), [PROXY]),
        "ews": text_log("EWS Logs", ",".join(turn(list(CALL))), [CALL]),
        "iis": turned(iis_log([FRONT, BACK]), turn),
    }


def collector_zip(told: Mapping[str, str]) -> dict[str, str | bytes]:
    """Give the logs as ExchangeLogCollector zips them: each kind in a folder of its own below the server's."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("EX01/IIS_W3SVC1_Logs/u_ex210303.log", told["iis"])
        archive.writestr("EX01/HttpProxy_Ews_Logs/HttpProxy_2021030310-1.LOG", told["proxy"])
        archive.writestr("EX01/EWS_BE_Logs/Ews_2021030310-1.LOG", told["ews"])
    return {"EX01-35.zip": made.getvalue()}


def drive_tree(told: Mapping[str, str]) -> dict[str, str | bytes]:
    """Give the logs below the drive of a machine, as KAPE copies them."""
    drive = "2021-03-05T100000_EX01/C"
    exchange = f"{drive}/Program Files/Microsoft/Exchange Server/V15/Logging"
    return {
        f"{drive}/inetpub/logs/LogFiles/W3SVC1/u_ex210303.log": told["iis"],
        f"{exchange}/HttpProxy/Ews/HttpProxy_2021030310-1.LOG": told["proxy"],
        f"{exchange}/Ews/Ews_2021030310-1.LOG": told["ews"],
    }


def columns(staged: Staged, table: str) -> list[dict[str, Any]]:
    """Give the rows of a table, but for which file they came from and what is beyond its columns."""
    (file,) = staged.archive.files(table)
    wanted = [one for one in staged.archive.specs[table].schema.names if one not in {"evidence_id", "extra"}]
    found: list[dict[str, Any]] = read_rows(file, wanted).to_pylist()
    return found


def access(staged: Staged) -> tuple[dict[str, Any], list[tuple[str, str, int, int, int | None]]]:
    """Give the one session there is, and what each log holds of it."""
    rolled = staged.rolled()
    (session,) = rolled.tables["sessions"].to_pylist()
    accesses = Accesses(rolled.tables["sessions"], Identities(), rolled.tables["grounds"])
    told = [(one.layer, one.ref.table, one.ref.record_no, one.requests, one.sent) for one in accesses.layers_of([0])[0]]
    return {name: value for name, value in session.items() if name != "evidence_id"}, told


@pytest.mark.parametrize("layout", list(LAYOUTS))
@pytest.mark.parametrize("shape", [collector_zip, drive_tree])
def test_three_lists_of_columns_and_two_collectors_give_one_access(tmp_path: Path, layout: str, shape: Shape) -> None:
    plain = stage(tmp_path / "plain", drive_tree(logs("in order")))
    other = stage(tmp_path / "other", shape(logs(layout)))
    for table in ("iis", "httpproxy", "ews"):
        assert columns(plain, table) == columns(other, table), table
    for row in columns(other, "iis"):
        assert [row[one] for one in ("cafeReqId", "Cmd", "User", "DeviceId", "MailboxId")] == [
            ID, "Sync", "GOV\\svc", "APPL1A", "chief@gov.example",
        ]  # fmt: skip
    session, told = access(other)
    assert (session, told) == access(plain)
    assert (session["client"], session["mailbox"], session["requests"]) == (CLIENT, "chief@gov.example", 1)
    assert [layer for layer, *_ in told] == ["ews", "httpproxy", "back", "front"]


def test_the_records_of_all_four_layers_are_the_grounds_of_what_is_said_of_the_mailbox(tmp_path: Path) -> None:
    """A person says that the client is the intruder's; the exposure then leads back to each log."""
    before = investigated(tmp_path, drive_tree(logs("in order")))
    found = answered(before, "mark", f"{CLIENT}/32", "theirs", "--reason", "seen at another site")
    (mailbox,) = [one for one in found.summary["mailboxes"] if one["intrusions"]]
    assert mailbox["mailbox"] == "chief@gov.example"
    assert {(one["table"], one["record_no"]) for one in mailbox["grounds"]} == {
        ("ews", 5), ("httpproxy", 5), ("iis", 4), ("iis", 5),
    }  # fmt: skip
