"""Real evidence is taken for what it is, by content alone, and for nothing else."""

from __future__ import annotations

import gzip
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dwell.sources.matched import Matched
from dwell.sources.registry import ACCEPT_SCORE, SETTLED_SCORE, SOURCES, identify
from dwell.sources.source import HEAD_BYTES, Sniff, Source

WANTED: dict[str, set[str | None]] = {
    r"evtx/.*\.evtx": {"evtx"},
    r"evtx/.*": {None},
    r"exchange/config/.*": {"configuration"},
    r"inventory/.*": {"bodyfile"},
    r"web/.*": {"ncsa"},
    r"zeek/wrccdc.*": {"zeek"},
    r"zeek/otrf.*\.log": {"zeek_json"},
    r"iis/.*": {"iis"},
    r"otrf/AADAudit.*": {"entra_audit"},
    r"otrf/Microsoft365Defender.*": {"defender"},
    r"otrf/OfficeActivity.*": {"ual_json"},
    r"otrf/(Windows|proxylogon).*": {"evtx_json"},
    r"m365/det-eng/.*\.csv": {"ual"},
    r"(sigma|reference)/.*": {None},
    r".*(README\.md|LICENSE.*)": {None},
}
RULES_EACH = 25
"""Of thousands of files of one kind, one in so many is looked at."""


def heads(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the first bytes of every file, single containers opened."""
    for place, path in enumerate(sorted(folder.rglob("*"))):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or path.suffix == ".7z" or (name.startswith("sigma/") and place % RULES_EACH):
            continue
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as held:
                for inner in held.namelist():
                    with held.open(inner) as stream:
                        yield f"{name}!{inner}", stream.read(HEAD_BYTES + 1)
        elif path.suffix == ".gz":
            with gzip.open(path) as stream:
                yield name, stream.read(HEAD_BYTES + 1)
        else:
            with path.open("rb") as stream:
                yield name, stream.read(HEAD_BYTES + 1)


def test_real_evidence_is_taken_for_what_it_is(shared_data: Path) -> None:
    wrong = []
    for name, data in heads(shared_data):
        # the name is no help: what is recognised has to be recognised by content
        guesses = identify(Sniff(data[:HEAD_BYTES], "", complete=len(data) <= HEAD_BYTES))
        found = guesses[0].source if guesses and guesses[0].score >= ACCEPT_SCORE else None
        wanted: set[str | None] | None = next(
            (kinds for shape, kinds in WANTED.items() if re.fullmatch(shape, name)), None
        )
        if wanted is not None and found not in wanted:
            wrong.append((name, found))
    assert not wrong


NO_EVIDENCE = (
    b"",
    b"\n\n",
    b"hello\nworld\n",
    b'{"a": 1}',
    b"[]",
    b"a,b,c\n1,2,3\n",
    b"<html><body>x</body></html>",
    b"\x7fELF" + b"\0" * 99,
    b"key=value other=thing\n",
    b"Jan  4 08:00:00 host sshd[1]: Accepted password for x\n",
    b"%PDF-1.7\n",
    b"\xff" * 200,
    b"---\ntitle: a rule\nlogsource:\n  category: webserver\n",
    b"2021-01-04 08:00:00 INFO starting\n",
    b"0|1|2\n",
)


@pytest.mark.parametrize("one", SOURCES, ids=lambda one: one.key)
def test_nobody_takes_what_is_no_evidence(one: Source) -> None:
    for data in NO_EVIDENCE:
        guess = one.identify(Sniff(data, "notes.txt", complete=True))
        assert guess is None or guess.score < ACCEPT_SCORE, data


def test_no_format_told_by_shape_is_as_sure_as_a_header() -> None:
    by_shape = [one for one in SOURCES if one.by_shape]
    assert by_shape
    for one in by_shape:
        assert isinstance(one, Matched), one.key
        assert one.score < SETTLED_SCORE, one.key
