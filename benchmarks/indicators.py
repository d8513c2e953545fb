"""How fast many indicators are read, cold and as kept, and looked up in years of IIS lines; and what one address takes.

    python -m benchmarks.indicators                                          1 M indicators over 100 M lines: 8 GB of disk
    python -m benchmarks.indicators --indicators 100000 --lines 2000000      less of both

Makes an archive of synthetic lines (`benchmarks.hunt`, with hosts, referrers and mail addresses as accounts) and a list:
addresses, networks, names of hosts, URLs, hashes, file names, agents and mail addresses, of which some occur. Every figure
is of a process of its own, so that peak memory is its own. DuckDB reads the same list with its bare CSV reader, joins it
with the same lines kind by kind, and looks for the same single addresses in `c-ip`; its numbers have to be ours.

What one address takes is told twice: as the command, and without the start of Python and what is imported for the verb.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.hunt import build

from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.hunt.hunting import hunt
from dwell.hunt.indicators.gathering import Indicators
from dwell.hunt.indicators.keeping import indicators_kept
from dwell.hunt.ruleset import RuleSet
from dwell.hunt.sigma.loaded import Loaded
from dwell.intake.first_seen import first_seen
from dwell.intake.ingest import open_archive
from dwell.intake.tables import specs

__all__ = ["main", "write_list"]

PRESENT, ABSENT = "10.20.3.77", "198.18.7.7"
"""An address that lines hold, and one that none does."""
_NO_RULES = Loaded(RuleSet((), (), (), ()), {}, (), ())
_SHARES = {
    "ip": 0.30,
    "cidr": 0.05,
    "domain": 0.22,
    "url": 0.15,
    "sha256": 0.18,
    "filename": 0.04,
    "useragent": 0.02,
    "email": 0.04,
}
_PREFIXES = (24, 27, 29, 30)

Figures = dict[str, object]


# What is looked for, and where ---------------------------------------------------------------------


def _host(number: int) -> str:
    return f"www{number % 7}.site{number}.example"


def _dress(rng: np.random.Generator, table: pa.Table) -> pa.Table:
    """Give lines hosts, referrers, and mail addresses as accounts."""
    rows = table.num_rows
    hosts = pa.array([_host(one) for one in range(3_000)], pa.string())
    links = pa.array(
        ["-", *(f"https://portal{one}.partner.example/Start?x={one}" for one in range(20_000))], pa.string()
    )
    host = (3_000 * rng.random(rows) ** 4).astype(np.int32)
    link = np.where(rng.random(rows) < 0.9, 0, rng.integers(1, 20_001, rows)).astype(np.int32)
    users = table["cs-username"].combine_chunks()
    names = [
        f"{one.rpartition(chr(92))[2]}@ministry.example" if one[-1:] in "02468" else one
        for one in users.dictionary.to_pylist()
    ]
    given = {
        "cs-host": pa.DictionaryArray.from_arrays(pa.array(host), hosts),
        "cs-referer": pa.DictionaryArray.from_arrays(pa.array(link), links),
        "cs-username": pa.DictionaryArray.from_arrays(users.indices, pa.array(names, pa.string())),
    }
    for name, column in given.items():
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def _occurring(kind: str) -> list[str]:
    """Give values that lines hold: rare ones, so that one line in a hundred meets something."""
    rare = range(2_500, 3_000, 19)
    pages = [f"https://{_host(one)}/owa/" for one in rare]
    linked = [f"https://portal{one}.partner.example/start?x={one}" for one in range(901, 19_000, 601)]
    return {
        "ip": [PRESENT, *(f"10.20.{one}.{one + 1}" for one in range(40, 61))],
        "cidr": ["10.20.60.0/29", "10.20.7.16/30", "10.20.48.0/27"],
        "domain": [f"site{one}.example" for one in rare],
        "url": [*pages, *linked],
        "filename": ["boot.worldwide.3.mouse.js"],
        "useragent": [f"Apple-iPhone{one % 14}C{one % 5}/{1_600 + one}.{one % 90}" for one in range(700, 720)],
        "email": [f"user{one:04}@ministry.example" for one in range(3_900, 3_960, 2)],
    }.get(kind, [])


_OTHERS: Mapping[str, Callable[[int], str]] = {
    "ip": lambda at: f"{11 + at % 80}.{at // 80 % 250}.{at // 20_000 % 250}.{at % 241 + 1}",
    "cidr": lambda at: f"{100 + at // 65_536 % 20}.{at // 256 % 256}.{at % 256}.0/24",
    "domain": lambda at: f"cdn{at}.bad{at % 9973}.example",
    "url": lambda at: f"hxxps://load{at % 5003}[.]bad.example/{at:x}/gate.php?id={at}",
    "sha256": lambda at: f"{at * 2_654_435_761 % 2**64:016x}" * 4,
    "filename": lambda at: f"drop_{at:x}.exe",
    "useragent": lambda at: f"Mozilla/5.0 (Bot {at}; rv:1.0)",
    "email": lambda at: f"thief{at}@bad{at % 997}.example",
}


def write_list(path: Path, number: int) -> None:
    """Write a list of so many indicators; those that occur lie throughout it."""
    with path.open("w", encoding="utf-8") as handle:
        handle.write("indicator,type,valid_from,description\n")
        for kind, share in _SHARES.items():
            wanted = max(1, round(number * share))
            held = _occurring(kind)[:wanted]
            step = max(1, wanted // max(1, len(held)))
            others = _OTHERS[kind]
            for at in range(wanted):
                here, rest = divmod(at, step)
                value = held[here] if rest == 0 and here < len(held) else others(at)
                handle.write(f"{value},{kind},20{10 + at % 15}-01-{1 + at % 28:02},campaign {at % 100}\n")


# Steps, each in a process of its own ---------------------------------------------------------------


def _archive(folder: Path) -> Archive:
    return Archive(folder / "case" / "archive", specs())


def _list_read(folder: Path) -> tuple[float, Indicators]:
    began = time.perf_counter()
    found = indicators_kept([folder / "list.csv"], folder / "kept")
    return time.perf_counter() - began, found


def _read(folder: Path, _: int) -> Figures:
    taken, found = _list_read(folder)
    return {"seconds": taken, "indicators": len(found.starts), "digest": found.digest(), "faults": len(found.faults)}


def _match(folder: Path, workers: int) -> Figures:
    began = time.perf_counter()
    hunted = hunt(
        _archive(folder),
        loaded=_NO_RULES,
        indicator_files=[folder / "list.csv"],
        rules_cache=folder / "kept",
        workers=workers,
    )
    taken = time.perf_counter() - began
    met = {one.rule_id.partition(":")[2]: one.hits for one in hunted.indicators if one.hits}
    return {"seconds": taken, "met": met, "rows": hunted.hits.num_rows}


def _one(folder: Path, address: str) -> Figures:
    """Look for one address, as a list of one and by name; then again, when the disk's pages and what is kept are there."""
    path = folder / f"{address}.txt"
    path.write_text(address + "\n", encoding="utf-8")
    case = Case.open(folder / "case")
    best = {}
    for what in ("hunt", "first seen"):
        times, busy, number = [], [], 0
        for _ in range(3):
            began, used = time.perf_counter(), time.process_time()
            if what == "hunt":
                hits = hunt(open_archive(case), loaded=_NO_RULES, indicator_files=[path], workers=1).hits
                number = int(sum(hits["count"].to_pylist()))
            else:
                number = sum(one.count for one in first_seen(open_archive(case), address, case.cache("held")))
            times.append(time.perf_counter() - began)
            busy.append(time.process_time() - used)
        best[what] = {"first": times[0], "again": min(times[1:]), "busy": min(busy[1:]), "records": number}
    return dict(best)


def _make(folder: Path, lines: int) -> Figures:
    case = Case.create(folder / "case")
    with case.writing():
        build(case.archive_root, lines, _dress)
    return {}


def _peer_read(folder: Path, _: int) -> Figures:
    began = time.perf_counter()
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"CREATE TABLE listed AS SELECT * FROM read_csv('{folder / 'list.csv'}', header=true)")  # noqa: S608
    return {"seconds": time.perf_counter() - began}


_NUMBER = """(split_part("c-ip", '.', 1)::BIGINT * 16777216 + split_part("c-ip", '.', 2)::BIGINT * 65536
  + split_part("c-ip", '.', 3)::BIGINT * 256 + split_part("c-ip", '.', 4)::BIGINT)"""
_AGENT = """trim(regexp_replace(lower(replace(replace("cs-user-agent", '+', ' '), ',', ' ')), ' +', ' ', 'g'))"""
_PEER: Mapping[str, tuple[str, ...]] = {
    "address": ("""SELECT count(*) FROM lines JOIN listed ON "c-ip" = indicator WHERE type = 'ip'""",),
    "network": tuple(
        f"""SELECT count(*) FROM lines JOIN nets ON {_NUMBER} >> {32 - length} = number >> {32 - length}
        WHERE length = {length}"""  # noqa: S608
        for length in _PREFIXES
    ),
    "domain": tuple(
        f"""SELECT count(*) FROM lines JOIN (SELECT value, unnest([
        array_to_string(list_slice(labels, place, len(labels)), '.')
        FOR place IN range(1, len(labels))]) AS name FROM (SELECT {column} AS value, string_split({host}, '.') AS labels
        FROM (SELECT DISTINCT {column} FROM lines WHERE {column} != '-'))) ON {column} = value
        JOIN listed ON name = indicator WHERE type = 'domain'"""  # noqa: S608
        for column, host in (
            ('"cs-host"', 'lower("cs-host")'),
            ('"cs-referer"', """lower(split_part(split_part("cs-referer", '//', 2), '/', 1))"""),
        )
    ),
    "url": (
        """SELECT count(*) FROM lines JOIN urls ON "cs-host" || lower(url_decode("cs-uri-stem")) = page""",
        """SELECT count(*) FROM lines JOIN urls ON lower(split_part("cs-referer", '//', 2)) = page""",
    ),
    "name": (
        """SELECT count(*) FROM lines JOIN listed ON split_part(lower("cs-uri-stem"), '/', -1) = lower(indicator)
        WHERE type = 'filename'""",
    ),
    "agent": (f"SELECT count(*) FROM lines JOIN listed ON {_AGENT} = lower(indicator) WHERE type = 'useragent'",),  # noqa: S608
    "email": ("""SELECT count(*) FROM lines JOIN listed ON lower("cs-username") = indicator WHERE type = 'email'""",),
}
"""How many lines meet indicators of a kind: the plain joins that these lines and this list allow, and no more."""


def _peer_match(folder: Path, threads: int) -> Figures:
    files = [str(one.path) for one in _archive(folder).files("iis")]
    with duckdb.connect(config={"threads": threads}) as connection:
        began = time.perf_counter()
        connection.execute(f"CREATE TABLE listed AS SELECT * FROM read_csv('{folder / 'list.csv'}', header=true)")  # noqa: S608
        number = _NUMBER.replace('"c-ip"', "split_part(indicator, '/', 1)")
        connection.execute(
            f"""CREATE TABLE nets AS SELECT {number} AS number, split_part(indicator, '/', 2)::INT AS length
            FROM listed WHERE type = 'cidr'"""  # noqa: S608
        )
        connection.execute(
            """CREATE TABLE urls AS SELECT lower(split_part(replace(indicator, '[.]', '.'), '//', 2)) AS page
            FROM listed WHERE type = 'url'"""
        )
        connection.execute(f"CREATE VIEW lines AS SELECT * FROM read_parquet({files!r})")  # noqa: S608
        met = {
            kind: number
            for kind, asked in _PEER.items()
            if (number := sum((connection.execute(one).fetchone() or (0,))[0] for one in asked))
        }
        return {"seconds": time.perf_counter() - began, "met": met}


def _peer_one(folder: Path, address: str) -> Figures:
    files = [str(one.path) for one in _archive(folder).files("iis")]
    times = []
    row = None
    with duckdb.connect(config={"threads": 1}) as connection:
        for _ in range(3):
            began = time.perf_counter()
            row = connection.execute(
                f"SELECT count(*) FROM read_parquet({files!r}) WHERE \"c-ip\" = '{address}'"  # noqa: S608
            ).fetchone()
            times.append(time.perf_counter() - began)
    return {"first": times[0], "again": min(times[1:]), "records": (row or (0,))[0]}


_STEPS: Mapping[str, Callable[..., Figures]] = {
    "make": _make,
    "read": _read,
    "match": _match,
    "one": _one,
    "peer-read": _peer_read,
    "peer-match": _peer_match,
    "peer-one": _peer_one,
}


def _timed(words: Sequence[str]) -> tuple[bytes, float, float, float]:
    """Run Python with some words; give its output, seconds of wall clock and of processors, and its peak in MiB."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([sys.executable, *words], stdout=out)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        taken = time.perf_counter() - began
        if process.returncode:
            raise SystemExit(f"{' '.join(words)[:200]} ended with {process.returncode}")
        out.seek(0)
        return out.read(), taken, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _step(name: str, folder: Path, argument: int | str) -> tuple[Figures, float, float]:
    """Run a step in a process of its own; give its figures, processor seconds and peak memory in MiB."""
    out, _, cpu, peak = _timed([str(Path(__file__).resolve()), "--step", name, str(folder), str(argument)])
    found: Figures = json.loads(out)
    return found, cpu, peak


def _same(what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise SystemExit(f"{what}: ours is {ours}, the peer's {theirs}")


# The report ----------------------------------------------------------------------------------------


def _reading(folder: Path, number: int) -> None:
    digests = []
    for what in ("cold", "kept"):
        found, cpu, peak = _step("read", folder, 0)
        digests.append(found["digest"])
        each = float(str(found["seconds"])) / number * 1e6
        print(
            f"list of {number:,} read {what}: {found['seconds']:.2f} s, {each:.2f} µs a value, {cpu:.1f} s of processor "
            f"time with start-up, {peak:,.0f} MiB; {found['indicators']:,} indicators, {found['faults']} faults",
            flush=True,
        )
    _same("lists", *digests)
    found, _, peak = _step("peer-read", folder, 0)
    print(
        f"peer: DuckDB's bare CSV reader, judging nothing, 1 thread: {found['seconds']:.2f} s, {peak:,.0f} MiB",
        flush=True,
    )


def _matching(folder: Path, lines: int, workers: int) -> None:
    ours, cpu, peak = _step("match", folder, workers)
    seconds = float(str(ours["seconds"]))
    print(
        f"{lines:,} lines matched: {seconds:.2f} s with {workers} workers, {lines / seconds / 1e6:.2f} M lines/s, "
        f"{cpu:.1f} s of processor time in all, {peak:,.0f} MiB in the largest process; met {ours['met']}",
        flush=True,
    )
    theirs, cpu, peak = _step("peer-match", folder, workers)
    print(
        f"peer: DuckDB {duckdb.__version__}, {workers} threads: {theirs['seconds']:.2f} s, "
        f"{cpu:.1f} s of processor time, {peak:,.0f} MiB",
        flush=True,
    )
    _same("records met", ours["met"], theirs["met"])
    print("equal answers", flush=True)


def _single(folder: Path) -> None:
    for what, address in (("present", PRESENT), ("absent", ABSENT)):
        ours, _, peak = _step("one", folder, address)
        theirs, _, _ = _step("peer-one", folder, address)
        for way in ("hunt", "first seen"):
            found = ours[way]
            assert isinstance(found, dict)
            _same(f"{what}, {way}", found["records"], theirs["records"])
            print(
                f"one address, {what}, {way}: {found['first'] * 1e3:.0f} ms, again {found['again'] * 1e3:.0f} ms "
                f"({found['busy'] * 1e3:.0f} ms of processor time), "
                f"{found['records']:,} records, {peak:,.0f} MiB",
                flush=True,
            )
        print(
            f"peer: DuckDB, 1 thread: {theirs['first'] * 1e3:.0f} ms, again {theirs['again'] * 1e3:.0f} ms",  # type: ignore[operator]
            flush=True,
        )
    for what, words in (
        ("Python alone", ["-c", "pass"]),
        ("and what `first-seen` imports", ["-c", "import dwell.cli.main, dwell.cli.first_seen"]),
        (
            "the whole command",
            ["-c", _COMMAND, "first-seen", ABSENT, "-c", str(folder / "case")],
        ),
    ):
        print(f"{what}: {min(_timed(words)[1] for _ in range(5)) * 1e3:.0f} ms", flush=True)


_COMMAND = "import sys; from dwell.cli.main import main; sys.exit(main(sys.argv[1:]))"


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--step"]:
        name, where, argument = sys.argv[2:]
        given: int | str = int(argument) if argument.isdigit() else argument
        json.dump(_STEPS[name](Path(where), given), sys.stdout)
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--indicators", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=100_000_000)
    parser.add_argument("--workers", type=int, default=2, help="processes, and threads of the peer")
    parser.add_argument(
        "--folder", type=Path, help="where it is made, and kept for the next run; a scratch folder otherwise"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        write_list(folder / "list.csv", asked.indicators)
        if not (folder / "case").exists():
            _step("make", folder, asked.lines)  # a process begins with the peak of the one that starts it
        for kept in (folder / "kept").glob("*"):
            kept.unlink()
        print(f"{asked.indicators:,} indicators, {asked.lines:,} lines", flush=True)
        _reading(folder, asked.indicators)
        _matching(folder, asked.lines, asked.workers)
        _single(folder)


if __name__ == "__main__":
    main()
