"""Addresses of the mail servers themselves, as IIS wrote them down."""

from __future__ import annotations

from dwell.archive.datafile import distinct_texts
from dwell.archive.store import Archive

__all__ = ["server_addresses"]


def server_addresses(archive: Archive) -> frozenset[str]:
    """Give the addresses that IIS wrote as its own; loopback is not among them.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out: set[str] = set()
    for file in archive.files("iis"):
        out |= {one for one in distinct_texts(file, "s-ip") if one and one != "-"}
    # loopback is everybody's: it tells nothing of where an act came from
    return frozenset(one for one in out if not one.startswith("127.") and one != "::1")
