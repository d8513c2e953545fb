"""What a case holds, in numbers: its files, their records and anomalies, and the stretch of time they speak of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.engine.scratch import scratch
from dwell.intake.tables import ANOMALIES, COPIES, FACTS, FILES
from dwell.model.claims import CaseFacts
from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId
from dwell.sources.registry import source as source_of

__all__ = ["FileStock", "Stock", "stock", "whole_table"]


@dataclass(frozen=True, slots=True)
class FileStock:
    """One piece of evidence.

    Attributes:
        path: its first place, containers marked.
        places: in how many places it was found.
        source: the source that reads it; None where none recognised it.
        host: as its path or its records name it; "" where unknown.
        records: records read; None where it was not read.
        anomalies: stretches that could not be read; None where it was not read.
        facts: what else was learned.
        first_utc: its earliest record.
        last_utc: its latest record.
        size_bytes: unpacked.
        sha256: of its unpacked bytes; the evidence id.
        within: the path of a longer copy of the same log, which it is the beginning of; "" where none is known.
        copies: events that stand in another file as well and count there; they are none of `records`.
    """

    path: str
    places: int
    source: str | None
    host: str
    records: int | None
    anomalies: int | None
    facts: int
    first_utc: datetime | None
    last_utc: datetime | None
    size_bytes: int
    sha256: EvidenceId
    within: str = ""
    copies: int = 0


@dataclass(frozen=True, slots=True)
class Stock:
    """The whole case.

    Attributes:
        name: the case's name.
        files: its evidence, by path.
        evidence_files: pieces of evidence, unrecognised ones counted.
        read_files: those that were read.
        records: records in the archive.
        anomalies: stretches that could not be read.
        facts: facts about the files.
        first_utc: the earliest record.
        last_utc: the latest record.
        size_bytes: of all evidence, unpacked.
        copies: events that stand in several files; each counts once among the records, and as often as it is left out here.
    """

    name: str
    files: tuple[FileStock, ...]
    evidence_files: int
    read_files: int
    records: int
    anomalies: int
    facts: int
    first_utc: datetime | None
    last_utc: datetime | None
    size_bytes: int
    copies: int = 0

    def case_facts(self) -> CaseFacts:
        """Give the case's numbers; first and last are those of logs: a mailbox made in 2012 is no record of 2012."""
        logs = [one for one in self.files if one.source is not None and source_of(one.source).is_log]
        first = min((one.first_utc for one in logs if one.first_utc is not None), default=None)
        last = max((one.last_utc for one in logs if one.last_utc is not None), default=None)
        return CaseFacts(self.name, self.evidence_files, self.records, self.anomalies, first, last, self.copies)


def whole_table(archive: Archive, table: str, columns: Sequence[str]) -> pa.Table:
    """Read columns of all rows of a small table.

    Raises:
        CustodyError: a data file is not what was written.
    """
    schema = archive.specs[table].schema
    empty = pa.schema([schema.field(name) for name in columns]).empty_table()
    return pa.concat_tables([empty, *(read_rows(file, columns).cast(empty.schema) for file in archive.files(table))])


_TALLY = """
SELECT evidence_id, any_value(files.host), sum(records)::BIGINT, sum(anomalies)::BIGINT,
       epoch_us(min(time_utc)), epoch_us(max(last_utc)),
       coalesce(any_value(learned.facts), 0)::BIGINT
FROM files LEFT JOIN (SELECT evidence_id, count(*) AS facts FROM facts GROUP BY 1) learned USING (evidence_id)
GROUP BY evidence_id
"""


def _instant(us: int | None) -> datetime | None:
    return None if us is None else utc_from_us(us)


def stock(case: Case, archive: Archive) -> Stock:
    """Count what a case holds.

    Raises:
        CustodyError: a data file, or the custody log, is not what was written.
    """
    with scratch() as link:
        link.register(
            "files",
            whole_table(archive, FILES, ("evidence_id", "host", "records", "anomalies", "time_utc", "last_utc")),
        )
        link.register("facts", whole_table(archive, FACTS, ("evidence_id",)))
        tally = {str(row[0]): row[1:] for row in link.execute(_TALLY).fetchall()}
        link.register("copies", whole_table(archive, COPIES, ("evidence_id",)))
        copied = {
            str(evidence): int(count)
            for evidence, count in link.execute("SELECT evidence_id, count(*) FROM copies GROUP BY 1").fetchall()
        }
    files: list[FileStock] = []
    register = case.register()
    wholes = {one.part: register[one.whole].path for one in case.growths().values() if one.whole in register}
    for item in register.values():
        host, records, anomalies, first, last, facts = tally.get(item.evidence_id, (None, None, None, None, None, 0))
        files.append(
            FileStock(
                path=item.path,
                places=len(item.places),
                source=item.source,
                host=host or item.host,
                records=records,
                anomalies=anomalies,
                facts=facts,
                first_utc=_instant(first),
                last_utc=_instant(last),
                size_bytes=item.size_bytes,
                sha256=item.evidence_id,
                within=wholes.get(item.evidence_id, ""),
                copies=copied.get(item.evidence_id, 0),
            )
        )
    files.sort(key=lambda one: (one.path, one.sha256))
    return Stock(
        name=case.name,
        files=tuple(files),
        evidence_files=len(files),
        read_files=sum(one.records is not None for one in files),
        records=sum(one.records or 0 for one in files),
        anomalies=sum(file.staged.rows for file in archive.files(ANOMALIES)),
        facts=sum(file.staged.rows for file in archive.files(FACTS)),
        first_utc=min((one.first_utc for one in files if one.first_utc is not None), default=None),
        last_utc=max((one.last_utc for one in files if one.last_utc is not None), default=None),
        size_bytes=sum(one.size_bytes for one in files),
        copies=sum(copied.values()),
    )
