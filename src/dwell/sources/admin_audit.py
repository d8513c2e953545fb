r"""Admin audit logs of Exchange on premises: every cmdlet that changed something, with its parameters.

Source:
    Microsoft Learn, "Administrator audit logging in Exchange Server", "New-AdminAuditLogSearch" (its mail attachment,
    XML) and "Search-AdminAuditLog" (CSV by `Export-Csv`). Unverified: built from a description and from the vendor's
    own example, no sample seen; a real file would verify it.
Time:
    `RunDate` of the XML carries the server's offset and becomes `time_utc`. That of a CSV is in the local time and
    words of whoever exported it, without a zone: `time_utc` is null there, the text stays.
Units:
    One event is one cmdlet (`Cmdlet`; the CSV calls it `CmdletName`). `CmdletParameters` and `ModifiedProperties` are
    JSON lists as the XML gives them, or what the CSV made of them; `Parameters` holds the parameters by name, XML only.

Raises:
    Nothing. An element or line that cannot be read is an anomaly; entities and document types are refused.
Trust:
    The server writes it. Values of parameters are what the caller gave; secrets are left out by the writer. An
    administrator can switch the log off, which is itself logged.
Silence:
    `Get-` cmdlets are not written. Kept for 90 days in a mailbox of the system. `ModifiedProperties` only where the log
    is set to be verbose. A search gives what it was asked for; its attachment ends at 10 MB, which a fact says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar
from xml.etree.ElementTree import Element

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.audit_export import AuditCsv, AuditXml, Pairs, attributes, audit_schema
from dwell.sources.delimited import unique_names
from dwell.sources.source import EXTRA, Stamp
from dwell.sources.xml_elements import local_name

__all__ = ["AdminAuditCsv", "AdminAuditXml"]

_NAMES = (
    "Caller", "Cmdlet", "ObjectModified", "CmdletParameters", "ModifiedProperties", "Succeeded", "Error", "RunDate",
    "OriginatingServer", "Identity", "IsValid", "ObjectState",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_NAMES, pa.string()) | {"Parameters": EXTRA.type}
_LEXICON = ("Caller", "Cmdlet", "ObjectModified", "CmdletParameters", "Succeeded", "Error", "OriginatingServer")
_PARAMETERS_MAX = 4096


class AdminAuditXml(AuditXml):
    """Exchange admin audit log, XML."""

    key = "admin_audit"
    stamp = Stamp("RunDate", TimeBasis.OFFSET, "second")
    title = "Exchange admin audit log (XML)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    tells = re.compile(r"<(?:\w+:)?Event\s[^<>]{0,8000}\b(?:Cmdlet|RunDate)\s*=")
    names: ClassVar[Mapping[str, str]] = {"CmdletName": "Cmdlet"}
    time_name = "RunDate"
    schema = audit_schema(_COLUMNS)
    lexicon = _LEXICON

    def _inside(self, element: Element) -> tuple[dict[str, str | Pairs], list[tuple[str, str]]]:
        values, others = super()._inside(element)
        given = [
            (held.get("Name", ""), held.get("Value"))
            for child in element
            if local_name(child) == "CmdletParameters"
            for held in (attributes(one) for one in child)
        ]
        if 0 < len(given) <= _PARAMETERS_MAX:
            names = unique_names([name for name, _ in given])
            values["Parameters"] = [(name, value) for name, (_, value) in zip(names, given, strict=True)]
        return values, others


class AdminAuditCsv(AuditCsv):
    """Exchange admin audit log, CSV."""

    key = "admin_audit_csv"
    stamp = Stamp("RunDate", TimeBasis.UNKNOWN)
    title = "Exchange admin audit log (CSV)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    marks = (
        frozenset({"cmdletname"}),
        frozenset({"rundate"}),
        frozenset({"caller", "objectmodified"}),
    )
    names: ClassVar[Mapping[str, str]] = {"cmdletname": "Cmdlet"}
    instant_name = "RunDate"
    schema = audit_schema(_COLUMNS)
    lexicon = _LEXICON

    @property
    def table(self) -> str:
        """Give the table that both forms share."""
        return "admin_audit"
