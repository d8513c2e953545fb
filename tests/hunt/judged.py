"""Published rules put to real events twice: by the program, and by the slow reading of the specification.

Nothing is shared but the archive's tables, as the parsers wrote them: which records a log source means and what its
fields are called is looked up in tables of the slow reading's own (`slow_sources`), and values, lists, modifiers and
conditions are read by its own code (`slow_sigma`). So it is not judged whether a record was parsed into the right
columns, which the golden pairs of the sources hold, nor any table that `JUDGED` does not name.
"""

from __future__ import annotations

import hashlib
import inspect
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from msgspec import json, structs
from sigma.pipelines.common import windows_logsource_mapping
from tests.hunt import slow_sigma, slow_sources, slow_tables
from tests.hunt.slow_sigma import Meaning, meaning
from tests.hunt.slow_sources import JUDGED, Kind, kinds_of, source_key

from dwell.archive.datafile import DataFile
from dwell.archive.store import Archive
from dwell.hunt.ruleset import RuleSet
from dwell.hunt.wide import Hunter

__all__ = ["Difference", "Judged", "documents_of", "explained", "judge"]

ROWS = 20_000
"""So many rows of a data file are in memory at once as Python's objects."""

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


def _hunter(rules: RuleSet) -> Hunter:
    """Make the program ready, so that it tells every record that it meets."""
    told = tuple(structs.replace(one, correlated=True) for one in rules.rules)
    return Hunter(RuleSet(told, rules.atoms, rules.leaves, rules.wheres))


def _fast(hunter: Hunter, file: DataFile) -> set[tuple[str, str, int]]:
    """Give rule, evidence and number of every record the program meets."""
    records = hunter.find(file).records
    columns = (records[one].to_pylist() for one in ("rule_id", "evidence_id", "record_no"))
    return set(zip(*columns, strict=True))


def _kinds(documents: Sequence[Rule]) -> dict[str, list[tuple[Kind, list[tuple[str, Meaning]]]]]:
    """Give by table the kinds of record with the rules that are about them, each read once."""
    out: dict[str, list[tuple[Kind, list[tuple[str, Meaning]]]]] = {}
    sources: dict[tuple[str, str, str], Sequence[Kind]] = {}
    known: dict[int, list[tuple[str, Meaning]]] = {}
    for one in documents:
        source = one["logsource"]
        read = (str(one["id"]), meaning(one))
        for kind in sources.setdefault(source_key(source), kinds_of(source)):
            if id(kind) not in known:
                out.setdefault(kind.table, []).append((kind, known.setdefault(id(kind), [])))
            known[id(kind)].append(read)
    return out


def _rests_on(documents: Sequence[Rule]) -> bytes:
    """Give a hash over what the slow reading rests on, whatever the program does."""
    code = [inspect.getsource(one) for one in (slow_sigma, slow_tables, slow_sources, _kinds, _slow)]
    channels = json.encode(windows_logsource_mapping, order="sorted").decode()
    return hashlib.sha256(json.encode([*code, channels, *(str(one) for one in documents)])).digest()


def _slow(file: DataFile, kinds: Sequence[tuple[Kind, list[tuple[str, Meaning]]]]) -> Slow:
    pairs = events = 0
    met: set[tuple[str, str, int]] = set()
    table: pa.Table = pq.read_table(file.path)
    for part in table.to_batches(max_chunksize=ROWS):
        rows: list[dict[str, Any]] = part.to_pylist()
        for kind, mine in kinds:
            for row in rows:
                if not kind.is_one(row):
                    continue
                event = kind.make(row)
                events += 1
                pairs += len(mine)
                met |= {(name, row["evidence_id"], row["record_no"]) for name, says in mine if says(event)}
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
    rests_on = _rests_on(documents) if kept else b""
    asked, hunter = _kinds(documents), _hunter(rules)
    for table in JUDGED:
        kinds = asked.get(table, [])
        for file in archive.files(table) if table in archive.tables() else ():
            place = _kept_slow(kept, rests_on, file) if kept else None
            if place and place.exists():
                slow = json.decode(place.read_bytes(), type=Slow)
            elif goes_on():
                slow = _slow(file, kinds)
                if place:
                    place.write_bytes(json.encode(slow))
            else:
                out.left += 1
                continue
            fast = {one for one in _fast(hunter, file) if one[0] in titles}
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
