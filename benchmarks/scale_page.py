"""The page of what it takes as a case grows: tables, and a chart in the text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Answering", "Size", "page"]

MIB = 1024 * 1024
BAR = 40
"""Width of the longest bar of the chart."""


@dataclass(frozen=True, slots=True)
class Answering:
    """What answering the seven questions once took.

    Attributes:
        seconds: wall clock, from the case on the disk to the answers; the report is not in it.
        cpu: seconds of processor time, of all processes.
        peak_bytes: the most memory that all processes together held, pages of files they looked into counted.
        stages: seconds of wall clock by stage; `report` is after the answers.
        folding_cpu: seconds of processor time from records to sessions.
        answers: questions answered.
        intrusions: intrusions told.
        exposed: mailboxes laid to one.
    """

    seconds: float
    cpu: float
    peak_bytes: int
    stages: Mapping[str, float] = field(default_factory=dict)
    folding_cpu: float = 0.0
    answers: int = 0
    intrusions: int = 0
    exposed: int = 0


@dataclass(frozen=True, slots=True)
class Size:
    """What was measured of one world.

    Attributes:
        lines: lines of IIS that were asked for.
        mailboxes: of the world.
        days: of the world.
        records: records of the tables that are folded into sessions.
        sessions: what they became.
        stored_bytes: of all data files.
        first: answering with nothing folded before.
        added: records of the day that was added.
        hunted: seconds of wall clock of the hunt after that.
        then: answering after that.
    """

    lines: int
    mailboxes: int
    days: int
    records: int
    sessions: int
    stored_bytes: int
    first: Answering
    added: int
    hunted: float
    then: Answering


Row = tuple[str, Callable[[Size], str]]
_ROWS: Sequence[Row] = (
    ("mailboxes, days", lambda one: f"{one.mailboxes:,}, {one.days:,}"),
    ("records that are folded", lambda one: f"{one.records:,}"),
    ("sessions", lambda one: f"{one.sessions:,}"),
    ("stored", lambda one: f"{one.stored_bytes / MIB:,.0f} MiB"),
    ("**from stored tables to seven answers**", lambda one: f"**{one.first.seconds:.1f} s**"),
    ("processor time of that", lambda one: f"{one.first.cpu:.1f} s"),
    ("processor time, microseconds a record", lambda one: f"{one.first.cpu * 1e6 / one.records:.2f}"),
    ("records to sessions, a second and core", lambda one: f"{one.records / one.first.folding_cpu:,.0f}"),
    ("most memory, all processes together", lambda one: f"{one.first.peak_bytes / MIB:,.0f} MiB"),
    ("report after that", lambda one: f"{one.first.stages.get('report', 0.0):.1f} s"),
    ("intrusions, mailboxes laid to them", lambda one: f"{one.first.intrusions}, {one.first.exposed}"),
    ("records of one more day", lambda one: f"{one.added:,}"),
    ("**answers after one more day**", lambda one: f"**{one.then.seconds:.1f} s**"),
    ("processor time of that", lambda one: f"{one.then.cpu:.1f} s"),
    ("of which folding", lambda one: f"{one.then.folding_cpu:.1f} s"),
    ("hunting before that", lambda one: f"{one.hunted:.1f} s"),
)


def _table(head: str, sizes: Sequence[Size], rows: Sequence[Row]) -> str:
    lines = [f"| {head} | " + " | ".join(f"{one.lines:,} lines" for one in sizes) + " |"]
    lines.append("|---|" + "---|" * len(sizes))
    lines += [f"| {name} | " + " | ".join(cell(one) for one in sizes) + " |" for name, cell in rows]
    return "\n".join(lines)


def _chart(sizes: Sequence[Size]) -> str:
    """Draw processor time a record: bars of one length are growth in a line."""
    each = [one.first.cpu * 1e6 / one.records for one in sizes]
    width = max(len(f"{one.records:,}") for one in sizes)
    lines = [
        f"{one.records:>{width},} records  {'#' * max(1, round(BAR * cost / max(each)))} {cost:.2f}"
        for one, cost in zip(sizes, each, strict=True)
    ]
    return "```\nprocessor time a record, microseconds\n" + "\n".join(lines) + "\n```"


def _stage(name: str) -> Callable[[Size], str]:
    return lambda one: f"{one.first.stages.get(name, 0.0):.2f} / {one.then.stages.get(name, 0.0):.2f}"


def page(sizes: Sequence[Size], command: str, workers: int, exchange_days: int, about: str) -> str:
    """Give the page.

    Args:
        sizes: what was measured.
        command: how.
        workers: processes.
        exchange_days: of how many days there is more than IIS.
        about: the machine, and what else it did.
    """
    names = sorted({name for one in sizes for name in one.first.stages}, key=lambda name: _longest(sizes, name))
    stages = [(name, _stage(name)) for name in names]
    return f"""# What it takes as a case grows

Made by `{command}`, with {_processes(workers)}. {about}

Each size is a world of its own: mailboxes and months grow alike, to 4,000 mailboxes over 27 months at 100 million lines.
People, homes, phones, travels and both intruders (the quiet one reads up to 32 mailboxes) are those of the exercise; a
visit has more lines than there, some thirty for each mailbox and day. IIS is made as stored tables; Exchange's own logs,
audit records and event logs of the last {exchange_days} days and the exports are brought in from text. `--check` holds a
small world made so against the same one written as text and read by the intake: rows, intrusions, mailboxes, coverage and
checks are the same.
Hunting is done before the clock starts; [README.md](README.md) has its figures.

{_table("what", sizes, _ROWS)}

{_chart(sizes)}

Seconds of wall clock by stage, with nothing folded before / after one more day:

{_table("stage", sizes, stages)}
"""


def _processes(workers: int) -> str:
    return "1 process" if workers == 1 else f"{workers} processes"


def _longest(sizes: Sequence[Size], name: str) -> tuple[float, str]:
    return -sizes[-1].first.stages.get(name, 0.0), name
