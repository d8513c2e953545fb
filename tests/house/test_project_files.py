"""The files at the root: licence, notice, changelog, threat model, and a clock and a network that tests can rely on."""

from __future__ import annotations

import hashlib
import re
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_socket

PROJECT = Path(__file__).resolve().parents[2]
APACHE_2_TEXT = "0ffddef9e48f8a09aed5caf2d44f7ba1c1be2d9b8e0a6f693b1635b2d5566645"
"""SHA-256 of the words of the Apache License 2.0, with all white space taken as single blanks."""


def text_of(name: str) -> str:
    """Give the text of a file at the root."""
    return (PROJECT / name).read_text(encoding="utf-8")


def test_licence_is_the_apache_licence_word_for_word() -> None:
    words = " ".join(text_of("LICENSE").split())
    assert hashlib.sha256(words.encode()).hexdigest() == APACHE_2_TEXT


@pytest.mark.parametrize("name", ["NOTICE", "CONTRIBUTING.md", "THREAT-MODEL.md", "README.md", "docs/limitations.md"])
def test_file_is_there_and_says_something(name: str) -> None:
    assert len(text_of(name).split()) > 50


def test_changelog_has_a_place_for_what_is_not_released() -> None:
    titles = re.findall(r"^## (.*)$", text_of("CHANGELOG.md"), re.MULTILINE)
    assert titles
    assert titles[0] == "Unreleased"
    assert [title for title in titles[1:] if not re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d{2}-\d{2}", title)] == []


def test_changelog_uses_the_known_kinds_of_change() -> None:
    kinds = set(re.findall(r"^### (.*)$", text_of("CHANGELOG.md"), re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_readme_gives_the_two_commands_first() -> None:
    first = re.findall(r"^    (\S.*)$", text_of("README.md"), re.MULTILINE)[:2]
    assert first == ["make demo", "make test"]


def test_every_duty_of_the_makefile_has_help() -> None:
    makefile = text_of("Makefile")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    told = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert set(phony[1].split()) - told == set()


def test_no_binary_or_big_file_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [PROJECT / name for name in listed.stdout.decode().split("\0") if name]
    big = [path.name for path in paths if path.is_file() and path.stat().st_size > 1_000_000]
    assert big == []


def test_network_is_shut() -> None:
    with pytest.warns(UserWarning, match="tried to use"), pytest.raises(pytest_socket.SocketBlockedError):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def test_clock_is_far_from_utc() -> None:
    instant = datetime(2021, 7, 1, 12, tzinfo=UTC)
    assert instant.astimezone().strftime("%H:%M") == "00:45"
    assert time.localtime(instant.timestamp()).tm_min == 45
