"""Mail servers that are named though no log of theirs is held: what they took cannot be seen, so it must not count as seen.

Evidence of one server looks complete as long as nobody asks for the other. Three kinds of records name servers: exports of
mailboxes (`ServerName`), computers of the directory with a service principal of Exchange's databases, and HttpProxy's
logs, which say to whom a front end passed a request (`TargetServer`). Servers of a tenant are none of ours.

A server of which no log of requests is held gets a line in the ledger, all of it missing. Where only a tenant's records are
held, no server is asked for, named or not: it is told, and lowers nothing. Nor where logs without a host could be its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import distinct_texts, read_rows
from dwell.archive.store import Archive
from dwell.intake.hosts import short_host
from dwell.model.addresses import address
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.model.settings import Setting
from dwell.scope.cells import MISSING, Line
from dwell.scope.computers import MAIL_SERVER, Computer
from dwell.scope.ledger import Ledger
from dwell.scope.namesakes import bare
from dwell.scope.unnamed import is_unnamed

__all__ = ["NamedServer", "named_servers", "put_named", "unasked", "with_named"]

_OF_A_TENANT = re.compile(r"[A-Z0-9]{2,6}P[A-Z0-9]{0,2}\d{2,4}MB\d{3,5}")
"""Names of Exchange Online's own servers (`AM0PR02MB5555`), as its mailbox exports and headers have them."""
_TENANT_NAMES = r"(?i)\bDC=(?:PROD|OUTLOOK)\b"
"""In the distinguished name of a mailbox in Exchange Online."""
_ABSENT = frozenset({"", "-"})
_PORT = re.compile(r"(?<=[^:]):\d{1,5}\Z")


@dataclass(frozen=True, slots=True)
class NamedServer:
    """A mail server that is named, and of which no log of requests is held.

    Attributes:
        host: its short name, in upper case.
        why: what names it, in words.
        ground: the record that does.
        lowers: whether it lowers coverage.
    """

    host: str
    why: str
    ground: RecordRef
    lowers: bool


def named_servers(
    archive: Archive, computers: Sequence[Computer], ledger: Ledger, without_clients: Collection[str] = ()
) -> tuple[NamedServer, ...]:
    """Give the mail servers that are named and of which no log of requests is held, by name.

    Args:
        archive: the archive.
        computers: computers of the directory.
        ledger: what is held.
        without_clients: servers that take no clients, as a person says: no log of theirs is asked for.

    Raises:
        CustodyError: a data file is not what was written.
    """
    servers = ledger.servers()
    known = {short_host(bare(one)) for one in (*servers, *without_clients)}
    found: dict[str, NamedServer] = {}
    for name, why, ground in (*_of_mailboxes(archive), *_of_computers(computers), *_of_proxies(archive)):
        host = short_host(_PORT.sub("", name.strip()))
        if host in _ABSENT or host in known or address(host) or _OF_A_TENANT.fullmatch(host):
            continue
        found.setdefault(host, NamedServer(host, why, ground, lowers=False))
    lowers = bool(servers) and len(found) > sum(is_unnamed(one) for one in servers)
    return tuple(replace(one, lowers=lowers) for _, one in sorted(found.items()))


def put_named(ledger: Ledger, named: Iterable[NamedServer]) -> None:
    """Put a line to the ledger for each server that lowers coverage: nothing of it is held, from first hour to last."""
    for one in named:
        if one.lowers:
            line = Line.missing(ledger.first_hour, ledger.last_hour)
            line.reasons[MISSING] = [f"no log of it is held; {one.why}"]
            ledger.lines[one.host, "iis"] = line


def with_named(ledger: Ledger, named: Iterable[NamedServer]) -> Ledger:
    """Give a ledger that has a line for each of these servers; the one that is given stays as it is."""
    out = replace(ledger, lines=dict(ledger.lines))
    put_named(out, [one for one in named if (one.host, "iis") not in ledger.lines])
    return out


def unasked(quiet: Iterable[Setting], every: Iterable[NamedServer]) -> tuple[Setting, ...]:
    """Give the settings because of which a server that would lower coverage is not asked for.

    Args:
        quiet: servers that take no clients, as they are set.
        every: the servers that are named, whatever is set.
    """
    lowering = {one.host for one in every if one.lowers}
    return tuple(one for one in quiet if short_host(bare(one.value)) in lowering)


def _of_mailboxes(archive: Archive) -> Iterable[tuple[str, str, RecordRef]]:
    """Give the servers that mailboxes lie on, as exports have them, each with the first record that says so."""
    for file in archive.files("directory"):
        rows = read_rows(file, ("ServerName", "DistinguishedName", "evidence_id", "record_no"))
        named = rows["DistinguishedName"].cast(pa.string())
        tenant = pc.match_substring_regex(pc.fill_null(named, ""), _TENANT_NAMES)
        rows = rows.filter(pc.and_(pc.is_valid(rows["ServerName"]), pc.invert(tenant)))
        counts = rows.group_by("ServerName").aggregate([("record_no", "count"), ("record_no", "min")]).to_pylist()
        for row in counts:
            first = rows.filter(pc.equal(rows["ServerName"], row["ServerName"])).slice(0, 1).to_pylist()[0]
            many = row["record_no_count"]
            why = f"{many:,} mailbox{'es lie' if many > 1 else ' lies'} on it, as an export has them"
            yield row["ServerName"], why, RecordRef("directory", EvidenceId(first["evidence_id"]), first["record_no"])


def _of_computers(computers: Sequence[Computer]) -> Iterable[tuple[str, str, RecordRef]]:
    for one in computers:
        if one.kind == MAIL_SERVER:
            yield one.host, f"the directory has it as a mail server: {one.why}", one.ground


def _of_proxies(archive: Archive) -> Iterable[tuple[str, str, RecordRef]]:
    """Give the servers to which front ends passed requests, each with the first record that says so."""
    met: set[str] = set()
    for file in archive.files("httpproxy"):
        fresh = sorted({one for one in distinct_texts(file, "TargetServer") if one and one not in _ABSENT} - met)
        met |= set(fresh)
        if not fresh:
            continue
        rows = read_rows(file, ("TargetServer", "evidence_id", "record_no"))
        for name in fresh:
            first = rows.filter(pc.equal(rows["TargetServer"], name)).slice(0, 1).to_pylist()[0]
            ground = RecordRef("httpproxy", EvidenceId(first["evidence_id"]), first["record_no"])
            yield name, "HttpProxy passed requests on to it", ground
