"""Is a script still on its server? What lists of files say, each with its date.

A list shows a script to be gone only where it holds the very folder in which the script lay, and not the script: a folder
below it, the same folder of another tree and a backup of it are other folders. A list of one sort of files holds the
folder as well and could not show the script: it has to hold a page there, or files of several sorts where IIS has no
pages. A file of the same name elsewhere in the web folders leaves it open, as a script can be moved. A list that shows it
counts until a later one does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from dwell.hunt.checks.stock import PAGE
from dwell.model.claims import FootholdState
from dwell.model.provenance import EvidenceId
from dwell.scope.exploits import script_name
from dwell.scope.investigation import Investigation
from dwell.scope.snapshots import Snapshot
from dwell.scope.states import FileState

__all__ = ["UNCOVERED", "lists_without", "state_of"]

UNCOVERED = "no list of files or export dated after it is held that covers it"
_RUN = "page"
_FRONT = frozenset({"owa", "ecp", "oab", "ews", "mapi", "autodiscover", "powershell", "rpc"})
"""Applications of Exchange's site: what is asked of them lies in its own folder and not in that of IIS."""
_SITE = "inetpub/wwwroot"
_EXCHANGE = "program files/microsoft/exchange server/v1[0-9]/frontend/httpproxy"
_ROOT = re.compile(rf"(?:(?://[.?]/)?[a-z]:)?/*(?P<root>{_SITE}|{_EXCHANGE})(?:/|$)")
"""A web folder at the top of a drive: further down it is a copy. Exchange elsewhere than where it is put by itself is not
known."""


def _plain(path: str) -> str:
    return path.lower().replace("\\", "/")


def _folder(path: str) -> str:
    """Give the folder of a plain path, without its drive: one log names the drive, another the share."""
    return re.sub(r"^(?://[.?]/)?[a-z]:", "", path.rpartition("/")[0]).strip("/")


def _is_request(path: str) -> bool:
    """Say whether a path is that of a request: those of files have a drive, or no slash at their head."""
    return path.startswith("/") and not _ROOT.match(path)


def _folders(path: str, shown: Iterable[FileState]) -> list[set[str]]:
    """Give the folders that a list must hold to show a script gone: one of each set.

    They are those in which lists show it, and what its own path stands for, where none of them is a web folder.
    """
    plain = _plain(path)
    known = [_plain(one.path) for one in shown]
    out = [{_folder(one)} for one in sorted(known)]
    asked = _folder(plain)
    if not _is_request(plain):
        out.append({asked})
    elif asked.partition("/")[0] in _FRONT and not any(_ROOT.match(one) for one in known):
        out.append({f"{_EXCHANGE.replace('v1[0-9]', one)}/{asked}" for one in ("v14", "v15")})
    elif not any(_ROOT.match(one) for one in known):
        out.append({f"{_SITE}/{asked}".rstrip("/")})
    return out


def _sort(plain: str) -> str:
    """Give the ending of a file's name; that of a page where a web server runs it, whichever it is."""
    return _RUN if PAGE.search(plain) else plain.rpartition("/")[2].rpartition(".")[2]


def _shows_pages(folder: str, held: Mapping[str, set[str]]) -> bool:
    """Say whether a list that holds a folder could show a page in it, and is not of one sort of files.

    Exchange has pages in its folders: one has to be listed there, or in a folder above it. In those of IIS there need be
    none: files of several sorts will do.

    Args:
        folder: it, without its drive.
        held: the sorts of files in each folder of the list.
    """
    met = _ROOT.match(folder)
    root = folder if met is None else met["root"]
    if met is not None and root != _SITE:
        return any(
            _RUN in sorts and f"{folder}/".startswith(f"{one}/") and one.startswith(root) for one, sorts in held.items()
        )
    sorts = set[str]().union(*(found for one, found in held.items() if f"{one}/".startswith(f"{root}/")))
    return _RUN in sorts or len(sorts) > 1


def _shown(case: Investigation, host: str, path: str) -> list[FileState]:
    """Give the files of lists that are what a path names: their last two parts agree."""
    asked = script_name(path)
    return [one for one in case.files if one.host == host and _named(one.path, asked)]


def _named(path: str, asked: str) -> bool:
    return f"/{script_name(path)}".endswith(f"/{asked}")


def _dated(case: Investigation, host: str, after: datetime) -> list[tuple[Snapshot, str]]:
    """Give the lists of a server from after an instant, with what dates each, in order of date."""
    lists = [one for one in case.snapshots.of("inventory") if one.host == host]
    return [(one, why) for one in lists if (why := one.after(after))]


def _last_shown(case: Investigation, shown: Sequence[FileState], last: datetime | None) -> datetime | None:
    """Give when a script was last used or listed; None where that is not known."""
    made = case.snapshots.made()
    listed = [made.get(one.ground.evidence_id) for one in shown]
    if any(one is None for one in listed):
        return None
    return max((at for at in (*listed, last) if at is not None), default=None)


def lists_without(
    case: Investigation, host: str, path: str, last: datetime | None
) -> tuple[list[tuple[Snapshot, str]], str]:
    """Give the lists of files that show a script to be gone, by date, with what dates each, and what is against it.

    They are of its server, from after it was last used or listed, hold a file in its folder, and not the script. Where one
    of them holds a file of its name in another web folder there are none.

    Args:
        case: what the records allow to be said.
        host: the server.
        path: the script's path, of a request or of a file.
        last: when the script was last seen in use, or what else the lists have to be later than; None for nothing.
    """
    shown = _shown(case, host, path)
    after = _last_shown(case, shown, last)
    if after is None:
        return [], ""
    folders, name = _folders(path, shown), script_name(path).rpartition("/")[2]
    dated = _dated(case, host, after)
    wanted = {one.evidence_id for one, _ in dated}
    held: dict[EvidenceId, dict[str, set[str]]] = {one: {} for one in wanted}
    for one in case.files:
        if one.host != host or one.ground.evidence_id not in wanted:
            continue
        plain = _plain(one.path)
        if plain.rpartition("/")[2] == name and _ROOT.match(plain):
            return [], f"a file of its name lies in another web folder by then: {one.path}"
        held[one.ground.evidence_id].setdefault(_folder(plain), set()).add(_sort(plain))
    covering = {
        one
        for one, known in held.items()
        if all(any(_shows_pages(folder, known) for folder in each if folder in known) for each in folders)
    }
    return [(one, why) for one, why in dated if one.evidence_id in covering], ""


def state_of(
    case: Investigation, host: str, path: str, last: datetime | None
) -> tuple[FootholdState, str, list[FileState]]:
    """Look a script up in the lists of files of its server.

    Args:
        case: what the records allow to be said.
        host: the server.
        path: the script's path, of a request or of a file.
        last: when it was last seen in use; None where that is not known.
    """
    shown = _shown(case, host, path)
    without, against = lists_without(case, host, path, last)
    if without:
        file, why = without[-1]
        told = f"a list of files from after it was last seen holds its folder, and not the file: {file.path} ({why})"
        return FootholdState.REMOVED, told, shown
    if shown and not against:
        return FootholdState.PRESENT, f"in the list of files: {shown[-1].path}", shown
    return FootholdState.UNKNOWN, against or UNCOVERED, shown
