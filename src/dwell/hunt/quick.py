"""A hunt without a case: straight from files, over an archive that is thrown away.

It is the same intake and the same hunt as in a case. What they write lies in one folder below the machine's folder for
temporary files and is removed at the end, on a fault and on Ctrl-C; beside the evidence nothing is ever written.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from dwell.casebook.case import Case
from dwell.errors import NoEvidenceError, Place, UsageError, room_for
from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.past import require
from dwell.intake.ingest import IngestResult, ingest, open_archive
from dwell.intake.stock import Stock, stock

if TYPE_CHECKING:
    from dwell.hunt.yara.hunting import YaraWanted

__all__ = ["Quick", "quick_hunt"]

Progress = Callable[[str, str, int, int], None]
"""Told (phase, what, done, total): `hashing` and `reading` in bytes, `hunting` in data files."""


@dataclass(frozen=True, slots=True)
class Quick:
    """What a hunt without a case yields.

    Attributes:
        hunted: the hits, and what became of every rule.
        read: what was read and what was not.
        stock: every file with its records and what could not be read in it.
    """

    hunted: Hunted
    read: IngestResult
    stock: Stock


@contextmanager
def _scratch(paths: Sequence[Path]) -> Iterator[Path]:
    """Give a folder that is gone afterwards, and that does not lie in the evidence.

    Raises:
        UsageError: the folder for temporary files lies within the evidence.
    """
    below = Path(tempfile.gettempdir()).resolve()
    for path in paths:
        root = path.resolve()
        if root.is_dir() and (root == below or root in below.parents):
            raise UsageError(
                "the folder for temporary files lies within the evidence, where nothing may be written",
                place=Place(below),
                remedy="Set TMPDIR to a folder elsewhere",
            )
    folder = Path(tempfile.mkdtemp(prefix="dwell-quick-"))
    try:
        yield folder
    finally:
        with _undisturbed():
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let nobody break off what has to be finished: Ctrl-C is often pressed twice."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _yara(yara: Sequence[Path], accepted: Sequence[str], case: Case) -> YaraWanted:
    from dwell.hunt.yara.hunting import YaraWanted

    return YaraWanted(tuple(yara), tuple(accepted), tuple(case.register().values()))


def quick_hunt(
    paths: Sequence[Path],
    *,
    rules: Sequence[Path] = (),
    indicators: Sequence[Path] = (),
    lists: Sequence[Path] = (),
    warning_lists: Sequence[Path] = (),
    workers: int | None = None,
    rules_cache: Path | None = None,
    suppressions: Sequence[Path] = (),
    today: date | None = None,
    yara: Sequence[Path] = (),
    accepted: Sequence[str] = (),
    progress: Progress | None = None,
) -> Quick:
    """Put all rules and indicators to what some files hold, and leave nothing behind.

    Args:
        paths: folders and files.
        rules: folders of Sigma rules beside our own.
        indicators: lists of indicators.
        lists: files and folders of values for the placeholders of rules.
        warning_lists: warning lists for indicators, beside our own.
        workers: processes.
        rules_cache: folder where loaded rules, compiled patterns and long lists of indicators are kept between runs; None
            keeps nothing.
        suppressions: files of suppressions.
        today: the day by which their expiry is judged; has to be given with them.
        yara: files and folders of YARA rules.
        accepted: licences of YARA rules that the user accepts.
        progress: told how far it is.

    Raises:
        NoEvidenceError: nothing was recognised as evidence.
        UsageError: a file that is named is not there, or the day is not given, or the folder for temporary files lies in
            the evidence.
        DiskFullError: no room left there.
    """
    require(*rules, *indicators, *lists, *warning_lists, *suppressions, *yara)
    if not any(one.exists() for one in paths):
        named = ", ".join(str(one) for one in paths)
        raise NoEvidenceError(f"there is no such file or folder: {named}", remedy="Give files or folders of logs")
    tell = progress or (lambda *_: None)
    with room_for("hunting"), _scratch(paths) as folder:
        case = Case.create(folder / "case")
        with case.writing():
            read = ingest(case, paths, workers=workers, unread=bool(yara), progress=tell)
        archive = open_archive(case)
        hunted = hunt(
            archive,
            rule_folders=rules,
            indicator_files=indicators,
            list_files=lists,
            warning_files=warning_lists,
            workers=workers,
            rules_cache=rules_cache,
            suppression_files=suppressions,
            today=today,
            yara=_yara(yara, accepted, case) if yara else None,
            progress=lambda done, total, table: tell("hunting", table, done, total),
        )
        return Quick(hunted, read, stock(case, archive))
