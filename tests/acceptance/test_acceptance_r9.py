"""R9: the planted actor of the acceptance table, among as many people and for as long as it says; and nobody at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from dwell.scope.access import DAY_US, Accesses
from dwell.scope.actors import actors_of
from dwell.scope.clients import Clients, clients_of
from dwell.scope.habits import ties
from dwell.scope.identities import Identities
from dwell.scope.leads import Ranked, leads_of
from dwell.scope.rollup.shapes import ACTS, SESSIONS

PEOPLE, MONTHS, READ = 4_000, 23, 32
DAYS = MONTHS * 365 // 12
START_US = 1_554_076_800_000_000
"""2019-04-01."""
HOUR_US = 3_600_000_000
VISITS_A_MONTH = 3
HOMES = 2_500
CARRIERS = 24
FAMILIES = ("Chrome", "Firefox", "Edge", "Safari", "Opera")
SHARES = (0.45, 0.2, 0.22, 0.12, 0.01)
VERSIONS = 16
VERSION_DAYS = DAYS // VERSIONS + 1
"""A new version of everybody's browser comes every six weeks; the actor keeps the one he began with."""
PHONES = ("iPhone/12.1", "Android/9.0", "Outlook-iOS/3.1")
ELSEWHERE = 0.2
"""Share of the visits from a second place that each has."""
HIS = "198.51.100"
"""One /24 of a provider of homes, that some of the people live in as well."""

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Sessions:
    """Sessions column by column: account, address, agent and protocol as codes, start in microseconds since 1970."""

    account: Codes
    client: Codes
    agent: Codes
    protocol: Codes
    first: Codes

    def joined(self, other: _Sessions) -> _Sessions:
        both = ((getattr(self, one), getattr(other, one)) for one in self.__slots__)
        return _Sessions(*(np.concatenate(one) for one in both))


CLIENTS = tuple(f"198.{18 + one // 256}.{one % 256}.7" for one in range(512)) + tuple(
    f"100.{64 + one // 256}.{one % 256}.7" for one in range(HOMES + CARRIERS - 512)
) + (f"{HIS}.7",)  # fmt: skip
AGENTS = (*(f"{one}/{60 + version}.0" for one in FAMILIES for version in range(VERSIONS)), *PHONES)
HIS_AGENT = FAMILIES.index("Opera") * VERSIONS


def _people(chance: np.random.Generator) -> _Sessions:
    """Give the life of everybody: mornings at home with a browser of one's own, a telephone on a carrier."""
    each = VISITS_A_MONTH * MONTHS
    size = PEOPLE * each
    account = np.repeat(np.arange(PEOPLE), each)
    home = chance.integers(0, HOMES, PEOPLE)
    home[:20] = len(CLIENTS) - 1  # twenty people live behind his provider's addresses
    second = chance.integers(0, HOMES, PEOPLE)
    family = chance.choice(len(FAMILIES), PEOPLE, p=SHARES)
    late = chance.integers(0, 20, PEOPLE)
    phone = len(AGENTS) - len(PHONES) + chance.integers(0, len(PHONES), PEOPLE)
    carrier = chance.integers(0, 3, (PEOPLE, each)) + (np.arange(PEOPLE) % (CARRIERS // 3) * 3)[:, None]
    rise = chance.integers(6, 10, PEOPLE)

    def at(hour: Codes) -> Codes:
        day = chance.integers(0, DAYS // 7, size) * 7 + chance.integers(0, 5, size)
        return np.asarray(START_US + day * DAY_US + hour * HOUR_US + chance.integers(0, HOUR_US, size), np.int64)

    zero = np.zeros(size, np.int64)
    first = at(rise[account])
    version = np.maximum((first - START_US) // DAY_US - late[account], 0) // VERSION_DAYS
    place = np.where(chance.random(size) < ELSEWHERE, second[account], home[account])
    morning = _Sessions(account, place, family[account] * VERSIONS + version, zero, first)
    evening = _Sessions(account, HOMES + carrier.ravel(), phone[account], zero + 1, at(zero + 17))
    return morning.joined(evening)


def _planted(chance: np.random.Generator) -> _Sessions:
    """Give the actor: 32 mailboxes, three requests a day at most, every third day, at their owners' hours."""
    days = np.arange(0, DAYS, 3)
    account = np.concatenate([1_000 + chance.choice(READ, 2, replace=False) for _ in days])
    first = START_US + np.repeat(days, 2) * DAY_US + chance.integers(7 * HOUR_US, 17 * HOUR_US, len(account))
    zero = np.zeros(len(account), np.int64)
    return _Sessions(account, zero + len(CLIENTS) - 1, zero + HIS_AGENT, zero, first)


def _table(held: _Sessions) -> pa.Table:
    size = len(held.account)

    def coded(codes: Codes, texts: tuple[str, ...]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(texts))

    def one(text: str | None) -> pa.Array:
        return pa.array([text], pa.string()).take(pa.array(np.zeros(size, np.int64)))

    names = tuple(f"p{place:04}@gov.example" for place in range(PEOPLE))
    columns: dict[str, pa.Array] = {
        "table": one("iis"), "host": one("EX01"), "protocol": coded(held.protocol, ("owa", "eas")),
        "actor": coded(held.account, names), "mailbox": one(None), "basis": one("assumed"),
        "client": coded(held.client, CLIENTS), "agent": coded(held.agent, AGENTS), "layer": one("front"),
        "outcome": pa.array(np.zeros(size, np.int64)), "first_utc": pa.array(held.first),
        "last_utc": pa.array(held.first + 300_000_000), "requests": pa.array(np.ones(size, np.int64)),
        "evidence_id": one("e" * 64), "record_no": pa.array(np.arange(1, size + 1)), "bytes": pa.nulls(size, pa.int64()),
        **{act: pa.array(np.full(size, int(act == "read"))) for act in ACTS},
    }  # fmt: skip
    missing = {field.name: pa.nulls(size, field.type) for field in SESSIONS if field.name not in columns}
    whole = columns | missing
    return pa.table([whole[field.name].cast(field.type) for field in SESSIONS], schema=SESSIONS)


@dataclass(frozen=True, slots=True)
class _Judged:
    accesses: Accesses
    clients: Clients
    ranked: Ranked


def _judged(held: _Sessions) -> _Judged:
    accesses = Accesses(_table(held), Identities())
    clients = clients_of(accesses, ties(accesses, np.zeros(len(accesses), np.bool_)))
    return _Judged(accesses, clients, leads_of(accesses, clients, (), MONTHS * 365 / 12 / 7))


@pytest.fixture(scope="module")
def world() -> tuple[_Judged, _Judged]:
    """Give the ministry with the actor, and without."""
    chance = np.random.default_rng(20190401)
    people = _people(chance)
    return _judged(people.joined(_planted(chance))), _judged(people)


def test_r9_the_planted_actor_is_among_the_first_leads(world: tuple[_Judged, _Judged]) -> None:
    found, _ = world
    his = {f"p{place:04}@gov.example" for place in range(1_000, 1_000 + READ)}
    places = [
        one.rank for one in found.ranked.leads if one.mailbox in his and one.client.startswith(f"{HIS}.0/24 Opera/60")
    ]
    last = max(places, default=0)
    assert len(places) == READ, f"{len(places)} of {READ} mailboxes among {len(found.ranked.leads)} leads"
    precision = READ / last
    assert precision >= 0.5, f"N = {last}, precision {precision:.2f}"


def test_r9_he_is_one_intrusion_of_his_mailboxes_and_no_others(world: tuple[_Judged, _Judged]) -> None:
    found, _ = world
    (actor,) = actors_of(found.clients)
    accounts = {found.accesses.names[one] for one in found.clients.column("account")[list(actor.ties)].tolist()}
    assert accounts == {f"p{place:04}@gov.example" for place in range(1_000, 1_000 + READ)}


def test_r9_where_nobody_is_there_is_no_intrusion_and_no_lead_beyond_the_budget(world: tuple[_Judged, _Judged]) -> None:
    _, nobody = world
    assert actors_of(nobody.clients) == ()
    assert len(nobody.ranked.leads) <= nobody.ranked.budget
    assert nobody.ranked.expected_false > len(nobody.ranked.leads) / 2, "that the leads are false is expected"
