"""Events that a rule asks for and of which nothing held has a single one.

Most events are written wherever they happen, and having none says that none happened. Some events of the Security log are
written by domain controllers, or where auditing was switched on for them: having none of these says nothing at all.

Source:
    Microsoft's list of the events of each audit subcategory, with what a server audits by default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain

import numpy as np

from dwell.hunt.patterns import Indices
from dwell.hunt.ruleset import Atom, Case, Node, Rule, RuleSet
from dwell.hunt.tasks import places_of
from dwell.hunt.verdict import Verdict, judged
from dwell.hunt.wide import FileReport

__all__ = ["AUDITED", "Unwritten"]

_DIRECTORY = "domain controllers write it where 'Audit Directory Service {}' is on and auditing is set on the objects"
_OBJECTS = "it is written where '{}' is on and auditing is set on the objects"
_TASKS = "it is written where 'Audit Other Object Access Events' is on"
_PACKETS = "it is written where 'Audit Filtering Platform {}' is on"
_ON = "it is written where 'Audit {}' is on"
_SHARES = "it is written where '{}' is on"
AUDITED: Mapping[int, str] = {
    **dict.fromkeys((4661, 4662), _DIRECTORY.format("Access")),
    **dict.fromkeys((5136, 5137, 5138, 5139, 5141), _DIRECTORY.format("Changes")),
    **dict.fromkeys(
        (4768, 4771, 4772), "domain controllers write it where 'Audit Kerberos Authentication Service' is on"
    ),
    **dict.fromkeys(
        (4769, 4770, 4773), "domain controllers write it where 'Audit Kerberos Service Ticket Operations' is on"
    ),
    **dict.fromkeys((4656, 4658, 4660, 4663, 4670), _OBJECTS.format("Audit File System' or 'Audit Registry")),
    4657: _OBJECTS.format("Audit Registry"),
    4688: "it is written where 'Audit Process Creation' is on",
    **dict.fromkeys((4698, 4699, 4700, 4701, 4702), _TASKS),
    **dict.fromkeys((5140, 5142, 5143, 5144, 5168), _SHARES.format("Audit File Share")),
    5145: _SHARES.format("Audit Detailed File Share"),
    **dict.fromkeys((5031, 5150, 5151, *range(5154, 5160)), _PACKETS.format("Connection")),
    **dict.fromkeys((5152, 5153), _PACKETS.format("Packet Drop")),
    **dict.fromkeys((4673, 4674), _ON.format("Sensitive Privilege Use")),
    **dict.fromkeys((4610, 4611, 4614, 4622, 4697), _ON.format("Security System Extension")),
    4689: _ON.format("Process Termination"),
    **dict.fromkeys((4692, 4693, 4694, 4695), _ON.format("DPAPI Activity")),
    **dict.fromkeys((4703, 4704, 4705), _ON.format("Authorization Policy Change")),
    **dict.fromkeys((4649, 4778, 4779, *range(4800, 4804), 5378, 5632, 5633), _ON.format("Other Logon/Logoff Events")),
    **dict.fromkeys((4782, 4793), _ON.format("Other Account Management Events")),
    **dict.fromkeys(
        range(4868, 4901), "it is written by a certification authority where auditing is switched on for it"
    ),
    **dict.fromkeys(range(4944, 4959), _ON.format("MPSSVC Rule-Level Policy Change")),
    6416: _ON.format("PNP Activity"),
}
"""Events of the Security log that no server writes by default, or that only domain controllers write."""
_SECURITY = "Security"
_NAMING = frozenset({"Channel", "Provider"})
_DIGITS = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_TOLD_MAX = 8


_DECIDED = frozenset({"EventID", *_NAMING})
_PARTS_MAX = 7
"""Literals and runs of wildcards of a text that is put to providers and channels."""
_OPEN = -1

Event = tuple[int, str, str]
"""Event id, provider and channel."""


class Unwritten:
    """The events of each kind of record that is of several, over all data files."""

    def __init__(self, rules: RuleSet, reports: Mapping[str, Sequence[FileReport]]) -> None:
        """Take rules, and what was seen of every data file, by table."""
        self._rules = rules
        found: dict[int, set[Event]] = {}
        self._truths: dict[tuple[int, int], Indices] = {}
        for report in chain.from_iterable(reports.values()):
            for where, holders in report.held.items():
                events = [one for holder in holders for one in holder.events]
                if events:
                    found.setdefault(where, set()).update(events)
        self._held = {where: sorted(events) for where, events in found.items()}
        self._numbers = {where: frozenset(one for one, _, _ in events) for where, events in found.items()}

    def told(self, rule: Rule) -> tuple[bool, str]:
        """Say whether a rule is blind for want of its events, and which it asks for are not held; "" where all are."""
        mine = [one for one in rule.cases if one.where in self._held]
        if not mine or len(mine) < len(rule.cases):
            return False, ""
        able = {number for one in mine for number in self._able(one)}
        held = {number for one in mine for number in self._numbers[one.where]}
        wanted = sorted({number for one in mine for number in self._asked(one)} - able)
        is_security = all(self._is_security(one) for one in mine)
        if able:
            # other events can make it true: of those that are written everywhere none happened, which needs no word
            wanted = [one for one in wanted if is_security and one in AUDITED and one not in held]
            return False, f"no event {_numbers(wanted)} is held of any host" if wanted else ""
        if not wanted:
            return False, ""
        if is_security and all(one in AUDITED and one not in held for one in wanted):
            ways = list(dict.fromkeys(AUDITED[one] for one in wanted))
            return True, f"no event {_numbers(wanted)} is held of any host: {'; '.join(ways)}"
        absent, foreign = ([one for one in wanted if (one in held) is held_too] for held_too in (False, True))
        told = [f"no event {_numbers(absent)} is held of any host"] if absent else []
        told += (
            [f"no event {_numbers(foreign)} of the provider or channel it names is held of any host"] if foreign else []
        )
        return False, "; ".join(told)

    def _is_security(self, case: Case) -> bool:
        """Say whether a case means events of the Security log: by its log source, or as it names no log at all."""
        channels = self._rules.wheres[case.where].channels
        return channels == (_SECURITY,) or (not channels and _NAMING.isdisjoint(places_of(case.tree, self._rules)))

    def _able(self, case: Case) -> set[int]:
        """Give the ids of the events held of which a condition can be true, by id, provider and channel."""
        events = self._held[case.where]
        asked = sorted(self._questions(case.tree))
        truths = [self._truth(case.where, one) for one in asked]
        if not truths:
            return {one for one, _, _ in events} if judged(case.tree, lambda _: None) is not False else set()
        rows, kinds = np.unique(np.column_stack(truths), axis=0, return_inverse=True)
        able = [self._verdict(case.tree, dict(zip(asked, row, strict=True))) is not False for row in rows.tolist()]
        return {events[at][0] for at in np.flatnonzero(np.array(able)[kinds.reshape(-1)]).tolist()}

    def _questions(self, node: Node) -> set[int]:
        """Give the questions of a condition that id, provider and channel decide."""
        if node.op == "atom":
            return {node.index} if self._rules.atoms[node.index].place in _DECIDED else set()
        if node.op == "leaf":
            leaf = self._rules.leaves[node.index]
            return self._questions(leaf.tree) if leaf.place in _DECIDED else set()
        return {found for one in node.children for found in self._questions(one)}

    def _verdict(self, node: Node, known: Mapping[int, int]) -> Verdict:
        """Give the truth of a condition by what is known of its questions."""

        def verdict(one: Node) -> Verdict:
            if one.op == "leaf":
                leaf = self._rules.leaves[one.index]
                return judged(leaf.tree, verdict) if leaf.place in _DECIDED else None
            truth = known.get(one.index, _OPEN)
            return None if truth == _OPEN else bool(truth)

        return judged(node, verdict)

    def _truth(self, where: int, index: int) -> Indices:
        """Give the truth of a question of each event held of a kind of record."""
        key = (where, index)
        if key not in self._truths:
            says = _meaning(self._rules.atoms[index])
            events = self._held[where]
            self._truths[key] = np.array([_OPEN if says is None else int(says(one)) for one in events], np.int64)
        return self._truths[key]

    def _asked(self, case: Case) -> set[int]:
        """Give the event ids that a condition names in a positive sense."""
        found: set[int] = set()
        waiting = [(case.tree, True)]
        while waiting:
            node, sense = waiting.pop()
            if node.op == "leaf":
                waiting.append((self._rules.leaves[node.index].tree, sense))
            elif node.op == "atom":
                number = _number(self._rules.atoms[node.index])
                if sense and number is not None and number.is_integer():
                    found.add(int(number))
            else:
                waiting += [(one, sense is not (node.op == "not")) for one in node.children]
        return found


def _meaning(atom: Atom) -> Callable[[Event], bool] | None:
    """Give what a question says of an event; None where it is left open."""
    if atom.place == "EventID":
        number = _number(atom)
        return None if number is None else lambda event: event[0] == number
    if atom.kind != "text" or atom.flags or atom.other or len(atom.parts) > _PARTS_MAX:
        return None
    is_provider, wild = atom.place == "Provider", {"*": ".*", "?": "."}
    parts = ["".join(wild[mark] for mark in one) if at % 2 else re.escape(one) for at, one in enumerate(atom.parts)]
    matches = re.compile("".join(parts), re.DOTALL).fullmatch
    return lambda event: matches((event[1] if is_provider else event[2]).lower()) is not None


def _number(atom: Atom) -> float | None:
    """Give the event id that a question names, as a number or in quotes; None where it names none."""
    if atom.place != "EventID":
        return None
    is_quoted = atom.kind == "text" and len(atom.parts) == 1 and _DIGITS.fullmatch(atom.parts[0]) is not None
    return float(atom.parts[0]) if atom.kind == "number" or is_quoted else None


def _numbers(wanted: Sequence[int]) -> str:
    return ", ".join(map(str, wanted[:_TOLD_MAX])) + (" and others" if len(wanted) > _TOLD_MAX else "")
