"""A marking never hides in silence: what it takes away, what it makes and what would be said without it is told."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.answers.test_answers_honest import _honest
from tests.scope.office import DAYS, FOREIGN, NETWORK, PEOPLE, attended, facts, log_of, no_hunt, reasoned, visits
from tests.scope.staged import Staged, stage, stage_folder, utc

from dwell.answers.assemble import assemble
from dwell.drill import DrillPlan, write_drill
from dwell.drill.scenario import scenario
from dwell.hunt.hunting import Hunted, hunt
from dwell.model.claims import EXPOSED, ClaimGrade, Grade, Question, Summary
from dwell.model.markings import Marking, MarkingKind, MarkingVerdict
from dwell.report.listings import LISTINGS, NOT_TOLD, TAKEN_AWAY
from dwell.report.summary_json import summary_text

SPY, SECOND, ALONG = PEOPLE[:6], PEOPLE[12:17], PEOPLE[22]
"""Whom the first reads from his network, whom the second; whom the first reads from elsewhere, known by his agent alone."""
LAN, OTHER = f"{NETWORK}.0/24", "198.18.99.0/24"
ODD = "Mozilla/5.0+Dillo/3.0"
REASON = "VPN pool of the ministry"


def marking(target: str, verdict: str = "ours", name: str = "M1", **more: Any) -> Marking:  # noqa: ANN401 - its fields
    """Give a marking of a network, or of what else is said."""
    at = utc("2021-06-01 10:00:00")
    made = Marking(name, MarkingKind.NETWORK, target, MarkingVerdict(verdict), REASON, "a. uthor", at)
    return replace(made, **more)


def said(staged: Staged, *markings: Marking, hunted: Hunted | None = None) -> Summary:
    """Give the answers with markings; they are honest, and the same twice."""
    found = assemble(reasoned(staged, hunted or no_hunt(), markings), facts(staged))
    _honest(found)
    return found


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Staged:
    """Give an office with two intruders, each on a network and with an agent of his own, and one odd visitor."""
    rows = attended()
    for place, person in enumerate(SPY):
        rows += visits(person, f"{NETWORK}.9", FOREIGN, range(place % 5, DAYS, 6), hour=2)
    for place, person in enumerate(SECOND):
        rows += visits(person, "198.18.99.4", ODD, range(3 + place % 7, DAYS, 8), hour=3)
    rows += visits(ALONG, "198.18.60.4", FOREIGN, [41], hour=2)
    rows += visits(PEOPLE[23], "198.18.50.4", "Lynx/2.8", [40], hour=3)
    return stage(tmp_path_factory.mktemp("office"), {"EX01/inetpub/logs/LogFiles/W3SVC1/u_ex21.log": log_of(rows)})


@pytest.fixture(scope="module")
def bare(office: Staged) -> Summary:
    """Give the answers without a marking."""
    return said(office)


def _claims(summary: Summary, question: Question) -> list[str]:
    return [one.text for one in summary.claims if one.question is question]


def _verdict(summary: Summary, question: Question) -> str:
    return next(one.verdict for one in summary.answers if one.question is question)


def _exposed(summary: Summary) -> set[str]:
    return {one.mailbox for one in summary.mailboxes if one.grade in EXPOSED}


def test_the_office_has_two_intruders(bare: Summary) -> None:
    assert [set(one.accounts) >= set(who) for one, who in zip(bare.intrusions, (SPY, SECOND), strict=True)] == [
        True
    ] * 2
    assert bare.markings == ()


def test_an_intruders_network_called_ours_is_a_contradiction_by_name(office: Staged, bare: Summary) -> None:
    found = said(office, marking(LAN))
    assert [one.id for one in found.intrusions] == ["I2"]
    (effect,) = found.markings
    assert effect.contradicts == ("I1",)
    assert effect.sessions == sum(one.sessions for one in bare.mailboxes if one.mailbox in SPY)
    fifth = [one for one in found.claims if one.question is Question.INTRUSIONS]
    (claim,) = [one for one in fifth if "contradicts what dwell finds" in one.text]
    assert claim.grade is ClaimGrade.ASSUMED
    assert claim.grounds
    assert f"opened {len(SPY) + 1} mailboxes" in claim.text
    assert "with the markings it is not told" in claim.text
    assert claim.marked == (marking(LAN).told,)
    assert all(word in claim.marked[0] for word in ("M1", LAN, "a. uthor", "2021-06-01", REASON))
    assert any(REASON in one and "it contradicts I1" in one for one in _claims(found, Question.BLINDSPOTS))


def test_every_verdict_that_a_marking_changes_gives_the_other_one(office: Staged, bare: Summary) -> None:
    found = said(office, marking(LAN))
    for question in Question:
        before, after = _verdict(bare, question), _verdict(found, question)
        if question is Question.BLINDSPOTS:
            continue
        if before != after:
            assert after.endswith(".")
            assert "This rests on what a person marked (M1)" in after
            assert any(before in text and "rests on M1" in text for text in _claims(found, question))
    assert _verdict(bare, Question.MAILBOXES) != _verdict(found, Question.MAILBOXES)
    assert _verdict(bare, Question.INTRUSIONS) != _verdict(found, Question.INTRUSIONS)


def test_mailboxes_that_a_marking_takes_out_are_no_negative(office: Staged, bare: Summary) -> None:
    found = said(office, marking(LAN))
    hidden = {one.mailbox: one for one in found.mailboxes if one.unmarked is not None}
    assert set(hidden) == _exposed(bare) - _exposed(found) == {*SPY, ALONG}
    for one in hidden.values():
        assert (one.grade, one.unmarked) == (Grade.NO_SIGN, Grade.OPENED)
        assert "without marking M1 it would be opened, by I1" in one.assumptions
        assert one.marked == (marking(LAN).told,)
    mine = [one for one in found.claims if one.question is Question.MAILBOXES]
    negatives = [one.text for one in mine if one.grade is ClaimGrade.NO_SIGN]
    rest = sum(one.grade is Grade.NO_SIGN for one in found.mailboxes) - len(hidden)
    assert any(f"of the other {rest} mailbox" in one for one in negatives)
    assert sum(one.grade is ClaimGrade.ASSUMED and "only because of a marking" in one.text for one in mine) == len(
        hidden
    )
    assert f"{len(hidden)} mailboxes not told as opened only because of a marking" in _verdict(
        found, Question.MAILBOXES
    )


def test_two_markings_that_cover_each_other_do_not_hide_each_other(office: Staged) -> None:
    found = said(office, marking(LAN), marking("198.18.64.0/18", name="M2"))
    assert found.intrusions == ()
    assert [one.contradicts for one in found.markings] == [("I1",), ("I1", "I2")]
    texts = [text for text in _claims(found, Question.INTRUSIONS) if "contradicts what dwell finds" in text]
    assert [text.split(" ", 1)[0] for text in texts] == ["M1", "M2", "M2"]
    assert "found nothing older but I1, I2, which a person calls ours" in " ".join(_claims(found, Question.INTRUSIONS))
    assert _verdict(found, Question.INTRUSIONS).startswith("No intrusion is held together")
    assert "This rests on what a person marked (M1, M2)" in _verdict(found, Question.INTRUSIONS)


def test_a_part_that_is_called_ours_leaves_the_rest_with_its_name(office: Staged, bare: Summary) -> None:
    tie = marking(OTHER, kind=MarkingKind.TIE, agent=bare.intrusions[1].clients[0].partition(" ")[2], account=SECOND[0])
    found = said(office, tie)
    assert [one.id for one in found.intrusions] == ["I1", "I2"]
    assert set(found.intrusions[1].accounts) == set(bare.intrusions[1].accounts) - {SECOND[0]}
    assert found.intrusions[1].marked == (f"a part of it is taken for ours by {tie.told}",)
    assert _exposed(bare) - _exposed(found) == {SECOND[0]}


def test_a_marking_that_is_too_short_takes_nothing(office: Staged, bare: Summary) -> None:
    found = said(office, marking(LAN, from_utc=utc("2021-01-20 00:00:00")))
    assert [replace(one, marked=()) for one in found.intrusions] == list(bare.intrusions)
    assert _exposed(found) == _exposed(bare)
    assert found.markings[0].sessions > 0


def test_a_marking_of_nothing_held_says_so_and_changes_nothing(office: Staged, bare: Summary) -> None:
    found = said(office, marking("203.0.113.0/24"))
    assert found.answers[:6] == bare.answers[:6]
    assert found.claims[: len(bare.claims)] == bare.claims
    assert "It speaks of nothing that is held" in found.claims[-1].text


def test_theirs_makes_an_intrusion_apart_that_rests_on_the_marking(office: Staged, bare: Summary) -> None:
    found = said(office, marking("198.18.50.0/24", "theirs"))
    assert [one.id for one in found.intrusions] == ["I1", "I2", "I-M1"]
    assert found.intrusions[:2] == bare.intrusions
    made = found.intrusions[2]
    assert made.marking == "M1"
    assert made.links == (marking("198.18.50.0/24", "theirs").told,)
    assert made.mailboxes == (PEOPLE[23],)
    (one,) = [one for one in found.mailboxes if one.mailbox == PEOPLE[23]]
    assert (one.grade, one.unmarked, one.intrusions) == (Grade.OPENED, Grade.NO_SIGN, ("I-M1",))
    assert "that it was an intruder is said by marking M1 alone" in one.assumptions
    told = next(claim for claim in found.claims if claim.text.startswith(PEOPLE[23]))
    assert told.grade is ClaimGrade.ASSUMED
    assert told.marked == made.links
    assert "made by markings alone (M1)" in _verdict(found, Question.INTRUSIONS)
    assert "(1 of them by what is marked alone)" in _verdict(found, Question.MAILBOXES)


def test_a_service_that_was_stolen_is_marked_from_the_day_on(office: Staged, tmp_path: Path) -> None:
    rows = attended()
    for place, person in enumerate(PEOPLE):
        rows += visits("svc@gov.example", "10.1.1.200", "Archiver/2", range(DAYS), hour=place, stem=f"/owa/{person}/")
    staged = stage(tmp_path, {"EX01/inetpub/logs/LogFiles/W3SVC1/u_ex21.log": log_of(rows)})
    bare_ = said(staged)
    assert ("service", "svc@gov.example") in {(one.kind.value, one.name) for one in bare_.learned}
    assert bare_.intrusions == ()
    stolen = marking("svc@gov.example", "theirs", kind=MarkingKind.ACCOUNT, from_utc=utc("2021-02-01 00:00:00"))
    (made,) = said(staged, stolen).intrusions
    assert (made.id, made.accounts) == ("I-M1", ("svc@gov.example",))
    assert made.first_utc == utc("2021-02-01 00:00:00")


def test_theirs_on_what_dwell_finds_adds_nothing_and_is_told(office: Staged, bare: Summary) -> None:
    found = said(office, marking(LAN, "theirs"))
    assert found.intrusions == bare.intrusions
    assert found.mailboxes == bare.mailboxes
    assert found.markings[0].agrees == ("I1",)
    assert any("dwell finds the same: I1" in text for text in _claims(found, Question.BLINDSPOTS))


def test_what_is_accepted_or_contested_changes_no_evidence(office: Staged, bare: Summary) -> None:
    wanted = next(one for one in bare.claims if one.question is Question.MAILBOXES)
    hers = next(one for one in bare.claims if one.text.startswith(f"{SECOND[0]} was"))
    claim = marking(wanted.id, "contested", kind=MarkingKind.CLAIM, text=wanted.text)
    mailbox = marking(SECOND[0], "accepted", "M2", kind=MarkingKind.MAILBOX)
    found = said(office, claim, mailbox)
    assert [replace(one, marked=()) for one in found.claims] == list(bare.claims)
    assert found.answers == bare.answers
    assert {one.id: one.marked for one in found.claims if one.marked} == {
        wanted.id: (claim.told,),
        hers.id: (mailbox.told,),
    }
    assert {one.mailbox: one.marked for one in found.mailboxes if one.marked} == {SECOND[0]: (mailbox.told,)}


def test_a_marking_of_a_statement_that_is_gone_is_still_told(office: Staged) -> None:
    gone = marking("mailboxes-1", "accepted", kind=MarkingKind.CLAIM, text="p99@gov.example was read.")
    nobody = marking("nobody@gov.example", "contested", "M2", kind=MarkingKind.MAILBOX)
    found = said(office, gone, nobody)
    last = _claims(found, Question.BLINDSPOTS)[-2:]
    assert "That statement is not made any more: “p99@gov.example was read.”" in last[0]
    assert "No mailbox of that name is known" in last[1]


def test_markings_give_the_same_bytes_twice(office: Staged) -> None:
    markings = [marking(LAN), marking("198.18.50.0/24", "theirs", "M2")]
    assert summary_text(said(office, *markings)) == summary_text(said(office, *markings))


PENTEST = DrillPlan(
    seed=4, mailboxes=40, from_utc=datetime(2021, 2, 20, tzinfo=UTC), to_utc=datetime(2021, 3, 20, tzinfo=UTC),
    scenario=scenario("loud-alone"),
)  # fmt: skip


@dataclass(frozen=True)
class _Test:
    """A ministry in which somebody exploits the servers: a tester, if one believes the marking."""

    staged: Staged
    hunted: Hunted
    clients: Sequence[str]
    truth: dict[str, Any]


@pytest.fixture(scope="module")
def pentest(tmp_path_factory: pytest.TempPathFactory) -> _Test:
    """Give the exercise, staged and hunted."""
    root = tmp_path_factory.mktemp("pentest")
    truth = write_drill(root / "evidence", root / "truth.json", PENTEST)
    staged = stage_folder(root, root / "evidence")
    hunted = hunt(staged.archive, workers=1)
    bare_ = said(staged, hunted=hunted)
    (loud,) = bare_.intrusions
    return _Test(staged, hunted, [one.partition(" ")[0] for one in loud.clients], truth)


def test_a_penetration_test_called_ours_leaves_its_records_and_its_shell_told(pentest: _Test) -> None:
    by_address = [marking(one, name=f"M{place}") for place, one in enumerate(pentest.clients, 1)]
    found = said(pentest.staged, *by_address, hunted=pentest.hunted)
    ids = ", ".join(f"M{place}" for place in range(1, len(pentest.clients) + 1))
    assert all("by CVE-2021-26855" not in one.entry for one in found.intrusions)
    sent = next(text for text in _claims(found, Question.ENTRY) if "forged request" in text)
    assert "CVE-2021-26855" in sent
    claim = next(one for one in found.claims if one.text == sent)
    assert any("are called ours by" in one for one in claim.against)
    shell = next(one for one in found.foothold if one.kind == "web shell")
    assert (shell.intrusion, bool(shell.markings)) == (None, True)
    assert any("web shell" in text and "called ours by" in text for text in _claims(found, Question.FOOTHOLD))
    assert not any("No sign of CVE-2021-26855" in text for text in _claims(found, Question.ENTRY) if "EX01" in text)
    assert f"This rests on what a person marked ({ids})" in _verdict(found, Question.ENTRY)
    hidden = [one for one in found.mailboxes if one.unmarked in EXPOSED]
    (loud,) = pentest.truth["intruders"]
    assert {one.mailbox for one in hidden} == set(loud["mailboxes"])
    # what no record gives an address for is not covered by a marking of addresses, and says how near it lies
    assert found.intrusions
    assert all(any("calls ours" in text for text in one.against) for one in found.intrusions)


def test_a_penetration_test_is_gone_once_its_nameless_acts_are_marked_too(pentest: _Test) -> None:
    by_address = [marking(one, name=f"M{place}") for place, one in enumerate(pentest.clients, 1)]
    left = said(pentest.staged, *by_address, hunted=pentest.hunted)
    refs = [ref for one in left.intrusions for ref in one.grounds]
    by_record = [
        marking(f"{ref.table}/{ref.evidence_id}/{ref.record_no}", name=f"M{place}", kind=MarkingKind.RECORD)
        for place, ref in enumerate(refs, len(by_address) + 1)
    ]
    found = said(pentest.staged, *by_address, *by_record, hunted=pentest.hunted)
    assert found.intrusions == ()
    assert all(one.contradicts == ("I1",) for one in found.markings)


def test_a_penetration_test_of_another_week_is_no_excuse(pentest: _Test) -> None:
    window: dict[str, Any] = {"from_utc": utc("2021-02-21 00:00:00"), "to_utc": utc("2021-02-25 00:00:00")}
    markings = [marking(one, name=f"M{place}", **window) for place, one in enumerate(pentest.clients, 1)]
    found = said(pentest.staged, *markings, hunted=pentest.hunted)
    assert [one.id for one in found.intrusions] == ["I1"]
    assert all(one.sessions == one.acts == 0 for one in found.markings)


def _whole(bare: Summary, name: str, verdict: str = "ours", **more: Any) -> Marking:  # noqa: ANN401 - its fields
    """Give a marking of an intrusion, as `dwell mark` makes it."""
    one = next(one for one in bare.intrusions if one.id == name)
    assert one.first_utc is not None
    assert one.last_utc is not None
    records = " ".join(f"{ref.table}/{ref.evidence_id}/{ref.record_no}" for ref in one.grounds)
    bounds = {"from_utc": one.first_utc, "to_utc": one.last_utc + timedelta(seconds=1)}
    window: dict[str, Any] = bounds if verdict == "ours" else {}
    return marking(name, verdict, kind=MarkingKind.INTRUSION, text=records, **window, **more)


def test_an_intrusion_called_ours_is_not_told_and_the_other_stays(office: Staged, bare: Summary) -> None:
    found = said(office, _whole(bare, "I1"))
    assert [one.id for one in found.intrusions] == ["I2"]
    assert found.intrusions[0].mailboxes == bare.intrusions[1].mailboxes
    (effect,) = found.markings
    assert effect.contradicts == ("I1",)
    assert not _exposed(found) & set(SPY)
    assert any("contradicts what dwell finds" in one for one in _claims(found, Question.INTRUSIONS))
    assert "rests on what a person marked (M1)" in _verdict(found, Question.MAILBOXES)


def test_tables_that_are_handed_on_say_what_a_marking_takes_out_of_them(office: Staged, bare: Summary) -> None:
    def table(summary: Summary, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(LISTINGS[name].csv(summary))))

    assert {(one["rests_on"], one["without_it"]) for one in table(bare, "intrusions")} == {("", "")}
    everything = said(office, marking("198.0.0.0/8"))
    assert everything.intrusions == ()
    for name, key, was in (("intrusions", "id", bare.intrusions), ("entry", "method", bare.entry)):
        rows = table(everything, name)
        assert [one[key] for one in rows] == [getattr(one, key) or "" for one in was]
        assert all(one["rests_on"].startswith("M1: ") and REASON in one["rests_on"] for one in rows)
        assert {one["without_it"] for one in rows} == {TAKEN_AWAY}
    assert table(everything, "intrusions")[0]["mailboxes"] == " | ".join(bare.intrusions[0].mailboxes)
    quiet = next(one for one in table(everything, "eviction") if one["key"] == "quiet")
    assert quiet["rests_on"].startswith("M1: ")
    assert quiet["without_it"] != ""
    theirs = said(office, marking("198.18.50.4", "theirs"))
    (made,) = [one for one in table(theirs, "intrusions") if one["rests_on"]]
    assert made["without_it"] == NOT_TOLD


def test_what_an_intrusion_did_outside_the_time_it_was_marked_for_is_judged(office: Staged, bare: Summary) -> None:
    """Evidence of later acts must not be ours because earlier ones were."""
    whole = _whole(bare, "I1")
    assert whole.from_utc is not None
    found = said(office, replace(whole, to_utc=whole.from_utc + timedelta(days=20)))
    (first, _) = found.intrusions
    assert set(first.accounts) >= set(SPY)


@pytest.mark.parametrize("verdict", ["accepted", "contested", "unknown"])
def test_what_is_said_of_an_intrusion_is_told_beside_it(office: Staged, bare: Summary, verdict: str) -> None:
    one = _whole(bare, "I2", verdict)
    found = said(office, one)
    assert [each.marked for each in found.intrusions] == [(), (one.told,)]
    assert [replace(each, marked=()) for each in found.intrusions] == list(bare.intrusions)
    assert [(each.mailbox, each.grade) for each in found.mailboxes] == [
        (each.mailbox, each.grade) for each in bare.mailboxes
    ]
    claims = [each for each in found.claims if each.question is Question.INTRUSIONS and each.marked]
    assert [each.text.partition(":")[0] for each in claims] == ["I2"]


def test_an_intrusion_is_known_by_its_records_whatever_it_is_called_now(office: Staged, bare: Summary) -> None:
    found = said(office, replace(_whole(bare, "I2", "accepted"), target="I1"))
    assert [bool(each.marked) for each in found.intrusions] == [False, True]


def test_an_intrusion_that_is_not_found_any_more_takes_nothing_away(office: Staged, bare: Summary) -> None:
    gone = replace(_whole(bare, "I1"), text=f"iis/{'e' * 64}/7 iis/{'e' * 64}/9")
    found = said(office, gone, replace(gone, id="M2", verdict=MarkingVerdict.ACCEPTED))
    assert found.intrusions == bare.intrusions
    texts = [one.text for one in found.claims if one.question is Question.BLINDSPOTS]
    assert any("speaks of nothing that is held" in one for one in texts)
    assert any("No intrusion is found any more that holds its records" in one for one in texts)
