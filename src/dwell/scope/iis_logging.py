"""What a configuration of IIS says of its logs: for which site or folder nothing is written, and how files are named.

Read are `httpLogging` (of the server and by `location`), `logFile` of each site and of `siteDefaults`, and `log`. What a
site or folder does not say it has from what lies above it. A `web.config` is not asked: which folder it is of is in its
path alone, and IIS lets `httpLogging` be set there only where somebody unlocked it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dwell.model.provenance import RecordRef

__all__ = ["COLUMNS", "ELEMENTS", "Unlogged", "by_size", "local_rollover", "unlogged"]

ELEMENTS = frozenset({"httpLogging", "logFile", "log", "site"})
"""Elements that say something of logs, and those that name the sites."""
COLUMNS = (
    "within", "location", "element", "name", "id", "enabled", "dontLog", "logTargetW3C", "logFormat", "localTimeRollover",
)  # fmt: skip
_SITE = re.compile(r"/sites/site\[(.*)\]$", re.DOTALL)
_DEFAULTS = "/sites/siteDefaults"
_YES, _NO = frozenset({"true", "1"}), frozenset({"false", "0"})
Told = tuple[Mapping[str, str], RecordRef]


@dataclass(frozen=True, slots=True)
class Unlogged:
    """Requests that IIS was told not to log.

    Attributes:
        site: the site's name; "" for all sites.
        number: its id, as written; "" for all sites or where it has none.
        folder: the folder below it, as written; "" for the whole site.
        what: the setting, in words.
        ground: the element.
    """

    site: str
    number: str
    folder: str
    what: str
    ground: RecordRef

    @property
    def front(self) -> bool:
        """Say whether it is the site that takes clients' requests: the first of a server, which Exchange is put into."""
        return self.number == "1" or self.site.lower() == "default web site"

    @property
    def words(self) -> str:
        """Give it in words, with what it is of."""
        whose = "of all sites" if not self.site else f"of {self.site}{'/' if self.folder else ''}{self.folder}"
        return f"requests {whose} were not logged: {self.what}"


def attributes(row: Mapping[str, Any]) -> dict[str, str]:
    """Give the columns of a row that hold something and its further attributes, names as written."""
    held = {name: value for name, value in row.items() if isinstance(value, str)}
    return held | {str(name): str(value or "") for name, value in row.get("extra") or ()}


def unlogged(rows: Sequence[Told]) -> list[Unlogged]:
    """Give what is not logged by one configuration.

    Args:
        rows: its elements of `ELEMENTS`, as `attributes` gives them, with the record of each.
    """
    for row, ground in rows:
        if row["element"] == "log" and row.get("centralLogFileMode", "").lower() == "centralbinary":
            return [Unlogged("", "", "", "all sites wrote one binary log (log/@centralLogFileMode)", ground)]
    sites = {row.get("name", ""): row.get("id", "") for row, _ in rows if row["element"] == "site"}
    default = next((one for one in rows if one[0]["element"] == "logFile" and _is_default(one[0])), None)
    own = {met[1]: one for one in rows if one[0]["element"] == "logFile" and (met := _SITE.search(_within(one[0])))}
    placed = {row.get("location", "").strip("/").lower(): (row, ground) for row, ground in rows if _is_http(row)}
    out = []
    for name, number in sites.items():
        found = _of_file([one for one in (own.get(name), default) if one is not None])
        found = found or _of_http([placed[one] for one in (name.lower(), "") if one in placed])
        if found is not None:
            out.append(Unlogged(name, number, "", *found))
    if not sites:
        found = _of_file([default] if default else []) or _of_http([placed[""]] if "" in placed else [])
        return _folders(placed, sites, ()) if found is None else [Unlogged("", "", "", *found)]
    if len(out) == len(sites):
        return [Unlogged("", "", "", out[0].what, out[0].ground)]
    return [*out, *_folders(placed, sites, {one.site.lower() for one in out})]


def local_rollover(rows: Iterable[Told]) -> RecordRef | None:
    """Give an element by which log files are named by local time; None where they are named by UTC."""
    said = [ground for row, ground in rows if row.get("localTimeRollover", "").lower() in _YES]
    return said[0] if said else None


def by_size(rows: Iterable[Told]) -> tuple[str, RecordRef] | None:
    """Give an element by which a log begins anew at a size and not with a day, in words; None where there is none."""
    for row, ground in rows:
        if row["element"] == "logFile" and row.get("period", "").lower() == "maxsize":
            size = row.get("truncateSize", "")
            at = f" of {int(size):,} bytes" if size.isdecimal() else ""
            return f"its files begin anew at a size{at}, and not by the day (logFile/@period MaxSize)", ground
    return None


def _within(row: Mapping[str, str]) -> str:
    return row.get("within", "")


def _is_default(row: Mapping[str, str]) -> bool:
    return _within(row).endswith(_DEFAULTS)


def _is_http(row: Mapping[str, str]) -> bool:
    return row["element"] == "httpLogging"


def _said(told: Sequence[Told], name: str) -> tuple[str, RecordRef] | None:
    """Give the first word on an attribute, in lower case: the nearest comes first."""
    return next(((row[name].strip().lower(), ground) for row, ground in told if row.get(name)), None)


def _of_file(told: Sequence[Told]) -> tuple[str, RecordRef] | None:
    """Say what keeps a site's log from being written to a text file; None for nothing."""
    enabled, target, shape = (_said(told, one) for one in ("enabled", "logTargetW3C", "logFormat"))
    if enabled is not None and enabled[0] in _NO:
        return "its log was switched off (logFile/@enabled)", enabled[1]
    if target is not None and "file" not in re.split(r"[,;\s|]+", target[0]) and not target[0].isdigit():
        return "its log went to no file (logFile/@logTargetW3C)", target[1]
    if shape is not None and shape[0] == "custom":
        return "its log was left to a module (logFile/@logFormat Custom)", shape[1]
    return None


def _of_http(told: Sequence[Told]) -> tuple[str, RecordRef] | None:
    """Say what keeps requests out of the log; None for nothing."""
    off, some = _said(told, "dontLog"), _said(told, "selectiveLogging")
    if off is not None and off[0] in _YES:
        return "logging was switched off (httpLogging/@dontLog)", off[1]
    if some is not None and some[0] == "logerror":
        return "those that were answered with a yes were left out (httpLogging/@selectiveLogging)", some[1]
    return None


def _folders(placed: Mapping[str, Told], sites: Mapping[str, str], dark: Iterable[str]) -> list[Unlogged]:
    """Give the folders for which a `location` of its own says that nothing is logged, but those of dark sites."""
    by_name = {name.lower(): name for name in sites}
    out = []
    for place, told in sorted(placed.items()):
        site, _, folder = place.partition("/")
        found = _of_http([told]) if place and site not in dark else None
        if found is not None and (folder or site not in by_name):
            name = by_name.get(site, site)
            out.append(Unlogged(name, sites.get(name, ""), folder, *found))
    return out
