"""Attackers write into every field of every log: it reaches every output harmless and visible."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.cli.conftest import Dwell

from dwell.cli.main import main
from dwell.report.listings import LISTINGS

NASTY = "<script>alert(1)</script>=cmd|'/C_calc'!A0{{7*7}}\x1b[31m\u202egnp.exe\x07[bold]"
FIELDS = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status "
    "time-taken"
)
PROXY = (
    "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,Protocol,UrlStem,AuthenticatedUser,"
    "AnchorMailbox,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,RequestBytes,ResponseBytes,UrlQuery"
)


class Tags(HTMLParser):
    """Gathers what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.acting: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note scripts, frames, handlers and outside addresses."""
        if tag in {"script", "iframe", "object", "embed", "form", "img", "base", "link"}:
            self.acting.append(tag)
        for name, value in attrs:
            if name.startswith("on") or (name in {"href", "src"} and not (value or "").startswith("#")):
                self.acting.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        """Gather text."""
        self.text.append(data)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give evidence whose every text holds what an attacker would write."""
    root = tmp_path_factory.mktemp("hostile")
    bare = NASTY.replace(" ", "+")
    iis = [f"#Fields: {FIELDS}"]
    for number in range(40):
        user = f"MINISTRY\\u{number % 8}{bare}"
        agent = f"tool/{number // 20}{bare}"
        line = f"2021-03-{number % 28 + 1:02} 03:00:{number:02} 10.0.0.1 POST /aspnet_client/{bare}.aspx"
        iis.append(f"{line} {bare} 443 {user} 198.51.100.7 {agent} {bare} 200 5")
        page = f"2021-03-{number % 28 + 1:02} 03:01:{number:02} 10.0.0.1 GET /owa/ {bare} 443 {user}"
        iis.append(f"{page} 198.51.100.7 {agent} - 200 5")
    place = root / "EX01" / "inetpub" / "logs" / "LogFiles" / "W3SVC1"
    place.mkdir(parents=True)
    (place / "u_ex210301.log").write_text("\r\n".join(iis) + "\r\n", encoding="utf-8")
    (place / f"{'=cmd!A1'}_u_ex210302.log").write_text("\r\n".join(iis[:9]) + "\r\n", encoding="utf-8")
    quoted = '"' + NASTY.replace('"', '""') + '"'
    anchor = '"ServerInfo~' + NASTY + ']@ex01:444/ecp/DDI/DDIService.svc/SetObject?schema=ResetOABVirtualDirectory#"'
    proxy = f"2021-03-03T02:00:00.000Z,{quoted},15,1,2176,2,Ecp,/ecp/y.js,{quoted},{anchor},{quoted}"
    proxy += f",198.51.100.7,EX01,200,1,2,{quoted}"
    folder = root / "EX01" / "Logging" / "HttpProxy" / "Ecp"
    folder.mkdir(parents=True)
    head = f"#Software: Microsoft Exchange Server\r\n#Log-type: HttpProxy Logs\r\n#Fields: {PROXY}\r\n"
    (folder / "HttpProxy_2021030302-1.LOG").write_text(f"{head}{proxy}\r\n", encoding="utf-8")
    audit = {
        "CreationTime": "2021-03-03T02:00:00", "Id": NASTY, "Operation": "MailItemsAccessed", "Workload": "Exchange",
        "RecordType": 50, "UserId": f"u1{NASTY}@m.example", "MailboxOwnerUPN": f"u1{NASTY}@m.example",
        "ClientIPAddress": "198.51.100.7", "ClientInfoString": f"Client={NASTY}",
        "OperationProperties": [{"Name": "MailAccessType", "Value": "Bind"}],
        "Folders": [{"Path": NASTY, "FolderItems": [{"InternetMessageId": NASTY}]}],
    }  # fmt: skip
    (root / "audit.json").write_text(json.dumps(audit) + "\n", encoding="utf-8")
    rows = [["Path", "SHA256", "Size", "CreationTimeUtc", "LastWriteTimeUtc"]]
    rows.append([f"C:\\inetpub\\wwwroot\\aspnet_client\\{NASTY}.aspx", NASTY, "1", NASTY, NASTY])
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    (root / "EX01" / "files.csv").write_text(text.getvalue(), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def hostile_case(hostile: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the case of the hostile evidence."""
    case = tmp_path_factory.mktemp("hostile") / "case"
    words = ["investigate", str(hostile), "-c", str(case), "-q", "--workers", "1", "-o", str(case) + ".txt"]
    assert main(words) in {0, 11}
    return case


def harmless(text: str) -> bool:
    """Say whether a text holds nothing that acts on a terminal or reorders what is read."""
    return not ({"\x1b", "\u202e", "\x07", "\x00", "\x9b"} & set(text))


def test_page_runs_nothing_and_shows_everything(hostile_case: Path) -> None:
    page = (hostile_case / "report" / "report.html").read_text(encoding="utf-8")
    reader = Tags()
    reader.feed(page)
    assert reader.acting == []
    shown = "".join(reader.text)
    assert "<script>alert(1)</script>" in shown
    assert "\\x1b[31m" in shown
    assert "<U+202E>" in shown
    assert "{{7*7}}" in shown
    assert harmless(page)


def test_json_is_plain_ascii_and_brings_the_text_back(hostile_case: Path) -> None:
    raw = (hostile_case / "report" / "summary.json").read_bytes()
    assert raw.isascii()
    assert b"\x1b" not in raw
    found = json.loads(raw)
    assert "\x1b[31m" in json.dumps([one["what"] for one in found["foothold"]], ensure_ascii=False).replace(
        "\\u001b", "\x1b"
    )


@pytest.mark.parametrize("verb", ["answers", "hunt", *LISTINGS])
def test_terminal_text_is_harmless(verb: str, hostile_case: Path, dwell: Dwell) -> None:
    ran = dwell(verb, "-c", hostile_case, "-q")
    assert ran.code == 0
    assert harmless(ran.out)


@pytest.mark.parametrize("verb", ["hunt", *LISTINGS])
def test_no_cell_of_a_sheet_is_a_formula(verb: str, hostile_case: Path, dwell: Dwell) -> None:
    ran = dwell(verb, "-c", hostile_case, "-t", "csv", "-q")
    assert harmless(ran.out)
    cells = [cell for row in csv.reader(io.StringIO(ran.out)) for cell in row]
    assert [one for one in cells if one.lstrip(" \t").startswith(("=", "+", "@"))] == []
    assert [one for one in cells if one.startswith("-") and not one[1:].replace(".", "").isdigit()] == []


def test_search_and_why_are_harmless(hostile_case: Path, dwell: Dwell) -> None:
    found = dwell("search", "script", "-c", hostile_case, "-q")
    assert "shown" in found.out
    assert harmless(found.out)
    for name in ("foothold-1", "lead-1"):
        assert harmless(dwell("why", name, "-c", hostile_case, "-q").out)


def test_plan_shows_odd_file_names_harmless(hostile: Path, dwell: Dwell, tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / "a\x1b[2Jb\u202ec.log").write_bytes(next(hostile.rglob("u_ex210301.log")).read_bytes())
    ran = dwell("ingest", odd, "--dry-run")
    assert harmless(ran.out)
    assert "\\x1b[2J" in ran.out
