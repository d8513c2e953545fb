"""A small office whose people read their mail from home, every working day, and who else does: logs by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from tests.scope.staged import Staged, iis_log, utc

from dwell.hunt.hits import HITS
from dwell.hunt.hunting import Hunted
from dwell.model.claims import CaseFacts
from dwell.model.markings import Marking
from dwell.scope.investigation import Investigation, investigate

__all__ = [
    "BROWSERS",
    "DAYS",
    "FOREIGN",
    "NETWORK",
    "PEOPLE",
    "attended",
    "doors",
    "facts",
    "no_hunt",
    "reasoned",
    "visits",
    "work",
]

PEOPLE = tuple(f"p{place:02}@gov.example" for place in range(24))
BROWSERS = ("Mozilla/5.0+Chrome/73.0", "Mozilla/5.0+Firefox/66.0", "Mozilla/5.0+Edge/18.1")
FOREIGN = "Mozilla/5.0+Konqueror/3.5"
NETWORK = "198.18.77"
DAYS = 60
START = utc("2021-01-04 00:00:00")

Row = dict[str, object]


def visits(person: str, client: str, agent: str, days: Iterable[int], *, hour: int = 9, **more: object) -> list[Row]:
    """Give one request of a person at one hour of each day, days from the start."""
    out: list[Row] = []
    for day in days:
        at = START + timedelta(days=day, hours=hour)
        out.append({"at": f"{at:%Y-%m-%d %H:%M:%S}", "user": person, "client": client, "agent": agent, **more})
    return out


def work(people: Sequence[str] = PEOPLE, days: int = DAYS) -> list[Row]:
    """Give the work of everybody: each with a browser of three, from a network of his own and from the office."""
    out: list[Row] = []
    for place, person in enumerate(people):
        browser = BROWSERS[place % len(BROWSERS)]
        working = [day for day in range(days) if day % 7 < 5]
        out += visits(person, f"198.19.{place}.7", browser, working, hour=7 + place % 4)
        out += visits(person, "10.1.1.9", browser, working[::2], hour=11)
        out += visits(
            person, f"198.19.{place}.7", "Phone/12.1", working, hour=20, stem="/Microsoft-Server-ActiveSync/default.eas"
        )
    return out


def doors(days: int = DAYS) -> list[Row]:
    """Give the server's own probes of remote PowerShell: with them its web log shows who comes there."""
    probe = "HealthMailboxa1b2c3@gov.example"
    return visits(probe, "127.0.0.1", "AMProbe", range(days), hour=11, stem="/powershell")


def attended(people: Sequence[str] = PEOPLE, days: int = DAYS) -> list[Row]:
    """Give the work of everybody in a log that shows who comes to remote PowerShell."""
    return [*work(people, days), *doors(days)]


def log_of(rows: Iterable[Row]) -> str:
    """Give the IIS log of requests, in order of time."""
    return iis_log(sorted(rows, key=lambda one: (str(one["at"]), str(one["user"]), str(one["client"]))))


def no_hunt() -> Hunted:
    """Give a hunt that met nothing."""
    return Hunted((), HITS.empty_table(), {}, "", ())


def reasoned(staged: Staged, hunted: Hunted | None = None, markings: Sequence[Marking] = ()) -> Investigation:
    """Work out what a case allows to be said."""
    return investigate(staged.archive, hunted or no_hunt(), staged.paths, markings=markings, workers=1)


def facts(staged: Staged, name: str = "case") -> CaseFacts:
    """Give the numbers of a case."""
    return CaseFacts(name, len(staged.paths), staged.records, staged.anomalies, None, None)


def drop(path: Path) -> Path:
    """Take one file out of a folder of evidence."""
    path.unlink()
    return path
