"""What a check is, and what it comes to: as with a rule, records that it met, and how far it could look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from dwell.model.claims import RuleStatus

__all__ = ["FOUND", "Check", "Looked", "blind", "looked"]

FOUND = pa.schema(
    [
        pa.field("evidence_id", pa.string()),
        pa.field("record_no", pa.int64()),
        pa.field("host", pa.string()),
        pa.field("what", pa.string()),
        pa.field("why", pa.string()),
        pa.field("at_utc", pa.timestamp("us", tz="UTC")),
    ]
)
"""A record that a check met: where it stands, what it is about as `column=value`, why it was met, and its instant."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a check came to.

    Attributes:
        status: whether it ran, in part or not at all.
        reason: why not, and what would open its eyes; "" where nothing is to be said.
        found: records in `FOUND`, in order of evidence and record.
        rows: records that were compared.
        hosts: servers whose states were looked at, by name.
    """

    status: RuleStatus
    reason: str = ""
    found: pa.Table = field(default_factory=FOUND.empty_table)
    rows: int = 0
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """A question put to states.

    Attributes:
        key: its name; `check:KEY` stands where a rule's id does.
        title: what is met, in a few words.
        description: what it looks at, and what that means.
        catalogue: entries of the detection catalogue that it answers.
        level: Sigma's level.
        tags: ATT&CK ids.
        table: the table that it looks at.
        switch_on: how such records come into being.
        falsepositives: what else looks so.
        beside: what of the answers looks at the same, and how; "" for nothing.
        look: the check itself, over the tables `files` and `settings` (`dwell.hunt.checks.states`).
    """

    key: str
    title: str
    description: str
    catalogue: tuple[str, ...]
    level: str
    tags: tuple[str, ...]
    table: str
    switch_on: str
    falsepositives: tuple[str, ...]
    beside: str
    look: Callable[[duckdb.DuckDBPyConnection], Looked]

    @property
    def id(self) -> str:
        """Give what stands where a rule's id does."""
        return f"check:{self.key}"


def blind(reason: str) -> Looked:
    """Say that a check could not look."""
    return Looked(RuleStatus.BLIND, reason)


def looked(link: duckdb.DuckDBPyConnection, found: str, rows: str, reasons: Sequence[str] = ()) -> Looked:
    """Give what a check came to.

    Args:
        link: the tables.
        found: a query that gives the columns of `FOUND`.
        rows: a query that gives `host` of every record that was compared.
        reasons: why it could not look everywhere; none where it could.
    """
    columns = ", ".join(FOUND.names)
    query = f"SELECT {columns} FROM ({found}) ORDER BY evidence_id, record_no, what, why"  # noqa: S608 - ours
    met = link.sql(query).to_arrow_table()
    seen = link.execute(f"SELECT host, count(*) FROM ({rows}) GROUP BY host ORDER BY host").fetchall()  # noqa: S608 - ours
    status = RuleStatus.PARTLY_BLIND if reasons else RuleStatus.RAN
    hosts = tuple(str(host) for host, _ in seen if host)
    return Looked(status, "; ".join(reasons), met.cast(FOUND), sum(int(one) for _, one in seen), hosts)
