"""What of a search may be meant otherwise than it is read, to be said beside the result: no hit proves nothing."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress

from dwell.intake.terms import Query, Term

__all__ = ["found_nothing", "read_as", "taken_as", "unlooked"]

_NEGATED = re.compile(r"[-!]\w[\w.()/-]*:.+", re.DOTALL)


def unlooked(query: Query) -> str:
    """Say of words that are numbers where they are not looked for."""
    number = next((term.value for term in query.terms if term.column is None and term.value.isdecimal()), "")
    if not number:
        return ""
    return f"Words are looked for in texts. Columns of numbers are asked by name, as 'sc-status:{number}'."


def read_as(query: Query) -> str:
    """Say of terms that look like those of another language how they are read here."""
    out = []
    for term in query.terms:
        if term.column is None and term.value.upper() in {"AND", "OR", "NOT"}:
            out.append(f"{term.value} is looked for as a word: a row has to meet all terms.")
        elif term.column is None and _NEGATED.fullmatch(term.value):
            out.append(f"{term.value} is looked for as a word: there is no NOT.")
        elif term.column is not None and re.match(r"[<>]=?", term.value):
            out.append(f"{term.column}:{term.value} asks for that text as it stands: numbers are not compared.")
    return " ".join(dict.fromkeys(out))


def found_nothing(query: Query) -> str:
    """Say of terms that met nothing how they might be meant."""
    out = []
    for term in query.terms:
        if len(term.value) > 2 and term.value[0] == term.value[-1] == "'":
            out.append(f"The single quotes in {term.value} are looked for as well; double quotes are taken off.")
        if term.column is not None and term.column.lower() == "host" and _is_long(term.value):
            out.append(f"Hosts are kept by their first name: host:{term.value.partition('.')[0]}.")
    return " ".join(dict.fromkeys(out))


def _is_long(name: str) -> bool:
    """Say whether the name of a host has a domain."""
    with suppress(ValueError):
        ipaddress.ip_address(name)
        return False
    return "." in name.strip(".") and "*" not in name


def taken_as(asked: Iterable[Mapping[Term, tuple[str, ...]]], fields: AbstractSet[Term]) -> str:
    """Say of names that are both a column, in another spelling, and a field of events, that both were looked into.

    Args:
        asked: for each file the columns that each term asks.
        fields: terms whose name a map of some record that was read has as a field.
    """
    out = []
    for term, names in (pair for one in asked for pair in one.items()):
        if term in fields and len(names) == 2 and names[0].lower() == str(term.column).lower():
            out.append(
                f"{term.column} was looked for in the column {names[0]} and as a field of {names[1]}; "
                f"{names[0]}:{term.value} asks the column alone, {names[1]}.{term.column}:{term.value} the field."
            )
    return " ".join(dict.fromkeys(out))
