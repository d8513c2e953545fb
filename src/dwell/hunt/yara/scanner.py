"""The YARA library at work: rules compiled together, put to bytes, and broken off when one takes too long.

The library's time limit is for all rules at once. Where it is hit, the rules are put to the same bytes group by group and
then one by one, so that the rule that is slow is known and every other one is still put. A rule that was broken off once
is put alone from then on, and after `STRIKES_MAX` times no more in the same stretch of work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dwell.errors import UsageError
from dwell.hunt.yara.syntax import blanked

try:
    import yara_x
except ImportError:  # there is no wheel for this machine
    yara_x = None  # type: ignore[assignment]

__all__ = [
    "ALL_SECONDS",
    "GLOBALS",
    "MATCHES_MAX",
    "RULE_SECONDS",
    "STRIKES_MAX",
    "CompileFault",
    "Met",
    "Part",
    "Places",
    "RuleScanner",
    "Scanned",
    "Unit",
    "UnitRule",
    "compile_faults",
    "modules",
    "require_library",
]

Places = npt.NDArray[np.int64]

ALL_SECONDS = 10
"""For all rules together on one file or one stretch of records."""
RULE_SECONDS = 5
"""For one rule alone, once all together were too slow."""
STRIKES_MAX = 3
MATCHES_MAX = 1_000_000
"""Places of one string that are told of one file or stretch of records; the library finds no more."""
GLOBALS = ("filename", "filepath", "extension")
"""Variables from outside that rules for scanners of disks ask for, and that are known here."""
_PANIC = "PanicException"


@dataclass(frozen=True, slots=True)
class Part:
    """A source to be compiled.

    Attributes:
        shown: its path, as faults name it.
        text: its text.
    """

    shown: str
    text: str


@dataclass(frozen=True, slots=True)
class UnitRule:
    """A rule of a unit.

    Attributes:
        index: its number among all rules.
        name: its name.
        part: which part of the unit it stands in.
        start: where it begins there.
        end: where it ends.
        needs: names, or beginnings of names ending in `*`, that its condition uses.
        private: whether it only serves other rules.
        is_global: whether all others of the unit hang on it.
    """

    index: int
    name: str
    part: int
    start: int
    end: int
    needs: tuple[str, ...] = ()
    private: bool = False
    is_global: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """Sources that share a namespace.

    Attributes:
        namespace: its name.
        parts: the sources, what is included first.
        rules: their rules.
    """

    namespace: str
    parts: tuple[Part, ...]
    rules: tuple[UnitRule, ...]

    def only(self, wanted: frozenset[int]) -> Unit:
        """Give the unit with some rules, by number, and what they rest on; the others are blanked out."""
        keep = {one.index for one in self.rules if one.index in wanted or one.is_global}
        waiting = [one for one in self.rules if one.index in keep]
        while waiting:
            needs = waiting.pop().needs
            for one in self.rules:
                if one.index not in keep and any(_names(need, one.name) for need in needs):
                    keep.add(one.index)
                    waiting.append(one)
        return self.without(frozenset(one.index for one in self.rules) - keep)

    def resting_on(self, slow: frozenset[int]) -> frozenset[int]:
        """Give some rules, by number, and all that rest on them."""
        out = {one.index for one in self.rules if one.index in slow}
        waiting = [one.name for one in self.rules if one.index in out]
        while waiting:
            name = waiting.pop()
            for one in self.rules:
                if one.index not in out and any(_names(need, name) for need in one.needs):
                    out.add(one.index)
                    waiting.append(one.name)
        return frozenset(out)

    def without(self, dropped: frozenset[int]) -> Unit:
        """Give the unit without some rules, by number."""
        parts = tuple(
            Part(
                part.shown,
                blanked(
                    part.text, [(one.start, one.end) for one in self.rules if one.part == at and one.index in dropped]
                ),
            )
            for at, part in enumerate(self.parts)
        )
        return Unit(self.namespace, parts, tuple(one for one in self.rules if one.index not in dropped))


def _names(need: str, name: str) -> bool:
    return name.startswith(need[:-1]) if need.endswith("*") else name == need


@dataclass(frozen=True, slots=True)
class CompileFault:
    """What the compiler says of a source.

    Attributes:
        shown: the source's path.
        line: 1-based line; None where it names none.
        what: what is wrong.
        unknown: whether it is a name that nothing goes by.
        syntax: whether the source ends for the compiler there.
    """

    shown: str
    line: int | None
    what: str
    unknown: bool = False
    syntax: bool = False


@dataclass(frozen=True, slots=True)
class Met:
    """A rule that some bytes met.

    Attributes:
        index: the rule's number.
        strings: name of each string, with (offset, length) of its places: (places, 2).
    """

    index: int
    strings: tuple[tuple[str, Places], ...]


@dataclass(slots=True)
class Scanned:
    """What came of putting rules to bytes.

    Attributes:
        met: the rules met, by number.
        slow: rules that were broken off.
        left_out: rules that were not put any more.
        failed: rules on which the library failed, by number, with what it said.
    """

    met: list[Met] = field(default_factory=list)
    slow: list[int] = field(default_factory=list)
    left_out: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)


class _Match(Protocol):
    @property
    def offset(self) -> int:
        """Give where it begins."""

    @property
    def length(self) -> int:
        """Give how long it is."""


def require_library() -> None:
    """Refuse to go on without the library.

    Raises:
        UsageError: it is not there.
    """
    if yara_x is None:
        raise UsageError(
            "YARA rules need the package yara-x, which is not installed here",
            remedy="Install yara-x; it has wheels for Linux (glibc 2.28 or newer), macOS 14 or newer and 64-bit Windows",
        )


def modules() -> frozenset[str]:
    """Give the modules that the library knows."""
    return frozenset(yara_x.module_names())  # type: ignore[attr-defined]  # missing in its stubs


def _compiler() -> Any:  # noqa: ANN401 - the library's own class
    made = yara_x.Compiler(relaxed_re_syntax=True, includes_enabled=False)
    made.max_warnings(1)
    for one in GLOBALS:
        made.define_global(one, "")
    return made


class _LibraryError(Exception):
    """The library broke in a way that it does not name."""


def _guarded(work: Any, *args: object) -> Any:  # noqa: ANN401 - calls into the library
    """Call the library; a panic of its own is told as an error like any other.

    Raises:
        _LibraryError: it panicked, or failed otherwise than by a timeout or a fault of the rules.
    """
    try:
        return work(*args)
    except (yara_x.TimeoutError, yara_x.CompileError):
        raise
    except Exception as fault:
        raise _LibraryError(str(fault)[:200]) from fault
    except BaseException as fault:
        if type(fault).__name__ != _PANIC:
            raise
        raise _LibraryError("the YARA library broke on it") from fault


def compile_faults(unit: Unit) -> list[CompileFault]:
    """Compile a unit and give what is wrong with it; nothing where it can be used whole."""
    compiler = _compiler()
    compiler.new_namespace(unit.namespace)
    out: list[CompileFault] = []
    for part in unit.parts:
        told = len(compiler.errors())
        try:
            _guarded(compiler.add_source, part.text, part.shown)
        except yara_x.CompileError:
            out += [_fault(one, part) for one in compiler.errors()[told:]]
        except _LibraryError as fault:
            out.append(CompileFault(part.shown, None, str(fault)))
    return out


def _fault(raw: Mapping[str, Any], part: Part) -> CompileFault:
    said = next((str(one.get("text") or "") for one in raw.get("labels", ())), "")
    what = str(raw.get("title", "cannot be compiled")) + (f": {said}" if said else "")
    line = raw.get("line")
    kind = raw.get("type")
    return CompileFault(
        part.shown, int(line) if line else None, what[:300], kind == "UnknownIdentifier", kind == "SyntaxError"
    )


class RuleScanner:
    """Rules that are put to many pieces of bytes, one after the other.

    Attributes:
        strikes: how often each rule was broken off.
    """

    def __init__(self, units: Sequence[Unit], places_max: int = MATCHES_MAX) -> None:
        self.strikes: dict[int, int] = {}
        self._places_max = places_max
        self._units = {one.namespace: one for one in units if one.rules}
        self._numbers = {(one.namespace, rule.name): rule for one in units for rule in one.rules}
        self._made: dict[object, Any] = {}
        self._quick: dict[frozenset[int], tuple[list[Unit], frozenset[int]]] = {}
        self._variables: dict[str, str] = {}

    def scan(self, data: bytes, variables: Mapping[str, str] | None = None) -> Scanned:
        """Put all rules to some bytes.

        Args:
            data: the bytes.
            variables: values of `GLOBALS`.
        """
        out = Scanned(left_out=sorted(one for one, number in self.strikes.items() if number >= STRIKES_MAX))
        self._variables = dict(variables or {})
        struck = frozenset(self.strikes)
        if struck not in self._quick:
            aside = {one.namespace: one.resting_on(struck) for one in self._units.values()}
            rest = [one.without(aside[one.namespace]) if struck else one for one in self._units.values()]
            self._quick = {struck: (rest, frozenset().union(*aside.values()))}
            self._made.clear()
        rest, apart = self._quick[struck]
        if not self._try("all", rest, data, ALL_SECONDS, out):
            for unit in rest:
                if not self._try(unit.namespace, [unit], data, RULE_SECONDS, out):
                    self._one_by_one(unit, frozenset(one.index for one in unit.rules), data, out)
        for unit in self._units.values():
            self._one_by_one(unit, apart, data, out)
        out.met.sort(key=lambda one: one.index)
        return out

    def _one_by_one(self, unit: Unit, wanted: frozenset[int], data: bytes, out: Scanned) -> None:
        for rule in unit.rules:
            if rule.private or rule.index not in wanted or rule.index in out.left_out:
                continue
            single = self._units[unit.namespace].only(frozenset({rule.index}))
            if not self._try(None, [single], data, RULE_SECONDS, out, only=rule.index):
                out.slow.append(rule.index)
                self.strikes[rule.index] = self.strikes.get(rule.index, 0) + 1

    def _try(
        self, key: object, units: Sequence[Unit], data: bytes, seconds: int, out: Scanned, only: int | None = None
    ) -> bool:
        """Put units to bytes; say whether that came to an end. A single rule on which the library fails has ended."""
        try:
            scanner = self._made.get(key) if key is not None else None
            if scanner is None:
                scanner = _guarded(_made, units)
                if key is not None:
                    self._made[key] = scanner
            scanner.set_timeout(seconds)
            scanner.max_matches_per_pattern(MATCHES_MAX)
            for name in GLOBALS:
                scanner.set_global(name, self._variables.get(name, ""))
            found = _guarded(scanner.scan, data)
        except yara_x.TimeoutError:
            return False
        except (_LibraryError, yara_x.CompileError) as fault:
            self._made.pop(key, None)
            if only is not None:
                out.failed[only] = str(fault).partition("\n")[0]
            return only is not None
        out.met += self._met(found.matching_rules, only)
        return True

    def _met(self, rules: Sequence[Any], only: int | None) -> Iterator[Met]:
        for one in rules:
            rule = self._numbers[(one.namespace, one.identifier)]
            if not rule.private and only in {None, rule.index}:
                strings = tuple((each.identifier, _places(each.matches[: self._places_max])) for each in one.patterns)
                yield Met(rule.index, strings)


def _made(units: Sequence[Unit]) -> Any:  # noqa: ANN401 - the library's own class
    compiler = _compiler()
    for unit in units:
        compiler.new_namespace(unit.namespace)
        for part in unit.parts:
            compiler.add_source(part.text, part.shown)
    return yara_x.Scanner(compiler.build())


def _places(matches: Sequence[_Match]) -> Places:
    out = np.empty((len(matches), 2), np.int64)
    out[:, 0] = np.fromiter((one.offset for one in matches), np.int64, len(matches))
    out[:, 1] = np.fromiter((one.length for one in matches), np.int64, len(matches))
    return out
