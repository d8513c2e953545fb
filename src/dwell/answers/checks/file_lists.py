"""The check of the web folders: lists of files from after the last act, held against lists from before the first.

A list decides only for the folders that it covers: it holds files of the folder itself, or the folder is not there any
more and the one it lay in is listed. What an earlier list from after the act shows in a folder that later ones do not cover
is taken to be there still.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dwell.answers.checks.scene import Finding, Pile, Scene, told, undated, weigh
from dwell.answers.phrases import count, listed
from dwell.hunt.checks.stock import COMPILED, PAGE
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
_APART = re.compile(
    r"\\clientaccess\\oab\\[^\\]+\\[^\\]+\.(?:lzx|xml|flt)$"
    rf"|{_DRIVE}\\windows\\(?:winsxs|microsoft\.net\\framework(?:64)?\\v[^\\]+\\temporary asp\.net files)\\"
)
"""Files that come and go by themselves: of the offline address book, of compiled pages, and of Windows' own updates."""
HASHES = "without a hash on both sides a change of {} is not seen"


def _folder(path: str) -> str:
    return path.rpartition("\\")[0]


def _above(folder: str) -> Iterable[str]:
    """Give the folders that a folder lies in, the nearest first."""
    while folder := _folder(folder):
        yield folder


def _root(path: str) -> str:
    """Give the web folder of a mail server that a file or a folder lies in; "" for any other."""
    return next((name for name, pattern in ROOTS.items() if pattern.match(path)), "")


def _kind(path: str) -> str:
    return path.rpartition("\\")[2].rpartition(".")[2]


@dataclass(slots=True)
class _List:
    """One list of files.

    Attributes:
        file: the list.
        states: its files by path, in small letters.
        folders: the folders that it holds files of, themselves or below.
        direct: the folders that it holds files of themselves.
        deep: whether it holds a folder and one below it, as a list of all that lies below does.
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
        self.deep = any(above in self.direct for one in self.direct for above in _above(one))

    @property
    def at(self) -> str:
        """Give when it was made, to be put in order; what nothing dates first."""
        return str(self.file.at_utc or "")

    def covers(self, folder: str) -> bool:
        """Say whether what a folder holds is told: it is listed, or it is gone and the one it lay in is listed."""
        return folder in self.direct or (self.deep and _folder(folder) in self.direct)

    def roots(self) -> set[str]:
        """Give the web folders that it holds files of."""
        ends = [f"{one}\\" for one in self.direct]
        return {name for name, pattern in ROOTS.items() if any(pattern.match(one) for one in ends)}


def _of_interest(path: str) -> bool:
    return not _APART.search(path) and bool(_WEB.search(path) or PAGE.search(path))


def _is_web(path: str) -> bool:
    return bool(_WEB.search(path)) and not _APART.search(path)


def _left_out(one: Iterable[str], covers: Callable[[str], bool], known: Iterable[str]) -> list[str]:
    """Give the files of before that lists leave out of the web folders that they cover: gone, or never asked for.

    A list of one sort of files, or of those written of late, holds the folders as a whole one does. What shows that it is
    no such list is what was there before: a page is missed always, another file where none of its sort that is known from
    before is listed in the same web folder.

    Args:
        one: the files that are listed.
        covers: says of a folder whether it is told what it holds.
        known: the files of before.
    """
    before = {path for path in known if _is_web(path)}
    there = before.intersection(one)
    sorts = {(_root(path), _kind(path)) for path in there}
    gone = [path for path in before - there if covers(_folder(path))]
    return sorted(path for path in gone if PAGE.search(path) or (_root(path), _kind(path)) not in sorts)


def _standing(lists: Sequence[_List], known: Iterable[str] = ()) -> dict[str, FileState]:
    """Give the files that stand by lists, the latest first: an earlier one counts where no later one covers the folder.

    Args:
        lists: the lists of a server.
        known: the files of before; a list that leaves some of them out stands for no other.
    """
    whole = [one for one in lists if not _left_out(one.states, one.covers, known)]
    out: dict[str, FileState] = {}
    for one in lists:
        later = [other for other in whole if other.at > one.at]
        settled = {folder: any(other.covers(folder) for other in later) for folder in one.direct}
        for path, state in one.states.items():
            if not settled[_folder(path)]:
                out.setdefault(path, state)
    return out


@dataclass(slots=True)
class _Told:
    """What stands between a check and a pass, by server: folders or files that are not listed, files without a hash."""

    uncovered: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)

    @property
    def caveat(self) -> str:
        """Give it in words; "" where nothing does."""
        parts = []
        if self.uncovered:
            parts.append(f"no list from after the act covers {listed(self.uncovered)}")
        if self.left_out:
            what = "gone, or the list holds one part of its folders only"
            parts.append(f"{count(len(self.left_out), 'file')} of before in no list from after the act ({what}): ")
            parts[-1] += listed(self.left_out)
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

    def covers(folder: str) -> bool:
        return any(one.covers(folder) for one in after)

    known = _standing(before)
    now = _standing(after, known)
    names = {path.rpartition("\\")[2] for path in now}
    roots = [set[str]().union(*(one.roots() for one in lists)) for lists in (after, before)]
    lacks.uncovered += [f"{root} {where}" for root in sorted(_needed(after) - roots[0])]
    lacks.alone += [f"{root} {where}" for root in sorted(_needed(after) - roots[1])]
    lacks.uncovered += [
        f"{one} {where}" for one in sorted({_folder(path) for path in known if _is_web(path)}) if not covers(one)
    ]
    lacks.left_out += [f"{one} {where}" for one in _left_out(now, covers, known)]
    for path, one in sorted(now.items()):
        made = COMPILED.search(path)
        if made is not None and made[1].lower() not in names:
            pile.add(f"{made[1]} {where} was compiled and its script is gone", one.ground, bad=False)
        elif _of_interest(path) and path in known:
            _compare(one, known[path], where, pile, lacks)
        elif _of_interest(path):
            root, folder = _root(path), _folder(path)
            # a list from before that holds what lies below a folder makes no new file in it an old one
            covered = root in roots[1] or any(folder in each.folders or each.covers(folder) for each in before)
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
