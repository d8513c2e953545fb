"""Logons that Windows tells of elsewhere than in the field for an address: by a machine's name, or in another log.

* 4624 and 4625 that have the name of the machine and no address (NTLM, mostly);
* 4776, by which a domain controller answers for NTLM: it has the machine's name alone, and it is all that a domain
  controller writes of a hash that was passed on;
* 4778, and events 21, 25 and 1149 of Terminal Services: sessions of Remote Desktop that began or were taken up again.

The name is what the client said of itself, in any case it liked: it shows that somebody tried, and never that he came.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_rows
from dwell.archive.store import Archive
from dwell.model.addresses import address
from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.identities import Identities
from dwell.scope.reach import Logon

__all__ = ["told_logons"]

_SECURITY = "security"
_LOGONS, _NTLM, _RECONNECTED = (4624, 4625), 4776, 4778
_TERMINAL: Mapping[str, tuple[tuple[int, ...], str, str]] = {
    "microsoft-windows-terminalservices-localsessionmanager/operational": ((21, 25), "User", "Address"),
    "microsoft-windows-terminalservices-remoteconnectionmanager/operational": ((1149,), "Param1", "Param3"),
}
"""Events of Terminal Services by their log, with what names the account and the address."""
REMOTE_DESKTOP = "10"
_TEXTS = ("Channel", "host", "TargetUserName", "User", "IpAddress", "WorkstationName", "LogonType", "Status")
_KEYS = ("host", "event", "account", "client", "workstation", "kind", "failed")
_NOWHERE = frozenset({"", "-", "127.0.0.1", "::1", "::ffff:127.0.0.1"})
"""Addresses that name no other machine: none at all, and the machine's own loop, by which a tunnel comes as well."""
_DONE = frozenset({"0x0", "0", ""})


def told_logons(archive: Archive, identities: Identities) -> tuple[Logon, ...]:
    """Read such logons: alike ones of one file are one, in order of host and time.

    Args:
        archive: the case's archive.
        identities: names.

    Raises:
        CustodyError: a data file is not what was written.
    """
    found = [_logon(row, identities) for file in archive.files("evtx") for row in _folded(file)]
    return tuple(sorted(found, key=lambda one: (one.host, one.first_utc, one.ground)))


def _folded(file: DataFile) -> list[dict[str, object]]:
    """Give one row for each kind of logon that a data file tells of."""
    head = read_rows(file, ("EventID", "Channel"), dictionary=("Channel",))
    channels = {one for one in pc.unique(head["Channel"].cast(pa.string())).to_pylist() if one}
    parts: dict[str, tuple[int, ...]] = {
        one: (*_LOGONS, _NTLM, _RECONNECTED) if one.lower() == _SECURITY else _TERMINAL[one.lower()][0]
        for one in channels
        if one.lower() == _SECURITY or one.lower() in _TERMINAL
    }
    if not any(bool(pc.any(_of(head, name, events)).as_py()) for name, events in parts.items()):
        return []
    rows = read_rows(file, (*_TEXTS, "EventID", "time_utc", "evidence_id", "record_no"), dictionary=_TEXTS)
    # what logons of every day fill a log with has an address, and goes before the event's other data are read
    elsewhere = pc.is_in(
        pc.utf8_trim_whitespace(pc.fill_null(rows["IpAddress"].cast(pa.string()), "")),
        value_set=pa.array(sorted(_NOWHERE)),
    )
    plain = pc.is_in(rows["EventID"], value_set=pa.array(_LOGONS, pa.int32()))
    wanted = pc.and_(pc.is_valid(rows["time_utc"]), pc.or_(pc.invert(plain), elsewhere))
    met = None
    for name, events in parts.items():
        mine = _of(rows, name, events)
        met = mine if met is None else pc.or_(met, mine)
    mask = pc.and_(met, wanted)
    taken = rows.filter(mask)
    if not taken.num_rows:
        return []
    inside = pc.any(pc.invert(pc.is_in(taken["EventID"], value_set=pa.array(_LOGONS, pa.int32())))).as_py()
    data = read_rows(file, ("EventData",))["EventData"].filter(mask) if inside else None
    return _grouped(taken, data)


def _of(rows: pa.Table, channel: str, events: tuple[int, ...]) -> pa.ChunkedArray:
    there = pc.equal(rows["Channel"].cast(pa.string()), channel)
    return pc.fill_null(pc.and_(there, pc.is_in(rows["EventID"], value_set=pa.array(events, pa.int32()))), False)  # noqa: FBT003


def _value(data: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Give what an event's data hold under a name, which an element of the provider's own can stand before."""
    return pc.coalesce(*(pc.map_lookup(data, pa.scalar(head + name), "first") for head in ("", "EventXML.")))


def _grouped(rows: pa.Table, data: pa.ChunkedArray | None) -> list[dict[str, object]]:
    """Give logons that are alike once, with the first and the last and how many."""
    event, channel = rows["EventID"], pc.utf8_lower(rows["Channel"].cast(pa.string()))
    text = {one: rows[one].cast(pa.string()) for one in _TEXTS}
    none = pa.chunked_array([pa.nulls(rows.num_rows, pa.string())])

    def inside(name: str) -> pa.ChunkedArray:
        return none if data is None else _value(data, name)

    account, client = text["TargetUserName"], none
    workstation = pc.coalesce(text["WorkstationName"], inside("Workstation"))
    back = pc.and_(pc.equal(channel, _SECURITY), pc.equal(event, _RECONNECTED))
    account = pc.if_else(back, inside("AccountName"), account)
    client = pc.if_else(back, inside("ClientAddress"), client)
    desk = back
    for name, (_, who, where) in _TERMINAL.items():
        mine = pc.equal(channel, name)
        account = pc.if_else(mine, pc.coalesce(text["User"], inside(who)) if who == "User" else inside(who), account)
        client = pc.if_else(mine, inside(where), client)
        desk = pc.or_(desk, mine)
    refused = pc.and_(
        pc.equal(event, _NTLM),
        pc.invert(pc.is_in(pc.utf8_lower(pc.fill_null(text["Status"], "")), value_set=pa.array(sorted(_DONE)))),
    )
    failed = pc.or_(pc.equal(event, _LOGONS[1]), refused)
    made = pa.table(
        {
            "host": text["host"],
            "event": event,
            "account": account,
            "client": client,
            "workstation": pc.if_else(desk, none, workstation),
            "kind": pc.if_else(desk, pa.scalar(REMOTE_DESKTOP), text["LogonType"]),
            "failed": failed,
            "at": rows["time_utc"].cast(pa.int64()),
            "evidence_id": rows["evidence_id"].cast(pa.string()),
            "record_no": rows["record_no"],
        }
    ).sort_by([("at", "ascending"), ("evidence_id", "ascending"), ("record_no", "ascending")])
    told = made.group_by(_KEYS, use_threads=False).aggregate(
        [("at", "min"), ("at", "max"), ("at", "count"), ("evidence_id", "first"), ("record_no", "first")]
    )
    found: list[dict[str, object]] = told.to_pylist()
    return [one for one in found if one["client"] or one["workstation"]]


def _logon(row: Mapping[str, object], identities: Identities) -> Logon:
    def text(name: str) -> str | None:
        found = row[name]
        return found.strip() if isinstance(found, str) and found.strip() not in _NOWHERE else None

    first = int(str(row["at_min"]))
    where, account = text("client"), text("account")
    bare = (account or "").rpartition("\\")[2]
    return Logon(
        host=text("host") or "(unknown host)",
        event_id=int(str(row["event"])),
        account=identities.label(account, first) or identities.label(bare, first) or account,
        client=address(where) if where else None,
        target=None,
        first_utc=utc_from_us(first),
        last_utc=utc_from_us(int(str(row["at_max"]))),
        count=int(str(row["at_count"])),
        ground=RecordRef("evtx", EvidenceId(str(row["evidence_id_first"])), int(str(row["record_no_first"]))),
        kind=text("kind") or "",
        workstation=(text("workstation") or "").lstrip("\\") or None,
        failed=bool(row["failed"]),
    )
