"""Claims: the graded statements every answer is made of, and the summary that carries them.

The shapes here are the program's published contract (`report/summary.schema.json`): fields may be added, never renamed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dwell.model.affected import UNBOUND, Affected, Range
from dwell.model.blind_days import BlindDays
from dwell.model.coverage import Coverage, CoverageRow
from dwell.model.departures import Departure
from dwell.model.estimates import Estimate
from dwell.model.explanations import Explanation, Side
from dwell.model.hypotheses import Hypothesis
from dwell.model.indicators import IndicatorMet
from dwell.model.markings import MarkingEffect
from dwell.model.provenance import RecordRef
from dwell.model.resting import RestingRow
from dwell.model.settings import SettingEffect

__all__ = [
    "EXPOSED",
    "JUDGED",
    "QUESTIONS",
    "Answer",
    "BlindStretch",
    "CaseFacts",
    "CheckStatus",
    "Claim",
    "ClaimGrade",
    "EntryFinding",
    "EvictionCheck",
    "Extent",
    "Foothold",
    "FootholdState",
    "Grade",
    "Intrusion",
    "Lead",
    "Learned",
    "LearnedKind",
    "MailboxExposure",
    "Outcome",
    "Question",
    "ReachFinding",
    "ReachVerdict",
    "RuleOutcome",
    "RuleStatus",
    "Summary",
]


class Question(StrEnum):
    """The seven questions, in order."""

    ENTRY = "entry"
    FOOTHOLD = "foothold"
    MAILBOXES = "mailboxes"
    REACH = "reach"
    INTRUSIONS = "intrusions"
    EVICTION = "eviction"
    BLINDSPOTS = "blindspots"


QUESTIONS: dict[Question, str] = {
    Question.ENTRY: "How did they get in?",
    Question.FOOTHOLD: "What did they leave behind?",
    Question.MAILBOXES: "Whose mail did they read?",
    Question.REACH: "How far did they get beyond mail?",
    Question.INTRUSIONS: "Since when, and is there an older or a second intruder?",
    Question.EVICTION: "Are they out?",
    Question.BLINDSPOTS: "What can we not know?",
}


class Grade(StrEnum):
    """Exposure of a mailbox, strongest first; the order of definition is the order of strength."""

    NAMED = "named"
    DOWNLOADED = "downloaded"
    READ = "read"
    LISTED = "listed"
    OPENED = "opened"
    ATTEMPTED = "attempted"
    UNDETERMINABLE = "undeterminable"
    NO_SIGN = "no-sign"

    @property
    def rank(self) -> int:
        """0 for the strongest."""
        return list(Grade).index(self)


EXPOSED = frozenset({Grade.NAMED, Grade.DOWNLOADED, Grade.READ, Grade.LISTED, Grade.OPENED})
"""Grades that are always tied to an intrusion or a lead."""


class ClaimGrade(StrEnum):
    """How firmly a claim stands."""

    RECORDED = "recorded"
    """The records say it in so many words."""
    INFERRED = "inferred"
    """It follows from records by a stated method."""
    ASSUMED = "assumed"
    """It rests on an assumption that is printed with it."""
    NO_SIGN = "no-sign"
    """No sign, with the coverage given."""
    UNKNOWN = "unknown"
    """Nothing held could have shown it."""


JUDGED = frozenset({ClaimGrade.INFERRED, ClaimGrade.ASSUMED, ClaimGrade.NO_SIGN})
"""Grades of statements that no record makes in so many words."""


class Outcome(StrEnum):
    """The outcome ladder of an exploit or credential entry, weakest first."""

    SCAN = "scan"
    ATTEMPT = "attempt"
    PARTIAL = "partial"
    SUCCESS = "success"
    POST_EXPLOITATION = "post-exploitation"

    @property
    def rank(self) -> int:
        """0 for the weakest."""
        return list(Outcome).index(self)


class FootholdState(StrEnum):
    """Is the thing still there?"""

    PRESENT = "present"
    REMOVED = "removed"
    UNKNOWN = "unknown"


class ReachVerdict(StrEnum):
    """Was a system beyond mail reached?"""

    REACHED = "reached"
    ATTEMPTED = "attempted"
    NO_SIGN = "no-sign"
    NOT_COVERED = "not-covered"


class CheckStatus(StrEnum):
    """Outcome of an eviction check. Unknown is not a pass."""

    PASS = "pass"  # noqa: S105 - a verdict, not a secret
    FAIL = "fail"
    UNKNOWN = "unknown"


class RuleStatus(StrEnum):
    """What became of a rule: every rule loaded ends in exactly one of these."""

    RAN = "ran"
    BLIND = "blind"
    PARTLY_BLIND = "partly-blind"
    UNSUPPORTED = "unsupported"
    INVALID = "invalid"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class BlindStretch:
    """Records of one host in which a rule could never be true.

    Attributes:
        host: the host; "" where the records name none.
        first_utc: their first instant; None where none has one.
        last_utc: the last.
    """

    host: str
    first_utc: datetime | None
    last_utc: datetime | None


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What became of one rule.

    Attributes:
        rule_id: the rule's own id.
        title: the rule's title.
        author: its authors, as written; never empty when hits are shown.
        licence: SPDX-like text, where stated.
        level: Sigma's level.
        status: see `RuleStatus`.
        reason: why it could not run, or could not run everywhere.
        files_opened: data files whose rows were compared.
        files_pruned: data files that the lexicon ruled out.
        hits: records met.
        path: where the rule came from, relative to its rule folder.
        rows_compared: records of its kinds in the data files that were opened.
        blind_at: where a rule that is partly blind could never be true, by host and time; capped.
        blind_at_total: how many such stretches there are.
        hosts: hosts with records in which it could be true, by name; capped.
        hosts_total: how many there are.
        hosts_without: hosts of the same role, known from other logs, of which no such record is held; capped.
        hosts_without_total: how many there are.
        blind_days: days on which a rule that ran, or is partly blind, could not have been met, by host; capped.
        blind_days_total: how many such stretches of days there are.
    """

    rule_id: str
    title: str
    author: str
    licence: str
    level: str
    status: RuleStatus
    reason: str = ""
    files_opened: int = 0
    files_pruned: int = 0
    hits: int = 0
    path: str = ""
    rows_compared: int = 0
    blind_at: tuple[BlindStretch, ...] = ()
    blind_at_total: int = 0
    hosts: tuple[str, ...] = ()
    hosts_total: int = 0
    hosts_without: tuple[str, ...] = ()
    hosts_without_total: int = 0
    blind_days: tuple[BlindDays, ...] = ()
    blind_days_total: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """A graded statement. Coverage is a required argument: a claim cannot be made without saying what was looked at.

    Nor can a judgement (inferred, assumed, no sign) without what it takes for so and what would change it.

    Attributes:
        id: stable name, e.g. `entry-1`.
        question: which of the seven it answers.
        text: the statement, one sentence; may hold evidence text.
        grade: how firmly it stands.
        grounds: records it rests on; sorted; capped, with the full number in `grounds_total`.
        coverage: what was looked at; None only where the claim is about a state, not about a stretch of time.
        against: what speaks against it, or limits it.
        grounds_total: how many records it rests on.
        marked: what a person's markings say of it, and those that it rests on, in words.
        assumptions: what it takes for so.
        would_change: what would change it.
        estimate: how likely it is held to be, in a word; None where that is not what it says.

    Raises:
        ValueError: a judgement without assumptions or without what would change it; a negative without its coverage.
    """

    id: str
    question: Question
    text: str
    grade: ClaimGrade
    grounds: tuple[RecordRef, ...]
    coverage: Coverage | None
    against: tuple[str, ...] = ()
    grounds_total: int = 0
    marked: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    would_change: tuple[str, ...] = ()
    estimate: Estimate | None = None

    def __post_init__(self) -> None:
        """Refuse a judgement that does not say what it rests on."""
        if self.grade in JUDGED and not (self.assumptions and self.would_change):
            raise ValueError(f"a judgement needs its assumptions and what would change it: {self.id}")
        if self.grade is ClaimGrade.NO_SIGN and self.coverage is None:
            raise ValueError(f"a negative needs its coverage: {self.id}")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question: a verdict in one sentence and the claims it is made of."""

    question: Question
    verdict: str
    claims: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MailboxExposure:
    """Exposure of one mailbox to one or more intrusions, the strongest grade that the records bear out.

    Attributes:
        mailbox: primary SMTP address where known, else the name the logs use.
        grade: see `Grade`.
        intrusions: intrusion ids; empty for grades below `attempted`.
        first_utc: first act on it by an intruder.
        last_utc: last act.
        sessions: intruder sessions.
        messages: messages named or counted; None where unknown.
        folders: folder names or ids.
        bytes: bytes out; None where unknown, never 0 for unknown.
        bytes_source: which column the bytes come from.
        clients: client networks and agents, as text.
        assumptions: every assumption the grade rests on.
        grounds: records, capped.
        coverage: share of hours in which a source able to show it was held.
        message_ids: InternetMessageIds named, sorted.
        marked: what a person's markings say of it, and those that its grade rests on, in words.
        unmarked: the grade that it would have without any marking; None where that is the same.
        vip: whether a person set it as one that is told first; it says nothing of its grade.
        systems: autonomous systems that the intruders' sessions came from, where a table of them is set.
        left: how and when its account went away, where it did; the last time where it came back in between.
        bytes_range: bytes out at least and at most; without an upper bound where some of it no log sizes.
        bytes_assumptions: what that range rests on.
        affected: an estimate of the persons whose mail lay in it; None where it was not exposed.
    """

    mailbox: str
    grade: Grade
    intrusions: tuple[str, ...]
    first_utc: datetime | None
    last_utc: datetime | None
    sessions: int
    messages: int | None
    folders: tuple[str, ...]
    bytes: int | None
    clients: tuple[str, ...]
    coverage: Coverage | None
    bytes_source: str = ""
    assumptions: tuple[str, ...] = ()
    grounds: tuple[RecordRef, ...] = ()
    message_ids: tuple[str, ...] = ()
    marked: tuple[str, ...] = ()
    unmarked: Grade | None = None
    vip: bool = False
    systems: tuple[str, ...] = ()
    left: Departure | None = None
    bytes_range: Range = UNBOUND
    bytes_assumptions: tuple[str, ...] = ()
    affected: Affected | None = None


@dataclass(frozen=True, slots=True)
class Intrusion:
    """Sessions and hits held to be one actor's: `marking` names the marking that makes it, "" where dwell found it.

    `systems` are the autonomous systems of its clients, where a table of them is set.
    """

    id: str
    first_utc: datetime | None
    last_utc: datetime | None
    entry: tuple[str, ...]
    clients: tuple[str, ...]
    accounts: tuple[str, ...]
    mailboxes: tuple[str, ...]
    techniques: tuple[str, ...]
    links: tuple[str, ...]
    against: tuple[str, ...] = ()
    earlier_possible: str = ""
    grounds: tuple[RecordRef, ...] = ()
    marking: str = ""
    marked: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryFinding:
    """One way in, per host, with its outcome on the ladder, and the markings that call it ours."""

    host: str
    outcome: Outcome
    first_utc: datetime | None
    last_utc: datetime | None
    intrusion: str | None
    cve: str | None = None
    method: str | None = None
    grounds: tuple[RecordRef, ...] = ()
    markings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Foothold:
    """Something left behind, and the markings that call it ours."""

    kind: str
    host: str
    what: str
    first_utc: datetime | None
    state: FootholdState
    intrusion: str | None
    state_why: str = ""
    grounds: tuple[RecordRef, ...] = ()
    markings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReachFinding:
    """A system beyond mail, and what can be said of it."""

    system: str
    system_class: str
    verdict: ReachVerdict
    coverage: Coverage | None
    why: str = ""
    grounds: tuple[RecordRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a state was looked at: a check of 900 of 4,000 mailboxes says nothing of the others.

    Attributes:
        seen: how many were looked at.
        asked: how many there are; 0 where that is not known.
        unit: what is counted, plural: `mailboxes`, `servers`, `accounts`.
    """

    seen: int
    asked: int
    unit: str

    @property
    def whole(self) -> bool:
        """Say whether all were looked at; never where it is not known how many there are."""
        return 0 < self.asked <= self.seen

    @property
    def share(self) -> float | None:
        """Give the share looked at, 0..1, rounded down to four digits; None where it is not known of how many."""
        return min(self.seen, self.asked) * 10_000 // self.asked / 10_000 if self.asked > 0 else None


@dataclass(frozen=True, slots=True)
class EvictionCheck:
    """One check of whether they are out. A pass cannot be made without what was looked at, and that being whole.

    Attributes:
        check: what is checked.
        status: see `CheckStatus`.
        why: what was found.
        grounds: records, capped.
        coverage: host-hours looked at, where the check is that nothing is seen in logs.
        extent: how much of a state was looked at, where the check is about one.
        looked: the evidence that was looked at, each with its date and what dates it.
        decides: what evidence would decide the check.
        export: how to make that evidence: the command, or where it lies.
        key: short name of the check, the same in every case.

    Raises:
        ValueError: a pass without hours that are covered, or with an extent that is not whole.
    """

    check: str
    status: CheckStatus
    why: str
    grounds: tuple[RecordRef, ...] = ()
    coverage: Coverage | None = None
    extent: Extent | None = None
    looked: tuple[str, ...] = ()
    decides: str = ""
    export: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        """Refuse a pass that rests on nothing."""
        covered = self.coverage is not None and self.coverage.hours_able > 0
        whole = self.extent is not None and self.extent.whole
        if self.status is CheckStatus.PASS and not (whole or (covered and self.extent is None)):
            raise ValueError(f"a pass needs what was looked at, and that whole: {self.check}")


@dataclass(frozen=True, slots=True)
class Lead:
    """A session group ranked by surprise.

    Attributes:
        rank: 1 for the most surprising.
        mailbox: whose mailbox.
        client: the client, as text.
        first_utc: first act.
        last_utc: last act.
        bits: sum of the terms.
        terms: name and bits of every term, sorted by name.
        intrusion: the intrusion it was taken into, if any.
        grounds: records, capped.
        against: innocent explanations that speak against it.
        system: the autonomous system of its network, by the table that is set; "" where none says.
        system_accounts: accounts that the same agent is foreign to from several networks of that system; 0 for no such tie.
        system_bits: what that coincidence is worth; it is in no sum and ranks nothing.
        by_chance: how many ties of the case would be at least as surprising by chance; None where it was not worked out.
        explanations: what it could be, the likeliest first; those told of each side with what speaks for and against.
        hostile_bits: log2 of how likely what was observed is where it is hostile, over where it is innocent.
        observed: what was observed of it, in words.
        untold: terms that nothing held tells, sorted by name, and why; they are not 0, and not among the terms.
    """

    rank: int
    mailbox: str
    client: str
    first_utc: datetime | None
    last_utc: datetime | None
    bits: float
    terms: tuple[tuple[str, float], ...]
    intrusion: str | None = None
    grounds: tuple[RecordRef, ...] = ()
    against: tuple[str, ...] = ()
    system: str = ""
    system_accounts: int = 0
    system_bits: float | None = None
    by_chance: float | None = None
    explanations: tuple[Explanation, ...] = ()
    hostile_bits: float | None = None
    observed: tuple[str, ...] = ()
    untold: tuple[tuple[str, str], ...] = ()

    def likeliest(self, side: Side) -> Explanation | None:
        """Give the explanation of one side under which what was observed is likeliest; None where none was weighed."""
        return next((one for one in self.explanations if one.side is side), None)

    @property
    def decides(self) -> tuple[str, ...]:
        """Give what evidence would decide between the likeliest innocent and the likeliest hostile explanation."""
        found = (self.likeliest(side) for side in Side)
        return tuple(f"{one.name}: {one.decides}" for one in found if one is not None and one.decides)


class LearnedKind(StrEnum):
    """What is taken for the organisation's own, by what the records show of it."""

    NETWORK = "network"
    """Internal, or used by a great part of all accounts with agents of their own: clients look alike there."""
    SERVICE = "service"
    """An account that opens mailboxes of others on rounds, or a great part of all mailboxes."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A network or an account that is taken for the organisation's own, and is not judged.

    Attributes:
        kind: which of the two.
        name: the network, or the account.
        why: what it was taken from.
    """

    kind: LearnedKind
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """Numbers about the case as a whole."""

    name: str
    evidence_files: int
    records: int
    anomalies: int
    first_utc: datetime | None
    last_utc: datetime | None
    copies: int = 0
    """Records that were left out because another file holds the same; each counts once among `records`."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything the program has to say about a case; every renderer starts from this.

    `leads_expected_false` is how many of the leads that belong to no intrusion are expected to be false: by chance the case
    would have so many that are as surprising. `leads_budget` is how many leads the list may hold. None where it was not
    worked out. `affected` estimates the persons whose mail lay in all exposed mailboxes; None where none is exposed.
    `resting` are the rows of tables that would be others without what a person says.
    """

    version: str
    case: CaseFacts
    answers: tuple[Answer, ...]
    claims: tuple[Claim, ...]
    mailboxes: tuple[MailboxExposure, ...]
    intrusions: tuple[Intrusion, ...]
    entry: tuple[EntryFinding, ...]
    foothold: tuple[Foothold, ...]
    reach: tuple[ReachFinding, ...]
    eviction: tuple[EvictionCheck, ...]
    coverage: tuple[CoverageRow, ...]
    leads: tuple[Lead, ...]
    rules: tuple[RuleOutcome, ...] = ()
    settings: tuple[tuple[str, str], ...] = field(default=())
    hypotheses: tuple[Hypothesis, ...] = ()
    markings: tuple[MarkingEffect, ...] = ()
    learned: tuple[Learned, ...] = ()
    indicators: tuple[IndicatorMet, ...] = ()
    case_settings: tuple[SettingEffect, ...] = ()
    leads_expected_false: float | None = None
    leads_budget: int | None = None
    departures: tuple[Departure, ...] = ()
    affected: Affected | None = None
    resting: tuple[RestingRow, ...] = ()
