"""Which hours of two layers cannot tell of the same requests: by counts and sums alone, nothing is read for it.

What is held of a layer are the hours between the first and the last line of each of its files, and what lies between two
files whose names follow one another. How a file ends or begins otherwise is told by its lines: what came after them may
have been written elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.intake.hosts import short_host
from dwell.scope.cells import named_hours
from dwell.scope.ledger import NO_HOST
from dwell.scope.rollup.layers import BACK, EWS, FRONT, MAPI, PROXY, is_own

__all__ = [
    "LAYERS_IN_ORDER",
    "Counts",
    "Held",
    "Kind",
    "counts_of",
    "differing",
    "held_of",
    "hosts_by_address",
    "resolved",
]

LAYERS_IN_ORDER = (FRONT, PROXY, EWS, MAPI, BACK)

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Kind = tuple[int, bool]
"""A kind of request: place of its virtual directory, and whether it was answered with a yes."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the layers hold, row by row; all arrays are of one length.

    Attributes:
        evidence: code into `files`.
        files: evidence files.
        host: code into `hosts`: whose log it is.
        hosts: hosts.
        front: code into `hosts`: whose front end took the requests; -1 where no record says.
        layer: code into `LAYERS_IN_ORDER`.
        folder: virtual directory.
        ok: whether they were answered with a yes.
        hour: hours since 1970.
        lines: lines.
        requests: lines with an id.
        sums: (rows, 2) sums of the halves of a hash of each id.
        start: the first hour of all.
        size: how many hours from the first to the last.
    """

    evidence: Codes
    files: tuple[str, ...]
    host: Codes
    hosts: tuple[str, ...]
    front: Codes
    layer: Codes
    folder: Codes
    ok: Flags
    hour: Codes
    lines: Codes
    requests: Codes
    sums: Codes
    start: int
    size: int

    def of(self, layer: str, front: int | None = None) -> Flags:
        """Say which rows are of a layer, and of one front end."""
        met: Flags = self.layer == LAYERS_IN_ORDER.index(layer)
        return met if front is None else met & (self.front == front)

    def by_hour(self, rows: Flags) -> Codes:
        """Give lines, requests and both sums per hour: (hours, 4)."""
        out = np.zeros((self.size, 4), np.int64)
        at = self.hour[rows] - self.start
        for place, values in enumerate((self.lines[rows], self.requests[rows], *self.sums[rows].T)):
            np.add.at(out[:, place], at, values)
        return out

    def kinds(self, rows: Flags) -> list[Kind]:
        """Give the kinds of requests among some rows."""
        found = np.unique(self.folder[rows] * 2 + self.ok[rows])
        return [(one // 2, one % 2 == 1) for one in found.tolist()]

    def of_kind(self, kind: Kind) -> Flags:
        """Say which rows are of a kind."""
        met: Flags = (self.folder == kind[0]) & (self.ok == kind[1])
        return met


NEAR = 48
"""So many hours around what other layers hold are looked at of each."""


def counts_of(table: pa.Table, addresses: Mapping[str, str]) -> Counts:
    """Read what the wide pass counted, as far as other layers lie near.

    Args:
        table: rows in `rollup.shapes.LAYERS`.
        addresses: host by the address it answers at, of those with one.
    """
    table = _near_others(table)
    evidence, files = _coded(table["evidence_id"])
    host, told = _coded(table["host"].fill_null(NO_HOST))
    named, fronts = _coded(table["front"])
    layer, layers = _coded(table["layer"])
    hosts = sorted(told)
    rank = np.array([hosts.index(one) for one in told], np.int64)
    # few layers, hosts and front ends: each that comes together is resolved once
    keys, place = np.unique(np.stack([layer, host, named]), axis=1, return_inverse=True)
    asked = [(layers[one], told[two], None if three < 0 else fronts[three]) for one, two, three in keys.T.tolist()]
    met = [-1 if one is None else hosts.index(one) for one in resolved(asked, hosts, addresses)]
    hour = table["hour"].to_numpy()
    start = int(hour.min()) if len(hour) else 0
    return Counts(
        evidence,
        tuple(files),
        rank[host] if len(host) else host,
        tuple(hosts),
        np.array([*met, -1], np.int64)[place.ravel()],
        np.array([*(LAYERS_IN_ORDER.index(one) for one in layers), -1], np.int64)[layer],
        table["folder"].to_numpy().astype(np.int64),
        table["ok"].to_numpy(),
        hour,
        table["lines"].to_numpy(),
        table["requests"].to_numpy(),
        np.stack([table["low"].to_numpy(), table["high"].to_numpy()], axis=1),
        start,
        int(hour.max()) - start + 1 if len(hour) else 0,
    )


def _near_others(table: pa.Table) -> pa.Table:
    """Leave out what lies far from any other layer: IIS is kept for years, the others for weeks."""
    hour = table["hour"].to_numpy()
    if not len(hour):
        return table
    layer, layers = _coded(table["layer"])
    start, size = int(hour.min()), int(hour.max()) - int(hour.min()) + 1
    held = np.zeros((len(layers), size), np.bool_)
    held[layer, hour - start] = True
    several = np.flatnonzero(held.sum(axis=0) > 1)
    if not len(several):
        return table.slice(0, 0)
    place = np.searchsorted(several, hour - start)
    after = several[np.minimum(place, len(several) - 1)]
    before = several[np.maximum(place - 1, 0)]
    gap = np.minimum(abs(after - (hour - start)), abs(before - (hour - start)))
    return table.filter(pa.array(gap <= NEAR))


def _coded(column: pa.ChunkedArray) -> tuple[Codes, list[str]]:
    """Give a text column as codes into its distinct values, -1 for null."""
    held = column.combine_chunks().dictionary_encode()
    codes: Codes = held.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, held.dictionary.to_pylist()


def resolved(
    asked: Sequence[tuple[str, str, str | None]], hosts: Collection[str], addresses: Mapping[str, str]
) -> list[str | None]:
    """Give the host whose front end took requests; None where it is none that is known.

    Args:
        asked: layer, host whose log it is, and the front end as the log names it, None for none.
        hosts: hosts with any of the layers.
        addresses: host by the address it answers at.
    """
    short: dict[str, str | None] = {}
    for one in hosts:
        name = short_host(one).lower()
        short[name] = None if name in short else one
    answers: dict[tuple[str, str, str | None], str | None] = {}
    for key in set(asked):
        layer, host, front = key
        if layer in {FRONT, PROXY}:
            answers[key] = host
        elif layer == BACK:
            answers[key] = host if front is not None and is_own(front) else addresses.get(front or "")
        else:
            answers[key] = host if front is None else short.get(short_host(front).lower())
    return [answers[one] for one in asked]


def hosts_by_address(pairs: Collection[tuple[str, str]]) -> dict[str, str]:
    """Give the host by the address it answers at; an address of two hosts is nobody's.

    Args:
        pairs: address and host, as IIS wrote them.
    """
    found: dict[str, set[str]] = {}
    for address, host in pairs:
        if not is_own(address):
            found.setdefault(address, set()).add(host)
    return {address: next(iter(one)) for address, one in found.items() if len(one) == 1}


@dataclass(frozen=True, slots=True)
class Held:
    """The hours in which a layer of a host is held.

    Attributes:
        start: the first hour, hours since 1970.
        hours: whether each hour from there on is.
        folder: the virtual directory it speaks of; None where a file holds all of them.
    """

    start: int
    hours: Flags
    folder: int | None

    def at(self, hour: Codes) -> Flags:
        """Say of some hours whether they are held."""
        place = hour - self.start
        inside = (place >= 0) & (place < len(self.hours))
        out = np.zeros(len(hour), np.bool_)
        out[inside] = self.hours[place[inside]]
        return out


def held_of(
    counts: Counts,
    layer: str,
    host: int,
    paths: Mapping[str, Sequence[str]],
    bare: Sequence[tuple[int, int]] = (),
    cut: Collection[str] = (),
) -> list[Held]:
    """Give what is held of a layer of a host.

    HttpProxy writes a file for each protocol, so each virtual directory is held by itself. IIS writes all into one file
    and opens the next when its day is over: between two files whose names follow one another all is held.

    Args:
        counts: what the layers hold.
        layer: the layer.
        host: code of the host.
        paths: where each evidence file lay.
        bare: hours that IIS files of that layer and host promise which hold nothing but their header.
        cut: files that end in mid-record: what they held behind that is gone, whatever follows.
    """
    rows = counts.of(layer) & (counts.host == host)
    folders: list[int | None] = sorted(set(counts.folder[rows].tolist())) if layer == PROXY else [None]
    out = []
    for folder in folders:
        mine = rows if folder is None else rows & (counts.folder == folder)
        flags = np.zeros(counts.size, np.bool_)
        spans: list[tuple[int, int, int, int]] = []
        codes, place = np.unique(counts.evidence[mine], return_inverse=True)
        lows, highs = np.full(len(codes), 2**40), np.full(len(codes), -(2**40))
        np.minimum.at(lows, place.ravel(), counts.hour[mine])
        np.maximum.at(highs, place.ravel(), counts.hour[mine])
        for code, low, high in zip(codes.tolist(), lows.tolist(), highs.tolist(), strict=True):
            flags[low - counts.start : high + 1 - counts.start] = True
            named = [one for path in paths.get(counts.files[code], ()) if (one := named_hours(path)) is not None]
            whole = counts.files[code] not in cut
            spans += [(a, b if whole else high, low, high) for a, b in named if a <= high and low < b]
        if layer in {FRONT, BACK}:
            begins, ends = ({one[place] for one in (*spans, *bare)} for place in (0, 1))
            # all of a file without a line is held where files lie on both sides of it
            spans += [(a, b, b - 1, a) for a, b in bare if a in ends and b in begins]
            for before, after in _following(spans):
                a, b = max(before[3], counts.start), min(after[2], counts.start + counts.size - 1)
                flags[max(0, a - counts.start) : max(0, b + 1 - counts.start)] = True
        out.append(Held(counts.start, flags, folder))
    return out


Span = tuple[int, int, int, int]


def _following(spans: Sequence[Span]) -> list[tuple[Span, Span]]:
    """Give files with those whose names begin where theirs end: from the last line of the one to the first of the other."""
    ordered = sorted(spans)
    return [(one, two) for one, two in pairwise(ordered) if two[0] <= one[1]]


def differing(witness: Codes, accused: Codes) -> tuple[Flags, Flags]:
    """Say in which hours two layers may not tell of the same requests, and in which they surely do.

    A request that one layer wrote before the hour was over and the other after it makes two hours differ that together
    are the same: where the differences of neighbouring hours add up to nothing, they are taken for that.

    Args:
        witness: (hours, 4), as `Counts.by_hour` gives it.
        accused: the same of the other.

    Returns:
        Hours that have to be looked at, and hours with requests in which both are the same.
    """
    gap = witness[:, 1:] - accused[:, 1:]
    odd = (gap != 0).any(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], odd, [False]))))
    starts, ends = edges[::2], edges[1::2]
    if len(starts):
        total = np.concatenate((np.zeros((1, 3), np.int64), np.cumsum(gap, axis=0)))
        same = (total[ends] == total[starts]).all(axis=1)
        for one, end in zip(starts[same].tolist(), ends[same].tolist(), strict=True):
            odd[one:end] = False
    some = witness[:, 1] > 0
    return odd & some, ~odd & some
