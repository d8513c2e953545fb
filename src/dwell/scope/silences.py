"""Where the tenant recorded nothing of what is opened: audit switched off, bypassed, or not licensed.

Three things say so. A cmdlet switched the audit of a mailbox, of an account or of the whole tenant off. A record took away
the plan by which the reading of mail is recorded. Or it shows by itself: the owner signs in as before, and no record of the
mailbox is there any more, though there was on nearly every such day before, or is in everybody else's; the chance that this
is a coincidence is told in bits. Missing records are no sign of innocence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import log2

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.model.instants import utc_us
from dwell.model.provenance import RecordRef
from dwell.scope.access import DAY_US, Accesses
from dwell.scope.cells import EMPTY, HELD, HOUR_US, MISSING, OFF, Line
from dwell.scope.cmdlets import Cmdlet, Label, person, read_cmdlets
from dwell.scope.identities import Identities
from dwell.scope.ledger import Ledger
from dwell.scope.rollup.ual import TENANT

__all__ = ["SILENT_BITS", "Silence", "mark_silences", "silences_of"]

SILENT_BITS = 20.0
"""A mailbox is held to be unrecorded where the chance that its silence is a coincidence is one in a million."""
SIGN_IN = "m365-sign-in"
_UAL = "ual"
_CMDLETS = {
    "set-mailbox": "AuditEnabled",
    "set-mailboxauditbypassassociation": "AuditBypassEnabled",
    "set-adminauditlogconfig": "UnifiedAuditLogIngestionEnabled",
    "set-organizationconfig": "AuditDisabled",
}
"""Cmdlets by which audit is switched, and the parameter that does it."""
_ON = {
    "AuditEnabled": "true", "AuditBypassEnabled": "false", "UnifiedAuditLogIngestionEnabled": "true",
    "AuditDisabled": "false",
}  # fmt: skip
_WHOLE = frozenset({"UnifiedAuditLogIngestionEnabled", "AuditDisabled"})
_PLAN = re.compile(r"M365_ADVANCED_AUDITING|EXCHANGE_ANALYTICS_AUDIT")
_DISABLED = re.compile(r"DisabledPlans=\[([^\]]*)\]")
_SAYS = "no record says what was opened"


@dataclass(frozen=True, slots=True)
class Silence:
    """A time in which nothing was recorded of what is opened.

    Attributes:
        mailbox: whose, the name it goes by; "" where it is not of one mailbox.
        account: the account that is left out of every mailbox's audit; "" where it is not of one account. Where a mailbox
            is named as well, it is the account's own, or the account was given rights on it.
        from_us: since when, microseconds since 1970.
        to_us: until when.
        why: in words.
        ground: the record that says so; None where it shows by itself.
    """

    mailbox: str
    account: str
    from_us: int
    to_us: int
    why: str
    ground: RecordRef | None = None


def _switches(archive: Archive) -> list[tuple[str, str, Cmdlet]]:
    """Give the cmdlets that switched an audit of the tenant, in order of time: the parameter, its value, the cmdlet."""
    out = []
    for file in archive.files(_UAL):
        for one in read_cmdlets(file, named=lambda name: name.strip().lower() in _CMDLETS):
            parameter = _CMDLETS[one.name.strip().lower()]
            value = dict(one.parameters).get(parameter, "").strip().lower().lstrip("$")
            if value in {"true", "false"} and one.at_utc is not None and not one.failed:
                out.append((parameter, value, one))
    return sorted(out, key=lambda one: (str(one[2].at_utc), one[2].ground))


def _switched(archive: Archive, label: Label, last_us: int) -> list[Silence]:
    """Give what was switched off, from then until it was switched on again."""
    out: list[Silence] = []
    begun: dict[tuple[str, str], Cmdlet] = {}
    for parameter, value, one in _switches(archive):
        key = (parameter, "" if parameter in _WHOLE else _who(one, label))
        if value != _ON[parameter]:
            begun.setdefault(key, one)
        elif key in begun:
            out.append(_off(key, begun.pop(key), one.at_utc, last_us))
    return [*out, *(_off(key, one, None, last_us) for key, one in begun.items())]


def _who(one: Cmdlet, label: Label) -> str:
    """Give whom a cmdlet is about: records name a mailbox by an id and by what was typed."""
    typed = dict(one.parameters).get("Identity", "")
    return next((name for text in (typed, one.target) if text and (name := label(text))), person(one.target, label))


def _off(key: tuple[str, str], one: Cmdlet, until: datetime | None, last_us: int) -> Silence:
    parameter, who = key
    bypass = parameter == "AuditBypassEnabled"
    end = last_us if until is None else utc_us(until)
    start = utc_us(one.at_utc) if one.at_utc is not None else end
    by = f" by {one.caller}" if one.caller else ""
    what = "the tenant's audit" if parameter in _WHOLE else f"the audit of {who}" if bypass else "its audit"
    how = "bypassed" if bypass else "switched off"
    why = f"{what} was {how}{by}, and {_SAYS}"
    return Silence("" if bypass or parameter in _WHOLE else who, who if bypass else "", start, end, why, one.ground)


def _given_to(archive: Archive, label: Label, off: Sequence[Silence]) -> list[Silence]:
    """Give the mailboxes of accounts that are left out of the audit, and those on which they were given rights."""
    dark = {one.account: one for one in off if one.account}
    out = [replace(one, mailbox=who) for who, one in dark.items()]
    for file in archive.files(_UAL) if dark else ():
        for one in read_cmdlets(file, named=lambda name: name.strip().lower() == "add-mailboxpermission"):
            told = dict(one.parameters)
            silence = dark.get(label(told.get("User", "")) or "")
            mailbox = _who(one, label)
            if silence is not None and one.at_utc is not None and not one.failed and mailbox != silence.account:
                since = max(silence.from_us, utc_us(one.at_utc))
                why = f"{silence.why}; it was given rights on this mailbox"
                out.append(Silence(mailbox, silence.account, since, silence.to_us, why, one.ground))
    return list({(one.mailbox, one.account): one for one in reversed(out)}.values())


def _unlicensed(archive: Archive, label: Label, last_us: int) -> list[Silence]:
    """Give mailboxes whose owner lost the plan by which reading is recorded."""
    out = []
    for file in archive.files(_UAL):
        rows = read_rows(file, ("evidence_id", "record_no", "time_utc", "Operation", "ObjectId", "UserId"))
        names = [one for one in pc.unique(rows["Operation"]).to_pylist() if _plain(one) == "update user"]
        met = pc.is_in(rows["Operation"].cast(pa.string()), value_set=pa.array(names, pa.string()))
        places = np.flatnonzero(met.to_numpy())
        if not len(places):
            continue
        near = rows.take(pa.array(places))
        texts = read_rows(file, ("AuditData",))["AuditData"].take(pa.array(places)).to_pylist()
        times = near["time_utc"].cast(pa.int64()).to_pylist()
        for row, at, text in zip(near.drop(["time_utc"]).to_pylist(), times, texts, strict=True):
            name = label(row["ObjectId"]) if row["ObjectId"] else None
            if at is not None and name is not None and _loses(text):
                ref = RecordRef(_UAL, row["evidence_id"], row["record_no"])
                by = f" by {row['UserId']}" if row["UserId"] else ""
                why = f"the plan that records what is read was taken from its owner{by}, and {_SAYS}"
                out.append(Silence(name, "", at, last_us, why, ref))
    return out


def _plain(operation: str | None) -> str:
    return (operation or "").strip().rstrip(".").lower()


def _loses(text: str | None) -> bool:
    """Say whether a record switches the plan off that was on before."""
    if not text or _PLAN.search(text) is None:
        return False
    try:
        record = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False
    changed = record.get("ModifiedProperties") if isinstance(record, dict) else None
    for one in changed if isinstance(changed, list) else ():
        if isinstance(one, dict) and one.get("Name") == "AssignedLicense":
            old, new = str(one.get("OldValue") or ""), str(one.get("NewValue") or "")
            return _is_off(new) and not _is_off(old)
    return False


def _is_off(text: str) -> bool:
    return any(_PLAN.search(one) for one in _DISABLED.findall(text))


def _by_itself(accesses: Accesses, known: Sequence[Silence], identities: Identities, *, hybrid: bool) -> list[Silence]:
    """Give mailboxes of which records stop, or never begin, though their owners sign in to the tenant as before.

    Args:
        accesses: all sessions.
        known: what is known already.
        identities: names; an account without a mailbox leaves no records of one.
        hybrid: whether mail servers are held as well: a mailbox may lie there.
    """
    cloud = accesses.having("table", _UAL) & accesses.ok & (accesses.account >= 0)
    if not cloud.any():
        return []
    signed = np.array([one == SIGN_IN for one in accesses.protocols], np.bool_)[accesses.protocol]
    own = cloud & signed & (accesses.mailbox == accesses.account)
    mail = cloud & ~signed & (accesses.mailbox >= 0)
    day = accesses.first // DAY_US
    wide = int(day.max()) + 1
    visits = np.unique(accesses.account[own] * wide + day[own])
    opened = np.unique(accesses.mailbox[mail] * wide + day[mail])
    if not len(visits) or not len(opened):
        return []
    kept = np.isin(visits, opened)
    size = len(accesses.names)
    recorded = np.full(size, -1, np.int64)
    np.maximum.at(recorded, opened // wide, opened % wide)
    # the last day of a mailbox's records tells nothing: it is where they stop
    before = visits % wide < recorded[visits // wide]
    days, met = (np.bincount(visits[one] // wide, minlength=size) for one in (before, before & kept))
    share = float((met.sum() + 1) / (days.sum() + 2))
    after = np.bincount(visits[visits % wide > recorded[visits // wide]] // wide, minlength=size)
    told = {one.mailbox for one in known}
    last = int(accesses.last.max()) + 1
    out = []
    for who in np.flatnonzero(after).tolist():
        name, never = accesses.names[who], recorded[who] < 0
        if name in told or (never and (hybrid or identities.has_no_mailbox(name))):
            continue
        usual = share if never else min((met[who] + share) / (days[who] + 1.0), 1 - 1e-3)
        bits = float(-after[who] * log2(1 - min(usual, 1 - 1e-3)))
        if bits >= SILENT_BITS:
            since = int(accesses.first.min()) if never else (int(recorded[who]) + 1) * DAY_US
            stops = "no record of it is held" if never else "records of it stop"
            why = f"{stops}, though its owner signed in on {after[who]:,} days since ({bits:.0f} bits), and {_SAYS}"
            out.append(Silence(name, "", since, last, why))
    return out


def silences_of(archive: Archive, accesses: Accesses, identities: Identities, ledger: Ledger) -> tuple[Silence, ...]:
    """Give the times in which the tenant recorded nothing of what is opened, in order.

    Raises:
        CustodyError: a data file is not what was written.
    """
    if (TENANT, _UAL) not in ledger.lines:
        return ()
    line = ledger.lines[TENANT, _UAL]
    last = (line.start + len(line.states)) * HOUR_US
    found = _switched(archive, identities.label, last)
    found += _given_to(archive, identities.label, found)
    found += _unlicensed(archive, identities.label, last)
    found += _by_itself(accesses, found, identities, hybrid=bool(ledger.servers()))
    return tuple(sorted(found, key=lambda one: (one.from_us, one.mailbox, one.account, one.why)))


def mark_silences(ledger: Ledger, silences: Sequence[Silence]) -> None:
    """Lower the cells of the tenant, or of a mailbox's own line, in which nothing was recorded."""
    for one in silences:
        whole = ledger.lines[TENANT, _UAL]
        first, last = one.from_us // HOUR_US, -(-one.to_us // HOUR_US)
        if one.mailbox:
            mine = ledger.lines.setdefault((TENANT, f"{_UAL}/{one.mailbox}"), _copy(whole))
            mine.mark(first, last, OFF, [HELD, EMPTY, MISSING], one.why)
        elif not one.account:
            whole.mark(first, last, OFF, [EMPTY, MISSING], one.why)


def _copy(line: Line) -> Line:
    none = np.zeros(len(line.states), np.int64)
    return Line(line.start, line.states.copy(), none, none, {key: list(texts) for key, texts in line.reasons.items()})
