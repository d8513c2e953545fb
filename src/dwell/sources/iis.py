r"""IIS access logs in the W3C extended format: one line a request, space-separated, no quoting.

Source:
    Microsoft Learn, "IIS logging: W3C extended log file format"; the field list is whatever `#Fields` says, and may
    change in mid-file. `cs(User-Agent)`, `cs(Referer)` and `cs(Cookie)` are stored as `cs-user-agent`, `cs-referer` and
    `cs-cookie` (the names Sigma uses), because table formats do not take brackets in a column name.
Time:
    `date` and `time` are UTC, whole seconds, the moment the response was sent. Where a block has no `date` column the
    date is that of its `#Date` line and moves on at midnight. They become `time_utc` and are not stored twice.
Units:
    `time-taken` milliseconds, network time to the client included; `sc-bytes` and `cs-bytes` bytes on the wire, headers
    included; off by default, and then null, never 0.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    An outsider writes `cs-uri-stem`, `cs-uri-query`, `cs-user-agent`, `cs-referer`, `cs-cookie`, `cs-host`,
    `X-Forwarded-For`, `cs-method`, and `cs-username` of a failed logon. `c-ip` is the last hop, often a balancer.
Silence:
    No line means that no request reached this site, or that its file is gone: IIS deletes nothing by itself. Requests
    refused by HTTP.SYS are in HTTPERR only, and the newest minute of a live copy is still in memory. A log that was
    written without `cs-uri-stem`, `sc-status`, `cs-username`, `c-ip` or `cs(User-Agent)` is noted with its time: what it
    cannot show does not count as covered.

The request id that Exchange appends to the query (`cafeReqId=`, `reqId=`, `request_id=`, `RequestId=`) is nearly unique;
the last one is split off into `cafeReqId` (what stands before it is the client's own) and leaves `{cafeReqId}` in its place
in `cs-uri-query`, so that the raw query can be put together again byte for byte (`iis_request_id.raw_query`).

The query stays as it is besides; what Exchange knows in it is in columns as well (`query_parts`): `Cmd`, `User`,
`DeviceId`, `DeviceType`, `MailboxId`, `action`, `SoapAction`, `ns`, `ev` and `schema`, of which a client writes the first
that stands there; `CorrelationID`, `ActID` and `ClientId`, which the server appends, the last; and the tokens of
ActiveSync's `Log=` as a map, of the last as well. What a phone writes in base64 ([MS-ASHTTP] 2.2.1.1.1.1) is in the first
four; where it begins so and cannot be read, that is told as a fact. They are decoded once where they are percent-encoded.
Where one stands twice, that is told as a fact. An outsider can write any of them into a query of his own: on the front end
`Log` is never the server's.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.lib.stride_tricks import sliding_window_view

from dwell.model.instants import TimeBasis
from dwell.model.provenance import AnomalyKind, Fact, FactKind
from dwell.sources import iis_repair
from dwell.sources.exchange_csv import another_format
from dwell.sources.iis_fields import Lacking
from dwell.sources.iis_lines import Lines
from dwell.sources.iis_request_id import split_request_id
from dwell.sources.lines import Block, blocks, decode_line, line_anomaly
from dwell.sources.query_parts import LOG, LOG_KIND, TEXTS, query_parts, repeats, sparing, undecoded
from dwell.sources.source import EXTRA, Batch, Guess, Hint, Sniff, Source, Stamp, prefix_fields

__all__ = ["FIELDS", "RENAMED", "IisW3c"]

_PHONES = "/microsoft-server-activesync"
_INTEGERS = {
    "s-port": pa.int32(),
    "sc-status": pa.int32(),
    "sc-substatus": pa.int32(),
    "sc-win32-status": pa.int64(),
    "sc-bytes": pa.int64(),
    "cs-bytes": pa.int64(),
    "time-taken": pa.int64(),
}
_TEXTS = (
    "s-sitename",
    "s-computername",
    "s-ip",
    "cs-method",
    "cs-uri-stem",
    "cs-uri-query",
    "cs-username",
    "c-ip",
    "cs-version",
    "cs-user-agent",
    "cs-cookie",
    "cs-referer",
    "cs-host",
    "X-Forwarded-For",
)
_DIGITS = {
    "s-port": 5,
    "sc-status": 5,
    "sc-substatus": 5,
    "sc-win32-status": 15,
    "sc-bytes": 18,
    "cs-bytes": 18,
    "time-taken": 18,
}
"""How many digits `iis_repair.SHAPES` grants each."""
RENAMED = {
    "cs(user-agent)": "cs-user-agent", "cs(cookie)": "cs-cookie", "cs(referer)": "cs-referer",
    **dict.fromkeys(
        ("cs(x-forwarded-for)", "x_forwarded_for", "x-forwardedfor", "xforwardedfor", "xff"), "X-Forwarded-For"
    ),
}  # fmt: skip
"""Whoever adds the field for a balancer's header names it himself: these can mean nothing else."""
FIELDS: Mapping[str, pa.DataType] = {**dict.fromkeys(_TEXTS, pa.string()), **_INTEGERS}
"""IIS's own fields by the names of our columns, the date and the time left out."""
_TEXT = pa.dictionary(pa.int32(), pa.string())


def _column_names(fields: Sequence[str]) -> list[str]:
    """Map `#Fields` names to ours: case-insensitive for those we know, as written for the others; repeats numbered."""
    # many small logs have one header; one of hundreds of thousands of names is not kept
    known = _known_names if len(fields) <= _NAMES_KEPT else _names_of
    return list(known(tuple(fields)))


def _names_of(fields: tuple[str, ...]) -> list[str]:
    known = {name.lower(): name for name in (*_TEXTS, *_INTEGERS, "date", "time")} | RENAMED
    names: list[str] = []
    for one in fields:
        name = known.get(one.lower(), one)
        count = 2
        unique = name
        while unique in names:
            unique = f"{name}#{count}"
            count += 1
        names.append(unique)
    return names


_NAMES_KEPT = 128
_known_names = lru_cache(maxsize=64)(_names_of)

_EXCHANGE_FIELDS = re.compile(r"#fields:\s*(?:datetime|date-time|timestamp|mytimestamp),", re.IGNORECASE)
_OPENING = re.compile(rb"(?:#[^\x00\n]*\n)+")
_FIELDS = re.compile(rb"^#fields:[^\n]*", re.MULTILINE | re.IGNORECASE)
_STAMP = np.frombuffer(b"0000-00-00 00:00:00 ", np.uint8)
_STAMP_SPAN = np.where(np.isin(_STAMP, ord("0")), 9, 0).astype(np.uint8)
"""By how much each place may be above what `_STAMP` has there."""


@dataclass(slots=True)
class _State:
    """What the reader carries from block to block.

    Attributes:
        names: the columns of the last `#Fields` line.
        date: the day of the last `#Date` line, for lines that have none of their own.
        last_us: instant of the last record; None where there is none to compare with.
        last_no: its number.
        restarts: numbers of the `#Date` lines since the last record.
        seams: see `Hint`.
        log_type: what the last `#Log-type` line says; IIS writes none.
        lacking: records written without fields that are needed.
        foreign: whether the last `#Fields` line is of an Exchange log, of which no line is read.
        repeated: numbers of records whose query has a part twice, that are still to be told.
        undecoded: numbers of records of ActiveSync whose query cannot be decoded, that are still to be told.
    """

    names: list[str] = field(default_factory=list)
    date: date | None = None
    last_us: int | None = None
    last_no: int = 0
    restarts: list[int] = field(default_factory=list)
    seams: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    log_type: str = ""
    lacking: Lacking = field(default_factory=Lacking)
    foreign: bool = False
    repeated: list[int] = field(default_factory=list)
    undecoded: list[int] = field(default_factory=list)


class IisW3c(Source):
    """IIS access log, W3C extended format."""

    key = "iis"
    stamp = Stamp("date and time", TimeBasis.UTC, "second")
    title = "IIS W3C extended log"
    joins = True
    grows = True
    schema = pa.schema(
        [
            *prefix_fields(),
            *(pa.field(name, pa.string()) for name in _TEXTS),
            *(pa.field(name, kind) for name, kind in _INTEGERS.items()),
            pa.field("cafeReqId", pa.string()),
            *(pa.field(name, pa.string()) for name in TEXTS),
            pa.field(LOG, LOG_KIND),
            EXTRA,
        ]
    )
    lexicon = (*_TEXTS, *TEXTS)

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take files that hold a `#Fields:` line with space-separated names, `time` among the first two."""
        for line in sniff.text.splitlines():
            if line.lower().startswith("#fields:"):
                names = line[8:].split()
                lowered = [name.lower() for name in names]
                asked = {"cs-uri-stem", "cs-method", "c-ip"} <= set(lowered)
                # Log Parser puts the file's name and the line before all else
                if "," in line or "time" not in (lowered if asked else lowered[:2]):
                    return None
                if "s-reason" in lowered:
                    return None
                if {"cs-uri-stem", "cs-method"} & set(lowered):
                    return Guess(95, self.key, f"#Fields line with {len(names)} space-separated W3C names")
                return Guess(40, self.key, "#Fields line in W3C style without a request column")
        if re.search(rb"^#Software: Microsoft Internet Information", sniff.head, re.MULTILINE):
            return Guess(60, self.key, "#Software line of IIS, no #Fields line in the first 64 KiB")
        if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ [A-Z_]+ /", sniff.text):
            return Guess(30, self.key, "lines shaped like IIS W3C, but no #Fields line says what the columns are")
        return None

    def joins_as(self, content: bytes) -> bytes | None:
        """Take files in plain text whose columns, an instant with its day among them, are named before the first record."""
        opening = _OPENING.match(content)
        if opening is None:
            return None
        # one letter is looked for several times as fast as two, and most logs have none of it below their header
        later = content.find(b"#", opening.end())
        lines = opening[0] if later < 0 or content.find(b"\n#", later - 1) < 0 else content
        named = [one[8:].lower().split() for one in _FIELDS.findall(lines)]
        # without a day of its own a record takes that of a line before it, perhaps of another file
        dated = all({b"date", b"time"} <= set(names) for names in named)
        return b"" if dated and _FIELDS.search(opening[0]) else None

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield one batch per run of lines under one `#Fields` line."""
        state = _State(seams=np.array(hint.seams, dtype=np.int64))
        for block in blocks(stream):
            if block.too_long is not None:
                yield Batch(anomalies=[block.too_long], bytes_read=block.size_bytes)
                continue
            yield from self._read_block(block, state)
        if told := state.lacking.facts():
            yield Batch(facts=told)

    def _read_block(self, block: Block, state: _State) -> Iterator[Batch]:
        first = block.first_bytes()
        lines = Lines.of(block, (first == ord("#")) | (block.ends <= block.starts))
        start = 0
        facts: list[Fact] = []
        for index in [*np.flatnonzero(first == ord("#")).tolist(), len(block)]:
            splits = index == len(block) or _alters(block.line(index), state)
            if splits and index > start:
                yield from self._read_run(lines, start, index, state)
            if index < len(block):
                self._take_comment(block, index, state, facts)
            if splits:
                start = index + 1
        yield Batch(facts=facts, structural=int(lines.structural.sum()), bytes_read=block.size_bytes)

    @staticmethod
    def _take_comment(block: Block, index: int, state: _State, facts: list[Fact]) -> None:
        text, _ = decode_line(block.line(index))
        lowered = text.lower()
        if lowered.startswith("#fields:"):
            state.foreign = _EXCHANGE_FIELDS.match(lowered) is not None
            state.names = [] if state.foreign else _column_names(text[8:].split())
            if state.foreign:
                likely = f"'{state.log_type}'" if state.log_type else "a text log of Exchange"
                facts.append(another_format(block.number(index), likely))
        elif lowered.startswith("#log-type:"):
            state.log_type = text[10:].strip()[:64]
        elif lowered.startswith("#date:"):
            try:
                at = datetime.strptime(text[6:].strip(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            except ValueError:
                return
            if "date" in state.names:
                state.restarts.append(block.number(index))
            else:
                state.date, state.last_us = at.date(), None
            facts.append(Fact(FactKind.HEADER, block.number(index), at, None, 1, "#Date line: logging started here"))

    def _read_run(self, lines: Lines, start: int, stop: int, state: _State) -> Iterator[Batch]:
        """Read the lines from `start` to `stop`, which are all under one list of columns."""
        block = lines.block
        rows = np.flatnonzero(~lines.structural[start:stop]) + start
        if not len(rows):
            return
        if state.foreign:
            detail = "under a #Fields line of an Exchange log"
            yield Batch(anomalies=[line_anomaly(block, int(i), AnomalyKind.UNREADABLE, detail) for i in rows])
            return
        if not state.names:
            detail = "a line before any #Fields line: the columns are unknown"
            yield Batch(anomalies=[line_anomaly(block, int(i), AnomalyKind.NO_HEADER, detail) for i in rows])
            return
        plain = lines.clean[rows] & (lines.spaces[rows] == len(state.names) - 1)
        good, odd = rows[plain], rows[~plain].tolist()
        table: pa.Table | None = None
        if len(good):
            table, refused = self._parse(lines, good, state)
            odd = sorted([*odd, *refused])
        mended = iis_repair.repair(block, odd, state.names, state.seams) if odd else iis_repair.Repaired()
        if mended.rows:
            extra = self._finish(iis_repair.as_table(mended, state.names), mended.numbers, state)
            table = (
                extra
                if table is None or not table.num_rows
                else pa.concat_tables([_query_as_text(table).unify_dictionaries(), _query_as_text(extra)])
            )
        batch = Batch(anomalies=mended.anomalies, facts=mended.facts)
        if table is not None and table.num_rows:
            if mended.rows:
                table = table.sort_by("record_no")
            self._reversals(table, state, batch.facts)
            state.lacking.take(state.names, table)
            batch.facts += repeats(state.repeated, state.seams)
            batch.facts += undecoded(state.undecoded, state.seams)
            state.repeated, state.undecoded = [], []
            combined = table.combine_chunks().to_batches()
            for one in combined[:-1]:
                yield Batch(records=one)
            batch.records = combined[-1]
        yield batch

    def _parse(self, lines: Lines, good: npt.NDArray[np.int64], state: _State) -> tuple[pa.Table | None, list[int]]:
        """Parse lines of the right column count at once; give those whose typed columns do not fit for repair."""
        block = lines.block
        data = _joined(block, good)
        simple = state.names[:2] == ["date", "time"] and not lines.hexadecimal
        table = _parse_csv(data, state.names, typed=True) if simple and _timed(block, good) else None
        if table is None or table.num_rows != len(good) or not _in_range(table):
            table = _parse_csv(data, state.names, typed=False)
            if table is None or table.num_rows != len(good):
                return None, good.tolist()
            fits = _fits(table)
            refused = good[~fits].tolist()
            good = good[fits]
            table = table.filter(pa.array(fits))
        else:
            refused = []
        if not table.num_rows:
            return None, refused
        return self._finish(table, block.first_line + good, state), refused

    def _finish(self, table: pa.Table, numbers: npt.NDArray[np.int64], state: _State) -> pa.Table:
        """Put a parsed run into the schema: instants, integers, the split request id, the extra map."""
        columns: dict[str, pa.Array | pa.ChunkedArray] = {}
        columns["record_no"] = pa.array(numbers, pa.int64())
        columns["time_utc"] = _instants(table, state)
        for name in _TEXTS:
            columns[name] = table[name] if name in table.column_names else pa.nulls(table.num_rows, pa.string())
        for name, kind in _INTEGERS.items():
            columns[name] = _integer(table, name, kind)
        host = columns["s-computername"]
        columns["host"] = host
        query, request_id = _split_request_id(columns["cs-uri-query"])
        columns["cs-uri-query"], columns["cafeReqId"] = sparing(query), request_id
        parts = query_parts(columns["cs-uri-query"])
        columns |= {**parts.texts, LOG: parts.log}
        state.repeated += numbers[parts.repeated].tolist()
        if len(parts.undecoded):
            stems = pc.take(columns["cs-uri-stem"], pa.array(parts.undecoded)).cast(pa.string())
            phones = pc.fill_null(pc.starts_with(pc.utf8_lower(stems), _PHONES), fill_value=False)
            state.undecoded += numbers[parts.undecoded[phones.to_numpy(zero_copy_only=False)]].tolist()
        known = {*_TEXTS, *_INTEGERS, "date", "time"}
        columns["extra"] = _extra(table, [name for name in table.column_names if name not in known])
        return pa.table([_plain(columns[one.name], one.type) for one in self.schema], names=self.schema.names)

    @staticmethod
    def _reversals(table: pa.Table, state: _State, facts: list[Fact]) -> None:
        """Note where time goes back by more than an hour: lines were put together, or the clock was set.

        What stands on both sides of a `#Date` line is not compared.
        """
        timed = table.select(["record_no", "time_utc"]).filter(table["time_utc"].is_valid())
        if not timed.num_rows:
            return
        times = timed["time_utc"].cast(pa.int64()).to_numpy()
        numbers = timed["record_no"].to_numpy()
        if state.last_us is not None:
            times, numbers = np.append(state.last_us, times), np.append(state.last_no, numbers)
        apart = np.diff(np.searchsorted(np.sort(np.append(state.seams, state.restarts)), numbers)) > 0
        back = np.flatnonzero((np.diff(times) < -3_600_000_000) & ~apart)
        if len(back):
            at = datetime.fromtimestamp(int(times[back[0]]) / 1e6, UTC)
            facts.append(Fact(FactKind.TIME_REVERSAL, None, at, None, len(back), "time goes back by over an hour"))
        state.last_us, state.last_no, state.restarts = int(times[-1]), int(numbers[-1]), []


def _alters(comment: bytes, state: _State) -> bool:
    """Say whether a comment changes how the lines after it are read; the others do not part the lines around them."""
    lowered = comment[:8].lower()
    if lowered == b"#fields:":
        return _column_names(decode_line(comment)[0][8:].split()) != state.names
    return lowered.startswith(b"#date:") and "date" not in state.names


def _joined(block: Block, rows: npt.NDArray[np.int64]) -> bytes | memoryview:
    """Give the lines as one buffer, without copying where they lie side by side."""
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    view = memoryview(block.data)
    parts = []
    for run in np.split(rows, breaks):
        last = int(run[-1])
        end = int(block.starts[last + 1]) if last + 1 < len(block) else len(block.data)
        parts.append(view[int(block.starts[run[0]]) : end])
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _parse_csv(data: bytes | memoryview, names: list[str], *, typed: bool) -> pa.Table | None:
    types: dict[str, pa.DataType] = dict.fromkeys(names, _TEXT)
    if "cs-uri-query" in types:
        # nearly unique before its request id is split off: coding it first gains nothing
        types["cs-uri-query"] = pa.string()
    if typed:
        types |= {name: kind for name, kind in _INTEGERS.items() if name in types}
        types |= {"date": pa.date32(), "time": pa.time32("s")} if "date" in types and "time" in types else {}
    refused: list[object] = []

    def refuse(row: object) -> str:
        refused.append(row)
        return "skip"

    try:
        table = pa_csv.read_csv(
            io.BytesIO(data) if isinstance(data, bytes) else pa.BufferReader(data),
            read_options=pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=1 << 26),
            parse_options=pa_csv.ParseOptions(
                delimiter=" ", quote_char=False, ignore_empty_lines=False, invalid_row_handler=refuse
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=types, null_values=["-"], strings_can_be_null=False, quoted_strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    return None if refused else table


def _timed(block: Block, rows: npt.NDArray[np.int64]) -> bool:
    """Say whether all lines start with `dddd-dd-dd dd:dd:dd `: the parser would take less for a time as well."""
    view, starts = block.array(), block.starts[rows]
    if not len(rows) or int(starts[-1]) + 20 > len(view):
        return False
    head = sliding_window_view(view, len(_STAMP))[starts]
    return bool((head - _STAMP <= _STAMP_SPAN).all())  # bytes below wrap around


def _in_range(table: pa.Table) -> bool:
    """Say whether a typed parse holds nothing that `iis_repair.SHAPES` would refuse."""
    for name in table.column_names:
        column = table[name]
        if name in _INTEGERS:
            span = pc.min_max(column).as_py()
            if span["min"] is not None and (span["min"] < 0 or span["max"] >= 10 ** _DIGITS[name]):
                return False
    return True


def _fits(table: pa.Table) -> npt.NDArray[np.bool_]:
    """Say which rows of an all-text parse have integers and instants where they belong."""
    fits = np.ones(table.num_rows, dtype=np.bool_)
    for name in table.column_names:
        pattern = iis_repair.SHAPES.get(name)
        if pattern is not None:
            column = table[name].unify_dictionaries().combine_chunks()
            encoded = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
            found = pc.match_substring_regex(encoded.dictionary, f"^(?:{pattern})$").to_numpy(zero_copy_only=False)
            if name == "date":
                found = found & np.array([iis_repair.is_day(one) for one in encoded.dictionary.to_pylist()], np.bool_)
            fits &= found[encoded.indices.to_numpy(zero_copy_only=False)]
    return fits


def _instants(table: pa.Table, state: _State) -> pa.Array | pa.ChunkedArray:
    kind = pa.timestamp("us", tz="UTC")
    names = table.column_names
    if "time" not in names:
        return pa.nulls(table.num_rows, kind)
    clock = table["time"]
    if not pa.types.is_time(clock.type):
        clock = pc.strptime(
            pc.binary_join_element_wise("1970-01-01", clock.cast(pa.string()), " "),
            format="%Y-%m-%d %H:%M:%S", unit="s", error_is_null=True,
        ).cast(pa.int64())  # fmt: skip
    seconds = clock.cast(pa.int32()).cast(pa.int64()) if pa.types.is_time(clock.type) else clock
    if "date" in names:
        days = table["date"]
        if not pa.types.is_date(days.type):
            days = pc.strptime(days.cast(pa.string()), format="%Y-%m-%d", unit="s", error_is_null=True).cast(
                pa.date32()
            )
        midnight = pc.multiply(days.cast(pa.int32()).cast(pa.int64()), 86_400)
    else:
        midnight = _rolled_midnights(seconds, state)
    return pc.multiply(pc.add(midnight, seconds), 1_000_000).cast(kind)


def _rolled_midnights(seconds: pa.Array | pa.ChunkedArray, state: _State) -> pa.Array:
    """Take the day from `#Date`, one day on wherever the clock falls back by more than half a day."""
    if state.date is None:
        return pa.nulls(len(seconds), pa.int64())
    clock = seconds.to_numpy(zero_copy_only=False) if isinstance(seconds, pa.Array) else seconds.to_numpy()
    days = np.concatenate(([0], np.cumsum(np.diff(clock) < -43_200)))
    first = int(datetime(state.date.year, state.date.month, state.date.day, tzinfo=UTC).timestamp())
    if state.last_us is not None and len(clock) and clock[0] < state.last_us // 1_000_000 % 86_400 - 43_200:
        days += 1
        first = state.last_us // 86_400_000_000 * 86_400
    elif state.last_us is not None:
        first = state.last_us // 86_400_000_000 * 86_400
    return pa.array(first + days * 86_400, pa.int64())


def _integer(table: pa.Table, name: str, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if name not in table.column_names:
        return pa.nulls(table.num_rows, kind)
    column = table[name]
    if column.type == kind:
        return column
    text = column.cast(pa.string())
    return pc.if_else(pc.equal(text, "-"), pa.scalar(None, pa.string()), text).cast(kind)


def _query_as_text(table: pa.Table) -> pa.Table:
    """Give a table whose queries are coded as one that can be put to any other."""
    at = table.column_names.index("cs-uri-query")
    return table.set_column(at, "cs-uri-query", table.column(at).cast(pa.string()))


def _split_request_id(query: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """Split the request id off the query; see the module's page."""
    if pa.types.is_dictionary(query.type):
        # nearly unique where ids are present: the work is on the distinct values either way
        encoded = query.combine_chunks() if isinstance(query, pa.ChunkedArray) else query
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.unify_dictionaries().combine_chunks()
        values, indices = encoded.dictionary, encoded.indices
    else:
        values, indices = (query.combine_chunks() if isinstance(query, pa.ChunkedArray) else query), None
    split, ids = split_request_id(values)
    if indices is None:
        return split, ids
    return split.take(indices), ids.take(indices)


def _extra(table: pa.Table, names: list[str]) -> pa.Array:
    """Gather columns beyond the schema into a map per row."""
    kind = pa.map_(pa.string(), pa.string())
    if not names:
        return pa.nulls(table.num_rows, kind)
    count = table.num_rows
    keys = pa.array(names * count, pa.string())
    columns = [_flat(table[name]) for name in names]
    order = np.arange(count * len(names)).reshape(len(names), count).T.ravel()
    values = pa.concat_arrays(columns).take(pa.array(order))
    offsets = pa.array(np.arange(0, (count + 1) * len(names), len(names)), pa.int32())
    return pa.MapArray.from_arrays(offsets, keys, values)


def _flat(column: pa.ChunkedArray) -> pa.Array:
    text = column.cast(pa.string())
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text


def _plain(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """Leave dictionary-coded text as it is: intake counts distinct values on the codes."""
    if column.type == kind or (pa.types.is_dictionary(column.type) and pa.types.is_string(kind)):
        return column
    return column.cast(kind)
