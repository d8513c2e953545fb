"""The values inside a text that an indicator can be: addresses, names, hashes, URLs, as they are compared."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.indicators.indicator import BadValueError, plain_agent, plain_domain, plain_url
from dwell.model.short_cache import short_cache

__all__ = [
    "CLOCK",
    "EXACT",
    "INSIDE",
    "LIKELY",
    "SHOWN",
    "Address",
    "addresses",
    "addresses_inside",
    "dotted",
    "networks",
    "url_keys",
]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAME_CHARS_MAX = 1_024
"""No host name is longer, its labels written as they are read."""
_CUTS_MAX = 16
"""A path inside a text may end at any blank or mark; so many of these are tried."""
_URL_CHARS_MAX = 8_192
"""So much of a URL: what an indicator may hold, three times over, for every character may be percent-encoded."""
_HASHES = re.compile(r"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32})(?![0-9a-fA-F])")
_EMAILS = re.compile(
    # a name begins where one can: tried at each of its characters, a long one takes the square of its length
    r"(?<![^\s<>\"'~:;,=/\\\[\](){}|&])[^\s<>\"'~:;,=/\\\[\](){}|&]{1,256}@[^\s<>\"'~:;,=/\\@\[\](){}|&]{1,256}"
)
_URLS = re.compile(r"(?:https?|ftp)://[^\s\"'<>\\^`{|}\x00-\x1f]{1,2048}", re.IGNORECASE)
_BEGINNINGS = re.compile(r"(?<=.)(?=(?:https?|ftp)://)", re.IGNORECASE | re.DOTALL)
_HOSTS = re.compile(
    r"(?:(?<![\w.-])|(?<=[*]\.))(?:_?[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,32}[^\W\d_][\w-]{0,61}[^\W_](?![\w-])"
)
_DOTTED = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\w|:\d*[.\w]*::)")
_COLONED = re.compile(
    r"(?<![\w.%])(?<![0-9A-Fa-f]:)(?<!::)(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:]{2,39}(?:\.[0-9]{1,3}){0,3}(?![\w:])"
)
_WHOLE_PATHS = re.compile(
    r"(?:(?<![A-Za-z])[A-Za-z]:|\\\\[\w.$-]{1,255})[\\/]"
    r"(?:(?![^A-Za-z](?:[A-Za-z]:[\\/]|\\\\\w))[^\"<>|*?:\x00-\x1f]){1,512}"
)
_DOUBLED = re.compile(r"(?<![A-Za-z])[A-Za-z]:\\\\[^\\]")
_DRIVE_SHARES = re.compile(r"\\\\[^\\/\s\"]{1,255}\\([A-Za-z])\$\\")
"""A drive as another computer names it."""
_PATH_MARKS = re.compile(r"[\\/]|\.[0-9A-Za-z]")
_PATH_LETTERS = re.compile(r"[\\/A-Za-z]")
_PATH_ENDS = re.compile(r"[\s,;'=&)]")
_FILE_NAMES = re.compile(r"(?<![\w.-])[\w-][\w.-]{0,200}\.[A-Za-z0-9]{1,8}(?![\w-])")
_PLAIN_V4 = (
    r"\A(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\z"
)


def networks(values: pa.StringArray) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Say which texts are IPv4 addresses or networks, and give those as numbers, each with the length of its prefix."""
    length = pc.replace_substring_regex(values, r"\A[^/]*/?", "")
    met, numbers = dotted(pc.replace_substring_regex(values, r"/.*\z", ""))
    told = pc.if_else(pc.equal(length, ""), "32", length).filter(pa.array(met))
    return met, numbers, told.cast(pa.int64()).to_numpy(zero_copy_only=False)


def dotted(values: pa.StringArray) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Say which texts are one IPv4 address and nothing else, and give those as numbers."""
    met = pc.match_substring_regex(values, _PLAIN_V4).fill_null(pa.scalar(value=False))
    plain: npt.NDArray[np.bool_] = met.to_numpy(zero_copy_only=False)
    chosen = values.filter(pa.array(plain))
    if not len(chosen):
        return plain, np.zeros(0, np.int64)
    octets = pc.list_flatten(pc.split_pattern(chosen, ".")).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return plain, octets.reshape(-1, 4) @ np.array([1 << 24, 1 << 16, 1 << 8, 1], np.int64)


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


@short_cache(65_536)
def addresses(text: str) -> tuple[Address, ...]:
    """Give the addresses in a value: one, with or without a port, or the hops of a forwarding header."""
    out = []
    for hop in re.split(r"[,+\s]+", text):
        plain = hop.strip().strip('"')
        if plain.startswith("["):
            plain = plain[1:].partition("]")[0]
        elif plain.count(":") == 1:
            plain = plain.partition(":")[0]
        if plain and (found := _address(plain)) is not None:
            out.append(found)
    return tuple(out)


def addresses_inside(text: str) -> tuple[Address, ...]:
    """Give the addresses that a longer text holds."""
    found = (_address(one) for one in _DOTTED.findall(text))
    others = (_address(one) for one in _COLONED.findall(text)) if ":" in text else ()
    bare = addresses(text) if text.count(":") > 1 and len(text) < 80 else ()
    return tuple(dict.fromkeys((*(one for one in (*found, *others) if one is not None), *bare)))


def _above(host: str) -> list[str]:
    """Give a name and every name above it but the last label."""
    labels = host.split(".")[-33:]
    return [".".join(labels[at:]) for at in range(len(labels) - 1)]


def _domains(text: str) -> list[str]:
    """Give a host name and every domain above it."""
    host = re.sub(r"\A[a-z][a-z0-9+.-]*://", "", text.strip().lower())
    host = re.split(r"[/?#]", host, maxsplit=1)[0].rpartition("@")[2].partition(":")[0]
    return _above(plain_domain(host)) if len(host) <= _NAME_CHARS_MAX else []


def _domains_inside(text: str) -> list[str]:
    found = dict.fromkeys(_HOSTS.findall(text.lower()))
    return list(dict.fromkeys(name for one in found for name in _above(plain_domain(one))))


def _paths(text: str) -> list[str]:
    """Give a path in one form, and its name alone."""
    plain = text.strip().lower().replace("/", "\\").removeprefix("\\??\\").removeprefix("\\\\?\\")
    return [plain, plain.rpartition("\\")[2]]


def _paths_inside(text: str) -> list[str]:
    """Give a text as a path, the paths that stand in it, and the names of files.

    Where a path in a command ends cannot be told, for names hold blanks: each end that it may have is given.
    """
    if not (_PATH_MARKS.search(text) and _PATH_LETTERS.search(text)):
        return []
    out = dict.fromkeys(_paths(text) if len(text) <= _NAME_CHARS_MAX else ())
    written = dict.fromkeys((text, text.replace("\\\\", "\\") if _DOUBLED.search(text) else text))
    written |= dict.fromkeys(_DRIVE_SHARES.sub(r"\1:\\", one) for one in tuple(written))
    for one in (found for way in written for found in _WHOLE_PATHS.findall(way)):
        ends = [len(one), *(cut.start() for cut, _ in zip(_PATH_ENDS.finditer(one, 3), range(_CUTS_MAX), strict=False))]
        out |= dict.fromkeys(key for end in ends for key in _paths(one[:end].rstrip(".,;)]'")) if key)
    out |= dict.fromkeys(one.lower() for one in _FILE_NAMES.findall(text))
    return list(out)


def _emails(text: str) -> list[str]:
    if "@" not in text:
        return []
    found = (one.lower().rpartition("@") for one in _EMAILS.findall(text))
    return [f"{name}@{plain_domain(domain)}" for name, _, domain in found]


def url_keys(text: str) -> list[str]:
    """Give the forms in which an indicator may name a URL: with its query, and without.

    `host:port` alone is what a proxy writes where it saw no more of a connection.
    """
    if "/" not in text:
        return [text.strip().lower()] if re.match(r"[^\s:]+:\d{1,5}\Z", text.strip()) else []
    try:
        host, path, query = plain_url(text.strip()[:_URL_CHARS_MAX])
    except BadValueError:
        return []
    return [f"{host}{path}?{query}", host + path] if query else [host + path]


def _urls_inside(text: str) -> list[str]:
    found = dict.fromkeys(_URLS.findall(text))
    # one that is given to another as it stands has its own beginning inside
    found |= dict.fromkeys(part for one in tuple(found) for part in _BEGINNINGS.split(one, _CUTS_MAX)[1:])
    return [key for one in found for key in url_keys(one.rstrip(".,;:)]"))]


def _hashes(text: str) -> list[str]:
    return [one.lower() for one in _HASHES.findall(text)]


EXACT: Mapping[str, Callable[[str], Sequence[str]]] = {
    "domain": _domains,
    "url": url_keys,
    "hash": _hashes,
    "path": _paths,
    "agent": lambda text: [plain_agent(text)],
    "email": _emails,
}
"""The values of a column that is about them."""
INSIDE: Mapping[str, Callable[[str], Sequence[str]]] = {
    "domain": _domains_inside,
    "url": _urls_inside,
    "hash": _hashes,
    "path": _paths_inside,
    "email": _emails,
}
"""The values in a text that may be about anything."""
LIKELY: Mapping[str, str] = {
    "address": r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|:[0-9A-Fa-f]{0,4}:",
    "domain": r"\.[A-Za-z\x{80}-\x{10ffff}]",
    "url": r"(?i)(?:https?|ftp)://",
    "hash": r"[0-9A-Fa-f]{32}",
    "path": r"(?s)[\\/]|[A-Za-z].*\.[0-9A-Za-z]|\.[0-9].*[A-Za-z]|\.[A-Za-z]",
    "email": r"@",
}
"""What every text meets, as RE2, that holds a value of a family; most others do not."""
SHOWN: Mapping[str, str] = {
    **LIKELY,
    "address": (
        r"(?:\A|[^0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:[^0-9.]|\z)|::[0-9A-Fa-f]|[0-9A-Fa-f](?::[0-9A-Fa-f]{1,4}){3}"
    ),
    "domain": r"(?i)[a-z0-9-]\.(?:[a-z]{2,}|xn--[a-z0-9-]+)(?:[/:\s]|\z)",
    "path": r"(?:[A-Za-z]:|\\\\[^\\]+)[\\/]",
    "email": r"[^\s@]@[^\s@]+\.",
}
"""What a text meets where it is about a family, narrower: it tells whether a log could have shown one."""
CLOCK = r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+Z?\z"
"""An instant has the colons of an address of IPv6 and is none."""
