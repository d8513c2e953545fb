"""Hunting: all rules and indicators over all data files, each file once for as long as nothing changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile
from dwell.archive.store import Archive
from dwell.engine.pool import run
from dwell.hunt.again import Before, KnownSet, before, merged, remember, subset
from dwell.hunt.checks.registry import put_checks
from dwell.hunt.correlations.plan import correlations_hash
from dwell.hunt.databases import keep_in
from dwell.hunt.gathered import find_all, gathered
from dwell.hunt.hits import NO_HITS, concat
from dwell.hunt.holders import ANY, holders_kept
from dwell.hunt.indicators.found import indicator_outcomes, indicators_met, kinds_met, mentions_met
from dwell.hunt.indicators.gathering import Indicators
from dwell.hunt.indicators.keeping import indicators_kept
from dwell.hunt.indicators.match import Finder
from dwell.hunt.indicators.places import places_hash, tables_asked
from dwell.hunt.indicators.warning_lists import WarningList, own_addresses, read_warning_lists, warned
from dwell.hunt.keeping import read_kept, write_kept
from dwell.hunt.outcomes import rule_outcomes
from dwell.hunt.reach import SERVER_TABLES, hosts_in
from dwell.hunt.records import NO_RECORDS
from dwell.hunt.ruleset import RuleInfo, RuleSet, Where, rules_hash
from dwell.hunt.sigma.keeping import load_kept
from dwell.hunt.sigma.lists import read_lists
from dwell.hunt.sigma.loaded import Loaded
from dwell.hunt.suppressions import Suppressions, judge
from dwell.hunt.uncollected import uncollected
from dwell.hunt.wide import FileReport, Found, Hunter
from dwell.model.addresses import trusted_hops, trusting
from dwell.model.claims import RuleOutcome
from dwell.model.indicators import IndicatorMet

if TYPE_CHECKING:
    from dwell.hunt.correlations.correlate import Correlated
    from dwell.hunt.yara.hunting import Looked, YaraHunted, YaraWanted
    from dwell.hunt.yara.load import YaraRules

__all__ = ["Hunted", "hunt"]

_REPORT = b"dwell.report"

Progress = Callable[[int, int, str], None]
"""Told (files done, files in all, table)."""


@dataclass(frozen=True, slots=True)
class Hunted:
    """What a hunt yields.

    Attributes:
        outcomes: what became of every rule, by id; as many as there are rules.
        hits: rows in `dwell.hunt.hits.HITS`.
        rules: what is said about each rule, by id.
        rules_hash: changes whenever the rules or indicators do.
        faults: rule and indicator files, and values in them, that could not be used; printable through `safe`.
        indicators: what became of the indicators, one per kind: it ran, or no source held can show it; and of what
            their lists hold that is not looked for.
        met: the indicators that records met, with where lists name them and which warning lists they are on.
        suppressions: which hits are suppressed and why; None where nobody asked for it.
        loaded: the rules themselves, to be kept and compared.
        yara: YARA rules, likewise; None where there were none.
        looked: what they were put to; None where there were none.
        checks: what became of every check of states, by name.
    """

    outcomes: tuple[RuleOutcome, ...]
    hits: pa.Table
    rules: Mapping[str, RuleInfo]
    rules_hash: str
    faults: tuple[str, ...]
    indicators: tuple[RuleOutcome, ...] = ()
    met: tuple[IndicatorMet, ...] = ()
    suppressions: Suppressions | None = None
    loaded: Loaded | None = None
    yara: YaraRules | None = None
    looked: Looked | None = None
    checks: tuple[RuleOutcome, ...] = ()


class _Seen(msgspec.Struct):
    """What is kept beside the hits of one data file.

    Attributes:
        report: what was seen.
        kinds: kinds of indicators that could be looked for.
        records: how many records are told one by one, in a file of their own.
    """

    report: FileReport
    kinds: list[str]
    records: int = 0


@dataclass(frozen=True, slots=True)
class _Earlier:
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
class _Pass:
    """A set of rules or of indicators, as a file that every worker reads once; `earlier` is a set that is much like it."""

    kind: str
    key: str
    path: Path
    earlier: _Earlier | None = None


@dataclass(frozen=True, slots=True)
class _Kinds:
    """The kinds of record of one table that rules are about, and any kind: their numbers, they, and a name for them."""

    numbers: tuple[int, ...] = ()
    wheres: tuple[Where, ...] = ()
    key: str = ""


_NO_KINDS = _Kinds()


@dataclass(frozen=True, slots=True)
class _Job:
    """Data files of one table that are hunted together, each as if it were alone."""

    files: tuple[DataFile, ...]
    passes: tuple[_Pass, ...]
    cache: Path | None
    databases: Path | None
    trusted: tuple[str, ...] = ()
    kinds: _Kinds = _NO_KINDS

    def place(self, file: DataFile, one: _Pass) -> Path | None:
        """Give where a file's hits are kept."""
        return self._place(file, one.kind, one.key)

    def earlier(self, file: DataFile, one: _Pass) -> Path | None:
        """Give where the hits of a file lie that an earlier set of rules met, if there was one."""
        return self._place(file, one.kind, one.earlier.key) if one.earlier is not None else None

    def _place(self, file: DataFile, kind: str, key: str) -> Path | None:
        if self.cache is None:
            return None
        told = f"{kind}:{key}:{file.table}:{file.key}"
        key = hashlib.sha256(":".join((told, *self.trusted)).encode()).hexdigest()
        return self.cache / f"{key[:32]}-hits.arrow"

    def held_place(self, file: DataFile) -> Path | None:
        """Give where it is kept which hosts hold which kinds of record."""
        if self.cache is None:
            return None
        told = hashlib.sha256(f"held:{self.kinds.key}:{file.table}:{file.key}".encode()).hexdigest()
        return self.cache / f"{told[:32]}-held.msgpack"

    def is_waiting(self) -> bool:
        """Say whether anything of it has to be hunted."""
        places = [self.place(file, one) for file in self.files for one in self.passes]
        places += [self.held_place(file) for file in self.files]
        return any(place is None or not place.is_file() for place in places)


@lru_cache(maxsize=4)
def _hunter(path: Path, key: str) -> Hunter:
    del key
    with uncollected():
        return Hunter(RuleSet.decoded(path.read_bytes()))


@lru_cache(maxsize=4)
def _before(path: Path, key: str) -> Before:
    del key
    return msgspec.msgpack.decode(path.read_bytes(), type=Before)


@lru_cache(maxsize=4)
def _finder(path: Path, key: str) -> Finder:
    del key
    with pa.memory_map(str(path)) as handle:
        return Finder(pa.ipc.open_file(handle).read_all())


_Done = tuple[pa.Table, pa.Table, _Seen]
"""Hits, records told one by one, and what was seen."""


def _records_of(path: Path) -> Path:
    """Give where the records lie that belong to kept hits."""
    return path.with_name(path.name.replace("-hits.", "-records."))


def _kept(path: Path) -> _Done | None:
    """Read what an earlier run kept; None where it is not whole."""
    try:
        found = read_kept(path)
        seen = msgspec.json.decode(found.schema.metadata[_REPORT], type=_Seen)
        records = read_kept(_records_of(path)) if seen.records else NO_RECORDS
    except (OSError, pa.ArrowInvalid, msgspec.MsgspecError, KeyError, TypeError):
        return None
    return (found.replace_schema_metadata(None), records, seen) if records.num_rows == seen.records else None


def _keep(path: Path, hits: pa.Table, records: pa.Table, seen: _Seen) -> None:
    if seen.records:
        write_kept(_records_of(path), records)
    write_kept(path, hits.replace_schema_metadata({_REPORT: msgspec.json.encode(seen)}))


def _hunt(job: _Job) -> list[_Done]:
    """Hunt data files, or take what was kept of them; what each yields, in their order."""
    keep_in(job.databases)
    with trusting(job.trusted):
        done = [_passed(job, one) for one in job.passes]
    out = [_whole(file, [one[at] for one in done], job.passes) for at, file in enumerate(job.files)]
    for file, (_, _, seen) in zip(job.files, out, strict=True):
        found = holders_kept(file, job.kinds.wheres, job.held_place(file)) if job.kinds.wheres else []
        seen.report.held = dict(zip(job.kinds.numbers, found, strict=True))
    return out


def _passed(job: _Job, one: _Pass) -> list[_Done]:
    """Put one set of rules or indicators to the files of a job."""
    places = [job.place(file, one) for file in job.files]
    told = [_kept(place) if place is not None else None for place in places]
    left = [at for at, kept in enumerate(told) if kept is None]
    files = [job.files[at] for at in left]
    found = _by_rules(job, files, one) if one.kind == "rules" else [_indicators(file, one) for file in files]
    for at, new in zip(left, found, strict=True):
        told[at] = new
        if (place := places[at]) is not None:
            _keep(place, *new)
    return [one for one in told if one is not None]


def _whole(file: DataFile, done: Sequence[_Done], passes: Sequence[_Pass]) -> _Done:
    """Put together what rules and indicators met in a file."""
    told = NO_RECORDS
    whole = _Seen(FileReport(file.staged.rows), [])
    for one, (_, records, seen) in zip(passes, done, strict=True):
        if one.kind == "rules":
            whole.report, told = seen.report, records
        else:
            whole.kinds = seen.kinds
    return pa.concat_tables([NO_HITS, *(one[0] for one in done)]), told, whole


def _by_rules(job: _Job, files: Sequence[DataFile], one: _Pass) -> list[_Done]:
    """Put rules to files; where an earlier set's hits are kept, only those that it had not."""
    places = [job.earlier(file, one) for file in files]
    olds = [_kept(place) if place is not None else None for place in places]
    known = [at for at, old in enumerate(olds) if old is not None]
    unknown = [at for at, old in enumerate(olds) if old is None]
    told = dict(zip(unknown, _rules([files[at] for at in unknown], one.path, one.key), strict=True))
    if known and one.earlier is not None:
        by = _before(one.earlier.path, one.key)
        fresh = _rules([files[at] for at in known], one.earlier.fresh, f"{one.key}-{one.earlier.key}")
        for at, found in zip(known, fresh, strict=True):
            if (old := olds[at]) is not None:
                told[at] = merged(Found(old[0], old[1], old[2].report), found, by)
    return [
        (each.hits, each.records, _Seen(each.report, [], each.records.num_rows))
        for each in (told[at] for at in range(len(files)))
    ]


def _rules(files: Sequence[DataFile], path: Path, key: str) -> list[Found]:
    return find_all(_hunter(path, key), files) if files else []


def _indicators(file: DataFile, one: _Pass) -> _Done:
    hits, kinds = _finder(one.path, one.key).find(file)
    return hits, NO_RECORDS, _Seen(FileReport(file.staged.rows), kinds)


def _earlier(folder: Path, rules: RuleSet, by: Before) -> _Earlier:
    """Write down how an earlier set of rules belongs to the one at hand, and the rules that it had not."""
    path, fresh = folder / "before.msgpack", folder / "fresh-rules.json"
    path.write_bytes(msgspec.msgpack.encode(by))
    fresh.write_bytes(subset(rules, by.fresh).encoded())
    return _Earlier(by.key, path, fresh)


def _passes(
    folder: Path, rules: RuleSet, listed: Indicators, cache: Path | None
) -> tuple[list[_Pass], KnownSet | None]:
    """Write the rules and the indicators down for the workers; no file of indicators where there are none.

    Returns:
        The passes, and what the rules are made of, where that is not kept yet.
    """
    encoded = rules.encoded()
    path = folder / "rules.json"
    path.write_bytes(encoded)
    key = rules_hash(encoded)
    made_of, by = before(cache, key, rules)
    out = [_Pass("rules", key, path, _earlier(folder, rules, by) if by is not None else None)]
    if listed.table.num_rows:
        path = folder / "indicators.arrow"
        write_kept(path, listed.table)
        out.append(_Pass("indicators", rules_hash(f"{listed.digest()} {places_hash()}".encode()), path))
    return out, made_of


def _tables(archive: Archive, rules: RuleSet, listed: Indicators) -> list[str]:
    """Give the tables that rules or indicators can be about."""
    wanted = {one.table for one in rules.wheres}
    if listed.table.num_rows:
        wanted |= tables_asked()
    return [one for one in archive.tables() if one in wanted]


def _kinds_by_table(rules: RuleSet, tables: Sequence[str]) -> dict[str, _Kinds]:
    """Give the kinds of record that rules are about, table by table, with any kind as the last."""
    out = {}
    for table in tables:
        mine = [at for at, one in enumerate(rules.wheres) if one.table == table]
        wheres = (*(rules.wheres[at] for at in mine), Where(table))
        told = hashlib.sha256(msgspec.json.encode(wheres, order="sorted")).hexdigest()
        out[table] = _Kinds((*mine, ANY), wheres, told)
    return out


def _totals(hits: pa.Table) -> dict[str, int]:
    """Give records met by rule id."""
    summed = pa.table({"id": hits["rule_id"], "count": hits["count"]}).group_by("id").aggregate([("count", "sum")])
    return dict(zip(summed["id"].to_pylist(), summed["count_sum"].to_pylist(), strict=True))


def _with_correlations(
    loaded: Loaded, found: Correlated, hits: pa.Table, outcomes: list[RuleOutcome], cut: set[str]
) -> tuple[pa.Table, list[RuleOutcome]]:
    """Add what the correlations came to; take the hits away that they stand for."""
    from dwell.hunt.correlations.outcomes import correlation_outcomes, stood_for

    told = correlation_outcomes(loaded.correlations, outcomes, found.left, cut, _totals(found.hits))
    behind = stood_for(loaded.correlations, told)
    behind = {one: title for one, title in behind.items() if not loaded.infos[one].pack}
    whole = concat([hits, found.hits])
    names = pa.array(sorted(behind), pa.string())
    whole = whole.filter(pc.invert(pc.is_in(whole["rule_id"], value_set=names)))
    outcomes = [
        replace(
            one, reason="; ".join(filter(None, (one.reason, f"its hits are shown by '{behind[one.rule_id]}' only")))
        )
        if one.rule_id in behind
        else one
        for one in (*outcomes, *told)
    ]
    return whole, outcomes


def _warnings(
    names: Sequence[str], lists: Sequence[WarningList], archive: Archive
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Give the warning lists that each indicator that was met is on, and what of the lists cannot be used."""
    return warned((*lists, own_addresses(archive)), names) if names else ({}, ())


def _yara(
    archive: Archive, wanted: YaraWanted | None, workers: int | None, cache: Path | None, progress: Progress | None
) -> YaraHunted | None:
    """Hunt with YARA rules, where any are given."""
    if wanted is None or not (wanted.paths or wanted.loaded):
        return None
    # most hunts are without, and it takes as long to load as a small hunt
    from dwell.hunt.yara.hunting import hunt_yara

    return hunt_yara(archive, wanted, workers=workers, cache=cache, progress=progress)


def hunt(
    archive: Archive,
    *,
    rule_folders: Sequence[Path] = (),
    loaded: Loaded | None = None,
    indicator_files: Sequence[Path] = (),
    list_files: Sequence[Path] = (),
    warning_files: Sequence[Path] = (),
    workers: int | None = None,
    cache: Path | None = None,
    rules_cache: Path | None = None,
    suppression_files: Sequence[Path] = (),
    today: date | None = None,
    yara: YaraWanted | None = None,
    progress: Progress | None = None,
) -> Hunted:
    """Put all rules and indicators to everything the archive holds.

    Args:
        archive: the case's archive.
        rule_folders: folders of Sigma rules besides our own.
        loaded: rules loaded before, ours among them; no folder is read then.
        indicator_files: lists of indicators, and folders of them.
        list_files: files and folders of values for the placeholders of rules.
        warning_files: warning lists of MISP's shape, and folders of them, beside our own.
        workers: processes.
        cache: folder where the hits of each data file are kept between runs.
        rules_cache: folder where loaded rules, compiled patterns and long lists of indicators are kept; the same one where
            not given.
        suppression_files: files of suppressions.
        today: the day by which their expiry is judged.
        yara: YARA rules, and the files that they are put to.
        progress: told how far it is.

    Raises:
        UsageError: a file of suppressions is not there, or the day is not given, or YARA rules are given and their
            library is not installed.
        CustodyError: a data file is not what was written.
    """
    loaded = loaded or load_kept(rule_folders, rules_cache or cache, read_lists(list_files))
    listed = indicators_kept(indicator_files, rules_cache or cache)
    lists, bad_lists = read_warning_lists(warning_files)
    with TemporaryDirectory(prefix="dwell-hunt-") as scratch:
        passes, made_of = _passes(Path(scratch), loaded.rules, listed, cache)
        keys = {one.kind: one.key for one in passes}
        tables = _tables(archive, loaded.rules, listed)
        hops = trusted_hops()
        groups = [group for table in tables for group in gathered(archive.files(table))]
        kinds = _kinds_by_table(loaded.rules, tables)
        jobs = [
            _Job(group, tuple(passes), cache, rules_cache or cache, hops, kinds[group[0].table]) for group in groups
        ]
        files = [file for group in groups for file in group]
        waiting = sum(one.is_waiting() for one in jobs)
        parts: list[pa.Table] = []
        records: list[pa.Table] = [NO_RECORDS]
        seen: list[_Seen] = []
        reports: dict[str, list[FileReport]] = {}
        results = run(_hunt, jobs, workers=1 if waiting < 2 else workers)
        for done, (file, (hits, told, found)) in enumerate(zip(files, chain.from_iterable(results), strict=True), 1):
            parts.append(hits)
            records.append(told)
            seen.append(found)
            reports.setdefault(file.table, []).append(found.report)
            if progress is not None:
                progress(done, len(files), file.table)
    if cache is not None and made_of is not None:
        remember(cache, made_of)
    whole = concat(parts)
    totals = _totals(whole)
    outcomes = [*loaded.ended, *rule_outcomes(loaded.rules, reports, totals)]
    cut = {loaded.rules.rules[at].info.id for one in seen for at in one.report.cut}
    if loaded.correlations:
        from dwell.hunt.correlations.keeping import correlated_kept

        names = [keys["rules"], *hops, *(f"{one.table}:{one.key}" for one in files)]
        found_together = correlated_kept(loaded.correlations, pa.concat_tables(records), names, cache)
        whole, outcomes = _with_correlations(loaded, found_together, whole, outcomes, cut)
    by_yara = _yara(archive, yara, workers, cache, progress)
    if by_yara is not None:
        whole, outcomes = concat([whole, by_yara.hits]), [*outcomes, *by_yara.outcomes]
    checked = put_checks(archive, cache, hosts_in(reports, SERVER_TABLES))
    whole = concat([whole, checked.hits])
    outcomes.sort(key=lambda one: (one.rule_id, one.path))
    named = {*(one.rule_id for one in (*outcomes, *checked.outcomes)), *(listed.ids() if suppression_files else ())}
    suppressions, wrong = judge(whole, named, suppression_files, today)
    mentions = mentions_met(listed, whole)
    warnings, bad_values = _warnings(list(mentions), lists, archive)
    return Hunted(
        outcomes=tuple(outcomes),
        hits=whole,
        rules=dict(sorted(({**loaded.infos, **checked.infos, **(by_yara.infos if by_yara else {})}).items())),
        rules_hash=rules_hash(
            b"".join(keys[kind].encode() for kind in sorted(keys))
            + correlations_hash(loaded.correlations)
            + (repr(lists).encode() if warning_files else b"")
            + (by_yara.digest.encode() if by_yara else b"")
        ),
        faults=(*loaded.faults, *listed.faults, *bad_lists, *bad_values, *wrong, *(by_yara.faults if by_yara else ())),
        indicators=indicator_outcomes(listed, [one.kinds for one in seen], kinds_met(totals)),
        met=indicators_met(whole, mentions, warnings),
        suppressions=suppressions,
        loaded=loaded,
        yara=by_yara.rules if by_yara else None,
        looked=by_yara.looked if by_yara else None,
        checks=checked.outcomes,
    )
