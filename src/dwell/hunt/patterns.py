"""Many literals and regular expressions over many texts, in one pass.

Texts are laid end to end with a NUL between them, so that the start and the end of a text are literals too, and one scan
of Hyperscan finds every pattern. A canary rides at the end of every stretch that is scanned: if it is not seen, the
matcher did not look at everything, and that is an error, never "no hit". Where Hyperscan is not installed, the same
questions go to Arrow's kernels; the answers are the same.

Regular expressions mean what RE2 says they mean: linear time whatever the text, ASCII classes. Hyperscan only narrows
down which texts RE2 has to look at; an expression that it refuses is put to RE2 alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.errors import DwellError
from dwell.hunt.databases import CANARY, Compiled, keep, kept, name_of

try:
    import hyperscan
except ImportError:  # pragma: no cover - the wheel is missing on some platforms
    hyperscan = None  # type: ignore[assignment]

__all__ = [
    "CANARY",
    "Indices",
    "MatcherError",
    "Parts",
    "Patterns",
    "Regexes",
    "folded",
    "has_engine",
    "patterns",
    "regexes",
]

Indices = npt.NDArray[np.int64]
Parts = tuple[str, ...]
"""Literals at the even places, runs of `*` and `?` at the odd ones."""

STRETCH_BYTES = 64 * 1024 * 1024
HOT_MIN = 5_000
HOT_SHARE = 20
"""A pattern met more often than this, and in more than one of so many texts, occurs everywhere."""
_ANY_BYTE = rb"[^\x00]*"
_ONE_CHARACTER = rb"(?:[\x01-\x7f]|[\xc2-\xf4][\x80-\xbf]+)"
_DIRECT_MAX = 512
"""So few texts are put to RE2 straight away."""
_FEW_PATTERNS = 3
"""So few patterns are looked for one by one; of so many more where the texts are few as well."""
_FEW_AMONG_FEW = 16


class MatcherError(DwellError):
    """The matcher did not look at everything it was given."""

    code = "matcher"


def has_engine() -> bool:
    """Say whether Hyperscan is there."""
    return hyperscan is not None


def folded(texts: pa.StringArray) -> pa.StringArray:
    """Fold case, character by character."""
    return pc.utf8_lower(texts)


def _checked(texts: pa.Array) -> pa.StringArray:
    """Refuse what a matcher with 32-bit offsets would read half of without a word."""
    if texts.type != pa.string():
        raise TypeError(f"texts have to be of type string, not {texts.type}")
    if texts.null_count:
        raise TypeError("texts must not hold nulls")
    return texts


def _anchored(parts: Parts) -> bool:
    """Say whether a pattern takes in the NUL after the text."""
    return bool(parts[-1]) or len(parts) == 1 or "*" not in parts[-2]


def _expression(parts: Parts) -> bytes:
    """Give a pattern over texts laid end to end."""
    out = b""
    last = len(parts) - 1
    for at, part in enumerate(parts):
        if not at % 2:
            out += re.escape(part.encode())
            continue
        open_start = at == 1 and not parts[0] and "*" in part
        open_end = at == last - 1 and not parts[last] and "*" in part
        if at == 1 and not parts[0] and "*" not in part:
            out += rb"\x00"
        out += _ONE_CHARACTER * part.count("?")
        if "*" in part and not open_start and not open_end:
            out += _ANY_BYTE
    if parts[0]:
        out = rb"\x00" + out
    return out + rb"\x00" if _anchored(parts) else out


def _one(texts: pa.StringArray, parts: Parts) -> Indices:
    """Match one pattern with Arrow's kernels."""
    match parts:
        case (literal,):
            found = pc.equal(texts, literal)
        case ("", "*", literal, "*", ""):
            found = pc.match_substring(texts, literal)
        case (literal, "*", ""):
            found = pc.starts_with(texts, literal)
        case ("", "*", literal):
            found = pc.ends_with(texts, literal)
        case _:
            inner = "".join(
                part.replace("?", ".").replace("*", ".*") if at % 2 else re.escape(part)
                for at, part in enumerate(parts)
            )
            found = pc.match_substring_regex(texts, rf"(?s)\A{inner}\z")
    return np.flatnonzero(found.to_numpy(zero_copy_only=False))


class Patterns:
    """Patterns with wildcards; case counts, so fold both sides where it must not.

    Attributes:
        parts: the patterns.
    """

    def __init__(self, parts: Sequence[Parts], *, engine: bool = True) -> None:
        self.parts = tuple(parts)
        whole = [at for at, one in enumerate(self.parts) if len(one) == 1]
        self._exact = np.array(whole, np.int64)
        self._exact_values = pa.array([self.parts[at][0] for at in whole], pa.string())
        longest = [max(len(one.encode()) for one in parts[::2]) for parts in self.parts]
        wild = [at for at, one in enumerate(self.parts) if len(one) > 1]
        scanned = [at for at in wild if longest[at] and not any("\0" in x for x in self.parts[at])]
        self._scanned = scanned if engine and has_engine() else []
        self._told = frozenset(self._scanned)
        self._plain = [at for at in wild if at not in self._told]
        self._anchored = np.zeros(len(self.parts) + 1, np.bool_)
        self._database: hyperscan.Database | None = None
        self._is_whole = True

    def _compiled(self) -> hyperscan.Database:
        for at in self._scanned:
            self._anchored[at] = _anchored(self.parts[at])
        # what is left after a look at some texts depends on them, and is nobody else's
        said = [msgspec.msgpack.encode([self.parts[at] for at in self._scanned])] if self._is_whole else []
        name = name_of("literals", said, self._scanned) if self._is_whole else None
        held = kept(name, len(self.parts))
        if held is not None:
            return held.database
        expressions = [_expression(self.parts[at]) for at in self._scanned]
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[*expressions, re.escape(CANARY)],
            ids=[*self._scanned, len(self.parts)],
            flags=[hyperscan.HS_FLAG_DOTALL] * (len(expressions) + 1),
        )
        keep(name, Compiled(database, tuple(self._scanned)))
        return database

    def find(self, texts: pa.Array) -> list[Indices]:
        """Give for each pattern the texts it matches, in order."""
        out: list[Indices] = [np.zeros(0, np.int64)] * len(self.parts)
        for index, found in self.met(texts):
            out[index] = found
        return out

    def met(self, texts: pa.Array, wanted: npt.NDArray[np.bool_] | None = None) -> Iterator[tuple[int, Indices]]:
        """Yield the patterns that some text meets, each with its texts in order.

        Args:
            texts: they.
            wanted: by pattern whether it is looked for, a few of them one by one; where this is not given, all are in one
                pass.
        """
        texts = _checked(texts)
        if not len(texts):
            return
        yield from self._whole_texts(texts, wanted)
        for one in self._plain:
            if wanted is None or wanted[one]:
                yield one, _one(texts, self.parts[one])
        told = self._told
        left = self._scanned if wanted is None else [one for one in np.flatnonzero(wanted).tolist() if one in told]
        few = 0 if wanted is None else _FEW_AMONG_FEW if len(texts) <= _DIRECT_MAX else _FEW_PATTERNS
        if len(left) <= few:
            for one in left:
                yield one, _one(texts, self.parts[one])
        elif left:
            # compiled when it is needed: many columns of many files hold nothing to look at
            if self._database is None:
                self._database = self._compiled()
            yield from self._scan(self._database, texts, left)

    def _whole_texts(
        self, texts: pa.StringArray, wanted: npt.NDArray[np.bool_] | None
    ) -> Iterator[tuple[int, Indices]]:
        """Yield the patterns without a wildcard that some text meets."""
        exact, values = self._exact, self._exact_values
        if wanted is not None:
            mine = wanted[exact]
            exact, values = exact[mine], values.filter(pa.array(mine))
        if len(exact):
            at = pc.index_in(texts, value_set=values).fill_null(-1).to_numpy(zero_copy_only=False)
            rows = np.flatnonzero(at >= 0)
            for which in np.unique(at[rows]).tolist():
                yield int(exact[which]), rows[at[rows] == which]

    def _scan(
        self, database: hyperscan.Database, texts: pa.StringArray, wanted: Sequence[int]
    ) -> Iterator[tuple[int, Indices]]:
        odd = _holding_nul(texts)
        ids: list[Indices] = []
        rows: list[Indices] = []
        for start, stretch in _stretches(texts):
            found, where = self._stretch(database, stretch)
            ids.append(found)
            rows.append(where + start)
        which = np.concatenate(ids)
        where = np.concatenate(rows)
        self._cool(which, len(texts))
        if len(odd):  # a NUL inside a text would look like its end: these few are put to Arrow
            keep = ~np.isin(where, odd)
            which, where = which[keep], where[keep]
        order = np.lexsort((where, which))
        which, where = which[order], where[order]
        fresh = np.ones(len(which), np.bool_)
        fresh[1:] = (which[1:] != which[:-1]) | (where[1:] != where[:-1])
        which, where = which[fresh], where[fresh]
        few = texts.take(pa.array(odd)) if len(odd) else None
        # most patterns of most scans are not met
        likely = wanted if few is not None else sorted(set(np.unique(which).tolist()).intersection(wanted))
        for index in likely:
            found = where[np.searchsorted(which, index) : np.searchsorted(which, index, "right")]
            if few is not None:
                found = np.union1d(found, odd[_one(few, self.parts[index])])
            if len(found):
                yield index, found

    def _cool(self, which: Indices, size: int) -> None:
        """Take patterns that occur everywhere out of the next scans: a plain look at every text costs less."""
        told = np.bincount(which, minlength=len(self.parts))
        hot = set(np.flatnonzero(told > max(HOT_MIN, size // HOT_SHARE)).tolist())
        if hot:
            self._plain += sorted(hot)
            self._scanned = [at for at in self._scanned if at not in hot]
            self._told = frozenset(self._scanned)
            self._database = None
            self._is_whole = False

    def _stretch(self, database: hyperscan.Database, texts: pa.StringArray) -> tuple[Indices, Indices]:
        """Scan one stretch; give pattern numbers and the texts they were found in."""
        whole = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
        data = b"\0" + pc.binary_join(whole, "\0")[0].as_buffer().to_pybytes() + b"\0" + CANARY
        ids: list[int] = []
        ends: list[int] = []

        def met(index: int, _start: int, end: int, _flags: int, _context: object) -> None:
            ids.append(index)
            ends.append(end)

        database.scan(data, match_event_handler=met)
        found = np.array(ids, np.int64)
        at = np.array(ends, np.int64)
        canary = found == len(self.parts)
        if not bool((at[canary] == len(data)).any()):
            raise MatcherError(
                "the pattern matcher did not look at everything it was given (its canary was not seen)",
                remedy="Say so to the makers of dwell; run again without the hyperscan package in the meantime",
            )
        real = ~canary & (at <= len(data) - len(CANARY))  # what the canary itself happens to hold is no text of ours
        found, at = found[real], at[real]
        lengths = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
        last = np.cumsum(lengths + 1)
        return found, np.searchsorted(last, at - self._anchored[found])


def _holding_nul(texts: pa.StringArray) -> Indices:
    """Give the texts that hold a NUL; hardly any does, and one look at all bytes tells."""
    data = texts.buffers()[2]
    if data is None or not (np.frombuffer(data, np.uint8) == 0).any():
        return np.zeros(0, np.int64)
    return np.flatnonzero(pc.match_substring(texts, "\0").to_numpy(zero_copy_only=False))


def _stretches(texts: pa.StringArray) -> Iterator[tuple[int, pa.StringArray]]:
    """Cut texts into stretches of about `STRETCH_BYTES`."""
    lengths = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    marks = np.cumsum(lengths + 1) // STRETCH_BYTES
    cuts = [0, *(np.flatnonzero(np.diff(marks)) + 1).tolist(), len(texts)]
    for start, end in pairwise(cuts):
        if end > start:
            yield start, texts.slice(start, end - start)


class Regexes:
    """Regular expressions with flags out of `i`, `m`, `s`."""

    def __init__(self, expressions: Sequence[tuple[str, str]], *, engine: bool = True) -> None:
        self._expressions = [(f"(?{flags})" if flags else "") + text for text, flags in expressions]
        self._narrowed: list[int] = []
        self._database: hyperscan.Database | None = None
        self._waiting = tuple(expressions) if engine and has_engine() else ()

    def _compile(self, expressions: Sequence[tuple[str, str]]) -> None:
        flags = [_engine_flags(one) for _, one in expressions]
        texts = [one.encode() for one, _ in expressions]
        name = name_of("expressions", texts, flags)
        held = kept(name, len(texts))
        if held is not None:
            self._database, self._narrowed = held.database, list(held.ids)
            return
        taken = list(range(len(texts)))
        self._database = _together(texts, flags, taken)
        if self._database is None:
            # it does not say which it refuses: each is tried by itself, which takes as long again
            taken = [at for at in taken if _together(texts, flags, [at]) is not None]
            self._database = _together(texts, flags, taken)
        if self._database is None:
            return
        self._narrowed = taken
        keep(name, Compiled(self._database, tuple(taken)))

    def find(self, texts: pa.Array, wanted: Sequence[int] | None = None) -> list[Indices]:
        """Give for each expression the texts it matches, in order.

        Args:
            texts: they.
            wanted: the expressions that are looked for; all are where this is not given.
        """
        texts = _checked(texts)
        sought = range(len(self._expressions)) if wanted is None else wanted
        if len(texts) <= _DIRECT_MAX or len(sought) <= _FEW_PATTERNS:
            return [_by_re2(texts, self._expressions[one]) for one in sought]
        if self._waiting:
            self._compile(self._waiting)
            self._waiting = ()
        if self._database is None:
            return [_by_re2(texts, self._expressions[one]) for one in sought]
        candidates = self._candidates(self._database, texts)
        out = []
        for at, one in ((at, self._expressions[at]) for at in sought):
            rows = candidates.get(at)
            if rows is None:
                out.append(_by_re2(texts, one))
            else:
                out.append(rows[_by_re2(texts.take(pa.array(rows)), one)])
        return out

    def _candidates(self, database: hyperscan.Database, texts: pa.StringArray) -> dict[int, Indices]:
        found: dict[int, list[int]] = {at: [] for at in self._narrowed}
        found[len(self._expressions)] = []

        def met(index: int, _start: int, _end: int, _flags: int, row: object) -> None:
            found[index].append(row)  # type: ignore[arg-type]

        scan = database.scan
        # an empty text, and one with a vertical tab (which the two take differently), is always put to RE2
        odd = []
        for row, text in enumerate(texts.cast(pa.binary()).to_pylist()):
            if not text or b"\x0b" in text:
                odd.append(row)
            else:
                scan(text, match_event_handler=met, context=row)
        scan(CANARY, match_event_handler=met, context=0)
        if not found.pop(len(self._expressions)):
            raise MatcherError("the pattern matcher did not see its canary")
        return {at: np.union1d(np.array(rows, np.int64), np.array(odd, np.int64)) for at, rows in found.items()}


def _engine_flags(flags: str) -> int:
    wanted = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY | hyperscan.HS_FLAG_UTF8
    names = {"i": hyperscan.HS_FLAG_CASELESS, "m": hyperscan.HS_FLAG_MULTILINE, "s": hyperscan.HS_FLAG_DOTALL}
    for one in flags:
        wanted |= names[one]
    return int(wanted)


def _together(texts: Sequence[bytes], flags: Sequence[int], taken: Sequence[int]) -> hyperscan.Database | None:
    """Compile some expressions and the canary; None where one of them is refused, or there is none."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(
            expressions=[*(texts[at] for at in taken), re.escape(CANARY)],
            ids=[*taken, len(texts)],
            flags=[*(flags[at] for at in taken), hyperscan.HS_FLAG_SINGLEMATCH],
        )
    except hyperscan.error:
        return None
    return database if taken else None


def _by_re2(texts: pa.StringArray, expression: str) -> Indices:
    return np.flatnonzero(pc.match_substring_regex(texts, expression).to_numpy(zero_copy_only=False))


@lru_cache(maxsize=256)
def patterns(parts: tuple[Parts, ...]) -> Patterns:
    """Give compiled patterns; compiled once per process."""
    return Patterns(parts)


@lru_cache(maxsize=64)
def regexes(expressions: tuple[tuple[str, str], ...]) -> Regexes:
    """Give compiled expressions; compiled once per process."""
    return Regexes(expressions)
