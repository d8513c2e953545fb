"""Read real evidence as a user would, and hold what comes out against what its publishers counted.

    field/run.py            ../shared/data beside the project
    field/run.py FOLDER     the same evidence elsewhere

The folder is brought into a case of its own, which is thrown away at the end. A line that differs is marked, and the exit
code is 1; where the folder is absent the reason is printed and the exit code is 0.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from tests.oracle import counts  # noqa: E402 - found beside this folder

from dwell.archive.store import Archive  # noqa: E402
from dwell.casebook.case import Case  # noqa: E402
from dwell.casebook.evidence import Evidence  # noqa: E402
from dwell.hunt.hunting import hunt  # noqa: E402
from dwell.hunt.ruleset import RuleSet  # noqa: E402
from dwell.hunt.sigma.loaded import Loaded  # noqa: E402
from dwell.intake.containers import open_locator  # noqa: E402
from dwell.intake.ingest import ingest, open_archive  # noqa: E402
from dwell.intake.plan import Plan, PlannedFile, make_plan  # noqa: E402
from dwell.sources.registry import source  # noqa: E402
from dwell.sources.source import HEAD_BYTES, Sniff  # noqa: E402

__all__ = ["Line", "main"]

FOLDER = PROJECT.parent / "shared" / "data"
EXPECT = PROJECT / "field" / "expect.toml"
_NO_RULES = Loaded(RuleSet((), (), (), ()), {}, (), ())
_COUNTED = ("rule_id", "evidence_id", "count")
TIME_NAMES = frozenset({"datetime", "date-time", "timestamp"})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    Attributes:
        what: what was looked at.
        measure: what was counted.
        expected: what should have come out.
        observed: what did.
    """

    what: str
    measure: str
    expected: str
    observed: str

    @property
    def differs(self) -> bool:
        """Say whether it is a difference."""
        return self.expected not in (self.observed, "")


def _pattern(path: str) -> re.Pattern[str]:
    """Make a path pattern: `*` within a folder, `**` through folders."""
    text = re.escape(path).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.compile(text)


def _matching(register: Mapping[str, Evidence], paths: str | Sequence[str]) -> list[Evidence]:
    """Give the evidence that lies at a place which a pattern names, by path."""
    patterns = [_pattern(one) for one in ([paths] if isinstance(paths, str) else paths)]
    found = [
        one for one in register.values() if any(each.fullmatch(place.path) for place in one.places for each in patterns)
    ]
    return sorted(found, key=lambda one: one.places)


class Field:
    """The evidence in a case, and what is expected of it."""

    def __init__(self, case: Case, archive: Archive, plan: Plan) -> None:
        self.register: dict[str, Evidence] = {str(key): one for key, one in case.register().items()}
        self.plan: dict[str, PlannedFile] = {str(one.evidence_id): one for one in plan.files}
        self.spoken_of: set[str] = set()
        self.tables = duckdb.connect(config={"autoinstall_known_extensions": False})
        for name in archive.tables():
            files = [one.path.as_posix() for one in archive.files(name)]
            self.tables.execute(f'create view "{name}" as select * from read_parquet({files!r}, union_by_name=true)')  # noqa: S608
        self.tallies = {
            row[0]: row[1:]
            for row in self.tables.execute("select evidence_id, records, anomalies, structural from files").fetchall()
        }

    def read(self, wanted: Mapping[str, Any]) -> Iterator[Line]:
        """Yield the lines for files that a source reads."""
        what = str(wanted["what"])
        found = _matching(self.register, wanted["path"])
        self.spoken_of |= {str(one.evidence_id) for one in found}
        sources = sorted({one.source or "nothing" for one in found}) or ["no such file"]
        yield Line(what, "source", wanted["source"], ", ".join(sources))
        tallies = [self.tallies.get(str(one.evidence_id), (0, 0, 0)) for one in found]
        # the same bytes may lie at several places: each place is a file to whoever counted them
        patterns = _pattern(wanted["path"])
        places = [sum(patterns.fullmatch(place.path) is not None for place in one.places) for one in found]
        sums = [sum(tally[at] * times for tally, times in zip(tallies, places, strict=True)) for at in range(3)]
        observed = {"files": sum(places), "records": sums[0], "anomalies": sums[1], "lines": sum(sums)}
        for measure, count in observed.items():
            if measure in wanted or measure in ("records", "anomalies"):
                yield Line("", measure, str(wanted.get(measure, "")), str(count))
        if "records_each" in wanted:
            low, high = wanted["records_each"]
            fits = all(low <= tally[0] <= high for tally in tallies)
            counts = f"{min(one[0] for one in tallies)} to {max(one[0] for one in tallies)}" if tallies else "none"
            yield Line("", "records each", f"{low} to {high}", f"{low} to {high}" if fits else counts)
        if "columns" in wanted:
            counts = ", ".join(sorted({self._columns(one) for one in found}))
            yield Line("", "columns", str(wanted["columns"]), counts)

    def _columns(self, one: Evidence) -> str:
        """Count the names of a file's `#Fields` line, all of which have to be columns of the source."""
        with open_locator(self.plan[str(one.evidence_id)].locator) as stream:
            text = Sniff(stream.read(HEAD_BYTES), "", complete=True).text
        header = next((line[8:] for line in text.splitlines() if line.lower().startswith("#fields:")), "")
        names = [name.strip() for name in header.split(",")]
        ours = {name.lower() for name in source(one.source or "").schema.names} | TIME_NAMES
        known = sum(name.lower() in ours for name in names)
        return str(known) if known == len(names) else f"{known} of {len(names)}"

    def query(self, wanted: Mapping[str, Any]) -> Line:
        """Ask the tables."""
        keys = [str(one.evidence_id) for one in _matching(self.register, wanted["path"])]
        self.tables.register("chosen", pa.table({"evidence_id": pa.array(keys, pa.string())}))
        rows = f'(select * from "{wanted["table"]}" where evidence_id in (select evidence_id from chosen))'  # noqa: S608
        try:
            found = self.tables.execute(wanted["sql"].replace("{file}", rows)).fetchall()
        except duckdb.Error as fault:
            return Line(wanted["what"], "", str(wanted["expected"]), f"cannot be asked: {fault}")
        return Line(wanted["what"], "", str(wanted["expected"]), str(found[0][0]))

    def indicators(self, wanted: Sequence[Mapping[str, Any]], archive: Archive) -> Iterator[Line]:
        """Look for indicators, all in one list, and yield how many records of the files named met each."""
        with tempfile.TemporaryDirectory(prefix="dwell-field-") as place:
            path = Path(place) / "field.txt"
            path.write_text("".join(f"{one['written']}\n" for one in wanted), encoding="utf-8")
            hunted = hunt(archive, loaded=_NO_RULES, indicator_files=[path])
        met: Counter[tuple[str, str]] = Counter()
        for name, evidence, count in zip(*(hunted.hits[one].to_pylist() for one in _COUNTED), strict=True):
            met[name, evidence] += count
        for one in wanted:
            if "refused" in one:
                line = wanted.index(one) + 1
                told = next((why for why in hunted.faults if why.startswith(f"field.txt:{line}: ")), "taken")
                yield Line(one["what"], "refused", one["refused"], told.partition(": ")[2] or told)
                continue
            files = _matching(self.register, one["path"])
            observed = sum(met[one["id"], str(each.evidence_id)] for each in files)
            yield Line(one["what"], "records met", str(one["records"]), str(observed))

    def unread(self, wanted: Mapping[str, Any]) -> Line:
        """Look at files that no source reads."""
        found = _matching(self.register, wanted["path"])
        self.spoken_of |= {str(one.evidence_id) for one in found}
        taken = sorted({f"read as {one.source}: {one.places[0].path}" for one in found if one.source is not None})
        guessed = sum(bool(one.guesses) for one in found)
        shown = f"{len(found)} files, unrecognised" + (f", {guessed} guessed at" if guessed else "")
        return Line(wanted["what"], wanted["why"], shown, "; ".join(taken) or shown)

    def counted(self, uneven: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
        """Hold every file's records and anomalies against a slow count that knows nothing of the sources."""
        agree, known = 0, {one["path"]: one for one in uneven}
        for key, one in sorted(self.register.items(), key=lambda pair: pair[1].places):
            if one.source is None:
                continue
            with open_locator(self.plan[key].locator) as stream:
                theirs = counts.count(one.source, stream.read())
            path, (records, anomalies) = one.places[0].path, self.tallies.get(key, (0, 0))[:2]
            if said := known.get(path):
                wanted = f"{said['records']} + {said['anomalies']} for {said['counted']}"
                yield Line(path, said["why"], wanted, f"{records} + {anomalies} for {theirs}")
            elif records + anomalies == theirs:
                agree += 1
            else:
                yield Line(path, "by a slow count", str(theirs), f"{records} + {anomalies}")
        yield Line("every other file, by a slow count", "files that agree", "", str(agree))

    def others(self) -> Iterator[Line]:
        """Yield what is there and nobody spoke of."""
        for key, one in sorted(self.register.items(), key=lambda pair: pair[1].places):
            if key not in self.spoken_of:
                yield Line(one.places[0].path, "not expected here", "nothing said", one.source or "unrecognised")


def _lines(field: Field, archive: Archive, expected: Mapping[str, Any]) -> Iterator[Line]:
    queries: dict[str, list[Mapping[str, Any]]] = {}
    for one in expected["query"]:
        queries.setdefault(one["path"], []).append(one)
    for one in expected["read"]:
        yield from field.read(one)
        for asked in queries.pop(one["path"], []):
            yield field.query(asked)
    for left in queries.values():
        yield from (field.query(one) for one in left)
    yield from field.indicators(expected.get("indicator", ()), archive)
    yield from (field.unread(one) for one in expected["unread"])
    yield from field.others()
    yield from field.counted(expected.get("uneven", ()))


def _print(lines: Sequence[Line]) -> None:
    wide = max(len(one.what) for one in lines)
    print(f"{'':8}{'what':{wide}}  {'measure':24}  {'expected':>12}  observed")
    for one in lines:
        mark = "DIFFERS" if one.differs else ""
        print(f"{mark:8}{one.what:{wide}}  {one.measure:24}  {one.expected:>12}  {one.observed}")


def main() -> int:
    """Bring the folder into a case and print the table."""
    parser = argparse.ArgumentParser(description="Hold what comes out of real evidence against what was counted in it.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="where the evidence is")
    folder = parser.parse_args().folder
    if not folder.is_dir():
        print(f"nothing done: {folder} is not on this machine; give the folder that holds the evidence")
        return 0
    expected = tomllib.loads(EXPECT.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="dwell-field-") as place:
        case = Case.create(Path(place) / "case", "field")
        with case.writing():
            result = ingest(case, [folder])
        spool = Path(place) / "spool"
        plan = make_plan([folder], spool, lambda *_: None)
        archive = open_archive(case)
        lines = list(_lines(Field(case, archive, plan), archive, expected))
    _print(lines)
    for fault in result.faults:
        print(f"fault   {fault.path}: {fault.why}")
    differing = sum(one.differs for one in lines)
    print(f"\n{result.files_new} files read, {result.records:,} records, {result.anomalies:,} anomalies, ", end="")
    print(f"{len(result.unrecognised)} files unrecognised; {differing} of {len(lines)} lines differ")
    return int(bool(differing or result.faults))


if __name__ == "__main__":
    sys.exit(main())
