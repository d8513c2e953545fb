"""Planted intruders: an obvious one is found, the owner's double is not, and nothing of them is left anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pytest
from tests.scope.office import FOREIGN, NETWORK, PEOPLE, log_of, reasoned, visits, work
from tests.scope.staged import Staged, bind, iis_place, stage, ual_json
from tests.scope.test_scope_silences import act

from dwell.model.markings import Marking, MarkingKind, MarkingVerdict
from dwell.model.power import Power, PowerRow
from dwell.model.settings import LEADS_PER_WEEK, Setting, SettingKind
from dwell.scope.access import Accesses
from dwell.scope.clients import clients_of
from dwell.scope.habits import ties
from dwell.scope.names import learn
from dwell.scope.plantings import Ground, Kind, kinds, plant
from dwell.scope.power import power_in, power_of

KINDS = ("obvious", "few-mailboxes", "one-mailbox", "owner-like", "tenant")


@dataclass(frozen=True)
class _Planted:
    """An office, and what planting in it gave."""

    staged: Staged
    before: str
    power: Power

    def row(self, kind: str) -> PowerRow:
        return next(one for one in self.power.rows if one.kind == kind)


def _hash(folder: Path) -> str:
    """Give one hash over every file of a folder."""
    whole = hashlib.sha256()
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        whole.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return whole.hexdigest()


def _power(
    staged: Staged,
    wanted: Sequence[str],
    plantings: int = 3,
    *,
    settings: Sequence[Setting] = (),
    markings: Sequence[Marking] = (),
    per_week: int = LEADS_PER_WEEK,
    of: Sequence[Kind] = (),
) -> Power:
    return power_in(
        staged.archive,
        staged.paths,
        stamp="s",
        plantings=plantings,
        wanted=wanted,
        of=of,
        settings=settings,
        markings=markings,
        per_week=per_week,
        workers=1,
    )


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> _Planted:
    root = tmp_path_factory.mktemp("power")
    staged = stage(root, {iis_place("EX01", "210104"): log_of(work())})
    before = _hash(root)
    return _Planted(staged, before, _power(staged, KINDS))


def test_an_obvious_intruder_is_found_every_time_and_the_owners_double_never(planted: _Planted) -> None:
    obvious, double = planted.row("obvious"), planted.row("owner-like")
    assert (obvious.found, obvious.intrusions, obvious.plantings) == (3, 3, 3)
    assert obvious.mailboxes_share == 1
    assert obvious.rank == 1
    assert (double.found, double.intrusions, double.rank) == (0, 0, None)
    assert double.recorded == 1


def test_one_mailbox_is_a_lead_at_best(planted: _Planted) -> None:
    one = planted.row("one-mailbox")
    assert one.mailboxes == 1
    assert one.intrusions == 0
    assert one.found == 3


def test_what_no_source_held_can_show_is_not_found(planted: _Planted) -> None:
    """The office holds no audit export: nothing that is planted in the tenant leaves a record."""
    one = planted.row("tenant")
    assert (one.recorded, one.found, one.plantings) == (0, 0, 3)


def _tenant(root: Path, *acts: dict[str, object], gap: range = range(0)) -> Staged:
    """Give what the tenant recorded of the office over forty days, of some of them nothing."""
    records = [
        bind(f"2021-{1 + day // 31:02}-{1 + day % 31:02} {7 + place % 9:02}:10:00", person, person,
             f"198.19.{place}.7", "Client=OWA;Firefox/66.0", id=f"{person}/{day}")
        for day in range(40)
        if day not in gap
        for place, person in enumerate(PEOPLE)
    ]  # fmt: skip
    records = sorted([*records, *acts], key=lambda one: str(one["CreationTime"]))
    return stage(root, {"m365/UAL.json": ual_json(records)})


def test_what_was_not_recorded_by_an_act_that_is_held_is_planted_and_leaves_no_record(tmp_path: Path) -> None:
    names = {"UnifiedAuditLogIngestionEnabled": ("False", "True")}
    off, on = (
        act(at, "Set-AdminAuditLogConfig", **{name: told[place] for name, told in names.items()})
        for place, at in enumerate(("2021-01-08 00:00:00", "2021-02-03 00:00:00"))
    )
    staged = _tenant(tmp_path, off, on, gap=range(7, 33))
    (row,) = _power(staged, ["tenant"], 6).rows
    case = reasoned(staged)
    seen, _ = case.ledger.seen("M365", {"ual"}, case.ledger.first_hour, case.ledger.last_hour)
    assert 0.3 < seen.mean() < 0.4
    assert row.recorded == pytest.approx(seen.mean(), abs=0.1)


def test_of_a_mailbox_whose_recording_was_switched_off_nothing_planted_is_recorded_from_then_on(tmp_path: Path) -> None:
    off = act("2021-01-08 00:00:00", "Set-Mailbox", PEOPLE[3], AuditEnabled="False")
    staged = _tenant(tmp_path, off)
    of = [replace(next(one for one in kinds() if one.key == "tenant"), mailboxes=1, visits_a_month=60)]
    his, others = (
        _power(staged, (), 4, of=of, settings=[Setting("S1", SettingKind.VIP, person, "x", "a. uthor")]).rows[0]
        for person in PEOPLE[3:5]
    )
    assert his.recorded == pytest.approx(7 / 40, abs=0.1)
    assert others.recorded == 1


def test_other_kinds_can_be_planted_than_those_of_the_file(planted: _Planted) -> None:
    obvious = next(one for one in kinds() if one.key == "obvious")
    of = (replace(obvious, key="one of them", mailboxes=1), replace(obvious, key="three", mailboxes=3))
    assert [(one.kind, one.mailboxes) for one in _power(planted.staged, (), 1, of=of).rows] == [
        ("one of them", 1),
        ("three", 3),
    ]
    assert [one.kind for one in _power(planted.staged, ("three",), 1, of=of).rows] == ["three"]


def test_nothing_is_written_and_the_same_evidence_gives_the_same_figures(planted: _Planted) -> None:
    root = planted.staged.case.root.parent
    assert _hash(root) == planted.before
    assert _power(planted.staged, KINDS) == planted.power
    assert _hash(root) == planted.before


def test_sessions_of_the_case_are_left_as_they_are(planted: _Planted) -> None:
    sessions = planted.staged.rolled().tables["sessions"]
    before = sessions.to_pylist()
    told: list[tuple[str, int, int]] = []
    power_of(
        sessions,
        learn(planted.staged.archive),
        planted.staged.ledger(),
        seed="x",
        stamp="",
        plantings=2,
        wanted=["obvious"],
        steps=lambda kind, done, whole: told.append((kind, done, whole)),
    )
    assert sessions.to_pylist() == before
    assert told == [("obvious", 0, 2), ("obvious", 1, 2), ("", 2, 2)]


def _ground(planted: _Planted) -> Ground:
    accesses = Accesses(planted.staged.rolled().tables["sessions"], learn(planted.staged.archive))
    return Ground(accesses, clients_of(accesses, ties(accesses, accesses.account < -1)), accesses.account[:0])


@pytest.mark.parametrize("kind", kinds(), ids=lambda one: one.key)
def test_plantings_are_as_their_kind_says(planted: _Planted, kind: Kind) -> None:
    ground = _ground(planted)
    first, again, other = plant(ground, kind, "x", 0), plant(ground, kind, "x", 0), plant(ground, kind, "x", 1)
    assert first == again
    assert not first.table.equals(other.table)
    assert len(first.accounts) == min(kind.mailboxes, 24 // 4)
    networks = {str(one).rpartition(".")[0] for one in first.table["client"].to_pylist()}
    known = {one.partition("/")[0].rpartition(".")[0] for one in ground.accesses.networks}
    assert (networks <= known) is (kind.network == "owners")
    if kind.network == "one":
        assert len(networks) == 1
    if kind.network == "own":
        assert len(networks) == len(first.accounts)
    agents = set(first.table["agent"].to_pylist())
    held = set(ground.accesses.rolled["agent"].to_pylist())
    assert agents.isdisjoint(held) is (kind.agent == "foreign")
    times = first.table["first_utc"].cast(pa.int64()).to_numpy()
    assert (times[:-1] <= times[1:]).all()


def test_an_empty_case_gives_a_row_for_each_kind_and_no_figure(tmp_path: Path) -> None:
    staged = stage(
        tmp_path,
        {"directory.csv": "PrimarySmtpAddress,SamAccountName,RecipientTypeDetails\r\na@gov.example,a,UserMailbox\r\n"},
    )
    found = _power(staged, ())
    assert [one.kind for one in found.rows] == [one.key for one in kinds()]
    assert {(one.plantings, one.share) for one in found.rows} == {(0, None)}


def test_a_word_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="network is one of"):
        Kind("x", "x", "owa-password", 1, "satellite", "foreign", "night", 1.0, 1)


def test_an_intruder_in_a_network_that_is_set_as_own_is_not_found_and_the_figures_say_what_they_rest_on(
    planted: _Planted,
) -> None:
    """All planted networks lie in one range: once it is said to be the organisation's own, nothing from there is judged."""
    own = Setting("S1", SettingKind.NETWORK, "198.18.0.0/15", "lab", "a. uthor")
    found = _power(planted.staged, ["obvious"], settings=[own])
    assert [(one.found, one.plantings) for one in found.rows] == [(0, 3)]
    assert found.rests == ("S1: network 198.18.0.0/15, set by a. uthor, because: lab",)
    ours = Marking("M1", MarkingKind.NETWORK, "198.18.0.0/15", MarkingVerdict.OURS, "lab", "a. uthor")
    assert [one.found for one in _power(planted.staged, ["obvious"], markings=[ours]).rows] == [0]
    beside = Marking("M2", MarkingKind.MAILBOX, PEOPLE[0], MarkingVerdict.ACCEPTED, "asked", "a. uthor")
    assert _power(planted.staged, ["obvious"], markings=[beside]).rests == ()


def test_each_planting_is_on_a_vip_where_any_is_set(planted: _Planted) -> None:
    vip = Setting("S1", SettingKind.VIP, PEOPLE[7], "cabinet", "a. uthor")
    assert _power(planted.staged, ["one-mailbox"], 1, settings=[vip]).vips == 1
    accesses = Accesses(planted.staged.rolled().tables["sessions"], learn(planted.staged.archive))
    clients = clients_of(accesses, ties(accesses, accesses.account < -1))
    ground = Ground(accesses, clients, accesses.account[:0], frozenset({PEOPLE[7]}))
    for kind in kinds():
        accounts = [plant(ground, kind, "x", number).accounts for number in range(4)]
        assert all(PEOPLE[7] in one and len(set(one)) == len(one) for one in accounts), kind.key


def test_the_budget_of_leads_is_the_one_that_is_set(planted: _Planted) -> None:
    one, usual = (_power(planted.staged, ["one-mailbox"], 1, per_week=many) for many in (1, LEADS_PER_WEEK))
    assert one.budget < usual.budget
    assert one.rows[0].by_chance < usual.rows[0].by_chance


def test_an_intrusion_that_is_called_ours_is_not_judged_here_either(tmp_path: Path) -> None:
    tested = [row for person in PEOPLE[:8] for row in visits(person, f"{NETWORK}.9", FOREIGN, range(0, 40, 5), hour=3)]
    staged = stage(tmp_path, {iis_place("EX01", "210104"): log_of([*work(), *tested])})
    case = reasoned(staged)
    (held,) = case.held
    refs = " ".join(f"{one.table}/{one.evidence_id}/{one.record_no}" for one in case.accesses.refs(held.rows))
    ours = Marking("M1", MarkingKind.INTRUSION, held.id, MarkingVerdict.OURS, "test", "a. uthor", text=refs)
    bare = _power(staged, ["one-mailbox"], 1, per_week=1)
    said = _power(staged, ["one-mailbox"], 1, markings=[ours], per_week=1)
    assert said.rows[0].by_chance > bare.rows[0].by_chance, "eight ties fewer are judged"
