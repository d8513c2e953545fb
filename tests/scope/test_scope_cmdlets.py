"""Cmdlets are told with what they set, whatever an attacker wrote into a value, and undone ones are known as such."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.cmdlets import Cmdlet, parameters_of, retold


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('-Identity "Anna" -Force', [("Identity", "Anna"), ("Force", "")]),
        ("-Confirm:$false -ForwardTo 'a@b'", [("Confirm", "$false"), ("ForwardTo", "a@b")]),
        ('-User "A ""b"" c"', [("User", 'A "b" c')]),
        ('-ExternalUrl "http://f/<script language="JScript" runat="server">" -Identity "OAB"',
         [("ExternalUrl", 'http://f/<script language="JScript" runat="server">'), ("Identity", "OAB")]),
        ('-Name "-x -y z" -ForwardTo ""', [("Name", "-x -y z"), ("ForwardTo", "")]),
        ("-Number -5 -Days 3", [("Number", "-5"), ("Days", "3")]),
        ('-Name "never closed -ForwardTo a@b', [("Name", '"never closed -ForwardTo a@b')]),
        ("no parameter at all", []),
        ("", []),
    ],
)  # fmt: skip
def test_parameters_are_read(text: str, told: list[tuple[str, str]]) -> None:
    assert list(parameters_of(text)) == told


@given(st.text(alphabet="-aB \"':=$", max_size=60))
def test_no_text_is_lost(text: str) -> None:
    """Whatever stands behind the first name is in a name or a value."""
    found = parameters_of(text)
    told = "".join(name + value for name, value in found)
    for letter in "aB=$":
        first = next((place for place, one in enumerate(text) if one == "-"), len(text))
        if found and text[:first].strip() == "":
            assert told.count(letter) == text[first:].count(letter)


def _cmdlet(name: str, day: int, *parameters: tuple[str, str], target: str = "anna") -> Cmdlet:
    ref = RecordRef("ual", EvidenceId("0" * 64), day)
    return Cmdlet(name, target, "admin", parameters, datetime(2021, 3, day, tzinfo=UTC), ref)


def _same(text: str) -> str | None:
    return text or None


def test_a_cleared_forwarding_undoes_the_one_before_it() -> None:
    there = _cmdlet("Set-Mailbox", 1, ("ForwardingSmtpAddress", "smtp:x@evil.example"))
    gone = _cmdlet("Set-Mailbox", 5, ("ForwardingSmtpAddress", ""))
    assert gone.takes_away("MB-07")
    assert gone.undoes(there, "MB-07", _same)
    assert not there.takes_away("MB-07")
    assert not gone.undoes(_cmdlet("Set-Mailbox", 9, ("ForwardingSmtpAddress", "x")), "MB-07", _same)
    assert not gone.undoes(_cmdlet("Set-Mailbox", 1, ("ForwardingSmtpAddress", "x"), target="otto"), "MB-07", _same)
    assert not gone.undoes(_cmdlet("Set-Mailbox", 1, ("ForwardingAddress", "x")), "MB-07", _same)


def test_logs_that_name_one_mailbox_in_different_words_speak_of_one() -> None:
    there = _cmdlet("Set-Mailbox", 1, ("ForwardingAddress", "x"), target="anna")
    gone = _cmdlet("Set-Mailbox", 5, ("ForwardingAddress", ""), target="gov.example/Users/Anna")
    assert gone.undoes(there, "MB-07", _same)
    assert not replace(gone, online=True).undoes(there, "MB-07", _same)
    assert not replace(gone, failed=True).undoes(there, "MB-07", _same)


def test_a_rule_of_another_mailbox_undoes_nothing_whatever_a_name_is_taken_for() -> None:
    there = _cmdlet("Set-InboxRule", 1, ("ForwardTo", "x"), target="anna\\Hide")
    gone = _cmdlet("Set-InboxRule", 5, ("ForwardTo", ""), target="otto\\Hide")
    assert not gone.undoes(there, "MB-07", lambda text: text.rpartition("\\")[2])
    assert replace(gone, target="gov.example/Users/anna\\hide").undoes(there, "MB-07", _same)


def test_an_organisation_has_one_audit_log_whatever_a_log_calls_it() -> None:
    there = _cmdlet("Set-AdminAuditLogConfig", 1, ("AdminAuditLogEnabled", "False"), target="")
    gone = _cmdlet("Set-AdminAuditLogConfig", 2, ("AdminAuditLogEnabled", "True"), target="Admin Audit Log Settings")
    assert gone.undoes(there, "AF-05", _same)


def test_auditing_switched_on_takes_nothing_from_anybody() -> None:
    assert _cmdlet("Set-Mailbox", 1, ("AuditEnabled", "True")).takes_away("AF-05")
    assert not _cmdlet("Set-Mailbox", 1, ("AuditEnabled", "False")).takes_away("AF-05")
    assert not _cmdlet("Set-Mailbox", 1, ("AuditEnabled", "False"), ("AuditDisabled", "False")).takes_away("AF-05")
    assert not _cmdlet("Set-Mailbox", 1).takes_away("AF-05")
    assert not _cmdlet("Set-Mailbox", 1, ("ForwardTo", "")).takes_away("MB-03")


def _told(table: str, second: int, *parameters: tuple[str, str], name: str = "Set-Mailbox", number: int = 1) -> Cmdlet:
    at = datetime(2021, 3, 1, tzinfo=UTC) + timedelta(seconds=second)
    return Cmdlet(name, "anna", "admin", parameters, at, RecordRef(table, EvidenceId("0" * 64), number))


def test_what_another_log_tells_of_an_act_is_told_once_and_two_acts_in_one_log_are_two() -> None:
    given = (("Identity", "anna"), ("ForwardTo", "X@y"))
    first = _told("evtx", 0, *given)
    again = _told("admin_audit", 50, given[1], ("identity", "ANNA"))
    shell = _told("rps_cmdlet", -5, *given)
    late = _told("rps_cmdlet", 200, *given, number=2)
    other = _told("rps_cmdlet", 0, ("Identity", "otto"), number=3)
    named = _told("rps_cmdlet", 0, *given, name="Set-CASMailbox", number=4)
    twice = _told("evtx", 5, *given, number=2)
    acts = [late, shell, first, again, other, named, twice]
    assert retold(acts) == {again.ground, shell.ground}
    assert retold([shell, again]) == {shell.ground}
    assert retold([replace(one, at_utc=None) for one in acts]) == frozenset()


def test_words_tell_what_on_what_by_whom() -> None:
    one = _cmdlet("Set-Mailbox", 1, ("Identity", "anna"), ("ForwardingAddress", ""))
    assert one.words == "Set-Mailbox on anna by admin: ForwardingAddress = (nothing)"
