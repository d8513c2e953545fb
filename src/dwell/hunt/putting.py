"""Everything held is asked all there is to ask: what is kept is taken, and workers do the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from dwell.archive.datafile import DataFile
from dwell.engine.pool import run
from dwell.hunt.bundles import Bundle, Written
from dwell.hunt.foretold import Foretelling
from dwell.hunt.forgetting import forget
from dwell.hunt.gathered import gathered
from dwell.hunt.hits import NO_HITS
from dwell.hunt.passes import HITS_AT, RECORDS_AT, Job, Pass, Seen, do, holders_pass, kept_name, told_holders
from dwell.hunt.ruleset import Where

__all__ = ["Progress", "Putting"]

ROWS_AT_ONCE = 262_144
"""Hits of small files are given together until there are so many."""
RECORDS_AT_ONCE = 65_536

Progress = Callable[[int, int, str], None]
"""Told (files done, files in all, table)."""


class Putting:
    """Sets of rules and of indicators, and the question who holds what, put to data files.

    Attributes:
        files: the data files, table by table.
    """

    def __init__(
        self,
        files: Mapping[str, Sequence[DataFile]],
        passes: Sequence[Pass],
        wheres: Sequence[Where],
        cache: Path | None,
        foretold: Foretelling | None = None,
        aside: Path | None = None,
    ) -> None:
        """Read what is kept.

        Args:
            files: the data files, table by table.
            passes: the sets, rules first.
            wheres: the kinds of record that rules are about.
            cache: folder where bundles are kept; None keeps nothing.
            foretold: tells files that hold none of the indicators, where there is such a thing.
            aside: a folder for the length of the run, for what is kept nowhere and is too much for memory.
        """
        self.files = files
        self._names = {table: [kept_name(one) for one in some] for table, some in files.items()}
        self._numbers = {table: [at for at, one in enumerate(wheres) if one.table == table] for table in files}
        self._cache = cache
        self._sets = passes
        self._holders = {
            table: holders_pass([wheres[at] for at in numbers], table, cache)
            for table, numbers in self._numbers.items()
        }
        every = [*passes, *self._holders.values()]
        self._bundles = {(one.kind, one.key): Bundle(one.folder, aside) for one in every}
        self._foretold = foretold
        if foretold is not None:
            self._bundles[foretold.asked.kind, foretold.asked.key] = foretold.bundle

    def _bundle(self, one: Pass) -> Bundle:
        return self._bundles[one.kind, one.key]

    def _jobs(self, databases: Path | None) -> list[Job]:
        """Give what has to be done, some neighbouring files of a table at a time."""
        jobs = []
        for table, files in self.files.items():
            passes = (*self._sets, self._holders[table])
            for group in gathered(files):
                left = [(one, self._left(one, group)) for one in passes]
                asked = tuple((one, some) for one, some in [*self._ungathered(left), *left] if some)
                if asked:
                    jobs.append(Job(table, len(group), asked, databases))
        return jobs

    def _left(self, one: Pass, group: Sequence[DataFile]) -> tuple[DataFile, ...]:
        bundle = self._bundle(one)
        return tuple(file for file in group if kept_name(file) not in bundle)

    def _ungathered(self, left: Sequence[tuple[Pass, tuple[DataFile, ...]]]) -> list[tuple[Pass, tuple[DataFile, ...]]]:
        """Give the files that indicators are put to, and of whose addresses it is not kept what they are."""
        if self._foretold is None:
            return []
        asked = self._foretold.asked
        return [(asked, self._left(asked, files)) for one, files in left if one.kind == "indicators"]

    def _foretell(self) -> None:
        """Take what is known of files that hold none of the indicators."""
        for one in self._sets:
            if one.kind == "indicators" and self._foretold is not None:
                left = [file for some in self.files.values() for file in self._left(one, some)]
                self._bundle(one).take(Written(None, self._foretold.told(left) if left else {}))

    def run(self, workers: int | None, databases: Path | None, progress: Progress | None) -> None:
        """Do what is not kept, and keep it.

        Args:
            workers: processes.
            databases: folder of compiled patterns; None keeps none.
            progress: told how far it is.

        Raises:
            CustodyError: a data file is not what was written.
            OSError: what came of it cannot be kept.
        """
        self._foretell()
        jobs = self._jobs(databases)
        total = sum(map(len, self.files.values()))
        done = total - sum(job.files for job in jobs)
        if progress is not None and total and not jobs:
            progress(done, total, list(self.files)[-1])
        for job, written in zip(jobs, run(do, jobs, workers=1 if len(jobs) < 2 else workers), strict=True):
            for (one, _), new in zip(job.asked, written, strict=True):
                self._bundle(one).take(new)
            done += job.files
            if progress is not None:
                progress(done, total, job.table)
        for bundle in self._bundles.values():
            bundle.settle()
        if self._cache is not None:
            asked = [one.folder for one in (*self._sets, *self._holders.values())]
            if self._foretold is not None:
                asked.append(self._foretold.asked.folder)
            forget(self._cache, [one for one in asked if one is not None])

    def hits(self) -> Iterator[pa.Table]:
        """Yield the hits of all sets in all files, in no order."""
        names = [name for some in self._names.values() for name in some]
        for one in self._sets:
            yield from self._bundle(one).rows(HITS_AT, names)

    def hits_in_order(self) -> Iterator[pa.Table]:
        """Yield the same, set by set and file by file, many at a time: in the same order whatever was kept before."""
        held = NO_HITS
        for one in self._sets:
            for name in (name for some in self._names.values() for name in some):
                entry = self._bundle(one).get(name)
                held = pa.concat_tables([held, *([entry.tables[HITS_AT]] if entry is not None else [])])
                if held.num_rows >= ROWS_AT_ONCE:
                    yield held
                    held = NO_HITS
                    self._bundle(one).forget()
        yield held

    def records(self) -> Iterator[pa.Table]:
        """Yield the records that are told one by one, file by file."""
        bundle = self._bundle(self._sets[0])
        for name in (name for some in self._names.values() for name in some):
            entry = bundle.get(name)
            if entry is None:
                continue
            whole = entry.tables[RECORDS_AT]
            for start in range(0, whole.num_rows, RECORDS_AT_ONCE):
                yield whole.slice(start, RECORDS_AT_ONCE)
                bundle.forget()

    def seen(self) -> dict[str, list[Seen]]:
        """Give what was seen of every file, table by table, with who holds which records."""
        out: dict[str, list[Seen]] = {}
        for table, names in self._names.items():
            holders = self._bundle(self._holders[table])
            mine = out[table] = []
            for name in names:
                first, *others = (Seen.of(self._bundle(one).said(name)) for one in self._sets)
                first.kinds = [kind for one in others for kind in one.kinds]
                first.report.held = told_holders(holders.said(name), self._numbers[table])
                mine.append(first)
        return out
