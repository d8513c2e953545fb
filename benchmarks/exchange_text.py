"""Measure how fast the Exchange text logs are read from bytes to batches, beside pyarrow.csv reading the same bytes.

    benchmarks/exchange_text.py              300,000 rows of each log
    benchmarks/exchange_text.py --rows 50000

Each log is made in memory from its own columns; every value that differs from row to row in reality differs here. The bare
read takes the same rows as text columns and does nothing else. Best of three, on one core.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.csv as pa_csv

from dwell.sources.exchange_csv import ExchangeCsv
from dwell.sources.registry import source
from dwell.sources.source import Hint

__all__ = ["main", "written"]

ROWS = 300_000
RUNS = 3
_GUID = "{0:08x}-3232-4323-9111-{0:012x}"
_STORE = (
    f'"MDB:{_GUID}, Mailbox:{_GUID}, Event:{{0}}, MessageClass:IPM.Note, CreationTime:2021-01-04T08:00:00.211Z, '
    'ClientType:MOMT, SubmissionAssistant:MailboxTransportSubmissionEmailAssistant"'
)
_CUSTOM = (
    f"S:MailboxDatabaseGuid={_GUID};S:ItemEntryId=00-00-{{0}}-00;S:DeliveryPriority=Normal;S:AccountForest=A.EXAMPLE"
)
_EVENT = f"S:TIME={{1}};S:SID={_GUID};S:CMD=Get-InboxRule;S:URL=/ecp/x.svc/GetList?c={{0}};S:ACTID={_GUID};S:RS=0"
_INFO = f"SessionId={_GUID};ShellId={_GUID};Cmd={{1}};Cmd.ADC=3;"
_LATENCIES = (
    "CalculateTargetBackEndLatency", "TotalGlsLatency", "TotalResourceForestLatency", "ADLatency",
    "TotalSharedCacheLatency", "ModuleToHandlerSwitchingLatency", "ClientReqStreamLatency", "BackendReqInitLatency",
    "BackendReqStreamLatency", "BackendRespInitLatency", "BackendRespStreamLatency", "ClientRespStreamLatency",
    "KerberosAuthHeaderLatency", "HandlerCompletionLatency", "RequestHandlerLatency",
    "HandlerToModuleSwitchingLatency", "RoutingLatency", "RouteRefresherLatency",
)  # fmt: skip
_PROXIED = (
    "BeginRequest=2021-01-04T08:00:00.{2:03}Z;CorrelationID=<empty>;ProxyState-Run=None;FEAuth=BEVersion-1942061{2};"
    "BeginGetResponse={1};OnResponseReady={0};ProxyState-Complete=ProxyResponseData;SharedCacheGuard=0;I32:ADS.C[dc01]=1"
)
LOGS: Mapping[str, Mapping[str, str]] = {
    "httpproxy": {
        "RequestId": _GUID, "MajorVersion": "15", "MinorVersion": "1", "BuildVersion": "2375", "RevisionVersion": "7",
        "ClientRequestId": "{{{0:08x}}}", "Protocol": "Owa", "UrlHost": "mail.a.example", "UrlStem": "/owa/service{2}.svc",
        "ProtocolAction": "GetItem", "AuthenticationType": "FBA", "IsAuthenticated": "True",
        "AuthenticatedUser": "A\\user{1}", "AnchorMailbox": "Sid~S-1-5-21-1-2-3-{1}",
        "UserAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/{2}.36", "ClientIpAddress": "198.51.{2}.{1}",
        "ServerHostName": "EX01", "HttpStatus": "200", "BackEndStatus": "200", "Method": "POST", "ProxyAction": "Proxy",
        "TargetServer": "ex01.a.example", "TargetServerVersion": "15.01.2375.000", "RoutingType": "IntraForest",
        "RoutingHint": "WindowsIdentity", "BackEndCookie": "Database~{1:08x}~~2021-04-04T08:00:00",
        "ServerLocatorLatency": "0", "RequestBytes": "{0}", "ResponseBytes": "1{0}", "TargetOutstandingRequests": "1",
        "TotalAccountForestLatency": "{2}", "ActivityContextLifeTime": "{1}.{2}", "BackendProcessingLatency": "{1}",
        "ProxyTime": "{1}", "CoreLatency": "1", "HttpProxyOverhead": "1", "TotalRequestTime": "1{1}",
        **dict.fromkeys(_LATENCIES, "0"), "UrlQuery": "?action=GetItem&EP=1&ID=-{1}&AC=1", "GenericInfo": _PROXIED,
    },
    "message_tracking": {
        "client-ip": "10.1.{2}.{1}", "client-hostname": "EX01.a.example", "server-hostname": "EX01",
        "source-context": _STORE, "source": "STOREDRIVER", "event-id": "RECEIVE", "internal-message-id": "{0}",
        "message-id": "<{0}@a.example>", "network-message-id": _GUID, "recipient-address": "user{1}@a.example",
        "total-bytes": "37{1}", "recipient-count": "1", "message-subject": "Subject {0}",
        "sender-address": "user{2}@a.example", "return-path": "user{2}@a.example", "directionality": "Originating",
        "original-client-ip": "10.2.{2}.{1}", "custom-data": _CUSTOM, "transport-traffic-type": "Email", "log-id": _GUID,
        "schema-version": "15.01.2375.007",
    },
    "smtp_receive": {
        "connector-id": "EX01\\Default Frontend EX01", "session-id": "08D8B0{0:010X}", "sequence-number": "{1}",
        "local-endpoint": "10.1.1.1:25", "remote-endpoint": "198.51.{2}.{1}:{1}", "event": "<",
        "data": "MAIL FROM:<user{1}@a.example> SIZE={0}",
    },
    "imap4": {
        "sessionId": "00000000{2:08X}", "seqNumber": "{1}", "sIp": "10.1.1.1:143", "cIp": "198.51.{2}.7:5{1}",
        "user": "user{2}", "duration": "{1}", "rqsize": "21", "rpsize": "{0}", "command": "fetch",
        "parameters": "{0} (BODY[])", "context": "R=OK;Rows={1}",
    },
    "ecp_server": {"ServerName": "EX01", "EventId": "ECP.Request", "EventData": _EVENT},
    "rps_cmdlet": {
        "StartTime": "2021-01-04T08:00:00.101Z", "RequestId": _GUID, "MajorVersion": "15", "ServerHostName": "EX01",
        "ProcessId": "15756", "AuthenticatedUser": "A\\user{1}", "ClientApplication": "ManagementShell",
        "Cmdlet": "Get-Mailbox", "Parameters": '"-Identity ""{0}"""', "CmdletUniqueId": _GUID, "TotalTime": "1{1}",
        "ExecutionResult": "Success", "GenericInfo": _INFO,
    },
    "mapihttp": {
        "RequestId": _GUID, "RequestType": "Execute", "HttpStatusCode": "200", "ResponseCode": "0", "StatusCode": "0",
        "ReturnCode": "0", "TotalRequestLatency": "1{1}", "AuthenticatedUserEmail": "user{1}@a.example",
        "MailboxId": "{1:08x}-3232-4323-9111-0000000000aa@a.example", "ClientIP": "198.51.{2}.{1}",
        "SessionCookie": "MAPIAAAA{2}", "MapiClientInfo": f"{{{{{_GUID}}}}}:{{1}}", "ClientSoftware": "OUTLOOK.EXE",
        "RopIds": "2|5|18|21|3|7", "GenericInfo": "S:TCPU={1};I32:RPC.C[EX01]=2",
    },
    "transport_agent": {
        "SessionId": "{0:X}", "LocalEndpoint": "10.1.1.1", "RemoteEndpoint": "198.51.{2}.{1}:46904",
        "MessageId": "<{0}@a.example>", "P1FromAddress": "user{1}@a.example", "NumRecipients": "1",
        "Agent": "Inbound Trust Agent", "Event": "OnEndOfHeaders", "Action": "ModifyHeaders", "NetworkMsgID": _GUID,
    },
}  # fmt: skip
"""Cells by log: {0} is the row, {1} and {2} repeat themselves."""


def written(key: str, rows: int, first: int = 0) -> bytes:
    """Write one log.

    Args:
        key: its source.
        rows: how many.
        first: number of the first; its instant and values go by it.
    """
    one = source(key)
    assert isinstance(one, ExchangeCsv)
    names = next(iter(one.layouts.values()))
    line = ",".join(LOGS[key].get(name, "") for name in names[1:])
    header = (
        f"#Software: Microsoft Exchange Server\r\n#Version: 15.01.2375.007\r\n#Log-type: {one.log_type}\r\n"
        f"#Date: {_at(first)}\r\n#Fields: {','.join(names)}\r\n"
    )
    body = (f"{_at(row)}," + line.format(row, row % 251, row % 97) for row in range(first, first + rows))
    return (header + "\r\n".join(body) + "\r\n").encode()


def _at(row: int) -> str:
    """Give the instant of a row: a quarter of a second after the one before it."""
    at = datetime(2021, 1, 4, tzinfo=UTC) + timedelta(milliseconds=250 * row)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def _best_s(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def _bare(data: bytes, names: list[str]) -> pa.Table:
    lines = data.split(b"\r\n", 5)[5]
    return pa_csv.read_csv(
        io.BytesIO(lines),
        read_options=pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=1 << 26),
        convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the reading of Exchange text logs.")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of each log (default {ROWS})")
    parser.add_argument("--log", choices=sorted(LOGS), help="one log only")
    given = parser.parse_args()
    pa.set_cpu_count(1)
    print(f"{'log':18} {'MB':>6} {'rows/s':>10} {'MB/s':>6} {'bare rows/s':>12} {'ratio':>6}")
    for key in [given.log] if given.log else LOGS:
        data = written(key, given.rows)
        one = source(key)
        names = list(next(iter(one.layouts.values()))) if isinstance(one, ExchangeCsv) else []
        counted = sum(b.records.num_rows for b in one.read(io.BytesIO(data), Hint()) if b.records is not None)
        assert counted == given.rows, f"{key}: {counted} rows"
        ours = _best_s(lambda one=one, data=data: sum(1 for _ in one.read(io.BytesIO(data), Hint())))  # type: ignore[misc]
        bare = _best_s(lambda data=data, names=names: _bare(data, names))  # type: ignore[misc]
        size = len(data) / 1e6
        print(
            f"{key:18} {size:6.0f} {given.rows / ours:10,.0f} {size / ours:6.0f} {given.rows / bare:12,.0f} "
            f"{ours / bare:6.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
