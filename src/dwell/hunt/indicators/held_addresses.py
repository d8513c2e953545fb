"""Which addresses a data file can show, as sorted numbers: where none is looked for, its lexicon need not be asked."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_rows
from dwell.hunt.columnvalues import values_of
from dwell.hunt.indicators.cuts import likely, spread
from dwell.hunt.indicators.places import MAPS, PLACES, REST, TEXTS
from dwell.hunt.indicators.values import SHOWN, Address, addresses, addresses_inside, dotted
from dwell.hunt.words import Truth

__all__ = ["FAMILY", "HeldAddresses", "SoughtAddresses", "held_addresses", "sought_addresses"]

VERSION = 4
"""Raised whenever the same data file comes out differently."""
FAMILY = "address"
SOUGHT_MAX = 4_096
"""Lists of more addresses and networks are likely to meet something anyway: the lexicons are asked at once."""
TEXTS_MAX = 262_144
"""Texts of a place that are not in the lexicon and are taken apart; where there are more, rows are looked at each time."""
_SIX_BITS = 64
"""So many leading bits of an IPv6 address are kept."""
_Numbers = npt.NDArray[np.uint64]


class HeldAddresses(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a data file beside the numbers of its addresses.

    Attributes:
        is_seen: whether some column could show an address.
        is_open: whether rows have to be looked at whatever the numbers are: some place has too many texts.
    """

    is_seen: bool
    is_open: bool


def _numbered(found: Sequence[Address]) -> tuple[list[int], list[int]]:
    four = [int(one) for one in found if one.version == 4]
    return four, [int(one) >> (128 - _SIX_BITS) for one in found if one.version == 6]


def _texts(file: DataFile, place: str, *, inside: bool) -> pa.StringArray | None:
    """Read the distinct texts of a place that may hold addresses; None where they are too many to be taken apart."""
    values = spread(read_rows(file, [place])[place], place).values
    if inside:
        values = values.take(pa.array(likely(FAMILY, values)))
    return values if len(values) <= TEXTS_MAX else None


def held_addresses(file: DataFile) -> tuple[HeldAddresses, tuple[pa.Table, pa.Table]]:
    """Give what a data file can show of addresses, and their numbers: of IPv4, and the first halves of IPv6.

    Raises:
        CustodyError: the file is not what was written.
    """
    lexicon = values_of(file)
    exact, texts, maps, rest = (places.get(file.table, ()) for places in (PLACES[FAMILY], TEXTS, MAPS, REST))
    rest = (*maps, *rest)
    exact, texts, rest = (tuple(one for one in places if not lexicon.is_bare(one)) for places in (exact, texts, rest))
    is_seen, is_open = False, False
    parts: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
    six: set[int] = set()
    within = (*texts, *rest)
    for place, take in [*((one, addresses) for one in exact), *((one, addresses_inside) for one in within)]:
        is_told = place in lexicon.complete
        values = lexicon.of(place)[0] if is_told else _texts(file, place, inside=place in within)
        if values is None:
            is_seen = is_open = True
            continue
        is_seen |= _is_shown(values) if place in rest else not is_told or len(values) > 0
        plain, numbers = dotted(values)
        others = values.filter(pa.array(~plain))
        if place in within:
            others = others.take(pa.array(likely(FAMILY, others)))
        four, more = _numbered([one for text in others.to_pylist() for one in take(text)])
        parts += [numbers, np.array(four, np.int64)]
        six |= set(more)
    fours = np.unique(np.concatenate(parts)).astype(np.uint32)
    tables = (pa.table({"four": fours}), pa.table({"six": np.array(sorted(six), np.uint64)}))
    return HeldAddresses(is_seen, is_open), tables


def _is_shown(values: pa.StringArray) -> bool:
    return bool(pc.any(pc.match_substring_regex(values, SHOWN[FAMILY])).as_py())


@dataclass(frozen=True, slots=True)
class SoughtAddresses:
    """Addresses and networks that are looked for, as spans of numbers that do not meet.

    Attributes:
        four: first and last number of each span of IPv4, ascending.
        six: the same of the first halves of IPv6.
    """

    four: tuple[_Numbers, _Numbers]
    six: tuple[_Numbers, _Numbers]

    def met_four(self, table: pa.Table) -> Truth:
        """Say which numbers of IPv4 addresses are looked for."""
        return _met(table["four"].to_numpy(), self.four)

    def met_six(self, table: pa.Table) -> Truth:
        """Say which numbers of IPv6 addresses may be looked for."""
        return _met(table["six"].to_numpy(), self.six)


def _met(numbers: npt.NDArray[np.unsignedinteger], spans: tuple[_Numbers, _Numbers]) -> Truth:
    first, last = (one.astype(numbers.dtype) for one in spans)
    met = np.zeros(len(numbers), np.bool_)
    if len(first) == 1:
        met = (numbers >= first[0]) & (numbers <= last[0])
    elif len(first):
        at = np.searchsorted(first, numbers, side="right")
        met = (at > 0) & (numbers <= last[np.maximum(at, 1) - 1])
    return met


def sought_addresses(indicators: pa.Table) -> SoughtAddresses | None:
    """Give the addresses of indicators; None where there are other indicators too, or very many.

    Args:
        indicators: rows in `dwell.hunt.indicators.gathering.MENTIONS`.
    """
    if indicators.num_rows > SOUGHT_MAX or not set(indicators["kind"].unique().to_pylist()) <= {FAMILY, "network"}:
        return None
    four, six = [], []
    for value in sorted(set(indicators["value"].to_pylist())):
        one = ipaddress.ip_network(value)
        span = int(one.network_address), int(one.broadcast_address)
        if one.version == 4:
            four.append(span)
        else:
            six.append((span[0] >> (128 - _SIX_BITS), span[1] >> (128 - _SIX_BITS)))
    return SoughtAddresses(_apart(four), _apart(six))


def _apart(spans: Sequence[tuple[int, int]]) -> tuple[_Numbers, _Numbers]:
    """Put spans that meet together."""
    out: list[list[int]] = []
    for first, last in sorted(spans):
        if out and first <= out[-1][1]:
            out[-1][1] = max(out[-1][1], last)
        else:
            out.append([first, last])
    both = np.array(out, np.uint64).reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1].copy()
