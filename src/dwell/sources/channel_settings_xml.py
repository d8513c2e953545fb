"""Settings of Windows event channels as XML, as `wevtutil gl CHANNEL /f:xml` writes them, one channel behind another.

Source:
    Microsoft Learn, "wevtutil" (`get-log /format:xml`): an element `channel` with `name`, `enabled`, `isolation` and others
    as attributes, and below `logging` the elements `logFileName`, `retention`, `autoBackup` and `maxSize`. They are given
    under the names of the form as text. Unverified: built from the description, no sample seen; the output of one server
    would verify it.
Time:
    None. The settings held when the text was written; its moment is not in it.
Units:
    One channel is one record. `maxSize` is bytes. Names below another stand behind it and a dot: `logging.maxSize`.

Raises:
    Nothing. A line before the first channel is an anomaly; XML that is broken is read as far as it goes.
Trust:
    As for the form as text. Entities other than the five of XML and those that name a character are left as they stand.
Silence:
    Of a channel that is not here nothing is said; an element that is missing or empty means the value of the system.
"""

from __future__ import annotations

import re

from dwell.sources.settings_text import Pairs, SettingsText
from dwell.sources.source import Guess, Sniff

__all__ = ["ChannelSettingsXml"]

_START = re.compile(
    r"\ufeff?\s*(?:<\?xml[^>]*>\s*)?<(?:\w+:)?channel\s[^>]*?\bname\s*=\s*[\"'](?P<v>[^\"'<>]+)", re.IGNORECASE
)
_HEAD = re.compile(r"\ufeff?\s*<\?xml\b[^>]*>\s*$")
_ATTRIBUTE = re.compile(r"\b([A-Za-z]\w*)\s*=\s*(?:\"([^\"<>]*)\"|'([^'<>]*)')")
_PARTS = re.compile(r"<(?P<tag>/?[A-Za-z][\w:.-]*)(?P<inside>[^<>]*)>(?P<text>[^<]*)")
_ENTITY = re.compile(r"&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|(lt|gt|amp|quot|apos));")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_LAST_CHARACTER = 0x10FFFF
_PLACES_MAX = 4
"""What lies deeper below a channel is named by the first elements above it."""


def _character(found: re.Match[str]) -> str:
    if found[3]:
        return _NAMED[found[3]]
    code = int(found[1]) if found[1] else int(found[2], 16)
    return chr(code) if 31 < code <= _LAST_CHARACTER and not 0xD800 <= code <= 0xDFFF else found[0]


def _plain(text: str) -> str:
    return _ENTITY.sub(_character, text).strip()


class ChannelSettingsXml(SettingsText):
    """Settings of event channels, XML."""

    key = "channel_settings_xml"
    title = "Settings of Windows event channels (XML of wevtutil gl)"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take XML whose first element is a channel with a name and settings of its log."""
        text = sniff.text.removeprefix("\ufeff").lstrip()
        if text.startswith("<") and _START.match(text) and re.search(r"<(?:\w+:)?logging\b", text):
            return Guess(95, self.key, "elements of wevtutil: channel, logging")
        return None

    def _title(self, line: str) -> str | None:
        return line.removeprefix("\ufeff") if _START.match(line) else None

    def _is_head(self, line: str) -> bool:
        return bool(_HEAD.match(line))

    def _named(self, title: str, lines: list[str], head: str) -> Pairs:
        del head
        start = _START.match(title)
        pairs: Pairs = [("kind", "event-log"), ("Name", _plain(start["v"] if start else title))]
        above: list[str] = []
        rest = False
        for one in _PARTS.finditer("\n".join((title, *lines))):
            tag = one["tag"].rpartition(":")[2]
            if one["tag"].startswith("/"):
                del above[-1:]
            elif tag == "channel":
                pairs += [(key, _plain(a or b)) for key, a, b in _ATTRIBUTE.findall(one["inside"]) if key not in _LEFT]
                above, rest = [], True
            elif rest:
                path = ".".join((*above[:_PLACES_MAX], tag))
                pairs += [(f"{path}.{key}", _plain(a or b)) for key, a, b in _ATTRIBUTE.findall(one["inside"])]
                if value := _plain(one["text"]):
                    pairs.append((path, value))
                if not one["inside"].rstrip().endswith("/"):
                    above.append(tag)
        return [(name, value) for name, value in pairs if value]


_LEFT = frozenset({"name", "xmlns"})
"""Attributes of a channel that are told otherwise, or say nothing of it."""
