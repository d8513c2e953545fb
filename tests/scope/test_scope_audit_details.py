"""What stands deeper in an audit record is read where it is known to stand, and nowhere else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.scope.audit_details import TOLD_INSIDE, details


@pytest.mark.parametrize(
    ("operation", "record", "told"),
    [
        (
            "ModifyFolderPermissions",
            {"MailboxOwnerUPN": "anna@x", "Item": {"ParentFolder": {"Path": "\\Inbox", "MemberUpn": "Everyone"}}},
            ("anna@x", (("Path", "\\Inbox"), ("MemberUpn", "Everyone"))),
        ),
        (
            "Add member to role.",
            {"ObjectId": "s@x", "ModifiedProperties": [{"Name": "Role.DisplayName", "NewValue": '"Global Administrator"'}]},
            ("s@x", (("Role", "Global Administrator"),)),
        ),
        (
            "Remove member from role.",
            {"ObjectId": "s@x", "ModifiedProperties": [{"Name": "Role.DisplayName", "OldValue": "Reader", "NewValue": ""}]},
            ("s@x", (("Role", "Reader"),)),
        ),
        (
            "UpdateInboxRules",
            {"MailboxOwnerUPN": "anna@x", "OperationProperties": [{"Name": "RuleName", "Value": "."}, "junk"]},
            ("anna@x", (("RuleName", "."),)),
        ),
        ("Set-Mailbox", {"ObjectId": "anna"}, None),
        ("ModifyFolderPermissions", ["a list"], None),
        ("ModifyFolderPermissions", {"Item": "a text"}, ("", ())),
    ],
)  # fmt: skip
def test_details_are_read(operation: str, record: object, told: object) -> None:
    assert details(operation, json.dumps(record)) == told


def test_what_is_no_json_tells_nothing() -> None:
    assert details("UpdateInboxRules", "{") is None
    assert details("UpdateInboxRules", "") is None
    assert details("UpdateInboxRules", "[" * 100_000) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ("Item", "ParentFolder", "ModifiedProperties", "OperationProperties", "Name", "Value", "NewValue", "ObjectId")
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.sampled_from(sorted(TOLD_INSIDE)), _JSON)
def test_no_record_breaks_the_reading(operation: str, record: object) -> None:
    found = details(operation, json.dumps(record))
    assert found is None or all(isinstance(text, str) for pair in found[1] for text in pair)
