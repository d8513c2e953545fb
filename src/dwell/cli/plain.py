"""Values of a row as JSON has them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from dwell.model.instants import utc_text
from dwell.safe.jsontext import Json

__all__ = ["plain"]


def plain(value: object) -> Json:
    """Give a value of a row as JSON has it: instants in ISO 8601, bytes in hex, maps and lists as they are."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return str(value)
