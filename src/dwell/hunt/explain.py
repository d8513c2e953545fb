"""What a rule is taken to mean: its questions, the records it is about, where fields are looked for, what it cannot see.

Without a case that is what holds in general. With one, the rules are put to it: how many such records are held, which
data files have to be opened, how many records answer each question, and what can never be true there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import structs

from dwell.archive.datafile import DataFile
from dwell.archive.store import Archive
from dwell.errors import RuleFileError, UsageError
from dwell.hunt.columnvalues import values_of
from dwell.hunt.frame import columns_of
from dwell.hunt.hunting import put_rules
from dwell.hunt.indicators.reading import read_indicators
from dwell.hunt.outcomes import possible
from dwell.hunt.ruleset import Atom, Case, Node, RuleInfo, RuleSet, Where
from dwell.hunt.sigma.files import BadFileError, documents, listed
from dwell.hunt.sigma.lists import Lists, read_lists
from dwell.hunt.sigma.load import load, new_lowering
from dwell.hunt.sigma.loaded import PACK, Loaded
from dwell.hunt.sigma.lower import Lowering
from dwell.hunt.tasks import atoms_of
from dwell.hunt.verdict import Verdict, by_kind, judged, refusal
from dwell.hunt.words import words
from dwell.intake.tables import specs
from dwell.model.claims import RuleOutcome

__all__ = ["Asked", "CaseExplained", "Held", "RuleExplained", "explain", "explain_wanted"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a rule.

    Attributes:
        place: the column, `map:key`, or `map:*` for every text of a map.
        asks: the question in words.
        negated: whether it stands under `not`.
        rows: records of the whole table that answer it with yes, as the lexicon says; None without a case, and where
            only the records themselves say.
    """

    place: str
    asks: str
    negated: bool
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What a case holds of the records that a rule is about.

    Attributes:
        files: data files of the table.
        rows: such records; where a file's lexicon ruled it out before its records were told apart, all of the file's.
        missing: places that are not recorded in some file where they should be, with the number of such files.
    """

    files: int
    rows: int
    missing: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseExplained:
    """A rule on one kind of record.

    Attributes:
        name: what the records are called.
        table: the archive table.
        channels: event log channels; empty for all.
        event_ids: event ids; empty for all.
        switch_on: what makes such records come into being.
        fields: Sigma's field names to the places where they are looked for.
        asked: the questions, numbered from 1 in `condition`.
        condition: how the questions are put together.
        never: why the condition cannot be true on such records, whatever a case holds; "" where it can.
        held: what the case holds of them; None without a case.
    """

    name: str
    table: str
    channels: tuple[str, ...]
    event_ids: tuple[int, ...]
    switch_on: str
    fields: Mapping[str, tuple[str, ...]]
    asked: tuple[Asked, ...]
    condition: str
    never: str
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class RuleExplained:
    """A rule explained.

    Attributes:
        info: what is said about it.
        logsource: Sigma's log source as the rule names it.
        outcome: what became of it in the case; without one, why it cannot be matched at all, None where it can be.
        cases: its conditions, one for every kind of record; none where it cannot be matched, and of correlations.
        is_held: whether it was put to a case.
    """

    info: RuleInfo
    logsource: Mapping[str, str]
    outcome: RuleOutcome | None
    cases: tuple[CaseExplained, ...]
    is_held: bool = False


def _pattern(parts: Sequence[str]) -> str:
    match tuple(parts):
        case (literal,):
            return f"is '{literal}'"
        case ("", "*", literal, "*", ""):
            return f"contains '{literal}'"
        case (literal, "*", "") if literal:
            return f"starts with '{literal}'"
        case ("", "*", literal) if literal:
            return f"ends with '{literal}'"
        case ("", "*", ""):
            return "holds any text"
        case _:
            return f"is like '{''.join(parts)}'"


_COMPARED = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


def _asks(atom: Atom) -> str:
    """Give a question in words."""
    text = atom.parts[0] if atom.parts else ""
    match atom.kind:
        case "text":
            return _pattern(atom.parts) + (", case counts" if "c" in atom.flags else "")
        case "regex":
            return f"matches /{text}/{atom.flags}"
        case "number":
            return f"is the number {text}"
        case "compare":
            return f"is a number {_COMPARED.get(atom.flags, atom.flags)} {text}"
        case "cidr":
            return f"is an address in {text}"
        case "null":
            return "has no value"
        case "empty":
            return "is empty"
        case "exists":
            return "is there"
        case "same":
            how = {"s": "starts with", "e": "ends with", "se": "starts and ends with"}.get(atom.flags, "is")
            return f"{how} what {atom.other} holds"
        case _:
            return f"{atom.kind} {' '.join(atom.parts)}".strip()


def _numbered(node: Node, rules: RuleSet, found: dict[tuple[int, bool], int], *, negated: bool = False) -> str:
    """Give a condition over the numbers of its questions; note each question once for either sense."""
    if node.op == "atom":
        return str(found.setdefault((node.index, negated), len(found) + 1))
    if node.op == "leaf":
        return _numbered(rules.leaves[node.index].tree, rules, found, negated=negated)
    if node.op == "not":
        return f"not {_bracketed(node.children[0], rules, found, negated=not negated)}"
    return f" {node.op} ".join(_bracketed(one, rules, found, negated=negated) for one in node.children)


def _bracketed(node: Node, rules: RuleSet, found: dict[tuple[int, bool], int], *, negated: bool) -> str:
    text = _numbered(node, rules, found, negated=negated)
    inner = rules.leaves[node.index].tree if node.op == "leaf" else node
    return f"({text})" if inner.op in {"and", "or"} and len(inner.children) > 1 else text


def _never(case: Case, rules: RuleSet) -> str:
    """Say why a condition cannot be true on a kind of record; "" where it can."""
    where = rules.wheres[case.where]

    def verdict(node: Node) -> Verdict:
        if node.op == "leaf":
            return judged(rules.leaves[node.index].tree, verdict)
        return by_kind(rules.atoms[node.index], where)

    if judged(case.tree, verdict) is False:
        return refusal(where)
    spec = specs()[where.table]
    atoms = (rules.atoms[one] for one in atoms_of(case.tree, rules))
    absent = frozenset(one.place for one in atoms if not columns_of(one.place, spec))
    if absent and not possible(case.tree, rules, absent):
        return f"the table has no such column: {', '.join(sorted(absent))}"
    return ""


def _field_names(item: object) -> Iterator[str]:
    """Yield the fields that a detection names, modifiers left out."""
    if isinstance(item, Mapping):
        for key, value in item.items():
            if isinstance(value, Mapping):
                yield from _field_names(value)
            else:
                yield str(key).partition("|")[0]
    elif isinstance(item, list):
        for one in item:
            yield from _field_names(one)


def _document(info: RuleInfo, folders: Sequence[Path]) -> Mapping[str, object]:
    """Find a rule's document again; empty where it is gone."""
    for folder in folders:
        path = folder if folder.is_file() else folder / info.path
        try:
            for one in documents(path):
                named = str(one.content.get("id") or "").strip()
                if named == info.id or (not named and str(one.content.get("title") or info.path) == info.title):
                    return one.content
        except BadFileError:
            continue
    return {}


def _fields(document: Mapping[str, object], where: Where, lowering: Lowering) -> dict[str, tuple[str, ...]]:
    """Give the places of every field that a rule names, on one kind of record."""
    detection = document.get("detection")
    parts = list(detection.items()) if isinstance(detection, Mapping) else []
    names = {one for key, value in parts if key != "condition" for one in _field_names(value)}
    out = {name: lowering.places(name, where) for name in sorted(names) if name}
    if any(_has_keywords(value) for key, value in parts if key != "condition"):
        out["(keywords)"] = lowering.keyword_places(where.table)
    return out


def _has_keywords(item: object) -> bool:
    """Say whether a part of a detection looks for values without naming a field."""
    if isinstance(item, list):
        return any(not isinstance(one, Mapping) for one in item)
    return not isinstance(item, Mapping) or any(not str(key).partition("|")[0] for key in item)


def _case(case: Case, rules: RuleSet, document: Mapping[str, object], lowering: Lowering) -> CaseExplained:
    where = rules.wheres[case.where]
    found: dict[tuple[int, bool], int] = {}
    condition = _numbered(case.tree, rules, found)
    return CaseExplained(
        name=where.name or where.table,
        table=where.table,
        channels=where.channels,
        event_ids=where.event_ids,
        switch_on=where.switch_on,
        fields=_fields(document, where, lowering),
        asked=tuple(Asked(rules.atoms[at].place, _asks(rules.atoms[at]), negated) for at, negated in found),
        condition=condition,
        never=_never(case, rules),
    )


class _Looked:
    """What was seen of a case for the rules at hand, and what the hunt says of them."""

    def __init__(self, archive: Archive, loaded: Loaded) -> None:
        self.rules = loaded.rules
        self.rows: dict[tuple[str, int], int | None] = {}
        with TemporaryDirectory(prefix="dwell-explain-", ignore_cleanup_errors=True) as scratch:
            put = put_rules(archive, loaded, read_indicators(()), Path(scratch))
            self.reports = put.reports
            self.outcomes = {(one.rule_id, one.path): one for one in put.outcomes}
        for table in archive.tables():
            asked = self._asked(table)
            for file in archive.files(table) if asked else ():
                self._count(file, asked)

    def _asked(self, table: str) -> dict[str, list[int]]:
        out: dict[str, set[int]] = {}
        for rule in self.rules.rules:
            for case in rule.cases:
                if self.rules.wheres[case.where].table == table:
                    for one in atoms_of(case.tree, self.rules):
                        out.setdefault(self.rules.atoms[one].place, set()).add(one)
        return {place: sorted(ones) for place, ones in sorted(out.items())}

    def _count(self, file: DataFile, asked: Mapping[str, Sequence[int]]) -> None:
        """Count by the lexicon how many records answer each question; whatever it does not hold stays unknown."""
        held = values_of(file) if file.staged.lexicon_sha256 else None
        for place, ones in asked.items():
            alone = [one for one in ones if self.rules.atoms[one].kind != "same"]
            if held is None or place not in held.complete:
                self.rows |= {(file.table, one): None for one in ones}
                continue
            texts, counts, nulls = held.of(place)
            told = words(file.table, place, texts, counts, nulls, alone, self.rules.atoms)
            for one in alone:
                before = self.rows.get((file.table, one), 0)
                met = int(told.counts[told.atom(one)].sum())
                self.rows[file.table, one] = None if before is None else before + met

    def held(self, case: Case) -> Held:
        """Give what is held of a kind of record."""
        table = self.rules.wheres[case.where].table
        reports = self.reports.get(table, [])
        missing: dict[str, int] = {}
        for report in reports:
            if report.wheres.get(case.where):
                for place in report.missing.get(case.where, ()):
                    missing[place] = missing.get(place, 0) + 1
        rows = sum(report.wheres.get(case.where, 0) for report in reports)
        return Held(len(reports), rows, dict(sorted(missing.items())))


def _placed(case: Case, explained: CaseExplained, looked: _Looked) -> CaseExplained:
    """Add what a case holds."""
    found: dict[tuple[int, bool], int] = {}
    _numbered(case.tree, looked.rules, found)
    asked = tuple(
        replace(one, rows=looked.rows.get((explained.table, at)))
        for one, (at, _) in zip(explained.asked, found, strict=True)
    )
    return replace(explained, asked=asked, held=looked.held(case))


def explain(
    loaded: Loaded,
    folders: Sequence[Path],
    wanted: Iterable[str] | None = None,
    archive: Archive | None = None,
    *,
    lists: Lists | None = None,
) -> list[RuleExplained]:
    """Explain rules, by path and id.

    Args:
        loaded: rules, among them those that are wanted.
        folders: the folders they were loaded from, beside our own.
        wanted: ids of rules; None for all that were loaded.
        archive: the case's tables; None to say what holds in general.
        lists: values for the placeholders of rules.

    Raises:
        CustodyError: a data file is not what was written.
    """
    names = None if wanted is None else set(wanted)
    mine = loaded if names is None else _with_what_they_rest_on(loaded, names)
    looked = _Looked(archive, mine) if archive is not None else None
    places = (*folders, PACK)

    def told(
        info: RuleInfo,
        document: Mapping[str, object],
        cases: Sequence[CaseExplained] = (),
        outcome: RuleOutcome | None = None,
    ) -> RuleExplained:
        found = looked.outcomes.get((info.id, info.path)) if looked is not None else None
        return RuleExplained(info, _logsource(document), found or outcome, tuple(cases), is_held=looked is not None)

    out = []
    lowering = new_lowering(lists.values if lists is not None else None)
    for rule in mine.rules.rules:
        document = _document(rule.info, places)
        cases = [_case(one, mine.rules, document, lowering) for one in rule.cases]
        if looked is not None:
            cases = [_placed(one, each, looked) for one, each in zip(rule.cases, cases, strict=True)]
        out.append(told(rule.info, document, cases))
    out += [told(one.info, {}) for one in mine.correlations]
    for one in mine.ended:
        info = _info_of(one)
        out.append(told(info, _document(info, places), outcome=one))
    chosen = [one for one in out if names is None or one.info.id in names]
    return sorted(chosen, key=lambda one: (one.info.path, one.info.id))


def _with_what_they_rest_on(loaded: Loaded, names: AbstractSet[str]) -> Loaded:
    """Give some rules, the correlations over them, and what these rest on: none of them can be judged without."""
    mine = set(names)
    before = -1
    while len(mine) != before:
        before = len(mine)
        for one in loaded.correlations:
            if one.info.id in mine or mine.intersection(each.rule_id for each in one.references):
                mine |= {one.info.id, *(each.rule_id for each in one.references)}
    return replace(
        loaded,
        rules=structs.replace(loaded.rules, rules=tuple(one for one in loaded.rules.rules if one.info.id in mine)),
        ended=tuple(one for one in loaded.ended if one.rule_id in mine),
        correlations=tuple(one for one in loaded.correlations if one.info.id in mine),
    )


def explain_wanted(
    wanted: Sequence[str],
    folders: Sequence[Path],
    archive: Archive | None = None,
    *,
    list_files: Sequence[Path] = (),
) -> list[RuleExplained]:
    """Explain the rules of files and folders, and those that have some ids.

    Args:
        wanted: files, folders, or ids of rules.
        folders: folders of rules beside our own, where ids are looked for.
        archive: the case's tables; None to say what holds in general.
        list_files: files and folders of values for the placeholders of rules.

    Raises:
        UsageError: no rule has such an id, and there is no such file.
        RuleFileError: a folder holds no rule file.
        CustodyError: a data file is not what was written.
    """
    paths = tuple(Path(one) for one in wanted if Path(one).exists())
    names = [one for one in wanted if not Path(one).exists()]
    for path in paths:
        files, faults = listed(path)
        if not files:
            raise RuleFileError("; ".join(faults), remedy="Name a rule file, or a folder that holds some")
    lists = read_lists(list_files)
    out = explain(load(paths, pack=False, lists=lists), paths, None, archive, lists=lists) if paths else []
    if names:
        loaded = load(folders, lists=lists)
        known = {*loaded.infos, *(one.rule_id for one in loaded.ended)}
        for one in names:
            if one not in known:
                raise UsageError(
                    f"no rule has the id {one!r}, and there is no such file",
                    remedy="dwell rules list shows the ids; name the folder of other rules with --rules",
                )
        out += explain(loaded, folders, names, archive, lists=lists)
    return out


def _info_of(ended: RuleOutcome) -> RuleInfo:
    """Give what is known of a rule that could not be read as one."""
    return RuleInfo(
        id=ended.rule_id,
        title=ended.title,
        author=ended.author,
        licence=ended.licence,
        level=ended.level,
        tags=(),
        outcome="",
        weight=0,
        catalogue="",
        path=ended.path,
        description="",
        falsepositives=(),
        pack=False,
    )


def _logsource(document: Mapping[str, object]) -> dict[str, str]:
    found = document.get("logsource")
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}
