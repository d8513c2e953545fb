"""Planted intruders: sessions as a kind of intruder would have left them, made of the case's own accounts.

Everything is in memory. What is drawn by chance is drawn from a seed made of the evidence's hashes, the kind and the number
of the planting: the same evidence gives the same sessions.
"""

from __future__ import annotations

import hashlib
import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.model.hypotheses import Where
from dwell.model.instants import utc_from_us
from dwell.scope.access import DAY_US, Accesses
from dwell.scope.clients import Clients
from dwell.scope.modes import Mode, modes
from dwell.scope.months import MONTH_DAYS
from dwell.scope.rollup.shapes import ACTS, SESSIONS
from dwell.scope.rollup.ual import TENANT

__all__ = ["Ground", "Kind", "kinds", "plant"]

RANGE_MONTHS = 3
HOUR_US = 3_600_000_000
VISIT_US = 300_000_000
NIGHT = (22, 23, 0, 1, 2, 3)
AGENTS = {"ews-password": "PlantedTool/3.0", "eas-device": "PlantedDevice/3.0"}
BROWSER = "Mozilla/5.0 (Planted) Planted/3.0"

Codes = npt.NDArray[np.int64]
_CHOICES: Mapping[str, frozenset[str]] = {
    "network": frozenset({"one", "changing", "own", "owners"}),
    "agent": frozenset({"foreign", "common", "owner"}),
    "hours": frozenset({"owner", "night"}),
    "mode": frozenset(one.key for one in modes()),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of intruder; `plantings.toml` says what the words mean."""

    key: str
    title: str
    mode: str
    mailboxes: int
    network: str
    agent: str
    hours: str
    visits_a_month: float
    months: int

    def __post_init__(self) -> None:
        """Refuse a word that is not known.

        Raises:
            ValueError: a trait has an unknown value.
        """
        for trait, known in _CHOICES.items():
            if getattr(self, trait) not in known:
                raise ValueError(f"kind {self.key}: {trait} is one of {', '.join(sorted(known))}")

    @property
    def way(self) -> Mode:
        """Give the way in which it reads."""
        return next(one for one in modes() if one.key == self.mode)


@cache
def kinds() -> tuple[Kind, ...]:
    """Give all kinds, in the order of the file.

    Raises:
        ValueError: the file holds a word that is not known.
    """
    text = resources.files("dwell.scope").joinpath("plantings.toml").read_text("utf-8")
    return tuple(Kind(**row) for row in tomllib.loads(text)["kind"])


class Ground:
    """What is planted on: the case's sessions, and who of its accounts can be planted on.

    Attributes:
        accesses: the case's sessions.
        mine: per account that can be planted on, its own sessions from outside shared networks.
        vips: those of them of which each planting has at least one.
    """

    def __init__(
        self, accesses: Accesses, clients: Clients, services: Codes, vips: frozenset[str] = frozenset()
    ) -> None:
        self.accesses = accesses
        shared = np.isin(accesses.network, clients.shared)
        usable = accesses.ok & ~accesses.system & ~np.isin(accesses.account, services) & ~shared & ~accesses.internal
        usable &= (accesses.account >= 0) & (accesses.network >= 0) & (accesses.mailbox == accesses.account)
        self._rows = np.flatnonzero(usable)
        order = self._rows[np.argsort(accesses.account[self._rows], kind="stable")]
        names, starts = np.unique(accesses.account[order], return_index=True)
        self.mine = dict(zip(names.tolist(), np.split(order, starts[1:]), strict=True)) if len(order) else {}
        self.vips = tuple(sorted(one for one in self.mine if accesses.names[one] in vips))
        self.first, self.last = (
            (int(accesses.first[self._rows].min()), int(accesses.last[self._rows].max())) if len(order) else (0, 0)
        )

    def text(self, row: int, column: str) -> str | None:
        """Give a column of a session as the log has it."""
        found: str | None = self.accesses.rows([row], (column,))[column][0].as_py()
        return found

    def common_agent(self, protocol: str) -> str | None:
        """Give the agent of most sessions from outside over a protocol; None where nobody speaks it."""
        if protocol not in self.accesses.protocols:
            return None
        spoken = self._rows[self.accesses.protocol[self._rows] == self.accesses.protocols.index(protocol)]
        counted = np.bincount(self.accesses.agent[spoken], minlength=len(self.accesses.agents))
        if not counted.any():
            return None
        best = spoken[self.accesses.agent[spoken] == int(counted.argmax())][0]
        return self.text(int(best), "agent")


def _chance(seed: str, kind: Kind, number: int) -> random.Random:
    key = hashlib.sha256(f"{seed}/{kind.key}/{number}".encode()).hexdigest()
    return random.Random(key)  # noqa: S311 - no secret: equal evidence has to give equal plantings


def _networks(rng: random.Random, taken: frozenset[str], count: int) -> list[str]:
    """Give networks that the case does not know, out of the range kept for tests of networks (RFC 2544)."""
    free = [f"198.{18 + place // 256}.{place % 256}" for place in range(512)]
    return rng.sample([one for one in free if f"{one}.0/24" not in taken], count)


@dataclass(frozen=True, slots=True)
class Planted:
    """Sessions that were planted.

    Attributes:
        table: rows in `SESSIONS`, in order of time.
        accounts: names of the accounts planted on.
        months: over how many months.
    """

    table: pa.Table
    accounts: tuple[str, ...]
    months: int


def plant(ground: Ground, kind: Kind, seed: str, number: int) -> Planted:
    """Make the sessions of one planted intruder.

    Args:
        ground: the case's sessions.
        kind: what kind of intruder.
        seed: what the chance is drawn from: the evidence's hashes.
        number: which planting of this kind.
    """
    rng = _chance(seed, kind, number)
    protocol = kind.way.protocols[0]
    names = sorted(ground.mine, key=lambda one: ground.accesses.names[one])
    wanted = min(kind.mailboxes, max(1, len(names) // 4), len(names))
    chosen = rng.sample(names, wanted)
    if ground.vips and not set(chosen) & set(ground.vips):
        chosen[0] = rng.choice(ground.vips)
    whole = max(1, (ground.last - ground.first) // DAY_US)
    length = min(kind.months * MONTH_DAYS, whole)
    start = ground.first + rng.randrange(whole - length + 1) * DAY_US
    months = max(1, round(length / MONTH_DAYS))
    ranges = _networks(rng, frozenset(ground.accesses.networks), len(chosen) + months // RANGE_MONTHS + 1)
    agent = ground.common_agent(protocol) if kind.agent == "common" else AGENTS.get(kind.mode, BROWSER)
    rows = []
    for place, account in enumerate(chosen):
        own = ground.mine[account]
        spoken = [row for row in own.tolist() if ground.accesses.protocols[ground.accesses.protocol[row]] == protocol]
        for _ in range(max(1, round(kind.visits_a_month * length / MONTH_DAYS))):
            day = rng.randrange(length)
            model = rng.choice(spoken or own.tolist())
            hour = rng.choice(NIGHT) if kind.hours == "night" else int(ground.accesses.first[model] // HOUR_US % 24)
            at = (start // DAY_US + day) * DAY_US + hour * HOUR_US + rng.randrange(3_000) * 1_000_000
            epoch = day // (RANGE_MONTHS * MONTH_DAYS)
            lan = {"one": ranges[0], "own": ranges[place], "changing": ranges[epoch]}.get(kind.network)
            rows.append(_row(ground, kind, model, at, lan, agent))
    rows.sort(key=lambda one: (str(one["first_utc"]), str(one["actor"]), str(one["client"])))
    for place, row in enumerate(rows, 1):
        row["record_no"] = place
    told = tuple(sorted(ground.accesses.names[one] for one in chosen))
    return Planted(pa.Table.from_pylist(rows, schema=SESSIONS), told, months)


def _row(ground: Ground, kind: Kind, model: int, at: int, lan: str | None, agent: str | None) -> dict[str, object]:
    """Give one planted session after one of the owner's own."""
    tenant = kind.way.where is Where.TENANT
    return {
        "table": "ual" if tenant else "iis",
        "host": TENANT if tenant else ground.text(model, "host"),
        "protocol": kind.way.protocols[0],
        "actor": ground.text(model, "actor"),
        "mailbox": None,
        "basis": "assumed",
        "client": ground.text(model, "client") if lan is None else f"{lan}.7",
        "agent": ground.text(model, "agent") if kind.agent == "owner" else agent,
        "layer": "front",
        "outcome": 0,
        "first_utc": utc_from_us(at),
        "last_utc": utc_from_us(at + VISIT_US),
        "requests": 3,
        **{one: 3 if one == "read" else 0 for one in ACTS},
        "bytes": None,
        "wrote": 0,
        "evidence_id": "planted",
    }
