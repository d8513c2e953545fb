"""The check of the web folders: lists of files from after the last act, held against lists from before the first.

A list decides only for the folders that it covers: it holds files of the folder itself, or the folder is not there any
more and the one it lay in is listed. What an earlier list from after the act shows in a folder that later ones do not cover
is taken to be there still.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dwell.answers.checks.scene import Finding, Pile, Scene, told, undated, weigh
from dwell.answers.phrases import count, listed
from dwell.hunt.checks.stock import COMPILED
from dwell.model.provenance import EvidenceId
from dwell.scope.snapshots import Snapshot
from dwell.scope.states import FileState

__all__ = ["files"]

_DRIVE = r"^(?:[a-z]:|\\\\[^\\]+\\[a-z]\$)"
ROOTS: Mapping[str, re.Pattern[str]] = {
    "inetpub\\wwwroot": re.compile(_DRIVE + r"\\inetpub\\wwwroot\\"),
    "FrontEnd\\HttpProxy": re.compile(_DRIVE + r"\\(?:[^\\]+\\)*frontend\\httpproxy\\"),
    "ClientAccess": re.compile(_DRIVE + r"\\(?:[^\\]+\\)*clientaccess\\"),
}
"""The web folders of a mail server, and how a path in them begins, in small letters."""
_FRONT = "FrontEnd\\HttpProxy"
_V14 = "\\exchange server\\v14\\"
"""Where Exchange 2010 lies, which has no front end of its own."""
_WEB = re.compile(r"\\inetpub\\(?!logs\\|temp\\|history\\|mailroot\\)|\\frontend\\httpproxy\\|\\clientaccess\\")
_PAGE = re.compile(
    r"\.(?:as[hmp]x|asax|ascx|asp|asa|cer|cdx|[cv]bhtml?|master|php\d?|phtml|soap|rem|svc|xamlx|shtml?|jspx?|cfm)$"
)
"""What a web server runs, wherever it lies: a virtual directory can point to any folder."""
_APART = re.compile(r"\\clientaccess\\oab\\[^\\]+\\[^\\]+\.(?:lzx|xml|flt)$|\\temporary asp\.net files\\|\\winsxs\\")
"""Files that come and go by themselves: of the offline address book, of compiled pages, and of Windows' own updates."""
HASHES = "without a hash on both sides a change of {} is not seen"


def _folder(path: str) -> str:
    return path.rpartition("\\")[0]


@dataclass(slots=True)
class _List:
    """One list of files.

    Attributes:
        file: the list.
        states: its files by path, in small letters.
        folders: the folders that it holds files of, themselves or below.
        direct: the folders that it holds files of themselves.
        deep: whether it holds a folder and one in it, as a list of all that lies below does.
    """

    file: Snapshot
    states: Mapping[str, FileState]
    folders: set[str] = field(default_factory=set)
    direct: set[str] = field(default_factory=set)
    deep: bool = False

    def __post_init__(self) -> None:
        """Learn the folders."""
        self.direct = {_folder(path) for path in self.states}
        for one in self.direct:
            above = one
            while above and above not in self.folders:
                self.folders.add(above)
                above = _folder(above)
        self.deep = any(_folder(one) in self.direct for one in self.direct)

    @property
    def at(self) -> str:
        """Give when it was made, to be put in order; what nothing dates first."""
        return str(self.file.at_utc or "")

    def covers(self, folder: str) -> bool:
        """Say whether what a folder holds is told: it is listed, or it is gone and the one it lay in is listed."""
        return folder in self.folders or (self.deep and _folder(folder) in self.direct)

    def roots(self) -> set[str]:
        """Give the web folders that it holds files of."""
        ends = [f"{one}\\" for one in self.direct]
        return {name for name, pattern in ROOTS.items() if any(pattern.match(one) for one in ends)}


def _of_interest(path: str) -> bool:
    return not _APART.search(path) and bool(_WEB.search(path) or _PAGE.search(path))


def _standing(lists: Sequence[_List]) -> dict[str, FileState]:
    """Give the files that stand by lists, the latest first: an earlier one counts where no later one covers the folder."""
    out: dict[str, FileState] = {}
    for one in lists:
        later = [other for other in lists if other.at > one.at]
        settled = {folder: any(other.covers(folder) for other in later) for folder in one.direct}
        for path, state in one.states.items():
            if not settled[_folder(path)]:
                out.setdefault(path, state)
    return out


@dataclass(slots=True)
class _Told:
    """What stands between a check and a pass, by server: folders that are not listed, files without a hash."""

    uncovered: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)

    @property
    def caveat(self) -> str:
        """Give it in words; "" where nothing does."""
        parts = []
        if self.uncovered:
            parts.append(f"no list from after the act covers {listed(self.uncovered)}")
        if self.alone:
            what = "so what was put there with an old date is not seen"
            parts.append(f"no list from before the first act is held of {listed(self.alone)}, {what}")
        if self.without:
            parts.append(HASHES.format(f"{count(len(self.without), 'file')}: {listed(self.without)}"))
        return "; ".join(parts)


def _changed(now: FileState, before: FileState) -> bool | None:
    """Say whether a file changed; None where neither hashes nor sizes tell."""
    if now.sha256 and before.sha256:
        return now.sha256 != before.sha256
    if now.size_bytes is not None and before.size_bytes is not None and now.size_bytes != before.size_bytes:
        return True
    return None


def _needed(lists: Iterable[_List]) -> set[str]:
    """Give the web folders that have to be listed: those of the version of Exchange that the lists show."""
    old = any(_V14 in f"{folder}\\" for one in lists for folder in one.direct)
    return set(ROOTS) - ({_FRONT} if old else set())


def _look(scene: Scene, host: str, after: Sequence[_List], before: Sequence[_List], pile: Pile, lacks: _Told) -> None:
    """Hold the files of one server against those from before."""
    where = f"on {host or 'an unnamed server'}"
    now, known = _standing(after), _standing(before)
    names = {path.rpartition("\\")[2] for path in now}
    roots = [set[str]().union(*(one.roots() for one in lists)) for lists in (after, before)]
    lacks.uncovered += [f"{root} {where}" for root in sorted(_needed(after) - roots[0])]
    lacks.alone += [f"{root} {where}" for root in sorted(_needed(after) - roots[1])]
    gone = {_folder(path) for path in known if _WEB.search(path) and not _APART.search(path)}
    lacks.uncovered += [f"{one} {where}" for one in sorted(gone) if not any(each.covers(one) for each in after)]
    for path, one in sorted(now.items()):
        made = COMPILED.search(path)
        if made is not None and made[1].lower() not in names:
            pile.add(f"{made[1]} {where} was compiled and its script is gone", one.ground, bad=False)
        elif _of_interest(path) and path in known:
            _compare(one, known[path], where, pile, lacks)
        elif _of_interest(path):
            root = next((name for name, pattern in ROOTS.items() if pattern.match(path)), "")
            covered = root in roots[1] or any(each.covers(_folder(path)) for each in before)
            if text := _newly(one, scene.first, covered=covered, rooted=bool(root)):
                pile.add(f"{one.path} {where}{text}", one.ground, bad=False)


def _compare(now: FileState, before: FileState, where: str, pile: Pile, lacks: _Told) -> None:
    """Hold a file against what it was."""
    changed = _changed(now, before)
    if changed:
        pile.add(f"{now.path} {where} has changed", now.ground, bad=False)
    elif changed is None:
        lacks.without.append(f"{now.path} {where}")


def _newly(one: FileState, first: datetime, *, covered: bool, rooted: bool) -> str:
    """Say that a file which no list from before has is new; "" where nothing says so.

    Args:
        one: the file.
        first: the first hostile act.
        covered: whether a list from before covers its folder.
        rooted: whether it lies in a web folder: where no list from before has that folder, that is told once for all.
    """
    if covered:
        return " is new"
    if one.created_utc is None:
        return "" if rooted else ", made nobody knows when"
    return "" if one.created_utc < first else f", made {one.created_utc:%Y-%m-%d}"


def _lists(files: Iterable[Snapshot], states: Mapping[EvidenceId, Mapping[str, FileState]]) -> dict[str, list[_List]]:
    """Give the lists of each server, the latest first."""
    out: dict[str, list[_List]] = {}
    for one in files:
        out.setdefault(one.host, []).insert(0, _List(one, states.get(one.evidence_id, {})))
    return out


def files(scene: Scene) -> list[Finding]:
    """Hold the files of the web folders after the last act against those before the first."""
    dated = scene.after("inventory")
    if not dated:
        return [undated(scene.case.snapshots.of("inventory"), scene.last)]
    states: dict[EvidenceId, dict[str, FileState]] = {}
    for one in scene.case.files:
        states.setdefault(one.ground.evidence_id, {})[one.path.lower().replace("/", "\\")] = one
    after, before = _lists([one for one, _ in dated], states), _lists(scene.before("inventory"), states)
    pile, lacks = Pile(), _Told()
    for host, lists in sorted(after.items()):
        _look(scene, host, lists, before.get(host, []), pile, lacks)
    fine = "nothing in the web folders is new or changed, nor is a page or script in any other folder of the lists"
    return [weigh(scene.servers(after), told(dated), pile, fine=fine, caveat=lacks.caveat)]
