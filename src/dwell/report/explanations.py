"""What a lead could be, for a terminal: the likeliest explanations of each side, for and against, and what would decide."""

from __future__ import annotations

from collections.abc import Iterable

from dwell.model.claims import Lead
from dwell.model.explanations import Explanation, Side, Weight

__all__ = ["explanations_lines"]


def explanations_lines(lead: Lead) -> list[str]:
    """Give what was observed of a lead, and the explanations that are told; nothing where none was weighed."""
    if lead.hostile_bits is None:
        return []
    untold = [f"not told, and in no sum: {'; '.join(f'{name} ({why})' for name, why in lead.untold)}"]
    lines = [
        *(untold if lead.untold else ()),
        f"observed: {'; '.join(lead.observed)}",
        f"hostile or not: {lead.hostile_bits:+.1f} bits (above 0 it looks hostile; how common either is, is not in it)",
    ]
    if lead.intrusion is not None:
        lines.append(
            f"it is part of {lead.intrusion}, which rests on more than this lead shows: what follows weighs it by itself, "
            "and takes nothing back"
        )
    for side in Side:
        for one in lead.explanations:
            if one.side is side and one.decides:
                lines += _told(one)
    rest = [f"{one.key} {one.bits:+.1f}" for one in lead.explanations if not one.decides]
    return [*lines, f"less likely: {', '.join(rest)}"] if rest else lines


def _told(one: Explanation) -> Iterable[str]:
    yield f"{one.side.value}, {one.bits:+.1f} bits: {one.name}"
    for word, weights in (("for", one.speaks_for), ("against", one.speaks_against)):
        yield from (f"   {word} {weight.bits:+.1f}: {weight.text}{_grounds(weight)}" for weight in weights)
    yield f"   would decide: {one.decides}"


def _grounds(weight: Weight) -> str:
    return " (counted on exercises)" if weight.counted else " (set by hand)"
