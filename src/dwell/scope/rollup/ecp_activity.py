r"""Rows of the ECP activity log: who made a request to the control panel.

No row is an access by itself: this log names no client, and IIS names whoever asks the control panel. Beside a row of the
front end that has the same id (`rollup.joins`) it is one of the access's grounds, and says whose account it was. Where the
path names a mailbox (`/ecp/anna@gov.example/`) and `PSA` is that mailbox, who opened it is not told.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.scope.rollup import fold, layers
from dwell.scope.rollup.event_data import of_panel, persons, value
from dwell.scope.rollup.fold import Column
from dwell.scope.rollup.protocols import stated_mailbox
from dwell.scope.rollup.told import Told

__all__ = ["COLUMNS", "DICTIONARY", "told_in"]

COLUMNS = ("evidence_id", "record_no", "time_utc", "host", "EventId", "EventDataMap")
DICTIONARY = ("evidence_id", "host", "EventId")

_PATH = re.compile(r"^(?:https?://[^/]*)?(?P<v>/.*)$", re.IGNORECASE | re.DOTALL)
_NO_REQUEST = "GlobalActivity"


def _mailbox(url: str | None) -> str | None:
    found = _PATH.match(url or "")
    return stated_mailbox(found["v"]) if found else None


def told_in(table: pa.Table) -> Told:
    """Give what rows tell of requests."""
    data = table["EventDataMap"]
    told = pa.table(
        {"PSA": value(data, ("PSA",)), "URL": value(data, ("URL",)), "ActID": value(data, ("ActID", "ACTID"))}
    )
    url = fold.texts(told, "URL")
    mailbox = fold.mapped(url, [_mailbox(one) for one in url.values])
    person = persons(fold.texts(told, "PSA"))
    known = {(one or "").lower(): place for place, one in enumerate(mailbox.values)}
    whose = person.each([known.get((one or "").lower(), -2) for one in person.values], -2)
    actor = Column(np.where((whose == mailbox.codes) & (mailbox.codes >= 0), -1, person.codes), person.values)
    own = pc.fill_null(pc.equal(table["EventId"].cast(pa.string()), _NO_REQUEST), fill_value=False)
    ids = pc.if_else(own, pa.scalar(None, pa.string()), told["ActID"]).combine_chunks()
    return of_panel(layers.ECP_ACTIVITY, table, ids, actor, mailbox, np.full(table.num_rows, -1, np.int64))
