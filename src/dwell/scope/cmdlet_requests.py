"""The web requests by which cmdlets were run, by their id: who ran one is in the log of cmdlets, from where in the web's.

Exchange hands the id of a request on: IIS and HttpProxy have it of the front end, remote PowerShell's HTTP log and the
control panel's logs of the back end, and the log of cmdlets (`RequestId`) and the event log (`ActivityId`) of what was run.
So an act gets the records of its request as further grounds, and the outside address that it came from, if no record of the
act had one.

An id proves nothing: who asks the back end can send one. Where the records of an id name two people, another than
whoever ran the act, or two addresses from outside, none of them is taken. Nor are addresses from inside: they are a
balancer's or a server's as well as anybody's, and say no more than the minutes do (`cmdlet_origins`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_lexicon, read_rows
from dwell.archive.store import Archive
from dwell.model.addresses import address, first_hop, is_internal
from dwell.model.instants import utc_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.cmdlets import Label
from dwell.scope.exploits import NEAR
from dwell.scope.grants import Grant
from dwell.scope.rollup.event_data import persons, value
from dwell.scope.rollup.fold import texts
from dwell.scope.takings import Taking
from dwell.scope.words import name_of

__all__ = ["with_requests"]

_RAN: Mapping[str, str] = {"rps_cmdlet": "RequestId", "evtx": "CmdletActivityId"}
"""Logs of what was run, with the column of the id."""
_ID = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE)
_NIL = "0" * 32
_NEAR_US = int(NEAR.total_seconds() * 1_000_000)
_NEVER_US = 1 << 62
_BACK_END = 444
_Act = TypeVar("_Act", Taking, Grant)
Instants = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Log:
    """A log of requests: the columns of the id, of who asked, of the chain of addresses (the client first), of the path."""

    id: str
    user: str = ""
    chain: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    path: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Give what is read of it."""
        named = (self.user, *self.chain, *self.more)
        return ("evidence_id", "record_no", "time_utc", self.id, *(one for one in named if one))


_LOGS: Mapping[str, _Log] = {
    "iis": _Log("cafeReqId", "cs-username", ("X-Forwarded-For", "c-ip"), ("s-port",), "cs-uri-stem"),
    "httpproxy": _Log("RequestId", "AuthenticatedUser", ("ClientIpAddress",), path="UrlStem"),
    "rps_http": _Log("RequestId", "AuthenticatedUser", ("ClientIpAddress",)),
    "ecp_server": _Log("EventDataMap"),
    "ecp_activity": _Log("EventDataMap"),
}
_PANEL = ("ActID", "ACTID")
_PATHS = ("/powershell", "/ecp")
"""Where cmdlets are asked for over the web, in small letters."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A record of a request.

    Attributes:
        at_us: when, microseconds since 1970.
        user: who asked, as the log writes it; "" where it names nobody, or a server.
        client: the address from outside; "" where it names none.
        ground: the record.
    """

    at_us: int
    user: str
    client: str
    ground: RecordRef


def with_requests(archive: Archive, acts: Sequence[_Act], label: Label) -> tuple[_Act, ...]:
    """Give acts with the records of the requests that ran them, and with the address from outside that these came from.

    Args:
        archive: the case's archive.
        acts: what was run.
        label: gives the name that a user goes by.

    Raises:
        CustodyError: a data file is not what was written.
    """
    ids = _ids_of(archive, acts)
    wanted = frozenset(each for found in ids.values() for each in found)
    if not wanted:
        return tuple(acts)
    instants = sorted(utc_us(one.at_utc) for one in acts if any(ref in ids for ref in one.grounds))
    times = np.array(instants, np.int64)
    known: dict[str, list[_Request]] = {}
    for table in sorted(_LOGS):
        for file in archive.files(table):
            if _may_hold(file, times):
                for each, request in _requests(file, wanted, times):
                    known.setdefault(each, []).append(request)
    return tuple(_with(one, ids, known, label) for one in acts)


def _plain(text: str | None) -> str:
    """Give an id as 32 digits; "" where a text holds none, or none but zeros."""
    found = _ID.search(text or "")
    plain = found[0].replace("-", "").lower() if found else ""
    return "" if plain == _NIL else plain


def _ids_of(archive: Archive, acts: Sequence[_Act]) -> dict[RecordRef, frozenset[str]]:
    """Give the ids that the records of acts hold."""
    out: dict[RecordRef, frozenset[str]] = {}
    for table, column in _RAN.items():
        refs = {ref for one in acts for ref in one.grounds if ref.table == table}
        if not refs:
            continue
        numbers = pa.array(sorted({one.record_no for one in refs}), pa.int64())
        for file in archive.files(table):
            rows = read_rows(file, ("evidence_id", "record_no", column))
            near = rows.filter(pc.and_(pc.is_in(rows["record_no"], value_set=numbers), pc.is_valid(rows[column])))
            for row in near.to_pylist():
                ref = RecordRef(table, EvidenceId(row["evidence_id"]), row["record_no"])
                if ref in refs and (found := _plain(row[column])):
                    out[ref] = frozenset({found})
    return out


def _near(when: Instants, times: Instants) -> npt.NDArray[np.bool_]:
    """Say which instants lie within `NEAR` of one of some rising times."""
    return np.searchsorted(times, when - _NEAR_US, "left") < np.searchsorted(times, when + _NEAR_US, "right")


def _may_hold(file: DataFile, times: Instants) -> bool:
    """Say whether a data file may hold the request of an act, going by its times and by its paths."""
    first, last = file.staged.first_us, file.staged.last_us
    if first is None or last is None:
        return False
    reaches = np.searchsorted(times, first - _NEAR_US, "left") < np.searchsorted(times, last + _NEAR_US, "right")
    column = _LOGS[file.table].path
    if not reaches or not column:
        return bool(reaches)
    lexicon = read_lexicon(file)
    paths = lexicon.column(column)["value"].to_pylist() if column in lexicon.complete else [*_PATHS]
    return any((one or "").lower().startswith(_PATHS) for one in paths)


def _requests(file: DataFile, wanted: frozenset[str], times: Instants) -> Iterator[tuple[str, _Request]]:
    """Yield the records of a data file that hold one of some ids near some times, each with the id."""
    log = _LOGS[file.table]
    held = read_rows(file, ("time_utc", log.id))
    # what has no instant is near none
    near = pa.array(_near(held["time_utc"].cast(pa.int64()).fill_null(-_NEVER_US).to_numpy(), times))
    ids = held[log.id].filter(near)
    texts_held = value(ids, _PANEL) if log.id == "EventDataMap" else ids.cast(pa.string())
    plain = pc.replace_substring(pc.utf8_lower(texts_held), "-", "")
    mine = pc.is_in(plain, value_set=pa.array(sorted(wanted), pa.string()))
    if not pc.any(mine).as_py():
        return
    rows = read_rows(file, log.columns).filter(near).append_column("id", plain).filter(mine)
    instants = rows["time_utc"].cast(pa.int64()).to_pylist()
    users = _users(rows, log)
    for at, user, row in zip(instants, users, rows.drop(["time_utc", log.id]).to_pylist(), strict=True):
        ground = RecordRef(file.table, EvidenceId(row["evidence_id"]), row["record_no"])
        # what the back end's IIS takes for client and caller is the front end
        behind = row.get("s-port") == _BACK_END
        chain = "" if behind else " ".join(row[one] or "" for one in log.chain)
        yield row["id"], _Request(at, "" if behind or user.endswith("$") else user, _outside(chain), ground)


def _users(rows: pa.Table, log: _Log) -> list[str]:
    """Give whom each row names."""
    if log.user:
        return [one if one and one != "-" else "" for one in rows[log.user].cast(pa.string()).to_pylist()]
    named = persons(texts(pa.table({"PSA": value(rows["EventDataMap"], ("PSA",))}), "PSA"))
    return [one or "" for one in named.text(np.arange(rows.num_rows)).to_pylist()]


def _outside(chain: str) -> str:
    """Give the client of a chain of hops, if it is from outside."""
    hops = chain.replace("+", " ").replace(",", " ").split()
    client = first_hop([address(one) for one in hops if one != "-"])
    return client if client is not None and not is_internal(client) else ""


def _who(text: str, label: Label) -> str:
    """Give what stays the same of a name in its usual forms."""
    found = name_of(text.rpartition("/")[2])
    if found is None:
        return text.lower()
    return (label(found.value) or found.value).partition("@")[0].rpartition("\\")[2].lower()


def _with(
    one: _Act, ids: Mapping[RecordRef, frozenset[str]], known: Mapping[str, list[_Request]], label: Label
) -> _Act:
    """Give an act with the records of its request, unless they contradict each other or the act."""
    at = utc_us(one.at_utc)
    mine = {each for ref in one.grounds for each in ids.get(ref, ())}
    found: list[_Request] = [each for text in mine for each in known.get(text, ()) if abs(each.at_us - at) <= _NEAR_US]
    people = {_who(text, label) for text in (one.caller or "", *(each.user for each in found)) if text}
    clients = {each.client for each in found} - {""}
    if not found or len(people) > 1 or len(clients) > 1:
        return one
    grounds = dict.fromkeys((*one.grounds, *sorted(each.ground for each in found)))
    return replace(one, grounds=tuple(grounds), client=one.client or next(iter(clients), None))
