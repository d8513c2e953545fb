"""Server-side request forgery through the front end (CVE-2021-26855, ProxyLogon): how far each forged request got.

The ladder: a probe of `localhost` is a scan; an answer of the back end to
autodiscover alone, or any refusal, is an attempt; a MAPI, control panel or GetObject call that was answered is partial;
a virtual directory that was reset with status 200 is a success, and so is a call to EWS that was answered: it reads mail
and leaves no file. The EWS log has the mailbox under the same request id; where it is not held the mailbox is unknown.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.model.addresses import network
from dwell.model.claims import Outcome
from dwell.model.instants import utc_from_us, utc_us
from dwell.model.provenance import EvidenceId, RecordRef

__all__ = ["ANSWERED", "CVE", "EwsCall", "Forged", "ews_calls", "forged_requests", "mapi_calls", "outcome_of"]

CVE = "CVE-2021-26855"
ANSWERED = frozenset({200, 241})
"""Statuses of a forged request that was passed on: the back end's own success, and that of the control panel's login."""
_LOCALHOST = re.compile(r"server(?:info)?~(?:localhost|127\.0\.0\.1|\[::1\])(?![\w.\]@-])", re.IGNORECASE)
"""The server itself as target; a name in front of `]@` is none, what follows it is."""
_BEHIND = ("mapi/", "ecp/", "owa/", "rpc/", "api/", "oab/", "powershell")
OK = 200
_RESET = re.compile(r"schema=reset\w*virtualdirectory", re.IGNORECASE)
_EWS_COLUMNS = ("RequestId", "ActAsUser", "ImpersonatedUser", "SoapAction", "HttpStatus", "ResponseSize")
_MARGIN_US = 3_600_000_000
_MAPI = "mapi/emsmdb"


@dataclass(frozen=True, slots=True)
class Forged:
    """One request that the front end was made to send elsewhere.

    Attributes:
        host: the server.
        at_utc: when it ended.
        client: the address it came from.
        agent: user agent.
        target: where it was sent, as the anchor names it.
        status: HTTP status.
        sent: bytes to the client.
        request_id: the front end's request id, lower case.
        outcome: step of the ladder.
        ews: whether it was a call to EWS that was answered.
        ground: the record.
    """

    host: str
    at_utc: datetime
    client: str | None
    agent: str | None
    target: str
    status: int | None
    sent: int | None
    request_id: str
    outcome: Outcome
    ews: bool
    ground: RecordRef


@dataclass(frozen=True, slots=True)
class EwsCall:
    """What the EWS log says of a forged call.

    Attributes:
        mailbox: whom the server acted as, as the log names it; None where it does not say.
        action: SOAP action.
        status: HTTP status.
        sent: bytes of the answer.
        ground: the record.
    """

    mailbox: str | None
    action: str
    status: int | None
    sent: int | None
    ground: RecordRef


def outcome_of(target: str, status: int | None) -> Outcome:
    """Give the step of the ladder that one forged request reached.

    Args:
        target: the forged anchor: `ServerInfo~host:444/path`.
        status: HTTP status of the answer.
    """
    path, query = _path_of(target)
    if _LOCALHOST.match(target):
        return Outcome.SCAN
    if status not in ANSWERED:
        return Outcome.ATTEMPT
    if status == OK and (path.startswith("ews/") or (path.startswith("ecp/") and _RESET.search(query))):
        return Outcome.SUCCESS
    return Outcome.PARTIAL if path.startswith(_BEHIND) else Outcome.ATTEMPT


def _path_of(target: str) -> tuple[str, str]:
    """Give the path and the query that a forged target asks for, decoded once, lower case, without detours."""
    tail = unquote(target.partition("/")[2], errors="replace").lower().replace("\\", "/")
    path, _, query = tail.partition("?")
    return posixpath.normpath("/" + path.partition("#")[0]).lstrip("/"), query


def mapi_calls(forged: Sequence[Forged], *, lone: bool = False) -> tuple[Forged, ...]:
    """Give the answered forged calls to MAPI that may have opened a mailbox: no log says whose.

    One request opens none: the first makes a session, and a mailbox is logged on to within it. The usual exploit sends one,
    for the identifier of an account that its refusal holds. So several are asked for, of one network to one server.

    Args:
        forged: forged requests.
        lone: give those instead that are the only one of their network to their server.
    """
    found = [one for one in forged if one.status == OK and _path_of(one.target)[0].startswith(_MAPI)]
    found = [one for one in found if one.outcome.rank >= Outcome.PARTIAL.rank]
    several = Counter((one.host, network(one.client)) for one in found)
    return tuple(one for one in found if (several[one.host, network(one.client)] == 1) is lone)


def forged_requests(proxy: pa.Table) -> tuple[Forged, ...]:
    """Read the forged requests, in order of time.

    Args:
        proxy: rows in `rollup.shapes.PROXY`.
    """
    out: list[Forged] = []
    for row in proxy.filter(pc.is_valid(proxy["time_utc"])).to_pylist():
        target, status = row["anchor"], row["status"]
        outcome = outcome_of(target, status)
        ground = RecordRef("httpproxy", EvidenceId(row["evidence_id"]), row["record_no"])
        out.append(
            Forged(
                row["host"] or "(unknown host)",
                utc_from_us(utc_us(row["time_utc"])),
                row["client"],
                row["agent"],
                target,
                status,
                row["bytes"],
                (row["request_id"] or "").lower(),
                outcome,
                outcome is Outcome.SUCCESS and _path_of(target)[0].startswith("ews/"),
                ground,
            )
        )
    return tuple(sorted(out, key=lambda one: (one.at_utc, one.ground)))


def ews_calls(archive: Archive, forged: tuple[Forged, ...]) -> Mapping[str, EwsCall]:
    """Find the EWS log's rows of forged calls, by request id.

    Raises:
        CustodyError: a data file is not what was written.
    """
    wanted = {one.request_id for one in forged if one.ews and one.request_id}
    times = [utc_us(one.at_utc) for one in forged if one.ews]
    if not wanted:
        return {}
    low, high = min(times) - _MARGIN_US, max(times) + _MARGIN_US
    out: dict[str, EwsCall] = {}
    for file in archive.files("ews"):
        first, last = file.staged.first_us, file.staged.last_us
        if first is not None and last is not None and (last < low or first > high):
            continue
        rows = read_rows(file, (*_EWS_COLUMNS, "evidence_id", "record_no"))
        ids = pc.utf8_lower(rows["RequestId"].cast(pa.string()))
        for row, key in zip(*_picked(rows, ids, wanted), strict=True):
            ground = RecordRef("ews", EvidenceId(row["evidence_id"]), row["record_no"])
            mailbox = row["ActAsUser"] or row["ImpersonatedUser"] or None
            call = EwsCall(mailbox, row["SoapAction"] or "", row["HttpStatus"], row["ResponseSize"], ground)
            out[key] = min(out.get(key, call), call, key=lambda one: one.ground)
    return out


def _picked(rows: pa.Table, ids: pa.ChunkedArray, wanted: set[str]) -> tuple[list[dict[str, Any]], list[str]]:
    mask = pc.is_in(ids, value_set=pa.array(sorted(wanted), pa.string()))
    return rows.filter(mask).to_pylist(), ids.filter(mask).to_pylist()
