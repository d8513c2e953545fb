"""What a Windows event channel does when it is full, by any of the forms in which its settings are exported.

`Get-WinEvent -ListLog` has `LogMode` and `MaximumSizeInBytes`; `wevtutil gl` `retention`, `autoBackup` and `maxSize`; the
registry `Retention`, `AutoBackupLogFiles` and `MaxSize`, where a policy's `MaxSize` is in kilobytes and no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Channel", "ChannelMode", "channel_of"]

_KIB = 1_024
_YES, _NO = frozenset({"true", "$true", "1", "yes"}), frozenset({"false", "$false", "0", "no"})
_POLICY = "\\policies\\"


class ChannelMode(StrEnum):
    """What a channel does when it is full."""

    RING = "ring"
    """The oldest is overwritten."""
    RETAIN = "retain"
    """Nothing more is written, or nothing until what it has is old enough."""
    ARCHIVE = "archive"
    """It is put aside, and a new one begun."""


@dataclass(frozen=True, slots=True)
class Channel:
    """How one channel was set.

    Attributes:
        enabled: whether it was on; None where the export does not say.
        mode: what it does when it is full; None where the export does not say.
        size_bytes: how much it holds; None where the export does not say.
        full: whether it was full; None where the export does not say.
        policy: whether it is a policy that says so.
    """

    enabled: bool | None
    mode: ChannelMode | None
    size_bytes: int | None
    full: bool | None = None
    policy: bool = False


def channel_of(told: Mapping[str, str]) -> Channel:
    """Read the settings of a channel.

    Args:
        told: names, in small letters, and values; `identity` is the registry's key.
    """
    if any(name.startswith("value.") for name in told):
        return _of_registry(told)
    if "logging.maxsize" in told or "logging.retention" in told:
        kept, aside = _said(told.get("logging.retention", "")), _said(told.get("logging.autobackup", ""))
        return Channel(
            _said(told.get("enabled", "")), _mode(kept=kept, aside=aside), _size(told.get("logging.maxsize", ""))
        )
    mode = {
        "circular": ChannelMode.RING, "0": ChannelMode.RING, "autobackup": ChannelMode.ARCHIVE, "1": ChannelMode.ARCHIVE,
        "retain": ChannelMode.RETAIN, "2": ChannelMode.RETAIN,
    }.get(told.get("logmode", "").lower())  # fmt: skip
    # a full log of an export that does not say so is none
    full = _said(told.get("islogfull", "")) is True
    return Channel(_said(told.get("isenabled", "")), mode, _size(told.get("maximumsizeinbytes", "")), full)


def _of_registry(told: Mapping[str, str]) -> Channel:
    policy = _POLICY in told.get("identity", "").lower()
    held, aside, size, on = (
        _number(told.get(f"value.{name}", "")) for name in ("retention", "autobackuplogfiles", "maxsize", "enabled")
    )
    # of seconds for which events are kept nothing is overwritten before; a policy's 1 stands for never
    kept = None if held is None else held > 0
    if size is not None and policy:
        size *= _KIB
    return Channel(None if on is None else on > 0, _mode(kept=kept, aside=bool(aside)), size, policy=policy)


def _mode(*, kept: bool | None, aside: bool | None) -> ChannelMode | None:
    if kept is None:
        return None
    if not kept:
        return ChannelMode.RING
    return ChannelMode.ARCHIVE if aside else ChannelMode.RETAIN


def _said(text: str) -> bool | None:
    word = text.strip().lower()
    return True if word in _YES else False if word in _NO else None


def _size(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _number(text: str) -> int | None:
    """Read a number of a registry export: `dword:0000000a`, or a text of digits."""
    head, _, digits = text.strip().lower().rpartition(":")
    if head == "dword":
        return int(digits, 16) if digits and len(digits) <= 8 and set(digits) <= set("0123456789abcdef") else None
    return _size(text.strip())
