"""The answers and tables for a terminal: aligned, harmless, and unknown is a word."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tests.report.golden import assert_golden
from tests.report.sample_case import SUMMARY, at, filled

from dwell.model.claims import QUESTIONS, CaseFacts, Summary
from dwell.model.coverage import Coverage
from dwell.report.figures import count, formula, instant, percent, size
from dwell.report.intrusions import LINE_MAX, WIDTH, intrusions_text
from dwell.report.text import CELL_MAX, answers_text, coverage_text, leads_text, mailboxes_text
from dwell.safe.hidden import HIDDEN
from dwell.safe.terminal import terminal

ALL = (answers_text, mailboxes_text, coverage_text, leads_text, intrusions_text)
EMPTY = Summary("0.0.1", CaseFacts("", 0, 0, 0, None, None), *((),) * 10)
ANY = st.text(st.characters(exclude_categories=()) | st.sampled_from("\x00\x1b\u202e\ud800\n[]{}"), max_size=30)


def test_texts_are_the_golden_ones() -> None:
    assert_golden("terminal.txt", "\n".join(render(SUMMARY) for render in ALL))


@given(ANY)
def test_any_text_reaches_the_terminal_harmless_and_visible(text: str) -> None:
    for render in ALL:
        out = render(filled(SUMMARY, text))
        out.encode()
        assert HIDDEN.search(out.replace("\n", "")) is None
    if len(text.split()) == 1 and text.strip() == text and len(terminal(text)) <= CELL_MAX:
        assert terminal(text) in mailboxes_text(filled(SUMMARY, text))


@given(ANY)
def test_the_number_of_lines_of_a_table_is_not_the_evidences_to_choose(text: str) -> None:
    # the leads stand under a line of their own
    for render, rows in ((mailboxes_text, 10), (coverage_text, 2), (leads_text, 3)):
        assert render(filled(SUMMARY, text)).count("\n") == rows + 1


def test_all_seven_questions_are_there_even_where_nothing_was_worked_out() -> None:
    out = answers_text(EMPTY)
    assert [line for line in out.splitlines() if line[:1].isdigit()] == [
        f"{number}. {text}" for number, text in enumerate(QUESTIONS.values(), start=1)
    ]
    assert out.count("unknown") >= 8


@pytest.mark.parametrize("width", [-5, 40, 72, 100])
def test_lines_keep_to_the_width(width: int) -> None:
    assert max(len(line) for line in answers_text(SUMMARY, width).splitlines()) <= max(width, 40)


def test_columns_line_up_whatever_cells_the_characters_take() -> None:
    wide = dataclasses.replace(SUMMARY.mailboxes[0], mailbox="部長@省.example")
    out = mailboxes_text(dataclasses.replace(SUMMARY, mailboxes=(wide, SUMMARY.mailboxes[1])))
    starts = {cell_len(line[: line.index(" 2019-04-12")]) for line in out.splitlines()[1:]}
    assert len(starts) == 1


def test_a_long_text_is_cut_and_says_so() -> None:
    lead = dataclasses.replace(SUMMARY.leads[0], client="A" * 500)
    assert f"[…+{500 - CELL_MAX}]" in leads_text(dataclasses.replace(SUMMARY, leads=(lead,)))


def test_unknown_and_none_seen_are_words() -> None:
    lines = {line.split()[0]: line for line in mailboxes_text(SUMMARY).splitlines()}
    assert lines["s.claes@ministry.example"].count("unknown") == 2
    assert lines["staff00@ministry.example"].count("none seen") == 4
    assert "unknown" not in lines["staff00@ministry.example"]


@pytest.mark.parametrize(
    ("able", "asked", "said"),
    [
        (0, 10, "0 %"),
        (1, 10_000_000, "over 0 %"),
        (1, 3, "33.33 %"),
        (29, 100, "29 %"),
        (9_999_999, 10_000_000, "99.99 %"),
        (10, 10, "100 %"),
        (11, 10, "100 %"),
        (0, 0, "unknown"),
    ],
)
def test_percent_is_never_better_than_the_hours(able: int, asked: int, said: str) -> None:
    assert percent(Coverage(able, asked, (), "")) == said


def test_figures_without_a_value_are_unknown() -> None:
    assert [percent(None), instant(None), count(None), size(None)] == ["unknown"] * 4
    assert instant(at("2019-04-12T02:14:07.250")) == "2019-04-12 02:14:07.25Z"
    assert formula(Coverage(1_000, 2_000, (), "")) == "1,000 of 2,000 host-hours"


@pytest.mark.parametrize(
    ("size_bytes", "said"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1 kB"), (999_999, "1 MB"), (48_291_823, "48.3 MB"), (10**19, "10000 PB")],
)
def test_sizes_are_rounded_to_three_digits(size_bytes: int, said: str) -> None:
    assert size(size_bytes) == said


def test_links_and_counter_grounds_of_an_intrusion_are_wrapped_and_whole() -> None:
    long = "the same agent, which nobody else has as an ordinary one; " * 6 + "and the end"
    one = dataclasses.replace(SUMMARY.intrusions[0], links=(long, "short"), against=(long,))
    out = intrusions_text(dataclasses.replace(SUMMARY, intrusions=(one,)))
    assert max(cell_len(line) for line in out.splitlines()[2:]) <= WIDTH
    assert out.replace("\n    ", " ").count(long) == 2
    assert f"  held together by: {long[:40]}" in out
    cut = intrusions_text(dataclasses.replace(SUMMARY, intrusions=(dataclasses.replace(one, links=("x" * 9_999,)),)))
    assert "x" * LINE_MAX in cut.replace("\n    ", "")
    assert "[…+" in cut


def test_without_intrusions_there_is_a_head_and_no_more() -> None:
    assert intrusions_text(EMPTY).splitlines() == ["id  first  last  accounts  mailboxes  clients  techniques"]
