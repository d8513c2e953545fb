"""The last question begins with the hole whose closing would change most."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.scope.office import facts, log_of, no_hunt, reasoned, work
from tests.scope.staged import hourly, iis_log, iis_place, stage

from dwell.answers.assemble import assemble
from dwell.model.claims import Grade, Question, RuleOutcome, RuleStatus


def test_holes_are_ranked_by_what_closing_them_would_change(tmp_path: Path) -> None:
    whole = iis_log({"at": at, "stem": "/health"} for at in hourly("2021-01-04 00:00:00", "2021-01-29 23:00:00"))
    files = {iis_place("EX01", "210104"): log_of(work()), "EX01/iis/whole.log": whole}
    half = iis_log({"at": at, "stem": "/health"} for at in hourly("2021-01-04 00:00:00", "2021-01-10 23:00:00"))
    staged = stage(tmp_path, {**files, iis_place("EX02", "210104"): half})
    found = assemble(reasoned(staged), facts(staged))
    quiet = sum(one.grade is Grade.NO_SIGN for one in found.mailboxes)
    assert quiet > 1
    claims = [one.text for one in found.claims if one.question is Question.BLINDSPOTS]
    ranked = [one for one in claims if one.startswith("To close first")]
    # the dark hours of EX02 weigh with every mailbox: HttpProxy shows them and forged requests as well
    assert ranked[0].startswith("To close first, 1: no httpproxy log of EX02 is held at all")
    assert "the opening of a mailbox, a forged request (EX02)" in ranked[0]
    worths = [float(one.partition("worth ")[2].partition(". ")[0]) for one in ranked]
    assert worths == sorted(worths, reverse=True)
    assert worths[0] > 1.0
    iis = next(one for one in ranked if "no iis log of EX02" in one)
    assert "is held for" in iis
    told_twice = [one for one in claims if one.startswith("EX02: no httpproxy log")]
    assert told_twice == []


def ran(name: str, hosts: tuple[str, ...], without: tuple[str, ...]) -> RuleOutcome:
    sides = {"hosts": hosts, "hosts_total": len(hosts), "hosts_without": without}
    return RuleOutcome(name, name, "", "", "", RuleStatus.RAN, hosts_without_total=len(without), **sides)  # type: ignore[arg-type]


def test_rules_that_ran_for_some_hosts_only_are_told_in_one_line(tmp_path: Path) -> None:
    staged = stage(tmp_path, {iis_place("EX01", "210104"): log_of(work())})
    outcomes = (
        ran("1", ("EX01",), ("EX02", "EX03")),
        ran("2", ("EX01",), ("EX02", "EX03")),
        ran("3", ("EX01", "EX02"), ("EX03",)),
        ran("4", ("EX01", "EX02", "EX03"), ()),
    )
    found = assemble(reasoned(staged, replace(no_hunt(), outcomes=outcomes)), facts(staged))
    told = [one.text for one in found.claims if "silence says nothing of these" in one.text]
    assert len(told) == 1
    assert told[0] == (
        "2 rules ran for EX01 only: of EX02, EX03 no record of the kind they look at is held, and their silence says "
        "nothing of these. So it is, with other hosts, for 1 rule more; dwell hunt -t json names them."
    )


def test_checks_that_looked_at_some_hosts_only_are_told_beside_the_rules(tmp_path: Path) -> None:
    staged = stage(tmp_path, {iis_place("EX01", "210104"): log_of(work())})
    rules = (ran("1", ("EX01",), ("EX03",)),)
    checks = (ran("check:a", ("EX01",), ("EX02",)), ran("check:b", ("EX01",), ("EX02",)), ran("check:c", ("EX01",), ()))
    found = assemble(reasoned(staged, replace(no_hunt(), outcomes=rules, checks=checks)), facts(staged))
    told = [one.text for one in found.claims if "silence says nothing of these" in one.text]
    assert told == [
        (
            "1 rule ran for EX01 only: of EX03 no record of the kind they look at is held, and their silence says nothing "
            "of these."
        ),
        (
            "2 checks of files and settings looked at EX01 only: of EX02 nothing of what they look at is held, and their "
            "silence says nothing of these."
        ),
    ]


def test_the_ends_of_all_rules_are_counted_and_add_up(tmp_path: Path) -> None:
    staged = stage(tmp_path, {iis_place("EX01", "210104"): log_of(work())})
    ends = [*[RuleStatus.RAN] * 1_200, *[RuleStatus.BLIND] * 3, RuleStatus.PARTLY_BLIND, RuleStatus.UNSUPPORTED]
    outcomes = tuple(RuleOutcome(str(at), str(at), "", "", "", one, "why") for at, one in enumerate(ends))
    found = assemble(reasoned(staged, replace(no_hunt(), outcomes=outcomes)), facts(staged))
    told = [one.text for one in found.claims if " rules ran" in one.text]
    assert told == [
        "1,200 of 1,205 rules ran; 3 blind, 1 partly-blind, 1 unsupported: each of these is listed with the reason."
    ]
