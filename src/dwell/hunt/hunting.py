"""Hunting: all rules and indicators over all data files, each file once for as long as nothing changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.store import Archive
from dwell.hunt.again import Before, KnownSet, before, remember, subset
from dwell.hunt.bounded import bounded
from dwell.hunt.checks.registry import put_checks
from dwell.hunt.correlations.plan import correlations_hash
from dwell.hunt.foretold import foretelling
from dwell.hunt.hits import NO_HITS
from dwell.hunt.indicators.found import indicator_outcomes, indicators_met, kinds_met, mentions_met
from dwell.hunt.indicators.gathering import Indicators
from dwell.hunt.indicators.keeping import indicators_kept
from dwell.hunt.indicators.places import places_hash, tables_asked
from dwell.hunt.indicators.warning_lists import WarningList, own_addresses, read_warning_lists, warned
from dwell.hunt.keeping import write_kept
from dwell.hunt.outcomes import rule_outcomes
from dwell.hunt.passes import Earlier, Pass, Seen, kept_name
from dwell.hunt.putting import Progress, Putting
from dwell.hunt.reach import SERVER_TABLES, hosts_in
from dwell.hunt.ruleset import RuleInfo, RuleSet, rules_hash
from dwell.hunt.sigma.keeping import load_kept
from dwell.hunt.sigma.lists import read_lists
from dwell.hunt.sigma.loaded import Loaded
from dwell.hunt.suppressions import Suppressions, judge
from dwell.hunt.wide import FileReport
from dwell.model.addresses import trusted_hops
from dwell.model.claims import RuleOutcome
from dwell.model.indicators import IndicatorMet

if TYPE_CHECKING:
    from dwell.hunt.correlations.correlate import Correlated
    from dwell.hunt.yara.hunting import Looked, YaraHunted, YaraWanted
    from dwell.hunt.yara.load import YaraRules

__all__ = ["Hunted", "RulesPut", "hunt", "put_rules"]


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
        coarse: rules and indicators that met so much that their hits are told more coarsely, by id.
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
    coarse: tuple[str, ...] = ()


def _earlier(folder: Path, rules: RuleSet, by: Before) -> Earlier:
    """Write down how an earlier set of rules belongs to the one at hand, and the rules that it had not."""
    path, fresh = folder / "before.msgpack", folder / "fresh-rules.json"
    path.write_bytes(msgspec.msgpack.encode(by))
    fresh.write_bytes(subset(rules, by.fresh).encoded())
    return Earlier(by.key, path, fresh)


def _passes(folder: Path, rules: RuleSet, listed: Indicators, cache: Path | None) -> tuple[list[Pass], KnownSet | None]:
    """Write the rules and the indicators down for the workers; no file of indicators where there are none.

    Returns:
        The passes, and what the rules are made of, where that is not kept yet.
    """
    encoded = rules.encoded()
    path = folder / "rules.json"
    path.write_bytes(encoded)
    key = rules_hash(encoded)
    made_of, by = before(cache, key, rules)
    hops = trusted_hops()
    earlier = _earlier(folder, rules, by) if by is not None else None
    out = [Pass("rules", key, path, cache, hops, earlier, aside=folder)]
    if listed.table.num_rows:
        path = folder / "indicators.arrow"
        write_kept(path, listed.table)
        key = rules_hash(f"{listed.digest()} {places_hash()}".encode())
        out.append(Pass("indicators", key, path, cache, hops, aside=folder))
    return out, made_of


def _tables(archive: Archive, rules: RuleSet, listed: Indicators) -> list[str]:
    """Give the tables that rules or indicators can be about, and those that say which hosts there are, and when."""
    wanted = {"evtx", *SERVER_TABLES, *(one.table for one in rules.wheres)}
    if listed.table.num_rows:
        wanted |= tables_asked()
    return [one for one in archive.tables() if one in wanted]


def _totals(hits: Iterable[pa.Table]) -> dict[str, int]:
    """Give records met by rule id."""
    parts = [_summed(one) for one in hits if one.num_rows]
    whole = _summed(pa.concat_tables(parts)) if parts else NO_HITS
    return dict(zip(whole["rule_id"].to_pylist(), whole["count"].to_pylist(), strict=True))


def _summed(hits: pa.Table) -> pa.Table:
    summed = hits.select(["rule_id", "count"]).group_by("rule_id").aggregate([("count", "sum")])
    return summed.rename_columns(["rule_id", "count"])


def _with_correlations(
    loaded: Loaded, found: Correlated, outcomes: list[RuleOutcome], cut: set[str]
) -> tuple[AbstractSet[str], list[RuleOutcome]]:
    """Give the rules whose hits correlations stand for, and what became of all."""
    from dwell.hunt.correlations.outcomes import LOOKED, correlation_outcomes, stood_for

    told = correlation_outcomes(loaded.correlations, outcomes, found.left, cut, _totals([found.hits]))
    behind = stood_for(loaded.correlations, told)
    behind = {one: title for one, title in behind.items() if not loaded.infos[one].pack}
    outcomes = [
        replace(
            one, reason="; ".join(filter(None, (one.reason, f"its hits are shown by '{behind[one.rule_id]}' only")))
        )
        if one.rule_id in behind and one.status in LOOKED
        else one
        for one in (*outcomes, *told)
    ]
    return behind.keys(), outcomes


def _without(hits: Iterable[pa.Table], ids: AbstractSet[str]) -> Iterator[pa.Table]:
    """Yield hits without those of some rules."""
    names = pa.array(sorted(ids), pa.string())
    for one in hits:
        yield one.filter(pc.invert(pc.is_in(one["rule_id"], value_set=names))) if ids else one


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


@dataclass(frozen=True, slots=True)
class RulesPut:
    """What rules, and indicators with them, came to in everything the archive holds.

    Attributes:
        put: what was put to the data files.
        seen: what was seen of every data file, by table.
        outcomes: what became of every rule and correlation.
        totals: records met by rule id, correlations apart.
        correlated: hits of correlations, without those that others stand for.
        behind: rules whose hits correlations stand for.
        keys: what names the rules and the indicators.
    """

    put: Putting
    seen: Mapping[str, Sequence[Seen]]
    outcomes: Sequence[RuleOutcome]
    totals: Mapping[str, int]
    correlated: Sequence[pa.Table]
    behind: AbstractSet[str]
    keys: Mapping[str, str]

    @property
    def reports(self) -> dict[str, list[FileReport]]:
        """Give what rules saw of every data file, by table."""
        return {table: [one.report for one in some] for table, some in self.seen.items()}


def put_rules(
    archive: Archive,
    loaded: Loaded,
    listed: Indicators,
    scratch: Path,
    *,
    workers: int | None = None,
    cache: Path | None = None,
    databases: Path | None = None,
    progress: Progress | None = None,
) -> RulesPut:
    """Put rules to everything the archive holds, and say what became of each: for a hunt, and for what explains them.

    Args:
        archive: the case's archive.
        loaded: the rules.
        listed: indicators that are looked for as well.
        scratch: a folder that lasts as long as what is given is used.
        workers: processes.
        cache: folder where the hits of each data file are kept between runs.
        databases: folder of compiled patterns.
        progress: told how far it is.

    Raises:
        CustodyError: a data file is not what was written.
        OSError: what came of it cannot be kept.
    """
    passes, made_of = _passes(scratch, loaded.rules, listed, cache)
    keys = {one.kind: one.key for one in passes}
    files = {table: archive.files(table) for table in _tables(archive, loaded.rules, listed)}
    put = Putting(files, passes, loaded.rules.wheres, cache, foretelling(listed.table, cache), scratch)
    put.run(workers, databases, progress)
    if cache is not None and made_of is not None:
        remember(cache, made_of)
    seen, totals = put.seen(), _totals(put.hits())
    reports = {table: [one.report for one in some] for table, some in seen.items()}
    outcomes = [*loaded.ended, *rule_outcomes(loaded.rules, reports, totals)]
    correlated: list[pa.Table] = []
    behind: AbstractSet[str] = frozenset()
    if loaded.correlations:
        from dwell.hunt.correlations.keeping import correlated_kept

        cut = {loaded.rules.rules[at].info.id for one in chain.from_iterable(reports.values()) for at in one.cut}
        names = [keys["rules"], *trusted_hops(), *(kept_name(one) for one in chain.from_iterable(files.values()))]
        found = correlated_kept(loaded.correlations, put.records, names, cache)
        behind, outcomes = _with_correlations(loaded, found, outcomes, cut)
        correlated += _without([found.hits], behind)
    return RulesPut(put, seen, outcomes, totals, correlated, behind, keys)


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
    with TemporaryDirectory(prefix="dwell-hunt-", ignore_cleanup_errors=True) as scratch:
        rules_put = put_rules(
            archive,
            loaded,
            listed,
            Path(scratch),
            workers=workers,
            cache=cache,
            databases=rules_cache or cache,
            progress=progress,
        )
        put, keys, behind = rules_put.put, rules_put.keys, rules_put.behind
        outcomes, beside = list(rules_put.outcomes), list(rules_put.correlated)
        by_yara = _yara(archive, yara, workers, cache, progress)
        if by_yara is not None:
            beside, outcomes = [*beside, by_yara.hits], [*outcomes, *by_yara.outcomes]
        checked = put_checks(archive, cache, hosts_in(rules_put.reports, SERVER_TABLES))
        beside.append(checked.hits)
        told = bounded(
            chain(_without(put.hits(), behind), beside),
            lambda: chain(_without(put.hits_in_order(), behind), beside),
            {one.info.id for one in loaded.rules.rules if one.info.pack} | checked.infos.keys(),
        )
    whole = told.hits
    outcomes.sort(key=lambda one: (one.rule_id, one.path))
    named = {one.rule_id for one in (*outcomes, *checked.outcomes)}
    suppressions, wrong = judge(whole, named, suppression_files, today, listed.ids)
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
        indicators=indicator_outcomes(
            listed,
            [one.kinds for one in chain.from_iterable(rules_put.seen.values())],
            kinds_met(rules_put.totals),
        ),
        met=indicators_met(whole, mentions, warnings),
        suppressions=suppressions,
        loaded=loaded,
        yara=by_yara.rules if by_yara else None,
        looked=by_yara.looked if by_yara else None,
        checks=checked.outcomes,
        coarse=told.coarse,
    )
