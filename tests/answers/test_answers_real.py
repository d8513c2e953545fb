"""Real attacks that were not made for this project: the main statements of the walk-throughs, counted by hand in the rows.

The figures are those of the manual's pages `explanation/walkthrough-*.md`, taken from the raw files without this program.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from dwell import api
from dwell.model.claims import Claim, FootholdState, Grade, Outcome, Question, ReachVerdict, Summary


def _answered(root: Path, *evidence: Path) -> Summary:
    api.ingest(root, list(evidence), workers=1)
    api.hunt(root, workers=1)
    return api.answers(root, workers=1).summary


def _claims(found: Summary, question: Question, word: str) -> list[Claim]:
    return [one for one in found.claims if one.question is question and word in one.text]


@pytest.fixture(scope="module")
def proxylogon(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Summary:
    return _answered(tmp_path_factory.mktemp("proxylogon"), shared_data / "otrf" / "proxylogon_ssrf_rce_poc.zip")


@pytest.fixture(scope="module")
def golden_saml(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Summary:
    names = ("AADAuditEvents", "Microsoft365DefenderEvents", "OfficeActivityEvents", "WindowsEvents")
    files = [shared_data / "otrf" / f"{one}.Zip" for one in names]
    return _answered(tmp_path_factory.mktemp("golden-saml"), *files)


@pytest.fixture(scope="module")
def audit_log(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Summary:
    return _answered(tmp_path_factory.mktemp("audit-log"), shared_data / "m365" / "auditrecords.7z")


def test_proxylogon_is_one_entry_up_to_the_shell(proxylogon: Summary) -> None:
    (entry,) = proxylogon.entry
    assert (entry.host, entry.cve, entry.outcome) == ("MXS01", "CVE-2021-27065", Outcome.POST_EXPLOITATION)
    assert f"{entry.first_utc:%Y-%m-%d %H:%M:%S} {entry.last_utc:%H:%M:%S}" == "2021-03-14 06:40:12 06:40:15"
    assert [one.accounts for one in proxylogon.intrusions] == [()]


def test_proxylogon_leaves_a_page_and_takes_its_setting_away(proxylogon: Summary) -> None:
    setting, page = proxylogon.foothold
    assert (setting.kind, setting.state) == ("virtual directory", FootholdState.REMOVED)
    assert "2021-03-14 06:40:14 UTC: Remove-OabVirtualDirectory" in setting.state_why
    assert (page.kind, page.what.rpartition("\\")[2], page.intrusion) == ("web shell", "ohyeah.aspx", "I1")
    assert len(page.grounds) == 3


def test_proxylogon_says_what_it_cannot(proxylogon: Summary) -> None:
    assert _claims(proxylogon, Question.ENTRY, "CVE-2021-26855 (ProxyLogon) on MXS01 is not testable")
    assert proxylogon.mailboxes == ()
    assert _claims(proxylogon, Question.BLINDSPOTS, "No mail log is held of any of the servers")


def test_golden_saml_is_one_chain_to_the_mailbox(golden_saml: Summary) -> None:
    (intrusion,) = golden_saml.intrusions
    assert intrusion.accounts == ("wardog",)
    (mailbox,) = golden_saml.mailboxes
    assert (mailbox.mailbox, mailbox.grade, mailbox.messages) == ("pgustavo@simulandlabs.com", Grade.NAMED, 6)
    (chain,) = _claims(golden_saml, Question.ENTRY, "took the signing key of AD FS")
    assert "given Mail.ReadWrite by pgustavo@simulandlabs.com at 2021-08-02 13:27:20 UTC" in chain.text
    assert "a secret added by pgustavo@simulandlabs.com at 2021-08-02 13:29:25 UTC" in chain.text
    assert {ref.table for ref in chain.grounds} == {"evtx", "entra_audit", "ual"}
    told = {one.system: (one.system_class, one.verdict) for one in golden_saml.reach}
    assert told["DC01"] == ("directory", ReachVerdict.REACHED)
    assert told["ADFS01"] == ("server", ReachVerdict.REACHED)
    assert told["M365"] == ("cloud", ReachVerdict.REACHED)


def test_golden_saml_says_that_no_record_shows_the_forged_token(golden_saml: Summary) -> None:
    (chain,) = _claims(golden_saml, Question.ENTRY, "took the signing key of AD FS")
    assert any("no record shows a forged token" in one for one in chain.against)
    assert any("3 accounts logged on from there" in one for one in chain.against)


@pytest.mark.parametrize(
    ("app", "mailboxes", "messages"),
    [
        ("rnicrosoft_office", {"a.thulile"}, 5),
        ("sisai", {"alexw", "joey"}, 6),
        ("Poss", {"gradya", "joey"}, 63),
        ("Graph explorer (official site)", {"gradya", "joey"}, 5),
    ],
)
def test_audit_log_tells_what_applications_read(
    audit_log: Summary, app: str, mailboxes: set[str], messages: int
) -> None:
    (told,) = _claims(audit_log, Question.MAILBOXES, f"The application {app} ")
    assert f"{messages} messages named" in told.text
    assert all(f"{one}@dutchmasterz.onmicrosoft.com" in told.text for one in mailboxes)
    assert f"opened {len(mailboxes)} mailbox" in told.text


def test_audit_log_tells_what_was_set_and_what_was_taken_away(audit_log: Summary) -> None:
    told = {(one.kind, one.what.partition(" by ")[0]): one.state for one in audit_log.foothold}
    rules = {what for kind, what in told if kind == "forwarding or inbox rule"}
    assert {"New-InboxRule on A.Thulile\\.", "New-InboxRule on joey\\Financial Reporting", "New-TransportRule"} <= rules
    assert told["forwarding or inbox rule", "Set-Mailbox on GradyA"] is FootholdState.REMOVED
    assert told["forwarding or inbox rule", "Set-Mailbox on joey"] is FootholdState.UNKNOWN
    # the calendars whose rights for everyone were set to none are nothing left behind
    assert not [kind for kind, _ in told if kind == "folder permission"]
    full = [one.what for one in audit_log.foothold if one.what.startswith("Add-MailboxPermission")]
    assert len(full) == 4


def test_audit_log_lays_nothing_to_anybody(audit_log: Summary) -> None:
    assert audit_log.intrusions == ()
    # of one mailbox the records hold sign-ins alone, and none of what was opened in it; four were read by applications to
    # which their owners consented
    unsure = {one.mailbox.partition("@")[0] for one in audit_log.mailboxes if one.grade is Grade.UNDETERMINABLE}
    assert unsure == {"korstiaan", "a.thulile", "alexw", "gradya", "joey"}
    assert {one.grade for one in audit_log.mailboxes if one.mailbox.partition("@")[0] not in unsure} == {Grade.NO_SIGN}
    verdict = next(one.verdict for one in audit_log.answers if one.question is Question.MAILBOXES)
    assert "4 applications given rights on mail or a secret opened 4 mailboxes, laid to no intrusion" in verdict
