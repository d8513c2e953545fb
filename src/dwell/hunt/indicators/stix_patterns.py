"""STIX patterns: the observables in them that stand alone, and what cannot be looked for because it needs more than one.

A pattern is taken apart into alternatives. One that is a single observable is an indicator. One that wants two things at
once, or an order, a number of times, a wildcard or an expression, is never matched by half: it is given back by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Observable", "PatternError", "alternatives"]

PATTERN_CHARS_MAX = 65_536
DEPTH_MAX = 40

_BLANK = re.compile(r"(?:\s|/\*(?:[^*]|\*(?!/))*+\*/|//[^\n]*+)*+")
"""What may stand between tokens: blanks and comments."""
_TOKEN = re.compile(
    r"""(?:
      (?P<text>[tbh]?'(?:[^'\\]|\\.)*')
    | (?P<path>[A-Za-z][\w-]*:(?:'(?:[^'\\]|\\.)*'|[\w.\[\]*-])+)
    | (?P<number>[+-]?\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z]+)
    | (?P<mark>!=|<>|<=|>=|==|[\[\](),=<>])
    )""",
    re.VERBOSE | re.DOTALL,
)
_KINDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(path + r"\Z", re.IGNORECASE), word)
    for path, word in (
        (r"ipv[46]-addr:value", "ip"),
        (r"network-traffic:(?:src|dst)_ref\.value", ""),
        (r"domain-name:value", "domain"),
        (r"url:value", "url"),
        (r"(?:file|artifact):hashes\.'?(?:md5|sha-?1|sha-?256)'?", "hash"),
        (r"(?:file|artifact):hashes\..*", "ssdeep"),
        (r"file:name", "filename"),
        (r"directory:path", "path"),
        (r"email-addr:value", "email"),
        (r"email-message:(?:from|sender|to|cc|bcc)_refs?(?:\[\*\])?\.value", "email"),
        (r"network-traffic:extensions\.'http-request-ext'\.request_header\.'user-agent'", "useragent"),
        (r"mutex:name", "mutex"),
        (r"windows-registry-key:.*", "regkey"),
        (r"autonomous-system:.*", "asn"),
        (r"x509-certificate:.*", "x509certificate"),
        (r"process:.*", "process"),
    )
)
_IMPLIED = frozenset({"ipv4-addr", "ipv6-addr", "domain-name"})
"""Types that a value already says: asking for both asks for nothing more."""


class PatternError(ValueError):
    """A pattern that is no STIX pattern; the text says where it breaks."""


@dataclass(frozen=True, slots=True)
class Observable:
    """A value that a pattern is content with.

    Attributes:
        word: its kind, in words that lists use; "" to tell by the value.
        value: as written.
    """

    word: str
    value: str


@dataclass(frozen=True, slots=True)
class _Alternative:
    """One way to fulfil a pattern.

    Attributes:
        found: the observable that is enough; None where there is none.
        why: why it cannot be looked for; "" where it can.
        about: what it is a property of, as `network-traffic:dst_ref`.
        implied: it asks only for the type of that, which a value of the same thing says already.
    """

    found: Observable | None = None
    why: str = ""
    about: str = ""
    implied: bool = False


_Ways = list[_Alternative]


def _together(parts: Sequence[_Ways], why: str) -> _Ways:
    """Give the ways to fulfil all parts."""
    asked = [one for one in parts if not all(way.implied for way in one)]
    types = {way.about for one in parts if one not in asked for way in one}
    if len(asked) == 1 and all({way.about} >= types for way in asked[0]):
        return asked[0]
    return [_Alternative(why=why)]


def _end(found: re.Match[str] | None, at: int) -> int:
    return at if found is None else found.end()


class _Reader:
    """Reads one pattern, token by token."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while (at := _end(_BLANK.match(text, at), at)) < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise PatternError(f"not a STIX pattern at character {at + 1}")
            self.tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))
            at = found.end()
        self.at = 0
        self.depth = 0

    def peek(self) -> str:
        """Give the next token in upper case; "" at the end."""
        return self.tokens[self.at][1].upper() if self.at < len(self.tokens) else ""

    def next(self, *wanted: str) -> str:
        """Take the next token.

        Raises:
            PatternError: it is none of those wanted.
        """
        token = self.peek()
        if not token or (wanted and token not in wanted):
            raise PatternError(f"not a STIX pattern: {' or '.join(wanted) or 'something'} is missing")
        self.at += 1
        return self.tokens[self.at - 1][1]

    def _nested(self, read: Callable[[], _Ways]) -> _Ways:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise PatternError(f"nested deeper than {DEPTH_MAX} levels")
        out = read()
        self.depth -= 1
        return out

    def whole(self) -> _Ways:
        """Read the pattern to its end."""
        out = self._followed()
        if self.at < len(self.tokens):
            raise PatternError(f"not a STIX pattern at '{self.tokens[self.at][1][:40]}'")
        return out

    def _joined(self, word: str, read: Callable[[], _Ways], why: str) -> _Ways:
        """Read parts joined by a word; alternatives where the reason is empty, else all wanted together."""
        parts = [read()]
        while self.peek() == word:
            self.next()
            parts.append(read())
        if len(parts) == 1:
            return parts[0]
        return _together(parts, why) if why else [way for one in parts for way in one]

    def _followed(self) -> _Ways:
        return self._joined("FOLLOWEDBY", self._any_observed, "needs two things, one after the other")

    def _any_observed(self) -> _Ways:
        return self._joined("OR", self._all_observed, "")

    def _all_observed(self) -> _Ways:
        return self._joined("AND", self._observed, "needs two things at once")

    def _observed(self) -> _Ways:
        if self.peek() == "(":
            self.next()
            out = self._nested(self._followed)
            self.next(")")
        else:
            self.next("[")
            out = self._nested(self._any_compared)
            self.next("]")
        while self.peek() in {"WITHIN", "REPEATS", "START"}:
            out = self._qualified(out)
        return out

    def _qualified(self, out: _Ways) -> _Ways:
        """Read what is said of number and time: a number of times, or a stretch of its own, cannot be looked for."""
        word = self.next().upper()
        amount = self.next()
        if word == "START":
            self.next("STOP")
            self.next()
            return [_Alternative(why="is about a stretch of time of its own (START … STOP)")]
        self.next("SECONDS" if word == "WITHIN" else "TIMES")
        return out if word == "WITHIN" or amount == "1" else [_Alternative(why="needs it several times (REPEATS)")]

    def _any_compared(self) -> _Ways:
        return self._joined("OR", self._all_compared, "")

    def _all_compared(self) -> _Ways:
        return self._joined("AND", self._compared, "needs two things at once")

    def _compared(self) -> _Ways:
        if self.peek() == "(":
            self.next()
            out = self._nested(self._any_compared)
            self.next(")")
            return out
        negated = self.peek() == "NOT"
        if negated:
            self.next()
        if self.peek() == "EXISTS":
            self.next()
            self._path()
            return [_Alternative(why="asks only whether there is a value (EXISTS)")]
        path = self._path()
        if self.peek() == "NOT":
            negated = True
            self.next()
        operator = self.next(
            "=", "==", "!=", "<>", "<", ">", "<=", ">=", "IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET"
        )
        values = self._values() if operator.upper() == "IN" else [self._value()]
        if negated or operator in {"!=", "<>"}:
            return [_Alternative(why=f"asks for what is not there (NOT, {path})")]
        return [_alternative(path, operator.upper(), one) for one in values]

    def _path(self) -> str:
        kind, token = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        if kind != "path":
            raise PatternError("not a STIX pattern: an object path is missing")
        self.at += 1
        return token

    def _values(self) -> list[str]:
        self.next("(")
        out = [self._value()]
        while self.next(",", ")") == ",":
            out.append(self._value())
        return out

    def _value(self) -> str:
        kind, token = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        if kind not in {"text", "number", "word"}:
            raise PatternError("not a STIX pattern: a value is missing")
        self.at += 1
        return re.sub(r"\\(.)", r"\1", token[token.index("'") + 1 : -1], flags=re.DOTALL) if kind == "text" else token


_OPERATORS: Mapping[str, str] = {
    "LIKE": "has a wildcard (LIKE)",
    "MATCHES": "is a regular expression (MATCHES)",
    "ISSUPERSET": "asks for wider networks (ISSUPERSET)",
}


def _alternative(path: str, operator: str, value: str) -> _Alternative:
    about = path.rpartition(".")[0]
    if value in _IMPLIED and path.endswith("_ref.type"):
        return _Alternative(about=about, implied=True, why=f"names a type alone ({path})")
    if operator == "LIKE" and not set("%_") & set(value):
        operator = "="
    if operator not in {"=", "==", "IN", "ISSUBSET"}:
        return _Alternative(why=f"{_OPERATORS.get(operator, f'compares with {operator}')} in {path}")
    word = next((word for known, word in _KINDS if known.match(path)), None)
    if word is None:
        return _Alternative(why=f"is about {path}, which no log that is read here holds")
    if word in {"ip", ""} and operator == "ISSUBSET":
        word = "network" if "/" in value else "ip"
    elif operator == "ISSUBSET":
        return _Alternative(why=f"compares with ISSUBSET in {path}")
    return _Alternative(Observable(word, value), about=about)


def alternatives(text: str) -> tuple[list[Observable], list[str]]:
    """Take a pattern apart.

    Returns:
        The observables each of which is enough, and why each other alternative cannot be looked for.

    Raises:
        PatternError: it is no STIX pattern.
    """
    if len(text) > PATTERN_CHARS_MAX:
        raise PatternError(f"longer than {PATTERN_CHARS_MAX} characters")
    ways = _Reader(text).whole()
    found = [one.found for one in ways if one.found is not None]
    return list(dict.fromkeys(found)), list(dict.fromkeys(one.why for one in ways if one.found is None))
