"""What all that is said of a case stands on: records folded, logs told apart and counted once, the ledger of hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from dwell.archive.store import Archive
from dwell.model.provenance import EvidenceId
from dwell.scope.copies import Logs, as_one, renamed, with_events_left_out
from dwell.scope.ledger import Ledger, build
from dwell.scope.namesakes import Namesakes, namesakes_of
from dwell.scope.rollup.run import Progress, Rolled, roll_up
from dwell.scope.shortfalls import shortfalls_of
from dwell.scope.unnamed import stand_ins, with_stand_ins

__all__ = ["Groundwork", "groundwork"]


@dataclass(frozen=True, slots=True)
class Groundwork:
    """What a case stands on.

    Attributes:
        rolled: its records, folded; hosts under the names that tell them apart.
        unnamed: what stands for the host of files that name none.
        alike: hosts whose name is that of several.
        logs: its logs, each copied one once.
        ledger: which hours of which log are held.
        layers: what each layer logged, rows in `rollup.shapes.LAYERS`, copies under the name of the whole.
    """

    rolled: Rolled
    unnamed: Mapping[str, str]
    alike: Namesakes
    logs: Logs
    ledger: Ledger
    layers: pa.Table


def groundwork(
    archive: Archive,
    paths: Mapping[EvidenceId, Sequence[str]],
    outgrown: Mapping[EvidenceId, EvidenceId],
    folders: Mapping[EvidenceId, str],
    *,
    workers: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Groundwork:
    """Fold a case's records and build its ledger.

    Args:
        archive: the case's archive.
        paths: where each piece of evidence lay.
        outgrown: the longest copy that was read of each log, by its shorter copies.
        folders: the folder that stands for each file's host where nothing names one.
        workers: processes for the wide pass.
        cache: folder where folded tables are kept between runs.
        progress: told how far the wide pass is.

    Raises:
        CustodyError: a data file is not what was written.
    """
    rolled = roll_up(archive, workers=workers, cache=cache, progress=progress)
    rolled = replace(rolled, hours=with_events_left_out(archive, rolled.hours))
    shortfalls = shortfalls_of(archive)
    unnamed = stand_ins(rolled, shortfalls, folders, outgrown)
    rolled, shortfalls = with_stand_ins(rolled, shortfalls, unnamed)
    alike = namesakes_of(archive, rolled, paths, outgrown)
    rolled, shortfalls = alike.put(rolled, shortfalls)
    logs = as_one(rolled.hours, paths, shortfalls, outgrown)
    layers = renamed(rolled.tables["layers"], {str(part): str(whole) for part, whole in outgrown.items()})
    return Groundwork(rolled, unnamed, alike, logs, build(logs.hours, logs.paths, logs.shortfalls), layers)
