"""The locks: every package pinned, every wheel hashed, no host named, every licence known and fit to ship with."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from docs.generate import locked
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
REQUIREMENTS = PROJECT / "requirements"
LOCKS = ("run.txt", "dev.txt", "build.txt")
LINE = re.compile(r"[a-z0-9.-]+==[0-9][^\s]*( ; [^\\]+?)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
COPYLEFT = re.compile(r"(?<!L)(?<!Lesser )\bA?GPL|(?<!Lesser )General Public License", re.IGNORECASE)


def project_table() -> dict[str, object]:
    """Give pyproject.toml."""
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


def wanted(group: str) -> list[Requirement]:
    """Give what pyproject.toml asks for, at run time (`run`) or of a dependency group."""
    table = project_table()
    source = table["project"] if group == "run" else table["dependency-groups"]
    assert isinstance(source, dict)
    return [Requirement(line) for line in source["dependencies" if group == "run" else group]]


def versions(lock: str) -> dict[str, set[str]]:
    """Give the versions a lock holds, by package."""
    found: dict[str, set[str]] = {}
    for name, version, _ in locked(REQUIREMENTS / lock):
        found.setdefault(name, set()).add(version)
    return found


def licences() -> dict[str, str]:
    """Give the table of licences."""
    return tomllib.loads((REQUIREMENTS / "licences.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_versions_and_hashes_and_nothing_else(lock: str) -> None:
    lines = (REQUIREMENTS / lock).read_text(encoding="utf-8").splitlines()
    strange = [line for line in lines if not LINE.fullmatch(line)]
    assert lines
    assert not strange


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_a_hash(lock: str) -> None:
    text = (REQUIREMENTS / lock).read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", text)
    assert len(blocks) == len(locked(REQUIREMENTS / lock))
    assert [block for block in blocks if "--hash=" not in block] == []


@pytest.mark.parametrize(("group", "lock"), [("run", "run.txt"), ("run", "dev.txt"), ("dev", "dev.txt")])
def test_lock_holds_what_the_project_asks_for(group: str, lock: str) -> None:
    held = versions(lock)
    stale = [
        str(one)
        for one in wanted(group)
        if not held.get(canonicalize_name(one.name))
        or not all(one.specifier.contains(version) for version in held[canonicalize_name(one.name)])
    ]
    assert not stale, "the lock is older than pyproject.toml; say: make lock"


def test_locks_agree_with_each_other() -> None:
    dev = versions("dev.txt")
    for lock in ("run.txt", "build.txt"):
        assert versions(lock).items() <= dev.items()


def test_every_locked_package_has_a_known_licence_and_none_forbids_us_to_ship() -> None:
    known = licences()
    assert set(known) == set(versions("run.txt"))
    assert {name: text for name, text in known.items() if COPYLEFT.search(text)} == {}


@pytest.mark.parametrize("name", sorted(versions("run.txt")))
def test_installed_package_does_not_contradict_the_table(name: str) -> None:
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not needed on this platform and Python")
    held: Mapping[str, object] = metadata.json
    said = str(held.get("license_expression") or "")
    if said:
        assert said == licences()[name]
    classifiers = [one for one in metadata.get_all("Classifier") or [] if one.startswith("License")]
    own_words = [said, str(held.get("license") or "").split("\n")[0], *classifiers]
    assert [text for text in own_words if COPYLEFT.search(text)] == []


@pytest.mark.parametrize(
    ("text", "forbidden"),
    [
        ("GPL-3.0-only", True),
        ("AGPL-3.0-or-later", True),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", True),
        ("LGPL-2.1-only", False),
        ("License :: OSI Approved :: GNU Lesser General Public License v2 (LGPLv2)", False),
        ("MIT", False),
    ],
)
def test_the_licence_check_can_tell(text: str, *, forbidden: bool) -> None:
    assert bool(COPYLEFT.search(text)) is forbidden


def test_notice_names_every_lesser_licence() -> None:
    notice = (PROJECT / "NOTICE").read_text(encoding="utf-8").lower()
    assert [name for name, text in licences().items() if "LGPL" in text and name not in notice] == []
