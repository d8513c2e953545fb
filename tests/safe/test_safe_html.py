"""Evidence text in HTML is text: no tag but ours, and every character of it arrives."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from dwell.safe.hidden import HIDDEN
from dwell.safe.html import html, html_limited
from dwell.safe.terminal import terminal, terminal_limited

ANY = st.text(st.characters(exclude_categories=()) | st.sampled_from("<>&\"'\x00\x1b\u202e\u2069\ud800/=!-"))


class Reader(HTMLParser):
    """Keeps tags with their attributes, and the text between them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self.other: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(f"<{tag}" + "".join(f" {name}={value}" for name, value in attrs) + ">")

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.other.append(decl)

    def handle_pi(self, data: str) -> None:
        self.other.append(data)


def read(markup: Markup) -> Reader:
    reader = Reader()
    # as plain text: pieces of a Markup would escape themselves again when they are put together
    reader.feed(str.__str__(markup))
    reader.close()
    return reader


@given(ANY)
def test_any_text_gives_our_tags_only_and_all_its_characters(text: str) -> None:
    markup = html(text)
    markup.encode()
    reader = read(markup)
    hidden = len(HIDDEN.findall(text))
    assert reader.tags == ["<bdi>", *(["<span class=hid>", "</span>"] * hidden), "</bdi>"]
    assert reader.other == []
    assert reader.text == terminal(text)
    assert HIDDEN.search(markup) is None


@given(ANY, st.integers(1, 30))
def test_a_limit_cuts_as_on_the_terminal(text: str, limit: int) -> None:
    reader = read(html_limited(text, limit))
    shown, mark, note = terminal_limited(text, limit).rpartition("[…+")
    if len(terminal(text)) <= limit:
        assert reader.text == terminal(text)
    else:
        assert mark
        assert reader.text == f"{shown}[… {int(note[:-1]):,} more characters]"
    assert set(reader.tags) <= {"<bdi>", "</bdi>", "<span class=hid>", "</span>", "<span class=cut>"}


@pytest.mark.parametrize(
    ("evil", "markup"),
    [
        ("<script>alert(1)</script>", "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>"),
        ('" onmouseover="x', "<bdi>&#34; onmouseover=&#34;x</bdi>"),
        ("</bdi><b>", "<bdi>&lt;/bdi&gt;&lt;b&gt;</bdi>"),
        ("a\u202eb", '<bdi>a<span class="hid">&lt;U+202E&gt;</span>b</bdi>'),
        ("\x1b[2J", '<bdi><span class="hid">\\x1b</span>[2J</bdi>'),
        ("&lt;", "<bdi>&amp;lt;</bdi>"),
        ("{{ 7*7 }}", "<bdi>{{ 7*7 }}</bdi>"),
        ("{0}%s", "<bdi>{0}%s</bdi>"),
    ],
)
def test_hostile_text_is_literal(evil: str, markup: str) -> None:
    assert html(evil) == Markup(markup)  # noqa: S704 - the expected value


def test_markup_handed_in_as_evidence_is_escaped_all_the_same() -> None:
    assert html(Markup("<b>bold</b>")) == "<bdi>&lt;b&gt;bold&lt;/b&gt;</bdi>"
    assert html_limited(Markup("<b>bold</b>"), 5) == (
        '<bdi>&lt;b&gt;bo</bdi><span class="cut">[… 6 more characters]</span>'
    )
