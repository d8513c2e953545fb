"""The hypothesis board (R19): signs for and against, would it have been seen, and no negative without its coverage."""

from __future__ import annotations

import re
from pathlib import Path

from tests.scope.office import FOREIGN, NETWORK, PEOPLE, log_of, reasoned, visits, work
from tests.scope.staged import iis_place, proxy_log, stage

from dwell.answers.hypotheses import board
from dwell.hunt.hunting import hunt
from dwell.model.hypotheses import Hypothesis, HypothesisVerdict, Told, Where
from dwell.scope.modes import Whose, modes
from dwell.sources.registry import SOURCES

PERCENT = re.compile(r"\d+(?:\.\d+)? %")


def _board(root: Path, files: dict[str, str | bytes], *, rules: bool = False) -> dict[str, Hypothesis]:
    staged = stage(root, files)
    found = board(reasoned(staged, hunt(staged.archive, workers=1) if rules else None))
    for one in found:
        _honest(one)
    return {one.id: one for one in found}


def _honest(one: Hypothesis) -> None:
    """Check what must hold of any board at all."""
    assert one.next, one.id
    if one.verdict is HypothesisVerdict.NO_SIGN:
        assert one.coverage.hours_able > 0
        assert PERCENT.search(one.why), one.why
        assert one.told is not Told.NOTHING
    if one.verdict in {HypothesisVerdict.SEEN, HypothesisVerdict.SIGNS}:
        assert one.grounds
    for sign in one.signs_against:
        assert PERCENT.search(sign.text), sign.text


def _proxy(hours: int) -> str:
    """Give an HttpProxy log of one user at work in the first hours of the office's first day."""
    rows = [
        {
            "DateTime": f"2021-01-04T{hour:02}:{minute:02}:00.000Z",
            "RequestId": f"00000000-0000-0000-0000-{hour:010}{minute:02}",
            "Protocol": "Owa",
            "UrlStem": "/owa/service.svc",
            "IsAuthenticated": "true",
            "AuthenticatedUser": PEOPLE[0],
            "AnchorMailbox": f"Smtp~{PEOPLE[0]}",
            "UserAgent": "Mozilla/5.0 Chrome/73.0",
            "ClientIpAddress": "198.19.0.7",
            "ServerHostName": "EX01",
            "HttpStatus": "200",
        }
        for hour in range(hours)
        for minute in (0, 59)
    ]
    return proxy_log(rows)


def test_what_iis_alone_can_and_cannot_show(tmp_path: Path) -> None:
    found = _board(tmp_path, {iis_place("EX01", "210104"): log_of(work())})
    assert found["H-owa-password"].verdict is HypothesisVerdict.NO_SIGN
    assert "24 accounts used this way" in found["H-owa-password"].signs_against[0].text
    assert found["H-ews-password"].signs_against[0].text.startswith("Nobody used this way in the logs held; coverage")
    for blind in ("imap", "pop", "impersonation", "delegate", "forged-request", "export", "file-copy", "forged-token"):
        assert found[f"H-{blind}"].verdict is HypothesisVerdict.NOT_COVERED, blind
        assert found[f"H-{blind}"].coverage.hours_able == 0
    assert found["H-owner-like"].verdict is HypothesisVerdict.NOT_TESTED
    assert found["H-owner-like"].coverage.hours_able > 0
    assert "imap4 logs of EX01, of which none is held" in found["H-imap"].next
    tenant = [one for one in found.values() if one.where is Where.TENANT]
    assert len(tenant) == 5
    assert {one.coverage.share for one in tenant} == {None}
    assert all(any("an audit export of the tenant" in text for text in one.next) for one in tenant)


def test_coverage_of_a_way_is_that_of_the_sources_able_to_show_it(tmp_path: Path) -> None:
    """IIS holds 24 hours of the first day; HttpProxy its first five: by hand, 5 of 24 hours could show a delegate."""
    day = [one for person in PEOPLE[:4] for one in visits(person, "198.19.0.7", "Chrome/73.0", [0])]
    first = visits(PEOPLE[0], "198.19.0.7", "Chrome/73.0", [0], hour=0)
    last = visits(PEOPLE[0], "198.19.0.7", "Chrome/73.0", [0], hour=23)
    files: dict[str, str | bytes] = {
        iis_place("EX01", "210104"): log_of([*first, *day, *last]),
        "EX01/Logging/HttpProxy/Owa/HttpProxy_x.LOG": _proxy(5),
    }
    found = _board(tmp_path, files)
    whole, part = found["H-owa-password"], found["H-delegate"]
    assert (whole.coverage.hours_able, whole.coverage.hours_asked) == (24, 24)
    assert (part.coverage.hours_able, part.coverage.hours_asked) == (5, 24)
    assert part.coverage.sources == ("httpproxy",)
    assert "20.8 %" in part.why
    assert {view.source: view.coverage.hours_able for view in whole.sources} == {"httpproxy": 5, "iis": 24, "owa": 0}


def test_an_intruder_is_seen_in_his_way_and_in_no_other(tmp_path: Path) -> None:
    rows = work() + [one for person in PEOPLE[:9] for one in visits(person, f"{NETWORK}.5", FOREIGN, range(0, 50, 6))]
    found = _board(tmp_path, {iis_place("EX01", "210104"): log_of(rows)})
    seen = found["H-owa-password"]
    assert seen.verdict is HypothesisVerdict.SEEN
    assert seen.signs_for[0].text.startswith("I1 opened 9 mailboxes so, 81 sessions")
    assert seen.grounds
    assert not any("none of its clients is held" in one.text for one in seen.signs_against)
    assert [one.id for one in found.values() if one.verdict is HypothesisVerdict.SEEN] == ["H-owa-password"]


def test_less_evidence_never_makes_a_negative(tmp_path: Path) -> None:
    log, proxy = iis_place("EX01", "210104"), "EX01/Logging/HttpProxy/Owa/HttpProxy_x.LOG"
    files: dict[str, str | bytes] = {log: log_of(work(days=3)), proxy: _proxy(5)}
    whole = _board(tmp_path / "whole", files)
    for gone in files:
        part = _board(tmp_path / f"without-{len(gone)}", {name: text for name, text in files.items() if name != gone})
        for name, one in part.items():
            if one.verdict is HypothesisVerdict.NO_SIGN:
                assert whole[name].verdict is not HypothesisVerdict.NOT_COVERED, name


def test_rules_that_ran_and_rules_that_were_blind_are_told_with_the_coverage_of_what_they_look_at(
    tmp_path: Path,
) -> None:
    files: dict[str, str | bytes] = {
        iis_place("EX01", "210104"): log_of(work(days=3)),
        "EX01/Logging/HttpProxy/Owa/HttpProxy_x.LOG": _proxy(5),
    }
    found = _board(tmp_path, files, rules=True)
    forged = found["H-forged-request"]
    assert forged.verdict is HypothesisVerdict.NO_SIGN
    ran = [one.text for one in forged.signs_against]
    assert any("ran and met nothing; coverage: httpproxy" in one for one in ran), ran
    assert any("is blind" in one for one in found["H-forwarding"].limits)


def test_the_table_of_ways_names_sources_that_are_read_and_words_that_are_known() -> None:
    tables = {one.key for one in SOURCES}
    keys = [one.key for one in modes()]
    assert len(keys) == len(set(keys))
    for one in modes():
        named = {*one.able, *(source for sources in one.rules.values() for source in sources)}
        assert {name.partition("/")[0] for name in named} <= tables, one.key
        assert one.next
        assert one.limits
        assert isinstance(one.whose, Whose)
        assert one.told is not Told.RECORD or one.rules
        assert one.told is not Told.CLIENT or one.protocols
