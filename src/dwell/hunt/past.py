"""What a case's custody log says of its last hunt: with what it was made, so that it can be made again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dwell.casebook.case import Case
from dwell.errors import Place, UsageError

__all__ = ["HuntedWith", "hunted_with", "require"]


@dataclass(frozen=True, slots=True)
class HuntedWith:
    """What a hunt was made with.

    Attributes:
        rules: folders of rules beside our own.
        indicators: lists of indicators.
    """

    rules: tuple[Path, ...] = ()
    indicators: tuple[Path, ...] = ()


def hunted_with(case: Case) -> HuntedWith:
    """Give what the last hunt of a case was made with; nothing where there was none."""
    for act in reversed(case.acts()):
        if act.act == "hunt":
            return HuntedWith(_paths(act.details.get("rules")), _paths(act.details.get("indicators")))
    return HuntedWith()


def _paths(value: object) -> tuple[Path, ...]:
    return tuple(Path(str(one)) for one in value) if isinstance(value, list) else ()


def require(*named: Path) -> tuple[Path, ...]:
    """Give paths that are all there.

    Raises:
        UsageError: one of them is not.
    """
    for one in named:
        if not one.exists():
            raise UsageError("there is no such file or folder of rules, indicators or suppressions", place=Place(one))
    return named
