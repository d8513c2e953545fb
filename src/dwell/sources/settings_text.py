"""What texts of settings have in common: they go to the table of exports, are no log, and have no instants."""

from __future__ import annotations

from collections.abc import Sequence

from dwell.model.instants import TimeBasis
from dwell.sources.exports import Exports
from dwell.sources.sections import Pairs, Sections
from dwell.sources.source import Stamp

__all__ = ["Pairs", "SettingsText"]


class SettingsText(Sections):
    """Settings as text, without instants."""

    stamp = Stamp("", TimeBasis.UNKNOWN)
    is_log = False
    schema = Exports.schema
    lexicon: Sequence[str] = Exports.lexicon

    @property
    def table(self) -> str:
        """Give the table of exports."""
        return "exports"
