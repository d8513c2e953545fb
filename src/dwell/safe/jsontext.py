r"""Evidence text for JSON: plain ASCII on the wire, so that printing it on a terminal does no harm either.

Control and direction characters travel as `\u001b` and come back as they were. A lone surrogate has no such way
(strict readers refuse the whole document), so it is made visible as `<U+D83D>`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from dwell.safe.hidden import show

__all__ = ["Json", "json_line", "json_text"]

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None

_SURROGATE = re.compile("[\ud800-\udfff]")


def _whole(text: str) -> str:
    return _SURROGATE.sub(lambda met: show(met.group()), text)


def _clean(value: Json) -> Json:
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, Mapping):
        return {_whole(key): _clean(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_clean(item) for item in value]
    return value


def _compact(value: Json) -> str:
    try:
        text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    except TypeError:  # a mapping or a sequence that json does not know
        text = ""
    if text and "\\ud" not in text:
        return text
    # half of a pair is written as a surrogate as well: only a look at the texts tells them apart
    return json.dumps(_clean(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def json_text(value: Json) -> str:
    """Give the document with an indent of one and a newline at the end.

    Raises:
        ValueError: a number is infinite or not a number; JSON has no word for it.
    """
    # Python's own indenting takes ten times as long, and shows in every verb that gives a large document
    import msgspec

    return msgspec.json.format(_compact(value).encode(), indent=1).decode() + "\n"


def json_line(value: Json) -> str:
    """Give the document on one line, with a newline at the end.

    Raises:
        ValueError: a number is infinite or not a number; JSON has no word for it.
    """
    return _compact(value) + "\n"
