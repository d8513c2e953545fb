"""Addresses of the mail servers themselves, as IIS wrote them down."""

from __future__ import annotations

import pyarrow.compute as pc

from dwell.archive.datafile import read_lexicon, read_rows
from dwell.archive.store import Archive

__all__ = ["server_addresses"]


def server_addresses(archive: Archive) -> frozenset[str]:
    """Give the addresses that IIS wrote as its own; loopback is not among them.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out: set[str] = set()
    for file in archive.files("iis"):
        lexicon = read_lexicon(file)
        if "s-ip" in lexicon.complete:
            values = lexicon.column("s-ip")["value"]
        else:
            values = pc.unique(read_rows(file, ("s-ip",))["s-ip"])
        out |= {one for one in values.to_pylist() if one and one != "-"}
    # loopback is everybody's: it tells nothing of where an act came from
    return frozenset(one for one in out if not one.startswith("127.") and one != "::1")
