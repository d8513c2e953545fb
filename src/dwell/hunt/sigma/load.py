"""Rule folders loaded: every document ends as a rule that can be matched, or with the reason why it cannot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from sigma.conditions import ConditionOR
from sigma.exceptions import SigmaError, SigmaRegularExpressionError
from sigma.policy import default_policy
from sigma.rule import SigmaRule

from dwell.hunt.ruleset import Case, Rule, RuleInfo, RuleSet, Where
from dwell.hunt.sigma.expressions import QuietEngine
from dwell.hunt.sigma.files import BadFileError, Document, documents, rule_files
from dwell.hunt.sigma.logsources import where_of
from dwell.hunt.sigma.lower import Lowering, UnsupportedError
from dwell.intake.tables import specs
from dwell.model.claims import RuleOutcome, RuleStatus

__all__ = ["PACK", "Loaded", "licence_of", "load", "new_lowering", "outcome_of"]

PACK = Path(__file__).resolve().parent.parent.parent / "rules"
"""Our own rules."""
CONDITION_CHARS_MAX = 4_000
PARENTHESES_MAX = 25
LICENCE_LEVELS = 6
_DRL = "DRL 1.1"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came out of the rule folders.

    Attributes:
        rules: rules that can be matched.
        infos: every rule that has an id, by id.
        ended: what became of the rules that cannot be matched: invalid, unsupported, or blind whatever is held.
        faults: rule files that could not be used, printable.
    """

    rules: RuleSet
    infos: Mapping[str, RuleInfo]
    ended: tuple[RuleOutcome, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Folder:
    """A rule folder, and what it says about the licence of rules that say nothing themselves."""

    path: Path
    pack: bool
    licence: str

    def relative(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix() if path != self.path else path.name


def outcome_of(info: RuleInfo, status: RuleStatus, reason: str = "") -> RuleOutcome:
    """Give the outcome of a rule that met no records."""
    return RuleOutcome(
        info.id, info.title, info.author, info.licence, info.level, status, reason=reason, path=info.path
    )


def licence_of(folder: Path) -> str:
    """Read the licence of rules from the file beside them or above; SigmaHQ's stands at the top of its folders."""
    here = folder.resolve()
    here = here if here.is_dir() else here.parent
    for place in (here, *list(here.parents)[:LICENCE_LEVELS]):
        if _is_drl(place):
            return _DRL
    return ""


@lru_cache(maxsize=4096)
def _is_drl(place: Path) -> bool:
    for one in sorted(place.glob("LICENSE*")) if place.is_dir() else []:
        try:
            with one.open("rb") as handle:
                if b"Detection Rule License" in handle.read(4096):
                    return True
        except OSError:
            continue
    return False


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


class _Refused(Exception):  # noqa: N818 - it is an ending, not a fault of ours
    """A rule that ends here."""

    def __init__(self, status: RuleStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def _parsed(document: Document) -> SigmaRule:
    """Parse one document with pySigma, and say why where it cannot."""
    content = document.content
    for key in ("correlation", "filter", "action"):
        if key in content:
            raise _Refused(RuleStatus.UNSUPPORTED, f"construct '{key}' is not supported")
    detection = content.get("detection")
    conditions = detection.get("condition") if isinstance(detection, dict) else None
    for one in conditions if isinstance(conditions, list) else [conditions]:
        text = str(one)
        if one is not None and not isinstance(one, str):
            raise _Refused(
                RuleStatus.INVALID, f"the condition is no text but {text[:40]}" + _line_of(document, "'condition'")
            )
        if "|" in text:
            raise _Refused(RuleStatus.UNSUPPORTED, "aggregation in the condition ('|') is not supported")
        if len(text) > CONDITION_CHARS_MAX or text.count("(") > PARENTHESES_MAX:
            raise _Refused(RuleStatus.INVALID, "the condition is too long or nests too deep")
    try:
        return SigmaRule.from_dict(dict(content))
    except SigmaRegularExpressionError as fault:
        # RE2 names what it has no means for; anything else is a fault of the expression
        known = any(one in str(fault) for one in ("perl operator", "escape sequence"))
        raise _Refused(
            RuleStatus.UNSUPPORTED if known else RuleStatus.INVALID, f"regular expression: {_short(fault)}"
        ) from fault
    except (SigmaError, ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError) as fault:
        raise _Refused(RuleStatus.INVALID, _short(fault) + _line_of(document, str(fault))) from fault


def _short(fault: BaseException) -> str:
    return (str(fault) or type(fault).__name__).split("\n")[0][:300]


def _line_of(document: Document, text: str) -> str:
    """Find the line of the key that a fault speaks of, else of the document."""
    for key, line in document.lines.items():
        if any(part and f"'{part}'" in text for part in (key, *key.split("|")[1:])):
            return f" (line {line})"
    return f" (line {document.line})"


def _cases(rule: SigmaRule, lowering: Lowering, wheres: dict[tuple[Any, ...], int], known: list[Where]) -> list[Case]:
    source = rule.logsource
    found = where_of(source.product, source.category, source.service)
    if found is None:
        shown = "/".join(one for one in (source.product, source.category, source.service) if one)
        raise _Refused(RuleStatus.BLIND, f"no source that dwell reads holds '{shown}'")
    out = []
    for where in found:
        key = (where.table, where.channels, where.event_ids, tuple(sorted(where.fields.items())))
        index = wheres.setdefault(key, len(known))
        if index == len(known):
            known.append(where)
        parsed = [one.parsed for one in rule.detection.parsed_condition]
        if not parsed or None in parsed:
            raise _Refused(RuleStatus.INVALID, "the condition says nothing")
        whole = parsed[0] if len(parsed) == 1 else ConditionOR(parsed)
        out.append(Case(index, lowering.lower(whole, where)))
    return out


def _columns() -> tuple[dict[str, dict[str, pa.DataType]], dict[str, tuple[str, ...]]]:
    held = specs()
    types = {name: {one.name: one.type for one in spec.schema} for name, spec in held.items()}
    return types, {name: tuple(spec.joined) for name, spec in held.items()}


def new_lowering() -> Lowering:
    """Give what lowers conditions and maps fields, with the columns of every table."""
    return Lowering(*_columns())


def _found(folders: Sequence[_Folder], faults: list[str]) -> Iterator[tuple[_Folder, Path, Document | BadFileError]]:
    """Yield every document of every rule file once, and every file that is none."""
    seen: set[Path] = set()
    for folder in folders:
        if not folder.path.exists():
            faults.append(f"{folder.path}: no such rule folder")
            continue
        for path in rule_files(folder.path):
            real = path.resolve()
            if real in seen:
                continue
            seen.add(real)
            try:
                for document in documents(path):
                    yield folder, path, document
            except BadFileError as fault:
                yield folder, path, fault


_ENDINGS = (
    _Refused, UnsupportedError, SigmaError, ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError,
)  # fmt: skip
"""What a single rule can end with: pySigma does not foresee everything that YAML can hold in place of a text."""


def _registered(info: RuleInfo, infos: dict[str, RuleInfo]) -> None:
    if info.id in infos:
        raise _Refused(RuleStatus.INVALID, f"its id is taken by {infos[info.id].path}")
    infos[info.id] = info


def load(folders: Sequence[Path] = (), *, pack: bool = True) -> Loaded:
    """Load our own rules and those of the folders named.

    Args:
        folders: folders of rule files, or single files.
        pack: whether our own rules are loaded as well.
    """
    sources = [_Folder(PACK, pack=True, licence="")] if pack else []
    sources += [_Folder(one, pack=False, licence=licence_of(one)) for one in folders]
    default_policy.regex_engine = QuietEngine()
    lowering = new_lowering()
    wheres: dict[tuple[Any, ...], int] = {}
    known: list[Where] = []
    rules: list[Rule] = []
    infos: dict[str, RuleInfo] = {}
    ended: list[RuleOutcome] = []
    faults: list[str] = []
    for folder, path, document in _found(sources, faults):
        if isinstance(document, BadFileError):
            info = _info({}, path, folder)
            ended.append(outcome_of(info, RuleStatus.INVALID, str(document)))
            faults.append(f"{info.path}: {document}")
            continue
        info = _info(document.content, path, folder)
        try:
            _registered(info, infos)
            cases = _cases(_parsed(document), lowering, wheres, known)
        except _ENDINGS as fault:
            status = fault.status if isinstance(fault, _Refused) else RuleStatus.INVALID
            status = RuleStatus.UNSUPPORTED if isinstance(fault, UnsupportedError) else status
            ended.append(outcome_of(info, status, _short(fault)))
            if status is RuleStatus.INVALID:
                faults.append(f"{info.path}: {_short(fault)}")
            continue
        rules.append(Rule(info, tuple(cases)))
    rules.sort(key=lambda one: one.info.id)
    rule_set = RuleSet(tuple(rules), tuple(lowering.atoms), tuple(lowering.leaves), tuple(known))
    return Loaded(rule_set, infos, tuple(ended), tuple(faults))
