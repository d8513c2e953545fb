"""Clocks that are off for certain are corrected wherever records are read; what was written stays, and is shown beside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from unittest.mock import patch
from uuid import UUID

import pyarrow as pa
import pytest
from tests.intake.clocked import DAY, START, Clock, estate, request_id

from dwell import api
from dwell.answers.setting import Unwanted, Wished
from dwell.casebook.case import Case
from dwell.casebook.clocks import kept_offsets
from dwell.errors import CustodyError, UsageError
from dwell.intake.clock_samples import SAMPLE, SAMPLES, lowest, samples
from dwell.intake.clocks import as_written, changes_clocks, corrections
from dwell.intake.ingest import ingest, open_archive
from dwell.intake.stock import whole_table
from dwell.model.claims import ClaimGrade, Question
from dwell.model.clocks import ClockOffset, ClockWhy, ClockWord
from dwell.model.instants import utc_from_us
from dwell.model.settings import SettingKind

THREE = ("EX01", "EX02", "EX03")


def ahead(seconds: float) -> Clock:
    """Give a clock that is always ahead by so much."""
    return lambda _at: seconds


def brought_in(root: Path, files: Mapping[str, str], *, parts: int = 1) -> Case:
    """Bring files into a case, in one go or in several."""
    case = Case.create(root / "case")
    places = sorted(files)
    for part in range(parts):
        folder = root / f"evidence{part}"
        for place in places[part::parts]:
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_text(files[place], encoding="utf-8", newline="")
        with case.writing():
            ingest(case, [folder], workers=1)
    return Case.open(root / "case")


def instants(case: Case, table: str, host: str, *, written: bool = False) -> list[datetime]:
    """Give the instants of a host's rows of a table, in the order of the file."""
    archive = as_written(case) if written else open_archive(case)
    rows = whole_table(archive, table, ("host", "evidence_id", "record_no", "time_utc")).to_pylist()
    mine = sorted((row["evidence_id"], row["record_no"], row["time_utc"]) for row in rows if row["host"] == host)
    return [at for _, _, at in mine]


def test_a_host_that_two_others_contradict_is_corrected_in_all_its_logs(tmp_path: Path) -> None:
    case = brought_in(tmp_path, estate(THREE, {"EX02": ahead(3600)}))
    (one,) = corrections(case)
    assert (one.host, one.tables, one.ahead_s, one.why) == ("EX02", (), 3600, ClockWhy.MOST_HOSTS)
    assert {log.host for log in one.against} == {"EX01", "EX03"}
    assert one.ids >= 20
    for table in ("iis", "httpproxy", "ews", "evtx"):
        for host in THREE:
            now, before = instants(case, table, host), instants(case, table, host, written=True)
            gap = timedelta(seconds=3600 if host == "EX02" else 0)
            assert now, (table, host)
            assert [at - gap for at in before] == now, (table, host)


def test_what_was_written_is_not_touched_and_still_verifies(tmp_path: Path) -> None:
    case = brought_in(tmp_path, estate(THREE, {"EX02": ahead(3600)}))
    assert corrections(case)
    assert {one.state.value for one in api.verify(case.root)} == {"as registered"}
    plain = brought_in(tmp_path / "plain", estate(THREE, {}))
    assert not corrections(plain)
    assert all(one.key == one.staged.sha256 for one in open_archive(plain).files("iis"))


def test_two_hosts_that_contradict_each_other_stay_as_written(tmp_path: Path) -> None:
    case = brought_in(tmp_path, estate(THREE[:2], {"EX02": ahead(3600)}))
    assert {one.ahead_s for one in kept_offsets(case)} == {0, 3600}
    assert corrections(case) == ()
    assert instants(case, "iis", "EX02") == instants(case, "iis", "EX02", written=True)


def test_an_offset_that_is_not_steady_or_goes_one_way_is_none(tmp_path: Path) -> None:
    def unsteady(at: datetime) -> float:
        return 3600 + (at.hour * 97 + at.day * 31) % 600

    assert corrections(brought_in(tmp_path / "a", estate(THREE, {"EX02": unsteady}))) == ()

    def slow(at: datetime) -> float:
        return 150 + (at.hour * 7) % 50  # wider than a clock's, and only the back end's logs show it

    files = estate(THREE[:2], {"EX02": slow}, one_way=True)
    case = brought_in(tmp_path / "b", files)
    assert any(one.ahead_s and min(one.fronts) == 0 for one in kept_offsets(case))
    assert corrections(case) == ()


def test_an_iis_log_in_local_time_is_put_right_by_the_exchange_logs_of_its_host(tmp_path: Path) -> None:
    case = brought_in(tmp_path, estate(("EX01",), {"EX01 iis": ahead(7200)}))
    (one,) = corrections(case)
    assert (one.host, one.tables, one.ahead_s, one.why) == ("EX01", ("iis",), 7200, ClockWhy.NO_ZONE)
    written, now = instants(case, "iis", "EX01", written=True), instants(case, "iis", "EX01")
    assert now == [at - timedelta(hours=2) for at in written]
    assert instants(case, "ews", "EX01") == instants(case, "ews", "EX01", written=True)


def test_an_iis_log_that_is_off_by_no_zone_stays_as_written(tmp_path: Path) -> None:
    assert corrections(brought_in(tmp_path, estate(("EX01",), {"EX01 iis": ahead(7200 + 400)}))) == ()


def test_summer_time_in_an_iis_log_is_cut_where_it_begins_and_ends(tmp_path: Path) -> None:
    change = datetime(2021, 10, 31, 1, tzinfo=UTC)
    case = brought_in(
        tmp_path,
        estate(
            ("EX01",),
            {"EX01 iis": lambda at: 7200 if at < change else 3600},
            start=datetime(2021, 10, 29, 0, 0, 20, tzinfo=UTC),
            days=5,
            a_day=96,
        ),
    )
    first, second = corrections(case)
    assert (first.ahead_s, second.ahead_s) == (7200, 3600)
    assert first.to_us == second.from_us
    wrong = 0
    true = [datetime(2021, 10, 29, 0, 0, 20, tzinfo=UTC) + number * DAY / 96 for number in range(5 * 96)]
    found = sorted(set(instants(case, "iis", "EX01")))
    wrong = len(set(true) - set(found))
    # the hour that the clock showed twice is taken for the earlier: four rows of it are an hour early
    assert wrong == 4
    assert utc_from_us(first.to_us or 0) < change + timedelta(hours=2)


def test_a_clock_that_was_set_right_is_corrected_up_to_there(tmp_path: Path) -> None:
    change = START + 2 * DAY + timedelta(hours=9)
    case = brought_in(tmp_path, estate(THREE, {"EX03": lambda at: -1737 if at < change else 0}, a_day=96))
    (one,) = corrections(case)
    assert (one.host, one.tables, one.ahead_s) == ("EX03", (), -1737)
    true = {START + number * DAY / 96 for number in range(4 * 96)}
    assert set(instants(case, "iis", "EX03")) <= true
    assert not set(instants(case, "iis", "EX03", written=True)) <= true


@pytest.mark.parametrize("parts", [2, 5])
def test_the_order_of_the_evidence_makes_no_difference(tmp_path: Path, parts: int) -> None:
    files = estate(THREE, {"EX02": ahead(3600), "EX03 iis": ahead(-18000)})
    whole = brought_in(tmp_path / "one", files)
    pieces = brought_in(tmp_path / "several", files, parts=parts)
    assert kept_offsets(whole) == kept_offsets(pieces)
    assert corrections(whole) == corrections(pieces)
    assert {(one.host, one.tables) for one in corrections(whole)} == {("EX02", ()), ("EX03", ("iis",))}


def test_search_and_first_seen_go_by_the_corrected_instant(tmp_path: Path) -> None:
    case = brought_in(tmp_path, estate(THREE, {"EX02": ahead(3600)}))
    number = next(one for one in range(1, 240) if (START + one * DAY / 60).hour == 23 and one % 3 == 1)
    true = START + number * DAY / 60
    found = api.search(case.root, [f"cafeReqId:{request_id(number)}"], limit=10, workers=1)
    assert {one.time_utc.replace(microsecond=0) for one in found.matches if one.time_utc} == {true}
    (mine,) = [one.row for one in found.matches if one.host == "EX02"]
    assert mine["time_as_written"] == f"{true + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    assert all("time_as_written" not in one.row for one in found.matches if one.host != "EX02")
    # the day, and the month, are those of the corrected instant
    last = f"after:{true.date()} before:{true.date() + DAY}"
    again = api.search(case.root, [f"cafeReqId:{request_id(number)} {last}"], limit=10, workers=1)
    assert again.total == found.total
    assert found.months == {f"{true:%Y-%m}": found.total}
    seen = {one.column: one for one in api.first_seen(case.root, request_id(number)) if one.table == "iis"}
    assert seen["cafeReqId"].last_utc == true
    hosts = {one.table: one for one in api.first_seen(case.root, "EX02") if one.column == "host"}
    assert hosts["iis"].first_utc == min(instants(case, "iis", "EX02"))
    assert hosts["evtx"].last_utc == max(instants(case, "evtx", "EX02"))


def test_months_are_counted_by_the_corrected_instant(tmp_path: Path) -> None:
    files = estate(THREE, {"EX02": ahead(86_000)}, start=datetime(2021, 3, 29, 0, 0, 20, tzinfo=UTC), days=3)
    case = brought_in(tmp_path, files)
    (one,) = corrections(case)
    assert one.ahead_s == 86_000
    found = api.search(case.root, ["host:EX02"], limit=1, workers=1)
    assert set(found.months) - {"unknown"} == {"2021-03"}
    raw = [at for table in ("iis", "ews", "httpproxy", "evtx") for at in instants(case, table, "EX02", written=True)]
    assert {at.month for at in raw} == {3, 4}


def test_the_answers_say_so_and_why_prints_the_instant_as_written(tmp_path: Path) -> None:
    case = brought_in(tmp_path, estate(THREE, {"EX02": ahead(3600)}))
    summary = api.answers(case.root, workers=1).summary
    told = [one for one in summary.claims if one.question is Question.BLINDSPOTS and "clock" in one.text.lower()]
    (fixed,) = [one for one in told if "corrected" in one.text]
    assert fixed.grade is ClaimGrade.INFERRED
    assert fixed.against
    assert "EX02 is 3,600 s ahead" in fixed.text
    assert all("agree" in one.text for one in told if one is not fixed)
    found = api.why(case.root, fixed.id, workers=1)
    rows = [one.row or {} for one in found.records]
    moved = [row for row in rows if row["host"] == "EX02"]
    assert moved
    assert all("time_as_written" in row for row in moved)
    assert all("time_as_written" not in row for row in rows if row["host"] != "EX02")
    shown = {row["host"]: (row["first_utc"], row["last_utc"]) for row in _coverage(summary)}
    assert shown["EX02"][1] <= max(last for host, (_, last) in shown.items() if host != "EX02")


def _coverage(summary: object) -> list[dict[str, str]]:
    rows = summary.coverage  # type: ignore[attr-defined]
    return [{"host": one.host, "first_utc": str(one.first_utc), "last_utc": str(one.last_utc)} for one in rows]


def wished(value: str) -> Wished:
    """Ask for a word on a clock."""
    return Wished(((SettingKind.CLOCK, value, ""),), "looked at the machine", "anna")


def test_a_person_says_which_clock_is_right_and_takes_it_back(tmp_path: Path) -> None:
    root = brought_in(tmp_path, estate(THREE[:2], {"EX02": ahead(3600)})).root
    preview = api.setting(root, wished("ex01=right"), workers=1)
    assert "the clock of EX02 is taken to be 3,600 s ahead" in preview.effects[0].text
    assert corrections(Case.open(root)) == ()
    api.keep_settings(root, preview)
    (one,) = corrections(Case.open(root))
    assert (one.host, one.ahead_s, one.why) == ("EX02", 3600, ClockWhy.SAID)
    claims = api.answers(root, workers=1).summary.claims
    assert any("EX02 is 3,600 s ahead" in claim.text and "a person says" in claim.text for claim in claims)
    api.keep_settings(root, api.setting(root, Unwanted(("S1",), "a mistake", "anna"), workers=1))
    assert corrections(Case.open(root)) == ()


def test_a_person_undoes_a_correction_or_names_one(tmp_path: Path) -> None:
    root = brought_in(tmp_path, estate(THREE, {"EX02": ahead(3600)})).root
    api.keep_settings(root, api.setting(root, wished("EX02=as-written"), workers=1))
    assert corrections(Case.open(root)) == ()
    api.keep_settings(root, api.setting(root, Unwanted(("S1",), "no", "anna"), workers=1))
    api.keep_settings(root, api.setting(root, wished("EX03=-90"), workers=1))
    case = Case.open(root)
    second, third = corrections(case)
    assert (second.host, second.ahead_s) == ("EX02", 3600)
    assert (third.host, third.tables, third.ahead_s, third.why) == ("EX03", (), -90, ClockWhy.SAID)
    assert instants(case, "evtx", "EX03") == [
        at + timedelta(seconds=90) for at in instants(case, "evtx", "EX03", written=True)
    ]
    assert not changes_clocks(case, None)
    assert changes_clocks(case, ())


@pytest.mark.parametrize("text", ["", "EX01", "=right", "EX01=", "EX01=3600", "EX01=+1e3", "EX 01=right", "EX01=+٣"])
def test_a_word_on_a_clock_that_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - it has no text of its own
        ClockWord.parse(text)
    if text == "EX01":
        root = brought_in(
            tmp_path, {"EX01/inetpub/x.log": "#Fields: date time cs-uri-stem\n2021-03-01 10:00:00 /\n"}
        ).root
        with pytest.raises(UsageError):
            api.setting(root, wished(text), workers=1)


def test_offsets_are_kept_whole_and_what_is_not_one_is_refused(tmp_path: Path) -> None:
    case = brought_in(tmp_path, estate(THREE, {"EX02": ahead(3600)}))
    for one in kept_offsets(case):
        assert ClockOffset.from_list(one.as_list()) == one
    with pytest.raises(ValueError):  # noqa: PT011 - it has no text of its own
        ClockOffset.from_list(["EX01", "iis"])
    with case.writing():
        case.record("clocks", {"offsets": [["EX01", "iis"]]})
    with pytest.raises(CustodyError):
        kept_offsets(Case.open(case.root))


@pytest.mark.parametrize("chosen", [0.0, 0.6, 1.0])
def test_the_sample_is_the_lowest_ids_whoever_chose_them(chosen: float) -> None:
    random = Random(str(chosen))  # noqa: S311 - ids to try it with
    rows: list[tuple[str, str, int, str, str, int]] = []
    for number in range(4_000):
        request = str(UUID(int=random.getrandbits(128)))
        if random.random() < chosen:
            request = random.choice(["ffffffff", "00000000", "zz!/zz~~"]) + request[8:]
        request = random.choice([request, request, request.upper(), request.replace("-", "x")])
        at = random.randrange(2 * 86_400_000_000)
        rows.append((random.choice(["ews", "iis"]), random.choice(["EX01", "EX02"]), at, request, "e", number))
    columns = [[row[at] for row in rows] for at in range(len(SAMPLES))]
    found = lowest(pa.table(columns, schema=SAMPLES)).to_pylist()
    logs: dict[tuple[str, str, int], list[tuple[str, int, int]]] = {}
    for table, host, at, request, _, number in rows:
        if request[8] == request[13] == request[18] == request[23] == "-":
            head = "".join(chr(ord(one) | 0x20) for one in request)
            logs.setdefault((table, host, at // 86_400_000_000), []).append((head[:8] + head[9:17], at, number))
    wanted = {log: [number for _, _, number in sorted(ids)[:SAMPLE]] for log, ids in logs.items()}
    taken: dict[tuple[str, str, int], list[int]] = {}
    for row in found:
        taken.setdefault((row["table"], row["host"], row["at_us"] // 86_400_000_000), []).append(row["record_no"])
    assert taken == wanted
    assert max(len(log) for log in logs.values()) > SAMPLE


def test_one_log_alone_is_not_sampled(tmp_path: Path) -> None:
    alone = {place: text for place, text in estate(THREE[:1], {}).items() if "W3SVC" in place}
    assert alone
    case = brought_in(tmp_path, alone)
    with patch("dwell.intake.clock_samples._sample", side_effect=AssertionError):
        assert not samples(as_written(case)).num_rows
