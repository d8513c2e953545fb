"""What a web query asks for: which mailbox, by which action, from which device.

IIS logs hold the parts of a query as columns; of other logs it is cut here, by the same rule. What a client of ActiveSync
wants is `Cmd`, what one of OWA or of EWS wants `action` or `SoapAction`: no other part hides it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.intake.query_columns import query_columns
from dwell.scope.rollup import fold
from dwell.scope.rollup.fold import Column, Places
from dwell.scope.rollup.protocols import act_of, wrote_by
from dwell.scope.rollup.shapes import Act

__all__ = ["LOG", "PARTS", "Asked"]

PARTS = ("Cmd", "action", "SoapAction", "MailboxId", "DeviceId")
LOG = "Log"
Flags = npt.NDArray[np.bool_]
_WORD = r"^(?P<v>[A-Za-z]+)"


@dataclass(frozen=True, slots=True)
class Asked:
    """The parts of the queries of some rows.

    Attributes:
        texts: `PARTS`.
        log: what the ActiveSync server says of each request: its tokens, as a map.
    """

    texts: Mapping[str, Column]
    log: pa.MapArray

    @classmethod
    def stored(cls, table: pa.Table) -> Asked:
        """Take them from a table that holds them."""
        log = table[LOG]
        return cls({name: fold.texts(table, name) for name in PARTS}, log.combine_chunks())

    @classmethod
    def cut(cls, queries: pa.ChunkedArray) -> Asked:
        """Cut queries."""
        found = query_columns(queries)
        table = pa.table({name: found[name] for name in PARTS})
        return cls({name: fold.texts(table, name) for name in PARTS}, found[LOG])

    @property
    def mailbox(self) -> Column:
        """Give the mailbox that a query names."""
        return self.texts["MailboxId"]

    @property
    def device(self) -> Column:
        """Give what a query names as its device."""
        return self.texts["DeviceId"]

    def acts(self, phones: Flags) -> tuple[Places, Places]:
        """Give the `Act` per row, and whether something was changed (`protocols.wrote_by`).

        Args:
            phones: which rows are of ActiveSync.
        """
        command = self.texts["Cmd"]
        others = fold.first(self.texts["action"], self.texts["SoapAction"], command)
        act, wrote = _of_actions(others)
        if phones.any():
            by_command = _of_actions(command)
            act, wrote = (np.where(phones, one, other) for one, other in zip(by_command, (act, wrote), strict=True))
        return act, wrote


def _of_actions(action: Column) -> tuple[Places, Places]:
    words = fold.extracted(action, _WORD)
    return (
        action.each([int(act_of(one)) for one in words], int(Act.OPENED), np.int8),
        action.each([wrote_by(one) for one in words], -1, np.int8),
    )
