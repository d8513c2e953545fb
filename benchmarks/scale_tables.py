"""A case of the ministry at any size: its IIS logs as stored tables without ever being text, all else through the intake.

IIS is what a case of years holds most of. Its rows are made as the intake would have made them, and are staged, committed
and written into custody by the archive's and the intake's own functions, so that lexicons, units and the register are what
they would have been. `both_ways` makes a small world as text as well, and compares.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from benchmarks.scale_world import Ministry, Requests

from dwell import api
from dwell.archive.datafile import StagedFile, read_rows, stage
from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.casebook.evidence import Evidence, EvidencePlace
from dwell.drill.event_logs import write_event_logs
from dwell.drill.exchange_logs import write_exchange_logs
from dwell.drill.iis_log import path_of, write_day
from dwell.drill.lists import write_cloud, write_lists
from dwell.drill.people import HOSTS
from dwell.drill.state_exports import write_state_exports
from dwell.intake.commits import commit_unit
from dwell.intake.containers import Locator
from dwell.intake.ingest import open_archive
from dwell.intake.reading import Job, JobFile, JobResult
from dwell.intake.tables import FILES, specs
from dwell.intake.units import UNIT_BYTES
from dwell.model.provenance import EvidenceId

__all__ = ["EXCHANGE_DAYS", "both_ways", "make_case", "one_more_day"]

EXCHANGE_DAYS = 31
"""As `dwell.drill` has it."""
LINE_BYTES = 290
"""About what a line of these logs has; so many lines make a unit of the intake's."""
HEAD_LINES = 4
_SERVERS = ("10.20.1.11", "10.20.1.12")
_BALANCER = "10.20.1.5"
_LOCAL = "127.0.0.1"

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Day:
    """The log of one day and server."""

    day: date
    host: int
    balanced: bool
    requests: Requests
    ids: pa.StringArray

    @property
    def path(self) -> str:
        return path_of(Path(), HOSTS[self.host], self.day).as_posix()

    @property
    def evidence_id(self) -> EvidenceId:
        """Give what stands for the hash of a file that is never written."""
        return EvidenceId(hashlib.sha256(self.path.encode()).hexdigest())


def request_ids(ministry: Ministry, day: date, count: int) -> pa.StringArray:
    """Give a request id for each request of a day."""
    rng = np.random.default_rng([ministry.world.plan.seed, day.toordinal(), 2])
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = digits[rng.integers(0, 16, (count, 36), np.uint8)]
    text[:, [8, 13, 18, 23]] = ord("-")
    offsets = (np.arange(count + 1) * 36).astype(np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets.tobytes()), pa.py_buffer(text.tobytes()))


def _balanced(ministry: Ministry, host: int, day: date) -> bool:
    """Say whether a server stands behind a balancer: the second one does from the middle of the time on."""
    plan = ministry.world.plan
    return host == 1 and (day - plan.from_utc.date()).days > (plan.to_utc - plan.from_utc).days // 2


def _days(ministry: Ministry) -> list[date]:
    plan = ministry.world.plan
    return [plan.from_utc.date() + timedelta(days=one) for one in range((plan.to_utc - plan.from_utc).days)]


class _Vocabulary:
    """Texts of the world as Arrow has them, and as IIS writes them."""

    def __init__(self, ministry: Ministry) -> None:
        self.ministry = ministry

    def coded(self, codes: Codes, kind: str = "") -> pa.DictionaryArray:
        """Give codes as a dictionary array that holds no more than is used."""
        texts = self.ministry.words.texts
        counts = np.bincount(codes, minlength=len(texts))
        used = np.flatnonzero(counts)
        place = np.zeros(len(texts), np.int32)
        place[used] = np.arange(len(used))
        values = [_told(texts[one], kind) for one in used.tolist()]
        return pa.DictionaryArray.from_arrays(pa.array(place[codes]), pa.array(values, pa.string()))


def _told(text: str, kind: str) -> str:
    if kind == "agent":
        return text.replace(" ", "+")
    if kind == "query":
        return "&cafeReqId={cafeReqId};" if text == "-" else f"{text}&cafeReqId={{cafeReqId}};"
    return text


def _one(text: str, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def _rows(days: Sequence[_Day], words: _Vocabulary) -> pa.Table:
    """Give the rows of neighbouring logs of one server."""
    host, rows = days[0].host, sum(len(one.requests) for one in days)

    def column(name: str) -> Codes:
        return np.concatenate([getattr(one.requests, name) for one in days])

    starts = np.repeat([(one.day.toordinal() - date(1970, 1, 1).toordinal()) * 86_400 for one in days], _sizes(days))
    evidence = np.repeat(np.arange(len(days), dtype=np.int32), _sizes(days))
    peer, code = column("client"), words.ministry.words.code
    behind = np.repeat([one.balanced for one in days], _sizes(days))
    local = peer == code(_LOCAL)
    forwarded = words.coded(np.where(local, code("-"), peer))
    status = column("status")
    mine: dict[str, pa.Array | pa.ChunkedArray] = {
        "evidence_id": pa.DictionaryArray.from_arrays(pa.array(evidence), pa.array([one.evidence_id for one in days])),
        "record_no": pa.array(np.concatenate([np.arange(one) + HEAD_LINES + 1 for one in _sizes(days)])),
        "time_utc": pa.array((starts + column("second")) * 1_000_000).cast(pa.timestamp("us", tz="UTC")),
        "host": _one(HOSTS[host], rows),
        "s-ip": _one(_SERVERS[host], rows),
        "cs-method": words.coded(column("method")),
        "cs-uri-stem": words.coded(column("stem")),
        "cs-uri-query": words.coded(column("query"), "query"),
        "cs-username": words.coded(column("user")),
        "c-ip": words.coded(np.where(behind & ~local, code(_BALANCER), peer)),
        "cs-user-agent": words.coded(column("agent"), "agent"),
        "cs-referer": _one("-", rows),
        "X-Forwarded-For": pa.DictionaryArray.from_arrays(
            pa.array(forwarded.indices.to_numpy(), mask=~behind), forwarded.dictionary
        ),
        "s-port": pa.array(np.full(rows, 443, np.int32)),
        "sc-status": pa.array(status.astype(np.int32)),
        "sc-substatus": pa.array(np.zeros(rows, np.int32)),
        "sc-win32-status": pa.array(np.where(status < 400, 0, 1326)),
        "time-taken": pa.array(15 + column("second") % 90),
        "cafeReqId": pa.concat_arrays([one.ids for one in days]),
    }
    schema = specs()["iis"].schema
    columns = [mine[one.name] if one.name in mine else pa.nulls(rows, one.type) for one in schema]
    return pa.table(columns, names=schema.names)


def _sizes(days: Sequence[_Day]) -> list[int]:
    return [len(one.requests) for one in days]


def _logs(ministry: Ministry, day: date) -> Iterator[_Day]:
    """Give the logs of a day, one for each server."""
    requests = ministry.day(day)
    ids = request_ids(ministry, day, len(requests))
    for host in range(len(HOSTS)):
        mine = np.flatnonzero(requests.host == host)
        if len(mine):
            balanced = _balanced(ministry, host, day)
            yield _Day(day, host, balanced, requests.take(mine), ids.take(pa.array(mine)))


def _commit(case: Case, archive: Archive, days: Sequence[_Day], words: _Vocabulary, root: Path) -> int:
    """Make neighbouring logs of one server part of the case; give their lines."""
    files = [
        JobFile(one.evidence_id, Locator(one.path), one.path, HOSTS[one.host], len(one.requests) * LINE_BYTES)
        for one in days
    ]
    transaction = hashlib.sha256("\n".join(one.evidence_id for one in files).encode()).hexdigest()
    listed = [
        Evidence(
            one.evidence_id, one.size_bytes, (EvidencePlace(one.shown, str(root)),), "iis", one.host,
            "the folder that is named for it", (), "",
        ).as_dict()
        for one in files
    ]  # fmt: skip
    case.record("register", {"evidence": listed})
    unit = {"transaction": transaction, "source": "iis", "evidence": [one.evidence_id for one in files]}
    case.record("plan", {"units": [unit]})
    table = _rows(days, words)
    staged: dict[str, list[StagedFile]] = {
        "iis": stage(archive.folder("iis"), specs()["iis"], table, transaction[:24]),
        FILES: stage(archive.folder(FILES), specs()[FILES], _tallies(days, files), transaction[:24]),
    }
    job = Job(transaction, "iis", archive.root, tuple(files))
    commit_unit(case, archive, JobResult(job, staged, table.num_rows, 0, ()))
    return int(table.num_rows)


def _tallies(days: Sequence[_Day], files: Sequence[JobFile]) -> pa.Table:
    rows = []
    for one, file in zip(days, files, strict=True):
        start = datetime(one.day.year, one.day.month, one.day.day, tzinfo=UTC)
        first, last = (start + timedelta(seconds=int(one.requests.second[place])) for place in (0, -1))
        rows.append(
            {
                "evidence_id": file.evidence_id, "record_no": 0, "time_utc": first, "host": file.host, "source": "iis",
                "last_utc": last, "records": len(one.requests), "anomalies": 0, "structural": HEAD_LINES,
                "size_bytes": file.size_bytes,
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=specs()[FILES].schema)


def _write_rest(ministry: Ministry, root: Path, days: Sequence[date], exchange_days: int = EXCHANGE_DAYS) -> None:
    """Write what is not IIS as the exercise does: Exchange's own logs of the last days, audit, exports, event logs."""
    plan, world = ministry.world.plan, ministry.world
    begin = plan.to_utc.date() - timedelta(days=exchange_days)
    for day in days[-exchange_days:]:
        _write_exchange(ministry, root, day)
    write_cloud(world, root, max(begin, days[0]), plan.to_utc.date(), ministry.quiet)
    write_event_logs(world, root, max(begin, days[0]), plan.to_utc.date(), ministry.written)
    write_lists(world, root, ministry.written)
    write_state_exports(world, root, max([*ministry.quiet.instants, *ministry.loud.instants], default=plan.to_utc))


def _write_exchange(ministry: Ministry, root: Path, day: date) -> None:
    requests = ministry.day(day)
    made = requests.objects(ministry.words)
    ids = dict(zip(map(id, made), request_ids(ministry, day, len(requests)).to_pylist(), strict=True))
    write_exchange_logs(ministry.world, root, day, made, ids)


def _write_iis(ministry: Ministry, root: Path, day: date) -> None:
    for one in _logs(ministry, day):
        made = one.requests.objects(ministry.words)
        ids = dict(zip(map(id, made), one.ids.to_pylist(), strict=True))
        write_day(root, HOSTS[one.host], day, made, ids, balanced=one.balanced)


def make_case(ministry: Ministry, root: Path, scratch: Path, exchange_days: int = EXCHANGE_DAYS) -> int:
    """Make a case.

    Args:
        ministry: the world.
        root: the case folder.
        scratch: a folder for the text that the intake reads; emptied again.
        exchange_days: of how many days, at the end, what is not IIS is written.

    Returns:
        Lines of IIS.
    """
    days = _days(ministry)
    evidence = scratch / "evidence"
    _write_rest(ministry, evidence, days, exchange_days)
    api.ingest(root, [evidence])
    shutil.rmtree(evidence)
    case = Case.open(root)
    archive = open_archive(case)
    words = _Vocabulary(ministry)
    lines = 0
    with case.writing():
        waiting: dict[int, list[_Day]] = {}
        for day in days:
            for log in _logs(ministry, day):
                held = waiting.setdefault(log.host, [])
                if sum(_sizes(held)) + len(log.requests) > UNIT_BYTES // LINE_BYTES and held:
                    lines += _commit(case, archive, held, words, evidence)
                    held.clear()
                held.append(log)
        for held in waiting.values():
            lines += _commit(case, archive, held, words, evidence)
    return lines


def one_more_day(ministry: Ministry, root: Path, scratch: Path) -> int:
    """Bring the logs of the day after the last into a case, from text as anybody would; give how many lines.

    Args:
        ministry: the world; the day is one that its plan does not have.
        root: the case folder.
        scratch: a folder for the text.
    """
    day, evidence = ministry.world.plan.to_utc.date(), scratch / "further"
    _write_iis(ministry, evidence, day)
    _write_exchange(ministry, evidence, day)
    found = api.ingest(root, [evidence])
    shutil.rmtree(evidence)
    return found.records


def both_ways(ministry: Ministry, scratch: Path) -> list[str]:
    """Make a world as tables, and as text that the intake reads; give what differs between the two, in words.

    Args:
        ministry: a small world.
        scratch: a folder.
    """
    make_case(ministry, scratch / "tables", scratch)
    evidence = scratch / "text"
    days = _days(ministry)
    _write_rest(ministry, evidence, days)
    for day in days:
        _write_iis(ministry, evidence, day)
    api.ingest(scratch / "read", [evidence])
    made, read = (_whole(Case.open(scratch / one)) for one in ("tables", "read"))
    out = [f"table {one} is in one of them only" for one in sorted(made.keys() ^ read.keys())]
    for name in sorted(made.keys() & read.keys()):
        if made[name].num_rows != read[name].num_rows:
            out.append(f"{name}: {made[name].num_rows} and {read[name].num_rows} rows")
            continue
        columns = made[name].column_names
        out += [f"{name}: {one} differs" for one in columns if not made[name][one].equals(read[name][one])]
    for root in ("tables", "read"):
        api.hunt(scratch / root)
    first, second = (api.answers(scratch / one).summary for one in ("tables", "read"))
    parts = ("intrusions", "coverage")
    out += [f"answers: {part} differ" for part in parts if getattr(first, part) != getattr(second, part)]
    # records are named by the evidence's hash, and what is never written has none
    if [(one.key, one.status) for one in first.eviction] != [(one.key, one.status) for one in second.eviction]:
        out.append("answers: eviction differs")
    grades = [[(one.mailbox, one.grade, one.intrusions) for one in summary.mailboxes] for summary in (first, second)]
    if grades[0] != grades[1]:
        out.append("answers: mailboxes differ")
    return out


def _whole(case: Case) -> dict[str, pa.Table]:
    """Give the records of each log table, the path of each in the place of its evidence id."""
    names = {key: item.path for key, item in case.register().items()}
    archive = open_archive(case)
    out: dict[str, pa.Table] = {}
    for table in ("iis", "httpproxy", "ews", "ual", "evtx", "directory"):
        files = archive.files(table)
        if not files:
            continue
        rows = pa.concat_tables([read_rows(one, specs()[table].schema.names) for one in files])
        paths = pa.array([names[EvidenceId(one)] for one in rows["evidence_id"].to_pylist()], pa.string())
        rows = rows.set_column(0, "evidence_id", paths)
        order = [("evidence_id", "ascending"), ("record_no", "ascending"), ("time_utc", "ascending")]
        out[table] = rows.sort_by(order).combine_chunks()
    return out
