"""What judgements rest on, by kind: data (`judgements.toml`), so that no inferred statement can leave it out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

from dwell.model.estimates import Estimate, Judgement
from dwell.scope.intrusions import Held

__all__ = ["PERSON", "judgement", "kind_of", "kinds"]

PERSON = "person"
"""The kind of what holds only if what a person says does."""


@cache
def kinds() -> Mapping[str, Judgement]:
    """Give all kinds of judgement, in the order of the file.

    Raises:
        ValueError: a kind lacks assumptions or what would change it, or has a word that is none.
        KeyError: a kind has an estimate without its reason.
    """
    text = resources.files("dwell.answers").joinpath("judgements.toml").read_text("utf-8")
    out = {}
    for name, row in tomllib.loads(text).items():
        estimate = Estimate(row["estimate"]) if "estimate" in row and row["why"] else None
        out[name] = Judgement(tuple(row["assumptions"]), tuple(row["would_change"]), estimate)
    return out


def judgement(kind: str, assuming: Iterable[str] = (), *, by_person: bool = False) -> Judgement:
    """Give what a kind of judgement rests on.

    Args:
        kind: a kind of `judgements.toml`.
        assuming: what this one takes for so besides.
        by_person: whether it holds only if what a person says does.

    Raises:
        KeyError: there is no such kind.
    """
    found = kinds()[kind]
    person = kinds()[PERSON] if by_person and kind != PERSON else None
    before = person.assumptions if person is not None else ()
    change = person.would_change if person is not None else ()
    # how likely it is that a person is right is not for us to say
    estimate = found.estimate if not by_person else None
    assumptions = tuple(dict.fromkeys((*before, *found.assumptions, *assuming)))
    return Judgement(assumptions, tuple(dict.fromkeys((*change, *found.would_change))), estimate)


def kind_of(held: Held) -> str:
    """Give the kind of judgement that an intrusion is: by exploit, by clients that bear each other out, or by one."""
    if held.exploited:
        return "intrusion-exploit"
    return "intrusion-joined" if len({lan for lan, _ in held.pairs}) > 1 or held.apps else "intrusion-one"
