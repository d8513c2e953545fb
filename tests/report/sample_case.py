"""A small case made by hand: every grade, state and verdict occurs in it, and a case of any text in every field."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import TypeVar

from dwell.model.blind_days import BlindDays, BlindWhy
from dwell.model.claims import (
    Answer,
    BlindStretch,
    CaseFacts,
    CheckStatus,
    Claim,
    ClaimGrade,
    EntryFinding,
    EvictionCheck,
    Extent,
    Foothold,
    FootholdState,
    Grade,
    Intrusion,
    Lead,
    Learned,
    LearnedKind,
    MailboxExposure,
    Outcome,
    Question,
    ReachFinding,
    ReachVerdict,
    RuleOutcome,
    RuleStatus,
    Summary,
)
from dwell.model.coverage import Coverage, CoverageDay, CoverageRow
from dwell.model.departures import Departure, DepartureKind
from dwell.model.estimates import Estimate
from dwell.model.explanations import Explanation, Side, Weight
from dwell.model.hypotheses import Hypothesis, HypothesisVerdict, Sign, SourceView, Told, Where
from dwell.model.indicators import IndicatorMet, Naming
from dwell.model.markings import Marking, MarkingEffect, MarkingKind, MarkingVerdict
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.model.resting import RestingRow, RestingTable
from dwell.model.settings import Setting, SettingEffect, SettingKind
from dwell.report.extras import EvidenceFile, RecordPlace, ReportExtras

IIS = EvidenceId("1f" * 32)
EWS = EvidenceId("a0" * 32)
Any_ = TypeVar("Any_")


def at(text: str) -> datetime:
    """Give an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def refs(evidence: EvidenceId, *numbers: int) -> tuple[RecordRef, ...]:
    """Give records of one evidence file."""
    return tuple(RecordRef("iis" if evidence == IIS else "ews", evidence, number) for number in numbers)


WHOLE = Coverage(17_520, 17_520, ("ews", "iis"), "hours of 2 hosts in which a source able to show a read was held")
MOST = Coverage(16_367, 17_520, ("ews", "iis"), "hours of 2 hosts in which a source able to show a read was held")
NONE = Coverage(0, 17_520, (), "no source able to show a query of the database was held")
NOT_ASKED = Coverage(0, 0, (), "no host or no time to look at")

CLAIMS = (
    Claim(
        "entry-1",
        Question.ENTRY,
        "Sign-in with the password of a.peeters@ministry.example from 203.0.113.40 succeeded on EX01.",
        ClaimGrade.RECORDED,
        refs(IIS, 4, 9, 12, 77, 80, 81),
        WHOLE,
        ("The owner travelled in that week.",),
        212,
    ),
    Claim(
        "entry-2",
        Question.ENTRY,
        "The password came from outside.",
        ClaimGrade.ASSUMED,
        (),
        None,
        marked=("M2: entry-2 is contested, marked by b.editor on 2021-04-02, because: it was on a note",),
        assumptions=("what a person said holds",),
        would_change=("taking that word back",),
    ),
    Claim(
        "foothold-1",
        Question.FOOTHOLD,
        "One web shell was left.",
        ClaimGrade.INFERRED,
        refs(IIS, 401),
        MOST,
        assumptions=("the file ran",),
        would_change=("the file itself",),
        estimate=Estimate.VERY_LIKELY,
    ),
    Claim("mailboxes-1", Question.MAILBOXES, "Five mailboxes were exposed.", ClaimGrade.RECORDED, refs(EWS, 3), MOST),
    Claim(
        "reach-1",
        Question.REACH,
        "No query of the database by a touched account.",
        ClaimGrade.UNKNOWN,
        (),
        NONE,
        ("The database writes no audit log.",),
    ),
    Claim(
        "intrusions-1",
        Question.INTRUSIONS,
        "No trace before 12 April 2019.",
        ClaimGrade.NO_SIGN,
        (),
        MOST,
        assumptions=("an older intruder would have stood out",),
        would_change=("logs from before",),
    ),
    Claim("eviction-1", Question.EVICTION, "The password was changed.", ClaimGrade.RECORDED, refs(EWS, 8), NOT_ASKED),
    Claim("blindspots-1", Question.BLINDSPOTS, "47 days are missing.", ClaimGrade.RECORDED, (), None),
)
ANSWERS = (
    Answer(Question.ENTRY, "With a stolen password, from 12 April 2019.", ("entry-1",)),
    Answer(Question.FOOTHOLD, "One web shell on EX01, removed in March 2021.", ("foothold-1",)),
    Answer(Question.MAILBOXES, "Five mailboxes were read or opened; one more was tried.", ("mailboxes-1",)),
    Answer(Question.REACH, "Not known: no source held could show it.", ("reach-1",)),
    Answer(Question.INTRUSIONS, "Since 12 April 2019; two intrusions, held apart.", ("intrusions-1",)),
    Answer(Question.EVICTION, "One check failed and one could not be made.", ("eviction-1",)),
    Answer(Question.BLINDSPOTS, "", ("blindspots-1",)),
)
AGENT = "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/72.0.3626.121 Safari/537.36"
ASSUMED = ("The mailbox is that of the user who signed in.", "Bytes are an upper bound: the log counts headers too.")


def _mailbox(name: str, grade: Grade, messages: int | None, size: int | None) -> MailboxExposure:
    return MailboxExposure(
        f"{name}@ministry.example",
        grade,
        ("I1", "I2") if name == "a.peeters" else ("I1",),
        at("2019-04-12T02:14:07.250"),
        at("2021-03-01T03:40:00"),
        41,
        messages,
        ("Inbox", "Sent Items", "Cabinet/Notes", "Archive"),
        size,
        ("203.0.113.0/24", AGENT, "198.51.100.0/24", "ExchangeServicesClient/15.00.0847.030"),
        MOST,
        "sc-bytes" if size is not None else "",
        ASSUMED[:1] if size is None else ASSUMED,
        refs(EWS, 3, 5, 6),
        tuple(f"<{number}.{name}@mail.example>" for number in range(12)) if grade is Grade.NAMED else (),
    )


MARKED = ("M1: 203.0.113.0/24 is ours (from 2021-01-01), marked by a.uthor on 2021-04-02, because: VPN pool",)
LEFT = Departure(
    "l.maes@ministry.example",
    (DepartureKind.DISABLED, DepartureKind.LEFT_OUT),
    at("2020-11-30T00:00:00"),
    at("2020-12-31T00:00:00"),
    None,
    None,
    (
        "the directory export of 2020-12-31 shows it disabled",
        "the directory export of 2021-01-31 does not list it any more",
    ),
    ("contradicted: <the list> of another kind shows it there",),
    refs(EWS, 2),
    4,
    at("2021-01-04T02:00:00"),
    at("2021-03-01T03:40:00"),
    ("203.0.113.0/24 " + AGENT,),
    ("a.peeters@ministry.example",),
    refs(EWS, 5, 6),
)
MAILBOXES = (
    _mailbox("m.dubois", Grade.LISTED, None, None),
    dataclasses.replace(
        _mailbox("a.peeters", Grade.NAMED, 1_212, 48_291_823),
        vip=True,
        systems=("AS64500 HOSTING <example>: 2 networks",),
    ),
    _mailbox("k.janssens", Grade.DOWNLOADED, None, 3_912_004_551),
    dataclasses.replace(_mailbox("l.maes", Grade.READ, 87, 940), left=LEFT),
    _mailbox("s.claes", Grade.OPENED, None, None),
    dataclasses.replace(_mailbox("t.wouters", Grade.ATTEMPTED, None, None), folders=(), sessions=2),
    MailboxExposure(
        "old.minister", Grade.UNDETERMINABLE, (), None, None, 0, None, (), None, (), Coverage(0, 9_000, (), "")
    ),
    *(
        MailboxExposure(
            f"staff{number:02}@ministry.example",
            Grade.NO_SIGN,
            (),
            None,
            None,
            0,
            None,
            (),
            None,
            (),
            MOST,
            marked=MARKED if number == 1 else (),
            unmarked=Grade.READ if number == 1 else None,
            left=dataclasses.replace(LEFT, account="staff02@ministry.example", against=()) if number == 2 else None,
        )
        for number in range(3)
    ),
)
INTRUSIONS = (
    Intrusion(
        "I1",
        at("2019-04-12T02:14:07.250"),
        at("2021-03-01T03:40:00"),
        ("stolen password of a.peeters",),
        ("203.0.113.0/24", AGENT),
        ("MINISTRY\\apeeters", "MINISTRY\\svc-scan"),
        ("a.peeters@ministry.example", "k.janssens@ministry.example"),
        ("T1078.002", "T1114.002"),
        ("the same address on 14 mailboxes, none of whose owners had it before",),
        ("the network is that of a hotel chain",),
        "The logs begin on 1 January 2019; the first act comes 101 days later.",
        refs(IIS, 4, 9),
        systems=("AS64500 HOSTING <example>: 2 networks",),
    ),
    Intrusion("I2", at("2021-02-28T11:00:00"), None, (), (), (), (), (), (), (), ""),
)
ENTRY = (
    EntryFinding(
        "EX01",
        Outcome.SUCCESS,
        at("2019-04-12T02:14:07"),
        at("2021-03-01T03:40:00"),
        "I1",
        method="password",
        grounds=refs(IIS, 4, 9),
    ),
    EntryFinding("EX02", Outcome.ATTEMPT, at("2021-02-28T11:00:00"), None, None, "CVE-2021-26855"),
)
FOOTHOLD = (
    Foothold(
        "web shell",
        "EX01",
        "C:\\inetpub\\wwwroot\\aspnet_client\\e.aspx",
        at("2021-02-28T11:04:00"),
        FootholdState.REMOVED,
        "I2",
        "not in the inventory of 9 March 2021",
        refs(IIS, 401),
    ),
    Foothold("inbox rule", "EX02", "forward all to x@mail.example", None, FootholdState.UNKNOWN, None),
    Foothold("permission", "EX02", "svc-scan may read every mailbox", None, FootholdState.PRESENT, "I1"),
)
REACH = (
    ReachFinding("DC01", "directory", ReachVerdict.REACHED, WHOLE, "a sign-in from EX01", refs(IIS, 400)),
    ReachFinding("FILE02", "file", ReachVerdict.ATTEMPTED, MOST, "refused four times"),
    ReachFinding("VPN", "network", ReachVerdict.NO_SIGN, Coverage(17_519, 17_520, ("vpn",), "hours of 1 host")),
    ReachFinding("Register", "database", ReachVerdict.NOT_COVERED, None),
)
EVICTION = (
    EvictionCheck(
        "servers patched",
        CheckStatus.PASS,
        "build 15.1.2176.9 in the logs since 5 March 2021",
        extent=Extent(2, 2, "mail servers"),
        key="patched",
    ),
    EvictionCheck("passwords changed after last hostile use", CheckStatus.FAIL, "svc-scan: set in 2017", refs(EWS, 8)),
    EvictionCheck(
        "krbtgt changed twice",
        CheckStatus.UNKNOWN,
        "",
        extent=Extent(3, 0, "accounts"),
        looked=("directory/2021-04-02/users.csv, 2021-04-02 00:00:00 UTC (the day in its path)",),
        decides="two exports",
        export="Get-ADUser krbtgt",
        key="krbtgt",
    ),
)
COVERAGE = (
    CoverageRow(
        "EX01",
        "iis",
        at("2019-01-01T00:00:00"),
        at("2019-03-13T00:00:00"),
        1_320,
        240,
        360,
        12,
        24,
        12,
        (("no file is held for these hours", 360),),
    ),
    CoverageRow("EX01", "evtx/Security", None, None, 0, 0, 0, 0, 0, 24),
)
LEADS = (
    Lead(
        1,
        "a.peeters@ministry.example",
        f"203.0.113.0/24 {AGENT}",
        at("2019-04-12T02:14:07"),
        at("2021-03-01T03:40:00"),
        31.4159,
        (("agent", 8.25), ("hour", -0.5), ("network", 23.6659)),
        "I1",
        refs(IIS, 4),
        ("the owner travelled",),
        "AS64500 HOSTING <example>",
        4,
        25.831,
        0.02,
        (
            Explanation(
                "password",
                "a stolen password, used by somebody who reads",
                Side.HOSTILE,
                3.125,
                (Weight("the agent is nobody's ordinary one", 2.25, counted=True),),
                (Weight("seen on one day", -0.75, counted=False),),
                "ask the owner whether he was there",
            ),
            Explanation("travel", "a journey", Side.INNOCENT, -1.5, decides="the owner's travel record"),
            Explanation("venue", "a conference", Side.INNOCENT, -2.0),
        ),
        4.5,
        ("seen on one day", "the agent is nobody's ordinary one"),
    ),
    Lead(2, "staff00@ministry.example", "192.0.2.0/24", None, None, 12.0, (("network", 12.0),), by_chance=0.75),
)
RULES = (
    RuleOutcome(
        "6b1c",
        "Web shell in aspnet_client",
        "A. Author, B. Author",
        "DRL-1.1",
        "high",
        RuleStatus.RAN,
        "",
        12,
        700,
        3,
        "web/shell.yml",
        48_213,
    ),
    RuleOutcome(
        "6b1d", "Sign-in by PIM", "C. Author", "", "medium", RuleStatus.BLIND, "no source held has the field RoleName"
    ),
    RuleOutcome(
        "6b1e",
        "Mail export",
        "C. Author",
        "MIT",
        "",
        RuleStatus.PARTLY_BLIND,
        "evtx/MSExchange Management from EX01 only",
        1,
        0,
        2,
        blind_at=(
            BlindStretch("EX02", at("2021-03-01T00:00:00"), at("2021-03-09T00:00:00")),
            BlindStretch("", None, None),
        ),
        blind_at_total=2,
        hosts=("EX01",),
        hosts_total=1,
        hosts_without=("EX03",),
        hosts_without_total=1,
        blind_days=(
            BlindDays("EX01", date(2021, 3, 4), date(2021, 3, 6), BlindWhy.NOT_RECORDED, "not recorded: CommandLine"),
            BlindDays("", date(2021, 3, 9), date(2021, 3, 9), BlindWhy.NOT_HELD, "no record of Security is held"),
        ),
        blind_days_total=3,
    ),
    RuleOutcome("6b1f", "Odd aggregation", "D. Author", "MIT", "low", RuleStatus.UNSUPPORTED, "near"),
    RuleOutcome("", "", "", "", "", RuleStatus.INVALID, "no detection", path="web/broken.yml"),
)
HYPOTHESES = (
    Hypothesis(
        "H-owa-password",
        "Outlook on the web with the owner's password",
        Where.SERVERS,
        HypothesisVerdict.SEEN,
        "An intruder read mail in this way; the sources able to show it cover 93.4 % of the host-hours.",
        Told.CLIENT,
        MOST,
        (SourceView("iis", "every request with the account's name", MOST),),
        (Sign("I1 opened 5 mailboxes so, 41 sessions.", refs(IIS, 4, 9)), Sign("One lead came so.")),
        (),
        ("the owner's browser leaves the same records",),
        ("ask the owners",),
        ("T1078",),
    ),
    Hypothesis(
        "H-imap",
        "IMAP with the owner's password",
        Where.SERVERS,
        HypothesisVerdict.NO_SIGN,
        "No sign of it; the sources able to show it cover 93.4 % of the host-hours.",
        Told.CLIENT,
        MOST,
        (SourceView("imap4", "what was fetched", MOST),),
        (),
        (Sign("Nobody used this way in the logs held; coverage 93.4 %."),),
        (),
        (),
    ),
    Hypothesis(
        "H-file-copy",
        "A copy of the mailbox database",
        Where.SERVERS,
        HypothesisVerdict.NOT_COVERED,
        "Not covered: no source held could have shown it.",
        Told.NOTHING,
        NONE,
        (),
        (),
        (),
        ("no mail log has a line for it",),
        ("backup server: who restored what", "process events"),
    ),
)
MARKINGS = (
    MarkingEffect(
        Marking(
            "M1", MarkingKind.NETWORK, "203.0.113.0/24", MarkingVerdict.OURS, "VPN pool <b>of</b> the ministry", "a.uthor",
            at("2021-04-02T08:00:00"), from_utc=at("2021-01-01T00:00:00"),
        ),
        12, 3, 2, 1, ("I1",),
    ),
    MarkingEffect(
        Marking(
            "M3", MarkingKind.TIE, "192.0.2.0/24", MarkingVerdict.THEIRS, "the owner was away", "b.editor",
            at("2021-04-03T08:00:00"), agent="Chrome/72", account="x.ample@ministry.example",
        ),
        4, 0, makes="I-M3",
    ),
)  # fmt: skip
RESTING = (
    RestingRow(
        RestingTable.EVICTION, 0, (("status", "fail"), ("why", "set before")), ("S1: clock EX01=+90d, because: x",)
    ),
    RestingRow(RestingTable.INTRUSIONS, None, (("id", "I9"), ("accounts", "a | b")), ("M1: 192.0.2.0/24 is ours",)),
)
SETTINGS = (
    SettingEffect(
        Setting("S1", SettingKind.NETWORK, "192.0.2.0/24", "VPN <b>pool</b>", "a.uthor", at("2021-04-02T08:00:00")),
        "it speaks of 12 sessions", 12, 2, 1, 0, ("I1",),
    ),
    SettingEffect(
        Setting(
            "S2", SettingKind.ASN, "ip2asn.tsv.gz", "from the CERT", "b.editor", at("2021-04-03T08:00:00"),
            sha256="c" * 64, dated="2021-03-01 (by the file's last write)",
        ),
        "412 ranges",
    ),
)  # fmt: skip
INDICATORS = (
    IndicatorMet(
        "indicator:address:198.51.100.7",
        "gate (198.51.100.7)",
        42,
        (("before", 2), ("inside", 40)),
        ("iis", "ews"),
        at("2019-04-02T02:14:07"),
        at("2021-03-03T05:00:00"),
        (
            Naming("feed.csv", "17", "198[.]51[.]100[.]7", "gate", "amber", at("2021-01-06T00:00:00"), None),
            Naming("bundle.json", "indicator--1", "198.51.100.7", "", "", None, None),
        ),
    ),
    IndicatorMet(
        "indicator:domain:example",
        "domain example",
        1,
        (("no-window", 1),),
        ("iis",),
        None,
        None,
        (),
        ("names for examples",),
    ),
)
SUMMARY = Summary(
    "0.0.1",
    CaseFacts("Ministry of Examples", 2, 41_000_212, 12, at("2019-01-01T00:00:03"), at("2021-03-31T23:59:59")),
    ANSWERS,
    CLAIMS,
    MAILBOXES,
    INTRUSIONS,
    ENTRY,
    FOOTHOLD,
    REACH,
    EVICTION,
    COVERAGE,
    LEADS,
    RULES,
    (("analyst budget", "20 leads a week"), ("case.zone", "UTC")),
    HYPOTHESES,
    MARKINGS,
    (
        Learned(LearnedKind.NETWORK, "10.0.0.0/24", "an internal range; 120 accounts"),
        Learned(LearnedKind.SERVICE, "svc-backup@ministry.example", "opens 120 mailboxes of others"),
    ),
    INDICATORS,
    case_settings=SETTINGS,
    resting=RESTING,
    leads_expected_false=0.75,
    departures=(LEFT,),
    leads_budget=500,
)


def _days() -> tuple[CoverageDay, ...]:
    out = []
    for number in range(71):
        hours = (20, 4, 0, 0, 0, 0)
        if 20 <= number < 35:
            hours = (0, 0, 24, 0, 0, 0)
        elif number in {35, 36, 37, 38}:
            part = number - 33
            hours = (12, 0, *(12 if place == part else 0 for place in range(2, 6)))  # type: ignore[assignment]
        elif number in {40, 41, 42}:
            hours = (0, *(24 if place == number - 39 else 0 for place in range(1, 6)))  # type: ignore[assignment]
        elif number == 43:
            hours = (0, 24, 0, 0, 0, 0)
        out.append(CoverageDay("EX01", "iis", date(2019, 1, 1) + timedelta(number), hours, 500 if hours[0] else 0))
    out += [
        CoverageDay("EX01", "evtx/Security", date(2019, 1, 5), (0, 0, 0, 0, 0, 24), 0),
        CoverageDay("EX01", "evtx/Security", date(2019, 6, 5), (24, 0, 0, 0, 0, 0), 9),
    ]
    return tuple(out)


DAYS = _days()
EXTRAS = ReportExtras(
    (
        EvidenceFile(
            "logs.zip!W3SVC1/u_ex190412.log",
            IIS,
            812_004_112,
            "iis",
            41_000_000,
            12,
            at("2019-01-01T00:00:03"),
            at("2021-03-31T23:59:59"),
        ),
        EvidenceFile("EWS_2019041202-1.LOG", EWS, 4_112, "ews", 212, 0, at("2019-04-12T02:14:07"), None),
        EvidenceFile("notes.bin", "00" * 32, 12, None, None, None, None, None),
    ),
    (("custody log", "14 acts, chain intact"), ("head", "c4" * 32)),
    (("case.zone", "UTC"), ("hunt.rules", "")),
    {ref: RecordPlace("logs.zip!W3SVC1/u_ex190412.log", ref.record_no, "line") for ref in refs(IIS, 4, 9, 12, 77, 80)},
)


def filled(value: Any_, text: str) -> Any_:
    """Give the same case with `text` in every text field; enums, numbers and instants stay."""
    made: object = value
    if isinstance(value, Enum):
        made = value
    elif isinstance(value, str):
        made = text
    elif isinstance(value, tuple):
        made = tuple(filled(one, text) for one in value)
    elif isinstance(value, Mapping):
        made = {filled(key, text): filled(one, text) for key, one in value.items()}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        made = type(value)(**{one.name: filled(getattr(value, one.name), text) for one in dataclasses.fields(value)})
    return made  # type: ignore[return-value]
