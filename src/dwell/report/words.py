"""The words a report explains its results with, in English: one sentence for each grade, state and verdict."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from dwell.model.claims import CheckStatus, ClaimGrade, FootholdState, Grade, Outcome, ReachVerdict, RuleStatus
from dwell.model.coverage import CellState
from dwell.model.estimates import Estimate
from dwell.model.hypotheses import HypothesisVerdict

__all__ = [
    "CELL_LETTERS",
    "CELL_STATES",
    "CHECKS",
    "CLAIM_GRADES",
    "FOOTHOLD_STATES",
    "GRADES",
    "HYPOTHESES",
    "OUTCOMES",
    "REACH",
    "RULES",
    "TERMS",
    "glossary",
]

CLAIM_GRADES: dict[ClaimGrade, str] = {
    ClaimGrade.RECORDED: "The records say it in so many words.",
    ClaimGrade.INFERRED: "It follows from records by a stated method.",
    ClaimGrade.ASSUMED: "It rests on an assumption, which is printed with it.",
    ClaimGrade.NO_SIGN: "No sign was found; how far that reaches is what the coverage says.",
    ClaimGrade.UNKNOWN: "Nothing held could have shown it. This is no good news and no bad news.",
}

GRADES: dict[Grade, str] = {
    Grade.NAMED: "The records name the messages that were read.",
    Grade.DOWNLOADED: "A folder or the whole mailbox was taken; every message in it must be taken for read.",
    Grade.READ: "Messages were read; the records do not say which.",
    Grade.LISTED: "Subjects and senders were seen.",
    Grade.OPENED: "The mailbox was opened; what was seen in it is unknown.",
    Grade.ATTEMPTED: "Access was tried and refused.",
    Grade.UNDETERMINABLE: "Access was possible, and no source held could have shown it.",
    Grade.NO_SIGN: "No sign of access by an intruder, within the coverage given.",
}

OUTCOMES: dict[Outcome, str] = {
    Outcome.SCAN: "The weakness was probed for.",
    Outcome.ATTEMPT: "The weakness or credential was tried; nothing shows that it worked.",
    Outcome.PARTIAL: "A first step worked; nothing shows the last.",
    Outcome.SUCCESS: "It worked.",
    Outcome.POST_EXPLOITATION: "It worked, and was made use of afterwards.",
}

FOOTHOLD_STATES: dict[FootholdState, str] = {
    FootholdState.PRESENT: "Still there in the newest evidence that can show it.",
    FootholdState.REMOVED: "Shown to be gone by evidence dated later.",
    FootholdState.UNKNOWN: "No evidence held shows whether it is still there.",
}

REACH: dict[ReachVerdict, str] = {
    ReachVerdict.REACHED: "The records show that the system was reached.",
    ReachVerdict.ATTEMPTED: "The system was tried; nothing shows that it was reached.",
    ReachVerdict.NO_SIGN: "No sign that it was reached, within the coverage given.",
    ReachVerdict.NOT_COVERED: "No source held could have shown it.",
}

CHECKS: dict[CheckStatus, str] = {
    CheckStatus.PASS: "Evidence dated after the act shows that it is in order.",
    CheckStatus.FAIL: "Evidence shows that it is not in order.",
    CheckStatus.UNKNOWN: "Not tested, not covered or not readable. Unknown is not a pass.",
}

HYPOTHESES: dict[HypothesisVerdict, str] = {
    HypothesisVerdict.SEEN: "Acts that are held to be an intruder's were of this way.",
    HypothesisVerdict.SIGNS: "Something is recorded that belongs to this way; nothing ties it to mail that was read.",
    HypothesisVerdict.NO_SIGN: "No sign of it, within the coverage given.",
    HypothesisVerdict.NOT_TESTED: "Records could hold it; nothing in this version tells it from ordinary use.",
    HypothesisVerdict.NOT_COVERED: "No source held could have shown it.",
}

RULES: dict[RuleStatus, str] = {
    RuleStatus.RAN: "Was compared with every record it is meant for.",
    RuleStatus.BLIND: "Could not run: what it looks at is not held. This is no negative result.",
    RuleStatus.PARTLY_BLIND: "Ran over part of what it is meant for.",
    RuleStatus.UNSUPPORTED: "Asks for something that this program does not do.",
    RuleStatus.INVALID: "Could not be read as a rule.",
    RuleStatus.REFUSED: "Was not run: its licence was not accepted, or it reaches outside its folder.",
}

CELL_STATES: dict[CellState, str] = {
    CellState.HELD: "Records of that time are held.",
    CellState.HELD_EMPTY: "The source was running and wrote nothing.",
    CellState.MISSING: "No file is held.",
    CellState.TRUNCATED: "The file is cut off.",
    CellState.ALTERED: "Cleared, renumbered, or time goes back.",
    CellState.NOT_RECORDED: "Recording was switched off, or the source is silent by design.",
}

ESTIMATES: dict[Estimate, str] = {one: f"{one.range[0]} to {one.range[1]} %." for one in Estimate}

CELL_LETTERS: dict[CellState, str] = {
    CellState.HELD: "H",
    CellState.HELD_EMPTY: "E",
    CellState.MISSING: "M",
    CellState.TRUNCATED: "T",
    CellState.ALTERED: "A",
    CellState.NOT_RECORDED: "N",
}

TERMS: tuple[tuple[str, str], ...] = (
    ("anomaly", "A stretch of evidence that could not be read as a record. Counted, kept and shown."),
    ("claim", "A graded statement with what it rests on, what speaks against it, and its coverage."),
    (
        "coverage",
        "Host-hours in which at least one source able to show the act was held, divided by the host-hours asked for.",
    ),
    ("evidence id", "The SHA-256 of the evidence file's bytes; shortened here to its first twelve digits."),
    ("intrusion", "Sessions and rule hits held to be one actor's. Two stay apart until a named link joins them."),
    (
        "lead",
        "Sessions ranked by how surprising their client is for the mailbox, in bits; a reason to look, not a finding.",
    ),
    ("session", "A run of accesses by one client on one mailbox."),
    ("unknown", "The evidence does not say. Never to be read as nought."),
)


def glossary() -> list[tuple[str, list[tuple[str, str]]]]:
    """Give every word with a fixed meaning, under the heading it belongs to."""
    tables: tuple[tuple[str, Iterable[tuple[StrEnum, str]]], ...] = (
        ("How firmly a claim stands", CLAIM_GRADES.items()),
        ("Exposure of a mailbox, strongest first", GRADES.items()),
        ("Outcome of an entry, weakest first", OUTCOMES.items()),
        ("State of what was left behind", FOOTHOLD_STATES.items()),
        ("Reach beyond mail", REACH.items()),
        ("Checks of whether they are out", CHECKS.items()),
        ("Ways in which mail could have been read", HYPOTHESES.items()),
        ("What became of a rule", RULES.items()),
        ("Coverage of an hour", CELL_STATES.items()),
        ("How likely, in a word (ICD 203)", ESTIMATES.items()),
    )
    return [*((title, [(word.value, text) for word, text in table]) for title, table in tables), ("Terms", [*TERMS])]
