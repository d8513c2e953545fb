"""Warning lists: values that many have to do with, so that an indicator among them says less.

Source:
    Our own few come from the standards that reserve addresses and names: RFC 1918, 2544, 2606, 3849, 4193, 4291, 5737,
    5771, 6598, 6761, 6762, 6890. Users bring MISP's (`name`, `type`, `list`, `matching_attributes`), as files or a folder.
    A hit on a list is marked with the list's name and told last. It is never taken away.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import read_lexicon
from dwell.archive.store import Archive
from dwell.hunt.indicators.indicator import IN_PART, NotApplicableError, kind_of, plain_domain
from dwell.hunt.indicators.lookup import AddressIndex
from dwell.hunt.indicators.values import addresses

__all__ = ["OWN", "WarningList", "own_addresses", "read_warning_lists", "warned"]

LIST_BYTES_MAX = 256 * 1024 * 1024
PATTERNS_MAX = 10_000
"""Expressions and pieces of text of one list."""
_SCHEME = re.compile(r"\A[a-z][a-z0-9+.-]*://")
_TYPES = frozenset({"cidr", "hostname", "string", "substring", "regex"})
_SERVERS: Mapping[str, str] = {
    "iis": "s-ip",
    "httperr": "s-ip",
    "rpc_client_access": "server-ip",
    "address_book": "server-ip",
}
"""Columns in which a server writes its own address, and an outsider cannot."""


@dataclass(frozen=True, slots=True)
class WarningList:
    """One list.

    Attributes:
        name: its name, with its version where it has one.
        type: `cidr`, `hostname`, `string`, `substring` or `regex`.
        values: what is on it.
        kinds: kinds of indicator that it is about; none for all.
    """

    name: str
    type: str
    values: tuple[str, ...]
    kinds: frozenset[str] = frozenset()


_EMPTY = tuple(hashlib.new(one, usedforsecurity=False).hexdigest() for one in ("md5", "sha1", "sha256"))
OWN = (
    WarningList(
        "private networks (RFC 1918, RFC 4193)", "cidr", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
    ),
    WarningList("addresses that carriers share (RFC 6598)", "cidr", ("100.64.0.0/10",)),
    WarningList(
        "loopback, link-local and multicast (RFC 6890, RFC 5771, RFC 4291)",
        "cidr",
        ("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::1/128", "fe80::/10", "ff00::/8"),
    ),
    WarningList(
        "networks for documents, tests and the future (RFC 5737, RFC 3849, RFC 2544, RFC 6890)",
        "cidr",
        (
            "0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
            "240.0.0.0/4", "2001:db8::/32",
        ),
    ),
    WarningList(
        "names for examples, tests and local use (RFC 2606, RFC 6761, RFC 6762)",
        "hostname",
        ("example", "example.com", "example.net", "example.org", "invalid", "local", "localhost", "test"),
    ),
    WarningList(
        "public DNS resolvers",
        "string",
        (
            "1.0.0.1", "1.1.1.1", "8.8.4.4", "8.8.8.8", "9.9.9.9", "149.112.112.112", "208.67.220.220", "208.67.222.222",
            "2001:4860:4860::8844", "2001:4860:4860::8888", "2606:4700:4700::1001", "2606:4700:4700::1111", "2620:fe::fe",
        ),
    ),
    WarningList("the hash of an empty file", "string", _EMPTY, frozenset({"hash"})),
)  # fmt: skip


class _Written(msgspec.Struct):
    """A list as MISP writes it."""

    name: str
    values: list[str] = msgspec.field(name="list")
    type: str = "string"
    version: int | str = ""
    matching_attributes: list[str] = msgspec.field(default_factory=list)


def _kinds(words: Iterable[str]) -> frozenset[str]:
    """Give the kinds of indicator that MISP's types of attributes mean."""
    out = set()
    for word in words:
        for part in word.split("|"):
            try:
                out.add(kind_of(part))
            except NotApplicableError:
                continue
    kinds = out - {""}
    return frozenset(kinds | ({"network"} if "address" in kinds else set()))


def _read(path: Path) -> WarningList:
    if path.stat().st_size > LIST_BYTES_MAX:
        raise ValueError(f"larger than {LIST_BYTES_MAX} bytes")
    found = msgspec.json.decode(path.read_bytes(), type=_Written)
    if found.type not in _TYPES:
        raise ValueError(f"its type is '{found.type[:40]}', none of {', '.join(sorted(_TYPES))}")
    if found.type in {"substring", "regex"} and len(found.values) > PATTERNS_MAX:
        raise ValueError(f"more than {PATTERNS_MAX} values of the type {found.type}")
    name = " ".join(f"{found.name} {f'({found.version})' if found.version else ''}".split())[:200]
    kinds = _kinds(found.matching_attributes)
    if found.matching_attributes and not kinds:
        kinds = frozenset({"none that is looked for"})
    return WarningList(name, found.type, tuple(one.strip() for one in found.values if one.strip()), kinds)


def read_warning_lists(paths: Sequence[Path]) -> tuple[tuple[WarningList, ...], tuple[str, ...]]:
    """Read lists of MISP's shape, files or folders of them.

    Returns:
        The lists, ours first, and what cannot be used.
    """
    held = {path: sorted(path.rglob("*.json")) if path.is_dir() else [path] for path in paths}
    files = [one for path in paths for one in held[path]]
    out = list(OWN)
    faults = [f"{path}: holds no warning list: none of its names ends in .json" for path in held if not held[path]]
    for path in files:
        try:
            out.append(_read(path))
        except (OSError, ValueError, msgspec.MsgspecError, RecursionError) as fault:
            faults.append(f"{path.parent.name}/{path.name}: not a warning list: {fault}")
    return tuple(out), tuple(faults)


def own_addresses(archive: Archive) -> WarningList:
    """Give the addresses that the case's servers write of themselves.

    Raises:
        CustodyError: a lexicon is not what was written.
    """
    found: set[str] = set()
    for table, column in _SERVERS.items():
        for file in archive.files(table) if table in archive.tables() else ():
            if file.staged.lexicon_sha256:
                values = read_lexicon(file).column(column)["value"]
                found |= {str(one) for text in values.drop_null().to_pylist() for one in addresses(text)}
    return WarningList("the case's own servers", "string", tuple(sorted(found)))


def warned(lists: Sequence[WarningList], names: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Say which lists indicators are on.

    Args:
        lists: the lists.
        names: ids of indicators, as `indicator_id` gives them.

    Returns:
        Names of lists by id, of those that are on any; and what of the lists cannot be used.
    """
    items = [(kind.removesuffix(IN_PART), value) for _, kind, value in (name.split(":", 2) for name in names)]
    hosts = [_host(kind, value) for kind, value in items]
    texts = pa.array([value for _, value in items], pa.string())
    plain = _Plain(lists)
    faults = list(plain.faults)
    met = [plain.of(*one, host) for one, host in zip(items, hosts, strict=True)]
    for at, one in enumerate(lists):
        if one.type in {"substring", "regex"}:
            holding, bad = _holding(one, texts)
            faults += bad
            for place in holding:
                met[place].add(at)
    out = {}
    for name, (kind, _), found in zip(names, items, met, strict=True):
        told = {lists[at].name for at in found if not lists[at].kinds or kind in lists[at].kinds}
        if told:
            out[name] = tuple(sorted(told))
    return out, tuple(faults)


class _Plain:
    """Networks, names and values of all lists, made ready to be looked up.

    Attributes:
        faults: what of them cannot be used.
    """

    def __init__(self, lists: Sequence[WarningList]) -> None:
        self.faults: list[str] = []
        self._exact: dict[str, set[int]] = {}
        self._above: dict[str, set[int]] = {}
        networks: list[tuple[str, int]] = []
        for at, one in enumerate(lists):
            if one.type == "cidr":
                good, bad = _networks(one)
                networks += [(text, at) for text in good]
                self.faults += bad
            elif one.type in {"string", "hostname"}:
                held = self._exact if one.type == "string" else self._above
                for text in one.values:
                    held.setdefault(_SCHEME.sub("", plain_domain(text.lstrip("."))), set()).add(at)
        values = pa.array([text for text, _ in networks], pa.string())
        self._networks = AddressIndex(values, np.array([at for _, at in networks], np.int64))

    def of(self, kind: str, value: str, host: str) -> set[int]:
        """Give the numbers of the lists that hold a value or its host."""
        met = self._exact.get(value, set()) | self._exact.get(host if kind == "url" else value, set())
        labels = host.split(".") if host else []
        for start in range(len(labels)):
            met |= self._above.get(".".join(labels[start:]), set())
        if kind in {"address", "network", "url"}:
            met |= _covering(self._networks, host if kind == "url" else value)
        return met


def _host(kind: str, value: str) -> str:
    """Give the host in a value; "" where it has none."""
    if kind == "domain":
        return value
    if kind == "email":
        return value.rpartition("@")[2]
    if kind == "url":
        place = value.partition("/")[0]
        return place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]
    return ""


def _covering(index: AddressIndex, value: str) -> set[int]:
    """Give the lists whose networks hold an address, or both ends of a network."""
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        return set()
    ends = (network.network_address, network.broadcast_address)
    first, last = (set(index.find([one], [0])[1].tolist()) for one in ends)
    return first & last


def _networks(one: WarningList) -> tuple[list[str], list[str]]:
    good, bad = [], 0
    for text in one.values:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            bad += 1
            continue
        good.append(str(network if network.prefixlen < network.max_prefixlen else network.network_address))
    return good, [f"warning list {one.name}: {bad} values are no networks"] if bad else []


def _holding(one: WarningList, texts: pa.StringArray) -> tuple[list[int], list[str]]:
    """Give the texts that hold a piece or meet an expression; expressions are RE2's, so that none can run for ever."""
    found = np.zeros(len(texts), np.bool_)
    faults = []
    ask = pc.match_substring_regex if one.type == "regex" else pc.match_substring
    for text in one.values:
        wrapped = one.type == "regex" and text.startswith("/") and text.rindex("/") > 0
        try:
            met = ask(texts, text[1 : text.rindex("/")] if wrapped else text, ignore_case=True)
        except pa.ArrowInvalid:
            faults.append(f"warning list {one.name}: an expression cannot be used: {text[:80]}")
        else:
            found |= met.to_numpy(zero_copy_only=False)
    return np.flatnonzero(found).tolist(), faults
