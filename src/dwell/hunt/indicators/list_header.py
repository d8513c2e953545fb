"""What the columns of a list mean, by its header; and the values of one row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from dwell.hunt.indicators.gathering import About, Gathering, marking, plain_text
from dwell.hunt.indicators.indicator import guessed_kind, is_kind, plain_word
from dwell.hunt.indicators.list_rows import CONTEXT_ONLY, is_blank

__all__ = ["ListHeader", "beside", "list_header", "parts", "row_taken"]

_VALUE = ("indicator", "value", "ioc", "observable", "indicatorvalue", "iocvalue")
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "kind": ("indicatortype", "type", "ioctype", "kind", "observabletype"),
    "from": ("validfrom", "firstseen", "firstseenutc", "from", "start"),
    "until": (
        "validuntil",
        "validto",
        "expires",
        "expiration",
        "expirationdatetime",
        "until",
        "lastseen",
        "lastseenutc",
    ),
    "label": ("label", "description", "comment", "threat", "campaign", "tags", "eventinfo"),
    "source": ("source", "feed", "reference", "provider"),
    "tlp": ("tlp", "tlplevel", "marking"),
    "toids": ("toids",),
    "id": ("uuid", "indicatorid", "id"),
}
_VAGUE = frozenset(("link", "name", "account", "host", "mailbox"))
"""Names of columns that mean a kind where they stand alone, and mostly what a list says of its values where they do not."""


class ListHeader(NamedTuple):
    """The columns of a list.

    Attributes:
        about: the columns that say something of a row, by their meaning.
        values: the columns of values, each with the word for their kind; "" where the row or the value tells it.
        beside: columns that may hold values too and that are not taken, each with its name.
    """

    about: Mapping[str, int]
    values: tuple[tuple[int, str], ...]
    beside: tuple[tuple[int, str], ...] = ()


def list_header(cells: Sequence[str]) -> ListHeader | None:
    """Give the columns of a header; None where the line is no header."""
    names = [plain_word(one) for one in cells]
    about = {
        meaning: names.index(found)
        for meaning, known in _COLUMNS.items()
        if (found := next((one for one in known if one in names), None)) is not None
    }
    kinds = [(at, word) for at, word in enumerate(names) if is_kind(word) and at not in about.values()]
    value = next((names.index(one) for one in _VALUE if one in names), None)
    if value is not None:
        return ListHeader(about, ((value, ""),), _told(cells, kinds))
    if not kinds or not (len(cells) > 1 or guessed_kind(cells[0]) == ""):
        return None
    taken = [one for one in kinds if one[1] not in _VAGUE] or kinds[:1]
    if len(taken) > 1:
        about.pop("kind", None)  # one word cannot be that of several values
    return ListHeader(about, tuple(taken), _told(cells, [one for one in kinds if one not in taken]))


def _told(cells: Sequence[str], columns: Sequence[tuple[int, str]]) -> tuple[tuple[int, str], ...]:
    return tuple((at, plain_text(cells[at], 40)) for at, _ in columns)


def beside(name: str) -> str:
    """Say of a column why its values are not taken."""
    return f"not looked for: what stands in the column '{name}' is taken for what the list says of its values"


def row_taken(
    out: Gathering, header: ListHeader, cells: Sequence[str], place: str, only: Collection[int] | None = None
) -> None:
    """Take the values of one row, or tell why not; a composite of MISP stands for each of its parts.

    Args:
        out: takes the values.
        header: the columns.
        cells: the row.
        place: where it stands in the list.
        only: the columns of values to take; all where not given, and then what stands beside them is counted.
    """
    row = {meaning: cells[at] for meaning, at in header.about.items() if at < len(cells)}
    written = [(at, word, cells[at] if at < len(cells) else "") for at, word in header.values]
    some = any(not is_blank(text) for _, _, text in written)
    if only is None:
        for at, name in header.beside:
            out.count(beside(name), int(at < len(cells) and not is_blank(cells[at])))
    named = place if not row.get("id") else f"{place} {row['id'].strip()[:100]}"
    begins, ends, label, source, tlp = (row.get(one, "") for one in ("from", "until", "label", "source", "tlp"))
    begins, ends = ("" if is_blank(one) else one for one in (begins, ends))
    about = About(begins, ends, label, source, marking(tlp))
    for number, (at, word, text) in enumerate(written):
        if (only is not None and at not in only) or (is_blank(text) and (some or number)):
            continue
        if row.get("toids", "").strip().lower() in {"0", "false", "no"}:
            out.count(CONTEXT_ONLY)
            continue
        for kind, value in parts(row.get("kind", "").strip() or word, text):
            out.take(kind, "" if is_blank(value) else value, named, about)


def parts(word: str, text: str) -> list[tuple[str, str]]:
    """Give kind and value of each part of a composite (`filename|md5`); what is no composite is its only part.

    A port beside an address or a host is left out: no kind of indicator holds it.
    """
    first, bar, second = word.partition("|")
    if not bar:
        return [(word, text)]
    value, _, other = text.rpartition("|") if "|" in text else text.rpartition(":")
    if second.strip().lower() == "port":
        return [(first, value or other)]
    return [(first, value), (second, other)] if "|" in text else [(first, text)]
