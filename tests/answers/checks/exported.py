"""A small office with exports of states, and an intruder whose acts the tests set by hand."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tests.scope.office import log_of, reasoned, work
from tests.scope.staged import iis_place, stage, utc

from dwell.answers import eviction
from dwell.model.claims import EvictionCheck
from dwell.scope.intrusions import Held
from dwell.scope.investigation import Investigation

__all__ = ["AFTER", "BEFORE", "FIRST", "LAST", "STAFF", "case_of", "check_of", "table"]

STAFF = ("p00@gov.example", "p01@gov.example", "p02@gov.example")
"""Everybody; the first one's account was used by the intruder."""
FIRST, LAST = utc("2021-01-06 08:00:00"), utc("2021-01-29 09:00:00")
BEFORE, AFTER = "2020-12-01", "2021-04-02"


def table(columns: str, rows: Iterable[Sequence[object]]) -> str:
    """Give a CSV export."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns.split(","))
    writer.writerows(rows)
    return text.getvalue()


def case_of(
    root: Path, files: Mapping[str, str], *, directory: bool = True, used: Sequence[str] = STAFF[:1]
) -> Investigation:
    """Bring exports into a case with one mail server, EX01, and give it one intrusion."""
    given: dict[str, str | bytes] = {iis_place("EX01", "210104"): log_of(work(STAFF, days=80)), **files}
    if directory:
        rows = [(one, one.partition("@")[0], "UserMailbox") for one in STAFF]
        given["directory/users.csv"] = table("PrimarySmtpAddress,Alias,RecipientTypeDetails", rows)
    held = Held("I1", FIRST, LAST, (0,), (), frozenset(), (), tuple(used), (), (), (), (), (), ())
    return replace(reasoned(stage(root, given)), held=(held,), exposed=())


def check_of(case: Investigation, key: str) -> EvictionCheck:
    """Give the one finding of a check."""
    (found,) = [one for one in eviction.findings(case, ()) if one.key == key]
    return found
