"""Golden outputs: compared byte for byte; written anew where DWELL_WRITE_GOLDEN is set, to be read before committing."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "report"


def assert_golden(name: str, text: str) -> None:
    """Hold the text against the golden file of that name."""
    path = FOLDER / name
    if os.environ.get("DWELL_WRITE_GOLDEN"):
        path.write_bytes(text.encode("utf-8"))
    assert text == path.read_bytes().decode("utf-8"), (
        f"{name} is no longer what it was; if that is meant, set DWELL_WRITE_GOLDEN=1, run once more and read the diff"
    )
