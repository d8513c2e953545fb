"""Evidence as it really comes: each case goes the whole way, and the answers say what they rest on, without a guess."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from pathlib import Path

from tests.acceptance.whole import answered, by_day, investigated
from tests.scope.office import FOREIGN, NETWORK, PEOPLE, attended, log_of, visits, work
from tests.scope.staged import bind, iis_place, proxy_log, ual_json, utc

BROWSER = "Client=OWA;Mozilla/5.0 Chrome/73.0;"
QUIET = [one for person in PEOPLE[:8] for one in visits(person, f"{NETWORK}.14", FOREIGN, range(0, 50, 5), hour=3)]


def directory(names: tuple[str, ...] = PEOPLE) -> str:
    rows = "".join(f"{one},{one.partition('@')[0]},UserMailbox\r\n" for one in names)
    return f"PrimarySmtpAddress,SamAccountName,RecipientTypeDetails\r\n{rows}"


def audit(people: tuple[str, ...] = PEOPLE, *, stolen: bool = False) -> str:
    records = [
        bind(f"2021-01-{day:02} 09:{place:02}:00", one, one, f"198.19.{place}.7", BROWSER, messages=[f"<{place}-{day}@x>"])
        for day in range(4, 30)
        for place, one in enumerate(people)
    ]  # fmt: skip
    if stolen:
        tool = f"Client=OWA;{FOREIGN.replace('+', ' ')};"
        records += [
            bind(f"2021-01-{day:02} 03:{place:02}:00", one, one, f"{NETWORK}.14", tool, messages=[f"<s-{place}-{day}@x>"])
            for day in range(5, 29, 4)
            for place, one in enumerate(people[:8])
        ]  # fmt: skip
    return ual_json(sorted(records, key=lambda one: str(one["CreationTime"])))


def test_no_directory_export(tmp_path: Path) -> None:
    """Names are as the logs write them, the intruder is found all the same, and who never used a mailbox is not known."""
    found = investigated(tmp_path, {iis_place("EX01", "210104"): log_of([*work(), *QUIET])})
    assert found.claims("blindspots", "No directory export is held", "mailboxes never used are not known")
    assert set(found.grades()) == set(PEOPLE)
    (intrusion,) = found.summary["intrusions"]
    assert intrusion["mailboxes"] == sorted(PEOPLE[:8])
    assert found.checks()["passwords"] == "unknown"
    assert found.summary["departures"] == []


def test_two_names_that_no_export_ties_are_not_opened_and_clean(tmp_path: Path) -> None:
    """Who signs in by another form of his name has two mailboxes in the list: the one must not clear the other."""
    logins = {person: f"GOV\\{person.partition('@')[0]}" for person in PEOPLE}
    stranger = "GOV\\nobody.else"
    rows = [*attended(), *({**one, "user": logins[str(one["user"])]} for one in work())]
    rows += [{**one, "user": stranger} for one in work() if one["user"] == PEOPLE[0]]
    found = investigated(tmp_path, {iis_place("EX01", "210104"): log_of([*rows, *QUIET])})
    grades = {name.lower(): grade for name, grade in found.grades().items()}
    for place, (person, login) in enumerate(logins.items()):
        assert grades[login.lower()] == ("undeterminable" if place < 8 else "no-sign"), login
        assert grades[person] == ("no-sign" if place >= 8 else grades[person])
    assert grades[stranger.lower()] == "no-sign"
    (told,) = {text for one in found.summary["mailboxes"] for text in one["assumptions"] if PEOPLE[0] in text}
    assert (
        told
        == f"{PEOPLE[0]} was opened, and may be the same mailbox: no directory export ties these two names, or parts them"
    )


def test_no_iis_at_all(tmp_path: Path) -> None:
    """The front end's own log alone: what it can bear is answered, what only IIS can show is told not to be held."""
    rows = [
        {
            "DateTime": f"{str(one['at']).replace(' ', 'T')}.000Z",
            "RequestId": f"r-{place}",
            "Protocol": "Owa",
            "UrlStem": "/owa/",
            "AuthenticatedUser": one["user"],
            "UserAgent": str(one["agent"]).replace("+", " "),
            "ClientIpAddress": one["client"],
            "ServerHostName": "EX01",
            "HttpStatus": 200,
        }
        for place, one in enumerate(sorted([*work(), *QUIET], key=lambda one: (str(one["at"]), str(one["user"]))))
    ]
    found = investigated(
        tmp_path,
        {"EX01/Logging/HttpProxy/Owa/HttpProxy_2021010407-1.LOG": proxy_log(rows), "directory.csv": directory()},
    )
    assert {one["source"] for one in found.summary["coverage"]} == {"httpproxy"}
    (intrusion,) = found.summary["intrusions"]
    assert intrusion["mailboxes"] == sorted(PEOPLE[:8])
    assert found.claims("blindspots", "no iis log of EX01 is held at all")
    for one in found.summary["mailboxes"]:
        expected = "opened" if one["mailbox"] in intrusion["mailboxes"] else "undeterminable"
        assert one["grade"] == expected, "who came to remote PowerShell shows in IIS only"
    shells = [one for one in found.claims("foothold") if "web shell" in one["text"].lower()]
    assert all(one["grade"] != "no-sign" for one in shells), "a web shell's use shows in IIS only"


def test_only_audit_exports(tmp_path: Path) -> None:
    """The tenant is answered for, message by message; of servers on premises nothing is said, and that is said."""
    found = investigated(tmp_path, {"UAL.json": audit(stolen=True)})
    (intrusion,) = found.summary["intrusions"]
    assert intrusion["mailboxes"] == sorted(PEOPLE[:8])
    grades = found.grades()
    assert {grades[one] for one in PEOPLE[:8]} == {"named"}
    assert {grades[one] for one in PEOPLE[8:]} == {"no-sign"}
    assert {one["host"] for one in found.summary["coverage"]} == {"M365"}
    assert not [one for one in found.claims("entry") if one["grade"] == "no-sign" and "CVE" in one["text"]]
    assert [one["system"] for one in found.summary["reach"] if one["verdict"] in {"reached", "attempted"}] == ["M365"]
    for one in found.summary["mailboxes"]:
        assert one["coverage_detail"]["sources"] == ["ual"]


def test_one_day_of_logs(tmp_path: Path) -> None:
    """One day says nothing of the days before and after, and a client of one day is no intruder."""
    rows = [
        *work(days=1),
        *(one for person in PEOPLE[:4] for one in visits(person, f"{NETWORK}.14", FOREIGN, [0], hour=3)),
    ]
    found = investigated(tmp_path, {iis_place("EX01", "210104"): log_of(rows), "directory.csv": directory()})
    assert found.summary["intrusions"] == []
    (before,) = found.claims("blindspots", "no mail log is held: nothing earlier can be said")
    assert "2021-01-04" in before["text"]
    hours = {one["coverage_detail"]["hours_asked"] for one in found.summary["mailboxes"]}
    assert max(hours) <= 24
    assert found.checks()["quiet"] != "pass"
    leads = [one for one in found.summary["leads"] if "Konqueror" in one["client"]]
    assert leads, "it is a lead all the same"


def test_everything_from_one_proxy_address(tmp_path: Path) -> None:
    """Clients cannot be told apart: this is told, nobody is an intruder by it, and each negative has its limit."""
    rows = [
        {**one, "client": "10.0.0.5"} for one in [*work(), *visits(PEOPLE[3], "x", FOREIGN, range(0, 40, 2), hour=3)]
    ]
    found = investigated(tmp_path, {iis_place("EX01", "210104"): log_of(rows), "directory.csv": directory()})
    assert found.summary["intrusions"] == []
    assert found.summary["leads"] == []
    (told,) = found.claims("blindspots", "10.0.0.0/24", "not judged")
    assert told["grade"] == "unknown"
    assert [one["name"] for one in found.summary["learned"]] == ["10.0.0.0/24"]
    for one in found.claims("mailboxes"):
        if one["grade"] == "no-sign":
            assert any("own networks" in text for text in one["against"])


def test_all_clocks_off_by_an_hour_on_one_host(tmp_path: Path) -> None:
    """The same requests in the logs of two hosts, one an hour behind: told with its size, and which one is right is not."""

    def line(host: str, place: int, hours: int) -> dict[str, object]:
        at = utc("2021-01-05 08:00:00") + timedelta(minutes=7 * place, hours=hours)
        person = PEOPLE[place % len(PEOPLE)]
        return {
            "DateTime": f"{at:%Y-%m-%dT%H:%M:%S}.000Z",
            "RequestId": str(uuid.uuid5(uuid.NAMESPACE_OID, str(place))),
            "Protocol": "Owa",
            "UrlStem": "/owa/",
            "AuthenticatedUser": person,
            "UserAgent": "Chrome/73",
            "ClientIpAddress": f"198.19.{place % len(PEOPLE)}.7",
            "ServerHostName": host,
            "HttpStatus": 200,
        }

    files: dict[str, str | bytes] = {
        f"{host}/Logging/HttpProxy/Owa/HttpProxy_2021010507-1.LOG": proxy_log(
            [line(host, place, hours) for place in range(60)]
        )
        for host, hours in (("EX01", 0), ("EX02", -1))
    }
    found = investigated(tmp_path, files)
    (told,) = [one for one in found.claims("blindspots") if "3,600 s" in one["text"]]
    assert "EX01" in told["text"]
    assert "EX02" in told["text"]
    assert told["grade"] == "unknown"
    assert found.summary["intrusions"] == []


NORTH, SOUTH = (tuple(one.replace("gov", which) for one in PEOPLE[:12]) for which in ("north", "south"))


def test_two_organisations_in_one_folder(tmp_path: Path) -> None:
    """Servers and accounts of equal names: two servers called EX01 are not silently one, nor two people called p00.

    A week of the southern server's log is gone; the northern one's does not fill it.
    """
    files: dict[str, str | bytes] = {"north/people.csv": directory(NORTH), "south/people.csv": directory(SOUTH)}
    for which, people, gone in (("north", NORTH, range(0)), ("south", SOUTH, range(18, 25))):
        for day, held in by_day(work(people)).items():
            if day not in {f"2021-01-{one:02}" for one in gone}:
                files[f"{which}/{iis_place('EX01', day[2:].replace('-', ''))}"] = log_of(held)  # type: ignore[arg-type]
    found = investigated(tmp_path, files)
    rows = {one["host"]: one for one in found.summary["coverage"]}
    assert set(rows) == {"EX01 (north)", "EX01 (south)"}
    # each weekend of a log that names days is missing on both; the five working days of that week on one
    assert rows["EX01 (south)"]["missing"] == rows["EX01 (north)"]["missing"] + 5 * 24
    (told,) = found.claims("blindspots", "Logs of hosts called EX01 are of 2 hosts")
    assert "north.example" in told["text"]
    assert "south.example" in told["text"]
    names = {one.replace("gov", which) for which in ("north", "south") for one in PEOPLE[:12]}
    assert set(found.grades()) == names
    # both directories have an account p00: a log's bare p00 would be either's, and that is told
    assert found.claims("blindspots", "contradict each other") or found.claims("blindspots", "several accounts in turn")
    assert found.summary["departures"] == [], "who is in the list of one is not missing from that of the other"


def test_one_server_collected_twice_may_be_two_and_that_is_told(tmp_path: Path) -> None:
    """Nothing shows that two places are of two servers, nor that they are of one."""
    rows = by_day(work(days=12))
    files: dict[str, str | bytes] = {
        f"{'first' if place < 5 else 'second'}/{iis_place('EX01', day[2:].replace('-', ''))}": log_of(held)  # type: ignore[arg-type]
        for place, (day, held) in enumerate(rows.items())
    }
    found = investigated(tmp_path, files)
    assert {one["host"] for one in found.summary["coverage"]} == {"EX01"}
    (told,) = found.claims("blindspots", "Logs of hosts called EX01 lie in 2 places")
    assert told["grade"] == "unknown"


def test_audit_records_of_two_tenants_are_told(tmp_path: Path) -> None:
    records = [
        json.loads(one) | {"OrganizationId": f"tenant-{place % 2}"} for place, one in enumerate(audit().splitlines())
    ]
    found = investigated(tmp_path, {"UAL.json": ual_json(records)})
    assert found.claims("blindspots", "Audit records are of 2 organisations (tenant-0, tenant-1)")


def test_names_in_cyrillic(tmp_path: Path) -> None:
    people = tuple(f"министр{place:02}@мвд.example" for place in range(24))
    renamed = dict(zip(PEOPLE, people, strict=True))
    rows = [{**one, "user": renamed[str(one["user"])]} for one in [*work(), *QUIET]]
    files: dict[str, str | bytes] = {
        f"мвд/{iis_place('EX01', '210104')}": log_of(rows),
        "мвд/каталог.csv": directory(people),
    }
    found = investigated(tmp_path, files)
    (intrusion,) = found.summary["intrusions"]
    assert intrusion["mailboxes"] == sorted(people[:8])
    assert set(found.grades()) == set(people)
    assert people[0] in found.text
    assert "мвд" in (found.case / "report" / "report.html").read_text(encoding="utf-8")


def test_a_mailbox_renamed_into_anothers_old_name(tmp_path: Path) -> None:
    """p00 left; p01 goes by p00's address from the second export on. What was read before is not the new owner's."""
    sids = {one: f"S-1-5-21-1-2-3-{1100 + place}" for place, one in enumerate(PEOPLE)}

    def export(names: dict[str, str]) -> str:
        rows = "".join(f"{address},{sids[one]},UserMailbox\r\n" for one, address in names.items())
        return f"PrimarySmtpAddress,SID,RecipientTypeDetails\r\n{rows}"

    before = {one: one for one in PEOPLE}
    after = {one: one for one in PEOPLE if one != PEOPLE[0]} | {PEOPLE[1]: PEOPLE[0]}
    rows = [one for one in work() if not (one["user"] in PEOPLE[:2] and str(one["at"]) >= "2021-01-25")]
    rows += [{**one, "user": PEOPLE[0]} for one in work(PEOPLE[1:2]) if str(one["at"]) >= "2021-02-01"]
    found = investigated(
        tmp_path,
        {
            iis_place("EX01", "210104"): log_of([*rows, *[one for one in QUIET if str(one["at"]) < "2021-01-20"]]),
            "exports/2021-01-20/people.csv": export(before),
            "exports/2021-02-01/people.csv": export(after),
        },
    )
    gone = f"{PEOPLE[0]} (account sid:{sids[PEOPLE[0]].lower()})"
    assert found.claims("blindspots", "several accounts in turn", PEOPLE[0], "2021-01-20", "2021-02-01")
    (left,) = [one for one in found.summary["departures"] if one["account"] == gone]
    assert (left["kinds"], left["after_utc"][:10], left["by_utc"][:10]) == (["left-out"], "2021-01-20", "2021-02-01")
    assert left["sessions"] == 0, "what the new owner does under the old name is not use of the account that went"
    (intrusion,) = found.summary["intrusions"]
    assert gone in intrusion["mailboxes"]
    mine = next(one for one in found.summary["mailboxes"] if one["mailbox"] == gone)
    assert mine["left"] == "left out between 2021-01-20 and 2021-02-01"
    assert mine["last_utc"] < "2021-01-20"


def test_a_marking_that_contradicts_a_claim(tmp_path: Path) -> None:
    """Somebody calls the intruder's client ours. It is obeyed, and told: what dwell finds without it stands beside it."""
    bare = investigated(
        tmp_path, {iis_place("EX01", "210104"): log_of([*work(), *QUIET]), "directory.csv": directory()}
    )
    (intrusion,) = bare.summary["intrusions"]
    marked = answered(bare, "mark", f"{NETWORK}.0/24", "ours", "--reason", "test of the mailboxes", "--by", "a. uthor")
    assert marked.summary["intrusions"] == []
    (marking,) = marked.summary["markings"]
    assert marking["contradicts"] == [intrusion["id"]]
    assert "This rests on what a person marked (M1)" in marked.verdict("mailboxes")
    assert bare.verdict("intrusions") in " ".join(one["text"] for one in marked.claims("intrusions"))
    for one in marked.summary["mailboxes"]:
        if one["mailbox"] in PEOPLE[:8]:
            assert (one["grade"], one["grade_unmarked"]) == ("no-sign", "opened")
            assert any("M1" in text for text in one["marked"])
    contested = answered(
        marked, "mark", PEOPLE[9], "contested", "--reason", "the owner says it was read", "--by", "a. uthor"
    )
    told = next(one for one in contested.summary["mailboxes"] if one["mailbox"] == PEOPLE[9])
    assert told["grade"] == "no-sign"
    assert any("contested" in text for text in told["marked"])
