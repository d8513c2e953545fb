"""Settings of Windows event channels as text, as `wevtutil gl CHANNEL` writes them, one channel behind another.

Source:
    Microsoft Learn, "wevtutil" (`get-log`): `name: Security`, then `enabled`, `isolation` and others, and below
    `logging:` what the file is called, whether it is kept when it is full (`retention`), put aside (`autoBackup`), and
    its size (`maxSize`). Unverified: built from the description, no sample seen; the output of one server would verify
    it. The form as XML (`/f:xml`) is not read.
Time:
    None. The settings held when the text was written; its moment is not in it.
Units:
    One channel is one record. `maxSize` is bytes. Names below another stand behind it and a dot: `logging.maxSize`.

Raises:
    Nothing. A line before the first channel is an anomaly.
Trust:
    Whoever administers the machine sets them, and whoever wrote the text can have changed it.
Silence:
    Of a channel that is not here nothing is said.
"""

from __future__ import annotations

import re

from dwell.sources.settings_text import Pairs, SettingsText
from dwell.sources.source import Guess, Sniff

__all__ = ["ChannelSettings"]

_NAME = re.compile(r"name:\s*(?P<v>\S.*)$")
_PAIR = re.compile(r"(?P<depth>\s*)(?P<name>[A-Za-z]\w*):(?:\s+(?P<value>.*))?$")
_BEFORE = 20
_SEEN = (re.compile(r"^enabled:\s*(?:true|false)\s*$", re.M), re.compile(r"^\s+maxSize:\s*\d+\s*$", re.M))


class ChannelSettings(SettingsText):
    """Settings of event channels, text."""

    key = "channel_settings"
    title = "Settings of Windows event channels (text of wevtutil gl)"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take text that names a channel, whether it is on, and its size."""
        text = sniff.text.replace("\r\n", "\n")
        # the prompt and what else stood on the screen may come before
        if any(_NAME.match(line) for line in text.split("\n")[:_BEFORE]) and all(one.search(text) for one in _SEEN):
            return Guess(92, self.key, "blocks of wevtutil: name, enabled, logging, maxSize")
        return None

    def _title(self, line: str) -> str | None:
        found = _NAME.match(line.removeprefix("\ufeff"))
        return found["v"].strip() if found else None

    def _is_head(self, line: str) -> bool:
        del line
        return False

    def _named(self, title: str, lines: list[str], head: str) -> Pairs:
        del head
        pairs: Pairs = [("kind", "event-log"), ("Name", title)]
        group = ""
        for line in lines:
            found = _PAIR.match(line)
            if found is None:
                pairs.append(("text", line.strip()))
                continue
            name, value = found["name"], (found["value"] or "").strip()
            if not found["depth"]:
                group = "" if value else f"{name}."
            if value:
                pairs.append((f"{group}{name}" if found["depth"] else name, value))
        return pairs
