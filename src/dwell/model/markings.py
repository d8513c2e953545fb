"""Markings: what a person says of clients, sessions, intrusions, mailboxes and statements, apart from what records say.

A marking changes no record and hides none. What an answer owes to one is told with the answer, and so is what would be
answered without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

__all__ = ["VERDICTS", "Marking", "MarkingEffect", "MarkingKind", "MarkingVerdict"]

DAY = timedelta(days=1)


class MarkingKind(StrEnum):
    """What is marked."""

    NETWORK = "network"
    """An address or a range, whatever the agent."""
    CLIENT = "client"
    """A range with one agent."""
    TIE = "tie"
    """One account on a range with one agent: what a lead is."""
    ACCOUNT = "account"
    """An account, wherever it comes from: a service, for example."""
    RECORD = "record"
    """The session or the act of an exploit that rests on a record."""
    MAILBOX = "mailbox"
    """A mailbox, by the name it goes by."""
    CLAIM = "claim"
    """A statement of the answers, by its wording."""
    INTRUSION = "intrusion"
    """An intrusion that dwell finds, as a whole: by the records it was told by, since its name may change."""


class MarkingVerdict(StrEnum):
    """What is said of it."""

    OURS = "ours"
    """The organisation's own, or somebody's who acted for it: not judged, and told wherever that makes a difference."""
    THEIRS = "theirs"
    """An intruder's: an intrusion of its own, where it is part of none that was found."""
    UNKNOWN = "unknown"
    """Looked at, and not known: told, and nothing else."""
    ACCEPTED = "accepted"
    """Somebody stands for it: told beside it."""
    CONTESTED = "contested"
    """Somebody does not believe it: told beside it."""


_OF_CLIENTS = frozenset({MarkingVerdict.OURS, MarkingVerdict.THEIRS, MarkingVerdict.UNKNOWN})
_OF_STATEMENTS = frozenset({MarkingVerdict.ACCEPTED, MarkingVerdict.CONTESTED, MarkingVerdict.UNKNOWN})
VERDICTS: dict[MarkingKind, frozenset[MarkingVerdict]] = {
    MarkingKind.NETWORK: _OF_CLIENTS,
    MarkingKind.CLIENT: _OF_CLIENTS,
    MarkingKind.TIE: _OF_CLIENTS,
    MarkingKind.ACCOUNT: _OF_CLIENTS,
    MarkingKind.RECORD: _OF_CLIENTS,
    MarkingKind.MAILBOX: _OF_STATEMENTS,
    MarkingKind.CLAIM: _OF_STATEMENTS,
    MarkingKind.INTRUSION: _OF_STATEMENTS | {MarkingVerdict.OURS},
}
"""What may be said of each kind."""
_WORDS = {
    MarkingVerdict.OURS: "is ours",
    MarkingVerdict.THEIRS: "is theirs",
    MarkingVerdict.UNKNOWN: "is unknown",
    MarkingVerdict.ACCEPTED: "is accepted",
    MarkingVerdict.CONTESTED: "is contested",
}


@dataclass(frozen=True, slots=True)
class Marking:
    """One marking.

    Attributes:
        id: `M1`, `M2`, … in the order in which they were made; never used again.
        kind: what is marked.
        target: the range in CIDR form, the account, the record (`table/evidence/number`), the mailbox, or the id of the
            statement or the intrusion.
        verdict: what is said of it.
        reason: why; never empty.
        by: who says so, as given.
        at_utc: when it was made; None for one that is tried and not saved.
        agent: the agent, as lists of clients show it; "" for any.
        account: the account; "" for any.
        text: the statement as it was worded when it was marked; of an intrusion the records that it was told by then,
            separated by blanks; "" for other kinds.
        from_utc: it speaks of nothing before this; None for no bound.
        to_utc: the first instant that it does not speak of any more; None for no bound.
        setting: whether it is a setting of the case that is obeyed as a marking; its id is then that of the setting.
    """

    id: str
    kind: MarkingKind
    target: str
    verdict: MarkingVerdict
    reason: str
    by: str
    at_utc: datetime | None = None
    agent: str = ""
    account: str = ""
    text: str = ""
    from_utc: datetime | None = None
    to_utc: datetime | None = None
    setting: bool = False

    @property
    def what(self) -> str:
        """Give what is marked, in words: `203.0.113.0/24 Chrome 88`."""
        whose = f"{self.account} from {self.target}" if self.account else self.target
        return f"{whose} {self.agent}" if self.agent else whose

    @property
    def beside(self) -> bool:
        """Say whether it is only told beside what it is about: what is judged does not change."""
        statement = self.kind in {MarkingKind.MAILBOX, MarkingKind.CLAIM}
        return statement or (self.kind is MarkingKind.INTRUSION and self.verdict is not MarkingVerdict.OURS)

    @property
    def when(self) -> str:
        """Give the time that it speaks of, in words: `from 2021-03-01, before 2021-03-05`; "" for all time."""
        bounds = [f"from {_bound(self.from_utc)}"] if self.from_utc is not None else []
        bounds += [f"before {_bound(self.to_utc)}"] if self.to_utc is not None else []
        return ", ".join(bounds)

    @property
    def told(self) -> str:
        """Give the whole of it in words, with who said so, when and why."""
        day = f" on {self.at_utc:%Y-%m-%d}" if self.at_utc is not None else ""
        when = f" ({self.when})" if self.when else ""
        done = "set" if self.setting else "marked"
        return f"{self.id}: {self.what} {_WORDS[self.verdict]}{when}, {done} by {self.by}{day}, because: {self.reason}"


def _bound(at: datetime) -> str:
    whole = (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0)
    return f"{at:%Y-%m-%d}" if whole else f"{at:%Y-%m-%d %H:%M:%S}"


@dataclass(frozen=True, slots=True)
class MarkingEffect:
    """A marking in force, and what it comes to in this case.

    Attributes:
        marking: the marking.
        sessions: sessions that it speaks of, answered or refused.
        acts: forged requests and groups of hits that it speaks of.
        ties: ties of account, network and agent that are not judged because of it, wholly or with others.
        leads: leads within the budget that are not told because of it.
        contradicts: intrusions that dwell itself finds and that it takes something from, by their ids.
        agrees: intrusions that dwell itself finds and whose sessions or acts it calls theirs.
        makes: the intrusion that it makes; "" for none.
    """

    marking: Marking
    sessions: int = 0
    acts: int = 0
    ties: int = 0
    leads: int = 0
    contradicts: tuple[str, ...] = ()
    agrees: tuple[str, ...] = ()
    makes: str = ""
