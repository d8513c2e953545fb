"""Tables of indicators that no header names: told by their values, by a comment above them, or refused with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from dwell.hunt.indicators.gathering import Indicators
from dwell.hunt.indicators.reading import read_indicators

SUMS = ("d4" * 16, "da" * 20, "e3" * 32)


def read(folder: Path, *lines: str) -> Indicators:
    path = folder / "list.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_indicators([path])


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        (["198.51.100.7,C2,2021-01-01", 'evil.example,"phish, mail",2021-01-02'], ["198.51.100.7", "evil.example"]),
        (["7;198.51.100.7", "8;198.51.100.8", "9;-"], ["198.51.100.7", "198.51.100.8"]),
        (["evil.example\t198.51.100.7\tseen", "other.example\tN/A\tseen"],
         ["198.51.100.7", "evil.example", "other.example"]),
        ([",".join(SUMS)], list(SUMS)),
        (["https://evil.example/x,a phishing kit", "https://evil.example/y,b"], ["evil.example/x", "evil.example/y"]),
        (["hxxps://evil[.]example/x,2021-02-03"], ["evil.example/x"]),
        (["x.exe,dropper", "y.dll,loader"], ["x.exe", "y.dll"]),
        (['"Mozilla/5.0 (X; y, z)","a bot"', '"python-requests/2.1","bad"'],
         ["mozilla/5.0 (x; y z)", "python-requests/2.1"]),
        (["sep=|", "198.51.100.7|C2"], ["198.51.100.7"]),
        (["\u00fc.example,note"], ["xn--tda.example"]),
    ],
)  # fmt: skip
def test_columns_are_told_by_what_stands_in_them(tmp_path: Path, lines: list[str], values: list[str]) -> None:
    listed = read(tmp_path, *lines)
    assert sorted(one.value for one in listed.items) == values
    assert listed.faults == () or lines[-1].startswith("9;-")


def test_a_column_of_words_for_kinds_tells_the_kind_of_each_row(tmp_path: Path) -> None:
    sums = SUMS[0]
    listed = read(
        tmp_path, "domain;evil.example;APT", "mutex;abc;APT", 'useragent;"Bot; y";z', f"filename|md5;a.x|{sums};x"
    )
    assert [(one.kind, one.value, one.place) for one in listed.items] == [
        ("agent", "bot; y", "3"),
        ("domain", "evil.example", "1"),
        ("hash", sums, "4"),
        ("name", "a.x", "4"),
    ]
    assert (listed.faults, [number for _, _, number in listed.counted]) == ((), [1])


def test_a_first_row_that_holds_a_word_for_a_kind_is_no_header(tmp_path: Path) -> None:
    assert [one.place for one in read(tmp_path, "evil.example,domain", "198.51.100.7,ip").items] == ["2", "1"]
    assert [one.value for one in read(tmp_path, "domain,evil.example").items] == ["evil.example"]
    assert [one.value for one in read(tmp_path, "ip,198.51.100.7,x", "ip,198.51.100.8,y").items] == [
        "198.51.100.7",
        "198.51.100.8",
    ]


def test_a_name_of_a_column_may_look_like_one_of_a_host(tmp_path: Path) -> None:
    listed = read(tmp_path, "file.hash.md5,note", f"{SUMS[0]},x")
    assert ([one.value for one in listed.items], listed.faults, listed.counted) == ([SUMS[0]], (), ())


def test_a_header_in_another_language_is_passed_over_and_counted(tmp_path: Path) -> None:
    listed = read(tmp_path, "Indicatore,Nota", "198.51.100.7,x", "198.51.100.8,y")
    assert [one.place for one in listed.items] == ["2", "3"]
    assert listed.faults == ()
    assert [(reason[:40], number) for _, reason, number in listed.counted] == [
        ("the first line is taken for the names of", 1)
    ]


def test_a_header_that_stands_in_a_comment_names_the_columns(tmp_path: Path) -> None:
    listed = read(
        tmp_path,
        "# a feed, made today",
        '# "first_seen_utc","ioc_id","ioc_value","ioc_type","threat_type","last_seen_utc"',
        '"2021-03-15 08:00:00", "123", "198.51.100.7:443", "ip:port", "botnet, first", "None"',
        '"2021-03-16 08:00:00", "124", "evil.example", "domain", "x", "2021-04-01 00:00:00"',
        f'"2021-03-16 08:00:00", "125", "{SUMS[2]}", "sha256_hash", "x", ""',
        "# end",
    )
    assert [(one.kind, one.value, one.place, one.until_us) for one in listed.items] == [
        ("address", "198.51.100.7", "3", None),
        ("domain", "evil.example", "4", 1_617_235_200_000_000),
        ("hash", SUMS[2], "5", None),
    ]
    assert listed.faults == ()


def test_further_columns_that_mostly_say_something_of_a_value_are_counted(tmp_path: Path) -> None:
    listed = read(tmp_path, "evil.example,https://blog.example/a", "bad.example,https://blog.example/b", "x.example,")
    assert [one.value for one in listed.items] == ["bad.example", "evil.example", "x.example"]
    assert [("column 2" in reason, number) for _, reason, number in listed.counted] == [(True, 2)]


@pytest.mark.parametrize(
    "lines",
    [
        ["https://a.example/x,1", "https://a.example/y,2"],
        ["C:\\tools,new\\x.exe"],
        ["foo,bar", "baz,qux"],
    ],
)
def test_columns_that_cannot_be_told_are_one_fault_with_what_to_do(tmp_path: Path, lines: list[str]) -> None:
    listed = read(tmp_path, *lines)
    assert listed.faults[0].startswith("list.csv:1: cannot tell w")
    assert "name the columns in a first line" in listed.faults[0]
    # what is a value as it stands is looked for
    assert len(listed.items) == (0 if "foo" in lines[0] else len(lines))


def test_values_that_hold_commas_are_no_columns(tmp_path: Path) -> None:
    agents = ["Mozilla/5.0 (X11; Linux, x)", "Mozilla/5.0 (X12; Linux, y)"]
    listed = read(tmp_path, *agents)
    assert ([one.written for one in listed.items], listed.faults) == (agents, ())


def test_a_cell_that_is_of_no_kind_costs_its_row_and_is_named(tmp_path: Path) -> None:
    rows = [f"{at},198.51.100.{at}" for at in range(1, 9)]
    listed = read(tmp_path, *rows, "9,nothing at all")
    assert len(listed.items) == 8
    assert listed.faults == ("list.csv:9: cannot tell what kind of indicator 'nothing at all' is",)


@pytest.mark.parametrize("word", ["-", "N/A", "none", "NULL", " "])
def test_a_cell_in_which_nothing_stands_is_empty(tmp_path: Path, word: str) -> None:
    listed = read(
        tmp_path, "domain,ip,useragent,last_seen", f"evil.example,{word},{word},{word}", f"{word},{word},{word},"
    )
    assert ([one.value for one in listed.items], [one.until_us for one in listed.items]) == (["evil.example"], [None])
    assert listed.faults == ("list.csv:3: an empty value matches nothing",)
