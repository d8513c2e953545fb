"""Ways in which mail can be read, and which source could show each: data (`modes.toml`), with the grounds of every line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from dwell.model.hypotheses import Told, Where

__all__ = ["Mode", "Whose", "modes"]


class Whose(StrEnum):
    """Whose mailbox the account opens."""

    ANY = "any"
    OWN = "own"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Mode:
    """One way of reading mail.

    Attributes:
        key: its name in every output.
        title: what it is, in words.
        where: on the servers or in the tenant.
        told: what would tell it from ordinary use.
        techniques: ATT&CK ids.
        able: the sources able to show it (a table, or `table/part`), each with what its record holds.
        next: what to look for next.
        protocols: protocols of sessions that are of this way.
        whose: which of these sessions.
        rules: entries of the detection catalogue that are signs of it, with the sources that their rules look at.
        forged: whether forged requests to EWS are signs of it.
        limits: what limits a negative, whatever the coverage.
        way: the way of access whose coverage a negative for a mailbox states; "" where it is none by itself.
    """

    key: str
    title: str
    where: Where
    told: Told
    techniques: tuple[str, ...]
    able: Mapping[str, str]
    next: tuple[str, ...]
    protocols: tuple[str, ...] = ()
    whose: Whose = Whose.ANY
    rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    forged: bool = False
    limits: tuple[str, ...] = ()
    way: str = ""


def _made(row: Mapping[str, Any]) -> Mode:
    unknown = set(row) - {one.name for one in fields(Mode)}
    if unknown:
        raise ValueError(f"mode {row.get('key')}: unknown field {', '.join(sorted(unknown))}")
    told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    told["rules"] = {name: tuple(value) for name, value in row.get("rules", {}).items()}
    told |= {"where": Where(row["where"]), "told": Told(row["told"]), "whose": Whose(row.get("whose", "any"))}
    return Mode(**told)


@cache
def modes() -> tuple[Mode, ...]:
    """Give all ways, in the order of the file.

    Raises:
        ValueError: the file holds a field or a word that is not known.
    """
    text = resources.files("dwell.scope").joinpath("modes.toml").read_text("utf-8")
    return tuple(_made(row) for row in tomllib.loads(text)["mode"])
