"""Hits of any number and size: their order, and what becomes of them where there are too many to tell each."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.hunt.archives import archive_of, load_rules

from dwell.archive.store import Archive
from dwell.hunt import bounded as module
from dwell.hunt import bundles, hits, packing, pieces, putting
from dwell.hunt.bounded import Bounded, bounded
from dwell.hunt.grouping import grouped
from dwell.hunt.hits import HITS, MANY, OTHERS, REFS_MAX
from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.indicators.found import mentions_met
from dwell.hunt.indicators.gathering import MENTIONS, Indicators
from dwell.hunt.ordering import concat, text_bytes, weights
from dwell.hunt.packing import is_packed, packed, plain_schema, unpacked
from dwell.hunt.sigma.loaded import Loaded

DRAWN = ("first_utc", "last_utc", "host", "client", "account", "status")
KEYS = ("rule_id", "kind", "window", "table", "host", "client", "account", "status")
ORDER = ("first_utc", "rule_id", "kind", "window", "table", "evidence_id", "record_no", *DRAWN[2:])


def drawn_hits(drawn: random.Random, rows: int, rules: int = 4) -> pa.Table:
    """Draw hits with many ties."""
    out = []
    for _ in range(rows):
        first = drawn.choice([None, drawn.randrange(9)])
        evidence, record = drawn.choice("abc") * 64, drawn.randrange(4)
        refs = [{"evidence_id": evidence, "record_no": record + at} for at in range(drawn.randrange(1, 4))]
        rule = drawn.randrange(rules)
        out.append(
            {
                "rule_id": f"rule-{rule}", "kind": "rule", "title": f"title {rule}", "level": "low",
                "window": drawn.choice([None, "inside"]), "table": drawn.choice(["iis", "ews"]),
                "host": drawn.choice([None, "EX01"]), "client": drawn.choice([None, "192.0.2.1", "192.0.2.2"]),
                "account": drawn.choice([None, "ann"]),
                "matched": drawn.choice([None, [], ["a=ü"], ["a=x" * 50, "b=y"], [f"c={drawn.randrange(3)}"] * 10]),
                "status": drawn.choice([None, 200, 404]), "count": drawn.randrange(1, 5), "first_utc": first,
                "last_utc": None if first is None else first + drawn.randrange(3), "evidence_id": evidence,
                "record_no": record, "refs": refs,
            }
        )  # fmt: skip
    return pa.Table.from_pylist(out, schema=HITS)


def _sortable(row: dict[str, Any]) -> list[tuple[bool, Any]]:
    """Give what orders a row: nothing after everything, texts by their bytes."""
    texts = row["matched"]
    joined = None if texts is None else "\0".join(texts[:8])
    told = [*(row[one] for one in ORDER), joined, row["last_utc"], row["count"]]
    return [(True, 0) if one is None else (False, one.encode() if isinstance(one, str) else one) for one in told]


@pytest.mark.parametrize("seed", range(6))
def test_hits_come_in_one_order_however_they_are_cut(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    drawn = random.Random(seed)  # noqa: S311
    whole = drawn_hits(drawn, 300)
    rows = whole.to_pylist()
    wanted = sorted(map(_sortable, rows))
    for limit in (1, 3_000, 1 << 28):
        monkeypatch.setattr(pieces, "PIECE_BYTES", limit)
        monkeypatch.setattr("dwell.hunt.ordering._TIED_ROWS", 1 if limit == 1 else 8_192)
        cuts = sorted(drawn.randrange(300) for _ in range(5))
        parts = [whole.slice(first, last - first) for first, last in zip([0, *cuts], [*cuts, 300], strict=True)]
        found = concat(parts)
        assert found.schema == HITS
        assert [_sortable(one) for one in found.to_pylist()] == wanted
        assert Counter(map(repr, found.to_pylist())) == Counter(map(repr, rows))
        sizes = [(one.num_rows, int(weights(pa.Table.from_batches([one])).sum())) for one in found.to_batches()]
        assert all(number == 1 or size <= limit for number, size in sizes)
        assert len(sizes) == 1 if limit == 1 << 28 else len(sizes) > 20


def test_bytes_of_texts_are_counted_row_by_row_in_slices_too() -> None:
    whole = drawn_hits(random.Random(9), 50)  # noqa: S311
    told = [sum(len(one.encode()) for one in texts or ()) for texts in whole["matched"].to_pylist()]
    assert text_bytes(whole).tolist() == told
    assert text_bytes(whole.slice(7, 20)).tolist() == told[7:27]
    assert (weights(whole) >= text_bytes(whole)).all()
    assert text_bytes(whole.slice(3, 0)).tolist() == []


def _numbers(hits_: pa.Table) -> Counter[tuple[Any, ...]]:
    out: Counter[tuple[Any, ...]] = Counter()
    for row in hits_.to_pylist():
        out[tuple(row[one] for one in KEYS)] += row["count"]
    return out


def _cut(whole: pa.Table, each: int) -> list[pa.Table]:
    return [whole.slice(at, each) for at in range(0, whole.num_rows, each)]


def _bounded(whole: pa.Table, each: int = 40, spared: frozenset[str] = frozenset()) -> Bounded:
    return bounded(_cut(whole, each), lambda: _cut(whole, each), spared)


@pytest.mark.parametrize("seed", range(4))
def test_beyond_the_bound_every_record_is_still_counted(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    whole = drawn_hits(random.Random(seed), 400)  # noqa: S311
    assert _bounded(whole).hits == concat([whole])
    monkeypatch.setattr(module, "ROWS_MAX", 200)
    monkeypatch.setattr(module, "BYTES_MAX", 4_000_000)  # room for all coarse rows
    found = _bounded(whole)
    assert found.coarse
    assert found.hits.num_rows < whole.num_rows
    assert _numbers(found.hits) == _numbers(whole)
    rows = found.hits.to_pylist()
    coarse = [one for one in rows if one["rule_id"] in found.coarse]
    assert {tuple(one["matched"]) for one in coarse} == {(OTHERS, MANY[0])}
    kept = [one for one in whole.to_pylist() if one["rule_id"] not in found.coarse]
    assert Counter(map(repr, kept)) == Counter(repr(one) for one in rows if one["rule_id"] not in found.coarse)
    for one in coarse:
        mine = [each for each in whole.to_pylist() if all(each[name] == one[name] for name in KEYS)]
        firsts = [each["first_utc"] for each in mine if each["first_utc"] is not None]
        lasts = [each["last_utc"] for each in mine if each["last_utc"] is not None]
        assert one["first_utc"] == min(firsts, default=None)
        assert one["last_utc"] == max(lasts, default=None)
        assert len(one["refs"]) == min(REFS_MAX, sum(len(each["refs"]) for each in mine))
        assert all(any(ref in each["refs"] for each in mine) for ref in one["refs"])
        assert one["refs"][0] == {"evidence_id": one["evidence_id"], "record_no": one["record_no"]}
    assert {one.files for one in grouped(found.hits) if one.rule_id in found.coarse} == {None}
    other = _bounded(whole, 7)
    assert (other.coarse, _numbers(other.hits)) == (found.coarse, _numbers(found.hits))
    assert _bounded(whole).hits == found.hits


def test_what_is_left_too_many_is_not_told_apart_by_who_either(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = drawn_hits(random.Random(5), 400)  # noqa: S311
    clients = pa.array([f"198.51.100.{at % 250}" for at in range(400)], pa.string())
    whole = whole.set_column(whole.column_names.index("client"), HITS.field("client"), clients)
    monkeypatch.setattr(module, "ROWS_MAX", 60)
    monkeypatch.setattr(module, "BYTES_MAX", 200_000)
    found = _bounded(whole)
    rows = found.hits.to_pylist()
    coarser = [one for one in rows if one["matched"] == [OTHERS, MANY[1]]]
    assert coarser
    assert all(one["client"] is one["account"] is one["status"] is None for one in coarser)
    assert sum(one["count"] for one in rows) == sum(whole["count"].to_pylist())
    assert len(rows) <= 4 * 2 * 2 * 2 + 60


def test_rules_that_answers_rest_on_are_the_last_to_be_told_coarsely(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = drawn_hits(random.Random(6), 400)  # noqa: S311
    largest = max(range(4), key=lambda at: whole["rule_id"].to_pylist().count(f"rule-{at}"))
    spared = frozenset({f"rule-{largest}"})
    monkeypatch.setattr(module, "ROWS_MAX", 399)
    assert spared <= set(_bounded(whole).coarse)
    found = _bounded(whole, spared=spared)
    assert found.coarse
    assert not spared & set(found.coarse)
    monkeypatch.setattr(module, "ROWS_MAX", 100)
    assert len(_bounded(whole, spared=spared).coarse) == 4


def test_of_very_many_indicators_the_rest_is_told_by_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = drawn_hits(random.Random(8), 400)  # noqa: S311
    ids = [f"indicator:{'address' if at % 2 else 'url'}:v:{at}" if at >= 20 else "rule-0" for at in range(400)]
    for name, column in (("rule_id", ids), ("title", ids), ("kind", [one.partition("-")[0][:9] for one in ids])):
        whole = whole.set_column(whole.column_names.index(name), HITS.field(name), pa.array(column, pa.string()))
    monkeypatch.setattr(module, "ROWS_MAX", 20)
    monkeypatch.setattr(module, "BYTES_MAX", module._ROW_MAX * 2 * 20)  # room for twenty coarse rows, so for ten ids
    found = _bounded(whole)
    rows = found.hits.to_pylist()
    assert sum(one["count"] for one in rows) == sum(whole["count"].to_pylist())
    lumped = [one for one in rows if one["rule_id"] in {"indicator:address", "indicator:url"}]
    told = {one["rule_id"] for one in rows} - {"indicator:address", "indicator:url"}
    assert "rule-0" in told
    assert len(told) == 10 + 10  # as they are, and told coarsely each
    number = sum(one.startswith("indicator:address:") and one not in told for one in set(ids))
    assert {one["title"] for one in lumped if one["rule_id"] == "indicator:address"} == {
        f"{number:,} of the indicators of the kind address"
    }
    assert all(one["matched"] == [OTHERS, MANY[1]] and one["client"] is None for one in lumped)
    assert mentions_met(Indicators(MENTIONS.empty_table()), found.hits).keys() == told - {"rule-0"}


def _scanned(root: Path) -> tuple[Archive, Loaded]:
    rows = [
        {"cs-uri-stem": f"/scan{at}" + "x" * 60, "c-ip": f"203.0.113.{at % 3}", "cs-username": "ann"}
        for at in range(90)
    ]
    for at in range(2):
        archive_of(root / "archive", {"iis": rows}, name=f"part{at}", evidence=f"{at:02}" * 32)
    archive = archive_of(root / "archive", {"iis": rows}, name="part2", evidence="02" * 32)
    rule = {
        "title": "scanner", "id": "10000000-0000-4000-8000-000000000001", "level": "low",
        "logsource": {"category": "webserver"},
        "detection": {"selection": {"cs-uri-stem|contains": "/scan"}, "condition": "selection"},
    }  # fmt: skip
    return archive, load_rules(root / "rules", rule)


def _hunted(archive: Archive, loaded: Loaded, cache: Path | None) -> Hunted:
    return hunt(archive, loaded=loaded, workers=1, cache=cache)


def test_a_hunt_of_too_many_hits_gives_the_same_whatever_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, loaded = _scanned(tmp_path)
    plain = _hunted(archive, loaded, None)
    assert (plain.hits.num_rows, plain.coarse) == (270, ())
    monkeypatch.setattr(bundles, "HELD_BYTES", 1_000)
    monkeypatch.setattr(putting, "ROWS_AT_ONCE", 100)
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        assert _hunted(archive, loaded, cache).hits == plain.hits
    monkeypatch.setattr(module, "ROWS_MAX", 100)
    found = [
        _hunted(archive, loaded, cache) for cache in (None, tmp_path / "cache", tmp_path / "other", tmp_path / "other")
    ]
    assert all(one.hits == found[0].hits for one in found)
    assert found[0].coarse == ("10000000-0000-4000-8000-000000000001",)
    assert [(one["client"], one["count"], len(one["refs"])) for one in found[0].hits.to_pylist()] == [
        (f"203.0.113.{at}", 90, REFS_MAX) for at in range(3)
    ]
    assert found[0].outcomes[0].hits == plain.outcomes[0].hits == 270


def test_long_texts_of_one_rule_in_one_file_are_not_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, loaded = _scanned(tmp_path)
    monkeypatch.setattr(hits, "TEXT_BYTES_MAX", 90 * 60)
    found = _hunted(archive, loaded, None).hits.to_pylist()
    assert [one["matched"][1:] for one in found] == [[OTHERS]] * 9
    assert all(one["matched"][0].startswith("cs-uri-stem=/scan") for one in found)
    assert [one["count"] for one in found] == [30] * 9
    monkeypatch.setattr(hits, "TEXT_BYTES_MAX", 100)
    found = _hunted(archive, loaded, None).hits.to_pylist()
    assert [(one["matched"], one["count"]) for one in found] == [([OTHERS], 30)] * 9
    monkeypatch.setattr(hits, "TEXT_BYTES_MAX", 90 * 100)
    monkeypatch.setattr(pieces, "PIECE_BYTES", 2_000)
    assert len(_hunted(archive, loaded, None).hits) == 270


def test_pieces_hold_every_row_once_and_no_more_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 100)
    sizes = np.array([10, 90, 1, 100, 250, 50, 50, 0], np.int64)
    cuts = [(one.start, one.stop) for one in pieces.pieces(sizes)]
    assert cuts == [(0, 2), (2, 3), (3, 4), (4, 5), (5, 8)]
    assert list(pieces.pieces(sizes[:0])) == []


@pytest.mark.parametrize("modifier", ["", "|contains"])
def test_a_rule_of_a_hundred_thousand_values_meets_what_holds_one(tmp_path: Path, modifier: str) -> None:
    rows = [{"cs-uri-stem": f"/o{at}x"} for at in (0, 5, 99_999, 100_000, 123_456)]
    rule = {
        "title": "many", "id": "10000000-0000-4000-8000-000000000001", "logsource": {"category": "webserver"},
        "detection": {"s": {f"cs-uri-stem{modifier}": [f"/o{at}X" for at in range(100_000)]}, "condition": "s"},
    }  # fmt: skip
    loaded = load_rules(tmp_path / "rules", rule)
    found = _hunted(archive_of(tmp_path / "archive", {"iis": rows}), loaded, None)
    assert [one["record_no"] for one in found.hits.to_pylist()] == [1, 2, 3]


@pytest.mark.parametrize("seed", range(2))
def test_hits_that_are_folded_a_few_at_a_time_are_those_folded_at_once(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    drawn = random.Random(seed)  # noqa: S311
    parts = [drawn_hits(drawn, drawn.randrange(1, 90)) for _ in range(5)]
    monkeypatch.setattr(module, "ROWS_MAX", 20)
    whole = bounded(parts, lambda: parts)
    assert whole.coarse
    for at_once in (11, 50):
        monkeypatch.setattr(module, "_AT_ONCE", at_once)
        assert bounded(parts, lambda: parts) == whole


@pytest.mark.parametrize("seed", range(2))
def test_packed_hits_are_put_in_the_same_order_and_say_the_same(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    drawn = random.Random(seed)  # noqa: S311
    parts = [drawn_hits(drawn, rows) for rows in (40, 1, 90)]
    monkeypatch.setattr(packing, "PACKED_ROWS", 17)
    for limit in (3_000, 1 << 28):
        monkeypatch.setattr(pieces, "PIECE_BYTES", limit)
        told = concat([packed(one) for one in parts])
        assert is_packed(told)
        assert plain_schema(told.schema) == HITS
        assert weights(told).tolist() == weights(concat(parts)).tolist()
        assert unpacked(told) == concat(parts)
    assert packed(pa.concat_tables(parts * 50).combine_chunks()).nbytes * 2 < pa.concat_tables(parts * 50).nbytes


def test_what_a_file_of_many_hits_and_records_comes_to_is_the_same_packed_or_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    start = datetime(2021, 3, 3, tzinfo=UTC)
    rows = [
        {"cs-uri-stem": f"/owa/{at % 7}", "c-ip": f"192.0.2.{at % 50}", "time_utc": start + timedelta(seconds=at)}
        for at in range(200)
    ]
    archive = archive_of(tmp_path / "archive", {"iis": rows})
    source, condition = {"category": "webserver"}, {"s": {"cs-uri-stem|startswith": "/owa/"}, "condition": "s"}
    every = {"title": "All", "name": "all", "logsource": source, "detection": condition, "level": "low"}
    counted = {"type": "value_count", "rules": ["all"], "group-by": ["cs-uri-stem"], "timespan": "1h"}
    many = {"title": "Many", "correlation": counted | {"condition": {"field": "c-ip", "gte": 3}, "generate": True}}
    loaded = load_rules(tmp_path / "rules", every, many)
    whole = hunt(archive, loaded=loaded, workers=1)
    assert set(whole.hits["title"].to_pylist()) == {"All", "Many"}
    monkeypatch.setattr("dwell.hunt.wide.PACKED_ROWS", 16)
    monkeypatch.setattr(packing, "PACKED_ROWS", 16)
    for limit in (1, 1 << 25):
        # with so little held in memory it is handed over as a file, kept or put aside
        monkeypatch.setattr("dwell.hunt.passes.HELD_BYTES", limit)
        monkeypatch.setattr(bundles, "HELD_BYTES", limit)
        for cache in (None, tmp_path / f"cache-{limit}"):
            found = hunt(archive, loaded=loaded, workers=1, cache=cache)
            assert found.hits == whole.hits
            assert found.outcomes == whole.outcomes
