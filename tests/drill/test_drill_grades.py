"""The true grade of a mailbox, log by log: every case worked out by hand from the manual's page on grades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from dwell.drill.grades import NO_RECORD, Kept, grades_of, stronger
from dwell.drill.intruders import Actor
from dwell.drill.people import DrillPlan, World, make_world
from dwell.drill.requests import Request
from dwell.drill.scenario import DEFAULT, Scenario

EARLY, LATE = date(2021, 1, 12), date(2021, 3, 12)
"""Before and after Exchange's own logs begin."""
NONE = Scenario(without=("iis", "httpproxy", "ews", "ual"))


@pytest.fixture
def world() -> World:
    """Give a small ministry."""
    return make_world(DrillPlan(1, 12, datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC)))


def _kept(scenario: Scenario = DEFAULT, gaps: tuple[Mapping[str, str], ...] = (), **other: dict[int, object]) -> Kept:
    return Kept(scenario, date(2021, 3, 1), other.get("gone", {}), gaps, other.get("audited", {}))  # type: ignore[arg-type]


def _owa(world: World, action: str, second: int = 3_600) -> Request:
    """Give a request of the first person's browser to the own mailbox."""
    one = world.people[0]
    query = f"action={action}&EP=1" if action else "-"
    stem = "/owa/service.svc" if action else "/owa/"
    return Request(
        second, one.host, "POST", stem, query, one.login, "100.80.1.14", "b", 200, "Owa", one.smtp, action, 900
    )


def _ews(world: World, user: str, action: str = "GetItem") -> Request:
    """Give a call of an account to the first person's mailbox."""
    one = world.people[0]
    return Request(
        60, one.host, "POST", "/EWS/Exchange.asmx", "-", user, "100.80.1.14", "t", 200, "Ews", one.smtp, action, 900
    )


def _grade(world: World, kept: Kept, day: date, *requests: Request) -> str | None:
    actor = Actor("quiet")
    for one in requests:
        actor.add(day, one)
    return grades_of(world, actor, kept).get(world.people[0].smtp)


@pytest.mark.parametrize(
    ("actions", "grade"), [(("",), "opened"), (("", "FindItem"), "listed"), (("", "FindItem", "GetItem"), "read")]
)
def test_the_strongest_act_of_a_browser_counts(world: World, actions: tuple[str, ...], grade: str) -> None:
    assert _grade(world, _kept(), EARLY, *(_owa(world, one) for one in actions)) == grade


def test_an_act_whose_line_is_gone_or_lies_in_a_gap_bears_nothing(world: World) -> None:
    page, read = _owa(world, ""), _owa(world, "GetItem", 7_200)
    assert _grade(world, _kept(gone={id(read): read}), EARLY, page, read) == "opened"
    gap = {"host": page.host, "source": "iis", "from_utc": "2021-01-12T02:00:00Z", "to_utc": "2021-01-12T03:00:00Z"}
    assert _grade(world, _kept(gaps=(gap,)), EARLY, page, read) == "opened"
    other = gap | {"host": "EX02" if page.host == "EX01" else "EX01"}
    assert _grade(world, _kept(gaps=(other,)), EARLY, page, read) == "read"
    assert _grade(world, _kept(gone={id(read): read}), LATE, read) == "read", "HttpProxy has it still"
    assert _grade(world, _kept(NONE), LATE, page, read) == NO_RECORD


def test_a_call_to_ews_is_an_opened_mailbox_until_the_ews_log_names_the_act(world: World) -> None:
    own = world.people[0].login
    assert _grade(world, _kept(), EARLY, _ews(world, own)) == "opened"
    assert _grade(world, _kept(), LATE, _ews(world, own)) == "read"
    assert _grade(world, _kept(), LATE, _ews(world, own, "FindItem")) == "listed"
    assert _grade(world, _kept(Scenario(kept=("ews",))), EARLY, _ews(world, own)) == "read"


def test_whose_mailbox_a_service_opened_is_not_in_iis(world: World) -> None:
    call = _ews(world, "MINISTRY\\svc-sync")
    assert _grade(world, _kept(), EARLY, call) == NO_RECORD
    assert _grade(world, _kept(Scenario(without=("ews",))), LATE, call) == "opened", "the front end routed it there"
    assert _grade(world, _kept(Scenario(without=("httpproxy",))), LATE, call) == "read"


def test_a_forged_call_takes_both_logs(world: World) -> None:
    anchor = "ServerInfo~a]@EX01:444/EWS/Exchange.asmx?a=~1942062522"
    forged = replace(_ews(world, "-"), stem="/ecp/y.js", anchor=anchor, protocol="Ecp")
    assert _grade(world, _kept(), LATE, forged) == "read"
    assert _grade(world, _kept(), EARLY, forged) == NO_RECORD
    assert _grade(world, _kept(Scenario(without=("ews",))), LATE, forged) == NO_RECORD


def test_what_only_the_back_end_tells_of_a_phone(world: World) -> None:
    one = world.people[0]
    query = f"Cmd=Sync&User=MINISTRY%5C{one.sam}&DeviceId=x"
    sync = Request(60, one.host, "POST", "/m/default.eas", query, one.login, "c", "p", 200, "Eas", one.smtp, "", 900)
    assert _grade(world, _kept(), EARLY, sync) == "opened"
    assert _grade(world, _kept(Scenario(service_logs=True)), EARLY, sync) == "downloaded"


def test_the_log_of_mapi_tells_of_a_copy_and_that_of_imap_of_reading(world: World) -> None:
    call = replace(_owa(world, ""), protocol="Mapi", stem="/mapi/emsmdb/", query="MailboxId=x@ministry.example")
    assert _grade(world, _kept(), EARLY, call) == "opened"
    assert _grade(world, _kept(Scenario(kept=("mapihttp",))), EARLY, call) == "downloaded"
    fetch = replace(call, protocol="Imap", action="fetch", stem="", query="")
    assert _grade(world, _kept(), EARLY, fetch) == NO_RECORD
    assert _grade(world, _kept(Scenario(kept=("imap4",))), EARLY, fetch) == "read"


def test_the_owa_log_shows_the_list_at_the_start(world: World) -> None:
    left = Scenario(service_logs=True, kept=("owa",), without=("iis", "httpproxy", "ews", "ual"))
    assert _grade(world, _kept(left), EARLY, _owa(world, "")) == "listed"
    assert _grade(world, _kept(left), EARLY, _owa(world, "GetItem")) == "read"


def test_an_audit_record_names_messages(world: World) -> None:
    read = _owa(world, "GetItem")
    assert _grade(world, _kept(audited={id(read): "named"}), EARLY, read) == "named"
    without = Scenario(without=("ual",))
    assert _grade(world, _kept(without, audited={id(read): "named"}), EARLY, read) == "read"


def test_a_refused_request_is_an_attempt(world: World) -> None:
    assert _grade(world, _kept(), EARLY, replace(_owa(world, "GetItem"), status=401)) == "attempted"


def test_of_what_is_not_known_here_no_grade_is_given(world: World) -> None:
    other = replace(_owa(world, "GetItem"), protocol="Imap4")
    assert _grade(world, _kept(), EARLY, other, _owa(world, "GetItem")) is None


def test_where_only_the_audit_export_is_held_it_alone_says_what_was_done(world: World) -> None:
    other = replace(_owa(world, "GetItem"), protocol="Rest")
    left = Scenario(cloud=True, without=("iis", "httpproxy", "ews"))
    assert _grade(world, _kept(left, audited={id(other): "named"}), EARLY, other) == "named"
    assert _grade(world, _kept(left), EARLY, other) == NO_RECORD


def test_acts_that_are_no_requests_count_as_they_are_told(world: World) -> None:
    actor = Actor("quiet", borne={world.people[0].smtp: "named", world.people[1].smtp: "downloaded"})
    actor.add(EARLY, _owa(world, "GetItem"))
    assert grades_of(world, actor, _kept()) == {
        world.people[0].smtp: "named",
        world.people[1].smtp: "downloaded",
    }
    assert stronger(NO_RECORD, "attempted") == "attempted"
