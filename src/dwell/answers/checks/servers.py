"""Checks of what runs inside the mail servers' services: IIS modules, virtual directories, machine keys, agents."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dwell.answers.checks.scene import Current, Finding, Pile, Scene, series, told, undated, weigh
from dwell.answers.phrases import listed
from dwell.hunt.checks.stock import is_exchange_path, is_stock_folder, is_stock_image, is_stock_type, plain_path
from dwell.model.claims import CheckStatus
from dwell.model.provenance import RecordRef
from dwell.scope.log_settings import in_force
from dwell.scope.snapshots import Row, Snapshot

__all__ = ["iis_modules", "machine_keys", "transport_agents", "virtual_directories"]

_STOCK_AGENTS = frozenset(
    {
        "transport rule agent", "dlp policy agent", "retention policy agent", "supervisory review agent", "malware agent",
        "text messaging routing agent", "text messaging delivery agent", "system probe drop smtp agent",
        "system probe drop routing agent", "content filter agent", "sender id agent", "sender filter agent",
        "recipient filter agent", "protocol analysis agent", "connection filtering agent", "attachment filtering agent",
        "address rewriting inbound agent", "address rewriting outbound agent", "edge rule agent",
    }
)  # fmt: skip
"""Transport agents that Exchange brings, as `Get-TransportAgent` names them."""


@dataclass(frozen=True, slots=True)
class _PerServer:
    """The files of one sort, by server.

    Attributes:
        after: those dated after the last act that have to be looked at, the latest first.
        before: the latest from before the first act.
        held: all there are.
    """

    after: Mapping[str, list[Current]]
    before: Mapping[str, Snapshot]
    held: list[Snapshot]

    @property
    def looked(self) -> tuple[str, ...]:
        """Name what was looked at."""
        return told(one.dated for files in self.after.values() for one in files)


def _per_server(scene: Scene, table: str, kind: str, wanted: Callable[[Snapshot], bool]) -> _PerServer:
    held = [one for one in scene.case.snapshots.of(table, kind) if wanted(one)]
    before = {one.host: one for one in scene.before(table, kind) if wanted(one)}
    return _PerServer(scene.current_by_server(table, kind, wanted), before, held)


class _Thing(NamedTuple):
    """What a row of a server's state is about.

    Attributes:
        key: what it is known again by; None where nothing can be.
        told: it in words.
        stock: whether it belongs there anyhow.
        watched: whether what belongs there is left to whoever knows it where it was not there before.
    """

    key: object
    told: str
    stock: bool
    watched: bool = False


def _new(
    scene: Scene, states: _PerServer, columns: Sequence[str], thing: Callable[[Row], _Thing | None], kind: str = ""
) -> Pile:
    """Give what is no stock and was not there before, and what is no stock of servers without a file from before."""
    pile = Pile()
    for host, files in sorted(states.after.items()):
        known = None
        if host in states.before:
            rows = scene.case.snapshots.read(states.before[host], columns, kind)
            known = {one.key for row, _ in rows if (one := thing(row)) is not None}
        for file in files:
            for row, ref in scene.case.snapshots.read(file.file, columns, kind):
                one = thing(row)
                fits = one is None or (one.stock and not (one.watched and known is not None))
                if one is None or fits or (known is not None and one.key is not None and one.key in known):
                    continue
                text = f"{one.told} on {host or 'an unnamed server'}"
                pile.add(text, ref, bad=known is not None and not one.stock, later=file.later)
    return pile


def _compared(
    scene: Scene, columns: Sequence[str], thing: Callable[[Row], _Thing | None], fine: str, mark: str
) -> list[Finding]:
    """Hold what a server's configuration has against what it had before the first act, or against what belongs there."""
    with_mark = {
        one.evidence_id
        for one in scene.case.snapshots.of("configuration")
        if any(mark in (row["section"] or "") for row, _ in scene.case.snapshots.read(one, ("section",)))
    }
    states = _per_server(scene, "configuration", "", lambda one: one.evidence_id in with_mark and in_force(one.path))
    if not states.after:
        return [undated(states.held, scene.last)]
    pile = _new(scene, states, columns, thing)
    return [weigh(scene.servers(states.after), states.looked, pile, fine=fine)]


def _module_shown(row: Row) -> str | None:
    section = (row["section"] or "").rpartition("/")[2]
    if section == "globalModules" and row["element"] == "add":
        return f"module {row['name']} ({row['image']})"
    if section == "isapiFilters" and row["element"] == "filter":
        return f"filter {row['name']} ({row['path']})"
    if section == "modules" and row["element"] == "add" and row["type"]:
        return f"module {row['name']} (type {row['type']})"
    return None


def _module(row: Row) -> _Thing | None:
    text = _module_shown(row)
    return None if text is None else _Thing(text, text, _stock_module(text))


def _stock_module(text: str) -> bool:
    """Say whether a module is one that IIS, .NET or Exchange brings, by file and folder, or by type."""
    inner = text.partition(" (")[2].removesuffix(")").lower()
    if inner.startswith("type "):
        return is_stock_type(inner.removeprefix("type "))
    return is_stock_image(inner)


def iis_modules(scene: Scene) -> list[Finding]:
    """Look for modules and filters that were not there before the first act, or that neither IIS nor Exchange brings."""
    columns = ("section", "element", "name", "image", "path", "type")
    fine = "every module and filter is one that IIS or Exchange brings, by name and folder, or was there before"
    return _compared(scene, columns, _module, f"{fine} (what the files hold is not looked at)", "globalModules")


def _folder(row: Row) -> _Thing | None:
    path = row["physicalPath"]
    if row["element"] != "virtualDirectory" or not path:
        return None
    key = ((row["path"] or "").lower(), plain_path(path))
    return _Thing(key, f"{row['path']} in {path}", is_stock_folder(path), watched=True)


def virtual_directories(scene: Scene) -> list[Finding]:
    """Look for virtual directories outside the folders of pages of IIS and Exchange, and for those that were not there."""
    fine = "every virtual directory lies in a folder in which IIS, Windows or Exchange keep pages, or was there before"
    return _compared(scene, ("section", "element", "path", "physicalPath"), _folder, fine, "sites/site")


_KEYS = ("validationKey", "decryptionKey")
_Keys = dict[str, RecordRef]


def _keys(scene: Scene, one: Snapshot) -> _Keys:
    """Give the machine keys of a configuration, of both sorts; those that a server makes for itself are none."""
    out: _Keys = {}
    for row, ref in scene.case.snapshots.read(one, ("element", *_KEYS)):
        for name in _KEYS if row["element"] == "machineKey" else ():
            key = row[name] or ""
            if key and not key.lower().startswith("autogenerate"):
                out.setdefault(key, ref)
    return out


def _place(one: Snapshot) -> tuple[str, ...]:
    """Give where in a server's folders a configuration lay: its path without dates and the server's name."""
    parts = tuple(part for part in series(one.path).split("/") if part)
    return parts[next((at + 1 for at, part in enumerate(parts) if part == one.host.lower()), 0) :]


def _uncovered(before: Collection[tuple[str, ...]], after: Collection[tuple[str, ...]]) -> list[str]:
    """Give the places of before that none of after is: of two that are one, the shorter is the end of the longer."""
    left, missing = list(after), []
    for one in sorted(before, key=lambda place: (-len(place), place)):
        fits = [other for other in left if other[-len(one) :] == one[-len(other) :]]
        if fits:
            left.remove(max(fits, key=len))
        else:
            missing.append("/".join(one))
    return sorted(missing)


def machine_keys(scene: Scene) -> list[Finding]:
    """Hold the machine keys after the last act against those before it: a key that stayed can still be used."""
    keys = {one: found for one in scene.case.snapshots.of("configuration") if (found := _keys(scene, one))}
    after = scene.current_by_server("configuration", "", lambda one: one in keys and in_force(one.path))
    if not after:
        return [undated(list(keys), scene.last)]
    old = [one for one in keys if not one.after(scene.last) and one.before(scene.last)]
    # a key that was known is known on every server
    known = {key for one in old for key in keys[one]}
    pile = Pile()
    lacking: list[str] = []
    for host, files in sorted(after.items()):
        for file in files:
            for key, ref in sorted(keys[file.file].items()):
                if key in known:
                    where = f"on {host or 'an unnamed server'}"
                    text = f"{key.removeprefix('sha256:')[:16]} {where} was there before the last act"
                    pile.add(text, ref, bad=True, later=file.later)
        mine = {_place(one) for one in old if one.host == host}
        missing = _uncovered(mine, {_place(file.file) for file in files})
        lacking += [f"{host or 'an unnamed server'}: {one}" for one in missing]
    used = told(one.dated for files in after.values() for one in files)
    both = {one.host for one in old} & set(after)
    if not both and not pile.bad:
        why = "keys from after the last act are held, none from before it: whether they were renewed cannot be seen"
        return [Finding(CheckStatus.UNKNOWN, why, (), None, scene.servers(()), used)]
    fine = "the keys differ from those before the last act"
    caveat = f"of {listed(lacking)} a key from before the act is held, and none from after it" if lacking else ""
    return [weigh(scene.servers(both), used, pile, fine=fine, caveat=caveat)]


def _agent(row: Row) -> _Thing:
    name, factory = row["Identity"] or row["Name"] or "", row["TransportAgentFactory"] or ""
    library = row["AssemblyPath"] or ""
    stock = name.lower() in _STOCK_AGENTS and factory.startswith("Microsoft.Exchange.") and is_exchange_path(library)
    key = (name, factory, library) if name else None
    return _Thing(key, f"{name} ({library or f'{factory}, in a library that the export does not name'})", stock)


def transport_agents(scene: Scene) -> list[Finding]:
    """Look for transport agents that Exchange does not bring, or that were not there before the first act."""
    kind, columns = "transport-agent", ("Identity", "Name", "TransportAgentFactory", "AssemblyPath")
    states = _per_server(scene, "exports", kind, lambda _: True)
    if not states.after:
        return [undated(states.held, scene.last)]
    pile = _new(scene, states, columns, _agent, kind)
    fine = "every agent is one that Exchange brings, by name, class and folder, or was there before"
    return [weigh(scene.servers(states.after), states.looked, pile, fine=fine)]
