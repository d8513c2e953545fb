"""Events that a rule asks for and of which nothing held has a single one.

Most events are written wherever they happen, and having none says that none happened. Some events of the Security log are
written by domain controllers, or where auditing was switched on for them: having none of these says nothing at all.

Source:
    Microsoft's list of the events of each audit subcategory, with what a server audits by default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain

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


class Unwritten:
    """The events of each kind of record that is of several, over all data files."""

    def __init__(self, rules: RuleSet, reports: Mapping[str, Sequence[FileReport]]) -> None:
        """Take rules, and what was seen of every data file, by table."""
        self._rules = rules
        self._held: dict[int, set[int]] = {}
        self._leaves: dict[tuple[int, int], Verdict] = {}
        for report in chain.from_iterable(reports.values()):
            for where, holders in report.held.items():
                events = [one for holder in holders for one in holder.events]
                if events:
                    self._held.setdefault(where, set()).update(events)

    def told(self, rule: Rule) -> tuple[bool, str]:
        """Say whether a rule is blind for want of its events, and which it asks for are not held; "" where all are."""
        mine = [one for one in rule.cases if one.where in self._held]
        if not mine or len(mine) < len(rule.cases):
            return False, ""
        wanted = sorted({number for one in mine for number in self._asked(one)})
        is_security = all(self._is_security(one) for one in mine)
        if any(self._verdict(one.where, one.tree) is not False for one in mine):
            # other events can make it true: of those that are written everywhere none happened, which needs no word
            wanted = [one for one in wanted if is_security and one in AUDITED]
            return False, f"no event {_numbers(wanted)} is held of any host" if wanted else ""
        if not wanted:
            return False, ""
        ways = list(dict.fromkeys(AUDITED[one] for one in wanted if one in AUDITED)) if is_security else []
        if is_security and all(one in AUDITED for one in wanted):
            return True, f"no event {_numbers(wanted)} is held of any host: {'; '.join(ways)}"
        return False, f"no event {_numbers(wanted)} is held of any host"

    def _is_security(self, case: Case) -> bool:
        """Say whether a case means events of the Security log: by its log source, or as it names no log at all."""
        channels = self._rules.wheres[case.where].channels
        return channels == (_SECURITY,) or (not channels and _NAMING.isdisjoint(places_of(case.tree, self._rules)))

    def _verdict(self, where: int, node: Node) -> Verdict:
        """Give the truth of a condition on a kind of record, by which events are held."""

        def verdict(one: Node) -> Verdict:
            if one.op == "atom":
                return self._of_atom(where, one.index)
            key = (where, one.index)
            if key not in self._leaves:
                self._leaves[key] = judged(self._rules.leaves[one.index].tree, verdict)
            return self._leaves[key]

        return judged(node, verdict)

    def _of_atom(self, where: int, index: int) -> Verdict:
        atom = self._rules.atoms[index]
        number = _number(atom)
        return None if number is None or number in self._held[where] else False

    def _asked(self, case: Case) -> set[int]:
        """Give the event ids that a condition names in a positive sense, and that are not held."""
        found: set[int] = set()
        waiting = [(case.tree, True)]
        while waiting:
            node, sense = waiting.pop()
            if node.op == "leaf":
                waiting.append((self._rules.leaves[node.index].tree, sense))
            elif node.op == "atom":
                number = _number(self._rules.atoms[node.index])
                if sense and number is not None and number.is_integer() and number not in self._held[case.where]:
                    found.add(int(number))
            else:
                waiting += [(one, sense is not (node.op == "not")) for one in node.children]
        return found


def _number(atom: Atom) -> float | None:
    """Give the event id that a question names, as a number or in quotes; None where it names none."""
    if atom.place != "EventID":
        return None
    is_quoted = atom.kind == "text" and len(atom.parts) == 1 and _DIGITS.fullmatch(atom.parts[0]) is not None
    return float(atom.parts[0]) if atom.kind == "number" or is_quoted else None


def _numbers(wanted: Sequence[int]) -> str:
    return ", ".join(map(str, wanted[:_TOLD_MAX])) + (" and others" if len(wanted) > _TOLD_MAX else "")
