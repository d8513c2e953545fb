"""Our own rules: each meets what it should, leaves its neighbours alone, and says all that a hit has to say."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from tests.hunt.archives import archive_of, hunted, met
from tests.hunt.cmdlet_logs import LOGS

from dwell.hunt.sigma.load import load
from dwell.hunt.sigma.loaded import PACK
from dwell.hunt.wide import Hunter
from dwell.model.claims import Outcome

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "hunt" / "pack.yml"


@cache
def golden() -> dict[str, dict[str, list[dict[str, Any]]]]:
    found: dict[str, dict[str, list[dict[str, Any]]]] = yaml.safe_load(GOLDEN.read_text(encoding="utf-8"))
    return found


def row_of(one: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value.items()) if isinstance(value, dict) else value for name, value in one["row"].items()}


def test_every_rule_of_the_pack_loads_and_has_golden_records() -> None:
    loaded = load()
    assert loaded.ended == ()
    assert loaded.faults == ()
    assert {rule.info.path.removesuffix(".yml") for rule in loaded.rules.rules} == set(golden())
    assert all(one["hits"] and one["misses"] for one in golden().values())


def test_every_rule_of_the_pack_says_who_wrote_it_what_it_means_and_how_much_it_weighs() -> None:
    for rule in load().rules.rules:
        info = rule.info
        assert info.pack
        assert info.author == "dwell developers"
        assert info.licence == "Apache-2.0"
        assert info.outcome in list(Outcome)
        assert 1 <= info.weight <= 5
        assert info.catalogue
        assert info.tags
        assert info.description
        assert info.falsepositives
        document = yaml.safe_load((PACK / info.path).read_text(encoding="utf-8"))
        assert document["references"]


def test_rules_of_the_pack_meet_their_golden_records_and_no_neighbours(tmp_path: Path) -> None:
    ids = {rule.info.path.removesuffix(".yml"): rule.info.id for rule in load().rules.rules}
    tables: dict[str, list[dict[str, Any]]] = {}
    expected: list[tuple[str, str, int, bool]] = []
    for name, sides in golden().items():
        for side, wanted in (("hits", True), ("misses", False)):
            for one in sides[side]:
                rows = tables.setdefault(one["table"], [])
                rows.append(row_of(one))
                expected.append((name, one["table"], len(rows), wanted))
    archive = archive_of(tmp_path / "archive", tables)
    hits = hunted(archive, Hunter(load().rules))
    found: dict[tuple[str, str], set[int]] = {}
    for table in tables:
        for rule, numbers in met(hits.filter([one == table for one in hits["table"].to_pylist()])).items():
            found[rule, table] = numbers
    wrong = [
        (name, table, number, wanted)
        for name, table, number, wanted in expected
        if (number in found.get((ids[name], table), set())) is not wanted
    ]
    assert wrong == []


def test_every_rule_has_golden_records_of_each_log_that_it_is_about() -> None:
    loaded = load()
    for rule in loaded.rules.rules:
        about = {loaded.rules.wheres[one.where].table for one in rule.cases}
        held = golden()[rule.info.path.removesuffix(".yml")]
        for side in ("hits", "misses"):
            assert {one["table"] for one in held[side]} >= about, (rule.info.path, side)


def cmdlets() -> list[tuple[str, bool, str, str]]:
    """Give rule, whether it meets the cmdlet, its name and its parameters, of every rule about cmdlets."""
    loaded = load()
    about = [one.info.path.removesuffix(".yml") for one in loaded.rules.rules if len(one.cases) == len(LOGS)]
    return [
        (name, side == "hits", one["row"]["Cmdlet"], one["row"].get("CmdletParameters") or "")
        for name in about
        for side in ("hits", "misses")
        for one in golden()[name][side]
        if one["table"] == "evtx" and (one["row"]["EventID"] == 6) is name.endswith("_failed")
    ]


def test_a_cmdlet_is_met_alike_in_every_log_that_tells_of_it(tmp_path: Path) -> None:
    loaded = load()
    told = cmdlets()
    assert len({name for name, *_ in told}) >= 28
    rows: dict[str, list[dict[str, Any]]] = {
        table: [make(name, text, failed=failed) for _, _, name, text in told for failed in (False, True)]
        for table, make in LOGS.items()
    }
    hits = hunted(archive_of(tmp_path / "archive", rows), Hunter(loaded.rules))
    found = {}
    for table in LOGS:
        found[table] = met(hits.filter([one == table for one in hits["table"].to_pylist()]))
    ids = {rule.info.path.removesuffix(".yml"): rule.info.id for rule in loaded.rules.rules}
    for name in sorted({name for name, *_ in told}):
        numbers = {table: found[table].get(ids[name], set()) for table in LOGS}
        assert len({frozenset(one) for one in numbers.values()}) == 1, (name, numbers)
        # what failed is another statement, and made by rules of its own
        worked = {2 * at + 1 for at, (whose, wanted, *_) in enumerate(told) if whose == name and wanted}
        mine = {number for at, (whose, *_) in enumerate(told) if whose == name for number in (2 * at + 1, 2 * at + 2)}
        expected = {one + 1 for one in worked} if name.endswith("_failed") else worked
        assert numbers["evtx"] & mine == expected, name
