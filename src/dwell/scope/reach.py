"""How far beyond mail: logons from the mail servers and by the touched accounts, against which systems' logs are held.

A class of systems can be spoken of only where logs of such systems are held. Which class a host belongs to is read off
what its own event logs hold, never off its name: a domain controller answers for Kerberos and directory events, a file
server for shares. Every class without such a host is not covered, and what would have been needed is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa

from dwell.model.addresses import address, network
from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.exploits import NEAR
from dwell.scope.identities import Identities
from dwell.scope.intrusions import Held

__all__ = [
    "CLASSES",
    "HOPS_MAX",
    "Addresses",
    "Hop",
    "Logon",
    "addresses_of_hosts",
    "class_of_hosts",
    "credentials_used",
    "logons_beyond",
    "logons_of",
    "over_the_network",
    "usable_addresses",
]

_DIRECTORY_EVENTS = frozenset({4768, 4769, 4771})
"""Tickets are given by domain controllers alone; NTLM is answered (4776) by any machine, for the accounts it has itself."""
_REFUSED = frozenset({4625, 4771})
_SHARE_EVENTS = frozenset({5140, 5145})
_EXPLICIT = 4648
_DESKTOP = frozenset({"7", "10"})
"""Windows' types of logon that only a session at the machine has: by Remote Desktop, and one that was unlocked."""
_PROBES = ("healthmailbox", "extest_", "anonymous logon")
"""How names begin under which Exchange asks itself, and nobody does."""
_HERE = frozenset({"localhost", "127.0.0.1", "::1", "-", ""})
HOPS_MAX = 5
"""Hosts beyond mail that are followed one after the other."""

Addresses = Mapping[str, frozenset[str]]
"""Addresses of mail servers, by server."""

CLASSES: Mapping[str, str] = {
    "directory": "Security logs of the domain controllers (4768, 4769, 4624, 4662, 5136)",
    "file": "Security logs of the file servers (5140, 5145, 4663)",
    "database": "audit logs of the databases, or their servers' Security logs",
    "management": "event logs of management and virtualisation servers, WinRM and WMI logs",
    "backup": "logs of the backup servers and their catalogues",
    "other-agency": "logs of the gateways and proxies towards other agencies",
    "cloud": "audit exports of the tenant and its sign-in logs",
    "classified": "logs of the classified network's own gateways",
}
"""Classes of systems, and the evidence that could speak of them."""


@dataclass(frozen=True, slots=True)
class Logon:
    """Logons of one account to one host, one way.

    Attributes:
        host: where to.
        event_id: Windows' event.
        account: the account's name in every answer.
        client: from which address; None where the log has none.
        target: server named by an explicit-credential logon.
        first_utc: first.
        last_utc: last.
        count: how many.
        ground: the first record.
        kind: Windows' type of logon, as written; "" where the event has none.
        workstation: the name that the client gave itself, where the log has no address.
        failed: whether the record says that it failed, where its event can say either.
    """

    host: str
    event_id: int
    account: str | None
    client: str | None
    target: str | None
    first_utc: datetime
    last_utc: datetime
    count: int
    ground: RecordRef
    kind: str = ""
    workstation: str | None = None
    failed: bool = False

    @property
    def refused(self) -> bool:
        """Say whether it failed."""
        return self.failed or self.event_id in _REFUSED


def logons_of(rolled: pa.Table, identities: Identities) -> tuple[Logon, ...]:
    """Read the logons, in order of host and time.

    Args:
        rolled: rows in `rollup.shapes.LOGONS`.
        identities: names.
    """
    times = [rolled[one].cast(pa.int64()).to_pylist() for one in ("first_utc", "last_utc")]
    out = []
    for row, first, last in zip(rolled.drop(["first_utc", "last_utc"]).to_pylist(), *times, strict=True):
        ground = RecordRef("evtx", EvidenceId(row["evidence_id"]), row["record_no"])
        account = identities.label(row["account"], first)
        out.append(
            Logon(
                row["host"] or "(unknown host)",
                row["event_id"],
                account,
                row["client"],
                row["target"],
                utc_from_us(first),
                utc_from_us(last),
                row["count"],
                ground,
                row["logon_type"] or "",
            )
        )
    return tuple(sorted(out, key=lambda one: (one.host, one.first_utc, one.ground)))


def class_of_hosts(logons: Sequence[Logon], mail_hosts: Collection[str]) -> Mapping[str, str]:
    """Give the class of each host beyond mail whose event logs are held; "" where its events do not tell."""
    out: dict[str, str] = {}
    for one in logons:
        if one.host in mail_hosts:
            continue
        out.setdefault(one.host, "")
        if one.event_id in _DIRECTORY_EVENTS:
            out[one.host] = "directory"
        elif one.event_id in _SHARE_EVENTS and not out[one.host]:
            out[one.host] = "file"
    return out


def addresses_of_hosts(logons: Sequence[Logon]) -> Mapping[str, frozenset[str]]:
    """Give the addresses from which each host logged on with its own account (`FS01$`), as Security logs have them."""
    out: dict[str, set[str]] = {}
    for one in logons:
        name = (one.account or "").rpartition("\\")[2].partition("@")[0]
        if name.endswith("$") and one.client is not None and not one.refused:
            out.setdefault(name[:-1].upper(), set()).add(one.client)
    # an address that several hosts used is a translator's or was handed on: it names none of them
    shared = Counter(client for found in out.values() for client in found)
    return {host: frozenset(one for one in found if shared[one] == 1) for host, found in out.items()}


@dataclass(frozen=True, slots=True)
class Hop:
    """A logon that an intruder could have made, with the hosts he would have come by.

    Attributes:
        logon: the logon.
        path: hosts beyond mail that were reached before, the first first; empty for the first hop.
    """

    logon: Logon
    path: tuple[str, ...]

    @property
    def came(self) -> bool:
        """Say whether somebody was let in from there: what failed, or a mere name, shows that he tried."""
        return not self.logon.refused and self.logon.client is not None


def logons_beyond(
    logons: Sequence[Logon],
    held: Sequence[Held],
    mail_hosts: Collection[str],
    addresses: Addresses,
    made: Sequence[tuple[str, datetime]] = (),
) -> tuple[Hop, ...]:
    """Give logons to hosts beyond mail that an intruder could have made, hop by hop, and those to mail servers themselves.

    The first come from a mail server that was exploited, or from a client address of an intrusion, not before its first
    act. A host that was reached is left again from its own addresses, not before it was reached, and only by what was not
    done before that as well: its owner's own work goes on. At most `HOPS_MAX` hops are followed. Whoever reads mail logs on
    to a mail server over the network: only a session at its desktop counts there, or a logon next to which a service or a
    task was made. A machine's name without an address counts for the first hop alone, where it was never seen before.

    Args:
        logons: all logons.
        held: intrusions.
        mail_hosts: the mail servers.
        addresses: the servers' own addresses, by server.
        made: where services and tasks were made, and when.
    """
    beyond = [one for one in logons if one.host not in mail_hosts or _at_the_machine(one, addresses, made)]
    servers, seen = _every(addresses), _since(logons)
    found = {one: Hop(one, ()) for one in beyond if _first_hop(one, held, servers) or _by_name(one, held, seen)}
    known = addresses_of_hosts(logons)
    by_client: dict[str | None, list[Logon]] = {}
    for one in beyond:
        by_client.setdefault(one.client, []).append(one)
    newest = list(found.values())
    left: set[str] = set()
    for _ in range(HOPS_MAX - 1):
        reached: dict[str, Hop] = {}
        for hop in sorted(newest, key=lambda one: (one.logon.first_utc, one.logon.ground)):
            if hop.came and hop.logon.host not in left:
                reached.setdefault(hop.logon.host, hop)
        left |= set(reached)
        newest = []
        for host, hop in sorted(reached.items()):
            from_it = [one for client in sorted(known.get(host, ())) for one in by_client.get(client, ())]
            newest += [
                Hop(one, (*hop.path, host))
                for one in from_it
                if one not in found and one.host != host and one.first_utc >= hop.logon.first_utc and not _own(one)
            ]
        for hop in newest:
            found.setdefault(hop.logon, hop)
    return tuple(found[one] for one in beyond if one in found)


def over_the_network(
    logons: Sequence[Logon],
    held: Sequence[Held],
    hops: Sequence[Hop],
    mail_hosts: Collection[str],
    addresses: Addresses,
) -> tuple[tuple[Logon, bool], ...]:
    """Give logons to mail servers that may be the reading of mail and may be more, and whether a server or host made them.

    From an address of an intrusion's client they are what its mail sessions leave. From an exploited server, or a host that
    was reached, they count where that account never came so before.

    Args:
        logons: all logons.
        held: intrusions.
        hops: what `logons_beyond` gave.
        mail_hosts: the mail servers.
        addresses: the servers' own addresses, by server.
    """
    seen, servers, known = _since(logons), _every(addresses), addresses_of_hosts(logons)
    entered: dict[str, datetime] = {}
    for hop in hops:
        for client in known.get(hop.logon.host, ()) if hop.came else ():
            entered[client] = min(entered.get(client, hop.logon.first_utc), hop.logon.first_utc)
    told = {one.logon for one in hops}
    out = []
    for one in logons:
        if one.host not in mail_hosts or one in told or one.client is None or _nobodys(one, addresses):
            continue
        since = [each.first_utc for each in held if each.exploited] if one.client in servers else []
        since += [entered[one.client]] if one.client in entered else []
        if since and seen[_way(one)] >= min(since):
            out.append((one, True))
        elif one.client not in servers and _first_hop(one, held, ()):
            out.append((one, False))
    return tuple(out)


def _every(addresses: Addresses) -> frozenset[str]:
    return frozenset(one for found in addresses.values() for one in found)


def _way(one: Logon) -> tuple[str, str | None, str | None, str | None]:
    return one.host, one.account, one.client, None if one.client else _bare(one.workstation or "")


def _since(logons: Sequence[Logon]) -> Mapping[tuple[str, str | None, str | None, str | None], datetime]:
    """Give when each account first came to a host from an address, or from a machine of some name."""
    out: dict[tuple[str, str | None, str | None, str | None], datetime] = {}
    for one in logons:
        out[_way(one)] = min(out.get(_way(one), one.first_utc), one.first_utc)
    return out


def _by_name(
    one: Logon, held: Sequence[Held], seen: Mapping[tuple[str, str | None, str | None, str | None], datetime]
) -> bool:
    """Say whether a logon without an address names an exploited server, and that account never came so before."""
    if one.client is not None or not one.workstation:
        return False
    name = _bare(one.workstation)
    return name != _bare(one.host) and any(
        each.exploited and seen[_way(one)] >= each.first_utc and name in {_bare(host) for host in each.hosts}
        for each in held
    )


def _at_the_machine(one: Logon, addresses: Addresses, made: Sequence[tuple[str, datetime]]) -> bool:
    """Say whether a logon to a mail server shows that somebody was at the machine itself, and not at its mail."""
    if one.client is None or _nobodys(one, addresses):
        return False
    return one.kind in _DESKTOP or any(
        host == one.host and any(timedelta(0) <= at - told <= NEAR for told in (one.first_utc, one.last_utc))
        for host, at in made
    )


def _nobodys(one: Logon, addresses: Addresses) -> bool:
    """Say whether a logon to a server is of a machine, of a probe, of nobody, or comes from the server itself."""
    name = (one.account or "").rpartition("\\")[2].lower()
    return _own(one) or name.startswith(_PROBES) or one.client in addresses.get(one.host, ())


def credentials_used(
    logons: Sequence[Logon], held: Sequence[Held], beyond: Sequence[Hop], mail_hosts: Collection[str]
) -> Mapping[str, tuple[Logon, ...]]:
    """Give by target where an account's password was used on an exploited or a reached host to sign in to another (4648).

    Such a record stands on the host that was left. What that host did in the same way before the intrusion came to it is
    its everyday and is left out; whether the target let anybody in, only the target's own log tells.

    Args:
        logons: all logons.
        held: intrusions.
        beyond: logons by which hosts beyond mail were reached.
        mail_hosts: the mail servers; what they sign in to among themselves is left out.
    """
    since: dict[str, datetime] = {}
    for intrusion in held:
        for act in intrusion.acts if intrusion.exploited else ():
            since[act.host] = min(since.get(act.host, intrusion.first_utc), intrusion.first_utc)
    for hop in beyond:
        if hop.came:
            host, at = hop.logon.host, hop.logon.first_utc
            since[host] = min(since.get(host, at), at)
    served = {_bare(one) for one in mail_hosts}
    told: dict[tuple[str, str, str | None], list[Logon]] = {}
    for one in logons:
        target = _bare((one.target or "").rpartition("/")[2])
        if one.event_id == _EXPLICIT and one.host in since and target not in _HERE | served | {_bare(one.host)}:
            told.setdefault((one.host, target, one.account), []).append(one)
    out: dict[str, list[Logon]] = {}
    for (host, target, _), found in sorted(told.items(), key=lambda one: str(one[0])):
        if min(one.first_utc for one in found) >= since[host]:
            out.setdefault(target, []).extend(found)
    return {target: tuple(sorted(found, key=lambda one: (one.first_utc, one.ground))) for target, found in out.items()}


def _bare(host: str) -> str:
    """Give a host's name without its domain, lower case; an address as it is."""
    return host.lower() if address(host) is not None else host.partition(".")[0].lower()


def usable_addresses(
    logons: Sequence[Logon], held: Sequence[Held], hops: Sequence[Hop], addresses: Addresses
) -> Mapping[str, datetime]:
    """Give the inside addresses from which an intruder could go on, each with the instant from which on.

    Those of the mail servers, where one was exploited, and those of the hosts that were reached (`logons_beyond`).
    """
    started = min((one.first_utc for one in held if one.exploited), default=None)
    out = {} if started is None else dict.fromkeys(sorted(_every(addresses)), started)
    known = addresses_of_hosts(logons)
    for hop in hops:
        for client in sorted(known.get(hop.logon.host, ())) if hop.came else ():
            out[client] = min(out.get(client, hop.logon.first_utc), hop.logon.first_utc)
    return out


def _first_hop(one: Logon, held: Sequence[Held], server_addresses: Collection[str]) -> bool:
    """Say whether a logon came from an exploited server or an intruder's address, not before that intrusion's first act."""
    if one.client is None:
        return False
    for intrusion in held:
        if one.last_utc < intrusion.first_utc:
            continue
        addresses = {text.partition(" ")[0] for text in intrusion.clients}
        from_server = intrusion.exploited and one.client in server_addresses
        if from_server or {one.client, network(one.client)} & addresses:
            return True
    return False


def _own(one: Logon) -> bool:
    """Say whether a host logged on with its own account: it does so all the time."""
    return (one.account or "").partition("@")[0].endswith("$")
