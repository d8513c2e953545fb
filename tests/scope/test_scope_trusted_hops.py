"""Named public hops: what they wrote of the client is believed, what anybody else wrote is not, and it is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scope.office import FOREIGN, NETWORK, PEOPLE, START, facts, log_of, reasoned, visits, work
from tests.scope.staged import iis_log, iis_place, proxy_log, stage

from dwell.answers.assemble import assemble
from dwell.casebook.case import Case
from dwell.casebook.trusted_hops import hops_in_force, hops_of, settle_hops
from dwell.errors import UsageError
from dwell.model.addresses import behind_balancers, is_internal, is_trusted, passed_through, trusting
from dwell.model.claims import EXPOSED, Grade
from dwell.scope.words import agent

CLOUD = ("198.51.100.0/24", "2001:db8:cf::/48")
EDGE, CLIENT, FORGED = "198.51.100.7", "203.0.113.9", "192.0.2.66"


@pytest.mark.parametrize(
    ("peer", "chain", "expected"),
    [
        (EDGE, CLIENT, CLIENT),
        (EDGE, f"{FORGED},{CLIENT}", CLIENT),
        ("10.0.0.5", f"{FORGED},+{CLIENT},+{EDGE}", CLIENT),
        ("10.0.0.5", f"{CLIENT}, {EDGE}:443", CLIENT),
        ("2001:db8:cf::9", f"[{CLIENT}]:1,{EDGE}", CLIENT),
        ("198.51.101.7", CLIENT, "198.51.101.7"),
        (CLIENT, f"{FORGED},{EDGE}", CLIENT),
        (EDGE, "-", EDGE),
        (EDGE, f"{FORGED},unknown", EDGE),
        (EDGE, None, EDGE),
    ],
)
def test_the_last_that_is_no_hop_of_ours_is_the_client(peer: str, chain: str | None, expected: str) -> None:
    with trusting(CLOUD):
        assert behind_balancers(peer, chain) == expected


def test_without_being_named_a_public_hop_is_the_client() -> None:
    assert behind_balancers(EDGE, CLIENT) == EDGE
    with trusting(CLOUD):
        assert behind_balancers(EDGE, CLIENT) == CLIENT
    assert behind_balancers(EDGE, CLIENT) == EDGE
    assert not is_trusted(EDGE)


@given(st.lists(st.ip_addresses().map(str), max_size=5), st.ip_addresses(v=4).map(str))
def test_what_an_outsider_writes_never_wins_over_an_untrusted_peer(front: list[str], peer: str) -> None:
    with trusting(CLOUD):
        if not is_trusted(peer) and not is_internal(peer):
            assert behind_balancers(EDGE, ",".join([*front, peer])) == peer
            assert behind_balancers(peer, ",".join([*front, EDGE])) == peer


def test_what_was_passed_over_is_named() -> None:
    with trusting(CLOUD):
        assert passed_through([FORGED, CLIENT, EDGE, "10.0.0.5"]) == "198.51.100.0/24"
        assert passed_through([CLIENT, "2001:db8:cf::1", EDGE]) == "198.51.100.0/24, 2001:db8:cf::/48"
        assert passed_through([EDGE, CLIENT, "10.0.0.5"]) is None
    assert passed_through([CLIENT, EDGE]) is None


@pytest.mark.parametrize(
    "text", ["", "x", "1.2.3.4/33", "0.0.0.0/0", "64.0.0.0/2", "::/0", "198.51.100.0/24,10.0.0.0/8"]
)
def test_what_is_no_range_of_a_proxy_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--trusted-hop"):
        hops_of([text])


def test_the_last_ranges_given_stand_and_can_be_taken_back(tmp_path: Path) -> None:
    case = Case.create(tmp_path / "case")
    with case.writing():
        for given_, expected in (
            ([EDGE, CLOUD[0]], (CLOUD[0], f"{EDGE}/32")),
            ([], (CLOUD[0], f"{EDGE}/32")),
            (["none"], ()),
        ):
            settle_hops(case, hops_of(given_))
            assert hops_in_force(case) == expected
    assert [act.details["hops"] for act in case.acts() if act.act == "trusted-hops"] == [[CLOUD[0], f"{EDGE}/32"], []]


def _behind_cloud() -> list[dict[str, object]]:
    rows = work()
    for person in PEOPLE[:5]:
        rows += visits(person, f"{NETWORK}.14", FOREIGN, range(20, 44, 3), hour=3, query="action=GetItem")
    for row in rows:
        if not str(row["client"]).startswith("10."):
            # everybody outside comes by the cloud; the intruder writes a chain of his own before
            forged = "192.0.2.66," if row["agent"] == FOREIGN else ""
            row["forwarded"], row["client"] = f"{forged}{row['client']}", EDGE
    return rows


def test_intruders_are_found_behind_a_cloud_proxy_and_it_is_told(tmp_path: Path) -> None:
    rows = _behind_cloud()
    staged = stage(tmp_path, {iis_place("EX01", f"{START:%y%m%d}"): log_of(rows)})
    with trusting(CLOUD):
        found = assemble(reasoned(staged), facts(staged))
    exposed = {one.mailbox: one for one in found.mailboxes if one.grade in EXPOSED}
    assert {name: one.grade for name, one in exposed.items()} == dict.fromkeys(PEOPLE[:5], Grade.READ)
    one = exposed[PEOPLE[0]]
    assert one.clients == (f"{NETWORK}.0/24 {agent(FOREIGN)}",)
    assert "the client's address is what the trusted hop wrote: 198.51.100.0/24" in one.assumptions
    assert any("read behind the trusted hop 198.51.100.0/24" in claim.text for claim in found.claims)
    assert not any("192.0.2.66" in claim.text for claim in found.claims)


def test_folded_tables_are_kept_apart_by_what_is_trusted(tmp_path: Path) -> None:
    row = {"at": "2021-03-03 10:00:00", "user": "anna", "client": EDGE, "forwarded": CLIENT}
    proxy = {
        "DateTime": "2021-03-03T10:00:00.000Z", "RequestId": "r1", "Protocol": "Owa", "UrlStem": "/owa/",
        "AuthenticatedUser": "anna", "ClientIpAddress": f"{FORGED} {CLIENT} {EDGE}", "HttpStatus": 200,
    }  # fmt: skip
    files = {iis_place("EX01", "210303"): iis_log([row]), "EX01/Logging/HttpProxy/Owa/x.LOG": proxy_log([proxy])}
    staged = stage(tmp_path, files)

    def clients() -> list[tuple[str, str | None]]:
        rows = staged.rolled().tables["sessions"].to_pylist()
        return [(one["client"], one["via"]) for one in rows]

    assert clients() == [(EDGE, None), (EDGE, None)]
    with trusting(CLOUD):
        assert clients() == [(CLIENT, "198.51.100.0/24"), (CLIENT, "198.51.100.0/24")]
