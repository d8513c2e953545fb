"""Lists judged as columns hold what they hold when they are judged value by value, whatever is in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from tests.hunt.slow_lists import read_slowly

from dwell.hunt.indicators import gathering, list_text
from dwell.hunt.indicators.cuts import cut, pages
from dwell.hunt.indicators.gathering import Indicators
from dwell.hunt.indicators.indicator import KINDS, BadValueError, guessed_kind, normalised, refanged
from dwell.hunt.indicators.reading import read_indicators
from dwell.hunt.indicators.shapes import UNDECIDED, judged_together, refanged_together
from dwell.hunt.indicators.values import EXACT, INSIDE, url_keys

COMMON = (
    "198.51.100.7",
    "198.51.100.7/32",
    "198.51.100.77/20",
    "10.0.0.0/7",
    "0.0.0.0",  # noqa: S104
    "0.0.0.0/8",
    "0.0.0.0/0",
    "01.2.3.4",
    "1.2.3.4.example.com",
    "256.1.1.1",
    "2001:db8::1",
    "2001:DB8::/32",
    "::ffff:198.51.100.7",
    "198.51.100.7:443",
    "evil.example",
    "EVIL.Example.",
    "*.evil.example",
    "*.*.evil.example",
    "a_b.evil.example",
    "-a.example",
    "x.7z",
    "x.exe",
    "supp0rt.aspx",
    "evil.example/gate.php",
    "evil.example:443/x",
    "evil.example:8443/x?y=1",
    "evil.example?y",
    "evil.example/",
    "evil.example//x",
    "http://evil.example",
    "https://Evil.example:443",
    "http://evil.example:443/?",
    "http://evil.example:80?x=1",
    "hxxps://evil[.]example/a%20b",
    "hxxp[:]//evil.example/x",
    "hXXp://evil(dot)example/x",
    "h**ps://evil.example",
    "fxp://evil.example",
    "hxxp[://]evil.example",
    "evil[.example",
    "evil.]example",
    "user[at]evil[.]example",
    "ftp://evil.example/x",
    "http://1.2.3.4/x",
    "http://user@evil.example/x",
    "http://evil.example/x#y",
    "http://evil.example/@x|y",
    "http://[2001:db8::1]/x",
    "http://localhost/",
    "user@evil.example",
    "User+x@Evil.example",
    "user@evil",
    "user@evil.example.",
    "a@b@c.example",
    "ab" * 16,
    "AB" * 20,
    "ab" * 32,
    "ab" * 15,
    "C:\\Windows\\x.exe",
    "c:/windows",
    "\\\\server\\share",
    "/owa/x.aspx",
    "//",
    "\\",
    "/",
    "%temp%\\x",
    "a\\b",
    "python-requests/2.25.1",
    "Mozilla/5.0 (X11; Linux)",
    "x/y",
    "a.b/c d",
    "one two",
    "-",
    "()",
    "",
    " ",
    "#",
    "x # y",
    "'198.51.100.7'",
    '"evil.example"',
    "a" * 63 + ".example",
    "a" * 64 + ".example",
    "a." * 1023 + "example",
    "b\u00fccher.example",
    "198.51.100.7\t",
    "x\ty",
    "a\x0bb.example",
    "\u00a0evil.example",
    "d\x1cx.example",
)
WORDS = (
    "",
    "ip",
    "IPv4-Addr",
    "cidr",
    "domain",
    "md5",
    "sha256",
    "url",
    "path",
    "filename",
    "user-agent",
    "email",
    "mutex",
    "asn",
    "ip-dst|port",
    "filename|md5",
    "unheard of",
    " ip ",
    "\u00fcrl",
)
DATES = (
    "",
    "2021-03-02",
    "2021-03-01",
    "2021-13-01",
    "2021-02-30T00:00:00Z",
    "2021-03-01T10:11:12Z",
    "2021-03-01 10:11:12.123456",
    "2021-03-01T10:11:12+00:00",
    "2021-03-01T10:11:12+02:00",
    "2021-03-01T24:00:00",
    "2021-03-01T10:11:12.1234567Z",
    " 2021-03-01 ",
    "0001-01-01",
    "9999-12-31",
    "yesterday",
    "2021-03-01T10:11",
)
_FRAGMENTS = st.sampled_from(
    [
        *"abzABZ0129._-/\\:@?#%+*,; ()[]{}<>|~'\"",
        "http://",
        "https://",
        "hxxp",
        ".example",
        "198.51.100.7",
        "/24",
        "www",
        "ab" * 16,
        "[.]",
        "(dot)",
        "[at]",
        ".exe",
        ".php",
        ":443",
        "::",
        "0.0.0.0",  # noqa: S104
    ]
)
VALUES = st.one_of(st.sampled_from(COMMON), st.lists(_FRAGMENTS, max_size=12).map("".join), st.text(max_size=20))


def said(listed: Indicators) -> tuple[object, ...]:
    return (listed.table.to_pylist(), sorted(listed.faults), listed.left, listed.counted)


def both(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    fast, slow = read_indicators([path]), read_slowly(path)
    assert said(fast) == said(slow)


def alone(kind: str, value: str) -> tuple[str, str] | None:
    try:
        return normalised(kind or guessed_kind(value) or "none", value)
    except BadValueError:
        return None


def together(kind: str, values: Sequence[str]) -> None:
    kinds, normal = judged_together(pa.array(values, pa.string()), kind)
    for value, code, form in zip(values, kinds.tolist(), normal.to_pylist(), strict=True):
        if code != UNDECIDED:
            assert (KINDS[code], form) == alone(kind, value), (kind, value)


PLAIN = VALUES.map(lambda one: "".join(each for each in one if " " <= each <= "~").strip())


@pytest.mark.parametrize("kind", ["", *KINDS])
def test_common_values_are_judged_together_as_they_are_alone(kind: str) -> None:
    together(kind, [one for one in (refanged(one) for one in COMMON) if one.isascii() and one.isprintable()])


@given(st.lists(PLAIN, max_size=8), st.sampled_from(["", *KINDS]))
def test_values_are_judged_together_as_they_are_alone(values: list[str], kind: str) -> None:
    together(kind, [refanged(one) for one in values])


@given(st.lists(PLAIN, max_size=8))
def test_values_are_refanged_together_as_they_are_alone(values: list[str]) -> None:
    out, left = refanged_together(pa.array(values, pa.string()))
    for value, plain, open_ in zip(values, out.to_pylist(), left.tolist(), strict=True):
        assert open_ or plain == refanged(value)


def test_most_of_what_lists_hold_is_judged_together() -> None:
    held = [
        "198.51.100.7",
        "198.51.100.0/24",
        "evil.example",
        "https://evil.example/x?y=1",
        "ab" * 32,
        "x.exe",
        "c:\\x\\y.exe",
        "user@evil.example",
        "python-requests/2.25.1",
        "evil.example/x",
    ]
    kinds, _ = judged_together(pa.array(held), "")
    assert UNDECIDED not in kinds.tolist()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(VALUES, max_size=12), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
@example(list(COMMON), "\n", True)
def test_a_plain_list_is_read_as_line_by_line(tmp_path: Path, values: list[str], end: str, closed: bool) -> None:
    text = end.join(values) + (end if closed else "")
    assume(not text.lstrip("\ufeff \t\r\n\f\v").startswith(("{", "[{", "[]")))  # that is JSON, or broken JSON
    both(tmp_path / "list.txt", text)


CELLS = st.one_of(VALUES, VALUES.map(lambda one: f'"{one}"'), VALUES.map(lambda one: f'{one}"'))
HEADS = (
    "indicator,type,valid_from,valid_until,description",
    "ip,comment,tlp",
    "uuid;type;value;to_ids",
    "domain\tsource\tid",
    "md5",
    "id,indicator",
    "value,kind,expires,feed",
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(HEADS),
    st.lists(
        st.lists(
            st.one_of(
                CELLS, st.sampled_from(WORDS), st.sampled_from(DATES), st.sampled_from(["0", "1", "tlp:red", "False"])
            ),
            max_size=6,
        ),
        max_size=12,
    ),
)
def test_a_csv_is_read_as_row_by_row(tmp_path: Path, head: str, rows: list[list[str]]) -> None:
    delimiter = next((one for one in ";\t" if one in head), ",")
    both(tmp_path / "list.csv", "\n".join([head, *(delimiter.join(one) for one in rows)]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(",;\t"),
    st.lists(
        st.tuples(
            st.sampled_from([*COMMON, "x", "-"]), st.sampled_from(WORDS), st.sampled_from(DATES), st.one_of(CELLS)
        ).flatmap(st.permutations),
        max_size=12,
    ),
)
def test_rows_without_a_header_are_read_as_row_by_row(tmp_path: Path, delimiter: str, rows: list[list[str]]) -> None:
    text = "\n".join(delimiter.join(one) for one in rows)
    assume(not text.lstrip("\ufeff \t\r\n\f\v").startswith(("{", "[{", "[]")))
    both(tmp_path / "list.csv", text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(COMMON), st.sampled_from(WORDS), *[st.sampled_from(DATES)] * 2, VALUES), max_size=12
    )
)
@example([(value, word, "", "", "x") for value in COMMON for word in WORDS])
@example([("198.51.100.7", "ip", one, two, "x") for one in DATES for two in DATES])
def test_rows_of_all_kinds_and_windows_are_read_as_row_by_row(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    both(tmp_path / "list.csv", "\n".join([HEADS[0], *(",".join(one) for one in rows)]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(['198.51.100.7,"a', '198.51.100.8,"a"', 'b"', "", '#"', "198.51.100.9,b", '"', "x,y,z"]),
        max_size=60,
    )
)
def test_records_over_several_lines_are_read_as_row_by_row(tmp_path: Path, lines: list[str]) -> None:
    both(tmp_path / "list.csv", "\n".join(["indicator,description", *lines]))


@pytest.mark.parametrize("chars", [1, 7, 64, 1_000])
def test_it_does_not_matter_where_a_list_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chars: int) -> None:
    monkeypatch.setattr(list_text, "BLOCK_CHARS", chars)
    lines = [
        "# a list",
        "",
        "indicator,description",
        '198.51.100.1,"two',
        'lines"',
        '198.51.100.2,"open',
        *["198.51.100.3,x"] * 25,
    ]
    both(tmp_path / "list.csv", "\n".join([*lines, '198.51.100.4,"open at the end']))
    both(tmp_path / "list.txt", "\n".join(["# a list", "", *COMMON]))
    both(tmp_path / "bare.csv", "\n".join(f"{one},seen" for one in COMMON))


@pytest.mark.parametrize(("values", "size"), [(5, 1 << 30), (1 << 20, 300), (0, 1 << 30)])
def test_what_lies_beyond_the_limit_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: int, size: int
) -> None:
    monkeypatch.setattr(gathering, "MENTIONS_MAX", values)
    monkeypatch.setattr(gathering, "TEXT_BYTES_MAX", size)
    monkeypatch.setattr(list_text, "BLOCK_CHARS", 60)
    rows = [f"198.51.100.{one},l\u00e4bel {one},feed {one}" for one in range(1, 40)] + [
        "2001:db8::1,x,y",
        "\u00fc.example,x,y",
    ] * 3
    both(tmp_path / "list.csv", "\n".join(["indicator,label,source", *rows]))


LOGGED = (
    "www.evil.example",
    "WWW.Evil.example:443",
    "https://a.b.evil.example/x?y=1#z",
    "a.b.c.d.e.example/x:y",
    "user@evil.example",
    "http://user:x@evil.example:80/",
    "evil.example.",
    "..",
    "a..b.example",
    "-",
    "",
    "x",
    "\\??\\C:\\Windows\\x.exe",
    "/owa/x.aspx",
    "/owa/",
    " /owa/x ",
    "C:/x/y",
    "Mozilla/5.0+(X11,+Linux)",
    "Mozilla/5.0 (X11;  Linux)",
    "MINISTRY\\user",
    "a@b@c.example",
    "https://evil.example./x",
    "HTTP://evil.example..",
    "http://*.evil.example/",
    "http:/evil.example/x",
    "evil.example:/x",
    "Smtp:user@evil.example",
    "MD5=" + "ab" * 16,
    "SHA1=" + "AB" * 20 + ",MD5=" + "cd" * 16,
    "evil.example:8443",
    "evil.example/a%20b?c",
    "evil.example/?x",
    "evil.example?x/y",
    "b\u00fccher.example/x",
    "a" * 3_000 + ".example/x",
    "1.2.3.4/x?y",
    "1.2.3.4",
)
TEXTS = st.one_of(st.sampled_from(LOGGED), VALUES)


def cuts_agree(family: str, values: list[str], *, inside: bool) -> None:
    keys, texts = cut(family, pa.array(values, pa.string()), inside=inside)
    told = set(zip(texts.tolist(), keys.to_pylist(), strict=True))
    assert told == {(at, key) for at, text in enumerate(values) for key in (INSIDE if inside else EXACT)[family](text)}


@pytest.mark.parametrize("family", sorted(EXACT))
def test_logged_values_are_cut_together_as_they_are_alone(family: str) -> None:
    cuts_agree(family, [*LOGGED, *COMMON], inside=False)


@given(st.lists(TEXTS, max_size=8), st.sampled_from(sorted(EXACT)))
def test_any_values_are_cut_together_as_they_are_alone(values: list[str], family: str) -> None:
    cuts_agree(family, values, inside=False)


@given(st.lists(TEXTS, max_size=8), st.sampled_from(sorted(INSIDE)))
def test_values_inside_texts_are_cut_together_as_they_are_alone(values: list[str], family: str) -> None:
    cuts_agree(family, values, inside=True)


@given(st.lists(TEXTS, max_size=8))
def test_pages_are_urls_without_their_query(values: list[str]) -> None:
    keys, texts = pages(pa.array(values, pa.string()))
    assert set(zip(texts.tolist(), keys.to_pylist(), strict=True)) == {
        (at, key) for at, text in enumerate(values) for key in url_keys(text)[-1:]
    }
