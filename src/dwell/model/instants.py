"""Instants: always UTC, microseconds, and never the machine's own zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

__all__ = [
    "AS_WRITTEN",
    "EPOCH",
    "HOUR",
    "Dated",
    "TimeBasis",
    "hour_floor",
    "parse_utc",
    "utc_from_us",
    "utc_text",
    "utc_us",
]

AS_WRITTEN = "time_as_written"
"""A column that no data file has: the instant as written, of rows whose instant was corrected."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
_SEP = "; "


class TimeBasis(StrEnum):
    """Where the zone of an instant comes from."""

    UTC = "utc"
    """The format says that it is UTC."""
    OFFSET = "offset"
    """The offset stands beside it."""
    ZONE_KNOWN = "zone known"
    """Local time, read in a zone that a person gave."""
    LOCAL_ASSUMED = "local assumed"
    """Local time whose zone nobody gave, read as if it were UTC."""
    UNKNOWN = "unknown"
    """No instant can be told from what is written."""


@dataclass(frozen=True, slots=True, order=True)
class Dated:
    """How records of a file came by their instants.

    Attributes:
        basis: where the zone comes from.
        zone: which one, where a person gave it.
        field: what holds the instant, as the format names it.
        precision: `second`, `millisecond` or `microsecond`; "" where there is none to tell.
    """

    basis: TimeBasis
    zone: str
    field: str
    precision: str

    @property
    def words(self) -> str:
        """Give it in words, which `read` reads."""
        zone = f" ({self.zone})" if self.zone else ""
        return _SEP.join(
            [
                f"{self.basis.value}{zone}",
                f"from {self.field}",
                *([f"to the {self.precision}"] if self.precision else []),
            ]
        )

    @classmethod
    def read(cls, words: str) -> Dated:
        """Give what was put in words.

        Raises:
            ValueError: these are no such words.
        """
        basis, _, rest = words.partition(_SEP + "from ")
        name, _, zone = basis.partition(" (")
        field, _, precision = rest.rpartition(_SEP + "to the ") if _SEP + "to the " in rest else (rest, "", "")
        return cls(TimeBasis(name), zone.removesuffix(")"), field, precision)


def utc_text(instant: datetime | None) -> str | None:
    """Give ISO 8601 in UTC with `Z`; whole seconds carry no fraction. None stays None."""
    if instant is None:
        return None
    moved = instant.astimezone(UTC)
    text = moved.strftime("%Y-%m-%dT%H:%M:%S")
    if moved.microsecond:
        text += f".{moved.microsecond:06d}".rstrip("0")
    # strftime does not pad years below 1000 on every platform
    return text.rjust(len(text) + max(0, 4 - text.index("-")), "0") + "Z"


def parse_utc(text: str) -> datetime:
    """Read ISO 8601; a value without a zone is taken as UTC.

    Raises:
        ValueError: the text is no instant.
    """
    parsed = datetime.fromisoformat(text.strip().replace(" ", "T"))
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def utc_us(instant: datetime) -> int:
    """Give microseconds since 1970-01-01T00:00:00Z."""
    delta = instant - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def utc_from_us(us: int) -> datetime:
    """Give the instant that lies `us` microseconds after 1970-01-01T00:00:00Z."""
    return EPOCH + timedelta(microseconds=us)


def hour_floor(instant: datetime) -> datetime:
    """Give the start of the hour that holds the instant."""
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
