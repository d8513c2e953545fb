"""Indicator lists: what is read, what is refused, and where a match lies in time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hunt.archives import archive_of

from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.indicators.lists import guessed_kind, read_indicators, refanged
from dwell.hunt.indicators.match import PLACES
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
        ("198[.]51[.]100[.]7", "198.51.100.7", "address"),
        ("198.51.100.0/24", "198.51.100.0/24", "network"),
        ("2001:db8::1", "2001:db8::1", "address"),
        ("evil(dot)example", "evil.example", "domain"),
        ("user[at]evil[.]example", "user@evil.example", "email"),
        ('"d41d8cd98f00b204e9800998ecf8427e"', "d41d8cd98f00b204e9800998ecf8427e", "hash"),
        ("supp0rt.aspx", "supp0rt.aspx", "name"),
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


def test_values_that_match_nothing_or_everything_are_named_and_the_rest_is_used(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "# a list\nindicator,type,valid_from,valid_until\n,ip,,\n0.0.0.0/0,cidr,,\n::/0,cidr,,\n0.0.0.0,ip,,\n"
        "evil.example,ip,,\ncom,domain,,\nzz,md5,,\n\\,filepath,,\nhttp://a.example/,url,,\n"
        "198.51.100.7,ip,2021-13-01,\n198.51.100.8,ip,2021-03-02,2021-03-01\n198.51.100.9,IPv4-Addr,2021-03-02,\n",
    )
    listed = read_indicators([path])
    assert [one.value for one in listed.items] == ["198.51.100.9"]
    assert len(listed.faults) == 11
    assert listed.faults[0].startswith("list.csv:3: ")
    assert any("/0" in one for one in listed.faults)


def test_a_header_names_the_kind_of_a_column(tmp_path: Path) -> None:
    listed = read_indicators([written(tmp_path, "SHA256;description\n" + "ab" * 32 + ";dropper\n")])
    assert [(one.kind, one.label, one.source) for one in listed.items] == [("hash", "dropper", "list.csv")]


def test_files_that_are_no_lists_are_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.txt"
    broken.write_bytes(b"\xff\xfe\x00x")
    listed = read_indicators([broken, tmp_path / "nowhere.txt"])
    assert listed.items == ()
    assert [one.split(":")[0] for one in listed.faults] == ["broken.txt", "nowhere.txt"]


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
        ("hash", "evtx", 1),
        ("domain", "evtx", 2),
        ("hash", "inventory", 1),
        ("address", "ual", 1),
        ("network", "ual", 1),
        ("email", "ual", 1),
    }
    assert {one.status for one in hunted.indicators} == {RuleStatus.RAN}
    assert sum(one.hits for one in hunted.indicators) == len(met)


def test_indicators_that_nothing_held_could_show_are_blind(tmp_path: Path) -> None:
    hunted = searched(tmp_path, "ab" * 32 + "\n", {"iis": [{"cs-uri-stem": "/owa/"}]})
    assert [(one.status, one.hits) for one in hunted.indicators] == [(RuleStatus.BLIND, 0)]
    assert "inventory" in hunted.indicators[0].reason


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
