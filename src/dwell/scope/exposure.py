"""Exposure: per mailbox, the strongest grade that the records of the intrusions bear out, and what it rests on.

`named` where a record names the messages; `downloaded` where it names a folder that was synchronised, or where a cmdlet
exported the mailbox or has its mail sent on; `read` where requests fetched messages without saying which; `listed` where
subjects and senders were shown; `opened` where requests were answered and say no more; `attempted` where all were refused;
`undeterminable` where an intruder signed in and no record says what was opened. One request may stand in several logs, and
in IIS on the front end and on the back end. Those that are joined by their id (`rollup.joins`) count once, with a record of
each log as grounds; of all others the log with the largest count is taken per day and protocol, and they are never
added up. Bytes come from one log a day and protocol, the front end's before the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.addresses import network
from dwell.model.claims import Grade
from dwell.model.instants import utc_from_us, utc_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.access import DAY_US, Accesses
from dwell.scope.forgery import EwsCall
from dwell.scope.identities import Identities
from dwell.scope.intrusions import Held
from dwell.scope.rollup.layers import BACK, FRONT, PROXY, TABLE_OF
from dwell.scope.rollup.protocols import act_of
from dwell.scope.rollup.shapes import ACTS, JOINED, Act
from dwell.scope.takings import ANY_MAILBOX, TakingKind
from dwell.scope.words import agent

__all__ = ["Exposed", "bytes_words", "exposures_of"]

_GRADES = {
    Act.NAMED: Grade.NAMED,
    Act.SYNCED: Grade.DOWNLOADED,
    Act.READ: Grade.READ,
    Act.LISTED: Grade.LISTED,
    Act.OPENED: Grade.OPENED,
}
_BYTES_FIRST = ("httpproxy", "iis", "ncsa", "ews", "imap4", "pop3", "ual")
"""The log whose bytes are taken: the front end knows what left for the client. Every log with bytes stands here."""
_BYTES_WORDS = {
    "httpproxy": "HttpProxy ResponseBytes",
    "iis": "IIS sc-bytes",
    "ncsa": "sc-bytes of the access log",
    "ews": "EWS ResponseSize",
    "imap4": "IMAP4 rpsize",
    "pop3": "POP3 rpsize",
    "ual": "SizeInBytes of the audit records",
}
_ONCE = ("", JOINED)
"""Stands for all logs together: the requests that are joined by their id."""
_SAME = {"rpc": "mapi"}
"""Outlook's two ways are counted as one: an audit record does not say which of them it was."""
_AUDITS = frozenset({"ual", "mailbox_audit", "signins"})
"""Logs that are exported, and so may be held twice."""
OWN_MAILBOX = "mailbox = authenticated user"
NO_BYTES = "no log held has bytes for these requests"
SIGNED_IN = "an intruder signed in with this account; no record held says what was opened"
ONE_EACH = "one message for each request that fetched any"
BEHIND = "the client's address is what the trusted hop wrote:"
MARKED_ONLY = "that it was an intruder is said by marking"
_TAKEN: Mapping[TakingKind, str] = {
    TakingKind.EXPORT: "exported to {}; no record says that the file was fetched",
    TakingKind.COPY: "copied to {}; no record says what of it was read there",
    TakingKind.LISTING: "a list of its messages was written to {}; no record says that it was read",
    TakingKind.FORWARDING: "sent on to {} as it came in; what lay there before is not shown to be taken",
}
"""What a grade rests on, by how mail was taken; kinds that name no mailbox have none."""


@dataclass(slots=True)
class Exposed:
    """What one intrusion did to one mailbox.

    Attributes:
        mailbox: the name it goes by.
        intrusion: the intrusion's id.
        acts: requests per act, no request counted twice.
        instants: every session's start and end.
        sessions: sessions that were answered.
        refused: sessions that were refused.
        sent: bytes by the log they come from.
        clients: clients in words.
        assumptions: what the grade rests on besides the records.
        grounds: records; the strongest first.
        messages: message ids that records name.
        folders: folders that records name.
        bytes_low: bytes by the log that has least, over days and protocols of which any log has bytes.
        bytes_high: likewise by the log that has most.
        unsized: days and protocols, or forged calls, of which no log has bytes.
        unnamed: how many more items a record counts than it names, by its instant and first message: a copy of it is the
            same record.
    """

    mailbox: str
    intrusion: str
    acts: dict[Act, int] = field(default_factory=dict)
    instants: list[datetime] = field(default_factory=list)
    sessions: int = 0
    refused: int = 0
    sent: dict[str, int] = field(default_factory=dict)
    clients: set[str] = field(default_factory=set)
    assumptions: set[str] = field(default_factory=set)
    grounds: list[tuple[int, RecordRef]] = field(default_factory=list)
    messages: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    bytes_low: int = 0
    bytes_high: int = 0
    unsized: int = 0
    unnamed: dict[tuple[int, str], int] = field(default_factory=dict)

    @property
    def grade(self) -> Grade:
        """Give the strongest grade that the records bear out."""
        if self.messages:
            return Grade.NAMED
        for act in sorted(self.acts, reverse=True):
            # what calls itself a read of named messages and names none is a read of some message
            if self.acts[act]:
                return Grade.READ if act is Act.NAMED else _GRADES[act]
        return Grade.UNDETERMINABLE if self.sessions else Grade.ATTEMPTED

    def references(self) -> tuple[RecordRef, ...]:
        """Give the records, those that bear the grade first."""
        return tuple(dict.fromkeys(ref for _, ref in sorted(self.grounds, key=lambda one: (-one[0], one[1]))))


def _sessions(held: Held, accesses: Accesses, out: dict[str, Exposed]) -> None:
    """Take the sessions of an intrusion."""
    names = ("table", "layer", "basis", "evidence_id", "record_no", "bytes", "via")
    picked = accesses.rows(held.rows, (*names, *ACTS))
    texts = {one: picked[one].to_pylist() for one in names}
    done = list(zip(*(picked[one].to_pylist() for one in ACTS), strict=True))
    copies = _copies(held.rows, accesses, texts["table"], texts["evidence_id"])
    layered = accesses.layers_of(held.rows)
    visits: dict[tuple[str, int, str], Counter[tuple[str, str]]] = {}
    counts: dict[tuple[str, int, str], dict[tuple[str, str], list[int]]] = {}
    sent: dict[tuple[str, int, str], dict[tuple[str, str], int]] = {}
    for place, row in enumerate(held.rows):
        mailbox = int(accesses.mailbox[row])
        if mailbox < 0 or row in copies:
            continue
        one = out.setdefault(accesses.names[mailbox], Exposed(accesses.names[mailbox], held.id))
        table = texts["table"][place]
        log = (table, texts["layer"][place])
        told = layered.get(row, ())
        one.instants += [utc_from_us(int(accesses.first[row])), utc_from_us(int(accesses.last[row]))]
        acts = done[place]
        protocol = accesses.protocols[int(accesses.protocol[row])]
        key = (one.mailbox, int(accesses.first[row]) // DAY_US, _SAME.get(protocol, protocol))
        held_counts = counts.setdefault(key, {}).setdefault(_ONCE if told else log, [0] * len(ACTS))
        for index, count in enumerate(acts):
            held_counts[index] += count
        sizes = {_log(one.layer): one.sent for one in told} or {log: texts["bytes"][place]}
        visits.setdefault(key, Counter()).update(sizes.keys())
        for each, size in sizes.items():
            if size is not None:
                known = sent.setdefault(key, {})
                known[each] = known.get(each, 0) + size
        if texts["basis"][place] == "assumed":
            one.assumptions.add(OWN_MAILBOX)
        if texts["via"][place] is not None:
            one.assumptions.add(f"{BEHIND} {texts['via'][place]}")
        lan, tool = int(accesses.network[row]), int(accesses.agent[row])
        one.clients.add(f"{accesses.networks[lan]} {accesses.agents[tool]}")
        strongest = max((index + 1 for index, count in enumerate(acts) if count), default=0)
        ref = RecordRef(table, EvidenceId(texts["evidence_id"][place]), texts["record_no"][place])
        one.grounds += [(strongest, each) for each in dict.fromkeys((ref, *(also.ref for also in told)))]
    for key, by_log in sorted(counts.items()):
        one = out[key[0]]
        once = by_log.pop(_ONCE, [0] * len(ACTS))
        for index, act in enumerate(Act):
            most = max((found[index] for found in by_log.values()), default=0)
            one.acts[act] = one.acts.get(act, 0) + once[index] + most
        one.sessions += max(visits[key].values())
    for (mailbox_name, _, _), logs in sorted(sent.items()):
        source = next(one for one in _BYTES_FIRST if any(table == one for table, _ in logs))
        held_bytes = out[mailbox_name].sent
        total = max(count for (table, _), count in logs.items() if table == source)
        held_bytes[source] = held_bytes.get(source, 0) + total
        out[mailbox_name].bytes_low += min(logs.values())
        out[mailbox_name].bytes_high += max(logs.values())
    for mailbox_name, _, _ in counts.keys() - sent.keys():
        out[mailbox_name].unsized += 1


def _log(layer: str) -> tuple[str, str]:
    """Give the log of a layer as sessions name it: its table, and which end of the server it is of."""
    return TABLE_OF[layer], FRONT if layer in {FRONT, PROXY} else BACK


def _copies(rows: Sequence[int], accesses: Accesses, tables: Sequence[str], evidence: Sequence[str]) -> set[int]:
    """Give the sessions of audit records that another export tells in the same words: they are no second access."""
    seen: dict[tuple[object, ...], str] = {}
    out: set[int] = set()
    words = ("table", "actor", "mailbox", "client", "agent", "protocol", "outcome", "requests", *ACTS)
    audited = [(row, told) for row, table, told in zip(rows, tables, evidence, strict=True) if table in _AUDITS]
    picked = accesses.rows([row for row, _ in audited], words).to_pylist()
    for (row, told), values in zip(audited, picked, strict=True):
        key = (int(accesses.first[row]), int(accesses.last[row]), *values.values())
        if seen.setdefault(key, told) != told:
            out.add(row)
    return out


def _refused(held: Held, accesses: Accesses, out: dict[str, Exposed]) -> None:
    """Take the sessions that were refused."""
    for row, ref in zip(held.refused, accesses.refs(held.refused), strict=True):
        mailbox = int(accesses.mailbox[row])
        if mailbox < 0:
            continue
        one = out.setdefault(accesses.names[mailbox], Exposed(accesses.names[mailbox], held.id))
        one.refused += 1
        one.instants += [utc_from_us(int(accesses.first[row])), utc_from_us(int(accesses.last[row]))]
        one.grounds.append((-1, ref))


def _forged(held: Held, calls: Mapping[str, EwsCall], identities: Identities, out: dict[str, Exposed]) -> None:
    """Take the calls to EWS that were forged through the front end."""
    for request in held.forged:
        call = calls.get(request.request_id) if request.ews else None
        label = identities.label(call.mailbox, utc_us(request.at_utc)) if call is not None else None
        if call is None or label is None:
            continue
        one = out.setdefault(label, Exposed(label, held.id))
        act = act_of(call.action)
        one.acts[act] = one.acts.get(act, 0) + 1
        one.sessions += 1
        one.instants.append(request.at_utc)
        if request.sent is not None:
            one.sent["httpproxy"] = one.sent.get("httpproxy", 0) + request.sent
        elif call.sent is not None:
            one.sent["ews"] = one.sent.get("ews", 0) + call.sent
        told = [size for size in (request.sent, call.sent) if size is not None]
        one.bytes_low += min(told, default=0)
        one.bytes_high += max(told, default=0)
        one.unsized += not told
        one.clients.add(f"{request.client or '(unknown address)'} {request.agent or ''}".strip())
        one.grounds += [(int(act), call.ground), (int(act), request.ground)]


def _messages(messages: pa.Table, held: Held, accesses: Accesses, names: Identities, out: dict[str, Exposed]) -> None:
    """Take the messages and folders that audit records name, where the record's client and account are the intruder's."""
    if not messages.num_rows or not held.pairs:
        return
    pairs = accesses.as_recorded(held.pairs)
    accounts = set(held.accounts)
    names_of = ("actor", "mailbox", "client", "agent", "message_id", "folder", "unnamed")
    texts = {one: messages[one].to_pylist() for one in names_of}
    rows = [
        row
        for row in range(messages.num_rows)
        if (network(texts["client"][row]), agent(texts["agent"][row])) in pairs
        and names.label(texts["actor"][row]) in accounts
    ]
    picked = messages.take(pa.array(rows, pa.int64()))
    times = pc.fill_null(picked["time_utc"].cast(pa.int64()), -1).to_pylist()
    refs = [
        RecordRef(one["table"], EvidenceId(one["evidence_id"]), one["record_no"])
        for one in picked.select(("table", "evidence_id", "record_no")).to_pylist()
    ]
    for row, at, ref in zip(rows, times, refs, strict=True):
        label = names.label(texts["mailbox"][row]) or names.label(texts["actor"][row])
        if label is None or (held.spans and not any(first <= at <= last for first, last in held.spans)):
            continue
        one = out.setdefault(label, Exposed(label, held.id))
        if at >= 0:
            one.instants.append(utc_from_us(at))
        named = texts["message_id"][row]
        if named is not None:
            one.messages.add(named)
            if texts["unnamed"][row]:
                one.unnamed[at, named] = max(texts["unnamed"][row], one.unnamed.get((at, named), 0))
        if texts["folder"][row] is not None:
            one.folders.add(texts["folder"][row])
        one.grounds.append((int(Act.NAMED if named is not None else Act.SYNCED), ref))


def _apps(held: Held, accesses: Accesses, out: dict[str, Exposed]) -> None:
    """Take what applications read that belong to the intrusion; what stands in its sessions is counted there."""
    pairs = accesses.as_recorded(held.pairs) if held.through else set()
    for app in held.apps:
        for read in app.reads:
            one = out.setdefault(read.mailbox, Exposed(read.mailbox, held.id))
            act = Act.SYNCED if read.folders else Act.NAMED
            counted = (network(read.client), agent(read.agent)) in pairs and read.account in held.accounts
            one.acts[act] = one.acts.get(act, 0) + (not counted)
            one.sessions += not counted
            one.messages |= set(read.messages)
            one.folders |= set(read.folders)
            if read.unnamed and read.messages:
                at = -1 if read.at_utc is None else utc_us(read.at_utc)
                key = (at, read.messages[0])
                one.unnamed[key] = max(read.unnamed, one.unnamed.get(key, 0))
            if read.at_utc is not None:
                one.instants.append(read.at_utc)
            one.clients.add(f"{read.client or '(unknown address)'} application {app.name}")
            one.unsized += 1
            one.assumptions.add(f"application {app.name} is the intruder's: {_tie(held, app.name)}")
            if app.by_name:
                one.assumptions.add(f"records of the application {app.name} are joined by its name, not by an id")
            one.grounds.append((int(act), read.ground))


def _takings(held: Held, out: dict[str, Exposed]) -> None:
    """Take what was exported, copied or is sent on, by cmdlets that are laid to the intrusion and say whose mail it is."""
    for taking in (each for each in held.takings if each.mailbox != ANY_MAILBOX):
        one = out.setdefault(taking.mailbox, Exposed(taking.mailbox, held.id))
        act = Act.LISTED if taking.kind is TakingKind.LISTING else Act.SYNCED
        one.acts[act] = one.acts.get(act, 0) + 1
        one.sessions += 1
        one.folders.add(taking.folder)
        one.instants.append(taking.at_utc)
        one.unsized += 1  # no log sizes what a cmdlet wrote to a file or had sent on
        one.clients.add(f"cmdlet on {taking.host} run by {taking.caller or 'nobody named'}")
        one.assumptions.add(_TAKEN[taking.kind].format(taking.where))
        one.grounds += [(int(act), ref) for ref in taking.grounds]


def _tie(held: Held, name: str) -> str:
    head = f"application {name}: "
    return next((one[len(head) :] for one in held.links if one.startswith(head)), "")


def exposures_of(
    held: Sequence[Held],
    accesses: Accesses,
    messages: pa.Table,
    calls: Mapping[str, EwsCall],
    identities: Identities,
) -> tuple[Exposed, ...]:
    """Give what every intrusion did to every mailbox, by mailbox, then intrusion.

    Args:
        held: the intrusions.
        accesses: all sessions.
        messages: rows in `rollup.shapes.MESSAGES`.
        calls: what the EWS log says of forged calls, by request id.
        identities: names.
    """
    out: list[Exposed] = []
    for one in held:
        found: dict[str, Exposed] = {}
        _sessions(one, accesses, found)
        _refused(one, accesses, found)
        _forged(one, calls, identities, found)
        _messages(messages, one, accesses, identities, found)
        _apps(one, accesses, found)
        _takings(one, found)
        for exposed in found.values():
            _assume(exposed)
            if one.marking:
                exposed.assumptions.add(f"{MARKED_ONLY} {one.marking} alone")
        out += found.values()
    return tuple(sorted(out, key=lambda one: (one.mailbox, one.intrusion)))


def _assume(one: Exposed) -> None:
    if not one.sent and any(one.acts.values()):
        one.assumptions.add(NO_BYTES)
    if one.grade is Grade.UNDETERMINABLE:
        one.assumptions.add(SIGNED_IN)
    if one.grade is Grade.READ:
        one.assumptions.add(ONE_EACH)


def bytes_words(sources: Iterable[str]) -> str:
    """Say which columns bytes come from."""
    return ", ".join(_BYTES_WORDS[one] for one in _BYTES_FIRST if one in set(sources))
