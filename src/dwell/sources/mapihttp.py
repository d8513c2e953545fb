r"""MAPI over HTTP logs of the back end: one line per request of Outlook, with the operations inside it where that is on.

Source:
    No public specification. 46 columns as published with a log generator and its tests, and as scripts of Microsoft's
    support read them. Unverified: built from a description, no sample seen; a real file would verify it. Operation
    numbers: [MS-OXCROPS] 2.2.2.
Time:
    `DateTime` is UTC to the millisecond, the *end* of the request; it becomes `time_utc` and is not stored twice.
Units:
    Latencies milliseconds. `RopIds` is a list of operation numbers with `|` between them; `RopClasses` says what they
    amount to: `logon`, `folder`, `list`, `search`, `read`, `attachment`, `copy` (bulk copy out), `sync`, `watch`,
    `send`, `write`, `mark`, `move`, `delete`, `purge`, `rules`, `permissions`; in that order, numbers outside of the
    table left out. `RopReads` counts the operations that open a message or an attachment (3, 34, 70).

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    Outlook writes `MapiClientInfo`, `ClientSoftware`, `ClientSoftwareVersion`, `ClientMode` and `ClientRequestId`; the
    server names the user, `ActAsUserEmail` and `MailboxId` after it has let the caller in. `AuthenticatedUser` may be
    `Anonymous` where `AuthenticatedUserEmail` is filled. Status 200 can carry a failure: only zeros in `ResponseCode`,
    `StatusCode` and `ReturnCode` are a success.
Silence:
    Kept for 30 days or 1 GB unless copied. `RopIds` is empty unless an administrator switched it on. A client in cached
    mode holds a copy of the mailbox: what is read there leaves no line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.columns import flat
from dwell.sources.delimited import State
from dwell.sources.exchange_log import Blob, ExchangeLog
from dwell.sources.source import Stamp

__all__ = ["ROP_CLASSES", "MapiHttp"]

_T, _I, _F = pa.string(), pa.int32(), pa.float64()

_NAMES = (
    "DateTime", "RequestId", "MapiRequestId", "ClientRequestId", "RequestType", "HttpStatusCode", "ResponseCode",
    "StatusCode", "ReturnCode", "TotalRequestLatency", "DeploymentRing", "MajorVersion", "MinorVersion", "BuildVersion",
    "RevisionVersion", "AuthenticatedUserEmail", "UPN", "Puid", "TenantGuid", "MailboxId", "MDBGuid", "ActAsUserEmail",
    "ClientIP", "SourceCafeServer", "EdgeInfo", "NetworkDeviceInfo", "SessionCookie", "SequenceCookie",
    "MapiClientInfo", "ClientSoftware", "ClientSoftwareVersion", "ClientMode", "AuthenticationType", "AuthModuleLatency",
    "LiveIdBasicLog", "LiveIdBasicError", "LiveIdNegotiateError", "OAuthLatency", "OAuthError", "OAuthErrorCategory",
    "OAuthExtraInfo", "AuthenticatedUser", "RopIds", "OperationSpecific", "GenericInfo", "GenericErrors",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = (
    dict.fromkeys(_NAMES, _T)
    | dict.fromkeys(("HttpStatusCode", "MajorVersion", "MinorVersion", "BuildVersion", "RevisionVersion"), _I)
    | dict.fromkeys(("TotalRequestLatency", "AuthModuleLatency", "OAuthLatency"), _F)
)
_BLOBS = (Blob("GenericInfo", "GenericInfoMap"),)
_DERIVED = (pa.field("RopClasses", pa.list_(pa.string())), pa.field("RopReads", pa.int64()))

ROP_CLASSES: Mapping[str, frozenset[int]] = {
    "logon": frozenset([254]),
    "folder": frozenset([2]),
    "list": frozenset([4, 5, 18, 19, 20, 21]),
    "search": frozenset([48, 49]),
    "read": frozenset([3, 7, 8, 43, 44, 70]),
    "attachment": frozenset([33, 34]),
    "copy": frozenset([75, 76, 77, 78]),
    "sync": frozenset([112, 130]),
    "watch": frozenset([41]),
    "send": frozenset([50, 74]),
    "write": frozenset([6, 10, 12]),
    "mark": frozenset([17, 102]),
    "move": frozenset([51]),
    "delete": frozenset([30]),
    "purge": frozenset([145, 146]),
    "rules": frozenset([63, 65]),
    "permissions": frozenset([62, 64]),
}
"""What the numbers of remote operations amount to."""
_READS = frozenset({"3", "34", "70"})
"""Operations that open one message or attachment each."""
_CLASS_OF = {str(number): name for name, numbers in ROP_CLASSES.items() for number in numbers}
_ORDER = {name: place for place, name in enumerate(ROP_CLASSES)}
_REQUESTS = (
    "Connect|Execute|NotificationWait|Disconnect|PING|Bind|Unbind|QueryRows|QueryColumns|ResolveNames|GetMatches|DnToMId|"
    "DNToMId|GetProps|GetPropList|GetSpecialTable|GetTemplateInfo|CompareMIds|CompareMinIds|ModProps|ModLinkAtt|"
    "ResortRestriction|SeekEntries|UpdateStat|GetMailboxUrl|GetAddressBookUrl|GetNspiUrl|EcDoConnectEx|EcDoDisconnect"
)


class MapiHttp(ExchangeLog):
    """Exchange MAPI over HTTP log."""

    key = "mapihttp"
    stamp = Stamp("DateTime", TimeBasis.UTC, "millisecond")
    title = "Exchange MAPI over HTTP log"
    log_type = "mapihttp logs"
    aliases = frozenset(["mapihttp log", "mapi http logs", "mapihttp protocol logs", "mapi http protocol logs"])
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {46: _NAMES}
    marks = frozenset(["mapirequestid", "mapiclientinfo", "ropids", "sequencecookie", "sourcecafeserver", "clientmode"])
    surplus = ("ClientSoftware", "OperationSpecific", "GenericErrors", "GenericInfo", "MapiClientInfo", "RopIds")
    shapes: ClassVar[Mapping[str, re.Pattern[str]]] = {
        "RequestType": re.compile(f"(?:{_REQUESTS})?"),
        "RopIds": re.compile(r"[0-9A-Za-z|]*"),
    }
    blobs = _BLOBS
    derived = _DERIVED
    host_name = ""
    schema = ExchangeLog.log_schema(_COLUMNS, _BLOBS, _DERIVED)
    lexicon = (
        "RequestType", "ResponseCode", "StatusCode", "ReturnCode", "AuthenticatedUserEmail", "UPN", "TenantGuid",
        "MailboxId", "MDBGuid", "ActAsUserEmail", "ClientIP", "SourceCafeServer", "NetworkDeviceInfo", "ClientSoftware",
        "ClientSoftwareVersion", "ClientMode", "AuthenticationType", "AuthenticatedUser", "RopIds", "GenericErrors",
    )  # fmt: skip

    def _certain(self, layout: Sequence[str], cells: Sequence[str]) -> bool:
        """Ask for a type of request as well."""
        return bool(cells[layout.index("RequestType")]) and super()._certain(layout, cells)

    def _derive(self, table: pa.Table, state: State) -> pa.Table:
        """Say what the operations amount to, by distinct lists of them."""
        del state
        lists = flat(table["RopIds"]).dictionary_encode()
        said = [one.split("|") for one in lists.dictionary.to_pylist()]
        classes = pa.array(
            [
                sorted({_CLASS_OF[number] for number in one if number in _CLASS_OF}, key=_ORDER.__getitem__)
                for one in said
            ],
            _DERIVED[0].type,
        )
        reads = pa.array([sum(number in _READS for number in one) for one in said], _DERIVED[1].type)
        for field, values in zip(_DERIVED, (classes, reads), strict=True):
            place = table.schema.get_field_index(field.name)
            table = table.set_column(place, field.name, values.take(lists.indices))
        return table
