"""What all Exchange text logs have in common: comment block, header, quoting, and the ways they break.

The header may stand in six places: on the `#Fields` line; as a bare CSV line before `#Software`; as a bare CSV line after
`#Fields`; nowhere, and then a known layout is chosen by the number of cells and their shape; on a `#Fields` line that is
wrong; and again in mid-file after a restart, with another build and another list. Columns go by name, never by place.
A record starts with an instant. Where it does not have as many cells as the header names, it is read by another layout
that the vendor used, or its surplus is given to the one text column with which all other columns fit, or the unfinished
record before it is taken off; each is counted as a fact. What fits nowhere is an anomaly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import ClassVar, NamedTuple

import pyarrow as pa

from dwell.model.provenance import Fact, FactKind
from dwell.sources.delimited import COLUMNS_MAX, STARTS_TIMED, Delimited, Mended, State, unique_names
from dwell.sources.lines import decode_line
from dwell.sources.quoted import split_cells
from dwell.sources.source import Guess, Sniff, prefix_fields

__all__ = ["BEFORE", "ExchangeCsv", "delimiter_of", "header_cells", "lowered_names"]

BEFORE = "(unfinished record before)"
"""The entry of `extra` that keeps what stood on a record's line before it."""

_TIME_NAMES = frozenset({"datetime", "date-time", "timestamp", "mytimestamp"})
_GUID = r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}"
_SHAPES = {
    "RequestId": re.compile(rf"(?:{_GUID})?"),
    "IsAuthenticated": re.compile(r"(?i:true|false)?"),
    "ClientIpAddress": re.compile(r"[0-9A-Fa-f:.%\[\] ]*"),
}
_NUMBER = re.compile(r"(?:-?\d{1,18}(?:\.\d{1,15})?)?")
_FUSED = re.compile(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z,{_GUID},")
_NAME_FIRST = re.compile(r'"?[A-Za-z][A-Za-z0-9_-]{0,63}"?[,;\t]')
_OPENING = re.compile(rb'(?:(?:#|"?[A-Za-z])[^\x00\n]*\n)+')
_SAYS_WHEN = re.compile(rb"^(#(?:Software|Version|Date):)[^\n]*", re.MULTILINE | re.IGNORECASE)
_NOT_TIMED = re.compile(rb'\n(?:#|"?[A-Za-z])')
_IIS = "#software: microsoft internet information"
_W3C = "in a part of the file that is a W3C log"
_SURPLUS_MAX = 64
_SNIFFED_LINES = 50


def delimiter_of(line: str) -> str:
    """Give the delimiter of a header line: comma, semicolon or tab, whichever it holds most of."""
    return max(",;\t", key=line.count)


def header_cells(line: str) -> list[str]:
    """Cut a header line into names; none where it is not quoted as it should be or has too many."""
    return list(_cells_of(line))


@lru_cache(maxsize=256)
def _cells_of(line: str) -> tuple[str, ...]:
    """Cut a line once, though every kind of log asks what its cells are."""
    delimiter = delimiter_of(line)
    if line.count(delimiter) >= COLUMNS_MAX:
        return ()
    return tuple(cell.strip() for cell in split_cells(line.strip(), delimiter) or ())


@lru_cache(maxsize=256)
def lowered_names(line: str) -> frozenset[str]:
    """Give the names in a header line, in lower case."""
    return frozenset(name.lower() for name in _cells_of(line))


class _Opening(NamedTuple):
    """What the first lines of a file hold, the same for every kind of log.

    Attributes:
        log_type: the value of `#Log-type`, in lower case; None where there is no such line.
        names: the header's names, in lower case; none where there is no header.
        lines: the first whole lines.
    """

    log_type: str | None
    names: tuple[str, ...]
    lines: tuple[str, ...]


@lru_cache(maxsize=2)
def _opening(sniff: Sniff) -> _Opening:
    lines = sniff.text.splitlines()
    first = lines[:_SNIFFED_LINES]
    whole = tuple((lines if sniff.complete else lines[:-1])[:_SNIFFED_LINES])
    for line in first:
        if line.lower().startswith("#fields:") and _is_w3c(line[8:]):
            # another kind of log, and whatever stands behind it
            return _Opening(None, (), ())
        if line.lower().startswith("#log-type:"):
            return _Opening(line[10:].strip().lower(), (), whole)
    for line in first:
        text = line[8:] if line.lower().startswith("#fields:") else line
        names = tuple(name.lower() for name in header_cells(text))
        if len(names) > 1 and _TIME_NAMES & set(names):
            return _Opening(None, names, whole)
    return _Opening(None, (), whole)


class ExchangeCsv(Delimited):
    """One kind of Exchange text log.

    Attributes:
        log_type: the value of `#Log-type`, in lower case.
        columns: the vendor's columns and their types, the newest layout in its order.
        layouts: the layouts the vendor used, by number of cells.
        marks: columns, in lower case, that the other logs do not have; two of them tell a file without `#Log-type`.
        surplus: text columns that take the surplus of a record whose quotes were lost, the likeliest first.
        host_name: the column that names the host.
        fused: where a record may start in the middle of an unfinished one.
    """

    grows = True
    joins = True
    log_type: ClassVar[str]
    columns: ClassVar[Mapping[str, pa.DataType]]
    layouts: ClassVar[Mapping[int, Sequence[str]]]
    marks: ClassVar[frozenset[str]]
    surplus: ClassVar[Sequence[str]]
    host_name: ClassVar[str] = "ServerHostName"
    fused: ClassVar[re.Pattern[str]] = _FUSED

    @classmethod
    def table_schema(cls, columns: Mapping[str, pa.DataType], extra: pa.Field) -> pa.Schema:
        """Make the schema: the prefix, the vendor's columns without the instant, the extra map."""
        fields = [pa.field(name, kind) for name, kind in columns.items() if name.lower() not in _TIME_NAMES]
        return pa.schema([*prefix_fields(), *fields, extra])

    @cached_property
    def _known(self) -> Mapping[str, str]:
        names = {name: None for layout in self.layouts.values() for name in layout}
        return {name.lower(): name for name in (*names, *self.columns)}

    @cached_property
    def _all_names(self) -> frozenset[str]:
        return frozenset(self._known) | _TIME_NAMES

    # ── recognising ──────────────────────────────────────────────────────────────────────────────────────────────────

    def identify(self, sniff: Sniff) -> Guess | None:
        """Go by `#Log-type`, else by the header's names, else by the number and shape of the cells."""
        opening = _opening(sniff)
        if opening.log_type is not None:
            if self._is_type(opening.log_type):
                return Guess(98, self.key, "the #Log-type line names this log")
            return None
        if opening.names:
            return self._by_names(opening.names)
        return self._by_shape(opening.lines)

    def _is_type(self, value: str) -> bool:
        """Say whether a value of `#Log-type`, in lower case, names this log."""
        return value == self.log_type

    def _by_names(self, names: Sequence[str]) -> Guess | None:
        known = sum(name in self._known or name in _TIME_NAMES for name in names)
        marks = len(self.marks & set(names))
        if not marks or known < 0.8 * len(names):
            return None
        return Guess(90 if marks > 1 else 60, self.key, f"a header with {known} of {len(names)} names of this log")

    def _by_shape(self, lines: Sequence[str]) -> Guess | None:
        found = total = 0
        for line in lines[:_SNIFFED_LINES]:
            if STARTS_TIMED.match(line):
                cells = split_cells(line, ",")
                total += 1
                found += cells is not None and self._layout_of(cells) is not None
        if not found or found * 2 <= total:
            return None
        return Guess(75, self.key, f"no header; {found} of {total} lines have the number and shape of this log's cells")

    def _layout_of(self, cells: Sequence[str]) -> Sequence[str] | None:
        """Give the layout that a record without header has; None where its shape is not this log's."""
        layout = self.layouts.get(len(cells))
        return layout if layout is not None and self._certain(layout, cells) else None

    def _certain(self, layout: Sequence[str], cells: Sequence[str]) -> bool:
        """Say whether cells are of this log beyond their number: by default, a request id and fitting types."""
        return bool(cells[layout.index("RequestId")]) and self._shaped(layout, cells)

    def joins_as(self, content: bytes) -> bytes | None:
        """Take files that open with a header of instants first, and hold no other comment or header."""
        opening = _OPENING.match(content)
        if opening is None or _NOT_TIMED.search(content, opening.end() - 1):
            return None
        found: bytes | None = self._opened(_SAYS_WHEN.sub(rb"\1", opening[0]))
        return found

    @lru_cache(maxsize=64)  # noqa: B019 - there is one of each source, for good
    def _opened(self, opening: bytes) -> bytes | None:
        """Read the first lines of a file, and say what they settle; None where that is not all."""
        state = State()
        for number, raw in enumerate(opening.splitlines(), 1):
            text, _ = decode_line(raw)
            if not self._is_notice(text, state):
                return None
            self._notice(raw, text, number, state)
        if not state.guard or state.refused or state.build is not None:
            return None
        return "\n".join((state.log_type, state.delimiter, *state.names)).encode()

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _is_notice(self, text: str, state: State) -> bool:
        if text.startswith("#"):
            return True
        return not STARTS_TIMED.match(text) and self._is_header(text)

    def _alters(self, text: str) -> bool:
        return super()._alters(text) or text.lower().startswith(("#fields", "#log-type", _IIS))

    def _is_header(self, text: str) -> bool:
        if _NAME_FIRST.match(text) is None:
            return False
        names = lowered_names(text)
        return bool(_TIME_NAMES & names) and 2 * len(names & self._all_names) > len(names)

    def _notice(self, raw: bytes, text: str, number: int, state: State) -> None:
        word, _, value = text.partition(":")
        word, value = word.lower(), value.strip()
        if not text.startswith("#"):
            self._settle(raw, text, number, state)
        elif text.lower().startswith(_IIS) or (word == "#fields" and _is_w3c(value)):
            if state.refused != _W3C:
                state.facts.append(another_format(number, "a W3C log, as IIS writes it"))
            state.refused = _W3C
        elif word in ("#software", "#fields"):
            state.refused = "" if state.refused == _W3C else state.refused
            if word == "#fields":
                self._settle(value.encode(), value, number, state)
        elif word in ("#version", "#date") and state.refused == _W3C:
            return
        elif word == "#version":
            state.build = (value[:64], number)
        elif word == "#log-type":
            ours = self._is_type(value.lower())
            if not ours and value != state.log_type:
                state.facts.append(another_format(number, f"'{value[:64]}'"))
            state.log_type = value
            state.refused = "" if ours else "under a #Log-type line that names another log"
        elif word == "#date":
            at = _instant(value)
            state.facts.append(Fact(FactKind.HEADER, number, at, None, 1, "#Date line: the file was opened here"))
            _report_build(at, state)

    def _settle(self, raw: bytes, text: str, number: int, state: State) -> None:
        """Take the columns from a header."""
        _report_build(None, state)
        if state.refused:
            return
        cells = _cells_of(text)
        if not cells:
            count = text.count(delimiter_of(text)) + 1
            many = f"{count:,} names, more than {COLUMNS_MAX:,}" if count > COLUMNS_MAX else "quotes that do not match"
            state.headless = f"under a header with {many}: it is not taken, and the columns are unknown"
            state.facts.append(Fact(FactKind.HEADER, number, None, None, 1, f"a header with {many} is not taken"))
            return
        if not state.settled:
            state.delimiter, state.settled = delimiter_of(text), True
        # 2013: the header names an empty column that the records do not have
        names = [name for name in cells if name]
        if not self._knows(names):
            return
        if raw != state.header:
            self._take_names(names, state)
            state.header = raw
        if len(names) < len(cells):
            detail = f"{len(cells) - len(names)} columns without a name in the header, left out"
            state.facts.append(Fact(FactKind.MENDED, number, None, None, 1, detail))

    def _knows(self, names: Sequence[str]) -> bool:
        """Say whether a header may be this log's: one name of it is enough."""
        return not self._all_names.isdisjoint(name.lower() for name in names)

    def _take_names(self, names: Sequence[str], state: State) -> None:
        known = self._known
        time = next((name for name in names if name.lower() in _TIME_NAMES), None)
        state.names = unique_names([known.get(name.lower(), name) for name in names])
        state.time = known.get(time.lower(), time) if time is not None else None
        state.guard = time is not None and time == names[0]
        state.host = self.host_name if self.host_name in state.names else None

    def _assume(self, text: str, number: int, state: State) -> None:
        cells = split_cells(text, ",")
        layout = self._layout_of(cells) if cells is not None and STARTS_TIMED.match(text) else None
        if layout is not None:
            self._take_names(layout, state)
            state.settled = True
            detail = f"no header: read by the vendor's list of {len(layout)} columns"
            state.facts.append(Fact(FactKind.MENDED, number, None, None, 1, detail))

    # ── mending ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _mend(self, text: str, cells: list[str] | None, state: State) -> Mended | None:
        if state.guard and not STARTS_TIMED.match(text):
            return None
        if cells is not None:
            for how, names, values in self._candidates(cells, state):
                if self._shaped(names, values):
                    return Mended(names, values, how)
        found = super()._mend(text, cells, state)
        if found is not None and self._shaped(found.names, found.cells):
            return found
        return self._unfused(text, state)

    def _candidates(self, cells: list[str], state: State) -> Iterator[tuple[str, Sequence[str], list[str]]]:
        """Yield the ways to give cells to columns, the most faithful first."""
        wanted = len(state.names)
        layout = self.layouts.get(len(cells))
        if layout is not None and state.guard and state.delimiter == ",":
            yield f"read by the vendor's list of {len(cells)} columns", layout, cells
        surplus = len(cells) - wanted
        if surplus > 0 and not any(cells[wanted:]):
            yield "empty cells past the last column left out", state.names, cells[:wanted]
        if 0 < surplus <= _SURPLUS_MAX:
            for name in self.surplus:
                if name in state.names:
                    at = state.names.index(name)
                    middle = state.delimiter.join(cells[at : at + surplus + 1])
                    yield f"delimiters inside {name}", state.names, [*cells[:at], middle, *cells[at + surplus + 1 :]]

    def _shaped(self, names: Sequence[str], cells: Sequence[str]) -> bool:
        """Say whether the typed columns hold what they should."""
        for name, cell in zip(names, cells, strict=True):
            kind = self.columns.get(name)
            shape = _SHAPES.get(name)
            if shape is None and kind is not None and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
                shape = _NUMBER
            if shape is not None and not shape.fullmatch(cell):
                return False
        return True

    def _unfused(self, text: str, state: State) -> Mended | None:
        """Take off an unfinished record that runs into the one behind it."""
        found = max(self.fused.finditer(text, 1), key=lambda one: one.start(), default=None)
        if found is None or not state.guard:
            return None
        cells = split_cells(text[found.start() :], state.delimiter)
        if cells is None or len(cells) != len(state.names) or BEFORE in state.names:
            return None
        how = "an unfinished record runs into this one, kept in the extra map"
        return Mended([*state.names, BEFORE], [*cells, text[: found.start()]], how)


def _is_w3c(names: str) -> bool:
    """Say whether the names of a `#Fields` line are parted by spaces, an instant first, as those of IIS are."""
    held = names.lower().split()
    return len(held) > 2 and "time" in held[:2] and not any("," in one for one in held)


ANOTHER = "another format begins here"


def another_format(number: int, likely: str) -> Fact:
    """Say that a line begins another format; its lines become anomalies, and no other reader sees them.

    The line is the fact's record number alone: of files that are read together it is put right there.
    """
    return Fact(FactKind.ANOTHER_FORMAT, number, None, None, 1, f"{ANOTHER}, likely {likely}: split the file there")


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _report_build(at: datetime | None, state: State) -> None:
    if state.build is not None:
        build, number = state.build
        state.facts.append(Fact(FactKind.BUILD, number, at, None, 1, build))
        state.build = None
