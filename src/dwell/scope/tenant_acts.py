"""What the tenant's audit records hold beside mail from where an intrusion came: files, settings, cmdlets, other programs.

Records that open no mailbox make no session. That an intruder read somebody's mail from an address says where to look for
the rest of what he did: records of the same address are looked up, and those of the same account are his. An account that
is not his, or his account from an address beside his, is told and decides nothing: networks are shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_lexicon, read_rows
from dwell.archive.store import Archive
from dwell.model.addresses import address, is_internal, network
from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.access import Accesses
from dwell.scope.identities import Identities
from dwell.scope.intrusions import Held
from dwell.scope.rollup.ual import MAIL, SIGN_INS
from dwell.scope.words import agent

__all__ = ["TenantAct", "tenant_acts"]

_CLIENTS = ("ClientIP", "ClientIPAddress", "ActorIpAddress")
_KEYS = ("Operation", "UserId", "UserAgent", *_CLIENTS)
_V6 = ":"


@dataclass(frozen=True, slots=True)
class TenantAct:
    """Records of one operation by one account from one address of an intrusion.

    Attributes:
        intrusion: whose address it is.
        account: the account's name in every answer.
        operation: the operation, as the records name it.
        client: the address.
        certain: whether account and address are both the intrusion's; else the records decide nothing.
        first_utc: first.
        last_utc: last.
        ground: the first record.
    """

    intrusion: str
    account: str
    operation: str
    client: str
    certain: bool
    first_utc: datetime
    last_utc: datetime
    ground: RecordRef


@dataclass(frozen=True, slots=True)
class _Known:
    """Where one intrusion came from.

    Attributes:
        held: the intrusion.
        exact: its addresses outside.
        networks: the networks of these.
        pairs: its networks and agents, as records have them.
    """

    held: Held
    exact: frozenset[str]
    networks: frozenset[str]
    pairs: frozenset[tuple[str, str]]

    def of(self, client: str, account: str, tool: str) -> bool | None:
        """Say whether records are the intrusion's; None where they have nothing to do with it."""
        mine = account in self.held.accounts
        lan = network(client) or ""
        # a client of IPv6 changes its address within its network day by day
        same = client in self.exact or (_V6 in client and lan in self.networks) or (lan, agent(tool)) in self.pairs
        if mine and lan in self.networks:
            return same
        return False if client in self.exact else None


def _known(held: Held, accesses: Accesses) -> _Known:
    told = accesses.rows(list(held.rows), ("client",))["client"].to_pylist()
    told += [text.partition(" ")[0] for text in held.clients]
    found = {one for text in told if (one := address(text)) is not None and not is_internal(one)}
    lans = frozenset(lan for one in found if (lan := network(one)) is not None)
    return _Known(held, frozenset(found), lans, frozenset(accesses.as_recorded(held.pairs)))


def tenant_acts(
    archive: Archive, held: Sequence[Held], accesses: Accesses, identities: Identities
) -> tuple[TenantAct, ...]:
    """Find what the tenant's records hold beside mail from the addresses of intrusions, in order of time.

    Args:
        archive: the case's archive.
        held: the intrusions.
        accesses: all sessions.
        identities: names.

    Raises:
        CustodyError: a data file is not what was written.
    """
    files = archive.files("ual") if held else ()
    known = [_known(one, accesses) for one in held] if files else []
    lans = frozenset(lan for one in known for lan in one.networks)
    out: list[TenantAct] = []
    for file in files if lans else ():
        for row in _rows(file, lans):
            out += _told(row, known, identities)
    return tuple(sorted(out, key=lambda one: (one.first_utc, one.ground, one.intrusion)))


def _rows(file: DataFile, lans: frozenset[str]) -> list[dict[str, object]]:
    """Fold the records beside mail that one data file has of some networks: one row an operation, account and client."""
    lexicon = read_lexicon(file)
    if all(one in lexicon.complete for one in _CLIENTS):
        values = {text for one in _CLIENTS for text in lexicon.column(one)["value"].to_pylist()}
        if not any(network(address(text)) in lans for text in values if text):
            return []
    rows = read_rows(file, ("evidence_id", "record_no", "time_utc", *_KEYS), dictionary=_KEYS)
    near = None
    for name in _CLIENTS:
        texts = [one for one in pc.unique(rows[name].cast(pa.string())).to_pylist() if one]
        wanted = pa.array([one for one in texts if network(address(one)) in lans], pa.string())
        met = pc.is_in(rows[name].cast(pa.string()), value_set=wanted)
        near = met if near is None else pc.or_(near, met)
    mail = pc.is_in(
        pc.utf8_trim_whitespace(pc.utf8_lower(rows["Operation"].cast(pa.string()))),
        value_set=pa.array(sorted(MAIL | SIGN_INS)),
    )
    taken = rows.filter(pc.and_(pc.and_not(near, mail), pc.is_valid(rows["time_utc"])))
    if not taken.num_rows:
        return []
    for name in _KEYS:
        taken = taken.set_column(taken.schema.get_field_index(name), name, taken[name].cast(pa.string()))
    taken = taken.set_column(
        taken.schema.get_field_index("evidence_id"), "evidence_id", taken["evidence_id"].cast(pa.string())
    )
    taken = taken.append_column("at", taken["time_utc"].cast(pa.int64())).drop(["time_utc"])
    taken = taken.sort_by([("at", "ascending"), ("evidence_id", "ascending"), ("record_no", "ascending")])
    told = taken.group_by(_KEYS, use_threads=False).aggregate(
        [("at", "min"), ("at", "max"), ("evidence_id", "first"), ("record_no", "first")]
    )
    found: list[dict[str, object]] = told.to_pylist()
    return found


def _told(row: dict[str, object], known: Sequence[_Known], identities: Identities) -> list[TenantAct]:
    """Say of a folded row to which intrusions it has to do."""
    client = next((found for name in _CLIENTS if (found := address(_text(row[name]))) is not None), None)
    first, last = int(str(row["at_min"])), int(str(row["at_max"]))
    user = _text(row["UserId"])
    account = identities.label(user, first) or user or "(nobody)"
    out = []
    for one in known if client is not None else ():
        spans = one.held.spans
        certain = one.of(client or "", account, _text(row["UserAgent"]) or "")
        if certain is None or (spans and not any(low <= last and first <= high for low, high in spans)):
            continue
        ground = RecordRef("ual", EvidenceId(str(row["evidence_id_first"])), int(str(row["record_no_first"])))
        operation = _text(row["Operation"]) or "(no operation)"
        out.append(
            TenantAct(
                one.held.id, account, operation, client or "", certain, utc_from_us(first), utc_from_us(last), ground
            )
        )
    return out


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
