"""Small evidence brought into a case by the real readers, for tests that reason over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.intake.ingest import ingest, open_archive
from dwell.model.provenance import EvidenceId
from dwell.scope.ledger import Ledger, build
from dwell.scope.rollup.run import Rolled, roll_up
from dwell.scope.shortfalls import shortfalls_of

__all__ = [
    "IIS_PLACE",
    "Staged",
    "bind",
    "consent",
    "ews_log",
    "iis_log",
    "iis_place",
    "proxy_log",
    "security_log",
    "stage",
    "text_log",
    "ual_json",
    "utc",
    "written",
]

IIS_PLACE = "inetpub/logs/LogFiles/W3SVC1"
PROXY_FIELDS = (
    "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,Protocol,UrlStem,ProtocolAction,AuthenticationType,"
    "AuthenticatedUser,AnchorMailbox,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,BackEndCookie,ResponseBytes,UrlQuery"
)
EWS_FIELDS = (
    "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,AuthenticatedUser,UserAgent,"
    "ClientIpAddress,ServerHostName,SoapAction,HttpStatus,ResponseSize,ErrorCode,ImpersonatedUser,ActAsUser"
)
_IIS_FIELDS = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-bytes "
    "X-Forwarded-For"
)


def utc(text: str) -> datetime:
    """Give an instant: `2021-03-03 02:00:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def iis_place(host: str, day: str) -> str:
    """Give the place of a day's log; `day` as `210303`."""
    return f"{host}/{IIS_PLACE}/u_ex{day}.log"


def iis_log(rows: Iterable[Mapping[str, object]], *, end: str = "\r\n") -> str:
    """Give an IIS log; each row holds `at` and what differs from the usual."""
    lines = ["#Software: Microsoft Internet Information Services 10.0", "#Version: 1.0", f"#Fields: {_IIS_FIELDS}"]
    for row in rows:
        told = {
            "stem": "/owa/",
            "query": "-",
            "user": "-",
            "client": "203.0.113.9",
            "agent": "Chrome/73",
            "status": 200,
            "sent": "-",
            "forwarded": "-",
            "port": 443,
            "server": "10.0.0.11",
            **row,
        }
        lines.append(
            "{at} {server} GET {stem} {query} {port} {user} {client} {agent} {status} {sent} {forwarded}".format(**told)
        )
    return "\r\n".join(lines) + end


def text_log(log_type: str, fields: str, rows: Iterable[Mapping[str, object]]) -> str:
    """Give a text log of Exchange with the columns named; what a row does not give is empty."""
    head = ["#Software: Microsoft Exchange Server", "#Version: 15.01.2176.002", f"#Log-type: {log_type}"]
    lines = [*head, f"#Fields: {fields}"]
    for row in rows:
        values = {"MajorVersion": 15, "MinorVersion": 1, "BuildVersion": 2176, "RevisionVersion": 2, **row}
        texts = [str(values.get(one, "") if values.get(one) is not None else "") for one in fields.split(",")]
        lines.append(",".join('"' + one.replace('"', '""') + '"' if "," in one else one for one in texts))
    return "\r\n".join(lines) + "\r\n"


def proxy_log(rows: Iterable[Mapping[str, object]]) -> str:
    """Give an HttpProxy log."""
    return text_log("HttpProxy Logs", PROXY_FIELDS, rows)


def ews_log(rows: Iterable[Mapping[str, object]]) -> str:
    """Give an EWS log."""
    return text_log("EWS Logs", EWS_FIELDS, rows)


def ual_json(records: Iterable[Mapping[str, object]]) -> str:
    """Give an export of audit records, one JSON object a line."""
    return "".join(msgspec.json.encode(one).decode() + "\n" for one in records)


def consent(at: str, who: str, app: str, principal: str, number: str) -> dict[str, object]:
    """Give the record of the unified audit log by which somebody lets the application Helper read mail."""
    return {
        "CreationTime": at.replace(" ", "T"), "Id": number, "RecordType": 8, "UserId": who,
        "Operation": "Consent to application.", "ObjectId": app, "Workload": "AzureActiveDirectory",
        "Target": [
            {"ID": "Helper", "Type": 1}, {"ID": "ServicePrincipal", "Type": 2}, {"ID": principal, "Type": 2},
            {"ID": app, "Type": 2},
        ],
        "ModifiedProperties": [
            {"Name": "ConsentAction.Permissions", "NewValue": "[] => [[Scope: Mail.Read]]; ", "OldValue": ""}
        ],
    }  # fmt: skip


def bind(at: str, actor: str, owner: str, client: str, agent: str, **more: object) -> dict[str, object]:
    """Give a record of messages that were opened; `messages` names them, `kind` is `Bind` or `Sync`."""
    told: dict[str, object] = {"kind": "Bind", "messages": [], "throttled": None, "size": None, **more}
    properties = [{"Name": "MailAccessType", "Value": told["kind"]}]
    if told["throttled"] is not None:
        properties.append({"Name": "IsThrottled", "Value": str(told["throttled"])})
    record: dict[str, object] = {
        "CreationTime": at.replace(" ", "T"),
        "Id": str(told.get("id", f"{at}/{actor}/{owner}/{told['kind']}/{told['messages']}")),
        "RecordType": 50,
        "Operation": "MailItemsAccessed",
        "Workload": "Exchange",
        "UserId": actor,
        "MailboxOwnerUPN": owner,
        "ClientIPAddress": client,
        "ClientInfoString": agent,
        "ResultStatus": "Succeeded",
        "OperationProperties": properties,
    }
    messages = told["messages"]
    assert isinstance(messages, list)
    if told["kind"] == "Sync":
        record["Item"] = {"ParentFolder": {"Path": str(told.get("folder", "\\Inbox"))}}
    else:
        items = [
            {"InternetMessageId": one, **({"SizeInBytes": told["size"]} if told["size"] else {})} for one in messages
        ]
        record["Folders"] = [{"Path": "\\Inbox", "FolderItems": items}]
    return record


def security_log(events: Iterable[Mapping[str, object]], *, host: str = "EX01", channel: str = "Security") -> str:
    """Give an event log as XML; each event holds `number`, `event`, `at` and any data by name."""
    out = []
    for one in events:
        known = {"number", "event", "at", "provider", "user_data"}
        data = "".join(f"<Data Name='{name}'>{text}</Data>" for name, text in one.items() if name not in known)
        at = str(one["at"]).replace(" ", "T")
        provider = one.get("provider", "Microsoft-Windows-Security-Auditing")
        body = one.get("user_data") or f"<EventData>{data}</EventData>"
        out.append(
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
            f"<Provider Name='{provider}'/><EventID>{one['event']}</EventID><Level>0</Level>"
            f"<TimeCreated SystemTime='{at}.0000000Z'/><EventRecordID>{one['number']}</EventRecordID>"
            f"<Channel>{channel}</Channel><Computer>{host}.gov.example</Computer></System>{body}</Event>"
        )
    return "\r\n".join(out) + "\r\n"


def hourly(first: str, last: str) -> list[str]:
    """Give one instant per hour, `first` and `last` included, as IIS writes them."""
    at, end = utc(first), utc(last)
    out = []
    while at <= end:
        out.append(f"{at:%Y-%m-%d %H:%M:%S}")
        at += timedelta(hours=1)
    return out


@dataclass(frozen=True, slots=True)
class Staged:
    """A case made of small evidence.

    Attributes:
        case: the case.
        archive: its archive.
        paths: where each piece of evidence lay.
        records: records read.
        anomalies: stretches that could not be read.
    """

    case: Case
    archive: Archive
    paths: dict[EvidenceId, tuple[str, ...]]
    records: int
    anomalies: int

    def rolled(self) -> Rolled:
        """Fold it."""
        return roll_up(self.archive, workers=1)

    def ledger(self) -> Ledger:
        """Give its coverage."""
        held = {str(key): value for key, value in self.paths.items()}
        return build(self.rolled().hours, held, shortfalls_of(self.archive))


def written(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files into a folder; give the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def stage(root: Path, files: Mapping[str, str | bytes]) -> Staged:
    """Write files and bring them into a case."""
    return stage_folder(root, written(root / "evidence", files))


def stage_folder(root: Path, evidence: Path) -> Staged:
    """Bring a folder of evidence into a case."""
    case = Case.create(root / "case")
    with case.writing():
        result = ingest(case, [evidence], workers=1)
    paths = {key: tuple(place.path for place in one.places) for key, one in case.register().items()}
    return Staged(case, open_archive(case), paths, result.records, result.anomalies)
