"""What a person sets before anything is judged, clocks and servers not asked for, never changes an answer in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.intake.evidence import taken_in, write
from tests.scope.office import DAYS, FOREIGN, NETWORK, PEOPLE, attended, log_of, visits
from tests.scope.staged import iis_place

from dwell import api
from dwell.answers.setting import Unwanted, Wished
from dwell.casebook.case import Case
from dwell.casebook.settings import record_settings
from dwell.errors import UsageError
from dwell.model.claims import CheckStatus, Question, Summary
from dwell.model.settings import Setting, SettingKind

SPY = PEOPLE[:8]
DIRECTORY = "SamAccountName,UserPrincipalName,PrimarySmtpAddress,RecipientTypeDetails,ServerName\r\n" + "".join(
    f"{one.partition('@')[0]},{one},{one},UserMailbox,{'EX01' if place % 3 else 'EX02'}\r\n"
    for place, one in enumerate(PEOPLE)
)
PASSWORDS = "SamAccountName,UserPrincipalName,PasswordLastSet,ExportedUtc\r\n" + "".join(
    f"{one.partition('@')[0]},{one},2021-01-20T00:00:00Z,2021-04-03T00:00:00Z\r\n" for one in PEOPLE
)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """Give an office of which eight mailboxes were read, with passwords that were set in the midst of it."""
    rows = attended()
    for place, person in enumerate(SPY):
        rows += visits(person, f"{NETWORK}.9", FOREIGN, range(place % 5, DAYS, 6), hour=2)
    files = {
        iis_place("EX01", "210104"): log_of(rows).encode(),
        "directory/2021-04-03/mailboxes.csv": DIRECTORY.encode(),
        "directory/2021-04-03/passwords.csv": PASSWORDS.encode(),
    }
    taken_in(tmp_path / "case", write(tmp_path / "e", files))
    return tmp_path / "case"


def answers(case: Path) -> Summary:
    """Answer the case."""
    return api.answers(case, workers=1).summary


def put(case: Path, kind: SettingKind, value: str) -> Summary:
    """Set something, and answer again."""
    wished = Wished(((kind, value, ""),), "as the owner says", "a. uthor")
    api.keep_settings(case, api.setting(case, wished, workers=1))
    return answers(case)


def verdict(summary: Summary, question: Question) -> str:
    """Give the verdict on a question."""
    return next(one.verdict for one in summary.answers if one.question is question)


def told(summary: Summary, question: Question) -> list[str]:
    """Give the statements on a question."""
    return [one.text for one in summary.claims if one.question is question]


def test_a_server_that_is_not_asked_for_is_named_by_every_answer_that_rests_on_it(case: Path) -> None:
    bare = answers(case)
    assert f"{len(PEOPLE) - len(SPY)} undeterminable" in verdict(bare, Question.MAILBOXES)
    summary = put(case, SettingKind.NO_CLIENTS, "EX02")
    assert "with a coverage of 100 %" in verdict(summary, Question.MAILBOXES)
    for question in (Question.MAILBOXES, Question.BLINDSPOTS):
        assert "This rests on what a person set (S1)" in verdict(summary, question)
        assert f"Without any setting it would be: “{verdict(bare, question)}”" in " ".join(told(summary, question))
    quiet = [one for one in summary.mailboxes if one.grade.value == "no-sign"]
    assert len(quiet) == len(PEOPLE) - len(SPY)
    for one in quiet:
        assert "without setting S1 it would be undeterminable" in one.assumptions
        assert any(text.startswith("S1: no-clients ex02") for text in one.marked)


def test_no_clients_of_a_server_that_nothing_names_changes_and_claims_nothing(case: Path) -> None:
    bare = answers(case)
    summary = put(case, SettingKind.NO_CLIENTS, "EX77")
    assert [one.verdict for one in summary.answers][:-1] == [one.verdict for one in bare.answers][:-1]
    assert not any("rests on" in one.verdict for one in summary.answers)
    assert not any(one.marked for one in summary.mailboxes)
    assert [one.text for one in summary.case_settings] == [
        "no record names a mail server of that name: nothing changes; look whether it is written as meant"
    ]


def test_a_clock_by_word_that_makes_a_check_pass_is_named_by_the_answer(case: Path) -> None:
    def passwords(summary: Summary) -> CheckStatus:
        return next(one.status for one in summary.eviction if one.key == "passwords")

    bare = answers(case)
    assert passwords(bare) is CheckStatus.FAIL
    summary = put(case, SettingKind.CLOCK, "EX01=+90d")
    assert passwords(summary) is CheckStatus.PASS
    for question in (Question.INTRUSIONS, Question.EVICTION):
        assert "what a person set (S1)" in verdict(summary, question)
        statements = " ".join(told(summary, question))
        assert "its verdict would be the same without" in statements or verdict(bare, question) in statements
    gone = Unwanted(("S1",), "it was not off", "b. editor")
    api.keep_settings(case, api.setting(case, gone, workers=1))
    assert answers(case) == bare


def test_a_clock_of_a_host_that_nothing_is_held_of_says_so(case: Path) -> None:
    (one,) = put(case, SettingKind.CLOCK, "EX99=+5").case_settings
    assert one.text.startswith("nothing that is held is of a host EX99")


def test_of_two_words_on_one_clock_the_later_is_in_force(case: Path) -> None:
    put(case, SettingKind.CLOCK, "EX01=+3600")
    (one,) = put(case, SettingKind.CLOCK, "ex01=-7200").case_settings
    assert (one.setting.id, one.setting.value) == ("S2", "EX01=-7200")
    assert "7,200 s behind" in one.text
    wished = Wished(((SettingKind.CLOCK, "EX01=right", ""), (SettingKind.CLOCK, "ex01=+5", "")), "why", "a. uthor")
    with pytest.raises(UsageError, match="given twice"):
        api.setting(case, wished, workers=1)


def test_of_two_words_on_one_clock_in_an_older_case_the_first_says_that_it_does_not_count(case: Path) -> None:
    held = Case.open(case)
    with held.writing():
        made = [
            Setting(f"S{number}", SettingKind.CLOCK, value, "why", "a. uthor")
            for number, value in enumerate(("EX01=+3600", "EX01=right"), 1)
        ]
        record_settings(held, made, [])
    first, second = answers(case).case_settings
    assert first.text == "nothing: S2, which was set later, counts for the clock of EX01"
    assert second.text.startswith("nothing is corrected because of it")


@pytest.mark.parametrize("value", ["EX01=+86401", "EX01=-7776000"])
def test_a_clock_that_is_more_than_a_day_off_is_asked_for_in_days(case: Path, value: str) -> None:
    with pytest.raises(UsageError, match="cannot be read") as fault:
        api.setting(case, Wished(((SettingKind.CLOCK, value, ""),), "why", "a. uthor"), workers=1)
    assert "EX02=+90d" in (fault.value.remedy or "")


def test_what_a_setting_hides_is_not_put_down_to_a_marking(case: Path) -> None:
    summary = put(case, SettingKind.NETWORK, f"{NETWORK}.0/24")
    assert "8 mailboxes not told as opened only because of a setting" in verdict(summary, Question.MAILBOXES)
    hidden = [text for text in told(summary, Question.MAILBOXES) if "only because of" in text]
    assert len(hidden) == len(SPY)
    assert all("only because of a setting: what dwell finds makes it " in text for text in hidden)
    against = next(text for text in told(summary, Question.INTRUSIONS) if "contradicts what dwell finds" in text)
    assert "with the settings it is not told" in against
