"""Every claim walks back to bytes that a plain reader of the evidence finds at the same place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Dwell


def line_of(path: Path, number: int) -> bytes:
    """Give a line as `sed -n` would, its end left out."""
    return path.read_bytes().split(b"\n")[number - 1].removesuffix(b"\r")


def test_grounds_of_claims_are_lines_of_the_evidence(investigated: Path, exercise: Path, dwell: Dwell) -> None:
    summary = json.loads((investigated / "report" / "summary.json").read_text(encoding="utf-8"))
    grounded = [one for one in summary["claims"] if one["grounds"]]
    chosen = grounded[:: max(1, len(grounded) // 12)]
    assert len(chosen) >= 10
    compared = 0
    for claim in chosen:
        ran = dwell("why", claim["id"], "-c", investigated, "-t", "json", "-q")
        found = json.loads(ran.out)
        assert found["text"] == claim["text"]
        assert found["records_total"] == claim["grounds_total"]
        assert len(found["records"]) == len(claim["grounds"])
        for record in found["records"]:
            assert record["state"] == "as registered"
            if record["unit"] == "line":
                raw = line_of(exercise / "evidence" / record["path"], record["record_no"])
                assert record["raw"].encode() == raw.lstrip(b"\xef\xbb\xbf")
                data = (exercise / "evidence" / record["path"]).read_bytes()
                assert data[record["offset_bytes"] :].startswith(record["raw"].encode())
                compared += 1
            else:
                assert record["row"]
    assert compared > 20


def test_intrusion_lead_mailbox_and_record_can_be_asked_for(investigated: Path, dwell: Dwell) -> None:
    summary = json.loads((investigated / "report" / "summary.json").read_text(encoding="utf-8"))
    exposed = next(one for one in summary["mailboxes"] if one["intrusions"])
    ground = exposed["grounds"][0]
    names = [
        summary["intrusions"][0]["id"],
        "lead-1",
        exposed["mailbox"],
        f"{ground['table']}/{ground['evidence_id'][:16]}/{ground['record_no']}",
    ]
    for name in names:
        ran = dwell("why", name, "-c", investigated, "-q")
        assert ran.code == 0, name
        assert "as registered" in ran.out


def test_evidence_that_is_gone_is_said_to_be_gone(dwell: Dwell, tmp_path: Path) -> None:
    place = tmp_path / "evidence"
    place.mkdir()
    text = "#Fields: date time cs-method cs-uri-stem cs-username c-ip sc-status\n"
    text += "2021-03-01 08:00:00 GET /owa/ anna 198.51.100.7 200\n"
    (place / "u_ex210301.log").write_text(text, encoding="utf-8")
    case = tmp_path / "case"
    assert dwell("ingest", place, "-c", case, "-q", "--workers", "1").code == 0
    rows = json.loads(dwell("search", "c-ip:198.51.100.0/24", "-c", case, "-t", "json", "-q").out)[0]
    assert rows["total"] == 1
    name = rows["rows"][0]["record"]
    shown = dwell("why", name, "-c", case, "-q").out
    assert text.splitlines()[1] in shown
    (place / "u_ex210301.log").write_text(text.replace("anna", "otto"), encoding="utf-8")
    assert "changed" in dwell("why", name, "-c", case, "-q").out
    (place / "u_ex210301.log").unlink()
    gone = dwell("why", name, "-c", case, "-q").out
    assert "not found" in gone
    assert "anna" in gone, "the row that the archive holds is still shown"


@pytest.mark.parametrize("query", ["supp0rt.aspx", "cs-uri-stem:*supp0rt.aspx after:2021-03-03 before:2021-03-05"])
def test_search_counts_everything_and_shows_up_to_the_limit(query: str, investigated: Path, dwell: Dwell) -> None:
    everything = json.loads(dwell("search", query, "-c", investigated, "-t", "json", "-q").out)[0]
    two = json.loads(dwell("search", query, "-c", investigated, "-t", "json", "-q", "--limit", "2").out)[0]
    assert everything["total"] == two["total"] >= 18
    assert two["rows"] == everything["rows"][:2]
    assert sum(everything["months"].values()) == everything["total"]
    assert f"2 of {two['total']}" in dwell("search", query, "-c", investigated, "-q", "--limit", "2").out


def test_first_seen_agrees_with_a_plain_search(investigated: Path, dwell: Dwell) -> None:
    rows = json.loads(dwell("first-seen", "ANTSWORD/v2.1", "-c", investigated, "-t", "json", "-q").out)
    (seen,) = [one for one in rows if one["table"] == "iis"]
    found = json.loads(dwell("search", "cs-user-agent:antsword/v2.1", "-c", investigated, "-t", "json", "-q").out)[0]
    assert seen["column"] == "cs-user-agent"
    assert seen["count"] == found["total"] > 0
    assert seen["first_utc"] == found["rows"][0]["time_utc"]
    assert seen["last_utc"] == found["rows"][-1]["time_utc"]
    assert dwell("first-seen", "nobody", "-c", investigated, "-q").out.startswith("no text that is held is just that")
    wide = dwell("first-seen", "198.51.100.0/24", "-c", investigated)
    assert "dwell search takes networks and *" in wide.err
    assert "dwell search" not in dwell("first-seen", "/no/such/path", "-c", investigated).err
    assert dwell("first-seen", " ", "-c", investigated).code == 2
    fanged = dwell("first-seen", "antSword/v2[.]1", "-c", investigated, "-t", "json", "-q").out
    assert json.loads(fanged) == rows


@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_a_search_for_a_number_says_where_it_did_not_look(investigated: Path, dwell: Dwell, form: str) -> None:
    found = dwell("search", "99999999", "-c", investigated, "-t", form)
    assert "Columns of numbers are asked by name" in found.out + found.err


def test_a_quote_that_is_never_closed_is_told_with_its_place(investigated: Path, dwell: Dwell) -> None:
    found = dwell("search", 'c-ip:198.51.100.7 cs-user-agent:"Mozilla 5', "-c", investigated)
    assert found.code == 2
    assert "never closed, at character 33" in found.err


def test_first_seen_scans_what_no_lexicon_holds(investigated: Path, dwell: Dwell) -> None:
    row = json.loads(
        dwell("search", "cs-uri-stem:*supp0rt.aspx", "-c", investigated, "-t", "jsonl", "-q", "--limit", "1").out
    )
    ident = row["row"]["cafeReqId"]
    rows = json.loads(dwell("first-seen", ident, "-c", investigated, "-t", "json", "-q").out)
    assert [one["count"] for one in rows if (one["table"], one["column"]) == ("iis", "cafeReqId")] == [1]
