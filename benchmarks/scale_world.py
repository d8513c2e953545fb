"""The ministry of the exercise at any size: its requests day by day, as columns instead of objects.

People, homes, phones, travels and both intruders are those of `dwell.drill`; only everybody's office life is drawn here,
whole columns at a time, by the same habits. A visit has more lines than in the exercise: some thirty for each mailbox and
day, as a server of that size writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import date

import numpy as np
import numpy.typing as npt

from dwell.drill.intruders import loud, quiet, scanners
from dwell.drill.office import BACKUP, BACKUP_CLIENT, is_quiet
from dwell.drill.people import DOMAIN, HOSTS, DrillPlan, Person, make_world
from dwell.drill.requests import Request, browser, outlook, phone

__all__ = ["TEXTS", "Ministry", "Requests", "Words"]

Codes = npt.NDArray[np.int64]

TEXTS = ("method", "stem", "query", "user", "client", "agent", "protocol", "mailbox", "action", "anchor")
"""Columns of `Requests` that are codes into its words."""
_ACTIONS = ("FindConversation", "GetConversationItems", "FindItem", "GetItem", "GetFileAttachment", "CreateItem")
_STEPS = 40
_LAST_SECOND = 86_399


class Words:
    """Every text of the world once, by number."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._places: dict[str, int] = {}

    def code(self, text: str) -> int:
        """Give a text's number."""
        found = self._places.setdefault(text, len(self.texts))
        if found == len(self.texts):
            self.texts.append(text)
        return found

    def codes(self, texts: Iterable[str]) -> Codes:
        """Give the numbers of texts."""
        return np.array([self.code(one) for one in texts], np.int64)


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests, column by column; see `dwell.drill.requests.Request`. `host` is a place in `HOSTS`."""

    second: Codes
    host: Codes
    method: Codes
    stem: Codes
    query: Codes
    user: Codes
    client: Codes
    agent: Codes
    status: Codes
    protocol: Codes
    mailbox: Codes
    action: Codes
    sent: Codes
    anchor: Codes

    def __len__(self) -> int:
        """Give how many."""
        return len(self.second)

    def take(self, rows: Codes) -> Requests:
        """Give some of them."""
        return Requests(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    def objects(self, words: Words) -> list[Request]:
        """Give them as the exercise has them."""
        columns = {one.name: getattr(self, one.name).tolist() for one in fields(self)}
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        return [
            Request(**(one | {name: words.texts[one[name]] for name in TEXTS} | {"host": HOSTS[one["host"]]}))
            for one in rows
        ]


@dataclass(slots=True)
class _Visits:
    """Visits of one sort: per visit who, when it begins, how many lines it has, and what is the same in all of them."""

    person: Codes
    second: Codes
    lines: Codes
    gap: tuple[int, int]
    same: dict[str, Codes] = field(default_factory=dict)

    def spread(self, rng: np.random.Generator) -> tuple[Codes, Codes, Codes]:
        """Give per line its visit, its place in the visit, and its second."""
        visit = np.repeat(np.arange(len(self.lines)), self.lines)
        start = np.cumsum(self.lines) - self.lines
        step = np.arange(len(visit)) - start[visit]
        gaps = rng.integers(*self.gap, len(visit))
        gaps[step == 0] = 0
        run = np.cumsum(gaps)
        second = self.second[visit] + run - run[start][visit] if len(visit) else run
        return visit, step, np.minimum(second, _LAST_SECOND)


class Ministry:
    """The world.

    Attributes:
        world: people, travels and conferences, of the exercise.
        words: every text.
        quiet: the quiet intruder.
        loud: the loud one.
        written: where and when the loud one wrote his web shell.
    """

    def __init__(self, plan: DrillPlan) -> None:
        self.world = make_world(plan)
        self.words = Words()
        self.quiet = quiet(self.world)
        self.loud, self.written = loud(self.world)
        self._probes: dict[date, list[Request]] = {}
        for day, request in scanners(self.world):
            self._probes.setdefault(day, []).append(request)
        code, people = self.words.code, self.world.people
        self._host = np.array([HOSTS.index(one.host) for one in people])
        self._login = self.words.codes(one.login for one in people)
        self._smtp = self.words.codes(one.smtp for one in people)
        self._desk = self.words.codes(one.desk for one in people)
        self._boss = np.array([-1 if one.boss is None else people.index(one.boss) for one in people])
        self._outlook = self.words.codes(f"MailboxId={one.guid}@{DOMAIN}" for one in people)
        self._page = self.words.codes(f"/owa/{one.smtp}/" for one in people)
        self._service = self.words.codes(f"/owa/{one.smtp}/service.svc" for one in people)
        self._actions = np.array(
            [[code(f"action={one}&EP=1&ID=-{step + 1}&AC=1") for step in range(_STEPS)] for one in _ACTIONS]
        )
        self._action = self.words.codes(_ACTIONS)
        carriers = sorted({one.carrier for one in people})
        self._carrier = np.array([carriers.index(one.carrier) for one in people])
        self._phones = self.words.codes(
            f"{one}.{lan}.{last}" for one in carriers for lan in range(256) for last in range(2, 250)
        ).reshape(len(carriers), 256, 248)
        self._homes = _Until([[(one.until, code(one.address)) for one in each.homes] for each in people])
        self._devices = _Until([[(until, code(device)) for until, device in each.phones] for each in people])
        places = {id(one): place for place, one in enumerate(people)}
        away = [(places[id(one)], first, last, code(client)) for one, first, last, client in self.world.travels]
        away += [
            (places[id(one)], first, last, code(client))
            for group, first, last, client in self.world.conferences
            for one in group
        ]
        rows = [(one, first.toordinal(), last.toordinal(), client) for one, first, last, client in away]
        self._away = np.array(rows, np.int64).reshape(-1, 4)
        self._none = code("")
        self._dash = code("-")

    def _browsers(self, day: date) -> Codes:
        kinds = {(one.browser, one.lag) for one in self.world.people}
        known = {one: self.words.code(browser(*one, day)) for one in sorted(kinds)}
        return np.array([known[one.browser, one.lag] for one in self.world.people])

    def day(self, day: date) -> Requests:
        """Give all requests of a day, in order of time."""
        rng = np.random.default_rng([self.world.plan.seed, day.toordinal()])
        people, off = len(self.world.people), is_quiet(day)
        everybody = np.arange(people)
        abroad = np.full(people, -1)
        rows = self._away[(self._away[:, 1] <= day.toordinal()) & (self._away[:, 2] >= day.toordinal())]
        abroad[rows[:, 0]] = rows[:, 3]
        agents = self._browsers(day)
        out: list[Requests] = []

        def owa(who: Codes, client: Codes, hours: tuple[int, int], lines: tuple[int, int], owner: Codes) -> None:
            visits = _Visits(who, rng.integers(*hours, len(who)), rng.integers(*lines, len(who)), (2, 90))
            visits.same = {"client": client, "agent": agents[who], "owner": owner}
            out.append(self._owa(rng, visits))

        gone = everybody[abroad >= 0]
        owa(gone, abroad[gone], (25_000, 70_000), (3, 13), gone)
        if not off:
            there = everybody[(abroad < 0) & (rng.random(people) < 0.92)]
            desk = np.repeat(there, rng.integers(1, 3, len(there)))
            out.append(self._mapi(rng, desk, day))
            helping = there[(self._boss[there] >= 0) & (rng.random(len(there)) < 0.5)]
            owa(helping, self._desk[helping], (28_000, 57_000), (3, 4), self._boss[helping])
        home = everybody[(abroad < 0) & (rng.random(people) < (0.12 if off else 0.22))]
        owa(home, self._homes.at(day)[home], (62_000, 80_000), (3, 13), home)
        out.append(self._sync(rng, everybody[rng.random(people) < 0.75], day))
        out += self._machines(rng, day)
        drawn = [*self.quiet.days.get(day, []), *self.loud.days.get(day, []), *self._probes.get(day, [])]
        if drawn:
            out.append(self._taken(drawn))
        whole = _joined(out)
        return whole.take(np.lexsort((whole.query, whole.client, whole.host, whole.second)))

    def _made(self, second: Codes, person: Codes, **given: Codes | int | str) -> Requests:
        """Give requests of people; a text or number stands for the same in every row."""
        size = len(second)
        texts: dict[str, Codes | int | str] = {
            "method": "POST", "query": "-", "mailbox": self._smtp[person], "action": "", "anchor": "",
            "user": self._login[person], "status": 200, "host": self._host[person],
        }  # fmt: skip

        def column(value: Codes | int | str) -> Codes:
            if isinstance(value, str):
                return np.full(size, self.words.code(value))
            return np.full(size, value) if isinstance(value, int) else value

        return Requests(second, **{name: column(value) for name, value in (texts | given).items()})

    def _owa(self, rng: np.random.Generator, visits: _Visits) -> Requests:
        visit, step, second = visits.spread(rng)
        person, owner = visits.person[visit], visits.same["owner"][visit]
        other = owner != person
        drawn = np.where(other, rng.integers(0, 5, len(visit)), rng.integers(0, len(_ACTIONS), len(visit)))
        page = step == 0
        code = self.words.code
        own = np.where(page, code("/owa/"), code("/owa/service.svc"))
        return self._made(
            second,
            person,
            method=np.where(page, code("GET"), code("POST")),
            stem=np.where(other, np.where(page, self._page[owner], self._service[owner]), own),
            query=np.where(page, self._dash, self._actions[drawn, np.minimum(step, _STEPS - 1)]),
            client=visits.same["client"][visit],
            agent=visits.same["agent"][visit],
            protocol="Owa",
            mailbox=self._smtp[owner],
            action=np.where(page, self._none, self._action[drawn]),
            sent=np.where(page, 14_200, rng.integers(900, 60_000, len(visit))),
        )

    def _mapi(self, rng: np.random.Generator, who: Codes, day: date) -> Requests:
        size = len(who)
        visits = _Visits(who, rng.integers(25_200, 61_200, size), rng.integers(8, 27, size), (10, 900))
        visit, _, second = visits.spread(rng)
        person = who[visit]
        return self._made(
            second, person, stem="/mapi/emsmdb/", query=self._outlook[person], client=self._desk[person],
            agent=outlook(day), protocol="Mapi", sent=rng.integers(400, 90_000, len(visit)),
        )  # fmt: skip

    def _sync(self, rng: np.random.Generator, who: Codes, day: date) -> Requests:
        size = len(who)
        visits = _Visits(who, rng.integers(19_000, 82_000, size), rng.integers(6, 23, size), (30, 1_500))
        visit, _, second = visits.spread(rng)
        person = who[visit]
        device = self._devices.at(day)
        client = self._phones[self._carrier[who], rng.integers(0, 256, size), rng.integers(0, 248, size)]
        words, texts = self.words, self.words.texts
        agents = {one: words.code(phone(texts[one], day)) for one in np.unique(device).tolist()}
        queries = np.array([self._commands(each, texts[device[place]]) for place, each in enumerate(self.world.people)])
        command = rng.choice(3, len(visit), p=[0.5, 0.4, 0.1])
        return self._made(
            second, person, stem="/Microsoft-Server-ActiveSync/default.eas", query=queries[person, command],
            client=client[visit], agent=np.array([agents[one] for one in device.tolist()])[person], protocol="Eas",
            sent=rng.integers(200, 9_000, len(visit)),
        )  # fmt: skip

    def _commands(self, person: Person, device: str) -> list[int]:
        kind = "iPhone" if device.startswith("Apple") else "SAMSUNGSMG960F"
        tail = f"User=MINISTRY%5C{person.sam}&DeviceId={device.partition('#')[2]}&DeviceType={kind}"
        return [self.words.code(f"Cmd={one}&{tail}") for one in ("Sync", "Ping", "ItemOperations")]

    def _machines(self, rng: np.random.Generator, day: date) -> list[Requests]:
        """Give the health probes, the backup that reads every mailbox at night, and on some days a spray of passwords."""
        people = np.arange(len(self.world.people))
        probes = [
            Request(
                second + 7, host, "GET", "/owa/", "-", f"HealthMailbox{name}@{DOMAIN}", "127.0.0.1",
                "AMProbe/Local/ClientAccess", 200, "Owa", "", "", 500,
            )
            for host, name in zip(HOSTS, ("a1b2c3d4", "e5f6a7b8"), strict=True)
            for second in range(0, 86_400, 3_600)
        ]  # fmt: skip
        out = [self._taken(probes)]
        if day.weekday() in (1, 4):
            out.append(
                self._made(
                    3_600 + people * 7 % 9_000, people, stem="/EWS/Exchange.asmx", user=BACKUP, client=BACKUP_CLIENT,
                    agent="MinistryArchive/4.2", protocol="Ews", action="GetItem",
                    sent=rng.integers(2_000, 400_000, len(people)),
                )
            )  # fmt: skip
        if rng.random() < 0.04:
            chosen = rng.choice(people, min(40, len(people)), replace=False)
            sources = self.words.codes(f"100.{90 + one}.{rng.integers(256)}.{rng.integers(2, 250)}" for one in range(6))
            out.append(
                self._made(
                    rng.integers(0, 86_000, len(chosen)), chosen, stem="/EWS/Exchange.asmx",
                    client=sources[rng.integers(0, 6, len(chosen))], agent="python-requests/2.21.0", status=401,
                    protocol="Ews", sent=0,
                )
            )  # fmt: skip
        return out

    def _taken(self, requests: Sequence[Request]) -> Requests:
        """Give requests of the exercise as columns."""

        def code(name: str, value: str | int) -> int:
            if name == "host":
                return HOSTS.index(str(value))
            return self.words.code(str(value)) if name in TEXTS else int(value)

        names = [one.name for one in fields(Requests)]
        return Requests(**{name: np.array([code(name, getattr(one, name)) for one in requests]) for name in names})


class _Until:
    """What each person has until when."""

    def __init__(self, each: Sequence[Sequence[tuple[date, int]]]) -> None:
        width = max(len(one) for one in each)
        filled = [[*one, *[one[-1]] * (width - len(one))] for one in each]
        self._until = np.array([[until.toordinal() for until, _ in one] for one in filled])
        self._codes = np.array([[code for _, code in one] for one in filled])

    def at(self, day: date) -> Codes:
        """Give what each has on a day; after the last date the last."""
        place = np.minimum((self._until <= day.toordinal()).sum(axis=1), self._until.shape[1] - 1)
        found: Codes = self._codes[np.arange(len(place)), place]
        return found


def _joined(parts: Sequence[Requests]) -> Requests:
    names = [one.name for one in fields(Requests)]
    return Requests(**{name: np.concatenate([getattr(one, name) for one in parts]).astype(np.int64) for name in names})
