"""Published rules put to real events twice: by the program, and by the slow reading of the specification.

What is shared is data: which records a log source means and what its fields are called there
(`dwell.hunt.sigma.logsources`). How values, lists, modifiers and conditions are read is not.
"""

from __future__ import annotations

import hashlib
import inspect
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from msgspec import json, structs
from tests.hunt import slow_sigma, slow_tables
from tests.hunt.slow_sigma import Event, audit_event, iis_event, matches, windows_event
from tests.hunt.slow_tables import table_event

from dwell.archive.datafile import DataFile
from dwell.archive.store import Archive
from dwell.hunt.ruleset import RuleSet, Where
from dwell.hunt.sigma import fieldnames, logsources
from dwell.hunt.sigma.fieldnames import ALIASES, NAMED_DATA
from dwell.hunt.sigma.logsources import where_of
from dwell.hunt.wide import Hunter

__all__ = ["TABLES", "Difference", "Judged", "documents_of", "explained", "judge"]

TABLES = (
    "iis", "evtx", "ual", "ncsa", "httpproxy", "haproxy", "squid", "zeek", "fortinet", "paloalto", "cef", "cisco",
    "netflow", "signins", "entra_audit", "google_workspace",
)  # fmt: skip
MEMORY_MAX = 2_000_000

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """A record that one of the two says a rule is met by, and the other does not.

    Attributes:
        rule_id: the rule.
        title: its title.
        table: where the record lies.
        evidence_id: its evidence.
        record_no: its number there.
        ours: whether the program says so.
    """

    rule_id: str
    title: str
    table: str
    evidence_id: str
    record_no: int
    ours: bool


@dataclass(slots=True)
class Judged:
    """What a judgement yields.

    Attributes:
        pairs: rules put to events, each pair counted once.
        events: events looked at.
        met: pairs on which both agree that the rule is met.
        rules: rules met by something.
        differences: pairs on which they do not agree.
        left: data files that were not reached in the time given.
    """

    pairs: int
    events: int
    met: int
    rules: int
    differences: list[Difference]
    left: int = 0


@dataclass(frozen=True, slots=True)
class Slow:
    """What the slow reading says of one data file.

    Attributes:
        pairs: rules put to events.
        events: events looked at.
        met: rule, evidence and number of every record that meets a rule.
    """

    pairs: int
    events: int
    met: list[tuple[str, str, int]]


def explained() -> dict[str, str]:
    """Give the rules whose differences are understood, with the reason."""
    return tomllib.loads((Path(__file__).parent / "explained.toml").read_text(encoding="utf-8"))


def documents_of(paths: Sequence[Path], wanted: frozenset[str]) -> list[dict[str, Any]]:
    """Read the rules that have certain ids."""
    files = [one for top in paths for one in ([top] if top.is_file() else sorted(top.rglob("*.yml")))]
    read = (one for path in files for one in yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
    return [one for one in read if isinstance(one, dict) and str(one.get("id")) in wanted]


def _fast(rules: RuleSet, file: DataFile) -> set[tuple[str, str, int]]:
    """Give rule, evidence and number of every record the program meets."""
    told = RuleSet(
        tuple(structs.replace(one, correlated=True) for one in rules.rules), rules.atoms, rules.leaves, rules.wheres
    )
    records = Hunter(told).find(file).records
    columns = (records[one].to_pylist() for one in ("rule_id", "evidence_id", "record_no"))
    return set(zip(*columns, strict=True))


def _by_kind(rules: Sequence[Rule], table: str) -> Iterator[tuple[Where, list[Rule]]]:
    """Give the kinds of record in a table with the rules that are about them."""
    out: list[tuple[Where, list[Rule]]] = []
    for rule in rules:
        source = rule["logsource"]
        for where in where_of(source.get("product"), source.get("category"), source.get("service")) or ():
            if where.table == table:
                mine = next((held for known, held in out if known == where), None)
                if mine is None:
                    out.append((where, mine := []))
                mine.append(rule)
    yield from out


def _rows(file: DataFile, where: Where) -> list[dict[str, Any]]:
    table: pa.Table = pq.read_table(file.path)
    for name, held in {"Channel": where.channels, **where.only}.items():
        if held:
            table = table.filter(pc.is_in(table[name].cast(pa.string()), value_set=pa.array(held)))
    if where.event_ids:
        table = table.filter(pc.is_in(table["EventID"], value_set=pa.array(where.event_ids, pa.int32())))
    if where.other_ids:
        table = table.filter(pc.invert(pc.is_in(table["EventID"], value_set=pa.array(where.other_ids, pa.int32()))))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _maker(table: str, where: Where) -> Callable[[Mapping[str, object]], Event]:
    names = {**ALIASES.get(table, {}), **where.fields}
    if table == "evtx":
        return lambda row: windows_event(row, names, NAMED_DATA)
    if table in {"iis", "ual"}:
        return iis_event if table == "iis" else lambda row: audit_event(row, names)
    return table_event(table, names)


def _rests_on(documents: Sequence[Rule]) -> bytes:
    """Give a hash over what the slow reading rests on, whatever the program does."""
    code = [inspect.getsource(one) for one in (slow_sigma, slow_tables, logsources, fieldnames)]
    here = [inspect.getsource(one) for one in (_by_kind, _rows, _maker)]
    return hashlib.sha256(json.encode([*code, *here, [str(one) for one in documents]])).digest()


def _slow(file: DataFile, kinds: Sequence[tuple[Where, list[Rule]]], memory: dict[tuple[object, ...], bool]) -> Slow:
    pairs = events = 0
    met: set[tuple[str, str, int]] = set()
    for where, mine in kinds:
        make = _maker(file.table, where)
        for row in _rows(file, where):
            event = replace(make(row), memory=memory)
            events += 1
            pairs += len(mine)
            met |= {(str(one["id"]), row["evidence_id"], row["record_no"]) for one in mine if matches(one, event)}
        if len(memory) > MEMORY_MAX:
            memory.clear()
    return Slow(pairs, events, sorted(met))


def _kept_slow(kept: Path, rests_on: bytes, file: DataFile) -> Path:
    return kept / (hashlib.sha256(rests_on + file.key.encode()).hexdigest() + ".json")


def judge(
    archive: Archive,
    rules: RuleSet,
    documents: Sequence[Rule],
    tell: Callable[[str], None] = print,
    kept: Path | None = None,
    goes_on: Callable[[], bool] = lambda: True,
) -> Judged:
    """Put rules to every event of an archive, fast and slowly.

    Args:
        archive: the events.
        rules: the rules as the program loaded them.
        documents: the same rules as they are written.
        tell: told how far it is.
        kept: a folder for what the slow reading said of each data file; it is read again where the file, the rules and the
            slow reading are the same. What the program says is never kept.
        goes_on: asked before each data file of which nothing is kept; where it says no, the file is left.
    """
    out = Judged(0, 0, 0, 0, [])
    titles = {str(one["id"]): str(one["title"]) for one in documents}
    hits: Counter[str] = Counter()
    memory: dict[tuple[object, ...], bool] = {}
    rests_on = _rests_on(documents) if kept else b""
    for table in TABLES:
        kinds = list(_by_kind(documents, table))
        for file in archive.files(table) if table in archive.tables() else ():
            place = _kept_slow(kept, rests_on, file) if kept else None
            if place and place.exists():
                slow = json.decode(place.read_bytes(), type=Slow)
            elif goes_on():
                slow = _slow(file, kinds, memory)
                if place:
                    place.write_bytes(json.encode(slow))
            else:
                out.left += 1
                continue
            fast = {one for one in _fast(rules, file) if one[0] in titles}
            met = set(slow.met)
            out.pairs, out.events = out.pairs + slow.pairs, out.events + slow.events
            hits.update(one[0] for one in fast & met)
            out.met += len(fast & met)
            out.differences += [
                Difference(one[0], titles[one[0]], table, one[1], one[2], one in fast) for one in sorted(fast ^ met)
            ]
            tell(f"{table} {file.path.name}: {out.pairs:,} pairs, {out.met:,} met, {len(out.differences):,} differ")
    out.rules = len(hits)
    return out
