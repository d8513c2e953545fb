"""Changes that event logs tell: tasks, services and accounts that were made or taken away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.identities import Identities

__all__ = ["ACCOUNT", "SERVICE", "TASK", "Change", "changes_of"]

TASK, SERVICE, ACCOUNT = "task", "service", "account"
_MADE: Mapping[int, str] = {
    4698: TASK, 4702: TASK, 106: TASK, 140: TASK, 7045: SERVICE, 4697: SERVICE, 4720: ACCOUNT, 4722: ACCOUNT,
}  # fmt: skip
_GONE: Mapping[int, str] = {4699: TASK, 141: TASK, 4726: ACCOUNT}


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        kind: `task`, `service` or `account`.
        made: whether it came or went.
        host: where.
        name: of the task, service or account.
        path: what a service runs; "" where the log has none.
        account: who did it, by the name in every answer; None where the log has none.
        at_utc: when.
        ground: the record.
        event_id: Windows' event.
    """

    kind: str
    made: bool
    host: str
    name: str
    path: str
    account: str | None
    at_utc: datetime
    ground: RecordRef
    event_id: int

    @property
    def what(self) -> tuple[str, str, str]:
        """Give what it is about: a thing that came and went has the same."""
        return self.kind, self.host, self.name.lower()


def changes_of(rolled: pa.Table, identities: Identities) -> tuple[Change, ...]:
    """Read the changes, in order of time.

    Args:
        rolled: rows in `rollup.shapes.CHANGES`.
        identities: names.
    """
    times = rolled["time_utc"].cast(pa.int64()).to_pylist()
    out = []
    for row, at in zip(rolled.drop(["time_utc"]).to_pylist(), times, strict=True):
        event = row["event_id"]
        if event not in _MADE and event not in _GONE:  # an account that was switched off is there all the same
            continue
        ground = RecordRef("evtx", EvidenceId(row["evidence_id"]), row["record_no"])
        out.append(
            Change(
                _MADE.get(event) or _GONE[event],
                event in _MADE,
                row["host"] or "(unknown host)",
                row["name"] or "(no name)",
                row["path"] or "",
                identities.label(row["account"], at),
                utc_from_us(at),
                ground,
                event,
            )
        )
    return tuple(sorted(out, key=lambda one: (one.at_utc, one.ground)))
