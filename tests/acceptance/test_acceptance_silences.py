"""Recording that somebody switched off comforts nobody: acts in an audit export, brought the whole way to the answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.acceptance.test_acceptance_bad_input import audit
from tests.acceptance.whole import Whole, investigated
from tests.scope.office import PEOPLE
from tests.scope.staged import ual_json
from tests.scope.test_scope_silences import NAMED, Record, act, licence

OFF_AT = "2021-01-10 00:00:00"
UNIFIED = act(OFF_AT, "Set-AdminAuditLogConfig", UnifiedAuditLogIngestionEnabled="False")
ON_AGAIN = act("2021-01-12 00:00:00", "Set-AdminAuditLogConfig", UnifiedAuditLogIngestionEnabled="True")
BYPASS = act(OFF_AT, "Set-MailboxAuditBypassAssociation", PEOPLE[3], AuditBypassEnabled="True")
DROPPED = licence(OFF_AT, PEOPLE[3], NAMED.format(""), NAMED.format("M365_ADVANCED_AUDITING"))
SPAN, BEFORE = 601, 135
"""Hours of the export, from 4 January 09:00 to 29 January 10:00, and those before the tenth."""


def _told(root: Path, acts: Sequence[Record], *, stolen: bool = False) -> Whole:
    records = [json.loads(one) for one in audit(stolen=stolen).splitlines()]
    records = sorted([*records, *acts], key=lambda one: str(one["CreationTime"]))
    return investigated(root, {"UAL.json": ual_json(records)})


def _hours(found: Whole, mailbox: str) -> tuple[int, int]:
    row = next(one for one in found.summary["mailboxes"] if one["mailbox"] == mailbox)
    return row["coverage_detail"]["hours_able"], row["coverage_detail"]["hours_asked"]


def test_unified_auditing_off_lowers_every_negative_of_the_tenant(tmp_path: Path) -> None:
    whole = _told(tmp_path / "whole", [])
    assert _hours(whole, PEOPLE[0]) == (SPAN, SPAN)
    found = _told(tmp_path / "off", [UNIFIED])
    assert {_hours(found, one) for one in PEOPLE} == {(BEFORE, SPAN)}
    assert set(found.grades().values()) == {"undeterminable"}
    assert found.claims(
        "blindspots", "unified audit logging was switched off", "no record says that it was switched on"
    )
    again = _told(tmp_path / "again", [UNIFIED, ON_AGAIN])
    assert {_hours(again, one) for one in PEOPLE} == {(SPAN - 48, SPAN)}


def test_what_an_account_does_unrecorded_lowers_every_mailbox(tmp_path: Path) -> None:
    """Whom it opened is in no record: nobody's mailbox is covered in those hours, and none is said to be untouched."""
    found = _told(tmp_path, [BYPASS])
    assert not found.summary["intrusions"]
    assert {_hours(found, one) for one in PEOPLE} == {(BEFORE, SPAN)}
    assert set(found.grades().values()) == {"undeterminable"}
    (claim, *_) = [one for one in found.claims("mailboxes") if "cannot be determined" in one["text"]]
    assert any(f"what {PEOPLE[3]} does was taken out of auditing" in one for one in claim["against"])


@pytest.mark.parametrize(
    ("ends", "grade"), [("2021-01-10 02:00:00", "no-sign"), ("2021-01-11 00:00:00", "undeterminable")]
)
def test_an_account_unrecorded_for_hours_leaves_a_figure_and_for_a_day_no_answer(
    tmp_path: Path, ends: str, grade: str
) -> None:
    over = act(ends, "Set-MailboxAuditBypassAssociation", PEOPLE[3], AuditBypassEnabled="False")
    found = _told(tmp_path, [BYPASS, over])
    assert {found.grades()[one] for one in PEOPLE if one != PEOPLE[3]} == {grade}


def _bypassed(at: str, *, on: bool, who: str = PEOPLE[3]) -> Record:
    return act(at, "Set-MailboxAuditBypassAssociation", who, AuditBypassEnabled="True" if on else "False")


@pytest.mark.parametrize("others", [1, 2])
def test_hours_unrecorded_again_and_again_are_days(tmp_path: Path, others: int) -> None:
    acts = []
    for day in range(10, 14):
        whose = PEOPLE[3 + day % others]
        acts.append(_bypassed(f"2021-01-{day} 08:00:00", on=True, who=whose))
        acts.append(_bypassed(f"2021-01-{day} 15:00:00", on=False, who=whose))
    assert set(_told(tmp_path / "three", acts[:6]).grades().values()) == {"no-sign"}
    assert set(_told(tmp_path / "four", acts).grades().values()) == {"undeterminable"}


def test_one_time_that_several_acts_hide_counts_once(tmp_path: Path) -> None:
    acts = [_bypassed("2021-01-10 08:00:00", on=True, who=one) for one in PEOPLE[3:8]]
    acts += [_bypassed("2021-01-10 15:00:00", on=False, who=one) for one in PEOPLE[3:8]]
    assert set(_told(tmp_path, acts).grades().values()) == {"no-sign"}


@pytest.mark.parametrize(
    "acts",
    [
        pytest.param([_bypassed("2019-01-10 00:00:00", on=True), _bypassed("2019-01-17 00:00:00", on=False)],
                     id="on again before anything is held"),
        pytest.param([_bypassed("2021-01-29 09:30:00", on=True)], id="off in the last hour"),
        pytest.param([UNIFIED, act("2021-01-10 02:00:00", "Set-AdminAuditLogConfig",
                                   UnifiedAuditLogIngestionEnabled="True")], id="the tenant for two hours"),
        pytest.param([act(OFF_AT, "Set-Mailbox", PEOPLE[3], AuditEnabled="False"),
                      act("2021-01-10 02:00:00", "Set-Mailbox", PEOPLE[3], AuditEnabled="True")],
                     id="a mailbox for two hours"),
    ],
)  # fmt: skip
def test_what_hides_less_than_a_day_of_what_is_held_leaves_a_figure(tmp_path: Path, acts: Sequence[Record]) -> None:
    assert set(_told(tmp_path, acts).grades().values()) == {"no-sign"}


def test_without_an_intruder_recording_off_for_a_day_leaves_open_whom_it_is_about(tmp_path: Path) -> None:
    """That no intrusion is known may be its doing."""
    everybody = _told(tmp_path / "all", [act(OFF_AT, "Set-OrganizationConfig", "", AuditDisabled="True")])
    assert set(everybody.grades().values()) == {"undeterminable"}
    one = _told(tmp_path / "one", [act(OFF_AT, "Set-Mailbox", PEOPLE[3], AuditEnabled="False")])
    assert not one.summary["intrusions"]
    assert {name for name, grade in one.grades().items() if grade == "undeterminable"} == {PEOPLE[3]}
    row = next(each for each in one.summary["mailboxes"] if each["mailbox"] == PEOPLE[3])
    assert any(f"auditing of {PEOPLE[3]} was switched off" in each for each in row["assumptions"])


def test_a_licence_taken_lowers_its_mailbox_and_no_other(tmp_path: Path) -> None:
    found = _told(tmp_path, [DROPPED])
    assert _hours(found, PEOPLE[3]) == (BEFORE, SPAN)
    assert {_hours(found, one) for one in PEOPLE if one != PEOPLE[3]} == {(SPAN, SPAN)}
    assert found.claims("blindspots", "Licence for auditing taken from a user")


def test_with_an_intruder_a_mailbox_whose_recording_was_off_is_open(tmp_path: Path) -> None:
    quiet = PEOPLE[20]
    off = act(OFF_AT, "Set-Mailbox", quiet, AuditEnabled="False")
    found = _told(tmp_path, [off], stolen=True)
    assert len(found.summary["intrusions"]) == 1
    grades = found.grades()
    assert grades[quiet] == "undeterminable"
    assert {grades[one] for one in PEOPLE[8:] if one != quiet} == {"no-sign"}
    row = next(one for one in found.summary["mailboxes"] if one["mailbox"] == quiet)
    assert any(f"auditing of {quiet} was switched off" in one for one in row["assumptions"])


def test_an_intruder_whose_acts_were_not_recorded_leaves_every_mailbox_open(tmp_path: Path) -> None:
    """The account that he used was taken out of auditing: where it read is in no record."""
    found = _told(tmp_path, [act(OFF_AT, "Set-MailboxAuditBypassAssociation", PEOPLE[2], AuditBypassEnabled="True")],
                  stolen=True)  # fmt: skip
    grades = found.grades()
    assert {grades[one] for one in PEOPLE[8:]} == {"undeterminable"}
