"""What settings say of the logs: what was off, how long the rest is kept, and what is missing all the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from dwell.answers.book import Book
from dwell.answers.phrases import count, instant, listed
from dwell.scope.investigation import Investigation
from dwell.scope.log_settings import LogSetting, SettingKind
from dwell.scope.unlogged import unexplained

__all__ = ["tell_log_settings"]

SHOWN_MAX = 12
_SILENT = (SettingKind.OFF, SettingKind.FULL)
_RESULT = {
    SettingKind.OFF: "hours around that time without a record are not recorded, and not quiet",
    SettingKind.FULL: "hours behind its last record are not recorded",
    SettingKind.KEPT: "what is older is gone by itself",
    SettingKind.RING: "what is older than its first record is gone by itself",
    SettingKind.SIZE_NAMES: "the names of its files promise no hours",
    SettingKind.STOPS: "whether it was full is not told, and no hour is lowered",
    SettingKind.ARCHIVED: "nothing is overwritten: what is missing may lie in files that were put aside (`Archive-…`)",
    SettingKind.LOCAL_NAMES: "hours that only a file's name promises count where another file follows",
}
_UNDATED = "nothing dates the file that says so, and no hour is lowered for it: put the day of the copy into its path"
_ELSEWHERE = (
    "it is no site or folder of clients' requests that is known, or no server is named: no hour is lowered for it"
)


def tell_log_settings(case: Investigation, book: Book) -> None:
    """Say what settings tell of the logs, those first by which something was not written."""
    groups: dict[tuple[bool, str, SettingKind, str, str], list[LogSetting]] = {}
    for one in case.log_settings:
        key = (one.kind not in _SILENT, one.source, one.kind, one.what, one.when)
        groups.setdefault(key, []).append(one)
    for _, found in sorted(groups.items())[:SHOWN_MAX]:
        _tell(found, book)
    if len(groups) > SHOWN_MAX:
        book.recorded(f"{count(len(groups) - SHOWN_MAX, 'more setting')} of logs: see the coverage rows.", ())
    lacking = unexplained(case.ledger, case.log_settings)
    for hole in lacking[:SHOWN_MAX]:
        first, last = (datetime.fromtimestamp(hour * 3600, UTC) for hour in (hole.first, hole.last))
        book.unknown(
            f"{hole.host}, {hole.setting.source}: nothing is held of {count(hole.hours, 'hour')} between {instant(first)} "
            f"and {instant(last)}, though {hole.setting.what}, by a setting as of {hole.setting.when}: they were "
            "deleted by somebody, left out by whoever copied, or copied later than the last record held.",
            [hole.setting.ground],
        )
    if len(lacking) > SHOWN_MAX:
        book.unknown(f"{count(len(lacking) - SHOWN_MAX, 'more log')} with such hours.")


def _tell(found: Sequence[LogSetting], book: Book) -> None:
    """Tell what one setting is, of however many hosts."""
    first = found[0]
    hosts = listed(sorted({one.host or ("a server" if one.source == "iis" else "every server") for one in found}))
    told = f"{hosts}, {first.source}: {first.what}, by a setting as of {first.when}"
    grounds = [one.ground for one in found]
    if first.source == "iis" and (first.site == "other" or not all(one.host for one in found)):
        book.unknown(f"{told}; {_ELSEWHERE}.", grounds)
    elif first.within is None and first.kind is not SettingKind.LOCAL_NAMES:
        book.unknown(f"{told}; {_UNDATED}.", grounds)
    else:
        book.recorded(f"{told}; {_RESULT[first.kind]}.", grounds, None, ["it says nothing of any other time"])
