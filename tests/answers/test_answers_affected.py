"""Persons affected (R26): ranges worked out by hand from envelopes; and bytes as a range."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from tests.answers.test_answers_exposure import (
    AUDIT_AGENT,
    BOUND,
    CLIENT,
    HELD_BACK,
    IMPERSONATED,
    OWNER,
    SYNCED,
    evidence,
)
from tests.scope.office import PEOPLE, facts, reasoned
from tests.scope.staged import bind, stage, ual_json

from dwell.answers.assemble import assemble
from dwell.model.affected import Affected, Range
from dwell.model.claims import ClaimGrade, MailboxExposure, Summary
from dwell.report.tables import mailboxes_csv
from dwell.scope.envelopes import envelopes_of, message_key

FIELDS = "date-time,client-ip,source,event-id,message-id,recipient-address,total-bytes,message-subject,sender-address"
FRIEND, COLLEAGUE = PEOPLE[20], PEOPLE[21]


def _row(at: str, message: str, sender: str, *to: str, size: int = 1_000, event: str = "DELIVER") -> str:
    return f"{at}T10:00:00.000Z,,STOREDRIVER,{event},<{message}@x>,{';'.join(to)},{size},do not read,{sender}"


def tracking() -> str:
    """Give a message tracking log of the mailboxes of the case."""
    rows = [
        _row("2021-01-20", "m1", "out1@abroad.example", BOUND.upper(), FRIEND, size=2_000),
        # another server delivers the same message to somebody else
        _row("2021-01-20", "m1", "out1@abroad.example", COLLEAGUE, size=2_100),
        _row("2021-01-22", "m3", BOUND, "out2@abroad.example"),
        _row("2021-03-30", "m4", "out3@abroad.example", BOUND),
        _row("2021-01-10", "s1", "out4@abroad.example", SYNCED),
        _row("2021-01-26", "s2", "out5@abroad.example", SYNCED, size=500),
        _row("2021-01-15", "r1", "out6@abroad.example", OWNER),
        _row("2021-01-15", "n1", "out7@abroad.example", FRIEND),
    ]
    head = f"#Software: Microsoft Exchange Server\r\n#Log-type: Message Tracking Log\r\n#Fields: {FIELDS}\r\n"
    return head + "".join(f"{one}\r\n" for one in sorted(rows))


def _summary(folder: Path, files: dict[str, str | bytes]) -> Summary:
    staged = stage(folder, files)
    return assemble(reasoned(staged), facts(staged))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """Give the answers of a case with envelopes."""
    files = evidence() | {"EX01/TransportRoles/Logs/MessageTracking/MSGTRKMD2021012010-1.LOG": tracking()}
    return _summary(tmp_path_factory.mktemp("affected"), files)


def _mailbox(summary: Summary, name: str) -> MailboxExposure:
    return next(one for one in summary.mailboxes if one.mailbox == name)


def _of(summary: Summary, name: str) -> Affected:
    found = _mailbox(summary, name).affected
    assert found is not None
    return found


def test_of_named_messages_those_in_their_envelopes_are_affected_at_least(told: Summary) -> None:
    found = _of(told, BOUND)
    # m1: out1, a friend and a colleague; m3 adds out2; m4 came after the last act; m2 has no envelope
    assert (found.persons, found.inside, found.outside) == (Range(3, 4), Range(2, 2), Range(1, 2))
    assert found.messages == Range(1, 2)
    assert found.sizes == Range(2_100, 3_100)
    assert any("1 of 2 named messages" in text for text in found.assumptions)


def test_where_a_record_counts_more_than_it_names_all_mail_by_then_may_have_been_read(tmp_path: Path) -> None:
    def of(count: int) -> Affected:
        record = bind("2021-01-25 03:20:00", BOUND, BOUND, CLIENT, AUDIT_AGENT, messages=["<m1@x>"], size=900)
        files = {one: text for one, text in evidence().items() if "UAL" not in one.upper()}
        files["EX01/TransportRoles/Logs/MessageTracking/MSGTRKMD2021012010-1.LOG"] = tracking()
        files["M365/one.json"] = ual_json([record | {"OperationCount": count}])
        return _of(_summary(tmp_path / str(count), files), BOUND)

    # m3 lay there by then and is not named; m4 came later
    assert (of(1).messages, of(6).messages) == (Range(1, 1), Range(1, 2))


def test_of_a_mailbox_taken_whole_what_came_meanwhile_at_least_and_all_by_then_at_most(told: Summary) -> None:
    found = _of(told, SYNCED)
    assert (found.persons, found.messages) == (Range(1, 2), Range(1, 2))
    assert found.sizes == Range(500, 1_500)


def test_where_no_record_says_which_were_fetched_it_is_none_at_least(told: Summary) -> None:
    found = _of(told, OWNER)
    assert found.persons == Range(0, 1)
    assert any("at least none" in text for text in found.assumptions)


def test_a_mailbox_that_was_not_exposed_has_none(told: Summary) -> None:
    assert _mailbox(told, HELD_BACK).affected is None
    assert _mailbox(told, FRIEND).affected is None


def test_altogether_each_counts_once(told: Summary) -> None:
    whole = told.affected
    assert whole is not None
    assert whole.persons == Range(4, 7)  # out1, friend, colleague, out5; and out2, out4, out6
    assert (whole.inside, whole.outside) == (Range(2, 2), Range(2, 5))
    claim = next(one for one in told.claims if one.text.startswith("Persons affected"))
    assert "4 to 7 addresses" in claim.text
    assert claim.grade is ClaimGrade.INFERRED


def test_no_subject_is_told(told: Summary) -> None:
    assert not any("do not read" in one.text for one in told.claims)


def test_the_list_of_whom_to_notify_has_the_ranges(told: Summary) -> None:
    rows = csv.DictReader(io.StringIO(mailboxes_csv(told)))
    found = next(one for one in rows if one["mailbox"] == BOUND)
    assert (found["affected_low"], found["affected_high"]) == ("3", "4")


def test_bytes_are_a_range_by_the_logs_that_tell_them(told: Summary) -> None:
    found = _mailbox(told, IMPERSONATED)
    assert found.bytes == 7_200
    assert found.bytes_range == Range(6_000, 7_200)  # six calls of 1,000 in EWS' log, of 1,200 in HttpProxy's
    assert _mailbox(told, OWNER).bytes_range == Range()


def test_without_envelopes_it_is_not_determinable_and_the_log_is_named(tmp_path: Path) -> None:
    summary = _summary(tmp_path, evidence())
    found = _of(summary, BOUND)
    assert not found.determinable
    assert (found.persons, found.messages) == (Range(), Range())
    assert "message tracking" in found.decides
    claim = next(one for one in summary.claims if "not determinable" in one.text and "envelopes" in one.text)
    assert claim.grade is ClaimGrade.UNKNOWN


def test_a_message_trace_is_read_too(tmp_path: Path) -> None:
    rows = [
        "origin_timestamp_utc,sender_address,recipient_status,message_subject,total_bytes,message_id",
        f"2021-01-20T10:00:00.0000000Z,out1@abroad.example,{BOUND}##Receive;{FRIEND}##Receive,x,900,<t1@x>",
    ]
    staged = stage(tmp_path, {"m365/trace.csv": "\r\n".join(rows) + "\r\n"})
    case = reasoned(staged)
    found = envelopes_of(staged.archive, case.identities, {BOUND})
    assert found.sources == ("message_trace",)
    (one,) = found.messages.values()
    assert one.addresses == {"out1@abroad.example", BOUND, FRIEND}
    assert (one.message, one.bytes, one.mailboxes) == ("t1@x", 900, {BOUND})


@pytest.mark.parametrize("text", ["<a@x>", " <a@x> ", "a@x", "< a@x >"])
def test_brackets_and_blanks_do_not_tell_messages_apart(text: str) -> None:
    assert message_key(text) == "a@x"
