"""Hops that a person named as trusted, as the custody log has them: the last ones that were given stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dwell.casebook.case import Case
from dwell.errors import UsageError
from dwell.model.addresses import hop_range

__all__ = ["NONE", "hops_in_force", "hops_of", "settle_hops"]

NONE = "none"
"""Given in the place of ranges it takes back those that were given before."""
_ACT = "trusted-hops"


def hops_of(texts: Iterable[str]) -> tuple[str, ...] | None:
    """Read ranges as they are given; None where none are, an empty tuple where they are taken back.

    Raises:
        UsageError: a text is no address or range, or one that is too wide to be a proxy's.
    """
    given = [one.strip() for one in texts]
    if not given:
        return None
    if [one.lower() for one in given] == [NONE]:
        return ()
    out = []
    for text in given:
        try:
            out.append(hop_range(text))
        except ValueError as fault:
            raise UsageError(
                f"--trusted-hop {text!r} is no range of a proxy: {fault}",
                remedy="Give the ranges that the proxy's operator publishes, for example --trusted-hop 192.0.2.0/24",
            ) from fault
    return tuple(sorted(set(out)))


def hops_in_force(case: Case) -> tuple[str, ...]:
    """Give the ranges that were given last."""
    told = next((act.details["hops"] for act in reversed(case.acts()) if act.act == _ACT), [])
    return tuple(str(one) for one in told)  # type: ignore[attr-defined]


def settle_hops(case: Case, given: Sequence[str] | None) -> None:
    """Write ranges into the custody log where they are others than before; None leaves those that stand."""
    if given is not None and tuple(given) != hops_in_force(case):
        case.record(_ACT, {"hops": list(given)})
