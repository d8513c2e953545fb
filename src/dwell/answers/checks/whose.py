"""Whose an export of the organisation is: what it names lies in this house's directory, or another's export passes for it.

Rights and settings of a whole organisation name no mailbox by which they could be told to be this house's. Exports of roles
name places (`corp.example/Users/Anna`), and what lies beside such an export in one folder was made with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from dwell.answers.checks.scene import Current, Scene, series
from dwell.answers.phrases import listed
from dwell.scope.snapshots import Snapshot

__all__ = ["not_ours", "strange"]

_PLACES = ("RoleAssignee", "RoleAssigneeName", "Identity")
_PLACE = re.compile(r"([a-z0-9-]+(?:\.[a-z0-9-]+)+)/", re.IGNORECASE)
_DC = re.compile(r"(?:^|,)\s*DC=([^,]+)", re.IGNORECASE)
_HOSTED = (".onmicrosoft.com", ".prod.outlook.com")
"""Ends of domains that every tenant has and that no directory of a house names."""


def _domain_of(text: str) -> str:
    """Give the domain in which a place lies, in small letters; "" where the text is no place."""
    met = _PLACE.match(text.strip())
    found = met[1] if met is not None else ".".join(_DC.findall(text))
    return "" if found.lower().endswith(_HOSTED) else found.lower()


def _related(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def _own(scene: Scene) -> set[str]:
    """Give the domains of the house: those of its mailboxes' addresses, and of its accounts' places and sign-in names."""
    out = set(scene.case.identities.domains())
    for one in scene.case.snapshots.of("directory"):
        for row, _ in scene.case.snapshots.read(one, ("DistinguishedName", "UserPrincipalName")):
            out |= {
                _domain_of(row["DistinguishedName"] or ""),
                (row["UserPrincipalName"] or "").rpartition("@")[2].lower(),
            }
    return out - {""}


def _named(scene: Scene, one: Snapshot) -> set[str]:
    """Give the domains of the places that an export names."""
    rows = scene.case.snapshots.read(one, _PLACES) if one.table == "exports" else []
    return {domain for row, _ in rows for name in _PLACES if (domain := _domain_of(row[name] or ""))}


def _folder(one: Snapshot) -> str:
    return str(PurePosixPath(series(one.path)).parent)


def strange(scene: Scene, files: Iterable[Current]) -> dict[str, str]:
    """Give the exports that may be another organisation's, by path, each with what says so.

    Nothing is known to be another's where no directory export says which domains are the house's own.

    Args:
        scene: the case.
        files: exports of the organisation.
    """
    own = _own(scene)
    if not own:
        return {}
    named = {one.path: (one, _named(scene, one)) for one in scene.case.snapshots.of("exports")}
    foreign: dict[str, str] = {}
    ours: set[str] = set()
    for one, domains in named.values():
        if any(_related(domain, mine) for domain in domains for mine in own):
            ours.add(_folder(one))
        elif domains:
            foreign.setdefault(_folder(one), listed(sorted(domains)))
    out: dict[str, str] = {}
    for current in files:
        one, domains = named[current.file.path]
        known = any(_related(domain, mine) for domain in domains for mine in own)
        if domains and not known:
            out[one.path] = f"{one.path} names {listed(sorted(domains))}, which no directory export has"
        elif not domains and _folder(one) in foreign.keys() - ours:
            beside = foreign[_folder(one)]
            out[one.path] = f"{one.path} lies beside an export that names {beside}, which no directory export has"
    return out


def not_ours(files: Sequence[Current], found: dict[str, str]) -> str:
    """Say that every export may be another organisation's; "" where one is not."""
    if not files or any(one.file.path not in found for one in files):
        return ""
    return f"it may be another organisation's: {listed(sorted(found.values()))}"
