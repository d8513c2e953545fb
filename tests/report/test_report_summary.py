"""The JSON summary keeps to its contract: field names, order, words, and null for what is unknown."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.report.golden import assert_golden
from tests.report.sample_case import SUMMARY, filled

from dwell.model import claims
from dwell.model.blind_days import BlindWhy
from dwell.model.claims import Question, Summary
from dwell.model.departures import DepartureKind
from dwell.model.estimates import Estimate
from dwell.model.explanations import Side
from dwell.model.hypotheses import HypothesisVerdict, Told, Where
from dwell.model.markings import MarkingKind, MarkingVerdict
from dwell.model.resting import RestingTable
from dwell.model.settings import SettingKind
from dwell.report.summary_json import schema, summary_dict, summary_text

CONTRACT: Mapping[str, str] = {
    "": "dwell case answers claims mailboxes intrusions entry foothold reach eviction coverage leads",
    "case": "name evidence_files records anomalies first_utc last_utc",
    "claims": "id question text grade grounds coverage against",
    "mailboxes": "mailbox grade intrusions first_utc last_utc messages folders bytes clients coverage",
    "intrusions": "id first_utc last_utc entry clients accounts mailboxes techniques links",
    "entry": "host cve method outcome first_utc last_utc intrusion",
    "foothold": "kind host what first_utc state intrusion",
    "reach": "system class verdict coverage",
    "eviction": "check status why",
    "coverage": "host source first_utc last_utc held missing altered not_recorded",
    "leads": "rank mailbox client first_utc last_utc bits terms",
}
"""Fields in the order in which the design has them; further fields follow after."""

WORDS: Mapping[tuple[str, str], type[StrEnum]] = {
    ("claim", "question"): claims.Question,
    ("claim", "grade"): claims.ClaimGrade,
    ("mailbox", "grade"): claims.Grade,
    ("entry", "outcome"): claims.Outcome,
    ("foothold", "state"): claims.FootholdState,
    ("reach", "verdict"): claims.ReachVerdict,
    ("check", "status"): claims.CheckStatus,
    ("rule", "status"): claims.RuleStatus,
    ("blind_days", "why"): BlindWhy,
    ("hypothesis", "verdict"): HypothesisVerdict,
    ("hypothesis", "where"): Where,
    ("hypothesis", "told_by"): Told,
    ("learned", "kind"): claims.LearnedKind,
    ("marking", "kind"): MarkingKind,
    ("marking", "verdict"): MarkingVerdict,
    ("setting", "kind"): SettingKind,
    ("departure", "kinds"): DepartureKind,
    ("explanation", "side"): Side,
    ("estimate", "word"): Estimate,
    ("resting", "table"): RestingTable,
}
EMPTY = Summary("0.0.1", claims.CaseFacts("", 0, 0, 0, None, None), *((),) * 10)
ANY = st.text(st.characters(exclude_categories=()) | st.sampled_from('\x00\x1b\u202e\ud800"\\<'), max_size=20)


def plain(summary: Summary) -> Any:  # noqa: ANN401 - a JSON document
    return json.loads(summary_text(summary))


def nodes(node: Any, at: str = "$") -> Iterator[tuple[str, Mapping[str, Any]]]:  # noqa: ANN401 - a JSON document
    """Yield every object of a document with its place."""
    if isinstance(node, Mapping):
        yield at, node
        for key, child in node.items():
            yield from nodes(child, f"{at}.{key}")
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from nodes(child, f"{at}[{number}]")


def faults(summary: Summary) -> list[str]:
    return [f"{one.json_path}: {one.message}" for one in Draft202012Validator(schema()).iter_errors(plain(summary))]


def test_summary_is_the_golden_one() -> None:
    assert_golden("summary.json", summary_text(SUMMARY))


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("summary", [SUMMARY, EMPTY], ids=["sample", "empty"])
def test_summary_keeps_to_its_schema(summary: Summary) -> None:
    assert faults(summary) == []


@pytest.mark.parametrize("place", CONTRACT)
def test_fields_stand_in_the_order_of_the_design(place: str) -> None:
    whole = plain(SUMMARY)
    found = whole[place] if place else whole
    for one in found if isinstance(found, list) else [found]:
        assert " ".join(one).startswith(CONTRACT[place])


def test_every_field_written_is_described_and_required() -> None:
    whole: Any = schema()

    def walk(node: Any, value: Any, at: str) -> Iterator[str]:  # noqa: ANN401 - JSON documents
        while "$ref" in node:
            node = whole["$defs"][node["$ref"].rpartition("/")[2]]
        if isinstance(value, Mapping) and "properties" in node:
            if list(node["properties"]) != list(value) or node["required"] != list(value):
                yield f"{at}: {set(node['properties']) ^ set(value) or 'another order'}"
            for key, child in value.items():
                yield from walk(node["properties"].get(key, {}), child, f"{at}.{key}")
        elif isinstance(value, list):
            for child in value:
                yield from walk(node["items"], child, f"{at}[]")

    assert list(walk(whole, plain(SUMMARY), "$")) == []


def test_every_property_has_a_description() -> None:
    bare = [
        f"{at}.{name}"
        for at, node in nodes(schema())
        if at.endswith(".properties")
        for name, child in node.items()
        if not child.get("description")
    ]
    assert bare == []
    whole: Any = schema()
    assert all(node.get("description") for node in whole["$defs"].values())


@pytest.mark.parametrize("place", WORDS, ids="-".join)
def test_words_of_the_schema_are_those_of_the_model(place: tuple[str, str]) -> None:
    thing, field = place
    whole: Any = schema()
    described = whole["$defs"][thing]["properties"][field]
    assert described.get("items", described)["enum"] == [one.value for one in WORDS[place]]


def test_no_closed_list_of_the_schema_is_unchecked() -> None:
    assert sum("enum" in node for _, node in nodes(schema())) == len(WORDS)


def test_the_schema_is_open_for_new_fields() -> None:
    closed = [
        at for at, node in nodes(schema()) if "properties" in node and node.get("additionalProperties") is not True
    ]
    assert closed == []


def test_a_foreign_word_is_refused_by_the_schema() -> None:
    whole = plain(SUMMARY)
    whole["mailboxes"][0]["grade"] = "clean"
    assert [one.json_path for one in Draft202012Validator(schema()).iter_errors(whole)] == ["$.mailboxes[0].grade"]


def test_unknown_is_null_and_never_nought_or_empty() -> None:
    whole = plain(SUMMARY)
    assert whole["answers"]["blindspots"]["verdict"] is None
    mailbox = next(one for one in whole["mailboxes"] if one["grade"] == "opened")
    assert (mailbox["messages"], mailbox["bytes"], mailbox["bytes_source"]) == (None, None, None)
    assert whole["entry"][1]["last_utc"] is None
    assert whole["reach"][3] | {"grounds": []} == {
        "system": "Register",
        "class": "database",
        "verdict": "not-covered",
        "coverage": None,
        "why": None,
        "grounds": [],
        "coverage_detail": None,
    }
    empty = [f"{at}.{key}" for at, node in nodes(whole) for key, value in node.items() if value == ""]
    assert empty == []


def test_coverage_of_nothing_asked_is_null_with_its_figures() -> None:
    claim = next(one for one in plain(SUMMARY)["claims"] if one["id"] == "eviction-1")
    assert claim["coverage"] is None
    assert claim["coverage_detail"]["hours_asked"] == 0


def test_instants_are_utc_with_z() -> None:
    instants = [
        value for _, node in nodes(plain(SUMMARY)) for key, value in node.items() if key.endswith("_utc") and value
    ]
    assert len(instants) > 10
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", one) for one in instants)


def test_all_seven_answers_are_there_in_order_even_where_none_was_worked_out() -> None:
    assert list(plain(EMPTY)["answers"]) == [one.value for one in Question]
    assert plain(EMPTY)["answers"]["eviction"] == {"verdict": None, "claims": []}


def test_grounds_total_is_never_below_the_grounds_listed() -> None:
    assert {one["id"]: one["grounds_total"] for one in plain(SUMMARY)["claims"]} == {
        "entry-1": 212,
        "entry-2": 0,
        "foothold-1": 1,
        "mailboxes-1": 1,
        "reach-1": 0,
        "intrusions-1": 0,
        "eviction-1": 1,
        "blindspots-1": 0,
    }


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_bits_that_are_no_number_are_unknown(value: float) -> None:
    lead = dataclasses.replace(SUMMARY.leads[0], bits=value, terms=(("network", value),))
    made = plain(dataclasses.replace(SUMMARY, leads=(lead,)))["leads"][0]
    assert made["bits"] is None
    assert made["terms"] == {"network": None}


@given(ANY)
def test_any_text_gives_ascii_that_keeps_to_the_schema_and_comes_back(text: str) -> None:
    summary = filled(SUMMARY, text)
    assert summary_text(summary).isascii()
    assert faults(summary) == []
    back = plain(summary)["claims"][0]["text"]
    assert back == "".join(f"<U+{ord(one):04X}>" if "\ud800" <= one <= "\udfff" else one for one in text)


def test_the_same_summary_gives_the_same_bytes() -> None:
    assert summary_text(SUMMARY) == summary_text(dataclasses.replace(SUMMARY))
    assert summary_text(SUMMARY) == json.dumps(summary_dict(SUMMARY), indent=1) + "\n"
