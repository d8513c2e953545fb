"""What other rules change: rules added, removed and changed, and the hits that appear and vanish with them.

Both sets are put to the same evidence, so that nothing but the rules makes a difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dwell.hunt.grouping import HitGroup, grouped
from dwell.hunt.hunting import Hunted
from dwell.hunt.ruleset import Node, RuleInfo, RuleSet
from dwell.hunt.sigma.loaded import Loaded
from dwell.model.claims import RuleStatus

if TYPE_CHECKING:
    from dwell.hunt.yara.load import YaraRules

__all__ = ["GroupChange", "RuleChange", "RuleChanges", "rule_changes"]


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that is not as it was.

    Attributes:
        rule_id: its id.
        title: its title, the new one where there is one.
        kind: `added`, `removed` or `changed`.
        what: what of it changed; empty for rules added and removed.
        before: what became of it in the case with the old rules; None where it was not there.
        after: what becomes of it with the new ones; None where it is not there.
    """

    rule_id: str
    title: str
    kind: str
    what: tuple[str, ...]
    before: RuleStatus | None
    after: RuleStatus | None


@dataclass(frozen=True, slots=True)
class GroupChange:
    """Equal hits that are more or fewer than they were.

    Attributes:
        group: the hits, those of the new rules where there are any.
        before: records met by the old rules.
        after: records met by the new ones.
    """

    group: HitGroup
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class RuleChanges:
    """What other rules change.

    Attributes:
        rules: rules that are not as they were, by id.
        same: number of rules that are.
        hits: groups of equal hits that are more or fewer, in the order of time.
    """

    rules: tuple[RuleChange, ...]
    same: int
    hits: tuple[GroupChange, ...]


def _meaning(loaded: Loaded) -> dict[str, dict[str, object]]:
    """Give by id what each rule says of itself and what it looks for, so that equal ones are equal.

    A rule that cannot be matched has the reason in place of a condition; where several have the same id, the one that
    runs counts.
    """
    rules = loaded.rules
    leaves = [_spelled(one.tree, rules, []) for one in rules.leaves]
    out: dict[str, dict[str, object]] = {}
    for ended in loaded.ended:
        said = _said(loaded.infos.get(ended.rule_id), ended.title)
        out.setdefault(ended.rule_id, said | {"what it looks for": (ended.status, ended.reason)})
    for rule in rules.rules:
        cases = tuple((rules.wheres[one.where], _spelled(one.tree, rules, leaves)) for one in rule.cases)
        out[rule.info.id] = _said(rule.info, rule.info.title) | {"what it looks for": cases}
    return out


def _yara_meaning(rules: YaraRules) -> dict[str, dict[str, object]]:
    """Give by id what each YARA rule says of itself, and its own text; a private one that it uses is a rule of its own."""
    texts = {one.index: unit.parts[one.part].text[one.start : one.end] for unit in rules.units for one in unit.rules}
    out: dict[str, dict[str, object]] = {}
    for ended in rules.ended:
        said = _said(rules.infos.get(ended.rule_id), ended.title)
        out.setdefault(ended.rule_id, said | {"what it looks for": (ended.status, ended.reason)})
    for at, rule in enumerate(rules.rules):
        out[rule.info.id] = _said(rule.info, rule.info.title) | {"what it looks for": texts[at]}
    return out


def _every_meaning(hunted: Hunted) -> dict[str, dict[str, object]]:
    """Give by id what each rule of a hunt means."""
    sigma = _meaning(hunted.loaded) if hunted.loaded is not None else {}
    return sigma | (_yara_meaning(hunted.yara) if hunted.yara is not None else {})


def _said(info: RuleInfo | None, title: str) -> dict[str, object]:
    if info is None:
        return {"title": title}
    return {one: getattr(info, one) for one in info.__struct_fields__ if one not in {"id", "path", "pack"}}


def _spelled(node: Node, rules: RuleSet, leaves: list[object]) -> object:
    """Give a condition with its questions written out in place of their numbers."""
    if node.op == "atom":
        return rules.atoms[node.index]
    if node.op == "leaf":
        return leaves[node.index]
    return (node.op, tuple(_spelled(one, rules, leaves) for one in node.children))


def _rules(old: Hunted, new: Hunted) -> tuple[list[RuleChange], int]:
    before, after = _every_meaning(old), _every_meaning(new)
    was = {one.rule_id: one.status for one in old.outcomes}
    now = {one.rule_id: one.status for one in new.outcomes}
    out = []
    same = 0
    for name in sorted(before.keys() | after.keys()):
        one, two = before.get(name), after.get(name)
        told = two or one or {}
        title = str(told.get("title", ""))
        if one is None or two is None:
            kind = "added" if one is None else "removed"
            out.append(RuleChange(name, title, kind, (), was.get(name), now.get(name)))
            continue
        keys = [key for key in dict.fromkeys((*one, *two)) if one.get(key) != two.get(key)]
        if keys:
            out.append(RuleChange(name, title, "changed", tuple(keys), was.get(name), now.get(name)))
        else:
            same += 1
    return out, same


def _key(group: HitGroup) -> HitGroup:
    """Give what makes hits the same under other rules: their titles and levels may have changed."""
    return replace(group, title="", level="", count=0, files=0, first_utc=None, last_utc=None, refs=(), mark=-1)


def _groups(hunted: Hunted) -> dict[HitGroup, HitGroup]:
    return {_key(one): one for one in grouped(hunted.hits)}


def _in_time(one: GroupChange) -> tuple[bool, str, str, str]:
    group = one.group
    first = group.refs[0] if group.refs else None
    where = f"{group.table}/{first.evidence_id}/{first.record_no:020}" if first is not None else ""
    return group.first_utc is None, str(group.first_utc), group.rule_id, where


def rule_changes(old: Hunted, new: Hunted) -> RuleChanges:
    """Compare two hunts in the same evidence.

    Args:
        old: the hunt with the rules that were.
        new: the hunt with the rules that are to be.
    """
    rules, same = _rules(old, new)
    before: Mapping[HitGroup, HitGroup] = _groups(old)
    after: Mapping[HitGroup, HitGroup] = _groups(new)
    hits = []
    for key in [*before, *(one for one in after if one not in before)]:
        one, two = before.get(key), after.get(key)
        counts = (one.count if one is not None else 0, two.count if two is not None else 0)
        shown = two or one
        if shown is not None and counts[0] != counts[1]:
            hits.append(GroupChange(shown, *counts))
    return RuleChanges(tuple(rules), same, tuple(sorted(hits, key=_in_time)))
