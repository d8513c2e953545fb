"""Many indicators made ready to be looked up by value: sorted numbers instead of large dictionaries."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.indicators.values import Address, networks

__all__ = ["AddressIndex", "KeyIndex", "Pairs", "paired"]

_Numbers = npt.NDArray[np.int64]
_HASHED_KEYS = 65_536
Pairs = tuple[_Numbers, _Numbers]
"""Which text met which indicator: both by number, in order, each pair once."""
Form = Callable[[pa.StringArray], pa.StringArray]


def paired(texts: Sequence[_Numbers], owners: Sequence[_Numbers]) -> Pairs:
    """Put pairs in order, each once."""
    text, owner = np.concatenate([np.zeros(0, np.int64), *texts]), np.concatenate([np.zeros(0, np.int64), *owners])
    if len(text) < 2:
        return text, owner
    order = np.lexsort((owner, text))
    text, owner = text[order], owner[order]
    keep = np.append([True], (np.diff(text) != 0) | (np.diff(owner) != 0))
    return text[keep], owner[keep]


def _spread(low: _Numbers, high: _Numbers) -> Pairs:
    """Give for each span of places the span's number and every place in it."""
    counts = high - low
    number = np.repeat(np.arange(len(low)), counts)
    within = np.arange(len(number)) - np.repeat(np.cumsum(counts) - counts, counts)
    return number, low[number] + within


def _as_it_is(keys: pa.StringArray) -> pa.StringArray:
    return keys


def _hashes(keys: pa.StringArray, form: Form) -> _Numbers:
    """Give the hash of each text; as Python's objects they are there some thousands at a time."""
    out = np.empty(len(keys), np.int64)
    for at in range(0, len(keys), _HASHED_KEYS):
        some = form(keys.slice(at, _HASHED_KEYS)).to_pylist()
        out[at : at + len(some)] = np.fromiter(map(hash, some), np.int64, len(some))
    return out


class KeyIndex:
    """Texts by their hash; one that is found is compared whole."""

    def __init__(self, keys: pa.StringArray, owners: _Numbers, form: Form = _as_it_is) -> None:
        """Take texts.

        Args:
            keys: the texts; they are kept as they are, and not copied.
            owners: whose each is.
            form: gives what is compared of some of them.
        """
        hashes = _hashes(keys, form)
        order = np.argsort(hashes, kind="stable").astype(np.int32)
        self._hashes = hashes[order]
        self._owners = owners.astype(np.int32)
        self._order = order
        self._keys = keys
        self._form = form

    def __len__(self) -> int:
        return len(self._hashes)

    def find(self, keys: pa.StringArray, texts: _Numbers) -> Pairs:
        """Look up keys, each with the number of the text it is from."""
        if not len(keys) or not len(self):
            return paired((), ())
        hashes = _hashes(keys, _as_it_is)
        low = np.searchsorted(self._hashes, hashes)
        met = np.flatnonzero(self._hashes[np.minimum(low, len(self) - 1)] == hashes)
        high = np.searchsorted(self._hashes, hashes[met], side="right")
        number, place = _spread(low[met], high)
        asked = met[number]
        held = self._form(self._keys.take(pa.array(self._order[place])))
        same = pc.equal(held, keys.take(pa.array(asked)))
        right = np.flatnonzero(same.to_numpy(zero_copy_only=False))
        return paired([texts[asked[right]]], [self._owners[self._order[place[right]]].astype(np.int64)])


class _Level:
    """Numbers of one length: addresses, or networks of one prefix."""

    def __init__(self, numbers: _Numbers, owners: _Numbers) -> None:
        order = np.argsort(numbers, kind="stable")
        self._numbers = numbers[order]
        self._owners = owners[order].astype(np.int32)

    def find(self, numbers: _Numbers) -> Pairs:
        low = np.searchsorted(self._numbers, numbers)
        high = np.searchsorted(self._numbers, numbers, side="right")
        number, place = _spread(low, high)
        return number, self._owners[place].astype(np.int64)


class AddressIndex:
    """Addresses and networks; a network is looked up by its prefix, one step for each length that occurs."""

    def __init__(self, values: pa.StringArray, owners: _Numbers) -> None:
        whole, number, length = networks(values)
        self._four = {
            one: _Level(number[length == one] >> (32 - one), owners[whole][length == one])
            for one in np.unique(length).tolist()
        }
        self._six: dict[int, dict[int, list[int]]] = {}
        for at in np.flatnonzero(~whole).tolist():
            network = ipaddress.ip_network(values[at].as_py())
            bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
            self._six.setdefault(network.prefixlen, {}).setdefault(bits, []).append(int(owners[at]))

    def __len__(self) -> int:
        return len(self._four) + len(self._six)

    def find_dotted(self, numbers: _Numbers, texts: _Numbers) -> Pairs:
        """Look up IPv4 addresses, each with the number of the text it is from."""
        found = [level.find(numbers >> (32 - length)) for length, level in self._four.items()]
        return paired([texts[one] for one, _ in found], [owners for _, owners in found])

    def find(self, found: Sequence[Address], texts: Sequence[int]) -> Pairs:
        """Look up addresses of both kinds, each with the number of the text it is from."""
        four = [at for at, one in enumerate(found) if one.version == 4]
        numbers = np.array([int(found[at]) for at in four], np.int64)
        text, owner = self.find_dotted(numbers, np.array([texts[at] for at in four], np.int64))
        more = [
            (texts[at], whose)
            for at, one in enumerate(found)
            if one.version == 6
            for length, held in self._six.items()
            for whose in held.get(int(one) >> (128 - length), ())
        ]
        extra = np.array(more, np.int64).reshape(-1, 2)
        return paired([text, extra[:, 0]], [owner, extra[:, 1]])
