"""Every check, and putting them all to what an archive holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import msgspec
import pyarrow as pa

from dwell.archive.store import Archive
from dwell.engine.scratch import scratch
from dwell.hunt.checks import compiled_remains, file_baseline, iis_configuration, login_page, timestomp
from dwell.hunt.checks.check import Check, Looked, blind
from dwell.hunt.checks.states import opened
from dwell.hunt.hits import GROUPS_MAX, HITS
from dwell.hunt.keeping import read_kept, write_kept
from dwell.hunt.reach import TOLD_MAX
from dwell.hunt.ruleset import RuleInfo
from dwell.model.claims import RuleOutcome

__all__ = ["CHECKS", "KIND", "Checked", "put_checks"]

CHECKS: tuple[Check, ...] = (
    compiled_remains.CHECK,
    file_baseline.CHECK,
    iis_configuration.CHECK,
    login_page.CHECK,
    timestomp.CHECK,
)
"""In order of name."""
KIND = "check"
"""What stands in `kind` of a check's hits."""
_OUTCOMES = b"dwell.outcomes"
_AUTHOR, _LICENCE = "dwell developers", "Apache-2.0"
_NOT_HELD: Mapping[str, str] = {
    "inventory": "no list of files is held",
    "configuration": "no configuration of IIS is held",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What all checks came to.

    Attributes:
        outcomes: what became of each, by name.
        hits: rows in `dwell.hunt.hits.HITS`, of the kind `check`.
        infos: what is said of each wherever its hits are shown, by the id of its hits.
    """

    outcomes: tuple[RuleOutcome, ...]
    hits: pa.Table
    infos: Mapping[str, RuleInfo]


def put_checks(archive: Archive, cache: Path | None = None, servers: AbstractSet[str] = frozenset()) -> Checked:
    """Put every check to the states that an archive holds, or take what an earlier run made of the same states.

    Args:
        archive: the case's archive.
        cache: folder where results are kept between runs; None keeps nothing.
        servers: mail servers and web servers that logs of the case name; those of which a check saw no state are told.

    Raises:
        CustodyError: a data file is not what was written.
    """
    outcomes, hits = _kept(archive, cache)
    return Checked(tuple(_told(one, servers) for one in outcomes), hits, {one.id: _info(one) for one in CHECKS})


def _told(outcome: RuleOutcome, servers: AbstractSet[str]) -> RuleOutcome:
    """Add the servers of which a check that looked saw no state; what is kept does not know the case's logs."""
    without = sorted(servers - set(outcome.hosts)) if outcome.hosts else []
    return replace(outcome, hosts_without=tuple(without[:TOLD_MAX]), hosts_without_total=len(without))


def _kept(archive: Archive, cache: Path | None) -> tuple[tuple[RuleOutcome, ...], pa.Table]:
    """Take what an earlier run made of the same states, or put the checks to them."""
    keys = [f"{table}:{one.key}" for table in sorted(_NOT_HELD) for one in archive.files(table)]
    if not keys:
        return tuple(_outcome(one, _unheld(one)) for one in CHECKS), HITS.empty_table()
    if cache is None:
        return _put(archive)
    place = cache / f"{_digest(keys)[:32]}-checks.arrow"
    try:
        held = read_kept(place)
        outcomes = msgspec.json.decode(held.schema.metadata[_OUTCOMES], type=tuple[RuleOutcome, ...])
        return outcomes, held.replace_schema_metadata(None).cast(HITS)
    except (OSError, pa.ArrowInvalid, msgspec.MsgspecError, KeyError, TypeError):
        pass
    outcomes, hits = _put(archive)
    write_kept(place, hits.replace_schema_metadata({_OUTCOMES: msgspec.json.encode(outcomes, order="sorted")}))
    return outcomes, hits


def _digest(keys: Sequence[str]) -> str:
    """Name what results rest on: the data files, and what the checks themselves say."""
    digest = hashlib.sha256("\n".join(keys).encode())
    for one in sorted(resources.files(__package__).iterdir(), key=lambda one: one.name):
        if one.name.endswith(".py"):
            digest.update(one.read_bytes())
    return digest.hexdigest()


def _put(archive: Archive) -> tuple[tuple[RuleOutcome, ...], pa.Table]:
    """Put every check to the states; give what became of each, and hits."""
    outcomes, hits = [], [HITS.empty_table()]
    with scratch() as link:
        held = opened(archive, link)
        for one in CHECKS:
            found = one.look(link) if one.table in held else _unheld(one)
            outcomes.append(_outcome(one, found))
            hits.append(_hits(one, found))
    return tuple(outcomes), pa.concat_tables(hits)


def _unheld(check: Check) -> Looked:
    """Say that nothing is held of what a check looks at."""
    return blind(f"{_NOT_HELD[check.table]}. {check.switch_on}")


def _outcome(check: Check, found: Looked) -> RuleOutcome:
    met = found.found.num_rows
    more = f"the first {GROUPS_MAX:,} of {met:,} are shown" if met > GROUPS_MAX else ""
    return RuleOutcome(
        check.id, check.title, _AUTHOR, _LICENCE, check.level, found.status,
        "; ".join(filter(None, (found.reason, more))), hits=met, path=f"checks/{check.key}", rows_compared=found.rows,
        hosts=found.hosts, hosts_total=len(found.hosts),
    )  # fmt: skip


def _hits(check: Check, found: Looked) -> pa.Table:
    """Give a row of hits for each record, with what it is about and why it was met as the texts that matched."""
    rows = found.found.slice(0, GROUPS_MAX)
    many = rows.num_rows
    host = [one or None for one in rows["host"].to_pylist()]
    evidence, number = rows["evidence_id"].to_pylist(), rows["record_no"].to_pylist()
    matched = [[what, f"({why})"] for what, why in zip(rows["what"].to_pylist(), rows["why"].to_pylist(), strict=True)]
    refs = [[{"evidence_id": one, "record_no": place}] for one, place in zip(evidence, number, strict=True)]
    columns = {
        "rule_id": [check.id] * many, "kind": [KIND] * many, "title": [check.title] * many, "level": [check.level] * many,
        "table": [check.table] * many, "host": host, "matched": matched, "count": [1] * many,
        "first_utc": rows["at_utc"], "last_utc": rows["at_utc"], "evidence_id": evidence, "record_no": number,
        "refs": refs,
    }  # fmt: skip
    empty = {name: pa.nulls(many, HITS.field(name).type) for name in HITS.names if name not in columns}
    return pa.table({**columns, **empty}).select(HITS.names).cast(HITS)


def _info(check: Check) -> RuleInfo:
    return RuleInfo(
        check.id, check.title, _AUTHOR, _LICENCE, check.level, tuple(sorted(check.tags)), "", 0,
        ", ".join(check.catalogue), f"checks/{check.key}", check.description, check.falsepositives, pack=True,
    )  # fmt: skip
