"""Logs that name no host, neither by path nor by content: each folder of them is taken for a host of its own.

Two servers that are taken for one cover each other's holes, and nothing shows. One server that is taken for two shows
holes that are none, and can be put right by a folder with its name. So folders are kept apart, and it is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import EvidenceId
from dwell.scope.ledger import NO_HOST
from dwell.scope.lowering import Shortfall
from dwell.scope.rollup.run import Rolled

__all__ = ["is_unnamed", "stand_ins", "with_stand_ins"]

_TENANT = frozenset(
    {"ual", "signins", "entra_audit", "graph_activity", "message_trace", "defender", "google_workspace"}
)
"""Logs of a service, not of a host."""


def is_unnamed(host: str) -> bool:
    """Say whether a host goes by the folder of its logs, or by nothing."""
    return host == NO_HOST or host.startswith(f"{NO_HOST[:-1]}: ")


def stand_ins(
    rolled: Rolled,
    shortfalls: Sequence[Shortfall],
    folders: Mapping[EvidenceId, str],
    outgrown: Mapping[EvidenceId, EvidenceId],
) -> dict[str, str]:
    """Give names for the hosts of files that name none, where they lie in more than one folder; none where in one.

    Args:
        rolled: what the wide pass gave.
        shortfalls: what readers learned; a file with its header only has no record.
        folders: the folder that may stand for each file's host; "" where none does.
        outgrown: the longest copy that was read of each log, by its shorter copies: they are of one host.
    """
    nameless: set[str] = {one.evidence_id for one in shortfalls if not one.host and one.evidence_id in folders}
    held: set[str] = set()
    for table, hours in rolled.hours.items():
        if table not in _TENANT:
            files = hours.select(["evidence_id", "host"])
            held |= set(pc.unique(files["evidence_id"]).to_pylist())
            nameless |= set(pc.unique(files.filter(pc.is_null(files["host"]))["evidence_id"]).to_pylist())
    known = {str(key): folder for key, folder in folders.items()}
    longest = {str(part): str(whole) for part, whole in outgrown.items()}
    found = {one: known.get(longest.get(one, one), "") for one in nameless}
    if len({found[one] for one in found if one in held}) < 2:
        return {}
    return {one: f"{NO_HOST[:-1]}: {folder})" for one, folder in found.items() if folder}


def with_stand_ins(
    rolled: Rolled, shortfalls: Sequence[Shortfall], names: Mapping[str, str]
) -> tuple[Rolled, tuple[Shortfall, ...]]:
    """Put names to hosts that have none.

    Args:
        rolled: what the wide pass gave.
        shortfalls: what readers learned.
        names: a name for the host of each file (`stand_ins`).
    """
    if not names:
        return rolled, tuple(shortfalls)
    tables = {key: _named(table, names) for key, table in rolled.tables.items()}
    hours = {key: _named(table, names) if key not in _TENANT else table for key, table in rolled.hours.items()}
    told = tuple(one if one.host else replace(one, host=names.get(one.evidence_id, "")) for one in shortfalls)
    return replace(rolled, tables=tables, hours=hours), told


def _named(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    if not {"host", "evidence_id"} <= set(table.column_names) or not table["host"].null_count:
        return table
    files = table["evidence_id"].cast(pa.string()).combine_chunks().dictionary_encode()
    own = pa.array([names.get(one) for one in files.dictionary.to_pylist()], pa.string()).take(files.indices)
    filled = pc.coalesce(table["host"].cast(pa.string()), own)
    at = table.schema.get_field_index("host")
    return table.set_column(at, table.schema.field(at), filled.cast(table.schema.field(at).type))
