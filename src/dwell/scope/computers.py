"""What the directory says its computers are for: the class of a host, with the record that says so.

`Get-ADComputer` and csvde write a computer's service principals, operating system, organisational unit and description. A
service principal is registered by the service itself; a unit or a description is what somebody once wrote. Which of them
tells, is told with the class. Names of hosts tell nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow.compute as pc

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.model.provenance import EvidenceId, RecordRef

__all__ = ["MAIL_SERVER", "Computer", "class_of_computer", "computers_of"]

MAIL_SERVER = "mail server"
_SERVICES: Mapping[str, str] = {
    "gc": "directory",
    "e3514235-4b06-11d1-ab04-00c04fc2dcd2": "directory",
    "mssqlsvc": "database",
    "msolapsvc.3": "database",
    "postgres": "database",
    "nfs": "file",
    "exchangemdb": MAIL_SERVER,
    "exchangerfr": MAIL_SERVER,
    "microsoft virtual console service": "management",
    "hyper-v replica service": "management",
}
"""Class of a host by the service part of a service principal, in lower case."""
_CONTROLLERS = frozenset({"516", "521"})
"""Primary groups of domain controllers, and of those that only read."""
_WORDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(text, re.IGNORECASE))
    for kind, text in (
        ("classified", r"\bclassified\b|\bgerubriceerd|\bgeheim|\bvs-nfd\b"),
        ("backup", r"\bback-?ups?\b|\bveeam\b"),
        ("database", r"\bdatabases?\b|\bsql\b|\boracle\b"),
        ("file", r"\bfile[ -]?servers?\b|\bfiles?hares?\b|\bbestandsserver"),
        ("management", r"\bhyper-?v\b|\bvcenter\b|\besxi?\b|\bsccm\b|\bmanagement servers?\b"),
        ("directory", r"\bdomain controllers?\b"),
    )
)
"""Words of a unit or a description, in the order in which they are asked."""
_UNIT = re.compile(r"(?<![^,])OU=((?:\\.|[^,\\])+)", re.IGNORECASE)
TOLD_MAX = 80


@dataclass(frozen=True, slots=True)
class Computer:
    """One computer of the directory.

    Attributes:
        host: its name without a domain, lower case.
        kind: the class that the directory bears out; "" where it bears out none.
        why: what tells it, in words; may hold evidence text.
        ground: the record.
    """

    host: str
    kind: str
    why: str
    ground: RecordRef


def class_of_computer(told: Mapping[str, str]) -> tuple[str, str]:
    """Give the class that a computer's attributes bear out and what tells it; two empty texts where none does.

    Args:
        told: attributes by their names in lower case.
    """
    principals = told.get("serviceprincipalname") or told.get("serviceprincipalnames") or ""
    for one in sorted(re.split(r"[;,|\r\n{}]+", principals)):
        service = one.strip().partition("/")[0].lower()
        if service in _SERVICES:
            return _SERVICES[service], f"its service principal {one.strip()[:TOLD_MAX]}"
    if told.get("primarygroupid", "") in _CONTROLLERS:
        return "directory", "its primary group"
    units = _UNIT.findall(told.get("distinguishedname") or told.get("dn") or "")
    texts = [(f"its unit {one[:TOLD_MAX]}", one) for one in units]
    texts += [(f"its {name} {told[name][:TOLD_MAX]}", told[name]) for name in ("description",) if told.get(name)]
    for kind, words in _WORDS:
        for why, text in texts:
            if words.search(text):
                return kind, why
    return "", ""


def computers_of(archive: Archive) -> tuple[Computer, ...]:
    """Give the computers of all directory exports, by name; of several records the first that bears out a class.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out: dict[str, Computer] = {}
    found: list[Computer] = []
    for file in archive.files("directory"):
        rows = read_rows(file, ("SamAccountName", "DistinguishedName", "extra", "evidence_id", "record_no"))
        rows = rows.filter(pc.fill_null(pc.ends_with(rows["SamAccountName"], "$"), False))  # noqa: FBT003 - Arrow's own order
        for row in rows.to_pylist():
            told = {name.lower(): value for name, value in row["extra"] or () if value}
            told["distinguishedname"] = row["DistinguishedName"] or ""
            kind, why = class_of_computer(told)
            ref = RecordRef("directory", EvidenceId(row["evidence_id"]), row["record_no"])
            found.append(Computer(row["SamAccountName"][:-1].lower(), kind, why, ref))
    for one in sorted(found, key=lambda one: (one.host, not one.kind, one.ground)):
        out.setdefault(one.host, one)
    return tuple(out.values())
