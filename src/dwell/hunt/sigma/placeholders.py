"""Placeholders (`expand`): a value with names in it becomes the values of the lists of these names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod

from sigma import types

__all__ = ["VALUES_MAX", "NoListError", "TooManyValuesError", "filled"]

VALUES_MAX = 10_000
"""Values that one value with placeholders may stand for."""


class NoListError(Exception):
    """A placeholder for which no list is given; the text names it."""


class TooManyValuesError(Exception):
    """A value that would stand for too many."""


def filled(value: types.SigmaString, lists: Mapping[str, Sequence[str]]) -> list[types.SigmaString]:
    """Give the values that a value with placeholders stands for; wildcards in a list mean what they always do.

    Args:
        value: the value as pySigma parsed it.
        lists: values by name.

    Raises:
        NoListError: a list is not given.
        TooManyValuesError: there would be more than `VALUES_MAX`.
    """
    choices: list[list[list[str | types.SpecialChars | types.Placeholder]]] = []
    for part in value.s:
        if not isinstance(part, types.Placeholder):
            choices.append([[part]])
            continue
        if part.name not in lists:
            raise NoListError(f"placeholder %{part.name}%: no list of that name is given. Give its values with --lists")
        choices.append([list(types.SigmaString(one).s) for one in lists[part.name]])
    if prod(len(one) for one in choices) > VALUES_MAX:
        raise TooManyValuesError(f"a value with placeholders that stands for more than {VALUES_MAX} values")
    out = []
    for chosen in product(*choices):
        made = type(value)()
        made.s = _merged([part for parts in chosen for part in parts])
        out.append(made)
    return out


def _merged(
    parts: Sequence[str | types.SpecialChars | types.Placeholder],
) -> list[str | types.SpecialChars | types.Placeholder]:
    """Put texts that stand side by side together."""
    out: list[str | types.SpecialChars | types.Placeholder] = []
    for part in parts:
        before = out[-1] if out else None
        if isinstance(part, str) and isinstance(before, str):
            out[-1] = before + part
        else:
            out.append(part)
    return out
