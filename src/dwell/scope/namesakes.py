"""Hosts of one short name: two servers called EX01, of two organisations in one folder, are not taken for one in silence.

Logs of a host that lie in more than one place (the folders above the folder of its name) are of two hosts where the
accounts in them are of different domains, the computers of their events are, or the file that a server writes once, for one
day or hour, lies in both with different contents. Otherwise they may be of one host, collected twice, and that is told.
Two servers that are taken for one cover each other's holes; one that is taken for two shows holes that are none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import read_lexicon, read_rows
from dwell.archive.store import Archive
from dwell.intake.hosts import short_host
from dwell.model.provenance import EvidenceId
from dwell.scope.cells import named_hours
from dwell.scope.lowering import Shortfall
from dwell.scope.rollup.run import Rolled
from dwell.scope.traces import Trace

__all__ = ["Namesakes", "bare", "namesakes_of", "tenants_of"]

_CONTAINER = re.compile(r"\.(?:zip|7z|tar|tgz|gz)$", re.IGNORECASE)
_SYSTEM = frozenset({"nt authority", "nt service", "iis apppool", "window manager", "font driver host", "builtin"})
SHARE = 0.5
"""Accounts of a second organisation may stand in the logs of one: so much of the lesser list must be in both to be one."""


@dataclass(frozen=True, slots=True)
class Namesakes:
    """Hosts of one name.

    Attributes:
        names: the name of its own of each file whose host is one of several.
        apart: host, why it is held to be several, and their names.
        unsure: host, and the places whose logs are taken for one host's though nothing shows that they are.
    """

    names: Mapping[str, str]
    apart: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    unsure: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def put(self, rolled: Rolled, shortfalls: Sequence[Shortfall]) -> tuple[Rolled, tuple[Shortfall, ...]]:
        """Put the names in place of those that are several hosts'."""
        if not self.names:
            return rolled, tuple(shortfalls)
        tables = {key: _named(table, self.names) for key, table in rolled.tables.items()}
        hours = {key: _named(table, self.names) for key, table in rolled.hours.items()}
        told = tuple(replace(one, host=self.names.get(one.evidence_id, one.host)) for one in shortfalls)
        return replace(rolled, tables=tables, hours=hours), told

    def traces(self, found: Iterable[Trace]) -> tuple[Trace, ...]:
        """Put the names into what our rules met; hits that lie in the logs of several hosts keep the name they share."""
        if not self.names:
            return tuple(found)
        out = []
        for one in found:
            names = {self.names.get(ref.evidence_id, one.host) for ref in one.grounds}
            out.append(replace(one, host=names.pop()) if len(names) == 1 else one)
        return tuple(out)


def bare(host: str) -> str:
    """Give the name that logs write of a host that is told apart by its place."""
    return host if host.startswith("(") else host.partition(" (")[0]


def _parts(path: str) -> list[str]:
    return [part for part in re.split(r"[/\\!]+", path) if part and part != "."]


def _place(path: str, host: str) -> tuple[str, str] | None:
    """Give the place above the folder of a host, and the path from there; None where no folder has its name."""
    parts = _parts(path)
    for at, part in enumerate(parts[:-1]):
        if short_host(_CONTAINER.sub("", part)) == host:
            return "/".join(parts[:at]), "/".join(parts[at:]).lower()
    return None


def namesakes_of(
    archive: Archive,
    rolled: Rolled,
    paths: Mapping[EvidenceId, Sequence[str]],
    outgrown: Mapping[EvidenceId, EvidenceId],
) -> Namesakes:
    """Find the hosts whose name is that of several.

    Args:
        archive: the case's archive.
        rolled: what the wide pass gave.
        paths: where each piece of evidence lay.
        outgrown: the longest copy that was read of each log, by its shorter copies: they are one log.

    Raises:
        CustodyError: a data file is not what was written.
    """
    held: dict[str, dict[str, dict[str, str]]] = {}
    loose: dict[str, dict[str, str]] = {}
    for host, evidence in sorted(_files(rolled)):
        for path in paths.get(EvidenceId(evidence), ()):
            found = _place(path, host)
            if found is not None:
                held.setdefault(host, {}).setdefault(found[0], {})[evidence] = found[1]
            else:
                loose.setdefault(host, {})[evidence] = path
    several = {host: places for host, places in held.items() if len(places) > 1}
    if not several:
        return Namesakes({})
    domains = _domains(
        archive, rolled, {one for places in several.values() for mine in places.values() for one in mine}
    )
    longest = {str(part): str(whole) for part, whole in outgrown.items()}
    names: dict[str, str] = {}
    apart: list[tuple[str, str, tuple[str, ...]]] = []
    unsure: list[tuple[str, tuple[str, ...]]] = []
    for host, places in sorted(several.items()):
        groups, why = _grouped(places, domains, longest)
        if len(groups) == 1:
            unsure.append((host, tuple(one or "(the folder given)" for one in sorted(places))))
            continue
        titles = [f"{host} ({', '.join(one or 'the folder given' for one in group)})" for group in groups]
        apart.append((host, why, tuple(titles)))
        for group, title in zip(groups, titles, strict=True):
            names |= {evidence: title for place in group for evidence in places[place]}
            # files that hold no record are in no list of records
            names |= {
                str(key): title
                for key, mine in paths.items()
                if str(key) not in names and any((found := _place(one, host)) and found[0] in group for one in mine)
            }
        # a log that lies beside, in the same outer folder as one of them only, is that one's
        for evidence, path in loose.get(host, {}).items():
            near = [title for group, title in zip(groups, titles, strict=True)
                    if any(place and _parts(path)[0] == _parts(place)[0] for place in group)]  # fmt: skip
            if len(near) == 1:
                names[evidence] = near[0]
    return Namesakes(names, tuple(apart), tuple(unsure))


def _files(rolled: Rolled) -> set[tuple[str, str]]:
    """Give the hosts, each with the files that hold records of it."""
    out: set[tuple[str, str]] = set()
    for table in rolled.hours.values():
        rows = table.select(["host", "evidence_id"]).group_by(["host", "evidence_id"]).aggregate([])
        out |= {(row["host"], row["evidence_id"]) for row in rows.to_pylist() if row["host"]}
    return out


Domains = Mapping[str, tuple[set[str], set[str]]]
"""By file: the domains of its accounts as Windows and as the mail writes them."""


def _domains(archive: Archive, rolled: Rolled, files: Collection[str]) -> Domains:
    out: dict[str, tuple[set[str], set[str]]] = {one: (set(), set()) for one in files}
    wanted = pa.array(sorted(files), pa.string())
    sessions = rolled.tables["sessions"].select(["evidence_id", "actor"])
    sessions = sessions.filter(pc.is_in(sessions["evidence_id"].cast(pa.string()), value_set=wanted))
    for row in sessions.unify_dictionaries().group_by(["evidence_id", "actor"]).aggregate([]).to_pylist():
        _take(out[row["evidence_id"]], row["actor"] or "")
    for file in archive.files("evtx"):
        lexicon = read_lexicon(file)
        named = lexicon.column("Computer")["value"].to_pylist() if "Computer" in lexicon.complete else [None]
        if not any(one is None or "." in one for one in named):
            continue
        rows = read_rows(file, ("evidence_id", "Computer"), dictionary=("evidence_id", "Computer"))
        rows = rows.filter(pc.is_in(rows["evidence_id"].cast(pa.string()), value_set=wanted))
        for row in rows.unify_dictionaries().group_by(["evidence_id", "Computer"]).aggregate([]).to_pylist():
            domain = (row["Computer"] or "").partition(".")[2].lower()
            if domain:
                out[row["evidence_id"]][1].add(domain)
    return out


def _take(into: tuple[set[str], set[str]], actor: str) -> None:
    domain, parted, _ = actor.partition("\\")
    if parted and domain.lower() not in _SYSTEM:
        into[0].add(domain.lower())
    elif "@" in actor:
        into[1].add(actor.rpartition("@")[2].lower())


def _grouped(
    places: Mapping[str, Mapping[str, str]], domains: Domains, longest: Mapping[str, str]
) -> tuple[list[list[str]], str]:
    """Put places together that are one host's; one group where nothing shows that there are several, with why."""
    names = sorted(places)
    reasons: dict[tuple[str, str], str] = {}
    alike: set[tuple[str, str]] = set()
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            why, same = _compared(places[one], places[other], domains, longest)
            if why:
                reasons[one, other] = why
            elif same:
                alike.add((one, other))
    if not reasons:
        return [names], ""
    groups: list[list[str]] = []
    for name in names:
        home = [each for each in groups if any((one, name) in alike for one in each)]
        fits = [each for each in home if not any((one, name) in reasons for one in each)]
        fits[0].append(name) if fits else groups.append([name])
    return groups, min(reasons.values())


def _compared(
    one: Mapping[str, str], other: Mapping[str, str], domains: Domains, longest: Mapping[str, str]
) -> tuple[str, bool]:
    """Say why the logs of two places are of two hosts, "" where nothing shows it, and whether they are of one."""
    shared = False
    for kind in (0, 1):
        first, second = (set().union(*(domains[each][kind] for each in mine)) for mine in (one, other))
        both = len(first & second)
        shared |= bool(both) and both >= SHARE * min(len(first), len(second))
        if first and second and not both:
            return f"accounts or computers in them are of {min(first)} and of {min(second)}", False
    by_tail = {tail: longest.get(evidence, evidence) for evidence, tail in one.items() if named_hours(tail)}
    for evidence, tail in sorted(other.items(), key=lambda each: each[1]):
        whole = by_tail.get(tail)
        if whole is not None and whole != longest.get(evidence, evidence):
            return f"{tail} lies in both, with different contents", False
    return "", shared or bool(set(one) & set(other))


def _named(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    if not {"host", "evidence_id"} <= set(table.column_names):
        return table
    files = table["evidence_id"].cast(pa.string()).combine_chunks().dictionary_encode()
    own = pa.array([names.get(one) for one in files.dictionary.to_pylist()], pa.string()).take(files.indices)
    filled = pc.coalesce(own, table["host"].cast(pa.string()))
    at = table.schema.get_field_index("host")
    return table.set_column(at, table.schema.field(at), filled.cast(table.schema.field(at).type))


def tenants_of(archive: Archive) -> tuple[str, ...]:
    """Give the organisations that audit records are of, by their ids.

    Raises:
        CustodyError: a data file is not what was written.
    """
    counted: dict[str, int] = {}
    for file in archive.files("ual"):
        lexicon = read_lexicon(file)
        if "OrganizationId" in lexicon.complete:
            rows = lexicon.column("OrganizationId").select(["value", "count"]).to_pylist()
        else:
            found = pc.value_counts(
                read_rows(file, ("OrganizationId",))["OrganizationId"].cast(pa.string())
            ).to_pylist()
            rows = [{"value": one["values"], "count": one["counts"]} for one in found]
        for row in rows:
            if row["value"]:
                counted[row["value"].lower()] = counted.get(row["value"].lower(), 0) + row["count"]
    return tuple(sorted(counted))
