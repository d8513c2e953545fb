"""Nothing of the evidence acts on a terminal, and nothing of it gets lost."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from dwell.safe.hidden import HIDDEN, show, visible
from dwell.safe.terminal import rich_text, terminal, terminal_limited

ANY = st.text(
    st.characters(exclude_categories=()) | st.sampled_from("\x1b\x9b\x00\r\n\t\u202e\u2066\u200b\u2028\ud800")
)
"""Any text, surrogates included, with the dangerous characters drawn often."""

NEVER = (
    [chr(point) for point in (*range(0x20), *range(0x7F, 0xA0))]
    + [chr(point) for point in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]
    + list("\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u2060\ufeff\u061c\u00ad")
    + [chr(point) for point in range(0xD800, 0xE000)]
)


@pytest.mark.parametrize(
    ("evil", "shown"),
    [
        ("\x1b[2J\x1b[Hgone", "\\x1b[2J\\x1b[Hgone"),
        ("\x1b]8;;http://evil.example/\x07click\x1b]8;;\x07", "\\x1b]8;;http://evil.example/\\x07click\\x1b]8;;\\x07"),
        ("\x9b31mred", "\\x9b31mred"),
        ("invoice\u202excod.exe", "invoice<U+202E>xcod.exe"),
        ("a\u2028b\u2029c\nd\re\tf", "a<U+2028>b<U+2029>c\\nd\\re\\tf"),
        ("zero\u200bwidth\ufeff", "zero<U+200B>width<U+FEFF>"),
        ("lone\ud800surrogate", "lone<U+D800>surrogate"),
        ("tag\U000e0041", "tag<U+E0041>"),
        ("nul\x00", "nul\\x00"),
        ("", ""),
        ("MINISTRY\\j.doe naïve 日本語 😀 'quoted'", "MINISTRY\\j.doe naïve 日本語 😀 'quoted'"),
    ],
)
def test_hostile_text_is_shown_and_not_carried_out(evil: str, shown: str) -> None:
    assert terminal(evil) == shown


@pytest.mark.parametrize("character", NEVER, ids=lambda character: f"{ord(character):04X}")
def test_each_dangerous_character_is_made_visible(character: str) -> None:
    shown = terminal(f"a{character}b")
    assert character not in shown
    assert shown == f"a{show(character)}b"
    assert show(character).isascii()


def test_every_format_and_control_character_is_in_the_table() -> None:
    # Cf that draws something of its own: Arabic number signs and the like, and Egyptian joiners that shape what is shown
    drawn = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0x13430, 0x13440)}
    missed = [
        f"U+{point:04X}"
        for point in range(0x110000)
        if unicodedata.category(chr(point)) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        and point not in drawn
        and not HIDDEN.match(chr(point))
    ]
    assert missed == []


@given(ANY)
def test_any_text_leaves_without_a_hidden_character_and_without_loss(text: str) -> None:
    shown = terminal(text)
    assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in shown)
    assert HIDDEN.search(shown) is None
    shown.encode()
    # exactly the input, each hidden character replaced by its name and every other one kept in its place
    assert shown == "".join(show(c) if HIDDEN.match(c) else c for c in text)
    assert len(shown.splitlines()) <= 1


@given(ANY, st.integers(1, 40))
def test_a_limit_holds_and_says_how_much_was_cut(text: str, limit: int) -> None:
    shown = terminal_limited(text, limit)
    whole = visible(text)
    if len(whole) <= limit:
        assert shown == whole
        return
    head, _, note = shown.rpartition("[…+")
    cut = int(note.removesuffix("]"))
    assert 0 < cut <= len(text)
    assert len(head) <= limit
    assert head == visible(text[: len(text) - cut])
    # not one more character would have fitted
    assert len(visible(text[: len(text) - cut + 1])) > limit


def test_a_limit_never_cuts_an_escape_in_two() -> None:
    assert terminal_limited("ab\u202ecd", 6) == "ab[…+3]"
    assert terminal_limited("ab\u202ecd", 10) == "ab<U+202E>[…+2]"


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="shows nothing"):
        terminal_limited("abc", 0)


@pytest.mark.parametrize(
    "evil", ["[red]markup[/red]", "[link=http://evil.example]x[/link]", ":skull:", "\x1b[31mred", "[/]"]
)
def test_rich_prints_brackets_and_escapes_as_text(evil: str) -> None:
    out = io.StringIO()
    Console(file=out, force_terminal=True, color_system="truecolor", width=200, highlight=False).print(rich_text(evil))
    assert out.getvalue() == terminal(evil) + "\n"
