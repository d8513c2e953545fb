"""Mail of others that an intruder has sent on, exported or opened by right: a way to every mailbox, once he has accounts.

An account that may manage Exchange takes mail of anybody with a cmdlet, and needs nobody else's password. Whether an
account may is in no log. So the way is open to whoever used accounts, and an hour of a mail server is covered for it where

* the log of cmdlets is held, or
* the front end's web log is held, shows who comes to the doors of cmdlets (`scope.doors`), and has nobody there who may be
  the intruder.

The hours asked about are those from `NEAR_DAYS` before the first act of the intrusion until as long after its last: acts of
its accounts count for so long as well. An hour that is not covered can hold a rule that sends on the mail of all. So no
mailbox is without a sign where one is missing; where logs are held and were cut or changed, where a day or more is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from dwell.answers.phrases import count, listed, span, whole_span
from dwell.model.coverage import Coverage
from dwell.model.instants import utc_from_us, utc_us
from dwell.scope.address_ties import NEAR_DAYS
from dwell.scope.cells import ALTERED, CUT, HOUR_US, OFF
from dwell.scope.doors import CMDLETS, at_doors
from dwell.scope.intrusions import Held
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import MANAGEMENT
from dwell.scope.unable import FORGED

__all__ = ["RIGHTS", "Rights", "exploits_unseen", "rights_of"]

RIGHTS = "rules and rights by cmdlet"
"""The way, by its name."""
DARK_MAX = 24
"""Hours. Of logs that are held some are cut or changed by the stop of a server: less than a day of it decides nothing."""
ACCOUNTS_MAX = 3
VISITS_MAX = 3
EXPLOITS_NEAR = 48
"""Hours. Whoever exploits a server tries his calls again within a day or two."""
_IIS = "iis"
_EXPLOITS = "EX-"
"""Catalogue: what exploits a server; what is done there afterwards, or to hide it, has entries of its own."""
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rights:
    """How far it is known whether an intrusion took mail by cmdlet with the accounts that it used.

    Attributes:
        coverage: of the hours asked about, those of which it is known.
        open: why no mailbox is without a sign; empty where nothing leaves that open.
    """

    coverage: Coverage
    open: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Dark:
    """The hours of a server that are not covered.

    Attributes:
        first: the hour that the flags begin at, hours since 1970.
        asked: whether an hour is asked about.
        seen: whether it is covered.
        slight: whether a log that could have shown the doors is held of it, and was cut or changed.
        visits: the hours in which an intruder may have been at a door, and no log of cmdlets is held, with who it was.
    """

    first: int
    asked: Flags
    seen: Flags
    slight: Flags
    visits: Mapping[int, str]

    @property
    def dark(self) -> Flags:
        """Give the hours that are asked about and not covered."""
        return np.asarray(self.asked & ~self.seen)

    @property
    def decides(self) -> bool:
        """Say whether so much is dark that nobody is without a sign."""
        return bool((self.dark & ~self.slight).any()) or int(self.dark.sum()) >= DARK_MAX


def rights_of(case: Investigation) -> Rights | None:
    """Give how far the way is covered; None where no intrusion used accounts, or no mail server is known."""
    users = [one for one in case.held if one.accounts]
    hosts = case.ledger.servers()
    first, last = case.ledger.first_hour, case.ledger.last_hour
    if not users or not hosts or last <= first:
        return None
    asked = _asked(users, first, last)
    visits = _visits(case, users)
    each = {host: _of_server(case, host, asked, visits.get(host, {})) for host in hosts}
    seen, hours = (sum(int(one.sum()) for one in found) for found in _counted(each))
    sources = {MANAGEMENT, _IIS} & {source for host, source in case.ledger.lines if host in each}
    why = (
        f"hours of {listed(hosts)} around the acts of {listed([one.id for one in users])} in which the log of cmdlets was "
        f"held, or the web log that shows who came to remote PowerShell and the control panel: {seen} of {hours}"
    )
    coverage = Coverage(seen, hours, tuple(sorted(sources)) if seen else (), why)
    return Rights(coverage, _open(users, {host: one for host, one in each.items() if one.decides}))


def _counted(each: Mapping[str, _Dark]) -> tuple[list[Flags], list[Flags]]:
    return [one.asked & one.seen for one in each.values()], [one.asked for one in each.values()]


def _asked(users: Sequence[Held], first: int, last: int) -> Flags:
    """Say which hours are asked about: those near the acts of any of some intrusions."""
    out = np.zeros(last - first, np.bool_)
    near = timedelta(days=NEAR_DAYS)
    for one in users:
        low, high = (utc_us(at) // HOUR_US for at in (one.first_utc - near, one.last_utc + near))
        out[max(0, low - first) : max(0, high + 1 - first)] = True
    return out


def _visits(case: Investigation, users: Sequence[Held]) -> Mapping[str, Mapping[int, str]]:
    """Give by server the hours in which any of some intrusions may have been at a door, with who it was."""
    out: dict[str, dict[int, str]] = {}
    for one in users:
        names = case.identities
        for host, hours in at_doors(one, case.visits, case.accesses, names.label, names.is_system).items():
            out.setdefault(host, {}).update(hours)
    return out


def _of_server(case: Investigation, host: str, asked: Flags, visits: Mapping[int, str]) -> _Dark:
    """Give which hours of a server are covered."""
    first, last = case.ledger.first_hour, case.ledger.last_hour
    told, _ = case.ledger.seen(host, {MANAGEMENT}, first, last)
    doors, _ = case.ledger.seen(host, {_IIS}, first, last, act=CMDLETS)
    came = {hour: who for hour, who in visits.items() if first <= hour < last and not told[hour - first]}
    doors[np.array(sorted(came), np.int64) - first] = False
    line = case.ledger.lines.get((host, _IIS))
    slight = np.zeros(last - first, np.bool_)
    if line is not None:
        a, b = max(first, line.start), min(last, line.start + len(line.states))
        slight[a - first : b - first] = np.isin(line.states[a - line.start : b - line.start], (CUT, ALTERED, OFF))
    slight[np.array(sorted(came), np.int64) - first] = False
    return _Dark(first, asked, told | doors, slight, {hour: who for hour, who in came.items() if asked[hour - first]})


def _open(users: Sequence[Held], each: Mapping[str, _Dark]) -> tuple[str, ...]:
    """Say why nobody is without a sign."""
    if not each:
        return ()
    names = sorted({name for one in users for name in one.accounts})
    more = f" and {len(names) - ACCOUNTS_MAX} more accounts" if len(names) > ACCOUNTS_MAX else ""
    who = f"{listed([one.id for one in users])} used {', '.join(names[:ACCOUNTS_MAX])}{more}"
    out = []
    for host, one in sorted(each.items()):
        hours = np.flatnonzero(one.dark)
        when = span(*(utc_from_us((int(at) + one.first) * HOUR_US) for at in (hours[0], hours[-1] + 1)))
        out.append(
            f"{who}; whether mail of others was sent on, exported or opened by a right set with them is not known of "
            f"{count(len(hours), 'hour')} of {host}, {when}: no log of cmdlets is held of these, and no web log that shows "
            "that nobody of the intrusion came to remote PowerShell or the control panel"
        )
        out += [
            f"{came} was at remote PowerShell or the control panel of {host} within the hour from "
            f"{utc_from_us(hour * HOUR_US):%Y-%m-%d %H:%M} UTC, and no log of cmdlets is held of it"
            for hour, came in sorted(one.visits.items())[:VISITS_MAX]
        ]
    return tuple(out)


def exploits_unseen(case: Investigation) -> list[str]:
    """Say of which hours around the exploits of an intrusion no log is held that could show another of its calls.

    A call that is forged, or goes past the login, can open any mailbox; a web log or HttpProxy's shows that it was made.
    """
    out = []
    first, last = whole_span(case)
    for one in case.held:
        near = np.zeros(max(0, last - first), np.bool_)
        for hour in _exploits(one, case):
            near[max(0, hour - EXPLOITS_NEAR - first) : max(0, hour + EXPLOITS_NEAR + 1 - first)] = True
        for host in case.ledger.servers() if near.any() else ():
            web, _ = case.ledger.seen(host, {_IIS}, first, last)
            proxied, _ = case.ledger.seen(host, {"httpproxy"}, first, last, act=FORGED)
            missed = np.flatnonzero(near & ~(web | proxied))
            if len(missed):
                when = span(*(utc_from_us((first + int(at)) * HOUR_US) for at in (missed[0], missed[-1] + 1)))
                out.append(
                    f"{one.id} exploited servers; of {count(len(missed), 'hour')} of {host} near by, {when}, neither a web "
                    "log nor HttpProxy's is held: whether it made calls there that open any mailbox is not known"
                )
    return out


def _exploits(held: Held, case: Investigation) -> list[int]:
    """Give the hours of an intrusion's exploits, hours since 1970, in no order."""
    ours = case.marked.our_acts
    instants = [one.at_utc for one in held.forged if one not in ours]
    traces = [one for one in held.traces if one not in ours and one.catalogue.startswith(_EXPLOITS)]
    instants += [at for one in traces for at in (one.first_utc, one.last_utc) if at is not None]
    return [utc_us(at) // HOUR_US for at in instants]
