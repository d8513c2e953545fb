"""A parsed Sigma condition lowered to leaves and atoms, once for every kind of record the rule is about."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sigma import conditions, types

from dwell.hunt.ruleset import Atom, Leaf, Node, Where
from dwell.hunt.sigma.expressions import STEPS_MAX, steps_of
from dwell.hunt.sigma.fieldnames import (
    ALIASES,
    HEAD_ALONE,
    HEAD_NAMES,
    INSTANTS,
    KEYWORD_PLACES,
    MAPS,
    NAMED_DATA,
    PLAIN_CHANNELS,
    QUERIES,
)
from dwell.hunt.sigma.files import SPLIT
from dwell.hunt.sigma.placeholders import TooManyValuesError, filled
from dwell.hunt.sigma.spelling import CASED

__all__ = ["NODES_MAX", "Lowering", "UnsupportedError"]

NODES_MAX = 150_000
"""Nodes of one lowered rule."""
REGEX_CHARS_MAX = 4_096
VALUES_KEPT = 65_536


class UnsupportedError(Exception):
    """A construct that cannot be expressed; the text names it."""


def is_many(place: str) -> bool:
    """Say whether a record can hold several texts in a place, so that `not` must not be decided text by text."""
    return ":" in place


Question = tuple[str, tuple[str, ...], str]
"""Kind, parts and flags of an atom."""


class _Forms(dict[Any, type | None]):
    """Which of some types another type is, looked up once for each; None where it is none."""

    def __init__(self, *wanted: type) -> None:
        super().__init__()
        self._wanted = wanted

    def __missing__(self, kind: Any) -> type | None:  # noqa: ANN401 - a type
        found = self[kind] = next((one for one in self._wanted if issubclass(kind, one)), None)
        return found


_FORMS = _Forms(types.SigmaExpansion, types.SigmaFieldReference, types.SigmaExists, types.SigmaNull, types.SigmaString)
_PARTS = _Forms(
    conditions.ConditionFieldEqualsValueExpression,
    conditions.ConditionAND,
    conditions.ConditionOR,
    conditions.ConditionNOT,
    conditions.ConditionValueExpression,
)


class _Value:
    """A value of a rule, read once for all kinds of record.

    Attributes:
        whole: the value as parsed.
        filled: the same with lists in the place of placeholders.
        form: which of the forms it is that are no plain question; None for all others.
    """

    __slots__ = ("_question", "filled", "form", "whole")

    def __init__(self, whole: object, filled_value: Any) -> None:  # noqa: ANN401 - pySigma's types have no common one
        self.whole = whole
        self.filled = filled_value
        self.form = _FORMS[type(filled_value)]
        self._question: Question | None = None

    @property
    def question(self) -> Question:
        """Give the question that it asks.

        Raises:
            UnsupportedError: it cannot be expressed.
        """
        if self._question is None:
            self._question = _question(self.filled)
        return self._question

    @property
    def is_empty(self) -> bool:
        """Say whether it is no text, or an empty one."""
        return self.form is types.SigmaString and not any(self.filled.s)


def _as_queries(field: str, read: _Value, places: tuple[str, ...], whole: str, query: str) -> tuple[str, ...]:
    """Look for the path in the query as well, but "no query" and "starts with" mean the query itself."""
    if whole not in places or "query" not in field.lower():
        return places
    if read.form in {types.SigmaNull, types.SigmaExists} or read.is_empty:
        return (query,)
    if read.form is types.SigmaString and not read.filled.startswith(types.SpecialChars.WILDCARD_MULTI):
        return (*places, query)
    return places


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
        self._joined_names = {table: {one.lower() for one in held} for table, held in joined.items()}
        self._values: dict[int, _Value] = {}
        self._shared: dict[Node, str] = {}
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
        whole = [self._node(condition, where)]
        if where.asks:
            whole.append(self._text_at(*where.asks))
        if where.bars:
            whole.append(Node("not", (self._text_at(*where.bars),)))
        return self._to_leaves(self._grouped(_every(whole)))

    def _text_at(self, place: str, text: str) -> Node:
        return self._atom(Atom(place, "text", _folded((text,), "")))

    def _node(self, item: Any, where: Where) -> Node:  # noqa: ANN401 - pySigma's types have no common one
        self._count += 1
        if self._count > NODES_MAX:
            raise UnsupportedError(f"a condition of more than {NODES_MAX:,} parts; {SPLIT}")
        match _PARTS[type(item)]:
            case conditions.ConditionFieldEqualsValueExpression:
                return self._field(item.field, item.value, where)
            case conditions.ConditionAND:
                return Node("and", tuple([self._node(one, where) for one in item.args]))
            case conditions.ConditionOR:
                return Node("or", tuple([self._node(one, where) for one in item.args]))
            case conditions.ConditionNOT:
                return Node("not", (self._node(item.args[0], where),))
            case conditions.ConditionValueExpression:
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

    def _read(self, value: object) -> _Value:
        """Give a value, read once for all kinds of record that its rule is about."""
        held = self._values.get(id(value))
        if held is None:
            if len(self._values) >= VALUES_KEPT:
                self._values.clear()
            # the value itself is held as well, so no other can have come to its place in memory
            held = self._values[id(value)] = _Value(value, self._filled(value))
        return held

    def _field(self, field: str, value: object, where: Where) -> Node:
        read = self._read(value)
        found = read.filled
        if read.form is types.SigmaExpansion:
            return Node("or", tuple([self._field(field, one, where) for one in found.values]))
        places = self.places(field, where)
        if where.table in QUERIES:
            places = _as_queries(field, read, places, *QUERIES[where.table])
        if read.form is types.SigmaFieldReference:
            others = self.places(found.field.removeprefix(CASED), where)
            flags = ("s" if found.starts_with else "") + ("e" if found.ends_with else "")
            flags += "c" if found.field.startswith(CASED) else ""
            return _any([self._atom(Atom(one, "same", (), flags, two)) for one in places for two in others])
        if read.form is types.SigmaExists:
            known = _any([self._atom(Atom(one, "exists")) for one in places])
            return known if found.exists else Node("not", (known,))
        if read.form is types.SigmaNull:
            return _every([self._atom(Atom(one, "null")) for one in places])
        kind, parts, flags = read.question
        return _any([self._atom(Atom(one, kind, parts, flags)) for one in places])

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
            kind, parts, flags = _question(value)
            atoms = [Atom(one, kind, parts, flags) for one in self.keyword_places(where.table)]
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
        if known is None and lower in self._joined_names.get(where.table, ()):
            known = lower
        if known is not None:
            kind = self._types[where.table].get(known)
            if kind is not None and (pa.types.is_map(kind) or pa.types.is_list(kind)):
                return (f"{known}:*",)
            return _with_data(field, known, where) if where.table == "evtx" else (known,)
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
        held = self._shared.get(node)
        if held is None:
            places = {self._place(one) for one in node.children}
            place = places.pop() if len(places) == 1 else ""
            held = self._shared[node] = "" if node.op != "or" and is_many(place) else place
        return held

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


def _with_data(field: str, column: str, where: Where) -> tuple[str, ...]:
    """Give where a field of events lies that is a column by its name: there, and among the data of the same name."""
    of_data = f"EventData:{field}"
    if column in HEAD_NAMES and field != column:
        return (of_data,)
    is_plain = bool(where.channels) and PLAIN_CHANNELS.issuperset(where.channels)
    return (column,) if column in HEAD_ALONE or where.uniform or is_plain else (column, of_data)


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
    # wildcards stay what they are
    return parts if "c" in flags else tuple([folded(one) for one in parts])


_FLAGS = {
    types.SigmaRegularExpressionFlag.IGNORECASE: "i",
    types.SigmaRegularExpressionFlag.MULTILINE: "m",
    types.SigmaRegularExpressionFlag.DOTALL: "s",
}


def _question(value: object) -> Question:
    """Give the question that one value asks of a place.

    Raises:
        UnsupportedError: it cannot be expressed.
    """
    match value:
        case types.SigmaTimestampPart():
            return ("part", (str(value.number), "eq"), value.timestamp_part.name.lower())
        case types.SigmaString():
            flags = "c" if isinstance(value, types.SigmaCasedString) else ""
            parts = _parts(value)
            if parts == ("",):
                return ("empty", (), "")
            return ("text", _folded(parts, flags), flags)
        case types.SigmaNumber():
            return ("number", (str(value.number),), "")
        case types.SigmaBool():
            return ("text", (str(value.boolean).lower(),), "")
        case types.SigmaRegularExpression():
            return _expression(value)
        case types.SigmaCIDRExpression():
            return ("cidr", (str(_unmapped(ipaddress.ip_network(value.cidr))),), "")
        case types.SigmaCompareExpression(number=types.SigmaTimestampPart() as part):
            return ("part", (str(part.number), value.op.name.lower()), part.timestamp_part.name.lower())
        case types.SigmaCompareExpression():
            return ("compare", (str(value.number.number),), value.op.name.lower())
        case _:
            raise UnsupportedError(f"value type {type(value).__name__}")


_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def _unmapped(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Give the network of IPv4 that one of mapped addresses stands for, any other as it is."""
    if isinstance(network, ipaddress.IPv4Network) or not network.subnet_of(_MAPPED):
        return network
    first = int(network.network_address) & 0xFFFFFFFF
    return ipaddress.IPv4Network((first, network.prefixlen - _MAPPED.prefixlen))


def _expression(value: types.SigmaRegularExpression) -> Question:
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
    return ("regex", (text,), flags)
