"""Sets of rules and of indicators put to data files, and who holds what: what workers do in a hunt, and what is kept.

What a set comes to in a data file depends on that file and the set alone. It is kept in a bundle of the set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec
import pyarrow as pa

from dwell.archive.datafile import DataFile
from dwell.hunt.again import Before, merged
from dwell.hunt.bundles import HELD_BYTES, Bundle, Entry, Written, write_segment
from dwell.hunt.databases import keep_in
from dwell.hunt.gathered import find_all
from dwell.hunt.holders import ANY, Holder, holders, log_kinds
from dwell.hunt.indicators.held_addresses import held_addresses
from dwell.hunt.indicators.match import Finder
from dwell.hunt.packing import is_packed, unpacked
from dwell.hunt.records import NO_RECORDS
from dwell.hunt.ruleset import RuleSet, Where
from dwell.hunt.uncollected import uncollected
from dwell.hunt.wide import FileReport, Found, Hunter
from dwell.model.addresses import trusting

__all__ = [
    "HITS_AT",
    "RECORDS_AT",
    "Earlier",
    "Job",
    "Pass",
    "Seen",
    "do",
    "held_in",
    "holders_pass",
    "kept_name",
    "told_holders",
]

VERSION = 2
"""Raised whenever what is kept is kept in another way."""
HOLDERS_VERSION = 3
"""Raised whenever it is kept in another way who holds what."""
HITS_AT, RECORDS_AT = 0, 1
"""Places of the tables of an entry: hits, and the records that are told one by one."""


class Seen(msgspec.Struct):
    """What is kept beside the hits of one data file.

    Attributes:
        report: what was seen.
        kinds: kinds of indicators that could be looked for.
    """

    report: FileReport
    kinds: list[str]

    @classmethod
    def of(cls, entry_said: bytes) -> Seen:
        """Read what an entry of a set says."""
        return msgspec.msgpack.decode(entry_said, type=cls)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A set of rules that has much in common with the one at hand, as files that every worker reads once.

    Attributes:
        key: names the earlier set.
        path: how the two belong together.
        fresh: the rules that the earlier one has not.
    """

    key: str
    path: Path
    fresh: Path


@dataclass(frozen=True, slots=True)
class Pass:
    """What data files are asked: a set of `rules`, or of `indicators`, `holders` of kinds of record, or their `addresses`.

    Attributes:
        kind: which of the four.
        key: names the set.
        path: a file that holds the set, which every worker reads once.
        cache: folder where bundles are kept; None keeps nothing.
        trusted: the hops that forwarded addresses are believed of; what is met depends on them.
        earlier: a set of rules that is much like this one.
        wheres: the kinds of record, of holders.
        aside: a folder for the length of the run, for what is kept nowhere and is too much to be handed over.
    """

    kind: str
    key: str
    path: Path = Path()
    cache: Path | None = None
    trusted: tuple[str, ...] = ()
    earlier: Earlier | None = None
    wheres: tuple[Where, ...] = ()
    aside: Path | None = None

    @property
    def folder(self) -> Path | None:
        """Give the bundle in which it is kept what this came to; None where nothing is kept."""
        return self._folder(self.key)

    @property
    def earlier_folder(self) -> Path | None:
        """Give the bundle of the earlier set; None where there is none."""
        return self._folder(self.earlier.key) if self.earlier is not None else None

    def _folder(self, key: str) -> Path | None:
        if self.cache is None:
            return None
        told = ":".join((str(VERSION), self.kind, key, *self.trusted))
        return self.cache / f"{hashlib.sha256(told.encode()).hexdigest()[:32]}-{self.kind}"


@dataclass(frozen=True, slots=True)
class Job:
    """Data files of one table, and what they have not been asked yet; each is hunted as if it were alone.

    Attributes:
        table: the table.
        files: how many files it is about.
        asked: what is put to which of them.
        databases: folder of compiled patterns; None keeps none.
    """

    table: str
    files: int
    asked: tuple[tuple[Pass, tuple[DataFile, ...]], ...]
    databases: Path | None


def kept_name(file: DataFile) -> str:
    """Give the name under which it is kept what a data file came to."""
    return f"{file.table}:{file.key}"


def holders_pass(wheres: Sequence[Where], table: str, cache: Path | None) -> Pass:
    """Give what asks data files of a table which hosts hold which kinds of record, which logs, and any kind as the last."""
    asked = (*wheres, *log_kinds(wheres), Where(table, uniform=False))
    key = hashlib.sha256(msgspec.json.encode((HOLDERS_VERSION, table, asked), order="sorted")).hexdigest()
    return Pass("holders", key, cache=cache, wheres=asked)


def told_holders(said: bytes, numbers: Sequence[int]) -> dict[int, list[Holder]]:
    """Read what an entry of holders says: by the numbers of kinds of record, by those of logs, and `ANY`.

    The logs of `log_kinds` are numbered downwards from below `ANY`.
    """
    return _by_number(msgspec.msgpack.decode(said, type=list[list[Holder]]), numbers)


def held_in(file: DataFile, wheres: Sequence[Where]) -> dict[int, list[Holder]]:
    """Look who holds what in one data file, and give it as `told_holders` does.

    Args:
        file: the data file.
        wheres: the kinds of record that rules are about, of whatever table.

    Raises:
        CustodyError: the file is not what was written.
    """
    numbers = [at for at, one in enumerate(wheres) if one.table == file.table]
    asked = holders_pass([wheres[at] for at in numbers], file.table, None).wheres
    return _by_number(holders(file, asked), numbers)


def _by_number(told: Sequence[list[Holder]], numbers: Sequence[int]) -> dict[int, list[Holder]]:
    logs = (ANY - 1 - at for at in range(len(told) - len(numbers) - 1))
    return dict(zip((*numbers, *logs, ANY), told, strict=True))


@lru_cache(maxsize=4)
def _hunter(path: Path, key: str) -> Hunter:
    del key
    with uncollected():
        return Hunter(RuleSet.decoded(path.read_bytes()))


@lru_cache(maxsize=4)
def _before(path: Path, key: str) -> Before:
    del key
    return msgspec.msgpack.decode(path.read_bytes(), type=Before)


@lru_cache(maxsize=1)
def _kept_before(folder: Path, path: Path) -> Bundle:
    """Give the bundle of an earlier set; `path` is another one in every hunt."""
    del path
    return Bundle(folder)


@lru_cache(maxsize=4)
def _finder(path: Path, key: str) -> Finder:
    del key
    with pa.memory_map(str(path)) as handle:
        return Finder(pa.ipc.open_file(handle).read_all())


def do(job: Job) -> list[Written]:
    """Put what a job asks to its data files; give what came of each question, in their order.

    Raises:
        CustodyError: a data file is not what was written.
        OSError: what came of it cannot be kept.
    """
    keep_in(job.databases)
    return [_done(one, files) for one, files in job.asked]


def _done(one: Pass, files: Sequence[DataFile]) -> Written:
    with trusting(one.trusted):
        entries = dict(zip(map(kept_name, files), _entries(one, files), strict=True))
    tables = [table for each in entries.values() for table in each.tables]
    is_much = any(map(is_packed, tables)) or sum(one.nbytes for one in tables) > HELD_BYTES
    folder = one.folder or (one.aside if is_much else None)
    path = write_segment(folder, entries) if folder is not None else None
    # no other run puts a segment of this size together with others
    if path is not None and is_much and path.stat().st_size > HELD_BYTES:
        return Written(path, {})
    plain = {name: Entry(each.said, tuple(map(unpacked, each.tables))) for name, each in entries.items()}
    return Written(path, plain if is_much else entries)


def _entries(one: Pass, files: Sequence[DataFile]) -> Iterable[Entry]:
    if one.kind == "rules":
        return [_entry(each.hits, each.records, Seen(each.report, [])) for each in _by_rules(one, files)]
    if one.kind == "indicators":
        return [_indicators(one, file) for file in files]
    if one.kind == "addresses":
        return [Entry(msgspec.msgpack.encode(held), tables) for held, tables in map(held_addresses, files)]
    return [Entry(msgspec.msgpack.encode(holders(file, one.wheres))) for file in files]


def _entry(hits: pa.Table, records: pa.Table, seen: Seen) -> Entry:
    return Entry(msgspec.msgpack.encode(seen), (hits, records))


def _by_rules(one: Pass, files: Sequence[DataFile]) -> list[Found]:
    """Put rules to files; where it is kept what an earlier set came to, only those that it had not."""
    told: dict[int, Found] = {}
    if one.earlier is not None and one.earlier_folder is not None:
        kept = _kept_before(one.earlier_folder, one.earlier.path)
        olds = {at: old for at, file in enumerate(files) if (old := kept.get(kept_name(file))) is not None}
        fresh = _rules([files[at] for at in olds], one.earlier.fresh, f"{one.key}-{one.earlier.key}")
        by = _before(one.earlier.path, one.key)
        for (at, old), found in zip(olds.items(), fresh, strict=True):
            before = Found(old.tables[HITS_AT], old.tables[RECORDS_AT], Seen.of(old.said).report)
            told[at] = merged(before, found, by)
    unknown = [at for at in range(len(files)) if at not in told]
    told.update(zip(unknown, _rules([files[at] for at in unknown], one.path, one.key), strict=True))
    return [told[at] for at in range(len(files))]


def _rules(files: Sequence[DataFile], path: Path, key: str) -> list[Found]:
    return find_all(_hunter(path, key), files) if files else []


def _indicators(one: Pass, file: DataFile) -> Entry:
    hits, kinds = _finder(one.path, one.key).find(file)
    return _entry(hits, NO_RECORDS, Seen(FileReport(file.staged.rows), kinds))
