"""Indicators looked up in the lexicon: a join of lists with the distinct values of the columns that can hold them."""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa

from dwell.archive.datafile import DataFile, read_lexicon, read_rows
from dwell.archive.lexicon import LEXICON_SCHEMA, Lexicon, coded
from dwell.hunt.hits import FACES, HITS, TEXT_CHARS_MAX, Face, Matched, Subject, concat, group_hits
from dwell.hunt.indicators.lists import Indicator, plain_agent
from dwell.hunt.patterns import Indices
from dwell.hunt.wide import ColumnValues
from dwell.intake.tables import specs

__all__ = ["PLACES", "Finder"]

_IMAGES = ("Image", "ParentImage", "NewProcessName", "ParentProcessName", "TargetFilename", "ObjectName")
PLACES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "address": {
        "iis": ("c-ip", "X-Forwarded-For"),
        "httpproxy": ("ClientIpAddress",),
        "ews": ("ClientIpAddress",),
        "ual": ("ClientIP", "ClientIPAddress", "ActorIpAddress"),
        "evtx": ("IpAddress", "SourceIp", "DestinationIp"),
        "ncsa": ("c-ip",),
        "httperr": ("c-ip",),
        "mapihttp": ("ClientIP",),
        "rpc_client_access": ("client-ip",),
        "address_book": ("client-ip",),
        "imap4": ("cIp",),
        "pop3": ("cIp",),
        "rps_http": ("ClientIpAddress",),
        "mailbox_audit": ("ClientIPAddress",),
        "message_tracking": ("client-ip", "original-client-ip"),
        "smtp_receive": ("remote-endpoint",),
        "smtp_send": ("remote-endpoint",),
        "transport_agent": ("RemoteEndpoint",),
        "signins": ("ipAddress",),
        "entra_audit": ("initiatedBy.user.ipAddress",),
        "graph_activity": ("ipAddress",),
        "message_trace": ("FromIP",),
        "defender": ("IPAddress", "RemoteIP", "SenderIPv4", "SenderIPv6"),
        "google_workspace": ("ipAddress",),
        "haproxy": ("client_ip",),
        "squid": ("client",),
        "zeek": ("id.orig_h", "id.resp_h", "x_originating_ip"),
        "netflow": ("sourceIPv4Address", "destinationIPv4Address", "sourceIPv6Address", "destinationIPv6Address"),
        "cisco": ("src_ip", "dst_ip", "client_ip"),
        "fortinet": ("srcip", "dstip", "remip"),
        "paloalto": ("src", "dst"),
        "cef": ("src", "dst"),
        "dovecot": ("rip",),
        "postfix": ("client_ip",),
        "zimbra": ("ip", "oip"),
    },
    "domain": {
        "iis": ("cs-host", "cs-referer"),
        "httpproxy": ("UrlHost",),
        "evtx": ("QueryName", "DestinationHostname"),
        "ncsa": ("vhost",),
        "zeek": ("http_host",),
        "defender": ("RemoteUrl",),
        "fortinet": ("hostname",),
    },
    "hash": {
        "inventory": ("SHA256",),
        "evtx": ("Hashes",),
        "defender": ("SHA256", "SHA1", "MD5"),
        "zeek": ("sha256", "sha1", "md5"),
    },
    "path": {"inventory": ("Path",), "evtx": _IMAGES, "iis": ("cs-uri-stem",)},
    "agent": {
        "iis": ("cs-user-agent",),
        "httpproxy": ("UserAgent",),
        "ews": ("UserAgent",),
        "ual": ("UserAgent",),
        "ncsa": ("cs-user-agent",),
        "signins": ("userAgent",),
        "entra_audit": ("userAgent",),
        "graph_activity": ("userAgent",),
        "defender": ("UserAgent",),
        "zeek": ("user_agent",),
    },
    "email": {
        "iis": ("cs-username",),
        "httpproxy": ("AuthenticatedUser", "AnchorMailbox"),
        "ews": ("AuthenticatedUser", "ImpersonatedUser", "ActAsUser", "ProxyAsUser"),
        "ual": ("UserId", "MailboxOwnerUPN"),
        "directory": ("ForwardingSmtpAddress", "PrimarySmtpAddress"),
        "evtx": ("CmdletParameters",),
        "mapihttp": ("AuthenticatedUserEmail", "MailboxId", "ActAsUserEmail"),
        "rpc_client_access": ("user-email",),
        "imap4": ("user", "session_user", "session_mailbox"),
        "pop3": ("user", "session_user", "session_mailbox"),
        "mailbox_audit": ("MailboxOwnerUPN", "DestMailboxOwnerUPN"),
        "message_tracking": ("sender-address", "recipient-address"),
        "transport_agent": ("P1FromAddress", "P2FromAddresses", "Recipient"),
        "signins": ("userPrincipalName",),
        "entra_audit": ("initiatedBy.user.userPrincipalName",),
        "message_trace": ("SenderAddress", "RecipientAddress"),
        "defender": ("SenderFromAddress", "SenderMailFromAddress", "RecipientEmailAddress"),
        "google_workspace": ("actor.email", "parameters.email_forwarding_destination_address"),
        "exports": (
            "ForwardTo",
            "RedirectTo",
            "ForwardAsAttachmentTo",
            "BlindCopyTo",
            "RedirectMessageTo",
            "CopyTo",
            "ForwardingSmtpAddress",
        ),
        "postfix": ("from", "to", "orig_to"),
        "zeek": ("mailfrom",),
    },
}
"""Where each kind of indicator is looked for; networks go with addresses, names with paths."""
_FAMILY = {"network": "address", "name": "path"}

_HASHES = re.compile(r"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32})(?![0-9a-fA-F])")
_EMAILS = re.compile(r"[^\s<>\"'~:;,=/\\\[\](){}]{1,256}@[^\s<>\"'~:;,=/\\@\[\](){}]{1,256}")
_WEB_ROOTS = ("\\inetpub\\wwwroot", "\\frontend\\httpproxy")
_WINDOWS = ("no-window", "inside", "before", "after")


@lru_cache(maxsize=262_144)
def _addresses(text: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]:
    """Give the addresses in a value: one, with or without a port, or the hops of a forwarding header."""
    out = []
    for hop in re.split(r"[,+\s]+", text[:2048]):
        plain = hop.strip().strip('"')
        if plain.startswith("["):
            plain = plain[1:].partition("]")[0]
        elif plain.count(":") == 1:
            plain = plain.partition(":")[0]
        try:
            found = ipaddress.ip_address(plain.partition("%")[0])
        except ValueError:
            continue
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        out.append(mapped or found)
    return tuple(out)


def _domains(text: str) -> list[str]:
    """Give a host name and every domain above it."""
    host = re.sub(r"^[a-z][a-z0-9+.-]*://", "", text[:2048].strip().lower())
    host = re.split(r"[/?#:]", host.rpartition("@")[2] if "@" in host.split("/")[0] else host, maxsplit=1)[0].rstrip(
        "."
    )
    labels = host.split(".")
    return [".".join(labels[at:]) for at in range(max(len(labels) - 1, 0))][:32]


def _paths(text: str) -> list[str]:
    """Give a path in one form, and its name alone."""
    plain = text[:4096].strip().lower().replace("/", "\\").removeprefix("\\??\\")
    return [plain, plain.rpartition("\\")[2]]


_KEYS: Mapping[str, Callable[[str], Sequence[str]]] = {
    "domain": _domains,
    "hash": lambda text: [one.lower() for one in _HASHES.findall(text)],
    "path": _paths,
    "agent": lambda text: [plain_agent(text)],
    "email": lambda text: [one.lower() for one in _EMAILS.findall(text)],
}


class _Networks:
    """Networks as disjoint or nested spans, looked up by their starts."""

    def __init__(self, items: Sequence[tuple[int, Indicator]]) -> None:
        spans: dict[int, list[tuple[int, int, int]]] = {4: [], 6: []}
        for at, one in items:
            network = ipaddress.ip_network(one.value)
            spans[network.version].append((int(network.network_address), int(network.broadcast_address), at))
        self._spans = {version: sorted(ones) for version, ones in spans.items()}
        self._starts = {version: [one[0] for one in ones] for version, ones in self._spans.items()}
        self._widest = {
            version: max((last - first for first, last, _ in ones), default=0) for version, ones in self._spans.items()
        }

    def of(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[int]:
        """Give the indicators whose network holds an address."""
        version, number = address.version, int(address)
        spans = self._spans[version]
        at = bisect_right(self._starts[version], number) - 1
        out = []
        while at >= 0 and spans[at][0] >= number - self._widest[version]:
            if spans[at][1] >= number:
                out.append(spans[at][2])
            at -= 1
        return out


class Finder:
    """Indicators made ready for data files; one per process.

    Attributes:
        items: the indicators.
    """

    def __init__(self, items: Sequence[Indicator]) -> None:
        self.items = tuple(items)
        self._keys: dict[str, dict[str, list[int]]] = {}
        networks = []
        for at, one in enumerate(self.items):
            family = _FAMILY.get(one.kind, one.kind)
            if one.kind == "network":
                networks.append((at, one))
                self._keys.setdefault(family, {})
            for key in _forms(one):
                self._keys.setdefault(family, {}).setdefault(key, []).append(at)
        self._networks = _Networks(networks)
        self._specs = specs()

    def families(self, table: str) -> list[str]:
        """Give the kinds of indicator that are held and that a table can be asked for."""
        return [one for one in PLACES if one in self._keys and table in PLACES[one]]

    def _of(self, family: str, text: str) -> list[int]:
        keys = self._keys[family]
        if family != "address":
            return [at for key in _KEYS[family](text) for at in keys.get(key, ())]
        out: list[int] = []
        for one in _addresses(text):
            out += keys.get(str(one), [])
            out += self._networks.of(one)
        return out

    def find(self, file: DataFile) -> tuple[pa.Table, list[str]]:
        """Look for the indicators in one data file.

        Returns:
            Hits, and the kinds of indicator that this file could have shown.

        Raises:
            CustodyError: the file is not what was written.
        """
        families = self.families(file.table)
        if not families:
            return HITS.empty_table(), []
        empty = Lexicon(LEXICON_SCHEMA.empty_table(), frozenset(), file.staged.rows)
        lexicon = ColumnValues(read_lexicon(file) if file.staged.lexicon_sha256 else empty)
        seen: list[str] = []
        wanted: dict[str, list[str]] = {}
        for family in families:
            for place in PLACES[family][file.table]:
                if place not in lexicon.complete:
                    wanted.setdefault(place, []).append(family)
                    seen.append(family)
                    continue
                values, _, _ = lexicon.of(place)
                if len(values):
                    seen.append(family)
                if any(self._of(family, text) for text in values.to_pylist()):
                    wanted.setdefault(place, []).append(family)
        if not wanted:
            return HITS.empty_table(), sorted(set(seen))
        return self._rows(file, wanted), sorted(set(seen))

    def _rows(self, file: DataFile, wanted: Mapping[str, Sequence[str]]) -> pa.Table:
        spec = self._specs[file.table]
        face = FACES.get(file.table, Face())
        names = {"evidence_id", "record_no", "time_utc", "host", *face.columns, *wanted}
        columns = [one for one in spec.schema.names if one in names]
        dictionary = [one for one in columns if one in spec.lexicon or one in {"evidence_id", "host"}]
        table = read_rows(file, columns, dictionary=dictionary)
        met: dict[int, list[tuple[Indices, Matched]]] = {}
        for place, families in sorted(wanted.items()):
            array = coded(table[place])
            codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
            texts = array.dictionary.to_pylist()
            by_value = {at: hit for at, text in enumerate(texts) if (hit := self._any(families, text))}
            rows = np.flatnonzero(np.isin(codes, list(by_value)))
            order = rows[np.argsort(codes[rows], kind="stable")]
            bounds = np.searchsorted(codes[order], [[at, at + 1] for at in by_value])
            shown = pa.array([f"{place}={texts[at][:TEXT_CHARS_MAX]}" for at in by_value], pa.string())
            for number, (hit, (first, last)) in enumerate(zip(by_value.values(), bounds, strict=True)):
                for one in hit:
                    mine = order[first:last]
                    met.setdefault(one, []).append((mine, Matched(np.full(len(mine), number), shown)))
        times = table["time_utc"].cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy()
        hits = [hit for one, found in sorted(met.items()) for hit in self._hits(table, file.table, one, found, times)]
        return concat(hits)

    def _any(self, families: Sequence[str], text: str) -> list[int]:
        return sorted({at for family in families for at in self._of(family, text)})

    def _hits(
        self, table: pa.Table, name: str, index: int, found: Sequence[tuple[Indices, Matched]], times: Indices
    ) -> list[pa.Table]:
        """Fold the rows of one indicator, those inside, before and after its window apart."""
        one = self.items[index]
        rows = np.unique(np.concatenate([mine for mine, _ in found]))
        spread = []
        for mine, matched in found:
            codes = np.full(len(rows), -1, np.int64)
            codes[np.searchsorted(rows, mine)] = matched.codes
            spread.append(Matched(codes, matched.texts))
        state = _window(one, times[rows])
        out = []
        for which in np.unique(state).tolist():
            keep = np.flatnonzero(state == which)
            title = f"{one.label} ({one.value})" if one.label else f"{one.kind} {one.value}"
            subject = Subject(one.id, "indicator", title, "", _WINDOWS[which])
            part = [Matched(each.codes[keep], each.texts) for each in spread]
            out.append(group_hits(table, rows[keep], name, subject, part))
        return out


def _window(one: Indicator, times: Indices) -> Indices:
    """Say for each instant where it lies: an index into `_WINDOWS`; an unknown instant lies in no window."""
    if one.from_us is None and one.until_us is None:
        return np.zeros(len(times), np.int64)
    out = np.ones(len(times), np.int64)
    if one.from_us is not None:
        out[times < one.from_us] = 2
    if one.until_us is not None:
        out[times > one.until_us] = 3
    out[times == np.iinfo(np.int64).min] = 0
    return out


def _forms(one: Indicator) -> list[str]:
    """Give the forms under which an indicator may be met; a path below a web root also as the web server names it."""
    if one.kind == "network":
        return []
    out = [one.value]
    if one.kind == "path":
        for root in _WEB_ROOTS:
            _, found, rest = one.value.partition(root + "\\")
            if found:
                out.append("\\" + rest)
    return out
