"""IIS W3C lines whose `#Fields` line is gone, as log shippers leave them: the columns are told by the lines' shape.

Source:
    As for the W3C log (`iis`). The lists of columns that occur are known (`_LAYOUTS`): by their number, and by what the
    values look like, one of them is chosen where exactly one fits. Where two fit, no line is read: each is an anomaly
    with the reason, and the way out is to put the right `#Fields` line before the lines.
Time:
    As for the W3C log: UTC, whole seconds.
Units:
    As for the W3C log.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    As for the W3C log; that a column is what it is taken for is inferred, and told as a fact.
Silence:
    As for the W3C log; whoever took the header may have taken lines as well.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from dwell.model.instants import TimeBasis
from dwell.model.provenance import AnomalyKind, Fact, FactKind
from dwell.sources.iis import IisW3c, _State
from dwell.sources.lines import blocks, line_anomaly
from dwell.sources.matched import sniffed_lines
from dwell.sources.peeked import peeked
from dwell.sources.source import Batch, Guess, Hint, Sniff, Stamp

__all__ = ["IisHeaderless", "layouts_of"]

_FIRST = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs-user-agent"
_STATUS = "sc-status sc-substatus sc-win32-status"
_LAYOUTS: Mapping[str, str] = {
    "the default of IIS 7": f"{_FIRST} {_STATUS} time-taken",
    "the default of IIS 6": (
        "date time s-sitename s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs-user-agent " + _STATUS
    ),
    "the default of IIS 8 and later": f"{_FIRST} cs-referer {_STATUS} time-taken",
    "the default with cs-host": f"{_FIRST} cs-referer cs-host {_STATUS} time-taken",
    "the default with X-Forwarded-For": f"{_FIRST} cs-referer {_STATUS} time-taken X-Forwarded-For",
    "the default with cs(Cookie)": f"{_FIRST} cs-cookie cs-referer {_STATUS} time-taken",
    "s-computername and X-Forwarded-For": (
        f"date time s-computername {_FIRST[10:]} cs-referer {_STATUS} time-taken X-Forwarded-For"
    ),
    "s-computername, X-Forwarded-For and client port": (
        f"date time s-computername {_FIRST[10:]} cs-referer {_STATUS} time-taken X-Forwarded-For client-port"
    ),
    "the default with bytes and X-Forwarded-For": (
        f"{_FIRST} cs-referer {_STATUS} sc-bytes cs-bytes time-taken X-Forwarded-For"
    ),
    "s-sitename, s-computername and cs-host": (
        f"date time s-sitename s-computername {_FIRST[10:]} cs-referer cs-host {_STATUS} time-taken"
    ),
    "s-sitename without s-ip": (
        "date time s-sitename cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs-user-agent cs-cookie "
        f"cs-referer cs-host {_STATUS} sc-bytes cs-bytes time-taken"
    ),
    "all but s-computername and cs(Cookie)": (
        f"date time s-sitename {_FIRST[10:-14]} cs-version cs-user-agent cs-referer cs-host {_STATUS} "
        "sc-bytes cs-bytes time-taken"
    ),
    "all fields": (
        f"date time s-sitename s-computername {_FIRST[10:-14]} cs-version cs-user-agent cs-cookie cs-referer cs-host "
        f"{_STATUS} sc-bytes cs-bytes time-taken"
    ),
}
_ADDRESS = r"-|\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f.]*:[0-9A-Fa-f.:]*(?:%\w+)?"
_SHAPES = {
    name: re.compile(shape)
    for name, shape in {
        "date": r"\d{4}-\d\d-\d\d",
        "time": r"\d\d:\d\d:\d\d",
        "s-sitename": r"W3SVC\d+",
        "s-computername": r"[A-Za-z][\w.-]*",
        "s-ip": _ADDRESS,
        "c-ip": _ADDRESS,
        "cs-method": r"[A-Za-z_-]{2,32}",
        "cs-uri-stem": r"[/*].*|-",
        "s-port": r"\d{1,5}",
        "cs-version": r"HTTP/\d(?:\.\d)?|-",
        "cs-user-agent": r"-|(?!https?://\S+\.\S*$).*",
        "cs-cookie": r"-|[^=]+=.*",
        "cs-referer": r"-|[a-z][a-z0-9+.-]*:.*",
        "cs-host": r"-|[\w.-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?",
        "sc-status": r"[1-5]\d\d",
        "sc-substatus": r"\d{1,3}",
        "sc-win32-status": r"\d{1,12}",
        "sc-bytes": r"\d{1,18}",
        "cs-bytes": r"\d{1,18}",
        "time-taken": r"\d{1,18}",
        "X-Forwarded-For": r"-|unknown|[0-9A-Fa-f.:,+%\[\]]*[.:][0-9A-Fa-f.:,+%\[\]]*",
        "client-port": r"-|\d{1,5}",
    }.items()
}
_SHARE = 0.95


def _is_header(line: str) -> bool:
    return line[:8].lower() == "#fields:"


def _fits(names: Sequence[str], cells: Sequence[str]) -> bool:
    return all(
        (shape := _SHAPES.get(name)) is None or shape.fullmatch(cell) for name, cell in zip(names, cells, strict=True)
    )


def layouts_of(lines: Sequence[str]) -> list[str]:
    """Give the layouts that fit the first lines up to any `#Fields`; none where they are no W3C lines."""
    first = itertools.takewhile(lambda one: not _is_header(one), lines)
    rows = [one.split(" ") for one in first if not one.startswith("#")]
    rows = [
        one for one in rows if len(one) > 2 and _SHAPES["date"].fullmatch(one[0]) and _SHAPES["time"].fullmatch(one[1])
    ]
    if not rows:
        return []
    width = Counter(len(one) for one in rows).most_common(1)[0][0]
    usual = [one for one in rows if len(one) == width]
    found = []
    for title, layout in _LAYOUTS.items():
        names = layout.split()
        if len(names) == width and sum(_fits(names, one) for one in usual) >= _SHARE * len(usual):
            found.append(title)
    return found


class IisHeaderless(IisW3c):
    """IIS access log, W3C extended format, without its header."""

    key = "iis_headerless"
    stamp = Stamp("date and time", TimeBasis.UTC, "second")
    title = "IIS W3C extended log without its #Fields line"
    grows = False
    joins = False

    @property
    def table(self) -> str:
        """Give the table of IIS logs."""
        return "iis"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take lines that exactly one known list of columns fits."""
        lines = sniffed_lines(sniff)
        found = layouts_of(lines)
        if not found:
            return None
        if len(found) == 1 and any(_is_header(one) for one in lines):
            return Guess(96, self.key, f"IIS lines before the first #Fields line, of the shape of {found[0]}")
        if len(found) > 1:
            why = (
                f"IIS lines without a #Fields line: {' and '.join(found)} fit both; put the right one before the lines"
            )
            return Guess(45, self.key, why)
        return Guess(75, self.key, f"IIS lines without a #Fields line, of the shape of {found[0]}")

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield one batch per run of lines under one list of columns."""
        sniff, stream = peeked(stream, hint.name)
        found = layouts_of(sniffed_lines(sniff))
        state = _State()
        why = "lines without a #Fields line, and no known list of columns fits them"
        if len(found) == 1:
            state.names = _LAYOUTS[found[0]].split()
            yield Batch(
                facts=[Fact(FactKind.MENDED, 1, None, None, 1, f"no #Fields line; columns taken from {found[0]}")]
            )
        elif found:
            why = f"lines without a #Fields line: {' and '.join(found)} fit both"
        for block in blocks(stream):
            if block.too_long is not None:
                yield Batch(anomalies=[block.too_long], bytes_read=block.size_bytes)
                continue
            for batch in self._read_block(block, state):
                batch.anomalies = [
                    line_anomaly(block, one.record_no - block.first_line, one.kind, why)
                    if one.kind is AnomalyKind.NO_HEADER
                    else one
                    for one in batch.anomalies
                ]
                yield batch
