"""When addresses of interest sent requests to which server: looked up in the web logs, around instants of interest only."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_rows
from dwell.archive.store import Archive
from dwell.model.addresses import address, first_hop
from dwell.model.instants import utc_us
from dwell.scope.exploits import NEAR

__all__ = ["Visits", "client_of", "visits_of"]

_CLIENTS = ("X-Forwarded-For", "c-ip")
_NEAR_US = int(NEAR.total_seconds() * 1_000_000)


@dataclass(slots=True)
class Visits:
    """Requests of some addresses.

    Attributes:
        times: by address and host, instants in microseconds since 1970, rising.
    """

    times: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def nearest(self, clients: Iterable[str], host: str, at: datetime) -> tuple[str, timedelta] | None:
        """Give which of the clients, as intrusions have them in words, was nearest in time on a server, within `NEAR`."""
        wanted = utc_us(at)
        found: list[tuple[int, str]] = []
        for text in clients:
            client = text.partition(" ")[0]
            times = self.times.get((client, host.lower()), [])
            place = bisect_left(times, wanted)
            found += [(abs(times[one] - wanted), client) for one in (place - 1, place) if 0 <= one < len(times)]
        gap, client = min(found, default=(_NEAR_US + 1, ""))
        return (client, timedelta(microseconds=gap)) if gap <= _NEAR_US else None


def visits_of(archive: Archive, addresses: Collection[str], instants: Sequence[datetime]) -> Visits:
    """Find the requests of some addresses around some instants in the IIS logs.

    Args:
        archive: the case's archive.
        addresses: whose.
        instants: around which.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out = Visits()
    times = sorted(utc_us(one) for one in instants)
    if not addresses or not times:
        return out
    for file in archive.files("iis"):
        if _may_hold(file, times):
            _take(file, frozenset(addresses), out)
    for found in out.times.values():
        found.sort()
    return out


def _may_hold(file: DataFile, times: Sequence[int]) -> bool:
    first, last = file.staged.first_us, file.staged.last_us
    if first is None or last is None:
        return False
    place = bisect_left(times, first - _NEAR_US)
    return place < len(times) and times[place] <= last + _NEAR_US


def _take(file: DataFile, addresses: frozenset[str], out: Visits) -> None:
    rows = read_rows(file, ("time_utc", "host", *_CLIENTS), dictionary=("host", *_CLIENTS))
    taken = pa.array([False] * rows.num_rows)
    for name in _CLIENTS:
        texts = [one for one in pc.unique(rows[name].cast(pa.string())).to_pylist() if one and _of(one) in addresses]
        # where there is no text it is in no set
        taken = pc.or_(taken, pc.is_in(rows[name].cast(pa.string()), value_set=pa.array(texts, pa.string())))
    near = rows.filter(pc.and_(taken, pc.is_valid(rows["time_utc"])))
    instants = near["time_utc"].cast(pa.int64()).to_pylist()
    columns = [near[one].to_pylist() for one in ("host", *_CLIENTS)]
    for at, host, chain, peer in zip(instants, *columns, strict=True):
        client = client_of(chain, peer)
        if client in addresses:
            out.times.setdefault((client, (host or "").lower()), []).append(at)


def client_of(chain: str | None, peer: str | None) -> str | None:
    """Give the client of a request, behind balancers of our own; None where nothing tells it."""
    hops = (chain or "").replace("+", " ").replace(",", " ").split()
    return first_hop([*(address(one) for one in hops if one != "-"), address(peer)])


def _of(text: str) -> str | None:
    """Give the client of a column, be it an address or a chain of hops."""
    return first_hop([address(one) for one in text.replace("+", " ").replace(",", " ").split()])
