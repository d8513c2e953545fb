"""What is told of Windows events that are held already: a row for every copy, and facts for each two files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.archive.datafile import read_rows
from dwell.casebook.evidence import Evidence
from dwell.intake.event_match import Links, Match
from dwell.model.provenance import EvidenceId, FactKind

__all__ = ["FACTS_MAX", "Told", "Why", "facts_of", "told_of"]

FACTS_MAX = 1_000
"""So many facts of one unit are told one by one, those about most events first; the rest in one for each file."""
_NAMES = ("evidence_id", "record_no", "time_utc", "host", "Computer", "Channel")
_GROUP = ("evidence_id", "of_evidence_id", "Channel", "Computer")

Ints = npt.NDArray[np.int64]


class Why(Enum):
    """What came of events that have the number of others."""

    COPY = "copy"
    TIME = "time"
    CONTENT = "content"
    MORE = "more"


_WORDS: Mapping[Why, tuple[FactKind, str]] = {
    Why.COPY: (FactKind.COPIED, "events of {log} that {other} holds as well, and that count once, there: {count:,}"),
    Why.TIME: (
        FactKind.DISAGREES,
        (
            "events of {log} with the record numbers of events in {other}, and another time or event id: {count:,}. Both "
            "stay. The log was cleared and its numbers began again, a file is in another zone, or one was changed"
        ),
    ),
    Why.CONTENT: (
        FactKind.DISAGREES,
        (
            "events of {log} with record number, event id and time of events in {other}, which say something else: "
            "{count:,}. Both stay. One of the two files was changed, or its exporter wrote it otherwise"
        ),
    ),
    Why.MORE: (
        FactKind.COPIED,
        "events of {log} of which {other} holds less: {count:,}. Both are kept, and each of them counts twice",
    ),
}


@dataclass(frozen=True, slots=True)
class Told:
    """Events of a data file, each beside the one that is held.

    Attributes:
        why: what they have in common.
        rows: the events, with the columns `of_evidence_id` and `of_record_no`.
    """

    why: Why
    rows: pa.Table

    def __len__(self) -> int:
        """Give the number of events."""
        return int(self.rows.num_rows)

    def as_copies(self, schema: pa.Schema, source: str) -> pa.Table:
        """Give them as rows of the table of copies."""
        columns = {name: self.rows[name] for name in self.rows.column_names}
        columns |= {"source": pa.array([source] * len(self), pa.string()), "part": self.rows["Channel"]}
        return pa.table([columns[one.name].cast(one.type) for one in schema], schema=schema)

    def by_evidence(self) -> dict[str, int]:
        """Give how many are of each piece of evidence."""
        counts = self.rows["evidence_id"].value_counts().to_pylist()
        return {str(one["values"]): int(one["counts"]) for one in counts}


def told_of(found: Match) -> list[Told]:
    """Give what is to be told of a data file's events.

    Raises:
        CustodyError: a data file is not what was written.
    """
    copies = found.copy.place >= 0
    unlike = (found.unlike.place >= 0) & ~copies
    if not (copies | unlike).any():
        return []
    own = read_rows(found.file, _NAMES)
    kinds = (
        (Why.COPY, copies, found.copy),
        (Why.TIME, unlike & ~found.more & ~found.near, found.unlike),
        (Why.CONTENT, unlike & ~found.more & found.near, found.unlike),
        (Why.MORE, unlike & found.more, found.unlike),
    )
    out: list[Told] = []
    for which, file in enumerate(found.files):
        here = [(why, np.flatnonzero(mask & (links.file == which)), links) for why, mask, links in kinds]
        if any(len(rows) for _, rows, _ in here):
            names = read_rows(file, ("evidence_id", "record_no"))
            out += [Told(why, _beside(own, names, rows, links)) for why, rows, links in here if len(rows)]
    return out


def _beside(own: pa.Table, names: pa.Table, rows: Ints, links: Links) -> pa.Table:
    """Put the names of other rows beside rows."""
    others = names.take(pa.array(links.place[rows]))
    mine = own.take(pa.array(rows))
    mine = mine.append_column("of_evidence_id", others["evidence_id"].cast(pa.string()))
    return mine.append_column("of_record_no", others["record_no"])


def facts_of(told: Sequence[Told], schema: pa.Schema, source: str, register: Mapping[EvidenceId, Evidence]) -> pa.Table:
    """Give facts, one for each two files and log.

    Args:
        told: what is to be told.
        schema: of the table of facts.
        source: the source that read the new files.
        register: all evidence, for its places.
    """
    groups = [(why, row) for why in Why for row in _groups([one.rows for one in told if one.why is why])]
    groups.sort(key=lambda one: (-int(str(one[1]["count"])), one[0].value, *(str(one[1][name]) for name in _GROUP)))
    rows = [_fact(why, row, register) for why, row in groups[:FACTS_MAX]]
    rows += _rest(groups[FACTS_MAX:])
    return pa.Table.from_pylist([{**row, "source": source} for row in rows], schema=schema)


def _groups(tables: Sequence[pa.Table]) -> list[dict[str, object]]:
    """Give events of one log in the same two files: how many, the first of them, from when to when."""
    if not tables:
        return []
    whole = pa.concat_tables([one.select((*_NAMES, "of_evidence_id")) for one in tables])
    tallied = whole.group_by(list(_GROUP)).aggregate(
        [("record_no", "count"), ("record_no", "min"), ("time_utc", "min"), ("time_utc", "max"), ("host", "min")]
    )
    names = {
        "record_no_count": "count",
        "record_no_min": "record_no",
        "time_utc_min": "time_utc",
        "time_utc_max": "to_utc",
    }
    names["host_min"] = "host"
    found: list[dict[str, object]] = tallied.rename_columns(
        [names.get(one, one) for one in tallied.column_names]
    ).to_pylist()
    return found


def _fact(why: Why, row: Mapping[str, object], register: Mapping[EvidenceId, Evidence]) -> dict[str, object]:
    kind, words = _WORDS[why]
    other = EvidenceId(str(row["of_evidence_id"]))
    where = "this file" if other == row["evidence_id"] else f"evidence {other[:12]} ({register[other].path})"
    told = words.format(log=f"{row['Channel']} on {row['Computer']}", other=where, count=row["count"])
    names = ("evidence_id", "record_no", "host", "time_utc", "to_utc", "count")
    return {name: row[name] for name in names} | {"kind": kind.value, "detail": told}


def _rest(groups: Sequence[tuple[Why, Mapping[str, object]]]) -> Iterator[dict[str, object]]:
    """Yield a fact for each file of what is not told one by one."""
    counts: dict[tuple[str, Why], int] = {}
    for why, row in groups:
        key = (str(row["evidence_id"]), why)
        counts[key] = counts.get(key, 0) + int(str(row["count"]))
    for (evidence, why), count in sorted(counts.items(), key=lambda one: (one[0][0], one[0][1].value)):
        kind, words = _WORDS[why]
        detail = words.format(log="several logs", other="other files", count=count)
        yield {
            "evidence_id": evidence,
            "record_no": 0,
            "host": "",
            "kind": kind.value,
            "count": count,
            "detail": detail,
        }
