"""Talk: errors, notes and progress on standard error, never mixed with data.

On a terminal progress is a bar with the time left. Elsewhere it is a line every few seconds, so that a log or a pipe shows
how far a long run is.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dwell.safe.terminal import rich_text, terminal, terminal_limited

__all__ = ["Talk"]

LINE_SECONDS = 5.0
WHAT_MAX = 44
PHASES = {
    "hashing": "hashing evidence",
    "reading": "reading evidence",
    "hunting": "hunting",
    "folding": "following accesses",
    "planting": "planting intruders",
    "answering": "answering",
    "searching": "searching",
    "verifying": "hashing everything again, files",
    "writing the logs": "writing the exercise",
}


class Talk:
    """Standard error for one run.

    Attributes:
        quiet: say nothing but errors.
        verbose: say more.
    """

    def __init__(self, *, quiet: bool = False, verbose: int = 0, color: bool = True, progress: bool = True) -> None:
        self.quiet = quiet
        self.verbose = verbose
        self.console = Console(stderr=True, highlight=False, markup=False, no_color=not color)
        self._wanted = progress and not quiet
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._phase = ""
        self._began = 0.0
        self._told = 0.0
        self._hashed = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
        self._phase = ""

    def note(self, text: str) -> None:
        """Say something, unless quiet; the text is made harmless."""
        if not self.quiet:
            self.close()
            self.console.print(rich_text(text), soft_wrap=True)

    def detail(self, text: str) -> None:
        """Say something where more was asked for."""
        if self.verbose:
            self.note(text)

    def error(self, text: str) -> None:
        """Say what went wrong; always."""
        self.close()
        self.console.print(rich_text(f"dwell: {text}"), soft_wrap=True)

    def progress(self, phase: str, what: str, done: int, total: int) -> None:
        """Take a step of progress: see `api.Progress`."""
        if phase == "hashing":
            self._hashed += done
            done = self._hashed
        if not self._wanted:
            return
        if phase != self._phase:
            self.close()
            self._phase, self._began, self._told = phase, time.monotonic(), 0.0
            if self.console.is_terminal:
                self._open(phase, total)
        if self._bars is not None and self._task is not None:
            shown = _amount(phase, done, total)
            what = terminal_limited(what.rsplit("/", 1)[-1], WHAT_MAX) if what else ""
            self._bars.update(self._task, completed=done, total=total or None, what=f"{shown}  {what}")
        else:
            self._line(phase, done, total)

    def _open(self, phase: str, total: int) -> None:
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[what]}", markup=False),
            TimeElapsedColumn(),
            TextColumn("left", markup=False),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self._task = self._bars.add_task(PHASES.get(phase, phase), total=total or None, what="")
        self._bars.start()

    def _line(self, phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        finished = total > 0 and done >= total
        if not finished and now - self._told < LINE_SECONDS:
            return
        self._told = now
        gone = now - self._began
        left = f", about {gone * (total - done) / done:.0f} s left" if 0 < done < total else ""
        amount = _amount(phase, done, total)
        text = f"{PHASES.get(phase, phase)}: {amount + ', ' if amount else ''}{gone:.0f} s{left}"
        sys.stderr.write(terminal(text) + "\n")
        sys.stderr.flush()


def _amount(phase: str, done: int, total: int) -> str:
    if phase in {"hashing", "reading"}:
        whole = f" of {total / 1e6:,.1f} MB" if total else " MB"
        share = f"{done * 100 // total} %, " if total else ""
        return f"{share}{done / 1e6:,.1f}{whole}"
    return f"{done:,} of {total:,}" if total else f"{done:,}" if done else ""
