"""Mending IIS lines that do not split into the right number of columns.

A reader that skips such lines loses exactly the attack lines: tools send agents and queries with raw spaces, and
Exchange itself writes a double space before the user on back-end `/powershell` lines. The few odd lines of a block are
looked at one by one here, in this order: exact split; runs of spaces taken as one; the surplus given to the one text
column with which every typed column fits. What fits nowhere is an anomaly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.model.provenance import Anomaly, AnomalyKind, Fact, FactKind
from dwell.sources.lines import Block, by_file, decode_line, line_anomaly

__all__ = ["SHAPES", "Repaired", "as_table", "is_day", "repair"]

_ADDRESS = (
    r"-|\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|[0-9A-Fa-f.]*:[0-9A-Fa-f.:]*(?:%[0-9A-Za-z]+)?"
    r"|\[[0-9A-Fa-f:.]+(?:%[0-9A-Za-z]+)?\](?::\d{1,5})?"
)
SHAPES = {
    "date": r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])",
    "time": r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d",
    "s-port": r"-|\d{1,5}",
    "sc-status": r"-|\d{1,5}",
    "sc-substatus": r"-|\d{1,5}",
    "sc-win32-status": r"-|\d{1,15}",
    "sc-bytes": r"-|\d{1,18}",
    "cs-bytes": r"-|\d{1,18}",
    "time-taken": r"-|\d{1,18}",
}
"""What a typed column must look like; the others take any text."""

LEAP_SECOND = "23:59:60"
"""What stands in `time` where a second was put in at the end of a month; it is the first of the next day to us."""
_COMPILED = {name: re.compile(pattern) for name, pattern in SHAPES.items()}
_MENDED = {name: re.compile(pattern) for name, pattern in {"s-ip": _ADDRESS, "c-ip": _ADDRESS}.items()}
_MENDED["cs-method"] = re.compile(r"-|[!-~]{1,64}")
"""What a line that was cut otherwise than it stands must hold besides, or the cut was wrong."""
_SURPLUS_ORDER = (
    "cs-user-agent",
    "cs-uri-query",
    "cs-referer",
    "cs-cookie",
    "cs-uri-stem",
    "cs-host",
    "X-Forwarded-For",
    "cs-username",
)
_CONTROLS = {ord("\0"): " ", ord("\t"): "%09"}
_SURPLUS_MAX = 4096
_HEADER = re.compile(r"#Software: Microsoft Internet Information Services \d{1,2}\.\d\s*$")
"""It ends its line: of a request that has it in its agent, status and duration stand behind."""
_APART = "the header of the next log, which stands behind it without a line end, left out"
_LEAP_READ = "a leap second, read as the first second of the next day"


@dataclass(slots=True)
class Repaired:
    """What became of a block's odd lines.

    Attributes:
        rows: the mended rows, one text per column.
        line_numbers: their 1-based line numbers.
        anomalies: the lines that could not be mended.
        facts: how many were mended, and how.
    """

    rows: list[list[str]] = field(default_factory=list)
    line_numbers: list[int] = field(default_factory=list)
    anomalies: list[Anomaly] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """Give the line numbers as an array."""
        return np.array(self.line_numbers, dtype=np.int64)


def is_day(text: str) -> bool:
    """Say whether a date is in the calendar; only its digits are known to be right."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _shaped(names: Sequence[str], values: Sequence[str], *, mended: bool) -> bool:
    """Say whether the columns hold what they should; of a mended line more is asked."""
    for name, value in zip(names, values, strict=True):
        pattern = _COMPILED.get(name) or (_MENDED.get(name) if mended else None)
        if pattern is not None and not pattern.fullmatch(value):
            return False
        if name == "date" and not is_day(value):
            return False
    return True


def _candidates(names: Sequence[str], text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the ways to cut a line into columns, the most faithful first."""
    wanted = len(names)
    exact = text.split(" ")
    if len(exact) == wanted:
        yield "", exact
    tokens = text.split()
    if len(tokens) == wanted:
        yield "runs of spaces taken as one", tokens
    for parts, how in ((exact, ""), (tokens, ", runs of spaces taken as one")):
        surplus = len(parts) - wanted
        if not 0 < surplus <= _SURPLUS_MAX:
            continue
        for name in _SURPLUS_ORDER:
            if name in names:
                at = names.index(name)
                middle = " ".join(parts[at : at + surplus + 1])
                yield f"spaces inside {name}{how}", [*parts[:at], middle, *parts[at + surplus + 1 :]]


def _mend(names: Sequence[str], text: str) -> tuple[str, list[str]] | None:
    for how, values in _candidates(names, text):
        if _shaped(names, values, mended=bool(how)):
            return how, values
        if LEAP_SECOND in values and _shaped(names, _without_leap(names, values), mended=bool(how)):
            return f"{how}, {_LEAP_READ}" if how else _LEAP_READ, values
    return None


def _without_header(names: Sequence[str], text: str) -> tuple[str, list[str]] | None:
    """Mend a line that the header of the next log was put behind: a copy of a log in use has no end of its last line."""
    header = _HEADER.search(text)
    found = _mend(names, text[: header.start()].translate(_CONTROLS)) if header and header.start() else None
    return None if found is None else (f"{found[0]}, {_APART}" if found[0] else _APART, found[1])


def _without_leap(names: Sequence[str], values: Sequence[str]) -> list[str]:
    """Put the second before a leap second, so that the rest can be looked at; only the last day of a month has one."""
    at = dict(zip(names, values, strict=True))
    day = at.get("date", "")
    if at.get("time") != LEAP_SECOND or (is_day(day) and (date.fromisoformat(day) + timedelta(days=1)).day != 1):
        return list(values)
    return ["23:59:59" if name == "time" else value for name, value in zip(names, values, strict=True)]


def repair(block: Block, odd: Sequence[int], names: Sequence[str], seams: npt.NDArray[np.int64]) -> Repaired:
    """Mend the odd lines of a block; `odd` holds their indices in ascending order, `seams` as in `Hint`."""
    out = Repaired()
    counts: dict[tuple[FactKind, str], list[int]] = {}
    for index in odd:
        raw = block.line(index)
        text, reencoded = decode_line(raw)
        had_nul = "\0" in text
        if had_nul:
            text = text.strip("\0")
        found = _without_header(names, text) or (_mend(names, text.translate(_CONTROLS)) if text.strip() else None)
        if found is None:
            kind, why = _fault(block, index, names, text, had_nul=had_nul)
            out.anomalies.append(line_anomaly(block, index, kind, why))
            if kind is AnomalyKind.TRUNCATED:
                counts[FactKind.TRUNCATED, "the file ends in mid-line"] = [block.number(index)]
            continue
        how, values = found
        out.rows.append(values)
        out.line_numbers.append(block.number(index))
        if reencoded:
            counts.setdefault((FactKind.REENCODED, "no UTF-8, read as Windows-1252"), []).append(block.number(index))
        if had_nul:
            how = f"{how}, NUL bytes taken off" if how else "NUL bytes taken off"
        if how:
            counts.setdefault((FactKind.MENDED, how), []).append(block.number(index))
    out.facts.extend(
        Fact(kind, one[0], None, None, len(one), how)
        for (kind, how), numbers in sorted(counts.items())
        for one in by_file(numbers, seams)
    )
    return out


def _fault(block: Block, index: int, names: Sequence[str], text: str, *, had_nul: bool) -> tuple[AnomalyKind, str]:
    if had_nul and not text.strip():
        return AnomalyKind.NUL_RUN, "a run of NUL bytes"
    found = len(text.split(" "))
    if block.cut and index == len(block) - 1:
        return AnomalyKind.TRUNCATED, f"the file ends in mid-line: {found} columns of {len(names)}"
    if found != len(names):
        return AnomalyKind.COLUMN_COUNT, f"{found} columns where #Fields names {len(names)}"
    at = dict(zip(names, text.split(" "), strict=True))
    if not all(_COMPILED[name].fullmatch(at[name]) for name in ("date", "time") if name in at) or not is_day(
        at.get("date", "2000-01-01")
    ):
        return AnomalyKind.BAD_TIME, "no such date or time"
    return AnomalyKind.BAD_RECORD, "the columns do not hold what #Fields says"


def as_table(repaired: Repaired, names: Sequence[str]) -> pa.Table:
    """Give the mended rows as a table of dictionary-coded text, one column per `#Fields` name."""
    columns = zip(*repaired.rows, strict=True)
    kind = pa.dictionary(pa.int32(), pa.string())
    return pa.table([pa.array(list(one), pa.string()).cast(kind) for one in columns], names=list(names))
