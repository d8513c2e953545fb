"""Registry values and integrity levels, as Security writes them and as Sysmon does: rules are written in Sysmon's words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hunt.archives import archive_of, hunted, load_rules, met
from tests.hunt.drawn import Subject
from tests.hunt.slow_sources import kinds_of
from tests.hunt.test_hunt_against_specification import SLOW, Compared, compare

from dwell.hunt.hunting import hunt
from dwell.hunt.views import marks_of, views
from dwell.hunt.wide import Hunter
from dwell.model.claims import RuleStatus

SYSMON = "Microsoft-Windows-Sysmon/Operational"
RULE = {"title": "a rule", "id": "5f0c5f5c-0000-4000-8000-000000000001", "level": "high"}
SET = {"product": "windows", "category": "registry_set"}
DELETE = {"product": "windows", "category": "registry_delete"}
EVENT = {"product": "windows", "category": "registry_event"}
PROCESS = {"product": "windows", "category": "process_creation"}
RUN = "\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run"
LSA = "\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Control\\Lsa"
CLASSES = "\\REGISTRY\\MACHINE\\SOFTWARE\\Classes\\ms-msdt"
USER = "\\REGISTRY\\USER\\S-1-5-21-1-2-3-1001\\Software\\Key"


def audited(key: str, name: str, value: str | None, kind: str = "%%1873", operation: str = "%%1904") -> dict[str, Any]:
    """Give an event 4657."""
    data = [("ObjectValueName", name), ("OperationType", operation), ("NewValueType", kind), ("NewValue", value)]
    return {
        "Channel": "Security", "EventID": 4657, "ObjectName": key, "ProcessName": "C:\\x\\r.exe", "EventData": data,
    }  # fmt: skip


def written(key: str, details: str = "x") -> dict[str, Any]:
    """Give an event 13 of Sysmon."""
    data = [("EventType", "SetValue")]
    return {"Channel": SYSMON, "EventID": 13, "TargetObject": key, "Details": details, "EventData": data}


def found(
    folder: Path, rows: list[dict[str, Any]], source: Mapping[str, str], detection: Mapping[str, Any]
) -> set[int]:
    """Give the records that a rule meets, whether files may be left out or not."""
    archive = archive_of(folder / "archive", {"evtx": rows})
    rule = {**RULE, "logsource": source, "detection": {"condition": "s", **detection}}
    rules = load_rules(folder / "rules", rule).rules
    told = [met(hunted(archive, Hunter(rules, prune=prune))).get(RULE["id"], set()) for prune in (True, False)]
    assert told[0] == told[1]
    return told[0]


ROWS = [
    audited(RUN, "evil", "C:\\evil.exe"),
    audited(LSA, "RunAsPPL", "0", "%%1876"),
    audited(LSA, "Big", "4294967298", "%%1883"),
    audited(LSA, "Raw", "00 01", "%%1875"),
    audited(CLASSES, "", "", "%%1873"),
    audited(USER, "Many", "0x10", "REG_DWORD"),
    audited(RUN, "gone", "-", "-", "%%1906"),
    written("HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\RunAsPPL", "DWORD (0x00000000)"),
    written("\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\x\\Start", "DWORD (0x00000002)"),
]


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({"TargetObject|contains": "\\CurrentVersion\\Run\\", "Details|contains": "evil"}, {1}),
        ({"TargetObject": "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\evil"}, {1}),
        ({"TargetObject": RUN + "\\evil"}, {1}),
        ({"TargetObject|endswith": "\\Control\\Lsa\\RunAsPPL", "Details": "DWORD (0x00000000)"}, {2, 8}),
        ({"TargetObject|startswith": "HKLM\\System\\CurrentControlSet\\Control\\"}, {2, 3, 4, 8}),
        ({"TargetObject|contains": "\\ControlSet001\\"}, {2, 3, 4, 9}),
        ({"TargetObject|contains": "\\CurrentControlSet\\Services\\"}, {9}),
        ({"TargetObject|endswith": "\\CurrentVersion\\Run"}, set()),
        ({"TargetObject|startswith": "HKCR\\ms-msdt\\"}, {5}),
        ({"TargetObject|startswith": "HKLM\\Software\\Classes\\"}, {5}),
        ({"TargetObject|endswith": "\\(Default)", "Details": "(Empty)"}, {5}),
        ({"TargetObject|startswith": "HKU\\S-1-5-21-"}, {6}),
        ({"Details": "DWORD (0x00000010)"}, {6}),
        ({"Details": "QWORD (0x00000001-0x00000002)"}, {3}),
        ({"Details": "Binary Data"}, {4}),
        ({"Details": 0}, {2}),
        ({"EventType": "SetValue"}, {1, 2, 3, 4, 5, 6, 8, 9}),
        ({"EventType": "DeleteValue"}, set()),
        ({"TargetObject|contains": "gone"}, set()),
        ({"Image|endswith": "\\r.exe"}, {1, 2, 3, 4, 5, 6}),
        ({"Details": None}, set()),
        ({"TargetObject|neq": "zzz"}, {1, 2, 3, 4, 5, 6, 8, 9}),
        ({"Image|endswith": "\\r.exe", "TargetObject|endswith": "\\Big"}, {3}),
    ],
)
def test_a_rule_about_values_that_were_set_meets_both_logs(
    tmp_path: Path, asked: dict[str, Any], meant: set[int]
) -> None:
    assert found(tmp_path, ROWS, SET, {"s": asked}) == meant


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({"EventType": "DeleteValue"}, {7}),
        ({"TargetObject|endswith": "\\Run\\gone"}, {7}),
        ({"EventType": "SetValue", "TargetObject|contains": "\\Run\\"}, {1}),
    ],
)
def test_a_rule_about_any_event_of_the_registry_meets_what_was_deleted(
    tmp_path: Path, asked: dict[str, Any], meant: set[int]
) -> None:
    assert found(tmp_path, ROWS, EVENT, {"s": asked}) == meant


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({"TargetObject|endswith": "\\Run\\gone"}, {7}),
        ({"TargetObject|contains": "\\Run\\"}, {7}),
        ({"EventType": "DeleteValue"}, {7, 10}),
        ({"EventType": "SetValue"}, set()),
        ({"Image|endswith": "\\r.exe"}, {7}),
        ({"TargetObject|neq": "zzz"}, {7, 10}),
    ],
)
def test_a_rule_about_what_was_deleted_meets_both_logs(tmp_path: Path, asked: dict[str, Any], meant: set[int]) -> None:
    gone = {"Channel": SYSMON, "EventID": 12, "TargetObject": "HKLM\\x", "EventData": [("EventType", "DeleteValue")]}
    assert found(tmp_path, [*ROWS, gone], DELETE, {"s": asked}) == meant


@pytest.mark.parametrize(("source", "event"), [(DELETE, "DeleteKey"), (SET, "DeleteValue"), (EVENT, "CreateKey")])
def test_what_no_registry_value_of_security_tells_is_blind_without_sysmon(
    tmp_path: Path, source: Mapping[str, str], event: str
) -> None:
    folder = tmp_path / "rules"
    load_rules(folder, {**RULE, "logsource": source, "detection": {"s": {"EventType": event}, "condition": "s"}})
    archive = archive_of(tmp_path / "archive", {"evtx": ROWS[:7]})
    (outcome,) = [one for one in hunt(archive, rule_folders=[folder], workers=1).outcomes if one.rule_id == RULE["id"]]
    assert outcome.status is RuleStatus.BLIND


def test_a_filter_leaves_out_what_security_writes_as_it_does_what_sysmon_writes(tmp_path: Path) -> None:
    asked = {"s": {"TargetObject|contains": "\\Lsa\\"}, "f": {"Details": "DWORD (0x00000000)"}}
    assert found(tmp_path, ROWS, SET, {**asked, "condition": "s and not f"}) == {3, 4}


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({"IntegrityLevel": "High"}, {1, 2}),
        ({"IntegrityLevel": "S-1-16-12288"}, {1, 2}),
        ({"IntegrityLevel": ["System", "S-1-16-16384"]}, {3}),
        ({"IntegrityLevel|re": "^High$"}, {1, 2}),
        ({"IntegrityLevel": "12288"}, set()),
    ],
)
def test_integrity_levels_are_met_by_word_and_by_sid(tmp_path: Path, asked: dict[str, Any], meant: set[int]) -> None:
    started = {"Channel": "Security", "EventID": 4688, "NewProcessName": "C:\\a.exe"}
    rows = [
        {"Channel": SYSMON, "EventID": 1, "Image": "C:\\a.exe", "EventData": [("IntegrityLevel", "High")]},
        {**started, "EventData": [("MandatoryLabel", "S-1-16-12288")]},
        {**started, "EventData": [("MandatoryLabel", "S-1-16-16384")]},
        {**started, "EventData": [("MandatoryLabel", "S-1-16-122880")]},
        started,
    ]
    assert found(tmp_path, rows, PROCESS, {"s": asked}) == meant


def test_a_rule_about_what_security_never_recorded_is_blind(tmp_path: Path) -> None:
    bare = {"Channel": "Security", "EventID": 4657, "ProcessName": "C:\\r.exe"}
    folder = tmp_path / "rules"
    load_rules(folder, {**RULE, "logsource": SET, "detection": {"s": {"Details": "x"}, "condition": "s"}})
    told = hunt(archive_of(tmp_path / "archive", {"evtx": [bare]}), rule_folders=[folder], workers=1)
    (outcome,) = [one for one in told.outcomes if one.rule_id == RULE["id"]]
    assert outcome.status is RuleStatus.BLIND
    assert "never recorded: Details" in outcome.reason


def test_what_is_seen_another_way_holds_a_mark_by_which_bitmaps_are_passed_over() -> None:
    texts = pa.array(
        [RUN, LSA, CLASSES, USER, "HKLM\\SYSTEM\\ControlSet002\\x", "HKLM\\SOFTWARE\\Classes\\x", "HKU\\x"]
    )
    marks = marks_of("evtx", "TargetObject")
    seen = {at for rows, _ in views("evtx", "TargetObject", texts) if rows is not None for at in rows.tolist()}
    assert seen == {0, 1, 2, 3, 4, 5}
    assert all(any(mark in texts[at].as_py().lower() for mark in marks) for at in seen)


_PARTS = ("\\REGISTRY\\MACHINE", "\\registry\\user", "HKLM", "HKU", "\\SYSTEM", "\\ControlSet001", "\\CurrentControlSet",
          "\\SOFTWARE", "\\Classes", "\\a", "\\B", "\\", "-")  # fmt: skip
_KEYS = st.lists(st.sampled_from(_PARTS), min_size=1, max_size=5).map("".join)
_TYPES = ("%%1872", "%%1873", "%%1874", "%%1875", "%%1876", "%%1883", "REG_SZ", "REG_DWORD", "REG_QWORD", "odd", "-")
_HELD = ("", "-", "0", "1", "-1", "0x10", "0xG", "4294967296", "99999999999999999999999", "a", "DWORD (0x00000001)")
_OPERATIONS = ("%%1904", "%%1905", "%%1906", "Registry value deleted.", "odd")
_DATA = st.lists(
    st.one_of(
        st.tuples(st.just("ObjectValueName"), st.sampled_from(["", "-", "a", "Start", None])),
        st.tuples(st.just("NewValueType"), st.sampled_from(_TYPES)),
        st.tuples(st.just("NewValue"), st.sampled_from([*_HELD, None])),
        st.tuples(st.just("OperationType"), st.sampled_from(_OPERATIONS)),
        st.tuples(st.just("EventType"), st.sampled_from(["SetValue", "DeleteValue"])),
        st.tuples(st.just("NewName"), _KEYS),
    ),
    max_size=5,
    unique_by=lambda one: one[0],
)
_ASKED = {
    "TargetObject": st.sampled_from([
        "HKLM*", "*\\a", "HKLM\\SYSTEM\\CurrentControlSet*", "*ControlSet00?*", "HKU\\*", "HKCR*", "*\\(Default)",
        "\\REGISTRY*", "*\\Start", "*\\SOFTWARE\\Classes\\*", None, "", "*",
    ]),
    "Details": st.sampled_from(["DWORD (0x0000000?)", "QWORD*", "Binary Data", "(Empty)", "a", 0, 1, None, "", "*"]),
    "EventType": st.sampled_from(["SetValue", "DeleteValue", None]),
    "NewName": st.sampled_from(["HKLM*", "*\\CurrentControlSet\\*", None]),
}  # fmt: skip
_FIELDS = tuple(_ASKED)


@st.composite
def _rules(draw: st.DrawFn, source: Mapping[str, str]) -> dict[str, Any]:
    some = [draw(st.lists(st.sampled_from(_FIELDS), min_size=1, max_size=2, unique=True)) for _ in range(2)]
    detection: dict[str, Any] = {f"s{at}": {one: draw(_ASKED[one]) for one in ones} for at, ones in enumerate(some)}
    detection["condition"] = draw(st.sampled_from(["s0", "not s0", "s0 and not s1", "s0 or s1", "s0 and s1"]))
    return {"title": "drawn", "logsource": dict(source), "detection": detection, "level": "low"}


@pytest.mark.parametrize("source", [SET, DELETE, EVENT], ids=lambda one: one["category"])
def test_drawn_rules_about_the_registry_are_read_as_the_slow_reading_reads_them(source: Mapping[str, str]) -> None:
    kinds = [one for one in kinds_of(source) if one.table == "evtx"]
    rows = st.fixed_dictionaries(
        {
            "Channel": st.sampled_from([SYSMON, "Security", "Security", "System"]),
            "EventID": st.sampled_from([12, 13, 14, 4657, 4657, 4657]),
            "EventData": _DATA,
        },
        optional={"ObjectName": _KEYS, "TargetObject": _KEYS, "Details": st.sampled_from(_HELD)},
    )
    subject = Subject(
        "evtx", source, _FIELDS, rows, lambda row: next((one.make(row) for one in kinds if one.is_one(row)), None)
    )
    counted = Compared()

    @SLOW
    @given(st.lists(rows, min_size=1, max_size=10), st.lists(_rules(source), min_size=1, max_size=8))
    def hold(events: list[dict[str, Any]], drawn: list[dict[str, Any]]) -> None:
        compare(subject, events, drawn, counted)

    hold()
    assert counted.met
