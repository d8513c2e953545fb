"""Events of tables beside IIS, event logs and audit records, for the slow reading: one row at a time.

What is shared with the program is where a field's name leads to (`dwell.hunt.sigma.fieldnames`). How parts of an address
are cut, how JSON texts are walked and which texts are looked at decoded is read anew here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from tests.hunt.slow_sigma import Event, decode

__all__ = ["table_event"]

# where rules about the query look, the query itself, and how the whole is put together
_WHOLES = {
    "ncsa": ("cs-uri", "cs-uri-query", ("cs-uri-stem", "?", "cs-uri-query")),
    "haproxy": ("cs-uri", "cs-uri-query", ("cs-uri-stem", "?", "cs-uri-query")),
    "httpproxy": ("cs-uri", "UrlQuery", ("UrlStem", "?", "UrlQuery")),
    "zeek": ("http_url", "uri>query", ("http_host", "", "uri")),
    "squid": ("url", "url>query", None),
    "fortinet": ("url", "url>query", None),
    "paloalto": ("misc", "misc>query", None),
    "cef": ("request", "request>query", None),
}
_DECODED = {
    "ncsa": {"cs-uri", "cs-uri-stem", "cs-uri-query", "cs-referer"},
    "haproxy": {"cs-uri", "cs-uri-stem", "cs-uri-query"},
    "httpproxy": {"cs-uri", "UrlStem", "UrlQuery"},
    "zeek": {"http_url", "uri", "referrer"},
    "squid": {"url"},
    "fortinet": {"url"},
    "paloalto": {"misc"},
    "cef": {"request"},
}


def _part(text: str, part: str) -> list[str]:
    """Cut a part out of an address, of a path alone, or of `host:port`."""
    if part == "success":
        return ["Success" if text == "0" else "Failure"] if text.isdigit() else []
    if part == "service":
        return [f"{text}.googleapis.com"]
    rest, _, query = text.partition("#")[0].partition("?")
    # a text that begins with a slash, however many there are, is a path alone
    host, path = "", rest
    if rest and not rest.startswith("/"):
        host, slash, path = re.sub(r"\A[A-Za-z][A-Za-z0-9+.-]*://", "", rest).partition("/")
        host, path = re.sub(r":[0-9]*\Z", "", host.rpartition("@")[2]), slash + path
    name = path.rpartition("/")[2]
    suffix = name.rpartition(".")[2] if "." in name else ""
    found = {"host": host, "path": path, "query": query, "extension": suffix}[part]
    return [found] if found else []


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list):
        return [str(text) for _, text in value if text is not None]
    return [str(value)]


def _walk(value: Any, names: Sequence[str]) -> list[Any]:  # noqa: ANN401 - whatever JSON holds
    if not names:
        return [value]
    if isinstance(value, list):
        return [found for one in value for found in _walk(one, names)]
    inner = [one for key, one in value.items() if key.lower() == names[0]] if isinstance(value, dict) else []
    return [found for one in inner for found in _walk(one, names[1:])]


def _pairs(value: Any, name: str) -> list[str]:  # noqa: ANN401 - whatever JSON holds
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    found = [text for one in inner for text in _pairs(one, name)]
    if isinstance(value, dict):
        lower = {key.lower(): one for key, one in value.items()}
        if name in {str(lower.get(key, "")).lower() for key in ("displayname", "key", "name")}:
            found += [str(lower[key]).strip('"') for key in ("newvalue", "value") if lower.get(key) is not None]
    return found


def _in_json(text: str, path: str) -> list[str]:
    try:
        whole = json.loads(text)
    except ValueError:
        return []
    found = [one for one in _walk(whole, path.lower().split(".")) if one is not None]
    plain = [
        one if isinstance(one, str) else json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in found
    ]
    return plain + _pairs(whole, path.lower())


def table_event(table: str, names: Mapping[str, Sequence[str]]) -> Callable[[Mapping[str, object]], Event]:
    """Give what makes an event of a row of a table.

    Args:
        table: the table.
        names: what fields are called there, in lower case, where they have another name.
    """
    whole, query, joined = _WHOLES.get(table, ("", "", None))

    def column(row: Mapping[str, object], place: str) -> list[str]:
        if joined is not None and place == whole:
            first, second = row.get(joined[0]), row.get(joined[2])
            if first is None:
                return []
            return [str(first)] if second in (None, "-") else [f"{first}{joined[1]}{second}"]
        return _texts(row.get(place))

    def held(row: Mapping[str, object], place: str) -> list[str]:
        base, _, key = place.partition(":")
        if key and isinstance(row.get(base), str):
            return _in_json(str(row[base]), key)
        if key:
            entries: Any = row.get(base) or []
            return [str(text) for name, text in entries if text is not None and _ends(name, key)]
        base, _, part = place.partition(">")
        found = [one for text in column(row, base) for one in (_part(text, part) if part else [text])]
        views = [decode(one) for one in found] if base in _DECODED.get(table, ()) else []
        return found + [one for one in views if one not in found]

    def make(row: Mapping[str, object]) -> Event:
        columns = {name.lower(): name for name in row}

        @cache
        def field(name: str, kind: str) -> list[str]:
            lower = name.lower()
            places = list(names.get(lower) or ([columns[lower]] if lower in columns else [f"extra:{name}"]))
            if whole in places and "query" in lower and kind:
                places = [query] if kind == "empty" else [*places, query]
            return [text for place in places for text in held(row, place)]

        texts = [
            one for name in row if name != "evidence_id" for one in (held(row, name) if _is_text(row[name]) else [])
        ]
        texts += held(row, whole) if joined is not None else []
        return Event(field, texts, frozenset({""}))

    return make


def _ends(key: str, name: str) -> bool:
    return key.lower() == name.lower() or key.lower().endswith("." + name.lower())


def _is_text(value: object) -> bool:
    return isinstance(value, str | list)
