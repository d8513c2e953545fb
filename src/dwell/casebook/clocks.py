"""Clocks as the custody log has them: what was measured last, and what a person says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dwell.casebook.case import Case
from dwell.errors import CustodyError, Place
from dwell.model.clocks import ClockOffset, ClockWord
from dwell.model.settings import Setting, SettingKind

__all__ = ["keep_offsets", "kept_offsets", "words_in"]

_ACT = "clocks"


def kept_offsets(case: Case) -> tuple[ClockOffset, ...]:
    """Give how far the clocks of logs were measured to lie apart.

    Raises:
        CustodyError: an act is not of the form in which clocks are written.
    """
    told = next((act.details.get("offsets") for act in reversed(case.acts()) if act.act == _ACT), [])
    try:
        return tuple(ClockOffset.from_list(list(one)) for one in told)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as fault:
        raise CustodyError(
            "what the custody log says of clocks cannot be read", place=Place(case.root),
            remedy="Restore the case folder from its copy, or ingest the evidence anew",
        ) from fault  # fmt: skip


def keep_offsets(case: Case, found: Sequence[ClockOffset]) -> None:
    """Write what was measured into the custody log where it is not what stands there already. The caller holds the lock."""
    if tuple(found) != kept_offsets(case):
        case.record(_ACT, {"offsets": [one.as_list() for one in found]})


def words_in(settings: Iterable[Setting]) -> tuple[ClockWord, ...]:
    """Give what a person says of clocks, in the settings of a case."""
    return tuple(ClockWord.parse(one.value) for one in settings if one.kind is SettingKind.CLOCK)
