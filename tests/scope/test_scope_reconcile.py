"""Layers held against each other: hand-made logs from which single lines were taken, and logs that only look so."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.scope.staged import IIS_PLACE, Staged, ews_log, iis_log, proxy_log, stage, text_log

from dwell.model.coverage import CellState
from dwell.scope.lacking import Reconciled, Silent, Way, lower_by
from dwell.scope.layer_counts import deficits
from dwell.scope.layer_hours import differing, hosts_by_address, resolved
from dwell.scope.ledger import Ledger, build
from dwell.scope.reconcile import reconcile
from dwell.scope.rollup.layers import BACK, EWS, FRONT, request_numbers
from dwell.scope.shortfalls import shortfalls_of

START = datetime(2021, 3, 1, tzinfo=UTC)
HOUR_0 = int(START.timestamp()) // 3600
EWS_FIELDS = (
    "DateTime,RequestId,AuthenticatedUser,UserAgent,ClientIpAddress,ServerHostName,FrontEndServer,SoapAction,HttpStatus"
)


def identity(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))


def at(number: int) -> datetime:
    """Request n comes n times ten minutes after midnight, a second past: six an hour, 144 a day."""
    return START + timedelta(seconds=600 * number + 1)


def client(number: int) -> str:
    return f"198.51.{number % 7}.{number % 5 + 10}"


def iis(numbers: Iterable[int], *, ids: bool = True, port: int = 443, stem: str = "/owa/", **more: object) -> str:
    rows = [
        {"at": f"{at(one):%Y-%m-%d %H:%M:%S}", "stem": stem, "client": client(one), "user": "GOV\\anna", "port": port,
         "query": f"&cafeReqId={identity(one)};" if ids else "-", **more}
        for one in numbers
    ]  # fmt: skip
    return iis_log(rows)


def days(numbers: Iterable[int], *, ids: bool = True, stem: str = "/owa/") -> dict[str, str]:
    """Give a file a day, by its name."""
    by_day: dict[str, list[int]] = {}
    for one in numbers:
        by_day.setdefault(f"{at(one):%y%m%d}", []).append(one)
    return {f"EX01/{IIS_PLACE}/u_ex{day}.log": iis(held, ids=ids, stem=stem) for day, held in by_day.items()}


def proxied(numbers: Iterable[int], *, stem: str = "/owa/", status: int = 200, **more: object) -> str:
    rows = [
        {"DateTime": f"{at(one):%Y-%m-%dT%H:%M:%S}.400Z", "RequestId": identity(one), "Protocol": "Owa", "UrlStem": stem,
         "AuthenticatedUser": "GOV\\anna", "UserAgent": "Chrome/73", "ClientIpAddress": client(one),
         "ServerHostName": "EX01", "HttpStatus": status, **more}
        for one in numbers
    ]  # fmt: skip
    return proxy_log(rows)


PROXY = "EX01/Logging/HttpProxy/Owa/HttpProxy_2021030100-1.LOG"


def found(staged: Staged) -> tuple[Reconciled, Ledger]:
    rolled = staged.rolled()
    paths = {str(key): value for key, value in staged.paths.items()}
    told = shortfalls_of(staged.archive)
    ledger = build(rolled.hours, paths, told)
    made = reconcile(staged.archive, rolled.tables["layers"], ledger, paths, told)
    lower_by(ledger, made)
    return made, ledger


def without(numbers: Iterable[int], gone: Collection[int]) -> list[int]:
    return [one for one in numbers if one not in gone]


def altered(ledger: Ledger, source: str = "iis", state: CellState = CellState.ALTERED) -> list[int]:
    """Give hours in a state, counted from the first midnight."""
    line = ledger.lines["EX01", source]
    code = list(CellState).index(state)
    return [int(one) for one in np.flatnonzero(line.states == code) + line.start - HOUR_0]


def test_lines_taken_from_iis_are_counted_dated_and_their_client_named(tmp_path: Path) -> None:
    gone = (7, 8, 20, 200)  # hours 1, 1, 3 and 33
    made, ledger = found(stage(tmp_path, {**days(without(range(288), gone)), PROXY: proxied(range(288))}))
    (one,) = made.lacking
    assert (one.host, one.source, one.lines, one.compared, one.way) == ("EX01", "iis", 4, 288, Way.ID)
    assert one.witnesses == (("httpproxy", ("EX01",)),)
    assert one.hours == ((HOUR_0 + 1, 2), (HOUR_0 + 3, 1), (HOUR_0 + 33, 1))
    assert sorted((each.client, each.lines) for each in one.clients) == sorted((client(each), 1) for each in gone)
    assert one.clients[0].accounts == ("GOV\\anna",)
    assert (one.first_utc, one.last_utc) == tuple(at(each) + timedelta(milliseconds=400) for each in (7, 200))
    assert [each.record_no for each in one.grounds] == [5 + each for each in gone], (
        "four lines of header, then request 0"
    )
    assert altered(ledger) == [1, 3, 33]
    assert (made.silent, made.uncompared) == ((), ())


def test_an_hour_without_a_line_is_not_quiet_where_another_log_has_requests(tmp_path: Path) -> None:
    gone = range(60, 66)  # the whole of hour 10
    staged = stage(tmp_path, {**days(without(range(144), gone)), PROXY: proxied(range(144))})
    before = staged.ledger()
    assert altered(before, state=CellState.HELD_EMPTY) == [10]
    made, ledger = found(staged)
    assert [one.lines for one in made.lacking] == [6]
    assert altered(ledger) == [10]
    assert altered(ledger, state=CellState.HELD_EMPTY) == []
    (row,) = [one for one in ledger.rows() if one.source == "iis"]
    assert dict(row.reasons)["lines are missing that httpproxy has"] == 1


def test_equal_logs_say_nothing(tmp_path: Path) -> None:
    files = {**days(range(288)), PROXY: proxied(range(288)), "EX01/Logging/Ews/Ews_2021030100-1.LOG": ews_log(())}
    made, ledger = found(stage(tmp_path, files))
    assert (made.lacking, made.silent, made.uncompared) == ((), (), ())
    assert made.compared == 2 * 288, "each log is held against the other"
    assert altered(ledger) == []


def test_all_lines_of_one_client_are_missing_though_nobody_else_makes_such_requests(tmp_path: Path) -> None:
    mine = [10, 11, 12, 40, 41]
    theirs = without(range(144), mine)
    proxy = proxied(theirs) + proxied(mine, stem="/ecp/y.js", ClientIpAddress="203.0.113.9").split("UrlQuery\r\n")[1]
    made, _ = found(stage(tmp_path, {**days(theirs), PROXY: proxy}))
    (one,) = made.lacking
    assert (one.lines, [(each.client, each.lines) for each in one.clients]) == (5, [("203.0.113.9", 5)])


def test_a_kind_of_request_that_iis_has_of_nobody_is_not_compared_and_that_is_told(tmp_path: Path) -> None:
    odd = list(range(0, 144, 6))
    rest = without(range(144), odd)
    proxy = proxied(rest) + proxied(odd, stem="/oab/x").split("UrlQuery\r\n")[1]
    made, ledger = found(stage(tmp_path, {**days(rest), PROXY: proxy}))
    assert made.lacking == ()
    # the first request lies before the first line of IIS: nobody knows whether the log was written then
    assert [(one.kind, one.met, one.requests) for one in made.uncompared] == [("/oab, answered with a yes", 0, 23)]
    assert altered(ledger) == []


@pytest.mark.parametrize("held", [range(40, 100), range(60), range(100, 144)])
def test_what_lies_beyond_the_ends_of_a_file_is_not_called_missing(tmp_path: Path, held: range) -> None:
    made, ledger = found(stage(tmp_path, {**days(held), PROXY: proxied(range(144))}))
    assert made.lacking == ()
    # the name promises the whole day: hours without a line in which HttpProxy has requests are no quiet ones
    lined = {one // 6 for one in held}
    silent = [hour for hour in range(24) if hour not in lined]
    assert [one.hours for one in made.silent if one.source == "iis"] == [tuple(HOUR_0 + one for one in silent)]
    assert altered(ledger, state=CellState.TRUNCATED) == silent
    assert altered(ledger, state=CellState.HELD_EMPTY) == []


def test_between_two_files_that_follow_one_another_the_log_was_written_all_along(tmp_path: Path) -> None:
    gone = range(132, 150)  # the last two hours of a day and the first of the next
    made, ledger = found(stage(tmp_path, {**days(without(range(288), gone)), PROXY: proxied(range(288))}))
    assert [one.lines for one in made.lacking] == [18]
    assert altered(ledger) == [22, 23, 24]


def test_a_day_whose_file_is_not_held_lacks_no_line(tmp_path: Path) -> None:
    held = without(range(432), range(144, 288))
    made, ledger = found(stage(tmp_path, {**days(held), PROXY: proxied(range(432))}))
    assert made.lacking == ()
    assert altered(ledger, state=CellState.MISSING) == list(range(24, 48))


def test_a_file_that_was_emptied_but_for_its_header_lacks_all(tmp_path: Path) -> None:
    files = days(without(range(432), range(144, 288)))
    made, ledger = found(
        stage(tmp_path, {**files, f"EX01/{IIS_PLACE}/u_ex210302.log": iis(()), PROXY: proxied(range(432))})
    )
    assert [(one.lines, len(one.hours)) for one in made.lacking] == [(144, 24)]
    assert altered(ledger) == list(range(24, 48))


def test_a_log_of_httpproxy_that_begins_later_is_no_deletion(tmp_path: Path) -> None:
    made, _ = found(stage(tmp_path, {**days(range(288)), PROXY: proxied(range(100, 250))}))
    assert (made.lacking, made.silent, made.compared) == ((), (), 300)


def test_a_file_of_one_protocol_that_is_not_held_is_no_deletion(tmp_path: Path) -> None:
    ecp = range(0, 144, 4)
    owa = without(range(144), ecp)
    rows = next(iter(days(owa).values())).rstrip() + "\r\n" + iis(ecp, stem="/ecp/").split("Forwarded-For\r\n")[1]
    files = {f"EX01/{IIS_PLACE}/u_ex210301.log": rows, PROXY: proxied(owa)}
    made, ledger = found(stage(tmp_path, files))
    assert made.lacking == ()
    assert altered(ledger, "httpproxy") == []


def test_lines_taken_from_httpproxy_are_found_by_iis(tmp_path: Path) -> None:
    made, ledger = found(stage(tmp_path, {**days(range(288)), PROXY: proxied(without(range(288), (30, 31)))}))
    (one,) = made.lacking
    assert (one.source, one.lines, one.witnesses) == ("httpproxy", 2, (("iis", ("EX01",)),))
    assert one.clients[0].client in {client(30), client(31)}
    assert altered(ledger, "httpproxy") == [5]
    assert altered(ledger) == []


def test_what_httpproxy_never_writes_is_not_looked_for_there(tmp_path: Path) -> None:
    anonymous = range(0, 144, 3)
    rest = without(range(144), anonymous)
    rows = iis(rest).rstrip() + "\r\n" + iis(anonymous, status=401).split("Forwarded-For\r\n")[1]
    made, _ = found(stage(tmp_path, {f"EX01/{IIS_PLACE}/u_ex210301.log": rows, PROXY: proxied(rest)}))
    assert made.lacking == ()
    assert [(one.source, one.kind, one.met) for one in made.uncompared] == [
        ("httpproxy", "/owa, not answered with a yes", 0)
    ]


def test_a_service_that_calls_itself_has_ids_of_its_own(tmp_path: Path) -> None:
    """Other servers call EWS directly; their calls name no front end, and no front end has a line of them."""
    calls = [
        {"DateTime": f"{at(one):%Y-%m-%dT%H:%M:%S}.100Z", "RequestId": identity(one if one % 3 else one + 9_000),
         "AuthenticatedUser": "anna@gov.example" if one % 3 else "GOV\\EX02$", "ClientIpAddress": client(one),
         "ServerHostName": "EX02", "FrontEndServer": "EX01.gov.example" if one % 3 else "", "SoapAction": "GetItem",
         "HttpStatus": 200}
        for one in range(144)
    ]  # fmt: skip
    gone = (50, 52)
    handed = [one for one in range(144) if one % 3]
    files = {
        **days(without(handed, gone), stem="/ews/exchange.asmx"),
        "EX02/Logging/Ews/Ews_2021030100-1.LOG": text_log("EWS Logs", EWS_FIELDS, calls),
    }
    made, ledger = found(stage(tmp_path, files))
    (one,) = made.lacking
    assert (one.host, one.lines, one.compared, one.witnesses) == ("EX01", 2, 96, (("ews", ("EX02",)),))
    assert altered(ledger) == [8]


def test_the_back_end_tells_of_the_front_end_that_it_takes_for_its_client(tmp_path: Path) -> None:
    gone = (13, 77)
    back = iis(range(144), port=444, client="10.0.0.11", server="10.0.0.12", forwarded="198.51.100.7,10.0.0.5")
    site = IIS_PLACE.replace("W3SVC1", "W3SVC2")
    files = {**days(without(range(144), gone)), f"EX02/{site}/u_ex210301.log": back}
    made, _ = found(stage(tmp_path, files))
    (one,) = made.lacking
    assert (one.host, one.lines, one.witnesses) == ("EX01", 2, (("iis", ("EX02",)),))
    assert [each.client for each in one.clients] == ["198.51.100.7"]


def test_without_ids_lines_an_hour_tell_that_some_are_missing(tmp_path: Path) -> None:
    """Hour 20 has six requests in HttpProxy and four lines in IIS; which they were nobody can say."""
    gone = (121, 122)
    files = {**days(without(range(288), gone), ids=False), PROXY: proxied(range(288))}
    made, ledger = found(stage(tmp_path, files))
    (one,) = made.lacking
    assert (one.lines, one.way, one.hours, one.clients) == (2, Way.COUNT, ((HOUR_0 + 20, 2),), ())
    assert altered(ledger) == [20]


def test_lines_that_could_not_be_read_are_told_beside(tmp_path: Path) -> None:
    text = days(without(range(144), (30, 31)))
    (name,) = text
    torn = text[name].replace("\r\n2021-03-01 08:00:01", "\r\n\x00\x00 torn line\r\n2021-03-01 08:00:01")
    made, _ = found(stage(tmp_path, {name: torn, PROXY: proxied(range(144))}))
    assert [(one.lines, one.unread) for one in made.lacking] == [(2, 1)]


def test_a_request_written_on_both_sides_of_the_hour_is_one(tmp_path: Path) -> None:
    """IIS writes whole seconds, and HttpProxy a moment later: at the turn of the hour they write two hours."""
    late = proxied(range(144)).replace("T05:00:01.400Z", "T05:00:01.400Z").replace("T07:50:01.400Z", "T08:00:00.100Z")
    made, _ = found(stage(tmp_path, {**days(range(144)), PROXY: late}))
    assert (made.lacking, made.compared) == ((), 288)


def test_hours_that_differ_are_those_that_do_not_add_up() -> None:
    """By hand: hours 1 and 2 make up for each other; hour 4 lacks one; hour 6 has no request to look for."""
    witness = np.array(
        [[2, 2, 5, 5], [1, 1, 3, 3], [1, 1, 4, 4], [0, 0, 0, 0], [2, 2, 9, 9], [1, 1, 1, 1], [0, 0, 0, 0]]
    )
    accused = np.array(
        [[2, 2, 5, 5], [2, 2, 7, 7], [0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 2, 2], [1, 1, 1, 1], [1, 1, 8, 8]]
    )
    odd, same = differing(witness, accused)
    assert odd.tolist() == [False, False, False, False, True, False, False]
    assert same.tolist() == [True, True, True, False, False, True, False]


def test_the_sum_and_not_only_the_count_is_compared() -> None:
    odd, _ = differing(np.array([[1, 1, 5, 5]]), np.array([[1, 1, 5, 6]]))
    assert odd.tolist() == [True]


def test_a_deficit_is_what_the_hours_beside_do_not_make_up_for() -> None:
    """By hand: one of hour 1 was written in hour 2; hour 4 lacks two whatever lies around."""
    assert deficits(np.array([3, 4, 2, 5, 6, 5]), np.array([3, 3, 3, 5, 4, 5])).tolist() == [0, 0, 0, 0, 2, 0]


def _texts(ids: Sequence[str | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(ids, pa.string())])


def test_ids_are_one_in_whatever_case_and_with_or_without_dashes() -> None:
    one, other = identity(1), identity(2)
    number, known = request_numbers(_texts([one, one.upper(), one.replace("-", ""), None, "abc-123", other, ""]))
    assert known.tolist() == [True, True, True, False, False, True, False]
    assert number[0] == number[1] == number[2] != number[5]


@pytest.mark.parametrize("cut", [0, 1])
def test_ids_are_read_alike_from_a_part_of_a_column(cut: int) -> None:
    ids = [identity(one) for one in range(50)]
    whole, _ = request_numbers(_texts(ids))
    part, _ = request_numbers(pa.array([None, *ids] if cut else ids).slice(5))
    assert part.tolist() == whole[5 - cut :].tolist()
    assert len(set(whole.tolist())) == 50


def test_a_front_end_is_known_by_its_name_or_by_the_address_it_answers_at() -> None:
    addresses = hosts_by_address([("10.0.0.1", "EX01"), ("10.0.0.9", "EX01"), ("10.0.0.9", "EX02"), ("::1", "EX01")])
    assert addresses == {"10.0.0.1": "EX01"}
    asked: list[tuple[str, str, str | None]] = [
        (FRONT, "EX02", None), (EWS, "EX02", "ex01.gov.example"), (EWS, "EX02", None), (EWS, "EX02", "EX07"),
        (BACK, "EX02", "10.0.0.1"), (BACK, "EX02", "::1"), (BACK, "EX02", "10.0.0.9"), (BACK, "EX02", None),
    ]  # fmt: skip
    assert resolved(asked, ["EX01", "EX02"], addresses) == ["EX02", "EX01", "EX02", None, "EX01", "EX02", None, None]


def test_only_hours_that_count_as_quiet_are_lowered_for_requests_beyond_a_file(tmp_path: Path) -> None:
    ledger = stage(tmp_path, {**days(range(60)), PROXY: proxied(range(144))}).ledger()
    lower_by(ledger, Reconciled(silent=(Silent("EX01", "iis", "httpproxy", (HOUR_0 + 3, HOUR_0 + 20), 2),)))
    assert altered(ledger, state=CellState.TRUNCATED) == [20]


def test_real_logs_of_one_server_lack_nothing(shared_data: Path, tmp_path: Path) -> None:
    files: Mapping[str, bytes] = {
        f"SRV/{kind}/{path.name}": path.read_bytes()
        for kind, folder in (("inetpub/logs/LogFiles/W3SVC1", "iis"), ("Logging/HttpProxy", "exchange/artefacts-help"))
        for path in sorted((shared_data / folder).iterdir())
        if path.is_file()
    }
    made, _ = found(stage(tmp_path, files))
    assert (made.lacking, made.silent) == ((), ())
