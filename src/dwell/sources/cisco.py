"""Cisco ASA and FTD syslog: connections built and torn down, VPN sessions, logons, what was denied.

Source:
    Cisco, "Cisco Secure Firewall ASA Series Syslog Messages": `%ASA-6-302013: …`, with whatever syslog put before. The
    text is kept whole; addresses, ports, bytes, durations and users are taken out of the messages that hold them.
Time:
    The instant in the syslog head: with its offset where one is written, or UTC by its name; else the device's or
    collector's local time, read in the zone that is given for the host, else as UTC. Where no year is written it is
    that of the file's name; without one `time_utc` is null.
Units:
    `bytes` bytes of the connection in both directions, of teardown messages (302014, 302016) only; `lasted` is
    `h:mm:ss`.

Raises:
    Nothing. A line of another shape is an anomaly.
Trust:
    The device writes the message; an outsider writes user names, URLs and group names.
Silence:
    Only what passed the device, and of that what its level of logging keeps; syslog over UDP loses lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.columns import flat
from dwell.sources.matched import Matched, State, schema_of, split
from dwell.sources.source import Stamp
from dwell.sources.time_words import SYSLOG_TIME, by_value, syslog_times

__all__ = ["Cisco"]

_COLUMNS: dict[str, pa.DataType] = {
    "facility": pa.string(),
    "severity": pa.int32(),
    "message_id": pa.string(),
    "device": pa.string(),
    "text": pa.string(),
    "proto": pa.string(),
    "connection": pa.string(),
    "src_interface": pa.string(),
    "src_ip": pa.string(),
    "src_port": pa.int32(),
    "dst_interface": pa.string(),
    "dst_ip": pa.string(),
    "dst_port": pa.int32(),
    "lasted": pa.string(),
    "bytes": pa.int64(),
    "username": pa.string(),
    "client_ip": pa.string(),
}
_SHAPE = (
    rf"^(?:<\d{{1,3}}>)?(?:\d+: )?(?:1 )?(?P<time>{SYSLOG_TIME})?:?(?: (?P<zone>[A-Z]{{3,4}}))?:?"
    r"(?: (?P<device>[^\s:%]+))? ?:? ?(?P<head>[^%]*?)%(?P<facility>ASA|FTD|PIX|FWSM)-(?:(?P<class>[A-Za-z]+)-)?"
    r"(?P<severity>\d)-(?P<message_id>\d{5,6}): ?(?P<text>.*)$"
)
_PEER = r"(?P<{0}i>[^\s:/()]+):(?P<{0}a>[0-9A-Fa-f.:]+)/(?P<{0}p>\d+)"
_FLOW = (
    r"(?P<proto>TCP|UDP|ICMP|GRE|ESP|SCTP|tcp|udp|icmp)\b.*? (?:for|src|from) "
    + _PEER.format("s")
    + r".*? (?:to|dst) "
    + _PEER.format("d")
)
_PARTS: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        _FLOW,
        {"proto": "proto", "si": "src_interface", "sa": "src_ip", "sp": "src_port", "di": "dst_interface", "da": "dst_ip",
         "dp": "dst_port"},
    ),
    (
        r"\b(?P<proto>TCP|UDP)\b.*? from (?P<sa>[0-9A-Fa-f.:]+)/(?P<sp>\d+) to (?P<da>[0-9A-Fa-f.:]+)/(?P<dp>\d+)",
        {"proto": "proto", "sa": "src_ip", "sp": "src_port", "da": "dst_ip", "dp": "dst_port"},
    ),
    (r"connection (?P<n>\d+) for", {"n": "connection"}),
    (r" duration (?P<t>\d+:\d\d:\d\d) bytes (?P<b>\d+)", {"t": "lasted", "b": "bytes"}),
    (r"(?i)(?:user(?:name)?\s?[=:]?\s?[<'\"]|user = )(?P<u>[^>'\"\s]+)", {"u": "username"}),
    (r"(?i)\bip\s?[=:]?\s?<?(?P<a>\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:]+)", {"a": "client_ip"}),
)  # fmt: skip


class Cisco(Matched):
    """Cisco ASA and FTD syslog."""

    key = "cisco"
    stamp = Stamp("the head of the line", TimeBasis.OFFSET, "second")
    title = "Cisco ASA and FTD syslog"
    local_lines = True
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    schema = schema_of(_COLUMNS)
    lexicon = ("message_id", "device", "proto", "src_ip", "dst_ip", "username", "client_ip")
    shapes = (_SHAPE,)
    host_name = "device"
    score = 90
    told = "lines with a Cisco message number (%ASA-…, %FTD-…)"

    def _widen(self, table: pa.Table, shape: int, state: State) -> pa.Table:
        del shape, state
        found: dict[str, pa.Array] = {}
        for pattern, names in _PARTS:
            parts = split(table["text"], pattern)
            for group, name in names.items():
                found[name] = pc.coalesce(found[name], parts[group]) if name in found else parts[group]
        for name, column in found.items():
            table = table.append_column(name, column)
        return table

    def _local(self, table: pa.Table) -> pa.Array:
        named = pc.is_in(flat(table["zone"]), value_set=pa.array(["UTC", "GMT"]))
        return pc.and_not(super()._local(table), named)

    def _times(self, table: pa.Table, state: State) -> pa.Array:
        return by_value(table["time"], lambda texts: syslog_times(texts, state.name))
