"""Records of the tenant as Microsoft 365 and Entra write them: consents, rights, cmdlets, sign-ins, traces of messages."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dwell.drill.people import DOMAIN

__all__ = [
    "GRAPH",
    "ORGANISATION",
    "App",
    "Record",
    "cmdlet",
    "consent",
    "entra_act",
    "granted",
    "guid_of",
    "licence",
    "logged_in",
    "sign_in",
    "traced",
]

Record = dict[str, object]
ORGANISATION = "7f3c2c0e-1111-4222-8333-444455556666"
GRAPH = "00000003-0000-0000-c000-000000000000"
_NAMESPACE = uuid.UUID(ORGANISATION)
_GRAPH_OBJECT = "1f0d7c2e-2222-4333-8444-555566667777"
_NO_PASSWORD = "Invalid username or password or Invalid on-premise username or password."  # noqa: S105 - a reason


@dataclass(frozen=True, slots=True)
class App:
    """An application that may read mail.

    Attributes:
        name: as it shows itself.
        rights: what it was given.
        app_only: whether it reads whom it likes by itself, and not in the name of who consented.
    """

    name: str
    rights: str
    app_only: bool = False

    @property
    def id(self) -> str:
        """Give its application id."""
        return guid_of("app", self.name)

    @property
    def principal(self) -> str:
        """Give the id of its object in the tenant."""
        return guid_of("principal", self.name)


def guid_of(*words: str) -> str:
    """Give an id that is always the same for the same words."""
    return str(uuid.uuid5(_NAMESPACE, ":".join(words)))


def _common(
    rng: random.Random, at: datetime, operation: str, user: str, kind: int, workload: str, user_type: int = 0
) -> Record:
    return {
        "CreationTime": at.strftime("%Y-%m-%dT%H:%M:%S"),
        "Id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "Operation": operation,
        "OrganizationId": ORGANISATION,
        "RecordType": kind,
        "ResultStatus": "Success" if kind == 8 else "True",
        "UserKey": guid_of("user", user),
        "UserType": user_type,
        "Version": 1,
        "Workload": workload,
        "UserId": user,
    }


def _target(name: str, app: str, principal: str) -> list[Record]:
    return [
        {"ID": f"ServicePrincipal_{principal}", "Type": 2}, {"ID": principal, "Type": 2},
        {"ID": "ServicePrincipal", "Type": 2}, {"ID": name, "Type": 1}, {"ID": app, "Type": 2}, {"ID": app, "Type": 4},
    ]  # fmt: skip


def _changed(values: Mapping[str, str]) -> list[Record]:
    return [{"Name": name, "NewValue": value, "OldValue": ""} for name, value in values.items()]


def _directory(rng: random.Random, at: datetime, operation: str, user: str, agent: str) -> Record:
    details = f'{{"User-Agent":"{agent}"}}'
    return _common(rng, at, operation, user, 8, "AzureActiveDirectory") | {
        "AzureActiveDirectoryEventType": 1,
        "ExtendedProperties": [
            {"Name": "additionalDetails", "Value": details},
            {"Name": "extendedAuditEventCategory", "Value": "ServicePrincipal"},
        ],
        "Actor": [{"ID": user, "Type": 5}, {"ID": guid_of("user", user), "Type": 2}, {"ID": "User", "Type": 2}],
    }


def consent(rng: random.Random, at: datetime, user: str, app: App, agent: str, *, for_all: bool = False) -> Record:
    """Give a consent as the audit log tells it: it names no address."""
    kind, principal = ("AllPrincipals", "") if for_all else ("Principal", guid_of("user", user))
    entry = (
        f"[] => [[Id: {guid_of('grant', app.name, user)}, ClientId: {app.principal}, PrincipalId: {principal}, "
        f"ResourceId: {_GRAPH_OBJECT}, ConsentType: {kind}, Scope: {app.rights}]]; "
    )
    return _directory(rng, at, "Consent to application.", user, agent) | {
        "ObjectId": app.id,
        "ModifiedProperties": _changed(
            {
                "ConsentContext.IsAdminConsent": str(for_all),
                "ConsentContext.IsAppOnly": "False",
                "ConsentContext.OnBehalfOfAll": str(for_all),
                "ConsentAction.Permissions": entry,
                "TargetId.ServicePrincipalNames": app.id,
            }
        ),
        "Target": _target(app.name, app.id, app.principal),
    }


def granted(rng: random.Random, at: datetime, user: str, app: App, agent: str) -> Record:
    """Give the record by which an application may read every mailbox by itself."""
    return _directory(rng, at, "Add app role assignment to service principal.", user, agent) | {
        "ObjectId": f"{GRAPH};https://graph.microsoft.com",
        "ModifiedProperties": _changed(
            {
                "AppRole.Id": "810c84a8-4a9e-49e6-bf7d-12d183f40d01",
                "AppRole.Value": app.rights,
                "AppRole.DisplayName": "Read mail in all mailboxes",
                "ServicePrincipal.ObjectID": app.principal,
                "ServicePrincipal.DisplayName": app.name,
                "ServicePrincipal.AppId": app.id,
                "ServicePrincipal.Name": app.id,
            }
        ),
        "Target": _target("Microsoft Graph", GRAPH, _GRAPH_OBJECT),
    }


def entra_act(record: Record, address: str) -> Record:
    """Give the same act as Entra's own audit log tells it, which names the address."""
    held = _rows(record["Target"])
    named = next((str(one["ID"]) for one in held if one["Type"] in {1, 5}), "")
    kind = "User" if any(one["ID"] == "User" for one in held) else "ServicePrincipal"
    guid = next(str(one["ID"]) for one in held if one["Type"] == 2 and "_" not in str(one["ID"]))
    operation = str(record["Operation"]).rstrip(".")
    changed = [
        {"displayName": one["Name"], "oldValue": None, "newValue": f'"{one["NewValue"]}"'}
        for one in _rows(record["ModifiedProperties"])
    ]
    target = {"id": guid, "displayName": named, "type": kind, "modifiedProperties": changed}
    return {
        "id": f"Directory_{record['Id']}",
        "category": "UserManagement" if kind == "User" else "ApplicationManagement",
        "correlationId": guid_of("correlation", str(record["Id"])),
        "result": "success",
        "resultReason": "",
        "activityDisplayName": operation,
        "activityDateTime": f"{record['CreationTime']}Z",
        "loggedByService": "Core Directory",
        "operationType": "Assign",
        "initiatedBy": {
            "app": None,
            "user": {
                "id": record["UserKey"], "displayName": None, "userPrincipalName": record["UserId"], "ipAddress": address,
            },
        },
        "targetResources": [target],
        "additionalDetails": [],
    }  # fmt: skip


def _rows(value: object) -> list[Record]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def cmdlet(
    rng: random.Random, at: datetime, user: str, name: str, target: str, client: str, values: Mapping[str, str]
) -> Record:
    """Give a cmdlet of Exchange Online."""
    return _common(rng, at, name, user, 1, "Exchange", 2) | {
        "ClientIP": f"{client}:{rng.randrange(49_152, 65_535)}",
        "ObjectId": target,
        "AppId": "fb78d390-0c51-40cd-8e17-fdbfab77341b",
        "ClientAppId": "",
        "ExternalAccess": False,
        "OrganizationName": "ministry.onmicrosoft.example",
        "OriginatingServer": "AM0PR04MB5043 (15.20.4020.019)",
        "Parameters": [{"Name": key, "Value": value} for key, value in values.items()],
        "SessionId": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    }


def logged_in(rng: random.Random, at: datetime, user: str, client: str, agent: str) -> Record:
    """Give a sign-in as the audit log tells it."""
    return _common(rng, at, "UserLoggedIn", user, 15, "AzureActiveDirectory") | {
        "ResultStatus": "Success",
        "ClientIP": client,
        "ApplicationId": "00000002-0000-0ff1-ce00-000000000000",
        "ExtendedProperties": [{"Name": "UserAgent", "Value": agent}],
    }


def licence(rng: random.Random, at: datetime, admin: str, user: str, agent: str) -> Record:
    """Give the record by which a user's plan loses what records the reading of mail."""
    old = "[SkuName=ENTERPRISEPREMIUM, DisabledPlans=[]]"
    new = "[SkuName=ENTERPRISEPREMIUM, DisabledPlans=[M365_ADVANCED_AUDITING]]"
    return _directory(rng, at, "Update user.", admin, agent) | {
        "ObjectId": user,
        "ModifiedProperties": [
            {"Name": "AssignedLicense", "NewValue": f'["{new}"]', "OldValue": f'["{old}"]'},
            {"Name": "Included Updated Properties", "NewValue": "AssignedLicense, AssignedPlan", "OldValue": ""},
        ],
        "Target": [{"ID": guid_of("user", user), "Type": 2}, {"ID": "User", "Type": 2}, {"ID": user, "Type": 5}],
    }


def sign_in(rng: random.Random, at: datetime, user: str, client: str, agent: str, error: int) -> Record:
    """Give a sign-in as Graph tells it; `error` is 0 for one that succeeded."""
    return {
        "id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "createdDateTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "userPrincipalName": user,
        "userDisplayName": user.partition("@")[0],
        "userId": guid_of("user", user),
        "appId": "00000002-0000-0ff1-ce00-000000000000",
        "appDisplayName": "Office 365 Exchange Online",
        "ipAddress": client,
        "clientAppUsed": "Browser",
        "userAgent": agent,
        "isInteractive": True,
        "resourceDisplayName": "Office 365 Exchange Online",
        "status": {"errorCode": error, "failureReason": _NO_PASSWORD if error == 50126 else None},
        "deviceDetail": {"deviceId": "", "operatingSystem": "Windows", "browser": ""},
    }


def traced(at: datetime, message: str, sender: str, recipient: str, subject: str, size: int) -> tuple[object, ...]:
    """Give the row of a message trace: Received, SenderAddress, RecipientAddress, Subject, Status, Size, ids, addresses."""
    return (
        at.strftime("%Y-%m-%dT%H:%M:%SZ"), sender, recipient, subject, "Delivered", "", "", size, message,
        guid_of("trace", message, recipient), DOMAIN,
    )  # fmt: skip
