"""Settings before they are saved: what is meant, and what it would change in the answers."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import shutil
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from dwell.answers.changes import Changed, changed
from dwell.casebook.case import Case
from dwell.casebook.settings import record_settings, set_in, settings_of
from dwell.casebook.whole_files import written_whole
from dwell.errors import CustodyError, Place, UsageError
from dwell.model.claims import Summary
from dwell.model.clocks import DAY_S, ClockWord
from dwell.model.settings import LEADS_PER_WEEK_MAX, ONE_ONLY, Setting, SettingEffect, SettingKind, hours_text
from dwell.scope.as_tables import folder, read_table
from dwell.scope.working_time import dates_of, known_zone

__all__ = ["SettingsPreview", "Unwanted", "Wished", "preview", "save", "set_leads", "set_table", "wished_in"]

Answering = Callable[[tuple[Setting, ...] | None], Summary]
"""Gives the answers with these settings; None for those in force."""

FILE_MAX = 1_000_000
VALUE_MAX = 500
_DAYS = re.compile(r"[0-9]d")
KEYS: Mapping[str, SettingKind] = {
    "networks": SettingKind.NETWORK,
    "services": SettingKind.SERVICE,
    "hours": SettingKind.HOURS,
    "holidays": SettingKind.HOLIDAYS,
    "vips": SettingKind.VIP,
    "zone": SettingKind.ZONE,
    "leads_per_week": SettingKind.LEADS,
    "clocks": SettingKind.CLOCK,
    "no_clients": SettingKind.NO_CLIENTS,
}
"""What a file may hold, by the kind it sets."""
_WRITTEN: Mapping[str, str] = {
    "networks": 'networks = ["192.0.2.0/24"]',
    "services": 'services = [{ account = "svc-archive@gov.example", at = ["192.0.2.10"] }]',
    "hours": 'hours = "Mon-Fri 08-18"',
    "holidays": 'holidays = ["BE", 2021-05-14]',
    "vips": 'vips = ["minister@gov.example"]',
    "zone": 'zone = "Europe/Brussels"',
    "leads_per_week": "leads_per_week = 10",
    "clocks": 'clocks = ["EX01=right"]',
    "no_clients": 'no_clients = ["EX-MBX1"]',
}
"""How each of them is written."""


@dataclass(frozen=True, slots=True)
class Wished:
    """Settings as they are asked for.

    Attributes:
        values: kind, value as typed, and the range that a service works from ("" for any).
        reason: why.
        by: who says so.
        skip: whether what is set already is passed over; a fault otherwise.
    """

    values: tuple[tuple[SettingKind, str, str], ...]
    reason: str
    by: str
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Unwanted:
    """Settings that are to be taken back, by whom and why."""

    ids: tuple[str, ...]
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class SettingsPreview:
    """What settings, or taking some back, change.

    Attributes:
        made: settings that would be made, not saved yet.
        gone: settings that would be taken back.
        same: how many were asked for that are set already.
        reason: why.
        by: who says so.
        effects: what those made come to in this case.
        changed: what would be answered otherwise.
    """

    made: tuple[Setting, ...]
    gone: tuple[Setting, ...]
    same: int
    reason: str
    by: str
    effects: tuple[SettingEffect, ...]
    changed: Changed


def preview(case: Case, wanted: Wished | Unwanted, answering: Answering) -> SettingsPreview:
    """Say what settings, or taking some back, would change; nothing of the case changes.

    Raises:
        UsageError: one cannot be read, is set already, or is not in force.
    """
    if not wanted.reason.strip():
        raise UsageError("a setting needs a reason", remedy="Say --reason 'why'")
    if not wanted.by.strip():
        raise UsageError("a setting needs the name of who makes it", remedy="Say --by NAME")
    held = set_in(case)
    made, gone, same = _made(case, wanted, held) if isinstance(wanted, Wished) else ((), _named(wanted, held), 0)
    then = answering((*(one for one in held if one not in gone), *made))
    effects = tuple(one for one in then.case_settings if one.setting in made)
    return SettingsPreview(
        made, gone, same, wanted.reason.strip(), wanted.by.strip(), effects, changed(answering(None), then)
    )


def _named(wanted: Unwanted, held: Sequence[Setting]) -> tuple[Setting, ...]:
    missing = [name for name in wanted.ids if name not in {one.id for one in held}]
    if missing:
        raise UsageError(f"no setting in force is called {missing[0]!r}", remedy="dwell settings lists them")
    return tuple(one for one in held if one.id in wanted.ids)


def _made(case: Case, wanted: Wished, held: Sequence[Setting]) -> tuple[tuple[Setting, ...], tuple[Setting, ...], int]:
    """Give what would be made, what it takes the place of, and how much is set already."""
    number = len(settings_of(case.acts()))
    made: list[Setting] = []
    gone: list[Setting] = []
    same = 0
    for kind, value, at in wanted.values:
        one = _setting(kind, value, at, wanted)
        known = next((other for other in (*held, *made) if other.same(one)), None)
        if known is not None and not wanted.skip:
            raise UsageError(f"{one.what} is set already, as {known.id}", remedy="dwell settings lists what is set")
        if known is not None:
            same += 1
            continue
        if any(_same_place(one, other) for other in made):
            raise UsageError(f"{kind.value} is given twice", remedy="Give it once: one is in force at a time")
        gone += [other for other in held if _same_place(one, other)]
        made.append(replace(one, id=f"S{number + len(made) + 1}"))
    return tuple(made), tuple(gone), same


def _setting(kind: SettingKind, value: str, at: str, wanted: Wished) -> Setting:
    """Read one setting.

    Raises:
        UsageError: it cannot be read.
    """
    if kind is SettingKind.ASN and not at:
        return _table(value, wanted)
    text = value.strip()
    if at and kind is not SettingKind.SERVICE:
        raise UsageError(f"{kind.value} takes no --at", remedy="It is for a service: the address it works from")
    if not text or len(text) > VALUE_MAX:
        raise UsageError(f"{kind.value} needs a value of 1 to {VALUE_MAX} characters", remedy=_REMEDIES[kind])
    try:
        told = _FORMS[kind](text)
        place = _range(at) if at else ""
    except ValueError as fault:
        raise UsageError(f"{kind.value} {value!r} cannot be read", remedy=_REMEDIES[kind]) from fault
    return Setting("", kind, told, wanted.reason.strip(), wanted.by.strip(), at=place)


def _table(value: str, wanted: Wished) -> Setting:
    """Read a table of autonomous systems, to know its hash and its day."""
    path = Path(value)
    table = read_table(path)
    name = "".join(one for one in table.file if one.isprintable())[:VALUE_MAX]
    made = Setting("", SettingKind.ASN, name, wanted.reason.strip(), wanted.by.strip())
    return replace(made, sha256=table.sha256, dated=f"{table.dated} ({table.by})", path=str(path.resolve()))


def _range(text: str) -> str:
    found = ipaddress.ip_network(text.strip(), strict=False)
    if found.prefixlen == 0:
        raise ValueError(text)
    return str(found.network_address if found.num_addresses == 1 else found)


def _name(text: str) -> str:
    if any(one.isspace() or not one.isprintable() for one in text):
        raise ValueError(text)
    return text.lower()


def _zone(text: str) -> str:
    if not known_zone(text):
        raise ValueError(text)
    return text


def _leads(text: str) -> str:
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if not 1 <= number <= LEADS_PER_WEEK_MAX:
        raise ValueError(text)
    return str(number)


def _clock(text: str) -> str:
    word = ClockWord.parse(text)
    if abs(word.ahead_s or 0) > DAY_S and _DAYS.search(text) is None:
        # a digit too many would move a server's acts by months: who means days says days
        raise ValueError(text)
    return str(word)


def _same_place(one: Setting, other: Setting) -> bool:
    """Say whether only one of two settings can be in force: of a kind of which there is one, or of one host's clock."""
    if one.kind is not other.kind:
        return False
    if one.kind is SettingKind.CLOCK:
        return ClockWord.parse(one.value).host.lower() == ClockWord.parse(other.value).host.lower()
    return one.kind in ONE_ONLY


def _holiday(text: str) -> str:
    if text[:1].isdecimal():
        return date.fromisoformat(text).isoformat()
    country, slash, part = text.partition("/")
    found = f"{country.upper()}{slash}{part}"
    year = datetime(2021, 1, 1, tzinfo=UTC).year  # any year will do: whether the library knows the country is asked
    dates_of(found, year, year)
    return found


_FORMS: Mapping[SettingKind, Callable[[str], str]] = {
    SettingKind.NETWORK: _range,
    SettingKind.SERVICE: _name,
    SettingKind.HOURS: hours_text,
    SettingKind.HOLIDAYS: _holiday,
    SettingKind.VIP: _name,
    SettingKind.ZONE: _zone,
    SettingKind.LEADS: _leads,
    SettingKind.CLOCK: _clock,
    SettingKind.NO_CLIENTS: _name,
}
_REMEDIES: Mapping[SettingKind, str] = {
    SettingKind.NETWORK: "Write a network or an address: 192.0.2.0/24, 2001:db8::/48, 203.0.113.7",
    SettingKind.SERVICE: "Write an account as the lists have it, or the id of an application, and its address with --at: "
    "svc-archive@gov.example",
    SettingKind.HOURS: "Write days and whole hours: Mon-Fri 08-18",
    SettingKind.HOLIDAYS: "Write a country (BE), a part of one (DE/BY), or a day (2021-05-14)",
    SettingKind.VIP: "Write a mailbox as the lists have it: minister@gov.example",
    SettingKind.ZONE: "Write a zone's IANA name: Europe/Brussels",
    SettingKind.LEADS: f"Write a whole number of leads, 1 to {LEADS_PER_WEEK_MAX:,}",
    SettingKind.CLOCK: "Write a host and its clock: EX01=right, EX02=as-written, EX02=+3600 (seconds ahead); "
    "what is more than a day in days: EX02=+90d, EX02=-1d30",
    SettingKind.NO_CLIENTS: "Write a server as the last question names it: EX-MBX1",
    SettingKind.ASN: "Name a table: ip2asn-combined.tsv.gz or GeoLite2-ASN.mmdb",
}


def wished_in(path: Path, reason: str, by: str) -> Wished:
    """Read settings from a TOML file.

    Args:
        path: the file.
        reason: why.
        by: who says so.

    Raises:
        UsageError: it is not there, too large, no TOML, or holds something else than settings.
    """
    place = Place(path)
    if not path.is_file():
        raise UsageError("there is no such file", place=place, remedy="Name a TOML file")
    try:
        with path.open("rb") as handle:
            body = handle.read(FILE_MAX + 1)
    except OSError as fault:
        raise UsageError(
            f"the file cannot be read: {fault.strerror}", place=place, remedy="Name a TOML file"
        ) from fault
    if len(body) > FILE_MAX:
        raise UsageError(f"the file is larger than {FILE_MAX:,} bytes", place=place, remedy="Give it in parts")
    try:
        found = tomllib.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as fault:
        raise UsageError(
            f"the file is no TOML: {fault}", place=place, remedy="Look at what the message names"
        ) from fault
    strange = sorted(set(found) - set(KEYS))
    if strange:
        raise UsageError(f"{strange[0]!r} is no setting", place=place, remedy=f"A file may hold {', '.join(KEYS)}")
    values = [one for key, kind in KEYS.items() if key in found for one in _values(kind, key, found[key], place)]
    return Wished(tuple(values), reason, by, skip=True)


def _values(kind: SettingKind, key: str, found: object, place: Place) -> list[tuple[SettingKind, str, str]]:
    if kind in ONE_ONLY:
        found = [found]
    out: list[tuple[SettingKind, str, str]] = []
    for one in found if isinstance(found, list) else [None]:
        if isinstance(one, date) and not isinstance(one, datetime) and kind is SettingKind.HOLIDAYS:
            out.append((kind, one.isoformat(), ""))
        elif isinstance(one, int) and not isinstance(one, bool) and kind is SettingKind.LEADS:
            out.append((kind, str(one), ""))
        elif isinstance(one, str):
            out.append((kind, one, ""))
        elif kind is SettingKind.SERVICE and isinstance(one, dict) and isinstance(one.get("account"), str):
            places = one.get("at", [""])
            if set(one) - {"account", "at"} or not isinstance(places, list) or not places:
                raise _unreadable(key, place)
            if not all(isinstance(each, str) for each in places):
                raise _unreadable(key, place)
            out += [(kind, one["account"], each) for each in places]
        else:
            raise _unreadable(key, place)
    return out


def _unreadable(key: str, place: Place) -> UsageError:
    return UsageError(f"{key} cannot be read", place=place, remedy=f"Write {_WRITTEN[key]}")


def save(root: Path, found: SettingsPreview) -> None:
    """Put what was previewed into the custody log: the answers rest on it from now on.

    Args:
        root: the case folder.
        found: what settings, or taking some back, change.

    Raises:
        CaseError: the folder is no case, of another version, or locked.
        UsageError: what is set has changed since.
    """
    case = Case.open(root)
    with case.writing():
        held = {one.id for one in set_in(case)}
        following = f"S{len(settings_of(case.acts())) + 1}"
        if any(one.id not in held for one in found.gone) or (found.made and found.made[0].id != following):
            raise UsageError("something else was set meanwhile", remedy="Say it again, and look at the effect anew")
        why = (
            f"{', '.join(one.id for one in found.made)} takes its place: {found.reason}" if found.made else found.reason
        )
        for one in found.made:
            _keep_table(case, one)
        record_settings(case, found.made, [(one.id, found.by, why) for one in found.gone])


def _keep_table(case: Case, one: Setting) -> None:
    """Copy a table into the case, under its hash, so that the case can be moved.

    Raises:
        CustodyError: it was changed since it was read.
        UsageError: it cannot be copied.
    """
    if not one.path:
        return
    place = folder(case.root) / one.sha256
    try:
        with written_whole(place) as unfinished:
            shutil.copyfile(one.path, unfinished)
            with unfinished.open("rb") as handle:
                digest = hashlib.file_digest(handle, "sha256").hexdigest()
            if digest != one.sha256:
                raise CustodyError(
                    "the table was changed while it was read", place=Place(one.path), remedy="Say it again"
                )
    except OSError as fault:
        what = f"the table cannot be copied: {fault}"
        raise UsageError(what, place=Place(place), remedy="Make room, and say it again") from fault


def set_table(root: Path, path: Path, by: str) -> Setting | None:
    """Set a table of autonomous systems without showing its effect first: it takes nothing away and ranks nothing.

    Args:
        root: the case folder.
        path: the file.
        by: who says so.

    Returns:
        The setting; None where the same table is set already.

    Raises:
        CaseError: the folder is no case, of another version, or locked.
        UsageError: it is no table.
    """
    return _set_at_once(root, Wished(((SettingKind.ASN, str(path), ""),), "given with --asn", by, skip=True))


def set_leads(root: Path, per_week: int, by: str) -> Setting | None:
    """Set how many leads can be looked at in a week without showing its effect first: it makes a list longer or shorter.

    Args:
        root: the case folder.
        per_week: how many.
        by: who says so.

    Returns:
        The setting; None where the same number is set already.

    Raises:
        CaseError: the folder is no case, of another version, or locked.
        UsageError: it is no such number.
    """
    wanted = ((SettingKind.LEADS, str(per_week), ""),)
    return _set_at_once(root, Wished(wanted, "given with --leads-per-week", by, skip=True))


def _set_at_once(root: Path, wanted: Wished) -> Setting | None:
    case = Case.open(root)
    made, gone, _ = _made(case, wanted, set_in(case))
    if not made:
        return None
    nothing = Changed((), (), (), 0, 0, 0, 0, 0)
    save(root, SettingsPreview(made, gone, 0, wanted.reason, wanted.by, (), nothing))
    return made[0]
