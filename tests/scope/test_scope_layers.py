"""One user request seen in up to four layers is one access: IIS at the front, HttpProxy, IIS at the back, the EWS log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.intake.evidence import taken_in

from dwell.casebook.case import Case
from dwell.drill import DrillPlan, scenario, write_drill
from dwell.intake.ingest import open_archive
from dwell.scope.access import Accesses
from dwell.scope.exposure import Exposed, exposures_of
from dwell.scope.intrusions import Held
from dwell.scope.names import learn
from dwell.scope.rollup.run import roll_up

PLAN = DrillPlan(
    seed=3, mailboxes=30, from_utc=datetime(2020, 12, 1, tzinfo=UTC), to_utc=datetime(2020, 12, 29, tzinfo=UTC)
)


@dataclass(frozen=True)
class _World:
    exposed: dict[str, Exposed]
    layers: dict[str, set[str]]
    clients: set[str]
    wanted: set[str]


def exposures(folder: Path, name: str) -> _World:
    """Give what the sessions of the quiet intruder's addresses come to, whoever found him."""
    plan = DrillPlan(PLAN.seed, PLAN.mailboxes, PLAN.from_utc, PLAN.to_utc, scenario(name))
    write_drill(folder / "evidence", folder / "truth.json", plan)
    truth = json.loads((folder / "truth.json").read_text())
    wanted = set(next(one for one in truth["intruders"] if one["id"] == "quiet")["clients"])
    case, _ = taken_in(folder / "case", folder / "evidence")
    return _exposed(case, wanted)


def _exposed(case: Case, wanted: set[str]) -> _World:
    archive = open_archive(case)
    rolled = roll_up(archive, workers=1)
    identities = learn(archive)
    accesses = Accesses(rolled.tables["sessions"], identities, rolled.tables["grounds"])
    table = accesses.rows(np.arange(len(accesses)), ("client",))
    rows = np.flatnonzero(np.isin(table["client"].to_pylist(), list(wanted)) & accesses.ok)
    held = Held("I1", PLAN.from_utc, PLAN.to_utc, tuple(rows.tolist()), (), frozenset(), (), (), (), (), (), (), (), ())
    layers: dict[str, set[str]] = {}
    told = accesses.layers_of(rows)
    for row, table_name in zip(rows.tolist(), accesses.rows(rows, ("table",))["table"].to_pylist(), strict=True):
        seen = {one.layer for one in told.get(row, ())} or {table_name}
        layers.setdefault(accesses.names[accesses.mailbox[row]], set()).update(seen)
    exposed = exposures_of([held], accesses, rolled.tables["messages"], {}, identities)
    return _World({one.mailbox: one for one in exposed}, layers, set(table["client"].to_pylist()), wanted)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> tuple[_World, _World]:
    """Give the same requests, answered by the server they come to, and handed over to another that logs them too."""
    folder = tmp_path_factory.mktemp("worlds")
    return exposures(folder / "one", "tool-ews"), exposures(folder / "two", "two-servers")


def test_a_request_seen_in_four_layers_is_counted_as_in_two(worlds: tuple[_World, _World]) -> None:
    plain, handed = worlds
    assert len(plain.exposed) > 3
    assert plain.exposed.keys() == handed.exposed.keys()
    for name, one in handed.exposed.items():
        other = plain.exposed[name]
        assert (one.grade, one.acts, one.sessions, one.sent) == (other.grade, other.acts, other.sessions, other.sent), (
            name
        )
        assert (min(one.instants), max(one.instants)) == (min(other.instants), max(other.instants)), name


def test_the_access_keeps_its_grounds_in_all_four_and_the_strongest_value_of_each(
    worlds: tuple[_World, _World],
) -> None:
    _, handed = worlds
    seen = [
        name
        for name, layers in handed.layers.items()
        if layers >= {"front", "back", "httpproxy", "ews"} and "ual" not in layers
    ]
    assert seen
    for name in seen:
        one = handed.exposed[name]
        assert {ref.table for ref in one.references()} == {"iis", "httpproxy", "ews"}
        # what was done only the EWS log says, and how much left for the client the front end
        assert one.references()[0].table == "ews"
        assert set(one.sent) == {"httpproxy"}


def test_the_client_is_the_one_outside_whichever_hop_wrote_the_line(worlds: tuple[_World, _World]) -> None:
    _, handed = worlds
    assert handed.clients & handed.wanted
    assert not {one for one in handed.clients if one in {"10.20.1.5", "10.20.1.11", "10.20.1.12"}}
