"""Whose process it is: what Security 4688 writes in several fields, asked in the words that rules have for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hunt.archives import archive_of, hunted, load_rules, met
from tests.hunt.drawn import Subject
from tests.hunt.slow_sources import kinds_of
from tests.hunt.test_hunt_against_specification import SLOW, Compared, compare

from dwell.hunt.wide import Hunter

SYSMON = "Microsoft-Windows-Sysmon/Operational"
RULE = {"title": "a rule", "id": "5f0c5f5c-0000-4000-8000-000000000001", "level": "high"}
PROCESS = {"product": "windows", "category": "process_creation"}


def started(
    name: str | None, domain: str | None, sid: str, runs_as: tuple[str, str, str] | None = None
) -> dict[str, Any]:
    """Give an event 4688."""
    target = runs_as or ("-", "-", "S-1-0-0")
    return {
        "Channel": "Security", "EventID": 4688, "NewProcessName": "C:\\x\\a.exe", "SubjectUserName": name,
        "SubjectDomainName": domain, "SubjectUserSid": sid, "TargetUserName": target[0], "TargetDomainName": target[1],
        "TargetUserSid": target[2],
    }  # fmt: skip


ROWS: list[dict[str, Any]] = [
    started("anna", "GOV", "S-1-5-21-1-2-3-1001"),
    started("EX01$", "GOV", "S-1-5-18"),
    started("adm", "GOV", "S-1-5-21-1-2-3-500", ("svc", "GOV", "S-1-5-21-1-2-3-1100")),
    started("LOKALER DIENST", "NT-AUTORITÄT", "S-1-5-19"),
    {"Channel": SYSMON, "EventID": 1, "User": "NT AUTHORITY\\SYSTEM", "Image": "C:\\x\\a.exe"},
    {"Channel": SYSMON, "EventID": 1, "User": "GOV\\anna", "Image": "C:\\x\\a.exe"},
    started(None, None, "S-1-5-21-1-2-3-1001"),
    {"Channel": "Security", "EventID": 4624, "SubjectUserName": "anna", "SubjectDomainName": "GOV"},
]


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({"User": "anna"}, {1}),
        ({"User": "GOV\\anna"}, {1, 6}),
        ({"User|endswith": "anna"}, {1, 6}),
        ({"User|contains": ["AUTHORI", "AUTORI"]}, {2, 4, 5}),
        ({"User|endswith": "\\SYSTEM"}, {2, 5}),
        ({"User": "EX01$"}, {2}),
        ({"User": ["adm", "svc"]}, {3}),
        ({"User": "GOV\\svc"}, {3}),
        ({"User": "-"}, set()),
        ({"User": None}, {7}),
        ({"User|exists": True}, {1, 2, 3, 4, 5, 6}),
    ],
)
def test_a_user_is_met_by_the_bare_name_with_its_domain_and_as_the_system_is_called(
    tmp_path: Path, asked: Mapping[str, Any], meant: set[int]
) -> None:
    archive = archive_of(tmp_path / "archive", {"evtx": ROWS})
    rule = {**RULE, "logsource": PROCESS, "detection": {"condition": "s", "s": asked}}
    rules = load_rules(tmp_path / "rules", rule).rules
    for prune in (True, False):
        assert met(hunted(archive, Hunter(rules, prune=prune))).get(RULE["id"], set()) == meant


_NAMES = st.sampled_from(["anna", "EX01$", "-", "", "SYSTEM", "Anna"])
_DOMAINS = st.sampled_from(["GOV", "-", "", "NT AUTHORITY", "gov"])
_SIDS = st.sampled_from(["S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-5-21-1-2-3-500", "S-1-0-0", "-"])
_ROWS = st.fixed_dictionaries(
    {"Channel": st.sampled_from([SYSMON, "Security", "Security"]), "EventID": st.sampled_from([1, 4688, 4688, 4657])},
    optional={
        "SubjectUserName": _NAMES, "SubjectDomainName": _DOMAINS, "SubjectUserSid": _SIDS, "TargetUserName": _NAMES,
        "TargetDomainName": _DOMAINS, "TargetUserSid": _SIDS, "User": st.sampled_from(["GOV\\anna", "anna"]),
    },
)  # fmt: skip
_ASKED = st.sampled_from(
    [{"User": "anna"}, {"User": "GOV\\*"}, {"User|contains": "AUTHORI"}, {"User": None}, {"User": ""}, {"User": "-"},
     {"User|exists": True}, {"User|endswith": "\\SYSTEM"}, {"User|startswith": "nt"}, {"User|fieldref": "SubjectUserName"}]
)  # fmt: skip


@st.composite
def _rules(draw: st.DrawFn, source: Mapping[str, str]) -> dict[str, Any]:
    condition = draw(st.sampled_from(["s", "not s", "s and not t", "s or t"]))
    return {
        "title": "drawn", "level": "low", "logsource": dict(source),
        "detection": {"s": draw(_ASKED), "t": draw(_ASKED), "condition": condition},
    }  # fmt: skip


@pytest.mark.parametrize("source", [PROCESS, {"product": "windows", "category": "registry_set"}], ids=str)
def test_drawn_rules_about_users_are_read_as_the_slow_reading_reads_them(source: Mapping[str, str]) -> None:
    kinds = [one for one in kinds_of(source) if one.table == "evtx"]
    subject = Subject(
        "evtx", source, ("User",), _ROWS, lambda row: next((one.make(row) for one in kinds if one.is_one(row)), None)
    )
    counted = Compared()

    @SLOW
    @given(st.lists(_ROWS, min_size=1, max_size=10), st.lists(_rules(source), min_size=1, max_size=8))
    def hold(events: list[dict[str, Any]], drawn: list[dict[str, Any]]) -> None:
        compare(subject, events, drawn, counted)

    hold()
    assert counted.met
