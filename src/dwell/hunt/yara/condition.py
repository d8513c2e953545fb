"""Conditions of YARA rules over records: what can be asked of one record, worked out for many at once.

A rule that speaks of a whole file (`filesize`, `uint16(0)`, `$a at 0`, a module) means nothing on a record and is not put
to any. Of the others the library finds the strings, and the condition is worked out here over the number of times that
each record holds each string.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt

from dwell.hunt.yara.syntax import CutRule, Token

__all__ = ["NotForRecordsError", "Question", "holds", "is_monotone", "question_of", "string_names"]

Counts = npt.NDArray[np.int64]
Truth = npt.NDArray[np.bool_]

_LOGIC = frozenset({"and", "or", "not", "any", "all", "none", "of", "them", "true", "false"})
_WHOLE = frozenset({"filesize", "entrypoint", "at", "in"})
_BYTES = re.compile(r"u?int(?:8|16|32)(?:be)?\Z|float(?:32|64)\Z")
_COMPARE = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_RISING = frozenset({">", ">="})
_DEPTH_MAX = 100


class NotForRecordsError(Exception):
    """A rule cannot be put to records; the text says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """A condition, or a part of one.

    Attributes:
        op: `and`, `or`, `not`, `const`, `of` (at least `number` of `strings` are there) or `count` (the first of `strings`
            is there so many times: `compare` `number`).
        children: parts of `and`, `or` and `not`.
        strings: positions of strings in the rule.
        number: see `op`; of `const` 0 or 1.
        compare: the comparison of `count`.
    """

    op: str
    children: tuple[Question, ...] = ()
    strings: tuple[int, ...] = ()
    number: int = 0
    compare: str = ""


def string_names(rule: CutRule) -> tuple[str, ...]:
    """Give the names of a rule's strings, in order; one without a name is `$`."""
    pairs = zip(rule.strings, rule.strings[1:], strict=False)
    return tuple(one.text for one, after in pairs if one.kind == "pattern" and after.text == "=")


def _is_anchored(expression: str) -> bool:
    bare = re.sub(r"\[(?:[^\]\\]|\\.)*\]", "", re.sub(r"\\[^\]]", "", expression))
    return "^" in bare or "$" in bare


def question_of(rule: CutRule) -> Question:
    """Give a rule's condition as it is asked of records.

    Raises:
        NotForRecordsError: it is about a whole file, or asks for something that is not worked out over records.
    """
    names = string_names(rule)
    for one in rule.condition:
        if one.kind == "word" and one.text not in _LOGIC:
            whole = one.text in _WHOLE or _BYTES.match(one.text)
            raise NotForRecordsError(f"it asks for `{one.text[:60]}`" + (", which is of a whole file" if whole else ""))
        if one.kind == "pattern" and one.text[0] in "@!":
            raise NotForRecordsError(f"it asks for the place or length of `{one.text[:60]}`")
    if not names:
        raise NotForRecordsError("it has no strings")
    if any(one.kind == "regex" and _is_anchored(one.text) for one in rule.strings):
        raise NotForRecordsError("one of its expressions is tied to the beginning or end of a file")
    found = _Parser(rule.condition, names).whole()
    if bool(holds(found, np.zeros((1, len(names)), np.int64))[0]):
        raise NotForRecordsError("it is true of records that hold none of its strings")
    return found


class _Parser:
    """Reads a condition front to back."""

    def __init__(self, words: Sequence[Token], names: Sequence[str]) -> None:
        self._words = [one.text for one in words]
        self._names = names
        self._at = 0
        self._depth = 0

    def whole(self) -> Question:
        out = self._either()
        if self._at < len(self._words):
            raise self._odd()
        return out

    def _odd(self) -> NotForRecordsError:
        word = self._words[self._at][:60] if self._at < len(self._words) else "its end"
        return NotForRecordsError(f"its condition asks for more than which strings are there: `{word}`")

    def _next(self, *wanted: str) -> str | None:
        if self._at < len(self._words) and (not wanted or self._words[self._at] in wanted):
            self._at += 1
            return self._words[self._at - 1]
        return None

    def _either(self) -> Question:
        parts = [self._both()]
        while self._next("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Question("or", tuple(parts))

    def _both(self) -> Question:
        parts = [self._one()]
        while self._next("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Question("and", tuple(parts))

    def _one(self) -> Question:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise NotForRecordsError(f"its condition is nested over {_DEPTH_MAX} deep")
        out = self._part()
        self._depth -= 1
        return out

    def _part(self) -> Question:
        if self._next("not"):
            return Question("not", (self._one(),))
        if self._next("("):
            inner = self._either()
            if not self._next(")"):
                raise self._odd()
            return inner
        truth = self._next("true", "false")
        if truth:
            return Question("const", number=int(truth == "true"))
        word = self._next()
        if word is None:
            raise self._odd()
        if word.startswith("$"):
            return Question("of", strings=self._named(word), number=1)
        if word.startswith("#"):
            return self._count(word)
        return self._of(word)

    def _named(self, word: str) -> tuple[int, ...]:
        """Give the strings that a name or a name with a star stands for."""
        if word.endswith("*"):
            found = tuple(at for at, name in enumerate(self._names) if fnmatchcase(name, word))
        else:
            found = tuple(at for at, name in enumerate(self._names) if name == word and len(word) > 1)
        if not found:
            raise NotForRecordsError(f"it asks for `{word[:60]}`, which is none of its strings")
        return found

    def _count(self, word: str) -> Question:
        strings = self._named("$" + word[1:])
        compare = self._next(">", "<", "=", "!") or ""
        compare += self._next("=") or ""
        number = self._number(self._next() or "")
        if compare not in _COMPARE or number is None:
            raise self._odd()
        return Question("count", strings=strings, number=number, compare=compare)

    def _of(self, word: str) -> Question:
        number = self._number(word)
        share = number is not None and bool(self._next("%"))
        if (number is None and word not in {"any", "all", "none"}) or not self._next("of"):
            self._at -= 1
            raise self._odd()
        strings = self._set()
        if share and number is not None:
            number = -(-len(strings) * number // 100)
        if number == 0:
            raise NotForRecordsError("it asks for 0 of its strings")
        least = {"any": 1, "none": 1, "all": len(strings)}.get(word, number or 0)
        asked = Question("of", strings=strings, number=least)
        return Question("not", (asked,)) if word == "none" else asked

    def _set(self) -> tuple[int, ...]:
        if self._next("them"):
            return tuple(range(len(self._names)))
        if not self._next("("):
            raise self._odd()
        found: list[int] = []
        while True:
            word = self._next()
            if word is None or not word.startswith("$"):
                self._at -= word is not None
                raise self._odd()
            found += self._named(word)
            if self._next(")"):
                return tuple(dict.fromkeys(found))
            if not self._next(","):
                raise self._odd()

    @staticmethod
    def _number(word: str) -> int | None:
        try:
            return int(word, 16 if word.startswith("0x") else 10)
        except ValueError:
            return None


def holds(question: Question, counts: Counts) -> Truth:
    """Say of which records a condition is true.

    Args:
        question: the condition.
        counts: how often each record holds each string, (records, strings).
    """
    if question.op in {"and", "or"}:
        join = np.logical_and if question.op == "and" else np.logical_or
        joined: Truth = join.reduce([holds(one, counts) for one in question.children])
        return joined
    if question.op == "not":
        return ~holds(question.children[0], counts)
    if question.op == "const":
        return np.full(len(counts), bool(question.number))
    if question.op == "count":
        truth: Truth = _COMPARE[question.compare](counts[:, question.strings[0]], question.number)
        return truth
    some: Truth = (counts[:, list(question.strings)] > 0).sum(axis=1) >= question.number
    return some


def is_monotone(question: Question) -> bool:
    """Say whether more strings can only make a condition truer: then what is false of many records is false of each."""
    if question.op == "count":
        return question.compare in _RISING
    return question.op != "not" and all(is_monotone(one) for one in question.children)
