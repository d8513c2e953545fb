"""The detection catalogue: every entry, and what of dwell looks for it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from dwell.hunt.checks.registry import CHECKS
from dwell.hunt.ruleset import RuleInfo

__all__ = ["Entry", "catalogue"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the catalogue.

    Attributes:
        key: its id, `EX-04`.
        title: what it is about.
        rules: files of our rules that look for it, by name.
        checks: names of the checks that do.
        parts: modules of the answers that look for the same, with what they do.
        lacks: what is not looked for, and why; "" for nothing.
    """

    key: str
    title: str
    rules: tuple[str, ...]
    checks: tuple[str, ...]
    parts: Mapping[str, str]
    lacks: str


@cache
def _written() -> Mapping[str, Mapping[str, Any]]:
    text = resources.files("dwell.hunt.checks").joinpath("catalogue.toml").read_text("utf-8")
    return tomllib.loads(text)


def catalogue(rules: Iterable[RuleInfo]) -> tuple[Entry, ...]:
    """Give every entry, in the order of the catalogue.

    Args:
        rules: the rules that are loaded; those of others are left out.
    """
    ours = [one for one in rules if one.pack]
    out = []
    for key, one in _written().items():
        out.append(
            Entry(
                key,
                one["title"],
                tuple(sorted(rule.path for rule in ours if rule.catalogue == key)),
                tuple(check.key for check in CHECKS if key in check.catalogue),
                one.get("parts", {}),
                one.get("lacks", ""),
            )
        )
    return tuple(out)
