"""The cache for texts from evidence: short ones are asked once, long ones are not kept."""

from __future__ import annotations

from dwell.model.short_cache import CHARS_MAX, short_cache


def test_short_texts_are_asked_once_and_long_ones_are_not_kept() -> None:
    asked: list[str | None] = []

    @short_cache(10)
    def length(text: str | None) -> int:
        asked.append(text)
        return len(text or "")

    long = "a" * (CHARS_MAX + 1)
    for text in (None, "ab", "ab", None, long, long):
        assert length(text) == len(text or "")
    assert asked == [None, "ab", long, long]
    assert length.__name__ == "length"
