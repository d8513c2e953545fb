"""The acceptance tests of the must-have features, each by its number; R9, which takes thousands, has a file of its own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.acceptance.whole import SOOTHING, by_day, investigated
from tests.answers.test_answers_exposure import BOUND, FORGED, HELD_BACK, IMPERSONATED, OWNER, SYNCED, evidence
from tests.scope.office import FOREIGN, NETWORK, PEOPLE, log_of, visits, work
from tests.scope.staged import bind, iis_place, proxy_log, security_log, ual_json, utc

from dwell.cli.main import main

BROWSER = "Client=OWA;Mozilla/5.0 Chrome/73.0;"
TARGET = "ServerInfo~a]@EX01.gov.example:444/"
RESET = "ecp/DDI/DDIService.svc/SetObject?schema=ResetOABVirtualDirectory#&a=~1942062522"
AUTODISCOVER = "autodiscover/autodiscover.xml?a=~1942062522"
SERVER = "10.0.0.11"
LOUD = "203.0.113.9"
PROXY = "EX01/Logging/HttpProxy/Ecp/HttpProxy_2021011002-1.LOG"
DIRECTORY = "PrimarySmtpAddress,SamAccountName,UserPrincipalName,PasswordLastSet,ExportedUtc\r\n"


def forged(at: str, anchor: str, *, host: str = "EX01", status: int = 200, client: str = LOUD) -> dict[str, object]:
    """Give one row of HttpProxy's log of ECP."""
    return {
        "DateTime": f"{at.replace(' ', 'T')}.000Z",
        "RequestId": f"{host}-{at}",
        "Protocol": "Ecp",
        "UrlStem": "/ecp/y.js",
        "UserAgent": "python-requests/2.25.1",
        "ClientIpAddress": client,
        "ServerHostName": host,
        "AnchorMailbox": anchor,
        "HttpStatus": status,
    }


def _audited(rows: int) -> str:
    start = utc("2021-01-04 00:00:00")
    times = [f"{start + place * timedelta(days=20) / rows:%Y-%m-%d %H:%M:%S}" for place in range(rows)]
    mine = (PEOPLE[0], PEOPLE[0], "198.19.0.7", BROWSER)
    return ual_json(bind(at, *mine, id=place) for place, at in enumerate(times))


def _managed(hole: range) -> str:
    start = utc("2021-01-04 00:30:00")
    events = [
        {"number": place, "event": 1, "at": f"{start + timedelta(hours=place):%Y-%m-%d %H:%M:%S}"}
        for place in range(480)
        if place not in hole
    ]
    return security_log(events, channel="MSExchange Management")


def test_r1_coverage_ledger(tmp_path: Path) -> None:
    """Remove 3 days of IIS and 1 range of an event log, cap an audit window at 5,000: all three appear.

    And every negative that touches them changes.
    """
    found = []
    for name, gone, hole, rows in (("whole", (), range(0), 4_999), ("less", (10, 11, 14), range(40, 50), 5_000)):
        logs = list(by_day(work(days=20)).items())
        files: dict[str, str | bytes] = {
            iis_place("EX01", day[2:].replace("-", "")): log_of(held)  # type: ignore[arg-type]
            for place, (day, held) in enumerate(logs)
            if place not in gone
        }
        files |= {"UAL.json": _audited(rows), "EX01/winevt/Management.xml": _managed(hole)}
        found.append(investigated(tmp_path / name, files))
    whole, less = found
    lines = [{(one["host"], one["source"]): one for one in each.summary["coverage"]} for each in found]
    assert set(lines[0]) == set(lines[1])
    management, tenant = ("EX01", "evtx/MSExchange Management"), ("M365", "ual")
    assert lines[1]["EX01", "iis"]["missing"] == lines[0]["EX01", "iis"]["missing"] + 72
    assert (lines[0][management]["altered"], lines[0][tenant]["not_recorded"]) == (0, 0)
    assert lines[1][management]["altered"] > 0
    assert lines[1][tenant]["not_recorded"] > 0
    told = " ".join(one["text"] for one in less.claims("blindspots"))
    assert "EX01, iis: no file is held for" in told
    assert "evtx/MSExchange Management: the log is not as it was written" in told
    assert "ual: nothing was recorded" in told
    negatives = [one for one in whole.summary["claims"] if one["grade"] == "no-sign"]
    same = {one["text"] for one in less.summary["claims"] if one["grade"] == "no-sign"}
    touched = {"iis", "evtx/MSExchange Management", "ual"}
    changed = [one for one in negatives if touched & set(one["coverage_detail"]["sources"])]
    assert changed
    assert not [one["text"] for one in changed if one["text"] in same]


def test_r2_qualified_negative(tmp_path: Path) -> None:
    """A case like Exchange 2010: the result is "not testable", never "nothing suspicious"."""
    rows = work() + visits(
        PEOPLE[0], "198.19.0.7", "Outlook/14", range(9), stem="/EWS/Exchange.asmx", query="SoapAction=GetItem;Time=1"
    )
    found = investigated(tmp_path, {iis_place("EX01", "210104"): log_of(rows)})
    (claim,) = found.claims("entry", "CVE-2021-26855")
    assert (claim["grade"], claim["coverage_detail"]["hours_able"]) == ("unknown", 0)
    assert "not testable" in claim["text"]
    assert not SOOTHING.search(found.text)
    blind = [one for one in found.summary["rules"] if one["status"] == "blind"]
    assert any("no records of HttpProxy logs are held" in (one["reason"] or "") for one in blind), (
        "which rules could not see it is told, with why"
    )
    for one in found.summary["claims"]:
        if one["grade"] == "no-sign":
            assert one["coverage_detail"]["sources"]
            assert one["coverage"] is not None


def test_r3_outcome_ladder(tmp_path: Path) -> None:
    """Autodiscover alone is an attempt, with a reset of a virtual directory a success; a probe of itself is a scan."""
    steps = {
        "EX01": [("2021-01-10 02:00:00", TARGET + AUTODISCOVER)],
        "EX02": [("2021-01-10 02:00:00", TARGET + AUTODISCOVER), ("2021-01-10 02:05:00", TARGET + RESET)],
        "EX03": [("2021-01-10 02:00:00", "ServerInfo~localhost/ecp/default.flt?")],
    }
    files: dict[str, str | bytes] = {
        PROXY.replace("EX01", host): proxy_log([forged(at, anchor, host=host) for at, anchor in rows])
        for host, rows in steps.items()
    }
    files |= {iis_place(host, "210104"): log_of(work(days=10)) for host in steps}
    found = investigated(tmp_path, files)
    ladder = {(one["host"], one["outcome"]) for one in found.summary["entry"] if one["cve"] == "CVE-2021-26855"}
    assert ladder == {("EX01", "attempt"), ("EX02", "success"), ("EX03", "scan")}


def test_r7_retro_hunt_with_windows(tmp_path: Path) -> None:
    """An indicator dated 2021 that meets traffic of 2019 is told as outside its known window."""
    rows = [{**one, "at": str(one["at"]).replace("2021", "2019")} for one in work(days=10)]
    rows += [
        {
            "at": "2019-01-09 04:00:00",
            "user": "-",
            "client": "100.64.0.1",
            "agent": "Chrome/73",
            "stem": "/owa/auth/logon.aspx",
        }
    ]
    feed = tmp_path / "feed.csv"
    feed.write_text(
        "DateAdded,FirstSeen,IndicatorType,Indicator,TLP\n2021-03-08,2021-01-06,ip,100.64.0.1,White\n", encoding="utf-8"
    )
    found = investigated(tmp_path / "c", {iis_place("EX01", "190104"): log_of(rows)}, "--indicators", feed)
    (met,) = [one for one in found.summary["indicators"] if one["named_in"][0]["written"] == "100.64.0.1"]
    assert met["windows"] == {"before": 1}
    assert met["first_utc"].startswith("2019-01-09")


def test_r8_mailbox_exposure(tmp_path: Path) -> None:
    """Bind, Sync, a throttled day, EWS impersonation, a forged call to EWS and a stolen password: six different grades."""
    found = investigated(tmp_path, evidence())
    six = {
        "Bind": (BOUND, "named"),
        "Sync": (SYNCED, "downloaded"),
        "throttled": (HELD_BACK, "undeterminable"),
        "impersonation": (IMPERSONATED, "read"),
        "forged": (FORGED, "listed"),
        "password": (OWNER, "opened"),
    }
    grades = found.grades()
    assert {name: grades[mailbox] for name, (mailbox, _) in six.items()} == {
        name: one for name, (_, one) in six.items()
    }
    for name, (mailbox, _) in six.items():
        row = next(one for one in found.summary["mailboxes"] if one["mailbox"] == mailbox)
        assert row["coverage_detail"]["hours_asked"] > 0
        if name != "throttled":
            assert row["intrusions"], name
            assert row["grounds"], name
            assert row["first_utc"] <= row["last_utc"]
            assert row["clients"], name
    named = next(one for one in found.summary["mailboxes"] if one["mailbox"] == BOUND)
    assert named["message_ids"] == ["<m1@x>", "<m2@x>"]
    assert named["bytes"] is not None
    assert named["bytes_source"]
    assert next(one for one in found.summary["mailboxes"] if one["mailbox"] == SYNCED)["folders"] == ["\\Postvak IN"]


def _quiet(client: str = f"{NETWORK}.14") -> list[dict[str, object]]:
    return [one for person in PEOPLE[:8] for one in visits(person, client, FOREIGN, range(7, 57, 5), hour=3)]


def _two(client: str, quiet: str = f"{NETWORK}.14") -> dict[str, str | bytes]:
    """Give a quiet intruder by password from the first day, and a loud one by exploit at the end."""
    return {
        iis_place("EX01", "210104"): log_of([*work(), *_quiet(quiet)]),
        PROXY: proxy_log([forged("2021-02-25 02:00:00", TARGET + RESET, client=client)]),
    }


def test_r10_intrusions_apart(tmp_path: Path) -> None:
    """A loud and an older quiet actor are two cases, and no indicator of one explains the other.

    The quiet one is found by the search before the first known hostile act. One address in both joins them, by name.
    """
    found = investigated(tmp_path / "apart", _two(LOUD))
    quiet, loud = sorted(found.summary["intrusions"], key=lambda one: str(one["first_utc"]))
    assert (len(quiet["mailboxes"]), quiet["first_utc"][:10]) == (8, "2021-01-11")
    assert loud["first_utc"][:10] == "2021-02-25"
    assert not set(quiet["clients"]) & set(loud["clients"])
    apart = found.claims("intrusions", quiet["id"], loud["id"], "apart")
    assert apart
    assert found.claims("intrusions", "run over everything")
    joined = investigated(tmp_path / "joined", _two(f"{NETWORK}.14"))
    (one,) = joined.summary["intrusions"]
    assert any(f"{NETWORK}.0/24" in link or f"{NETWORK}.14" in link for link in one["links"]), one["links"]


def _built(host: str, build: str, at: str, number: int) -> dict[str, object]:
    major, minor, middle, revision = build.split(".")
    return {
        "DateTime": f"{at.replace(' ', 'T')}.000Z",
        "RequestId": f"{host}-{number}",
        "MajorVersion": major,
        "MinorVersion": minor,
        "BuildVersion": middle,
        "RevisionVersion": revision,
        "Protocol": "Owa",
        "UrlStem": "/owa/",
        "AuthenticatedUser": PEOPLE[number % len(PEOPLE)],
        "UserAgent": "Chrome/73",
        "ClientIpAddress": "198.19.0.7",
        "ServerHostName": host,
        "HttpStatus": 200,
    }


def test_r11_build_timeline(tmp_path: Path) -> None:
    """A server patched on 5 March 2021 was open to CVE-2021-26855 until that day.

    An old cumulative update with the special update of March still lists older ones. Both builds of which what is published
    conflicts are told to be unknown.
    """
    builds = {
        "EX01": [("15.1.2176.2", "2021-02-20 08:00:00"), ("15.1.2176.2", "2021-03-05 03:00:00"),
                 ("15.1.2176.9", "2021-03-05 04:00:00")],
        "EX02": [("15.1.1779.8", "2021-03-06 08:00:00")],
        "EX03": [("15.1.1415.2", "2021-03-06 08:00:00")],
        "EX04": [("15.1.1466.2", "2021-03-06 08:00:00")],
    }  # fmt: skip
    files: dict[str, str | bytes] = {
        f"{host}/Logging/HttpProxy/Owa/HttpProxy_2021022008-1.LOG": proxy_log(
            [_built(host, build, at, place) for place, (build, at) in enumerate(rows)]
        )
        for host, rows in builds.items()
    }
    found = investigated(tmp_path, files)

    def told(host: str, cve: str) -> list[dict[str, Any]]:
        return [one for one in found.summary["claims"] if host in one["text"] and cve in one["text"]]

    (open_until,) = [one for one in told("EX01", "CVE-2021-26855") if "open" in one["text"]]
    assert "2021-03-05" in open_until["text"]
    assert any("open" in one["text"] for one in told("EX02", "CVE-2021-34473"))
    assert any("open" in one["text"] for one in told("EX02", "CVE-2020-0688"))
    for host in ("EX03", "EX04"):
        assert any(one["grade"] == "unknown" for one in told(host, "CVE-2021-26855")), host


def test_r12_eradication(tmp_path: Path) -> None:
    """A backup of 2 March 2021 with a first trace of April 2019 fails, and so does a password older than the last use.

    What is unknown is no pass.
    """
    shifted = [{**one, "at": _in_2019(str(one["at"]))} for one in [*work(), *_quiet()]]
    people = DIRECTORY + "".join(
        f"{one},{one.partition('@')[0]},{one},2019-05-01T08:00:00Z,2019-09-01T08:00:00Z\r\n" for one in PEOPLE
    )
    backups = "host,kind,restore_point_utc,path\r\nEX01,full,2021-03-02T00:00:00Z,D:\\b\\1\r\n"
    found = investigated(
        tmp_path, {iis_place("EX01", "190411"): log_of(shifted), "directory.csv": people, "backups.csv": backups}
    )
    assert found.summary["intrusions"][0]["first_utc"][:7] == "2019-04"
    checks = found.checks()
    assert checks["restore-points"] == "fail"
    assert checks["passwords"] == "fail"
    unknown = [key for key, status in checks.items() if status == "unknown"]
    assert unknown
    assert found.verdict("eviction").startswith("Not shown to be out: 0 pass")


def _in_2019(at: str) -> str:
    return f"{utc(at) - timedelta(days=633):%Y-%m-%d %H:%M:%S}"


def test_r13_reach(tmp_path: Path) -> None:
    """One planted hop by remote desktop is found; the negative lists which logs of databases and proxies exist."""
    plain = [(f"2021-01-{day:02} 12:00:00", "10.0.0.77") for day in range(4, 30)]
    hop = ("2021-01-11 03:00:00", SERVER)
    events = [
        {"number": number, "event": 4624, "at": at, "TargetUserName": "adm", "LogonType": "10", "IpAddress": client}
        for number, (at, client) in enumerate(sorted([*plain, hop]), 1)
    ]
    found = investigated(
        tmp_path,
        {
            iis_place("EX01", "210104"): log_of(work()),
            PROXY: proxy_log([forged("2021-01-10 02:00:00", TARGET + RESET)]),
            "FS01/winevt/Security.xml": security_log(events, host="FS01"),
        },
    )
    reached = [one for one in found.summary["reach"] if one["verdict"] == "reached"]
    assert [one["system"] for one in reached] == ["EX01", "FS01"], "the exploited server itself, and the one behind it"
    hop_found = reached[1]
    assert SERVER in hop_found["why"]
    assert len(hop_found["grounds"]) == 1
    rest = {one["class"]: one for one in found.summary["reach"] if one["verdict"] == "not-covered"}
    assert rest["database"]["why"] == "needed: audit logs of the databases, or their servers' Security logs"
    assert "proxies" in rest["other-agency"]["why"]
    assert rest["database"]["coverage_detail"]["why"] == "no log of such a system is held"
    assert not [one for one in found.summary["reach"] if one["verdict"] == "no-sign" and not one["coverage_detail"]]


def test_r14_chain_of_custody(tmp_path: Path) -> None:
    """Every sentence leads to rows and every row to its file, and a second run gives identical bytes.

    One raw byte deleted, and the verification fails and names the file.
    """
    files: dict[str, str | bytes] = {
        iis_place("EX01", "210104"): log_of([*work(), *_quiet()]),
        "UAL.json": _audited(50),
    }
    first, again = investigated(tmp_path / "a", files), investigated(tmp_path / "b", files)
    assert first.text.replace(str(tmp_path / "a"), "") == again.text.replace(str(tmp_path / "b"), "")
    assert (first.case / "report" / "summary.json").read_bytes() == (
        again.case / "report" / "summary.json"
    ).read_bytes()
    exposed = next(one for one in first.summary["mailboxes"] if one["grade"] == "opened")
    ref = exposed["grounds"][0]
    place = tmp_path / "why.txt"
    name = f"{ref['table']}/{ref['evidence_id']}/{ref['record_no']}"
    quiet = ["-c", str(first.case), "-q", "-o"]
    assert main(["why", name, *quiet, str(place)]) == 0
    assert "u_ex210104.log" in place.read_text(encoding="utf-8")
    assert main(["verify", *quiet, str(tmp_path / "before.txt")]) == 0
    raw = first.evidence / "UAL.json"
    whole = raw.read_bytes()
    raw.write_bytes(whole[:700] + whole[701:])
    said = tmp_path / "after.txt"
    assert main(["verify", *quiet, str(said)]) == 12
    assert "UAL.json" in said.read_text(encoding="utf-8")
