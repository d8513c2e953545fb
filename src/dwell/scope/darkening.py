"""What lowers the cells of a ledger after it is built: all that says that hours of a log show less than they seem to.

One function, so that whoever asks what the logs held could have shown (the answers, and planted intruders) asks the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa

from dwell.archive.store import Archive
from dwell.scope.access import Accesses
from dwell.scope.commanded import commanded
from dwell.scope.copies import Logs
from dwell.scope.doors import mark_doors
from dwell.scope.hidden_clients import mark_hidden
from dwell.scope.identities import Identities
from dwell.scope.ledger import Ledger
from dwell.scope.log_settings import LogSettings, log_settings
from dwell.scope.silences import Silences, deleted_logs, silence, silences_of
from dwell.scope.snapshots import Snapshots
from dwell.scope.traces import Trace
from dwell.scope.unable import mark_nameless, mark_silent, mark_unable
from dwell.scope.unlogged import heed, promised
from dwell.scope.unrecorded import Unrecorded, mark_unrecorded, unrecorded_of

__all__ = ["Darkened", "darken"]


@dataclass(frozen=True, slots=True)
class Darkened:
    """Why cells of a ledger were lowered.

    Attributes:
        silences: acts that switched recording off.
        unrecorded: mailboxes of the tenant of which records stop though nothing held says why.
        log_settings: what settings say of logs, each with its date.
    """

    silences: Silences
    unrecorded: tuple[Unrecorded, ...]
    log_settings: LogSettings


def darken(
    ledger: Ledger,
    archive: Archive,
    logs: Logs,
    layers: pa.Table,
    logon_hours: pa.Table,
    accesses: Accesses,
    identities: Identities,
    states: Snapshots,
    traces: Sequence[Trace],
    servers: Collection[str],
) -> Darkened:
    """Lower the cells of hours that were not recorded, were deleted, or could not have shown an act.

    Args:
        ledger: the ledger, changed.
        archive: the case's archive.
        logs: the files of logs, one for each that was copied.
        layers: what each layer logged, rows in `rollup.shapes.LAYERS`.
        logon_hours: hours in which anybody's logon was recorded, rows in `rollup.shapes.LOGON_HOURS`.
        accesses: all sessions.
        identities: names.
        states: what exports tell of states.
        traces: hits of our rules: they tell of files that were deleted, and of logs that were stopped.
        servers: addresses of the mail servers themselves.

    Raises:
        CustodyError: a data file is not what was written.
    """
    found = silences_of(archive, identities.label)
    silence(ledger, found.known, identities.label)
    deleted_logs(ledger, traces)
    commanded(ledger, traces)
    unrecorded = unrecorded_of(accesses, found.known, identities, ledger)
    mark_unrecorded(ledger, unrecorded, identities.label)
    mark_unable(ledger, accesses, layers)
    mark_doors(ledger, layers)
    mark_silent(ledger, logon_hours)
    mark_hidden(ledger, accesses, servers)
    mark_nameless(ledger, logs.hours, logs.paths, logs.shortfalls)
    of_logs = log_settings(archive, states)
    heed(ledger, of_logs, layers, promised(logs.hours, logs.paths))
    return Darkened(found, unrecorded, of_logs)
