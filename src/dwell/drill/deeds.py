"""What is done on the servers besides requests: cmdlets that are run, passwords that are refused, logs that are cleared.

Exchange's own event log and its log of remote PowerShell tell of cmdlets, the Security log of the rest.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from dwell.drill.log_heads import head
from dwell.drill.people import DOMAIN, HOSTS, NETBIOS, World, pick

__all__ = ["ADMIN", "CONSOLE", "Cmdlet", "Deeds", "clerks", "parameters", "write_cmdlet_logs"]

ADMIN = "adm-mail"
"""The administrator of the mail servers."""
CONSOLE = "10.20.250.40"
"""Where he sits."""
_EXPORTS = "\\\\fs01\\exports$"
_FIELDS = (
    "DateTime,StartTime,RequestId,ClientRequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ServerHostName,"
    "ProcessId,ProcessName,ThreadId,CultureInfo,Organization,AuthenticatedUser,ExecutingUserSid,EffectiveOrganization,"
    "UserServicePlan,IsAdmin,ClientApplication,Cmdlet,Parameters,CmdletUniqueId,UserBudgetOnStart,ContributeToFailFast,"
    "RunspaceSettingsCreationHint,ADViewEntireForest,ADRecipientViewRoot,ADConfigurationDomainControllers,"
    "ADPreferredGlobalCatalogs,ADPreferredDomainControllers,ADUserConfigurationDomainController,"
    "ADUserPreferredGlobalCatalog,ADuserPreferredDomainControllers,ThrottlingInfo,DelayInfo,ThrottlingDelay,"
    "IsOutputObjectRedacted,CmdletProxyStage,CmdletProxyRemoteServer,CmdletProxyRemoteServerVersion,CmdletProxyMethod,"
    "ProxiedObjectCount,CmdletProxyLatency,OutputObjectCount,ParameterBinding,BeginProcessing,ProcessRecord,"
    "EndProcessing,StopProcessing,BizLogic,PowerShellLatency,UserInteractionLatency,ProvisioningLayerLatency,"
    "ActivityContextLifeTime,TotalTime,ErrorType,ExecutionResult,CacheHitCount,CacheMissCount,GenericLatency,"
    "GenericInfo,GenericErrors,ObjectGuid,ExternalDirectoryOrganizationId,ExternalDirectoryObjectId,NonPiiParameters"
)


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """A cmdlet that was run.

    Attributes:
        host: on which server.
        at_utc: when.
        name: `Set-Mailbox`.
        parameters: as the event log writes them.
        caller: account that ran it.
        program: what it was run with: the control panel (`ECP`) or a remote shell.
    """

    host: str
    at_utc: datetime
    name: str
    parameters: str
    caller: str
    program: str = "Remote-ManagementShell-Unknown"

    @property
    def canonical(self) -> str:
        """Give the caller as the event log writes it."""
        unit = "Users" if "." in self.caller else "Admins"
        return f"{DOMAIN}/{unit}/{self.caller}"


@dataclass(slots=True)
class Deeds:
    """What somebody did on the servers besides requests.

    Attributes:
        cmdlets: cmdlets.
        cleared: when he cleared the Security log, by server.
        refused: passwords that were refused: server, instant, account, client.
    """

    cmdlets: list[Cmdlet] = field(default_factory=list)
    cleared: dict[str, datetime] = field(default_factory=dict)
    refused: list[tuple[str, datetime, str, str]] = field(default_factory=list)


def parameters(**values: str) -> str:
    """Write parameters as the event log does."""
    return " ".join(f'-{name} "{value}"' for name, value in values.items())


def clerks(world: World) -> Iterator[Cmdlet]:
    """Yield what administrators and people do by right that an intruder does as well: exports, and mail forwarded."""
    plan, rng = world.plan, pick(world.plan.seed, "clerks")
    if not plan.scenario.clerks:
        return
    size = len(world.people)
    pool = world.people[size // 5 : size - min(40, size // 4)]
    at = plan.from_utc + timedelta(days=12, hours=9)
    while at < plan.to_utc - timedelta(days=3):
        person = rng.choice(pool)
        name = person.smtp.partition("@")[0]
        yield Cmdlet(
            person.host, at, "New-MailboxExportRequest",
            parameters(Mailbox=person.smtp, FilePath=f"{_EXPORTS}\\{name}.pst"), ADMIN,
        )  # fmt: skip
        yield Cmdlet(
            person.host, at + timedelta(days=1, minutes=rng.randrange(50)), "Remove-MailboxExportRequest",
            parameters(Identity=f"{person.smtp}\\MailboxExport", Confirm="False"), ADMIN,
        )  # fmt: skip
        other = rng.choice(pool)
        yield Cmdlet(
            other.host, at + timedelta(days=2, hours=rng.randrange(8), minutes=rng.randrange(60)), "New-InboxRule",
            parameters(Mailbox=other.smtp, Name="copy", RedirectTo=f"{other.sam}@club.example"), other.sam, "ECP",
        )  # fmt: skip
        at += timedelta(days=rng.randrange(18, 40), minutes=rng.randrange(300))


def write_cmdlet_logs(world: World, root: Path, first: datetime, cmdlets: Sequence[Cmdlet]) -> None:
    """Write the log of remote PowerShell, a file a server and day on which a cmdlet was run.

    Args:
        world: the ministry.
        root: the evidence folder.
        first: what was run before is not held any more.
        cmdlets: what was run, in any order.
    """
    people = {one.sam: one for one in world.people}
    rng = pick(world.plan.seed, "rps")
    rows: dict[Path, list[dict[str, str]]] = {}
    for one in sorted(cmdlets, key=lambda each: (each.at_utc, each.host, each.name, each.parameters)):
        if one.at_utc < first or one.host not in HOSTS:
            continue
        path = root / one.host / "Logging" / "CmdletInfra" / "Powershell-Proxy" / "Cmdlet"
        ended = one.at_utc + timedelta(milliseconds=rng.randrange(200, 3_000))
        raw = f"{rng.getrandbits(128):032x}"
        rows.setdefault(path / f"Rps_Cmdlet_{one.at_utc:%Y%m%d%H}-1.LOG", []).append(
            {
                "DateTime": f"{ended:%Y-%m-%dT%H:%M:%S}.{ended.microsecond // 1000:03}Z",
                "StartTime": f"{one.at_utc:%Y-%m-%dT%H:%M:%S}.000Z",
                "RequestId": f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}",
                "MajorVersion": "15", "MinorVersion": "1", "BuildVersion": "2176", "RevisionVersion": "2",
                "ServerHostName": one.host, "ProcessName": "w3wp#MSExchangePowerShellAppPool",
                "AuthenticatedUser": f"{NETBIOS}\\{one.caller}",
                "ExecutingUserSid": people[one.caller].sid if one.caller in people else "",
                "IsAdmin": str(one.caller not in people), "Cmdlet": one.name, "Parameters": one.parameters,
                "ErrorType": "None", "ExecutionResult": "Success",
            }
        )  # fmt: skip
    for path, held in rows.items():
        text = io.StringIO(newline="")
        day = held[0]["DateTime"][:10]
        text.write(head("Rps Cmdlet Logs", day, _FIELDS))
        writer = csv.DictWriter(text, _FIELDS.split(","), lineterminator="\r\n", restval="")
        writer.writerows(held)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())
