"""Damage to samples, as discs, copies, tools and intruders do it; the same seed gives the same bytes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

__all__ = ["mutated"]

_TOKENS = (
    b'"', b'""', b",", b";", b"\t", b"\n", b"\r\n", b"\r", b"\0", b"\0" * 700, b" ", b"  ", b"{", b"}", b"[", b"]", b"\\",
    b"\\u", b"\\ud800", b"#", b"#Fields: date time c-ip\r\n", b"#Fields: DateTime,RequestId,UrlStem\r\n",
    b"#Date: 9999-99-99\r\n",
    b"#Log-type: other\r\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe9", b"\xf0\x9d\x84\x9e", b"\xed\xa0\x80", b"-",
    b"0x1F", b"1e400",
    b"99999999999999999999999", b"2021-02-30T25:61:61.999Z", b"0000-00-00 00:00:00", b"<Event ", b"</Event>", b"<!--",
    b"<![CDATA[", b"&#0;", b"&x;", b"**\0\0", b"ElfChnk\0", b"\x0c\x01", b"\xff" * 8, b"NaN", b"null", b"true",
    b"AuditData",
)  # fmt: skip


def _flip(data: bytearray, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 8)):
        if data:
            data[dice.randrange(len(data))] = dice.randrange(256)


def _cut_end(data: bytearray, dice: random.Random) -> None:
    del data[dice.randrange(len(data) + 1) :]


def _cut_start(data: bytearray, dice: random.Random) -> None:
    del data[: dice.randrange(min(len(data), 5000) + 1)]


def _remove(data: bytearray, dice: random.Random) -> None:
    start = dice.randrange(len(data) + 1)
    del data[start : start + dice.choice((1, 1, 7, 100, 4096))]


def _repeat(data: bytearray, dice: random.Random) -> None:
    start = dice.randrange(len(data) + 1)
    piece = data[start : start + dice.choice((1, 20, 300, 3000))]
    data[start:start] = piece * dice.choice((1, 2, 40))


def _insert(data: bytearray, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data) + 1)
        data[at:at] = dice.choice(_TOKENS)


def _zero(data: bytearray, dice: random.Random) -> None:
    start = dice.randrange(len(data) + 1)
    stop = min(len(data), start + dice.choice((1, 8, 512, 4096)))
    data[start:stop] = bytes(stop - start)


def _swap_lines(data: bytearray, dice: random.Random) -> None:
    lines = bytes(data).split(b"\n")
    dice.shuffle(lines)
    data[:] = b"\n".join(lines)


def _line_ends(data: bytearray, dice: random.Random) -> None:
    old, new = dice.choice(((b"\r\n", b"\n"), (b"\n", b"\r\n"), (b"\n", b"\r"), (b"\n", b""), (b"\n", b"\n\n")))
    data[:] = bytes(data).replace(old, new, dice.choice((1, 3, 10_000)))


def _recode(data: bytearray, dice: random.Random) -> None:
    text = bytes(data).decode("utf-8", errors="replace")
    data[:] = text.encode(dice.choice(("utf-16", "utf-16-le", "utf-16-be", "cp1252")), errors="replace")


_WAYS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip, _flip, _cut_end, _cut_start, _remove, _repeat, _insert, _insert, _zero, _swap_lines, _line_ends, _recode,
)  # fmt: skip


def mutated(samples: Sequence[bytes], seed: str) -> bytes:
    """Give a damaged sample, or two of them spliced."""
    dice = random.Random(seed)  # noqa: S311 - reproducible, and nothing secret
    data = bytearray(dice.choice(samples))
    if dice.random() < 0.1:
        other = dice.choice(samples)
        at = dice.randrange(len(data) + 1)
        data[at:] = other[dice.randrange(len(other) + 1) :]
    for _ in range(dice.choice((1, 1, 1, 2, 3, 5))):
        dice.choice(_WAYS)(data, dice)
    return bytes(data)
