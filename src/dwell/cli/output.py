"""What a verb gives out: data to standard output or to a file, in the form that was asked for. Talk goes elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dwell.casebook.whole_files import written_whole
from dwell.errors import OutputExistsError, Place, UsageError
from dwell.safe.jsontext import Json, json_line, json_text

__all__ = ["Form", "Output"]


class Form(StrEnum):
    """The form of a verb's data."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Output:
    """Where data go, and in which form.

    Attributes:
        form: the form.
        path: the file; None for standard output.
        force: whether an existing file may be overwritten.
    """

    form: Form
    path: Path | None
    force: bool

    def check(self) -> None:
        """Refuse before any work is done, where the file is there already.

        Raises:
            OutputExistsError: it is there and `--force` was not given.
        """
        if self.path is not None and self.path.exists() and not self.force:
            raise OutputExistsError(
                "the output is there already", place=Place(self.path), remedy="Give another name, or --force"
            )

    def write(self, text: str) -> None:
        """Give out text as it is.

        Raises:
            OutputExistsError: the file is there and `--force` was not given.
            UsageError: the file cannot be written.
        """
        self.write_each((text,))

    def write_each(self, texts: Iterable[str]) -> None:
        """Give out texts as they are, one after the other, without holding them all.

        Raises:
            OutputExistsError: the file is there and `--force` was not given.
            UsageError: the file cannot be written.
        """
        if self.path is None:
            sys.stdout.flush()
            for text in texts:
                sys.stdout.buffer.write(text.encode("utf-8", errors="backslashreplace"))
            sys.stdout.buffer.flush()
            return
        self.check()
        try:
            with written_whole(self.path) as unfinished, unfinished.open("wb") as handle:
                for text in texts:
                    handle.write(text.encode("utf-8", errors="backslashreplace"))
        except OSError as fault:
            raise UsageError(f"the output cannot be written: {fault.strerror}", place=Place(self.path)) from fault

    def object(self, whole: dict[str, Json]) -> None:
        """Give out one JSON object."""
        self.write(json_text(whole))

    def rows(self, rows: Iterable[dict[str, Json]]) -> None:
        """Give out rows as JSON or JSON Lines."""
        if self.form is Form.JSONL:
            self.write_each(map(json_line, rows))
        else:
            self.write(json_text(list(rows)))
