"""Acts behind what rules met: several rules that met the same records tell of one act, and it is told once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dwell.model.provenance import RecordRef
from dwell.scope.exploits import ENTRIES
from dwell.scope.investigation import Investigation
from dwell.scope.traces import Trace

__all__ = ["Act", "acts_of"]


@dataclass(frozen=True, slots=True)
class Act:
    """What one or several rules met on one host.

    Attributes:
        host: on which server.
        traces: the hits, those that got furthest first.
        forged: whether the records are those of forged requests, which are told by themselves.
    """

    host: str
    traces: tuple[Trace, ...]
    forged: bool

    @property
    def titles(self) -> tuple[str, ...]:
        """Give the titles of the rules, the one that got furthest first."""
        return tuple(dict.fromkeys(one.title for one in self.traces))

    @property
    def records(self) -> int:
        """Give the number of records: of the rule that met most, as the others met some of the same."""
        by_rule: dict[str, int] = {}
        for one in self.traces:
            by_rule[one.rule_id] = by_rule.get(one.rule_id, 0) + one.count
        return max(by_rule.values())


@dataclass(slots=True)
class _Group:
    """What one rule met on one host, and then all that is found to be the same."""

    traces: list[Trace]
    records: set[RecordRef]
    forged: bool = False


def acts_of(case: Investigation) -> tuple[Act, ...]:
    """Give the acts that rules about entries met, by host; what is the same as another's records is one with it.

    Two rules tell of one act where every record that is listed for one of them is listed for the other as well.
    """
    rules: dict[tuple[str, str], _Group] = {}
    for one in case.traces:
        if one.catalogue.startswith(ENTRIES):
            group = rules.setdefault((one.host, one.rule_id), _Group([], set()))
            group.traces.append(one)
            group.records |= set(one.grounds)
    out: list[Act] = []
    for host in sorted({host for host, _ in rules}):
        forged = {one.ground for one in case.forged if one.host == host}
        mine = [group for (where, _), group in sorted(rules.items(), key=lambda one: one[0]) if where == host]
        out += [_act(host, one) for one in _joined(mine, forged)]
    return tuple(sorted(out, key=lambda one: (one.host, _first(one), one.titles)))


def _joined(groups: Sequence[_Group], forged: set[RecordRef]) -> list[_Group]:
    """Put what lies within another into it, the largest first."""
    out = [_Group([], set(forged), forged=True)] if forged else []
    for one in sorted(groups, key=lambda each: -len(each.records)):
        home = next((other for other in out if one.records <= other.records), None)
        if home is None:
            out.append(one)
        else:
            home.traces += one.traces
    return [one for one in out if one.traces]


def _act(host: str, group: _Group) -> Act:
    order = sorted(group.traces, key=lambda one: (-one.outcome.rank, -one.weight, one.title, one.rule_id, one.grounds))
    return Act(host, tuple(order), group.forged)


def _first(one: Act) -> str:
    """Give the first instant, as a text to sort by; what has none comes last."""
    return min((at.isoformat() for trace in one.traces if (at := trace.first_utc) is not None), default="9999")
