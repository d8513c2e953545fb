"""Indicator lists: one value a line, or CSV by its header; refanged, put into one form, and told apart by kind.

What matches nothing, or everything, is refused and named: an empty value, a network that is half the internet.
"""

from __future__ import annotations

import csv
import io
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

__all__ = [
    "KINDS",
    "Indicator",
    "Indicators",
    "guessed_kind",
    "normalised",
    "plain_agent",
    "read_indicators",
    "refanged",
]

FILE_BYTES_MAX = 64 * 1024 * 1024
FAULTS_MAX = 50
"""Faults told one by one per file; the rest are counted."""
VALUE_CHARS_MAX = 2_048
PREFIX_MIN = {4: 8, 6: 16}
"""Wider networks say nothing about anyone."""

KINDS = ("address", "network", "domain", "hash", "path", "name", "agent", "email")

_KIND_WORDS: Mapping[str, str] = {
    **dict.fromkeys(
        ("ip", "ipv4", "ipv6", "ipv4addr", "ipv6addr", "ipaddress", "ipdst", "ipsrc", "address"), "address"
    ),
    **dict.fromkeys(("cidr", "network", "subnet", "netblock"), "network"),
    **dict.fromkeys(("domain", "hostname", "fqdn", "domainname", "host"), "domain"),
    **dict.fromkeys(
        ("md5", "sha1", "sha256", "hash", "filehash", "filehashsha256", "filehashmd5", "filehashsha1"), "hash"
    ),
    **dict.fromkeys(("filepath", "path", "fullpath"), "path"),
    **dict.fromkeys(("filename", "file", "name"), "name"),
    **dict.fromkeys(("useragent", "ua", "agent"), "agent"),
    **dict.fromkeys(
        ("email", "emailaddr", "emailaddress", "emailsrc", "emaildst", "mailbox", "account", "upn"), "email"
    ),
    **dict.fromkeys(("url", "uri"), "url"),
}
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "value": ("indicator", "value", "ioc", "observable", "indicatorvalue"),
    "kind": ("indicatortype", "type", "ioctype", "kind", "observabletype"),
    "from": ("validfrom", "firstseen", "from", "start"),
    "until": ("validuntil", "validto", "expires", "expiration", "expirationdatetime", "until", "lastseen"),
    "label": ("label", "description", "comment", "threat", "campaign", "tags"),
    "source": ("source", "feed", "reference", "provider"),
}
_FANGS = (
    (re.compile(r"[\[({<]\s*(?:\.|dot)\s*[\])}>]", re.IGNORECASE), "."),
    (re.compile(r"[\[({<]\s*(?:@|at)\s*[\])}>]", re.IGNORECASE), "@"),
    (re.compile(r"[\[({<]\s*:(?://)?\s*[\])}>](?://)?", re.IGNORECASE), ":"),
    (re.compile(r"^h(?:xx|\*\*|tt)p(s?)(?=:)", re.IGNORECASE), r"http\1"),
)
_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+(?:[a-z][a-z0-9-]{0,61}[a-z0-9])\Z")
_EMAIL = re.compile(r"[^\s@\\/<>\"']+@[^\s@\\/<>\"']+\Z")
_HASH = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})\Z")
_EXTENSIONS = frozenset(
    [
        "aspx",
        "asp",
        "ashx",
        "asmx",
        "php",
        "jsp",
        "jspx",
        "exe",
        "dll",
        "ps1",
        "psm1",
        "bat",
        "cmd",
        "vbs",
        "js",
        "hta",
        "zip",
        "rar",
        "7z",
        "txt",
        "log",
        "tmp",
        "dat",
        "dmp",
        "config",
        "xml",
        "lnk",
        "iso",
        "docx",
        "xlsx",
        "pdf",
        "py",
    ]
)
"""A name that ends in one of these is a file's, not a domain's."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator.

    Attributes:
        kind: one of `KINDS`.
        value: in the form that matching uses.
        written: as the list has it.
        from_us: valid from, microseconds since 1970; None where unsaid.
        until_us: valid until.
        label: what the list says about it.
        source: where it comes from: what the list says, else the list's file name.
    """

    kind: str
    value: str
    written: str
    from_us: int | None = None
    until_us: int | None = None
    label: str = ""
    source: str = ""

    @property
    def id(self) -> str:
        """Give the name that its hits carry as `rule_id`."""
        return f"indicator:{self.kind}:{self.value}"


@dataclass(frozen=True, slots=True)
class Indicators:
    """What came out of indicator files."""

    items: tuple[Indicator, ...]
    faults: tuple[str, ...]


class _BadValueError(ValueError):
    """A value that cannot be used; the text says why."""


def refanged(text: str) -> str:
    """Undo what keeps an indicator from being clicked."""
    out = text.strip().strip("\"'").strip()
    for pattern, plain in _FANGS:
        out = pattern.sub(plain, out)
    return out


def guessed_kind(text: str) -> str:
    """Tell the kind of a refanged value; "" where it cannot be told."""
    lower = text.lower()
    network = _network(text)
    if network is not None:
        return "address" if network.prefixlen == network.max_prefixlen and "/" not in text else "network"
    if _HASH.match(lower):
        return "hash"
    if re.match(r"https?://", lower):
        return "url"
    if _EMAIL.match(text):
        return "email"
    if re.match(r"[a-z]:[\\/]|\\\\|/|%[a-z]+%\\", lower) or "\\" in text:
        return "path"
    if " " not in text and "/" not in text and "." in text:
        if lower.rpartition(".")[2] in _EXTENSIONS:
            return "name"
        return "domain" if _DOMAIN.match(lower) else ""
    return "agent" if re.match(r"[^\s/]+/\S", text) else ""


def plain_agent(text: str) -> str:
    """Give an agent in one form: IIS writes `+` for a space, HttpProxy a space for a comma."""
    return " ".join(text.replace("+", " ").replace(",", " ").lower().split())


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    if len(text) > 64:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def normalised(kind: str, text: str) -> tuple[str, str]:
    """Give kind and value in the form that matching uses.

    Raises:
        ValueError: it would match nothing, or everything.
    """
    if not text:
        raise _BadValueError("an empty value matches nothing")
    if len(text) > VALUE_CHARS_MAX:
        raise _BadValueError(f"longer than {VALUE_CHARS_MAX} characters")
    match kind:
        case "address" | "network":
            return _normal_network(text)
        case "domain" | "hash" | "email":
            return kind, _normal_name(kind, text)
        case "path" | "name":
            plain = text.lower().replace("/", "\\").strip()
            if not plain.strip("\\*?. "):
                raise _BadValueError("a path of separators alone matches nothing")
            return ("path" if "\\" in plain else "name"), plain
        case "agent":
            return kind, plain_agent(text)
        case _:
            raise _BadValueError(f"no source can be asked for the kind '{kind[:40]}'")


_SHAPES = {
    "domain": (_DOMAIN, "not a domain name"),
    "hash": (_HASH, "not an MD5, SHA-1 or SHA-256 value"),
    "email": (_EMAIL, "not an e-mail address"),
}


def _normal_name(kind: str, text: str) -> str:
    lower = text.lower()
    if kind == "domain":
        lower = lower.rstrip(".").removeprefix("*.")
    shape, why = _SHAPES[kind]
    if not shape.match(lower):
        raise _BadValueError(why)
    return lower


def _normal_network(text: str) -> tuple[str, str]:
    network = _network(text)
    if network is None:
        raise _BadValueError("not an address or network")
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            network = ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}")
    if network.prefixlen < PREFIX_MIN[network.version]:
        raise _BadValueError(f"a network of /{network.prefixlen} is too wide to mean anything")
    if network.network_address.is_unspecified:
        raise _BadValueError("the unspecified address matches nothing")
    single = network.prefixlen == network.max_prefixlen
    return ("address", str(network.network_address)) if single else ("network", str(network))


def _instant(text: str, *, end: bool) -> int | None:
    """Read a date or an instant as microseconds; UTC where no zone is written; a date as an end is its last moment."""
    plain = text.strip()
    if not plain:
        return None
    try:
        if len(plain) == 10:
            day = date.fromisoformat(plain)
            at = datetime(day.year, day.month, day.day, tzinfo=UTC)
            at += timedelta(days=1, microseconds=-1) if end else timedelta()
        else:
            at = datetime.fromisoformat(plain)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        return int((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
    except (ValueError, OverflowError) as fault:
        raise _BadValueError(f"date '{plain[:40]}' is not ISO 8601") from fault


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _header(cells: Sequence[str]) -> dict[str, int] | None:
    """Give the columns of a header by their meaning; None where the line is no header."""
    names = [_word(one) for one in cells]
    out: dict[str, int] = {}
    for meaning, known in _COLUMNS.items():
        at = next((names.index(one) for one in known if one in names), None)
        if at is not None:
            out[meaning] = at
    if "value" not in out:
        at = next((where for where, one in enumerate(names) if _KIND_WORDS.get(one)), None)
        if at is None or not (len(cells) > 1 or guessed_kind(cells[0]) == ""):
            return None
        out["value"] = at
        out["named"] = at
    return out


def _made(row: Mapping[str, str], kind_word: str, source: str) -> Indicator:
    value = refanged(row.get("value", ""))
    kind = _KIND_WORDS.get(_word(kind_word), kind_word) if kind_word else guessed_kind(value)
    if value and not kind:
        raise _BadValueError(f"cannot tell what kind of indicator '{value[:60]}' is")
    kind, normal = normalised(kind or "name", value)
    begins, ends = _instant(row.get("from", ""), end=False), _instant(row.get("until", ""), end=True)
    if begins is not None and ends is not None and ends < begins:
        raise _BadValueError("its window ends before it begins")
    label, origin = row.get("label", "").strip()[:500], row.get("source", "").strip()[:200]
    return Indicator(kind, normal, value, begins, ends, label, origin or source)


def _rows(text: str) -> Iterator[tuple[int, dict[str, str], str]]:
    """Yield line number, cells by meaning, and the kind the list names."""
    lines = text.splitlines()
    start = next((at for at, one in enumerate(lines) if one.strip() and not one.lstrip().startswith("#")), len(lines))
    if start == len(lines):
        return
    delimiter = max(",;\t", key=lines[start].count)
    first = next(csv.reader([lines[start]], delimiter=delimiter), [])
    header = _header(first)
    if header is None:
        for at, line in enumerate(lines[start:], start + 1):
            plain = re.split(r"\s+#", line, maxsplit=1)[0].strip()
            if plain and not plain.startswith("#"):
                yield at, {"value": plain}, ""
        return
    named = _word(first[header["named"]]) if "named" in header else ""
    reader = csv.reader(io.StringIO("\n".join(lines[start + 1 :])), delimiter=delimiter)
    for cells in reader:
        if not cells or cells[0].lstrip().startswith("#"):
            continue
        row = {meaning: cells[at] for meaning, at in header.items() if at < len(cells)}
        yield start + 1 + reader.line_num, row, row.get("kind", "") or named


def read_indicators(paths: Sequence[Path]) -> Indicators:
    """Read indicator files; what cannot be used is named, the rest is used."""
    items: dict[tuple[str, str, int | None, int | None], Indicator] = {}
    faults: list[str] = []
    for path in paths:
        mine: list[str] = []
        try:
            if path.stat().st_size > FILE_BYTES_MAX:
                faults.append(f"{path.name}: larger than {FILE_BYTES_MAX} bytes")
                continue
            text = path.read_bytes().decode("utf-8-sig")
            for line, row, kind in _rows(text):
                try:
                    one = _made(row, kind, path.name)
                except ValueError as fault:
                    mine.append(f"{path.name}:{line}: {fault}")
                else:
                    items.setdefault((one.kind, one.value, one.from_us, one.until_us), one)
        except OSError as fault:
            faults.append(f"{path.name}: cannot be read: {fault.strerror}")
        except UnicodeDecodeError as fault:
            faults.append(f"{path.name}: not UTF-8 at byte {fault.start}")
        except csv.Error as fault:
            faults.append(f"{path.name}: not CSV: {fault}")
        faults += mine[:FAULTS_MAX]
        if len(mine) > FAULTS_MAX:
            faults.append(f"{path.name}: {len(mine) - FAULTS_MAX} more values cannot be used")
    ordered = sorted(items.values(), key=lambda one: (one.kind, one.value, one.from_us or 0, one.until_us or 0))
    return Indicators(tuple(ordered), tuple(faults))
