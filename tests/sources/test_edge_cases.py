"""Every edge case that the formats are known to have is held by a golden pair, or by a test that is named here.

The numbers are those of the list that the readers were written from: first what damage to expect in text logs, then the
cases that each format has had. A pair counts only where its input really holds the case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
GOLDEN = PROJECT / "tests" / "golden" / "sources"

DAMAGE: Mapping[str, Mapping[str, bytes]] = {
    "last line cut": {
        "httpproxy/damage": rb"[^\n]\Z",
        "iis/damage": rb"[^\n]\Z",
        "message_tracking/damage": rb"[^\n]\Z",
    },
    "runs of NUL": {"iis/damage": rb"\0{3}", "httpproxy/damage": rb"\0{3}"},
    "two records in one line": {"httpproxy/damage": rb"\d\d:\d\d\.\d+Z,[^\n]*[^\n]\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"},
    "a header behind a line": {"iis/a_header_behind_a_line": rb"\d#Software"},
    "a quote that swallows lines": {"message_tracking/quote_never_closed": rb'"', "ews/quote_never_closed": rb'"'},
    "rows out of order": {
        "ecp_activity/rows_out_of_order": rb"",
        "message_tracking/older_bytes_and_rows_out_of_order": rb"",
    },
    "the instant is the end": {
        "httpproxy/plain": rb"BeginRequest=|TotalRequestTime",
        "ews/plain": rb"StartTime|TotalRequestTime",
    },
}
CASES: Mapping[str, Mapping[str, bytes]] = {
    "1 fields change in mid-file": {"iis/fields_change_in_mid_file": rb"(?s)#Fields.*\n[^#].*#Fields"},
    "1 no #Date": {"iis/no_date_at_all": rb"\A(?!.*#Date)"},
    "1 no date column": {"iis/no_date_column": rb"#Fields: time "},
    "1 comments and blank lines": {"iis/damage": rb"\n#|\n\r?\n"},
    "2 double space": {"iis/spaces_where_none_belong": rb"[^ ]  [^ ]"},
    "2 list of addresses": {"iis/forwarded_with_ports_and_lists": rb"203\.0\.113\.9,\+10"},
    "2 address with a port": {"iis/forwarded_with_ports_and_lists": rb"203\.0\.113\.9:51234"},
    "2 zone of an address": {"iis/client_port_and_zone": rb"fe80[^ ]*%\d"},
    "2 client port at the end": {"iis/client_port_and_zone": rb"#Fields:[^\n]*port\r?\n"},
    "3 agent with spaces": {"iis/spaces_where_none_belong": rb"Mozilla[^\n]* [^\n]* "},
    "3 XML in the agent": {"iis/spaces_where_none_belong": rb"<\?xml"},
    "3 wrong number of columns": {"iis/damage": rb""},
    "4 row of 74 columns": {"httpproxy/plain": rb"(?:[^,\n]*,){73}"},
    "4 no header": {"httpproxy/no_header": rb"\A(?:\xef\xbb\xbf)?\d{4}-"},
    "4 column without a name": {"httpproxy/empty_column_of_2013": rb"TargetServer,,TargetServerVersion"},
    "4 Export-Csv": {"httpproxy/export_csv": rb"#TYPE"},
    "5 header before #Software": {"ews/header_before_software": rb"\A(?:\xef\xbb\xbf)?DateTime,"},
    "5 renamed and fused names": {"ews/fused_and_renamed_names": rb"MyTimeStamp", "message_tracking/fused_names": rb""},
    "6 quotes and commas in a cell": {"message_tracking/custom_data_shapes": rb'""', "imap4/plain": rb'""|"'},
    "7 byte-order mark": {"ual/search_unifiedauditlog": rb"\A\xef\xbb\xbf"},
    "7 huge record": {"ual/huge_record": rb"(?s)\A.{131072}"},
    "7 copies and empty AuditData": {"ual/copies_and_empty_auditdata": rb'""|,,'},
    "7 record types in words": {"ual/addresses_with_ports_and_record_types_in_words": rb"RecordType[^\d]{2,6}[A-Z]"},
    "7 address and port": {"ual/addresses_with_ports_and_record_types_in_words": rb"\[[0-9a-f:]+\]:\d+"},
    "7 numbers as fractions": {"ual_json/bind_and_sync_in_localised_folders": rb"2\.0"},
    "8 Bind and Sync": {"ual_json/bind_and_sync_in_localised_folders": rb"(?s)Sync.*Bind"},
    "8 localised folders": {"ual_json/bind_and_sync_in_localised_folders": rb"\xc3\x89l\xc3\xa9ments"},
    "8 no IsThrottled, no SessionId": {
        "ual_json/bind_and_sync_in_localised_folders": rb"\A(?![^\n]*(?:IsThrottled|\"SessionId))"
    },
    "8 counts more than it lists": {"ual_json/counts_more_than_it_lists": rb"OperationCount"},
    "8 shared mailboxes": {"ual_json/shared_mailboxes": rb"\"LogonType\": 2"},
    "8 searches": {"ual_json/searches": rb"SearchQueryInitiatedExchange"},
    "8 inbox rules without a name": {"ual_json/rules_without_a_name": rb"\{\"Name\": \"RuleName\"\}"},
    "9 several arrays": {"ual_json/several_arrays": rb"\]\s*\["},
    "9 lines": {"ual_json/lines": rb"\}\r?\n\{"},
    "9 CSV in UTF-16": {"ual/utf16_tabs": rb"\A(?:\xff\xfe|\xfe\xff)"},
    "10 data without names": {"evtx/unnamed_data_and_cleared_log": rb"ElfFile"},
    "10 event id in several shapes": {"evtx_json/event_id_and_data_shapes": rb"EventID"},
    "10 bad chunk": {"evtx/bad_chunk_magic": rb"ElfFile"},
    "10 UserData": {"evtx_xml/root_rendering_and_user_data": rb"UserData"},
    "10 clock off by hours": {"evtx_json/clock_off_by_five_hours": rb"UtcTime"},
    "11 Zeek as TSV, header again": {"zeek/http_then_conn_again": rb"(?s)#fields.*#fields"},
    "11 both styles of keys": {"zeek_json/lines": rb"id\.orig_h", "zeek_json/shipper_style": rb"id_orig_h"},
    "12 corrupt lines": {"bodyfile/damage": rb""},
    "12 deleted names": {"bodyfile/plain|bodyfile/names_with_strokes_and_links": rb"\(deleted"},
    "13 UTF-16": {"httpproxy/utf16": rb"\A(?:\xff\xfe|\xfe\xff)", "iis/utf16": rb"\A(?:\xff\xfe|\xfe\xff)"},
    "13 older bytes": {"message_tracking/older_bytes_and_rows_out_of_order": rb"[\x80-\xff](?![\x80-\xff])"},
    "14 message ids": {"message_tracking/message_ids_of_all_shapes": rb""},
    "IMAP and POP: domain/user/alias": {
        "imap4/shared_mailboxes_by_alias": rb",ministry\.example/anna/registry,",
        "pop3/shared_mailboxes_by_alias": rb",ministry\.example/anna/registry,",
    },
    "HTTPERR with streams": {"httperr/stream_ids": rb"streamid streamid_ex"},
    "HTTPERR: spaces and garbage": {"httperr/spaces_inside_the_uri": rb"", "httperr/stream_ids": rb" t3 "},
    "a snapshot of the configuration": {"configuration/a_snapshot_of_cfghistory": rb"applicationHost"},
}
BY_TESTS: Mapping[str, tuple[str, str]] = {
    "11 gzip": ("tests/intake", r"\.gz\b"),
    "15 path traversal": ("tests/intake", r"\.\./"),
    "15 control characters": ("tests/safe", r"\\x1b"),
}
"""What is no matter of a source: a folder of tests and what one of them must hold."""
NUMBERS = range(1, 16)
EVERY = [(name, pairs) for table in (DAMAGE, CASES) for name, pairs in table.items()]


def _held(pairs: str, wanted: bytes) -> list[str]:
    """Give which of several pairs hold a case, those that are not there left out."""
    found = []
    for pair in pairs.split("|"):
        path = GOLDEN / f"{pair}.in"
        if path.is_file() and path.with_suffix(".out").is_file() and re.search(wanted, path.read_bytes()):
            found.append(pair)
    return found


@pytest.mark.parametrize(("name", "pairs"), EVERY, ids=[name for name, _ in EVERY])
def test_every_edge_case_has_a_pair_that_holds_it(name: str, pairs: Mapping[str, bytes]) -> None:
    assert [one for one, wanted in pairs.items() if not _held(one, wanted)] == [], name


def test_no_number_of_the_list_is_without_a_case() -> None:
    told = {name.split(" ")[0] for name in (*CASES, *BY_TESTS)}
    assert [one for one in NUMBERS if str(one) not in told] == []


@pytest.mark.parametrize("name", sorted(BY_TESTS))
def test_what_no_source_can_hold_is_held_by_a_test(name: str) -> None:
    folder, wanted = BY_TESTS[name]
    texts = [path.read_text(encoding="utf-8") for path in (PROJECT / folder).glob("test_*.py")]
    assert any(re.search(wanted, text) for text in texts)
