"""The page: one file, no script, no address outside it, hostile text harmless and visible, figures as in the JSON."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from datetime import date, timedelta
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from tests.report.golden import assert_golden
from tests.report.page_reader import Page
from tests.report.sample_case import DAYS, EXTRAS, MAILBOXES, SUMMARY, filled

from dwell.model.claims import CaseFacts, Question, RuleOutcome, Summary
from dwell.model.coverage import CellState, CoverageDay
from dwell.report import words
from dwell.report.extras import ReportExtras
from dwell.report.html import LEADS_MAX, html_report
from dwell.report.page import SHORT_MAX, TEXT_MAX, environment, show, token
from dwell.report.summary_json import summary_text
from dwell.safe.hidden import HIDDEN
from dwell.safe.terminal import terminal

EMPTY = Summary("0.0.1", CaseFacts("", 0, 0, 0, None, None), *((),) * 10)
HOSTILE = (
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    "=cmd|'/c calc'!A1",
    "\x1b[2J\x1b]8;;http://203.0.113.9\x07link",
    "a\u202egnp.exe",
    "{{7*7}}{% include 'report.css' %}{#",
    '"onmouseover="alert(1)',
    "' autofocus onfocus=alert(1) x='",
    "lone \ud83d surrogate",
    "javascript:alert(1)",
    "<!-- --> <![CDATA[ ]]> <?xml ?> &lt;b&gt; &#0;",
    "\x00\r\n\t\u2028",
)
TAGS = frozenset(
    {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "a",
        "header",
        "p",
        "h1",
        "h2",
        "h3",
        "dl",
        "div",
        "dt",
        "dd",
        "em",
        "nav",
        "ol",
        "ul",
        "li",
        "main",
        "section",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "span",
        "article",
        "code",
        "strong",
        "br",
        "details",
        "summary",
        "footer",
        "time",
        "bdi",
    }
)
ATTRIBUTES = frozenset(
    {
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "href",
        "id",
        "aria-label",
        "aria-labelledby",
        "aria-hidden",
        "scope",
        "role",
        "tabindex",
        "datetime",
        "colspan",
        "rowspan",
    }
)
ANY = st.text(st.characters(exclude_categories=()) | st.sampled_from("<>&\"'\x00\x1b\u202e\ud800/=!-{}%"), max_size=30)


def sample_page() -> str:
    return html_report(SUMMARY, DAYS, EXTRAS)


def assert_harmless(text: str) -> Page:
    """Hold a page against everything that a page of ours may hold, and give it read back."""
    text.encode()
    assert HIDDEN.sub("", text.replace("\n", "")) == text.replace("\n", "")
    page = Page(text)
    assert page.faults == []
    assert {tag for tag, _ in page.tags} <= TAGS
    assert {name for _, attributes in page.tags for name in attributes} <= ATTRIBUTES
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.tags:
        href = attributes.get("href")
        assert href is None or (tag == "a" and href.startswith("#") and href[1:] in ids), href
    return page


def data(summary: Summary = SUMMARY) -> Any:  # noqa: ANN401 - a JSON document
    return json.loads(summary_text(summary))


def shown(value: object) -> str:
    """Give the form that a value of the JSON has on the page."""
    if value is None:
        return "unknown"
    if isinstance(value, str):
        return value.replace("T", " ")
    return f"{value:,}"


def first_line(cell: str) -> str:
    return cell.split("\n", 1)[0].strip()


def test_page_is_the_golden_one() -> None:
    assert_golden("report.html", sample_page())


def test_two_renderings_give_the_same_bytes() -> None:
    assert sample_page() == sample_page()
    assert sample_page() == html_report(SUMMARY, tuple(reversed(DAYS)), dataclasses.replace(EXTRAS))


def test_sample_page_is_harmless_and_whole() -> None:
    page = assert_harmless(sample_page())
    names = [tag for tag, _ in page.tags]
    for landmark in ("html", "head", "header", "nav", "main", "footer", "h1"):
        assert names.count(landmark) == 1
    assert page.tags[0] == ("html", {"lang": "en"})
    skip = next(attributes for tag, attributes in page.tags if attributes.get("class") == "skip")
    assert skip["href"] == "#answers"


def test_nothing_is_loaded_and_nothing_runs() -> None:
    text = sample_page()
    policy = next(
        attributes["content"]
        for _, attributes in Page(text).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert not re.search(r"https?:|//[a-z]|url\(|@import|@font-face|<script|javascript:", text, re.IGNORECASE)


@pytest.mark.parametrize("evil", HOSTILE)
def test_hostile_text_in_every_field_is_harmless_and_visible(evil: str) -> None:
    text = html_report(filled(SUMMARY, evil), filled(DAYS, evil), filled(EXTRAS, evil))
    page = assert_harmless(text)
    assert page.text.count(terminal(evil)) > 50


@settings(max_examples=25)
@given(ANY)
def test_any_text_in_every_field_is_harmless(text: str) -> None:
    page = assert_harmless(html_report(filled(SUMMARY, text), filled(DAYS, text), filled(EXTRAS, text)))
    assert not text or terminal(text) in page.text


def test_hostile_text_adds_no_tag() -> None:
    plain, evil = (
        [tag for tag, _ in Page(html_report(filled(SUMMARY, one), filled(DAYS, one), filled(EXTRAS, one))).tags]
        for one in ("x", "<b>")
    )
    assert plain == evil


def test_a_very_long_text_is_cut_and_says_so() -> None:
    long = "A" * 100_000
    text = html_report(filled(SUMMARY, long), DAYS, EXTRAS)
    assert f"[… {100_000 - TEXT_MAX:,} more characters]" in text
    assert f"[… {100_000 - SHORT_MAX:,} more characters]" in text
    assert len(text) < 400_000


def test_an_empty_case_states_no_good_news() -> None:
    page = assert_harmless(html_report(EMPTY, (), ReportExtras()))
    assert page.text.count("No claim was made on this question. This says nothing either way.") == len(Question)
    assert [row[1] for row in page.table("The seven questions")] == ["unknown"] * len(Question)
    assert "Whether they are out is unknown." in page.text
    assert "no coverage is known" in page.text
    assert "clean" not in page.text.lower()


def test_case_figures_are_those_of_the_json() -> None:
    case = data()["case"]
    values = re.findall(r"<dd>(.*?)</dd>", sample_page().split("</header>")[0])
    assert [re.sub("<.*?>", "", one) for one in values] == [
        shown(case[name]) for name in ("evidence_files", "records", "anomalies", "first_utc", "last_utc")
    ]


def test_mailbox_figures_are_those_of_the_json() -> None:
    rows = Page(sample_page()).table("Mailboxes touched")
    found = {row[0]: row for row in rows if len(row) == 10}
    exposed = [one for one in data()["mailboxes"] if one["grade"] != "no-sign" or one["grade_unmarked"]]
    assert len(found) == len(exposed)
    for one in exposed:
        row = found[one["mailbox"]]
        assert first_line(row[1]) == one["grade"]
        assert row[2].split() == (one["intrusions"] or ["none", "stated"])
        assert [first_line(cell) for cell in row[3:8]] == [
            shown(one[name]) for name in ("first_utc", "last_utc", "sessions", "messages", "bytes")
        ]
        able, asked = (one["coverage_detail"][name] for name in ("hours_able", "hours_asked"))
        assert row[8] == f"{one['coverage'] * 100:.4g} %\n{able:,} of {asked:,} h"


def test_mailboxes_stand_strongest_first_and_none_is_lost() -> None:
    page = Page(sample_page())
    grades = [row[1] for row in page.table("Mailboxes touched") if len(row) == 10]
    touched = ["named", "downloaded", "read", "listed", "opened", "attempted", "undeterminable"]
    assert grades == [*touched, "no-sign\nwithout markings: read"]
    left = {one.mailbox: f"\nleft: {one.left.told}" for one in MAILBOXES if one.left is not None}
    assert [row[0] for row in page.table("No sign, within")] == [
        one.mailbox + left.get(one.mailbox, "") for one in MAILBOXES if one.grade == "no-sign" and one.unmarked is None
    ]
    counts = {row[0]: int(row[1]) for row in page.table("Mailboxes by exposure")}
    assert sum(counts.values()) == len(MAILBOXES)


def test_unknown_is_a_word_and_never_nought() -> None:
    row = next(row for row in Page(sample_page()).table("Mailboxes touched") if row[0].startswith("s.claes"))
    assert row[6:8] == ["unknown", "unknown"]


def test_coverage_and_lead_and_rule_figures_are_those_of_the_json() -> None:
    page, whole = Page(sample_page()), data()
    fields = ("first_utc", "last_utc", "held", "held_empty", "missing", "truncated", "altered", "not_recorded")
    assert [row[2:10] for row in page.table("Hours in each state, per")] == [
        [shown(one[name]) for name in fields] for one in whole["coverage"]
    ]
    assert [row[4] for row in page.table("Leads") if len(row) == 6] == [f"{one['bits']:.2f}" for one in whole["leads"]]
    terms = [row[0] for row in page.table("Leads") if len(row) == 1]
    for said, one in zip(terms, whole["leads"], strict=True):
        for name, value in one["terms"].items():
            assert f"{name}\xa0{value:.2f}" in said
    hits = {one["title"]: one["hits"] for one in whole["rules"] if one["hits"]}
    assert {first_line(row[0]): int(row[2]) for row in page.table("Rules that met")} == hits


def test_the_twin_of_the_calendar_sums_to_the_days() -> None:
    rows = Page(sample_page()).table("Hours in each state, by")
    for place in range(6):
        assert sum(int(row[3 + place].replace(",", "")) for row in rows) == sum(day.hours[place] for day in DAYS)


def test_every_state_has_a_letter_and_a_pattern_of_its_own() -> None:
    style = resources.files("dwell.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    patterns = [re.search(rf"^\.c{letter.lower()} {{ (background: .*?;)", style, re.M) for letter in "HEMTAN"]
    parts = [re.search(rf"^\.c{letter.lower()}\.p {{ (background: .*?;)", style, re.M) for letter in "MTAN"]
    found = [one[1] for one in (*patterns, *parts) if one]
    assert len(found) == len(set(found)) == 10
    legend = Page(sample_page()).table("Legend")
    assert [row[0] for row in legend] == [*(words.CELL_LETTERS[state] for state in CellState), "·"]


def test_every_claim_shows_grade_coverage_limits_and_grounds() -> None:
    text = Page(sample_page()).text
    for claim in SUMMARY.claims:
        assert claim.text in text
        assert f"dwell why {claim.id}" in text
        assert words.CLAIM_GRADES[claim.grade] in text
        assert all(limit in text for limit in claim.against)
    assert "93.41 % = 16,367 of 17,520 host-hours" in text
    assert "logs.zip!W3SVC1/u_ex190412.log line 77 evidence 1f1f1f1f1f1f" in re.sub(r"\s+", " ", text)
    assert "212 records in all" in text


def test_coverage_is_never_rounded_up_to_all() -> None:
    claim = SUMMARY.claims[0]
    assert claim.coverage is not None
    short = dataclasses.replace(claim.coverage, hours_able=999_999, hours_asked=1_000_000)
    text = html_report(dataclasses.replace(SUMMARY, claims=(dataclasses.replace(claim, coverage=short),)), DAYS, EXTRAS)
    assert "<strong>99.99 %</strong> = 999,999 of 1,000,000 host-hours" in text


def test_a_claim_that_no_answer_names_is_shown_all_the_same() -> None:
    bare = dataclasses.replace(SUMMARY, answers=())
    text = Page(html_report(bare, DAYS, EXTRAS)).text
    assert all(claim.text in text for claim in SUMMARY.claims)


def test_leads_beyond_the_limit_are_counted() -> None:
    leads = tuple(dataclasses.replace(SUMMARY.leads[1], rank=number) for number in range(1, LEADS_MAX + 51))
    page = Page(html_report(dataclasses.replace(SUMMARY, leads=leads), DAYS, EXTRAS))
    assert any(f"{LEADS_MAX} of {LEADS_MAX + 50} shown" in caption for caption in page.tables)


def test_every_rule_is_accounted_for() -> None:
    page = Page(sample_page())
    counts = {row[0]: int(row[1]) for row in page.table("What became of")}
    assert counts == {"ran": 1, "blind": 1, "partly-blind": 1, "unsupported": 1, "invalid": 1, "refused": 0}
    short = page.table("By status and reason")
    assert [row[0] for row in short] == ["blind", "partly-blind", "unsupported", "invalid"]
    assert short[3][1:] == ["no detection", "1", "web/broken.yml"]


def _ratio(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        lit = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * lit[0] + 0.7152 * lit[1] + 0.0722 * lit[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


PAIRS = (
    *((ink, ground) for ink in ("ink", "soft", "accent") for ground in ("paper", "panel")),
    *((tone, f"{tone}-on") for tone in ("grave", "warn", "good")),
    *(
        (f"{state}-ink", f"{state}{second}")
        for state in ("held", "missing", "cut", "altered", "off")
        for second in ("", "-2")
    ),
    *((f"{state}-ink", "held") for state in ("missing", "cut", "altered", "off")),
    ("held-ink", "paper"),
)


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
def test_contrast_is_enough_to_read(scheme: int) -> None:
    style = resources.files("dwell.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.S)
    assert len(blocks) == 3
    colours = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", blocks[scheme]))
    poor = [f"{one} on {other}" for one, other in PAIRS if _ratio(colours[one], colours[other]) < 4.5]
    assert poor == []


def _templates() -> Sequence[tuple[str, str]]:
    folder = resources.files("dwell.report").joinpath("templates")
    return sorted((one.name, one.read_text(encoding="utf-8")) for one in folder.iterdir() if one.name.endswith(".html"))


@pytest.mark.parametrize(("name", "text"), _templates(), ids=[name for name, _ in _templates()])
def test_templates_have_no_way_round_the_escaping(name: str, text: str) -> None:
    assert not re.search(r"\bsafe\b|autoescape|\btojson\b|<script|<svg|<img|<link|\sstyle=|\son[a-z]+=", text), name
    assert "~" not in re.sub(r"{#.*?#}", "", text)
    inside = [
        expression.strip() for tag in re.findall(r"<[a-z][^<>]*>", text) for expression in re.findall(r"{{(.*?)}}", tag)
    ]
    assert [one for one in inside if not re.search(r"\| (token|digits)$", one)] == []
    # literal text is finalised before it is escaped, so a literal None or number would print itself
    assert not re.search(r"{{\s*(none|true|false|[\"'\d])", text, re.IGNORECASE)
    assert environment().get_template(name).name == name


def test_a_page_prints_text_numbers_and_instants_only() -> None:
    made = environment().from_string("{{ value }}")
    assert made.render(value="<b>") == "<bdi>&lt;b&gt;</bdi>"
    assert made.render(value=1234567) == "1,234,567"
    assert made.render(value=None) == '<span class="unknown">unknown</span>'
    assert made.render(value=date(2019, 4, 12)) == '<time datetime="2019-04-12">2019-04-12</time>'
    for odd in (("a",), True, object(), b"bytes", RuleOutcome):
        with pytest.raises(TypeError):
            made.render(value=odd)
    with pytest.raises(TypeError):
        made.render()
    assert isinstance(show("x"), Markup)


def test_no_filter_lets_a_hidden_character_through() -> None:
    for name in ("own", "short", "known"):
        made = environment().from_string(f"{{{{ value | {name} }}}}").render(value="<\x1b\u202e\ud800>")
        assert "<bdi>&lt;" in made
        assert HIDDEN.search(made) is None


@pytest.mark.parametrize("evil", ["", "a b\n", 'x" y', "x>y", "1a", "é", "a&b"])
def test_an_attribute_takes_words_of_ours_only(evil: str) -> None:
    with pytest.raises(ValueError, match="words of ours"):
        token(evil)
    assert token("Ways in") == "Ways in"


def test_years_of_coverage_and_many_mailboxes_stay_small() -> None:
    states = [(20, 4, 0, 0, 0, 0), (0, 0, 24, 0, 0, 0), (12, 0, 0, 12, 0, 0)]
    days = tuple(
        CoverageDay(f"EX{host:02}", source, date(2019, 1, 1) + timedelta(number), states[number % 3], 9)
        for host in range(4)
        for source in ("httpproxy", "iis")
        for number in range(822)
    )
    mailboxes = tuple(dataclasses.replace(MAILBOXES[place % 7], mailbox=f"m{place}") for place in range(400))
    text = html_report(dataclasses.replace(SUMMARY, mailboxes=mailboxes), days, EXTRAS)
    assert len(text.encode()) < 2_000_000
    assert len(re.findall(r'<td class="c[hemtan]', text)) >= len(days)
