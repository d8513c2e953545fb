"""Addresses of the mail servers themselves, as IIS wrote them down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dwell.archive.datafile import distinct_texts, read_rows
from dwell.archive.store import Archive
from dwell.model.addresses import address
from dwell.scope.reach import Logon, addresses_of_hosts

__all__ = ["addresses_by_server", "server_addresses"]


def server_addresses(archive: Archive) -> frozenset[str]:
    """Give the addresses that IIS wrote as its own; loopback is not among them.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out: set[str] = set()
    for file in archive.files("iis"):
        out |= {one for one in distinct_texts(file, "s-ip") if one and one != "-"}
    return frozenset(one for one in out if not _loop(one))


def addresses_by_server(
    archive: Archive, logons: Sequence[Logon], servers: Sequence[str]
) -> Mapping[str, frozenset[str]]:
    """Give each server's own addresses: those that its IIS wrote, and those from which its own account logged on elsewhere.

    Args:
        archive: the case's archive.
        logons: all logons.
        servers: the mail servers.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out: dict[str, set[str]] = {}
    for file in archive.files("iis"):
        hosts = distinct_texts(file, "host")
        if len(hosts) == 1:
            pairs = [(hosts[0], one) for one in distinct_texts(file, "s-ip")]
        else:
            rows = read_rows(file, ("host", "s-ip")).group_by(["host", "s-ip"], use_threads=False).aggregate([])
            pairs = list(zip(rows["host"].to_pylist(), rows["s-ip"].to_pylist(), strict=True))
        for host, told in pairs:
            if told and told != "-" and not _loop(told):
                out.setdefault(host or "", set()).add(address(told) or told)
    own = addresses_of_hosts(logons)
    for server in servers:
        out.setdefault(server, set()).update(own.get(server.partition(".")[0].upper(), ()))
    return {host: frozenset(found) for host, found in sorted(out.items())}


def _loop(one: str) -> bool:
    """Say whether an address is a machine's own loop: it is everybody's, and tells nothing of where an act came from."""
    return one.startswith("127.") or one == "::1"
