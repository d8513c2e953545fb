"""Identities: linked by rows that name two names at once, never by looks; contradictions kept."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scope.staged import stage, ual_json

from dwell.scope.identities import Identities
from dwell.scope.names import exported

GUID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
SID = "S-1-5-21-1-2-3-1104"


def _row(**more: str) -> dict[str, str | None]:
    base = {
        "PrimarySmtpAddress": "jan.maes@gov.example",
        "UserPrincipalName": "jmaes@corp.gov.example",
        "SamAccountName": "jmaes",
        "ExchangeGuid": GUID,
        "SID": SID,
        "LegacyExchangeDN": "/o=Gov/cn=jmaes",
        "EmailAddresses": "SMTP:jan.maes@gov.example smtp:j.maes@old.example X400:c=BE",
    }
    return {**base, **more}


@pytest.mark.parametrize(
    "text",
    [
        "jan.maes@gov.example",
        "JAN.MAES@GOV.EXAMPLE",
        "jmaes@corp.gov.example",
        "GOV\\jmaes",
        "jmaes",
        SID,
        f"Sid~{SID}",
        GUID,
        f"MailboxGuid~{GUID}@gov.example",
        f"{GUID}@gov.example",
        "/o=gov/cn=JMAES",
        "j.maes@old.example",
    ],
)
def test_every_name_of_a_mailbox_gives_its_primary_address(text: str) -> None:
    names = Identities()
    names.add_export([_row()])
    assert names.label(text) == "jan.maes@gov.example"


def test_nothing_is_linked_because_it_looks_alike() -> None:
    names = Identities()
    names.add_export([_row()])
    assert names.label("jan.maes@other.example") == "jan.maes@other.example"
    assert names.label("OTHER\\jan.maes") == "other\\jan.maes"


def test_a_guid_at_a_domain_is_the_mailbox_of_that_guid() -> None:
    names = Identities()
    names.add_pair("vera@gov.example", GUID)
    names.add_export([{"PrimarySmtpAddress": "vera@gov.example"}])
    assert names.label(f"{GUID}@anything.example") == "vera@gov.example"


def test_a_name_of_two_accounts_is_a_contradiction_and_is_kept() -> None:
    names = Identities()
    names.add_export([_row(), {"PrimarySmtpAddress": "vera@gov.example", "SamAccountName": "vera"}])
    names.add_pair("jan.maes@gov.example", "vera")
    assert len(names.contradictions) == 1
    assert "jan.maes@gov.example" in names.contradictions[0]
    assert "vera@gov.example" in names.contradictions[0]
    assert names.label("vera") == "vera@gov.example"
    assert names.label("jmaes") == "jan.maes@gov.example"


def test_the_empty_guid_links_nobody() -> None:
    zero = "00000000-0000-0000-0000-000000000000"
    names = Identities()
    names.add_export(
        [
            {"PrimarySmtpAddress": "a@gov.example", "ArchiveGuid": zero, "ExchangeGuid": zero},
            {"PrimarySmtpAddress": "b@gov.example", "ArchiveGuid": zero, "ExchangeGuid": zero},
        ]
    )
    assert not names.contradictions
    assert (names.label("a@gov.example"), names.label("b@gov.example")) == ("a@gov.example", "b@gov.example")


def test_two_exports_of_one_account_become_one() -> None:
    names = Identities()
    names.add_export(
        [_row(), {"UserPrincipalName": "jmaes@corp.gov.example", "PasswordLastSet": "2021-03-09T10:00:00Z"}]
    )
    assert list(names.accounts) == ["jan.maes@gov.example"]
    assert names.accounts["jan.maes@gov.example"].password_set == "2021-03-09T10:00:00Z"
    assert names.mailboxes() == ["jan.maes@gov.example"]


@pytest.mark.parametrize(
    "text",
    [
        "NT AUTHORITY\\SYSTEM",
        "NT SERVICE\\MSExchangeTransport",
        "MINISTRY\\EX01$",
        "S-1-5-18",
        "HealthMailbox83d6781@gov.example",
        "SM_9fd9a5f1ab6f4d8cb",
        "SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@gov.example",
        "DiscoverySearchMailbox {D919BA05-46A6-415f-80AD-7E09334BB852}@gov.example",
        "Migration.8f3e7716-2011-43e4-96b1-aba62d229136@gov.example",
        "FederatedEmail.4c1f4d8b-8179-4148-93bf-00a95fa1e042",
    ],
)
def test_the_systems_own_accounts(text: str) -> None:
    assert Identities().is_system(text)


@pytest.mark.parametrize(
    "text", ["sm_janssens@gov.example", "migration.team@gov.example", "system.admin@gov.example", None]
)
def test_people_are_not_taken_for_the_system(text: str | None) -> None:
    """An account that is taken for the system's own is not judged: a person must not be."""
    assert not Identities().is_system(text)


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=20), st.randoms())
def test_linking_is_the_same_in_any_order(pairs: list[tuple[int, int]], chance: random.Random) -> None:
    """Names without accounts of an export: who is linked with whom is what a naive walk over the pairs gives."""

    def groups(order: list[tuple[int, int]]) -> list[frozenset[int]]:
        names = Identities()
        for first, second in order:
            names.add_pair(f"u{first}@a.example", f"u{second}@a.example")
        roots: dict[str, set[int]] = {}
        for one in range(12):
            roots.setdefault(names._root(f"smtp:u{one}@a.example"), set()).add(one)
        return sorted((frozenset(one) for one in roots.values()), key=min)

    naive = {one: {one} for one in range(12)}
    for first, second in pairs:
        merged = naive[first] | naive[second]
        for one in merged:
            naive[one] = merged
    shuffled = list(pairs)
    chance.shuffle(shuffled)
    assert groups(pairs) == groups(shuffled) == sorted({frozenset(one) for one in naive.values()}, key=min)


def test_the_domains_of_mailboxes_are_those_of_all_their_addresses_and_of_no_contact() -> None:
    found = Identities()
    contact = {"PrimarySmtpAddress": "x@evil.example", "RecipientTypeDetails": "MailContact"}
    found.add_export([_row(RecipientTypeDetails="UserMailbox"), contact])
    found.add_pair("y@else.example", "8e1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")
    assert found.domains() == {"gov.example", "corp.gov.example", "old.example"}


def test_addresses_of_the_directory_itself_lead_to_the_account(tmp_path: Path) -> None:
    """`Get-ADUser` has them as `proxyAddresses`; its `mail` may be that of another account of the same person."""
    rows = [
        {"SamAccountName": "anna", "SID": {"Value": SID}, "proxyAddresses": ["SMTP:a.berg@gov.example"]},
        {"SamAccountName": "adm-anna", "SID": {"Value": f"{SID}9"}, "mail": "a.berg@gov.example", "proxyAddresses": []},
    ]
    archive = stage(tmp_path, {"EX01/users.json": ual_json(rows)}).archive
    found = exported(archive)
    assert found.label("GOV\\anna") == found.label("a.berg@gov.example")
    assert found.label("GOV\\adm-anna") not in {None, found.label("GOV\\anna")}
