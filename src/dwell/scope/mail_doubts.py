"""Mailboxes that an intrusion may have taken mail of though no record says so: why none of them is without a sign.

* A rule of the organisation, or a content search, that is the intrusion's: whose mail it met is in no record.
* An act that may be the intrusion's: run with an account that it used, not in its minutes, or from an address that others
  have as well, or at which the account is not seen. The account's owner may have run it.
* A right on the mailbox, or on all, that an account of the intrusion's had, or that the intrusion gave to somebody: where
  logs name the account and not the mailbox, what it opened afterwards is taken for its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import numpy as np
import numpy.typing as npt

from dwell.model.instants import utc_from_us, utc_us
from dwell.scope.access import Accesses
from dwell.scope.address_ties import NEAR_DAYS
from dwell.scope.cells import HOUR_US
from dwell.scope.cmdlet_origins import Origin, Ran
from dwell.scope.cmdlets import short
from dwell.scope.exploits import NEAR
from dwell.scope.grants import ANYBODY, Grant
from dwell.scope.identities import Identities
from dwell.scope.intrusions import Held
from dwell.scope.rollup.ual import SIGN_IN, TENANT
from dwell.scope.taking_ties import Links
from dwell.scope.takings import ANY_MAILBOX, Taking, TakingKind
from dwell.scope.words import without_domain

__all__ = ["NONE", "Doubts", "doubts_of"]

REASONS_MAX = 5
Rows = npt.NDArray[np.int64]
_Time = tuple[datetime, datetime]
_WORDS: Mapping[TakingKind, str] = {
    TakingKind.EXPORT: "exported to {}",
    TakingKind.COPY: "copied to {}",
    TakingKind.LISTING: "listed to {}",
    TakingKind.SEARCH: "searched, and what was found exported or shown",
    TakingKind.FORWARDING: "set to be sent on to {}",
    TakingKind.FLOW: "set to be copied to {} as it comes in or goes out",
}


@dataclass(frozen=True, slots=True)
class Doubts:
    """Why mailboxes are not without a sign.

    Attributes:
        own: reasons by mailbox.
        everybody: reasons that hold for all mailboxes.
    """

    own: Mapping[str, tuple[str, ...]]
    everybody: tuple[str, ...] = ()

    def of(self, mailbox: str) -> tuple[str, ...]:
        """Give the reasons that hold for a mailbox."""
        return (*self.own.get(mailbox, ()), *self.everybody)


NONE = Doubts({})


def doubts_of(
    held: Sequence[Held],
    takings: Sequence[Taking],
    grants: Sequence[Grant],
    links: Links,
    identities: Identities,
    dark: Rows | None = None,
) -> Doubts:
    """Say of which mailboxes an intrusion may have taken mail though no record says so.

    Args:
        held: the intrusions.
        takings: mail taken by cmdlet, by whomever.
        grants: rights that were given, by whomever.
        links: what ties an act to an intrusion.
        identities: who is who.
        dark: hours since 1970, in order, in which a mail log that the case should have is not held: an intrusion may have
            begun in the first of them, or been there in the last.
    """
    accesses = links.accesses
    dark = np.zeros(0, np.int64) if dark is None else dark
    boxes = {
        *identities.mailboxes(),
        *(accesses.names[one] for one in np.unique(accesses.mailbox).tolist() if one >= 0),
    }
    bare: dict[str, tuple[str, ...]] = {}
    for name in sorted(boxes):
        bare[without_domain(name)] = (*bare.get(without_domain(name), ()), name)
    found: dict[str, dict[str, None]] = {}
    tied = {each.key for one in held for each in one.takings}
    nameless = _nameless(accesses) if grants and held else np.zeros(0, np.int64)
    for one in held:
        meant = _lasted(one, dark)
        reasons = (*_by_takings(one, takings, tied, links, meant), *_by_grants(one, grants, nameless, links, meant))
        for mailbox, why in reasons:
            # a name that no mailbox goes by can be that of any
            for whose in (mailbox,) if mailbox in boxes else bare.get(mailbox, (ANY_MAILBOX,)):
                found.setdefault(whose, {})[why] = None
    everybody = _some(found.pop(ANY_MAILBOX, {}))
    return Doubts({name: _some(texts) for name, texts in found.items()}, everybody)


def _some(texts: Mapping[str, None]) -> tuple[str, ...]:
    """Give the first of several reasons, and how many more there are: each stands with every mailbox that it holds for."""
    more = len(texts) - REASONS_MAX
    first = tuple(islice(texts, REASONS_MAX))
    return (*first, f"{more} more acts give reason to doubt as well") if more > 0 else first


def _lasted(held: Held, dark: Rows) -> _Time:
    """Give from when until when acts of the accounts that an intrusion used may be its own.

    What is missing may hold an act of it, so that it may have begun there, or have been there still.
    """
    first, last = held.first_utc, held.last_utc
    if len(dark):
        first = min(first, utc_from_us(int(dark[0]) * HOUR_US))
        last = max(last, utc_from_us((int(dark[-1]) + 1) * HOUR_US))
    return first - NEAR, last + timedelta(days=NEAR_DAYS)


def _by_takings(
    held: Held, takings: Sequence[Taking], tied: Iterable[object], links: Links, meant: _Time
) -> Iterable[tuple[str, str]]:
    """Give whose mail an intrusion's cmdlets may have taken, and why."""
    for one in held.takings:
        if one.mailbox == ANY_MAILBOX:
            yield ANY_MAILBOX, f"{_taken(one)} by {held.id}; no record says whose mail that was"
    for one in takings:
        why = _maybe(held, one, links, meant) if one.key not in tied else ""
        if why:
            yield one.mailbox, f"{_taken(one)} by {one.account or one.caller or 'nobody named'}; {why}"


def _taken(one: Taking) -> str:
    """Say what was done to mail, and when."""
    only = f" (only what meets {one.part})" if one.part else ""
    done = _WORDS[one.kind].format(one.where)
    return f"mail was {done}{only} at {one.at_utc:%Y-%m-%d %H:%M} UTC"


def _maybe(held: Held, one: Ran, links: Links, meant: _Time) -> str:
    """Say why an act that is not tied to an intrusion may be its doing; "" where nothing says so."""
    origin = links.origins.of(held, one)
    if origin in {Origin.OWN, Origin.MAYBE}:
        return f"it was run from {one.client}, from where {held.id} came, and others may have"
    used = one.account in held.accounts or _may_be(held, one, links)
    if not used or not meant[0] <= one.at_utc <= meant[1] or origin is Origin.OTHER:
        return ""
    if origin is Origin.STRANGE:
        return (
            f"it was run from {one.client}, where that account is not seen else; {held.id} used it: whether the act was "
            "its own or the owner's, no record says"
        )
    return f"{held.id} used that account: whether the act was its own or the owner's, no record says"


def _may_be(held: Held, one: Ran, links: Links) -> bool:
    """Say whether whoever ran an act, and has no session by that name, may be an account that an intrusion used.

    Exchange writes who ran a cmdlet by his place in the directory: without an export of it nothing says which account that
    is. With one he is another, unless his name is an account's without its domain.
    """
    name = one.account or short(one.caller or "")
    return bool(name) and not links.is_system(name) and name not in links.people and _unknown(held, name, links)


def _unknown(held: Held, name: str, links: Links) -> bool:
    """Say whether a name that is nobody's may be that of an account which an intrusion used."""
    alike = without_domain(short(name)) in {without_domain(each) for each in held.accounts}
    return alike or not links.listed


def _nameless(accesses: Accesses) -> Rows:
    """Give the sessions that were answered and of which no log says whose mailbox they opened; a sign-in opens none."""
    signed = np.array([one == SIGN_IN for one in accesses.protocols] or [False])[accesses.protocol]
    signed |= accesses.having("table", "signins")
    return np.flatnonzero(accesses.ok & ~signed & accesses.having("basis", "assumed") & (accesses.account >= 0))


def _by_grants(
    held: Held, grants: Sequence[Grant], nameless: Rows, links: Links, meant: _Time
) -> Iterable[tuple[str, str]]:
    """Give which mailboxes an intrusion may have opened by a right, and why."""
    if not len(nameless):
        return
    accesses = links.accesses
    cloud = accesses.having("table", "ual")[nameless]
    own = np.isin(nameless, np.array(held.rows, np.int64))
    # by whether it is the tenant, and by account, the last one of all
    anybody = [_latest(nameless[cloud == there], accesses) for there in (False, True)]
    mine = [_latest(nameless[own & (cloud == there)], accesses) for there in (False, True)]
    places = links.people
    for one in grants:
        tied = links.tie(held, one)
        given = tied or _maybe(held, one, links, meant)
        unknown = one.to not in places and _unknown(held, one.to, links)
        if not given and not (one.whole and (unknown or one.to in held.accounts)):
            continue
        # whom the intrusion itself gave a right may be the intruder wherever he comes from
        latest = (anybody if tied and one.to != ANYBODY else mine)[one.host == TENANT]
        last = int(latest.max()) if unknown or one.to == ANYBODY else int(latest[places.get(one.to, -1)])
        if last >= utc_us(one.at_utc):
            yield one.mailbox, _opened(one, held, given)


def _latest(rows: Rows, accesses: Accesses) -> Rows:
    """Give by account the end of its last session among some, microseconds since 1970; one more place for nobody's."""
    out = np.full(len(accesses.names) + 1, -1, np.int64)
    np.maximum.at(out, accesses.account[rows], accesses.last[rows])
    return out


def _opened(one: Grant, held: Held, given: str) -> str:
    """Say which right may have opened a mailbox."""
    who, giver = one.to or "a group, or everybody,", one.account or one.caller or "nobody named"
    why = f" ({held.id}: {given})" if given else ""
    return (
        f"{who} was given {one.what} by {giver} at {one.at_utc:%Y-%m-%d %H:%M} UTC{why}; the records of what {held.id} may "
        "have opened by it afterwards name no mailbox"
    )
