r"""The setup log (`ExchangeSetup.log`): what was installed and updated, when, by whom; the history of a server's builds.

Source:
    No specification; the form of the lines as seen in excerpts that administrators published. Unverified in what
    follows under Time: a real file from a known zone would verify it.
Time:
    `[MM/dd/yyyy HH:mm:ss.0fff]`, the separator of the date being that of the culture, milliseconds padded to four
    digits. It is held to be UTC. `Stamp` keeps it as written.
Units:
    `Level` is the depth of the task. Lines without a stamp go on with the line in `ContinuesRecordNo`.

Raises:
    Nothing. Runs of NUL bytes and lines that are too long are anomalies.
Trust:
    Written by whoever ran the setup, who is an administrator and can change it.
Silence:
    It is appended to for as long as the server lives. Security updates (`.msp`) are logged elsewhere: a build that is
    not here may still have been installed.
"""

from __future__ import annotations

import re
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis, utc_from_us
from dwell.model.provenance import Fact, FactKind
from dwell.sources.columns import instants
from dwell.sources.source import Guess, Sniff, Stamp
from dwell.sources.text_lines import TextLines

__all__ = ["ExchangeSetup"]

_COLUMNS = (pa.field("Level", pa.int32()),)
_STAMP = r"\d\d[./-]\d\d[./-]\d{4} \d\d:\d\d:\d\d\.\d{4}"
_LINE = re.compile(rf"\[{_STAMP}\] \[\d{{1,4}}\] ?")
_PARTS = r"^(\d\d)[./-](\d\d)[./-](\d{4}) (\d\d:\d\d:\d\d)\.(\d)(\d{3})$"
_BUILD = r"^(?:Setup version|The locally installed version is)[: ]+(?P<build>\d{1,3}\.\d{1,3}\.\d{1,5}\.\d{1,5})"
_LINES = 40


class ExchangeSetup(TextLines):
    """Exchange setup log."""

    key = "exchange_setup"
    stamp = Stamp("the start of the line", TimeBasis.UTC, "millisecond")
    title = "Exchange setup log"
    is_log = False
    line = rf"(?s)^\[(?P<Stamp>{_STAMP})\] \[(?P<Level>\d{{1,4}})\] ?(?P<Message>.*)$"
    columns: ClassVar[tuple[pa.Field, ...]] = _COLUMNS
    schema = TextLines.lines_schema(_COLUMNS)
    lexicon = ("Message",)

    def identify(self, sniff: Sniff) -> Guess | None:
        """Go by the stamps at the start of lines."""
        lines = [line for line in sniff.text.splitlines()[:_LINES] if line.strip()]
        found = sum(_LINE.match(line) is not None for line in lines)
        if not found:
            return None
        if found * 2 >= len(lines):
            return Guess(90, self.key, f"{found} of {len(lines)} lines start as those of a setup log do")
        return Guess(60, self.key, "a few lines start as those of a setup log do")

    def _instants(self, stamps: pa.Array) -> pa.Array:
        # a first digit that is no 0 would make it four digits of a fraction
        padded = pc.match_substring_regex(stamps, r"\.0\d{3}$")
        text = pc.if_else(
            padded,
            pc.replace_substring_regex(stamps, _PARTS, r"\3-\1-\2T\4.\6Z"),
            pc.replace_substring_regex(stamps, _PARTS, r"\3-\1-\2T\4.\5\6Z"),
        )
        return instants(text)

    def _learn(self, records: pa.RecordBatch) -> list[Fact]:
        """Tell the builds that setup named."""
        found = pc.struct_field(pc.extract_regex(records["Message"], _BUILD), "build")
        told = []
        for at in pc.indices_nonzero(found.is_valid()).to_pylist():
            us = records["time_utc"][at].cast(pa.int64()).as_py()
            number = int(records["record_no"][at].as_py())
            told.append(
                Fact(FactKind.BUILD, number, None if us is None else utc_from_us(us), None, 1, found[at].as_py())
            )
        return told
