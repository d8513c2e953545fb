"""Applications that were given rights on mail or a secret, and what each of them read.

Records are joined to one application by its ids. By name they are joined only where exactly one application object and
one service principal of the case go by it, and that is said: anybody can give an application another one's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_lexicon, read_rows
from dwell.archive.store import Archive
from dwell.model.addresses import address
from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.app_acts import AppAct, Deed, app_acts
from dwell.scope.identities import Identities
from dwell.scope.words import program_text

__all__ = ["TOKEN", "App", "AppRead", "apps_of"]

_READ = ("mailitemsaccessed", "mailitemsaccessed.")
_COLUMNS = (
    "evidence_id", "record_no", "time_utc", "Id", "Operation", "ClientAppId", "AppId", "UserId", "MailboxOwnerUPN",
    "MailboxGuid", "ClientIPAddress", "ClientInfoString", "MailAccessType", "InternetMessageIds", "FolderPaths",
    "OperationCount",
)  # fmt: skip
_GIVING = (Deed.RIGHTS, Deed.SECRET)
_PRINCIPAL = "ServicePrincipal"
TOKEN = timedelta(hours=28)
"""No access token is good for longer: those of clients that are told of changes at once are issued for up to 28 hours."""


@dataclass(frozen=True, slots=True)
class AppRead:
    """One record of mail that an application opened.

    Attributes:
        mailbox: whose, the name it goes by.
        account: the account it acted for.
        client: from which address; None where the record has none.
        agent: what it called itself, with its id (`words.program_text`).
        messages: messages that the record names.
        folders: folders that it names as synchronised.
        at_utc: when; None where the record has no instant.
        ground: the record.
        unnamed: how many more items the record counts than it names.
    """

    mailbox: str
    account: str | None
    client: str | None
    agent: str | None
    messages: tuple[str, ...]
    folders: tuple[str, ...]
    at_utc: datetime | None
    ground: RecordRef
    unnamed: int = 0


@dataclass(frozen=True, slots=True)
class App:
    """An application of the tenant.

    Attributes:
        name: its name; its first id where no record names it.
        ids: every id it goes by.
        acts: what was done to it, in order of time.
        reads: what it read, in order of time.
        by_name: whether its records are joined by its name alone.
    """

    name: str
    ids: frozenset[str]
    acts: tuple[AppAct, ...]
    reads: tuple[AppRead, ...] = ()
    by_name: bool = False

    @property
    def given(self) -> tuple[AppAct, ...]:
        """Give the acts that gave it rights on mail or a secret."""
        return tuple(one for one in self.acts if one.deed in _GIVING)

    @property
    def removed(self) -> AppAct | None:
        """Give the first act that took it away for good after the last that gave it anything; None where none did.

        What holds rights is the service principal. The application's object takes with it only the secrets that were added
        to it. What was restored afterwards, or may have been, is there.
        """
        last = max((one.at_utc for one in self.given if one.at_utc is not None), default=None)
        on_object = all(one.deed is Deed.SECRET and _PRINCIPAL not in one.kinds for one in self.given)
        deeds = {Deed.REMOVED, Deed.DELETED} if on_object else {Deed.REMOVED}
        back = [one.at_utc for one in self.acts if one.deed is Deed.RESTORED]
        for one in self.acts:
            at = one.at_utc
            if one.deed not in deeds or at is None or (last is not None and at < last):
                continue
            if not any(again is None or again >= at for again in back):
                return one
        return None

    @property
    def outlived(self) -> AppRead | None:
        """Give the last of what it read so long after it was taken away that no token of before was good any more."""
        gone = self.removed
        if gone is None or gone.at_utc is None:
            return None
        late = [one for one in self.reads if one.at_utc is not None and one.at_utc > gone.at_utc + TOKEN]
        return late[-1] if late else None


class _Bunch:
    """Acts on what is held to be one application; empty where another one took them."""

    def __init__(self, acts: list[AppAct]) -> None:
        self.acts = acts
        self.ids = frozenset(one for act in acts for one in act.ids)
        self.kinds = frozenset(one for act in acts for one in act.kinds)
        self.names = frozenset(act.name for act in acts if act.name)
        self.by_name = False

    def take(self, other: _Bunch) -> None:
        """Take all that another holds."""
        self.acts, other.acts = [*self.acts, *other.acts], []
        self.ids |= other.ids
        self.kinds |= other.kinds
        self.names |= other.names


def _by_ids(acts: Iterable[AppAct]) -> list[_Bunch]:
    """Put acts together that share an id; those without one stand by their name."""
    bunches: dict[str, list[AppAct]] = {}
    home: dict[str, str] = {}
    for act in acts:
        keys = sorted(act.ids) or [f"name {act.name}"]
        roots = sorted({home[one] for one in keys if one in home})
        root = roots[0] if roots else keys[0]
        bunches.setdefault(root, []).append(act)
        for other in roots[1:]:
            bunches[root] += bunches.pop(other)
            home |= {key: root for key, held in home.items() if held == other}
        home |= dict.fromkeys(keys, root)
    return [_Bunch(held) for _, held in sorted(bunches.items())]


def _by_names(bunches: list[_Bunch], named: Mapping[str, frozenset[str]]) -> list[_Bunch]:
    """Join an application object to the one service principal of its name, or to the one id that is told beside it."""
    by_name: dict[str, list[_Bunch]] = {}
    for one in bunches:
        for name in sorted(one.names):
            by_name.setdefault(name, []).append(one)
    for name in sorted(by_name):
        mine = [one for one in by_name[name] if one.acts]
        objects = [one for one in mine if _PRINCIPAL not in one.kinds]
        principals = [one for one in mine if _PRINCIPAL in one.kinds]
        told = named.get(name, frozenset())
        if len(objects) != 1 or len(principals) > 1 or (not principals and len(told) != 1):
            continue
        home = objects[0]
        if principals:
            home.take(principals[0])
        else:
            home.ids |= told
        home.by_name = True
    return [one for one in bunches if one.acts]


def _names_of_ids(archive: Archive, names: Iterable[str]) -> dict[str, frozenset[str]]:
    """Give the ids of applications of some names that Defender's records tell beside them."""
    out: dict[str, set[str]] = {}
    wanted = pa.array(sorted(set(names)), pa.string())
    for file in archive.files("defender") if len(wanted) else ():
        rows = read_rows(file, ("AccountDisplayName", "AccountObjectId", "RawEventData"))
        mine = pc.is_in(rows["AccountDisplayName"].cast(pa.string()), value_set=wanted)
        near = rows.filter(pc.and_(mine, rows["RawEventData"].is_valid()))
        for row in near.to_pylist():
            try:
                record = msgspec.json.decode(row["RawEventData"])
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
                continue
            known = record.get("ClientAppId") if isinstance(record, dict) else None
            # only where the actor of the record is the application, its name is told
            if isinstance(known, str) and known and known == row["AccountObjectId"]:
                out.setdefault(row["AccountDisplayName"], set()).add(known.lower())
    return {name: frozenset(ids) for name, ids in out.items()}


def _reads(file: DataFile, wanted: frozenset[str], identities: Identities) -> Iterable[tuple[str, str, AppRead]]:
    """Yield what applications read, as one data file has it: the application's id, the record's, the read."""
    lexicon = read_lexicon(file)
    held = [lexicon.column(one)["value"].to_pylist() for one in ("ClientAppId", "AppId") if one in lexicon.complete]
    if len(held) == 2 and not any((one or "").lower() in wanted for each in held for one in each):
        return
    rows = read_rows(file, _COLUMNS, dictionary=("Operation", "ClientAppId", "AppId"))
    ids = pa.array(sorted(wanted))
    folded = [pc.is_in(pc.utf8_lower(rows[one].cast(pa.string())), value_set=ids) for one in ("ClientAppId", "AppId")]
    read = pc.is_in(pc.utf8_lower(rows["Operation"].cast(pa.string())), value_set=pa.array(_READ))
    near = rows.filter(pc.and_(read, pc.or_(*folded)))
    times = near["time_utc"].cast(pa.int64()).to_pylist()
    for row, at in zip(near.drop(["time_utc"]).to_pylist(), times, strict=True):
        app = next(one.lower() for one in (row["ClientAppId"], row["AppId"]) if one and one.lower() in wanted)
        mailbox = identities.label(row["MailboxOwnerUPN"] or row["MailboxGuid"] or row["UserId"], at)
        if mailbox is not None:
            synced = (row["MailAccessType"] or "").lower() == "sync"
            ref = RecordRef("ual", EvidenceId(row["evidence_id"]), row["record_no"])
            yield app, row["Id"] or str(ref), AppRead(
                mailbox,
                identities.label(row["UserId"], at),
                address(row["ClientIPAddress"]),
                program_text(row["ClientInfoString"], row["ClientAppId"], row["AppId"]),
                () if synced else tuple(one for one in row["InternetMessageIds"] or () if one),
                tuple(one for one in row["FolderPaths"] or () if one) if synced else (),
                None if at is None else utc_from_us(at),
                ref,
                0 if synced else max(0, (row["OperationCount"] or 0) - len(row["InternetMessageIds"] or ())),
            )  # fmt: skip


def apps_of(archive: Archive, identities: Identities) -> tuple[App, ...]:
    """Give the applications that were given rights on mail or a secret, by the first act, with what each read.

    Raises:
        CustodyError: a data file is not what was written.
    """
    found = _by_ids(app_acts(archive))
    bunches = _by_names(found, _names_of_ids(archive, (name for one in found for name in one.names)))
    mine = [one for one in bunches if any(act.deed in _GIVING for act in one.acts)]
    wanted = frozenset(one for bunch in mine for one in bunch.ids)
    reads: dict[str, dict[str, AppRead]] = {}
    for file in archive.files("ual") if wanted else ():
        for app, record, read in _reads(file, wanted, identities):
            reads.setdefault(app, {}).setdefault(record, read)
    out = [_app(one, [read for each in sorted(one.ids) for read in reads.get(each, {}).values()]) for one in mine]
    return tuple(sorted(out, key=lambda one: (str(one.given[0].at_utc or ""), one.name, sorted(one.ids))))


def _app(bunch: _Bunch, reads: Sequence[AppRead]) -> App:
    acts = sorted(bunch.acts, key=lambda one: (str(one.at_utc or ""), one.ground))
    name = next((one.name for one in acts if one.name), "") or min(bunch.ids, default="(unnamed)")
    ordered = sorted(reads, key=lambda one: (str(one.at_utc or ""), one.ground))
    return App(name, bunch.ids, tuple(acts), tuple(ordered), bunch.by_name)
