"""Exports run in remote PowerShell from outside, from where the account that ran them does not otherwise work.

The log of cmdlets names the account, the web log the address: neither alone tells an administrator from whoever has his
password. An administrator who exports mailboxes at home works at home otherwise as well. So exports of `MAILBOXES_MIN`
mailboxes or more count where the account uses remote PowerShell from other networks, and from this one on few days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_lexicon, read_rows
from dwell.archive.store import Archive
from dwell.model.addresses import is_internal, network
from dwell.model.claims import Outcome
from dwell.model.instants import utc_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.access import DAY_US
from dwell.scope.cmdlet_origins import Ran
from dwell.scope.cmdlets import Label, short
from dwell.scope.exploits import NEAR, Exploit
from dwell.scope.takings import Taking, TakingKind
from dwell.scope.traces import Trace
from dwell.scope.visitors import client_of
from dwell.scope.words import name_of

__all__ = ["REMOTE_SHELL", "Shells", "in_remote_shells", "shells_of", "strangers_of"]

REMOTE_SHELL = "remote PowerShell from outside"
MAILBOXES_MIN = 3
"""Fewer are a leaver's, or a case of law."""
OTHER_DAYS_MIN = 5
"""On fewer days elsewhere it is not known where an account works."""
SELDOM = 1 / 3
"""So small is the part of its days on which it comes from there."""
_PATH = "/powershell"
_COLUMNS = ("evidence_id", "record_no", "time_utc", "host", "cs-uri-stem", "cs-username", "c-ip", "X-Forwarded-For")
_NEAR_US = int(NEAR.total_seconds() * 1_000_000)


@dataclass(frozen=True, slots=True)
class _Visit:
    """A request of remote PowerShell that was answered."""

    at_us: int
    host: str
    client: str
    ground: RecordRef


def _who(text: str, label: Label) -> str:
    """Give the name that an account goes by; logs write it with its domain, with its folder in the directory, or bare."""
    found = name_of(short(text)) if "/" in text else name_of(text)
    if found is None:
        return ""
    return label(found.value) or found.value


@dataclass(frozen=True, slots=True)
class Shells:
    """Remote PowerShell of the accounts that ran cmdlets.

    Attributes:
        visits: its answered requests, by the name that an account goes by.
        label: gives the name that a user goes by.
    """

    visits: Mapping[str, Sequence[_Visit]]
    label: Label

    def who(self, one: Ran) -> str:
        """Give the name of the account that ran an act; "" where nothing says."""
        return _who(one.caller or "", self.label)

    def of(self, one: Ran) -> Sequence[_Visit]:
        """Give the requests of the account that ran an act."""
        return self.visits.get(self.who(one), ())

    def clients(self, one: Ran) -> frozenset[str]:
        """Give from where the account that ran an act was in remote PowerShell of that server within `NEAR` of it."""
        at, host = utc_us(one.at_utc), one.host.lower()
        near = (each for each in self.of(one) if each.host.lower() == host and abs(each.at_us - at) <= _NEAR_US)
        return frozenset(each.client for each in near)


def shells_of(archive: Archive, acts: Sequence[Ran], label: Label) -> Shells:
    """Find the remote PowerShell of the accounts that ran something.

    Args:
        archive: the case's archive.
        acts: what was run.
        label: gives the name that a user goes by.

    Raises:
        CustodyError: a data file is not what was written.
    """
    callers = {_who(text, label) for text in {one.caller for one in acts} if text} - {""}
    visits: dict[str, list[_Visit]] = {}
    for file in archive.files("iis") if callers else ():
        _take(file, callers, label, visits)
    return Shells(visits, label)


def in_remote_shells(shells: Shells, takings: Sequence[Taking]) -> tuple[Trace, ...]:
    """Give the exports that were run in remote PowerShell by a stranger to the account, each as a trace.

    Args:
        shells: remote PowerShell of whoever ran them.
        takings: what was taken by cmdlet.
    """
    exports = [one for one in takings if one.kind is TakingKind.EXPORT and one.caller]
    by_place: dict[tuple[str, str], list[tuple[Taking, _Visit]]] = {}
    for one in exports:
        who = shells.who(one)
        visit = _at(one, shells.of(one))
        lan = network(visit.client) if visit is not None else None
        if visit is not None and lan is not None and not is_internal(visit.client):
            by_place.setdefault((who, lan), []).append((one, visit))
    out: list[Trace] = []
    for (who, lan), found in sorted(by_place.items()):
        boxes = {one.mailbox for one, _ in found}
        if len(boxes) >= MAILBOXES_MIN and _strange(lan, shells.visits[who]):
            out += [_trace(one, visit) for one, visit in found]
    return tuple(out)


def _take(file: DataFile, callers: set[str], label: Label, out: dict[str, list[_Visit]]) -> None:
    """Take the requests of remote PowerShell of some accounts out of a data file."""
    lexicon = read_lexicon(file)
    if "cs-uri-stem" in lexicon.complete:
        held = lexicon.column("cs-uri-stem")["value"].to_pylist()
        if not any((one or "").lower().startswith(_PATH) for one in held):
            return
    rows = read_rows(file, (*_COLUMNS, "sc-status"), dictionary=("evidence_id", "host", "cs-uri-stem", "cs-username"))
    asked = pc.starts_with(pc.utf8_lower(rows["cs-uri-stem"].cast(pa.string())), _PATH)
    answered = pc.and_(pc.greater_equal(rows["sc-status"], 200), pc.less(rows["sc-status"], 300))
    near = rows.filter(pc.and_(pc.and_(asked, answered), pc.is_valid(rows["time_utc"])))
    instants = near["time_utc"].cast(pa.int64()).to_pylist()
    names: dict[str, str] = {}
    for at, row in zip(instants, near.drop(["time_utc"]).to_pylist(), strict=True):
        text = row["cs-username"]
        client = client_of(row["X-Forwarded-For"], row["c-ip"])
        if not text or client is None:
            continue
        who = names.setdefault(text, _who(text, label))
        if who in callers:
            ref = RecordRef("iis", EvidenceId(row["evidence_id"]), row["record_no"])
            out.setdefault(who, []).append(_Visit(at, row["host"] or "", client, ref))


def _at(one: Taking, visits: Sequence[_Visit]) -> _Visit | None:
    """Give the request that lies nearest before an export on its server, or nearest after, as clocks of logs differ."""
    at = utc_us(one.at_utc)
    near = [each for each in visits if each.host.lower() == one.host.lower() and abs(each.at_us - at) <= _NEAR_US]
    # where the request's id says from where, that is said
    near = [each for each in near if each.client == one.client] or near
    return min(near, key=lambda each: (each.at_us > at, abs(each.at_us - at), each.ground), default=None)


def _strange(lan: str, visits: Sequence[_Visit]) -> bool:
    """Say whether an account does not work from a network: it does so elsewhere, and is seldom here."""
    here = {one.at_us // DAY_US for one in visits if network(one.client) == lan}
    others = {one.at_us // DAY_US for one in visits if network(one.client) != lan}
    return len(others) >= OTHER_DAYS_MIN and len(here) <= SELDOM * len(here | others)


def _trace(one: Taking, visit: _Visit) -> Trace:
    return Trace(
        REMOTE_SHELL, "Mailbox exported in remote PowerShell from outside", "MB-06", ("T1078", "T1114.002"), (),
        Outcome.POST_EXPLOITATION, 4, one.grounds[0].table, one.host, visit.client, one.account or one.caller,
        (f"Mailbox={one.mailbox}", f"FilePath={one.where}"), None, 1, one.at_utc, one.at_utc, (*one.grounds, visit.ground),
    )  # fmt: skip


def strangers_of(traces: Sequence[Trace]) -> tuple[Exploit, ...]:
    """Put such exports together: one actor for each network they were run from."""
    by_network: dict[str, list[Trace]] = {}
    for one in traces:
        by_network.setdefault(network(one.client) or "", []).append(one)
    out = []
    for lan, found in by_network.items():
        who = sorted({one.account or "nobody named" for one in found})
        boxes = len({one.value("Mailbox") for one in found})
        link = (
            f"{', '.join(who)} exported {boxes} mailboxes in remote PowerShell from {lan}, where that account is seldom; "
            "it works from elsewhere"
        )
        out.append(Exploit([], found, [link]))
    return tuple(sorted(out, key=lambda one: (one.instants[0], one.clients)))
