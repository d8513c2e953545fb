"""Whose a recipient is: only what leads to a mailbox of the directory is inside, in whatever form an export writes it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.answers.checks.exported import AFTER, BEFORE, STAFF, case_of, check_of, table

from dwell.answers.checks.recipients import Recipients, Target
from dwell.model.claims import CheckStatus
from dwell.scope.identities import Identities
from dwell.scope.snapshots import Snapshots

PASS, FAIL, UNKNOWN = CheckStatus.PASS, CheckStatus.FAIL, CheckStatus.UNKNOWN
PEOPLE = (
    "Name,Alias,PrimarySmtpAddress,RecipientTypeDetails,DistinguishedName,LegacyExchangeDN",
    [
        (
            "Vera Claes",
            "vera",
            "vera@gov.example",
            "UserMailbox",
            "CN=Vera Claes,OU=Staff,DC=gov,DC=example",
            "/o=Gov/cn=vera",
        ),
        (
            "Jan, Piet",
            "jan",
            "jan@gov.example",
            "UserMailbox",
            "CN=Jan\\, Piet,OU=Staff,DC=gov,DC=example",
            "/o=Gov/cn=jan",
        ),
        ("Evil", "evil", "evil@bad.example", "MailContact", "CN=Evil,OU=Contacts,DC=gov,DC=example", "/o=Gov/cn=evil"),
        (
            "Guest",
            "guest",
            "guest@mail.example",
            "GuestMailUser",
            "CN=Guest,OU=Staff,DC=gov,DC=example",
            "/o=Gov/cn=guest",
        ),
    ],
)


@pytest.fixture(scope="module")
def recipients(tmp_path_factory: pytest.TempPathFactory) -> Recipients:
    """Give the recipients of an organisation of two mailboxes, a contact and a guest."""
    files = {f"directory/{AFTER}/recipients.csv": table(*PEOPLE)}
    case = case_of(tmp_path_factory.mktemp("case"), files, directory=False)
    return Recipients(case.identities, case.snapshots, case.identities.mailboxes())


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "vera@gov.example",
        "smtp:Vera@Gov.example",
        '"Vera Claes" [SMTP:vera@gov.example]',
        '"Vera Claes" [EX:/o=Gov/cn=vera]',
        '"Vera" [EX:/o=Gov/cn=vera];"Jan" [SMTP:jan@gov.example]',
        "{vera@gov.example, jan@gov.example}",
        "gov.example/Staff/Vera Claes",
        "gov.example/Staff/Jan, Piet",
        "CN=Vera Claes,OU=Staff,DC=gov,DC=example",
        "vera",
        "vera;jan",
    ],
)
def test_what_leads_to_a_mailbox_is_inside(recipients: Recipients, cell: str) -> None:
    assert recipients.beyond(cell) == ()


@pytest.mark.parametrize(
    ("cell", "outside"),
    [
        ("x@elsewhere.example", True),
        ("smtp:x@elsewhere.example", True),
        ('"vera@gov.example" [SMTP:x@elsewhere.example]', True),
        ("gov.example/Contacts/Evil", True),
        ('"Evil" [EX:/o=Gov/cn=evil]', True),
        ("evil", True),
        ("guest@mail.example", True),
        ("vera@gov.example;x@mail.example", True),
        ("gov.example/Contacts/Vera Claes", False),
        ("gov.example/Contacts/Somebody", False),
        ('"Somebody" [EX:/o=Gov/cn=somebody]', False),
        ("group@gov.example", False),
        ('"x" [MOBILE:+3200]', False),
        ("vera;somebody", False),
        ("System.Collections.ArrayList", False),
        ("vera@gov.example;Somebody", False),
    ],
)
def test_what_leads_nowhere_or_outside_is_told(recipients: Recipients, cell: str, outside: bool) -> None:
    (found,) = recipients.beyond(cell)
    assert found.outside is outside, found


def test_the_house_s_domains_are_those_of_its_mailboxes(recipients: Recipients) -> None:
    assert recipients.domains == {"gov.example"}


def test_without_mailboxes_no_address_is_called_outside() -> None:
    assert Recipients(Identities(), Snapshots(), ()).beyond("x@elsewhere.example") == (
        Target("x@elsewhere.example", outside=False),
    )


def test_what_a_list_was_called_in_place_of_its_content_is_known_from_no_other_export(recipients: Recipients) -> None:
    (found,) = recipients.beyond("Microsoft.Exchange.Data.MultiValuedProperty`1[System.String]")
    assert not found.known_again


@pytest.mark.parametrize(
    ("cell", "outside"),
    [
        ("{vera@gov.example, jan@gov.example...}", 0),
        ("{vera@gov.example, jan@gov.example…}", 0),
        ("{vera@gov.example, jan@gov.exa…", 0),
        ("jan@gov.exam...", 0),
        ("{x@elsewhere.example, jan@gov.example...}", 1),
        ("{vera@gov.example, x@elsewhere.example…}", 1),
    ],
)
def test_a_list_that_the_console_cut_names_more_than_is_there(recipients: Recipients, cell: str, outside: int) -> None:
    """What three dots stand for was passed over, or was the end of an address outside."""
    found = recipients.beyond(cell)
    assert sum(one.outside for one in found) == outside
    assert sum(not one.known_again for one in found) == 1


@pytest.mark.parametrize(
    "cell",
    [
        "..." * 100_000 + "x",
        "... " * 100_000 + "x",
        "a" * 400_000,
        '"' * 200_000,
        "[EX:" * 100_000,
        "a@" * 100_000,
        "CN=\\," * 50_000,
    ],
)
def test_a_cell_that_was_made_to_be_slow_is_not(recipients: Recipients, cell: str) -> None:
    began = time.perf_counter()
    recipients.beyond(cell)
    assert time.perf_counter() - began < 5


FORWARDS = "PrimarySmtpAddress,Alias,ForwardingAddress,ForwardingSmtpAddress,DeliverToMailboxAndForward"
LEGACY = "/o=Gov/ou=Group/cn=Recipients/cn="


@pytest.mark.parametrize(
    ("address", "smtp", "expected"),
    [
        ("gov.example/Contacts/Evil Contact", "", UNKNOWN),
        ("", "smtp:x@guests.example", FAIL),
        ("", "smtp:p01@gov.example", PASS),
        ("p01", "", PASS),
    ],
)
def test_forwarding_to_a_contact_or_a_guest_does_not_pass(
    tmp_path: Path, address: str, smtp: str, expected: CheckStatus
) -> None:
    rows = [
        (one, one[:3], address if not place else "", smtp if not place else "", "False")
        for place, one in enumerate(STAFF)
    ]
    everybody = [(one, one[:3], "UserMailbox") for one in STAFF]
    guests = [("g@guests.example", "g", "GuestMailUser")]
    files = {
        f"directory/{AFTER}/m.csv": table(FORWARDS, rows),
        "directory/all.csv": table("PrimarySmtpAddress,Alias,RecipientTypeDetails", [*everybody, *guests]),
    }
    assert check_of(case_of(tmp_path, files), "forwarding").status is expected


RULES = "Mailbox,Name,Enabled,RuleIdentity,ForwardTo,DeleteMessage,MoveToFolder"
JUNK = [(one, "Junk E-mail Rule", "True", "1", "", "False", "") for one in STAFF]


def _rule(owner: str, to: str = "", folder: str = "") -> tuple[str, ...]:
    return (owner, "..", "True", "2", to, "False", folder)


@pytest.mark.parametrize(
    ("extra", "before", "expected"),
    [
        (_rule(STAFF[0], f'"p01" [EX:{LEGACY}p01]'), None, PASS),
        (_rule(STAFF[0], f'"Evil" [EX:{LEGACY}evil]'), None, UNKNOWN),
        (_rule(STAFF[1], f'"Evil" [EX:{LEGACY}evil]'), None, UNKNOWN),
        (_rule(STAFF[0], f'"Evil" [EX:{LEGACY}evil]'), _rule(STAFF[0], f'"Evil" [EX:{LEGACY}evil]'), PASS),
        (_rule(STAFF[0], "System.Collections.ArrayList"), _rule(STAFF[0], "System.Collections.ArrayList"), UNKNOWN),
        (_rule(STAFF[0], folder="RSS Feeds"), None, UNKNOWN),
        (_rule(STAFF[0], folder="RSS Feeds"), _rule(STAFF[0], folder="RSS Feeds"), PASS),
        (_rule(STAFF[0], folder="RSS Feeds"), _rule(STAFF[0], folder="Inbox"), UNKNOWN),
        (_rule(STAFF[1], folder="RSS Feeds"), None, PASS),
    ],
)
def test_a_rule_to_what_no_mailbox_has_or_that_hides_mail_does_not_pass(
    tmp_path: Path, extra: tuple[str, ...], before: tuple[str, ...] | None, expected: CheckStatus
) -> None:
    legacy = [(one, one[:3], f"{LEGACY}{one[:3]}") for one in STAFF]
    files = {
        f"exports/{AFTER}/rules.csv": table(RULES, [*JUNK, extra]),
        "directory/legacy.csv": table("PrimarySmtpAddress,Alias,LegacyExchangeDN", legacy),
    }
    if before is not None:
        files[f"exports/{BEFORE}/rules.csv"] = table(RULES, [*JUNK, before])
    found = check_of(case_of(tmp_path, files), "inbox-rules")
    assert found.status is expected, found.why


OUT = "x@elsewhere.example"


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("AddToRecipients", OUT, FAIL),
        ("GenerateIncidentReport", OUT, FAIL),
        ("ModerateMessageByUser", OUT, FAIL),
        ("AddToRecipients", STAFF[1], PASS),
        ("RouteMessageOutboundConnector", "to elsewhere", UNKNOWN),
        ("RouteMessageOutboundConnector", "", PASS),
    ],
)
def test_every_way_in_which_a_transport_rule_sends_on(
    tmp_path: Path, column: str, value: str, expected: CheckStatus
) -> None:
    rows = [("r", "Enabled", "0", "", "2021-01-07T00:00:00Z", value)]
    columns = f"Name,State,Priority,BlindCopyTo,WhenChangedUTC,{column}"
    found = check_of(case_of(tmp_path, {f"exports/{AFTER}/t.csv": table(columns, rows)}), "transport-rules")
    assert found.status is expected, found.why
