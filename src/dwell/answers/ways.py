"""Coverage of a mailbox by way of access: a log of one protocol says nothing of an intruder who came by another.

    coverage of a mailbox = the least of the coverages of the ways that the organisation offered, on all mail servers, or
                            on the one that alone is seen to serve it where that is less
    coverage of a way     = host-hours in which a log able to show that way was held
                            ------------------------------------------------------
                                        host-hours of the mail servers

Ways on the servers are asked of every mail server: any front end may take a request for any mailbox. A way counts as
offered where a session of it is held, or a log that only this way writes. Whether the others were offered is not known,
and that is told. A mailbox that audit records speak of can be opened in the tenant as well: one way more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dwell.answers.phrases import listed, percent, whole_span
from dwell.answers.rights import RIGHTS, Rights, rights_of
from dwell.model.claims import Outcome
from dwell.model.coverage import Coverage
from dwell.model.hypotheses import Where
from dwell.model.instants import utc_us
from dwell.scope.cells import HOUR_US
from dwell.scope.exploits import Act
from dwell.scope.forgery import Forged
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import MAIL_SOURCES
from dwell.scope.modes import Mode, modes
from dwell.scope.rollup.ual import TENANT
from dwell.scope.unable import OPENING

__all__ = [
    "Ways", "by_way", "code_ran_on", "not_known", "served_by", "servers_of",
    "told_by_way", "ways_of", "writes_page",
]  # fmt: skip

SERVED = "; counted of the one server that is seen to serve it: "
NEVER = (
    "no record held says what was opened in it in the tenant (MailItemsAccessed): nothing shows that it is recorded, or "
    "that the export asked for it"
)
EXPORT, CMDLET = "export", "export by cmdlet"
"""The way that is open to whoever runs code on a mail server: its key in the table of modes, and its name."""
_WRITES = "EX-04"
"""Catalogue: CVE-2021-27065, by which a virtual directory's settings are written into a file that the caller names."""
ALL_HTTP = frozenset({"iis", "httpproxy"})
"""Logs of everything that comes by HTTP: that one is held says of no single way that it was offered."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The coverage of each way on the servers.

    Attributes:
        there: by way, in the order of the table of modes; empty where no mail server is known.
        unknown: ways of which no record shows whether they were offered.
        alone: the same of each server by itself, where there are several.
        shell: the coverage of cmdlets on the servers on which an intrusion ran code, from then on; None where it ran none.
        rights: how far it is known whether an intrusion took mail with the rights of accounts; None where it used none.
    """

    there: tuple[tuple[str, Coverage], ...]
    unknown: tuple[str, ...]
    alone: Mapping[str, tuple[tuple[str, Coverage], ...]] = field(default_factory=dict)
    shell: Coverage | None = None
    rights: Rights | None = None


def ways_of(case: Investigation) -> Ways:
    """Give the coverage of each way on the servers that the organisation offered."""
    hosts = case.ledger.servers() or [one for one in case.ledger.hosts(MAIL_SOURCES) if one != TENANT]
    found = [one for one in modes() if one.way and one.where is Where.SERVERS]
    if not hosts:
        return Ways((), ())
    spoken = _spoken(case)
    offered = [one for one in found if _offered(case, one, hosts, spoken)]
    # no session at all is held: what comes by HTTP is asked for all the same
    asked = offered or [one for one in found if set(one.able) & ALL_HTTP]
    there = _covered(case, asked, hosts)
    alone = {host: _covered(case, asked, [host]) for host in hosts} if len(hosts) > 1 else {}
    return Ways(there, tuple(one.way for one in found if one not in asked), alone, _by_shell(case), rights_of(case))


def _by_shell(case: Investigation) -> Coverage | None:
    """Give the coverage of mailboxes exported by cmdlet where an intrusion ran code on a server, since it first did.

    Whoever runs code on a mail server needs nobody's password: he exports mailboxes, and only the log of cmdlets tells.
    """
    since = code_ran_on(case)
    able = next(set(one.able) for one in modes() if one.key == EXPORT)
    parts = [
        case.ledger.coverage([host], able, hour, max(case.ledger.last_hour, hour + 1), "an export by cmdlet")
        for host, hour in sorted(since.items())
    ]
    if not parts:
        return None
    seen, asked = sum(one.hours_able for one in parts), sum(one.hours_asked for one in parts)
    why = (
        f"hours of {listed(sorted(since))} since an intrusion ran code there, or may have, in which a source able to show "
        f"an export by cmdlet was held: {seen} of {asked}"
    )
    return Coverage(seen, asked, tuple(sorted({source for one in parts for source in one.sources})), why)


def code_ran_on(case: Investigation) -> Mapping[str, int]:
    """Give the mail servers on which an intrusion ran code, or may have, with the hour from which on, hours since 1970.

    What ran there need meet no rule: a page that was written by a forged call is a web shell, and whoever logged on to the
    machine itself runs what he likes.
    """
    found: list[tuple[str, int]] = []
    for held in case.held:
        found += [
            (one.host, case.ledger.first_hour if one.first_utc is None else utc_us(one.first_utc) // HOUR_US)
            for one in held.traces
            if one.outcome is Outcome.POST_EXPLOITATION or writes_page(one)
        ]
        found += [(one.host, utc_us(one.at_utc) // HOUR_US) for one in held.forged if writes_page(one)]
    servers = set(case.ledger.servers())
    found += [
        (one.logon.host, utc_us(one.logon.first_utc) // HOUR_US)
        for one in case.hops
        if one.came and one.logon.host in servers
    ]
    return {host: min(hour for each, hour in found if each == host) for host, _ in found}


def writes_page(one: Act) -> bool:
    """Say whether an act wrote a page into a web folder: that is what the resetting of a virtual directory is for."""
    if isinstance(one, Forged):
        return one.outcome is Outcome.SUCCESS and not one.ews
    return one.catalogue == _WRITES and one.outcome.rank >= Outcome.SUCCESS.rank


def _covered(case: Investigation, asked: Sequence[Mode], hosts: Sequence[str]) -> tuple[tuple[str, Coverage], ...]:
    """Give the coverage of each of some ways on some servers."""
    return tuple(
        (
            one.way,
            case.ledger.coverage(
                hosts, set(one.able), *whole_span(case), f"the opening of a mailbox ({one.way})", act=one.key
            ),
        )
        for one in asked
    )


def servers_of(case: Investigation) -> Mapping[str, str]:
    """Give the mailboxes of which all sessions held are on one mail server, and that server, where there are several."""
    hosts, accesses = case.ledger.servers(), case.accesses
    if len(hosts) < 2:
        return {}
    code, names = accesses.texts("host")
    of_ours = np.array([*(one in hosts for one in names), False])
    rows = np.flatnonzero(accesses.ok & (accesses.mailbox >= 0) & of_ours[code])
    met = np.zeros((len(accesses.names), len(names)), np.bool_)
    met[accesses.mailbox[rows], code[rows]] = True
    alone = np.flatnonzero(met.sum(axis=1) == 1)
    return {accesses.names[one]: names[int(met[one].argmax())] for one in alone.tolist()}


def _spoken(case: Investigation) -> frozenset[str]:
    """Give the protocols of the sessions held."""
    codes = np.unique(case.accesses.protocol)
    return frozenset(case.accesses.protocols[one] for one in codes.tolist() if one >= 0)


def _offered(case: Investigation, mode: Mode, hosts: Sequence[str], spoken: Collection[str]) -> bool:
    alone = set(mode.able) - ALL_HTTP
    return bool(set(mode.protocols) & set(spoken)) or any(
        (host, one) in case.ledger.lines for host in hosts for one in alone
    )


def by_way(
    case: Investigation, ways: Ways, less: Collection[str] | None, *, recorded: bool, server: str | None = None
) -> Coverage:
    """Give the coverage of a mailbox: that of the least covered way, and in its words that of each.

    Args:
        case: what the records allow to be said.
        ways: the ways on the servers.
        less: lines of the tenant that hide acts on the mailbox; None where the mailbox is not known to be in the tenant.
        recorded: whether any record says what was opened in it there.
        server: the one server that is seen to serve it; None where several do, or none.
    """
    told, own = list(ways.there), ways.alone.get(server or "", ())
    # whoever comes by another server is seen there or not; the mailbox is no better watched than the server it lies on
    told = [min(one, mine, key=_share) for one, mine in zip(told, own, strict=True)] if own else told
    if less is not None:
        what = "the opening of a mailbox (Microsoft 365)"
        there = case.ledger.coverage([TENANT], {"ual"}, *whole_span(case), what, less, OPENING)
        told.append(("Microsoft 365", there if recorded else Coverage(0, there.hours_asked, (), f"{what}: {NEVER}")))
    if ways.shell is not None:
        told.append((CMDLET, ways.shell))
    if ways.rights is not None:
        told.append((RIGHTS, ways.rights.coverage))
    if not told:
        return case.ledger.coverage([], MAIL_SOURCES, *whole_span(case), "the opening of a mailbox")
    least, coverage = min(told, key=_share)
    each = ", ".join(f"{way} {percent(one)}" for way, one in told)
    why = f"{coverage.why}; by way of access: {each}" + (f"; the least covered is {least}" if len(told) > 1 else "")
    why += f"{SERVED}{server}" if own and (least, coverage) in own else ""
    return Coverage(coverage.hours_able, coverage.hours_asked, coverage.sources, why)


def _share(told: tuple[str, Coverage]) -> float:
    return -1.0 if told[1].share is None else told[1].share


def served_by(coverage: Coverage) -> str:
    """Give the server that a mailbox's coverage is of, where that is its own alone; "" where it is of all."""
    return coverage.why.partition(SERVED)[2]


def not_known(ways: Ways) -> list[str]:
    """Say of which ways no record shows whether they were offered."""
    if not ways.unknown:
        return []
    return [f"{listed(ways.unknown)}: no record of it is held, and none shows whether it was offered"]


def told_by_way(coverage: Coverage) -> str:
    """Give the coverage of each way in words; "" where it is of one kind of act only."""
    return coverage.why.partition("; by way of access: ")[2].partition(";")[0]
