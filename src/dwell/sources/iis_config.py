"""Configuration of IIS, ASP.NET and Exchange's transport agents as XML: one row an element that says something.

Source:
    Microsoft Learn, "IIS Configuration Reference" (`applicationHost.config`, `web.config`) and Exchange's
    `agents.config`. Every element with an attribute or a text is a row, and every comment: its place (`section`,
    without names; `within`, with the names of what it lies in), the `location` it is for, its attributes. Those without
    a column go to `extra`.
Time:
    None. A configuration says what held when it was copied; its moment is not in it.
Units:
    One row is one element; `record_no` is its ordinal in the file.

Raises:
    Nothing. From where the text is no XML any more, it is one anomaly to the end of the file; a document type, which
    could hold entities, is refused in the same way. A file of over 16 MiB is none.
Trust:
    Whoever administered the server, or was able to write to it, wrote it. Machine keys and passwords never leave the
    evidence but in an anomaly, which is kept as it is: of a key its SHA-256 is kept, so that two can be compared; of a
    password only that there is one.
Silence:
    What is absent is inherited from the file above or left to its default: a module that is not here may be in
    `applicationHost.config`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import pyarrow as pa
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from dwell.model.instants import TimeBasis
from dwell.model.provenance import KEPT_BYTES_MAX, Anomaly, AnomalyKind
from dwell.sources.matched import schema_of
from dwell.sources.source import HOST, RECORD_NO, TIME_UTC, Batch, Guess, Hint, Sniff, Source, Stamp
from dwell.sources.spread import spread
from dwell.sources.utf8_stream import Utf8

__all__ = ["CONFIG_BYTES_MAX", "IisConfig"]

CONFIG_BYTES_MAX = 16 * 1024 * 1024
"""A longer text is no configuration."""
DEPTH_MAX = 24
"""An element's place is told to this depth."""
_FEED_BYTES = 1 << 16
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(
    (
        "section", "within", "location", "element", "name", "type", "path", "value", "enabled", "verb", "image",
        "physicalPath", "preCondition", "resourceType", "allowed", "bindingInformation", "protocol", "applicationPool",
        "dontLog", "logFormat", "logExtFileFlags", "directory", "logTargetW3C", "localTimeRollover", "assemblyPath",
        "classFactory", "priority", "id",
    ),
    pa.string(),
)  # fmt: skip
_NAMED = ("name", "path", "id")
_KEYS = frozenset({"validationkey", "decryptionkey"})
_SECRETS = re.compile(r"password|secret|connectionstring", re.IGNORECASE)
_OWN_WORDS = frozenset({"AutoGenerate", "AutoGenerate,IsolateApps", "AutoGenerate,IsolateByAppId"})
_ROOT = re.compile(
    r"\s*+(?><\?xml[^>]*\?>)?\s*+(?>(?><!--.*?-->)\s*|(?><!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)\s*)*+<configuration[\s>]",
    re.DOTALL,
)
_HELD_SECRET = re.compile(
    r"((?:validationKey|decryptionKey|password|secret|connectionString)\w{0,32}\s{0,8}=\s{0,8})(\"[^\"]*\"|'[^']*')",
    re.IGNORECASE,
)
"""A key or password inside a text, as where an element is commented out."""
_NOT_KEPT = "(not kept)"
_SECTIONS = re.compile(
    r"<(?:system\.webServer|system\.web|system\.applicationHost|configSections|mexRuntime|appSettings|runtime)[\s>/]"
)


class _Elements:
    """What the parser tells of, element after element."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.values: list[str] = []
        self.counts: list[int] = []
        self._places: list[tuple[str, str]] = []
        self._locations: list[str] = []
        self._open: list[tuple[str, dict[str, str], list[str]]] = []
        self._loose: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the start of an element; its row waits for its text."""
        self._row()
        name = tag.rpartition("}")[2]
        named = next((attributes[one] for one in _NAMED if attributes.get(one)), "")
        self._places.append((name, f"{name}[{named}]" if named else name))
        outer = self._locations[-1] if self._locations else ""
        self._locations.append(attributes.get("path", "") if name == "location" else outer)
        self._open = [(name, attributes, [])]

    def data(self, text: str) -> None:
        """Take text; that behind an element's children is a row of its own."""
        (self._open[0][2] if self._open else self._loose).append(text)

    def comment(self, text: str) -> None:
        """Take a comment: what was switched off by one is worth knowing."""
        self._row()
        self._add("#comment", self._places[:DEPTH_MAX], {}, text.strip())

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        del tag
        self._row()
        self._places.pop()
        self._locations.pop()

    def close(self) -> None:
        """Do nothing at the end."""

    def _row(self) -> None:
        """Put the element that was opened last into a row, if it says anything."""
        loose, self._loose = "".join(self._loose).strip(), []
        if self._open:
            name, attributes, texts = self._open.pop()
            depth = min(len(self._places) - 1, DEPTH_MAX)
            self._add(name, self._places[:depth], attributes, "".join(texts).strip())
        elif loose:
            self._add("#text", self._places[:DEPTH_MAX], {}, loose)

    def _add(self, name: str, places: list[tuple[str, str]], attributes: dict[str, str], text: str) -> None:
        if not attributes and not text:
            return
        pairs = {
            "section": "/".join(one for one, _ in places),
            "within": "/".join(one for _, one in places),
            "location": self._locations[-1] if self._locations else "",
            "element": name,
        }
        pairs = {key: value for key, value in pairs.items() if value}
        before = len(self.names)
        self.names += pairs
        self.values += pairs.values()
        for key, value in attributes.items():
            self.names.append(key.rpartition("}")[2])
            self.values.append(_veiled(key, value, attributes))
        if text:
            self.names.append("text" if "value" in attributes else "value")
            self.values.append(_NOT_KEPT if _SECRETS.search(name) else _HELD_SECRET.sub(rf"\1{_NOT_KEPT}", text))
        self.counts.append(len(self.names) - before)


def _veiled(name: str, value: str, attributes: Mapping[str, str]) -> str:
    """Give a value without the secret that it may be."""
    if name.lower() in _KEYS and value not in _OWN_WORDS:
        # one key can be written in small letters, and with words behind it that say to whom it goes
        key = value.partition(",")[0].strip()
        automatic = key == "AutoGenerate"
        return value if automatic else f"sha256:{hashlib.sha256(key.upper().encode(errors='replace')).hexdigest()}"
    key = " ".join(attributes.get(one, "") for one in ("key", "name")) if name == "value" else name
    return _NOT_KEPT if value and _SECRETS.search(key) else value


class IisConfig(Source):
    """Configuration of IIS, ASP.NET and transport agents."""

    key = "configuration"
    stamp = Stamp("", TimeBasis.UNKNOWN)
    title = "Configuration of IIS, ASP.NET and transport agents (XML)"
    schema = schema_of(_COLUMNS)
    lexicon = ("section", "element", "name", "type", "path", "image", "physicalPath", "assemblyPath", "classFactory")
    unit = "record"
    is_log = False

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take XML whose root is `configuration`."""
        text = sniff.text
        if not _ROOT.match(text.lstrip("\ufeff")):
            return None
        if _SECTIONS.search(text):
            return Guess(90, self.key, "XML with the root `configuration` and sections of IIS, ASP.NET or Exchange")
        return Guess(55, self.key, "XML with the root `configuration`")

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the elements, some thousands to a batch; what is left of a broken file is one anomaly."""
        del hint
        text = Utf8(stream)
        parts = []
        size = 0
        while size <= CONFIG_BYTES_MAX and (more := text.read(_FEED_BYTES)):
            parts.append(more)
            size += len(more)
        data = b"".join(parts)
        rest = 0
        while more := text.read(1 << 20):
            rest += text.span(more)
        taken = text.mark_bytes + text.span(data) + rest
        elements = _Elements()
        fault: tuple[int, AnomalyKind, str] | None
        if size > CONFIG_BYTES_MAX:
            fault = (0, AnomalyKind.TOO_LONG, f"a text of over {CONFIG_BYTES_MAX} bytes")
        else:
            fault = _parse(data, elements)
        count = len(elements.counts)
        if count:
            yield Batch(records=self._records(elements))
        anomalies = []
        if fault is not None and data:
            at, kind, detail = fault
            offset = text.mark_bytes + text.span(data[:at])
            kept = text.original(data[at : at + 4 * KEPT_BYTES_MAX])[:KEPT_BYTES_MAX]
            anomalies.append(Anomaly(kind, count + 1, offset, taken - offset, kept, detail))
        yield Batch(anomalies=anomalies, bytes_read=taken)

    def _records(self, elements: _Elements) -> pa.RecordBatch:
        count = len(elements.counts)
        columns = spread(elements.names, elements.values, elements.counts, _COLUMNS)
        columns[RECORD_NO.name] = pa.array(range(1, count + 1), pa.int64())
        columns[TIME_UTC.name] = pa.nulls(count, TIME_UTC.type)
        columns[HOST.name] = pa.nulls(count, HOST.type)
        return pa.RecordBatch.from_arrays([columns[name] for name in self.schema.names], schema=self.schema)


def _parse(data: bytes, elements: _Elements) -> tuple[int, AnomalyKind, str] | None:
    """Parse a text; give where and why it ends before its end."""
    if not data.strip():
        return (0, AnomalyKind.BAD_XML, "nothing but blanks") if data else None
    if not data.strip(b"\0"):
        return 0, AnomalyKind.NUL_RUN, "a run of NUL bytes"
    whole = False
    parser: Any = DefusedXMLParser(target=elements, encoding="utf-8", forbid_dtd=True)
    try:
        for start in range(0, len(data), _FEED_BYTES):
            parser.feed(data[start : start + _FEED_BYTES])
        whole = True
        parser.close()
    except (ParseError, DefusedXmlException, ValueError) as fault:
        at = _character(data, max(0, min(int(parser.parser.CurrentByteIndex), len(data))))
        if isinstance(fault, DefusedXmlException):
            return at, AnomalyKind.BAD_XML, "a document type, which could hold entities: not read"
        if whole:
            return _last_tag(data, at), AnomalyKind.TRUNCATED, "the file ends before its root does"
        return at, AnomalyKind.BAD_XML, "no XML from here on"
    return None


def _character(data: bytes, at: int) -> int:
    """Give the place of the character that a byte belongs to: the parser may stop within one."""
    while 0 < at < len(data) and data[at] & 0xC0 == 0x80:
        at -= 1
    return at


def _last_tag(data: bytes, at: int) -> int:
    """Give the place of the last tag: an anomaly has to lie on something."""
    return max(0, min(data.rfind(b"<"), at))
