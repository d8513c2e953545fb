"""Sessions made by hand, without any log: accounts on networks with agents, at instants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from dwell.scope.access import Accesses
from dwell.scope.identities import Identities
from dwell.scope.rollup.shapes import ACTS, SESSIONS

__all__ = ["START", "Visit", "accesses_of"]

START = datetime(2020, 1, 6, tzinfo=UTC)
"""A Monday."""


@dataclass(frozen=True, slots=True, order=True)
class Visit:
    """One session: an account, from a network (its third number), with an agent, on a day at an hour."""

    account: str
    network: int
    agent: str
    day: int
    hour: int = 9
    protocol: str = "owa"
    mailbox: str | None = None
    outcome: int = 0
    client: str | None = None
    auth: str | None = None

    def row(self, number: int) -> dict[str, object]:
        """Give it as a row of `SESSIONS`."""
        at = START + timedelta(days=self.day, hours=self.hour)
        read = int(self.outcome == 0)
        return {
            "table": "iis",
            "host": "EX01",
            "protocol": self.protocol,
            "actor": self.account,
            "mailbox": self.mailbox,
            "basis": "explicit" if self.mailbox else "assumed",
            "client": self.client or f"198.{18 + self.network // 256}.{self.network % 256}.7",
            "agent": self.agent,
            "layer": "front",
            "auth": self.auth,
            "outcome": self.outcome,
            "first_utc": at,
            "last_utc": at + timedelta(minutes=5),
            "requests": 1,
            **{one: read if one == "read" else 0 for one in ACTS},
            "bytes": None,
            "evidence_id": "e" * 64,
            "record_no": number,
        }


def accesses_of(visits: Iterable[Visit]) -> Accesses:
    """Give the accesses."""
    rows = [one.row(number) for number, one in enumerate(visits, 1)]
    return Accesses(pa.Table.from_pylist(rows, schema=SESSIONS), Identities())
