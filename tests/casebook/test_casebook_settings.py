"""Settings in the custody log: made, taken back, never changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dwell.casebook.case import Case
from dwell.casebook.settings import record_settings, set_in, settings
from dwell.errors import CustodyError
from dwell.model.settings import Setting, SettingKind

OURS = Setting("S1", SettingKind.NETWORK, "192.0.2.0/24", "VPN", "a. uthor")
SERVICE = Setting("S2", SettingKind.SERVICE, "svc@gov.example", "archive", "a. uthor", at="192.0.2.10")


def test_what_is_set_is_read_back_and_what_is_taken_back_stays_in_the_list(tmp_path: Path) -> None:
    case = Case.create(tmp_path / "case")
    with case.writing():
        record_settings(case, [OURS, SERVICE], [])
    first, second = set_in(Case.open(case.root))
    assert first.same(OURS)
    assert second.same(SERVICE)
    assert first.at_utc is not None
    assert "set by a. uthor on " in first.told
    assert second.what == "service svc@gov.example at 192.0.2.10"
    with case.writing():
        record_settings(case, [], [("S1", "b. editor", "sold")])
    assert [one.id for one in set_in(Case.open(case.root))] == ["S2"]
    gone, kept = settings(case.root)
    assert (gone.undone_by, gone.undone_reason, kept.undone_utc) == ("b. editor", "sold", None)


@pytest.mark.parametrize(
    "details", [{}, {"id": "S1", "kind": "weather", "value": "", "at": "", "by": "", "reason": ""}]
)
def test_an_act_of_another_form_is_refused(tmp_path: Path, details: dict[str, str]) -> None:
    case = Case.create(tmp_path / "case")
    with case.writing():
        case.record("set", details)
    with pytest.raises(CustodyError, match="no setting"):
        settings(case.root)
