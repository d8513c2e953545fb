"""Terms told from sessions: the odd one has bits, the ordinary have next to none, and what nothing tells is not 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.scope.sessions import START, Visit

from dwell.scope import months, session_terms
from dwell.scope.access import Accesses
from dwell.scope.clients import Clients, clients_of
from dwell.scope.habits import ties
from dwell.scope.identities import Identities
from dwell.scope.leads import leads_of, summed, terms_of
from dwell.scope.rollup.shapes import MESSAGES, SESSIONS
from dwell.scope.session_terms import SESSION_TERMS, UNTOLD, Beside, peers_of, with_session_terms

PEOPLE, DAYS, THIEF = 30, 20, 900
BROWSER = "Browser/1"
Row = tuple[Visit, Mapping[str, Any]]


def _at_home(**more: object) -> list[Row]:
    """Give people who read from two homes each, at their hour; what more a log tells is the same for all."""
    return [
        (Visit(f"p{place}@x", place * 2 + day % 2, BROWSER, day, 8 + place % 3), more)
        for place in range(PEOPLE)
        for day in range(DAYS)
    ]


def _thief(more: Mapping[str, Any] | None = None, hour: int = 20, days: Iterable[int] = range(0, DAYS, 4)) -> list[Row]:
    more = more or {}
    return [(Visit("p3@x", THIEF, BROWSER, day, hour), more) for day in days]


def _judged(rows: list[Row], beside: Beside | None = None) -> tuple[Accesses, Clients]:
    table = pa.Table.from_pylist(
        [one.row(number) | dict(more) for number, (one, more) in enumerate(rows, 1)], schema=SESSIONS
    )
    accesses = Accesses(table, Identities())
    none = np.zeros(len(accesses), np.bool_)
    return accesses, with_session_terms(
        clients_of(accesses, ties(accesses, none)), accesses, none, beside or Beside(servers=frozenset({"10.0.0.5"}))
    )


def _bits(accesses: Accesses, clients: Clients, name: str) -> tuple[float, float]:
    """Give a term of the thief's tie, and the most that any other tie has."""
    networks = [accesses.networks[one] for one in clients.column("network").tolist()]
    his = np.array([one in {"198.21.132.0/24", "10.0.0.0/24"} for one in networks])
    assert his.sum() == 1
    found = clients.further[name]
    return float(found[his][0]), float(np.nanmax(np.append(found[~his], -1.0)))


def _folders(at_home: Iterable[str], his: Iterable[str]) -> pa.Table:
    """Give the folders that records name: of each day of everybody's, and of the thief's, a minute apart."""
    rows = []
    for one, _ in (*_at_home(), *_thief()):
        names = his if one.network == THIEF else at_home
        for minute, name in enumerate(names):
            at = START + timedelta(days=one.day, hours=one.hour, minutes=minute)
            row = {"actor": one.account, "mailbox": one.account, "client": one.row(1)["client"], "agent": BROWSER}
            rows.append(row | {"time_utc": at, "folder": name, "evidence_id": "e", "record_no": 1})
    return pa.Table.from_pylist(rows, schema=MESSAGES)


@pytest.mark.parametrize(
    ("name", "usual", "odd"),
    [
        ("authentication", {"auth": "Negotiate"}, {"auth": "Basic"}),
        ("device", {"device": "A1"}, {"device": "B2"}),
        ("sends", {"wrote": 2}, {"wrote": 0}),
    ],
)
def test_what_an_account_and_its_peers_never_do_has_bits(
    name: str, usual: dict[str, object], odd: dict[str, object]
) -> None:
    rows = _at_home(**usual)
    his, others = _bits(*_judged([*rows, *_thief(odd)]), name)
    assert his > 6
    assert others < 1
    ordinary, _ = _bits(*_judged([*rows, *_thief(usual)]), name)
    assert ordinary < 0.5, "what everybody does is no surprise"


def test_a_mailbox_of_another_has_bits_where_a_record_names_it() -> None:
    rows: list[Row] = [(one, {"mailbox": one.account, "basis": "explicit"}) for one, _ in _at_home()]
    his, others = _bits(*_judged([*rows, *_thief({"mailbox": "p9@x", "basis": "explicit"})]), "actor")
    assert his > 6
    assert others < 1
    assert np.isnan(_bits(*_judged([*rows, *_thief()]), "actor")[0]), "an assumed mailbox tells nothing"


def test_who_is_at_home_at_the_same_time_has_bits_and_who_comes_later_has_none() -> None:
    hotels: list[Row] = [
        (Visit(f"p{place}@x", 100 + place * 3 + day, BROWSER, day, 13), {})
        for place in range(PEOPLE)
        for day in range(3)
    ]
    his, others = _bits(*_judged([*_at_home(), *hotels, *_thief(hour=8)]), "at-once")
    assert his > 6
    later, _ = _bits(*_judged([*_at_home(), *hotels, *_thief(hour=20)]), "at-once")
    assert later == 0
    assert others < his


def test_a_mail_server_as_client_has_bits_and_is_ranked_though_its_network_is_inside() -> None:
    on_server: list[Row] = [(Visit("p3@x", 0, BROWSER, day, 20, client="10.0.0.5"), {}) for day in range(0, DAYS, 4)]
    accesses, clients = _judged([*_at_home(), *on_server])
    his, others = _bits(accesses, clients, "server")
    assert his > 6
    assert others < 1
    assert clients.on_servers is not None
    row = int(np.flatnonzero(clients.on_servers)[0])
    assert clients.on_servers.sum() == 1
    assert not clients.outside[row]
    assert clients.ranked[row]
    found = leads_of(accesses, clients, (), 4.0)
    assert "10.0.0.0/24" in found.leads[0].client
    behind: list[Row] = [(one, {"layer": "back"}) for one, _ in on_server]
    accesses, clients = _judged([*_at_home(), *behind])
    assert np.isnan(_bits(accesses, clients, "server")[0]), "a back end takes the front end for its client"
    everybody: list[Row] = [(Visit(f"p{place}@x", 0, BROWSER, 3, 9, client="10.0.0.5"), {}) for place in range(PEOPLE)]
    _, clients = _judged([*_at_home(), *on_server, *everybody])
    assert clients.on_servers is not None
    assert not clients.on_servers.any(), "a server that stands for everybody is a proxy"


@pytest.mark.parametrize("at_once", [1, 40, 200])
def test_every_term_is_the_same_however_much_is_judged_in_one_go(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    rows: list[Row] = [
        (
            Visit(f"p{rng.integers(12)}@x", int(rng.integers(9)), f"A/{rng.integers(3)}", day, int(rng.integers(24))),
            {
                "auth": f"m{rng.integers(3)}",
                "device": f"d{rng.integers(4)}",
                "wrote": int(rng.integers(2)),
                "mailbox": f"p{rng.integers(12)}@x",
                "basis": "explicit",
            },
        )
        for day in range(0, 300, 2)
        for _ in range(12)
    ]
    _, whole = _judged(rows)
    for module in (months, session_terms):
        monkeypatch.setattr(module, "ROWS_AT_ONCE", at_once)
    _, parted = _judged(rows)
    told = {name for name, bits in whole.further.items() if np.nansum(bits)}
    assert told >= {"actor", "at-once", "authentication", "device", "sends"}, (
        "a world that tells nothing proves nothing"
    )
    assert whole.ties.equals(parted.ties)
    for name, bits in whole.further.items():
        assert np.array_equal(bits, parted.further[name], equal_nan=True), name


def test_intervals_equal_to_the_minute_have_bits() -> None:
    rng = np.random.default_rng(1)
    rows = [
        (one, {"first_utc": at, "last_utc": at})
        for one, _ in _at_home()
        for at in [START + timedelta(days=one.day, hours=one.hour, seconds=int(rng.integers(0, 7_000)))]
    ]
    his, others = _bits(*_judged([*rows, *_thief(days=range(0, DAYS, 2))]), "rhythm")
    assert his > 5
    assert others < 1


def test_folders_in_the_order_of_their_names_have_bits() -> None:
    tree = ["Archive", "Drafts", "Inbox", "Junk", "Outbox", "Sent"]
    mixed = ["Inbox", "Sent", "Archive", "Outbox", "Junk", "Drafts"]
    walking = Beside(folders=_folders(mixed, tree))
    his, others = _bits(*_judged([*_at_home(), *_thief()], walking), "folders")
    assert his > 6
    assert others < 1
    alike = Beside(folders=_folders(mixed, mixed))
    assert _bits(*_judged([*_at_home(), *_thief()], alike), "folders") == (0.0, 0.0)


def test_where_nothing_tells_a_term_it_is_absent_and_the_lead_says_why() -> None:
    accesses, clients = _judged([*_at_home(), *_thief()], Beside())
    found = leads_of(accesses, clients, (), 4.0)
    first = next(one for one in found.leads if "198.21.132" in one.client)
    absent = {"actor", "authentication", "device", "folders", "sends", "server"}
    assert dict(first.untold).keys() == absent | ({"rhythm"} & dict(first.untold).keys())
    assert dict(first.untold)["authentication"] == UNTOLD["authentication"]
    assert not {name for name, _ in first.terms} & absent
    assert {name for name, _ in first.terms} | dict(first.untold).keys() >= set(SESSION_TERMS)
    assert all(np.isnan(clients.further[name]).all() for name in absent)
    assert not np.isnan(summed(terms_of(clients))).any()


def test_few_that_tell_a_term_are_worth_no_more_than_their_rank() -> None:
    rows = _at_home()
    rows[:40] = [(one, {"auth": "Negotiate"}) for one, _ in rows[:40]]
    _, clients = _judged([*rows, *_thief({"auth": "Basic"})])
    raw, ranked = clients.further["authentication"], terms_of(clients)["authentication"]
    told = int((~np.isnan(raw)).sum())
    assert np.nanmax(ranked) <= np.log2((told + 1) / 2) + 0.01 < np.nanmax(raw)


def test_peers_are_the_department_else_the_office_else_nobody() -> None:
    accesses, _ = _judged(_at_home())
    units = {
        "Department: a": ["p0@x", "p1@x"],
        "Office: b": ["p1@x", "p2@x"],
        "GrantSendOnBehalfTo: c": ["p4@x", "p5@x"],
    }
    peers = dict(zip(accesses.names, peers_of(accesses, units).tolist(), strict=True))
    assert peers["p0@x"] == peers["p1@x"]
    assert peers["p2@x"] != peers["p1@x"]
    assert len({peers[f"p{one}@x"] for one in (2, 4, 5, 6)}) == 4


def test_what_peers_do_is_less_of_a_surprise_than_what_nobody_does() -> None:
    members = [f"p{place}@x" for place in range(8)]
    rows = [(one, {"auth": "Basic" if one.account in members[4:] else "Negotiate"}) for one, _ in _at_home()]
    new = _thief({"auth": "Basic"})
    alone, _ = _bits(*_judged([*rows, *new]), "authentication")
    among, _ = _bits(*_judged([*rows, *new], Beside(units={"Department: it": members})), "authentication")
    assert among < alone - 1
