"""Searching and counting: equal to a naive look at every row, in one order, with only the files opened that can match."""

from __future__ import annotations

import fnmatch
import ipaddress
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hunt.archives import archive_of
from tests.intake.evidence import log, sha256, taken_in, write

from dwell.archive.datafile import WordsReader
from dwell.archive.grams import grams, may_hold
from dwell.archive.spec import ID_CHARS
from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.errors import CustodyError, UsageError
from dwell.intake import searching
from dwell.intake.ingest import open_archive
from dwell.intake.searching import search
from dwell.intake.stock import stock, whole_table
from dwell.intake.tables import specs
from dwell.intake.terms import Term, cut, parse
from dwell.sources.iis_request_id import split_request_id

REQUEST_ID = "0f8fad5b-d9cb-469f-a165-70867728488e"
FILES = {f"EX0{1 + number % 2}/inetpub/{number}.log": log(number, 7) for number in range(12)}


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Make a case of twelve logs over three months, one with a line that cannot be read."""
    folder = write(tmp_path_factory.mktemp("evidence"), FILES)
    write(
        folder,
        {
            "odd.log": log(50, 3) + b"an odd line\r\n",
            "readme.txt": b"no evidence",
            "twice.log": FILES["EX01/inetpub/0.log"],
        },
    )
    made, _ = taken_in(tmp_path_factory.mktemp("case") / "case", folder)
    return made


@pytest.fixture(scope="module")
def archive(case: Case) -> Archive:
    return open_archive(case)


def naive(archive: Archive, terms: list[str]) -> list[tuple[str, int]]:
    """Look at every row of the IIS table the slow way."""
    found = whole_table(archive, "iis", archive.specs["iis"].schema.names).to_pylist()
    out = []
    for row in found:
        at = row["time_utc"].isoformat()
        row["cs-uri"] = f"{row['cs-uri-stem']}?{row['cs-uri-query']}"
        met = True
        for term in terms:
            column, mark, value = term.partition(":")
            if not mark:
                met &= any(term.lower() in str(row[one] or "").lower() for one in archive.specs["iis"].lexicon)
            elif column == "after":
                met &= at >= value
            elif column == "before":
                met &= at < value
            elif "/" in value and column == "c-ip":
                met &= ipaddress.ip_address(row[column]) in ipaddress.ip_network(value)
            else:
                met &= fnmatch.fnmatchcase(str(row[column]).lower(), value.lower())
        if met:
            out.append((at, row["evidence_id"], row["record_no"]))
    return [(evidence, number) for _, evidence, number in sorted(out)]


_TERMS = st.lists(
    st.sampled_from(
        [
            "c-ip:192.0.2.0/29", "c-ip:192.0.2.3", "cs-uri-stem:/ews/1", "cs-uri-stem:*EWS*", "cs-uri-query:a=?",
            "cs-uri:/ews/*?a=1", "sc-status:200", "sc-status:2*", "sc-status:404", "after:2021-02", "before:2021-02-10",
            "after:2021-01-03T10:00:03", "host:ex01", "cs-username:ministry*user1*", "user1", "AGENT/1", "nobody",
            "time-taken:3", "cs-uri-stem:", "c-ip:10.0.0.0/8", "cs-referer:*",
        ]
    ).filter(lambda term: not term.endswith(":") and "?" not in term.replace("*?a", "")),
    min_size=1,
    max_size=4,
    unique_by=lambda term: term.partition(":")[0],
)  # fmt: skip


@settings(max_examples=60)
@given(terms=_TERMS, limit=st.sampled_from([0, 1, 5, 1000]))
def test_it_equals_a_look_at_every_row(archive: Archive, terms: list[str], limit: int) -> None:
    # a column of IIS in every query keeps the house's own tables out
    terms = [*terms, "cs-method:post"]
    wanted = naive(archive, terms)
    found = search(archive, terms, limit)
    assert found.total == len(wanted)
    assert [(one.evidence_id, one.record_no) for one in found.matches] == wanted[:limit]
    assert sum(found.months.values()) == found.total
    assert sum(found.tables.values()) == found.total


def test_the_lexicon_keeps_files_closed(archive: Archive) -> None:
    found = search(archive, ["cs-uri-stem:/ews/3", "cs-method:POST"], 10)
    assert (found.total, found.files, found.opened) == (7, 3, 1)
    assert search(archive, ["cs-uri-stem:/nowhere"], 10).opened == 0
    assert search(archive, ["nobody"], 10).opened == 0


_TEXTS = st.text(alphabet="ak\u212as\u017fK+ %2e.19:f/", max_size=8)
_ADDRESSES = st.sampled_from(
    [
        "10.1.2.3",
        "[10.1.2.3]:80",
        "10.1.9.9:443",
        "::ffff:10.1.2.3",
        "0:0:0:0:0:FFFF:a01:203",
        " 10.1.2.3 ",
        "fe80::1",
        "11.1.2.3",
    ]
)
_NETWORKS = st.sampled_from(
    ["10.1.2.3/32", "10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/12", "10.0.0.0/8", "0.0.0.0/0", "fe80::/10"]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_TEXTS | _ADDRESSES, max_size=4), _TEXTS, _NETWORKS, st.booleans())
def test_what_meets_a_term_holds_its_pieces(texts: list[str], value: str, network: str, named: bool) -> None:
    bitmap = grams(pa.array(texts, pa.string()))
    for term in (Term("c" if named else None, value), Term("c", network, ipaddress.ip_network(network))):
        if term.matches(pa.array(texts, pa.string())).any():
            assert any(all(may_hold(bitmap, piece) for piece in way) for way in term.pieces()), term


def test_of_an_absent_value_no_column_is_read(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    plain = WordsReader.read

    def noted(self: WordsReader, name: str) -> tuple[pa.StringArray, object]:
        read.append(name)
        return plain(self, name)

    monkeypatch.setattr(WordsReader, "read", noted)
    for terms in (
        ["cs-uri-stem:*zzqqyy*"],
        ["zzqqyy"],
        ["c-ip:247.248.0.0/16"],
        ["cs-uri:*zzqqyy?a*"],
        ["zzqqyy", "POST"],
    ):
        assert search(archive, terms).total == 0
        assert read == []
    assert search(archive, ["cs-method:POST"]).total > 0
    assert set(read) == {"cs-method"}


def test_files_outside_the_time_are_not_even_asked(archive: Archive) -> None:
    found = search(archive, ["cs-method:*", "after:2021-02", "before:2021-03"])
    assert found.files == 1
    assert list(found.months) == ["2021-02"]


def test_a_match_holds_its_whole_row(archive: Archive) -> None:
    found = search(archive, ["cs-uri-stem:/ews/4"], 1)
    (one,) = found.matches
    assert (one.table, one.evidence_id, one.record_no, one.host) == (
        "iis",
        sha256(FILES["EX01/inetpub/4.log"]),
        5,
        "EX01",
    )
    assert one.time_utc == datetime(2021, 2, 5, 10, 0, 0, tzinfo=UTC)
    assert one.row["cs-user-agent"] == "Agent/0"
    assert one.row["sc-status"] == 200
    assert "X-Forwarded-For" not in one.row


def test_the_same_with_a_pool(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = search(archive, ["user1"], 20)
    monkeypatch.setattr(searching, "POOL_ROWS", 0)
    told: list[tuple[int, int]] = []
    assert search(archive, ["user1"], 20, workers=2, progress=lambda done, total: told.append((done, total))) == alone
    assert told[-1] == (3, 3)


def test_names_inside_a_map_are_searched_where_no_table_has_the_column(tmp_path: Path) -> None:
    extra = (
        log(1)
        .replace(b" time-taken\r", b" time-taken Odd-Column\r")
        .replace(b"\r\n", b" marked\r\n")
        .replace(b"Odd-Column marked", b"Odd-Column")
    )
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "evidence", {"a.log": extra, "b.log": log(2)}))
    found = search(open_archive(case), ["odd-column:mark*"], 10)
    assert found.total == 5
    assert {one.evidence_id for one in found.matches} == {sha256(extra)}
    assert search(open_archive(case), ["odd-column:other"], 10).total == 0


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ([], "nothing to search for"),
        (["  "], "nothing to search for"),
        (["after:yesterday"], "wants an instant"),
        (["before:2021-13"], "is no date"),
        (["c-ip:300.0.0.0/8"], "is no network"),
        (["c-ip:10.0.0.0/33"], "is no network"),
    ],
)
def test_a_search_that_asks_nothing_is_a_usage_fault(archive: Archive, terms: list[str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        search(archive, terms)


def test_an_archive_file_that_was_changed_is_never_searched(tmp_path: Path) -> None:
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "evidence", {"a.log": log(1)}))
    file = open_archive(case).files("iis")[0]
    file.path.write_bytes(file.path.read_bytes()[::-1])
    with pytest.raises(CustodyError):
        search(open_archive(case), ["cs-method:post"])


def test_a_search_as_typed_is_cut_at_blanks_outside_quotes() -> None:
    assert cut('c-ip:94.140.114.0/24  cs-user-agent:"Mozilla 5.0*" "two words" after:2019-04') == [
        "c-ip:94.140.114.0/24", "cs-user-agent:Mozilla 5.0*", "two words", "after:2019-04",
    ]  # fmt: skip
    for text, place in (('  "open', 3), ('c-ip:"a b" x:"y z', 14)):
        with pytest.raises(UsageError, match=f"never closed, at character {place}"):
            cut(text)


@pytest.mark.parametrize(
    ("value", "text", "met"),
    [
        ("2001:db8::/32", "2001:db8::1", True),
        ("2001:db8::/32", "[2001:db8::1]:443", True),
        ("192.0.2.0/24", "192.0.2.9:51000", True),
        ("192.0.2.0/24", "::ffff:192.0.2.9", True),
        ("192.0.2.0/24", "192.0.3.9", False),
        ("192.0.2.0/24", "not an address", False),
        ("192.0.2.0/24", "", False),
        ("fe80::/10", "fe80::1%eth0", True),
    ],
)
def test_addresses_lie_in_networks(value: str, text: str, met: bool) -> None:

    (term,) = parse([f"c-ip:{value}"]).terms
    assert term.network is not None
    assert term.matches(pa.array([text])).tolist() == [met]


@given(value=st.text(max_size=12), text=st.text(max_size=12))
def test_no_character_is_special_but_the_star(value: str, text: str) -> None:

    plain = value.replace("*", "").encode("utf-8", "ignore").decode()
    other = text.encode("utf-8", "ignore").decode()
    texts = pa.array([plain, other, None])
    assert Term("c", plain).matches(texts).tolist()[0] is (True)
    assert Term("c", "*").matches(texts).tolist() == [True, True, False]
    assert Term(None, plain).matches(texts).tolist()[0] is (True)
    assert Term("c", f"{plain}*").matches(pa.array([plain + other])).tolist() == [True]


def test_the_stock_counts_what_is_there(case: Case, archive: Archive) -> None:
    found = stock(case, archive)
    assert (found.evidence_files, found.read_files, found.records, found.anomalies) == (14, 13, 12 * 7 + 3, 1)
    assert (found.first_utc, found.last_utc) == (
        datetime(2021, 1, 1, 10, 0, 0, tzinfo=UTC),
        datetime(2021, 3, 23, 10, 0, 2, tzinfo=UTC),
    )
    assert [one.path for one in found.files] == sorted(one.path for one in found.files)
    files = {one.path: one for one in found.files}
    first = files["EX01/inetpub/0.log"]
    assert (first.places, first.source, first.host, first.records, first.anomalies) == (2, "iis", "EX01", 7, 0)
    assert first.sha256 == sha256(FILES["EX01/inetpub/0.log"])
    assert first.size_bytes == len(FILES["EX01/inetpub/0.log"])
    assert first.first_utc is not None
    assert first.last_utc is not None
    assert (first.last_utc - first.first_utc).seconds == 6
    assert (files["odd.log"].anomalies, files["odd.log"].records) == (1, 3)
    readme = files["readme.txt"]
    assert (readme.source, readme.records, readme.anomalies, readme.first_utc) == (None, None, None, None)
    assert found.size_bytes == sum(one.size_bytes for one in found.files)
    assert found.facts == whole_table(archive, "facts", ("record_no",)).num_rows


def test_the_stock_of_an_empty_case_is_nothing(tmp_path: Path) -> None:
    empty = Case.create(tmp_path / "case")
    found = stock(empty, open_archive(empty))
    assert (found.evidence_files, found.records, found.first_utc, found.files) == (0, 0, None, ())


def test_a_name_that_neither_column_nor_field_has_is_the_askers_mistake(archive: Archive) -> None:
    with pytest.raises(UsageError, match="no record looked at has a column or field 'nosuchcolumn'"):
        search(archive, ["nosuchcolumn:foo"])
    with pytest.raises(UsageError) as raised:
        search(archive, ["user-agnt:x"])
    assert "cs-user-agent" in str(raised.value.remedy)


def test_a_column_of_a_log_that_is_not_held_is_said_not_to_have_been_looked_at(archive: Archive) -> None:
    found = search(archive, ["status:401"])
    assert (found.total, found.files) == (0, 0)
    assert "No log that is held has a column 'status'" in found.hint
    assert "sc-status" in found.hint
    assert search(archive, ["sc-status:999"]).hint == ""


def test_a_word_that_is_a_number_is_told_where_numbers_are_asked(archive: Archive) -> None:
    assert "asked by name, as 'sc-status:401'" in search(archive, ["401"]).hint
    assert search(archive, ["nowhere"]).hint == ""


def test_ids_that_are_not_looked_at_for_other_texts_hold_digits_and_dashes_alone() -> None:
    texts = [f"a=1&cafeReqId={REQUEST_ID};", f"RequestId={'g' * 36}", f"reqId={'0' * 36}", "request_id=needle", None]
    _, ids = split_request_id(pa.array(texts, pa.string()))
    assert ids.to_pylist() == [REQUEST_ID, None, None, None, None]
    spec = specs()["iis"]
    assert [spec.may_hold("cafeReqId", one) for one in (REQUEST_ID[3:9], "", "needle", "a b")] == [
        True,
        True,
        False,
        False,
    ]
    assert spec.may_hold("cs-uri-query", "needle")
    assert len(REQUEST_ID) == ID_CHARS


@pytest.mark.parametrize("known", [True, False])
def test_a_word_is_looked_for_in_every_text_of_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    rows: dict[str, list[dict[str, object]]] = {
        "evtx": [
            {"EventData": {"ImageLoaded": "C:\\evil\\NEEDLE.dll"}, "EventID": 7},
            {"ScriptBlockText": "x" * 70_000 + " needle"},
            {"Message": "a nee dle"},
            {"EventData": {"needle": "a name of a field is no text", "Empty": None}},
            {"TargetUserName": "needle"},
            {},
        ],
        "ual": [
            {"AuditData": '{"x":"needle"}'},
            {"FolderPaths": ["\\Inbox", "\\Needles"]},
            {"FolderPaths": []},
            {"Parameters": {"ForwardTo": "smtp:needle@example.org"}},
        ],
        "iis": [{"cs-uri-stem": "/x"}, {"extra": {"X-Real": "needle"}}, {"cafeReqId": REQUEST_ID}],
    }
    archive = archive_of(tmp_path / "archive", rows)
    if not known:
        monkeypatch.setattr(searching, "read_index", lambda _: None)

    def met(*terms: str) -> list[tuple[str, int]]:
        return sorted((one.table, one.record_no) for one in search(archive, terms).matches)

    assert met("Needle") == [
        ("evtx", 1),
        ("evtx", 2),
        ("evtx", 5),
        ("iis", 2),
        ("ual", 1),
        ("ual", 2),
        ("ual", 4),
    ]
    assert met("need*e", "evil") == [("evtx", 1)]
    assert met("needle", "EventID:7") == [("evtx", 1)]
    for part in (REQUEST_ID, "D9CB-469f", "0f8*488e", "cafeReqId:*d9cb*"):
        assert met(part) == [("iis", 3)], part
    assert met("FolderPaths:*needles*") == [("ual", 2)]
    assert met("needles", "nowhere") == []


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (["NOT", "c-ip:192.0.2.1"], "NOT is looked for as a word"),
        (["c-ip:192.0.2.1", "or", "c-ip:192.0.2.2"], "or is looked for as a word"),
        (["-c-ip:192.0.2.1"], "-c-ip:192.0.2.1 is looked for as a word: there is no NOT"),
        (["sc-status:>400"], "numbers are not compared"),
        (["sc-status:<=400"], "numbers are not compared"),
    ],
)
def test_what_reads_like_another_language_is_said_to_be_taken_as_it_stands(
    archive: Archive, terms: list[str], said: str
) -> None:
    assert said in search(archive, terms).hint


def test_a_map_is_asked_as_a_whole_and_its_fields_by_their_last_name(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"EventData": {"EventXML.Address": "198.51.100.2", "EventXML.User": "bob"}},
        {"EventData": {"ImageLoaded": "C:\\evil\\side.dll"}},
        {"EventData": {"Address": "198.51.100.3", "Empty": None}},
        {},
    ]
    archive = archive_of(tmp_path / "archive", {"evtx": rows})

    def met(*terms: str) -> list[int]:
        return [one.record_no for one in search(archive, terms).matches]

    assert met("Address:198.51.100.0/24") == [1, 3]
    assert met("EventXML.Address:198.51.100.0/24") == [1]
    assert met("EventData:*side.dll*") == [2]
    assert met("eventdata:198.51.100.0/24") == [1, 3]
    assert met("EventData:bob", "Address:*") == [1]
    assert met("EventData:nobody") == []


def test_a_map_asked_as_a_whole_takes_in_the_fields_that_are_columns(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"CommandLine": "cmd /c whoami", "EventData": {"ProcessGuid": "x"}},
        {"ScriptBlockText": "y" * 70_000 + "whoami"},
        {"IpAddress": "198.51.100.7", "EventData": {"Where": "whoami"}},
        {"Computer": "whoami"},
    ]
    archive = archive_of(tmp_path / "archive", {"evtx": rows, "iis": [{"cs-uri-stem": "/whoami"}]})

    def met(*terms: str) -> list[int]:
        return [one.record_no for one in search(archive, terms).matches]

    assert met("EventData:*whoami*") == [1, 2, 3]
    assert met("eventdata:198.51.100.0/24") == [3]
    assert met("EventData.CommandLine:*whoami*") == met("CommandLine:*whoami*") == [1]
    assert met("EventData.Where:whoami") == met("where:whoami") == [3]
    with pytest.raises(UsageError, match="no record looked at has a column or field"):
        search(archive, ["EventData.Nowhere:whoami"])


def test_a_name_in_another_spelling_than_the_head_of_an_event_has_it_is_a_field_as_well(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"ProcessID": 4, "EventData": {"ProcessId": "77"}},
        {"ProcessID": 77, "EventData": {"ProcessId": "4"}},
        {"ProcessID": 5},
    ]
    archive = archive_of(tmp_path / "archive", {"evtx": rows})

    def met(*terms: str) -> list[int]:
        return [one.record_no for one in search(archive, terms).matches]

    assert met("ProcessId:77") == [1, 2]
    assert met("ProcessID:77") == [2]
    assert met("EventData.ProcessId:77") == [1]
    said = search(archive, ["ProcessId:77"]).hint
    assert "ProcessId was looked for in the column ProcessID and as a field of EventData" in said
    assert search(archive, ["ProcessID:77"]).hint == ""
    assert search(archive, ["threadid:1"]).hint == ""


@pytest.mark.parametrize(
    "asked", ["203.0.113.5", "::ffff:203.0.113.5", "::FFFF:CB00:7105", "[::ffff:203.0.113.5]", "2001:db8::1"]
)
def test_an_address_of_a_column_is_found_in_every_spelling(asked: str, tmp_path: Path) -> None:
    spelt = {
        4: ["203.0.113.5", "::ffff:203.0.113.5", "203.0.113.5:443"],
        6: ["2001:db8::1", "2001:0DB8:0000:0000:0000:0000:0000:0001", "[2001:db8::1]:25"],
    }
    rows: list[dict[str, object]] = [{"IpAddress": one} for some in spelt.values() for one in some]
    archive = archive_of(tmp_path / "archive", {"evtx": [*rows, {"IpAddress": "203.0.113.55"}, {"IpAddress": "-"}]})
    found = search(archive, [f"IpAddress:{asked}"]).matches
    assert [one.row["IpAddress"] for one in found] == spelt[6 if asked == "2001:db8::1" else 4]


def test_what_was_meant_otherwise_is_told_where_nothing_is_found(archive: Archive) -> None:
    quoted = search(archive, ["cs-uri-stem:'/owa/'"])
    assert (quoted.total, "single quotes" in quoted.hint) == (0, True)
    host = search(archive, ["host:EX01.corp.local"])
    assert (host.total, "host:EX01." in host.hint) == (0, True)
    assert search(archive, ["host:EX01"]).hint == ""
    late = search(archive, ["after:2031-01", "c-ip:192.0.2.1"])
    assert (late.total, late.files) == (0, 0)
    assert "not of that time" in late.hint
    assert "columns" not in late.hint.replace("with these columns", "")
