"""What Exchange's text logs have in common: the lines they begin with, and how an instant is written."""

from __future__ import annotations

from datetime import date

__all__ = ["BUILD", "head", "instant"]

BUILD = "15.01.2176.002"
"""The build that writes a log where none is said."""


def head(kind: str, day: date | str, fields: str, build: str = BUILD) -> str:
    """Give the header of a log.

    Args:
        kind: its `#Log-type`.
        day: the day, UTC, on which the file was opened.
        fields: its columns, parted by commas.
        build: its `#Version`.
    """
    return (
        f"#Software: Microsoft Exchange Server\r\n#Version: {build}\r\n#Log-type: {kind}\r\n"
        f"#Date: {day}T00:00:00.113Z\r\n#Fields: {fields}\r\n"
    )


def instant(day: date, second: int, millisecond: int) -> str:
    """Write an instant of a day, UTC, as these logs do."""
    hours, rest = divmod(second, 3_600)
    return f"{day.isoformat()}T{hours:02}:{rest // 60:02}:{rest % 60:02}.{millisecond:03}Z"
