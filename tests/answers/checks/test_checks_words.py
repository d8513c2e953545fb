"""What every check says: it has words, and what its command writes is what a source reads."""

from __future__ import annotations

import re

import pytest

from dwell.answers.checks.registry import CHECKS, words
from dwell.sources.registry import identify
from dwell.sources.source import Sniff

_SELECT = re.compile(r"select ([^|]*?),\$at \}? ?\| Export-Csv ([\w./-]+)")
_NAMED = re.compile(r"@\{n='(\w+)';e=\{.*?\}\}")


def _exports() -> list[tuple[str, str, str]]:
    found = []
    for key, told in words().items():
        for columns, file in _SELECT.findall(_NAMED.sub(r"\1", told.export)):
            found.append((key, file, f"{columns},ExportedUtc"))
    return found


def test_every_check_has_words_and_every_word_a_check() -> None:
    assert set(words()) == set(CHECKS)
    for told in words().values():
        assert told.title
        assert told.decides
        assert told.export


def test_there_are_commands_to_hold() -> None:
    assert len(_exports()) >= 12


@pytest.mark.parametrize(("key", "file", "columns"), _exports())
def test_what_a_command_writes_is_read(key: str, file: str, columns: str) -> None:
    """A responder who runs the command that a check names has an export that dwell recognises."""
    head = ",".join(f'"{one}"' for one in columns.split(","))
    row = ",".join('"x"' for _ in columns.split(","))
    found = identify(Sniff(f"{head}\r\n{row}\r\n".encode(), file, complete=True))
    expected = "directory" if file.rpartition("/")[2] in {"mailboxes.csv", "users.csv", "krbtgt-1.csv"} else "exports"
    assert found[0].source == expected, (key, columns)
