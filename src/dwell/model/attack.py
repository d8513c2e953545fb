"""Techniques of MITRE ATT&CK as versions 18 and 19 name them; version 19 split the one on impaired defences up.

`CHANGED` is what SigmaHQ changed in its rules when version 19 came out (SigmaHQ/sigma, pull request 5966). `UNCHANGED` are
the techniques of our own rules that are none of these. Of any other technique nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CHANGED", "UNCHANGED", "in_v18", "in_v19"]

CHANGED: Mapping[str, tuple[str, ...]] = {
    "T1070.001": ("T1685.005",),
    "T1070.002": ("T1685.006",),
    "T1562": ("T1685",),
    "T1562.001": ("T1685",),
    "T1562.002": ("T1685.001",),
    "T1562.004": ("T1686.001", "T1686.003"),
    "T1562.006": ("T1685",),
    "T1562.007": ("T1686.001",),
    "T1562.008": ("T1685.002",),
    "T1562.010": ("T1689",),
    "T1562.012": ("T1685.004",),
}
"""Ids of version 18 to those of version 19; to several where one was divided."""
UNCHANGED = frozenset(
    {
        "T1003",
        "T1003.001",
        "T1003.002",
        "T1003.003",
        "T1003.004",
        "T1003.006",
        "T1021.001",
        "T1021.002",
        "T1021.006",
        "T1041",
        "T1047",
        "T1048",
        "T1053.005",
        "T1056.003",
        "T1059",
        "T1070.004",
        "T1070.006",
        "T1070.008",
        "T1074",
        "T1074.001",
        "T1078",
        "T1078.002",
        "T1078.004",
        "T1087.003",
        "T1098",
        "T1098.001",
        "T1098.002",
        "T1098.003",
        "T1098.005",
        "T1098.007",
        "T1114.002",
        "T1114.003",
        "T1136",
        "T1136.001",
        "T1137",
        "T1137.003",
        "T1137.004",
        "T1137.005",
        "T1187",
        "T1190",
        "T1203",
        "T1484",
        "T1484.002",
        "T1505.002",
        "T1505.003",
        "T1505.004",
        "T1528",
        "T1539",
        "T1543.003",
        "T1546.003",
        "T1547.001",
        "T1552.001",
        "T1552.004",
        "T1557.001",
        "T1560.001",
        "T1564.008",
        "T1567.002",
        "T1569.002",
        "T1571",
        "T1572",
        "T1574.001",
        "T1606.002",
    }
)
"""Ids that are the same in both."""


def in_v19(technique: str) -> tuple[str, ...]:
    """Give the ids that version 19 has for a technique of either version; none where the map does not know it."""
    if technique in CHANGED:
        return CHANGED[technique]
    is_known = technique in UNCHANGED or any(technique in held for held in CHANGED.values())
    return (technique,) if is_known else ()


def in_v18(technique: str) -> tuple[str, ...]:
    """Give the ids that version 18 has for a technique of either version; none where the map does not know it."""
    if technique in CHANGED or technique in UNCHANGED:
        return (technique,)
    return tuple(old for old, new in CHANGED.items() if technique in new)
