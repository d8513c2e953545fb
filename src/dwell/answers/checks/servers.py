"""Checks of what runs inside the mail servers' services: IIS modules, virtual directories, machine keys, agents, files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from dwell.answers.checks.scene import Finding, Item, Scene, told, undated, weigh
from dwell.hunt.checks.stock import COMPILED, is_stock_folder, is_stock_image, is_stock_type
from dwell.model.claims import CheckStatus, Extent
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.snapshots import Row, Snapshot
from dwell.scope.states import FileState

__all__ = ["files", "iis_modules", "machine_keys", "transport_agents", "virtual_directories"]

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
_SCRIPT = re.compile(r"\.(?:aspx|asp|ashx|asmx|svc|config|dll)$", re.IGNORECASE)
_WEB = ("\\inetpub\\wwwroot\\", "\\frontend\\httpproxy\\", "\\clientaccess\\")

Shown = Callable[[Row], str | None]


def _per_server(
    scene: Scene, table: str, kind: str, wanted: Callable[[Snapshot], bool]
) -> tuple[dict[str, tuple[Snapshot, str]], dict[str, Snapshot], list[Snapshot]]:
    """Give per server the latest file dated after the last act, the latest from before the first, and all there are."""
    held = [one for one in scene.case.snapshots.of(table, kind) if wanted(one)]
    after = {one.host: (one, why) for one, why in scene.after(table, kind) if wanted(one)}
    before = {one.host: one for one in scene.before(table, kind) if wanted(one)}
    return after, before, held


def _servers(scene: Scene, seen: Sequence[str]) -> Extent:
    hosts = scene.case.ledger.servers()
    return Extent(len(set(seen) & set(hosts)), len(hosts), "mail servers")


class _Thing(NamedTuple):
    """What a row of a server's state is about.

    Attributes:
        key: what it is known again by; None where nothing can be.
        told: it in words.
        stock: whether it belongs there anyhow.
    """

    key: object
    told: str
    stock: bool


def _new(
    scene: Scene,
    after: Mapping[str, tuple[Snapshot, str]],
    before: Mapping[str, Snapshot],
    columns: Sequence[str],
    thing: Callable[[Row], _Thing | None],
    kind: str = "",
) -> tuple[list[Item], list[Item]]:
    """Give what is no stock and was not there before, and what is no stock of servers without a file from before."""
    bad: list[Item] = []
    doubtful: list[Item] = []
    for host, (file, _) in sorted(after.items()):
        known = None
        if host in before:
            rows = scene.case.snapshots.read(before[host], columns, kind)
            known = {one.key for row, _ in rows if (one := thing(row)) is not None}
        for row, ref in scene.case.snapshots.read(file, columns, kind):
            one = thing(row)
            if one is None or one.stock:
                continue
            item = Item(f"{one.told} on {host or 'an unnamed server'}", ref)
            if known is None:
                doubtful.append(item)
            elif one.key is None or one.key not in known:
                bad.append(item)
    return bad, doubtful


def _compared(
    scene: Scene, columns: Sequence[str], shown: Shown, stock: Callable[[str], bool], fine: str, mark: str
) -> list[Finding]:
    """Hold what a server's configuration has against what it had before the first act, or against what belongs there."""

    def thing(row: Row) -> _Thing | None:
        text = shown(row)
        return None if text is None else _Thing(text, text, stock(text))

    with_mark = {
        one.evidence_id
        for one in scene.case.snapshots.of("configuration")
        if any(mark in (row["section"] or "") for row, _ in scene.case.snapshots.read(one, ("section",)))
    }
    after, before, held = _per_server(scene, "configuration", "", lambda one: one.evidence_id in with_mark)
    if not after:
        return [undated(held, scene.last)]
    bad, doubtful = _new(scene, after, before, columns, thing)
    return [weigh(_servers(scene, list(after)), told(list(after.values())), bad, doubtful, fine=fine)]


def _module(row: Row) -> str | None:
    section = (row["section"] or "").rpartition("/")[2]
    if section == "globalModules" and row["element"] == "add":
        return f"module {row['name']} ({row['image']})"
    if section == "isapiFilters" and row["element"] == "filter":
        return f"filter {row['name']} ({row['path']})"
    if section == "modules" and row["element"] == "add" and row["type"]:
        return f"module {row['name']} (type {row['type']})"
    return None


def _stock_module(text: str) -> bool:
    """Say whether a module is one that IIS, .NET or Exchange brings, by file and folder, or by type."""
    inner = text.partition(" (")[2].rstrip(")").lower()
    if inner.startswith("type "):
        return is_stock_type(inner.removeprefix("type "))
    return is_stock_image(inner)


def iis_modules(scene: Scene) -> list[Finding]:
    """Look for modules and filters that were not there before the first act, or that neither IIS nor Exchange brings."""
    columns = ("section", "element", "name", "image", "path", "type")
    fine = "every module and filter is one that IIS or Exchange brings, by name and folder, or was there before"
    return _compared(
        scene, columns, _module, _stock_module, f"{fine} (what the files hold is not looked at)", "globalModules"
    )


def _folder(row: Row) -> str | None:
    if row["element"] != "virtualDirectory" or not row["physicalPath"]:
        return None
    return f"{row['path']} in {row['physicalPath']}"


def _stock_folder(text: str) -> bool:
    return is_stock_folder(text.partition(" in ")[2])


def virtual_directories(scene: Scene) -> list[Finding]:
    """Look for virtual directories outside the folders of IIS and Exchange."""
    fine = "every virtual directory lies in a folder of IIS, Windows or Exchange, or was there before"
    return _compared(scene, ("section", "element", "path", "physicalPath"), _folder, _stock_folder, fine, "sites/site")


def machine_keys(scene: Scene) -> list[Finding]:
    """Hold the machine keys after the last act against those before it: a key that stayed can still be used."""
    columns = ("element", "validationKey")
    after: dict[str, dict[str, RecordRef]] = {}
    before: dict[str, set[str]] = {}
    used = []
    held = []
    for one in scene.case.snapshots.of("configuration"):
        rows = scene.case.snapshots.read(one, columns)
        keys = {
            row["validationKey"]: ref for row, ref in rows if row["element"] == "machineKey" and row["validationKey"]
        }
        keys = {key: ref for key, ref in keys.items() if not key.lower().startswith("autogenerate")}
        if not keys:
            continue
        held.append(one)
        if why := one.after(scene.last):
            after.setdefault(one.host, {}).update(keys)
            used.append((one, why))
        elif one.before(scene.last):
            before.setdefault(one.host, set()).update(keys)
    if not after:
        return [undated(held, scene.last)]
    bad = [
        Item(f"{key.removeprefix('sha256:')[:16]} on {host or 'an unnamed server'} was there before the last act", ref)
        for host, keys in sorted(after.items())
        for key, ref in sorted(keys.items())
        if key in before.get(host, set())
    ]
    both = [host for host in after if host in before]
    fine = "the keys differ from those before the last act"
    found = weigh(_servers(scene, both), told(used), bad, (), fine=fine)
    if not both and not bad:
        why = "keys from after the last act are held, none from before it: whether they were renewed cannot be seen"
        return [Finding(CheckStatus.UNKNOWN, why, (), None, _servers(scene, ()), told(used))]
    return [found]


def _agent(row: Row) -> _Thing:
    name, factory = row["Identity"] or row["Name"] or "", row["TransportAgentFactory"] or ""
    stock = name.lower() in _STOCK_AGENTS and factory.startswith("Microsoft.Exchange.")
    key = (name, row["AssemblyPath"]) if name else None
    return _Thing(key, f"{name} ({row['AssemblyPath'] or factory})", stock)


def transport_agents(scene: Scene) -> list[Finding]:
    """Look for transport agents that Exchange does not bring, or that were not there before the first act."""
    kind, columns = "transport-agent", ("Identity", "Name", "TransportAgentFactory", "AssemblyPath")
    after, before, held = _per_server(scene, "exports", kind, lambda _: True)
    if not after:
        return [undated(held, scene.last)]
    bad, doubtful = _new(scene, after, before, columns, _agent, kind)
    fine = "every agent is one that Exchange brings, by name, or was there before"
    return [weigh(_servers(scene, list(after)), told(list(after.values())), bad, doubtful, fine=fine)]


def _in_web(path: str) -> bool:
    lowered = path.lower()
    return bool(_SCRIPT.search(lowered)) and any(one in lowered for one in _WEB)


def _by_file(found: Sequence[FileState]) -> Mapping[EvidenceId, list[FileState]]:
    out: dict[EvidenceId, list[FileState]] = {}
    for one in found:
        out.setdefault(one.ground.evidence_id, []).append(one)
    return out


def files(scene: Scene) -> list[Finding]:
    """Hold the files of the web folders after the last act against those before the first."""
    after, before, held = _per_server(scene, "inventory", "", lambda _: True)
    if not after:
        return [undated(held, scene.last)]
    listed_files = _by_file(scene.case.files)
    doubtful: list[Item] = []
    for host, (file, _) in sorted(after.items()):
        now = listed_files.get(file.evidence_id, [])
        names = {one.path.lower().rpartition("\\")[2] for one in now}
        old = before.get(host)
        known = None if old is None else {one.path.lower(): one.sha256 for one in listed_files.get(old.evidence_id, [])}
        where = f"on {host or 'an unnamed server'}"
        for one in now:
            made = COMPILED.search(one.path)
            if made is not None and made[1].lower() not in names:
                text = f"{made[1]} {where} was compiled and its script is gone"
            elif not _in_web(one.path):
                continue
            elif known is None:
                if one.created_utc is None or one.created_utc < scene.first:
                    continue
                text = f"{one.path} {where}, made {one.created_utc:%Y-%m-%d}"
            elif one.path.lower() not in known:
                text = f"{one.path} {where} is new"
            elif one.sha256 != known[one.path.lower()]:
                text = f"{one.path} {where} has changed"
            else:
                continue
            doubtful.append(Item(text, one.ground))
    alone = sorted(set(after) - set(before))
    caveat = (
        "no list from before the first act is held, so what was put there with an old date is not seen" if alone else ""
    )
    fine = "nothing in the web folders is new or changed"
    extent = _servers(scene, list(after))
    return [weigh(extent, told(list(after.values())), (), doubtful, fine=fine, caveat=caveat)]
