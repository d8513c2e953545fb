"""Tokens that were revoked, as the tenant's audit records say: per account, when."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.app_acts import done
from dwell.scope.identities import Identities

__all__ = ["OPERATIONS", "Revoked", "revocations"]

OPERATIONS = ("Update StsRefreshTokenValidFrom Timestamp.", "Update StsRefreshTokenValidFrom Timestamp")
"""The operation that every revocation of an account's tokens writes, with and without its full stop."""

Revoked = tuple[str, datetime, RecordRef]
"""(account, when, the record)."""


def revocations(archive: Archive, identities: Identities) -> tuple[Revoked, ...]:
    """Give the revocations that the audit records hold and that did not fail, in order of time.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out: list[Revoked] = []
    for file in archive.files("ual"):
        rows = read_rows(file, ("Operation", "ObjectId", "ResultStatus", "time_utc", "evidence_id", "record_no"))
        mine = rows.filter(pc.is_in(rows["Operation"], pa.array(OPERATIONS)))
        times = mine["time_utc"].cast(pa.int64()).to_pylist()
        for row, at in zip(mine.drop(["time_utc"]).to_pylist(), times, strict=True):
            account = identities.label(row["ObjectId"], at)
            if account is not None and at is not None and done(row["ResultStatus"]):
                out.append(
                    (account, utc_from_us(at), RecordRef("ual", EvidenceId(row["evidence_id"]), row["record_no"]))
                )
    return tuple(sorted(out, key=lambda one: (one[1], one[2])))
