"""Windows events as CSV: saved from Event Viewer in four languages, from PowerShell, or from Sentinel's table.

Source:
    Event Viewer, "Save as" CSV or text, in English, Dutch, French and German; `Get-WinEvent` and `Get-EventLog` with
    `Export-Csv`; Azure Monitor's `SecurityEvent` and `Event`. Names that are neither in the `System` block nor known to
    be of the export are event data. Event Viewer writes one column more than its header names: the description.
    Unverified: built from a description, no sample seen; a real file would verify it.
Time:
    ISO 8601 as it is written, UTC where it names no zone. Event Viewer and PowerShell write the local time of the machine
    that saved the file, in the words of its culture: read in the zone that is given for the record's host, else as UTC.
    Dutch, French and German dates
    start with the day; in English ones a value above 12 in the first lines settles it, or else `time_utc` is null and
    the text stays in `EventData` as `TimeCreated`.
Units:
    One row is one event; `record_no` is its first line.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    As for the binary log; descriptions hold what others wrote.
Silence:
    As for the binary log; a filter may have left events out. Descriptions have no names for their parts, so rules on
    fields see none of Event Viewer's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources import windows_event
from dwell.sources.columns import instants
from dwell.sources.csv_export import CsvExport
from dwell.sources.delimited import State
from dwell.sources.event_rows import Rows
from dwell.sources.evtx_facts import cleared
from dwell.sources.exchange_csv import header_cells, lowered_names
from dwell.sources.peeked import peeked
from dwell.sources.source import EXTRA, Batch, Guess, Hint, Sniff, Source, Stamp
from dwell.sources.time_words import by_value, day_first, numbered_dates, without_zone
from dwell.sources.windows_event import Execution, Provider, Security, System, named

__all__ = ["EvtxCsv"]

_VIEWER: Mapping[tuple[str, ...], bool | None] = {
    ("level", "date and time", "source", "event id", "task category"): None,
    ("niveau", "datum en tijd", "bron", "gebeurtenis-id", "taakcategorie"): True,
    ("niveau", "date et heure", "source", "id de l’événement", "catégorie de la tâche"): True,
    ("niveau", "date et heure", "source", "id de l'événement", "catégorie de la tâche"): True,
    ("niveau", "date et heure", "source", "id d’événement", "catégorie de la tâche"): True,
    ("ebene", "datum und uhrzeit", "quelle", "ereignis-id", "aufgabenkategorie"): True,
}
"""Event Viewer's headers, and whether dates in that language start with the day."""
_VIEWERS = frozenset(frozenset(one) for one in _VIEWER)
_OF_VIEWER = ("Level", "TimeCreated", "Provider", "EventID", "TaskCategory", "Message")
_SYSTEM: Mapping[str, str] = {
    "id": "EventID", "eventid": "EventID", "event id": "EventID", "logname": "Channel", "channel": "Channel",
    "log name": "Channel", "eventlog": "Channel", "machinename": "Computer", "computer": "Computer",
    "providername": "Provider", "source": "Provider", "eventsourcename": "Provider", "provider": "Provider",
    "recordid": "EventRecordID", "index": "EventRecordID", "eventrecordid": "EventRecordID", "level": "Level",
    "timecreated": "TimeCreated", "timegenerated": "TimeCreated", "timegenerated [utc]": "TimeCreated",
    "date and time": "TimeCreated", "processid": "PID", "threadid": "TID", "userid": "UserID", "task": "Task",
    "opcode": "Opcode", "keywords": "Keywords", "version": "Version", "message": "Message",
    "renderedmessage": "Message", "renderedescription": "Message",
}  # fmt: skip
_LEVELS = {
    "critical": 1, "kritiek": 1, "critique": 1, "kritisch": 1, "error": 2, "fout": 2, "erreur": 2, "fehler": 2,
    "warning": 3, "waarschuwing": 3, "avertissement": 3, "warnung": 3, "information": 4, "informatie": 4,
    "informationen": 4, "verbose": 5, "uitgebreid": 5, "détails": 5, "ausführlich": 5,
}  # fmt: skip
_IDS = frozenset({"id", "eventid", "event id"})
_LOGS = frozenset({"logname", "channel", "log name", "eventlog", "eventsourcename", "providername"})
_TIMES = frozenset({"timecreated", "timegenerated", "timegenerated [utc]", "date and time"})
_ISO = r"^\d{4}-\d\d-\d\d[T ]"
_AZURE = r"^\d{1,2}/\d{1,2}/\d{4}, "


class _Table(CsvExport):
    """The export's own columns, before events are made of them."""

    key = "evtx-table"
    title = ""
    is_log = False
    columns: ClassVar[Mapping[str, pa.DataType]] = {}
    marks = ()
    schema = CsvExport.table_schema({})

    def _is_ours(self, line: str) -> bool:
        held = lowered_names(line)
        if held in _VIEWERS and tuple(name.lower() for name in header_cells(line)) in _VIEWER:
            return True
        return bool(held & _IDS and held & _LOGS and held & _TIMES)

    def _notice(self, raw: bytes, text: str, number: int, state: State) -> None:
        super()._notice(raw, text, number, state)
        if tuple(name.lower().strip() for name in state.names) in _VIEWER:
            state.names = list(_OF_VIEWER)


class EvtxCsv(Source):
    """Windows event log, CSV."""

    key = "evtx_csv"
    stamp = Stamp("the column of the time", TimeBasis.UTC)
    title = "Windows event log (CSV of Event Viewer, PowerShell, Sentinel)"
    local_lines = True
    schema = windows_event.SCHEMA
    lexicon = windows_event.LEXICON

    def __init__(self) -> None:
        self._inner = _Table()

    @property
    def table(self) -> str:
        """Give the table that all forms of event logs share."""
        return "evtx"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Go by the names in the header."""
        found = self._inner.identify(sniff)
        return None if found is None else Guess(88, self.key, "the header names the columns of an export of events")

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield one batch or more per run of lines under one header."""
        sniff, stream = peeked(stream, hint.name)
        order, viewer = _order(sniff)
        for batch in self._inner.read(stream, hint):
            if batch.records is not None:
                batch.records, batch.local = _events(batch.records, starts_with_day=order, viewer=viewer)
                batch.facts += cleared(batch.records)
            yield batch


def _order(sniff: Sniff) -> tuple[bool | None, bool]:
    """Say whether the file's dates start with the day, by its language or its first dates; and if it is Event Viewer's."""
    lines = [line for line in sniff.text.splitlines() if line.strip() and not line.startswith("#TYPE")]
    if not lines:
        return None, False
    names = tuple(name.lower().strip() for name in header_cells(lines[0]))
    known = _VIEWER.get(names)
    return known if known is not None else day_first(lines[1:]), names in _VIEWER


def _events(
    records: pa.RecordBatch, *, starts_with_day: bool | None, viewer: bool
) -> tuple[pa.RecordBatch, npt.NDArray[np.int64]]:
    """Make events of rows; give also the numbers of those in local time."""
    held: list[tuple[dict[str, str], list[tuple[str, Any]]]] = []
    for pairs in records[EXTRA.name].to_pylist():
        parts: dict[str, str] = {}
        data: list[tuple[str, Any]] = []
        for name, value in pairs or ():
            part = _SYSTEM.get(name.lower().strip(), name if name in _OF_VIEWER else "")
            if part and part not in parts:
                parts[part] = value
            else:
                data.append((name, value))
        held.append((parts, data))
    texts = pa.array([parts.get("TimeCreated") for parts, _ in held], pa.string())
    times = by_value(texts, lambda some: _instants(some, starts_with_day=starts_with_day))
    rows = Rows()
    for number, known, (parts, data) in zip(
        records["record_no"].to_pylist(), times.is_valid().to_pylist(), held, strict=True
    ):
        if not known and "TimeCreated" in parts:
            data.append(("TimeCreated", parts["TimeCreated"]))
        rows.add(number, *_event(parts, data))
    local = by_value(texts, lambda some: _local(some, viewer=viewer)).to_numpy(zero_copy_only=False)
    return rows.batch(times), records["record_no"].to_numpy()[local]


def _local(texts: pa.Array, *, viewer: bool) -> pa.Array:
    """Say which texts are in the words of a culture: Sentinel's are UTC, and ISO 8601 is as it is written."""
    other = pc.match_substring_regex(texts, _AZURE)
    if not viewer:
        other = pc.or_(other, pc.match_substring_regex(texts, _ISO))
    return pc.and_not(without_zone(texts), pc.fill_null(other, fill_value=False))


def _instants(texts: pa.Array, *, starts_with_day: bool | None) -> pa.Array:
    azure = pc.match_substring_regex(texts, _AZURE)
    nothing = pa.scalar(None, pa.string())
    return pc.coalesce(
        instants(texts),
        numbered_dates(pc.if_else(azure, texts, nothing), starts_with_day=False),
        numbered_dates(pc.if_else(azure, nothing, texts), starts_with_day=starts_with_day),
    )


def _event(parts: dict[str, str], data: list[tuple[str, Any]]) -> tuple[System, dict[str, Any]]:
    level = parts.pop("Level", "")
    number = _LEVELS.get(level.lower(), _whole(level, 9))
    if level and number is None:
        data.append(("Level", level))
    channel = parts.get("Channel")
    numbers: dict[str, int | None] = {}
    for name, digits in (("EventID", 9), ("EventRecordID", 18), ("Task", 9), ("Opcode", 9), ("Version", 9), ("PID", 18),
                         ("TID", 18)):  # fmt: skip
        numbers[name] = _whole(parts.get(name, ""), digits)
        if numbers[name] is None and parts.get(name):
            data.append((name, parts[name]))
    data += [(name, parts[name]) for name in ("Message", "TaskCategory") if name in parts]
    system = System(
        Channel=channel,
        Computer=parts.get("Computer"),
        Keywords=parts.get("Keywords"),
        EventID=numbers["EventID"],
        EventRecordID=numbers["EventRecordID"],
        Level=number,
        Task=numbers["Task"],
        Opcode=numbers["Opcode"],
        Version=numbers["Version"],
        provider=Provider(parts.get("Provider")),
        execution=Execution(numbers["PID"], numbers["TID"]),
        security=Security(parts.get("UserID")),
    )
    return system, named(data, channel)


def _whole(text: str, digits: int) -> int | None:
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdecimal() and len(plain) <= digits else None
