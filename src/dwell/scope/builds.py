"""Open to what, and when: the builds that log rows carry, crossed with the builds that hold a fix (`fixes.toml`).

Builds are no total order: a build holds a fix where its cumulative update had it from the start, or where it is the
right revision of a cumulative update that the security update was made for. Everything else that a family of
vulnerabilities touches is open; what the table cannot say is unknown, never fixed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from importlib import resources

import pyarrow as pa

from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef

__all__ = [
    "BuildSeen",
    "Exposure",
    "Family",
    "Fixed",
    "builds_seen",
    "exposures",
    "families",
    "has_fix",
    "is_contradicted",
    "is_known",
]

_BUILD = re.compile(r"(\d+)\.(\d+)\.(\d+)\.(\d+)")


class Fixed(StrEnum):
    """Whether a build holds a fix."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Family:
    """Vulnerabilities that one security update fixed.

    Attributes:
        name: what they are called.
        cves: their ids.
        update: the security update.
        published: the day it came out.
        included: product (`15.1`) to the build number of the first cumulative update that has the fix from the start.
        fixed: cumulative update (`15.1.2176`) to the first revision with the fix.
        unclear: cumulative updates for which published builds contradict each other.
        products: products that are touched.
    """

    name: str
    cves: tuple[str, ...]
    update: str
    published: date
    included: Mapping[str, int]
    fixed: Mapping[str, int]
    unclear: frozenset[str]
    products: frozenset[str]


@dataclass(frozen=True, slots=True)
class BuildSeen:
    """A build that rows of a host carry.

    Attributes:
        host: the server.
        build: `15.1.2176.2`.
        first_utc: the first row with it.
        last_utc: the last.
        ground: the first row.
    """

    host: str
    build: str
    first_utc: datetime
    last_utc: datetime
    ground: RecordRef


@dataclass(frozen=True, slots=True)
class Exposure:
    """A stretch in which a host was seen with a build, held against one family.

    Attributes:
        host: the server.
        family: the vulnerabilities.
        build: the build.
        fixed: whether it holds the fix.
        first_utc: first row with the build.
        last_utc: last row with it.
        ground: the first row.
    """

    host: str
    family: Family
    build: str
    fixed: Fixed
    first_utc: datetime
    last_utc: datetime
    ground: RecordRef


@cache
def families() -> tuple[Family, ...]:
    """Give all families, the oldest first."""
    text = resources.files("dwell.scope").joinpath("fixes.toml").read_text("utf-8")
    return tuple(
        Family(
            one["name"],
            tuple(one["cves"]),
            one["update"],
            one["published"],
            one["included"],
            one["fixed"],
            frozenset(one.get("unclear", ())),
            frozenset(one.get("products", ("15.0", "15.1", "15.2"))),
        )
        for one in tomllib.loads(text)["family"]
    )


def has_fix(build: str, family: Family) -> Fixed:
    """Say whether a build holds a family's fix; `UNKNOWN` where the build is none or the product is not in the table."""
    met = _BUILD.fullmatch(build)
    if met is None:
        return Fixed.UNKNOWN
    product, update = f"{met[1]}.{met[2]}", f"{met[1]}.{met[2]}.{met[3]}"
    if product not in family.products or update in family.unclear:
        return Fixed.UNKNOWN
    if product in family.included and int(met[3]) >= family.included[product]:
        return Fixed.YES
    if update in family.fixed and int(met[4]) >= family.fixed[update]:
        return Fixed.YES
    return Fixed.NO


def is_contradicted(build: str, family: Family) -> bool:
    """Say whether what is published of a family's fix for a build's cumulative update contradicts itself."""
    return build.rpartition(".")[0] in family.unclear


def is_known(build: str) -> bool:
    """Say whether a build is one, of a product that any family speaks of."""
    met = _BUILD.fullmatch(build)
    return met is not None and any(f"{met[1]}.{met[2]}" in one.products for one in families())


def builds_seen(rolled: pa.Table) -> tuple[BuildSeen, ...]:
    """Put the builds of all data files together: one per host and build, in order of time.

    Args:
        rolled: rows in `rollup.shapes.BUILDS`, with the table they come from as `table`.
    """
    found: dict[tuple[str, str], BuildSeen] = {}
    columns = [rolled[one].to_pylist() for one in ("host", "build", "evidence_id", "record_no", "table")]
    times = (rolled["first_utc"].cast(pa.int64()).to_pylist(), rolled["last_utc"].cast(pa.int64()).to_pylist())
    for host, build, evidence, number, table, first, last in zip(*columns, *times, strict=True):
        ground = RecordRef(table, EvidenceId(evidence), number)
        seen = BuildSeen(host or "(unknown host)", build, utc_from_us(first), utc_from_us(last), ground)
        held = found.get((seen.host, build))
        if held is not None:
            first_one = min((held, seen), key=lambda one: (one.first_utc, one.ground))
            seen = BuildSeen(seen.host, build, first_one.first_utc, max(held.last_utc, seen.last_utc), first_one.ground)
        found[seen.host, build] = seen
    return tuple(sorted(found.values(), key=lambda one: (one.host, one.first_utc, one.build)))


def exposures(seen: tuple[BuildSeen, ...]) -> tuple[Exposure, ...]:
    """Hold every build seen against every family."""
    return tuple(
        Exposure(one.host, family, one.build, has_fix(one.build, family), one.first_utc, one.last_utc, one.ground)
        for one in seen
        for family in families()
    )


def midnight(day: date) -> datetime:
    """Give the start of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
