"""Regular expressions of rules, measured before they are used, and compiled without a word to standard error.

RE2 needs linear time for every text, and as many steps a character as an expression has parts once its repetitions are
written out: `.{0,500}a.{0,500}b` can take a thousand. Beyond `STEPS_MAX` the expression is refused by name.
"""

from __future__ import annotations

import re

from sigma.policy.regex_engine import RE2RegexEngine, RegexPattern

__all__ = ["STEPS_MAX", "QuietEngine", "steps_of"]

STEPS_MAX = 1_200
"""The largest of the published rules has 1,000: `.{1000,}`."""

_REPEAT = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_CLASS = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)


def steps_of(expression: str) -> int:
    """Give how many parts an expression has once its repetitions are written out."""
    totals, lasts = [0], [0]
    at = 0
    while at < len(expression):
        repeat = _REPEAT.match(expression, at)
        if repeat is not None:
            lasts[-1] *= max(1, int(repeat[2] or repeat[1]))
            at = repeat.end()
            continue
        sign = expression[at]
        if sign == ")" and len(totals) > 1:
            inner = totals.pop() + lasts.pop()
            lasts[-1] = inner
        elif sign not in "*+?|":
            totals[-1] += lasts[-1]
            lasts[-1] = 0 if sign == "(" else 1
            if sign == "(":
                totals.append(0)
                lasts.append(0)
        at = _end(expression, at)
    return sum(totals) + sum(lasts)


def _end(expression: str, at: int) -> int:
    """Give where the sign at a place ends: an escape takes two characters, a class runs to its bracket."""
    if expression[at] == "\\":
        return at + 2
    found = _CLASS.match(expression, at) if expression[at] == "[" else None
    return found.end() if found is not None else at + 1


class QuietEngine(RE2RegexEngine):
    """RE2 as pySigma uses it, but what it finds wrong is raised only: its log would carry a rule's text to a terminal."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        """Compile a pattern.

        Raises:
            re2.error: it is no expression that RE2 knows.
        """
        names = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s"}
        prefix = "".join(name for flag, name in names.items() if flags & flag)
        options = self._re2.Options()
        options.log_errors = False
        made: RegexPattern = self._re2.compile((f"(?{prefix})" if prefix else "") + pattern, options)
        return made
