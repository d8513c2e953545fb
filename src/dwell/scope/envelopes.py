"""Envelopes of the mail of some mailboxes: who sent what to whom and when, from transport's own logs. Content stays closed.

Message tracking has many rows a message, each with the recipients of one server; a message trace has one a recipient. So
messages are found first by the rows that name one of the mailboxes, and then all rows of these messages are read for their
addresses. Subjects are not read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_rows
from dwell.archive.store import Archive
from dwell.scope.identities import Identities

__all__ = ["Envelope", "Envelopes", "envelopes_of", "message_key"]

_TABLES: Mapping[str, tuple[str, str, str, str]] = {
    "message_tracking": ("message-id", "sender-address", "recipient-address", "total-bytes"),
    "message_trace": ("MessageId", "SenderAddress", "RecipientAddress", "Size"),
}
"""Tables that have envelopes, and their columns: message, sender, recipients, bytes."""
_MORE = "RecipientStatus"
"""Historical searches write several recipients here: `address##status;…`."""
_APART = r"##[^;]*"


@dataclass(slots=True)
class Envelope:
    """One message, as its envelope has it.

    Attributes:
        message: its id, without brackets.
        at_us: the earliest row of it, microseconds since 1970; None where no row has an instant.
        bytes: its size; None where no row says.
        mailboxes: those of the mailboxes asked about that it lay in.
        addresses: senders and recipients, under the names they go by.
    """

    message: str
    at_us: int | None = None
    bytes: int | None = None
    mailboxes: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Envelopes:
    """All envelopes of some mailboxes.

    Attributes:
        messages: by message id.
        sources: the tables held that have envelopes, whether or not of these mailboxes.
    """

    messages: Mapping[str, Envelope] = field(default_factory=dict)
    sources: tuple[str, ...] = ()


def message_key(text: str) -> str:
    """Give a message id without the brackets and blanks that some logs write around it."""
    return text.strip().strip("<>").strip()


def _rows(file: DataFile, table: str) -> pa.Table:
    """Give the rows of a file under the names of `message_tracking`, recipients as one text."""
    names = _TABLES[table]
    more = (_MORE,) if table == "message_trace" else ()
    rows = read_rows(file, ("time_utc", *names, *more))
    recipients = rows[names[2]]
    if more:
        listed = pc.replace_substring_regex(rows[_MORE], _APART, "")
        # a status without addresses holds no `@`
        recipients = pc.coalesce(recipients, pc.if_else(pc.match_substring(listed, "@"), listed, None))
    columns = [rows["time_utc"].cast(pa.int64()), rows[names[0]], rows[names[1]], recipients, rows[names[3]]]
    return pa.table(columns, names=["at", "message", "sender", "recipients", "bytes"])


def _labels(identities: Identities, texts: pa.ChunkedArray) -> dict[str, str]:
    """Give the name each distinct address goes by."""
    out = {}
    for text in pc.unique(texts).to_pylist():
        found = identities.label(text) if text else None
        if found is not None and "@" in found:
            out[text] = found
    return out


def _addresses(rows: pa.Table) -> pa.Table:
    """Give (row, address) of every sender and recipient."""
    lists = pc.split_pattern(pc.fill_null(rows["recipients"].combine_chunks(), ""), ";")
    places = np.concatenate([pc.list_parent_indices(lists).to_numpy(), np.arange(rows.num_rows)])
    sent = rows["sender"].combine_chunks()
    texts = pa.concat_arrays([pc.list_flatten(lists), sent])
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(texts))
    found = pa.table({"row": pa.array(places), "address": texts})
    return found.filter(pc.match_substring(pc.fill_null(found["address"], ""), "@"))


def _files(archive: Archive) -> Iterator[tuple[str, DataFile]]:
    for table in _TABLES:
        if table in archive.tables():
            for file in archive.files(table):
                yield table, file


def envelopes_of(
    archive: Archive, identities: Identities, mailboxes: Collection[str], named: Collection[str] = ()
) -> Envelopes:
    """Give the envelopes of all messages that some mailboxes sent or got, and of messages that records name.

    Args:
        archive: the archive.
        identities: names.
        mailboxes: mailboxes, as they go by.
        named: ids of messages.

    Raises:
        CustodyError: a data file is not what was written.
    """
    files = list(_files(archive))
    sources = tuple(dict.fromkeys(table for table, _ in files))
    wanted = {message_key(one) for one in named}
    out: dict[str, Envelope] = {}
    if not mailboxes:
        return Envelopes(out, sources)
    for table, file in files:
        rows = _rows(file, table)
        met = _addresses(rows)
        names = _labels(identities, met["address"])
        mine = pa.array(sorted(text for text, label in names.items() if label in mailboxes), pa.string())
        met = met.filter(pc.is_in(met["address"], value_set=mine))
        ids = rows["message"].take(met["row"]).to_pylist()
        for text, address in zip(ids, met["address"].to_pylist(), strict=True):
            if text:
                key = message_key(text)
                out.setdefault(key, Envelope(key)).mailboxes.add(names[address])
    for key in wanted:
        out.setdefault(key, Envelope(key))
    for table, file in files:
        _fill(_rows(file, table), identities, out)
    return Envelopes({key: one for key, one in out.items() if one.addresses}, sources)


def _fill(rows: pa.Table, identities: Identities, out: Mapping[str, Envelope]) -> None:
    """Put the instants, sizes and addresses of a file's rows to their messages."""
    texts = rows["message"].combine_chunks()
    known = [one for one in pc.unique(texts).to_pylist() if one and message_key(one) in out]
    rows = rows.filter(pc.is_in(texts, value_set=pa.array(known, pa.string())))
    if not rows.num_rows:
        return
    least = rows.group_by("message").aggregate([("at", "min"), ("bytes", "max")])
    for text, at, size in zip(*(least[one].to_pylist() for one in ("message", "at_min", "bytes_max")), strict=True):
        one = out[message_key(text)]
        one.at_us = min((each for each in (one.at_us, at) if each is not None), default=None)
        one.bytes = max((each for each in (one.bytes, size) if each is not None), default=None)
    met = _addresses(rows)
    names = _labels(identities, met["address"])
    pairs = pa.table({"message": rows["message"].take(met["row"]), "address": met["address"]})
    pairs = pairs.group_by(["message", "address"]).aggregate([])
    for text, address in zip(pairs["message"].to_pylist(), pairs["address"].to_pylist(), strict=True):
        out[message_key(text)].addresses.add(names.get(address, address))
