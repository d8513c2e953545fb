"""Rule folders loaded: every document ends as a rule that can be matched, or with the reason why it cannot."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import structs
from sigma.conditions import ConditionAND, ConditionOR
from sigma.exceptions import SigmaError
from sigma.policy import default_policy
from sigma.rule import SigmaLogSource, SigmaRule

from dwell.hunt.correlations.plan import Correlation, wanted_fields
from dwell.hunt.ruleset import Case, Node, RuleInfo, RuleSet, Where
from dwell.hunt.sigma.assembly import Assembly, Origin
from dwell.hunt.sigma.correlations import Draft, Names, resolved
from dwell.hunt.sigma.expressions import QuietEngine
from dwell.hunt.sigma.faultlines import with_line
from dwell.hunt.sigma.files import BadFileError, Document, documents_in, listed, read_rule_file
from dwell.hunt.sigma.filters import Filter, Source, unknown
from dwell.hunt.sigma.lists import Lists
from dwell.hunt.sigma.loaded import PACK, Known, KnownRule, Loaded, licence_of, outcome_of
from dwell.hunt.sigma.logsources import where_of
from dwell.hunt.sigma.lower import Lowering, UnsupportedError
from dwell.hunt.sigma.parse import (
    FAULTS,
    RefusedError,
    parsed_correlation,
    parsed_filter,
    parsed_rule,
    short,
)
from dwell.hunt.sigma.placeholders import NoListError
from dwell.hunt.uncollected import uncollected
from dwell.hunt.verdict import Verdict, by_kind, judged
from dwell.intake.tables import specs
from dwell.model.claims import RuleOutcome, RuleStatus

__all__ = ["load", "load_known", "new_lowering"]


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
        tables=_tables(content.get("logsource")),
    )


def _tables(source: object) -> tuple[str, ...]:
    if not isinstance(source, dict):
        return ()
    named = (source.get(one) for one in ("product", "category", "service"))
    wheres = where_of(*(one if isinstance(one, str) else None for one in named)) or ()
    return tuple(sorted({one.table for one in wheres}))


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
        self._index: dict[bytes, int] = {}
        self.origin = Origin(self.lowering.atoms, self.lowering.leaves, self.wheres)

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
        able = [one for one in out if self._can_be(one[1], one[0])]
        return tuple(Case(self._where(where), tree, fields, not able) for where, tree, fields in able or out)

    def _can_be(self, tree: Node, where: Where) -> bool:
        """Say whether a condition can be true on a kind of record, as far as channel and event id decide it."""

        def verdict(node: Node) -> Verdict:
            if node.op == "leaf":
                return judged(self.lowering.leaves[node.index].tree, verdict)
            return by_kind(self.lowering.atoms[node.index], where)

        return judged(tree, verdict) is not False

    def is_fit(self, one: Filter, rule: Source) -> bool:
        """Say whether a filter can be expressed on the records of a rule; where not, no rule is filtered by it."""
        source = rule.logsource
        try:
            for where in where_of(source.product, source.category, source.service) or ():
                self.lowering.lower(one.condition(), where)
        except (UnsupportedError, NoListError, SigmaError) as fault:
            one.fault = fault
        return one.fault is None

    def _where(self, where: Where) -> int:
        # what it is called and what switches it on make no other kind of it
        key = msgspec.json.encode(msgspec.structs.replace(where, name="", switch_on=""), order="sorted")
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


def _found(folders: Sequence[_Folder], faults: list[str]) -> Iterator[tuple[_Folder, Path, bytes | BadFileError]]:
    """Yield what every rule file holds, each once, and every file that cannot be read."""
    seen: set[Path] = set()
    for folder in folders:
        if not folder.path.exists():
            faults.append(f"{folder.path}: no such rule folder")
            continue
        paths, passed_over = listed(folder.path)
        faults += passed_over
        for path in paths:
            real = _real(path.parent) / path.name if path != folder.path else path.resolve()
            if real in seen:
                continue
            seen.add(real)
            try:
                yield folder, path, read_rule_file(path)
            except BadFileError as fault:
                yield folder, path, fault


def _document(held: bytes, number: int) -> Document:
    """Give a document of a rule file by its place among those that hold something."""
    return next(islice(documents_in(held), number, None))


def _is_plain(content: Mapping[str, Any]) -> bool:
    """Say whether a document says all that is said of its rule, whatever file and folder it lies in."""
    return all(_text(content.get(one)) for one in ("id", "title"))


@dataclass(slots=True)
class _Kept:
    """A rule of a file that was loaded before, in the place of one that is parsed.

    Attributes:
        known: what it came to.
        document: gives its document, to be parsed where it has to be.
        logsource: its log source.
    """

    known: KnownRule
    document: Callable[[], Document]
    logsource: SigmaLogSource

    @property
    def name(self) -> str | None:
        """Give what filters and correlations may call it."""
        return self.known.name


class _Before:
    """Rules that were loaded before."""

    def __init__(self, known: Known | None) -> None:
        self.files: Mapping[bytes, tuple[KnownRule, ...]] = known.files if known is not None else {}
        loaded = known.loaded if known is not None else None
        self.infos: Mapping[str, RuleInfo] = loaded.infos if loaded is not None else {}
        rules = loaded.rules if loaded is not None else RuleSet((), (), (), ())
        self.cases = {one.info.id: one.cases for one in rules.rules}
        self.origin = Origin(rules.atoms, rules.leaves, rules.wheres)


class _Loading:
    """Rule folders being loaded: every document ends in one of its lists."""

    def __init__(self, lists: Lists, known: Known | None) -> None:
        self.before = _Before(known)
        self.lowered = _Lowered(lists.values)
        self.files: dict[bytes, list[str]] = {}
        self.known: dict[str, KnownRule] = {}
        self.twins: set[str] = set()
        self.infos: dict[str, RuleInfo] = {}
        self.documents: dict[str, Document] = {}
        self.names = Names()
        self.parsed: list[tuple[SigmaRule | _Kept, RuleInfo]] = []
        self.filters: list[Filter] = []
        self.drafts: list[Draft] = []
        self.ended: list[RuleOutcome] = []
        self.faults: list[str] = list(lists.faults)

    def file(self, folder: _Folder, path: Path, held: bytes | BadFileError) -> None:
        """Take a rule file: what is known of its rules, or its documents."""
        if isinstance(held, BadFileError):
            self.end(_info({}, path, folder), RefusedError(RuleStatus.INVALID, str(held)))
            return
        digest = hashlib.sha256(held).digest()
        rules = self.files[digest] = []
        if digest in self.before.files:
            for number, one in enumerate(self.before.files[digest]):
                self._again(number, one, folder, path, held)
                rules.append(one.id)
            return
        try:
            for document in documents_in(held):
                info = _info(document.content, path, folder)
                rules.append(info.id)
                self.document(info, document)
        except BadFileError as fault:
            rules.append("")
            self.end(_info({}, path, folder), RefusedError(RuleStatus.INVALID, str(fault)))
        if not rules:
            self.end(_info({}, path, folder), RefusedError(RuleStatus.INVALID, "holds no rule"))

    def _again(self, number: int, one: KnownRule, folder: _Folder, path: Path, held: bytes) -> None:
        """Take a rule that was loaded before."""
        info = structs.replace(
            self.before.infos[one.id],
            path=folder.relative(path), pack=folder.pack, licence=one.licence or folder.licence,
        )  # fmt: skip
        source = SigmaLogSource(one.category, one.product, one.service)
        try:
            self._register(info)
        except RefusedError as fault:
            self.end(info, fault, _document(held, number))
            return
        self.names.add(info, one.name)
        self.parsed.append((_Kept(one, partial(_document, held, number), source), info))

    def _register(self, info: RuleInfo) -> None:
        """Note a rule.

        Raises:
            RefusedError: its id is taken.
        """
        if info.id in self.infos:
            self.twins.add(info.id)
            raise RefusedError(RuleStatus.INVALID, f"its id is taken by {self.infos[info.id].path}")
        self.infos[info.id] = info

    def document(self, info: RuleInfo, document: Document) -> None:
        """Parse one document."""
        try:
            self._register(info)
            self.documents[info.id] = document
            if "filter" in document.content:
                self.filters.append(Filter(info, parsed_filter(document)))
                return
            self.names.add(info, document.content.get("name"))
            if "correlation" in document.content:
                self.drafts.append(Draft(info, document, *parsed_correlation(document)))
            else:
                rule = parsed_rule(document)
                self.parsed.append((rule, info))
                if _is_plain(document.content):
                    source = rule.logsource
                    self.known[info.id] = KnownRule(
                        info.id, _text(document.content.get("license")), rule.name,
                        source.category, source.product, source.service,
                    )  # fmt: skip
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
        known = self.known.pop(info.id, None)
        if known is not None and status in {RuleStatus.BLIND, RuleStatus.UNSUPPORTED}:
            self.known[info.id] = structs.replace(known, status=status, reason=reason)

    def plain_files(self) -> dict[bytes, tuple[KnownRule, ...]]:
        """Give what is known from now on of files all of whose documents are rules by themselves."""
        return {
            digest: tuple(self.known[one] for one in rules)
            for digest, rules in self.files.items()
            if rules and self.twins.isdisjoint(rules) and all(one in self.known for one in rules)
        }

    def correlations(self) -> list[Correlation]:
        """Resolve the correlations."""
        found, refused = resolved(self.drafts, self.names)
        for info, fault in refused:
            self.end(info, fault)
        return found

    def rules(self, wanted: Mapping[str, set[str]]) -> RuleSet:
        """Lower every rule, with the filters that are for it."""
        self._try_filters()
        usable = [one for one in self.filters if one.fault is None]
        rules: list[tuple[RuleInfo, tuple[Case, ...], Origin]] = []
        for rule, info in self.parsed:
            mine = [one for one in usable if one.is_for(rule, info)]
            try:
                cases, origin = self._cases(rule, info, mine, sorted(wanted.get(info.id, ())))
            except (RefusedError, UnsupportedError, NoListError, *FAULTS) as fault:
                self.end(info, fault)
                continue
            for one in mine:
                one.rules.append(info.id)
            if mine:
                info = structs.replace(info, filters=tuple(sorted(one.info.title for one in mine)))
                self.infos[info.id] = info
            rules.append((info, cases, origin))
        self._end_filters()
        whole = Assembly()
        for info, cases, origin in sorted(rules, key=lambda one: one[0].id):
            whole.add(info, cases, origin, correlated=info.id in wanted)
        return whole.done()

    def _cases(
        self, rule: SigmaRule | _Kept, info: RuleInfo, filters: Sequence[Filter], told: Sequence[str]
    ) -> tuple[tuple[Case, ...], Origin]:
        """Give a rule's condition on each kind of record, and what its numbers mean.

        Raises:
            RefusedError, UnsupportedError, NoListError, SigmaError: it cannot be expressed.
        """
        is_plain = not filters and not told
        if isinstance(rule, _Kept):
            if is_plain and rule.known.status is not None:
                self.known[info.id] = rule.known
                raise RefusedError(rule.known.status, rule.known.reason)
            if is_plain:
                self.known[info.id] = rule.known
                return self.before.cases[info.id], self.before.origin
            self.documents[info.id] = rule.document()
            rule = parsed_rule(self.documents[info.id])
        if not is_plain:
            self.known.pop(info.id, None)
        return self.lowered.cases(rule, filters, told), self.lowered.origin

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
    return load_known(folders, pack=pack, lists=lists).loaded


def load_known(
    folders: Sequence[Path] = (), *, pack: bool = True, lists: Lists | None = None, before: Known | None = None
) -> Known:
    """Load the same; files that were loaded before are not parsed where no filter or correlation reaches their rules.

    Args:
        folders: folders of rule files, or single files.
        pack: whether our own rules are loaded as well.
        lists: values for the placeholders in them.
        before: what an earlier run loaded, with the same lists.
    """
    with uncollected():
        return _loaded(folders, pack=pack, lists=lists, before=before)


def _loaded(folders: Sequence[Path], *, pack: bool, lists: Lists | None, before: Known | None) -> Known:
    sources = [_Folder(PACK, pack=True, licence="")] if pack else []
    sources += [_Folder(one, pack=False, licence=licence_of(one)) for one in folders]
    default_policy.regex_engine = QuietEngine()
    loading = _Loading(lists or Lists({}), before)
    for folder, path, held in _found(sources, loading.faults):
        loading.file(folder, path, held)
    correlations = loading.correlations()
    rules = loading.rules(wanted_fields(correlations))
    loaded = Loaded(rules, loading.infos, tuple(loading.ended), tuple(loading.faults), tuple(correlations))
    return Known(loaded, loading.plain_files())
