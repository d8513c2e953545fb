"""CSV exports whose columns go by several names: tools, versions and portals name one thing in two or three ways."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

from dwell.sources.csv_export import CsvExport
from dwell.sources.delimited import State

__all__ = ["AliasedCsv"]


class AliasedCsv(CsvExport):
    """One kind of CSV export with more than one vocabulary.

    Attributes:
        aliases: columns by other names, in lower case.
        time_names: columns that may hold the instant, the first that the header names counts.
    """

    aliases: ClassVar[Mapping[str, str]] = {}
    time_names: ClassVar[tuple[str, ...]] = ()

    @cached_property
    def _known(self) -> Mapping[str, str]:
        return {name.lower(): name for name in self.columns} | dict(self.aliases)

    def _notice(self, raw: bytes, text: str, number: int, state: State) -> None:
        super()._notice(raw, text, number, state)
        state.time = next((one for one in self.time_names if one in state.names), None)
