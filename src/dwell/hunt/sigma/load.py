"""Rule folders loaded: every document ends as a rule that can be matched, or with the reason why it cannot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from msgspec import structs
from sigma.conditions import ConditionAND, ConditionOR
from sigma.exceptions import SigmaError
from sigma.policy import default_policy
from sigma.rule import SigmaRule

from dwell.hunt.correlations.plan import Correlation, wanted_fields
from dwell.hunt.ruleset import Case, Node, Rule, RuleInfo, RuleSet, Where
from dwell.hunt.sigma.correlations import Draft, Names, resolved
from dwell.hunt.sigma.expressions import QuietEngine
from dwell.hunt.sigma.faultlines import with_line
from dwell.hunt.sigma.files import BadFileError, Document, documents, rule_files
from dwell.hunt.sigma.filters import Filter, unknown
from dwell.hunt.sigma.lists import Lists
from dwell.hunt.sigma.loaded import PACK, Loaded, licence_of, outcome_of
from dwell.hunt.sigma.logsources import where_of
from dwell.hunt.sigma.lower import Lowering, UnsupportedError
from dwell.hunt.sigma.parse import FAULTS, RefusedError, parsed_correlation, parsed_filter, parsed_rule, short
from dwell.hunt.sigma.placeholders import NoListError
from dwell.hunt.uncollected import uncollected
from dwell.hunt.verdict import Verdict, by_kind, judged
from dwell.intake.tables import specs
from dwell.model.claims import RuleOutcome, RuleStatus

__all__ = ["load", "new_lowering"]


@dataclass(frozen=True, slots=True)
class _Folder:
    """A rule folder, and what it says about the licence of rules that say nothing themselves."""

    path: Path
    pack: bool
    licence: str

    def relative(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix() if path != self.path else path.name


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)[:1000]
    return "" if value is None else str(value)[:1000].strip()


def _texts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(_text(one) for one in value) if isinstance(value, list | tuple) else (_text(value),)


def _info(content: Mapping[str, Any], path: Path, folder: _Folder) -> RuleInfo:
    relative = folder.relative(path)
    title = _text(content.get("title")) or relative
    named = _text(content.get("id"))
    tags = sorted({one.removeprefix("attack.").upper() for one in _texts(content.get("tags")) if _is_technique(one)})
    own = content.get("dwell")
    own = own if isinstance(own, dict) else {}
    weight = own.get("weight")
    return RuleInfo(
        id=named or "unnamed-" + hashlib.sha256(f"{relative}\n{title}".encode()).hexdigest()[:16],
        title=title,
        author=_text(content.get("author")) or "unknown",
        licence=_text(content.get("license")) or folder.licence,
        level=_text(content.get("level")).lower(),
        tags=tuple(tags),
        outcome=_text(own.get("outcome")),
        weight=weight if isinstance(weight, int) and not isinstance(weight, bool) and 0 <= weight <= 5 else 0,
        catalogue=_text(own.get("catalogue")),
        path=relative,
        description=_text(content.get("description")),
        falsepositives=_texts(content.get("falsepositives")),
        pack=folder.pack,
    )


def _is_technique(tag: str) -> bool:
    return tag.lower().startswith("attack.t") and tag[8:9].isdigit()


class _Lowered:
    """Rules being lowered, sharing kinds of record.

    Attributes:
        lowering: the atoms and leaves.
        wheres: the kinds of record.
    """

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        self.lowering = new_lowering(lists)
        self.wheres: list[Where] = []
        self._index: dict[tuple[Any, ...], int] = {}

    def cases(self, rule: SigmaRule, filters: Sequence[Filter], told: Sequence[str]) -> tuple[Case, ...]:
        """Give a rule's condition, and that of its filters, on each kind of record.

        Raises:
            RefusedError: it is about no source that is read, or says nothing.
            UnsupportedError, NoListError, SigmaError: it cannot be expressed.
        """
        source = rule.logsource
        found = where_of(source.product, source.category, source.service)
        if found is None:
            shown = "/".join(one for one in (source.product, source.category, source.service) if one)
            raise RefusedError(RuleStatus.BLIND, f"no source that dwell reads holds '{shown}'")
        parsed = [one.parsed for one in rule.detection.parsed_condition]
        if not parsed or None in parsed:
            raise RefusedError(RuleStatus.INVALID, "the condition says nothing")
        whole = parsed[0] if len(parsed) == 1 else ConditionOR(parsed)
        out = []
        for where in found:
            tree = self.lowering.lower(ConditionAND([whole, *(one.condition() for one in filters)]), where)
            fields = tuple((one, self.lowering.places(one, where)) for one in told)
            out.append((where, tree, fields))
        # a service that is read as two kinds of record: the one whose event ids make a rule false says nothing about it
        able = [one for one in out if self._can_be(one[1], one[0])] or out
        return tuple(Case(self._where(where), tree, fields) for where, tree, fields in able)

    def _can_be(self, tree: Node, where: Where) -> bool:
        """Say whether a condition can be true on a kind of record, as far as channel and event id decide it."""

        def verdict(node: Node) -> Verdict:
            if node.op == "leaf":
                return judged(self.lowering.leaves[node.index].tree, verdict)
            return by_kind(self.lowering.atoms[node.index], where)

        return judged(tree, verdict) is not False

    def is_fit(self, one: Filter, rule: SigmaRule) -> bool:
        """Say whether a filter can be expressed on the records of a rule; where not, no rule is filtered by it."""
        source = rule.logsource
        try:
            for where in where_of(source.product, source.category, source.service) or ():
                self.lowering.lower(one.condition(), where)
        except (UnsupportedError, NoListError, SigmaError) as fault:
            one.fault = fault
        return one.fault is None

    def _where(self, where: Where) -> int:
        key = (
            where.table,
            where.channels,
            where.event_ids,
            where.other_ids,
            tuple(sorted(where.fields.items())),
            tuple(sorted(where.only.items())),
        )
        index = self._index.setdefault(key, len(self.wheres))
        if index == len(self.wheres):
            self.wheres.append(where)
        return index


def _columns() -> tuple[dict[str, dict[str, pa.DataType]], dict[str, tuple[str, ...]]]:
    held = specs()
    types = {name: {one.name: one.type for one in spec.schema} for name, spec in held.items()}
    return types, {name: tuple(spec.joined) for name, spec in held.items()}


def new_lowering(lists: Mapping[str, Sequence[str]] | None = None) -> Lowering:
    """Give what lowers conditions and maps fields, with the columns of every table and the values of placeholders."""
    return Lowering(*_columns(), lists or {})


@lru_cache(maxsize=4096)
def _real(folder: Path) -> Path:
    return folder.resolve()


def _found(folders: Sequence[_Folder], faults: list[str]) -> Iterator[tuple[_Folder, Path, Document | BadFileError]]:
    """Yield every document of every rule file once, and every file that is none."""
    seen: set[Path] = set()
    for folder in folders:
        if not folder.path.exists():
            faults.append(f"{folder.path}: no such rule folder")
            continue
        for path in rule_files(folder.path):
            real = _real(path.parent) / path.name if path != folder.path else path.resolve()
            if real in seen:
                continue
            seen.add(real)
            holds = False
            try:
                for document in documents(path):
                    holds = True
                    yield folder, path, document
            except BadFileError as fault:
                yield folder, path, fault
            else:
                if not holds:
                    yield folder, path, BadFileError("holds no rule")


def _registered(info: RuleInfo, infos: dict[str, RuleInfo]) -> None:
    if info.id in infos:
        raise RefusedError(RuleStatus.INVALID, f"its id is taken by {infos[info.id].path}")
    infos[info.id] = info


class _Loading:
    """Rule folders being loaded: every document ends in one of its lists."""

    def __init__(self, lists: Lists) -> None:
        self.lowered = _Lowered(lists.values)
        self.infos: dict[str, RuleInfo] = {}
        self.documents: dict[str, Document] = {}
        self.names = Names()
        self.parsed: list[tuple[SigmaRule, RuleInfo]] = []
        self.filters: list[Filter] = []
        self.drafts: list[Draft] = []
        self.ended: list[RuleOutcome] = []
        self.faults: list[str] = list(lists.faults)

    def document(self, info: RuleInfo, document: Document) -> None:
        """Parse one document."""
        try:
            _registered(info, self.infos)
            self.documents[info.id] = document
            if "filter" in document.content:
                self.filters.append(Filter(info, parsed_filter(document)))
                return
            self.names.add(info, document.content.get("name"))
            if "correlation" in document.content:
                self.drafts.append(Draft(info, document, parsed_correlation(document)))
            else:
                self.parsed.append((parsed_rule(document), info))
        except RefusedError as fault:
            self.end(info, fault, document)

    def end(self, info: RuleInfo, fault: Exception, document: Document | None = None) -> None:
        """Note how a document ends that cannot be matched; what is wrong is told with its line, where it has one."""
        status = fault.status if isinstance(fault, RefusedError) else RuleStatus.INVALID
        if isinstance(fault, NoListError):
            status = RuleStatus.BLIND
        if isinstance(fault, UnsupportedError):
            status = RuleStatus.UNSUPPORTED
        reason = short(fault)
        if status is RuleStatus.INVALID:
            document = document or self.documents.get(info.id)
            reason = with_line(document, reason, str(fault)) if document is not None else reason
            self.faults.append(f"{info.path}: {reason}")
        self.ended.append(outcome_of(info, status, reason))

    def correlations(self) -> list[Correlation]:
        """Resolve the correlations."""
        found, refused = resolved(self.drafts, self.names)
        for info, fault in refused:
            self.end(info, fault)
        return found

    def rules(self, wanted: Mapping[str, set[str]]) -> list[Rule]:
        """Lower every rule, with the filters that are for it."""
        self._try_filters()
        usable = [one for one in self.filters if one.fault is None]
        rules = []
        for rule, info in self.parsed:
            mine = [one for one in usable if one.is_for(rule, info)]
            try:
                cases = self.lowered.cases(rule, mine, sorted(wanted.get(info.id, ())))
            except (RefusedError, UnsupportedError, NoListError, *FAULTS) as fault:
                self.end(info, fault)
                continue
            for one in mine:
                one.rules.append(info.id)
            if mine:
                info = structs.replace(info, filters=tuple(sorted(one.info.title for one in mine)))
                self.infos[info.id] = info
            rules.append(Rule(info, cases, info.id in wanted))
        self._end_filters()
        return sorted(rules, key=lambda one: one.info.id)

    def _try_filters(self) -> None:
        """Put every filter to the rules it is for, once for each log source."""
        for one in self.filters:
            mine = {rule.logsource: rule for rule, info in self.parsed if one.is_for(rule, info)}
            for rule in mine.values():
                if not self.lowered.is_fit(one, rule):
                    break

    def _end_filters(self) -> None:
        """Say of every filter what it was added to; one that reaches nothing hides nothing."""
        for one in self.filters:
            if one.fault is not None:
                self.end(one.info, one.fault)
                continue
            lost = unknown(one, self.parsed)
            named = f"; no rule loaded is called {', '.join(lost)[:200]}" if lost else ""
            if one.references is not None and len(lost) == len(one.references):
                self.end(one.info, RefusedError(RuleStatus.INVALID, f"filters nothing{named}"))
            else:
                reason = f"added to {len(one.rules)} rules{named}"
                self.ended.append(outcome_of(one.info, RuleStatus.RAN, reason))


def load(folders: Sequence[Path] = (), *, pack: bool = True, lists: Lists | None = None) -> Loaded:
    """Load our own rules and those of the folders named.

    Args:
        folders: folders of rule files, or single files.
        pack: whether our own rules are loaded as well.
        lists: values for the placeholders in them.
    """
    with uncollected():
        return _loaded(folders, pack=pack, lists=lists)


def _loaded(folders: Sequence[Path], *, pack: bool, lists: Lists | None) -> Loaded:
    sources = [_Folder(PACK, pack=True, licence="")] if pack else []
    sources += [_Folder(one, pack=False, licence=licence_of(one)) for one in folders]
    default_policy.regex_engine = QuietEngine()
    loading = _Loading(lists or Lists({}))
    for folder, path, document in _found(sources, loading.faults):
        if isinstance(document, BadFileError):
            info = _info({}, path, folder)
            loading.end(info, RefusedError(RuleStatus.INVALID, str(document)))
        else:
            loading.document(_info(document.content, path, folder), document)
    correlations = loading.correlations()
    rules = loading.rules(wanted_fields(correlations))
    lowering = loading.lowered.lowering
    rule_set = RuleSet(tuple(rules), tuple(lowering.atoms), tuple(lowering.leaves), tuple(loading.lowered.wheres))
    return Loaded(rule_set, loading.infos, tuple(loading.ended), tuple(loading.faults), tuple(correlations))
