"""What can we not know: which logs are missing, cut, cleared, switched off, or silent by design?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.answers.book import Book
from dwell.answers.clocks import tell_clocks
from dwell.answers.departures import tell_doubts
from dwell.answers.lacking import tell_lacking
from dwell.answers.log_settings import tell_log_settings
from dwell.answers.mailboxes import (
    COPIES,
    UNTOLD,
    bodiless,
    called,
    confused,
    nameless,
    requests_confused,
    requests_untold,
    unresolved,
    untold,
)
from dwell.answers.marked import tell_all
from dwell.answers.phrases import count, instant, listed, percent, span, whole_span
from dwell.answers.settings import tell_settings
from dwell.answers.silences import tell_silences
from dwell.answers.unjudged import computers_elsewhere
from dwell.model.addresses import is_trusted
from dwell.model.blind_days import BlindDays, BlindWhy
from dwell.model.claims import (
    Answer,
    CaseFacts,
    Grade,
    Learned,
    LearnedKind,
    MailboxExposure,
    Question,
    RuleOutcome,
    RuleStatus,
)
from dwell.model.coverage import CellState
from dwell.model.power import Power
from dwell.scope.cells import OFF
from dwell.scope.doors import CMDLETS
from dwell.scope.gaps import Asked, gaps
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import MAIL_SOURCES, NO_HOST, SERVER_SOURCES
from dwell.scope.rollup.fold import users_of
from dwell.scope.unable import FORGED, OPENING, SHELL
from dwell.scope.unnamed import is_unnamed

__all__ = ["answer", "asked_of", "learned"]

STRETCHES_MAX = 12
MOSTLY = 0.5
NEEDED: dict[str, str] = {
    "iis": "who asked for what, years back",
    "httpproxy": "whose mailbox was addressed, bytes, forged requests, builds",
    "ews": "operations, impersonation, whose mailbox a forged call opened",
    "mapihttp": "what Outlook did inside a mailbox, operation by operation",
    "imap4": "what was fetched over IMAP (off unless switched on)",
    "pop3": "what was fetched over POP (off unless switched on)",
    "evtx/Security": "logons to the server and from it",
    "evtx/MSExchange Management": "every cmdlet: rules, permissions, exports, virtual directories",
}
"""Logs of a mail server that this version reads, and what only they can tell."""
ONE_PROTOCOL = frozenset({"ews", "mapihttp", "imap4", "pop3"})
"""Logs that show a mailbox being opened by one protocol only: held again, they would not bear a negative."""
WORDS = {
    CellState.MISSING: "no file is held",
    CellState.TRUNCATED: "the file is cut off",
    CellState.ALTERED: "the log is not as it was written",
    CellState.NOT_RECORDED: "nothing was recorded",
}


def _holes(case: Investigation, book: Book) -> None:
    """Say which stretches of the logs held are missing, cut, cleared or off, the longest first."""
    found = sorted(
        case.ledger.stretches(WORDS), key=lambda one: (-(one[4] - one[3]).total_seconds(), one[0], one[1], one[3])
    )
    lasting = [one for one in found if one[2] is not CellState.MISSING]
    shown = [*lasting[:STRETCHES_MAX], *[one for one in found if one[2] is CellState.MISSING][:STRETCHES_MAX]]
    for host, source, state, first, last, reason in shown:
        hours = int((last - first).total_seconds()) // 3600
        why = f" ({reason})" if reason and state is not CellState.MISSING else ""
        book.recorded(
            f"{host}, {source}: {WORDS[state]} for {count(hours, 'hour')}, {instant(first)} to {instant(last)}{why}.",
            (),
        )
    if len(found) > len(shown):
        book.recorded(
            f"{count(len(found) - len(shown), 'shorter stretch', 'shorter stretches')}: see the calendar.", ()
        )


def _local_times(case: Investigation, book: Book) -> None:
    """Say which instants rest on a zone that was given or assumed."""
    for one in case.local_times:
        told = f"{one.source} on {one.host or NO_HOST}, {count(one.records, 'record')}: {one.detail}."
        book.recorded(told, ()) if "as given" in one.detail else book.unknown(told)


def _two_formats(case: Investigation, book: Book) -> None:
    """Say which files hold another format as well, which was not read."""
    for one in case.two_formats[:STRETCHES_MAX]:
        more = f" (and {one.count - 1:,} more times)" if one.count > 1 else ""
        book.unknown(f"{one.path}: {one.detail}{more}. Lines of it are kept and are no records.")
    if rest := case.two_formats[STRETCHES_MAX:]:
        book.unknown(f"{count(len(rest), 'more file')} hold another format as well, of which no line was read.")


def _stray(case: Investigation, book: Book) -> None:
    """Say which records have instants that cannot be, or lie years away from the rest of their file."""
    for one in case.ledger.stray[:STRETCHES_MAX]:
        years = " to ".join(dict.fromkeys(str(_year(hour)) for hour in (one.first_hour, one.last_hour)))
        book.unknown(
            f"{one.source} on {one.host}: {count(one.records, 'record')} of one file {'is' if one.records == 1 else 'are'} "
            f"dated {years}, years away from all else there or beyond what can be. No hour counts as watched for it; "
            f"dwell search finds what is dated so."
        )
    rest = case.ledger.stray[STRETCHES_MAX:]
    if rest:
        book.unknown(f"{count(len(rest), 'more file')} with such records, {sum(one.records for one in rest):,} in all.")


def _year(hour: int) -> int:
    """Give the year of an hour since 1970, of any hour that a column of instants can hold."""
    return int(str(np.datetime64(hour, "h").astype("datetime64[Y]")))


def _trusted_hops(case: Investigation, book: Book) -> None:
    """Say which clients are known by the word of a hop that a person named."""
    sessions = pc.value_counts(case.accesses.rolled["via"].cast(pa.string()).drop_null()).to_pylist()
    for one in sorted(sessions, key=lambda row: str(row["values"])):
        book.recorded(
            f"The client of {count(one['counts'], 'session')} is read behind the trusted hop {one['values']}, as given: "
            "whoever can send from there can name any address.",
            (),
        )


def asked_of(case: Investigation, exposures: Sequence[MailboxExposure]) -> tuple[Asked, ...]:
    """Give the acts that the answers speak of on servers, each with how many statements rest on it."""
    servers = tuple(case.ledger.servers())
    # where no mailbox is known, or all are exposed, whose mail was read is still one statement
    open_ones = max(1, sum(one.grade in {Grade.NO_SIGN, Grade.UNDETERMINABLE} for one in exposures))
    each = (
        ("a forged request", {"httpproxy"}, FORGED),
        ("the use of a web shell", {"iis"}, SHELL),
        ("a change by cmdlet", {"evtx/MSExchange Management"}, ""),
        ("a logon", {"evtx/Security"}, ""),
    )
    alone = [
        Asked(f"{what} ({host})", (host,), frozenset(able), 1, act) for what, able, act in each for host in servers
    ]
    return (Asked("the opening of a mailbox", servers, SERVER_SOURCES, open_ones, OPENING), *alone)


def _ranked(case: Investigation, book: Book, exposures: Sequence[MailboxExposure]) -> set[tuple[str, str]]:
    """Tell the holes by what closing each would change; give those told."""
    sources = [one for one in NEEDED if one not in ONE_PROTOCOL]
    found = [one for one in gaps(case.ledger, asked_of(case, exposures), sources) if one.hours]
    for place, one in enumerate(found[:STRETCHES_MAX], 1):
        held = "is held at all" if one.hours == one.of_hours else f"is held for {one.hours:,} of {one.of_hours:,} hours"
        book.unknown(
            f"To close first, {place}: no {one.source} log of {one.host} {held}. Nothing else held shows, in these hours, "
            f"{listed(one.bears_on)}; worth {one.worth:.2f}. It tells {NEEDED[one.source]}."
        )
    return {(one.host, one.source) for one in found[:STRETCHES_MAX]}


def _copies(case: Investigation, book: Book) -> None:
    """Say which logs were copied or exported more than once, what counts twice for it, and which copies disagree."""
    if case.outgrown:
        book.recorded(
            f"{count(case.outgrown, 'file')} are earlier copies of logs that went on: what stands in several copies of a "
            "log is counted once.",
            (),
        )
    events, files = case.left_out
    if events:
        book.recorded(
            f"{count(events, 'event')} of {count(files, 'file')} stand in another copy or export of their event log as "
            "well: each is counted once, and dwell why names its other places.",
            (),
        )
    for one in case.doubled:
        book.unknown(f"{one.source} on {one.host or NO_HOST}: {one.detail}.")
    for odd in case.disagreements[:STRETCHES_MAX]:
        book.recorded(f"{odd.path}: {odd.detail}.", () if odd.ground is None else (odd.ground,))
    rest = case.disagreements[STRETCHES_MAX:]
    if rest:
        book.recorded(
            f"{count(sum(one.count for one in rest), 'record')} more contradict another of the same number, or the #Date "
            "line above them.",
            (),
        )


def _unable(case: Investigation, book: Book) -> None:
    """Say which logs are held and could not have shown what they are asked for."""
    told: dict[tuple[str, str, str], int] = {}
    used = any(one.accounts for one in case.held)
    for (host, table, act), line in sorted(case.ledger.unable.items()):
        if act == CMDLETS and not used:
            continue  # who came to the doors of cmdlets is asked where accounts were stolen
        key = (host, table, line.reason(OFF))
        told[key] = max(told.get(key, 0), int((line.states == OFF).sum()))
    for (host, table, why), hours in told.items():
        book.unknown(
            f"{host}: the {table} log is held for {count(hours, 'hour')} in which it shows nothing of this kind, whatever "
            f"happened: {why}."
        )


def _never_held(case: Investigation, book: Book, told: Collection[tuple[str, str]]) -> None:
    """Say which logs of the mail servers are not held at all, those apart that were told by their worth."""
    held = {(host, source) for host, source in case.ledger.lines}
    for host in case.ledger.servers():
        for source, tells in NEEDED.items():
            if (host, source) not in held and (host, source) not in told:
                book.unknown(f"{host}: no {source} log is held at all; only it tells {tells}.")
    _unnamed(case, book)
    _named_only(case, book)
    if "ual" not in case.tables:
        book.unknown("No Microsoft 365 audit export is held: if the organisation has a tenant, nothing is known of it.")
    if not case.identities.exported:
        book.unknown(
            "No directory export is held: names are as the logs write them, and mailboxes never used are not known."
        )
    elif case.identities.contradictions:
        shown = listed(sorted(set(case.identities.contradictions)))
        book.unknown(f"The directory exports contradict each other, and both are kept: {shown}.")
    passed = case.identities.passed_on()
    for one in passed[:STRETCHES_MAX]:
        book.unknown(
            f"A name had several accounts in turn, as directory exports show on their days: {one}. What logs say of it "
            "before the first is laid to the first, after the last to the last, in between to none. Whether these are "
            "different people the exports do not say."
        )
    if len(passed) > STRETCHES_MAX:
        book.unknown(f"{count(len(passed) - STRETCHES_MAX, 'name')} more had several accounts in turn.")
    tell_doubts(case, book)


def _unnamed(case: Investigation, book: Book) -> None:
    """Say which logs name no host, and what they are taken for."""
    found = sorted({host for host, _ in case.ledger.lines if is_unnamed(host)})
    remedy = "A folder with the server's name above its logs (EX01/inetpub/...), in a new case, puts it right"
    if len(found) == 1:
        book.unknown(
            "Host unknown: some logs name none, neither by path nor by content. They are taken for one host, and may be of "
            f"several. {remedy}."
        )
    elif found:
        book.unknown(
            f"Host unknown: logs in {len(found)} places name none, neither by path nor by content. Each place is taken for "
            f"a host of its own: {listed(found)}. If two of them are one server, each shows holes that the other fills. "
            f"{remedy}."
        )


def _named_only(case: Investigation, book: Book) -> None:
    """Say which mail servers are named of which no log of requests is held, and what that comes to."""
    counted = "Every statement about mailboxes counts its hours as not covered"
    remedy = "If it takes no clients, or is gone, say so: dwell settings set no-clients"
    servers = case.ledger.servers()
    unsaid = "No log of any mail server is held" if not servers else "A log that names no host may be of it"
    for one in case.named_servers[:STRETCHES_MAX]:
        what = f"{counted}. {remedy} {one.host} --reason …" if one.lowers else f"{unsaid}: it lowers no coverage"
        book.unknown(
            f"{one.host}: named as a mail server, and no log of requests of it is held; {one.why}. {what}.",
            [one.ground],
        )
    if rest := case.named_servers[STRETCHES_MAX:]:
        book.unknown(f"{count(len(rest), 'more mail server')} named so: {listed(sorted(one.host for one in rest))}.")


def _alike(case: Investigation, book: Book) -> None:
    """Say which hosts share a name, whether they are told apart, and whether audit records are of several tenants."""
    for host, why, names in case.alike.apart:
        book.inferred(
            f"Logs of hosts called {host} are of {len(names)} hosts, and each is one of its own: {listed(names)}; {why}.",
            (),
            None,
            ["one server whose logs were collected twice, and changed once, looks like two: each shows holes then"],
            on="namesakes",
        )
    for host, places in case.alike.unsure:
        book.unknown(
            f"Logs of hosts called {host} lie in {len(places)} places: {listed(places)}. Nothing shows that they are of "
            "several servers, and they are taken for one: if they are of two, each covers the other's holes."
        )
    if len(case.tenants) > 1:
        book.unknown(
            f"Audit records are of {len(case.tenants)} organisations ({listed(case.tenants)}), and are taken for one "
            "tenant's: an hour counts as covered where the records of one are held. A case for each puts it right."
        )


def _hidden(case: Investigation, book: Book) -> None:
    """Say where somebody cleared a log or switched recording off: what was there before may have been worth hiding."""
    for one in case.traces:
        if one.catalogue.startswith("AF-"):
            who = f" by {one.account}" if one.account else ""
            book.recorded(
                f"{one.title} on {one.host}{who}: {count(one.count, 'record')}, {span(one.first_utc, one.last_utc)}.",
                one.grounds,
                None,
                ["administrators do this too; who it was, and why, is for the reader to find out"],
            )


def _rules(case: Investigation, book: Book) -> None:
    """Say which rules could not run, by the reason."""
    blind = set(RuleStatus) - {RuleStatus.RAN}
    outcomes = case.hunted.outcomes
    reasons = Counter((one.status.value, one.reason) for one in outcomes if one.status in blind)
    ended = Counter(one.status for one in outcomes)
    others = ", ".join(f"{ended[one]:,} {one.value}" for one in RuleStatus if one in blind and ended[one])
    told = f"; {others}: each of these is listed with the reason." if others else "."
    book.recorded(f"{ended[RuleStatus.RAN]:,} of {count(len(outcomes), 'rule')} ran{told}", ())
    ranked = sorted(reasons.items(), key=lambda one: (-one[1], one[0]))
    for (status, reason), number in ranked[:STRETCHES_MAX]:
        book.unknown(f"{count(number, 'rule')} {status}: {reason}.")
    if rest := ranked[STRETCHES_MAX:]:
        more = count(sum(number for _, number in rest), "more rule")
        book.unknown(
            f"{more} blind, or could not run whole, for {count(len(rest), 'other reason')}: dwell hunt lists each."
        )
    dark = Counter((one.status.value, one.reason) for one in case.hunted.checks if one.status in blind)
    for (status, reason), number in sorted(dark.items(), key=lambda one: (-one[1], one[0])):
        book.unknown(f"{count(number, 'check')} of files and settings {status}: {reason}.")
    _unheld_days(outcomes, book)
    _one_sided(case.hunted.outcomes, "rule", "ran for {} only: of {} no record of the kind they look at", book)
    _one_sided(
        case.hunted.checks, "check", "of files and settings looked at {} only: of {} nothing of what they look at", book
    )


def _one_sided(outcomes: Sequence[RuleOutcome], noun: str, what: str, book: Book) -> None:
    """Say for which hosts rules or checks ran that found what they look at on some hosts only, the most of them first.

    Args:
        outcomes: what became of them.
        noun: what one is called.
        what: what they did, with places for those hosts and for the others.
        book: where it is written.
    """
    found: Counter[tuple[tuple[str, ...], int, tuple[str, ...], int]] = Counter(
        (one.hosts, one.hosts_total, one.hosts_without, one.hosts_without_total)
        for one in outcomes
        if one.hosts_without
    )
    if not found:
        return
    (hosts, held, without, lacking), number = min(found.items(), key=lambda one: (-one[1], one[0]))
    more = found.total() - number
    rest = f" So it is, with other hosts, for {count(more, noun)} more; dwell hunt -t json names them." if more else ""
    told = what.format(_hosts(hosts, held), _hosts(without, lacking))
    book.unknown(f"{count(number, noun)} {told} is held, and their silence says nothing of these.{rest}")


def _unheld_days(outcomes: Sequence[RuleOutcome], book: Book) -> None:
    """Say on which days rules that ran, or are partly blind, had no record to look at, the most of them first."""
    found: Counter[tuple[tuple[BlindDays, ...], int]] = Counter()
    for one in outcomes:
        days = tuple(each for each in one.blind_days if each.why is BlindWhy.NOT_HELD)
        if days:
            found[days, one.blind_days_total - len(one.blind_days)] += 1
    if not found:
        return
    (days, untold), number = min(found.items(), key=lambda one: (-one[1], one[0][0][0].span, one[0][1]))
    shown = [f"{one.span} ({one.what})" for one in days[:3]]
    left = len(days) + untold - len(shown)
    many = f"{listed(shown)} and {count(left, 'more stretch', 'more stretches')} of days" if left else listed(shown)
    more = found.total() - number
    rest = f" So it is, on other days, for {count(more, 'rule')} more; dwell hunt -t json names them." if more else ""
    book.unknown(
        f"{count(number, 'rule')} had nothing to look at on some days, and their silence says nothing of these: {many}."
        f"{rest}"
    )


def _hosts(names: Sequence[str], total: int) -> str:
    return listed(names) if total <= len(names) else f"{listed(names[:3])} and {total - 3:,} more"


def _system_outside(case: Investigation) -> list[str]:
    """Give accounts taken for the system's own that acted from outside: anybody can take such a name."""
    accesses = case.accesses
    rows = accesses.ok & accesses.system & ~accesses.internal & (accesses.network >= 0) & (accesses.account >= 0)
    return sorted({accesses.names[one] for one in set(accesses.account[rows].tolist())})


def _neighbours(case: Investigation, book: Book) -> None:
    """Say which clients foreign to several accounts are taken for people who live where they come from."""
    for one in case.clients.neighbours[:STRETCHES_MAX]:
        client = f"{case.accesses.networks[one.network]}, {case.accesses.agents[one.agent]}"
        if one.mailboxes:
            names = listed([case.accesses.names[code] for code in one.accounts])
            book.unknown(
                f"{client}: opened {count(len(one.mailboxes), 'mailbox', 'mailboxes')} as {names}, who lives on that "
                "network, and is taken for a new computer there. A thief on the same network looks the same; these "
                "mailboxes are not called exposed for it."
            )
            continue
        book.unknown(
            f"{client}: foreign to {count(len(one.accounts), 'account')}, which is no more than its share of those who are "
            "taken to live on that network. An intruder there, who comes to many on many days, looks the same; their "
            "mailboxes are not called exposed for it."
        )
    for one in case.clients.staying[:STRETCHES_MAX]:
        client = f"{case.accesses.networks[one.network]}, {case.accesses.agents[one.agent]}"
        book.unknown(
            f"{client}: {count(len(one.accounts), 'account')} come day after day with an agent that they have nowhere "
            "else, and are taken for people who live there or a new app. An intruder who comes every day looks the "
            "same; their mailboxes are undeterminable."
        )


def _by_design(case: Investigation, book: Book) -> None:
    """Say what no source held can show, whatever its coverage."""
    hosts = unresolved(case)
    if hosts:
        calls = nameless(case)
        book.unknown(
            f"Forged calls to {called(calls)} on {listed(hosts)} were answered, and no record says whose mailbox they "
            "opened.",
            [request.ground for request in calls],
        )
    past = confused(case)
    if past:
        text = requests_confused(past)
        book.unknown(f"{text[0].upper()}{text[1:]}.", [ref for _, one in past for ref in one.grounds])
    shaped = untold(case)
    if shaped:
        servers = listed(sorted({one.host for one in shaped}))
        book.unknown(
            f"{requests_untold(shaped)} to {servers} {UNTOLD}.",
            [ref for one in shaped for ref in one.grounds],
        )
    served = bodiless(case)
    if served:
        book.unknown(f"{listed(served)} opened mailboxes for an intruder, and no record held says whose.")
    if any(held.exploited for held in case.held):
        book.unknown(f"Code may have run on an exploited server: {COPIES}.")
    book.unknown(
        "An intruder who uses the owner's own password from the owner's own network with the owner's own agent leaves the "
        "same records as the owner; an owner's reads are never in the mailbox audit log of Exchange on premises."
    )
    strangers = _system_outside(case)
    if strangers:
        book.unknown(
            "Accounts of the system's own kind opened mail from outside addresses and were not judged: "
            f"{listed(strangers)}."
        )
    computers = computers_elsewhere(case)
    if computers:
        book.unknown(f"{computers[0].upper()}{computers[1:]}.")
    shared = [case.accesses.networks[one] for one in case.clients.shared]
    if shared:
        book.unknown(
            f"{count(len(shared), 'network')} in which clients cannot be told apart (internal, or used by a quarter of all "
            f"accounts) were not judged, or phones where these make it so: {listed(sorted(shared))}."
        )
    _neighbours(case, book)
    if case.services:
        told = [f"{name} ({number} mailboxes)" for name, number in sorted(case.services.items())]
        book.unknown(
            "Accounts that open mailboxes of others on rounds, or most of all mailboxes, are taken for services; what they "
            f"do so was not judged: {listed(told)}."
        )


def learned(case: Investigation) -> tuple[Learned, ...]:
    """Give the networks and accounts that are taken for the organisation's own and are not judged, by name."""
    accesses = case.accesses
    known = accesses.ok & (accesses.account >= 0) & (accesses.network >= 0)
    users = users_of(accesses.network[known], accesses.account[known], len(accesses.networks))
    out = []
    for one in case.clients.shared:
        named = is_trusted(accesses.networks[one].partition("/")[0])
        inside = accesses.within[one]
        why = "a trusted hop" if named else "an internal range" if inside else "used by a great part of all accounts"
        out.append(Learned(LearnedKind.NETWORK, accesses.networks[one], f"{why}; {count(int(users[one]), 'account')}"))
    for name, number in case.services.items():
        out.append(Learned(LearnedKind.SERVICE, name, f"opens {count(number, 'mailbox', 'mailboxes')} of others"))
    return tuple(sorted(out, key=lambda one: (one.kind, one.name)))


def _planted(planted: Power, book: Book) -> None:
    """Say how often planted intruders became an intrusion, and which of them mostly did not."""
    tried = [one for one in planted.rows if one.plantings]
    made_up = "planted sessions are made up: a real intruder may differ in ways that help or hide him"
    rests = f"judged with {listed([one.partition(':')[0] for one in planted.rests])}, as a person says"
    vips = f"each planting is on at least one of {count(planted.vips, 'VIP')}"
    for one in tried:
        low, high = one.intrusion_interval
        surely = " Such an intruder would mostly stay hidden." if high < MOSTLY else ""
        book.inferred(
            f"Planted in this case's own records, {one.title}: held for an intrusion {one.intrusions} of "
            f"{count(one.plantings, 'time')} (95 % interval {low:.0%} to {high:.0%}), at least a lead {one.found} times "
            f"({one.by_chance:.0%} by lot).{surely}",
            (),
            None,
            [made_up, *([rests] if planted.rests else []), *([vips] if planted.vips else [])],
            on="planted",
        )


def answer(
    case: Investigation,
    facts: CaseFacts,
    planted: Power | None = None,
    exposures: Sequence[MailboxExposure] = (),
) -> tuple[Answer, Book]:
    """Answer the question."""
    book = Book(Question.BLINDSPOTS)
    hosts = case.ledger.servers() or case.ledger.hosts(MAIL_SOURCES)
    coverage = case.ledger.coverage(hosts, MAIL_SOURCES, *whole_span(case), "the opening of a mailbox", act=OPENING)
    start = datetime.fromtimestamp(case.ledger.first_hour * 3600, UTC)
    if hosts and coverage.hours_able:
        book.recorded(f"Before {instant(start)} no mail log is held: nothing earlier can be said.", (), coverage)
    elif hosts:
        book.unknown("No mail log is held of any of the servers known: whose mail was opened cannot be said.")
    told = _ranked(case, book, exposures)
    _holes(case, book)
    _local_times(case, book)
    _two_formats(case, book)
    _stray(case, book)
    _trusted_hops(case, book)
    tell_clocks(case, book)
    _copies(case, book)
    _alike(case, book)
    _hidden(case, book)
    tell_lacking(case, book)
    tell_silences(case, book)
    tell_log_settings(case, book)
    _unable(case, book)
    _never_held(case, book, told)
    if facts.anomalies:
        book.recorded(
            f"{count(facts.anomalies, 'stretch', 'stretches')} of evidence could not be read; each is kept with its place.",
            (),
        )
    _rules(case, book)
    _by_design(case, book)
    if planted is not None:
        _planted(planted, book)
    tell_all(case, book)
    tell_settings(case, book)
    if not hosts:
        return book.answer("No mail log is held: whose mail was read cannot be known from this evidence."), book
    verdict = (
        f"Mail logs able to show the opening of a mailbox cover {percent(coverage)} of {coverage.hours_asked:,} "
        f"server-hours; {count(len(book.claims), 'limit')} told below."
    )
    return book.answer(verdict), book
