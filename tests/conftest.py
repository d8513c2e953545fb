"""What every test runs under: no network, a clock far from UTC, and the real evidence where it is at hand."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import settings

PROJECT = Path(__file__).resolve().parent.parent

ODD_ZONE = "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45"
"""The Chatham Islands, spelled out so that no zone database is needed: a time read naively is off by 12 h 45 min."""

os.environ["TZ"] = ODD_ZONE
time.tzset()

# Deadlines measure the machine, not the code. In CI the examples are the same at every run.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that share a fixture of their module in one worker (`--dist loadgroup`): it is made once, not twice."""
    for item in items:
        known = getattr(item, "_fixtureinfo", None)  # pytest has no public word for what a test's fixtures are
        defined = [one for found in known.name2fixturedefs.values() for one in found] if known is not None else []
        if any(one.scope == "module" for one in defined):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.fixture(scope="session")
def project() -> Path:
    """Give the project's root folder."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder with evidence that was not made for this project; skip where it is absent."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real evidence (../shared/data) is not on this machine")
    return folder
