"""What leads of exercises look like, by what they are: the counts that explanations rest on, and how well they hold.

    python benchmarks/explanations.py --seeds 1 2 --write     # writes src/dwell/scope/explanations_counted.toml
    python benchmarks/explanations.py --seeds 3 4 --test      # prints how well the ratios hold on other worlds

Every lead of every world is named by what the exercise knows of it: a journey, a conference, a home, a phone on its
carrier's network, a posting, a training room, a service, the help desk, an intruder with a password or with rights over
others. What is observed of it (`lead_signs`) is counted by that name. Explanations that no exercise has people for stay as
set by hand.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dwell import api
from dwell.casebook.case import Case
from dwell.drill import DrillPlan, scenario, write_drill
from dwell.drill.bystanders import SERVICES
from dwell.drill.people import Person, World, address, make_world, pick
from dwell.intake.ingest import open_archive
from dwell.model.addresses import network
from dwell.scope.access import Accesses
from dwell.scope.clients import clients_of
from dwell.scope.explanations import explanations, likelihoods, ratio_bits
from dwell.scope.habits import ties
from dwell.scope.kin import kin_of, units_of
from dwell.scope.lead_signs import SIGNS, signs_of
from dwell.scope.leads import ranking, weeks_between
from dwell.scope.names import learn
from dwell.scope.rollup.run import roll_up
from dwell.scope.services import services_of

__all__ = ["called", "counted", "ratios_held"]

PAGE = Path(__file__).parent.parent / "src" / "dwell" / "scope" / "explanations_counted.toml"
LAST = datetime(2021, 4, 1, tzinfo=UTC)
WORLDS = (
    "default", "nobody", "innocents", "among-innocents", "one-range", "tool-ews", "residential", "current-browser",
    "office-hours", "phone", "delegate", "impersonation", "few-mailboxes", "desktop-client",
)  # fmt: skip
HEAD = (
    "# Leads of exercises by what they were, counted by benchmarks/explanations.py. States as in `lead_signs.SIGNS`.\n"
)
HOSTILE = ("password", "misuse")
NEW_DAYS = 45
EDGES = (-8, -4, -2, 0, 2, 4, 8)

Signs = Mapping[str, npt.NDArray[np.int64]]


def _places(world: World) -> dict[str, str]:
    """Give the bystanders' networks, each with what a lead there is."""
    seed, out = world.plan.seed, {}
    kinds = world.plan.scenario.bystanders
    for kind, name in (("partner-office", "site"), ("training-room", "shared-device"), ("night-sessions", "venue"),
                       ("room-booking", "archive")):  # fmt: skip
        if kind in kinds:
            out[network(address(pick(seed, "place", kind)))] = name
    if "helpdesk" in kinds:
        out |= {network(address(pick(seed, "helpdesk", number))): "helpdesk" for number in range(3)}
    return {name: kind for name, kind in out.items() if name is not None}


def _of_person(world: World, person: Person, lan: str, first: date, phone: bool) -> str:  # noqa: FBT001
    """Say what a lead of somebody's is: by where the exercise put him."""
    for who, start, end, client in world.travels:
        if who is person and network(client) == lan and start <= first <= end:
            return "travel"
    for group, start, end, client in world.conferences:
        if any(one is person for one in group) and network(client) == lan and start <= first <= end:
            return "venue"
    if any(network(one.address) == lan for one in person.homes):
        return "provider"
    if phone and lan.startswith(person.carrier):
        begun = [until for until, _ in person.phones]
        return "phone" if any(timedelta(0) <= first - one <= timedelta(NEW_DAYS) for one in begun) else "carrier"
    return ""


def called(
    world: World,
    truth: Mapping[str, Any],
    label: str,
    lan: str,
    first: date,
    phone: bool,  # noqa: FBT001
) -> str:
    """Say what a lead is, in the words of the explanations; "" where the exercise does not know.

    Args:
        world: the people.
        truth: what the exercise wrote.
        label: the account.
        lan: the network.
        first: the day of the first visit.
        phone: whether it is a phone's.
    """
    for actor in truth["intruders"]:
        if lan in {network(one) for one in actor["clients"]}:
            return "misuse" if world.plan.scenario.mode in {"delegate", "impersonation"} else "password"
    place = _places(world).get(lan)
    if place is not None:
        return place
    if label.partition("@")[0] in SERVICES.values():
        return "archive"
    person = next((one for one in world.people if one.smtp == label), None)
    return _of_person(world, person, lan, first, phone) if person is not None else ""


def observed(plan: DrillPlan, folder: Path) -> tuple[Signs, list[str]]:
    """Write a world and read it; give what is observed of its leads, and what each is."""
    truth = write_drill(folder / "evidence", folder / "truth.json", plan)
    api.ingest(folder / "case", [folder / "evidence"])
    return seen(plan, truth, folder / "case")


def seen(plan: DrillPlan, truth: Mapping[str, Any], case: Path) -> tuple[Signs, list[str]]:
    """Give what is observed of the leads of a world that was read, and what each is."""
    archive = open_archive(Case.open(case))
    names = learn(archive)
    accesses = Accesses(roll_up(archive).tables["sessions"], names)
    served = services_of(accesses).served
    clients = clients_of(accesses, ties(accesses, served), served=served)
    weeks = weeks_between(int(accesses.first.min()), int(accesses.last.max()))
    rows, _, _ = ranking(clients, weeks)
    signs = signs_of(accesses, clients, rows, kin_of(accesses, units_of(archive, names)))
    world, told = make_world(plan), []
    for row in rows.tolist():
        first = datetime.fromtimestamp(int(clients.column("first")[row]) / 1_000_000, UTC).date()
        phone = float(clients.ties["phone"][row].as_py()) >= 0.5
        lan = accesses.networks[int(clients.column("network")[row])]
        told.append(called(world, truth, accesses.names[int(clients.column("account")[row])], lan, first, phone))
    return signs, told


def counted(worlds: Sequence[tuple[Signs, Sequence[str]]]) -> dict[str, dict[str, list[int]]]:
    """Count the states of every observation, by what the leads are."""
    out: dict[str, dict[str, list[int]]] = {}
    for signs, told in worlds:
        for name, states in signs.items():
            for kind, state in zip(told, states.tolist(), strict=True):
                if kind and state >= 0:
                    row = out.setdefault(kind, {}).setdefault(name, [0] * len(SIGNS[name]))
                    row[state] += 1
    return {kind: out[kind] for kind in sorted(out)}


def page(counts: Mapping[str, Mapping[str, Sequence[int]]], seeds: Sequence[int], mailboxes: int, months: int) -> str:
    """Give the counts as the file that the program reads."""
    sizes = f"{mailboxes} mailboxes, {months} months"
    told = f"# Worlds: {', '.join(WORLDS)};\n# seeds {', '.join(map(str, seeds))}; {sizes}.\n"
    parts = [HEAD, told]
    for kind, names in counts.items():
        parts.append(f"\n[{kind}]\n")
        parts += [f'"{name}" = [{", ".join(map(str, values))}]\n' for name, values in names.items()]
    return "".join(parts)


def ratios_held(worlds: Sequence[tuple[Signs, Sequence[str]]]) -> list[tuple[str, int, int]]:
    """Give, by what the ratio says, how many leads were hostile and how many innocent."""
    bits, hostile = [], []
    for signs, told in worlds:
        total = np.sum(list(likelihoods(signs).values()), axis=0)
        bits.append(ratio_bits(total))
        hostile.append(np.array([one in HOSTILE for one in told], np.bool_))
    place = np.digitize(np.concatenate(bits), EDGES)
    bad = np.concatenate(hostile)
    names = [f"under {EDGES[0]:+d}", *(f"{low:+d} to {high:+d}" for low, high in pairwise(EDGES)),
             f"over {EDGES[-1]:+d}"]  # fmt: skip
    return [
        (name, int((bad & (place == one)).sum()), int((~bad & (place == one)).sum())) for one, name in enumerate(names)
    ]


def likeliest(worlds: Sequence[tuple[Signs, Sequence[str]]]) -> list[tuple[str, int, int, int]]:
    """Give, by what leads were, how many there are, and of how many that was the likeliest explanation, or among three."""
    table = explanations()
    keys = [one.key for one in table]
    seen, first, among = Counter[str](), Counter[str](), Counter[str]()
    for signs, told in worlds:
        total = np.sum(list(likelihoods(signs).values()), axis=0)
        for place, kind in enumerate(told):
            if kind in keys:
                side = table[keys.index(kind)].side
                own = [one for one in range(len(keys)) if table[one].side is side]
                order = [keys[one] for one in sorted(own, key=lambda one: -total[one, place])]
                seen[kind] += 1
                first[kind] += order[0] == kind
                among[kind] += kind in order[:3]
    return [(kind, seen[kind], first[kind], among[kind]) for kind in sorted(seen)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the worlds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--mailboxes", type=int, default=80)
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS))
    parser.add_argument("--write", action="store_true", help="write the counts")
    parser.add_argument("--test", action="store_true", help="print how well the ratios hold")
    taken = parser.parse_args(arguments)
    first = datetime(LAST.year - (taken.months + 8) // 12, (3 - taken.months) % 12 + 1, 1, tzinfo=UTC)
    worlds = []
    for name in taken.worlds:
        for seed in taken.seeds:
            with tempfile.TemporaryDirectory(prefix="dwell-explanations-") as folder:
                plan = DrillPlan(seed, taken.mailboxes, first, LAST, scenario(name))
                worlds.append(observed(plan, Path(folder)))
            found = Counter(worlds[-1][1])
            print(name, seed, dict(sorted(found.items())), file=sys.stderr, flush=True)
    if taken.write:
        PAGE.write_text(page(counted(worlds), taken.seeds, taken.mailboxes, taken.months), "utf-8")
    if taken.test:
        for told, bad, good in ratios_held(worlds):
            print(f"| {told} | {bad} | {good} |")
        for kind, seen, one, three in likeliest(worlds):
            print(f"| `{kind}` | {seen} | {one} | {three} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
