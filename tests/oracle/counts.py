"""How many records a file holds, counted by plain Python from the formats' descriptions: slow, and not by our readers."""

from __future__ import annotations

import csv
import io
import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

__all__ = ["COUNTERS", "count"]

csv.field_size_limit(1 << 30)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_BEFORE = re.compile(r"#TYPE|sep=")
"""What PowerShell and spreadsheets put before a header."""
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def text_of(data: bytes) -> str:
    """Decode a file by its mark; what is no UTF-8 is read byte by byte, which changes no line."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    if data[1:2] == b"\0":
        return data.decode("utf-16-le", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def lines_of(data: bytes) -> list[str]:
    """Give the lines of a file without their ends; only a line feed ends one, or a return where no feed is."""
    text = text_of(data)
    lines = text.split("\n" if "\n" in text else "\r")
    return [one.rstrip("\r") for one in (lines[:-1] if lines[-1] == "" else lines)]


def filled(data: bytes) -> int:
    """Count lines that hold something."""
    return sum(bool(one.strip()) for one in lines_of(data))


def below_comments(data: bytes) -> int:
    """Count lines that hold something and are no comment: W3C logs, and Zeek's."""
    return sum(bool(one.strip()) and not one.startswith("#") for one in lines_of(data))


def rows_of(data: bytes) -> Iterator[list[str]]:
    """Yield the rows of a file of comma-separated values, by whatever separates them; blank lines are none."""
    text = text_of(data)
    first = next((one for one in re.split("[\r\n]+", text) if one.strip() and not _BEFORE.match(one)), "")
    mark = max(",;\t", key=lambda one: re.sub(r'"[^"]*"', "", first).count(one))
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark):
        if any(cell.strip() for cell in row):
            yield row


def exported(data: bytes) -> int:
    """Count the rows of an export with a header; one that comes again is a header again."""
    rows = [one for one in rows_of(data) if not _BEFORE.match(one[0])]
    return sum(one != rows[0] for one in rows)


def exchange(data: bytes) -> int:
    """Count the records of an Exchange text log: rows that begin with an instant; a cell may go over several lines."""
    return sum(bool(_INSTANT.match(row[0])) for row in csv.reader(io.StringIO(text_of(data), newline="")) if row)


def exchange_other(data: bytes) -> int:
    """Count the rows of an Exchange text log whose first column may be anything: neither comment nor header."""
    names: list[str] = []
    total = 0
    for row in csv.reader(io.StringIO(text_of(data), newline="")):
        if row and row[0].startswith("#Fields:"):
            names = [row[0].removeprefix("#Fields:").strip(), *row[1:]]
        elif row and any(row) and not row[0].startswith("#") and row != names:
            total += 1
    return total


def objects_of(data: bytes) -> Iterator[Any]:
    """Yield the values of a file of JSON: lines, one array, several of them, or one value over many lines."""
    text, decoder, at = text_of(data), json.JSONDecoder(), 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,\x1e":
            at += 1
        if at >= len(text):
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError:  # what is broken ends with its line, as far as this reader knows
            at = (text.find("\n", at) + 1) or len(text)
            continue
        yield from value if isinstance(value, list) else [value]


def wrapped(*names: str) -> Callable[[bytes], int]:
    """Count JSON objects; one that holds a list of objects under a name stands for these."""

    def counted(data: bytes) -> int:
        total = 0
        for one in objects_of(data):
            inner = next(
                (one[name] for name in names if isinstance(one, dict) and isinstance(one.get(name), list)), None
            )
            total += 1 if inner is None else len(inner)
        return total

    return counted


def elements(name: str) -> Callable[[bytes], int]:
    """Count the start tags of an element, whatever prefix stands before its name."""
    tag = re.compile(rf"<(?:[A-Za-z_][\w.-]*:)?{name}(?=[\s/>])")
    return lambda data: len(tag.findall(text_of(data)))


def events_in_text(data: bytes) -> int:
    """Count the events of `wevtutil qe /f:text`: each begins with its number in brackets."""
    return sum(bool(re.match(r"Event\[\d+\]", one.strip())) for one in lines_of(data))


def channels(data: bytes) -> int:
    """Count the channels of `wevtutil gl`: each begins with its name, at the start of a line; what is before is another."""
    lines = [one for one in lines_of(data) if one.strip()]
    named = [bool(re.match(r"name:\s*\S", one)) for one in lines]
    return sum(named) + (named.index(True) if True in named else len(lines))


def channels_in_xml(data: bytes) -> int:
    """Count the channels of `wevtutil gl /f:xml`: start tags with a name."""
    return len(re.findall(r"<channel\s[^>]*name=", text_of(data)))


def blocks_of_pairs(data: bytes) -> int:
    """Count the objects of `Format-List`: the first line, and each behind a blank one, that begins with `Name :`."""
    lines = ["", *(one.strip("\0") for one in lines_of(data))]
    pairs = pairwise(lines)
    return sum(not before.strip() and bool(re.match(r"[A-Za-z][A-Za-z ]*? *:(?: |$)", line)) for before, line in pairs)


def objects_of_ldif(data: bytes) -> int:
    """Count the objects of LDIF: each begins with its name."""
    return sum(one.startswith("dn:") for one in lines_of(data))


def registry_keys(data: bytes) -> int:
    """Count the keys of a registry export: a line in square brackets, of a hive."""
    return sum(bool(re.match(r"\[-?HK", one)) and one.rstrip().endswith("]") for one in lines_of(data))


def binary_events(data: bytes) -> int:
    """Count the records of a binary event log: 64 KiB chunks behind 4 KiB, records from byte 512 on."""
    total = 0
    for start in range(4096, len(data), 65536):
        chunk, at = data[start : start + 65536], 512
        used = (
            struct.unpack_from("<I", chunk, 48)[0] if len(chunk) >= at and chunk.startswith(b"ElfChnk") else len(chunk)
        )
        while at + 24 <= min(used, len(chunk)) and chunk[at : at + 4] == b"**\0\0":
            (size,) = struct.unpack_from("<I", chunk, at + 4)
            total += 1
            if not size:
                break
            at += size
    return total


def settings_in(data: bytes) -> int:
    """Count what a configuration says: elements with an attribute or a text, texts behind a child, comments."""
    try:
        root = ET.fromstring(data)  # noqa: S314 - our own, small, and refused by the reader where it holds entities
    except ET.ParseError:  # cut or broken: what this reader knows of it is that it says something
        return 1
    total = text_of(data).count("<!--")
    for one in root.iter():
        total += bool(one.attrib) or bool((one.text or "").strip())
        total += sum(bool((child.tail or "").strip()) for child in one)
    return total


_WHOLE = {"evtx_xml_siem", "evtx_json_siem", "ual_json_siem"}
"""Of these a record is one, however many lines it has."""


def _within(record: dict[str, object], path: str) -> str:
    """Give the text at a path of keys, which may be written as one."""
    here: object = record
    for part in path.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    found = record.get(path) or here
    found = found[0] if isinstance(found, list) and len(found) == 1 else found
    return found if isinstance(found, str) else ""


def _unwrapped(record: object) -> Iterator[dict[str, object]]:
    if not isinstance(record, dict):
        yield {}
        return
    inner = record.get("_source") or record.get("result")
    if isinstance(inner, dict):
        yield inner
        return
    hits = record.get("hits")
    hits = hits.get("hits") if isinstance(hits, dict) else hits
    if isinstance(hits, list):
        for one in hits:
            yield from _unwrapped(one)
    else:
        yield record


def enveloped(key: str) -> Callable[[bytes], int]:
    """Count the lines that envelopes of a SIEM hold; an envelope that holds none is one thing that cannot be read."""

    def counted(data: bytes) -> int:
        if text_of(data).lstrip()[:1] in {"{", "["}:
            held = [each for one in objects_of(data) for each in _unwrapped(one)]
        else:
            names, *rows = rows_of(data)
            held = [dict(zip(names, row, strict=False)) for row in rows]
        total = 0
        for one in held:
            raw = next((raw for name in ("_raw", "event.original", "message") if (raw := _within(one, name))), "")
            lines = [line for line in raw.splitlines() if line.strip()]
            apart = key not in _WHOLE and all(_INSTANT.match(line) or line.startswith("#") for line in lines)
            total += sum(not line.startswith("#") for line in lines) if lines and apart else 1
        return total

    return counted


COUNTERS: Mapping[str, Callable[[bytes], int]] = {
    **dict.fromkeys(
        ("httpproxy", "ews", "mapihttp", "rpc_client_access", "address_book", "owa", "ecp_server", "ecp_activity",
         "rps_http", "rps_cmdlet", "cosmos_audit", "imap4", "pop3", "message_tracking", "smtp_receive", "smtp_send",
         "connectivity", "transport_agent"),
        exchange,
    ),
    **dict.fromkeys(("iis", "iis_headerless", "httperr", "zeek", "bodyfile"), below_comments),
    **dict.fromkeys(
        ("iis_native", "ncsa", "oab_generator", "exchange_setup", "haproxy", "squid", "fortinet", "cef", "cisco",
         "paloalto", "dovecot", "postfix", "zimbra"),
        filled,
    ),
    **dict.fromkeys(
        ("evtx_csv", "mailbox_audit_csv", "admin_audit_csv", "ual", "ual_sentinel_csv", "signins_csv", "entra_audit_csv",
         "graph_activity_csv", "message_trace_csv", "defender_csv", "directory", "inventory", "mftecmd", "file_listing",
         "exports", "backups", "iis_csv"),
        exported,
    ),
    **dict.fromkeys(
        ("evtx_json", "ual_json", "ual_hunting", "signins", "entra_audit", "graph_activity", "message_trace", "defender",
         "google_workspace", "directory_json", "file_listing_json", "exports_json", "zeek_json", "netflow",
         "ncsa_json"),
        wrapped("value", "records", "results", "items", "Results"),
    ),
    **dict.fromkeys(("evtx_xml", "mailbox_audit", "admin_audit"), elements("Event")),
    **{
        key: enveloped(key)
        for key in (f"{one}_siem" for one in ("iis", "httpproxy", "ews", "mapihttp", "imap4", "pop3", "message_tracking",
                                               "evtx_xml", "evtx_json", "ual_json"))
    },
    "evtx": binary_events,
    "evtx_text": events_in_text,
    "channel_settings": channels,
    "channel_settings_xml": channels_in_xml,
    "exports_list": blocks_of_pairs,
    "directory_list": blocks_of_pairs,
    "directory_ldif": objects_of_ldif,
    "registry_export": registry_keys,
    "exchange_other": exchange_other,
    "configuration": settings_in,
}  # fmt: skip


def count(key: str, data: bytes) -> int:
    """Give how many records a file of a source holds."""
    return COUNTERS[key](data)
