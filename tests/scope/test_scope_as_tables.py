"""Tables of autonomous systems: what they say, what of them cannot be read, and that a system is never a ground."""

from __future__ import annotations

import gzip
import ipaddress
import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scope.mmdb_writer import mmdb
from tests.scope.sessions import Visit, accesses_of

from dwell.errors import CustodyError, UsageError
from dwell.scope.access import Accesses
from dwell.scope.actors import LINK_BITS
from dwell.scope.as_tables import NO_SYSTEM, AsTable, read_table
from dwell.scope.as_ties import Systems, systems_of
from dwell.scope.clients import Clients, clients_of
from dwell.scope.habits import ties
from dwell.scope.leads import leads_of

TABLE = (
    "1.0.0.0\t1.0.0.255\t13335\tUS\tCLOUD\n"
    "1.0.1.0\t1.0.3.255\t0\tNone\tNot routed\n"
    '198.18.0.0\t198.18.31.255\t64500\tBE\tHOST "quoted\n'
    "198.18.32.0\t198.19.255.255\t64501\tBE\tISP\n"
    "2001:db8::\t2001:db8:ffff:ffff:ffff:ffff:ffff:ffff\t64502\tBE\tSIX\n"
)


def written(folder: Path, body: str | bytes, name: str = "table.tsv") -> Path:
    path = folder / name
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return path


def test_networks_are_looked_up_by_their_first_address(tmp_path: Path) -> None:
    path = written(tmp_path, TABLE)
    os.utime(path, (1_614_600_000, 1_614_600_000))
    table = read_table(path)
    wanted = [
        "1.0.0.0/24",
        "1.0.1.0/24",
        "198.18.5.0/24",
        "198.18.32.0/24",
        "2001:db8:7::/48",
        "2001:db9::/48",
        "9.9.9.0/24",
    ]
    assert table.systems.numbers(wanted).tolist() == [13335, -1, 64500, 64501, 64502, -1, -1]
    assert table.systems.numbers([]).tolist() == []
    assert table.systems.name(64500) == 'HOST "quoted'
    assert (table.systems.name(1), table.ranges, table.unread) == ("", 4, 0)
    assert (table.dated, table.by) == ("2021-03-01", "by the file's last write")
    packed = read_table(written(tmp_path, gzip.compress(TABLE.encode()), "table.tsv.gz"))
    assert packed.systems.numbers(wanted).tolist() == table.systems.numbers(wanted).tolist()


def test_what_cannot_be_read_is_counted(tmp_path: Path) -> None:
    bad = "# a comment\n1.0.0.999\t1.0.1.0\t5\tX\tY\n9.0.0.255\t9.0.0.0\t5\tX\tY\n"
    bad += "2001:zz::\t2001::\t5\tX\tY\nx\ty\tz\tX\tY\n"
    table = read_table(written(tmp_path, TABLE + bad + "8.0.0.0\t8.0.0.255\t99999999999\tX\tY\n"))
    assert (table.ranges, table.unread) == (4, 6)


@pytest.mark.parametrize(
    "body",
    [b"", b"\n\n", b"nothing", b"\x00" * 100, b"\x1f\x8bnot gzip", gzip.compress(TABLE.encode())[:-9], b"a\tb\tc\td\te\n",
     b"\xab\xcd\xefMaxMind.com", mmdb({})[:-40]],
)  # fmt: skip
def test_what_is_no_table_is_refused(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(UsageError):
        read_table(written(tmp_path, body))


def test_a_table_in_a_case_has_to_be_what_was_set(tmp_path: Path) -> None:
    path = written(tmp_path, TABLE)
    digest = read_table(path).sha256
    assert read_table(path, wanted=digest).sha256 == digest
    path.write_text(TABLE.replace("64500", "64510"), encoding="utf-8")
    with pytest.raises(CustodyError, match="not what was set"):
        read_table(path, wanted=digest)
    with pytest.raises(CustodyError, match="gone"):
        read_table(tmp_path / "nowhere", wanted=digest)
    with pytest.raises(UsageError, match="no such file"):
        read_table(tmp_path / "nowhere")


def test_a_table_in_maxminds_format_says_the_same(tmp_path: Path) -> None:
    body = mmdb({"198.18.5.0/24": (64500, "HOST"), "198.18.9.0/24": (64501, "ISP")}, built=1_614_600_000)
    table = read_table(written(tmp_path, body, "asn.mmdb"))
    wanted = ["198.18.5.0/24", "198.18.9.0/24", "198.18.6.0/24", "2001:db8::/48"]
    assert table.systems.numbers(wanted).tolist() == [64500, 64501, NO_SYSTEM, NO_SYSTEM]
    assert table.systems.name(64501) == "ISP"
    assert (table.dated, table.by, table.ranges) == ("2021-03-01", "as it says itself", None)


def test_a_damaged_table_names_some_systems_or_none_and_stops_nothing(tmp_path: Path) -> None:
    body = mmdb({"198.18.5.0/24": (64500, "HOST"), "198.18.9.0/24": (64501, "ISP")})
    dice = random.Random(2021)  # noqa: S311 - reproducible, and nothing secret
    named = 0
    for _ in range(1_500):
        damaged = bytearray(body)
        for _ in range(dice.randint(1, 6)):
            damaged[dice.randrange(len(body) - 160)] = dice.randrange(256)
        try:
            table = read_table(written(tmp_path, bytes(damaged), "asn.mmdb"))
        except UsageError:  # its head is damaged, or its mark
            continue
        named += int((table.systems.numbers(["198.18.5.0/24", "198.18.9.0/24"]) != NO_SYSTEM).sum())
    assert 0 < named < 3_000


RANGES = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 2**32 - 1)), min_size=1, max_size=12)


@given(RANGES, st.lists(st.integers(0, 2**24 - 1), max_size=20))
def test_ranges_agree_with_a_slow_walk(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[tuple[int, int]], lans: list[int]
) -> None:
    bounds = sorted({one[0] for one in cuts})
    rows = [(a, b - 1, number) for number, (a, b) in enumerate(zip(bounds, [*bounds[1:], 2**32], strict=True), 1)]
    lines = [
        f"{ipaddress.IPv4Address(a)}\t{ipaddress.IPv4Address(b)}\t{number}\tXX\tN{number}\n" for a, b, number in rows
    ]
    table = read_table(written(tmp_path_factory.mktemp("table"), "".join(lines)))
    wanted = [f"{ipaddress.IPv4Address(one << 8)}/24" for one in lans]
    slow = [next((n for a, b, n in rows if a <= one << 8 <= b), NO_SYSTEM) for one in lans]
    assert table.systems.numbers(wanted).tolist() == slow


PEOPLE = [f"p{number:02}" for number in range(40)]
OFFICE = [
    Visit(name, 200, f"Chrome/{80 + place % 5}", day) for place, name in enumerate(PEOPLE) for day in range(0, 60, 2)
]
HOMES = [
    Visit(name, 40 + place, f"Chrome/{80 + place % 5}", day, 20)
    for place, name in enumerate(PEOPLE)
    for day in range(0, 60, 3)
]
ROTATING = [Visit(PEOPLE[place], 1 + place, "python-requests/2.25", 20 + place, 3) for place in range(5)]
"""One tool, each account from a network of its own; networks 1 to 31 are the hosting system's, others the provider's."""


def worked(visits: list[Visit], table: AsTable) -> tuple[Accesses, Clients, Systems]:
    accesses = accesses_of(visits)
    clients = clients_of(accesses, ties(accesses, np.zeros(len(accesses), np.bool_)))
    return accesses, clients, systems_of(table, accesses, clients)


def test_an_agent_that_rotates_inside_one_system_is_put_together_and_makes_no_cluster(tmp_path: Path) -> None:
    accesses, clients, systems = worked([*OFFICE, *HOMES, *ROTATING], read_table(written(tmp_path, TABLE)))
    assert clients.clusters == ()
    (one,) = [each for each in systems.clusters if each.bits >= LINK_BITS]
    assert (systems.words(one.number), len(one.accounts), len(one.networks)) == ('AS64500 HOST "quoted', 5, 5)
    plain, told = leads_of(accesses, clients, (), 8.0), leads_of(accesses, clients, (), 8.0, systems)
    assert [(lead.rank, lead.mailbox, lead.bits) for lead in plain.leads] == [
        (lead.rank, lead.mailbox, lead.bits) for lead in told.leads
    ]
    assert {lead.system_accounts for lead in told.leads if lead.system.startswith("AS64500")} == {5}
    assert {lead.system for lead in plain.leads} == {""}


def test_where_everybody_is_in_one_system_the_coincidence_is_worth_nothing(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "0.0.0.0\t255.255.255.255\t64500\tXX\tALL\n"))
    *_, systems = worked([*OFFICE, *HOMES, *ROTATING], table)
    assert max((one.bits for one in systems.clusters), default=0.0) < 2


def test_no_session_and_no_network_in_the_table_give_no_cluster(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, TABLE))
    assert worked([], table)[2].clusters == ()
    elsewhere = read_table(written(tmp_path, "9.0.0.0\t9.255.255.255\t7\tXX\tNINE\n"))
    assert worked([*OFFICE, *ROTATING], elsewhere)[2].clusters == ()
