"""One indicator, and the form in which it is compared: refanged, lower case, A-labels, IPv4 for IPv4-mapped.

What matches nothing, or everything, is refused and named: an empty value, a network that is half the internet.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from urllib.parse import unquote, urlsplit

__all__ = [
    "EXTENSIONS",
    "IN_PART",
    "KINDS",
    "NO_TIME",
    "VALUE_CHARS_MAX",
    "BadValueError",
    "NotApplicableError",
    "guessed_kind",
    "indicator_id",
    "instant_us",
    "is_kind",
    "kind_of",
    "normalised",
    "plain_agent",
    "plain_domain",
    "plain_url",
    "plain_word",
    "refanged",
]

VALUE_CHARS_MAX = 2_048
PREFIX_MIN = {4: 8, 6: 16}
"""Wider networks say nothing about anyone."""
NO_TIME = -(2**63)
"""Stands for an end of a window that a list does not give; microseconds since 1970 otherwise."""

IN_PART = "-in-part"
"""Follows the kind in the id of hits that rest on a part of a value."""
KINDS = ("address", "network", "domain", "url", "hash", "path", "name", "agent", "email")

_KIND_WORDS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "ip", "ips", "ipv4", "ipv6", "ipv4addr", "ipv6addr", "ipaddress", "ipdst", "ipsrc", "address",
            "ipdstport", "ipsrcport", "ipport", "dstip", "srcip", "destip", "destinationip", "sourceip",
        ),
        "address",
    ),
    **dict.fromkeys(("cidr", "network", "subnet", "netblock"), "network"),
    **dict.fromkeys(("domain", "hostname", "fqdn", "domainname", "host", "hostnameport"), "domain"),
    **dict.fromkeys(
        (
            "md5", "sha1", "sha256", "imphash", "hash", "filehash", "filehashsha256", "filehashmd5", "filehashsha1",
            "md5hash", "sha1hash", "sha256hash",
        ),
        "hash",
    ),
    **dict.fromkeys(("filepath", "path", "fullpath"), "path"),
    **dict.fromkeys(("filename", "file", "name", "attachment"), "name"),
    **dict.fromkeys(("useragent", "ua", "agent"), "agent"),
    **dict.fromkeys(
        (
            "email", "emailaddr", "emailaddress", "emailsrc", "emaildst", "emailreplyto", "mailbox", "account", "upn",
            "targetemail", "whoisregistrantemail", "dnssoaemail", "eppn",
        ),
        "email",
    ),
    **dict.fromkeys(("url", "uri", "link"), "url"),
}  # fmt: skip
_NOT_HELD: Mapping[str, str] = {
    **dict.fromkeys(("mutex", "mutexname"), "a mutex"),
    **dict.fromkeys(("asn", "as", "autonomoussystem"), "an autonomous system"),
    **dict.fromkeys(("cve", "vulnerability"), "a vulnerability"),
    **dict.fromkeys(
        (
            "ssdeep",
            "pehash",
            "tlsh",
            "vhash",
            "sha512",
            "sha384",
            "sha224",
            "authentihash",
            "impfuzzy",
            "sha3224",
            "sha3256",
            "sha3384",
            "sha3512",
            "sha512224",
            "sha512256",
            "cdhash",
            "telfhash",
        ),
        "a hash of that sort",
    ),
    **dict.fromkeys(
        ("btc", "xmr", "dash", "iban", "bitcoin", "bic", "bankaccountnr", "abartn", "bin", "ccnumber", "prtn"),
        "an account of money",
    ),
    **dict.fromkeys(("macaddress", "maceui64"), "the address of a network card"),
    **dict.fromkeys(("cpe", "weakness"), "what a product is or suffers from"),
    **dict.fromkeys(
        ("jabberid", "twitterid", "githubusername", "githubrepository", "githuborganisation", "phonenumber"),
        "somebody's name or number elsewhere",
    ),
    **dict.fromkeys(
        ("whoisregistrantname", "whoisregistrantorg", "whoisregistrantphone", "whoisregistrar", "whoiscreationdate"),
        "who a name is registered to",
    ),
    **dict.fromkeys(("emailattachment", "emailbody"), "a text within a message"),
}
"""Kinds of indicator that are known and that no log read here shows."""
_NOT_COMPARED: Mapping[str, str] = {
    **dict.fromkeys(("regkey", "registrykey", "registry", "windowsregistrykey", "regkeyvalue"), "a registry key"),
    **dict.fromkeys(("ja3", "ja3s", "ja4", "jarm", "ja3fingerprintmd5", "hasshmd5"), "a fingerprint of TLS or SSH"),
    **dict.fromkeys(
        ("x509fingerprintsha1", "x509fingerprintsha256", "x509fingerprintmd5", "x509certificate"), "a certificate"
    ),
    "emailsubject": "a message's subject",
    "port": "a port",
    "commandline": "a command line",
    "process": "a process",
    **dict.fromkeys(("windowsservicename", "windowsservicedisplayname"), "a service's name"),
    "windowsscheduledtask": "a scheduled task",
    **dict.fromkeys(
        (
            "yara",
            "sigma",
            "snort",
            "suricata",
            "zeek",
            "bro",
            "kustoquery",
            "stix2pattern",
            "patterninfile",
            "patternintraffic",
            "patterninmemory",
            "filenamepattern",
            "patternfilename",
        ),
        "what a signature or a pattern is about",
    ),
    **dict.fromkeys(
        ("httpmethod", "cookie", "emailheader", "emailmessageid", "emailxmailer", "emailmimeboundary"),
        "a part of a header",
    ),
    **dict.fromkeys(("emailsrcdisplayname", "emaildstdisplayname"), "a sender's or recipient's name"),
    "namedpipe": "a named pipe",
}
"""Kinds of indicator that some log can show, and that are not compared."""


def _not_looked_for(plain: str) -> str:
    """Say why a kind is not looked for; "" where it is, or is not known."""
    if held := _NOT_HELD.get(plain):
        return f"not applicable: no log that is read here shows {held}"
    if held := _NOT_COMPARED.get(plain):
        return (
            f"not looked for: logs may show {held}, and indicators of that kind are not compared; a Sigma rule can be"
        )
    return ""


NOT_A_PATTERN = "not looked for: a path with a wildcard, or with a query and no host; a Sigma rule can be"
NO_VARIABLE = "not looked for: a path with a variable such as %TEMP%; logs write paths out, so name the file alone"
_REGISTRY = re.compile(r"(?:hklm|hkcu|hku|hkcr|hkcc|hkey_[a-z_]+|\\registry)(?:\\|:|\Z)")
_MUTEX = re.compile(r"(?:global|local|sessions?\\\d+|\\?basenamedobjects)\\[^\\]+\Z")
_VARIABLE = re.compile(r"(?:\A|\\)%[a-z_][a-z0-9_()]{2,}%(?:\\|\Z)|\$env:")

_FANGS = (
    (re.compile(r"[\[({<]\s*(?:\.|dot)\s*[\])}>]", re.IGNORECASE), "."),
    (re.compile(r"\[\.|(?<=\w)\.\](?=\w)"), "."),
    (re.compile(r"[\[({<]\s*(?:@|at)\s*[\])}>]", re.IGNORECASE), "@"),
    (re.compile(r"[\[({<]\s*:\s*//\s*[\])}>](?://)?"), "://"),
    (re.compile(r"[\[({<]\s*:\s*[\])}>]"), ":"),
    (re.compile(r"\Ah(?:xx|\*\*|xt|tx)p(s?)(?=:)", re.IGNORECASE), r"http\1"),
    (re.compile(r"\A(f)xp(s?)(?=:)", re.IGNORECASE), r"\1tp\2"),
)
_FANGED = re.compile(r"[\[\](){}<>]|\A[hH](?:[xX*]|[tT][xX])|\A[fF][xX]")
_V4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!\Z)|\Z)){4}\Z", re.ASCII)
_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+(?:[a-z][a-z0-9-]{0,61}[a-z0-9])\Z")
_EMAIL = re.compile(r"[^\s@\\/<>\"']+@[^\s@\\/<>\"']+\Z")
_HASH = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})\Z")
_PORTED = re.compile(r"(?:\[([0-9a-fA-F:.%]+)\]|([^\[\]:/\s]+)):(\d{1,5})\Z", re.ASCII)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{1,20})://", re.IGNORECASE)
_PATH = re.compile(r"[a-z]:[\\/]|\\\\|/|%[a-z]+%\\")
_PORTS = {"http": {80}, "https": {443}, "ftp": {21}, "": {80, 443}}
EXTENSIONS = frozenset(
    (
        "7z", "asp", "aspx", "ashx", "asmx", "bat", "cmd", "config", "dat", "dll", "dmp", "docx", "exe", "hta", "iso",
        "js", "jsp", "jspx", "lnk", "log", "pdf", "php", "ps1", "psm1", "py", "rar", "tmp", "txt", "vbs", "xlsx", "xml",
        "zip",
    )
)  # fmt: skip
"""A name that ends in one of these is a file's, not a domain's."""


class BadValueError(ValueError):
    """A value that cannot be used; the text says why."""


class NotApplicableError(ValueError):
    """A value of a kind that is known and not looked for; the text says why."""


def indicator_id(kind: str, value: str) -> str:
    """Give the name that the hits of an indicator carry as `rule_id`."""
    return f"indicator:{kind}:{value}"


def plain_word(text: str) -> str:
    """Give a column's or a kind's name without case, blanks and marks."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def refanged(text: str) -> str:
    """Undo what keeps an indicator from being clicked."""
    out = text.strip().strip("\"'").strip()
    if _FANGED.search(out):
        for pattern, plain in _FANGS:
            out = pattern.sub(plain, out)
    return out


def portless(text: str) -> str:
    """Give an address or name without the port behind it, `1.2.3.4:8080` as `1.2.3.4`: ports are not compared."""
    found = _PORTED.match(text)
    if found is None:
        return text
    place = found[1] or found[2]
    return place if _V4.match(place) or found[1] or _DOMAIN.match(plain_domain(place)) else text


def is_kind(word: str) -> bool:
    """Say whether a column's name, as `plain_word` gives it, is that of a kind."""
    return word in _KIND_WORDS


@lru_cache(maxsize=4_096)
def kind_of(word: str) -> str:
    """Give the kind that a list's word for it means; "" where the word is unknown.

    Raises:
        NotApplicableError: it is a kind that is not looked for.
    """
    plain = plain_word(word)
    if reason := _not_looked_for(plain):
        raise NotApplicableError(reason)
    return _KIND_WORDS.get(plain, "")


def guessed_kind(text: str) -> str:
    """Tell the kind of a refanged value; "" where it cannot be told."""
    text = portless(text)
    if _V4.match(text):
        return "address"
    lower = text.lower()
    if _HASH.match(lower):
        return "hash"
    network = _network(text)
    if network is not None:
        return "address" if network.prefixlen == network.max_prefixlen and "/" not in text else "network"
    if _SCHEME.match(text):
        return "url"
    if _EMAIL.match(text):
        return "email"
    if _PATH.match(lower) or "\\" in text:
        return "path"
    if " " not in text and "/" not in text and "." in text:
        if lower.rpartition(".")[2] in EXTENSIONS:
            return "name"
        return "domain" if _DOMAIN.match(plain_domain(lower)) else ""
    if " " not in text and _DOMAIN.match(lower.partition("/")[0].partition(":")[0]):
        return "url"
    return "agent" if re.match(r"[^\s/]+/\S", text) else ""


def plain_agent(text: str) -> str:
    """Give an agent in one form: IIS writes `+` for a space, HttpProxy a space for a comma."""
    return " ".join(text.replace("+", " ").replace(",", " ").lower().split())


def plain_domain(text: str) -> str:
    """Give a name in lower case, without the root's dot, its labels as they travel (`xn--`)."""
    lower = text.lower().rstrip(".")
    if lower.isascii():
        return lower
    try:
        return lower.encode("idna").decode("ascii")
    except UnicodeError:
        return lower


def plain_url(text: str) -> tuple[str, str, str]:
    """Give a URL's host with its port (none where it is the scheme's own), path and query, in the compared form.

    Lower case, percent-encoding undone once, no fragment, no user; the scheme is left out, for most logs do not hold it.

    Raises:
        BadValueError: it has no host.
    """
    found = _SCHEME.match(text)
    scheme, rest = (found[1].lower(), text[found.end() :]) if found else ("", text)
    try:
        parts = urlsplit("//" + rest.lstrip("/"))
        host, port = parts.hostname or "", parts.port
    except ValueError as fault:
        raise BadValueError("not a URL") from fault
    if not host:
        raise BadValueError("a URL without a host")
    place = plain_domain(host)
    place = f"[{place}]" if ":" in place else place
    if port is not None and port not in _PORTS.get(scheme, ()):
        place += f":{port}"
    return place, unquote(parts.path).lower() or "/", unquote(parts.query).lower()


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    if len(text) > 64 or not (text[:1].isalnum() or text[:1] == ":"):
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def normalised(kind: str, text: str) -> tuple[str, str]:
    """Give kind and value in the form that matching uses.

    Raises:
        BadValueError: it would match nothing, or everything.
    """
    if not text:
        raise BadValueError("an empty value matches nothing")
    if len(text) > VALUE_CHARS_MAX:
        raise BadValueError(f"longer than {VALUE_CHARS_MAX} characters")
    match kind:
        case "address" | "network":
            return _normal_network(portless(text))
        case "domain":
            return kind, _normal_name(kind, portless(text))
        case "hash" | "email":
            return kind, _normal_name(kind, text)
        case "url":
            return _normal_url(text)
        case "path" | "name":
            return _normal_path(text)
        case "agent":
            plain = plain_agent(text)
            if not plain.strip("-*. "):
                raise BadValueError("an agent of marks alone matches nothing")
            return kind, plain
        case _:
            raise BadValueError(f"no source can be asked for the kind '{kind[:40]}'")


def _normal_path(text: str) -> tuple[str, str]:
    plain = text.lower().replace("/", "\\").strip().removeprefix("\\??\\").removeprefix("\\\\?\\")
    if reason := _not_a_path(plain):
        raise NotApplicableError(reason)
    if not plain.strip("\\*?. "):
        raise BadValueError("a path of separators alone matches nothing")
    return ("path" if "\\" in plain else "name"), plain


def _not_a_path(plain: str) -> str:
    """Say why what looks like a path is not looked for as one; "" where it is."""
    if _REGISTRY.match(plain):
        return _not_looked_for("regkey")
    if _MUTEX.match(plain) and plain.rpartition(".")[2] not in EXTENSIONS:
        return _not_looked_for("mutex")
    if _VARIABLE.search(plain):
        return NO_VARIABLE
    return NOT_A_PATTERN if plain.strip("\\*?. ") and re.search(r"[*?]", plain) else ""


def _normal_url(text: str) -> tuple[str, str]:
    if text.startswith("/"):
        return _normal_path(text.partition("?")[0])
    host, path, query = plain_url(text)
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if not _DOMAIN.match(name) and _network(name) is None:
        raise BadValueError("a URL without a host that could be met")
    return "url", host + path + (f"?{query}" if query else "")


_SHAPES = {
    "domain": (_DOMAIN, "not a domain name"),
    "hash": (_HASH, "not an MD5, SHA-1 or SHA-256 value"),
    "email": (_EMAIL, "not an e-mail address"),
}


def _normal_name(kind: str, text: str) -> str:
    lower = text.lower()
    if kind == "domain":
        lower = plain_domain(lower.removeprefix("*."))
    elif kind == "email":
        name, _, domain = lower.rpartition("@")
        lower = f"{name}@{plain_domain(domain)}"
    shape, why = _SHAPES[kind]
    if not shape.match(lower):
        raise BadValueError(why)
    return lower


def _normal_network(text: str) -> tuple[str, str]:
    if _V4.match(text) and text != "0.0.0.0":  # noqa: S104 — compared, not bound
        return "address", text
    network = _network(text)
    if network is None:
        raise BadValueError("not an address or network")
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            network = ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}")
    if network.prefixlen < PREFIX_MIN[network.version]:
        raise BadValueError(f"a network of /{network.prefixlen} is too wide to mean anything")
    if network.network_address.is_unspecified:
        raise BadValueError("the unspecified address matches nothing")
    single = network.prefixlen == network.max_prefixlen
    return ("address", str(network.network_address)) if single else ("network", str(network))


def instant_us(text: str, *, end: bool = False) -> int:
    """Read a date or an instant as microseconds since 1970, `NO_TIME` where there is none.

    UTC where no zone is written; a date as an end is its last moment.

    Raises:
        BadValueError: it is neither.
    """
    plain = text.strip()
    if not plain:
        return NO_TIME
    try:
        if len(plain) == 10:
            day = date.fromisoformat(plain)
            at = datetime(day.year, day.month, day.day, tzinfo=UTC)
            at += timedelta(days=1, microseconds=-1) if end else timedelta()
        else:
            at = datetime.fromisoformat(plain)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as fault:
        raise BadValueError(f"date '{plain[:40]}' is not ISO 8601") from fault
