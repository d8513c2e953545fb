"""Suppressions: hits that somebody has looked at and does not want to see again, for a reason and until a day.

A file is YAML::

    suppressions:
      - rule: 543ef748-529a-52a4-9327-55a8e1937899
        where:
          host: BACKUP01
          CommandLine: ['*veeam*', '*backup*']
        reason: the backup agent reads that process; ticket 4711
        author: r.vos
        expires: 2026-06-30

`where` is optional. Each of its columns has to hold one of its values: `*` is any run of characters, case does not count.
A column is one of the hit's own (`table`, `host`, `client`, `account`, `status`, `window`) or one whose value matched.
What is not known of a hit suppresses nothing. A suppressed hit stays among the hits, marked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from dwell.errors import Place, UsageError
from dwell.hunt.hits import OTHERS, TEXT_CHARS_MAX
from dwell.hunt.sigma.files import BadFileError, documents

__all__ = ["Suppression", "SuppressionOutcome", "Suppressions", "judge", "read_suppressions", "recorded"]

OWN_COLUMNS = ("table", "host", "client", "account", "status", "window")
_KEYS = frozenset({"rule", "where", "reason", "author", "expires"})
_REQUIRED = ("rule", "reason", "author", "expires")
_FORMAT = "A suppression has rule, reason, author and expires (YYYY-MM-DD), and may have where"


@dataclass(frozen=True, slots=True)
class Suppression:
    """One suppression.

    Attributes:
        place: file and line, as `name:line`.
        rule: id of the rule or indicator whose hits are suppressed.
        where: columns, each with the values of which one has to be held; all have to be met.
        reason: why.
        author: who decided.
        expires: the last day on which it holds.
    """

    place: str
    rule: str
    where: tuple[tuple[str, tuple[str, ...]], ...]
    reason: str
    author: str
    expires: date


@dataclass(frozen=True, slots=True)
class SuppressionOutcome:
    """What became of a suppression.

    Attributes:
        suppression: the suppression.
        state: `applied`, `expired`, or `matches nothing`.
        why: what is to be known beside it; "" where nothing.
        records: records that it meets, whether it suppresses them or, expired, would have.
    """

    suppression: Suppression
    state: str
    why: str
    records: int


@dataclass(frozen=True, slots=True)
class Suppressions:
    """What suppressions did to a hunt.

    Attributes:
        today: the day by which expiry was judged.
        outcomes: one for every suppression, in the order of the files.
        marks: for every row of hits the index of the outcome that suppresses it, -1 where none does.
        sha256: of each file, by the path that was given.
    """

    today: date
    outcomes: tuple[SuppressionOutcome, ...]
    marks: tuple[int, ...]
    sha256: Mapping[str, str]


class _BadError(Exception):
    """A suppression that cannot be used."""


def _line_of(path: Path) -> list[int]:
    """Give the line of each entry; the file has been measured and parsed before."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    node = yaml.compose(path.read_bytes().decode("utf-8-sig"), Loader=loader)
    for key, value in getattr(node, "value", ()):
        if getattr(key, "value", None) == "suppressions":
            return [one.start_mark.line + 1 for one in value.value]
    return []


def _values(column: str, value: object) -> tuple[str, ...]:
    ones = value if isinstance(value, list) else [value]
    if not ones or any(isinstance(one, Mapping | list) or one is None for one in ones):
        raise _BadError(f"where: '{column}' has no value or one that is no text")
    return tuple(str(one) for one in ones)


def _day(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError as fault:
        raise _BadError(f"expires: '{str(value)[:40]}' is no day (YYYY-MM-DD)") from fault


def _one(entry: object, place: str) -> Suppression:
    if not isinstance(entry, Mapping):
        raise _BadError("it is no mapping")
    unknown = sorted(str(one) for one in entry if one not in _KEYS)
    if unknown:
        raise _BadError(f"unknown key '{unknown[0][:60]}'")
    for key in _REQUIRED:
        if not str(entry.get(key) if entry.get(key) is not None else "").strip():
            raise _BadError(f"{key} is missing")
    where = entry.get("where", {})
    if not isinstance(where, Mapping):
        raise _BadError("where is no mapping of columns to values")
    named = [key for key in ("rule", "reason", "author") if isinstance(entry[key], Mapping | list)]
    if named:
        raise _BadError(f"{named[0]} is no text")
    return Suppression(
        place=place,
        rule=str(entry["rule"]).strip(),
        where=tuple(sorted((str(column), _values(str(column), value)) for column, value in where.items())),
        reason=str(entry["reason"]).strip(),
        author=str(entry["author"]).strip(),
        expires=_day(entry["expires"]),
    )


def read_suppressions(path: Path) -> tuple[list[Suppression], list[str]]:
    """Read a file of suppressions.

    Returns:
        The suppressions, and what is wrong with the file or with single ones, each with its place.
    """
    try:
        found = list(documents(path))
        if len(found) != 1 or not isinstance(found[0].content.get("suppressions"), list):
            return [], [f"{path}: it has to hold a list under 'suppressions'. {_FORMAT}"]
        lines = _line_of(path)
    except BadFileError as fault:
        return [], [f"{path}: {fault}"]
    except OSError as fault:
        return [], [f"{path}: cannot be read: {fault.strerror}"]
    out: list[Suppression] = []
    faults: list[str] = []
    faults += [f"{path}: unknown key '{one[:60]}'" for one in sorted(found[0].content) if one != "suppressions"]
    entries: list[Any] = found[0].content["suppressions"]
    for line, entry in zip(lines, entries, strict=True):
        try:
            out.append(_one(entry, f"{path.name}:{line}"))
        except _BadError as fault:
            faults.append(f"{Place(path, line)}: {fault}. {_FORMAT}")
    return out, faults


def _pattern(value: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(one) for one in value.split("*")), re.IGNORECASE | re.DOTALL)


def _texts(row: Mapping[str, Any], column: str) -> Iterator[str]:
    """Yield what a hit is known to hold in a column; nothing where its records were not told apart by that."""
    if column in OWN_COLUMNS:
        if row[column] is not None:
            yield str(row[column])
        return
    matched = row["matched"] or ()
    if OTHERS in matched:
        return
    for text in matched:
        name, _, value = text.partition("=")
        if name.lower() == column.lower() and len(value) < TEXT_CHARS_MAX:
            yield value


def _met(row: Mapping[str, Any], where: Sequence[tuple[str, Sequence[re.Pattern[str]]]]) -> bool:
    return all(
        any(one.fullmatch(text) for text in _texts(row, column) for one in patterns) for column, patterns in where
    )


def _rows_met(hits: pa.Table, one: Suppression) -> list[int]:
    """Give the rows of hits that a suppression is about."""
    rows = pc.indices_nonzero(pc.equal(hits["rule_id"], one.rule))
    where = [(column, [_pattern(value) for value in values]) for column, values in one.where]
    if not where:
        return [int(at) for at in rows.to_pylist()]
    part = hits.select([*OWN_COLUMNS, "matched"]).take(rows).to_pylist()
    return [at for at, row in zip(rows.to_pylist(), part, strict=True) if _met(row, where)]


def judge(
    hits: pa.Table,
    loaded: Collection[str],
    files: Sequence[Path],
    today: date | None,
    also: Callable[[Sequence[str]], Collection[str]] = lambda _: (),
) -> tuple[Suppressions | None, list[str]]:
    """Mark the hits that suppressions are about; no hit is taken out, and no answer rests on the marks.

    Args:
        hits: rows in `dwell.hunt.hits.HITS`.
        loaded: ids of the rules that were hunted with.
        files: files of suppressions.
        today: the day by which expiry is judged; has to be given where there are files.
        also: gives those of some ids that are the ids of indicators that were hunted with.

    Returns:
        What they did, None where there are no files; and what is wrong in the files, with its place.

    Raises:
        UsageError: a file is not there, or the day is not given.
    """
    if not files:
        return None, []
    if today is None:
        raise UsageError("suppressions need the day by which their expiry is judged", remedy="Give it as today")
    every: list[Suppression] = []
    faults: list[str] = []
    sha256: dict[str, str] = {}
    for path in files:
        if not path.is_file():
            raise UsageError("there is no such file of suppressions", place=Place(path))
        found, wrong = read_suppressions(path)
        every += found
        faults += wrong
        sha256[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    listed = also([one.rule for one in every])
    counts = hits["count"].to_pylist()
    marks = [-1] * len(counts)
    outcomes: list[SuppressionOutcome] = []
    for index, one in enumerate(every):
        rows = _rows_met(hits, one)
        expired = today > one.expires
        for at in rows:
            if not expired and marks[at] < 0:
                marks[at] = index
        state = "expired" if expired else "applied" if rows else "matches nothing"
        why = "" if one.rule in loaded or one.rule in listed else "no rule or indicator of that id was hunted with"
        outcomes.append(SuppressionOutcome(one, state, why, sum(counts[at] for at in rows)))
    return Suppressions(today, tuple(outcomes), tuple(marks), sha256), faults


def recorded(done: Suppressions | None) -> dict[str, object]:
    """Give what the custody log says of suppressions: with the same files and day a hunt gives the same bytes."""
    if done is None:
        return {}
    return {"suppressions": dict(done.sha256), "today": done.today.isoformat()}
