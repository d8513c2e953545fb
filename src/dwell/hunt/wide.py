"""The wide pass: one data file, all rules, a small table of hits and what could be seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import structs

from dwell.archive.datafile import DataFile, read_rows
from dwell.archive.lexicon import coded
from dwell.archive.spec import TableSpec
from dwell.hunt.columnvalues import ColumnValues, values_of
from dwell.hunt.conditions import Conditions
from dwell.hunt.derived import base_of, derived, is_derived
from dwell.hunt.frame import FEW, Frame, columns_of
from dwell.hunt.hits import FACES, HITS, TEXT_CHARS_MAX, Face, Matched, Subject, concat, group_hits
from dwell.hunt.patterns import Indices
from dwell.hunt.picking import picked
from dwell.hunt.records import RECORDS, RECORDS_MAX, told_records
from dwell.hunt.ruleset import Case, Node, RuleSet
from dwell.hunt.verdict import Verdict, judged, leaf_verdict
from dwell.hunt.words import Truth, Words, truth_of, words
from dwell.intake.tables import specs

__all__ = ["FileHunt", "FileReport", "Found", "Hunter", "Meeting", "Task", "atoms_of"]

_PREFIX = ("evidence_id", "record_no", "time_utc", "host")


@dataclass(slots=True)
class FileReport:
    """What was seen of one data file.

    Attributes:
        rows: how many it has.
        wheres: rows of each kind of record, by its index.
        missing: places that rules ask about and that no such record holds, by the same.
        opened: rules whose conditions were put to rows.
        cut: correlated rules that met more records than are told one by one.
    """

    rows: int = 0
    wheres: dict[int, int] = field(default_factory=dict)
    missing: dict[int, list[str]] = field(default_factory=dict)
    opened: list[int] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """What a hunt of one data file yields.

    Attributes:
        hits: rows in `HITS`.
        records: rows in `RECORDS`, of the rules that correlations rest on.
        report: what was seen.
    """

    hits: pa.Table
    records: pa.Table
    report: FileReport


@dataclass(frozen=True, slots=True)
class Task:
    """A case of a rule that is about the table at hand.

    Attributes:
        rule: index of the rule.
        case: the case, or what the lexicon has left of it.
        places: where it looks.
        shown: leaves whose texts are told when it is met.
    """

    rule: int
    case: Case
    places: frozenset[str]
    shown: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a rule met among records of one kind.

    Attributes:
        table: who and when, of all rows that some rule met.
        rows: those of this rule in it.
        frame_rows: the same in the frame.
        subject: the rule.
        matched: the texts by which it was met.
    """

    table: pa.Table
    rows: Indices
    frame_rows: Indices
    subject: Subject
    matched: Sequence[Matched]


def atoms_of(node: Node, rules: RuleSet) -> Iterator[int]:
    """Yield the atoms of a condition, those of its leaves included."""
    if node.op == "atom":
        yield node.index
    elif node.op == "leaf":
        yield from atoms_of(rules.leaves[node.index].tree, rules)
    for one in node.children:
        yield from atoms_of(one, rules)


def _plain_atoms(node: Node) -> frozenset[int]:
    """Give the atoms of a leaf that are not negated; none where one is."""
    if node.op == "atom":
        return frozenset({node.index})
    parts = [_plain_atoms(one) for one in node.children]
    return frozenset().union(*parts) if node.op != "not" and all(parts) else frozenset()


def _literals(asked: Sequence[int], rules: RuleSet) -> tuple[tuple[str, ...], ...]:
    """Give the literals that each of some questions needs; nothing where one of them asks for something else."""
    atoms = [rules.atoms[one] for one in asked]
    told = tuple(one.parts[::2] if one.kind == "text" else () for one in atoms)
    return told if all(any(len(part) > 2 for part in one) for one in told) else ()


def _leaves_of(node: Node) -> Iterator[int]:
    if node.op == "leaf":
        yield node.index
    for one in node.children:
        yield from _leaves_of(one)


def _told(case: Case) -> frozenset[str]:
    """Give the places that correlations ask about."""
    return frozenset(place for _, places in case.told for place in places)


def _places(tree: Node, rules: RuleSet) -> frozenset[str]:
    found: set[str] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node.op == "leaf":
            # all questions of a leaf are about its place
            found.add(rules.leaves[node.index].place)
        elif node.op == "atom":
            atom = rules.atoms[node.index]
            found |= {atom.place, atom.other} if atom.other else {atom.place}
        else:
            waiting += node.children
    return frozenset(found)


def _gathered(node: Node, atoms: list[int], leaves: set[int]) -> None:
    """Gather the atoms of a condition that stand by themselves, and its leaves."""
    if node.op == "atom":
        atoms.append(node.index)
    elif node.op == "leaf":
        leaves.add(node.index)
    for one in node.children:
        _gathered(one, atoms, leaves)


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
        self._specs = specs()
        self.plain = [_plain_atoms(one.tree) for one in rules.leaves]
        self._tasks: dict[str, list[Task]] = {}
        self._asked: dict[str, dict[str, list[int]]] = {}
        leaves: dict[str, set[int]] = {}
        for index, rule in enumerate(rules.rules):
            for case in rule.cases:
                table = rules.wheres[case.where].table
                alone: list[int] = []
                _gathered(case.tree, alone, leaves.setdefault(table, set()))
                asked = self._asked.setdefault(table, {})
                for one in alone:
                    if rules.atoms[one].kind != "same":
                        asked.setdefault(rules.atoms[one].place, []).append(one)
                self._tasks.setdefault(table, []).append(
                    Task(index, case, _places(case.tree, rules) | _told(case), _positive(case.tree, rules))
                )
        for table, asked in self._asked.items():
            # rules share leaves: each is looked into once
            for one in leaves[table]:
                asked.setdefault(rules.leaves[one].place, []).extend(atoms_of(rules.leaves[one].tree, rules))
            self._asked[table] = {place: sorted(set(ones)) for place, ones in sorted(asked.items())}
        self._literals = {
            table: {place: _literals(ones, rules) for place, ones in asked.items()}
            for table, asked in self._asked.items()
        }

    def hunt(self, file: DataFile) -> tuple[pa.Table, FileReport]:
        """Hunt one data file: hits, and what was seen.

        Raises:
            CustodyError: the file is not what was written.
        """
        found = self.find(file)
        return found.hits, found.report

    def find(self, file: DataFile) -> Found:
        """Hunt one data file, the records that correlations need included.

        Raises:
            CustodyError: the file is not what was written.
        """
        if file.table not in self._tasks:
            return Found(HITS.empty_table(), RECORDS.empty_table(), FileReport(file.staged.rows))
        return FileHunt(self, file).run()

    def tasks(self, table: str) -> Sequence[Task]:
        """Give the cases of rules that are about a table."""
        return self._tasks.get(table, ())

    def asked(self, table: str) -> Mapping[str, Sequence[int]]:
        """Give the questions about each place of a table."""
        return self._asked.get(table, {})

    def literals(self, table: str) -> Mapping[str, Sequence[Sequence[str]]]:
        """Give, for each place of a table that only patterns are put to, the literals of each; none for others."""
        return self._literals.get(table, {})

    def spec(self, table: str) -> TableSpec:
        """Give what a table is."""
        return self._specs[table]


class FileHunt:
    """The hunt of one data file."""

    def __init__(self, hunter: Hunter, file: DataFile, lexicon: ColumnValues | None = None) -> None:
        self.rules = hunter.rules
        self.prune = hunter.prune
        self._plain = hunter.plain
        self.file = file
        self.spec = hunter.spec(file.table)
        self.tasks = hunter.tasks(file.table)
        self.asked = hunter.asked(file.table)
        self._literals = hunter.literals(file.table)
        self.report = FileReport(file.staged.rows)
        self.lexicon = lexicon or values_of(file)
        self.known = {place: self._words(place) for place in self.asked if base_of(place) in self.lexicon.complete}
        self._verdicts: dict[int, tuple[Verdict, int]] = {}
        self._truths: dict[int, Truth] = {}
        self._told_apart: dict[str, frozenset[str] | None] = {}
        self._able: dict[int, bool] = {}
        self._bare: frozenset[str] = frozenset()

    def _words(self, place: str) -> Words:
        wanted = self._literals.get(place)
        if wanted and (rows := self.lexicon.lacks(place, self.spec.joined.get(place), wanted)) is not None:
            none = np.zeros(0, np.int64)
            return Words(pa.array([], pa.string()), np.array(rows, np.int64), none, frozenset(self.asked[place]))
        values, counts, nulls = self.lexicon.of(base_of(place))
        if is_derived(place):
            values, counts, nulls = _parts(place, values, counts, nulls)
        return words(self.file.table, place, values, counts, nulls, self.asked[place], self.rules.atoms)

    def run(self) -> Found:
        """Give the hits, the records told one by one, and what was seen."""
        waiting, looked = self._sorted_out()
        restricted = any(self.rules.wheres[one.case.where].wanted for one in looked)
        if self.spec.name != "evtx" and not (waiting or restricted):
            self._note_missing({one.case.where for one in looked}, None)
            return self._nothing()
        if not looked:
            return self._nothing()
        return self._rows(waiting, looked)

    def _sorted_out(self) -> tuple[list[Task], list[Task]]:
        """Give the tasks that the lexicon leaves open, and all those about kinds of record that may be held."""
        waiting: list[Task] = []
        looked: list[Task] = []
        for task in self.tasks:
            if not self._may_hold(task.case.where):
                self.report.wheres.setdefault(task.case.where, 0)
                continue
            looked.append(task)
            if not self.prune:
                waiting.append(task)
            elif judged(task.case.tree, self._verdict) is not False:
                waiting.append(self._opened(task))
        return waiting, looked

    def _nothing(self) -> Found:
        return Found(HITS.empty_table(), RECORDS.empty_table(), self.report)

    def _may_hold(self, where: int) -> bool:
        """Say whether the file can hold records of a kind, as far as the lexicon says."""
        if where not in self._able:
            told = {name: self._texts(name) for name in self.rules.wheres[where].wanted}
            self._able[where] = all(
                held is None or not held.isdisjoint(self.rules.wheres[where].wanted[name])
                for name, held in told.items()
            )
        return self._able[where]

    def _texts(self, name: str) -> frozenset[str] | None:
        """Give the texts of a column that tells kinds of record apart; None where the lexicon does not hold them all."""
        if name not in self._told_apart:
            held = name in self.lexicon.complete
            self._told_apart[name] = frozenset(self.lexicon.of(name)[0].to_pylist()) if held else None
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
        places = _places(tree, self.rules) | {self.rules.leaves[one].place for one in shown} | _told(task.case)
        return replace(task, case=structs.replace(task.case, tree=tree), places=places, shown=shown)

    def _planned(self, node: Node) -> tuple[Node, int]:
        """Put the parts of a condition in the order that decides soonest; give how many rows may be left."""
        if node.op == "leaf":
            name, _, key = self.rules.leaves[node.index].place.partition(":")
            # one look tells that a map or a JSON text is nowhere in the file: before any row is looked at
            return node, 0 if key and name in self._bare else self._weighed(node.index)[1]
        if node.op == "atom":
            return node, self.report.rows * 4
        parts = [self._planned(one) for one in node.children]
        if node.op == "not":
            return Node("not", (parts[0][0],)), max(self.report.rows - parts[0][1], 0)
        parts.sort(key=lambda one: one[1], reverse=node.op == "or")
        weights = [one[1] for one in parts]
        return Node(node.op, tuple(one[0] for one in parts)), min(weights) if node.op == "and" else max(weights)

    def _note_missing(self, wheres: set[int], frames: Mapping[int, Frame] | None) -> None:
        """Note which places hold nothing, as far as the lexicon or the rows say."""
        for where in sorted(wheres):
            self.report.wheres.setdefault(where, self.report.rows)
            if not self.rules.wheres[where].uniform:
                continue
            asked = sorted({place for task in self.tasks if task.case.where == where for place in task.places})
            frame = frames.get(where) if frames is not None else None
            self.report.missing[where] = [one for one in asked if self._is_missing(one, frame)]

    def _is_missing(self, place: str, frame: Frame | None) -> bool:
        if place.endswith(":*"):
            return False
        if not columns_of(place, self.spec):
            return True
        if frame is not None and all(one in frame.table.column_names for one in columns_of(place, self.spec)):
            return not frame.recorded(place)
        if place in self.known:
            held = self.known[place]
            return bool(held.counts[:-1].sum() == 0)
        return False

    def _columns(self, tasks: Sequence[Task]) -> tuple[list[str], list[str]]:
        """Give the columns that some tasks need, and which of them are read as coded."""
        face = FACES.get(self.spec.name, Face())
        places = frozenset().union(*(task.places for task in tasks))
        wanted = {one for place in places for one in columns_of(place, self.spec)}
        if self.spec.name == "evtx":
            wanted |= {"Channel", "EventID"}
        wanted |= {name for task in tasks for name in self.rules.wheres[task.case.where].wanted}
        wanted |= set(_PREFIX) | set(face.columns)
        columns = [one for one in self.spec.schema.names if one in wanted]
        dictionary = [one for one in columns if one in self.spec.lexicon or one in {"evidence_id", "host"}]
        return columns, dictionary

    def _read(self, tasks: Sequence[Task]) -> pa.Table:
        columns, dictionary = self._columns(tasks)
        return read_rows(self.file, columns, dictionary=dictionary)

    def _rows(self, waiting: Sequence[Task], looked: Sequence[Task]) -> Found:
        restricted = any(self.rules.wheres[one.case.where].wanted for one in looked)
        table = self._read(looked if restricted else waiting)
        frames = self._frames(table, waiting, looked)
        met = [(task, rows) for task in waiting if len(rows := self._met(task, frames))]
        hits = [one for where, frame in frames.items() for one in self._hits(frame, where, met)]
        records = [self._told(task, frames[task.case.where], rows) for task, rows in met if self._is_correlated(task)]
        self._note_missing(set(frames), frames)
        self.report.opened = sorted(set(self.report.opened))
        return Found(concat(hits), pa.concat_tables([RECORDS.empty_table(), *records]), self.report)

    def _frames(self, table: pa.Table, waiting: Sequence[Task], looked: Sequence[Task]) -> dict[int, Frame]:
        """Give the rows of each kind of record that has any, as they are seen through the questions still open."""
        self._bare = frozenset(one for one in table.column_names if table[one].null_count == table.num_rows)
        known, truths = self._narrowed(waiting)
        frames: dict[int, Frame] = {}
        told: dict[str, tuple[Indices, pa.Array]] = {}
        for where in sorted({one.case.where for one in looked}):
            part = self._part(table, where, told)
            self.report.wheres[where] = part.num_rows
            if part.num_rows:
                frames[where] = Frame(
                    part, self.spec, self.rules, self.asked, known, truths, self._wide, self.lexicon.ranked
                )
        return frames

    def _is_correlated(self, task: Task) -> bool:
        return self.rules.rules[task.rule].correlated

    def _told(self, task: Task, frame: Frame, rows: Indices) -> pa.Table:
        """Tell the records that a task met one by one, the earliest first, up to so many."""
        if len(rows) > RECORDS_MAX:
            self.report.cut = sorted({*self.report.cut, task.rule})
        rule_id = self.rules.rules[task.rule].info.id
        return told_records(frame, self.spec.name, rule_id, task.case, rows[:RECORDS_MAX])

    def _narrowed(self, waiting: Sequence[Task]) -> tuple[dict[str, Words], dict[int, Truth]]:
        """Give the words of the lexicon as far as the conditions still open tell them apart."""
        leaves: dict[str, list[int]] = {}
        for index in sorted({one for task in waiting for one in _leaves_of(task.case.tree)}):
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

    def _part(self, table: pa.Table, where: int, told: dict[str, tuple[Indices, pa.Array]]) -> pa.Table:
        """Give the rows of one kind of record.

        Args:
            table: all rows.
            where: the kind.
            told: codes and texts of the columns by which kinds are told apart; filled as they are asked for.
        """
        kind = self.rules.wheres[where]
        tests: list[Truth] = []
        for name, held in kind.wanted.items():
            if name not in told:
                column = coded(table[name])
                told[name] = column.indices.fill_null(-1).to_numpy(zero_copy_only=False), column.dictionary
            codes, texts = told[name]
            right = pc.is_in(texts.cast(pa.string()), value_set=pa.array(held)).to_numpy(zero_copy_only=False)
            tests.append(np.append(right, False).astype(np.bool_)[codes])
        for ids, sense in ((kind.event_ids, True), (kind.other_ids, False)):
            if ids:
                found = pc.is_in(table["EventID"].combine_chunks(), value_set=pa.array(ids, pa.int32()))
                tests.append(found.to_numpy(zero_copy_only=False).astype(np.bool_) == sense)
        if not tests:
            return table
        rows = np.logical_and.reduce(tests)
        return table if rows.all() else table.filter(pa.array(rows))

    def _met(self, task: Task, frames: Mapping[int, Frame]) -> Indices:
        """Give the rows of its kind of record that a task's condition is met by."""
        frame = frames.get(task.case.where)
        if frame is None:
            return np.zeros(0, np.int64)
        self.report.opened.append(task.rule)
        tree, _ = self._planned(task.case.tree)
        return Conditions(frame).rows(tree)

    def _hits(self, frame: Frame, where: int, met: Sequence[tuple[Task, Indices]]) -> Iterator[pa.Table]:
        """Yield the hits of every task on one kind of record."""
        for one in self._meetings(frame, where, met):
            yield group_hits(one.table, one.rows, self.spec.name, one.subject, one.matched)

    def _meetings(self, frame: Frame, where: int, met: Sequence[tuple[Task, Indices]]) -> Iterator[Meeting]:
        """Yield what every task on one kind of record met; what is said of who and when is read out once."""
        mine = [(task, rows) for task, rows in met if task.case.where == where]
        if not mine:
            return
        every = np.unique(np.concatenate([rows for _, rows in mine]))
        face = FACES.get(self.spec.name, Face())
        names = [one for one in (*_PREFIX, *face.columns) if one in frame.table.column_names]
        part = picked(frame.table, names, every)
        for task, rows in mine:
            info = self.rules.rules[task.rule].info
            subject = Subject(info.id, "rule", info.title, info.level)
            matched = [frame.matched(index, rows, TEXT_CHARS_MAX) for index in task.shown]
            yield Meeting(part, np.searchsorted(every, rows), rows, subject, matched)


def _parts(place: str, values: pa.StringArray, counts: Indices, nulls: int) -> tuple[pa.StringArray, Indices, int]:
    """Give the distinct parts of distinct texts, how many rows each has, and rows without one."""
    coded_parts = derived(place, values).dictionary_encode()
    codes = coded_parts.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
    told = np.bincount(codes, weights=counts, minlength=len(coded_parts.dictionary) + 1).astype(np.int64)
    return coded_parts.dictionary, told[1:], nulls + int(told[0])


def _positive(node: Node, rules: RuleSet, *, sense: bool = True) -> tuple[int, ...]:
    """Give the leaves that a condition looks at in a positive sense, and that ask for a text."""
    if node.op == "leaf":
        return (node.index,) if sense and _asks(rules.leaves[node.index].tree, rules, sense=True) else ()
    if node.op == "atom":
        return ()
    inner = sense is not (node.op == "not")
    return tuple(dict.fromkeys(one for part in node.children for one in _positive(part, rules, sense=inner)))


def _asks(node: Node, rules: RuleSet, *, sense: bool) -> bool:
    if node.op == "atom":
        return sense and rules.atoms[node.index].kind not in {"null", "empty", "part"}
    inner = sense is not (node.op == "not")
    return any(_asks(one, rules, sense=inner) for one in node.children)
