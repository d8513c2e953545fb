"""The techniques of our own rules are known under the ids of both versions of ATT&CK."""

from __future__ import annotations

import re

import pytest

from dwell.hunt.checks.registry import CHECKS
from dwell.hunt.sigma.load import load
from dwell.model.attack import CHANGED, UNCHANGED, in_v18, in_v19
from dwell.report.rules import rule_rows

TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")


def test_every_technique_of_our_rules_is_in_the_map_and_is_printed() -> None:
    loaded = load()
    used = {tag for one in loaded.infos.values() for tag in one.tags}
    every = used | {tag for one in CHECKS for tag in one.tags}
    assert used
    assert every <= CHANGED.keys() | UNCHANGED
    assert every >= UNCHANGED, "what no rule or check of ours names any more is nothing to say anything of"
    printed = {one["as_written"]: one for row in rule_rows(loaded) for one in row["techniques"]}  # type: ignore[union-attr, index, call-overload]
    assert printed.keys() == used
    assert printed["T1562.008"] == {"as_written": "T1562.008", "v18": ["T1562.008"], "v19": ["T1685.002"]}
    assert all(one["v18"] and one["v19"] for one in printed.values())  # type: ignore[index, call-overload]


def test_ids_have_the_shape_of_ids_and_no_technique_is_changed_and_unchanged() -> None:
    every = [*CHANGED, *UNCHANGED, *(new for held in CHANGED.values() for new in held)]
    assert all(TECHNIQUE.fullmatch(one) for one in every)
    assert not CHANGED.keys() & UNCHANGED


@pytest.mark.parametrize(
    ("technique", "old", "new"),
    [
        ("T1190", ("T1190",), ("T1190",)),
        ("T1070.001", ("T1070.001",), ("T1685.005",)),
        ("T1685.005", ("T1070.001",), ("T1685.005",)),
        ("T1685", ("T1562", "T1562.001", "T1562.006"), ("T1685",)),
        ("T1562.004", ("T1562.004",), ("T1686.001", "T1686.003")),
        ("T9999", (), ()),
    ],
)
def test_a_technique_of_either_version_is_found_in_both(
    technique: str, old: tuple[str, ...], new: tuple[str, ...]
) -> None:
    assert (in_v18(technique), in_v19(technique)) == (old, new)
