"""What became of what people said of a case: in force, or taken back by whom and why; the same in every list of it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from dwell.model.instants import utc_text
from dwell.safe.jsontext import Json

__all__ = ["Kept", "state", "taken_back", "undone_cells", "undone_object"]


class Kept(Protocol):
    """A marking or a setting with what became of it."""

    @property
    def undone_utc(self) -> datetime | None:
        """Give when it was taken back; None while it is in force."""

    @property
    def undone_by(self) -> str:
        """Give who took it back."""

    @property
    def undone_reason(self) -> str:
        """Give why."""


def state(one: Kept) -> str:
    """Say in words whether it is in force."""
    return "in force" if one.undone_utc is None else "taken back"


def undone_object(one: Kept) -> dict[str, Json]:
    """Give it as the fields of a JSON object."""
    at, by, why = undone_cells(one)
    return {"state": state(one), "undone_utc": at, "undone_by": by, "undone_reason": why}


def undone_cells(one: Kept) -> tuple[str | None, str | None, str | None]:
    """Give when it was taken back, by whom and why, for a row of CSV."""
    return utc_text(one.undone_utc), one.undone_by or None, one.undone_reason or None


def taken_back(one: Kept) -> str:
    """Give by whom and why it was taken back, for a row of text."""
    return f"{one.undone_by}: {one.undone_reason}" if one.undone_utc else "-"
