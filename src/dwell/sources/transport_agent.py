"""Transport agent logs: what each agent (anti-spam, rules, third parties, an intruder's) did to a message.

Source:
    Microsoft Learn, "Antispam agent logs" (Exchange Server), for the fields; twenty columns as seen in the logs of
    15.01.2375.
Time:
    `Timestamp` is UTC to the millisecond; it becomes `time_utc` and is not stored twice.
Units:
    `NumRecipients` counts recipients. `P2FromAddresses` and `Recipient` are lists that end in a semicolon.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    Outside mail writes `MessageId`, `P1FromAddress`, `P2FromAddresses`, `Recipient`. `Agent` is the name an agent gave
    itself when it was installed: a name nobody installed may be an intruder's agent.
Silence:
    Kept for 7 days or 250 MB. An agent that does nothing to a message writes nothing, and an agent that copies mail
    without saying so leaves no line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.exchange_log import ExchangeLog
from dwell.sources.source import Stamp

__all__ = ["TransportAgent"]

_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(
    (
        "Timestamp", "SessionId", "LocalEndpoint", "RemoteEndpoint", "EnteredOrgFromIP", "MessageId", "P1FromAddress",
        "P2FromAddresses", "Recipient", "NumRecipients", "Agent", "Event", "Action", "SmtpResponse", "Reason",
        "ReasonData", "Diagnostics", "NetworkMsgID", "TenantID", "Directionality",
    ),
    pa.string(),
) | {"NumRecipients": pa.int64()}  # fmt: skip


class TransportAgent(ExchangeLog):
    """Exchange transport agent log."""

    key = "transport_agent"
    stamp = Stamp("Timestamp", TimeBasis.UTC, "millisecond")
    title = "Exchange transport agent log"
    log_type = "agent log"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {20: tuple(_COLUMNS)}
    marks = frozenset(["enteredorgfromip", "p1fromaddress", "p2fromaddresses", "numrecipients", "networkmsgid"])
    surplus = ("Diagnostics", "ReasonData", "SmtpResponse", "P2FromAddresses", "Recipient", "MessageId")
    shapes: ClassVar[Mapping[str, re.Pattern[str]]] = {
        "Event": re.compile(r"On[A-Za-z]{2,60}"),
        "Action": re.compile(r"[A-Za-z]{0,60}"),
    }
    host_name = ""
    schema = ExchangeLog.log_schema(_COLUMNS)
    lexicon = (
        "LocalEndpoint", "EnteredOrgFromIP", "P1FromAddress", "P2FromAddresses", "Recipient", "Agent", "Event", "Action",
        "SmtpResponse", "Reason", "Diagnostics", "TenantID", "Directionality",
    )  # fmt: skip
