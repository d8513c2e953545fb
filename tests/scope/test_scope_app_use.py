"""Applications that an intrusion reads through: with what they read before and after, and without somebody else's work."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from tests.scope.office import reasoned
from tests.scope.staged import bind, consent, stage, ual_json, utc

from dwell.model.instants import utc_from_us
from dwell.scope.app_use import through_apps
from dwell.scope.intrusions import VALID_ACCOUNTS, Held
from dwell.scope.investigation import Investigation

Record = dict[str, object]
APP, PRINCIPAL = "aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000"
OWNERS = tuple(f"p{number:02}@gov.example" for number in range(12))
START = utc("2021-01-01 02:00:00")
HIS, NEXT, MAKER = "203.0.113.9", "198.51.100.9", "192.0.2.7"


def _at(day: int, minute: int = 0) -> str:
    return f"{START + timedelta(days=day, minutes=minute):%Y-%m-%d %H:%M:%S}"


def _consent(day: int, who: str) -> Record:
    return consent(_at(day), who, APP, PRINCIPAL, f"consent {who}")


def _read(day: int, place: int, client: str, app: str = APP) -> Record:
    who = OWNERS[place]
    record = bind(
        _at(day, 7 * place),
        who,
        who,
        client,
        "Client=REST;;",
        messages=[f"<{day}.{place}@x>"],
        id=f"{day} {who} {client}",
    )
    return record | {"ClientAppId": app}


def _held(case: Investigation, client: str) -> Held:
    """Make an intrusion of the sessions that come from a network."""
    accesses = case.accesses
    lan = accesses.networks.index(client.rpartition(".")[0] + ".0/24")
    rows = [row for row in range(len(accesses)) if accesses.network[row] == lan]
    pairs = frozenset((lan, int(accesses.agent[row])) for row in rows)
    first, last = (utc_from_us(int(one)) for one in (accesses.first[rows].min(), accesses.last[rows].max()))
    names = tuple(sorted({accesses.names[int(accesses.account[row])] for row in rows}))
    return Held(
        "I1", first, last, tuple(rows), (), pairs, (client,), names, (VALID_ACCOUNTS,), (), (), (), (), ()
    )  # fmt: skip


def _through(root: Path, records: Iterable[Record]) -> tuple[Investigation, Held]:
    case = reasoned(stage(root, {"m365/a.jsonl": ual_json(records)}))
    assert case.held == ()
    (found,) = through_apps([_held(case, HIS)], case.apps, case.accesses, case.identities)
    return case, found


def test_what_it_read_from_the_next_network_and_the_consents_belong_to_it(tmp_path: Path) -> None:
    consents = [_consent(place % 2, OWNERS[place]) for place in range(5)]
    reads = [_read(day, day % 5, HIS if day < 20 else NEXT) for day in range(3, 40, 2)]
    _, found = _through(tmp_path, [*consents, *reads])
    assert (found.first_utc, len(found.rows), found.entered) == (START, len(reads), ("Helper",))
    assert found.through == set(found.rows)
    assert "T1528" in found.techniques
    assert VALID_ACCOUNTS not in found.techniques
    assert any("5 owners of the mailboxes consented" in one for one in found.links)
    assert {one.split(" ")[0] for one in found.clients} == {"203.0.113.0/24", "198.51.100.0/24"}


def test_the_work_of_an_application_that_somebody_misuses_is_left_out(tmp_path: Path) -> None:
    consents = [_consent(0, one) for one in OWNERS]
    work = [_read(day, place, MAKER) for day in range(1, 41) for place in range(12)]
    theft = [_read(day, day // 2 % 4, HIS) for day in range(20, 36, 2)]
    case, found = _through(tmp_path, [*consents, *work, *theft])
    assert len(case.apps[0].reads) == len(work) + len(theft)
    assert len(found.rows) == len(theft)
    assert [len(one.reads) for one in found.apps] == [len(theft)]
    assert (found.entered, found.first_utc) == ((), utc(_at(20, 14)))


def test_a_few_mailboxes_or_another_application_tie_nothing(tmp_path: Path) -> None:
    few = [_read(day, day % 2, HIS) for day in range(3, 20)]
    _, found = _through(tmp_path / "few", [_consent(0, OWNERS[0]), *few])
    assert (found.apps, found.entered) == ((), ())
    other = [_read(day, day % 5, HIS, "cccccccc-0000-4000-8000-000000000000") for day in range(3, 20)]
    _, found = _through(tmp_path / "other", [_consent(0, OWNERS[0]), *other])
    assert (found.apps, found.entered) == ((), ())
