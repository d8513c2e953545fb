"""Cmdlets: one rule, put to the four logs that tell of them, whatever form parameters have there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hunt.archives import archive_of, hunted, load_rules, met
from tests.hunt.cmdlet_logs import LOGS
from tests.hunt.drawn import Subject
from tests.hunt.slow_sources import kinds_of
from tests.hunt.test_hunt_against_specification import SLOW, Compared, compare

from dwell.casebook.case import Case
from dwell.hunt.base import Base, Rows
from dwell.hunt.composed import composed
from dwell.hunt.hunting import hunt
from dwell.hunt.wide import Hunter
from dwell.intake.ingest import ingest, open_archive
from dwell.model.claims import RuleStatus

RULE = {"title": "a rule", "id": "5f0c5f5c-0000-4000-8000-000000000001", "level": "high"}
CMDLETS = {"product": "exchange", "service": "cmdlet"}
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<SearchResults>\n'
EVENT = (
    '<Event Caller="x/adm" Cmdlet="Set-Mailbox" ObjectModified="x/anna" RunDate="2021-02-18T15:48:11+01:00" '
    'Succeeded="{0}" Error="None" OriginatingServer="EX01 (15.01.2176.002)"><CmdletParameters>'
    '<Parameter Name="Identity" Value="anna" /><Parameter Name="ForwardingSmtpAddress" Value="smtp:x@y.example" />'
    "</CmdletParameters></Event>\n"
)
CSV = (
    '"ObjectModified","CmdletName","CmdletParameters","ModifiedProperties","Caller","Succeeded","Error","RunDate",'
    '"OriginatingServer"\n"x/anna","Set-Mailbox","{Identity, ForwardingSmtpAddress}","{}","x/adm","True","None",'
    '"18/02/2021 15:48:15","EX01 (15.01.2176.002)"\n'
)


def texts_of(held: list[list[tuple[str, str | None]] | None]) -> dict[int, str]:
    table = pa.table({"Parameters": pa.array(held, pa.map_(pa.string(), pa.string()))})
    rows, codes, values = composed(Base(Rows.of(table)), "CmdletText:Parameters")
    return {int(row): values[int(code)].as_py() for row, code in zip(rows, codes, strict=True)}


def test_names_and_values_are_told_as_exchange_writes_them() -> None:
    held: list[list[tuple[str, str | None]] | None] = [
        [("Identity", "anna"), ("Force", None), ("AuditEnabled", "False")],
        None,
        [],
        [("ForwardTo", "$null"), ("RedirectTo", "@()"), ("CopyTo", "{}"), ("Name", "")],
        [("User", "a"), ("User#2", 'b "c"')],
        [("Identity", "anna"), ("Force", None), ("AuditEnabled", "False")],
    ]
    assert texts_of(held) == {
        0: '-Identity "anna" -Force -AuditEnabled "False"',
        3: '-ForwardTo $null -RedirectTo @() -CopyTo {} -Name ""',
        4: '-User "a" -User "b "c""',
        5: '-Identity "anna" -Force -AuditEnabled "False"',
    }
    assert texts_of([None, None]) == {}


def outcome_of(folder: Path, name: str, text: str, title: str) -> tuple[int, RuleStatus, str]:
    (folder / "evidence").mkdir()
    (folder / "evidence" / name).write_text(text, encoding="utf-8")
    case = Case.create(folder / "case")
    ingest(case, [folder / "evidence"], workers=1)
    told = hunt(open_archive(case), workers=1)
    (mine,) = [one for one in told.outcomes if one.title == title]
    return mine.hits, mine.status, mine.reason


def test_an_admin_audit_log_is_read_and_met_and_what_failed_is_not(tmp_path: Path) -> None:
    text = HEAD + EVENT.format("true") + EVENT.format("false") + "</SearchResults>\n"
    hits, status, _ = outcome_of(tmp_path, "SearchResult.xml", text, "Mail forwarded by a cmdlet")
    assert (hits, status) == (1, RuleStatus.RAN)


def test_a_log_without_values_of_parameters_is_no_log_in_which_nothing_was_set(tmp_path: Path) -> None:
    hits, status, reason = outcome_of(tmp_path, "audit.csv", CSV, "Mail forwarded by a cmdlet")
    assert (hits, status) == (0, RuleStatus.BLIND)
    assert "never recorded: Parameters" in reason


@pytest.mark.parametrize("table", LOGS)
def test_a_rule_names_caller_and_result_alike_in_every_log(tmp_path: Path, table: str) -> None:
    rows = [LOGS[table]("Set-Mailbox", '-Identity "a"', failed=one) for one in (False, True)]
    detection = {
        "s": {"Cmdlet": "Set-Mailbox", "CmdletCaller|contains": "adm"},
        "failed": {"CmdletResult": [6, "Error", "False"]},
        "condition": "s and not failed",
    }
    rules = load_rules(tmp_path / "rules", {**RULE, "logsource": CMDLETS, "detection": detection}).rules
    assert met(hunted(archive_of(tmp_path / "archive", {table: rows}), Hunter(rules))) == {RULE["id"]: {1}}


_NAMES = st.sampled_from(["Set-Mailbox", "New-InboxRule", "x"])
_VALUES = st.sampled_from(["True", "$null", "@()", "", "a", 'b" -User "c', "{}", "$NULL"])
_GIVEN = st.none() | st.lists(
    st.tuples(st.sampled_from(["Identity", "User", "User#2"]), st.none() | _VALUES),
    max_size=3,
    unique_by=lambda one: one[0],
)
_TYPED = st.none() | st.sampled_from(['-Identity "a"', "-User $null", '-User "a" -Identity "True"'])
_CALLERS = st.sampled_from(["adm", "GOV\\adm"])
_ROWS: Mapping[str, st.SearchStrategy[dict[str, Any]]] = {
    "evtx": st.fixed_dictionaries(
        {"Channel": st.sampled_from(["MSExchange Management", "Application"]), "EventID": st.sampled_from([1, 6])},
        optional={"Cmdlet": _NAMES, "CmdletParameters": _TYPED, "CmdletCaller": _CALLERS},
    ),
    "rps_cmdlet": st.fixed_dictionaries(
        {"Cmdlet": _NAMES},
        optional={
            "Parameters": _TYPED, "AuthenticatedUser": _CALLERS, "ExecutionResult": st.sampled_from(["Error", "Success"]),
        },
    ),
    "admin_audit": st.fixed_dictionaries(
        {"Cmdlet": _NAMES, "Parameters": _GIVEN},
        optional={"Caller": _CALLERS, "Succeeded": st.sampled_from(["false", "true"])},
    ),
    "ual": st.fixed_dictionaries(
        {"Operation": _NAMES, "Parameters": _GIVEN},
        optional={"UserId": _CALLERS, "ResultStatus": st.sampled_from(["False", "True"])},
    ),
}  # fmt: skip
_ASKED = st.sampled_from(
    [{"Cmdlet": "set-mailbox"}, {"CmdletParameters|contains": '-User "a"'}, {"CmdletParameters|re": "-User[^-]*null"},
     {"CmdletParameters": None}, {"CmdletParameters|startswith": "-Identity"}, {"CmdletParameters|endswith": "@()"},
     {"CmdletCaller|endswith": "\\adm"}, {"CmdletResult": [6, "Error", "False"]}, {"CmdletParameters|exists": True}]
)  # fmt: skip


_FIELDS = ("Cmdlet", "CmdletParameters", "CmdletCaller", "CmdletResult")


@st.composite
def _rules(draw: st.DrawFn) -> dict[str, Any]:
    condition = draw(st.sampled_from(["s", "not s", "s and not t", "s or t", "s and t"]))
    return {
        "title": "drawn", "level": "low", "logsource": CMDLETS,
        "detection": {"s": draw(_ASKED), "t": draw(_ASKED), "condition": condition},
    }  # fmt: skip


@pytest.mark.parametrize("table", _ROWS)
def test_drawn_rules_about_cmdlets_are_read_as_the_slow_reading_reads_them(table: str) -> None:
    kinds = [one for one in kinds_of(CMDLETS) if one.table == table]
    rows = _ROWS[table]
    subject = Subject(
        table, CMDLETS, _FIELDS, rows, lambda row: next((one.make(row) for one in kinds if one.is_one(row)), None)
    )
    counted = Compared()

    @SLOW
    @given(st.lists(rows, min_size=1, max_size=10), st.lists(_rules(), min_size=1, max_size=8))
    def hold(events: list[dict[str, Any]], drawn: list[dict[str, Any]]) -> None:
        compare(subject, events, drawn, counted)

    hold()
    assert counted.met
