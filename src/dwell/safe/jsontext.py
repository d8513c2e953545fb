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


def json_text(value: Json) -> str:
    """Give the document with an indent of one and a newline at the end.

    Raises:
        ValueError: a number is infinite or not a number; JSON has no word for it.
    """
    return json.dumps(_clean(value), ensure_ascii=True, allow_nan=False, indent=1) + "\n"


def json_line(value: Json) -> str:
    """Give the document on one line, with a newline at the end.

    Raises:
        ValueError: a number is infinite or not a number; JSON has no word for it.
    """
    return json.dumps(_clean(value), ensure_ascii=True, allow_nan=False, separators=(",", ":")) + "\n"
