"""Small archives made of rows that a test writes down, and the records that a hunt met in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml
from msgspec import structs

from dwell.archive.datafile import DataFile, stage
from dwell.archive.store import Archive
from dwell.hunt.ordering import concat
from dwell.hunt.ruleset import RuleSet
from dwell.hunt.sigma.lists import Lists
from dwell.hunt.sigma.load import load
from dwell.hunt.sigma.loaded import Loaded
from dwell.hunt.wide import Hunter
from dwell.intake.tables import specs

__all__ = ["START", "archive_of", "hunted", "load_rules", "met", "met_one_by_one", "rows_table"]

START = datetime(2019, 4, 2, 8, 0, tzinfo=UTC)
EVIDENCE = "ab" * 32


def rows_table(table: str, rows: Sequence[Mapping[str, Any]], evidence: str = EVIDENCE) -> pa.Table:
    """Make rows of a table; what is not named is null, a second lies between one and the next."""
    schema = specs()[table].schema
    prefix = [
        {
            "evidence_id": evidence,
            "record_no": at + 1,
            "time_utc": row.get("time_utc", START + timedelta(seconds=at)),
            "host": row.get("host", "EX01"),
        }
        for at, row in enumerate(rows)
    ]
    whole = [
        {one.name: {**row, **head}.get(one.name) for one in schema} for row, head in zip(rows, prefix, strict=True)
    ]
    return pa.Table.from_pylist(whole, schema=schema)


def archive_of(
    root: Path, tables: Mapping[str, Sequence[Mapping[str, Any]]], *, name: str = "part", evidence: str = EVIDENCE
) -> Archive:
    """Make an archive, or add a data file to each of its tables."""
    archive = Archive(root, specs())
    for table, rows in tables.items():
        made = rows_table(table, rows, evidence)
        archive.commit(table, stage(archive.folder(table), archive.specs[table], made, name), name)
    return archive


def load_rules(folder: Path, *rules: Mapping[str, Any], lists: Mapping[str, Sequence[str]] | None = None) -> Loaded:
    """Write rules to a folder and load them, without our own; with the lists given for their placeholders."""
    folder.mkdir(parents=True, exist_ok=True)
    for at, rule in enumerate(rules):
        (folder / f"{at:03}.yml").write_text(yaml.safe_dump(rule, allow_unicode=True), encoding="utf-8")
    return load([folder], pack=False, lists=Lists({name: tuple(some) for name, some in (lists or {}).items()}))


def hunted(archive: Archive, hunter: Hunter) -> pa.Table:
    """Hunt every data file in this process."""
    files: list[DataFile] = [one for table in archive.tables() for one in archive.files(table)]
    return concat([hunter.hunt(one)[0] for one in files])


def met(hits: pa.Table) -> dict[str, set[int]]:
    """Give the records that each rule met; only where no row of hits stands for more than it names."""
    out: dict[str, set[int]] = {}
    for row in hits.to_pylist():
        assert row["count"] == len(row["refs"])
        out.setdefault(row["rule_id"], set()).update(one["record_no"] for one in row["refs"])
    return out


def met_one_by_one(archive: Archive, rules: RuleSet, *, prune: bool = True) -> dict[str, set[int]]:
    """Give the records that each rule met, however many, and check that its hits count as many."""
    told = RuleSet(
        tuple(structs.replace(one, correlated=True) for one in rules.rules), rules.atoms, rules.leaves, rules.wheres
    )
    hunter = Hunter(told, prune=prune)
    found = [hunter.find(one) for table in archive.tables() for one in archive.files(table)]
    out: dict[str, set[int]] = {}
    counted: dict[str, int] = {}
    for one in found:
        for name, number in zip(one.records["rule_id"].to_pylist(), one.records["record_no"].to_pylist(), strict=True):
            out.setdefault(name, set()).add(number)
        for name, count in zip(one.hits["rule_id"].to_pylist(), one.hits["count"].to_pylist(), strict=True):
            counted[name] = counted.get(name, 0) + count
    assert counted == {name: len(numbers) for name, numbers in out.items()}
    return out
