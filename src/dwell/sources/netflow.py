"""Flow records of NetFlow and IPFIX as collectors write them in JSON: who spoke to whom, for how long, how many bytes.

Source:
    IANA, "IPFIX Information Elements", and the field names of NetFlow v5 and v9 as collectors (nProbe, Logstash,
    ipfixcol, goflow, softflowd) write them; the columns are named as in IPFIX.
Time:
    `flowStartMilliseconds` or `flowStartSeconds`, UTC, by the exporter's clock; where a record has only milliseconds
    since the device was started (`FIRST_SWITCHED`), the collector's stamp (`@timestamp`, `timestamp`, `time_received`).
Units:
    `octetDeltaCount` bytes and `packetDeltaCount` packets in one direction, headers included. A sampled flow is one in
    so many (`samplingInterval`): its counts are not multiplied here.

Raises:
    Nothing. An object that cannot be read is an anomaly.
Trust:
    The exporter writes the record; addresses can be forged in one direction only where no answer is needed.
Silence:
    Only what passed the exporter, after sampling; flows over UDP are lost without a trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.columns import instants
from dwell.sources.json_records import JsonRecords
from dwell.sources.matched import schema_of
from dwell.sources.source import Stamp
from dwell.sources.time_words import epochs

__all__ = ["NetFlow"]

_TEXTS = (
    "flowStartMilliseconds", "flowEndMilliseconds", "collected", "sourceIPv4Address", "destinationIPv4Address",
    "sourceIPv6Address", "destinationIPv6Address", "protocolIdentifier", "tcpControlBits", "exporter",
    "ingressInterface", "egressInterface", "samplingInterval",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_TEXTS, pa.string()) | {
    "sourceTransportPort": pa.int32(),
    "destinationTransportPort": pa.int32(),
    "octetDeltaCount": pa.int64(),
    "packetDeltaCount": pa.int64(),
}
_OTHERS: Mapping[str, tuple[str, ...]] = {
    "flowStartMilliseconds": ("flowstartseconds", "time_flow_start", "time_flow_start_ns", "flow_start", "first_seen"),
    "flowEndMilliseconds": ("flowendseconds", "time_flow_end", "time_flow_end_ns", "flow_end", "last_seen"),
    "collected": ("@timestamp", "timestamp", "time_received", "timereceived", "export_time", "exporttime"),
    "sourceIPv4Address": ("ipv4_src_addr", "src_addr", "srcaddr", "src_ip", "source_ip"),
    "destinationIPv4Address": ("ipv4_dst_addr", "dst_addr", "dstaddr", "dst_ip", "destination_ip"),
    "sourceIPv6Address": ("ipv6_src_addr",),
    "destinationIPv6Address": ("ipv6_dst_addr",),
    "sourceTransportPort": ("l4_src_port", "src_port", "srcport"),
    "destinationTransportPort": ("l4_dst_port", "dst_port", "dstport"),
    "protocolIdentifier": ("protocol", "proto"),
    "octetDeltaCount": ("in_octets", "in_bytes", "bytes", "octets", "octettotalcount"),
    "packetDeltaCount": ("in_pkts", "packets", "packettotalcount"),
    "tcpControlBits": ("tcp_flags", "tcpflags"),
    "exporter": ("sampler_address", "exporteripv4address", "exporter_ip", "agent_id"),
    "samplingInterval": ("sampling_interval", "sampling_rate"),
}
_PREFIXES = ("", "netflow.", "ipfix.", "flow.")


class NetFlow(JsonRecords):
    """Flow records, JSON."""

    key = "netflow"
    stamp = Stamp("flowStartMilliseconds, flowStartSeconds or the collector's stamp", TimeBasis.UTC)
    title = "Flow records (NetFlow, IPFIX; JSON)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    aliases: ClassVar[Mapping[str, str]] = {
        **{
            f"{prefix}{other}": name
            for name, others in _OTHERS.items()
            for other in (name.lower(), *others)
            for prefix in _PREFIXES
        },
    }
    time_names: ClassVar[tuple[str, ...]] = ("flowStartMilliseconds", "collected")
    marks: ClassVar[tuple[frozenset[str], ...]] = (
        frozenset({"sourceipv4address", "sourceipv6address", "ipv4_src_addr", "ipv6_src_addr", "src_addr", "srcaddr"}),
        frozenset({"destinationipv4address", "destinationipv6address", "ipv4_dst_addr", "ipv6_dst_addr", "dst_addr",
                   "dstaddr"}),
        frozenset({"octetdeltacount", "octettotalcount", "in_octets", "in_bytes", "bytes"}),
    )  # fmt: skip
    score = 85
    schema = schema_of(_COLUMNS)
    lexicon = ("sourceIPv4Address", "destinationIPv4Address", "sourceIPv6Address", "destinationIPv6Address", "exporter")

    def _instants(self, texts: pa.Array) -> pa.Array:
        nanos = pc.replace_substring_regex(texts, r"^(\d{10})(\d{6}|\d{9})$", r"\1.\2")
        return pc.coalesce(instants(texts), epochs(nanos))
