r"""The log of the offline address book generator (`Logging\OABGeneratorLog`), line by line.

Source:
    No public specification. Published guidance on CVE-2021-26858 looks for `Download failed and temporary file` in it.
    Unverified: built from a description, no sample seen; a real file would verify it.
Time:
    An ISO 8601 instant at the start of a line becomes `time_utc`, in UTC where it names no zone. `Stamp` keeps it as
    written.
Units:
    One line is one record; `Message` is what stands behind the stamp. Lines without a stamp go on with the line in
    `ContinuesRecordNo`. Lines that start with `#` are records as well.

Raises:
    Nothing. Runs of NUL bytes and lines that are too long are anomalies.
Trust:
    Paths in it may be an intruder's: a download to a place outside of `ClientAccess\OAB` is one.
Silence:
    Kept for 30 days unless copied. The generator runs on one server of an organisation at a time.
"""

from __future__ import annotations

import re

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.columns import instants
from dwell.sources.source import Guess, Sniff, Stamp
from dwell.sources.text_lines import TextLines

__all__ = ["OabGenerator"]

_STAMP = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,7})?(?:Z|[+-]\d\d:?\d\d)?"
_LINE = re.compile(rf'"?{_STAMP}')
_DOWNLOAD = re.compile(r"Download failed and temporary file|OABGenerator", re.IGNORECASE)
_OAB = re.compile(r"\bOAB|offline address (?:book|list)", re.IGNORECASE)
_WORDS = re.compile("oab|offline address|download failed and temporary file")
"""One of them is in every such log; most files hold none."""
_LINES = 200


class OabGenerator(TextLines):
    """Exchange offline address book generator log."""

    key = "oab_generator"
    stamp = Stamp("the start of the line", TimeBasis.UTC)
    title = "Exchange offline address book generator log"
    line = rf'(?s)^"?(?P<Stamp>{_STAMP})"?[,;: \t]*(?P<Message>.*)$'
    schema = TextLines.lines_schema()
    lexicon = ("Message",)

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take lines with instants that speak of the offline address book."""
        if not _WORDS.search(sniff.text.lower()):
            return None
        lines = [line for line in sniff.text.splitlines()[:_LINES] if line.strip() and not line.startswith("#")]
        comments = [line for line in sniff.text.splitlines()[:_LINES] if line.lower().startswith("#log-type:")]
        timed = [line for line in lines if _LINE.match(line)]
        if any("oabgenerator" in line.lower().replace(" ", "") for line in comments):
            return Guess(85, self.key, "the #Log-type line names the generator of the offline address book")
        if comments or not timed:
            return None
        if any(_DOWNLOAD.search(line) for line in timed):
            return Guess(75, self.key, "lines with instants, in the words of the offline address book generator")
        if sum(_OAB.search(line) is not None for line in timed) * 2 > len(lines):
            return Guess(60, self.key, "lines with instants that speak of the offline address book")
        return None

    def _instants(self, stamps: pa.Array) -> pa.Array:
        return instants(stamps)
