"""YARA rules loaded: every rule ends as one that can be put to something, or with the reason why it cannot."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path

import msgspec
from msgspec import structs

from dwell.hunt.ruleset import RuleInfo
from dwell.hunt.sigma.loaded import outcome_of
from dwell.hunt.yara.condition import NotForRecordsError, Question, is_monotone, question_of, string_names
from dwell.hunt.yara.files import BadSource, Source, families, sources_of
from dwell.hunt.yara.licence import Licence, licence_beside, licence_in, licence_of
from dwell.hunt.yara.scanner import CompileFault, Part, Unit, UnitRule, compile_faults, modules, require_library
from dwell.hunt.yara.syntax import CutRule
from dwell.model.claims import RuleOutcome, RuleStatus

__all__ = ["RecordRule", "YaraRule", "YaraRules", "load_yara"]

STRINGS_MAX = 5_000
ROUNDS_MAX = 50
"""Times that a file is compiled again without the rules that are wrong; each round takes out at least one."""
LEVELS = frozenset({"informational", "low", "medium", "high", "critical"})
_NOT_HERE: Mapping[str, str] = {
    "time": "the clock, so that it would not say the same twice",
    "vt": "VirusTotal",
    "cuckoo": "a sandbox",
}
_TECHNIQUE = re.compile(r"T\d{4}(?:[._]\d{3})?\Z")
VERSION = 1
"""Raised whenever the same rules come out differently."""


@dataclass(frozen=True, slots=True)
class RecordRule:
    """A rule as it is put to records.

    Attributes:
        index: its number among all rules.
        source: the rule alone, its strings shown.
        probe: where its condition may be truer with fewer strings, the same with `any of them`; "" elsewhere.
        question: its condition.
        names: names of its strings.
    """

    index: int
    source: str
    probe: str
    question: Question
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class YaraRule:
    """A rule that can be put to something.

    Attributes:
        info: what is said about it.
        private: whether it only serves other rules.
        not_on_records: why it is put to no records; "" where it is.
    """

    info: RuleInfo
    private: bool
    not_on_records: str


@dataclass(frozen=True, slots=True)
class YaraRules:
    """What came out of the rule files.

    Attributes:
        rules: rules that can be put to something; a rule's number is its place here.
        units: the same, to be put to files.
        records: those that are put to records.
        infos: every rule that has a name, by id.
        ended: what became of the others.
        faults: files, and rules in them, that cannot be used; printable.
    """

    rules: tuple[YaraRule, ...] = ()
    units: tuple[Unit, ...] = ()
    records: tuple[RecordRule, ...] = ()
    infos: Mapping[str, RuleInfo] = field(default_factory=dict)
    ended: tuple[RuleOutcome, ...] = ()
    faults: tuple[str, ...] = ()

    def digest(self) -> str:
        """Give a text that changes whenever the rules do."""
        whole = msgspec.json.encode((VERSION, self.units, self.records))
        return hashlib.sha256(whole).hexdigest()


@dataclass(frozen=True, slots=True)
class _Draft:
    """A rule on its way."""

    info: RuleInfo
    cut: CutRule
    part: int
    shown: str
    licence: Licence


class _Loading:
    """Rule files being loaded: every rule ends in one of its lists."""

    def __init__(self, accepted: Collection[str]) -> None:
        self.accepted = accepted
        self.known = modules()
        self.infos: dict[str, RuleInfo] = {}
        self.rules: list[YaraRule] = []
        self.units: list[Unit] = []
        self.records: list[RecordRule] = []
        self.ended: list[RuleOutcome] = []
        self.faults: list[str] = []

    def info(self, rule: CutRule, shown: str, licence: Licence) -> RuleInfo:
        """Give what is said about a rule; the first of a name has it as its id, others have their file beside it."""
        name = f"yara:{rule.name}"
        for other in (f"{name}@{shown}", *(f"{name}@{shown}:{line}" for line in (rule.line,))):
            if name in self.infos:
                name = other
        meta = rule.meta
        level = next((meta[one].lower() for one in ("level", "severity") if meta.get(one, "").lower() in LEVELS), "")
        named = " ".join(meta.get(one, "") for one in ("mitre", "attack", "mitre_attack"))
        told = [*rule.tags, *re.split(r"[\s,;]+", named)]
        made = structs.replace(
            _info(name, rule.name[:200], shown),
            author=meta.get("author", "")[:1000].strip() or "unknown",
            licence=licence.shown,
            level=level,
            tags=tuple(sorted({one.upper().replace("_", ".") for one in told if _TECHNIQUE.match(one.upper())})),
            description=meta.get("description", "")[:1000],
        )
        self.infos.setdefault(name, made)
        return made

    def end(self, info: RuleInfo, status: RuleStatus, reason: str) -> None:
        """Note how a rule ends that is put to nothing."""
        self.ended.append(outcome_of(info, status, reason))

    def bad(self, bad: BadSource) -> None:
        """Note a file that cannot be used, with the rules in it."""
        self.faults.append(str(bad))
        status = RuleStatus.REFUSED if bad.refused else RuleStatus.INVALID
        where = f"line {bad.line}: " if bad.line is not None else ""
        rules = bad.cut.rules if bad.cut is not None else []
        for rule in rules:
            licence = licence_of(_stated(rule), "metadata")
            self.end(self.info(rule, bad.shown, licence), status, f"its file, {where}{bad.why}")
        if not rules:
            info = _info(f"yara-file:{bad.shown}", bad.shown, bad.shown)
            self.end(info, status, f"{where}{bad.why}")

    def family(self, sources: Sequence[Source]) -> None:
        """Load sources that share a namespace."""
        drafts = [self._draft(rule, at, source) for at, source in enumerate(sources) for rule in source.cut.rules]
        unit = Unit(
            f"u{len(self.units)}",
            tuple(Part(one.shown, one.text) for one in sources),
            tuple(_unit_rule(at, one) for at, one in enumerate(drafts)),
        )
        dead: dict[int, RuleStatus] = {}
        for at, one in enumerate(drafts):
            ended = self._barred(one)
            if ended is not None:
                dead[at] = ended[0]
                self.end(one.info, *ended)
        self._compiled(unit, drafts, dead)
        alive = [at for at in range(len(drafts)) if at not in dead]
        if not alive:
            return
        first = len(self.rules)
        unit = unit.without(frozenset(dead))
        numbers = {at: first + place for place, at in enumerate(alive)}
        self.units.append(replace(unit, rules=tuple(replace(one, index=numbers[one.index]) for one in unit.rules)))
        with_global = any(drafts[at].cut.is_global for at in alive)
        for at in alive:
            self._finished(drafts[at], numbers[at], with_global=with_global)

    def _draft(self, rule: CutRule, part: int, source: Source) -> _Draft:
        licence = licence_of(_stated(rule), "metadata")
        if not licence.name:
            licence = licence_in(source.cut.head)
        if not licence.name:
            licence = licence_beside(source.path, source.root)
        return _Draft(self.info(rule, source.shown, licence), rule, part, source.shown, licence)

    def _barred(self, draft: _Draft) -> tuple[RuleStatus, str] | None:
        """Say why a rule may not be compiled at all; None where it may."""
        licence = draft.licence
        if not licence.allowed(self.accepted):
            where = f", by {licence.where}" if licence.where != "metadata" else ""
            accept = f"--accept-licence '{licence.name}' runs it"
            return RuleStatus.REFUSED, f"its licence is {licence.name}{where}: {accept} where you may use it so"
        for word in draft.cut.condition:
            if word.kind == "word" and word.text in _NOT_HERE and word.text in self.known:
                return RuleStatus.UNSUPPORTED, f"it asks for {_NOT_HERE[word.text]} (module `{word.text}`)"
        if len(string_names(draft.cut)) > STRINGS_MAX:
            return RuleStatus.UNSUPPORTED, f"it has over {STRINGS_MAX:,} strings"
        return None

    def _compiled(self, unit: Unit, drafts: Sequence[_Draft], dead: dict[int, RuleStatus]) -> None:
        """Compile until nothing is wrong any more; what is wrong ends with the reason."""
        for _ in range(ROUNDS_MAX):
            faults = compile_faults(unit.without(frozenset(dead)))
            if not faults:
                return
            before = len(dead)
            for fault in faults:
                self._told(fault, drafts, dead)
            if len(dead) == before:
                break
        else:
            faults = [CompileFault(drafts[0].shown, None, f"wrong in more than {ROUNDS_MAX} places")]
        told = f"{faults[0].shown}:{faults[0].line or 1}: {faults[0].what}"
        if told not in self.faults:
            self.faults.append(told)
        if not drafts:
            shown = faults[0].shown
            self.end(_info(f"yara-file:{shown}", shown, shown), RuleStatus.INVALID, faults[0].what)
        for at, one in enumerate(drafts):
            if at not in dead:
                dead[at] = RuleStatus.INVALID
                self.end(one.info, RuleStatus.INVALID, f"its file cannot be compiled: {faults[0].what}")

    def _told(self, fault: CompileFault, drafts: Sequence[_Draft], dead: dict[int, RuleStatus]) -> None:
        """Lay a fault at the door of the rule whose line it names, or of all rules of its file."""
        mine = [at for at, one in enumerate(drafts) if one.shown == fault.shown and at not in dead]
        hit = [at for at in mine if fault.line is not None and _spans(drafts[at].cut, fault.line)]
        where = f"line {fault.line}: " if fault.line is not None else ""
        if not hit:
            if any(
                one.shown == fault.shown and fault.line is not None and _spans(one.cut, fault.line) for one in drafts
            ):
                return  # of a rule that has ended already
            self.faults.append(f"{fault.shown}:{fault.line or 1}: {fault.what}")
            for at in mine:
                dead[at] = RuleStatus.INVALID
                self.end(drafts[at].info, RuleStatus.INVALID, f"its file, {where}{fault.what}")
            return
        for at in hit[:1]:
            rests = _rests_on(drafts[at], drafts, dead) if fault.unknown else None
            if rests is not None:
                dead[at] = dead[rests]
                name = drafts[rests].cut.name
                self.end(drafts[at].info, dead[at], f"it rests on the rule '{name}', which is {dead[at].value}")
                continue
            dead[at] = RuleStatus.INVALID
            self.end(drafts[at].info, RuleStatus.INVALID, where + fault.what)
            self.faults.append(f"{fault.shown}:{fault.line}: {fault.what}")

    def _finished(self, draft: _Draft, number: int, *, with_global: bool) -> None:
        rule, why = draft.cut, ""
        if rule.private or rule.is_global:
            why = "it serves other rules"
        elif with_global:
            why = "a global rule of its file narrows it to whole files"
        else:
            try:
                self.records.append(_record_rule(rule, number))
            except NotForRecordsError as fault:
                why = str(fault)
        self.rules.append(YaraRule(draft.info, rule.private, why))


def _info(name: str, title: str, shown: str) -> RuleInfo:
    """Give what is said about a rule that says nothing itself."""
    return RuleInfo(
        id=name,
        title=title,
        author="unknown",
        licence="",
        level="",
        tags=(),
        outcome="",
        weight=0,
        catalogue="",
        path=shown,
        description="",
        falsepositives=(),
        pack=False,
    )


def _stated(rule: CutRule) -> str:
    return rule.meta.get("license") or rule.meta.get("licence") or ""


def _spans(rule: CutRule, line: int) -> bool:
    return rule.line <= line <= rule.end_line


def _unit_rule(at: int, draft: _Draft) -> UnitRule:
    rule = draft.cut
    needs = [
        one.text + ("*" if after is not None and after.text == "*" else "")
        for one, after in zip_longest(rule.condition, rule.condition[1:])
        if one.kind == "word"
    ]
    return UnitRule(
        at, rule.name, draft.part, rule.start, rule.end, tuple(sorted(set(needs))), rule.private, rule.is_global
    )


def _rests_on(draft: _Draft, drafts: Sequence[_Draft], dead: Mapping[int, RuleStatus]) -> int | None:
    words = {one.text for one in draft.cut.condition if one.kind == "word"}
    return next((at for at in dead if drafts[at].cut.name in words), None)


def _record_rule(rule: CutRule, number: int) -> RecordRule:
    """Give a rule as it is put to records.

    Raises:
        NotForRecordsError: it is not.
    """
    question = question_of(rule)
    strings = rule.strings_text
    shift = rule.strings[0].start
    hidden = [
        (one.start - shift, one.end - shift) for one in rule.strings if one.kind == "word" and one.text == "private"
    ]
    for start, end in hidden:
        strings = strings[:start] + " " * (end - start) + strings[end:]
    head = f"rule r{number} {{ strings: {strings}\n condition: "
    probe = "" if is_monotone(question) else f"{head}any of them }}"
    return RecordRule(number, f"{head}{rule.condition_text} }}", probe, question, string_names(rule))


def load_yara(paths: Sequence[Path], accepted: Collection[str] = ()) -> YaraRules:
    """Load YARA rules.

    Args:
        paths: files and folders.
        accepted: names of licences that the user accepts beside those that are free.

    Raises:
        UsageError: the YARA library is not installed.
    """
    if not paths:
        return YaraRules()
    require_library()
    loading = _Loading(accepted)
    found = sources_of(paths)
    for one in found:
        if isinstance(one, BadSource):
            loading.bad(one)
    for group in families([one for one in found if isinstance(one, Source)]):
        loading.family(group)
    if not found:
        loading.faults += [f"{one}: holds no file ending in .yar or .yara" for one in paths]
    return YaraRules(
        tuple(loading.rules),
        tuple(loading.units),
        tuple(loading.records),
        dict(sorted(loading.infos.items())),
        tuple(loading.ended),
        tuple(loading.faults),
    )
