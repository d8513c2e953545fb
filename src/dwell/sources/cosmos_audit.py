r"""The local queue of admin audit records (`CosmosQueue\audit`, 2016 and later): every change to the configuration.

Source:
    No public specification. Twelve columns as seen in the logs of 15.01.2375; `Data` is a record in the shape of
    Microsoft 365's audit log.
Time:
    `Timestamp` is UTC to the millisecond; it becomes `time_utc` and is not stored twice. `CreationTime` inside `Data`
    has no zone and is the server's local time (seen an hour ahead of `Timestamp` on a server in France): it is never
    read as UTC.
Units:
    One row is one cmdlet. `DataMap` holds the record's own values by name, `Parameters` the cmdlet's parameters.

Raises:
    Nothing. A line that cannot be read is an anomaly; `Data` that is no JSON is kept as text, its maps are null, and a
    fact says so.
Trust:
    The server writes it. Values of parameters are what the caller gave; secrets are replaced by the writer. An
    administrator of the server can change the file.
Silence:
    `Get-` cmdlets are not written. It is a second copy of the admin audit log, outside of the mailbox where that is
    kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.model.provenance import Fact, FactKind
from dwell.sources.columns import flat
from dwell.sources.delimited import State, unique_names
from dwell.sources.exchange_log import ExchangeLog
from dwell.sources.lines import by_file
from dwell.sources.source import EXTRA, Stamp

__all__ = ["CosmosAudit"]

_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(
    (
        "Timestamp", "Server", "TenantId", "RecordType", "Data", "UserKey", "RecordId", "Operation", "Workload",
        "ResultStatus", "Version", "Scope",
    ),
    pa.string(),
)  # fmt: skip
_DERIVED = (pa.field("DataMap", EXTRA.type), pa.field("Parameters", EXTRA.type))
_PAIRS_MAX = 4096
Pairs = list[tuple[str, str | None]]


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()


def _pairs(text: str | None) -> tuple[Pairs | None, Pairs | None]:
    """Give the record's values and its parameters."""
    try:
        record: Any = msgspec.json.decode(text) if text else None
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError):
        return None, None
    if not isinstance(record, dict):
        return None, None
    listed = record.get("Parameters")
    given = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    whole = isinstance(listed, list) and len(given) == len(listed) <= _PAIRS_MAX
    names = unique_names([str(one.get("Name", "")) for one in given]) if whole else []
    parameters: Pairs | None = [(name, _text(one.get("Value"))) for name, one in zip(names, given, strict=False)]
    values = [(name, _text(value)) for name, value in record.items() if name != "Parameters" or not whole]
    return values, parameters if whole else None


class CosmosAudit(ExchangeLog):
    """Exchange local audit queue."""

    key = "cosmos_audit"
    stamp = Stamp("Timestamp", TimeBasis.UTC, "millisecond")
    title = "Exchange local audit queue"
    log_type = "audit"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {12: tuple(_COLUMNS)}
    marks = frozenset(["recordid", "recordtype", "scope", "tenantid", "userkey", "resultstatus"])
    surplus = ("Data", "UserKey")
    shapes: ClassVar[Mapping[str, re.Pattern[str]]] = {"Data": re.compile(r"\{.*\}", re.DOTALL)}
    derived = _DERIVED
    host_name = "Server"
    schema = ExchangeLog.log_schema(_COLUMNS, (), _DERIVED)
    lexicon = ("Server", "TenantId", "RecordType", "UserKey", "Operation", "Workload", "ResultStatus", "Scope")

    def _derive(self, table: pa.Table, state: State) -> pa.Table:
        """Cut the record into maps."""
        texts = flat(table["Data"]).to_pylist()
        maps = [_pairs(one) for one in texts]
        for place, field in enumerate(_DERIVED):
            values = pa.array([one[place] for one in maps], field.type)
            table = table.set_column(table.schema.get_field_index(field.name), field.name, values)
        numbers = table["record_no"].to_pylist()
        bad = [number for number, text, (held, _) in zip(numbers, texts, maps, strict=True) if text and held is None]
        for one in by_file(bad, state.seams):
            detail = "Data is no readable JSON; kept as it is"
            state.facts.append(Fact(FactKind.TRUNCATED, min(one), None, None, len(one), detail))
        return table
