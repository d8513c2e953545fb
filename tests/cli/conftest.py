"""One small exercise, investigated once for all tests of the command line that only read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dwell.cli.main import main
from dwell.drill import DrillPlan, write_drill

PLAN = DrillPlan(3, 40, datetime(2021, 2, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command line gave."""

    code: int
    out: str
    err: str


Dwell = Callable[..., Ran]


@pytest.fixture
def dwell(capsys: pytest.CaptureFixture[str]) -> Dwell:
    """Give a way to run a command line in this process."""

    def run(*words: object) -> Ran:
        capsys.readouterr()
        code = main([str(one) for one in words])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


@pytest.fixture(scope="session")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with `evidence` and `truth.json`; read only."""
    folder = tmp_path_factory.mktemp("exercise")
    write_drill(folder / "evidence", folder / "truth.json", PLAN)
    return folder


@pytest.fixture(scope="session")
def investigated(exercise: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the case of the exercise, investigated; read only."""
    case = tmp_path_factory.mktemp("cases") / "case"
    code = main(
        ["investigate", str(exercise / "evidence"), "-c", str(case), "-q", "--workers", "1", "-o", f"{case}.txt"]
    )
    assert code == 11
    return case


@pytest.fixture
def case(investigated: Path, tmp_path: Path) -> Path:
    """Give a copy of the investigated case that a test may change."""
    return Path(shutil.copytree(investigated, tmp_path / "case"))
