"""A server whose clock is wrong: every instant that it wrote itself is moved, in all its logs alike."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

__all__ = ["set_clock"]

_INSTANT = re.compile(
    rb"(?m)(?P<before>^|^#Date: |SystemTime=')(?P<day>\d{4}-\d\d-\d\d)(?P<mark>[ T])(?P<time>\d\d:\d\d:\d\d)"
)
"""IIS and Exchange begin a line with it, or its `#Date`; an event has it as an attribute."""


def set_clock(folder: Path, ahead: timedelta) -> None:
    """Move the instants in a server's logs. Files keep their names.

    Args:
        folder: the server's folder.
        ahead: by how much its clock was ahead.
    """

    def moved(found: re.Match[bytes]) -> bytes:
        written = datetime.fromisoformat(f"{found['day'].decode()}T{found['time'].decode()}").replace(tzinfo=UTC)
        at = written + ahead
        return found["before"] + f"{at:%Y-%m-%d}".encode() + found["mark"] + f"{at:%H:%M:%S}".encode()

    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        path.write_bytes(_INSTANT.sub(moved, path.read_bytes()))
