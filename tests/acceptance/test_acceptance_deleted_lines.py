"""Deleted lines: taken out of an exercise's IIS logs, found through the other layers; nothing where none were taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.acceptance.whole import Whole, investigated
from tests.scope.staged import stage_folder

from dwell.drill import DrillPlan, scenario, write_drill
from dwell.scope.clocks import clock_pairs
from dwell.scope.lacking import Reconciled
from dwell.scope.reconcile import reconcile
from dwell.scope.shortfalls import shortfalls_of

PLAN = DrillPlan(
    seed=5, mailboxes=20, from_utc=datetime(2021, 2, 5, tzinfo=UTC), to_utc=datetime(2021, 3, 10, tzinfo=UTC)
)


def exercise(folder: Path, name: str = "default") -> tuple[Path, dict[str, object]]:
    """Write an exercise; give its evidence and the truth."""
    plan = DrillPlan(PLAN.seed, PLAN.mailboxes, PLAN.from_utc, PLAN.to_utc, scenario(name))
    return folder / "evidence", write_drill(folder / "evidence", folder / "truth.json", plan)


def taken_out(evidence: Path, host: str, is_gone: Callable[[bytes], bool]) -> list[bytes]:
    """Take lines out of the IIS logs of a host; give those of March."""
    gone = []
    for path in sorted((evidence / host / "inetpub").rglob("u_ex*.log")):
        kept = []
        for line in path.read_bytes().split(b"\r\n"):
            if line and not line.startswith(b"#") and is_gone(line):
                gone.append(line)
            else:
                kept.append(line)
        path.write_bytes(b"\r\n".join(kept))
    return gone


def other_ids(evidence: Path) -> set[bytes]:
    """Give the ids that HttpProxy's logs hold, as bytes."""
    texts = [path.read_bytes() for path in sorted(evidence.glob("*/Logging/HttpProxy/*/*.LOG"))]
    return {line.split(b",")[1] for text in texts for line in text.splitlines() if line[:2] == b"20"}


def request_id(line: bytes) -> bytes:
    return line.partition(b"cafeReqId=")[2][:36]


def whole(root: Path, evidence: Path) -> Whole:
    files: dict[str, str | bytes] = {
        path.relative_to(evidence).as_posix(): path.read_bytes()
        for path in sorted(evidence.rglob("*"))
        if path.is_file()
    }
    return investigated(root, files)


def altered(found: Whole, host: str) -> int:
    (line,) = [one for one in found.summary["coverage"] if (one["host"], one["source"]) == (host, "iis")]
    return int(line["altered"])


@pytest.mark.slow
def test_one_line_of_a_hundred_is_found_counted_and_dated(tmp_path: Path) -> None:
    evidence, _ = exercise(tmp_path / "made")
    # an id is random, so its last digits draw lots
    gone = taken_out(evidence, "EX01", lambda line: request_id(line)[-2:] in {b"00", b"55", b"aa"})
    known = other_ids(evidence)
    told = [one for one in gone if request_id(one) in known]
    found = whole(tmp_path / "case", evidence)
    (claim,) = found.claims("blindspots", "Lines are missing in the iis log (front end) of EX01")
    number = int(claim["text"].partition("these hours: ")[2].partition(" request")[0])
    assert len(told) >= 10
    assert abs(number - len(told)) <= 0.05 * len(told)
    hours = Counter(one[:13] for one in told)
    assert altered(found, "EX01") >= 0.95 * len(hours)
    assert f"in {len(hours)} hours" in claim["text"]
    assert found.claims("blindspots", "Lines are missing", "EX02") == []
    assert found.claims("foothold", "Traces were removed") == []


@pytest.mark.slow
def test_the_lines_of_one_client_are_laid_to_his_intrusion(tmp_path: Path) -> None:
    evidence, truth = exercise(tmp_path / "made")
    intruders = truth["intruders"]
    assert isinstance(intruders, list)
    loud = next(one for one in intruders if one["id"] == "loud")
    addresses = tuple(one.encode() for one in loud["clients"])
    known = other_ids(evidence)
    told = {
        host: [
            one
            for one in taken_out(evidence, host, lambda line: any(b" %s " % each in line + b" " for each in addresses))
            if request_id(one) in known
        ]
        for host in ("EX01", "EX02")
    }
    host = max(told, key=lambda one: len(told[one]))
    assert told[host]
    found = whole(tmp_path / "case", evidence)
    (claim,) = found.claims("blindspots", f"Lines are missing in the iis log (front end) of {host}")
    assert f"{len(told[host])} request" in claim["text"]
    assert any(one in claim["text"] for one in loud["clients"])
    (act,) = found.claims("foothold", "Traces were removed", f"the iis log of {host}")
    owner = act["text"].partition("(")[2].partition(",")[0]
    (intrusion,) = [one for one in found.summary["intrusions"] if one["id"] == owner]
    assert "T1070" in intrusion["techniques"]
    assert set(loud["clients"]) & {one.partition(" ")[0] for one in intrusion["clients"]}
    assert f"lacks {len(told[host])} line" in act["text"]
    assert altered(found, host) >= len({one[:13] for one in told[host]})


def reconciled(folder: Path, evidence: Path) -> Reconciled:
    staged = stage_folder(folder, evidence)
    rolled = staged.rolled()
    paths = {str(key): value for key, value in staged.paths.items()}
    clocks = clock_pairs(rolled.tables["requests"])
    told = shortfalls_of(staged.archive)
    return reconcile(staged.archive, rolled.tables["layers"], staged.ledger(), paths, told, clocks)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["default", "nobody", "nobody-undamaged", "innocents", "two-servers", "clock-an-hour-ahead", "sync-log-only"],
)
def test_where_none_were_taken_none_are_missing(name: str, tmp_path: Path) -> None:
    evidence, _ = exercise(tmp_path / "made", name)
    found = reconciled(tmp_path, evidence)
    assert found.lacking == ()
    # there a file begins an hour late by its own clock, and HttpProxy's has a request of the day before in that hour
    assert found.silent == () or name == "clock-an-hour-ahead"
    if name != "sync-log-only":
        assert found.compared > 1_000, "they were compared at all"


@pytest.mark.slow
def test_what_an_intruder_of_an_exercise_takes_out_is_told_host_by_host(tmp_path: Path) -> None:
    evidence, _ = exercise(tmp_path / "made", "deleted-lines")
    found = reconciled(tmp_path, evidence)
    known = {one.host: one.lines for one in found.lacking if one.source == "iis"}
    assert known == {host: number for host in ("EX01", "EX02") if (number := _lacked(evidence, host))}
    assert known
    assert {one.source for one in found.lacking} == {"iis"}


def _lacked(evidence: Path, host: str) -> int:
    """Count the ids of HttpProxy that IIS lacks on days whose file is held, or to where it is cut."""
    until: dict[bytes, bytes] = {}
    held = set()
    for path in sorted((evidence / host / "inetpub").rglob("u_ex*.log")):
        text = path.read_bytes()
        day = b"20%s-%s-%s" % (path.name[4:6].encode(), path.name[6:8].encode(), path.name[8:10].encode())
        lines = text.splitlines() if text.endswith(b"\n") else text.splitlines()[:-1]
        until[day] = b"24" if text.endswith(b"\n") else lines[-1][11:13]
        held |= {request_id(line) for line in lines}
    rows = [
        line.split(b",")
        for path in sorted((evidence / host / "Logging" / "HttpProxy").rglob("*.LOG"))
        for line in path.read_bytes().splitlines()
        if line[:2] == b"20"
    ]
    return sum(one[0][11:13] < until.get(one[0][:10], b"") and one[1] not in held for one in rows)
