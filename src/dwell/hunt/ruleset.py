"""Rules as the wide pass sees them: atoms, leaves over one column, and trees; plain data that any worker can read.

A rule's condition is lowered once. An *atom* asks one thing of one value. A *leaf* is the largest part of a condition
that looks at a single column, so that it can be decided per distinct value. A *case* is a condition as it reads on one
kind of record: a rule about new processes has one for Sysmon and one for the Security log.

Thousands of rules are hundreds of thousands of these objects: they are made, hashed and read back without Python's help,
and the cyclic collector leaves them alone, for they are in no circles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

__all__ = ["VERSION", "Atom", "Case", "Leaf", "Node", "Rule", "RuleInfo", "RuleSet", "Where", "rules_hash"]

VERSION = 15
"""Raised whenever the same rules come out differently."""


class RuleInfo(msgspec.Struct, frozen=True, gc=False):
    """What is said about a rule wherever its hits are shown.

    Attributes:
        id: the rule's own id; where it has none, made from its title and path.
        title: the rule's title.
        author: its authors, as written.
        licence: its licence, as written or as its folder says; "" where nothing is said.
        level: Sigma's level.
        tags: ATT&CK ids, in upper case, sorted.
        outcome: the rung of the outcome ladder that a hit speaks for, from the custom field `dwell`; "" where unsaid.
        weight: 1 (context) to 5 (decisive alone), from the same; 0 where unsaid.
        catalogue: id in the detection catalogue, from the same.
        path: relative to its rule folder.
        description: as written.
        falsepositives: as written.
        pack: whether it is one of our own.
        filters: titles of the filters that were added to it.
        tables: the archive tables with records that its log source means; none where none is read.
    """

    id: str
    title: str
    author: str
    licence: str
    level: str
    tags: tuple[str, ...]
    outcome: str
    weight: int
    catalogue: str
    path: str
    description: str
    falsepositives: tuple[str, ...]
    pack: bool
    filters: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


class Where(msgspec.Struct, frozen=True, gc=False):
    """A kind of record that a rule is about.

    Attributes:
        table: the archive table.
        channels: event log channels; empty for all.
        event_ids: event ids; empty for all.
        fields: Sigma's field names to our columns, where they differ.
        name: what it is called in reasons.
        switch_on: what makes such records come into being.
        other_ids: event ids that are of another kind.
        only: columns to the values that one of such records has there; empty for all.
        uniform: whether all such records have the same fields, so that a field that none has is not recorded, and
            not merely the sign of an event that never was.
        asks: a place and the text that one of such records has there, beyond what columns tell.
        bars: a place and a text that none of such records has there.
        without: fields, in lower case, that no such record can have, whatever is switched on.
        switched: fields, in lower case, that they have once `switch_on` is heeded; the others they have as it is.
    """

    table: str
    channels: tuple[str, ...] = ()
    event_ids: tuple[int, ...] = ()
    fields: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    name: str = ""
    switch_on: str = ""
    uniform: bool = True
    only: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    other_ids: tuple[int, ...] = ()
    asks: tuple[str, str] | None = None
    bars: tuple[str, str] | None = None
    without: tuple[str, ...] = ()
    switched: tuple[str, ...] = ()

    @property
    def wanted(self) -> dict[str, tuple[str, ...]]:
        """Give the text columns that tell such records from others, with the values they have there."""
        return {**({"Channel": self.channels} if self.channels else {}), **self.only}


class Atom(msgspec.Struct, frozen=True, gc=False):
    """One question to one value.

    Attributes:
        place: the column, or `map:key`, or `map:*` for every text of a map, or `column>part` (`dwell.hunt.derived`), or
            what several fields make together (`dwell.hunt.composed`).
        kind: `text`, `regex`, `number`, `compare`, `cidr`, `part` (of an instant, in UTC), `null`, `empty`, `exists`,
            or `same` (as another column).
        parts: for `text`: literals at the even places, runs of `*` and `?` at the odd ones; for `part` the
            number and the operator; else one text.
        flags: for `text` `c` where case counts; for `regex` any of `ims`; for `compare` the operator; for `part`
            which; for `same` any of `s` (starts with) and `e` (ends with), and `c` where case counts.
        other: for `same`, the other column.
    """

    place: str
    kind: str
    parts: tuple[str, ...] = ()
    flags: str = ""
    other: str = ""


class Node(msgspec.Struct, frozen=True, gc=False):
    """Part of a condition.

    Attributes:
        op: `and`, `or`, `not`, `atom` (an index into the atoms), `leaf` (an index into the leaves).
        children: what it is made of.
        index: the atom or leaf.
    """

    op: str
    children: tuple[Node, ...] = ()
    index: int = -1


class Leaf(msgspec.Struct, frozen=True, gc=False):
    """Part of a condition over one column.

    Attributes:
        place: the column.
        tree: its atoms.
    """

    place: str
    tree: Node


class Case(msgspec.Struct, frozen=True, gc=False):
    """A condition on one kind of record.

    Attributes:
        where: index into the rule set's kinds of record.
        tree: leaves.
        told: fields that correlations ask of the records met, each with the places that may hold it.
        never: whether channel and event id of such records alone make it false.
    """

    where: int
    tree: Node
    told: tuple[tuple[str, tuple[str, ...]], ...] = ()
    never: bool = False


class Rule(msgspec.Struct, frozen=True, gc=False):
    """A rule that can be matched.

    Attributes:
        info: what is said about it.
        cases: its condition on each kind of record.
        correlated: whether a correlation rests on it, so that its records are told one by one.
    """

    info: RuleInfo
    cases: tuple[Case, ...]
    correlated: bool = False


class RuleSet(msgspec.Struct, frozen=True, gc=False):
    """Every rule that can be matched, sharing atoms, leaves and kinds of record."""

    rules: tuple[Rule, ...]
    atoms: tuple[Atom, ...]
    leaves: tuple[Leaf, ...]
    wheres: tuple[Where, ...]

    def encoded(self) -> bytes:
        """Give it as JSON; the same rules give the same bytes."""
        return msgspec.json.encode(self, order="sorted")

    @classmethod
    def decoded(cls, data: bytes) -> RuleSet:
        """Read what `encoded` gave."""
        return msgspec.json.decode(data, type=cls)


def rules_hash(data: bytes) -> str:
    """Give the name of an encoded rule set."""
    return hashlib.sha256(f"{VERSION}:".encode() + data).hexdigest()
