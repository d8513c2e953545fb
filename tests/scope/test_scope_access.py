"""Sessions in order of time, and what is fetched of them from where they were rolled up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from dwell.model.addresses import is_internal, is_trusted, network, trusting
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.access import Accesses, _lans
from dwell.scope.identities import Identities
from dwell.scope.rollup.shapes import ACTS, SESSIONS

START = datetime(2020, 1, 1, tzinfo=UTC)
DRAWN = (("iis", "b", 3, 40), ("iis", "a", 7, 40), ("ual", "c", 1, 0), ("iis", "a", 5, 40), ("ews", "b", 2, 90))
"""Table, evidence, record number, seconds after the start."""


def _row(place: int) -> dict[str, object]:
    table, evidence, number, second = DRAWN[place]
    at = START + timedelta(seconds=second)
    return {
        "table": table,
        "host": None if place == 2 else f"EX0{place}",
        "protocol": "owa",
        "actor": f"user{place % 2}",
        "mailbox": None,
        "basis": "assumed",
        "client": f"192.0.2.{place}",
        "agent": "Browser",
        "layer": "front",
        "outcome": 0,
        "first_utc": at,
        "last_utc": at,
        "requests": place + 1,
        **dict.fromkeys(ACTS, 0),
        "bytes": None,
        "evidence_id": evidence,
        "record_no": number,
    }


@pytest.fixture
def accesses() -> Accesses:
    """Give five sessions of three data files."""
    parts = [pa.Table.from_pylist([_row(one) for one in part], schema=SESSIONS) for part in ((0, 1), (2,), (3, 4))]
    return Accesses(pa.concat_tables(parts), Identities())


def test_sessions_are_in_order_of_time_then_evidence_then_record(accesses: Accesses) -> None:
    refs = accesses.refs(range(5))
    expected = [DRAWN[one] for one in (2, 3, 1, 0, 4)]
    assert refs == [RecordRef(table, EvidenceId(evidence), number) for table, evidence, number, _ in expected]
    assert np.all(np.diff(accesses.first) >= 0)


def test_names_are_numbered_as_they_first_come(accesses: Accesses) -> None:
    assert accesses.names == ["user0", "user1"]
    assert accesses.account.tolist() == [0, 1, 1, 0, 0]


def test_columns_are_fetched_in_the_order_asked_for_and_twice_where_asked_twice(accesses: Accesses) -> None:
    found = accesses.rows([4, 0, 3, 0], ("host", "requests"))
    assert found.to_pylist() == [
        {"host": "EX04", "requests": 5},
        {"host": None, "requests": 3},
        {"host": "EX00", "requests": 1},
        {"host": None, "requests": 3},
    ]
    assert found["host"].type == pa.string()
    assert accesses.rows([], ("host",)).num_rows == 0


def test_a_text_is_found_in_whichever_file_it_stands(accesses: Accesses) -> None:
    assert accesses.having("evidence_id", "a").tolist() == [False, True, True, False, False]
    assert not accesses.having("host", "nobody").any()


def test_codes_take_half_the_room_and_what_was_looked_at_is_given_back(accesses: Accesses) -> None:
    columns = (accesses.account, accesses.mailbox, accesses.network, accesses.agent, accesses.protocol)
    assert {one.dtype for one in columns} == {np.dtype(np.int32)}
    given: list[int] = []
    held = Accesses(accesses.rolled, Identities(), let_go=lambda: given.append(1))
    looked: list[Callable[[], object]] = [
        lambda: held.texts("host"),
        lambda: held.numbers("wrote"),
        lambda: held.having("basis", "explicit"),
        lambda: held.rows([0], ("host",)),
    ]
    for look in looked:
        given.clear()
        look()
        assert given


def test_there_may_be_no_session_at_all() -> None:
    none = Accesses(SESSIONS.empty_table(), Identities())
    assert len(none) == 0
    assert none.refs([]) == []
    assert none.having("table", "iis").tolist() == []


def _drawn_ties(accesses: Accesses, size: int) -> list[tuple[int, int, int]]:
    held = zip(accesses.network.tolist(), accesses.agent.tolist(), accesses.account.tolist(), strict=True)
    return sorted({one for one in held if min(one) >= 0})[:size]


@pytest.mark.parametrize("size", [0, 1, 3, 5])
def test_the_sessions_of_ties_are_found_with_the_tie_of_each(accesses: Accesses, size: int) -> None:
    ties = _drawn_ties(accesses, size)
    network, agent, account = np.array(ties[::-1], np.int64).reshape(-1, 3).T
    rows, places = accesses.on_ties(network, agent, account)
    mine = list(zip(accesses.network.tolist(), accesses.agent.tolist(), accesses.account.tolist(), strict=True))
    assert rows.tolist() == [row for row, one in enumerate(mine) if one in ties]
    assert [ties[::-1][place] for place in places.tolist()] == [mine[row] for row in rows.tolist()]


def test_the_sessions_of_clients_are_found_whatever_the_account(accesses: Accesses) -> None:
    rows, places = accesses.on_ties(accesses.network[:1], accesses.agent[:1])
    assert rows.tolist() == [0, 1, 2, 3, 4]
    assert set(places.tolist()) == {0}


def test_clients_have_the_network_and_the_side_that_each_alone_would_have() -> None:
    clients = [
        "192.0.2.7", "10.1.2.3", "172.16.0.1", "172.32.0.1", "::1", "::2", "fe80::1", "2001:db8::5", "192.0.2.9",
        "127.0.0.1", "a browser", "", "100.64.0.1", "10.1.2.4",
    ]  # fmt: skip
    networks: dict[str, int] = {"known before": 0}
    lans, inside = _lans(clients, networks)
    names = list(networks)
    assert [None if one < 0 else names[one] for one in lans.tolist()] == [network(one) for one in clients]
    assert inside.tolist() == [is_internal(one) for one in clients]
    with trusting(["192.0.2.8/31"]):
        assert _lans(clients, {})[1].tolist() == [is_internal(one) or is_trusted(one) for one in clients]
