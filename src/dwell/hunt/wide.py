"""The wide pass: one data file, all rules, a small table of hits and what could be seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import structs

from dwell.archive.datafile import ColumnReader, DataFile
from dwell.engine.memory import give_back
from dwell.hunt.base import Base, Rows
from dwell.hunt.columnvalues import ColumnValues, values_of
from dwell.hunt.conditions import Conditions
from dwell.hunt.derived import base_of, derived_counts, is_derived
from dwell.hunt.filereport import FileReport, Found
from dwell.hunt.frame import Frame, columns_of
from dwell.hunt.hits import (
    FACES,
    NO_HITS,
    TEXT_CHARS_MAX,
    Face,
    Meeting,
    Subject,
    batched,
    group_hits,
    together,
)
from dwell.hunt.keyed import Keyed
from dwell.hunt.ordering import concat
from dwell.hunt.packing import PACKED_ROWS, packed
from dwell.hunt.patterns import Indices
from dwell.hunt.recordkinds import EVENT_ID, RecordKinds, Sites
from dwell.hunt.records import NO_RECORDS, RECORDS_MAX, told_records
from dwell.hunt.ruleset import Case, Node, RuleSet
from dwell.hunt.slots import FEW
from dwell.hunt.tasks import TableTasks, Task, leaves_of, places_of, plain_atoms, told_places
from dwell.hunt.verdict import Verdict, judged, leaf_verdict
from dwell.hunt.words import Truth, Words, truth_of, words
from dwell.intake.tables import specs

__all__ = ["FileHunt", "FileReport", "Found", "Hunter"]

_PREFIX = ("evidence_id", "record_no", "time_utc", "host")
FEW_TEXTS = 4_096
"""Columns of no more texts are looked at together; those of more one after the other, as long as one is needed."""


class Hunter:
    """A rule set made ready for data files; one per process.

    Attributes:
        rules: the rule set.
        plain: by leaf its questions where none of them is negated; none where one is.
        prune: whether the lexicon may rule files out; off only to show that it changes nothing.
    """

    def __init__(self, rules: RuleSet, *, prune: bool = True) -> None:
        self.rules = rules
        self.prune = prune
        self.plain = [plain_atoms(one.tree) for one in rules.leaves]
        cases: dict[str, list[tuple[int, Case]]] = {}
        for index, rule in enumerate(rules.rules):
            for case in rule.cases:
                cases.setdefault(rules.wheres[case.where].table, []).append((index, case))
        held = specs()
        self._tables = {table: TableTasks(held[table], rules, found) for table, found in cases.items()}

    def hunt(self, file: DataFile) -> tuple[pa.Table, FileReport]:
        """Hunt one data file: hits, and what was seen.

        Raises:
            CustodyError: the file is not what was written.
        """
        found = self.find(file).plain()
        return found.hits, found.report

    def find(self, file: DataFile) -> Found:
        """Hunt one data file, the records that correlations need included.

        Raises:
            CustodyError: the file is not what was written.
        """
        if file.table not in self._tables:
            return Found(NO_HITS, NO_RECORDS, FileReport(file.staged.rows))
        return FileHunt(self, file).run()

    def tasks(self, table: str) -> Sequence[Task]:
        """Give the cases of rules that are about a table."""
        return self._tables[table].tasks if table in self._tables else ()

    def table(self, table: str) -> TableTasks:
        """Give what is asked of a table that rules are about."""
        return self._tables[table]


class FileHunt:
    """The hunt of one data file."""

    def __init__(self, hunter: Hunter, file: DataFile, lexicon: ColumnValues | None = None) -> None:
        self.rules = hunter.rules
        self.prune = hunter.prune
        self._plain = hunter.plain
        self.file = file
        self.of = hunter.table(file.table)
        self.spec = self.of.spec
        self.tasks = self.of.tasks
        self.asked = self.of.asked
        maps = {one.name for one in self.spec.schema if pa.types.is_map(one.type)}
        self.coded = frozenset(self.spec.lexicon) | {"evidence_id", "host"} | maps
        self.report = FileReport(file.staged.rows)
        self.lexicon = lexicon or values_of(file)
        self.known: dict[str, Words] = {}
        self._able = np.ones(len(self.rules.atoms), np.bool_)
        self._verdicts: dict[int, tuple[Verdict, int]] = {}
        self._truths: dict[int, Truth] = {}
        self._told_apart: dict[str, frozenset[str] | None] = {}
        self._held: dict[int, Truth | None] = {}
        self._unmet: dict[str, Indices | None] = {}

    def _words(self, place: str) -> Words:
        asked = self.of.arrays[place]
        lacking = self._lacking(place)
        if lacking is not None and self._able[asked].sum() == self._able[lacking].sum():
            # none of the questions can be answered with yes
            rows = self.lexicon.rows_with(place, self.spec.joined.get(place))
            none = np.zeros(0, np.int64)
            mine = frozenset(asked[self._able[asked]].tolist())
            return Words(pa.array([], pa.string()), np.array(rows, np.int64), none, mine)
        values, counts, nulls = self.lexicon.of(base_of(place))
        if is_derived(place):
            values, counts, nulls = derived_counts(place, values, counts, nulls)
        name, asked_of, atoms = self.file.table, self.asked[place], self.rules.atoms
        return words(name, place, values, counts, nulls, asked_of, atoms, self._able, lacking)

    def _lacking(self, place: str) -> Indices | None:
        """Give the questions about a place that the bitmaps of its columns answer with no; None where there are none."""
        if place not in self._unmet:
            sought = self.of.sought(place)
            bitmaps = self.lexicon.bitmaps(sought.columns)
            self._unmet[place] = None if bitmaps is None else self.of.arrays[place][~sought.may_be_met(bitmaps)]
        return self._unmet[place]

    @cached_property
    def table(self) -> Rows:
        """Give the rows of the file, texts as coded where the lexicon holds such."""
        return Rows(self.spec.schema.names, self.file.staged.rows, self._read)

    @cached_property
    def base(self) -> Base:
        """Give the same rows, columns and maps taken apart."""
        return Base(self.table)

    @cached_property
    def _keyed(self) -> Keyed:
        return Keyed(self.base, self.spec.name, self.rules, self.asked)

    @cached_property
    def _reader(self) -> ColumnReader:
        texts = [one.name for one in self.spec.schema if pa.types.is_string(one.type) and one.name not in self.coded]
        return ColumnReader(self.file, sorted(self.coded), also=texts)

    def _read(self, names: Sequence[str]) -> pa.Table:
        return self._reader.read(names)

    def run(self) -> Found:
        """Give the hits, the records told one by one, and what was seen."""
        kinds = self._kinds()
        waiting, looked = self._sorted_out(kinds)
        if kinds is None and not waiting:
            # there is but one kind of record, and no row of it has to be looked at
            self._note_missing({one.case.where for one in looked}, None, None)
            return self._nothing()
        if not looked:
            return self._nothing()
        return self._rows(waiting, looked, kinds)

    def _kinds(self) -> RecordKinds | None:
        """Tell the rows of each kind of record apart; None where no kind is told from another."""
        able = {where: self.rules.wheres[where] for where in self._wheres() if self._may_hold(where)}
        columns = RecordKinds.columns(able.values())
        if not columns:
            return None
        self.table.want(columns)
        return RecordKinds(self.table, able)

    def _wheres(self) -> list[int]:
        """Give the kinds of record that rules are about."""
        wheres: list[int] = np.unique(self.of.wheres).tolist()
        return wheres

    def _sorted_out(self, kinds: RecordKinds | None) -> tuple[list[Task], list[Task]]:
        """Give the tasks that the lexicon leaves open, and all those about kinds of record that are held."""
        able = []
        for where in self._wheres():
            if self._may_hold(where):
                sorts = kinds.of(where) if kinds is not None else None
                self._held[where] = sorts
                rows = self.report.rows if kinds is None or sorts is None else int(kinds.rows[sorts].sum())
            else:
                rows = 0
            self.report.wheres[where] = rows
            able += [where] if rows else []
        mine = np.isin(self.of.wheres, able)
        if kinds is not None:
            self._know_numbers(kinds)
        looked = [self.tasks[at] for at in np.flatnonzero(mine).tolist()]
        if not self.prune:
            self._able = self.of.asked_by(mine)
            self._know(self._told_places())
            return looked, looked
        left = [self.tasks[at] for at in np.flatnonzero(self._sifted(mine, kinds)).tolist()]
        return [self._opened(one) for one in left if judged(one.case.tree, self._verdict) is not False], looked

    def _told_places(self) -> list[str]:
        """Give the places whose texts the lexicon holds in full, and that were not looked at yet."""
        return [one for one in self.of.arrays if base_of(one) in self.lexicon.complete and one not in self.known]

    def _know(self, places: Iterable[str]) -> None:
        """Put the questions that are asked to the texts of some places."""
        self.known |= {one: self._words(one) for one in places if self._able[self.of.arrays[one]].any()}

    def _sifted(self, mine: Truth, kinds: RecordKinds | None) -> Truth:
        """Say which of some tasks can be true, as far as single questions tell; reads the columns that this takes.

        What a bitmap rules out is not looked for in texts, and of large columns none is read that no task left needs.
        """
        can = np.ones(len(self.rules.atoms), np.bool_)
        places = self._told_places()
        for place in places:
            lacking = self._lacking(place)
            if lacking is not None:
                can[lacking] = False
        sizes = {one: self.lexicon.size(base_of(one)) for one in places}
        many = sorted((one for one in places if sizes[one] > FEW_TEXTS), key=lambda one: (sizes[one], one))
        left = self._still(mine, can, self.known)
        bare = self._bare_places(kinds)
        if bare:
            for place in bare:
                can[self.of.wanting(place)] = False
            left = self._still(left, can, ())
        few = [one for one in places if sizes[one] <= FEW_TEXTS]
        for some in (few, *([one] for one in many)):
            self._know(some)
            left = self._still(left, can, some)
        return left if kinds is None else self._seen(left, can)

    def _seen(self, left: Truth, can: Truth) -> Truth:
        """Say which of some tasks can be true by what only the rows hold: maps, and columns without a lexicon.

        Kinds of record are told apart by reading rows in any case, and most of these columns hold few texts.
        """
        maps = self._asked_still(self.of.maps)
        for place in maps:
            can[self.of.wanting(place)] = False
            can[self._keyed.slots(place, self._able).held.answered()] = True
        left = self._still(left, can, ()) if maps else left
        plain = self._asked_still([one for one in self.of.unlisted if one not in self.known])
        self.table.want(plain)
        self.known |= {one: self._counted(one) for one in plain}
        return self._still(left, can, plain) if plain else left

    def _asked_still(self, places: Iterable[str]) -> list[str]:
        """Give the places about which some question still matters."""
        return [one for one in places if self._able[self.of.arrays[one]].any()]

    def _counted(self, place: str) -> Words:
        """Put the questions that matter to the texts that the rows have in a column."""
        codes, values = self.base.codes(place)
        counts = np.bincount(codes.astype(np.int64) + 1, minlength=len(values) + 1)
        return self._told_words(place, values, counts)

    def _bare_places(self, kinds: RecordKinds | None) -> list[str]:
        """Give the places in maps that are still asked about, of those maps that no row has.

        Where the rows tell which fields are missing, a rule that asks for a key of its own is left to them.
        """
        maps = [one for one in self.of.maps if kinds is not None or one.endswith(":*")]
        wanted = self._asked_still(maps)
        names = {one: one.partition(":")[0] for one in wanted}
        bare = {name for name in set(names.values()) if self.lexicon.is_bare(name) or self.base.is_bare(name)}
        return [one for one in wanted if names[one] in bare]

    def _still(self, tasks: Truth, can: Truth, places: Iterable[str]) -> Truth:
        """Say which of some tasks can still be true after some places were looked at; only their questions count."""
        for place in places:
            if place in self.known:
                can[self.of.arrays[place]] = False
                can[self.known[place].answered()] = True
        left = tasks & self.of.possible(can)
        self._able = self.of.asked_by(left)
        return left

    def _know_numbers(self, kinds: RecordKinds) -> None:
        """Put the questions about event ids to those that kinds of record are told apart by."""
        if EVENT_ID in self.asked and EVENT_ID in kinds.names and EVENT_ID not in self.lexicon.complete:
            values, codes = kinds.texts(EVENT_ID)
            counts = np.bincount(codes + 1, weights=kinds.rows, minlength=len(values) + 1).astype(np.int64)
            self.known[EVENT_ID] = self._told_words(EVENT_ID, values, counts)

    def _told_words(self, place: str, values: pa.StringArray, counts: Indices) -> Words:
        """Put the questions about a place to texts; the first count is of rows without one."""
        asked, name = self.asked[place], self.file.table
        return words(name, place, values, counts[1:], int(counts[0]), asked, self.rules.atoms, self._able)

    def _nothing(self) -> Found:
        return Found(NO_HITS, NO_RECORDS, self.report)

    def _may_hold(self, where: int) -> bool:
        """Say whether the file can hold records of a kind, as far as the lexicon says."""
        wanted = self.rules.wheres[where].wanted
        told = {name: self._texts(name) for name in wanted}
        return all(
            held is None or not held.isdisjoint(one.lower() for one in wanted[name]) for name, held in told.items()
        )

    def _texts(self, name: str) -> frozenset[str] | None:
        """Give the texts, in lower case, of a column that tells kinds apart; None where the lexicon lacks some."""
        if name not in self._told_apart:
            held = name in self.lexicon.complete
            texts = pc.utf8_lower(self.lexicon.of(name)[0]).to_pylist() if held else None
            self._told_apart[name] = frozenset(texts) if texts is not None else None
        return self._told_apart[name]

    def _verdict(self, node: Node) -> Verdict:
        if node.op == "atom":
            return None
        return self._weighed(node.index)[0]

    def _weighed(self, index: int) -> tuple[Verdict, int]:
        """Give a leaf's verdict and how many rows meet it; half of them where the lexicon does not say."""
        if index not in self._verdicts:
            leaf = self.rules.leaves[index]
            held = self.known.get(leaf.place)
            if held is None:
                # what takes more work to look at comes later
                cost = 1 if ":" not in leaf.place else 4 if leaf.place.startswith("AuditData:") else 2
                self._verdicts[index] = (None, self.report.rows * cost)
            elif self._plain[index] and held.is_unmet(self._plain[index]):
                # most leaves of most files: nothing that they ask for is there
                self._verdicts[index] = (False, 0)
            else:
                self._verdicts[index] = leaf_verdict(self._truth(index), held)
        return self._verdicts[index]

    def _left(self, node: Node) -> Node:
        """Take out of a condition what the lexicon has decided, so that its columns need not be read."""
        if node.op in {"leaf", "atom"}:
            return node
        if node.op == "not":
            return Node("not", (self._left(node.children[0]),))
        decided = node.op == "and"
        parts = [self._left(one) for one in node.children if judged(one, self._verdict) is not decided]
        if not parts:
            return node
        return parts[0] if len(parts) == 1 else Node(node.op, tuple(parts))

    def _truth(self, index: int) -> Truth:
        if index not in self._truths:
            leaf = self.rules.leaves[index]
            self._truths[index] = truth_of(leaf.tree, self.known[leaf.place])
        return self._truths[index]

    def _opened(self, task: Task) -> Task:
        """Give what is left of a task, and the leaves by which it can be met."""
        tree = self._left(task.case.tree)
        shown = tuple(one for one in task.shown if self._weighed(one)[0] is not False)
        places = places_of(tree, self.rules) | {self.rules.leaves[one].place for one in shown} | told_places(task.case)
        return replace(task, case=structs.replace(task.case, tree=tree), places=places, shown=shown)

    def _planned(self, node: Node) -> tuple[Node, int]:
        """Put the parts of a condition in the order that decides soonest; give how many rows may be left."""
        if node.op == "leaf":
            name, _, key = self.rules.leaves[node.index].place.partition(":")
            # one look tells that a map or a JSON text is nowhere in the file: before any row is looked at
            return node, 0 if key and self.base.is_bare(name) else self._weighed(node.index)[1]
        if node.op == "atom":
            return node, self.report.rows * 4
        parts = [self._planned(one) for one in node.children]
        if node.op == "not":
            return Node("not", (parts[0][0],)), max(self.report.rows - parts[0][1], 0)
        parts.sort(key=lambda one: one[1], reverse=node.op == "or")
        weights = [one[1] for one in parts]
        return Node(node.op, tuple(one[0] for one in parts)), min(weights) if node.op == "and" else max(weights)

    def _note_missing(self, wheres: Iterable[int], waiting: Sequence[Task] | None, kinds: RecordKinds | None) -> None:
        """Note which places hold nothing, as far as the lexicon or, where there are tasks waiting, the rows say.

        What is noted for a rule is the same whatever other rules there are.
        """
        sites = Sites(self.base, kinds, self.spec, self.rules) if waiting is not None else None
        for where in sorted(wheres):
            if not self.rules.wheres[where].uniform:
                continue
            missing = self.report.missing[where] = []
            for place in self.of.of_kind(where):
                if place.endswith(":*"):
                    continue
                told = self._told_missing(place, kinds)
                if told is None and kinds is not None and sites is not None:
                    sorts = self._held.get(where)
                    held = sites.holding(place)
                    told = not bool(held.any() if sorts is None else held[sorts].any())
                elif told is None and sites is not None and waiting is not None:
                    mine = sorted({one.rule for one in waiting if one.case.where == where and place in one.places})
                    told = bool(mine) and not sites.is_held(place)
                    if told:
                        self.report.by_rows.setdefault(where, {})[place] = mine
                if told:
                    missing.append(place)

    def _told_missing(self, place: str, kinds: RecordKinds | None) -> bool | None:
        """Say whether no row holds anything in a place; None where only the rows tell, or only those of a kind."""
        columns = columns_of(place, self.spec)
        if not columns:
            return True
        if (told := self._is_everywhere(place, columns[0])) is not None:
            return not told
        if kinds is not None or place not in self.of.arrays or base_of(place) not in self.lexicon.complete:
            return None
        if not is_derived(place) and self.lexicon.nulls(columns[0]) is not None:
            return False
        if place not in self.known:
            self.known[place] = self._words(place)
        return bool(self.known[place].counts[:-1].sum() == 0)

    def _is_everywhere(self, place: str, column: str) -> bool | None:
        """Say whether every row holds something in a place, or none does; None where the lexicon does not tell."""
        nulls = self.lexicon.nulls(column)
        if nulls is None and self.lexicon.is_bare(column):  # of numbers no nulls are counted
            return False
        if nulls is None or 0 < nulls < self.report.rows:
            return None
        return None if is_derived(place) and not nulls else not nulls

    def _columns(self, tasks: Sequence[Task]) -> set[str]:
        """Give the columns that some tasks need, with those that say who and when."""
        if not tasks:
            return set()
        places = frozenset().union(*(task.places for task in tasks))
        wanted = {one for place in places for one in columns_of(place, self.spec)}
        return wanted | set(_PREFIX) | set(FACES.get(self.spec.name, Face()).columns)

    def _unsure(self, looked: Sequence[Task]) -> set[str]:
        """Give the columns of which only the rows tell whether each kind of record has something there."""
        out: set[str] = set()
        for where in {one.case.where for one in looked if self.rules.wheres[one.case.where].uniform}:
            for place in self.of.of_kind(where):
                columns = columns_of(place, self.spec)
                if columns and not place.endswith(":*") and self._is_everywhere(place, columns[0]) is None:
                    out.update(columns)
        return out

    def _rows(self, waiting: Sequence[Task], looked: Sequence[Task], kinds: RecordKinds | None) -> Found:
        self._want(waiting, looked, kinds)
        frames = self._frames(waiting, looked, kinds)
        met = [(task, rows) for task in waiting if len(rows := self._met(task, frames))]
        self._note_missing({one.case.where for one in looked}, waiting, kinds)
        self.report.opened = sorted(set(self.report.opened))
        much = sum(len(rows) for _, rows in met) > PACKED_ROWS
        mine = [one for one in met if self._is_correlated(one[0])]
        records = [one for task, rows in mine for one in self._told(task, frames[task.case.where], rows, pack=much)]
        if much:
            give_back()
        hits = [one for where, frame in frames.items() for one in self._hits(frame, where, met, pack=much)]
        frames.clear()
        met.clear()
        mine.clear()
        self._release()
        if much:
            give_back()
        return Found(concat(hits), pa.concat_tables(records or [NO_RECORDS]), self.report)

    def _release(self) -> None:
        """Let go of what was read: it is not needed any more, and putting much in order takes as much again."""
        for name in ("table", "base", "_keyed", "_reader", "known", "_truths"):
            self.__dict__.pop(name, None)

    def _want(self, waiting: Sequence[Task], looked: Sequence[Task], kinds: RecordKinds | None) -> None:
        """Read what the tasks still open may need, and what tells which kinds of record hold what."""
        if kinds is not None or self.file.shifts:
            # nearly all are needed; and the order of corrected rows is worked out for whatever is read
            names = self._columns(waiting) | (self._unsure(looked) if kinds is not None else set())
            self.table.want(sorted(names))

    def _frames(self, waiting: Sequence[Task], looked: Sequence[Task], kinds: RecordKinds | None) -> dict[int, Frame]:
        """Give the rows of each kind of record, as they are seen through the questions still open."""
        known, truths = self._narrowed(waiting)
        whole = Frame(
            self.base,
            self.spec,
            self.rules,
            self.asked,
            known,
            truths,
            self._wide,
            self.lexicon.ranked,
            self._keyed,
            self._able,
        )
        frames: dict[int, Frame] = {}
        for where in sorted({one.case.where for one in looked}):
            sorts = self._held.get(where)
            frames[where] = whole if kinds is None or sorts is None else whole.part(sorts[kinds.sorts])
        return frames

    def _is_correlated(self, task: Task) -> bool:
        return self.rules.rules[task.rule].correlated

    def _told(self, task: Task, frame: Frame, rows: Indices, *, pack: bool) -> Iterator[pa.Table]:
        """Tell the records that a task met one by one, the earliest first, up to so many."""
        if len(rows) > RECORDS_MAX:
            self.report.cut = sorted({*self.report.cut, task.rule})
        rule_id = self.rules.rules[task.rule].info.id
        for start in range(0, min(len(rows), RECORDS_MAX), PACKED_ROWS):
            some = rows[start : min(start + PACKED_ROWS, RECORDS_MAX)]
            told = told_records(frame, self.spec.name, rule_id, task.case, some)
            yield packed(told) if pack else told

    def _narrowed(self, waiting: Sequence[Task]) -> tuple[dict[str, Words], dict[int, Truth]]:
        """Give the words of the lexicon as far as the conditions still open tell them apart."""
        leaves: dict[str, list[int]] = {}
        for index in sorted({one for task in waiting for one in leaves_of(task.case.tree)}):
            leaves.setdefault(self.rules.leaves[index].place, []).append(index)
        words_by_place: dict[str, Words] = {}
        truths: dict[int, Truth] = {}
        for place, found in leaves.items():
            if place in self.known:
                held = self.known[place]
                # what many rows meet is asked of the rows that other parts of a condition leave, not of all
                mine = [
                    one for one in found if self._weighed(one)[1] * FEW <= self.report.rows or len(held.values) < FEW
                ]
                words_by_place[place], narrow = held.narrowed([self._truth(one) for one in mine])
                truths.update(zip(mine, narrow, strict=True))
        return words_by_place, truths

    def _wide(self, index: int) -> tuple[Words, Truth] | None:
        held = self.known.get(self.rules.leaves[index].place)
        return None if held is None else (held, self._truth(index))

    def _met(self, task: Task, frames: Mapping[int, Frame]) -> Indices:
        """Give the rows of its kind of record that a task's condition is met by."""
        frame = frames.get(task.case.where)
        if frame is None:
            return np.zeros(0, np.int64)
        self.report.opened.append(task.rule)
        tree, _ = self._planned(task.case.tree)
        return Conditions(frame).rows(tree)

    def _hits(self, frame: Frame, where: int, met: Sequence[tuple[Task, Indices]], *, pack: bool) -> Iterator[pa.Table]:
        """Yield the hits of every task on one kind of record; those of few rows are worked out together."""
        for some in batched(self._meetings(frame, where, met)):
            rows, subjects, matched = together(some)
            yield group_hits(some[0].table, rows, self.spec.name, subjects, matched, pack=pack)

    def _meetings(self, frame: Frame, where: int, met: Sequence[tuple[Task, Indices]]) -> Iterator[Meeting]:
        """Yield what every task on one kind of record met; what is said of who and when is read out once."""
        mine = [(task, rows) for task, rows in met if task.case.where == where]
        if not mine:
            return
        every = np.unique(np.concatenate([rows for _, rows in mine]))
        face = FACES.get(self.spec.name, Face())
        part = frame.picked([one for one in (*_PREFIX, *face.columns) if frame.holds(one)], every)
        for task, rows in mine:
            info = self.rules.rules[task.rule].info
            subject = Subject(info.id, "rule", info.title, info.level)
            matched = [frame.matched(index, rows, TEXT_CHARS_MAX) for index in task.shown]
            yield Meeting(part, np.searchsorted(every, rows), rows, subject, matched)
