"""Can a rule still be true in a data file? Three-valued, over what its lexicon says.

A leaf is false where no row of the file can meet it, true where every row does, and open otherwise; `not` turns the
first two about and leaves the third. Only a condition that comes out false rules a file out, so a question under `not`
never does by being unanswered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dwell.hunt.ruleset import Atom, Node, Where
from dwell.hunt.words import Truth, Words

__all__ = ["REGISTRY_EVENT", "Verdict", "by_kind", "judged", "leaf_verdict", "refusal"]

Verdict = bool | None
REGISTRY_EVENT = "Registry:EventType"
"""What Security 4657 tells of a value, by Sysmon's names (`dwell.hunt.registry_values`)."""
_OF_VALUES = frozenset({"setvalue", "deletevalue"})


def leaf_verdict(truth: Truth, held: Words) -> tuple[Verdict, int]:
    """Give the verdict of a leaf, and how many rows meet it."""
    rows = int(held.counts[truth].sum())
    if not rows:
        return False, 0
    return (True if rows == int(held.counts.sum()) else None), rows


def judged(node: Node, verdict: Callable[[Node], Verdict]) -> Verdict:
    """Give the verdict of a condition from those of its leaves."""
    if node.op in {"leaf", "atom"}:
        return verdict(node)
    parts: Sequence[Verdict] = [judged(one, verdict) for one in node.children]
    if node.op == "not":
        return None if parts[0] is None else not parts[0]
    decisive = node.op == "or"
    if any(one is decisive for one in parts):
        return decisive
    return None if any(one is None for one in parts) else not decisive


def by_kind(atom: Atom, where: Where) -> Verdict:
    """Give the truth of a question that the kind of record decides by itself: which event, which channel."""
    if atom.place == "EventID" and atom.kind == "number":
        number = float(atom.parts[0])
        if number in where.other_ids:
            return False
        if where.event_ids:
            return (True if len(where.event_ids) == 1 else None) if number in where.event_ids else False
    if atom.place == REGISTRY_EVENT and atom.kind == "text" and len(atom.parts) == 1:
        return _of_registry(atom.parts[0].lower(), where)
    if where.channels and atom.place == "Channel" and atom.kind == "text" and len(atom.parts) == 1:
        met = atom.parts[0].lower() in {one.lower() for one in where.channels}
        return (True if len(where.channels) == 1 else None) if met else False
    return None


def _of_registry(event: str, where: Where) -> Verdict:
    """Give the truth of a question about what happened in the registry: Security 4657 tells of values alone."""
    if where.asks:
        return event == where.asks[1].lower()
    bars = where.bars[1].lower() if where.bars else ""
    return None if event in _OF_VALUES and event != bars else False


def refusal(where: Where) -> str:
    """Say that a kind of record by itself makes a condition false."""
    ids = ", ".join(map(str, where.event_ids))
    kind = f"the channel {' or '.join(where.channels)}" + (f" and the event id {ids}" if ids else "")
    return f"channel and event id alone make it false: such records have {kind}"
