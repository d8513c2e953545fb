"""Tables as CSV and rows: nothing but a header and rows, no formula, and the rows of the JSON summary."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.golden import assert_golden
from tests.report.sample_case import SUMMARY, filled

from dwell.model.claims import Summary
from dwell.report.summary_json import summary_text
from dwell.report.tables import (
    coverage_csv,
    coverage_rows,
    leads_csv,
    leads_rows,
    mailboxes_csv,
    mailboxes_rows,
)
from dwell.safe.hidden import HIDDEN
from dwell.safe.jsontext import Json, json_text
from dwell.safe.sheet import cell

Csv = Callable[[Summary], str]
Rows = Callable[[Summary], list[dict[str, Json]]]

TABLES: tuple[tuple[str, Csv, Rows], ...] = (
    ("mailboxes", mailboxes_csv, mailboxes_rows),
    ("coverage", coverage_csv, coverage_rows),
    ("leads", leads_csv, leads_rows),
)
ANY = st.text(st.characters(exclude_categories=()) | st.sampled_from("=+-@\t\r\n;\"',\ud800\x1b\u202e"), max_size=20)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(("name", "as_csv", "rows"), TABLES, ids=[name for name, *_ in TABLES])
def test_csv_is_the_golden_one_and_has_a_row_for_each(name: str, as_csv: Csv, rows: Rows) -> None:
    text = as_csv(SUMMARY)
    assert_golden(f"{name}.csv", text)
    assert len(read(text)) == len(rows(SUMMARY)) == text.count("\r\n") - 1


@pytest.mark.parametrize(("name", "as_csv", "rows"), TABLES, ids=[name for name, *_ in TABLES])
def test_rows_are_those_of_the_summary(name: str, as_csv: Csv, rows: Rows) -> None:
    assert json.loads(json_text(rows(SUMMARY))) == json.loads(summary_text(SUMMARY))[name]
    assert as_csv(SUMMARY) == as_csv(SUMMARY)


@pytest.mark.parametrize(("name", "as_csv", "rows"), TABLES, ids=[name for name, *_ in TABLES])
def test_figures_of_the_csv_are_those_of_the_rows(name: str, as_csv: Csv, rows: Rows) -> None:
    compared = 0
    for line, row in zip(read(as_csv(SUMMARY)), json.loads(json_text(rows(SUMMARY))), strict=True):
        for field in line.keys() & row.keys():
            value = row[field]
            if value is None or isinstance(value, int | float):
                assert line[field] == ("" if value is None else str(value)), (name, field)
                compared += 1
    assert compared > 4


@given(ANY)
def test_any_text_is_no_formula_and_stays_on_its_line(text: str) -> None:
    for _, as_csv, rows in TABLES:
        out = as_csv(filled(SUMMARY, text))
        out.encode()
        assert out.count("\r\n") == out.count("\n") == out.count("\r") == len(rows(SUMMARY)) + 1
        assert HIDDEN.search(out.replace("\r\n", "")) is None
        for line in read(out):
            assert not any(value.lstrip(" \"'")[:1] in set("=+@\t\r") and value[:1] != "'" for value in line.values())
    assert read(mailboxes_csv(filled(SUMMARY, text)))[0]["mailbox"] == cell(text)


def test_unknown_is_an_empty_cell_and_a_count_of_nought_stays() -> None:
    rows = {row["mailbox"]: row for row in read(mailboxes_csv(SUMMARY))}
    opened = rows["s.claes@ministry.example"]
    assert [opened[name] for name in ("messages", "bytes", "bytes_source", "message_ids_named")] == [""] * 4
    assert rows["old.minister"]["coverage"] == "0.0"
    assert rows["old.minister"]["sessions"] == "0"


def test_hours_without_records_are_numbers() -> None:
    rows = read(coverage_csv(SUMMARY))
    assert [rows[1][name] for name in ("first_utc", "held", "not_recorded", "reasons")] == ["", "0", "24", ""]
