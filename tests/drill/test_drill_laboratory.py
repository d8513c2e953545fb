"""Entries and ways beyond the owners' passwords and programs: each leaves the raw records that the real thing leaves."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dwell.drill import DrillPlan, Scenario, scenario, write_drill

FIRST, LAST = datetime(2021, 2, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC)


def made(name: str, folder: Path) -> dict[str, Any]:
    """Write a small exercise of a scenario; give the truth about the quiet intruder."""
    truth = write_drill(folder / "evidence", folder / "truth.json", DrillPlan(5, 24, FIRST, LAST, scenario(name)))
    return next(one for one in truth["intruders"] if one["id"] == "quiet")


def text_of(folder: Path, pattern: str) -> str:
    """Give all text of some files of the evidence."""
    found = sorted((folder / "evidence").rglob(pattern))
    return "\n".join(one.read_text("utf-8-sig", errors="replace") for one in found)


@pytest.mark.parametrize(
    "traits",
    [
        {"mode": "export"},
        {"mode": "forged", "entry": "spray"},
        {"entry": "window"},
        {"tidy": ("desk",)},
        {"imap_share": 2.0},
    ],
)
def test_a_way_that_makes_no_sense_is_refused(traits: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="scenario"):
        Scenario(**traits)  # type: ignore[arg-type]


def test_a_spray_is_refused_everywhere_and_let_in_where_the_password_is(tmp_path: Path) -> None:
    truth = made("spray", tmp_path)
    lines = [one for one in text_of(tmp_path, "u_ex*.log").splitlines() if "15.00.0913.015" in one]
    users = {status: {one.split(" ")[7] for one in lines if f" {status} 0 " in one} for status in (200, 401)}
    assert len(users[401]) == 24
    assert {one.partition("\\")[2] for one in users[200]} == {one.partition("@")[0][:20] for one in truth["mailboxes"]}
    assert truth["entry"] == "spray"
    assert {one.split(" ")[0] for one in lines} == {truth["first_utc"][:10]}


def _cmdlets(folder: Path, name: str) -> list[str]:
    return re.findall(rf"<Data>{name}</Data><Data>([^<]*)</Data>", text_of(folder, "MSExchange Management.xml"))


def test_proxyshell_leaves_its_requests_a_role_a_page_and_files(tmp_path: Path) -> None:
    truth = made("proxyshell-export", tmp_path)
    text = text_of(tmp_path, "u_ex*.log")
    asked = r"POST /autodiscover/autodiscover\.json @evil\.example/powershell/\?X-Rps-CAT=\S+&Email=autodiscover/"
    assert re.search(asked, text)
    assert re.search(r"POST /aspnet_client/qkwzt\.aspx .* 200 0 0 ", text)
    assert re.search(r"GET /aspnet_client/[0-9a-f]{8}\.pst ", text)
    assert any("Mailbox Import Export" in one for one in _cmdlets(tmp_path, "New-ManagementRoleAssignment"))
    told = _cmdlets(tmp_path, "New-MailboxExportRequest")
    his = [one for one in told if "127.0.0.1" in one]
    assert any(one.rstrip('"').endswith(".aspx") for one in his)
    taken = {match[1] for one in his if ".pst" in one and (match := re.search(r'-Mailbox "([^"]+)"', one))}
    assert taken == set(truth["mailboxes"]) == set(truth["grades"])
    # what is exported by right is not his
    assert [one for one in told if "fs01" in one]


def test_a_stolen_administrator_works_from_outside_and_the_real_one_inside(tmp_path: Path) -> None:
    truth = made("administrator-export", tmp_path)
    text = text_of(tmp_path, "u_ex*.log")
    # behind the balancer the client stands at the end of the line
    clients = {
        one
        for line in text.splitlines()
        if " /powershell " in line
        for one in re.findall(r"(?:10\.20\.250\.40|100\.\d+\.\d+\.\d+)", line)
    }
    assert clients == {"10.20.250.40", *truth["clients"]}


def test_remote_powershell_is_told_by_its_own_log_for_a_month(tmp_path: Path) -> None:
    made("administrator-export", tmp_path)
    paths = sorted((tmp_path / "evidence").rglob("Rps_Cmdlet_*.LOG"))
    assert paths
    assert min(one.name for one in paths)[11:19] >= "20210301"
    for path in paths:
        rows = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
        assert {len(row) for row in rows if not row[0].startswith(("#Soft", "#Ver", "#Log", "#Date"))} == {67}


def test_imap_stands_in_its_own_log_and_in_no_web_log(tmp_path: Path) -> None:
    truth = made("imap", tmp_path)
    text = text_of(tmp_path, "IMAP4*.LOG")
    his = [one for one in text.splitlines() if any(f",{client}:" in one for client in truth["clients"])]
    assert {one.split(",")[5] for one in his} - {""} == {one.partition("@")[0][:20] for one in truth["mailboxes"]}
    assert any("BODY.PEEK[]" in one for one in his)
    others = {one.split(",")[5] for one in text.splitlines() if ",login," in one and one not in his}
    assert others
    web = text_of(tmp_path, "u_ex*.log") + text_of(tmp_path, "HttpProxy_*.LOG")
    assert not [client for client in truth["clients"] if client in web]


def test_the_mapi_log_tells_what_the_intruders_outlook_takes(tmp_path: Path) -> None:
    truth = made("outlook-sync", tmp_path)
    text = text_of(tmp_path, "MapiHttp_*.LOG")
    rows = [one for line in text.splitlines() if line[:1] == "2" for one in csv.reader([line])]
    assert {len(one) for one in rows} == {46}
    his = [one for one in rows if one[22] in truth["clients"]]
    assert {one[15] for one in his} == set(truth["mailboxes"])
    assert {one[42] for one in his} == {"254|2|112|78|78|130"}


def test_forged_calls_leave_no_file_and_stand_in_logs_that_were_kept(tmp_path: Path) -> None:
    truth = made("forged-calls", tmp_path)
    proxy = text_of(tmp_path, "HttpProxy_*.LOG")
    assert re.search(r"ServerInfo~a\]@EX0\d\.ministry\.example:444/EWS/Exchange\.asmx", proxy)
    ews = [one.split(",") for one in text_of(tmp_path, "Ews_*.LOG").splitlines() if "NT AUTHORITY\\SYSTEM" in one]
    assert set(truth["mailboxes"]) <= {cell for row in ews for cell in row if "@" in cell}
    assert "qkwzt" not in text_of(tmp_path, "u_ex*.log")


def test_a_relay_signs_in_from_one_machine_inside_by_ntlm(tmp_path: Path) -> None:
    truth = made("relay", tmp_path)
    assert truth["clients"] == ["10.20.44.201"]
    rows = [one.split(",") for one in text_of(tmp_path, "Ews_*.LOG").splitlines() if ",10.20.44.201," in one]
    assert {one[8] for one in rows} == {"NTLM"}


def test_forwarding_is_set_in_the_owners_name(tmp_path: Path) -> None:
    truth = made("forwarding", tmp_path)
    told = [*_cmdlets(tmp_path, "New-InboxRule"), *_cmdlets(tmp_path, "Set-Mailbox")]
    his = [one for one in told if "archive@mail-box.example" in one]
    assert {match[1] for one in his if (match := re.search(r'"([^"]+@ministry\.example)"', one))} == set(
        truth["mailboxes"]
    )


def test_who_tidies_up_clears_the_security_logs_and_switches_the_audit_off(tmp_path: Path) -> None:
    truth = made("tidied", tmp_path)
    for host in ("EX01", "EX02"):
        log = (tmp_path / "evidence" / host / "events" / "Security.xml").read_text("utf-8")
        assert "<EventID>1102</EventID>" in log
    assert any("AdminAuditLogEnabled" in one for one in _cmdlets(tmp_path, "Set-AdminAuditLogConfig"))
    off = [one for one in _cmdlets(tmp_path, "Set-Mailbox") if "-AuditEnabled" in one]
    assert len(off) == len(truth["mailboxes"])
