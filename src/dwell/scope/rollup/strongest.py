"""Whose word is taken for each column of an access that several logs tell of: data (`strongest.toml`), with the reasons."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

__all__ = ["Strength", "Weak", "strengths"]


class Weak(StrEnum):
    """What makes a value a weak one, taken only where no log of its tier has a stronger."""

    NEVER = ""
    BASIS = "basis"
    INSIDE = "inside"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Strength:
    """Whose word is taken for one column.

    Attributes:
        tiers: layers, the strongest tier first, in each the strongest first; a layer not named has no say.
        weak: what makes a value weak.
        why: the reason.
    """

    tiers: tuple[tuple[str, ...], ...]
    weak: Weak
    why: str

    def places(self) -> Mapping[str, tuple[int, int]]:
        """Give tier and place of each layer."""
        return {layer: (tier, at) for tier, layers in enumerate(self.tiers) for at, layer in enumerate(layers)}


@cache
def strengths() -> Mapping[str, Strength]:
    """Give the strength of the layers by column, and `bearer`: the layer whose record stands for the access."""
    text = resources.files(__package__).joinpath("strongest.toml").read_text(encoding="utf-8")
    return {
        column: Strength(
            tuple(tuple(tier) for tier in told["order"]), Weak(told.get("weak", "")), " ".join(told["why"].split())
        )
        for column, told in tomllib.loads(text).items()
    }
