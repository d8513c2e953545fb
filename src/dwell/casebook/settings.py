"""Settings as the custody log has them: made, taken back, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dwell.casebook.case import Case
from dwell.casebook.custody import Act
from dwell.casebook.undone import said_and_undone
from dwell.model.instants import parse_utc
from dwell.model.settings import Setting, SettingKind

__all__ = ["KeptSetting", "record_settings", "set_in", "settings", "settings_of"]

SET, UNSET = "set", "unset"
_TEXTS = ("id", "value", "reason", "by", "at", "sha256", "dated")


@dataclass(frozen=True, slots=True)
class KeptSetting:
    """A setting with what became of it.

    Attributes:
        setting: the setting.
        undone_utc: when it was taken back; None while it is in force.
        undone_by: who took it back.
        undone_reason: why.
    """

    setting: Setting
    undone_utc: datetime | None = None
    undone_by: str = ""
    undone_reason: str = ""


def settings_of(acts: Iterable[Act]) -> tuple[KeptSetting, ...]:
    """Give every setting that was made, the first first, those taken back among them.

    Raises:
        CustodyError: an act is not of the form in which settings are written.
    """
    return tuple(KeptSetting(one, *undone) for one, undone in said_and_undone(acts, SET, UNSET, _read, "setting"))


def settings(root: Path) -> tuple[KeptSetting, ...]:
    """Give every setting of a case, those taken back among them, the first first.

    Args:
        root: the case folder.

    Raises:
        CaseError: the folder is no case, or of another version.
        CustodyError: the custody log does not hold together.
    """
    return settings_of(Case.open(root).acts())


def set_in(case: Case) -> tuple[Setting, ...]:
    """Give the settings of a case that were not taken back, the first first."""
    return tuple(one.setting for one in settings_of(case.acts()) if one.undone_utc is None)


def record_settings(case: Case, made: Sequence[Setting], gone: Sequence[tuple[str, str, str]]) -> None:
    """Put into the custody log what is taken back, then what is set. The caller holds the lock.

    Args:
        case: the case.
        made: settings that are made.
        gone: id of each setting that is taken back, who takes it back, why.
    """
    for name, by, reason in gone:
        case.record(UNSET, {"id": name, "by": by, "reason": reason})
    for one in made:
        case.record(SET, {**{name: getattr(one, name) for name in _TEXTS}, "kind": one.kind.value})


def _read(raw: dict[str, Any], at: str) -> Setting:
    texts: dict[str, Any] = {name: str(raw[name]) for name in _TEXTS}
    return Setting(kind=SettingKind(raw["kind"]), at_utc=parse_utc(at), **texts)
