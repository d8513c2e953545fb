"""What people say of a case, as the custody log has it: said, taken back, never changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from dwell.casebook.custody import Act
from dwell.errors import CustodyError
from dwell.model.instants import parse_utc

__all__ = ["Said", "Undone", "said_and_undone"]


class Said(Protocol):
    """Something that was said and has a name."""

    @property
    def id(self) -> str:
        """Give the name under which it can be taken back."""


T = TypeVar("T", bound=Said)


class Undone(NamedTuple):
    """Its being taken back.

    Attributes:
        at_utc: when; None while it is in force.
        by: who took it back.
        reason: why.
    """

    at_utc: datetime | None = None
    by: str = ""
    reason: str = ""


def said_and_undone(
    acts: Iterable[Act], said: str, undone: str, read: Callable[[dict[str, Any], str], T], what: str
) -> list[tuple[T, Undone]]:
    """Give everything of a kind that was said, the first first, with what became of it.

    Args:
        acts: the custody log.
        said: name of the acts that say one.
        undone: name of the acts that take one back.
        read: makes one of an act's details and its instant.
        what: what one is called.

    Raises:
        CustodyError: an act is not of the form in which these are written.
    """
    out: dict[str, tuple[T, Undone]] = {}
    for act in acts:
        try:
            if act.act == said:
                one = read(dict(act.details), act.at_utc)
                out[one.id] = one, Undone()
            elif act.act == undone:
                name, by, reason = (str(act.details[key]) for key in ("id", "by", "reason"))
                out[name] = out[name][0], Undone(parse_utc(act.at_utc), by, reason)
        except (KeyError, ValueError, TypeError) as fault:
            raise CustodyError(
                f"act {act.number} of the custody log is no {what} that this version can read",
                remedy="Use the version of dwell that wrote it",
            ) from fault
    return list(out.values())
