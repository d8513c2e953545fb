"""What the hunt met, read as traces of an intrusion: which step of the outcome ladder, for which weakness, from where.

Only rules that say how far what they meet has got (`dwell.outcome` of our own pack) can raise an entry or seed an
intrusion. What other people's rules meet is shown with its author, and is left to the reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.hunting import Hunted
from dwell.model.addresses import address, first_hop
from dwell.model.claims import Outcome
from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.ledger import NO_HOST

__all__ = ["CVES", "Trace", "traces_of"]

CVES: Mapping[str, tuple[str, ...]] = {
    "EX-01": ("CVE-2021-26855",),
    "EX-02": ("CVE-2021-26857",),
    "EX-03": ("CVE-2021-26858",),
    "EX-04": ("CVE-2021-27065",),
    "EX-05": ("CVE-2021-26855",),
    "EX-06": ("CVE-2021-34473",),
    "EX-07": ("CVE-2021-33766",),
    "EX-08": ("CVE-2021-31195",),
    "EX-09": ("CVE-2020-0688",),
    "EX-10": ("CVE-2020-16875",),
    "EX-11": ("CVE-2021-28480",),
    "EX-12": ("CVE-2021-42321",),
    "EX-13": ("CVE-2022-41040",),
    "EX-14": ("CVE-2022-41080",),
}
"""The weakness that each entry of the detection catalogue is about."""
_REFUSED = frozenset({400, 401, 403, 404, 405, 440, 500, 501, 502, 503})
_LOG_TABLES = frozenset({"iis", "httpproxy", "ews"})


@dataclass(frozen=True, slots=True)
class Trace:
    """One group of hits of one of our rules.

    Attributes:
        rule_id: the rule.
        title: its title.
        catalogue: the catalogue's id: `EX-04`.
        techniques: ATT&CK ids.
        cves: the weaknesses it is about; empty where it is about none.
        outcome: how far it got, lowered where the server said no.
        weight: 1 (context) to 5 (decisive alone).
        table: where it was met.
        host: on which server.
        client: from which address; None where the record has none.
        account: under which account; None where the record has none.
        matched: what was met, `column=value`.
        status: HTTP status; None where there is none.
        count: records.
        first_utc: first of them; None where none has an instant.
        last_utc: last of them.
        grounds: some of the records, the first first.
    """

    rule_id: str
    title: str
    catalogue: str
    techniques: tuple[str, ...]
    cves: tuple[str, ...]
    outcome: Outcome
    weight: int
    table: str
    host: str
    client: str | None
    account: str | None
    matched: tuple[str, ...]
    status: int | None
    count: int
    first_utc: datetime | None
    last_utc: datetime | None
    grounds: tuple[RecordRef, ...]

    def value(self, column: str) -> str | None:
        """Give what was met in a column."""
        head = f"{column}="
        return next((one[len(head) :] for one in self.matched if one.startswith(head)), None)


def _lowered(outcome: Outcome, table: str, status: int | None, *, refused_counts: bool) -> Outcome:
    """Take back what the answer contradicts: a refused request got no further than an attempt."""
    if table not in _LOG_TABLES or status is None or refused_counts:
        return outcome
    if status in _REFUSED and outcome.rank > Outcome.ATTEMPT.rank:
        return Outcome.ATTEMPT
    return outcome


def traces_of(hunted: Hunted, unnamed: Mapping[str, str] | None = None) -> tuple[Trace, ...]:
    """Give the hits of rules that say how far they got, in order of time.

    Args:
        hunted: what the hunt gave.
        unnamed: a name for the host of each file that names none (`unnamed.stand_ins`).
    """
    out: list[Trace] = []
    telling = {name: rule for name, rule in hunted.rules.items() if rule.pack and rule.outcome}
    mine = pc.is_in(hunted.hits["rule_id"], value_set=pa.array(sorted(telling), pa.string()))
    hits = hunted.hits.filter(pc.and_(mine, pc.equal(hunted.hits["kind"], "rule")))
    instants = {one: hits[one].cast(pa.int64()).to_pylist() for one in ("first_utc", "last_utc")}
    for place, row in enumerate(hits.select(_PLAIN).to_pylist()):
        rule = telling[row["rule_id"]]
        first, last = instants["first_utc"][place], instants["last_utc"][place]
        cves = CVES.get(rule.catalogue, ())
        outcome = _lowered(Outcome(rule.outcome), row["table"], row["status"], refused_counts="CVE-2021-33766" in cves)
        out.append(
            Trace(
                row["rule_id"],
                row["title"],
                rule.catalogue,
                rule.tags,
                cves,
                outcome,
                rule.weight,
                row["table"],
                row["host"] or _stand_in(row, unnamed or {}),
                _client(row["client"]),
                row["account"],
                tuple(row["matched"]),
                row["status"],
                row["count"],
                None if first is None else utc_from_us(first),
                None if last is None else utc_from_us(last),
                _grounds(row),
            )
        )
    return tuple(sorted(out, key=lambda one: (str(one.first_utc or ""), one.rule_id, one.grounds)))


_PLAIN = (
    "rule_id", "kind", "title", "table", "host", "client", "account", "matched", "status", "count", "refs",
)  # fmt: skip


def _client(text: str | None) -> str | None:
    """Give the address of a client, as a log writes it or as a chain of hops; None where it is none."""
    return None if text is None else first_hop([address(one) for one in re.split(r"[,\s]+", text.strip())])


def _stand_in(row: Mapping[str, object], unnamed: Mapping[str, str]) -> str:
    """Give the name of an unknown host; of records in several of them no name."""
    names = {unnamed.get(ref.evidence_id, NO_HOST) for ref in _grounds(row)}
    return min(names) if len(names) == 1 else NO_HOST


def _grounds(row: Mapping[str, object]) -> tuple[RecordRef, ...]:
    refs = row["refs"]
    assert isinstance(refs, list)  # noqa: S101 - the column's type, told to the type checker
    return tuple(RecordRef(str(row["table"]), EvidenceId(one["evidence_id"]), one["record_no"]) for one in refs)
