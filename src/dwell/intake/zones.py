"""Local times without a zone, read in the zone that only a person knows.

A zone is given for hosts: `EX01=Europe/Brussels`, with `*` for any text, the first that fits counting; a record's host is
what it names itself, else that of its file's path. Where the clock
was put back, an hour comes twice and a local time is two instants; the earlier is taken and the records are counted and
said. Where it was put forward, an hour never was; a record that claims it is counted as well.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.casebook.case import Case
from dwell.errors import UsageError
from dwell.intake.hosts import short_host
from dwell.model.instants import utc_from_us
from dwell.model.provenance import Fact, FactKind
from dwell.sources.registry import source as source_of
from dwell.sources.source import HOST, RECORD_NO, TIME_UTC

__all__ = ["Localised", "Zone", "settle_zones", "zone_of", "zones_of"]

_SLOT_US = 900_000_000
"""Clocks are changed at quarters of an hour."""
_AS_UTC = "local time without a zone, read as UTC: the instants may be hours off (--zone HOST=ZONE says which)"
_MINUTE_US = 60_000_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a local time has no zone


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone for hosts.

    Attributes:
        hosts: a host's name, `*` for any text in it; upper and lower case are the same.
        name: of the IANA time zone database.
    """

    hosts: str
    name: str

    def __str__(self) -> str:
        """Give it as it is given on the command line."""
        return f"{self.hosts}={self.name}"


def zones_of(texts: Sequence[str]) -> tuple[Zone, ...]:
    """Read `HOST=ZONE` texts.

    Raises:
        UsageError: a text has another form, or there is no such zone.
    """
    out = []
    for text in texts:
        hosts, mark, name = text.strip().rpartition("=")
        if not mark or not hosts.strip() or not name.strip():
            raise UsageError(f"--zone {text!r} is not HOST=ZONE", remedy="For example --zone EX01=Europe/Brussels")
        try:
            ZoneInfo(name.strip())
        except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
            raise UsageError(
                f"there is no time zone {name.strip()!r}",
                remedy="Give a name of the IANA database, such as Europe/Brussels or Etc/GMT-3",
            ) from fault
        out.append(Zone(hosts.strip(), name.strip()))
    return tuple(out)


def zone_of(zones: Sequence[Zone], host: str) -> Zone | None:
    """Give the zone for a host; None where none was given."""
    return next((one for one in zones if fnmatch.fnmatchcase(host.lower(), one.hosts.lower())), None)


def settle_zones(case: Case, given: Sequence[Zone]) -> tuple[Zone, ...]:
    """Give the zones to read in, and write them into the custody log: those given, else those of the last ingest.

    Raises:
        UsageError: records in local time were read in other zones already.
    """
    acts = case.acts()
    told = next((act.details["zones"] for act in reversed(acts) if act.act == "zones"), [])
    before = zones_of([str(one) for one in told])  # type: ignore[attr-defined]
    if not given or tuple(given) == before:
        return before
    done = {str(act.details["transaction"]) for act in acts if act.act == "commit"}
    mixed = any(act.act == "commit" and act.details.get("local_times") for act in acts)
    if mixed or any(unit.transaction in done and source_of(unit.source).local_time for unit in case.units()):
        how = f"with --zone {' --zone '.join(map(str, before))}" if before else "as UTC"
        raise UsageError(
            f"logs in local time were read {how} in this case already",
            remedy="Make a new case with the zones that are right: one case does not mix them",
        )
    case.record("zones", {"zones": [str(one) for one in given]})
    return tuple(given)


@dataclass(slots=True)
class _Odd:
    """Records whose local time is two instants or none: how many, the first, from when to when."""

    count: int = 0
    number: int = 0
    low: int = 0
    high: int = 0
    doubt_us: int = 0

    def take(self, numbers: npt.NDArray[np.int64], times: npt.NDArray[np.int64], doubt: npt.NDArray[np.int64]) -> None:
        """Count the records that are in doubt, and by how much, microseconds; 0 or less is none."""
        odd = doubt > 0
        if not odd.any():
            return
        low, high, number = int(times[odd].min()), int(times[odd].max()), int(numbers[odd].min())
        if self.count:
            low, high, number = min(low, self.low), max(high, self.high), min(number, self.number)
        self.low, self.high, self.number = low, high, number
        self.count += int(odd.sum())
        self.doubt_us = max(self.doubt_us, int(doubt.max()))

    def facts(self, detail: str) -> list[Fact]:
        """Say so."""
        if not self.count:
            return []
        span = (utc_from_us(self.low), utc_from_us(self.high))
        told = f"{detail}, uncertain by {self.doubt_us // _MINUTE_US} minutes"
        return [Fact(FactKind.ZONE_DOUBT, self.number, *span, self.count, told)]


class Localised:
    """One file's records put from local time to UTC, batch by batch.

    Attributes:
        counts: how many records were read in which zone; None stands for those whose zone is not known, read as UTC.
    """

    def __init__(self, zones: Sequence[Zone], host: str) -> None:
        """Read in the zones of the records' hosts; `host` is that of records that name none."""
        self.counts: Counter[Zone | None] = Counter()
        self._zones = zones
        self._host = host
        self._twice, self._never = _Odd(), _Odd()
        self._latest = zone_of(zones, host)
        self._numbers, self._rows = np.empty(0, np.int64), np.empty(0, np.int64)
        self._named: list[Zone | None] = []
        self._whole = True

    def take(self, records: pa.RecordBatch, only: npt.NDArray[np.int64] | None = None) -> pa.RecordBatch:
        """Give records with their instants put right; `only` are the numbers of those in local time, None for all."""
        times = records[TIME_UTC.name]
        known = times.is_valid().to_numpy(zero_copy_only=False)
        if only is not None:
            known = known & np.isin(records[RECORD_NO.name].to_numpy(), only)
        self._whole = only is None or bool(known.sum() == len(known) - times.null_count)
        self._numbers, self._named = records[RECORD_NO.name].to_numpy(), []
        self._rows = np.full(len(known), -1, np.int64)
        if not known.any():
            return records
        hosts = records[HOST.name].cast(pa.string()).fill_null(self._host).dictionary_encode()
        codes = hosts.indices.to_numpy()
        local = times.cast(pa.int64()).fill_null(0).to_numpy()
        right = local.copy()
        for code, host in enumerate(hosts.dictionary.to_pylist()):
            zone = zone_of(self._zones, short_host(host))
            here = known & (codes == code)
            if not here.any():
                continue
            self.counts[zone] += int(here.sum())
            self._latest = zone
            self._rows[here] = len(self._named)
            self._named.append(zone)
            if zone is not None:
                right[here] = self._put_right(zone, records[RECORD_NO.name].to_numpy()[here], local[here])
        column = pa.array(right, mask=~times.is_valid().to_numpy(zero_copy_only=False)).cast(TIME_UTC.type)
        return records.set_column(records.schema.get_field_index(TIME_UTC.name), TIME_UTC, column)

    def _put_right(
        self, zone: Zone, numbers: npt.NDArray[np.int64], local: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        slots, places = np.unique(local // _SLOT_US, return_inverse=True)
        first, second = _offsets(ZoneInfo(zone.name), slots)
        right: npt.NDArray[np.int64] = local - first[places]
        self._twice.take(numbers, right, (first - second)[places])
        self._never.take(numbers, right, (second - first)[places])
        return right

    def moved(self, facts: Sequence[Fact]) -> list[Fact]:
        """Give what a reader noted, its instants put right by the zone of its record, or of the records beside it."""
        out = []
        for one in facts:
            zone = self._zone_beside(one.record_no)
            here = None if zone is None else ZoneInfo(zone.name)
            out.append(
                one if here is None else replace(one, from_utc=_in(here, one.from_utc), to_utc=_in(here, one.to_utc))
            )
        return out

    def _zone_beside(self, number: int | None) -> Zone | None:
        """Give the zone of a record of the last batch; else, where all its times are local, that of its last record."""
        met = self._rows[self._numbers == number] if number is not None else self._rows[:0]
        if len(met) and met[0] >= 0:
            return self._named[int(met[0])]
        return self._latest if self._whole else None

    def facts(self) -> list[Fact]:
        """Say what was done to the file's instants."""
        out = []
        for zone, count in sorted(self.counts.items(), key=lambda pair: str(pair[0] or "")):
            detail = f"local time, read in {zone.name} as given" if zone is not None else _AS_UTC
            out += [Fact(FactKind.ZONE, None, None, None, count, detail)] if count else []
        out += self._twice.facts("the clock showed this time twice: the earlier instant is taken")
        out += self._never.facts("the clock never showed this time: it was put forward")
        return out


def _in(zone: ZoneInfo, local: datetime | None) -> datetime | None:
    """Give a local time that was taken for UTC as the instant it is."""
    try:
        return None if local is None else local.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:  # the first and last years that a date can have
        return local


def _offsets(zone: ZoneInfo, slots: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give the offset from UTC in microseconds at each local quarter of an hour, for the first and the second time."""
    first, second = np.zeros(len(slots), np.int64), np.zeros(len(slots), np.int64)
    for place, slot in enumerate(slots.tolist()):
        try:
            local = _EPOCH + timedelta(microseconds=slot * _SLOT_US)
            pair = [local.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1)]
            local.replace(tzinfo=zone).astimezone(UTC)
        except OverflowError:  # the first and last years that a date can have
            continue
        first[place], second[place] = (one // timedelta(microseconds=1) for one in pair)
    return first, second
