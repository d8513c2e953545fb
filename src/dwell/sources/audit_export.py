"""What the exports of Exchange's two on-premises audit logs have in common: XML with `Event` elements, and CSV.

Both forms of one log feed one table. Attributes and columns of the same meaning have one name; a structure inside an
event is kept as JSON text under its own name. `time_utc` is filled only where the instant names its zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, ClassVar
from xml.etree.ElementTree import Element

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import Anomaly, Fact, FactKind
from dwell.sources.columns import flat, instants
from dwell.sources.csv_export import CsvExport
from dwell.sources.delimited import State, unique_names
from dwell.sources.evtx_text import mended_facts
from dwell.sources.source import EXTRA, HOST, Batch, Guess, Hint, Sniff, Source, prefix_fields
from dwell.sources.xml_elements import event_elements, local_name, parsed

__all__ = ["CAP_BYTES", "ROWS", "AuditCsv", "AuditXml", "Pairs", "attributes", "audit_schema", "json_text"]

CAP_BYTES = 10_000_000
"""Exchange cuts the attachment that holds a search's results at 10 MB."""
ROWS = 16_384
_ZONED = r"(?:Z|[+-]\d\d:?\d\d)$"
_HOST = r"^(?P<host>[A-Za-z0-9][A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9.-]*)?(?: |$)"
_DOCUMENTED = re.compile(rb'<ItemId="')
Pairs = list[tuple[str, str | None]]


def audit_schema(columns: Mapping[str, pa.DataType]) -> pa.Schema:
    """Make the schema: the prefix, the log's columns, the extra map."""
    return pa.schema([*prefix_fields(), *(pa.field(name, kind) for name, kind in columns.items()), EXTRA])


def json_text(value: object) -> str:
    """Give a structure as one line of JSON."""
    return msgspec.json.encode(value).decode()


def attributes(element: Element) -> dict[str, str]:
    """Give an element's attributes, namespaces left out."""
    return {name.rpartition("}")[2]: text for name, text in element.attrib.items()}


def _said(element: Element) -> str:
    return (element.text or "").strip()


def _zoned(texts: pa.Array) -> pa.Array:
    """Read instants that name their zone; null for the others."""
    trimmed = pc.utf8_trim_whitespace(texts)
    return instants(pc.if_else(pc.match_substring_regex(trimmed, _ZONED), trimmed, pa.scalar(None, pa.string())))


class AuditXml(Source):
    """An audit export as XML.

    Attributes:
        columns: the columns of the table and their types, texts but for maps.
        tells: what the tag of an event of this log holds.
        names: names that the XML has and the table calls otherwise.
        time_name: the attribute that holds the instant.
    """

    unit = "record"
    is_log = False
    columns: ClassVar[Mapping[str, pa.DataType]]
    tells: ClassVar[re.Pattern[str]]
    names: ClassVar[Mapping[str, str]] = {}
    time_name: ClassVar[str]

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take XML with `Event` elements that carry this log's attributes."""
        text = sniff.text.lstrip("\ufeff \t\r\n")
        if not text.startswith("<") or not self.tells.search(text):
            return None
        root = "SearchResults" in text[:1024]
        return Guess(96 if root else 80, self.key, "Event elements with this audit log's attributes")

    def _inside(self, element: Element) -> tuple[dict[str, str | Pairs], list[tuple[str, str]]]:
        """Give what stands inside an event: columns, and other values."""
        values: dict[str, str | Pairs] = {}
        others: list[tuple[str, str]] = []
        for child in element:
            name = local_name(child)
            parts = [attributes(one) | ({"Text": _said(one)} if _said(one) else {}) for one in child]
            if parts and name in self.columns and name not in values:
                values[name] = json_text(parts)
            elif parts:
                others.append((name, json_text(parts)))
            others += [(f"{name}.{key}", text) for key, text in attributes(child).items()]
            if _said(child):
                others.append((name, _said(child)))
        return values, others

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the events, some thousands to a batch."""
        del hint
        rows: list[dict[str, object]] = []
        anomalies: list[Anomaly] = []
        mendings: dict[str, list[int]] = {}
        told = taken = 0
        for ordinal, (piece, taken) in enumerate(event_elements(stream), 1):
            root, how = (None, "") if piece.fault else parsed(piece.raw)
            if root is None and not piece.fault and _DOCUMENTED.search(piece.raw):
                root, _ = parsed(_DOCUMENTED.sub(b'<ItemId Id="', piece.raw))
                how = "an attribute without a name, as in the vendor's own example"
            if root is None:
                anomalies.append(piece.anomaly(ordinal, "no well-formed event"))
            else:
                rows.append(self._row(ordinal, root))
                if how:
                    mendings.setdefault(how, []).append(ordinal)
            if len(rows) + len(anomalies) >= ROWS:
                yield Batch(self._records(rows), anomalies, mended_facts(mendings), bytes_read=taken - told)
                rows, anomalies, mendings, told = [], [], {}, taken
        yield Batch(
            self._records(rows) if rows else None, anomalies, [*mended_facts(mendings), *_capped(taken)],
            bytes_read=taken - told,
        )  # fmt: skip

    def _row(self, ordinal: int, root: Element) -> dict[str, object]:
        row: dict[str, object] = {"record_no": ordinal}
        extra: list[tuple[str, str]] = []
        for name, text in attributes(root).items():
            ours = self.names.get(name, name)
            if ours in self.columns and ours not in row and pa.types.is_string(self.columns[ours]):
                row[ours] = text or None
            else:
                extra.append((name, text))
        values, others = self._inside(root)
        for name, value in values.items():
            if name in row:
                extra.append((name, value if isinstance(value, str) else json_text(value)))
            else:
                row[name] = value
        extra += others
        names = unique_names([name for name, _ in extra])
        row[EXTRA.name] = [(name, text) for name, (_, text) in zip(names, extra, strict=True)] or None
        return row

    def _records(self, rows: list[dict[str, object]]) -> pa.RecordBatch | None:
        if not rows:
            return None
        columns = {one.name: pa.array([row.get(one.name) for row in rows], one.type) for one in self.schema}
        columns["time_utc"] = _zoned(columns[self.time_name])
        columns[HOST.name] = pc.struct_field(pc.extract_regex(columns["OriginatingServer"], _HOST), "host")
        return pa.RecordBatch.from_arrays(list(columns.values()), schema=self.schema)


def _capped(taken: int) -> list[Fact]:
    """Say that a file has the size at which results are cut."""
    if taken < CAP_BYTES:
        return []
    detail = "as large as Exchange lets the results of a search become (10 MB): what it found after that is not here"
    return [Fact(FactKind.NOT_RECORDED, None, None, None, 1, detail)]


class AuditCsv(CsvExport):
    """An audit export as CSV.

    Attributes:
        names: names, in lower case, that the CSV has and the table calls otherwise.
        instant_name: the column that holds the instant.
    """

    instant_name: ClassVar[str]
    is_log = False
    score = 88
    names: ClassVar[Mapping[str, str]] = {}

    def _notice(self, raw: bytes, text: str, number: int, state: State) -> None:
        super()._notice(raw, text, number, state)
        held = set(state.names)
        state.names = [
            ours if (ours := self.names.get(name.lower(), name)) not in held else name for name in state.names
        ]

    def _fit(self, table: pa.Table, numbers: npt.NDArray[np.int64], state: State) -> pa.Table:
        maps = {one.name for one in self.schema if pa.types.is_map(one.type)} - {EXTRA.name}
        if maps & set(table.column_names):
            names = [f"{one} (logged)" if one in maps else one for one in table.column_names]
            table = table.rename_columns(unique_names(names))
        fitted = super()._fit(table, numbers, state)
        times = _zoned(flat(fitted[self.instant_name]))
        fitted = fitted.set_column(fitted.schema.get_field_index("time_utc"), "time_utc", times)
        host = pc.struct_field(pc.extract_regex(flat(fitted["OriginatingServer"]), _HOST), "host")
        return fitted.set_column(fitted.schema.get_field_index(HOST.name), HOST.name, host)
