"""Events that a rule asks for and of which nothing held has a single one.

Most events are written wherever they happen, and having none says that none happened. Some events of the Security log are
written by domain controllers, or where auditing was switched on for them: having none of these says nothing at all.

Source:
    Microsoft's list of the events of each audit subcategory, with what a server audits by default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from dwell.hunt.ruleset import Case, Node, Rule, RuleSet
from dwell.hunt.verdict import Verdict, judged
from dwell.hunt.wide import FileReport

__all__ = ["AUDITED", "Unwritten"]

_DIRECTORY = "domain controllers write it where 'Audit Directory Service {}' is on and auditing is set on the objects"
_OBJECTS = "it is written where '{}' is on and auditing is set on the objects"
_TASKS = "it is written where 'Audit Other Object Access Events' is on"
_PACKETS = "it is written where 'Audit Filtering Platform {}' is on"
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
    **dict.fromkeys((5156, 5158, 5159), _PACKETS.format("Connection")),
    **dict.fromkeys((5152, 5153), _PACKETS.format("Packet Drop")),
    **dict.fromkeys((4673, 4674), "it is written where 'Audit Sensitive Privilege Use' is on"),
}
"""Events of the Security log that no server writes by default, or that only domain controllers write."""
_SECURITY = "Security"
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
        """Say whether a rule is blind for want of its events, and that none of them is held; "" where some is."""
        mine = [one for one in rule.cases if one.where in self._held]
        if (
            not mine
            or len(mine) < len(rule.cases)
            or any(self._verdict(one.where, one.tree) is not False for one in mine)
        ):
            return False, ""
        wanted = sorted({number for one in mine for number in self._asked(one)})
        if not wanted:
            return False, ""
        names = ", ".join(map(str, wanted[:_TOLD_MAX])) + (" and others" if len(wanted) > _TOLD_MAX else "")
        is_security = all(self._rules.wheres[one.where].channels == (_SECURITY,) for one in mine)
        ways = list(dict.fromkeys(AUDITED[one] for one in wanted if one in AUDITED)) if is_security else []
        if is_security and all(one in AUDITED for one in wanted):
            return True, f"no event {names} is held of any host: {'; '.join(ways)}"
        return False, f"no event {names} is held of any host"

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
        if atom.place != "EventID" or atom.kind != "number":
            return None
        return None if float(atom.parts[0]) in self._held[where] else False

    def _asked(self, case: Case) -> set[int]:
        """Give the event ids that a condition names in a positive sense, and that are not held."""
        found: set[int] = set()
        waiting = [(case.tree, True)]
        while waiting:
            node, sense = waiting.pop()
            if node.op == "leaf":
                waiting.append((self._rules.leaves[node.index].tree, sense))
            elif node.op == "atom":
                atom = self._rules.atoms[node.index]
                if sense and self._of_atom(case.where, node.index) is False and float(atom.parts[0]).is_integer():
                    found.add(int(float(atom.parts[0])))
            else:
                waiting += [(one, sense is not (node.op == "not")) for one in node.children]
        return found
