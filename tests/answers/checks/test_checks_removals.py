"""Knowledge only shrinks with evidence: no file that is taken away turns an unknown check into a pass."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.answers.checks.exported import AFTER, BEFORE, STAFF, case_of, table

from dwell.answers import eviction
from dwell.model.claims import CheckStatus

_CONFIG = (
    '<?xml version="1.0"?><configuration><system.webServer><globalModules><add name="{}" image="C:\\x\\y.dll" />'
    "</globalModules></system.webServer></configuration>"
)
_KEY = '<?xml version="1.0"?><configuration><system.web><machineKey validationKey="{}" /></system.web></configuration>'
_RIGHTS = "Mailbox,User,AccessRights,Deny,IsInherited"
_FILES = "Path,SHA256,CreationTimeUtc"
_PLACE = "C:\\Program Files\\Microsoft\\Exchange Server\\V15"
_PAGES = [
    (path, "a" * 64, "2015-01-01T00:00:00Z")
    for path in (
        "C:\\inetpub\\wwwroot\\a.aspx", f"{_PLACE}\\FrontEnd\\HttpProxy\\a.aspx", f"{_PLACE}\\ClientAccess\\a.aspx"
    )
]  # fmt: skip
GIVEN = (STAFF[0], "helper@gov.example", "FullAccess", "False", "False")
EVIDENCE = {
    f"exports/{AFTER}/rules.csv": table(
        "Mailbox,Name,Enabled,RuleIdentity,ForwardTo,DeleteMessage",
        [(one, "Junk E-mail Rule", "True", "1", "", "False") for one in STAFF],
    ),
    f"exports/{BEFORE}/rights.csv": table(
        _RIGHTS, [(one, "NT AUTHORITY\\SELF", "FullAccess", "", "") for one in STAFF] + [GIVEN]
    ),
    f"exports/{AFTER}/rights.csv": table(
        _RIGHTS, [GIVEN, *((one, "NT AUTHORITY\\SELF", "FullAccess", "", "") for one in STAFF)]
    ),
    f"exports/{AFTER}/sendas.csv": table(
        "Mailbox,Trustee,AccessRights,AccessControlType",
        [(one, "NT AUTHORITY\\SELF", "SendAs", "Allow") for one in STAFF],
    ),
    f"directory/{AFTER}/audit.csv": table(
        "PrimarySmtpAddress,Alias,AuditEnabled", [(one, one[:3], "True") for one in STAFF]
    ),
    f"EX01/config/{BEFORE}/applicationHost.config": _CONFIG.format("Own"),
    f"EX01/config/{AFTER}/applicationHost.config": _CONFIG.format("Own"),
    f"EX01/config/{BEFORE}/web.config": _KEY.format("A" * 64),
    f"EX01/config/{AFTER}/web.config": _KEY.format("B" * 64),
    f"EX01/files/{BEFORE}/list.csv": table(_FILES, [*_PAGES, _PAGES[0]]),
    f"EX01/files/{AFTER}/list.csv": table(_FILES, _PAGES),
}
RANK = {CheckStatus.FAIL: 0, CheckStatus.UNKNOWN: 1, CheckStatus.PASS: 2}


def _statuses(root: Path, files: dict[str, str]) -> dict[str, CheckStatus]:
    return {one.check: one.status for one in eviction.findings(case_of(root, files), ())}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CheckStatus]:
    """Give what is said of everything."""
    return _statuses(tmp_path_factory.mktemp("whole"), EVIDENCE)


def test_everything_together_passes_something(whole: dict[str, CheckStatus]) -> None:
    """Without a pass that could be lost the property would say nothing."""
    assert sum(one is CheckStatus.PASS for one in whole.values()) >= 5


@settings(max_examples=20, deadline=None)
@given(gone=st.sets(st.sampled_from(sorted(EVIDENCE)), min_size=1, max_size=4))
def test_less_evidence_makes_no_pass(whole: dict[str, CheckStatus], gone: set[str]) -> None:
    with TemporaryDirectory() as folder:
        left = _statuses(Path(folder), {name: text for name, text in EVIDENCE.items() if name not in gone})
    assert left.keys() == whole.keys()
    for check, status in left.items():
        if status is CheckStatus.PASS:
            assert whole[check] is CheckStatus.PASS, (check, sorted(gone))
