"""A parsed Sigma condition lowered to leaves and atoms, once for every kind of record the rule is about."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from sigma import conditions, types

from dwell.hunt.ruleset import Atom, Leaf, Node, Where
from dwell.hunt.sigma.expressions import STEPS_MAX, steps_of
from dwell.hunt.sigma.fieldnames import ALIASES, INSTANTS, KEYWORD_PLACES, MAPS, NAMED_DATA, QUERIES
from dwell.hunt.sigma.placeholders import TooManyValuesError, filled

__all__ = ["NODES_MAX", "Lowering", "UnsupportedError", "places_of"]

NODES_MAX = 20_000
"""Nodes of one lowered rule."""
REGEX_CHARS_MAX = 4_096


class UnsupportedError(Exception):
    """A construct that cannot be expressed; the text names it."""


def is_many(place: str) -> bool:
    """Say whether a record can hold several texts in a place, so that `not` must not be decided text by text."""
    return ":" in place


class Lowering:
    """Lowers conditions; atoms and leaves that rules share are kept once.

    Attributes:
        atoms: atoms met so far.
        leaves: leaves met so far.
    """

    def __init__(
        self,
        columns: Mapping[str, Mapping[str, pa.DataType]],
        joined: Mapping[str, Sequence[str]],
        lists: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._columns = {table: {name.lower(): name for name in held} for table, held in columns.items()}
        self._types = columns
        self._joined = joined
        self._lists = lists or {}
        self._atom_index: dict[Atom, int] = {}
        self._leaf_index: dict[Leaf, int] = {}
        self.atoms: list[Atom] = []
        self.leaves: list[Leaf] = []
        self._count = 0

    def lower(self, condition: object, where: Where) -> Node:
        """Lower a condition as it reads on one kind of record.

        Raises:
            UnsupportedError: it holds something that cannot be expressed.
            NoListError: it holds a placeholder for which no list is given.
        """
        self._count = 0
        return self._to_leaves(self._grouped(self._node(condition, where)))

    def _node(self, item: object, where: Where) -> Node:
        self._count += 1
        if self._count > NODES_MAX:
            raise UnsupportedError(f"a condition of more than {NODES_MAX} parts")
        if isinstance(item, conditions.ConditionAND):
            return Node("and", tuple(self._node(one, where) for one in item.args))
        if isinstance(item, conditions.ConditionOR):
            return Node("or", tuple(self._node(one, where) for one in item.args))
        if isinstance(item, conditions.ConditionNOT):
            return Node("not", (self._node(item.args[0], where),))
        if isinstance(item, conditions.ConditionFieldEqualsValueExpression):
            return self._field(item.field, item.value, where)
        if isinstance(item, conditions.ConditionValueExpression):
            return self._keyword(item.value, where)
        raise UnsupportedError(f"condition part {type(item).__name__}")

    def _filled(self, value: object) -> object:
        """Put the values of lists in the place of placeholders."""
        text = value.regexp if isinstance(value, types.SigmaRegularExpression) else value
        if not isinstance(text, types.SigmaString) or not text.contains_placeholder():
            return value
        try:
            found = filled(text, self._lists)
        except TooManyValuesError as fault:
            raise UnsupportedError(str(fault)) from fault
        if isinstance(value, types.SigmaRegularExpression):
            return types.SigmaExpansion([types.SigmaRegularExpression(str(one), value.flags) for one in found])
        return types.SigmaExpansion(list(found))

    def _field(self, field: str, value: object, where: Where) -> Node:
        value = self._filled(value)
        if isinstance(value, types.SigmaExpansion):
            return Node("or", tuple(self._field(field, one, where) for one in value.values))
        places = list(self.places(field, where))
        bare = isinstance(value, types.SigmaNull | types.SigmaExists)
        bare = bare or (isinstance(value, types.SigmaString) and not any(value.s))
        whole, query = QUERIES.get(where.table, ("", ""))
        if whole in places and "query" in field.lower():
            # the path is looked for in the query as well, but "no query" and "starts with" mean the query itself
            if bare:
                places = [query]
            elif isinstance(value, types.SigmaString) and not value.startswith(types.SpecialChars.WILDCARD_MULTI):
                places.append(query)
        if isinstance(value, types.SigmaFieldReference):
            others = self.places(value.field, where)
            flags = ("s" if value.starts_with else "") + ("e" if value.ends_with else "")
            return _any([self._atom(Atom(one, "same", (), flags, two)) for one in places for two in others])
        if isinstance(value, types.SigmaExists):
            known = _any([self._atom(Atom(one, "exists")) for one in places])
            return known if value.exists else Node("not", (known,))
        if isinstance(value, types.SigmaNull):
            return _every([self._atom(Atom(one, "null")) for one in places])
        return _any([self._atom(_value_atom(one, value)) for one in places])

    def _keyword(self, value: object, where: Where) -> Node:
        value = self._filled(value)
        if isinstance(value, types.SigmaExpansion):
            return Node("or", tuple(self._keyword(one, where) for one in value.values))
        if isinstance(value, types.SigmaTimestampPart):
            raise UnsupportedError("a time part of no field")
        if isinstance(value, types.SigmaNumber):
            value = types.SigmaString(str(value.number))
        if isinstance(value, types.SigmaString):
            parts = _anywhere(_parts(value))
            flags = "c" if isinstance(value, types.SigmaCasedString) else ""
            atoms = [Atom(one, "text", _folded(parts, flags), flags) for one in self.keyword_places(where.table)]
        elif isinstance(value, types.SigmaRegularExpression):
            atoms = [_value_atom(one, value) for one in self.keyword_places(where.table)]
        else:
            raise UnsupportedError(f"{type(value).__name__} as a keyword")
        return _any([self._atom(one) for one in atoms])

    def keyword_places(self, table: str) -> tuple[str, ...]:
        """Give the places where keywords are looked for."""
        if table in KEYWORD_PLACES:
            return KEYWORD_PLACES[table]
        held = self._types[table]
        texts = [name for name, kind in held.items() if pa.types.is_string(kind) and name not in {"evidence_id"}]
        texts += self._joined.get(table, ())
        return (*texts, *(f"{name}:*" for name, kind in held.items() if pa.types.is_map(kind)))

    def places(self, field: str, where: Where) -> tuple[str, ...]:
        """Give the places that a field of Sigma means on a kind of record."""
        lower = field.lower()
        for names in (where.fields, ALIASES.get(where.table, {})):
            if lower in names:
                return tuple(names[lower])
        if where.table == "evtx" and field in NAMED_DATA:
            return NAMED_DATA[field]
        known = self._columns[where.table].get(lower)
        if known is None and lower in {one.lower() for one in self._joined.get(where.table, ())}:
            known = lower
        if known is not None:
            kind = self._types[where.table].get(known)
            if kind is not None and (pa.types.is_map(kind) or pa.types.is_list(kind)):
                return (f"{known}:*",)
            return (known,)
        return ("time_utc",) if lower in INSTANTS else (f"{MAPS.get(where.table, 'extra')}:{field}",)

    def _atom(self, atom: Atom) -> Node:
        index = self._atom_index.setdefault(atom, len(self.atoms))
        if index == len(self.atoms):
            self.atoms.append(atom)
        return Node("atom", (), index)

    def _place(self, node: Node) -> str:
        """Give the one place that a part looks at; "" where it looks at several, or has to be decided by record."""
        if node.op == "atom":
            atom = self.atoms[node.index]
            return "" if atom.kind == "same" else atom.place
        places = {self._place(one) for one in node.children}
        place = places.pop() if len(places) == 1 else ""
        return "" if node.op != "or" and is_many(place) else place

    def _grouped(self, node: Node) -> Node:
        """Put the parts of `and` and `or` that look at the same place side by side."""
        if node.op == "atom":
            return node
        children = [self._grouped(one) for one in node.children]
        if node.op == "not":
            return Node("not", tuple(children))
        flat = [part for one in children for part in (one.children if one.op == node.op else (one,))]
        together: dict[str, list[Node]] = {}
        alone: list[Node] = []
        for one in dict.fromkeys(flat):
            place = self._place(one)
            if place and not (node.op == "and" and is_many(place)):
                together.setdefault(place, []).append(one)
            else:
                alone.append(one)
        parts = [ones[0] if len(ones) == 1 else Node(node.op, tuple(ones)) for _, ones in sorted(together.items())]
        parts += alone
        return parts[0] if len(parts) == 1 else Node(node.op, tuple(parts))

    def _to_leaves(self, node: Node) -> Node:
        place = self._place(node)
        if not place:
            if node.op == "atom":
                return node
            return Node(node.op, tuple(self._to_leaves(one) for one in node.children))
        leaf = Leaf(place, node)
        index = self._leaf_index.setdefault(leaf, len(self.leaves))
        if index == len(self.leaves):
            self.leaves.append(leaf)
        return Node("leaf", (), index)


def places_of(node: Node, leaves: Sequence[Leaf], atoms: Sequence[Atom], *, positive: bool = True) -> set[str]:
    """Give the places that a condition looks at in a positive sense, or in a negative one."""
    return {place for place, sense in _senses(node, leaves, atoms, sense=True) if sense is positive}


def _senses(node: Node, leaves: Sequence[Leaf], atoms: Sequence[Atom], *, sense: bool) -> Iterable[tuple[str, bool]]:
    if node.op == "leaf":
        yield from _senses(leaves[node.index].tree, leaves, atoms, sense=sense)
    elif node.op == "atom":
        atom = atoms[node.index]
        # "has no value" is borne out by an absent field: nothing is lost where it is not recorded
        if atom.kind != "null":
            yield atom.place, sense
    else:
        for one in node.children:
            yield from _senses(one, leaves, atoms, sense=sense is not (node.op == "not"))


def _any(nodes: Sequence[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else Node("or", tuple(nodes))


def _every(nodes: Sequence[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else Node("and", tuple(nodes))


def _parts(value: types.SigmaString) -> tuple[str, ...]:
    """Give literals at the even places and runs of wildcards at the odd ones."""
    out = [""]
    for part in value.s:
        if isinstance(part, str):
            if len(out) % 2:
                out[-1] += part
            else:
                out.append(part)
        elif isinstance(part, types.SpecialChars):
            mark = "*" if part is types.SpecialChars.WILDCARD_MULTI else "?"
            if len(out) % 2:
                out.append(mark)
            elif not (mark == "*" and out[-1].endswith("*")):
                out[-1] += mark
        else:
            raise UnsupportedError(f"part {type(part).__name__} of a text")
    if not len(out) % 2:
        out.append("")
    return tuple(out)


def _anywhere(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Let a pattern begin and end anywhere in a text."""
    out = list(parts)
    if out[0] or len(out) == 1:
        out = ["", "*", *out]
    elif "*" not in out[1]:
        out[1] = "*" + out[1]
    if out[-1]:
        out += ["*", ""]
    elif "*" not in out[-2]:
        out[-2] += "*"
    return tuple(out)


def folded(text: str) -> str:
    """Fold case the way the texts are folded."""
    if text.isascii():
        return text.lower()
    return str(pc.utf8_lower(pa.scalar(text, pa.string())).as_py())


def _folded(parts: tuple[str, ...], flags: str) -> tuple[str, ...]:
    return parts if "c" in flags else tuple(one if at % 2 else folded(one) for at, one in enumerate(parts))


_FLAGS = {
    types.SigmaRegularExpressionFlag.IGNORECASE: "i",
    types.SigmaRegularExpressionFlag.MULTILINE: "m",
    types.SigmaRegularExpressionFlag.DOTALL: "s",
}


def _value_atom(place: str, value: object) -> Atom:
    """Give the atom of one value."""
    match value:
        case types.SigmaTimestampPart():
            return Atom(place, "part", (str(value.number), "eq"), value.timestamp_part.name.lower())
        case types.SigmaString():
            flags = "c" if isinstance(value, types.SigmaCasedString) else ""
            parts = _parts(value)
            if parts == ("",):
                return Atom(place, "empty")
            return Atom(place, "text", _folded(parts, flags), flags)
        case types.SigmaNumber():
            return Atom(place, "number", (str(value.number),))
        case types.SigmaBool():
            return Atom(place, "text", (str(value.boolean).lower(),))
        case types.SigmaRegularExpression():
            return _regex_atom(place, value)
        case types.SigmaCIDRExpression():
            return Atom(place, "cidr", (str(ipaddress.ip_network(value.cidr)),))
        case types.SigmaCompareExpression(number=types.SigmaTimestampPart() as part):
            return Atom(place, "part", (str(part.number), value.op.name.lower()), part.timestamp_part.name.lower())
        case types.SigmaCompareExpression():
            return Atom(place, "compare", (str(value.number.number),), value.op.name.lower())
        case _:
            raise UnsupportedError(f"value type {type(value).__name__}")


def _regex_atom(place: str, value: types.SigmaRegularExpression) -> Atom:
    text = str(value.regexp)
    flags = "".join(sorted(_FLAGS[one] for one in value.flags))
    if len(text) > REGEX_CHARS_MAX:
        raise UnsupportedError(f"regular expression of more than {REGEX_CHARS_MAX} characters")
    if (steps := steps_of(text)) > STEPS_MAX:
        raise UnsupportedError(
            f"regular expression '{text[:60]}' has {steps} steps with its repetitions written out, over {STEPS_MAX}"
        )
    try:
        pc.match_substring_regex(pa.array([""]), pattern=(f"(?{flags})" if flags else "") + text)
    except pa.ArrowInvalid as fault:
        raise UnsupportedError(f"regular expression '{text[:60]}': {fault}") from fault
    return Atom(place, "regex", (text,), flags)
