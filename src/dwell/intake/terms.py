"""The language of a search: what a term asks of a column's values, decided on distinct values."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.errors import UsageError
from dwell.model.instants import parse_utc, utc_us

__all__ = ["Query", "Term", "cut", "parse"]

_Bools = npt.NDArray[np.bool_]
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_PIECE = re.compile(r'(?:[^\s"]|"[^"]*")+')
_COLUMN = re.compile(r"([A-Za-z][\w.()/-]*):(.+)", re.DOTALL)
_PREFIX = re.compile(r"\d{4}(?:-\d\d(?:-\d\d(?:[T ]\d\d(?::\d\d(?::\d\d(?:\.\d{1,6})?)?)?Z?)?)?)?")
_LIKE_NETWORK = re.compile(r"\d+(?:\.\d+){3}/\d+")
_PLAIN = re.compile(r"[^ -JL-RT-jl-rt-~]+")
"""What may be written in more than two ways where letter case does not count: K (the Kelvin sign), S (the long s)."""
_START = "0001-01-01T00:00:00"


@dataclass(frozen=True, slots=True)
class Term:
    """One condition on a row.

    Attributes:
        column: the column, as the user wrote it; None for a bare word, which any text of a row may hold.
        value: what is asked for: `*` stands for any text, and letter case does not count.
        network: the addresses asked for, where the value is a network in CIDR form, or of a column an address: it may
            be written in several ways.
    """

    column: str | None
    value: str
    network: _Network | None = None

    def matches(self, values: pa.Array) -> _Bools:
        """Say which of some distinct texts meet the condition; a null never does."""
        if self.network is not None:
            met = np.zeros(len(values), np.bool_)
            likely = np.flatnonzero(self._likely(values))
            for at, text in zip(likely.tolist(), values.take(pa.array(likely)).to_pylist(), strict=True):
                met[at] = _inside(text, self.network)
            return met
        found = pc.match_substring_regex(values, self._pattern())
        return np.asarray(pc.fill_null(found, fill_value=False).to_numpy(zero_copy_only=False), dtype=np.bool_)

    @property
    def texts(self) -> list[str]:
        """Give what has to stand in every text that meets the condition, whatever its case; a network is never an id."""
        return self.value.split("*")

    def _likely(self, values: pa.Array) -> _Bools:
        """Say which texts hold the pieces of some way to write what is asked for."""
        out = np.zeros(len(values), np.bool_)
        for way in self.pieces():
            mine = np.ones(len(values), np.bool_)
            for piece in way:
                held = pc.match_substring(values, piece, ignore_case=True)
                mine &= np.asarray(pc.fill_null(held, fill_value=False).to_numpy(zero_copy_only=False), np.bool_)
            out |= mine
        return out

    def pieces(self) -> tuple[tuple[str, ...], ...]:
        """Give the ways in which what is asked for may be written: of each, pieces that stand in every text of that way."""
        if self.network is None:
            return (tuple(piece for part in self.value.split("*") for piece in _PLAIN.split(part) if piece),)
        if self.network.version == 6:
            return ((),)
        octets = str(self.network.network_address).split(".")[: self.network.prefixlen // 8]
        # as it is written, or within an address of IPv6
        return ((".".join(octets) + "." * (0 < len(octets) < 4),), ("ffff:",))

    def _pattern(self) -> str:
        body = ".*".join(_quoted(part) for part in self.value.split("*"))
        return f"(?is){body}" if self.column is None else rf"(?is)\A{body}\z"


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for: rows that meet all terms.

    Attributes:
        terms: conditions on columns.
        after_us: the earliest instant, microseconds since 1970; None for no bound.
        before_us: the first instant too late.
    """

    terms: tuple[Term, ...]
    after_us: int | None = None
    before_us: int | None = None

    @property
    def is_timed(self) -> bool:
        """Say whether rows without an instant are left out."""
        return self.after_us is not None or self.before_us is not None


def _quoted(text: str) -> str:
    """Take a text literally in RE2, whatever is in it."""
    return "".join(one if one.isalnum() or one == "_" or ord(one) > 127 else f"\\x{{{ord(one):x}}}" for one in text)


def _inside(text: str | None, network: _Network) -> bool:
    """Say whether an address lies in a network; a port and brackets around it are taken off."""
    if not text:
        return False
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped and network.version == 4:
        return address.ipv4_mapped in network
    return address in network


def _network(value: str) -> _Network | None:
    if "/" not in value:
        return _alone(value)
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError as fault:
        if _LIKE_NETWORK.fullmatch(value):
            raise UsageError(f"{value!r} is no network") from fault
        return None


def _alone(value: str) -> _Network | None:
    """Give the network of one address: every spelling of it lies therein; None where the value is none."""
    try:
        address = ipaddress.ip_address(value.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return ipaddress.ip_network(mapped or address)


def cut(text: str) -> list[str]:
    """Cut a search as typed into its terms: at blanks, but not inside double quotes, which are taken off.

    Raises:
        UsageError: a quote is opened and never closed.
    """
    if text.count('"') % 2:
        at = text.rindex('"')
        raise UsageError(
            f"a double quote is opened and never closed, at character {at + 1}: {text[at : at + 40]}",
            remedy="Close it; a quote that is part of what is looked for is written as *",
        )
    return [piece.replace('"', "") for piece in _PIECE.findall(text)]


def _instant(word: str, value: str) -> int:
    if not _PREFIX.fullmatch(value):
        raise UsageError(
            f"{word}: wants an instant or the start of one, such as 2019-04 or 2019-04-01T10:30, not {value!r}"
        )
    bare = value.rstrip("Z").replace(" ", "T")
    try:
        found = parse_utc(bare + _START[len(bare) :])
    except ValueError as fault:
        raise UsageError(f"{word}: {value!r} is no date") from fault
    return utc_us(found)


def parse(terms: Sequence[str]) -> Query:
    """Read the terms of a search.

    Args:
        terms: `column:value` with `*` for any text, a network in CIDR form as a value, `after:` and `before:` with an
            instant or its start (`after:2019-04` takes that month's first moment in, `before:` leaves it out), or a
            bare word that any text of a row may hold.

    Raises:
        UsageError: nothing is asked, or an instant or a network cannot be read.
    """
    found: list[Term] = []
    bounds: dict[str, int] = {}
    for text in terms:
        parts = _COLUMN.fullmatch(text)
        word = parts[1].lower() if parts else ""
        if parts and word in {"after", "before"}:
            bounds[word] = _instant(word, parts[2])
        elif parts:
            found.append(Term(parts[1], parts[2], _network(parts[2])))
        elif text.strip():
            found.append(Term(None, text))
    if not found and not bounds:
        raise UsageError("nothing to search for", remedy="Give a term such as c-ip:192.0.2.0/24 or after:2019-04")
    return Query(tuple(found), bounds.get("after"), bounds.get("before"))
