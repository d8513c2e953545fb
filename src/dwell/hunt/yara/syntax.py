"""A YARA source cut into its rules: names, lines, metadata, strings and conditions, without compiling anything.

The library compiles and matches; it shows no syntax tree. What has to be known of a rule before it may run (its licence,
what it rests on, whether it speaks of a whole file) is taken from its words here. A source that cannot be cut to its end
keeps the rules in front of that place; what is wrong with it is for the compiler to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Cut", "CutRule", "Token", "blanked", "cut"]

TOKENS_MAX = 4_000_000
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
    |(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<text>\"{3}.*?\"{3}|"(?:[^"\\\n]|\\.)*")
    |(?P<pattern>[$\#@!]\w*\*?)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<number>\d[\w.]*)
    |(?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_REGEX = re.compile(r"/(?![*/])(?:[^/\\\n]|\\.)+/[a-z]*", re.ASCII)
_HEX = re.compile(r"\{(?:[^}/]|/(?![/*])|//[^\n]*|/\*.*?\*/)*\}", re.DOTALL)
_ESCAPED = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t", "r": "\r"}
_SECTIONS = frozenset({"meta", "strings", "condition"})


class Token(NamedTuple):
    """One word of a source.

    Attributes:
        kind: `comment`, `text`, `regex`, `hex`, `pattern` (with its `$`, `#`, `@` or `!`), `word`, `number`, `mark`.
        text: as written.
        start: where it begins.
        end: where it ends.
    """

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CutRule:
    """One rule, as written.

    Attributes:
        name: its name.
        line: 1-based line of its first word.
        end_line: 1-based line of its last.
        start: where it begins in the source.
        end: where it ends.
        private: whether it only serves other rules.
        is_global: whether every other rule of its namespace hangs on it.
        tags: as written.
        meta: metadata by key in lower case; of one that is written twice the first.
        strings: the tokens of the section `strings`.
        condition: the tokens of the condition.
        condition_text: the condition, as written.
        strings_text: the section `strings`, as written.
    """

    name: str
    line: int
    end_line: int
    start: int
    end: int
    private: bool
    is_global: bool
    tags: tuple[str, ...]
    meta: Mapping[str, str]
    strings: tuple[Token, ...]
    condition: tuple[Token, ...]
    condition_text: str
    strings_text: str


@dataclass(slots=True)
class Cut:
    """A source in pieces.

    Attributes:
        rules: its rules, in order.
        imports: modules it asks for.
        includes: files it includes, with the line.
        directives: where `include` statements stand.
        head: the comments before the first rule, import or include.
    """

    rules: list[CutRule] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    includes: list[tuple[str, int]] = field(default_factory=list)
    directives: list[tuple[int, int]] = field(default_factory=list)
    head: str = ""


def _tokens(text: str) -> Iterator[Token]:
    """Yield the words of a source. Division is a backslash in YARA: a slash begins an expression or a comment."""
    at, before, closed = 0, Token("mark", "", 0, 0), True
    for _ in range(TOKENS_MAX):
        if at >= len(text):
            return
        found, kind = None, ""
        if text[at] == "/":
            found, kind = _REGEX.match(text, at), "regex"
        elif text[at] == "{" and before.text == "=" and closed:
            found, kind = _HEX.match(text, at), "hex"
            closed = found is not None  # one that is never closed leaves none behind it that could be
        if found is None:
            found = _TOKEN.match(text, at)
            assert found is not None and found.lastgroup is not None  # noqa: S101, PT018 - the last branch takes anything
            kind = found.lastgroup
        at = found.end()
        if kind == "space":
            continue
        one = Token(kind, found.group(), found.start(), found.end())
        if kind != "comment":
            before = one
        yield one


def _unescaped(literal: str) -> str:
    """Give what a text literal stands for."""
    inner = literal[3:-3] if literal.startswith('"""') else literal[1:-1]
    return _ESCAPED.sub(lambda one: chr(int(one[1][1:], 16)) if len(one[1]) == 3 else _PLAIN.get(one[1], one[1]), inner)


class _Lines:
    """From offset to line, front to back."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1

    def of(self, offset: int) -> int:
        self._line += self._text.count("\n", self._at, offset)
        self._at = max(self._at, offset)
        return self._line


def cut(text: str) -> Cut:
    """Cut a source into its rules."""
    out = Cut()
    lines = _Lines(text)
    head: list[str] = []
    modifiers: list[Token] = []
    words = _tokens(text)
    following: Token | None = None
    while (one := following or next(words, None)) is not None:
        following = None
        if one.kind == "comment":
            if not (out.rules or out.imports or out.includes):
                head.append(one.text)
        elif one.text in {"import", "include"}:
            named = next(words, None)
            if named is not None and named.kind == "text":
                if one.text == "import":
                    out.imports.append(_unescaped(named.text))
                else:
                    out.includes.append((_unescaped(named.text), lines.of(one.start)))
                    out.directives.append((one.start, named.end))
        elif one.text in {"global", "private"}:
            modifiers.append(one)
        elif one.text == "rule":
            rule, following = _rule(text, [*modifiers, one], words, lines)
            modifiers = []
            if rule is not None:
                out.rules.append(rule)
    out.head = "\n".join(head)
    return out


def _rule(
    text: str, begun: Sequence[Token], words: Iterator[Token], lines: _Lines
) -> tuple[CutRule | None, Token | None]:
    """Read one rule to its last brace, or to where the next one begins; None where it has no name.

    Returns:
        The rule; the word that begins the next one, where it was met before a brace.
    """
    header: list[Token] = []
    for one in words:
        if one.text == "{":
            break
        if one.kind != "comment":
            header.append(one)
    sections, last, following = _sections(words)
    names = [one.text for one in header if one.kind == "word"]
    if not names:
        return None, following
    end = last.end if last is not None else following.start if following is not None else len(text)
    said = {one.text for one in begun}
    strings, condition = sections["strings"], sections["condition"]
    line = lines.of(begun[0].start)
    rule = CutRule(
        name=names[0],
        line=line,
        end_line=line + text.count("\n", begun[0].start, end),
        start=begun[0].start,
        end=end,
        private="private" in said,
        is_global="global" in said,
        tags=tuple(names[1:]),
        meta=_meta(sections["meta"]),
        strings=tuple(strings),
        condition=tuple(condition),
        condition_text=text[condition[0].start : condition[-1].end] if condition else "",
        strings_text=text[strings[0].start : strings[-1].end] if strings else "",
    )
    return rule, following


def _sections(words: Iterator[Token]) -> tuple[dict[str, list[Token]], Token | None, Token | None]:
    """Give the words of a rule's sections, its last brace, and the word `rule` where that came first."""
    sections: dict[str, list[Token]] = {name: [] for name in _SECTIONS}
    here: list[Token] = []
    waiting: Token | None = None
    for one in words:
        if one.kind == "comment":
            continue
        if waiting is not None and one.text == ":":
            here, waiting = sections[waiting.text], None
            continue
        if waiting is not None:
            here.append(waiting)
            waiting = None
        if one.text == "}":
            return sections, one, None
        if one.kind == "word" and one.text == "rule":
            return sections, None, one
        if one.kind == "word" and one.text in _SECTIONS:
            waiting = one
        else:
            here.append(one)
    return sections, None, None


def _meta(words: Sequence[Token]) -> dict[str, str]:
    """Give metadata as texts; numbers and truths as written."""
    out: dict[str, str] = {}
    for key, equals, value in zip(words, words[1:], words[2:], strict=False):
        if key.kind == "word" and equals.text == "=":
            told = _unescaped(value.text) if value.kind == "text" else value.text
            out.setdefault(key.text.lower(), told)
    return out


def blanked(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Give a source with stretches blanked out; every other word keeps its line and column."""
    parts: list[str] = []
    at = 0
    for start, end in sorted(spans):
        parts += [text[at:start], re.sub(r"[^\n]", " ", text[start:end])]
        at = end
    return "".join([*parts, text[at:]])
