"""Free text with instants: whose line a line goes on with, across blocks, and the builds that setup names."""

from __future__ import annotations

import pytest
from fuzz.contract import check
from hypothesis import given
from hypothesis import strategies as st

from dwell.model.provenance import FactKind
from dwell.sources.exchange_setup import ExchangeSetup
from dwell.sources.oab_generator import OabGenerator
from dwell.sources.registry import identify
from dwell.sources.source import Sniff

LINES = st.lists(
    st.sampled_from(
        ["2021-01-04T08:00:01Z,OAB a", "2021-01-04 08:00:02 b", "  at c", "", "2021-99-04T08:00:03Z,d", "\0\0"]
    ),
    max_size=12,
)


def numbers(lines: list[str]) -> list[int | None]:
    """Give the record that each line goes on with, one by one."""
    out: list[int | None] = []
    last: int | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip("\0 "):
            continue
        timed = line.startswith("2021")
        out.append(None if timed else last)
        last = number if timed else last
    return out


@given(lines=LINES, size=st.integers(1, 200))
def test_a_line_goes_on_with_the_last_one_that_has_an_instant(lines: list[str], size: int) -> None:
    data = "\n".join(lines).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dwell.sources.lines.BLOCK_BYTES", size)
        rows = check(OabGenerator(), data).rows
    assert [row["ContinuesRecordNo"] for row in rows] == numbers(lines)
    held = {int(row["record_no"]): row["time_utc"] for row in rows}
    for row in rows:
        if row["ContinuesRecordNo"] is not None:
            assert row["time_utc"] == held[int(row["ContinuesRecordNo"])]


def test_setup_tells_the_builds() -> None:
    data = (
        b"[03/09/2021 20:15:02.0210] [0] Setup version: 15.1.2176.2.\n[03/09/2021 20:15:03.0001] [1] other 15.1.1.1\n"
    )
    told = [fact for fact in check(ExchangeSetup(), data).facts if fact.kind is FactKind.BUILD]
    assert [(fact.detail, str(fact.from_utc)) for fact in told] == [("15.1.2176.2", "2021-03-09 20:15:02.210000+00:00")]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[03/09/2021 20:15:02.0210] [0] x\n", "exchange_setup"),
        ("[03.09.2021 20:15:02.0210] [12] x\n", "exchange_setup"),
        ("[03/09/2021 20:15:02] x\n", None),
        ("2021-01-04T08:00:01Z,Download failed and temporary file 'x' needs to be removed\n", "oab_generator"),
        ("2021-01-04T08:00:01Z,Update failed\n", None),
        ("no instant: Download failed and temporary file\n", None),
    ],
)
def test_content_tells_the_log(text: str, wanted: str | None) -> None:
    guesses = identify(Sniff(text.encode(), "ExchangeSetup.log", complete=True))
    assert (guesses[0].source if guesses else None) == wanted
