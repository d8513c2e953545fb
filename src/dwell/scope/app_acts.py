"""What was done to applications of the tenant: rights on mail given, secrets added, applications taken away and restored.

The tenant's audit log and Entra's own tell the same acts in two forms. An application goes by several ids (that of the
application, those of its objects) and by a name that anybody may give to another one; a record holds some of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_lexicon, read_rows
from dwell.archive.store import Archive
from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef

__all__ = ["AppAct", "Deed", "app_acts", "done", "mail_rights"]


class Deed(StrEnum):
    """What was done to an application."""

    SECRET = "secret"  # noqa: S105 - a word, not a secret
    RIGHTS = "rights"
    REMOVED = "removed"
    DELETED = "deleted"
    RESTORED = "restored"
    NAMED = "named"


_DEEDS: Mapping[str, Deed] = {
    "consent to application": Deed.RIGHTS,
    "add delegated permission grant": Deed.RIGHTS,
    "add app role assignment to service principal": Deed.RIGHTS,
    "update application – certificates and secrets management": Deed.SECRET,
    "add service principal credentials": Deed.SECRET,
    "remove service principal": Deed.REMOVED,
    "hard delete service principal": Deed.REMOVED,
    "delete application": Deed.DELETED,
    "hard delete application": Deed.DELETED,
    "restore service principal": Deed.RESTORED,
    "restore application": Deed.RESTORED,
    "add service principal": Deed.NAMED,
    "add application": Deed.NAMED,
}
"""By the operation, in lower case and without its full stop; `NAMED` only tells which ids and names are one's. Rights are
held by the service principal, which is `REMOVED`; what is `DELETED` is the application's object, with its own secrets."""
_DONE = frozenset(
    {
        "",
        "success",
        "succeeded",
        "true",
        "1",
        "erfolg",
        "erfolgreich",
        "réussite",
        "réussi",
        "succès",
        "geslaagd",
        "gelukt",
    }
)
"""Results, in lower case, of what was done; "" where a record has none. Downloads of the portal may be in its language."""
_ON_RESOURCE = frozenset({"add delegated permission grant", "add app role assignment to service principal"})
"""Acts whose target is what may be read, not the application that may read it."""
_UAL = ("evidence_id", "record_no", "time_utc", "Operation", "UserId", "ActorIpAddress", "ClientIP", "Id",
    "ResultStatus",
)  # fmt: skip
_ENTRA = (
    "evidence_id", "record_no", "time_utc", "activityDisplayName", "operationName", "id", "targetResources",
    "initiatedBy.user.userPrincipalName", "initiatedBy.app.displayName", "initiatedBy.user.ipAddress", "result",
)  # fmt: skip
_GUID = re.compile(r"^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE)
_NOBODY = "00000000-0000-0000-0000-000000000000"
_IDS = ("ServicePrincipal.ObjectID", "ServicePrincipal.AppId", "AppId", "AppPrincipalId")
_ON_MAIL = re.compile(
    r"\b(?:Mail\.(?:Read|ReadWrite|ReadBasic|Send)(?:\.\w+)*|MailboxSettings\.\w+|full_access_as_app|"
    r"(?:EWS|IMAP|POP|EAS)\.AccessAsUser\.All|Exchange\.ManageAsApp|"
    r"(?:Application|AppRoleAssignment|Directory)\.ReadWrite\.All|RoleManagement\.ReadWrite\.(?:Directory|All))\b"
)
"""Rights to mail, and those by which an application gives itself any other."""
_OBJECT, _PRINCIPAL = "Application", "ServicePrincipal"


@dataclass(frozen=True, slots=True)
class AppAct:
    """One act on one application.

    Attributes:
        deed: what was done.
        name: the application's name; "" where the record has none.
        ids: its ids as the record has them, lower case.
        kinds: which of its objects the record is about.
        account: who did it, as written; None where the record has nobody.
        address: from where; None where the record has none.
        rights: rights on mail that were given, sorted.
        at_utc: when; None where the record has no instant.
        ground: the record.
    """

    deed: Deed
    name: str
    ids: frozenset[str]
    kinds: frozenset[str]
    account: str | None
    address: str | None
    rights: tuple[str, ...]
    at_utc: datetime | None
    ground: RecordRef


def done(result: object) -> bool:
    """Say whether a record's result is that of an act that was done: one that failed gave and took nothing."""
    return str(result or "").strip().lower() in _DONE


def mail_rights(text: str) -> frozenset[str]:
    """Give the rights on mail that a text names, and those by which an application gives itself such rights."""
    return frozenset(_ON_MAIL.findall(text))


def _operation(text: object) -> str:
    return str(text or "").strip().rstrip(".").strip().lower()


def _guids(*texts: object) -> frozenset[str]:
    return frozenset(
        one.lower()
        for text in texts
        if isinstance(text, str) and _GUID.match(one := text.strip('" ')) and one != _NOBODY
    )


def _plain(value: object) -> str:
    """Give a value without the quotes or the list that the log wraps it in."""
    return "" if value is None else str(value).strip("[]\r\n\" '")


@dataclass(frozen=True, slots=True)
class _Target:
    """What an act was done to, and what it changed: name of each property to its old and its new value."""

    name: str
    ids: frozenset[str]
    kinds: frozenset[str]
    changed: Mapping[str, tuple[str, str]]


def _of_ual(text: str | None) -> _Target | None:
    """Read the target of an audit record."""
    record = _decoded(text)
    if not isinstance(record, dict):
        return None
    held = record.get("Target")
    target = [one for one in held if isinstance(one, dict)] if isinstance(held, list) else []
    told = [str(one.get("ID") or "") for one in target]
    names = [str(one.get("ID") or "") for one in target if one.get("Type") == 1]
    changed = _changed(record.get("ModifiedProperties"), "Name", "OldValue", "NewValue")
    kinds = frozenset(told) & {_OBJECT, _PRINCIPAL}
    return _Target(names[0] if names else "", _guids(*told), kinds, changed)


def _of_entra(text: str | None) -> _Target | None:
    """Read the targets of a record of Entra's own log; the first is what the act was done to."""
    held = _decoded(text)
    targets = [one for one in held if isinstance(one, dict)] if isinstance(held, list) else []
    if not targets:
        return None
    changed: dict[str, tuple[str, str]] = {}
    for one in targets:
        changed |= _changed(one.get("modifiedProperties"), "displayName", "oldValue", "newValue")
    first = targets[0]
    kinds = frozenset({str(first.get("type") or "")}) & {_OBJECT, _PRINCIPAL}
    return _Target(str(first.get("displayName") or ""), _guids(first.get("id")), kinds, changed)


def _changed(rows: object, name: str, old: str, new: str) -> dict[str, tuple[str, str]]:
    told = [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []
    return {str(one.get(name)): (str(one.get(old) or ""), str(one.get(new) or "")) for one in told}


def _decoded(text: str | None) -> object:
    try:
        return msgspec.json.decode(text or "null")
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def _given(changed: Mapping[str, tuple[str, str]]) -> tuple[str, ...]:
    """Give the rights on mail that are new with an act."""
    found: set[str] = set()
    for name in ("DelegatedPermissionGrant.Scope", "AppRole.Value"):
        old, new = changed.get(name, ("", ""))
        found |= mail_rights(new) - mail_rights(old)
    before, _, after = changed.get("ConsentAction.Permissions", ("", ""))[1].partition("=>")
    return tuple(sorted(found | (mail_rights(after) - mail_rights(before))))


def _act(
    operation: str,
    target: _Target,
    who: tuple[object, object],
    at: int | None,
    ref: RecordRef,
    result: object,
) -> AppAct | None:
    deed, (account, address) = _DEEDS[operation], who
    rights = _given(target.changed)
    if not done(result) or (deed is Deed.RIGHTS and not rights):
        # what failed or has no right on mail is still told by its names
        deed, rights = Deed.NAMED, ()
    ids = _guids(*(_plain(target.changed[one][1]) for one in _IDS if one in target.changed))
    name, kinds = _plain(target.changed.get("ServicePrincipal.DisplayName", ("", ""))[1]), frozenset({_PRINCIPAL})
    if operation not in _ON_RESOURCE:
        name, ids, kinds = target.name, ids | target.ids, target.kinds
    if not ids and not name:
        return None
    return AppAct(
        deed,
        name,
        ids,
        kinds,
        str(account) if account else None,
        str(address) if address else None,
        rights,
        None if at is None else utc_from_us(at),
        ref,
    )


def _rows(
    file: DataFile, columns: tuple[str, ...], names: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, Any], int | None]]:
    """Yield the rows of a data file whose operation is one of `_DEEDS`: place in the file, columns, instant."""
    lexicon = read_lexicon(file)
    held = [lexicon.column(one)["value"].to_pylist() for one in names if one in lexicon.complete]
    if len(held) == len(names) and not any(_operation(one) in _DEEDS for each in held for one in each):
        return
    rows = read_rows(file, columns)
    taken = np.zeros(rows.num_rows, np.bool_)
    for one in names:
        mine = pa.array([text for text in pc.unique(rows[one]).to_pylist() if _operation(text) in _DEEDS], pa.string())
        taken |= pc.is_in(rows[one], value_set=mine).to_numpy()
    place = np.flatnonzero(taken)
    near = rows.take(pa.array(place))
    times = near["time_utc"].cast(pa.int64()).to_pylist()
    yield from zip(place.tolist(), near.drop(["time_utc"]).to_pylist(), times, strict=True)


def app_acts(archive: Archive) -> tuple[AppAct, ...]:
    """Give what was done to applications, in order of time; what was exported twice is told once.

    Raises:
        CustodyError: a data file is not what was written.
    """
    found: dict[tuple[str, str], AppAct] = {}
    for file in archive.files("ual"):
        rows = list(_rows(file, _UAL, ("Operation",)))
        if not rows:
            continue
        texts = read_rows(file, ("AuditData",))["AuditData"].take(pa.array([one for one, _, _ in rows])).to_pylist()
        for text, (_, row, at) in zip(texts, rows, strict=True):
            ref, target = RecordRef("ual", EvidenceId(row["evidence_id"]), row["record_no"]), _of_ual(text)
            operation = _operation(row["Operation"])
            who = row["UserId"], row["ActorIpAddress"] or row["ClientIP"]
            if target is not None and (act := _act(operation, target, who, at, ref, row["ResultStatus"])):
                found.setdefault(("ual", row["Id"] or str(ref)), act)
    for file in archive.files("entra_audit"):
        for _, row, at in _rows(file, _ENTRA, ("activityDisplayName", "operationName")):
            ref = RecordRef("entra_audit", EvidenceId(row["evidence_id"]), row["record_no"])
            target = _of_entra(row["targetResources"])
            names = (_operation(row["activityDisplayName"]), _operation(row["operationName"]))
            operation = next(one for one in names if one in _DEEDS)
            account = row["initiatedBy.user.userPrincipalName"] or row["initiatedBy.app.displayName"]
            by = account, row["initiatedBy.user.ipAddress"]
            if target is not None and (act := _act(operation, target, by, at, ref, row["result"])):
                found.setdefault(("entra_audit", row["id"] or str(ref)), act)
    return tuple(sorted(found.values(), key=lambda one: (str(one.at_utc or ""), one.ground)))
