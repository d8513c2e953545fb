"""Looking again with other rules: what a rule came to in a data file is taken over, and only new and changed rules hunt.

Hits are kept by data file and set of rules. Beside them it is kept what each set was made of: of each rule a hash of what
is said about it in hits and of its conditions, written out down to the texts and columns they ask for. A set that was never
hunted with takes over, from the one that has most rules in common with it, all that these came to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.casebook.whole_files import written_whole
from dwell.hunt.hits import HITS, NO_HITS
from dwell.hunt.ordering import concat
from dwell.hunt.records import NO_RECORDS
from dwell.hunt.ruleset import VERSION, Atom, Case, Leaf, Node, Rule, RuleSet
from dwell.hunt.tasks import places_of, told_places
from dwell.hunt.wide import FileReport, Found

__all__ = ["Before", "KnownSet", "before", "known_set", "merged", "remember", "subset"]

SETS_LOOKED_AT = 16
"""So many sets of rules, the latest first, are looked at for one that has much in common with a new one."""
_SUFFIX = "-made-of.msgpack"


class KnownSet(msgspec.Struct, frozen=True):
    """What a set of rules is made of.

    Attributes:
        key: names the set.
        rules: id and hash of each rule, in their order.
        wheres: each kind of record, written out.
    """

    key: str
    rules: tuple[tuple[str, str], ...]
    wheres: tuple[str, ...]


class Before(msgspec.Struct, frozen=True):
    """A set of rules that was hunted with before, beside a new one.

    Attributes:
        key: names the old set.
        rules: by rule of the old set the same rule of the new one, -1 where it is not there or is another now.
        wheres: by kind of record of the old set the same of the new one, -1 where it is not there.
        names: ids of the rules that both have.
        order: ids of the rules of the new set, in their order.
        fresh: the rules of the new set that the old one has not.
        asked: by kind of record of the new set the places that its rules ask about.
    """

    key: str
    rules: tuple[int, ...]
    wheres: tuple[int, ...]
    names: tuple[str, ...]
    order: tuple[str, ...]
    fresh: tuple[int, ...]
    asked: dict[int, tuple[str, ...]]


def _spelled(node: Node, atoms: Sequence[Atom], leaves: Sequence[bytes]) -> object:
    """Give a condition with its questions written out in place of their numbers."""
    if node.op == "atom":
        return atoms[node.index]
    if node.op == "leaf":
        return leaves[node.index]
    return (node.op, [_spelled(one, atoms, leaves) for one in node.children])


def known_set(key: str, rules: RuleSet) -> KnownSet:
    """Give what a set of rules is made of.

    Args:
        key: names the set.
        rules: they.
    """
    encode = msgspec.msgpack.Encoder(order="sorted").encode
    wheres = [msgspec.json.encode(one, order="sorted") for one in rules.wheres]
    leaves = [hashlib.sha256(encode((one.place, _spelled(one.tree, rules.atoms, ())))).digest() for one in rules.leaves]
    told = []
    for rule in rules.rules:
        cases = [(wheres[one.where], _spelled(one.tree, rules.atoms, leaves), one.told) for one in rule.cases]
        said = (VERSION, rule.info.id, rule.info.title, rule.info.level, rule.correlated, cases)
        told.append((rule.info.id, hashlib.sha256(encode(said)).hexdigest()))
    return KnownSet(key, tuple(told), tuple(one.decode() for one in wheres))


def _place(cache: Path, key: str) -> Path:
    return cache / f"{key[:32]}{_SUFFIX}"


def remember(cache: Path, made_of: KnownSet) -> None:
    """Keep what a set of rules is made of, beside the hits that were kept for it."""
    with written_whole(_place(cache, made_of.key)) as unfinished:
        unfinished.write_bytes(msgspec.msgpack.encode(made_of))


def _known(cache: Path) -> Iterator[KnownSet]:
    """Yield the sets that were hunted with, the latest first."""
    found = sorted(cache.glob(f"*{_SUFFIX}"), key=lambda one: (one.stat().st_mtime_ns, one.name), reverse=True)
    for path in found[:SETS_LOOKED_AT]:
        try:
            yield msgspec.msgpack.decode(path.read_bytes(), type=KnownSet)
        except (OSError, msgspec.MsgspecError):
            continue


def before(cache: Path | None, key: str, rules: RuleSet) -> tuple[KnownSet | None, Before | None]:
    """Give what a set of rules is made of, and the set of before that has most in common with it.

    Args:
        cache: where hits are kept; None where they are not.
        key: names the set.
        rules: the set.

    Returns:
        What the set is made of, None where that is kept already; the set of before, None where there is none.
    """
    if cache is None or _place(cache, key).is_file():
        return None, None
    mine = known_set(key, rules)
    places = {one: at for at, one in enumerate(mine.rules)}
    best: KnownSet | None = None
    most = 0
    for one in _known(cache):
        common = sum(told in places for told in one.rules)
        if one.key != key and common > most:
            best, most = one, common
    if best is None:
        return mine, None
    held = set(best.rules)
    kinds = {one: at for at, one in enumerate(mine.wheres)}
    asked: dict[int, set[str]] = {}
    for rule in rules.rules:
        for case in rule.cases:
            asked.setdefault(case.where, set()).update(places_of(case.tree, rules), told_places(case))
    return mine, Before(
        key=best.key,
        rules=tuple(places.get(told, -1) for told in best.rules),
        wheres=tuple(kinds.get(one, -1) for one in best.wheres),
        names=tuple(told[0] for told in best.rules if told in places),
        order=tuple(told[0] for told in mine.rules),
        fresh=tuple(at for at, told in enumerate(mine.rules) if told not in held),
        asked={where: tuple(sorted(some)) for where, some in sorted(asked.items())},
    )


class _Subset:
    """Some rules of a set being cut out, with the questions and leaves that they use and no others."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self.atoms: dict[int, int] = {}
        self.leaves: dict[int, int] = {}

    def node(self, node: Node) -> Node:
        """Give a condition with the new numbers of its questions and leaves."""
        if node.op == "atom":
            return Node("atom", (), self.atoms.setdefault(node.index, len(self.atoms)))
        if node.op == "leaf":
            return Node("leaf", (), self.leaves.setdefault(node.index, len(self.leaves)))
        return Node(node.op, tuple(self.node(one) for one in node.children))

    def cut(self, wanted: Sequence[int]) -> RuleSet:
        """Give the set of some rules."""
        rules = [
            Rule(
                one.info,
                tuple(Case(case.where, self.node(case.tree), case.told, case.never) for case in one.cases),
                one.correlated,
            )
            for one in (self._rules.rules[at] for at in wanted)
        ]
        held = [self._rules.leaves[one] for one in self.leaves]
        leaves = tuple(Leaf(one.place, self.node(one.tree)) for one in held)
        atoms = tuple(self._rules.atoms[one] for one in self.atoms)
        return RuleSet(tuple(rules), atoms, leaves, self._rules.wheres)


def subset(rules: RuleSet, wanted: Sequence[int]) -> RuleSet:
    """Give some rules of a set as a set of its own; kinds of record keep their numbers."""
    return _Subset(rules).cut(wanted)


def merged(old: Found, new: Found, by: Before) -> Found:
    """Put together what the rules of before came to in a data file and what the new ones did.

    Args:
        old: what the old set came to.
        new: what the new rules alone did, numbered as in their own set.
        by: how the two sets belong together.
    """
    new = new.plain()
    report = _report(old.report, new.report, by)
    if not (old.hits.num_rows or new.hits.num_rows or old.records.num_rows or new.records.num_rows):
        return Found(NO_HITS, NO_RECORDS, report)
    names = pa.array(by.names, pa.string())
    hits = concat([old.hits.filter(pc.is_in(old.hits["rule_id"], value_set=names)), new.hits])
    records = pa.concat_tables([old.records.filter(pc.is_in(old.records["rule_id"], value_set=names)), new.records])
    ranks = pc.index_in(records["rule_id"], value_set=pa.array(by.order, pa.string())).to_numpy()
    ordered = records.take(pa.array(np.argsort(ranks, kind="stable"))) if records.num_rows else NO_RECORDS
    return Found(hits.cast(HITS), ordered, report)


def _report(old: FileReport, new: FileReport, by: Before) -> FileReport:
    wheres = {by.wheres[where]: rows for where, rows in old.wheres.items() if by.wheres[where] in by.asked}
    by_rows: dict[int, dict[str, list[int]]] = {}
    missing: dict[int, set[str]] = {}
    for where, places in old.missing.items():
        here = by.wheres[where]
        if here in by.asked:
            told = {
                place: [by.rules[one] for one in ones if by.rules[one] >= 0]
                for place, ones in old.by_rows.get(where, {}).items()
            }
            # what was seen only because a rule had the rows read that is no longer there is not known any more
            missing[here] = {one for one in places if told.get(one, True)} & set(by.asked[here])
            by_rows[here] = {place: ones for place, ones in told.items() if ones}
    for where, places in new.missing.items():
        missing[where] = missing.get(where, set()) | set(places)
        for place, ones in new.by_rows.get(where, {}).items():
            mine = by_rows.setdefault(where, {})
            mine[place] = sorted({*mine.get(place, ()), *(by.fresh[one] for one in ones)})
    return FileReport(
        rows=old.rows,
        wheres=dict(sorted((wheres | new.wheres).items())),
        missing={where: sorted(places) for where, places in sorted(missing.items())},
        opened=_united(old.opened, new.opened, by),
        cut=_united(old.cut, new.cut, by),
        by_rows={where: places for where, places in sorted(by_rows.items()) if places},
    )


def _united(old: Sequence[int], new: Sequence[int], by: Before) -> list[int]:
    kept = {by.rules[one] for one in old if by.rules[one] >= 0}
    return sorted(kept | {by.fresh[one] for one in new})
