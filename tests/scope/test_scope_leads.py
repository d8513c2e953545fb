"""Leads: the terms they are ranked by are worth their bits among the ties of the case, and the ranking holds its budget."""

from __future__ import annotations

import numpy as np
import pytest
from tests.scope.sessions import Visit, accesses_of

from dwell.model.settings import LEADS_PER_WEEK
from dwell.scope.access import Accesses
from dwell.scope.clients import Clients, clients_of
from dwell.scope.habits import ties
from dwell.scope.leads import TAKEN_AS_RANKED, budget_of, leads_of, ranking, terms_of

PEOPLE = 30


def _office(more: list[Visit] | None = None) -> tuple[Accesses, Clients]:
    """Give people at home, each also on a phone with another network every day, and their ties."""
    visits = [
        Visit(f"p{place}@x", place if hour == 9 else 40 + (place * 20 + day) % 600, agent, day, hour, protocol)
        for place in range(PEOPLE)
        for day in range(20)
        for hour, agent, protocol in ((9, f"Browser/{place % 3}", "owa"), (19, "Phone/1", "eas"))
    ]
    accesses = accesses_of([*visits, *(more or [])])
    return accesses, clients_of(accesses, ties(accesses, np.zeros(len(accesses), np.bool_)))


def test_ranked_terms_come_up_no_more_often_than_they_claim() -> None:
    _, clients = _office()
    outside = clients.outside
    raw, ranked = clients.bits("network")[outside], terms_of(clients)["network"][outside]
    assert (raw >= 3).mean() > 0.9, "nearly every tie of a phone has many bits as the term is made"
    for name in TAKEN_AS_RANKED:
        bits = terms_of(clients)[name][outside]
        for least in (0.5, 1, 2, 3, 4, 5, 6):
            assert (bits >= least).mean() <= 2.0**-least + 1 / len(bits), (name, least)
    order = np.argsort(raw, kind="stable")
    assert (np.diff(ranked[order]) >= 0).all(), "the order within a term stays as it is"


def test_leads_are_the_first_of_the_ranking_with_the_terms_they_were_ranked_by() -> None:
    more = [Visit("p3@x", 900, "Konqueror/3", day, 3) for day in range(0, 20, 4)]
    accesses, clients = _office(more)
    order, total, budget = ranking(clients, 1.5)
    assert budget == int(1.5 * LEADS_PER_WEEK)
    found = leads_of(accesses, clients, (), 1.5)
    assert [one.bits for one in found.leads] == [float(total[row]) for row in order]
    assert found.budget == budget == len(found.leads)
    assert found.ties == int(clients.outside.sum())
    first = found.leads[0]
    assert first.mailbox == "p3@x"
    assert "Konqueror" in first.client
    assert abs(sum(bits for _, bits in first.terms) - first.bits) < 0.03


def test_without_ties_there_is_no_lead() -> None:
    accesses = accesses_of([])
    clients = clients_of(accesses, ties(accesses, np.zeros(0, np.bool_)))
    found = leads_of(accesses, clients, (), 4.0)
    assert (found.leads, found.ties, found.budget, found.floor_bits) == ((), 0, 40, None)


def test_the_budget_makes_the_list_longer_or_shorter_and_the_false_ones_more_or_fewer() -> None:
    more = [Visit("p3@x", 900, "Konqueror/3", day, 3) for day in range(0, 20, 4)]
    accesses, clients = _office(more)
    few, usual, many = (leads_of(accesses, clients, (), 2.0, per_week=one) for one in (1, LEADS_PER_WEEK, 1_000))
    assert (few.budget, usual.budget, many.budget) == (2, 2 * LEADS_PER_WEEK, 2_000)
    assert few.leads == usual.leads[:2]
    assert usual.leads == many.leads[: len(usual.leads)]
    assert len(many.leads) == many.ties
    assert few.expected_false < usual.expected_false < many.expected_false


@pytest.mark.parametrize(
    ("weeks", "per_week", "expected"), [(0.1, 10, 10), (27.4, 10, 274), (117, 10, 500), (117, 2, 100)]
)
def test_a_list_holds_one_week_at_least_and_fifty_at_most(weeks: float, per_week: int, expected: int) -> None:
    assert budget_of(weeks, per_week) == expected
