"""Activity reports of Google Workspace: sign-ins, tokens, administration, Drive, and what was done with mail.

Source:
    Google, Admin SDK Reports API, "Activities: list" (`kind: admin#reports#activity`), one activity an object or in
    lists under `items`. `events` is kept as JSON; the name and type of the first event, and its parameters, are columns
    or in `extra` (`parameters.<name>`).
Time:
    `id.time` is UTC, milliseconds.
Units:
    One row is one activity. Exports repeat records: nothing is left out, `id.uniqueQualifier` tells copies apart.

Raises:
    Nothing. An object that cannot be read is an anomaly.
Trust:
    The service writes the record; an outsider writes subjects, file names and the names of applications.
Silence:
    Reports hold 30 days of mail and up to 6 months of the rest. Mail read through IMAP or the interface is only in the
    log of the application `gmail`, which not every edition has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.json_records import JsonRecords, Look
from dwell.sources.matched import schema_of
from dwell.sources.source import Stamp

__all__ = ["GoogleWorkspace"]

_NAMES = (
    "id.time", "id.uniqueQualifier", "id.applicationName", "id.customerId", "actor.email", "actor.profileId",
    "actor.callerType", "actor.key", "ipAddress", "ownerDomain", "event.type", "event.name", "events",
    "parameters.login_type", "parameters.app_name", "parameters.client_id", "parameters.scope",
    "parameters.email_forwarding_destination_address", "parameters.message_id", "parameters.doc_title",
    "parameters.USER_EMAIL",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_NAMES, pa.string())
_VALUES = ("value", "intValue", "boolValue", "multiValue", "multiIntValue", "messageValue", "multiMessageValue")


class GoogleWorkspace(JsonRecords):
    """Activity reports of Google Workspace."""

    key = "google_workspace"
    stamp = Stamp("id.time", TimeBasis.UTC, "millisecond")
    title = "Google Workspace activity reports (JSON)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    whole: ClassVar[frozenset[str]] = frozenset({"events"})
    time_names: ClassVar[tuple[str, ...]] = ("id.time",)
    score = 92
    schema = schema_of(_COLUMNS)
    lexicon = (
        "id.applicationName", "actor.email", "ipAddress", "event.type", "event.name", "parameters.app_name",
        "parameters.client_id", "parameters.email_forwarding_destination_address",
    )  # fmt: skip

    def _is_ours(self, seen: Look) -> bool:
        return seen.text("kind").startswith("admin#reports#activit") or {"actor", "events", "id"} <= seen.names

    def _shaped(self, record: dict[str, Any]) -> dict[str, Any]:
        """Bring what the first event says to the top."""
        events = record.get("events")
        first = events[0] if isinstance(events, list) and events and isinstance(events[0], dict) else None
        if first is None:
            return record
        out = record | {"event": {name: first[name] for name in ("type", "name") if name in first}}
        held = first.get("parameters")
        for one in held if isinstance(held, list) else ():
            if isinstance(one, dict) and isinstance(one.get("name"), str):
                value = next((one[name] for name in _VALUES if name in one), None)
                out.setdefault(f"parameters.{one['name']}", value)
        return out
