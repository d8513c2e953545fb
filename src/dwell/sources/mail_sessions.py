"""What the IMAP4 and POP3 protocol logs have in common: thirteen columns, and sessions that say who they are once.

A record carries the user as logged. Beside it stand the user, the mailbox and the folder that the same session named
earlier in the same file, so that a fetch is seen with what it was fetched from. A session that began in an earlier file
starts without them: `sessionId` ties the two together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.sources.blobs import CONTEXT
from dwell.sources.columns import flat
from dwell.sources.delimited import STARTS_TIMED
from dwell.sources.exchange_log import Blob, ExchangeLog
from dwell.sources.source import Batch, Guess, Hint, Sniff

__all__ = ["SESSIONS_MAX", "MailSessions"]

SESSIONS_MAX = 262_144
"""Of so many sessions in a file it is kept what they said; those after them know only what their own batch says."""

_T, _L = pa.string(), pa.int64()
_COLUMNS: dict[str, pa.DataType] = {
    "dateTime": _T,
    "sessionId": _T,
    "seqNumber": _L,
    "sIp": _T,
    "cIp": _T,
    "user": _T,
    "duration": pa.float64(),
    "rqsize": _L,
    "rpsize": _L,
    "command": _T,
    "parameters": _T,
    "context": _T,
    "puid": _T,
}
_BLOBS = (Blob("context", "context-map", CONTEXT),)
_DERIVED = tuple(pa.field(name, _T) for name in ("session_user", "session_mailbox", "session_folder"))
_ENDPOINT = re.compile(r"\[?[0-9A-Fa-f.:%]{2,64}\]?:\d{1,5}")
_REFUSED = r'(?:^|;)R="?(?:[A-Za-z0-9.]+ )?(?:NO|BAD)\b'
_BY_TYPE = 98
_LINES = 50


class MailSessions(ExchangeLog):
    """A log of mail protocol sessions.

    Attributes:
        protocol: how `#Log-type` starts, in lower case.
        ports: ports that this protocol is served on.
        commands: commands, in lower case, that its relative does not have.
        selects: commands that open a folder.
        closes: commands that leave it.
    """

    # what a session said before is remembered from line to line, whatever file it stands in
    joins = False
    protocol: ClassVar[str]
    ports: ClassVar[frozenset[str]]
    commands: ClassVar[frozenset[str]]
    selects: ClassVar[Sequence[str]] = ()
    closes: ClassVar[Sequence[str]] = ()

    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {13: tuple(_COLUMNS)}
    marks = frozenset(["sessionid", "seqnumber", "sip", "cip", "rqsize", "rpsize"])
    surplus = ("parameters", "context", "user")
    shapes: ClassVar[Mapping[str, re.Pattern[str]]] = {"sIp": _ENDPOINT, "cIp": re.compile(f"(?:{_ENDPOINT.pattern})?")}
    blobs = _BLOBS
    derived = _DERIVED
    host_name = ""
    schema = ExchangeLog.log_schema(_COLUMNS, _BLOBS, _DERIVED)
    lexicon = ("sIp", "user", "command", "parameters", "context", "session_user", "session_mailbox", "session_folder")

    def _is_type(self, value: str) -> bool:
        return value.startswith(self.protocol)

    def identify(self, sniff: Sniff) -> Guess | None:
        """Go by `#Log-type`; without it, by ports and commands."""
        guess = super().identify(sniff)
        if guess is None or guess.score == _BY_TYPE:
            return guess
        lines = [line for line in sniff.text.splitlines()[:_LINES] if STARTS_TIMED.match(line)]
        return guess if any(self._is_told(line) for line in lines) else None

    def _is_told(self, line: str) -> bool:
        cells = line.split(",")
        port = cells[3].rpartition(":")[2] if len(cells) > 3 else ""
        return port in self.ports or bool(self.commands & {cell.lower() for cell in cells[4:]})

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the records, with what their sessions said before."""
        said: dict[str, dict[str, str]] = {one.name: {} for one in _DERIVED}
        for batch in super().read(stream, hint):
            if batch.records is not None and batch.records.num_rows:
                batch.records = self._told(batch.records, said)
            yield batch

    def _told(self, records: pa.RecordBatch, said: dict[str, dict[str, str]]) -> pa.RecordBatch:
        sessions = flat(records["sessionId"]).dictionary_encode()
        user = flat(records["user"])
        alias = pc.struct_field(pc.extract_regex(user, r"^[^/]+/[^/]+/(?P<alias>[^/]+)$"), "alias")
        told = {
            "session_user": user,
            "session_mailbox": pc.coalesce(alias, user),
            "session_folder": self._folders(records),
        }
        for name, values in told.items():
            place = records.schema.get_field_index(name)
            records = records.set_column(place, records.schema.field(place), _carried(sessions, values, said[name]))
        return records

    def _folders(self, records: pa.RecordBatch) -> pa.Array:
        """Give the folder that a record opens, "" where it leaves one."""
        none = pa.scalar(None, _T)
        if not self.selects:
            return pa.nulls(records.num_rows, _T)
        command = pc.utf8_lower(flat(records["command"]))
        opens = pc.is_in(command, pa.array(self.selects, _T))
        leaves = pc.is_in(command, pa.array(self.closes, _T))
        refused = pc.match_substring_regex(pc.fill_null(flat(records["context"]), ""), _REFUSED)
        folder = pc.replace_substring_regex(flat(records["parameters"]), r'^"(.*)"$', r"\1")
        folder = pc.if_else(pc.and_(opens, pc.invert(refused)), folder, none)
        return pc.if_else(leaves, "", folder)


def _carried(sessions: pa.DictionaryArray, values: pa.Array, said: dict[str, str]) -> pa.Array:
    """Give each record the last value that its session named, in this batch or before; take in what is new."""
    count = len(values)
    codes = sessions.indices.fill_null(-1).to_numpy()
    order = np.argsort(codes, kind="stable")
    valid = values.is_valid().to_numpy(zero_copy_only=False)[order]
    grouped = codes[order]
    place = np.arange(count)
    starts = np.maximum.accumulate(np.where(np.diff(grouped, prepend=-2) != 0, place, 0))
    last = np.maximum.accumulate(np.where(valid, place, -1))
    named = (last >= starts) & (grouped >= 0)
    # a record without a session speaks for itself alone
    named |= (grouped < 0) & valid
    last = np.where(grouped < 0, place, last)
    source = np.empty(count, dtype=np.int64)
    source[order] = np.where(named, order[np.maximum(last, 0)], count)
    names = sessions.dictionary.to_pylist()
    before = pa.array([said.get(name) for name in names], _T)
    fallback = before.take(sessions.indices)
    fresh = pa.concat_arrays([values, pa.nulls(1, _T)]).take(pa.array(source))
    out = pc.coalesce(fresh, fallback)
    ends = np.flatnonzero(np.diff(grouped, append=-2) != 0)
    _remember(said, names, grouped[ends], out.take(pa.array(order[ends])).to_pylist())
    return pc.if_else(pc.equal(out, ""), pa.scalar(None, _T), out)


def _remember(
    said: dict[str, str], names: list[str], codes: npt.NDArray[np.int32], values: Sequence[str | None]
) -> None:
    for code, value in zip(codes.tolist(), values, strict=True):
        if code >= 0 and value is not None and (names[code] in said or len(said) < SESSIONS_MAX):
            said[names[code]] = value
