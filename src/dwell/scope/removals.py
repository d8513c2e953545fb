"""Which act took away again what another had made: a rule, a right, a role, an agent, a virtual directory.

A removal is held to be of a thing only where it names it: the same kind, the same name, the same holder, and no smaller
rights. What removes a rule by its number is not joined to a rule that was made by its name. A removal before the last
act that made the thing removes nothing, and neither does one that failed, that only asked what it would do, or that was
run in the tenant where the thing is on premises. What was given another name is from then on removed by that one alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from dwell.archive.store import Archive
from dwell.scope.cmdlets import Cmdlet, Label, apart, person, read_cmdlets, short

__all__ = ["REMOVERS", "RENAMERS", "SETTERS", "TABLES", "Removals", "denies", "is_remover", "removals_of"]

_VDIRS = ("oab", "ecp", "owa", "webservices", "activesync", "mapi", "powershell", "autodiscover")
_RULES = ("new-inboxrule", "set-inboxrule", "enable-inboxrule")
_FLOW = ("new-transportrule", "set-transportrule", "enable-transportrule")
_JOURNAL = ("new-journalrule", "set-journalrule", "enable-journalrule")
_DENIED = "denied:"
_NUMBERED = re.compile(r"\d+|\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?")
"""What stands for a thing in place of its name, in lower case."""
_AGENTS = ("install-transportagent", "set-transportagent", "enable-transportagent")
REMOVERS: Mapping[str, tuple[str, ...]] = {
    "remove-inboxrule": _RULES,
    "disable-inboxrule": _RULES,
    "remove-transportrule": _FLOW,
    "disable-transportrule": _FLOW,
    "remove-journalrule": _JOURNAL,
    "disable-journalrule": _JOURNAL,
    "remove-mailboxpermission": ("add-mailboxpermission",),
    "remove-recipientpermission": ("add-recipientpermission",),
    "remove-adpermission": ("add-adpermission",),
    "remove-mailboxfolderpermission": ("add-mailboxfolderpermission", "set-mailboxfolderpermission"),
    "removefolderpermissions": ("addfolderpermissions", "modifyfolderpermissions", "updatefolderpermissions"),
    "remove-managementroleassignment": ("new-managementroleassignment", "set-managementroleassignment"),
    "remove-rolegroupmember": ("add-rolegroupmember",),
    "remove-rolegroup": ("new-rolegroup",),
    "uninstall-transportagent": _AGENTS,
    "disable-transportagent": _AGENTS,
    "remove member from role": ("add member to role",),
    **{f"remove-{one}virtualdirectory": (f"set-{one}virtualdirectory", f"new-{one}virtualdirectory") for one in _VDIRS},
}
"""What takes away, and what it takes away: names of cmdlets and operations, in lower case and without their full stop."""

RESTORERS = frozenset({"enable-inboxrule", "enable-transportrule", "enable-journalrule", "enable-transportagent"})
"""What brings back what was switched off, in lower case."""
RENAMERS = frozenset({"set-inboxrule", "set-journalrule", "set-rolegroup", "set-transportrule"})
"""What gives a thing another name, in lower case, where it is told one."""
TABLES = ("admin_audit", "evtx", "rps_cmdlet", "ual")
"""Logs that tell of cmdlets with the instant at which they were run."""
SETTERS = frozenset(
    {
        "set-adminauditlogconfig",
        "set-inboxrule",
        "set-journalrule",
        "set-mailbox",
        "set-mailboxauditbypassassociation",
        "set-organizationconfig",
        "set-transportrule",
    }
)
"""Cmdlets that undo what they set themselves, in lower case: with an empty address, or with auditing on again."""
_NAMES_MAX = 8
"""So many names of one thing are followed."""


@dataclass(frozen=True, slots=True)
class _Thing:
    """What an act is about.

    Attributes:
        name: its own name; "" where the act names none, or only a number.
        holder: in whose mailbox, or on which; "" where it is the organisation's.
        who: who was given it; "" where nobody is.
        rights: which rights; empty where none are named.
        path: the holder as the act writes it.
    """

    name: str
    holder: str
    who: str
    rights: frozenset[str]
    path: str = ""


def _operation(one: Cmdlet) -> str:
    return one.name.strip().rstrip(".").lower()


def _inbox_rule(one: Cmdlet, told: Mapping[str, str], label: Label) -> _Thing:
    path = one.target or told.get("Identity", "")
    holder, parted, last = path.rpartition("\\")
    name = told.get("Name") or (last if parted else path)
    # without a mailbox named, it is that of whoever ran it
    owner = told.get("Mailbox") or holder or (one.caller or "")
    return _Thing(
        "" if re.fullmatch(r"\d+", name) else name.strip().lower(), person(owner, label), "", frozenset(), owner
    )


def _organisation(one: Cmdlet, told: Mapping[str, str], label: Label) -> _Thing:
    del label
    return _Thing(short(told.get("Name") or told.get("Identity") or one.target), "", "", frozenset())


def _of_server(one: Cmdlet, told: Mapping[str, str], label: Label) -> _Thing:
    """Read what is about a thing of one server: where it names none, it is that whose log tells of it."""
    del label
    server, _, name = short(told.get("Name") or told.get("Identity") or one.target).rpartition("\\")
    return _Thing(name, server or (one.host or "").lower(), "", frozenset())


def _right(one: Cmdlet, told: Mapping[str, str], label: Label) -> _Thing:
    who = told.get("User") or told.get("Trustee") or told.get("MemberUpn") or ""
    rights = f"{told.get('AccessRights', '')},{told.get('ExtendedRights', '')}"
    named = frozenset(word.lower() for word in re.split(r"[^A-Za-z]+", rights) if word)
    holder, parted, folder = (told.get("Identity") or one.target).rpartition(":\\")
    place = folder if parted else told.get("Path", "")
    owner = holder if parted else one.target or told.get("Identity", "")
    # an entry that denies is another one than that which allows: to take it away gives, and takes nothing
    place = f"{_DENIED} {place}" if denies(one) else place
    return _Thing(place.lower(), person(owner, label), person(who, label), named, owner)


def denies(one: Cmdlet) -> bool:
    """Say whether an act is about an entry that denies a right to a mailbox, and gives or takes none."""
    told = {name.lower(): value.strip().lower() for name, value in one.parameters}
    return _operation(one).endswith("-mailboxpermission") and told.get("deny", "false") not in {"false", "$false", "0"}


def _assignment(one: Cmdlet, told: Mapping[str, str], label: Label) -> _Thing:
    given = told.get("User") or told.get("SecurityGroup") or told.get("Policy") or ""
    # this is how Exchange names an assignment that was given no name
    named = told.get("Name") or (f"{told['Role']}-{short(given)}" if told.get("Role") else told.get("Identity", ""))
    del label
    return _Thing(short(named or one.target).rpartition("\\")[2], "", "", frozenset())


def _role(one: Cmdlet, told: Mapping[str, str], label: Label) -> _Thing:
    return _Thing(told.get("Role", "").lower(), "", person(one.target, label), frozenset())


def _group_member(one: Cmdlet, told: Mapping[str, str], label: Label) -> _Thing:
    """Read who is in a role group of Exchange."""
    return _Thing(short(told.get("Identity") or one.target), "", person(told.get("Member", ""), label), frozenset())


@dataclass(frozen=True, slots=True)
class _Rename:
    """An act that gave a thing another name.

    Attributes:
        at_utc: when; None where the record has no instant.
        of: the names that it may have had before; empty where the act names it by a number or an identifier.
        to: its name from then on.
        path: the holder as the act writes it.
    """

    at_utc: datetime | None
    of: frozenset[str]
    to: str
    path: str


def _kind(one: Cmdlet) -> str:
    return _operation(one).partition("-")[2]


def _renamed(one: Cmdlet, thing: _Thing) -> _Rename | None:
    """Read an act as one that gave a thing another name; None where it is none."""
    told = dict(one.parameters)
    if _operation(one) not in RENAMERS or not told.get("Name", "").strip():
        return None
    names = {short(text).rpartition("\\")[2] for text in (told.get("Identity", ""), one.target) if text.strip()}
    if thing.name in names and len(names) == 1:
        return None
    of = frozenset(name for name in names if not _NUMBERED.fullmatch(name)) - {thing.name}
    return _Rename(one.at_utc, of, thing.name, thing.path)


def _reader(operation: str) -> Callable[[Cmdlet, Mapping[str, str], Label], _Thing]:
    if "inboxrule" in operation:
        return _inbox_rule
    if "permission" in operation:
        return _right
    if "roleassignment" in operation:
        return _assignment
    if "virtualdirectory" in operation or "transportagent" in operation:
        return _of_server
    if "rolegroupmember" in operation:
        return _group_member
    return _role if "member" in operation else _organisation


def _thing(one: Cmdlet, label: Label) -> _Thing:
    return _reader(_operation(one))(one, dict(one.parameters), label)


def _before(one: datetime | None, other: datetime | None) -> bool:
    """Say whether one instant is shown to be before another."""
    return one is not None and other is not None and one < other


class Removals:
    """Acts that take away, found by what they take away.

    Args:
        removals: acts of `REMOVERS`, in order of time.
        label: gives the name that a user goes by.
    """

    def __init__(self, removals: Iterable[Cmdlet], label: Label) -> None:
        self._label = label
        self._held: dict[tuple[bool, str, str, str, str], list[tuple[Cmdlet, _Thing]]] = {}
        self._again: dict[tuple[bool, str, str, str, str], list[tuple[Cmdlet, _Thing]]] = {}
        self._renamed: dict[tuple[bool, str, str], list[_Rename]] = {}
        for one in removals:
            thing, operation = _thing(one, label), _operation(one)
            key = (one.online, operation, thing.name, thing.holder, thing.who)
            if (named := _renamed(one, thing)) is not None:
                self._renamed.setdefault((one.online, _kind(one), thing.holder), []).append(named)
            if operation in RESTORERS:
                self._again.setdefault(key, []).append((one, thing))
            for made in REMOVERS.get(operation, ()) if thing.name or thing.who else ():
                self._held.setdefault((one.online, made, *key[2:]), []).append((one, thing))

    def of(self, made: Cmdlet) -> Cmdlet | None:
        """Give the first act after a thing was made that took it away for good; None where none is known to have.

        What was switched off and on again is there. What was given another name is taken away by that one.

        Args:
            made: the act that made it, the last one of its kind.
        """
        there, since = _thing(made, self._label), made.at_utc
        for _ in range(_NAMES_MAX):
            away = self._next_name(made, there, since)
            gone = self._taken(made, there, since)
            if gone is not None and (away is None or _before(gone.at_utc, away.at_utc)):
                return gone
            if away is None or away.at_utc is None or not away.of:
                return None
            there, since = replace(there, name=away.to), away.at_utc
        return None

    def keeps_name(self, made: Cmdlet, until: Cmdlet) -> bool:
        """Say whether a thing has at an act the name that an earlier act gives it, as far as is known."""
        away = self._next_name(made, _thing(made, self._label), made.at_utc)
        return away is None or _before(until.at_utc, away.at_utc)

    def _next_name(self, made: Cmdlet, there: _Thing, since: datetime | None) -> _Rename | None:
        """Give the first act since an instant that may have given a thing another name."""
        for one in self._renamed.get((made.online, _kind(made), there.holder), ()):
            if one.to == there.name or (one.of and there.name not in one.of) or apart(there.path, one.path):
                continue
            if since is None or one.at_utc is None or one.at_utc >= since:
                return one
        return None

    def _taken(self, made: Cmdlet, there: _Thing, since: datetime | None) -> Cmdlet | None:
        """Give the first act since an instant that took a thing of this name away for good."""
        key = (made.online, _operation(made), there.name, there.holder, there.who)
        for one, gone in self._held.get(key, ()):
            if since is None or one.at_utc is None or one.at_utc < since or apart(there.path, gone.path):
                continue
            if (not gone.rights or there.rights <= gone.rights) and not self._is_back(one, gone):
                return one
        return None

    def _is_back(self, off: Cmdlet, thing: _Thing) -> bool:
        """Say whether what an act switched off was switched on again, or may have been: by its number, at no known time."""
        verb, _, noun = _operation(off).partition("-")
        if verb != "disable":
            return False
        keys = [(off.online, f"enable-{noun}", name, thing.holder, thing.who) for name in (thing.name, "")]
        return any(
            one.at_utc is None or off.at_utc is None or one.at_utc >= off.at_utc
            for key in keys
            for one, again in self._again.get(key, ())
            if not apart(thing.path, again.path)
        )


def removals_of(archive: Archive) -> tuple[Cmdlet, ...]:
    """Give every act that took a thing away, set it to what undoes it, named it anew or brought it back, by time.

    None of them failed.

    Raises:
        CustodyError: a data file is not what was written.
    """
    found: list[Cmdlet] = []
    for table in TABLES:
        for file in archive.files(table):
            acts = read_cmdlets(file, named=lambda name: _asked(name) or name.strip().lower() in SETTERS | RENAMERS)
            found += [one for one in acts if not one.failed and (_asked(one.name) or one.undoing or _names(one))]
    return tuple(sorted(found, key=lambda one: ("" if one.at_utc is None else one.at_utc.isoformat(), one.ground)))


def _names(one: Cmdlet) -> bool:
    return _operation(one) in RENAMERS and any(name == "Name" and value.strip() for name, value in one.parameters)


def _asked(name: str) -> bool:
    return is_remover(name) or name.strip().rstrip(".").lower() in RESTORERS


def is_remover(name: str) -> bool:
    """Say whether a cmdlet or an operation takes something away."""
    return name.strip().rstrip(".").lower() in REMOVERS
