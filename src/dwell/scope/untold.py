"""Requests in a web log that are shaped like forged calls, were answered, and whose like the front end's own log lacks.

IIS shows that somebody sent a POST to a script of the control panel and was answered. Where the front end was made to
send it, and so whose mailbox it may have opened, only HttpProxy tells. Where HttpProxy holds fewer requests for that
path than IIS does, what the others were cannot be said. That a log is missing must not make them harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_lexicon, read_rows
from dwell.archive.store import Archive
from dwell.model.instants import utc_us
from dwell.scope.builds import BuildSeen, Family, Fixed, families, has_fix
from dwell.scope.forgery import ANSWERED, CVE
from dwell.scope.ledger import NO_HOST
from dwell.scope.namesakes import bare
from dwell.scope.traces import Trace

__all__ = ["untold_requests"]

_MARGIN_US = 120_000_000
"""The two logs write a request down at its end, each by itself."""
_COLUMN = "UrlStem"
_PAGE = re.compile(r"^/(?:owa/auth|aspnet_client)/(?:.*/)?[^/]+\.aspx?$")


def untold_requests(archive: Archive, traces: Sequence[Trace], builds: Sequence[BuildSeen]) -> tuple[Trace, ...]:
    """Give the traces in web logs that may be forged calls of which HttpProxy does not tell all.

    A server that was seen with a build that holds the fix before them could not be made to forge anything.

    Args:
        archive: the case's archive.
        traces: hits of our rules.
        builds: builds seen.

    Raises:
        CustodyError: a data file is not what was written.
    """
    family = next(one for one in families() if CVE in one.cves)
    asked = [one for one in traces if _asks(one) and not _fixed_before(one, builds, family)]
    stems = {stem for one in asked if (stem := _stem(one)) is not None}
    rows = _told(archive, stems) if stems else {}
    groups: dict[tuple[str, str, str], list[Trace]] = {}
    for one in asked:
        groups.setdefault((one.rule_id, one.host, _stem(one) or ""), []).append(one)
    unmet: set[Trace] = set()
    for (_, host, stem), group in groups.items():
        # a rule meets a record once; two rules may meet the same one, which one row of HttpProxy then tells of
        unmet |= _unanswered(group, rows.get((bare(host), stem), ()))
    return tuple(one for one in asked if one in unmet)


def _asks(one: Trace) -> bool:
    # the front end passes such a call on without a login; with one it is a request that HttpProxy need not know
    answered = (one.status is None or one.status in ANSWERED) and (one.account or "-") == "-"
    # a page is served by the front end itself, and never passed on
    passed_on = not _PAGE.search(_stem(one) or "")
    return one.table == "iis" and CVE in one.cves and answered and passed_on and one.first_utc is not None


def _stem(one: Trace) -> str | None:
    stem = one.value("cs-uri-stem") or (one.value("cs-uri") or "").partition("?")[0]
    return stem.lower() or None


def _fixed_before(one: Trace, builds: Sequence[BuildSeen], family: Family) -> bool:
    return any(
        seen.host == one.host
        and one.first_utc is not None
        and seen.first_utc <= one.first_utc
        and has_fix(seen.build, family) is Fixed.YES
        for seen in builds
    )


def _told(archive: Archive, stems: set[str]) -> dict[tuple[str, str], list[int]]:
    """Give by host and path, in lower case, when HttpProxy has rows for some paths: microseconds since 1970, rising."""
    wanted = pa.array(sorted(stems), pa.string())
    out: dict[tuple[str, str], list[int]] = {}
    for file in archive.files("httpproxy"):
        for host, stem, at in _rows(file, wanted):
            out.setdefault((host, stem), []).append(at)
    for times in out.values():
        times.sort()
    return out


def _rows(file: DataFile, wanted: pa.Array) -> Iterator[tuple[str, str, int]]:
    lexicon = read_lexicon(file)
    if _COLUMN in lexicon.complete:
        held = pc.utf8_lower(lexicon.column(_COLUMN)["value"].cast(pa.string()))
        if not pc.any(pc.is_in(held, value_set=wanted)).as_py():
            return
    rows = read_rows(file, ("time_utc", "host", _COLUMN), dictionary=("host",))
    rows = rows.append_column("stem", pc.utf8_lower(rows[_COLUMN].cast(pa.string())))
    rows = rows.filter(pc.and_(pc.is_in(rows["stem"], value_set=wanted), pc.is_valid(rows["time_utc"])))
    times = rows["time_utc"].cast(pa.int64()).to_pylist()
    for host, stem, at in zip(rows["host"].to_pylist(), rows["stem"].to_pylist(), times, strict=True):
        yield host or NO_HOST, stem, at


def _unanswered(traces: Sequence[Trace], times: Sequence[int]) -> set[Trace]:
    """Give the traces whose requests are more than the rows left for them. A row tells of one request and no other.

    Args:
        traces: those of one rule, host and path.
        times: when HttpProxy has a row for that path, microseconds since 1970, rising.
    """
    waiting = sorted((*_span(one), place) for place, one in enumerate(traces))
    lacking = [one.count for one in traces]
    begun: list[tuple[int, int]] = []
    for at in times:
        while waiting and waiting[0][0] <= at:
            _, last, place = heappop(waiting)
            heappush(begun, (last, place))
        while begun and (begun[0][0] < at or not lacking[begun[0][1]]):
            heappop(begun)
        if begun:
            # what ends first is served first: so the rows serve as many requests as they can
            lacking[begun[0][1]] -= 1
    return {one for one, number in zip(traces, lacking, strict=True) if number > 0}


def _span(one: Trace) -> tuple[int, int]:
    """Give when the rows of a trace may lie, microseconds since 1970."""
    if one.first_utc is None:
        return 0, -1
    return utc_us(one.first_utc) - _MARGIN_US, utc_us(one.last_utc or one.first_utc) + _MARGIN_US
