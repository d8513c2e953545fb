"""Texts that a record holds in several fields, put together as rules ask for them.

A composed place reads like a key of a map: a record can hold several texts there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from dwell.hunt import audited_users, cmdlet_texts, registry_values
from dwell.hunt.base import Base
from dwell.hunt.made import Found, Made

__all__ = ["columns_of_composed", "composed", "is_composed"]

_PLACES: Mapping[str, Made] = {**registry_values.PLACES, **audited_users.PLACES, **cmdlet_texts.PLACES}


def is_composed(place: str) -> bool:
    """Say whether a place is put together of several fields."""
    return place in _PLACES


def columns_of_composed(place: str) -> tuple[str, ...]:
    """Give the columns that a composed place is made of; where the first holds nothing, it does not either."""
    return _PLACES[place].columns


def composed(base: Base, place: str) -> Found:
    """Give what the rows hold in a composed place; nothing where a column it needs was not read."""
    made = _PLACES[place]
    if any(one not in base.table.column_names for one in made.columns):
        return np.zeros(0, np.int64), np.zeros(0, np.int32), pa.array([], pa.string())
    return made.find(base)
