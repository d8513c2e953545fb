"""Clocks that were compared, and what is corrected for it: no input or output.

Two logs that tell of the same requests show how far their clocks lie apart. What was measured is kept in the case; what
is corrected is worked out from it anew whenever the case is opened, so that a person's word on it takes effect at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from dwell.model.provenance import EvidenceId, RecordRef

__all__ = ["DAY_S", "ClockCorrection", "ClockLog", "ClockOffset", "ClockWhy", "ClockWord"]


@dataclass(frozen=True, slots=True, order=True)
class ClockLog:
    """One log of one host: `EX01`, `iis`."""

    host: str
    table: str

    def __str__(self) -> str:
        """Give it in words."""
        return f"{self.host} ({self.table})"


@dataclass(frozen=True, slots=True, order=True)
class ClockOffset:
    """By how much two logs differ over a stretch of time, measured on the requests that both tell of.

    Attributes:
        logs: the two, by host and table.
        ahead_s: by how many seconds the second is ahead of the first; 0 where they agree.
        from_us: the first request that shows it, by each log's own clock, microseconds since 1970.
        to_us: the last.
        spread_s: how far the differences lie apart, the outermost tenth left out, seconds.
        ids: how many requests show it.
        fronts: of how many of them the front end was the first's host, and the second's.
        grounds: the records of one of them, in both logs.
    """

    logs: tuple[ClockLog, ClockLog]
    ahead_s: int
    from_us: tuple[int, int]
    to_us: tuple[int, int]
    spread_s: float
    ids: int
    fronts: tuple[int, int]
    grounds: tuple[RecordRef, RecordRef]

    def as_list(self) -> list[object]:
        """Give it as plain values, to be kept."""
        logs = [text for one in self.logs for text in (one.host, one.table)]
        refs = [part for one in self.grounds for part in (one.table, one.evidence_id, one.record_no)]
        return [*logs, self.ahead_s, *self.from_us, *self.to_us, self.spread_s, self.ids, *self.fronts, *refs]

    @classmethod
    def from_list(cls, kept: list[object]) -> ClockOffset:
        """Read what `as_list` gave.

        Raises:
            ValueError: it is something else.
        """
        texts, numbers = [str(one) for one in kept], [one for one in kept if isinstance(one, int | float)]
        if len(texts) != len(cls.__slots__) * 2 + 3 or len(numbers) != _NUMBERS:
            raise ValueError(kept)
        ahead, a, b, c, d, spread, ids, front, other, first, second = numbers
        return cls(
            (ClockLog(texts[0], texts[1]), ClockLog(texts[2], texts[3])),
            int(ahead),
            (int(a), int(b)),
            (int(c), int(d)),
            float(spread),
            int(ids),
            (int(front), int(other)),
            (
                RecordRef(texts[13], EvidenceId(texts[14]), int(first)),
                RecordRef(texts[16], EvidenceId(texts[17]), int(second)),
            ),
        )


_NUMBERS = 11


class ClockWhy(StrEnum):
    """What makes it certain which of two clocks is off."""

    MOST_HOSTS = "most-hosts"
    """More other hosts agree among themselves, and all differ from it by the same."""
    NO_ZONE = "no-zone"
    """The log names no zone, the other log of the same host does, and they differ by whole quarters of an hour."""
    SAID = "said"
    """A person says so."""


@dataclass(frozen=True, slots=True)
class ClockWord:
    """What a person says of a host's clock.

    Attributes:
        host: the host, upper and lower case are the same.
        right: it is right, and hosts that differ from it are not.
        as_written: nothing of it is to be corrected.
        ahead_s: by how many seconds it was ahead, whatever was measured; None where that is not said.
    """

    host: str
    right: bool = False
    as_written: bool = False
    ahead_s: int | None = None

    @classmethod
    def parse(cls, text: str) -> ClockWord:
        """Read `EX01=right`, `EX02=as-written`, `EX02=+3600`; `EX02=+90d` is 90 days, `EX02=-1d30` a day and 30 s behind.

        Raises:
            ValueError: it is written otherwise.
        """
        host, mark, word = (part.strip() for part in text.rpartition("="))
        if not mark or not host or not host.isprintable() or any(one.isspace() for one in host):
            raise ValueError(text)
        if word.lower() == "right":
            return cls(host, right=True)
        if word.lower() == "as-written":
            return cls(host, as_written=True)
        met = _AHEAD.fullmatch(word)
        if met is None:
            raise ValueError(text)
        ahead_s = int(met["days"] or 0) * DAY_S + int(met["seconds"] or 0)
        return cls(host, ahead_s=-ahead_s if met["sign"] == "-" else ahead_s)

    def __str__(self) -> str:
        """Give it in one form."""
        word = "right" if self.right else "as-written" if self.as_written else f"{self.ahead_s:+}"
        return f"{self.host.upper()}={word}"


DAY_S = 86_400
_AHEAD = re.compile(r"(?P<sign>[+-])(?=[0-9])(?:(?P<days>[0-9]{1,5})d)?(?P<seconds>[0-9]{1,8})?")


@dataclass(frozen=True, slots=True, order=True)
class ClockCorrection:
    """A stretch of a host's logs whose instants are corrected.

    Attributes:
        host: the host.
        tables: the logs; empty for all that the host writes itself.
        from_us: the first instant that is corrected, as written, microseconds since 1970; None for all before `to_us`.
        to_us: the first that is not any more; None for all after.
        ahead_s: by how many seconds the clock was ahead; so much is taken away.
        why: what makes it certain.
        against: the logs that it was compared with.
        ids: on how many requests with the log that shares most.
        spread_s: how far the differences lay apart at most, seconds.
        grounds: records of requests that show it.
    """

    host: str
    tables: tuple[str, ...]
    from_us: int | None
    to_us: int | None
    ahead_s: int
    why: ClockWhy
    against: tuple[ClockLog, ...] = ()
    ids: int = 0
    spread_s: float = 0.0
    grounds: tuple[RecordRef, ...] = ()
