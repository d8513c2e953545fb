"""How fast years of IIS lines are hunted, and whether the answers are right.

Makes an archive of synthetic IIS lines of a mail server (4,000 users, 20,000 addresses, 3,000 agents, about 100,000
different queries a file, a trickle of scanners), hunts our own rules and those of the folders named, and prints events
a second and core. Then, on a sample of the same lines:

* the hits are compared, record by record, with a slow reading of the Sigma specification (`tests/hunt/slow_sigma.py`);
* the same conditions are put to DuckDB, one thread, as a peer; its answers are compared as well.

Run it from the project's root: `python -m benchmarks.hunt --events 20000000 --rules FOLDER`.
"""

from __future__ import annotations

import argparse
import csv
import re
import resource
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from tests.hunt.slow_sigma import iis_event, matches

from dwell.archive.datafile import stage
from dwell.archive.store import Archive
from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.ruleset import Node, RuleSet
from dwell.hunt.sigma.load import load
from dwell.hunt.sigma.loaded import PACK
from dwell.hunt.wide import Hunter
from dwell.intake.tables import specs

__all__ = ["Dress", "build", "main", "sql_of"]

FILE_ROWS = 1_048_576
Codes = npt.NDArray[np.int64]


def _ids(rng: np.random.Generator, rows: int) -> pa.StringArray:
    """Make unique request ids, as text of 36 characters."""
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = digits[rng.integers(0, 16, (rows, 36))]
    text[:, [8, 13, 18, 23]] = ord("-")
    offsets = (np.arange(rows + 1) * 36).astype(np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets.tobytes()), pa.py_buffer(text.tobytes()))


def _values(rng: np.random.Generator) -> dict[str, list[str]]:
    """Make the distinct values of every text column."""
    users = [f"MINISTRY\\user{one:04}" for one in range(4_000)]
    clients = [f"10.{20 + one // 65_025}.{one // 255 % 255}.{one % 255}" for one in range(16_000)]
    clients += [".".join(str(part) for part in rng.integers(11, 220, 4)) for _ in range(4_000)]
    agents = [
        f"Mozilla/5.0+(Windows+NT+{6 + one % 5}.{one % 3};+Win64;+x64)+AppleWebKit/{530 + one % 9}.36+(KHTML,+like+Gecko)"
        f"+Chrome/{60 + one % 60}.0.{3000 + one}.{one % 200}+Safari/537.36"
        for one in range(1_500)
    ]
    agents += [
        f"Microsoft+Office/16.0+(Windows+NT+10.0;+Microsoft+Outlook+16.0.{4_000 + one};+Pro)" for one in range(700)
    ]
    agents += [f"Apple-iPhone{one % 14}C{one % 5}/{1_600 + one}.{one % 90}" for one in range(800)]
    return {"users": users, "clients": clients, "agents": agents}


def _requests() -> tuple[list[str], list[str]]:
    """Make the distinct requests: path and query belong together."""
    commands = ("Sync", "Ping", "FolderSync", "SendMail", "GetItemEstimate", "MoveItems", "ItemOperations", "Search")
    pairs = [(one, "-") for one in ("/owa/", "/EWS/Exchange.asmx", "/Autodiscover/Autodiscover.xml", "/ecp/")]
    pairs += [
        ("/mapi/emsmdb/", f"MailboxId={one:08x}-0b6c-4a2e-9b5c-{one:012x}@ministry.example") for one in range(4_000)
    ]
    pairs += [
        (
            "/Microsoft-Server-ActiveSync/default.eas",
            f"Cmd={command}&User=MINISTRY%5Cuser{one:04}&DeviceId=APPLF{one * 7919 % 99991:05}&DeviceType=iPhone",
        )
        for one in range(4_000)
        for command in commands
    ]
    actions = (
        "FindItem",
        "GetItem",
        "GetConversationItems",
        "CreateItem",
        "SubscribeToNotification",
        "FindConversation",
    )
    pairs += [("/owa/service.svc", f"action={one}&EP=1&ID=-{two}&AC=1") for one in actions for two in range(9_000)]
    pairs += [(f"/owa/prem/15.1.{one}.7/scripts/boot.worldwide.{one % 5}.mouse.js", "-") for one in range(1_500)]
    pairs += [(f"/owa/user{one:04}@ministry.example/service.svc", f"action=GetItem&ID=-{one}") for one in range(400)]
    pairs.sort(key=lambda one: zlib.crc32((one[0] + one[1]).encode()))  # an order of no meaning, the same in every run
    return [one[0] for one in pairs], [one[1] for one in pairs]


ATTACKS: Sequence[tuple[str, str, str]] = (
    ("/autodiscover/autodiscover.json", "@x.example/powershell/?Email=autodiscover.json%3F@x.example", "curl/7.1"),
    ("/owa/auth/Current/themes/resources/logon.css", "-", "DuckDuckBot/1.0"),
    ("/aspnet_client/supp0rt.aspx", "-", "antSword/v2.1"),
    ("/ecp/default.aspx", "__VIEWSTATEGENERATOR=B97B4E27&__VIEWSTATE=%2FwEyhAYAAQAAAP", "Mozilla/5.0"),
    ("/cgi-bin/.%2e/.%2e/.%2e/etc/passwd", "id=1+union+select+1,2", "sqlmap/1.5"),
    ("/wp-content/plugins/index.php", "q=%24%7Bjndi%3Aldap%3A%2F%2Fx%7D", "Nikto/2.1.6"),
    ("/ecp/y.js", "-", "ExchangeServicesClient/0.0.0.0"),
    ("/index.php", "q=<script>alert(1)</script>", "Mozilla/5.0"),
)  # fmt: skip


def _coded(values: Sequence[str], codes: Codes) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(list(values), pa.string()))


def _zipf(rng: np.random.Generator, size: int, rows: int) -> Codes:
    """Draw so that a few are common and most are rare, as people are."""
    return (size * rng.random(rows) ** 3).astype(np.int64)


def _batch(rng: np.random.Generator, held: dict[str, list[str]], rows: int, start_us: int) -> pa.Table:
    """Make the lines of one file."""
    spec = specs()["iis"]
    bad = rng.random(rows) < 0.002
    which = rng.integers(0, len(ATTACKS), rows)
    times = np.sort(start_us + rng.integers(0, 20 * 86_400_000_000, rows))

    stems, queries = _requests()
    asked = _zipf(rng, len(stems), rows)

    def mixed(values: list[str], at: int, codes: Codes) -> pa.DictionaryArray:
        whole = _coded(values + [one[at] for one in ATTACKS], np.where(bad, len(values) + which, codes))
        return whole.cast(pa.string()).dictionary_encode()

    status = rng.choice([200, 200, 200, 200, 401, 302, 404, 500], rows).astype(np.int32)
    columns = {
        "evidence_id": _coded(["ab" * 32], np.zeros(rows, np.int64)),
        "record_no": pa.array(np.arange(1, rows + 1)),
        "time_utc": pa.array(times, pa.timestamp("us", tz="UTC")),
        "host": _coded(["EX01"], np.zeros(rows, np.int64)),
        "s-ip": _coded(["10.20.1.11"], np.zeros(rows, np.int64)),
        "cs-method": _coded(["GET", "POST", "OPTIONS", "RPC_IN_DATA"], rng.choice(4, rows, p=[0.5, 0.4, 0.05, 0.05])),
        "cs-uri-stem": mixed(stems, 0, asked),
        "cs-uri-query": mixed(queries, 1, asked),
        "cs-username": _coded([*held["users"], "-"], np.where(bad, len(held["users"]), _zipf(rng, 4_000, rows))),
        "c-ip": _coded(held["clients"], _zipf(rng, len(held["clients"]), rows)),
        "cs-user-agent": mixed(held["agents"], 2, _zipf(rng, 3_000, rows)),
        "s-port": pa.array(np.full(rows, 443, np.int32)),
        "sc-status": pa.array(status),
        "sc-substatus": pa.array(np.zeros(rows, np.int32)),
        "sc-win32-status": pa.array(np.zeros(rows, np.int64)),
        "time-taken": pa.array(rng.integers(1, 4_000, rows)),
        "cafeReqId": _ids(rng, rows),
    }
    return pa.table([columns.get(one.name, pa.nulls(rows, one.type)) for one in spec.schema], names=spec.schema.names)


Dress = Callable[[np.random.Generator, pa.Table], pa.Table]
"""Gives the lines of a file more columns."""


def build(root: Path, events: int, dress: Dress | None = None) -> Archive:
    """Make the archive."""
    archive = Archive(root, specs())
    rng = np.random.default_rng(20190411)
    held = _values(rng)
    for at, start in enumerate(range(0, events, FILE_ROWS)):
        month = np.datetime64("2019-01", "M") + at
        table = _batch(rng, held, min(FILE_ROWS, events - start), int(month.astype("datetime64[us]").astype(np.int64)))
        table = dress(rng, table) if dress is not None else table
        staged = stage(archive.folder("iis"), archive.specs["iis"], table, f"part-{at:04}")
        archive.commit("iis", staged, f"part-{at:04}")
    return archive


# The peer -----------------------------------------------------------------------------------------

_SQL = {
    "cs-uri": "\"cs-uri-stem\" || CASE WHEN coalesce(\"cs-uri-query\", '-') = '-' THEN '' ELSE '?' || \"cs-uri-query\" END",
}
_DECODED = {"cs-uri", "cs-uri-stem", "cs-uri-query", "cs-referer"}


def _like(parts: Sequence[str]) -> str:
    escaped = [
        part.replace("*", "%").replace("?", "_") if at % 2 else re.sub(r"([\\%_])", r"\\\1", part)
        for at, part in enumerate(parts)
    ]
    return "'" + "".join(escaped).replace("'", "''") + "' ESCAPE '\\'"


def _atom_sql(rules: RuleSet, index: int) -> str:
    atom = rules.atoms[index]
    if ":" in atom.place:
        return "FALSE"
    column = _SQL.get(atom.place, f'"{atom.place}"')
    views = [column]
    if atom.place in _DECODED:
        views.append(f"url_decode({column})")
    if atom.place == "cs-user-agent":
        views.append(f"replace({column}, '+', ' ')")
    match atom.kind:
        case "text":
            tests = [f"lower({one}) LIKE {_like(atom.parts)}" for one in views]
        case "regex":
            tests = [f"regexp_matches({one}, '{atom.parts[0]}', '{atom.flags}')" for one in views]
        case "number":
            tests = [f"try_cast({column} AS DOUBLE) = {atom.parts[0]}"]
        case "null" | "empty":
            tests = [f"coalesce({column}, '') IN ('', '-')"]
        case _:
            raise ValueError(atom.kind)
    return f"coalesce({' OR '.join(tests)}, FALSE)"


def sql_of(rules: RuleSet, node: Node) -> str:
    """Write a condition as SQL."""
    if node.op == "leaf":
        return sql_of(rules, rules.leaves[node.index].tree)
    if node.op == "atom":
        return _atom_sql(rules, node.index)
    parts = [f"({sql_of(rules, one)})" for one in node.children]
    return f"NOT {parts[0]}" if node.op == "not" else f" {node.op.upper()} ".join(parts)


def _peer(sample: Path, rules: RuleSet) -> tuple[float, dict[str, int]]:
    """Put all conditions to DuckDB in one pass over the sample; give seconds and records met by rule."""
    conditions = {
        rule.info.id: sql_of(rules, case.tree)
        for rule in rules.rules
        for case in rule.cases
        if rules.wheres[case.where].table == "iis"
    }
    counts = ", ".join(f"count(*) FILTER ({one})" for one in conditions.values())
    with duckdb.connect(config={"threads": 1}) as connection:
        started = time.perf_counter()
        row = connection.execute(f"SELECT {counts} FROM read_parquet('{sample}')").fetchone()  # noqa: S608 - our own rules
        taken = time.perf_counter() - started
    return taken, {name: int(one) for name, one in zip(conditions, row or (), strict=True) if one}


# The check ----------------------------------------------------------------------------------------


def _documents(paths: Sequence[Path]) -> Iterator[dict[str, object]]:
    for folder in paths:
        for path in [folder] if folder.is_file() else sorted(folder.rglob("*.yml")):
            yield yaml.safe_load(path.read_text(encoding="utf-8"))


def _reference(rows: pa.Table, rules: RuleSet, sources: Sequence[Path]) -> dict[str, int]:
    """Match the sample slowly, one event and one rule at a time."""
    wanted = {rule.info.id for rule in rules.rules if rules.wheres[rule.cases[0].where].table == "iis"}
    documents = [one for one in _documents(sources) if one.get("id") in wanted]
    events = [iis_event(row) for row in rows.to_pylist()]
    return {str(one["id"]): found for one in documents if (found := sum(matches(one, event) for event in events))}


def _sample(archive: Archive, root: Path, rows: int) -> tuple[Archive, pa.Table]:
    """Make a small archive of lines out of the large one."""
    whole = pq.read_table(archive.files("iis")[0].path)
    at = np.sort(np.random.default_rng(7).choice(whole.num_rows, min(rows, whole.num_rows), replace=False))
    table = whole.take(pa.array(at))
    small = Archive(root, specs())
    small.commit("iis", stage(small.folder("iis"), small.specs["iis"], table, "sample"), "sample")
    return small, table


def _candidates(folder: Path, listed: Path) -> list[Path]:
    """Give the rule files that a list of paths names."""
    with listed.open(encoding="utf-8", newline="") as handle:
        return [folder / row["path"] for row in csv.DictReader(handle)]


def _by_rule(found: Hunted) -> dict[str, int]:
    out: dict[str, int] = {}
    for rule, count in zip(found.hits["rule_id"].to_pylist(), found.hits["count"].to_pylist(), strict=True):
        out[rule] = out.get(rule, 0) + count
    return out


def _peak_mb() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000_000, help="lines to hunt")
    parser.add_argument("--rules", type=Path, help="folder of Sigma rules besides our own")
    parser.add_argument("--list", type=Path, help="CSV with a column `path`: only these rules of the folder")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--sample", type=int, default=20_000, help="lines that are checked slowly")
    parser.add_argument("--peer-sample", type=int, default=100_000, help="lines that are put to the peer")
    arguments = parser.parse_args()
    folders = [arguments.rules] if arguments.rules else []
    if arguments.list is not None:
        folders = _candidates(arguments.rules, arguments.list)
    rules = load(folders).rules
    with tempfile.TemporaryDirectory() as scratch:
        started = time.perf_counter()
        archive = build(Path(scratch) / "archive", arguments.events)
        print(f"archive of {arguments.events:,} events made in {time.perf_counter() - started:.1f} s")
        stored = sum(one.staged.size_bytes for one in archive.files("iis"))
        print(f"{stored / arguments.events:.1f} bytes an event stored")
        hunter = Hunter(rules)
        hunter.hunt(archive.files("iis")[0])  # compile the patterns outside the clock, as a worker does once
        started, busy = time.perf_counter(), time.process_time()
        if arguments.workers == 1:
            met = sum(hunter.hunt(one)[0].num_rows for one in archive.files("iis"))
        else:
            met = hunt(archive, rule_folders=folders, workers=arguments.workers).hits.num_rows
        taken = time.perf_counter() - started
        cores = arguments.workers
        own = time.process_time() - busy
        print(f"{len(rules.rules)} rules, {met:,} rows of hits, {taken:.2f} s, {own:.2f} s of processor time")
        print(f"{arguments.events / taken / cores / 1e6:.2f} M events/s/core, peak {_peak_mb():.0f} MB")
        if arguments.workers == 1:
            print(
                f"{arguments.events / own / 1e6:.2f} M events a second of processor time, whatever else the machine does"
            )
        cache = Path(scratch) / "cache"
        hunt(archive, rule_folders=folders, workers=arguments.workers, cache=cache)
        started = time.perf_counter()
        hunt(archive, rule_folders=folders, workers=arguments.workers, cache=cache)
        print(f"again, nothing changed: {time.perf_counter() - started:.2f} s")
        return _compare(archive, Path(scratch), arguments, folders, rules)


def _compare(
    archive: Archive, scratch: Path, arguments: argparse.Namespace, folders: Sequence[Path], rules: RuleSet
) -> int:
    small, table = _sample(archive, scratch / "sample", arguments.sample)
    ours = _by_rule(hunt(small, rule_folders=folders, workers=1))
    started = time.perf_counter()
    slow = _reference(table, rules, [PACK, *folders])
    taken = time.perf_counter() - started
    print(f"reference: {arguments.sample / taken:,.0f} events/s; {len(slow)} rules met; equal: {ours == slow}")
    larger, _ = _sample(archive, scratch / "peer", arguments.peer_sample)
    ours_larger = _by_rule(hunt(larger, rule_folders=folders, workers=1))
    seconds, theirs = _peer(larger.files("iis")[0].path, rules)
    rate = min(arguments.peer_sample, arguments.events) / seconds
    print(f"peer: DuckDB {duckdb.__version__}, 1 thread, {rate:,.0f} events/s; equal: {theirs == ours_larger}")
    return 0 if ours == slow and theirs == ours_larger else 1


if __name__ == "__main__":
    sys.exit(main())
