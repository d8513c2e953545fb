"""What settings change before they are saved, and the list of all settings: for a terminal, as JSON and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dwell.casebook.settings import KeptSetting
from dwell.model.instants import utc_text
from dwell.report.difference import changed_lines, changed_object, limited
from dwell.report.summary_json import setting_effect_object, setting_object
from dwell.report.text import aligned
from dwell.report.undone import state, taken_back, undone_cells, undone_object
from dwell.safe.jsontext import Json
from dwell.safe.sheet import csv_text
from dwell.safe.terminal import terminal_limited

if TYPE_CHECKING:
    from dwell.answers.setting import SettingsPreview

__all__ = ["preview_object", "preview_text", "settings_csv", "settings_rows", "settings_text"]

TEXT_MAX = 400
COLUMNS = (
    "id", "state", "kind", "value", "at", "by", "at_utc", "reason", "undone_utc", "undone_by", "undone_reason",
)  # fmt: skip


def preview_object(found: SettingsPreview, *, saved: bool) -> dict[str, Json]:
    """Give the whole effect as one JSON object.

    Args:
        found: what it changes.
        saved: whether it was saved after that.
    """
    return {
        "made": [setting_object(one) for one in found.made],
        "gone": [setting_object(one) for one in found.gone],
        "same": found.same,
        "saved": saved,
        "effects": [setting_effect_object(one) for one in found.effects],
        **changed_object(found.changed),
    }


def preview_text(found: SettingsPreview) -> str:
    """Give the effect for a terminal, short: what each comes to, then what would be answered otherwise."""
    lines = limited([terminal_limited(f"take back {one.told}", TEXT_MAX) for one in found.gone])
    lines += limited([terminal_limited(f"{one.setting.told}. Then: {one.text}", TEXT_MAX) for one in found.effects])
    if found.same:
        lines.append(f"{found.same} of those asked for are set already")
    if not (found.made or found.gone):
        lines.append("nothing to set")
    told = changed_lines(found.changed)
    return "".join(f"{one}\n" for one in [*lines, *(told or ["no answer changes"])])


def settings_rows(found: Sequence[KeptSetting]) -> list[dict[str, Json]]:
    """Give every setting with what became of it."""
    return [{**setting_object(one.setting), **undone_object(one)} for one in found]


def _row(one: KeptSetting) -> tuple[str | None, ...]:
    made = one.setting
    said = (made.id, state(one), made.kind.value, made.value, made.at or None, made.by, utc_text(made.at_utc))
    return (*said, made.reason, *undone_cells(one))


def settings_csv(found: Sequence[KeptSetting]) -> str:
    """Give every setting as CSV."""
    return csv_text(COLUMNS, (_row(one) for one in found))


def settings_text(found: Sequence[KeptSetting]) -> str:
    """Give every setting as an aligned table."""
    if not found:
        return "nothing is set in this case\n"
    rows = []
    for one in found:
        cells = [cell or "-" for cell in _row(one)[:8]]
        rows.append([*cells, taken_back(one)])
    return aligned((*COLUMNS[:8], "taken back by"), rows)
