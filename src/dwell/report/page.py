"""The templates' environment: nothing an expression gives reaches the page but through `dwell.safe.html`.

The house's rule is kept by construction. Every plain text, number and instant that a template prints passes `show`; a
value of any other type is refused, so that no object prints itself. The filters that come with Jinja are taken away, the
one that declares text safe among them. An attribute takes words of ours only, checked letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sized
from datetime import date, datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dwell.model.coverage import Coverage
from dwell.model.instants import utc_text
from dwell.report import figures
from dwell.safe.html import html_limited

__all__ = ["TEXT_MAX", "environment", "show", "token"]

TEXT_MAX = 2_000
"""Visible characters of one piece of text on a page; how many were left off is said, and the summary has them all."""
SHORT_MAX = 160
"""The same for a cell of a table."""

_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9 _-]*")
_PLAIN = re.compile(r"[ -~]*")
_UNKNOWN = Markup('<span class="unknown">unknown</span>')
_INSTANT = Markup('<time datetime="{}">{}</time>')


def show(value: object) -> Markup:
    """Give a value as markup; this is what every expression of a template passes.

    Raises:
        TypeError: the value is of a type that has no form on a page.
    """
    if isinstance(value, Markup):
        return value
    if value is None:
        return _UNKNOWN
    if isinstance(value, str):
        return html_limited(value, TEXT_MAX)
    if isinstance(value, datetime):
        return _INSTANT.format(utc_text(value), figures.instant(value))
    if isinstance(value, date):
        return _INSTANT.format(value.isoformat(), value.isoformat())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Markup("{}").format(figures.count(value))
    raise TypeError(f"a page has no form for {type(value).__name__}")


def token(value: str) -> Markup:
    """Give a word of ours for an attribute.

    Raises:
        ValueError: it holds more than letters, digits, blanks, `_` and `-`.
    """
    if not _TOKEN.fullmatch(value):
        raise ValueError("an attribute takes words of ours only")
    return Markup("{}").format(str.__str__(value))


def _short(value: str | None) -> Markup:
    return _UNKNOWN if value is None else html_limited(value, SHORT_MAX)


def _own(value: str) -> Markup:
    """Give words of ours without the isolation that evidence gets; whatever looks like more than words gets it."""
    return Markup("{}").format(str.__str__(value)) if _PLAIN.fullmatch(value) else html_limited(value, TEXT_MAX)


def _percent(coverage: Coverage | None) -> Markup:
    said = figures.percent(coverage)
    return _UNKNOWN if said == figures.UNKNOWN else _own(said)


def _known(text: str | None) -> str | None:
    return text or None


def _length(things: Sized) -> int:
    return len(things)


def _filters() -> dict[str, Callable[..., object]]:
    return {
        "bits": lambda value: None if value is None else _own(f"{value:.2f}"),
        "digits": lambda number: Markup("{:d}").format(number),
        "formula": lambda coverage: _own(figures.formula(coverage)),
        "known": _known,
        "length": _length,
        "own": _own,
        "percent": _percent,
        "short": _short,
        "affected_short": lambda value: _own(figures.affected_short(value)),
        "size": lambda value: _own(figures.size(value)),
        "token": token,
    }


@cache
def environment() -> Environment:
    """Give the environment of the report's templates."""
    made = Environment(
        loader=PackageLoader("dwell.report", "templates"),
        autoescape=True,
        finalize=show,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.clear()
    made.filters.update(_filters())
    made.globals.clear()
    return made
