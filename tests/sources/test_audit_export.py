"""Audit exports: instants with and without a zone, structures inside events, the cap, and XML that means harm."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fuzz.contract import check

from dwell.model.provenance import FactKind
from dwell.sources import audit_export
from dwell.sources.registry import identify, source
from dwell.sources.source import Sniff

MAILBOX = '<Event MailboxGuid="1" LastAccessed="{at}" Operation="FolderBind"{more}/>'
ADMIN = '<Event Caller="a" Cmdlet="Set-Mailbox" RunDate="{at}">{inner}</Event>'
AT = "2019-04-14T09:01:02+02:00"


def rows(key: str, text: str) -> list[dict[str, object]]:
    """Read a text and give its records."""
    return check(source(key), text.encode()).rows


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        (AT, datetime(2019, 4, 14, 7, 1, 2, tzinfo=UTC)),
        ("2019-04-14T09:01:02.1406253-07:00", datetime(2019, 4, 14, 16, 1, 2, 140625, tzinfo=UTC)),
        ("2019-04-14T09:01:02Z", datetime(2019, 4, 14, 9, 1, 2, tzinfo=UTC)),
        ("2019-04-14T09:01:02", None),
        ("14/04/2019 09:01:02", None),
        ("", None),
    ],
)
def test_only_an_instant_with_a_zone_is_one(at: str, wanted: datetime | None) -> None:
    found = rows("mailbox_audit", MAILBOX.format(at=at, more=""))[0]
    assert (found["time_utc"], found["LastAccessed"]) == (wanted, at or None)
    found = rows("mailbox_audit_csv", f"Operation,LogonType,MailboxGuid,LastAccessed\nFolderBind,Admin,1,{at}\n")[0]
    assert (found["time_utc"], found["LastAccessed"], found["extra"]) == (wanted, at or None, None)


def test_parameters_are_a_map_and_a_text() -> None:
    given = '<Parameter Name="Identity" Value="m"/><Parameter Name="X" Value="&lt;b&gt;"/>'
    inner = f"<CmdletParameters>{given}</CmdletParameters>"
    found = rows("admin_audit", ADMIN.format(at=AT, inner=inner))[0]
    assert found["Parameters"] == [("Identity", "m"), ("X", "<b>")]
    assert found["CmdletParameters"] == '[{"Name":"Identity","Value":"m"},{"Name":"X","Value":"<b>"}]'


def test_a_structure_that_comes_twice_loses_nothing() -> None:
    inner = "".join(f'<CmdletParameters><Parameter Name="{name}"/></CmdletParameters>' for name in "ab")
    found = rows("admin_audit", ADMIN.format(at=AT, inner=inner))[0]
    assert found["Parameters"] == [("a", None), ("b", None)]
    assert found["CmdletParameters"] == '[{"Name":"a"}]'
    assert found["extra"] == [("CmdletParameters", '[{"Name":"b"}]')]


def test_a_file_of_the_size_of_the_cap_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    text = MAILBOX.format(at=AT, more="") * 3
    for size, told in ((len(text) + 1, 0), (len(text), 1)):
        monkeypatch.setattr(audit_export, "CAP_BYTES", size)
        facts = check(source("mailbox_audit"), text.encode()).facts
        assert sum(fact.kind is FactKind.NOT_RECORDED for fact in facts) == told


def test_how_many_rows_make_a_batch_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(MAILBOX.format(at=AT, more=f' N="{number}"') + "junk" for number in range(7))
    whole = check(source("mailbox_audit"), text.encode())
    monkeypatch.setattr(audit_export, "ROWS", 2)
    parts = check(source("mailbox_audit"), text.encode())
    assert (parts.rows, parts.anomalies) == (whole.rows, whole.anomalies)


def test_entities_are_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]>' + ADMIN.format(at=AT, inner="<Note>&c;</Note>")
    reading = check(source("admin_audit"), bomb.encode())
    assert not reading.rows
    assert len(reading.anomalies) == 2


def test_a_closing_mark_inside_an_attribute_ends_nothing() -> None:
    more = ' ItemSubject="a/>b" Owner=\'"\''
    text = MAILBOX.format(at=AT, more=more) + MAILBOX.format(at=AT, more="")
    found = rows("mailbox_audit", text)
    assert [row["ItemSubject"] for row in found] == ["a/>b", None]
    assert found[0]["Owner"] == '"'


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<SearchResults>" + MAILBOX.format(at=AT, more="") + "</SearchResults>", "mailbox_audit"),
        ("<SearchResults>" + ADMIN.format(at=AT, inner="") + "</SearchResults>", "admin_audit"),
        ("<SearchResults />", None),
        ('<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System/></Event>', "evtx_xml"),
        ("CmdletName,Caller,RunDate\nx,y,z\n", "admin_audit_csv"),
        ("Operation,LastAccessed,LogonType,MailboxGuid\nx,y,z,w\n", "mailbox_audit_csv"),
        ("Operation,LastAccessed\nx,y\n", None),
    ],
)
def test_content_tells_the_log(text: str, wanted: str | None) -> None:
    guesses = identify(Sniff(text.encode(), "SearchResult.xml", complete=True))
    assert (guesses[0].source if guesses else None) == wanted
