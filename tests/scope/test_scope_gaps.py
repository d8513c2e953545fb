"""Which hole to close first: the figures of the manual's example, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dwell.scope.cells import HELD, Line
from dwell.scope.gaps import Asked, Gap, gaps
from dwell.scope.ledger import Ledger

MAIL = frozenset({"iis", "httpproxy"})


def _line(first: int, last: int) -> Line:
    line = Line.missing(0, 100)
    line.states[first:last] = HELD
    return line


def _ledger(**held: tuple[int, int]) -> Ledger:
    """Give a ledger of 100 hours; a name is host and source: `EX01_iis`."""
    lines = {}
    for name, span in held.items():
        host, _, source = name.partition("_")
        lines[host, source] = _line(*span)
    return Ledger(lines, 0, 100)


def _asked(statements: int = 40) -> tuple[Asked, ...]:
    hosts = ("EX01", "EX02")
    shells = [Asked(f"the use of a web shell ({host})", (host,), frozenset({"iis"}), 1) for host in hosts]
    forged = [Asked(f"a forged request ({host})", (host,), frozenset({"httpproxy"}), 1) for host in hosts]
    return (Asked("the opening of a mailbox", hosts, MAIL, statements), *shells, *forged)


def test_the_example_of_the_manual() -> None:
    found = gaps(_ledger(EX01_iis=(0, 100), EX02_iis=(0, 75)), _asked(), ("iis", "httpproxy"))
    opening, forged = "the opening of a mailbox", "a forged request (EX02)"
    assert found == (
        Gap("EX02", "httpproxy", 100, 100, 6.0, (opening, forged)),
        Gap("EX02", "iis", 25, 100, 5.25, (opening, "the use of a web shell (EX02)")),
        Gap("EX01", "httpproxy", 100, 100, 1.0, ("a forged request (EX01)",)),
    )


def test_a_hole_that_another_log_fills_is_worth_nothing_for_that_act() -> None:
    ledger = _ledger(EX01_iis=(0, 100), EX02_iis=(0, 75), EX02_httpproxy=(75, 100))
    worth = {(one.host, one.source): one.worth for one in gaps(ledger, _asked(), ("iis", "httpproxy"))}
    assert worth == {("EX02", "iis"): 0.25, ("EX02", "httpproxy"): 0.75, ("EX01", "httpproxy"): 1.0}


@pytest.mark.parametrize("statements", [0, 1, 7])
def test_worth_grows_with_the_statements_that_rest_on_the_act(statements: int) -> None:
    found = gaps(_ledger(EX01_iis=(0, 50)), _asked(statements)[:1], ("iis",))
    # 50 of 200 host-hours are dark on EX01, 100 on EX02
    expected = [("EX02", statements * 100 / 200), ("EX01", statements * 50 / 200)] if statements else []
    assert [(one.host, one.worth) for one in found] == expected


def test_holes_of_equal_worth_are_told_in_order_of_their_names() -> None:
    found = gaps(_ledger(EX01_iis=(0, 0), EX02_iis=(0, 0)), _asked()[:1], ("iis", "httpproxy"))
    assert [(one.host, one.source) for one in found] == [
        ("EX01", "httpproxy"), ("EX01", "iis"), ("EX02", "httpproxy"), ("EX02", "iis"),
    ]  # fmt: skip


def test_a_case_without_hours_has_no_holes() -> None:
    assert gaps(Ledger({}, 0, 0), _asked(), ("iis",)) == ()
    assert np.isfinite([one.worth for one in gaps(_ledger(EX01_iis=(0, 1)), _asked(), ("iis",))]).all()
