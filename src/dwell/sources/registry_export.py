r"""Exports of the registry (`.reg`), as `reg export` and the registry editor write them: one record a key.

Source:
    Microsoft Learn, "Windows registry information for advanced users" and `reg export`: the head `Windows Registry
    Editor Version 5.00` (UTF-16) or `REGEDIT4` (the machine's code page), `[key]`, then `"name"=value`, `@=` for the
    key's own value; a value goes on behind `\` at the end of a line. Keys of event channels are of the kind
    `event-log`: `Services\EventLog\…`, `WINEVT\Channels\…` and the policies of both. All others are of the kind
    `registry`, are kept and searched, and decide nothing. Unverified: built from the description, no sample seen; an
    export of `HKLM\SYSTEM\CurrentControlSet\Services\EventLog` of one server would verify it.
Time:
    None. A text of this kind has no instants, not even those of its keys.
Units:
    `Identity` is the key, `Name` its last part. `dword` and `qword` stay as written, hexadecimal; texts are given
    without their escapes, also where they are written as bytes (`hex(2)`, `hex(7)`); other bytes stay as written.
    `[-key]` and `"name"=-`, by which a file takes away, are told as `#deleted`.

Raises:
    Nothing. A line before the first key that is no head is an anomaly.
Trust:
    Whoever administers the machine sets them, and anybody can write such a text.
Silence:
    Of a key that is not here nothing is said.
"""

from __future__ import annotations

import re

from dwell.sources.settings_text import Pairs, SettingsText
from dwell.sources.source import Guess, Sniff

__all__ = ["RegistryExport"]

_BEFORE = 20
_HEAD = re.compile(r"(?:Windows Registry Editor Version \d+\.\d+|REGEDIT4)\s*$")
_KEY = re.compile(r"\[(?P<gone>-?)(?P<v>HK.*)\]\s*$", re.IGNORECASE)
_VALUE = re.compile(r'\s*(?:"(?P<name>(?:[^"\\]|\\.)*)"|(?P<own>@))\s*=\s*(?P<value>.*)$', re.DOTALL)
_BYTES = re.compile(r"hex\((?P<kind>[127])\):(?P<bytes>[0-9a-f,\s]*)$", re.IGNORECASE)
_CHANNEL = re.compile(
    r"\\(?:Services\\EventLog|Microsoft\\Windows\\CurrentVersion\\WINEVT\\Channels|Policies\\Microsoft\\Windows\\EventLog)"
    r"\\[^\\]+$",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_OLD = "REGEDIT4"


class RegistryExport(SettingsText):
    """Exports of the registry."""

    key = "registry_export"
    title = "Exports of the registry (.reg)"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take text that begins with the head of such files."""
        lines = [line.removeprefix("\ufeff") for line in sniff.text.splitlines()[:_BEFORE] if line.strip()]
        if lines and _HEAD.match(lines[0]):
            return Guess(96, self.key, "the head of a registry export")
        if any(_HEAD.match(line) for line in lines) and any(_KEY.match(line) for line in lines):
            return Guess(80, self.key, "the head of a registry export behind other lines, and a key")
        return None

    def _title(self, line: str) -> str | None:
        found = _KEY.match(line)
        return f"{found['gone']}{found['v']}" if found else None

    def _is_head(self, line: str) -> bool:
        return bool(_HEAD.match(line.removeprefix("\ufeff"))) or line.lstrip().startswith(";")

    def _named(self, title: str, lines: list[str], head: str) -> Pairs:
        key = title.removeprefix("-")
        kind = "event-log" if _CHANNEL.search(key) else "registry"
        pairs: Pairs = [("kind", kind), ("Identity", key), ("Name", key.rpartition("\\")[2])]
        if title.startswith("-"):
            pairs.append(("#deleted", key))
        old = head.removeprefix("\ufeff").startswith(_OLD)
        for whole in _joined(lines):
            found = _VALUE.match(whole)
            if found is None:
                pairs.append(("#comment" if whole.lstrip().startswith(";") else "text", whole.strip()))
                continue
            name = "@" if found["own"] else _ESCAPED.sub(r"\1", found["name"])
            value = found["value"].strip()
            # names of settings are no columns of exports: `Enabled` there is that of a rule
            pairs.append(("#deleted", name) if value == "-" else (f"value.{name}", _plain(value, old=old)))
        return pairs


def _joined(lines: list[str]) -> list[str]:
    """Put together what goes on behind a backslash; a text between quotes may end in one."""
    out: list[str] = []
    going = False
    for line in lines:
        text = line.rstrip()
        if going:
            out[-1] += text.strip()
        else:
            out.append(text)
        going = text.endswith("\\") and not out[-1].lstrip().startswith(";")
        if going:
            out[-1] = out[-1][:-1]
    return out


def _plain(value: str, *, old: bool) -> str:
    """Give a text without its escapes; bytes of a text as that text."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        return _ESCAPED.sub(r"\1", value[1:-1])
    found = _BYTES.match(value)
    if found is None:
        return value
    try:
        raw = bytes.fromhex(found["bytes"].replace(",", " "))
    except ValueError:
        return value
    text = raw.decode("cp1252" if old else "utf-16-le", errors="replace").rstrip("\0")
    return text.replace("\0", "\n")
