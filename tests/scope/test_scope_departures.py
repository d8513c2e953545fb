"""Departures: dated by what tells of them, no closer than it allows, and what was used afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.scope.office import FOREIGN, NETWORK, PEOPLE, START, facts, log_of, reasoned, visits, work
from tests.scope.staged import Staged, iis_place, security_log, stage

from dwell.answers.assemble import assemble
from dwell.model.claims import Summary
from dwell.model.departures import Departure, DepartureKind
from dwell.scope.investigation import Investigation

GONE, OTHER = PEOPLE[3], PEOPLE[5]
SHORT = GONE.partition("@")[0]
HEAD = "Name,SamAccountName,PrimarySmtpAddress,SID,RecipientTypeDetails,Enabled"


def sid(person: str) -> str:
    return f"S-1-5-21-1-2-3-{1100 + PEOPLE.index(person)}"


def people(
    names: Sequence[str] = PEOPLE, *, off: Sequence[str] = (), kind: Mapping[str, str] | None = None, head: str = HEAD
) -> str:
    """Give a directory export."""
    lines = [head]
    for one in names:
        user = one.partition("@")[0]
        told = {
            "Name": f"Person {user}",
            "SamAccountName": user,
            "PrimarySmtpAddress": one,
            "SID": sid(one),
            "RecipientTypeDetails": (kind or {}).get(one, "UserMailbox"),
            "Enabled": str(one not in off),
        }
        lines.append(",".join(told[column] for column in head.split(",")))
    return "\r\n".join(lines) + "\r\n"


def event(number: int, code: int, at: str, user: str = SHORT, domain: str = "GOV") -> dict[str, object]:
    return {
        "number": number, "event": code, "at": at, "TargetUserName": user, "TargetDomainName": domain,
        "SubjectUserName": "admin",
    }  # fmt: skip


def cmdlet(number: int, at: str, name: str, parameters: str) -> dict[str, object]:
    data = "".join(f"<Data>{one}</Data>" for one in (name, parameters, "gov.example/Users/admin"))
    return {
        "number": number, "event": 1, "at": at, "provider": "MSExchange CmdletLogs",
        "user_data": f"<EventData>{data}</EventData>",
    }  # fmt: skip


def of(case: Investigation, account: str = GONE) -> list[Departure]:
    return [one for one in case.departures.found if one.account == account]


def made(root: Path, files: Mapping[str, str | bytes], *, days: int = 60) -> tuple[Staged, Investigation]:
    """Reason over an office of which somebody leaves after the twentieth day, and files beside its log."""
    rows = [one for one in work(days=days) if one["user"] != GONE or str(one["at"]) < "2021-01-24"]
    staged = stage(root, {iis_place("EX01", "210104"): log_of(rows), **files})
    return staged, reasoned(staged)


def summed(staged: Staged, case: Investigation) -> Summary:
    return assemble(case, facts(staged))


def days_of(one: Departure) -> tuple[str | None, str | None, str | None]:
    instants = (one.after_utc, one.by_utc, one.back_utc)
    after, by, back = (None if at is None else at.date().isoformat() for at in instants)
    return after, by, back


def test_an_event_dates_it_to_the_second(tmp_path: Path) -> None:
    log = security_log([event(1, 4725, "2021-01-25 08:00:00"), event(2, 4726, "2021-02-01 09:00:00")], host="DC01")
    staged, case = made(tmp_path, {"DC01/Security.xml": log, "exports/2021-01-10/people.csv": people()})
    (one,) = of(case)
    assert one.kinds == (DepartureKind.DISABLED, DepartureKind.DELETED)
    assert days_of(one) == ("2021-01-25", "2021-01-25", None)
    assert one.told == "disabled, deleted on 2021-01-25"
    assert [ref.table for ref in one.grounds] == ["evtx", "evtx"]
    assert (one.sessions, one.against) == (0, ())
    assert len(case.departures.found) == 1
    summary = summed(staged, case)
    mailbox = next(one for one in summary.mailboxes if one.mailbox == GONE)
    assert mailbox.left == one
    assert "used after" not in " ".join(one.text for one in summary.claims)


def test_an_account_of_one_computer_is_nobodys_mailbox(tmp_path: Path) -> None:
    log = security_log([event(1, 4725, "2021-01-25 08:00:00", domain="FS01")], host="FS01")
    _, case = made(tmp_path, {"FS01/Security.xml": log})
    assert case.departures.found == ()


def test_exports_date_it_between_their_days(tmp_path: Path) -> None:
    """Of 24 people one is not in the third list; the fourth has him no more either."""
    rest = [one for one in PEOPLE if one != GONE]
    files = {
        "exports/2021-01-05/people.csv": people(),
        "exports/2021-01-20/people.csv": people(),
        "exports/2021-02-01/people.csv": people(rest),
        "exports/2021-02-20/people.csv": people(rest),
    }
    _, case = made(tmp_path, files)
    (one,) = of(case)
    assert one.kinds == (DepartureKind.LEFT_OUT,)
    assert days_of(one) == ("2021-01-20", "2021-02-01", None)
    assert one.told == "left out between 2021-01-20 and 2021-02-01"
    assert any("filter" in text for text in one.against)
    assert one.signs == (
        "the directory export of 2021-01-20 lists it",
        "the directory export of 2021-02-01 does not list it any more",
        "the directory export of 2021-02-20 does not list it any more",
    )
    assert [ref.table for ref in one.grounds] == ["directory"]
    assert len(case.departures.found) == 1


def test_who_is_disabled_in_a_later_export_left_in_between(tmp_path: Path) -> None:
    files = {"exports/2021-01-20/people.csv": people(), "exports/2021-02-01/people.csv": people(off=[GONE])}
    _, case = made(tmp_path, files)
    (one,) = of(case)
    assert (one.kinds, days_of(one)) == ((DepartureKind.DISABLED,), ("2021-01-20", "2021-02-01", None))


def test_who_was_disabled_in_the_first_export_left_before_it(tmp_path: Path) -> None:
    _, case = made(tmp_path, {"exports/2021-02-01/people.csv": people(off=[GONE])})
    (one,) = of(case)
    assert days_of(one) == (None, "2021-02-01", None)
    assert one.told == "disabled by 2021-02-01"


def test_an_export_without_a_date_dates_nothing(tmp_path: Path) -> None:
    case_, rest = {"people.csv": people(off=[GONE])}, {"people.csv": people([one for one in PEOPLE if one != GONE])}
    staged, case = made(tmp_path / "off", case_)
    (one,) = of(case)
    assert days_of(one) == (None, None, None)
    assert one.told == "disabled at an unknown time"
    assert any("without a date" in claim.text and GONE in claim.text for claim in summed(staged, case).claims)
    _, other = made(tmp_path / "out", rest)
    assert other.departures.found == ()


@pytest.mark.parametrize("kind", ["SharedMailbox", "RoomMailbox", "LinkedMailbox"])
def test_mailboxes_whose_account_is_always_disabled_have_not_left(tmp_path: Path, kind: str) -> None:
    files = {
        f"exports/2021-01-{day}/people.csv": people(off=[GONE] if day > 10 else [], kind={GONE: kind})
        for day in (10, 20)
    }
    _, case = made(tmp_path, files)
    assert case.departures.found == ()


def test_a_list_of_one_department_is_told_and_lets_nobody_leave(tmp_path: Path) -> None:
    files = {"exports/2021-01-10/people.csv": people(), "exports/2021-01-20/people.csv": people(PEOPLE[:6])}
    staged, case = made(tmp_path, files)
    assert case.departures.found == ()
    told = [one.text for one in summed(staged, case).claims if "taken for a list of a part" in one.text]
    assert len(told) == 1
    assert "6 of the 24 accounts" in told[0]


def test_lists_of_one_day_are_one_list(tmp_path: Path) -> None:
    files = {
        "exports/2021-01-10/north.csv": people(PEOPLE[:12]),
        "exports/2021-01-10/south.csv": people(PEOPLE[12:]),
        "exports/2021-02-01/all.csv": people([one for one in PEOPLE if one != GONE]),
    }
    _, case = made(tmp_path, files)
    assert [one.account for one in case.departures.found] == [GONE]


def test_a_list_of_another_kind_leaves_nobody_out(tmp_path: Path) -> None:
    files = {
        "exports/2021-01-10/people.csv": people(),
        "exports/2021-01-20/mailboxes.csv": people(
            [one for one in PEOPLE if one != GONE], head="PrimarySmtpAddress,SID,RecipientTypeDetails"
        ),
    }
    _, case = made(tmp_path, files)
    assert case.departures.found == ()


def test_a_mailbox_that_is_gone_while_the_account_stays(tmp_path: Path) -> None:
    files = {"exports/2021-01-10/people.csv": people(), "exports/2021-02-01/people.csv": people(kind={GONE: "User"})}
    _, case = made(tmp_path, files)
    (one,) = of(case)
    assert one.kinds == (DepartureKind.MAILBOX_REMOVED,)
    assert days_of(one) == ("2021-01-10", "2021-02-01", None)


@pytest.mark.parametrize(
    ("name", "parameters", "kind"),
    [
        ("Disable-Mailbox", f'-Identity "{SHORT}"', DepartureKind.MAILBOX_REMOVED),
        ("Remove-Mailbox", f'-Identity "gov.example/Users/Person {SHORT}" -Confirm "False"', DepartureKind.DELETED),
        ("Set-User", f'-Identity "{GONE}" -AccountDisabled "True"', DepartureKind.DISABLED),
        ("Disable-Mailbox", f'-Identity "{SHORT}" -Archive "True"', None),
        ("Remove-Mailbox", f'-Identity "{SHORT}" -WhatIf "True"', None),
        ("Set-User", f'-Identity "{GONE}" -Office "B 12"', None),
    ],
)
def test_cmdlets_date_it(tmp_path: Path, name: str, parameters: str, kind: DepartureKind | None) -> None:
    log = security_log([cmdlet(1, "2021-01-25 08:00:00", name, parameters)], channel="MSExchange Management")
    _, case = made(tmp_path, {"EX01/Management.xml": log, "exports/2021-01-10/people.csv": people()})
    assert [(one.kinds, days_of(one)[1]) for one in of(case)] == ([((kind,), "2021-01-25")] if kind else [])


def test_a_removal_of_nobody_known_is_told(tmp_path: Path) -> None:
    log = security_log(
        [cmdlet(1, "2021-01-25 08:00:00", "Remove-Mailbox", '-Identity "ghost"')], channel="MSExchange Management"
    )
    staged, case = made(tmp_path, {"EX01/Management.xml": log, "exports/2021-01-10/people.csv": people()})
    assert case.departures.found == ()
    assert any("Remove-Mailbox on ghost" in one.text for one in summed(staged, case).claims)


def test_who_came_back_was_away(tmp_path: Path) -> None:
    log = security_log([event(1, 4725, "2021-01-25 08:00:00"), event(2, 4722, "2021-02-10 09:00:00")], host="DC01")
    _, case = made(tmp_path, {"DC01/Security.xml": log, "exports/2021-01-10/people.csv": people()})
    (one,) = of(case)
    assert days_of(one) == ("2021-01-25", "2021-01-25", "2021-02-10")
    assert one.told.endswith("there again by 2021-02-10")
    assert one.against == ()


def test_a_contradiction_is_shown(tmp_path: Path) -> None:
    """Deleted by an event, and there in the export of a month later, with no record that it came back."""
    log = security_log([event(1, 4726, "2021-01-25 08:00:00")], host="DC01")
    files = {
        "DC01/Security.xml": log,
        "exports/2021-01-10/people.csv": people(),
        "exports/2021-02-20/people.csv": people(),
    }
    staged, case = made(tmp_path, files)
    (one,) = of(case)
    assert one.against[0].startswith("contradicted: the directory export of 2021-02-20 shows it there")
    assert one.told.endswith("; contradicted")
    told = [claim for claim in summed(staged, case).claims if "is contradicted" in claim.text]
    assert len(told) == 1
    assert "event 4726" in told[0].text


def _used(root: Path) -> tuple[Staged, Investigation]:
    """Give the office in which somebody reads on with the account of who left, from a place that nobody has."""
    rows = [one for one in work() if one["user"] != GONE or str(one["at"]) < "2021-01-24"]
    rows += visits(GONE, f"{NETWORK}.9", FOREIGN, range(30, 55, 3), hour=2)
    log = security_log([event(1, 4725, "2021-01-25 08:00:00")], host="DC01")
    files = {"DC01/Security.xml": log, "exports/2021-01-10/people.csv": people()}
    staged = stage(root, {iis_place("EX01", "210104"): log_of(rows), **files})
    return staged, reasoned(staged)


def test_an_account_that_reads_on_after_it_went_is_a_sign(tmp_path: Path) -> None:
    staged, case = _used(tmp_path)
    (one,) = of(case)
    assert one.sessions == 9
    assert one.first_use_utc is not None
    assert (one.first_use_utc - START).days == 30
    assert len(one.clients) == 1
    assert one.clients[0].startswith(f"{NETWORK}.0/24 ")
    summary = summed(staged, case)
    (told,) = [claim for claim in summary.claims if "used after it went" in claim.text]
    assert told.question.value == "mailboxes"
    assert told.grade.value == "inferred"
    assert told.coverage is not None
    assert {ref.table for ref in told.grounds} == {"iis", "evtx"}
    assert "1 account used after it went" in next(
        answer.verdict for answer in summary.answers if answer.question.value == "mailboxes"
    )


def test_a_lead_says_that_the_owner_left_and_takes_his_absence_for_absence(tmp_path: Path) -> None:
    _, case = _used(tmp_path)
    first = case.ranked.leads[0]
    assert first.mailbox == GONE
    assert dict(first.terms)["departed"] > 4  # one of 24 ties
    assert not any("visits from elsewhere" in text for text in first.against)
    assert any("its owner left (disabled on 2021-01-25)" in text for text in first.against)
    others = [one for one in case.ranked.leads if one.mailbox != GONE]
    assert {dict(one.terms)["departed"] for one in others} == {0.0}


def test_where_nobody_used_what_went_leads_are_as_they_were(tmp_path: Path) -> None:
    files = {"exports/2021-01-10/people.csv": people(), "exports/2021-02-20/people.csv": people(off=[GONE])}
    _, case = made(tmp_path / "with", files)
    _, bare = made(tmp_path / "without", {"exports/2021-01-10/people.csv": people()})
    assert case.departures.found
    assert case.clients.departed is None
    assert [one.terms for one in case.ranked.leads] == [one.terms for one in bare.ranked.leads]


def test_somebody_else_in_the_mailbox_of_who_left_is_told_apart(tmp_path: Path) -> None:
    """A successor opens it with an account of his own: the account that went was not used."""
    rows = visits(OTHER, "198.19.5.7", FOREIGN, range(30, 40, 2), stem=f"/owa/{GONE}/", query="-")
    log = security_log([event(1, 4725, "2021-01-25 08:00:00")], host="DC01")
    work_rows = [one for one in work() if one["user"] != GONE or str(one["at"]) < "2021-01-24"]
    staged = stage(
        tmp_path,
        {
            iis_place("EX01", "210104"): log_of([*work_rows, *rows]),
            "DC01/Security.xml": log,
            "exports/2021-01-10/people.csv": people(),
        },
    )
    (one,) = of(reasoned(staged))
    assert one.sessions == 0
    assert one.opened_by == (OTHER,)


def test_a_midnight_is_a_day(tmp_path: Path) -> None:
    """The export is dated by the day in its path: what was done that morning was done before it was made, or after."""
    rows = [one for one in work() if one["user"] != GONE or str(one["at"]) < "2021-01-24"]
    rows += visits(GONE, "198.19.3.7", FOREIGN, [28], hour=7)  # 2021-02-01 07:00
    files = {"exports/2021-01-20/people.csv": people(), "exports/2021-02-01/people.csv": people(off=[GONE])}
    staged = stage(tmp_path, {iis_place("EX01", "210104"): log_of(rows), **files})
    (one,) = of(reasoned(staged))
    assert one.sessions == 0
